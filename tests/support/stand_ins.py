"""What workers run in tests in place of the pipeline: the source's text says what happens."""

import errno
import hashlib
import os
import signal
import time
from pathlib import Path

from redact.batch.records import AllParts, Division, OnePart, Outcome, PartResult
from redact.batch.worker import failure
from redact.errors import ClipError, LeakError, TargetError

ACT = "stand_ins:act"
"""Import path of `act`."""


def _long(task, marks, tell):
    """Do a step of a clip of three parts; None where it is to be done whole.

    marks: what happens to part 1: it dies once, ends with an error, or can't be read on its own.
    """
    work = task.work
    if isinstance(work, OnePart):
        if work.number == 1 and "die-once" in marks and not (marker := Path(marks[1])).exists():
            marker.touch()
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        if work.number == 1 and "odd" in marks:
            return failure(ZeroDivisionError("odd"), 0.5)
        if work.number == 1 and "doubt" in marks:
            return Division()
        time.sleep(0.05)
        tell("analyze", 10, 10)
        return PartResult(seen=work.clip + str(work.number).encode(), seconds=1.0)
    if isinstance(work, AllParts):
        Path(task.target).write_bytes(b" ".join(work.seen))
        report = {"stage_seconds": {"analyze": work.seconds}, "threads": task.settings.threads}
        report["pid"] = os.getpid()
        size = Path(task.target).stat().st_size
        return Outcome(state="done", seconds=0.5, result_bytes=size, report=report)
    return Division(clip=b"part", part_frames=(10, 10, 10)) if work.may_divide else None


def act(task, tell):
    """Do what the first word of the source says, and write the source in capitals."""
    source, target = Path(task.source), Path(task.target)
    text = source.read_text()
    word, _, value = text.partition(" ")
    if word == "long" and (step := _long(task, value.split(), tell)) is not None:
        return step
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
