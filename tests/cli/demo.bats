#!/usr/bin/env bats
# scripts/demo, in a short form, with the tools that were just built.

load support

demo() {
  DEMO_SECONDS=12 DEMO_DIRECTORY=$PWD/demo timeout -k 5 140 "$HEADEND_SOURCE/scripts/demo" "$@" >out 2>&1 || {
    cat out
    return 1
  }
}

# The numbers lost, a service a line.
lost() {
  sed -nE 's/^   0x.* [0-9]+ +[0-9]+ +(-?[0-9]+)   [0-9:.]+ to .*/\1/p' out
}

@test "the demo with a multiplex of its own: nothing lost, cut and decoded, at the time asked for" {
  demo
  [ "$(lost)" = $'0\n0\n0' ]
  grep -q "All is well" out
  [ "$(grep -c ": clean$" out)" -eq 3 ]
  [ "$(grep -cE '^   0x.* s   good +/' out)" -eq 3 ]
  grep -qE "Of it tsmon saw [0-9]+ packets in 1[0-9] s at 6\.7 Mb/s: .* indicators measured" out
  grep -q "it shows .* and was asked for by" out
  [ "$(ffprobe -v error -show_entries stream=width -of csv=p=0 demo/picture.png)" = 640 ]
}

@test "the demo with a user's file" {
  "$HEADEND_SOURCE/scripts/make-multiplex" own.ts --services 2 --duration 4
  demo own.ts
  [ "$(lost)" = $'0\n0' ]
  grep -q "All is well" out
  [ -s demo/picture.png ]
}

@test "the demo leaves nothing running, and says what is wrong with a file" {
  run -1 "$HEADEND_SOURCE/scripts/demo" missing.ts
  [ "$output" = "demo: missing.ts cannot be read" ]
  echo text >text.ts
  run -1 env DEMO_DIRECTORY="$PWD/demo" "$HEADEND_SOURCE/scripts/demo" text.ts
  [[ $output == *"text.ts"* ]]
  run -2 "$HEADEND_SOURCE/scripts/demo" --help-me
  [ -z "$(ss -H -u -a -n)" ]
}
