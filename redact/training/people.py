"""Faces and people, drawn roughly: what stands before a camera more often than cars do."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.drawing import Picture, between, chance, paint, rough, shaded
from redact.training.scripts import prose_mask

Point = NDArray[np.float64]


def people(rng: np.random.Generator, size: int) -> Picture:
    """A background with a few heads, some with masks, hats, glasses, some with print on them."""
    picture = rough(rng, size, size)
    for _ in range(rng.integers(1, 7)):
        head = between(rng, 0.06, 0.7) ** 1.3 * size
        center = rng.uniform(0, size, 2)
        _draw_body(rng, picture, center, head)
        _draw_head(rng, picture, center, head)
    return picture


def _ellipse(
    canvas: Picture,
    center: Point,
    axes: tuple[float, float],
    turn: float,
    tone: float | Picture,
) -> None:
    mask = np.zeros_like(canvas)
    middle = (int(center[0]), int(center[1]))
    sides = (max(1, int(axes[0])), max(1, int(axes[1])))
    cv2.ellipse(mask, middle, sides, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
    paint(canvas, mask, 0, 0, tone)


def _draw_body(rng: np.random.Generator, picture: Picture, center: Point, head: float) -> None:
    """Shoulders and clothes, with folds, and letters now and then."""
    size = picture.shape[0]
    cloth = shaded(rng, size, size, between(rng, 10, 235))
    below = center + np.array([0, head * 1.5])
    _ellipse(picture, below, (head * between(rng, 0.8, 1.3), head * 1.0), 0, cloth)
    for _ in range(rng.integers(0, 5)):
        a, b = below + rng.normal(0, 0.4, (2, 2)) * head
        tone = between(rng, 0, 200)
        ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
        cv2.line(picture, *ends, tone, max(1, int(head * 0.02)), cv2.LINE_AA)
    if chance(rng, 0.35):
        mask = prose_mask(rng, 2, max(5.0, head * between(rng, 0.08, 0.35)))
        x, y = below - np.array([mask.shape[1] / 2, head * between(rng, 0, 0.5)])
        paint(picture, mask, x, y, between(rng, 0, 255))


def _draw_head(rng: np.random.Generator, picture: Picture, center: Point, head: float) -> None:
    size = picture.shape[0]
    turn = float(rng.normal(0, 12))
    wide = head * between(rng, 0.3, 0.4)
    skin = between(rng, 60, 220)
    hair = between(rng, 5, 110) if chance(rng, 0.8) else between(rng, 110, 220)
    _ellipse(picture, center - np.array([0, head * 0.08]), (wide * 1.12, head * 0.53), turn, hair)
    _ellipse(picture, center, (wide, head * 0.46), turn, shaded(rng, size, size, skin))
    radians = np.radians(turn)
    across = np.array([np.cos(radians), np.sin(radians)])
    down = np.array([-across[1], across[0]])
    shift = across * rng.normal(0, 0.15) * wide
    for side in (-1, 1):
        eye = center + shift + across * side * wide * 0.42 - down * head * 0.06
        if chance(rng, 0.9):
            _ellipse(picture, eye, (wide * 0.22, head * 0.035), turn, min(255, skin + 50))
            _ellipse(picture, eye, (wide * 0.09, head * 0.035), turn, between(rng, 0, 60))
        brow = eye - down * head * between(rng, 0.06, 0.1)
        _ellipse(picture, brow, (wide * 0.28, head * 0.018), turn + side * 6, hair)
        if chance(rng, 0.12):  # glasses
            radius = (max(1, int(wide * 0.34)), max(1, int(wide * 0.26)))
            middle = (int(eye[0]), int(eye[1]))
            cv2.ellipse(picture, middle, radius, turn, 0, 360, 20.0, max(1, int(head * 0.015)))
    nose = center + shift * 1.5 + down * head * 0.08
    _ellipse(picture, nose, (wide * 0.16, head * 0.03), turn, skin * 0.75)
    mouth = center + shift + down * head * 0.23
    if chance(rng, 0.45):  # a mask
        _ellipse(picture, mouth, (wide * 0.9, head * 0.24), turn, between(rng, 10, 250))
        for row in (-0.06, 0, 0.06):
            a, b = (mouth + down * head * row + across * s * wide * 0.7 for s in (-1, 1))
            ends = (int(a[0]), int(a[1])), (int(b[0]), int(b[1]))
            cv2.line(picture, *ends, between(rng, 60, 220), max(1, int(head * 0.008)), cv2.LINE_AA)
    else:
        _ellipse(picture, mouth, (wide * 0.42, head * between(rng, 0.02, 0.06)), turn, skin * 0.6)
        if chance(rng, 0.4):  # teeth
            _ellipse(picture, mouth, (wide * 0.33, head * 0.025), turn, between(rng, 190, 255))
    if chance(rng, 0.25):  # a hat
        top = center - down * head * 0.42
        tone = between(rng, 5, 230)
        _ellipse(picture, top, (wide * 1.1, head * 0.2), turn, tone)
        if chance(rng, 0.4):
            mask = prose_mask(rng, 1, max(4.0, head * 0.1))
            paint(picture, mask, top[0] - mask.shape[1] / 2, top[1], 255 - tone)
