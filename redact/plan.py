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
from typing import Any

import numpy as np

from redact.errors import PlanError
from redact.settings import Settings
from redact.types import ClipInfo, Track


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
