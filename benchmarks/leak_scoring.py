"""What an output shows of its source: each face and plate, frame by frame, and area for nothing."""

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

_GROWTH, _GROWTH_PIXELS = 0.5, 16
_OPEN_GROWTH = 0.8


@dataclasses.dataclass(frozen=True)
class ShownObject:
    """One object in one shown frame whose source has detail there."""

    clip: str
    id: str
    kind: str
    frame: int
    size: float
    leaked: bool


@dataclasses.dataclass(frozen=True)
class Score:
    """What one output shows."""

    seen: tuple[ShownObject, ...]
    over_covered: tuple[float, ...]
    """Share of the picture, one value for each frame of the output."""


def score(source: Path, output: Path, truth: Truth) -> Score:
    """Hold an output against its source.

    Raises:
        AlignmentError: the output's frames aren't the source's in their order.

    """
    shown = align_frames(source, output, truth)
    seen: dict[tuple[str, str, int], ShownObject] = {}
    over: list[float] = []
    for index, before, after in frame_pairs(source, output, shown):
        for known in truth.at(index):
            if not known.counts:
                continue
            leaked = frame_comparison.leaks(before, after, known.box, known.kind)
            if leaked is not None:
                size = known.box.height if known.kind == "face" else known.box.width
                key = (known.id, known.kind, index)
                leaked |= key in seen and seen[key].leaked  # a frame shown twice
                seen[key] = ShownObject(truth.clip, known.id, known.kind, index, size, leaked)
        over.append(_over_covered(before, after, index, truth))
    return Score(tuple(seen.values()), tuple(over))


def align_frames(source: Path, output: Path, truth: Truth) -> NDArray[np.int64]:
    """(M,) the index of the source's frame that each frame of the output shows.

    Raises:
        AlignmentError: the output's frames aren't the source's in their order.

    """
    sides = []
    for path in (source, output):
        scans = [(at, frame_comparison.small(picture)) for at, picture in _gray_frames(path)]
        if not scans:
            raise frame_comparison.AlignmentError(f"{str(path)!r} has no frames")
        sides.append((np.stack([scan for _, scan in scans]), np.array([at for at, _ in scans])))
    (before, before_at), (after, after_at) = sides
    if len(before) != truth.frames:
        raise ValueError(f"{source.name} has {len(before)} frames, its boxes say {truth.frames}")
    height, width = before.shape[1:]
    if after.shape[1:] != (height, width):
        after = np.stack([_resized(scan, (width, height)) for scan in after])
    hidden = [
        as_mask(
            [grow(k.box, _OPEN_GROWTH) for k in truth.at(i)], (width, height), width / truth.size[0]
        )
        for i in range(len(before))
    ]
    return frame_comparison.align(before, before_at, after, after_at, ~np.stack(hidden))


def _gray_frames(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """(second, upright grey picture) of every frame."""
    clip = video.probe(path)
    turns = -(clip.rotation_degrees // 90)
    with contextlib.closing(video.read_frames(clip)) as frames:
        for frame in frames:
            yield frame.pts * float(clip.time_base), np.ascontiguousarray(np.rot90(frame.y, turns))


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def frame_pairs(
    source: Path, output: Path, shown: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
    """(source's index, source's picture, output's picture) for every frame of the output."""
    before = enumerate(picture for _, picture in _gray_frames(source))
    index, picture = next(before)
    for wanted, (_, after) in zip(shown, _gray_frames(output), strict=True):
        while index < wanted:
            index, picture = next(before)
        size = (picture.shape[1], picture.shape[0])
        same = after.shape == picture.shape
        yield index, picture, after if same else _resized(after, size)


def _over_covered(
    before: NDArray[np.uint8], after: NDArray[np.uint8], index: int, truth: Truth
) -> float:
    differs = frame_comparison.changed(before, after)
    height, width = differs.shape
    return float((differs & ~as_mask(allowed(truth, index), (width, height), 0.5)).mean())


def allowed(truth: Truth, index: int) -> list[Box]:
    """Where covering isn't for nothing: grown known boxes, and areas of which nothing is said."""
    return [_grown(known.box) for known in truth.at(index)] + truth.ignored(index)


def _grown(box: Box) -> Box:
    x, y = (max(_GROWTH * side, _GROWTH_PIXELS) for side in (box.width, box.height))
    return Box(box.x0 - x, box.y0 - y, box.x1 + x, box.y1 + y)
