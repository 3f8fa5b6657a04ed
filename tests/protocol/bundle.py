#!/usr/bin/env python3
"""Reads a bundle of Quire, verifies it and opens it. Written from docs/FORMAT.md and docs/PROTOCOL.md alone.

    bundle.py KEYS BUNDLE           KEYS has the line `root secret`; BUNDLE has `bundle`, and what is in it as `plain 0`, `plain 1` ...

The exit code is 1 if anything differs, and standard error says what. What the lines are stands at the top of
tests/pure/golden_bundles.rs.
"""

import sys

sys.dont_write_bytecode = True

from decode import ChangeReader, Malformed, Table, read_change
from primitives import blake3_derive
from seal import Differs, Keys, Lines, SEQ_MAX, demand, opened

BUNDLE_BYTES_MAX = 2**30


class Author:
    """A replica of whom no more is known than what the bundle says."""

    def __init__(self, keys, replica):
        self.replica, self.public_key, self.units = replica, None, 0
        self.hash = blake3_derive("quire v1 chain start", keys.document + replica)


def leb128(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def envelope_of(document, body, table):
    """The envelope of the change that the body of a frame carries."""
    change = read_change(body, table, {})
    demand("sealed" in change, "a change that is not sealed")
    head = bytes([2 if change["heads"] else 1]) + document + bytes.fromhex(change["replica"])
    head += leb128(change["first_seq"]) + leb128(change["len"]) + leb128(len(change["deps"]))
    for replica, count in change["deps"]:
        head += bytes.fromhex(replica) + leb128(count)
    hidden = ("previous", "nonce", "sealed", "signature")
    length = 2 + sum(len(change[name] or "") // 2 for name in hidden)
    length += 96 if change["certificate"] else 0
    return head + body[len(body) - length :], change


def frames_of(data, document):
    """What the bundle says that its maker has, and the envelopes."""
    demand(data[:5] == b"QBND\1", "no bundle, or another version")
    demand(int.from_bytes(data[5:13], "little") == len(data) <= BUNDLE_BYTES_MAX, "the length")
    demand(blake3_derive("quire v1 bundle", data[:-32]) == data[-32:], "the checksum")
    reader = ChangeReader(data[13:-32])
    demand(reader.take(16) == document, "another document")
    table = Table(reader.id())
    version = [(reader.take(16), reader.varint()) for _ in range(reader.varint())]
    demand(version == sorted(dict(version).items()), "the version vector's order")
    demand(all(1 <= units <= SEQ_MAX for _, units in version), "the version vector's counts")
    envelopes = []
    for _ in range(reader.varint()):
        frame = reader.take(reader.varint())
        demand(frame[:1] == b"\2", "a frame that is no Change")
        envelopes.append(envelope_of(document, frame[1:], table))
    reader.finish()
    return dict(version), envelopes


def compare(lines, keys):
    """How many changes there are."""
    version, envelopes = frames_of(lines.value("bundle"), keys.document)
    authors = {}
    for number, (envelope, change) in enumerate(envelopes):
        replica = bytes.fromhex(change["replica"])
        author = authors.setdefault(replica, Author(keys, replica))
        if change["certificate"]:
            author.public_key = bytes.fromhex(change["certificate"]["key"])
        for dep, count in change["deps"]:
            demand(count <= authors[bytes.fromhex(dep)].units, "a change in front of its past")
        head, plain, signed, author.hash = opened(keys, author, envelope)
        demand(signed == 1, "a change that is not signed")
        author.units = head.first_seq + head.units
        lines.expect(f"plain {number}", head.bytes + plain)
    lines.finish()
    demand(version == {replica: author.units for replica, author in authors.items()}, "the version vector")
    return len(envelopes)


def main(keys_path, bundle_path):
    count = compare(Lines(bundle_path), Keys(Lines(keys_path).value("root secret")))
    return f"{count} changes are what the pages say"


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:]))
    except (Differs, Malformed) as why:
        sys.exit(str(why))
