"""Detections of single frames, joined to what they are of, frame after frame.

The two scores are those of ByteTrack (Zhang et al., 2022): sure detections start and continue
tracks, weak ones only continue them.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.assignment import assigned
from redact.boxes import as_array, centers_of, covered_share, iou_matrix, sizes_of
from redact.evidence import evidence_for
from redact.halves import are_halves
from redact.records import Box, Detection

# Boxes of one frame that overlap more are the same thing, seen by several detectors.
_SAME_IOU = 0.4
_NESTED_SHARE = 0.75
# Centres farther apart than this many box sizes never belong together; it grows with time.
# Who walks by moves up to seven heights of his face a second; when the way somebody moves is known
# from a few finds, only the change of it counts.
LEAST_REACH, _REACH_MOST = 0.8, 2.5
_REACH_PER_SECOND_UNKNOWN, _REACH_PER_SECOND_KNOWN = 7.0, 2.0
# A plate is a third as large as a face and its car is faster. The second find tells how fast, so
# that the third must lie where it should, or chance finds far apart would agree.
_PLATE_REACH_MOST, _PLATE_REACH_PER_SECOND = 10.0, 20.0
# Where what was followed lies, detectors that cut it differently may see it.
_REACH_SURE = 0.6
_MOST_SIZE_RATIO, _MOST_WEAK_RATIO = 2.2, 1.6
_VELOCITY_GAIN = 0.4
# Of so many finds of something that stands still, each lies in the largest by this share.
_LATE, _STANDING_SHARE = 12, 0.7
# So long a parked plate may be missed: whoever stands before it for longer may as well have driven
# it away.
PARKED_SECONDS = 10.0
# With fewer looks than this, what seems motion may be a box that jumped.
LEAST_FOR_MOTION = 3


@dataclasses.dataclass(eq=False)
class Tracklet:
    """A track while it is being found: what was seen of one thing, in ascending frames.

    boxes: (4,) float64 each. `velocity` in pixels per second beside the camera's own movement;
    `camera` is how far the picture had moved in all at the last find. `scene` is the first frame
    in which the track may lie, `scene_stop` the frame after the last one (None while it is open).
    `alive_until`: it hasn't ended before that time, found or not. `best_score` is the highest of
    any find, `find_count` in how many frames it was found, not only followed.
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
    best_score: float = dataclasses.field(init=False)
    find_count: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.best_score = float(np.nanmax(self.scores))
        self.find_count = int(np.isfinite(self.scores).sum())

    def predict(self, now: float, camera: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(4,) the last box moved on; motion is trusted for half a second at most."""
        drift = np.zeros(2) if camera is None else camera - self.camera
        standing = self.standing_box if self.kind == "plate" else None
        if standing is not None:
            return standing + np.tile(drift, 2)
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
            own = centers_of(box) - centers_of(self.boxes[-1]) - (camera - self.camera)
            gain = max(_VELOCITY_GAIN, 1 / len(self.boxes))
            self.velocity = self.velocity + gain * (own / elapsed - self.velocity)
        self.indices.append(index)
        self.times.append(now)
        self.boxes.append(box)
        self.scores.append(score)
        self._count(score)
        self.camera = camera.copy()

    def stay_alive(self, now: float, most_seconds: float) -> None:
        """The thing shows no change: it is still there, for so long after the last find."""
        self.alive_until = min(now, self.found_last + most_seconds)

    def early_velocity(self) -> NDArray[np.float64]:
        """(2,) pixels per second over the first half second."""
        return end_velocity(np.stack(self.boxes), np.asarray(self.times), 0)

    def put_before(self, index: int, now: float, box: NDArray[np.float64], score: float) -> None:
        """Prepend a find of an earlier frame."""
        self.indices.insert(0, index)
        self.times.insert(0, now)
        self.boxes.insert(0, box)
        self.scores.insert(0, score)
        self._count(score)

    def _count(self, score: float) -> None:
        if not math.isnan(score):
            self.best_score, self.find_count = max(self.best_score, score), self.find_count + 1

    def since(self, time: float) -> Tracklet:
        """What was seen of it from that time on, seconds, and at least what was found last.

        `best_score` and `find_count` stay those of all of it.
        """
        start = bisect.bisect_left(self.times, min(time, self.found_last))
        if start == 0:
            return self
        late = self.part(slice(start, None))
        late.best_score, late.find_count = self.best_score, self.find_count
        return late

    def part(self, kept: slice) -> Tracklet:
        """Only these of its finds; `best_score` and `find_count` are theirs."""
        return dataclasses.replace(
            self,
            indices=self.indices[kept],
            times=self.times[kept],
            boxes=self.boxes[kept],
            scores=self.scores[kept],
        )

    def found_at(self, index: int) -> NDArray[np.float64] | None:
        """(4,) the box found in that frame; None where it was followed or not seen."""
        at = bisect.bisect_left(self.indices, index)
        if at == len(self.indices) or self.indices[at] != index or math.isnan(self.scores[at]):
            return None
        return self.boxes[at]

    def reach(self, elapsed: float) -> float:
        """How far from the predicted box it may be after so many seconds, in sizes of the box."""
        if self.kind == "plate" and len(self.boxes) == 1:
            return min(LEAST_REACH + _PLATE_REACH_PER_SECOND * elapsed, _PLATE_REACH_MOST)
        known = self.kind == "plate" or len(self.boxes) >= LEAST_FOR_MOTION
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
    def standing_box(self) -> NDArray[np.float64] | None:
        """(4,) the largest box of late, where all the others lie in it: the thing stands still.

        Of a plate behind a post now one half is found, now the other, now both.
        """
        late = [
            box
            for box, score in zip(self.boxes[-_LATE:], self.scores[-_LATE:], strict=True)
            if not math.isnan(score)
        ]
        if len(late) < 2:
            return None
        largest = max(late, key=lambda box: float(np.prod(box[2:] - box[:2])))
        within = [covered_share(Box(*box), [Box(*largest)]) for box in late]
        return largest if min(within) >= _STANDING_SHARE else None


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
            sure = [d for d in found if d.score >= evidence_for(kind).sure]
            weak = [d for d in found if d.score < evidence_for(kind).sure]
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
        boxes = as_array([d.box for d in detections])
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


def merge_same(detections: Sequence[Detection]) -> list[Detection]:
    """One detection for each thing in a frame: the union of boxes that several looks found.

    The union, not the best box, since each detector cuts a face differently and none of what
    one of them saw may stay uncovered. A weak look at something of like size that a sure one
    lies in, or lies around, is a second, worse look at it and adds nothing. The halves of a plate
    that something stands before are one thing, too.
    """
    merged: list[Detection] = []
    for detection in sorted(detections, key=lambda d: -d.score):
        if any(_is_worse_look(detection, better) for better in merged):
            continue
        same = _same_among(merged, detection)
        if same is None:
            merged.append(detection)
        else:
            whole = _union(merged[same].box, detection.box)
            merged[same] = dataclasses.replace(merged[same], box=whole)
    return merged


def _same_among(merged: Sequence[Detection], detection: Detection) -> int | None:
    """Which of the merged detections shows the same thing; None where none does."""
    overlap = iou_matrix(as_array([detection.box]), as_array([m.box for m in merged]))[0]
    best = int(np.argmax(overlap)) if len(merged) else None
    if best is not None and overlap[best] > _SAME_IOU:
        return best
    halves = (i for i, other in enumerate(merged) if are_halves(detection.box, other.box))
    return next(halves, None) if detection.kind == "plate" else None


def _is_worse_look(detection: Detection, better: Detection) -> bool:
    sure = evidence_for(detection.kind).sure
    if detection.kind != better.kind or detection.score >= sure or better.score < sure:
        return False
    a, b = detection.box, better.box
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    smaller, larger = sorted((max(a.area, 1.0), max(b.area, 1.0)))
    shared = max(width, 0.0) * max(height, 0.0)
    alike = larger < _MOST_SIZE_RATIO**2 * smaller
    return alike and shared > _NESTED_SHARE * smaller


def is_same_place(box: Box, predicted: NDArray[np.float64], reach: float = LEAST_REACH) -> bool:
    """Whether a box can be of the thing that was predicted here: near it, and of like size.

    reach: the farthest that its centre may be away, in sizes of the larger box.
    """
    other = np.asarray(box, dtype=np.float64)
    size, sizes = float(sizes_of(predicted)), float(sizes_of(other))
    offset = float(np.linalg.norm(centers_of(other) - centers_of(predicted)))
    alike = max(size, sizes) < _MOST_SIZE_RATIO * min(size, sizes)
    return alike and offset < reach * max(size, sizes)


def _distance(
    expected: NDArray[np.float64], reach: float, boxes: NDArray[np.float64], most_ratio: float
) -> NDArray[np.float64]:
    """(M,) distance of (M, 4) boxes from the expected one, in sizes; inf where it can't be it."""
    size, sizes = sizes_of(expected), sizes_of(boxes)
    offset = np.linalg.norm(centers_of(boxes) - centers_of(expected), axis=1)
    distance = offset / np.maximum(size, sizes)
    ratio = np.abs(np.log(sizes / size))
    possible = (distance < reach) & (ratio < math.log(most_ratio))
    return np.where(possible, distance + ratio, np.inf)


def end_velocity(
    known: NDArray[np.float64], known_times: NDArray[np.float64], end: int
) -> NDArray[np.float64]:
    """(2,) pixels per second of (N, 4) boxes over the half second at one end, 0 or -1."""
    near = np.abs(known_times - known_times[end]) <= 0.5
    span = float(np.ptp(known_times[near]))
    if span <= 0.05:
        return np.zeros(2)
    centers = centers_of(known[near])
    return np.asarray((centers[-1] - centers[0]) / span)


def _union(a: Box, b: Box) -> Box:
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
