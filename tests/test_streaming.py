"""Streams of images: covered, in order, a fixed time later."""

import numpy as np
import pytest
from make_clips import SquareDetector, brightest, draw, read_back
from make_plans import make_track

import redact
from redact.streaming import _StableIds


def pictures(count):
    return [draw(index, 320, 240) for index in range(count)]


def test_a_stream_keeps_order_and_covers_before_the_first_detection():
    frames = pictures(40)
    detector = SquareDetector(blind={*range(10), *range(20, 26)})
    settings = redact.Settings(lookahead_seconds=0.5, extend_seconds=0.6)
    safe = list(redact.redact_frames(iter(frames), settings, frame_rate=25, detectors=[detector]))
    assert len(safe) == 40
    assert max(map(brightest, safe)) < 200
    corner = [
        np.abs(a[:30, :30].astype(int) - b[:30, :30]).max()
        for a, b in zip(frames, safe, strict=False)
    ]
    assert max(corner) == 0


def test_a_stream_holds_no_more_frames_than_the_lookahead():
    given = 0

    def source():
        nonlocal given
        for image in pictures(40):
            given += 1
            yield image

    settings = redact.Settings(lookahead_seconds=0.4)
    stream = redact.redact_frames(source(), settings, frame_rate=25, detectors=[SquareDetector()])
    for taken, _ in enumerate(stream, 1):
        assert given - taken <= 10


def test_a_stream_covers_zones_while_they_exist():
    zone = redact.Zone.from_box(0, 0.5, 0.5, 1, start_seconds=0.4, stop_seconds=0.8)
    settings = redact.Settings(zones=(zone,), lookahead_seconds=0.2)
    frames = pictures(30)
    stream = redact.redact_frames(frames, settings, frame_rate=25, detectors=[])
    changed = [(a != b)[120:, :160].mean() for a, b in zip(frames, stream, strict=True)]
    assert [share > 0.5 for share in changed] == [10 <= index < 20 for index in range(30)]


@pytest.mark.parametrize(
    ("rate", "error"),
    [(0, ValueError), (float("inf"), ValueError), (float("nan"), ValueError), ("30", TypeError)],
)
def test_a_stream_needs_a_frame_rate(rate, error):
    with pytest.raises(error, match="frame_rate must be"):
        next(redact.redact_frames([], frame_rate=rate))


def test_a_stream_needs_images():
    with pytest.raises(TypeError, match="frames must be images"):
        next(redact.redact_frames(None))


def test_a_stream_covers_what_a_clip_would(doorbell):
    """Everything that the analysis of the clip detected is covered when it is streamed, too."""
    _, frames = read_back(doorbell)
    settings = redact.Settings(plates=False)
    plan = redact.analyze(doorbell, settings)
    rate = (len(frames) - 1) / float(plan.clip.seconds[-1])
    kept = 0
    for index, safe in enumerate(redact.redact_frames(iter(frames), settings, frame_rate=rate)):
        changed = np.abs(safe.astype(int) - frames[index]).max(axis=2) > 0
        for track in plan.tracks:
            box = track.box_at(index)
            if box is not None and np.isfinite(track.scores[index - track.start_index]):
                x0, y0, x1, y1 = (max(0, round(v)) for v in box)
                assert changed[y0:y1, x0:x1].mean() > 0.9, (index, track.kind)
                kept += 1
    assert kept > 20


def test_frames_of_another_size_are_refused():
    frames = [np.zeros((240, 320, 3), np.uint8), np.zeros((120, 320, 3), np.uint8)]
    with pytest.raises(ValueError, match="one size"):
        list(redact.redact_frames(frames, detectors=[]))


def test_something_that_is_no_image_is_refused_by_its_type():
    with pytest.raises(TypeError, match="NoneType"):
        next(redact.redact_frames([None], detectors=[]))


def test_the_threads_of_the_settings_are_used(monkeypatch):
    workers = []

    class Recording(redact.streaming.Analyzer):
        def __init__(self, scans, settings, *, workers: int = 0, **options):
            record(workers)
            super().__init__(scans, settings, workers=workers, **options)

    record = workers.append
    monkeypatch.setattr(redact.streaming, "Analyzer", Recording)
    settings = redact.Settings(threads=3, plates=False, detector="fast", heads="off")
    list(redact.redact_frames(pictures(2), settings))
    assert workers == [3]


def test_the_image_that_went_in_is_not_painted_on():
    frames = pictures(30)
    before = [frame.copy() for frame in frames]
    safe = list(redact.redact_frames(frames, frame_rate=25, detectors=[SquareDetector()]))
    assert all(np.array_equal(a, b) for a, b in zip(frames, before, strict=True))
    assert max(map(brightest, safe)) < 200


def test_ids_stay_when_tracks_are_made_again():
    """One track has ended by then, and a new one comes first."""
    at, beside, new = (0, 0, 40, 40), (100, 0, 140, 40), (200, 0, 240, 40)
    ids = _StableIds()
    first = ids.assign([make_track(1, [at] * 20), make_track(2, [beside] * 40)], 10)
    assert [track.id for track in first] == [1, 2]
    tracks = [make_track(1, [new] * 40), make_track(2, [beside] * 60)]
    assert [track.id for track in ids.assign(tracks, 30)] == [3, 2]
    assert [track.id for track in ids.assign(tracks[::-1], 31)] == [2, 3]
