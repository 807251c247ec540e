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
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import moving_scenes, reporting
from benchmarks.frame_comparison import AlignmentError
from benchmarks.ground_truth import Truth
from benchmarks.leak_scoring import Score, score
from benchmarks.reporting import RESULTS
from benchmarks.scene_table import QUICK, SCENES
from benchmarks.score_tables import line, markdown_table, print_table, summary

BOXES = Path(__file__).with_name("clip_boxes")


def main(arguments: Sequence[str]) -> None:
    """Build the scenes, run the tools, print one table and save it."""
    options = parser("leaks", __doc__).parse_args(arguments)
    clips = sources(options)
    if options.build:
        return
    scores: dict[str, dict[str, Score]] = {}
    seconds: dict[str, float] = defaultdict(float)
    refused: dict[str, list[str]] = defaultdict(list)
    for tool, run in tools(options).items():
        scores[tool] = {}
        for source, truth in clips:
            started = time.perf_counter()
            output = run(source)
            seconds[tool] += time.perf_counter() - started
            if output is None:
                refused[tool].append(source.name)
                continue
            try:
                scores[tool][source.stem] = one = score(source, output, truth)
            except AlignmentError as err:
                print(f"{tool:>10} {source.stem:32} can't be scored: {err}")
                refused[tool].append(source.name)
                continue
            print(f"{tool:>10} {source.stem:32} {line(one)}", flush=True)
    table = {tool: summary(list(by.values())) for tool, by in scores.items()}
    for tool, values in table.items():
        values |= {"seconds": round(seconds[tool], 1), "refused": refused[tool]}
        values["clips"] = {clip: summary([one]) for clip, one in scores[tool].items()}
    print_table(table)
    reporting.save_json(
        options.json, {"machine": reporting.machine("opencv-python"), "tools": table}
    )
    if options.readme:
        reporting.write_between_marks(options.readme, "leaks", markdown_table(table))


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Options that choose clips and tools, for this benchmark and for `fit`."""
    data = Path(os.environ.get("REDACT_DATA", "../shared/data"))
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=description,
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
    parser.add_argument("--readme", type=Path, help="write the table between the marks in a file")
    return parser


def sources(options: argparse.Namespace) -> list[tuple[Path, Truth]]:
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


def tools(options: argparse.Namespace) -> dict[str, Tool]:
    """How each tool makes its output of a source."""
    made: dict[str, Tool] = {}
    if not options.no_ours:
        made["ours"] = lambda source: _run_ours(source, options.detector)
    if options.deface:
        made["deface"] = lambda source: _run_deface(source, options.deface)
    for pair in options.score:
        name, _, folder = pair.partition("=")
        made[name] = lambda source, folder=folder: _existing(source, Path(folder))
    return made


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
