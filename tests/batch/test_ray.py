"""Workers on a Ray cluster: a real one, of two nodes on this machine, in a process of its own."""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from batches import SUPPORT, rows
from make_clips import write_clip

import redact
from redact.batch.manifest import NAME

needs_ray = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import ray"], capture_output=True).returncode != 0,
    reason="needs the extra ray",
)


def run_on_cluster(tmp_path, **request):
    """What `ray_run.py` tells of a run from "in" to "out"."""
    path = os.pathsep.join([str(SUPPORT), str(Path(redact.__file__).parents[1])])
    done = subprocess.run(
        [
            *(sys.executable, str(SUPPORT / "ray_run.py")),
            *(str(tmp_path / name) for name in ("in", "out", "told.json")),
            json.dumps(request),
        ],
        env={**os.environ, "PYTHONPATH": path, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((tmp_path / "told.json").read_text())


def states(told):
    return {record["result"].partition(".")[0]: record["state"] for record in told["records"]}


@needs_ray
def test_every_clip_ends_once_though_a_node_is_killed_in_the_middle(clips, results, tmp_path):
    clips({f"{n:02}.mp4": "slow 10" for n in range(30)} | {"long.mp4": "long"})
    told = run_on_cluster(tmp_path, workers=4, kill_after=6)
    names = [*(f"{n:02}" for n in range(30)), "long"]
    assert states(told) == dict.fromkeys(names, "done")
    assert len(told["records"]) == 31
    pids = collections.Counter(record["pid"] for record in told["records"])
    assert len(pids) > 2, "both nodes had workers"
    assert results().pop("long.redacted.mp4") == "part0 part1 part2"
    assert collections.Counter(results().values())["SLOW 10"] == 30
    assert set(rows(tmp_path / "out").values()) == {("done", None)}
    names = {path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")}
    assert not names


@needs_ray
def test_what_fails_is_a_record_and_actors_are_ended_and_replaced(clips, results, tmp_path):
    texts = {"hang": "hang", "die": "die", "leak": "leak", "odd": "odd"}
    texts["eat"] = "eat 900000000"
    texts |= {f"good{n}": "good" for n in range(8)}
    clips({f"{name}.mp4": text for name, text in texts.items()})
    limits = {"deadline_seconds": 8, "clips_per_worker": 3, "memory_bytes": 600_000_000}
    told = run_on_cluster(tmp_path, workers=2, limits=limits)
    assert states(told) == {
        "hang": "timeout",
        "die": "killed",
        "leak": "leak",
        "odd": "failed",
        "eat": "out of memory",
        **{f"good{n}": "done" for n in range(8)},
    }
    assert set(results()) == {f"good{n}.redacted.mp4" for n in range(8)}
    clips_of = collections.Counter(r["pid"] for r in told["records"] if r["pid"])
    assert len(clips_of) > 2
    assert max(clips_of.values()) <= 3


@needs_ray
def test_real_clips_are_redacted_by_actors(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / "in" / name, frames=3, size=(64, 48))
    told = run_on_cluster(tmp_path, pipeline=True)
    assert states(told) == {"a": "done", "b": "done"}
    assert told["workers"] == 2
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"a.redacted.mp4", "b.redacted.mp4", NAME}


def test_a_missing_package_is_named(clips, run, monkeypatch):
    clips({"a.mp4": "good"})
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(redact.RedactError, match=r"redact-clips\[ray\]"):
        run(engine="ray")


def test_an_address_is_for_ray_only(clips, run):
    clips({"a.mp4": "good"})
    with pytest.raises(redact.SettingsError, match="engine='ray'"):
        run(engine="serial", address="auto")
