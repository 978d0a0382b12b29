#!/usr/bin/env bats
# The man pages agree with the programs.

load support

# The long options of TOOL as --help lists them, and as its man page documents them.
help_options() {
  "$1" --help | sed -nE 's/^  (-[A-Za-z], |    )?(--[a-z0-9-]+).*/\2/p' | sort -u
}
page_options() {
  page_tags "$1" | sed -nE 's/^(-[A-Za-z], )?(--[a-z0-9-]+).*/\2/p' | sort -u
}
# The options' lines of the page as it is printed; their descriptions stand further in.
page_tags() {
  mandoc -T ascii "$HEADEND_SOURCE/man/$1.1" | col -bx | sed -n 's/^     -/-/p'
}

@test "every option is in the man page, and the man page has no other" {
  for tool in $HEADEND_TOOLS; do
    echo "$tool"
    [ "$(help_options "$tool" | wc -l)" -ge 6 ]
    diff <(help_options "$tool") <(page_options "$tool")
  done
}

@test "short options of the man page are those of --help" {
  for tool in $HEADEND_TOOLS; do
    echo "$tool"
    diff <("$tool" --help | sed -nE 's/^  (-[A-Za-z]), .*/\1/p' | sort -u) \
      <(page_tags "$tool" | sed -nE 's/^(-[A-Za-z])(,| |$).*/\1/p' | sort -u)
  done
}

@test "every man page is clean to mandoc" {
  for page in "$HEADEND_SOURCE"/man/*.[1-8]; do
    run mandoc -T lint -W warning "$page"
    echo "$output"
    [ "$status" -eq 0 ]
  done
}

# man(1) of Debian prints by groff, which does not break the last column of a list as mandoc does.
@test "every man page fits into 80 columns by groff" {
  for page in "$HEADEND_SOURCE"/man/*.[1-8]; do
    run --separate-stderr groff -mdoc -Tascii -wbreak -rLL=78n -z "$page"
    echo "$page: $stderr"
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
  done
}

@test "every man page says what the exit status and the signals mean, and shows examples" {
  for tool in $HEADEND_TOOLS; do
    for section in 'EXIT STATUS' SIGNALS EXAMPLES 'SEE ALSO'; do
      echo "$tool: $section"
      grep -qiE "^\.S[hs] \"?$section\"?" "$HEADEND_SOURCE/man/$tool.1"
    done
  done
}
