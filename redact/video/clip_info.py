"""What is known of a clip before its frames are read."""

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
from redact.source_files import read_atoms
from redact.types import ClipInfo
from redact.video.container import BARE_STREAMS, main_video_stream, open_container
from redact.video.decoder import first_frame
from redact.video.hidden_data import find_seals
from redact.video.pixels import matrix_of, range_of
from redact.video.side_data import describe_side_data, side_data_of
from redact.video.timestamps import WRAPPING_CONTAINERS, fine_time_base

# Higher rates are those of clocks, and tell nothing of the frames: in the header of a bare stream,
# and where libav counts.
_MAX_STATED_RATE, _MAX_RATE = 240, 1000
# Top level atoms of an MP4 file that hold nothing but video, audio and their index.
_PLAIN_ATOMS = (
    *("ftyp", "styp", "moov", "moof", "mdat", "mfra", "sidx", "ssix", "prft"),
    *("free", "skip", "wide", "pnot"),
)


def probe(path: str | os.PathLike[str], *, max_pixels: int = Settings.max_pixels) -> ClipInfo:
    """What is known of a clip after its header and its first frame were read.

    `pts` and `sha256` stay empty: `with_pts` fills in the times once all frames were read, and
    `file_sha256` computes the hash.

    Raises:
        ClipError: there is no such file, it is not in a known container, it has no video that can
            be decoded, or its frames have more than `max_pixels` pixels.

    """
    path = Path(path)
    with open_container(path, max_pixels=max_pixels) as container:
        stream = main_video_stream(container, path)
        context = stream.codec_context
        _check_size(context.width, context.height, max_pixels, path)
        context.thread_count = 1  # It takes a moment, even where no more threads can be started.
        first = first_frame(container, stream)
        if first is None:
            # A decoder doesn't say whether a frame's size is the reason that it can't decode it.
            raise ClipError(
                f"{str(path)!r} has a video stream but no frame that can be decoded: its frames "
                f"are damaged, missing, or larger than max_pixels={max_pixels}"
            )
        _check_size(first.width, first.height, max_pixels, path)
        rotation_degrees, is_mirrored = _orientation(first)
        return ClipInfo(
            path=path,
            width=first.width,
            height=first.height,
            rotation_degrees=rotation_degrees,
            is_mirrored=is_mirrored,
            time_base=fine_time_base(Fraction(stream.time_base)),
            pts=np.zeros(0, dtype=np.int64),
            has_audio=bool(container.streams.audio),
            frame_rate=_frame_rate(container, stream),
            sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1),
            color_range=range_of(first, context.name),
            color_primaries=int(context.color_primaries),
            color_transfer=int(context.color_trc),
            color_matrix=matrix_of(first),
            frame_count_estimate=_estimate_frame_count(container, stream),
            is_interlaced=bool(first.interlaced_frame),
            dropped=tuple(_describe_dropped(container, stream, first, path)),
        )


def with_pts(
    clip: ClipInfo, pts: Sequence[int], findings: Mapping[str, Any] | None = None
) -> ClipInfo:
    """The clip with the times of its frames filled in, and with `FrameReader.findings`.

    Raises:
        ClipError: there are no times, because no frame could be decoded.

    """
    if not pts:
        raise ClipError(
            f"{str(clip.path)!r} has no frame that can be decoded: its frames are damaged or "
            "missing"
        )
    return dataclasses.replace(clip, pts=np.asarray(pts, dtype=np.int64), **(findings or {}))


def _check_size(width: int, height: int, max_pixels: int, path: Path) -> None:
    if width * height > max_pixels:
        raise ClipError(
            f"a frame of {str(path)!r} has {width}x{height} pixels, more than max_pixels="
            f"{max_pixels}; raise that setting if you trust the clip"
        )


def _frame_rate(container: Any, stream: Any) -> Fraction:
    """Frames per second.

    libav's average over a bare stream is 25 whatever the stream says, because its frames have no
    times; what its header says is known to the codec. Encoders that were given times instead of a
    rate state the rate of their clock there.
    """
    stated = stream.codec_context.framerate if container.format.name in BARE_STREAMS else None
    if stated and stated <= _MAX_STATED_RATE:
        return Fraction(stated)
    rates = (stream.average_rate, stream.guessed_rate)
    return next((Fraction(rate) for rate in rates if rate and rate <= _MAX_RATE), Fraction(25))


def _estimate_frame_count(container: Any, stream: Any) -> int | None:
    """The number of frames that the header states or that fit its duration; None when unknown.

    Containers whose clocks wrap have no header, and durations guessed from such clocks can be off
    by hours.
    """
    if stream.frames > 0:
        return int(stream.frames)
    rate = stream.average_rate or stream.guessed_rate
    if container.format.name in WRAPPING_CONTAINERS or not rate or (container.duration or 0) <= 0:
        return None
    return max(1, int(container.duration / av.time_base * float(rate) + 0.5))


def _orientation(native: Any) -> tuple[int, bool]:
    """`rotation_degrees` and `is_mirrored` of a `ClipInfo`, from the frame's display matrix.

    By ISO/IEC 14496-12, 6.2.2, a point (x, y) of the stored picture is shown at
    (a x + c y, b x + d y).
    """
    data = side_data_of(native).get("DISPLAYMATRIX")
    if data is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(bytes(data), dtype=np.int32)[:5].tolist()
    is_mirrored = a * d < b * c
    if is_mirrored:
        a = -a
    return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360, is_mirrored


def _describe_dropped(container: Any, used: Any, first: Any, path: Path) -> Iterator[str]:
    """What the source holds besides its main video stream, in words for the report."""
    for stream in container.streams:
        if stream.index != used.index:
            codec = stream.codec_context.name if stream.codec_context else "unknown"
            yield f"{_stream_type(stream)} stream {stream.index} ({codec})"
        for key in stream.metadata:
            yield f"metadata of stream {stream.index}: {key}"
    for key in container.metadata:
        yield f"metadata: {key}"
    if chapters := container.chapters():
        yield f"chapters ({len(chapters)})"
    yield from describe_side_data(first)
    seals = find_seals(path)
    for seal in seals:
        yield f"C2PA manifest ({seal.size} bytes)"
    if container.format.name.startswith("mov"):
        yield from _describe_odd_atoms(path, {seal.offset for seal in seals})


def _stream_type(stream: Any) -> str:
    if stream.disposition & av.stream.Disposition.attached_pic:
        return "cover image"
    return str(stream.type)


def _describe_odd_atoms(path: Path, known: set[int]) -> Iterator[str]:
    """Top level atoms of an MP4 file that hold something else, and bytes outside of any atom.

    known: where atoms begin that were described already.
    """
    at, size = 0, path.stat().st_size
    with path.open("rb") as file:
        for atom in read_atoms(file):
            if atom.kind not in _PLAIN_ATOMS and atom.start not in known:
                yield f"box {atom.kind!r} ({atom.end - atom.start} bytes)"
            at = atom.end
        file.seek(at)
        is_cut_off_atom = file.read(8)[4:].decode("latin-1") in _PLAIN_ATOMS
    if at < size and not is_cut_off_atom:
        yield f"{size - at} bytes after the last box"
