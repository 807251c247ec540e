"""Score an output against its source: leaked faces and plates by frame, and over-covered area."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import frame_comparison
from benchmarks.ground_truth import Truth, as_mask
from redact import video
from redact.geometry import grow
from redact.types import Box

_ALLOWED_GROWTH, _MIN_ALLOWED_PIXELS = 0.5, 16
_HIDDEN_GROWTH = 0.8


@dataclasses.dataclass(frozen=True)
class ShownObject:
    """One object in one frame, in which the source shows detail inside the object's box.

    size: pixels, the height of a face or the width of a plate.
    """

    clip: str
    id: str
    kind: str
    frame: int
    size: float
    leaked: bool


@dataclasses.dataclass(frozen=True)
class Score:
    """The score of one output."""

    objects: tuple[ShownObject, ...]
    over_covered: tuple[float, ...]
    """Share of the frame that is over-covered, for each scored frame."""


def score(source: Path, output: Path, truth: Truth) -> Score:
    """Score an output against its source.

    Raises:
        AlignmentError: the output's frames are not those of the source in the same order.

    """
    shown = align_frames(source, output, truth)
    objects: dict[tuple[str, str, int], ShownObject] = {}
    over: list[float] = []
    for index, before, after in frame_pairs(source, output, shown):
        for known in truth.at(index):
            if not known.counts:
                continue
            leaked = frame_comparison.leaks(before, after, known.box, known.kind)
            if leaked is not None:
                size = known.box.height if known.kind == "face" else known.box.width
                key = (known.id, known.kind, index)
                leaked |= key in objects and objects[key].leaked  # the frame is shown twice
                objects[key] = ShownObject(truth.clip, known.id, known.kind, index, size, leaked)
        over.append(_over_covered(before, after, index, truth))
    return Score(tuple(objects.values()), tuple(over))


def align_frames(source: Path, output: Path, truth: Truth) -> NDArray[np.int64]:
    """(M,) the index of the source's frame that each frame of the output shows.

    Raises:
        AlignmentError: the output's frames are not those of the source in the same order.

    """
    sides = []
    for path in (source, output):
        small = [(at, frame_comparison.thumbnail(image)) for at, image in _gray_frames(path)]
        if not small:
            raise frame_comparison.AlignmentError(f"{str(path)!r} has no frames")
        sides.append((np.stack([image for _, image in small]), np.array([at for at, _ in small])))
    (before, before_at), (after, after_at) = sides
    if len(before) != truth.frames:
        raise ValueError(
            f"{source.name} has {len(before)} frames, but its known boxes are of {truth.frames}"
        )
    height, width = before.shape[1:]
    if after.shape[1:] != (height, width):
        after = np.stack([_resized(image, (width, height)) for image in after])
    hidden = [
        as_mask(
            [grow(k.box, _HIDDEN_GROWTH) for k in truth.at(i)],
            (width, height),
            width / truth.size[0],
        )
        for i in range(len(before))
    ]
    return frame_comparison.align(before, before_at, after, after_at, ~np.stack(hidden))


def _gray_frames(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """(seconds, upright luma plane) of every frame."""
    clip = video.probe(path)
    turns = -(clip.rotation_degrees // 90)
    with contextlib.closing(video.read_frames(clip)) as frames:
        for frame in frames:
            yield frame.pts * float(clip.time_base), np.ascontiguousarray(np.rot90(frame.y, turns))


def _resized(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def frame_pairs(
    source: Path, output: Path, shown: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
    """(index in the source, source's luma, output's luma) for every frame of the output."""
    before = enumerate(image for _, image in _gray_frames(source))
    index, image = next(before)
    for wanted, (_, after) in zip(shown, _gray_frames(output), strict=True):
        while index < wanted:
            index, image = next(before)
        size = (image.shape[1], image.shape[0])
        yield index, image, after if after.shape == image.shape else _resized(after, size)


def _over_covered(
    before: NDArray[np.uint8], after: NDArray[np.uint8], index: int, truth: Truth
) -> float:
    differs = frame_comparison.changed(before, after)
    height, width = differs.shape
    return float((differs & ~as_mask(allowed_areas(truth, index), (width, height), 0.5)).mean())


def allowed_areas(truth: Truth, index: int) -> list[Box]:
    """Where covers do not count as over-covering: grown known boxes, and areas that are unknown."""
    return [_allowed_area(known.box) for known in truth.at(index)] + truth.ignored(index)


def _allowed_area(box: Box) -> Box:
    x, y = (max(_ALLOWED_GROWTH * side, _MIN_ALLOWED_PIXELS) for side in (box.width, box.height))
    return Box(box.x0 - x, box.y0 - y, box.x1 + x, box.y1 + y)
