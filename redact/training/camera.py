"""Light, lens, sensor and compression: what happens to a scene on its way into a file."""

from __future__ import annotations

import io
import math

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.cars import rectangle
from redact.training.drawing import Picture, between, chance, font_files, paint, phrase, text_mask


def burn_in_text(rng: np.random.Generator, canvas: Picture) -> None:
    """A camera's date, time, name or speed, at the top or the bottom."""
    size = canvas.shape[0]
    n = rng.integers(0, 60, 3)
    day = f"20{n[0]:02d}-{n[1] % 12 + 1:02d}-{n[2] % 28 + 1:02d}"
    hour = f"{n[1] % 24:02d}:{n[0]:02d}:{n[2]:02d}"
    stamp = (f"{day} {hour}", f"{day}T{hour}", hour, phrase(rng, 3), f"{day}  {phrase(rng, 2)}")
    height = between(rng, 7, 30)
    mask = text_mask(rng, stamp[int(rng.integers(len(stamp)))], height, font_files())
    y = between(rng, 2, 12) if chance(rng, 0.5) else size - height - between(rng, 2, 12)
    x = between(rng, -40, 100)
    light = chance(rng, 0.8)
    if chance(rng, 0.3):  # an outline or a bar behind it
        thick = np.ones((3, 3), np.uint8)
        wider = np.asarray(cv2.dilate(np.pad(mask, 2), thick), dtype=np.float32)
        behind = np.ones_like(wider) if chance(rng, 0.4) else wider
        paint(canvas, behind, x - 2, y - 2, 0.0 if light else 255.0)
    paint(canvas, mask, x, y, 255.0 if light else 0.0)


def light(rng: np.random.Generator, canvas: Picture, corners: list[NDArray[np.float32]]) -> None:
    """Shadows, night, exposure and haze, in place."""
    if chance(rng, 0.2):
        _cast_shadow(rng, canvas)
    if chance(rng, 0.25):
        _make_night(rng, canvas, corners)
    if chance(rng, 0.6):
        gamma = math.exp(rng.normal(0, 0.35))
        canvas[:] = 255 * (np.clip(canvas, 0, 255) / 255) ** gamma
    if chance(rng, 0.6):
        canvas[:] = (canvas - 128) * between(rng, 0.4, 1.3) + 128 + between(rng, -35, 35)
    if chance(rng, 0.08):
        _starve(rng, canvas)
    elif chance(rng, 0.1):  # dusk: little stands out
        faint = between(rng, 0.2, 0.5)
        canvas[:] = (canvas - canvas.mean()) * faint + between(rng, 30, 170)
    elif chance(rng, 0.2):  # haze, a dirty lens
        canvas *= between(rng, 0.5, 0.9)
        canvas += between(rng, 20, 80)


def _starve(rng: np.random.Generator, canvas: Picture) -> None:
    """Too little light: dark, flat, grainy as single photons make it, then smeared by denoising."""
    canvas *= between(rng, 25, 110) / max(20.0, float(canvas.mean())) * between(rng, 0.4, 1)
    np.clip(canvas, 0, 255, out=canvas)
    grain = between(rng, 0.3, 1.3)
    canvas += (rng.normal(0, 1, canvas.shape) * np.sqrt(canvas + 4) * grain).astype(np.float32)
    if chance(rng, 0.6):
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), between(rng, 0.5, 1.3))
    if chance(rng, 0.3):
        canvas[:] = cv2.medianBlur(np.clip(canvas, 0, 255).astype(np.uint8), 3)


def _cast_shadow(rng: np.random.Generator, canvas: Picture) -> None:
    size = canvas.shape[0]
    mask = np.zeros_like(canvas)
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * size
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0)
    if chance(rng, 0.6):
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), between(rng, 0.5, 5)), dtype=np.float32)
    canvas *= 1 - mask * between(rng, 0.25, 0.65)


def _make_night(
    rng: np.random.Generator, canvas: Picture, corners: list[NDArray[np.float32]]
) -> None:
    """Infrared night: a lit circle, plates that throw the light back, lamps that bloom."""
    size = canvas.shape[0]
    canvas *= between(rng, 0.2, 0.8)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    x, y = rng.uniform(0, size, 2)
    reach = 2 * (size * between(rng, 0.5, 1.5)) ** 2
    canvas *= np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / reach)
    for c in corners:
        if chance(rng, 0.75):
            mask = np.zeros_like(canvas)
            cv2.fillPoly(mask, [np.round(c).astype(np.int32)], 1.0)
            bright = np.minimum(255, canvas * between(rng, 1, 5) + between(rng, 0, 50))
            canvas += (bright - canvas) * mask
    glow = np.maximum(0, canvas - 200)
    canvas += cv2.GaussianBlur(glow, (0, 0), between(rng, 2, 8)) * between(rng, 0, 2)
    for _ in range(rng.integers(0, 3)):
        lamp = np.zeros_like(canvas)
        center = tuple(int(v) for v in rng.uniform(0, size, 2))
        cv2.circle(lamp, center, int(between(rng, 2, 14)), 255.0, -1)
        canvas += cv2.GaussianBlur(lamp, (0, 0), between(rng, 2, 16)) * between(rng, 0.5, 1.6)


def bend(
    rng: np.random.Generator, canvas: Picture, corners: list[NDArray[np.float32]]
) -> tuple[Picture, list[NDArray[np.float32]]]:
    """A wide lens: straight lines bow outwards, as anywhere off the picture's middle."""
    size = canvas.shape[0]
    strength = between(rng, 0.05, 0.3)
    center = rng.uniform(-0.5, 1.5, 2) * size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    far = ((columns - center[0]) ** 2 + (rows - center[1]) ** 2) / (1.5 * size) ** 2
    grow = (1 + strength * far).astype(np.float32)
    x, y = center[0] + (columns - center[0]) * grow, center[1] + (rows - center[1]) * grow
    # Keep the scene's middle in the middle.
    half = size // 2
    x, y = x - x[half, half] + half, y - y[half, half] + half
    bent = cv2.remap(
        canvas,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    moved = []
    for c in corners:
        mask = np.zeros_like(canvas)
        cv2.fillPoly(mask, [np.round(c).astype(np.int32)], 1.0)
        inside = cv2.remap(mask, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
        found_rows, found_columns = np.nonzero(inside > 0.5)
        if len(found_rows):
            x0, x1 = float(found_columns.min()), float(found_columns.max() + 1)
            y0, y1 = float(found_rows.min()), float(found_rows.max() + 1)
            moved.append(rectangle(x0, y0, x1 - x0, y1 - y0))
    return np.asarray(bent, dtype=np.float32), moved


def film(rng: np.random.Generator, canvas: Picture) -> NDArray[np.uint8]:
    """What lens, sensor, sharpening and compression make of the scene."""
    size = canvas.shape[0]
    kind = rng.random()
    if kind < 0.35:
        canvas = _grey(cv2.GaussianBlur(canvas, (0, 0), between(rng, 0.3, 1.6)))
    elif kind < 0.5:
        canvas = _grey(cv2.filter2D(canvas, -1, _motion(rng)))
    elif kind < 0.68:
        shrink = between(rng, 0.4, 0.9)
        small = cv2.resize(canvas, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_CUBIC if chance(rng, 0.5) else cv2.INTER_LINEAR
        canvas = _grey(cv2.resize(small, (size, size), interpolation=how))
    if chance(rng, 0.25):
        canvas = canvas + (canvas - cv2.GaussianBlur(canvas, (0, 0), 1.2)) * between(rng, 0.3, 1.5)
    if chance(rng, 0.5):
        canvas = canvas + rng.normal(0, between(rng, 1, 10), canvas.shape).astype(np.float32)
    picture = np.clip(canvas, 0, 255).astype(np.uint8)
    kind = rng.random()
    if kind < 0.15:
        picture = _through_h264(picture, int(rng.integers(20, 40)))
    elif kind < 0.65:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 93))]
        packed = cv2.imencode(".jpg", picture, quality)[1]
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return picture


def _through_h264(picture: NDArray[np.uint8], quantizer: int) -> NDArray[np.uint8]:
    """The picture as a frame of a clip whose every frame is coded at that constant quality."""
    size = picture.shape[0]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as clip:
        options = {"crf": str(quantizer), "preset": "superfast", "threads": "1"}
        stream = clip.add_stream("libx264", rate=25, options=options)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        planes = np.full((size * 3 // 2, size), 128, dtype=np.uint8)
        planes[:size] = picture
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        clip.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as coded:
        frame = next(coded.decode(video=0))
        return np.ascontiguousarray(frame.to_ndarray(format="yuv420p")[:size])


def _grey(picture: object) -> Picture:
    return np.asarray(picture, dtype=np.float32)


def _motion(rng: np.random.Generator) -> Picture:
    length = int(rng.integers(2, 9))
    angle = between(rng, 0, math.pi) if chance(rng, 0.4) else rng.normal(0, 0.15)
    kernel = np.zeros((length, length), dtype=np.float32)
    reach = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in length / 2 + sign * reach) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    if kernel.sum() == 0:
        kernel[length // 2, length // 2] = 1
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
