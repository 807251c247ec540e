"""Readers of JSON values that check them.

Each takes a value and the full name of its field, such as "tracks[0].id". It returns the value,
converted, or raises a `PlanError` that shows both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from redact.errors import PlanError

# The largest whole number that every JSON reader keeps exactly.
MAX_INT = 2**53
_MAX_KIND_LENGTH = 40
_T = TypeVar("_T")


def field_of(data: Mapping[str, Any], name: str, where: str = "") -> tuple[Any, str]:
    """Return the value of a field and the field's full name."""
    full_name = f"{where}.{name}" if where else name
    if name not in data:
        raise PlanError(f"{full_name} is missing")
    return data[name], full_name


def only(data: Mapping[str, Any], names: Collection[str], where: str) -> None:
    """Refuse an object with other fields than these."""
    for name in data:
        if name not in names:
            raise PlanError(f"{where} has an unknown field {name!r}")


def object_of(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(f"{where} must be an object with named fields, not {shown(value)}")
    return value


def tuple_of(read: Callable[[Any, str], _T]) -> Callable[[Any, str], tuple[_T, ...]]:
    """Return a reader of lists whose items are read by `read`."""

    def read_list(value: Any, where: str) -> tuple[_T, ...]:
        if not isinstance(value, (list, tuple)):
            raise PlanError(f"{where} must be a list, not {shown(value)}")
        return tuple(read(item, f"{where}[{number}]") for number, item in enumerate(value))

    return read_list


def text_of(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise PlanError(f"{where} must be a text, not {shown(value)}")
    return value


def bool_of(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(f"{where} must be true or false, not {shown(value)}")
    return value


def int_of(value: Any, where: str, lowest: int = -MAX_INT) -> int:
    # Python counts True as an int, but in a plan it is a mistake.
    if not isinstance(value, int) or isinstance(value, bool):
        raise PlanError(f"{where} must be a whole number, not {shown(value)}")
    if not lowest <= value <= MAX_INT:
        raise PlanError(f"{where} must lie in {lowest}..{MAX_INT}, not {shown(value)}")
    return value


def count_of(value: Any, where: str) -> int:
    return int_of(value, where, 0)


def size_of(value: Any, where: str) -> int:
    return int_of(value, where, 1)


def kind_of(value: Any, where: str) -> str:
    # Detectors of the user's own may find other things than faces and plates.
    if not (isinstance(value, str) and value.isprintable() and 0 < len(value) <= _MAX_KIND_LENGTH):
        raise PlanError(f'{where} must be a short name such as "face", not {shown(value)}')
    return value


def number_of(value: Any, where: str) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Boxes and scores are kept as float32, where larger numbers become infinite.
    if not is_number or not abs(value) <= float(np.finfo(np.float32).max):
        raise PlanError(f"{where} must be a finite number, not {shown(value)}")
    return float(value)


def score_of(value: Any, where: str) -> float:
    return math.nan if value is None else number_of(value, where)


def box_of(value: Any, where: str) -> tuple[float, ...]:
    box = tuple_of(number_of)(value, where)
    if len(box) != 4:
        raise PlanError(f"{where} must have the four numbers x0, y0, x1, y1, not {shown(value)}")
    x0, y0, x1, y1 = np.asarray(box, dtype=np.float32).tolist()
    if not (x0 < x1 and y0 < y1):
        raise PlanError(f"{where} must have x0 < x1 and y0 < y1, not {shown(value)}")
    return box


def margins_of(value: Any, where: str) -> tuple[float, ...]:
    margins = tuple_of(number_of)(value, where)
    if len(margins) != 2 or min(margins) < 0:
        raise PlanError(
            f"{where} must have two numbers of at least 0, for x and y, not {shown(value)}"
        )
    return margins


def fraction_of(value: Any, where: str) -> Fraction:
    match = re.fullmatch(r"(-?\d{1,40})(?:/(\d{1,40}))?", text_of(value, where), re.ASCII)
    if match is None or int(match[2] or 1) == 0:
        raise PlanError(f'{where} must be a fraction such as "1/25", not {shown(value)}')
    return Fraction(int(match[1]), int(match[2] or 1))


def optional_range_of(value: Any, where: str) -> tuple[int, int] | None:
    if value is None:
        return None
    edges = tuple_of(count_of)(value, where)
    if len(edges) != 2 or not edges[0] < edges[1]:
        raise PlanError(f"{where} must have a first index and a later one, not {shown(value)}")
    return edges[0], edges[1]


def positive_fraction_of(value: Any, where: str) -> Fraction:
    fraction = fraction_of(value, where)
    if fraction <= 0:
        raise PlanError(f"{where} must be above 0, not {shown(value)}")
    return fraction


def rotation_of(value: Any, where: str) -> int:
    if int_of(value, where) not in (0, 90, 180, 270):
        raise PlanError(f"{where} must be 0, 90, 180 or 270, not {shown(value)}")
    return int(value)


def optional_count_of(value: Any, where: str) -> int | None:
    return None if value is None else count_of(value, where)


def shown(value: Any) -> str:
    """The value for an error message, shortened where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
