"""Where the system allows few threads, one does the whole job."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from make_clips import SquareDetector, brightest, read_back, write_clip

import redact
from redact import Settings
from redact.cli import main
from redact.detectors import onnx
from redact.detectors.blazeface_mediapipe import MediaPipeBlazeFaceDetector
from redact.machine import can_start_threads, thread_count


@pytest.fixture
def no_threads(monkeypatch):
    """Let every attempt to start a thread fail, as it does where the system allows no more."""

    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


def test_the_number_of_threads_is_what_is_wanted_or_the_cores():
    assert thread_count(3) == 3
    assert thread_count(0) >= 1


def test_threads_that_were_tried_are_ended():
    before = threading.active_count()
    assert can_start_threads(3)
    assert threading.active_count() == before


def test_threads_that_can_not_be_started_are_noticed(no_threads):
    assert not can_start_threads(1)


def test_one_thread_does_a_whole_job(no_threads, tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_clip(source)
    report = redact.redact_clip(source, target, detectors=[SquareDetector()])
    assert report.plan.settings.threads == 1
    assert max(map(brightest, read_back(target)[1])) < 200
    report.save_html(tmp_path / "b.html")


def test_the_networks_run_in_the_only_thread(no_threads, tmp_path):
    source = tmp_path / "a.mp4"
    write_clip(source, frames=3, size=(64, 48))
    assert not redact.verify(source).detections
    assert redact.redact_clip(source, tmp_path / "b.mp4").frame_count == 3


def test_an_image_is_covered_without_further_threads(no_threads, monkeypatch):
    monkeypatch.setattr(onnx, "_sessions", onnx._Sessions())
    monkeypatch.setattr(onnx, "_register_arena", lambda: None)  # Once in a process.
    network = onnx.Network("blazeface_any_size.onnx", threads=2)
    options = network._session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert len(network(np.zeros((1, 3, 64, 64), np.float32))) == 2


def test_a_detector_that_needs_threads_is_refused(no_threads):
    with pytest.raises(redact.SettingsError, match='use "balanced"'):
        MediaPipeBlazeFaceDetector()


def test_the_command_says_what_is_lacking(monkeypatch, capsys, tmp_path):
    def fail(*_, **__):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("redact.pipeline.redact_clip", fail)
    write_clip(tmp_path / "a.mp4", frames=3, size=(64, 48))
    assert main([str(tmp_path / "a.mp4")]) == 2
    assert "allows no more threads" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such limit")
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root has no such limit")
def test_the_command_works_under_a_limit_of_the_user(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3, size=(64, 48))
    code = (
        "import resource, sys\n"
        "from redact.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.mp4")], check=False)
    assert done.returncode == 0


def test_the_number_of_threads_does_not_change_the_plan(no_threads, tmp_path, monkeypatch):
    source = tmp_path / "a.mp4"
    write_clip(source)
    alone = redact.analyze(source, detectors=[SquareDetector()])
    monkeypatch.undo()
    together = redact.analyze(source, Settings(threads=2), detectors=[SquareDetector()])
    assert [t.boxes.tolist() for t in alone.tracks] == [t.boxes.tolist() for t in together.tracks]
