"""Shrunk and mirrored images, against means and reversals made in the plain way."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.resizing import mirrored, resized, shrunk, size_within, turned


@pytest.mark.parametrize("shape", [(64, 96), (64, 96, 3)])
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_each_pixel_of_a_shrunk_image_is_the_mean_of_its_area(shape, factor):
    image = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    height, width = shape[0] // factor, shape[1] // factor
    parts = image.reshape(height, factor, width, factor, *shape[2:]).astype(float)
    # Rounding adds up, since the image is halved several times.
    assert np.abs(shrunk(image, width, height) - parts.mean(axis=(1, 3))).max() <= 1.5


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 20), st.integers(0, 20), st.booleans(), st.data())
def test_shrinking_to_any_size_takes_the_means_of_areas(seed, rows, columns, in_colour, data):
    # Images of odd size are not halved first, which would round.
    height, width = 2 * rows + 1, 2 * columns + 1
    shape = (height, width, 3 if in_colour else 1)
    image = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    small_height, small_width = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    small = shrunk(image if in_colour else image[..., 0], small_width, small_height)
    expected = reference.shrink(image, small_height, small_width)
    assert np.abs(small.reshape(expected.shape) - expected).max() <= 0.51


def test_shrinking_an_image_of_odd_size_moves_nothing():
    image = np.zeros((1081, 1919), np.uint8)
    image[540:, 959:] = 200
    small = shrunk(image, 224, 126)
    assert small.shape == (126, 224)
    assert (small[:62, :110] == 0).all() and (small[64:, 113:] == 200).all()


@pytest.mark.parametrize(
    ("shape", "size"),
    [((720, 1280, 3), (320, 180)), ((1280, 720), (180, 320)), ((90, 60, 3), (60, 90))],
)
def test_a_size_within_a_longer_side_keeps_the_shape_and_never_grows(shape, size):
    assert size_within(shape, 320) == size


@pytest.mark.parametrize("size", [(48, 32), (200, 100), (48, 200)])
def test_resized_images_have_the_size_that_was_asked_for(size):
    image = np.full((64, 96, 3), 77, np.uint8)
    scaled = resized(image, *size)
    assert scaled.shape == (size[1], size[0], 3)
    assert (scaled == 77).all()


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_a_mirrored_image_is_reversed_from_left_to_right(shape):
    image = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    assert np.array_equal(mirrored(image), image[:, ::-1])


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 3)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 360])
def test_an_image_is_turned_clockwise(shape, degrees):
    image = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    image.flags.writeable = False
    # Of parts, too, whose rows are not contiguous.
    for part in (image, image[1:4, 2:7]):
        result = turned(part, degrees)
        np.testing.assert_array_equal(result, np.rot90(part, -degrees // 90))
        assert result.flags.c_contiguous
