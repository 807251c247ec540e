"""Tells frames before which more happened than their times say.

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

# With fewer frames to compare with, each looks like a jump.
_MIN_KEPT = 3
# Times are compared with this tolerance, since they may be rounded.
_EARLY_SECONDS = 2e-3

# If less of the frame than this has changed, there is no jump.
_JUMP_MIN_SHARE = 0.003


class JumpDetector:
    """Tells jumps. Call `step` for every frame, in order."""

    def __init__(self) -> None:
        self._kept: deque[NDArray[np.float32]] = deque(maxlen=TUNING.jump_kept_frames)
        self._kept_seconds = 0.0
        self._recent: deque[bool] = deque(maxlen=TUNING.jump_recent_frames)

    def step(self, view: View, seconds: float) -> bool:
        """Whether the next frame belongs to a series of jumps.

        Args:
            view: the frame.
            seconds: its presentation time.

        """
        self._recent.append(self._changes_too_much(view, seconds))
        return sum(self._recent) >= TUNING.jump_min_recent

    def _changes_too_much(self, view: View, seconds: float) -> bool:
        """Whether a frame differs from the last kept one as much as from earlier ones."""
        small = _structure(view.luma(size_within(view.shape, TUNING.jump_long_side_pixels)))
        if self._kept and self._kept[-1].shape != small.shape:
            self._kept.clear()
        is_too_much = False
        if len(self._kept) >= _MIN_KEPT:
            changed = _changed_share(small, self._kept[-1])
            is_too_much = changed >= _JUMP_MIN_SHARE and changed > (
                TUNING.jump_min_ratio * max(_changed_share(small, kept) for kept in self._kept)
            )
        elapsed = seconds - self._kept_seconds
        is_next = not 0 <= elapsed < TUNING.jump_kept_every_seconds - _EARLY_SECONDS
        if is_too_much or is_next or not self._kept:
            self._kept.append(small)
            self._kept_seconds = seconds
        return is_too_much


def scene_seconds(seconds: NDArray[np.float64], jump_indices: Sequence[int]) -> NDArray[np.float64]:
    """Times that leave room for what happens: before each jump, at least `TUNING.jump_seconds`.

    Args:
        seconds: (N,) presentation times of all frames of a clip.
        jump_indices: the frames that are jumps.

    """
    steps = np.diff(seconds, prepend=seconds[:1])
    jumps = np.asarray([index for index in jump_indices if index < len(steps)], dtype=np.intp)
    steps[jumps] = np.maximum(steps[jumps], TUNING.jump_seconds)
    return seconds[:1] + np.cumsum(steps)


def _structure(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A grey image without fine structure, which differs as soon as the camera moves at all, and
    without coarse structure, which differs when the exposure does.
    """
    fine, coarse = TUNING.jump_fine_pixels, TUNING.jump_coarse_pixels
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), fine)
    return np.asarray(smooth - cv2.GaussianBlur(smooth, (0, 0), coarse), dtype=np.float32)


def _changed_share(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.count_nonzero(cv2.absdiff(a, b) > TUNING.jump_steps)) / a.size
