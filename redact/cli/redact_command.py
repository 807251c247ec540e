"""`redact CLIP`: cover every face and plate of a clip, and write the result and its reports."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact import __version__
from redact.cli.common import Parser, settings_from
from redact.cli.terminal import ProgressBar, handling_signals, quiet_libraries, say, show
from redact.settings import Settings, choices, renamed_heads
from redact.source_files import printable

if TYPE_CHECKING:
    from redact.report import Report

# Shares of the time of a job, measured on clips of 30 s at 1080p with a few people. The progress
# bar is only as even as they are right.
_STAGE_WEIGHTS = {"analyze": 0.5, "render": 0.37, "audit": 0.13}

_DESCRIPTION = """\
Cover every face and licence plate in the video file CLIP, and drop its sound
and metadata. CLIP itself is never changed. Defaults are in brackets."""

_EPILOG = """\
other commands (write ./inspect for a clip that has such a name):
  redact inspect CLIP   show what a clip contains besides its pictures
  redact verify CLIP    search any clip for faces and plates that still show

exit codes: 0 the result is there; 1 a face or plate would still show, nothing
was written; 2 the clip, the target or a setting can't be used; 130, 143 stopped
by SIGINT, SIGTERM"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    arguments = _parser().parse_args(argv)
    settings = settings_from(arguments)
    source = Path(arguments.clip)
    weights = {k: v for k, v in _STAGE_WEIGHTS.items() if settings.audit or k != "audit"}
    with (
        handling_signals() as stop,
        quiet_libraries(),
        ProgressBar(weights, stop, is_shown=not arguments.quiet) as bar,
    ):
        from redact.output import check_apart, check_place, check_target, default_target

        target = default_target(source) if arguments.output is None else Path(arguments.output)
        check_target(source, target)
        pages = {n: Path(getattr(arguments, n)) for n in ("report", "json") if vars(arguments)[n]}
        for page in pages.values():
            check_place(source, page)
        check_apart([target, *pages.values()])
        report = _redact(source, target, pages, settings, bar)
        bar.finish()
    for line in _warnings(report):
        say(f"warning: {line}")
    if not arguments.quiet:
        # The result is there, whether or not this line can be printed.
        show(_summary(report))
    return 0


def _redact(
    source: Path, target: Path, pages: Mapping[str, Path], settings: Settings, bar: ProgressBar
) -> Report:
    """Write the result and its pages; either all of them appear or none."""
    from redact.output import staged
    from redact.pipeline import redact_clip

    with contextlib.ExitStack() as stack:
        # The result is entered last, so it is the first to get its name.
        unfinished = {n: stack.enter_context(staged(page)) for n, page in pages.items()}
        result = stack.enter_context(staged(target))
        report = redact_clip(source, result, settings, progress=bar)
        report = dataclasses.replace(report, output=target)
        if "report" in unfinished:
            report.save_html(unfinished["report"], result=result)
        if "json" in unfinished:
            report.save_json(unfinished["json"])
    return report


def _warnings(report: Report) -> list[str]:
    """Lines about damage in the source, and about what may still show in the result."""
    source, result = str(report.plan.clip.path), str(report.output)
    damage = [f"{source!r}: {warning}" for warning in report.plan.clip.warnings]
    leaks = [f"{result!r} may still show a {line}" for line in report.leak_descriptions]
    return damage + leaks


def _summary(report: Report) -> str:
    kinds = [track.kind for track in report.plan.covered_tracks]
    faces, plates = (_counted(kinds.count(kind), kind) for kind in ("face", "plate"))
    name = printable(str(report.output))
    return (
        f"{name}: {report.frame_count} frames, {faces} and {plates} covered "
        f"({report.covered_ratio:.1%} of the picture)"
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="redact",
        usage="redact [options] CLIP",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    defaults = Settings()
    add = parser.add_argument

    def add_choice(name: str, metavar: str, help_start: str, values: str = "") -> None:
        values = values or ", ".join(choices(name))
        add(
            f"--{name}",
            metavar=metavar,
            choices=choices(name),
            type=renamed_heads if name == "heads" else str,
            help=f"{help_start} {values} ({getattr(defaults, name)})",
        )

    add("clip", metavar="CLIP", help=argparse.SUPPRESS)
    add("-o", "--output", metavar="FILE", help="the result (CLIP.redacted.mp4 beside the clip)")
    add("--report", metavar="HTML", help="also write a page about what was covered")
    add("--json", metavar="FILE", help="also write the same as JSON")
    add("--settings", metavar="TOML", help="read settings from a file; options override it")
    add("--no-faces", dest="faces", action="store_false", default=None, help="leave faces visible")
    add("--no-plates", dest="plates", action="store_false", default=None, help="leave plates")
    add_choice("detector", "LEVEL", "search:")
    add_choice("heads", "WHICH", "faceless heads:")
    add_choice("style", "STYLE", "cover:")
    add("--strength", type=float, metavar="X", help="strength of the style, relative to the size")
    add("--unsafe", action="store_true", default=None, help="allow a strength that leaks")
    add_choice("audio", "WHAT", "sound:")
    add("--crf", type=int, metavar="N", help=f"x264 quality: 0 (best) to 51 ({defaults.crf})")
    add_choice("preset", "PRESET", "x264 speed:", "ultrafast to veryslow")
    add("--pixel-aspect", type=float, metavar="X", help="width over height of the clip's pixels")
    add(
        "--turn",
        dest="turn_degrees",
        type=int,
        choices=(0, 90, 180, 270),
        metavar="DEGREES",
        help="clockwise turn that makes people stand upright (found)",
    )
    add("--threads", type=int, metavar="N", help="threads to use (all cores)")
    add("--no-audit", dest="audit", action="store_false", default=None, help="skip the audit")
    add("-q", "--quiet", action="store_true", help="no progress, no summary; warnings stay")
    add("--version", action="version", version=f"redact {__version__}", help="show the version")
    return parser
