#!/usr/bin/env bats
# The multiplex that the demo and other tests are made from.

load support

make_multiplex() { "$HEADEND_SOURCE/scripts/make-multiplex" "$@"; }

@test "makes the services it says, with their codecs and languages" {
  make_multiplex out.ts --services 2 --duration 2 --start 1700000000
  ffprobe -v error -show_programs -of json out.ts >programs.json
  jq -e '[.programs[] | [.program_id, .tags.service_name, .tags.service_provider]]
    == [[257, "Demo 1", "Headend"], [258, "Demo 2", "Headend"]]' programs.json
  jq -e '[.programs[] | [.streams[] | .codec_name]]
    == [["h264", "mp2", "aac"], ["mpeg2video", "mp2", "aac"]]' programs.json
  jq -e '[.programs[].streams[] | .tags.language // empty] == ["fra", "eng", "fra", "eng"]' programs.json
}

@test "leaves nothing behind when it fails" {
  run make_multiplex missing/out.ts --services 1 --duration 1
  [ "$status" -ne 0 ]
  mkdir out.ts
  run make_multiplex out.ts/ --services 1 --duration 1
  [ "$status" -ne 0 ]
  [ -z "$(ls -A out.ts)" ]
}

@test "refuses what it does not understand with status 2" {
  for arguments in "" "--services 2" "a.ts b.ts" "a.ts --services 0" "a.ts --duration x" "a.ts --frames 2" "a.ts --start"; do
    # shellcheck disable=SC2086
    run make_multiplex $arguments
    [ "$status" -eq 2 ]
    [ -n "$output" ]
  done
  [ ! -e a.ts ]
}
