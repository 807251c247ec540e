"""What the page asks for: JSON values in, another plan out.

Everything that comes from a browser is checked here. A value of a wrong type is an `EditError` that
names its field; what the plan itself refuses stays a `PlanError` or `SettingsError`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from redact.manual_tracks import follow
from redact.plan import Plan
from redact.report.summary import last_decision, states_of
from redact.settings import Audio, choices
from redact.types import KINDS, Box, parse_spans
from redact.zones import Zone

_MAX_TEXT, _MAX_ITEMS, _MAX_NUMBER = 300, 1000, 1e6
_STATUSES = ("cover", "keep", "drop")


class EditError(ValueError):
    """A field of an edit is missing, or has a value that can't be used."""


def edited(plan: Plan, edit: object) -> Plan:
    """The plan after an edit; the same object if the edit changes nothing.

    Args:
        plan: it stays as it is.
        edit: a JSON object. Its "do" names one of the functions of this module, without the
            underscore, which tell the other fields.

    Raises:
        EditError: a field is missing or has a value of a wrong type.
        PlanError, SettingsError: the plan refuses it.

    """
    if not isinstance(edit, Mapping):
        raise EditError("an edit must be an object with named fields")
    apply = _EDITS.get(_text(edit, "do"))
    if apply is None:
        raise EditError(f"do must be one of {', '.join(_EDITS)}, not {edit['do']!r}")
    return apply(plan, edit)


def _decide(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Set what happens to `tracks`: `status` is "cover", "keep" or "drop"; with `reason`, `by`."""
    ids, status = _track_ids(edit), _one_of(edit, "status", _STATUSES)
    why = {"reason": _text(edit, "reason", ""), "by": _text(edit, "by", "")}
    known = statuses_of(plan)
    # The plan itself refuses tracks that it doesn't have.
    statuses = {track_id: known.get(track_id, "cover") for track_id in ids}
    same = all(value == status for value in statuses.values())
    if same and (status == "cover" or why == reason_of(plan, ids)):
        return plan
    if decided := [i for i, value in statuses.items() if value in ("keep", "drop")]:
        plan = plan.withdraw(decided, by=why["by"])
    if status == "keep":
        return plan.keep(ids, **why)
    return plan.drop(ids, **why) if status == "drop" else plan


def _join(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Say that `tracks` show one person; with `reason`, `by`."""
    why = {"reason": _text(edit, "reason", ""), "by": _text(edit, "by", "")}
    return plan.join(_track_ids(edit), **why)


def _split(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Say that `tracks` show somebody else than those that they were joined with."""
    return plan.split(_track_ids(edit), by=_text(edit, "by", ""))


def _follow(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Cover what is in `box`, shares of the picture, in `frame`, and follow it; `kind` as usual."""
    x0, y0, x1, y1 = _numbers(edit, "box", 4)
    width, height = plan.clip.upright_size
    box = Box(x0 * width, y0 * height, x1 * width, y1 * height)
    index = _frame(edit, "frame", plan)
    track = follow(plan, box, frame=index, kind=_one_of(edit, "kind", (*KINDS, "other")))
    return plan.cover(track, reason=_text(edit, "reason", ""), by=_text(edit, "by", ""))


def _zone(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Add a zone: `rule`, `points` in shares of the picture, `name`, `first` and `stop` frames."""
    rule = _one_of(edit, "rule", ("cover", "ignore"))
    points = edit.get("points")
    if not isinstance(points, list) or len(points) > _MAX_ITEMS:
        raise EditError("points must be a list of [x, y]")
    pairs = [_numbers({"point": point}, "point", 2) for point in points]
    polygon = tuple((_in_picture(x), _in_picture(y)) for x, y in pairs)
    first = 0 if edit.get("first") is None else _frame(edit, "first", plan)
    stop = len(plan.clip.pts) if edit.get("stop") is None else _whole(edit, "stop")
    frames = None if (first, stop) == (0, len(plan.clip.pts)) else range(first, stop)
    decide = plan.cover if rule == "cover" else plan.ignore
    return decide(Zone(polygon=polygon).polygon, frames=frames, name=_text(edit, "name", ""))


def _remove(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Take back a zone, by its `name`, or a track that was covered by hand, by its number."""
    name = edit.get("name")
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise EditError("name must be the name of a zone or the number of a track")
    return plan.uncover(name)


def _sound(plan: Plan, edit: Mapping[str, Any]) -> Plan:
    """Say what becomes of the sound: `audio` is "drop" or "keep", perhaps in `spans` alone."""
    is_kept = _one_of(edit, "audio", choices("audio")) == "keep"
    text = _text(edit, "spans", "")
    try:
        spans = parse_spans(text) if text.strip() else ()
    except ValueError as err:
        raise EditError(str(err)) from err
    audio: Audio = "keep" if is_kept else "drop"
    settings = dataclasses.replace(plan.settings, audio=audio, audio_spans=spans)
    if settings == plan.settings:
        return plan
    return dataclasses.replace(plan, settings=settings)


_EDITS: dict[str, Callable[[Plan, Mapping[str, Any]], Plan]] = {
    "decide": _decide,
    "join": _join,
    "split": _split,
    "follow": _follow,
    "zone": _zone,
    "remove": _remove,
    "sound": _sound,
}


def statuses_of(plan: Plan) -> dict[int, str]:
    """What happens to each track, by its id: "keep", "drop", "ignore" or "cover"."""
    names = {"kept": "keep", "dropped": "drop", "ignored": "ignore"}
    return {id_: names.get(state, "cover") for id_, state in states_of(plan).items()}


def reason_of(plan: Plan, track_ids: list[int]) -> dict[str, str]:
    """The reason, and who gave it, of the last decision about the first of these tracks."""
    decision = last_decision(plan, track_ids[0])
    if decision is None:
        return {"reason": "", "by": ""}
    return {"reason": decision.reason, "by": decision.by}


def _track_ids(edit: Mapping[str, Any]) -> list[int]:
    ids = edit.get("tracks")
    if not isinstance(ids, list) or not 0 < len(ids) <= _MAX_ITEMS:
        raise EditError("tracks must be a list of track numbers")
    return [_whole({"tracks": i}, "tracks") for i in ids]


def _text(edit: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = edit.get(name, default)
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise EditError(f"{name} must be a text of at most {_MAX_TEXT} characters")
    return value


def _one_of(edit: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = _text(edit, name)
    if value not in allowed:
        raise EditError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
    return value


def _whole(edit: Mapping[str, Any], name: str) -> int:
    value = edit.get(name)
    if type(value) is not int:
        raise EditError(f"{name} must be a whole number")
    return value


def _frame(edit: Mapping[str, Any], name: str, plan: Plan) -> int:
    value, count = _whole(edit, name), len(plan.clip.pts)
    if not 0 <= value < count:
        raise EditError(f"{name} must lie in 0..{count - 1}, not {value}")
    return value


def _numbers(edit: Mapping[str, Any], name: str, count: int) -> list[float]:
    values = edit.get(name)
    if not isinstance(values, list) or len(values) != count:
        raise EditError(f"{name} must be {count} numbers")
    # Python counts True as an int.
    if not all(type(v) in (int, float) and abs(v) < _MAX_NUMBER for v in values):
        raise EditError(f"{name} must be {count} numbers")
    return [float(value) for value in values]


def _in_picture(share: float) -> float:
    """The share in 0..1: a pointer may leave the picture while somebody draws."""
    return min(1.0, max(0.0, share))
