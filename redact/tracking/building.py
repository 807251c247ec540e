"""Builds tracks without gaps from confirmed tracklets.

Isolated ends are trimmed, duplicates merged, and every object is estimated in each frame from its
first to its last detection and a little beyond; see `smoothing.py`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, sizes_of
from redact.settings import Settings
from redact.tracking.association import Associator
from redact.tracking.confirmation import is_confirmed
from redact.tracking.cover_margins import margins
from redact.tracking.linking import group_duplicates, join_parked, without_worn
from redact.tracking.partial_plates import complete_partial_plates
from redact.tracking.smoothing import estimate
from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Detection, Track

# An object stood at its isolated ends if the centres of all its other detections are closer to them
# than this, in sizes. Chosen by eye.
_STATIONARY_END_SIZES = 0.5


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

    def build(pieces: Sequence[Tracklet]) -> Track | None:
        return _build_track(pieces, seconds, settings, first_index)

    joined = join_parked(confirmed)
    trimmed = [_without_unseen_ends(_without_isolated_ends(t)) for t in joined]
    built = [(tracklet, track) for tracklet in trimmed if (track := build([tracklet])) is not None]
    groups = group_duplicates(built)
    # Tracklets of one object are measurements of it: its track is estimated from all of them.
    merged = [
        (track, max(tracklet.best_score for tracklet, _ in group))
        for group in groups
        if (track := group[0][1] if len(group) == 1 else build([t for t, _ in group])) is not None
    ]
    tracks = without_worn(merged)
    tracks.sort(key=lambda track: (track.start_index, track.kind, *track.boxes[0].tolist()))
    return tuple(dataclasses.replace(t, id=number) for number, t in enumerate(tracks, 1))


def build_followed_track(
    kind: str,
    indices: Sequence[int],
    boxes: Sequence[NDArray[np.float64]],
    found_index: int,
    seconds: NDArray[np.float64],
    settings: Settings,
) -> Track:
    """The track of something that was shown by hand in one frame and followed from there.

    Args:
        kind: of the track.
        indices: of the frames with a box, ascending.
        boxes: (4,) each.
        found_index: of the frame in which it was shown.
        seconds: (N,) presentation time of each frame of the clip.
        settings: `extend_seconds` is used.

    """
    tracklet = Tracklet(
        kind=kind,
        indices=list(indices),
        times=[float(seconds[index]) for index in indices],
        boxes=list(boxes),
        scores=[1.0 if index == found_index else math.nan for index in indices],
        velocity=np.zeros(2),
        camera_offset=np.zeros(2),
    )
    track = _build_track([tracklet], seconds, settings, 0)
    assert track is not None  # it has the frame in which it was shown
    return track


def _build_track(
    tracklets: Sequence[Tracklet],
    seconds: NDArray[np.float64],
    settings: Settings,
    first_index: int,
) -> Track | None:
    """Estimate an object in every frame from its tracklets, of which there is mostly one.

    Returns None if nothing of it is left in the frames from `first_index` on.
    """
    start, stop = _extended_span(tracklets, seconds, settings.extend_seconds, first_index)
    if start >= stop:
        return None
    kind = tracklets[0].kind
    tuning = kind_tuning(kind)
    indices, times, boxes, scores = _measurements(tracklets)
    # Measurements before the first frame asked for lead up to it.
    earlier = np.unique(times[indices < first_index + start])
    is_early = indices < first_index + start
    frames = np.where(
        is_early,
        np.searchsorted(earlier, times),
        indices - first_index - start + len(earlier),
    )
    estimated = estimate(
        frames,
        boxes,
        scores,
        np.concatenate([earlier, seconds[start:stop]]),
        tuning.smoothing,
        high_score=tuning.high_score,
    )
    wanted = slice(len(earlier), None)
    half = estimated.size / 2
    all_scores = np.full(len(earlier) + stop - start, np.nan)
    np.fmax.at(all_scores, frames, scores)
    return Track(
        id=0,
        kind=kind,
        start_index=start + first_index,
        boxes=np.concatenate([estimated.center - half, estimated.center + half], axis=1)[
            wanted
        ].astype(np.float32),
        scores=all_scores[wanted].astype(np.float32),
        margins=margins(estimated, tuning.smoothing)[wanted].astype(np.float32),
    )


def _measurements(
    tracklets: Sequence[Tracklet],
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frame indices (N,), times (N,), boxes (N, 4) and scores (N,), ascending, of all tracklets.

    Where one of them was detected, boxes that another was only followed to don't count.
    """
    indices = np.concatenate([np.asarray(t.indices, dtype=np.intp) for t in tracklets])
    times = np.concatenate([np.asarray(t.times) for t in tracklets])
    scores = np.concatenate([np.asarray(t.scores, dtype=np.float64) for t in tracklets])
    boxes = np.concatenate([_whole_boxes(t) for t in tracklets])
    is_detected = np.isfinite(scores)
    is_kept = is_detected | ~np.isin(indices, indices[is_detected])
    order = np.flatnonzero(is_kept)[np.argsort(indices[is_kept], kind="stable")]
    return indices[order], times[order], boxes[order], scores[order]


def _whole_boxes(tracklet: Tracklet) -> NDArray[np.float64]:
    """(N, 4) the tracklet's boxes; those of plates that are hidden in part, completed."""
    boxes = np.stack(tracklet.boxes)
    if tracklet.kind == "plate":
        return complete_partial_plates(boxes, np.asarray(tracklet.times))
    return boxes


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


def _without_unseen_ends(tracklet: Tracklet) -> Tracklet:
    """The tracklet without boxes at its ends that it was followed to for too long.

    A template keeps matching a wall that was once taken for a face. So the more detections a
    tracklet has, the longer it is believed to be where nothing is detected.
    """
    times = np.asarray(tracklet.times)
    detected = np.flatnonzero(np.isfinite(tracklet.scores))
    if len(detected) == 0:
        return tracklet
    limit = TUNING.unseen_seconds_per_detection * tracklet.detection_count
    first, last = times[detected[0]] - limit, times[detected[-1]] + limit
    start = int(np.searchsorted(times, first, side="left"))
    stop = int(np.searchsorted(times, last, side="right"))
    return tracklet.cut(slice(start, stop))


def _stands_at(center: NDArray[np.float64], boxes: NDArray[np.float64]) -> bool:
    """Whether the (N, 4) boxes of one object over time all lie around the (2,) centre."""
    distance = np.linalg.norm(centers_of(boxes) - center, axis=1)
    is_near = distance < _STATIONARY_END_SIZES * sizes_of(boxes)
    return len(boxes) > 0 and bool(is_near.all())


def _extended_span(
    tracklets: Sequence[Tracklet],
    seconds: NDArray[np.float64],
    extend_seconds: float,
    first_index: int,
) -> tuple[int, int]:
    """The first frame of the track and the frame after its last, counted from `first_index`.

    The track reaches `extend_seconds` beyond the tracklets at both ends, but not out of their
    scene.
    """
    first = min(t.indices[0] for t in tracklets) - first_index
    last = max(t.indices[-1] for t in tracklets) - first_index
    scene = min(t.scene for t in tracklets) - first_index
    first_time = min(t.times[0] for t in tracklets)
    last_time = max(t.times[-1] for t in tracklets)
    start = int(np.searchsorted(seconds, first_time - extend_seconds, side="left"))
    stop = int(np.searchsorted(seconds, last_time + extend_seconds, side="right"))
    start = max(0, min(first, max(start, scene)))
    scene_stops = [t.scene_stop for t in tracklets if t.scene_stop is not None]
    if scene_stops:
        stop = max(last + 1, min(stop, max(scene_stops) - first_index))
    return start, stop
