#!/bin/bash
# Eight services into a multiplex of 38 Mb/s, by tsmux, by ffmpeg's mpegts muxer and by GStreamer's mpegtsmux: what it
# costs, as fast as it goes and at its pace, and what the result is worth.
#
#   tests/bench/mux.sh [BUILD-DIRECTORY]              (default: build/release)
#
# Offline: seconds of CPU (all threads) and of the clock, each the median of ROUNDS (default 3), and how many times
# quicker than real time. Of each one's result what mux_judge, which has nothing of tsmux, and tsmon find: the greatest
# error of a PCR against the byte position, the longest interval between two, faults of each kind. Live: the same files
# at their pace to multicast, and tsmux from multicast to multicast, in per cent of a core, with how far the spacing of
# the datagrams at the receiver is off that of the PCRs. Fails if tsmux took more CPU time than ffmpeg offline, or its
# result has a fault. LENGTH (seconds of the services) and DURATION (of the live part) change the task. The network is a
# namespace of its own.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
rounds=${ROUNDS:-3} length=${LENGTH:-60} duration=${DURATION:-20} rate=38000000 service_rate=4500000 services=8
disk=${DISK:-${TMPDIR:-/tmp}}

if [ -z "${MUX_INSIDE:-}" ]; then
  cmake --build "$build" --target tsmux tsmon mux_judge drifting_sender spacing >/dev/null
  MUX_INSIDE=yes exec "$source/tests/cli/isolate" "$0" "$build"
fi

work=$(mktemp -d "$disk/mux.XXXXXX")
pids=()
finish() {
  [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

# Each has pictures of its own, and its scenes change at other times.
for ((i = 1; i <= services; i++)); do
  ffmpeg -v error -nostdin -f lavfi -i "testsrc2=size=720x576:rate=25,hue=h=$((40 * i))" -f lavfi -i anoisesrc \
    -ss "0.$i" -t "$length" -c:v mpeg2video -b:v 3.9M -minrate 3.9M -maxrate 3.9M -bufsize 1.8M -g 12 -bf 2 -c:a mp2 \
    -b:a 192k -muxrate "$service_rate" -pcr_period 30 -f mpegts "service$i.ts"
done

by_tsmux=() by_ffmpeg=() paced_ffmpeg=() programs=() by_gst=() map=program_map
for ((i = 1; i <= services; i++)); do
  by_tsmux+=(-i "service$i.ts,newsid=$i")
  by_ffmpeg+=(-i "service$i.ts")
  paced_ffmpeg+=(-re -i "service$i.ts")
  programs+=(-program "program_num=$i:title=Service $i:st=$((2 * i - 2)):st=$((2 * i - 1))"
    -map "$((i - 1)):v" -map "$((i - 1)):a")
  map+=",sink_$((256 * i))=$i,sink_$((256 * i + 1))=$i"
  by_gst+=(filesrc "location=service$i.ts" ! tsdemux "name=d$i"
    "d$i." ! queue ! mpegvideoparse ! "mux.sink_$((256 * i))" "d$i." ! queue ! mpegaudioparse ! "mux.sink_$((256 * i + 1))")
done
programs+=(-c copy -muxrate "$rate" -pcr_period 30 -f mpegts)
gst_mux=(mpegtsmux name=mux "bitrate=$rate" "prog-map=$map" alignment=7)

make_tsmux() { "$build/bin/tsmux" -q -b "$rate" "${by_tsmux[@]}" tsmux.ts; }
make_ffmpeg() { ffmpeg -v error -nostdin -y "${by_ffmpeg[@]}" "${programs[@]}" ffmpeg.ts; }
make_mpegtsmux() { gst-launch-1.0 -q "${gst_mux[@]}" ! filesink location=mpegtsmux.ts "${by_gst[@]}" >/dev/null 2>&1; }

# timed NAME: appends "CPU WALL" in seconds to NAME.times.
timed() {
  local before after
  before="$(cpu_of_children) $EPOCHREALTIME"
  ("make_$1")
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

tools=(tsmux ffmpeg)
command -v gst-launch-1.0 >/dev/null && gst-inspect-1.0 mpegtsmux >/dev/null 2>&1 && tools+=(mpegtsmux)
cat service*.ts >/dev/null
for ((round = 0; round < rounds; round++)); do
  for tool in "${tools[@]}"; do timed "$tool" || echo "$tool failed" >&2; done
done

failed=0
printf '%d services of %.1f Mb/s, %d s into %d Mb/s, %d rounds\n' "$services" "$((service_rate / 100000))e-1" "$length" \
  $((rate / 1000000)) "$rounds"
for tool in "${tools[@]}"; do
  awk -v t="$tool" -v c="$(median "$tool" 1)" -v w="$(median "$tool" 2)" -v f="$(median ffmpeg 1)" -v l="$length" 'BEGIN {
    printf "%-10s %7.2f s CPU %7.2f s %7.0f x real time %7.2f of ffmpeg'"'"'s CPU time\n", t, c, w, l / w, c / f }'
done
awk -v a="$(median tsmux 1)" -v b="$(median ffmpeg 1)" 'BEGIN { exit a > b }' || failed=1

printf '\n%-10s %12s %12s   %s\n' result 'PCR off ns' 'PCR apart ms' 'faults that mux_judge finds | and tsmon'
for tool in "${tools[@]}"; do
  "$build/bin/mux_judge" --rate "$rate" "$tool.ts" >judged.txt || [ "$tool" != tsmux ] || failed=1
  "$build/bin/tsmon" -q --profile dvb --report watched.txt "$tool.ts" || true
  awk -v t="$tool" '
    FILENAME == "judged.txt" && /^PCR PID/ { clocks = 1; next }
    FILENAME == "judged.txt" && NF == 0 { clocks = 0 }
    clocks { if ($3 > apart) apart = $3; if ($4 > off) off = $4 }
    /^  FAULT/ { sub(/^  FAULT /, ""); faults = faults (faults ? "; " : "") $0 }
    FILENAME == "watched.txt" && /^INDICATORS/ { table = 0 }
    FILENAME == "watched.txt" && /^FAULTS/ { table = 1; next }
    table && /^[0-9]/ { n[$1 " " $2]++ }
    END {
      printf "%-10s %12.1f %12.2f   %s |", t, off, apart, faults ? faults : "none"
      for (kind in n) printf "%s %s: %d", any++ ? ";" : "", kind, n[kind]
      print any ? "" : " none"
    }' judged.txt watched.txt
done

# Live. CPU time is the scheduler's own count, to the nanosecond.
ns_of() { cat "/proc/$1"/task/*/schedstat | awk '{ s += $1 } END { printf "%.0f", s }'; }
names=() groups=() ours=()
start() { # NAME GROUP COMMAND...
  names+=("$1")
  groups+=("$2")
  "${@:3}" >/dev/null 2>&1 &
  ours+=("$!")
  pids+=("$!")
}
# What each of those started takes, and how evenly it sends.
measure() {
  local before=() receivers=() i ns
  sleep 3
  for i in "${!ours[@]}"; do
    "$build/bin/spacing" "udp://${groups[i]}:5000,iface=lo" "$duration" >"spacing$i" 2>/dev/null &
    receivers+=("$!")
  done
  for i in "${!ours[@]}"; do before[i]=$(ns_of "${ours[i]}"); done
  sleep "$duration"
  for i in "${!ours[@]}"; do
    ns=$(($(ns_of "${ours[i]}") - before[i]))
    wait "${receivers[i]}" || true
    sort -n "spacing$i" | awk -v t="${names[i]}" -v ns="$ns" -v s="$duration" '{ v[NR] = $1 } END {
      printf "%-22s %6.2f %% of a core", t, ns / 1e7 / s
      if (NR) printf "   spacing off by %8.0f us (p50) %8.0f (p99) %8.0f (largest)", v[int((NR + 1) / 2)], v[int((NR * 99 + 99) / 100)], v[NR]
      print "" }'
  done
  for i in "${!ours[@]}"; do kill -KILL "${ours[i]}" && wait "${ours[i]}"; done 2>/dev/null || true
  names=() groups=() ours=()
}

printf '\nlive, %d s\n' "$duration"
start "tsmux" 239.2.0.1 "$build/bin/tsmux" -q -b "$rate" "${by_tsmux[@]}" udp://239.2.0.1:5000,iface=lo
start "tsmux --rt" 239.2.0.2 "$build/bin/tsmux" -q --rt -b "$rate" "${by_tsmux[@]}" udp://239.2.0.2:5000,iface=lo
start ffmpeg 239.3.0.1 ffmpeg -v error -nostdin "${paced_ffmpeg[@]}" "${programs[@]}" \
  'udp://239.3.0.1:5000?pkt_size=1316&localaddr=127.0.0.1'
[[ " ${tools[*]} " != *" mpegtsmux "* ]] || start mpegtsmux 239.4.0.1 gst-launch-1.0 -q "${gst_mux[@]}" ! \
  udpsink host=239.4.0.1 port=5000 multicast-iface=lo "${by_gst[@]}"
measure

from_multicast=()
for ((i = 1; i <= services; i++)); do
  "$build/bin/drifting_sender" "$service_rate" 0 "239.1.0.$i" 5000 <"service$i.ts" &
  pids+=("$!")
  from_multicast+=(-i "udp://239.1.0.$i:5000,iface=lo,newsid=$i")
done
start "tsmux, from multicast" 239.2.0.3 "$build/bin/tsmux" -q -b "$rate" "${from_multicast[@]}" udp://239.2.0.3:5000,iface=lo
measure
[ "$failed" -eq 0 ]
