#!/usr/bin/env bats
# The tools between two machines: the test's own network namespace, and another one at the end of a wire.

load support

# About 1300 packets, each of its own content, at 1 Mb/s.
setup_file() {
  ffmpeg -v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -t 2 \
    -c:v mpeg2video -g 12 -b:v 600k -maxrate 600k -bufsize 200k -muxrate 1M -f mpegts "$BATS_FILE_TMPDIR/2s.ts"
}

stream() { printf '%s' "$BATS_FILE_TMPDIR/2s.ts"; }

# far COMMAND...: runs it on the other machine.
far() { nsenter --target "$peer" --net "$@"; }

has_own_network() {
  [ "$(readlink "/proc/$peer/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# Makes the other machine, and the wire to it: "near" here, "far" there. Skips the test where that cannot be done.
make_network() {
  unshare --net sleep infinity 3>&- &
  peer=$!
  wait_until has_own_network || skip "cannot make a network namespace"
  far ip link set lo up || skip "cannot use another network namespace"
  ip link add near type veth peer name far netns "$peer" || skip "cannot make a pair of interfaces"
}

# connect_network: 10.77.0.1 and fd77::1 here, 10.77.0.2 and fd77::2 there.
connect_network() {
  ip address add 10.77.0.1/24 dev near
  ip address add fd77::1/64 dev near nodad
  ip link set near up
  far ip address add 10.77.0.2/24 dev far
  far ip address add fd77::2/64 dev far nodad
  far ip link set far up
  wait_until carries near
  wait_until carries far far
}

# carries INTERFACE [far]: it has an IPv6 address of the link that can be used, and the route for multicast.
carries() {
  ${2:-} ip -6 address show dev "$1" scope link -tentative | grep -q inet6 &&
    ${2:-} ip -6 route show table local dev "$1" | grep -q '^multicast'
}

# record ENDPOINT RING: records there what comes over the wire; its process is in $recorder.
record() {
  nsenter --target "$peer" --net tscircrec --keep 1h --sync 100ms --metrics "$2.prom" "$1" "$2" 2>"$2.log" 3>&- &
  recorder=$!
}

end_recording() {
  kill -TERM "$recorder"
  wait "$recorder"
}

recorded() {
  find "$1" -name '*.ts' | sort -t_ -k2 | xargs -r cat
}

has_bytes() {
  [ "$(recorded "$1" 2>/dev/null | wc -c)" -ge "$2" ]
}

# has_joined GROUP [COUNT]: so many sockets over there are in the group.
has_joined() {
  far ip maddress show dev far | grep -qE "\\s$1( users ${2:-[0-9]+})?( |\$)"
}

# metric RING NAME: its value.
metric() {
  sed -nE "s/^headend_tscircrec_$2\\{.*\\} (.*)/\\1/p" "$1.prom"
}

# multicast GROUP: what is sent to the group here arrives over there, byte for byte.
multicast() {
  make_network
  connect_network
  record "udp://$1:5000,iface=far" ring
  wait_until has_joined "$(tr -d '[]' <<<"$1")"
  tsplayout --quiet "$(stream)" -o "udp://$1:5000,iface=near"
  wait_until has_bytes ring "$(stat -c %s "$(stream)")"
  end_recording
  recorded ring | cmp - "$(stream)"
  [ "$(metric ring gaps_total)" -eq 0 ]
}

@test "IPv4 multicast goes from one machine to another, byte for byte" {
  multicast 239.1.1.1
}

@test "IPv6 multicast goes from one machine to another, byte for byte" {
  multicast '[ff15::77]'
}

@test "of two sources of a group, each receiver gets the one that it chose" {
  make_network
  connect_network
  ip address add 10.77.0.3/24 dev near
  record udp://10.77.0.3@232.1.1.1:5000,iface=far other
  local first=$recorder
  record udp://10.77.0.1@232.1.1.1:5000,iface=far ring
  both_joined() { [ "$(far grep -c 'far ' /proc/net/mcfilter)" -eq 2 ]; }
  wait_until both_joined
  python3 - >other.ts <<'END' &
import socket, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.3"))
out.bind(("10.77.0.3", 0))
for n in range(200):
    datagram = bytes([0x47, 0x1F, 0xFF, 0x10 | n % 16]) + bytes([n]) * 184
    out.sendto(datagram, ("232.1.1.1", 5000))
    sys.stdout.buffer.write(datagram)
    time.sleep(0.005)
END
  local other=$!
  tsplayout --quiet "$(stream)" -o udp://232.1.1.1:5000,iface=near
  wait "$other"
  wait_until has_bytes ring "$(stat -c %s "$(stream)")"
  wait_until has_bytes other "$(stat -c %s other.ts)"
  end_recording
  recorder=$first
  end_recording
  recorded ring | cmp - "$(stream)"
  recorded other | cmp - other.ts
}

@test "SRT goes from a caller to a listener, byte for byte" {
  make_network
  connect_network
  record srt://:9000,mode=listener,latency=2000ms ring
  listens() { [ -n "$(far ss -H -u -a -n 'sport = :9000')" ]; }
  wait_until listens
  tsplayout --quiet --times 3 "$(stream)" -o srt://10.77.0.2:9000,latency=2000ms
  tsplayout --quiet --times 3 "$(stream)" -o all.ts
  ends_alike() { recorded ring | tail -c 1880 | cmp -s - <(tail -c 1880 all.ts); }
  wait_until ends_alike
  end_recording
  # What was due before the connection was made is not sent.
  recorded ring >got.ts
  [ "$(stat -c %s got.ts)" -gt $(($(stat -c %s all.ts) / 2)) ]
  cmp got.ts <(tail -c "$(stat -c %s got.ts)" all.ts)
}

@test "RTP with one datagram in a hundred lost: all of them are counted, and nothing else is missing" {
  make_network
  connect_network
  far nft -f - <<'END' || skip "cannot drop datagrams with nft"
table inet loss {
  chain input {
    type filter hook input priority 0
    udp dport 5000 numgen inc mod 100 == 7 drop
  }
}
END
  record rtp://10.77.0.2:5000 ring
  listens() { [ -n "$(far ss -H -u -a -n 'sport = :5000')" ]; }
  wait_until listens
  # A packet a datagram, so that the hundredth is the same in the file.
  tsplayout --quiet "$(stream)" -o rtp://10.77.0.2:5000,packets=1
  python3 - "$(stream)" >expected.ts <<'END'
import sys
data = open(sys.argv[1], "rb").read()
for n in range(len(data) // 188):
    if n % 100 != 7:
        sys.stdout.buffer.write(data[n * 188:(n + 1) * 188])
END
  wait_until has_bytes ring "$(stat -c %s expected.ts)"
  end_recording
  recorded ring | cmp - expected.ts
  local lost=$((($(stat -c %s "$(stream)") - $(stat -c %s expected.ts)) / 188))
  [ "$lost" -ge 12 ]
  [ "$(metric ring rtp_lost_total)" -eq "$lost" ]
}

@test "an output begins before there is a network, says so, and sends once there is one" {
  make_network
  tsplayout --loop "$(stream)" -o udp://10.77.0.2:5000 2>messages 3>&- &
  local player=$!
  wait_until grep -q 'udp://10.77.0.2:5000: [0-9]* packets refused by the network' messages
  connect_network
  record udp://10.77.0.2:5000 ring
  wait_until has_bytes ring 100000
  kill -TERM "$player"
  wait "$player"
  end_recording
}

@test "an interface that is removed is used again when it is back, to send and to receive" {
  make_network
  connect_network
  record udp://239.1.1.1:5000,iface=far ring
  wait_until has_joined 239.1.1.1
  tsplayout --quiet --loop "$(stream)" -o udp://239.1.1.1:5000,iface=near 3>&- &
  local player=$!
  wait_until has_bytes ring 50000
  ip link del near
  local before
  before=$(recorded ring | wc -c)
  ip link add near type veth peer name far netns "$peer"
  connect_network
  wait_until has_bytes ring $((before + 200000))
  kill -TERM "$player"
  wait "$player"
  end_recording
}
