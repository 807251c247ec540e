"""Reading a clip from somewhere in the middle, with the same frame indices as from its start."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator
from fractions import Fraction
from typing import Any

import av

from redact.errors import ClipError
from redact.settings import Settings
from redact.types import ClipInfo, Frame
from redact.video.container import main_video_stream, open_container, read_packets
from redact.video.damage import Damage
from redact.video.decoder import packets_of, read_frames
from redact.video.pixels import as_frame
from redact.video.side_data import describe_side_data
from redact.video.timestamps import WRAPPING_CONTAINERS, MonotonicClock
from redact.video.tuning import TUNING


def read_from(
    clip: ClipInfo,
    first_index: int,
    *,
    threads: int = 0,
    max_pixels: int = Settings.max_pixels,
) -> Generator[Frame]:
    """The frames of a clip from this index on, as `read_frames` gives them.

    Decoding starts at the key frame before it. Wherever the frames that come then are not certainly
    the ones that are asked for, such as in a damaged clip or one whose clock restarts, the clip is
    read from its start. Close the generator (`contextlib.closing`) unless it is exhausted.

    Args:
        clip: with the times of all its frames.
        first_index: of the first frame to return.
        threads: decoder threads; 0 uses what the machine has.
        max_pixels: as for `read_frames`.

    Raises:
        ClipError: the file can't be opened or read any more.

    """
    index = first_index
    if _can_seek(clip, first_index):
        with (
            contextlib.suppress(ClipError),
            contextlib.closing(_from_key_frame(clip, first_index, threads, max_pixels)) as frames,
        ):
            for frame in frames:
                yield frame
                index = frame.index + 1
    if index < len(clip.pts):
        with contextlib.closing(
            read_frames(clip, threads=threads, max_pixels=max_pixels)
        ) as frames:
            yield from itertools.islice(frames, index, None)


def frame_times(clip: ClipInfo, *, max_pixels: int = Settings.max_pixels) -> tuple[int, ...] | None:
    """The times of all frames, as decoding them would give them, told from their packets alone.

    None where they can't be told for certain: in a clip that is damaged or cut off, in which frames
    lack a time, or whose clock restarts.

    Args:
        clip: from `probe`; its frames need not have been counted yet.
        max_pixels: as for `read_frames`.

    Raises:
        ClipError: the file can't be opened.

    """
    damage = Damage()
    times = []
    with open_container(clip.path, max_pixels=max_pixels) as container:
        stream = main_video_stream(container, clip.path)
        ticks = Fraction(stream.time_base) / clip.time_base
        clock = MonotonicClock(clip, wraps=container.format.name in WRAPPING_CONTAINERS)
        for packet in packets_of(container, stream, damage):
            if packet.pts is None or packet.is_corrupt:
                return None
            if not packet.is_discard:
                times.append(packet.pts)
    if damage.affects_decoding or damage.is_cut_off or len(set(times)) != len(times):
        return None
    times = [clock.next_pts(round(pts * ticks)) for pts in sorted(times)]
    return tuple(times) if times and len(clock.shifts) == 1 else None


def read_part(
    clip: ClipInfo,
    first_index: int,
    stop_index: int,
    side_data: set[str],
    *,
    threads: int = 0,
    max_pixels: int = Settings.max_pixels,
) -> Generator[Frame]:
    """The frames from one index up to another, decoded from the key frame before them.

    Close the generator (`contextlib.closing`) unless it is exhausted.

    Args:
        clip: with the times of all its frames, from `frame_times`.
        first_index: of the first frame to return.
        stop_index: of the frame after the last one.
        side_data: gets, in words, what comes with the frames and is left out of results.
        threads: decoder threads; 0 uses what the machine has.
        max_pixels: as for `read_frames`.

    Raises:
        ClipError: the file can't be read, or its frames are not certainly those that decoding all
            of it gives: then read the whole clip.

    """
    index = first_index
    frames = _from_key_frame(clip, first_index, threads, max_pixels, side_data)
    with contextlib.closing(frames):
        for frame in itertools.islice(frames, stop_index - first_index):
            yield frame
            index = frame.index + 1
    if index < stop_index:
        raise ClipError(
            f"frame {index} of {str(clip.path)!r} can't be decoded from the key frame before it; "
            "read the whole clip"
        )


def _can_seek(clip: ClipInfo, index: int) -> bool:
    """Whether seeking is worth it, and the times in the file lead to the frames."""
    return 0 < index < len(clip.pts) and not clip.is_damaged and len(clip.clock_shifts) <= 1


def _from_key_frame(
    clip: ClipInfo,
    first_index: int,
    threads: int,
    max_pixels: int,
    side_data: set[str] | None = None,
) -> Generator[Frame]:
    """The frames from this index on, decoded from the key frame before it; ends at any doubt.

    side_data: as for `read_part`. Without it, frames of other sizes than the clip's are no doubt.
    """
    index_of = {pts: index for index, pts in enumerate(clip.pts.tolist())}
    shift = round((clip.clock_shifts[0] if clip.clock_shifts else Fraction(0)) / clip.time_base)
    limit = max(max_pixels, clip.width * clip.height)
    with open_container(clip.path, max_pixels=limit) as container:
        stream = main_video_stream(container, clip.path)
        stream.thread_type = "AUTO"
        context: Any = stream.codec_context
        context.thread_count = threads
        ticks = Fraction(stream.time_base) / clip.time_base
        wanted = int((int(clip.pts[first_index]) - shift) / ticks)
        # Before any frame was decoded the decoder needs no flushing.
        container.seek(wanted, backward=True, stream=stream)
        has_key, next_index = False, first_index
        for packet in itertools.chain(read_packets(container, stream), (None,)):
            try:
                natives = context.decode(packet)
            except av.FFmpegError:
                return
            for native in natives:
                if native.pts is None or native.is_corrupt:
                    return
                index = index_of.get(round(native.pts * ticks) + shift)
                # Frames that are shown before the key frame may lack what they are decoded from.
                has_key |= bool(native.key_frame)
                if index is None or index > next_index or (index == next_index and not has_key):
                    return
                if index == next_index:
                    if side_data is not None:
                        if (native.width, native.height) != (clip.width, clip.height):
                            return
                        if index % TUNING.side_data_interval_frames == 0:
                            side_data.update(describe_side_data(native))
                    yield as_frame(native, index, int(clip.pts[index]), clip)
                    next_index += 1
