"""Roughly drawn people, whom a doorbell camera sees more often than cars."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.drawing import GreyImage, chance, paint, rough, shaded, uniform
from redact.training.scripts import prose_mask

Point = NDArray[np.float64]


def people(rng: np.random.Generator, size: int) -> GreyImage:
    """A background with one to six people, some with masks, hats, glasses, or print on clothes."""
    image = rough(rng, size, size)
    for _ in range(rng.integers(1, 7)):
        head = uniform(rng, 0.06, 0.7) ** 1.3 * size
        center = rng.uniform(0, size, 2)
        _draw_body(rng, image, center, head)
        _draw_head(rng, image, center, head)
    return image


def _ellipse(
    canvas: GreyImage,
    center: Point,
    axes: tuple[float, float],
    turn: float,
    tone: float | GreyImage,
) -> None:
    """Draw a filled ellipse, in place; turn: degrees."""
    mask = np.zeros_like(canvas)
    middle = (int(center[0]), int(center[1]))
    sides = (max(1, int(axes[0])), max(1, int(axes[1])))
    cv2.ellipse(mask, middle, sides, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
    paint(canvas, mask, 0, 0, tone)


def _draw_body(rng: np.random.Generator, image: GreyImage, center: Point, head: float) -> None:
    """Draw shoulders and clothes with folds, some with letters, in place; head: pixels high."""
    size = image.shape[0]
    cloth = shaded(rng, size, size, uniform(rng, 10, 235))
    below = center + np.array([0, head * 1.5])
    _ellipse(image, below, (head * uniform(rng, 0.8, 1.3), head * 1.0), 0, cloth)
    for _ in range(rng.integers(0, 5)):
        a, b = below + rng.normal(0, 0.4, (2, 2)) * head
        tone = uniform(rng, 0, 200)
        ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
        cv2.line(image, *ends, tone, max(1, int(head * 0.02)), cv2.LINE_AA)
    if chance(rng, 0.35):
        mask = prose_mask(rng, 2, max(5.0, head * uniform(rng, 0.08, 0.35)))
        x, y = below - np.array([mask.shape[1] / 2, head * uniform(rng, 0, 0.5)])
        paint(image, mask, x, y, uniform(rng, 0, 255))


def _draw_head(rng: np.random.Generator, image: GreyImage, center: Point, head: float) -> None:
    """Draw hair, face, eyes, nose and mouth, perhaps glasses, mask and hat, in place."""
    size = image.shape[0]
    turn = float(rng.normal(0, 12))
    half_width = head * uniform(rng, 0.3, 0.4)
    skin = uniform(rng, 60, 220)
    hair = uniform(rng, 5, 110) if chance(rng, 0.8) else uniform(rng, 110, 220)
    _ellipse(
        image, center - np.array([0, head * 0.08]), (half_width * 1.12, head * 0.53), turn, hair
    )
    _ellipse(image, center, (half_width, head * 0.46), turn, shaded(rng, size, size, skin))
    radians = np.radians(turn)
    across = np.array([np.cos(radians), np.sin(radians)])
    down = np.array([-across[1], across[0]])
    shift = across * rng.normal(0, 0.15) * half_width
    for side in (-1, 1):
        eye = center + shift + across * side * half_width * 0.42 - down * head * 0.06
        if chance(rng, 0.9):
            _ellipse(image, eye, (half_width * 0.22, head * 0.035), turn, min(255, skin + 50))
            _ellipse(image, eye, (half_width * 0.09, head * 0.035), turn, uniform(rng, 0, 60))
        brow = eye - down * head * uniform(rng, 0.06, 0.1)
        _ellipse(image, brow, (half_width * 0.28, head * 0.018), turn + side * 6, hair)
        if chance(rng, 0.12):  # glasses
            radius = (max(1, int(half_width * 0.34)), max(1, int(half_width * 0.26)))
            middle = (int(eye[0]), int(eye[1]))
            cv2.ellipse(image, middle, radius, turn, 0, 360, 20.0, max(1, int(head * 0.015)))
    nose = center + shift * 1.5 + down * head * 0.08
    _ellipse(image, nose, (half_width * 0.16, head * 0.03), turn, skin * 0.75)
    mouth = center + shift + down * head * 0.23
    if chance(rng, 0.45):  # a mask
        _ellipse(image, mouth, (half_width * 0.9, head * 0.24), turn, uniform(rng, 10, 250))
        for row in (-0.06, 0, 0.06):
            a, b = (mouth + down * head * row + across * s * half_width * 0.7 for s in (-1, 1))
            ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            cv2.line(image, *ends, uniform(rng, 60, 220), max(1, int(head * 0.008)), cv2.LINE_AA)
    else:
        _ellipse(
            image, mouth, (half_width * 0.42, head * uniform(rng, 0.02, 0.06)), turn, skin * 0.6
        )
        if chance(rng, 0.4):  # teeth
            _ellipse(image, mouth, (half_width * 0.33, head * 0.025), turn, uniform(rng, 190, 255))
    if chance(rng, 0.25):  # a hat
        top = center - down * head * 0.42
        tone = uniform(rng, 5, 230)
        _ellipse(image, top, (half_width * 1.1, head * 0.2), turn, tone)
        if chance(rng, 0.4):
            mask = prose_mask(rng, 1, max(4.0, head * 0.1))
            paint(image, mask, top[0] - mask.shape[1] / 2, top[1], 255 - tone)
