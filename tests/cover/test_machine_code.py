"""Machine code that is kept, and what happens where it can't be, or isn't whole."""

import subprocess
import sys

import numpy as np
import pytest

from redact.cover import _kernels, _loops, _machine_code

ONE = {"differing": _kernels._PROTOTYPES["differing"]}
ALLOCATES = {"allocates": "void float32* int64"}


def allocates(values_at, count):
    values = _loops.carray(values_at, (count,))
    values[:] = np.sort(values)


def works(functions):
    picture, mask = np.float32([[1, 20, 3]]), np.zeros((1, 3), np.uint8)
    others = [np.full_like(picture, value) for value in (2, 5)]
    places = [a.ctypes.data for a in (picture, *others)]
    functions["differing"](*places, 3, 1, 3, 1.0, mask.ctypes.data)
    return mask.tolist() == [[0, 1, 0]]


@pytest.fixture
def folders(monkeypatch, tmp_path):
    """Where machine code may be kept."""
    places = [tmp_path / "first", tmp_path / "second"]
    monkeypatch.setattr(_machine_code, "_folders", lambda: places)
    return places


@pytest.fixture
def compiled(monkeypatch):
    """Names of what was compiled."""
    names = []
    compile_one = _machine_code._compiled

    def counted(name, types, **options):
        names.append(name)
        return compile_one(name, types, **options)

    monkeypatch.setattr(_machine_code, "_compiled", counted)
    return names


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="numba keeps it elsewhere")


@linux_only
def test_what_was_compiled_is_kept(folders, compiled):
    assert works(_machine_code.loaded(ONE))
    assert works(_machine_code.loaded(ONE))
    assert compiled == ["differing"]
    assert len(list(folders[0].iterdir())) == 1


@linux_only
def test_what_is_not_whole_is_compiled_anew(folders, compiled):
    _machine_code.loaded(ONE)
    (kept,) = folders[0].iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:-9], b"", whole[:50] + b"!" + whole[51:]):
        kept.write_bytes(damaged)
        assert works(_machine_code.loaded(ONE))
        assert kept.read_bytes()[32:64] == whole[32:64]
    assert compiled == ["differing"] * 4


@linux_only
def test_it_is_kept_in_the_second_place_where_the_first_cannot_be_written_to(folders, compiled):
    folders[0].write_text("a file where the folder should be")
    assert works(_machine_code.loaded(ONE))
    assert len(list(folders[1].iterdir())) == 1
    assert works(_machine_code.loaded(ONE))
    assert compiled == ["differing"]


@linux_only
def test_it_runs_where_nothing_can_be_kept(monkeypatch, folders, compiled):
    monkeypatch.setattr(_machine_code, "_folders", list)
    assert works(_machine_code.loaded(ONE))
    assert compiled == ["differing"]


@linux_only
def test_another_processor_or_compiler_gets_code_of_its_own(monkeypatch, folders):
    names = {_machine_code._identity(ONE)}
    monkeypatch.setattr(_machine_code.llvm, "get_host_cpu_name", lambda: "another")
    names.add(_machine_code._identity(ONE))
    monkeypatch.setattr(_machine_code.importlib.metadata, "version", lambda _: "99")
    names.add(_machine_code._identity(ONE))
    names.add(_machine_code._identity({"differing": "void float32*"}))
    assert len(names) == 4


@linux_only
def test_code_that_needs_numba_when_it_runs_is_left_to_it(monkeypatch, folders, compiled):
    monkeypatch.setattr(_loops, "allocates", allocates, raising=False)
    values = np.array([3, 1, 2], np.float32)
    _machine_code.loaded(ALLOCATES)["allocates"](values.ctypes.data, 3)
    assert values.tolist() == [1, 2, 3]
    assert not any(folder.exists() for folder in folders)
    assert compiled == ["allocates"] * 2


@linux_only
def test_without_sources_numba_compiles_it(monkeypatch, folders, tmp_path):
    monkeypatch.setattr(_machine_code, "_LOOPS", tmp_path / "frozen.py")
    assert works(_machine_code.loaded(ONE))
    assert not any(folder.exists() for folder in folders)


@pytest.mark.parametrize("can_keep", [True, False])
def test_elsewhere_numba_keeps_it(monkeypatch, folders, can_keep):
    import numba

    monkeypatch.setattr(_machine_code.sys, "platform", "win32")
    if not can_keep:
        monkeypatch.setattr(numba.core.caching.CacheImpl, "_locator_classes", [])
    assert works(_machine_code.loaded(ONE))
    assert not any(folder.exists() for folder in folders)


@linux_only
def test_what_is_kept_loads_without_numba():
    code = "import sys, redact.cover._kernels; print('numba' in sys.modules)"
    for _ in range(2):
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert told.stdout.decode().strip() == "False"
