"""Keeping up with tracks between looks: by what they looked like, and by looking near them.

What was found once is followed forward until it is lost, and back through the last pictures to
where it came from.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.analysis.scans import EARLY, ScanSpec, scan_around
from redact.geometry import as_array, centers_of, iou_matrix
from redact.tracking.association import Associator
from redact.tracking.confirmation import evidence_for
from redact.tracking.merging import is_same_place, merge_same
from redact.tracking.partial_plates import is_as_high
from redact.tracking.template import Template
from redact.tracking.tracklet import MIN_REACH, PARKED_SECONDS, Tracklet
from redact.types import Box, Detection
from redact.views import View

Followed = tuple[NDArray[np.float64], float]
"""A (4,) box, and how much what is there looks like what was followed, -1..1."""

LOOK_BACK_SECONDS = 1.8
"""How far back a new track is followed."""

SURE_LIKENESS = 0.9
"""What looks so much like what was followed is it."""

# Looking back happens once a track is ripe, and ends after so many pictures without a sign of it.
_RIPE_COUNT, _RIPE_SECONDS, _MAX_MISSES = 3, 0.5, 4
# A look near a track sees too little of what lies farther away than this, in sizes of its box.
_MAX_NEAR = 2.5
# A template is searched for this many box sizes away at most: farther, other things look alike.
_MAX_FOLLOWED = 1.0
# A thing found beside a track is the track's when its score is at least this.
_NEAR_SCORE = 0.2
_TAKEN_IOU = 0.4
# What lies on another track's place by at least this, and by less on its own, is the other's.
_NEARER_IOU = 0.25
# Boxes that share less than this of a width or height don't hide each other.
_SLIVER = 0.15
# What looks the same in the same place is still there, for this long without a find.
_STILL_SECONDS, _STILL_SHIFT = 4.0, 0.15


@dataclasses.dataclass
class ScannedFrame:
    """A picture that was looked at."""

    index: int
    now: float
    view: View
    """Can be looked at for as long as `LOOK_BACK_SECONDS`."""
    camera: NDArray[np.float64]
    """(2,) how far the picture had moved in all, pixels."""


class Redetector:
    """Keeps up with the tracklets of an associator, one picture after the other.

    Args:
        associator: its live tracklets are followed, and added to.
        near_looks: what looks near them; without any, what they look like isn't kept either.

    """

    def __init__(self, associator: Associator, near_scans: Sequence[ScanSpec]) -> None:
        self._associator, self._near_scans = associator, near_scans
        self._recent: collections.deque[ScannedFrame] = collections.deque()
        self._templates: dict[Tracklet, Template] = {}
        self._traced: set[Tracklet] = set()
        self._last_near_scan: dict[tuple[Tracklet, ScanSpec], float] = {}

    def cut(self) -> None:
        """Another scene begins: nothing is followed back beyond it."""
        self._recent.clear()

    def forget(self, known: Collection[Tracklet]) -> None:
        """Keep nothing but what these tracklets need."""
        self._templates = {k: v for k, v in self._templates.items() if k in known}
        self._traced = {tracklet for tracklet in self._traced if tracklet in known}
        self._last_near_scan = {k: v for k, v in self._last_near_scan.items() if k[0] in known}

    def follow_all(self, picture: ScannedFrame) -> dict[Tracklet, Followed]:
        """Where the live tracklets seem to be by what they looked like, and how like."""
        followed = {}
        for tracklet in self._associator.live:
            template = self._templates.get(tracklet)
            if template is not None:
                predicted = tracklet.predict(picture.now, picture.camera)
                reach = tracklet.reach(picture.now - tracklet.times[-1])
                place = template.follow(predicted, picture.view, min(reach, _MAX_FOLLOWED))
                if place is not None:
                    followed[tracklet] = place
        return followed

    def hidden(self, picture: ScannedFrame) -> dict[Tracklet, NDArray[np.float64]]:
        """(4,) boxes of live tracklets of people who stood still, and whom another passes now."""
        places = {t: t.standing_box for t in self._associator.live if t.kind == "face"}
        passing = as_array(
            t.predict(picture.now, picture.camera) for t, box in places.items() if box is None
        )
        return {
            tracklet: box
            for tracklet, box in places.items()
            if box is not None
            and np.array_equal(tracklet.camera, picture.camera)
            and _touch(box, passing)
        }

    def redetect(
        self,
        tracklet: Tracklet,
        picture: ScannedFrame,
        followed: Followed | None,
        hidden: NDArray[np.float64] | None,
    ) -> None:
        """Look where a tracklet should be that nothing else has seen in this picture.

        hidden: (4,) where it stands if another passes in front of it: there it still is.
        """
        predicted = tracklet.predict(picture.now, picture.camera)
        reach = tracklet.reach(picture.now - tracklet.times[-1])
        is_sure = followed is not None and followed[1] >= SURE_LIKENESS
        if followed is not None and is_sure:
            predicted, reach = followed[0], MIN_REACH
        near = self._scan_near(tracklet, predicted, picture, reach, is_followed=is_sure)
        if near is not None:
            tracklet.add(picture.index, picture.now, *near, picture.camera)
        elif followed is not None:
            box = followed[0]
            away = float(np.abs(box - tracklet.boxes[-1]).max())
            tracklet.add(picture.index, picture.now, box, float("nan"), picture.camera)
            if is_sure and away < _STILL_SHIFT * float(np.max(box[2:] - box[:2])):
                tracklet.stay_alive(picture.now, _STILL_SECONDS)
        elif hidden is not None:
            tracklet.add(picture.index, picture.now, hidden, float("nan"), picture.camera)
            tracklet.stay_alive(picture.now, _STILL_SECONDS)
        if tracklet.kind == "plate" and tracklet.standing_box is not None:
            # Who passes in front of a parked car hides its plate: it is looked for afterwards.
            tracklet.stay_alive(picture.now, PARKED_SECONDS)

    def keep(self, picture: ScannedFrame, *, is_over: bool) -> None:
        """The picture's finds are known: keep what they look like, and follow new ones back.

        is_over: no more pictures will come, so that nothing has to wait until it is ripe.
        """
        self._recent.append(picture)
        while picture.now - self._recent[0].now > LOOK_BACK_SECONDS:
            self._recent.popleft()
        if not self._near_scans:
            return
        for tracklet in self._associator.live:
            if tracklet.found_at(picture.index) is not None:
                self._remember(tracklet, picture)
            if tracklet.best_score >= evidence_for(tracklet.kind).sure:
                self._trace_back(tracklet, picture.now, is_over=is_over)

    def _trace_back(self, tracklet: Tracklet, now: float, *, is_over: bool) -> None:
        """Follow a tracklet back to where it came from, through the pictures still held.

        Once only, when a few finds show how it moves, or no more of them came for a while or will
        come.
        """
        is_ripe = tracklet.detection_count >= _RIPE_COUNT or now - tracklet.times[0] > _RIPE_SECONDS
        if tracklet in self._traced or not (is_ripe or is_over):
            return
        self._traced.add(tracklet)
        seen = {picture.index: picture for picture in self._recent}
        start = seen.get(tracklet.indices[0])
        template = None if start is None else Template.of(start.view, tracklet.boxes[0])
        camera = self._associator.camera if start is None else start.camera
        misses = 0
        for picture in reversed(self._recent):
            if picture.index >= tracklet.indices[0]:
                continue
            elapsed = min(tracklet.times[0] - picture.now, 0.5)
            drift = picture.camera - camera - tracklet.early_velocity() * elapsed
            predicted = tracklet.boxes[0] + np.tile(drift, 2)
            reach = tracklet.reach(elapsed)
            near = self._scan_near(tracklet, predicted, picture, reach)
            if near is None and template is not None:
                followed = template.follow(predicted, picture.view, min(reach, _MAX_FOLLOWED))
                near = None if followed is None else (followed[0], float("nan"))
            if near is None:
                misses += 1
                if misses >= _MAX_MISSES:
                    return
                continue
            misses = 0
            tracklet.put_before(picture.index, picture.now, *near)
            camera = picture.camera

    def _scan_near(
        self,
        tracklet: Tracklet,
        predicted: NDArray[np.float64],
        picture: ScannedFrame,
        reach: float,
        *,
        is_followed: bool = False,
    ) -> tuple[NDArray[np.float64], float] | None:
        """The find that fits a tracklet's predicted box best: its box and score.

        reach: how far from the predicted box it may be, in sizes of it.
        is_followed: where it is is known, so that looking can wait until the look is due again.
        """
        reach = min(reach, _MAX_NEAR)
        # Who has left the picture comes back now and then; what moves is looked at besides.
        is_lost = not is_followed and _is_centered_in(predicted, picture.view.shape)
        for scan in self._near_scans:
            if scan.kind != tracklet.kind:
                continue
            key = (tracklet, scan)
            every = scan.interval(restless=is_lost)
            if 0 <= picture.now - self._last_near_scan.get(key, -math.inf) < every - EARLY:
                continue
            self._last_near_scan[key] = picture.now
            detections = scan_around(scan, picture.view, predicted, reach - MIN_REACH)
            fitting = [
                detection
                for detection in (merge_same(detections) if scan.kind == "plate" else detections)
                if detection.score >= _NEAR_SCORE
                and is_same_place(detection.box, predicted, reach)
                and (scan.kind != "plate" or is_as_high(detection.box, predicted))
                and not (is_followed and _is_doubtful(detection, predicted))
                and not self._is_anothers(detection.box, tracklet, predicted, picture)
            ]
            if fitting:
                best = max(fitting, key=lambda detection: detection.score)
                return np.asarray(best.box, dtype=np.float64), best.score
        return None

    def _is_anothers(
        self, box: Box, tracklet: Tracklet, predicted: NDArray[np.float64], picture: ScannedFrame
    ) -> bool:
        """Whether another track was found at this place, or one that is lost fits it better.

        People pass each other, and who is lost may have left: what the look sees beside him is
        then somebody else.
        """
        found = np.asarray([box])
        taken = iou_matrix(found, self._others(tracklet, picture.index)).max(initial=0.0)
        lost = iou_matrix(found, self._others_lost(tracklet, picture)).max(initial=0.0)
        own = float(iou_matrix(found, predicted)[0, 0])
        return bool(taken > _TAKEN_IOU or max(taken, lost) > max(own, _NEARER_IOU))

    def _remember(self, tracklet: Tracklet, picture: ScannedFrame) -> None:
        """Keep what a tracklet that was found looks like, unless somebody is in front of it."""
        box = tracklet.boxes[-1]
        if tracklet in self._templates and _touch(box, self._others(tracklet, picture.index)):
            return
        template = Template.of(picture.view, box)
        if template is not None:
            self._templates[tracklet] = template

    def _others(self, tracklet: Tracklet, index: int) -> NDArray[np.float64]:
        """(N, 4) boxes of the other live tracklets of its kind that were found in that picture."""
        return as_array(
            box
            for other in self._associator.live
            if other is not tracklet
            and other.kind == tracklet.kind
            and (box := other.found_at(index)) is not None
        )

    def _others_lost(self, tracklet: Tracklet, picture: ScannedFrame) -> NDArray[np.float64]:
        """(N, 4) where the other live sure tracklets of its kind should be in that picture."""
        return as_array(
            other.predict(picture.now, picture.camera)
            for other in self._associator.live
            if other is not tracklet
            and other.kind == tracklet.kind
            and other.best_score >= evidence_for(other.kind).sure
            and other.indices[-1] < picture.index
        )


def _is_doubtful(detection: Detection, place: NDArray[np.float64]) -> bool:
    """Whether a find is too faint to draw a face away from the (4,) place it was followed to."""
    if detection.kind != "face" or detection.score >= evidence_for(detection.kind).agreeing:
        return False
    return float(iou_matrix(as_array([detection.box]), place)[0, 0]) < _NEARER_IOU


def _is_centered_in(box: NDArray[np.float64], shape: tuple[int, int]) -> bool:
    """Whether the centre of a (4,) box lies in a picture of that height and width."""
    x, y = centers_of(box)
    return bool(0 <= x < shape[1] and 0 <= y < shape[0])


def _touch(box: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether any of the (N, 4) other boxes shares more than a sliver with the (4,) box."""
    both = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return bool((both > _SLIVER * (box[2:] - box[:2])).all(axis=1).any())
