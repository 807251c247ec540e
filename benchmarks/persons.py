"""Which tracks are joined to one person, and whether they show the same one.

Clips with known boxes tell who is in each track. A pair of tracks is *possible* if both show the
same known person at different times, *joined* if the analysis says so, and *wrong* if it says so of
different people. Wrong joins can leave a stranger visible, so there must be none.

Looks alone are compared on labelled stills: of two people in one picture, who are different, how
often are the clothes as alike as a join allows?
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

import redact
from benchmarks import leaks
from benchmarks.ground_truth import Truth
from benchmarks.image_labels import load_labels
from benchmarks.real_data import data_folder
from benchmarks.reporting import RESULTS, save_json
from redact.analysis.clothes import difference, torso_colours
from redact.analysis.tuning import PERSONS
from redact.geometry import iou_matrix
from redact.types import Track
from redact.views import ArrayView

# A track shows the known person who is there in at least this share of its detections.
_MIN_SHARE = 0.6


def main(arguments: Sequence[str]) -> None:
    """Print a line for each clip and one for the stills, and save the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks persons", description=__doc__)
    data = data_folder()
    parser.add_argument("--data", type=Path, default=data, help=f"clips and stills ({data})")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="only these clips")
    parser.add_argument("--json", type=Path, default=RESULTS / "persons.json")
    options = parser.parse_args(arguments)
    truths = [Truth.load(path) for path in sorted(leaks.BOXES.glob("*.json"))]
    clips = {}
    for truth in truths:
        clip = options.data / "clips" / truth.clip
        if clip.is_file() and (not options.only or clip.stem in options.only):
            clips[truth.clip] = score(redact.analyze(clip).tracks, truth)
            print(f"{truth.clip:45}", *(f"{v} {k}" for k, v in clips[truth.clip].items()))
    if not clips:
        raise SystemExit(f"no clip with known boxes lies in {str(options.data / 'clips')!r}")
    total = {k: sum(counts[k] for counts in clips.values()) for k in next(iter(clips.values()))}
    print(f"{'all':45}", *(f"{value} {name}" for name, value in total.items()))
    pairs = differences(options.data / "faces")
    alike = float((pairs <= PERSONS.max_difference).mean())
    print(f"stills: {alike:.2%} of {len(pairs)} pairs of people in one picture look alike")
    stills = {"pairs": len(pairs), "alike": alike}
    save_json(options.json, {"clips": clips, "all": total, "stills": stills})


def score(tracks: Sequence[Track], truth: Truth) -> dict[str, int]:
    """Count faces, and pairs of tracks that could be joined, were, and were wrongly."""
    faces = [(track, shown_in(track, truth)) for track in tracks if track.kind == "face"]
    counts = {"faces": len(faces), "possible": 0, "joined": 0, "wrong": 0}
    for (a, who_a), (b, who_b) in itertools.combinations(faces, 2):
        is_joined = a.person is not None and a.person == b.person
        counts["possible"] += who_a is not None and who_a == who_b and _are_apart(a, b)
        counts["joined"] += is_joined
        # Nobody knows who is in a track without a name, so such a join doesn't count as right.
        counts["wrong"] += is_joined and (who_a is None or who_a != who_b)
    return counts


def shown_in(track: Track, truth: Truth) -> str | None:
    """The id of the known person whom most detections of a track show; None if there is none."""
    detected = np.flatnonzero(np.isfinite(track.scores)) + track.start_index
    seen: Counter[str] = Counter()
    for index in detected.tolist():
        box = track.box_at(index)
        people = [known for known in truth.at(index) if known.kind != "plate"]
        if box is None or not people:
            continue
        overlap = iou_matrix(np.asarray(box), np.asarray([known.box for known in people]))[0]
        if overlap.max() > 0:
            seen[people[int(overlap.argmax())].id] += 1
    name, count = max(seen.items(), key=lambda item: item[1], default=("", 0))
    return name if count >= _MIN_SHARE * max(1, len(detected)) else None


def _are_apart(a: Track, b: Track) -> bool:
    """Whether one track is detected only after the other."""
    spans = [np.flatnonzero(np.isfinite(t.scores)) + t.start_index for t in (a, b)]
    return bool(spans[0][-1] < spans[1][0] or spans[1][-1] < spans[0][0])


def differences(folder: Path) -> np.ndarray:
    """(N,) how different the clothes of all pairs of people in one picture are."""
    values = []
    for name, boxes in load_labels(folder, 10**6).items():
        image = cv2.imread(str(folder / name))
        if image is None:
            continue
        view = ArrayView(np.asarray(image, dtype=np.uint8))
        people = [(box, torso_colours(view, np.asarray(box, dtype=np.float64))) for box in boxes]
        for (a, one), (b, other) in itertools.combinations(people, 2):
            # Torsos that overlap show the same clothes.
            width = max(a.width, b.width)
            is_apart = abs(a.x0 + a.x1 - b.x0 - b.x1) / 2 > 2 * width
            if one is not None and other is not None and is_apart:
                values.append(difference(one, other))
    return np.asarray(values)
