"""The containers we read, and how they are opened: as local files and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av

from redact.errors import ClipError
from redact.settings import Settings
from redact.source_files import check_source, reason, refers_elsewhere, what_else

# The last two are bare streams without a container.
CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,dhav,mxf,ogg,h264,hevc"
_READ_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
# Reading a container is given up after so many errors without a packet in between.
_MAX_FAILURES = 20


@contextlib.contextmanager
def opened(path: Path, *, max_pixels: int = Settings.max_pixels) -> Iterator[Any]:
    """The container of a local file, and libav's errors as ours.

    No decoder is given room for a picture with more than `max_pixels` pixels.

    Raises:
        ClipError: there is no such file, or none we read, or its pictures lie in another.

    """
    check_source(path)
    if refers_elsewhere(path):
        raise ClipError(f"the pictures of {str(path)!r} lie in another file or at an address")
    limit = {"max_pixels": str(max_pixels)}
    try:
        # "file:" keeps a name like "concat:a" or "http://..." from being more than a name.
        container: Any = av.open(
            f"file:{path.absolute()}",
            container_options=_READ_OPTIONS,
            options=limit,  # Opening decodes pictures already.
            metadata_errors="backslashreplace",
        )
    except (av.FFmpegError, OSError, ValueError) as err:
        if other := what_else(path):
            raise ClipError(f"{str(path)!r} is no clip but {other}") from err
        raise ClipError(
            f"can't read {str(path)!r} as a video ({reason(err)}); known containers: {CONTAINERS}"
        ) from err
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = limit
    with container:
        # Times that the container leaves out would be made up without regard to B-frames.
        container.flags &= ~av.container.Flags.gen_pts.value
        yield container


def packets_of(
    container: Any, *streams: Any, on_failure: Callable[[], None] = lambda: None
) -> Iterator[Any]:
    """The packets of the streams, or of all, over places that can't be read; no empty ones."""
    failures = 0
    while failures < _MAX_FAILURES:
        try:
            for packet in container.demux(*streams):
                if packet.size:  # An empty packet would end a decoder.
                    failures = 0
                    yield packet
            return
        except av.FFmpegError:
            failures += 1
            on_failure()


def video_stream(container: Any, path: Path) -> Any:
    """The first video stream that is no cover picture.

    Raises:
        ClipError: there is none, or no decoder for it.

    """
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & still:
            if stream.codec_context is None:
                raise ClipError(f"no decoder for the video in {str(path)!r}")
            return stream
    raise ClipError(f"{str(path)!r} has no video stream")


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 as 64 hexadecimal digits.

    Raises:
        ClipError: the file can't be read.

    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise ClipError(f"can't read {os.fspath(path)!r}: {err.strerror or err}") from err
