# What the command line tests share. A test file begins with: load support
#
# Each file runs in a network namespace of its own (tests/cli/isolate), each test in a directory of its own, with the
# tools that were just built first in PATH.

bats_require_minimum_version 1.8.0

: "${HEADEND_SOURCE:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  export TZ=UTC LC_ALL=C.UTF-8
}

# What the test left running ends with it.
teardown() {
  local pids
  pids=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
}

# Prints the path of a capture; skips the test, aloud, where the captures are not. In $(capture ...) it cannot skip: a
# test calls it on its own first.
capture() {
  local folder=${HEADEND_STREAMS:-$HEADEND_SOURCE/../shared/streams}
  [ -f "$folder/$1" ] || skip "no capture $1 (set HEADEND_STREAMS)"
  printf '%s\n' "$folder/$1"
}

# wait_until COMMAND...: runs it over and over until it succeeds, for 20 seconds at most.
wait_until() {
  local deadline=$((SECONDS + 20))
  until "$@"; do
    if ((SECONDS > deadline)); then
      echo "never came true: $*" >&2
      return 1
    fi
    sleep 0.02
  done
}

# has_socket PORT: a UDP socket of this namespace is bound to it.
has_socket() {
  [ -n "$(ss -H -u -a -n "sport = :$1")" ]
}
