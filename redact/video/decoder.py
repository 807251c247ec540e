"""Every picture of a clip that can be decoded, in order, and what couldn't be."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Generator, Iterator
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import SideDataContainer

from redact.settings import Settings
from redact.types import ClipInfo, Frame
from redact.video.container import opened, packets_of, video_stream
from redact.video.pixels import as_frame, has_alpha
from redact.video.timestamps import Clock, DecodingOrder

# A clip ends early when this much of what its header promises is missing.
_MISSING_SECONDS, _MISSING_SHARE = 0.5, 0.02
# Only in every so many pictures is it looked what rides along.
_RIDERS_EVERY = 100
_WRAPPING = ("mpegts", "mpeg")


class _DamagedError(Exception):
    """Something is wrong with the clip: decode it with one thread."""


@dataclasses.dataclass
class _Damage:
    """What was wrong with a clip."""

    lost_packets: int = 0
    read_failures: int = 0
    flagged_packets: int = 0
    corrupt_frames: int = 0
    silent_packets: int = 0
    promised_seconds: float = 0.0
    read_seconds: float = 0.0

    @property
    def is_decoding_affected(self) -> bool:
        """Whether what a decoder makes of the clip may depend on its threads."""
        return bool(
            self.lost_packets + self.read_failures + self.flagged_packets + self.corrupt_frames
        )

    @property
    def is_cut(self) -> bool:
        missing = self.promised_seconds - self.read_seconds
        return missing > _MISSING_SECONDS + _MISSING_SHARE * self.promised_seconds

    def count_failure(self) -> None:
        """The file could not be read on at one place."""
        self.read_failures += 1

    def in_words(self) -> Iterator[str]:
        if self.lost_packets:
            yield f"{_count(self.lost_packets, 'packet')} could not be decoded and left out"
        if self.silent_packets > 0:
            yield f"{_count(self.silent_packets, 'packet')} gave no picture"
        if self.flagged_packets:
            yield f"{_count(self.flagged_packets, 'packet')} incomplete, as the container says"
        if self.read_failures:
            yield f"{_count(self.read_failures, 'place')} of the file could not be read"
        if self.corrupt_frames:
            yield f"{_count(self.corrupt_frames, 'picture')} decoded with errors in them"
        if self.is_cut:
            yield (
                f"the file ends at {self.read_seconds:.1f} s of the {self.promised_seconds:.1f} s "
                "that its header promises"
            )


class FrameReader(Iterator[Frame]):
    """Every frame in presentation order, its planes read-only. Call `close` to close the file.

    Times are strictly ascending, see `Clock`. What can't be decoded is left out and told by
    `findings`. How much of a damaged clip several threads decode is a matter of chance, so from
    the first sign of damage on one thread does it, and the whole of a clip that is known to be
    damaged: all who read a clip get the same pictures.
    """

    def __init__(self, clip: ClipInfo, threads: int = 0) -> None:
        self._clip, self._threads = clip, threads
        self._damage = _Damage()
        self._shifts = [Fraction(0)]
        self._seen: set[str] = set()
        self._resized = self._given = 0
        self._is_damaged = clip.is_damaged
        self._frames = self._read()

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """Close the file; there are no frames after this."""
        self._frames.close()

    @property
    def findings(self) -> dict[str, Any]:
        """Fields of `ClipInfo` that are known once all frames have been read."""
        clip = self._clip
        warnings = tuple(self._damage.in_words())
        if self._resized:
            words = _count(self._resized, "picture")
            warnings += (f"{words} of another size than the first one, scaled to it",)
        if resets := len(self._shifts) - 1:
            warnings += (f"the clock jumps at {_count(resets, 'place')}; joined there",)
        added = (item for item in sorted(self._seen) if item not in clip.dropped)
        return {
            "warnings": warnings,
            "is_damaged": self._is_damaged,
            "clock_shifts": tuple(self._shifts),
            "dropped": (*clip.dropped, *added),
        }

    def _read(self) -> Generator[Frame]:
        clip = self._clip
        with contextlib.closing(self._pictures()) as pictures:
            for index, (native, pts) in enumerate(pictures):
                self._resized += (native.width, native.height) != (clip.width, clip.height)
                if index % _RIDERS_EVERY == 0:
                    self._seen.update(riders_of(native))
                yield as_frame(native, index, pts, clip)

    def _pictures(self) -> Generator[tuple[Any, int]]:
        """Decoded pictures with their times; with one thread from the first damage on."""
        if self._threads != 1 and not self._is_damaged:
            try:
                with contextlib.closing(self._decode(self._threads, strict=True)) as pictures:
                    yield from pictures
                return
            except _DamagedError:
                self._is_damaged = True
        with contextlib.closing(self._decode(1, strict=False)) as pictures:
            yield from itertools.islice(pictures, self._given, None)

    def _decode(self, threads: int, *, strict: bool) -> Generator[tuple[Any, int]]:
        """Pictures and times from the beginning; `strict` raises at the first damage."""
        self._damage = damage = _Damage()
        clip = self._clip
        # Half way, too, no picture may be much larger than the largest.
        max_pixels = max(Settings.max_pixels, clip.width * clip.height)
        with opened(clip.path, max_pixels=max_pixels) as container:
            stream = video_stream(container, clip.path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            clock = Clock(clip, wraps=container.format.name in _WRAPPING)
            self._shifts = clock.shifts
            ticks = Fraction(stream.time_base) / clip.time_base
            order = DecodingOrder()
            sent = got = 0
            for packet in itertools.chain(_packets(container, stream, damage), (None,)):
                natives = _natives(stream, packet, damage)
                if packet is not None:
                    sent += not packet.is_discard
                    damage.flagged_packets += packet.is_corrupt
                    order.sent(packet.dts)
                got += len(natives)
                damage.corrupt_frames += sum(native.is_corrupt for native in natives)
                if strict and damage.is_decoding_affected:
                    raise _DamagedError
                while natives:
                    pts = order.shown(natives[0].pts)
                    self._given += strict
                    yield natives.pop(0), clock.at(None if pts is None else round(pts * ticks))
            # Errors at the very end of decoding with threads get lost.
            if strict and (damage.is_decoding_affected or sent != got):
                raise _DamagedError
            damage.silent_packets = sent - got - damage.lost_packets
            self._is_damaged |= damage.is_decoding_affected


def read_frames(clip: ClipInfo, *, threads: int = 0) -> FrameReader:
    """Every frame of the clip in presentation order, see `FrameReader`.

    threads: to decode with; 0 takes what the machine has.

    Raises:
        ClipError: the file can't be opened any more.

    """
    return FrameReader(clip, threads)


def first_picture(container: Any, stream: Any) -> Any:
    """The first picture that can be decoded, or None."""
    damage = _Damage()
    for packet in itertools.chain(_packets(container, stream, damage), (None,)):
        for native in _natives(stream, packet, damage):
            return native
    return None


def side_data_of(native: Any) -> Any:
    """As `native.side_data`, which its picture holds and which holds its picture.

    Such circles stay in memory, with 3 MB at 1080p, until Python looks for them.
    """
    container: Any = SideDataContainer
    return container(native)


def riders_of(native: Any) -> Iterator[str]:
    """What rides along with one picture and is left out: captions, time codes, transparency."""
    if has_alpha(native):
        yield "transparency"
    for data in side_data_of(native):
        name = data.type.name
        if name in _RIDERS:
            yield f"in the pictures: {_RIDERS[name]}"


_RIDERS = {
    "A53_CC": "captions",
    "SEI_UNREGISTERED": "user data",
    "S12M_TIMECODE": "time codes",
    "GOP_TIMECODE": "time codes",
    "ICC_PROFILE": "a colour profile",
    "MASTERING_DISPLAY_METADATA": "mastering display metadata",
    "CONTENT_LIGHT_LEVEL": "light levels",
    "DYNAMIC_HDR_PLUS": "dynamic HDR metadata",
    "DYNAMIC_HDR_VIVID": "dynamic HDR metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
    "SPHERICAL": "a spherical mapping",
    "STEREO3D": "a stereo layout",
    "DETECTION_BBOXES": "boxes of a detector",
}


def _packets(container: Any, stream: Any, damage: _Damage) -> Iterator[Any]:
    """The stream's packets; those of all streams tell how far the file goes."""
    damage.promised_seconds = (container.duration or 0) / av.time_base
    start = (container.start_time or 0) / av.time_base
    for packet in packets_of(container, on_failure=damage.count_failure):
        if packet.dts is not None:
            end = float((packet.dts + (packet.duration or 0)) * packet.time_base)
            damage.read_seconds = max(damage.read_seconds, end - start)
        if packet.stream_index == stream.index:
            yield packet


def _natives(stream: Any, packet: Any, damage: _Damage) -> list[Any]:
    """The pictures that come out when a packet goes in; None takes out those that are left."""
    try:
        return list(stream.codec_context.decode(packet))
    except EOFError:
        return []
    except av.FFmpegError:
        damage.lost_packets += 1
        return []


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
