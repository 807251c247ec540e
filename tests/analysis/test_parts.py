"""A long clip is analyzed in parts, and they give what one analysis of it gives."""

import numpy as np
import pytest
from moving_square import EXACT, RATE, Bright, picture

from redact.analysis import parts, tuning
from redact.analysis.analyzer import Analyzer
from redact.analysis.parts import (
    ClipAnalyzer,
    analyzed_frames,
    join_parts,
    part_count,
    parts_at,
)
from redact.analysis.scans import ScanSpec
from redact.views import ArrayView, Presentation

FRAMES = 90
SECONDS = np.arange(FRAMES) / RATE


@pytest.fixture
def short_parts(monkeypatch):
    """Parts of four seconds, with one second around them."""
    monkeypatch.setattr(parts, "TUNING", tuning.AnalysisTuning(part_seconds=4.0))
    monkeypatch.setattr(parts, "CONTEXT_SECONDS", 1.0)


def test_each_time_belongs_to_one_part_and_to_two_around_a_seam(short_parts):
    assert [[*parts_at(time)] for time in (0, 2.9, 3.0, 4.0, 4.9, 5.0, 9.0)] == [
        [0],
        [0],
        [0, 1],
        [0, 1],
        [0, 1],
        [1],
        [2],
    ]
    assert part_count(SECONDS) == 3
    spans = [analyzed_frames(number, SECONDS) for number in range(3)]
    assert spans == [range(50), range(30, 90), range(70, 90)]


def test_clips_of_up_to_five_minutes_are_one_part():
    assert part_count(np.array([0.0, 299.9])) == 1
    assert part_count(np.array([0.0, 300.0])) == 2


def analyzed(detector, frames=FRAMES):
    def make():
        return Analyzer([ScanSpec(detector, every_seconds=0.2)], EXACT)

    with ClipAnalyzer(make) as analyzer:
        for index in range(frames):
            analyzer.push(index, index / RATE, lambda index=index: ArrayView(picture(index)))
        return analyzer.finish()


def tracks_of(seen, frames=FRAMES):
    seconds = SECONDS[:frames]
    return join_parts(seen, seconds).tracks(seconds, EXACT, Presentation())


def test_parts_give_the_track_that_one_analysis_gives(short_parts, monkeypatch):
    (in_parts,) = tracks_of(seen := analyzed(Bright()))
    assert sorted(seen) == [0, 1, 2]
    monkeypatch.undo()
    (whole,) = tracks_of(seen := analyzed(Bright()))
    assert sorted(seen) == [0]
    assert (in_parts.start_index, in_parts.stop_index) == (0, whole.stop_index)
    np.testing.assert_allclose(in_parts.boxes, whole.boxes, atol=0.5)
    np.testing.assert_array_equal(np.isfinite(in_parts.scores), np.isfinite(whole.scores))


def test_a_part_that_the_clip_does_not_reach_is_dropped(short_parts):
    seen = analyzed(Bright(), frames=35)
    assert sorted(seen) == [0, 1]
    (track,) = tracks_of(seen, frames=35)
    assert (track.start_index, track.stop_index) == (0, 35)


def test_each_frame_around_a_seam_is_scanned_for_both_parts(short_parts):
    detector = Bright()
    analyzed(detector)
    # Every second frame of 90, and of the 20 around each of two seams once more.
    assert len(detector.shown) == 45 + 10 + 10
