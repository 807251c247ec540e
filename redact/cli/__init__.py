"""The command `redact`: arguments in, one call of the library, and an exit code.

Heavy libraries are imported inside the functions that need them, so that `redact --help` and
mistaken arguments are answered at once.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

from redact.cli import (
    analyze_command,
    inspect_command,
    ledger_command,
    many_command,
    redact_command,
    render_command,
    review_command,
    verify_command,
    watch_command,
)
from redact.cli.common import EXIT_ERROR, EXIT_LEAK
from redact.cli.terminal import StoppedError, say
from redact.errors import LeakError, RedactError
from redact.machine import keep_no_memory
from redact.source_files import printable, reason

_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "analyze": analyze_command.run,
    "inspect": inspect_command.run,
    "ledger": ledger_command.run,
    "many": many_command.run,
    "render": render_command.run,
    "review": review_command.run,
    "verify": verify_command.run,
    "watch": watch_command.run,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0: the result is there. 1: a face or plate shows, and no result was written; or a ledger was
    changed. 2: the clip, the
    target or a setting can't be used. 130 and 143: interrupted by SIGINT or SIGTERM.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = _COMMANDS.get(arguments[0]) if arguments else None
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name may contain characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    # The process is the command's own, so it may be set up for the job.
    keep_no_memory()
    # numpy's matrices are small here. Where its library can't start threads, it sends a SIGINT.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return command(arguments[1:]) if command else redact_command.run(arguments)
    except StoppedError as stopped:
        say("interrupted, nothing was written")
        return 128 + stopped.signal_number
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    except Exception as err:
        if os.environ.get("REDACT_DEBUG"):
            traceback.print_exc()
        say(_in_words(err))
        return EXIT_LEAK if isinstance(err, LeakError) else EXIT_ERROR


def _in_words(err: Exception) -> str:
    """One line about an error, without a traceback."""
    if isinstance(err, RedactError):
        return str(err)
    if isinstance(err, RuntimeError) and "start new thread" in str(err):
        return "can't go on: the system allows no more threads; raise its limit (ulimit -u)"
    if isinstance(err, (ImportError, MemoryError, OSError)):
        # A limit of the machine, in a place where no stage knew what it means for the job.
        where = printable(str(getattr(err, "filename", None) or ""))
        return f"can't go on: {reason(err)} {where}".rstrip()
    return (
        f"can't go on, unexpected {type(err).__name__}: {reason(err)} "
        "(set REDACT_DEBUG=1 to see where)"
    )
