"""Labelled photographs: places to learn from, with plates, and with what is taken for one.

The folder is laid out like that of the accuracy benchmark. `plates/` and `clips/` give what
`split.py` and `CLIPS` name; everything in `train/` is trained on. `boxes.json` has the labelled
boxes, `meta.json` the licence tier and what else is known of each image.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.geometry import mirrored_boxes
from redact.training.drawing import GreyImage, chance, log_uniform, resized, uniform
from redact.training.plates import plate
from redact.training.split import is_trained_on

CLIPS = {
    "intel_one-by-one-person-detection.mp4": (0.0, 1.0, 12),  # CC BY 4.0
    "torchcodec_nasa_13013.mp4": (0.0, 1.0, 8),  # public domain
    "udacity_solidWhiteRight.mp4": (
        0.62,
        1.0,
        8,
    ),  # MIT; only the road, because cars ahead have plates
}
"""Clips without plates: (top, bottom) of the part used, as shares of the height; frames taken."""
_SET_WEIGHTS = {
    "openimages": 1.0,
    "indonesia_parked": 0.6,
    "indonesia_gate": 0.3,  # one camera over one gate
    "india_campus": 2.0,
    "openimages_416": 0.5,
    # Without plates. What is labelled in the other sets of `heads` are heads, not plates.
    "caltech101_faces": 0.6,
    "intel_frames": 0.4,
    "clips": 0.5,
}
"""How often a photo of each set is drawn, relative to the others; other sets are left out."""
_KINDS = ("plate", "ignore")
# Plates without a label, found among what earlier weights reported, by eye.
_UNLABELLED = Path(__file__).parent / "unlabelled_plates.json"
_NO_BOXES = np.zeros((0, 4), dtype=np.float32)
_MIN_PLATE_WIDTH, _MAX_PLATE_WIDTH = 13.0, 210.0
_MAX_ENLARGEMENT = 2.5


@dataclasses.dataclass(frozen=True)
class Photo:
    """A labelled photograph.

    image: (H, W) uint8 grey levels. boxes: (N, 4) of its plates. ignored: (M, 4) boxes of what may
    be plates without a label. lookalikes: (K, 4) boxes that a network took for plates and that are
    none. weight: how often it is drawn, relative to the others.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    ignored: NDArray[np.float32] = dataclasses.field(default_factory=_NO_BOXES.copy)
    lookalikes: NDArray[np.float32] = dataclasses.field(default_factory=_NO_BOXES.copy)
    weight: float = 1.0


def load_photos(folder: Path) -> tuple[Photo, ...]:
    """The photographs and frames of a folder that may be trained on.

    Raises:
        FileNotFoundError: the folder has no `boxes.json` or no `meta.json`.

    """
    photos: list[Photo] = []
    for part in ("plates", "train/plates", "train/heads"):
        photos += _labelled(folder / part, is_for_training=part.startswith("train"))
    for name in CLIPS:
        photos += _frames(folder / "clips" / name)
    return tuple(photos)


def _labelled(folder: Path, *, is_for_training: bool) -> Iterator[Photo]:
    """The images of one folder of labels that may be trained on."""
    labels = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    unlabelled = json.loads(_UNLABELLED.read_text(encoding="utf-8"))
    for name, items in labels.items():
        about, weight = meta[name], _SET_WEIGHTS.get(name.split("/")[0], 0.0)
        is_known = "same_file_as" in about or about.get("path", "").startswith("asl_gestures")
        if not weight or is_known or not (is_for_training or is_trained_on(name, about)):
            continue
        image = cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)
        assert image is not None, f"{name} cannot be read"
        boxes = {
            kind: [_edges(i) for i in items if i.get("kind", "plate") == kind] for kind in _KINDS
        }
        ignored = boxes["ignore"] + unlabelled.get(name, [])
        yield Photo(np.asarray(image), _array(boxes["plate"]), _array(ignored), weight=weight)


def _edges(item: dict[str, float]) -> tuple[float, float, float, float]:
    return item["x"], item["y"], item["x"] + item["w"], item["y"] + item["h"]


def _array(boxes: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    return np.array(boxes, dtype=np.float32).reshape(-1, 4)


def _frames(path: Path) -> list[Photo]:
    """Evenly spaced frames of one of the `CLIPS`."""
    top, bottom, count = CLIPS[path.name]
    clip = cv2.VideoCapture(str(path))
    frames = []
    for index in np.linspace(0, clip.get(cv2.CAP_PROP_FRAME_COUNT) - 2, count).astype(int):
        clip.set(cv2.CAP_PROP_POS_FRAMES, int(index))
        is_read, image = clip.read()
        if is_read:
            grey = _as_grey(image)
            part = grey[int(top * len(grey)) : int(bottom * len(grey))]
            frames.append(Photo(part, _NO_BOXES, weight=_SET_WEIGHTS["clips"]))
    return frames


def _as_grey(image: Any) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def pick_photo(rng: np.random.Generator, photos: Sequence[Photo]) -> Photo:
    """One of the photos, by their weights; those with many look-alikes are drawn more often."""
    heaviest = max(_SET_WEIGHTS.values())
    while True:
        photo = photos[int(rng.integers(len(photos)))]
        if chance(rng, photo.weight * (1 + min(2, len(photo.lookalikes))) / (3 * heaviest)):
            return photo


def crop(
    rng: np.random.Generator, photo: Photo, size: int
) -> tuple[GreyImage, list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """A random square part of a photo, scaled to `size` pixels.

    It may be squeezed, mirrored or turned; some of its plates are replaced by drawn ones, others
    get light characters on dark ground or the other way round.

    Returns: the part, its plates' (4, 2) corners, and those of what is ignored.
    """
    if chance(rng, 0.2):
        photo = _squeezed(photo, uniform(rng, 0.45, 0.95))
    scale, left, top = _framing(rng, photo, size)
    image = _scaled_part(photo.image, scale, left, top, size)
    place = np.array([left, top, left, top], dtype=np.float32)
    boxes, ignored = ((b - place) * np.float32(scale) for b in (photo.boxes, photo.ignored))
    if chance(rng, 0.5):
        image = image[:, ::-1].copy()
        boxes, ignored = (mirrored_boxes(b, size) for b in (boxes, ignored))
    corners, others = _corners_inside(boxes, size), _corners_inside(ignored, size)
    for one in corners:
        if chance(rng, 0.08):
            _invert(image, one)
    corners = [_replace_plate(rng, image, c) if chance(rng, 0.2) else c for c in corners]
    return _turn(rng, image, corners, others) if chance(rng, 0.35) else (image, corners, others)


def _squeezed(photo: Photo, share: float) -> Photo:
    """The photo with this share of its width: about what a plate looks like at a steep angle."""
    height, width = photo.image.shape
    size = max(1, round(width * share)), height
    image = cv2.resize(photo.image, size, interpolation=cv2.INTER_AREA)
    factors = np.array([size[0] / width, 1, size[0] / width, 1], dtype=np.float32)
    return dataclasses.replace(
        photo,
        image=np.asarray(image, dtype=np.uint8),
        boxes=photo.boxes * factors,
        ignored=photo.ignored * factors,
        lookalikes=photo.lookalikes * factors,
    )


def _invert(image: GreyImage, corners: NDArray[np.float32]) -> None:
    """Exchange light and dark in a plate, in place; its edge stays soft."""
    (x0, y0), (x1, y1) = np.maximum(corners[[0, 2]], 0).round().astype(int).tolist()
    mask = np.zeros_like(image)
    mask[y0:y1, x0:x1] = 1
    inside = image[mask > 0]
    if not inside.size:
        return
    low, high = np.quantile(inside, (0.02, 0.98))
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.0), dtype=np.float32)
    image += (np.float32(low + high) - 2 * image) * mask


def _framing(rng: np.random.Generator, photo: Photo, size: int) -> tuple[float, float, float]:
    """The scale, and the left and top edge in the photo, of a part around something or anywhere."""
    height, width = photo.image.shape
    wanted = [photo.boxes] if chance(rng, 0.6) else []
    wanted += [photo.lookalikes] if chance(rng, 0.6) else []
    wanted = [boxes for boxes in wanted if len(boxes)]
    if not wanted:
        scale = log_uniform(rng, 0.45, 2.0)
        room_x, room_y = width - size / scale, height - size / scale
        left = uniform(rng, min(0, room_x), max(0, room_x))
        return scale, left, uniform(rng, min(0, room_y), max(0, room_y))
    boxes = wanted[int(rng.integers(len(wanted)))]
    box = boxes[int(rng.integers(len(boxes)))]
    breadth = max(box[2] - box[0], (box[3] - box[1]) * 1.5)
    scale = log_uniform(rng, _MIN_PLATE_WIDTH, _MAX_PLATE_WIDTH) / float(breadth)
    scale = min(max(scale, size / (1.5 * min(height, width))), _MAX_ENLARGEMENT)
    side = size / scale
    # Now and then most of the plate lies outside.
    kept = 0.3 if chance(rng, 0.12) else 1.0
    start = []
    for low, high, limit in ((box[0], box[2], width), (box[1], box[3], height)):
        reach = kept * float(high - low)
        first = uniform(rng, *sorted((float(low) + reach - side, float(high) - reach)))
        start.append(float(np.clip(first, min(0, limit - side), max(0, limit - side))))
    return scale, start[0], start[1]


def _scaled_part(
    image: NDArray[np.uint8], scale: float, left: float, top: float, size: int
) -> GreyImage:
    """The part of (size / scale) pixels square; what lies outside the image repeats its edge."""
    # Smoothed first, because the warp samples points and would alias a large part.
    if scale < 0.7:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.35 / scale), dtype=np.uint8)
    offset = 0.5 * (scale - 1)  # the first pixel's centre stays the first pixel's centre
    matrix = np.array([[scale, 0, offset - left * scale], [0, scale, offset - top * scale]])
    part = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(part, dtype=np.float32)


def _corners_inside(boxes: NDArray[np.float32], size: int) -> list[NDArray[np.float32]]:
    """The (4, 2) corners of those boxes that reach into the part."""
    is_inside = (boxes[:, :2] < size).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    return [
        np.array([[b[0], b[1]], [b[2], b[1]], [b[2], b[3]], [b[0], b[3]]], dtype=np.float32)
        for b in boxes[is_inside]
    ]


def _replace_plate(
    rng: np.random.Generator, image: GreyImage, corners: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Draw a plate over a photographed one, in place; returns the (4, 2) corners of the new one."""
    (x0, y0), (x1, y1) = corners[0], corners[2]
    width, height = float(x1 - x0), float(y1 - y0)
    flat = plate(rng)
    flat = flat * uniform(rng, 0.5, 1.0) + uniform(rng, -10, 10)
    # Wide enough to hide the old plate, and with its own aspect ratio as far as that allows.
    grown = max(1.0, height * flat.shape[1] / flat.shape[0] / width)
    new_width = width * min(grown, 1.25) * 1.04
    new_height = max(height * 1.04, new_width * flat.shape[0] / flat.shape[1])
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    lean = rng.normal(0, 0.03) * new_width
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    half = signs * (new_width, new_height) / 2
    half[:, 1] += np.array([-lean, lean, lean, -lean]) / 2
    new_corners = (middle + half).astype(np.float32)
    flat = resized(
        flat, max(3, min(flat.shape[1], int(new_width))), max(3, min(64, int(new_height)))
    )
    rows, columns = flat.shape
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=np.float32)
    warp = cv2.getPerspectiveTransform(source, new_corners)
    size = (image.shape[1], image.shape[0])
    drawn = cv2.warpPerspective(flat, warp, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(np.ones_like(flat), warp, size)
    image += (drawn - image) * alpha
    return new_corners


def _turn(
    rng: np.random.Generator,
    image: GreyImage,
    corners: list[NDArray[np.float32]],
    others: list[NDArray[np.float32]],
) -> tuple[GreyImage, list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """The image turned, some also sheared, at the same size; and both kinds of corners."""
    size = image.shape[0]
    angle = rng.normal(0, 6) if chance(rng, 0.8) else uniform(rng, -30, 30)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, uniform(rng, 0.95, 1.2))
    if chance(rng, 0.3):
        shear = np.array([[1, 0, 0], [uniform(rng, -0.4, 0.4), 1, 0], [0, 0, 1]])
        shear[1, 2] = -shear[1, 0] * size / 2
        matrix = matrix @ shear
    turned = cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    corners, others = (
        [np.asarray(c @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32) for c in part]
        for part in (corners, others)
    )
    return np.asarray(turned, dtype=np.float32), [_half_grown(c) for c in corners], others


def _half_grown(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corners of an upright box between a turned box and the upright box around that.

    What is turned is an upright box around a plate that may lean, so its corners are too far out.
    """
    middle = corners.mean(axis=0)
    sides = np.array([np.linalg.norm(corners[i + 1] - corners[i]) for i in (0, 1)])
    half = (np.ptp(corners, axis=0) + sides) / 4
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return np.asarray(middle + signs * half, dtype=np.float32)
