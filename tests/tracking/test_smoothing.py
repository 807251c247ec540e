"""Smoothing: steadier boxes, none of them smaller, and none wider because of steady motion."""

import numpy as np
import pytest
from make_detections import EXACT, walk

from redact.tracking.building import track_detections
from redact.tracking.smoothing import smooth_boxes


def test_steady_motion_does_not_widen_the_boxes():
    detections = walk(range(30), step=(12, 0))
    (track,) = track_detections(detections, np.arange(30) / 30, EXACT)
    widths = track.boxes[3:-3, 2] - track.boxes[3:-3, 0]
    assert widths.max() < 42


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_smooth_boxes_contain_the_boxes_they_replace_and_jump_less(count):
    rng = np.random.default_rng(count)
    low = 100 + rng.normal(0, 4, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(30, 40, (count, 2))], axis=1)
    smooth = smooth_boxes(boxes, np.arange(count) / 30)
    assert (smooth[:, :2] <= boxes[:, :2] + 1e-9).all()
    assert (smooth[:, 2:] >= boxes[:, 2:] - 1e-9).all()
    if count > 3:
        assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(boxes, axis=0)).mean()
