"""Associates the detections of each frame with the tracklets they continue.

High-confidence detections are associated first, and those of low confidence then continue the
tracklets that got none, as in ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by
Associating Every Detection Box", ECCV 2022). Unlike there, low-confidence detections may also begin
a tracklet, because many of them together can confirm a track.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from redact.geometry import as_array, centers_of, sizes_of
from redact.tracking.assignment import assign
from redact.tracking.merging import merge_detections
from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Detection

# When the past of a live tracklet is dropped, this much is kept before the time asked for: what
# was seen earlier makes no difference to later boxes. Chosen so that plans stayed equal to the
# byte.
_HISTORY_SECONDS = 10.0


class Associator:
    """Turns the detections of successive frames into tracklets.

    Args:
        max_gap_seconds: a tracklet ends when its object was not known to be there for longer.

    """

    def __init__(self, max_gap_seconds: float) -> None:
        self._max_gap_seconds = max_gap_seconds
        self._live: list[Tracklet] = []
        self._ended: list[Tracklet] = []
        self._camera_offset = np.zeros(2)
        self._scene = self._last_index = 0

    @property
    def tracklets(self) -> list[Tracklet]:
        """All tracklets so far, first the ended and then the live ones."""
        return self._ended + self._live

    @property
    def live(self) -> list[Tracklet]:
        """The tracklets that have not ended."""
        return list(self._live)

    @property
    def camera_offset(self) -> NDArray[np.float64]:
        """(2,) how far the whole picture has moved since the first frame, pixels."""
        return self._camera_offset

    def move_camera(self, shift: tuple[float, float]) -> None:
        """Note that the whole picture moved by that many pixels since the last frame."""
        # A new array each time, since tracklets and scanned frames hold on to the old one.
        self._camera_offset = self._camera_offset + np.asarray(shift)

    def step(
        self,
        index: int,
        now: float,
        detections: Iterable[Detection],
        places: Mapping[Tracklet, NDArray[np.float64]] | None = None,
    ) -> list[Tracklet]:
        """Associate a frame's detections with the tracklets they continue; the rest begin new ones.

        Args:
            index: the frame index, higher than in the last call.
            now: the frame's presentation time, seconds.
            detections: of all kinds.
            places: (4,) boxes of tracklets whose place in this frame is known otherwise. Only
                detections at that place continue them, so that somebody who passes in front of a
                person doesn't take over that person's track.

        Returns:
            The live tracklets that got no detection.

        """
        self._last_index = index
        self._end_lost(now)
        lost = list(self._live)
        by_kind: dict[str, list[Detection]] = {}
        for detection in detections:
            by_kind.setdefault(detection.kind, []).append(detection)
        for kind in sorted(by_kind):
            merged = merge_detections(by_kind[kind])
            high_score = kind_tuning(kind).high_score
            high = [d for d in merged if d.score >= high_score]
            low = [d for d in merged if d.score < high_score]
            for group, max_size_ratio in (
                (high, TUNING.max_size_ratio),
                (low, TUNING.max_low_score_size_ratio),
            ):
                candidates = [t for t in lost if t.kind == kind]
                continued, unmatched = self._associate(
                    candidates, group, index, now, places or {}, max_size_ratio
                )
                lost = [t for t in lost if t not in continued]
                for detection in unmatched:
                    self._begin(index, now, detection)
        return lost

    def cut(self, index: int) -> None:
        """End all tracklets, because another scene begins with this frame."""
        for tracklet in self._live:
            tracklet.scene_stop = index
        self._ended += self._live
        self._live = []
        # The cut lies somewhere between this frame and the last one that was scanned. Tracks of
        # both scenes may reach over the frames in between.
        self._scene = self._last_index + 1 if index else 0

    def forget(self, before: float) -> None:
        """Drop what no track after that time needs, so that memory stays bounded; seconds.

        Ended tracklets whose last box is earlier are dropped. Live ones lose their old boxes, but
        keep the evidence and `_HISTORY_SECONDS` more.
        """
        self._ended = [t for t in self._ended if t.times[-1] >= before]
        for tracklet in self._live:
            tracklet.forget(before - _HISTORY_SECONDS)

    def _end_lost(self, now: float) -> None:
        """End the tracklets that were not known to be there for too long."""
        for tracklet in list(self._live):
            if now - tracklet.last_present_seconds > self._max_gap_seconds:
                self._live.remove(tracklet)
                self._ended.append(tracklet)

    def _associate(
        self,
        tracklets: list[Tracklet],
        detections: list[Detection],
        index: int,
        now: float,
        places: Mapping[Tracklet, NDArray[np.float64]],
        max_size_ratio: float,
    ) -> tuple[list[Tracklet], list[Detection]]:
        """Continue tracklets with the detections that fit them best.

        Returns the tracklets that were continued and the detections that were left.
        """
        if not tracklets or not detections:
            return [], detections
        boxes = as_array([d.box for d in detections])
        rows = [
            _association_cost(*self._expected(t, now, places), boxes, max_size_ratio)
            for t in tracklets
        ]
        pairs = assign(np.stack(rows))
        for row, column in pairs:
            score = detections[column].score
            tracklets[row].append(index, now, boxes[column], score, self._camera_offset)
        matched = {column for _, column in pairs}
        return (
            [tracklets[row] for row, _ in pairs],
            [d for column, d in enumerate(detections) if column not in matched],
        )

    def _expected(
        self, tracklet: Tracklet, now: float, places: Mapping[Tracklet, NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], float]:
        """The (4,) box where a tracklet should be, and the gate around it in sizes."""
        if tracklet in places:
            return places[tracklet], TUNING.followed_gate_sizes
        elapsed = now - tracklet.times[-1]
        return tracklet.predict(now, self._camera_offset), tracklet.gate(elapsed)

    def _begin(self, index: int, now: float, detection: Detection) -> None:
        """Begin a tracklet with a detection."""
        tracklet = Tracklet(
            kind=detection.kind,
            indices=[index],
            times=[now],
            boxes=[np.asarray(detection.box, dtype=np.float64)],
            scores=[detection.score],
            velocity=np.zeros(2),
            camera_offset=self._camera_offset.copy(),
            scene=self._scene,
        )
        self._live.append(tracklet)


def _association_cost(
    expected: NDArray[np.float64],
    gate: float,
    boxes: NDArray[np.float64],
    max_size_ratio: float,
) -> NDArray[np.float64]:
    """(M,) cost of continuing a tracklet with each of (M, 4) boxes; infinite where impossible.

    The cost is the distance of the centres, in sizes of the larger box, plus the log of the ratio
    of the sizes.
    """
    size, sizes = sizes_of(expected), sizes_of(boxes)
    offset = np.linalg.norm(centers_of(boxes) - centers_of(expected), axis=1)
    distance = offset / np.maximum(size, sizes)
    log_ratio = np.abs(np.log(sizes / size))
    is_possible = (distance < gate) & (log_ratio < math.log(max_size_ratio))
    return np.where(is_possible, distance + log_ratio, np.inf)
