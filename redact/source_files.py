"""Checks a source before a decoder sees it, and finds words for what is not a video.

This module uses the standard library only. Whether a file is accepted is decided by what the video
package can open; the functions here help to explain a refusal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from redact.errors import ClipError

_FILE_TYPES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_HEAD_BYTES = 4096
_WEB_PAGE = "a web page (HTML) and not the video itself; download it again"
# What a text is, by how it begins in lower case.
_TEXT_STARTS = {
    b"#extm3u": "a playlist (M3U)",
    b"ffconcat": "a list of other files (concat)",
    b"v=0": "a stream description (SDP)",
    b"[playlist]": "a playlist (PLS)",
    b"[reference]": "a list of addresses (ASX)",
    b"<asx": "a list of addresses (ASX)",
    b"<!doctype html": _WEB_PAGE,
    b"<html": _WEB_PAGE,
}
# What a text that begins with "<" is, by a tag in it.
_TAGS = {
    b"<mpd": "a list of addresses (DASH)",
    b"<smil": "a list of addresses (SMIL)",
    b"<smoothstreamingmedia": "a list of addresses (Smooth Streaming)",
    b"<html": _WEB_PAGE,
    b"<?xml": "an XML document",
}
_DATA_REFERENCE_PATH = ("moov", "trak", "mdia", "minf", "dinf", "dref")
# A damaged file can hold so many tiny atoms that reading them all would take minutes.
_MAX_ATOMS = 100_000


def as_path(value: object, name: str) -> Path:
    """What a caller gave as a path.

    name: of the argument, for the error.

    Raises:
        TypeError: it is no path.

    """
    if isinstance(value, (str, os.PathLike)):
        path = os.fspath(value)
        if isinstance(path, str):
            return Path(path)
    shown = repr(value) if isinstance(value, (int, float, bytes, type(None))) else type(value)
    raise TypeError(f"{name} must be a path, as text or as a pathlib.Path, not {shown}")


class Atom(NamedTuple):
    """One atom ("box") of an MP4 or MOV file.

    `start` and `end` are byte offsets of the whole atom, its header of `header_size` bytes
    included.
    """

    kind: str
    start: int
    end: int
    header_size: int


def check_source(path: Path) -> None:
    """Refuse what can't be a clip, without opening it: opening a pipe could block for ever.

    Raises:
        ClipError: there is nothing at this path, or it is not an ordinary file, or it is empty or
            not readable.

    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as err:
        if "://" in str(path) or ":/" in str(path):
            raise ClipError(
                f"{str(path)!r} is an address, and only local files are read; download it first"
            ) from err
        raise ClipError(f"no such file: {str(path)!r}") from err
    except (OSError, ValueError) as err:
        raise ClipError(f"can't read {str(path)!r}: {reason(err)}") from err
    if not stat.S_ISREG(status.st_mode):
        file_type = _FILE_TYPES.get(stat.S_IFMT(status.st_mode), "not a file")
        raise ClipError(f"{str(path)!r} is {file_type}; name a video file")
    if not status.st_size:
        raise ClipError(f"{str(path)!r} is empty; copy or download it again")
    if not os.access(path, os.R_OK):
        raise ClipError(f"can't read {str(path)!r}: permission denied")


# What image files begin with; a box of type "ftyp" tells the rest.
_IMAGE_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
}
_IMAGE_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1"), "HEIC"),
}


def image_format(path: Path) -> str | None:
    """The format of an image file by its first bytes, such as "JPEG"; None for any other file.

    None also for a file that can't be read: opening it will tell why.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return None
    if head[4:8] == b"ftyp":
        return _IMAGE_BRANDS.get(head[8:12])
    if head[:4] == b"RIFF":
        return "WEBP" if head[8:12] == b"WEBP" else None
    return next((name for start, name in _IMAGE_STARTS.items() if head.startswith(start)), None)


def lacks_index(path: Path) -> bool:
    """Whether an MP4 or MOV file has no index, as while it is being recorded.

    False for other files, and for one that can't be read: opening it will tell why.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if head[4:8] != b"ftyp" or head[8:] in _IMAGE_BRANDS:
                return False
            return not {"moov", "moof"} & {atom.kind for atom in read_atoms(file)}
    except OSError:
        return False


def describe_non_video(path: Path) -> str | None:
    """Words for a file that could not be opened as a video, such as "a playlist (M3U)".

    Returns None when nothing is known about it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if lacks_index(path):
        return "a recording without its index (moov), cut off before it was finished"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, words in _TEXT_STARTS.items():
        if text.startswith(start):
            return words
    if text.startswith(b"<"):
        return next((words for tag, words in _TAGS.items() if tag in text), None)
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head):
        return "plain text"
    return None


def has_external_media(path: Path) -> bool:
    """Whether an MP4 or MOV file says that its samples lie in another file or at an address.

    False also for a file that can't be read: opening it will tell why.
    """
    try:
        with path.open("rb") as file:
            return any(
                _has_external_entry(file, atom) for atom in _atoms_at(file, _DATA_REFERENCE_PATH)
            )
    except OSError:
        return False


def read_atoms(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[Atom]:
    """The atoms of an MP4 or MOV file between two byte offsets, up to the first implausible one."""
    end = os.fstat(file.fileno()).st_size if end is None else end
    for _ in range(_MAX_ATOMS):
        file.seek(start)
        header = file.read(16)
        if start + 8 > end or len(header) < 8:
            return
        size, kind = int.from_bytes(header[:4], "big"), header[4:8]
        header_size = 8
        if size == 1 and len(header) == 16:
            size, header_size = int.from_bytes(header[8:], "big"), 16
        elif size == 0:
            size = end - start
        if size < header_size or start + size > end or not _is_atom_kind(kind):
            return
        yield Atom(kind.decode("latin-1"), start, start + size, header_size)
        start += size


def reason(err: BaseException) -> str:
    """An error in words, without the path, which the message around it already names."""
    return getattr(err, "strerror", None) or str(err) or type(err).__name__


def printable(text: str) -> str:
    """The text on one line, with escapes for characters that a terminal obeys or can't show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _is_atom_kind(kind: bytes) -> bool:
    """Whether these four bytes are printable ASCII or the copyright sign of Apple's atoms."""
    return all(32 <= byte < 127 or byte == 0xA9 for byte in kind)


def _atoms_at(file: BinaryIO, path: tuple[str, ...]) -> list[Atom]:
    """Every atom whose kind and enclosing kinds are these, outermost first."""
    found = [Atom("", 0, os.fstat(file.fileno()).st_size, 0)]
    for kind in path:
        found = [
            atom
            for outer in found
            for atom in read_atoms(file, outer.start + outer.header_size, outer.end)
            if atom.kind == kind
        ]
    return found


def _has_external_entry(file: BinaryIO, dref: Atom) -> bool:
    """Whether a data reference names a place and lacks the flag that means "in this file".

    See ISO/IEC 14496-12, 8.7.2.
    """
    first = dref.start + dref.header_size + 8  # version, flags and the number of entries
    for entry in read_atoms(file, first, dref.end):
        file.seek(entry.start + entry.header_size)
        flags = int.from_bytes(file.read(4), "big")
        if not flags & 1 and entry.end - entry.start > 12:
            return True
    return False
