#!/usr/bin/env bats
# cmake --install puts everything in its Debian place.

load support

@test "programs, man pages, completions and units are installed where Debian has them" {
  DESTDIR=$PWD/root cmake --install "$HEADEND_BUILD" --prefix /usr >log
  cd root/usr
  for tool in $HEADEND_TOOLS; do
    [ -x "bin/$tool" ]
    [ -s "share/man/man1/$tool.1" ]
    [ -s "share/bash-completion/completions/$tool" ]
    [ -s "share/zsh/vendor-completions/_$tool" ]
    [ -s "share/fish/vendor_completions.d/$tool.fish" ]
  done
  [ -s share/man/man5/headend-ring.5 ]
  [ -s share/man/man7/headend-endpoints.7 ]
  for unit in "$HEADEND_SOURCE"/scripts/systemd/*.service; do
    cmp "$unit" "lib/systemd/system/$(basename "$unit")"
  done
}

@test "nothing else is installed" {
  DESTDIR=$PWD/root cmake --install "$HEADEND_BUILD" --prefix /usr >log
  (cd root && find . -type f | grep -vE '^\./usr/(bin/(ts|dvb)[a-z]+|share/man/man[157]/[a-z-]+\.[157]|lib/systemd/system/[a-z@-]+\.service|share/doc/headend-tools/(README\.md|NEWS\.md|LICENSE)|share/(bash-completion/completions|zsh/vendor-completions|fish/vendor_completions\.d)/_?[a-z]+(\.fish)?)$') >others || true
  cat others
  [ ! -s others ]
}

@test "units run the installed programs with options that they have" {
  for unit in "$HEADEND_SOURCE"/scripts/systemd/*.service; do
    echo "$unit"
    command=$(sed -n '/^ExecStart=/{s/^ExecStart=//;:join;/\\$/{N;s/\\\n//;b join};p}' "$unit")
    program=${command%% *}
    program=${program#/usr/bin/}
    [[ " $HEADEND_TOOLS " = *" $program "* ]]
    grep -oE -- '--[a-z-]+' <<<"$command" | while read -r option; do
      "$program" --help | grep -q -- "$option "
    done
  done
}
