"""Clips at addresses such as s3://bucket/visits/a.mp4: found, fetched and published by fsspec.

What every engine does with a file, a worker does here with a copy: it fetches the clip, redacts it,
writes the result to a temporary name beside its place, and moves it there. Object stores show an
object only once it is complete, so nobody ever sees a half-written one.

The manifest of a store is one small JSON object for each clip below `.redact-manifest/`, since a
database can't live there. Two runs on one store don't see each other: they do work twice, but give
the same results.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import posixpath
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from redact.batch.manifest import Claim
from redact.batch.records import FINAL_STATES, ClipRecord, Outcome
from redact.batch.sources import (
    IMAGE_SUFFIXES,
    SUFFIXES,
    Found,
    Job,
    is_address,
    is_result,
    result_name,
)
from redact.errors import ClipError, RedactError, TargetError
from redact.source_files import reason

_RECORDS = ".redact-manifest"
_TRIES = 5
_FIRST_WAIT_SECONDS = 0.5
_Value = TypeVar("_Value")


class Store:
    """The file system behind addresses of one kind, such as all that begin with "s3://".

    Everything is tried several times with growing pauses, except what can't get better.

    Raises:
        RedactError: there is no such kind of address, or the package for it isn't installed.

    """

    def __init__(self, address: str) -> None:
        self.protocol = address.partition("://")[0]
        try:
            import fsspec
            from fsspec.core import url_to_fs
        except ImportError as err:
            raise RedactError(
                f"{address!r} is an address; install redact-clips[remote] to read and write there"
            ) from err
        try:
            self.files: Any = url_to_fs(address)[0]
        except (ImportError, ValueError) as err:
            known = ", ".join(name for name in ("file", "s3", "gs", "http", "https"))
            raise RedactError(
                f"can't use the address {address!r}: {reason(err)}; known are {known}, and what "
                f"fsspec {fsspec.__version__} finds installed"
            ) from err

    def path(self, address: str) -> str:
        """An address as the file system wants it, without a slash at the end."""
        path: str = self.files._strip_protocol(address)
        return path.rstrip("/")

    def find(self, address: str) -> dict[str, dict[str, Any]]:
        """All files at and below an address: {path: what is known of it}."""
        path = self.path(address)
        if self.protocol in ("http", "https"):
            return {path: self.info(path)}  # These have no folders.
        found: dict[str, dict[str, Any]] = self.retried(
            lambda: self.files.find(path, detail=True, refresh=True)
        )
        return found

    def info(self, path: str) -> dict[str, Any]:
        """What is known of a file, "size" among it."""

        def ask() -> dict[str, Any]:
            self.files.invalidate_cache()
            return dict(self.files.info(path))

        return self.retried(ask)

    def read(self, path: str) -> bytes:
        """The content of a small file."""
        return bytes(self.retried(lambda: self.files.cat_file(path)))

    def write(self, path: str, data: bytes) -> None:
        """Write a small file."""
        self.retried(lambda: self.files.pipe_file(path, data))

    def fetch(self, path: str, local: str) -> None:
        """Copy a file to this machine."""
        self.retried(lambda: self.files.get_file(path, local))

    def publish(self, local: str, path: str) -> None:
        """Copy a file from this machine to a place where it appears at once and complete."""
        folder, name = posixpath.split(path)
        unfinished = posixpath.join(folder, f".redact-{secrets.token_hex(6)}-{name}")

        def put() -> None:
            with contextlib.suppress(NotImplementedError, PermissionError):
                self.files.makedirs(folder, exist_ok=True)
            self.files.put_file(local, unfinished)
            self.files.mv(unfinished, path)

        try:
            self.retried(put)
        except BaseException:
            with contextlib.suppress(Exception):
                self.files.rm_file(unfinished)
            raise

    def retried(self, do: Callable[[], _Value]) -> _Value:
        """Do something, again when it fails in a way that may pass.

        Raises:
            OSError: it failed in another way, or in all tries.

        """
        for number in range(_TRIES):
            try:
                return do()
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
                raise
            except Exception as err:
                # Clients of stores have errors of all kinds for a network or server that fails.
                if number == _TRIES - 1:
                    raise OSError(f"{type(err).__name__}: {reason(err)}") from err
                time.sleep(_FIRST_WAIT_SECONDS * 2**number * random.uniform(0.5, 1.5))
        raise AssertionError


def find_jobs_at(addresses: Sequence[object]) -> Found:
    """As `sources.find_jobs`, for addresses.

    Raises:
        ClipError: an address has nothing, or not all are of one kind.
        TargetError: two clips' results would have the same name.
        RedactError: that kind of address can't be used here.

    """
    if not all(is_address(address) for address in addresses):
        raise ClipError(
            "name either paths or addresses, not both; their results can't keep their places"
        )
    names = [str(address) for address in addresses]
    store = Store(names[0])
    if any(name.partition("://")[0] != store.protocol for name in names):
        raise ClipError(f"name addresses of one kind, not {', '.join(map(repr, names))}")
    found: dict[str, dict[str, Any]] = {}
    roots = []
    skipped_count = 0
    for name in names:
        try:
            listed = store.find(name)
        except OSError as err:
            raise ClipError(f"can't look at {name!r}: {reason(err)}") from err
        if not listed:
            raise ClipError(f"there is nothing at {name!r}")
        top = store.path(name)
        roots.append(posixpath.dirname(top) if set(listed) == {top} else top)
        for path, about in sorted(listed.items()):
            below = posixpath.relpath(path, top)
            is_hidden = any(part.startswith(".") for part in below.split("/") if part != ".")
            if path != top and (is_hidden or posixpath.splitext(path)[1].lower() not in SUFFIXES):
                continue
            if path != top and is_result(path):
                skipped_count += 1
                continue
            found.setdefault(path, about)
    root = posixpath.commonpath(roots)
    jobs: dict[str, Job] = {}
    for path, about in found.items():
        job = Job(
            source=store.files.unstrip_protocol(path),
            result=result_name(
                posixpath.relpath(path, root),
                # What a file is shows only once it was fetched; an animation is refused then.
                is_image=posixpath.splitext(path)[1].lower() in IMAGE_SUFFIXES,
            ),
            size=int(about.get("size") or 0),
            mtime_ns=_version_of(about),
        )
        other = jobs.setdefault(job.result, job)
        if other is not job:
            raise TargetError(
                f"{other.source!r} and {job.source!r} would both become {job.result!r}; give "
                "them different names"
            )
    if not jobs:
        raise ClipError(f"there is no video file in {', '.join(map(repr, names))}")
    return Found(jobs=tuple(jobs.values()), skipped_count=skipped_count)


class StoreManifest:
    """The manifest of a store; see `manifest.FolderManifest`, whose place it takes.

    Args:
        address: where the results go.

    Raises:
        TargetError: it can't be read.

    """

    def __init__(self, address: str) -> None:
        self._store = Store(address)
        self._root = self._store.path(address)
        try:
            self._known = set(self._store.find(posixpath.join(address, _RECORDS)))
        except FileNotFoundError:
            self._known = set()
        except OSError as err:
            raise TargetError(f"can't look at {address!r}: {reason(err)}") from err

    def __enter__(self) -> StoreManifest:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to close."""

    def claim(self, job: Job, settings_sha256: str, version: str, *, force: bool) -> Claim:
        """Whether the clip has to be done; nobody else is kept from it."""
        record = None if force else self._record(job)
        if record is None or record.state not in FINAL_STATES:
            return Claim(status="ours")
        recorded = (record.settings_sha256, record.version, record.source)
        if recorded != (settings_sha256, version, job.source):
            return Claim(status="ours")
        if (record.source_bytes, record.source_mtime_ns) != (job.size, job.mtime_ns):
            return Claim(status="ours")
        if record.state == "done":
            try:
                size = self._store.info(self._path(job)).get("size")
            except OSError:
                return Claim(status="ours")
            if size != record.outcome.result_bytes:
                return Claim(status="ours")
        return Claim(status="kept", record=dataclasses.replace(record, is_kept=True))

    def work_target(self, job: Job, number: int) -> str:
        """The result's own address: workers publish by themselves."""
        address: str = self._store.files.unstrip_protocol(self._path(job))
        return address

    def place(self, job: Job) -> str:
        """The result's address."""
        return self.work_target(job, 0)

    def commit(self, job: Job, work: str, record: ClipRecord) -> bool:
        """Write down how a clip ended.

        Raises:
            TargetError: it can't be written.

        """
        path = self._record_path(job)
        data = json.dumps(dataclasses.asdict(record), indent=1).encode()
        try:
            with contextlib.suppress(NotImplementedError):
                self._store.files.makedirs(posixpath.dirname(path), exist_ok=True)
            self._store.write(path, data)
        except OSError as err:
            raise TargetError(f"can't write {path!r}: {reason(err)}") from err
        self._known.add(path)
        return True

    def release(self, job: Job) -> None:
        """Nothing was claimed."""

    def beat(self) -> None:
        """Nobody asks."""

    def _record(self, job: Job) -> ClipRecord | None:
        path = self._record_path(job)
        if path not in self._known:
            return None
        try:
            values = json.loads(self._store.read(path))
            outcome = Outcome(**values.pop("outcome"))
            return ClipRecord(**values, outcome=outcome)
        except (OSError, ValueError, TypeError, KeyError):
            return None  # Damaged, or of another version: the clip is done again.

    def _path(self, job: Job) -> str:
        return posixpath.join(self._root, job.result)

    def _record_path(self, job: Job) -> str:
        return posixpath.join(self._root, _RECORDS, f"{job.result}.json")


def _version_of(about: dict[str, Any]) -> int:
    """A number that changes when a stored file does: its time, or a hash of its tag."""
    for key in ("LastModified", "last_modified", "updated", "mtime", "created"):
        value: Any = about.get(key)
        if hasattr(value, "timestamp"):
            value = value.timestamp()
        if isinstance(value, int | float):
            return int(value * 1e9)
    tag = str(about.get("ETag") or about.get("etag") or about.get("sha256") or "")
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:6], "big")
