"""Share of labelled faces and plates that would be covered, and the area covered for nothing.

A folder holds sets (folders of pictures) and a `boxes.json`: {"set/picture.jpg": [{"x", "y",
"w", "h"}, ...]} in pixels. A thing counts as covered when at least 80 % of its box lies in the
grown boxes of what was found. False area is the share of the picture that is covered farther
than twice the box from anything labelled; it means little where the labels aren't exhaustive.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks import clip_recall, face_recall, plate_recall
from redact.detectors.plates import PlateDetector


def main(arguments: Sequence[str]) -> None:
    """Measure what the options name, or the folders of pictures in the data."""
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
        face_recall.measure(options.faces, face_recall.all_stacks(), most=options.most)
