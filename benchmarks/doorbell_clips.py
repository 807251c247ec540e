"""Doorbell clips with known content, of any size: a street, and people who walk through it.

The street is drawn, rough enough to cost an encoder what a real one does; the people are cut out
of labelled stills (`benchmarks.cutouts`), or drawn with a made-up face where there are none. Faces
are as large as a doorbell sees them: a sixteenth to a sixth of the picture's height. Written as
H.264 with a `Truth` beside it, the same for each `Street`.
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
from benchmarks.scene_renderer import share_seen
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
Picture = NDArray[np.uint8]


class Way(NamedTuple):
    """How somebody crosses the picture. Heights are shares of the picture's."""

    still: str
    face: float
    middle: float
    direction: int
    start: float
    seconds: float


# The farthest first; one person alone takes the last.
_WAYS = (
    Way(STERN, 0.065, 0.40, -1, 0.15, 9.0),
    Way(WOMAN, 0.08, 0.41, 1, 0.55, 8.0),
    Way(BEARD, 0.11, 0.38, -1, 0.40, 7.0),
    Way(JACKET, 0.14, 0.42, -1, 0.75, 6.0),
    Way(SMILE, 0.16, 0.40, 1, 0.20, 6.5),
)


@dataclasses.dataclass(frozen=True)
class Street:
    """What a clip shows. moving: the camera pans and shakes as if held by hand."""

    size: tuple[int, int]
    people: int = 1
    seconds: float = 10.0
    moving: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.people <= len(_WAYS):
            raise ValueError(f"people must lie in 0..{len(_WAYS)}, not {self.people}")


def build(name: str, street: Street, data: Path, folder: Path) -> Path:
    """Write `NAME.mp4` and `NAME.json` into the folder, unless they are there.

    data: the folder of labelled stills; where it has none, people are drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mp4"
    who = "stills" if has_stills(data) else "drawings"
    version = hashlib.sha256(repr((_VERSION, street, who)).encode()).hexdigest()[:8]
    made, truth_path = f"people from {who}, version {version}", path.with_suffix(".json")
    if path.is_file() and truth_path.is_file() and Truth.load(truth_path).made == made:
        return path
    people = cut_out(data, street.people)
    seen: dict[str, list[tuple[int, Box, float]]] = {}
    count = round(street.seconds * RATE)

    def pictures() -> Iterator[tuple[Picture, int]]:
        for index, (picture, known) in enumerate(_shots(street, people, count)):
            for number, box, share in known:
                seen.setdefault(f"person {number}", []).append((index, box, share))
            yield picture, index * _TICKS // RATE

    encode(path, pictures(), street.size, RATE, crf=_CRF)
    objects = known_objects(seen, dict.fromkeys(seen, "face"))
    Truth(path.name, street.size, count, objects, made=made, sure="exact").save(truth_path)
    return path


def has_stills(data: Path) -> bool:
    """Whether the folder has labelled faces to cut people out of."""
    return (data / "faces" / "boxes.json").is_file()


def cut_out(data: Path, count: int) -> list[tuple[Cutout, Way]]:
    """So many people and their ways, the nearest last."""
    return [
        (person(data, way.still) if has_stills(data) else drawn_person(number), way)
        for number, way in list(enumerate(_WAYS))[len(_WAYS) - count :]
    ]


def drawn_person(number: int) -> Cutout:
    """A made-up face on a plain body."""
    face = privacy_subjects.made_up_face(number)
    high, wide = face.shape[:2]
    picture = np.zeros((6 * high, 3 * wide, 3), np.uint8)
    solid = np.zeros(picture.shape[:2], np.uint8)
    coat = tuple(float(v) for v in np.random.default_rng(number).uniform(30, 180, 3))
    cv2.rectangle(picture, (wide // 2, high), (5 * wide // 2, 6 * high), coat, -1)
    cv2.rectangle(solid, (wide // 2, high), (5 * wide // 2, 6 * high), 1, -1)
    picture[:high, wide : 2 * wide] = face
    cv2.ellipse(solid, (3 * wide // 2, high // 2), (wide // 2, high // 2), 0, 0, 360, 1, -1)
    opacity = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 1.2)[..., None]
    image = np.concatenate([picture * opacity, opacity], axis=2).astype(np.float32)
    return Cutout(image, Box(wide, 0, 2 * wide, high), "face")


def draw_street(size: tuple[int, int]) -> Picture:
    """The view from the door, (H, W, 3) uint8 BGR: a house, a hedge, paving, grain on all."""
    wide, high = size
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[0 : 1 : high * 1j, 0 : 1 : wide * 1j].astype(np.float32)
    picture = np.empty((high, wide, 3), np.float32)
    picture[:] = (205, 190, 172)
    house = (rows < 0.36) & (columns > 0.08) & (columns < 0.6)
    mortar = ((rows * 90 % 1) < 0.12) | ((columns * 60 + (rows * 90 // 1 % 2) / 2) % 1 < 0.06)
    picture[house] = np.where(mortar[house][:, None], (150, 158, 168), (92, 108, 150))
    picture[(rows > 0.30) & (rows < 0.46) & ((columns < 0.3) | (columns > 0.66))] = (62, 92, 70)
    ground = rows > 0.44
    # Paving seen at a slant: rows get higher towards the viewer.
    depth = 6 / np.maximum(rows - 0.36, 0.05)
    joints = (depth % 1 < 0.06) | (((columns - 0.5) * depth * 0.8) % 1 < 0.03)
    picture[ground] = np.where(joints[ground][:, None], (112, 116, 118), (146, 150, 152))
    for amount, share in ((7, 0.0012), (6, 0.005), (5, 0.03)):
        grain = rng.normal(0, 1, (high, wide)).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), max(0.6, share * high))
        picture += (amount * grain / grain.std())[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def _shots(
    street: Street, people: list[tuple[Cutout, Way]], count: int
) -> Iterator[tuple[Picture, list[tuple[int, Box, float]]]]:
    """Every frame's picture, and (who, box, share of it that shows) of all in it."""
    wide, high = street.size
    margin = round(0.06 * high) if street.moving else 0
    world = draw_street((wide + 2 * margin, high + 2 * margin))
    rng = np.random.default_rng(4)
    grain = rng.normal(0, _NOISE, (high + 64, wide + 64)).astype(np.float32)
    for index in range(count):
        at = index / RATE
        dx, dy = _view(at, margin)
        picture = _looked_at(world, dx, dy, street.size) if street.moving else world.copy()
        owner = np.full((high, wide), -1, np.int8)
        boxes = [
            _paste(picture, owner, number, who, at, dx - margin, dy - margin)
            for number, who in enumerate(people)
        ]
        x, y = rng.integers(0, 64, 2)
        noise = cv2.merge([grain[y : y + high, x : x + wide]] * 3)
        picture = cv2.add(picture, noise, dtype=cv2.CV_8U)
        whole = Box(0, 0, wide, high)
        yield (
            picture,
            [
                (number, box, share_seen(owner, number, box, "face"))
                for number, box in enumerate(boxes)
                if clamp_to(box, whole).area > 0
            ],
        )


def _view(at: float, margin: int) -> tuple[float, float]:
    """Where in the world the picture's top left corner lies: a slow pan, and unrest."""
    pan = np.sin(0.9 * at), 0.4 * np.sin(0.6 * at)
    unrest = np.sin(7.1 * at) + np.sin(11.3 * at + 1), np.sin(8.3 * at + 2) + np.sin(12.7 * at)
    x, y = (margin * (1 + 0.8 * p + 0.06 * u) for p, u in zip(pan, unrest, strict=True))
    return float(x), float(y)


def _looked_at(world: Picture, dx: float, dy: float, size: tuple[int, int]) -> Picture:
    matrix = np.array([[1, 0, -dx], [0, 1, -dy]], dtype=np.float64)
    shown = cv2.warpAffine(world, matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(shown, dtype=np.uint8)


def _paste(
    picture: Picture,
    owner: NDArray[np.int8],
    number: int,
    who: tuple[Cutout, Way],
    at: float,
    dx: float,
    dy: float,
) -> Box:
    """Draw one person where they are by now; returns the face's box."""
    cutout, way = who
    high, wide = picture.shape[:2]
    scale = way.face * high / cutout.box.height
    # Back and forth, each turn beyond the picture's edge.
    phase = (way.start + at / way.seconds) % 2
    done = phase if phase < 1 else 2 - phase
    x = (-0.15 + 1.3 * (done if way.direction > 0 else 1 - done)) * wide - dx
    y = (way.middle + 0.006 * np.sin(11 * at + number)) * high - dy
    left = x - scale * (cutout.box.x0 + cutout.box.x1) / 2
    top = y - scale * (cutout.box.y0 + cutout.box.y1) / 2
    matrix = np.array([[scale, 0, left], [0, scale, top]])
    rows, columns = cutout.image.shape[:2]
    x0, x1 = max(0, int(left)), min(wide, int(left + scale * columns) + 1)
    y0, y1 = max(0, int(top)), min(high, int(top + scale * rows) + 1)
    if x0 < x1 and y0 < y1:
        matrix[:, 2] -= x0, y0
        layer = cv2.warpAffine(cutout.image, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        part = picture[y0:y1, x0:x1]
        part[:] = np.clip(part * (1 - layer[..., 3:]) + layer[..., :3], 0, 255)
        owner[y0:y1, x0:x1][layer[..., 3] > 0.5] = number
    return Box(*(float(v * scale + o) for v, o in zip(cutout.box, (left, top) * 2, strict=True)))
