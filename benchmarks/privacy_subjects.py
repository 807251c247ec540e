"""Faces and plates for the privacy benchmark, and how they move in front of the camera."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE, FACE, FRAMES = 192, 96, 60
PLATE = (130, 30)
CHARACTERS = "ABCDEFGHKLMNPRSTUVXYZ0123456789"
_SLOT_WIDTH, _FIRST_SLOT, _COUNT = 20, 5, 6

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def load_faces(folder: Path, count: int) -> list[Image]:
    """The largest labelled faces of a folder, at most one of each image, scaled to `FACE` px."""
    path = folder / "boxes.json"
    if not path.is_file():
        return []
    labels = json.loads(path.read_text(encoding="utf-8"))
    largest = []
    for name, boxes in labels.items():
        box = max(boxes, key=lambda b: b["h"])
        if box["h"] >= 48:
            largest.append((name, box))
    chosen = sorted(largest, key=lambda item: -item[1]["h"])[:count]
    faces = []
    for name, b in chosen:
        image = cv2.imread(str(folder / name))
        b = {key: int(b[key]) for key in "xywh"}
        part = image[max(0, b["y"]) : b["y"] + b["h"], max(0, b["x"]) : b["x"] + b["w"]]
        faces.append(cv2.resize(part, (FACE * 4 // 5, FACE), interpolation=cv2.INTER_AREA))
    return faces


def drawn_face(number: int) -> Image:
    """An oval with two eyes and a mouth; each number gives another face."""
    rng = np.random.default_rng(number)
    face = np.full((FACE, FACE * 4 // 5, 3), rng.uniform(60, 200, 3), dtype=np.uint8)
    skin = tuple(float(v) for v in rng.uniform(60, 220, 3))
    cv2.ellipse(face, (38, 48), (int(rng.integers(24, 36)), 44), 0, 0, 360, skin, -1)
    gap = int(rng.integers(10, 18))
    for x in (38 - gap, 38 + gap):
        cv2.circle(face, (x, int(rng.integers(34, 44))), int(rng.integers(3, 7)), (30, 30, 30), -1)
    wide = (int(rng.integers(6, 16)), int(rng.integers(2, 6)))
    cv2.ellipse(face, (38, int(rng.integers(64, 78))), wide, 0, 0, 360, (40, 40, 120), -1)
    return face


def draw_plate(text: str) -> Image:
    """A plate with dark characters on a light ground, each in a slot of equal width."""
    plate = np.full((PLATE[1], PLATE[0], 3), 230, dtype=np.uint8)
    for number, character in enumerate(text):
        x = _FIRST_SLOT + number * _SLOT_WIDTH
        plate[:, x : x + _SLOT_WIDTH] = _draw_character(character)[:, :, None]
    return plate


def plate_text(number: int) -> str:
    """Six random characters; each number gives another text."""
    return "".join(np.random.default_rng((9, number)).choice(list(CHARACTERS), _COUNT))


@functools.cache
def _draw_character(character: str) -> Image:
    slot = np.full((PLATE[1], _SLOT_WIDTH), 230, dtype=np.uint8)
    cv2.putText(slot, character, (1, 23), cv2.FONT_HERSHEY_DUPLEX, 0.75, 25, 2, cv2.LINE_AA)
    return slot


def read_plate(image: NDArray[np.float32]) -> str:
    """The text that a template matcher reads on a (30, 130, 3) image of a plate.

    Each character is searched within a few pixels of its slot, by normalised correlation.
    """
    grey = cv2.copyMakeBorder(image.mean(axis=2), 0, 0, 4, 4, cv2.BORDER_REPLICATE)
    text = ""
    for number in range(_COUNT):
        x = 4 + _FIRST_SLOT + number * _SLOT_WIDTH
        part = grey[:, x - 3 : x + _SLOT_WIDTH + 3].astype(np.float32)
        scores = [
            cv2.matchTemplate(
                part, _draw_character(character)[3:-3].astype(np.float32), cv2.TM_CCOEFF_NORMED
            )
            for character in CHARACTERS
        ]
        text += CHARACTERS[int(np.argmax([np.nan_to_num(score).max() for score in scores]))]
    return text


def scene(thing: Image, rng: np.random.Generator, frames: int) -> tuple[list[Image], list[Box]]:
    """Images of the thing moving in front of a random background, and boxes with detector jitter.

    Light and noise are random, too.
    """
    ground = cv2.resize(
        rng.normal(110, 30, (12, 12, 3)).astype(np.float32),
        (SIZE, SIZE),
        interpolation=cv2.INTER_CUBIC,
    )
    gain, offset = rng.uniform(0.9, 1.1), rng.uniform(-10, 10)
    height, width = thing.shape[:2]
    start = rng.uniform(10, 30, 2)
    lit = thing.astype(np.float32) * np.float32(gain) + np.float32(offset)
    noise = _noise()
    images, boxes = [], []
    for t in range(frames):
        x, y = start + np.array([30 * t / FRAMES, 10 * np.sin(t / 9)])
        move = np.array([[1, 0, x], [0, 1, y]], dtype=np.float32)
        image = ground.copy()
        cv2.warpAffine(lit, move, (SIZE, SIZE), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
        at = int(rng.integers(0, noise.size - image.size))
        image += noise[at : at + image.size].reshape(image.shape)
        images.append(np.clip(image, 0, 255).astype(np.uint8))
        edges = np.array([x, y, x + width, y + height]) + rng.normal(0, 1.5, 4)
        x0, y0, x1, y1 = (int(v) // 2 * 2 for v in np.clip(edges, 0, SIZE))
        boxes.append((x0, y0, x1, y1))
    return images, boxes


@functools.cache
def _noise() -> NDArray[np.float32]:
    """Camera noise from which each frame takes a part, because drawing new noise is slow."""
    return np.random.default_rng(0).normal(0, 4, 2_000_000).astype(np.float32)


def aligned(
    images: list[Image], boxes: list[Box], size: tuple[int, int] = (FACE // 2, FACE // 2)
) -> NDArray[np.float32]:
    """The mean of the contents of all frames' boxes, each scaled to (width, height)."""
    parts = [
        cv2.resize(p[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        for p, (x0, y0, x1, y1) in zip(images, boxes, strict=True)
    ]
    return np.mean(parts, axis=0, dtype=np.float32)
