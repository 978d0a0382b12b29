#!/usr/bin/env bats
# dvbrecv, as its users run it.

load support

# Two services of 8 seconds: 257 with two sounds, 258 with one.
setup_file() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440 \
    -t 8 -map 0:v -map 1:a -map 1:a -map 0:v -map 1:a -c:v mpeg2video -g 12 -b:v 600k -c:a mp2 -b:a 64k -f mpegts \
    -metadata:s:a:0 language=fra -metadata:s:a:1 language=eng -muxrate 3M \
    -program program_num=257:title=One:st=0:st=1:st=2 -program program_num=258:title=Two:st=3:st=4 \
    "$BATS_FILE_TMPDIR/mux.ts"
}

facts() {
  "$HEADEND_SOURCE/tests/cli/stream_facts.py" "$@"
}

# programs FILE: id, PMT PID and PCR PID of each, as ffprobe finds them.
programs() {
  ffprobe -v quiet -of compact=p=0:nk=1 -show_entries program=program_id,pmt_pid,pcr_pid "$1" | grep -oE '^[0-9]+\|[0-9]+\|[0-9]+' |
    awk -F '|' '{ print $1, $2, $3 }'
}

# send GROUP: the multiplex, for ever, from a process of its own.
send() {
  tsplayout --quiet --loop "$BATS_FILE_TMPDIR/mux.ts" --output "udp://$1,iface=lo" 3>&- &
}

# receive ENDPOINT FILE: what comes there, into a file, until it is told to end; says so when it listens.
receive() {
  dvbrecv --quiet -i "$1" -s "*=$2" 3>&- &
  receiver=$!
  wait_until has_socket "$(grep -oE '[0-9]+(,|$)' <<<"$1" | head -n 1 | tr -d ,)"
}

has_bytes() {
  [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -ge "$2" ]
}

has_grown() {
  local before
  before=$(stat -c %s "$1")
  wait_until has_bytes "$1" $((before + $2))
}

says() {
  grep -qF -- "$2" "$1"
}

# metric FILE NAME [LABELS]: its value.
metric() {
  grep -F "headend_dvbrecv_$2{" "$1" | grep -F -- "${3:-}" | sed 's/.* //'
}

# refuses STATUS TEXT COMMAND...: it ends with this status, and with this text on standard error, after the tool's name.
refuses() {
  local expected=$1 text=$2
  shift 2
  run --separate-stderr timeout 20 "$@"
  echo "$*"
  # shellcheck disable=SC2154
  echo "$status: $stderr"
  [ "$status" -eq "$expected" ]
  [[ $stderr == dvbrecv:* ]]
  [[ $stderr == *"$text"* ]]
}

@test "lists services as a table" {
  run dvbrecv --list "$BATS_FILE_TMPDIR/mux.ts"
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == "transport stream 0x0001, "*", 2 services, 3.00 Mb/s over "* ]]
  [[ $output == *"0x0101 (257)"*"One"*"digital television"* ]]
  [[ $output == *"video mpeg2video, PCR"*"0x0100 (256)"* ]]
  [[ $output == *"audio mp2"*"0x0102 (258)"*"eng"* ]]
}

@test "lists services as JSON" {
  dvbrecv --list "$BATS_FILE_TMPDIR/mux.ts" --json >list.json
  [ "$(jq '.services | length' list.json)" -eq 2 ]
  [ "$(jq -c '.services[0] | [.service_id, .name, .provider, .scrambled]' list.json)" = '[257,"One","FFmpeg",false]' ]
  [ "$(jq -c '[.services[0].components[].languages[]]' list.json)" = '["fra","eng"]' ]
  [ "$(jq '.bit_rate > 2990000 and .bit_rate < 3010000' list.json)" = true ]
  [ "$(jq '.services[0].components[0].bit_rate > 400000' list.json)" = true ]
}

@test "the list of a real multiplex agrees with ffprobe" {
  local stream
  capture mpts-dvbt-22394kbps.ts
  stream=$(capture mpts-dvbt-22394kbps.ts)
  dvbrecv --list "$stream" --json | jq -r '.services[] | "\(.service_id) \(.pmt_pid) \(.pcr_pid)"' | sort >ours
  programs "$stream" | sort >theirs
  [ "$(wc -l <ours)" -eq 8 ]
  diff ours theirs
}

@test "lists a live multiplex" {
  send 239.1.0.1:5000
  run timeout 20 dvbrecv --list udp://239.1.0.1:5000,iface=lo --list-time 2s
  [ "$status" -eq 0 ]
  [[ $output == *"0x0102 (258)"*"Two"* ]]
}

@test "splits a file into streams of one service" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 0x101=one.ts -s 258=two.ts
  [ "$(programs one.ts)" = "257 4096 256" ]
  [ "$(programs two.ts)" = "258 4097 259" ]
  [ "$(facts pids one.ts | xargs)" = "0 17 256 257 258 4096" ]
  for file in one.ts two.ts; do
    [ -z "$(facts losses "$file")" ]
    [ -z "$(ffmpeg -v error -i "$file" -f null - 2>&1)" ]
    [ "$(facts spacing 0 "$file")" -le 100 ]
  done
  for pid in 256 257 258; do facts same "$pid" one.ts "$BATS_FILE_TMPDIR/mux.ts"; done
  tsinfo one.ts >info
  [ "$(grep -c '^    Program [0-9]' info)" -eq 1 ]
  grep -q 'Program 257, version 0, PCR PID 0100' info
}

@test "reads standard input and writes standard output" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=file.ts
  dvbrecv -s 257=- <"$BATS_FILE_TMPDIR/mux.ts" >piped.ts
  cmp file.ts piped.ts
}

@test "passes the whole multiplex byte for byte" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s '*=all.ts'
  cmp all.ts "$BATS_FILE_TMPDIR/mux.ts"
}

@test "passes chosen PIDs unaltered" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s '*=raw.ts,pids=0+0x102'
  [ "$(facts pids raw.ts | xargs)" = "0 258" ]
  facts same 0 raw.ts "$BATS_FILE_TMPDIR/mux.ts"
  facts same 258 raw.ts "$BATS_FILE_TMPDIR/mux.ts"
}

@test "renumbers a service and its PIDs" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=new.ts,newsid=0x22,pid-map=256:512+257:513+4096:600
  [ "$(programs new.ts)" = "34 600 512" ]
  [ "$(facts pids new.ts | xargs)" = "0 17 258 512 513 600" ]
  [ -z "$(ffmpeg -v error -i new.ts -f null - 2>&1)" ]
  [ "$(ffprobe -v quiet -of compact=p=0:nk=1 -show_entries program_tags=service_name new.ts | grep -c One)" -eq 1 ]
}

@test "leaves out components that are not wanted" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=less.ts,pids=256+258
  [ "$(ffprobe -v quiet -of json -show_streams less.ts | jq -r '.streams[].id' | xargs)" = "0x100 0x102" ]
  [ "$(facts pids less.ts | xargs)" = "0 17 256 258 4096" ]
}

@test "splits every capture, and loses nothing that was not lost before" {
  local stream name service
  for name in mpts-dvbt-22394kbps hd1080i-h264-eac3-dvbsub hd1080p-h264-mp2 sd-h264-aac sd-mpeg2-mp2 \
    scrambled-tei-cc-errors eit-schedule corrupt-sync cc-3-missing-then-7-missing cc-duplicates-and-gap-of-10; do
    capture $name.ts
    stream=$(capture $name.ts)
    local -a outputs=()
    for service in $(dvbrecv --list "$stream" --list-time 1h --json 2>/dev/null | jq '.services[].service_id'); do
      outputs+=(-s "$service=$name-$service.ts")
    done
    run dvbrecv --quiet -i "$stream" "${outputs[@]}" -s "*=$name.ts"
    # 3: a service whose PMT is not in the capture.
    [[ $status == [03] ]]
    facts losses "$stream" >lost-before
    for service in "$name"-*.ts; do
      [ -s "$service" ] || continue
      facts losses "$service" | while read -r pid count; do
        [ "$(awk -v pid="$pid" '$1 == pid { print $2 }' lost-before)" -ge "$count" ]
      done
    done
  done
}

@test "a real multiplex decodes to the same pictures after the split" {
  local stream
  capture mpts-dvbt-22394kbps.ts
  stream=$(capture mpts-dvbt-22394kbps.ts)
  dvbrecv --quiet -i "$stream" -s 3402=one.ts
  decode() { ffmpeg -v quiet -nostdin -i "$1" -map i:513 -f framemd5 - | awk -F, '!/^#/ { print $NF }'; }
  decode one.ts >after
  decode "$stream" >before
  [ "$(wc -l <after)" -gt 10 ]
  diff <(tail -n 10 after) <(tail -n 10 before)
}

@test "PAT and PMT of a real multiplex come every 100 ms" {
  local stream
  capture mpts-dvbt-22394kbps.ts
  stream=$(capture mpts-dvbt-22394kbps.ts)
  dvbrecv --quiet -i "$stream" -s 3401=one.ts
  [ "$(facts spacing 0 one.ts)" -le 100 ]
  [ "$(facts spacing 258 one.ts)" -le 100 ]
}

@test "event information is of the service alone" {
  local stream
  capture mpts-dvbt-22394kbps.ts
  stream=$(capture mpts-dvbt-22394kbps.ts)
  dvbrecv --quiet -i "$stream" -s 3401=pf.ts -s 3401=none.ts,eit=none
  [ "$(facts sections 18 pf.ts | xargs)" = '0x4e 3401' ]
  [ -z "$(facts sections 18 none.ts)" ]
}

@test "sends services to groups, each a stream of its own in its time" {
  send 239.1.0.2:5000
  receive udp://239.1.1.1:5001,iface=lo one.ts
  local first=$receiver
  receive rtp://239.1.1.2:5002,iface=lo two.ts
  dvbrecv --quiet -i udp://239.1.0.2:5000,iface=lo -s 257=udp://239.1.1.1:5001,iface=lo \
    -s 258=rtp://239.1.1.2:5002,iface=lo --metrics m.prom 3>&- &
  local splitter=$!
  wait_until has_bytes one.ts 300000
  wait_until has_bytes two.ts 300000
  kill "$splitter" && wait "$splitter"
  kill "$first" "$receiver" && wait "$first" "$receiver"
  [ -z "$(facts losses one.ts)" ]
  [ -z "$(facts losses two.ts)" ]
  [ "$(programs one.ts)" = "257 4096 256" ]
  [ "$(programs two.ts)" = "258 4097 259" ]
  [ "$(metric m.prom output_packets_total 0x0101)" -ge $((300000 / 188)) ]
  [ "$(metric m.prom output_dropped_packets_total 0x0101)" -eq 0 ]
  [ "$(metric m.prom input_socket_drops_total)" -eq 0 ]
  [ "$(metric m.prom output_service_present 0x0102)" -eq 1 ]
}

@test "SIGHUP adds, changes and removes outputs, and the others notice nothing" {
  send 239.1.0.3:5000
  receive udp://239.1.1.1:5001,iface=lo stays.ts
  local first=$receiver
  receive udp://239.1.1.2:5002,iface=lo changes.ts
  local second=$receiver
  cat >recv.conf <<-END
	input = udp://239.1.0.3:5000,iface=lo
	service = 257=udp://239.1.1.1:5001,iface=lo
	service = 257=udp://239.1.1.2:5002,iface=lo
	service = 258=goes.ts
	END
  dvbrecv --config recv.conf 2>messages 3>&- &
  local splitter=$!
  wait_until has_bytes stays.ts 100000
  wait_until has_bytes changes.ts 100000
  wait_until has_bytes goes.ts 100000

  cat >recv.conf <<-END
	input = udp://239.1.0.3:5000,iface=lo
	service = 258=comes.ts
	service = 257=udp://239.1.1.2:5002,iface=lo,newsid=7,pids=257
	service = 257=udp://239.1.1.1:5001,iface=lo
	END
  kill -HUP "$splitter"
  wait_until says messages 'configuration read again: 3 outputs'
  wait_until has_bytes comes.ts 100000
  has_grown stays.ts 100000
  has_grown changes.ts 250000
  local size
  size=$(stat -c %s goes.ts)

  # A mistake changes nothing.
  echo 'service = what' >>recv.conf
  kill -HUP "$splitter"
  wait_until says messages 'all goes on as before'
  has_grown stays.ts 100000

  kill -USR1 "$splitter"
  wait_until says messages 'comes.ts'
  kill "$splitter" && wait "$splitter"
  kill "$first" "$second" && wait "$first" "$second"
  [ "$(stat -c %s goes.ts)" -eq "$size" ]
  for file in stays changes goes comes; do [ -z "$(facts losses $file.ts)" ]; done
  [ "$(programs stays.ts)" = "257 4096 256" ]
  [ "$(programs comes.ts)" = "258 4097 259" ]
  # The end of what has changed.
  tail -c $((188 * 1000)) changes.ts >changed.ts
  [ "$(programs changed.ts)" = "7 4096 256" ]
  [ "$(facts pids changed.ts | xargs)" = "0 17 256 257 4096" ]
}

@test "says when a live input stops and when it goes on" {
  dvbrecv -i udp://239.1.0.4:5000,iface=lo -s 257=one.ts 2>messages 3>&- &
  local splitter=$!
  wait_until says messages 'udp://239.1.0.4:5000,iface=lo: no packets for 2.0 s; waiting'
  send 239.1.0.4:5000
  wait_until says messages 'packets come again'
  wait_until has_bytes one.ts 10000
  kill "$splitter"
  wait "$splitter"
}

@test "names the services that are there when one is not" {
  send 239.1.0.5:5000
  dvbrecv -i udp://239.1.0.5:5000,iface=lo -s 300=none.ts -s 257=one.ts 2>messages 3>&- &
  local splitter=$!
  wait_until says messages 'service 0x012c (300) is not there yet, none.ts waits for it; the multiplex has 0x0101 "One", 0x0102 "Two"'
  kill "$splitter"
  wait "$splitter"
  [ ! -s none.ts ]
}

@test "a packet tool needs less than 24 MB" {
  if grep -qs '^HEADEND_SANITIZE:STRING=.' "$HEADEND_BUILD/CMakeCache.txt"; then skip "sanitizers need more"; fi
  send 239.1.0.6:5000
  dvbrecv --quiet -i udp://239.1.0.6:5000,iface=lo -s 257=udp://239.1.1.1:5001,iface=lo \
    -s 258=udp://239.1.1.2:5001,iface=lo -s '*=all.ts' 3>&- &
  local splitter=$!
  wait_until has_bytes all.ts 500000
  local peak
  peak=$(awk '/VmHWM/ { print $2 }' "/proc/$splitter/status")
  kill "$splitter"
  wait "$splitter"
  echo "$peak kB"
  [ "$peak" -lt 24000 ]
}

@test "a service that is not in the file: exit status 3, the others are written" {
  refuses 3 'service 0x012c (300) was not found' dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=one.ts -s 300=none.ts
  [ "$(programs one.ts)" = "257 4096 256" ]
  refuses 1 'the multiplex has 0x0101 "One", 0x0102 "Two"' dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 300=none.ts
}

@test "a list of a group where nothing comes says how long it looked" {
  dvbrecv --list udp://239.1.1.1:5000,iface=lo 2>log 3>&- &
  local lister=$!
  wait_until has_socket 5000
  kill -TERM "$lister"
  local status=0
  wait "$lister" || status=$?
  [ "$status" -eq 1 ]
  grep -E '^dvbrecv: udp://239.1.1.1:5000,iface=lo: no transport stream packets in [0-9.]+ m?s$' log
}

@test "an SRT input or output without a peer says that it has none" {
  dvbrecv -i srt://:9000 -s 257=one.ts 2>input 3>&- &
  local receiver=$!
  wait_until says input 'srt://:9000: no packets for 2.0 s, no SRT peer is connected; waiting'
  kill -TERM "$receiver"
  wait "$receiver"
  send 239.1.1.1:5000
  dvbrecv -i udp://239.1.1.1:5000,iface=lo -s 257=srt://0.0.0.0:9000 --metrics m.prom 2>output 3>&- &
  receiver=$!
  wait_until says output 'packets dropped: no SRT peer is connected, or it is too slow'
  kill -TERM "$receiver"
  wait "$receiver"
  [ "$(metric m.prom output_refused_packets_total)" -gt 0 ]
}

@test "PIDs that cannot be mapped as asked for are named" {
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=one.ts,pid-map=0x999:0x300+0x100:0x1000 2>log
  says log 'service 0x0101 (257): nothing to be mapped from PID 0x0999 (2457) to 0x0300 (768)'
  says log 'service 0x0101 (257): PID 0x0100 (256) is mapped to 0x1000 (4096), which is another of its PIDs'
}

@test "wrong command lines are refused" {
  local mux=$BATS_FILE_TMPDIR/mux.ts
  refuses 2 'no output' dvbrecv
  refuses 2 "'$mux' belongs to no option" dvbrecv "$mux" -s 257=out.ts
  refuses 2 'are one address' dvbrecv -i "$mux" -s 257=udp://239.1.1.1:5000 -s 258=rtp://239.1.1.1:5000,ttl=2
  refuses 2 'is sent where input udp://239.1.1.1:5000 is received' dvbrecv -i udp://239.1.1.1:5000 -s 257=udp://239.1.1.1:5000
  refuses 2 'SID=ENDPOINT' dvbrecv -i "$mux" -s out.ts
  refuses 2 "not a number: 'One'" dvbrecv -i "$mux" -s One=out.ts
  refuses 2 'has no port' dvbrecv -i "$mux" -s 257=udp://239.1.1.1
  refuses 2 'two outputs go to out.ts' dvbrecv -i "$mux" -s 257=out.ts -s 258=out.ts
  refuses 2 'pid-map' dvbrecv -i "$mux" -s 257=out.ts,pid-map=1
  refuses 2 'excludes' dvbrecv --list "$mux" -s 257=out.ts
  refuses 2 '--list-time 0' dvbrecv --list "$mux" --list-time 0
  [ ! -e out.ts ]
}

@test "an output that is the input is refused, whatever its name, and the file stays as it is" {
  local mux=$BATS_FILE_TMPDIR/mux.ts
  cp "$mux" same.ts
  ln -s same.ts symbolic.ts
  ln same.ts hard.ts
  refuses 2 'input same.ts and output same.ts are one file' dvbrecv -i same.ts -s 257=same.ts
  refuses 2 'input same.ts and output symbolic.ts are one file' dvbrecv -i same.ts -s 257=symbolic.ts,newsid=1
  refuses 2 'input symbolic.ts and output hard.ts are one file' dvbrecv -i symbolic.ts -s '*=hard.ts'
  refuses 2 'input - and output same.ts are one file' dvbrecv -s 257=same.ts <same.ts
  refuses 2 'input same.ts and output - are one file' bash -c 'dvbrecv -i same.ts -s 257=- >>same.ts'
  refuses 2 'symbolic.ts: is the output too' bash -c 'dvbrecv --list symbolic.ts >>same.ts'
  refuses 2 '-: is the output too' bash -c 'dvbrecv --list - <hard.ts >>same.ts'
  cmp "$mux" same.ts
}

@test "two outputs into one file are refused, whatever its name" {
  local mux=$BATS_FILE_TMPDIR/mux.ts
  ln -s two.ts dangling.ts
  local again
  for again in ./two.ts "$PWD/two.ts" dangling.ts; do
    refuses 2 "outputs two.ts and $again are one file" dvbrecv -i "$mux" -s 257=two.ts -s "258=$again"
    [ ! -e two.ts ]
  done
  echo kept >two.ts
  ln two.ts hard.ts
  for again in ./two.ts "$PWD/two.ts" dangling.ts hard.ts; do
    refuses 2 "outputs two.ts and $again are one file" dvbrecv -i "$mux" -s 257=two.ts -s "258=$again"
  done
  refuses 2 'outputs - and /dev/stdout are one file' \
    bash -c 'dvbrecv -i "$1" -s 257=- -s 258=/dev/stdout >>two.ts' - "$mux"
  refuses 2 'two outputs go to -' dvbrecv -i "$mux" -s 257=- -s 258=-
  [ "$(cat two.ts)" = kept ]
  mkdir other
  dvbrecv --quiet -i "$mux" -s 257=new.ts -s 258=other/new.ts
  [ -s new.ts ] && [ -s other/new.ts ]
}

@test "inputs that cannot be opened are refused" {
  refuses 1 'no.such.host.invalid' dvbrecv -i udp://no.such.host.invalid:5000 -s 257=out.ts
  refuses 1 'needs a multicast group' dvbrecv -i udp://192.0.2.1@192.0.2.2:5000 -s 257=out.ts
  refuses 1 'Cannot assign requested address' dvbrecv -i udp://192.0.2.2:5000 -s 257=out.ts
  refuses 1 "'nothere0'" dvbrecv -i udp://239.1.1.1:5000,iface=nothere0 -s 257=out.ts
  refuses 1 'open missing.ts: No such file' dvbrecv -i missing.ts -s 257=out.ts
  dvbrecv --quiet -i udp://127.0.0.1:5009 -s 257=first.ts 3>&- &
  wait_until has_socket 5009
  refuses 1 'udp://127.0.0.1:5009: Address already in use' dvbrecv -i udp://127.0.0.1:5009 -s 257=out.ts
  [ ! -e out.ts ]
}

@test "outputs that cannot be opened are refused" {
  local mux=$BATS_FILE_TMPDIR/mux.ts
  refuses 1 'create nowhere/out.ts: No such file' dvbrecv -i "$mux" -s 257=nowhere/out.ts
  refuses 1 'no.such.host.invalid' dvbrecv -i "$mux" -s 257=udp://no.such.host.invalid:5000
}

@test "what is no transport stream is refused" {
  : >empty
  seq 1 50000 >text
  head -c 500000 /dev/urandom >random
  printf 'G' >one-byte
  for file in empty text random one-byte; do
    refuses 1 "$file: no transport stream packets" dvbrecv -i "$file" -s 257=out.ts
    refuses 1 "$file: no transport stream packets" dvbrecv --list "$file"
  done
}

@test "a stream of null packets has no services" {
  python3 -c "import sys; sys.stdout.buffer.write((b'\x47\x1f\xff\x10' + b'\xff' * 184) * 3000)" >nulls.ts
  refuses 1 'no PAT has come' dvbrecv -i nulls.ts -s 257=out.ts
  refuses 1 'no PAT in 3000 packets' dvbrecv --list nulls.ts
  dvbrecv -i nulls.ts -s '*=all.ts'
  cmp nulls.ts all.ts
}

@test "a file that ends within a packet is split up to there, and says so" {
  head -c 1000001 "$BATS_FILE_TMPDIR/mux.ts" >cut.ts
  run --separate-stderr dvbrecv -i cut.ts -s 257=one.ts -s '*=all.ts'
  [ "$status" -eq 0 ]
  # shellcheck disable=SC2154
  [[ $stderr == *"bytes skipped that belong to no packet"* ]]
  [ $(($(stat -c %s all.ts) / 188)) -eq $((1000001 / 188)) ]
  [ -z "$(facts losses one.ts)" ]
}

@test "a reader that leaves ends its output, quietly on standard output, and no other" {
  run bash -c "dvbrecv -i '$BATS_FILE_TMPDIR/mux.ts' -s 257=- 2>err | head -c 1000 >/dev/null; echo \${PIPESTATUS[0]}"
  [ "$output" = 1 ]
  [ ! -s err ]
  mkfifo pipe
  head -c 1000 pipe >/dev/null &
  refuses 1 'pipe: its reader has gone' dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=pipe -s 258=two.ts
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 258=whole.ts
  cmp two.ts whole.ts
}

@test "a live input is not stopped by a FIFO without a reader" {
  mkfifo pipe
  send 239.1.0.7:5000
  dvbrecv --quiet -i udp://239.1.0.7:5000,iface=lo -s 257=pipe -s 258=two.ts 3>&- &
  local splitter=$!
  wait_until has_bytes two.ts 100000
  head -c 50000 pipe >got.ts
  has_grown two.ts 100000
  kill "$splitter"
  wait "$splitter"
  [ -z "$(facts losses two.ts)" ]
  [ "$(stat -c %s got.ts)" -eq 50000 ]
}

@test "a full disk closes that output only" {
  refuses 1 'write /dev/full: No space left on device' dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=/dev/full -s 258=two.ts
  [ "$(programs two.ts)" = "258 4097 259" ]
}

@test "SIGTERM ends a paced output at once, with exit status 0" {
  dvbrecv --quiet -i "$BATS_FILE_TMPDIR/mux.ts" -s 257=udp://239.1.1.9:5009,iface=lo -s 258=two.ts 3>&- &
  local splitter=$!
  wait_until has_bytes two.ts 10000
  kill "$splitter"
  wait "$splitter"
}

@test "the service manager hears from a slow stream in time" {
  slow_stream slow.ts
  hear_watchdog
  dvbrecv --quiet -i slow.ts -s 1=udp://127.0.0.1:5010 3>&- &
  local splitter=$!
  wait_until heard 10
  kill "$splitter"
  wait "$splitter"
}

@test "an output as large as a file may be is closed, and no other" {
  (
    ulimit -f 1000
    refuses 1 'write whole.ts: File too large' dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s '*=whole.ts' -s '258=two.ts,pids=0x103'
  )
  [ "$(stat -c %s whole.ts)" -eq 1024000 ]
  dvbrecv -i "$BATS_FILE_TMPDIR/mux.ts" -s '258=all.ts,pids=0x103'
  cmp two.ts all.ts
}
