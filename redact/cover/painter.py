"""Covers: the checked way to the kernels, and the one table of styles.

A cover tells nothing of what is under it: its brightness is that of what stays visible around the
region, its pattern is drawn by lot and held for as long as the track lasts. Not one pixel of the
box has a part in it. Only strengths below 1 and "gaussian" measure the region itself.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact.cover import _kernels
from redact.cover.tone import Planes, half, means, surroundings, toned_down, yuv_to_bgr
from redact.errors import SettingsError
from redact.geometry import Edges, meet
from redact.settings import Settings
from redact.types import Frame, Region


@dataclasses.dataclass(frozen=True)
class Style:
    """A way to cover. Strength: the smallest detail kept, as a share of the region's size.

    Strength 1 keeps one tone for the whole region, 0.25 keeps four measured cells across. For
    "gaussian" it is the kernel's standard deviation.
    """

    default: float
    limit: float
    """A weaker strength than this was shown to be recognisable."""
    is_smooth: bool
    cells: int
    """Made-up cells across a face."""
    contrast: float
    """How far made-up cells go up and down from the tone, grey steps."""


STYLES = {
    "blur": Style(default=1.0, limit=1.0, is_smooth=True, cells=4, contrast=6.0),
    "pixelate": Style(default=1.0, limit=1.0, is_smooth=False, cells=5, contrast=16.0),
    "gaussian": Style(default=8.0, limit=8.0, is_smooth=True, cells=1, contrast=0.0),
    "solid": Style(default=1.0, limit=1.0, is_smooth=False, cells=1, contrast=0.0),
}

_SOLID_TONE = (96.0, 128.0, 128.0)
# A plate's cover has at most two cells, so that nothing looks like a letter.
_PLATE_CELLS, _PLATE_CONTRAST = (1, 2), 0.4
_GAUSSIAN_CELLS = 16
_EDGE_SHARE = 0.045
# The tone is looked up so often, in frames, and drawn near by this share of the rest in each.
_MEASURE_EVERY, _EASE = 30, 0.0625
_MAX_HELD = 512

# Cells of Y, U, V or of B, G, R planes, each (rows, columns, channels of the plane) float32.
_Cells = tuple[_kernels.Pinned, ...]


@dataclasses.dataclass
class _Brush:
    """What a track is painted with."""

    tone: NDArray[np.float32]
    """(3,) Y, U, V now."""
    aim: NDArray[np.float32]
    """(3,) where the tone goes to."""
    patterns: NDArray[np.float32]
    """(3, rows, columns) offsets from the tone."""
    cells: _Cells
    """Tone and patterns as the kernel takes them."""
    age: int = 0


class Cover:
    """Covers regions frame after frame, and remembers what each track was painted with.

    Use one object for one clip or stream. Nothing is shared between objects.

    Args:
        settings: `style`, `strength` and `unsafe` are used.
        seed: another one gives other made-up cells.

    Raises:
        SettingsError: the strength is weaker than the style's limit and `unsafe` isn't set.

    """

    def __init__(self, settings: Settings, *, seed: int = 0) -> None:
        self._name, self._style = settings.style, STYLES[settings.style]
        self._strength = self._style.default if settings.strength is None else settings.strength
        self._seed = seed
        self._held: dict[int, _Brush] = {}
        if self._strength < self._style.limit and not settings.unsafe:
            raise SettingsError(
                f"strength {self._strength:g} of style {self._name!r} is weaker than "
                f"{self._style.limit:g}, so faces may be recognised; leave it out, or set "
                "unsafe=True if that is what you want"
            )

    def planes(self, frame: Frame, regions: Sequence[Region]) -> int:
        """Cover the regions in the frame's planes, in place; returns the luma pixels covered.

        Only what is covered opaquely is counted, pixels under two regions once.
        """
        planes = (frame.y, frame.u, frame.v)
        brushes = self._brushes(regions, planes)
        y, u, v = (_kernels.pinned(plane) for plane in planes)
        for region, brush in _small_first(regions, brushes):
            self._paint(y, region, brush.cells[0])
            self._paint(u, region, brush.cells[1], halved=True)
            self._paint(v, region, brush.cells[2], halved=True)
        return _area([_box(region) for region in regions], frame.y.shape)

    def image(self, image: NDArray[np.uint8], regions: Sequence[Region]) -> None:
        """Cover the regions in a C-contiguous (H, W, 3) uint8 BGR picture, in place."""
        brushes = self._brushes(regions, (image,))
        flat = _kernels.pinned(image.reshape(image.shape[0], -1))
        for region, brush in _small_first(regions, brushes):
            self._paint(flat, region, brush.cells[0])

    def _paint(
        self,
        plane: _kernels.Pinned,
        region: Region,
        cells: _kernels.Pinned,
        *,
        halved: bool = False,
    ) -> None:
        """Cover the region in one plane; `halved` in one of half the width and height."""
        box, edge = _box(region), _edge(region)
        if halved:
            box, edge = half(box), edge / 2
        rounded = region.shape == "ellipse"
        _kernels.paint(plane, *box, cells, self._style.is_smooth, rounded, edge)

    def _brushes(self, regions: Sequence[Region], planes: Planes) -> list[_Brush]:
        """What to paint each region with. All are measured before any is painted."""
        boxes = [_box(region) for region in regions]
        return [self._brush(region, boxes, planes) for region in regions]

    def _brush(self, region: Region, boxes: Sequence[Edges], planes: Planes) -> _Brush:
        """A track keeps its pattern, and its tone but for a slow change of light around it."""
        brush = None if region.track_id is None else self._held.get(region.track_id)
        if brush is None:
            brush = self._measure(region, boxes, planes)
            if region.track_id is not None:
                self._remember(region.track_id, brush)
            return brush
        brush.age += 1
        if brush.age % _MEASURE_EVERY == 0:
            brush.aim = self._tone(region, boxes, planes, brush.aim)
        if np.abs(brush.aim - brush.tone).max() > 0.5:
            brush.tone = brush.tone + (brush.aim - brush.tone) * np.float32(_EASE)
            brush.cells = _as_cells(brush.tone, brush.patterns, len(planes))
        return brush

    def _remember(self, track_id: int, brush: _Brush) -> None:
        self._held[track_id] = brush
        if len(self._held) > _MAX_HELD:
            del self._held[next(iter(self._held))]

    def _measure(self, region: Region, boxes: Sequence[Edges], planes: Planes) -> _Brush:
        solid = np.array(_SOLID_TONE, dtype=np.float32)
        tone = self._tone(region, boxes, planes, solid)
        if self._name == "gaussian":
            patterns = self._gaussian(region, planes)
        elif self._strength < 1:
            count = math.ceil(1 / self._strength)
            patterns = _measured(region, planes, count)
        else:
            patterns = self._made_up(region)
        return _Brush(tone, tone, patterns, _as_cells(tone, patterns, len(planes)))

    def _tone(
        self,
        region: Region,
        boxes: Sequence[Edges],
        planes: Planes,
        otherwise: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        if self._name == "solid":
            return otherwise
        around = surroundings(_box(region), boxes, planes)
        return otherwise if around is None else toned_down(around, region.kind)

    def _made_up(self, region: Region) -> NDArray[np.float32]:
        """Cells that say nothing of the region: drawn by lot, the same for a track's whole life."""
        is_plate = region.kind == "plate"
        shape = _PLATE_CELLS if is_plate else (self._style.cells,) * 2
        rng = np.random.default_rng((self._seed, 0 if region.track_id is None else region.track_id))
        lot = rng.uniform(-1, 1, shape)
        patterns = np.zeros((3, *shape), dtype=np.float32)
        patterns[0] = (lot - lot.mean()) * self._style.contrast
        return patterns * np.float32(_PLATE_CONTRAST if is_plate else 1.0)

    def _gaussian(self, region: Region, planes: Planes) -> NDArray[np.float32]:
        """The region averaged over a grid, and the grid blurred by a Gaussian."""
        count = max(_GAUSSIAN_CELLS, math.ceil(2 / self._strength))
        at = np.arange(count)
        spread = np.exp(-0.5 * ((at[:, None] - at) / (self._strength * count)) ** 2)
        spread /= spread.sum(axis=1, keepdims=True)
        cells = _measured(region, planes, count)
        blurred: NDArray[np.float64] = np.einsum("ij,cjk,lk->cil", spread, cells, spread)
        return blurred.astype(np.float32)


def _small_first(
    regions: Sequence[Region], brushes: Sequence[_Brush]
) -> list[tuple[Region, _Brush]]:
    """In the order to paint: what lies inside a larger region then doesn't show in its cover."""
    pairs = list(zip(regions, brushes, strict=True))
    return sorted(pairs, key=lambda p: (p[0].x1 - p[0].x0) * (p[0].y1 - p[0].y0))


def _area(boxes: Sequence[Edges], shape: tuple[int, ...]) -> int:
    """Pixels of a plane of that shape that lie in any of the boxes."""
    if not any(meet(a, b) for a, b in itertools.combinations(boxes, 2)):
        return sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
    covered = np.zeros(shape, dtype=np.bool_)
    for x0, y0, x1, y1 in boxes:
        covered[y0:y1, x0:x1] = True
    return int(np.count_nonzero(covered))


def _measured(region: Region, planes: Planes, count: int) -> NDArray[np.float32]:
    """(3, count, count) means of the region's own parts less that of the whole."""
    parts = means(_box(region), planes, count)
    return np.asarray(parts - parts.mean(axis=(1, 2), keepdims=True), dtype=np.float32)


def _box(region: Region) -> Edges:
    return region.x0, region.y0, region.x1, region.y1


def _edge(region: Region) -> float:
    """Pixels over which the cover fades out, outside its opaque part."""
    shorter = min(region.x1 - region.x0, region.y1 - region.y0)
    return max(2.0, _EDGE_SHARE * shorter)


def _as_cells(tone: NDArray[np.float32], patterns: NDArray[np.float32], planes: int) -> _Cells:
    """Cells for Y, U and V, or for one BGR picture, as the kernel takes them."""
    cells = np.clip(tone[:, None, None] + patterns, 0, 255)
    parts = [yuv_to_bgr(cells).clip(0, 255)] if planes == 1 else [p[:, :, None] for p in cells]
    arrays = (np.ascontiguousarray(part, dtype=np.float32) for part in parts)
    return tuple(_kernels.pinned(array) for array in arrays)
