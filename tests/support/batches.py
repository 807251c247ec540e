"""Looks at what became of the clips of a batch."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import redact
from redact.batch.manifest import NAME

SUPPORT = Path(__file__).parent


def states(report):
    """{name of the result: state} of a report."""
    return {record.result: record.state for record in report.records}


def rows(folder):
    """All rows of a manifest, {name of the result: (state, owner)}."""
    with sqlite3.connect(folder / NAME) as database:
        query = "SELECT result, state, owner FROM clips"
        found = {result: (state, owner) for result, state, owner in database.execute(query)}
    database.close()
    return found


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it didn't happen in time"
        time.sleep(0.02)
    return found


def is_done(folder, name):
    """Whether the manifest says so; the file appears a moment earlier."""
    return (folder / name).exists() and rows(folder)[name] == ("done", None)


def started(*arguments, **how):
    """A process of the command with these arguments and a stand-in for the pipeline."""
    path = os.pathsep.join([str(SUPPORT), str(Path(redact.__file__).parents[1])])
    return subprocess.Popen(
        [sys.executable, str(SUPPORT / "run_redact.py"), *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )
