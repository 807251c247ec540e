"""The command succeeds on or refuses randomly damaged containers, and harms nothing.

The environment variables REDACT_FUZZ_CASES (default 60) and REDACT_FUZZ_SEED (default 1) set the
number of cases and select them. A failing case is named by its number, and its file stays in the
test's folder.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
from fractions import Fraction

import av
import pytest
from make_clips import write_clip
from mutate import mutate

CASES = int(os.environ.get("REDACT_FUZZ_CASES", "60"))
SEED = int(os.environ.get("REDACT_FUZZ_SEED", "1"))
CONTAINERS = ("mp4", "fragments.mp4", "mkv", "ts", "avi")

# One process handles many clips, and may crash on any of them. It reports after each one.
WORKER = """
import contextlib, io, json, resource, signal, sys
from pathlib import Path
from redact import pipeline
from redact.rendering import renderer
from redact.cli import main
resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000, 2_500_000_000))
for line in sys.stdin:
    name, audio = json.loads(line)
    source = Path(name)
    err = io.StringIO()
    signal.alarm(60)  # kills the process
    try:
        with contextlib.redirect_stderr(err):
            options = ["--no-faces", "--detector=fast", "--no-audit", "--quiet"]
            options += ["--preset=ultrafast", "--audio", audio]
            code = main([str(source), "-o", str(source.with_name("out.mp4")), *options])
            with contextlib.redirect_stdout(io.StringIO()):
                if (inspect_code := main(["inspect", "--json", str(source)])) not in (0, 2):
                    code = f"{code}, and of inspect {inspect_code}"
    except BaseException as error:
        code = repr(error)
    print(json.dumps({"code": code, "err": err.getvalue()}), flush=True)
"""


@pytest.fixture(scope="module")
def healthy_clips(tmp_path_factory):
    """The bytes of an undamaged clip in each container."""
    folder = tmp_path_factory.mktemp("healthy")
    for container in CONTAINERS:
        if container == "fragments.mp4":
            continue
        options = {"frames": 8, "size": (64, 48), "time_base": Fraction(1, 12800)}
        if container == "ts":
            options |= {"time_base": Fraction(1, 90_000), "pts": [3600 * i for i in range(8)]}
        if container == "avi":
            options |= {"codec": "mjpeg", "pixel_format": "yuvj420p"}
            options |= {"time_base": Fraction(1, 25), "pts": list(range(8))}
        write_clip(folder / f"a.{container}", with_audio=container in ("mp4", "mkv"), **options)
    fragment(folder / "a.mp4", folder / "a.fragments.mp4")
    return {container: (folder / f"a.{container}").read_bytes() for container in CONTAINERS}


def fragment(source, target):
    """Write the clip again as a fragmented MP4 file."""
    options = {"movflags": "frag_keyframe+empty_moov"}
    with av.open(str(source)) as old, av.open(str(target), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)


class Worker:
    """Runs the command on one clip after the other; starts another process after a crash."""

    def __init__(self):
        self.process = None

    def run(self, source, audio="drop"):
        """The exit code and the standard error, as a mapping with "code" and "err"."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self.process.stdin.write(json.dumps([str(source), audio]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.close()
        return {"code": "died", "err": ""}

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait(timeout=60)
            self.process = None


@pytest.fixture(scope="module")
def worker():
    worker = Worker()
    yield worker
    worker.close()


def frames_of(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def broken_rules(folder, source, before, done):
    """The rules that the case broke, in words."""
    target = folder / "out.mp4"
    if hashlib.sha256(source.read_bytes()).digest() != before:
        yield "the source has changed"
    if done["code"] not in (0, 2):
        yield f"the exit code is {done['code']}"
    if (done["code"] == 0) != target.exists():
        yield f"exit code {done['code']}, but a result is{' not' * (not target.exists())} there"
    if target.exists() and not frames_of(target):
        yield "the result has no frames"
    if done["code"] == 2 and not 1 <= done["err"].count("\n") <= 5:  # inspect adds its own
        yield "the refusal has no lines or too many"
    if "Traceback" in done["err"]:
        yield "a traceback"
    if left := {p.name for p in folder.iterdir()} - {source.name, "out.mp4"}:
        yield f"it leaves {left} behind"


@pytest.mark.skipif(os.name == "nt", reason="needs memory limits")
def test_undamaged_clips_succeed(healthy_clips, worker, tmp_path):
    """Otherwise the next test would prove nothing, because all clips would be refused."""
    for container, data in healthy_clips.items():
        source = tmp_path / f"clip.{container}"
        source.write_bytes(data)
        assert worker.run(source)["code"] == 0, container
        assert frames_of(tmp_path / "out.mp4") == 8


@pytest.mark.skipif(os.name == "nt", reason="needs memory limits")
def test_damaged_clips_succeed_or_are_refused(healthy_clips, worker, tmp_path):
    ended = {0: 0, 2: 0}
    for number in range(CASES):
        rng = random.Random(f"{SEED} {number}")
        container = CONTAINERS[number % len(CONTAINERS)]
        folder = tmp_path / str(number)
        folder.mkdir()
        source = folder / f"clip.{container}"
        data = mutate(healthy_clips[container], rng)
        source.write_bytes(data)
        done = worker.run(source, audio=rng.choice(("drop", "keep")))
        rules = list(broken_rules(folder, source, hashlib.sha256(data).digest(), done))
        assert not rules, f"seed {SEED}, case {number} ({source}): {rules}\n{done}"
        ended[done["code"]] += 1
        for path in folder.iterdir():
            path.unlink()
    assert ended[0] > CASES // 5
    assert ended[2] > CASES // 20
    print(f"{ended[0]} succeeded, {ended[2]} were refused")
