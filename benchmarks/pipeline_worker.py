"""One run of one way to process a clip, in its own process, for the pipeline benchmark.

`python -m benchmarks.pipeline_worker REQUEST` takes a JSON object {"way", "source", "target",
"settings", "began"} (`began` is `time.time()` before this process was started) and prints another
as its last line. All seconds count from `began`. CPU seconds are those of all threads of this
process.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class Clock:
    """Wall and CPU seconds at named marks, counted from when the process was requested."""

    def __init__(self, began: float) -> None:
        self._began = began
        self.marks: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """Record the time under this name, unless the name has one already."""
        if name not in self.marks:
            self.marks[name] = self.seconds()
            self.marks[f"{name}, cpu"] = time.process_time()

    def seconds(self) -> float:
        """Seconds since the process was requested."""
        return time.time() - self._began


def main() -> None:
    """Run the request given as the first command line argument."""
    request = json.loads(sys.argv[1])
    clock = Clock(request["began"])
    result = WAYS[request["way"]](request, clock)
    result |= {"seconds": clock.seconds(), "cpu_seconds": time.process_time()}
    result |= {"marks": clock.marks, "peak_bytes": peak_bytes()}
    print(json.dumps(result))


def peak_bytes() -> int:
    """The peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.is_file():
        # ru_maxrss would also count the parent's memory when it started this process.
        lines = status.read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def decode(request: Result, clock: Clock) -> Result:
    """Decode every frame with PyAV alone."""
    import av

    count = 0
    with av.open(request["source"]) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = request["settings"].get("threads", 0)
        for _ in container.decode(stream):
            clock.mark("first frame")
            count += 1
    return {"frames": count}


def transcode_alone(request: Result, clock: Clock) -> Result:
    """Decode and encode with PyAV alone and our settings: the limit for any tool that does both."""
    import av

    from redact.settings import Settings

    settings = Settings(**request["settings"])
    count = 0
    with av.open(request["source"]) as source, av.open(request["target"], "w") as out:
        stream = source.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = settings.threads
        quality = {"crf": str(settings.crf), "preset": settings.preset, "b-pyramid": "none"}
        written = out.add_stream("libx264", rate=stream.average_rate, options=quality)
        written.width, written.height = stream.codec_context.width, stream.codec_context.height
        written.pix_fmt = "yuv420p"
        written.codec_context.thread_count = settings.threads
        written.codec_context.time_base = stream.time_base
        for frame in source.decode(stream):
            frame.pict_type = 0
            out.mux(written.encode(frame))
            clock.mark("first frame")
            count += 1
        out.mux(written.encode())
    return {"frames": count}


def transcode(request: Result, clock: Clock) -> Result:
    """Decode and encode with `redact.video`, without covering anything."""
    from redact import video
    from redact.settings import Settings

    settings = Settings(**request["settings"])
    clip = video.probe(request["source"])
    pts: list[int] = []
    frames = video.read_frames(clip, threads=settings.threads)
    target = Path(request["target"])
    with contextlib.closing(frames), video.EncodedClip(clip, settings, target) as encoded:
        for frame in frames:
            pts.append(frame.pts)
            encoded.add(frame)
            clock.mark("first frame")
        encoded.finish()
        video.write_clip(target, encoded, video.with_pts(clip, pts, frames.findings), settings)
    return {"frames": len(pts)}


def ours(request: Result, clock: Clock) -> Result:
    """The whole job, `redact.redact_clip`."""
    from redact import Settings, redact_clip, video

    clock.mark("imported")
    encode = video.EncodedClip.add

    def marked(*arguments: Any) -> None:
        encode(*arguments)
        clock.mark("first frame, render")

    video.EncodedClip.add = marked  # type: ignore[method-assign]
    stages = _StageClock()
    networks = _NetworkClock(stages)
    renders = 0

    def progress(stage: str, done: int, _total: int | None) -> None:
        nonlocal renders
        if stage != "render":
            clock.mark(f"first frame, {stage}")
        stages.enter(stage)
        renders += stage == "audit" and done == 1

    report = redact_clip(
        request["source"], request["target"], Settings(**request["settings"]), progress=progress
    )
    stages.enter("")
    return {
        "frames": report.frame_count,
        "stage_seconds": dict(report.stage_seconds),
        "stage_cpu_seconds": {name: stages.cpu.get(name, 0.0) for name in report.stage_seconds},
        "network_cpu_seconds": networks.cpu,
        "renders": renders,
        "tracks": len(report.plan.tracks),
        "doubtful_detections": len(report.leaks),
        "covered_ratio": report.covered_ratio,
    }


class _StageClock:
    """CPU seconds by stage, each from its first progress call to that of the next stage."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.stage, self._since = "analyze", 0.0

    def enter(self, stage: str) -> None:
        """Note a progress call of this stage."""
        if stage != self.stage:
            now = time.process_time()
            self.cpu[self.stage] = self.cpu.get(self.stage, 0.0) + now - self._since
            self.stage, self._since = stage, now


class _NetworkClock:
    """CPU seconds by network and stage, of calls that each run in one thread."""

    def __init__(self, stages: _StageClock) -> None:
        from redact.detectors import onnx

        self.cpu: dict[str, float] = {}
        self._stages, self._lock = stages, threading.Lock()
        init, call = onnx.Network.__init__, onnx.Network.__call__
        names: dict[int, str] = {}

        def named(network: Any, name: str, **options: Any) -> None:
            names[id(network)] = name.partition(".")[0].partition("_")[0]
            init(network, name, **options)

        def timed(network: Any, values: Any) -> Any:
            since = time.thread_time()
            try:
                return call(network, values)
            finally:
                self._add(names[id(network)], time.thread_time() - since)

        onnx.Network.__init__ = named  # type: ignore[method-assign]
        onnx.Network.__call__ = timed  # type: ignore[method-assign]

    def _add(self, name: str, seconds: float) -> None:
        key = f"{self._stages.stage}, {name}"
        with self._lock:
            self.cpu[key] = self.cpu.get(key, 0.0) + seconds


def start(request: Result, clock: Clock) -> Result:
    """Seconds of each step of loading before the first frame."""
    steps: dict[str, float] = {}
    last = clock.seconds()
    steps["Python"] = last

    def step(name: str) -> None:
        nonlocal last
        now = clock.seconds()
        steps[name], last = now - last, now

    import redact

    step("import redact")
    from redact.cover import kernels

    kernels.warm_up()
    step("numpy and kernels")
    import redact.pipeline

    step("import the rest")
    from redact.analysis.scan_presets import build_scans
    from redact.analysis.scans import close_scans

    scans = build_scans(redact.Settings(**request["settings"]), threads=1)
    step("models")
    close_scans(scans)
    return {"steps": steps, "frames": 0}


WAYS: dict[str, Callable[[Result, Clock], Result]] = {
    "decode": decode,
    "transcode, PyAV alone": transcode_alone,
    "transcode": transcode,
    "ours": ours,
    "start": start,
}

if __name__ == "__main__":
    main()
