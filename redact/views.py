"""Views: frames as scans see them, converted to colour only where and as large as a scan needs it.

A full HD frame takes a millisecond and six megabytes to convert, while most scans see a small part
of it, or all of it at a quarter of its size.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from redact import video
from redact.geometry import Edges, scaled, stored_to_upright, upright_to_stored
from redact.resizing import resized, shrunk, turned
from redact.types import Box, ClipInfo, Frame, Track

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
        scale: what its width and height are multiplied by, neither less than 1; see `Presentation`.

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


class TurnedView:
    """A view of another one, turned clockwise by quarters.

    Args:
        view: any view.
        degrees: 90, 180 or 270.

    """

    def __init__(self, view: View, degrees: int) -> None:
        self._view, self._degrees = view, degrees
        self._lock = threading.Lock()
        self._whole: Image | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self._view.shape
        return (width, height) if self._degrees % 180 else (height, width)

    def whole(self) -> Image:
        """All of it: (H, W, 3) uint8 BGR."""
        with self._lock:
            if self._whole is None:
                self._whole = self._turned(self._view.whole())
            return self._whole

    def part(self, part: Edges) -> Image:
        """A part of it inside its edges: (y1 - y0, x1 - x0, 3) uint8 BGR."""
        if self._whole is not None:
            x0, y0, x1, y1 = part
            return self._whole[y0:y1, x0:x1]
        return self._turned(self._view.part(self._inner(part)))

    def smaller(self, long_side: int) -> Image:
        """All of it, (h, w, 3) uint8 BGR, perhaps shrunk; the longer side keeps `long_side`."""
        return self._turned(self._view.smaller(long_side))

    def luma(self, size: tuple[int, int], part: Edges | None = None) -> Image:
        """(h, w) uint8 brightness of a part of it, or of all of it, shrunk to `size`, (w, h)."""
        inner = None if part is None else self._inner(part)
        inner_size = size[::-1] if self._degrees % 180 else size
        return self._turned(self._view.luma(inner_size, inner))

    def release(self) -> None:
        """Drop converted arrays to free memory; they are converted again when asked for."""
        self._whole = None
        self._view.release()

    def _turned(self, image: Image) -> Image:
        return turned(image, self._degrees)

    def _inner(self, part: Edges) -> Edges:
        height, width = self._view.shape
        x0, y0, x1, y1 = upright_to_stored(Box(*part), width, height, self._degrees)
        return round(x0), round(y0), round(x1), round(y1)


@dataclasses.dataclass(frozen=True)
class Presentation:
    """How detectors see a frame: with square pixels, and turned so that people stand upright.

    Boxes in a frame as it is shown are converted to boxes in what detectors see, and back.
    """

    scale: tuple[float, float] = (1.0, 1.0)
    """What width and height are multiplied by so that pixels get square."""
    turn_degrees: int = 0
    """The clockwise turn, after that: 0, 90, 180 or 270."""

    @classmethod
    def of(cls, pixel_aspect: float, turn_degrees: int = 0) -> Presentation:
        """Make one for frames whose pixels have that width over height."""
        if 1 / _MAX_SQUARE_RATIO < pixel_aspect < _MAX_SQUARE_RATIO:
            return cls(turn_degrees=turn_degrees)
        return cls((max(1.0, pixel_aspect), max(1.0, 1 / pixel_aspect)), turn_degrees)

    def view(self, view: View) -> View:
        """The frame as detectors see it; the view itself where that is no different."""
        if self.scale != (1.0, 1.0):
            view = SquareView(view, self.scale)
        return TurnedView(view, self.turn_degrees) if self.turn_degrees else view

    def to_seen(self, box: Box, shape: tuple[int, int]) -> Box:
        """A box of the frame in what detectors see; shape: (height, width) of the frame."""
        box = scaled(box, self.scale)
        return stored_to_upright(box, *self._square_size(shape), self.turn_degrees)

    def to_frame(self, box: Box, shape: tuple[int, int]) -> Box:
        """A box in what detectors see, in pixels of the frame; shape: its (height, width)."""
        box = upright_to_stored(box, *self._square_size(shape), self.turn_degrees)
        return scaled(box, (1 / self.scale[0], 1 / self.scale[1]))

    def track_to_frame(self, track: Track, shape: tuple[int, int]) -> Track:
        """A track of what detectors saw, in pixels of the frame; shape: its (height, width)."""
        if self == Presentation():
            return track
        boxes = [self.to_frame(Box(*map(float, box)), shape) for box in track.boxes]
        margins = track.margins
        if margins is not None:
            margins = (margins[:, ::-1] if self.turn_degrees % 180 else margins) / self.scale
            margins = margins.astype(np.float32)
        return dataclasses.replace(track, boxes=np.asarray(boxes, np.float32), margins=margins)

    def seen_size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of what detectors see of a frame of that (height, width)."""
        width, height = self._square_size(shape)
        return (height, width) if self.turn_degrees % 180 else (width, height)

    def _square_size(self, shape: tuple[int, int]) -> tuple[int, int]:
        return round(shape[1] * self.scale[0]), round(shape[0] * self.scale[1])
