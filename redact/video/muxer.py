"""Writes encoded frames and audio into a container, and nothing else."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from redact.errors import TargetError
from redact.settings import Settings
from redact.source_files import reason
from redact.types import ClipInfo
from redact.video.audio import AudioWriter
from redact.video.codecs import (
    CONTAINERS,
    MAX_TICKS_PER_SECOND,
    check_suffix,
    encoder_rate,
    set_up,
)
from redact.video.encoder import EncodedClip
from redact.video.tuning import TUNING

# Removes SEI units: x264's description of itself, and captions. No decoder needs them.
_STRIP_SEI = "filter_units=remove_types=6"
# An MP4 file counts the ticks of a frame's duration in 31 bits.
_MAX_TICKS_PER_FRAME = 2**31 - 1
# Clocks for clips whose own clock doesn't fit: the usual one of MPEG, and milliseconds.
_SPARE_TICKS_PER_SECOND = (90_000, 1000)


def check_fits(target: Path, clip: ClipInfo, settings: Settings) -> tuple[str, ...]:
    """Refuse a container that can't hold the clip, and find out how it can hold the audio.

    Returns: in words, what will not be kept as it is, such as audio that is encoded again.

    Raises:
        ClipError: the clip's audio can't be read or decoded.
        TargetError: the container can't hold the clip, or the suffix stands for no container.

    """
    check_suffix(target)
    name = CONTAINERS[target.suffix.lower()]
    if name == "webm" and clip.sample_aspect_ratio != 1:
        raise TargetError(
            f"can't write {target.name!r}: the clip's pixels are not square (they are "
            f"{clip.sample_aspect_ratio} times as wide as high), which can't be stored in a .webm "
            "file here; write to a .mp4, .mov or .mkv file"
        )
    with (
        _translate_errors(target),
        av.open(io.BytesIO(), "w", format=name) as output,
        AudioWriter(output, clip, settings) as audio,
    ):
        if output.streams:
            output.start_encoding()
        return (audio.note,) if audio.note else ()


def write_clip(target: Path, encoded: EncodedClip, clip: ClipInfo, settings: Settings) -> None:
    """Write a file that keeps the clip's times, orientation and colours.

    Only the video is written and, with `Settings.audio` "keep", the first audio stream: its
    unchanged packets where the container can hold them. A clip that starts before zero, or long
    after it, is moved to start at zero.

    Args:
        target: the file; it is overwritten if it exists.
        encoded: has as many frames as the clip.
        clip: its times must be known.
        settings: those with which the frames were encoded.

    Raises:
        ClipError: the clip's audio can't be read.
        TargetError: the file can't be written, or the container can't hold the clip.

    """
    check_fits(target, clip, settings)
    if len(encoded) != len(clip.pts):
        raise ValueError(f"{len(encoded)} frames were encoded, but the clip has {len(clip.pts)}")
    with _translate_errors(target):
        _write(target, encoded, clip, settings)
        _check_complete(target, len(encoded))


@contextlib.contextmanager
def _translate_errors(target: Path) -> Iterator[None]:
    """Raise errors of libav and of the file system in the block as `TargetError`."""
    try:
        yield
    except (av.FFmpegError, OSError, ValueError) as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err


def _write(target: Path, encoded: EncodedClip, clip: ClipInfo, settings: Settings) -> None:
    name = CONTAINERS[target.suffix.lower()]
    time_base = _output_time_base(name, clip)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_open_output(target, name, time_base))
        stream = _add_stream(output, encoded.codec, clip, settings, time_base)
        audio = stack.enter_context(AudioWriter(output, clip, settings))
        output.start_encoding()
        if stream.codec_context.extradata != encoded.header:
            raise ValueError("the container would describe the frames differently from the encoder")
        strip = BitStreamFilterContext("null" if name == "webm" else _STRIP_SEI, stream, stream)
        shift = _start_shift(int(clip.pts[0]) * clip.time_base, audio.start_seconds)
        for packet in _packets(encoded, _output_times(clip, shift, time_base), stream):
            for stripped in strip.filter(packet):
                stripped.stream = stream
                audio.write_until(float((stripped.dts or 0) * time_base), shift)
                output.mux(stripped)
        audio.write_rest(shift)


def _packets(encoded: EncodedClip, times: list[int], stream: Any) -> Iterator[Any]:
    """Every frame as a packet of the stream, with the times at which it is decoded and shown.

    Frames are decoded in another order than they are shown in, but in the same rhythm: the frame
    that is decoded first gets the first of the times, and so on. All decoding times are then made
    earlier by the same delay, so that no frame is shown before it is decoded.
    """
    indices = encoded.indices
    delay = max((at - index for at, index in enumerate(indices)), default=0)
    lead = times[min(delay, len(times) - 1)] - times[0]
    for at, frame in enumerate(encoded):
        packet: Any = av.Packet(frame.data)
        packet.time_base, packet.is_keyframe = stream.time_base, frame.is_key
        packet.pts = times[frame.index]
        packet.dts = times[at - delay] if at >= delay else times[at] - lead
        if frame.index + 1 < len(times):
            packet.duration = times[frame.index + 1] - packet.pts
        packet.stream = stream
        yield packet


def _output_times(clip: ClipInfo, shift: Fraction, time_base: Fraction) -> list[int]:
    """When each frame is shown, in ticks of the output, strictly ascending."""
    times: list[int] = []
    for pts in clip.pts:
        now = round((int(pts) * clip.time_base + shift) / time_base)
        times.append(max(now, times[-1] + 1) if times else now)
    return times


def _check_complete(target: Path, expected: int) -> None:
    """Count the frames in the file, because libav reports no error for data lost on closing it."""
    with av.open(f"file:{target.absolute()}") as written:
        packets = written.demux(written.streams.video[0])
        count = sum(packet.size > 0 and not packet.is_corrupt for packet in packets)
    if count != expected:
        raise TargetError(f"{str(target)!r} holds {count} of {expected} frames; is the disk full?")


def _start_shift(first: Fraction, audio_start: Fraction | None) -> Fraction:
    """Seconds to add to all times, so that the clip starts at zero or not long after."""
    if first < 0:
        return -first
    earliest = first if audio_start is None else min(first, audio_start)
    return -earliest if earliest > TUNING.max_start_seconds else Fraction(0)


def _output_time_base(container: str, clip: ClipInfo) -> Fraction:
    """The clip's own time base, or one that fits the container and the longest gap."""
    if container in ("matroska", "webm"):
        return Fraction(1, 1000)
    longest = max(np.diff(clip.pts).tolist(), default=0) * clip.time_base
    for rate in (clip.time_base.denominator, *_SPARE_TICKS_PER_SECOND):
        if rate <= MAX_TICKS_PER_SECOND and longest * rate < _MAX_TICKS_PER_FRAME:
            return Fraction(1, rate)
    return Fraction(1, _SPARE_TICKS_PER_SECOND[-1])


@contextlib.contextmanager
def _open_output(target: Path, container_name: str, time_base: Fraction) -> Iterator[Any]:
    if "\0" in str(target):
        raise ValueError("embedded null byte")  # libav would end the name there
    options = {"fflags": "+bitexact"}
    if container_name in ("mp4", "mov"):
        options["movflags"] = "+faststart"
        # The muxer would choose another, finer clock by default.
        options["video_track_timescale"] = str(time_base.denominator)
    container = av.open(f"file:{target.absolute()}", "w", format=container_name, options=options)
    with container:
        yield container


def _add_stream(
    output: Any, codec: str, clip: ClipInfo, settings: Settings, time_base: Fraction
) -> Any:
    """A stream whose header is that of the encoder; its own encoder is never used."""
    stream = output.add_stream(codec, rate=encoder_rate(clip))
    set_up(stream.codec_context, clip, settings, codec)
    stream.time_base = time_base
    if clip.rotation_degrees or clip.is_mirrored:
        stream.set_display_rotation(-clip.rotation_degrees, hflip=clip.is_mirrored)
    return stream
