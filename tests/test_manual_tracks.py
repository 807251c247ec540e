"""`follow`: a box on one frame becomes a track, forward and backward."""

import numpy as np
import pytest
from make_clips import SIDE, brightest, read_back, square_at, write_clip

import redact
from redact import manual_tracks


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_clip(path)
    return path


@pytest.fixture(scope="module")
def plan(clip):
    """A plan of a clip in which nothing was detected."""
    return redact.analyze(clip, redact.Settings(min_region_pixels=2), detectors=[])


def square(index):
    x, y = square_at(index)
    return x, y, x + SIDE, y + SIDE


@pytest.mark.parametrize("index", [0, 11, 23])
def test_a_box_is_followed_both_ways(plan, index, monkeypatch):
    monkeypatch.setattr(manual_tracks, "_MAX_HELD_FRAMES", 4)
    track = redact.follow(plan, square(index), frame=index, kind="parcel")
    assert (track.start_index, track.stop_index, track.kind) == (0, 24, "parcel")
    for number in range(24):
        np.testing.assert_allclose(track.box_at(number), square(number), atol=4)
    assert np.flatnonzero(np.isfinite(track.scores)).tolist() == [index]


def test_the_time_means_the_frame_that_is_shown_then(plan):
    for at in (0.44, 0.479):
        track = redact.follow(plan, square(11), at=at)
        assert np.flatnonzero(np.isfinite(track.scores)).tolist() == [11]


def test_what_is_followed_can_be_covered(plan, tmp_path):
    covered = plan.cover(redact.follow(plan, square(11), frame=11), reason="my parcel")
    redact.render(covered, tmp_path / "b.mp4", detectors=[])
    assert max(map(brightest, read_back(tmp_path / "b.mp4")[1])) < 200


def test_progress_is_told(plan):
    told = []
    redact.follow(plan, square(11), frame=11, progress=lambda *call: told.append(call))
    assert told[0] == ("follow", 1, 24) and told[-1] == ("follow", 23, 24)


@pytest.mark.parametrize(
    ("box", "options", "said"),
    [
        ((1, 2, 3), {"frame": 3}, "four numbers"),
        ((20, 20, 10, 40), {"frame": 3}, "x0 < x1"),
        ((400, 20, 440, 40), {"frame": 3}, "picture of 320x240"),
        ((200, 20, 202, 40), {"frame": 3}, "can't follow the box 200, 20, 202, 40: .* too small"),
        ((20, 20, 60, 60), {}, "by its time or by its index"),
        ((20, 20, 60, 60), {"frame": 3, "at": 1}, "by its time or by its index"),
        ((20, 20, 60, 60), {"frame": 24}, "frame 24 is not in the clip"),
        ((20, 20, 60, 60), {"at": 1.0}, r"1 s is not in the clip, which ends at 0\.96 s"),
    ],
)
def test_what_cannot_be_followed_is_refused(plan, box, options, said):
    with pytest.raises(redact.PlanError, match=said):
        redact.follow(plan, box, **options)


def test_another_clip_is_refused(plan, tmp_path):
    write_clip(tmp_path / "b.mp4", frames=20)
    with pytest.raises(redact.PlanError, match="not the clip that was analyzed"):
        redact.follow(plan, square(3), frame=3, source=tmp_path / "b.mp4")
