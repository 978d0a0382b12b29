#!/bin/bash
# A live multiplex whose inputs have clocks of their own: three constant-rate services, one by this host's clock and two
# off by 30 ppm in either direction, into tsmux over multicast, recorded at its output.
#
#   tests/bench/mux_live.sh [BUILD-DIRECTORY]             (default: build/release)
#
# Every ten seconds a line of what the metrics say, then mux_judge's and tsmon's verdict of the record. Fails if a
# packet came too late or was dropped, if the margin of a service moved by more than 10 ms between the second and the
# last minute, or if one of the judges finds a fault. DURATION (seconds, default 600) changes the task. The network is a
# namespace of its own.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
duration=${DURATION:-600} rate=12000000 input_rate=3000000

if [ -z "${MUX_LIVE_INSIDE:-}" ]; then
  cmake --build "$build" --target tsmux tsmon mux_judge drifting_sender >/dev/null
  MUX_LIVE_INSIDE=yes exec "$source/tests/cli/isolate" "$0" "$build"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/mux_live.XXXXXX")
pids=()
finish() {
  [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
cd "$work"

ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=720x576:rate=25 -f lavfi -i anoisesrc -t 20 -c:v mpeg2video \
  -b:v 2.2M -minrate 2.2M -maxrate 2.2M -bufsize 1.2M -g 12 -bf 0 -c:a mp2 -b:a 192k -f mpegts one.ts

# What the multiplexer of ffmpeg gives a constant rate, over and over.
ffmpeg -v error -nostdin -stream_loop -1 -i one.ts -map 0 -c copy -muxrate "$input_rate" -pcr_period 30 \
  -t "$((duration + 20))" -f mpegts inputs.ts

# Sources do not wait for this host's processors, if that can be had.
realtime=(chrt -f 50)
"${realtime[@]}" true 2>/dev/null || realtime=()
drifts=(0 30 -30)
inputs=()
for i in 0 1 2; do
  group=239.1.0.$((i + 1))
  "${realtime[@]}" "$build/bin/drifting_sender" "$input_rate" "${drifts[i]}" "$group" 5000 <inputs.ts &
  pids+=("$!")
  inputs+=(--input "udp://$group:5000,iface=lo,newsid=$((0x201 + i))")
done

python3 - "$((duration + 10))" record.ts <<'END' &
import socket, sys, time

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
receiver.bind(("239.2.0.1", 5000))
receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                    socket.inet_aton("239.2.0.1") + socket.inet_aton("127.0.0.1"))
receiver.settimeout(3)
end = time.monotonic() + float(sys.argv[1])
with open(sys.argv[2], "wb") as record:
    try:
        while time.monotonic() < end:
            record.write(receiver.recv(2000))
    except TimeoutError:
        pass
END
recorder=$!
sleep 2
"$build/bin/tsmux" --bitrate "$rate" --duration "${duration}s" --metrics metrics.prom "${inputs[@]}" \
  udp://239.2.0.1:5000,iface=lo 2>tsmux.log &
tsmux=$!
pids+=("$tsmux" "$recorder")

# metric NAME: of the three services.
metric() { awk -v name="headend_tsmux_$1{" 'index($1, name) == 1 { print $2 }' metrics.prom | paste -s -d ' '; }
printf '%6s %8s %26s %27s %12s %12s\n' second MB 'margin ms' 'drift ppm' late shifts
second=0
while [ "$second" -lt "$duration" ] && kill -0 "$tsmux" 2>/dev/null; do
  sleep 10
  second=$((second + 10))
  [ -r metrics.prom ] || continue
  printf '%d %d %s | %s | %s | %s\n' "$second" "$(($(stat -c %s record.ts) / 1000000))" "$(metric service_margin_seconds)" \
    "$(metric service_clock_drift_ppm)" "$(metric service_late_packets_total)" \
    "$(metric service_shifts_total)" | tee -a lines |
    awk '{ printf "%6d %8d %8.1f %8.1f %8.1f  %8.2f %8.2f %8.2f  %s %s %s  %s %s %s\n", $1, $2, $3 * 1e3, $4 * 1e3, $5 * 1e3, $7, $8, $9, $11, $12, $13, $15, $16, $17 }'
done
wait "$tsmux" || true
kill -INT "$recorder" 2>/dev/null || true
wait "$recorder" 2>/dev/null || true
cat tsmux.log
grep -E '^headend_tsmux_(output_late|output_dropped|service_(late|dropped|shifts|input_l)|input_(socket_drops|dropped))' metrics.prom | grep -v ' 0$' || true

failed=0
# What the host lost on the way to the record is no fault of the multiplex; the judges would see it.
"$build/bin/mux_judge" --rate "$rate" --loose record.ts || failed=1
"$build/bin/tsmon" --quiet --profile dvb --report report.txt record.ts || failed=1
sed -n '2,9p; /^FAULTS/,/^$/p' report.txt
sed -n 2p report.txt | grep -q '^GOOD' || failed=1
awk -v d="$duration" '
  $1 > 60 && $1 <= 120 { n++; for (i = 3; i <= 5; i++) a[i] += $i }
  $1 > d - 60 { m++; for (i = 3; i <= 5; i++) b[i] += $i }
  $11 + $12 + $13 + $15 + $16 + $17 > 0 { wrong = 1 }
  END {
    if (d >= 240 && n && m) for (i = 3; i <= 5; i++) {
      moved = (b[i] / m - a[i] / n) * 1e3
      printf "margin of service %d from the second to the last minute: %+.2f ms\n", i - 2, moved
      if (moved > 10 || moved < -10) wrong = 1
    }
    exit wrong
  }' lines || failed=1
[ "$failed" -eq 0 ]
