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
from redact.plan.key_boxes import straightened


def test_a_plan_survives_a_round_trip(tmp_path):
    plan = make_plan([make_track(1, [[10, 20, 30, 40]] * 5, start=3)]).allow({1})
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    assert loaded.to_dict()["tracks"] == plan.to_dict()["tracks"]
    assert loaded.clip.pts.dtype == np.int64
    assert loaded.clip.path == Path.cwd() / "door.mp4"
    assert np.isnan(loaded.tracks[0].scores[1:-1]).all()


def noisy_track(seed, count=40, start=0, **changed):
    """A track that moves as real ones do, with scores in some frames."""
    rng = np.random.default_rng(seed)
    corner = np.cumsum(rng.normal(2, 1, (count, 2)), axis=0) + 100
    boxes = np.concatenate([corner, corner + rng.uniform(20, 24, (count, 2))], axis=1)
    scores = np.where(rng.uniform(size=count) < 0.4, rng.uniform(0.3, 1, count), np.nan)
    track = make_track(1, boxes, start=start)
    return dataclasses.replace(track, scores=scores.astype(np.float32), **changed)


def assert_same_track(one, two):
    assert (one.id, one.kind, one.start_index) == (two.id, two.kind, two.start_index)
    assert (one.person, one.joined) == (two.person, two.joined)
    for name in ("boxes", "scores", "margins"):
        a, b = getattr(one, name), getattr(two, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_straightened", [False, True])
def test_a_track_survives_a_round_trip_to_the_last_bit(tmp_path, seed, is_straightened):
    margins = np.random.default_rng(seed).uniform(0, 9, (30, 2)).astype(np.float32)
    track = noisy_track(seed, 30, margins=margins if seed % 2 else None, person=3)
    track = straightened(track) if is_straightened else track
    make_plan([track]).save(tmp_path / "plan.json")
    assert_same_track(Plan.load(tmp_path / "plan.json").tracks[0], track)


def test_a_plan_of_a_busy_clip_is_small(tmp_path):
    """Half a minute with eight people in view all the time: less than 150 kB."""
    count = 900
    at = np.arange(count)[:, None]
    tracks = []
    for number in range(8):
        x, y = 300 + 200 * np.sin(at / 40 + number), 200 + 20 * np.cos(at / 9 + number)
        boxes = np.concatenate([x, y, x + 40, y + 50], axis=1)
        track = make_track(number + 1, boxes)
        scores = np.where(at[:, 0] % 3, np.nan, 0.5 + 0.4 * np.sin(at[:, 0])).astype(np.float32)
        margins = (5 + np.sin(at / 30) * [1, 2]).astype(np.float32)
        track = dataclasses.replace(track, scores=scores, margins=margins)
        tracks.append(straightened(track))
    plan = make_plan(tracks, pts=np.arange(count, dtype=np.int64) * 512)
    plan.save(tmp_path / "plan.json")
    assert (tmp_path / "plan.json").stat().st_size < 150_000
    for one, two in zip(Plan.load(tmp_path / "plan.json").tracks, tracks, strict=True):
        assert_same_track(one, two)


def test_the_path_of_the_clip_is_told_relative_to_the_plan(tmp_path, monkeypatch):
    for name in ("clips", "plans", "moved"):
        (tmp_path / name).mkdir()
    plan = make_plan([], path=tmp_path / "clips" / "door.mp4")
    plan.save(tmp_path / "plans" / "plan.json")
    data = json.loads((tmp_path / "plans" / "plan.json").read_text())
    assert data["clip"]["path"] == "../clips/door.mp4"
    assert Plan.load(tmp_path / "plans" / "plan.json").clip.path == tmp_path / "clips" / "door.mp4"
    (tmp_path / "plans").rename(tmp_path / "moved" / "plans")
    (tmp_path / "clips").rename(tmp_path / "moved" / "clips")
    monkeypatch.chdir(tmp_path / "moved")
    assert Plan.load("plans/plan.json").clip.path == tmp_path / "moved" / "clips" / "door.mp4"


def test_a_clip_of_varying_rate_keeps_its_times(tmp_path):
    pts = np.cumsum(np.random.default_rng(2).integers(1, 4, 50)).astype(np.int64) - 7
    make_plan([], pts=pts).save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json").clip.pts
    np.testing.assert_array_equal(loaded, pts)
    assert loaded.dtype == np.int64


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


OLD_BAD_VALUES = [
    (("allowed",), [5], r"allowed: no track \[5\] in this plan; it has \[3\]"),
    (("allowed",), [True], r"allowed\[0\] must be a whole number, not True"),
    (("allowed",), "1", "allowed must be a list, not '1'"),
    (("clip", "pts"), [], r"clip\.pts must hold the time of at least one frame"),
    (("clip", "pts"), [0, 1.5], r"clip\.pts\[1\] must be a whole number, not 1\.5"),
    (("clip", "pts"), [0, 2**70], r"clip\.pts\[1\] must lie in"),
    (("clip", "pts"), [0, 512, 512], r"clip\.pts\[2\] must be later than clip\.pts\[1\]"),
    (("tracks", 0, "start_index"), 3, r"tracks\[0\] covers the frames 3 to 5, but .* 0 to 3"),
    (("tracks", 0, "boxes"), [], r"tracks\[0\] must have at least one box"),
    (("tracks", 0, "boxes", 1), [1, 2, 3], r"tracks\[0\]\.boxes\[1\] must have the four numbers"),
    (("tracks", 0, "margins"), [[1, 1]], "as many margins as boxes, not 1 margins and 3 boxes"),
    (("tracks", 0, "scores"), [0.5], "as many scores as boxes, not 3 boxes and 1 scores"),
]


@pytest.mark.parametrize(("place", "value", "said"), OLD_BAD_VALUES)
def test_a_bad_value_in_a_plan_of_an_earlier_version_is_refused_by_field(place, value, said):
    data = inner = json.loads(OLD_PLAN)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(PlanError, match=said):
        Plan.from_dict(data)


# What replaces the value at a place in a plan of two tracks, and what the message says.
BAD_VALUES = [
    (("format",), "redact-plan-9", "format must be 'redact-plan-2' .*, not 'redact-plan-9'"),
    (("clip",), [], r"clip must be an object with named fields, not \[\]"),
    (("clip", "width"), 0, r"clip\.width must lie in 1\..*, not 0"),
    (("clip", "width"), "640", r"clip\.width must be a whole number, not '640'"),
    (("clip", "has_audio"), 1, r"clip\.has_audio must be true or false, not 1"),
    (("clip", "time_base"), "1/0", r"clip\.time_base must be a fraction .*, not '1/0'"),
    (("clip", "time_base"), "-1/25", r"clip\.time_base must be above 0, not '-1/25'"),
    (("clip", "time_base"), "1e99999999", r"clip\.time_base must be a fraction"),
    (("clip", "rotation_degrees"), 45, r"clip\.rotation_degrees must be 0, 90, .*, not 45"),
    (("clip", "pts"), [0, 512], r"clip\.pts must be an object with named fields"),
    (("clip", "pts"), {"first": 0}, r"clip\.pts\.steps is missing"),
    (("clip", "pts", "first"), 0.5, r"clip\.pts\.first must be a whole number, not 0\.5"),
    (("clip", "pts", "last"), 5, r"clip\.pts has an unknown field 'last'"),
    (("clip", "pts", "steps"), [[512]], r"clip\.pts\.steps\[0\] must be a step and how often"),
    (("clip", "pts", "steps"), [[0, 29]], r"clip\.pts\.steps\[0\]\[0\] must lie in 1"),
    (("clip", "pts", "steps"), [[1, 2**40]], r"clip\.pts\.steps must lead to fewer frames"),
    (("clip", "pts", "steps"), [[2**52, 9]], r"clip\.pts\.steps must lead to fewer frames"),
    (("clip", "color"), 1, "clip has an unknown field 'color'"),
    (("clip", "warnings"), "lost", r"clip\.warnings must be a list, not 'lost'"),
    (("settings", "crf"), 99, "settings: crf must lie in 0..51, not 99"),
    (("settings",), None, "settings must be an object with named fields, not None"),
    (("decisions",), "1", "decisions must be a list, not '1'"),
    (("decisions",), [{"action": "hide", "tracks": [1]}], r"decisions\[0\]\.action must be one of"),
    (("decisions",), [{"tracks": [1]}], r"decisions\[0\]\.action is missing"),
    (("decisions",), [{"action": "keep"}], r"decisions\[0\] must have either tracks or a zone"),
    (("decisions",), [{"action": "ignore", "tracks": [1]}], r"decisions\[0\] must have a zone"),
    (("decisions",), [{"action": "keep", "zone": {}}], r"decisions\[0\] must have tracks"),
    (
        ("decisions",),
        [{"action": "keep", "tracks": [True]}],
        r"decisions\[0\]\.tracks\[0\] must be a whole number, not True",
    ),
    (
        ("decisions",),
        [{"action": "keep", "tracks": [1, 5]}],
        r"decisions\[0\]\.tracks: no track \[5\] in this plan; it has \[1, 2\]",
    ),
    (
        ("decisions",),
        [{"action": "keep", "tracks": [1]}, {"action": "drop", "tracks": [1]}],
        r"decisions\[1\] can't drop the tracks \[1\]: an earlier decision is to keep them",
    ),
    (
        ("decisions",),
        [{"action": "keep", "tracks": [1], "why": ""}],
        r"decisions\[0\] has an unknown field 'why'",
    ),
    (
        ("decisions",),
        [{"action": "keep", "tracks": [1], "by": 3}],
        r"decisions\[0\]\.by must be a text, not 3",
    ),
    (
        ("decisions",),
        [{"action": "cover", "zone": {"name": "a", "box": [0, 0, 2, 1]}}],
        r"decisions\[0\]\.zone: a polygon must lie in 0\.\.1",
    ),
    (
        ("decisions",),
        [{"action": "cover", "zone": {"box": [0, 0, 1, 1]}}],
        r"decisions\[0\]\.zone\.name is missing",
    ),
    (
        ("decisions",),
        [{"action": "cover", "zone": {"name": "a", "box": [0, 0, 1, 1]}}] * 2,
        r"decisions\[1\]\.zone\.name is taken already: 'a'",
    ),
    (
        ("decisions",),
        [{"action": "uncover", "zone": {"name": "a", "box": [0, 0, 1, 1]}}],
        r"decisions\[0\]\.zone\.name is not in the plan: 'a'",
    ),
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
    (("tracks", 1, "start_index"), 29, r"tracks\[1\] lies in the frames 29 to 30, but .* 0 to 29"),
    (("tracks", 0, "looks"), 1, r"tracks\[0\] has an unknown field 'looks'"),
    (("tracks", 0, "person"), "a", r"tracks\[0\]\.person must be a whole number, not 'a'"),
    (("tracks", 0, "joined_from"), "a", r"tracks\[0\]\.joined_from must be a whole number"),
    (("tracks", 0, "keys"), 3, r"tracks\[0\]\.keys must be a list, not 3"),
    (("tracks", 0, "keys"), [], r"tracks\[0\]\.keys must begin with a key of frame 0"),
    (("tracks", 0, "keys", 0, 0), 1, r"tracks\[0\]\.keys must begin with a key of frame 0"),
    (("tracks", 0, "keys", 1), [1, 2, 3], r"tracks\[0\]\.keys\[1\] must have 5 numbers"),
    (("tracks", 0, "keys", 1, 0), 0, r"tracks\[0\]\.keys\[1\] must have .* a later frame"),
    (("tracks", 0, "keys", 1, 0), 0.5, r"tracks\[0\]\.keys\[1\]\[0\] must be a whole number"),
    (("tracks", 0, "keys", 1, 0), 2**50, r"tracks\[0\] lies in the frames 0 to"),
    (("tracks", 0, "keys", 1), [1, 9, 0, 3, 9], r"tracks\[0\]\.keys\[1\] must have x0 < x1"),
    (("tracks", 0, "keys", 1, 3), None, r"tracks\[0\]\.keys\[1\]\[3\] must be a finite number"),
    (("tracks", 0, "keys", 1, 3), 1e39, r"tracks\[0\]\.keys\[1\]\[3\] must be a finite number"),
    (("tracks", 0, "keys", 1, 3), True, r"tracks\[0\]\.keys\[1\]\[3\] must be a finite number"),
    (
        ("tracks", 0, "keys", 1),
        [1, 0, 0, 9, 9, 1, 1],
        r"tracks\[0\]\.keys\[1\] must have as many numbers as those before it",
    ),
    (
        ("tracks", 0, "keys"),
        [[0, 0, 0, 9, 9, -1, 3]],
        r"tracks\[0\]\.keys\[0\] must have two numbers of at least 0.*, not \[-1, 3\]",
    ),
    (
        ("tracks", 0, "keys"),
        [[0, 0, 0, 9, 9, float("nan"), 3]],
        r"tracks\[0\]\.keys\[0\]\[5\] must be a finite number, not nan",
    ),
    (("tracks", 0, "detected"), [[0, 1]], r"tracks\[0\]\.detected\[0\] must be first, step and"),
    (("tracks", 0, "detected"), [[0, 0, 2]], r"tracks\[0\]\.detected\[0\] must be first, step"),
    (("tracks", 0, "detected"), [[0, 1, 2**50]], r"tracks\[0\]\.detected\[0\] must be first"),
    (("tracks", 0, "detected"), [[0, 1, 1]] * 2, r"tracks\[0\]\.scores must be one for each"),
    (("tracks", 0, "scores"), [0.5], r"tracks\[0\]\.scores must be one for each frame"),
    (("tracks", 0, "scores", 0), "0.5", r"tracks\[0\]\.scores\[0\] must be a finite number"),
    (("tracks", 0, "scores", 0), float("nan"), r"tracks\[0\]\.scores\[0\] must be a finite number"),
]


@pytest.mark.parametrize(("place", "value", "said"), BAD_VALUES)
def test_a_bad_value_in_a_plan_is_refused_by_field_and_value(tmp_path, place, value, said):
    tracks = [make_track(n, [[0, 0, 9, 9]] * 2) for n in (1, 2)]
    data = json.loads(json.dumps(make_plan(tracks).to_dict()))
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(PlanError, match=said):
        Plan.from_dict(copy.deepcopy(data))
    (tmp_path / "plan.json").write_text(json.dumps(data))
    with pytest.raises(PlanError, match=said + r".* \(in .*plan\.json'\)"):
        Plan.load(tmp_path / "plan.json")


@pytest.mark.parametrize("name", ["format", "clip", "settings", "decisions", "tracks"])
def test_a_missing_part_of_a_plan_is_named(name):
    data = make_plan([]).to_dict()
    del data[name]
    with pytest.raises(PlanError, match=name):
        Plan.from_dict(data)


def test_a_missing_field_inside_a_plan_is_named():
    data = make_plan([make_track(1, [[0, 0, 9, 9]])]).to_dict()
    del data["tracks"][0]["keys"]
    with pytest.raises(PlanError, match=r"tracks\[0\]\.keys is missing"):
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


def test_the_person_of_a_track_survives_a_round_trip():
    first, second, other = (make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2, 3))
    first = dataclasses.replace(first, person=1)
    second = dataclasses.replace(second, person=1, joined="0.4 s apart, same clothes")
    loaded = Plan.from_dict(make_plan([first, second, other]).to_dict()).tracks
    assert [(t.person, t.joined) for t in loaded] == [
        (1, ""),
        (1, "0.4 s apart, same clothes"),
        (None, ""),
    ]


def test_all_tracks_of_a_person_can_be_kept_at_once():
    tracks = [make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2, 3, 4)]
    persons = [1, 2, 1, None]
    tracks = [dataclasses.replace(t, person=p) for t, p in zip(tracks, persons, strict=True)]
    plan = make_plan(tracks)
    assert plan.same_persons(3) == {1, 3}
    assert plan.same_persons([2, 4]) == {2, 4}
    assert plan.keep(plan.same_persons(1)).kept == {1, 3}
    with pytest.raises(PlanError, match="no track"):
        plan.same_persons(9)


def test_a_track_that_was_joined_wrongly_becomes_a_person_of_its_own_and_is_covered_again():
    tracks = [make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2)]
    tracks = [dataclasses.replace(t, person=1, joined="so") for t in tracks]
    plan = make_plan(tracks).keep([1, 2]).split(2)
    assert [(t.person, t.joined) for t in plan.tracks] == [(1, ""), (2, "")]
    assert plan.kept == {1}
    assert plan.same_persons(1) == {1}


JUNK = [None, True, -1, 0, 2**70, 1e300, float("nan"), "x", "", [], [[]], {}, {"x": 1}]


def places_in(value, place=()):
    """The way to every value inside of JSON values, that of the whole first."""
    yield place
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield from places_in(inner, (*place, key))


def test_whatever_is_damaged_in_a_plan_it_is_refused_as_a_plan_or_can_be_used():
    plan = make_plan([noisy_track(3, 6, person=1), make_track(2, [[0, 0, 9, 9]] * 2)]).join([1, 2])
    plan = plan.keep(2, reason="agreed").cover((0, 0, 9, 9)).ignore([(0, 0), (1, 0), (0, 1)])
    text = json.dumps(plan.to_dict())
    for place in list(places_in(json.loads(text)))[1:]:
        for junk in JUNK:
            data = inner = json.loads(text)
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = junk
            try:
                loaded = Plan.from_dict(data)
            except PlanError as err:
                assert "\n" not in str(err)
            else:
                assert (
                    json.loads(json.dumps(loaded.to_dict())) and loaded.covered_tracks is not None
                )
