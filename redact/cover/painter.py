"""Painting covers over regions, and the table of styles.

A default cover reveals nothing of what is under it. Its tone is that of what stays visible around
the region, and its pattern is random and fixed for each track: no pixel of the box takes part in
either. Only strengths below 1 and the style "gaussian" measure the region itself.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.cover.styles import STYLES, check_strength
from redact.cover.tone import (
    Planes,
    chroma_edges,
    mean_tones,
    resampled,
    surrounding_tones,
    yuv_to_bgr,
)
from redact.cover.tuning import KINDS, OTHER_KIND, TUNING
from redact.cover.zone_painter import ZonePainter
from redact.geometry import Edges, overlaps
from redact.settings import Settings
from redact.types import Frame, Region

# Cells of Y, U, V or of one BGR image, each (rows, columns, channels of the plane) float32.
_Cells = tuple[NDArray[np.float32], ...]


@dataclasses.dataclass
class _Paint:
    """What a track is painted with."""

    tone: NDArray[np.float32]
    """(3, rows, columns) Y, U, V now."""
    target: NDArray[np.float32]
    """(3, rows, columns) Y, U, V as measured last, which the tone approaches."""
    patterns: NDArray[np.float32]
    """(3, rows, columns) offsets from the tone."""
    cells: _Cells
    """Tone and patterns as the kernel takes them."""
    age_frames: int = 0


class Cover:
    """Covers regions in one frame after another, and remembers what each track is painted with.

    Use one object for each clip or stream. Objects share nothing.

    Args:
        settings: `style`, `strength` and `unsafe` are used.
        seed: chooses other random cells.

    Raises:
        SettingsError: the strength is weaker than the style's limit and `unsafe` isn't set.

    """

    def __init__(self, settings: Settings, *, seed: int = 0) -> None:
        self._name, self._style = settings.style, STYLES[settings.style]
        self._strength = check_strength(settings)
        self._seed = seed
        # By track or zone, the one that was painted longest ago first.
        self._paints: OrderedDict[tuple[str, int], _Paint] = OrderedDict()
        self._zones = ZonePainter(self._style)

    def planes(self, frame: Frame, regions: Sequence[Region]) -> int:
        """Cover regions in the planes of a frame, in place.

        Returns the number of luma pixels covered opaquely, those in two regions counted once.
        """
        planes = (frame.y, frame.u, frame.v)
        for region, paint in self._in_painting_order(regions, planes):
            for number, plane in enumerate(planes):
                self._cover(plane, region, paint.cells[number], number)
        return self._opaque_pixels(regions, frame.y.shape)

    def image(self, image: NDArray[np.uint8], regions: Sequence[Region]) -> int:
        """Cover regions in a C-contiguous (H, W, 3) uint8 BGR image, in place.

        Returns the number of pixels covered opaquely, those in two regions counted once.
        """
        flat = image.reshape(image.shape[0], -1)
        for region, paint in self._in_painting_order(regions, (image,)):
            self._cover(flat, region, paint.cells[0], 0)
        return self._opaque_pixels(regions, image.shape[:2])

    def _cover(
        self,
        plane: NDArray[np.uint8],
        region: Region,
        cells: NDArray[np.float32],
        number: int,
    ) -> None:
        """Cover a region in one plane: number 0 is luma or BGR, 1 and 2 are half as large."""
        from redact.cover import kernels

        if region.shape == "polygon":
            self._zones.paint(plane, region, cells, number)
            return
        box, edge = _box(region), _edge_pixels(region)
        if number:
            box, edge = chroma_edges(box), edge / 2
        is_ellipse = region.shape == "ellipse"
        kernels.paint(plane, *box, cells, self._style.is_smooth, is_ellipse, edge)

    def _in_painting_order(
        self, regions: Sequence[Region], planes: Planes
    ) -> list[tuple[Region, _Paint]]:
        """Return what to paint each region with, in an order that stays from frame to frame.

        If the order followed the regions' sizes, two covers that overlap would take turns on top.
        Zones come last, so that nobody who passes under one disturbs it. All regions are measured
        before any is painted.
        """
        boxes = [_box(region) for region in regions]
        pairs = [(region, self._paint_for(region, boxes, planes)) for region in regions]
        return sorted(pairs, key=lambda pair: _painting_order(pair[0]))

    def _paint_for(self, region: Region, boxes: Sequence[Edges], planes: Planes) -> _Paint:
        """Return the paint of a region: a track or zone keeps its own, with a tone that eases."""
        owner = _owner(region)
        if owner is None:
            return self._new_paint(region, boxes, planes)
        paint = self._paints.get(owner)
        if paint is None:
            paint = self._paints[owner] = self._new_paint(region, boxes, planes)
            if len(self._paints) > TUNING.max_held_tracks:
                self._paints.popitem(last=False)
            return paint
        self._paints.move_to_end(owner)
        paint.age_frames += 1
        if paint.age_frames % TUNING.measure_every_frames == 0:
            paint.target = self._tone(region, boxes, planes, paint.target)
        if np.abs(paint.target - paint.tone).max() > TUNING.min_tone_step:
            step = (paint.target - paint.tone) * np.float32(TUNING.ease_ratio)
            paint.tone = paint.tone + step.clip(-TUNING.max_tone_step, TUNING.max_tone_step)
            paint.cells = _as_cells(paint.tone, paint.patterns, len(planes))
        return paint

    def _new_paint(self, region: Region, boxes: Sequence[Edges], planes: Planes) -> _Paint:
        if self._name == "gaussian":
            patterns = self._gaussian_pattern(region, planes)
        elif self._strength < 1:
            patterns = _measured_pattern(region, planes, math.ceil(1 / self._strength))
        else:
            patterns = self._random_pattern(region)
        solid = np.empty_like(patterns)
        solid[:] = np.array(TUNING.solid_tone, dtype=np.float32)[:, None, None]
        tone = self._tone(region, boxes, planes, solid)
        return _Paint(tone, tone, patterns, _as_cells(tone, patterns, len(planes)))

    def _tone(
        self,
        region: Region,
        boxes: Sequence[Edges],
        planes: Planes,
        otherwise: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        if self._name == "solid":
            return otherwise
        around = surrounding_tones(_box(region), boxes, planes)
        return otherwise if around is None else resampled(around, *otherwise.shape[1:])

    def _random_pattern(self, region: Region) -> NDArray[np.float32]:
        """Return cells that depend on nothing but the seed and the track or zone."""
        tuning = KINDS.get(region.kind, OTHER_KIND)
        shape = tuning.pattern_cells or (self._style.cells, self._style.cells)
        seed = [self._seed, 0 if region.track_id is None else region.track_id]
        if region.zone_number is not None:
            seed.append(1 + region.zone_number)
        rng = np.random.default_rng(seed)
        values = rng.uniform(-1, 1, shape)
        patterns = np.zeros((3, *shape), dtype=np.float32)
        patterns[0] = (values - values.mean()) * self._style.contrast
        return patterns * np.float32(tuning.contrast_ratio)

    def _opaque_pixels(self, regions: Sequence[Region], shape: tuple[int, ...]) -> int:
        """Return how many pixels of a luma plane of that shape lie in any of the regions."""
        is_apart = not any(
            overlaps(_box(a), _box(b)) for a, b in itertools.combinations(regions, 2)
        )
        if is_apart and all(_box_inside(region, shape) == _box(region) for region in regions):
            return sum(
                self._zones.opaque_area(region)
                if region.shape == "polygon"
                else _opaque_area(region)
                for region in regions
            )
        covered = np.zeros(shape, dtype=np.bool_)
        for region in regions:
            x0, y0, x1, y1 = _box_inside(region, shape)
            part = covered[y0:y1, x0:x1]
            if region.shape == "ellipse":
                across = 2 * (np.arange(x0, x1) + 0.5 - region.x0) / (region.x1 - region.x0) - 1
                down = 2 * (np.arange(y0, y1) + 0.5 - region.y0) / (region.y1 - region.y0) - 1
                part |= down[:, None] ** 2 + across**2 <= 1
            elif region.shape == "polygon":
                part |= self._zones.opaque(region)
            else:
                part[:] = True
        return int(np.count_nonzero(covered))

    def _gaussian_pattern(self, region: Region, planes: Planes) -> NDArray[np.float32]:
        """Return a grid of the region's means, blurred by a Gaussian."""
        count = max(TUNING.gaussian_cells, math.ceil(2 / self._strength))
        at = np.arange(count)
        weights = np.exp(-0.5 * ((at[:, None] - at) / (self._strength * count)) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        cells = _measured_pattern(region, planes, count)
        blurred: NDArray[np.float64] = np.einsum("ij,cjk,lk->cil", weights, cells, weights)
        return blurred.astype(np.float32)


def _owner(region: Region) -> tuple[str, int] | None:
    """Whose region it is; None for that of a single detection."""
    if region.track_id is not None:
        return "track", region.track_id
    return None if region.zone_number is None else ("zone", region.zone_number)


def _painting_order(region: Region) -> tuple[bool, int]:
    is_zone = region.zone_number is not None
    return is_zone, (region.zone_number if is_zone else region.track_id) or 0


def _opaque_area(region: Region) -> int:
    area = (region.x1 - region.x0) * (region.y1 - region.y0)
    return round(math.pi / 4 * area) if region.shape == "ellipse" else area


def _measured_pattern(region: Region, planes: Planes, count: int) -> NDArray[np.float32]:
    """Return (3, count, count) means of the region's parts minus the mean of all of them."""
    parts = mean_tones(_box_inside(region, planes[0].shape), planes, count)
    return np.asarray(parts - parts.mean(axis=(1, 2), keepdims=True), dtype=np.float32)


def _box(region: Region) -> Edges:
    return region.x0, region.y0, region.x1, region.y1


def _box_inside(region: Region, shape: tuple[int, ...]) -> Edges:
    """Return the part of a region's box that lies inside a plane of that shape."""
    height, width = shape[:2]
    return max(0, region.x0), max(0, region.y0), min(width, region.x1), min(height, region.y1)


def _edge_pixels(region: Region) -> float:
    """Return the width over which the cover fades out around its opaque part."""
    shorter = min(region.x1 - region.x0, region.y1 - region.y0)
    return max(TUNING.min_edge_pixels, TUNING.edge_ratio * shorter)


def _as_cells(tone: NDArray[np.float32], patterns: NDArray[np.float32], plane_count: int) -> _Cells:
    """Return the cells of Y, U and V, or of one BGR image, as the kernel takes them."""
    cells = np.clip(tone + patterns, 0, 255)
    parts = [p[:, :, None] for p in cells]
    if plane_count == 1:
        parts = [yuv_to_bgr(cells).clip(0, 255)]
    return tuple(np.ascontiguousarray(part, dtype=np.float32) for part in parts)
