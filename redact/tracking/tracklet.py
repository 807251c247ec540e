"""A tracklet: the boxes of one object, frame after frame, while its track is being built."""

from __future__ import annotations

import bisect
import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, covered_share
from redact.tracking.evidence import Evidence
from redact.tracking.tuning import TUNING, kind_tuning
from redact.types import Box

# Over a shorter time no velocity is measured: noise would dominate it. Chosen by eye.
_MIN_VELOCITY_SPAN_SECONDS = 0.05

# The past of a tracklet is dropped in batches of at least so many boxes, so that the cost of
# summing them up is spread out. Chosen by eye; it doesn't change any result.
_MIN_DROPPED_COUNT = 64


@dataclasses.dataclass(eq=False)
class Tracklet:
    """The boxes of one object in ascending frames, at most one for each frame.

    A box is a detection or was followed there by its looks (`template.py`). `boxes` and the other
    lists are changed only by `append`, `prepend` and `forget`, which keep them equally long.
    """

    kind: str
    indices: list[int]
    """The frame index of each box."""
    times: list[float]
    """The presentation time of each box, seconds."""
    boxes: list[NDArray[np.float64]]
    """(4,) luma pixels each. No box is ever changed in place."""
    scores: list[float]
    """The score of each detection, 0..1; NaN for a box that was followed."""
    velocity: NDArray[np.float64]
    """(2,) pixels per second, without the camera's own movement."""
    camera_offset: NDArray[np.float64]
    """(2,) how far the whole picture had moved since the first frame at the last box, pixels."""
    scene: int = 0
    """The first frame in which the object may be visible: its scene begins there."""
    scene_stop: int | None = None
    """The frame after the last one of its scene; None while the scene goes on."""
    alive_until: float = -math.inf
    """The object is known to be there until this time, seconds, detected or not."""
    forgotten: Evidence = dataclasses.field(default_factory=Evidence)
    """The evidence of earlier detections that `forget` has dropped."""
    _best_score: float = dataclasses.field(init=False)
    _detection_count: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        # Kept up to date instead of computed on demand: both are asked for in every frame.
        self._best_score = self.forgotten.best_score
        self._detection_count = self.forgotten.detected.count
        for score in self.scores:
            self._count(score)

    @property
    def best_score(self) -> float:
        """The highest score of any detection, forgotten ones included."""
        return self._best_score

    @property
    def detection_count(self) -> int:
        """In how many frames the object was detected, forgotten ones included."""
        return self._detection_count

    @property
    def evidence(self) -> Evidence:
        """The evidence of all detections, forgotten ones included."""
        return self.forgotten.followed_by(Evidence.of(self.kind, self.boxes, self.scores))

    @property
    def last_detected_seconds(self) -> float:
        """When the object was last detected, not only followed."""
        pairs = zip(reversed(self.times), reversed(self.scores), strict=True)
        return next((time for time, score in pairs if not math.isnan(score)), self.times[-1])

    @property
    def last_present_seconds(self) -> float:
        """When the object was last known to be there, detected or not."""
        return max(self.last_detected_seconds, self.alive_until)

    @property
    def stationary_box(self) -> NDArray[np.float64] | None:
        """(4,) the largest of the latest detections if all others lie in it; None if it moves.

        The largest, because a partly hidden plate is detected now as one half, now as the other,
        and now as both.
        """
        window = TUNING.stationary_window_count
        latest = [
            box
            for box, score in zip(self.boxes[-window:], self.scores[-window:], strict=True)
            if not math.isnan(score)
        ]
        if len(latest) < 2:
            return None
        largest = max(latest, key=lambda box: float(np.prod(box[2:] - box[:2])))
        shares = [covered_share(Box(*box), [Box(*largest)]) for box in latest]
        return largest if min(shares) >= TUNING.stationary_share else None

    @property
    def is_parked(self) -> bool:
        """Whether it stands still and is of a kind that does so for minutes."""
        return kind_tuning(self.kind).can_park and self.stationary_box is not None

    def predict(
        self, now: float, camera_offset: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """(4,) where the object should be at a later time.

        A parked object stays where it is; others go on at their velocity for a short time.

        Args:
            now: seconds.
            camera_offset: (2,) at that time, pixels; None if the camera doesn't move.

        """
        drift = np.zeros(2) if camera_offset is None else camera_offset - self.camera_offset
        stationary = self.stationary_box if kind_tuning(self.kind).can_park else None
        if stationary is not None:
            return stationary + np.tile(drift, 2)
        elapsed = min(now - self.times[-1], TUNING.max_prediction_seconds)
        return self.boxes[-1] + np.tile(self.velocity * elapsed + drift, 2)

    def gate(self, elapsed: float) -> float:
        """How far from the predicted box a detection may lie after so many seconds, in sizes."""
        tuning = kind_tuning(self.kind)
        is_velocity_known = len(self.boxes) >= tuning.min_boxes_for_velocity
        gate = tuning.gate if is_velocity_known else tuning.new_gate
        width = TUNING.min_gate_sizes + gate.growth_sizes_per_second * elapsed
        return min(width, gate.max_sizes)

    def early_velocity(self) -> NDArray[np.float64]:
        """(2,) pixels per second at the first box."""
        return end_velocity(np.stack(self.boxes), np.asarray(self.times), 0)

    def detected_box_at(self, index: int) -> NDArray[np.float64] | None:
        """(4,) the box detected in that frame; None if it was followed there or is missing."""
        at = bisect.bisect_left(self.indices, index)
        if at == len(self.indices) or self.indices[at] != index or math.isnan(self.scores[at]):
            return None
        return self.boxes[at]

    def append(
        self,
        index: int,
        now: float,
        box: NDArray[np.float64],
        score: float,
        camera_offset: NDArray[np.float64] | None = None,
    ) -> None:
        """Add the box of a later frame and update the velocity.

        Args:
            index: the frame index.
            now: the frame's presentation time, seconds.
            box: (4,) luma pixels.
            score: of the detection; NaN if the object was followed there and not detected.
            camera_offset: (2,) in that frame, pixels; None if the camera didn't move.

        """
        camera_offset = self.camera_offset if camera_offset is None else camera_offset
        elapsed = now - self.times[-1]
        if elapsed > 0:
            shift = camera_offset - self.camera_offset
            own_motion = centers_of(box) - centers_of(self.boxes[-1]) - shift
            gain = max(TUNING.velocity_gain, 1 / len(self.boxes))
            self.velocity = self.velocity + gain * (own_motion / elapsed - self.velocity)
        self.indices.append(index)
        self.times.append(now)
        self.boxes.append(box)
        self.scores.append(score)
        self._count(score)
        self.camera_offset = camera_offset.copy()

    def prepend(self, index: int, now: float, box: NDArray[np.float64], score: float) -> None:
        """Add the box of an earlier frame; the arguments are those of `append`."""
        self.indices.insert(0, index)
        self.times.insert(0, now)
        self.boxes.insert(0, box)
        self.scores.insert(0, score)
        self._count(score)

    def _count(self, score: float) -> None:
        if not math.isnan(score):
            self._best_score = max(self._best_score, score)
            self._detection_count += 1

    def keep_alive(self, now: float, max_seconds: float) -> None:
        """Note that the object is still there, but no later than `max_seconds` after detection."""
        self.alive_until = min(now, self.last_detected_seconds + max_seconds)

    def forget(self, before: float) -> None:
        """Drop boxes from before that time, seconds; what they showed stays as evidence.

        The last detection stays, and so does what tells whether the object is stationary. Boxes are
        dropped in batches, so that some older ones may stay.
        """
        count = bisect.bisect_left(self.times, min(before, self.last_detected_seconds))
        count = min(count, len(self.boxes) - TUNING.stationary_window_count)
        if count < _MIN_DROPPED_COUNT:
            return
        dropped = Evidence.of(self.kind, self.boxes[:count], self.scores[:count])
        self.forgotten = self.forgotten.followed_by(dropped)
        for values in (self.indices, self.times, self.boxes, self.scores):
            del values[:count]

    def cut(self, kept: slice) -> Tracklet:
        """A tracklet of these boxes only; the evidence of the others is dropped with them."""
        return dataclasses.replace(
            self,
            indices=self.indices[kept],
            times=self.times[kept],
            boxes=self.boxes[kept],
            scores=self.scores[kept],
        )


def end_velocity(
    boxes: NDArray[np.float64], times: NDArray[np.float64], end: int
) -> NDArray[np.float64]:
    """(2,) velocity at one end of a path, pixels per second.

    Args:
        boxes: (N, 4) luma pixels.
        times: (N,) seconds, ascending.
        end: 0 for the first box, -1 for the last.

    """
    is_near = np.abs(times - times[end]) <= TUNING.velocity_window_seconds
    span = float(np.ptp(times[is_near]))
    if span <= _MIN_VELOCITY_SPAN_SECONDS:
        return np.zeros(2)
    centers = centers_of(boxes[is_near])
    return np.asarray((centers[-1] - centers[0]) / span)
