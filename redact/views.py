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
from redact.geometry import Edges
from redact.resizing import shrunk
from redact.types import ClipInfo, Frame

Image = NDArray[np.uint8]


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
