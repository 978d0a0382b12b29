#!/bin/bash
# An hour of a multiplex of eight services made by tsmux, offline and through pipes, judged by those who have no code in
# common with it: mux_judge, ffmpeg, tshark, tstools; and by tsmon.
#
#   tests/bench/mux_hour.sh [BUILD-DIRECTORY]             (default: build/release)
#
# The services: four captures and two of a captured multiplex (HEADEND_STREAMS, or ../shared/streams), all looped, with
# an HEVC and AAC one and one of flashes and beeps made here; EIT of captures and from XMLTV. The first and the last
# minute are kept for what decodes. Fails if mux_judge or tsmon find a fault, or a flash and its beep have moved by a
# millisecond. DURATION (seconds), RATE (b/s) and DISK (a directory with room for a minute or two) change the task.
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
streams=${HEADEND_STREAMS:-$source/../shared/streams}
duration=${DURATION:-3600} rate=${RATE:-38000000} disk=${DISK:-${TMPDIR:-/tmp}}
packets=$((rate * 60 / 1504)) # of a minute
minute=$((packets * 188))    # bytes

[ -f "$streams/sd-mpeg2-mp2.ts" ] || {
  echo "mux_hour: no captures in $streams: set HEADEND_STREAMS" >&2
  exit 1
}
cmake --build "$build" --target tsmux tsmon mux_judge >/dev/null
work=$(mktemp -d "$disk/mux_hour.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$(realpath "$streams")"/*.ts .

# A white picture and a tone begin together every second; what is beneath makes every frame another.
make_flashes() {
  ffmpeg -v error -nostdin -f lavfi \
    -i "testsrc2=size=720x576:rate=25,drawbox=color=black:w=720:h=500:t=fill,drawbox=color=white:t=fill:enable='lt(mod(t,1),0.079)'" \
    -f lavfi -i "aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.08)+0.002*random(0)':s=48000" -t 60 \
    -c:v libx264 -preset ultrafast -g 25 -x264-params nal-hrd=cbr:force-cfr=1 -b:v 1M -maxrate 1M -bufsize 1M -c:a mp2 \
    -b:a 192k -muxrate 1800k -pcr_period 30 -mpegts_service_id 8801 -mpegts_transport_stream_id 1080 -f mpegts \
    flashes-only.ts
}
# The EIT of the capture, whose service 8801 that is, in null packets of it.
add_events() {
  python3 - flashes-only.ts eit-schedule.ts flashes.ts <<'END'
import sys

def packets(name):
    data = open(name, "rb").read()
    return [bytearray(data[i:i + 188]) for i in range(0, len(data), 188)]

def pid(packet):
    return (packet[1] & 0x1F) << 8 | packet[2]

stream = packets(sys.argv[1])
events = [p for p in packets(sys.argv[2]) if pid(p) == 0x12 and not p[1] & 0x80]
nulls = [i for i, p in enumerate(stream) if pid(p) == 0x1FFF]
count = min(len(events) * 14, len(nulls) // 2)
for n in range(count):
    packet = bytearray(events[n % len(events)])
    packet[3] = packet[3] & 0xF0 | n & 0x0F
    stream[nulls[n * len(nulls) // count]] = packet
open(sys.argv[3], "wb").write(b"".join(stream))
END
}
make_hevc() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i anoisesrc -t 30 -c:v libx265 \
    -preset ultrafast -x265-params log-level=none:vbv-maxrate=1500:vbv-bufsize=1500 -b:v 1200k -c:a aac -b:a 128k \
    -f mpegts hevc.ts
}
# Half-hour events on two channels for a week.
make_guide() {
  python3 - >guide.xml <<'END'
import datetime

print('<?xml version="1.0" encoding="UTF-8"?>\n<tv>')
for channel in ("one", "two"):
    print(f'<channel id="{channel}"><display-name>{channel}</display-name></channel>')
start = datetime.datetime(2026, 1, 1)
for n in range(7 * 48):
    begin = start + datetime.timedelta(minutes=30 * n)
    end = begin + datetime.timedelta(minutes=30)
    for channel in ("one", "two"):
        print(f'<programme channel="{channel}" start="{begin:%Y%m%d%H%M%S} +0000" stop="{end:%Y%m%d%H%M%S} +0000">'
              f'<title>Event {n}</title><desc>What happens in event {n} of channel {channel}.</desc></programme>')
print("</tv>")
END
}

# Source, service there, id in the multiplex, keys.
services=(
  "sd-mpeg2-mp2.ts 2064 513 name=SD"
  "hd1080p-h264-mp2.ts 1 514 xmltv=one"
  "hd1080i-h264-eac3-dvbsub.ts 257 515"
  "sd-h264-aac.ts 1 516"
  "mpts-dvbt-22394kbps.ts 3401 517"
  "mpts-dvbt-22394kbps.ts 3411 518"
  "hevc.ts 1 519 xmltv=two"
  "flashes.ts 8801 520"
)
make_flashes
add_events
make_hevc
make_guide
inputs=() sources=()
for entry in "${services[@]}"; do
  read -r file service id keys <<<"$entry"
  inputs+=(--input "$file,service=$service,newsid=$id,loop=yes${keys:+,$keys}")
  [[ " ${sources[*]} " = *" $file "* ]] || sources+=(--source "$file")
done

failed=
verdict() { # NAME STATUS
  [ "$2" -eq 0 ] || failed="$failed $1"
}

mkfifo judged watched-dvb watched-strict
watchers=()
"$build/bin/mux_judge" --rate "$rate" "${sources[@]}" judged >judge.txt &
judge=$!
for profile in dvb strict; do
  "$build/bin/tsmon" --quiet --profile $profile --report $profile.txt watched-$profile &
  watchers+=("$!")
done
begun=$EPOCHREALTIME
# shellcheck disable=SC2094
"$build/bin/tsmux" --quiet --bitrate "$rate" --duration "${duration}s" --start 2026-01-01T12:00:00Z --xmltv guide.xml \
  --country FRA --time-zone Europe/Paris "${inputs[@]}" - |
  tee --output-error=warn-nopipe judged watched-dvb watched-strict >(head -c "$minute" >first.ts) | tail -c "$minute" >last.ts
ended=$EPOCHREALTIME
awk -v a="$begun" -v b="$ended" -v d="$duration" 'BEGIN { printf "%d s of multiplex in %.0f s, with those who judge it\n", d, b - a }'

status=0 && wait "$judge" || status=$?
printf '\n== mux_judge: %s\n' "$([ $status -eq 0 ] && echo clean || echo "NOT clean")"
cat judge.txt
verdict mux_judge $status
wait "${watchers[@]}" || true
for profile in dvb strict; do
  printf '\n== tsmon --profile %s\n' "$profile"
  sed -n '2,9p; /^FAULTS/,/^$/p' $profile.txt
  status=0 && sed -n 2p $profile.txt | grep -q '^GOOD' || status=$?
  verdict "tsmon-$profile" $status
done

# tshark dissects what comes in UDP.
to_pcap() {
  python3 - "$1" "$2" <<'END'
import struct, sys

data = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))  # raw IP
    for n in range(len(data) // 1316):
        payload = data[n * 1316:(n + 1) * 1316]
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 28 + len(payload), n & 0xFFFF, 0, 64, 17, 0, 0x7F000001, 0xEF000001)
        udp = struct.pack(">HHHH", 5000, 5000, 8 + len(payload), 0)
        frame = ip + udp + payload
        out.write(struct.pack("<IIII", n // 1000, n % 1000 * 1000, len(frame), len(frame)) + frame)
END
}
if command -v tshark >/dev/null; then
  to_pcap last.ts last.pcap
  tshark -r last.pcap -d udp.port==5000,mp2t -T fields -e mp2t.cc.drop 2>/dev/null >drops.txt
  printf '\n== tshark, last minute: %d datagrams, %d with a wrong continuity counter\n' "$(wc -l <drops.txt)" \
    "$(grep -c . drops.txt || true)"
  rm last.pcap
fi

printf '\n== tsreport, first minute: DTS and PTS against PCR\n'
number=0
for entry in "${services[@]}"; do
  number=$((number + 1))
  printf '%s\n' "$entry"
  # Errors of "looking for PTS/DTS" are of sections, which it takes for PES packets.
  tsreport -b -q -prog "$number" first.ts 2>&1 | awk '
    /^Stream/ { stream = $0 } /Minimum difference/ { print "  " stream ": least " $4 } /prediction/ { print "  " $0 }
    /[Ee]rror/ && !/looking for PTS/ && !/prediction/ { print "  " $0 }' || true
done

# What ffmpeg says while it decodes a service: lines. First it is taken out, or those of all services would be there.
complaints() {
  ffmpeg -v quiet -nostdin -i "$1" -map "0:p:$2:v?" -map "0:p:$2:a?" -c copy -f mpegts - |
    ffmpeg -v error -nostdin -f mpegts -i - -f null - 2>&1 | grep -cv 'Last message repeated' || true
}
printf '\n== ffmpeg: complaints while decoding the source once, and a minute with so many turns of it\n'
printf '%-30s %8s %8s %8s %8s\n' source once turns first last
for entry in "${services[@]}"; do
  read -r file service id _ <<<"$entry"
  turns=$(ffprobe -v quiet -show_entries format=duration -of csv=p=0 "$file" | awk '{ printf "%.1f", 60 / $1 }')
  printf '%-30s %8d %8s %8d %8d\n' "$file $service" "$(complaints "$file" "$service")" "$turns" \
    "$(complaints first.ts "$id")" "$(complaints last.ts "$id")"
done

# beeps FILE SERVICE: from each flash to the beep that is nearest, in ms: count, least, greatest.
beeps() {
  ffmpeg -v error -nostdin -copyts -i "$1" -map "0:p:$2:v" -vf "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=lights.txt" \
    -f null - -map "0:p:$2:a" -af "silencedetect=noise=-30dB:duration=0.1,ametadata=print:file=sounds.txt" -f null - 2>/dev/null
  awk '
    FNR == 1 { file++ }
    file == 1 && /pts_time/ { split($0, x, "pts_time:"); time = x[2] + 0 }
    file == 1 && /YAVG/ { split($0, x, "="); light = x[2] + 0; if (light > 128 && was < 64 && was != "") flash[n++] = time; was = light }
    file == 2 && /silence_end/ { split($0, x, "="); beep[m++] = x[2] + 0 }
    END {
      for (i = 0; i < n; i++) for (j = 0; j < m; j++) {
        d = (beep[j] - flash[i]) * 1000
        if (d > -400 && d < 400) { if (!count || d < least) least = d; if (!count || d > most) most = d; ++count }
      }
      printf "%d %.3f %.3f\n", count, least, most
    }' lights.txt sounds.txt
}
printf '\n== flash to beep, decoded by ffmpeg, ms\n'
printf '%-8s %8s %10s %10s\n' '' flashes least greatest
for entry in "source flashes.ts 8801" "first first.ts 520" "last last.ts 520"; do
  read -r name file service <<<"$entry"
  beeps "$file" "$service" >"$name.sync"
  read -r count least greatest <"$name.sync"
  printf '%-8s %8d %10.3f %10.3f\n' "$name" "$count" "$least" "$greatest"
done
paste -d ' ' source.sync first.sync last.sync | awk '{
  for (i = 4; i <= 7; i += 3) if ($i < 20 || $(i + 1) < $2 - 1 || $(i + 2) > $3 + 1) exit 1 }' || verdict flashes 1

[ -z "$failed" ] || {
  printf '\nfailed:%s\n' "$failed"
  exit 1
}
