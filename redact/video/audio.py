"""Audio, copied packet by packet in sync with the video."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from redact.errors import TargetError
from redact.settings import Settings
from redact.source_files import reason
from redact.types import ClipInfo
from redact.video.container import open_container, read_packets
from redact.video.timestamps import ClockShifts
from redact.video.tuning import TUNING


class AudioCopy:
    """Copies the packets of the first audio stream; does nothing if no audio is wanted.

    The same seconds are added to the times of audio as to those of video, see `MonotonicClock`.

    Args:
        output: the open PyAV container that the packets are written to.
        clip: its path is opened a second time, and its `clock_shifts` are applied.
        settings: `audio` is used.

    Raises:
        ClipError: the source can't be opened (when the block is entered).
        TargetError: the container can't hold audio of this codec (when the block is entered).

    """

    def __init__(self, output: Any, clip: ClipInfo, settings: Settings) -> None:
        self._output = output
        self._clip = clip
        self._is_wanted = settings.audio == "keep" and clip.has_audio
        self._packets: Iterator[Any] = iter(())
        self._waiting: Any = None
        self._stack = contextlib.ExitStack()
        self.start_seconds: Fraction | None = None
        """When audio starts, by the source's clock; None when there is nothing to copy."""

    def __enter__(self) -> AudioCopy:
        if self._is_wanted:
            with contextlib.ExitStack() as stack:
                container = stack.enter_context(open_container(self._clip.path))
                source = container.streams.audio[0]
                self._stream = _add_stream(self._output, source)
                self.start_seconds = Fraction((source.start_time or 0) * source.time_base)
                packets = read_packets(container, source)
                self._packets = _with_ascending_times(packets, self._clip)
                self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def copy_until(self, seconds: float, shift_seconds: Fraction) -> None:
        """Write the packets that are due up to this time.

        shift_seconds: added to the times of audio, as it is to those of video.
        """
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = None
            if packet is None:
                return
            if float(packet.dts * packet.time_base + shift_seconds) > seconds:
                self._waiting = packet
                return
            ticks = round(shift_seconds / packet.time_base)
            packet.dts += ticks
            packet.pts += ticks
            packet.stream = self._stream
            self._output.mux(packet)

    def copy_rest(self, shift_seconds: Fraction) -> None:
        """Write all packets that are left."""
        self.copy_until(float("inf"), shift_seconds)


def strip_vorbis_comments(headers: bytes) -> bytes:
    """Vorbis headers with an empty comment header, which may hold a title, a place or a device.

    headers: the three packets of the Vorbis I specification, section 4.2, as libav keeps them, with
    Xiph lacing as in Matroska: their number less one, the sizes of the first two, then the packets.

    Raises:
        ValueError: the bytes are something else.

    """
    if headers[:1] != b"\2" or headers.count(b"vorbis") < 3:
        raise ValueError("the Vorbis headers are not three laced packets")
    sizes, at = [], 1
    for _ in range(2):
        size = 0
        while headers[at] == 255:
            size, at = size + 255, at + 1
        sizes.append(size + headers[at])
        at += 1
    identification, setup = headers[at : at + sizes[0]], headers[at + sum(sizes) :]
    # Packet type 3, an empty vendor string, no comments, and the framing bit.
    comments = b"\3vorbis" + bytes(8) + b"\1"
    lacing = b"".join(
        b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
        for packet in (identification, comments)
    )
    return b"\2" + lacing + identification + comments + setup


def _add_stream(output: Any, source: Any) -> Any:
    """A stream of the output for packets of the source's stream, without its comments."""
    if source.codec_context is None:
        raise TargetError(
            "the codec of the clip's audio is unknown, so it can't be copied; leave the audio out "
            'with audio="drop"'
        )
    codec = source.codec_context.name
    try:
        stream = output.add_stream_from_template(source)
        if codec == "vorbis":
            context = stream.codec_context
            context.extradata = strip_vorbis_comments(context.extradata or b"")
    except (av.FFmpegError, ValueError, IndexError) as err:
        raise TargetError(
            f"this container can't hold {codec} audio: {reason(err)}; "
            'write to a .mkv file, or leave the audio out with audio="drop"'
        ) from err
    return stream


def _with_ascending_times(packets: Iterator[Any], clip: ClipInfo) -> Iterator[Any]:
    """The packets, each with a decoding and presentation time after that of the last one."""
    shifts, last = ClockShifts(clip.clock_shifts), None
    for packet in packets:
        # Containers round times to a millisecond, or to the length of an audio sample.
        min_step = math.ceil(TUNING.min_audio_step_seconds / packet.time_base)
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            dts = 0 if last is None else last + (packet.duration or min_step)
        else:
            dts += round(shifts.shift_at(dts * packet.time_base) / packet.time_base)
        if last is not None and dts < last + min_step:
            dts = last + min_step
        packet.dts = packet.pts = last = dts
        yield packet
