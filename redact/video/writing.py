"""Clips out: encoded pictures and copied sound, and nothing else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from redact.errors import TargetError
from redact.records import ClipInfo, Frame
from redact.settings import Settings
from redact.sources import reason
from redact.video.pictures import FULL_RANGE, LIMITED_RANGE
from redact.video.sound import SoundCopy

# target suffix: container
_WRITTEN = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
# SEI units: all that x264 has to say about itself, and captions; none is needed to decode.
_STRIP_SEI = "filter_units=remove_types=6"
# An MP4 clock ticks at most so often a second, and the longest frame has at most so many ticks.
_MOST_TICKS_A_SECOND, _MOST_TICKS_A_FRAME = 240_000, 2**31 - 1
_LONG_CLOCKS = (90_000, 1000)
# A clip that begins later than this, seconds, is moved to begin at zero.
_LATEST_START = 10
_SLOWEST_RATE, _FASTEST_RATE = Fraction(1), Fraction(1000)
# libvpx at 28 is about as sharp as x264 at 20.
_VP9_CRF_SHARE = 1.4
_INTERLACED_FLAGS = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me


def check_suffix(target: Path) -> None:
    """Refuse a name that tells no container.

    Raises:
        TargetError: the suffix isn't one of those we write.

    """
    if target.suffix.lower() not in _WRITTEN:
        raise TargetError(
            f"can't write {target.name!r}: its suffix must be one of {', '.join(_WRITTEN)}"
        )


def check_fits(target: Path, clip: ClipInfo, settings: Settings) -> None:
    """Refuse a container that can't hold the clip's sound or the shape of its pixels.

    Raises:
        TargetError: the suffix's container can't hold them.

    """
    check_suffix(target)
    name = _WRITTEN[target.suffix.lower()]
    if name == "webm" and clip.sample_aspect_ratio != 1:
        raise TargetError(
            f"can't write {target.name!r}: the pixels of the clip are not square (they are "
            f"{clip.sample_aspect_ratio} as wide as high), which a .webm file can't tell here; "
            "write to a .mp4, .mov or .mkv file"
        )
    with av.open(os.devnull, "w", format=name) as output, SoundCopy(output, clip, settings):
        pass


class ClipWriter:
    """Encodes frames into a file that keeps the clip's times, turn and colours.

    Use as a context manager: the file is whole once the block has ended without an error. The
    codec is H.264, in a .webm file VP9. An odd width or height is kept by storing H.264's chroma
    at full size, since at half size it has even sizes only. Nothing is written but pictures and,
    with `Settings.audio` "keep", the first sound stream's packets as they are. A clip that begins
    before zero, or long after, begins at zero.

    Raises:
        TargetError: the file can't be written, or the container can't hold the sound.

    """

    def __init__(self, target: Path, clip: ClipInfo, settings: Settings) -> None:
        check_fits(target, clip, settings)
        self._target, self._clip = target, clip
        self._container = _WRITTEN[target.suffix.lower()]
        self._time_base = _output_time_base(self._container, clip)
        self._last: int | None = None
        self._count = 0
        self._shift_seconds = Fraction(0)
        self._stack = contextlib.ExitStack()
        with self._stack, self._explained():
            self._output = self._stack.enter_context(
                _written(target, self._container, self._time_base)
            )
            add = _vp9_output if self._container == "webm" else _h264_output
            self._stream = add(self._output, clip, settings)
            _describe(self._stream, clip, settings, self._time_base)
            self._sound = self._stack.enter_context(SoundCopy(self._output, clip, settings))
            self._output.start_encoding()
            strip = "null" if self._container == "webm" else _STRIP_SEI
            self._strip = BitStreamFilterContext(strip, self._stream, self._stream)
            self._stack = self._stack.pop_all()

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # What lies there is thrown away, so how its closing goes doesn't matter.
            with contextlib.suppress(av.FFmpegError):
                self._stack.close()
            return
        with self._explained():
            with self._stack:
                self._mux(self._stream.encode(None))
                self._mux(None)
                self._sound.copy_rest(self._shift_seconds)
            self._check_whole()

    def write(self, frame: Frame) -> None:
        """Encode one frame; call in order of time."""
        native: Any = frame.native
        native.pts = self._time_of(frame)
        native.time_base = self._time_base
        native.pict_type = 0
        if native.format.name != self._stream.pix_fmt:
            both = self._clip.color_range or LIMITED_RANGE
            native = native.reformat(
                format=self._stream.pix_fmt, src_color_range=both, dst_color_range=both
            )
        with self._explained():
            self._mux(self._stream.encode(native))
        self._count += 1

    def _time_of(self, frame: Frame) -> int:
        """When the frame is shown, in ticks of the output; later than the last one."""
        seconds = frame.pts * self._clip.time_base
        if self._last is None:
            self._shift_seconds = _start_shift(seconds, self._sound.start_seconds)
        now = round((seconds + self._shift_seconds) / self._time_base)
        if self._last is not None:
            now = max(now, self._last + 1)
        self._last = now
        return now

    def _mux(self, packets: Sequence[av.Packet[Any]] | None) -> None:
        """Write packets, sound first where it is due; None ends the stream."""
        stripped = self._strip.filter(None) if packets is None else []
        for packet in packets or ():
            stripped += self._strip.filter(packet)
        for packet in stripped:
            packet.stream = self._stream
            if packet.dts is not None:
                due = float(packet.dts * packet.time_base)
                self._sound.copy_until(due, self._shift_seconds)
            self._output.mux(packet)

    def _check_whole(self) -> None:
        """Count the pictures in the file: what is lost while it is closed raises nothing."""
        with av.open(f"file:{self._target.absolute()}") as written:
            packets = written.demux(written.streams.video[0])
            count = sum(packet.size > 0 and not packet.is_corrupt for packet in packets)
        if count != self._count:
            raise TargetError(
                f"{str(self._target)!r} holds {count} of {self._count} pictures; is the disk full?"
            )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError, ValueError) as err:
            raise TargetError(f"can't write {str(self._target)!r}: {reason(err)}") from err


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
        if rate <= _MOST_TICKS_A_SECOND and longest * rate < _MOST_TICKS_A_FRAME:
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


def _h264_output(output: Any, clip: ClipInfo, settings: Settings) -> Any:
    options = {"crf": str(settings.crf), "preset": settings.preset, "a53cc": "0"}
    stream = output.add_stream("libx264", rate=_encoder_rate(clip), options=options)
    odd = clip.width % 2 or clip.height % 2
    full = clip.color_range == FULL_RANGE
    stream.pix_fmt = ("yuvj" if full else "yuv") + ("444p" if odd else "420p")
    # Half pictures are cropped in steps of four rows.
    if clip.is_interlaced and not odd and clip.height % 4 == 0:
        stream.codec_context.flags |= _INTERLACED_FLAGS
    return stream


def _vp9_output(output: Any, clip: ClipInfo, settings: Settings) -> Any:
    options = {
        "crf": str(min(63, round(settings.crf * _VP9_CRF_SHARE))),
        # "good" is seven times as slow for files a fifth smaller.
        "deadline": "realtime",
        "cpu-used": "6",
        "row-mt": "1",
    }
    stream = output.add_stream("libvpx-vp9", rate=_encoder_rate(clip), options=options)
    stream.pix_fmt = "yuv420p"
    return stream


def _encoder_rate(clip: ClipInfo) -> Fraction:
    """Frames a second as the encoder's rate control takes them; times don't depend on it."""
    rate = min(max(clip.frame_rate, _SLOWEST_RATE), _FASTEST_RATE)
    return rate.limit_denominator(1001)


def _describe(stream: Any, clip: ClipInfo, settings: Settings, time_base: Fraction) -> None:
    """Size, clock, shape, colours and turn of the pictures."""
    stream.width, stream.height = clip.width, clip.height
    stream.time_base = time_base
    context = stream.codec_context
    context.time_base = time_base
    context.thread_count = settings.threads
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.color_range = clip.color_range
    context.color_primaries = clip.color_primaries
    context.color_trc = clip.color_transfer
    context.colorspace = clip.color_matrix
    if clip.rotation_degrees or clip.is_mirrored:
        stream.set_display_rotation(-clip.rotation_degrees, hflip=clip.is_mirrored)
