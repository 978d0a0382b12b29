#!/usr/bin/python3
"""Facts about a transport stream, found without any of this project's code.

    stream_facts.py pids FILE           the PIDs, one a line
    stream_facts.py losses FILE         "PID count" of each PID whose continuity counter breaks
    stream_facts.py same PID A B        whether A's packets of a PID are in B, in that order and with none left out
    stream_facts.py sections PID FILE   "table_id extension" of each sort of section on a PID
    stream_facts.py spacing PID FILE    the longest time between two packets of a PID in ms, by the PCRs of the file
    stream_facts.py lead PID FILE       the least time from a packet that brings a PTS to that PTS in ms, by the PCRs
    stream_facts.py rates FILE          "PID RATE" of each PID with PCRs: bit/s of the file, by its first and last PCR
"""
import bisect
import sys

SIZE = 188


def packets(name):
    with open(name, "rb") as file:
        data = file.read()
    return [data[i : i + SIZE] for i in range(0, len(data) - SIZE + 1, SIZE) if data[i] == 0x47]


def pid(packet):
    return (packet[1] & 0x1F) << 8 | packet[2]


def pcr(packet):
    if packet[3] & 0x20 and packet[4] >= 7 and packet[5] & 0x10:
        base = int.from_bytes(packet[6:10], "big") << 1 | packet[10] >> 7
        return base * 300 + ((packet[10] & 1) << 8 | packet[11])
    return None


def losses(name):
    last, breaks = {}, {}
    for packet in packets(name):
        number = pid(packet)
        if number == 0x1FFF or packet[1] & 0x80:
            continue
        counter, payload = packet[3] & 15, packet[3] & 0x10
        jump = packet[3] & 0x20 and packet[4] > 0 and packet[5] & 0x80
        if number in last and not jump:
            before, again = last[number]
            expected = (before + 1) & 15 if payload else before
            if counter == before and payload and not again:
                last[number] = (counter, True)
                continue
            if counter != expected:
                breaks[number] = breaks.get(number, 0) + 1
        last[number] = (counter, False)
    return breaks


def timeline(stream):
    """The clock of the first PID with PCRs, as a function of the index in the stream, and where it begins and ends."""
    clock_pid = next(pid(p) for p in stream if pcr(p) is not None)
    clock = [(i, pcr(p)) for i, p in enumerate(stream) if pid(p) == clock_pid and pcr(p) is not None]
    indices = [i for i, _ in clock]

    def time(index):
        right = min(max(bisect.bisect(indices, index), 1), len(clock) - 1)
        (i, a), (j, b) = clock[right - 1], clock[right]
        return a + (b - a) * (index - i) / (j - i)

    return time, indices[0], indices[-1]


def spacing(number, name):
    stream = packets(name)
    time, first, last = timeline(stream)
    times = [time(i) for i, p in enumerate(stream) if pid(p) == number and first <= i <= last]
    return max(b - a for a, b in zip(times, times[1:])) / 27000


def pts(packet):
    payload = packet[5 + packet[4] if packet[3] & 0x20 else 4 :]
    if packet[1] & 0x40 and payload[:3] == b"\0\0\1" and payload[7] & 0x80:
        coded = int.from_bytes(payload[9:14], "big")
        return (coded >> 33 & 7) << 30 | (coded >> 17 & 0x7FFF) << 15 | coded >> 1 & 0x7FFF
    return None


def lead(number, name):
    stream = packets(name)
    time, _, _ = timeline(stream)
    return min(pts(p) * 300 - time(i) for i, p in enumerate(stream) if pid(p) == number and pts(p) is not None) / 27000


def rates(name):
    first, last = {}, {}
    for position, packet in enumerate(packets(name)):
        clock = pcr(packet)
        if clock is not None:
            last[pid(packet)] = (position, clock)
            first.setdefault(pid(packet), last[pid(packet)])
    for number, (begin, start) in first.items():
        end, stop = last[number]
        ticks = (stop - start) % (300 << 33)
        yield number, (end - begin) * SIZE * 8 * 27_000_000 / ticks if ticks else 0


def sections(number, name):
    found, body = set(), b""
    for packet in packets(name):
        if pid(packet) != number or not packet[3] & 0x10:
            continue
        payload = packet[5 + packet[4] if packet[3] & 0x20 else 4 :]
        if packet[1] & 0x40:
            body += payload[1 : 1 + payload[0]]
            take_sections(body, found)
            body = payload[1 + payload[0] :]
        else:
            body += payload
    take_sections(body, found)
    return found


def take_sections(body, found):
    while len(body) > 5 and body[0] != 0xFF:
        size = 3 + ((body[1] & 0x0F) << 8 | body[2])
        if size > len(body):
            return
        found.add((body[0], body[3] << 8 | body[4]))
        body = body[size:]


def main():
    command, *arguments = sys.argv[1:]
    if command == "pids":
        print(*sorted({pid(p) for p in packets(arguments[0])}), sep="\n")
    elif command == "losses":
        for number, count in sorted(losses(arguments[0]).items()):
            print(number, count)
    elif command == "same":
        number = int(arguments[0], 0)
        part, whole = ([p for p in packets(name) if pid(p) == number] for name in arguments[1:])
        found = part and any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))
        sys.exit(0 if found else 1)
    elif command == "sections":
        for table, extension in sorted(sections(int(arguments[0], 0), arguments[1])):
            print(f"{table:#04x} {extension}")
    elif command == "lead":
        print(round(lead(int(arguments[0], 0), arguments[1])))
    elif command == "rates":
        for number, rate in rates(arguments[0]):
            print(number, f"{rate:.1f}")
    elif command == "spacing":
        print(round(spacing(int(arguments[0], 0), arguments[1])))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
