"""Share of the frames in which a face or plate still shows after covering, and over-covered area.

The output of any tool is compared with its source, in which every box of every frame is known
(`benchmarks.ground_truth`). Inside each box, source and output are band-passed. It is a leak if
they correlate above 0.5 and at least half of the detail's strength is left, or if they correlate
above 0.9. Boxes without detail in the source do not count. Frames are matched by time and
similarity, so it does not matter if a tool drops or repeats frames.

Over-covered is the share of pixels that differ by more than encoding explains, outside all known
boxes grown by half their size to each side.

Clips are scenes made of labelled stills (`benchmarks.moving_scenes`), or with `--real` the clips in
REDACT_DATA whose known boxes are in `benchmarks/clip_boxes`. Tools are ours; deface with its
defaults, if its command is given; and with `--score NAME=FOLDER` any other, whose outputs in that
folder have the names of the sources.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import moving_scenes, reporting, ways
from benchmarks.frame_comparison import AlignmentError
from benchmarks.ground_truth import Truth
from benchmarks.leak_scoring import Score, score
from benchmarks.real_data import data_folder
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
    has_kept: set[str] = set()
    for name, tool in tools(options).items():
        scores[name] = {}
        for source, truth in clips:
            if tool.is_kept(source):
                has_kept.add(name)
            started = time.perf_counter()
            output = tool(source)
            seconds[name] += time.perf_counter() - started
            if output is None:
                refused[name].append(source.name)
                continue
            try:
                scores[name][source.stem] = one = score(source, output, truth)
            except AlignmentError as err:
                print(f"{name:>10} {source.stem:32} can't be scored: {err}")
                refused[name].append(source.name)
                continue
            print(f"{name:>10} {source.stem:32} {line(one)}", flush=True)
    table = {name: summary(list(by.values())) for name, by in scores.items()}
    for name, values in table.items():
        # Outputs of an earlier run say nothing about the time it took to make them.
        values["seconds"] = None if name in has_kept else round(seconds[name], 1)
        values["refused"] = refused[name]
        values["clips"] = {clip: summary([one]) for clip, one in scores[name].items()}
    print_table(table)
    reporting.save_json(
        options.json, {"machine": reporting.machine("opencv-python"), "tools": table}
    )
    if options.readme:
        reporting.write_between_marks(options.readme, "leaks", markdown_table(table))


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The command line options that choose clips and tools, for this benchmark and for `fit`."""
    data = data_folder()
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=data, help=f"labelled stills, clips ({data})")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these scenes or clips")
    parser.add_argument("--real", action="store_true", help="real clips with known boxes instead")
    parser.add_argument("--way", choices=ways.WAYS, help="the clips as people have them")
    parser.add_argument("--deface", metavar="COMMAND", help="run deface, too; its outputs are kept")
    parser.add_argument("--detector", default="balanced", help="our detector preset")
    parser.add_argument("--no-ours", action="store_true", help="do not run ours")
    parser.add_argument(
        "--score", nargs="+", default=[], metavar="NAME=FOLDER", help="score these outputs, too"
    )
    parser.add_argument("--build", action="store_true", help="make the scenes and stop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=RESULTS / "leaks.json")
    parser.add_argument("--readme", type=Path, help="write the table between the marks in a file")
    return parser


def sources(options: argparse.Namespace) -> list[tuple[Path, Truth]]:
    """The chosen clips and their known boxes; scenes are made unless they exist.

    Raises:
        SystemExit: there is no scene of that name.

    """
    if options.real:
        truths = [Truth.load(path) for path in sorted(BOXES.glob("*.json"))]
        truths = [t for t in truths if not options.only or Path(t.clip).stem in options.only]
        clips = [(options.data / "clips" / truth.clip, truth) for truth in truths]
        return _in_way(clips, options.way, RESULTS / "ways")
    names = options.only or (QUICK if options.quick else SCENES)
    if unknown := set(names) - set(SCENES):
        raise SystemExit(f"no scene {sorted(unknown)}; the scenes are {', '.join(SCENES)}")
    folder = RESULTS / "scenes"
    paths = [
        moving_scenes.build(name, SCENES[name], options.data, folder, seed=options.seed)
        for name in names
    ]
    scenes = [(path, Truth.load(path.with_suffix(".json"))) for path in paths]
    return _in_way(scenes, options.way, RESULTS / "ways" / f"seed{options.seed}")


def _in_way(
    clips: list[tuple[Path, Truth]], way: str | None, folder: Path
) -> list[tuple[Path, Truth]]:
    return [ways.build(*clip, way, folder) for clip in clips] if way else clips


@dataclasses.dataclass(frozen=True)
class Tool:
    """Call it with a source to get the path of the output, or None if the tool refuses the clip.

    is_kept: whether the output of a source exists already, so that the call only returns its path.
    """

    run: Callable[[Path], Path | None]
    is_kept: Callable[[Path], bool] = lambda _source: False

    def __call__(self, source: Path) -> Path | None:
        """The output's path."""
        return self.run(source)


def tools(options: argparse.Namespace) -> dict[str, Tool]:
    """The chosen tools by name."""
    chosen: dict[str, Tool] = {}
    if not options.no_ours:
        chosen["ours"] = Tool(lambda source: _run_ours(source, options.detector))
    if options.deface:
        chosen["deface"] = Tool(lambda source: _run_deface(source, options.deface), _is_deface_kept)
    for pair in options.score:
        name, _, folder = pair.partition("=")
        run = functools.partial(_existing, folder=Path(folder))
        chosen[name] = Tool(run, is_kept=lambda _source: True)
    return chosen


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
    """The output of deface with its defaults, made once for each source.

    Raises:
        SystemExit: deface failed.

    """
    target = _target("deface", source)
    if not _is_deface_kept(source):
        done = subprocess.run(
            [command, str(source), "-o", str(target)], capture_output=True, text=True, check=False
        )
        if done.returncode or not target.is_file():
            raise SystemExit(f"{command} failed on {source.name}: {done.stderr[-500:]}")
    return target


def _is_deface_kept(source: Path) -> bool:
    target = _target("deface", source)
    return target.is_file() and target.stat().st_mtime >= source.stat().st_mtime


def _target(tool: str, source: Path) -> Path:
    folder = RESULTS / tool
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{source.stem}.mp4"


def _existing(source: Path, folder: Path) -> Path:
    paths = [path for path in sorted(folder.glob(f"{source.stem}.*")) if path.suffix != ".json"]
    if not paths:
        raise SystemExit(f"no {source.stem}.* in {str(folder)!r}")
    return paths[0]
