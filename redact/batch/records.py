"""What became of a clip, as values that travel between processes and into the manifest."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Literal, get_args

from redact.batch.sources import Job
from redact.settings import Settings

State = Literal[
    "done",
    "leak",
    "unreadable",
    "unwritable",
    "timeout",
    "out of memory",
    "killed",
    "failed",
]
"""How a clip ended.

"done": the result is there. "leak": a face or plate would still show, so nothing was written.
"unreadable": the source can't be read as a clip. "unwritable": the result can't be written.
"timeout": it took too long or stood still. "out of memory": the worker needed more than it may
have. "killed": the worker process died. "failed": another error.
"""
STATES: tuple[State, ...] = get_args(State)

FINAL_STATES = ("done", "leak")
"""States in which another try gives the same, as long as source, settings and version are the
same."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class WholeClip:
    """Redact the whole clip."""

    may_divide: bool = False
    """Or return a `Division`, if the clip is so long that several workers can analyze it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnePart:
    """Analyze a part of a long clip."""

    clip: bytes
    """See `Division`."""
    number: int
    """Of the part, from 0."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllParts:
    """Make the plan of a long clip from what was seen in its parts, and render it."""

    clip: bytes
    """See `Division`."""
    seen: tuple[bytes, ...]
    """See `PartResult`; in the order of the parts."""
    seconds: float
    """How long the analysis of all parts took."""


Work = WholeClip | OnePart | AllParts
"""What is to be done with a clip."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What a worker is to do, as an engine and its workers get it."""

    number: int
    """Tells the tasks of one run apart."""
    source: str
    """A path, or an fsspec address."""
    target: str
    """Where the worker writes the result: a path to which nobody looks yet, or an address."""
    settings: Settings
    work: Work = WholeClip()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Division:
    """How a long clip is divided into parts."""

    clip: bytes = b""
    """What workers have to know of the clip, pickled; whoever drives them loads nothing heavy."""
    part_frames: tuple[int, ...] = ()
    """How many frames are analyzed for each part. Without parts one worker has to do the clip."""
    seconds: float = 0.0
    peak_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PartResult:
    """What was seen in a part of a long clip."""

    seen: bytes
    """Pickled, as in `Division`."""
    seconds: float = 0.0
    peak_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one try to redact a clip came to."""

    state: State
    reason: str = ""
    """What was wrong, in one line; empty when the clip is done."""
    ends_run: bool = False
    """Other clips would fail in the same way: the disk is full, or a model's file is missing."""
    seconds: float = 0.0
    """How long the try took; of a clip that was divided, all its parts together."""
    source_sha256: str = ""
    plan_sha256: str = ""
    """Of the plan as JSON, without where the source lies."""
    result_sha256: str = ""
    result_bytes: int = 0
    frame_count: int = 0
    covered_ratio: float = 0.0
    """The share of the clip's pixels that are covered."""
    peak_bytes: int = 0
    """The most memory that the worker was seen to use meanwhile; 0 when unknown."""
    report: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """`Report.to_dict()` of a clip that is done."""

    @property
    def stage_seconds(self) -> dict[str, float]:
        """Seconds by stage, as the report has them."""
        return dict(self.report.get("stage_seconds", {}))


Result = Outcome | Division | PartResult
"""What comes of a task."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """A clip of a batch: a row of the manifest."""

    source: str
    """Absolute path or address of the source."""
    result: str
    """Name of the result in the target folder, with forward slashes."""
    source_bytes: int
    source_mtime_ns: int
    settings_sha256: str
    """Of everything that the result depends on besides the source; see `settings_key`."""
    version: str
    """The version of redact."""
    outcome: Outcome
    attempts: int = 1
    finished: str = ""
    """When the last try ended, in UTC, as ISO 8601."""
    is_kept: bool = False
    """The result of an earlier run was still right, so nothing was done."""

    @property
    def id(self) -> str:
        """Eight digits by which logs name the clip: its own name may tell who is to be seen."""
        return hashlib.sha256(os.fsencode(self.result)).hexdigest()[:8]

    @property
    def state(self) -> State:
        """How the clip ended."""
        return self.outcome.state

    @property
    def reason(self) -> str:
        """What was wrong, in one line; empty when the clip is done."""
        return self.outcome.reason

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values, without the report."""
        values = dataclasses.asdict(self)
        outcome = values.pop("outcome")
        del outcome["report"], outcome["ends_run"]
        return {
            "id": self.id,
            **values,
            **outcome,
            "stage_seconds": self.outcome.stage_seconds,
        }


def new_record(job: Job, settings_sha256: str, version: str, outcome: Outcome) -> ClipRecord:
    """The record of a clip that has just ended."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return ClipRecord(
        source=job.source,
        result=job.result,
        source_bytes=job.size,
        source_mtime_ns=job.mtime_ns,
        settings_sha256=settings_sha256,
        version=version,
        outcome=outcome,
        finished=now,
    )


def settings_key(settings: Settings, version: str) -> str:
    """SHA-256 of all that decides what a clip's result shows: the settings and the version.

    The number of threads is left out: the plan and the covers don't depend on it.
    """
    values = dataclasses.asdict(settings)
    del values["threads"]
    return json_sha256({"settings": values, "version": version})


def json_sha256(value: Any) -> str:
    """SHA-256 of a JSON value in one fixed spelling, as hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()
