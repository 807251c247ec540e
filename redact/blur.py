"""Covers: the checked way to the kernels, and the one table of styles.

What a cover may tell is little: the default takes one quantised mean tone out of a region, holds
it for as long as the track lasts, and paints made-up cells around it, stretched over the box.
Nothing that changes from frame to frame comes from the face.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from redact import _kernels
from redact.errors import SettingsError
from redact.records import Frame, Region
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
    "blur": Style(default=1.0, limit=1.0, is_smooth=True, cells=4, contrast=10.0),
    "pixelate": Style(default=1.0, limit=1.0, is_smooth=False, cells=5, contrast=16.0),
    "gaussian": Style(default=6.0, limit=6.0, is_smooth=True, cells=1, contrast=0.0),
    "solid": Style(default=1.0, limit=1.0, is_smooth=False, cells=1, contrast=0.0),
}

_SOLID_TONE = (96.0, 128.0, 128.0)
_LUMA_STEP, _CHROMA_STEP = 32.0, 12.0
# A plate's cover has at most two cells, so that nothing looks like a letter.
_PLATE_CELLS = (1, 2)
_GAUSSIAN_CELLS = 16
_EDGE_SHARE = 0.09
_MEASURE_EVERY = 15
_EASE = 0.125
_MOST_HELD = 512
_ZERO = np.zeros((1, 1, 1), dtype=np.float32)

# Offsets from the tone for Y, U, V: each (rows, columns, 1).
_Patterns = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


@dataclasses.dataclass
class _Held:
    """What a track is painted with. Tones are Y, U, V; patterns are offsets from the tone."""

    tone: NDArray[np.float32]
    aim: NDArray[np.float32]
    patterns: _Patterns
    age: int = 0


class Cover:
    """Covers regions frame after frame, and remembers the tone that each track was given.

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
        self._held: dict[int, _Held] = {}
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
        # Measure all before painting any: a region must not take its tone from another's cover.
        looks = [self._look(region, (frame.y, frame.u, frame.v)) for region in regions]
        for region, held in _small_first(regions, looks):
            y, u, v = (held.tone[i] + held.patterns[i] for i in range(3))
            self._paint(frame.y, region, y)
            self._paint(frame.u, region, u, halved=True)
            self._paint(frame.v, region, v, halved=True)
            x0, y0, x1, y1 = _half(_box(region))
            covered[y0:y1, x0:x1] = True
        return min(4 * int(covered.sum()), frame.y.size)

    def image(self, image: NDArray[np.uint8], regions: Sequence[Region]) -> None:
        """Cover the regions in a C-contiguous (H, W, 3) uint8 BGR picture, in place."""
        looks = [self._look(region, (image,)) for region in regions]
        flat = image.reshape(image.shape[0], -1)
        for region, held in _small_first(regions, looks):
            parts = [held.tone[i] + held.patterns[i] for i in range(3)]
            self._paint(flat, region, _yuv_to_bgr(*parts))

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
        cells = np.ascontiguousarray(np.clip(cells, 0, 255), dtype=np.float32)
        x0, y0, x1, y1 = (float(v) for v in box)
        rounded = region.shape == "ellipse"
        _kernels.paint(plane, x0, y0, x1, y1, cells, self._style.is_smooth, rounded, edge)

    def _look(self, region: Region, planes: Sequence[NDArray[np.uint8]]) -> _Held:
        """What to paint the region with; a track keeps what it has."""
        held = None if region.track_id is None else self._held.get(region.track_id)
        if held is None:
            held = self._measure(region, planes)
            if region.track_id is not None:
                self._remember(region.track_id, held)
            return held
        held.age += 1
        if held.age % _MEASURE_EVERY == 0 and self._name != "solid":
            mean = _means(region, planes, 1, 1)[:, 0, 0]
            # Only a change of light that no noise can make moves the tone, one step at a time.
            far = np.abs(mean - held.aim) > 1.25 * _steps()
            held.aim = np.where(far, _quantised(mean), held.aim).astype(np.float32)
        held.tone = held.tone + (held.aim - held.tone) * np.float32(_EASE)
        return held

    def _remember(self, track_id: int, held: _Held) -> None:
        self._held[track_id] = held
        if len(self._held) > _MOST_HELD:
            del self._held[next(iter(self._held))]

    def _measure(self, region: Region, planes: Sequence[NDArray[np.uint8]]) -> _Held:
        if self._name == "solid":
            tone = np.array(_SOLID_TONE, dtype=np.float32)
            return _Held(tone, tone, (_ZERO, _ZERO, _ZERO))
        mean = _means(region, planes, 1, 1)[:, 0, 0]
        tone = _quantised(mean)
        if self._name == "gaussian":
            patterns = self._gaussian(region, planes, mean)
        elif self._strength < 1:
            patterns = self._measured(region, planes, mean)
        else:
            patterns = self._made_up(region)
        return _Held(tone, tone, patterns)

    def _made_up(self, region: Region) -> _Patterns:
        """Cells that say nothing of the region: drawn by lot, the same for a track's whole life."""
        shape = _PLATE_CELLS if region.kind == "plate" else (self._style.cells,) * 2
        rng = np.random.default_rng((self._seed, 0 if region.track_id is None else region.track_id))
        lot = rng.uniform(-1, 1, (*shape, 1)).astype(np.float32)
        lot -= lot.mean()
        contrast = self._style.contrast * (0.4 if region.kind == "plate" else 1.0)
        return lot * np.float32(contrast), _ZERO, _ZERO

    def _measured(
        self, region: Region, planes: Sequence[NDArray[np.uint8]], mean: NDArray[np.float32]
    ) -> _Patterns:
        """Cells taken from the region, for strengths below 1."""
        count = math.ceil(1 / self._strength)
        cells = _means(region, planes, count, count) - mean[:, None, None]
        return _as_patterns(cells)

    def _gaussian(
        self, region: Region, planes: Sequence[NDArray[np.uint8]], mean: NDArray[np.float32]
    ) -> _Patterns:
        """The region averaged over a grid, and the grid blurred by a Gaussian."""
        count = max(_GAUSSIAN_CELLS, math.ceil(2 / self._strength))
        cells = _means(region, planes, count, count) - mean[:, None, None]
        at = np.arange(count)
        spread = np.exp(-0.5 * ((at[:, None] - at) / (self._strength * count)) ** 2)
        spread /= spread.sum(axis=1, keepdims=True)
        blurred = np.einsum("ij,cjk,lk->cil", spread, cells, spread).astype(np.float32)
        return _as_patterns(blurred)


def _small_first(regions: Sequence[Region], looks: Sequence[_Held]) -> list[tuple[Region, _Held]]:
    """In the order to paint: what lies inside a larger region then doesn't show in its cover."""
    pairs = list(zip(regions, looks, strict=True))
    return sorted(pairs, key=lambda p: (p[0].x1 - p[0].x0) * (p[0].y1 - p[0].y0))


def _means(
    region: Region, planes: Sequence[NDArray[np.uint8]], rows: int, columns: int
) -> NDArray[np.float32]:
    """(3, rows, columns) mean Y, U, V; planes: (y, u, v), or one (H, W, 3) BGR picture."""
    box = _box(region)
    if len(planes) == 1:
        cells = np.empty((rows, columns, 3), dtype=np.float32)
        _kernels.reduce(planes[0].reshape(planes[0].shape[0], -1), *box, cells)
        return _bgr_to_yuv(cells)
    half = _half(box)
    result = np.empty((3, rows, columns, 1), dtype=np.float32)
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


def _steps() -> NDArray[np.float32]:
    return np.array([_LUMA_STEP, _CHROMA_STEP, _CHROMA_STEP], dtype=np.float32)


def _quantised(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Y, U, V on a grid of 8 levels for luma and as coarse a one for colour."""
    luma = (np.floor(mean[0] / _LUMA_STEP) + 0.5) * _LUMA_STEP
    # Towards grey: a cover in a colour that nothing there has would catch the eye.
    chroma = np.clip(np.trunc((mean[1:] - 128) / _CHROMA_STEP), -4, 4) * _CHROMA_STEP + 128
    return np.concatenate([[luma], chroma]).astype(np.float32)


def _as_patterns(cells: NDArray[np.float32]) -> _Patterns:
    y, u, v = (np.ascontiguousarray(part[:, :, None], dtype=np.float32) for part in cells)
    return y, u, v


# ITU-R BT.601, full range: only a grey axis and two colour axes are needed here.
_TO_YUV = np.array(
    [[0.114, 0.587, 0.299], [0.5, -0.331264, -0.168736], [-0.081312, -0.418688, 0.5]],
    dtype=np.float32,
)


def _bgr_to_yuv(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, columns, 3) BGR as (3, rows, columns) YUV."""
    offset = np.array([0, 128, 128], dtype=np.float32)[:, None, None]
    return np.asarray(np.einsum("cb,ijb->cij", _TO_YUV, cells) + offset, dtype=np.float32)


def _yuv_to_bgr(
    y: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Cells of Y, U, V, each (rows, columns, 1) or one for all, as (rows, columns, 3) BGR."""
    y, u, v = np.broadcast_arrays(y, u - 128, v - 128)
    blue, red = y + 1.772 * u, y + 1.402 * v
    green = y - 0.344136 * u - 0.714136 * v
    return np.concatenate([blue, green, red], axis=2)
