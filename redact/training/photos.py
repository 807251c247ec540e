"""Photographs to train on: those whose licence is clear, and only one half of them.

The folder is laid out as the accuracy benchmark's: `plates/boxes.json`, `plates/meta.json` with
each picture's tier and near-duplicate group, and `clips/`. `split.py` says which are held out.
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

from redact.training.drawing import Picture, between, chance, log_between, resized
from redact.training.plates import plate
from redact.training.split import is_trained_on

CLIPS = {
    "intel_one-by-one-person-detection.mp4": (0.0, 1.0, 12),  # CC BY 4.0
    "torchcodec_nasa_13013.mp4": (0.0, 1.0, 8),  # public domain
    "udacity_solidWhiteRight.mp4": (0.62, 1.0, 8),  # MIT; the road, without the cars ahead
}
"""Clips without plates: the part of their height that is used, and how many frames."""


@dataclasses.dataclass(frozen=True)
class Photo:
    """A (H, W) uint8 grey picture and the (N, 4) boxes of its plates."""

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]


def load_photos(folder: Path) -> tuple[Photo, ...]:
    """The photographs and frames of a folder that may be trained on.

    Raises:
        FileNotFoundError: the folder has no labels.

    """
    labels = json.loads((folder / "plates" / "boxes.json").read_text(encoding="utf-8"))
    meta = json.loads((folder / "plates" / "meta.json").read_text(encoding="utf-8"))
    photos = []
    for name, items in labels.items():
        if is_trained_on(name, meta[name]):
            picture = _grey(cv2.imread(str(folder / "plates" / name)))
            boxes = [(i["x"], i["y"], i["x"] + i["w"], i["y"] + i["h"]) for i in items]
            photos.append(Photo(picture, np.array(boxes, dtype=np.float32).reshape(-1, 4)))
    for name in CLIPS:
        photos += _frames(folder / "clips" / name)
    return tuple(photos)


def _frames(path: Path) -> list[Photo]:
    top, bottom, count = CLIPS[path.name]
    clip = cv2.VideoCapture(str(path))
    frames = []
    for index in np.linspace(0, clip.get(cv2.CAP_PROP_FRAME_COUNT) - 2, count).astype(int):
        clip.set(cv2.CAP_PROP_POS_FRAMES, int(index))
        there, picture = clip.read()
        if there:
            grey = _grey(picture)
            part = grey[int(top * len(grey)) : int(bottom * len(grey))]
            frames.append(Photo(part, np.zeros((0, 4), dtype=np.float32)))
    return frames


def _grey(picture: Any) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def pick_photo(rng: np.random.Generator, photos: Sequence[Photo]) -> Photo:
    """One of the photos; those without plates, frames of a few clips, come less often."""
    for _ in range(3):
        photo = photos[int(rng.integers(len(photos)))]
        if len(photo.boxes):
            break
    return photo


def crop(
    rng: np.random.Generator, photo: Photo, size: int
) -> tuple[Picture, list[NDArray[np.float32]]]:
    """A part of a photo at some scale, `size` pixels square, with its plates' corners (4, 2)."""
    height, width = photo.picture.shape
    side = int(min(height, width, log_between(rng, 0.45, 2.2) * size))
    if len(photo.boxes) and chance(rng, 0.6):  # around a plate
        box = photo.boxes[int(rng.integers(len(photo.boxes)))]
        middle = (box[:2] + box[2:]) / 2 - rng.uniform(0.1, 0.9, 2) * side
        x, y = np.clip(middle, 0, (width - side, height - side)).astype(int).tolist()
    else:
        x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
    part = photo.picture[y : y + side, x : x + side]
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    picture = cv2.resize(part, (size, size), interpolation=how).astype(np.float32)
    boxes = (photo.boxes - np.array([x, y, x, y], dtype=np.float32)) * np.float32(size / side)
    if chance(rng, 0.5):
        picture = picture[:, ::-1].copy()
        boxes = np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)
    inside = (boxes[:, 0] < size) & (boxes[:, 2] > 0) & (boxes[:, 1] < size) & (boxes[:, 3] > 0)
    corners = [
        np.array([[b[0], b[1]], [b[2], b[1]], [b[2], b[3]], [b[0], b[3]]], dtype=np.float32)
        for b in boxes[inside]
    ]
    corners = [_replaced(rng, picture, c) if chance(rng, 0.4) else c for c in corners]
    return _turned(rng, picture, corners) if chance(rng, 0.2) else (picture, corners)


def _replaced(
    rng: np.random.Generator, picture: Picture, corners: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Screw a made-up plate over a photographed one, in place; returns its corners."""
    (x0, y0), (x1, y1) = corners[0], corners[2]
    width, height = float(x1 - x0), float(y1 - y0)
    flat = plate(rng)
    flat = flat * between(rng, 0.5, 1.0) + between(rng, -10, 10)
    # Wide enough to hide the old one, and of its own shape as far as that allows.
    grown = max(1.0, height * flat.shape[1] / flat.shape[0] / width)
    wide = width * min(grown, 1.25) * 1.04
    tall = max(height * 1.04, wide * flat.shape[0] / flat.shape[1])
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    lean = rng.normal(0, 0.03) * wide
    half = np.array([[-wide, -tall], [wide, -tall], [wide, tall], [-wide, tall]]) / 2
    half[:, 1] += np.array([-lean, lean, lean, -lean]) / 2
    seen = (middle + half).astype(np.float32)
    flat = resized(flat, max(3, min(flat.shape[1], int(wide))), max(3, min(64, int(tall))))
    high, broad = flat.shape
    source = np.array([[0, 0], [broad, 0], [broad, high], [0, high]], dtype=np.float32)
    turn = cv2.getPerspectiveTransform(source, seen)
    size = (picture.shape[1], picture.shape[0])
    drawn = cv2.warpPerspective(flat, turn, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(np.ones_like(flat), turn, size)
    picture += (drawn - picture) * alpha
    return seen


def _turned(
    rng: np.random.Generator, picture: Picture, corners: list[NDArray[np.float32]]
) -> tuple[Picture, list[NDArray[np.float32]]]:
    """The camera tilted, or the photo sheared: a picture of the same size, and its corners."""
    size = picture.shape[0]
    turn = cv2.getRotationMatrix2D(
        (size / 2, size / 2), between(rng, -30, 30), between(rng, 1, 1.3)
    )
    if chance(rng, 0.4):
        shear = np.array([[1, 0, 0], [between(rng, -0.5, 0.5), 1, 0], [0, 0, 1]])
        shear[1, 2] = -shear[1, 0] * size / 2
        turn = turn @ shear
    turned = cv2.warpAffine(picture, turn, (size, size), borderMode=cv2.BORDER_REPLICATE)
    moved = [np.asarray(c @ turn[:, :2].T + turn[:, 2], dtype=np.float32) for c in corners]
    return np.asarray(turned, dtype=np.float32), moved
