"""Motorcycles and scooters: the rear with its small plate, and the front with the plate on it."""

from __future__ import annotations

import cv2
import numpy as np

from redact.training.cars import FlatObject, rectangle
from redact.training.drawing import GreyImage, chance, paint, resized, shaded, uniform
from redact.training.lookalikes import lookalike
from redact.training.plates import MOTORCYCLE_LAYOUTS, plate


def motorcycle(rng: np.random.Generator, has_plate: bool) -> FlatObject:
    """A motorcycle seen from behind, with its plate or with an empty place for one."""
    flat = plate(rng, MOTORCYCLE_LAYOUTS)
    flat = resized(flat, max(8, flat.shape[1] // 2), flat.shape[0] // 2)
    plate_height, plate_width = flat.shape
    width = int(plate_width * uniform(rng, 1.8, 4.0))
    height = int(plate_width * uniform(rng, 3.0, 4.5))
    x = int(np.clip((width - plate_width) / 2 + rng.normal(0, 0.03) * width, 0, width))
    x = min(x, width - plate_width)
    y = int(height * uniform(rng, 0.4, 0.6))
    image, mask = np.zeros((2, height, width), dtype=np.float32)
    body = uniform(rng, 10, 220)
    dark = uniform(rng, 5, 60)
    tyre = width * uniform(rng, 0.08, 0.2)
    _fill(rng, image, mask, [(-tyre, y), (tyre, y), (tyre, height), (-tyre, height)], dark)
    if chance(rng, 0.7):
        _draw_exhaust(rng, image, mask)
    top = height * uniform(rng, 0.02, 0.15)
    hips, waist = width * uniform(rng, 0.2, 0.48), width * uniform(rng, 0.1, 0.25)
    seat = [(-waist, top), (waist, top), (hips, y * 0.6), (waist, y), (-waist, y)]
    _fill(rng, image, mask, [*seat, (-hips, y * 0.6)], body)
    guard = plate_width * uniform(rng, 0.3, 0.7)
    end = y + plate_height * uniform(rng, 0.8, 1.8)
    tone = dark if chance(rng, 0.7) else body
    _fill(
        rng, image, mask, [(-guard, y * 0.8), (guard, y * 0.8), (guard, end), (-guard, end)], tone
    )
    _draw_lamps(rng, image, mask, y, plate_width)
    place = (x, y, plate_width, plate_height)
    if chance(rng, 0.3):  # a frame
        edge = max(1, int(plate_height * uniform(rng, 0.03, 0.12)))
        corners = (x - edge, y - edge), (x + plate_width + edge - 1, y + plate_height + edge - 1)
        cv2.rectangle(image, *corners, uniform(rng, 0, 255), -1)
        cv2.rectangle(mask, *corners, 1.0, -1)
    if not has_plate:
        if chance(rng, 0.6):
            thing = lookalike(rng)
            paint(image, np.ones_like(flat), x, y, resized(thing, plate_width, plate_height))
        return FlatObject(image, mask, None, plate_width)
    image[y : y + plate_height, x : x + plate_width] = flat
    mask[y : y + plate_height, x : x + plate_width] = 1
    return FlatObject(image, mask, rectangle(*place), plate_width)


def scooter_front(rng: np.random.Generator, has_plate: bool) -> FlatObject:
    """A scooter or motorcycle seen from the front: bars, lamp, apron, mudguard, wheel.

    Its plate, wide or square, lies on the apron or on the mudguard, often without a frame and
    painted like them.
    """
    body = uniform(rng, 10, 245)
    ground = float(np.clip(body + rng.normal(0, 12), 0, 255)) if chance(rng, 0.5) else None
    flat = plate(rng, (*MOTORCYCLE_LAYOUTS, "indian", "european"), ground=ground)
    flat = resized(flat, max(8, flat.shape[1] // 2), flat.shape[0] // 2)
    plate_height, plate_width = flat.shape
    width = int(plate_width * uniform(rng, 1.7, 3.2))
    height = int(width * uniform(rng, 1.4, 2.2))
    image, mask = np.zeros((2, height, width), dtype=np.float32)
    dark = uniform(rng, 5, 60)
    tyre = width * uniform(rng, 0.05, 0.1)
    _fill(
        rng,
        image,
        mask,
        [(-tyre, height * 0.6), (tyre, height * 0.6), (tyre, height), (-tyre, height)],
        dark,
    )
    guard = width * uniform(rng, 0.08, 0.16)
    _fill(
        rng,
        image,
        mask,
        [
            (-guard, height * 0.6),
            (guard, height * 0.6),
            (guard, height * 0.85),
            (-guard, height * 0.85),
        ],
        body,
    )
    bar = height * uniform(rng, 0.1, 0.2)
    _fill(
        rng,
        image,
        mask,
        [
            (-width * 0.45, bar),
            (width * 0.45, bar),
            (width * 0.45, bar * 1.3),
            (-width * 0.45, bar * 1.3),
        ],
        dark,
    )
    top, waist, low = (
        width * uniform(rng, 0.2, 0.4),
        width * uniform(rng, 0.3, 0.48),
        width * uniform(rng, 0.15, 0.4),
    )
    apron = [(-top, bar), (top, bar), (waist, height * 0.35), (low, height * 0.72)]
    _fill(rng, image, mask, [*apron, (-low, height * 0.72), (-waist, height * 0.35)], body)
    lamp = (int(width * uniform(rng, 0.1, 0.2)), int(height * uniform(rng, 0.04, 0.09)))
    center = (width // 2, int(height * uniform(rng, 0.14, 0.28)))
    cv2.ellipse(image, center, lamp, 0, 0, 360, uniform(rng, 60, 255), -1, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):  # seams of the apron
        y = int(height * uniform(rng, 0.3, 0.7))
        tone = float(np.clip(body + uniform(rng, -80, 60), 0, 255))
        cv2.line(image, (int(width * 0.15), y), (int(width * 0.85), y), tone, 1, cv2.LINE_AA)
    x = int(
        np.clip((width - plate_width) / 2 + rng.normal(0, 0.02) * width, 0, width - plate_width)
    )
    y = int(min(height * uniform(rng, 0.3, 0.75), height - plate_height - 1))
    if not has_plate:
        return FlatObject(image, mask, None, plate_width)
    image[y : y + plate_height, x : x + plate_width] = flat
    mask[y : y + plate_height, x : x + plate_width] = 1
    return FlatObject(image, mask, rectangle(x, y, plate_width, plate_height), plate_width)


def _fill(
    rng: np.random.Generator,
    image: GreyImage,
    mask: GreyImage,
    points: list[tuple[float, float]],
    tone: float,
) -> None:
    """Draw a shaded polygon, in place; its x coordinates count from the middle of the image."""
    height, width = image.shape
    outline = np.array([(width / 2 + px, py) for px, py in points]).astype(np.int32)
    part = np.zeros_like(mask)
    cv2.fillPoly(part, [outline], 1.0, cv2.LINE_AA)
    paint(image, part, 0, 0, shaded(rng, height, width, tone))
    np.maximum(mask, part, out=mask)


def _draw_exhaust(rng: np.random.Generator, image: GreyImage, mask: GreyImage) -> None:
    height, width = image.shape
    center = (int(width * uniform(rng, 0.7, 0.95)), int(height * uniform(rng, 0.6, 0.9)))
    axes = (int(width * uniform(rng, 0.04, 0.12)), int(width * uniform(rng, 0.05, 0.15)))
    for share, tone in ((1.0, uniform(rng, 60, 230)), (0.55, uniform(rng, 0, 50))):
        inner = (max(1, int(axes[0] * share)), max(1, int(axes[1] * share)))
        cv2.ellipse(image, center, inner, 0, 0, 360, tone, -1, cv2.LINE_AA)
    cv2.ellipse(mask, center, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)


def _draw_lamps(
    rng: np.random.Generator, image: GreyImage, mask: GreyImage, y: int, plate_width: int
) -> None:
    """Draw the tail lamp above the plate and indicators on stalks, in place."""
    width = image.shape[1]
    half_width = plate_width * uniform(rng, 0.2, 0.5)
    half_height = plate_width * uniform(rng, 0.08, 0.25)
    center = (width // 2, int(y - half_height * uniform(rng, 1.1, 2.5)))
    tone = uniform(rng, 40, 140) if chance(rng, 0.7) else uniform(rng, 180, 255)
    for canvas, value in ((image, tone), (mask, 1.0)):
        axes = (max(1, int(half_width)), max(1, int(half_height)))
        cv2.ellipse(canvas, center, axes, 0, 0, 360, value, -1, cv2.LINE_AA)
    if chance(rng, 0.7):
        length, radius = plate_width * uniform(rng, 0.6, 1.2), max(1, int(plate_width * 0.11))
        stalk, glass = uniform(rng, 5, 80), uniform(rng, 90, 255)
        for side in (-1, 1):
            spot = (int(width / 2 + side * length), center[1] + int(half_height))
            for canvas, line, disc in ((image, stalk, glass), (mask, 1.0, 1.0)):
                cv2.line(canvas, (width // 2, spot[1]), spot, line, max(1, radius // 2))
                cv2.circle(canvas, spot, radius, disc, -1, cv2.LINE_AA)
