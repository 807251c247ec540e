"""Photographs to train on: only those whose licence is clear, and only half of these.

The folder is laid out like that of the accuracy benchmark: `plates/boxes.json`; `plates/meta.json`
with the licence tier and the group of near-duplicates of each image; and `clips/`. `split.py` says
which photographs are held out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.drawing import GreyImage, chance, log_uniform, resized, uniform
from redact.training.plates import plate
from redact.training.split import is_trained_on

CLIPS = {
    "intel_one-by-one-person-detection.mp4": (0.0, 1.0, 12),  # CC BY 4.0
    "torchcodec_nasa_13013.mp4": (0.0, 1.0, 8),  # public domain
    "udacity_solidWhiteRight.mp4": (
        0.62,
        1.0,
        8,
    ),  # MIT; only the road, because cars ahead have plates
}
"""Clips without plates: (top, bottom) of the part used, as shares of the height; frames taken."""


@dataclasses.dataclass(frozen=True)
class Photo:
    """A (H, W) uint8 grey image and the (N, 4) boxes of its plates."""

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]


def load_photos(folder: Path) -> tuple[Photo, ...]:
    """The photographs and frames of a folder that may be trained on.

    Raises:
        FileNotFoundError: the folder has no `boxes.json` or no `meta.json`.

    """
    labels = json.loads((folder / "plates" / "boxes.json").read_text(encoding="utf-8"))
    meta = json.loads((folder / "plates" / "meta.json").read_text(encoding="utf-8"))
    photos = []
    for name, items in labels.items():
        if is_trained_on(name, meta[name]):
            image = _as_grey(cv2.imread(str(folder / "plates" / name)))
            boxes = [(i["x"], i["y"], i["x"] + i["w"], i["y"] + i["h"]) for i in items]
            photos.append(Photo(image, np.array(boxes, dtype=np.float32).reshape(-1, 4)))
    for name in CLIPS:
        photos += _frames(folder / "clips" / name)
    return tuple(photos)


def _frames(path: Path) -> list[Photo]:
    """Evenly spaced frames of one of the `CLIPS`."""
    top, bottom, count = CLIPS[path.name]
    clip = cv2.VideoCapture(str(path))
    frames = []
    for index in np.linspace(0, clip.get(cv2.CAP_PROP_FRAME_COUNT) - 2, count).astype(int):
        clip.set(cv2.CAP_PROP_POS_FRAMES, int(index))
        is_read, image = clip.read()
        if is_read:
            grey = _as_grey(image)
            part = grey[int(top * len(grey)) : int(bottom * len(grey))]
            frames.append(Photo(part, np.zeros((0, 4), dtype=np.float32)))
    return frames


def _as_grey(image: Any) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def pick_photo(rng: np.random.Generator, photos: Sequence[Photo]) -> Photo:
    """One of the photos; those without plates are less likely, as they come from a few clips."""
    for _ in range(3):
        photo = photos[int(rng.integers(len(photos)))]
        if len(photo.boxes):
            break
    return photo


def crop(
    rng: np.random.Generator, photo: Photo, size: int
) -> tuple[GreyImage, list[NDArray[np.float32]]]:
    """A random square part of a photo, scaled to `size` pixels, and its plates' (4, 2) corners.

    It may be mirrored, rotated or sheared; some of its plates are replaced by drawn ones.
    """
    height, width = photo.image.shape
    side = int(min(height, width, log_uniform(rng, 0.45, 2.2) * size))
    if len(photo.boxes) and chance(rng, 0.6):  # around a plate
        box = photo.boxes[int(rng.integers(len(photo.boxes)))]
        middle = (box[:2] + box[2:]) / 2 - rng.uniform(0.1, 0.9, 2) * side
        x, y = np.clip(middle, 0, (width - side, height - side)).astype(int).tolist()
    else:
        x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    part = photo.image[y : y + side, x : x + side]
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    image = cv2.resize(part, (size, size), interpolation=how).astype(np.float32)
    boxes = (photo.boxes - np.array([x, y, x, y], dtype=np.float32)) * np.float32(size / side)
    if chance(rng, 0.5):
        image = image[:, ::-1].copy()
        boxes = np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)
    inside = (boxes[:, 0] < size) & (boxes[:, 2] > 0) & (boxes[:, 1] < size) & (boxes[:, 3] > 0)
    corners = [
        np.array([[b[0], b[1]], [b[2], b[1]], [b[2], b[3]], [b[0], b[3]]], dtype=np.float32)
        for b in boxes[inside]
    ]
    corners = [_replace_plate(rng, image, c) if chance(rng, 0.4) else c for c in corners]
    return _rotate_or_shear(rng, image, corners) if chance(rng, 0.2) else (image, corners)


def _replace_plate(
    rng: np.random.Generator, image: GreyImage, corners: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Draw a plate over a photographed one, in place; returns the (4, 2) corners of the new one."""
    (x0, y0), (x1, y1) = corners[0], corners[2]
    width, height = float(x1 - x0), float(y1 - y0)
    flat = plate(rng)
    flat = flat * uniform(rng, 0.5, 1.0) + uniform(rng, -10, 10)
    # Wide enough to hide the old plate, and with its own aspect ratio as far as that allows.
    grown = max(1.0, height * flat.shape[1] / flat.shape[0] / width)
    new_width = width * min(grown, 1.25) * 1.04
    new_height = max(height * 1.04, new_width * flat.shape[0] / flat.shape[1])
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    lean = rng.normal(0, 0.03) * new_width
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    half = signs * (new_width, new_height) / 2
    half[:, 1] += np.array([-lean, lean, lean, -lean]) / 2
    new_corners = (middle + half).astype(np.float32)
    flat = resized(
        flat, max(3, min(flat.shape[1], int(new_width))), max(3, min(64, int(new_height)))
    )
    rows, columns = flat.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(source, new_corners)
    size = (image.shape[1], image.shape[0])
    drawn = cv2.warpPerspective(flat, warp, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(np.ones_like(flat), warp, size)
    image += (drawn - image) * alpha
    return new_corners


def _rotate_or_shear(
    rng: np.random.Generator, image: GreyImage, corners: list[NDArray[np.float32]]
) -> tuple[GreyImage, list[NDArray[np.float32]]]:
    """The image rotated, some also sheared, at the same size; and its plates' corners."""
    size = image.shape[0]
    matrix = cv2.getRotationMatrix2D(
        (size / 2, size / 2), uniform(rng, -30, 30), uniform(rng, 1, 1.3)
    )
    if chance(rng, 0.4):
        shear = np.array([[1, 0, 0], [uniform(rng, -0.5, 0.5), 1, 0], [0, 0, 1]])
        shear[1, 2] = -shear[1, 0] * size / 2
        matrix = matrix @ shear
    turned = cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    moved = [np.asarray(c @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32) for c in corners]
    return np.asarray(turned, dtype=np.float32), moved
