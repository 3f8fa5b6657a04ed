#!/usr/bin/env python3
"""Reads frames of Quire's protocol, version 5, and shows them as JSON. Written from docs/PROTOCOL.md alone.

Standard input holds one frame a line: a name for its link, `up` (to the relay) or `down`, and its bytes in hexadecimal. Standard
output gets one JSON value a line.
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

    def key(self):
        return self.take(32).hex()

    def signature(self):
        return self.take(64).hex()

    def chains(self):
        return [[self.id(), self.u64(), self.key()] for _ in range(self.u64())]


class ChangeReader(Reader):
    """The encoding inside a Change: "The body of a Change"."""

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


def read_id(reader, names, seq):
    """Version 1: names are listed in front."""
    index = reader.varint()
    if index == 0:
        return None
    if index > len(names):
        raise Malformed(f"index {index} of {len(names)} names")
    return [names[index - 1], seq - reader.signed()]


def read_named_id(reader, author, seq):
    """Versions 2 and 3: a name is said once, and has a number from then on."""
    number = reader.varint()
    if number == 0:
        return None
    if number == 1:
        replica = author.replica
    elif number == 2:
        replica = reader.id()
        if replica not in author.names:
            author.names.append(replica)
    elif number - 3 < len(author.names):
        replica = author.names[number - 3]
    else:
        raise Malformed(f"number {number} of {len(author.names)} names")
    return [replica, seq - reader.signed()]


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


def read_first_operation(reader, names, seq):
    """An operation of version 1 and how many units it has."""
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


def read_text_of(reader, length):
    text = reader.take(length).decode("utf-8") if length else reader.text()
    if not text:
        raise Malformed("no text")
    return text


def read_operation(reader, author, seq, is_first):
    """An operation of version 2 or 3 and how many units it has."""
    tag = reader.byte()
    kind, rest = tag & 7, tag >> 3
    if kind == 0 and is_first and author.right is not UNKNOWN:
        text = read_text_of(reader, rest)
        return {"op": "insert", "left": [author.replica, seq - 1], "right": author.right, "text": text}, len(text)
    if kind == 1:
        left = read_named_id(reader, author, seq)
        if rest & 3 == 0:
            right = read_named_id(reader, author, seq)
        elif rest & 3 == 1:
            right = None
        elif rest & 3 == 2 and left is not None:
            right = [left[0], left[1] + 1]
        else:
            raise Malformed(f"tag {tag}")
        text = read_text_of(reader, rest >> 2)
        return {"op": "insert", "left": left, "right": right, "text": text}, len(text)
    if kind == 2 and rest < 4:
        first = read_named_id(reader, author, seq)
        count = reader.varint() if rest & 2 else 1
        return {"op": "delete", "first": first, "len": count, "backwards": rest & 1 == 1}, count
    if tag == 3:
        key = reader.text()
        return {"op": "set", "key": key, "value": read_value(reader)}, 1
    if tag == 4:
        return {"op": "remove", "key": reader.text()}, 1
    raise Malformed(f"an operation with tag {tag}")


UNKNOWN = object()


class Author:
    """What an author's changes so far tell of the next one."""

    def __init__(self, replica):
        self.replica = replica
        self.names = []
        # The right neighbour of its newest unit, if that is a character.
        self.right = UNKNOWN


def read_sealed(reader, first_seq):
    """Version 4: what it shows without a key. The lengths of the fields behind the ciphertext follow from the frame's end."""
    flags = reader.byte()
    if flags > 1:
        raise Malformed(f"flags {flags}")
    certificate = None
    if first_seq == 0:
        certificate = {"key": reader.take(32).hex(), "signature": reader.take(64).hex()}
    previous, nonce = reader.take(8).hex(), reader.take(24).hex()
    length = len(reader.data) - reader.at - 64 * flags
    if length <= 16:
        raise Malformed("nothing is sealed")
    sealed = reader.take(length).hex()
    signature = reader.take(64).hex() if flags else None
    reader.finish()
    return {
        "certificate": certificate,
        "previous": previous,
        "nonce": nonce,
        "sealed": sealed,
        "signature": signature,
    }


def read_payload(reader, version, author, first_seq, length):
    if version not in (1, 2, 3):
        raise Malformed(f"payload version {version}")
    later = reader.signed() if version == 3 else None
    if version == 1:
        listed = [author.replica] + [reader.id() for _ in range(reader.varint())]
    operations, units = [], 0
    while units < length:
        seq = first_seq + units
        if version == 1:
            operation, count = read_first_operation(reader, listed, seq)
        else:
            operation, count = read_operation(reader, author, seq, units == 0)
        operations.append(operation)
        units += count
    if units != length:
        raise Malformed(f"{units} units instead of {length}")
    reader.finish()
    if version == 1:
        for operation in operations:
            for field in ("left", "right", "first"):
                replica = (operation.get(field) or [author.replica])[0]
                if replica != author.replica and replica not in author.names:
                    author.names.append(replica)
    author.right = operations[-1]["right"] if operations[-1]["op"] == "insert" else UNKNOWN
    return later, operations


class Table:
    """One direction of a link: the replicas by number, and how many units of each were last spoken of."""

    def __init__(self, replica):
        self.replicas = [replica]
        self.counts = [0]

    def number(self, number):
        if number >= len(self.replicas):
            raise Malformed(f"number {number} of {len(self.replicas)} replicas")
        return number

    def introduce(self, replica):
        if replica in self.replicas:
            raise Malformed(f"{replica} has a number")
        self.replicas.append(replica)
        self.counts.append(0)
        return len(self.replicas) - 1


def read_change(data, table, authors):
    reader = ChangeReader(data)
    first = reader.byte()
    number = first >> 3
    if number == 31:
        at = table.introduce(reader.id())
    else:
        at = table.number(reader.varint() if number == 30 else number)
    first_seq = reader.varint() if first & 2 else table.counts[at]
    length = 1 if first & 1 else reader.varint()
    if length == 0:
        raise Malformed("no units")
    count, heads = reader.varint() if first & 4 else 0, False
    if first & 4 and count == 0:
        count, heads = reader.varint(), True
    if first & 4 and count == 0:
        raise Malformed("no deps")
    deps = []
    for _ in range(count):
        number = reader.varint()
        dep = table.introduce(reader.id()) if number == 0 else table.number(number - 1)
        table.counts[dep] += reader.signed()
        deps.append([table.replicas[dep], table.counts[dep]])
    table.counts[at] = first_seq + length
    replica = table.replicas[at]
    author = authors.setdefault(replica, Author(replica))
    change = {
        "replica": replica,
        "first_seq": first_seq,
        "len": length,
        "deps": sorted(deps),
        "heads": heads,
    }
    version = reader.varint()
    if version == 4:
        return change | read_sealed(reader, first_seq)
    later, operations = read_payload(reader, version, author, first_seq, length)
    return change | {"later": later, "ops": operations}


class Link:
    """What the frames of a link so far tell of the next one."""

    def __init__(self):
        self.tables = {}
        self.authors = {}

    def read(self, way, data):
        if data[:1] == b"\x02":
            if way not in self.tables:
                raise Malformed("a change before the Hello")
            return {"frame": "Change", "change": read_change(data[1:], self.tables[way], self.authors)}
        frame = read_frame(data)
        if frame["frame"] == "Hello":
            self.tables = {way: Table(frame["replica"]) for way in ("up", "down")}
        return frame


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
    "Access",
    "Address",
    "Create",
    "Forged",
    "Forked",
    "Closed",
    "AddressLinks",
    "AddressBytes",
    "AddressDocuments",
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
    # Told by its first byte, and not written field by field.
    ("Change", None),
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
    ("Digest", [("replica", FrameReader.id), ("payload", lambda reader: reader.bytes().hex())]),
    ("Challenge", [("challenge", FrameReader.key)]),
    (
        "Proof",
        [
            ("document", FrameReader.id),
            ("replica", FrameReader.id),
            ("address", lambda reader: reader.bytes().decode("utf-8")),
            ("token", lambda reader: reader.bytes().hex()),
            ("write_public", FrameReader.key),
            ("access_public", FrameReader.key),
            ("replica_public", FrameReader.key),
            ("access_signature", FrameReader.signature),
            ("replica_signature", FrameReader.signature),
        ],
    ),
    ("Chains", [("chains", FrameReader.chains)]),
]


def read_frame(data):
    reader = FrameReader(data)
    tag = reader.u32()
    if tag >= len(FRAMES) or FRAMES[tag][1] is None:
        raise Malformed(f"tag {tag}")
    name, fields = FRAMES[tag]
    frame = {"frame": name}
    for field, read in fields:
        frame[field] = read(reader)
    reader.finish()
    return frame


def main():
    links = {}
    for line in sys.stdin:
        name, way, frame = line.split(" ")
        try:
            shown = links.setdefault(name, Link()).read(way, bytes.fromhex(frame.strip()))
        except (Malformed, ValueError, IndexError) as error:
            shown = {"error": str(error)}
        print(json.dumps(shown, ensure_ascii=False))


if __name__ == "__main__":
    main()
