"""What moves in front of a camera: where to look, never what to cover.

A doorbell camera stands still, so what differs from the learned background is where somebody is.
When the camera moves, when the light jumps or the scene is cut, everything counts as moving: the
model may only save looking, and when it is in doubt it saves nothing.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.boxes import joined_boxes
from redact.records import Box
from redact.scaling import shrunk, size_within

_LONG_SIDE = 320
# A pixel moves when it is this many grey steps, and this many of its usual deviations, off.
_LEAST_STEPS, _DEVIATIONS = 7.0, 4.5
# Seconds in which the background takes over most of a change; slower where something moves.
_LEARN_SECONDS, _LEARN_MOVING_SECONDS = 4.0, 30.0
_EVERYWHERE_SHARE = 0.3
# Rectangles around what moves that fill more of the picture than this are no saving.
_MOST_AREA = 0.5
# After the camera moved, this long everything still counts as moving.
_UNREST_SECONDS = 1.0
# Pictures that look less alike than this show different scenes.
_CUT_CORRELATION = 0.35
_CUT_SHARE = 0.5
_LEAST_SHIFT = 0.4
_LEAST_RESPONSE = 0.08
_LEAST_BLOB_PIXELS = 10
_MOST_BLOBS = 12
# Who crosses so many of his own widths a second, as runners do, may be smeared beyond recognition
# by any detector. A person is upright, and near when this share of the picture's height.
_DASHING_WIDTHS_PER_SECOND, _DASHING_SECONDS = 3.0, 0.25
_UPRIGHT_ASPECT, _NEAR_HEIGHT, _SAME_SIZE = 1.5, 0.25, 1.6
# The head with room for the sway of it, in widths of the blob: half its breadth, and its height.
_HEAD_HALF_WIDTH, _HEAD_HEIGHT = 0.3, 0.8

_Edges = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Motion:
    """What changed since the picture before. Boxes and shift in pixels of the picture."""

    parts: tuple[Box, ...]
    """Rectangles around what moves, a margin included; the whole picture when all of it does."""
    is_everywhere: bool
    """The camera moves, or the light changed: `parts` is the whole picture."""
    is_cut: bool
    """Another scene begins with this picture."""
    shift: tuple[float, float]
    """How far the whole picture moved, right and down; (0, 0) for a camera that stands still."""
    dashing_heads: tuple[Box, ...] = ()
    """Where the heads are of upright blobs that pass too fast to be drawn sharply."""


class MotionFinder:
    """Learns what the background looks like and tells what differs from it.

    Show it pictures of one size in order of time. The background is a mean and a mean deviation
    for each pixel of the picture shrunk to 320 px, after the exposure was evened out: noise,
    leaves and rain raise the deviation where they are, and with it what counts as moving.
    """

    def __init__(self) -> None:
        self._mean: NDArray[np.float32] | None = None
        self._deviation: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self._last: NDArray[np.float32] = self._deviation
        self._last_seconds = 0.0
        self._last_blobs: list[_Edges] = []
        self._unrest_until = -math.inf

    def step(self, image: NDArray[np.uint8], seconds: float) -> Motion:
        """What moves in the next picture.

        Args:
            image: (H, W) uint8 luma, or (H, W, 3) BGR, of which green is looked at: it is most of
                luma, and needs no conversion of the whole picture.
            seconds: presentation time.

        """
        height, width = image.shape[:2]
        size = size_within(image, _LONG_SIDE)
        small = _luma(image, size).astype(np.float32)
        whole = Box(0.0, 0.0, float(width), float(height))
        if self._mean is None or self._mean.shape != small.shape:
            self._start(small, seconds)
            return Motion(parts=(whole,), is_everywhere=True, is_cut=True, shift=(0.0, 0.0))
        moving = self._moving(small)
        share = float(moving.mean())
        is_cut = share > _CUT_SHARE and _likeness(small, self._last) < _CUT_CORRELATION
        shift = (0.0, 0.0)
        if is_cut:
            self._start(small, seconds)
            return Motion(parts=(whole,), is_everywhere=True, is_cut=True, shift=shift)
        if share > _EVERYWHERE_SHARE / 4:
            shift = _shift(self._last, small)
        if shift != (0.0, 0.0) or share > _EVERYWHERE_SHARE:
            self._unrest_until = seconds + _UNREST_SECONDS
        is_everywhere = seconds < self._unrest_until
        elapsed = max(0.0, seconds - self._last_seconds)
        if is_everywhere:
            # The old background lies elsewhere by now: learn the new one fast.
            moving[:] = False
            elapsed = _LEARN_SECONDS
        self._learn(small, moving, elapsed)
        elapsed = seconds - self._last_seconds
        self._last, self._last_seconds = small, seconds
        factors = (width / size[0], height / size[1])
        blobs = [] if is_everywhere else _blobs(moving)
        heads = _dashing_heads(self._last_blobs, blobs, elapsed, size[1])
        self._last_blobs = blobs
        parts = (whole,) if is_everywhere else _parts(blobs, size, factors)
        if sum(part.area for part in parts) > _MOST_AREA * whole.area:
            parts, is_everywhere = (whole,), True
        return Motion(
            parts=parts,
            is_everywhere=is_everywhere,
            is_cut=False,
            shift=(shift[0] * factors[0], shift[1] * factors[1]),
            dashing_heads=tuple(_scaled(head, factors) for head in heads),
        )

    def _start(self, small: NDArray[np.float32], seconds: float) -> None:
        self._mean, self._deviation = small.copy(), np.full_like(small, 3.0)
        self._last, self._last_seconds = small, seconds
        self._unrest_until = -math.inf

    def _moving(self, small: NDArray[np.float32]) -> NDArray[np.bool_]:
        assert self._mean is not None
        # Exposure follows whoever steps into the picture; the median pixel shows by how much.
        gain = float(np.median(small[::4, ::4] / np.maximum(self._mean[::4, ::4], 8.0)))
        away = np.abs(small - self._mean * np.float32(min(max(gain, 0.6), 1.6)))
        limit = np.maximum(np.float32(_LEAST_STEPS), self._deviation * np.float32(_DEVIATIONS))
        mask = (away > limit).astype(np.uint8)
        # Single pixels are noise or rain.
        opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
        return np.asarray(opened, dtype=np.bool_)

    def _learn(self, small: NDArray[np.float32], moving: NDArray[np.bool_], elapsed: float) -> None:
        assert self._mean is not None
        rates = [
            np.float32(1 - math.exp(-elapsed / seconds))
            for seconds in (_LEARN_SECONDS, _LEARN_MOVING_SECONDS)
        ]
        rate = np.where(moving, rates[1], rates[0]).astype(np.float32)
        step = small - self._mean
        self._mean = (self._mean + rate * step).astype(np.float32)
        calm = np.minimum(np.abs(step), 12.0)
        change = np.where(moving, np.float32(0), calm - self._deviation)
        self._deviation = (self._deviation + rates[0] * change).astype(np.float32)


def _luma(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Luma, or green for luma, of the picture shrunk to (width, height)."""
    if image.ndim == 3:
        # All three colours together are halved faster than one is picked out of them.
        height, width = image.shape[:2]
        half = shrunk(image, max(size[0], width // 2), max(size[1], height // 2))
        image = np.ascontiguousarray(half[:, :, 1])
    return shrunk(image, *size)


def _likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Correlation of two pictures, -1..1; 1 when both are flat."""
    a, b = a - a.mean(), b - b.mean()
    strength = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return 1.0 if strength < 1e-3 * a.size else float((a * b).sum()) / strength


def _shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float]:
    """How far the picture as a whole moved, small pixels; (0, 0) when that isn't clear.

    Phase correlation (Kuglin and Hines, 1975) of the gradients, under a Hanning window.
    """
    if min(before.shape) < 2:
        return 0.0, 0.0
    window = cv2.createHanningWindow((before.shape[1], before.shape[0]), cv2.CV_32F)
    (dx, dy), response = cv2.phaseCorrelate(_edges(before), _edges(after), window)
    if response < _LEAST_RESPONSE or math.hypot(dx, dy) < _LEAST_SHIFT:
        return 0.0, 0.0
    return float(dx), float(dy)


def _edges(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.Laplacian(picture, cv2.CV_32F, ksize=3), dtype=np.float32)


def _blobs(moving: NDArray[np.bool_]) -> list[_Edges]:
    """Edges of what moves, in small pixels."""
    mask = cv2.dilate(moving.astype(np.uint8), np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return [
        (float(x), float(y), float(x + w), float(y + h))
        for x, y, w, h, area in stats[1:count].tolist()
        if area >= _LEAST_BLOB_PIXELS + 25
    ]


def _parts(
    blobs: list[_Edges], size: tuple[int, int], factors: tuple[float, float]
) -> tuple[Box, ...]:
    """Rectangles around blobs, largest first, overlapping ones as one; in the picture's pixels."""
    found = []
    for x0, y0, x1, y1 in blobs:
        w, h = x1 - x0, y1 - y0
        # Heads stick out of what moves: leave room above all.
        found.append(Box(x0 - 0.15 * w, y0 - 0.2 * h, x1 + 0.15 * w, y1 + 0.1 * h))
    merged = sorted(joined_boxes(found), key=lambda box: -box.area)
    width, height = size
    return tuple(
        _scaled((max(0, x0), max(0, y0), min(width, x1), min(height, y1)), factors)
        for x0, y0, x1, y1 in merged[:_MOST_BLOBS]
    )


def _scaled(edges: _Edges, factors: tuple[float, float]) -> Box:
    (x0, y0, x1, y1), (fx, fy) = edges, factors
    return Box(x0 * fx, y0 * fy, x1 * fx, y1 * fy)


def _dashing_heads(
    before: list[_Edges], blobs: list[_Edges], elapsed: float, height: int
) -> list[_Edges]:
    """Heads of near, upright blobs that were elsewhere in the picture before; small pixels."""
    if not 0 < elapsed <= _DASHING_SECONDS:
        return []
    if not before or not blobs:
        return []
    away = np.abs(_centers(blobs)[:, None] - _centers(before)[None, :])
    nearest, nearest_back = away.argmin(axis=1), away.argmin(axis=0)
    heads = []
    for number, (x0, y0, x1, y1) in enumerate(blobs):
        w, h = x1 - x0, y1 - y0
        # Who has just come in has no place before; the nearest one then is somebody else's.
        last = int(nearest[number])
        is_same = nearest_back[last] == number and _are_alike((w, h), before[last])
        is_near = h >= max(_UPRIGHT_ASPECT * w, _NEAR_HEIGHT * height)
        if is_same and is_near and away[number, last] >= _DASHING_WIDTHS_PER_SECOND * elapsed * w:
            x, half = (x0 + x1) / 2, _HEAD_HALF_WIDTH * w
            heads.append((x - half, y0, x + half, y0 + _HEAD_HEIGHT * w))
    return heads


def _centers(blobs: list[_Edges]) -> NDArray[np.float64]:
    """(N,) where the middles of blobs are along the picture's width."""
    return np.asarray([(x0 + x1) / 2 for x0, _, x1, _ in blobs])


def _are_alike(size: tuple[float, float], other: _Edges) -> bool:
    pairs = zip(size, (other[2] - other[0], other[3] - other[1]), strict=True)
    return all(max(pair) < _SAME_SIZE * min(pair) for pair in pairs)
