"""Clips made anew in the ways people have them: boxes stay on what they show."""

import cv2
import numpy as np
import pytest

from benchmarks.ground_truth import Truth
from benchmarks.moving_scenes import encode
from benchmarks.ways import WAYS, build

SIZE = (128, 96)


def moving_patch():
    """Forty frames in which a white patch moves to the right."""
    for index in range(40):
        image = np.full((SIZE[1], SIZE[0], 3), 20, np.uint8)
        cv2.rectangle(image, (10 + index, 30), (29 + index, 53), (255, 255, 255), -1)
        yield image, index * 9000


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("ways") / "patch.mp4"
    encode(path, moving_patch(), SIZE, 10, crf=10)
    keys = [[0, 10, 30, 30, 54], [39, 49, 30, 69, 54]]
    patch = {"id": "patch", "kind": "face", "keys": keys, "hidden": [[8, 16]]}
    return path, Truth("patch.mp4", SIZE, 40, (patch,), ((0, 40, 0, 60, 10, 70),))


@pytest.mark.parametrize("name", WAYS)
def test_the_boxes_lie_on_the_patch_in_every_frame(clip, name, tmp_path):
    path, truth = build(*clip, name, tmp_path)
    video = cv2.VideoCapture(str(path))
    count = 0
    while (read := video.read())[0]:
        image = read[1]
        assert (image.shape[1], image.shape[0]) == truth.size
        (known,) = truth.at(count)
        rows, columns = np.nonzero(image[:, :, 0] > 128)
        seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(known.box, seen, atol=1.5)
        count += 1
    assert count == truth.frames
    step = {"lapse8": 8, "lapse16": 16, "fps1": 10}.get(name, 1)
    assert count == -(-40 // step)
    assert [not known.counts for i in range(count) for known in truth.at(i)] == [
        8 <= i * step < 16 for i in range(count)
    ]
    assert all(len(truth.ignored(i)) == 1 for i in range(count))
