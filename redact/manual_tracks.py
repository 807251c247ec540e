"""`follow`: a box that somebody drew on one frame becomes a track."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.errors import PlanError
from redact.job import Progress
from redact.pipeline import check_same_clip
from redact.plan import Plan
from redact.plan.areas import checked_box
from redact.plan.key_boxes import straightened
from redact.tracking.building import build_followed_track
from redact.tracking.following import Follower
from redact.types import Box, ClipInfo, Frame, Track
from redact.views import FrameView

# Frames can only be decoded forward. So many bytes of them are held to go back through.
_MAX_HELD_BYTES = 128 * 2**20
_MAX_HELD_FRAMES = 64


def follow(
    plan: Plan,
    box: Box | Sequence[float],
    *,
    at: float | None = None,
    frame: int | None = None,
    kind: str = "other",
    source: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Track:
    """Follow something from a box in one frame, back and forth, until it is lost.

    It is followed by what it looks like, so the box should hold little else. The track ends where
    that was not found for `Settings.max_gap_seconds`, and reaches `Settings.extend_seconds`
    farther. To cover it:

        plan = plan.cover(redact.follow(plan, (210, 80, 250, 130), at=2.5))

    Args:
        plan: of the clip.
        box: x0 y0 x1 y1 in pixels of the upright picture.
        at: when the box lies there, in seconds: in the frame that is shown then.
        frame: the index of that frame, instead.
        kind: of the track: "face" is covered by an ellipse, all others by rectangles.
        source: where the clip lies now, if not where it was analyzed.
        progress: called as progress("follow", done, total), in frames.

    Raises:
        PlanError: the box or the frame is not in the clip, what is in the box can't be followed,
            or the file is not the clip that was analyzed.
        ClipError: the clip can't be read.

    """
    if source is not None:
        plan = dataclasses.replace(plan, clip=dataclasses.replace(plan.clip, path=Path(source)))
    start = _frame_index(plan.clip, at, frame)
    drawn = np.array(checked_box(box, plan.clip))
    check_same_clip(plan)
    boxes = {start: drawn}
    if not plan.clip.is_still:
        following = _Following(plan, start, drawn, progress)
        boxes = following.backward() | boxes | following.forward()
    indices = sorted(boxes)
    track = build_followed_track(
        kind,
        indices,
        [boxes[index] for index in indices],
        start,
        plan.clip.seconds,
        plan.settings,
    )
    return straightened(track)


class _Following:
    """The boxes of what was drawn in one frame, in the frames before and after it."""

    def __init__(
        self, plan: Plan, start: int, box: NDArray[np.float64], progress: Progress | None
    ) -> None:
        self._clip, self._settings = plan.clip, plan.settings
        self._seconds = plan.clip.seconds
        self._start, self._box, self._progress = start, box, progress
        self._done = 0

    def forward(self) -> dict[int, NDArray[np.float64]]:
        """The (4,) boxes by frame index, from the frame after the drawn one on."""
        with contextlib.closing(self._read(self._start)) as frames:
            return self._follow(frames)

    def backward(self) -> dict[int, NDArray[np.float64]]:
        """The (4,) boxes by frame index, from the frame before the drawn one back."""
        frames = self._read_back(self._start)
        with contextlib.closing(frames):
            return self._follow(frames)

    def _follow(self, frames: Iterator[Frame]) -> dict[int, NDArray[np.float64]]:
        """Follow from the first of the frames, the drawn one, through the others."""
        try:
            follower = Follower(FrameView(next(frames), self._clip), self._box)
        except ValueError as err:
            shown = ", ".join(f"{value:g}" for value in self._box)
            raise PlanError(f"can't follow the box {shown}: {err}") from err
        found: dict[int, NDArray[np.float64]] = {}
        last_found = 0.0
        for frame in frames:
            elapsed = abs(float(self._seconds[frame.index] - self._seconds[self._start]))
            box = follower.step(FrameView(frame, self._clip), elapsed)
            if box is not None:
                found[frame.index], last_found = box, elapsed
            elif elapsed - last_found > self._settings.max_gap_seconds:
                break
            self._done += 1
            if self._progress is not None:
                self._progress("follow", self._done, len(self._seconds))
        return found

    def _read(self, first: int) -> Generator[Frame]:
        limits = {"threads": self._settings.threads, "max_pixels": self._settings.max_pixels}
        return video.read_from(self._clip, first, **limits)

    def _read_back(self, last: int) -> Generator[Frame]:
        """The frames from this index back to the first one; few are held at a time."""
        frame_bytes = self._clip.width * self._clip.height * 3 // 2
        count = min(_MAX_HELD_FRAMES, max(2, _MAX_HELD_BYTES // frame_bytes))
        for stop in range(last + 1, 0, -count):
            first = max(0, stop - count)
            with contextlib.closing(self._read(first)) as frames:
                held = list(itertools.islice(frames, stop - first))
            while held:
                yield held.pop()


def _frame_index(clip: ClipInfo, at: float | None, frame: int | None) -> int:
    """The index of the frame that is meant."""
    if (at is None) == (frame is None):
        raise PlanError("name the frame of the box either by its time or by its index")
    seconds = clip.seconds
    if frame is not None:
        if not 0 <= frame < len(seconds):
            raise PlanError(f"frame {frame} is not in the clip, which has 0 to {len(seconds) - 1}")
        return frame
    assert at is not None
    # The last frame is shown for as long as most others are.
    end = float(seconds[-1] + 1 / clip.frame_rate)
    if not 0 <= at < end:
        raise PlanError(f"{at:g} s is not in the clip, which ends at {end:.2f} s")
    return int(np.searchsorted(seconds, at, side="right")) - 1
