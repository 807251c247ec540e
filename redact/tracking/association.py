"""Detections of single frames, joined to what they are of, frame after frame.

The two scores are those of ByteTrack (Zhang et al., 2022): sure detections start and continue
tracks, weak ones only continue them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from redact.geometry import as_array, centers_of, sizes_of
from redact.tracking.assignment import assign
from redact.tracking.confirmation import evidence_for
from redact.tracking.merging import _MAX_SIZE_RATIO, _MAX_WEAK_RATIO, merge_same
from redact.tracking.tracklet import Tracklet
from redact.types import Detection

# Where what was followed lies, detectors that cut it differently may see it.
_REACH_SURE = 0.6


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
        ratio = _MAX_WEAK_RATIO if is_weak else _MAX_SIZE_RATIO
        cost = np.stack(
            [_distance(*self._expected(t, now, places), boxes, ratio) for t in tracklets]
        )
        pairs = assign(cost)
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


def _distance(
    expected: NDArray[np.float64], reach: float, boxes: NDArray[np.float64], max_ratio: float
) -> NDArray[np.float64]:
    """(M,) distance of (M, 4) boxes from the expected one, in sizes; inf where it can't be it."""
    size, sizes = sizes_of(expected), sizes_of(boxes)
    offset = np.linalg.norm(centers_of(boxes) - centers_of(expected), axis=1)
    distance = offset / np.maximum(size, sizes)
    ratio = np.abs(np.log(sizes / size))
    possible = (distance < reach) & (ratio < math.log(max_ratio))
    return np.where(possible, distance + ratio, np.inf)
