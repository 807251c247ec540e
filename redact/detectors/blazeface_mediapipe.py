"""BlazeFace by mediapipe: near faces, in a few milliseconds an image.

Source: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
2019, and MediaPipe's face detection model cards.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.detectors import weights
from redact.detectors.blazeface import MIN_FACE_RATIO
from redact.errors import SettingsError
from redact.machine import can_start_threads, thread_count
from redact.types import Box, Detection

# MediaPipe's fourth model, "back", loads too, but Tasks decodes it with the wrong anchors.
MODELS = ("short_range", "full_range", "full_range_sparse")

# The image is shrunk to this longer side before mediapipe shrinks it to the model's own size: the
# model sees no less, and every other step takes time for each pixel.
_LONG_SIDE = 576


# mediapipe starts fewer threads than that for each core.
_THREADS_PER_CORE = 8


class MediaPipeBlazeFaceDetector:
    """Faces by one of MediaPipe's BlazeFace models; see `MODELS`.

    The model sees the whole image in a square of 128 or 192 pixels, so a face must fill some 5 to
    10 % of the image's longer side. `full_range_sparse` detects the farthest faces for its cost.

    mediapipe logs to the process's standard error while it loads. That is left alone here, since
    redirecting it would affect the whole process.

    Args:
        model: one of `MODELS`.
        threshold: lowest score that is reported, 0..1.

    Raises:
        ValueError: the model's name is unknown.
        WeightsError: the model's file is missing.
        SettingsError: the system allows too few threads.

    """

    kinds = ("face",)

    def __init__(self, model: str = "full_range_sparse", *, threshold: float = 0.35) -> None:
        if model not in MODELS:
            raise ValueError(f"unknown BlazeFace model {model!r}; known are {', '.join(MODELS)}")
        if not can_start_threads(_THREADS_PER_CORE * thread_count(0)):
            # mediapipe would end the process.
            raise SettingsError(
                'detector="fast" needs more threads than the system allows; use "balanced", or '
                "raise the limit (ulimit -u)"
            )
        import mediapipe

        self._mediapipe = mediapipe
        self._lock = threading.Lock()
        model_bytes = _with_metadata(weights.find(f"face_detection_{model}.tflite").read_bytes())
        vision = mediapipe.tasks.vision
        options = vision.FaceDetectorOptions(
            base_options=mediapipe.tasks.BaseOptions(model_asset_buffer=model_bytes),
            min_detection_confidence=threshold,
        )
        self._detector = vision.FaceDetector.create_from_options(options)
        # At the end of the interpreter mediapipe's own clean-up would raise.
        self._close = weakref.finalize(self, _close_detector, self._detector)

    def min_face_pixels(self, height: int, width: int) -> float:
        """The lowest face that can be relied on to be detected in an image of that size, pixels."""
        return MIN_FACE_RATIO * max(height, width)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Faces in an upright (H, W, 3) uint8 BGR image, boxes on pixels of its shrunk copy."""
        scale = min(1.0, _LONG_SIDE / max(image.shape[:2]))
        small = (
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            if scale < 1
            else image
        )
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        wrapped = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        fx, fy = image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]
        with self._lock:
            items = self._detector.detect(wrapped).detections
        detections = []
        for item in items:
            x, y = item.bounding_box.origin_x, item.bounding_box.origin_y
            right, bottom = x + item.bounding_box.width, y + item.bounding_box.height
            box = Box(x * fx, y * fy, right * fx, bottom * fy)
            detections.append(Detection(kind="face", box=box, score=item.categories[0].score))
        return detections

    def close(self) -> None:
        """Free the runtime; the detector can't be used afterwards."""
        with self._lock:
            self._close()


def _with_metadata(model: bytes) -> bytes:
    """The same TFLite model with metadata that says that its input is RGB scaled to -1..1.

    mediapipe's Tasks refuse a model with float inputs that has no such `NormalizationOptions`.
    """
    import flatbuffers
    from mediapipe.tasks.metadata import metadata_schema_py_generated as meta
    from mediapipe.tasks.metadata import schema_py_generated as schema

    scaling = meta.NormalizationOptionsT()
    scaling.mean, scaling.std = [127.5], [127.5]
    step = meta.ProcessUnitT()
    step.optionsType = meta.ProcessUnitOptions.NormalizationOptions
    step.options = scaling
    image = meta.TensorMetadataT()
    image.name = "image"
    image.processUnits = [step]
    graph = meta.SubGraphMetadataT()
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(model, 0))
    graph.inputTensorMetadata = [image]
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


def _close_detector(detector: Any) -> None:
    try:
        detector.close()
    except RuntimeError:
        # The interpreter is ending, and mediapipe's worker thread ended first. The end of the
        # process frees everything else; this keeps mediapipe's destructor from trying again.
        detector._handle = None
