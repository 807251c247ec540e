"""Deciding on the command line: --keep, --drop, --zone, --profile, analyze and render."""

import base64
import dataclasses
import json
import re

import cv2
import numpy as np
import pytest
from make_clips import brightest, read_back, write_clip
from make_plans import make_plan, make_track

import redact
from redact import Plan, Settings
from redact.cli import main
from redact.cli.common import Parser, add_decision_options, add_person_options, decided

pytestmark = pytest.mark.usefixtures("square_scans")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a clip in it, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4")
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def shows(path):
    """Whether the square shows in every frame, or in none."""
    (answer,) = {brightest(image) > 200 for image in read_back(path)[1]}
    return answer


@pytest.mark.parametrize("option", ["--keep", "--drop"])
def test_a_track_that_is_kept_or_dropped_stays_visible(folder, capsys, option):
    assert main(["a.mp4", option, "1", "-o", "b.mp4"]) == 0
    assert shows("b.mp4")
    out = capsys.readouterr().out
    assert "0 faces" in out and ("; 1 person left visible" in out) == (option == "--keep")


def test_a_clip_is_analyzed_decided_and_rendered(folder, capsys):
    assert main(["analyze", "a.mp4", "-o", "plan.json", "--style", "solid"]) == 0
    assert "1  face, 0:00.0 to 0:00.9, near x" in capsys.readouterr().out
    assert names(folder) == ["a.mp4", "plan.json"]
    assert main(["render", "plan.json", "-o", "b.mp4", "--keep", "1", "--json", "b.json"]) == 0
    assert main(["render", "plan.json", "-o", "c.mp4", "-q"]) == 0
    assert shows("b.mp4") and not shows("c.mp4")
    assert json.loads((folder / "b.json").read_text())["settings"]["style"] == "solid"


def test_a_page_about_the_plan_is_written_with_it(folder):
    arguments = ["analyze", "a.mp4", "-o", "plan.json", "-q", "--report", "a.html"]
    assert main([*arguments, "--keep", "1", "--from", "0:00.4"]) == 0
    assert names(folder) == ["a.html", "a.mp4", "plan.json"]
    page = (folder / "a.html").read_text()
    assert "1 person left visible; nothing is covered or audited yet" in page
    assert "0:00.4 to 0:01.0 of the source" in page
    codes = re.findall(r"base64,([^\"]*)", page)
    images = [cv2.imdecode(np.frombuffer(base64.b64decode(c), np.uint8), 1) for c in codes]
    assert images and not any((image > 200).any() for image in images)
    assert main(["render", "plan.json", "-o", "b.mp4", "-q"]) == 0


def test_an_image_has_a_page_of_its_plan_too(folder):
    assert cv2.imwrite("a.png", read_back("a.mp4")[1][0])
    assert main(["analyze", "a.png", "-o", "plan.json", "-q", "--report", "a.html"]) == 0
    assert "1 face to be covered; nothing is covered" in (folder / "a.html").read_text()


def test_no_plan_is_written_without_the_page_that_goes_with_it(folder, monkeypatch, capsys):
    def fail(*_):
        raise redact.ClipError("gone")

    monkeypatch.setattr("redact.report.page.page_of_plan", fail)
    assert main(["analyze", "a.mp4", "-o", "plan.json", "-q", "--report", "a.html"]) == 2
    assert "gone" in capsys.readouterr().err and names(folder) == ["a.mp4"]


def test_a_plan_from_the_command_gives_what_the_command_gives(folder):
    options = ["-q", "--crf", "0", "--zone", "cover:0.5,0.5,0.9,0.6,0.7,0.9@0.2-0.6"]
    assert main(["a.mp4", "-o", "b.mp4", *options]) == 0
    assert main(["analyze", "a.mp4", "-o", "plan.json", *options]) == 0
    assert main(["render", "plan.json", "-o", "c.mp4", "-q"]) == 0
    for image, same in zip(read_back("b.mp4")[1], read_back("c.mp4")[1], strict=True):
        np.testing.assert_array_equal(image, same)


def test_decisions_can_be_made_when_analyzing_too(folder, capsys):
    arguments = ["--keep", "1", "--zone", "ignore:0,0,.1,.1"]
    assert main(["analyze", "a.mp4", "-o", "plan.json", *arguments]) == 0
    out = capsys.readouterr().out
    assert "stays visible" in out and "zone 'zone 1': ignore" in out
    assert Plan.load("plan.json").kept == {1}
    assert main(["render", "plan.json", "-o", "b.mp4", "-q"]) == 0
    assert shows("b.mp4")


def test_zones_of_a_profile_of_a_file_and_of_options_add_up(folder):
    (folder / "door.toml").write_text(
        "name = 'Door'\n[settings]\nstyle = 'solid'\ncrf = 30\n[[zones]]\nbox = [0, 0, 0.1, 0.1]\n"
    )
    (folder / "more.toml").write_text("crf = 33\n[[zones]]\nname = 'b'\nbox = [0, 0, 0.1, 0.1]\n")
    arguments = ["--profile", "door.toml", "--settings", "more.toml"]
    arguments += ["--zone", "cover:.5,.5,.6,.6", "--zone", "ignore:.7,.7,.8,.8", "--audio", "keep"]
    assert main(["analyze", "a.mp4", "-o", "plan.json", "-q", *arguments]) == 0
    settings = Plan.load("plan.json").settings
    assert (settings.style, settings.crf, settings.audio) == ("solid", 33, "keep")
    assert [zone.name for zone in settings.zones] == ["zone 1", "b", "zone 2", "zone 3"]


def test_a_shipped_profile_is_named_and_covers_its_corners(folder):
    assert main(["a.mp4", "-o", "b.mp4", "-q", "--profile", "ring-partner-api", "--crf", "1"]) == 0
    for image in read_back("b.mp4")[1]:
        assert np.abs(np.diff(image[:20, :60].astype(int), axis=1)).mean() < 1


def test_a_zone_can_be_added_to_a_plan(folder, capsys):
    assert main(["analyze", "a.mp4", "-o", "plan.json", "-q"]) == 0
    zones = ["--zone", "cover:0,0,1,1@0.4-", "--zone", "ignore:0,0,.1,.1"]
    assert main(["render", "plan.json", "-o", "b.mp4", "--drop", "1", *zones]) == 0
    assert "0 faces, 0 plates and 1 zone covered" in capsys.readouterr().out
    assert [brightest(image) > 200 for image in read_back("b.mp4")[1]] == [True] * 10 + [False] * 14


def test_the_clip_of_a_plan_may_have_moved(folder):
    assert main(["analyze", "a.mp4", "-o", "plan.json", "-q"]) == 0
    (folder / "a.mp4").rename(folder / "moved.mp4")
    assert main(["render", "plan.json", "-o", "b.mp4"]) == 2
    assert main(["render", "plan.json", "-o", "b.mp4", "-q", "--source", "moved.mp4"]) == 0


REFUSED = [
    (["a.mp4", "--keep", "7"], "no track [7] in this plan; it has [1]"),
    (["a.mp4", "--zone", "cover:0,0,2,1"], "0..1"),
    (["a.mp4", "--zone", "0,0,1,1"], "can't read the zone '0,0,1,1'"),
    (["a.mp4", "--zone", "cover:0,0,1,1,1,0,0,1"], "cross"),
    (["a.mp4", "--profile", "gone.toml"], "gone.toml"),
    (["a.mp4", "--profile", "bad.toml"], "unknown key 'colour'"),
    (["a.mp4", "--profile", "doorbell"], "ring-partner-api"),
    (["analyze", "a.mp4", "-o", "out.json", "--drop", "7"], "no track [7]"),
    (["analyze", "gone.mp4", "-o", "out.json"], "no such file"),
    (["analyze", "a.mp4", "-o", "a.mp4"], "the source itself"),
    (["analyze", "a.mp4", "-o", "none/out.json"], "there is no folder"),
    (["analyze", "a.mp4", "-o", "out.json", "--report", "./out.json"], "asked for twice"),
    (["analyze", "a.mp4", "-o", "out.json", "--report", "a.mp4"], "the source itself"),
    (["analyze", "a.mp4", "-o", "out.json", "--report", "none/a.html"], "there is no folder"),
    (["analyze", "a.mp4", "-o", "out.json", "--report", "a.html", "--keep", "7"], "no track [7]"),
    (["render", "plan.json", "-o", "b.mp4", "--keep", "7"], "no track [7]"),
    (["render", "plan.json", "-o", "b.mp4", "--join", "1,7"], "no track [7]"),
    (["render", "plan.json", "-o", "b.mp4", "--join", "1"], "show one person already"),
    (["render", "plan.json", "-o", "b.mp4", "--split", "1"], "can't be split"),
    (["render", "plan.json", "-o", "b.mp4", "--zone", "cover:0,0,1,1@9-"], "not in the clip"),
    (["render", "plan.json", "-o", "b.gif"], "suffix"),
    (["render", "plan.json", "-o", "b.mp4", "--report", "plan.json"], "asked for twice"),
    (["render", "plan.json", "-o", "b.mp4", "--source", "b-clip.mp4"], "not the clip that was"),
    (["render", "gone.json", "-o", "b.mp4"], "can't read a plan"),
    (["render", "a.mp4", "-o", "b.mp4"], "can't read a plan"),
    (["render", "bad.json", "-o", "b.mp4"], "clip is missing"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_what_cannot_be_done_is_refused_in_one_line(folder, capsys, arguments, said):
    write_clip(folder / "b-clip.mp4", frames=3)
    (folder / "bad.toml").write_text("name = 'x'\ncolour = 'red'")
    (folder / "bad.json").write_text('{"format": "redact-plan-2"}')
    assert main(["analyze", "a.mp4", "-o", "plan.json", "-q"]) == 0
    before = names(folder)
    capsys.readouterr()
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert names(folder) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.mp4", "--keep", "1,2", "--drop", "2,3"], "--keep and --drop both name 2"),
        (["render", "plan.json", "-o", "b", "--keep", "1", "--drop", "1"], "both name 1"),
        (["a.mp4", "--keep", "1-3"], "ids must be numbers such as 2,5, not '1-3'"),
        (["a.mp4", "--keep", ""], "ids must be numbers"),
        (["analyze", "a.mp4"], "-o"),
        (["render", "plan.json"], "-o"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(capsys, arguments, said):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_verify_takes_the_zones_to_ignore_of_a_profile(folder):
    (folder / "door.toml").write_text(
        "name = 'Door'\n[[zones]]\nrule = 'ignore'\nbox = [0, 0, 1, 1]\n"
    )
    assert main(["verify", "a.mp4", "-q"]) == 1
    assert main(["verify", "a.mp4", "-q", "--profile", "door.toml"]) == 0
    assert Settings().zones == ()


def test_persons_who_are_joined_are_kept_together():
    tracks = [make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2, 3, 4)]
    tracks = [dataclasses.replace(t, person=t.id) for t in tracks]
    parser = Parser()
    add_decision_options(parser)
    add_person_options(parser)
    arguments = parser.parse_args(["--join", "1,2", "--join", "4,3", "--keep", "2"])
    plan = decided(make_plan(tracks), arguments)
    assert plan.kept == {1, 2} and plan.same_persons(3) == {3, 4}


def test_a_person_who_is_split_is_kept_alone():
    tracks = [make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2, 3, 4)]
    tracks = [dataclasses.replace(t, person=1 if t.id < 4 else 2) for t in tracks]
    parser = Parser()
    add_decision_options(parser)
    add_person_options(parser)
    arguments = parser.parse_args(["--split", "2,3", "--join", "3,4", "--keep", "1"])
    plan = decided(make_plan(tracks), arguments)
    assert plan.kept == {1} and plan.same_persons(4) == {2, 3, 4}


@pytest.mark.parametrize(
    ("drop", "kept", "dropped"),
    [(None, {1, 2}, set()), ("2", {1}, {2})],
    ids=["alone", "with drop"],
)
def test_keeping_one_track_of_a_person_keeps_all_but_those_that_are_dropped(drop, kept, dropped):
    tracks = [make_track(n, [[10, 20, 30, 40]] * 3) for n in (1, 2, 3)]
    persons = (1, 1, 2)
    tracks = [dataclasses.replace(t, person=p) for t, p in zip(tracks, persons, strict=True)]
    parser = Parser()
    add_decision_options(parser)
    arguments = parser.parse_args(["--keep", "1", *(["--drop", drop] if drop else [])])
    plan = decided(make_plan(tracks), arguments)
    assert (plan.kept, plan.dropped) == (kept, dropped)
