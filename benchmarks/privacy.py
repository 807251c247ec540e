"""Share of covered faces and plates that an attacker recognises who knows how covers are made.

The attacker has a clear photo of everybody (the gallery) and sees one covered person (the probe) in
other light, with other noise and framing. There are three attacks; of several ways to compare
images the best one counts:

(a) clear: undo the cover as well as possible (a Wiener filter against blurs), and compare the
result
    with the clear gallery;
(b) parrot: cover the gallery in the same way, and compare covers with covers;
(c) clip: both of these with 60 frames of a face that moves under a detector's jitter, aligned and
    averaged.

Plates are also read by a template matcher that knows the typeface and the place of each character.

"flat mean colour" and "flat constant" are references: the least that a cover in the person's own
colour reveals, and a cover that reveals nothing. Chance is one in the size of the gallery, and for
characters one in their number. The background around a box is random and differs between gallery
and probe, so only the cover can reveal anything. Faces come from a folder with `boxes.json` (see
`benchmarks.accuracy`); without it, drawn faces test the attacks and nothing more. Plates are drawn.

`--readme FILE` writes a short table between the marks in that file.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import privacy_subjects, reporting
from benchmarks.privacy_subjects import Box, Image, aligned, scene
from benchmarks.real_data import data_folder
from redact import types
from redact.cover.painter import Cover
from redact.cover.regions import region_for
from redact.cover.styles import STYLES
from redact.settings import Settings

# Covers the images (S, S, 3) of a clip, given the box detected in each; kind, seed.
CoverClip = Callable[[list[Image], list[Box], str, int], list[Image]]
# Shares recognised, 0..1, of each attack by each way to compare images: clear, parrot, both over a
# clip; for plates also characters read in one frame and over a clip.
Shares = list[NDArray[np.float64]]

_WEAKER_STRENGTHS = {"blur": (0.5, 0.25), "pixelate": (0.5, 0.25), "gaussian": (6.0, 3.0, 1.0)}


def main(arguments: Sequence[str]) -> None:
    """Print one row for each cover, and save the figures."""
    data = data_folder()
    parser = argparse.ArgumentParser(prog="python -m benchmarks privacy", description=__doc__)
    parser.add_argument("--faces", type=Path, default=data / "faces")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2, help="average over so many seeds")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/privacy.json"))
    parser.add_argument("--readme", type=Path, help="file to write the table into")
    options = parser.parse_args(arguments)
    faces = privacy_subjects.load_faces(options.faces, options.people)
    if not faces:
        print(f"no faces in {str(options.faces)!r}: drawn ones only test the attacks")
        faces = [privacy_subjects.drawn_face(i) for i in range(options.people)]
    plates = [
        privacy_subjects.draw_plate(privacy_subjects.plate_text(i)) for i in range(options.people)
    ]
    results = {}
    for kind, things in (("face", faces), ("plate", plates)):
        heads = ["clear", "parrot", "clip, clear", "clip, parrot"]
        print(
            f"\n{len(things)} {kind}s, chance {100 / len(things):.1f} %; recognised, in %", end=""
        )
        if kind == "plate":
            heads += ["characters", "clip, chars"]
            print(f"; characters, chance {100 / len(privacy_subjects.CHARACTERS):.1f} %", end="")
        print("\n" + f"{'cover':28}" + "".join(f"{head:>14}" for head in heads))
        runs = [attack_all(things, covers(), kind, seed) for seed in range(options.seeds)]
        for name in runs[0]:
            # The way that is best over all runs counts: the best of each run is partly luck.
            columns = zip(*(run[name] for run in runs), strict=True)
            shares = [float(np.mean(column, axis=0).max()) for column in columns]
            results[f"{kind}: {name}"] = shares
            print(f"{name:28}" + "".join(f"{100 * share:14.1f}" for share in shares), flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.readme:
        saved = json.loads(options.json.read_text(encoding="utf-8"))
        reporting.write_between_marks(options.readme, "privacy", markdown_table(saved, len(faces)))


def markdown_table(results: Mapping[str, Sequence[float]], people: int) -> str:
    """The covers at their defaults and the references, as a Markdown table."""
    lines = [
        "| recognised, in % | clear photos | photos covered alike | clip, clear | clip, alike "
        "| characters of a plate | clip |",
        "|---|" + "---:|" * 6,
    ]
    for name in [name for name in covers() if "strength" not in name]:
        shares = [*results[f"face: {name}"], *results[f"plate: {name}"][4:]]
        lines.append(f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |")
    return "\n".join(
        [
            *lines,
            "",
            f"{people} faces of labelled photos, many masked, and drawn plates. Guessing gives "
            f"{100 / people:.1f} % of the faces and {100 / len(privacy_subjects.CHARACTERS):.1f} % "
            f"of the characters. A clip is {privacy_subjects.FRAMES} frames, aligned and averaged.",
        ]
    )


def covers() -> dict[str, CoverClip]:
    """The references, other tools' covers, and every style at its default and lower strengths."""
    ways: dict[str, CoverClip] = {
        "nothing": lambda clip, *_: [p.copy() for p in clip],
        "box blur, half the face": per_frame(_box_blur),
        "flat mean colour": per_frame(_mean_colour),
        "flat constant": per_frame(lambda part: np.full_like(part, 96)),
    }
    for name, style in STYLES.items():
        ways[f"{name} (default)"] = by_style(Settings(style=name))
        for strength in _WEAKER_STRENGTHS.get(name, ()):
            if strength != style.default:
                settings = Settings(style=name, strength=strength, unsafe=True)
                ways[f"{name}, strength {strength}"] = by_style(settings)
    return ways


def attack(things: list[Image], cover: CoverClip, kind: str, seed: int) -> list[float]:
    """Shares recognised under one cover by each attack, each with its best way to compare."""
    return [float(ways.max()) for ways in attack_all(things, {"": cover}, kind, seed)[""]]


def attack_all(
    things: list[Image], ways: Mapping[str, CoverClip], kind: str, seed: int
) -> dict[str, Shares]:
    """Shares recognised under each cover, all on the same scenes.

    things: images of faces or plates. ways: covers by name.
    """
    clear = []
    seen: dict[str, list[_Observation]] = {name: [] for name in ways}
    for i, thing in enumerate(things):
        clear.append(aligned(*scene(thing, np.random.default_rng((seed, 0, i)), 1)))
        gallery, probe = (
            scene(thing, np.random.default_rng((seed, role, i)), privacy_subjects.FRAMES)
            for role in (1, 2)
        )
        for name, cover in ways.items():
            # The same seed for all: the attacker knows the random pattern of the covers.
            covered = [(cover(*clip, kind, seed), clip[1]) for clip in (gallery, probe)]
            seen[name].append(_Observation(kind, i, *covered))
    return {name: _shares(clear, people) for name, people in seen.items()}


class _Observation:
    """What the attacker has of one face or plate under one cover: averaged crops, texts read."""

    def __init__(
        self,
        kind: str,
        number: int,
        gallery: tuple[list[Image], list[Box]],
        probe: tuple[list[Image], list[Box]],
    ) -> None:
        (clip, boxes), (probe_clip, probe_boxes) = gallery, probe
        self.gallery_one, self.gallery_many = aligned(clip[:1], boxes[:1]), aligned(clip, boxes)
        self.one = aligned(probe_clip[:1], probe_boxes[:1])
        self.many = aligned(probe_clip, probe_boxes)
        self.read: list[float] = []
        if kind == "plate":
            text = privacy_subjects.plate_text(number)
            for count in (1, len(probe_clip)):
                image = aligned(probe_clip[:count], probe_boxes[:count], privacy_subjects.PLATE)
                answer = privacy_subjects.read_plate(image)
                self.read.append(sum(a == b for a, b in zip(answer, text, strict=True)) / len(text))


def _shares(clear: list[NDArray[np.float32]], people: list[_Observation]) -> Shares:
    ones, many = [p.one for p in people], [p.many for p in people]
    shares = [
        _recognised(ones, clear, may_sharpen=True),
        _recognised(ones, [p.gallery_one for p in people]),
        _recognised(many, clear, may_sharpen=True),
        _recognised(many, [p.gallery_many for p in people]),
    ]
    reads = np.array([p.read for p in people])
    return shares + [column[None] for column in reads.mean(axis=0)] if reads.size else shares


def by_style(settings: Settings) -> CoverClip:
    """One of our own covers, on a track through the clip."""

    def apply(clip: list[Image], boxes: list[Box], kind: str, seed: int) -> list[Image]:
        cover = Cover(settings, seed=seed)
        result = [image.copy() for image in clip]
        for image, box in zip(result, boxes, strict=True):
            size = (image.shape[1], image.shape[0])
            region = region_for(types.Box(*map(float, box)), kind, size, settings, track_id=1)
            cover.image(image, [region] if region else [])
        return result

    return apply


def per_frame(change: Callable[[Image], Image]) -> CoverClip:
    """A cover that depends on the pixels of each frame's box only."""

    def apply(clip: list[Image], boxes: list[Box], _kind: str, _seed: int) -> list[Image]:
        result = [image.copy() for image in clip]
        for image, (x0, y0, x1, y1) in zip(result, boxes, strict=True):
            image[y0:y1, x0:x1] = change(image[y0:y1, x0:x1])
        return result

    return apply


def _box_blur(part: Image) -> Image:
    side = max(part.shape[0], part.shape[1]) // 2
    return cv2.blur(part, (side, side))


def _mean_colour(part: Image) -> Image:
    return np.broadcast_to(part.mean(axis=(0, 1)).astype(np.uint8), part.shape)


def _sharpened(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo a box blur of half the image's side with a Wiener filter, as far as possible."""
    side = image.shape[0]
    kernel = np.zeros((side, side))
    kernel[: side // 2, : side // 2] = (2 / side) ** 2
    kernel = np.roll(kernel, (-side // 4, -side // 4), (0, 1))
    response = np.fft.fft2(kernel)
    filter_ = np.conj(response) / (np.abs(response) ** 2 + 1e-3)
    channels = [np.fft.ifft2(np.fft.fft2(image[:, :, c]) * filter_).real for c in range(3)]
    return np.stack(channels, axis=2).astype(np.float32)


def _recognised(
    probes: list[NDArray[np.float32]],
    gallery: list[NDArray[np.float32]],
    *,
    may_sharpen: bool = False,
) -> NDArray[np.float64]:
    """Share of probes whose nearest gallery image is the right one, for each way to compare.

    Images are compared as they are, and with mean and contrast normalised; with `may_sharpen` also
    after undoing the blur of the probes.
    """
    change_map = [lambda image: image, _sharpened] if may_sharpen else [lambda image: image]
    shares = []
    for change, prepare in itertools.product(change_map, (_raw, _normalised)):
        a = np.stack([prepare(change(p)) for p in probes])
        b = np.stack([prepare(g) for g in gallery])
        far = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        shares.append((far.argmin(axis=1) == np.arange(len(probes))).mean())
    return np.array(shares)


def _raw(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return image.ravel()


def _normalised(image: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = image.ravel() - image.mean()
    return flat / (np.linalg.norm(flat) + 1e-3)
