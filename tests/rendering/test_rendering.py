"""Rendering behind the looks, and anew where they were wrong, gives what the plan says."""

import dataclasses

import av
import numpy as np
import pytest
from make_clips import SquareDetector, brightest, read_back, write_clip
from make_plans import make_plan, make_track

import redact
from redact import Box, Settings, TargetError, pipeline, video
from redact.analysis.analyzer import Analyzer
from redact.analysis.redetection import LOOK_BACK_SECONDS
from redact.cover.regions import RegionMaker
from redact.lasting import StableIds
from redact.rendering import trailing
from redact.rendering.renderer import Rendering
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
    """A rendering of all frames by that plan."""
    rendering = Rendering(plan.clip, plan.settings, target)
    regions = RegionMaker(plan)
    for frame in video.read_frames(plan.clip):
        rendering.add(frame, regions.at(frame.index))
    rendering.finish(plan.clip)
    return rendering


def pictures(rendering, clip, target):
    rendering.write(target, clip)
    return read_back(target)[1]


PLACE, OTHER = Box(20, 20, 80, 80), Box(200, 100, 260, 180)


def test_what_is_mended_shows_what_its_plan_says(clip, tmp_path):
    first = plan_of(clip, (0, FRAMES, PLACE))
    last = plan_of(clip, (0, FRAMES, PLACE), (30, 50, OTHER))
    with rendered(first, tmp_path / "b.mp4") as rendering:
        changed = rendering.mend(last, lambda *_: None)
        mended = pictures(rendering, clip, tmp_path / "b.mp4")
    with rendered(last, tmp_path / "c.mp4") as rendering:
        straight = pictures(rendering, clip, tmp_path / "c.mp4")
    assert set(range(30, 50)) <= changed
    originals = read_back(clip.path)[1]
    for number, (a, b, original) in enumerate(zip(mended, straight, originals, strict=True)):
        assert np.abs(a.astype(int) - b).mean() < 2, number
        away = np.abs(a[100:180, 200:260].astype(int) - original[100:180, 200:260]).mean()
        assert (away > 15) == (30 <= number < 50), number


def test_what_did_not_change_is_not_encoded_again(clip, tmp_path):
    plan = plan_of(clip, (0, FRAMES, PLACE))
    told = []
    with rendered(plan, tmp_path / "b.mp4") as rendering:
        assert rendering.mend(plan, lambda *values: told.append(values)) == frozenset()
        later = plan_of(clip, (0, FRAMES, PLACE), (40, 41, OTHER))
        changed = rendering.mend(later, lambda *values: told.append(values))
    assert min(changed) > 30
    assert told == [(number, len(changed)) for number in range(1, len(changed) + 1)]


@pytest.mark.parametrize(("needless", "is_mended"), [(24, False), (25, True)])
def test_what_was_covered_for_nothing_for_less_than_a_second_stays(
    clip, tmp_path, needless, is_mended
):
    before = plan_of(clip, (0, FRAMES, PLACE), (20, 20 + needless, OTHER))
    after = plan_of(clip, (0, FRAMES, PLACE))
    with rendered(before, tmp_path / "b.mp4") as rendering:
        share = rendering.covered_ratio(clip)
        changed = rendering.mend(after, lambda *_: None)
        assert set(range(20, 20 + needless)) <= changed if is_mended else not changed
        assert (rendering.covered_ratio(clip) < share) == is_mended


@pytest.mark.parametrize(
    ("margin", "moved", "is_mended"),
    [(0.15, 2, False), (0.15, 8, True), (0.4, 8, False), (0.4, 14, True), (0.0, 2, True)],
)
def test_what_half_of_the_margin_makes_up_for_stays(clip, tmp_path, margin, moved, is_mended):
    """A face of 60 px that a later look sees moved to the right and down, in a few frames."""
    settings = Settings(style="solid", margin_ratio=margin)
    before = dataclasses.replace(plan_of(clip, (0, FRAMES, PLACE)), settings=settings)
    x0, y0, x1, y1 = PLACE
    there = Box(x0 + moved, y0 + moved, x1 + moved, y1 + moved)
    after = plan_of(clip, (0, 30, PLACE), (30, 40, there), (40, FRAMES, PLACE))
    after = dataclasses.replace(after, settings=settings)
    with rendered(before, tmp_path / "b.mp4") as rendering:
        changed = rendering.mend(after, lambda *_: None)
    assert set(range(30, 40)) <= changed if is_mended else not changed


def test_one_area_more_is_covered_where_another_is_needless(clip, tmp_path):
    before = plan_of(clip, (20, 30, OTHER))
    with rendered(before, tmp_path / "b.mp4") as rendering:
        assert set(range(25, 30)) <= rendering.mend(plan_of(clip, (25, 30, PLACE)), lambda *_: None)


def test_mending_keeps_number_order_and_times_of_pictures(clip, tmp_path):
    target = tmp_path / "b.mp4"
    with rendered(plan_of(clip), target) as rendering:
        for stretch in ((50, 52, OTHER), (10, 12, PLACE), (33, 34, OTHER)):
            rendering.mend(plan_of(clip, stretch), lambda *_: None)
        rendering.write(target, clip)
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


def test_frames_that_are_missing_are_noticed(clip, tmp_path):
    with Rendering(clip, Settings(), tmp_path / "b.mp4") as rendering:
        for frame in list(video.read_frames(clip))[:-1]:
            rendering.add(frame, [])
        with pytest.raises(redact.PlanError, match="59 frames, but 60"):
            rendering.finish(clip)


def test_the_share_covered_is_that_of_the_last_plan(clip, tmp_path):
    plan = plan_of(clip, (0, FRAMES, OTHER))
    with rendered(plan_of(clip), tmp_path / "b.mp4") as rendering:
        assert rendering.covered_ratio(clip) == 0
        rendering.mend(plan, lambda *_: None)
        mended = rendering.covered_ratio(clip)
    with rendered(plan, tmp_path / "b.mp4") as rendering:
        assert mended == rendering.covered_ratio(clip) > 0.05


def test_a_folder_that_cannot_be_written_to_is_told(clip, tmp_path):
    target = tmp_path / "none" / "b.mp4"
    with rendered(plan_of(clip), target) as rendering, pytest.raises(TargetError):
        rendering.write(target, clip)


@pytest.mark.parametrize("held", [0, 5, 1000])
def test_however_many_frames_are_held_all_is_covered(tmp_path, monkeypatch, held):
    """Blind at first: what was rendered before anything was seen has to be mended."""
    monkeypatch.setattr(trailing, "_SETTLED_SECONDS", held / 25)
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    pts = write_clip(source, frames=FRAMES)
    detector = SquareDetector(blind={*range(8), *range(20, 28)})
    report = redact.redact_clip(source, target, Settings(audit=False), detectors=[detector])
    after, images = read_back(target)
    assert after == pts
    assert max(map(brightest, images)) < 200
    redact.render(report.plan, tmp_path / "c.mp4", detectors=[])
    for a, b in zip(images, read_back(tmp_path / "c.mp4")[1], strict=True):
        assert np.abs(a.astype(int) - b).mean() < 2


@pytest.mark.parametrize("held", [1, 7, 25])
def test_where_frames_are_too_many_to_hold_the_clip_is_read_again(tmp_path, monkeypatch, held):
    monkeypatch.setattr(trailing, "_MOST_HELD_BYTES", held * 320 * 240 * 3 // 2)
    monkeypatch.setattr(trailing, "_SETTLED_SECONDS", 0.4)
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    pts = write_clip(source, frames=FRAMES)
    redact.redact_clip(source, target, Settings(audit=False), detectors=[SquareDetector()])
    after, images = read_back(target)
    assert after == pts
    assert max(map(brightest, images)) < 200


def test_what_was_rendered_early_can_still_be_looked_back_on(tmp_path, monkeypatch):
    """Covering must not change pictures that a new track may be followed back through."""
    seen = []

    class RememberingWatch(Analyzer):
        def see(self, index, now, view):
            seen.append((now, view.whole().copy(), view))
            super().see(index, now, view)
            if now > 1.2:  # The first frames were rendered by now.
                for then, before, view in seen:
                    if now - then <= LOOK_BACK_SECONDS:
                        view.release()
                        assert np.array_equal(view.whole(), before)

    monkeypatch.setattr(pipeline, "Watch", RememberingWatch)
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source, frames=FRAMES)
    redact.redact_clip(source, target, Settings(audit=False), detectors=[SquareDetector()])
    assert len(seen) == FRAMES
    assert max(map(brightest, read_back(target)[1])) < 200


def test_where_little_moves_the_first_frames_come_out_early(tmp_path, monkeypatch):
    """Our own looks tell what moves; the first picture, in which all may, doesn't count."""
    shown, told = [], []

    class TellingWatch(Analyzer):
        def see(self, index, now, view):
            shown.append(now)
            super().see(index, now, view)

    class TellingRendering(Rendering):
        def add(self, frame, regions):
            told.append(max(shown))
            super().add(frame, regions)

    monkeypatch.setattr(pipeline, "Watch", TellingWatch)
    monkeypatch.setattr("redact.rendering.Rendering", TellingRendering)
    monkeypatch.setattr(trailing, "_MOST_QUEUED", 0)
    monkeypatch.setattr("redact.watch.Watch.settled_before", lambda _analyzer, now: now)
    source = tmp_path / "a.mp4"
    write_clip(source, frames=FRAMES)
    redact.redact_clip(source, tmp_path / "b.mp4", Settings(audit=False, plates=False))
    assert told[0] < 1.0, f"the first frame waited for {told[0]} s of the clip"


@pytest.mark.parametrize("wanted", [[0], [59], [3, 4, 5, 31], range(FRAMES)])
def test_chosen_frames_are_those_of_the_whole_clip(clip, wanted):
    chosen = {frame.index: frame.y.copy() for frame in video.read_chosen(clip, wanted)}
    assert sorted(chosen) == sorted(wanted)
    for frame in video.read_frames(clip):
        if frame.index in chosen:
            assert np.array_equal(chosen[frame.index], frame.y)


def test_ids_stay_when_tracks_are_made_anew():
    """What ended is not among the tracks any more, something new comes first."""
    at, beside, new = (0, 0, 40, 40), (100, 0, 140, 40), (200, 0, 240, 40)
    ids = StableIds()
    first = ids.given([make_track(1, [at] * 20), make_track(2, [beside] * 40)], 10)
    assert [track.id for track in first] == [1, 2]
    tracks = [make_track(1, [new] * 40), make_track(2, [beside] * 60)]
    assert [track.id for track in ids.given(tracks, 30)] == [3, 2]
    assert [track.id for track in ids.given(tracks[::-1], 31)] == [2, 3]
