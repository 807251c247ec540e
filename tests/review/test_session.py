"""A review decides about a plan, saves it, and renders it; pictures stay in memory."""

import dataclasses
import time
from fractions import Fraction

import cv2
import numpy as np
import pytest
from make_clips import SquareDetector, write_clip
from make_plans import make_report
from reviews import FRAMES, LEFT, PLATE, RIGHT, WINDOW, contrast, make_plan, picture

import redact
from redact import ClipError, Detection, Plan, PlanError, Settings, SettingsError, Zone
from redact.review.edits import EditError, edited
from redact.review.pictures import Thumbnails, shown_size
from redact.review.session import ReviewSession


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return make_plan(tmp_path_factory.mktemp("clip") / "door.mp4")


@pytest.fixture
def session(plan, tmp_path):
    session = ReviewSession(plan, tmp_path / "plan.json", tmp_path / "out.mp4")
    yield session
    session.close()


def image_of(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def decide(tracks, status, **texts):
    return {"do": "decide", "tracks": tracks, "status": status, **texts}


def zone(box, **fields):
    x0, y0, x1, y1 = box[0] / 320, box[1] / 240, box[2] / 320, box[3] / 240
    points = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
    return {"do": "zone", "rule": "cover", "points": points, **fields}


def test_every_status_can_follow_every_other(plan):
    for first in ("cover", "keep", "drop"):
        for then in ("cover", "keep", "drop"):
            after = edited(edited(plan, decide([1], first)), decide([1], then))
            assert (1 in after.kept, 1 in after.dropped) == (then == "keep", then == "drop")


def test_the_same_decision_again_changes_nothing_but_a_new_reason_does(plan):
    kept = edited(plan, decide([1, 2], "keep", reason="agreed", by="me"))
    assert edited(kept, decide([1, 2], "keep", reason="agreed", by="me")) is kept
    explained = edited(kept, decide([1, 2], "keep", reason="my family", by="me"))
    assert explained.kept == {1, 2}
    assert explained.decisions[-1].reason == "my family"
    assert edited(plan, decide([1], "cover")) is plan


def test_a_zone_may_reach_beyond_the_picture_while_it_is_drawn(plan):
    points = [[-0.1, -0.2], [0.3, -0.2], [0.3, 0.2], [-0.1, 0.2]]
    (made,) = edited(plan, {"do": "zone", "rule": "ignore", "points": points}).zones
    assert made.polygon == ((0, 0), (0.3, 0), (0.3, 0.2), (0, 0.2))


def test_a_zone_may_begin_or_end_at_a_frame(plan):
    (later,) = edited(plan, zone(WINDOW, first=5, name="later")).zones
    assert (later.start_seconds, later.stop_seconds) == (pytest.approx(0.5), None)
    (earlier,) = edited(plan, zone(WINDOW, stop=5)).zones
    assert (earlier.start_seconds, earlier.stop_seconds) == (0, pytest.approx(0.5))
    with pytest.raises(PlanError):
        edited(plan, zone(WINDOW, first=5, stop=5))
    with pytest.raises(EditError, match="first"):
        edited(plan, zone(WINDOW, first=FRAMES))


def test_what_is_followed_and_what_is_drawn_can_be_taken_back(plan):
    x0, y0, x1, y1 = LEFT
    box = [x0 / 320, y0 / 240, x1 / 320, y1 / 240]
    followed = edited(plan, {"do": "follow", "box": box, "frame": 5, "kind": "face"})
    track = followed.tracks[-1]
    assert followed.covered_by_hand == {track.id}
    assert len(track.boxes) == FRAMES
    assert edited(followed, {"do": "remove", "name": track.id}).covered_by_hand == frozenset()
    drawn = edited(plan, zone(WINDOW, name="window"))
    assert edited(drawn, {"do": "remove", "name": "window"}).zones == ()


def test_a_person_has_one_card_with_the_reason_for_joining(plan, tmp_path):
    one, two, plate = plan.tracks
    two = dataclasses.replace(two, person=one.person, joined="0.4 s apart, same clothes")
    joined = dataclasses.replace(plan, tracks=(one, two, plate))
    session = ReviewSession(joined, tmp_path / "p.json", tmp_path / "o.mp4")
    card, _ = session.state()["cards"]
    assert [track["id"] for track in card["tracks"]] == [1, 2]
    assert card["tracks"][1]["joined"] == "0.4 s apart, same clothes"
    session.edit(decide([1, 2], "keep"))
    session.edit({"do": "split", "tracks": [2]})
    cards = session.state()["cards"]
    assert [card["status"] for card in cards] == ["keep", "cover", "cover"]
    session.close()


def test_cards_are_joined_by_the_owner_and_split_again(session):
    session.edit({"do": "join", "tracks": [1, 2], "by": "Ann"})
    card, _ = session.state()["cards"]
    assert [track["id"] for track in card["tracks"]] == [1, 2]
    one, two = card["tracks"]
    assert (one["joined"], one["split"], one["joined_by_hand"]) == ("", [], False)
    assert (two["joined"], two["split"], two["joined_by_hand"]) == ("by hand, Ann", [2], True)
    session.edit(decide([1, 2], "keep", reason="agreed"))
    assert (session.state()["cards"][0]["status"], session.plan.kept) == ("keep", {1, 2})
    assert session.state()["cards"][0]["reason"] == "agreed"
    session.edit({"do": "split", "tracks": two["split"]})
    assert [card["status"] for card in session.state()["cards"]] == ["keep", "cover", "cover"]
    for _ in range(3):
        session.undo()
    assert len(session.state()["cards"]) == 3 and not session.has_unsaved_decisions


def test_what_was_joined_together_is_split_together(plan, tmp_path):
    one, two, plate = plan.tracks
    later = dataclasses.replace(two, id=4, joined="0.4 s apart, same clothes")
    session = ReviewSession(
        dataclasses.replace(plan, tracks=(one, two, plate, later)),
        tmp_path / "p.json",
        tmp_path / "o.mp4",
    )
    session.edit({"do": "join", "tracks": [1, 2, 4]})
    tracks = session.state()["cards"][0]["tracks"]
    assert [track["split"] for track in tracks] == [[], [2, 4], [4]]
    session.close()


def test_the_sound_is_chosen_with_the_words_of_the_command_line(session):
    session.edit({"do": "sound", "audio": "keep", "spans": "0:00.5-1, 1:05-1:10.25"})
    settings = session.plan.settings
    assert (settings.audio, settings.audio_spans) == ("keep", ((0.5, 1.0), (65.0, 70.25)))
    assert session.state()["sound"] == {
        "audio": "keep",
        "times": [[0.5, 1], [65, 70.25]],
        "spans": "0:00.5-0:01, 1:05-1:10.25",
    }
    session.edit({"do": "sound", "audio": "keep", "spans": session.state()["sound"]["spans"]})
    session.undo()
    assert session.plan.settings.audio == "drop" and not session.has_unsaved_decisions
    session.edit({"do": "sound", "audio": "drop"})
    assert not session.has_unsaved_decisions


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"audio": "loud"}, "one of drop, keep"),
        ({"audio": "keep", "spans": "soon"}, "must be times such as 0:10-0:20"),
        ({"audio": "keep", "spans": "1-2-3"}, "must be times"),
        ({"audio": "keep", "spans": "0:x-0:20"}, "is not a time"),
        ({"audio": "keep", "spans": "2-1"}, "each start before its stop"),
        ({"audio": "drop", "spans": "1-2"}, "keep"),
        ({"audio": "keep", "spans": 3}, "a text"),
    ],
)
def test_sound_that_cannot_be_is_refused(plan, fields, said):
    with pytest.raises((EditError, SettingsError), match=said):
        edited(plan, {"do": "sound", **fields})


def test_an_image_is_reviewed_like_a_clip(tmp_path):
    assert cv2.imwrite(str(tmp_path / "door.png"), picture())
    plan = redact.analyze(tmp_path / "door.png", Settings(audit=False))
    plan = plan.cover(redact.follow(plan, LEFT, frame=0))
    session = ReviewSession(plan, tmp_path / "p.json", tmp_path / "out.png")
    assert image_of(session.thumbnail(plan.tracks[-1].id, 0)).size
    clear, covered = (image_of(session.frame(0, covered=c)) for c in (False, True))
    assert contrast(clear, LEFT) == pytest.approx(contrast(picture(), LEFT), rel=0.1)
    assert contrast(covered, LEFT) < 0.4 * contrast(clear, LEFT)
    assert contrast(covered, RIGHT) == pytest.approx(contrast(clear, RIGHT), rel=0.1)
    session.edit(zone(WINDOW))
    assert contrast(image_of(session.frame(0, covered=True)), WINDOW) < 0.4 * contrast(
        clear, WINDOW
    )
    session.save()
    assert len(Plan.load(tmp_path / "p.json").covered_tracks) == len(plan.covered_tracks)
    session.start_rendering()
    while session.rendering.is_running:
        time.sleep(0.05)
    assert contrast(cv2.imread(str(tmp_path / "out.png")), LEFT) < 0.4 * contrast(clear, LEFT)
    session.close()


def test_saving_writes_the_decisions(session, tmp_path):
    assert not session.has_unsaved_decisions
    session.edit(decide([1], "keep", reason="agreed"))
    assert session.has_unsaved_decisions
    assert session.save() == tmp_path / "plan.json"
    assert not session.has_unsaved_decisions
    assert Plan.load(tmp_path / "plan.json").kept == {1}
    session.undo()
    assert session.has_unsaved_decisions


def test_what_was_undone_need_not_be_saved(session):
    session.edit(decide([1], "keep"))
    session.undo()
    assert not session.has_unsaved_decisions


def test_clear_frames_show_everybody_and_covered_ones_what_the_result_shows(session):
    clear = image_of(session.frame(7, covered=False))
    np.testing.assert_allclose(contrast(clear, LEFT), contrast(picture(), LEFT), rtol=0.1)
    session.edit(decide([1], "keep"))
    covered = image_of(session.frame(7, covered=True))
    assert contrast(covered, LEFT) > 60
    assert contrast(covered, RIGHT) < 20
    session.edit(decide([1], "cover"))
    session.edit(decide([2], "keep"))
    covered = image_of(session.frame(7, covered=True))
    assert contrast(covered, LEFT) < 20
    assert contrast(covered, RIGHT) > 60


def test_thumbnails_show_what_a_track_is_about(session):
    thumbnail = image_of(session.thumbnail(1, 0))
    assert max(thumbnail.shape) == 192
    assert thumbnail[60:130, 60:130].mean(axis=2).std() > 60
    with pytest.raises(KeyError):
        session.thumbnail(1, 7)


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        ({"rotation": 90}, (240, 320)),
        ({"rotation": -90, "flip": True}, (240, 320)),
        ({"aspect": Fraction(2)}, (640, 240)),
    ],
    ids=["turned", "mirrored", "wide pixels"],
)
def test_frames_are_upright_with_square_pixels_whatever_is_stored(tmp_path, stored, size):
    write_clip(tmp_path / "a.mp4", frames=6, **stored)
    plan = redact.analyze(tmp_path / "a.mp4", Settings(audit=False), detectors=[SquareDetector()])
    session = ReviewSession(plan, tmp_path / "p.json", tmp_path / "o.mp4")
    assert tuple(session.clip()["size"]) == size
    clear, covered = (image_of(session.frame(3, covered=c)) for c in (False, True))
    assert clear.shape[1::-1] == covered.shape[1::-1] == size
    x0, y0, x1, y1 = np.reshape(session.tracks()["1"]["boxes"], (-1, 4))[3] / 10_000 * (size * 2)
    inside = np.s_[round(y0) + 4 : round(y1) - 4, round(x0) + 4 : round(x1) - 4]
    assert clear[inside].max() > 200
    assert covered[inside].max() < 150
    assert image_of(session.thumbnail(1, 0)).max() > 200
    session.close()


def test_large_frames_are_shrunk(plan):
    clip = dataclasses.replace(plan.clip, width=3840, height=2160)
    assert shown_size(dataclasses.replace(plan, clip=clip)) == (1280, 720)


def test_thumbnails_of_a_camera_that_hangs_sideways_show_people_upright(plan):
    shown = {}
    for turn in (0, 90):
        clip = dataclasses.replace(plan.clip, turn_degrees=turn)
        thumbnails = Thumbnails(dataclasses.replace(plan, clip=clip))
        thumbnails.add(plan.tracks[:1])
        shown[turn] = image_of(thumbnails.jpeg(1, 0)).astype(float)
        thumbnails.close()
    assert np.abs(np.rot90(shown[0], -1) - shown[90]).mean() < 5


def test_no_picture_reaches_the_disk(session, tmp_path, plan):
    session.thumbnail(1, 0)
    session.frame(0, covered=False)
    session.save()
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert [path.name for path in plan.clip.path.parent.iterdir()] == ["door.mp4"]


def wait_for(session):
    deadline = time.monotonic() + 120
    while session.rendering.is_running and time.monotonic() < deadline:
        time.sleep(0.02)
    return session.rendering.state()


def test_rendering_writes_the_result_and_a_report(session, tmp_path):
    session.edit(decide([3], "drop"))
    session.start_rendering()
    state = wait_for(session)
    assert (state["state"], state["has_report"]) == ("done", True)
    assert "<html" in session.rendering.report
    assert (tmp_path / "out.mp4").is_file()


def test_a_rendering_can_be_cancelled_and_begun_again(session, tmp_path):
    session.start_rendering()
    session.rendering.cancel()
    assert session.rendering.state()["state"] in ("cancelled", "done")
    session.start_rendering()
    assert wait_for(session)["state"] == "done"
    assert (tmp_path / "out.mp4").is_file()


def test_a_rendering_that_fails_says_why(plan, tmp_path):
    target = tmp_path / "none" / "out.mp4"
    session = ReviewSession(plan, tmp_path / "plan.json", target)
    session.start_rendering()
    state = wait_for(session)
    assert state["state"] == "failed"
    assert "no folder" in state["message"]
    session.close()


def test_a_dropped_plate_stays_in_the_picture(session):
    session.edit(decide([3], "drop"))
    assert contrast(image_of(session.frame(0, covered=True)), PLATE) > 60


def test_doubtful_places_of_the_result_lead_to_their_frames(session, monkeypatch, plan):
    leaks = [Detection(kind="face", box=LEFT, score=0.4, frame_index=i) for i in (3, 4)]
    report = make_report(plan, leaks=tuple(leaks))
    monkeypatch.setattr("redact.review.session.render", lambda *_, **__: report)
    monkeypatch.setattr("redact.review.session._page_of", lambda _: "<html>")
    session.start_rendering()
    (doubt,) = wait_for(session)["doubts"]
    assert doubt["frame"] == 3
    assert doubt["text"].startswith("face, 0:00.3 to 0:00.4")


def test_burned_in_text_is_proposed_until_it_is_a_zone(plan, tmp_path, monkeypatch):
    found = Zone.from_box(0.1, 0.9, 0.4, 0.95, name="text 1")
    monkeypatch.setattr("redact.review.session.find_burned_in_text", lambda *_: (found,))
    session = ReviewSession(plan, tmp_path / "plan.json", tmp_path / "out.mp4")
    while session.state()["is_searching"]:
        time.sleep(0.01)
    (proposal,) = session.state()["proposals"]
    assert session.plan.zones == ()
    edit = {"do": "zone", "rule": "cover", "points": proposal["points"], "name": "text 1"}
    session.edit(edit)
    assert session.state()["proposals"] == []
    assert session.plan.zones == (found,)
    session.close()


def test_a_review_goes_on_where_no_text_can_be_looked_for(plan, tmp_path, monkeypatch):
    def fails(*_):
        raise ClipError("gone")

    monkeypatch.setattr("redact.review.session.find_burned_in_text", fails)
    session = ReviewSession(plan, tmp_path / "plan.json", tmp_path / "out.mp4")
    while session.state()["is_searching"]:
        time.sleep(0.01)
    assert session.state()["proposals"] == []
    session.close()
