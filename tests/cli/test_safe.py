"""Neither the source nor an older file at the target is harmed, whatever goes wrong."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
from broken import QUICK
from make_clips import SquareDetector, write_clip

import redact
from redact.cli import main
from redact.output import staged

SMALL = {"frames": 3, "size": (64, 48)}
BEFORE = b"what was there before"
OPTIONS = [*QUICK, "--quiet"]
unix_only = pytest.mark.skipif(os.name == "nt", reason="Windows does this differently")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The current folder, empty except for a small clip a.mp4."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", **SMALL)
    return tmp_path


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def count_frames(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def refuse(capfd, arguments, said):
    """Run the command in the current folder, and check that it refuses and changes nothing."""
    before = contents(Path.cwd())
    assert main([*arguments, *OPTIONS]) == 2
    err = capfd.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert contents(Path.cwd()) == before


@unix_only
@pytest.mark.parametrize("make", ["same", "dots", "symlink", "hardlink", "linked folder"])
def test_the_source_is_refused_as_a_target_under_any_name(home, capfd, make):
    (home / "sub").mkdir()
    target = {"same": "a.mp4", "dots": "sub/../a.mp4", "linked folder": "door/a.mp4"}
    name = target.get(make, "b.mp4")
    if make == "symlink":
        (home / "b.mp4").symlink_to("a.mp4")
    if make == "hardlink":
        (home / "b.mp4").hardlink_to(home / "a.mp4")
    if make == "linked folder":
        (home / "door").symlink_to(".")
    refuse(capfd, ["a.mp4", "-o", name], "the source itself")
    refuse(capfd, ["a.mp4", "-o", "c.mp4", "--json", name], "the source itself")
    refuse(capfd, ["a.mp4", "-o", "c.mp4", "--report", name], "the source itself")


@unix_only
def test_impossible_targets_are_refused(home, capfd):
    (home / "folder.mp4").mkdir()
    os.mkfifo(home / "pipe.mp4")
    refuse(capfd, ["a.mp4", "-o", "folder.mp4"], "is a folder")
    refuse(capfd, ["a.mp4", "-o", "pipe.mp4"], "not an ordinary file")
    refuse(capfd, ["a.mp4", "-o", "none/b.mp4"], "there is no folder")
    refuse(capfd, ["a.mp4", "-o", "a.mp4/b.mp4"], "there is no folder")
    refuse(capfd, ["a.mp4", "-o", ""], "is a folder")
    refuse(capfd, ["a.mp4", "-o", "b.gif"], "suffix")
    refuse(capfd, ["a.mp4", "-o", "b"], "suffix")
    refuse(capfd, ["a.mp4", "-o", "x" * 300 + ".mp4"], "too long")
    refuse(capfd, ["a.mp4", "-o", "nul\0.mp4"], "can't write")


def test_two_results_can_not_share_a_file(home, capfd):
    refuse(capfd, ["a.mp4", "-o", "b.mp4", "--json", "b.mp4"], "asked for twice")
    refuse(capfd, ["a.mp4", "-o", "b.mp4", "--json", "r", "--report", "./r"], "asked for twice")
    refuse(capfd, ["a.mp4", "--json", "a.redacted.mp4"], "asked for twice")


def test_no_result_appears_if_its_report_can_not_be_written(home, capfd):
    """A clip without its report would leave people guessing whether it is safe."""
    (home / "folder").mkdir()
    refuse(capfd, ["a.mp4", "--json", "folder"], "is a folder")
    refuse(capfd, ["a.mp4", "--report", "none/r.html"], "there is no folder")


def test_no_result_appears_if_writing_its_report_fails_late(home, capfd, monkeypatch):
    def fail(self, path):
        Path(path).write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(redact.Report, "save_json", fail)
    (home / "b.mp4").write_bytes(BEFORE)
    arguments = ["a.mp4", "-o", "b.mp4", "--json", "r.json", "--report", "r.html"]
    refuse(capfd, arguments, os.strerror(errno.ENOSPC))


def test_an_older_result_and_its_reports_are_replaced(home):
    for name in ("b.mp4", "r.json", "r.html"):
        (home / name).write_bytes(BEFORE)
    arguments = ["a.mp4", "-o", "b.mp4", "--json", "r.json", "--report", "r.html"]
    assert main([*arguments, *OPTIONS]) == 0
    assert count_frames(home / "b.mp4") == 3
    assert json.loads((home / "r.json").read_text())["output"]["name"] == "b.mp4"
    assert "b.mp4" in (home / "r.html").read_text()
    assert sorted(p.name for p in home.iterdir()) == ["a.mp4", "b.mp4", "r.html", "r.json"]


NAMES = [
    "été 夜 🚪.mp4",
    "-o.mp4",
    "--version",
    "10:30:00.mp4",
    "http:x.mp4",
    "concat:a.mp4",
    "100%.mp4",
    "%03d.mp4",
    "'quoted' \"twice\".mp4",
    "two\nlines.mp4",
    "\x1b[31mred.mp4",
    "back\\slash.mp4",
    "a?b#c&d=[e]*.mp4",
    " .mp4",
    ".mp4",
    "n" * 251 + ".mp4",
    os.fsdecode(b"not \xff utf-8 \x80.mp4"),
    "no suffix",
    "inspect",
    "UPPER.MP4",
]


@unix_only
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_files_of_any_name_can_be_read_and_written(home, capfd, name):
    (home / "a.mp4").rename(home / name)
    before = (home / name).read_bytes()
    (home / "out").mkdir()
    suffix = "" if Path(name).suffix.lower() == ".mp4" else ".mp4"
    target = f"out/{name}{suffix}"
    pages = ["--json", f"out/{name[:200]}.json", f"--report=out/{name[:200]}.html"]
    source = f"./{name}" if name == "inspect" else name
    assert main([*QUICK, *pages, "-o", target, "--", source]) == 0
    assert count_frames(home / target) == 3
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    assert "\x1b" not in out
    assert (home / name).read_bytes() == before
    assert len(list((home / "out").iterdir())) == 3
    assert main(["inspect", "--", name]) == 0
    assert "stream 0: video" in capfd.readouterr().out


@unix_only
def test_names_are_printed_in_any_encoding(home):
    name = os.fsdecode(b"nacht \xff \xf0\x9f\x9a\xaa.mp4")
    (home / "a.mp4").rename(home / name)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for arguments in ([name, *QUICK], ["gone " + name]):
        command = [sys.executable, "-m", "redact", *arguments]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=120)
        assert b"Traceback" not in done.stderr
        assert done.returncode == (2 if arguments[0].startswith("gone") else 0)
        assert b"nacht" in done.stdout + done.stderr


@unix_only
def test_a_result_whose_name_would_be_too_long_is_refused(home, capfd):
    (home / "a.mp4").rename(home / ("n" * 251 + ".mp4"))
    refuse(capfd, ["n" * 251 + ".mp4"], "too long")


@pytest.mark.parametrize("name", ["inspect", "verify"])
def test_a_clip_with_the_name_of_a_command_is_read_with_dot_slash_before_it(home, name):
    (home / "a.mp4").rename(home / name)
    assert main([f"./{name}", *OPTIONS]) == 0
    assert count_frames(home / f"{name}.redacted.mp4") == 3


CHILD = """
import resource, sys
from redact import output, pipeline, video
from redact.rendering import renderer  # Imported before the limit, because loading opens files.
from redact.cli import main
name, limit = getattr(resource, sys.argv[1]), int(sys.argv[2])
resource.setrlimit(name, (limit, resource.getrlimit(name)[1]))
sys.exit(main(sys.argv[3:]))
"""


def limited(resource_name, limit, *arguments, **options):
    command = [sys.executable, "-c", CHILD, resource_name, str(limit), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def check_result_or_refusal(home, done, before):
    """Check for exit code 0 and a complete result, or for 2, a message and an unchanged folder."""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 4
    if done.returncode == 0:
        assert count_frames(home / "b.mp4") == 3
        json.loads((home / "r.json").read_text())
        return True
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("redact: ")
    assert contents(home) == before
    return False


@unix_only
def test_a_size_limit_leaves_the_folder_unchanged(home):
    (home / "b.mp4").write_bytes(BEFORE)
    before = contents(home)
    arguments = ["a.mp4", "-o", "b.mp4", "--json", "r.json", *OPTIONS]
    ends = [
        check_result_or_refusal(home, limited("RLIMIT_FSIZE", size, *arguments), before)
        for size in (600, 100_000)
    ]
    assert ends == [False, True]


@unix_only
def test_an_error_while_writing_names_the_target_and_not_the_temporary_file(home):
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, old[1]))
    try:
        with pytest.raises(redact.TargetError, match=r"can't write 'b\.mp4'"):
            redact.redact_clip("a.mp4", "b.mp4", detectors=[])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


@unix_only
def test_any_size_limit_leaves_the_folder_unchanged(home, monkeypatch):
    """Limits near the end are tried in small steps, because buffers are flushed there."""
    resource = pytest.importorskip("resource")
    redact.redact_clip("a.mp4", "whole.mp4", detectors=[])
    size = (home / "whole.mp4").stat().st_size
    (home / "whole.mp4").unlink()
    before = contents(home)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in [size // 3, size // 2, *range(size - 40, size + 2, 3), size]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
        try:
            redact.redact_clip("a.mp4", "b.mp4", detectors=[])
        except redact.TargetError:
            assert contents(home) == before
            assert limit < size
        else:
            assert limit >= size
            assert count_frames(home / "b.mp4") == 3
            (home / "b.mp4").unlink()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)


@unix_only
def test_a_full_disk_is_named_as_the_reason(home):
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    disk = home / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (disk / "filler").write_bytes(bytes(8192))
        with pytest.raises(redact.TargetError, match=os.strerror(errno.ENOSPC)):
            redact.redact_clip("a.mp4", disk / "b.mp4", detectors=[])
        assert [p.name for p in disk.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@unix_only
@pytest.mark.parametrize("limit", [6, 9, 64])
def test_too_few_open_files_leave_the_folder_unchanged(home, limit):
    (home / "b.mp4").write_bytes(BEFORE)
    before = contents(home)
    done = limited(
        "RLIMIT_NOFILE", limit, "a.mp4", "-o", "b.mp4", "--json", "r.json", "--threads=1", *OPTIONS
    )
    ended_well = check_result_or_refusal(home, done, before)
    assert ended_well or limit < 64


@unix_only
def test_a_folder_that_cannot_be_written_to_is_refused(home, capfd):
    closed = home / "closed"
    closed.mkdir()
    if os.geteuid() == 0:
        closed = Path("/proc/self")  # permissions don't stop root, but no file can be made there
        if not closed.is_dir():
            pytest.skip("no folder refuses root here")
    else:
        closed.chmod(0o500)
    refuse(capfd, ["a.mp4", "-o", f"{closed}/b.mp4"], "can't write")
    refuse(capfd, ["a.mp4", "-o", "b.mp4", "--json", f"{closed}/r.json"], "can't write")


@unix_only
def test_a_read_only_source_is_unchanged(home):
    (home / "a.mp4").chmod(0o400)
    before = (home / "a.mp4").stat()
    redact.redact_clip("a.mp4", "b.mp4", detectors=[])
    after = (home / "a.mp4").stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_ino) == (
        before.st_mode,
        before.st_mtime_ns,
        before.st_ino,
    )


@unix_only
def test_a_result_has_the_permissions_of_any_new_file(home):
    """The temporary file, which only the user may read, has others."""
    old = os.umask(0o027)
    try:
        redact.redact_clip("a.mp4", "b.mp4", detectors=[])
    finally:
        os.umask(old)
    assert (home / "b.mp4").stat().st_mode & 0o777 == 0o640


SLOW = """
import sys, time
from redact import cli, job
tell = job.Job.tell
def slowly(self, stage, *values):
    if stage == sys.argv[1]:
        print(stage, flush=True)
        time.sleep(0.1)
    tell(self, stage, *values)
job.Job.tell = slowly
sys.exit(cli.main(sys.argv[2:]))
"""


@unix_only
@pytest.mark.parametrize(
    ("stage", "number", "code"),
    [
        ("analyze", signal.SIGINT, 130),
        ("render", signal.SIGTERM, 143),
        ("render", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_a_signal_leaves_the_target_unchanged(home, stage, number, code):
    write_clip(home / "a.mp4", frames=200, size=(64, 48))
    (home / "old.mp4").write_bytes(BEFORE)
    before = contents(home)
    command = [sys.executable, "-c", SLOW, stage, "a.mp4", "--json", "r.json", "-o", "old.mp4"]
    with subprocess.Popen(
        [*command, *OPTIONS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().strip() == stage
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    if number == signal.SIGKILL:
        assert (home / "old.mp4").read_bytes() == BEFORE
        assert not (home / "r.json").exists()
        return
    assert err == "redact: interrupted, nothing was written\n"
    assert contents(home) == before


@unix_only
def test_two_runs_on_one_source_at_once_both_succeed(home):
    write_clip(home / "a.mp4", frames=30, size=(64, 48))
    before = (home / "a.mp4").read_bytes()
    command = [sys.executable, "-m", "redact", "a.mp4", *OPTIONS, "-o"]
    runs = [subprocess.Popen([*command, name]) for name in ("b.mp4", "b.mp4")]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    assert count_frames("b.mp4") == 30
    assert sorted(p.name for p in home.iterdir()) == ["a.mp4", "b.mp4"]
    assert (home / "a.mp4").read_bytes() == before


def test_a_source_that_changes_while_it_is_analyzed_is_refused(home):
    def change(stage, done, _total):
        if stage == "analyze" and done == 3:
            write_clip(home / "a.mp4", frames=3, size=(64, 48), rotation=90)

    with pytest.raises(redact.PlanError, match="analyze it again"):
        redact.redact_clip("a.mp4", "b.mp4", detectors=[SquareDetector()], progress=change)
    assert [p.name for p in home.iterdir()] == ["a.mp4"]


def test_the_result_is_written_even_if_the_output_pipe_is_closed(home):
    command = [sys.executable, "-m", "redact", "a.mp4", *QUICK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 0
    assert err == b""
    assert count_frames(home / "a.redacted.mp4") == 3


def test_a_staged_file_is_deleted_when_the_block_fails(home):
    with pytest.raises(ZeroDivisionError), staged(home / "b.mp4") as unfinished:
        unfinished.write_bytes(b"half")
        _ = 1 / 0
    assert [p.name for p in home.iterdir()] == ["a.mp4"]
