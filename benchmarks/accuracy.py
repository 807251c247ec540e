"""Share of labelled faces and plates that would be covered, and the area covered for nothing.

A folder holds sets (folders of pictures) and a `boxes.json`: {"set/picture.jpg": [{"x", "y",
"w", "h"}, ...]} in pixels. A thing counts as covered when at least 80 % of its box lies in the
grown boxes of what was found. False area is the share of the picture that is covered farther
than twice the box from anything labelled; it means little where the labels aren't exhaustive.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks import clip_recall, plate_recall
from benchmarks.labels import NEEDED, false_area, load_labels
from redact.boxes import covered_share, grow
from redact.detectors.centerface import CenterFaceDetector
from redact.detectors.plates import PlateDetector
from redact.records import Box

_GROWTH = 0.15
_WIDTHS = (0, 24, 32, 48, 64, 128, 10**6)


def main(arguments: Sequence[str]) -> None:
    """Print one row per set, and one per width of the labelled box."""
    data = Path(os.environ.get("REDACT_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks accuracy", description=__doc__)
    parser.add_argument("--plates", type=Path, help=f"folder of plates ({data / 'plates'})")
    parser.add_argument("--faces", type=Path, help=f"folder of faces ({data / 'faces'})")
    parser.add_argument(
        "--without",
        type=Path,
        nargs="+",
        default=[],
        help="folders of pictures and clips that show no plates: false area only",
    )
    parser.add_argument("--clips", type=Path, help=f"folder of clips ({data / 'clips'})")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these clips")
    parser.add_argument("--detector", default="balanced", help="our level, for clips")
    parser.add_argument("--scale", type=float, default=1.0, help="shrink the pictures first")
    parser.add_argument("--thresholds", type=float, nargs="+", default=plate_recall.THRESHOLDS)
    parser.add_argument("--most", type=int, default=10**6, help="pictures of each set")
    options = parser.parse_args(arguments)
    if options.clips:
        clip_recall.measure(options.clips, detector=options.detector, only=options.only)
    elif not options.plates and not options.faces:
        options.plates, options.faces = data / "plates", data / "faces"
    if options.plates:
        plate_recall.measure(
            options.plates,
            PlateDetector(threshold=plate_recall.LOWEST),
            without=options.without,
            scale=options.scale,
            thresholds=options.thresholds,
            most=options.most,
        )
    if options.faces:
        detector = CenterFaceDetector((None, 480), threshold=min(options.thresholds))
        measure(options.faces, detector, options)


def measure(folder: Path, detector: PlateDetector | CenterFaceDetector, options) -> None:
    """Run the detector over a folder and print the tables."""
    labels = load_labels(folder, options.most)
    rows = {t: defaultdict(list) for t in options.thresholds}
    widths = {t: defaultdict(list) for t in options.thresholds}
    for name, boxes in labels.items():
        image = cv2.imread(str(folder / name))
        if options.scale != 1:
            how = cv2.INTER_AREA
            image = cv2.resize(image, None, fx=options.scale, fy=options.scale, interpolation=how)
        boxes = [Box(*(v * options.scale for v in box)) for box in boxes]
        found = detector.detect(image)
        for threshold in options.thresholds:
            covers = [grow(d.box, _GROWTH, 0) for d in found if d.score >= threshold]
            hits = [covered_share(box, covers) >= NEEDED for box in boxes]
            rows[threshold][name.split("/")[0]].append((hits, false_area(image, boxes, covers)))
            for box, hit in zip(boxes, hits, strict=True):
                low = max(w for w in _WIDTHS if w <= box.width)
                widths[threshold][low].append(hit)
    for threshold in options.thresholds:
        print(f"\n{folder.name}, threshold {threshold}, scale {options.scale}")
        for name, results in sorted(rows[threshold].items()):
            hits = [hit for one, _ in results for hit in one]
            area = 100 * float(np.mean([area for _, area in results]))
            share = float(np.mean(hits)) if hits else float("nan")
            print(f"  {name:20} covered {share:.3f} of {len(hits):5}, false area {area:.2f} %")
        by_width = [
            f"{w}+: {np.mean(h):.3f} ({len(h)})" for w, h in sorted(widths[threshold].items())
        ]
        print("  by width in pixels:", ", ".join(by_width))
