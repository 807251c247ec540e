"""People and cars cut out of labelled stills, to be moved about in scenes."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.types import Box

_UNLABELLED = Path(__file__).with_name("unlabelled.json")
_FACE = 160
# How far below the still's lower edge a body goes on, in heights of the face.
_BODY = 5.0
# Sets that label heads with some space around: what to take off left, top, right and bottom, as
# shares of the box, for the face alone to remain.
_INSETS = {"mask_wearing": (0.14, 0.27, 0.14, 0.08)}


@dataclasses.dataclass(frozen=True)
class Cutout:
    """A thing without its background.

    image: (H, W, 4) float32, colour times opacity and opacity, 0..1 for the latter.
    box: the face or plate in it.
    """

    image: NDArray[np.float32]
    box: Box
    kind: str


@functools.cache
def labels(folder: Path) -> dict[str, list[dict]]:
    """The folder's `boxes.json`."""
    try:
        return json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    except OSError as err:
        raise SystemExit(f"no labelled stills in {str(folder)!r} ({err}); set REDACT_DATA") from err


@functools.cache
def still(data: Path, name: str) -> tuple[NDArray[np.uint8], tuple[Box, ...], str]:
    """A picture, its boxes and their kind; `name` is faces/SET/FILE or plates/SET/FILE."""
    folder, _, rest = name.partition("/")
    image = cv2.imread(str(data / name))
    if image is None or rest not in labels(data / folder):
        raise SystemExit(f"{name!r} is not among the labelled stills in {str(data)!r}")
    inset = _INSETS.get(rest.split("/")[0], (0, 0, 0, 0))
    boxes = tuple(_tight(label, inset) for label in labels(data / folder)[rest])
    return image, boxes, {"faces": "face", "plates": "plate"}[folder]


@functools.cache
def _unlabelled() -> dict[str, list[dict]]:
    return json.loads(_UNLABELLED.read_text(encoding="utf-8"))["stills"]


def unlabelled(name: str) -> tuple[tuple[str, Box], ...]:
    """Kind and box of a still's people whom its labels leave out; kinds are `Truth`'s."""
    return tuple((item["kind"], Box(*item["box"])) for item in _unlabelled().get(name, ()))


def _tight(label: dict, inset: tuple[float, ...]) -> Box:
    x, y, w, h = (float(label[key]) for key in "xywh")
    left, top, right, bottom = inset
    return Box(x + left * w, y + top * h, x + (1 - right) * w, y + (1 - bottom) * h)


@functools.cache
def person(data: Path, name: str) -> Cutout:
    """Whoever has the still's largest face, down to the still's edge and on as a plain body.

    name: as for `still`; with "#2" behind it, whoever has the third largest face.
    """
    name, _, rank = name.partition("#")
    image, boxes, _ = still(data, name)
    box = sorted(boxes, key=lambda b: -b.height)[int(rank or 0)]
    image, box = _around(image, box)
    height, width = image.shape[:2]
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    size = box.height
    shoulders = round(cy + 0.75 * size)
    cv2.ellipse(
        mask,
        _whole(cx, cy - 0.1 * size),
        _whole(0.75 * size, 0.95 * size),
        0,
        0,
        360,
        cv2.GC_PR_BGD,
        -1,
    )
    mask[shoulders:, max(0, round(cx - 2.2 * size)) : round(cx + 2.2 * size)] = cv2.GC_PR_BGD
    cv2.ellipse(
        mask,
        _whole(cx, cy - 0.05 * size),
        _whole(0.5 * size, 0.68 * size),
        0,
        0,
        360,
        cv2.GC_PR_FGD,
        -1,
    )
    mask[shoulders:, max(0, round(cx - 1.0 * size)) : round(cx + 1.0 * size)] = cv2.GC_PR_FGD
    cv2.ellipse(mask, _whole(cx, cy), _whole(0.36 * size, 0.48 * size), 0, 0, 360, cv2.GC_FGD, -1)
    mask[shoulders:, max(0, round(cx - 0.3 * size)) : round(cx + 0.3 * size)] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(image, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    solid = _largest(cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    return Cutout(_with_body(_soft(image, solid), round(_BODY * size)), box, "face")


@functools.cache
def car(data: Path, name: str) -> Cutout:
    """What is around the still's largest plate, its edges faded out."""
    image, boxes, _ = still(data, name)
    box = max(boxes, key=lambda b: b.width)
    height, width = image.shape[:2]
    cx, cy, w = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.width
    solid = np.zeros((height, width), np.uint8)
    # A car is about four plates wide and three high, its plate low.
    left, right = max(3, round(cx - 2.1 * w)), min(width - 3, round(cx + 2.1 * w))
    top, bottom = max(3, round(cy - 2.2 * w)), min(height - 3, round(cy + 0.8 * w))
    solid[top:bottom, left:right] = 1
    radius = max(3, round(0.5 * w) // 2 * 2 + 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (radius, radius))
    return Cutout(_soft(image, cv2.morphologyEx(solid, cv2.MORPH_OPEN, kernel)), box, "plate")


def _whole(a: float, b: float) -> tuple[int, int]:
    return round(a), round(b)


def _around(image: NDArray[np.uint8], box: Box) -> tuple[NDArray[np.uint8], Box]:
    """What one person may take up of the picture, the face `_FACE` px high at most."""
    cx, cy, size = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.height
    x0, y0 = max(0, round(cx - 1.8 * size)), max(0, round(cy - 1.2 * size))
    part = image[y0 : round(cy + 2.6 * size), x0 : round(cx + 1.8 * size)]
    scale = min(1.0, _FACE / size)
    part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return part, Box(*((v - o) * scale for v, o in zip(box, (x0, y0, x0, y0), strict=True)))


def _largest(solid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count < 2:
        return solid
    filled = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    return cv2.morphologyEx(filled, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))


def _soft(image: NDArray[np.uint8], solid: NDArray[np.uint8]) -> NDArray[np.float32]:
    opacity = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 1.2)
    # A little less than what is solid, so that no rim of the old background shows.
    opacity = np.clip(2 * opacity - 1, 0, 1)[..., None]
    return np.concatenate([image.astype(np.float32) * opacity, opacity], axis=2)


def _with_body(image: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """The lowest rows go on downward, a little darker with each."""
    body = np.repeat(image[-4:-3], rows, axis=0)
    shade = np.linspace(1, 0.5, rows, dtype=np.float32)[:, None, None]
    body[..., :3] *= shade
    return np.concatenate([image[:-3], body])
