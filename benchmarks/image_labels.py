"""Labelled images: read `boxes.json`, and score covers against the labels."""

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

MIN_COVERED_SHARE = 0.8
"""A face or plate counts as covered if this share of its box lies under covers."""


def load_labels(folder: Path, max_images: int) -> dict[str, list[Box]]:
    """Boxes by image name, of the first `max_images` images of each set.

    Raises:
        SystemExit: the folder has no `boxes.json`.

    """
    try:
        data = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    except OSError as err:
        raise SystemExit(
            f"no labels in {str(folder)!r} ({err}); --help describes the format"
        ) from err
    labels, count = {}, defaultdict(int)
    for name, items in data.items():
        count[name.split("/")[0]] += 1
        if count[name.split("/")[0]] <= max_images:
            labels[name] = [Box(i["x"], i["y"], i["x"] + i["w"], i["y"] + i["h"]) for i in items]
    return labels


def cover_boxes(
    boxes: Iterable[tuple[str, Box]], size: tuple[int, int], settings: Settings
) -> list[Box]:
    """Bounding boxes of the covers for (kind, box) pairs in an upright image of (width, height)."""
    regions = (region_for(box, kind, size, settings) for kind, box in boxes)
    return [Box(r.x0, r.y0, r.x1, r.y1) for r in regions if r is not None]


def false_area(image: np.ndarray, boxes: Sequence[Box], covers: Sequence[Box]) -> float:
    """Share of the image under covers but outside all labels grown to twice their size."""
    covered = np.zeros(image.shape[:2], dtype=bool)
    for value, group in ((True, covers), (False, [grow(box, 0.5, 0) for box in boxes])):
        for box in group:
            x0, y0, x1, y1 = (max(0, int(v)) for v in box)
            covered[y0:y1, x0:x1] = value
    return float(covered.mean())
