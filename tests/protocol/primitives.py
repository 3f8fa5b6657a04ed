"""What docs/PROTOCOL.md builds on, in plain Python: BLAKE3, Ed25519 and XChaCha20-Poly1305.

Written from the BLAKE3 paper (https://github.com/BLAKE3-team/BLAKE3-specs), RFC 8032, RFC 8439 and draft-irtf-cfrg-xchacha-03,
to be read and compared: it is slow, its time tells of the secrets, and it protects nobody. `published.py` holds it against
published vectors.
"""

import hashlib


def words(data):
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def unwords(values):
    return b"".join(value.to_bytes(4, "little") for value in values)


def rotated_left(value, bits):
    return (value << bits | value >> (32 - bits)) & 0xFFFFFFFF


# BLAKE3

BLOCK, CHUNK = 64, 1024
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = (1 << bit for bit in range(7))
BLAKE3_START = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
COLUMNS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)]
DIAGONALS = [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def mixed(state, a, b, c, d, x, y):
    """The paper's G, in place."""
    for message, first, second in ((x, 16, 20), (y, 24, 25)):
        state[a] = (state[a] + state[b] + message) & 0xFFFFFFFF
        state[d] = rotated_left(state[d] ^ state[a], first)
        state[c] = (state[c] + state[d]) & 0xFFFFFFFF
        state[b] = rotated_left(state[b] ^ state[c], second)


def compressed(chaining, block, counter, flags):
    """The first eight words of the compression function: the others matter for longer outputs alone."""
    message = words(block.ljust(BLOCK, b"\0"))
    state = chaining + BLAKE3_START[:4] + [counter & 0xFFFFFFFF, counter >> 32, len(block), flags]
    for round_ in range(7):
        for at, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            mixed(state, a, b, c, d, message[2 * at], message[2 * at + 1])
        message = [message[at] for at in PERMUTATION]
    return [state[at] ^ state[at + 8] for at in range(8)]


def subtree(key, data, flags, first_chunk, root):
    """The chaining value over some of the chunks; `root` is ROOT if they are all there are."""
    if len(data) > CHUNK:
        chunks = (len(data) + CHUNK - 1) // CHUNK
        left = CHUNK << (chunks - 1).bit_length() - 1
        children = subtree(key, data[:left], flags, first_chunk, 0)
        children += subtree(key, data[left:], flags, first_chunk + left // CHUNK, 0)
        return compressed(key, unwords(children), 0, flags | PARENT | root)
    blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)] or [b""]
    chaining = key
    for at, block in enumerate(blocks):
        start = CHUNK_START if at == 0 else 0
        end = CHUNK_END | root if at == len(blocks) - 1 else 0
        chaining = compressed(chaining, block, first_chunk, flags | start | end)
    return chaining


def blake3(data):
    return unwords(subtree(BLAKE3_START, data, 0, 0, ROOT))


def blake3_keyed(key, data):
    return unwords(subtree(words(key), data, KEYED, 0, ROOT))


def blake3_derive(context, material):
    key = subtree(BLAKE3_START, context.encode("ascii"), CONTEXT, 0, ROOT)
    return unwords(subtree(key, material, MATERIAL, 0, ROOT))


# Ed25519: points as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def added(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(count, point):
    result = NEUTRAL
    for bit in bin(count)[2:]:
        result = added(result, result)
        if bit == "1":
            result = added(result, point)
    return result


def same_point(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point_of(data):
    """The point that 32 bytes encode in the canonical way; None if there is none."""
    number = int.from_bytes(data, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_1 % P
    if x * x % P != square or (x == 0 and sign == 1):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def bytes_of(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def hash_scalar(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def secret_halves(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    return scalar, digest[32:]


def public_key(seed):
    return bytes_of(times(secret_halves(seed)[0], BASE))


def signature(seed, message):
    scalar, prefix = secret_halves(seed)
    nonce = hash_scalar(prefix, message)
    commitment = bytes_of(times(nonce, BASE))
    challenge = hash_scalar(commitment, public_key(seed), message)
    return commitment + ((nonce + challenge * scalar) % L).to_bytes(32, "little")


def is_signature(public, message, signed):
    """Strictly: canonical encodings alone, no point of small order, and the equation without the cofactor."""
    key, commitment = point_of(public), point_of(signed[:32])
    answer = int.from_bytes(signed[32:], "little")
    if len(signed) != 64 or key is None or commitment is None or answer >= L:
        return False
    if same_point(times(8, key), NEUTRAL) or same_point(times(8, commitment), NEUTRAL):
        return False
    challenge = hash_scalar(signed[:32], public, message)
    return same_point(times(answer, BASE), added(commitment, times(challenge, key)))


# XChaCha20-Poly1305

CHACHA_START = words(b"expand 32-byte k")


def chacha_rounds(state):
    state = list(state)
    for _ in range(10):
        for a, b, c, d in COLUMNS + DIAGONALS:
            for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[x] = (state[x] + state[y]) & 0xFFFFFFFF
                state[z] = rotated_left(state[z] ^ state[x], bits)
    return state


def hchacha20(key, nonce):
    state = chacha_rounds(CHACHA_START + words(key) + words(nonce))
    return unwords(state[:4] + state[12:])


def chacha20(key, nonce, first_block, data):
    result = bytearray()
    for at in range(0, len(data), 64):
        start = CHACHA_START + words(key) + [first_block + at // 64] + words(nonce)
        stream = unwords((a + b) & 0xFFFFFFFF for a, b in zip(start, chacha_rounds(start)))
        result += bytes(a ^ b for a, b in zip(data[at : at + 64], stream))
    return bytes(result)


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at : at + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def aead_tag(key, nonce, associated, ciphertext):
    padded = [part + b"\0" * (-len(part) % 16) for part in (associated, ciphertext)]
    lengths = [len(part).to_bytes(8, "little") for part in (associated, ciphertext)]
    return poly1305(chacha20(key, nonce, 0, bytes(32)), b"".join(padded + lengths))


def chacha_sealed(key, nonce, associated, plain):
    """Ciphertext and tag of ChaCha20-Poly1305, with its nonce of 12 bytes."""
    ciphertext = chacha20(key, nonce, 1, plain)
    return ciphertext + aead_tag(key, nonce, associated, ciphertext)


def chacha_opened(key, nonce, associated, sealed):
    """What was sealed; None if it was not sealed so."""
    ciphertext, tag = sealed[:-16], sealed[-16:]
    if len(sealed) < 16 or aead_tag(key, nonce, associated, ciphertext) != tag:
        return None
    return chacha20(key, nonce, 1, ciphertext)


def xchacha(of_chacha, key, nonce, associated, data):
    """Seals or opens with a nonce of 24 bytes."""
    return of_chacha(hchacha20(key, nonce[:16]), bytes(4) + nonce[16:], associated, data)
