"""BlazeFace through mediapipe: near faces, a few milliseconds a picture.

Source: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
2019, and MediaPipe's face detection model cards.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors import weights as _weights
from redact.types import Box, Detection

# MediaPipe's fourth model, "back", loads too, but Tasks decodes it with the wrong anchors.
MODELS = ("short_range", "full_range", "full_range_sparse")

# The picture is shrunk to this longer side before the model's own 128 or 192 px.
_LONG_SIDE = 576

_stderr_lock = threading.Lock()


class BlazeFaceDetector:
    """Faces by one of MediaPipe's BlazeFace models; see `MODELS`.

    The picture is looked at whole, shrunk to 128 or 192 px, so a face must fill some 5 to 10 %
    of the picture's longer side. `full_range_sparse` reaches farthest for its cost.

    Args:
        model: one of `MODELS`.
        threshold: lowest score that is reported, 0..1.

    Raises:
        ValueError: the model's name is unknown.
        WeightsError: the model's file is missing.

    """

    kinds = ("face",)

    def __init__(self, model: str = "full_range_sparse", *, threshold: float = 0.35) -> None:
        if model not in MODELS:
            raise ValueError(f"unknown BlazeFace model {model!r}; known are {', '.join(MODELS)}")
        import mediapipe

        self._mediapipe = mediapipe
        self._lock = threading.Lock()
        weights = _with_metadata(_weights.find(f"face_detection_{model}.tflite").read_bytes())
        vision = mediapipe.tasks.vision
        options = vision.FaceDetectorOptions(
            base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=weights),
            min_detection_confidence=threshold,
        )
        with _quiet_stderr():
            self._detector = vision.FaceDetector.create_from_options(options)
            # The runtime logs once more when it first runs.
            self.detect(np.zeros((64, 64, 3), dtype=np.uint8))
        # Left to the interpreter's end, the runtime's own clean-up fails noisily.
        self._close = weakref.finalize(self, _close_quietly, self._detector)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR picture, boxes on pixels of its shrunk copy."""
        # Shrunk first: the model sees no more, and everything else costs by the pixel.
        scale = min(1.0, _LONG_SIDE / max(image.shape[:2]))
        small = (
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            if scale < 1
            else image
        )
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        wrapped = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        fx, fy = image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]
        found = []
        with self._lock:
            items = self._detector.detect(wrapped).detections
        for item in items:
            x, y = item.bounding_box.origin_x, item.bounding_box.origin_y
            right, bottom = x + item.bounding_box.width, y + item.bounding_box.height
            box = Box(x * fx, y * fy, right * fx, bottom * fy)
            found.append(Detection(kind="face", box=box, score=item.categories[0].score))
        return found

    def close(self) -> None:
        """Free the runtime; the detector can't be used afterwards."""
        self._close()


def _with_metadata(model: bytes) -> bytes:
    """The same TFLite model with a note that its input is RGB scaled to -1..1.

    mediapipe's Tasks refuse a float model without this `NormalizationOptions` block.
    """
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as meta
    from mediapipe.tasks.metadata import schema_py_generated as schema

    scaling = meta.NormalizationOptionsT()
    scaling.mean, scaling.std = [127.5], [127.5]
    step = meta.ProcessUnitT()
    step.optionsType = meta.ProcessUnitOptions.NormalizationOptions
    step.options = scaling
    picture = meta.TensorMetadataT()
    picture.name = "image"
    picture.processUnits = [step]
    graph = meta.SubGraphMetadataT()
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    graph.inputTensorMetadata = [picture]
    graph.outputTensorMetadata = [meta.TensorMetadataT() for _ in tree.subgraphs[0].outputs]
    block = meta.ModelMetadataT()
    block.subgraphMetadata = [graph]

    entry = schema.MetadataT()
    entry.name, entry.buffer = "TFLITE_METADATA", len(tree.buffers)
    tree.metadata = [*(tree.metadata or []), entry]
    buffer = schema.BufferT()
    buffer.data = list(_pack(flatbuffers, block, b"M001"))
    tree.buffers.append(buffer)
    return _pack(flatbuffers, tree, b"TFL3")


def _pack(flatbuffers: Any, tree: Any, identifier: bytes) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), identifier)
    return bytes(builder.Output())


def _close_quietly(detector: Any) -> None:
    with _quiet_stderr():
        try:
            detector.close()
        except RuntimeError:
            # The interpreter is ending and mediapipe's worker has ended first: the process's
            # end frees the rest, so only keep the destructor from trying again.
            detector._handle = None


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep the C++ runtime's start-up log off file descriptor 2."""
    with _stderr_lock:
        sys.stderr.flush()
        saved = os.dup(2)
        silence = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(silence, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(silence)
