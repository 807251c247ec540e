"""What the analysis has seen of a clip, or of a part of it: all that tracks are made from.

Long clips are analyzed in parts (`parts.py`), each with some seconds before and after it. What was
seen of two parts is joined at the seam between them: up to the seam the earlier part counts, and
from there on the later one. A tracklet that crosses the seam in both goes on as one.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from redact.analysis.clothes import Looks
from redact.analysis.persons import group_persons
from redact.analysis.turn_votes import TurnVotes
from redact.geometry import iou_matrix
from redact.settings import Settings
from redact.tracking.assignment import assign
from redact.tracking.building import build_tracks
from redact.tracking.tracklet import Tracklet
from redact.types import Track
from redact.views import Presentation

# Tracklets of two parts are of one object if their boxes overlap by more than this on average,
# while both of them exist. Chosen by eye.
_SAME_IOU = 0.3


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """What was seen in a span of frames. It may travel from one process to another."""

    tracklets: tuple[Tracklet, ...]
    """Boxes are in pixels of the frames as detectors see them."""
    shape: tuple[int, int]
    """(height, width) of the frames, in their own pixels."""
    jump_indices: tuple[int, ...]
    """The frames before which more happened than their times say; see `JumpDetector`."""
    turn_votes: TurnVotes
    """Which way up the camera hangs."""
    looks: Looks | None = None
    """What people wore; None where nobody looked at that."""

    def tracks(
        self,
        seconds: NDArray[np.float64],
        settings: Settings,
        seen_as: Presentation,
        *,
        first_index: int = 0,
    ) -> tuple[Track, ...]:
        """The tracks of everything seen, in the frames' own pixels.

        Args:
            seconds: (N,) presentation time of each frame from `first_index` on.
            settings: `extend_seconds` is used.
            seen_as: how detectors saw the frames.
            first_index: no track begins before this frame.

        """
        tracks = build_tracks(self.tracklets, seconds, settings, first_index=first_index)
        if self.looks is not None:
            tracks = group_persons(tracks, seconds, self.looks, self.jump_indices)
        return tuple(seen_as.track_to_frame(track, self.shape) for track in tracks)

    def followed_by(self, later: Observations, seam: int) -> Observations:
        """What was seen in this part and in the next one.

        Args:
            later: of the next part. Both saw frames before and after the seam.
            seam: the index of the first frame for which the next part counts.

        """
        looks = None
        if self.looks is not None and later.looks is not None:
            looks = Looks(
                looks=[look for look in self.looks.looks if look.index < seam]
                + [look for look in later.looks.looks if look.index >= seam],
                cuts=[*_joined(self.looks.cuts, later.looks.cuts, seam)],
                frame_size=later.looks.frame_size,
            )
        return Observations(
            tracklets=_joined_tracklets(self.tracklets, later.tracklets, seam),
            shape=later.shape,
            jump_indices=_joined(self.jump_indices, later.jump_indices, seam),
            turn_votes=self.turn_votes.plus(later.turn_votes),
            looks=looks,
        )


def _joined(
    earlier: tuple[int, ...] | list[int], later: tuple[int, ...] | list[int], seam: int
) -> tuple[int, ...]:
    """Frame indices up to the seam of the one part, and from there on of the other."""
    return (*(n for n in earlier if n < seam), *(n for n in later if n >= seam))


def _joined_tracklets(
    earlier: tuple[Tracklet, ...], later: tuple[Tracklet, ...], seam: int
) -> tuple[Tracklet, ...]:
    """The tracklets of two parts.

    Those that lie wholly on the other part's side of the seam are left to that part. One that
    crosses the seam in one part only stays whole, because it may be of somebody whom the other
    part didn't see.
    """
    before = [t for t in earlier if t.indices[0] < seam]
    after = [t for t in later if t.indices[-1] >= seam]
    # The later part knows no earlier scene than the one that it begins in.
    scene = max((t.scene for t in before), default=0)
    after = [dataclasses.replace(t, scene=t.scene or scene) for t in after]
    # Longer agreement is the lower cost.
    cost = np.full((len(before), len(after)), np.inf)
    for (row, a), (column, b) in itertools.product(enumerate(before), enumerate(after)):
        agreement = _agreement(a, b) if a.kind == b.kind else 0.0
        if agreement > 0:
            cost[row, column] = 1 / (1 + agreement)
    pairs = dict(assign(cost))
    rest = [t for column, t in enumerate(after) if column not in pairs.values()]
    joined = [
        _one(t, after[pairs[row]], seam) if row in pairs else t for row, t in enumerate(before)
    ]
    return (*joined, *rest)


def _agreement(a: Tracklet, b: Tracklet) -> float:
    """For how long two tracklets show one object: seconds times the mean IoU; 0 if they don't."""
    start, stop = max(a.times[0], b.times[0]), min(a.times[-1], b.times[-1])
    times = np.unique([time for time in (*a.times, *b.times) if start <= time <= stop])
    if not len(times):
        return 0.0
    mean = float(np.mean([np.diag(iou_matrix(_boxes_at(a, times), _boxes_at(b, times)))]))
    # Also what they share for one frame only counts.
    return mean * (stop - start + 1e-3) if mean > _SAME_IOU else 0.0


def _boxes_at(tracklet: Tracklet, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4) its boxes at these (N,) times, in straight lines between those that it has."""
    boxes = np.stack(tracklet.boxes)
    return np.stack([np.interp(times, tracklet.times, edge) for edge in boxes.T], axis=1)


def _one(earlier: Tracklet, later: Tracklet, seam: int) -> Tracklet:
    """The boxes of the one up to the seam, and of the other from there on."""
    first = earlier.cut(slice(0, bisect.bisect_left(earlier.indices, seam)))
    second = later.cut(slice(bisect.bisect_left(later.indices, seam), None))
    return dataclasses.replace(
        second,
        indices=first.indices + second.indices,
        times=first.times + second.times,
        boxes=first.boxes + second.boxes,
        scores=first.scores + second.scores,
        scene=earlier.scene,
    )
