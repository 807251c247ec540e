"""Finds data hidden in a file's bytes that a demuxer doesn't report. Standard library only.

These are seals that tell where a clip comes from (C2PA manifests), user data inside the video
stream (SEI messages of H.264, ITU-T H.264 annex D, and of HEVC, H.265 annex D), XMP packets,
private atoms, and bytes after the container's end. Functions that take a path may raise `OSError`.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from redact.source_files import Atom, read_atoms

_XMP_START, _XMP_END = b"<x:xmpmeta", b"</x:xmpmeta>"
_MAX_XMP_BYTES = 1 << 16
# Type of an SEI message: what it is called. All others describe the video to the decoder.
_MESSAGE_KINDS = {4: "registered user data", 5: "user data", 136: "time code"}
_UNREGISTERED_USER_DATA = 5
# Codec: the types of NAL units that hold messages, and the bytes of a unit's header.
_SEI_UNITS = {"h264": ((6,), 1), "hevc": ((39, 40), 2)}
_ORDINARY_ATOMS = frozenset(
    ("ftyp", "moov", "mdat", "free", "skip", "wide", "moof", "mfra", "sidx", "styp", "pdin", "emsg")
)
# A C2PA manifest store is a JUMBF superbox (ISO/IEC 19566-5) that begins with a description of this
# type. In MP4 it lies in a "uuid" box (C2PA specification, A.5); other formats have other places.
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_C2PA_DESCRIPTION = b"jumd" + bytes.fromhex("6332706100110010800000aa00389b71")
_MP4_FIRST_ATOMS = (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip")
_EBML_HEADER, _EBML_SEGMENT = 0x1A45DFA3, 0x18538067


class Message(NamedTuple):
    """An SEI message that no decoder needs; `text` holds its readable characters."""

    kind: str
    text: str


def read_messages(packet: bytes, codec: str, extradata: bytes = b"") -> Iterator[Message]:
    """User data and time codes in a packet of H.264 or HEVC; nothing for other codecs.

    extradata: of the stream; it tells how the NAL units of the packet are delimited.
    """
    if codec in _SEI_UNITS:
        units = _split_units(packet, _length_size(codec, extradata))
        yield from _messages_in_units(units, codec)


def read_header_messages(extradata: bytes, codec: str) -> Iterator[Message]:
    """The same in the extradata of a stream, where some HEVC encoders put them."""
    if codec == "hevc" and extradata[:1] == b"\1":
        yield from _messages_in_units(_hevc_header_units(extradata), codec)
    elif codec in _SEI_UNITS and extradata[:1] != b"\1":
        yield from _messages_in_units(_split_units(extradata, 0), codec)


def find_xmp_packets(path: Path) -> list[tuple[int, str]]:
    """(byte offset, text) of every XMP packet anywhere in the file."""
    found = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_XMP_START)
        while at >= 0:
            part = data[at : at + _MAX_XMP_BYTES]
            text = part.partition(_XMP_END)[0].decode("utf-8", "backslashreplace")
            found.append((at, " ".join(text.split())))
            at = data.find(_XMP_START, at + 1)
    return found


class Seal(NamedTuple):
    """A C2PA manifest: where it begins in the file, and its size in bytes; 0 if not known."""

    offset: int
    size: int


def find_seals(path: Path) -> list[Seal]:
    """The C2PA manifests of a file: the signed statements of who made it and what was changed.

    Whether a signature is valid is not checked.
    """
    if not path.stat().st_size:
        return []
    with path.open("rb") as file:
        if _is_mp4(file):
            return [
                Seal(atom.start, atom.end - atom.start)
                for atom in list(read_atoms(file))
                if _is_seal(file, atom)
            ]
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            # The description follows the superbox's and its own size and the superbox's kind.
            found = []
            at = data.find(_C2PA_DESCRIPTION)
            while at >= 0:
                start = at - 12
                if start >= 0 and data[start + 4 : start + 8] == b"jumb":
                    found.append(Seal(start, int.from_bytes(data[start : start + 4], "big")))
                at = data.find(_C2PA_DESCRIPTION, at + 1)
            return found


def _is_seal(file: BinaryIO, atom: Atom) -> bool:
    if atom.kind != "uuid":
        return False
    file.seek(atom.start + atom.header_size)
    return file.read(16) == _C2PA_UUID


def find_private_atoms(path: Path) -> list[tuple[str, int]]:
    """(kind, size in bytes) of the top level MP4 atoms that no player needs, seals aside."""
    with path.open("rb") as file:
        if not _is_mp4(file):
            return []
        return [
            (atom.kind, atom.end - atom.start)
            for atom in list(read_atoms(file))
            if atom.kind not in _ORDINARY_ATOMS and not _is_seal(file, atom)
        ]


def count_trailing_bytes(path: Path) -> int:
    """How many bytes follow the end of an MP4, MOV, Matroska, WebM or AVI file; 0 for others."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if _is_mp4(file):
            ends = [atom.end for atom in read_atoms(file)]
        elif head.startswith(_EBML_HEADER.to_bytes(4, "big")):
            ends = list(_ebml_ends(file, size))
        elif head.startswith(b"RIFF"):
            ends = list(_riff_ends(file, size))
        else:
            ends = []
    return size - ends[-1] if ends else 0


def _is_mp4(file: BinaryIO) -> bool:
    file.seek(4)
    return file.read(4) in _MP4_FIRST_ATOMS


def _length_size(codec: str, extradata: bytes) -> int:
    """How many bytes of length precede each NAL unit; 0 when units begin with a start code."""
    if not extradata or extradata[0] != 1:
        return 0
    place = 4 if codec == "h264" else 21
    return (extradata[place] & 3) + 1 if len(extradata) > place else 0


def _split_units(packet: bytes, length_size: int) -> Iterator[bytes]:
    """The NAL units of a packet, without the start codes or lengths before them."""
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
    """The NAL units of an "hvcC" box (ISO/IEC 14496-15), in arrays after the first 22 bytes."""
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


def _messages_in_units(units: Iterator[bytes], codec: str) -> Iterator[Message]:
    unit_types, header_size = _SEI_UNITS[codec]
    for unit in units:
        unit_type = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        if unit_type in unit_types:
            # An encoder puts a 3 after two zeros, so that nothing looks like a start code.
            yield from _messages_in_payload(unit[header_size:].replace(b"\0\0\3", b"\0\0"))


def _messages_in_payload(payload: bytes) -> Iterator[Message]:
    """The messages of an SEI unit: each has a type, a size, both as sums of bytes, and content."""
    at = 0
    while at + 2 < len(payload):
        message_type, at = _sum_of_bytes(payload, at)
        size, at = _sum_of_bytes(payload, at)
        if message_type in _MESSAGE_KINDS:
            content = payload[at : at + size]
            # The first 16 bytes of this type are a UUID that names the format.
            text = _readable(content[16:] if message_type == _UNREGISTERED_USER_DATA else content)
            yield Message(_MESSAGE_KINDS[message_type], text or f"{len(content)} bytes")
        at += size


def _sum_of_bytes(payload: bytes, at: int) -> tuple[int, int]:
    """A number stored as bytes to add up, of which the last is not 255; and where it ends."""
    total = 0
    while at < len(payload):
        total += payload[at]
        at += 1
        if payload[at - 1] != 255:
            break
    return total, at


def _readable(content: bytes) -> str:
    """The runs of at least four printable ASCII characters, separated by spaces."""
    runs = re.findall(rb"[\x20-\x7e]{4,}", content)
    return b" ".join(runs).decode("ascii")


def _ebml_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Where each top level element of a Matroska file ends (RFC 8794)."""
    at = 0
    while at < size:
        file.seek(at)
        header = file.read(12)
        element_id = int.from_bytes(header[:4], "big")
        if element_id not in (_EBML_HEADER, _EBML_SEGMENT) or len(header) < 5 or not header[4]:
            return
        # The zero bits before the first one tell how many bytes the length has.
        length = 9 - header[4].bit_length()
        value = int.from_bytes(header[4 : 4 + length], "big") & ((1 << 7 * length) - 1)
        if value == (1 << 7 * length) - 1:  # "unknown": the element reaches to the end of the file
            yield size
            return
        at += 4 + length + value
        yield min(at, size)


def _riff_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Where each top level chunk of an AVI file ends; large files have several."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        if file.read(4) != b"RIFF":
            return
        length = int.from_bytes(file.read(4), "little")
        at += 8 + length + length % 2
        yield min(at, size)
