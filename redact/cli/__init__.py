"""The command `redact`. Thin: arguments in, one call, a progress bar, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from redact import __version__
from redact.cli.terminal import Bar, StoppedError, quiet_libraries, stopping_at_signals
from redact.errors import LeakError, RedactError
from redact.memory import keep_no_memory
from redact.settings import AUDIO, DETECTORS, HEADS, PRESETS, STYLES, Settings
from redact.source_files import printable, reason

EXIT_LEAK, EXIT_ERROR = 1, 2

_EPILOG = """\
other commands:
  redact inspect CLIP   show what a clip carries beside its pictures
  redact verify CLIP    look for faces and plates that still show in any clip
(a clip that has the name of a command is given as ./inspect)

exit codes: 0 the result is there; 1 a face or plate stays visible and nothing was written;
2 the clip, the target or a setting can't be used; 130, 143 interrupted by a signal."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = _COMMANDS.get(arguments[0]) if arguments else None
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may hold what the terminal's encoding doesn't.
        sys.stdout.reconfigure(errors="backslashreplace")
    keep_no_memory()  # The process is the command's own, so it may be set up for the job.
    try:
        return command(arguments[1:]) if command else _redact(arguments)
    except StoppedError as stopped:
        return _say("interrupted, nothing was written", 128 + stopped.signal_number)
    except KeyboardInterrupt:
        return _say("interrupted", 128 + signal.SIGINT)
    except LeakError as err:
        return _say(str(err), EXIT_LEAK)
    except RedactError as err:
        return _say(str(err), EXIT_ERROR)
    except (ImportError, MemoryError, OSError) as err:
        # The machine's limits, met where no stage could know what it means.
        where = printable(str(getattr(err, "filename", None) or ""))
        return _say(f"can't go on: {reason(err)} {where}".rstrip(), EXIT_ERROR)


def _redact(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    settings = _settings(arguments)
    source = Path(arguments.clip)
    with stopping_at_signals() as stop, quiet_libraries(), Bar(arguments.quiet, stop) as bar:
        from redact.output import check_apart, check_place, check_target, default_target

        target = default_target(source) if arguments.output is None else Path(arguments.output)
        check_target(source, target)
        pages = {n: Path(getattr(arguments, n)) for n in ("report", "json") if vars(arguments)[n]}
        for page in pages.values():
            check_place(source, page)
        check_apart([target, *pages.values()])
        _run(source, target, pages, settings, bar)
    return 0


def _run(
    source: Path, target: Path, pages: Mapping[str, Path], settings: Settings, bar: Bar
) -> None:
    """The job itself: the result and its pages all appear, or none of them does."""
    from redact.output import staged
    from redact.pipeline import redact_clip

    with contextlib.ExitStack() as stack:
        # Entered last, the result is the first to get its name.
        unfinished = {n: stack.enter_context(staged(page)) for n, page in pages.items()}
        result = stack.enter_context(staged(target))
        report = redact_clip(source, result, settings, progress=bar)
        named = dataclasses.replace(report, output=target)
        if "report" in unfinished:
            named.save_html(unfinished["report"], result=result)
        if "json" in unfinished:
            named.save_json(unfinished["json"])
    bar.close()
    for warning in report.plan.clip.warnings:
        _say(f"warning: {str(source)!r}: {warning}", 0)
    if not bar.quiet:
        for leak in report.leaks:
            _say(f"look at frame {leak.frame_index}: perhaps a {leak.kind}", 0)
        kinds = [track.kind for track in report.plan.covered_tracks]
        # The result is there, whether anybody reads this line or not.
        _show(
            f"{printable(str(target))}: {report.frame_count} frames, {kinds.count('face')} faces "
            f"and {kinds.count('plate')} plates covered ({report.covered_ratio:.1%} of the picture)"
        )


def _inspect(argv: Sequence[str]) -> int:
    parser = _Parser(
        prog="redact inspect", description="Show what a clip carries; nothing is written."
    )
    parser.add_argument("clip", help="the video file")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    arguments = parser.parse_args(argv)
    with quiet_libraries():
        from redact.inspection import as_json, as_text, inspect_clip

        contents = inspect_clip(arguments.clip)
    shown = _show(as_json(contents) if arguments.json else as_text(contents))
    return 0 if shown else EXIT_ERROR


def _verify(argv: Sequence[str]) -> int:
    parser = _Parser(
        prog="redact verify",
        description="Look for faces and plates that still show in any clip; nothing is written.",
        epilog="exit codes: 0 nothing was found, which proves nothing; 1 something shows; 2 and "
        "others as for redact",
    )
    add = parser.add_argument
    add("clip", help="the video file")
    add("--settings", metavar="TOML", help="a file with settings")
    add("--json", action="store_true", help="print the finds as JSON")
    add("-q", "--quiet", action="store_true", help="no progress bar")
    arguments = parser.parse_args(argv)
    settings = _settings(arguments)
    with stopping_at_signals() as stop, quiet_libraries(), Bar(arguments.quiet, stop) as bar:
        from redact.pipeline import verify

        detections = verify(arguments.clip, settings, progress=bar)
    if arguments.json:
        text = json.dumps([dataclasses.asdict(detection) for detection in detections], indent=1)
    else:
        lines = [f"frame {f.frame_index}: {f.kind}, score {f.score:.2f}" for f in detections]
        text = "\n".join(lines or ["nothing was found"])
    shown = _show(text)
    return EXIT_LEAK if detections else 0 if shown else EXIT_ERROR


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"inspect": _inspect, "verify": _verify}


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments; --help has the rest."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_ERROR, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


def _say(message: str, code: int) -> int:
    """Print one line of trouble; returns the code it means."""
    print(f"redact: {printable(message)}", file=sys.stderr)
    return code


def _show(text: str) -> bool:
    """Print to stdout; False when that can't be done, as when who read it has gone."""
    try:
        print(text, flush=True)
    except OSError:
        # Python flushes once more at the end, and mustn't fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="redact",
        description="Cover every face and licence plate of a clip, drop its sound and metadata.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = Settings()
    add = parser.add_argument
    add("clip", help="the video file; it is never changed")
    add("-o", "--output", help="the result (default: CLIP.redacted.mp4 beside the clip)")
    add("--settings", metavar="TOML", help="a file with settings; options here win over it")
    add("--detector", choices=DETECTORS, help=f"how hard to look (default: {defaults.detector})")
    add("--heads", choices=HEADS, help=f"heads without a face (default: {defaults.heads})")
    add("--style", choices=STYLES, help=f"how to cover (default: {defaults.style})")
    add("--strength", type=float, help="strength of the style, relative to the region")
    add("--unsafe", action="store_true", default=None, help="allow a strength that leaks")
    add("--audio", choices=AUDIO, help=f"what to do with sound (default: {defaults.audio})")
    add("--crf", type=int, help=f"x264 quality, 0 to 51 (default: {defaults.crf})")
    add("--preset", choices=PRESETS, help=f"x264 speed preset (default: {defaults.preset})")
    add("--threads", type=int, help="threads to use (default: all)")
    add("--no-faces", dest="faces", action="store_false", default=None, help="leave faces")
    add("--no-plates", dest="plates", action="store_false", default=None, help="leave plates")
    add("--no-audit", dest="audit", action="store_false", default=None, help="don't look again")
    add("--report", metavar="HTML", help="write a page about what was covered")
    add("--json", metavar="FILE", help="write the same as JSON")
    add("-q", "--quiet", action="store_true", help="print errors only")
    add("--version", action="version", version=f"redact {__version__}")
    return parser


def _settings(arguments: argparse.Namespace) -> Settings:
    base = Settings.from_toml(arguments.settings) if arguments.settings else Settings()
    names = {field.name for field in dataclasses.fields(Settings)}
    given = {k: v for k, v in vars(arguments).items() if k in names and v is not None}
    return dataclasses.replace(base, **given)
