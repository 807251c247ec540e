"""The files that detectors load, and what the build puts into the wheel."""

import importlib.util
from pathlib import Path

import pytest

from redact import Settings, WeightsError
from redact.analysis.scan_presets import build_audit_scans, build_scans, build_still_scans
from redact.analysis.scans import close_scans
from redact.detectors import centerface, weights
from redact.detectors.blazeface_mediapipe import MODELS, MediaPipeBlazeFaceDetector

LEVELS = ("fast", "balanced", "thorough")
ROOT = Path(__file__).parents[2]
OWN_WEIGHTS = {"plates.onnx"}  # These are in git, and so in the wheel.


@pytest.fixture(scope="module")
def in_wheel():
    """Names of the files that the build hook adds to the wheel."""
    path = ROOT / ".build" / "weights_sources.py"
    spec = importlib.util.spec_from_file_location("weights_sources", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return set(module.IN_WHEEL)


@pytest.mark.parametrize("is_fast", [False, True])
def test_the_wheel_has_every_file_that_a_detector_loads(in_wheel, monkeypatch, is_fast):
    """A checkout also has files that the wheel lacks, so that nothing else would show it.

    is_fast: whether the processor is fast with integers, for which there is a file of its own.
    """
    monkeypatch.setattr(centerface, "has_integer_dot_products", lambda: is_fast)
    loaded = set()
    find = weights.find
    monkeypatch.setattr(weights, "find", lambda name: loaded.add(name) or find(name))
    for level in LEVELS:
        settings = Settings(detector=level, heads="all-moving")
        for build in (build_scans, build_still_scans, build_audit_scans):
            close_scans(build(settings))
    for model in MODELS:
        MediaPipeBlazeFaceDetector(model).close()
    assert "face_detection_full_range_sparse.tflite" in loaded
    assert ("centerface_int8.onnx" in loaded) is is_fast
    assert loaded <= in_wheel | OWN_WEIGHTS


def test_the_notice_names_every_file_of_others(in_wheel):
    notice = (ROOT / "redact" / "weights" / "NOTICE.md").read_text()
    assert [name for name in in_wheel if f"`{name}`" not in notice] == []


def test_a_folder_of_the_users_comes_before_the_installed_one(tmp_path, monkeypatch):
    monkeypatch.setenv("REDACT_WEIGHTS", str(tmp_path))
    assert weights.find("plates.onnx").parent.name == "weights"
    (tmp_path / "plates.onnx").touch()
    assert weights.find("plates.onnx") == tmp_path / "plates.onnx"


def test_missing_weights_are_named_with_the_folders_searched(tmp_path, monkeypatch):
    monkeypatch.setenv("REDACT_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match=f"'none.onnx' in {tmp_path}, .*redact.weights"):
        weights.find("none.onnx")
