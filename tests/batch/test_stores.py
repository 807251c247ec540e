"""Clips at addresses: found, fetched, published whole, and not done twice."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from batches import states
from make_clips import write_clip

import redact
from redact.batch import many, stores
from redact.batch.sources import is_address
from redact.batch.worker import delete_leftovers

fsspec = pytest.importorskip("fsspec", reason="needs the extra remote")

SUPPORT = Path(__file__).parents[1] / "support"
SETTINGS = redact.Settings(detector="fast", plates=False, audit=False, threads=1)


@pytest.fixture
def memory(monkeypatch):
    """An empty store in this process, and no pauses between tries."""
    monkeypatch.setattr(stores, "_FIRST_WAIT_SECONDS", 0.001)
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return files


@pytest.fixture
def clip(tmp_path):
    """The bytes of a small clip."""
    write_clip(tmp_path / "clip.mp4", frames=3, size=(64, 48))
    return (tmp_path / "clip.mp4").read_bytes()


def run(sources, target, **options):
    return redact.redact_many(sources, target, engine="serial", settings=SETTINGS, **options)


def names(files, path):
    """All files below a path but the manifest's, without the path."""
    return sorted(
        name.partition(path)[2].lstrip("/") for name in files.find(path) if "manifest" not in name
    )


def test_clips_of_a_store_are_mirrored_into_another_place(memory, clip):
    memory.pipe({"/in/a.mp4": clip, "/in/may/b.mp4": clip, "/in/may/c.mp4": b"no video"})
    memory.pipe({"/in/notes.txt": b"no", "/in/.trash/d.mp4": clip})
    report = run(["memory://in"], "memory://out")
    assert states(report) == {
        "a.redacted.mp4": "done",
        "may/b.redacted.mp4": "done",
        "may/c.redacted.mp4": "unreadable",
    }
    assert names(memory, "/out") == ["a.redacted.mp4", "may/b.redacted.mp4"]
    data = memory.cat("/out/a.redacted.mp4")
    record = next(r for r in report.records if r.result == "a.redacted.mp4")
    assert len(data) == record.outcome.result_bytes
    assert record.outcome.report["source"]["name"] == "a.mp4"
    again = run(["memory://in"], "memory://out")
    assert sorted(r.is_kept for r in again.records) == [False, True, True]


def test_a_clip_of_a_store_is_done_again_when_something_changed(memory, clip):
    memory.pipe({"/in/a.mp4": clip})
    run(["memory://in/a.mp4"], "memory://out")
    assert run(["memory://in/a.mp4"], "memory://out").records[0].is_kept
    memory.pipe({"/in/a.mp4": clip + bytes(8)})
    assert not run(["memory://in/a.mp4"], "memory://out").records[0].is_kept
    memory.rm("/out/a.redacted.mp4")
    assert not run(["memory://in/a.mp4"], "memory://out").records[0].is_kept
    assert not run(["memory://in/a.mp4"], "memory://out", force=True).records[0].is_kept
    memory.pipe({"/out/.redact-manifest/a.redacted.mp4.json": b"{}"})
    assert not run(["memory://in/a.mp4"], "memory://out").records[0].is_kept


def test_clips_of_a_store_may_go_to_a_folder(memory, clip, tmp_path):
    memory.pipe({"/in/a.mp4": clip})
    assert run(["memory://in"], tmp_path / "out").is_complete
    assert (tmp_path / "out" / "a.redacted.mp4").stat().st_size
    assert run(["memory://in"], tmp_path / "out").records[0].is_kept


def test_what_passes_is_tried_again_and_nothing_is_left_when_it_does_not(memory, clip, monkeypatch):
    memory.pipe({"/in/a.mp4": clip})
    fails = iter([True, True, False, True, False, False])
    moved = type(memory).mv

    def sometimes(self, *values, **options):
        if next(fails, False):
            raise TimeoutError("503 Slow Down")
        return moved(self, *values, **options)

    monkeypatch.setattr(type(memory), "mv", sometimes)
    assert run(["memory://in"], "memory://out").is_complete
    assert names(memory, "/out") == ["a.redacted.mp4"]
    fails = iter([True] * 100)
    report = run(["memory://in"], "memory://out", force=True)
    assert states(report) == {"a.redacted.mp4": "unwritable"}
    assert "503 Slow Down" in report.records[0].reason
    assert names(memory, "/out") == ["a.redacted.mp4"]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["memory://gone"], "gone"),
        (["memory://in", "a.mp4"], "not both"),
        (["memory://in", "file:///a.mp4"], "one kind"),
        (["nothing://in"], "can't use the address"),
    ],
)
def test_addresses_that_cannot_be_meant_are_refused(memory, clip, sources, said):
    memory.pipe({"/in/a.mp4": clip})
    with pytest.raises(redact.RedactError, match=said):
        run(sources, "memory://out")
    assert not memory.exists("/out")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(redact.RedactError, match=r"redact-clips\[remote\]"):
        run(["memory://in"], "memory://out")


def test_paths_are_no_addresses():
    assert not any(map(is_address, ("a.mp4", "C:\\a.mp4", "/a:/b.mp4", Path("s3:/a"))))


def test_copies_of_clips_do_not_outlive_a_killed_worker(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in (f"redact-fetched-{2**22 - 3}-x", f"redact-fetched-{os.getpid()}-x", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.mp4").touch()
    delete_leftovers()
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["other", f"redact-fetched-{os.getpid()}-x"]


@contextlib.contextmanager
def s3_server(every):
    """A server that refuses every so manieth request; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(SUPPORT / "s3_server.py"), str(port), str(every)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).close()
                    break
                assert process.poll() is None, "the server didn't start"
                assert time.monotonic() < end
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.mark.parametrize("every", [0, 4])
def test_an_s3_server_that_fails_now_and_then_loses_nothing(clip, monkeypatch, tmp_path, every):
    pytest.importorskip("moto.server", reason="needs moto[server]")
    s3fs = pytest.importorskip("s3fs", reason="needs the extra remote")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(stores, "_FIRST_WAIT_SECONDS", 0.01)
    with s3_server(every) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        s3fs.S3FileSystem.clear_instance_cache()
        files = s3fs.S3FileSystem()
        stores.Store("s3://in").retried(lambda: files.mkdir("door"))
        for name in ("a", "b", "may/c"):
            stores.Store("s3://in").write(f"door/in/{name}.mp4", clip)
        report = run(["s3://door/in"], "s3://door/out")
        assert report.counts == {"done": 3}
        found = sorted(stores.Store("s3://in").find("s3://door/out"))
        assert [name for name in found if "manifest" not in name] == [
            "door/out/a.redacted.mp4",
            "door/out/b.redacted.mp4",
            "door/out/may/c.redacted.mp4",
        ]
        again = run(["s3://door/in"], "s3://door/out")
        assert [record.is_kept for record in again.records] == [True] * 3
        assert many.__version__ == again.records[0].version
    s3fs.S3FileSystem.clear_instance_cache()
