"""Moving scenes made of labelled stills, in which every box of every frame is known.

A still is the world. A camera shows part of it (pan, zoom, shake); people and cars cut out of other
stills move in front of it and behind posts and walls; the light changes; frames are lost. The clip
is written as H.264 with a `Truth` beside it. Equal names, scenes and seeds
give bit-identical frames.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ground_truth import Truth
from benchmarks.scene_renderer import Scene, SceneRenderer
from redact.types import Box

VERSION = 3
_TICKS = 90_000
# An object counts while at least this share of its box is inside the frame and not occluded.
_MIN_VISIBLE_SHARE = 0.5


def build(name: str, scene: Scene, data: Path, folder: Path, *, seed: int = 0) -> Path:
    """Write the scene as `NAME.mp4` and `NAME.json` into the folder, unless it exists already.

    data: the folder of labelled stills.

    Returns: the path of the clip.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mp4"
    version = hashlib.sha256(repr((VERSION, scene)).encode()).hexdigest()[:8]
    made = f"made of stills, version {version}, seed {seed}"
    truth_path = path.with_suffix(".json")
    if path.is_file() and truth_path.is_file() and Truth.load(truth_path).made == made:
        return path
    rng = np.random.default_rng([seed, *name.encode()])
    renderer = SceneRenderer(scene, data, rng)
    times = _times(scene, rng)
    sightings: dict[str, list[tuple[int, Box, float]]] = {}
    kinds: dict[str, str] = {}

    def images() -> Any:
        for index, at in enumerate(times):
            image, known = renderer.render(at)
            for name, kind, box, share in known:
                sightings.setdefault(name, []).append((index, box, share))
                kinds[name] = kind
            yield image, round(at * _TICKS)

    encode(path, images(), scene.size, scene.rate, crf=scene.crf)
    objects = known_objects(sightings, kinds)
    Truth(path.name, scene.size, len(times), objects, made=made, sure="exact").save(truth_path)
    return path


def known_objects(
    sightings: dict[str, list[tuple[int, Box, float]]], kinds: dict[str, str]
) -> tuple[dict[str, Any], ...]:
    """`Truth.objects` from (frame, box, visible share) of each object, in order of frames."""
    return tuple(
        {"id": name, "kind": kinds[name], "keys": _keys(span), "hidden": _hidden(span)}
        for name, items in sightings.items()
        for span in _spans(items)
    )


def encode(path: Path, images: Any, size: tuple[int, int], rate: int, *, crf: int = 23) -> None:
    """Write (BGR image, pts in 1/90000 s) pairs as H.264; size: (width, height)."""
    import av

    options = {"video_track_timescale": str(_TICKS)}
    with av.open(str(path), "w", options=options) as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast"}
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        for image, pts in images:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
            frame.pts, frame.time_base = pts, Fraction(1, _TICKS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _times(scene: Scene, rng: np.random.Generator) -> list[float]:
    """Seconds of the frames that are not lost."""
    count = round(scene.seconds * scene.rate)
    kept = [i for i in range(count) if i == 0 or rng.random() >= scene.lost]
    return [i / scene.rate for i in kept]


def _spans(items: list[tuple[int, Box, float]]) -> list[list[tuple[int, Box, float]]]:
    """Split the list wherever frames are missing."""
    spans: list[list[tuple[int, Box, float]]] = []
    for item in items:
        if not spans or item[0] != spans[-1][-1][0] + 1:
            spans.append([])
        spans[-1].append(item)
    return spans


def _keys(span: list[tuple[int, Box, float]]) -> list[list[float]]:
    return [[index, *(round(v, 1) for v in box)] for index, box, _ in span]


def _hidden(span: list[tuple[int, Box, float]]) -> list[list[int]]:
    hidden: list[list[int]] = []
    for index, _, share in span:
        if share < _MIN_VISIBLE_SHARE:
            if hidden and hidden[-1][1] == index:
                hidden[-1][1] = index + 1
            else:
                hidden.append([index, index + 1])
    return hidden
