"""The ledger: who asked for a clip, what was decided, and the hashes of what was given out.

A ledger is a text file with one JSON object a line, to which lines are only ever added. Each entry
holds the hash of the one before, so that an entry that is changed, removed or moved breaks the
chain. It holds no names of files and nothing about the machine: apart from hashes, sizes and times,
only what its owner typed.

What a chain can't show: that entries are missing at its end, or that somebody wrote the whole file
anew, hashes included. For that, compare it with a hash that was noted elsewhere, such as in the
report of a clip that was given out: `Ledger.verify` takes it as `expected`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from redact.errors import LedgerError
from redact.source_files import reason

_FORMAT = 1
_NO_HASH = "0" * 64
_MAX_TEXT_LENGTH = 4000
_MIN_EXPECTED_LENGTH = 12
# Appending takes milliseconds. Who waits longer waits for a process that hangs.
_LOCK_SECONDS = 20.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a ledger."""

    number: int
    """1 for the first entry, and so on."""
    time: str
    """When it was added, UTC, such as "2026-11-30T19:40:00Z"; as right as the machine's clock."""
    event: str
    """What happened, such as "shared", "request declined" or "note"."""
    details: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the owner typed, such as who asked and why."""
    facts: Mapping[str, str | int] = dataclasses.field(default_factory=dict)
    """Hashes and sizes of the files that it is about, such as "source_sha256"."""
    previous: str
    """The hash of the entry before; 64 zeros in the first one."""
    hash: str
    """The SHA-256 of all of the above, as 64 hexadecimal digits."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LedgerCheck:
    """What `Ledger.verify` found out."""

    entry_count: int
    last_hash: str
    """The hash of the last entry, to be noted elsewhere; empty if there is none."""
    problems: tuple[str, ...]
    """What was changed, in words; empty if nothing in the file shows a change."""


class Ledger:
    """A ledger in a file, which needs not exist before the first entry.

    Several processes may append at the same time. An entry is on the disk when `append` returns. If
    a process is killed while it writes, the unfinished line is taken out by the next `append`,
    whose entry tells of it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def append(
        self,
        event: str,
        *,
        details: Mapping[str, str] | None = None,
        facts: Mapping[str, str | int] | None = None,
    ) -> Entry:
        """Add an entry and return it; see `Entry` for the arguments.

        Raises:
            LedgerError: a text is too long or not a text, the file can't be written, or its last
                entry is damaged.

        """
        details, facts = dict(details or {}), dict(facts or {})
        for name, text in {"event": event, **details}.items():
            if not isinstance(text, str) or len(text) > _MAX_TEXT_LENGTH:
                raise LedgerError(
                    f"{name} must be a text of at most {_MAX_TEXT_LENGTH} characters, "
                    f"not {str(text)[:60]!r}"
                )
        with self._locked(), self._translated_errors("write"):
            return self._append(event, details, facts)

    def entries(self) -> list[Entry]:
        """All entries, whether or not the chain holds.

        Raises:
            LedgerError: the file can't be read, or a line of it is not an entry.

        """
        lines, _ = self._read()
        return [
            _parsed(line, f"line {number} of {str(self.path)!r}")
            for number, line in enumerate(lines, 1)
        ]

    def verify(self, expected: str | None = None) -> LedgerCheck:
        """Look for changes.

        Args:
            expected: the hash of an entry that was noted elsewhere, or its first 12 digits or more.
                Without it, entries removed from the end can't be noticed.

        Raises:
            LedgerError: the file can't be read, or `expected` is not a hash.

        """
        if expected is not None:
            expected = expected.strip().lower()
            if not re.fullmatch(rf"[0-9a-f]{{{_MIN_EXPECTED_LENGTH},64}}", expected):
                raise LedgerError(
                    f"{expected!r} is not a hash: give at least its first {_MIN_EXPECTED_LENGTH} "
                    "hexadecimal digits"
                )
        lines, rest = self._read()
        problems: list[str] = []
        hashes: list[str] = []
        before: Entry | None = None
        for number, line in enumerate(lines, 1):
            try:
                entry = _parsed(line, f"line {number}")
            except LedgerError as err:
                problems.append(str(err))
                before = None
                continue
            problems += _problems_of(entry, line, number, before)
            before = entry
            hashes.append(entry.hash)
        if rest:
            problems.append(
                f"the last line is unfinished ({len(rest)} bytes): the process that wrote it was "
                "stopped, or the end of the file was cut off"
            )
        if expected is not None and not any(h.startswith(expected) for h in hashes):
            problems.append(
                f"no entry has the hash {expected}: entries were removed, or the ledger was "
                "written anew"
            )
        return LedgerCheck(
            entry_count=len(lines),
            last_hash=hashes[-1] if hashes else "",
            problems=tuple(problems),
        )

    def _append(self, event: str, details: dict[str, str], facts: dict[str, str | int]) -> Entry:
        # Entries hold names of people: only the owner can read a new file.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(self.path, flags, 0o600), "r+b") as file:
            lines, rest = _split(file.read())
            last = self._last_of(lines)
            if rest:
                facts |= {"unfinished_bytes": len(rest), "unfinished_sha256": _sha256(rest)}
            size = sum(len(line) + 1 for line in lines)
            entry = _hashed(
                Entry(
                    number=len(lines) + 1,
                    time=_now(),
                    event=event,
                    details=details,
                    facts=facts,
                    previous=last.hash if last else _NO_HASH,
                    hash="",
                )
            )
            try:
                file.seek(size)
                file.truncate()
                file.write(_line_of(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                # A full disk: what was written of the line must not stay.
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), size)
                raise
        return entry

    def _last_of(self, lines: list[bytes]) -> Entry | None:
        """The entry that the next one follows.

        Raises:
            LedgerError: the last line is not an entry.

        """
        try:
            return _parsed(lines[-1], f"the last line of {str(self.path)!r}") if lines else None
        except LedgerError as err:
            raise LedgerError(f"{err}, so nothing can follow it; go on in a new file") from err

    def _read(self) -> tuple[list[bytes], bytes]:
        """The finished lines, and what follows the last of them."""
        with self._translated_errors("read"):
            return _split(self.path.read_bytes())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let no other process append meanwhile; the system unlocks when a process is killed."""
        import filelock

        if not self.path.parent.is_dir():
            # The lock would make the folder, and hide that its name is misspelled.
            raise LedgerError(
                f"can't write the ledger {str(self.path)!r}: there is no folder "
                f"{str(self.path.parent)!r}"
            )
        lock = filelock.FileLock(
            self.path.with_name(f".{self.path.name}.lock"), timeout=_LOCK_SECONDS
        )
        with self._translated_errors("write"), contextlib.ExitStack() as stack:
            try:
                stack.enter_context(lock)
            except filelock.Timeout as err:
                raise LedgerError(
                    f"can't write {str(self.path)!r}: another process has kept it locked for "
                    f"{_LOCK_SECONDS:g} s; end that process and try again"
                ) from err
            yield

    @contextlib.contextmanager
    def _translated_errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as err:
            raise LedgerError(f"can't {what} the ledger {str(self.path)!r}: {reason(err)}") from err


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    *lines, rest = data.split(b"\n")
    return lines, rest


def _hashed(entry: Entry) -> Entry:
    return dataclasses.replace(entry, hash=_sha256(_json_of(entry, with_hash=False)))


def _line_of(entry: Entry) -> bytes:
    return _json_of(entry, with_hash=True)


def _json_of(entry: Entry, *, with_hash: bool) -> bytes:
    """The entry in the one way in which it may be written: any other byte is a change."""
    values = {"ledger": _FORMAT, **dataclasses.asdict(entry)}
    if not with_hash:
        del values["hash"]
    return json.dumps(values, separators=(",", ":")).encode("ascii")


def _parsed(line: bytes, where: str) -> Entry:
    """The entry of a line.

    Raises:
        LedgerError: the line is something else.

    """
    names = {field.name for field in dataclasses.fields(Entry)}
    types: dict[str, type] = {"number": int, "details": dict, "facts": dict, "ledger": int}
    try:
        values: Any = json.loads(line)
    except (ValueError, RecursionError):
        values = None
    is_entry = (
        isinstance(values, dict)
        and values.keys() == names | {"ledger"}
        and all(isinstance(value, types.get(name, str)) for name, value in values.items())
    )
    if not is_entry:
        raise LedgerError(f"{where} is not an entry of a ledger")
    if values["ledger"] != _FORMAT:
        raise LedgerError(
            f"{where} has the format {values['ledger']}; this version reads {_FORMAT}"
        )
    return Entry(**{name: values[name] for name in names})


def _problems_of(entry: Entry, line: bytes, number: int, before: Entry | None) -> Iterator[str]:
    """What shows that an entry, or what comes before it, was changed.

    number: of the line, 1 for the first.
    before: the entry before; None if there is none, or if it can't be read.
    """
    name = f"entry {entry.number} (line {number})"
    if _hashed(entry).hash != entry.hash:
        yield f"{name} was changed: its content has another hash than it says"
    elif _line_of(entry) != line:
        yield f"{name} is written in another way than this program does"
    if before is None and number > 1:
        return  # That line is a problem already.
    expected_hash, expected_number = (before.hash, before.number + 1) if before else (_NO_HASH, 1)
    if (entry.previous, entry.number) != (expected_hash, expected_number):
        where = f"entry {before.number}" if before else "the start of the ledger"
        yield f"{name} doesn't follow {where}: something was changed, removed, added or moved there"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _now() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
