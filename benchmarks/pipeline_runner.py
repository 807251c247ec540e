"""Run each way to process a clip in its own process, and check the outputs."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import frame_comparison
from benchmarks.ground_truth import Truth

Result = dict[str, Any]
_EVERY_NTH_FRAME = 5


def run_way(way: str, source: Path | None, target: Path | None, settings: Result) -> Result:
    """The figures of one way, from `benchmarks.pipeline_worker`.

    Raises:
        SystemExit: the process failed.

    """
    request = {
        "way": way,
        "source": str(source and source.absolute()),
        "target": str(target and target.absolute()),
        "settings": settings,
        "began": time.time(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pipeline_worker", json.dumps(request)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise SystemExit(f"{way!r} failed on {source}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_deface(source: Path, folder: Path, command: str) -> Result:
    """Frames, wall seconds and CPU seconds of deface with its default settings.

    Raises:
        SystemExit: deface failed.

    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{source.stem}.mp4"
    return _run_command([command, str(source), "-o", str(target)], source, target)


def run_ffmpeg(source: Path, target: Path, settings: Result) -> Result:
    """The same for the command ffmpeg, which decodes and encodes with our encoder settings.

    It shares the work among threads in its own way, which PyAV does not.

    Raises:
        SystemExit: it failed.

    """
    from redact.settings import Settings

    ours = Settings(**settings)
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), "-an", "-c:v", "libx264"]
    command += ["-preset", ours.preset, "-crf", str(ours.crf)]
    command += ["-threads", str(ours.threads), str(target)]
    return _run_command(command, source, target)


def _run_command(command: list[str], source: Path, target: Path) -> Result:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or not target.is_file():
        raise SystemExit(f"{command[0]} failed on {source.name}: {done.stderr[-500:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Deface may drop or repeat frames, so the source's frames count.
    return {"frames": len(times(source)), "seconds": seconds, "cpu_seconds": cpu}


def times(path: Path) -> list[float]:
    """Times of all frames in seconds, in presentation order."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        return sorted(float(packet.pts * packet.time_base) for packet in packets)


def check(source: Path, output: Path) -> Result:
    """Compare the number of frames and their times with the source's.

    Raises:
        ValueError: they differ.

    """
    before, after = times(source), times(output)
    if len(before) != len(after):
        raise ValueError(f"{output.name} has {len(after)} frames, its source has {len(before)}")
    off = max(abs((b - before[0]) - (a - after[0])) for b, a in zip(before, after, strict=True))
    if off > 1e-3:
        raise ValueError(f"a frame of {output.name} is {off:.4f} s away from its source's time")
    sizes = output.stat().st_size / source.stat().st_size
    return {"frames": len(before), "clip_seconds": before[-1] - before[0], "size_ratio": sizes}


def known_faces_shown(source: Path, output: Path) -> Result:
    """How many known faces still show, in every fifth frame; empty without a `Truth`."""
    truth_path = source.with_suffix(".json")
    if not truth_path.is_file():
        return {}
    truth = Truth.load(truth_path)
    shown = known = 0
    with contextlib.closing(_gray(source)) as befores, contextlib.closing(_gray(output)) as afters:
        for index, (before, after) in enumerate(zip(befores, afters, strict=True)):
            for one in truth.at(index) if index % _EVERY_NTH_FRAME == 0 else ():
                if one.counts:
                    leaked = frame_comparison.leaks(before, after, one.box, one.kind)
                    known += leaked is not None
                    shown += bool(leaked)
    return {"known_faces": known, "known_faces_shown": shown}


def _gray(path: Path):
    """Every frame's luma plane."""
    from redact import video

    clip = video.probe(path)
    with contextlib.closing(video.read_frames(clip)) as frames:
        for frame in frames:
            yield frame.y
