"""Scans of parts of a frame, and the check of what detectors return."""

import numpy as np
import pytest

import redact
from redact import Box, Detection
from redact.analysis.scans import ScanSpec, scan_frame, scan_part
from redact.views import ArrayView

FACE = Box(60, 60, 100, 100)


def detection(kind="face", box=FACE, score=0.9):
    return Detection(kind=kind, box=box, score=score)


class Returns:
    """A user's detector that returns the same for every image."""

    def __init__(self, value):
        self.value = value

    def detect(self, image):
        return self.value


@pytest.mark.parametrize(
    ("part", "score"),
    [
        (Box(40, 40, 160, 160), 0.9),
        (Box(70, 40, 160, 160), 0.39),
        (Box(40, 40, 160, 96), 0.39),
        (Box(40, 40, 160, 99), 0.9),
    ],
    ids=["whole", "cut on the left", "cut below", "a sliver cut"],
)
def test_a_detection_that_the_edge_of_the_part_cuts_gets_a_low_score(part, score):
    class SeesTheFace:
        """Detects one face, wherever the part lies: the part was scaled by 2."""

        def detect(self, image):
            x0, y0, x1, y1 = (2 * (v - o) for v, o in zip(FACE, part[:2] * 2, strict=True))
            return [detection(box=Box(x0, y0, x1, y1))]

    longer_side = max(part.width, part.height)
    scan = ScanSpec(SeesTheFace(), where="moving", part_side_pixels=round(2 * longer_side))
    (found,) = scan_part(scan, ArrayView(np.zeros((200, 300, 3), np.uint8)), part)
    assert found.score == score
    np.testing.assert_allclose(found.box, FACE, atol=1.0)


def test_the_edge_of_the_frame_cuts_nothing():
    detector = Returns([detection(box=Box(-30, -20, 40, 50))])
    scan = ScanSpec(detector, where="moving", part_side_pixels=100)
    (found,) = scan_part(scan, ArrayView(np.zeros((200, 300, 3), np.uint8)), Box(0, 0, 100, 100))
    assert found.score == 0.9


@pytest.mark.parametrize(
    ("seen", "whole"),
    [
        (Box(1, 60, 21, 110), Box(-24, 60, 21, 110)),
        (Box(281, 60, 299, 110), Box(281, 60, 326, 110)),
        (Box(100, -2, 145, 20), Box(100, -30, 145, 20)),
        (Box(100, 180, 145, 201), Box(100, 180, 145, 230)),
        (Box(0, 60, 60, 110), Box(0, 60, 60, 110)),
        (Box(40, 60, 60, 110), Box(40, 60, 60, 110)),
    ],
    ids=["left", "right", "above", "below", "whole at the edge", "narrow inside the frame"],
)
def test_a_face_cut_by_the_edge_of_the_frame_is_completed_beyond_it(seen, whole):
    view = ArrayView(np.zeros((200, 300, 3), np.uint8))
    (found,) = scan_frame(ScanSpec(Returns([detection(box=seen)])), view)
    assert found.box == pytest.approx(whole)
    (plate,) = scan_frame(ScanSpec(Returns([detection("plate", seen)])), view)
    assert plate.box == seen


def test_numbers_of_any_type_and_boxes_over_the_edge_are_fine():
    boxes = [Box(*np.float32([10, 10, 40, 40])), Box(-10, 50, 30, 90)]
    returned = (detection(box=box, score=np.float32(1.0)) for box in boxes)
    image = np.full((96, 128, 3), 200, np.uint8)
    redact.redact_image(image, detectors=[Returns(returned)])


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (None, TypeError, "None; expected a sequence of redact.Detection"),
        (3, TypeError, "3; expected a sequence of redact.Detection"),
        ([FACE], TypeError, r"a sequence with Box\(.* in it; expected redact.Detection"),
        (np.zeros((2, 5)), TypeError, "a sequence with array"),
        ([detection(kind=1)], TypeError, "the kind 1; expected a string"),
        ([detection(box=None)], TypeError, "the box None; expected a redact.Box"),
        (
            [detection(box=(1, 2, 3, 4))],
            TypeError,
            r"the box \(1, 2, 3, 4\); expected a redact.Box",
        ),
        ([detection(box=Box(0, 0, "9", 9))], TypeError, "the box .*'9'.* expected .* numbers"),
        ([detection(box=Box(0, 0, float("nan"), 9))], ValueError, "Box.*x1=nan.* expected finite"),
        ([detection(box=Box(0, 0, float("inf"), 9))], ValueError, "Box.*x1=inf.* expected finite"),
        ([detection(box=Box(80, 20, 40, 60))], ValueError, "Box.*x0=80.* expected x0 <= x1"),
        ([detection(box=Box(20, 60, 40, 20))], ValueError, "Box.*y0=60.* expected x0 <= x1"),
        ([detection(score=None)], TypeError, "the score None; expected a number"),
        ([detection(score="0.9")], TypeError, "the score '0.9'; expected a number"),
        ([detection(score=float("nan"))], ValueError, r"the score nan; expected .* 0\.\.1"),
        ([detection(score=1.5)], ValueError, r"the score 1.5; expected .* 0\.\.1"),
        ([detection(score=-0.1)], ValueError, r"the score -0.1; expected .* 0\.\.1"),
    ],
)
def test_a_wrong_result_is_named_with_its_detector_and_what_is_expected(returned, error, message):
    with pytest.raises(error, match=rf"^Returns\.detect returned {message}"):
        redact.redact_image(np.zeros((64, 96, 3), np.uint8), detectors=[Returns(returned)])


def test_an_object_that_is_no_detector_is_refused():
    with pytest.raises(TypeError, match="method detect"):
        redact.redact_image(np.zeros((64, 96, 3), np.uint8), detectors=[object()])
