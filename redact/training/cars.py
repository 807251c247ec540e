"""Flat drawings that get stood into a scene: cars with plates, bare plates, look-alikes."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.drawing import (
    Picture,
    between,
    chance,
    font_files,
    paint,
    resized,
    rough,
    shaded,
    slope,
    text_mask,
    word,
)
from redact.training.lookalikes import lookalike
from redact.training.plates import plate

_LONGEST = 5.0
"""About the most heights that a plate is wide."""


@dataclasses.dataclass(frozen=True)
class Thing:
    """A flat drawing, its mask, and the plate's corners on it, (4, 2), if it has one."""

    picture: Picture
    mask: Picture
    corners: NDArray[np.float32] | None
    plate_width: float


def rectangle(x: float, y: float, width: float, height: float) -> NDArray[np.float32]:
    """Corners (4, 2) of an upright rectangle, clockwise from the top left."""
    return np.array(
        [[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float32
    )


def bare(rng: np.random.Generator, has_plate: bool) -> Thing:
    """A plate, or something like one, on a patch of surface."""
    flat = plate(rng) if has_plate else lookalike(rng)
    height, width = flat.shape
    edge_x, edge_y = int(width * between(rng, 0, 0.4)), int(height * between(rng, 0, 0.8))
    tone = _like(rng, flat) if chance(rng, 0.25) else between(rng, 5, 240)
    picture = shaded(rng, height + 2 * edge_y, width + 2 * edge_x, tone)
    picture[edge_y : edge_y + height, edge_x : edge_x + width] = flat
    mask = np.full_like(picture, 1.0 if chance(rng, 0.6) else 0.0)
    mask[edge_y : edge_y + height, edge_x : edge_x + width] = 1
    if has_plate:
        return Thing(picture, mask, rectangle(edge_x, edge_y, width, height), width)
    # What is much longer than a plate, like tape, is as high as one.
    return Thing(picture, mask, None, min(width, _LONGEST * height))


def _like(rng: np.random.Generator, flat: Picture) -> float:
    """A tone near a plate's own ground, from which only its edge sets it apart."""
    return float(np.clip(np.median(flat) + rng.normal(0, 18), 3, 250))


def car(rng: np.random.Generator, has_plate: bool) -> Thing:
    """The front or rear of a car, with its plate or with the place for one left empty."""
    flat = plate(rng)
    plate_height, plate_width = flat.shape
    long_plate = plate_width > 3.5 * plate_height
    share = between(rng, 2.9, 4.3) if long_plate else between(rng, 3.8, 6.5)
    # Drawn at half the plate's own size: cars are large, and no one looks at them closely.
    plate_height, plate_width = plate_height // 2, max(8, plate_width // 2)
    flat = resized(flat, plate_width, plate_height)
    width = int(plate_width * share)
    height = int(width * between(rng, 0.6, 0.95))
    body = _like(rng, flat) if chance(rng, 0.25) else between(rng, 10, 235)
    picture = shaded(rng, height, width, body)
    mask = _silhouette(rng, height, width)
    picture[int(height * 0.92) :] = between(rng, 5, 40)
    _draw_window(rng, picture)
    _draw_seams(rng, picture, body)
    is_front = chance(rng, 0.4)
    for left_side in (True, False):
        _draw_lamp(rng, picture, left_side, is_front)
    if chance(rng, 0.8 if is_front else 0.2):
        _draw_grille(rng, picture)
    if chance(rng, 0.6):
        _put_lookalike(rng, picture, plate_height)
    for _ in range(rng.integers(0, 7)):
        letters = text_mask(
            rng, word(rng), max(5, plate_height * between(rng, 0.2, 0.6)), font_files()
        )
        x, y = width * between(rng, 0.05, 0.8), height * between(rng, 0.38, 0.7)
        paint(picture, letters, x, y, between(rng, 0, 255))
    off_center = rng.normal(0, 0.02) if chance(rng, 0.8) else between(rng, -0.25, 0.25)
    x = int(np.clip(width / 2 - plate_width / 2 + off_center * width, 0, width - plate_width))
    y = int(min(height * between(rng, 0.42, 0.8), height * 0.93 - plate_height))
    _draw_plate_holder(rng, picture, (x, y, plate_width, plate_height), body)
    if not has_plate:
        return Thing(picture, mask, None, plate_width)
    picture[y : y + plate_height, x : x + plate_width] = flat
    mask[y : y + plate_height, x : x + plate_width] = 1
    _draw_in_front(rng, picture, (x, y, plate_width, plate_height))
    return Thing(picture, mask, rectangle(x, y, plate_width, plate_height), plate_width)


def _put_lookalike(rng: np.random.Generator, picture: Picture, plate_height: int) -> None:
    """A maker's sign in the middle, a wheel or a lamp anywhere, of about a plate's size."""
    height, width = picture.shape
    thing = lookalike(rng)
    size = plate_height * between(rng, 0.6, 2.0)
    small = resized(thing, max(3, int(thing.shape[1] * size / thing.shape[0])), max(3, int(size)))
    x = (width - small.shape[1]) / 2 if chance(rng, 0.4) else between(rng, -0.05, 0.9) * width
    paint(picture, np.ones_like(small), x, height * between(rng, 0.35, 0.75), small)


def _silhouette(rng: np.random.Generator, height: int, width: int) -> Picture:
    mask = np.zeros((height, width), dtype=np.float32)
    roof, shoulder = between(rng, 0.1, 0.25), between(rng, 0, 0.1)
    outline = [
        (roof, 0),
        (1 - roof, 0),
        (1 - shoulder, 0.35),
        (1, 0.5),
        (1, 0.85),
        (0.95, 0.92),
        (0.05, 0.92),
        (0, 0.85),
        (0, 0.5),
        (shoulder, 0.35),
    ]
    points = (np.array(outline) * (width, height)).astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0, cv2.LINE_AA)
    for x in (0.06, 0.8):
        wheel = (int(width * x), int(height * 0.85)), (int(width * (x + 0.14)), height)
        cv2.rectangle(mask, *wheel, 1.0, -1)
    return mask


def _draw_window(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape
    top, bottom = between(rng, 0.03, 0.08), between(rng, 0.28, 0.4)
    upper, lower = between(rng, 0.13, 0.28), between(rng, 0.07, 0.14)
    corners = [(upper, top), (1 - upper, top), (1 - lower, bottom), (lower, bottom)]
    mask = np.zeros_like(picture)
    points = (np.array(corners) * (width, height)).astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0, cv2.LINE_AA)
    tone = between(rng, 10, 120) if chance(rng, 0.8) else between(rng, 120, 230)
    glass = tone + slope(rng, height, width, 50)
    if chance(rng, 0.5):
        glass = glass * 0.7 + rough(rng, height, width) * 0.3
    paint(picture, mask, 0, 0, np.asarray(glass, dtype=np.float32))


def _draw_seams(rng: np.random.Generator, picture: Picture, body: float) -> None:
    height, width = picture.shape
    for _ in range(rng.integers(1, 5)):
        y = int(height * between(rng, 0.4, 0.92))
        tone = float(np.clip(body + between(rng, -90, 60), 0, 255))
        end = (width, y + int(rng.normal(0, 0.01) * height))
        cv2.line(picture, (0, y), end, tone, max(1, int(width * 0.006)))
    if chance(rng, 0.7):  # the bumper
        top, bottom = int(height * between(rng, 0.58, 0.75)), int(height * between(rng, 0.84, 0.93))
        tone = float(np.clip(body + between(rng, -120, 50), 5, 245))
        picture[top:bottom] = shaded(rng, bottom - top, width, tone)
    if chance(rng, 0.35):
        picture[int(height * between(rng, 0.78, 0.86)) :] *= between(rng, 0.2, 0.7)


def _draw_lamp(rng: np.random.Generator, picture: Picture, left_side: bool, is_front: bool) -> None:
    height, width = picture.shape
    lamp_width, lamp_height = width * between(rng, 0.08, 0.24), height * between(rng, 0.06, 0.2)
    x0 = int(width * 0.03 if left_side else width * 0.97 - lamp_width)
    y0 = int(height * between(rng, 0.42, 0.55))
    x1, y1 = int(x0 + lamp_width), int(y0 + lamp_height)
    tone = between(rng, 60, 255) if is_front else between(rng, 30, 160)
    center = ((x0 + x1) // 2, (y0 + y1) // 2)
    if chance(rng, 0.5):
        axes = (max(1, (x1 - x0) // 2), max(1, (y1 - y0) // 2))
        cv2.ellipse(picture, center, axes, 0, 0, 360, tone, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(picture, (x0, y0), (x1, y1), tone, -1)
    if chance(rng, 0.5):  # sections, some ribbed
        edges = np.linspace(x0, x1, int(rng.integers(3, 6))).astype(int)
        for a, b in itertools.pairwise(edges):
            cv2.rectangle(picture, (int(a), y0), (int(b), y1), between(rng, 30, 255), -1)
            if chance(rng, 0.4):
                pitch = max(2, int(lamp_height * 0.15))
                rib = between(rng, 60, 255)
                for x in range(int(a), int(b), pitch):
                    cv2.line(picture, (x, y0), (x, y1), rib, max(1, pitch // 3))
    for _ in range(rng.integers(0, 4)):
        spot = (int(between(rng, x0, x1)), int(between(rng, y0, y1)))
        radius = max(1, int(lamp_height * between(rng, 0.1, 0.3)))
        cv2.circle(picture, spot, radius, between(rng, 100, 255), -1)


def _draw_grille(rng: np.random.Generator, picture: Picture) -> None:
    height, width = picture.shape
    x0 = int(width * between(rng, 0.2, 0.38))
    x1 = width - x0
    y0 = int(height * between(rng, 0.42, 0.62))
    y1 = y0 + int(height * between(rng, 0.06, 0.25))
    picture[y0:y1, x0:x1] = between(rng, 5, 70)
    pitch, tone = max(2, int(width * between(rng, 0.008, 0.05))), between(rng, 20, 230)
    if chance(rng, 0.6):
        for y in range(y0, y1, pitch):
            cv2.line(picture, (x0, y), (x1, y), tone, max(1, pitch // 3))
    if chance(rng, 0.5):
        for x in range(x0, x1, pitch):
            cv2.line(picture, (x, y0), (x, y1), tone, max(1, pitch // 3))


def _draw_plate_holder(
    rng: np.random.Generator, picture: Picture, place: tuple[int, int, int, int], body: float
) -> None:
    x, y, width, height = place
    if chance(rng, 0.5):  # the recess around it
        side, over = width * between(rng, 0.03, 0.35), height * between(rng, 0.03, 0.6)
        tone = float(np.clip(body + between(rng, -140, 20), 0, 255))
        start = (int(x - side), int(y - over))
        stop = (int(x + width + side), int(y + height + over * between(rng, 0.2, 1)))
        cv2.rectangle(picture, start, stop, tone, -1)
    if chance(rng, 0.35):  # a frame
        edge = max(1, int(height * between(rng, 0.03, 0.15)))
        tone = between(rng, 0, 60) if chance(rng, 0.5) else between(rng, 150, 255)
        stop = (x + width + edge - 1, y + height + edge * int(rng.integers(1, 3)) - 1)
        cv2.rectangle(picture, (x - edge, y - edge), stop, tone, -1)


def _draw_in_front(
    rng: np.random.Generator, picture: Picture, place: tuple[int, int, int, int]
) -> None:
    """The shadow that falls on a plate, a tow ball or bar in front of it."""
    x, y, width, height = place
    if chance(rng, 0.3):
        deep = max(1, int(height * between(rng, 0.1, 0.5)))
        picture[y : y + deep, x : x + width] *= between(rng, 0.3, 0.85)
    if chance(rng, 0.12):
        start = (int(x + width * between(rng, 0, 1)), y + int(height * between(rng, 0, 0.6)))
        stop = (start[0] + int(rng.normal(0, 0.2) * width), picture.shape[0])
        thickness = max(1, int(width * between(rng, 0.02, 0.08)))
        cv2.line(picture, start, stop, between(rng, 0, 200), thickness)
