"""A plan as JSON values, and as text that a person can read. FORMAT.md describes both."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.plan.decisions import Decision
from redact.plan.key_boxes import columns_of, keys_of
from redact.settings import Settings
from redact.types import ClipInfo, Track

FORMAT = "redact-plan-2"


def plan_to_dict(
    clip: ClipInfo,
    settings: Settings,
    tracks: Iterable[Track],
    decisions: Iterable[Decision],
    folder: Path | None = None,
    min_face_pixels: int = 0,
) -> dict[str, Any]:
    """The parts of a plan as plain JSON values; nothing is lost.

    folder: the clip's path is told relative to this; as it is for None.
    min_face_pixels: how low a face was looked for; see `Plan`.
    """
    return {
        "format": FORMAT,
        "clip": _clip_to_dict(clip, folder),
        "settings": _settings_to_dict(settings),
        "min_face_pixels": min_face_pixels,
        "decisions": [_decision_to_dict(decision) for decision in decisions],
        "tracks": [_track_to_dict(track) for track in tracks],
    }


def as_text(plan: Mapping[str, Any]) -> str:
    """What `plan_to_dict` gave as JSON text, with a line for each decision and each track."""
    parts = []
    for name, value in plan.items():
        if isinstance(value, list) and value:
            lines = ",\n".join(f"  {_compact(item)}" for item in value)
            parts.append(f' "{name}": [\n{lines}\n ]')
        else:
            parts.append(f' "{name}": {_compact(value)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _settings_to_dict(settings: Settings) -> dict[str, Any]:
    values = dataclasses.asdict(settings)
    return {**values, "zones": [zone.to_dict() for zone in settings.zones]}


def _decision_to_dict(decision: Decision) -> dict[str, Any]:
    values: dict[str, Any] = {"action": decision.action}
    if decision.zone is None:
        values["tracks"] = list(decision.tracks)
    else:
        values["zone"] = decision.zone.to_dict()
    texts = {"reason": decision.reason, "by": decision.by}
    return values | {name: text for name, text in texts.items() if text}


def _clip_to_dict(clip: ClipInfo, folder: Path | None) -> dict[str, Any]:
    values = {field.name: getattr(clip, field.name) for field in dataclasses.fields(clip)}
    for name in ("time_base", "frame_rate", "sample_aspect_ratio"):
        values[name] = str(values[name])
    values["path"] = (clip.path if folder is None else _relative(clip.path, folder)).as_posix()
    steps = [list(run) for run in _runs(np.diff(clip.pts).tolist())]
    values["pts"] = {"first": int(clip.pts[0]) if len(clip.pts) else 0, "steps": steps}
    values["clock_shifts"] = [str(seconds) for seconds in clip.clock_shifts]
    for name in ("damaged_frames", "jump_indices", "dropped", "warnings"):
        values[name] = list(values[name])
    for name in ("analyzed", "part"):
        values[name] = None if values[name] is None else list(values[name])
    return values


def _track_to_dict(track: Track) -> dict[str, Any]:
    columns = columns_of(track)
    detected = np.flatnonzero(np.isfinite(track.scores))
    values: dict[str, Any] = {
        "id": track.id,
        "kind": track.kind,
        "start_index": track.start_index,
        "keys": [[int(key), *_short(columns[key])] for key in keys_of(columns)],
        "detected": _progressions(detected.tolist()),
        "scores": _short(track.scores[detected]),
    }
    if track.person is not None:
        values["person"] = track.person
    if track.joined:
        values["joined"] = track.joined
    if track.joined_from is not None:
        values["joined_from"] = track.joined_from
    return values


def _relative(path: Path, folder: Path) -> Path:
    """The path as seen from a folder; absolute where no way leads there, as to another drive."""
    # Folders are resolved, or ".." would lead elsewhere from behind a link. The file's name stays.
    file = Path(os.path.realpath(path.parent), path.name)
    try:
        return Path(os.path.relpath(file, os.path.realpath(folder)))
    except ValueError:
        return file


def _short(values: NDArray[np.float32]) -> list[float]:
    """The values with as few digits as tell one float32 from all others."""
    return [int(short) if (short := float(str(value))).is_integer() else short for value in values]


def _runs(values: Iterable[int]) -> list[tuple[int, int]]:
    """Each value and how often it comes in a row."""
    return [(value, sum(1 for _ in group)) for value, group in itertools.groupby(values)]


def _progressions(numbers: Sequence[int]) -> list[list[int]]:
    """Ascending numbers as [first, step, count] each."""
    result: list[list[int]] = []
    for number in numbers:
        first, step, count = result[-1] if result else (0, 0, 0)
        if count == 1:
            result[-1] = [first, number - first, 2]
        elif count and number == first + step * count:
            result[-1][2] += 1
        else:
            result.append([number, 1, 1])
    return result
