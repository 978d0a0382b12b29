#!/bin/bash
# A multiplex split into its services by dvbrecv and by dvblast: both at once, from the same multicast group, the same
# services out to groups of their own.
#
#   tests/bench/split.sh [BUILD-DIRECTORY [MULTIPLEX.ts]]        (default: build/release, and a multiplex made here)
#
# A line for each: CPU time, what it sent, and its largest resident size. Then the ratio of the CPU times. Fails if
# dvbrecv took more CPU time than dvblast. DURATION (seconds) and SERVICES change the task. The network is a namespace
# of its own.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
multiplex=${2:+$(realpath "$2")}
duration=${DURATION:-30} services=${SERVICES:-8}

if [ -z "${SPLIT_INSIDE:-}" ]; then
  SPLIT_INSIDE=yes exec "$source/tests/cli/isolate" "$0" "$build" ${multiplex:+"$multiplex"}
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/split.XXXXXX")
pids=()
finish() {
  [ "${#pids[@]}" -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# One encoded service, carried as many times as wanted: 2.7 Mb/s each.
make_multiplex() {
  local maps=() programs=() i
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=720x576:rate=25 -f lavfi -i anoisesrc -t 20 -c:v mpeg2video \
    -b:v 2.4M -minrate 2.4M -maxrate 2.4M -bufsize 1.8M -g 12 -c:a mp2 -b:a 192k -f mpegts "$work/one.ts"
  for ((i = 0; i < services; i++)); do
    maps+=(-map 0:v -map 0:a)
    programs+=(-program "program_num=$((i + 257)):title=Service:st=$((2 * i)):st=$((2 * i + 1))")
  done
  ffmpeg -v error -nostdin -i "$work/one.ts" "${maps[@]}" -c copy "${programs[@]}" -f mpegts \
    -muxrate "$((services * 3))M" "$work/multiplex.ts"
  multiplex=$work/multiplex.ts
}

# cpu PID: its CPU time in clock ticks.
cpu() {
  local fields
  read -r -a fields <<<"$(sed 's/.*) //' "/proc/$1/stat")"
  echo $((fields[11] + fields[12]))
}

[ -n "$multiplex" ] || make_multiplex
mapfile -t ids < <("$build/bin/dvbrecv" --list "$multiplex" --json | jq '.services[].service_id')

ours=() n=0
for id in "${ids[@]}"; do
  n=$((n + 1))
  ours+=(-s "$id=udp://239.2.0.$n:5000,iface=lo")
  printf '239.3.0.%d:5000@127.0.0.1/udp/dvb\t1\t%d\n' "$n" "$id"
done >"$work/dvblast.conf"

"$build/bin/dvbrecv" --quiet -i udp://239.1.0.1:5000,iface=lo "${ours[@]}" &
dvbrecv=$!
dvblast -q -C -c "$work/dvblast.conf" -D 239.1.0.1:5000/udp/ifaddr=127.0.0.1 >"$work/dvblast.log" 2>&1 &
dvblast=$!
# What leaves each, by the last byte but one of the group.
python3 - "$n" "$((duration + 2))" >"$work/sent" <<'END' &
import collections, select, socket, struct, sys, time

count, seconds = int(sys.argv[1]), int(sys.argv[2])
sockets = {}
for network in (2, 3):
    for n in range(1, count + 1):
        group = f"239.{network}.0.{n}"
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((group, 5000))
        membership = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        sockets[s] = network
received = collections.Counter()
end = time.monotonic() + seconds
while time.monotonic() < end:
    for s in select.select(list(sockets), [], [], 0.5)[0]:
        received[sockets[s]] += len(s.recv(2000))
print(received[2], received[3])
END
counter=$!
pids=("$dvbrecv" "$dvblast" "$counter")
"$build/bin/tsplayout" --quiet --loop "$multiplex" --output udp://239.1.0.1:5000,iface=lo &
pids+=("$!")

sleep 2 # until both have found all services
ours_before=$(cpu "$dvbrecv") theirs_before=$(cpu "$dvblast")
wait "$counter"
ours_ticks=$(($(cpu "$dvbrecv") - ours_before)) theirs_ticks=$(($(cpu "$dvblast") - theirs_before))
read -r ours_bytes theirs_bytes <"$work/sent"

row() {
  awk -v name="$1" -v ticks="$2" -v hz="$(getconf CLK_TCK)" -v bytes="$3" -v seconds="$((duration + 2))" \
    -v kb="$(awk '/VmHWM/ { print $2 }' "/proc/$4/status")" \
    'BEGIN { printf "%-8s %7.2f s CPU %8.2f Mb/s sent %6.1f MB resident\n", name, ticks / hz, bytes * 8e-6 / seconds, kb / 1024 }'
}
echo "${#ids[@]} services, $duration s"
row dvbrecv "$ours_ticks" "$ours_bytes" "$dvbrecv"
row dvblast "$theirs_ticks" "$theirs_bytes" "$dvblast"
awk -v a="$ours_ticks" -v b="$theirs_ticks" 'BEGIN { printf "ratio    %7.2f of dvblast'"'"'s CPU time\n", a / b; exit a > b }'
