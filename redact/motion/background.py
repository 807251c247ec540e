"""What a camera that stands still sees when nothing moves, learned while things do."""

from __future__ import annotations

import math
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.cover import _kernels

# A pixel moves when it is this many grey steps, and this many of its usual deviations, off.
_MIN_STEPS, _DEVIATIONS = 7.0, 4.5
# Seconds in which the background takes over most of a change; slower where something moves.
_LEARN_SECONDS, _LEARN_MOVING_SECONDS = 4.0, 30.0
# Where no more than this differs from the picture before, the camera stands still: the rest of what
# differs from the background is people, and where they stood when it was learned.
_MAX_CHANGED = 0.25
# What has looked the same for so long is no part of somebody who walks.
_LATELY_SECONDS = 0.8
# A ghost's outline is in the background, not in the picture: there it is this much weaker.
_GHOST_OUTLINE = 0.6
# No difference teaches more than one of so many grey steps does.
_MAX_STEP = 12.0
_MIN_GHOST_PIXELS = 10

_Part = tuple[slice, slice]
_ALL: _Part = (slice(None), slice(None))
_TWO_BY_TWO = np.ones((2, 2), dtype=np.uint8)


class Background:
    """A mean and a mean deviation for each pixel, after the exposure was evened out.

    Noise, leaves and rain raise the deviation where they are, and with it what counts as moving.

    Args:
        picture: (H, W) float32 luma, the first; small, so that noise is averaged out.
        seconds: its presentation time.

    """

    def __init__(self, picture: NDArray[np.float32], seconds: float) -> None:
        self._mean, self._deviation = picture.copy(), np.full_like(picture, 3.0)
        # How far a pixel that doesn't move may be off.
        self._limit = np.maximum(np.float32(_MIN_STEPS), self._deviation * _DEVIATIONS)
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

    def without_ghosts(
        self, picture: NDArray[np.float32], moving: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """(H, W) what moves of what differs, when it is known where people stood at first.

        Who stood somewhere while the background was learned leaves a ghost when he walks away. It
        has not changed lately, and what it is bounded by is gone.
        """
        if np.count_nonzero(moving) < _MIN_GHOST_PIXELS:
            return moving
        ghosts, here = moving.copy(), _around(moving)
        ghosts[here] &= ~self._changed_lately(picture, here)
        if np.count_nonzero(ghosts) < _MIN_GHOST_PIXELS:
            return moving
        steep, steep_before = _steepness(picture), _steepness(self._mean)
        joined = cv2.dilate(ghosts.astype(np.uint8), np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
            joined, 8, cv2.CV_32S, cv2.CCL_GRANA
        )
        moving = moving.copy()
        for label in range(1, count):
            x, y, w, h, _ = stats[label].tolist()
            here = slice(y, y + h), slice(x, x + w)
            inside = (labels[here] == label) & ghosts[here]
            outline = _outline(inside)
            if steep[here][outline].mean() < _GHOST_OUTLINE * steep_before[here][outline].mean():
                self._mean[here][inside] = picture[here][inside]
                moving[here] &= ~inside
        return moving

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
        rate, moving_rate = (
            1 - math.exp(-elapsed / duration)
            for duration in (_LEARN_SECONDS, _LEARN_MOVING_SECONDS)
        )
        _kernels.learn(
            self._mean,
            self._deviation,
            self._limit,
            picture,
            moving,
            rate=rate,
            moving_rate=moving_rate,
            max_step=_MAX_STEP,
            min_limit=_MIN_STEPS,
            deviations=_DEVIATIONS,
        )
        self._lately.append((seconds, picture))
        while len(self._lately) > 1 and self._lately[1][0] <= seconds - _LATELY_SECONDS:
            self._lately.popleft()

    def forget_ghosts(self, picture: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Take all that did not change lately for background, if the camera seems to stand still.

        For a picture that is full of people and of ghosts, which nothing tells apart.

        Returns: (H, W) what still moves; None when more has changed than people do.
        """
        if self._differing(picture, self.last).mean() > _MAX_CHANGED:
            return None
        self._mean = np.where(self._changed_lately(picture), self._mean, picture)
        return self.moving(picture)

    def _changed_lately(
        self, picture: NDArray[np.float32], here: _Part = _ALL
    ) -> NDArray[np.bool_]:
        changed = self._differing(picture, self.last, here)
        for _, before in list(self._lately)[:-1:2]:
            changed |= self._differing(picture, before, here)
        return changed

    def _differing(
        self, picture: NDArray[np.float32], other: NDArray[np.float32], here: _Part = _ALL
    ) -> NDArray[np.bool_]:
        """What differs in a part of two pictures; at the part's edge one pixel may be wrong."""
        # Exposure follows whoever steps into the picture; the median pixel shows by how much.
        gain = _kernels.gain(picture, other, every=4, least=8.0, lowest=0.6, highest=1.6)
        mask = _kernels.differing(picture[here], other[here], self._limit[here], gain)
        # Single pixels are noise or rain.
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, _TWO_BY_TWO)).view(np.bool_)


def _around(mask: NDArray[np.bool_]) -> _Part:
    """The part of the picture that holds all of the mask, and two pixels more to each side."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - 2), int(rows[-1]) + 3),
        slice(max(0, int(columns[0]) - 2), int(columns[-1]) + 3),
    )


def _steepness(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """How fast the picture changes from pixel to pixel: its gradient's length."""
    x = cv2.Sobel(picture, cv2.CV_32F, 1, 0)
    y = cv2.Sobel(picture, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.magnitude(x, y), dtype=np.float32)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels on both sides of the mask's edge."""
    edge = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return np.asarray(edge, dtype=np.bool_)
