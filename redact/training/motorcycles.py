"""The rear end of a motorcycle or a scooter: mudguard, lamp, tyre, exhaust, and a small plate."""

from __future__ import annotations

import cv2
import numpy as np

from redact.training.cars import Thing, rectangle
from redact.training.drawing import Picture, between, chance, paint, resized, shaded
from redact.training.lookalikes import lookalike
from redact.training.plates import OF_MOTORCYCLES, plate


def motorcycle(rng: np.random.Generator, has_plate: bool) -> Thing:
    """What rides ahead, seen from behind, with its plate or only the place for one."""
    flat = plate(rng, OF_MOTORCYCLES)
    flat = resized(flat, max(8, flat.shape[1] // 2), flat.shape[0] // 2)
    plate_height, plate_width = flat.shape
    width = int(plate_width * between(rng, 1.8, 4.0))
    height = int(plate_width * between(rng, 3.0, 4.5))
    x = int(np.clip((width - plate_width) / 2 + rng.normal(0, 0.03) * width, 0, width))
    x = min(x, width - plate_width)
    y = int(height * between(rng, 0.4, 0.6))
    picture, mask = np.zeros((2, height, width), dtype=np.float32)
    body = between(rng, 10, 220)
    dark = between(rng, 5, 60)
    tyre = width * between(rng, 0.08, 0.2)
    _fill(rng, picture, mask, [(-tyre, y), (tyre, y), (tyre, height), (-tyre, height)], dark)
    if chance(rng, 0.7):
        _draw_exhaust(rng, picture, mask)
    top = height * between(rng, 0.02, 0.15)
    wide, narrow = width * between(rng, 0.2, 0.48), width * between(rng, 0.1, 0.25)
    seat = [(-narrow, top), (narrow, top), (wide, y * 0.6), (narrow, y), (-narrow, y)]
    _fill(rng, picture, mask, [*seat, (-wide, y * 0.6)], body)
    guard = plate_width * between(rng, 0.3, 0.7)
    end = y + plate_height * between(rng, 0.8, 1.8)
    tone = dark if chance(rng, 0.7) else body
    _fill(
        rng, picture, mask, [(-guard, y * 0.8), (guard, y * 0.8), (guard, end), (-guard, end)], tone
    )
    _draw_lamps(rng, picture, mask, y, plate_width)
    place = (x, y, plate_width, plate_height)
    if chance(rng, 0.3):  # a frame
        edge = max(1, int(plate_height * between(rng, 0.03, 0.12)))
        corners = (x - edge, y - edge), (x + plate_width + edge - 1, y + plate_height + edge - 1)
        cv2.rectangle(picture, *corners, between(rng, 0, 255), -1)
        cv2.rectangle(mask, *corners, 1.0, -1)
    if not has_plate:
        if chance(rng, 0.6):
            thing = lookalike(rng)
            paint(picture, np.ones_like(flat), x, y, resized(thing, plate_width, plate_height))
        return Thing(picture, mask, None, plate_width)
    picture[y : y + plate_height, x : x + plate_width] = flat
    mask[y : y + plate_height, x : x + plate_width] = 1
    return Thing(picture, mask, rectangle(*place), plate_width)


def _fill(
    rng: np.random.Generator,
    picture: Picture,
    mask: Picture,
    points: list[tuple[float, float]],
    tone: float,
) -> None:
    """A shaded polygon; its x are counted from the picture's middle."""
    height, width = picture.shape
    outline = np.array([(width / 2 + px, py) for px, py in points]).astype(np.int32)
    part = np.zeros_like(mask)
    cv2.fillPoly(part, [outline], 1.0, cv2.LINE_AA)
    paint(picture, part, 0, 0, shaded(rng, height, width, tone))
    np.maximum(mask, part, out=mask)


def _draw_exhaust(rng: np.random.Generator, picture: Picture, mask: Picture) -> None:
    height, width = picture.shape
    center = (int(width * between(rng, 0.7, 0.95)), int(height * between(rng, 0.6, 0.9)))
    axes = (int(width * between(rng, 0.04, 0.12)), int(width * between(rng, 0.05, 0.15)))
    for share, tone in ((1.0, between(rng, 60, 230)), (0.55, between(rng, 0, 50))):
        inner = (max(1, int(axes[0] * share)), max(1, int(axes[1] * share)))
        cv2.ellipse(picture, center, inner, 0, 0, 360, tone, -1, cv2.LINE_AA)
    cv2.ellipse(mask, center, axes, 0, 0, 360, 1.0, -1, cv2.LINE_AA)


def _draw_lamps(
    rng: np.random.Generator, picture: Picture, mask: Picture, y: int, plate_width: int
) -> None:
    """The tail lamp above the plate, and indicators on their stalks."""
    width = picture.shape[1]
    wide, tall = plate_width * between(rng, 0.2, 0.5), plate_width * between(rng, 0.08, 0.25)
    center = (width // 2, int(y - tall * between(rng, 1.1, 2.5)))
    tone = between(rng, 40, 140) if chance(rng, 0.7) else between(rng, 180, 255)
    for canvas, value in ((picture, tone), (mask, 1.0)):
        axes = (max(1, int(wide)), max(1, int(tall)))
        cv2.ellipse(canvas, center, axes, 0, 0, 360, value, -1, cv2.LINE_AA)
    if chance(rng, 0.7):
        reach, radius = plate_width * between(rng, 0.6, 1.2), max(1, int(plate_width * 0.11))
        stalk, glass = between(rng, 5, 80), between(rng, 90, 255)
        for side in (-1, 1):
            spot = (int(width / 2 + side * reach), center[1] + int(tall))
            for canvas, line, disc in ((picture, stalk, glass), (mask, 1.0, 1.0)):
                cv2.line(canvas, (width // 2, spot[1]), spot, line, max(1, radius // 2))
                cv2.circle(canvas, spot, radius, disc, -1, cv2.LINE_AA)
