"""Measures the ranges that `quantize.py` needs, for `centerface_ranges.json`.

    python .build/calibrate.py FOLDER

FOLDER has photographs, of which 60 are drawn. This is run by hand: whoever builds the package uses
the file. It needs onnx, onnxruntime and OpenCV.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from onnx import helper
from quantize import folded, values_to_measure

HOME = Path(__file__).parent
_MODEL = HOME.parent / "redact" / "weights" / "centerface_any_size.onnx"
_PHOTOS, _SEED, _LONG_SIDES, _MULTIPLE = 60, 0, (320, 640, 960), 32
# This share of the numbers at each end is left out, which makes all others finer.
_OUTLIERS = 1e-4
# What the first and the second convolution take. Rounded alone, the latter adds an error of
# 0.036 to the scores of faces, and all others less than 0.014 each.
_EXACT = {"input.1", "365"}


def main(folder: Path) -> None:
    """Write the lowest and highest number of every value, over all photographs."""
    photos = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
    photos = random.Random(_SEED).sample(photos, _PHOTOS)
    proto = folded(_MODEL.read_bytes())
    names = values_to_measure(proto)
    (source,) = proto.graph.input
    del proto.graph.output[:]
    inner = [name for name in names if name != source.name]
    proto.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in inner)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    ranges = {name: [0.0, 0.0] for name in names}
    for photo, long_side in zip(photos, itertools.cycle(_LONG_SIDES)):
        values = {source.name: _input_of(photo, long_side)}
        outputs = dict(zip(inner, session.run(inner, values), strict=True))
        for name, value in (values | outputs).items():
            low, high = ranges[name]
            first, last = np.quantile(value, [_OUTLIERS, 1 - _OUTLIERS]).tolist()
            ranges[name] = [min(low, first), max(high, last)]
    ranges = {name: ends for name, ends in ranges.items() if name not in _EXACT}
    rounded = {name: [round(v, 4) for v in ends] for name, ends in ranges.items()}
    lines = ",\n".join(f"  {json.dumps(name)}: {ends}" for name, ends in rounded.items())
    (HOME / "centerface_ranges.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _input_of(photo: Path, long_side: int) -> np.ndarray:
    """A photograph as CenterFace takes it, (1, 3, H, W) float32 RGB."""
    image = cv2.imread(str(photo))
    scale = long_side / max(image.shape[:2])
    width, height = (
        max(1, round(side * scale / _MULTIPLE)) * _MULTIPLE for side in image.shape[1::-1]
    )
    return cv2.dnn.blobFromImage(image, 1.0, (width, height), (0, 0, 0), swapRB=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
