"""The tone of a cover comes from what stays visible around it."""

import numpy as np
import pytest

from redact.cover.tone import cover_tone, mean_tones, surrounding_tone, yuv_to_bgr

BOX = (60, 50, 100, 90)


def grey_planes(value=100):
    y = np.full((140, 160), value, np.uint8)
    return y, np.full((70, 80), 120, np.uint8), np.full((70, 80), 140, np.uint8)


def test_the_tone_is_that_of_the_surroundings():
    np.testing.assert_allclose(surrounding_tone(BOX, [BOX], grey_planes()), [100, 120, 140])


def test_a_lamp_beside_the_box_does_not_change_the_tone():
    planes = grey_planes()
    planes[0][60:80, 104:140] = 255
    np.testing.assert_allclose(surrounding_tone(BOX, [BOX], planes), [100, 120, 140])


def test_what_another_cover_hides_does_not_change_the_tone():
    planes = grey_planes()
    other = (100, 0, 160, 140)
    planes[0][:, 100:] = 255
    np.testing.assert_allclose(surrounding_tone(BOX, [BOX, other], planes), [100, 120, 140])


def test_there_is_no_tone_where_all_surroundings_are_covered():
    assert surrounding_tone(BOX, [BOX, (0, 0, 160, 140)], grey_planes()) is None


@pytest.mark.parametrize("kind", ["face", "plate"])
def test_covers_are_never_black_or_white(kind):
    for value in (0.0, 255.0):
        tone = cover_tone(np.array([value, 128, 128], dtype=np.float32), kind)
        assert 16 < tone[0] < 235
        np.testing.assert_array_equal(tone[1:], 128)


def test_an_image_has_the_tone_that_it_is_painted_with():
    tone = np.array([120, 110, 150], dtype=np.float32).reshape(3, 1, 1)
    image = np.broadcast_to(np.rint(yuv_to_bgr(tone)), (20, 30, 3)).astype(np.uint8)
    np.testing.assert_allclose(mean_tones((2, 2, 20, 18), [image.copy()], 1), tone, atol=1)
