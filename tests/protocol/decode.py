#!/usr/bin/env python3
"""Reads frames of Quire's protocol, version 1, and shows them as JSON. Written from docs/PROTOCOL.md alone.

Standard input holds one frame a line, in hexadecimal; standard output gets one JSON value a line.
"""

import json
import sys


class Malformed(Exception):
    """The bytes are not what the page says."""


class Reader:
    """Takes values off the front of some bytes."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Malformed(f"{count} bytes wanted at {self.at} of {len(self.data)}")
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def byte(self):
        return self.take(1)[0]

    def id(self):
        return self.take(16).hex()

    def at_end(self):
        return self.at == len(self.data)

    def finish(self):
        if not self.at_end():
            raise Malformed(f"{len(self.data) - self.at} bytes follow")


def unzigzag(value):
    return value // 2 if value % 2 == 0 else -(value + 1) // 2


class FrameReader(Reader):
    """The encoding of frames: "How values are written in a frame"."""

    SIZES = {251: 2, 252: 4, 253: 8}

    def varint(self, largest):
        first = self.byte()
        if first <= 250:
            return first
        size = self.SIZES.get(first)
        if size is None or size > largest:
            raise Malformed(f"a varint begins with {first}")
        return int.from_bytes(self.take(size), "little")

    def u16(self):
        return self.varint(2)

    def u32(self):
        return self.varint(4)

    def u64(self):
        return self.varint(8)

    def i64(self):
        return unzigzag(self.u64())

    def bytes(self):
        return self.take(self.u64())

    def option(self, read):
        some = self.byte()
        if some > 1:
            raise Malformed(f"an option begins with {some}")
        return read() if some else None

    def version_vector(self):
        return [[self.id(), self.u64()] for _ in range(self.u64())]

    def resume(self):
        return {"epoch": self.id(), "position": self.u64()}


class EnvelopeReader(Reader):
    """The encoding inside a Change: "The envelope in a Change"."""

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0:
                break
        if value >= 1 << 64 or (byte == 0 and shift > 7):
            raise Malformed("a varint that is too long")
        return value

    def signed(self):
        return unzigzag(self.varint())

    def bytes(self):
        return self.take(self.varint())

    def text(self):
        return self.bytes().decode("utf-8")

    def version(self):
        version = self.varint()
        if version != 1:
            raise Malformed(f"version {version}")


def read_id(reader, names, seq):
    index = reader.varint()
    if index == 0:
        return None
    if index > len(names):
        raise Malformed(f"index {index} of {len(names)} names")
    return [names[index - 1], seq - reader.signed()]


def read_value(reader):
    kind = reader.byte()
    if kind == 0:
        return {"text": reader.text()}
    if kind == 1:
        return {"integer": reader.signed()}
    if kind in (2, 3):
        return {"flag": kind == 3}
    if kind == 4:
        return {"bytes": reader.bytes().hex()}
    raise Malformed(f"a value of kind {kind}")


def read_operation(reader, names, seq):
    """An operation and how many units it has."""
    kind = reader.byte()
    if kind == 0:
        left = read_id(reader, names, seq)
        right = read_id(reader, names, seq)
        text = reader.text()
        return {"op": "insert", "left": left, "right": right, "text": text}, len(text)
    if kind in (1, 2):
        first = read_id(reader, names, seq)
        count = reader.varint()
        return {"op": "delete", "first": first, "len": count, "backwards": kind == 2}, count
    if kind == 3:
        key = reader.text()
        return {"op": "set", "key": key, "value": read_value(reader)}, 1
    if kind == 4:
        return {"op": "remove", "key": reader.text()}, 1
    raise Malformed(f"an operation of kind {kind}")


def read_envelope(data):
    reader = EnvelopeReader(data)
    reader.version()
    document = reader.id()
    replica = reader.id()
    first_seq = reader.varint()
    length = reader.varint()
    deps = [[reader.id(), reader.varint()] for _ in range(reader.varint())]
    reader.version()
    names = [replica] + [reader.id() for _ in range(reader.varint())]
    operations, units = [], 0
    while units < length:
        operation, count = read_operation(reader, names, first_seq + units)
        operations.append(operation)
        units += count
    if units != length:
        raise Malformed(f"{units} units instead of {length}")
    reader.finish()
    return {
        "document": document,
        "replica": replica,
        "first_seq": first_seq,
        "len": length,
        "deps": deps,
        "ops": operations,
    }


REASONS = [
    "Protocol",
    "Malformed",
    "FrameBytes",
    "LinksPerDocument",
    "Documents",
    "DocumentBytes",
    "Replicas",
    "Replaced",
    "Silent",
    "Missing",
    "ShuttingDown",
    "Storage",
]

# For each tag the frame's name and its fields in order, each with how it is read.
FRAMES = [
    (
        "Hello",
        [
            ("protocol", FrameReader.u16),
            ("document", FrameReader.id),
            ("replica", FrameReader.id),
            ("version", FrameReader.version_vector),
            ("resume", lambda reader: reader.option(reader.resume)),
        ],
    ),
    (
        "Welcome",
        [
            ("protocol", FrameReader.u16),
            ("epoch", FrameReader.id),
            ("version", FrameReader.version_vector),
            ("durable", FrameReader.u64),
            ("head", FrameReader.u64),
        ],
    ),
    ("Change", [("envelope", lambda reader: read_envelope(reader.bytes()))]),
    ("Ack", [("count", FrameReader.u64)]),
    ("Progress", [("position", FrameReader.u64), ("head", FrameReader.u64)]),
    ("Missing", [("version", FrameReader.version_vector)]),
    ("Held", [("replica", FrameReader.id), ("version", FrameReader.version_vector)]),
    ("Presence", [("replica", FrameReader.id), ("payload", lambda reader: reader.bytes().hex())]),
    ("Ping", [("id", FrameReader.u64), ("sent_us", FrameReader.i64)]),
    (
        "Pong",
        [
            ("id", FrameReader.u64),
            ("sent_us", FrameReader.i64),
            ("received_us", FrameReader.i64),
            ("replied_us", FrameReader.i64),
        ],
    ),
    (
        "Refused",
        [
            ("reason", lambda reader: REASONS[reader.u32()]),
            ("limit", FrameReader.u64),
            ("value", FrameReader.u64),
            ("retry_after_ms", FrameReader.u32),
        ],
    ),
]


def read_frame(data):
    reader = FrameReader(data)
    tag = reader.u32()
    if tag >= len(FRAMES):
        raise Malformed(f"tag {tag}")
    name, fields = FRAMES[tag]
    frame = {"frame": name}
    for field, read in fields:
        frame[field] = read(reader)
    reader.finish()
    return frame


def main():
    for line in sys.stdin:
        try:
            shown = read_frame(bytes.fromhex(line.strip()))
        except (Malformed, ValueError, IndexError) as error:
            shown = {"error": str(error)}
        print(json.dumps(shown, ensure_ascii=False))


if __name__ == "__main__":
    main()
