"""A clock of what happens: frames count as farther apart where too much happens between them.

Looks at a clip are spaced in time, because little happens within a tenth of a second. In a time
lapse, in snapshots put together, and at few frames a second, people cross the picture from one
frame to the next, whatever the times of the frames say. Such a jump is told by what changed: as
much within one frame as otherwise within several. It is compared with the frames just before it, so
that it doesn't matter how large or fast people are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.motion.tuning import TUNING
from redact.resizing import size_within
from redact.views import View

# Times are compared with this tolerance, since they may be rounded.
_EARLY_SECONDS = 2e-3


class SceneClock:
    """Gives frames times that leave room for what happens between them.

    Call `tick` for every frame, in order.
    """

    def __init__(self) -> None:
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=TUNING.jump_kept_frames)
        self._kept_seconds = 0.0
        self._recent: deque[bool] = deque(maxlen=TUNING.jump_recent_frames)
        self._last_seconds: float | None = None
        self._added: list[tuple[int, float]] = []
        self.is_jump = False
        """Whether more happened before the last frame than its time says."""

    @property
    def jump_indices(self) -> tuple[int, ...]:
        """The frames before which time was added."""
        return tuple(index for index, _ in self._added)

    def tick(self, index: int, seconds: float, view: View) -> float:
        """The time of the next frame: its presentation time, and what was added so far.

        Args:
            index: its frame index.
            seconds: its presentation time.
            view: the frame.

        """
        changed_too_much = self._changes_too_much(view, seconds)
        self._recent.append(changed_too_much)
        self.is_jump = changed_too_much or sum(self._recent) >= TUNING.jump_min_recent
        if self.is_jump and self._last_seconds is not None:
            missing = TUNING.jump_seconds - (seconds - self._last_seconds)
            if missing > 0:
                self._added.append((index, self._total + missing))
        self._last_seconds = seconds
        return seconds + self._total

    def seconds(self, seconds: NDArray[np.float64], first_index: int = 0) -> NDArray[np.float64]:
        """The times of frames from `first_index` on, given their presentation times, both (N,)."""
        if not self._added:
            return seconds
        starts = [index for index, _ in self._added]
        totals = np.array([0.0, *(total for _, total in self._added)])
        indices = np.arange(first_index, first_index + len(seconds))
        added: NDArray[np.float64] = totals[np.searchsorted(starts, indices, side="right")]
        return seconds + added

    def forget(self, before_index: int) -> None:
        """Drop what only frames before that one need."""
        later = [number for number, (index, _) in enumerate(self._added) if index > before_index]
        first = later[0] if later else len(self._added)
        self._added = self._added[max(0, first - 1) :]

    @property
    def _total(self) -> float:
        return self._added[-1][1] if self._added else 0.0

    def _changes_too_much(self, view: View, seconds: float) -> bool:
        """Whether a frame differs from the last kept one as much as from earlier ones."""
        small = view.luma(size_within(view.shape, TUNING.jump_long_side_pixels)).astype(np.float32)
        # Without coarse structure, so that a change of exposure is none.
        small -= cv2.GaussianBlur(small, (0, 0), TUNING.jump_blur_pixels)
        if self._kept and self._kept[-1].shape != small.shape:
            self._kept.clear()
        is_too_much = False
        if len(self._kept) > 1:
            changed = _changed_share(small, self._kept[-1])
            is_too_much = changed >= TUNING.jump_min_share and changed > (
                TUNING.jump_min_ratio * max(_changed_share(small, kept) for kept in self._kept)
            )
        elapsed = seconds - self._kept_seconds
        is_next = not 0 <= elapsed < TUNING.jump_kept_every_seconds - _EARLY_SECONDS
        if is_too_much or is_next or not self._kept:
            self._kept.append(small)
            self._kept_seconds = seconds
        return is_too_much


def scene_seconds(seconds: NDArray[np.float64], jump_indices: Sequence[int]) -> NDArray[np.float64]:
    """The times that a `SceneClock` gave all frames of a clip, (N,), from their presentation times.

    jump_indices: the frames before which it added time.
    """
    steps = np.diff(seconds, prepend=seconds[:1])
    jumps = np.asarray([index for index in jump_indices if index < len(steps)], dtype=np.intp)
    steps[jumps] = np.maximum(steps[jumps], TUNING.jump_seconds)
    return seconds[:1] + np.cumsum(steps)


def _changed_share(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.count_nonzero(cv2.absdiff(a, b) > TUNING.jump_steps)) / a.size
