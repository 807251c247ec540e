"""Many short clips: workers and engines against a plain loop, and against a process for each clip.

The clips are copies of one made scene, or of the clip that is named. The ways take turns for
`--rounds` rounds, in the other order every second one, and figures are medians. All results must be
the same file, byte for byte, before anything is told. A way's wall time is that of the whole run,
with starting its workers. *core-seconds* are those of all its processes; on a machine with other
work they hold better than wall time.

`--paper CLIPS` computes from the figures what so many clips a day take.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import reporting
from redact.batch.records import Outcome, Task

Result = dict[str, Any]
# The way's name: (engine, workers, threads of each).
WAYS: dict[str, tuple[str, int, int]] = {
    "a process for each clip": ("commands", 1, 1),
    "plain loop": ("loop", 1, 1),
    "serial": ("serial", 1, 1),
    "1 worker of 1 thread": ("processes", 1, 1),
    "1 worker of 2 threads": ("processes", 1, 2),
    "2 workers of 1 thread": ("processes", 2, 1),
    "Ray, 2 workers of 1 thread": ("ray", 2, 1),
}
_SINGLE, _ONE, _TWO_THREADS, _TWO = (
    "a process for each clip",
    "1 worker of 1 thread",
    "1 worker of 2 threads",
    "2 workers of 1 thread",
)
# The share of the day that cores are busy.
_BUSY_RATIO = 0.7
_DAY_SECONDS = 86_400


def main(arguments: Sequence[str]) -> None:
    """Measure all ways, print the table, save it as JSON, and write it into a file if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks batch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", nargs="?", type=Path, help="a clip to take instead of the scene")
    parser.add_argument("--clips", type=int, default=16, help="how many in a run")
    parser.add_argument("--seconds", type=int, default=4, help="length of the made scene")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY")
    parser.add_argument("--paper", type=int, default=1_000_000, metavar="CLIPS")
    parser.add_argument("--json", type=Path, default=reporting.RESULTS / "batch.json")
    parser.add_argument("--readme", type=Path, help="file to write the table into")
    options = parser.parse_args(arguments)
    result = measured(options)
    reporting.save_json(options.json, result)
    text = markdown_table(result, options.paper)
    print(text)
    if options.readme:
        reporting.write_between_marks(options.readme, "batch", text)


def measured(options: argparse.Namespace) -> Result:
    """The figures of all ways, with the machine."""
    runs: dict[str, list[Result]] = {way: [] for way in options.ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = _clips(folder / "in", options)
        for number in range(options.rounds):
            order = options.ways if number % 2 == 0 else options.ways[::-1]
            for way in order:
                runs[way].append(_run(way, source, folder / "out"))
                print(f"round {number + 1}, {way}: {runs[way][-1]}", file=sys.stderr)
        hashes = {run.pop("hash") for one in runs.values() for run in one if run["threads"] == 1}
        if len(hashes) != 1:
            raise SystemExit(f"the results of the ways differ: {sorted(hashes)}")
    return {
        "machine": reporting.machine("av", "onnxruntime", "numba"),
        "clips": options.clips,
        "clip": str(options.clip.name) if options.clip else f"scene of {options.seconds} s",
        "hand_out_milliseconds": hand_out_milliseconds(),
        "runs": runs,
    }


def hand_out_milliseconds(count: int = 1000) -> float:
    """What a clip costs besides redacting it: finding, claiming and recording it, in a folder."""
    import redact
    from redact.batch import many

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "in")
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.mp4").touch()
        before, many.REDACT_TASK = many.REDACT_TASK, "benchmarks.batch:do_nothing"
        try:
            report = redact.redact_many([folder], Path(name, "out"), engine="serial")
        finally:
            many.REDACT_TASK = before
    if report.counts != {"done": count}:
        raise SystemExit(str(report.counts))
    return 1000 * report.seconds / count


def do_nothing(task: Task, _tell: object) -> Outcome:
    """Stand in for redacting: write an empty result."""
    Path(task.target).touch()
    return Outcome(state="done")


def _clips(folder: Path, options: argparse.Namespace) -> Path:
    """A folder with copies of the clip."""
    folder.mkdir()
    first = folder / "000.mp4"
    if options.clip:
        shutil.copy(options.clip, first)
    else:
        sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
        import doorbell_scene

        doorbell_scene.SECONDS = options.seconds
        doorbell_scene.write_scene(first)
    for number in range(1, options.clips):
        shutil.copy(first, folder / f"{number:03}.mp4")
    return folder


def _run(way: str, source: Path, target: Path) -> Result:
    """Wall and core-seconds of one run of a way, in a process of its own."""
    shutil.rmtree(target, ignore_errors=True)
    engine, workers, threads = WAYS[way]
    request = [engine, str(workers), str(threads), str(source), str(target)]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.batch", *request],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise SystemExit(f"{way!r} failed: {done.stderr[-2000:]}")
    after = os.times()
    # What Ray starts are no children of ours, so that it isn't known what they took.
    core = sum(after[2:4]) - sum(before[2:4]) if engine != "ray" else 0.0
    told = json.loads(done.stdout.splitlines()[-1])
    wall = time.perf_counter() - started
    return {"seconds": wall, "core_seconds": core, "threads": threads, **told}


def _work(engine: str, workers: int, threads: int, source: Path, target: Path) -> Result:
    """Redact all clips, and tell the hash of the results, seconds a clip, and the peak memory."""
    import redact
    from redact.batch.sources import find_jobs

    settings = redact.Settings(threads=threads)
    target.mkdir()
    seconds: list[float] = []
    peak = 0
    if engine in ("loop", "commands"):
        for job in find_jobs([source]).jobs:
            started = time.perf_counter()
            place = target / job.result
            if engine == "loop":
                redact.redact_clip(job.source, place, settings)
            else:
                command = [sys.executable, "-m", "redact", job.source, "-o", str(place), "-q"]
                subprocess.run([*command, "--threads", str(threads)], check=True)
            seconds.append(time.perf_counter() - started)
    else:
        report = redact.redact_many(
            [source], target, settings=settings, workers=workers, engine=engine
        )
        if not report.is_complete:
            raise SystemExit(str([record.reason for record in report.records]))
        seconds = [record.outcome.seconds for record in report.records]
        peak = report.peak_bytes
    from redact.video import file_sha256

    (one,) = {file_sha256(path) for path in target.glob("*.mp4")}
    # The first clip of each worker warms it up.
    return {"hash": one, "clip_seconds": statistics.median(seconds[workers:]), "peak_bytes": peak}


def markdown_table(result: Result, clips_a_day: int) -> str:
    """The table with a row for each way, and what it means in words."""
    runs, clips = result["runs"], result["clips"]
    rows = [
        "| way | clips a minute | core-seconds a clip | seconds a clip | MB a worker |",
        "|---|---:|---:|---:|---:|",
    ]
    for way, one in runs.items():
        peak, core = _median(one, "peak_bytes") / 1e6, _median(one, "core_seconds")
        rows.append(
            f"| {way} | {60 * clips / _median(one, 'seconds'):.1f} "
            f"| {f'{core / clips:.2f}' if core else '-'} | {_median(one, 'clip_seconds'):.2f} "
            f"| {f'{peak:.0f}' if peak else '-'} |"
        )
    rounds = max(map(len, runs.values()))
    machine = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    about = (
        f"{clips} clips, each {result['clip']}, in a run; medians of up to {rounds} rounds. "
        f"On {machine}."
    )
    return "\n\n".join(["\n".join(rows), about, *_findings(result), _paper(result, clips_a_day)])


def _findings(result: Result) -> list[str]:
    """Ratios of the ways in words; those that were not run are left out."""
    runs = result["runs"]
    found = []
    if {_ONE, _TWO} <= set(runs):
        found.append(
            f"Two workers of one thread do {_ratio(runs, _ONE, _TWO):.2f} times as much as one, "
            "starting them included"
        )
    if {_TWO, _TWO_THREADS} <= set(runs):
        found.append(f"{_ratio(runs, _TWO_THREADS, _TWO):.2f} times as much as one of two threads")
    if {_ONE, _SINGLE} <= set(runs):
        share = _median(runs[_ONE], "clip_seconds") / _median(runs[_SINGLE], "clip_seconds")
        found.append(f"a clip in a running worker takes {share:.2f} of a process of its own")
    if {"plain loop", _ONE} <= set(runs):
        share = _median(runs[_ONE], "core_seconds") / _median(runs["plain loop"], "core_seconds")
        found.append(f"one worker takes {share:.2f} of the core-seconds of a plain loop")
    return ["; ".join(found) + "."] if found else []


def _paper(result: Result, clips_a_day: int) -> str:
    """What so many clips a day take, computed from the figures of a worker of one thread."""
    runs = result["runs"]
    way = next((w for w in (_TWO, _ONE) if w in runs), None)
    if way is None:
        return ""
    core = _median(runs[way], "core_seconds") / result["clips"]
    memory = _median(runs[way], "peak_bytes") / 1e9
    cores = math.ceil(clips_a_day * core / _DAY_SECONDS / _BUSY_RATIO)
    machines = math.ceil(cores / 32)
    rate = clips_a_day / _DAY_SECONDS
    spare = 1 / _BUSY_RATIO
    backlog = rate * 3600 * (4 - spare)
    hours = (4 - spare) / (spare - 1)
    per_hour = 3_600_000 / result["hand_out_milliseconds"]
    return (
        f"On paper, {clips_a_day:,} such clips a day are {clips_a_day * core / 3600:,.0f} "
        f"core-hours: {cores} cores that are busy {_BUSY_RATIO:.0%} of the day, in {machines} "
        f"machines of 32 cores with {memory:.1f} GB for each core's worker, {32 * memory:.0f} GB a "
        f"machine. {rate:.1f} clips come in a second; an hour of four times as many leaves "
        f"{backlog:,.0f} in the queue, which the spare cores work off in {hours:.0f} hours. A "
        "machine that dies costs what its workers were at, half a clip each on average, "
        f"{16 * core / 60:.1f} core-minutes. A clip that kills its worker costs two tries and two "
        "starts of a worker. The process that gives out clips takes "
        f"{result['hand_out_milliseconds']:.1f} ms for each, manifest included, so one is enough "
        f"for {per_hour:,.0f} an hour."
    )


def _ratio(runs: dict[str, list[Result]], one: str, other: str) -> float:
    """How many times faster the other way is."""
    return _median(runs[one], "seconds") / _median(runs[other], "seconds")


def _median(runs: list[Result], name: str) -> float:
    return statistics.median(run[name] for run in runs)


if __name__ == "__main__":
    engine_name, worker_count, thread_count, *places = sys.argv[1:]
    source_place, target_place = map(Path, places)
    told = _work(engine_name, int(worker_count), int(thread_count), source_place, target_place)
    print(json.dumps(told))
