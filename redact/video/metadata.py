"""What lies in a file's bytes that no demuxer tells of. Standard library only.

User data inside the picture stream (SEI messages of H.264, ITU-T H.264 annex D, and of HEVC,
H.265 annex D), XMP packets, private boxes, and bytes after the container's end.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from redact.source_files import atoms

_XMP_START = b"<x:xmpmeta"
_XMP_MAX_BYTES = 1 << 16
_MESSAGES = {4: "registered user data", 5: "user data", 136: "time code"}
# codec: (the NAL units that hold messages, bytes of a unit's header)
_SEI_UNITS = {"h264": ((6,), 1), "hevc": ((39, 40), 2)}
_ORDINARY_ATOMS = frozenset(
    ("ftyp", "moov", "mdat", "free", "skip", "wide", "moof", "mfra", "sidx", "styp", "pdin", "emsg")
)
_EBML_HEADER, _EBML_SEGMENT = 0x1A45DFA3, 0x18538067


class Message(NamedTuple):
    """An SEI message that no decoder needs; `text` is what can be read of it."""

    kind: str
    text: str


def messages(packet: bytes, codec: str, extradata: bytes = b"") -> Iterator[Message]:
    """User data and time codes in one packet of H.264 or HEVC; nothing for other codecs.

    extradata: the stream's; it tells how the packet's units are delimited.
    """
    if codec in _SEI_UNITS:
        yield from _messages_in(_units(packet, _length_size(codec, extradata)), codec)


def header_messages(extradata: bytes, codec: str) -> Iterator[Message]:
    """The same in a stream's extradata, where HEVC encoders like to put them."""
    if codec == "hevc" and extradata[:1] == b"\1":
        yield from _messages_in(_hevc_header_units(extradata), codec)
    elif codec in _SEI_UNITS and extradata[:1] != b"\1":
        yield from _messages_in(_units(extradata, 0), codec)


def xmp_packets(path: Path) -> list[tuple[int, str]]:
    """(byte offset, text) of every XMP packet anywhere in the file."""
    found = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_XMP_START)
        while at >= 0:
            part = data[at : at + _XMP_MAX_BYTES]
            text = part.partition(b"</x:xmpmeta>")[0].decode("utf-8", "backslashreplace")
            found.append((at, " ".join(text.split())))
            at = data.find(_XMP_START, at + 1)
    return found


def private_boxes(path: Path) -> list[tuple[str, int]]:
    """(kind, size in bytes) of top level MP4 boxes that no player needs."""
    with path.open("rb") as file:
        if not _is_mp4(file):
            return []
        return [
            (atom.kind, atom.end - atom.start)
            for atom in atoms(file)
            if atom.kind not in _ORDINARY_ATOMS
        ]


def trailing_bytes(path: Path) -> int:
    """How many bytes follow the end of an MP4, MOV, Matroska, WebM or AVI file; 0 for others."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if _is_mp4(file):
            ends = [atom.end for atom in atoms(file)]
        elif head.startswith(_EBML_HEADER.to_bytes(4, "big")):
            ends = list(_ebml_ends(file, size))
        elif head.startswith(b"RIFF"):
            ends = list(_riff_ends(file, size))
        else:
            ends = []
    return size - ends[-1] if ends else 0


def _is_mp4(file: BinaryIO) -> bool:
    file.seek(4)
    return file.read(4) in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip")


def _length_size(codec: str, extradata: bytes) -> int:
    """Bytes of the length before each unit; 0 when units begin with a start code."""
    if not extradata or extradata[0] != 1:
        return 0
    place = 4 if codec == "h264" else 21
    return (extradata[place] & 3) + 1 if len(extradata) > place else 0


def _units(packet: bytes, length_size: int) -> Iterator[bytes]:
    if not length_size:
        yield from (unit for unit in packet.split(b"\0\0\1")[1:] if unit)
        return
    at = 0
    while at + length_size < len(packet):
        size = int.from_bytes(packet[at : at + length_size], "big")
        at += length_size
        if unit := packet[at : at + size]:
            yield unit
        at += size


def _hevc_header_units(extradata: bytes) -> Iterator[bytes]:
    """The units of an "hvcC" box (ISO/IEC 14496-15): arrays of them behind 22 bytes."""
    at = 23
    for _ in range(extradata[22] if len(extradata) > 22 else 0):
        count = int.from_bytes(extradata[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            unit = extradata[at + 2 : at + 2 + size]
            if not unit:
                return
            yield unit
            at += 2 + size


def _messages_in(units: Iterator[bytes], codec: str) -> Iterator[Message]:
    kinds, header_size = _SEI_UNITS[codec]
    for unit in units:
        kind = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        if kind in kinds:
            # A 3 after two zeros is there only to tell them from a start code.
            yield from _messages_of(unit[header_size:].replace(b"\0\0\3", b"\0\0"))


def _messages_of(payload: bytes) -> Iterator[Message]:
    """The messages of one SEI unit: type and size, each as bytes that add up, then the content."""
    at = 0
    while at + 2 < len(payload):
        kind, at = _sum_of_bytes(payload, at)
        size, at = _sum_of_bytes(payload, at)
        if kind in _MESSAGES:
            content = payload[at : at + size]
            # User data starts with 16 bytes that name its kind.
            text = _readable(content[16:] if kind == 5 else content)
            yield Message(_MESSAGES[kind], text or f"{len(content)} bytes")
        at += size


def _sum_of_bytes(payload: bytes, at: int) -> tuple[int, int]:
    total = 0
    while at < len(payload):
        total += payload[at]
        at += 1
        if payload[at - 1] != 255:
            break
    return total, at


def _readable(content: bytes) -> str:
    runs = re.findall(rb"[\x20-\x7e]{4,}", content)
    return b" ".join(runs).decode("ascii")


def _ebml_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Where each top level element of a Matroska file ends."""
    at = 0
    while at < size:
        file.seek(at)
        header = file.read(12)
        identity = int.from_bytes(header[:4], "big")
        if identity not in (_EBML_HEADER, _EBML_SEGMENT) or len(header) < 5 or not header[4]:
            return
        length = 9 - header[4].bit_length()
        value = int.from_bytes(header[4 : 4 + length], "big") & ((1 << 7 * length) - 1)
        if value == (1 << 7 * length) - 1:  # "unknown": to the end of the file
            yield size
            return
        at += 4 + length + value
        yield min(at, size)


def _riff_ends(file: BinaryIO, size: int) -> Iterator[int]:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        if file.read(4) != b"RIFF":
            return
        length = int.from_bytes(file.read(4), "little")
        at += 8 + length + length % 2
        yield min(at, size)
