"""How well covers fit: their size beside the face, covers where nobody is, breathing, tone jumps.

The outputs of any tool are held against their sources, in which every box of every frame is known,
and measured by the pixels that differ (`benchmarks.fit_scoring`). Clips and tools are those of
`benchmarks leaks`, whose recall is the counterpart of these figures; outputs that lie in
`benchmarks/results` are not made again with `--kept`.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

from benchmarks import leaks, reporting
from benchmarks.fit_scoring import Fit, measure, summary
from benchmarks.frame_comparison import AlignmentError
from redact import video


def main(arguments: Sequence[str]) -> None:
    """Run the tools, print a line a clip and a table of all, and save them."""
    parser = leaks.parser("fit", __doc__)
    parser.add_argument("--kept", action="store_true", help="measure outputs of earlier runs")
    options = parser.parse_args(arguments)
    sources = leaks.sources(options)
    table = {}
    for tool, run in _tools(options).items():
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


def _tools(options: argparse.Namespace) -> dict[str, leaks.Tool]:
    tools = leaks.tools(options)
    if not options.kept:
        return tools
    return {name: leaks.Tool(functools.partial(_kept, name)) for name in tools}


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
