"""How well covers fit: their size beside the face, covers where nobody is, breathing, tone jumps.

The outputs of any tool are held against their sources, in which every box of every frame is known,
and measured by the pixels that differ (`benchmarks.fit_scoring`). Clips and tools are those of
`benchmarks leaks`, whose recall is the counterpart of these figures; outputs that lie in
`benchmarks/results` are not made again with `--kept`. `--perfect` adds covers of constant
proportion that lie on the known boxes, to show how low the figures can be.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import redact
from benchmarks import leaks, reporting
from benchmarks.fit_scoring import Fit, measure, summary
from benchmarks.frame_comparison import AlignmentError
from benchmarks.ground_truth import Truth
from redact import video
from redact.types import Detection, Track

# How far a perfect cover reaches beyond the known box, in shares of its sides. An ellipse holds the
# corners of the box from 0.21 on.
_PERFECT_MARGINS = {"face": 0.21, "head": 0.21, "plate": 0.12}


def main(arguments: Sequence[str]) -> None:
    """Run the tools, print a line a clip and a table of all, and save them."""
    parser = leaks.parser("fit", __doc__)
    parser.add_argument("--kept", action="store_true", help="measure outputs of earlier runs")
    parser.add_argument("--perfect", action="store_true", help="measure perfect covers, too")
    options = parser.parse_args(arguments)
    sources = leaks.sources(options)
    table = {}
    for tool, run in _tools(options, dict(sources)).items():
        fits: list[Fit] = []
        for source, truth in sources:
            output = run(source)
            if output is None:
                continue
            try:
                fits.append(measure(source, output, truth, float(video.probe(source).frame_rate)))
            except AlignmentError as err:
                print(f"{tool:>10} {source.stem:32} can't be measured: {err}")
                continue
            print(f"{tool:>10} {source.stem:32} {_line(summary(fits[-1:]))}", flush=True)
        table[tool] = summary(fits) | {"clips": {f.clip: summary([f]) for f in fits}}
    _print(table)
    reporting.save_json(
        options.json.with_name("fit.json"), {"machine": reporting.machine(), "tools": table}
    )
    if options.readme:
        reporting.write_between_marks(options.readme, "fit", _markdown(table))


def _tools(
    options: argparse.Namespace, truths: Mapping[Path, Truth]
) -> dict[str, Callable[[Path], Path | None]]:
    tools: dict[str, Callable[[Path], Path | None]] = dict(leaks.tools(options))
    if options.kept:
        tools = {name: functools.partial(_kept, name) for name in tools}
    if options.perfect:
        tools["perfect"] = lambda source: _run_perfect(source, truths[source])
    return tools


def _run_perfect(source: Path, truth: Truth) -> Path:
    """The clip with a cover of constant proportion on each known box."""
    settings = redact.Settings(audit=False)
    plan = redact.analyze(source, settings, detectors=[_Nothing()])
    target = reporting.RESULTS / "perfect" / f"{source.stem}.mp4"
    target.parent.mkdir(parents=True, exist_ok=True)
    redact.render(dataclasses.replace(plan, tracks=known_tracks(truth)), target)
    return target


class _Nothing:
    """A detector that detects nothing: the known boxes are all that is covered."""

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        return []


def known_tracks(truth: Truth) -> tuple[Track, ...]:
    """A track for each known object, with the margins of a perfect cover."""
    tracks = []
    for number, item in enumerate(truth.objects, 1):
        keys = np.asarray(item["keys"], dtype=np.float64)
        frames = np.arange(np.ceil(keys[0, 0]), np.floor(keys[-1, 0]) + 1)
        edges = [np.interp(frames, keys[:, 0], keys[:, 1 + edge]) for edge in range(4)]
        boxes = np.stack(edges, axis=1).astype(np.float32)
        tracks.append(
            Track(
                id=number,
                kind="plate" if item["kind"] == "plate" else "face",
                start_index=int(np.ceil(keys[0, 0])),
                boxes=boxes,
                scores=np.ones(len(boxes), dtype=np.float32),
                margins=(boxes[:, 2:] - boxes[:, :2]) * np.float32(_PERFECT_MARGINS[item["kind"]]),
            )
        )
    return tuple(track for track in tracks if len(track.boxes))


def _kept(tool: str, source: Path) -> Path | None:
    path = reporting.RESULTS / tool / f"{source.stem}.mp4"
    return path if path.is_file() else None


def _line(values: dict) -> str:
    return "  ".join(f"{name}: {_cell(value)}" for name, value in values.items())


def _print(table: dict[str, dict]) -> None:
    print(f"\n{'':34}" + "".join(f"{tool:>14}" for tool in table))
    for name in next(iter(table.values())):
        if name != "clips":
            cells = "".join(f"{_cell(values[name]):>14}" for values in table.values())
            print(f"{name:34}{cells}")


def _markdown(table: dict[str, dict]) -> str:
    """The table for the README of the benchmarks."""
    names = [name for name in next(iter(table.values())) if name != "clips"]
    rows = [["", *table], ["---"] * (len(table) + 1)]
    rows += [[name, *(_cell(values[name]) for values in table.values())] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
