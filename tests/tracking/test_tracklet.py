"""Tracklets: what is derived from their boxes is never out of date."""

import numpy as np
import pytest
from make_detections import make_tracklet, random_boxes

from redact.tracking.tracklet import _MIN_DROPPED_COUNT
from redact.tracking.tuning import TUNING


def test_best_score_and_detection_count_follow_every_change():
    times, boxes = random_boxes(3)
    tracklet = make_tracklet(times, boxes, [0.4, np.nan, 0.6])
    assert (tracklet.best_score, tracklet.detection_count) == (0.6, 2)
    tracklet.append(1000, 10.0, boxes[0], 0.7)
    tracklet.append(1010, 10.1, boxes[0], float("nan"))
    assert (tracklet.best_score, tracklet.detection_count) == (0.7, 3)
    tracklet.prepend(0, 0.0, boxes[0], 0.9)
    assert (tracklet.best_score, tracklet.detection_count) == (0.9, 4)
    part = tracklet.cut(slice(1, 3))
    assert (part.best_score, part.detection_count) == (0.4, 1)


def test_best_score_and_detection_count_cannot_be_patched():
    times, boxes = random_boxes(3)
    tracklet = make_tracklet(times, boxes, [0.4, 0.5, 0.6])
    for name in ("best_score", "detection_count"):
        with pytest.raises(AttributeError):
            setattr(tracklet, name, 1)


def test_what_is_forgotten_stays_as_evidence():
    times, boxes = random_boxes(200)
    scores = np.where(np.arange(200) == 3, 0.9, 0.4)
    scores[-5:] = np.nan
    tracklet = make_tracklet(times, boxes, scores)
    before = tracklet.evidence
    tracklet.forget(times[-2])
    assert len(tracklet.boxes) == TUNING.stationary_window_count
    assert (tracklet.best_score, tracklet.detection_count) == (0.9, 195)
    after = tracklet.evidence
    assert (after.best_score, after.detected.count, after.agreeing.count) == (0.9, 195, 195)
    np.testing.assert_array_equal(after.detected.min_center, before.detected.min_center)
    np.testing.assert_array_equal(after.detected.max_center, before.detected.max_center)


def test_what_is_forgotten_still_counts_after_the_rest_was_cut():
    """The best detection was forgotten; without it, the track's end would not be moved on."""
    times, boxes = random_boxes(200)
    tracklet = make_tracklet(times, boxes, np.where(np.arange(200) == 3, 0.9, 0.4))
    tracklet.forget(times[100])
    part = tracklet.cut(slice(0, -20))
    assert (part.best_score, part.detection_count) == (0.9, 180)


def test_the_last_detection_is_never_forgotten():
    times, boxes = random_boxes(300)
    scores = np.where(np.arange(300) < 150, 0.9, np.nan)
    tracklet = make_tracklet(times, boxes, scores)
    tracklet.forget(times[-1])
    assert tracklet.times[0] == times[149]
    assert tracklet.last_detected_seconds == times[149]


def test_few_boxes_are_not_worth_forgetting():
    times, boxes = random_boxes(_MIN_DROPPED_COUNT)
    tracklet = make_tracklet(times, boxes, np.full(len(times), 0.9))
    tracklet.forget(times[-1])
    assert len(tracklet.boxes) == len(times)


def test_only_detections_are_told_as_detected():
    times, boxes = random_boxes(3)
    tracklet = make_tracklet(times, boxes, [0.4, np.nan, 0.6])
    indices = tracklet.indices
    np.testing.assert_array_equal(tracklet.detected_box_at(indices[0]), boxes[0])
    assert tracklet.detected_box_at(indices[1]) is None
    assert tracklet.detected_box_at(indices[2] + 1) is None
