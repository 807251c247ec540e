"""Recall and false area of the detectors on labelled images and clips.

A folder contains sets (folders of images) and a `boxes.json`: {"set/image.jpg": [{"x", "y", "w",
"h"}, ...]} in pixels. A face or plate counts as covered if at least 80 % of its box lies under
covers. False area is the share of the image that is covered although no label is near: every label
is first grown by half its size to each side. Where the labels are not complete, part of the false
area lies on unlabelled faces and plates.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks import clip_recall, face_recall, plate_recall
from benchmarks.real_data import data_folder
from redact.detectors.plates import PlateDetector


def main(arguments: Sequence[str]) -> None:
    """Measure the folders that the options name; by default plates and faces in REDACT_DATA."""
    data = data_folder()
    parser = argparse.ArgumentParser(prog="python -m benchmarks accuracy", description=__doc__)
    parser.add_argument("--plates", type=Path, help=f"folder of plates ({data / 'plates'})")
    parser.add_argument("--faces", type=Path, help=f"folder of faces ({data / 'faces'})")
    parser.add_argument(
        "--without",
        type=Path,
        nargs="+",
        default=[],
        help="folders of images and clips without plates, for their false area",
    )
    parser.add_argument("--clips", type=Path, help=f"folder of clips ({data / 'clips'})")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these clips")
    parser.add_argument("--detector", default="balanced", help="detector preset, for clips")
    parser.add_argument("--scale", type=float, default=1.0, help="scale the images by this first")
    parser.add_argument("--thresholds", type=float, nargs="+", default=plate_recall.THRESHOLDS)
    parser.add_argument("--max-images", type=int, default=10**6, help="of each set")
    options = parser.parse_args(arguments)
    if options.clips:
        clip_recall.measure(options.clips, detector=options.detector, only=options.only)
    elif not options.plates and not options.faces:
        options.plates, options.faces = data / "plates", data / "faces"
    if options.plates:
        plate_recall.measure(
            options.plates,
            PlateDetector(threshold=plate_recall.MIN_SCORE),
            without=options.without,
            scale=options.scale,
            thresholds=options.thresholds,
            max_images=options.max_images,
        )
    if options.faces:
        face_recall.measure(options.faces, face_recall.face_stacks(), max_images=options.max_images)
