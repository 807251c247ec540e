"""A region is the ellipse or rectangle around a track's box and margins, in the stored frame."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make_plans import make_plan, make_track

from redact import Box, Settings
from redact.cover.regions import RegionMaker, cover_box, region_for, regions_of
from redact.cover.tuning import KINDS

BARE = Settings(margin_ratio=0.0, min_region_pixels=2)
SIZE = (640, 360)


def edges(region):
    return region.x0, region.y0, region.x1, region.y1


def is_covered(region, size=SIZE):
    """(height, width) which pixels of a frame of that size have their middle in the region."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    across = np.abs(2 * (x - region.x0) / (region.x1 - region.x0) - 1)
    down = np.abs(2 * (y - region.y0) / (region.y1 - region.y0) - 1)
    if region.shape == "ellipse":
        return across**2 + down**2 <= 1
    return np.maximum(across, down) <= 1


def test_a_face_is_covered_by_an_ellipse_whose_axes_are_the_box_and_the_margins():
    region = region_for(Box(100, 50, 140, 90), "face", SIZE, Settings(), margins=(6, 10))
    assert edges(region) == (94, 40, 146, 100)
    assert region.shape == "ellipse"
    area = np.pi / 4 * 52 * 60
    assert is_covered(region).sum() == pytest.approx(area, rel=0.01)


def test_a_plate_is_covered_by_a_rectangle():
    region = region_for(Box(100, 50, 180, 70), "plate", SIZE, BARE, margins=(4, 2))
    assert edges(region) == (96, 48, 184, 72)
    assert region.shape == "rectangle"


@given(
    st.floats(0, 300), st.floats(0, 200), st.floats(20, 200), st.floats(20, 100), st.floats(0, 30)
)
def test_a_region_holds_its_box_and_margins_and_is_even_aligned(x, y, width, height, margin):
    box = Box(x, y, x + width, y + height)
    region = region_for(box, "plate", SIZE, BARE, margins=(margin, margin))
    x0, y0, x1, y1 = edges(region)
    assert not any(edge % 2 for edge in (x0, y0, x1, y1))
    margin -= 1e-9  # what rounding may take
    assert x0 <= max(0, box.x0 - margin) and y0 <= max(0, box.y0 - margin)
    assert x1 >= min(640, box.x1 + margin) and y1 >= min(360, box.y1 + margin)
    assert x1 - x0 < width + 2 * margin + 4 and y1 - y0 < height + 2 * margin + 4


def test_the_margin_of_the_settings_is_added_to_that_of_the_track():
    box = Box(100, 100, 140, 140)
    assert cover_box(box, "face", BARE, (0, 0)) == box
    assert cover_box(box, "face", BARE, (5, 10)) == (95, 90, 145, 150)
    more = dataclasses.replace(BARE, margin_ratio=0.1)
    assert cover_box(box, "face", more, (5, 10)) == (90, 84, 150, 156)


@pytest.mark.parametrize("kind", ["face", "plate", "name badge"])
def test_a_track_without_margins_gets_those_of_a_single_detection(kind):
    """Plans that an earlier version saved have none, and neither has a detection in an image."""
    track = make_track(1, [[100, 100, 140, 140]], kind=kind)
    (region,) = regions_of([track], 0, SIZE, BARE)
    single = region_for(Box(100, 100, 140, 140), kind, SIZE, BARE)
    assert edges(region) == edges(single)
    if kind in KINDS:
        margin = 40 * KINDS[kind].detection_margin_ratio
        assert margin > 0
        assert region.x0 == pytest.approx(100 - margin, abs=2)
    with_none = dataclasses.replace(track, margins=np.zeros((1, 2), np.float32))
    (region,) = regions_of([with_none], 0, SIZE, BARE)
    assert edges(region) == (100, 100, 140, 140)


def test_each_frame_of_a_track_has_its_own_margins():
    track = make_track(1, [[100, 100, 140, 140]] * 3, start=5)
    margins = np.array([[0, 0], [10, 4], [20, 8]], np.float32)
    track = dataclasses.replace(track, margins=margins)
    regions = [regions_of([track], index, SIZE, BARE) for index in range(4, 9)]
    assert [len(found) for found in regions] == [0, 1, 1, 1, 0]
    assert [edges(found[0]) for found in regions[1:4]] == [
        (100, 100, 140, 140),
        (90, 96, 150, 144),
        (80, 92, 160, 148),
    ]


@pytest.mark.parametrize("kind", ["face", "plate"])
def test_small_boxes_get_regions_of_the_minimum_size(kind):
    region = region_for(Box(100, 100, 103, 102), kind, SIZE, Settings(min_region_pixels=24))
    assert 24 <= region.x1 - region.x0 < 28 and 24 <= region.y1 - region.y0 < 28


def test_a_box_outside_the_frame_has_no_region():
    for kind in ("face", "plate"):
        assert region_for(Box(700, 10, 720, 30), kind, SIZE, Settings()) is None
        assert region_for(Box(-60, 10, -20, 30), kind, SIZE, BARE, margins=(3, 3)) is None


def test_a_plate_across_the_edge_is_covered_up_to_the_edge():
    region = region_for(Box(-20, -20, 30, 30), "plate", (33, 33), Settings(margin_ratio=0.2))
    assert edges(region) == (0, 0, 33, 33)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_the_edge_of_the_frame_cuts_an_ellipse_off_and_makes_it_no_narrower(side):
    width, height = SIZE
    whole = {
        "left": Box(-30, 100, 30, 160),
        "right": Box(width - 30, 100, width + 30, 160),
        "top": Box(100, -30, 160, 30),
        "bottom": Box(100, height - 30, 160, height + 30),
    }[side]
    region = region_for(whole, "face", SIZE, BARE, margins=(4, 4))
    assert edges(region) == (whole.x0 - 4, whole.y0 - 4, whole.x1 + 4, whole.y1 + 4)


def test_a_face_inside_the_frame_has_a_region_inside_the_frame():
    region = region_for(Box(4, 4, 60, 60), "face", SIZE, BARE, margins=(4, 4))
    assert edges(region) == (0, 0, 64, 64)


def test_a_face_that_fills_the_frame_has_a_region_around_the_frame():
    region = region_for(Box(-10, -20, 650, 380), "face", SIZE, BARE, margins=(90, 90))
    assert is_covered(region).mean() > 0.99


@pytest.mark.parametrize("kind", ["face", "plate"])
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_regions_of_rotated_clips_lie_in_the_stored_frame(rotation, kind):
    track = make_track(1, [[20, 40, 60, 90]], kind=kind)
    track = dataclasses.replace(track, margins=np.array([[6, 6]], np.float32))
    (region,) = RegionMaker(make_plan([track], rotation_degrees=rotation)).at(0)
    stored = np.zeros((360, 640), np.uint8)
    stored[region.y0 : region.y1, region.x0 : region.x1] = 1
    upright = np.rot90(stored, -rotation // 90)
    assert upright[40:90, 20:60].all()
    assert upright.sum() < 2.3 * 40 * 50


def test_margins_turn_with_the_clip():
    track = make_track(1, [[20, 40, 60, 90]])
    track = dataclasses.replace(track, margins=np.array([[4, 10]], np.float32))
    (region,) = RegionMaker(make_plan([track], rotation_degrees=90)).at(0)
    assert (region.x1 - region.x0, region.y1 - region.y0) == (70, 48)


def test_a_frame_has_a_region_for_each_track_alive_in_it():
    tracks = [
        make_track(1, [[10, 10, 30, 30]] * 4, start=2),
        make_track(2, [[100, 10, 130, 30]] * 10, start=0),
        make_track(3, [[200, 10, 230, 30]] * 10, start=0),
    ]
    maker = RegionMaker(make_plan(tracks).allow({3}))
    seen = [sorted(r.track_id for r in maker.at(index)) for index in range(12)]
    assert seen == [[2], [2]] + [[1, 2]] * 4 + [[2]] * 4 + [[], []]


def test_asking_for_an_earlier_frame_is_refused():
    maker = RegionMaker(make_plan([]))
    maker.at(5)
    with pytest.raises(ValueError, match="frame 4 comes before frame 5"):
        maker.at(4)
