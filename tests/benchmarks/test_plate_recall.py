"""The plate benchmark counts labels as covered, and area as false, where that is so."""

import json

import cv2
import numpy as np
import pytest

from benchmarks import accuracy, plate_recall
from benchmarks.real_data import data_folder
from redact import Box, Detection

IMAGE = np.zeros((100, 200, 3), np.uint8)


def detections(*boxes_and_scores):
    return lambda image: [
        Detection(kind="plate", box=Box(*box), score=score) for box, score in boxes_and_scores
    ]


def at(threshold):
    return int(np.argmin(np.abs(plate_recall._THRESHOLD_GRID - threshold)))


def test_a_label_is_covered_at_thresholds_up_to_the_score_of_its_detection():
    detect = detections(((10, 10, 50, 30), 0.9), ((100, 10, 110, 30), 0.8))
    seen = plate_recall.score_image(
        "set", IMAGE, [Box(10, 10, 50, 30), Box(100, 10, 140, 30)], detect
    )
    assert seen.scores == [0.9, 0.0]  # a quarter of the second one is covered


def test_two_detections_cover_a_label_together_at_the_lower_score():
    detect = detections(((10, 10, 32, 30), 0.9), ((28, 10, 50, 30), 0.6))
    seen = plate_recall.score_image("set", IMAGE, [Box(10, 10, 50, 30)], detect)
    assert seen.scores == [0.6]


def test_false_area_is_covered_area_away_from_labels_at_the_threshold():
    detect = detections(((10, 10, 50, 30), 0.9), ((150, 60, 190, 80), 0.7))
    seen = plate_recall.score_image("set", IMAGE, [Box(10, 10, 50, 30)], detect)
    assert seen.false_areas[at(0.71)] == 0
    assert seen.false_areas[at(0.5)] == pytest.approx(52 * 26 / IMAGE.shape[0] / IMAGE.shape[1])


def test_the_chosen_threshold_is_the_lowest_with_a_small_enough_false_area():
    detect = detections(((150, 60, 190, 80), 0.7))
    seen = [plate_recall.score_image("set", IMAGE, [], detect)]
    assert plate_recall.threshold_for(seen, 0.005) == pytest.approx(0.71)
    assert plate_recall.threshold_for(seen, 0.5) == pytest.approx(plate_recall.MIN_SCORE)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "openimages_416").mkdir()
    labels = {f"openimages_416/{n}.png": [{"x": 10, "y": 10, "w": 40, "h": 20}] for n in "ab"}
    for name in labels:
        cv2.imwrite(str(tmp_path / name), IMAGE)
    groups = zip(labels, (2, 3), strict=True)
    meta = {name: {"tier": "A", "group": group} for name, group in groups}
    (tmp_path / "boxes.json").write_text(json.dumps(labels))
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    return tmp_path


def test_images_that_were_trained_on_form_a_set_of_their_own(folder, capsys):
    class Blind:
        def detect(self, image):
            return []

    plate_recall.measure(folder, Blind(), without=[folder])
    lines = capsys.readouterr().out.splitlines()
    plates = {line[2:30].strip(): int(line[31:37]) for line in lines[2:5]}
    assert plates == {"openimages_416": 1, "openimages_416 (trained on)": 1, "all": 1}


@pytest.mark.skipif(
    not (data_folder() / "plates").is_dir(),
    reason="set REDACT_DATA to a folder with labelled images in plates/",
)
def test_most_real_plates_are_detected(capsys):
    folder = data_folder() / "plates"
    accuracy.main(["--plates", str(folder), "--thresholds", "0.4", "--max-images", "6"])
    lines = capsys.readouterr().out.splitlines()
    shares = {line[2:30].strip(): float(line[39:44]) for line in lines[2:8]}
    assert shares["openalpr_eu"] > 0.8
