load support

# The file is over before all of its tables have come twice.
@test "tsmux: the events that a file begins with are sent" {
  capture mpts-dvbt-22394kbps.ts
  tsmux -q -b 12M -i "$(capture mpts-dvbt-22394kbps.ts),service=3401" out.ts
  # Packets of PID 0x12.
  od -An -v -tu1 -w188 out.ts | awk '$2 % 32 * 256 + $3 == 18 { n++ } END { exit n < 2 }'
}
