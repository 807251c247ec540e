"""Views: frames as scans see them, converted to colour only where and as large as a scan needs it.

A full HD frame takes a millisecond and six megabytes to convert, while most scans see a small part
of it, or all of it at a quarter of its size.
"""

from __future__ import annotations

import math
import threading
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.geometry import Edges, scaled
from redact.resizing import resized, shrunk
from redact.types import Box, ClipInfo, Frame

Image = NDArray[np.uint8]


# Pixels count as square up to this ratio of their sides: faces are as wide as people are different.
_MAX_SQUARE_RATIO = 1.1


class View(Protocol):
    """An upright image. The arrays that it returns must not be changed."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""

    def whole(self) -> Image:
        """All of it: (H, W, 3) uint8 BGR."""

    def part(self, part: Edges) -> Image:
        """A part of it inside its edges: (y1 - y0, x1 - x0, 3) uint8 BGR."""

    def smaller(self, long_side: int) -> Image:
        """All of it, (h, w, 3) uint8 BGR, perhaps shrunk.

        long_side: the longer side keeps at least so many pixels, if it has them.
        """

    def luma(self, size: tuple[int, int], part: Edges | None = None) -> Image:
        """(h, w) uint8 brightness of a part of it, or of all of it, from 0, black, to 255, white.

        size: the (w, h) that it is shrunk to.
        """

    def release(self) -> None:
        """Drop converted arrays to free memory; they are converted again when asked for."""


class ArrayView:
    """A view of an array, (H, W, 3) uint8 BGR."""

    def __init__(self, image: Image) -> None:
        self._image = image

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self._image.shape[0], self._image.shape[1]

    def whole(self) -> Image:
        """All of it: (H, W, 3) uint8 BGR."""
        return self._image

    def part(self, part: Edges) -> Image:
        """A part of it inside its edges: (y1 - y0, x1 - x0, 3) uint8 BGR."""
        x0, y0, x1, y1 = part
        return self._image[y0:y1, x0:x1]

    def smaller(self, long_side: int) -> Image:
        """All of it, not shrunk."""
        return self._image

    def luma(self, size: tuple[int, int], part: Edges | None = None) -> Image:
        """(h, w) uint8 brightness of a part of it, or of all of it, shrunk to `size`, (w, h)."""
        small = shrunk(self._image if part is None else self.part(part), *size)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    def release(self) -> None:
        """Nothing is held but the array."""


class FrameView:
    """A view of a decoded frame. Threads may share it.

    Args:
        frame: its planes must not change for as long as the view is used.
        clip: says how frames are turned and mirrored to make them upright.

    """

    def __init__(self, frame: Frame, clip: ClipInfo) -> None:
        self._frame, self._clip = frame, clip
        self._lock = threading.Lock()
        self._whole: Image | None = None
        self._small: dict[int, Image] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self._frame.y.shape
        return (width, height) if self._clip.rotation_degrees % 180 else (height, width)

    def whole(self) -> Image:
        """All of it: (H, W, 3) uint8 BGR."""
        with self._lock:
            if self._whole is None:
                self._whole = self._in_colour()
            return self._whole

    def part(self, part: Edges) -> Image:
        """A part of it inside its edges: (y1 - y0, x1 - x0, 3) uint8 BGR."""
        whole = self._whole
        if whole is not None:
            x0, y0, x1, y1 = part
            return whole[y0:y1, x0:x1]
        return self._in_colour(part)

    def smaller(self, long_side: int) -> Image:
        """All of it, (h, w, 3) uint8 BGR, halved while its longer side keeps twice `long_side`.

        Twice, so that the detector shrinks it by averaging to the size that it needs.
        """
        halvings = max(0, int(math.log2(max(self.shape) / long_side)) - 1)
        if not halvings:
            return self.whole()
        with self._lock:
            small = self._small.get(halvings)
            if small is None:
                small = self._small[halvings] = self._in_colour(shrunk_by=2**halvings)
            return small

    def luma(self, size: tuple[int, int], part: Edges | None = None) -> Image:
        """(h, w) uint8 brightness of a part of it, or of all of it, shrunk to `size`, (w, h)."""
        clip = self._clip
        return video.to_luma(self._frame, size, clip.rotation_degrees, clip.is_mirrored, part)

    def release(self) -> None:
        """Drop converted arrays to free memory; they are converted again when asked for."""
        self._whole = None
        self._small.clear()

    def _in_colour(self, part: Edges | None = None, *, shrunk_by: int = 1) -> Image:
        turned = self._clip.rotation_degrees, self._clip.is_mirrored
        return video.to_bgr(self._frame, *turned, part, downscale=shrunk_by)


class SquareView:
    """A view of another one as people see it, where that one's pixels are not square.

    Args:
        view: any view.
        scale: what its width and height are multiplied by, neither less than 1; see `square_scale`.

    """

    def __init__(self, view: View, scale: tuple[float, float]) -> None:
        self._view, self._scale = view, scale
        self._lock = threading.Lock()
        self._whole: Image | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in square pixels."""
        height, width = self._view.shape
        return round(height * self._scale[1]), round(width * self._scale[0])

    def whole(self) -> Image:
        """All of it: (H, W, 3) uint8 BGR."""
        with self._lock:
            if self._whole is None:
                self._whole = resized(self._view.whole(), *self.shape[::-1])
            return self._whole

    def part(self, part: Edges) -> Image:
        """A part of it inside its edges: (y1 - y0, x1 - x0, 3) uint8 BGR."""
        x0, y0, x1, y1 = part
        if self._whole is not None:
            return self._whole[y0:y1, x0:x1]
        return resized(self._view.part(self._inner(part)), x1 - x0, y1 - y0)

    def smaller(self, long_side: int) -> Image:
        """All of it, (h, w, 3) uint8 BGR, perhaps shrunk; the longer side keeps `long_side`."""
        image = self._view.smaller(long_side)
        fx, fy = self._scale
        return resized(image, round(image.shape[1] * fx), round(image.shape[0] * fy))

    def luma(self, size: tuple[int, int], part: Edges | None = None) -> Image:
        """(h, w) uint8 brightness of a part of it, or of all of it, shrunk to `size`, (w, h)."""
        if part is None:
            inner, (height, width) = None, self._view.shape
        else:
            inner = self._inner(part)
            width, height = inner[2] - inner[0], inner[3] - inner[1]
        small = self._view.luma((min(size[0], width), min(size[1], height)), inner)
        return resized(small, *size)

    def release(self) -> None:
        """Drop converted arrays to free memory; they are converted again when asked for."""
        self._whole = None
        self._view.release()

    def _inner(self, part: Edges) -> Edges:
        """The part in the other view's pixels, at least one of them."""
        (fx, fy), (height, width) = self._scale, self._view.shape
        x0, y0 = min(round(part[0] / fx), width - 1), min(round(part[1] / fy), height - 1)
        x1, y1 = min(round(part[2] / fx), width), min(round(part[3] / fy), height)
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def square_scale(pixel_aspect: float) -> tuple[float, float]:
    """What width and height are multiplied by so that pixels get square; neither is less than 1.

    pixel_aspect: width over height of a pixel.
    """
    if 1 / _MAX_SQUARE_RATIO < pixel_aspect < _MAX_SQUARE_RATIO:
        return 1.0, 1.0
    return max(1.0, pixel_aspect), max(1.0, 1 / pixel_aspect)


def unscaled(box: Box, scale: tuple[float, float]) -> Box:
    """A box in square pixels, in those of the view that `as_square` was given."""
    return scaled(box, (1 / scale[0], 1 / scale[1]))


def as_square(view: View, scale: tuple[float, float]) -> View:
    """The view with square pixels; the view itself where the scale is 1."""
    return view if scale == (1.0, 1.0) else SquareView(view, scale)
