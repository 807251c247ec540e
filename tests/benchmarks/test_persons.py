"""The benchmark of persons tells right joins from wrong ones."""

import dataclasses

import cv2
import numpy as np
import pytest
from make_plans import make_track

from benchmarks import persons
from benchmarks.ground_truth import Truth

LEFT, RIGHT = [100, 100, 140, 150], [400, 100, 440, 150]


def known(name, box):
    return {"id": name, "kind": "face", "keys": [[0, *box], [99, *box]]}


TRUTH = Truth("a.mp4", (640, 360), 100, (known("ann", LEFT), known("bob", RIGHT)))


def track(number, box, start, person):
    made = make_track(number, [box] * 10, start=start)
    return dataclasses.replace(made, person=person, scores=np.full(10, 0.9, np.float32))


def test_a_track_shows_who_is_known_to_be_there():
    assert persons.shown_in(track(1, LEFT, 0, 1), TRUTH) == "ann"
    assert persons.shown_in(track(1, [300, 300, 340, 350], 0, 1), TRUTH) is None


def test_joins_are_counted_as_possible_made_and_wrong():
    ann = [track(1, LEFT, 0, 1), track(2, LEFT, 20, 1), track(3, LEFT, 40, 2)]
    bob = [track(4, RIGHT, 0, 3), track(5, RIGHT, 5, 4)]
    assert persons.score([*ann, *bob], TRUTH) == {
        "faces": 5,
        "possible": 3,  # of Bob's two tracks each shows while the other does
        "joined": 1,
        "wrong": 0,
    }
    wrong = dataclasses.replace(bob[0], person=1)
    assert persons.score([ann[0], wrong], TRUTH)["wrong"] == 1


def test_looks_of_two_people_in_one_picture_are_compared(tmp_path):
    (tmp_path / "set").mkdir()
    image = np.full((300, 600, 3), 128, np.uint8)
    image[150:290, 60:180], image[150:290, 360:480] = (200, 40, 40), (40, 40, 200)
    cv2.imwrite(str(tmp_path / "set" / "a.png"), image)
    boxes = '[{"x": 100, "y": 90, "w": 40, "h": 50}, {"x": 400, "y": 90, "w": 40, "h": 50}]'
    (tmp_path / "boxes.json").write_text(f'{{"set/a.png": {boxes}}}')
    (value,) = persons.differences(tmp_path)
    assert value == pytest.approx(0.9, abs=0.15)
