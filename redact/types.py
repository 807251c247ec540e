"""The values that pass between the stages. numpy and the standard library only.

All are frozen but `Frame`, whose planes are edited in place.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS = ("face", "plate")


class Box(NamedTuple):
    """A rectangle in luma pixels of the upright picture, half-open, origin at the top left."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """x1 - x0, never below 0."""
        return max(0.0, self.x1 - self.x0)

    @property
    def height(self) -> float:
        """y1 - y0, never below 0."""
        return max(0.0, self.y1 - self.y0)

    @property
    def area(self) -> float:
        """Square luma pixels."""
        return self.width * self.height


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class ClipInfo:
    """What is known of a clip.

    `width` and `height` are those of the stored picture; `upright_size` is the picture as
    shown. `rotation_degrees` is the clockwise turn, a multiple of 90, that makes the stored
    picture upright. `pts` holds one integer per frame in units of `time_base`, in presentation
    order; it is empty until the clip has been read through.
    """

    path: Path
    sha256: str
    width: int
    height: int
    rotation_degrees: int
    time_base: Fraction
    pts: NDArray[np.int64]
    has_audio: bool
    frame_rate: Fraction
    sample_aspect_ratio: Fraction
    color_range: int
    color_primaries: int
    color_transfer: int
    color_matrix: int
    is_mirrored: bool = False
    """Left and right change places, after the turn, to make the stored picture upright."""
    is_interlaced: bool = False
    """Each picture holds two half pictures of different times, in alternate rows."""
    is_damaged: bool = False
    """Not all of the clip can be decoded; all who read it do so with one thread."""
    clock_shifts: tuple[Fraction, ...] = ()
    """Seconds added to the source's times: at first, and after each reset of its clock."""
    dropped: tuple[str, ...] = ()
    """What the source carries that the output won't: streams, metadata, chapters."""
    warnings: tuple[str, ...] = ()
    """What is wrong with the source, in words: what was lost, and what had to be changed."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the picture as it is shown."""
        if self.rotation_degrees % 180:
            return self.height, self.width
        return self.width, self.height

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(N,) presentation times in seconds, the first frame at 0."""
        if not len(self.pts):
            return np.zeros(0)
        return np.asarray((self.pts - self.pts[0]) * float(self.time_base), dtype=np.float64)


@dataclasses.dataclass(slots=True)
class Frame:
    """One decoded picture, 8 bit 4:2:0, in stored orientation.

    Planes are read-only as they are read, and may be written to after `video.editable`.
    `y` is (H, W) uint8; `u` and `v` are (ceil(H/2), ceil(W/2)) uint8. Rows may be padded
    (strided views). `native` belongs to `video.py`.
    """

    index: int
    pts: int
    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]
    native: object = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detection:
    """A box found in one frame. A detector may leave `frame_index` at 0."""

    kind: str
    box: Box
    score: float
    frame_index: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """One face or plate over time.

    boxes: (T, 4) float32, x0 y0 x1 y1 luma pixels of the upright picture, one row per frame
    from `start_index`, without holes. scores: (T,) float32, NaN where the box was filled in.
    """

    id: int
    kind: str
    start_index: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    @property
    def stop_index(self) -> int:
        """The frame after the track's last one."""
        return self.start_index + len(self.boxes)

    def box_at(self, frame_index: int) -> Box | None:
        """The box in that frame, or None outside the track."""
        if not self.start_index <= frame_index < self.stop_index:
            return None
        return Box(*map(float, self.boxes[frame_index - self.start_index]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Region:
    """What gets covered in one frame, in pixels of the *stored* picture.

    x0 y0 x1 y1 are even integers (x1, y1 may be odd at the picture's own edge). The whole box
    is covered opaquely; `shape` "ellipse" covers an ellipse around the box as well.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    kind: str
    shape: str
    track_id: int | None = None
