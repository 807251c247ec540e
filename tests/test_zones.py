"""Zones: which polygons are accepted, how they are written, and what lies inside them."""

import math

import pytest

from redact import Settings, SettingsError, Zone
from redact.zones import named_zones, parse_zone

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
# A U that is open at the top.
HOLLOW = ((0, 0), (0.2, 0), (0.2, 0.8), (0.8, 0.8), (0.8, 0), (1, 0), (1, 1), (0, 1))


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        (((0, 0), (1, 0)), "3 to 256 points, not 2"),
        ([(0.5 + 0.1 * math.cos(n), 0.5 + 0.1 * math.sin(n)) for n in range(257)], "not 257"),
        (((0, 0), (1, 0), (1, 1.01)), r"lie in 0\.\.1 .*\(1, 1\.01\)"),
        (((0, 0), (1, 0), (1, math.nan)), r"lie in 0\.\.1 .*\(1, nan\)"),
        (((0, 0), (1, 0), (-0.1, 1)), r"lie in 0\.\.1"),
        (((0, 0), (1, 1), (1, 0), (0, 1)), "cross or touch itself, but .* meets"),
        # A spike, a point twice, an edge that runs along another, and a corner on an edge.
        (((0, 0), (1, 0), (0.5, 0), (0.5, 1)), "cross or touch itself"),
        (((0, 0), (1, 0), (0.5, 0.5), (1, 1), (0, 1), (0.5, 0.5)), r"point twice.*\(0\.5, 0\.5\)"),
        (((0, 0), (0.5, 0), (1, 0)), "cross or touch itself"),
        (((0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)), "cross or touch itself"),
        (((0, 0), (1e-5, 0), (0, 1e-5)), "its area is 0"),
        (((0, 0), (1, 0), "point"), "list of points .*'point'"),
        (((0, 0), (1, 0), (1, None)), "list of points"),
        (((0, 0), (1, 0), (1, "1")), "list of points"),
        ("polygon", "list of points"),
        (None, "list of points"),
    ],
)
def test_a_polygon_that_cannot_be_used_is_refused(polygon, said):
    with pytest.raises(SettingsError, match=said):
        Zone(polygon=polygon)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rule": "blur"}, "rule must be .*'blur'"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a" * 81}, "name"),
        ({"name": 3}, "name"),
        ({"start_seconds": "1"}, "finite seconds"),
        ({"start_seconds": math.inf}, "finite seconds"),
        ({"stop_seconds": math.nan}, "finite seconds"),
        ({"start_seconds": 2, "stop_seconds": 2}, "begin before it ends, not at 2 and 2 s"),
    ],
)
def test_other_fields_are_checked_too(fields, said):
    with pytest.raises(SettingsError, match=said):
        Zone(polygon=SQUARE, **fields)


def test_a_hollow_polygon_and_the_whole_picture_are_fine():
    assert Zone(polygon=HOLLOW).contains(0.1, 0.1)
    assert not Zone(polygon=HOLLOW).contains(0.5, 0.5)
    assert Zone.from_box(0, 0, 1, 1).contains(0.99, 0.01)


def test_a_polygon_may_repeat_its_first_point_at_the_end():
    assert Zone(polygon=(*SQUARE, SQUARE[0])).polygon == SQUARE


def test_a_zone_exists_from_its_start_until_just_before_its_stop():
    zone = Zone(polygon=SQUARE, start_seconds=1, stop_seconds=2)
    assert [zone.is_active(t) for t in (0.9, 1, 1.9, 2)] == [False, True, True, False]
    assert Zone(polygon=SQUARE).is_active(1e9)


def test_a_row_of_a_hollow_polygon_has_two_spans():
    assert Zone(polygon=HOLLOW).spans_at(0.5) == [(0, 0.2), (0.8, 1)]
    assert Zone(polygon=SQUARE).spans_at(0.1) == []


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("cover:0,0,.3,.1", Zone.from_box(0, 0, 0.3, 0.1)),
        ("ignore:0,0,1,0,0.5,1", Zone(polygon=((0, 0), (1, 0), (0.5, 1)), rule="ignore")),
        (
            "cover:0,0,1,.5@2.5-10",
            Zone.from_box(0, 0, 1, 0.5, start_seconds=2.5, stop_seconds=10),
        ),
        ("cover:0,0,1,.5@2.5-", Zone.from_box(0, 0, 1, 0.5, start_seconds=2.5)),
        ("cover:0,0,1,.5@-3", Zone.from_box(0, 0, 1, 0.5, stop_seconds=3)),
    ],
)
def test_a_zone_is_read_from_the_command_line(text, zone):
    assert parse_zone(text) == zone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cover",
        "cover:",
        "0,0,.3,.1",
        "cover:0,0,.3",
        "cover:0,0,.3,.1,.5",
        "cover:0,0,.3,x",
        "cover:0,0,.3,2",
        "cover:.3,0,.1,.1",
        "cover:nan,0,1,1",
        "hide:0,0,.3,.1",
        "cover:0,0,.3,.1@",
        "cover:0,0,.3,.1@3",
        "cover:0,0,.3,.1@3-2",
        "cover:0,0,.3,.1@x-",
        "cover:0,0,1,1,1,0,0,1",
    ],
)
def test_a_zone_that_cannot_be_read_is_shown(text):
    with pytest.raises(SettingsError) as caught:
        parse_zone(text)
    assert repr(text) in str(caught.value)


def test_zones_without_a_name_get_one_that_is_free():
    zones = [Zone(polygon=SQUARE), Zone(polygon=SQUARE, name="zone 1"), Zone(polygon=SQUARE)]
    assert [zone.name for zone in named_zones(zones)] == ["zone 2", "zone 1", "zone 3"]
    assert named_zones(named_zones(zones)) == named_zones(zones)


def test_settings_hold_zones_and_read_them_from_a_file(tmp_path):
    file = tmp_path / "door.toml"
    file.write_text(
        "[[zones]]\nname = 'window'\nbox = [0, 0, 0.5, 0.25]\n"
        "[[zones]]\nrule = 'ignore'\npolygon = [[0, 0], [1, 0], [0, 1]]\nstop_seconds = 3\n"
    )
    window, poster = Settings.from_toml(file).zones
    assert window == Zone.from_box(0, 0, 0.5, 0.25, name="window")
    assert (poster.rule, poster.name, poster.stop_seconds) == ("ignore", "zone 1", 3)


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ("cover:0,0,1,1", "zones must be a list of zones"),
        ([{"box": [0, 0, 1, 1], "polygon": SQUARE}], "either a polygon or a box"),
        ([{"name": "a"}], "either a polygon or a box"),
        ([{"box": [0, 0, 1]}], "four numbers"),
        ([{"box": [0, 0, 1, "1"]}], "four numbers"),
        ([{"box": [0, 0, 1, 1], "colour": "red"}], "no field 'colour'"),
        ([{"box": [0, 0, 1, 1], "name": "a"}] * 2, "two zones have the name 'a'"),
        ([3], "a table of named values, not 3"),
    ],
)
def test_zones_of_settings_are_checked(zones, said):
    with pytest.raises(SettingsError, match=said):
        Settings.from_dict({"zones": zones})


def test_a_zone_survives_a_round_trip():
    zone = Zone(polygon=SQUARE, rule="ignore", name="poster", start_seconds=1.5, stop_seconds=2)
    assert Zone.from_dict(zone.to_dict()) == zone
    assert zone.to_dict()["polygon"] == [list(point) for point in SQUARE]
