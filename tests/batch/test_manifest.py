"""The manifest: who may work on a clip, and what happens to who is gone."""

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from redact import TargetError
from redact.batch import manifest
from redact.batch.manifest import NAME, WORK, FolderManifest
from redact.batch.records import Outcome, new_record
from redact.batch.sources import Job

JOB = Job(source="/in/a.mp4", result="sub/a.redacted.mp4", size=5, mtime_ns=7)


def claim(book, job=JOB, **options):
    return book.claim(job, "key", "1", **{"force": False, **options}).status


def finish(book, job=JOB, text="result"):
    work = book.work_target(job, 1)
    Path(work).write_text(text)
    outcome = Outcome(state="done", result_bytes=len(text))
    return book.commit(job, work, new_record(job, "key", "1", outcome))


def gone(folder, **values):
    """Make every owner look like a process that is gone."""
    with sqlite3.connect(folder / NAME) as database:
        for name, value in values.items():
            database.execute(f"UPDATE owners SET {name} = ?", (value,))
    database.close()


def test_a_clip_is_claimed_by_one_owner_at_a_time(tmp_path):
    with FolderManifest(tmp_path) as one, FolderManifest(tmp_path) as other:
        assert claim(one) == "ours"
        assert claim(other) == "theirs"
        assert claim(other, force=True) == "theirs"
        one.release(JOB)
        assert claim(other) == "ours"


def test_a_committed_clip_is_kept_by_all(tmp_path):
    with FolderManifest(tmp_path) as one, FolderManifest(tmp_path) as other:
        claim(one)
        assert finish(one)
        assert (tmp_path / "sub" / "a.redacted.mp4").read_text() == "result"
        assert claim(other) == "kept"
        assert [record.result for record in other.records()] == [JOB.result]


def test_a_clip_that_another_owner_ends_with_meanwhile_is_kept(tmp_path, monkeypatch):
    with FolderManifest(tmp_path) as one, FolderManifest(tmp_path) as other:
        claim(one)
        look, looks = FolderManifest._row, []

        def looked(self, job):
            row = look(self, job)
            looks.append(self)
            if looks == [other]:
                assert finish(one)
            return row

        monkeypatch.setattr(FolderManifest, "_row", looked)
        assert claim(other) == "kept"


def test_claims_and_unfinished_work_end_with_their_owner(tmp_path):
    with FolderManifest(tmp_path) as one:
        claim(one)
        Path(one.work_target(JOB, 1)).write_text("half")
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    with FolderManifest(tmp_path) as other:
        assert claim(other) == "ours"


@pytest.mark.parametrize("values", [{"pid": 2**22 - 3}, {"started": 5.0}])
def test_who_is_gone_loses_claims_and_work_and_cannot_publish(tmp_path, values):
    with FolderManifest(tmp_path) as one:
        claim(one)
        work = Path(one.work_target(JOB, 1))
        work.write_text("half")
        gone(tmp_path, **values)
        with FolderManifest(tmp_path) as other:
            assert claim(other) == "ours"
            assert not work.exists()
            # It was not gone after all: its result is dropped, the other's counts.
            assert not finish(one, text="late")
            assert finish(other, text="right")
        assert (tmp_path / "sub" / "a.redacted.mp4").read_text() == "right"


def test_an_owner_on_another_machine_is_given_up_once_it_is_silent(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(manifest.time, "monotonic", lambda: now[0])
    with FolderManifest(tmp_path) as one:
        claim(one)
        gone(tmp_path, host="elsewhere")
        with FolderManifest(tmp_path) as other:
            gone(tmp_path, host="elsewhere")
            assert claim(other) == "theirs"
            now[0] += 50
            one.beat()
            assert claim(other) == "theirs"
            now[0] += 50
            assert claim(other) == "theirs"
            now[0] += 20
            assert claim(other) == "ours"


def test_nothing_is_recorded_when_a_result_cannot_get_its_place(tmp_path):
    with FolderManifest(tmp_path) as book:
        claim(book)
        (tmp_path / "sub" / "a.redacted.mp4").mkdir(parents=True)
        with pytest.raises(TargetError):
            finish(book)
        assert list(book.records()) == []


def test_names_that_differ_in_case_are_one_where_the_folder_says_so(tmp_path):
    other_job = dataclasses.replace(JOB, result="SUB/A.redacted.mp4")
    with FolderManifest(tmp_path) as one, FolderManifest(tmp_path) as other:
        one._ignores_case = other._ignores_case = True
        assert claim(one) == "ours"
        assert claim(other, other_job) == "theirs"


def test_a_manifest_of_a_later_version_is_refused(tmp_path):
    FolderManifest(tmp_path).close()
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(TargetError, match="later version"):
        FolderManifest(tmp_path)


def test_the_work_folder_lies_in_the_target_folder(tmp_path):
    with FolderManifest(tmp_path) as book:
        claim(book)
        assert (tmp_path / WORK) in Path(book.work_target(JOB, 1)).parents
