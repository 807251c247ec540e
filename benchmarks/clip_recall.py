"""Share of face-frames and plate-frames of real clips that a plan covers, and over-covered area.

The known boxes are in `benchmarks/clip_boxes` (`benchmarks.ground_truth` describes the format), the
clips in a folder of their own. An object counts as covered in a frame if at least 80 % of the part
of its box inside the frame lies under covers. Three ways are compared:

- "ours, detected": tracks only in frames in which a detector reported them (they have a score);
- "ours, tracked": the whole plan, with gaps filled and ends extended;
- "deface": what deface covers by default. It runs CenterFace with a threshold of 0.2 at full size
  in every frame, makes the boxes 1.3 times as large, and paints ellipses, counted here as whole
  boxes.

Scored are all frames in which something is to be covered, and every tenth of the others.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import leaks, score_tables
from benchmarks.ground_truth import Truth, as_mask
from benchmarks.image_labels import MIN_COVERED_SHARE
from benchmarks.leak_scoring import Score, ShownObject, allowed_areas
from benchmarks.reporting import RESULTS
from redact.cover.regions import regions_of
from redact.geometry import clamp_to, covered_share, grow
from redact.plan import Plan
from redact.types import Box

Covers = Callable[[int], list[Box]]
_EVERY_NTH_FRAME = 10
_DEFACE_THRESHOLD, _DEFACE_GROWTH = 0.2, 0.15
_CACHE = RESULTS / "deface_boxes"


def measure(folder: Path, *, detector: str = "balanced", only: Sequence[str] = ()) -> dict:
    """Score the clips in the folder that have known boxes; print the table and return its values.

    Raises:
        SystemExit: the folder has none of the clips.

    """
    truths = [Truth.load(path) for path in sorted(leaks.BOXES.glob("*.json"))]
    chosen = [t for t in truths if not only or Path(t.clip).stem in only]
    present = [t for t in chosen if (folder / t.clip).is_file()]
    if not present:
        raise SystemExit(f"none of {[t.clip for t in chosen]} lies in {str(folder)!r}")
    scores: dict[str, dict[str, Score]] = {}
    heads: dict[str, list[bool]] = {}
    seconds: dict[str, float] = {}
    for truth in present:
        frames = frames_to_score(truth)
        for tool, (covers, took) in _covers(folder / truth.clip, frames, detector).items():
            one, covered_heads = score(truth, frames, covers)
            scores.setdefault(tool, {})[truth.clip] = one
            heads.setdefault(tool, []).extend(covered_heads)
            seconds[tool] = seconds.get(tool, 0) + took
            print(f"{tool:>14} {truth.clip:40} {score_tables.line(one, 'uncovered')}", flush=True)
    table = {tool: score_tables.summary(list(by.values())) for tool, by in scores.items()}
    for tool, values in table.items():
        values |= {"seconds": round(seconds[tool], 1), "refused": []}
        values["heads"] = {"frames": len(heads[tool]), "covered": int(sum(heads[tool]))}
        values["clips"] = {clip: score_tables.summary([one]) for clip, one in scores[tool].items()}
    score_tables.print_table(table, "uncovered")
    for tool, values in table.items():
        print(f"heads turned away, {tool}: {values['heads']['covered']} of ", end="")
        print(f"{values['heads']['frames']} head-frames covered")
    return table


def frames_to_score(truth: Truth) -> list[int]:
    """Indices of all frames with an object that counts, and of every tenth of the others."""
    return [
        i
        for i in range(truth.frames)
        if i % _EVERY_NTH_FRAME == 0 or any(k.counts for k in truth.at(i))
    ]


def score(
    truth: Truth,
    frames: Sequence[int],
    covers: Covers,
    min_covered_share: float = MIN_COVERED_SHARE,
) -> tuple[Score, list[bool]]:
    """Compare covers with the known boxes of these frames.

    covers: gives the boxes under covers in a frame. min_covered_share: of a box, for an object to
    count as covered.

    Returns: the score, in which an object that is not covered counts as leaked; and for each head
    turned away whether it is covered.
    """
    objects, over, heads = [], [], []
    whole = Box(0, 0, *truth.size)
    for frame in frames:
        boxes = covers(frame)
        for known in truth.at(frame):
            inside = clamp_to(known.box, whole)
            if inside.area <= 0 or inside.area < 0.5 * known.box.area:
                continue
            is_covered = covered_share(inside, boxes) >= min_covered_share
            if known.kind == "head":
                heads.append(is_covered)
            elif known.counts:
                size = known.box.height if known.kind == "face" else known.box.width
                key = (truth.clip, known.id, known.kind, frame)
                objects.append(ShownObject(*key, size, leaked=not is_covered))
        known_area = as_mask(allowed_areas(truth, frame), truth.size)
        over.append(float((as_mask(boxes, truth.size) & ~known_area).mean()))
    return Score(tuple(objects), tuple(over)), heads


def plan_covers(plan: Plan, *, filled: bool = True) -> Covers:
    """The boxes around the covers of a plan in a frame.

    filled: also where a track is filled in or extended, without a detection in that frame.
    """

    def at(frame: int) -> list[Box]:
        tracks = [
            track
            for track in plan.covered_tracks
            if track.box_at(frame) is not None
            and (filled or np.isfinite(track.scores[frame - track.start_index]))
        ]
        regions = regions_of(tracks, frame, plan.clip.upright_size, plan.settings)
        return [Box(r.x0, r.y0, r.x1, r.y1) for r in regions]

    return at


def _covers(path: Path, frames: Sequence[int], detector: str) -> dict[str, tuple[Covers, float]]:
    """Covers by name of the way, and the seconds that it took to compute them."""
    import redact

    started = time.perf_counter()
    plan = redact.analyze(path, redact.Settings(detector=detector))
    took = time.perf_counter() - started
    deface, deface_took = deface_boxes(path, frames)
    return {
        "ours, detected": (plan_covers(plan, filled=False), took),
        "ours, tracked": (plan_covers(plan), took),
        "deface": (lambda frame: deface.get(frame, []), deface_took),
    }


def deface_boxes(path: Path, frames: Sequence[int]) -> tuple[dict[int, list[Box]], float]:
    """Boxes by frame under the covers of deface's defaults, and seconds; kept between runs."""
    from redact import video
    from redact.detectors.centerface import CenterFaceDetector

    clip = video.probe(path)
    cache = _CACHE / f"{path.stem}-{clip.sha256[:8]}.json"
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}
    boxes = {int(key): items for key, items in known.get("frames", {}).items()}
    took = known.get("seconds", 0.0)
    missing = set(frames) - set(boxes)
    detector = CenterFaceDetector((None,), threshold=_DEFACE_THRESHOLD) if missing else None
    with contextlib.closing(video.read_frames(clip)) as decoded:
        for frame in decoded if detector else ():
            if frame.index in missing:
                started = time.perf_counter()
                detections = detector.detect(video.to_bgr(frame, clip.rotation_degrees))
                took += time.perf_counter() - started
                boxes[frame.index] = [[round(float(v), 1) for v in d.box] for d in detections]
    if missing:
        _CACHE.mkdir(parents=True, exist_ok=True)
        kept = {"seconds": took, "frames": boxes}
        cache.write_text(json.dumps(kept), encoding="utf-8")
    grown = {i: [grow(Box(*b), _DEFACE_GROWTH) for b in items] for i, items in boxes.items()}
    return grown, took
