"""Plans can be saved, edited and loaded; whatever can't be used in one is refused by name."""

import copy
import dataclasses
import errno
import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_plans import make_clip, make_plan, make_track

from redact import Plan, PlanError, TargetError


def test_a_plan_survives_a_round_trip(tmp_path):
    plan = make_plan([make_track(1, [[10, 20, 30, 40]] * 5, start=3)]).allow({1})
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    assert loaded.to_dict() == plan.to_dict()
    assert loaded.clip.pts.dtype == np.int64
    assert loaded.clip.path == Path("door.mp4")
    assert np.isnan(loaded.tracks[0].scores[1:-1]).all()


def test_margins_survive_a_round_trip_to_a_hundredth_of_a_pixel(tmp_path):
    margins = np.array([[0, 0], [1.234, 5.678], [1000.001, 0.014]], np.float32)
    tracks = [make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2)]
    plan = make_plan([dataclasses.replace(tracks[0], margins=margins), tracks[1]])
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    np.testing.assert_allclose(loaded.tracks[0].margins, margins, atol=0.005 + 1e-4)
    assert loaded.tracks[0].margins.dtype == np.float32
    assert loaded.tracks[0].margins_at(2) == pytest.approx((1000, 0.01), abs=0.005)
    assert loaded.tracks[1].margins is None
    assert loaded.to_dict() == plan.to_dict()


def test_what_is_known_about_the_clip_survives_a_round_trip(tmp_path):
    change_map = {
        "frame_count_estimate": 31,
        "is_mirrored": True,
        "is_interlaced": True,
        "is_damaged": True,
        "clock_shifts": (Fraction(0), Fraction(-1001, 30_000)),
        "warnings": ("2 packets lost",),
    }
    make_plan([], **change_map).save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    for name, value in change_map.items():
        assert getattr(loaded.clip, name) == value


def test_a_plan_holds_what_a_users_own_detector_found():
    plan = make_plan([make_track(1, [[0, 0, 9, 9]], kind="name badge")])
    assert Plan.from_dict(plan.to_dict()).tracks[0].kind == "name badge"


OLD_PLAN = """
{"format": "redact-plan-1",
 "clip": {"path": "door.mp4", "sha256": "00", "width": 640, "height": 360, "rotation_degrees": 90,
  "time_base": "1/15360", "pts": [0, 512, 1024, 1536], "has_audio": true,
  "frame_rate": "30000/1001", "sample_aspect_ratio": "1", "color_range": 1, "color_primaries": 1,
  "color_transfer": 1, "color_matrix": 1, "is_mirrored": false, "is_interlaced": false,
  "is_damaged": true, "clock_shifts": ["0", "-1001/30000"], "dropped": ["audio stream 1 (aac)"],
  "warnings": ["2 packets lost"]},
 "settings": {"faces": true, "plates": true, "heads": "all moving", "detector": "balanced",
  "style": "blur", "strength": null, "unsafe": false, "margin_ratio": 0.15,
  "min_region_pixels": 16, "max_gap_seconds": 1.5, "extend_seconds": 0.4,
  "lookahead_seconds": 1.0, "audio": "drop", "crf": 20, "preset": "veryfast", "threads": 0,
  "audit": true, "max_pixels": 35651584},
 "allowed": [3],
 "tracks": [{"id": 3, "kind": "face", "start_index": 1,
  "boxes": [[10.0, 20.0, 30.13, 40.0], [11.0, 20.0, 31.0, 40.0], [12.0, 20.0, 32.0, 40.0]],
  "scores": [0.9, null, 0.81]}]}
"""


def test_a_plan_that_an_earlier_version_saved_still_loads(tmp_path):
    (tmp_path / "plan.json").write_text(OLD_PLAN)
    plan = Plan.load(tmp_path / "plan.json")
    assert plan.settings.heads == "all-moving"
    assert plan.allowed == {3}
    assert plan.clip.clock_shifts == (Fraction(0), Fraction(-1001, 30_000))
    assert plan.tracks[0].box_at(2) == (11, 20, 31, 40)
    assert plan.tracks[0].margins is None and plan.tracks[0].margins_at(2) is None


def test_allowing_an_unknown_track_names_those_that_exist():
    plan = make_plan([make_track(2, [[0, 0, 9, 9]])])
    with pytest.raises(PlanError, match=r"no track \[7\].*\[2\]"):
        plan.allow({7})


def test_allowed_tracks_are_not_covered():
    plan = make_plan([make_track(n, [[0, 0, 9, 9]]) for n in (1, 2)])
    assert [t.id for t in plan.allow({1}).covered_tracks] == [2]
    assert [t.id for t in plan.covered_tracks] == [1, 2]


# What replaces the value at a place in a plan of two tracks, and what the message says.
BAD_VALUES = [
    (("format",), "redact-plan-9", "format must be 'redact-plan-1', not 'redact-plan-9'"),
    (("clip",), [], r"clip must be an object with named fields, not \[\]"),
    (("clip", "width"), 0, r"clip\.width must lie in 1\..*, not 0"),
    (("clip", "width"), "640", r"clip\.width must be a whole number, not '640'"),
    (("clip", "has_audio"), 1, r"clip\.has_audio must be true or false, not 1"),
    (("clip", "time_base"), "1/0", r"clip\.time_base must be a fraction .*, not '1/0'"),
    (("clip", "time_base"), "-1/25", r"clip\.time_base must be above 0, not '-1/25'"),
    (("clip", "time_base"), "1e99999999", r"clip\.time_base must be a fraction"),
    (("clip", "rotation_degrees"), 45, r"clip\.rotation_degrees must be 0, 90, .*, not 45"),
    (("clip", "pts"), [], r"clip\.pts must hold the time of at least one frame"),
    (("clip", "pts"), [0, 1.5], r"clip\.pts\[1\] must be a whole number, not 1\.5"),
    (("clip", "pts"), [0, 2**70], r"clip\.pts\[1\] must lie in"),
    (("clip", "pts"), [0, 512, 512], r"clip\.pts\[2\] must be later than clip\.pts\[1\]"),
    (("clip", "color"), 1, "clip has an unknown field 'color'"),
    (("clip", "warnings"), "lost", r"clip\.warnings must be a list, not 'lost'"),
    (("settings", "crf"), 99, "settings: crf must lie in 0..51, not 99"),
    (("settings",), None, "settings must be an object with named fields, not None"),
    (("allowed",), [5], r"no track \[5\] in this plan; it has \[1, 2\]"),
    (("allowed",), [True], r"allowed\[0\] must be a whole number, not True"),
    (("allowed",), "1", "allowed must be a list, not '1'"),
    (("tracks",), {"id": 1}, r"tracks must be a list, not \{'id': 1\}"),
    (("tracks", 0), 3, r"tracks\[0\] must be an object with named fields, not 3"),
    (("tracks", 0, "id"), -1, r"tracks\[0\]\.id must lie in 0\..*, not -1"),
    (("tracks", 0, "id"), True, r"tracks\[0\]\.id must be a whole number, not True"),
    (("tracks", 0, "id"), "1", r"tracks\[0\]\.id must be a whole number, not '1'"),
    (("tracks", 1, "id"), 1, r"tracks\[1\]\.id must be unique, but tracks\[0\]\.id is 1 too"),
    (("tracks", 0, "kind"), "", r"tracks\[0\]\.kind must be a short name .*, not ''"),
    (("tracks", 0, "kind"), "a\x1b[31m", r"tracks\[0\]\.kind must be a short name"),
    (("tracks", 0, "kind"), "face" * 20, r"tracks\[0\]\.kind must be a short name"),
    (("tracks", 0, "kind"), ["face"], r"tracks\[0\]\.kind must be a short name"),
    (("tracks", 0, "start_index"), -3, r"tracks\[0\]\.start_index must lie in 0\..*, not -3"),
    (("tracks", 0, "start_index"), 2.0, r"tracks\[0\]\.start_index must be a whole number"),
    (("tracks", 1, "start_index"), 29, r"tracks\[1\] covers the frames 29 to 30, but .* 0 to 29"),
    (("tracks", 0, "boxes"), [], r"tracks\[0\] must have at least one box"),
    (("tracks", 0, "boxes", 1), [1, 2, 3], r"tracks\[0\]\.boxes\[1\] must have the four numbers"),
    (("tracks", 0, "boxes", 1), [9, 0, 3, 9], r"tracks\[0\]\.boxes\[1\] must have x0 < x1"),
    (("tracks", 0, "boxes", 1, 3), None, r"tracks\[0\]\.boxes\[1\]\[3\] must be a finite number"),
    (("tracks", 0, "boxes", 1, 3), 1e39, r"tracks\[0\]\.boxes\[1\]\[3\] must be a finite number"),
    (("tracks", 0, "boxes", 1, 3), True, r"tracks\[0\]\.boxes\[1\]\[3\] must be a finite number"),
    (("tracks", 0, "margins"), 3, r"tracks\[0\]\.margins must be a list, not 3"),
    (("tracks", 0, "margins"), [[1, 1]], r"as many margins as boxes, not 1 margins and 2 boxes"),
    (("tracks", 0, "margins"), [], r"as many margins as boxes, not 0 margins and 2 boxes"),
    (
        ("tracks", 0, "margins"),
        [[1, 1], [1]],
        r"tracks\[0\]\.margins\[1\] must have two numbers .*, not \[1\]",
    ),
    (
        ("tracks", 0, "margins"),
        [[1, 1], [-1, 3]],
        r"tracks\[0\]\.margins\[1\] must have two numbers of at least 0.*, not \[-1, 3\]",
    ),
    (
        ("tracks", 0, "margins"),
        [[1, float("nan")], [1, 1]],
        r"tracks\[0\]\.margins\[0\]\[1\] must be a finite number, not nan",
    ),
    (
        ("tracks", 0, "margins"),
        [[1, 1e39], [1, 1]],
        r"tracks\[0\]\.margins\[0\]\[1\] must be a finite number",
    ),
    (("tracks", 0, "scores"), [0.5], r"as many scores as boxes, not 2 boxes and 1 scores"),
    (("tracks", 0, "scores", 0), "0.5", r"tracks\[0\]\.scores\[0\] must be a finite number"),
    (("tracks", 0, "scores", 0), float("nan"), r"tracks\[0\]\.scores\[0\] must be a finite number"),
]


@pytest.mark.parametrize(("place", "value", "said"), BAD_VALUES)
def test_a_bad_value_in_a_plan_is_refused_by_field_and_value(tmp_path, place, value, said):
    tracks = [make_track(n, [[0, 0, 9, 9]] * 2) for n in (1, 2)]
    data = make_plan(tracks).to_dict()
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(PlanError, match=said):
        Plan.from_dict(copy.deepcopy(data))
    (tmp_path / "plan.json").write_text(json.dumps(data))
    with pytest.raises(PlanError, match=said + r".* \(in .*plan\.json'\)"):
        Plan.load(tmp_path / "plan.json")


@pytest.mark.parametrize("name", ["format", "clip", "settings", "allowed", "tracks"])
def test_a_missing_part_of_a_plan_is_named(name):
    data = make_plan([]).to_dict()
    del data[name]
    with pytest.raises(PlanError, match=name):
        Plan.from_dict(data)


def test_a_missing_field_inside_a_plan_is_named():
    data = make_plan([make_track(1, [[0, 0, 9, 9]])]).to_dict()
    del data["tracks"][0]["boxes"]
    with pytest.raises(PlanError, match=r"tracks\[0\]\.boxes is missing"):
        Plan.from_dict(data)
    data = make_plan([]).to_dict()
    del data["clip"]["pts"]
    with pytest.raises(PlanError, match=r"clip\.pts is missing"):
        Plan.from_dict(data)


@pytest.mark.parametrize("data", [None, [], "plan", 3])
def test_only_a_mapping_is_turned_into_a_plan(data):
    with pytest.raises(PlanError, match="a plan must be an object with named fields"):
        Plan.from_dict(data)


@pytest.mark.parametrize(
    "text", ["{", "[1, 2]", "", "null", "[" * 100_000, '{"format": ' + "9" * 5000 + "}", b"\xff"]
)
def test_a_file_that_is_not_a_plan_is_refused_by_name(tmp_path, text):
    file = tmp_path / "plan.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PlanError, match=r"plan\.json"):
        Plan.load(file)


@pytest.mark.parametrize("name", ["none/plan.json", "folder", "nul\0.json"])
def test_a_plan_that_cannot_be_written_or_read_raises_an_error_of_the_package(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(TargetError):
        make_plan([]).save(tmp_path / name)
    with pytest.raises(PlanError, match="can't read a plan"):
        Plan.load(tmp_path / name)


def test_an_older_plan_survives_a_save_that_fails(tmp_path, monkeypatch):
    def fail(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "plan.json"
    make_plan([]).save(file)
    before = file.read_bytes()
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(TargetError, match=os.strerror(errno.ENOSPC)):
        make_plan([make_track(1, [[0, 0, 9, 9]])]).save(file)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]
    assert file.read_bytes() == before


def test_the_upright_size_swaps_width_and_height_for_quarter_turns():
    assert make_clip(rotation_degrees=90).upright_size == (360, 640)
    assert make_clip(rotation_degrees=180).upright_size == (640, 360)


def test_a_track_has_boxes_and_margins_only_in_its_own_frames():
    track = make_track(1, [[0, 0, 9, 9], [1, 1, 9, 9]], start=4)
    assert track.box_at(3) is None and track.box_at(6) is None
    assert track.box_at(5) == (1, 1, 9, 9)
    assert track.margins_at(5) is None
    track = dataclasses.replace(track, margins=np.array([[1, 2], [3, 4]], np.float32))
    assert track.margins_at(3) is None and track.margins_at(6) is None
    assert track.margins_at(5) == (3, 4)
