"""Zones: parts of the picture that the owner of a camera decides about.

A zone is a polygon in shares of the picture's width and height, so that it means the same place at
every resolution. This module needs nothing but the standard library, because settings hold zones.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from redact.errors import SettingsError

Rule = Literal["cover", "ignore"]
"""What a zone means; see `Zone.rule`."""
Point = tuple[float, float]

_MAX_POINTS = 256
_MAX_NAME_LENGTH = 80
# A polygon that is smaller than this share of the picture has no area worth the name.
_MIN_AREA = 1e-8


@dataclasses.dataclass(frozen=True, kw_only=True)
class Zone:
    """A polygon of the upright picture with a rule.

    Raises:
        SettingsError: the polygon has fewer than three points, has one outside 0..1, crosses or
            touches itself, or encloses nothing; or another field has a value that can't be used.

    """

    polygon: tuple[Point, ...]
    """(x, y) points in shares of the upright picture: (0, 0) is its top left corner, (1, 1) its
    bottom right one."""
    rule: Rule = "cover"
    """"cover": always covered, such as a window, a screen or burned-in text. "ignore": nothing in
    there is a face or plate, such as a poster; detections with their centre inside don't count. Who
    stands in front of it is not detected there either, so such a zone should be no larger than
    what it is for."""
    name: str = ""
    """What a person calls it; settings and plans give a number to a zone without a name."""
    start_seconds: float = 0.0
    """The zone exists from here on; the clip's first frame is at 0."""
    stop_seconds: float | None = None
    """The zone exists until just before this; None is the end of the clip."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "polygon", _as_points(self.polygon))
        _check_polygon(self.polygon)
        if self.rule not in typing.get_args(Rule):
            raise SettingsError(f'a zone\'s rule must be "cover" or "ignore", not {self.rule!r}')
        is_name = isinstance(self.name, str) and len(self.name) <= _MAX_NAME_LENGTH
        if not is_name or not all(map(str.isprintable, self.name)):
            raise SettingsError(
                f"a zone's name must be a text of at most {_MAX_NAME_LENGTH} printable "
                f"characters, not {self.name!r}"
            )
        _check_span(self.start_seconds, self.stop_seconds)

    @classmethod
    def from_box(cls, x0: float, y0: float, x1: float, y1: float, **fields: Any) -> Zone:
        """Make a zone of a rectangle, in shares of the picture; `fields` are the other fields.

        Raises:
            SettingsError: x0 < x1 or y0 < y1 does not hold, or the zone can't be used.

        """
        if not (_is_number(x0) and _is_number(y0) and _is_number(x1) and _is_number(y1)):
            raise SettingsError(f"a box must be four numbers, not {(x0, y0, x1, y1)!r}")
        if not (x0 < x1 and y0 < y1):
            raise SettingsError(
                f"a box must have x0 < x1 and y0 < y1, not {x0:g},{y0:g},{x1:g},{y1:g}"
            )
        return cls(polygon=((x0, y0), (x1, y0), (x1, y1), (x0, y1)), **fields)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Zone:
        """Make a zone of a mapping of field names to values; `box` may stand for `polygon`.

        Raises:
            SettingsError: a field is unknown or missing, or has a value that can't be used.

        """
        if not isinstance(values, Mapping):
            raise SettingsError(f"a zone must be a table of named values, not {values!r}")
        fields = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in fields | {"box"}:
                known = ", ".join(["box", *sorted(fields)])
                raise SettingsError(f"a zone has no field {name!r}; known are {known}")
        if ("box" in values) == ("polygon" in values):
            raise SettingsError("a zone needs either a polygon or a box")
        if "polygon" in values:
            return cls(**values)
        others = {name: value for name, value in values.items() if name != "box"}
        box = values["box"]
        if not isinstance(box, Sequence) or isinstance(box, str) or len(box) != 4:
            raise SettingsError(f"a box must be four numbers, not {box!r}")
        return cls.from_box(*box, **others)

    def to_dict(self) -> dict[str, Any]:
        """The zone as plain JSON values, without the fields that have their default."""
        values = {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) != field.default
        }
        return {**values, "polygon": [list(point) for point in self.polygon]}

    def is_active(self, seconds: float) -> bool:
        """Whether the zone exists at that time."""
        stop = math.inf if self.stop_seconds is None else self.stop_seconds
        return self.start_seconds <= seconds < stop

    def spans_at(self, y: float) -> list[tuple[float, float]]:
        """From where to where the zone reaches at a height, ascending; shares of the picture."""
        crossings = sorted(
            ax + (y - ay) / (by - ay) * (bx - ax)
            for (ax, ay), (bx, by) in _edges(self.polygon)
            if (ay > y) != (by > y)
        )
        return list(zip(crossings[::2], crossings[1::2], strict=True))

    def contains(self, x: float, y: float) -> bool:
        """Whether a point, in shares of the picture, lies inside."""
        return any(left <= x < right for left, right in self.spans_at(y))


def parse_zone(text: str) -> Zone:
    """Read a zone from a command line: "cover:0,0,.3,.1" or "ignore:.1,.1,.5,.1,.3,.4@2.5-10".

    Four numbers are the box x0,y0,x1,y1, and six or more are the points of a polygon. What follows
    "@" are the seconds at which the zone begins and ends; the end may be left out.

    Raises:
        SettingsError: the text has another form, or the zone can't be used.

    """
    match = re.fullmatch(r"(?P<rule>\w+):(?P<numbers>[^@]*)(@(?P<start>[^-]*)-(?P<stop>.*))?", text)
    try:
        if match is None:
            raise ValueError
        numbers = [float(number) for number in match["numbers"].split(",")]
        start = float(match["start"] or 0)
        stop = float(match["stop"]) if match["stop"] else None
        if len(numbers) < 4 or len(numbers) % 2:
            raise ValueError
    except ValueError:
        raise SettingsError(
            f"can't read the zone {text!r}; write it like cover:0,0,.3,.1 (a box) or "
            "ignore:.1,.1,.5,.1,.3,.4@2.5-10 (a polygon, from 2.5 s to 10 s)"
        ) from None
    fields: dict[str, Any] = {
        "rule": match["rule"],
        "start_seconds": start,
        "stop_seconds": stop,
    }
    try:
        if len(numbers) == 4:
            return Zone.from_box(*numbers, **fields)
        return Zone(polygon=tuple(zip(numbers[::2], numbers[1::2], strict=True)), **fields)
    except SettingsError as err:
        raise SettingsError(f"{err} (in the zone {text!r})") from err


def named_zones(zones: Iterable[Zone | Mapping[str, Any]]) -> tuple[Zone, ...]:
    """Zones of which each has a name of its own: "zone 1" and so on for those without.

    Raises:
        SettingsError: two have the same name, or one of them can't be used.

    """
    if isinstance(zones, (str, Mapping)) or not isinstance(zones, Iterable):
        raise SettingsError(f"zones must be a list of zones, not {zones!r}")
    given = [zone if isinstance(zone, Zone) else Zone.from_dict(zone) for zone in zones]
    taken = {zone.name for zone in given if zone.name}
    if len(taken) < sum(bool(zone.name) for zone in given):
        names = [zone.name for zone in given]
        twice = next(name for name in names if name and names.count(name) > 1)
        raise SettingsError(f"two zones have the name {twice!r}; give each its own")
    free = (name for n in itertools.count(1) if (name := f"zone {n}") not in taken)
    return tuple(
        zone if zone.name else dataclasses.replace(zone, name=next(free)) for zone in given
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_points(polygon: object) -> tuple[Point, ...]:
    """The points as tuples of floats."""
    points: list[Point] = []
    items = polygon if isinstance(polygon, Iterable) and not isinstance(polygon, str) else [polygon]
    for item in items:
        values = tuple(item) if isinstance(item, Iterable) and not isinstance(item, str) else ()
        # Numbers of numpy and the like are welcome, too.
        try:
            x, y = (float(value) for value in values if not isinstance(value, (str, bool)))
        except (TypeError, ValueError):
            raise SettingsError(
                f"a polygon must be a list of points (x, y), but one of them is {item!r}"
            ) from None
        points.append((x, y))
    # Many formats repeat the first point at the end.
    return tuple(points[:-1] if len(points) > 3 and points[0] == points[-1] else points)


def _check_polygon(points: Sequence[Point]) -> None:
    if not 3 <= len(points) <= _MAX_POINTS:
        raise SettingsError(f"a polygon must have 3 to {_MAX_POINTS} points, not {len(points)}")
    for x, y in points:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise SettingsError(
                "a polygon must lie in 0..1 of the picture's width and height, but has the point "
                f"{_as_text((x, y))}"
            )
    if len(set(points)) < len(points):
        twice = next(point for point in points if points.count(point) > 1)
        raise SettingsError(f"a polygon must not have a point twice, such as {_as_text(twice)}")
    edges = list(_edges(points))
    for number, edge in enumerate(edges):
        for other in edges[number + 1 :]:
            if _touch(edge, other):
                one, two = (" to ".join(map(_as_text, ends)) for ends in (edge, other))
                raise SettingsError(
                    f"a polygon must not cross or touch itself, but {one} meets {two}"
                )
    if abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in edges)) / 2 < _MIN_AREA:
        raise SettingsError("a polygon must enclose a part of the picture, but its area is 0")


def _check_span(start: object, stop: object) -> None:
    is_start = _is_number(start) and math.isfinite(typing.cast(float, start))
    is_stop = stop is None or (_is_number(stop) and math.isfinite(typing.cast(float, stop)))
    if not is_start or not is_stop:
        raise SettingsError(f"a zone must begin and end at finite seconds, not {start!r}, {stop!r}")
    if stop is not None and not typing.cast(float, start) < typing.cast(float, stop):
        raise SettingsError(f"a zone must begin before it ends, not at {start:g} and {stop:g} s")


def _edges(points: Sequence[Point]) -> Iterable[tuple[Point, Point]]:
    return itertools.pairwise([*points, points[0]])


def _as_text(point: Point) -> str:
    return f"({point[0]:g}, {point[1]:g})"


def _turn(a: Point, b: Point, c: Point) -> float:
    """Above 0 where the way from a over b to c turns right, 0 where it is straight."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _is_between(a: Point, b: Point, c: Point) -> bool:
    """Whether c, which lies on the line through a and b, lies from a to b."""
    return all(min(a[i], b[i]) <= c[i] <= max(a[i], b[i]) for i in (0, 1))


def _touch(one: tuple[Point, Point], two: tuple[Point, Point]) -> bool:
    """Whether two edges of a polygon share a point, other than the corner where they meet."""
    (a, b), (c, d) = one, two
    shared = {a, b} & {c, d}
    if len(shared) == 2 or a == b or c == d:
        return True
    if shared:
        corner = shared.pop()
        end = b if a == corner else a
        other = d if c == corner else c
        # They touch elsewhere only if one runs back along the other.
        if _turn(corner, end, other) != 0:
            return False
        return _is_between(corner, end, other) or _is_between(corner, other, end)
    turns = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if (turns[0] > 0) != (turns[1] > 0) and (turns[2] > 0) != (turns[3] > 0) and all(turns):
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(not turn and _is_between(*end) for turn, end in zip(turns, ends, strict=True))
