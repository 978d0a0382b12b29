#!/bin/bash
# How evenly datagrams leave: tsplayout and multicat at once, the same constant-rate file, each to a group of its own.
#
#   tests/bench/spacing.sh [BUILD-DIRECTORY [FILE.ts PCR-PID]]        (default: build/release, and a file made here)
#
# The spacing of datagrams at the receiver, by the kernel's time stamps, against that of the PCRs, in microseconds: p50,
# p99, p99.9 and the largest of all runs together, and the ratios. Fails unless the last three are below multicat's.
# RUNS and DURATION (seconds of each run) change the task; REALTIME=yes runs both with a real-time priority. The network
# is a namespace of its own.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
file=${2:+$(realpath "$2")} pid=${3:-256}
runs=${RUNS:-3} duration=${DURATION:-20}

if [ -z "${SPACING_INSIDE:-}" ]; then
  cmake --build "$build" --target tsplayout spacing >/dev/null
  SPACING_INSIDE=yes exec "$source/tests/cli/isolate" "$0" "$build" ${file:+"$file" "$pid"}
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/spacing.XXXXXX")
senders=()
finish() {
  [ "${#senders[@]}" -eq 0 ] || kill -KILL "${senders[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# 8 Mb/s, with a PCR every 20 ms.
make_file() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=720x576:rate=25 -f lavfi -i sine=frequency=440 -t "$((duration + 10))" \
    -c:v mpeg2video -b:v 5M -maxrate 5M -bufsize 2M -c:a mp2 -b:a 192k -muxrate 8M -pcr_period 20 -f mpegts "$1"
}
if [ -n "$file" ]; then
  ln -s "$file" "$work/stream.ts"
else
  make_file "$work/stream.ts"
fi
# multicat keeps the times of a file beside it.
ingests -p "$pid" "$work/stream.ts" >/dev/null 2>&1

realtime=() priority=()
[ -z "${REALTIME:-}" ] || realtime=(--rt) priority=(-i 50)

stop_senders() {
  kill -KILL "${senders[@]}" 2>/dev/null || true
  wait "${senders[@]}" 2>/dev/null || true
  senders=()
}

for ((run = 0; run < runs; run++)); do
  "$build/bin/spacing" udp://239.0.1.1:5000,iface=lo "$duration" >>"$work/ours" &
  receivers=("$!")
  "$build/bin/spacing" udp://239.0.1.2:5000,iface=lo "$duration" >>"$work/theirs" &
  receivers+=("$!")
  "$build/bin/tsplayout" --quiet "${realtime[@]}" "$work/stream.ts" --output udp://239.0.1.1:5000,iface=lo &
  senders=("$!")
  multicat -U "${priority[@]}" "$work/stream.ts" 239.0.1.2:5000@127.0.0.1 >/dev/null 2>&1 &
  senders+=("$!")
  wait "${receivers[@]}"
  stop_senders
done

# Of sorted deviations: how many, then the quantiles.
summary() {
  sort -n "$1" | awk '
    { value[NR - 1] = $1 }
    function quantile(q) { return value[int(q * (NR - 1))] }
    END { print NR, quantile(0.5), quantile(0.99), quantile(0.999), value[NR - 1] }'
}
read -r -a ours <<<"$(summary "$work/ours")"
read -r -a theirs <<<"$(summary "$work/theirs")"

printf '%-10s %9s %9s %9s %9s %9s\n' '' spacings p50 p99 p99.9 largest
printf '%-10s %9d %9.1f %9.1f %9.1f %9.1f us\n' tsplayout "${ours[@]}"
printf '%-10s %9d %9.1f %9.1f %9.1f %9.1f us\n' multicat "${theirs[@]}"
awk -v a="${ours[*]}" -v b="${theirs[*]}" 'BEGIN {
  split(a, x); split(b, y)
  printf "%-10s %9s %9.2f %9.2f %9.2f %9.2f of multicat\n", "ratio", "", x[2] / y[2], x[3] / y[3], x[4] / y[4], x[5] / y[5]
  exit !(x[3] < y[3] && x[4] < y[4] && x[5] < y[5])
}'
