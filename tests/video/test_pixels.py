"""Frames are converted to the colours that their matrix and range say."""

import types

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.types import Frame
from redact.video import to_bgr

# The numbers of BT.709, BT.601 and BT.2020 in libav, with the weights of red and blue in luma.
MATRICES = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}


def random_frame(seed, height, width, matrix=1, color_range=1):
    rng = np.random.default_rng(seed)
    half = -(-height // 2), -(-width // 2)
    planes = [
        rng.integers(0, 256, (h, w + 3), dtype=np.uint8)[:, :w]
        for h, w in ((height, width), half, half)
    ]
    native = types.SimpleNamespace(
        colorspace=matrix, color_range=color_range, format=types.SimpleNamespace(name="yuv420p")
    )
    return Frame(0, 0, *planes, native=native)


sizes, seeds = st.integers(1, 40), st.integers(0, 2**16)


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, sizes, st.sampled_from(sorted(MATRICES)), st.sampled_from([1, 2]))
def test_colours_are_those_of_the_matrix(seed, height, width, matrix, color_range):
    frame = random_frame(seed, height, width, matrix, color_range)
    planes = frame.y, frame.u, frame.v
    expected = reference.bgr(planes, *MATRICES[matrix], is_full_range=color_range == 2)
    # Half a step of rounding, and the matrix is rounded, too.
    assert np.abs(to_bgr(frame) - expected).max() <= 0.75


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 90), st.integers(1, 90), st.data())
def test_a_part_has_the_colours_that_it_has_in_the_whole_frame(seed, height, width, data):
    frame = random_frame(seed, height, width)
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    part = to_bgr(frame, part=(x0, y0, x1, y1))
    np.testing.assert_array_equal(part, to_bgr(frame)[y0:y1, x0:x1])


@pytest.mark.parametrize("factor", [2, 3])
def test_frames_of_odd_size_can_be_converted_at_a_smaller_size(factor):
    frame = random_frame(1, 101, 77)
    assert to_bgr(frame, downscale=factor).shape == (-(-101 // factor), -(-77 // factor), 3)
