"""A small folder of labelled photographs, laid out like the real one."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def photo_folder(tmp_path):
    """Seven images: which of them are trained on, `test_photos` says; clips without frames."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    plate = {"x": 40, "y": 30, "w": 30, "h": 10}
    sets = {
        "plates": {
            "openimages_416/even.jpg": ([plate], {"tier": "A", "group": 2}),
            "openimages_416/odd.jpg": ([plate], {"tier": "A", "group": 3}),
            "kaggle433_416/unclear.jpg": ([plate], {"tier": "B", "group": 2}),
        },
        "train/plates": {
            "openimages/one.jpg": (
                [
                    plate | {"kind": "plate"},
                    {"x": 80, "y": 50, "w": 9, "h": 5, "kind": "ignore"},
                    {"x": 5, "y": 5, "w": 20, "h": 20, "kind": "head"},
                ],
                {"tier": "A"},
            ),
        },
        "train/heads": {
            "caltech101_faces/face.jpg": ([plate | {"kind": "face"}], {"path": "one.jpg"}),
            "intel_frames/asl.jpg": ([], {"path": "asl_gestures/again.mkv"}),
            "openimages_people/again.jpg": ([], {"same_file_as": "plates/openimages/one.jpg"}),
        },
    }
    for part, images in sets.items():
        boxes, meta = {}, {}
        for name, (items, about) in images.items():
            (folder / part / name).parent.mkdir(parents=True, exist_ok=True)
            image = rng.integers(0, 255, (80, 120, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / part / name), image)
            boxes[name], meta[name] = items, about
        (folder / part / "boxes.json").write_text(json.dumps(boxes))
        (folder / part / "meta.json").write_text(json.dumps(meta))
    return folder
