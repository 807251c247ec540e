"""Clips out: encoded pictures and copied sound, and nothing else."""

from __future__ import annotations

import contextlib
import os
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
from redact.video.audio import SoundCopy
from redact.video.encoder import (
    CONTAINERS,
    MAX_TICKS_PER_SECOND,
    EncodedClip,
    codec_for,
    encoder_rate,
    set_up,
)

# SEI units: all that x264 has to say about itself, and captions; none is needed to decode.
_STRIP_SEI = "filter_units=remove_types=6"
# The longest frame of an MP4 file has at most so many ticks.
_MAX_TICKS_PER_FRAME = 2**31 - 1
_LONG_CLOCKS = (90_000, 1000)
# A clip that begins later than this, seconds, is moved to begin at zero.
_LATEST_START = 10


def check_suffix(target: Path) -> None:
    """Refuse a name that tells no container.

    Raises:
        TargetError: the suffix isn't one of those we write.

    """
    codec_for(target)


def check_fits(target: Path, clip: ClipInfo, settings: Settings) -> None:
    """Refuse a container that can't hold the clip's sound or the shape of its pixels.

    Raises:
        TargetError: the suffix's container can't hold them.

    """
    check_suffix(target)
    name = CONTAINERS[target.suffix.lower()]
    if name == "webm" and clip.sample_aspect_ratio != 1:
        raise TargetError(
            f"can't write {target.name!r}: the pixels of the clip are not square (they are "
            f"{clip.sample_aspect_ratio} as wide as high), which a .webm file can't tell here; "
            "write to a .mp4, .mov or .mkv file"
        )
    with av.open(os.devnull, "w", format=name) as output, SoundCopy(output, clip, settings):
        pass


def write_clip(target: Path, encoded: EncodedClip, clip: ClipInfo, settings: Settings) -> None:
    """Write a file that keeps the clip's times, turn and colours.

    Nothing is written but pictures and, with `Settings.audio` "keep", the first sound stream's
    packets as they are. A clip that begins before zero, or long after, begins at zero.

    Args:
        target: replaced if it is there.
        encoded: as many pictures as the clip has.
        clip: its times must be known.
        settings: those that the pictures were encoded with.

    Raises:
        TargetError: the file can't be written, or the container can't hold the sound.

    """
    check_fits(target, clip, settings)
    if len(encoded) != len(clip.pts):
        raise ValueError(f"{len(encoded)} pictures were encoded, the clip has {len(clip.pts)}")
    try:
        _write(target, encoded, clip, settings)
        _check_whole(target, len(encoded))
    except (av.FFmpegError, OSError, ValueError) as err:
        raise TargetError(f"can't write {str(target)!r}: {reason(err)}") from err


def _write(target: Path, encoded: EncodedClip, clip: ClipInfo, settings: Settings) -> None:
    name = CONTAINERS[target.suffix.lower()]
    time_base = _output_time_base(name, clip)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_written(target, name, time_base))
        stream = _add_stream(output, target, clip, settings, time_base)
        sound = stack.enter_context(SoundCopy(output, clip, settings))
        output.start_encoding()
        if stream.codec_context.extradata != encoded.header:
            raise ValueError("the container would describe the pictures otherwise than the encoder")
        strip = BitStreamFilterContext("null" if name == "webm" else _STRIP_SEI, stream, stream)
        shift = _start_shift(int(clip.pts[0]) * clip.time_base, sound.start_seconds)
        for packet in _packets(encoded, _times(clip, shift, time_base), stream):
            for stripped in strip.filter(packet):
                stripped.stream = stream
                sound.copy_until(float((stripped.dts or 0) * time_base), shift)
                output.mux(stripped)
        sound.copy_rest(shift)


def _packets(encoded: EncodedClip, times: list[int], stream: Any) -> Iterator[Any]:
    """Every picture as a packet of the stream, shown at its time.

    Pictures are decoded in another order than shown, but in the same rhythm: the first one decoded
    gets the first of the times, and so on, all so much earlier that none is shown before.
    """
    numbers = encoded.numbers
    delay = max((at - number for at, number in enumerate(numbers)), default=0)
    early = times[min(delay, len(times) - 1)] - times[0]
    for at, picture in enumerate(encoded):
        packet: Any = av.Packet(picture.data)
        packet.time_base, packet.is_keyframe = stream.time_base, picture.is_key
        packet.pts = times[picture.number]
        packet.dts = times[at - delay] if at >= delay else times[at] - early
        if picture.number + 1 < len(times):
            packet.duration = times[picture.number + 1] - packet.pts
        packet.stream = stream
        yield packet


def _times(clip: ClipInfo, shift: Fraction, time_base: Fraction) -> list[int]:
    """When each frame is shown, in ticks of the output, each later than the last one."""
    times: list[int] = []
    for pts in clip.pts:
        now = round((int(pts) * clip.time_base + shift) / time_base)
        times.append(max(now, times[-1] + 1) if times else now)
    return times


def _check_whole(target: Path, wanted: int) -> None:
    """Count the pictures in the file: what is lost while it is closed raises nothing."""
    with av.open(f"file:{target.absolute()}") as written:
        packets = written.demux(written.streams.video[0])
        count = sum(packet.size > 0 and not packet.is_corrupt for packet in packets)
    if count != wanted:
        raise TargetError(f"{str(target)!r} holds {count} of {wanted} pictures; is the disk full?")


def _start_shift(first: Fraction, sound: Fraction | None) -> Fraction:
    """Seconds to add to all times, so that the clip begins at zero or not long after."""
    if first < 0:
        return -first
    earliest = first if sound is None else min(first, sound)
    return -earliest if earliest > _LATEST_START else Fraction(0)


def _output_time_base(container: str, clip: ClipInfo) -> Fraction:
    """The clip's own time base, or one that the container can hold and that its gaps fit in."""
    if container in ("matroska", "webm"):
        return Fraction(1, 1000)
    longest = max(np.diff(clip.pts).tolist(), default=0) * clip.time_base
    for rate in (clip.time_base.denominator, *_LONG_CLOCKS):
        if rate <= MAX_TICKS_PER_SECOND and longest * rate < _MAX_TICKS_PER_FRAME:
            return Fraction(1, rate)
    return Fraction(1, _LONG_CLOCKS[-1])


@contextlib.contextmanager
def _written(target: Path, container_name: str, time_base: Fraction) -> Iterator[Any]:
    options = {"fflags": "+bitexact"}
    if container_name in ("mp4", "mov"):
        options["movflags"] = "+faststart"
        # Of itself the muxer would choose another, finer clock.
        options["video_track_timescale"] = str(time_base.denominator)
    container = av.open(f"file:{target.absolute()}", "w", format=container_name, options=options)
    with container:
        yield container


def _add_stream(
    output: Any, target: Path, clip: ClipInfo, settings: Settings, time_base: Fraction
) -> Any:
    """A stream with the header that the encoder gives; the encoder itself isn't used."""
    codec = codec_for(target)
    stream = output.add_stream(codec, rate=encoder_rate(clip))
    set_up(stream.codec_context, clip, settings, codec)
    stream.time_base = time_base
    if clip.rotation_degrees or clip.is_mirrored:
        stream.set_display_rotation(-clip.rotation_degrees, hflip=clip.is_mirrored)
    return stream
