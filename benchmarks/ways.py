"""The ways in which people's clips differ from plain ones: time lapse, odd pixels, turned cameras.

A clip is made anew in one of these ways, and its known boxes with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.ground_truth import Truth
from redact.types import Box

_CRF = 12
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Way:
    """How a clip is made anew.

    keeps_every: of so many frames one is kept, at the old rate. is_one_a_second: one frame of each
    second is kept, at one frame a second. shrinks: what width and height are multiplied by; the
    clip says that its pixels are as much wider or higher. turn_degrees: the picture is turned
    clockwise by so much, and the clip doesn't say so.
    """

    keeps_every: int = 1
    is_one_a_second: bool = False
    shrinks: tuple[float, float] = (1.0, 1.0)
    turn_degrees: int = 0


WAYS = {
    "lapse8": Way(keeps_every=8),
    "lapse16": Way(keeps_every=16),
    "fps1": Way(is_one_a_second=True),
    "sar2": Way(shrinks=(0.5, 1.0)),
    "sar_half": Way(shrinks=(1.0, 0.5)),
    "rot90": Way(turn_degrees=90),
    "rot180": Way(turn_degrees=180),
    "rot270": Way(turn_degrees=270),
}


def build(source: Path, truth: Truth, name: str, folder: Path) -> tuple[Path, Truth]:
    """The clip in the way of that name and its boxes; made unless the file exists."""
    import av

    way = WAYS[name]
    with av.open(str(source)) as clip:
        rate = Fraction(clip.streams.video[0].average_rate or 25)
    step = round(rate) if way.is_one_a_second else way.keeps_every
    target = folder / name / f"{source.stem}.mp4"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part.mp4")
        _write(
            unfinished,
            _images(source, step, way),
            way,
            Fraction(1) if way.is_one_a_second else rate,
        )
        unfinished.replace(target)
    return target, changed_truth(truth, way, step)


def _images(source: Path, step: int, way: Way) -> Iterator[np.ndarray]:
    """The BGR images of the new clip."""
    import av

    with av.open(str(source)) as clip:
        stream = clip.streams.video[0]
        stream.thread_type = "AUTO"
        for index, frame in enumerate(clip.decode(stream)):
            if index % step == 0:
                image = frame.to_ndarray(format="bgr24")
                if way.turn_degrees:
                    image = cv2.rotate(image, _TURNS[way.turn_degrees])
                size = (
                    _even(image.shape[1] * way.shrinks[0]),
                    _even(image.shape[0] * way.shrinks[1]),
                )
                yield cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _even(side: float) -> int:
    return 2 * round(side / 2)


def _write(path: Path, images: Iterator[np.ndarray], way: Way, rate: Fraction) -> None:
    import av

    first = next(images)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(_CRF), "preset": "veryfast"}
        wide, high = (Fraction(1 / shrinking) for shrinking in way.shrinks)
        stream.codec_context.sample_aspect_ratio = wide / high
        for image in (first, *images):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode())


def changed_truth(truth: Truth, way: Way, step: int = 1) -> Truth:
    """The known boxes of a clip that was made anew; step: of so many frames one is kept."""
    width, height = truth.size
    turned = (height, width) if way.turn_degrees % 180 else (width, height)
    objects = []
    for item in truth.objects:
        keys = np.asarray(item["keys"], dtype=np.float64)
        indices = np.arange(-(-keys[0, 0] // step), keys[-1, 0] // step + 1)
        if not len(indices):
            continue
        boxes = [np.interp(indices * step, keys[:, 0], keys[:, i]) for i in range(1, 5)]
        new = [
            [int(index), *(round(float(v), 1) for v in _changed_box(box, truth.size, way))]
            for index, box in zip(indices, np.stack(boxes, axis=1).tolist(), strict=True)
        ]
        hidden = [[-(-first // step), -(-stop // step)] for first, stop in item.get("hidden", ())]
        objects.append({**item, "keys": new, "hidden": hidden})
    ignore = [
        (-(-first // step), -(-stop // step), *_changed_box(box, truth.size, way))
        for first, stop, *box in truth.ignore
    ]
    size = tuple(_even(side * f) for side, f in zip(turned, way.shrinks, strict=True))
    return dataclasses.replace(
        truth,
        size=(size[0], size[1]),
        frames=-(-truth.frames // step),
        objects=tuple(objects),
        ignore=tuple(ignore),
    )


def _changed_box(box: list[float], size: tuple[int, int], way: Way) -> Box:
    """A box of the old clip in the new one; size: (width, height) of the old one."""
    (x0, y0, x1, y1), (width, height) = box, size
    if way.turn_degrees == 90:
        x0, y0, x1, y1 = height - y1, x0, height - y0, x1
    elif way.turn_degrees == 180:
        x0, y0, x1, y1 = width - x1, height - y1, width - x0, height - y0
    elif way.turn_degrees == 270:
        x0, y0, x1, y1 = y0, width - x1, y1, width - x0
    fx, fy = way.shrinks
    return Box(x0 * fx, y0 * fy, x1 * fx, y1 * fy)
