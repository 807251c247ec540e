"""The head detector, and other scores for its detections."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from portrait import portrait

from redact import Box, Detection
from redact.detectors.centerface import CenterFaceDetector
from redact.detectors.heads import HeadDetector
from redact.detectors.rescored import RescoredDetector, Rescoring
from redact.geometry import covered_share

WALKERS = Path(os.environ.get("REDACT_DATA", "../shared/data")) / "clips"
WALKERS /= "intel_one-by-one-person-detection.mp4"


def read_frame(path, index):
    reader = cv2.VideoCapture(str(path))
    reader.set(cv2.CAP_PROP_POS_FRAMES, index)
    return reader.read()[1]


@pytest.mark.parametrize("side", [224, 448])
def test_the_head_contains_the_face_and_the_hair(side):
    photo, face = portrait()
    (head,) = HeadDetector((side,)).detect(photo)
    assert head.kind == "head"
    assert covered_share(Box(*face[0]), [head.box]) > 0.95
    assert head.box.area < 3 * Box(*face[0]).area


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_it_tells_in_which_turn_people_stand_upright(turn):
    photo, _ = portrait()
    turned = np.rot90(photo, turn // 90)  # counterclockwise, so that the clockwise turn undoes it
    (head,) = HeadDetector().detect(np.ascontiguousarray(turned))
    assert head.turn_degrees == turn


@pytest.mark.skipif(not WALKERS.is_file(), reason="set REDACT_DATA to a folder with clips/")
def test_a_head_is_detected_from_behind():
    frame = read_frame(WALKERS, 120)
    assert not [d for d in CenterFaceDetector().detect(frame) if d.score > 0.5]
    (head,) = HeadDetector().detect(frame)
    hair = Box(436, 16, 484, 92)
    assert covered_share(hair, [head.box]) > 0.9
    assert head.box.area < 2 * hair.area


def test_a_plain_image_has_no_heads():
    grey = np.full((240, 320, 3), 128, np.uint8)
    assert [d for d in HeadDetector().detect(grey) if d.score > 0.5] == []


def test_rescored_heads_count_as_faces_with_scores_on_another_scale():
    class Heads:
        def detect(self, image):
            return [Detection(kind="head", box=Box(0, 0, 9, 9), score=s) for s in (0.6, 0.9)]

    rescoring = Rescoring(weight=0.5, offset=-0.1, max_score=0.3)
    found = RescoredDetector(Heads(), rescoring).detect(np.zeros((9, 9, 3), np.uint8))
    assert [detection.kind for detection in found] == ["face", "face"]
    assert [detection.score for detection in found] == pytest.approx([0.2, 0.3])
