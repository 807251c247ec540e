"""What a cover still tells: who is recognised under it, by one who knows how it was made.

The attacker has a clear photo of everybody (the gallery) and sees one covered person (the probe)
under other light, noise and framing. Three attacks, the best of them counts:

(a) clear: the cover is taken back as well as its kind allows (a Wiener filter for blurs), and the
    result compared with the clear gallery;
(b) parrot: the attacker covers his own gallery the same way and compares covers;
(c) clip: the same over 60 frames of a face that moves under a detector's jitter, all frames
    brought into line and averaged.

"flat mean colour" and "flat constant" are what can't be avoided and what tells nothing. Chance is
one in the gallery's size. Faces come from a folder with `boxes.json` (see `benchmarks.accuracy`);
without one, made-up faces test the machinery and nothing more. Plates are drawn.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from redact.blur import STYLES, Cover
from redact.records import Region
from redact.settings import Settings

SIZE, FACE, FRAMES = 192, 96, 60
Picture = NDArray[np.uint8]
# Covers one clip of pictures (T, S, S, 3), given the box found in each.
CoverClip = Callable[[list[Picture], list[tuple[int, int, int, int]], str, int], list[Picture]]


def main(arguments: Sequence[str]) -> None:
    """Print one row for each cover."""
    data = Path(os.environ.get("REDACT_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks privacy", description=__doc__)
    parser.add_argument("--faces", type=Path, default=data / "faces")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/privacy.json"))
    options = parser.parse_args(arguments)
    faces = load_faces(options.faces, options.people)
    if not faces:
        print(f"no faces in {str(options.faces)!r}: made-up ones only test the machinery")
        faces = [made_up_face(i) for i in range(options.people)]
    plates = [draw_plate(np.random.default_rng((9, i))) for i in range(options.people)]
    results = {}
    for kind, things in (("face", faces), ("plate", plates)):
        print(f"\n{len(things)} {kind}s, chance {100 / len(things):.1f} %; recognised, in %")
        print(f"{'cover':28}{'clear':>8}{'parrot':>8}{'clip, clear':>13}{'clip, parrot':>13}")
        for name, cover in covers().items():
            shares = attack(things, cover, kind, options.seed)
            results[f"{kind}: {name}"] = shares
            a, b, c, d = (100 * share for share in shares)
            print(f"{name:28}{a:8.1f}{b:8.1f}{c:13.1f}{d:13.1f}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def covers() -> dict[str, CoverClip]:
    """The references, what other tools do, and every style at its default and weaker."""
    ways: dict[str, CoverClip] = {
        "nothing": lambda clip, *_: [p.copy() for p in clip],
        "box blur, half the face": per_frame(_box_blur),
        "flat mean colour": per_frame(_mean),
        "flat constant": per_frame(lambda part: np.full_like(part, 96)),
    }
    for name, style in STYLES.items():
        ways[f"{name} (default)"] = by_style(Settings(style=name))
        for strength in () if name == "solid" else (0.5, 0.25):
            if strength < style.limit:
                settings = Settings(style=name, strength=strength, unsafe=True)
                ways[f"{name}, strength {strength}"] = by_style(settings)
    return ways


def attack(
    things: list[Picture], cover: CoverClip, kind: str, seed: int
) -> tuple[float, float, float, float]:
    """Share recognised: one frame against clear, against covered; 60 frames the same."""
    clear = [
        _aligned(*_scene(thing, np.random.default_rng((seed, 0, i)), 1))
        for i, thing in enumerate(things)
    ]
    gallery_one, gallery_many, probe_one, probe_many = [], [], [], []
    for i, thing in enumerate(things):
        for one, many, who in ((gallery_one, gallery_many, 1), (probe_one, probe_many, 2)):
            pictures, boxes = _scene(thing, np.random.default_rng((seed, who, i)), FRAMES)
            # One seed for all: the attacker knows the lot by which cells are made up.
            covered = cover(pictures, boxes, kind, seed)
            one.append(_aligned(covered[:1], boxes[:1]))
            many.append(_aligned(covered, boxes))
    return (
        _recognised([_sharpened(p) for p in probe_one], clear),
        _recognised(probe_one, gallery_one),
        _recognised([_sharpened(p) for p in probe_many], clear),
        _recognised(probe_many, gallery_many),
    )


def by_style(settings: Settings) -> CoverClip:
    """One of our own covers, on a track through the clip."""

    def apply(clip: list[Picture], boxes: list, kind: str, seed: int) -> list[Picture]:
        cover = Cover(settings, seed=seed)
        shape = "ellipse" if kind == "face" else "rectangle"
        result = []
        for picture, (x0, y0, x1, y1) in zip(clip, boxes, strict=True):
            copy = picture.copy()
            cover.image(
                copy, [Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=1)]
            )
            result.append(copy)
        return result

    return apply


def per_frame(change: Callable[[Picture], Picture]) -> CoverClip:
    """A cover that looks at each frame's box alone."""

    def apply(clip: list[Picture], boxes: list, _kind: str, _seed: int) -> list[Picture]:
        result = [picture.copy() for picture in clip]
        for picture, (x0, y0, x1, y1) in zip(result, boxes, strict=True):
            picture[y0:y1, x0:x1] = change(picture[y0:y1, x0:x1])
        return result

    return apply


def _box_blur(part: Picture) -> Picture:
    side = max(part.shape[0], part.shape[1]) // 2
    return cv2.blur(part, (side, side))


def _mean(part: Picture) -> Picture:
    return np.broadcast_to(part.mean(axis=(0, 1)).astype(np.uint8), part.shape)


def _scene(thing: Picture, rng: np.random.Generator, frames: int) -> tuple[list[Picture], list]:
    """The thing moving before a rough ground, under light of its own, and the boxes found."""
    ground = cv2.resize(
        rng.normal(110, 30, (12, 12, 3)).astype(np.float32),
        (SIZE, SIZE),
        interpolation=cv2.INTER_CUBIC,
    )
    gain, offset = rng.uniform(0.9, 1.1), rng.uniform(-10, 10)
    height, width = thing.shape[:2]
    start = rng.uniform(10, 30, 2)
    pictures, boxes = [], []
    for t in range(frames):
        x, y = start + np.array([30 * t / FRAMES, 10 * np.sin(t / 9)])
        move = np.array([[1, 0, x], [0, 1, y]], dtype=np.float32)
        picture = cv2.warpAffine(
            thing.astype(np.float32) * gain + offset,
            move,
            (SIZE, SIZE),
            dst=ground.copy(),
            borderMode=cv2.BORDER_TRANSPARENT,
        )
        picture += rng.normal(0, 4, picture.shape)
        pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
        jitter = rng.normal(0, 1.5, 4)
        edges = np.array([x, y, x + width, y + height]) + jitter
        boxes.append(tuple(int(v) // 2 * 2 for v in np.clip(edges, 0, SIZE)))
    return pictures, boxes


def _aligned(pictures: list[Picture], boxes: list) -> NDArray[np.float32]:
    """The mean of all frames' boxes, each brought to one size."""
    parts = [
        cv2.resize(p[y0:y1, x0:x1], (FACE // 2, FACE // 2), interpolation=cv2.INTER_AREA)
        for p, (x0, y0, x1, y1) in zip(pictures, boxes, strict=True)
    ]
    return np.mean(parts, axis=0, dtype=np.float32)


def _sharpened(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A Wiener filter against a box blur of half the picture's side: what a blur still holds."""
    side = picture.shape[0]
    kernel = np.zeros((side, side))
    kernel[: side // 2, : side // 2] = (2 / side) ** 2
    kernel = np.roll(kernel, (-side // 4, -side // 4), (0, 1))
    response = np.fft.fft2(kernel)
    filter_ = np.conj(response) / (np.abs(response) ** 2 + 1e-3)
    channels = [np.fft.ifft2(np.fft.fft2(picture[:, :, c]) * filter_).real for c in range(3)]
    return np.stack(channels, axis=2).astype(np.float32)


def _recognised(probes: list[NDArray[np.float32]], gallery: list[NDArray[np.float32]]) -> float:
    """Share of probes whose nearest of the gallery is the right one, by the better of two ways.

    Compared are pictures as they are, and pictures with mean and contrast evened out.
    """
    best = 0.0
    for prepare in (_raw, _normalised):
        a, b = np.stack([prepare(p) for p in probes]), np.stack([prepare(g) for g in gallery])
        far = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        best = max(best, float((far.argmin(axis=1) == np.arange(len(probes))).mean()))
    return best


def _raw(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return picture.ravel()


def _normalised(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = picture.ravel() - picture.mean()
    return flat / (np.linalg.norm(flat) + 1e-3)


def load_faces(folder: Path, count: int) -> list[Picture]:
    """The largest labelled faces of a folder, at most one of each picture, `FACE` px high."""
    path = folder / "boxes.json"
    if not path.is_file():
        return []
    labels = json.loads(path.read_text(encoding="utf-8"))
    largest = []
    for name, boxes in labels.items():
        box = max(boxes, key=lambda b: b["h"])
        if box["h"] >= 48:
            largest.append((name, box))
    chosen = sorted(largest, key=lambda item: -item[1]["h"])[:count]
    faces = []
    for name, b in chosen:
        image = cv2.imread(str(folder / name))
        b = {key: int(b[key]) for key in "xywh"}
        part = image[max(0, b["y"]) : b["y"] + b["h"], max(0, b["x"]) : b["x"] + b["w"]]
        faces.append(cv2.resize(part, (FACE * 4 // 5, FACE), interpolation=cv2.INTER_AREA))
    return faces


def made_up_face(number: int) -> Picture:
    """An oval with two eyes and a mouth, other for each number."""
    rng = np.random.default_rng(number)
    face = np.full((FACE, FACE * 4 // 5, 3), rng.uniform(60, 200, 3), dtype=np.uint8)
    skin = tuple(float(v) for v in rng.uniform(60, 220, 3))
    cv2.ellipse(face, (38, 48), (int(rng.integers(24, 36)), 44), 0, 0, 360, skin, -1)
    gap = int(rng.integers(10, 18))
    for x in (38 - gap, 38 + gap):
        cv2.circle(face, (x, int(rng.integers(34, 44))), int(rng.integers(3, 7)), (30, 30, 30), -1)
    wide = (int(rng.integers(6, 16)), int(rng.integers(2, 6)))
    cv2.ellipse(face, (38, int(rng.integers(64, 78))), wide, 0, 0, 360, (40, 40, 120), -1)
    return face


def draw_plate(rng: np.random.Generator) -> Picture:
    """A plate of six random signs, dark on light, every one in the same place."""
    plate = np.full((30, 130, 3), 230, dtype=np.uint8)
    text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXYZ0123456789"), 6))
    cv2.putText(plate, text, (5, 23), cv2.FONT_HERSHEY_DUPLEX, 0.8, (25, 25, 25), 2, cv2.LINE_AA)
    return plate
