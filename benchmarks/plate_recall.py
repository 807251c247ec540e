"""Recall and false area of plate detection on labelled stills, by set, width and threshold.

`--without` names images without plates: then the last table tells the recall of each set at the
threshold at which these images have a given false area, which is the fairest comparison of two
detectors, since no set chooses its own threshold.

The detector runs once on every image, down to a low score, and all thresholds use its detections.
`0.5 % false` is the recall at the lowest threshold with a false area of at most that share. Where
the labels are not complete, the false area is an upper bound, because part of it lies on plates.
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

from benchmarks.image_labels import MIN_COVERED_SHARE, false_area, load_labels
from redact.detectors.plates import PlateDetector
from redact.geometry import covered_share, grow
from redact.training.split import is_trained_on
from redact.types import Box, Detection

MIN_SCORE = 0.1
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.8)
MAX_FALSE_AREAS = (0.005, 0.001)
TRAINED_ON = " (trained on)"
_FALSE_AREAS_WITHOUT = (0.02, 0.01, 0.005, 0.0025)
_GROWTH = 0.15  # a cover's margin at each side, as a share of the box
_WIDTHS = (0, 16, 24, 32, 48, 64, 128, 200, 10**6)
_THRESHOLD_GRID = np.arange(MIN_SCORE, 0.991, 0.01)

Detect = Callable[[np.ndarray], Sequence[Detection]]


@dataclasses.dataclass(frozen=True)
class ScoredImage:
    """One image: width of each label, highest threshold that covers it, false area by threshold.

    scores: 0 where no threshold covers the label. false_areas: (len(_THRESHOLD_GRID),) shares.
    """

    group: str
    widths: list[float]
    scores: list[float]
    false_areas: np.ndarray


def score_image(group: str, image: np.ndarray, boxes: Sequence[Box], detect: Detect) -> ScoredImage:
    """Run the detector on one BGR image and score its detections against the labels."""
    detections = sorted(detect(image), key=lambda d: -d.score)
    covers = [grow(d.box, _GROWTH, 0) for d in detections]
    scores = []
    for box in boxes:
        near = [i for i, cover in enumerate(covers) if covered_share(box, [cover]) > 0]
        enough = (
            detections[i].score
            for n, i in enumerate(near)
            if covered_share(box, [covers[j] for j in near[: n + 1]]) >= MIN_COVERED_SHARE
        )
        scores.append(next(enough, 0.0))
    false_areas = np.zeros(len(_THRESHOLD_GRID))
    counts = [sum(d.score >= threshold for d in detections) for threshold in _THRESHOLD_GRID]
    for i, count in enumerate(counts):
        same = i > 0 and count == counts[i - 1]
        false_areas[i] = false_areas[i - 1] if same else false_area(image, boxes, covers[:count])
    return ScoredImage(group, [box.width for box in boxes], scores, false_areas)


def measure(
    folder: Path,
    detector: PlateDetector,
    *,
    without: Sequence[Path] = (),
    scale: float = 1.0,
    thresholds: Sequence[float] = THRESHOLDS,
    max_images: int = 10**6,
) -> None:
    """Print the tables of a folder of labelled plates, and of folders without plates.

    detector: must report detections down to `MIN_SCORE`. scale: factor by which images are scaled
    first. max_images: of each set.
    """
    scored = [score_image(*one, detector.detect) for one in images(folder, scale, max_images)]
    print(tables(f"{folder.name}, scale {scale:g}", scored, thresholds))
    scored_without: list[ScoredImage] = []
    for folder_without in without:
        group = [
            score_image(*one, detector.detect)
            for one in images_without_plates(folder_without, max_images)
        ]
        print(tables(f"{folder_without.name}, without plates", group, thresholds))
        scored_without += group
    if scored_without:
        print(recall_by_false_area(scored, scored_without))


def recall_by_false_area(
    scored: Sequence[ScoredImage], scored_without: Sequence[ScoredImage]
) -> str:
    """Recall by set at the threshold at which images without plates have a given false area.

    The mean over sets counts labels of 16 pixels and wider, and each set alike.
    """
    head = "  ".join(f"{100 * area:>7g} %" for area in _FALSE_AREAS_WITHOUT)
    limits = [threshold_for(scored_without, area) for area in _FALSE_AREAS_WITHOUT]
    lines = [
        "recall of plates of 16 pixels and wider, by false area on images without plates",
        f"  {'set':28} {'plates':>6}  {head}",
        f"  {'(threshold)':35}  " + "  ".join(f"{limit:9.2f}" for limit in limits),
    ]
    rows = []
    for name in sorted({one.group for one in scored}):
        part = [one for one in scored if one.group == name]
        scores = [s for one in part for w, s in zip(one.widths, one.scores, strict=True) if w >= 16]
        row = [recall(scores, limit) for limit in limits]
        lines.append(f"  {name:28} {len(scores):6}  " + "  ".join(f"{v:9.3f}" for v in row))
        if not name.endswith(TRAINED_ON):
            rows.append(row)
    mean = "  ".join(f"{v:9.3f}" for v in np.mean(rows, axis=0))
    return "\n".join([*lines, f"  {'mean of sets':35}  {mean}"])


def images(
    folder: Path, scale: float, max_images: int
) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    """Set, scaled BGR image and boxes of each labelled image.

    Images that the weights were trained on form a set of their own.
    """
    about = folder / "meta.json"
    meta = json.loads(about.read_text(encoding="utf-8")) if about.exists() else {}
    for name, boxes in load_labels(folder, max_images).items():
        image = cv2.imread(str(folder / name))
        if scale != 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        group = name.split("/")[0]
        if name in meta and is_trained_on(name, meta[name]):
            group += TRAINED_ON
        yield group, image, [Box(*(v * scale for v in box)) for box in boxes]


def images_without_plates(
    folder: Path, max_images: int, every: int = 25
) -> Iterator[tuple[str, np.ndarray, list[Box]]]:
    """Set, BGR image and no boxes, of the images and every n-th frame of clips in a folder."""
    count: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}:
            count[path.parent.name] += 1
            if count[path.parent.name] <= max_images:
                yield path.parent.name, cv2.imread(str(path)), []
        elif path.suffix.lower() in {".mp4", ".mkv", ".mov"}:
            clip, index = cv2.VideoCapture(str(path)), 0
            while clip.grab() and index < max_images * every:
                if index % every == 0:
                    yield path.stem, clip.retrieve()[1], []
                index += 1


def threshold_for(scored: Sequence[ScoredImage], max_false_area: float) -> float:
    """The lowest threshold with a mean false area of at most this share; 1 if there is none."""
    false_areas = np.mean([one.false_areas for one in scored], axis=0)
    within = np.nonzero(false_areas <= max_false_area)[0]
    return float(_THRESHOLD_GRID[within[0]]) if len(within) else 1.0


def recall(scores: Sequence[float], threshold: float) -> float:
    """Share of the labels that are covered at the threshold."""
    return float(np.mean(np.asarray(scores) >= threshold)) if len(scores) else float("nan")


def tables(title: str, scored: Sequence[ScoredImage], thresholds: Sequence[float]) -> str:
    """The results as text: a row per set, then all held-out images together, also by width."""
    names = sorted({one.group for one in scored})
    lines = [f"{title}: recall / false area %"]
    head = [f"at {t:g}" for t in thresholds] + [
        f"{100 * a:g} % false (threshold)" for a in MAX_FALSE_AREAS
    ]
    lines.append(f"  {'set':28} {'plates':>6}  " + "  ".join(f"{h:>13}" for h in head))
    held_out = [one for one in scored if not one.group.endswith(TRAINED_ON)]
    for name in [*names, "all"]:
        part = held_out if name == "all" else [one for one in scored if one.group == name]
        scores = [score for one in part for score in one.scores]
        cells = []
        for threshold in thresholds:
            at = int(np.argmin(np.abs(_THRESHOLD_GRID - threshold)))
            area = 100 * np.mean([one.false_areas[at] for one in part])
            cells.append(f"{recall(scores, threshold):.3f} / {area:5.2f}")
        for max_false_area in MAX_FALSE_AREAS:
            threshold = threshold_for(part, max_false_area)
            cells.append(f"{recall(scores, threshold):.3f} ({threshold:.2f})")
        lines.append(f"  {name:28} {len(scores):6}  " + "  ".join(f"{c:>13}" for c in cells))
    for threshold in thresholds:
        lines.append(f"  by width in pixels at {threshold:g}: " + _by_width(held_out, threshold))
    return "\n".join(lines)


def _by_width(scored: Sequence[ScoredImage], threshold: float) -> str:
    pairs = [pair for one in scored for pair in zip(one.widths, one.scores, strict=True)]
    parts = []
    for low, high in itertools.pairwise(_WIDTHS):
        scores = [score for width, score in pairs if low <= width < high]
        if scores:
            parts.append(f"{low}+: {recall(scores, threshold):.3f} ({len(scores)})")
    return ", ".join(parts)
