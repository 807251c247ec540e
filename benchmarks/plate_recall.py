"""How many plates are covered, and how much for nothing: by set, width and threshold, in one run.

Every picture is looked at once, down to a low score; all thresholds are then read off the same
finds. `at 0.5 % false` is the recall at the lowest threshold whose false area stays within that
share. Labels that aren't exhaustive make the false area an upper bound: part of it is plates.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.labels import NEEDED, false_area, load_labels
from redact.boxes import covered_share, grow
from redact.records import Box, Detection

LOWEST = 0.1
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.8)
ALLOWED = (0.005, 0.001)
_GROWTH = 0.15
_WIDTHS = (0, 16, 24, 32, 48, 64, 128, 200, 10**6)
_GRID = np.arange(LOWEST, 0.991, 0.01)

Detect = Callable[[np.ndarray], Sequence[Detection]]


@dataclasses.dataclass(frozen=True)
class Seen:
    """One picture: for each label the score down to which it stays covered; false area by grid."""

    group: str
    widths: list[float]
    scores: list[float]
    false: np.ndarray


def look(group: str, image: np.ndarray, boxes: Sequence[Box], detect: Detect) -> Seen:
    """Run the detector on one BGR picture and score its finds against the labels."""
    found = sorted(detect(image), key=lambda d: -d.score)
    covers = [grow(d.box, _GROWTH, 0) for d in found]
    scores = []
    for box in boxes:
        near = [i for i, cover in enumerate(covers) if covered_share(box, [cover]) > 0]
        enough = (
            found[i].score
            for n, i in enumerate(near)
            if covered_share(box, [covers[j] for j in near[: n + 1]]) >= NEEDED
        )
        scores.append(next(enough, 0.0))
    false = np.zeros(len(_GRID))
    counts = [sum(d.score >= threshold for d in found) for threshold in _GRID]
    for i, count in enumerate(counts):
        same = i > 0 and count == counts[i - 1]
        false[i] = false[i - 1] if same else false_area(image, boxes, covers[:count])
    return Seen(group, [box.width for box in boxes], scores, false)


def pictures(folder: Path, scale: float, most: int) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    """Each labelled picture, shrunk by `scale`, with its set's name and its boxes."""
    for name, boxes in load_labels(folder, most).items():
        image = cv2.imread(str(folder / name))
        if scale != 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield name.split("/")[0], image, [Box(*(v * scale for v in box)) for box in boxes]


def bare_pictures(folder: Path, every: int = 25) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    """Pictures and every n-th frame of clips in a folder that shows no plates."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            yield path.parent.name, cv2.imread(str(path)), []
        elif path.suffix.lower() in {".mp4", ".mkv", ".mov"}:
            clip, index = cv2.VideoCapture(str(path)), 0
            while clip.grab():
                if index % every == 0:
                    yield path.stem, clip.retrieve()[1], []
                index += 1


def threshold_for(seen: Sequence[Seen], allowed: float) -> float:
    """The lowest threshold at which the mean false area is within `allowed`."""
    false = np.mean([one.false for one in seen], axis=0)
    within = np.nonzero(false <= allowed)[0]
    return float(_GRID[within[0]]) if len(within) else 1.0


def recall(scores: Sequence[float], threshold: float) -> float:
    """Share of the labels covered at the threshold."""
    return float(np.mean(np.asarray(scores) >= threshold)) if len(scores) else float("nan")


def tables(title: str, seen: Sequence[Seen], thresholds: Sequence[float]) -> str:
    """The run as text: one row per set, then recall by width."""
    names = sorted({one.group for one in seen})
    lines = [f"{title}: recall / false area %"]
    head = [f"at {t:g}" for t in thresholds] + [f"{100 * a:g} % false (threshold)" for a in ALLOWED]
    lines.append(f"  {'set':28} {'plates':>6}  " + "  ".join(f"{h:>13}" for h in head))
    for name in [*names, "all"]:
        part = [one for one in seen if name in (one.group, "all")]
        scores = [score for one in part for score in one.scores]
        cells = []
        for threshold in thresholds:
            at = int(np.argmin(np.abs(_GRID - threshold)))
            area = 100 * np.mean([one.false[at] for one in part])
            cells.append(f"{recall(scores, threshold):.3f} / {area:5.2f}")
        for allowed in ALLOWED:
            threshold = threshold_for(part, allowed)
            cells.append(f"{recall(scores, threshold):.3f} ({threshold:.2f})")
        lines.append(f"  {name:28} {len(scores):6}  " + "  ".join(f"{c:>13}" for c in cells))
    for threshold in thresholds:
        lines.append(f"  by width in pixels at {threshold:g}: " + _by_width(seen, threshold))
    return "\n".join(lines)


def _by_width(seen: Sequence[Seen], threshold: float) -> str:
    pairs = [pair for one in seen for pair in zip(one.widths, one.scores, strict=True)]
    parts = []
    for low, high in itertools.pairwise(_WIDTHS):
        scores = [score for width, score in pairs if low <= width < high]
        if scores:
            parts.append(f"{low}+: {recall(scores, threshold):.3f} ({len(scores)})")
    return ", ".join(parts)
