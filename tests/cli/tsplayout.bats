#!/usr/bin/env bats
# tsplayout, judged by ffprobe and by scripts/check-stream.

load support

# Two small files of one service each, one with MPEG-2 and one with H.264 pictures, at a constant rate.
setup_file() {
  cd "$BATS_FILE_TMPDIR" || return
  make_stream slate.ts libx264 mp2 440
  make_stream film.ts mpeg2video aac 880
}

make_stream() {
  ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i "sine=frequency=$4:sample_rate=48000" \
    -t 2.2 -c:v "$2" -g 12 -bf 2 -b:v 400k -maxrate 400k -bufsize 200k -c:a "$3" -b:a 96k -ac 2 \
    -muxrate 900041 -pcr_period 20 "$1"
}

check_stream() {
  "$HEADEND_SOURCE/scripts/check-stream" "$@"
}

# decodes FILE: every picture and sound in it, without a word of complaint.
decodes() {
  run -0 ffmpeg -nostdin -v error -xerror -i "$1" -map 0 -f null -
  [ -z "$output" ]
}

# Pictures in FILE.
pictures() {
  ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$1" | head -n 1 |
    tr -d ,
}

slate() { printf '%s' "$BATS_FILE_TMPDIR/slate.ts"; }
film() { printf '%s' "$BATS_FILE_TMPDIR/film.ts"; }

# fails STATUS TEXT COMMAND...: exits so, with TEXT in what it says, and writes nothing to out.ts.
fails() {
  local status_wanted=$1 text=$2
  shift 2
  run "-$status_wanted" "$@"
  echo "$output"
  [[ $output == "tsplayout: "*"$text"* ]]
  [ "$(wc -l <<<"$output")" -le 2 ]
  [ ! -e out.ts ]
}

@test "a file played once comes out as it is" {
  tsplayout "$(slate)" -o out.ts
  cmp "$(slate)" out.ts
  tsplayout "$(slate)" >piped.ts
  cmp "$(slate)" piped.ts
}

@test "a loop is clean and keeps every picture" {
  tsplayout --times 7 "$(slate)" --output out.ts
  check_stream out.ts
  decodes out.ts
  [ "$(pictures out.ts)" -eq $((7 * $(pictures "$(slate)"))) ]
}

@test "different files follow one another" {
  tsplayout "$(film)" "$(slate)" "$(film)" -o out.ts
  check_stream out.ts
}

@test "standard input is played" {
  tsplayout - -o out.ts <"$(slate)"
  cmp "$(slate)" out.ts
  cat "$(slate)" | tsplayout - | cmp - "$(slate)"
}

@test "packets of 192 and 204 bytes are played" {
  python3 - "$(slate)" <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read()
packets = [data[i:i + 188] for i in range(0, len(data), 188)]
open("204.ts", "wb").write(b"".join(packet + bytes(16) for packet in packets))
open("192.ts", "wb").write(b"".join(bytes(4) + packet for packet in packets))
PYTHON
  tsplayout 204.ts 192.ts "$(slate)" -o out.ts
  check_stream out.ts
  [ "$(stat -c %s out.ts)" -ge $((3 * $(stat -c %s "$(slate)"))) ]
}

# receive GROUP PORT BYTES FILE: joins the group and writes what comes.
receive() {
  python3 - "$@" <<'PYTHON'
import socket, sys
group, port, size, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
receiver.bind((group, port))
receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
receiver.settimeout(20)
with open(name, "wb") as out:
    while out.tell() < size:
        out.write(receiver.recv(2000))
PYTHON
}

@test "a socket gets the stream in real time" {
  receive 239.9.1.1 5000 "$(stat -c %s "$(slate)")" received.ts &
  local receiver=$!
  wait_until has_socket 5000
  local before=${EPOCHREALTIME/[.,]/}
  tsplayout "$(slate)" -o udp://239.9.1.1:5000,iface=lo
  local after=${EPOCHREALTIME/[.,]/}
  wait "$receiver"
  cmp received.ts "$(slate)"
  # It cannot have been sent faster than its own clock.
  ((after - before > 2100000))
}

@test "SIGTERM ends a loop at once, with status 0" {
  tsplayout --loop "$(slate)" -o udp://239.9.1.1:5000,iface=lo --metrics state.prom &
  local player=$!
  wait_until test -e state.prom
  kill -TERM "$player"
  wait "$player"
  grep -q '^headend_tsplayout_packets_total' state.prom
}

@test "SIGUSR1 prints the state and SIGHUP does no harm" {
  tsplayout --loop "$(slate)" -o udp://239.9.1.1:5000,iface=lo --metrics state.prom 2>log &
  local player=$!
  wait_until test -e state.prom
  kill -HUP "$player"
  kill -USR1 "$player"
  wait_until grep -q "playing .*slate.ts (turn 1)" log
  kill -TERM "$player"
  wait "$player"
}

# reads_until FD TEXT FILE: takes some of the stream, then looks.
reads_until() {
  head -c 300000 <&"$1" >/dev/null
  grep -qF "$2" "$3"
}

@test "a file that is gone while it loops is skipped, and played again when it is back" {
  cp "$(slate)" a.ts
  cp "$(film)" b.ts
  mkfifo pipe
  tsplayout --loop --verbose a.ts b.ts -o pipe 2>log &
  local player=$! pipe
  exec {pipe}<pipe
  wait_until reads_until "$pipe" "plays b.ts, turn 1" log
  rm b.ts
  wait_until reads_until "$pipe" "open b.ts: No such file or directory; skipped" log
  cp "$(film)" new.ts && mv new.ts b.ts
  local turns
  turns=$(grep -c "plays b.ts" log)
  wait_until more_turns "$pipe" "$turns"
  exec {pipe}<&-
  run -1 wait "$player"
}
more_turns() {
  head -c 300000 <&"$1" >/dev/null
  [ "$(grep -c "plays b.ts" log)" -gt "$2" ]
}

@test "a file that is gone when its turn comes: exit status 3, the rest is played" {
  for ((i = 0; i < 30; i++)); do cat "$(slate)"; done >a.ts  # more than is read ahead
  cp "$(slate)" b.ts
  mkfifo pipe
  tsplayout a.ts b.ts "$(slate)" -o pipe 2>log &
  local player=$! pipe
  # The output is opened after all files were looked into.
  exec {pipe}<pipe
  head -c 1000 <&"$pipe" >out.ts
  rm b.ts
  cat <&"$pipe" >>out.ts
  exec {pipe}<&-
  run -3 wait "$player"
  grep -q "open b.ts: No such file or directory; skipped" log
  [ "$(stat -c %s out.ts)" -ge $((31 * $(stat -c %s "$(slate)"))) ]
}

@test "a configuration file says all" {
  printf 'times = 2\nfile = %s\nfile = %s\noutput = out.ts\n' "$(slate)" "$(film)" >channel.conf
  tsplayout --config channel.conf
  tsplayout --times 2 "$(slate)" "$(film)" >expected.ts
  cmp out.ts expected.ts
}

@test "a reader that leaves ends it quietly" {
  run bash -c "tsplayout --loop '$(slate)' | head -c 1000 | wc -c; exit \${PIPESTATUS[0]}"
  echo "$output"
  [ "$output" = 1000 ]
  [ "$status" -eq 1 ]
}

@test "what cannot be played is named with the reason before anything is sent" {
  : >empty.ts
  echo "this is a text" >text.ts
  head -c 100000 /dev/zero | tr '\0' '\107' >g.ts
  head -c 100 "$(slate)" >short.ts
  head -c 300000 /dev/urandom >random.ts
  for ((i = 0; i < 500; i++)); do printf 'G\037\377\020%184s' ''; done >nulls.ts
  fails 1 "empty.ts: is empty" tsplayout "$(slate)" empty.ts -o out.ts
  fails 1 "text.ts: is no transport stream" tsplayout "$(slate)" text.ts -o out.ts
  fails 1 "g.ts: " tsplayout g.ts -o out.ts
  fails 1 "short.ts: is no transport stream" tsplayout short.ts -o out.ts
  fails 1 "random.ts: is no transport stream" tsplayout random.ts -o out.ts
  fails 1 "nulls.ts: has no program clock (PCR)" tsplayout nulls.ts -o out.ts
  fails 1 "open missing.ts: No such file" tsplayout "$(slate)" missing.ts -o out.ts
  fails 1 "read .: Is a directory" tsplayout . -o out.ts
}

@test "a packet cut off at the end of a file does no harm" {
  head -c -100 "$(slate)" >cut.ts
  tsplayout --times 3 cut.ts -o out.ts
  check_stream out.ts
}

@test "wrong command lines: exit status 2" {
  fails 2 "FILE" tsplayout -o out.ts
  fails 2 "--times" tsplayout --times 0 "$(slate)" -o out.ts
  fails 2 "--times" tsplayout --times 2 --loop "$(slate)" -o out.ts
  fails 2 "standard input is played alone, and once" tsplayout --loop - -o out.ts
  fails 2 "files are played, not sockets; where to send is --output" tsplayout udp://239.1.1.1:5000 -o out.ts
  fails 2 "port" tsplayout "$(slate)" -o udp://239.1.1.1
  fails 2 "has no port" tsplayout udp://239.1.1.1 -o out.ts
  fails 2 "names no file" tsplayout ,ttl=300 -o out.ts
  fails 2 "unknown scheme" tsplayout http://x:1 -o out.ts
  fails 2 "is empty" tsplayout "" -o out.ts
}

@test "a file that is the output too is refused, whatever its name, and stays as it is" {
  cp "$(slate)" same.ts
  ln -s same.ts symbolic.ts
  ln same.ts hard.ts
  local name
  for name in ./same.ts symbolic.ts hard.ts; do
    fails 2 "is the output too" tsplayout same.ts -o "$name"
  done
  fails 2 "-: is the output too" tsplayout - -o same.ts <same.ts
  fails 2 "same.ts: is the output too" bash -c 'timeout 20 tsplayout same.ts >>same.ts'
  cmp "$(slate)" same.ts
}

@test "bytes that belong to no packet are skipped, and said once a file" {
  local size
  size=$(stat -c %s "$(slate)")
  { head -c 188000 "$(slate)" && printf 'a hundred bytes or so that are no packet' && tail -c +188001 "$(slate)"; } >torn.ts
  head -c $((size - 100)) "$(slate)" >cut.ts
  run -0 tsplayout --metrics out.prom --times 2 torn.ts cut.ts -o out.ts
  [ "$(grep -c 'torn.ts: 40 bytes skipped that belong to no packet, 1 losses of sync' <<<"$output")" -eq 1 ]
  [ "$(grep -c 'cut.ts: 88 bytes skipped that belong to no packet, 0 losses of sync' <<<"$output")" -eq 1 ]
  grep -q '^headend_tsplayout_skipped_bytes_total{.*} 256$' out.prom
  grep -q '^headend_tsplayout_sync_losses_total{.*} 2$' out.prom
  check_stream out.ts
  tsplayout torn.ts -o once.ts
  cmp once.ts "$(slate)"
}

@test "outputs that cannot be opened are named" {
  fails 1 "no-such-host.invalid" tsplayout "$(slate)" -o udp://no-such-host.invalid:5000
  fails 1 "nosuchif" tsplayout "$(slate)" -o udp://239.1.1.1:5000,iface=nosuchif
  fails 1 "missing/out.ts" tsplayout "$(slate)" -o missing/out.ts
  run -1 tsplayout "$(slate)" -o /dev/full
  [[ $output == *"No space left on device"* ]]
}

# Frames of sound that a decoder finds no header of.
broken_frames() {
  ffmpeg -nostdin -v repeat+error -i "$1" -map 0:a -f null - 2>&1 | grep -c '^\[mp2 .*Header missing' || true
}

@test "sound whose PES packets begin anywhere has no broken frame where it joins" {
  local file
  capture mpts-dvbt-22394kbps.ts
  file=$(capture mpts-dvbt-22394kbps.ts)
  tsplayout --times 3 "$file" --output out.ts
  # Its own beginning is one within a frame.
  [ "$(broken_frames out.ts)" -eq "$(broken_frames "$file")" ]
}

@test "the captures loop without a fault of ours" {
  local name file
  for name in hd1080i-h264-eac3-dvbsub hd1080p-h264-mp2 sd-h264-aac sd-mpeg2-mp2 mpts-dvbt-22394kbps; do
    capture "$name.ts"
    file=$(capture "$name.ts")
    tsplayout --times 2 "$file" -o out.ts
    check_stream out.ts
  done
}

@test "bad captures are played, or refused with the reason" {
  capture scrambled-tei-cc-errors.ts
  tsplayout --times 2 "$(capture scrambled-tei-cc-errors.ts)" -o out.ts
  [ "$(stat -c %s out.ts)" -ge $((2 * 4000 * 188)) ]
  rm out.ts
  for name in corrupt-sync eit-schedule cc-3-missing-then-7-missing cc-duplicates-and-gap-of-10; do
    capture "$name.ts"
    fails 1 "$name.ts: has no program clock (PCR)" tsplayout "$(capture "$name.ts")" -o out.ts
  done
}

@test "the service manager hears from a slow stream in time" {
  slow_stream slow.ts
  hear_watchdog
  tsplayout slow.ts -o udp://127.0.0.1:5000 3>&- &
  local player=$!
  wait_until heard 10
  kill "$player"
  wait "$player"
}

@test "a reader that leaves ends it, though the next file is a FIFO that nobody writes to" {
  mkfifo next
  run bash -c "timeout 20 tsplayout '$(slate)' next 2>messages | head -c 1000 >/dev/null; echo \${PIPESTATUS[0]}"
  [ "$output" = 1 ]
  [ ! -s messages ]
}

@test "messages do not get into the output, though standard error is closed" {
  tsplayout --verbose "$(slate)" -o out.ts <&- 2>&-
  cmp "$(slate)" out.ts
}
