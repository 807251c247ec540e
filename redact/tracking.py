"""From detections in single frames to tracks without holes: associate, fill, extend, smooth.

Association follows the two-score idea of ByteTrack (Zhang et al., 2022): sure detections start
and continue tracks, weak ones only continue them. The whole clip is known, so gaps are filled
from both sides and every track is carried on beyond its ends.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from redact.boxes import iou_matrix
from redact.records import Box, Detection, Track
from redact.settings import Settings

# kind: a score from here on starts a track; a lower one only continues one.
SURE_SCORES = {"face": 0.5, "plate": 0.5}
_DEFAULT_SURE_SCORE = 0.5
# A track that never reached a sure score is kept when weak looks agree this often.
_WEAK_SUPPORT = 3
# Boxes of one frame that overlap more are the same thing, seen by several detectors.
_SAME_IOU = 0.4
_NESTED_SHARE = 0.75
# Centres farther apart than this many box sizes never belong together; it grows with time.
_REACH, _REACH_PER_SECOND, _REACH_MOST = 0.8, 2.0, 2.5
_MOST_SIZE_RATIO = 2.2
_VELOCITY_GAIN = 0.4
# With fewer looks than this, what seems motion may be a box that jumped.
_LEAST_FOR_MOTION = 3
_SMOOTH_SECONDS = 0.1


@dataclasses.dataclass
class _Tracklet:
    """A track while it is being found. Times in seconds, velocity in pixels per second."""

    kind: str
    indices: list[int]
    boxes: list[NDArray[np.float64]]
    scores: list[float]
    velocity: NDArray[np.float64]

    def predict(self, elapsed_seconds: float) -> NDArray[np.float64]:
        """The last box moved on; motion is trusted for half a second at most."""
        return self.boxes[-1] + np.tile(self.velocity, 2) * min(elapsed_seconds, 0.5)

    def add(self, index: int, box: NDArray[np.float64], score: float, elapsed: float) -> None:
        if elapsed > 0:
            step = (_center(box) - _center(self.boxes[-1])) / elapsed
            self.velocity = self.velocity + _VELOCITY_GAIN * (step - self.velocity)
        self.indices.append(index)
        self.boxes.append(box)
        self.scores.append(score)


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
    by_kind: dict[str, dict[int, list[Detection]]] = {}
    for detection in detections:
        frames = by_kind.setdefault(detection.kind, {})
        frames.setdefault(detection.frame_index, []).append(detection)
    tracks = []
    for kind in sorted(by_kind):
        tracklets = _associate(kind, by_kind[kind], seconds, settings.max_gap_seconds)
        tracks += [_finish(t, seconds, settings) for t in tracklets if _is_supported(t)]
    tracks.sort(key=lambda track: (track.start_index, track.kind, *track.boxes[0].tolist()))
    return tuple(dataclasses.replace(t, id=number) for number, t in enumerate(tracks, 1))


def merge_same(detections: Sequence[Detection]) -> list[Detection]:
    """One detection for each thing in a frame: the union of boxes that several looks found.

    The union, not the best box, since each detector cuts a face differently and none of what
    one of them saw may stay uncovered. A weak look at something of like size that a sure one
    lies in, or lies around, is a second, worse look at it and adds nothing.
    """
    merged: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        if any(_is_worse_look(detection, better) for better in merged):
            continue
        overlap = iou_matrix(_array([detection.box]), _array([m.box for m in merged]))[0]
        best = int(np.argmax(overlap)) if len(merged) else -1
        if best >= 0 and overlap[best] > _SAME_IOU:
            merged[best] = dataclasses.replace(
                merged[best], box=_union(merged[best].box, detection.box)
            )
        else:
            merged.append(detection)
    return merged


def _is_worse_look(detection: Detection, better: Detection) -> bool:
    sure = sure_score(detection.kind)
    if detection.kind != better.kind or detection.score >= sure or better.score < sure:
        return False
    a, b = detection.box, better.box
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    smaller, larger = sorted((max(a.area, 1.0), max(b.area, 1.0)))
    shared = max(width, 0.0) * max(height, 0.0)
    alike = larger < _MOST_SIZE_RATIO**2 * smaller
    return alike and shared > _NESTED_SHARE * smaller


def sure_score(kind: str) -> float:
    """The score from which a detection of this kind counts without support."""
    return SURE_SCORES.get(kind, _DEFAULT_SURE_SCORE)


def _associate(
    kind: str,
    frames: dict[int, list[Detection]],
    seconds: NDArray[np.float64],
    max_gap_seconds: float,
) -> list[_Tracklet]:
    done: list[_Tracklet] = []
    live: list[_Tracklet] = []
    for index in sorted(frames):
        now = seconds[index]
        ended = [t for t in live if now - seconds[t.indices[-1]] > max_gap_seconds]
        live = [t for t in live if now - seconds[t.indices[-1]] <= max_gap_seconds]
        done += ended
        found = merge_same(frames[index])
        sure = [d for d in found if d.score >= sure_score(kind)]
        weak = [d for d in found if d.score < sure_score(kind)]
        free = live
        for group in (sure, weak):
            free, left = _match(free, group, index, seconds)
            live = live + [_start(kind, index, d) for d in left]
    return done + live


def _match(
    tracklets: list[_Tracklet],
    detections: list[Detection],
    index: int,
    seconds: NDArray[np.float64],
) -> tuple[list[_Tracklet], list[Detection]]:
    """Give each detection to the tracklet it fits best; return what stayed alone."""
    if not tracklets or not detections:
        return tracklets, detections
    elapsed = [float(seconds[index] - seconds[t.indices[-1]]) for t in tracklets]
    boxes = _array([d.box for d in detections])
    cost = np.stack([_distance(t, boxes, e) for t, e in zip(tracklets, elapsed, strict=True)])
    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6))
    taken_rows, taken_columns = set(), set()
    for row, column in zip(rows, columns, strict=True):
        if math.isfinite(cost[row, column]):
            detection = detections[column]
            tracklets[row].add(index, boxes[column], detection.score, elapsed[row])
            taken_rows.add(row)
            taken_columns.add(column)
    return (
        [t for i, t in enumerate(tracklets) if i not in taken_rows],
        [d for i, d in enumerate(detections) if i not in taken_columns],
    )


def _distance(
    tracklet: _Tracklet, boxes: NDArray[np.float64], elapsed: float
) -> NDArray[np.float64]:
    """(M,) distance in box sizes from the predicted box; inf where it can't be the same."""
    predicted = tracklet.predict(elapsed)
    size, sizes = _size(predicted), _size(boxes)
    offset = np.linalg.norm(_center(boxes) - _center(predicted), axis=1)
    distance = offset / np.maximum(size, sizes)
    ratio = np.abs(np.log(sizes / size))
    reach = min(_REACH + _REACH_PER_SECOND * elapsed, _REACH_MOST)
    possible = (distance < reach) & (ratio < math.log(_MOST_SIZE_RATIO))
    return np.where(possible, distance + ratio, np.inf)


def _start(kind: str, index: int, detection: Detection) -> _Tracklet:
    box = np.asarray(detection.box, dtype=np.float64)
    return _Tracklet(kind, [index], [box], [detection.score], np.zeros(2))


def _is_supported(tracklet: _Tracklet) -> bool:
    """A sure score once, or weak ones that agree: single weak looks are mostly false."""
    if max(tracklet.scores) >= sure_score(tracklet.kind):
        return True
    return len(tracklet.scores) >= _WEAK_SUPPORT


def _finish(tracklet: _Tracklet, seconds: NDArray[np.float64], settings: Settings) -> Track:
    """Fill the holes, carry the track on beyond its ends, smooth it."""
    first, last = tracklet.indices[0], tracklet.indices[-1]
    extend = settings.extend_seconds
    start = int(np.searchsorted(seconds, seconds[first] - extend, side="left"))
    stop = int(np.searchsorted(seconds, seconds[last] + extend, side="right"))
    times = seconds[start:stop]
    known = np.stack(tracklet.boxes)
    known_times = seconds[tracklet.indices]
    boxes = np.stack([np.interp(times, known_times, known[:, i]) for i in range(4)], axis=1)
    is_sure = max(tracklet.scores) >= sure_score(tracklet.kind)
    is_moving = is_sure and len(known) >= _LEAST_FOR_MOTION
    _carry_on(boxes, times, known, known_times, is_moving=is_moving)
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    scores[np.asarray(tracklet.indices) - start] = tracklet.scores
    return Track(
        id=0,
        kind=tracklet.kind,
        start_index=start,
        boxes=_smooth(boxes, times).astype(np.float32),
        scores=scores,
    )


def _carry_on(
    boxes: NDArray[np.float64],
    times: NDArray[np.float64],
    known: NDArray[np.float64],
    known_times: NDArray[np.float64],
    *,
    is_moving: bool,
) -> None:
    """Move boxes before the first and after the last known one by the motion seen there.

    The box also stretches back to where the motion started, so a wrong guess still covers a
    face that stopped. Weak looks jump about, so what they alone saw stays put (`is_moving`
    False). Edited in place.
    """
    for end, outside in ((0, times < known_times[0]), (-1, times > known_times[-1])):
        velocity = _end_velocity(known, known_times, end) if is_moving else np.zeros(2)
        shift = np.outer(times[outside] - known_times[end], velocity)
        moved = known[end] + np.tile(shift, 2)
        boxes[outside, :2] = np.minimum(known[end][:2], moved[:, :2])
        boxes[outside, 2:] = np.maximum(known[end][2:], moved[:, 2:])


def _end_velocity(
    known: NDArray[np.float64], known_times: NDArray[np.float64], end: int
) -> NDArray[np.float64]:
    """(2,) pixels per second over the half second at one end of the track."""
    near = np.abs(known_times - known_times[end]) <= 0.5
    span = float(np.ptp(known_times[near]))
    if span <= 0.05:
        return np.zeros(2)
    centers = _center(known[near])
    return np.asarray((centers[-1] - centers[0]) / span)


def _smooth(boxes: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steadier boxes that contain the ones given.

    A running minimum and then a running mean, both of one window, never come to lie above the
    curve they started from (each mean is over minima that saw the centre); mirrored for the far
    edges.
    """
    if len(boxes) < 3:
        return boxes
    step = float(np.median(np.diff(times)))
    radius = min(5, round(_SMOOTH_SECONDS / step)) if step > 0 else 0
    if radius == 0:
        return boxes
    low, high = _envelope(boxes[:, :2], radius), -_envelope(-boxes[:, 2:], radius)
    return np.concatenate([low, high], axis=1)


def _envelope(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    width = 2 * radius + 1
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0).min(axis=-1)
    padded = np.pad(lowest, ((radius, radius), (0, 0)), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, width, axis=0).mean(axis=-1))


def _array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


def _center(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2)


def _size(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 1.0)
    return np.asarray(np.sqrt(sides.prod(axis=-1)))


def _union(a: Box, b: Box) -> Box:
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
