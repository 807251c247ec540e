"""What moves in front of a camera: where to look, never what to cover.

A doorbell camera stands still, so what differs from the learned background is where somebody is.
When the camera moves, when the light jumps or the scene is cut, everything counts as moving: the
model may only save looking, and when it is in doubt it saves nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import joined_boxes
from redact.imaging import size_within
from redact.motion.background import Background
from redact.motion.camera import estimate_shift, similarity
from redact.types import Box
from redact.views import View

_LONG_SIDE = 320
_EVERYWHERE_SHARE = 0.3
# Rectangles around what moves that fill more of the picture than this are no saving.
_MAX_AREA = 0.5
# A part this much higher than broad shows one person, or two, however near: looks at the part see
# them well. No more than this share of the picture may move besides.
_PERSON_ASPECT, _MAX_BESIDE = 1.15, 0.1
# After the camera moved, this long everything still counts as moving.
_UNREST_SECONDS = 1.0
# Pictures that look less alike than this show different scenes.
_CUT_CORRELATION = 0.35
_CUT_SHARE = 0.5
_MIN_BLOB_PIXELS = 10
_MAX_BLOBS = 12
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
    is_busy: bool = False
    """The camera stands still, but so much moves that `parts` is the whole picture."""
    is_cut: bool
    """Another scene begins with this picture."""
    shift: tuple[float, float]
    """How far the whole picture moved, right and down; (0, 0) for a camera that stands still."""
    dashing_heads: tuple[Box, ...] = ()
    """Where the heads are of upright blobs that pass too fast to be drawn sharply."""


class MotionDetector:
    """Learns what the background looks like and tells what differs from it.

    Show it pictures of one size in order of time; they are shrunk to 320 px.
    """

    def __init__(self) -> None:
        self._background: Background | None = None
        self._last_blobs: list[_Edges] = []
        self._unrest_until = -math.inf

    def step(self, view: View, seconds: float) -> Motion:
        """What moves in the next picture.

        seconds: its presentation time.
        """
        height, width = view.shape
        size = size_within(view.shape, _LONG_SIDE)
        small = view.luma(size).astype(np.float32)
        whole = Box(0.0, 0.0, float(width), float(height))
        background = self._background
        if background is None or background.last.shape != small.shape:
            return self._new_scene(small, seconds, whole)
        moving, shift = background.moving(small), (0.0, 0.0)
        share = float(np.count_nonzero(moving) / moving.size)
        if share > _CUT_SHARE and similarity(small, background.last) < _CUT_CORRELATION:
            return self._new_scene(small, seconds, whole)
        if share > _EVERYWHERE_SHARE / 4:
            shift = estimate_shift(background.last, small)
        has_moved, is_full = shift != (0.0, 0.0), share > _EVERYWHERE_SHARE
        if not has_moved:
            left = (
                background.forget_ghosts(small)
                if is_full
                else background.without_ghosts(small, moving)
            )
            if left is not None:
                moving, is_full = left, False
        if has_moved or is_full:
            self._unrest_until = seconds + _UNREST_SECONDS
        is_everywhere = seconds < self._unrest_until
        elapsed = seconds - background.last_seconds
        background.learn(small, seconds, None if is_everywhere else moving)
        factors = (width / size[0], height / size[1])
        blobs = [] if is_everywhere else _blobs(moving)
        heads = _dashing_heads(self._last_blobs, blobs, elapsed, size[1])
        self._last_blobs = blobs
        parts = (whole,) if is_everywhere else _parts(blobs, size, factors)
        is_busy = not is_everywhere and _are_many(parts, whole.area)
        return Motion(
            parts=(whole,) if is_busy else parts,
            is_everywhere=is_everywhere,
            is_busy=is_busy,
            is_cut=False,
            shift=(shift[0] * factors[0], shift[1] * factors[1]),
            dashing_heads=tuple(_scaled(head, factors) for head in heads),
        )

    def _new_scene(self, small: NDArray[np.float32], seconds: float, whole: Box) -> Motion:
        self._background, self._unrest_until = Background(small, seconds), -math.inf
        return Motion(parts=(whole,), is_everywhere=True, is_cut=True, shift=(0.0, 0.0))


def _blobs(moving: NDArray[np.bool_]) -> list[_Edges]:
    """Edges of what moves, in small pixels."""
    mask = cv2.dilate(moving.astype(np.uint8), np.ones((5, 5), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        mask, 8, cv2.CV_32S, cv2.CCL_GRANA
    )
    return [
        (float(x), float(y), float(x + w), float(y + h))
        for x, y, w, h, area in stats[1:count].tolist()
        if area >= _MIN_BLOB_PIXELS + 25
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
        for x0, y0, x1, y1 in merged[:_MAX_BLOBS]
    )


def _are_many(parts: Sequence[Box], whole_area: float) -> bool:
    """Whether the parts are no saving: they fill the picture, and not just one near person does."""
    filled = sum(part.area for part in parts)
    if filled <= _MAX_AREA * whole_area:
        return False
    nearest = max(parts, key=lambda part: part.area)
    is_person = nearest.height >= _PERSON_ASPECT * nearest.width
    return not is_person or filled - nearest.area > _MAX_BESIDE * whole_area


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
