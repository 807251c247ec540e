"""Real clips as the pipeline benchmark takes them: in full HD, 30 frames a second, 20 seconds.

Made clips are kinder than reality: cleaner, and with less that moves. Every frame of the source is
shown once, so people in the slower clips walk faster than they did.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from benchmarks.moving_scenes import encode

RATE, FRAMES, LONG_SIDE = 30, 600, 1920
_TICKS = 90_000
_CRF = 20


class RealScene(NamedTuple):
    """A clip in the data folder, from which of its frames on it is used, and what it shows."""

    clip: str
    first: int
    title: str


SCENES = {
    "real_fixed": RealScene(
        "intel_one-by-one-person-detection.mp4",
        130,
        "real, people walk through, fixed camera, 20 s",
    ),
    "real_moving": RealScene(
        "egoblur_gen1_test_video.mp4", 0, "real, a street, moving camera, 20 s"
    ),
}


def build(name: str, data: Path, folder: Path) -> Path | None:
    """Write `NAME.mp4` into the folder unless it exists; None where the data folder lacks it."""
    scene = SCENES[name]
    source, target = data / "clips" / scene.clip, folder / f"{name}.mp4"
    if not source.is_file():
        return None
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        images = _images(source, scene.first)
        first = next(images)
        unfinished = target.with_suffix(".part.mp4")
        timed = zip(itertools.chain([first], images), itertools.count(0, _TICKS // RATE))
        encode(unfinished, timed, (first.shape[1], first.shape[0]), RATE, crf=_CRF)
        unfinished.replace(target)
    return target


def _images(source: Path, first: int) -> Iterator[np.ndarray]:
    """The scene's frames, (H, W, 3) uint8 BGR with the longer side of full HD."""
    import av

    with av.open(str(source)) as clip:
        stream = clip.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in itertools.islice(clip.decode(stream), first, first + FRAMES):
            image = frame.to_ndarray(format="bgr24")
            scale = LONG_SIDE / max(image.shape[:2])
            size = tuple(2 * round(side * scale / 2) for side in image.shape[1::-1])
            yield cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
