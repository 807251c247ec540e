"""Plans of the format "redact-plan-1", in which each frame of a track has a box of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.errors import PlanError
from redact.plan.decisions import Decision
from redact.plan.json.fields import (
    box_of,
    count_of,
    field_of,
    int_of,
    kind_of,
    margins_of,
    object_of,
    score_of,
    tuple_of,
)
from redact.types import Track

FORMAT = "redact-plan-1"


def track_of(value: Any, where: str) -> Track:
    data = object_of(value, where)
    boxes = tuple_of(box_of)(*field_of(data, "boxes", where))
    scores = tuple_of(score_of)(*field_of(data, "scores", where))
    if not boxes or len(boxes) != len(scores):
        raise PlanError(
            f"{where} must have at least one box and as many scores as boxes, not {len(boxes)} "
            f"boxes and {len(scores)} scores"
        )
    margins = None
    if data.get("margins") is not None:
        margins = tuple_of(margins_of)(*field_of(data, "margins", where))
        if len(margins) != len(boxes):
            raise PlanError(
                f"{where} must have as many margins as boxes, not {len(margins)} margins and "
                f"{len(boxes)} boxes"
            )
    return Track(
        id=count_of(*field_of(data, "id", where)),
        kind=kind_of(*field_of(data, "kind", where)),
        start_index=count_of(*field_of(data, "start_index", where)),
        boxes=np.asarray(boxes, dtype=np.float32),
        scores=np.asarray(scores, dtype=np.float32),
        margins=None if margins is None else np.asarray(margins, dtype=np.float32),
    )


def pts_of(value: Any, where: str) -> NDArray[np.int64]:
    pts = np.asarray(tuple_of(int_of)(value, where), dtype=np.int64)
    if not len(pts):
        raise PlanError(f"{where} must hold the time of at least one frame, not []")
    repeated = np.flatnonzero(np.diff(pts) <= 0)
    if len(repeated):
        number = int(repeated[0]) + 1
        raise PlanError(f"{where}[{number}] must be later than {where}[{number - 1}]")
    return pts


def decisions_of(allowed: tuple[int, ...]) -> tuple[Decision, ...]:
    """What the ids of the tracks that stay visible are today."""
    return (Decision(action="keep", tracks=allowed),) if allowed else ()
