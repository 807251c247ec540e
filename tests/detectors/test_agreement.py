"""The joint scores of several passes."""

import numpy as np
import pytest

from redact.detectors.agreement import agreed_boxes, groups_of_passes, joint_score

NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)


def test_a_box_of_one_pass_scores_lower_than_one_that_passes_agree_on():
    boxes = np.float32([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]])
    first, second = (boxes[[0, 2]], np.float32([0.6, 0.6])), (boxes[[1]], np.float32([0.5]))
    agreed, alone = groups_of_passes([first, second])
    assert sorted(agreed[2]) == [0, 1]
    assert list(alone[2]) == [0]
    assert joint_score(*agreed[1:], 7) == pytest.approx(1 - 0.7 * 0.75)
    assert joint_score(*alone[1:], 7) == pytest.approx(0.3)
    assert joint_score(*alone[1:], 9) < 0.3, "two more passes detected nothing"


def test_passes_that_shrink_a_face_too_far_do_not_count_as_having_missed_it():
    face = (np.float32([[10, 10, 20, 24]]), np.float32([0.5]))
    passes, scales = [face, face, *[NOTHING] * 5], (2.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2)
    (_, all_count), *_ = agreed_boxes(passes, 0.0)
    (_, able_count), *_ = agreed_boxes(passes, 0.0, scales)
    assert all_count == pytest.approx(1 - 0.75**2)
    assert able_count == pytest.approx(1 - 0.75 ** (2 * 7 / 4)), "four passes can detect 14 px"
    large = (np.float32([[10, 10, 80, 94]]), np.float32([0.5]))
    (_, large_score), *_ = agreed_boxes([large, large, *[NOTHING] * 5], 0.0, scales)
    assert large_score == pytest.approx(all_count)


def test_a_pass_with_a_box_far_too_large_is_outvoted():
    edges = [np.float32([[10 - i, 10 - i, 30 + i, 30 + i]]) for i in (0, 1, 1, 2, 6)]
    passes = [(boxes, np.float32([0.9])) for boxes in edges]
    ((all_of_them, score),) = agreed_boxes(passes, 0.5)
    ((most_of_them, same_score),) = agreed_boxes(passes, 0.5, edge_quantile=0.75)
    np.testing.assert_array_equal(all_of_them, [4, 4, 36, 36])
    np.testing.assert_array_equal(most_of_them, [8, 8, 32, 32])
    assert score == same_score
