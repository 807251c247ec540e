"""The kernels against their slow twins, over boxes anywhere in and around padded planes."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.cover import _kernels


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


@settings(max_examples=80, deadline=None)
@given(seeds, sizes, sizes, st.integers(0, 9), st.sampled_from([1, 3]), st.data())
def test_shrink_is_the_mean_of_what_each_pixel_holds(seed, height, width, padding, channels, data):
    image = padded_plane(seed, height, width * channels, padding)
    small_height, small_width = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    small = _kernels.shrink(image, small_width, small_height, channels)
    expected = reference.shrink(image.reshape(height, width, channels), small_height, small_width)
    assert small.shape == (small_height, small_width * channels)
    assert np.abs(small.reshape(expected.shape) - expected).max() <= 0.51


MATRICES = [(0.2126, 0.0722), (0.299, 0.114), (0.2627, 0.0593)]


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, sizes, st.sampled_from(MATRICES), st.booleans(), st.data())
def test_colours_are_those_of_the_matrix(seed, height, width, shares, is_full_range, data):
    half = -(-height // 2), -(-width // 2)
    shapes = ((height, width), half, half)
    planes = [padded_plane(seed + i, *shape, 3 * i) for i, shape in enumerate(shapes)]
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    part = x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    ways = {"is_full_range": is_full_range, "red_share": shares[0], "blue_share": shares[1]}
    got = _kernels.bgr(planes, part, **ways)
    expected = reference.bgr(planes, *shares, is_full_range)
    expected = expected[part[1] : part[3], part[0] : part[2]]
    assert got.shape == expected.shape
    # Half a step of rounding, and a few of the 32 parts of one.
    assert np.abs(got - expected).max() <= 0.65


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, sizes, st.integers(1, 5), st.floats(0.4, 2.0))
def test_gain_is_the_median_of_how_much_brighter(seed, height, width, every, brighter):
    rng = np.random.default_rng(seed)
    other = rng.uniform(0, 255, (height, width)).astype(np.float32)
    picture = (other * brighter * rng.normal(1, 0.03, other.shape)).astype(np.float32)
    got = _kernels.gain(picture, other, every=every, least=8.0, lowest=0.6, highest=1.6)
    ratios = (picture / other.clip(8))[::every, ::every]
    # Of an even number any value between the middle two will do.
    low, high = np.quantile(ratios, 0.5, method="lower"), np.quantile(ratios, 0.5, method="higher")
    assert min(max(low, 0.6), 1.6) - 0.0003 <= got <= min(max(high, 0.6), 1.6) + 0.0003


@settings(max_examples=40, deadline=None)
@given(seeds, sizes, sizes, st.data())
def test_differing_tells_what_is_off_by_more_than_the_limit(seed, height, width, data):
    rng = np.random.default_rng(seed)
    picture, other, limit = rng.uniform(0, 255, (3, height, width)).astype(np.float32)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    here = slice(top, data.draw(st.integers(top + 1, height))), slice(left, width)
    got = _kernels.differing(picture[here], other[here], limit[here], 1.25)
    away = np.abs(picture - other * np.float32(1.25)) - limit
    sure = np.abs(away[here]) > 1e-3
    np.testing.assert_array_equal(got[sure], (away[here] > 0)[sure])
    assert set(np.unique(got)) <= {0, 1}


def test_pictures_of_different_layouts_cannot_be_compared():
    a, b = np.zeros((4, 6), np.float32), np.zeros((4, 8), np.float32)
    with pytest.raises(ValueError, match="one layout"):
        _kernels.differing(a, b[:, :6], a, 1.0)
    with pytest.raises(ValueError, match="one layout"):
        _kernels.differing(a, a[:3], a, 1.0)


def test_learn_moves_the_mean_fast_where_nothing_moves():
    rng = np.random.default_rng(0)
    mean, deviation, picture = rng.uniform(0, 255, (3, 20, 31)).astype(np.float32)
    limit = np.zeros_like(mean)
    moving = rng.random(mean.shape) < 0.3
    rates = np.where(moving, 0.01, 0.2)
    step = picture - mean
    calm = np.minimum(np.abs(step), 12)
    new_deviation = deviation + np.where(moving, 0, 0.2 * (calm - deviation))
    new_mean = mean + rates * step
    _kernels.learn(
        mean,
        deviation,
        limit,
        picture,
        moving,
        rate=0.2,
        moving_rate=0.01,
        max_step=12.0,
        min_limit=7.0,
        deviations=4.5,
    )
    np.testing.assert_allclose(mean, new_mean, rtol=1e-5)
    np.testing.assert_allclose(deviation, new_deviation, rtol=1e-5)
    np.testing.assert_allclose(limit, np.maximum(7, 4.5 * new_deviation), rtol=1e-5)


def test_arrays_with_gaps_are_refused():
    plane = np.zeros((8, 8), dtype=np.uint8)
    cells = np.zeros((1, 1, 1), dtype=np.float32)
    for gaps in (plane[:, ::2], plane[::-1]):
        with pytest.raises(ValueError, match="side by side"):
            _kernels.paint(gaps, 0.0, 0.0, 4.0, 4.0, cells, True, True, 1.0)


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
