"""Detections of single frames, joined to what they are of, frame after frame.

The two scores are those of ByteTrack (Zhang et al., 2022): sure detections start and continue
tracks, weak ones only continue them.
"""

from __future__ import annotations

import bisect
import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from redact.geometry import centers_of, covered_share
from redact.types import Box

# Centres farther apart than this many box sizes never belong together; it grows with time.
# Who walks by moves up to seven heights of his face a second; when the way somebody moves is known
# from a few finds, only the change of it counts.
MIN_REACH, _REACH_MAX = 0.8, 2.5
_REACH_PER_SECOND_UNKNOWN, _REACH_PER_SECOND_KNOWN = 7.0, 2.0
# A plate is a third as large as a face and its car is faster. The second find tells how fast, so
# that the third must lie where it should, or chance finds far apart would agree.
_PLATE_REACH_MAX, _PLATE_REACH_PER_SECOND = 10.0, 20.0
_VELOCITY_GAIN = 0.4
# Of so many finds of something that stands still, each lies in the largest by this share.
_LATE, _STANDING_SHARE = 12, 0.7
# So long a parked plate may be missed: whoever stands before it for longer may as well have driven
# it away.
PARKED_SECONDS = 10.0
# With fewer looks than this, what seems motion may be a box that jumped.
MIN_FOR_MOTION = 3


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
    detection_count: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.best_score = float(np.nanmax(self.scores))
        self.detection_count = int(np.isfinite(self.scores).sum())

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

    def stay_alive(self, now: float, max_seconds: float) -> None:
        """The thing shows no change: it is still there, for so long after the last find."""
        self.alive_until = min(now, self.found_last + max_seconds)

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
            self.best_score, self.detection_count = (
                max(self.best_score, score),
                self.detection_count + 1,
            )

    def since(self, time: float) -> Tracklet:
        """What was seen of it from that time on, seconds, and at least what was found last.

        `best_score` and `find_count` stay those of all of it.
        """
        start = bisect.bisect_left(self.times, min(time, self.found_last))
        if start == 0:
            return self
        late = self.part(slice(start, None))
        late.best_score, late.detection_count = self.best_score, self.detection_count
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
            return min(MIN_REACH + _PLATE_REACH_PER_SECOND * elapsed, _PLATE_REACH_MAX)
        known = self.kind == "plate" or len(self.boxes) >= MIN_FOR_MOTION
        speed = _REACH_PER_SECOND_KNOWN if known else _REACH_PER_SECOND_UNKNOWN
        return min(MIN_REACH + speed * elapsed, _REACH_MAX)

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
