"""Several passes over one image, whose scores are combined where they agree.

A box that only one pass detects is mostly false; one that several passes detect with low scores is
mostly a face.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.detectors.passes import ScoredBoxes, concatenated
from redact.geometry import overlap_groups, suppress

_SAME_IOU = 0.3
# In the noisy-OR a pass with score s counts as this times s: even a certain pass is half a face.
_WEIGHT = 0.5
# Joint scores are normalised to this number of passes, so that they mean the same for any number.
_NORMAL_PASSES = 7
# A pass that shrinks a face to a lower height than this, in pixels, detects it by chance. At least
# two passes are assumed: one alone is no agreement.
_MIN_HEIGHT_PIXELS, _MIN_PASSES = 7.0, 2
# The joint box is made of the boxes whose scores are at least this share of the best one's.
_MIN_SCORE_RATIO = 0.5


def best_of_each(boxes_of_pass: ScoredBoxes) -> ScoredBoxes:
    """The best of the many boxes that one pass draws around each face."""
    boxes, scores = boxes_of_pass
    kept = suppress(boxes, scores, _SAME_IOU)
    return boxes[kept], scores[kept]


def agreed_boxes(
    passes: Sequence[ScoredBoxes],
    threshold: float,
    scales: Sequence[float] | None = None,
    *,
    edge_quantile: float = 1.0,
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """The joint box (4,) and joint score of everything that reaches the threshold.

    Args:
        passes: what each pass detected, in pixels of the image.
        threshold: lowest joint score, 0..1.
        scales: the scale of the image in each pass. A pass that shrank a face too far to detect it
            does not count as having missed it. By default all passes count.
        edge_quantile: each edge of the joint box lies outside of this share of the passes' edges;
            at 1 the joint box contains all boxes.

    """
    for boxes, scores, numbers in groups_of_passes(passes):
        similar = boxes[scores >= _MIN_SCORE_RATIO * scores.max()]
        low = np.quantile(similar[:, :2], 1 - edge_quantile, axis=0)
        box = np.concatenate([low, np.quantile(similar[:, 2:], edge_quantile, axis=0)])
        count = len(passes)
        if scales is not None:
            height = box[3] - box[1]
            able = np.flatnonzero(np.asarray(scales) * height >= _MIN_HEIGHT_PIXELS)
            count = max(_MIN_PASSES, len(np.union1d(able, numbers)))
        score = joint_score(scores, numbers, count)
        if score >= threshold:
            yield box, score


def groups_of_passes(
    passes: Sequence[ScoredBoxes],
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]]:
    """Boxes (n, 4), scores (n,) and numbers of the pass (n,) of each group that overlaps.

    A group is the best box that is left and all boxes that overlap it.
    """
    boxes, scores = concatenated(passes)
    numbers = np.repeat(np.arange(len(passes)), [len(scores) for _, scores in passes])
    for same in overlap_groups(boxes, scores, _SAME_IOU):
        yield boxes[same], scores[same], numbers[same]


def joint_score(scores: NDArray[np.float32], numbers: NDArray[np.intp], count: int) -> float:
    """Noisy-OR of the weighted best score of each pass, 0..1.

    Args:
        scores: (n,) of a group of boxes.
        numbers: (n,) which pass each box comes from.
        count: how many passes could have detected it, including those that did not. The result is
            normalised as if there had been seven.

    """
    doubt = 1.0
    for number in np.unique(numbers):
        doubt *= 1 - _WEIGHT * float(scores[numbers == number].max())
    return float(1 - doubt ** (_NORMAL_PASSES / count))
