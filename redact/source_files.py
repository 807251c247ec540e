"""What a source is before a decoder sees it: a plain file, and if it is no clip, what else.

Standard library only. Refusing is done elsewhere, by what is opened and what isn't; this module
finds the words for it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from redact.errors import ClipError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_HEAD_BYTES = 4096
# How a text begins, in small letters: what it is.
_TEXTS = {
    b"#extm3u": "a playlist (M3U)",
    b"ffconcat": "a list of other files (concat)",
    b"v=0": "the description of a stream (SDP)",
    b"[playlist]": "a playlist (PLS)",
    b"[reference]": "a list of addresses (ASX)",
    b"<asx": "a list of addresses (ASX)",
    b"<!doctype html": "a web page (HTML), not the video itself: download it again",
    b"<html": "a web page (HTML), not the video itself: download it again",
}
_INNER_TEXTS = {
    b"<mpd": "a list of addresses (DASH)",
    b"<smil": "a list of addresses (SMIL)",
    b"<smoothstreamingmedia": "a list of addresses (Smooth Streaming)",
    b"<html": "a web page (HTML), not the video itself: download it again",
    b"<?xml": "an XML text",
}
_REFERENCES = ("moov", "trak", "mdia", "minf", "dinf", "dref")
_MAX_ATOMS = 100_000


class Atom(NamedTuple):
    """One box of an MP4 or MOV file; `start` and `end` are byte offsets of the whole box."""

    kind: str
    start: int
    end: int
    header_size: int


def check_source(path: Path) -> None:
    """Refuse what can't be a clip, without opening it: a pipe would never answer.

    Raises:
        ClipError: nothing is there, or it isn't a file, or it is empty.

    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as err:
        if "://" in str(path) or ":/" in str(path):
            raise ClipError(
                f"{str(path)!r} is an address; only files on this machine are read: download it"
            ) from err
        raise ClipError(f"no such file: {str(path)!r}") from err
    except (OSError, ValueError) as err:
        raise ClipError(f"can't read {str(path)!r}: {reason(err)}") from err
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
        raise ClipError(f"{str(path)!r} is {kind}; name a video file")
    if not status.st_size:
        raise ClipError(f"{str(path)!r} is empty")
    if not os.access(path, os.R_OK):
        raise ClipError(f"can't read {str(path)!r}: permission denied")


def what_else(path: Path) -> str | None:
    """What a file is that no decoder took for a clip: "a playlist (M3U)"; None when unknown."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            kinds = {atom.kind for atom in atoms(file)} if head[4:8] == b"ftyp" else set()
    except OSError:
        return None
    if "ftyp" in kinds and not kinds & {"moov", "moof"}:
        return "a recording without its index (moov): it was cut off before it was finished"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, words in _TEXTS.items():
        if text.startswith(start):
            return words
    if text.startswith(b"<"):
        return next((words for part, words in _INNER_TEXTS.items() if part in text), None)
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f\x1b" for byte in head):
        return "a text"
    return None


def refers_elsewhere(path: Path) -> bool:
    """Whether an MP4 or MOV file says that its pictures lie in another file or at an address."""
    try:
        with path.open("rb") as file:
            return any(_points_out(file, atom) for atom in _inside(file, _REFERENCES))
    except OSError:
        return False


def atoms(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[Atom]:
    """The boxes of an MP4 or MOV file between two offsets; ends where they stop making sense."""
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
        if size < header_size or start + size > end or not _is_kind(kind):
            return
        yield Atom(kind.decode("latin-1"), start, start + size, header_size)
        start += size


def reason(err: BaseException) -> str:
    """An error in words, without the path that the message around it already names."""
    return getattr(err, "strerror", None) or str(err) or type(err).__name__


def printable(text: str) -> str:
    """The text on one line, without what a terminal would obey or couldn't show."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _is_kind(kind: bytes) -> bool:
    return all(32 <= byte < 127 or byte == 0xA9 for byte in kind)


def _inside(file: BinaryIO, kinds: tuple[str, ...]) -> Iterator[Atom]:
    """Every box that lies at this path."""
    found: list[Atom] = [Atom("", 0, os.fstat(file.fileno()).st_size, 0)]
    for kind in kinds:
        found = [
            atom
            for outer in found
            for atom in atoms(file, outer.start + outer.header_size, outer.end)
            if atom.kind == kind
        ]
    yield from found


def _points_out(file: BinaryIO, dref: Atom) -> bool:
    """Whether a data reference names a place and lacks the flag that means "in this file"."""
    first = dref.start + dref.header_size + 8  # version, flags and the number of entries
    for entry in atoms(file, first, dref.end):
        file.seek(entry.start + entry.header_size)
        flags = int.from_bytes(file.read(4), "big")
        if not flags & 1 and entry.end - entry.start > 12:
            return True
    return False
