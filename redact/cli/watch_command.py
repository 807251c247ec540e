"""`redact watch IN OUT`: redact what a camera or a recorder writes to a folder, as it comes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from redact.batch.driver import BatchObserver
from redact.batch.records import ClipRecord
from redact.cli.common import EXIT_LEAK, Parser, settings_from
from redact.cli.many_command import add_worker_options, limits_from
from redact.cli.terminal import StopFlag, StoppedError, handling_signals, quiet_libraries, say, show

_DESCRIPTION = """\
Redact every clip in the folder IN and below it into the folder OUT, now and as
clips come, until it is stopped. A clip is taken once nobody writes to it any
more. IN is never changed. What is done stays done after a restart."""

_EPILOG = """\
example:
  redact watch /media/door /media/door-safe --profile door.toml

Lines name a clip by eight digits, not by its name; redact-manifest.sqlite3 in
OUT has both. --json-lines shows names.

exit codes: 1 the disk is full; 2 an argument or a folder can't be used; 130 and
143 stopped by SIGINT and SIGTERM"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    arguments = parser().parse_args(argv)
    settings, limits = settings_from(arguments), limits_from(arguments)
    from redact.batch.watching import WatchTiming, watch

    given = {"settle_seconds": arguments.settle, "poll_seconds": arguments.poll}
    timing = WatchTiming(**{name: value for name, value in given.items() if value is not None})
    with handling_signals() as stop, quiet_libraries():
        log = _Log(stop, is_quiet=arguments.quiet, has_json_lines=arguments.json_lines)
        try:
            watch(
                arguments.folder,
                arguments.target,
                settings=settings,
                workers=arguments.workers,
                engine=arguments.engine or "processes",
                limits=limits,
                timing=timing,
                observer=log,
                metrics=arguments.metrics,
            )
        except StoppedError as stopped:
            say("stopped; clips that were not done are done after the next start")
            return 128 + stopped.signal_number
    say("stopped, because other clips would fail like the last one")
    return EXIT_LEAK


def parser() -> Parser:
    """The parser of `redact watch`."""
    parser = Parser(
        prog="redact watch",
        usage="redact watch [options] IN OUT",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("folder", metavar="IN", help="what is written here, or below it, is redacted")
    add("target", metavar="OUT", help="the folder for the results")
    add("--profile", metavar="TOML", help="settings and zones of the camera")
    add("--settings", metavar="TOML", help="more settings, which override it")
    add("--settle", type=float, metavar="S", help="wait until a file stands still so long (10)")
    add("--poll", type=float, metavar="S", help="look so often for files (5)")
    add_worker_options(add)
    add("-q", "--quiet", action="store_true", help="only lines about clips that fail")
    return parser


class _Log(BatchObserver):
    """Prints a line for each clip, and ends the run after a signal."""

    def __init__(self, stop: StopFlag, *, is_quiet: bool, has_json_lines: bool) -> None:
        self._stop, self._is_quiet, self._has_json_lines = stop, is_quiet, has_json_lines

    def ended(self, record: ClipRecord) -> None:
        """Print what became of a clip, without its name and without a reason, which may name it."""
        if self._has_json_lines:
            show(json.dumps(record.to_dict()))
        if record.is_kept:
            return
        if record.state != "done":
            say(f"clip {record.id}: {record.state}; the manifest says why")
        elif not (self._is_quiet or self._has_json_lines):
            outcome = record.outcome
            show(f"clip {record.id}: done, {outcome.frame_count} frames in {outcome.seconds:.1f} s")

    def tick(self) -> None:
        """End the run after a signal."""
        self._stop.check()
