"""Reports say what was done, claim no more than was looked at, and are safe to open and to save."""

import errno
import json
import os
from pathlib import Path

import pytest
from make_plans import make_plan, make_report, make_track

from redact import Box, Detection, TargetError

FACE = [[10, 20, 50, 60]] * 3


def allowed_plan(kind="face"):
    """A plan of one track that stays visible, so that its page needs no output clip."""
    return make_plan([make_track(1, FACE, kind=kind, start=6)]).allow({1})


def page_of(report, tmp_path):
    report.save_html(tmp_path / "report.html")
    return (tmp_path / "report.html").read_text()


def leak(frame_index, **change_map):
    values = {"kind": "face", "box": Box(10, 20, 50, 60), "score": 0.5, "frame_index": frame_index}
    return Detection(**{**values, **change_map})


def test_a_clean_audit_claims_no_more_than_was_looked_at(tmp_path):
    page = page_of(make_report(allowed_plan()), tmp_path)
    assert "nothing found at 16 px and more in 10 of 30 frames looked at" in page
    assert "no leak" not in page


def test_an_unknown_smallest_size_is_not_shown(tmp_path):
    page = page_of(make_report(allowed_plan(), min_face_pixels=0), tmp_path)
    assert "nothing found in 10 of 30 frames looked at" in page


def test_a_report_without_an_audit_says_that_nothing_was_audited(tmp_path):
    page = page_of(make_report(allowed_plan(), audited_frames=0, min_face_pixels=0), tmp_path)
    assert "nothing was audited" in page
    assert "found" not in page


def test_possible_leaks_are_shown_with_times(tmp_path):
    leaks = (leak(3), leak(6, score=0.6), leak(29, kind="plate"))
    report = make_report(allowed_plan(), leaks=leaks)
    page = page_of(report, tmp_path)
    assert "face, 0:00.1 to 0:00.2, 2 frames, at 10,20 (40 x 40 px), best score 0.60" in page
    assert "plate, 0:01.0, 1 frame" in page
    assert "nothing found" not in page
    assert [item["time"] for item in report.to_dict()["leaks"]] == ["0:00.1", "0:00.2", "0:01.0"]


def test_tracks_are_shown_with_times(tmp_path):
    page = page_of(make_report(allowed_plan()), tmp_path)
    assert "face 1: 0:00.2 to 0:00.3, 3 frames, 1 of them filled in, left visible" in page


def test_no_text_of_a_plan_or_clip_reaches_the_page_as_html(tmp_path):
    evil = "<script>alert('x' & \"y\")</script>"
    plan = make_plan(
        [make_track(1, FACE, kind=evil)],
        path=Path(evil.replace("/", ":")),
        sha256=evil,
        dropped=(evil,),
        warnings=(evil,),
    ).allow({1})
    report = make_report(
        plan,
        output=Path(evil.replace("/", ":")),
        output_sha256=evil,
        leaks=(leak(3, kind=evil),),
        stage_seconds={evil: 1.0},
    )
    page = page_of(report, tmp_path)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 9
    assert "alert('x'" not in page


@pytest.mark.parametrize("save", ["save_json", "save_html"])
def test_an_older_report_survives_a_save_that_fails(tmp_path, monkeypatch, save):
    def fail(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "report"
    file.write_bytes(b"older")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(TargetError, match=os.strerror(errno.ENOSPC)):
        getattr(make_report(allowed_plan()), save)(file)
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert file.read_bytes() == b"older"


@pytest.mark.parametrize("save", ["save_json", "save_html"])
def test_a_report_that_cannot_be_written_raises_a_target_error(tmp_path, save):
    with pytest.raises(TargetError, match="there is no folder"):
        getattr(make_report(allowed_plan()), save)(tmp_path / "none" / "report")


def test_the_json_report_says_what_the_audit_can_see(tmp_path):
    make_report(allowed_plan()).save_json(tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text())
    assert (data["audited_frames"], data["min_face_pixels"]) == (10, 16)


def test_sound_that_is_kept_is_not_listed_as_removed():
    dropped = ("audio stream 1 (aac)", "audio stream 2 (aac)", "metadata: title")
    plan = make_plan([], dropped=dropped)
    assert make_report(plan).removed == dropped
    keeps = type(plan.settings)(audio="keep")
    kept = make_report(type(plan)(clip=plan.clip, settings=keeps, tracks=()))
    assert kept.removed == dropped[1:]
