"""What a cover still tells: who is recognised under it, by one who knows how it was made.

The attacker has a clear photo of everybody (the gallery) and sees one covered person (the probe)
under other light, noise and framing. Three attacks, the best of them counts:

(a) clear: the cover is taken back as well as its kind allows (a Wiener filter for blurs), and the
    result compared with the clear gallery;
(b) parrot: the attacker covers his own gallery the same way and compares covers;
(c) clip: the same over 60 frames of a face that moves under a detector's jitter, all frames
    brought into line and averaged.

Plates are also read by a template matcher that knows the typeface and the place of each sign.

"flat mean colour" and "flat constant" are what can't be avoided and what tells nothing. Chance is
one in the gallery's size, for signs one in their number. What stays visible around a box is drawn
by lot, other in gallery and probe: counted is what the cover adds to that. Faces come from a folder
with `boxes.json` (see `benchmarks.accuracy`); without one, made-up faces test the machinery and
nothing more. Plates are drawn.

`--readme README.md` writes a short table between the marks in that file.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import privacy_subjects, reporting
from benchmarks.privacy_subjects import Box, Picture, aligned, scene
from redact.cover.painter import STYLES, Cover
from redact.settings import Settings
from redact.types import Region

# Covers one clip of pictures (T, S, S, 3), given the box found in each.
CoverClip = Callable[[list[Picture], list[Box], str, int], list[Picture]]
# Shares recognised, 0..1, by each way to compare: clear, parrot, the two over a clip; for plates
# also signs read in one frame and over a clip.
Shares = list[NDArray[np.float64]]

_WEAKER = {"blur": (0.5, 0.25), "pixelate": (0.5, 0.25), "gaussian": (6.0, 3.0, 1.0)}


def main(arguments: Sequence[str]) -> None:
    """Print one row for each cover."""
    data = Path(os.environ.get("REDACT_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks privacy", description=__doc__)
    parser.add_argument("--faces", type=Path, default=data / "faces")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2, help="runs to average")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/privacy.json"))
    parser.add_argument("--readme", type=Path, help="file to write the table into")
    options = parser.parse_args(arguments)
    faces = privacy_subjects.load_faces(options.faces, options.people)
    if not faces:
        print(f"no faces in {str(options.faces)!r}: made-up ones only test the machinery")
        faces = [privacy_subjects.made_up_face(i) for i in range(options.people)]
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
            heads += ["signs read", "clip, signs"]
            print(f"; signs, chance {100 / len(privacy_subjects.SIGNS):.1f} %", end="")
        print("\n" + f"{'cover':28}" + "".join(f"{head:>14}" for head in heads))
        runs = [attack_all(things, covers(), kind, seed) for seed in range(options.seeds)]
        for name in runs[0]:
            # The best way over all runs counts: the best of each would be luck in part.
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
    """Covers at their defaults and what to compare them with, for the README."""
    lines = [
        "| recognised, in % | clear photos | photos covered alike | clip, clear | clip, alike "
        "| signs of a plate | clip |",
        "|---|" + "---:|" * 6,
    ]
    for name in [name for name in covers() if "strength" not in name]:
        shares = [*results[f"face: {name}"], *results[f"plate: {name}"][4:]]
        lines.append(f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |")
    return "\n".join(
        [
            *lines,
            "",
            f"{people} faces of labelled photos, many masked, {100 / people:.1f} % would be "
            f"guessed; drawn plates, of whose signs {100 / len(privacy_subjects.SIGNS):.1f} % would be. "
            f"A clip has {privacy_subjects.FRAMES} frames, brought into line and averaged.",
        ]
    )


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
        for strength in _WEAKER.get(name, ()):
            if strength != style.default:
                settings = Settings(style=name, strength=strength, unsafe=True)
                ways[f"{name}, strength {strength}"] = by_style(settings)
    return ways


def attack(things: list[Picture], cover: CoverClip, kind: str, seed: int) -> list[float]:
    """Shares recognised under one cover, each by the best way."""
    return [float(ways.max()) for ways in attack_all(things, {"": cover}, kind, seed)[""]]


def attack_all(
    things: list[Picture], ways: Mapping[str, CoverClip], kind: str, seed: int
) -> dict[str, Shares]:
    """Shares recognised under each cover. All cover the same scenes."""
    clear = []
    seen: dict[str, list[_Seen]] = {name: [] for name in ways}
    for i, thing in enumerate(things):
        clear.append(aligned(*scene(thing, np.random.default_rng((seed, 0, i)), 1)))
        gallery, probe = (
            scene(thing, np.random.default_rng((seed, who, i)), privacy_subjects.FRAMES)
            for who in (1, 2)
        )
        for name, cover in ways.items():
            # One seed for all: the attacker knows the lot by which cells are made up.
            covered = [(cover(*clip, kind, seed), clip[1]) for clip in (gallery, probe)]
            seen[name].append(_Seen(kind, i, *covered))
    return {name: _shares(clear, people) for name, people in seen.items()}


class _Seen:
    """What the attacker keeps of one thing under one cover."""

    def __init__(
        self,
        kind: str,
        number: int,
        gallery: tuple[list[Picture], list[Box]],
        probe: tuple[list[Picture], list[Box]],
    ) -> None:
        (clip, boxes), (probe_clip, probe_boxes) = gallery, probe
        self.gallery_one, self.gallery_many = aligned(clip[:1], boxes[:1]), aligned(clip, boxes)
        self.one = aligned(probe_clip[:1], probe_boxes[:1])
        self.many = aligned(probe_clip, probe_boxes)
        self.read: list[float] = []
        if kind == "plate":
            text = privacy_subjects.plate_text(number)
            for count in (1, len(probe_clip)):
                picture = aligned(probe_clip[:count], probe_boxes[:count], privacy_subjects.PLATE)
                said = privacy_subjects.read_plate(picture)
                self.read.append(sum(a == b for a, b in zip(said, text, strict=True)) / len(text))


def _shares(clear: list[NDArray[np.float32]], people: list[_Seen]) -> Shares:
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

    def apply(clip: list[Picture], boxes: list[Box], kind: str, seed: int) -> list[Picture]:
        cover = Cover(settings, seed=seed)
        shape = "ellipse" if kind == "face" else "rectangle"
        result = [picture.copy() for picture in clip]
        for picture, (x0, y0, x1, y1) in zip(result, boxes, strict=True):
            region = Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=1)
            cover.image(picture, [region])
        return result

    return apply


def per_frame(change: Callable[[Picture], Picture]) -> CoverClip:
    """A cover that looks at each frame's box alone."""

    def apply(clip: list[Picture], boxes: list[Box], _kind: str, _seed: int) -> list[Picture]:
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


def _recognised(
    probes: list[NDArray[np.float32]],
    gallery: list[NDArray[np.float32]],
    *,
    may_sharpen: bool = False,
) -> NDArray[np.float64]:
    """Share of probes whose nearest of the gallery is the right one, by each way to compare.

    Compared are pictures as they are, and with mean and contrast evened out; with `may_sharpen`
    the probes also with their blur taken back.
    """
    change_map = [lambda picture: picture, _sharpened] if may_sharpen else [lambda picture: picture]
    shares = []
    for change, prepare in itertools.product(change_map, (_raw, _normalised)):
        a = np.stack([prepare(change(p)) for p in probes])
        b = np.stack([prepare(g) for g in gallery])
        far = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        shares.append((far.argmin(axis=1) == np.arange(len(probes))).mean())
    return np.array(shares)


def _raw(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return picture.ravel()


def _normalised(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = picture.ravel() - picture.mean()
    return flat / (np.linalg.norm(flat) + 1e-3)
