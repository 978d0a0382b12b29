#!/bin/bash
# How fast a file is analysed: tsmon with all its indicators, beside cat and what Debian has: tstools' tsreport, ffprobe
# that counts packets, GStreamer's tsparse. Then what a live service costs.
#
#   tests/bench/watch.sh [BUILD-DIRECTORY [FILE.ts...]]       (default: build/release, and two files made here: one
#                                                              service, and a multiplex of eight)
#
# All read from the page cache. Seconds of CPU (of all threads) and of the clock, each the median of ROUNDS (default 5),
# GB/s by the clock, and the ratio to cat. Fails if tsmon analyses less than 1 GB in a second of CPU, or takes more than
# 1 % of a core for a live service of 8 Mb/s. SIZE (bytes), DURATION (seconds, of the live part) and DISK (a directory)
# change the task.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
shift || true
files=()
for file in "$@"; do files+=("$(realpath "$file")"); done
rounds=${ROUNDS:-5} size=${SIZE:-1000000192} duration=${DURATION:-30} disk=${DISK:-${TMPDIR:-/tmp}}

if [ -z "${WATCH_INSIDE:-}" ]; then
  cmake --build "$build" --target tsmon tsplayout >/dev/null
  WATCH_INSIDE=yes exec "$source/tests/cli/isolate" "$0" "$build" "${files[@]}"
fi
tsmon=$build/bin/tsmon tsplayout=$build/bin/tsplayout

work=$(mktemp -d "$disk/watch.XXXXXX")
pids=()
finish() {
  [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

# repeated FILE OUTPUT: played again and again as one stream, SIZE bytes of it.
repeated() { "$tsplayout" --quiet --loop "$1" --output - 2>/dev/null | head -c "$size" >"$2" || true; }

make_files() {
  local maps=() programs=() i
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=1280x720:rate=50 -f lavfi -i anoisesrc -t 20 -c:v libx264 \
    -preset ultrafast -x264-params nal-hrd=cbr:force-cfr=1 -b:v 6M -minrate 6M -maxrate 6M -bufsize 6M -g 50 -c:a mp2 \
    -b:a 192k -muxrate 8M -pcr_period 30 -f mpegts one.ts
  for ((i = 0; i < 8; i++)); do
    maps+=(-map 0:v -map 0:a)
    programs+=(-program "program_num=$((i + 257)):title=Service:st=$((2 * i)):st=$((2 * i + 1))")
  done
  ffmpeg -v error -nostdin -i one.ts "${maps[@]}" -c copy "${programs[@]}" -f mpegts -pcr_period 30 -muxrate 60M eight.ts
  repeated one.ts service.ts
  repeated eight.ts multiplex.ts
  files=("$work/service.ts" "$work/multiplex.ts")
}

by_cat() { cat "$1" >/dev/null; }
by_tsmon() { "$tsmon" --quiet --report /dev/null "$1"; }
by_tsreport() { tsreport -q "$1" >/dev/null 2>&1; }
by_ffprobe() { ffprobe -v quiet -count_packets -show_streams "$1" >/dev/null; }
by_tsparse() { gst-launch-1.0 -q filesrc location="$1" blocksize=1316000 ! tsparse ! fakesink >/dev/null 2>&1; }

# timed NAME FILE: appends "CPU WALL" in seconds to NAME.times.
timed() {
  local before after
  before="$(cpu_of_children) $EPOCHREALTIME"
  ("by_$1" "$2")
  after="$(cpu_of_children) $EPOCHREALTIME"
  awk -v b="$before" -v a="$after" 'BEGIN { split(b, x); split(a, y); print y[1] - x[1], y[2] - x[2] }' >>"$1.times"
}
# Of those that have ended and been waited for, in seconds.
cpu_of_children() {
  local fields
  read -r -a fields <<<"$(sed 's/.*) //' "/proc/$$/stat")"
  awk -v ticks="$((fields[13] + fields[14]))" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f", ticks / hz }'
}
median() { sort -n -k "$2,$2" "$1.times" | awk -v f="$2" '{ v[NR] = $f } END { print v[int((NR + 1) / 2)] }'; }

[ "${#files[@]}" -gt 0 ] || make_files
tools=(cat tsmon tsreport ffprobe)
command -v gst-launch-1.0 >/dev/null && gst-inspect-1.0 tsparse >/dev/null 2>&1 && tools+=(tsparse)

failed=0
for file in "${files[@]}"; do
  cat "$file" >/dev/null
  rm -f ./*.times
  for ((round = 0; round < rounds; round++)); do
    for tool in "${tools[@]}"; do timed "$tool" "$file" || true; done
  done
  bytes=$(stat -c %s "$file")
  printf '%s, %d MB, %d rounds\n' "$(basename "$file" .ts)" $((bytes / 1000000)) "$rounds"
  cat_wall=$(median cat 2)
  for tool in "${tools[@]}"; do
    awk -v t="$tool" -v c="$(median "$tool" 1)" -v w="$(median "$tool" 2)" -v k="$cat_wall" -v b="$bytes" 'BEGIN {
      printf "%-9s %7.2f s CPU %7.2f s %7.2f GB/s %7.2f of cat'"'"'s time\n", t, c, w, b / 1e9 / w, w / k }'
  done
  awk -v c="$(median tsmon 1)" -v b="$bytes" 'BEGIN { exit b / 1e9 / c < 1 }' || failed=1
done

# Live: the scheduler's own count to the nanosecond.
ns_of() { cat "/proc/$1"/task/*/schedstat | awk '{ s += $1 } END { print s }'; }
"$tsmon" --quiet --report /dev/null udp://239.1.0.1:5000,iface=lo &
watcher=$!
"$tsplayout" --quiet --loop "${files[0]}" --output udp://239.1.0.1:5000,iface=lo &
pids=("$watcher" "$!")
sleep 2
before=$(ns_of "$watcher")
sleep "$duration"
after=$(ns_of "$watcher")
awk -v ns="$((after - before))" -v s="$duration" 'BEGIN {
  printf "live, one service of 8 Mb/s: %.2f %% of a core\n", ns / 1e7 / s; exit ns / 1e7 / s > 1 }' || failed=1
exit "$failed"
