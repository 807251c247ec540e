"""Covers: the checked way to the kernels, and the one table of styles.

A cover tells nothing of what is under it: its brightness is that of what stays visible around the
region, its pattern is drawn by lot and held for as long as the track lasts. Not one pixel of the
box has a part in it. Only strengths below 1 and "gaussian" measure the region itself.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact import _kernels
from redact.boxes import align_even
from redact.errors import SettingsError
from redact.records import Box, Frame, Region
from redact.settings import Settings


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
_EDGE_SHARE = 0.09
# The tone is looked up so often, in frames, and drawn near by this share of the rest in each.
_MEASURE_EVERY, _EASE = 15, 0.0625
_MOST_HELD = 512

# Covers are no darker and no brighter, have this much of U and V at middle brightness, and all of
# that where the surroundings are this far from grey.
_LUMA_RANGE, _WARM, _COLOURFUL = (32.0, 200.0), (-6.0, 5.0), 6.0
# The ring around a box from which its tone is taken: the border of a 5 x 5 grid, this many times
# as wide and high as the box.
_RING = 2.4
_RING_PATCHES = [(i, j) for i in range(5) for j in range(5) if i in (0, 4) or j in (0, 4)]

_Edges = tuple[int, int, int, int]
# Cells of Y, U, V or of B, G, R planes, each (rows, columns, channels of the plane) float32.
_Cells = tuple[NDArray[np.float32], ...]
_Planes = Sequence[NDArray[np.uint8]]


@dataclasses.dataclass
class _Look:
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
        self._held: dict[int, _Look] = {}
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
        if not regions:
            return 0
        covered = np.zeros(frame.u.shape, dtype=np.bool_)
        looks = self._looks(regions, (frame.y, frame.u, frame.v))
        for region, look in _small_first(regions, looks):
            y, u, v = look.cells
            self._paint(frame.y, region, y)
            self._paint(frame.u, region, u, halved=True)
            self._paint(frame.v, region, v, halved=True)
            x0, y0, x1, y1 = _half(_box(region))
            covered[y0:y1, x0:x1] = True
        return min(4 * int(np.count_nonzero(covered)), frame.y.size)

    def image(self, image: NDArray[np.uint8], regions: Sequence[Region]) -> None:
        """Cover the regions in a C-contiguous (H, W, 3) uint8 BGR picture, in place."""
        looks = self._looks(regions, (image,))
        flat = image.reshape(image.shape[0], -1)
        for region, look in _small_first(regions, looks):
            self._paint(flat, region, look.cells[0])

    def _paint(
        self,
        plane: NDArray[np.uint8],
        region: Region,
        cells: NDArray[np.float32],
        *,
        halved: bool = False,
    ) -> None:
        """Cover the region in one plane; `halved` in one of half the width and height."""
        box, edge = _box(region), _edge(region)
        if halved:
            box, edge = _half(box), edge / 2
        rounded = region.shape == "ellipse"
        _kernels.paint(plane, *box, cells, self._style.is_smooth, rounded, edge)

    def _looks(self, regions: Sequence[Region], planes: _Planes) -> list[_Look]:
        """What to paint each region with. All are measured before any is painted."""
        boxes = [_box(region) for region in regions]
        return [self._look(region, boxes, planes) for region in regions]

    def _look(self, region: Region, boxes: Sequence[_Edges], planes: _Planes) -> _Look:
        """A track keeps its pattern, and its tone but for a slow change of light around it."""
        look = None if region.track_id is None else self._held.get(region.track_id)
        if look is None:
            look = self._measure(region, boxes, planes)
            if region.track_id is not None:
                self._remember(region.track_id, look)
            return look
        look.age += 1
        if look.age % _MEASURE_EVERY == 0:
            look.aim = self._tone(region, boxes, planes, look.aim)
        if np.abs(look.aim - look.tone).max() > 0.5:
            look.tone = look.tone + (look.aim - look.tone) * np.float32(_EASE)
            look.cells = _as_cells(look.tone, look.patterns, len(planes))
        return look

    def _remember(self, track_id: int, look: _Look) -> None:
        self._held[track_id] = look
        if len(self._held) > _MOST_HELD:
            del self._held[next(iter(self._held))]

    def _measure(self, region: Region, boxes: Sequence[_Edges], planes: _Planes) -> _Look:
        solid = np.array(_SOLID_TONE, dtype=np.float32)
        tone = self._tone(region, boxes, planes, solid)
        if self._name == "gaussian":
            patterns = self._gaussian(region, planes)
        elif self._strength < 1:
            count = math.ceil(1 / self._strength)
            patterns = _measured(region, planes, count)
        else:
            patterns = self._made_up(region)
        return _Look(tone, tone, patterns, _as_cells(tone, patterns, len(planes)))

    def _tone(
        self,
        region: Region,
        boxes: Sequence[_Edges],
        planes: _Planes,
        otherwise: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        if self._name == "solid":
            return otherwise
        around = _surroundings(_box(region), boxes, planes)
        return otherwise if around is None else _toned_down(around)

    def _made_up(self, region: Region) -> NDArray[np.float32]:
        """Cells that say nothing of the region: drawn by lot, the same for a track's whole life."""
        is_plate = region.kind == "plate"
        shape = _PLATE_CELLS if is_plate else (self._style.cells,) * 2
        rng = np.random.default_rng((self._seed, 0 if region.track_id is None else region.track_id))
        lot = rng.uniform(-1, 1, shape)
        patterns = np.zeros((3, *shape), dtype=np.float32)
        patterns[0] = (lot - lot.mean()) * self._style.contrast
        return patterns * np.float32(_PLATE_CONTRAST if is_plate else 1.0)

    def _gaussian(self, region: Region, planes: _Planes) -> NDArray[np.float32]:
        """The region averaged over a grid, and the grid blurred by a Gaussian."""
        count = max(_GAUSSIAN_CELLS, math.ceil(2 / self._strength))
        at = np.arange(count)
        spread = np.exp(-0.5 * ((at[:, None] - at) / (self._strength * count)) ** 2)
        spread /= spread.sum(axis=1, keepdims=True)
        cells = _measured(region, planes, count)
        blurred: NDArray[np.float64] = np.einsum("ij,cjk,lk->cil", spread, cells, spread)
        return blurred.astype(np.float32)


def _small_first(regions: Sequence[Region], looks: Sequence[_Look]) -> list[tuple[Region, _Look]]:
    """In the order to paint: what lies inside a larger region then doesn't show in its cover."""
    pairs = list(zip(regions, looks, strict=True))
    return sorted(pairs, key=lambda p: (p[0].x1 - p[0].x0) * (p[0].y1 - p[0].y0))


def _surroundings(
    box: _Edges, covered: Sequence[_Edges], planes: _Planes
) -> NDArray[np.float32] | None:
    """(3,) mean Y, U, V around the box, of nothing but what stays visible; None if all is hidden.

    Sixteen patches in a ring, past the cover's own edge, are asked; those that meet a covered
    box are left out.
    """
    height, width = planes[0].shape[:2]
    x0, y0, x1, y1 = box
    step_x, step_y = _RING * (x1 - x0) / 5, _RING * (y1 - y0) / 5
    found = []
    for column, row in _RING_PATCHES:
        left = (x0 + x1) / 2 + (column - 2.5) * step_x
        top = (y0 + y1) / 2 + (row - 2.5) * step_y
        patch = align_even(Box(left + 2, top + 2, left + step_x, top + step_y), width, height)
        if patch and not any(_meet(patch, other) for other in covered):
            found.append(_means(patch, planes, 1)[:, 0, 0])
    return np.mean(found, axis=0, dtype=np.float32) if found else None


def _meet(a: _Edges, b: _Edges) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _toned_down(around: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3,) as bright as the surroundings and a little warm, like skin; grey where all is grey.

    The colour around isn't taken over: a cover in the green of a hedge would look strange.
    """
    luma = float(np.clip(around[0], *_LUMA_RANGE))
    colour = min(1.0, float(np.hypot(*(around[1:] - 128))) / _COLOURFUL)
    warm = np.array(_WARM, dtype=np.float32) * np.float32(colour * luma / 128)
    return np.array([luma, 128 + warm[0], 128 + warm[1]], dtype=np.float32)


def _measured(region: Region, planes: _Planes, count: int) -> NDArray[np.float32]:
    """(3, count, count) means of the region's own parts less that of the whole."""
    means = _means(_box(region), planes, count)
    return np.asarray(means - means.mean(axis=(1, 2), keepdims=True), dtype=np.float32)


def _means(box: _Edges, planes: _Planes, count: int) -> NDArray[np.float32]:
    """(3, count, count) mean Y, U, V; planes: (y, u, v), or one (H, W, 3) BGR picture."""
    if len(planes) == 1:
        cells = np.empty((count, count, 3), dtype=np.float32)
        _kernels.reduce(planes[0].reshape(planes[0].shape[0], -1), *box, cells)
        return _bgr_to_yuv(cells)
    half = _half(box)
    result = np.empty((3, count, count, 1), dtype=np.float32)
    for channel, (plane, edges) in enumerate(zip(planes, (box, half, half), strict=True)):
        _kernels.reduce(plane, *edges, result[channel])
    return result[..., 0]


def _box(region: Region) -> tuple[int, int, int, int]:
    return region.x0, region.y0, region.x1, region.y1


def _half(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The same box in a 4:2:0 chroma plane, whose last pixel may stand for an odd edge."""
    x0, y0, x1, y1 = box
    return x0 // 2, y0 // 2, -(-x1 // 2), -(-y1 // 2)


def _edge(region: Region) -> float:
    """Pixels over which the cover fades out, outside its opaque part."""
    shorter = min(region.x1 - region.x0, region.y1 - region.y0)
    return max(2.0, _EDGE_SHARE * shorter)


def _as_cells(
    tone: NDArray[np.float32], patterns: NDArray[np.float32], planes: int
) -> tuple[NDArray[np.float32], ...]:
    """Cells for Y, U and V, or for one BGR picture, as the kernel takes them."""
    cells = np.clip(tone[:, None, None] + patterns, 0, 255)
    if planes == 1:
        return (np.ascontiguousarray(np.clip(_yuv_to_bgr(cells), 0, 255), dtype=np.float32),)
    return tuple(np.ascontiguousarray(part[:, :, None], dtype=np.float32) for part in cells)


# ITU-R BT.601, full range: only a grey axis and two colour axes are needed here.
_TO_YUV = np.array(
    [[0.114, 0.587, 0.299], [0.5, -0.331264, -0.168736], [-0.081312, -0.418688, 0.5]],
    dtype=np.float32,
)


def _bgr_to_yuv(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, columns, 3) BGR as (3, rows, columns) YUV."""
    offset = np.array([0, 128, 128], dtype=np.float32)[:, None, None]
    return np.asarray(np.einsum("cb,ijb->cij", _TO_YUV, cells) + offset, dtype=np.float32)


def _yuv_to_bgr(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, rows, columns) YUV as (rows, columns, 3) BGR."""
    y, u, v = cells[0], cells[1] - 128, cells[2] - 128
    return np.stack([y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v], axis=2)
