"""What a camera that stands still sees when nothing moves, learned while things do."""

from __future__ import annotations

import math
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

# A pixel moves when it is this many grey steps, and this many of its usual deviations, off.
_LEAST_STEPS, _DEVIATIONS = 7.0, 4.5
# Seconds in which the background takes over most of a change; slower where something moves.
_LEARN_SECONDS, _LEARN_MOVING_SECONDS = 4.0, 30.0
# Where no more than this differs from the picture before, the camera stands still: the rest of what
# differs from the background is people, and where they stood when it was learned.
_MOST_CHANGED = 0.25
# What has looked the same for so long is no part of somebody who walks.
_LATELY_SECONDS = 0.4


class Background:
    """A mean and a mean deviation for each pixel, after the exposure was evened out.

    Noise, leaves and rain raise the deviation where they are, and with it what counts as moving.

    Args:
        picture: (H, W) float32 luma, the first; small, so that noise is averaged out.
        seconds: its presentation time.

    """

    def __init__(self, picture: NDArray[np.float32], seconds: float) -> None:
        self._mean, self._deviation = picture.copy(), np.full_like(picture, 3.0)
        self._lately = deque([(seconds, picture)])

    @property
    def last(self) -> NDArray[np.float32]:
        """The picture that was learned last."""
        return self._lately[-1][1]

    @property
    def last_seconds(self) -> float:
        """When that was shown."""
        return self._lately[-1][0]

    def moving(self, picture: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(H, W) what differs from the background."""
        return self._differing(picture, self._mean)

    def learn(
        self, picture: NDArray[np.float32], seconds: float, moving: NDArray[np.bool_] | None
    ) -> None:
        """Take over some of the picture, less of what moves.

        moving: None where the old background lies elsewhere by now, so that the new one is learned
        fast, all of it.
        """
        elapsed = max(0.0, seconds - self.last_seconds)
        if moving is None:
            moving, elapsed = np.zeros_like(picture, dtype=np.bool_), _LEARN_SECONDS
        rates = [
            np.float32(1 - math.exp(-elapsed / duration))
            for duration in (_LEARN_SECONDS, _LEARN_MOVING_SECONDS)
        ]
        step = picture - self._mean
        rate = np.where(moving, rates[1], rates[0])
        self._mean += rate * step
        calm = np.minimum(np.abs(step), 12.0)
        self._deviation += rates[0] * np.where(moving, np.float32(0), calm - self._deviation)
        self._lately.append((seconds, picture))
        while len(self._lately) > 1 and self._lately[1][0] <= seconds - _LATELY_SECONDS:
            self._lately.popleft()

    def forget_ghosts(self, picture: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Take all that did not change lately for background, if the camera seems to stand still.

        Who stood somewhere while the background was learned leaves a ghost there when he walks
        away, which looks like somebody else.

        Returns: (H, W) what still moves; None when more has changed than people do.
        """
        changed = self._differing(picture, self.last)
        if changed.mean() > _MOST_CHANGED:
            return None
        changed |= self._differing(picture, self._lately[0][1])
        self._mean = np.where(changed, self._mean, picture)
        return self.moving(picture)

    def _differing(
        self, picture: NDArray[np.float32], other: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        # Exposure follows whoever steps into the picture; the median pixel shows by how much.
        gain = float(np.median(picture[::4, ::4] / np.maximum(other[::4, ::4], 8.0)))
        away = np.abs(picture - other * np.float32(min(max(gain, 0.6), 1.6)))
        limit = np.maximum(np.float32(_LEAST_STEPS), self._deviation * np.float32(_DEVIATIONS))
        mask = (away > limit).astype(np.uint8)
        # Single pixels are noise or rain.
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        return np.asarray(opened, dtype=np.bool_)
