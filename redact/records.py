"""The values that pass between the stages. numpy and the standard library only.

All are frozen but `Frame`, whose planes are edited in place.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from redact.errors import PlanError
from redact.settings import Settings

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


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What will be covered, before anything is written. Make one with `redact.analyze`."""

    clip: ClipInfo
    settings: Settings
    tracks: tuple[Track, ...]
    allowed: frozenset[int] = frozenset()

    def allow(self, track_ids: Iterable[int]) -> Plan:
        """A plan that leaves these tracks uncovered, because the people in them agreed.

        Raises:
            PlanError: the plan has no track with such an id.

        """
        ids = frozenset(track_ids)
        known = {track.id for track in self.tracks}
        if missing := sorted(ids - known):
            raise PlanError(f"no track {missing} in this plan; it has {sorted(known)}")
        return dataclasses.replace(self, allowed=self.allowed | ids)

    @property
    def covered_tracks(self) -> tuple[Track, ...]:
        """The tracks that are not allowed to stay visible."""
        return tuple(track for track in self.tracks if track.id not in self.allowed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, to be reviewed, edited and loaded again."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan that `save` wrote.

        Raises:
            PlanError: the file can't be read or isn't a plan.

        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
            raise PlanError(f"can't read a plan from {os.fspath(path)!r}: {err}") from err

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values."""
        return {
            "format": "redact-plan-1",
            "clip": _clip_to_dict(self.clip),
            "settings": dataclasses.asdict(self.settings),
            "allowed": sorted(self.allowed),
            "tracks": [_track_to_dict(track) for track in self.tracks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """A plan from what `to_dict` gave.

        Raises:
            PlanError: a field is missing or has a wrong value.

        """
        try:
            if data["format"] != "redact-plan-1":
                raise PlanError(f"unknown plan format {data['format']!r}; expected redact-plan-1")
            return cls(
                clip=_clip_from_dict(data["clip"]),
                settings=Settings.from_dict(data["settings"]),
                tracks=tuple(_track_from_dict(item) for item in data["tracks"]),
                allowed=frozenset(),
            ).allow(data["allowed"])
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as err:
            raise PlanError(f"not a usable plan: {err!r}") from err


def _clip_to_dict(clip: ClipInfo) -> dict[str, Any]:
    values = {field.name: getattr(clip, field.name) for field in dataclasses.fields(clip)}
    for name in ("time_base", "frame_rate", "sample_aspect_ratio", "path"):
        values[name] = str(values[name])
    values["pts"] = clip.pts.tolist()
    values["clock_shifts"] = [str(seconds) for seconds in clip.clock_shifts]
    for name in ("dropped", "warnings"):
        values[name] = list(values[name])
    return values


def _clip_from_dict(data: Mapping[str, Any]) -> ClipInfo:
    values = dict(data)
    for name in ("time_base", "frame_rate", "sample_aspect_ratio"):
        values[name] = Fraction(values[name])
    values["path"] = Path(values["path"])
    values["pts"] = np.asarray(values["pts"], dtype=np.int64)
    values["clock_shifts"] = tuple(map(Fraction, values.get("clock_shifts", ())))
    for name in ("dropped", "warnings"):
        values[name] = tuple(values.get(name, ()))
    return ClipInfo(**values)


def _track_to_dict(track: Track) -> dict[str, Any]:
    return {
        "id": track.id,
        "kind": track.kind,
        "start_index": track.start_index,
        "boxes": np.round(track.boxes.astype(float), 2).tolist(),
        "scores": [round(float(s), 4) if np.isfinite(s) else None for s in track.scores],
    }


def _track_from_dict(data: Mapping[str, Any]) -> Track:
    boxes = np.asarray(data["boxes"], dtype=np.float32)
    scores = np.asarray([np.nan if s is None else s for s in data["scores"]], dtype=np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(boxes) != len(scores):
        raise PlanError(f"track {data['id']!r} needs (T, 4) boxes and T scores")
    if not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise PlanError(f"track {data['id']!r} has a box that is empty or not finite")
    return Track(
        id=int(data["id"]),
        kind=str(data["kind"]),
        start_index=int(data["start_index"]),
        boxes=boxes,
        scores=scores,
    )
