"""Merging: one detection for each object in a frame."""

import pytest
from make_detections import plate

from redact import Box, Detection
from redact.tracking.merging import merge_detections


def face(*box, score=0.9, kind="face"):
    return Detection(kind=kind, box=Box(*box), score=score)


def test_detections_of_one_face_become_their_mean_with_the_best_score():
    """The mean of all of them, whatever their order, and the surer ones weigh more."""
    (merged,) = merge_detections([face(0, 0, 10, 10, score=0.6), face(1, 2, 12, 14)])
    assert merged.box == pytest.approx((0.6, 1.2, 11.2, 12.4))
    assert merged.score == 0.9
    three = [face(x, 0, x + 20, 20, score=0.8) for x in (0, 1, 5)]
    (merged,) = merge_detections(three)
    assert merged.box == pytest.approx((2, 0, 22, 20))


def test_detections_of_different_kinds_are_never_merged():
    """A face and a plate in one place are both covered, each with the shape of its kind."""
    one = face(100, 100, 180, 190)
    other = face(105, 100, 185, 190, score=0.6, kind="plate")
    assert merge_detections([other, one]) == [one, other]
    third = face(110, 100, 190, 190, score=0.5)
    (merged, unchanged) = merge_detections([one, other, third])
    assert merged.kind == "face"
    assert one.box.x0 < merged.box.x0 < third.box.x0
    assert unchanged == other


def test_a_plate_half_is_not_merged_with_a_face_beside_it():
    half = plate(145, 170, score=0.4)
    assert merge_detections([face(100, 100, 130, 120), half])[1] == half


def test_a_low_confidence_detection_around_a_high_confidence_one_adds_nothing():
    high = face(100, 100, 180, 190)
    around = face(90, 105, 220, 240, score=0.4)
    apart = face(300, 100, 380, 190, score=0.4)
    much_larger = face(0, 0, 400, 400, score=0.4)
    assert merge_detections([high, around]) == [high]
    assert len(merge_detections([high, apart])) == 2
    assert len(merge_detections([high, much_larger])) == 2


def test_halves_of_a_plate_left_and_right_of_a_post_are_one():
    (whole,) = merge_detections([plate(100, 130), plate(145, 170, y0=102, score=0.4)])
    assert whole.box == (100, 100, 170, 120)
    assert whole.score == 0.6
    for other in (
        plate(160, 190),  # more than a post's width away
        plate(145, 170, y0=112, y1=132),  # lower in the frame
        plate(145, 170, y0=80, y1=140),  # far higher
        plate(132, 240),  # too wide together
    ):
        assert len(merge_detections([plate(100, 130), other])) == 2
