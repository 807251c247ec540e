"""Finding tracks again between scans, by what they looked like and by scanning around them.

A track that was detected once is followed forward until it is lost, and back through the last
frames to where it came from.
"""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.analysis.scans import ScanSpec, scan_around, without_ignored
from redact.analysis.tuning import TUNING
from redact.geometry import as_array, centers_of, iou_matrix
from redact.tracking.association import Associator
from redact.tracking.merging import has_plate_height, is_same_place, merge_detections
from redact.tracking.template import Template
from redact.tracking.tracklet import Tracklet
from redact.tracking.tuning import TUNING as TRACKING_TUNING
from redact.tracking.tuning import kind_tuning
from redact.types import Box, Detection
from redact.views import View
from redact.zones import Zone

Followed = tuple[NDArray[np.float64], float]
"""A (4,) box, and how much the image there looks like the track's template, -1..1."""

# A followed box that is off by at most this is at the same place. Chosen by eye.
_STATIONARY_MAX_SHIFT_RATIO = 0.15
# A track's early velocity is extrapolated back over this long at most. Chosen by eye.
_LOOK_BACK_MAX_DRIFT_SECONDS = 0.5


@dataclasses.dataclass
class ScannedFrame:
    """A frame that was scanned."""

    index: int
    seconds: float
    """Presentation time."""
    view: View
    """It must show the same for `TUNING.look_back_seconds`."""
    camera: NDArray[np.float64]
    """(2,) how far the image has moved since the first frame, pixels."""
    ignored: tuple[Zone, ...] = ()
    """Zones in which no detection counts."""


class Redetector:
    """Follows the tracklets of an associator, frame after frame, in presentation order.

    Args:
        associator: its live tracklets are followed and added to.
        track_scans: the scans of tracks' surroundings. Without any, no templates are kept either.

    """

    def __init__(self, associator: Associator, track_scans: Sequence[ScanSpec]) -> None:
        self._associator, self._track_scans = associator, track_scans
        self._recent: collections.deque[ScannedFrame] = collections.deque()
        self._templates: dict[Tracklet, Template] = {}
        self._traced_back: set[Tracklet] = set()
        self._last_scanned: dict[tuple[Tracklet, ScanSpec], float] = {}

    def cut(self) -> None:
        """A new scene begins: nothing is followed back beyond it."""
        self._recent.clear()

    def forget(self, known: Collection[Tracklet]) -> None:
        """Drop everything but what these tracklets need."""
        self._templates = {k: v for k, v in self._templates.items() if k in known}
        self._traced_back = {tracklet for tracklet in self._traced_back if tracklet in known}
        self._last_scanned = {k: v for k, v in self._last_scanned.items() if k[0] in known}

    def follow_all(self, frame: ScannedFrame) -> dict[Tracklet, Followed]:
        """Where live tracklets are in the frame by their templates, and how similar it looks."""
        followed = {}
        for tracklet in self._associator.live:
            template = self._templates.get(tracklet)
            if template is not None:
                predicted = tracklet.predict(frame.seconds, frame.camera)
                gate = tracklet.gate(frame.seconds - tracklet.times[-1])
                gate = min(gate, TUNING.max_template_gate_ratio)
                place = template.follow(predicted, frame.view, gate)
                if place is not None:
                    followed[tracklet] = place
        return followed

    def hidden(self, frame: ScannedFrame) -> dict[Tracklet, NDArray[np.float64]]:
        """(4,) boxes of the live faces that stood still and that another face now passes."""
        places = {t: t.stationary_box for t in self._associator.live if t.kind == "face"}
        passing = as_array(
            t.predict(frame.seconds, frame.camera) for t, box in places.items() if box is None
        )
        return {
            tracklet: box
            for tracklet, box in places.items()
            if box is not None
            and np.array_equal(tracklet.camera_offset, frame.camera)
            and _is_occluded(box, passing)
        }

    def redetect(
        self,
        tracklet: Tracklet,
        frame: ScannedFrame,
        followed: Followed | None,
        hidden: NDArray[np.float64] | None,
    ) -> None:
        """Look for a tracklet that no other scan has detected in this frame.

        followed: where it is by its template.
        hidden: (4,) where it stood, if another face passes in front of it; it is still there.
        """
        predicted = tracklet.predict(frame.seconds, frame.camera)
        gate = tracklet.gate(frame.seconds - tracklet.times[-1])
        is_confident = followed is not None and followed[1] >= TUNING.confident_likeness
        if followed is not None and is_confident:
            predicted, gate = followed[0], TRACKING_TUNING.min_gate_sizes
        near = self._scan_around(tracklet, predicted, frame, gate, is_followed=is_confident)
        if near is not None:
            tracklet.append(frame.index, frame.seconds, *near, frame.camera)
        elif followed is not None:
            box = followed[0]
            shift = float(np.abs(box - tracklet.boxes[-1]).max())
            max_shift = _STATIONARY_MAX_SHIFT_RATIO * float(np.max(box[2:] - box[:2]))
            tracklet.append(frame.index, frame.seconds, box, float("nan"), frame.camera)
            if is_confident and shift < max_shift:
                tracklet.keep_alive(frame.seconds, TUNING.stationary_hold_seconds)
        elif hidden is not None:
            tracklet.append(frame.index, frame.seconds, hidden, float("nan"), frame.camera)
            tracklet.keep_alive(frame.seconds, TUNING.stationary_hold_seconds)
        if tracklet.kind == "plate" and tracklet.stationary_box is not None:
            # Somebody who passes in front of a parked car hides its plate; it is looked for again
            # afterwards.
            tracklet.keep_alive(frame.seconds, TRACKING_TUNING.parked_seconds)

    def finish_frame(self, frame: ScannedFrame, *, is_last: bool) -> None:
        """Update the templates, and follow new tracks back, once all detections are known.

        is_last: no frame follows, so that no new track has to wait for more detections.
        """
        self._recent.append(frame)
        while frame.seconds - self._recent[0].seconds > TUNING.look_back_seconds:
            self._recent.popleft()
        if not self._track_scans:
            return
        for tracklet in self._associator.live:
            if tracklet.detected_box_at(frame.index) is not None:
                self._update_template(tracklet, frame)
            if tracklet.best_score >= kind_tuning(tracklet.kind).high_score and (
                is_last or _shows_how_it_moves(tracklet, frame.seconds)
            ):
                self._trace_back(tracklet)

    def _trace_back(self, tracklet: Tracklet) -> None:
        """Follow a tracklet back to where it came from, once, through the frames still held."""
        if tracklet in self._traced_back:
            return
        self._traced_back.add(tracklet)
        start = next((f for f in self._recent if f.index == tracklet.indices[0]), None)
        template = None if start is None else Template.of(start.view, tracklet.boxes[0])
        camera = self._associator.camera_offset if start is None else start.camera
        misses = 0
        for frame in reversed(self._recent):
            if frame.index >= tracklet.indices[0]:
                continue
            place = self._place_before(tracklet, frame, template, camera)
            if place is None:
                misses += 1
                if misses >= TUNING.look_back_max_misses:
                    return
                continue
            misses = 0
            tracklet.prepend(frame.index, frame.seconds, *place)
            camera = frame.camera

    def _place_before(
        self,
        tracklet: Tracklet,
        frame: ScannedFrame,
        template: Template | None,
        camera: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], float] | None:
        """Where a tracklet was in a frame before its first one: a (4,) box, and its score or NaN.

        camera: (2,) as in `ScannedFrame`, of the tracklet's first frame.
        """
        elapsed = min(tracklet.times[0] - frame.seconds, _LOOK_BACK_MAX_DRIFT_SECONDS)
        drift = frame.camera - camera - tracklet.early_velocity() * elapsed
        predicted = tracklet.boxes[0] + np.tile(drift, 2)
        gate = tracklet.gate(elapsed)
        near = self._scan_around(tracklet, predicted, frame, gate)
        if near is not None or template is None:
            return near
        gate = min(gate, TUNING.max_template_gate_ratio)
        followed = template.follow(predicted, frame.view, gate)
        return None if followed is None else (followed[0], float("nan"))

    def _scan_around(
        self,
        tracklet: Tracklet,
        predicted: NDArray[np.float64],
        frame: ScannedFrame,
        gate: float,
        *,
        is_followed: bool = False,
    ) -> tuple[NDArray[np.float64], float] | None:
        """The box and score of the detection around a predicted box that fits a tracklet best.

        gate: how far from the predicted box it may be, relative to its size.
        is_followed: the template shows where it is, so that the scan can wait until it is due.
        """
        gate = min(gate, TUNING.max_near_gate_ratio)
        # A track that has left the frame is scanned for now and then only: if it comes back, the
        # scans of moving regions see it as well.
        is_lost = not is_followed and _is_centered_in(predicted, frame.view.shape)
        # A parked car's plate that somebody hides stays where it is. What is detected a little
        # farther away, with a low score, is on their clothes.
        is_certain = is_followed if tracklet.kind == "face" else tracklet.is_parked
        for scan in self._track_scans:
            if scan.kind != tracklet.kind or not self._is_due(tracklet, scan, frame, is_lost):
                continue
            self._last_scanned[tracklet, scan] = frame.seconds
            detections = scan_around(
                scan, frame.view, predicted, gate - TRACKING_TUNING.min_gate_sizes
            )
            detections = without_ignored(detections, frame.ignored, frame.view.shape)
            if scan.kind == "plate":
                detections = merge_detections(detections)
            fitting = [
                detection
                for detection in detections
                if _fits(detection, scan.kind, predicted, gate)
                and not (is_certain and _draws_away(detection, predicted))
                and not self._belongs_to_another(detection.box, tracklet, predicted, frame)
            ]
            if fitting:
                best = max(fitting, key=lambda detection: detection.score)
                return np.asarray(best.box, dtype=np.float64), best.score
        return None

    def _is_due(
        self, tracklet: Tracklet, scan: ScanSpec, frame: ScannedFrame, is_lost: bool
    ) -> bool:
        elapsed = frame.seconds - self._last_scanned.get((tracklet, scan), -math.inf)
        interval = scan.interval_seconds(track_lost=is_lost)
        # Time runs backward while a track is followed back.
        return not 0 <= elapsed < interval - TUNING.early_seconds

    def _belongs_to_another(
        self, box: Box, tracklet: Tracklet, predicted: NDArray[np.float64], frame: ScannedFrame
    ) -> bool:
        """Whether another track was detected at this place, or a lost one fits it better.

        People pass each other, and the one whose track is lost may have left: what the scan detects
        there is then somebody else.
        """
        detected = np.asarray([box])
        taken = iou_matrix(detected, self._others_at(tracklet, frame.index)).max(initial=0.0)
        lost = iou_matrix(detected, self._others_lost(tracklet, frame)).max(initial=0.0)
        own = float(iou_matrix(detected, predicted)[0, 0])
        return bool(taken > TUNING.taken_min_iou or max(taken, lost) > max(own, TUNING.own_min_iou))

    def _update_template(self, tracklet: Tracklet, frame: ScannedFrame) -> None:
        """Keep what a detected tracklet looks like, unless another one is in front of it."""
        box = tracklet.boxes[-1]
        others = self._others_at(tracklet, frame.index)
        if tracklet in self._templates and _is_occluded(box, others):
            return
        template = Template.of(frame.view, box)
        if template is not None:
            self._templates[tracklet] = template

    def _others_at(self, tracklet: Tracklet, index: int) -> NDArray[np.float64]:
        """(N, 4) boxes of the other live tracklets of its kind that were detected in that frame."""
        return as_array(
            box
            for other in self._associator.live
            if other is not tracklet
            and other.kind == tracklet.kind
            and (box := other.detected_box_at(index)) is not None
        )

    def _others_lost(self, tracklet: Tracklet, frame: ScannedFrame) -> NDArray[np.float64]:
        """(N, 4) predicted boxes of the other confident tracklets of its kind that are lost."""
        return as_array(
            other.predict(frame.seconds, frame.camera)
            for other in self._associator.live
            if other is not tracklet
            and other.kind == tracklet.kind
            and other.best_score >= kind_tuning(other.kind).high_score
            and other.indices[-1] < frame.index
        )


def _shows_how_it_moves(tracklet: Tracklet, seconds: float) -> bool:
    """Whether a tracklet has enough detections to be followed back, or has waited long enough."""
    return (
        tracklet.detection_count >= TUNING.look_back_min_detections
        or seconds - tracklet.times[0] > TUNING.look_back_max_wait_seconds
    )


def _fits(detection: Detection, kind: str, predicted: NDArray[np.float64], gate: float) -> bool:
    """Whether a detection near the (4,) predicted box of a track of that kind may be the track."""
    return (
        detection.score >= TUNING.min_near_score
        and is_same_place(detection.box, predicted, gate)
        and (kind != "plate" or has_plate_height(detection.box, predicted))
    )


def _draws_away(detection: Detection, place: NDArray[np.float64]) -> bool:
    """Whether a low-score detection would draw a track away from the (4,) box where it must be."""
    if detection.score >= kind_tuning(detection.kind).agreeing_score:
        return False
    return float(iou_matrix(as_array([detection.box]), place)[0, 0]) < TUNING.own_min_iou


def _is_centered_in(box: NDArray[np.float64], shape: tuple[int, int]) -> bool:
    """Whether the centre of a (4,) box lies in a frame of that (height, width)."""
    x, y = centers_of(box)
    return bool(0 <= x < shape[1] and 0 <= y < shape[0])


def _is_occluded(box: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether any of the (N, 4) other boxes overlaps the (4,) box by more than a sliver."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    sliver = TUNING.min_occlusion_ratio * (box[2:] - box[:2])
    return bool((shared > sliver).all(axis=1).any())
