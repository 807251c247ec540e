"""The camera: what light, lens, sensor and compression do to a scene before it is in a file."""

from __future__ import annotations

import io
import math

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from redact.training.cars import rectangle
from redact.training.drawing import GreyImage, chance, font_files, paint, phrase, text_mask, uniform


def burn_in_text(rng: np.random.Generator, canvas: GreyImage) -> None:
    """Write a camera's date, time, name or frame number at the top or the bottom, in place."""
    size = canvas.shape[0]
    n = rng.integers(0, 60, 3)
    day = f"20{n[0]:02d}-{n[1] % 12 + 1:02d}-{n[2] % 28 + 1:02d}"
    hour = f"{n[1] % 24:02d}:{n[0]:02d}:{n[2]:02d}"
    counter = f"{int(rng.integers(10**6)):0{int(rng.integers(1, 8))}d}"
    stamps: tuple[str, ...] = (
        f"{day} {hour}",
        f"{day}T{hour}",
        hour,
        phrase(rng, 3),
        f"{day}  {phrase(rng, 2)}",
    )
    stamps = (*stamps, counter, f"{counter[:2]}:{counter[2:4]}", f"CAM {counter[:2]}")
    height = uniform(rng, 7, 30)
    mask = text_mask(rng, stamps[int(rng.integers(len(stamps)))], height, font_files())
    y = uniform(rng, 2, 12) if chance(rng, 0.5) else size - height - uniform(rng, 2, 12)
    x = uniform(rng, -40, 100 if chance(rng, 0.7) else size - 40)
    is_light = chance(rng, 0.8)
    if chance(rng, 0.3):  # an outline or a bar behind the text
        thick = np.ones((3, 3), np.uint8)
        wider = np.asarray(cv2.dilate(np.pad(mask, 2), thick), dtype=np.float32)
        behind = np.ones_like(wider) if chance(rng, 0.4) else wider
        paint(canvas, behind, x - 2, y - 2, 0.0 if is_light else 255.0)
    paint(canvas, mask, x, y, 255.0 if is_light else 0.0)


def change_lighting(
    rng: np.random.Generator, canvas: GreyImage, corners: list[NDArray[np.float32]]
) -> None:
    """Apply shadows, night, exposure and haze to the canvas, in place.

    corners: (4, 2) corners of each plate; at night plates reflect the camera's infrared light.
    """
    if chance(rng, 0.2):
        _cast_shadow(rng, canvas)
    if chance(rng, 0.25):
        _make_night(rng, canvas, corners)
    if chance(rng, 0.6):
        gamma = math.exp(rng.normal(0, 0.35))
        canvas[:] = 255 * (np.clip(canvas, 0, 255) / 255) ** gamma
    if chance(rng, 0.6):
        canvas[:] = (canvas - 128) * uniform(rng, 0.4, 1.3) + 128 + uniform(rng, -35, 35)
    if chance(rng, 0.08):
        _underexpose(rng, canvas)
    elif chance(rng, 0.08):  # overexposed
        canvas[:] = 255 - (255 - canvas) * uniform(rng, 0.15, 0.8)
    elif chance(rng, 0.1):  # dusk: low contrast
        contrast = uniform(rng, 0.2, 0.5)
        canvas[:] = (canvas - canvas.mean()) * contrast + uniform(rng, 30, 170)
    elif chance(rng, 0.2):  # haze or a dirty lens
        canvas *= uniform(rng, 0.5, 0.9)
        canvas += uniform(rng, 20, 80)


def _underexpose(rng: np.random.Generator, canvas: GreyImage) -> None:
    """Too little light: dark, with shot noise, and then smeared by the camera's denoising."""
    canvas *= uniform(rng, 25, 110) / max(20.0, float(canvas.mean())) * uniform(rng, 0.4, 1)
    np.clip(canvas, 0, 255, out=canvas)
    grain = uniform(rng, 0.3, 1.3)
    canvas += (rng.normal(0, 1, canvas.shape) * np.sqrt(canvas + 4) * grain).astype(np.float32)
    if chance(rng, 0.6):
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), uniform(rng, 0.5, 1.3))
    if chance(rng, 0.3):
        canvas[:] = cv2.medianBlur(np.clip(canvas, 0, 255).astype(np.uint8), 3)


def _cast_shadow(rng: np.random.Generator, canvas: GreyImage) -> None:
    """Darken a few polygons, most of them with soft edges."""
    size = canvas.shape[0]
    mask = np.zeros_like(canvas)
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform(-0.3, 1.3, (int(rng.integers(3, 6)), 2)) * size
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0)
    if chance(rng, 0.6):
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), uniform(rng, 0.5, 5)), dtype=np.float32)
    canvas *= 1 - mask * uniform(rng, 0.25, 0.65)


def _make_night(
    rng: np.random.Generator, canvas: GreyImage, corners: list[NDArray[np.float32]]
) -> None:
    """Infrared night: a spot of light, plates that reflect it, lamps that bloom."""
    size = canvas.shape[0]
    canvas *= uniform(rng, 0.2, 0.8)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    x, y = rng.uniform(0, size, 2)
    falloff = 2 * (size * uniform(rng, 0.5, 1.5)) ** 2
    canvas *= np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / falloff)
    for c in corners:
        if chance(rng, 0.75):
            mask = np.zeros_like(canvas)
            cv2.fillPoly(mask, [np.round(c).astype(np.int32)], 1.0)
            bright = np.minimum(255, canvas * uniform(rng, 1, 5) + uniform(rng, 0, 50))
            canvas += (bright - canvas) * mask
    glow = np.maximum(0, canvas - 200)
    canvas += cv2.GaussianBlur(glow, (0, 0), uniform(rng, 2, 8)) * uniform(rng, 0, 2)
    for _ in range(rng.integers(0, 3)):
        lamp = np.zeros_like(canvas)
        center = tuple(int(v) for v in rng.uniform(0, size, 2))
        cv2.circle(lamp, center, int(uniform(rng, 2, 14)), 255.0, -1)
        canvas += cv2.GaussianBlur(lamp, (0, 0), uniform(rng, 2, 16)) * uniform(rng, 0.5, 1.6)


def distort_lens(
    rng: np.random.Generator, canvas: GreyImage, corners: list[NDArray[np.float32]]
) -> tuple[GreyImage, list[NDArray[np.float32]]]:
    """Barrel distortion of a wide-angle lens, for any part of the lens's field of view.

    Returns the distorted canvas and the (4, 2) corners of each plate still in it, as an upright
    rectangle.
    """
    size = canvas.shape[0]
    strength = uniform(rng, 0.05, 0.3)
    center = rng.uniform(-0.5, 1.5, 2) * size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    squared_radius = ((columns - center[0]) ** 2 + (rows - center[1]) ** 2) / (1.5 * size) ** 2
    stretch = (1 + strength * squared_radius).astype(np.float32)
    x, y = center[0] + (columns - center[0]) * stretch, center[1] + (rows - center[1]) * stretch
    # Keep the middle of the scene in the middle of the image.
    half = size // 2
    x, y = x - x[half, half] + half, y - y[half, half] + half
    distorted = cv2.remap(
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
        plate_rows, plate_columns = np.nonzero(inside > 0.5)
        if len(plate_rows):
            x0, x1 = float(plate_columns.min()), float(plate_columns.max() + 1)
            y0, y1 = float(plate_rows.min()), float(plate_rows.max() + 1)
            moved.append(rectangle(x0, y0, x1 - x0, y1 - y0))
    return np.asarray(distorted, dtype=np.float32), moved


def capture(rng: np.random.Generator, canvas: GreyImage) -> NDArray[np.uint8]:
    """The canvas as a uint8 image after blur, sharpening, sensor noise and compression."""
    size = canvas.shape[0]
    kind = rng.random()
    if kind < 0.35:
        canvas = _as_grey(cv2.GaussianBlur(canvas, (0, 0), uniform(rng, 0.3, 1.6)))
    elif kind < 0.5:
        canvas = _as_grey(cv2.filter2D(canvas, -1, _motion_kernel(rng)))
    elif kind < 0.68:
        shrink = uniform(rng, 0.4, 0.9)
        small = cv2.resize(canvas, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        how = cv2.INTER_CUBIC if chance(rng, 0.5) else cv2.INTER_LINEAR
        canvas = _as_grey(cv2.resize(small, (size, size), interpolation=how))
    if chance(rng, 0.25):
        canvas = canvas + (canvas - cv2.GaussianBlur(canvas, (0, 0), 1.2)) * uniform(rng, 0.3, 1.5)
    if chance(rng, 0.5):
        canvas = canvas + rng.normal(0, uniform(rng, 1, 10), canvas.shape).astype(np.float32)
    image = np.clip(canvas, 0, 255).astype(np.uint8)
    kind = rng.random()
    if kind < 0.15:
        image = _h264_round_trip(image, int(rng.integers(20, 40)))
    elif kind < 0.65:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 93))]
        packed = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return image


def _h264_round_trip(image: NDArray[np.uint8], crf: int) -> NDArray[np.uint8]:
    """The image encoded as H.264 with this constant rate factor (CRF) and decoded again."""
    size = image.shape[0]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as clip:
        options = {"crf": str(crf), "preset": "superfast", "threads": "1"}
        stream = clip.add_stream("libx264", rate=25, options=options)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        planes = np.full((size * 3 // 2, size), 128, dtype=np.uint8)
        planes[:size] = image
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        clip.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as coded:
        frame = next(coded.decode(video=0))
        return np.ascontiguousarray(frame.to_ndarray(format="yuv420p")[:size])


def _as_grey(image: object) -> GreyImage:
    return np.asarray(image, dtype=np.float32)


def _motion_kernel(rng: np.random.Generator) -> GreyImage:
    """The convolution kernel of a short straight motion, mostly a level one."""
    length = int(rng.integers(2, 9))
    angle = uniform(rng, 0, math.pi) if chance(rng, 0.4) else rng.normal(0, 0.15)
    kernel = np.zeros((length, length), dtype=np.float32)
    half = np.array([math.cos(angle), math.sin(angle)]) * length / 2
    ends = [tuple(int(v) for v in length / 2 + sign * half) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    if kernel.sum() == 0:
        kernel[length // 2, length // 2] = 1
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
