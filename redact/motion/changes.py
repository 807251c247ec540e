"""Tells what changed in the view of a fixed camera since it was last scanned.

Only what changed needs to be scanned again: what looks the same shows the same faces and plates,
and so does what looks as it did before somebody passed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import clamp_to, join_overlapping
from redact.motion.tuning import TUNING
from redact.resizing import size_within
from redact.types import Box, Detection
from redact.views import View

# Frames are compared in square blocks of so many small pixels.
_BLOCK_SIDE = 4

_Blocks = NDArray[np.bool_]

# So close to a change, what looks as it did before is no longer as in the last scan. Farther away
# it may be, and what was detected there stays valid. Chosen by eye.
_TOUCHED_BLOCKS = 2


@dataclasses.dataclass(frozen=True)
class ChangedParts:
    """Which parts of a frame have to be scanned, and which earlier scans hold for the rest."""

    scan_number: int
    """The number of the scan of this frame."""
    parts: tuple[Box, ...] | None
    """What to scan, in pixels of the frame; None for all of it."""
    valid_scans: NDArray[np.int32]
    """(rows, columns) the number of the scan that holds for each block."""
    background_scans: NDArray[np.int32]
    """(rows, columns) the number of the scan that holds for what lies behind each block, and will
    hold for the block again when whoever is in front of it has passed."""


@dataclasses.dataclass
class _Appearance:
    """What each block looked like when it was scanned, and in which scan that was."""

    image: NDArray[np.float32]
    """(rows * block, columns * block) structure; see `_structure`."""
    scans: NDArray[np.int32]
    """(rows, columns) scan numbers."""

    @classmethod
    def of(cls, image: NDArray[np.float32], scan_number: int) -> _Appearance:
        """The appearance of a frame that was seen whole in one scan."""
        rows, columns = (side // _BLOCK_SIDE for side in image.shape)
        return cls(image, np.full((rows, columns), scan_number, dtype=np.int32))

    def take(self, blocks: _Blocks, other: _Appearance) -> None:
        """Replace these blocks by those of another appearance, in place."""
        np.copyto(self.scans, other.scans, where=blocks)
        pixels = blocks.repeat(_BLOCK_SIDE, axis=0).repeat(_BLOCK_SIDE, axis=1)
        np.copyto(self.image, other.image, where=pixels)


class ChangeMap:
    """Remembers what each block of the frame looked like when it was last scanned.

    Two appearances of each block are known: the last one, and the background, which is the one that
    last stayed the same from one scan to the next. The background is what lies behind people who
    pass.

    For every scan call `changed_parts` when it starts and `carry_over` when its detections are
    known, each in the order of frames. Scans may overlap in time.
    """

    def __init__(self) -> None:
        self._scan_count = 0
        self._last: _Appearance | None = None
        self._background: _Appearance | None = None
        self._detections: list[tuple[int, Detection]] = []

    def reset(self) -> None:
        """Let everything count as changed in the next frame, because the camera may have moved."""
        self._last = self._background = None

    def changed_parts(self, view: View) -> ChangedParts:
        """What has to be scanned in the next frame: all that looks different from its last scan."""
        size = _in_blocks(size_within(view.shape, TUNING.changes_long_side_pixels))
        image = _structure(view.luma(size))
        self._scan_count += 1
        parts = self._update(image)
        last, background = self._last, self._background
        now = _Appearance.of(image, self._scan_count)
        if parts is None or last is None or background is None:
            last = self._last = now
            if background is None:
                background = _Appearance.of(image.copy(), self._scan_count)
            self._background = background
        else:
            # Only what is scanned now is known to look like this: slow changes must add up.
            last.take(_blocks_inside(parts, last.scans.shape), now)
            fx, fy = view.shape[1] / size[0], view.shape[0] / size[1]
            parts = tuple(Box(x0 * fx, y0 * fy, x1 * fx, y1 * fy) for x0, y0, x1, y1 in parts)
        return ChangedParts(self._scan_count, parts, last.scans.copy(), background.scans.copy())

    def carry_over(
        self, detections: Sequence[Detection], changed_parts: ChangedParts, view: View
    ) -> list[Detection]:
        """The detections of a scan, and those of earlier scans in parts that have not changed.

        Args:
            detections: what the scan found in the parts that it was asked to look at.
            changed_parts: what `changed_parts` returned for this scan.
            view: the frame that was scanned.

        """
        known = self._detections + [(changed_parts.scan_number, d) for d in detections]
        self._detections = [
            (scan_number, detection)
            for scan_number, detection in known
            if _is_visible(detection.box, scan_number, changed_parts.valid_scans, view.shape)
            or _is_visible(detection.box, scan_number, changed_parts.background_scans, view.shape)
        ]
        return [
            detection
            for scan_number, detection in self._detections
            if _is_visible(detection.box, scan_number, changed_parts.valid_scans, view.shape)
        ]

    def _update(self, image: NDArray[np.float32]) -> tuple[Box, ...] | None:
        """Boxes, in small pixels, around what looks as in no earlier scan; None for everything.

        Blocks that look like the background again are known from then on, and blocks that look as
        in the last scan become background.
        """
        last, background = self._last, self._background
        if last is None or background is None or last.image.shape != image.shape:
            self._background = None
            return None
        is_changed = _changed_blocks(last.image, image)
        if is_changed.all():
            self._background = None
            return None
        is_near_change = _dilate(is_changed, TUNING.changed_margin_blocks)
        is_new = is_near_change & _changed_blocks(background.image, image)
        parts = _boxes_around(_dilate(is_new, TUNING.changed_margin_blocks))
        if sum(part.area for part in parts) > TUNING.max_changed_area_ratio * image.size:
            return None
        last.take(_dilate(is_changed, _TOUCHED_BLOCKS), background)
        background.take(~is_near_change, last)
        return tuple(parts)


def _in_blocks(size: tuple[int, int]) -> tuple[int, int]:
    """The nearest width and height of whole blocks, pixels."""
    width, height = (max(1, round(side / _BLOCK_SIDE)) * _BLOCK_SIDE for side in size)
    return width, height


def _structure(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W) how much brighter each pixel is than its surroundings.

    A shadow or the exposure changes brightness over large areas. What is there stays the same.
    """
    values = image.astype(np.float32)
    sigma = TUNING.changes_structure_pixels
    return np.asarray(values - cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def _changed_blocks(before: NDArray[np.float32], after: NDArray[np.float32]) -> _Blocks:
    """(rows, columns) which blocks differ between two images; all of them if the light changed."""
    difference = cv2.absdiff(before, after)
    blocks = before.shape[1] // _BLOCK_SIDE, before.shape[0] // _BLOCK_SIDE
    means = np.asarray(cv2.resize(difference, blocks, interpolation=cv2.INTER_AREA))
    noise = float(np.median(means))
    limit = max(TUNING.min_changed_steps, TUNING.min_changed_noise_ratio * noise)
    is_light_changed = limit > TUNING.max_changed_steps
    return np.ones_like(means, dtype=np.bool_) if is_light_changed else means > limit


def _dilate(blocks: _Blocks, count: int) -> _Blocks:
    """The blocks and so many around them to each side."""
    kernel = np.ones((2 * count + 1,) * 2, dtype=np.uint8)
    return np.asarray(cv2.dilate(blocks.astype(np.uint8), kernel)).astype(np.bool_)


def _boxes_around(blocks: _Blocks) -> list[Box]:
    """Boxes, in small pixels, that contain all of the blocks and don't overlap."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(blocks.astype(np.uint8), connectivity=8)
    return join_overlapping(
        [
            Box(*(float(_BLOCK_SIDE * v) for v in (x, y, x + w, y + h)))
            for x, y, w, h, _ in stats[1:count].tolist()
        ]
    )


def _blocks_inside(parts: Iterable[Box], shape: tuple[int, ...]) -> _Blocks:
    """(rows, columns) which blocks lie in boxes of whole blocks, given in small pixels."""
    blocks = np.zeros(shape, dtype=np.bool_)
    for part in parts:
        x0, y0, x1, y1 = (round(v) // _BLOCK_SIDE for v in part)
        blocks[y0:y1, x0:x1] = True
    return blocks


def _is_visible(
    box: Box, scan_number: int, scans: NDArray[np.int32], shape: tuple[int, int]
) -> bool:
    """Whether some block in a box still looks as it did in that scan.

    Args:
        box: in pixels of the frame. What lies beyond the frame's edges makes no difference.
        scan_number: of the scan in which the box was detected.
        scans: (rows, columns) the number of the scan that holds for each block.
        shape: height and width of the frame, pixels.

    """
    height, width = shape
    x0, y0, x1, y1 = clamp_to(box, Box(0.0, 0.0, float(width), float(height)))
    fx, fy = scans.shape[1] / width, scans.shape[0] / height
    rows = slice(math.floor(y0 * fy), max(math.ceil(y1 * fy), math.floor(y0 * fy) + 1))
    columns = slice(math.floor(x0 * fx), max(math.ceil(x1 * fx), math.floor(x0 * fx) + 1))
    return bool((scans[rows, columns] == scan_number).any())
