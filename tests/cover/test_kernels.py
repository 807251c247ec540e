"""The kernels do what their slow twins do, for boxes anywhere in and around padded planes."""

import os
import subprocess
import sys

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from redact.cover import kernels


def padded_plane(seed, height, width, padding):
    """A plane whose rows have padding at the end, as decoders make them."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width + padding), dtype=np.uint8)[:, :width]


sizes = st.integers(1, 40)
seeds = st.integers(0, 2**16)


@settings(max_examples=60, deadline=None)
@given(seeds, sizes, sizes, st.integers(0, 9), st.integers(1, 5), st.integers(1, 5), st.data())
def test_reduce_gives_the_mean_of_each_part(seed, height, width, padding, rows, columns, data):
    channels = data.draw(st.sampled_from([1, 3]))
    plane = padded_plane(seed, height, width * channels, padding)
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    cells = np.empty((rows, columns, channels), dtype=np.float32)
    kernels.reduce(plane, x0, y0, x1, y1, cells)
    expected = reference.reduce(
        np.ascontiguousarray(plane), x0, y0, x1, y1, rows, columns, channels
    )
    np.testing.assert_allclose(cells, expected, atol=1e-3)


@pytest.mark.parametrize("height", [127, 128, 191, 300])
def test_reduce_skips_rows_of_high_parts(height):
    plane = padded_plane(height, height + 9, 50, 14)
    cells = np.empty((1, 2, 1), dtype=np.float32)
    kernels.reduce(plane, 3, 4, 40, 4 + height, cells)
    expected = reference.reduce(plane.copy(), 3, 4, 40, 4 + height, 1, 2)
    np.testing.assert_allclose(cells, expected, atol=1e-3)
    whole = plane[4 : 4 + height, 3:40].mean()
    assert abs(cells.mean() - whole) < 4


@settings(max_examples=80, deadline=None)
@given(seeds, sizes, sizes, st.integers(0, 9), st.data())
def test_paint_matches_its_slow_twin(seed, height, width, padding, data):
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
    smooth, ellipse = data.draw(st.booleans()), data.draw(st.booleans())
    edge = data.draw(st.sampled_from([0.0, 2.0, 7.5]))
    kernels.paint(plane, *map(float, box), cells, smooth, ellipse, edge)
    expected, opacity = reference.paint(before, *box, cells, smooth, ellipse, edge)
    got = np.ascontiguousarray(plane).reshape(expected.shape).astype(float)
    far = np.abs(got - expected).max(axis=2)
    assert far[opacity == 1].max(initial=0) <= 1
    # The fade is rounded to 1/256 four times, which adds up between black and white.
    assert far.max() <= 4.5
    untouched = opacity == 0
    np.testing.assert_array_equal(got[untouched], before.reshape(expected.shape)[untouched])
    np.testing.assert_array_equal(whole[:, width * channels :], beside)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.booleans(), st.booleans())
def test_paint_replaces_every_pixel_of_the_box_or_of_its_ellipse(width, height, smooth, ellipse):
    plane = np.full((80, 80), 255, dtype=np.uint8)
    cells = np.zeros((3, 4, 1), dtype=np.float32)
    kernels.paint(plane, 8.0, 6.0, 8.0 + width, 6.0 + height, cells, smooth, ellipse, 4.0)
    part = plane[6 : 6 + height, 8 : 8 + width]
    if not ellipse:
        assert not part.any()
    down, across = ((np.arange(n) + 0.5) / n * 2 - 1 for n in (height, width))
    assert not part[down[:, None] ** 2 + across**2 <= 1].any()


@settings(max_examples=30, deadline=None)
@given(seeds, st.lists(st.integers(-20, 60), min_size=4, max_size=4), st.booleans())
def test_overlapping_covers_match_the_slow_twin(seed, corners, ellipse):
    plane = padded_plane(seed, 48, 64, 5)
    expected = plane.copy()
    cells = np.random.default_rng(seed).uniform(0, 255, (2, 3, 1)).astype(np.float32)
    for x, y in (corners[:2], corners[2:]):
        kernels.paint(plane, x, y, x + 25, y + 17, cells, True, ellipse, 3.0)
        step, opacity = reference.paint(expected, x, y, x + 25, y + 17, cells, True, ellipse, 3.0)
        expected = step[..., 0]
    far = np.abs(plane - expected)
    # One grey step of rounding, and the twin's higher precision.
    assert far[opacity == 1].max(initial=0) <= 1.01
    assert far.max() <= 9


def test_a_cover_fades_out_without_a_step():
    plane = np.full((200, 200), 250, dtype=np.uint8)
    cells = np.full((1, 1, 1), 10, dtype=np.float32)
    kernels.paint(plane, 60.0, 60.0, 140.0, 140.0, cells, True, True, 16.0)
    line = plane[100, 100:].astype(int)
    assert line[0] == 10
    assert line[-1] == 250
    assert (np.diff(line) >= 0).all()
    assert np.diff(line).max() < 40


@pytest.mark.parametrize("channels", [1, 3])
def test_paint_and_reduce_accept_any_strides(channels):
    rng = np.random.default_rng(channels)
    apart = rng.integers(0, 256, (40, 2 * 30 * channels), dtype=np.uint8)[::-1, ::2]
    together = apart.copy()
    cells = np.empty((2, 3, channels), np.float32)
    expected = np.empty_like(cells)
    kernels.reduce(apart, 3, 4, 25, 30, cells)
    kernels.reduce(together, 3, 4, 25, 30, expected)
    np.testing.assert_array_equal(cells, expected)
    for plane in (apart, together):
        kernels.paint(plane, 3, 4, 25, 30, cells, True, True, 3)
    np.testing.assert_array_equal(apart, together)


def test_whole_numbers_do_not_make_numba_compile_again():
    plane, cells = np.zeros((20, 20), np.uint8), np.full((1, 1, 1), 9, np.float32)
    kernels.paint(plane, 1, 2, 9, 9, cells, True, False, 0)
    kernels.paint(plane[:, :15], 1.0, 2, np.float64(9), 9, cells, 1, False, 0.0)
    assert len(kernels.paint.signatures) == len(kernels.reduce.signatures) == 1
    assert (plane[2:9, 1:9] == 9).all()


def test_read_only_planes_and_other_types_are_refused():
    plane, cells = np.zeros((20, 20), np.uint8), np.zeros((1, 1, 1), np.float32)
    read_only = plane.view()
    read_only.flags.writeable = False
    for bad in (read_only, plane.astype(np.float32), plane[None]):
        with pytest.raises(TypeError, match="No matching definition"):
            kernels.paint(bad, 1.0, 2.0, 9.0, 9.0, cells, True, True, 1.0)


WORKS = """
import numpy as np
from redact.cover import kernels
plane, cells = np.zeros((20, 20), np.uint8), np.full((1, 1, 1), 9, np.float32)
kernels.paint(plane, 1, 2, 9, 9, cells, True, False, 0)
assert (plane[2:9, 1:9] == 9).all()
print(kernels.warm_up())
"""


def had_to_compile(code, cache):
    """Run code in a new process that keeps numba's cache in that folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {"True": True, "False": False}[done.stdout.strip()]


def test_kernels_are_compiled_once_and_again_where_the_cache_is_damaged(tmp_path):
    assert had_to_compile(WORKS, tmp_path)
    assert not had_to_compile(WORKS, tmp_path)
    for index in tmp_path.rglob("*.nbi"):
        index.write_bytes(b"")
    assert had_to_compile(WORKS, tmp_path)


def test_kernels_work_where_no_folder_can_be_written(tmp_path):
    without_folders = "from numba.core import caching\ncaching.CacheImpl._locator_classes = []\n"
    assert had_to_compile(without_folders + WORKS, tmp_path)
    assert not list(tmp_path.iterdir())


def test_numba_is_loaded_only_when_something_is_covered():
    code = "import sys, redact.pipeline, redact.cover.painter; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
