"""Damages the bytes of a container: flips bits, cuts and moves blocks, falsifies lengths."""

import re

EXTREMES = (0, 1, 7, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


def mutate(data, rng):
    """The bytes with one to four changes; `rng` is a random.Random."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        rng.choice(CHANGES)(data, rng)
    return bytes(data)


def block(data, rng):
    """A random slice: usually short, sometimes up to a third of the file."""
    length = rng.choice((1, 4, 16, 188, 1024, max(1, len(data) // 3)))
    start = rng.randrange(max(1, len(data)))
    return slice(start, start + rng.randint(1, length))


def flip_bits(data, rng):
    for _ in range(rng.randint(1, 30)):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def scramble(data, rng):
    where = block(data, rng)
    data[where] = rng.randbytes(len(data[where]))


def blank(data, rng):
    where = block(data, rng)
    data[where] = bytes([rng.choice((0, 255))]) * len(data[where])


def cut_end(data, rng):
    del data[rng.randrange(max(1, len(data))) :]


def cut_block(data, rng):
    del data[block(data, rng)]


def insert(data, rng):
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 3, 4, 188, 2000)))


def repeat(data, rng):
    where = block(data, rng)
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[where] * rng.randint(1, 5)


def swap(data, rng):
    one, other = block(data, rng), block(data, rng)
    data[one], data[other] = data[other], data[one]


def falsify_length(data, rng):
    """Change the number before the four letters of a box, or any other four bytes."""
    places = [m.start() - 4 for m in re.finditer(rb"[a-zA-Z]{4}", data) if m.start() >= 4]
    at = rng.choice(places) if places and rng.random() < 0.7 else rng.randrange(len(data) + 1)
    at += rng.choice((0, 0, 8, 12, 16))  # the size, or one of the counts that follow the letters
    old = int.from_bytes(data[at : at + 4], "big")
    new = rng.choice((*EXTREMES, old + 1, max(0, old - 1), old * 2, len(data)))
    if at + 4 <= len(data):
        data[at : at + 4] = (new % 2**32).to_bytes(4, "big")


CHANGES = (
    flip_bits,
    scramble,
    blank,
    cut_end,
    cut_block,
    insert,
    repeat,
    swap,
    falsify_length,
    falsify_length,
)
