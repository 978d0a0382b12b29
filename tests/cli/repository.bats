#!/usr/bin/env bats
# What the repository itself must be.

load support

# The files that are part of the project, whether or not they have been committed yet.
files() {
  (cd "$HEADEND_SOURCE" && git ls-files --cached --others --exclude-standard -- "$@")
}

@test "shell scripts are clean to shellcheck" {
  files | while read -r file; do
    head -c 64 "$HEADEND_SOURCE/$file" | head -n 1 | grep -aqE '^#!.*[/ ](ba)?(sh|bats)$' || continue
    echo "$file"
    shellcheck --severity=warning "$HEADEND_SOURCE/$file"
  done
}

@test "every C++ header guards itself and every file keeps to 120 columns" {
  files '*.hpp' | while read -r file; do
    echo "$file"
    grep -q '^#pragma once$' "$HEADEND_SOURCE/$file"
  done
  mapfile -t sources < <(files '*.hpp' '*.cpp')
  cd "$HEADEND_SOURCE"
  run grep -nE '^.{121,}' "${sources[@]}"
  echo "$output"
  [ "$status" -eq 1 ]
}

@test "common does not include tools, and no tool another" {
  run grep -rn '#include "tools/' "$HEADEND_SOURCE/common"
  [ "$status" -eq 1 ]
  for folder in "$HEADEND_SOURCE"/tools/*/; do
    tool=$(basename "$folder")
    others=$(grep -rhoE '#include "tools/[a-z]+' "$folder" | grep -v "tools/$tool\$" || true)
    [ -z "$others" ]
  done
}

@test "nothing is left to do in the sources, and they name no machine" {
  mapfile -t all < <(files | grep -v tests/cli/repository.bats)
  cd "$HEADEND_SOURCE"
  run grep -nEI 'TODO|FIXME|\bXXX\b|/work/|/home/' "${all[@]}"
  echo "$output"
  [ "$status" -eq 1 ]
}
