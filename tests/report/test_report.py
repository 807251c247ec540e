"""Reports say what was done, claim no more than was looked at, and are safe to open and to save."""

import base64
import dataclasses
import errno
import html
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from make_clips import SIDE, square_at, write_clip
from make_plans import make_plan, make_report, make_track

import redact
from redact import Box, Detection, Plan, PlanError, Settings, TargetError
from redact.video import file_sha256, probe

FACE = [[10, 20, 50, 60]] * 3


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A clip with as many frames as `make_clip`, for the pictures of a page."""
    path = tmp_path_factory.mktemp("result") / "door.redacted.mp4"
    write_clip(path, frames=30, size=(640, 360), pts=[512 * i for i in range(30)])
    return path


@pytest.fixture
def page_of(tmp_path, result):
    """Writes a report as a page and reads it."""

    def write(report):
        report.save_html(tmp_path / "report.html", result=result)
        return (tmp_path / "report.html").read_text()

    return write


def face_plan(kind="face"):
    """A plan of one track."""
    return make_plan([make_track(1, FACE, kind=kind, start=6)])


def text_of(page):
    """The words of a page, without its tags and styles."""
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def pictures_in(page):
    """(H, W, 3) uint8 BGR images, in the order of the page."""
    for code in re.findall(r"base64,([^\"]*)", page):
        yield cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture
def preview_of(tmp_path, result):
    """Writes the page of a plan, whose clip is the file of the fixture `result`, and reads it."""

    def write(plan):
        facts = {
            "path": result,
            "sha256": file_sha256(result),
            "time_base": probe(result).time_base,
        }
        pts = probe(result).time_base.denominator // 30 * np.arange(30)
        plan = dataclasses.replace(plan, clip=dataclasses.replace(plan.clip, pts=pts, **facts))
        redact.preview(plan, tmp_path / "review.html")
        return (tmp_path / "review.html").read_text()

    return write


def leak(frame_index, **change_map):
    values = {"kind": "face", "box": Box(10, 20, 50, 60), "score": 0.5, "frame_index": frame_index}
    return Detection(**{**values, **change_map})


def test_a_clean_audit_claims_no_more_than_was_looked_at(page_of):
    text = text_of(page_of(make_report(dataclasses.replace(face_plan(), min_face_pixels=9))))
    assert "nothing found at 16 px and more in 10 of 30 frames looked at" in text
    assert "nothing more, which proves nothing" in text
    assert "faces under 9 px (2.5% of the picture's height) were not looked for" in text
    assert "no leak" not in text and "anonymous" in text


def test_an_unknown_smallest_size_is_not_shown(page_of):
    text = text_of(page_of(make_report(face_plan(), min_face_pixels=0)))
    assert "nothing found in 10 of 30 frames looked at" in text
    assert "were not looked for" not in text


def test_a_report_without_an_audit_says_that_nothing_was_audited(page_of):
    report = make_report(face_plan(), audited_frames=0, min_face_pixels=0)
    assert report.verdict.endswith(
        "nothing was audited: look at the whole clip before you share it."
    )
    assert "found" not in text_of(page_of(report))


def test_the_verdict_is_one_sentence_about_what_came_out():
    covered = make_report(face_plan())
    assert covered.verdict == (
        "1 face covered, for 0:00.1 of 0:01.0; the audit found nothing more, which proves nothing."
    )
    kept = make_report(face_plan().keep(1))
    assert kept.verdict.startswith("1 face left visible; the audit found nothing more")
    empty = make_report(make_plan([]))
    assert empty.verdict.startswith(
        "No face and no plate was found in 0:01.0, which proves nothing"
    )
    doubtful = make_report(face_plan(), leaks=(leak(3),))
    assert "in doubt about 1 place: look at it before you share the clip." in doubtful.verdict
    zoned = make_report(make_plan([]).cover((0, 0, 64, 64)))
    assert zoned.verdict.startswith("1 zone covered; the audit")


def test_possible_leaks_are_shown_with_times(page_of):
    leaks = (leak(3), leak(6, score=0.6), leak(29, kind="plate"))
    report = make_report(face_plan(), leaks=leaks)
    text = text_of(page_of(report))
    assert "face, 0:00.1 to 0:00.2, 2 frames, at 10,20 (40 x 40 px), best score 0.60" in text
    assert "plate, 0:01.0, 1 frame" in text
    assert "nothing found" not in text
    assert [item["time"] for item in report.to_dict()["leaks"]] == ["0:00.1", "0:00.2", "0:01.0"]


def test_tracks_are_shown_with_times(page_of):
    page = page_of(make_report(face_plan()))
    assert "face 1 0:00.2 to 0:00.3, 3 frames, 1 of them filled in" in text_of(page)
    # The bar in the time line begins at frame 6 of 30 and is 3 frames long.
    assert 'class="covered" style="left:20.0%;width:10.0%"' in page


def test_the_legend_tells_of_what_is_there_and_nothing_else(page_of):
    plate = make_plan([make_track(1, FACE, kind="plate")])
    said = ("face covered", "plate covered", "zone covered", "not covered", "for a while")
    for plan, expected in (
        (plate, {"plate covered"}),
        (plate.keep(1), {"not covered"}),
        (plate.cover((0, 0, 64, 64)), {"plate covered", "zone covered"}),
        (make_plan([make_track(1, FACE * 8)]), {"face covered", "for a while"}),
        (make_plan([]).ignore((0, 0, 64, 64)), {"not covered"}),
    ):
        (legend,) = re.findall(r'<p class="legend">(.*?)</p>', page_of(make_report(plan)))
        assert {words for words in said if words in legend} == expected


def test_what_stays_visible_is_shown_with_who_decided_it(page_of):
    report = make_report(face_plan().keep(1, reason="she agreed", by="Ann <owner>"))
    page = page_of(report)
    assert "What stays visible" in page and "Ann &lt;owner&gt;" in page
    assert "she agreed, decided by Ann <owner>" in text_of(page)
    track = report.to_dict()["tracks"][0]
    assert (track["state"], track["reason"], track["by"]) == ("kept", "she agreed", "Ann <owner>")


def test_false_tracks_and_zones_are_told_apart(page_of):
    plan = make_plan([make_track(1, FACE), make_track(2, FACE, kind="plate")])
    plan = plan.drop(2, reason="a lamp").cover((0, 0, 64, 64), name="window", start=0.5)
    text = text_of(page_of(make_report(plan)))
    assert "What the owner took out" in text and "a lamp" in text
    assert "window , 0:00.5 to 0:01.0, covered" in text


@pytest.mark.parametrize("decide", [lambda p: p.keep(1), lambda p: p.drop(1)])
def test_no_picture_shows_what_stays_visible_in_the_result(page_of, decide):
    """The square of the clip is bright; on the page it is painted over."""
    squares = [(x, y, x + SIDE, y + SIDE) for x, y in map(square_at, range(30))]
    plan = make_plan([make_track(1, squares)])
    shown = [p for p in pictures_in(page_of(make_report(plan))) if (p > 200).mean() > 0.002]
    assert len(shown) == 13  # the sheet and a cut-out: nothing was covered in this "result"
    assert not any((p > 200).any() for p in pictures_in(page_of(make_report(decide(plan)))))


def test_no_picture_shows_what_is_doubtful(page_of):
    x, y = square_at(15)
    doubt = leak(15, box=Box(x, y, x + SIDE, y + SIDE))
    pictures = list(pictures_in(page_of(make_report(make_plan([]), leaks=(doubt,)))))
    assert not (pictures[0] > 200).any()


def test_all_boxes_of_a_doubtful_place_are_painted_over(page_of):
    """The best box leaves the square free, also with what is painted around it."""
    x, y = square_at(15)
    wide = leak(15, box=Box(x - 180, y, x + SIDE, y + SIDE), score=0.4)
    best = leak(15, box=Box(x - 180, y, x - 60, y + SIDE))
    pictures = list(pictures_in(page_of(make_report(make_plan([]), leaks=(best, wide)))))
    assert not (pictures[0] > 200).any()


def test_a_page_loads_nothing_runs_nothing_and_describes_its_pictures(page_of):
    page = page_of(make_report(face_plan()))
    assert "default-src 'none'" in page
    assert not re.search(r"<script|https?:|\bon\w+=|url\(|@import|<link", page)
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 13 and all(re.search(r'alt="[^"]{8,}"', image) for image in images)


def test_what_was_removed_is_told_with_what_it_means(page_of):
    dropped = (
        "audio stream 1 (aac)",
        "metadata: location-eng",
        "metadata of stream 0: creation_time",
        "metadata: major_brand",
        "C2PA manifest (900 bytes)",
        "box 'uuid' (40 bytes)",
    )
    text = text_of(page_of(make_report(make_plan([], dropped=dropped))))
    for words in (
        "Sound Voices would tell",
        "Places They tell where",
        "Times They tell when",
        "creation_time (stream 0)",
        "Seal (C2PA) It proves that the original is as the camera made it.",
        "Further data Data streams",
        "Labels of the file format",
    ):
        assert words in text


def test_sound_that_is_kept_is_told_to_remain(page_of):
    plan = make_plan([], has_audio=True)
    keeps = type(plan)(clip=plan.clip, settings=Settings(audio="keep"), tracks=())
    assert "voices are as good as faces" in text_of(page_of(make_report(keeps)))
    assert "voices are as good as faces" not in text_of(page_of(make_report(plan)))


def test_no_text_of_a_plan_or_clip_reaches_the_page_as_html(page_of):
    evil = "<script>alert('x' & \"y\")</script>"
    plan = make_plan(
        [make_track(1, FACE, kind=evil), make_track(2, FACE, kind=evil)],
        path=Path(evil.replace("/", ":")),
        sha256=evil,
        dropped=(evil,),
        warnings=(evil,),
    ).keep(1, reason=evil, by=evil)
    report = make_report(
        plan.cover((0, 0, 9, 9), name=evil),
        output=Path(evil.replace("/", ":")),
        output_sha256=evil,
        leaks=(leak(3, kind=evil),),
        stage_seconds={evil: 1.0},
    )
    page = page_of(report)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 16
    assert "alert('x'" not in page


@pytest.mark.parametrize("save", ["save_json", "save_html"])
def test_an_older_report_survives_a_save_that_fails(tmp_path, monkeypatch, save, result):
    def fail(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = tmp_path / "report"
    file.write_bytes(b"older")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(TargetError, match=os.strerror(errno.ENOSPC)):
        getattr(make_report(face_plan(), output=result), save)(file)
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert file.read_bytes() == b"older"


@pytest.mark.parametrize("save", ["save_json", "save_html"])
def test_a_report_that_cannot_be_written_raises_a_target_error(tmp_path, save, result):
    with pytest.raises(TargetError, match="there is no folder"):
        getattr(make_report(face_plan(), output=result), save)(tmp_path / "none" / "report")


def test_the_json_report_says_what_the_audit_can_see(tmp_path):
    make_report(face_plan()).save_json(tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text())
    assert (data["audited_frames"], data["min_face_pixels"]) == (10, 16)


def test_sound_that_is_kept_is_not_listed_as_removed():
    dropped = ("audio stream 1 (aac)", "audio stream 2 (aac)", "metadata: title")
    plan = make_plan([], dropped=dropped)
    assert make_report(plan).removed == dropped
    keeps = type(plan.settings)(audio="keep")
    kept = make_report(type(plan)(clip=plan.clip, settings=keeps, tracks=()))
    assert kept.removed == dropped[1:]


def test_the_json_report_says_how_small_a_face_was_looked_for():
    report = make_report(dataclasses.replace(face_plan(), min_face_pixels=9))
    data = report.to_dict()
    assert data["searched_face_pixels"] == report.searched_face_pixels == 9
    assert data["searched_face_width_ratio"] == pytest.approx(9 / 640, abs=1e-4)
    assert data["searched_face_height_ratio"] == pytest.approx(9 / 360, abs=1e-4)


def test_a_saved_plan_remembers_how_small_a_face_was_looked_for(tmp_path):
    plan = dataclasses.replace(face_plan(), min_face_pixels=9)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json").min_face_pixels == 9
    values = plan.to_dict()
    del values["min_face_pixels"]
    assert Plan.from_dict(values).min_face_pixels == 0
    with pytest.raises(PlanError, match="min_face_pixels"):
        Plan.from_dict({**values, "min_face_pixels": "many"})


def test_tracks_of_one_person_count_once(page_of):
    tracks = [make_track(n, FACE, start=5 * n) for n in (1, 2, 3)]
    tracks = [dataclasses.replace(t, person=p) for t, p in zip(tracks, (1, 1, 2), strict=True)]
    report = make_report(make_plan(tracks).keep(3))
    assert report.verdict.startswith("1 person covered, for 0:00.2 of 0:01.0, and 1 person left")
    assert report.to_dict()["covered"] == {"person": 1}
    assert "person 1 face 2" in text_of(page_of(report))
    everybody = make_report(make_plan(tracks))
    assert everybody.verdict.startswith("2 people covered")


def test_the_page_of_a_plan_says_that_nothing_has_happened_yet(preview_of):
    plan = make_plan([make_track(1, FACE, start=6), make_track(2, FACE, start=6)])
    page = preview_of(plan.keep(2, reason="she agreed").cover((0, 0, 64, 64)))
    text = text_of(page)
    assert "1 face and 1 zone to be covered, for 0:00.1 of 0:01.0, and 1 face left visible" in text
    assert "nothing is covered or audited yet" in text
    assert "she agreed" in text and "What would be removed" in text
    for claim in ("audit found", "frames looked at", "Done", "was covered", "were covered"):
        assert claim not in text
    assert not re.search(r"<script|https?:|\bon\w+=|url\(|@import|<link", page)


def test_the_page_of_a_plan_without_anybody_proves_nothing(preview_of):
    text = text_of(preview_of(make_plan([])))
    assert "No face and no plate was found in 0:01.0, which proves nothing; nothing is" in text


@pytest.mark.parametrize(
    "decide",
    [
        lambda p: p,
        lambda p: p.keep(1),
        lambda p: p.drop(1),
        lambda p: p.ignore([(0, 0), (1, 0), (1, 1), (0, 1)]),
    ],
    ids=["covered", "kept", "dropped", "ignored"],
)
def test_the_page_of_a_plan_shows_nobody_whatever_was_decided(preview_of, decide):
    squares = [(x, y, x + SIDE, y + SIDE) for x, y in map(square_at, range(30))]
    plan = make_plan([make_track(1, squares)])
    assert any((p > 200).any() for p in pictures_in(preview_of(make_plan([]))))
    pictures = list(pictures_in(preview_of(decide(plan))))
    assert len(pictures) >= 12 and not any((p > 200).any() for p in pictures)


def test_the_page_of_a_trimmed_plan_is_about_the_part(preview_of):
    squares = [(x, y, x + SIDE, y + SIDE) for x, y in map(square_at, range(30))]
    settings = Settings(start_seconds=0.2, stop_seconds=0.5)
    page = preview_of(dataclasses.replace(make_plan([make_track(1, squares)]), settings=settings))
    assert "9 frames, 0:00.3" in text_of(page)
    assert "0:00.2 to 0:00.5 of the source" in text_of(page)
    assert not any((p > 200).any() for p in pictures_in(page))


def test_the_page_of_a_plan_is_refused_for_another_clip_or_the_clip_itself(tmp_path, result):
    plan = make_plan([], path=result)
    with pytest.raises(PlanError, match="is not the clip that was analyzed"):
        redact.preview(plan, tmp_path / "review.html")
    with pytest.raises(TargetError, match="the source itself"):
        redact.preview(plan, result)
    with pytest.raises(TypeError, match="plan must be a"):
        redact.preview("plan.json", tmp_path / "review.html")
    assert not list(tmp_path.iterdir())
