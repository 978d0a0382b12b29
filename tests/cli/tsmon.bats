#!/usr/bin/env bats
# tsmon, as its users run it.

load support

# good.ts: one service at a constant rate, with the tables that DVB asks for but EIT and TDT: clean by --profile mpeg.
# Sound 0.7 s ahead, as ffmpeg sends it unless told otherwise, would overflow its buffer.
# faulty.ts: the same with faults.
setup_file() {
  cd "$BATS_FILE_TMPDIR" || return
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -t 6 -c:v mpeg2video -g 12 -b:v 600k -maxrate 600k -bufsize 200k -c:a mp2 -b:a 64k -f mpegts -mpegts_flags +nit \
    -metadata service_name=One -metadata:s:a language=fra \
    -muxrate 1200k -muxdelay 0.3 -muxpreload 0.3 -pcr_period 20 -pat_period 0.09 -sdt_period 0.4 good.ts
  python3 - <<'PYTHON'
data = open("good.ts", "rb").read()
packets = [bytearray(data[i:i + 188]) for i in range(0, len(data), 188)]

def pid(p):
    return (p[1] & 0x1F) << 8 | p[2]

def payload_only(p):
    return p[3] & 0x30 == 0x10

# Faults of known number and place: three lost packets of the video, each seconds after the last; a packet of the sound
# with transport_error_indicator, which is so missing in its continuity counter; a PAT whose CRC is wrong.
video = [i for i, p in enumerate(packets) if pid(p) == 256 and payload_only(p) and not p[1] & 0x40]
sound = [i for i, p in enumerate(packets) if pid(p) == 257 and payload_only(p) and not p[1] & 0x40]
pats = [i for i, p in enumerate(packets) if pid(p) == 0]
lost = {video[len(video) * k // 4] for k in (1, 2, 3)}
packets[sound[10]][1] |= 0x80
packets[pats[20]][10] ^= 0x01
out = b"".join(bytes(p) for i, p in enumerate(packets) if i not in lost)
open("faulty.ts", "wb").write(out)
PYTHON
}

good() { printf '%s' "$BATS_FILE_TMPDIR/good.ts"; }
faulty() { printf '%s' "$BATS_FILE_TMPDIR/faulty.ts"; }

# play ENDPOINT: the good stream for ever, by a process of its own that has begun to send; its pid is in $player.
play() {
  rm -f player.prom
  tsplayout --quiet --loop "$(good)" --output "$1" --metrics player.prom 3>&- &
  player=$!
  wait_until test -e player.prom
}

# monitor ARGUMENT...: tsmon in the background; its pid is in $monitor, what it writes in out and err.
monitor() {
  tsmon "$@" >out 2>err 3>&- &
  monitor=$!
}

end_monitor() {
  kill -TERM "$monitor"
  wait "$monitor" || {
    cat err
    return 1
  }
}

# refuses STATUS TEXT COMMAND...: it ends with this status, nothing on standard output, and this text in one message.
refuses() {
  local expected=$1 text=$2
  shift 2
  run --separate-stderr timeout 20 "$@"
  echo "$*"
  # shellcheck disable=SC2154
  echo "$status: $stderr"
  [ "$status" -eq "$expected" ]
  [ -z "$output" ]
  [[ $stderr == "tsmon: "*"$text"* ]]
  # And after a wrong command line where help is.
  [ "$(grep -cvF "tsmon: try 'tsmon --help'" <<<"$stderr")" -eq 1 ]
}

# silent STATUS COMMAND...: it ends with this status and without a word.
silent() {
  local expected=$1
  shift
  run timeout 20 "$@"
  echo "$*: $status: $output"
  [ "$status" -eq "$expected" ]
  [ -z "$output" ]
}

# metric FILE NAME [LABELS]: its value.
metric() { grep -F "headend_tsmon_$2{" "$1" | grep -F -- "${3:-}" | sed 's/.* //'; }
above() {
  local value
  value=$(metric "$1" "$2" "${4:-}" 2>/dev/null)
  [ -n "$value" ] && [ "$value" -gt "$3" ]
}
says() { grep -qF -- "$2" "$1"; }
has_more_than() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]; }
# event EDGE INDICATOR: it is among the JSON lines in out.
event() {
  [ -n "$(jq -Rr "fromjson? | select(.event == \"alarm\" and .edge == \"$1\" and .indicator == \"$2\") | .count" out)" ]
}

no_alarm() { ! grep '"event":"alarm"' out; }

# --- Files

@test "the report of a clean stream says so first, and shows what is in it" {
  run -0 tsmon --profile mpeg "$(good)"
  echo "$output"
  [ "${lines[0]}" = "$(good)" ]
  [[ ${lines[1]} == "GOOD: no faults ("*" indicators measured, "*" not)" ]]
  [[ $output == *"6.0 s, by the PCRs of PID 0x0100 (256)"* ]]
  [[ $output == *"1.20 Mb/s mean"* ]]
  [[ $output != *$'\nFAULTS\n'* ]]
  [[ $output == *"0x0001 (1)  One "*"PMT "*"0x1000 (4096)"* ]]
  [[ $output == *"video mpeg2video 320x180p25 16:9 Main@Main, PCR  0x0100 (256)"* ]]
  [[ $output == *"audio mp2 fra MPEG-1 layer II 48 kHz mono "*"0x0101 (257)"* ]]
  grep -qE '^1\.4 +Continuity_count_error +0  good$' <<<"$output"
  grep -qE '^2\.4 +PCR_accuracy_error +0  good$' <<<"$output"
  grep -qE '^2\.6 +CAT_error +-  not measured: nothing is scrambled$' <<<"$output"
  grep -qE '^3\.8 +TDT_error +-  not watched$' <<<"$output"
}

@test "the report of a faulty stream says what is wrong, where, how often and when" {
  run -0 tsmon --profile mpeg "$(faulty)"
  echo "$output"
  [[ ${lines[1]} == "FAULTY: 6 faults of 1.4, 2.1, 2.2 ("* ]]
  # Before all else.
  [ "$(grep -nE '^(FAULTS|INDICATORS|SERVICES|PIDS|PROGRAM CLOCKS)$' <<<"$output" | head -n 1 | cut -d : -f 2)" = FAULTS ]
  grep -qE '^1\.4 +Continuity_count_error +PID 0x0100 \(256\) .* 3 +1\.[0-9]{3} s +4\.[0-9]{3} s +[0-9]+  1 packet missing' <<<"$output"
  grep -qE '^2\.1 +Transport_error +PID 0x0101 \(257\) .*transport_error_indicator set$' <<<"$output"
  grep -qE '^2\.2 +CRC_error +PID 0x0000 \(0\), table 0x00 .*wrong CRC$' <<<"$output"
  [[ $output == *"1 transport error, 0 invalid sync bytes"* ]]
}

@test "the rows of each table line up" {
  tsmon "$(faulty)" >out
  python3 - out <<'PYTHON'
import re, sys
# In each table, no cell crosses a gap of two spaces that stands before a title: every row is blank or in a word there.
tables, title = 0, None
for line in open(sys.argv[1], encoding="utf-8").read().split("\n"):
    if re.match(r"(NO\.|SERVICE|PID) ", line):
        title, tables = line, tables + 1
        continue
    if not line or title is None:
        title = None
        continue
    if line.startswith("PCR_AC"):
        continue
    words = [m for m in re.finditer(r"\S+(?: \S+)*", title)]
    cells = [m for m in re.finditer(r"\S+(?: \S+)*", line)]
    for cell in cells:
        # The column that it belongs to begins or ends where it does.
        assert any(cell.start() == w.start() or cell.end() == w.end() for w in words), (title, line, cell)
assert tables >= 5, tables
PYTHON
}

@test "JSON: a valid object a line, events before the report, starts and ends in pairs" {
  run -0 tsmon --json --profile mpeg --hold 500ms "$(faulty)"
  printf '%s\n' "$output" >out
  [ "$(jq -s length out)" -eq "$(wc -l <out)" ]
  [ "$(tail -n 1 out | jq -r .event)" = report ]
  [ "$(jq -r 'select(.event == "report") | 1' out | wc -l)" -eq 1 ]
  # Of each indicator and place: start, end, start, end ..., and an alarm without an end is on in the report.
  jq -se '
    (map(select(.event == "alarm")) | group_by([.indicator, .pid, .service_id, .table_id])) as $all
    | last as $report
    | ($all | map(to_entries | all(.[]; .value.edge == (if .key % 2 == 0 then "start" else "end" end))) | all)
      and ($all | map(select(length % 2 == 1)) | length) == ($report.alarms | map(select(.on)) | length)
      and ($report.alarms | length) == ($all | length)' out
  [ "$(jq -s '[.[] | select(.edge == "start" and .indicator == "1.4" and .pid == 256)] | length' out)" -eq 3 ]
  [ "$(jq -s '[.[] | select(.edge == "end" and .indicator == "1.4" and .pid == 256)] | length' out)" -eq 3 ]
  jq -se 'last | .faults == 6 and .transport_errors == 1 and .clock == "pcr" and .clock_pid == 256
    and (.duration_s > 5.9 and .duration_s < 6.1) and (.bit_rate.mean > 1190000 and .bit_rate.mean < 1210000)
    and (.indicators[] | select(.indicator == "1.4") | .count) == 4
    and (.indicators[] | select(.indicator == "2.6") | (.state == "not measured" and has("count") == false and .reason == "nothing is scrambled"))
    and (.services[0] | .name == "One" and .components[1].languages == ["fra"])' out
}

@test "JSON of every capture is valid, and nothing in it is not UTF-8" {
  local name
  capture sd-h264-aac.ts
  for name in mpts-dvbt-22394kbps hd1080i-h264-eac3-dvbsub hd1080p-h264-mp2 sd-h264-aac sd-mpeg2-mp2 \
    scrambled-tei-cc-errors eit-schedule corrupt-sync cc-3-missing-then-7-missing cc-duplicates-and-gap-of-10; do
    tsmon --json "$(capture "$name.ts")" >out
    iconv -f utf-8 -t utf-8 out >/dev/null
    [ "$(jq -s length out)" -eq "$(wc -l <out)" ]
    [ "$(jq -s 'last | .event' out)" = '"report"' ]
    tsmon "$(capture "$name.ts")" >out
    [ -z "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <out)" ]
  done
}

@test "--check: exit status 0, 3, 1 and 2, and not a word of a stream" {
  silent 0 tsmon --check --profile mpeg "$(good)"
  silent 3 tsmon --check --profile mpeg "$(faulty)"
  silent 0 bash -c "tsmon --check --profile mpeg - <'$(good)'"
  # With --verbose the report, as it is printed without --check.
  run -3 --separate-stderr tsmon --check --verbose --profile mpeg "$(faulty)"
  [ -z "$output" ]
  tsmon --profile mpeg "$(faulty)" >report.txt
  grep -v '^tsmon: ' <<<"$stderr" | diff - report.txt
  refuses 1 "no transport stream packets: it is empty" tsmon --check /dev/null
  refuses 1 "open missing.ts: No such file" tsmon --check missing.ts
  refuses 2 "--check" tsmon --check --json "$(good)"
  refuses 2 "--check" tsmon --check --pass "$(good)" out.ts
  [ ! -e out.ts ]
}

@test "--only, --ignore and --profile choose what is watched" {
  silent 0 tsmon --check --only 1.3,2.5 "$(faulty)"
  silent 3 tsmon --check --only 1.4 "$(faulty)"
  silent 0 tsmon --check --profile mpeg --ignore 1.4,2.1,2.2 "$(faulty)"
  silent 3 tsmon --check --profile mpeg --ignore 1.4,2.1 "$(faulty)"
  silent 0 tsmon --check --only 1 --ignore 1.4 "$(faulty)"
  # ffmpeg sends no TDT.
  silent 3 tsmon --check --only 3 --max-tdt 2s "$(good)"
  silent 0 tsmon --check --profile mpeg --max-tdt 2s "$(good)"
  tsmon --json --only 3 "$(good)" >out
  jq -se 'last | [.indicators[] | (.indicator | startswith("3.")) == (.state != "not watched")] | all' out
  # Both are 100 ms in the profile that a multiplexer keeps.
  silent 0 tsmon --check --profile mpeg --only 1.3,1.5 "$(good)"
  silent 0 tsmon --check --profile strict --only 1.3,1.5 "$(good)"
  refuses 2 "no such indicator: '4.1'" tsmon --only 4.1 "$(good)"
  refuses 2 "no such indicator: ''" tsmon --only 1.4, "$(good)"
  refuses 2 "dvb|mpeg|strict" tsmon --profile atsc "$(good)"
}

@test "limits: a fault is what is beyond them" {
  silent 3 tsmon --check --only 1.3 --max-pat 50ms "$(good)"
  silent 0 tsmon --check --only 1.3 --max-pat 200ms "$(good)"
  silent 3 tsmon --check --only 2.3.a --max-pcr 15ms "$(good)"
  silent 3 tsmon --check --only 3.5 --max-sdt 200ms "$(good)"
  silent 0 tsmon --check --only 3.5 --max-sdt 1s "$(good)"
  silent 3 tsmon --check --only 3.1 --max-nit 200ms "$(good)"
  run -0 tsmon --only 1.3 --max-pat 50ms "$(good)"
  [[ $output == *"no PAT for 0.05 s"* ]]
  refuses 2 "--max-pat" tsmon --max-pat fast "$(good)"
}

@test "--config says the same by the same names, and the command line goes before it" {
  printf 'input = %s\ncheck = true\nonly = 1.4\n' "$(faulty)" >tsmon.conf
  silent 3 tsmon --config tsmon.conf
  silent 0 tsmon --config tsmon.conf --only 1.3
  printf 'profile = mpeg\nmax-pat = 50ms\nonly = 1.3\n' >limits.conf
  silent 3 tsmon --check --config limits.conf "$(good)"
  echo "max-pta = 50ms" >limits.conf
  refuses 2 "max-pta" tsmon --config limits.conf "$(good)"
}

@test "--duration ends in the time of the stream" {
  tsmon --json --duration 2s "$(good)" >out
  jq -se 'last | .duration_s >= 2 and .duration_s < 4 and .packets > 1500 and .packets < 3000' out
}

@test "--report: what would be printed is in the file" {
  run -0 tsmon --profile mpeg --report report.txt "$(good)"
  [ -z "$output" ]
  tsmon --profile mpeg "$(good)" | cmp - report.txt
  tsmon --json --report report.txt "$(good)"
  [ "$(tail -n 1 report.txt | jq -r .event)" = report ]
  tsmon --report - --pass "$(good)" copy.ts | grep -q GOOD
}

@test "--private-pid: what no table names is no fault" {
  capture mpts-dvbt-22394kbps.ts
  silent 3 tsmon --check --only 3.4 "$(capture mpts-dvbt-22394kbps.ts)"
  silent 0 tsmon --check --only 3.4 --private-pid 0x243 "$(capture mpts-dvbt-22394kbps.ts)"
  silent 3 tsmon --check --only 3.4 --private-pid 0x244 "$(capture mpts-dvbt-22394kbps.ts)"
}

# --- Decoding

# pieces FILE PICTURES SOUND: two seconds of movement and sound, three of these sources of lavfi ("color=color=black:"),
# two as at first.
pieces() {
  ffmpeg -v error -nostdin -f lavfi -i "testsrc2=size=320x180:rate=25:duration=7,split[a][c];[a]trim=0:2[begin];
      [c]trim=5:7,setpts=PTS-STARTPTS[end];$2size=320x180:rate=25:duration=3[dull];[begin][dull][end]concat=n=3[out0]" \
    -f lavfi -i "sine=sample_rate=48000:duration=2[begin];$3duration=3[dull];sine=sample_rate=48000:duration=2[end];
      [begin][dull][end]concat=n=3:v=0:a=1[out0]" \
    -c:v mpeg2video -g 12 -b:v 600k -maxrate 600k -bufsize 200k -c:a mp2 -b:a 64k -f mpegts \
    -muxrate 1200k -muxdelay 0.3 -muxpreload 0.3 -pcr_period 20 -pat_period 0.09 -sdt_period 0.4 "$1"
}

# faults_of INDICATOR: of the last report in out, all alarms: place, number, whether on, first and last time.
faults_of() {
  jq -r "select(.event == \"report\") | .alarms[] | select(.indicator == \"$1\")
    | [.pid, .service_id, .count, .on, .first_s, .last_s] | @tsv" out
}

# lasts INDICATOR PID FROM TO SLACK: it has one fault, there, that began and ended then, give or take so many seconds.
lasts() {
  faults_of "$1" >found
  cat found
  awk -v pid="$2" -v from="$3" -v to="$4" -v slack="$5" '
    function near(a, b) { return a - b <= slack && b - a <= slack }
    { good = $1 == pid && $2 == 1 && $3 == 1 && near($5, from) && near($6, to) }
    END { exit !(NR == 1 && good) }' found
}

@test "--decode: black, frozen and silent pieces are a fault each with its time, others are none" {
  pieces black.ts color=color=black: sine=sample_rate=48000:
  pieces frozen.ts smptebars= sine=sample_rate=48000:
  pieces silent.ts testsrc2= anullsrc=sample_rate=48000:channel_layout=mono:
  pieces clean.ts testsrc2= sine=sample_rate=48000:
  # A keyframe is 12 pictures from the next one.
  local pictures slack limits=(--profile mpeg --black 1s --freeze 1s --silence 1s --hold 500ms)
  for pictures in all:0.06 keyframes:0.55; do
    slack=${pictures#*:} pictures=${pictures%:*}
    # The first picture is presented 0.34 s after the stream begins.
    tsmon --json --decode "$pictures" "${limits[@]}" black.ts >out
    lasts black 256 2.34 5.34 "$slack"
    [ "$(jq -s 'last | .faults' out)" -eq 1 ]
    [ "$(jq -r 'select(.event == "alarm") | [.indicator, .edge] | join(" ")' out)" = $'black start\nblack end' ]
    jq -se 'last | .services[0].decoded.video
      | .last_black.end_s - .last_black.begin_s > 2.4 and .last_freeze == null and .errors == 0' out
    tsmon --json --decode "$pictures" "${limits[@]}" frozen.ts >out
    lasts freeze 256 2.34 5.34 "$slack"
    [ "$(jq -s 'last | .faults' out)" -eq 1 ]
    # All sound is decoded in either case.
    tsmon --json --decode="$pictures" "${limits[@]}" silent.ts >out
    lasts silence 257 2.34 5.34 0.06
    [ "$(jq -s 'last | .faults' out)" -eq 1 ]
    silent 0 tsmon --check --decode "$pictures" "${limits[@]}" clean.ts
  done
  # What is shorter than the limit is none, and by itself it is 10 s.
  silent 0 tsmon --check --profile mpeg --decode black.ts
  silent 0 tsmon --check --profile mpeg --decode --black 4s black.ts
  silent 3 tsmon --check --profile mpeg --decode --black 2s black.ts
  silent 3 tsmon --check --only black --decode keyframes --black 2s black.ts
  # Not decoded is not measured, and never good.
  tsmon --profile mpeg black.ts >out
  grep -qE '^black +black picture +-  not measured: not decoded$' out
  refuses 2 "--only black: needs --decode" tsmon --check --only 1,black black.ts
  refuses 2 "--black requires --decode" tsmon --black 1s black.ts
}

@test "--decode: pictures, frames and loudness are in the report, true peak if asked for" {
  tsmon --profile mpeg --decode "$(good)" >out
  # 6 s at 25 pictures a second, and in frames of 24 ms; a sine at -18 dBFS in one channel.
  grep -qE '^0x0001 \(1\)  0x0100 \(256\)  150 pictures +0 +-  +-$' out
  grep -qE '^0x0001 \(1\)  0x0101 \(257\) +25[0-9] frames +0 +-2[12]\.[0-9] +-2[12]\.[0-9] +- +-$' out
  tsmon --profile mpeg --decode --true-peak "$(good)" >out
  grep -qE '^0x0001 \(1\)  0x0101 \(257\) +25[0-9] frames +0 +-2[12]\.[0-9] +-2[12]\.[0-9] +-1[78]\.[0-9] +-$' out
  # A quarter of the amplitude is 12 dB less.
  ffmpeg -v error -nostdin -f lavfi -i sine=sample_rate=48000 -t 6 -af volume=0.25 -c:a mp2 -b:a 64k -f mpegts quiet.ts
  tsmon --json --decode "$(good)" >>loud
  tsmon --json --decode quiet.ts >>loud
  jq -se 'map(select(.event == "report") | .services[0].decoded.audio[0].integrated_lufs)
    | length == 2 and (.[0] - .[1] > 11.5 and .[0] - .[1] < 12.5)' loud
  refuses 2 "--true-peak requires --decode" tsmon --true-peak "$(good)"
}

# jpeg_size FILE: WIDTHxHEIGHT, as a decoder finds it.
jpeg_size() {
  ffprobe -v error -select_streams v:0 -show_entries stream=codec_name,width,height -of csv=p=0 "$1"
}

@test "--thumbnail: a JPEG of the size that was asked for, of several services one each" {
  tsmon --profile mpeg --thumbnail small.jpg "$(good)" >out
  [ "$(jpeg_size small.jpg)" = mjpeg,320,180 ]
  # It decodes keyframes: 6 s with one in 12 pictures.
  grep -qE '^0x0001 \(1\)  0x0100 \(256\) +13 pictures' out
  tsmon --profile mpeg --decode --thumbnail small.jpg --thumbnail-width 160 "$(good)" >out
  [ "$(jpeg_size small.jpg)" = mjpeg,160,90 ]
  grep -qE '^0x0001 \(1\)  0x0100 \(256\) +150 pictures' out
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i color=red:size=160x90:rate=25 -t 3 \
    -map 0 -map 1 -c:v mpeg2video -f mpegts -program program_num=0x101:st=0 -program program_num=0x102:st=1 two.ts
  tsmon --thumbnail thumbs.d/x.jpg two.ts >/dev/null 2>err
  # It is said, also without --verbose.
  grep -qF 'tsmon: service 0x0101 (257): create thumbs.d/x-0x0101.jpg: No such file or directory' err
  mkdir thumbs.d
  tsmon --thumbnail thumbs.d/x.jpg two.ts >/dev/null 2>err
  [ ! -s err ]
  [ "$(cd thumbs.d && echo *)" = "x-0x0101.jpg x-0x0102.jpg" ]
  [ "$(jpeg_size thumbs.d/x-0x0102.jpg)" = mjpeg,320,180 ]
  refuses 2 "--thumbnail-width is from 16 to 1920" tsmon --thumbnail x.jpg --thumbnail-width 8 "$(good)"
  refuses 2 "--thumbnail-width requires --thumbnail" tsmon --thumbnail-width 160 "$(good)"
}

# --- Bad input

@test "what cannot be watched is named with the reason" {
  : >empty.ts
  echo "this is a text, and long enough to be looked at" >text.ts
  head -c 300000 /dev/urandom >random.ts
  mkdir folder
  cp "$(good)" secret.ts
  chmod 000 secret.ts
  refuses 1 "empty.ts: no transport stream packets: it is empty" tsmon empty.ts
  refuses 1 "text.ts: no transport stream packets in its 48 bytes" tsmon text.ts
  refuses 1 "read folder: Is a directory" tsmon folder
  refuses 1 "open missing.ts: No such file or directory" tsmon missing.ts
  refuses 1 "open missing/report.txt: No such file or directory" tsmon --report missing/report.txt "$(good)"
  refuses 1 "no-such-host.invalid" tsmon udp://no-such-host.invalid:5000
  refuses 1 "nosuchif" tsmon udp://239.1.1.1:5000,iface=nosuchif
  refuses 1 "missing/out.ts" tsmon --pass "$(good)" missing/out.ts
  refuses 2 "has no port" tsmon udp://239.1.1.1
  refuses 2 "OUTPUT is of use only with --pass" tsmon "$(good)" out.ts
  refuses 2 "--clock arrival" tsmon --clock arrival "$(good)"
  refuses 2 "--interval is at least 100 ms" tsmon --interval 10ms "$(good)"
  # Root reads what it likes; without its capabilities it is anybody.
  refuses 1 "open secret.ts: Permission denied" setpriv --bounding-set -all --inh-caps -all tsmon secret.ts
  # Nothing that looks like packets, or by chance a few.
  run timeout 20 tsmon random.ts
  [[ $status -eq 1 && $output == *"random.ts: no transport stream packets"* ]] || [[ $output == *FAULTY* ]]
}

@test "null packets only: nothing is measured that needs a clock, and that is said" {
  for ((i = 0; i < 500; i++)); do printf 'G\037\377\020%184s' ''; done >nulls.ts
  run -0 tsmon nulls.ts
  echo "$output"
  [[ $output == *"no PCR to measure time by"* ]]
  [[ $output == *"500, 100.0 % null packets"* ]]
  [[ $output == *"PCR_repetition_error "*"not measured: no PCR"* ]]
  # A fault has a place, but no time.
  { head -c 18800 nulls.ts && head -c 188 /dev/zero && tail -c +18989 nulls.ts; } >torn.ts
  run -0 tsmon torn.ts
  grep -qE '^1\.2 +Sync_byte_error .* 1 +- +- +100  0x00 in its place$' <<<"$output"
  [ "$(tsmon --json nulls.ts | jq -s 'last | [.duration_s, .clock, .bit_rate.mean]' -c)" = '[null,null,null]' ]
}

@test "a file is never read and written at once, whatever its names" {
  cp "$(good)" same.ts
  ln -s same.ts symbolic.ts
  ln same.ts hard.ts
  local name
  for name in ./same.ts symbolic.ts hard.ts; do
    refuses 2 "same.ts: is the output too" tsmon --pass same.ts "$name"
    refuses 2 "same.ts: is where the report goes too" tsmon --report "$name" same.ts
  done
  refuses 2 "same.ts: is the output too" bash -c 'tsmon --pass same.ts - >>same.ts'
  refuses 2 "same.ts: is where the report goes too" bash -c 'tsmon same.ts >>same.ts'
  refuses 2 "copy.ts: is where the report goes too" tsmon --report copy.ts --pass same.ts copy.ts
  refuses 2 "standard output has the stream" tsmon --report - --pass same.ts -
  cmp same.ts "$(good)"
}

@test "an input that cannot be opened leaves the last report as it is" {
  echo "yesterday's" >report.txt
  refuses 1 "missing.ts" tsmon --report report.txt missing.ts
  [ "$(cat report.txt)" = "yesterday's" ]
}

# --- Passing on

@test "--pass: the same bytes, by files, pipes and FIFOs, and the report on standard error" {
  tsmon --profile mpeg --pass "$(good)" copy.ts >out 2>err
  cmp "$(good)" copy.ts
  [ ! -s out ]
  grep -q '^GOOD: no faults' err
  grep -qE "^copy.ts: $(($(stat -c %s "$(good)") / 188)) packets, 0 dropped$" err
  cat "$(faulty)" | tsmon --pass 2>err | cmp - "$(faulty)"
  grep -q '^FAULTY' err
  mkfifo in out.fifo
  cat "$(good)" >in &
  cat out.fifo >copy.ts &
  local reader=$!
  tsmon --pass in out.fifo 2>err
  wait "$reader"
  cmp "$(good)" copy.ts
  # JSON goes the same way.
  tsmon --json --pass "$(faulty)" - 2>err | cmp - "$(faulty)"
  [ "$(jq -s 'last | .output.dropped_packets' err)" -eq 0 ]
}

@test "--pass in the middle of a pipeline, thrice" {
  tsmon --pass "$(good)" 2>/dev/null | tsmon --pass 2>/dev/null | tsmon --pass 2>/dev/null | cmp - "$(good)"
}

@test "--pass: bytes that belong to no packet are not passed, and are counted" {
  { head -c 188000 "$(good)" && printf 'a hundred bytes or so that are no packet' && tail -c +188001 "$(good)"; } >torn.ts
  tsmon --json --pass torn.ts copy.ts 2>err
  cmp copy.ts "$(good)"
  jq -se 'last | .skipped_bytes == 40 and .sync_losses == 1' err
}

@test "--pass: a reader that leaves ends it, quietly" {
  run bash -c "tsmon --pass '$(good)' - 2>err | head -c 1000 | wc -c; exit \${PIPESTATUS[0]}"
  [ "$output" = 1000 ]
  [ "$status" -eq 1 ]
  [ ! -s err ]
  run bash -c "tsmon --json '$(faulty)' 2>err | true; exit \${PIPESTATUS[0]}"
  [ ! -s err ]
}

@test "--pass: the stream goes on when the report cannot be written, and that is an error" {
  run -1 bash -c "tsmon --json --report /dev/full --pass '$(faulty)' copy.ts 2>err"
  cmp copy.ts "$(faulty)"
  [ "$(cat err)" = "tsmon: write /dev/full: No space left on device: no more reports" ]
  run -1 bash -c "tsmon --json '$(faulty)' >/dev/full 2>err"
  [ "$(cat err)" = "tsmon: write standard output: No space left on device" ]
}

@test "--pass to UDP: every packet arrives, and the report tells of the output" {
  dvbrecv --quiet -i udp://239.9.1.1:5000,iface=lo -s '*=received.ts' 3>&- &
  local receiver=$!
  wait_until has_socket 5000
  tsmon --pass "$(good)" udp://239.9.1.1:5000,iface=lo >out 2>err
  [ ! -s out ]
  grep -qE '^udp://239.9.1.1:5000,iface=lo: [0-9]+ packets, 0 dropped \(0 of them refused by the network\)' err
  has_taken_all() { [ "$(ss -H -u -a -n 'sport = :5000' | awk '{ print $2 }')" -eq 0 ]; }
  wait_until has_taken_all
  kill -TERM "$receiver"
  wait "$receiver"
  cmp received.ts "$(good)"
}

# --- Live

@test "live UDP: no alarm on a good stream; no-input when the sender dies, and its end when it is back" {
  play udp://239.9.1.1:5000,iface=lo
  monitor --json --profile mpeg --hold 1s --metrics m.prom udp://239.9.1.1:5000,iface=lo
  wait_until above m.prom packets_total 800
  no_alarm
  kill -KILL "$player"
  wait_until event start no-input
  play udp://239.9.1.1:5000,iface=lo
  wait_until event end no-input
  end_monitor
  jq -se 'last | .event == "report" and .clock == "pcr" and (.since | endswith("Z"))
    and ([.alarms[] | select(.indicator == "no-input")] | length == 1 and .[0].count == 1 and .[0].on == false
      and (.[0].first | endswith("Z")))' out
  [ "$(jq -sr '[.[] | select(.indicator == "no-input") | .edge] | join(" ")' out)" = "start end" ]
}

@test "live RTP: a lost datagram is an alarm of rtp-loss, and not one of this host's socket" {
  # A port of its own: the rule stays for the tests that follow.
  play rtp://239.9.1.1:5007,iface=lo
  monitor --json --profile mpeg --metrics m.prom rtp://239.9.1.1:5007,iface=lo
  wait_until above m.prom packets_total 500
  no_alarm
  nft -f - <<'END' || skip "cannot drop datagrams with nft"
table inet loss {
  chain input {
    type filter hook input priority 0
    udp dport 5007 numgen inc mod 50 == 7 drop
  }
}
END
  wait_until event start rtp-loss
  wait_until event start 1.4
  end_monitor
  jq -se 'last | .network.rtp_lost >= 1 and .network.socket_drops == 0
    and (.indicators[] | select(.indicator == "socket-drop") | .state) == "good"
    and (.indicators[] | select(.indicator == "rtp-loss") | .count) == .network.rtp_lost' out
}

@test "messages of a live stream: each alarm as it starts and ends, and the report at the end" {
  play udp://239.9.1.1:5000,iface=lo
  monitor --profile mpeg --hold 1s --metrics m.prom udp://239.9.1.1:5000,iface=lo
  wait_until above m.prom packets_total 500
  kill -STOP "$player"
  wait_until says err "tsmon: no-input no packets come: no packets for 1.0 s"
  kill -CONT "$player"
  wait_until says err "tsmon: no-input no packets come: over, 1 fault in "
  [ ! -s out ]
  end_monitor
  [[ $(sed -n 1p out) == "udp://239.9.1.1:5000,iface=lo, since 2"*T* ]]
  grep -qE '^(GOOD NOW|ALARM): ' out
  grep -qE '^no-input +no packets come +over +1 +2[0-9-]{9}T' out
}

@test "a stream that has stopped has no rate" {
  play udp://239.9.1.1:5000,iface=lo
  monitor --profile mpeg --metrics m.prom udp://239.9.1.1:5000,iface=lo
  wait_until test -e m.prom
  rate() {
    kill -USR1 "$monitor"
    grep -oE 'mean, [^,]+ now' out | tail -n 1
  }
  has_rate() { [[ $(rate) == "mean, "[1-9]*" Mb/s now" ]]; }
  has_none() { [[ $(rate) == "mean, 0 b/s now" ]]; }
  wait_until has_rate
  kill -KILL "$player"
  wait_until has_none
  end_monitor
}

@test "--duration of live input is by the clock of this host, also when nothing comes" {
  local before=${EPOCHREALTIME/[.,]/}
  run -0 tsmon --duration 1s udp://239.9.1.1:5000,iface=lo
  ((${EPOCHREALTIME/[.,]/} - before >= 1000000))
  [[ $output == *"ALARM: 1 alarm on, of no-input"* || $output == *"NOTHING YET"* ]]
  # The alarm has its date, also before anything has come.
  local now
  now=$(date -u +%FT%T)
  tsmon --json --duration 2s udp://239.9.1.1:5000,iface=lo >out
  [[ $(jq -r 'select(.edge == "start") | .first' out) > $now ]]
  play udp://239.9.1.1:5000,iface=lo
  silent 0 tsmon --check --profile mpeg --duration 2s udp://239.9.1.1:5000,iface=lo
  silent 3 tsmon --check --only 1.3 --max-pat 50ms --duration 2s udp://239.9.1.1:5000,iface=lo
  tsmon --json --clock arrival --duration 1s udp://239.9.1.1:5000,iface=lo >out
  [ "$(jq -c 'select(.event == "report") | [.clock, .clock_pid]' out)" = '["arrival",null]' ]
  kill -KILL "$player"
  wait "$player" || true
  refuses 1 "no transport stream packets: nothing came" tsmon --check --duration 1s udp://239.9.1.1:5000,iface=lo
}

# --- The user's command

@test "--on-alarm: the command knows what happened" {
  # shellcheck disable=SC2016
  tsmon --only 1.4,2.2 --hold 500ms --on-alarm 'env | grep ^TSMON_ | sort | tr "\n" "|" >>log; echo >>log; echo seen' "$(faulty)" >out 2>err
  [ "$(wc -l <log)" -eq 10 ]
  grep -q '|TSMON_EDGE=start|.*|TSMON_INDICATOR=1.4|' log
  grep -q '|TSMON_EDGE=end|.*|TSMON_INDICATOR=2.2|' log
  grep -E "TSMON_DETAIL=1 packet missing \(modulo 16\)\|" log |
    grep -E '\|TSMON_FIRST=\|TSMON_FIRST_S=1\.[0-9]{3}\|' | grep -E '\|TSMON_NAME=Continuity_count_error\|TSMON_PID=256\|TSMON_SERVICE=\|TSMON_TABLE=\|'
  grep -E '\|TSMON_INPUT=.*/faulty.ts\|' log | grep -q '|TSMON_PID=0|TSMON_SERVICE=|TSMON_TABLE=0|'
  # What it prints goes where messages go.
  grep -q '^seen$' err
  ! grep -q '^seen$' out
}

@test "--on-alarm: a command that fails is said, and one that hangs holds nothing up" {
  tsmon --only 2.2 --on-alarm 'exit 7' "$(faulty)" >out 2>err
  grep -q '^tsmon: --on-alarm: the command ended with status 7$' err
  dvbrecv --quiet -i udp://239.9.1.2:5001,iface=lo -s '*=passed.ts' 3>&- &
  wait_until has_socket 5001
  play udp://239.9.1.1:5000,iface=lo
  # shellcheck disable=SC2016
  monitor --pass --only 1.3 --max-pat 50ms --on-alarm 'echo begun $$ >>log; exec sleep 600' --metrics m.prom \
    udp://239.9.1.1:5000,iface=lo udp://239.9.1.2:5001,iface=lo
  wait_until says log begun
  local before
  before=$(stat -c %s passed.ts)
  wait_until has_more_than passed.ts $((before + 200000))
  [ "$(wc -l <log)" -eq 1 ]
  end_monitor
  grep -q 'tsmon: --on-alarm: the command has not ended, .* events were left out' err
  [ "$(metric m.prom output_dropped_packets_total)" -eq 0 ]
  [ "$(metric m.prom alarm_commands_left_out_total)" -ge 0 ]
  ended() { ! readlink "/proc/$(cut -d ' ' -f 2 log)/exe" >/dev/null; }
  wait_until ended
}

# --- Reports that nobody takes

@test "a reader of events that hangs holds no stream up" {
  dvbrecv --quiet -i udp://239.9.1.2:5001,iface=lo -s '*=passed.ts' 3>&- &
  wait_until has_socket 5001
  play udp://239.9.1.1:5000,iface=lo
  mkfifo events
  # Opened, and never read.
  exec 5<>events
  tsmon --json --report events --pass --metrics m.prom udp://239.9.1.1:5000,iface=lo udp://239.9.1.2:5001,iface=lo \
    2>err 3>&- 5>&- &
  monitor=$!
  wait_until above m.prom packets_total 0
  # More reports than the pipe holds, each after the stream has gone on.
  local i before
  for ((i = 0; i < 30; i++)); do
    kill -USR1 "$monitor"
    before=$(stat -c %s passed.ts)
    wait_until has_more_than passed.ts $((before + 5000))
  done
  end_monitor
  exec 5<&-
  grep -q 'tsmon: events: the reader has not taken the last [0-9]* bytes of the report' err
  [ "$(metric m.prom output_dropped_packets_total)" -eq 0 ]
}

# --- Metrics

@test "metrics are as Prometheus wants them, and only of what is measured" {
  tsmon --profile mpeg --metrics m.prom "$(faulty)" >/dev/null
  "$HEADEND_SOURCE/tests/cli/check_metrics.py" m.prom
  [ "$(metric m.prom faults_total 'indicator="1.4"')" -eq 4 ]
  [ "$(metric m.prom packets_total)" -eq $(($(stat -c %s "$(faulty)") / 188)) ]
  [ "$(metric m.prom indicator_measured 'indicator="2.6"')" -eq 0 ]
  [ "$(metric m.prom indicator_measured 'indicator="2.4"')" -eq 1 ]
  [ -z "$(metric m.prom faults_total 'indicator="2.6"')" ]
  [ -z "$(metric m.prom alarm_active 'indicator="3.8"')" ]
  [ -z "$(metric m.prom pcr_frequency_offset_hertz)" ]
  run ! grep 'datagram\|_rtp_\|output\|NaN' m.prom
  if command -v promtool >/dev/null; then promtool check metrics <m.prom; fi
}

@test "live metrics only go up, and an alarm is on while it is" {
  play rtp://239.9.1.1:5000,iface=lo
  monitor --profile mpeg --metrics m.prom rtp://239.9.1.1:5000,iface=lo
  wait_until above m.prom packets_total 0
  cp m.prom before.prom
  later() { above m.prom packets_total "$(metric before.prom packets_total)"; }
  wait_until later
  cp m.prom after.prom
  "$HEADEND_SOURCE/tests/cli/check_metrics.py" before.prom after.prom
  [ "$(metric after.prom alarm_active 'indicator="no-input"')" -eq 0 ]
  kill -KILL "$player"
  silent_in_metrics() { [ "$(metric m.prom alarm_active 'indicator="no-input"')" = 1 ]; }
  wait_until silent_in_metrics
  [ "$(metric m.prom bytes_per_second)" -eq 0 ]
  end_monitor
  "$HEADEND_SOURCE/tests/cli/check_metrics.py" before.prom after.prom m.prom
}

@test "services and PIDs that no table names any more have no metrics" {
  dvbrecv --quiet -i "$(good)" -s 1=other.ts,newsid=2,pid-map=256:300+257:301+4096:310
  mkfifo in
  monitor --metrics m.prom in
  local stream
  exec {stream}>in
  cat "$(good)" >&"$stream"
  has_pid() { [ -n "$(metric m.prom pid_packets_total "pid=\"$1\"" 2>/dev/null)" ]; }
  has_service() { [ -n "$(metric m.prom service_bytes_per_second "service=\"$1\"" 2>/dev/null)" ]; }
  wait_until has_service 0x0001
  has_pid 0x0100
  cat other.ts >&"$stream"
  exec {stream}>&-
  wait "$monitor"
  has_pid 0x012c
  run ! has_pid 0x0100
  has_service 0x0002
  run ! has_service 0x0001
}

# --- Signals

@test "SIGUSR1 prints the state and goes on, SIGHUP takes other limits, SIGTERM ends with a report" {
  play udp://239.9.1.1:5000,iface=lo
  printf 'input = udp://239.9.1.1:5000,iface=lo\nonly = 1.3\njson = true\nmetrics = m.prom\nreport = report.json\n' >tsmon.conf
  monitor --config tsmon.conf
  wait_until above m.prom packets_total 0
  kill -USR1 "$monitor"
  reported() { [ "$(jq -s 'map(select(.event == "report")) | length' report.json)" -eq "$1" ]; }
  wait_until reported 1
  [ "$(jq -s 'last | .faults' report.json)" -eq 0 ]
  echo 'max-pat = 50ms' >>tsmon.conf
  # The file is another one after that, as a rotation of logs wants it.
  mv report.json report.old
  kill -HUP "$monitor"
  wait_until says err "configuration read again"
  faulty_now() { jq -se 'any(.[]; .indicator == "1.3.a" and .edge == "start")' report.json >/dev/null; }
  wait_until faulty_now
  echo 'max-pat = quick' >>tsmon.conf
  kill -HUP "$monitor"
  wait_until says err "configuration not taken over, all goes on as before: "
  end_monitor
  [ "$(jq -s 'last | .event' report.json)" = '"report"' ]
  [ "$(jq -s 'map(select(.event == "report")) | length' report.old)" -eq 1 ]
}

@test "indicators that are watched no more have no metrics after a SIGHUP" {
  play udp://239.9.1.1:5000,iface=lo
  printf 'input = udp://239.9.1.1:5000,iface=lo\nmetrics = m.prom\nonly = 1.3,2.5\n' >tsmon.conf
  monitor --config tsmon.conf
  watched() { [ -n "$(metric m.prom faults_total "indicator=\"$1\"" 2>/dev/null)" ]; }
  wait_until watched 2.5
  sed -i 's/^only.*/only = 1.3/' tsmon.conf
  kill -HUP "$monitor"
  wait_until says err "configuration read again"
  end_monitor
  watched 1.3.a
  ! watched 2.5
}

# --- The man page

@test "the man page names every key of JSON and every metric" {
  play rtp://239.9.1.1:5000,iface=lo
  monitor --json --pass --on-alarm true --profile mpeg --report report.json --metrics m.prom \
    rtp://239.9.1.1:5000,iface=lo udp://239.9.1.2:5001,iface=lo
  wait_until above m.prom packets_total 0
  end_monitor
  tsmon --json "$(faulty)" >>report.json
  tsmon --json --decode --true-peak --metrics decoded.prom "$(good)" >>report.json
  jq -r '.. | objects | keys[]' report.json | sort -u >names
  grep -hoE '^headend_tsmon_[a-z_]+' m.prom decoded.prom | sed 's/^headend_tsmon_//' | sort -u >>names
  [ "$(wc -l <names)" -gt 100 ]
  # Of the variables that it marks, for "name" and "at" are in any text.
  sed -nE 's/^\.((It|Pq|Ql) )*Va //p' "$HEADEND_SOURCE/man/tsmon.1" | tr -d ',.;:()' | tr -s ' ' '\n' | sort -u >documented
  sort -u names | comm -23 - documented >missing
  cat missing
  [ ! -s missing ]
}

# --- The table on a terminal

@test "on a terminal a table is written again and again, within its lines and columns" {
  play udp://239.9.1.1:5000,iface=lo
  # shellcheck disable=SC2016
  script -q -f -e -c 'stty rows 20 cols 60; exec tsmon --profile mpeg --interval 200ms --metrics m.prom udp://239.9.1.1:5000,iface=lo' \
    typescript >/dev/null 3>&- &
  local terminal=$!
  wait_until above m.prom packets_total 1000
  pkill -USR1 -P "$terminal"
  # last TEXT: where it stands for the last time.
  last() { grep -aobF "$1" typescript | tail -n 1 | cut -d : -f 1; }
  shows_table_again() { grep -q INDICATORS typescript && [ "$(last ' mean, ')" -gt "$(last INDICATORS)" ]; }
  wait_until shows_table_again
  pkill -TERM -P "$terminal" || true
  wait "$terminal" || true
  python3 - typescript <<'PYTHON'
import re, sys
text = open(sys.argv[1], newline="", encoding="utf-8").read()
screens = text.split("\x1b[H")[1:]
assert len(screens) >= 5, len(screens)
# Two of them are reports, of any length: the one asked for, moved up out of the way, and the last.
tables = [s for s in screens if "INDICATORS" not in s]
reports = [s for s in screens if "INDICATORS" in s]
assert len(reports) == 2 and screens[-1] == reports[1], len(reports)
assert reports[0].endswith("\r\n" * 20)
for screen in tables:
    assert screen.endswith("\x1b[J"), screen[-20:]
    lines = screen[:-3].replace("\r\n", "\n").split("\n")
    assert len(lines) <= 20, len(lines)
    assert all(len(re.sub(r"\x1b\[[A-Z]", "", line)) <= 60 for line in lines), lines
    assert all(line.endswith("\x1b[K") for line in lines[:-1])
assert all(re.search("GOOD|ALARM|NOTHING YET", s) for s in tables)
PYTHON
}
