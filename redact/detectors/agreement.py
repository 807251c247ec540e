"""Several looks at one picture, whose scores add up where they agree.

What a look found that no other sees is mostly false; what several looks see faintly is mostly a
face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.detectors.onnx import Found
from redact.geometry import groups_of_same, suppress

# How much one look's score counts: half a face for a sure look.
_WEIGHT = 0.5
# Where there are more or fewer looks, doubt is told as if there had been so many.
_USUAL_LOOKS = 7
_SAME_IOU = 0.3
# A face of fewer pixels in height than this is seen by chance. One look alone is no agreement.
_MIN_SEEN, _MIN_LOOKS = 7.0, 2
# The box is made of what these looks saw, those with this share of the best one's score.
_LIKE_THE_BEST = 0.5


def each_once(found: Found) -> Found:
    """The best of the many boxes that one look draws around a face."""
    boxes, scores = found
    kept = suppress(boxes, scores, _SAME_IOU)
    return boxes[kept], scores[kept]


def agreed_on(
    passes: Sequence[Found],
    threshold: float,
    scales: Sequence[float] | None = None,
    *,
    outward: float = 1.0,
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """The box (4,) and joint score of each thing that reaches that joint score.

    The box is made of what the looks saw whose scores come near the best one's.

    scales: at which size each look saw the picture; looks that shrank a thing too far to see it
        don't count as having seen nothing there.
    outward: each edge lies outside of this share of theirs; at 1 the box takes them all in.
    """
    for boxes, scores, scans in groups_seen(passes):
        alike = boxes[scores >= _LIKE_THE_BEST * scores.max()]
        low = np.quantile(alike[:, :2], 1 - outward, axis=0)
        box = np.concatenate([low, np.quantile(alike[:, 2:], outward, axis=0)])
        count = len(passes)
        if scales is not None:
            able = np.flatnonzero(np.asarray(scales) * (box[3] - box[1]) >= _MIN_SEEN)
            count = max(_MIN_LOOKS, len(np.union1d(able, scans)))
        score = joint_score(scores, scans, count)
        if score >= threshold:
            yield box, score


def groups_seen(
    passes: Sequence[Found],
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]]:
    """Boxes (n, 4), scores (n,) and the number of the look (n,) for each thing seen.

    A thing is the best box that is left, and all that overlap it.
    """
    boxes = np.concatenate([boxes for boxes, _ in passes])
    scores = np.concatenate([scores for _, scores in passes])
    scans = np.repeat(np.arange(len(passes)), [len(scores) for _, scores in passes])
    for same in groups_of_same(boxes, scores, _SAME_IOU):
        yield boxes[same], scores[same], scans[same]


def joint_score(scores: NDArray[np.float32], scans: NDArray[np.intp], count: int) -> float:
    """What lacks to full doubt, 0..1, after the best score (n,) of each look (n,) was heard.

    count: how many looks could have seen it, those that saw nothing included.
    """
    doubt = 1.0
    for scan in np.unique(scans):
        doubt *= 1 - _WEIGHT * float(scores[scans == scan].max())
    return float(1 - doubt ** (_USUAL_LOOKS / count))
