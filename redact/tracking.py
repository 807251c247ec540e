"""From detections in single frames to tracks without holes: associate, fill, extend, smooth.

Association follows the two-score idea of ByteTrack (Zhang et al., 2022): sure detections start
and continue tracks, weak ones only continue them. The whole clip is known, so gaps are filled
from both sides and every track is carried on beyond its ends.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.boxes import iou_matrix
from redact.records import Box, Detection, Track
from redact.settings import Settings


@dataclasses.dataclass(frozen=True)
class _Evidence:
    """Which finds make a track that is covered."""

    sure: float
    """From this score on a find is matched first, and its track is followed and looked for."""
    alone: float
    """One find with this score is enough."""
    agreeing: float
    count: int
    """So many finds in one track with the score `agreeing` are enough too."""
    still: float
    """What never moved needs a find with this score, however often it was seen."""


# Measured on scenes and clips with known boxes: faces that never reached `alone` with fewer
# agreeing finds were false, since lone weak looks repeat on the same leaves and bricks. Plates
# 0.9 and more, but one half behind a post may never come above 0.6: it is seen again and again.
_EVIDENCE = {
    "face": _Evidence(sure=0.5, alone=0.5, agreeing=0.3, count=5, still=0.4),
    "plate": _Evidence(sure=0.5, alone=0.6, agreeing=0.4, count=3, still=0.45),
}
_OTHER_EVIDENCE = _Evidence(sure=0.5, alone=0.5, agreeing=0.3, count=3, still=0.3)
# What moves by less than this share of its size stands still.
_STILL_SHARE = 0.25
# Boxes of one frame that overlap more are the same thing, seen by several detectors.
_SAME_IOU = 0.4
_NESTED_SHARE = 0.75
# Centres farther apart than this many box sizes never belong together; it grows with time.
# Who walks by moves up to seven heights of his face a second; when the way somebody moves is known
# from a few finds, only the change of it counts.
LEAST_REACH, _REACH_MOST = 0.8, 2.5
_REACH_PER_SECOND_UNKNOWN, _REACH_PER_SECOND_KNOWN = 7.0, 2.0
# Where what was followed lies, detectors that cut it differently may see it.
_REACH_SURE = 0.6
_MOST_SIZE_RATIO, _MOST_WEAK_RATIO = 2.2, 1.6
_VELOCITY_GAIN = 0.4
# With fewer looks than this, what seems motion may be a box that jumped.
_LEAST_FOR_MOTION = 3
_SMOOTH_SECONDS = 0.1
# Faint finds at a track's end that are farther from the others are chance, unless it stood there.
_LONE_SECONDS, _STANDING_REACH = 0.5, 0.5
# Within so many seconds of a sure find, weak ones are at most so much larger.
_SURE_SECONDS, _WEAK_GROWTH = 1.0, 1.3
# Tracks that share this much of the shorter one's time, and of their place, are of one thing.
_TWIN_TIME_SHARE, _TWIN_IOU = 0.6, 0.33


@dataclasses.dataclass(eq=False)
class Tracklet:
    """A track while it is being found: what was seen of one thing, in ascending frames.

    boxes: (4,) float64 each. `velocity` in pixels per second beside the camera's own movement;
    `camera` is how far the picture had moved in all at the last find. `scene` is the first frame
    in which the track may lie, `scene_stop` the frame after the last one (None while it is open).
    `alive_until`: it hasn't ended before that time, found or not.
    """

    kind: str
    indices: list[int]
    times: list[float]
    boxes: list[NDArray[np.float64]]
    scores: list[float]
    velocity: NDArray[np.float64]
    camera: NDArray[np.float64]
    scene: int = 0
    scene_stop: int | None = None
    alive_until: float = -math.inf

    def predict(self, now: float, camera: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(4,) the last box moved on; motion is trusted for half a second at most."""
        drift = np.zeros(2) if camera is None else camera - self.camera
        elapsed = min(now - self.times[-1], 0.5)
        return self.boxes[-1] + np.tile(self.velocity * elapsed + drift, 2)

    def add(
        self,
        index: int,
        now: float,
        box: NDArray[np.float64],
        score: float,
        camera: NDArray[np.float64] | None = None,
    ) -> None:
        """Append a find; a score of NaN says that the thing was followed, not found."""
        camera = self.camera if camera is None else camera
        elapsed = now - self.times[-1]
        if elapsed > 0:
            own = _center(box) - _center(self.boxes[-1]) - (camera - self.camera)
            gain = max(_VELOCITY_GAIN, 1 / len(self.boxes))
            self.velocity = self.velocity + gain * (own / elapsed - self.velocity)
        self.indices.append(index)
        self.times.append(now)
        self.boxes.append(box)
        self.scores.append(score)
        self.camera = camera.copy()

    def stay_alive(self, now: float, most_seconds: float) -> None:
        """The thing shows no change: it is still there, for so long after the last find."""
        self.alive_until = min(now, self.found_last + most_seconds)

    def early_velocity(self) -> NDArray[np.float64]:
        """(2,) pixels per second over the first half second."""
        return _end_velocity(np.stack(self.boxes), np.asarray(self.times), 0)

    def put_before(self, index: int, now: float, box: NDArray[np.float64], score: float) -> None:
        """Prepend a find of an earlier frame."""
        self.indices.insert(0, index)
        self.times.insert(0, now)
        self.boxes.insert(0, box)
        self.scores.insert(0, score)

    def found_at(self, index: int) -> NDArray[np.float64] | None:
        """(4,) the box found in that frame; None where it was followed or not seen."""
        at = bisect.bisect_left(self.indices, index)
        if at == len(self.indices) or self.indices[at] != index or math.isnan(self.scores[at]):
            return None
        return self.boxes[at]

    def reach(self, elapsed: float) -> float:
        """How far from the predicted box it may be after so many seconds, in sizes of the box."""
        known = len(self.boxes) >= _LEAST_FOR_MOTION
        speed = _REACH_PER_SECOND_KNOWN if known else _REACH_PER_SECOND_UNKNOWN
        return min(LEAST_REACH + speed * elapsed, _REACH_MOST)

    @property
    def found_last(self) -> float:
        """When it was last found, not only followed; seconds."""
        pairs = zip(reversed(self.times), reversed(self.scores), strict=True)
        return next((time for time, score in pairs if not math.isnan(score)), self.times[-1])

    @property
    def seen_last(self) -> float:
        """When it was last known to be there, seconds."""
        return max(self.found_last, self.alive_until)

    @property
    def best_score(self) -> float:
        """The highest score of any find."""
        return float(np.nanmax(self.scores))

    @property
    def find_count(self) -> int:
        """In how many frames it was found, not only followed."""
        return int(np.isfinite(self.scores).sum())


class Associator:
    """Joins detections to tracklets, frame after frame; frames must come in ascending order.

    Args:
        max_gap_seconds: a tracklet that wasn't found for longer has ended.

    """

    def __init__(self, max_gap_seconds: float) -> None:
        self._max_gap = max_gap_seconds
        self._live: list[Tracklet] = []
        self._ended: list[Tracklet] = []
        self._camera = np.zeros(2)
        self._scene = self._last_index = 0

    @property
    def tracklets(self) -> list[Tracklet]:
        """All tracklets so far, ended and live."""
        return self._ended + self._live

    @property
    def live(self) -> list[Tracklet]:
        """The tracklets that have not ended."""
        return list(self._live)

    @property
    def camera(self) -> NDArray[np.float64]:
        """(2,) how far the picture has moved in all, pixels."""
        return self._camera

    def move(self, shift: tuple[float, float]) -> None:
        """Take into account that the whole picture moved since the last step, pixels."""
        self._camera = self._camera + np.asarray(shift)

    def step(
        self,
        index: int,
        now: float,
        detections: Iterable[Detection],
        places: Mapping[Tracklet, NDArray[np.float64]] | None = None,
    ) -> list[Tracklet]:
        """Give a frame's detections to the tracklets they belong to.

        places: (4,) boxes where tracklets surely are: only what is found there is theirs, so that
        who passes in front of somebody doesn't take his track along.

        Returns: the live tracklets that got none.
        """
        self._last_index = index
        for tracklet in [t for t in self._live if now - t.seen_last > self._max_gap]:
            self._live.remove(tracklet)
            self._ended.append(tracklet)
        lost = list(self._live)
        by_kind: dict[str, list[Detection]] = {}
        for detection in detections:
            by_kind.setdefault(detection.kind, []).append(detection)
        for kind in sorted(by_kind):
            found = merge_same(by_kind[kind])
            sure = [d for d in found if d.score >= sure_score(kind)]
            weak = [d for d in found if d.score < sure_score(kind)]
            for group, is_weak in ((sure, False), (weak, True)):
                candidates = [t for t in lost if t.kind == kind]
                taken, alone = self._match(
                    candidates, group, index, now, places or {}, is_weak=is_weak
                )
                lost = [t for t in lost if t not in taken]
                for detection in alone:
                    self._begin(index, now, detection)
        return lost

    def cut(self, index: int) -> None:
        """End all tracklets: another scene begins with this frame."""
        for tracklet in self._live:
            tracklet.scene_stop = index
        self._ended += self._live
        self._live = []
        # Where exactly between two looks the scene changed isn't known: cover both sides.
        self._scene = self._last_index + 1 if index else 0

    def forget(self, before: float) -> None:
        """Drop ended tracklets that were last seen before that time."""
        self._ended = [t for t in self._ended if t.times[-1] >= before]

    def _match(
        self,
        tracklets: list[Tracklet],
        detections: list[Detection],
        index: int,
        now: float,
        places: Mapping[Tracklet, NDArray[np.float64]],
        *,
        is_weak: bool,
    ) -> tuple[list[Tracklet], list[Detection]]:
        """Give each detection to the tracklet it fits best: who got one, and what stayed alone."""
        if not tracklets or not detections:
            return [], detections
        boxes = _array([d.box for d in detections])
        ratio = _MOST_WEAK_RATIO if is_weak else _MOST_SIZE_RATIO
        cost = np.stack(
            [_distance(*self._expected(t, now, places), boxes, ratio) for t in tracklets]
        )
        pairs = assigned(cost)
        for row, column in pairs:
            score = detections[column].score
            tracklets[row].add(index, now, boxes[column], score, self._camera)
        used = {column for _, column in pairs}
        return (
            [tracklets[row] for row, _ in pairs],
            [d for column, d in enumerate(detections) if column not in used],
        )

    def _expected(
        self, tracklet: Tracklet, now: float, places: Mapping[Tracklet, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], float]:
        """Where a tracklet should be, and how far from there it may be, in sizes of its box."""
        if tracklet in places:
            return places[tracklet], _REACH_SURE
        return tracklet.predict(now, self._camera), tracklet.reach(now - tracklet.times[-1])

    def _begin(self, index: int, now: float, detection: Detection) -> None:
        box = np.asarray(detection.box, dtype=np.float64)
        tracklet = Tracklet(
            kind=detection.kind,
            indices=[index],
            times=[now],
            boxes=[box],
            scores=[detection.score],
            velocity=np.zeros(2),
            camera=self._camera.copy(),
            scene=self._scene,
        )
        self._live.append(tracklet)


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
) -> tuple[Track, ...]:
    """Tracks without holes, carried on beyond their ends; ids from 1 by first frame and place.

    Args:
        tracklets: what an `Associator` gave.
        seconds: (N,) presentation time of each frame from `first_index` on, ascending.
        settings: `extend_seconds` is used.
        first_index: tracks end here to the past; what was seen earlier only leads up to it.

    """
    tracks = [
        _finish(t, seconds, settings, first_index)
        for t in tracklets
        if _is_supported(t) and t.indices[-1] >= first_index
    ]
    tracks = _without_twins(tracks)
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


def assigned(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) of an (N, M) cost matrix: as many as can be, and at the least cost.

    Infinite costs are never paired. Where no row or column has two finite costs, the pairs are
    plain, and scipy, which takes longer to load than most pictures to look at, isn't needed.
    """
    possible = np.isfinite(cost)
    if possible.sum(axis=0).max(initial=0) > 1 or possible.sum(axis=1).max(initial=0) > 1:
        from scipy.optimize import linear_sum_assignment

        rows, columns = linear_sum_assignment(np.where(possible, cost, 1e6))
    else:
        rows, columns = np.nonzero(possible)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if possible[row, column]]


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
    return _EVIDENCE.get(kind, _OTHER_EVIDENCE).sure


def is_same_place(box: Box, predicted: NDArray[np.float64], reach: float = LEAST_REACH) -> bool:
    """Whether a box can be of the thing that was predicted here: near it, and of like size.

    reach: the farthest that its centre may be away, in sizes of the larger box.
    """
    other = np.asarray(box, dtype=np.float64)
    size, sizes = float(_size(predicted)), float(_size(other))
    offset = float(np.linalg.norm(_center(other) - _center(predicted)))
    alike = max(size, sizes) < _MOST_SIZE_RATIO * min(size, sizes)
    return alike and offset < reach * max(size, sizes)


def _distance(
    expected: NDArray[np.float64], reach: float, boxes: NDArray[np.float64], most_ratio: float
) -> NDArray[np.float64]:
    """(M,) distance of (M, 4) boxes from the expected one, in sizes; inf where it can't be it."""
    size, sizes = _size(expected), _size(boxes)
    offset = np.linalg.norm(_center(boxes) - _center(expected), axis=1)
    distance = offset / np.maximum(size, sizes)
    ratio = np.abs(np.log(sizes / size))
    possible = (distance < reach) & (ratio < math.log(most_ratio))
    return np.where(possible, distance + ratio, np.inf)


def _is_supported(tracklet: Tracklet) -> bool:
    """One find that is good enough alone, or weaker ones that agree."""
    needed = _EVIDENCE.get(tracklet.kind, _OTHER_EVIDENCE)
    if tracklet.best_score >= needed.alone:
        return True
    agreeing = [
        box
        for box, score in zip(tracklet.boxes, tracklet.scores, strict=True)
        if score >= needed.agreeing
    ]
    if len(agreeing) < needed.count:
        return False
    # A detector says of the same pixels what it said before: that is no agreement.
    centers = _center(np.stack(agreeing))
    moved = float(np.ptp(centers, axis=0).max())
    size = float(np.median(_size(np.stack(agreeing))))
    return moved > _STILL_SHARE * size or tracklet.best_score >= needed.still


def _finish(
    tracklet: Tracklet, seconds: NDArray[np.float64], settings: Settings, first_index: int
) -> Track:
    """Fill the holes, carry the track on beyond its ends, smooth it."""
    tracklet = _without_lone_ends(tracklet)
    indices = np.asarray(tracklet.indices) - first_index
    known, known_times = _no_larger_than_sure(tracklet), np.asarray(tracklet.times)
    extend = settings.extend_seconds
    start = int(np.searchsorted(seconds, known_times[0] - extend, side="left"))
    stop = int(np.searchsorted(seconds, known_times[-1] + extend, side="right"))
    start = max(0, min(int(indices[0]), max(start, tracklet.scene - first_index)))
    if tracklet.scene_stop is not None:
        stop = max(int(indices[-1]) + 1, min(stop, tracklet.scene_stop - first_index))
    times = seconds[start:stop]
    boxes = np.stack([np.interp(times, known_times, known[:, i]) for i in range(4)], axis=1)
    is_sure = tracklet.best_score >= sure_score(tracklet.kind)
    is_moving = is_sure and tracklet.find_count >= _LEAST_FOR_MOTION
    _carry_on(boxes, times, known, known_times, is_moving=is_moving)
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    is_inside = indices >= start
    scores[indices[is_inside] - start] = np.asarray(tracklet.scores)[is_inside]
    return Track(
        id=0,
        kind=tracklet.kind,
        start_index=start + first_index,
        boxes=_smooth(boxes, times).astype(np.float32),
        scores=scores,
    )


def _without_lone_ends(tracklet: Tracklet) -> Tracklet:
    """The tracklet without finds at its ends that are all faint and far in time from the others.

    What was only followed to there goes, too. Faint finds where it stood before stay: somebody
    passed in front.
    """
    finds = np.flatnonzero(np.isfinite(tracklet.scores))
    scores, times = np.asarray(tracklet.scores)[finds], np.asarray(tracklet.times)[finds]
    groups = np.split(np.arange(len(finds)), np.flatnonzero(np.diff(times) > _LONE_SECONDS) + 1)
    faint = _EVIDENCE.get(tracklet.kind, _OTHER_EVIDENCE).agreeing
    clear = np.stack(tracklet.boxes)[finds[scores >= faint]]
    centers = [_center(np.stack(tracklet.boxes)[finds[group]]).mean(axis=0) for group in groups]
    counting = [
        group
        for group, center in zip(groups, centers, strict=True)
        if scores[group].max() >= faint or _stands_at(center, clear)
    ]
    if not counting or len(groups) == 1:
        return tracklet
    first, last = finds[counting[0][0]], finds[counting[-1][-1]] + 1
    kept = slice(
        0 if counting[0] is groups[0] else int(first),
        None if counting[-1] is groups[-1] else int(last),
    )
    return dataclasses.replace(
        tracklet,
        indices=tracklet.indices[kept],
        times=tracklet.times[kept],
        boxes=tracklet.boxes[kept],
        scores=tracklet.scores[kept],
    )


def _stands_at(center: NDArray[np.float64], boxes: NDArray[np.float64]) -> bool:
    """Whether the (N, 4) boxes, of one thing over time, all lie around the (2,) centre."""
    away = np.linalg.norm(_center(boxes) - center, axis=1)
    return len(boxes) > 0 and bool((away < _STANDING_REACH * _size(boxes)).all())


def _no_larger_than_sure(tracklet: Tracklet) -> NDArray[np.float64]:
    """(N, 4) the tracklet's boxes; weak ones no larger than what sure finds of that time show.

    Weak looks tell that something is there, but cut it badly: a head with its surroundings, two
    people at once.
    """
    boxes, times = np.stack(tracklet.boxes), np.asarray(tracklet.times)
    is_sure = np.nan_to_num(tracklet.scores) >= sure_score(tracklet.kind)
    near = np.abs(times[:, None] - times[None, is_sure]) <= _SURE_SECONDS
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    most = np.where(near[..., None], _WEAK_GROWTH * half[is_sure], 0.0).max(axis=1, initial=0.0)
    is_limited = near.any(axis=1) & ~is_sure
    half[is_limited] = np.minimum(half, most)[is_limited]
    return np.concatenate([_center(boxes) - half, _center(boxes) + half], axis=1)


def _without_twins(tracks: list[Track]) -> list[Track]:
    """Tracks that lay on the same thing while both lasted become one, the union of both.

    Each is held against the longest of its group, not against the group's union, which would grow
    until it holds whoever passes by.
    """
    groups: list[list[Track]] = []
    for track in sorted(tracks, key=lambda t: (-len(t.boxes), t.start_index)):
        group = next((g for g in groups if _are_twins(track, g[0])), None)
        if group is None:
            groups.append([track])
        else:
            group.append(track)
    return [functools.reduce(_union_of, group) for group in groups]


def _are_twins(a: Track, b: Track) -> bool:
    start, stop = max(a.start_index, b.start_index), min(a.stop_index, b.stop_index)
    shorter = min(len(a.boxes), len(b.boxes))
    if a.kind != b.kind or stop - start < max(1, _TWIN_TIME_SHARE * shorter):
        return False
    one, other = (t.boxes[start - t.start_index : stop - t.start_index] for t in (a, b))
    both = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.prod(np.clip(both, 0, None), axis=1)
    sizes = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    iou = shared / np.maximum(sizes[0] + sizes[1] - shared, 1e-6)
    return bool(np.median(iou) > _TWIN_IOU)


def _union_of(a: Track, b: Track) -> Track:
    start, stop = min(a.start_index, b.start_index), max(a.stop_index, b.stop_index)
    boxes = np.full((stop - start, 4), np.nan, dtype=np.float32)
    scores = np.full(stop - start, np.nan, dtype=np.float32)
    for track in (a, b):
        here = slice(track.start_index - start, track.stop_index - start)
        boxes[here, :2] = np.fmin(boxes[here, :2], track.boxes[:, :2])
        boxes[here, 2:] = np.fmax(boxes[here, 2:], track.boxes[:, 2:])
        scores[here] = np.fmax(scores[here], track.scores)
    return dataclasses.replace(a, start_index=start, boxes=boxes, scores=scores)


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

    Centres are averaged over a short window, so that steady motion stays what it is; half sizes,
    and what still sticks out of the box around the averaged centre, are enveloped from above.
    """
    if len(boxes) < 3:
        return boxes
    step = float(np.median(np.diff(times)))
    radius = min(5, len(boxes) - 1, round(_SMOOTH_SECONDS / step)) if step > 0 else 0
    if radius == 0:
        return boxes
    low, high = boxes[:, :2], boxes[:, 2:]
    ends = np.pad((low + high) / 2, ((radius, radius), (0, 0)), "reflect", reflect_type="odd")
    center, half = _windows(ends, radius).mean(axis=-1), _upper_envelope((high - low) / 2, radius)
    before = _upper_envelope(np.maximum(center - half - low, 0.0), radius)
    after = _upper_envelope(np.maximum(high - center - half, 0.0), radius)
    return np.concatenate([center - half - before, center + half + after], axis=1)


def _upper_envelope(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """A smooth curve that never lies below (T, K) values.

    A running maximum, then a running mean of the same window: each mean is over maxima that saw
    the centre.
    """
    for reduce in (np.max, np.mean):
        padded = np.pad(values, ((radius, radius), (0, 0)), "edge")
        values = reduce(_windows(padded, radius), axis=-1)
    return values


def _windows(padded: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """(T, K, 2 * radius + 1) out of (T + 2 * radius, K)."""
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)


def _array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


def _center(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2)


def _size(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 1.0)
    return np.asarray(np.sqrt(sides.prod(axis=-1)))


def _union(a: Box, b: Box) -> Box:
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
