"""CenterFace: far and crowded faces, at a price.

Source: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Found, Network, in_parts, joined, scaled_parts
from redact.geometry import Edges
from redact.imaging import mirrored, resized
from redact.types import Box, Detection

_STRIDE = 4
_MULTIPLE = 32
_NMS_IOU = 0.3
# A pass over more pixels goes in tiles: the network's memory grows by some 300 bytes a pixel.
_MAX_PIXELS = 960 * 640
# Longest side of a tile, and by how much tiles overlap at least: larger faces are seen smaller.
_TILE, _OVERLAP = 736, 96
# Of passes over more pixels than this, one at a time: two threads would need twice the memory.
_FEW_PIXELS = 480 * 480

_large_passes = threading.Lock()


class CenterFaceDetector:
    """Faces by CenterFace, at one or more sizes of the picture.

    Args:
        long_sides: for each pass, the longer side in pixels that the picture is brought to; None
            keeps it as it is. Near faces are found better small, far ones large, so two passes
            find more than one.
        most_enlarged: a smaller picture is enlarged by this factor at most.
        mirrored: look at the picture in a mirror: other faces are missed there.
        threshold: lowest score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    kinds = ("face",)

    def __init__(
        self,
        long_sides: Sequence[int | None] = (None,),
        *,
        threshold: float = 0.2,
        threads: int = 0,
        max_enlarged: float = 1.0,
        mirrored: bool = False,
    ) -> None:
        self._max_enlarged, self._mirrored = max_enlarged, mirrored
        self._long_sides = tuple(long_sides)
        self._threshold = threshold
        self._network = Network("centerface_any_size.onnx", threads=threads)

    def detect(
        self, image: NDArray[np.uint8], within: Sequence[Box] | None = None
    ) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR picture.

        within: only what lies in these parts of the picture needs to be found. Small passes cost
            little and see all of it all the same.
        """
        sizes = sorted({self._input_size(image, side) for side in self._long_sides})
        scan = self.scan_mirrored if self._mirrored else self.scan
        return joined("face", [scan(image, size, within) for size in sizes], _NMS_IOU)

    def scan_mirrored(
        self, image: NDArray[np.uint8], size: tuple[int, int], within: Sequence[Box] | None = None
    ) -> Found:
        """What `look` sees in the mirrored picture, brought back."""
        width = image.shape[1]
        if within is not None:
            within = [Box(width - box.x1, box.y0, width - box.x0, box.y1) for box in within]
        boxes, scores = self.scan(mirrored(image), size, within)
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        return boxes, scores

    def close(self) -> None:
        """Return the memory that looking has left behind."""
        self._network.close()

    def scan(
        self, image: NDArray[np.uint8], size: tuple[int, int], within: Sequence[Box] | None = None
    ) -> Found:
        """Boxes (N, 4) and scores (N,) of one pass over the picture scaled to (width, height).

        Many boxes lie on one face. A pass over more than about a million pixels goes in
        overlapping tiles, so that memory stays bounded.

        within: as for `detect`.
        """
        width, height = size
        factors = [image.shape[1] / width, image.shape[0] / height]
        within = within if width * height > _FEW_PIXELS else None
        if within is None and width * height <= _MAX_PIXELS:
            boxes, scores = self._pass(image, size)
        else:
            factor = (1 / factors[0], 1 / factors[1])
            parts = scaled_parts(within, factor, size, _MULTIPLE)
            boxes, scores = self._pass_in_parts(image, size, parts)
        return boxes * np.asarray(factors * 2, dtype=np.float32), scores

    def _input_size(self, image: NDArray[np.uint8], long_side: int | None) -> tuple[int, int]:
        scale = 1.0 if long_side is None else long_side / max(image.shape[:2])
        return size_at(image, min(scale, self._max_enlarged))

    def _pass_in_parts(
        self,
        image: NDArray[np.uint8],
        size: tuple[int, int],
        parts: Sequence[Edges],
    ) -> Found:
        """One pass over these parts of the scaled picture, larger ones in tiles."""
        scaled = resized(image, *size)
        # What an inner edge cuts is whole in the next tile or in a smaller pass.
        return in_parts(
            itertools.chain.from_iterable(map(_tiles_of, parts)),
            size,
            lambda tile: self._pass(
                scaled[tile[1] : tile[3], tile[0] : tile[2]], (tile[2] - tile[0], tile[3] - tile[1])
            ),
        )

    def _pass(self, image: NDArray[np.uint8], size: tuple[int, int]) -> Found:
        blob = cv2.dnn.blobFromImage(image, 1.0, size, (0, 0, 0), swapRB=True)
        is_large = size[0] * size[1] > _FEW_PIXELS
        with _large_passes if is_large else contextlib.nullcontext():
            heat, scale, offset = self._network(np.asarray(blob, dtype=np.float32))[:3]
        return _decode(heat[0, 0], scale[0], offset[0], self._threshold)


def _tiles_of(part: Edges) -> Iterator[Edges]:
    """The tiles that a part of a picture is looked at in."""
    left, top, right, bottom = part
    for (x0, x1), (y0, y1) in itertools.product(_tiles(right - left), _tiles(bottom - top)):
        yield left + x0, top + y0, left + x1, top + y1


def _tiles(length: int) -> list[tuple[int, int]]:
    """Where tiles of one size begin and end along a side; all lengths are multiples of 32."""
    if length <= _TILE:
        return [(0, length)]
    count = -(-(length - _OVERLAP) // (_TILE - _OVERLAP))
    side = _round_up((length + (count - 1) * _OVERLAP) / count)
    starts = [round(i * (length - side) / (count - 1)) for i in range(count)]
    return [(start, start + side) for start in starts]


def size_at(image: NDArray[np.uint8], scale: float) -> tuple[int, int]:
    """(width, height) of the network's input for a scaled picture: multiples of 32."""
    return _round_up(image.shape[1] * scale), _round_up(image.shape[0] * scale)


def _round_up(pixels: float) -> int:
    return max(_MULTIPLE, -int(-pixels // _MULTIPLE) * _MULTIPLE)


def _decode(
    heat: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    threshold: float,
) -> Found:
    """Boxes (N, 4) in input pixels and scores (N,) out of the network's maps.

    heat: (h, w); scale, offset: (2, h, w), the row's value first, as the paper defines them.
    """
    rows, columns = np.nonzero(heat > threshold)
    sizes = np.exp(scale[:, rows, columns]) * _STRIDE
    center_y = (rows + offset[0, rows, columns] + 0.5) * _STRIDE
    center_x = (columns + offset[1, rows, columns] + 0.5) * _STRIDE
    half_height, half_width = sizes[0] / 2, sizes[1] / 2
    edges = (
        center_x - half_width,
        center_y - half_height,
        center_x + half_width,
        center_y + half_height,
    )
    return np.stack(edges, axis=1).astype(np.float32), heat[rows, columns]
