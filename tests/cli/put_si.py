#!/usr/bin/python3
"""Puts service information into the null packets of a stream of constant rate, by none of this project's code.

    put_si.py SERVICE RATE IN OUT

EIT of SERVICE on transport stream 1 (present "Now", following "Next", and both and "Later" in the schedule) each half a
second, a CAT that names EMMs of system 0x0500 on PID 0x0050 each tenth of a second, and there a section now and then.
"""
import sys

sys.dont_write_bytecode = True  # not into the sources
from si_facts import crc
from stream_facts import SIZE, packets, pid


def section(table, extension, number, last, body):
    size = 5 + len(body) + 4
    head = bytes([table, 0xB0 | size >> 8, size & 255, extension >> 8, extension & 255, 0xC3, number, last])
    return head + body + crc(head + body).to_bytes(4, "big")


def event(number, hour, name):
    descriptor = b"fra" + bytes([len(name)]) + name.encode() + b"\0"
    descriptor = bytes([0x4D, len(descriptor)]) + descriptor
    # 2026-11-26: modified Julian date 61370.
    start = (61370).to_bytes(2, "big") + bytes([0x10 + hour, 0, 0])
    return bytes([0, number]) + start + bytes([1, 0, 0, 0, len(descriptor)]) + descriptor


def eit(service, table, number, last, events):
    head = bytes([0, 1, 0xFF, 1, last, table])
    return section(table, service, number, last, head + b"".join(events))


def main():
    service, rate = int(sys.argv[1], 0), int(sys.argv[2])
    now, following, later = event(1, 0, "Now"), event(2, 1, "Next"), event(3, 2, "Later")
    tables = [  # seconds between, PID, section
        (0.5, 0x12, eit(service, 0x4E, 0, 1, [now])),
        (0.5, 0x12, eit(service, 0x4E, 1, 1, [following])),
        (0.5, 0x12, eit(service, 0x50, 0, 0, [now, following, later])),
        (0.1, 0x01, section(0x01, 0xFFFF, 0, 0, bytes([0x09, 4, 0x05, 0x00, 0xE0, 0x50]))),
        (0.3, 0x50, section(0x82, 0, 0, 0, bytes(100))),
    ]
    due = [0.06 * i for i in range(len(tables))]
    counters, out = {}, []
    for position, packet in enumerate(packets(sys.argv[3])):
        time = position * SIZE * 8 / rate
        ready = [i for i in range(len(tables)) if due[i] <= time]
        if pid(packet) == 0x1FFF and ready:
            interval, number, content = tables[ready[0]]
            due[ready[0]] += interval
            counter = counters[number] = (counters.get(number, -1) + 1) % 16
            packet = bytes([0x47, 0x40 | number >> 8, number & 255, 0x10 | counter, 0]) + content
            packet += b"\xff" * (SIZE - len(packet))
        out.append(packet)
    with open(sys.argv[4], "wb") as file:
        file.write(b"".join(out))


main()
