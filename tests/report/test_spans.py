"""Detections in one place over time become one line that a person can read."""

import numpy as np
from make_plans import make_clip

from redact import Box, Detection
from redact.report.spans import spans_of
from redact.types import format_time

CLIP = make_clip()  # 30 frames a second
BOX = Box(10, 20, 50, 60)


def detection(frame_index, box=BOX, kind="face", score=0.5):
    return Detection(kind=kind, box=box, score=score, frame_index=frame_index)


def indices(detections, clip=CLIP):
    return [[d.frame_index for d in span.detections] for span in spans_of(detections, clip)]


def test_overlapping_detections_of_one_kind_share_a_span():
    assert indices([detection(3), detection(1), detection(2)]) == [[1, 2, 3]]


def test_detections_that_do_not_overlap_are_apart():
    beside = Box(50, 20, 90, 60)
    assert indices([detection(1), detection(2, beside), detection(3)]) == [[1, 3], [2]]


def test_kinds_are_apart():
    assert indices([detection(1), detection(2, kind="plate")]) == [[1], [2]]


def test_a_gap_of_more_than_a_second_ends_a_span():
    clip = make_clip(pts=512 * np.arange(100))
    assert indices([detection(0), detection(30)], clip) == [[0, 30]]
    assert indices([detection(0), detection(31)], clip) == [[0], [31]]


def test_two_detections_in_one_frame_are_apart_and_each_continues_its_own_span():
    left, right = Box(0, 0, 40, 40), Box(30, 0, 70, 40)
    spans = spans_of([detection(i, box) for i in (1, 2, 3) for box in (right, left)], CLIP)
    assert [{d.box for d in span.detections} for span in spans] == [{left}, {right}]


def test_boxes_of_one_thing_in_one_frame_count_once_by_the_best_of_them():
    inside = Box(12, 22, 49, 59)
    found = [detection(i, box, score=s) for i in (1, 2) for box, s in ((BOX, 0.6), (inside, 0.9))]
    (span,) = spans_of(found, CLIP)
    assert [(d.frame_index, d.score) for d in span.detections] == [(1, 0.9), (2, 0.9)]
    assert indices([detection(1), detection(1, kind="plate")]) == [[1], [1]]


def test_a_span_is_described_with_times_size_and_score():
    spans = spans_of([detection(3), detection(9, score=0.934), detection(12)], CLIP)
    assert [span.described(CLIP) for span in spans] == [
        "face, 0:00.1 to 0:00.4, 3 frames, at 10,20 (40 x 40 px), best score 0.93"
    ]


def test_a_single_detection_has_one_time():
    (span,) = spans_of([detection(12, kind="plate")], CLIP)
    assert span.described(CLIP) == "plate, 0:00.4, 1 frame, at 10,20 (40 x 40 px), score 0.50"


def test_times_are_those_that_a_player_shows():
    shown = [format_time(seconds) for seconds in (0, 12.44, 59.96, 725, 3723.4)]
    assert shown == ["0:00.0", "0:12.4", "1:00.0", "12:05.0", "1:02:03.4"]
    assert make_clip(pts=np.array([512, 1024])).time_label(0) == "0:00.0"
