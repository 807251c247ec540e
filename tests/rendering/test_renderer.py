"""The renderer covers what the plan says, and an update encodes no more than it has to."""

import dataclasses

import av
import numpy as np
import pytest
from make_clips import read_back, write_clip
from make_plans import make_plan

import redact
from redact import Box, Settings, TargetError, video
from redact.cover.regions import RegionMaker
from redact.rendering.renderer import Renderer
from redact.types import Track

FRAMES = 60


@pytest.fixture
def clip(tmp_path):
    """A clip whose frames' times are known."""
    write_clip(tmp_path / "a.mp4", frames=FRAMES)
    clip = video.probe(tmp_path / "a.mp4")
    reader = video.read_frames(clip)
    return video.with_pts(clip, [frame.pts for frame in reader], reader.findings)


def plan_of(clip, *boxes):
    """A plan with a track for each (first frame, stop, box)."""
    tracks = [
        Track(
            id=number,
            kind="face",
            start_index=start,
            boxes=np.tile(np.float32(box), (stop - start, 1)),
            scores=np.ones(stop - start, dtype=np.float32),
        )
        for number, (start, stop, box) in enumerate(boxes, 1)
    ]
    settings = Settings(style="solid")
    return dataclasses.replace(make_plan([]), clip=clip, settings=settings, tracks=tuple(tracks))


def rendered(plan, target):
    """A renderer that was given all frames."""
    renderer = Renderer(plan.clip, plan.settings, target)
    regions = RegionMaker(plan)
    for frame in video.read_frames(plan.clip):
        renderer.add(frame, regions.at(frame.index))
    renderer.finish(plan.clip)
    return renderer


def images_of(renderer, clip, target):
    renderer.write(target, clip)
    return read_back(target)[1]


PLACE, OTHER = Box(20, 20, 80, 80), Box(200, 100, 260, 180)


def test_updated_frames_show_what_the_new_plan_says(clip, tmp_path):
    first = plan_of(clip, (0, FRAMES, PLACE))
    last = plan_of(clip, (0, FRAMES, PLACE), (30, 50, OTHER))
    with rendered(first, tmp_path / "b.mp4") as renderer:
        changed = renderer.update(last, lambda *_: None)
        updated = images_of(renderer, clip, tmp_path / "b.mp4")
    with rendered(last, tmp_path / "c.mp4") as renderer:
        direct = images_of(renderer, clip, tmp_path / "c.mp4")
    assert set(range(30, 50)) <= changed
    originals = read_back(clip.path)[1]
    for number, (a, b, original) in enumerate(zip(updated, direct, originals, strict=True)):
        assert np.abs(a.astype(int) - b).mean() < 2, number
        away = np.abs(a[100:180, 200:260].astype(int) - original[100:180, 200:260]).mean()
        assert (away > 15) == (30 <= number < 50), number


def test_frames_whose_regions_stay_are_not_encoded_again(clip, tmp_path):
    plan = plan_of(clip, (0, FRAMES, PLACE))
    told = []
    with rendered(plan, tmp_path / "b.mp4") as renderer:
        assert renderer.update(plan, lambda *values: told.append(values)) == frozenset()
        later = plan_of(clip, (0, FRAMES, PLACE), (40, 41, OTHER))
        changed = renderer.update(later, lambda *values: told.append(values))
    assert min(changed) > 30
    assert told == [(number, len(changed)) for number in range(1, len(changed) + 1)]


def test_what_is_no_longer_covered_is_encoded_again(clip, tmp_path):
    before = plan_of(clip, (0, FRAMES, PLACE), (20, 24, OTHER))
    with rendered(before, tmp_path / "b.mp4") as renderer:
        share = renderer.covered_ratio(clip)
        changed = renderer.update(plan_of(clip, (0, FRAMES, PLACE)), lambda *_: None)
        assert set(range(20, 24)) <= changed
        assert renderer.covered_ratio(clip) < share


def test_an_update_keeps_the_number_order_and_times_of_frames(clip, tmp_path):
    target = tmp_path / "b.mp4"
    with rendered(plan_of(clip), target) as renderer:
        for stretch in ((50, 52, OTHER), (10, 12, PLACE), (33, 34, OTHER)):
            renderer.update(plan_of(clip, stretch), lambda *_: None)
        renderer.write(target, clip)
    with av.open(str(target)) as written:
        packets = [p for p in written.demux(written.streams.video[0]) if p.size]
        assert [p.dts for p in packets] == sorted({p.dts for p in packets})
        assert all(p.dts <= p.pts for p in packets)
    after, images = read_back(target)
    assert after == clip.pts.tolist()
    for image, original in zip(images, read_back(clip.path)[1], strict=True):
        away = np.abs(image.astype(int) - original)
        away[:110, :110] = away[80:200, 170:290] = 0
        assert away.mean() < 2


def test_missing_frames_are_refused(clip, tmp_path):
    with Renderer(clip, Settings(), tmp_path / "b.mp4") as renderer:
        for frame in list(video.read_frames(clip))[:-1]:
            renderer.add(frame, [])
        with pytest.raises(redact.PlanError, match="59 frames, but 60"):
            renderer.finish(clip)


def test_the_covered_ratio_is_that_of_the_last_plan(clip, tmp_path):
    plan = plan_of(clip, (0, FRAMES, OTHER))
    with rendered(plan_of(clip), tmp_path / "b.mp4") as renderer:
        assert renderer.covered_ratio(clip) == 0
        renderer.update(plan, lambda *_: None)
        updated = renderer.covered_ratio(clip)
    with rendered(plan, tmp_path / "b.mp4") as renderer:
        assert updated == renderer.covered_ratio(clip) > 0.05


def test_a_missing_folder_is_a_target_error(clip, tmp_path):
    target = tmp_path / "none" / "b.mp4"
    with rendered(plan_of(clip), target) as renderer, pytest.raises(TargetError):
        renderer.write(target, clip)


@pytest.mark.parametrize("wanted", [[0], [59], [3, 4, 5, 31], range(FRAMES)])
def test_selected_frames_equal_those_of_the_whole_clip(clip, wanted):
    chosen = {frame.index: frame.y.copy() for frame in video.read_selected(clip, wanted)}
    assert sorted(chosen) == sorted(wanted)
    for frame in video.read_frames(clip):
        if frame.index in chosen:
            assert np.array_equal(chosen[frame.index], frame.y)
