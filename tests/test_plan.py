"""Plans can be saved, edited and loaded, and refuse what doesn't fit."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from make_plans import make_clip, make_plan, make_track

from redact import Plan, PlanError


def test_a_plan_survives_a_round_trip(tmp_path):
    plan = make_plan([make_track(1, [[10, 20, 30, 40]] * 5, start=3)]).allow({1})
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    assert loaded.to_dict() == plan.to_dict()
    assert loaded.clip.pts.dtype == np.int64
    assert loaded.clip.path == Path("door.mp4")
    assert np.isnan(loaded.tracks[0].scores[1:-1]).all()


def test_what_is_known_of_the_clip_survives_a_round_trip(tmp_path):
    change_map = {
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


def test_allowing_an_unknown_track_names_those_that_exist():
    plan = make_plan([make_track(2, [[0, 0, 9, 9]])])
    with pytest.raises(PlanError, match=r"no track \[7\].*\[2\]"):
        plan.allow({7})


def test_allowed_tracks_are_not_covered():
    plan = make_plan([make_track(n, [[0, 0, 9, 9]]) for n in (1, 2)])
    assert [t.id for t in plan.allow({1}).covered_tracks] == [2]
    assert [t.id for t in plan.covered_tracks] == [1, 2]


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.pop("tracks"),
        lambda d: d.update(format="redact-plan-9"),
        lambda d: d["settings"].update(crf=99),
        lambda d: d["clip"].update(time_base="1/0"),
        lambda d: d["tracks"][0].update(boxes=[[1, 2, 3]]),
        lambda d: d["tracks"][0].update(boxes=[[9, 9, 3, 3]]),
        lambda d: d.update(allowed=[5]),
    ],
)
def test_a_damaged_plan_is_refused(tmp_path, edit):
    data = make_plan([make_track(1, [[0, 0, 9, 9]])]).to_dict()
    edit(data)
    (tmp_path / "plan.json").write_text(json.dumps(data))
    with pytest.raises(PlanError):
        Plan.load(tmp_path / "plan.json")


def test_a_file_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(PlanError, match=r"plan\.json"):
        Plan.load(tmp_path / "plan.json")


def test_upright_size_swaps_for_quarter_turns():
    assert make_clip(rotation_degrees=90).upright_size == (360, 640)
    assert make_clip(rotation_degrees=180).upright_size == (640, 360)


def test_a_track_has_boxes_only_while_it_lives():
    track = make_track(1, [[0, 0, 9, 9], [1, 1, 9, 9]], start=4)
    assert track.box_at(3) is None and track.box_at(6) is None
    assert track.box_at(5) == (1, 1, 9, 9)
