"""Which frames of a covered clip still show a face or plate, and what is covered for nothing.

Any tool's output is held against its source, in which every box of every frame is known
(`benchmarks.ground_truth`). Inside each box, source and output are band-passed: a leak is where
they correlate above 0.5 and at least half of the detail's strength is left, or correlate above 0.9
at any strength. Boxes whose source shows no detail to speak of don't count. Frames are matched by
time and looks, so a tool may drop or repeat some.

Over-covered is the share of pixels that differ by more than encoding explains, outside all known
boxes grown by half their size to each side.

Clips are scenes made of labelled stills (`benchmarks.moving_scenes`), or with `--real` the clips
in REDACT_DATA whose boxes lie in `benchmarks/clip_boxes`. Tools are ours and, where its command is
given, deface with its defaults; or none, with `--score NAME=FOLDER`: files named as the sources.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import detail, moving_scenes
from benchmarks.ground_truth import Truth, as_mask
from benchmarks.scene_table import QUICK, SCENES
from redact.boxes import grow
from redact.records import Box

RESULTS = Path("benchmarks/results")
BOXES = Path(__file__).with_name("clip_boxes")
# Lower bounds of the buckets: heights of faces, widths of plates.
BUCKETS = {"face": (0, 12, 16, 32, 64, 128), "plate": (0, 24, 48, 96)}
# Totals leave out what is smaller: nobody is told by it.
LEAST = {"face": 16, "plate": 24}
LONG_LEAK, LARGE = 2, 32
_GROWTH, _GROWTH_PIXELS = 0.5, 16
_OPEN_GROWTH = 0.8


@dataclasses.dataclass(frozen=True)
class Seen:
    """One object in one shown frame whose source has detail there."""

    clip: str
    id: str
    kind: str
    frame: int
    size: float
    leaked: bool


@dataclasses.dataclass(frozen=True)
class Score:
    """What one output shows."""

    seen: tuple[Seen, ...]
    over_covered: tuple[float, ...]
    """Share of the picture, one value for each frame of the output."""


def main(arguments: Sequence[str]) -> None:
    """Build the scenes, run the tools, print one table and save it."""
    options = _options(arguments)
    sources = _sources(options)
    if options.build:
        return
    scores: dict[str, dict[str, Score]] = {}
    seconds: dict[str, float] = defaultdict(float)
    refused: dict[str, list[str]] = defaultdict(list)
    for tool, run in _tools(options).items():
        scores[tool] = {}
        for source, truth in sources:
            started = time.perf_counter()
            output = run(source)
            seconds[tool] += time.perf_counter() - started
            if output is None:
                refused[tool].append(source.name)
                continue
            scores[tool][source.stem] = one = score(source, output, truth)
            print(f"{tool:>10} {source.stem:32} {line(one)}", flush=True)
    table = {tool: summary(list(by.values())) for tool, by in scores.items()}
    for tool, values in table.items():
        values |= {"seconds": round(seconds[tool], 1), "refused": refused[tool]}
        values["clips"] = {clip: summary([one]) for clip, one in scores[tool].items()}
    print_table(table)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    data = Path(os.environ.get("REDACT_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks leaks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=data, help=f"labelled stills, clips ({data})")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these scenes or clips")
    parser.add_argument("--real", action="store_true", help="real clips with known boxes instead")
    parser.add_argument("--deface", metavar="COMMAND", help="run deface too, kept between runs")
    parser.add_argument("--detector", default="balanced", help="our level")
    parser.add_argument("--no-ours", action="store_true", help="don't run ours")
    parser.add_argument("--score", nargs="+", default=[], metavar="NAME=FOLDER", help="outputs")
    parser.add_argument("--build", action="store_true", help="only make the scenes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=RESULTS / "leaks.json")
    return parser.parse_args(arguments)


def _sources(options: argparse.Namespace) -> list[tuple[Path, Truth]]:
    """The clips and what is known of them."""
    if options.real:
        truths = [Truth.load(path) for path in sorted(BOXES.glob("*.json"))]
        truths = [t for t in truths if not options.only or Path(t.clip).stem in options.only]
        return [(options.data / "clips" / truth.clip, truth) for truth in truths]
    names = options.only or (QUICK if options.quick else SCENES)
    if unknown := set(names) - set(SCENES):
        raise SystemExit(f"no scene {sorted(unknown)}; there are {', '.join(SCENES)}")
    folder = RESULTS / "scenes"
    paths = [
        moving_scenes.build(name, SCENES[name], options.data, folder, seed=options.seed)
        for name in names
    ]
    return [(path, Truth.load(path.with_suffix(".json"))) for path in paths]


Tool = Callable[[Path], Path | None]


def _tools(options: argparse.Namespace) -> dict[str, Tool]:
    tools: dict[str, Tool] = {}
    if not options.no_ours:
        tools["ours"] = lambda source: _run_ours(source, options.detector)
    if options.deface:
        tools["deface"] = lambda source: _run_deface(source, options.deface)
    for pair in options.score:
        name, _, folder = pair.partition("=")
        tools[name] = lambda source, folder=folder: _existing(source, Path(folder))
    return tools


def _run_ours(source: Path, detector: str) -> Path | None:
    """Our output, or None where the clip is refused because it would leak."""
    import redact

    target = _target("ours", source)
    try:
        redact.redact_clip(source, target, redact.Settings(detector=detector))
    except redact.LeakError as err:
        print(f"refused: {err}")
        return None
    return target


def _run_deface(source: Path, command: str) -> Path:
    """The output of deface with its defaults; made once for each source."""
    target = _target("deface", source)
    if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
        done = subprocess.run(
            [command, str(source), "-o", str(target)], capture_output=True, text=True, check=False
        )
        if done.returncode or not target.is_file():
            raise SystemExit(f"{command} failed on {source.name}: {done.stderr[-500:]}")
    return target


def _target(tool: str, source: Path) -> Path:
    folder = RESULTS / tool
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{source.stem}.mp4"


def _existing(source: Path, folder: Path) -> Path:
    found = [path for path in sorted(folder.glob(f"{source.stem}.*")) if path.suffix != ".json"]
    if not found:
        raise SystemExit(f"no {source.stem}.* in {str(folder)!r}")
    return found[0]


def score(source: Path, output: Path, truth: Truth) -> Score:
    """Hold an output against its source.

    Raises:
        AlignmentError: the output's frames aren't the source's in their order.

    """
    shown = _aligned(source, output, truth)
    seen: dict[tuple[str, str, int], Seen] = {}
    over: list[float] = []
    for index, before, after in _pairs(source, output, shown):
        for known in truth.at(index):
            if not known.counts:
                continue
            leaked = detail.leaks(before, after, known.box, known.kind)
            if leaked is not None:
                size = known.box.height if known.kind == "face" else known.box.width
                key = (known.id, known.kind, index)
                leaked |= key in seen and seen[key].leaked  # a frame shown twice
                seen[key] = Seen(truth.clip, known.id, known.kind, index, size, leaked)
        over.append(_over_covered(before, after, index, truth))
    return Score(tuple(seen.values()), tuple(over))


def _aligned(source: Path, output: Path, truth: Truth) -> NDArray[np.int64]:
    sides = []
    for path in (source, output):
        looks = [(at, detail.small(picture)) for at, picture in _gray_frames(path)]
        if not looks:
            raise detail.AlignmentError(f"{str(path)!r} has no frames")
        sides.append((np.stack([look for _, look in looks]), np.array([at for at, _ in looks])))
    (before, before_at), (after, after_at) = sides
    if len(before) != truth.frames:
        raise ValueError(f"{source.name} has {len(before)} frames, its boxes say {truth.frames}")
    height, width = before.shape[1:]
    if after.shape[1:] != (height, width):
        after = np.stack([_resized(look, (width, height)) for look in after])
    hidden = [
        as_mask(
            [grow(k.box, _OPEN_GROWTH) for k in truth.at(i)], (width, height), width / truth.size[0]
        )
        for i in range(len(before))
    ]
    return detail.align(before, before_at, after, after_at, ~np.stack(hidden))


def _gray_frames(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """(second, upright grey picture) of every frame."""
    from redact import video

    clip = video.probe(path)
    turns = -(clip.rotation_degrees // 90)
    with contextlib.closing(video.read_frames(clip)) as frames:
        for frame in frames:
            yield frame.pts * float(clip.time_base), np.ascontiguousarray(np.rot90(frame.y, turns))


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _pairs(
    source: Path, output: Path, shown: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
    """(source's index, source's picture, output's picture) for every frame of the output."""
    before = enumerate(picture for _, picture in _gray_frames(source))
    index, picture = next(before)
    for wanted, (_, after) in zip(shown, _gray_frames(output), strict=True):
        while index < wanted:
            index, picture = next(before)
        size = (picture.shape[1], picture.shape[0])
        same = after.shape == picture.shape
        yield index, picture, after if same else _resized(after, size)


def _over_covered(
    before: NDArray[np.uint8], after: NDArray[np.uint8], index: int, truth: Truth
) -> float:
    differs = detail.changed(before, after)
    height, width = differs.shape
    return float((differs & ~as_mask(allowed(truth, index), (width, height), 0.5)).mean())


def allowed(truth: Truth, index: int) -> list[Box]:
    """Where covering isn't for nothing: grown known boxes, and areas of which nothing is said."""
    return [_grown(known.box) for known in truth.at(index)] + truth.ignored(index)


def _grown(box: Box) -> Box:
    x, y = (max(_GROWTH * side, _GROWTH_PIXELS) for side in (box.width, box.height))
    return Box(box.x0 - x, box.y0 - y, box.x1 + x, box.y1 + y)


def summary(scores: Sequence[Score]) -> dict:
    """Shares and counts of all outputs of one tool, as plain values."""
    seen = [one for each in scores for one in each.seen]
    result: dict = {}
    for kind, lows in BUCKETS.items():
        ours = [one for one in seen if one.kind == kind]
        large = [one for one in ours if one.size >= LEAST[kind]]
        result[kind] = _counts(large) | {
            "buckets": {
                f"{low}-{high - 1}" if high < 10**6 else f"{low}+": _counts(
                    [one for one in ours if low <= one.size < high]
                )
                for low, high in zip(lows, (*lows[1:], 10**6), strict=True)
            }
        }
        result[kind] |= _tracks(ours, LEAST[kind])
    over = [share for each in scores for share in each.over_covered]
    result["over_covered"] = float(np.mean(over)) if over else 0.0
    return result


def _counts(seen: Sequence[Seen]) -> dict:
    leaked = sum(one.leaked for one in seen)
    return {
        "frames": len(seen),
        "leaked": leaked,
        "share": leaked / len(seen) if seen else None,
    }


def _tracks(seen: Sequence[Seen], least: float) -> dict:
    """Tracks that leak, and the longest run of leaked frames."""
    tracks: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in seen:
        if one.size >= least:
            tracks[one.clip, one.id].append(one)
    longest = 0
    for track in tracks.values():
        run = 0
        for one in sorted(track, key=lambda o: o.frame):
            run = run + 1 if one.leaked else 0
            longest = max(longest, run)
    bad = [name for name, track in tracks.items() if any(one.leaked for one in track)]
    worse = [
        name
        for name, track in tracks.items()
        if sum(one.leaked and one.size >= LARGE for one in track) > LONG_LEAK
    ]
    return {
        "tracks": len(tracks),
        "tracks_leaked": len(bad),
        "tracks_leaked_long": len(worse),
        "which_leaked_long": [" ".join(name) for name in worse],
        "longest_run": longest,
    }


def line(one: Score, word: str = "leaked") -> str:
    """One output's counts in a line."""
    values = summary([one])
    parts = [
        f"{kind}-frames {values[kind]['leaked']:4} of {values[kind]['frames']:4} {word}, "
        f"longest {values[kind]['longest_run']:3}"
        for kind in BUCKETS
    ]
    return "; ".join(parts) + f"; over-covered {100 * values['over_covered']:.2f} %"


def print_table(table: dict[str, dict], word: str = "leaked") -> None:
    """One column for each tool."""
    rows: list[tuple[str, list[str]]] = []

    def row(name: str, value: Callable[[dict], str]) -> None:
        rows.append((name, [value(values) for values in table.values()]))

    def share(counts: dict) -> str:
        if not counts["frames"]:
            return "-"
        return f"{100 * counts['share']:.1f} % of {counts['frames']}"

    for kind, unit in (("face", "high"), ("plate", "wide")):
        row(f"{kind}-frames {word}, {LEAST[kind]}+ px {unit}", lambda v, k=kind: share(v[k]))
        for bucket in next(iter(table.values()))[kind]["buckets"]:
            row(f"  {bucket} px", lambda v, k=kind, b=bucket: share(v[k]["buckets"][b]))
        row(f"  longest run of {word} frames", lambda v, k=kind: str(v[k]["longest_run"]))
        row(
            f"  tracks {word} anywhere",
            lambda v, k=kind: f"{v[k]['tracks_leaked']} of {v[k]['tracks']}",
        )
        row(
            f"  more than {LONG_LEAK} frames at {LARGE}+ px",
            lambda v, k=kind: f"{v[k]['tracks_leaked_long']}",
        )
    row("over-covered area", lambda v: f"{100 * v['over_covered']:.2f} %")
    row("clips refused", lambda v: str(len(v["refused"])))
    row("seconds", lambda v: f"{v['seconds']:.0f}")
    print(f"\n{'':34}" + "".join(f"{tool:>18}" for tool in table))
    for name, cells in rows:
        print(f"{name:34}" + "".join(f"{cell:>18}" for cell in cells))
