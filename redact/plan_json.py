"""The parts of a plan as JSON values, and back, with every value checked.

A plan may have been edited by hand. Whatever can't be used raises a `PlanError` that names the
field and shows its value, so that no later stage meets it.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from redact.errors import PlanError, SettingsError
from redact.settings import Settings
from redact.types import ClipInfo, Track

_FORMAT = "redact-plan-1"
# The largest whole number that every JSON reader keeps exactly.
_MAX_INT = 2**53
_MAX_KIND_LENGTH = 40
_T = TypeVar("_T")


def plan_to_dict(
    clip: ClipInfo, settings: Settings, tracks: Iterable[Track], allowed: Iterable[int]
) -> dict[str, Any]:
    """The parts of a plan as plain JSON values. Boxes are rounded to 0.01 pixels."""
    return {
        "format": _FORMAT,
        "clip": _clip_to_dict(clip),
        "settings": dataclasses.asdict(settings),
        "allowed": sorted(allowed),
        "tracks": [_track_to_dict(track) for track in tracks],
    }


def plan_from_dict(
    data: object,
) -> tuple[ClipInfo, Settings, tuple[Track, ...], tuple[int, ...]]:
    """Read what `plan_to_dict` gave: the clip, the settings, the tracks, and the allowed ids.

    Raises:
        PlanError: a field is missing or has a value that can't be used.

    """
    plan = _object(data, "a plan")
    if plan.get("format") != _FORMAT:
        raise PlanError(f"format must be {_FORMAT!r}, not {_shown(plan.get('format'))}")
    clip = _clip_from_dict(_object(*_field(plan, "clip")))
    try:
        settings = Settings.from_dict(_object(*_field(plan, "settings")))
    except SettingsError as err:
        raise PlanError(f"settings: {err}") from err
    tracks = _tuple_of(_track)(*_field(plan, "tracks"))
    _check_tracks_fit(tracks, len(clip.pts))
    return clip, settings, tracks, _tuple_of(_count)(*_field(plan, "allowed"))


def _clip_to_dict(clip: ClipInfo) -> dict[str, Any]:
    values = {field.name: getattr(clip, field.name) for field in dataclasses.fields(clip)}
    for name in ("time_base", "frame_rate", "sample_aspect_ratio", "path"):
        values[name] = str(values[name])
    values["pts"] = clip.pts.tolist()
    values["clock_shifts"] = [str(seconds) for seconds in clip.clock_shifts]
    for name in ("jump_indices", "dropped", "warnings"):
        values[name] = list(values[name])
    return values


def _track_to_dict(track: Track) -> dict[str, Any]:
    values = {
        "id": track.id,
        "kind": track.kind,
        "start_index": track.start_index,
        "boxes": np.round(track.boxes.astype(float), 2).tolist(),
        "scores": [round(float(s), 4) if np.isfinite(s) else None for s in track.scores],
    }
    if track.margins is not None:
        values["margins"] = np.round(track.margins.astype(float), 2).tolist()
    return values


def _clip_from_dict(data: Mapping[str, Any]) -> ClipInfo:
    fields = {field.name: field for field in dataclasses.fields(ClipInfo)}
    for name in data:
        if name not in fields:
            raise PlanError(f"clip has an unknown field {name!r}")
    values = {
        name: _CLIP_READERS[name](*_field(data, name, "clip"))
        for name, field in fields.items()
        if name in data or field.default is dataclasses.MISSING
    }
    return ClipInfo(**values)


def _check_tracks_fit(tracks: Sequence[Track], frame_count: int) -> None:
    """Refuse tracks that share an id or lie in frames that the clip doesn't have."""
    numbers_by_id: dict[int, int] = {}
    for number, track in enumerate(tracks):
        other = numbers_by_id.setdefault(track.id, number)
        if other != number:
            raise PlanError(
                f"tracks[{number}].id must be unique, but tracks[{other}].id is {track.id} too"
            )
        if track.stop_index > frame_count:
            raise PlanError(
                f"tracks[{number}] covers the frames {track.start_index} to "
                f"{track.stop_index - 1}, but the clip has the frames 0 to {frame_count - 1}"
            )


# Each of the following readers takes a JSON value and the name of its field, such as
# "tracks[0].id". It returns the value, converted, or raises a PlanError that shows both.


def _field(data: Mapping[str, Any], name: str, where: str = "") -> tuple[Any, str]:
    """Return the value of a field and the field's full name."""
    full_name = f"{where}.{name}" if where else name
    if name not in data:
        raise PlanError(f"{full_name} is missing")
    return data[name], full_name


def _track(value: Any, where: str) -> Track:
    data = _object(value, where)
    boxes = _tuple_of(_box)(*_field(data, "boxes", where))
    scores = _tuple_of(_score)(*_field(data, "scores", where))
    if not boxes or len(boxes) != len(scores):
        raise PlanError(
            f"{where} must have at least one box and as many scores as boxes, not {len(boxes)} "
            f"boxes and {len(scores)} scores"
        )
    margins = None
    if data.get("margins") is not None:
        margins = _tuple_of(_margins)(*_field(data, "margins", where))
        if len(margins) != len(boxes):
            raise PlanError(
                f"{where} must have as many margins as boxes, not {len(margins)} margins and "
                f"{len(boxes)} boxes"
            )
    return Track(
        id=_count(*_field(data, "id", where)),
        kind=_kind(*_field(data, "kind", where)),
        start_index=_count(*_field(data, "start_index", where)),
        boxes=np.asarray(boxes, dtype=np.float32),
        scores=np.asarray(scores, dtype=np.float32),
        margins=None if margins is None else np.asarray(margins, dtype=np.float32),
    )


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(f"{where} must be an object with named fields, not {_shown(value)}")
    return value


def _tuple_of(read: Callable[[Any, str], _T]) -> Callable[[Any, str], tuple[_T, ...]]:
    """Return a reader of lists whose items are read by `read`."""

    def read_list(value: Any, where: str) -> tuple[_T, ...]:
        if not isinstance(value, (list, tuple)):
            raise PlanError(f"{where} must be a list, not {_shown(value)}")
        return tuple(read(item, f"{where}[{number}]") for number, item in enumerate(value))

    return read_list


def _str(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise PlanError(f"{where} must be a text, not {_shown(value)}")
    return value


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(f"{where} must be true or false, not {_shown(value)}")
    return value


def _int(value: Any, where: str, lowest: int = -_MAX_INT) -> int:
    # Python counts True as an int, but in a plan it is a mistake.
    if not isinstance(value, int) or isinstance(value, bool):
        raise PlanError(f"{where} must be a whole number, not {_shown(value)}")
    if not lowest <= value <= _MAX_INT:
        raise PlanError(f"{where} must lie in {lowest}..{_MAX_INT}, not {_shown(value)}")
    return value


def _count(value: Any, where: str) -> int:
    return _int(value, where, 0)


def _size(value: Any, where: str) -> int:
    return _int(value, where, 1)


def _kind(value: Any, where: str) -> str:
    # Detectors of the user's own may find other things than faces and plates.
    if not (isinstance(value, str) and value.isprintable() and 0 < len(value) <= _MAX_KIND_LENGTH):
        raise PlanError(f'{where} must be a short name such as "face", not {_shown(value)}')
    return value


def _number(value: Any, where: str) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Boxes and scores are kept as float32, where larger numbers become infinite.
    if not is_number or not abs(value) <= float(np.finfo(np.float32).max):
        raise PlanError(f"{where} must be a finite number, not {_shown(value)}")
    return float(value)


def _score(value: Any, where: str) -> float:
    return math.nan if value is None else _number(value, where)


def _box(value: Any, where: str) -> tuple[float, ...]:
    box = _tuple_of(_number)(value, where)
    if len(box) != 4:
        raise PlanError(f"{where} must have the four numbers x0, y0, x1, y1, not {_shown(value)}")
    x0, y0, x1, y1 = np.asarray(box, dtype=np.float32).tolist()
    if not (x0 < x1 and y0 < y1):
        raise PlanError(f"{where} must have x0 < x1 and y0 < y1, not {_shown(value)}")
    return box


def _margins(value: Any, where: str) -> tuple[float, ...]:
    margins = _tuple_of(_number)(value, where)
    if len(margins) != 2 or min(margins) < 0:
        raise PlanError(
            f"{where} must have two numbers of at least 0, for x and y, not {_shown(value)}"
        )
    return margins


def _fraction(value: Any, where: str) -> Fraction:
    match = re.fullmatch(r"(-?\d{1,40})(?:/(\d{1,40}))?", _str(value, where), re.ASCII)
    if match is None or int(match[2] or 1) == 0:
        raise PlanError(f'{where} must be a fraction such as "1/25", not {_shown(value)}')
    return Fraction(int(match[1]), int(match[2] or 1))


def _positive_fraction(value: Any, where: str) -> Fraction:
    fraction = _fraction(value, where)
    if fraction <= 0:
        raise PlanError(f"{where} must be above 0, not {_shown(value)}")
    return fraction


def _rotation(value: Any, where: str) -> int:
    if _int(value, where) not in (0, 90, 180, 270):
        raise PlanError(f"{where} must be 0, 90, 180 or 270, not {_shown(value)}")
    return int(value)


def _optional_count(value: Any, where: str) -> int | None:
    return None if value is None else _count(value, where)


def _pts(value: Any, where: str) -> NDArray[np.int64]:
    pts = np.asarray(_tuple_of(_int)(value, where), dtype=np.int64)
    if not len(pts):
        raise PlanError(f"{where} must hold the time of at least one frame, not []")
    repeated = np.flatnonzero(np.diff(pts) <= 0)
    if len(repeated):
        number = int(repeated[0]) + 1
        raise PlanError(f"{where}[{number}] must be later than {where}[{number - 1}]")
    return pts


_CLIP_READERS: dict[str, Callable[[Any, str], Any]] = {
    "path": lambda value, where: Path(_str(value, where)),
    "sha256": _str,
    "width": _size,
    "height": _size,
    "rotation_degrees": _rotation,
    "time_base": _positive_fraction,
    "pts": _pts,
    "has_audio": _bool,
    "frame_rate": _positive_fraction,
    "sample_aspect_ratio": _positive_fraction,
    "color_range": _int,
    "color_primaries": _int,
    "color_transfer": _int,
    "color_matrix": _int,
    "frame_count_estimate": _optional_count,
    "is_mirrored": _bool,
    "turn_degrees": _rotation,
    "is_interlaced": _bool,
    "is_damaged": _bool,
    "clock_shifts": _tuple_of(_fraction),
    "jump_indices": _tuple_of(_count),
    "dropped": _tuple_of(_str),
    "warnings": _tuple_of(_str),
}


def _shown(value: Any) -> str:
    """The value for an error message, shortened where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
