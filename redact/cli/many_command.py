"""`redact CLIP... FOLDER... -o FOLDER`: many clips, by several workers."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redact.cli.common import STAGE_WEIGHTS, Parser, settings_from
from redact.cli.terminal import StoppedError, handling_signals, quiet_libraries, say, show
from redact.errors import TargetError
from redact.source_files import printable
from redact.types import counted

if TYPE_CHECKING:
    from redact.batch.capacity import WorkerLimits
    from redact.batch.many import BatchReport
    from redact.batch.records import ClipRecord

_DESCRIPTION = """\
Redact any number of clips and folders into one folder. Results lie in it as the
clips lie below the deepest folder that holds all of them. Clips that are done
already are left as they are."""

_EPILOG = """\
example:
  redact porch.mp4 visits/ -o safe/

All settings of `redact --help-all` work here, too. redact-manifest.sqlite3 in
the target folder knows what became of each clip.

exit codes: 0 all clips are done; 1 some are not; 2 an argument, a source or the
target folder can't be used, nothing was started; 130, 143 stopped by SIGINT,
SIGTERM, and the same command goes on from there"""

# More names of one kind would hide the others.
_MAX_NAMES = 20
_OPTION_NAMES = (
    *("workers", "engine", "on_error", "force", "deadline", "worker_memory"),
    *("json_lines", "metrics", "address"),
)


def parser() -> Parser:
    """The parser of `redact many`. Its help leaves out the settings, which `redact --help` has."""
    from redact.cli.redact_command import add_settings_options

    parser = Parser(
        prog="redact many",
        usage="redact [many] [options] CLIP|FOLDER... -o FOLDER",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("clips", metavar="CLIP", nargs="+", help=argparse.SUPPRESS)
    add_settings_options(parser)
    for action in parser._actions[1:]:
        action.help = argparse.SUPPRESS
    parser.add_argument("-o", "--output", metavar="FOLDER", help="where the results go")
    add_options(parser.add_argument, is_shown=True)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no summary")
    return parser


def add_options(add: Callable[..., Any], *, is_shown: bool) -> None:
    """Add the options that many clips have and one clip hasn't."""

    def option(name: str, *, help: str, **how: Any) -> None:
        add(name, help=help if is_shown else argparse.SUPPRESS, **how)

    add_worker_options(option, ("processes", "serial", "ray"))
    option("--address", help="the Ray cluster (starts one, or takes RAY_ADDRESS)", metavar="A")
    option(
        "--on-error",
        help="after a clip that fails: continue, stop (continue)",
        choices=("continue", "stop"),
        metavar="WHAT",
    )
    option("--force", help="do clips again that are done", action="store_true")


def add_worker_options(
    add: Callable[..., Any], engines: Sequence[str] = ("processes", "serial")
) -> None:
    """Add the options about who works, what they may take, and what is told."""
    add("--workers", type=int, metavar="N", help="worker processes (by cores, memory and clips)")
    add(
        "--engine",
        choices=engines,
        metavar="E",
        help=f"who works: {', '.join(engines)} ({engines[0]})",
    )
    add("--deadline", type=float, metavar="S", help="the longest a clip may take (no limit)")
    add("--worker-memory", type=float, metavar="GB", help="the most memory of a worker")
    add("--json-lines", action="store_true", help="print a line of JSON for each clip")
    add("--metrics", metavar="FILE", help="keep figures for Prometheus in a file")


def limits_from(arguments: argparse.Namespace) -> WorkerLimits:
    """The limits that the options ask for.

    Raises:
        SettingsError: a value can't be used.

    """
    from redact.batch.capacity import WorkerLimits

    memory = arguments.worker_memory
    return WorkerLimits(
        deadline_seconds=arguments.deadline,
        memory_bytes=None if memory is None else int(memory * 1e9),
    )


def first_option_given(arguments: argparse.Namespace) -> str | None:
    """The first option among the arguments that only many clips have; None without any."""
    given = (name for name in _OPTION_NAMES if getattr(arguments, name) not in (None, False))
    return next((f"--{name.replace('_', '-')}" for name in given), None)


def is_meant(arguments: argparse.Namespace) -> bool:
    """Whether the arguments of `redact` are about several clips, a folder, or an address."""
    clips = arguments.clips
    return len(clips) > 1 or Path(clips[0]).is_dir() or "://" in (arguments.output or "")


def run(argv: Sequence[str]) -> int:
    """Redact many clips and return the exit code.

    Raises:
        TargetError: no folder is named for the results, or it can't be used.

    """
    arguments = parser().parse_args(argv)
    settings = settings_from(arguments)
    if arguments.output is None:
        raise TargetError("several clips need a folder for their results; name it with -o FOLDER")
    from redact.batch.many import redact_many
    from redact.cli.many_display import ManyDisplay

    limits = limits_from(arguments)
    with (
        handling_signals() as stop,
        quiet_libraries(),
        ManyDisplay(
            stop,
            STAGE_WEIGHTS,
            is_shown=not arguments.quiet,
            has_json_lines=arguments.json_lines,
        ) as display,
        # Ray prints what happens to its machines, which is no JSON.
        contextlib.redirect_stdout(sys.stderr),
    ):
        try:
            report = redact_many(
                arguments.clips,
                arguments.output,
                settings=settings,
                workers=arguments.workers,
                engine=arguments.engine or "processes",
                on_error=arguments.on_error or "continue",
                force=arguments.force,
                limits=limits,
                observer=display,
                metrics=arguments.metrics,
                address=arguments.address,
            )
        except StoppedError as stopped:
            done = sum(record.state == "done" for record in display.records)
            say(f"interrupted, {done} clips are done; the same command goes on from there")
            return 128 + stopped.signal_number
    for record in report.records:
        for warning in record.outcome.report.get("warnings", ()):
            say(f"warning: {record.source!r}: {warning}")
    is_quiet = arguments.quiet or arguments.json_lines
    if not is_quiet:
        show(_summary(report, arguments.output))
    for line in _not_done(report):
        say(line)
    return 0 if report.is_complete else 1


def _summary(report: BatchReport, target: str) -> str:
    """How many clips ended how, and what it took."""
    kept = sum(record.is_kept and record.state == "done" for record in report.records)
    counts = [f"{count} {state}" for state, count in report.counts.items()]
    if report.not_tried:
        counts.append(f"{len(report.not_tried)} not tried")
    capacity = report.capacity
    memory = f", {report.peak_bytes / 1e9:.1f} GB each at most" if report.peak_bytes else ""
    return (
        f"{printable(target)}: {', '.join(counts) or 'nothing to do'}"
        f"{f' ({kept} of them before)' if kept else ''} in {report.seconds:.0f} s by "
        f"{counted(capacity.workers, 'worker')} of {counted(capacity.threads, 'thread')}{memory}"
    )


def _not_done(report: BatchReport) -> list[str]:
    """Lines about the clips that are not done, by what became of them."""
    by_state: dict[str, list[ClipRecord]] = {}
    for record in report.records:
        if record.state != "done":
            by_state.setdefault(record.state, []).append(record)
    lines = list(report.problems)
    for state, records in by_state.items():
        lines += [f"{state}: {_named(record)}" for record in records[:_MAX_NAMES]]
        lines += _more(state, len(records))
    lines += [f"not tried: {source!r}" for source in report.not_tried[:_MAX_NAMES]]
    return [*lines, *_more("not tried", len(report.not_tried))]


def _named(record: ClipRecord) -> str:
    """The reason, with the source's name, which most reasons have already."""
    name = repr(record.source)
    return record.reason if name in record.reason else f"{name}: {record.reason}"


def _more(state: str, count: int) -> Sequence[str]:
    left = count - _MAX_NAMES
    return [f"{state}: {left} more, see the manifest or --json-lines"] if left > 0 else []
