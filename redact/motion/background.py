"""The background model: what a fixed camera sees when nothing moves, learned while things do."""

from __future__ import annotations

import math
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.motion.tuning import TUNING

_Area = tuple[slice, slice]
_WHOLE_FRAME: _Area = (slice(None), slice(None))
_TWO_BY_TWO = np.ones((2, 2), dtype=np.uint8)

# If no more of the frame than this changed since the last one, the camera stands still: what else
# differs from the background is people, and where they stood when it was learned. By eye.
_STILL_MAX_CHANGED_RATIO = 0.25
# Fewer small pixels are not examined for ghosts. Chosen by eye.
_MIN_GHOST_PIXELS = 10
# The exposure between two frames may fall by this factor at most. Chosen by eye.
_MIN_GAIN = 0.6
# And rise by this factor. Chosen by eye.
_MAX_GAIN = 1.6
# Darker pixels count as this bright when the exposure is measured. Chosen by eye.
_GAIN_MIN_BRIGHTNESS = 8.0
# The exposure is measured at one in so many rows and columns, to save time. Chosen by eye.
_GAIN_SAMPLE_STEP = 4


class Background:
    """A running mean and mean deviation of each pixel, corrected for the exposure of each frame.

    Noise, leaves and rain raise the deviation where they are, and with it the difference that
    counts as moving.

    Args:
        frame: (H, W) float32 luma of the first frame; small, so that noise is averaged out.
        seconds: its presentation time.

    """

    def __init__(self, frame: NDArray[np.float32], seconds: float) -> None:
        self._mean = frame.copy()
        self._deviation = np.full_like(frame, TUNING.first_deviation_steps)
        # A pixel that differs from the mean by more than this moves.
        self._limit = _limit_of(self._deviation)
        self._recent = deque([(seconds, frame)])

    @property
    def last(self) -> NDArray[np.float32]:
        """(H, W) the frame that was learned last."""
        return self._recent[-1][1]

    @property
    def last_seconds(self) -> float:
        """Its presentation time."""
        return self._recent[-1][0]

    def moving(self, frame: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(H, W) which pixels of a frame differ from the background."""
        return self._differing(frame, self._mean)

    def without_ghosts(
        self, frame: NDArray[np.float32], moving: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(H, W) the moving pixels without ghosts, which become background.

        Somebody who stood still while the background was learned leaves a ghost when they walk
        away: the place differs from the background although nobody is there. A ghost has not
        changed recently, and the outline of the person is in the background but not in the frame.
        """
        if np.count_nonzero(moving) < _MIN_GHOST_PIXELS:
            return moving
        ghosts, area = moving.copy(), _area_around(moving)
        ghosts[area] &= ~self._changed_recently(frame, area)
        if np.count_nonzero(ghosts) < _MIN_GHOST_PIXELS:
            return moving
        gradient, background_gradient = _gradient(frame), _gradient(self._mean)
        joined = cv2.dilate(ghosts.astype(np.uint8), np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
            joined, 8, cv2.CV_32S, cv2.CCL_GRANA
        )
        moving = moving.copy()
        for label in range(1, count):
            x, y, w, h, _ = stats[label].tolist()
            area = slice(y, y + h), slice(x, x + w)
            inside = (labels[area] == label) & ghosts[area]
            outline = _outline(inside)
            strength = gradient[area][outline].mean()
            background_strength = background_gradient[area][outline].mean()
            if strength < TUNING.ghost_max_outline * background_strength:
                self._mean[area][inside] = frame[area][inside]
                moving[area] &= ~inside
        return moving

    def learn(
        self, frame: NDArray[np.float32], seconds: float, moving: NDArray[np.bool_] | None
    ) -> None:
        """Move the background towards a frame, more slowly where something moves.

        Args:
            frame: (H, W) float32 luma.
            seconds: its presentation time, not before the last one's.
            moving: (H, W) which pixels move. None if the whole background has changed, so that the
                new one is learned fast and everywhere.

        """
        elapsed = max(0.0, seconds - self.last_seconds)
        if moving is None:
            moving, elapsed = np.zeros_like(frame, dtype=np.bool_), TUNING.learn_seconds
        rate, moving_rate = (
            1 - math.exp(-elapsed / duration)
            for duration in (TUNING.learn_seconds, TUNING.learn_moving_seconds)
        )
        still = (~moving).view(np.uint8)
        step = np.minimum(cv2.absdiff(frame, self._mean), np.float32(TUNING.max_learned_steps))
        cv2.accumulateWeighted(frame, self._mean, rate, mask=still)
        cv2.accumulateWeighted(frame, self._mean, moving_rate, mask=moving.view(np.uint8))
        cv2.accumulateWeighted(step, self._deviation, rate, mask=still)
        self._limit = _limit_of(self._deviation)
        self._recent.append((seconds, frame))
        while len(self._recent) > 1 and self._recent[1][0] <= seconds - TUNING.recent_seconds:
            self._recent.popleft()

    def forget_ghosts(self, frame: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Take everything that did not change recently for background, if the camera stands still.

        This is for a frame that is full of people and of ghosts, which can't be told apart.

        Returns:
            (H, W) which pixels still move; None if more of the frame changed than people change.

        """
        if self._differing(frame, self.last).mean() > _STILL_MAX_CHANGED_RATIO:
            return None
        self._mean = np.where(self._changed_recently(frame), self._mean, frame)
        return self.moving(frame)

    def _changed_recently(
        self, frame: NDArray[np.float32], area: _Area = _WHOLE_FRAME
    ) -> NDArray[np.bool_]:
        """Which pixels of an area differ from any of the recent frames (every second of them)."""
        changed = self._differing(frame, self.last, area)
        for _, before in list(self._recent)[:-1:2]:
            changed |= self._differing(frame, before, area)
        return changed

    def _differing(
        self, frame: NDArray[np.float32], other: NDArray[np.float32], area: _Area = _WHOLE_FRAME
    ) -> NDArray[np.bool_]:
        """Which pixels of an area differ between two frames; along its edge one may be wrong."""
        # The exposure follows whoever steps into view. The median pixel shows by how much.
        difference = cv2.scaleAdd(other[area], -_gain(frame, other), frame[area])
        mask = (np.abs(difference) > self._limit[area]).view(np.uint8)
        # Single pixels are noise or rain.
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, _TWO_BY_TWO)).view(np.bool_)


def _limit_of(deviation: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) how much a pixel may differ from the background before it counts as moving."""
    limit: NDArray[np.float32] = deviation * np.float32(TUNING.min_difference_deviations)
    return np.maximum(limit, np.float32(TUNING.min_difference_steps), out=limit)


def _gain(frame: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """How many times as bright the median pixel of a frame is as in another one, within limits."""
    every = _GAIN_SAMPLE_STEP
    others = np.maximum(other[::every, ::every], np.float32(_GAIN_MIN_BRIGHTNESS))
    ratios = frame[::every, ::every] / others
    middle = ratios.size // 2
    median = float(np.partition(ratios, middle, axis=None)[middle])
    return min(max(median, _MIN_GAIN), _MAX_GAIN)


def _area_around(mask: NDArray[np.bool_]) -> _Area:
    """The smallest area that contains all of the mask, and two pixels more to each side."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - 2), int(rows[-1]) + 3),
        slice(max(0, int(columns[0]) - 2), int(columns[-1]) + 3),
    )


def _gradient(frame: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) the length of the gradient at each pixel."""
    x = cv2.Sobel(frame, cv2.CV_32F, 1, 0)
    y = cv2.Sobel(frame, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(x, y), dtype=np.float32)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels on both sides of the mask's edge."""
    edge = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(edge, dtype=np.bool_)
