#!/bin/bash
# Ten minutes out of a recording of an hour: by tscut, by cp of as many bytes, and by ffmpeg -ss -to -c copy.
#
#   tests/bench/cut.sh [BUILD-DIRECTORY]          (default: build/release)
#
# The three take turns, ROUNDS times (default 5), once with what they read in the page cache and once without. Each is
# done when its output is on disk: tscut sees to that by itself, after the others comes `sync -d`. Then the medians and
# their ratios to cp. Fails if tscut takes more than 1.5 times as long as cp, or longer than ffmpeg. RATE, DISK (a
# directory) change the task.
#
# ffmpeg is given the recording's segments as one input (its concat protocol).
set -eu -o pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${1:-$source/build/release}")
rounds=${ROUNDS:-5} rate=${RATE:-8000000} disk=${DISK:-${TMPDIR:-/tmp}}
cmake --build "$build" --target tscut make_ring >/dev/null
tscut=$build/bin/tscut

work=$(mktemp -d "$disk/cut.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

"$build/bin/make_ring" ring "$rate" 3600
segments=$(find ring -name '*.ts' | sort -t_ -k2 | paste -sd '|')

by_tscut() { "$tscut" --quiet --from start+25m --duration 10m ring out.ts; }
by_cp() { cp same.ts out.ts && sync -d out.ts; }
by_ffmpeg() {
  ffmpeg -v fatal -nostdin -ss 1500 -to 2100 -i "concat:$segments" -map 0 -c copy -f mpegts out.ts && sync -d out.ts
}

# Throws what was read out of the page cache, or reads it in.
prepare() {
  local file
  sync
  for file in ring/* same.ts; do
    if [ "$1" = cold ]; then
      dd if="$file" iflag=nocache count=0 status=none
    else
      cat "$file" >/dev/null
    fi
  done
}

# Prints the seconds that a command takes.
timed() {
  local begin=$EPOCHREALTIME
  "$@"
  awk -v b="$begin" -v e="$EPOCHREALTIME" 'BEGIN { printf "%.3f\n", e - b }'
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

by_tscut
mv out.ts same.ts
printf '%d bytes, %d rounds\n' "$(stat -c %s same.ts)" "$rounds"
for cache in warm cold; do
  for ((round = 0; round < rounds; round++)); do
    for tool in tscut cp ffmpeg; do
      prepare "$cache"
      timed "by_$tool" >>"$cache.$tool"
      rm out.ts
    done
  done
done

printf '%-6s %-8s %8s %8s\n' cache tool seconds ratio
failed=0
for cache in warm cold; do
  cp_time=$(median "$cache.cp") tscut_time=$(median "$cache.tscut") ffmpeg_time=$(median "$cache.ffmpeg")
  for tool in tscut cp ffmpeg; do
    awk -v c="$cache" -v t="$tool" -v s="$(median "$cache.$tool")" -v p="$cp_time" \
      'BEGIN { printf "%-6s %-8s %8.3f %8.2f\n", c, t, s, s / p }'
  done
  awk -v t="$tscut_time" -v p="$cp_time" -v f="$ffmpeg_time" 'BEGIN { exit t > 1.5 * p || t > f }' || failed=1
done
exit $failed
