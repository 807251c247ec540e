"""A plan from JSON values, with every value checked.

A plan may have been edited by hand. Whatever can't be used raises a `PlanError` that names the
field and shows its value, so that no later stage meets it.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.errors import PlanError, SettingsError
from redact.plan.decisions import Action, Decision, tracks_with, zones_after
from redact.plan.json import format_1
from redact.plan.json.fields import (
    MAX_INT,
    bool_of,
    box_of,
    count_of,
    field_of,
    fraction_of,
    int_of,
    kind_of,
    margins_of,
    number_of,
    object_of,
    only,
    optional_count_of,
    optional_range_of,
    positive_fraction_of,
    rotation_of,
    shown,
    size_of,
    text_of,
    tuple_of,
)
from redact.plan.json.writing import FORMAT
from redact.plan.key_boxes import between_keys
from redact.settings import Settings
from redact.types import ClipInfo, Track
from redact.zones import Zone

# So many frames are twelve days at 30 a second: a damaged file must not fill the memory.
_MAX_FRAMES = 2**25


def plan_from_dict(
    data: object, folder: Path | None = None
) -> tuple[ClipInfo, Settings, tuple[Track, ...], tuple[Decision, ...], int]:
    """Read what `plan_to_dict` gave.

    Returns: the clip, the settings, the tracks, the decisions, and `Plan.min_face_pixels`.

    folder: the clip's path is relative to this.

    Raises:
        PlanError: a field is missing or has a value that can't be used.

    """
    plan = object_of(data, "a plan")
    version = plan.get("format")
    if version not in (FORMAT, format_1.FORMAT):
        raise PlanError(f"format must be {FORMAT!r} or {format_1.FORMAT!r}, not {shown(version)}")
    is_old = version == format_1.FORMAT
    if not is_old:
        names = {"format", "clip", "settings", "min_face_pixels", "decisions", "tracks"}
        only(plan, names, "a plan")
    clip = _clip_from_dict(object_of(*field_of(plan, "clip")), format_1.pts_of if is_old else _pts)
    try:
        settings = Settings.from_dict(object_of(*field_of(plan, "settings")))
    except SettingsError as err:
        raise PlanError(f"settings: {err}") from err
    count = len(clip.pts)
    read_track = format_1.track_of if is_old else functools.partial(_track, frame_count=count)
    tracks = tuple_of(read_track)(*field_of(plan, "tracks"))
    _check_tracks_fit(tracks, count)
    if is_old:
        allowed = tuple_of(count_of)(*field_of(plan, "allowed"))
        _check_ids(allowed, "allowed", tracks)
        return clip, settings, tracks, format_1.decisions_of(allowed), 0
    if folder is not None:
        path = os.path.normpath(Path(os.path.realpath(folder), clip.path))
        clip = dataclasses.replace(clip, path=Path(path))
    decisions = tuple_of(_decision)(*field_of(plan, "decisions"))
    _check_decisions(decisions, tracks, settings.zones)
    min_face_pixels = count_of(plan.get("min_face_pixels", 0), "min_face_pixels")
    return clip, settings, tracks, decisions, min_face_pixels


def _clip_from_dict(
    data: Mapping[str, Any], read_pts: Callable[[Any, str], NDArray[np.int64]]
) -> ClipInfo:
    fields = {field.name: field for field in dataclasses.fields(ClipInfo)}
    only(data, fields, "clip")
    readers = {**_CLIP_READERS, "pts": read_pts}
    values = {
        name: readers[name](*field_of(data, name, "clip"))
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


def _check_decisions(
    decisions: Sequence[Decision], tracks: Sequence[Track], zones: Sequence[Zone]
) -> None:
    """Refuse decisions about tracks that are not there, or that contradict those before them."""
    for number, decision in enumerate(decisions):
        where = f"decisions[{number}]"
        _check_ids(decision.tracks, f"{where}.tracks", tracks)
        before = decisions[:number]
        opposite: dict[str, Action] = {"keep": "drop", "drop": "keep"}
        if decision.action in opposite:
            both = tracks_with(opposite[decision.action], before) & set(decision.tracks)
            if both:
                raise PlanError(
                    f"{where} can't {decision.action} the tracks {sorted(both)}: an earlier "
                    f"decision is to {opposite[decision.action]} them"
                )
        if decision.zone is not None:
            names = {zone.name for zone in zones_after(zones, before)}
            if not decision.zone.name:
                raise PlanError(f"{where}.zone.name is missing")
            if (decision.zone.name in names) != (decision.action == "uncover"):
                taken = "not in the plan" if decision.action == "uncover" else "taken already"
                raise PlanError(f"{where}.zone.name is {taken}: {decision.zone.name!r}")


def _check_ids(ids: Iterable[int], where: str, tracks: Iterable[Track]) -> None:
    known = {track.id for track in tracks}
    if missing := sorted(set(ids) - known):
        raise PlanError(f"{where}: no track {missing} in this plan; it has {sorted(known)}")


def _track(value: Any, where: str, *, frame_count: int) -> Track:
    data = object_of(value, where)
    only(data, _TRACK_FIELDS, where)
    keys = tuple_of(_key)(*field_of(data, "keys", where))
    if not keys or keys[0][0] != 0:
        raise PlanError(f"{where}.keys must begin with a key of frame 0 of the track")
    for number, (one, two) in enumerate(itertools.pairwise(keys), 1):
        if len(two) != len(one) or two[0] <= one[0]:
            raise PlanError(
                f"{where}.keys[{number}] must have as many numbers as those before it, and a "
                f"later frame, not {shown(list(two))}"
            )
    count = int(keys[-1][0]) + 1
    start = count_of(*field_of(data, "start_index", where))
    if start + count > frame_count:
        raise PlanError(
            f"{where} lies in the frames {start} to {start + count - 1}, but the clip has the "
            f"frames 0 to {frame_count - 1}"
        )
    values = np.asarray([key[1:] for key in keys], dtype=np.float32)
    columns = between_keys(np.asarray([int(key[0]) for key in keys]), values)
    return Track(
        id=count_of(*field_of(data, "id", where)),
        kind=kind_of(*field_of(data, "kind", where)),
        start_index=start,
        boxes=columns[:, :4],
        scores=_scores(data, where, count),
        margins=columns[:, 4:] if columns.shape[1] > 4 else None,
        person=optional_count_of(data.get("person"), f"{where}.person"),
        joined=text_of(data.get("joined", ""), f"{where}.joined"),
        joined_from=optional_count_of(data.get("joined_from"), f"{where}.joined_from"),
    )


def _key(value: Any, where: str) -> tuple[float, ...]:
    """A frame of the track, x0, y0, x1, y1, and perhaps two margins."""
    key = tuple_of(number_of)(value, where)
    if len(key) not in (5, 7):
        raise PlanError(
            f"{where} must have 5 numbers, frame x0 y0 x1 y1, or 7 with the margins in x and y, "
            f"not {shown(value)}"
        )
    count_of(value[0], f"{where}[0]")
    box_of(list(value[1:5]), where)
    if len(key) == 7:
        margins_of(list(value[5:]), where)
    return key


def _scores(data: Mapping[str, Any], where: str, count: int) -> NDArray[np.float32]:
    """(count,) the score of each frame, NaN where nothing was detected."""
    numbers: list[int] = []
    runs, runs_where = field_of(data, "detected", where)
    for number, run in enumerate(tuple_of(tuple_of(count_of))(runs, runs_where)):
        if len(run) != 3 or run[1] < 1 or run[2] < 1 or run[0] + run[1] * (run[2] - 1) >= count:
            raise PlanError(
                f"{runs_where}[{number}] must be first, step and count of frames in the track's "
                f"{count}, not {shown(list(run))}"
            )
        numbers += range(run[0], run[0] + run[1] * run[2], run[1])
    scores = tuple_of(number_of)(*field_of(data, "scores", where))
    if len(scores) != len(numbers) or len(set(numbers)) != len(numbers):
        raise PlanError(
            f"{where}.scores must be one for each frame of {runs_where}, not {len(scores)} for "
            f"{len(set(numbers))}"
        )
    result = np.full(count, np.nan, dtype=np.float32)
    result[numbers] = scores
    return result


def _decision(value: Any, where: str) -> Decision:
    data = object_of(value, where)
    only(data, {"action", "tracks", "zone", "reason", "by"}, where)
    action, action_where = field_of(data, "action", where)
    if action not in typing.get_args(Action):
        known = ", ".join(typing.get_args(Action))
        raise PlanError(f"{action_where} must be one of {known}, not {shown(action)}")
    if ("tracks" in data) == ("zone" in data):
        raise PlanError(f"{where} must have either tracks or a zone")
    if "zone" in data:
        if action not in ("cover", "ignore", "uncover"):
            raise PlanError(f"{where} must have tracks, because its action is {action!r}")
    elif action == "ignore":
        raise PlanError(f"{where} must have a zone, because its action is {action!r}")
    return Decision(
        action=action,
        tracks=tuple_of(count_of)(data.get("tracks", ()), f"{where}.tracks"),
        zone=_zone(data["zone"], f"{where}.zone") if "zone" in data else None,
        reason=text_of(data.get("reason", ""), f"{where}.reason"),
        by=text_of(data.get("by", ""), f"{where}.by"),
    )


def _zone(value: Any, where: str) -> Zone:
    try:
        return Zone.from_dict(object_of(value, where))
    except SettingsError as err:
        raise PlanError(f"{where}: {err}") from err


def _pts(value: Any, where: str) -> NDArray[np.int64]:
    data = object_of(value, where)
    only(data, {"first", "steps"}, where)
    first = int_of(*field_of(data, "first", where))
    steps, steps_where = field_of(data, "steps", where)
    total, end = 1, first
    for number, run in enumerate(tuple_of(tuple_of(size_of))(steps, steps_where)):
        if len(run) != 2:
            raise PlanError(
                f"{steps_where}[{number}] must be a step and how often it comes, not "
                f"{shown(list(run))}"
            )
        total, end = total + run[1], end + run[0] * run[1]
    if total > _MAX_FRAMES or end > MAX_INT:
        raise PlanError(f"{steps_where} must lead to fewer frames and times, not to {total} frames")
    counts = [run[1] for run in steps]
    return first + np.concatenate([[0], np.cumsum(np.repeat([run[0] for run in steps], counts))])


_TRACK_FIELDS = {"id", "kind", "start_index", "keys", "detected", "scores"}
_TRACK_FIELDS |= {"person", "joined", "joined_from"}
_CLIP_READERS: dict[str, Callable[[Any, str], Any]] = {
    "path": lambda value, where: Path(text_of(value, where)),
    "sha256": text_of,
    "width": size_of,
    "height": size_of,
    "rotation_degrees": rotation_of,
    "time_base": positive_fraction_of,
    "has_audio": bool_of,
    "frame_rate": positive_fraction_of,
    "sample_aspect_ratio": positive_fraction_of,
    "color_range": int_of,
    "color_primaries": int_of,
    "color_transfer": int_of,
    "color_matrix": int_of,
    "frame_count_estimate": optional_count_of,
    "is_mirrored": bool_of,
    "turn_degrees": rotation_of,
    "is_interlaced": bool_of,
    "is_still": bool_of,
    "is_damaged": bool_of,
    "damaged_frames": tuple_of(count_of),
    "clock_shifts": tuple_of(fraction_of),
    "jump_indices": tuple_of(count_of),
    "dropped": tuple_of(text_of),
    "warnings": tuple_of(text_of),
    "analyzed": optional_range_of,
    "part": optional_range_of,
}
