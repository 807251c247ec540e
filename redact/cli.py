"""The command `redact`. Thin: arguments in, one call, a progress bar, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from redact import __version__
from redact.errors import LeakError, RedactError
from redact.settings import AUDIO, DETECTORS, HEADS, PRESETS, STYLES, Settings

EXIT_LEAK, EXIT_ERROR, EXIT_INTERRUPTED = 1, 2, 130

_EPILOG = """\
exit codes: 0 the result is there; 1 a face or plate stays visible and nothing was written;
2 the clip, the target or a setting can't be used; 130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    stop = threading.Event()
    try:
        settings = _settings(arguments)
        with _quiet_libraries(), _stopping_at_signals(stop), _Bar(arguments.quiet, stop) as bar:
            return _run(arguments, settings, bar)
    except _StoppedError:
        print("redact: interrupted, nothing was written", file=sys.stderr)
        return EXIT_INTERRUPTED
    except LeakError as err:
        print(f"redact: {err}", file=sys.stderr)
        return EXIT_LEAK
    except RedactError as err:
        print(f"redact: {err}", file=sys.stderr)
        return EXIT_ERROR


def _run(arguments: argparse.Namespace, settings: Settings, bar: _Bar) -> int:
    from redact.pipeline import redact_clip
    from redact.targets import default_target

    source = Path(arguments.clip)
    target = Path(arguments.output) if arguments.output else default_target(source)
    report = redact_clip(source, target, settings, progress=bar)
    if arguments.report:
        report.save_html(arguments.report)
    if arguments.json:
        report.save_json(arguments.json)
    bar.close()
    if not arguments.quiet:
        kinds = [track.kind for track in report.plan.covered_tracks]
        for leak in report.leaks:
            print(
                f"redact: look at frame {leak.frame_index}: perhaps a {leak.kind}", file=sys.stderr
            )
        print(
            f"{target}: {report.frame_count} frames, {kinds.count('face')} faces and "
            f"{kinds.count('plate')} plates covered ({report.covered_ratio:.1%} of the picture)"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
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


class _StoppedError(Exception):
    """A signal asked the job to end."""


class _Bar:
    """The progress callback: draws a bar, and ends the job once `stop` is set."""

    def __init__(self, quiet: bool, stop: threading.Event) -> None:
        self._quiet, self._stop = quiet, stop
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise _StoppedError
        if self._quiet:
            return
        if stage != self._stage:
            self._open(stage, total)
        self._bar.update(done - self._bar.n)

    def _open(self, stage: str, total: int | None) -> None:
        from tqdm import tqdm

        self.close()
        self._stage = stage
        self._bar = tqdm(desc=f"{stage:8}", total=total, unit=" frames", disable=None)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            self._stage = ""


@contextlib.contextmanager
def _stopping_at_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM set a flag: an exception raised inside a codec's call gets lost."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM]
    previous = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep the C++ libraries' log off the terminal; Python's own stderr still reaches it."""
    original = sys.stderr
    try:
        original_number = original.fileno()
    except (AttributeError, OSError, ValueError):
        yield  # Somebody has replaced stderr, and with it the problem.
        return
    original.flush()
    saved = os.dup(original_number)
    silence = os.open(os.devnull, os.O_WRONLY)
    with open(os.dup(saved), "w", buffering=1, errors="backslashreplace") as ours:  # noqa: PTH123
        sys.stderr = ours
        os.dup2(silence, 2)
        try:
            yield
        finally:
            ours.flush()
            sys.stderr = original
            os.dup2(saved, 2)
            os.close(saved)
            os.close(silence)
