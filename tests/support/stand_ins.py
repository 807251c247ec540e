"""What workers run in tests in place of the pipeline: the source's text says what happens."""

import errno
import hashlib
import os
import signal
import time
from pathlib import Path

from redact.batch.records import Outcome
from redact.batch.worker import failure
from redact.errors import ClipError, LeakError, TargetError

ACT = "stand_ins:act"
"""Import path of `act`."""


def act(task, tell):
    """Do what the first word of the source says, and write the source in capitals."""
    source, target = Path(task.source), Path(task.target)
    text = source.read_text()
    word, _, value = text.partition(" ")
    try:
        if word == "leak":
            raise LeakError("a face shows")
        if word == "unreadable":
            raise ClipError("not a video\nat all")
        if word == "full":
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError as err:
                raise TargetError(f"can't write {task.target!r}: disk full") from err
        if word == "odd":
            raise ZeroDivisionError("odd")
        if word == "huge":
            raise MemoryError
    except Exception as err:
        return failure(err, 0.5)
    if word == "die" or (word == "die-once" and not (marker := Path(value.strip())).exists()):
        if word == "die-once":
            marker.touch()
        target.write_text("half")
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    if word == "hang":
        target.write_text("half")
        time.sleep(600)
    if word == "eat":
        eaten = bytearray(int(value))
        eaten[::4096] = b"x" * len(eaten[::4096])
        time.sleep(600)
    if word == "slow":
        target.write_text("half")
        for done in range(int(value)):
            tell("analyze", done, int(value))
            time.sleep(0.05)
    tell("analyze", 1, 1)
    target.write_text(text.upper())
    return Outcome(
        state="done",
        seconds=0.5,
        source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        result_bytes=target.stat().st_size,
        frame_count=10,
        covered_ratio=0.25,
        report={"stage_seconds": {"analyze": 0.25, "render": 0.5}, "pid": os.getpid()},
    )
