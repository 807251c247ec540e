"""How well the covers of an output fit what they cover, measured on its pixels.

A cover is a connected region of pixels that differ between source and output by more than encoding
explains. It belongs to the known boxes that it meets. One that meets no known box of its frame, nor
of any frame within a second, nor an area that the labels leave open, is a ghost.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import frame_comparison
from benchmarks.ground_truth import KnownObject, Truth
from benchmarks.leak_scoring import align_frames, frame_pairs
from redact.geometry import grow, overlaps
from redact.types import Box

Gray = NDArray[np.uint8]

# A pixel is covered where a 3 px mean differs by more than this many grey levels, near a place
# where `frame_comparison.changed` also sees a change. Holes up to a third of a cover's shorter side
# are filled.
_CHANGED_STEPS = 6.0
_MIN_SIDE_PIXELS = 6
# Smaller faces and plates, by height and by width, are told apart.
_MIN_FACE_PIXELS, _MIN_PLATE_PIXELS = 16, 24
_GHOST_SECONDS = 1.0
_BREATHING_SECONDS = 1.0
# Tone is compared in the middle of a box, this share of its sides.
_CORE_SHARE = 0.5
_NEAR_RATIO = 0.5


@dataclasses.dataclass(frozen=True)
class Fit:
    """What was measured on one output."""

    clip: str
    ratios: dict[str, tuple[float, ...]]
    """By kind: area of the cover in areas of the known box, for each box that has a cover."""
    small_ratios: dict[str, tuple[float, ...]]
    """The same of faces lower than 16 px and plates narrower than 24 px, which are left out of
    `ratios`. `benchmarks leaks` doesn't count them either."""
    ghost_frames: int
    frames: int
    ghost_area: float
    """Pixels of all ghosts in all frames."""
    known_area: float
    """Pixels of all known boxes in all frames."""
    breathing: tuple[float, ...]
    """Spread of log(cover / box) within each second of each object, while its box lies inside the
    frame and its cover touches those of the same others."""
    tone_steps: tuple[float, ...]
    """Change of a cover's mean brightness from one frame to the next, grey steps, while it touches
    no other object's: somebody who passes in front has another tone."""


@dataclasses.dataclass
class _Object:
    """What is collected of one known object, by frame."""

    log_ratios: dict[frozenset[str], dict[int, float]] = dataclasses.field(
        default_factory=lambda: defaultdict(dict)
    )
    """By the objects that share the cover."""
    tones: dict[int, float] = dataclasses.field(default_factory=dict)


def measure(source: Path, output: Path, truth: Truth, frame_rate: float) -> Fit:
    """Measure an output's covers.

    Raises:
        AlignmentError: the output's frames aren't the source's in their order.

    """
    shown = align_frames(source, output, truth)
    ratios: dict[str, list[float]] = defaultdict(list)
    small: dict[str, list[float]] = defaultdict(list)
    objects: dict[tuple[str, str], _Object] = defaultdict(_Object)
    nearby = round(_GHOST_SECONDS * frame_rate)
    ghost_frames, ghost_area, known_area, frames = 0, 0.0, 0.0, 0
    for index, before, after in frame_pairs(source, output, shown):
        frames += 1
        known = truth.at(index)
        known_area += sum(k.box.area for k in known if k.counts)
        covers, labels = _covers(before, after)
        groups, strays = _assign(covers, known)
        ghosts = sum(
            covers[n][1] for n in strays if not _is_explained(covers[n][0], truth, index, nearby)
        )
        for numbers, inside in groups:
            area = sum(covers[n][1] for n in numbers)
            ratio = area / max(sum(k.box.area for k in inside), 1.0)
            painted = np.isin(labels, [n + 1 for n in numbers])
            members = frozenset(k.id for k in inside)
            for k in inside:
                if not k.counts:
                    continue
                (small if _is_small(k) else ratios)[k.kind].append(ratio)
                seen = objects[k.kind, k.id]
                if _is_inside(k.box, before.shape):
                    seen.log_ratios[members][index] = float(np.log(max(ratio, 1e-3)))
                tone = _tone(after, painted, k.box) if len(inside) == 1 else None
                if tone is not None:
                    seen.tones[index] = tone
        ghost_frames += ghosts > 0
        ghost_area += ghosts
    window = max(1, round(_BREATHING_SECONDS * frame_rate))
    return Fit(
        clip=truth.clip,
        ratios={kind: tuple(values) for kind, values in ratios.items()},
        small_ratios={kind: tuple(values) for kind, values in small.items()},
        ghost_frames=ghost_frames,
        frames=frames,
        ghost_area=ghost_area,
        known_area=known_area,
        breathing=tuple(
            spread
            for seen in objects.values()
            for log_ratios in seen.log_ratios.values()
            for spread in _spreads(log_ratios, window)
        ),
        tone_steps=tuple(step for o in objects.values() for step in _steps(o.tones)),
    )


def _is_small(known: KnownObject) -> bool:
    width, height = known.box.width, known.box.height
    return height < _MIN_FACE_PIXELS if known.kind == "face" else width < _MIN_PLATE_PIXELS


def _is_inside(box: Box, shape: tuple[int, ...]) -> bool:
    """Whether the whole box lies in a frame of that (height, width): covers end at its edges."""
    return min(box.x0, box.y0) >= 0 and box.x1 <= shape[1] and box.y1 <= shape[0]


def _assign(
    covers: Sequence[tuple[Box, float]], known: Sequence[KnownObject]
) -> tuple[list[tuple[list[int], list[KnownObject]]], list[int]]:
    """Which covers belong to which known boxes, and the covers that belong to none.

    A cover belongs to the boxes that it meets. Where it looks like its surroundings it falls into
    pieces; a piece beside a box, by half of the box's size at most, belongs to it, too.
    """
    met = [[k for k in known if overlaps(k.box, box)] for box, _ in covers]
    near = [[k for k in known if overlaps(grow(k.box, _NEAR_RATIO), box)] for box, _ in covers]
    groups: list[tuple[list[int], list[KnownObject]]] = []
    for number, inside in enumerate(met):
        inside = inside or near[number][:1]
        if not inside:
            continue
        joined = [g for g in groups if any(k in g[1] for k in inside)]
        groups = [g for g in groups if g not in joined]
        numbers = [number, *(n for g in joined for n in g[0])]
        members = [*inside, *(k for g in joined for k in g[1] if k not in inside)]
        groups.append((numbers, members))
    with_cover = [(n, ks) for n, ks in groups if any(met[m] for m in n)]
    assigned = {n for numbers, _ in groups for n in numbers}
    return with_cover, [n for n in range(len(covers)) if n not in assigned]


def _covers(before: Gray, after: Gray) -> tuple[list[tuple[Box, float]], NDArray[np.int32]]:
    """(bounding box, area in pixels) of each cover, and (H, W) the number of the cover from 1."""
    height, width = before.shape
    certain = frame_comparison.changed(before, after).astype(np.uint8)
    certain = cv2.resize(certain, (width, height), interpolation=cv2.INTER_NEAREST)
    near = cv2.dilate(certain, np.ones((5, 5), np.uint8))
    away = cv2.blur(cv2.absdiff(before, after).astype(np.float32), (3, 3))
    mask = ((away > _CHANGED_STEPS) & (near > 0)).astype(np.uint8)
    labels = np.zeros((height, width), dtype=np.int32)
    found: list[tuple[Box, float]] = []
    count, parts, stats, _ = cv2.connectedComponentsWithStats(_filled(mask), connectivity=8)
    for part in range(1, count):
        x, y, w, h, area = stats[part].tolist()
        if min(w, h) >= _MIN_SIDE_PIXELS:
            found.append((Box(x, y, x + w, y + h), float(area)))
            labels[parts == part] = len(found)
    return found, labels


def _filled(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask without holes: within a cover some pixels have their old value by chance."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(
        cv2.dilate(mask, np.ones((3, 3), np.uint8)), connectivity=8
    )
    filled = np.zeros_like(mask)
    for part in range(1, count):
        x, y, w, h, _ = stats[part].tolist()
        k = min(w, h) // 3 | 1
        pad = k
        here = np.s_[max(0, y) : y + h, max(0, x) : x + w]
        own = ((parts[here] == part) & (mask[here] > 0)).astype(np.uint8)
        own = cv2.copyMakeBorder(own, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (k, k))
        own = cv2.morphologyEx(own, cv2.MORPH_CLOSE, kernel)[pad:-pad, pad:-pad]
        filled[here] |= own
    return filled


def _is_explained(box: Box, truth: Truth, index: int, nearby: int) -> bool:
    """Whether the labels leave the place open, or somebody was there within a second."""
    if any(overlaps(area, box) for area in truth.ignored(index)):
        return True
    around = range(max(0, index - nearby), min(truth.frames, index + nearby + 1))
    return any(overlaps(k.box, box) for frame in around for k in truth.at(frame))


def _tone(after: Gray, cover: NDArray[np.bool_], box: Box) -> float | None:
    """Mean brightness of the cover in the middle of a box; None where little of it is covered."""
    cut = (1 - _CORE_SHARE) / 2
    x0, x1 = (round(box.x0 + share * box.width) for share in (cut, 1 - cut))
    y0, y1 = (round(box.y0 + share * box.height) for share in (cut, 1 - cut))
    here = np.s_[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    inside = cover[here]
    if inside.size < 4 or inside.mean() < 0.9:
        return None
    return float(after[here][inside].mean())


def _spreads(log_ratios: dict[int, float], window: int) -> list[float]:
    """The largest less the smallest value within each window of frames that has several."""
    frames = sorted(log_ratios)
    spreads = []
    for start in range(0, len(frames), max(1, window // 2)):
        values = [log_ratios[f] for f in frames[start:] if f < frames[start] + window]
        if len(values) >= max(3, window // 2):
            spreads.append(max(values) - min(values))
    return spreads


def _steps(tones: dict[int, float]) -> list[float]:
    return [abs(tones[f] - tones[f - 1]) for f in tones if f - 1 in tones]


def summary(fits: Sequence[Fit]) -> dict[str, float | None]:
    """The figures of all outputs of one tool together."""
    known = sum(fit.known_area for fit in fits)
    faces, plates = (_all(f.ratios.get(kind, ()) for f in fits) for kind in ("face", "plate"))
    small_faces, small_plates = (
        _all(f.small_ratios.get(kind, ()) for f in fits) for kind in ("face", "plate")
    )
    return {
        "face cover / face box, median": _quantile(faces, 50),
        "face cover / face box, 90 %": _quantile(faces, 90),
        "the same under 16 px, median": _quantile(small_faces, 50),
        "plate cover / plate box, median": _quantile(plates, 50),
        "the same under 24 px wide, median": _quantile(small_plates, 50),
        "frames with a ghost, %": 100
        * sum(f.ghost_frames for f in fits)
        / max(1, sum(f.frames for f in fits)),
        "ghost area / known area": sum(f.ghost_area for f in fits) / known if known else None,
        "breathing within 1 s, median": _quantile(_all(f.breathing for f in fits), 50),
        "breathing within 1 s, 90 %": _quantile(_all(f.breathing for f in fits), 90),
        "tone steps a frame, 99 %": _quantile(_all(f.tone_steps for f in fits), 99),
    }


def _all(groups: Iterable[Iterable[float]]) -> list[float]:
    return [value for group in groups for value in group]


def _quantile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if values else None
