"""The mask of a polygon covers every pixel that the polygon touches, and little more."""

import numpy as np
import pytest
from crossing_rule import is_in
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from redact import SettingsError, Zone
from redact.cover.polygons import opacity

BOX = (0, 0, 64, 48)
SHAPES = {
    "box": [(10, 10), (30, 10), (30, 20), (10, 20)],
    "all of it": [(0, 0), (64, 0), (64, 48), (0, 48)],
    "slanted": [(3.3, 40.1), (60.2, 5.7), (62.9, 9.2), (8, 45)],
    "hollow": [(4, 4), (20, 4), (20, 30), (40, 30), (40, 4), (60, 4), (60, 44), (4, 44)],
    "thin": [(5, 20.2), (60, 20.4), (60, 20.6)],
    "edge": [(0, 0), (64, 20), (0, 48)],
}


def touched(points, steps=32):
    """The pixels of BOX in which any of steps x steps samples lies in the polygon."""
    y, x = (np.mgrid[: 48 * steps, : 64 * steps] + 0.5) / steps
    return is_in(points, x, y).reshape(48, steps, 64, steps).any(axis=(1, 3))


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_polygon_touches_is_opaque(name):
    mask = opacity(SHAPES[name], BOX, 1.5)
    assert (mask[touched(SHAPES[name])] == 255).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 64), st.floats(0, 48)), min_size=3, max_size=8))
def test_what_any_polygon_touches_is_opaque(points):
    try:
        zone = Zone(polygon=[(x / 64, y / 48) for x, y in points])
    except SettingsError:
        assume(False)
    points = [(x * 64, y * 48) for x, y in zone.polygon]
    assert (opacity(points, BOX, 1.5)[touched(points, 4)] == 255).all()


@pytest.mark.parametrize("name", SHAPES)
def test_the_cover_ends_two_pixels_beyond(name):
    """No pixel is touched that has no touched pixel within the fade and a diagonal."""
    mask, inside = opacity(SHAPES[name], BOX, 1.5), touched(SHAPES[name])
    near = np.pad(inside, 3)
    shifts = [near[y : y + 48, x : x + 64] for y in range(7) for x in range(7)]
    assert not mask[~np.any(shifts, axis=0)].any()
    area = {"thin": 1.5, "slanted": 1.1}.get(name, 1.05)
    assert (mask == 255).sum() <= area * inside.sum()


def test_corners_that_lie_on_one_another_do_no_harm():
    points = [(10, 10), (30, 10), (30, 10 + 1e-300), (30 + 1e-9, 20), (10, 20), (10, 20 - 1e-12)]
    assert (opacity(points, BOX, 1.5)[10:20, 10:30] == 255).all()


def test_the_opacity_falls_evenly_beyond_a_straight_edge():
    row = opacity([(0, 0), (20, 0), (20, 48), (0, 48)], BOX, 4)[24]
    assert (row[:20] == 255).all() and row[24] == 0
    steps = np.diff(row[20:25].astype(int))
    assert (steps < 0).all() and np.ptp(steps[:-1]) <= 2


def test_a_mask_is_relative_to_its_box():
    mask = opacity(SHAPES["box"], (8, 6, 40, 30), 1.5)
    np.testing.assert_array_equal(mask, opacity(SHAPES["box"], BOX, 1.5)[6:30, 8:40])
