"""The audit: a face or plate that no cover holds is a leak."""

import dataclasses

import numpy as np
import pytest
from make_clips import SIDE, SquareDetector, square_at, write_clip
from make_plans import make_plan, make_track

from redact import Box, Detection, Settings, video
from redact.analysis.scans import ScanSpec
from redact.audit.leaks import find_leaks, is_leak

BOX = Box(100, 100, 140, 140)


def detect(box, *, score=0.9, kind="face", index=0):
    return Detection(kind=kind, box=box, score=score, frame_index=index)


def plan_of(box, margins=None, *, kind="face", start=0, **changed):
    """A plan with one track of three frames, which has that box and those margins in each."""
    track = make_track(1, [box] * 3, kind=kind, start=start)
    if margins is not None:
        track = dataclasses.replace(track, margins=np.array([margins] * 3, np.float32))
    settings = Settings(**{"margin_ratio": 0.0, "min_region_pixels": 2, **changed})
    return dataclasses.replace(make_plan([track]), settings=settings)


def test_what_a_track_covers_is_no_leak_and_all_else_is():
    plan = plan_of(BOX, (0, 0), start=5)
    assert not is_leak(detect(BOX, index=5), plan)
    assert is_leak(detect(BOX, index=4), plan)
    assert is_leak(detect(BOX, index=8), plan)
    assert is_leak(detect(Box(300, 100, 340, 140), index=5), plan)


def test_a_cover_reaches_as_far_as_the_margins_of_its_track():
    beside = detect(Box(125, 115, 165, 155))
    assert is_leak(beside, plan_of(BOX, (0, 0)))
    assert is_leak(beside, plan_of(BOX, (12, 0)))
    assert not is_leak(beside, plan_of(BOX, (20, 12)))


def test_margins_count_in_the_frame_that_they_belong_to():
    track = make_track(1, [BOX] * 3)
    margins = np.array([[20, 20], [0, 0], [20, 20]], np.float32)
    plan = make_plan([dataclasses.replace(track, margins=margins)])
    found = [is_leak(detect(Box(130, 100, 170, 140), index=index), plan) for index in range(3)]
    assert found == [False, True, False]


def test_a_track_of_an_old_plan_has_the_margins_of_a_single_detection():
    beside = detect(Box(115, 100, 155, 140))
    assert is_leak(beside, plan_of(BOX, (0, 0)))
    assert not is_leak(beside, plan_of(BOX))


def test_the_margins_of_the_settings_count_too():
    beside = detect(Box(130, 100, 170, 140))
    assert not is_leak(beside, plan_of(BOX, (0, 0), margin_ratio=0.5))
    tiny = detect(Box(112, 112, 128, 128))
    assert is_leak(tiny, plan_of(Box(118, 118, 122, 122), (0, 0)))
    assert not is_leak(tiny, plan_of(Box(118, 118, 122, 122), (0, 0), min_region_pixels=16))


def test_a_head_sized_box_around_a_covered_face_is_no_leak():
    """A cover can look like a blurred head; its middle is covered."""
    assert not is_leak(detect(Box(80, 80, 160, 160)), plan_of(BOX, (0, 0)))


@pytest.mark.parametrize("kind", ["face", "plate"])
def test_a_detection_that_would_make_no_track_by_itself_is_no_leak(kind):
    assert not is_leak(detect(BOX, score=0.49, kind=kind), make_plan([]))
    assert is_leak(detect(BOX, score=0.5, kind=kind), make_plan([]))


@pytest.mark.parametrize(
    ("score", "step", "is_leaking"), [(0.6, 8, False), (0.8, 8, True), (0.6, 0, True)]
)
def test_what_somebody_who_moves_may_wear_is_no_leak_unless_it_is_clear(score, step, is_leaking):
    boxes = np.array(BOX) + np.arange(10)[:, None] * [step, 0, step, 0]
    plan = make_plan([make_track(1, boxes)])
    x = BOX.x0 + 5 * step
    tag = detect(Box(x, 170, x + 30, 180), score=score, kind="plate", index=5)
    assert is_leak(tag, plan) == is_leaking


def test_what_may_stay_visible_is_no_leak():
    assert not is_leak(detect(BOX), plan_of(BOX, (0, 0)).allow({1}))


SIGN = Box(100, 100, 160, 120)


def sign_plan(*, step=0):
    boxes = np.array([SIGN] * 5) + np.arange(5)[:, None] * [step, 0, step, 0]
    return make_plan([make_track(1, boxes, kind="plate", start=3)])


def test_a_false_track_that_stood_still_is_no_leak_at_any_time():
    plan = sign_plan().drop(1)
    for index in (0, 5, 29):
        assert not is_leak(detect(SIGN, kind="plate", index=index), plan)
        assert is_leak(detect(Box(100, 140, 160, 160), kind="plate", index=index), plan)
    assert is_leak(detect(SIGN, kind="face", index=29), plan)
    assert is_leak(detect(SIGN, kind="plate", index=29), sign_plan())


def test_a_false_track_that_moved_and_one_that_is_kept_count_in_their_frames_only():
    for plan in (sign_plan(step=30).drop(1), sign_plan().keep(1)):
        assert not is_leak(detect(SIGN, kind="plate", index=3), plan)
        assert is_leak(detect(SIGN, kind="plate", index=29), plan)


def test_what_a_zone_covers_is_no_leak_while_it_does():
    corner = [(0, 0), (0.5, 0), (0, 0.9)]
    plan = make_plan([]).cover(corner, stop=0.5)
    assert not is_leak(detect(BOX), plan)
    assert is_leak(detect(BOX, index=20), plan)
    assert is_leak(detect(Box(250, 250, 290, 290)), plan)
    across = Box(220, 80, 260, 120)
    assert is_leak(detect(across), plan)
    assert not is_leak(detect(across), plan.cover(Box(200, 60, 300, 160)))


def test_what_has_its_centre_in_a_zone_to_ignore_is_no_leak():
    plan = make_plan([]).ignore(Box(110, 110, 130, 130), start=0.5)
    assert not is_leak(detect(BOX, index=20), plan)
    assert is_leak(detect(BOX, index=0), plan)
    assert is_leak(detect(Box(120, 120, 160, 160), index=20), plan)


def test_a_cover_by_hand_that_was_taken_back_hides_nothing():
    plan = make_plan([]).cover(make_track(1, [BOX] * 3))
    assert not is_leak(detect(BOX), plan)
    assert is_leak(detect(BOX), plan.uncover(1))


@pytest.mark.parametrize(
    ("beside", "margin", "is_leaking"), [(0, 0, False), (24, 24, False), (24, 0, True)]
)
def test_a_clip_is_searched_for_what_boxes_and_margins_leave_bare(
    tmp_path, beside, margin, is_leaking
):
    path = tmp_path / "clip.mp4"
    write_clip(path, frames=24)
    with video.read_frames(video.probe(path)) as reader:
        clip = video.with_pts(video.probe(path), [frame.pts for frame in reader], reader.findings)
    corners = [(x + beside, y) for x, y in map(square_at, range(24))]
    boxes = [(x, y, x + SIDE, y + SIDE) for x, y in corners]
    margins = np.full((24, 2), margin, np.float32)
    track = dataclasses.replace(make_track(1, boxes), margins=margins)
    plan = dataclasses.replace(
        make_plan([track]), clip=clip, settings=Settings(min_region_pixels=2)
    )
    result = find_leaks(path, plan, [ScanSpec(SquareDetector())], lambda *_: None)
    assert {0, 23} <= result.frames
    assert bool(result.leaks) == is_leaking
    for leak in result.leaks:
        x, y = square_at(leak.frame_index)
        np.testing.assert_allclose(leak.box, (x, y, x + SIDE, y + SIDE), atol=3)
