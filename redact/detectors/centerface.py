"""CenterFace: far faces and crowds, at a price.

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

from redact.detectors.onnx import Network
from redact.detectors.passes import ScoredBoxes, detect_in_parts, merged, scaled_parts
from redact.geometry import Edges, as_array, mirrored_boxes
from redact.machine import has_integer_dot_products
from redact.resizing import mirrored, resized
from redact.types import Box, Detection

# The network's maps have one cell for so many pixels, and its input has whole multiples of these.
_STRIDE, _MULTIPLE = 4, 32
_NMS_IOU = 0.3
# A pass over more pixels is made in tiles: the network takes some 300 bytes of memory a pixel.
_MAX_PASS_PIXELS = 960 * 640
# Longest side of a tile, and how much tiles overlap at least, in pixels. Faces that are larger than
# the overlap are detected in a smaller pass.
_MAX_TILE_SIDE, _MIN_OVERLAP = 736, 96
# Of labelled faces this high in the network's input, three in four get a score of 0.5 or more and
# nine in ten one of 0.3; of faces half as high, one in twenty and one in three.
MIN_FACE_PIXELS = 16
# Passes over more pixels run one at a time: two threads would need twice the memory. Smaller ones
# always see the whole image, since leaving parts out would save little.
_MAX_SMALL_PASS_PIXELS = 480 * 480

_large_passes = threading.Lock()


class CenterFaceDetector:
    """Faces by CenterFace, at one or more scales of the image.

    Args:
        long_sides: for each pass, what the image's longer side is scaled to, in pixels; None keeps
            it as it is. Near faces are detected better in small images and far ones in large
            images, so two passes detect more than one. `analysis/scan_presets.py` has the sizes of
            all scans.
        threshold: lowest score that is reported, 0..1.
        threads: how many each call uses; 0 takes the machine's cores.
        max_enlargement: a smaller image is enlarged by this factor at most.
        mirrored: make the passes over the mirrored image, in which other faces are missed.
        exact: compute with floats even where the processor is faster with integers.

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
        max_enlargement: float = 1.0,
        mirrored: bool = False,
        exact: bool = False,
    ) -> None:
        self._long_sides = tuple(long_sides)
        self._threshold = threshold
        self._max_enlargement, self._mirrored = max_enlargement, mirrored
        self._network = Network(_network_name(exact), threads=threads)

    def detect(
        self, image: NDArray[np.uint8], within: Sequence[Box] | None = None
    ) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR image.

        within: nothing needs to be detected outside of these parts of the image; None stands for
            all of it. Small passes see all of it in any case, which costs little.
        """
        sizes = sorted({self._input_size(image, side) for side in self._long_sides})
        run_pass = self.run_mirrored_pass if self._mirrored else self.run_pass
        return merged("face", [run_pass(image, size, within) for size in sizes], _NMS_IOU)

    def min_face_pixels(self, height: int, width: int) -> float:
        """The lowest face that can be relied on to be detected in an image of that size, pixels."""
        return min(
            MIN_FACE_PIXELS / self._scale(max(height, width), side) for side in self._long_sides
        )

    def run_mirrored_pass(
        self, image: NDArray[np.uint8], size: tuple[int, int], within: Sequence[Box] | None = None
    ) -> ScoredBoxes:
        """What `run_pass` detects in the mirrored image, with boxes in the image as it is."""
        width = image.shape[1]
        if within is not None:
            within = [Box(*map(float, box)) for box in mirrored_boxes(as_array(within), width)]
        boxes, scores = self.run_pass(mirrored(image), size, within)
        return mirrored_boxes(boxes, width), scores

    def run_pass(
        self, image: NDArray[np.uint8], size: tuple[int, int], within: Sequence[Box] | None = None
    ) -> ScoredBoxes:
        """One pass over the image scaled to (width, height), before suppression.

        Many boxes lie on one face. A pass over more than about 600,000 pixels is made in
        overlapping tiles, so that memory stays bounded.

        within: as for `detect`.
        """
        width, height = size
        factors = [image.shape[1] / width, image.shape[0] / height]
        within = within if width * height > _MAX_SMALL_PASS_PIXELS else None
        if within is None and width * height <= _MAX_PASS_PIXELS:
            boxes, scores = self._run_network(image, size)
        else:
            factor = (1 / factors[0], 1 / factors[1])
            parts = scaled_parts(within, factor, size, _MULTIPLE)
            boxes, scores = self._run_in_tiles(image, size, parts)
        return boxes * np.asarray(factors * 2, dtype=np.float32), scores

    def close(self) -> None:
        """Return the memory that calls have left behind; the detector can still be used."""
        self._network.close()

    def _input_size(self, image: NDArray[np.uint8], long_side: int | None) -> tuple[int, int]:
        return input_size(image, self._scale(max(image.shape[:2]), long_side))

    def _scale(self, image_side: int, long_side: int | None) -> float:
        scale = 1.0 if long_side is None else long_side / image_side
        return min(scale, self._max_enlargement)

    def _run_in_tiles(
        self, image: NDArray[np.uint8], size: tuple[int, int], parts: Sequence[Edges]
    ) -> ScoredBoxes:
        """One pass over parts of the scaled image, large ones in tiles.

        What the edge of a tile cuts is whole in the next tile or in a smaller pass.
        """
        scaled = resized(image, *size)
        return detect_in_parts(
            itertools.chain.from_iterable(map(_tiles_of, parts)),
            size,
            lambda tile: self._run_network(
                scaled[tile[1] : tile[3], tile[0] : tile[2]], (tile[2] - tile[0], tile[3] - tile[1])
            ),
        )

    def _run_network(self, image: NDArray[np.uint8], size: tuple[int, int]) -> ScoredBoxes:
        blob = cv2.dnn.blobFromImage(image, 1.0, size, (0, 0, 0), swapRB=True)
        is_large = size[0] * size[1] > _MAX_SMALL_PASS_PIXELS
        with _large_passes if is_large else contextlib.nullcontext():
            heat, scale, offset = self._network(np.asarray(blob, dtype=np.float32))[:3]
        return _decode(heat[0, 0], scale[0], offset[0], self._threshold)


def _network_name(exact: bool) -> str:
    """The network that computes with integers, where it may and the processor is fast at that.

    It takes 0.53 to 0.64 times as long, and of 409 labelled faces it detects about as many.
    Its scores differ a little, so a clip may get a slightly different plan on another processor.
    """
    if exact or not has_integer_dot_products():
        return "centerface_any_size.onnx"
    return "centerface_int8.onnx"


def _tiles_of(part: Edges) -> Iterator[Edges]:
    """The overlapping tiles of a part of an image."""
    left, top, right, bottom = part
    for (x0, x1), (y0, y1) in itertools.product(_tiles(right - left), _tiles(bottom - top)):
        yield left + x0, top + y0, left + x1, top + y1


def _tiles(length: int) -> list[tuple[int, int]]:
    """Start and stop of tiles of one size along a side; all lengths are multiples of 32."""
    if length <= _MAX_TILE_SIDE:
        return [(0, length)]
    count = -(-(length - _MIN_OVERLAP) // (_MAX_TILE_SIDE - _MIN_OVERLAP))
    side = _round_up((length + (count - 1) * _MIN_OVERLAP) / count)
    starts = [round(i * (length - side) / (count - 1)) for i in range(count)]
    return [(start, start + side) for start in starts]


def input_size(image: NDArray[np.uint8], scale: float) -> tuple[int, int]:
    """(width, height) of the network's input for an image at that scale: multiples of 32."""
    return _round_up(image.shape[1] * scale), _round_up(image.shape[0] * scale)


def _round_up(pixels: float) -> int:
    return max(_MULTIPLE, -int(-pixels // _MULTIPLE) * _MULTIPLE)


def _decode(
    heat: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    threshold: float,
) -> ScoredBoxes:
    """Boxes in pixels of the input, decoded from the network's maps.

    heat: (h, w) scores; scale, offset: (2, h, w), the value for y first, as the paper defines them.
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
