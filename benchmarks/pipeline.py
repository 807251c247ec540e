"""Speed and memory of the whole job by stage, beside decoding, transcoding and deface.

Each way to process a clip runs in its own process. The ways take turns for `--rounds` rounds, and
figures are medians. The output is checked first: its number of frames, their times, and how many
known faces still show. Frames per second count from the start of the process. On a machine with
other work, core-milliseconds per frame (the CPU time of all threads) are more reliable. The limit
is decoding and encoding with PyAV alone, with our encoder settings.

Without CLIP, real clips are brought to full HD where there are any (`benchmarks.real_scenes`), and
doorbell clips are made (`benchmarks.doorbell_clips`): all sizes and numbers of people with a fixed
camera; one person with a moving camera; other lengths at one size. `--real` takes the real clips
only. `--memory` compares a clip's peak memory with that of the same clip repeated for minutes.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import shutil
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import doorbell_clips, pipeline_memory, pipeline_table, real_scenes, reporting
from benchmarks.doorbell_clips import SIZES, Street
from benchmarks.pipeline_runner import check, known_faces_shown, run_deface, run_ffmpeg, run_way
from benchmarks.real_data import data_folder

Result = dict[str, Any]
WAYS = ("decode", "transcode, PyAV alone", "transcode", "ours")
_FOLDER = reporting.RESULTS / "pipeline"
_PACKAGES = ("av", "onnxruntime", "opencv-python", "numba")
_LONGEST_4K = 4.0
_LENGTHS = (3.0, 30.0)


def main(arguments: Sequence[str]) -> None:
    """Measure each clip, print its figures, and save them as JSON and as a plot."""
    options = _options(arguments)
    if options.publish:
        result = json.loads(options.json.read_text(encoding="utf-8"))
    else:
        result = _measured(options)
    print(pipeline_table.summary_text(result))
    pipeline_table.plot(result, options.json.with_suffix(".png"))
    if options.readme:
        text = pipeline_table.markdown_table(result)
        reporting.write_between_marks(options.readme, "speed", text)


def _measured(options: argparse.Namespace) -> Result:
    result: Result = {"clips": {}}
    if options.keep and options.json.is_file():
        result = json.loads(options.json.read_text(encoding="utf-8"))
    settings = _settings(options)
    result |= {"machine": reporting.machine(*_PACKAGES), "settings": settings}
    clips = _clips(options)
    if options.memory:
        _, path, _ = clips[0]
        minutes = options.memory_minutes
        result["memory"] = pipeline_memory.compare(path, _FOLDER, settings, 60 * minutes)
        print(pipeline_memory.text(result["memory"]))
        reporting.save_json(options.json, result)
        return result
    result["start"] = _start(settings, options.rounds, compile_too=not options.quick)
    print(pipeline_table.start_text(result["start"]), flush=True)
    for name, path, about in clips:
        figures = measure(
            path, settings, options.rounds, options.deface, deface_rounds=options.deface_rounds
        )
        result["clips"][name] = about | figures
        print(pipeline_table.clip_text(name, result["clips"][name]), flush=True)
        reporting.save_json(options.json, result)
    return result


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    data = data_folder()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks pipeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("clips", nargs="*", type=Path, metavar="CLIP", help="measure these instead of made clips")
    add("--data", type=Path, default=data, help=f"folder with labelled stills ({data})")
    add("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    add("--people", nargs="+", type=int, default=[0, 1, 5], help="how many people walk through")
    add("--cameras", nargs="+", choices=("static", "moving"), default=["static", "moving"])
    add("--seconds", type=float, default=10.0, help="length of a made clip (4K: 4 at most)")
    add(
        "--lengths",
        nargs="*",
        type=float,
        default=list(_LENGTHS),
        help="other lengths, at one size",
    )
    add("--rounds", type=int, default=3)
    add("--real", action="store_true", help="only the real clips")
    add("--quick", action="store_true", help="720p and 1080p, 1 person, static, 4 s, 1 round")
    add("--deface", metavar="COMMAND", help="deface takes turns with the other ways")
    add("--deface-rounds", type=int, default=1, help="rounds that include deface (1)")
    add("--set", nargs="+", default=[], metavar="NAME=VALUE", help="our settings, as JSON values")
    add("--memory", action="store_true", help="only compare memory of a short and a long clip")
    add("--memory-minutes", type=float, default=10.0)
    add("--keep", action="store_true", help="keep the saved figures of clips that are not measured")
    add("--publish", action="store_true", help="measure nothing; print and plot the saved figures")
    add("--json", type=Path, default=reporting.RESULTS / "pipeline.json")
    add("--readme", type=Path, help="write the table between the marks in a file")
    options = parser.parse_args(arguments)
    if options.quick:
        options.sizes, options.people, options.cameras = ["720p", "1080p"], [1], ["static"]
        options.seconds, options.lengths, options.rounds = 4.0, [], 1
    return options


def _settings(options: argparse.Namespace) -> Result:
    """Settings from the command line, checked, and the encoder's settings."""
    from redact.settings import Settings

    given: Result = {}
    for pair in options.set:
        name, _, value = pair.partition("=")
        try:
            given[name] = json.loads(value)
        except json.JSONDecodeError:
            given[name] = value
    whole = dataclasses.asdict(Settings.from_dict(given))
    return given | {name: whole[name] for name in ("crf", "preset", "threads")}


def _clips(options: argparse.Namespace) -> list[tuple[str, Path, Result]]:
    """(name, path, description) of every clip; without given clips, they are made."""
    if options.clips:
        return [(path.stem, path, {}) for path in options.clips]
    clips: list[tuple[str, Path, Result]] = []
    if not options.quick:
        for name, scene in real_scenes.SCENES.items():
            if real := real_scenes.build(name, options.data, _FOLDER / "clips"):
                clips.append((name, real, {"title": scene.title}))
    if options.real:
        return clips
    for name, street in streets(options).items():
        path = doorbell_clips.build(name, street, options.data, _FOLDER / "clips")
        about = dataclasses.asdict(street) | {"size": list(street.size)}
        about["real_faces"] = doorbell_clips.has_stills(options.data)
        clips.append((name, path, about))
    return clips


def streets(options: argparse.Namespace) -> dict[str, Street]:
    """The clips to make, by name."""
    made: dict[str, Street] = {}

    def add(size: str, people: int, seconds: float, moving: bool) -> None:
        camera = "moving" if moving else "static"
        name = f"{size}_{people}_{camera}_{seconds:g}s"
        made[name] = Street(SIZES[size], people, seconds, moving)

    for size in options.sizes:
        seconds = min(options.seconds, _LONGEST_4K) if size == "4K" else options.seconds
        if "static" in options.cameras:
            for people in options.people:
                add(size, people, seconds, moving=False)
        if "moving" in options.cameras:
            add(size, min(1, max(options.people)), seconds, moving=True)
    size = "720p" if "720p" in options.sizes else options.sizes[0]
    for seconds in options.lengths:
        add(size, min(1, max(options.people)), seconds, moving=False)
    return made


def measure(
    path: Path, settings: Result, rounds: int, deface: str | None = None, *, deface_rounds: int = 1
) -> Result:
    """All figures of one clip.

    deface: its command; it takes turns with the other ways in the first `deface_rounds` rounds.

    Raises:
        ValueError: the output does not match the source, or a way lost frames.

    """
    runs: defaultdict[str, list[Result]] = defaultdict(list)
    plain = [*WAYS, "transcode, ffmpeg"] if shutil.which("ffmpeg") else [*WAYS]
    folder = _FOLDER / "outputs"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{path.stem}.mp4"
    checked: Result = {}
    load = []
    for number in range(rounds):
        ways = [*plain, "deface"] if deface and number < deface_rounds else plain
        for way in ways if number % 2 == 0 else reversed(ways):
            load.append(os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)
            if way == "deface":
                run = run_deface(path, _FOLDER / "deface", str(deface))
            elif way == "transcode, ffmpeg":
                run = run_ffmpeg(path, target, settings)
            else:
                run = run_way(way, path, target, settings)
            runs[way].append(run)
            if way == "ours" and not checked:
                checked = check(path, target) | known_faces_shown(path, target)
    result: Result = {"output": checked, "load": round(statistics.median(load), 1)}
    result["ways"] = {way: medians(values) for way, values in runs.items()}
    frames = {values["frames"] for values in result["ways"].values()}
    if frames != {checked["frames"]}:
        raise ValueError(f"{path.name} has {checked['frames']} frames, the ways processed {frames}")
    result["ratios"] = ratios(result["ways"])
    return result


def medians(runs: Sequence[Result]) -> Result:
    """The median of every number in nested results that all have the same keys."""
    first = runs[0]
    if isinstance(first, dict):
        return {key: medians([run[key] for run in runs if key in run]) for key in first}
    return first if isinstance(first, (str, bool)) else statistics.median(runs)


def ratios(ways: dict[str, Result]) -> dict[str, float]:
    """Our speed divided by that of other ways, in wall time and in CPU time."""
    ours = ways["ours"]
    result = {}
    for other, name in (
        ("transcode, PyAV alone", "of the limit"),
        ("transcode", "of our transcode"),
        ("transcode, ffmpeg", "of ffmpeg"),
        ("deface", "times deface"),
    ):
        if other in ways:
            per_frame = {
                key: (ways[other][key] / ways[other]["frames"]) / (ours[key] / ours["frames"])
                for key in ("seconds", "cpu_seconds")
            }
            result[name] = per_frame["seconds"]
            result[f"{name}, CPU"] = per_frame["cpu_seconds"]
    limit = ways["transcode, PyAV alone"]
    result["of the limit, without start-up"] = steady_rate(ours) / steady_rate(limit)
    return result


def steady_rate(way: Result) -> float:
    """Frames per second from the first frame on, that is, without start-up."""
    marks = way["marks"]
    first = marks.get("first frame", marks.get("first frame, analyze", 0.0))
    return way["frames"] / max(1e-9, way["seconds"] - first)


def _start(settings: Result, rounds: int, *, compile_too: bool) -> Result:
    """Seconds until everything is loaded, and of compiling the kernels for the first time."""
    from benchmarks import kernels

    runs = [run_way("start", None, None, settings)["steps"] for _ in range(max(2, rounds))]
    # The first run is left out: it may read everything from disk, or compile.
    result: Result = {"steps": medians(runs[1:]), "python": platform.python_version()}
    if compile_too:
        result["kernels_first"], result["kernels_later"] = kernels.load_seconds()
    return result
