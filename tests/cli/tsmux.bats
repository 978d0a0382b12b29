#!/usr/bin/env bats
# tsmux, as its users run it: judged by scripts/check-stream, stream_facts.py, si_facts.py and ffmpeg, which have no code
# of this project, and by tsmon.

load support

# one.ts and two.ts have the same ids and PIDs: service 1, PMT on 0x1000, pictures with PCR on 0x100, sound on 0x101.
# guide.ts is one.ts with EIT, CAT and EMMs. mux.ts has service 257 with two sounds, and 258 with one.
setup_file() {
  cd "$BATS_FILE_TMPDIR" || return
  make_stream one.ts mpeg2video mp2 440 -metadata service_name=One -metadata:s:a language=fra
  make_stream two.ts libx264 aac 880 -metadata service_name=Two -metadata:s:a language=eng
  "$HEADEND_SOURCE/tests/cli/put_si.py" 1 1000000 one.ts guide.ts
  ffmpeg -v error -nostdin -i one.ts -i two.ts -map 0:v -map 0:a -map 1:a -map 1:v -map 1:a -c copy -f mpegts \
    -program program_num=257:title=Eins:st=0:st=1:st=2 -program program_num=258:title=Zwei:st=3:st=4 \
    -muxrate 2M -muxdelay 0.3 -muxpreload 0.3 -pcr_period 30 -pat_period 0.09 -sdt_period 0.4 mux.ts
}

# make_stream FILE VIDEO-CODEC AUDIO-CODEC HERTZ ARGUMENT...: 4 seconds at 1 Mb/s.
make_stream() {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i "sine=frequency=$4:sample_rate=48000" \
    -t 4 -map 0:v -map 1:a -c:v "$2" -g 12 -bf 2 -b:v 500k -maxrate 500k -bufsize 200k -c:a "$3" -b:a 96k -ac 2 \
    -f mpegts -muxrate 1M -muxdelay 0.3 -muxpreload 0.3 -pcr_period 30 -pat_period 0.09 -sdt_period 0.4 "${@:5}" "$1"
}

# The streams are in every test's directory.
setup() {
  cd "$BATS_TEST_TMPDIR" || return
  export TZ=UTC LC_ALL=C.UTF-8
  local file
  for file in one two guide mux; do ln -s "$BATS_FILE_TMPDIR/$file.ts" . || return; done
}

facts() { "$HEADEND_SOURCE/tests/cli/stream_facts.py" "$@"; }
si() { "$HEADEND_SOURCE/tests/cli/si_facts.py" "$@"; }

# clean FILE...: to a judge of this project and to one that is none.
clean() {
  local file
  for file in "$@"; do
    "$HEADEND_SOURCE/scripts/check-stream" "$file"
    tsmon --check --profile dvb "$file" || {
      tsmon --profile dvb "$file" | sed '/^INDICATORS/,$d'
      return 1
    }
  done
}

# pictures FILE SERVICE: a sum of each picture and frame of sound of a service, decoded, with the time it is shown.
pictures() {
  ffmpeg -v error -nostdin -copyts -i "$1" -map "0:p:$2" -f framemd5 - | grep -v '^#'
}

# units FILE SERVICE: a sum of each PES packet of a service, with its PTS and DTS.
units() {
  ffmpeg -v error -nostdin -copyts -i "$1" -map "0:p:$2" -c copy -f framemd5 - | grep -v '^#'
}

# bytes FILE: 0 if it is not there.
bytes() { stat -Lc %s "$1" 2>/dev/null || echo 0; }
has_bytes() { [ "$(bytes "$1")" -ge "$2" ]; }
has_grown() { wait_until has_bytes "$1" $(($(bytes "$1") + $2)); }
says() { grep -qF -- "$2" "$1"; }

# said FILE FACT...: each is among the facts of its tables.
said() {
  local file=$1 fact
  shift
  si "$file" >facts
  for fact in "$@"; do
    grep -qxE -- "$fact" facts || {
      echo "not said: $fact"
      cat facts
      return 1
    }
  done
}

# metric FILE NAME [LABELS]: its value.
metric() { grep -F "headend_tsmux_$2{" "$1" | grep -F -- "${3:-}" | sed 's/.* //'; }

# refuses STATUS TEXT COMMAND...: it ends with this status, writes nothing, and says this in one message.
refuses() {
  local expected=$1 text=$2
  shift 2
  run --separate-stderr timeout 20 "$@"
  echo "$*"
  # shellcheck disable=SC2154
  echo "$status: $stderr"
  [ "$status" -eq "$expected" ]
  [ -z "$output" ]
  [[ $stderr == "tsmux: "*"$text"* ]]
  # And after a wrong command line where help is.
  [ "$(grep -cvF "tsmux: try 'tsmux --help'" <<<"$stderr")" -eq 1 ]
}

# --- Files

@test "services of several files become one multiplex, clean, and of the rate asked for to the packet" {
  tsmux --bitrate 6M --duration 6s --delivery dvb-c:frequency=330M,symbol-rate=6.9M,modulation=qam256 \
    -i guide.ts,loop=yes -i two.ts,loop=yes -i mux.ts,service=all,loop=yes out.ts
  clean out.ts
  # The packets that begin in 6 s; and the PCRs of each service say so too.
  [ "$(bytes out.ts)" -eq $(((6 * 6000000 + 1503) / 1504 * 188)) ]
  facts rates out.ts >rates
  [ "$(wc -l <rates)" -eq 4 ]
  awk '$2 < 5999999 || $2 > 6000001 { exit 1 }' rates
  [ "$(ffprobe -v error -show_entries program=program_id -of csv=p=0 out.ts | grep -oE '^[0-9]+' | sort -n | xargs)" = "1 257 258 513" ]
}

@test "pictures, sound and their times are those of the source" {
  tsmux -b 3M -i one.ts -i two.ts,newsid=2,pid-map=0x100:0x300+0x101:0x301 out.ts
  [ "$(pictures one.ts 1 | wc -l)" -gt 200 ] && [ "$(pictures two.ts 1 | wc -l)" -gt 200 ]
  diff <(pictures one.ts 1) <(pictures out.ts 1)
  diff <(pictures two.ts 1) <(pictures out.ts 2)
  diff <(units one.ts 1) <(units out.ts 1)
  diff <(units two.ts 1) <(units out.ts 2)
}

@test "the tables say what the inputs and the options say" {
  tsmux -b 4M --duration 11s --start 2026-11-26T10:00:00Z --time-zone Europe/Paris --network-name 'Réseau' \
    --network-id 0x3001 --onid 0x20fa --tsid 7 --cat \
    --delivery dvb-c:frequency=330M,symbol-rate=6.9M,modulation=qam256 \
    -i guide.ts,loop=yes,newsid=0x201,lcn=1,name=Première%2C%20une,provider=Moi,type=0x19 \
    -i two.ts,loop=yes,lcn=802 -i mux.ts,loop=yes,service=258,lcn=3 out.ts
  clean out.ts
  said out.ts 'nit 0x3001 Réseau' 'nit 0x44 03300000fff2050069000f' 'nit 0x41 000101010201020119' \
    'lcn 1 802' 'lcn 258 3' 'lcn 513 1' \
    'sdt 513 4 0x19 Moi / Première, une' 'sdt 1 4 0x01 FFmpeg / Two' 'sdt 258 4 0x01 FFmpeg / Zwei' \
    'pat 0 0x0010' 'pat 513 0x1000' 'pmt 513 pcr 0x0100' 'pmt 513 0x02 0x0100 -' 'pmt 513 0x03 0x0101 fra' \
    'pmt 1 0x0f 0x02.. eng' 'pmt 258 0x0f 0x0104 eng' \
    'eit 0x4e 513 1 2026-11-26T10:00:00Z 3600 Now' 'eit 0x4e 513 2 2026-11-26T11:00:00Z 3600 Next' \
    'eit 0x50 513 3 2026-11-26T12:00:00Z 3600 Later' \
    'tdt 2026-11-26T10:00:0.Z' 'tot 2026-11-26T10:00:0.Z' 'offset FRA 0 \+0100 2027-03-28T01:00:00Z \+0200' \
    'cat 0x0500 0x0050' 'emm 0x0050'
  [ "$(grep -c '^pat' facts)" -eq 4 ] && [ "$(grep -c '^lcn' facts)" -eq 3 ]
  # Not one wrong CRC, and events of no other service id.
  run ! grep -E '^crc|^eit 0x.. (1|257|258) ' facts
  # The PIDs of the tables, and those of the PMTs and no other.
  facts pids out.ts | xargs printf '0x%04x\n' >pids
  grep -oE '^(pat|pmt|cat) .*' facts | grep -oE '0x[0-9a-f]{4}' | sort -u >named
  diff <(sort -u named <(printf '0x%04x\n' 0 1 17 18 20 8191) | grep -v 0x0500) pids
}

@test "what is not asked for is not sent: CAT, EIT, times and a delivery system" {
  tsmux -b 3M --no-time -i guide.ts,eit=none -i two.ts,newsid=2,eit=pf out.ts
  [ -z "$(facts pids out.ts | grep -E '^(1|20|80)$')" ]
  si out.ts >facts
  run ! grep -E '^(eit|tdt|tot|offset|cat|lcn|nit 0x44)' facts
  tsmux -b 3M -i guide.ts,eit=pf out.ts
  si out.ts >facts
  grep -q '^eit 0x4e 1 1 ' facts
  run ! grep '^eit 0x50' facts
}

@test "events come from an XMLTV file" {
  cat >guide.xml <<-'END'
	<?xml version="1.0" encoding="UTF-8"?>
	<tv>
	  <channel id="zwei"><display-name>Zwei</display-name></channel>
	  <programme start="20261126095500 +0000" stop="20261126110000 +0000" channel="zwei"><title lang="fr">Matinée</title></programme>
	  <programme start="20261126110000 +0000" stop="20261126113000 +0000" channel="zwei"><title lang="fr">Midi</title></programme>
	  <programme start="20261126095500 +0000" stop="20261126110000 +0000" channel="other"><title>Other</title></programme>
	</tv>
	END
  tsmux -b 4M --duration 11s --start 2026-11-26T10:00:00Z --xmltv guide.xml \
    -i guide.ts,loop=yes -i two.ts,loop=yes,newsid=2,xmltv=zwei out.ts
  clean out.ts
  said out.ts 'eit 0x4e 2 [0-9]+ 2026-11-26T09:55:00Z 3900 Matinée' 'eit 0x4e 2 [0-9]+ 2026-11-26T11:00:00Z 1800 Midi' \
    'eit 0x50 2 [0-9]+ 2026-11-26T11:00:00Z 1800 Midi' 'eit 0x4e 1 1 .* Now'
  run ! grep Other facts
}

@test "PIDs and ids as asked for, and components left out" {
  tsmux -b 3M -i mux.ts,service=257,newsid=7,pmt-pid=0x40,drop=0x101,pid-map=0x100:0x400+0x102:0x402 \
    -i two.ts,newsid=8,pid-map=0x100:0x100 out.ts
  said out.ts 'pat 7 0x0040' 'pmt 7 pcr 0x0400' 'pmt 7 0x02 0x0400 -' 'pmt 7 0x0f 0x0402 .*' 'pat 8 0x1000' \
    'pmt 8 pcr 0x0100' 'sdt 7 4 0x01 FFmpeg / Eins'
  [ "$(grep -c '^pmt 7 0x' facts)" -eq 2 ]
  diff <(ffmpeg -v error -copyts -i mux.ts -map i:0x102 -c copy -f framemd5 - | grep -v '^#') \
    <(ffmpeg -v error -copyts -i out.ts -map i:0x402 -c copy -f framemd5 - | grep -v '^#')
}

@test "ids and PIDs are the same after a restart, though inputs come in another order" {
  ids() { si "$1" | grep -E '^(pat|pmt)' | sort; }
  tsmux -q -b 5M --remember ids.txt -i one.ts -i two.ts -i mux.ts,service=all first.ts
  tsmux -q -b 5M --remember ids.txt -i mux.ts,service=all -i two.ts -i one.ts second.ts
  tsmux -q -b 5M -i mux.ts,service=all -i two.ts -i one.ts third.ts
  [ "$(ids first.ts | grep -c '^pat [^0]')" -eq 4 ]
  diff <(ids first.ts) <(ids second.ts)
  run ! diff <(ids first.ts) <(ids third.ts)
  grep -qxE 'service 0x[0-9a-f]{4} 0x0001 two.ts' ids.txt
  # A damaged file is said to be one, and replaced.
  echo 'what is this' >ids.txt
  tsmux -b 5M --remember ids.txt -i one.ts -i two.ts -i mux.ts,service=all fourth.ts 2>log
  says log 'ids.txt'
  says log 'identifiers are given anew'
  diff <(ids first.ts) <(ids fourth.ts)
  grep -qxE 'service 0x[0-9a-f]{4} 0x0001 two.ts' ids.txt
}

@test "a component of another source comes in time with the service that it is for" {
  # The sound of two.ts is 880 Hz, and its clock three hours ahead.
  ffmpeg -v error -nostdin -i two.ts -c copy -f mpegts -output_ts_offset 10800 -muxrate 1M -muxdelay 0.3 \
    -muxpreload 0.3 -pcr_period 30 later.ts
  tsmux -b 3M -i one.ts --component later.ts,pid=0x101,to=1,pid-map=0x101:0x333 out.ts
  clean out.ts
  said out.ts 'pmt 1 0x02 0x0100 -' 'pmt 1 0x03 0x0101 fra' 'pmt 1 0x0f 0x0333 eng'
  coded() { ffmpeg -v error -i "$1" -map "i:$2" -c copy -f framemd5 - | awk -F, '!/^#/ { print $NF }'; }
  diff <(coded later.ts 0x101) <(coded out.ts 0x333)
  # As far ahead of the PCRs as where it came from, and what the multiplexer sends early.
  local before after
  before=$(facts lead 0x101 later.ts)
  after=$(facts lead 0x333 out.ts)
  echo "$before ms, $after ms"
  ((before > 50 && after >= before - 1 && after <= before + 110))
}

@test "--vbr sends a service without null packets, clean" {
  tsmux --vbr -b 3M -i one.ts out.ts
  clean out.ts
  diff <(units one.ts 1) <(units out.ts 1)
  run ! grep -x 8191 <(facts pids out.ts)
  # Less than the source with its null packets.
  [ "$(bytes out.ts)" -lt "$(bytes one.ts)" ]
}

@test "when there is too little rate, the service of the highest priority number loses, and is named" {
  tsmux -b 1300k --duration 6s -i two.ts,loop=yes,newsid=2,priority=1 -i one.ts,loop=yes --metrics m.prom out.ts 2>log
  cat log
  grep -qE 'tsmux: more than --bitrate 1\.30 Mb/s can carry: dropped are [0-9.]+ kb/s of service 0x0002' log
  [ "$(metric m.prom service_dropped_packets_total 0x0002)" -gt 10 ]
  [ "$(metric m.prom service_dropped_packets_total 0x0002)" -gt $((2 * $(metric m.prom service_dropped_packets_total 0x0001))) ]
}

@test "wrong command lines: exit status 2, with what is wrong and what would be right" {
  refuses 2 '--bitrate is missing' tsmux -i one.ts
  refuses 2 'no input: give --input ENDPOINT' tsmux -b 4M
  refuses 2 "--bitrate: not a bit rate: 'fast' (try 24M" tsmux -b fast -i one.ts
  refuses 2 '--bitrate 99k: too low' tsmux -b 99k -i one.ts
  refuses 2 '--bitrate 2G: 1G at most' tsmux -b 2G -i one.ts
  refuses 2 'one.ts: is the endpoint of several inputs: each needs service=SID' tsmux -b 4M -i one.ts -i one.ts
  refuses 2 'input one.ts, service 0x0001 (1): is taken twice: each needs its own newsid=' \
    tsmux -b 4M -i one.ts,service=1 -i one.ts,service=1
  refuses 2 'newsid=0x0005 is asked for by input one.ts and by input two.ts' \
    tsmux -b 4M -i one.ts,newsid=5 -i two.ts,newsid=5
  refuses 2 'lcn=1 is asked for by input one.ts and by input two.ts' tsmux -b 4M -i one.ts,lcn=1 -i two.ts,lcn=1
  refuses 2 'PID 0x0300 (768) is asked for by input one.ts and by input two.ts' \
    tsmux -b 4M -i one.ts,pid-map=0x100:0x300 -i two.ts,pid-map=0x100:0x300
  refuses 2 'pid-map: PID 0x1fff (8191)' tsmux -b 4M -i one.ts,pid-map=0x100:0x1fff
  refuses 2 "newsid: not a number: 'x'" tsmux -b 4M -i one.ts,newsid=x
  refuses 2 "lcn: out of range: '1000' (1 to 999)" tsmux -b 4M -i one.ts,lcn=1000
  refuses 2 'newsid= is for one service: not with service=all' tsmux -b 4M -i mux.ts,newsid=3,service=all
  refuses 2 "has an unknown key 'colour': known are" tsmux -b 4M -i udp://239.1.1.1:5000,colour=red
  refuses 2 'has no port' tsmux -b 4M -i one.ts udp://239.1.1.1
  refuses 2 "--delivery not a delivery system: 'dvb-x:a=b' (try dvb-s:" tsmux -b 4M -i one.ts --delivery dvb-x:a=b
  refuses 2 '--delivery dvb-c: symbol-rate= is missing' tsmux -b 4M -i one.ts --delivery dvb-c:frequency=330M
  refuses 2 "--time-zone not a time zone: 'Europe/Nowhere'" tsmux -b 4M -i one.ts --time-zone Europe/Nowhere
  refuses 2 "--time-zone Etc/GMT+1: is no single country's: give --country CCC too" tsmux -b 4M -i one.ts --time-zone Etc/GMT+1
  refuses 2 '--country FR: three capital letters' tsmux -b 4M -i one.ts --country FR
  refuses 2 '--vbr is for a single service' tsmux -b 4M --vbr -i one.ts -i two.ts
  refuses 2 '--vbr is for a single service' tsmux -b 4M --vbr -i mux.ts,service=all
  refuses 2 '--duration 0: there is nothing to send' tsmux -b 4M -i one.ts --duration 0
  refuses 2 '--start: the input udp://239.1.1.1:5000 is live' tsmux -b 4M -i udp://239.1.1.1:5000 --start 20:00
  refuses 2 'one.ts: latency= is for what comes at its own pace' tsmux -b 4M -i one.ts,latency=200ms
  refuses 2 'to= is missing' tsmux -b 4M -i one.ts --component two.ts,pid=0x101
  refuses 2 'pid= is missing' tsmux -b 4M -i one.ts --component two.ts,to=1
  refuses 2 'xmltv=x: the file is missing: give --xmltv FILE' tsmux -b 4M -i one.ts,xmltv=x
  refuses 2 '--xmltv: no input says which channel it is' tsmux -b 4M -i one.ts --xmltv guide.xml
  refuses 2 "one argument too many: 'b.ts'" tsmux -b 4M -i one.ts a.ts b.ts
  refuses 2 '--config: open no.conf: No such file or directory' tsmux --config no.conf
  refuses 2 '--config: open .: Is a directory' tsmux --config .
  printf 'bitrate = 4M\ncolour = red\n' >bad.conf
  refuses 2 'bad.conf:2: colour: no such option' tsmux --config bad.conf
  [ ! -e a.ts ]
}

@test "an input that is the output too is refused, and stays as it is" {
  cp one.ts same.ts
  ln same.ts hard.ts
  refuses 2 'input same.ts and output hard.ts are one file' tsmux -b 4M -i same.ts hard.ts
  refuses 2 'input - and output same.ts are one file' tsmux -b 4M -i - same.ts <same.ts
  refuses 2 'is sent where input udp://239.1.1.1:5000 is received' \
    tsmux -b 4M -i udp://239.1.1.1:5000 rtp://239.1.1.1:5000
  cmp one.ts same.ts
}

@test "what is not in a file is said before anything is written: exit status 1" {
  : >empty.ts
  seq 1 50000 >text.ts
  head -c 300000 /dev/urandom >random.ts
  python3 - <<'PYTHON'
data = open("one.ts", "rb").read()
packets = [bytearray(data[i : i + 188]) for i in range(0, len(data), 188)]
pid = lambda p: (p[1] & 31) << 8 | p[2]
without = lambda number: b"".join(p for p in packets if pid(p) != number)
open("no-pat.ts", "wb").write(without(0))
open("no-pmt.ts", "wb").write(without(0x1000))
for p in packets:
    if p[3] & 0x20 and p[4] and p[5] & 0x10:
        p[5] &= ~0x10
open("no-pcr.ts", "wb").write(b"".join(packets))
PYTHON
  local file
  for file in empty text random; do
    refuses 1 "$file.ts: no transport stream packets in it" tsmux -b 4M -i "$file.ts" out.ts
  done
  refuses 1 'no-pat.ts: no PAT in it' tsmux -b 4M -i no-pat.ts out.ts
  refuses 1 'no-pmt.ts: no PMT in it' tsmux -b 4M -i no-pmt.ts out.ts
  refuses 1 'no-pcr.ts: no program clock (PCR) in it' tsmux -b 4M -i no-pcr.ts out.ts
  refuses 1 'mux.ts: holds 2 services, say which by service=SID or service=all: 0x0101 (257) "Eins", 0x0102 (258) "Zwei"' \
    tsmux -b 4M -i mux.ts out.ts
  refuses 1 'mux.ts: no service 0x0007 (7) in it; it has 0x0101 (257) "Eins", 0x0102 (258) "Zwei"' \
    tsmux -b 4M -i mux.ts,service=7 out.ts
  refuses 1 'component two.ts for service 0x0001 (1): service 0x0001 (1) has no component on PID 0x0999 (2457)' \
    tsmux -b 4M -i one.ts --component two.ts,pid=0x999,to=1 out.ts
  refuses 1 'open missing.ts: No such file or directory' tsmux -b 4M -i missing.ts out.ts
  refuses 1 'read .: Is a directory' tsmux -b 4M -i . out.ts
  refuses 1 'find host no-such-host.invalid' tsmux -b 4M -i udp://no-such-host.invalid:5000 out.ts
  [ ! -e out.ts ]
  refuses 1 'component two.ts for service 0x0007 (7): no such service in the multiplex' \
    tsmux -q -b 4M -i one.ts --component two.ts,pid=0x101,to=7 out.ts
}

@test "an output that cannot be written ends it: exit status 1, in silence if a reader has gone" {
  refuses 1 'create nowhere/out.ts: No such file or directory' tsmux -b 4M -i one.ts nowhere/out.ts
  refuses 1 'write /dev/full: No space left on device' tsmux -q -b 4M -i one.ts /dev/full
  run bash -c 'tsmux -q -b 4M -i one.ts,loop=yes 2>err | head -c 1000 | wc -c; exit ${PIPESTATUS[0]}'
  [ "$output" = 1000 ]
  [ "$status" -eq 1 ]
  [ ! -s err ]
}

# --- Live

# send FILE ENDPOINT: for ever, by a process of its own that has begun; its pid is in $sender.
send() {
  rm -f sender.prom
  tsplayout --quiet --loop "$1" --output "$2,iface=lo" --metrics sender.prom 3>&- &
  sender=$!
  disown # killed without a word
  senders+=("$sender")
  wait_until test -e sender.prom
}

teardown() {
  local pids
  pids=$(jobs -p)
  # shellcheck disable=SC2086
  [ -z "$pids${senders[*]}" ] || kill -KILL $pids "${senders[@]}" 2>/dev/null || true
}

# multiplex ARGUMENT...: in the background; its pid is in $muxer, what it says in log.
multiplex() {
  tsmux --verbose --metrics m.prom "$@" 2>log 3>&- &
  muxer=$!
}

end_multiplex() {
  kill -TERM "$muxer"
  wait "$muxer" || {
    cat log
    return 1
  }
}

# begun FILE...: without the first 1000 packets, in which live services have not all begun.
begun() {
  local file
  for file in "$@"; do tail -c +188001 "$file" >"begun.$file"; done
}

# state FILE SERVICE RUNNING: the last SDT in it says so of the service.
state() {
  tail -c $((188 * 3000)) "$1" >last.ts
  si last.ts | grep "^sdt $2 " | tail -n 1 | grep -q "^sdt $2 $3 "
}

@test "live services come by UDP, RTP and SRT, and go by UDP, RTP and SRT" {
  send one.ts udp://239.1.0.1:5000
  send two.ts rtp://239.1.0.2:5000
  dvbrecv -q -i udp://239.3.0.1:5001,iface=lo -s '*=udp.ts' 3>&- &
  local -a receivers=($!)
  dvbrecv -q -i rtp://239.3.0.2:5002,iface=lo -s '*=rtp.ts' 3>&- &
  receivers+=($!)
  wait_until has_socket 5001
  wait_until has_socket 5002
  multiplex -b 3M -i udp://239.1.0.1:5000,iface=lo -i rtp://239.1.0.2:5000,iface=lo,newsid=2 udp://239.3.0.1:5001,iface=lo
  # From one multiplexer to the next: one of its services by RTP, another by SRT.
  tsmux -q -b 2M -i udp://239.3.0.1:5001,iface=lo,service=2 rtp://239.3.0.2:5002,iface=lo 3>&- &
  local second=$!
  tsmux -q -b 2M -i udp://239.3.0.1:5001,iface=lo,service=1 srt://:9000 3>&- &
  local third=$!
  wait_until has_socket 9000
  tsmux -q -b 2M -i srt://127.0.0.1:9000 srt.ts 3>&- &
  local fourth=$!
  wait_until has_bytes udp.ts 1200000
  wait_until has_bytes rtp.ts 600000
  wait_until has_bytes srt.ts 600000
  kill "$fourth" "$third" "$second"
  wait "$fourth" && wait "$third" && wait "$second"
  end_multiplex
  kill "${receivers[@]}"
  wait "${receivers[0]}" && wait "${receivers[1]}"
  begun udp.ts rtp.ts srt.ts
  clean begun.udp.ts
  "$HEADEND_SOURCE/scripts/check-stream" begun.rtp.ts begun.srt.ts
  said udp.ts 'pat 1 .*' 'pat 2 .*' 'sdt 1 4 0x01 FFmpeg / One' 'sdt 2 4 0x01 FFmpeg / Two'
  said rtp.ts 'sdt 2 4 0x01 FFmpeg / Two'
  said srt.ts 'sdt 1 4 0x01 FFmpeg / One'
}

@test "pipes and FIFOs are inputs and outputs" {
  mkfifo in out
  tsplayout -q --times 2 two.ts >in 3>&- &
  cat out >fifo.ts &
  local reader=$!
  tsplayout -q --times 2 one.ts | tsmux -q -b 3M -i - -i in,newsid=2 out
  wait "$reader"
  tsplayout -q --times 2 one.ts | tsmux -q -b 3M -i - -i two.ts,loop=2,newsid=2 - | cat >pipe.ts
  clean fifo.ts pipe.ts
  # 8 seconds.
  [ "$(bytes fifo.ts)" -gt $((8 * 3000000 / 8)) ] && [ "$(bytes pipe.ts)" -gt $((8 * 3000000 / 8)) ]
}

@test "an input that stops is lost alone, and comes back with its ids and no fault" {
  send one.ts udp://239.1.0.1:5000
  send two.ts udp://239.1.0.2:5000
  local stops=$sender
  multiplex -b 4M -i udp://239.1.0.1:5000,iface=lo \
    -i udp://239.1.0.2:5000,iface=lo,service=1,newsid=2 \
    -i udp://239.1.0.2:5000,iface=lo,service=1,newsid=3,on-loss=remove out.ts
  wait_until has_bytes out.ts 700000
  kill -STOP "$stops"
  wait_until says log 'service 0x0002 (2): no packets for 2.0 s; it stays in the tables as not running'
  wait_until says log 'service 0x0003 (3): no packets for 2.0 s; it is taken out of the tables'
  wait_until state out.ts 2 1
  run ! grep -E '^(pat|sdt) 3 ' <(si last.ts | tail -n +20)
  [ "$(metric m.prom service_running 0x0001)" -eq 1 ]
  # Another sender, in the middle of its file: its clock is another one.
  kill -KILL "$stops"
  tail -c +$((188 * 1000 + 1)) two.ts >middle.ts
  send middle.ts udp://239.1.0.2:5000
  wait_until says log 'service 0x0002 (2): packets come again'
  wait_until state out.ts 2 4
  wait_until state out.ts 3 4
  has_grown out.ts 700000
  kill -USR1 "$muxer"
  wait_until grep -qE '^0x0003 +udp://239.1.0.2:5000,iface=lo 0x0001 +running ' log
  grep -qE '^0x0002 +udp://239.1.0.2:5000,iface=lo 0x0001 +running ' log
  end_multiplex
  begun out.ts
  [ -z "$(facts losses out.ts)" ]
  [ "$(facts spacing 0x100 begun.out.ts)" -le 40 ]
  tail -c $((188 * 3500)) out.ts >after.ts
  clean after.ts
  si out.ts >facts
  [ "$(grep -c '^pat 2 ' facts)" -eq 1 ] && [ "$(grep -c '^pat 3 ' facts)" -eq 1 ]
}

@test "a PMT that changes is followed, and the others notice nothing" {
  # The same film; from its second half on with other PIDs, and a second sound.
  ffmpeg -v error -nostdin -i one.ts -i two.ts -map 0 -map 1:a -c copy -f mpegts -streamid 0:0x150 -streamid 1:0x151 \
    -streamid 2:0x152 -mpegts_pmt_start_pid 0x1000 -tables_version 3 -output_ts_offset 4 -muxrate 1M -muxdelay 0.3 \
    -muxpreload 0.3 -pcr_period 30 -pat_period 0.09 -sdt_period 0.4 half.ts
  cat one.ts half.ts >changes.ts
  tsmux -b 4M --duration 7s -i changes.ts -i two.ts,newsid=2,loop=yes out.ts
  clean out.ts
  said out.ts 'pmt 1 pcr 0x0100' 'pmt 1 0x02 0x0100 -' 'pmt 1 0x03 0x0101 fra' \
    'pmt 1 pcr 0x0150' 'pmt 1 0x02 0x0150 -' 'pmt 1 0x03 0x0151 fra' 'pmt 1 0x0f 0x0152 eng'
  [ "$(facts pids out.ts | grep -cE '^(256|257|336|337|338)$')" -eq 5 ]
  [ -z "$(facts losses out.ts)" ]
}

@test "SIGHUP adds, changes and removes inputs, and the others notice nothing" {
  send one.ts udp://239.1.0.1:5000
  send two.ts udp://239.1.0.2:5000
  cat >mux.conf <<-END
	bitrate = 4M
	output = out.ts
	input = udp://239.1.0.1:5000,iface=lo,newsid=1
	input = udp://239.1.0.2:5000,iface=lo,newsid=2
	END
  multiplex --config mux.conf
  wait_until has_bytes out.ts 500000
  # Another order; one goes, a file comes.
  cat >mux.conf <<-END
	bitrate = 4M
	output = out.ts
	network-name = Later
	input = mux.ts,service=257,newsid=3,loop=yes
	input = udp://239.1.0.1:5000,iface=lo,newsid=1
	END
  kill -HUP "$muxer"
  wait_until says log 'configuration read again: 2 inputs'
  wait_until state out.ts 3 4
  has_grown out.ts 700000
  # Mistakes change nothing.
  echo 'input = udp://239.1.0.1:5000,iface=lo,newsid=1' >>mux.conf
  kill -HUP "$muxer"
  wait_until says log 'configuration not taken over, all goes on as before: udp://239.1.0.1:5000,iface=lo: is the endpoint of several inputs'
  sed -i '$d; s/4M/5M/' mux.conf
  kill -HUP "$muxer"
  wait_until says log '--bitrate, --vbr and the output stay as they are until a restart'
  has_grown out.ts 200000
  end_multiplex
  [ -z "$(facts losses out.ts)" ]
  begun out.ts
  si begun.out.ts >facts
  grep -qx 'nit 0xff01 Later' facts
  grep -q '^pat 2 ' facts && grep -q '^pat 3 ' facts
  tail -c $((188 * 3500)) out.ts >after.ts
  clean after.ts
  run ! grep -E '^(pat|sdt) 2 ' <(si after.ts)
  # That which stayed has its PCRs all the time.
  [ "$(facts spacing 0x100 begun.out.ts)" -le 40 ]
}

@test "SIGUSR1 prints the state, and the metrics are well formed and only go up" {
  send one.ts udp://239.1.0.1:5000
  multiplex -b 2M -i udp://239.1.0.1:5000,iface=lo -i two.ts,loop=yes,newsid=2 out.ts
  wait_until has_bytes out.ts 300000
  kill -USR1 "$muxer"
  wait_until grep -qE '^out.ts: 2.00 Mb/s, 2 of 2 services running, [0-9.]+ [kM]b/s free$' log
  grep -qE '^0x0001 +udp://239.1.0.1:5000,iface=lo 0x0001 +running +[0-9.]+ kb/s' log
  grep -qE '^0x0002 +two.ts 0x0001 +running +[0-9.]+ kb/s' log
  wait_until test -s m.prom
  cp m.prom before.prom
  changes() { ! cmp -s m.prom before.prom; }
  wait_until changes
  end_multiplex
  "$HEADEND_SOURCE/tests/cli/check_metrics.py" before.prom m.prom
  # All that the manual page names.
  mandoc -T ascii "$HEADEND_SOURCE/man/tsmux.1" | col -bx | sed -n '/^METRICS/,/^EXAMPLES/p' |
    grep -oE '\b(output|table|services?|input)_[a-z_]+' | sort -u >documented
  grep -oE '^headend_tsmux_[a-z_]+' m.prom | sed 's/^headend_tsmux_//' | sort -u >written
  # These are of sockets, and of tables that are late.
  diff <(grep -vE '^(table_turn_ratio|output_late_datagrams_total)$' documented) written
}

@test "live outputs to a file and to a FIFO, that SIGTERM ends with status 0" {
  send one.ts udp://239.1.0.1:5000
  mkfifo pipe
  multiplex -b 2M -i udp://239.1.0.1:5000,iface=lo pipe
  head -c $((188 * 2000)) pipe >first.ts
  head -c $((188 * 1500)) pipe >second.ts
  end_multiplex
  # Each reader begins with a whole packet.
  begun first.ts
  clean begun.first.ts second.ts
}

@test "the service manager hears from it in time, that it is ready, and that it ends" {
  hear_watchdog
  send one.ts udp://239.1.0.1:5000
  multiplex -b 2M -i udp://239.1.0.1:5000,iface=lo out.ts
  wait_until grep -q '^READY=1$' heard
  wait_until heard 10
  wait_until grep -qE '^STATUS=2.00 Mb/s, 1 of 1 services running' heard
  end_multiplex
  wait_until grep -q '^STOPPING=1$' heard
}
