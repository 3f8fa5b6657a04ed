#!/usr/bin/env python3
"""Makes keys and sealed envelopes of Quire's protocol again, and compares. Written from docs/PROTOCOL.md and docs/FORMAT.md alone.

    seal.py KEYS SEALED             compares these files with what follows from their secrets
    seal.py --flips KEYS SEALED     and changes each byte of some envelopes, which must be refused
    seal.py --self-test             holds the primitives against published vectors

The exit code is 1 if anything differs, and standard error says which line. What the lines are stands at the top of
tests/pure/golden_keys.rs.
"""

import sys

sys.dont_write_bytecode = True

import published
from primitives import (
    blake3_derive,
    blake3_keyed,
    chacha_opened,
    chacha_sealed,
    is_signature,
    public_key,
    signature,
    xchacha,
)

SEQ_MAX = 2**53 - 1
ENVELOPE_BYTES_MAX = 524_288
RUN_CHANGES_MAX, RUN_BYTES_MAX = 256, 65_536


class Differs(Exception):
    """Something is not what the page says."""


def demand(condition, what):
    if not condition:
        raise Differs(what)


class Lines:
    """The values of a file, by name; each must be asked for."""

    def __init__(self, path):
        self.path = path
        self.values = {}
        self.asked = set()
        with open(path, encoding="ascii") as file:
            for number, line in enumerate(file, 1):
                if line.startswith("#"):
                    continue
                name, _, value = line.rstrip("\n").partition(" = ")
                demand(name not in self.values, f"{path}:{number}: a second {name}")
                try:
                    self.values[name] = (number, bytes.fromhex(value))
                except ValueError:
                    raise Differs(f"{path}:{number}: {name} is not hexadecimal") from None

    def value(self, name):
        demand(name in self.values, f"{self.path}: no {name}")
        self.asked.add(name)
        return self.values[name][1]

    def expect(self, name, made):
        kept = self.value(name)
        demand(kept == made, f"{self.path}:{self.values[name][0]}: {name} is {kept.hex()}, and should be {made.hex()}")

    def names(self, ending):
        return [name[: -len(ending)] for name in self.values if name.endswith(ending)]

    def finish(self):
        for name, (number, _) in self.values.items():
            demand(name in self.asked, f"{self.path}:{number}: {name} is not known")


class Keys:
    """What a document's root secret gives: "Keys"."""

    def __init__(self, root):
        self.write_seed = blake3_derive("quire v1 write key", root)
        self.read_secret = blake3_derive("quire v1 read secret", root)[:16]
        self.access_seed = blake3_derive("quire v1 access key", self.read_secret)
        self.content_key = blake3_derive("quire v1 content key", self.read_secret)
        self.nonce_key = blake3_derive("quire v1 nonce key", self.read_secret)
        self.public_write_key = public_key(self.write_seed)
        self.public_access_key = public_key(self.access_seed)
        both = self.public_write_key + self.public_access_key
        self.document = blake3_derive("quire v1 document id", both)[:16]


class Author:
    """A replica's key, and where its chain stands."""

    def __init__(self, keys, seed):
        self.seed = seed
        self.public_key = public_key(seed)
        self.replica = replica_of(self.public_key)
        said = b"quire v1 certificate" + keys.document + self.public_key
        self.certificate = self.public_key + signature(keys.write_seed, said)
        self.units = 0
        self.hash = blake3_derive("quire v1 chain start", keys.document + self.replica)
        self.unsigned = []


def replica_of(public):
    return blake3_derive("quire v1 replica id", public)[:16]


class Head:
    """What stands in front of an envelope's payload: docs/FORMAT.md, "Envelope, versions 1 and 2"."""

    def __init__(self, envelope):
        self.bytes, self.at = envelope, 0
        version = self.varint()
        demand(version in (1, 2), f"an envelope of version {version}")
        self.document, self.replica = self.take(16), self.take(16)
        self.first_seq, self.units = self.varint(), self.varint()
        demand(self.units >= 1 and self.first_seq + self.units <= SEQ_MAX, f"{self.units} units")
        count = self.varint()
        demand(count >= 1 or version == 1, "no heads")
        replicas = []
        for _ in range(count):
            replicas.append(self.take(16))
            demand(1 <= self.varint() <= SEQ_MAX, "a dep of no unit, or of too many")
        demand(replicas == sorted(set(replicas)) and self.replica not in replicas, "deps that are not in order")
        self.bytes, self.payload = envelope[: self.at], envelope[self.at :]

    def take(self, count):
        demand(self.at + count <= len(self.bytes), "an envelope that ends too soon")
        self.at += count
        return self.bytes[self.at - count : self.at]

    def varint(self):
        value = 0
        for place in range(10):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                demand(value < 2**64 and (byte > 0 or place == 0), "a varint that is too long")
                return value
        raise Differs("a varint that is too long")


def sealed(keys, author, head, plain, signed):
    """The sealed payload of an author's next change, and the hash of its envelope: "The sealed payload"."""
    nonce = blake3_keyed(keys.nonce_key, author.hash + head.bytes + plain)[:24]
    payload = b"\4" + bytes([signed])
    if head.first_seq == 0:
        payload += author.certificate
    payload += author.hash[:8] + nonce
    payload += xchacha(chacha_sealed, keys.content_key, nonce, author.hash + head.bytes, plain)
    hashed = blake3_derive("quire v1 chain", author.hash + head.bytes + payload[2:])
    if signed:
        payload += signature(author.seed, b"quire v1 envelope" + hashed)
    return payload, hashed


def split(payload, is_first):
    """The fields of a sealed payload."""
    demand(len(payload) >= 2 and payload[0] == 4, "the payload's version")
    demand(payload[1] in (0, 1), "the flags")
    fields, at = {"flags": payload[1]}, 2
    for name, length in (("public key", 32 * is_first), ("certificate", 64 * is_first), ("previous", 8), ("nonce", 24)):
        fields[name] = payload[at : at + length]
        at += length
    end = len(payload) - 64 * payload[1]
    demand(end - at >= 17, "no ciphertext")
    return {**fields, "sealed": payload[at:end], "hashed": payload[2:end], "signature": payload[end:]}


def opened(keys, author, envelope):
    """The head, what was sealed, whether the envelope is signed, and its hash: what a reader does, who has no seed."""
    demand(len(envelope) <= ENVELOPE_BYTES_MAX, "an envelope that is too long")
    head = Head(envelope)
    demand(head.document == keys.document, "another document")
    demand(head.replica == author.replica, "another replica")
    demand(head.first_seq == author.units, "a change that does not follow the one before")
    fields = split(head.payload, head.first_seq == 0)
    if head.first_seq == 0:
        demand(replica_of(fields["public key"]) == head.replica, "the id of another replica key")
        said = b"quire v1 certificate" + head.document + fields["public key"]
        demand(is_signature(keys.public_write_key, said, fields["certificate"]), "the certificate's signature")
    demand(fields["previous"] == author.hash[:8], "previous")
    hashed = blake3_derive("quire v1 chain", author.hash + head.bytes + fields["hashed"])
    if fields["flags"] == 1:
        said = b"quire v1 envelope" + hashed
        demand(is_signature(author.public_key, said, fields["signature"]), "the signature")
    associated = author.hash + head.bytes
    plain = xchacha(chacha_opened, keys.content_key, fields["nonce"], associated, fields["sealed"])
    demand(plain is not None, "the tag")
    nonce = blake3_keyed(keys.nonce_key, author.hash + head.bytes + plain)[:24]
    demand(fields["nonce"] == nonce, "the nonce")
    return head, plain, fields["flags"], hashed


def follow_run(author, envelope, signed):
    """Counts what waits for a signature."""
    author.unsigned.append(len(envelope))
    demand(len(author.unsigned) <= RUN_CHANGES_MAX, "a run of too many changes")
    demand(sum(author.unsigned[:-1]) <= RUN_BYTES_MAX, "a run of too many bytes")
    if signed:
        author.unsigned.clear()


def compare_keys(lines):
    """The keys, and the authors by the name that the file gives them."""
    keys = Keys(lines.value("root secret"))
    lines.expect("read secret", keys.read_secret)
    lines.expect("public write key", keys.public_write_key)
    lines.expect("public access key", keys.public_access_key)
    lines.expect("document id", keys.document)
    authors = {}
    for name in lines.names(" replica seed"):
        author = authors[name] = Author(keys, lines.value(f"{name} replica seed"))
        lines.expect(f"{name} public replica key", author.public_key)
        lines.expect(f"{name} replica id", author.replica)
        lines.expect(f"{name} certificate", author.certificate)
        said = b"quire v1 access" + keys.document + author.replica + lines.value("challenge") + lines.value("address")
        lines.expect(f"{name} access key's signature", signature(keys.access_seed, said))
        lines.expect(f"{name} replica key's signature", signature(author.seed, said))
    lines.finish()
    return keys, authors


def refuse_flips(keys, author, envelope):
    """Changes each byte in turn: a reader, who has neither the seeds nor what was sealed, refuses them all."""
    for at in range(len(envelope)):
        changed = envelope[:at] + bytes([envelope[at] ^ 1 << at % 8]) + envelope[at + 1 :]
        try:
            opened(keys, author, changed)
        except Differs:
            continue
        raise Differs(f"byte {at} may be changed")


def compare_envelopes(lines, keys, authors, flips):
    """How many envelopes there are."""
    names = lines.names(" sealed")
    for name in names:
        author = authors[name.split(" ")[0]]
        envelope = lines.value(f"{name} sealed")
        try:
            before = Head(lines.value(f"{name} plain"))
            head, plain, signed, hashed = opened(keys, author, envelope)
            if flips and len(envelope) < 500:
                refuse_flips(keys, author, envelope)
            follow_run(author, envelope, signed)
        except Differs as why:
            raise Differs(f"{lines.path}:{lines.values[f'{name} sealed'][0]}: {name}: {why}") from None
        lines.expect(f"{name} plain", head.bytes + plain)
        payload, made_hash = sealed(keys, author, before, before.payload, signed)
        lines.expect(f"{name} sealed", before.bytes + payload)
        lines.expect(f"{name} hash", made_hash)
        author.hash, author.units = hashed, head.first_seq + head.units
    lines.finish()
    for name, author in authors.items():
        demand(not author.unsigned, f"{lines.path}: the last run of {name} is not signed")
    return len(names)


def main(arguments):
    if arguments == ["--self-test"]:
        failures = published.failures()
        demand(not failures, "\n".join(failures))
        return "the primitives compute what was published"
    flips = arguments[:1] == ["--flips"]
    keys_path, sealed_path = arguments[flips:]
    keys, authors = compare_keys(Lines(keys_path))
    count = compare_envelopes(Lines(sealed_path), keys, authors, flips)
    return f"the keys of {len(authors)} replicas and {count} envelopes are what the page says"


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except Differs as why:
        sys.exit(str(why))
