"""A folder that fills: clips are taken once they are complete, once each, also over restarts."""

import os
import signal
import sys
import threading
import time

import pytest
from batches import is_done, rows, started, wait_for
from broken import without_atom
from make_clips import write_clip

import redact
from redact.batch import watching
from redact.batch.watching import FolderQueue, WatchTiming, watch

unix_only = pytest.mark.skipif(os.name == "nt", reason="there are no such signals there")
QUICK = WatchTiming(settle_seconds=0.2, poll_seconds=0.1)


@pytest.fixture
def clock(monkeypatch):
    """A list of one number, which is what the queue takes for the time."""
    now = [1000.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    return now


def names(queue, clock, seconds):
    """What the queue gives within so many seconds, asked ten times a second."""
    given = []
    for _ in range(round(10 * seconds)):
        while job := queue.next():
            given.append(job.result)
        clock[0] += 0.1
    return given


def test_a_file_is_taken_once_it_has_stood_still(clips, clock):
    folder = clips({"a.mp4": "one", "sub/b.mp4": "two", "c.redacted.mp4": "no", "d.txt": "no"})
    queue = FolderQueue(folder, WatchTiming())
    assert names(queue, clock, 9) == []
    with (folder / "sub" / "b.mp4").open("a") as file:
        file.write("more")
    assert names(queue, clock, 3) == ["a.redacted.mp4"]
    assert names(queue, clock, 20) == ["sub/b.redacted.mp4"]
    assert names(queue, clock, 60) == []
    assert not queue.is_exhausted


def test_a_file_that_changes_is_taken_again(clips, clock):
    folder = clips({"a.mp4": "one"})
    queue = FolderQueue(folder, WatchTiming())
    assert len(names(queue, clock, 20)) == 1
    (folder / "a.mp4").write_text("other")
    assert names(queue, clock, 20) == ["a.redacted.mp4"]


def test_a_file_that_goes_and_comes_back_is_taken_again(clips, clock):
    folder = clips({"a.mp4": "one"})
    queue = FolderQueue(folder, WatchTiming())
    names(queue, clock, 20)
    (folder / "a.mp4").rename(folder / "a.part")
    assert names(queue, clock, 20) == []
    (folder / "a.part").rename(folder / "a.mp4")
    assert names(queue, clock, 20) == ["a.redacted.mp4"]


def test_a_recording_without_its_index_is_waited_for_but_not_for_ever(tmp_path, clock):
    write_clip(tmp_path / "whole.mp4", frames=2, size=(64, 48))
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(without_atom(data, b"moov"))
    queue = FolderQueue(tmp_path / "in", WatchTiming())
    assert names(queue, clock, 300) == []
    (tmp_path / "in" / "b.mp4").write_bytes(data)
    assert names(queue, clock, 30) == ["b.redacted.mp4"]
    assert names(queue, clock, 300) == ["a.redacted.mp4"]


def test_where_changes_are_told_the_folder_is_looked_at_rarely_and_soon_after_them(clips, clock):
    folder = clips({})
    changes = threading.Event()
    queue = FolderQueue(folder, WatchTiming(settle_seconds=1), changes)
    assert names(queue, clock, 1) == []
    (folder / "a.mp4").write_text("one")
    assert names(queue, clock, 30) == []
    changes.set()
    assert names(queue, clock, 5) == ["a.redacted.mp4"]
    (folder / "b.mp4").write_text("two")
    assert names(queue, clock, 120) == ["b.redacted.mp4"]


class StoppedError(Exception):
    pass


class StopAfter(redact.BatchObserver):
    """Ends the run after so many clips, and keeps their records."""

    def __init__(self, count, on_start=None):
        self.count, self.records, self.on_start = count, [], on_start
        self.end = time.monotonic() + 60

    def ended(self, record):
        self.records.append(record)

    def tick(self):
        if self.on_start:
            self.on_start()
            self.on_start = None
        if len(self.records) >= self.count:
            raise StoppedError
        assert time.monotonic() < self.end


@pytest.mark.parametrize("is_told", [True, False])
def test_clips_are_redacted_as_they_come(clips, results, stand_in, tmp_path, monkeypatch, is_told):
    if is_told:
        pytest.importorskip("watchdog")
        # Looking alone would take a minute.
        monkeypatch.setattr(watching, "_SOON_SECONDS", 0.1)
        timing = WatchTiming(settle_seconds=0.2, poll_seconds=60)
    else:
        monkeypatch.setitem(sys.modules, "watchdog.observers", None)
        timing = QUICK
    folder = clips({"a.mp4": "good"})
    observer = StopAfter(2, on_start=lambda: clips({"later/b.mp4": "leak"}))
    with pytest.raises(StoppedError):
        watch(folder, tmp_path / "out", engine="serial", timing=timing, observer=observer)
    assert {record.result: record.state for record in observer.records} == {
        "a.redacted.mp4": "done",
        "later/b.redacted.mp4": "leak",
    }
    assert results() == {"a.redacted.mp4": "GOOD"}


def test_what_is_done_stays_done_after_a_restart(clips, stand_in, tmp_path):
    folder = clips({"a.mp4": "good", "b.mp4": "leak"})
    for is_kept in (False, True):
        observer = StopAfter(2)
        with pytest.raises(StoppedError):
            watch(folder, tmp_path / "out", engine="serial", timing=QUICK, observer=observer)
        assert [record.is_kept for record in observer.records] == [is_kept, is_kept]


def test_a_full_disk_ends_the_watch(clips, stand_in, tmp_path):
    folder = clips({"a.mp4": "full"})
    metrics = tmp_path / "m.prom"
    watch(folder, tmp_path / "out", engine="serial", timing=QUICK, metrics=metrics)
    assert 'redact_clips{state="unwritable"} 1' in metrics.read_text()


def test_the_system_may_refuse_to_tell_of_changes(clips, stand_in, tmp_path, monkeypatch):
    observers = pytest.importorskip("watchdog.observers")

    def refuse(*_args, **_options):
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(observers.Observer, "schedule", refuse)
    observer = StopAfter(1)
    with pytest.raises(StoppedError):
        watch(
            clips({"a.mp4": "good"}),
            tmp_path / "out",
            engine="serial",
            timing=QUICK,
            observer=observer,
        )
    assert observer.records[0].state == "done"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(redact.ClipError, match="no folder"):
        watch(tmp_path / "gone", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("values", [{"settle_seconds": 0}, {"poll_seconds": 1e9}])
def test_times_that_make_no_sense_are_refused(values):
    with pytest.raises(redact.SettingsError, match=next(iter(values))):
        WatchTiming(**values)


@unix_only
def test_the_command_watches_until_it_is_stopped_and_names_no_clip(clips, tmp_path):
    folder = clips({"mrs_miller.mp4": "good", "mr_jones.mp4": "unreadable"})
    options = ["watch", str(folder), str(tmp_path / "out"), "--settle", "0.2", "--poll", "0.1"]
    with started(*options, "--workers", "1") as process:
        wait_for(lambda: is_done(tmp_path / "out", "mrs_miller.redacted.mp4"))
        wait_for(lambda: ("unreadable", None) in rows(tmp_path / "out").values())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "done, 10 frames" in out
    assert ": unreadable; the manifest says why" in err
    assert not {"miller", "jones"} & set((out + err).replace(".", "_").split("_"))
