"""Shrunk pictures, against means taken in the plain way."""

import numpy as np
import pytest

from redact.imaging import shrunk


@pytest.mark.parametrize("shape", [(64, 96), (64, 96, 3)])
@pytest.mark.parametrize("factor", [1, 2, 4, 8])
def test_each_pixel_is_the_mean_of_those_it_holds(shape, factor):
    image = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    height, width = shape[0] // factor, shape[1] // factor
    parts = image.reshape(height, factor, width, factor, *shape[2:]).astype(float)
    # Every halving rounds.
    assert np.abs(shrunk(image, width, height) - parts.mean(axis=(1, 3))).max() <= 1.5


def test_odd_sizes_keep_what_is_where():
    image = np.zeros((1081, 1919), np.uint8)
    image[540:, 959:] = 200
    small = shrunk(image, 224, 126)
    assert small.shape == (126, 224)
    assert (small[:62, :110] == 0).all() and (small[64:, 113:] == 200).all()
