"""Labelled pictures: what a `boxes.json` says, and how covers are scored against it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from redact.cover.regions import region_for
from redact.geometry import grow
from redact.settings import Settings
from redact.types import Box

NEEDED = 0.8
"""A thing counts as covered when this share of its box lies under covers."""


def load_labels(folder: Path, most: int) -> dict[str, list[Box]]:
    """Boxes by picture name, of the first `most` pictures of each set in the folder."""
    try:
        data = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    except OSError as err:
        raise SystemExit(f"no labels in {str(folder)!r} ({err}); see --help for the form") from err
    labels, count = {}, defaultdict(int)
    for name, items in data.items():
        count[name.split("/")[0]] += 1
        if count[name.split("/")[0]] <= most:
            labels[name] = [Box(i["x"], i["y"], i["x"] + i["w"], i["y"] + i["h"]) for i in items]
    return labels


def painted(
    found: Iterable[tuple[str, Box]], size: tuple[int, int], settings: Settings
) -> list[Box]:
    """Where covers lie for these kinds and boxes in an upright (width, height) picture."""
    regions = (region_for(box, kind, size, settings) for kind, box in found)
    return [Box(r.x0, r.y0, r.x1, r.y1) for r in regions if r is not None]


def false_area(image: np.ndarray, boxes: Sequence[Box], covers: Sequence[Box]) -> float:
    """Share of the picture under covers that lie farther than twice the box from a label."""
    covered = np.zeros(image.shape[:2], dtype=bool)
    for value, group in ((True, covers), (False, [grow(box, 0.5, 0) for box in boxes])):
        for box in group:
            x0, y0, x1, y1 = (max(0, int(v)) for v in box)
            covered[y0:y1, x0:x1] = value
    return float(covered.mean())
