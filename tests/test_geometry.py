"""Geometry on boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redact import geometry as boxes
from redact.types import Box

edges = st.floats(-500, 500, allow_nan=False)


@st.composite
def some_boxes(draw):
    x, y = draw(edges), draw(edges)
    return Box(x, y, x + draw(st.floats(0.5, 300)), y + draw(st.floats(0.5, 300)))


def test_iou_of_equal_half_and_disjoint_boxes():
    a = np.array([[0, 0, 10, 10]])
    b = np.array([[0, 0, 10, 10], [0, 0, 5, 10], [20, 20, 30, 30], [3, 3, 3, 9]])
    assert boxes.iou_matrix(a, b).tolist() == [[1.0, 0.5, 0.0, 0.0]]


def test_covered_share_counts_overlapping_covers_once():
    covers = [Box(0, 0, 5, 10), Box(3, 0, 6, 10), Box(3, 0, 6, 10), Box(90, 90, 99, 99)]
    assert boxes.covered_share(Box(0, 0, 10, 10), covers) == pytest.approx(0.6)
    assert boxes.covered_share(Box(0, 0, 10, 10), []) == 0.0


def test_covered_share_agrees_with_a_pixel_count():
    rng = np.random.default_rng(3)
    for _ in range(20):
        corners = rng.integers(0, 20, (6, 2))
        covers = [
            Box(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, corners % 9, strict=False)
        ]
        grid = np.zeros((40, 40), bool)
        for c in covers:
            grid[int(c.y0) : int(c.y1), int(c.x0) : int(c.x1)] = True
        expected = grid[4:16, 2:18].mean()
        assert boxes.covered_share(Box(2, 4, 18, 16), covers) == pytest.approx(expected)


def test_grow_moves_every_edge_outward_and_keeps_a_minimum_size():
    assert boxes.grow(Box(10, 10, 20, 30), 0.1) == Box(9, 8, 21, 32)
    assert boxes.grow(Box(10, 10, 12, 12), 0.1, 16) == Box(3, 3, 19, 19)


@given(some_boxes(), st.integers(1, 400), st.integers(1, 400))
def test_an_aligned_box_is_even_inside_the_frame_and_contains_the_box(box, width, height):
    aligned = boxes.align_even(box, width, height)
    inside = boxes.clamp_to(box, Box(0, 0, width, height))
    if aligned is None:
        assert inside.area == 0
        return
    x0, y0, x1, y1 = aligned
    assert x0 % 2 == y0 % 2 == 0
    assert x1 % 2 == 0 or x1 == width
    assert y1 % 2 == 0 or y1 == height
    if inside.area:
        assert x0 <= inside.x0 and y0 <= inside.y0 and x1 >= inside.x1 and y1 >= inside.y1


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_an_upright_box_lands_on_the_same_pixels_of_the_stored_frame(rotation, mirrored):
    stored = np.zeros((30, 50), np.uint8)
    upright = np.rot90(stored, -rotation // 90).copy()
    upright[4:9, 7:19] = 1
    box = boxes.upright_to_stored(Box(7, 4, 19, 9), 50, 30, rotation, mirrored)
    marked = np.rot90(upright[:, ::-1] if mirrored else upright, rotation // 90)
    rows, columns = np.nonzero(marked)
    assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_a_rotation_by_another_angle_is_refused():
    with pytest.raises(ValueError, match="multiple of 90 degrees, not 45"):
        boxes.upright_to_stored(Box(0, 0, 1, 1), 10, 10, 45)


def test_suppression_keeps_the_best_box_of_each_cluster():
    found = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], float)
    assert boxes.suppress(found, np.array([0.5, 0.9, 0.2]), 0.3) == [1, 2]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mirrored_boxes_lie_on_the_same_pixels_of_the_mirror_image(dtype):
    image = np.zeros((30, 50), np.uint8)
    image[4:9, 7:19] = 1
    (box,) = boxes.mirrored_boxes(np.array([[7, 4, 19, 9]], dtype), 50)
    rows, columns = np.nonzero(image[:, ::-1])
    assert tuple(box) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box.dtype == dtype


def test_overlapping_boxes_are_joined_until_none_overlap():
    apart = [Box(0, 0, 10, 10), Box(20, 0, 30, 10), Box(8, 2, 22, 4), Box(50, 50, 60, 60)]
    assert sorted(boxes.join_overlapping(apart)) == [Box(0, 0, 30, 10), Box(50, 50, 60, 60)]
