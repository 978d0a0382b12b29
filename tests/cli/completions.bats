#!/usr/bin/env bats
# The completions offer what the programs take, in each shell.

load support

options_of() {
  "$1" --help | sed -nE 's/^  (-[A-Za-z]), (--[a-z0-9-]+).*/\1\n\2/p; s/^      (--[a-z0-9-]+).*/\1/p' | sort -u
}

@test "bash offers every option and no other" {
  for tool in $HEADEND_TOOLS; do
    "$tool" --completion bash > "$tool.bash"
    bash -c '
      set -eu
      . "$1"
      COMP_WORDS=("$2" -) COMP_CWORD=1
      "_$2"
      printf "%s\n" "${COMPREPLY[@]}"' - "./$tool.bash" "$tool" | sort -u > offered
    diff offered <(options_of "$tool")
  done
}

@test "bash offers files for a file, and what begins an endpoint" {
  touch stream.ts
  for tool in $HEADEND_TOOLS; do
    "$tool" --completion bash > "$tool.bash"
    bash -c '
      . "$1"
      compopt() { :; }
      COMP_WORDS=("$2" --metrics s) COMP_CWORD=2
      "_$2"
      printf "%s\n" "${COMPREPLY[@]}"' - "./$tool.bash" "$tool" > offered
    [ "$(cat offered)" = stream.ts ]
  done
}

@test "zsh loads them and names every option" {
  for tool in $HEADEND_TOOLS; do
    "$tool" --completion zsh > "_$tool"
    zsh -f -n "_$tool"
    run zsh -f -c "fpath=(\$PWD \$fpath); autoload -Uz compinit; compinit -D -u; print \${_comps[$tool]}; . ./_$tool"
    [ "$output" = "_$tool" ]
    # Each is 'EXCLUSION--name[...' in the script.
    diff <(sed -nE "s/^    '(\([^)]*\)|\*)(--?[A-Za-z0-9-]+)\[.*/\2/p" "_$tool" | sort -u) <(options_of "$tool")
  done
}

@test "fish offers every long option and no other" {
  for tool in $HEADEND_TOOLS; do
    "$tool" --completion fish > "$tool.fish"
    fish --no-config --no-execute "$tool.fish"
    fish --no-config -c "source ./$tool.fish; complete -C '$tool --'" | cut -f 1 | sed 's/=$//' | sort -u > offered
    diff offered <(options_of "$tool" | grep '^--')
  done
}

@test "another shell is refused" {
  for tool in $HEADEND_TOOLS; do
    run "$tool" --completion csh
    [ "$status" -eq 2 ]
    [[ $output == *"not a shell: 'csh' (bash, zsh or fish)"* ]]
  done
}
