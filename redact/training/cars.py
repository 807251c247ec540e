"""Flat drawings of cars, and of single plates and look-alikes, to be placed in a scene."""

from __future__ import annotations

import dataclasses
import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.drawing import (
    GreyImage,
    chance,
    font_files,
    paint,
    resized,
    rough,
    shaded,
    slope,
    text_mask,
    uniform,
    word,
)
from redact.training.lookalikes import lookalike
from redact.training.plates import plate

_MAX_PLATE_ASPECT = 5.0
"""Width over height of about the longest plates."""


@dataclasses.dataclass(frozen=True)
class FlatObject:
    """A drawing seen straight on.

    image, mask: (H, W) grey levels, and opacity 0..1. corners: (4, 2) of its plate, clockwise from
    the top left, or None without a plate. plate_width: pixels of the plate, or of the place where
    one would be; by it a scene chooses the scale.
    """

    image: GreyImage
    mask: GreyImage
    corners: NDArray[np.float32] | None
    plate_width: float


def rectangle(x: float, y: float, width: float, height: float) -> NDArray[np.float32]:
    """Corners (4, 2) of an upright rectangle, clockwise from the top left."""
    return np.array(
        [[x, y], [x + width, y], [x + width, y + height], [x, y + height]], dtype=np.float32
    )


def surface_patch(rng: np.random.Generator, has_plate: bool) -> FlatObject:
    """A plate or a look-alike on a patch of surface, such as a wall or a door."""
    flat = plate(rng) if has_plate else lookalike(rng)
    height, width = flat.shape
    edge_x, edge_y = int(width * uniform(rng, 0, 0.4)), int(height * uniform(rng, 0, 0.8))
    tone = _similar_tone(rng, flat) if chance(rng, 0.25) else uniform(rng, 5, 240)
    image = shaded(rng, height + 2 * edge_y, width + 2 * edge_x, tone)
    image[edge_y : edge_y + height, edge_x : edge_x + width] = flat
    mask = np.full_like(image, 1.0 if chance(rng, 0.6) else 0.0)
    mask[edge_y : edge_y + height, edge_x : edge_x + width] = 1
    if has_plate:
        return FlatObject(image, mask, rectangle(edge_x, edge_y, width, height), width)
    # A look-alike that is much longer than a plate, such as tape, gets the height of a plate.
    return FlatObject(image, mask, None, min(width, _MAX_PLATE_ASPECT * height))


def _similar_tone(rng: np.random.Generator, flat: GreyImage) -> float:
    """A grey level close to the plate's own, so that only the edge shows where the plate ends."""
    return float(np.clip(np.median(flat) + rng.normal(0, 18), 3, 250))


def car(rng: np.random.Generator, has_plate: bool) -> FlatObject:
    """The front or rear of a car, with its plate or with an empty place for one."""
    paintwork = uniform(rng, 5, 245) if chance(rng, 0.12) else None
    flat = plate(rng, ground=paintwork)
    plate_height, plate_width = flat.shape
    long_plate = plate_width > 3.5 * plate_height
    share = uniform(rng, 2.9, 4.3) if long_plate else uniform(rng, 3.8, 6.5)
    # Drawn at half the resolution of plates: a car is large, and its details matter less.
    plate_height, plate_width = plate_height // 2, max(8, plate_width // 2)
    flat = resized(flat, plate_width, plate_height)
    width = int(plate_width * share)
    height = int(width * uniform(rng, 0.6, 0.95))
    is_alike = paintwork is not None or chance(rng, 0.25)
    body = _similar_tone(rng, flat) if is_alike else uniform(rng, 10, 235)
    image = shaded(rng, height, width, body)
    mask = _silhouette(rng, height, width)
    image[int(height * 0.92) :] = uniform(rng, 5, 40)
    _draw_window(rng, image)
    _draw_seams(rng, image, body)
    is_front = chance(rng, 0.4)
    for left_side in (True, False):
        _draw_lamp(rng, image, left_side, is_front)
    if chance(rng, 0.8 if is_front else 0.2):
        _draw_grille(rng, image)
    if chance(rng, 0.6):
        _draw_lookalike(rng, image, plate_height)
    for _ in range(rng.integers(0, 7)):
        letters = text_mask(
            rng, word(rng), max(5, plate_height * uniform(rng, 0.2, 0.6)), font_files()
        )
        x, y = width * uniform(rng, 0.05, 0.8), height * uniform(rng, 0.38, 0.7)
        paint(image, letters, x, y, uniform(rng, 0, 255))
    off_center = rng.normal(0, 0.02) if chance(rng, 0.8) else uniform(rng, -0.25, 0.25)
    x = int(np.clip(width / 2 - plate_width / 2 + off_center * width, 0, width - plate_width))
    y = int(min(height * uniform(rng, 0.42, 0.8), height * 0.93 - plate_height))
    _draw_plate_holder(rng, image, (x, y, plate_width, plate_height), body)
    if not has_plate:
        return FlatObject(image, mask, None, plate_width)
    image[y : y + plate_height, x : x + plate_width] = flat
    mask[y : y + plate_height, x : x + plate_width] = 1
    _draw_occluders(rng, image, (x, y, plate_width, plate_height))
    return FlatObject(image, mask, rectangle(x, y, plate_width, plate_height), plate_width)


def _draw_lookalike(rng: np.random.Generator, image: GreyImage, plate_height: int) -> None:
    """A look-alike of about a plate's size in the middle (an emblem) or anywhere (a lamp)."""
    height, width = image.shape
    thing = lookalike(rng)
    size = plate_height * uniform(rng, 0.6, 2.0)
    small = resized(thing, max(3, int(thing.shape[1] * size / thing.shape[0])), max(3, int(size)))
    x = (width - small.shape[1]) / 2 if chance(rng, 0.4) else uniform(rng, -0.05, 0.9) * width
    paint(image, np.ones_like(small), x, height * uniform(rng, 0.35, 0.75), small)


def _silhouette(rng: np.random.Generator, height: int, width: int) -> GreyImage:
    """The mask of a car seen from the front or rear: body, roof and two wheels."""
    mask = np.zeros((height, width), dtype=np.float32)
    roof, shoulder = uniform(rng, 0.1, 0.25), uniform(rng, 0, 0.1)
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


def _draw_window(rng: np.random.Generator, image: GreyImage) -> None:
    height, width = image.shape
    top, bottom = uniform(rng, 0.03, 0.08), uniform(rng, 0.28, 0.4)
    upper, lower = uniform(rng, 0.13, 0.28), uniform(rng, 0.07, 0.14)
    corners = [(upper, top), (1 - upper, top), (1 - lower, bottom), (lower, bottom)]
    mask = np.zeros_like(image)
    points = (np.array(corners) * (width, height)).astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0, cv2.LINE_AA)
    tone = uniform(rng, 10, 120) if chance(rng, 0.8) else uniform(rng, 120, 230)
    glass = tone + slope(rng, height, width, 50)
    if chance(rng, 0.5):
        glass = glass * 0.7 + rough(rng, height, width) * 0.3
    paint(image, mask, 0, 0, np.asarray(glass, dtype=np.float32))


def _draw_seams(rng: np.random.Generator, image: GreyImage, body: float) -> None:
    """Level lines between parts of the body, a bumper, a shadow below."""
    height, width = image.shape
    for _ in range(rng.integers(1, 5)):
        y = int(height * uniform(rng, 0.4, 0.92))
        tone = float(np.clip(body + uniform(rng, -90, 60), 0, 255))
        end = (width, y + int(rng.normal(0, 0.01) * height))
        cv2.line(image, (0, y), end, tone, max(1, int(width * 0.006)))
    if chance(rng, 0.7):  # the bumper
        top, bottom = int(height * uniform(rng, 0.58, 0.75)), int(height * uniform(rng, 0.84, 0.93))
        tone = float(np.clip(body + uniform(rng, -120, 50), 5, 245))
        image[top:bottom] = shaded(rng, bottom - top, width, tone)
    if chance(rng, 0.35):
        image[int(height * uniform(rng, 0.78, 0.86)) :] *= uniform(rng, 0.2, 0.7)


def _draw_lamp(rng: np.random.Generator, image: GreyImage, left_side: bool, is_front: bool) -> None:
    height, width = image.shape
    lamp_width, lamp_height = width * uniform(rng, 0.08, 0.24), height * uniform(rng, 0.06, 0.2)
    x0 = int(width * 0.03 if left_side else width * 0.97 - lamp_width)
    y0 = int(height * uniform(rng, 0.42, 0.55))
    x1, y1 = int(x0 + lamp_width), int(y0 + lamp_height)
    tone = uniform(rng, 60, 255) if is_front else uniform(rng, 30, 160)
    center = ((x0 + x1) // 2, (y0 + y1) // 2)
    if chance(rng, 0.5):
        axes = (max(1, (x1 - x0) // 2), max(1, (y1 - y0) // 2))
        cv2.ellipse(image, center, axes, 0, 0, 360, tone, -1, cv2.LINE_AA)
    else:
        cv2.rectangle(image, (x0, y0), (x1, y1), tone, -1)
    if chance(rng, 0.5):  # sections, some of them ribbed
        edges = np.linspace(x0, x1, int(rng.integers(3, 6))).astype(int)
        for a, b in itertools.pairwise(edges):
            cv2.rectangle(image, (int(a), y0), (int(b), y1), uniform(rng, 30, 255), -1)
            if chance(rng, 0.4):
                pitch = max(2, int(lamp_height * 0.15))
                rib = uniform(rng, 60, 255)
                for x in range(int(a), int(b), pitch):
                    cv2.line(image, (x, y0), (x, y1), rib, max(1, pitch // 3))
    for _ in range(rng.integers(0, 4)):  # highlights
        spot = (int(uniform(rng, x0, x1)), int(uniform(rng, y0, y1)))
        radius = max(1, int(lamp_height * uniform(rng, 0.1, 0.3)))
        cv2.circle(image, spot, radius, uniform(rng, 100, 255), -1)


def _draw_grille(rng: np.random.Generator, image: GreyImage) -> None:
    height, width = image.shape
    x0 = int(width * uniform(rng, 0.2, 0.38))
    x1 = width - x0
    y0 = int(height * uniform(rng, 0.42, 0.62))
    y1 = y0 + int(height * uniform(rng, 0.06, 0.25))
    image[y0:y1, x0:x1] = uniform(rng, 5, 70)
    pitch, tone = max(2, int(width * uniform(rng, 0.008, 0.05))), uniform(rng, 20, 230)
    if chance(rng, 0.6):
        for y in range(y0, y1, pitch):
            cv2.line(image, (x0, y), (x1, y), tone, max(1, pitch // 3))
    if chance(rng, 0.5):
        for x in range(x0, x1, pitch):
            cv2.line(image, (x, y0), (x, y1), tone, max(1, pitch // 3))


def _draw_plate_holder(
    rng: np.random.Generator, image: GreyImage, place: tuple[int, int, int, int], body: float
) -> None:
    x, y, width, height = place
    if chance(rng, 0.5):  # the recess around the plate
        side, over = width * uniform(rng, 0.03, 0.35), height * uniform(rng, 0.03, 0.6)
        tone = float(np.clip(body + uniform(rng, -140, 20), 0, 255))
        start = (int(x - side), int(y - over))
        stop = (int(x + width + side), int(y + height + over * uniform(rng, 0.2, 1)))
        cv2.rectangle(image, start, stop, tone, -1)
    if chance(rng, 0.35):  # a frame
        edge = max(1, int(height * uniform(rng, 0.03, 0.15)))
        tone = uniform(rng, 0, 60) if chance(rng, 0.5) else uniform(rng, 150, 255)
        stop = (x + width + edge - 1, y + height + edge * int(rng.integers(1, 3)) - 1)
        cv2.rectangle(image, (x - edge, y - edge), stop, tone, -1)


def _draw_occluders(
    rng: np.random.Generator, image: GreyImage, place: tuple[int, int, int, int]
) -> None:
    """A shadow that falls on the plate, a tow ball or bar in front of it."""
    x, y, width, height = place
    if chance(rng, 0.3):
        depth = max(1, int(height * uniform(rng, 0.1, 0.5)))
        image[y : y + depth, x : x + width] *= uniform(rng, 0.3, 0.85)
    if chance(rng, 0.12):
        start = (int(x + width * uniform(rng, 0, 1)), y + int(height * uniform(rng, 0, 0.6)))
        stop = (start[0] + int(rng.normal(0, 0.2) * width), image.shape[0])
        thickness = max(1, int(width * uniform(rng, 0.02, 0.08)))
        cv2.line(image, start, stop, uniform(rng, 0, 200), thickness)
