"""Decoding: every frame of a clip in order, with what could not be decoded, or a few frames."""

from __future__ import annotations

import collections
import contextlib
import itertools
from collections.abc import Collection, Generator, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av

from redact.errors import ClipError
from redact.settings import Settings
from redact.types import ClipInfo, Frame, counted
from redact.video.container import main_video_stream, open_container, read_packets
from redact.video.damage import Damage, DamageTrace
from redact.video.pixels import as_frame
from redact.video.side_data import describe_side_data
from redact.video.timestamps import WRAPPING_CONTAINERS, MissingPts, MonotonicClock
from redact.video.tuning import TUNING


class FrameReader(Iterator[Frame]):
    """The frames of a clip in presentation order, their planes read-only.

    Use it as a context manager, or call `close`. The file is opened for the first frame. It is
    closed by `close`, after the last frame, when an error ends the reading, and when the reader is
    dropped.

    Of a trimmed clip (`ClipInfo.part`) only that part is returned, with indices and times that
    count from its first frame.

    A frame of another size than the clip's is scaled to fit, never stretched, and surrounded by
    black. Where frames are wider or higher than the clip, `findings` has the size into which all of
    them fit unscaled; read again with that size to get them so.

    Times strictly ascend, see `MonotonicClock`. What can't be decoded is left out and is described
    by `findings`. How much of a damaged clip several decoder threads recover is a matter of chance.
    So one thread decodes from the first sign of damage on, and decodes the whole of a clip that is
    known to be damaged: every reader of the clip gets the same frames.

    Args:
        clip: from `probe`; its frames need not have been counted yet.
        threads: decoder threads; 0 uses what the machine has.

    Raises:
        ClipError: the file can't be opened or read any more (when a frame is asked for).

    """

    def __init__(
        self, clip: ClipInfo, threads: int = 0, max_pixels: int = Settings.max_pixels
    ) -> None:
        # The generator must not refer to this object. Both would form a cycle, and the file of an
        # abandoned reader would stay open until the garbage collector runs.
        self._decoding = _Decoding(clip, threads, max_pixels)
        self._frames = self._decoding.frames()

    def __next__(self) -> Frame:
        return next(self._frames)

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; no frames come after this. It may be called more than once."""
        self._frames.close()

    @property
    def findings(self) -> dict[str, Any]:
        """Fields of `ClipInfo` that are known once all frames were read; see `with_pts`."""
        return self._decoding.findings()


def read_frames(
    clip: ClipInfo, *, threads: int = 0, max_pixels: int = Settings.max_pixels
) -> FrameReader:
    """Every frame of the clip in presentation order; see `FrameReader`."""
    return FrameReader(clip, threads, max_pixels)


def read_selected(
    clip: ClipInfo,
    indices: Collection[int],
    *,
    threads: int = 0,
    max_pixels: int = Settings.max_pixels,
) -> Generator[Frame]:
    """The frames with these indices, in presentation order.

    Frames that no other frame depends on are not decoded unless they are asked for. This is for
    undamaged clips in which each frame has a time of its own, such as `write_clip` makes; use
    `read_frames` for others. Close the generator (`contextlib.closing`) unless it is exhausted.

    Args:
        clip: which clip.
        indices: of the frames to return.
        threads: decoder threads; 0 uses what the machine has.
        max_pixels: as for `read_frames`.

    Raises:
        ClipError: the file can't be read, its frames don't have a time each, or one of those asked
            for can't be decoded.

    """
    wanted = frozenset(indices)
    if not wanted:
        return
    index_of = _index_by_pts(clip, max_pixels)
    left = len(wanted)
    with open_container(clip.path, max_pixels=max_pixels) as container:
        stream = main_video_stream(container, clip.path)
        stream.thread_type = "AUTO"
        context: Any = stream.codec_context
        context.thread_count = threads
        for packet in itertools.chain(read_packets(container, stream), (None,)):
            if packet is not None:
                is_wanted = index_of.get(packet.pts) in wanted
                context.skip_frame = "DEFAULT" if is_wanted else "NONREF"
            for native in context.decode(packet):
                index = index_of.get(native.pts)
                if index in wanted:
                    yield as_frame(native, index, native.pts, clip)
                    left -= 1
            if not left:
                return
    raise ClipError(
        f"{left} of {len(wanted)} frames that were asked for could not be decoded from "
        f"{str(clip.path)!r}: it is damaged, or was changed"
    )


def first_frame(container: Any, stream: Any) -> Any:
    """The first frame of the stream that can be decoded, a PyAV frame; None if there is none."""
    damage = Damage()
    for packet in itertools.chain(packets_of(container, stream, damage), (None,)):
        for native in _decode(stream, packet, damage):
            return native
    return None


class _TimedNative(NamedTuple):
    """A decoded PyAV frame, its time, and whether it may show broken blocks."""

    native: Any
    pts: int
    is_damaged: bool


class _DamagedError(Exception):
    """The clip is damaged, so that one thread must decode it."""


class _Decoding:
    """One reading of a clip: makes the generator of frames, and keeps what it finds out."""

    def __init__(self, clip: ClipInfo, threads: int, max_pixels: int) -> None:
        self._clip, self._threads = clip, threads
        self._max_pixels = max(max_pixels, clip.width * clip.height)
        self._damage = Damage()
        self._clock_shifts = [Fraction(0)]
        self._side_data: set[str] = set()
        self._sizes: collections.Counter[tuple[int, int]] = collections.Counter()
        self._frames_before_damage = 0
        self._damaged_frames: list[int] = []
        self._is_damaged = clip.is_damaged

    def findings(self) -> dict[str, Any]:
        clip = self._clip
        warnings = tuple(self._damage.in_words())
        width = max((width for width, _ in self._sizes), default=clip.width)
        height = max((height for _, height in self._sizes), default=clip.height)
        if len(self._sizes) > 1:
            first, *others = (f"{w}x{h}" for w, h in self._sizes)
            frames = counted(sum(list(self._sizes.values())[1:]), "frame")
            warnings += (
                f"{frames} with another size than the first one ({', '.join(others)} and not "
                f"{first}); fitted into {width}x{height}, with black around them",
            )
        if self._damaged_frames:
            frames = counted(len(self._damaged_frames), "frame")
            warnings += (f"{frames} may show broken blocks",)
        if resets := len(self._clock_shifts) - 1:
            warnings += (f"the clock jumps at {counted(resets, 'place')}; joined there",)
        added = (item for item in sorted(self._side_data) if item not in clip.dropped)
        return {
            "warnings": warnings,
            "is_damaged": self._is_damaged,
            "damaged_frames": tuple(self._damaged_frames),
            "width": width,
            "height": height,
            "clock_shifts": tuple(self._clock_shifts),
            "dropped": (*clip.dropped, *added),
        }

    def frames(self) -> Generator[Frame]:
        clip = self._clip
        with contextlib.closing(self._timed_natives()) as natives:
            first, stop = clip.part or (0, None)
            for number, (native, pts, is_damaged) in enumerate(natives):
                if number == stop:
                    return
                self._note_size(native)
                if number % TUNING.side_data_interval_frames == 0:
                    self._side_data.update(describe_side_data(native))
                if number < first:
                    continue
                index = number - first
                if is_damaged:
                    self._damaged_frames.append(index)
                if clip.part is not None:
                    pts = int(clip.pts[index])
                frame = as_frame(native, index, pts, clip)
                frame.is_damaged = is_damaged
                yield frame

    def _note_size(self, native: Any) -> None:
        """Count the frame's size, and refuse it if no frame of that size would be let in.

        Each picture may be small enough, and yet a wide one and a high one need a larger frame.
        """
        size = (native.width, native.height)
        self._sizes[size] += 1
        if self._sizes[size] == 1:
            findings = self.findings()
            if findings["width"] * findings["height"] > self._max_pixels:
                raise ClipError(
                    f"the size of the picture changes in {str(self._clip.path)!r}, and all sizes "
                    f"together need {findings['width']}x{findings['height']} pixels, more than "
                    f"max_pixels={self._max_pixels}; cut the clip there, or raise that setting"
                )

    def _timed_natives(self) -> Generator[_TimedNative]:
        """All frames; one thread decodes from the first damage on."""
        if self._threads != 1 and not self._is_damaged:
            try:
                with contextlib.closing(self._decode_all(self._threads, strict=True)) as natives:
                    yield from natives
                return
            except _DamagedError:
                self._is_damaged = True
        with contextlib.closing(self._decode_all(1, strict=False)) as natives:
            yield from itertools.islice(natives, self._frames_before_damage, None)

    def _decode_all(self, threads: int, *, strict: bool) -> Generator[_TimedNative]:
        """All frames from the start; `strict` raises at the first damage."""
        self._damage = damage = Damage()
        clip = self._clip
        # The limit also holds for frames in the middle that are larger than the first one.
        with open_container(clip.path, max_pixels=self._max_pixels) as container:
            stream = main_video_stream(container, clip.path)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = threads
            clock = MonotonicClock(clip, wraps=container.format.name in WRAPPING_CONTAINERS)
            self._clock_shifts = clock.shifts
            ticks = Fraction(stream.time_base) / clip.time_base
            missing_pts = MissingPts()
            trace = DamageTrace(damage)
            sent = returned = 0
            for packet in itertools.chain(packets_of(container, stream, damage), (None,)):
                natives = _decode(stream, packet, damage)
                if packet is not None:
                    sent += not packet.is_discard
                    damage.corrupt_packets += packet.is_corrupt
                    missing_pts.packet_sent(packet.dts)
                returned += len(natives)
                damage.corrupt_frames += sum(native.is_corrupt for native in natives)
                if strict and damage.affects_decoding:
                    raise _DamagedError
                trace.look(None if packet is None else packet.pts)
                while natives:
                    pts = missing_pts.frame_pts(natives[0].pts)
                    self._frames_before_damage += strict
                    now = clock.next_pts(None if pts is None else round(pts * ticks))
                    # Popped, so that the list doesn't keep a frame that the caller is done with.
                    native = natives.pop(0)
                    is_damaged = trace.reaches(native.pts, is_key=native.key_frame)
                    yield _TimedNative(native, now, is_damaged)
            # libav loses errors at the very end when several threads decode.
            if strict and (damage.affects_decoding or sent != returned):
                raise _DamagedError
            damage.packets_without_frame = sent - returned - damage.undecodable_packets
            self._is_damaged |= damage.affects_decoding


def packets_of(container: Any, stream: Any, damage: Damage) -> Iterator[Any]:
    """The stream's packets. Those of all streams are read, to see how far the file goes."""
    damage.promised_seconds = (container.duration or 0) / av.time_base
    start = (container.start_time or 0) / av.time_base
    for packet in read_packets(container, on_failure=damage.count_read_failure):
        # When a frame is shown tells where the file ends: with B-frames and few frames a second, it
        # is decoded seconds earlier.
        if (shown := packet.dts if packet.pts is None else packet.pts) is not None:
            end = float((shown + (packet.duration or 0)) * packet.time_base)
            damage.read_seconds = max(damage.read_seconds, end - start)
        if packet.stream_index == stream.index:
            yield packet


def _decode(stream: Any, packet: Any, damage: Damage) -> list[Any]:
    """The frames that a decoder returns for a packet; None as the packet returns what is left."""
    try:
        return list(stream.codec_context.decode(packet))
    except EOFError:
        return []
    except av.FFmpegError:
        damage.undecodable_packets += 1
        return []


def _index_by_pts(clip: ClipInfo, max_pixels: int) -> dict[int, int]:
    """The index of each frame by its time, without decoding."""
    with open_container(clip.path, max_pixels=max_pixels) as container:
        stream = main_video_stream(container, clip.path)
        times = [packet.pts for packet in read_packets(container, stream)]
    if None in times or len(set(times)) != len(times):
        raise ClipError(
            f"the frames of {str(clip.path)!r} don't have a time each, so they can't be selected "
            "by index; read the whole clip"
        )
    return {pts: index for index, pts in enumerate(sorted(times))}
