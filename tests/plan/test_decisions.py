"""What the owner decides about a plan: kept, dropped, covered by hand, zones, and back again."""

import dataclasses

import numpy as np
import pytest
from make_plans import make_plan, make_track

from redact import Box, Plan, PlanError, Zone

TRIANGLE = [(0.5, 0.1), (0.9, 0.9), (0.1, 0.9)]


def plan_of(*numbers):
    return make_plan([make_track(n, [[0, 0, 9, 9]] * 2) for n in numbers])


def covered(plan):
    return [track.id for track in plan.covered_tracks]


def test_kept_and_dropped_tracks_are_not_covered_but_stay_in_the_plan():
    plan = plan_of(1, 2, 3).keep([1], reason="my daughter", by="Ann").drop(3)
    assert (plan.kept, plan.dropped, covered(plan)) == ({1}, {3}, [2])
    assert [track.id for track in plan.tracks] == [1, 2, 3]
    assert (plan.decisions[0].reason, plan.decisions[0].by) == ("my daughter", "Ann")


def test_allow_is_another_name_of_keep():
    plan = plan_of(1, 2).allow({1})
    assert plan.kept == plan.allowed == {1} and covered(plan) == [2]


def test_a_decision_gives_another_plan():
    plan = plan_of(1)
    assert plan.keep(1).kept and not plan.kept
    assert plan.keep([]) is plan


@pytest.mark.parametrize(
    "method", ["keep", "allow", "drop", "withdraw", "uncover", "join", "split"]
)
def test_an_unknown_track_is_refused_with_those_that_exist(method):
    with pytest.raises(PlanError, match=r"no track \[7\].*\[2\]"):
        getattr(plan_of(2), method)([7])


def test_one_track_is_not_both_kept_and_dropped():
    with pytest.raises(PlanError, match=r"can't drop the tracks \[1\], they were kept"):
        plan_of(1, 2).keep([1]).drop([1, 2])
    with pytest.raises(PlanError, match=r"can't keep the tracks \[2\], they were dropped"):
        plan_of(1, 2).drop([2]).keep([1, 2])


def test_what_was_kept_or_dropped_can_be_taken_back():
    plan = plan_of(1, 2).keep(1).drop(2).withdraw([1, 2])
    assert covered(plan) == [1, 2] and len(plan.decisions) == 3
    assert covered(plan.drop(1)) == [2]
    with pytest.raises(PlanError, match=r"the tracks \[1, 2\] were neither kept nor dropped"):
        plan.withdraw([1, 2])


def test_a_polygon_is_covered_for_part_of_the_time():
    plan = plan_of().cover(TRIANGLE, start=0.2, stop=0.5, name="window", reason="neighbour")
    (zone,) = plan.zones
    assert zone == Zone(polygon=TRIANGLE, name="window", start_seconds=0.2, stop_seconds=0.5)
    assert zone.rule == "cover" and plan.decisions[0].reason == "neighbour"


def test_a_box_in_pixels_becomes_a_zone_that_keeps_to_the_picture():
    (zone,) = plan_of().cover(Box(320, 90, 900, 180)).zones
    assert zone.polygon == ((0.5, 0.25), (1, 0.25), (1, 0.5), (0.5, 0.5))
    assert zone.name == "zone 1" and zone.stop_seconds is None
    assert plan_of().cover(np.array([320, 90, 900, 180])).zones == (zone,)


def test_time_is_given_in_frames_too():
    (zone,) = plan_of().cover(TRIANGLE, frames=range(6, 15)).zones
    assert [zone.is_active(n / 30) for n in (5, 6, 14, 15)] == [False, True, True, False]
    (zone,) = plan_of().cover(TRIANGLE, frames=range(6, 99)).zones
    assert zone.stop_seconds is None


@pytest.mark.parametrize(
    ("area", "options", "said"),
    [
        ([(0, 0), (1, 0), (0.5, 1.5)], {}, r"lie in 0\.\.1 .*\(0\.5, 1\.5\)"),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], {}, "must not cross or touch itself"),
        ([(0, 0), (1, 1)], {}, "3 to 256 points, not 2"),
        ((700, 0, 800, 10), {}, "lie in the picture of 640x360"),
        ((20, 0, 10, 10), {}, "x0 < x1"),
        ("window", {}, "list of points"),
        (None, {}, "list of points"),
        (3, {}, "list of points"),
        ((1, 2, 3, None), {}, "a box must be four numbers"),
        ((1, 2, 3, float("nan")), {}, "x0 < x1"),
        ([(0, 0), (1, 0), (0, 1, 2)], {}, r"list of points .*\(0, 1, 2\)"),
        (TRIANGLE, {"frames": (3, 9)}, r"range in range\(0, 30\)"),
        (TRIANGLE, {"frames": range(3, 9, 2)}, r"range in range\(0, 30\)"),
        (TRIANGLE, {"name": "a\nb"}, "name"),
        (TRIANGLE, {"start": "1"}, "finite seconds"),
        (TRIANGLE, {"start": 5}, "not in the clip"),
        (TRIANGLE, {"stop": 0}, "begin before it ends"),
        (TRIANGLE, {"start": 0.1, "frames": range(3, 9)}, "seconds or in frames"),
        (TRIANGLE, {"frames": range(9, 3)}, r"range in range\(0, 30\)"),
        (TRIANGLE, {"frames": range(30, 33)}, r"range in range\(0, 30\)"),
        (TRIANGLE, {"name": "taken"}, "a zone 'taken' already"),
        (make_track(1, [[0, 0, 9, 9]] * 9, start=25), {}, "frames 25 to 33"),
    ],
)
def test_an_area_that_cannot_be_covered_is_refused(area, options, said):
    plan = plan_of().cover(TRIANGLE, name="taken")
    with pytest.raises(PlanError, match=said):
        plan.cover(area, **options)


def test_a_track_covered_by_hand_gets_an_id_of_its_own():
    plan = plan_of(1, 4).cover(make_track(1, [[50, 50, 90, 90]] * 3, kind="other", start=5))
    assert covered(plan) == [1, 4, 5] and plan.covered_by_hand == {5}
    plan = plan.uncover(5)
    assert covered(plan) == [1, 4] and [track.id for track in plan.tracks] == [1, 4, 5]
    with pytest.raises(PlanError, match=r"\[1\] were not covered by hand, \[\] were; keep or drop"):
        plan.uncover([1])


def test_zones_can_be_taken_back_by_name():
    plan = plan_of().cover(TRIANGLE, name="window").ignore((0, 0, 9, 9))
    assert [zone.name for zone in plan.zones] == ["window", "zone 1"]
    plan = plan.uncover("window")
    assert [(zone.name, zone.rule) for zone in plan.zones] == [("zone 1", "ignore")]
    assert plan.uncover(["zone 1"]).zones == ()
    with pytest.raises(PlanError, match=r"no zone \['window'\] in this plan; it has \['zone 1'\]"):
        plan.uncover("window")


def test_tracks_that_were_seen_in_a_zone_to_ignore_alone_are_not_covered():
    inside = make_track(1, [[100, 100, 140, 140]] * 6)
    leaving = make_track(2, [[100, 100, 140, 140]] * 5 + [[300, 100, 340, 140]])
    plan = make_plan([inside, leaving]).ignore((90, 90, 150, 150), name="poster")
    assert plan.ignored == {1} and covered(plan) == [2]
    assert covered(plan.uncover("poster")) == [1, 2]
    assert covered(make_plan([inside]).ignore((90, 90, 150, 150), start=0.1)) == [1]


def test_decisions_survive_a_round_trip(tmp_path):
    plan = plan_of(1, 2).keep(1, reason="agreed", by="Ann").drop(2).withdraw(2)
    plan = plan.cover(TRIANGLE, frames=range(7, 9)).ignore((0, 0, 9, 9), name="poster")
    plan = plan.cover(make_track(1, [[1, 2, 3, 4]])).uncover(["poster", 3])
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    assert loaded.decisions == plan.decisions and loaded.zones == plan.zones
    assert covered(loaded) == covered(plan) == [2]


def people(persons, why="0.4 s apart"):
    """A plan whose tracks 1, 2, ... show these persons, one after the other."""
    tracks = []
    for number, person in enumerate(persons, 1):
        track = make_track(number, [[0, 0, 9, 9]] * 2, start=3 * number)
        joined = why if person in persons[: number - 1] and person is not None else ""
        tracks.append(dataclasses.replace(track, person=person, joined=joined))
    return make_plan(tracks)


def persons_of(plan):
    return [track.person for track in plan.tracks]


def joins_of(plan):
    return [track.joined for track in plan.tracks]


def test_two_persons_become_one_and_two_again():
    plan = people([1, 2, 1, 2])
    joined = plan.join([3, 4], reason="same coat", by="Ann")
    assert joined.same_persons(1) == {1, 2, 3, 4}
    assert joins_of(joined) == ["", "by hand, Ann, same coat", "0.4 s apart", "0.4 s apart"]
    decision = joined.decisions[-1]
    assert (decision.action, decision.tracks, decision.by) == ("join", (1, 2, 3, 4), "Ann")
    split = joined.split([2, 4])
    assert persons_of(split) == persons_of(plan) and joins_of(split) == joins_of(plan)
    assert joined.split([1, 3]).same_persons(2) == {2, 4}
    assert not any("by hand" in why for why in joins_of(joined.split([1, 3])))


def test_keeping_a_joined_person_keeps_all_and_a_split_one_is_covered_again():
    plan = people([1, 2, 3]).keep(1).join([1, 2])
    assert plan.kept == {1}  # Whoever was covered stays so until somebody says otherwise.
    plan = plan.keep(plan.same_persons(2))
    assert (plan.kept, covered(plan)) == ({1, 2}, [3])
    assert plan.split(2).kept == {1}


def test_persons_can_be_joined_one_after_the_other_and_leave_in_any_order():
    plan = people([1, 2, 3]).join([2, 3]).join([1, 2])
    assert plan.same_persons(1) == {1, 2, 3}
    assert plan.split(2).same_persons(1) == {1, 3}
    assert plan.split(3).same_persons(1) == {1, 2}
    apart = plan.split(2).split(3)
    assert sorted(persons_of(apart)) == [1, 2, 3]
    together = plan.split([2, 3])
    assert together.same_persons(2) == {2, 3} and together.same_persons(1) == {1}


def test_a_drawn_face_can_be_joined_to_a_person():
    plan = people([1, 1]).cover(make_track(1, [[50, 50, 90, 90]] * 3))
    assert plan.join([2, 3]).same_persons(3) == {1, 2, 3}
    assert plan.join([2, 3]).split(3).same_persons(3) == {3}
    alone = people([None, None]).join([1, 2])
    assert alone.same_persons(1) == {1, 2} and alone.split(2).same_persons(1) == {1}


def test_a_part_of_what_was_joined_may_leave_and_come_back():
    plan = people([1, 2, 2]).join([1, 2]).split(3)
    assert plan.same_persons(1) == {1, 2} and plan.same_persons(3) == {3}
    assert plan.join([1, 3]).same_persons(1) == {1, 2, 3}


def test_what_cannot_be_joined_or_split_is_refused():
    plan = make_plan([*people([1, 1, 2]).tracks, make_track(4, [[0, 0, 9, 9]], kind="plate")])
    with pytest.raises(PlanError, match=r"only faces .*'4 \(plate\)'"):
        plan.join([1, 4])
    for ids in ([1], [1, 2]):
        with pytest.raises(PlanError, match="show one person already"):
            plan.join(ids)
    for ids in ([3], [1, 2], 4):
        with pytest.raises(PlanError, match="can't be split from their person"):
            plan.split(ids)


def test_a_join_survives_a_round_trip(tmp_path):
    plan = people([1, 2, 2]).join([1, 2], by="Ann")
    plan.save(tmp_path / "plan.json")
    loaded = Plan.load(tmp_path / "plan.json")
    assert loaded.decisions == plan.decisions
    assert loaded.same_persons(3) == {1, 2, 3} and joins_of(loaded) == joins_of(plan)
    assert persons_of(loaded.split([2, 3])) == [1, 2, 2]
