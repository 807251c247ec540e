"""Builds tracks without gaps from confirmed tracklets: trim, fill, extend, smooth.

What comes later is known, so gaps are filled from both sides and every track is extended beyond its
ends.
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
from redact.tracking.confirmation import is_confirmed
from redact.tracking.linking import join_parked, merge_duplicate_tracks
from redact.tracking.sizing import complete_partial_plates, limit_low_score_sizes
from redact.tracking.smoothing import smooth_boxes
from redact.tracking.tracklet import Tracklet, end_velocity
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Detection, Track


def track_detections(
    detections: Iterable[Detection],
    seconds: NDArray[np.float64],
    settings: Settings,
) -> tuple[Track, ...]:
    """The tracks of a clip's detections; ids count from 1 in order of first frame and place.

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
    return build_tracks(associator.tracklets, seconds, settings)


def build_tracks(
    tracklets: Iterable[Tracklet],
    seconds: NDArray[np.float64],
    settings: Settings,
    *,
    first_index: int = 0,
) -> tuple[Track, ...]:
    """Tracks without gaps, extended beyond their ends, of all tracklets that are confirmed.

    Ids count from 1 in order of first frame and place.

    Args:
        tracklets: from an `Associator`. They are not changed.
        seconds: (N,) presentation time of each frame from `first_index` on, ascending.
        settings: `extend_seconds` is used.
        first_index: no track begins before this frame. What was seen earlier only leads up to it.

    """
    first_seconds = seconds[0] if len(seconds) else math.inf
    confirmed = [
        t
        for t in tracklets
        if t.times[-1] + settings.extend_seconds >= first_seconds and is_confirmed(t)
    ]
    built = [_build_track(t, seconds, settings, first_index) for t in join_parked(confirmed)]
    tracks = merge_duplicate_tracks([track for track in built if track is not None])
    tracks.sort(key=lambda track: (track.start_index, track.kind, *track.boxes[0].tolist()))
    return tuple(dataclasses.replace(t, id=number) for number, t in enumerate(tracks, 1))


def _build_track(
    tracklet: Tracklet, seconds: NDArray[np.float64], settings: Settings, first_index: int
) -> Track | None:
    """Trim the tracklet, fill its gaps, extend it beyond its ends and smooth it.

    Returns None if nothing of it is left in the frames from `first_index` on.
    """
    tracklet = _without_isolated_ends(tracklet)
    start, stop = _extended_span(tracklet, seconds, settings.extend_seconds, first_index)
    if start >= stop:
        return None
    known_times = np.asarray(tracklet.times)
    if tracklet.kind == "plate":
        known = complete_partial_plates(np.stack(tracklet.boxes), known_times)
    else:
        known = limit_low_score_sizes(tracklet)
    times = seconds[start:stop]
    boxes = np.stack([np.interp(times, known_times, known[:, i]) for i in range(4)], axis=1)
    _extend(boxes, times, known, known_times, _max_stretch_sizes(tracklet))
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    indices = np.asarray(tracklet.indices) - first_index
    is_inside = indices >= start
    scores[indices[is_inside] - start] = np.asarray(tracklet.scores)[is_inside]
    return Track(
        id=0,
        kind=tracklet.kind,
        start_index=start + first_index,
        boxes=smooth_boxes(boxes, times).astype(np.float32),
        scores=scores,
    )


def _without_isolated_ends(tracklet: Tracklet) -> Tracklet:
    """The tracklet without low-score detections at its ends that are isolated in time.

    They are false, unless the object stood in that place: then somebody passed in front of it. A
    box that the object was followed to stays if it lies before the first detection that is dropped.
    """
    detected = np.flatnonzero(np.isfinite(tracklet.scores))
    scores, times = np.asarray(tracklet.scores)[detected], np.asarray(tracklet.times)[detected]
    boxes = np.stack(tracklet.boxes)
    after_gap = np.flatnonzero(np.diff(times) > TUNING.isolated_end_seconds) + 1
    groups = np.split(np.arange(len(detected)), after_gap)
    if len(groups) == 1:
        return tracklet
    min_score = kind_tuning(tracklet.kind).agreeing_score
    clear_boxes = boxes[detected[scores >= min_score]]
    credible = [
        group
        for group in groups
        if scores[group].max() >= min_score
        or _stands_at(centers_of(boxes[detected[group]]).mean(axis=0), clear_boxes)
    ]
    if not credible:
        return tracklet
    first, last = credible[0][0], credible[-1][-1]
    start = detected[first - 1] + 1 if first > 0 else 0
    stop = detected[last + 1] if last + 1 < len(detected) else None
    return tracklet.cut(slice(start, stop))


def _stands_at(center: NDArray[np.float64], boxes: NDArray[np.float64]) -> bool:
    """Whether the (N, 4) boxes of one object over time all lie around the (2,) centre."""
    distance = np.linalg.norm(centers_of(boxes) - center, axis=1)
    is_near = distance < TUNING.stationary_end_sizes * sizes_of(boxes)
    return len(boxes) > 0 and bool(is_near.all())


def _extended_span(
    tracklet: Tracklet, seconds: NDArray[np.float64], extend_seconds: float, first_index: int
) -> tuple[int, int]:
    """The first frame of the track and the frame after its last, counted from `first_index`.

    The track reaches `extend_seconds` beyond the tracklet at both ends, but not out of its scene.
    """
    first, last = tracklet.indices[0] - first_index, tracklet.indices[-1] - first_index
    start = int(np.searchsorted(seconds, tracklet.times[0] - extend_seconds, side="left"))
    stop = int(np.searchsorted(seconds, tracklet.times[-1] + extend_seconds, side="right"))
    start = max(0, min(first, max(start, tracklet.scene - first_index)))
    if tracklet.scene_stop is not None:
        stop = max(last + 1, min(stop, tracklet.scene_stop - first_index))
    return start, stop


def _max_stretch_sizes(tracklet: Tracklet) -> float | None:
    """How far boxes may stretch while they are moved on beyond the ends; None to leave them there.

    Low-confidence boxes jump about: a few of them don't show how the object moves.
    """
    if tracklet.best_score >= kind_tuning(tracklet.kind).high_score:
        min_count, max_stretch = TUNING.min_high_score_extension_count, math.inf
    else:
        min_count, max_stretch = (
            TUNING.min_low_score_extension_count,
            TUNING.max_low_score_stretch_sizes,
        )
    return max_stretch if tracklet.detection_count >= min_count else None


def _extend(
    boxes: NDArray[np.float64],
    times: NDArray[np.float64],
    known: NDArray[np.float64],
    known_times: NDArray[np.float64],
    max_stretch_sizes: float | None,
) -> None:
    """Move the boxes before the first and after the last known one on, in place.

    They go on with the velocity at that end, and each also stretches back to where the object was
    last known to be, so that a face that stopped there stays covered.

    Args:
        boxes: (T, 4) edited in place.
        times: (T,) seconds.
        known: (N, 4) the tracklet's boxes.
        known_times: (N,) seconds.
        max_stretch_sizes: how far back a box stretches at most, in sizes; None if the velocity is
            not known, so that the boxes stay where they are.

    """
    for end, outside in ((0, times < known_times[0]), (-1, times > known_times[-1])):
        velocity = np.zeros(2)
        if max_stretch_sizes is not None:
            velocity = end_velocity(known, known_times, end)
        shift = np.outer(times[outside] - known_times[end], velocity)
        distance = np.maximum(np.linalg.norm(shift, axis=1, keepdims=True), 1e-6)
        stretch = (max_stretch_sizes or 0) * sizes_of(known[end])
        unreached = shift * np.maximum(1 - stretch / distance, 0.0)
        moved, back = (known[end] + np.tile(way, 2) for way in (shift, unreached))
        boxes[outside, :2] = np.minimum(back, moved)[:, :2]
        boxes[outside, 2:] = np.maximum(back, moved)[:, 2:]
