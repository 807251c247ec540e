"""People and cars cut out of labelled stills, to be moved about in made scenes."""

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
_MAX_FACE_PIXELS = 160
# Bodies are extended below the still's lower edge by this many heights of the face.
_BODY_RATIO = 5.0
# Sets whose labels have some space around the face: what to cut off at the left, top, right and
# bottom, as shares of the box, so that only the face remains.
_INSETS = {"mask_wearing": (0.14, 0.27, 0.14, 0.08)}


@dataclasses.dataclass(frozen=True)
class Cutout:
    """A person or a car without the background.

    image: (H, W, 4) float32, BGR 0..255 multiplied by the opacity, and the opacity 0..1.
    box: the face or plate in it. kind: "face" or "plate".
    """

    image: NDArray[np.float32]
    box: Box
    kind: str


@functools.cache
def labels(folder: Path) -> dict[str, list[dict]]:
    """The folder's `boxes.json`.

    Raises:
        SystemExit: the folder has none.

    """
    try:
        return json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    except OSError as err:
        raise SystemExit(f"no labelled stills in {str(folder)!r} ({err}); set REDACT_DATA") from err


@functools.cache
def still(data: Path, name: str) -> tuple[NDArray[np.uint8], tuple[Box, ...], str]:
    """(H, W, 3) uint8 BGR image, its boxes and their kind.

    name: faces/SET/FILE or plates/SET/FILE.

    Raises:
        SystemExit: there is no such labelled image.

    """
    folder, _, rest = name.partition("/")
    image = cv2.imread(str(data / name))
    if image is None or rest not in labels(data / folder):
        raise SystemExit(f"{name!r} is not among the labelled stills in {str(data)!r}")
    inset = _INSETS.get(rest.split("/")[0], (0, 0, 0, 0))
    boxes = tuple(_inset(label, inset) for label in labels(data / folder)[rest])
    return image, boxes, {"faces": "face", "plates": "plate"}[folder]


@functools.cache
def _unlabelled() -> dict[str, list[dict]]:
    return json.loads(_UNLABELLED.read_text(encoding="utf-8"))["stills"]


def unlabelled(name: str) -> tuple[tuple[str, Box], ...]:
    """Kind (as in `Truth`) and box of the people in a still whom its labels leave out."""
    return tuple((item["kind"], Box(*item["box"])) for item in _unlabelled().get(name, ()))


def _inset(label: dict, inset: tuple[float, ...]) -> Box:
    x, y, w, h = (float(label[key]) for key in "xywh")
    left, top, right, bottom = inset
    return Box(x + left * w, y + top * h, x + (1 - right) * w, y + (1 - bottom) * h)


@functools.cache
def person(data: Path, name: str) -> Cutout:
    """Cut out the person with the largest face of a still, and extend the body downward.

    The outline comes from GrabCut (Rother et al., 2004), started from ellipses around the face.

    name: as for `still`; "#2" at its end selects the third largest face.
    """
    name, _, rank = name.partition("#")
    image, boxes, _ = still(data, name)
    box = sorted(boxes, key=lambda b: -b.height)[int(rank or 0)]
    image, box = _crop_around(image, box)
    height, width = image.shape[:2]
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    size = box.height
    shoulders = round(cy + 0.75 * size)
    cv2.ellipse(
        mask,
        _rounded(cx, cy - 0.1 * size),
        _rounded(0.75 * size, 0.95 * size),
        0,
        0,
        360,
        cv2.GC_PR_BGD,
        -1,
    )
    mask[shoulders:, max(0, round(cx - 2.2 * size)) : round(cx + 2.2 * size)] = cv2.GC_PR_BGD
    cv2.ellipse(
        mask,
        _rounded(cx, cy - 0.05 * size),
        _rounded(0.5 * size, 0.68 * size),
        0,
        0,
        360,
        cv2.GC_PR_FGD,
        -1,
    )
    mask[shoulders:, max(0, round(cx - 1.0 * size)) : round(cx + 1.0 * size)] = cv2.GC_PR_FGD
    cv2.ellipse(
        mask, _rounded(cx, cy), _rounded(0.36 * size, 0.48 * size), 0, 0, 360, cv2.GC_FGD, -1
    )
    mask[shoulders:, max(0, round(cx - 0.3 * size)) : round(cx + 0.3 * size)] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(image, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    solid = _largest_part(cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    return Cutout(_with_body(_with_soft_edge(image, solid), round(_BODY_RATIO * size)), box, "face")


@functools.cache
def car(data: Path, name: str) -> Cutout:
    """Cut out the surroundings of the largest plate of a still, with soft edges."""
    image, boxes, _ = still(data, name)
    box = max(boxes, key=lambda b: b.width)
    height, width = image.shape[:2]
    cx, cy, w = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.width
    solid = np.zeros((height, width), np.uint8)
    # A car is about four plates wide and three high, and its plate is near the bottom.
    left, right = max(3, round(cx - 2.1 * w)), min(width - 3, round(cx + 2.1 * w))
    top, bottom = max(3, round(cy - 2.2 * w)), min(height - 3, round(cy + 0.8 * w))
    solid[top:bottom, left:right] = 1
    radius = max(3, round(0.5 * w) // 2 * 2 + 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (radius, radius))
    return Cutout(
        _with_soft_edge(image, cv2.morphologyEx(solid, cv2.MORPH_OPEN, kernel)), box, "plate"
    )


def _rounded(a: float, b: float) -> tuple[int, int]:
    return round(a), round(b)


def _crop_around(image: NDArray[np.uint8], box: Box) -> tuple[NDArray[np.uint8], Box]:
    """The part of the image around one person, with a face of at most `_MAX_FACE_PIXELS`."""
    cx, cy, size = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, box.height
    x0, y0 = max(0, round(cx - 1.8 * size)), max(0, round(cy - 1.2 * size))
    part = image[y0 : round(cy + 2.6 * size), x0 : round(cx + 1.8 * size)]
    scale = min(1.0, _MAX_FACE_PIXELS / size)
    part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return part, Box(*((v - o) * scale for v, o in zip(box, (x0, y0, x0, y0), strict=True)))


def _largest_part(solid: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count < 2:
        return solid
    filled = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    return cv2.morphologyEx(filled, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))


def _with_soft_edge(image: NDArray[np.uint8], solid: NDArray[np.uint8]) -> NDArray[np.float32]:
    opacity = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 1.2)
    # Slightly inside the outline, so that no rim of the old background shows.
    opacity = np.clip(2 * opacity - 1, 0, 1)[..., None]
    return np.concatenate([image.astype(np.float32) * opacity, opacity], axis=2)


def _with_body(image: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """Repeat a row near the lower edge downward, darker with each row."""
    body = np.repeat(image[-4:-3], rows, axis=0)
    shade = np.linspace(1, 0.5, rows, dtype=np.float32)[:, None, None]
    body[..., :3] *= shade
    return np.concatenate([image[:-3], body])
