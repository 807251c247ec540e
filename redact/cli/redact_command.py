"""`redact CLIP`: cover every face and plate of a clip, and write the result and its reports."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redact import __version__
from redact.cli import many_command
from redact.cli.common import (
    EXIT_ERROR,
    STAGE_WEIGHTS,
    Parser,
    add_decision_options,
    add_zone_options,
    check_decisions,
    decided,
    settings_from,
)
from redact.cli.ledger_command import recorded
from redact.cli.sharing_options import (
    DEFAULT_PURPOSE,
    Sharing,
    add_sharing_options,
    describe_purpose,
    purpose_in,
)
from redact.cli.terminal import say, show, showing_progress
from redact.settings import Settings, choices, renamed_heads
from redact.source_files import printable
from redact.types import SPANS_EXAMPLE, counted, parse_spans, parse_time

if TYPE_CHECKING:
    from redact.report import Report

_DESCRIPTION = """\
Cover every face and licence plate in CLIP, a video or image file, and drop its
sound and metadata. CLIP itself is never changed. Defaults are in brackets."""

_EPILOG = """\
--keep and --drop take ids that `redact analyze` or a report of the clip shows:
  redact porch.mp4 --keep 2,5 --zone cover:0,0,.3,.1 -o safe.mp4

other commands (write ./inspect for a clip that has such a name):
  redact analyze CLIP   plan what to cover, list it, and write the plan
  redact render PLAN    cover what a plan says
  redact inspect CLIP   show what a clip contains besides its pictures
  redact verify CLIP    search any clip for faces and plates that still show
  redact review CLIP    decide on a page in the browser who stays visible
  redact ledger ...     keep a record of requests and of clips given out
  redact many, watch    many clips and folders, or a folder that fills

exit codes: 0 the result is there; 1 a face or plate would still show, nothing
was written; 2 the clip, target or a setting can't be used; 130, 143 by a signal"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = _parser(argv)
    arguments = parser.parse_args(argv)
    if many_command.is_meant(arguments):
        return many_command.run(argv)
    if option := many_command.first_option_given(arguments):
        parser.error(f"{option} is for several clips or a folder")
    check_decisions(parser, arguments)
    settings = settings_from(arguments)
    sharing = Sharing(arguments, settings)
    source = Path(arguments.clips[0])
    if not sharing.is_accepted:
        return 0 if show(recorded(sharing.refuse(source), arguments.ledger)) else EXIT_ERROR
    weights = {k: v for k, v in STAGE_WEIGHTS.items() if settings.audit or k != "audit"}
    with showing_progress(weights, is_shown=not arguments.quiet) as bar:
        from redact.pipeline import redact_clip

        report = write_all(
            source,
            arguments,
            lambda target: redact_clip(
                source,
                target,
                settings,
                progress=bar,
                decide=lambda plan: sharing.check_plan(decided(plan, arguments)),
            ),
            sharing,
        )
    return finish(report, arguments)


def write_all(
    source: Path,
    arguments: argparse.Namespace,
    write: Callable[[Path], Report],
    sharing: Sharing,
    *others: Path,
) -> Report:
    """Write the result and its pages where the arguments say; either all of them appear or none.

    Args:
        source: the clip.
        arguments: with `output`, `report` and `json`.
        write: writes the result to the path that it is given.
        sharing: records the result, and writes what belongs to its purpose.
        others: more files that are read, and must not be written to.

    """
    from redact.output import check_apart, check_place, check_target, default_target, staged

    target = default_target(source) if arguments.output is None else Path(arguments.output)
    check_target(source, target)
    pages = {n: Path(getattr(arguments, n)) for n in ("report", "json") if vars(arguments)[n]}
    pages |= sharing.pages(target)
    for page in (*pages.values(), *sharing.copies):
        check_place(source, page)
    check_apart([*others, target, *pages.values(), *sharing.copies, *sharing.ledgers])
    with contextlib.ExitStack() as stack:
        stack.enter_context(sharing.withdrawn_on_failure())
        # The result is entered last, so it is the first to get its name.
        unfinished = {n: stack.enter_context(staged(page)) for n, page in pages.items()}
        result = stack.enter_context(staged(target))
        report = dataclasses.replace(write(result), output=target)
        report = sharing.finish(report, result, unfinished)
        if "report" in unfinished:
            report.save_html(unfinished["report"], result=result)
        if "json" in unfinished:
            report.save_json(unfinished["json"])
    return report


def finish(report: Report, arguments: argparse.Namespace) -> int:
    """Say what happened, and return the exit code."""
    for line in _warnings(report):
        say(f"warning: {line}")
    if not arguments.quiet:
        # The result is there, whether or not this line can be printed.
        show(_summary(report))
        if report.ledger_entry is not None:
            show(recorded(report.ledger_entry, arguments.ledger))
    return 0


def _warnings(report: Report) -> list[str]:
    """Lines about damage in the source, and about what may still show in the result."""
    source, result = str(report.plan.clip.path), str(report.output)
    damage = [f"{source!r}: {warning}" for warning in report.plan.clip.warnings]
    leaks = [f"{result!r} may still show a {line}" for line in report.leak_descriptions]
    return damage + leaks


def _summary(report: Report) -> str:
    from redact.report import summary, words

    plan = report.plan
    kinds = [track.kind for track in plan.covered_tracks]
    counts = [counted(kinds.count(kind), kind) for kind in ("face", "plate")]
    if zones := sum(zone.rule == "cover" for zone in plan.zones):
        counts.append(counted(zones, "zone"))
    name, frames = printable(str(report.output)), counted(report.frame_count, "frame")
    kept = words.in_words(summary.counts(t for t in plan.tracks if t.id in plan.kept))
    visible = f"; {kept} left visible" if kept else ""
    return (
        f"{name}: {frames}, {', '.join(counts[:-1])} and {counts[-1]} covered "
        f"({report.covered_ratio:.1%} of the picture){visible}"
    )


def _time(text: str) -> float:
    """A time of the command line, in seconds."""
    try:
        return parse_time(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def _audio(text: str) -> tuple[str, tuple[tuple[float, float], ...]]:
    """`Settings.audio` and `Settings.audio_spans`."""
    if text in choices("audio"):
        return text, ()
    try:
        return "keep", parse_spans(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} must be {', '.join(choices('audio'))} or times such as {SPANS_EXAMPLE}"
        ) from None


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of `redact CLIP`, with the options of the purpose that the arguments name."""
    purpose = purpose_in(argv)
    parser = Parser(
        prog="redact",
        usage="redact [options] CLIP",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("clips", metavar="CLIP", nargs="+", help=argparse.SUPPRESS)
    many_command.add_options(add, is_shown=False)
    add("-o", "--output", metavar="FILE", help="the result (beside CLIP, as CLIP.redacted.mp4)")
    add("--report", metavar="HTML", help="also write a page about what was covered")
    add("--json", metavar="FILE", help="also write the same as JSON")
    add_decision_options(parser)
    add_sharing_options(parser, purpose)
    add_settings_options(parser, is_full="--help-all" in argv)
    add("-q", "--quiet", action="store_true", help="no progress, no summary; warnings stay")
    add("--help-all", action="help", help="show rarely needed options, too")
    add("--version", action="version", version=f"redact {__version__}", help="show the version")
    if purpose != DEFAULT_PURPOSE:
        describe_purpose(parser, purpose)
    return parser


def add_settings_options(parser: argparse.ArgumentParser, *, is_full: bool = False) -> None:
    """Add the options that are settings; `is_full` shows the rarely needed ones in the help."""
    defaults = Settings()
    add = parser.add_argument

    def add_rare(*names: str, help: str, **how: Any) -> None:
        parser.add_argument(*names, help=help if is_full else argparse.SUPPRESS, **how)

    def choice(name: str, metavar: str, help_start: str, values: str = "") -> dict[str, Any]:
        values = values or ", ".join(choices(name))
        return {
            "metavar": metavar,
            "choices": choices(name),
            "type": renamed_heads if name == "heads" else str,
            "help": f"{help_start} {values} ({getattr(defaults, name)})",
        }

    add_zone_options(parser)
    add("--settings", metavar="TOML", help="read settings from a file; options override it")
    add("--no-faces", dest="faces", action="store_false", default=None, help="leave faces visible")
    add("--no-plates", dest="plates", action="store_false", default=None, help="leave plates")
    add("--detector", **choice("detector", "LEVEL", "search:"))
    add_rare("--heads", **choice("heads", "WHICH", "faceless heads:"))
    add("--style", **choice("style", "STYLE", "cover:"))
    add_rare(
        "--strength", type=float, metavar="X", help="strength of the style, relative to the size"
    )
    add_rare("--unsafe", action="store_true", default=None, help="allow a strength that leaks")
    add(
        "--audio",
        metavar="WHAT",
        type=_audio,
        help=f"sound: drop, keep, or times like {SPANS_EXAMPLE} (drop)",
    )
    add(
        "--from",
        dest="start_seconds",
        type=_time,
        metavar="TIME",
        help="begin there, and with --to TIME end there (1:02.5)",
    )
    add("--to", dest="stop_seconds", type=_time, metavar="TIME", help=argparse.SUPPRESS)
    add_rare("--encoder", **choice("encoder", "WHICH", "H.264 by:"))
    add_rare("--crf", type=int, metavar="N", help=f"x264 quality: 0 (best) to 51 ({defaults.crf})")
    add_rare("--preset", **choice("preset", "PRESET", "x264 speed:", "ultrafast to veryslow"))
    add_rare(
        "--pixel-aspect", type=float, metavar="X", help="width over height of the clip's pixels"
    )
    add_rare(
        "--turn",
        dest="turn_degrees",
        type=int,
        choices=(0, 90, 180, 270),
        metavar="DEGREES",
        help="clockwise turn that makes people stand upright (found)",
    )
    add_rare("--threads", type=int, metavar="N", help="threads to use (all cores)")
    add_rare("--no-audit", dest="audit", action="store_false", default=None, help="skip the audit")
