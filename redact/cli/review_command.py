"""`redact review CLIP | PLAN`: decide on a page in the browser what is covered."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import signal
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact.cli.common import Parser, add_zone_options, settings_from
from redact.cli.terminal import ProgressBar, handling_signals, quiet_libraries, say, show
from redact.errors import SettingsError, TargetError
from redact.source_files import printable

if TYPE_CHECKING:
    from redact.plan import Plan

_DESCRIPTION = """\
Show what was found in CLIP on a page in the browser: keep people visible, drop
false plates, draw zones, save the plan and render the result. A saved PLAN is
opened again. The page is served to this machine alone, and ends when closed."""

_EPILOG = """\
example: redact review porch.mp4

exit codes: 0 the review has ended; 2, 130 and 143 as for redact"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    path = Path(arguments.clip)
    is_plan = path.suffix.lower() == ".json"
    if is_plan and (arguments.settings or arguments.profile or arguments.zone or arguments.plan):
        parser.error("a plan brings its own settings and zones, and is saved where it was")
    if arguments.source and not is_plan:
        parser.error("--source is for a plan")
    settings = settings_from(arguments)
    _check_installed()
    with quiet_libraries():
        from redact.output import check_place, check_target, default_target
        from redact.pipeline import analyze, check_same_clip
        from redact.plan import Plan

        plan = Plan.load(path) if is_plan else None
        if plan is not None and arguments.source:
            clip = dataclasses.replace(plan.clip, path=Path(arguments.source))
            plan = dataclasses.replace(plan, clip=clip)
        source = path if plan is None else plan.clip.path
        plan_path = path if is_plan else Path(arguments.plan or path.with_suffix(".plan.json"))
        target = Path(arguments.output) if arguments.output else default_target(source)
        check_target(source, target)
        if plan is None:
            check_place(source, plan_path)
            if plan_path.exists():
                raise TargetError(
                    f"{str(plan_path)!r} exists: open it (redact review {str(plan_path)!r}), or "
                    "name another file with --plan"
                )
            with (
                handling_signals() as stop,
                ProgressBar({"analyze": 1.0}, stop, is_shown=not arguments.quiet) as bar,
            ):
                plan = analyze(source, settings, progress=bar)
                bar.finish()
        else:
            check_same_clip(plan)
        for warning in plan.clip.warnings:
            say(f"warning: {str(source)!r}: {warning}")
        return _serve(plan, plan_path, target, arguments)


def _parser() -> Parser:
    parser = Parser(
        prog="redact review",
        usage="redact review [options] CLIP | PLAN.json",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("clip", metavar="CLIP", help=argparse.SUPPRESS)
    add("-o", "--output", metavar="FILE", help="the result (CLIP.redacted.mp4 beside the clip)")
    add("--source", metavar="CLIP", help="the clip of the plan, if it was moved")
    add("--plan", metavar="FILE", help="where decisions go (CLIP.plan.json beside the clip)")
    add("--settings", metavar="TOML", help="read settings from a file")
    add_zone_options(parser)
    add("--port", type=int, default=0, metavar="N", help="port on this machine (a free one)")
    add("--no-browser", action="store_true", help="print the address and open no browser")
    add("-q", "--quiet", action="store_true", help="no progress; warnings stay")
    return parser


def _check_installed() -> None:
    """Raise SettingsError if the libraries of the page are missing."""
    names = ("starlette", "uvicorn")
    if missing := [name for name in names if importlib.util.find_spec(name) is None]:
        # Not as the extra of a package that may have been installed from a folder.
        raise SettingsError(
            f"the review page needs {' and '.join(missing)}: python3 -m pip install "
            f"{' '.join(missing)}"
        )


def _serve(plan: Plan, plan_path: Path, target: Path, arguments: argparse.Namespace) -> int:
    """Serve the page until the review ends, and save what was decided and not saved."""
    from redact.review.server import ReviewServer
    from redact.review.session import ReviewSession

    session = ReviewSession(plan, plan_path, target)
    try:
        server = ReviewServer(session, port=arguments.port)
    except (OSError, OverflowError) as err:
        session.close()
        raise SettingsError(f"port {arguments.port} can't be used: {err}; choose another") from err
    show(f"the review is at {server.address}\nend it there, or here with Ctrl+C")
    if not arguments.no_browser:
        webbrowser.open(server.address)
    try:
        # The server ends at a signal and passes it on; what follows must still happen.
        with handling_signals() as stop:
            server.run()
    finally:
        server.close()
        session.close()
        # Whoever closes the page without saving shall not lose what they decided.
        if session.has_unsaved_decisions:
            session.save()
            show(f"the decisions are in {printable(str(plan_path))}")
    # Ctrl+C is a usual way to end a review.
    number = stop.signal_number
    return 0 if number in (0, signal.SIGINT) else 128 + number
