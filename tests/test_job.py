"""A job checks its arguments, tells of its progress, and measures how long its stages take."""

import pytest
from make_clips import SquareDetector

import redact
from redact.job import Job


def test_wrong_settings_are_a_type_error_that_names_the_fix():
    with pytest.raises(TypeError, match=r"settings must be .*; use Settings\.from_dict"):
        Job({"crf": 30}, None, None)


@pytest.mark.parametrize(
    ("detectors", "said"),
    [
        (SquareDetector(), "detectors must be a list"),
        ("fast", "detectors must be a list"),
        ([SquareDetector(), None], r"needs a method detect\(image\), which None lacks"),
    ],
)
def test_wrong_detectors_are_a_type_error(detectors, said):
    with pytest.raises(TypeError, match=said):
        Job(None, detectors, None)


def test_a_wrong_progress_callback_is_a_type_error():
    with pytest.raises(TypeError, match="progress must be a function or None, not True"):
        Job(None, None, True)


@pytest.mark.parametrize("call", [redact.redact_clip, redact.analyze, redact.verify])
def test_the_public_functions_refuse_a_dict_as_settings(tmp_path, call):
    options = {"settings": {"crf": 30}}
    with pytest.raises(TypeError, match=r"Settings\.from_dict"):
        call(tmp_path / "a.mp4", **options)


def test_progress_is_passed_on():
    calls = []
    job = Job(None, None, lambda *values: calls.append(values))
    job.tell("analyze", 1, None)
    job.tell("render", 2, 3)
    assert calls == [("analyze", 1, None), ("render", 2, 3)]


def test_the_time_of_a_stage_that_comes_twice_is_added_up(monkeypatch):
    times = iter([10.0, 12.0, 15.0, 16.0])
    monkeypatch.setattr("redact.job.time.perf_counter", lambda: next(times))
    job = Job(None, None, None)
    for stage in ("render", "audit", "render"):
        job.spent(stage)
    assert job.seconds == {"analyze": 0.0, "render": 3.0, "audit": 3.0}


def test_a_users_detectors_run_in_the_callers_thread_and_stay_open():
    detector = SquareDetector()
    detector.close = None  # calling it would fail
    job = Job(redact.Settings(threads=4), [detector], None)
    assert job.workers == 0
    with job.scans() as scans:
        assert [scan.detector for scan in scans] == [detector]
