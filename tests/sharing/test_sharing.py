"""Each purpose of sharing asks for what has to be known, and is recorded as it should be."""

import dataclasses
import datetime
import hashlib
import os
import sys

import pytest
from make_plans import make_plan, make_report, make_track

from redact import Ledger, Settings, SettingsError, TargetError
from redact.sharing.ledger_entries import plan_sha256, record
from redact.sharing.purposes import PRESETS, Request, check_complete, completed
from redact.sharing.sealed_copy import write_sealed_copy
from redact.sharing.subject_access import check_kept, covering_note, keep_all_of_person

FACE = [[10, 20, 50, 60]] * 3


def date(text):
    return datetime.date.fromisoformat(text)


@pytest.fixture
def source(tmp_path):
    (tmp_path / "front door.mp4").write_bytes(b"the original")
    return tmp_path / "front door.mp4"


def test_every_preset_is_described_in_a_line_and_a_paragraph():
    assert list(PRESETS) == ["post", "request", "subject-access", "legal-demand", "moments"]
    for preset in PRESETS.values():
        assert len(preset.line) < 80 and len(preset.paragraph) > 150


@pytest.mark.parametrize(
    ("purpose", "fields", "missing"),
    [
        ("request", {"who": "Sam"}, "a request needs --why"),
        ("request", {"why": "parcel"}, "a request needs --who"),
        ("subject-access", {}, "a subject-access needs --who"),
        ("legal-demand", {}, "a legal-demand needs --who and --case"),
    ],
)
def test_what_a_purpose_needs_is_asked_for(purpose, fields, missing):
    with pytest.raises(SettingsError, match=missing):
        check_complete(purpose, Request(**fields), Settings())


def test_a_moment_is_a_part_of_a_clip():
    with pytest.raises(SettingsError, match="where it begins and ends"):
        check_complete("moments", Request(), Settings())
    check_complete("moments", Request(), Settings(stop_seconds=3.0))
    check_complete("post", Request(), Settings())


@pytest.mark.parametrize(
    ("received", "due"),
    [("2026-11-30", "2026-12-30"), ("2027-01-31", "2027-02-28"), ("2026-12-05", "2027-01-05")],
)
def test_subject_access_is_due_a_month_after_it_came(received, due):
    request = completed(Request(who="Ann", received=date(received)), "subject-access")
    assert request.due == date(due)
    own = completed(dataclasses.replace(request, due=date("2027-03-15")), "subject-access")
    assert own.due == date("2027-03-15")
    assert completed(Request(who="Ann"), "request").due is None


def test_a_request_that_makes_no_sense_is_refused():
    with pytest.raises(SettingsError, match="before 2026-11-30"):
        Request(received=date("2026-11-30"), due=date("2026-11-01"))
    with pytest.raises(SettingsError, match="role must be agency, neighbour or other"):
        Request(role="police")


def test_subject_access_shows_exactly_one_person():
    tracks = [
        dataclasses.replace(make_track(n, FACE), person=p) for n, p in ((1, 1), (2, 1), (3, 2))
    ]
    plan = make_plan([*tracks, make_track(4, FACE, kind="plate")])
    check_kept("subject-access", plan.keep([1, 2]))
    for kept, who in (((), "nobody"), ((1, 3), "2 people"), ((4,), "1 plate")):
        with pytest.raises(SettingsError, match=f"here it is {who}: name the tracks"):
            check_kept("subject-access", plan.keep(kept))
    check_kept("request", plan)


def test_subject_access_shows_all_of_a_person_with_a_reason():
    tracks = [
        dataclasses.replace(make_track(n, FACE), person=p) for n, p in ((1, 1), (2, 1), (3, 2))
    ]
    plan = keep_all_of_person(make_plan(tracks).keep(1))
    assert plan.kept == {1, 2}
    assert plan.decisions[-1].reason == "asked for a copy of their own data"
    told = keep_all_of_person(make_plan(tracks).keep(1, reason="it is me", by="Ann"))
    assert told.kept == {1, 2} and told.decisions[-1].tracks == (2,)
    nobody = make_plan(tracks)
    assert keep_all_of_person(nobody) is nobody


def test_the_ledger_gets_what_was_typed_and_hashes_but_no_names_of_files(tmp_path, source):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    request = Request(who="Zoë", role="agency", case="7", why="parcel")
    entry = record(ledger, "request", request, "declined", source=source)
    assert entry.event == "request declined"
    assert entry.details == {"who": "Zoë", "role": "agency", "case": "7", "why": "parcel"}
    digest = hashlib.sha256(b"the original").hexdigest()
    assert entry.facts == {"source_sha256": digest, "source_bytes": 12}
    report = make_report(make_plan([]))
    (tmp_path / "result.mp4").write_bytes(b"result")
    entry = record(
        ledger, "post", Request(), source=source, report=report, result=tmp_path / "result.mp4"
    )
    assert entry.event == "post shared"
    assert entry.facts["result_sha256"] == report.output_sha256
    assert entry.facts["result_bytes"] == 6
    assert entry.facts["plan_sha256"] == plan_sha256(report.plan)
    text = ledger.path.read_text()
    assert "door" not in text and "result.mp4" not in text and str(tmp_path) not in text
    assert not ledger.verify().problems


def test_the_hash_of_a_plan_tells_decisions_but_not_places(tmp_path):
    plan = make_plan([make_track(1, FACE)])
    moved = make_plan([make_track(1, FACE)], path=tmp_path / "elsewhere.mp4")
    assert plan_sha256(plan) == plan_sha256(moved) != plan_sha256(plan.keep(1))


def test_a_covering_note_tells_the_person_what_she_gets():
    tracks = [make_track(1, FACE, start=6), make_track(2, FACE), make_track(3, FACE, kind="plate")]
    report = make_report(make_plan(tracks, has_audio=True).keep(1))
    request = Request(who="A. Jones", case="7", received=date("2026-11-30"), window="Nov 3, noon")
    note = covering_note(report, completed(request, "subject-access"))
    for words in (
        "To: A. Jones\nReference: 7\nRequest of: 2026-11-30\nAnswer due: 2026-12-30\n",
        "You asked for the time Nov 3, noon. With this note comes the clip door.redacted.mp4",
        "You are shown in it from 0:00.2 to 0:00.3.",
        "not about you: 1 face and 1 plate.",
        "The sound: left out.",
        "nothing found at 16 px and more in 10 of 30 frames looked at, which proves nothing.",
        "de-identified, not anonymous",
        f"SHA-256 of this clip:    {report.output_sha256}",
    ):
        assert words in note


def test_a_sealed_copy_has_the_same_bytes_and_its_hash_beside_it(tmp_path, source):
    target = tmp_path / "evidence.mp4"
    digest = write_sealed_copy(source, target)
    assert digest == hashlib.sha256(b"the original").hexdigest()
    assert target.read_bytes() == source.read_bytes() == b"the original"
    hash_file = tmp_path / "evidence.mp4.sha256"
    assert hash_file.read_text() == f"{digest}  evidence.mp4\n"
    if sys.platform != "win32":
        assert not target.stat().st_mode & 0o222 and not hash_file.stat().st_mode & 0o222
        assert source.stat().st_mode & 0o200


def test_a_sealed_copy_that_came_out_differently_is_not_kept(tmp_path, source, monkeypatch):
    def copy(_source, target):
        with open(target, "wb") as file:  # noqa: PTH123
            file.write(b"another")

    monkeypatch.setattr("shutil.copyfile", copy)
    with pytest.raises(TargetError, match="has the SHA-256"):
        write_sealed_copy(source, tmp_path / "evidence.mp4")
    assert os.listdir(tmp_path) == ["front door.mp4"]  # noqa: PTH208
