"""The kernels against their slow twins, over boxes anywhere in and around padded planes."""

import numba
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from redact import _kernels


def padded_plane(seed, height, width, padding):
    """A plane whose rows are longer than its pictures, as decoders make them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width + padding), dtype=np.uint8)[:, :width]


sizes = st.integers(1, 40)
seeds = st.integers(0, 2**16)


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, sizes, st.integers(0, 9), st.integers(1, 5), st.integers(1, 5), st.data())
def test_reduce_is_the_mean_of_each_part(seed, height, width, padding, rows, columns, data):
    channels = data.draw(st.sampled_from([1, 3]))
    plane = padded_plane(seed, height, width * channels, padding)
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    cells = np.empty((rows, columns, channels), dtype=np.float32)
    _kernels.reduce(plane, x0, y0, x1, y1, cells)
    expected = reference.reduce(
        np.ascontiguousarray(plane), x0, y0, x1, y1, rows, columns, channels
    )
    np.testing.assert_allclose(cells, expected, atol=1e-3)


@pytest.mark.parametrize("height", [127, 128, 191, 300])
def test_the_mean_of_a_high_part_is_taken_from_fewer_rows(height):
    plane = padded_plane(height, height + 9, 50, 14)
    cells = np.empty((1, 2, 1), dtype=np.float32)
    _kernels.reduce(plane, 3, 4, 40, 4 + height, cells)
    expected = reference.reduce(plane.copy(), 3, 4, 40, 4 + height, 1, 2)
    np.testing.assert_allclose(cells, expected, atol=1e-3)
    whole = plane[4 : 4 + height, 3:40].mean()
    assert abs(cells.mean() - whole) < 4


def test_kernels_run_where_nothing_can_be_kept(monkeypatch):
    monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])

    @_kernels.compiled("int64(int64)")
    def twice(number):
        return 2 * number

    assert twice(21) == 42


@settings(max_examples=80, deadline=None)
@given(seeds, sizes, sizes, st.integers(0, 9), st.data())
def test_paint_does_what_its_twin_does(seed, height, width, padding, data):
    channels = data.draw(st.sampled_from([1, 3]))
    plane = padded_plane(seed, height, width * channels, padding)
    before = plane.copy()
    whole = np.asarray(plane.base if plane.base is not None else plane)
    beside = whole[:, width * channels :].copy()
    x0, y0 = data.draw(st.integers(-30, 50)), data.draw(st.integers(-30, 50))
    box = (x0, y0, x0 + data.draw(st.integers(1, 60)), y0 + data.draw(st.integers(1, 60)))
    rng = np.random.default_rng(seed)
    shape = (data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5)), channels)
    cells = rng.uniform(0, 255, shape).astype(np.float32)
    smooth, rounded = data.draw(st.booleans()), data.draw(st.booleans())
    edge = data.draw(st.sampled_from([0.0, 2.0, 7.5]))
    _kernels.paint(plane, *map(float, box), cells, smooth, rounded, edge)
    expected, opacity = reference.paint(before, *box, cells, smooth, rounded, edge)
    got = np.ascontiguousarray(plane).reshape(expected.shape).astype(float)
    far = np.abs(got - expected).max(axis=2)
    assert far[opacity == 1].max(initial=0) <= 1
    # The fade is reckoned in 1/256, four times over: between black and white it shows.
    assert far.max() <= 4.5
    untouched = opacity == 0
    np.testing.assert_array_equal(got[untouched], before.reshape(expected.shape)[untouched])
    np.testing.assert_array_equal(whole[:, width * channels :], beside)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.booleans(), st.booleans())
def test_no_pixel_of_the_box_survives(width, height, smooth, rounded):
    plane = np.full((80, 80), 255, dtype=np.uint8)
    cells = np.zeros((3, 4, 1), dtype=np.float32)
    _kernels.paint(plane, 8.0, 6.0, 8.0 + width, 6.0 + height, cells, smooth, rounded, 4.0)
    assert not plane[6 : 6 + height, 8 : 8 + width].any()


@settings(max_examples=30, deadline=None)
@given(seeds, st.lists(st.integers(-20, 60), min_size=4, max_size=4), st.booleans())
def test_covers_may_overlap(seed, corners, rounded):
    plane = padded_plane(seed, 48, 64, 5)
    expected = plane.copy()
    cells = np.random.default_rng(seed).uniform(0, 255, (2, 3, 1)).astype(np.float32)
    for x, y in (corners[:2], corners[2:]):
        _kernels.paint(plane, x, y, x + 25, y + 17, cells, True, rounded, 3.0)
        step, opacity = reference.paint(expected, x, y, x + 25, y + 17, cells, True, rounded, 3.0)
        expected = step[..., 0]
    far = np.abs(plane - expected)
    assert far[opacity == 1].max(initial=0) <= 1
    assert far.max() <= 9


def test_the_cover_fades_out_without_a_step():
    plane = np.full((200, 200), 250, dtype=np.uint8)
    cells = np.full((1, 1, 1), 10, dtype=np.float32)
    _kernels.paint(plane, 60.0, 60.0, 140.0, 140.0, cells, True, True, 16.0)
    line = plane[100, 100:].astype(int)
    assert line[0] == 10
    assert line[-1] == 250
    assert (np.diff(line) >= 0).all()
    assert np.diff(line).max() < 40
