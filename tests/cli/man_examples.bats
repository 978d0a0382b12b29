#!/usr/bin/env bats
# Every example of the man pages, run as it stands.
#
# They run where what they name exists: films and a multiplex in the working directory, multicast groups and listeners
# that send it, recordings under /srv/rec, the interface eth1. What would run for ever is asked to end after a moment.

load support

setup_file() {
  mount -t tmpfs none /srv
  mkdir -p /srv/rec /srv/vod
  mount -t tmpfs none /var/lib
  mkdir -p /var/lib/prometheus/node-exporter
  ip link add eth1 type veth peer name eth1-peer
  ip link set eth1 up
  ip link set eth1-peer up
  ip address add 192.0.2.1/24 dev eth1

  # Two services: pictures, sound and a second sound.
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440 \
    -t 12 -map 0:v -map 1:a -map 1:a -map 0:v -map 1:a -c:v mpeg2video -g 12 -b:v 600k -c:a mp2 -b:a 64k -f mpegts \
    -muxrate 3M -program program_num=257:title=One:st=0:st=1:st=2 -program program_num=258:title=Two:st=3:st=4 \
    "$BATS_FILE_TMPDIR/mux.ts"
  ffmpeg -v error -nostdin -i "$BATS_FILE_TMPDIR/mux.ts" -map 0:p:257 -c copy -f mpegts -muxrate 2M "$BATS_FILE_TMPDIR/film.ts"
}

stop_feeding() {
  [ -f "$BATS_FILE_TMPDIR/pids" ] || return 0
  xargs kill -KILL <"$BATS_FILE_TMPDIR/pids" 2>/dev/null || true
  rm "$BATS_FILE_TMPDIR/pids"
}

teardown_file() {
  stop_feeding
}

# The tools as the examples call them: each says how it ended, whatever the pipeline makes of it.
make_witnesses() {
  mkdir -p bin
  local tool
  for tool in $HEADEND_TOOLS; do
    # shellcheck disable=SC2016
    printf '#!/bin/bash\ntrap : TERM\n"%s" "$@"\nstatus=$?\necho "%s $status" >> "%s"\nexit $status\n' \
      "$(command -v "$tool")" "$tool" "$PWD/ended" >"bin/$tool"
    chmod +x "bin/$tool"
  done
}

# Sends the multiplex for ever to each group that the example names, whether it is read or written there.
feed_groups() {
  local endpoint interface
  while IFS=' ' read -r endpoint interface; do
    tsplayout --quiet --loop "$BATS_FILE_TMPDIR/mux.ts" --output "$endpoint,iface=${interface:-lo}" 2>/dev/null 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/pids"
    disown # ended without a word
  done < <(tr ' ' '\n' <<<"$1" | sort -u |
    sed -nE 's#^(.*=)?((udp|rtp)://)([0-9.]+@)?((232|239)[0-9.]+:[0-9]+)(.*,iface=([a-z0-9]+))?.*#\2\5 \8#p')
}

# A recording of a few seconds, made as a recorder makes it.
record() {
  [ ! -d "$1" ] || return 0
  tsplayout --quiet --loop "$BATS_FILE_TMPDIR/film.ts" --output udp://239.255.0.1:4999,iface=lo 2>/dev/null 3>&- &
  local player=$!
  disown
  timeout --preserve-status -s TERM 5 tscircrec --quiet --keep 1h udp://239.255.0.1:4999,iface=lo "$1" 3>&-
  kill "$player"
}

# 0 done, 3 a part is missing. A date at which nothing was recorded here is no fault of the example.
ended_well() {
  local tool status date='[ T][012][0-9]:[0-5][0-9]|now-'
  while read -r tool status; do
    case $status in
      0 | 3) ;;
      1) [[ $1 =~ $date ]] || return 1 ;;
      *) return 1 ;;
    esac
  done <ended
  [ -s ended ]
}

run_examples() {
  local tool=$1 example number=0 failures=0
  while read -r example; do
    number=$((number + 1))
    mkdir "$BATS_TEST_TMPDIR/$number"
    cd "$BATS_TEST_TMPDIR/$number" || return 1
    cp "$BATS_FILE_TMPDIR/mux.ts" "$BATS_FILE_TMPDIR/film.ts" .
    cp film.ts news.ts
    cp film.ts slate.ts
    make_witnesses
    feed_groups "$example"
    if [[ $tool != tscircrec && $example =~ /srv/rec/[a-z0-9]+ ]]; then record "${BASH_REMATCH[0]}"; fi
    # The shell stays until the tools have ended.
    PATH=$PWD/bin:$PATH timeout -s TERM -k 10 4 bash -c "trap : TERM; $example" >out 2>err 3>&- || true
    stop_feeding
    if ! ended_well "$example"; then
      echo "failed: $example" >&2
      cat ended err >&2
      failures=$((failures + 1))
    fi
  done < <("$HEADEND_SOURCE/tests/cli/examples_of" "$HEADEND_SOURCE/man/$tool.1")
  [ "$number" -ge 2 ] && [ "$failures" -eq 0 ]
}

@test "examples of dvbrecv(1)" {
  run_examples dvbrecv
}

@test "examples of tscircrec(1)" {
  run_examples tscircrec
}

@test "examples of tscut(1)" {
  run_examples tscut
}

@test "examples of tsmon(1)" {
  run_examples tsmon
}

@test "examples of tsplayout(1)" {
  run_examples tsplayout
}

@test "examples of tsmux(1)" {
  run_examples tsmux
}
