"""The manifest: one SQLite file in the target folder that knows what became of every clip.

Why SQLite and not lines of JSON: two processes may work on one folder, and a process may be killed
at any moment. A transaction says who works on a clip, and commits a result and its row together; a
file of lines would need locks and a repair of its own for that. The journal is the old one, because
target folders are often network shares, on which SQLite's newer one doesn't work.

Each process that uses a manifest is an *owner*. It *claims* a clip before it starts, and *commits*
it afterwards. Results are made in the owner's own folder below `.redact-work`, and get their place
in the same transaction that records them, so only who still holds the claim can publish. An owner
whose process is gone, or who has given no sign of life for a minute, loses its claims, and its
unfinished work is deleted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import psutil

from redact.batch.records import FINAL_STATES, ClipRecord, Outcome, new_record
from redact.batch.sources import Job, is_address
from redact.errors import TargetError
from redact.source_files import reason

NAME = "redact-manifest.sqlite3"
WORK = ".redact-work"
_VERSION = 1
# An owner of whom only its beats are known, on another machine, is given up after this time.
_SILENT_SECONDS = 60.0
_BEAT_SECONDS = 5.0

_SCHEMA = """
CREATE TABLE owners (
  token TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, started REAL NOT NULL,
  beats INTEGER NOT NULL
);
CREATE TABLE clips (
  key TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  result TEXT NOT NULL,
  source TEXT NOT NULL,
  source_bytes INTEGER NOT NULL,
  source_mtime_ns INTEGER NOT NULL,
  source_sha256 TEXT NOT NULL,
  settings_sha256 TEXT NOT NULL,
  plan_sha256 TEXT NOT NULL,
  version TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  seconds REAL NOT NULL,
  finished TEXT NOT NULL,
  result_bytes INTEGER NOT NULL,
  result_sha256 TEXT NOT NULL,
  frame_count INTEGER NOT NULL,
  covered_ratio REAL NOT NULL,
  peak_bytes INTEGER NOT NULL,
  report TEXT NOT NULL,
  owner TEXT REFERENCES owners (token)
);
CREATE INDEX clips_owner ON clips (owner);
"""
_OUTCOME_COLUMNS = (
    *("state", "reason", "seconds", "source_sha256", "plan_sha256", "result_sha256"),
    *("result_bytes", "frame_count", "covered_ratio", "peak_bytes"),
)
_RECORD_COLUMNS = (
    *("source", "result", "source_bytes", "source_mtime_ns", "settings_sha256", "version"),
    *("attempts", "finished"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """Whether this process is to redact a clip."""

    status: Literal["ours", "theirs", "kept"]
    """"ours": do it. "theirs": another process is at it. "kept": it need not be done."""
    record: ClipRecord | None = None
    """Of a clip that is kept."""


class Manifest(Protocol):
    """What a batch asks of a manifest, wherever that is kept."""

    def claim(self, job: Job, settings_sha256: str, version: str, *, force: bool) -> Claim:
        """Take a clip, unless it need not be done or another process is at it."""

    def work_target(self, job: Job, number: int) -> str:
        """Where the worker is to write the result of a claimed clip."""

    def place(self, job: Job) -> str:
        """Where the result will be, in words for a person."""

    def commit(self, job: Job, work: str, record: ClipRecord) -> bool:
        """Record how a clip ended, and publish its result; False when the claim was lost."""

    def release(self, job: Job) -> None:
        """Give up a claim, as if nothing had happened."""

    def beat(self) -> None:
        """Give a sign of life; called often."""


class FolderManifest:
    """The manifest of a target folder. Use it as a context manager, in one thread.

    Args:
        folder: the target folder; it is made when it is missing.

    Raises:
        TargetError: the folder or the manifest can't be written or read, or the manifest is of a
            later version.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._token = secrets.token_hex(8)
        self._last_beat = time.monotonic()
        # What was last seen of other owners: how many beats, and since when by our clock.
        self._seen_beats: dict[str, tuple[int, float]] = {}
        if folder.exists() and not folder.is_dir():
            raise TargetError(f"{str(folder)!r} is not a folder; name one for the results")
        with self._translated():
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / NAME
            self._database = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        try:
            with self._transaction() as do:
                self._prepare(do, path)
                process = psutil.Process()
                do(
                    "INSERT INTO owners VALUES (?, ?, ?, ?, 0)",
                    (self._token, _host(), process.pid, process.create_time()),
                )
            # A folder that ignores case lets two names stand for one file.
            self._ignores_case = path.with_name(NAME.upper()).exists()
            self._end_dead_owners()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> FolderManifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up all claims, delete unfinished work, and close the file."""
        try:
            with contextlib.suppress(TargetError), self._transaction() as do:
                self._end_owner(do, self._token)
        finally:
            self._database.close()
            _delete_work(self.folder, self._token)
            with contextlib.suppress(OSError):
                (self.folder / WORK).rmdir()  # unless another process works there

    def claim(self, job: Job, settings_sha256: str, version: str, *, force: bool) -> Claim:
        """Take a clip, unless it need not be done or another process is at it.

        A clip need not be done when it ended in a state that another try wouldn't change, its
        result is still there, and neither the source nor the settings nor the version changed.

        Raises:
            TargetError: the manifest can't be written.

        """
        while True:
            row = self._row(job)
            if row is not None and row["owner"] is None and not force:
                record = self._if_unchanged(row, job, settings_sha256, version)
                if record is not None:
                    return Claim(status="kept", record=record)
            with self._transaction() as do:
                current = self._row(job)
                if _as_tuple(current) != _as_tuple(row):
                    continue  # Another process has ended or begun with it just now.
                if current is not None and current["owner"] not in (None, self._token):
                    if self._is_alive(do, current["owner"]):
                        return Claim(status="theirs")
                    self._end_owner(do, current["owner"])
                    _delete_work(self.folder, current["owner"])
                outcome = Outcome(state="failed", reason="not finished")
                empty = new_record(job, settings_sha256, version, outcome)
                empty = dataclasses.replace(empty, finished="")
                self._write(do, empty, self._key(job), owner=self._token)
            return Claim(status="ours")

    def work_target(self, job: Job, number: int) -> str:
        """Where the worker is to write the result of a claimed clip: a folder of our own."""
        folder = self.folder / WORK / self._token / str(number)
        with self._translated():
            folder.mkdir(parents=True, exist_ok=True)
        return str(folder / Path(job.result).name)

    def place(self, job: Job) -> str:
        """Where the result will be."""
        return str(self.folder / job.result)

    def commit(self, job: Job, work: str, record: ClipRecord) -> bool:
        """Record how a clip ended, and give its result its place.

        Returns: False, and nothing is changed, when another process has taken the claim over.

        Raises:
            TargetError: the manifest or the result can't be written.

        """
        target = self.folder / record.result
        with self._transaction() as do:
            row = self._row(job)
            if row is None or row["owner"] != self._token:
                return False
            self._write(do, record, self._key(job), owner=None)
            if record.state == "done":
                # The last step before the transaction ends: when it fails, the row is undone, and
                # when the process dies between the two, the clip is done once more.
                target.parent.mkdir(parents=True, exist_ok=True)
                Path(work).replace(target)
        shutil.rmtree(Path(work).parent, ignore_errors=True)
        return True

    def release(self, job: Job) -> None:
        """Give up a claim, as if nothing had happened."""
        with self._transaction() as do:
            do("DELETE FROM clips WHERE key = ? AND owner = ?", (self._key(job), self._token))

    def beat(self) -> None:
        """Give a sign of life, at most once in a few seconds."""
        if time.monotonic() - self._last_beat > _BEAT_SECONDS:
            self._last_beat = time.monotonic()
            with self._transaction() as do:
                do("UPDATE owners SET beats = beats + 1 WHERE token = ?", (self._token,))

    def record_of(self, job: Job) -> ClipRecord | None:
        """What became of a clip; None when nothing is known or somebody is at it."""
        row = self._row(job)
        return None if row is None or row["owner"] is not None else _record(row)

    def records(self) -> Iterator[ClipRecord]:
        """All clips that ended, in the order of their results' names."""
        with self._translated():
            query = "SELECT * FROM clips WHERE owner IS NULL ORDER BY result"
            for row in self._database.execute(query):
                yield _record(row)

    def _key(self, job: Job) -> str:
        # File names may hold bytes that are no text, which SQLite can't keep.
        name = _storable(job.result)
        return name.casefold() if self._ignores_case else name

    def _row(self, job: Job) -> sqlite3.Row | None:
        with self._translated():
            query = "SELECT * FROM clips WHERE key = ?"
            row: sqlite3.Row | None = self._database.execute(query, (self._key(job),)).fetchone()
        return row

    def _if_unchanged(
        self, row: sqlite3.Row, job: Job, settings_sha256: str, version: str
    ) -> ClipRecord | None:
        """The record of a clip that need not be done again."""
        record = _record(row)
        if record.state not in FINAL_STATES:
            return None
        if (record.settings_sha256, record.version) != (settings_sha256, version):
            return None
        if record.source != _storable(job.source) or record.source_bytes != job.size:
            return None
        if record.state == "done":
            try:
                if (self.folder / job.result).stat().st_size != record.outcome.result_bytes:
                    return None
            except OSError:
                return None
        if record.source_mtime_ns != job.mtime_ns:
            # Touched or copied again: its content decides.
            if is_address(job.source):
                return None
            from redact.video import file_sha256

            try:
                if file_sha256(Path(job.source)) != record.outcome.source_sha256:
                    return None
            except OSError:
                return None
            with self._transaction() as do:
                do(
                    "UPDATE clips SET source_mtime_ns = ? WHERE key = ? AND owner IS NULL",
                    (job.mtime_ns, row["key"]),
                )
        return dataclasses.replace(record, source_mtime_ns=job.mtime_ns, is_kept=True)

    def _write(self, do: Any, record: ClipRecord, key: str, *, owner: str | None) -> None:
        outcome = record.outcome
        values: dict[str, Any] = {"key": key, "owner": owner, "id": record.id}
        values |= {name: getattr(record, name) for name in _RECORD_COLUMNS}
        values |= {name: getattr(outcome, name) for name in _OUTCOME_COLUMNS}
        values["report"] = json.dumps(outcome.report) if outcome.report else ""
        values = {k: _storable(v) if isinstance(v, str) else v for k, v in values.items()}
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        do(f"INSERT OR REPLACE INTO clips ({names}) VALUES ({marks})", tuple(values.values()))

    def _prepare(self, do: Any, path: Path) -> None:
        """Make the tables of a new file, and refuse a file that isn't ours."""
        self._database.row_factory = sqlite3.Row
        version = do("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise TargetError(
                f"{str(path)!r} was written by a later version of redact; update redact, or use "
                "another target folder"
            )
        if version == 0:
            for statement in _SCHEMA.split(";"):
                do(statement)
            do(f"PRAGMA user_version = {_VERSION}")

    def _end_dead_owners(self) -> None:
        """Free the clips of processes that are gone, and delete what they left half-written."""
        with self._transaction() as do:
            tokens = [row["token"] for row in do("SELECT token FROM owners").fetchall()]
            dead = [t for t in tokens if t != self._token and not self._is_alive(do, t)]
            for token in dead:
                self._end_owner(do, token)
        for token in dead:
            _delete_work(self.folder, token)

    def _end_owner(self, do: Any, token: str) -> None:
        do("DELETE FROM clips WHERE owner = ?", (token,))
        do("DELETE FROM owners WHERE token = ?", (token,))

    def _is_alive(self, do: Any, token: str) -> bool:
        """Whether an owner's process runs, or gave a sign of life lately."""
        row = do("SELECT * FROM owners WHERE token = ?", (token,)).fetchone()
        if row is None:
            return False
        if row["host"] == _host():
            return _runs(row["pid"], row["started"])
        now = time.monotonic()
        beats, since = self._seen_beats.get(token, (-1, now))
        if beats != row["beats"]:
            self._seen_beats[token] = (row["beats"], now)
            return True
        return now - since < _SILENT_SECONDS

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        """Give a function that executes a statement; all happen together or none does."""
        with self._translated():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database.execute
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as err:
            place = str(self.folder / NAME)
            raise TargetError(
                f"can't keep the manifest {place!r} or put a result beside it: {reason(err)}"
            ) from err


def _as_tuple(row: sqlite3.Row | None) -> tuple[Any, ...] | None:
    return None if row is None else tuple(row)


def _record(row: sqlite3.Row) -> ClipRecord:
    report = json.loads(row["report"]) if row["report"] else {}
    outcome = Outcome(**{name: row[name] for name in _OUTCOME_COLUMNS}, report=report)
    return ClipRecord(**{name: row[name] for name in _RECORD_COLUMNS}, outcome=outcome)


def _storable(text: str) -> str:
    """The text with escapes for bytes of a file name that are no text."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _host() -> str:
    """Where process numbers mean the same: the machine, and on Linux the container in it."""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino  # noqa: PTH116
    except OSError:
        space = 0
    return f"{socket.gethostname()}/{space}"


def _runs(pid: int, started: float) -> bool:
    """Whether the process that had this number at that time still runs."""
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started) < 1.0
        return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True  # It may not be looked at, so it is there.


def _delete_work(folder: Path, token: str) -> None:
    shutil.rmtree(folder / WORK / token, ignore_errors=True)
