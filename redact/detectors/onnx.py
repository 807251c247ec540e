"""What detectors that run an ONNX network share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from redact.detectors import weights as _weights
from redact.geometry import Edges, suppress
from redact.types import Box, Detection

Found = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Boxes (N, 4) and scores (N,) of one pass."""

_NOTHING: Found = (np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.float32))


class Network:
    """An ONNX network with one input, run by onnxruntime on the processor.

    One network serves inputs of every size; a size that is new costs nothing extra. Several
    threads may call it at the same time.

    Args:
        name: the weights' file.
        threads: how many each call uses; 0 takes the machine's cores.

    Raises:
        WeightsError: the model's file is missing.

    """

    def __init__(self, name: str, *, threads: int = 0) -> None:
        self._session = _session(str(_weights.find(name)), threads)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The network's outputs, in its own order, for one (N, C, H, W) float32 array."""
        outputs: list[NDArray[np.float32]] = self._session.run(None, {self._input: values})
        return outputs

    def close(self) -> None:
        """Return the memory that calls have left behind; none may be under way."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        channels = self._session.get_inputs()[0].shape[1]
        smallest = np.zeros((1, channels, 32, 32), dtype=np.float32)
        self._session.run(None, {self._input: smallest}, options)


@functools.cache
def _session(path: str, threads: int) -> Any:
    """The session for a file: one for all detectors, since it is safe to share."""
    import onnxruntime

    _share_memory()
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Memory laid out anew for every size of input would never be given back.
    options.enable_mem_pattern = False
    # Idle threads that spin take the cores from decoding and encoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@functools.cache
def _share_memory() -> None:
    """One arena for all sessions, which grows by what is asked for: alone each doubles its own."""
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    as_requested = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    onnxruntime.create_and_register_allocator(place, as_requested)


def scaled_parts(
    within: Sequence[Box] | None, factor: tuple[float, float], size: tuple[int, int], multiple: int
) -> list[Edges]:
    """Parts of a picture as edges in the same picture scaled to `size`, (width, height).

    They are pushed out to whole multiples of so many pixels. Without any that are told, it is all
    of the picture.

    factor: what x and y are multiplied by.
    """
    if within is None:
        return [(0, 0, *size)]
    parts = []
    for box in within:
        low = [int(v * f // multiple) * multiple for v, f in zip(box[:2], factor, strict=True)]
        high = [-int(-v * f // multiple) * multiple for v, f in zip(box[2:], factor, strict=True)]
        x1, y1 = (min(v, limit) for v, limit in zip(high, size, strict=True))
        parts.append((max(0, low[0]), max(0, low[1]), x1, y1))
    return parts


def in_parts(
    parts: Iterable[Edges], size: tuple[int, int], scan: Callable[[Edges], Found]
) -> Found:
    """What is found in parts of a (width, height) picture, in pixels of the picture.

    What an inner edge of a part cuts is left out; the edges of the picture itself cut nothing.

    look: what is found in one part, in pixels of the part.
    """
    passes: list[Found] = [_NOTHING]
    for part in parts:
        boxes, scores = scan(part)
        x0, y0, x1, y1 = part
        boxes = boxes + np.asarray([x0, y0] * 2, dtype=np.float32)
        whole = (boxes[:, 0] > x0) | (x0 == 0)
        whole &= (boxes[:, 1] > y0) | (y0 == 0)
        whole &= (boxes[:, 2] < x1) | (x1 == size[0])
        whole &= (boxes[:, 3] < y1) | (y1 == size[1])
        passes.append((boxes[whole], scores[whole]))
    return together(passes)


def together(passes: Sequence[Found]) -> Found:
    """What several passes found as if one had."""
    boxes = np.concatenate([boxes for boxes, _ in passes])
    return boxes, np.concatenate([scores for _, scores in passes])


def joined(kind: str, passes: Sequence[Found], iou: float) -> list[Detection]:
    """What all passes found, each thing once: the best of boxes that overlap more than `iou`."""
    boxes, scores = together(passes)
    return [
        Detection(kind=kind, box=Box(*map(float, boxes[i])), score=float(scores[i]))
        for i in suppress(boxes, scores, iou)
    ]
