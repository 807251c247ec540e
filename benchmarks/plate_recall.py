"""How many plates are covered, and how much for nothing: by set, width and threshold, in one run.

Every picture is looked at once, down to a low score; all thresholds are then read off the same
finds. `at 0.5 % false` is the recall at the lowest threshold whose false area stays within that
share. Labels that aren't exhaustive make the false area an upper bound: part of it is plates.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.image_labels import NEEDED, false_area, load_labels
from redact.detectors.plates import PlateDetector
from redact.geometry import covered_share, grow
from redact.training.split import is_trained_on
from redact.types import Box, Detection

LOWEST = 0.1
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.8)
ALLOWED = (0.005, 0.001)
TRAINED_ON = " (trained on)"
_GROWTH = 0.15
_WIDTHS = (0, 16, 24, 32, 48, 64, 128, 200, 10**6)
_GRID = np.arange(LOWEST, 0.991, 0.01)

Detect = Callable[[np.ndarray], Sequence[Detection]]


@dataclasses.dataclass(frozen=True)
class ScannedFrame:
    """One picture: for each label the score down to which it stays covered; false area by grid."""

    group: str
    widths: list[float]
    scores: list[float]
    false: np.ndarray


def scan(group: str, image: np.ndarray, boxes: Sequence[Box], detect: Detect) -> ScannedFrame:
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
    return ScannedFrame(group, [box.width for box in boxes], scores, false)


def measure(
    folder: Path,
    detector: PlateDetector,
    *,
    without: Sequence[Path] = (),
    scale: float = 1.0,
    thresholds: Sequence[float] = THRESHOLDS,
    most: int = 10**6,
) -> None:
    """Print the tables of a folder of labelled plates, and of folders that show no plates.

    detector: should report down to `LOWEST`. scale: what the pictures are shrunk by first. most:
    how many pictures of each set are looked at.
    """
    seen = [scan(*one, detector.detect) for one in pictures(folder, scale, most)]
    print(tables(f"{folder.name}, scale {scale:g}", seen, thresholds))
    for bare in without:
        seen = [scan(*one, detector.detect) for one in bare_pictures(bare, most)]
        print(tables(f"{bare.name}, without plates", seen, thresholds))


def pictures(folder: Path, scale: float, most: int) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    """Each labelled picture, shrunk by `scale`, with its set's name and its boxes.

    Pictures that the weights were trained on are a set of their own.
    """
    about = folder / "meta.json"
    meta = json.loads(about.read_text(encoding="utf-8")) if about.exists() else {}
    for name, boxes in load_labels(folder, most).items():
        image = cv2.imread(str(folder / name))
        if scale != 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        group = name.split("/")[0]
        if name in meta and is_trained_on(name, meta[name]):
            group += TRAINED_ON
        yield group, image, [Box(*(v * scale for v in box)) for box in boxes]


def bare_pictures(
    folder: Path, most: int, every: int = 25
) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    """Pictures, and every n-th frame of clips, of a folder that shows no plates."""
    count: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            count[path.parent.name] += 1
            if count[path.parent.name] <= most:
                yield path.parent.name, cv2.imread(str(path)), []
        elif path.suffix.lower() in {".mp4", ".mkv", ".mov"}:
            clip, index = cv2.VideoCapture(str(path)), 0
            while clip.grab() and index < most * every:
                if index % every == 0:
                    yield path.stem, clip.retrieve()[1], []
                index += 1


def threshold_for(seen: Sequence[ScannedFrame], allowed: float) -> float:
    """The lowest threshold at which the mean false area is within `allowed`."""
    false = np.mean([one.false for one in seen], axis=0)
    within = np.nonzero(false <= allowed)[0]
    return float(_GRID[within[0]]) if len(within) else 1.0


def recall(scores: Sequence[float], threshold: float) -> float:
    """Share of the labels covered at the threshold."""
    return float(np.mean(np.asarray(scores) >= threshold)) if len(scores) else float("nan")


def tables(title: str, seen: Sequence[ScannedFrame], thresholds: Sequence[float]) -> str:
    """The run as text: a row per set, then all but what was trained on, also by width."""
    names = sorted({one.group for one in seen})
    lines = [f"{title}: recall / false area %"]
    head = [f"at {t:g}" for t in thresholds] + [f"{100 * a:g} % false (threshold)" for a in ALLOWED]
    lines.append(f"  {'set':28} {'plates':>6}  " + "  ".join(f"{h:>13}" for h in head))
    unseen = [one for one in seen if not one.group.endswith(TRAINED_ON)]
    for name in [*names, "all"]:
        part = unseen if name == "all" else [one for one in seen if one.group == name]
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
        lines.append(f"  by width in pixels at {threshold:g}: " + _by_width(unseen, threshold))
    return "\n".join(lines)


def _by_width(seen: Sequence[ScannedFrame], threshold: float) -> str:
    pairs = [pair for one in seen for pair in zip(one.widths, one.scores, strict=True)]
    parts = []
    for low, high in itertools.pairwise(_WIDTHS):
        scores = [score for width, score in pairs if low <= width < high]
        if scores:
            parts.append(f"{low}+: {recall(scores, threshold):.3f} ({len(scores)})")
    return ", ".join(parts)
