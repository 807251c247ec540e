"""The tones of a cover come from what stays visible around it."""

import numpy as np
import pytest

from redact.cover.tone import mean_tones, resampled, surrounding_tones, yuv_to_bgr
from redact.cover.tuning import TUNING

BOX = (60, 50, 100, 90)


def grey_planes(value=100):
    y = np.full((140, 160), value, np.uint8)
    return y, np.full((70, 80), 120, np.uint8), np.full((70, 80), 140, np.uint8)


def tones(planes, covered=(BOX,)):
    """The (3, 3, 3) tones over the box."""
    return surrounding_tones(BOX, covered, planes)


def assert_all(cells, tone):
    np.testing.assert_allclose(cells, np.broadcast_to(np.reshape(tone, (3, 1, 1)), (3, 3, 3)))


def test_the_tones_are_those_of_the_surroundings():
    assert_all(tones(grey_planes()), [100, 120, 140])


def test_nothing_in_the_box_changes_the_tones():
    planes = grey_planes()
    planes[0][50:90, 60:100] = 255
    assert_all(tones(planes), [100, 120, 140])


def test_each_side_of_a_cover_has_the_tone_that_it_borders_on():
    planes = grey_planes()
    planes[0][:, :60] = 80
    got = tones(planes)[0]
    np.testing.assert_allclose(got[:, 0], 80)
    np.testing.assert_allclose(got[:, 2], 100)
    assert 80 < got[1, 1] < 100


def test_a_lamp_beside_the_box_changes_the_tones_only_so_far():
    planes = grey_planes()
    planes[0][60:80, 104:140] = 255
    got = tones(planes)[0]
    assert got.max() <= 100 + TUNING.max_luma_spread
    np.testing.assert_allclose(got[:, 0], 100)


def test_what_another_cover_hides_does_not_change_the_tones():
    planes = grey_planes()
    planes[0][:, 100:] = 255
    assert_all(tones(planes, [BOX, (100, 0, 160, 140)]), [100, 120, 140])


def test_there_are_no_tones_where_all_surroundings_are_covered():
    assert tones(grey_planes(), [BOX, (0, 0, 160, 140)]) is None


@pytest.mark.parametrize("value", [0, 255])
def test_covers_are_never_black_or_white(value):
    got = tones(grey_planes(value))[0]
    assert (got > 16).all() and (got < 235).all()


def test_a_box_that_reaches_beyond_the_frame_takes_the_tones_inside():
    got = surrounding_tones((-40, 50, 40, 90), [(-40, 50, 40, 90)], grey_planes())
    assert_all(got, [100, 120, 140])


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (3, 3), (5, 8)])
def test_resampled_cells_keep_a_slope_between_their_outermost_middles(rows, columns):
    slope = np.broadcast_to(np.arange(3.0) * 30, (3, 3, 3)).astype(np.float32)
    got = resampled(slope, rows, columns)
    assert got.shape == (3, rows, columns)
    at = ((np.arange(columns) + 0.5) * 3 / columns - 0.5).clip(0, 2)
    expected = np.broadcast_to(at * 30, got.shape)
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_an_image_has_the_tone_that_it_is_painted_with():
    tone = np.array([120, 110, 150], dtype=np.float32).reshape(3, 1, 1)
    image = np.broadcast_to(np.rint(yuv_to_bgr(tone)), (20, 30, 3)).astype(np.uint8)
    np.testing.assert_allclose(mean_tones((2, 2, 20, 18), [image.copy()], 1), tone, atol=1)
