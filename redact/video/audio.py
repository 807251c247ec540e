"""Sound, copied packet by packet in step with the pictures."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from redact.errors import TargetError
from redact.settings import Settings
from redact.types import ClipInfo
from redact.video.container import opened, packets_of
from redact.video.timestamps import Shifts

_MIN_STEP = Fraction(1, 1000)


class SoundCopy:
    """The first sound stream's packets, copied in step with the pictures; or nothing at all.

    Its times get the same seconds added as those of the pictures, see `Clock`.
    """

    def __init__(self, output: Any, clip: ClipInfo, settings: Settings) -> None:
        self._output = output
        self._clip = clip
        self._wanted = settings.audio == "keep" and clip.has_audio
        self._packets: Iterator[Any] = iter(())
        self._held: Any = None
        self._stack = contextlib.ExitStack()
        self.start_seconds: Fraction | None = None
        """When the sound begins, by the source's clock; None when there is none to copy."""

    def __enter__(self) -> SoundCopy:
        if self._wanted:
            container = self._stack.enter_context(opened(self._clip.path))
            source = container.streams.audio[0]
            try:
                self._stream = self._output.add_stream_from_template(source)
                if source.codec_context.name == "vorbis":
                    context = self._stream.codec_context
                    context.extradata = without_comments(context.extradata or b"")
            except ValueError as err:
                raise TargetError(
                    f"this container can't hold {source.codec_context.name} sound: {err}; "
                    'write to a .mkv file, or leave the sound out with audio="drop"'
                ) from err
            self.start_seconds = Fraction((source.start_time or 0) * source.time_base)
            self._packets = _timed(packets_of(container, source), self._clip)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def copy_until(self, seconds: float, shift_seconds: Fraction) -> None:
        """Write the packets that are due before that time.

        shift_seconds: added to the sound's times, so that they fit the pictures'.
        """
        while True:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                return
            if float(packet.dts * packet.time_base + shift_seconds) > seconds:
                self._held = packet
                return
            ticks = round(shift_seconds / packet.time_base)
            packet.dts += ticks
            packet.pts += ticks
            packet.stream = self._stream
            self._output.mux(packet)

    def copy_rest(self, shift_seconds: Fraction) -> None:
        """Write what is left."""
        self.copy_until(float("inf"), shift_seconds)


def without_comments(headers: bytes) -> bytes:
    """Vorbis headers with an empty comment header: it may hold a title, a place, a device.

    headers: as libav keeps them, the three packets of the Vorbis I specification, section 4.2,
    laced as in Matroska: their number less one, the sizes of the first two, then the packets.

    Raises:
        ValueError: they are something else.

    """
    if headers[:1] != b"\2" or headers.count(b"vorbis") < 3:
        raise ValueError("the headers of the Vorbis sound are not three laced packets")
    sizes, at = [], 1
    for _ in range(2):
        size = 0
        while headers[at] == 255:
            size, at = size + 255, at + 1
        sizes.append(size + headers[at])
        at += 1
    first, setup = headers[at : at + sizes[0]], headers[at + sum(sizes) :]
    # Kind 3, no vendor, no comments, framing bit.
    comments = b"\3vorbis" + bytes(8) + b"\1"
    lacing = b"".join(
        b"\xff" * (len(part) // 255) + bytes([len(part) % 255]) for part in (first, comments)
    )
    return b"\2" + lacing + first + comments + setup


def _timed(packets: Iterator[Any], clip: ClipInfo) -> Iterator[Any]:
    """The packets, each with a time that lies after the last one's."""
    shifts, last = Shifts(clip.clock_shifts), None
    for packet in packets:
        # Containers round times to a millisecond, or to the sound's own samples.
        step = math.ceil(_MIN_STEP / packet.time_base)
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            dts = 0 if last is None else last + (packet.duration or step)
        else:
            dts += round(shifts.at(dts * packet.time_base) / packet.time_base)
        if last is not None and dts < last + step:
            dts = last + step
        packet.dts = packet.pts = last = dts
        yield packet
