"""Containers that are read, and how they are opened: as local files and nothing else."""

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
from redact.source_files import (
    check_source,
    describe_non_video,
    has_external_media,
    image_format,
    reason,
)
from redact.video.tuning import TUNING

BARE_STREAMS = ("h264", "hevc", "mpegvideo", "m4v", "mjpeg", "obu")
"""libav's names of formats that are a stream without a container, so that frames have no times."""
# Each is a clip in a file of its own; none can name another file or an address to be opened.
CONTAINERS = ",".join(
    (
        "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,dhav,mxf,ogg",
        "gif,apng,dv,ivf,nut,yuv4mpegpipe",
        *BARE_STREAMS,
    )
)
_READ_OPTIONS = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}


@contextlib.contextmanager
def open_container(path: Path, *, max_pixels: int = Settings.max_pixels) -> Iterator[Any]:
    """Open a local file as a PyAV container, and close it at the end of the block.

    No decoder may allocate a frame with more than `max_pixels` pixels. Errors of libav and of the
    file system in the block are raised as `ClipError`, so the block should only read this file.

    Raises:
        ClipError: the file is missing, is not in a known container, stores its media in another
            file, or can't be read any further.

    """
    check_source(path)
    if has_external_media(path):
        raise ClipError(
            f"{str(path)!r} stores its video in another file or at an address, which is never "
            "opened; save it as a self-contained file"
        )
    if image_format(path) == "HEIC":
        # libav would take one of the tiles that the image is made of for all of it.
        raise ClipError(f"{str(path)!r} is a HEIC image, which can't be read; save it as JPEG")
    limit = {"max_pixels": str(max_pixels)}
    try:
        # "file:" keeps a name like "concat:a" or "http://..." from being taken for a protocol.
        container: Any = av.open(
            f"file:{path.absolute()}",
            container_options=_READ_OPTIONS,
            options=limit,  # Opening already decodes frames.
            metadata_errors="backslashreplace",
        )
    except (av.FFmpegError, OSError, ValueError) as err:
        if other := describe_non_video(path):
            raise ClipError(f"{str(path)!r} is not a video: it looks like {other}") from err
        raise ClipError(
            f"can't read {str(path)!r} as a video ({reason(err)}); known containers: {CONTAINERS}"
        ) from err
    with translate_read_errors(path), container:
        for stream in container.streams.video:
            if stream.codec_context is not None:
                stream.codec_context.options = limit
        # libav would invent missing times without regard to B-frames; `timestamps` does better.
        container.flags &= ~av.container.Flags.gen_pts.value
        yield container


@contextlib.contextmanager
def translate_read_errors(path: Path) -> Iterator[None]:
    """Raise errors of libav and of the file system in the block as `ClipError` about this file."""
    try:
        yield
    except (av.FFmpegError, OSError) as err:
        raise ClipError(
            f"can't read {str(path)!r} any further ({reason(err)}): it is damaged, or was changed "
            "or removed while it was read"
        ) from err


def read_packets(
    container: Any, *streams: Any, on_failure: Callable[[], None] = lambda: None
) -> Iterator[Any]:
    """The packets of these streams, or of all streams, without the empty ones.

    Reading continues after places that can't be read, until there are too many without a packet in
    between; `on_failure` is called for each.
    """
    failures = 0
    while failures < TUNING.max_read_failures:
        try:
            for packet in container.demux(*streams):
                if packet.size:  # An empty packet would tell a decoder that the stream has ended.
                    failures = 0
                    yield packet
            return
        except av.FFmpegError:
            failures += 1
            on_failure()


def main_video_stream(container: Any, path: Path) -> Any:
    """The first video stream that is not a cover image.

    Raises:
        ClipError: there is no such stream, or no decoder for it.

    """
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & still:
            if stream.codec_context is None:
                raise ClipError(
                    f"there is no decoder for the video in {str(path)!r}; convert it to H.264"
                )
            return stream
    raise ClipError(f"{str(path)!r} has no video stream; name a file that holds video")


def file_sha256(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 as 64 hexadecimal digits.

    Raises:
        ClipError: the file can't be read.

    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as err:
        raise ClipError(f"can't read {os.fspath(path)!r}: {reason(err)}") from err
