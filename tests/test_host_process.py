"""The process that the library runs in is its host's: its settings stay as they are."""

import ctypes
import os

import numpy as np
import pytest
from make_clips import write_clip

import redact
from redact.detectors.blazeface_mediapipe import MediaPipeBlazeFaceDetector


@pytest.fixture
def c_functions(monkeypatch):
    """Names of the C library's functions that are asked for."""
    names = []
    load = ctypes.CDLL

    class Recorder:
        def __getattr__(self, name):
            names.append(name)
            return getattr(load(None), name)

    monkeypatch.setattr(
        ctypes,
        "CDLL",
        lambda name, *args, **options: (
            load(name, *args, **options) if name is not None else Recorder()
        ),
    )
    return names


def test_a_clip_is_redacted_without_changing_malloc(c_functions, tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3)
    settings = redact.Settings(faces=False, detector="fast")
    redact.redact_clip(tmp_path / "a.mp4", tmp_path / "b.mp4", settings)
    assert "mallopt" not in c_functions


def test_an_image_is_redacted_without_redirecting_stderr(c_functions, monkeypatch):
    redirected = []
    dup2 = os.dup2
    monkeypatch.setattr(
        os, "dup2", lambda fd, target, *rest: redirected.append(target) or dup2(fd, target, *rest)
    )
    redact.redact_image(np.zeros((64, 96, 3), np.uint8), redact.Settings(detector="fast"))
    detector = MediaPipeBlazeFaceDetector()
    detector.detect(np.zeros((64, 96, 3), np.uint8))
    detector.close()
    assert redirected == []
    assert "mallopt" not in c_functions
