"""Compare a clip's peak memory with that of the same clip repeated for minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.pipeline_runner import run_way, times

Result = dict[str, Any]
_MB = 1e6


def compare(clip: Path, folder: Path, settings: Result, seconds: float) -> list[Result]:
    """Frames, seconds and peak bytes of the whole job, for the clip and for its long version.

    seconds: length of the long version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    long = loop(clip, folder / f"{clip.stem}_{seconds:g}s_looped.mp4", seconds)
    rows = []
    for path in (clip, long):
        run = run_way("ours", path, folder / f"memory_{path.name}", settings)
        keys = ("frames", "seconds", "cpu_seconds", "peak_bytes", "stage_seconds")
        rows.append({"clip": path.name} | {key: run[key] for key in keys})
    return rows


def text(rows: list[Result]) -> str:
    """The rows as a table of text."""
    lines = [f"{'peak memory':44}{'frames':>8}{'seconds':>9}{'MB':>8}"]
    lines += [
        f"{row['clip']:44}{row['frames']:8.0f}{row['seconds']:9.1f}{row['peak_bytes'] / _MB:8.0f}"
        for row in rows
    ]
    return "\n".join(lines)


def loop(clip: Path, target: Path, seconds: float) -> Path:
    """Repeat the clip's packets, without encoding, for about that many seconds; made once."""
    import av

    if target.is_file() and target.stat().st_mtime >= clip.stat().st_mtime:
        return target
    at = times(clip)
    step = (at[-1] - at[0]) / max(1, len(at) - 1) if len(at) > 1 else 1 / 30
    lasts = at[-1] - at[0] + step
    part = target.with_suffix(".part.mp4")
    with av.open(str(part), "w") as out:
        written = None
        for turn in range(max(1, round(seconds / lasts))):
            with av.open(str(clip)) as source:
                stream = source.streams.video[0]
                written = written or out.add_stream_from_template(stream)
                shift = round(turn * lasts / stream.time_base)
                for packet in source.demux(stream):
                    if packet.dts is None:  # the empty packet that ends the stream
                        continue
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = written
                    out.mux(packet)
    part.replace(target)
    return target
