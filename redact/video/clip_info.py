"""What is known of a clip before it is read through."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from redact.errors import ClipError
from redact.settings import Settings
from redact.source_files import atoms
from redact.types import ClipInfo
from redact.video.container import file_sha256, opened, video_stream
from redact.video.decoder import first_picture, riders_of, side_data_of
from redact.video.pixels import matrix_of, range_of
from redact.video.timestamps import fine_time_base

# Top boxes of an MP4 file that hold nothing but pictures, sound and their index.
_PLAIN_BOXES = (
    *("ftyp", "styp", "moov", "moof", "mdat", "mfra", "sidx", "ssix", "prft"),
    *("free", "skip", "wide", "pnot"),
)


def probe(path: str | os.PathLike[str], *, max_pixels: int = Settings.max_pixels) -> ClipInfo:
    """What is known of a clip before it is read through; `pts` stays empty.

    Raises:
        ClipError: no such file, no container we read, no video in it, or a picture that has more
            than `max_pixels` pixels.

    """
    path = Path(path)
    with opened(path, max_pixels=max_pixels) as container:
        stream = video_stream(container, path)
        context = stream.codec_context
        _check_size(context.width, context.height, max_pixels, path)
        first = first_picture(container, stream)
        if first is None:
            # A decoder doesn't say whether it is the size of a picture that it can't use.
            raise ClipError(
                f"{str(path)!r} has a video stream but no picture that can be decoded: they are "
                f"damaged, missing, or larger than max_pixels={max_pixels}"
            )
        _check_size(first.width, first.height, max_pixels, path)
        rotation_degrees, is_mirrored = _turn(first)
        return ClipInfo(
            path=path,
            sha256=file_sha256(path),
            width=first.width,
            height=first.height,
            rotation_degrees=rotation_degrees,
            is_mirrored=is_mirrored,
            time_base=fine_time_base(Fraction(stream.time_base)),
            pts=np.zeros(0, dtype=np.int64),
            has_audio=bool(container.streams.audio),
            frame_rate=Fraction(stream.average_rate or stream.guessed_rate or 25),
            sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1),
            color_range=range_of(first, context.name),
            color_primaries=int(context.color_primaries),
            color_transfer=int(context.color_trc),
            color_matrix=matrix_of(first),
            is_interlaced=bool(first.interlaced_frame),
            dropped=tuple(_describe_rest(container, stream, first, path)),
        )


def with_pts(
    clip: ClipInfo, pts: Sequence[int], findings: Mapping[str, Any] | None = None
) -> ClipInfo:
    """The clip with its frames' times filled in, and what `FrameReader.findings` found.

    Raises:
        ClipError: there are none.

    """
    if not pts:
        raise ClipError(f"{str(clip.path)!r} has no frame that could be decoded")
    return dataclasses.replace(clip, pts=np.asarray(pts, dtype=np.int64), **(findings or {}))


def _check_size(width: int, height: int, max_pixels: int, path: Path) -> None:
    if width * height > max_pixels:
        raise ClipError(
            f"a picture of {str(path)!r} has {width}x{height} pixels, more than max_pixels="
            f"{max_pixels}; raise that setting if the clip is to be trusted"
        )


def _turn(native: Any) -> tuple[int, bool]:
    """The clockwise turn in degrees, and whether left and right change places after it.

    From libav's display matrix (ISO/IEC 14496-12, 6.2.2): a row (x, y) of the stored picture is
    shown at (a x + c y, b x + d y).
    """
    data = side_data_of(native).get("DISPLAYMATRIX")
    if data is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].tolist()
    is_mirrored = a * d < b * c
    if is_mirrored:
        a = -a
    return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360, is_mirrored


def _describe_rest(container: Any, used: Any, first: Any, path: Path) -> Iterator[str]:
    """What the source holds beside its pictures, for the report."""
    for stream in container.streams:
        if stream.index != used.index:
            codec = stream.codec_context.name if stream.codec_context else "unknown"
            yield f"{_kind(stream)} stream {stream.index} ({codec})"
        for key in stream.metadata:
            yield f"metadata of stream {stream.index}: {key}"
    for key in container.metadata:
        yield f"metadata: {key}"
    if chapters := container.chapters():
        yield f"chapters ({len(chapters)})"
    yield from riders_of(first)
    if container.format.name.startswith("mov"):
        yield from _odd_boxes(path)


def _kind(stream: Any) -> str:
    if stream.disposition & av.stream.Disposition.attached_pic:
        return "cover picture"
    return str(stream.type)


def _odd_boxes(path: Path) -> Iterator[str]:
    """Boxes at the top of an MP4 file that hold something else, and bytes that are in no box."""
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        for atom in atoms(file):
            if atom.kind not in _PLAIN_BOXES:
                yield f"box {atom.kind!r} ({atom.end - atom.start} bytes)"
            at = atom.end
        file.seek(at)
        is_cut_box = file.read(8)[4:].decode("latin-1") in _PLAIN_BOXES
    if at < size and not is_cut_box:
        yield f"{size - at} bytes after the last box"
