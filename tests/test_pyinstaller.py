"""The hook that makes a frozen program find what no import statement names.

PyInstaller isn't installed for the tests; its two functions are replaced by simple ones.
"""

import importlib
import pkgutil
import runpy
import sys
import tomllib
import types
from pathlib import Path

import pytest

import redact
from redact._pyinstaller import get_hook_dirs
from redact.analysis import scan_presets

HOME = Path(redact.__file__).parent


def modules_in(package, filter):
    paths = importlib.import_module(package).__path__
    names = (module.name for module in pkgutil.walk_packages(paths, f"{package}."))
    return [name for name in names if filter(name)]


@pytest.fixture
def hook(monkeypatch):
    """The variables of the hook, after it was run."""
    hooks = types.ModuleType("PyInstaller.utils.hooks")
    hooks.collect_submodules = modules_in
    hooks.collect_data_files = lambda package, includes: [
        str(path.relative_to(HOME)) for pattern in includes for path in HOME.glob(pattern)
    ]
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)
    (folder,) = get_hook_dirs()
    return runpy.run_path(str(Path(folder) / "hook-redact.py"))


def test_the_package_tells_pyinstaller_where_its_hook_is():
    project = Path(__file__).parents[1] / "pyproject.toml"
    points = tomllib.loads(project.read_text())["project"]["entry-points"]["pyinstaller40"]
    module, _, name = points["hook-dirs"].partition(":")
    assert getattr(importlib.import_module(module), name) is get_hook_dirs


def test_every_detector_and_every_public_name_is_collected(hook):
    modules = set(hook["hiddenimports"])
    rows = [*scan_presets._FACE_SCANS.values(), *scan_presets._PLATE_SCANS.values()]
    used = {row.detector.name.partition(":")[0] for preset in rows for row in preset}
    assert len(used) > 3
    assert {f"redact.detectors.{name}" for name in used} <= modules
    assert set(redact._HOMES) <= modules
    assert "PIL.JpegImagePlugin" in modules
    assert not any(name.startswith("redact.training") for name in modules)


def test_models_and_the_source_of_the_kernels_are_collected(hook):
    assert any(name.endswith("plates.onnx") for name in hook["datas"])
    for name, mode in hook["module_collection_mode"].items():
        assert "py" in mode.split("+")
        assert importlib.util.find_spec(name).origin.endswith(".py")
