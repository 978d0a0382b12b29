#!/usr/bin/python3
"""What the tables of a transport stream say, decoded without any of this project's code.

    si_facts.py FILE

A line for each thing said, in the order in which it is said first, and once:

    pat SERVICE PMT-PID
    pmt SERVICE pcr PID                 pmt SERVICE ca SYSTEM PID
    pmt SERVICE TYPE PID LANGUAGE       ("-" where none is told)
    sdt SERVICE RUNNING TYPE PROVIDER / NAME
    nit NETWORK NAME                    nit TAG BYTES of descriptors of this transport stream
    lcn SERVICE NUMBER
    eit TABLE SERVICE EVENT START DURATION NAME
    tdt TIME                            tot TIME
    offset COUNTRY REGION OFFSET CHANGE NEXT
    cat SYSTEM PID
    emm PID                             a PID of the CAT on which there are packets
    crc PID TABLE                       a section with a wrong CRC

Numbers are decimal for services, else hexadecimal; times ISO 8601 in UTC.
"""
import datetime
import sys

sys.dont_write_bytecode = True  # beside the sources
from stream_facts import packets, pid


def crc(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


class Sections:
    """Sections of one PID; those that were seen before are left out."""

    def __init__(self):
        self.body, self.seen = None, set()

    def feed(self, packet):
        if not packet[3] & 0x10:
            return
        payload = packet[5 + packet[4] if packet[3] & 0x20 else 4 :]
        if packet[1] & 0x40:
            before, after = payload[1 : 1 + payload[0]], payload[1 + payload[0] :]
            if self.body is not None:
                self.body += before
                yield from self.take()
            self.body = after
        elif self.body is not None:
            self.body += payload
        if self.body is not None:
            yield from self.take()

    def take(self):
        while len(self.body) >= 3 and self.body[0] != 0xFF:
            size = 3 + u16(self.body, 1) % 4096
            if size > len(self.body):
                return
            section, self.body = self.body[:size], self.body[size:]
            if section not in self.seen:
                self.seen.add(section)
                yield section


def u16(data, at):
    return data[at] << 8 | data[at + 1]


def descriptors(data):
    while len(data) >= 2:
        yield data[0], data[2 : 2 + data[1]]
        data = data[2 + data[1] :]


def text(data):
    if data[:1] == b"\x15":
        return data[1:].decode("utf-8")
    if data[:1] == b"\x10":
        return data[3:].decode(f"iso8859_{u16(data, 1)}")
    return data.decode("latin-1") if not data or data[0] >= 0x20 else data[1:].decode(f"iso8859_{data[0] + 4}")


def bcd(data):
    return int(data.hex())


def duration(data):
    return datetime.timedelta(hours=bcd(data[:1]), minutes=bcd(data[1:2]), seconds=bcd(data[2:3]))


def date(data):
    day = datetime.datetime(1858, 11, 17) + datetime.timedelta(days=u16(data, 0))
    return (day + duration(data[2:5])).isoformat() + "Z"


def loop(data, at):
    """The descriptors whose length is at `at`, and where they end."""
    end = at + 2 + u16(data, at) % 4096
    return list(descriptors(data[at + 2 : end])), end


def pat(section):
    for at in range(8, len(section) - 4, 4):
        yield f"pat {u16(section, at)} {u16(section, at + 2) % 8192:#06x}"


def conditional_access(what, found):
    for tag, data in found:
        if tag == 0x09:
            yield f"{what} {u16(data, 0):#06x} {u16(data, 2) % 8192:#06x}"


def pmt(section):
    service = f"pmt {u16(section, 3)}"
    yield f"{service} pcr {u16(section, 8) % 8192:#06x}"
    found, at = loop(section, 10)
    yield from conditional_access(f"{service} ca", found)
    while at < len(section) - 4:
        kind, number = section[at], u16(section, at + 1) % 8192
        found, at = loop(section, at + 3)
        language = next((d[:3].decode("latin-1") for tag, d in found if tag in (0x0A, 0x56, 0x59)), "-")
        yield f"{service} {kind:#04x} {number:#06x} {language}"
        yield from conditional_access(f"{service} ca", found)


def sdt(section):
    at = 11
    while at < len(section) - 4:
        service, running = u16(section, at), section[at + 3] >> 5
        found, at = loop(section, at + 3)
        for tag, data in found:
            if tag == 0x48:
                names = data[2 + data[1] :]
                yield f"sdt {service} {running} {data[0]:#04x} {text(data[2 : 2 + data[1]])} / {text(names[1:])}"


def nit(section):
    found, at = loop(section, 8)
    for tag, data in found:
        if tag == 0x40:
            yield f"nit {u16(section, 3):#06x} {text(data)}"
    at += 2
    while at < len(section) - 4:
        found, at = loop(section, at + 4)
        for tag, data in found:
            if tag == 0x83:
                for i in range(0, len(data), 4):
                    yield f"lcn {u16(data, i)} {u16(data, i + 2) % 1024}"
            else:
                yield f"nit {tag:#04x} {data.hex()}"


def eit(section):
    at = 14
    while at < len(section) - 4:
        head = section[at : at + 12]
        found, at = loop(section, at + 10)
        name = next((text(d[4 : 4 + d[3]]) for tag, d in found if tag == 0x4D), "-")
        yield (f"eit {section[0]:#04x} {u16(section, 3)} {u16(head, 0)} {date(head[2:7])} "
               f"{int(duration(head[7:10]).total_seconds())} {name}")


def tot(section):
    yield f"tot {date(section[3:8])}"
    for tag, data in loop(section, 8)[0]:
        for at in range(0, len(data) if tag == 0x58 else 0, 13):
            sign = "-" if data[at + 3] & 1 else "+"
            yield (f"offset {data[at : at + 3].decode()} {data[at + 3] >> 2} {sign}{bcd(data[at + 4 : at + 6]):04d} "
                   f"{date(data[at + 6 : at + 11])} {sign}{bcd(data[at + 11 : at + 13]):04d}")


def facts_of(section):
    table = section[0]
    if table == 0x70:
        yield f"tdt {date(section[3:8])}"
    elif table in (0x00, 0x02, 0x40, 0x42, 0x73) or 0x4E <= table < 0x70:
        yield from {0x00: pat, 0x02: pmt, 0x40: nit, 0x42: sdt, 0x73: tot}.get(table, eit)(section)
    elif table == 0x01:
        yield from conditional_access("cat", descriptors(section[8:-4]))


def main():
    streams = {number: Sections() for number in (0x00, 0x01, 0x10, 0x11, 0x12, 0x14)}
    entitlements, said = set(), set()

    def say(fact):
        if fact not in said:
            said.add(fact)
            print(fact)

    for packet in packets(sys.argv[1]):
        number = pid(packet)
        if number in entitlements:
            say(f"emm {number:#06x}")
        if number not in streams:
            continue
        for section in streams[number].feed(packet):
            if section[0] != 0x70 and crc(section):
                say(f"crc {number:#06x} {section[0]:#04x}")
                continue
            for fact in facts_of(section):
                say(fact)
                words = fact.split()
                if words[0] == "pat" and words[1] != "0":
                    streams.setdefault(int(words[2], 0), Sections())
                elif words[0] == "cat":
                    entitlements.add(int(words[2], 0))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
