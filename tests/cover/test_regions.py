"""A region contains the box of its track, even-aligned, in the stored frame."""

import numpy as np
import pytest
from make_plans import make_plan, make_track

from redact import Box, Settings
from redact.cover.regions import RegionMaker, region_for


def test_a_region_contains_the_enlarged_box_and_is_even_aligned():
    region = region_for(Box(101.5, 50.2, 141.5, 90.2), "face", (640, 360), Settings())
    assert (region.x0, region.y0, region.x1, region.y1) == (94, 42, 148, 102)
    assert region.shape == "ellipse"


def test_a_narrow_face_is_widened_to_the_ear():
    region = region_for(Box(100, 100, 110, 140), "face", (640, 360), Settings(margin_ratio=0.0))
    assert (region.x0, region.x1) == (86, 124)


def test_a_face_is_extended_to_the_chin_and_a_plate_is_not():
    bare = Settings(margin_ratio=0.0)
    face, plate = (
        region_for(Box(100, 100, 140, 140), kind, (640, 360), bare) for kind in ("face", "plate")
    )
    assert (face.y0, face.y1) == (100, 144)
    assert (plate.y0, plate.y1) == (100, 140)


def test_small_boxes_get_regions_of_the_minimum_size():
    region = region_for(Box(100, 100, 103, 102), "plate", (640, 360), Settings())
    assert region.x1 - region.x0 >= 16 and region.y1 - region.y0 >= 16
    assert region.shape == "rectangle"


def test_a_box_outside_the_frame_has_no_region():
    assert region_for(Box(700, 10, 720, 30), "face", (640, 360), Settings()) is None


def test_a_box_across_the_edge_is_covered_up_to_the_edge():
    region = region_for(Box(-20, -20, 30, 30), "face", (33, 33), Settings(margin_ratio=0.2))
    assert (region.x0, region.y0, region.x1, region.y1) == (0, 0, 33, 33)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_regions_of_rotated_clips_lie_in_the_stored_frame(rotation):
    plan = make_plan([make_track(1, [[20, 40, 60, 90]])], rotation_degrees=rotation)
    (region,) = RegionMaker(plan).at(0)
    stored = np.zeros((360, 640), np.uint8)
    stored[region.y0 : region.y1, region.x0 : region.x1] = 1
    upright = np.rot90(stored, -rotation // 90)
    assert upright[40:90, 20:60].all()
    assert upright.sum() < 2.3 * 40 * 50


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
