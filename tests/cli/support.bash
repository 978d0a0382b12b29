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

# hear_watchdog: plays the service manager, with a watchdog of 100 ms; what it hears is in the file heard.
hear_watchdog() {
  export NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=100000
  python3 -c 'import socket
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("notify")
while True:
    message = manager.recv(4096)
    with open("heard", "ab") as heard:
        heard.write(message + b"\n")' 3>&- &
  wait_until test -S notify
}

# heard COUNT: so many signs of life.
heard() {
  [ "$(grep -c '^WATCHDOG=1$' heard)" -ge "$1" ]
}

# slow_stream FILE: 20 seconds of sound at 100 kb/s, so that a batch of packets takes seconds to send.
slow_stream() {
  ffmpeg -nostdin -v error -f lavfi -i sine=frequency=440 -t 20 -c:a mp2 -b:a 32k -ac 1 -muxrate 100k -f mpegts "$1"
}

# has_socket PORT: a UDP socket of this namespace is bound to it.
has_socket() {
  [ -n "$(ss -H -u -a -n "sport = :$1")" ]
}
