"""Made doorbell clips of any size: a drawn street, and people who walk through it.

The street has enough texture and noise to cost an encoder as much as a real one. The people are cut
out of labelled stills (`benchmarks.cutouts`), or drawn where there are no stills. Their faces have
the size that a doorbell camera sees: a sixteenth to a sixth of the frame's height. Clips are
written as H.264 with a `Truth` beside them; equal `Street`s give equal clips.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import privacy_subjects
from benchmarks.cutouts import Cutout, person
from benchmarks.ground_truth import Truth
from benchmarks.moving_scenes import encode, known_objects
from benchmarks.scene_renderer import visible_share
from benchmarks.scene_table import BEARD, JACKET, SMILE, STERN, WOMAN
from redact.geometry import clamp_to
from redact.types import Box

SIZES = {
    "360p": (640, 360),
    "720p": (1280, 720),
    "1080p": (1920, 1080),
    "1536": (1536, 1536),
    "4K": (3840, 2160),
}
RATE = 30
_VERSION = 1
_TICKS = 90_000
_CRF = 23
_NOISE = 2.0
Image = NDArray[np.uint8]


class Walk(NamedTuple):
    """How a person crosses the frame; lengths are shares of the frame's height."""

    still: str
    face: float
    """Height of the face."""
    middle: float
    """Height at which the face's centre is, from the top."""
    direction: int
    """1: first to the right, -1: first to the left."""
    start: float
    """Where on the way the person is in the first frame, 0..1."""
    seconds: float
    """Time for one crossing."""


# The farthest person first. With one person, it is the last of these.
_WALKS = (
    Walk(STERN, 0.065, 0.40, -1, 0.15, 9.0),
    Walk(WOMAN, 0.08, 0.41, 1, 0.55, 8.0),
    Walk(BEARD, 0.11, 0.38, -1, 0.40, 7.0),
    Walk(JACKET, 0.14, 0.42, -1, 0.75, 6.0),
    Walk(SMILE, 0.16, 0.40, 1, 0.20, 6.5),
)


@dataclasses.dataclass(frozen=True)
class Street:
    """What a clip shows.

    size: (width, height). moving: whether the camera pans and shakes, as if held by hand.

    Raises:
        ValueError: there are not so many people.

    """

    size: tuple[int, int]
    people: int = 1
    seconds: float = 10.0
    moving: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.people <= len(_WALKS):
            raise ValueError(f"people must lie in 0..{len(_WALKS)}, not {self.people}")


def build(name: str, street: Street, data: Path, folder: Path) -> Path:
    """Write `NAME.mp4` and `NAME.json` into the folder, unless they exist already.

    data: the folder of labelled stills; without stills, the people are drawn.

    Returns: the path of the clip.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mp4"
    origin = "stills" if has_stills(data) else "drawings"
    version = hashlib.sha256(repr((_VERSION, street, origin)).encode()).hexdigest()[:8]
    made, truth_path = f"people from {origin}, version {version}", path.with_suffix(".json")
    if path.is_file() and truth_path.is_file() and Truth.load(truth_path).made == made:
        return path
    people = cut_out_people(data, street.people)
    sightings: dict[str, list[tuple[int, Box, float]]] = {}
    count = round(street.seconds * RATE)

    def images() -> Iterator[tuple[Image, int]]:
        for index, (image, known) in enumerate(_frames(street, people, count)):
            for number, box, share in known:
                sightings.setdefault(f"person {number}", []).append((index, box, share))
            yield image, index * _TICKS // RATE

    encode(path, images(), street.size, RATE, crf=_CRF)
    objects = known_objects(sightings, dict.fromkeys(sightings, "face"))
    Truth(path.name, street.size, count, objects, made=made, sure="exact").save(truth_path)
    return path


def has_stills(data: Path) -> bool:
    """Whether the folder has labelled faces, out of which people can be cut."""
    return (data / "faces" / "boxes.json").is_file()


def cut_out_people(data: Path, count: int) -> list[tuple[Cutout, Walk]]:
    """`count` people and how they walk, the nearest last."""
    return [
        (person(data, walk.still) if has_stills(data) else drawn_person(number), walk)
        for number, walk in list(enumerate(_WALKS))[len(_WALKS) - count :]
    ]


def drawn_person(number: int) -> Cutout:
    """A drawn face on a plain body; each number gives another person."""
    face = privacy_subjects.drawn_face(number)
    high, wide = face.shape[:2]
    image = np.zeros((6 * high, 3 * wide, 3), np.uint8)
    solid = np.zeros(image.shape[:2], np.uint8)
    coat = tuple(float(v) for v in np.random.default_rng(number).uniform(30, 180, 3))
    cv2.rectangle(image, (wide // 2, high), (5 * wide // 2, 6 * high), coat, -1)
    cv2.rectangle(solid, (wide // 2, high), (5 * wide // 2, 6 * high), 1, -1)
    image[:high, wide : 2 * wide] = face
    cv2.ellipse(solid, (3 * wide // 2, high // 2), (wide // 2, high // 2), 0, 0, 360, 1, -1)
    opacity = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 1.2)[..., None]
    image = np.concatenate([image * opacity, opacity], axis=2).astype(np.float32)
    return Cutout(image, Box(wide, 0, 2 * wide, high), "face")


def draw_street(size: tuple[int, int]) -> Image:
    """The view from the door, (H, W, 3) uint8 BGR: a house, a hedge, paving, and grain."""
    wide, high = size
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[0 : 1 : high * 1j, 0 : 1 : wide * 1j].astype(np.float32)
    image = np.empty((high, wide, 3), np.float32)
    image[:] = (205, 190, 172)
    house = (rows < 0.36) & (columns > 0.08) & (columns < 0.6)
    mortar = ((rows * 90 % 1) < 0.12) | ((columns * 60 + (rows * 90 // 1 % 2) / 2) % 1 < 0.06)
    image[house] = np.where(mortar[house][:, None], (150, 158, 168), (92, 108, 150))
    image[(rows > 0.30) & (rows < 0.46) & ((columns < 0.3) | (columns > 0.66))] = (62, 92, 70)
    ground = rows > 0.44
    # Paving in perspective: its rows get higher towards the viewer.
    depth = 6 / np.maximum(rows - 0.36, 0.05)
    joints = (depth % 1 < 0.06) | (((columns - 0.5) * depth * 0.8) % 1 < 0.03)
    image[ground] = np.where(joints[ground][:, None], (112, 116, 118), (146, 150, 152))
    for amount, share in ((7, 0.0012), (6, 0.005), (5, 0.03)):
        grain = rng.normal(0, 1, (high, wide)).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), max(0.6, share * high))
        image += (amount * grain / grain.std())[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)


def _frames(
    street: Street, people: list[tuple[Cutout, Walk]], count: int
) -> Iterator[tuple[Image, list[tuple[int, Box, float]]]]:
    """Every frame's image, and (person, face box, visible share) of all people in it."""
    wide, high = street.size
    margin = round(0.06 * high) if street.moving else 0
    world = draw_street((wide + 2 * margin, high + 2 * margin))
    rng = np.random.default_rng(4)
    grain = rng.normal(0, _NOISE, (high + 64, wide + 64)).astype(np.float32)
    for index in range(count):
        at = index / RATE
        dx, dy = _camera_offset(at, margin)
        image = _camera_view(world, dx, dy, street.size) if street.moving else world.copy()
        owner = np.full((high, wide), -1, np.int8)
        boxes = [
            _paste(image, owner, number, walker, at, dx - margin, dy - margin)
            for number, walker in enumerate(people)
        ]
        x, y = rng.integers(0, 64, 2)
        noise = cv2.merge([grain[y : y + high, x : x + wide]] * 3)
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
        whole = Box(0, 0, wide, high)
        yield (
            image,
            [
                (number, box, visible_share(owner, number, box, "face"))
                for number, box in enumerate(boxes)
                if clamp_to(box, whole).area > 0
            ],
        )


def _camera_offset(at: float, margin: int) -> tuple[float, float]:
    """Position of the frame's top left corner in the world: a slow pan and shaking."""
    pan = np.sin(0.9 * at), 0.4 * np.sin(0.6 * at)
    shake = np.sin(7.1 * at) + np.sin(11.3 * at + 1), np.sin(8.3 * at + 2) + np.sin(12.7 * at)
    x, y = (margin * (1 + 0.8 * p + 0.06 * s) for p, s in zip(pan, shake, strict=True))
    return float(x), float(y)


def _camera_view(world: Image, dx: float, dy: float, size: tuple[int, int]) -> Image:
    matrix = np.array([[1, 0, -dx], [0, 1, -dy]], dtype=np.float64)
    image = cv2.warpAffine(world, matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(image, dtype=np.uint8)


def _paste(
    image: Image,
    owner: NDArray[np.int8],
    number: int,
    walker: tuple[Cutout, Walk],
    at: float,
    dx: float,
    dy: float,
) -> Box:
    """Draw one person where they are at second `at`, in place; returns the box of the face."""
    cutout, walk = walker
    high, wide = image.shape[:2]
    scale = walk.face * high / cutout.box.height
    # Back and forth; people turn round beyond the frame's edge.
    phase = (walk.start + at / walk.seconds) % 2
    done = phase if phase < 1 else 2 - phase
    x = (-0.15 + 1.3 * (done if walk.direction > 0 else 1 - done)) * wide - dx
    y = (walk.middle + 0.006 * np.sin(11 * at + number)) * high - dy
    left = x - scale * (cutout.box.x0 + cutout.box.x1) / 2
    top = y - scale * (cutout.box.y0 + cutout.box.y1) / 2
    matrix = np.array([[scale, 0, left], [0, scale, top]])
    rows, columns = cutout.image.shape[:2]
    x0, x1 = max(0, int(left)), min(wide, int(left + scale * columns) + 1)
    y0, y1 = max(0, int(top)), min(high, int(top + scale * rows) + 1)
    if x0 < x1 and y0 < y1:
        matrix[:, 2] -= x0, y0
        layer = cv2.warpAffine(cutout.image, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        part = image[y0:y1, x0:x1]
        part[:] = np.clip(part * (1 - layer[..., 3:]) + layer[..., :3], 0, 255)
        owner[y0:y1, x0:x1][layer[..., 3] > 0.5] = number
    return Box(*(float(v * scale + o) for v, o in zip(cutout.box, (left, top) * 2, strict=True)))
