"""The values that pass between the stages.

They need only numpy and the standard library. All are frozen except `Frame`, whose planes are
edited in place.
"""

from __future__ import annotations

import dataclasses
import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS = ("face", "plate")
SPANS_EXAMPLE = "0:10-0:20,1:05-1:10"


class Box(NamedTuple):
    """A rectangle in luma pixels of the upright picture, half-open, with the origin at top left."""

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
    """What is known about a clip.

    `width` and `height` are the size of the stored picture, and `upright_size` is the size of the
    picture as it is shown. `rotation_degrees` is the clockwise rotation, a multiple of 90, that
    makes the stored picture upright. `pts` is (N,) int64: the presentation time of each frame in
    units of `time_base` seconds, in presentation order. It is empty until the clip has been read
    through.
    """

    path: Path
    sha256: str = ""
    """64 hexadecimal digits; empty until it was computed, see `video.file_sha256`."""
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
    frame_count_estimate: int | None = None
    """The number of frames according to the container, for progress only; None when unknown."""
    is_mirrored: bool = False
    """After the rotation, left and right have to be swapped to make the stored picture upright."""
    turn_degrees: int = 0
    """The clockwise turn that makes people stand upright in the picture as it is shown; 0 unless
    the camera hangs sideways or upside down and the file doesn't say so."""
    is_interlaced: bool = False
    """Each frame holds two fields, taken at different times, in alternate rows."""
    is_still: bool = False
    """The file holds a single image and not a video; its one frame is upright."""
    is_damaged: bool = False
    """Parts of the clip can't be decoded. Damaged clips are always decoded with one thread, because
    the frames that a decoder recovers depend on the number of threads."""
    damaged_frames: tuple[int, ...] = ()
    """The indices of frames that may show broken blocks; see `Frame.is_damaged`."""
    clock_shifts: tuple[Fraction, ...] = ()
    """Seconds added to the times in the source: at the start, and after each reset of its clock."""
    jump_indices: tuple[int, ...] = ()
    """Frames before which more happens than their times say, as in a time lapse. The analysis and
    the audit look at these more closely."""
    dropped: tuple[str, ...] = ()
    """What the source contains and the output won't: streams, metadata, chapters."""
    analyzed: tuple[int, int] | None = None
    """The first frame that was analyzed and the one after the last; None for all of them."""
    part: tuple[int, int] | None = None
    """Of a trimmed clip: the index of its first frame in the file, and of the one after its last.
    All other indices and times count from that first frame. None for whole clips."""
    warnings: tuple[str, ...] = ()
    """What is wrong with the source, in words: what was lost and what had to be changed."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the picture as it is shown."""
        if self.rotation_degrees % 180:
            return self.height, self.width
        return self.width, self.height

    def upright_pixel_aspect(self, stored: float | None = None) -> float:
        """Width over height of a pixel of the picture as it is shown; 1 where they are square.

        stored: that of a pixel of the stored picture; None takes what the clip says.
        """
        aspect = float(self.sample_aspect_ratio) if stored is None else stored
        return 1 / aspect if self.rotation_degrees % 180 else aspect

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(N,) presentation times in seconds; the first frame is at 0."""
        if not len(self.pts):
            return np.zeros(0)
        return np.asarray((self.pts - self.pts[0]) * float(self.time_base), dtype=np.float64)

    def seconds_at(self, frame_index: int) -> float:
        """The presentation time of a frame in seconds; the first one is at 0.

        Raises:
            IndexError: the clip has no such frame.

        """
        return float((self.pts[frame_index] - self.pts[0]) * float(self.time_base))

    def time_label(self, frame_index: int) -> str:
        """The time of a frame as players show it, such as "0:12.4"; see `format_time`.

        Raises:
            IndexError: the clip has no such frame.

        """
        return format_time(float(int(self.pts[frame_index] - self.pts[0]) * self.time_base))


@dataclasses.dataclass(slots=True)
class Frame:
    """One decoded picture, 8 bit 4:2:0, in stored orientation.

    `y` is (H, W) uint8; `u` and `v` are (ceil(H/2), ceil(W/2)) uint8. Rows may be padded, so these
    are strided views. The planes of a decoded frame are read-only; `video.make_editable` gives a
    frame that may be written to. `native` belongs to the package `video`.
    """

    index: int
    pts: int
    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]
    native: object = None
    is_damaged: bool = False
    """It may show broken blocks: it, or a frame before it that it may refer to, was decoded with
    errors."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detection:
    """A box found in one frame. Detectors may leave `frame_index` and `turn_degrees` at 0."""

    kind: str
    box: Box
    score: float
    frame_index: int = 0
    turn_degrees: int = 0
    """The clockwise turn of the frame after which it stands upright: 0, 90, 180 or 270."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """One face or plate over time.

    boxes: (T, 4) float32, x0 y0 x1 y1 in luma pixels of the upright picture, one row for each frame
    from `start_index` on, without gaps. scores: (T,) float32, NaN where the box was filled in.
    margins: (T, 2) float32, how far a cover has to reach beyond the box on each side, in x and y,
    so that it holds the object although the box is an estimate; None if that is not known.
    person: tracks with the same number show one person; None where nothing is known about that.
    joined: why the track was given to the person of an earlier track, in words; empty otherwise.
    joined_from: the number of the person that the owner joined to this one, with all of its tracks;
    None where the owner joined nothing.
    """

    id: int
    kind: str
    start_index: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    margins: NDArray[np.float32] | None = None
    person: int | None = None
    joined: str = ""
    joined_from: int | None = None

    @property
    def stop_index(self) -> int:
        """The index of the frame after the last one of the track."""
        return self.start_index + len(self.boxes)

    def box_at(self, frame_index: int) -> Box | None:
        """The box in that frame, or None outside the track."""
        if not self.start_index <= frame_index < self.stop_index:
            return None
        return Box(*map(float, self.boxes[frame_index - self.start_index]))

    def margins_at(self, frame_index: int) -> tuple[float, float] | None:
        """The margins in that frame, or None where they are not known."""
        if self.margins is None or not self.start_index <= frame_index < self.stop_index:
            return None
        x, y = map(float, self.margins[frame_index - self.start_index])
        return x, y


@dataclasses.dataclass(frozen=True, kw_only=True)
class Region:
    """What gets covered in one frame, in pixels of the *stored* picture.

    x0 y0 x1 y1 are even integers, except that x1 and y1 may be odd at the edge of the picture.
    With the `shape` "rectangle" the whole box is covered opaquely, with "ellipse" the ellipse in
    it, with "polygon" the `polygon` in it. The box of an ellipse may reach beyond the picture,
    where the ellipse is cut off.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    kind: str
    shape: str
    track_id: int | None = None
    zone_number: int | None = None
    """Which zone it is, counted from 0; None for the region of a track or of a detection."""
    polygon: tuple[tuple[float, float], ...] = ()
    """(x, y) points in pixels of the stored picture."""


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 face", "2 faces", "3 people"."""
    plural = "people" if noun == "person" else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def parse_time(text: str) -> float:
    """The seconds of a time as `format_time` writes it, or of a plain number of seconds.

    Raises:
        ValueError: the text is something else.

    """
    *larger, seconds = text.split(":")
    is_time = len(larger) <= 2 and re.fullmatch(r"\d+(\.\d*)?|\.\d+", seconds, re.ASCII)
    if not is_time or not all(re.fullmatch(r"\d+", part, re.ASCII) for part in larger):
        raise ValueError(f"{text!r} is not a time; write 12.5, 0:12.5 or 1:02:03")
    total = 0.0
    for part in larger:
        total = 60 * (total + int(part))
    return total + float(seconds)


def parse_spans(text: str) -> tuple[tuple[float, float], ...]:
    """The seconds of spans of time such as "0:10-0:20, 1:05-1:10".

    Raises:
        ValueError: the text is something else.

    """
    pairs = [part.strip().split("-") for part in text.split(",")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{text!r} must be times such as {SPANS_EXAMPLE}")
    return tuple((parse_time(start), parse_time(stop)) for start, stop in pairs)


def format_span(start: float, stop: float) -> str:
    """A span of time as `parse_spans` reads it, to a millisecond: "0:10-0:20.5"."""
    edges = (divmod(round(1000 * seconds), 60_000) for seconds in (start, stop))
    return "-".join(
        f"{minutes}:{rest / 1000:06.3f}".rstrip("0").rstrip(".") for minutes, rest in edges
    )


def format_time(seconds: float) -> str:
    """Seconds as players show them, to a tenth: "0:12.4", "12:05.0", "1:02:03.4"."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths // 10:02}.{tenths % 10}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"
