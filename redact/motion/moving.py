"""Finds the moving parts of a frame, and tells when they can't be told from the rest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import join_overlapping, scaled
from redact.motion.background import Background
from redact.motion.camera import correlation, estimate_shift
from redact.motion.tuning import TUNING
from redact.resizing import size_within
from redact.types import Box
from redact.views import View

# Frames whose correlation is lower show different scenes. Chosen by eye.
_CUT_MAX_CORRELATION = 0.35
# A cut changes more of the frame than this. Chosen by eye.
_CUT_MIN_CHANGED_RATIO = 0.5
# At most so many moving parts are reported, the largest. Chosen by eye.
_MAX_PARTS = 12
# Somebody who crosses so many of their own widths a second, as runners do, may be blurred beyond
# what any detector recognises.
_FAST_MIN_WIDTHS_PER_SECOND = 3.0
# Frames that lie farther apart don't show how fast somebody moves.
_FAST_MAX_GAP_SECONDS = 0.25
# A person's blob is at least this much higher than wide.
_FAST_MIN_ASPECT = 1.5
# The blob of a person near the camera has at least this share of the frame's height.
_FAST_MIN_HEIGHT_RATIO = 0.25
# Blobs in successive frames whose widths or heights differ by this factor or more show different
# objects.
_FAST_MAX_SIZE_RATIO = 1.6

_Edges = tuple[float, float, float, float]
"""x0 y0 x1 y1 in small pixels."""

# Blobs are closed and enlarged with a square of this side.
_DILATION_SIDE = 5

# Heads of people who move too fast to be sharp, in widths of the blob: half the width, and the
# height, with room for their sway. Chosen on benchmarks leaks.
_HEAD_HALF_WIDTH = 0.3
_HEAD_HEIGHT = 0.8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Motion:
    """What moves in a frame. Boxes and the shift are in pixels of the frame."""

    parts: tuple[Box, ...]
    """Boxes around what moves, with a margin; one box for the whole frame if all of it counts."""
    is_whole_frame: bool
    """The camera moves, the light changed or the scene did: everything counts as moving."""
    is_crowded: bool = False
    """The camera stands still, but so much moves that `parts` is the whole frame."""
    is_cut: bool
    """Another scene begins with this frame."""
    shift: tuple[float, float]
    """How far the whole picture moved, right and down; (0, 0) if the camera stands still."""
    fast_heads: tuple[Box, ...] = ()
    """The heads of upright blobs that move too fast to be recorded sharply."""


class MotionDetector:
    """Learns the background of a fixed camera and tells what differs from it."""

    def __init__(self) -> None:
        self._background: Background | None = None
        self._last_blobs: list[_Edges] = []
        self._unsettled_until = -math.inf

    def step(self, view: View, seconds: float) -> Motion:
        """What moves in the next frame.

        Args:
            view: the frame. If its size differs from the last one's, a new scene begins.
            seconds: its presentation time, not before the last one's.

        """
        height, width = view.shape
        size = size_within(view.shape, TUNING.long_side_pixels)
        small = view.luma(size).astype(np.float32)
        whole = Box(0.0, 0.0, float(width), float(height))
        background = self._background
        if background is None or background.last.shape != small.shape:
            return self._start_scene(small, seconds, whole)
        moving = background.moving(small)
        moving_ratio = float(np.count_nonzero(moving) / moving.size)
        if _is_cut(moving_ratio, small, background.last):
            return self._start_scene(small, seconds, whole)
        shift = (0.0, 0.0)
        if moving_ratio > TUNING.shift_check_ratio:
            shift = estimate_shift(background.last, small)
        is_settled = shift == (0.0, 0.0)
        if is_settled:
            moving, is_settled = _explained_moving(background, small, moving, moving_ratio)
        if not is_settled:
            self._unsettled_until = seconds + TUNING.unsettled_seconds
        is_whole_frame = seconds < self._unsettled_until
        elapsed = seconds - background.last_seconds
        background.learn(small, seconds, None if is_whole_frame else moving)
        factors = (width / size[0], height / size[1])
        blobs = [] if is_whole_frame else _blobs(moving)
        heads = _fast_heads(self._last_blobs, blobs, elapsed, size[1])
        self._last_blobs = blobs
        parts = (whole,) if is_whole_frame else _parts_around(blobs, size, factors)
        is_crowded = not is_whole_frame and _is_crowded(parts, whole.area)
        return Motion(
            parts=(whole,) if is_crowded else parts,
            is_whole_frame=is_whole_frame,
            is_crowded=is_crowded,
            is_cut=False,
            shift=(shift[0] * factors[0], shift[1] * factors[1]),
            fast_heads=tuple(scaled(head, factors) for head in heads),
        )

    def _start_scene(self, small: NDArray[np.float32], seconds: float, whole: Box) -> Motion:
        """Learn the background anew, from a frame with which another scene begins."""
        self._background, self._unsettled_until = Background(small, seconds), -math.inf
        return Motion(parts=(whole,), is_whole_frame=True, is_cut=True, shift=(0.0, 0.0))


def _is_cut(moving_ratio: float, frame: NDArray[np.float32], last: NDArray[np.float32]) -> bool:
    """Whether much of the frame moves and the frame doesn't look like the last one."""
    return moving_ratio > _CUT_MIN_CHANGED_RATIO and correlation(frame, last) < _CUT_MAX_CORRELATION


def _explained_moving(
    background: Background,
    frame: NDArray[np.float32],
    moving: NDArray[np.bool_],
    moving_ratio: float,
) -> tuple[NDArray[np.bool_], bool]:
    """The moving pixels without ghosts, before a camera that didn't move.

    Returns:
        (H, W) which pixels move, and whether people and ghosts explain all that differs from the
        background. If they don't, the light changed or the camera moved in some other way.

    """
    if moving_ratio <= TUNING.whole_frame_ratio:
        return background.without_ghosts(frame, moving), True
    left = background.forget_ghosts(frame)
    return (moving, False) if left is None else (left, True)


def _blobs(moving: NDArray[np.bool_]) -> list[_Edges]:
    """The edges of connected moving pixels."""
    kernel = np.ones((_DILATION_SIDE, _DILATION_SIDE), np.uint8)
    mask = cv2.dilate(moving.astype(np.uint8), kernel)
    count, _, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        mask, 8, cv2.CV_32S, cv2.CCL_GRANA
    )
    # The dilation makes even a single pixel as large as the kernel.
    min_pixels = TUNING.min_blob_pixels + kernel.size
    return [
        (float(x), float(y), float(x + w), float(y + h))
        for x, y, w, h, area in stats[1:count].tolist()
        if area >= min_pixels
    ]


def _parts_around(
    blobs: list[_Edges], size: tuple[int, int], factors: tuple[float, float]
) -> tuple[Box, ...]:
    """Boxes around blobs with a margin, largest first, in pixels of the frame.

    Boxes that overlap are joined.

    Args:
        blobs: what moves.
        size: width and height of the small frame.
        factors: from small pixels to pixels of the frame, along x and y.

    """
    boxes = []
    side, top, bottom = TUNING.part_side_margin, TUNING.part_top_margin, TUNING.part_bottom_margin
    for x0, y0, x1, y1 in blobs:
        w, h = x1 - x0, y1 - y0
        boxes.append(Box(x0 - side * w, y0 - top * h, x1 + side * w, y1 + bottom * h))
    joined = sorted(join_overlapping(boxes), key=lambda box: -box.area)
    width, height = size
    return tuple(
        scaled((max(0, x0), max(0, y0), min(width, x1), min(height, y1)), factors)
        for x0, y0, x1, y1 in joined[:_MAX_PARTS]
    )


def _is_crowded(parts: Sequence[Box], frame_area: float) -> bool:
    """Whether the parts fill so much of the frame that scanning them one by one saves nothing.

    They don't if most of their area is a single person near the camera.
    """
    filled = sum(part.area for part in parts)
    if filled <= TUNING.max_parts_ratio * frame_area:
        return False
    largest = max(parts, key=lambda part: part.area)
    is_person = largest.height >= TUNING.person_min_aspect * largest.width
    beside = filled - largest.area
    return not is_person or beside > TUNING.max_beside_person_ratio * frame_area


def _fast_heads(
    before: list[_Edges], blobs: list[_Edges], elapsed: float, height: int
) -> list[_Edges]:
    """The heads of people near the camera who move too fast to be recorded sharply.

    Args:
        before: the blobs of the last frame.
        blobs: the blobs of this frame.
        elapsed: seconds between the two.
        height: of the small frame, pixels.

    """
    if not 0 < elapsed <= _FAST_MAX_GAP_SECONDS or not before or not blobs:
        return []
    distance = np.abs(_center_x(blobs)[:, None] - _center_x(before)[None, :])
    nearest, nearest_back = distance.argmin(axis=1), distance.argmin(axis=0)
    heads = []
    for number, (x0, y0, x1, y1) in enumerate(blobs):
        w, h = x1 - x0, y1 - y0
        # Two blobs show one person only if each is nearest to the other. Somebody who has just come
        # in was not in the last frame, and the nearest blob there is somebody else.
        last = int(nearest[number])
        is_same = nearest_back[last] == number and _are_alike((w, h), before[last])
        is_near = h >= max(_FAST_MIN_ASPECT * w, _FAST_MIN_HEIGHT_RATIO * height)
        min_distance = _FAST_MIN_WIDTHS_PER_SECOND * elapsed * w
        if is_same and is_near and distance[number, last] >= min_distance:
            x, half = (x0 + x1) / 2, _HEAD_HALF_WIDTH * w
            heads.append((x - half, y0, x + half, y0 + _HEAD_HEIGHT * w))
    return heads


def _center_x(blobs: list[_Edges]) -> NDArray[np.float64]:
    """(N,) the horizontal centres of blobs."""
    return np.asarray([(x0 + x1) / 2 for x0, _, x1, _ in blobs])


def _are_alike(size: tuple[float, float], other: _Edges) -> bool:
    """Whether a blob of that width and height is about as large as another one."""
    pairs = zip(size, (other[2] - other[0], other[3] - other[1]), strict=True)
    return all(max(pair) < _FAST_MAX_SIZE_RATIO * min(pair) for pair in pairs)
