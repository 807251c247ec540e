"""Make a small doorbell clip: a visitor with a real face, and a parked car with a plate.

The face is the portrait of Grace Hopper in matplotlib's sample data (US Navy photo, public domain).
Everything else is drawn.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import matplotlib.cbook
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, RATE, SECONDS = 960, 540, 15, 4
PLATE_TEXT = "KXR 4827"
# Corners of the plate in the frame, clockwise from the top left.
PLATE_CORNERS = np.array([[652, 352], [790, 358], [790, 392], [652, 387]], dtype=np.float32)

Image = NDArray[np.uint8]


def write_scene(path: str | Path) -> None:
    """Write the clip as H.264, with an audio track of soft noise and a title in its metadata."""
    rng = np.random.default_rng(7)
    empty, visitor, mask = draw_street(rng), *cut_out_visitor()
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Front door, 12 Example Street"
        video = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.time_base = Fraction(1, RATE)
        sound = container.add_stream("aac", rate=16_000, layout="mono")
        for index in range(RATE * SECONDS):
            image = paste_visitor(empty, visitor, mask, index / (RATE * SECONDS - 1))
            noisy = image + rng.normal(0, 2.5, image.shape)
            frame = av.VideoFrame.from_ndarray(
                np.clip(noisy, 0, 255).astype(np.uint8), format="bgr24"
            )
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = (rng.normal(0, 300, (1, 16_000 * SECONDS))).astype(np.int16)
        noise = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        noise.sample_rate = 16_000
        container.mux(sound.encode(noise))
        container.mux(sound.encode())


def draw_street(rng: np.random.Generator) -> Image:
    """The view from the door with nobody in it, (HEIGHT, WIDTH, 3) uint8 BGR."""
    rows = np.linspace(0, 1, HEIGHT)[:, None, None]
    image = (1 - rows) * np.array([214, 198, 180]) + rows * np.array([150, 152, 148])
    image = np.repeat(image, WIDTH, axis=1)
    cv2.rectangle(image, (0, 210), (WIDTH, 300), (96, 124, 108), -1)  # hedge
    cv2.rectangle(image, (0, 300), (WIDTH, HEIGHT), (128, 130, 132), -1)  # drive
    cv2.fillPoly(
        image,
        [np.array([[0, HEIGHT], [0, 470], [330, 330], [420, 330], [520, 540]])],
        (164, 170, 174),
    )  # path
    cv2.rectangle(image, (60, 40), (300, 300), (170, 186, 204), -1)  # house across the street
    cv2.rectangle(image, (100, 90), (160, 160), (120, 100, 84), -1)
    cv2.rectangle(image, (200, 90), (260, 160), (120, 100, 84), -1)
    for amount, size in ((9, 3), (7, 15), (5, 61)):
        grain = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT, WIDTH)), (0, 0), size / 3)
        image += (amount * grain / grain.std())[:, :, None]
    draw_car(image)
    return np.clip(cv2.GaussianBlur(image, (3, 3), 0), 0, 255).astype(np.uint8)


def draw_car(image: NDArray[np.float64]) -> None:
    """Draw a parked car from behind, with its plate in perspective, in place."""
    body = (92, 58, 44)
    shadow = np.array([[520, 432], [920, 446], [900, 470], [540, 462]])
    cv2.fillPoly(image, [shadow], (78, 80, 82))
    cv2.fillPoly(image, [np.array([[585, 190], [855, 194], [900, 300], [540, 294]])], body)
    cv2.fillPoly(image, [np.array([[608, 204], [832, 208], [862, 286], [578, 280]])], (58, 52, 48))
    cv2.fillPoly(image, [np.array([[534, 290], [906, 298], [912, 430], [530, 424]])], body)
    cv2.fillPoly(image, [np.array([[528, 404], [914, 412], [908, 446], [534, 438]])], (60, 42, 36))
    for x in (546, 850):
        cv2.ellipse(image, (x + 24, 330), (26, 18), 0, 0, 360, (48, 44, 196), -1)
    for x in (570, 872):
        cv2.ellipse(image, (x, 440), (34, 26), 0, 0, 360, (30, 30, 30), -1)
    plate = draw_plate()
    height, width = plate.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(corners, PLATE_CORNERS)
    warped = cv2.warpPerspective(plate, warp, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.ones(plate.shape[:2]), warp, (WIDTH, HEIGHT))[:, :, None]
    image[:] = image * (1 - inside) + warped * inside


def draw_plate() -> Image:
    """The plate seen straight on, (H, W, 3) uint8 BGR."""
    plate = np.full((130, 520, 3), (236, 240, 240), dtype=np.uint8)
    cv2.rectangle(plate, (4, 4), (515, 125), (40, 40, 40), 5)
    cv2.rectangle(plate, (4, 4), (50, 125), (150, 70, 20), -1)
    cv2.putText(
        plate, PLATE_TEXT, (68, 100), cv2.FONT_HERSHEY_DUPLEX, 2.9, (28, 24, 24), 9, cv2.LINE_AA
    )
    return plate


def cut_out_visitor() -> tuple[Image, NDArray[np.float64]]:
    """The portrait, (H, W, 3) uint8 BGR, and the (H, W, 1) opacity of the person in it, 0..1."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=True) as file:
        photo = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    height, width = photo.shape[:2]
    mask = np.zeros((height, width))
    cv2.ellipse(mask, (262, 205), (118, 185), 0, 0, 360, 1.0, -1)  # head and cap
    cv2.fillPoly(
        mask, [np.array([[190, 330], [345, 330], [480, 420], [512, 606], [0, 606], [40, 430]])], 1.0
    )  # shoulders
    return photo, cv2.GaussianBlur(mask, (0, 0), 4)[:, :, None]


def paste_visitor(
    empty: Image, visitor: Image, mask: NDArray[np.float64], progress: float
) -> Image:
    """The street with the visitor on the way to the door; progress: 0..1."""
    scale = 0.2 + 0.45 * progress
    size = (int(visitor.shape[1] * scale), int(visitor.shape[0] * scale))
    small = cv2.resize(visitor, size, interpolation=cv2.INTER_AREA).astype(np.float64)
    alpha = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)[:, :, None]
    left = int(380 - 300 * progress + 8 * np.sin(progress * 20))
    top = int(215 - 40 * progress + 4 * np.cos(progress * 40))
    image = empty.astype(np.float64)
    legs = (left + size[0] // 4, top + size[1] - 4)
    cv2.rectangle(image, legs, (left + size[0] * 3 // 4, HEIGHT), (70, 52, 40), -1)
    stop = min(HEIGHT, top + size[1])
    part = image[top:stop, left : left + size[0]]
    rows = stop - top
    part[:] = part * (1 - alpha[:rows]) + small[:rows] * alpha[:rows]
    return image.astype(np.uint8)
