"""From what was seen of each thing to tracks without holes: support, fill, extend, smooth.

The whole clip is known, so gaps are filled from both sides and every track is carried on beyond
its ends.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, sizes_of
from redact.settings import Settings
from redact.tracking.association import Associator
from redact.tracking.confirmation import evidence_for, is_confirmed
from redact.tracking.linking import join_parked, merge_duplicates
from redact.tracking.partial_plates import complete_partial_plates
from redact.tracking.smoothing import smooth_boxes
from redact.tracking.tracklet import MIN_FOR_MOTION, Tracklet, end_velocity
from redact.tracking.windows import nearby
from redact.types import Detection, Track

# How many finds, none of them sure, show which way something moves.
_MIN_WEAK_FOR_MOTION = 5
# Faint finds at a track's end that are farther from the others are chance, unless it stood there.
_LONE_SECONDS, _STANDING_REACH = 0.5, 0.5
# Within so many seconds of a sure find, weak ones are at most so much larger.
_SURE_SECONDS, _WEAK_GROWTH = 1.0, 1.3


def track_detections(
    detections: Iterable[Detection],
    seconds: NDArray[np.float64],
    settings: Settings,
) -> tuple[Track, ...]:
    """Tracks of everything in `detections`, ids from 1 in order of first frame and place.

    Args:
        detections: of the whole clip, in any order.
        seconds: (N,) presentation time of each frame, ascending.
        settings: `max_gap_seconds` and `extend_seconds` are used.

    """
    frames: dict[int, list[Detection]] = {}
    for detection in detections:
        frames.setdefault(detection.frame_index, []).append(detection)
    associator = Associator(settings.max_gap_seconds)
    for index in sorted(frames):
        associator.step(index, float(seconds[index]), frames[index])
    return finish(associator.tracklets, seconds, settings)


def finish(
    tracklets: Iterable[Tracklet],
    seconds: NDArray[np.float64],
    settings: Settings,
    *,
    first_index: int = 0,
    since: float = -math.inf,
) -> tuple[Track, ...]:
    """Tracks without holes, carried on beyond their ends; ids from 1 by first frame and place.

    Args:
        tracklets: what an `Associator` gave.
        seconds: (N,) presentation time of each frame from `first_index` on, ascending.
        settings: `extend_seconds` is used.
        first_index: tracks end here to the past; what was seen earlier only leads up to it.
        since: what was seen before that time, seconds, is only evidence, and the tracks needn't be
            right there: the rest of a long one costs less.

    """
    supported = [t for t in tracklets if is_confirmed(t) and t.indices[-1] >= first_index]
    supported = [t.since(since) for t in supported]
    tracks = [_finish(t, seconds, settings, first_index) for t in join_parked(supported)]
    tracks = merge_duplicates(tracks)
    tracks.sort(key=lambda track: (track.start_index, track.kind, *track.boxes[0].tolist()))
    return tuple(dataclasses.replace(t, id=number) for number, t in enumerate(tracks, 1))


def _finish(
    tracklet: Tracklet, seconds: NDArray[np.float64], settings: Settings, first_index: int
) -> Track:
    """Fill the holes, carry the track on beyond its ends, smooth it."""
    tracklet = _without_lone_ends(tracklet)
    indices = np.asarray(tracklet.indices) - first_index
    known_times = np.asarray(tracklet.times)
    known = (
        complete_partial_plates(np.stack(tracklet.boxes), known_times)
        if tracklet.kind == "plate"
        else _no_larger_than_sure(tracklet)
    )
    extend = settings.extend_seconds
    start = int(np.searchsorted(seconds, known_times[0] - extend, side="left"))
    stop = int(np.searchsorted(seconds, known_times[-1] + extend, side="right"))
    start = max(0, min(int(indices[0]), max(start, tracklet.scene - first_index)))
    if tracklet.scene_stop is not None:
        stop = max(int(indices[-1]) + 1, min(stop, tracklet.scene_stop - first_index))
    times = seconds[start:stop]
    boxes = np.stack([np.interp(times, known_times, known[:, i]) for i in range(4)], axis=1)
    is_sure = tracklet.best_score >= evidence_for(tracklet.kind).sure
    least, longest = (MIN_FOR_MOTION, math.inf) if is_sure else (_MIN_WEAK_FOR_MOTION, 1.0)
    trail = longest if tracklet.detection_count >= least else None
    _carry_on(boxes, times, known, known_times, trail)
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    is_inside = indices >= start
    scores[indices[is_inside] - start] = np.asarray(tracklet.scores)[is_inside]
    return Track(
        id=0,
        kind=tracklet.kind,
        start_index=start + first_index,
        boxes=smooth_boxes(boxes, times).astype(np.float32),
        scores=scores,
    )


def _without_lone_ends(tracklet: Tracklet) -> Tracklet:
    """The tracklet without finds at its ends that are all faint and far in time from the others.

    It ends where it was followed to before the first of them. Faint finds where it stood before
    stay: somebody passed in front.
    """
    detections = np.flatnonzero(np.isfinite(tracklet.scores))
    scores, times = np.asarray(tracklet.scores)[detections], np.asarray(tracklet.times)[detections]
    groups = np.split(
        np.arange(len(detections)), np.flatnonzero(np.diff(times) > _LONE_SECONDS) + 1
    )
    faint = evidence_for(tracklet.kind).agreeing
    clear = np.stack(tracklet.boxes)[detections[scores >= faint]]
    centers = [
        centers_of(np.stack(tracklet.boxes)[detections[group]]).mean(axis=0) for group in groups
    ]
    counting = [
        group
        for group, center in zip(groups, centers, strict=True)
        if scores[group].max() >= faint or _stands_at(center, clear)
    ]
    if not counting or len(groups) == 1:
        return tracklet
    first, last = counting[0][0], counting[-1][-1]
    kept = slice(
        detections[first - 1] + 1 if first > 0 else 0,
        detections[last + 1] if last + 1 < len(detections) else None,
    )
    return tracklet.part(kept)


def _stands_at(center: NDArray[np.float64], boxes: NDArray[np.float64]) -> bool:
    """Whether the (N, 4) boxes, of one thing over time, all lie around the (2,) centre."""
    away = np.linalg.norm(centers_of(boxes) - center, axis=1)
    return len(boxes) > 0 and bool((away < _STANDING_REACH * sizes_of(boxes)).all())


def _no_larger_than_sure(tracklet: Tracklet) -> NDArray[np.float64]:
    """(N, 4) the tracklet's boxes; weak ones no larger than what sure finds of that time show.

    Weak looks tell that something is there, but cut it badly: a head with its surroundings, two
    people at once.
    """
    boxes, times = np.stack(tracklet.boxes), np.asarray(tracklet.times)
    is_sure = np.nan_to_num(tracklet.scores) >= evidence_for(tracklet.kind).sure
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    most = np.zeros_like(half)
    sure_half, sure_times = half[is_sure], times[is_sure]
    for part, here in nearby(times, sure_times, _SURE_SECONDS):
        is_near = np.abs(times[part, None] - sure_times[here]) <= _SURE_SECONDS
        grown = np.where(is_near[..., None], _WEAK_GROWTH * sure_half[here], 0.0)
        most[part] = grown.max(axis=1, initial=0.0)
    is_limited = (most > 0).any(axis=1) & ~is_sure
    half[is_limited] = np.minimum(half, most)[is_limited]
    return np.concatenate([centers_of(boxes) - half, centers_of(boxes) + half], axis=1)


def _carry_on(
    boxes: NDArray[np.float64],
    times: NDArray[np.float64],
    known: NDArray[np.float64],
    known_times: NDArray[np.float64],
    trail: float | None,
) -> None:
    """Move boxes before the first and after the last known one by the motion seen there.

    The box also stretches back to where the motion started, so a wrong guess still covers a
    face that stopped; by `trail` of its sizes at most. Weak looks jump about, so what a few of
    them alone saw stays put (`trail` is None). Edited in place.
    """
    for end, outside in ((0, times < known_times[0]), (-1, times > known_times[-1])):
        velocity = np.zeros(2) if trail is None else end_velocity(known, known_times, end)
        shift = np.outer(times[outside] - known_times[end], velocity)
        far = np.maximum(np.linalg.norm(shift, axis=1, keepdims=True), 1e-6)
        left = shift * np.maximum(1 - (trail or 0) * sizes_of(known[end]) / far, 0.0)
        moved, back = (known[end] + np.tile(way, 2) for way in (shift, left))
        boxes[outside, :2] = np.minimum(back, moved)[:, :2]
        boxes[outside, 2:] = np.maximum(back, moved)[:, 2:]
