"""Files are written completely or not at all, and other threads notice nothing."""

import os
import subprocess
import sys

import pytest

from redact import TargetError
from redact.output import staged, write_text

unix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")


def test_a_text_file_is_written_as_utf8(tmp_path):
    write_text(tmp_path / "a.txt", "été\n")
    assert (tmp_path / "a.txt").read_bytes() == "été\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_characters_that_utf8_cannot_hold_are_escaped(tmp_path):
    write_text(str(tmp_path / "a.txt"), "door \udcff")
    assert (tmp_path / "a.txt").read_bytes() == rb"door \udcff"


def test_an_older_text_file_survives_a_write_that_fails(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("before")

    def fail(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TargetError, match=r"can't write .*a\.txt.*: No space left") as info:
        write_text(tmp_path / "a.txt", "after")
    assert isinstance(info.value.__cause__, OSError)
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", ["folder", "missing/a.txt", "nul\0.txt", "x" * 300, "."])
def test_a_place_that_cannot_be_written_to_raises_a_target_error(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(TargetError):
        write_text(name, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@unix_only
def test_a_device_is_never_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TargetError, match="not an ordinary file"):
        write_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()


@unix_only
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077])
def test_a_new_file_has_the_permissions_that_open_gives_and_is_private_before(tmp_path, mask):
    old = os.umask(mask)
    try:
        (tmp_path / "ordinary").open("w").close()
        with staged(tmp_path / "a.txt") as unfinished:
            assert unfinished.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(old)
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_the_umask_of_the_process_is_never_changed(tmp_path, monkeypatch):
    """A file that another thread makes meanwhile would get the wrong permissions."""
    monkeypatch.setattr(os, "umask", lambda _mask: pytest.fail("the umask was changed"))
    with staged(tmp_path / "a.txt") as unfinished:
        unfinished.write_text("text")


def test_writing_a_text_file_loads_no_heavy_library(tmp_path):
    code = (
        "import sys; from redact.output import write_text; write_text(sys.argv[1], 'text'); "
        "sys.exit(any(name in sys.modules for name in ('av', 'cv2', 'numpy', 'redact.video')))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "a.txt"], check=True, timeout=60)
