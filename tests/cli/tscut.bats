#!/usr/bin/env bats
# tscut as its users run it. Cuts are judged by ffmpeg and by stream_facts.py, which know nothing of this project.

load support

# Pictures with B pictures and an access point every two seconds, two sounds, a constant rate.
setup_file() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=frequency=1000 -t 30 \
    -map 0:v -map 1:a -map 1:a -c:v libx264 -preset ultrafast -bf 2 -g 50 -keyint_min 50 -sc_threshold 0 -b:v 400k \
    -maxrate 400k -bufsize 400k -c:a mp2 -b:a 64k -mpegts_service_id 257 -metadata service_name=One \
    -muxrate 1M -f mpegts "$BATS_FILE_TMPDIR/film.ts"
  pictures "$BATS_FILE_TMPDIR/film.ts" >"$BATS_FILE_TMPDIR/film.pictures"
}

# A hash of each picture that a decoder shows.
pictures() {
  ffmpeg -v error -nostdin -i "$1" -map 0:v -fps_mode passthrough -f framemd5 - | grep -v '^#' | cut -d, -f6
}

# The pictures of a cut are N consecutive ones of the film from its FIRST on, and nothing in it is damaged.
is_clean_cut() {
  local first=$2 count=$3
  [ -z "$(ffmpeg -v error -nostdin -i "$1" -map 0 -f null - 2>&1)" ]
  "$BATS_TEST_DIRNAME/stream_facts.py" losses "$1" | (! grep .)
  diff <(pictures "$1") <(tail -n "+$((first + 1))" "$BATS_FILE_TMPDIR/film.pictures" | head -n "$count")
}

film() { printf '%s\n' "$BATS_FILE_TMPDIR/film.ts"; }

# No file here but those named.
only() {
  diff <(ls -A) <(printf '%s' "${@/%/$'\n'}" | sort)
}

# refused STATUS TEXT COMMAND...
refused() {
  local status_wanted=$1 text=$2 said ended=0
  shift 2
  said=$("$@" 2>&1) || ended=$?
  echo "$said"
  [ "$ended" -eq "$status_wanted" ]
  [[ $said == *"$text"* ]]
}

@test "the first picture decodes, and all that follow" {
  tscut --from 5s --to 12s "$(film)" cut.ts
  is_clean_cut cut.ts 100 200
}

@test "a cut shorter than its head" {
  tscut --from 4500ms --to 4900ms "$(film)" cut.ts
  [ "$(pictures cut.ts | wc -l)" -ge 10 ]
  is_clean_cut cut.ts 100 "$(pictures cut.ts | wc -l)"
}

@test "it begins with PAT, PMT and SDT" {
  tscut --from 7s --duration 5s "$(film)" cut.ts
  head -c 188 cut.ts | od -An -tx1 -j1 -N2 | grep -q '40 00'
  head -c 376 cut.ts | tail -c 188 | od -An -tx1 -j1 -N2 | grep -q '50 00'
  head -c 564 cut.ts | tail -c 188 | od -An -tx1 -j1 -N2 | grep -q '40 11'
}

@test "sound begins and ends with the pictures" {
  tscut --from 5s --to 12s "$(film)" cut.ts
  # The end of each stream is its last packet's time and duration.
  ffprobe -v error -show_entries packet=stream_index,pts_time,duration_time -of csv=p=0 cut.ts | awk -F, '
    NF >= 3 {
      if (!($1 in first) || $2 < first[$1]) first[$1] = $2
      if (!($1 in last) || $2 + $3 > last[$1]) last[$1] = $2 + $3
    }
    END {
      for (i = 1; i <= 2; i++) {
        print "sound", i, first[i], last[i], "pictures", first[0], last[0]
        # One PES packet holds 15 frames of sound, 360 ms.
        if (first[i] > first[0] || first[i] < first[0] - 0.36 || last[i] < last[0] || last[i] > last[0] + 0.36) exit 1
      }
    }'
}

@test "--rebase begins at 0" {
  tscut --rebase --from 5s --to 12s "$(film)" cut.ts
  is_clean_cut cut.ts 100 200
  ffprobe -v error -select_streams v -show_entries stream=start_time -of csv=p=0 cut.ts |
    awk 'NF && ($1 > 1.5 || $1 < 0) { exit 1 }'
}

@test "standard input and output" {
  tscut --from 5s --to 12s - - <"$(film)" >cut.ts
  is_clean_cut cut.ts 150 151
  tscut --from 5s --to 12s "$(film)" - | cat >piped.ts
  is_clean_cut piped.ts 100 200
}

@test "packets of 204 bytes" {
  perl -e 'binmode STDIN; binmode STDOUT; while (read(STDIN, $p, 188)) { print $p, "\0" x 16 }' <"$(film)" >film.204
  tscut --from 5s --to 12s film.204 cut.ts
  is_clean_cut cut.ts 150 151
}

@test "bytes that are no packets in a file are left out, and said" {
  { head -c 1880000 "$(film)" && seq 1000 && tail -c +1880001 "$(film)"; } >inserted.ts
  refused 3 'bytes that are no packets' tscut --from 5s --to 25s inserted.ts cut.ts
  tscut --from 5s --to 25s "$(film)" whole.ts
  cmp cut.ts whole.ts
  { head -c 1880100 "$(film)" && tail -c +1890100 "$(film)"; } >deleted.ts
  refused 3 'bytes that are no packets' tscut --force --from 5s --to 25s deleted.ts cut.ts
  [ "$(pictures cut.ts | wc -l)" -gt 500 ]
  diff <(pictures cut.ts | tail -n 200) <(pictures whole.ts | tail -n 200)
  tscut --list deleted.ts | grep -q damaged
  # Not in the range.
  tscut --force --from 20s --to 25s deleted.ts cut.ts
}

@test "several files are one" {
  head -c 1880000 "$(film)" >a.ts
  tail -c +1880001 "$(film)" >b.ts
  tscut --from 5s --to 25s a.ts b.ts cut.ts
  is_clean_cut cut.ts 100 528
}

@test "a recording that is being written: what is past at once, what is to come when it comes" {
  mkfifo feed
  tscircrec --quiet --keep 1h --sync 100ms feed ring 3>&- &
  exec 9>feed
  head -c 1500040 "$(film)" >&9
  begun() { [ "$(tscut --list --json ring 2>/dev/null | jq '.stretches[0].bytes')" -gt 1000000 ]; }
  wait_until begun
  tscut --from start --to now+3s ring cut.ts 2>said 3>&- &
  local cutter=$!
  local left=0
  until ! kill -0 "$cutter" 2>/dev/null || [ "$left" -ge 60 ]; do
    tail -c "+$((1500041 + left * 18800))" "$(film)" | head -c 18800 >&9
    left=$((left + 1))
    sleep 0.1
  done
  local status=0
  wait "$cutter" || status=$?
  exec 9>&-
  cat said
  [ "$status" -eq 0 ]
  [ "$(pictures cut.ts | wc -l)" -gt 300 ]
  is_clean_cut cut.ts 0 "$(pictures cut.ts | wc -l)"
}

@test "a gap of a recording is told, and the rest written" {
  mkfifo feed
  local half
  for half in 1 2; do
    tscircrec --quiet --keep 1h --sync 100ms feed ring 3>&- &
    exec 9>feed
    tail -c "+$(((half - 1) * 1500240 + 1))" "$(film)" | head -c 1500240 >&9
    exec 9>&-
    wait "$!"
  done
  tscut --list ring | grep -q restart
  refused 3 'the recorder was not running' tscut --from start --to end ring cut.ts
  [ "$(pictures cut.ts | wc -l)" -gt 550 ]
  "$BATS_TEST_DIRNAME/stream_facts.py" losses cut.ts | (! grep .)
  # By the date of the first segment's name.
  local begun
  begun=$(tscut --list --json ring | jq -r '.stretches[0].from')
  refused 3 'missing' tscut --force --from "$begun" --to now ring cut.ts
  only cut.ts feed ring
}

@test "nothing is waited for where no recorder is at work" {
  tscircrec --quiet --keep 1h "$(film)" ring
  refused 1 'nothing is recorded' timeout 5 tscut --from now+1m --to now+2m ring cut.ts
  only ring
}

@test "SIGTERM ends the wait with a whole file and status 3" {
  mkfifo feed
  tscircrec --quiet --keep 1h --sync 100ms feed ring 3>&- &
  exec 9>feed
  head -c 1500040 "$(film)" >&9
  begun() { [ "$(tscut --list --json ring 2>/dev/null | jq '.stretches[0].bytes')" -gt 1000000 ]; }
  wait_until begun
  tscut --from start --to now+1h ring cut.ts 3>&- &
  local cutter=$!
  written() { [ -n "$(find . -name 'cut.ts.*' -size +100k)" ]; }
  wait_until written
  [ ! -e cut.ts ]
  kill -TERM "$cutter"
  local status=0
  wait "$cutter" || status=$?
  exec 9>&-
  [ "$status" -eq 3 ]
  [ "$(pictures cut.ts | wc -l)" -gt 100 ]
}

@test "a live endpoint is recorded from a random access point on" {
  tsplayout --quiet --loop "$(film)" --output udp://239.1.1.1:5000,iface=lo 3>&- &
  tscut --from now --duration 5s udp://239.1.1.1:5000,iface=lo cut.ts
  [ -z "$(ffmpeg -v error -nostdin -i cut.ts -map 0 -f null - 2>&1)" ]
  "$BATS_TEST_DIRNAME/stream_facts.py" losses cut.ts | (! grep .)
  local count
  count=$(pictures cut.ts | wc -l)
  [ "$count" -ge 60 ]
  [ "$count" -le 140 ]
  grep -qF "$(pictures cut.ts | head -1)" <(awk 'NR % 50 == 1' "$BATS_FILE_TMPDIR/film.pictures")
}

@test "kill -9 leaves what came in the temporary file, also in the first seconds" {
  mkfifo feed
  tscut --from now --duration 1h - cut.ts <feed 3>&- &
  local cutter=$!
  exec 9>feed
  # Two seconds: fewer than the beginning of a cut is made of.
  head -c 250040 "$(film)" >&9
  # All but what comes before the first access point, and what waits for more bytes.
  written() { [ -n "$(find . -name 'cut.ts.??????' -size +230k)" ]; }
  wait_until written
  kill -KILL "$cutter"
  wait "$cutter" || true
  exec 9>&-
  only cut.ts.?????? feed
  local left
  left=$(echo cut.ts.??????)
  "$BATS_TEST_DIRNAME/stream_facts.py" losses "$left" | (! grep .)
  [ "$(pictures "$left" | wc -l)" -gt 30 ]
}

@test "SIGTERM ends a live recording with a whole file and status 3" {
  tsplayout --quiet --loop "$(film)" --output udp://239.1.1.2:5000,iface=lo 3>&- &
  tscut --from now --duration 1h udp://239.1.1.2:5000,iface=lo cut.ts 3>&- &
  local cutter=$!
  written() { [ -n "$(find . -name 'cut.ts.*' -size +200k)" ]; }
  wait_until written
  kill -TERM "$cutter"
  local status=0
  wait "$cutter" || status=$?
  [ "$status" -eq 3 ]
  [ "$(pictures cut.ts | wc -l)" -gt 25 ]
  only cut.ts
}

@test "nothing comes from a live endpoint: a message, no file" {
  refused 1 'nothing was received' tscut --from now --duration 500ms udp://239.1.1.3:5000,iface=lo cut.ts
  only
}

@test "endpoints that cannot be received get a message with their name, and leave nothing" {
  refused 1 'nohost.invalid' tscut --from now --duration 1s udp://nohost.invalid:5000 cut.ts
  refused 1 '10.99.0.1' tscut --from now --duration 1s udp://10.99.0.1:5000 cut.ts
  refused 1 'nope' tscut --from now --duration 1s udp://239.1.1.1:5000,iface=nope cut.ts
  only
}

@test "--list shows what there is" {
  tscut --list "$(film)" >list
  grep -q 'One' list
  grep -q '2.00 s' list
  [ "$(tscut --list --json "$(film)" | jq '.services[0].access_points')" -eq 15 ]
  [ "$(tscut --list --json "$(film)" | jq '.dated')" = false ]
}

# open_film CODEC PARAMETERS...: with open groups of pictures.
open_film() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -t 16 -c:v "$@" -b:v 300k -muxrate 800k -f mpegts open.ts
}

@test "of an open group, the pictures that need the group before are left out" {
  local groups=open-gop=1:keyint=50:min-keyint=50:scenecut=0:bframes=3:b-adapt=0:log-level=error
  local codec
  for codec in "mpeg2video -bf 2 -g 25" "libx264 -x264-params ${groups/:log-level=error/}" "libx265 -x265-params $groups"; do
    echo "$codec"
    # shellcheck disable=SC2086
    rm -f open.ts && open_film $codec
    tscut --force --from 7s --to 13s open.ts cut.ts
    "$BATS_TEST_DIRNAME/stream_facts.py" losses cut.ts | (! grep .)
    # In the order of decoding, no picture is shown before the first one.
    ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 cut.ts | tr -d , |
      awk 'NF { if (!n++) first = $1; if ($1 < first) exit 1 } END { if (n < 120) exit 1 }'
    # What is shown is what the film shows.
    [ -z "$(pictures cut.ts | grep -vxFf <(pictures open.ts))" ]
  done
}

@test "a stream that is refreshed gradually is cut at its recovery points, and that is said" {
  open_film libx264 -x264-params intra-refresh=1:keyint=50:min-keyint=50:scenecut=0:bframes=0
  refused 0 'built up gradually' tscut --from 7s --to 13s open.ts cut.ts
  [ -z "$(ffmpeg -v error -nostdin -i cut.ts -map 0 -f null - 2>&1)" ]
  [ "$(ffprobe -v error -select_streams v -show_entries packet=pts -of csv=p=0 cut.ts | grep -c .)" -lt 190 ]
  [ "$(pictures cut.ts | wc -l)" -gt 120 ]
  [ -z "$(pictures cut.ts | grep -vxFf <(pictures open.ts))" ]
}

@test "a file that begins within a group of pictures is cut from the next one on, and that is said" {
  # Without its first half second, and the access point in it.
  tail -c +62605 "$(film)" | head -c 1880000 >torn.ts
  refused 0 'begins at the first one after it' tscut --from start --to 5s torn.ts cut.ts
  [ -z "$(ffmpeg -v error -nostdin -i cut.ts -map 0 -f null - 2>&1)" ]
}

@test "a range that is partly there is written, with status 3" {
  refused 3 'missing from' tscut --from 20s --duration 30s "$(film)" cut.ts
  is_clean_cut cut.ts 450 300
}

@test "a range that is not there: a message, no file" {
  refused 1 'nothing is recorded' tscut --from 40s --to 50s "$(film)" cut.ts
  only
}

@test "dates that cannot be" {
  refused 2 'is not after' tscut --from 10s --to 5s "$(film)" cut.ts
  refused 2 'no such date' tscut --from '2026-02-30 10:00' --to now "$(film)" cut.ts
  TZ=Europe/Paris refused 2 'no such date' tscut --from '2026-03-29 02:30' --to now "$(film)" cut.ts
  refused 2 'not a date' tscut --from yesterday --to now "$(film)" cut.ts
  refused 2 'longer than 30 years' tscut --from 99999d --to now "$(film)" cut.ts
  refused 2 '1970 to 2200' tscut --from 9999-01-01T00:00:00Z --to now "$(film)" cut.ts
  refused 1 'no dates' tscut --from 20:50 --to 20:55 "$(film)" cut.ts
  refused 1 'is over' tscut --from now-2h --to now-1h udp://239.1.1.1:5000,iface=lo cut.ts
  only
}

@test "a wrong command line" {
  refused 2 '--from' tscut --to 5s "$(film)" cut.ts
  refused 2 '--duration' tscut --from 5s "$(film)" cut.ts
  refused 2 '--duration' tscut --from 5s --to 6s --duration 5s "$(film)" cut.ts
  refused 2 'OUTPUT' tscut --from 5s --to 6s "$(film)"
  refused 2 'udp://239.1.1.1:5000' tscut --from 5s --to 6s "$(film)" udp://239.1.1.1:5000
  refused 2 '--list' tscut --json "$(film)"
  refused 2 'a size from 1 to' tscut --from now --duration 1s udp://239.1.1.1:5000,buffer=10G cut.ts
  refused 2 'no port' tscut --from now --duration 1s udp://239.1.1.1 cut.ts
  only
}

@test "bad sources get a message with their name, and leave nothing" {
  : >empty.ts
  seq 10000 >text.ts
  head -c 100000 /dev/urandom >random.ts
  head -c 100 "$(film)" >short.ts
  mkdir directory
  for source in empty.ts text.ts random.ts short.ts directory missing.ts; do
    refused 1 "$source" tscut --from start --to end "$source" cut.ts
  done
  refused 1 'nothing' tscut --from now --duration 200ms /dev/null cut.ts
  refused 1 'directory' tscut --from start --to end directory "$(film)" cut.ts
  refused 1 'no service' tscut --from start --to end --service 9 "$(film)" cut.ts
  only directory empty.ts random.ts short.ts text.ts
}

@test "a stream of only nulls has no time to cut by" {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    printf 'G\037\377\020'
    head -c 184 /dev/zero | tr '\0' '\377'
  done >nulls.ts
  refused 1 'no PCR' tscut --from start --to end nulls.ts cut.ts
  only nulls.ts
}

@test "a truncated last packet is left out" {
  head -c 3000000 "$(film)" >torn.ts
  tscut --from start --to end torn.ts cut.ts
  [ $(($(stat -c %s cut.ts) % 188)) -eq 0 ]
  "$BATS_TEST_DIRNAME/stream_facts.py" losses cut.ts | (! grep .)
}

@test "outputs that cannot be written" {
  refused 1 'missing/cut.ts' tscut --from 5s --to 12s "$(film)" missing/cut.ts
  mkdir directory
  refused 1 'directory' tscut --from 5s --to 12s "$(film)" directory
  cp "$(film)" film.ts
  refused 1 'film.ts' tscut --force --from 5s --to 12s film.ts film.ts
  cmp film.ts "$(film)"
  ln -s film.ts link.ts
  refused 1 'link.ts' tscut --force --from 5s --to 12s film.ts link.ts
  refused 1 'No space left' tscut --from 5s --to 12s film.ts /dev/full
  mount -t tmpfs -o size=256k none directory
  refused 1 'No space left' tscut --from 5s --to 12s film.ts directory/cut.ts
  [ -z "$(ls -A directory)" ]
  umount directory
}

@test "a directory without permission" {
  [ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "needs setpriv to be another user"
  mkdir closed
  chmod 555 closed
  chmod 755 . "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
  refused 1 'Permission denied' setpriv --reuid=65534 --clear-groups "$(command -v tscut)" --from 5s --to 12s \
    "$(film)" closed/cut.ts
}

@test "a full disk ends a live recording with what was written" {
  mkdir small
  mount -t tmpfs -o size=300k none small
  tsplayout --quiet --loop "$(film)" --output udp://239.1.1.4:5000,iface=lo 3>&- &
  refused 3 'No space left' tscut --from now --duration 20s udp://239.1.1.4:5000,iface=lo small/cut.ts
  [ "$(stat -c %s small/cut.ts)" -gt 200000 ]
  [ $(($(stat -c %s small/cut.ts) % 188)) -eq 0 ]
  umount small
}

@test "an existing file is replaced only by --force" {
  echo precious >cut.ts
  refused 1 'exists already' tscut --from 5s --to 12s "$(film)" cut.ts
  [ "$(cat cut.ts)" = precious ]
  tscut --force --from 5s --to 12s "$(film)" cut.ts
  is_clean_cut cut.ts 100 200
}

@test "the file that a link leads to is replaced, and a link that leads nowhere is refused" {
  mkdir store
  echo old >store/real.ts
  ln -s store/real.ts cut.ts
  tscut --force --from 5s --to 12s "$(film)" cut.ts
  [ -L cut.ts ]
  is_clean_cut store/real.ts 100 200
  ln -s one.ts two.ts
  ln -s two.ts one.ts
  refused 1 'create one.ts: Too many levels of symbolic links' tscut --force --from 5s --to 12s "$(film)" one.ts
  [ -L one.ts ]
}

@test "a reader that leaves is no catastrophe" {
  (tscut --from start --to end "$(film)" - 2>said || echo $? >status) | head -c 1000 >/dev/null
  [ "$(cat status)" -eq 1 ]
  [ ! -s said ]
}

@test "metrics and --config" {
  printf 'from = 5s\nduration = 7s\n' >cut.conf
  tscut --config cut.conf --metrics cut.prom "$(film)" cut.ts
  is_clean_cut cut.ts 100 200
  grep -q "^headend_tscut_written_bytes_total{.*} $(stat -c %s cut.ts)$" cut.prom
}

@test "every capture is cut cleanly, or refused aloud" {
  capture sd-h264-aac.ts
  for file in "$(dirname "$(capture sd-h264-aac.ts)")"/*.ts; do
    echo "$file"
    local status=0
    tscut --force --from start --to end "$file" cut.ts || status=$?
    case $(basename "$file") in
      sd-* | hd* | mpts*) [ "$status" -eq 0 ] && "$BATS_TEST_DIRNAME/stream_facts.py" losses cut.ts | (! grep .) ;;
      scrambled*) [ "$status" -eq 3 ] ;;
      *) [ "$status" -eq 1 ] ;;
    esac
  done
}
