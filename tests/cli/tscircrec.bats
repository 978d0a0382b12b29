#!/usr/bin/env bats
# tscircrec as its users run it: killed, on full disks, with bad input.

load support

# A stream of SECONDS at about 1 Mb/s, made once a file.
setup_file() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=440 -t 20 \
    -c:v mpeg2video -g 12 -b:v 600k -c:a mp2 -b:a 64k -muxrate 1M -f mpegts "$BATS_FILE_TMPDIR/20s.ts"
}

# What is recorded in a directory, in its order.
recorded() {
  find "$1" -name '*.ts' | sort -t_ -k2 | xargs -r cat
}

# At least so many bytes are recorded in a directory.
has_bytes() {
  [ "$(recorded "$1" | wc -c)" -ge "$2" ]
}

json() {
  tscircrec --status "$1" --json | jq -r "$2"
}

gap_causes() {
  json "$1" '[.gaps[].cause] | join(" ")'
}

@test "a file is recorded byte for byte" {
  tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" ring
  recorded ring | cmp - "$BATS_FILE_TMPDIR/20s.ts"
  [ "$(json ring .being_written)" = false ]
  [ "$(json ring '.gaps | length')" -eq 0 ]
}

@test "standard input is recorded, also in odd pieces" {
  dd if="$BATS_FILE_TMPDIR/20s.ts" bs=1001 status=none | tscircrec --keep 1h - ring
  recorded ring | cmp - "$BATS_FILE_TMPDIR/20s.ts"
}

@test "every capture is recorded byte for byte, or is refused aloud" {
  capture sd-h264-aac.ts
  for file in "$(dirname "$(capture sd-h264-aac.ts)")"/*.ts; do
    local ring
    ring=$(basename "$file")
    tscircrec --keep 1h "$file" "$ring"
    recorded "$ring" | cmp - "$file"
    tscircrec --status "$ring" >/dev/null
  done
}

@test "null packets are packets" {
  printf 'G\037\377\020' >null.ts
  head -c 184 /dev/zero | tr '\0' '\377' >>null.ts
  for _ in 1 2 3 4 5 6 7 8 9 10; do cat null.ts; done >nulls.ts
  tscircrec --keep 1h nulls.ts ring
  recorded ring | cmp - nulls.ts
}

@test "a truncated last packet is left out" {
  head -c 10000 "$BATS_FILE_TMPDIR/20s.ts" >cut.ts
  tscircrec --verbose --keep 1h --metrics ring.prom cut.ts ring 2>messages
  recorded ring | cmp - <(head -c $((10000 / 188 * 188)) cut.ts)
  grep -q "cut.ts: $((10000 % 188)) bytes skipped" messages
  grep -q "; $((10000 % 188)) bytes skipped, 0 losses of sync" messages
  [ "$(metric skipped_bytes_total)" -eq $((10000 % 188)) ]
}

# refused STATUS TEXT COMMAND...
refused() {
  local status_wanted=$1 text=$2
  shift 2
  local said ended=0
  said=$("$@" 2>&1) || ended=$?
  echo "$said"
  [ "$ended" -eq "$status_wanted" ]
  [[ $said == *"$text"* ]]
}

@test "bad input gets a message and a status" {
  : >empty.ts
  seq 10000 >text.ts
  head -c 300000 /dev/urandom >random.ts
  mkdir directory
  refused 1 'empty.ts: no transport stream packets' tscircrec --keep 1h empty.ts ring
  refused 1 'text.ts: no transport stream packets' tscircrec --keep 1h text.ts ring
  refused 1 'no transport stream packets' tscircrec --keep 1h random.ts ring
  [ ! -e ring ]
  tscircrec --reindex directory
  [ -z "$(ls -A directory)" ]
  refused 1 'nowhere.ts: No such file' tscircrec --keep 1h nowhere.ts ring2
  refused 1 'no.such.host.invalid' tscircrec --keep 1h srt://no.such.host.invalid:1 ring2
  refused 1 'no.such.host.invalid' tscircrec --keep 1h udp://no.such.host.invalid:5000 ring2
  [ ! -e ring2 ]
}

@test "the wrong command line gets a message and status 2" {
  refused 2 '--keep' tscircrec "$BATS_FILE_TMPDIR/20s.ts" ring
  refused 2 'DIRECTORY' tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts"
  refused 2 '--keep' tscircrec --keep yesterday in.ts ring
  refused 2 '--keep is at least' tscircrec --keep 0 in.ts ring
  refused 2 '--max-size is at least 1 MB' tscircrec --max-size 0 in.ts ring
  refused 2 '--max-size is at least 1 MB' tscircrec --keep 1h --max-size 00 in.ts ring
  refused 2 '--max-size is at least 1 MB' tscircrec --max-size 999k in.ts ring
  refused 2 '--segment' tscircrec --keep 1h --segment 1ms in.ts ring
  refused 2 'with --status' tscircrec --status ring in.ts
  refused 1 'nowhere: No such file' tscircrec --status nowhere
  mkdir plain
  refused 1 'plain: not a recording' tscircrec --status plain
}

@test "a directory that cannot be made is refused" {
  : >file
  refused 1 'file/ring: Not a directory' tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" file/ring
}

@test "a ring that is being written is refused, with the process that writes it" {
  mkfifo pipe
  tscircrec --keep 1h pipe ring 3>&- &
  local first=$!
  exec 7>pipe
  cat "$BATS_FILE_TMPDIR/20s.ts" >&7
  wait_until has_bytes ring 1000000
  refused 1 "process $first is recording there" tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" ring
  refused 1 "process $first is recording there" tscircrec --reindex ring
  [ "$(json ring .process)" -eq "$first" ]
  exec 7>&-
  wait "$first"
  tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" ring
}

@test "kill -9 loses nothing that was written, and the next start repairs and goes on" {
  mkfifo pipe
  local half=$((1000 * 188)) round
  for round in 1 2 3; do
    tscircrec --quiet --keep 1h --sync 100ms pipe ring 3>&- &
    local recorder=$!
    exec 7>pipe
    tail -c +$((half * (round - 1) + 1)) "$BATS_FILE_TMPDIR/20s.ts" | head -c "$half" >&7
    wait_until has_bytes ring $((half * round))
    kill -KILL "$recorder"
    wait "$recorder" || true
    exec 7>&-
  done
  # A torn packet and a torn index, as a crash leaves them.
  local last
  last=$(find ring -name '*.ts' | sort -t_ -k2 | tail -n 1)
  printf 'G torn' >>"$last"
  truncate -s -7 "${last%.ts}.idx"
  [ "$(json ring .packets)" -eq 3000 ]
  tail -c +$((half * 3 + 1)) "$BATS_FILE_TMPDIR/20s.ts" >rest.ts
  tscircrec --keep 1h rest.ts ring
  recorded ring | cmp - "$BATS_FILE_TMPDIR/20s.ts"
  [ "$(gap_causes ring)" = 'restart restart restart' ]
  [ "$(json ring .segments)" -eq 4 ]
}

@test "SIGTERM writes all that was received and ends with status 0" {
  mkfifo pipe
  tscircrec --keep 1h --sync 1h pipe ring 3>&- &
  local recorder=$!
  exec 7>pipe
  cat "$BATS_FILE_TMPDIR/20s.ts" >&7
  # The pipe holds 64 KiB at most: so much of the file has been read.
  kill -TERM "$recorder"
  wait "$recorder"
  recorded ring >got.ts
  cmp -n "$(stat -c %s got.ts)" got.ts "$BATS_FILE_TMPDIR/20s.ts"
  [ "$(stat -c %s got.ts)" -ge $(($(stat -c %s "$BATS_FILE_TMPDIR/20s.ts") - 262144)) ]
  exec 7>&-
}

@test "multicast is recorded byte for byte, with a gap when it pauses" {
  tscircrec --keep 1h --gap 300ms --metrics ring.prom udp://239.1.1.1:5000,iface=lo ring 2>messages 3>&- &
  local recorder=$!
  wait_until has_socket 5000
  tsplayout --quiet "$BATS_FILE_TMPDIR/20s.ts" --output udp://239.1.1.1:5000,iface=lo 3>&- &
  local player=$!
  wait_until has_bytes ring 300000
  kill -STOP "$player"
  silent() { kill -USR1 "$recorder" && tail -n 1 messages | grep -q 'nothing comes since'; }
  wait_until silent
  kill -CONT "$player"
  wait_until has_bytes ring 600000
  kill "$player"
  wait "$player" || true
  kill -TERM "$recorder"
  wait "$recorder"
  recorded ring >got.ts
  [ "$(json ring '[.gaps[] | select(.cause == "input")] | length')" -ge 1 ]
  [ "$(json ring '[.gaps[] | select(.cause != "input" and .cause != "lost")] | length')" -eq 0 ]
  grep -q '^headend_tscircrec_received_packets_total{channel="ring"} '$(($(stat -c %s got.ts) / 188))'$' ring.prom
}

@test "segments expire by size, and each plays" {
  tscircrec --max-size 2M "$BATS_FILE_TMPDIR/20s.ts" ring
  [ "$(json ring .bytes)" -le 2000000 ]
  [ "$(json ring .segments)" -ge 5 ]
  recorded ring >got.ts
  cmp got.ts <(tail -c "$(stat -c %s got.ts)" "$BATS_FILE_TMPDIR/20s.ts")
  for segment in ring/*.ts; do
    ffmpeg -v fatal -nostdin -xerror -i "$segment" -map 0:v -frames:v 10 -f framecrc - | grep -q '^0, '
  done
}

@test "SIGHUP reads the limits again" {
  echo 'max-size = "100M"' >rec.conf
  mkfifo pipe
  tscircrec --config rec.conf --sync 100ms pipe ring 3>&- &
  local recorder=$!
  exec 7>pipe
  cat "$BATS_FILE_TMPDIR/20s.ts" >&7
  wait_until has_bytes ring 2000000
  echo 'max-size = "1M"' >rec.conf
  kill -HUP "$recorder"
  # The segment that is being written is never deleted: it takes new ones to show the limit.
  small() { cat "$BATS_FILE_TMPDIR/20s.ts" >&7 && [ "$(json ring .bytes)" -le 1000000 ]; }
  wait_until small
  exec 7>&-
  wait "$recorder"
}

@test "lost indexes are made again" {
  tscircrec --max-size 100M "$BATS_FILE_TMPDIR/20s.ts" ring
  json ring .services >before
  rm ring/*.idx
  json ring .services | cmp - before
  [ "$(tscircrec --reindex ring)" = '1 indexes made' ]
  [ "$(tscircrec --reindex ring)" = '0 indexes made' ]
  json ring .services | cmp - before
}

@test "an index that cannot be read is an error, not an empty recording" {
  tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" ring
  chmod 000 ring/*.idx
  local -a as=()
  [ "$(id -u)" -ne 0 ] || as=(setpriv --inh-caps=-all --bounding-set=-all)
  if "${as[@]}" cat ring/*.idx >/dev/null 2>&1; then skip "permissions do not hold here"; fi
  refused 1 '.idx: Permission denied' "${as[@]}" tscircrec --status ring
  chmod 600 ring/*.idx
  [ "$(json ring .segments)" -eq 1 ]
}

@test "what only has a segment's name is left alone" {
  mkdir ring
  seq 10000 >victim
  cp victim before
  ln -s ../victim ring/20261122T205000Z_00000009.ts
  mkfifo ring/20261122T205000Z_00000010.ts
  echo note >ring/20261122T205000Z_00000011.ts
  cp victim ring/20261122T205000Z_00000012.ts
  tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" ring 2>messages
  [ "$(grep -c 'left alone' messages)" -eq 4 ]
  cmp victim before
  cmp ring/20261122T205000Z_00000012.ts before
  [ "$(cat ring/20261122T205000Z_00000011.ts)" = note ]
  [ -p ring/20261122T205000Z_00000010.ts ]
  [ "$(json ring .segments)" -eq 1 ]
  [ "$(json ring '[.strangers[].file | .[24:25]] | sort | join(" ")')" = '0 1 2 9' ]
  [ "$(tscircrec --status ring | grep -c 'not read$')" -eq 4 ]
}

@test "a segment whose packets were overwritten is said to be none" {
  tscircrec --keep 1h "$BATS_FILE_TMPDIR/20s.ts" ring
  [ "$(json ring '.strangers | length')" -eq 0 ]
  local segment
  segment=$(find ring -name '*.ts')
  head -c "$(stat -c %s "$segment")" /dev/zero >"$segment"
  [ "$(json ring '.strangers[0].what')" = 'not the packets that its index speaks of' ]
}

# Full disks: on a small file system of the test's own.
small_disk() {
  mkdir disk
  mount -t tmpfs -o "size=$1" none disk 2>/dev/null || skip "cannot mount a small file system"
}

@test "disk full: the oldest goes first, and nothing of the newest is lost" {
  small_disk 1500k
  local round
  for round in 1 2 3 4 5 6; do
    tail -c +$((376000 * (round - 1) + 1)) "$BATS_FILE_TMPDIR/20s.ts" | head -c 376000 |
      tscircrec --keep 24h - disk/ring 2>>messages
  done
  grep -q 'disk full: deleted the oldest segment' messages
  recorded disk/ring >got.ts
  [ "$(stat -c %s got.ts)" -ge 1100000 ]
  cmp got.ts <(head -c $((376000 * 6)) "$BATS_FILE_TMPDIR/20s.ts" | tail -c "$(stat -c %s got.ts)")
  umount disk
}

@test "disk full with nothing to delete: the recorder goes on when there is room" {
  small_disk 1500k
  mkfifo pipe
  tscircrec --keep 24h --sync 100ms pipe disk/ring 2>messages 3>&- &
  local recorder=$!
  exec 7>pipe
  cat "$BATS_FILE_TMPDIR/20s.ts" >&7 &
  wait_until grep -q 'No space left on device' messages
  mount -o remount,size=100m disk
  wait_until grep -q 'again' messages
  wait_until has_bytes disk/ring "$(stat -c %s "$BATS_FILE_TMPDIR/20s.ts")"
  exec 7>&-
  wait "$recorder"
  recorded disk/ring | cmp - "$BATS_FILE_TMPDIR/20s.ts"
  [ "$(json disk/ring '.gaps | length')" -eq 0 ]
  umount disk
}

# A file system whose writes can be held up: freeze and thaw it with fsfreeze.
slow_disk() {
  truncate -s 64M image
  mkfs.ext4 -q -F image 2>/dev/null || skip "no mkfs.ext4"
  mkdir disk
  mount -o loop image disk 2>/dev/null || skip "cannot mount a loop device"
  touch disk/file
  { fsfreeze -f disk && fsfreeze -u disk; } || skip "cannot freeze a file system"
}

# metric NAME: its value in ring.prom.
metric() {
  sed -nE "s/^headend_tscircrec_$1\\{.*\\} (.*)/\\1/p" ring.prom
}
metric_is_over() {
  awk -v value="$(metric "$1")" -v least="$2" 'BEGIN {exit !(value > least)}'
}

@test "a slow disk loses nothing until the buffer is full, and then it is counted" {
  slow_disk
  tscircrec --keep 1h --sync 100ms --buffer 6s --metrics ring.prom udp://239.1.1.2:5000,iface=lo disk/ring \
    2>messages 3>&- &
  local recorder=$!
  wait_until has_socket 5000
  tsplayout --quiet --loop "$BATS_FILE_TMPDIR/20s.ts" --output udp://239.1.1.2:5000,iface=lo 3>&- &
  local player=$!
  wait_until has_bytes disk/ring 100000

  fsfreeze -f disk
  seconds_wait() { kill -USR1 "$recorder" && tail -n 1 messages | grep -qE '[0-9] s waiting'; }
  wait_until seconds_wait
  fsfreeze -u disk
  wait_until has_bytes disk/ring 300000
  [ "$(json disk/ring '.gaps | length')" -eq 0 ]

  fsfreeze -f disk
  wait_until metric_is_over dropped_packets_total 0
  fsfreeze -u disk
  local now
  now=$(recorded disk/ring | wc -c)
  wait_until has_bytes disk/ring $((now + 500000))
  kill "$player" && wait "$player" || true
  kill -TERM "$recorder"
  wait "$recorder"
  [ "$(gap_causes disk/ring)" = overflow ]
  [ "$(json disk/ring '.gaps[0].packets')" -eq "$(metric dropped_packets_total)" ]
  [ "$(metric received_packets_total)" -eq $(($(metric written_packets_total) + $(metric dropped_packets_total))) ]
  [ "$(metric written_packets_total)" -eq $(($(recorded disk/ring | wc -c) / 188)) ]
  umount disk
}

@test "RTP datagrams that are missing are a gap" {
  tscircrec --keep 1h --metrics ring.prom rtp://127.0.0.1:5000 ring 3>&- &
  local recorder=$!
  wait_until has_socket 5000
  # Every hundredth of a thousand datagrams is left out.
  python3 - "$BATS_FILE_TMPDIR/20s.ts" >sent.ts <<'END'
import socket, struct, sys, time
data = open(sys.argv[1], "rb").read()
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(1000):
    payload = data[n * 1316:(n + 1) * 1316]
    if n % 100 == 50:
        continue
    out.sendto(struct.pack(">BBHII", 0x80, 33, n, n * 900, 7) + payload, ("127.0.0.1", 5000))
    sys.stdout.buffer.write(payload)
    time.sleep(0.001)
END
  wait_until has_bytes ring "$(stat -c %s sent.ts)"
  kill -TERM "$recorder"
  wait "$recorder"
  recorded ring | cmp - sent.ts
  [ "$(metric rtp_lost_total)" -eq 10 ]
  json ring '[.gaps[].cause] | unique | join(" ")' | grep -qx lost
}

@test "losses within a second are one gap" {
  tscircrec --keep 1h --metrics ring.prom rtp://127.0.0.1:5000 ring 3>&- &
  local recorder=$!
  wait_until has_socket 5000
  python3 - "$BATS_FILE_TMPDIR/20s.ts" <<'END'
import socket, struct, sys, time
data = open(sys.argv[1], "rb").read()
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def send(numbers):
    for n in numbers:
        payload = data[n * 1316:(n + 1) * 1316]
        out.sendto(struct.pack(">BBHII", 0x80, 33, n, n * 900, 7) + payload, ("127.0.0.1", 5000))
send([0, 1, 3, 5, 7, 8])
time.sleep(1.2)
send([9, 11, 12])
END
  wait_until has_bytes ring $((9 * 1316))
  kill -TERM "$recorder"
  wait "$recorder"
  [ "$(metric rtp_lost_total)" -eq 4 ]
  [ "$(metric gaps_total)" -eq 2 ]
}

@test "datagrams without packets are said and counted" {
  tscircrec --keep 1h --metrics ring.prom udp://127.0.0.1:5000 ring 2>messages 3>&- &
  local recorder=$!
  wait_until has_socket 5000
  echo 'not a packet' >/dev/udp/127.0.0.1/5000
  wait_until grep -q '127.0.0.1:5000: .* 1 datagrams without a packet' messages
  kill -TERM "$recorder"
  wait "$recorder"
  [ "$(metric invalid_datagrams_total)" -eq 1 ]
  [ ! -e ring ]
}

@test "a directory that is moved away is whole there, and the recording goes on here" {
  mkfifo pipe
  tscircrec --quiet --keep 24h --sync 100ms pipe ring 2>messages 3>&- &
  local recorder=$!
  exec 7>pipe
  head -c 188000 "$BATS_FILE_TMPDIR/20s.ts" >&7
  wait_until has_bytes ring 188000
  mv ring aside
  wait_until grep -q 'ring was moved or removed; made anew' messages
  grep -q 'was moved away while it was written' messages
  head -c 376000 "$BATS_FILE_TMPDIR/20s.ts" | tail -c 188000 >&7
  exec 7>&-
  wait "$recorder"
  recorded aside | cmp - <(head -c 188000 "$BATS_FILE_TMPDIR/20s.ts")
  recorded ring | cmp - <(head -c 376000 "$BATS_FILE_TMPDIR/20s.ts" | tail -c 188000)
  [ "$(json aside '.coverage | length')" -eq 1 ]
}

@test "a directory that is removed is made anew, and the loss is said also with --quiet" {
  mkfifo pipe
  tscircrec --quiet --keep 24h --sync 100ms pipe ring 2>messages 3>&- &
  local recorder=$!
  exec 7>pipe
  head -c 188000 "$BATS_FILE_TMPDIR/20s.ts" >&7
  wait_until has_bytes ring 188000
  rm -rf ring
  wait_until grep -q 'was removed while it was written' messages
  head -c 376000 "$BATS_FILE_TMPDIR/20s.ts" | tail -c 188000 >&7
  wait_until has_bytes ring 188000
  exec 7>&-
  wait "$recorder"
  recorded ring | cmp - <(head -c 376000 "$BATS_FILE_TMPDIR/20s.ts" | tail -c 188000)
}

@test "what is written does not stay in the page cache" {
  [ "$(stat -f -c %T .)" != tmpfs ] || skip "a tmpfs is all page cache"
  mkfifo pipe
  tscircrec --quiet --keep 1h --sync 100ms pipe ring 3>&- &
  local recorder=$!
  exec 7>pipe
  for _ in 1 2 3 4 5 6; do cat "$BATS_FILE_TMPDIR/20s.ts"; done >&7
  has_left() { [ "$(fincore --bytes --noheadings --output RES ring/*.ts | awk '{ n += $1 } END { print n }')" -lt 1000000 ]; }
  wait_until has_bytes ring 14000000
  # While it goes on: each write lets go of the one before.
  more() { head -c 188000 "$BATS_FILE_TMPDIR/20s.ts" >&7 && has_left; }
  wait_until more
  exec 7>&-
  wait "$recorder"
}

@test "it stays under 24 MB resident" {
  mkfifo pipe
  tscircrec --keep 24h pipe ring 3>&- &
  local recorder=$!
  exec 7>pipe
  for _ in 1 2 3 4 5; do cat "$BATS_FILE_TMPDIR/20s.ts"; done >&7
  local peak
  peak=$(awk '/VmHWM/ {print $2}' "/proc/$recorder/status")
  exec 7>&-
  wait "$recorder"
  echo "$peak KiB"
  [ "$peak" -lt 24000 ]
}

@test "the service manager hears from a recorder that waits for a full disk" {
  small_disk 1500k
  mkfifo pipe
  hear_watchdog
  tscircrec --keep 24h --sync 100ms pipe disk/ring 2>messages 3>&- &
  local recorder=$!
  cat "$BATS_FILE_TMPDIR"/20s.ts{,,,,,,,,,,,} >pipe 3>&- &
  local writer=$!
  # Then nothing more is read ahead.
  has_taken() { [ "$(awk '/wchar/ { print $2 }' "/proc/$writer/io")" -ge "$1" ]; }
  wait_until has_taken 8200000
  wait_until heard $(($(grep -c '^WATCHDOG=1$' heard) + 20))
  kill "$writer"
  mount -o remount,size=100m disk
  wait "$recorder"
  umount disk
}
