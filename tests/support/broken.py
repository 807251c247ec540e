"""Turns small undamaged clips into broken ones, or into clips with false headers."""

import struct

QUICK = ["--no-faces", "--detector=fast", "--no-audit"]
"""Options with which the command loads one small detector only."""


def atoms(data, start=0, end=None):
    """(kind, start, end) of the MP4 boxes in data[start:end]."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        yield kind, start, start + size
        start += max(8, size)


def replace_atom(data, path, body):
    """The bytes with `body` applied to the content of every box at `path`, "moov/trak/..."."""
    kind, _, rest = path.partition("/")
    result = b""
    for found, start, end in atoms(data):
        content = data[start + 8 : end]
        if found == kind.encode():
            content = replace_atom(content, rest, body) if rest else body(content)
        result += struct.pack(">I4s", len(content) + 8, found) + content
    return result


def without_atom(data, kind):
    """The bytes without the top level boxes of that kind."""
    return b"".join(data[start:end] for found, start, end in atoms(data) if found != kind)


def with_reference(data, place, kind=b"url "):
    """The MP4 file with a reference that says its samples lie in another file or at an address."""
    entry = struct.pack(">I4sI", 12 + len(place), kind, 0) + place
    return replace_atom(
        data, "moov/trak/mdia/minf/dinf/dref", lambda _: struct.pack(">II", 0, 1) + entry
    )


def alias_record(name):
    """A QuickTime alias, version 2, to a file in the same folder, which FFmpeg can follow."""
    record = bytearray(150)
    struct.pack_into(">HH", record, 6, 2, 0)
    record[50] = len(name)
    record[51 : 51 + len(name)] = name
    struct.pack_into(">hhHH", record, 130, 1, 1, 0, 0)
    folder_and_path = struct.pack(">hH", 2, len(name)) + name + b"\0" * (len(name) % 2)
    return bytes(record) + folder_and_path + struct.pack(">hh", -1, 0)


def sequence_header(width, height):
    """An H.264 sequence parameter set (baseline, level 6.2) for this size, without a start code."""

    def golomb(value):
        digits = f"{value + 1:b}"
        return "0" * (len(digits) - 1) + digits

    bits = golomb(0) + golomb(0) + golomb(2) + golomb(1) + "0"
    bits += golomb(width // 16 - 1) + golomb(height // 16 - 1) + "1" + "1" + "0" + "0" + "1"
    bits += "0" * (-len(bits) % 8)
    raw = bytes([66, 0, 62]) + int(bits, 2).to_bytes(len(bits) // 8, "big")
    escaped = bytearray()
    for byte in raw:
        if byte <= 3 and escaped[-2:] == b"\0\0":
            escaped.append(3)
        escaped.append(byte)
    return b"\x67" + bytes(escaped)


def with_sequence_header(data, unit):
    """The MP4 file with another H.264 sequence parameter set in its sample entry."""
    entry_size = 78

    def swap(stsd):
        (size,) = struct.unpack_from(">I", stsd, 8)
        entry = stsd[16 : 16 + entry_size]
        avcc = next(stsd[a + 8 : b] for k, a, b in atoms(stsd, 16 + entry_size) if k == b"avcC")
        (old_size,) = struct.unpack_from(">H", avcc, 6)
        new = avcc[:6] + struct.pack(">H", len(unit)) + unit + avcc[8 + old_size :]
        box = struct.pack(">I4s", len(new) + 8, b"avcC") + new
        assert size >= 8 + entry_size
        return stsd[:8] + struct.pack(">I4s", 8 + entry_size + len(box), b"avc1") + entry + box

    return replace_atom(data, "moov/trak/mdia/minf/stbl/stsd", swap)


def giant_h264(width, height):
    """An H.264 stream (Annex B) whose header states this size, with slices of random data."""
    picture_header = b"\x68\xce\x38\x80"
    units = [sequence_header(width, height), picture_header, b"\x65\x88\x84" + b"\x55\xaa" * 4000]
    return b"".join(b"\0\0\0\1" + unit for unit in units) * 3


def giant_jpeg(data, width, height):
    """The bytes of an MJPEG clip with this size in the header of every frame."""
    at = data.find(b"\xff\xc0")
    while at >= 0:
        data = data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]
        at = data.find(b"\xff\xc0", at + 1)
    return data
