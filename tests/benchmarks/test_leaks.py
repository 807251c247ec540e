"""The leak scorer: a copy leaks, a cover doesn't, and lost or shuffled frames are seen through."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import (
    clip_recall,
    frame_comparison,
    leak_scoring,
    leaks,
    moving_scenes,
    score_tables,
)
from benchmarks.ground_truth import Truth
from redact import Box

SIZE, COUNT, RATE = (320, 240), 20, 10
FACE, PLATE = 48, (60, 20)


def rough(seed, width, height, sigma):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255)


GROUND = rough(1, *SIZE, 6)
HEAD, SIGNS, LEGS = rough(2, FACE, FACE, 2), rough(3, *PLATE, 2), rough(4, 50, 40, 5)


def face_box(index):
    return 20 + 6 * index, 30, 20 + 6 * index + FACE, 30 + FACE


def plate_box(index):
    return 90, 120, 90 + PLATE[0], 120 + PLATE[1]


def draw(index):
    picture = GROUND.copy()
    picture[195:235, 20 + 6 * index : 70 + 6 * index] = LEGS
    for part, (x0, y0, x1, y1) in ((HEAD, face_box(index)), (SIGNS, plate_box(index))):
        picture[y0:y1, x0:x1] = part
    return np.repeat(picture[..., None], 3, axis=2).astype(np.uint8)


TRUTH = Truth(
    "clip.mp4",
    SIZE,
    COUNT,
    (
        {"id": "a", "kind": "face", "keys": [[0, *face_box(0)], [19, *face_box(19)]]},
        {"id": "b", "kind": "plate", "keys": [[0, *plate_box(0)], [19, *plate_box(19)]]},
    ),
)


def write(path, pictures, frames=range(COUNT)):
    pairs = [(p, round(i * 90_000 / RATE)) for p, i in zip(pictures, frames, strict=True)]
    moving_scenes.encode(path, pairs, SIZE, RATE)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write(tmp_path_factory.mktemp("leaks") / "clip.mp4", [draw(i) for i in range(COUNT)])


@pytest.fixture
def judged(source, tmp_path):
    """What the scorer says of each frame's picture changed by a function of picture and index."""

    def judge(change, truth=TRUTH):
        output = write(tmp_path / "clip.mp4", [change(draw(i), i) for i in range(COUNT)])
        return score_tables.summary([leak_scoring.score(source, output, truth)])

    return judge


def cover(picture, box, shift=0):
    x0, y0, x1, y1 = box
    picture[y0:y1, x0 + shift : x1 + shift] = picture[y0:y1, x0 + shift : x1 + shift].mean()
    return picture


def test_a_copy_leaks_everything_and_covers_nothing(judged):
    said = judged(lambda picture, _: picture)
    assert said["face"]["share"] == said["plate"]["share"] == 1
    assert said["face"]["frames"] == said["face"]["longest_run"] == COUNT
    assert said["face"]["tracks_leaked_long"] == 1
    assert said["over_covered"] == 0


def test_a_flat_cover_leaks_nothing(judged):
    said = judged(lambda p, i: cover(cover(p, face_box(i)), plate_box(i)))
    assert said["face"]["leaked"] == 0
    assert said["plate"]["leaked"] == 0
    assert said["plate"]["frames"] == COUNT
    assert said["over_covered"] == 0


def test_a_light_blur_leaks(judged):
    said = judged(lambda picture, _: cv2.GaussianBlur(picture, (0, 0), 1.5))
    assert said["face"]["share"] == said["plate"]["share"] == 1


def test_faint_detail_leaks_all_the_same(judged):
    def fade(picture, index):
        x0, y0, x1, y1 = face_box(index)
        part = picture[y0:y1, x0:x1]
        part[:] = 120 + (part.astype(float) - 120) * 0.4
        return picture

    assert judged(fade)["face"]["share"] == 1


def test_a_cover_that_slipped_leaks_what_it_misses(judged):
    assert judged(lambda p, i: cover(p, face_box(i), 3))["face"]["leaked"] == 0
    assert judged(lambda p, i: cover(p, face_box(i), 30))["face"]["share"] == 1


def test_one_missed_frame_is_one_leak(judged):
    said = judged(lambda p, i: p if i == 7 else cover(p, face_box(i)))["face"]
    assert (said["leaked"], said["tracks_leaked"], said["tracks_leaked_long"]) == (1, 1, 0)


def test_hidden_and_flat_things_do_not_count(judged, source):
    hidden = [dict(TRUTH.objects[0], hidden=[[0, 15]]), TRUTH.objects[1]]
    nothing = {"id": "c", "kind": "face", "keys": [[0, 310, 0, 350, 40], [19, 310, 0, 350, 40]]}
    truth = Truth("clip.mp4", SIZE, COUNT, (*hidden, nothing))
    assert judged(lambda p, _: p, truth)["face"]["frames"] == COUNT - 15
    flat = np.full((100, 100), 80, np.uint8)
    assert frame_comparison.leaks(flat, flat, Box(10, 10, 60, 60), "face") is None


def test_area_covered_for_nothing_is_measured(judged):
    said = judged(lambda p, _: cover(p, (220, 140, 300, 200)))
    assert 0.05 < said["over_covered"] < 0.07  # 80 x 60 of 320 x 240 pixels are 0.0625


def test_dropped_and_repeated_frames_are_matched(source, tmp_path):
    kept = [0, 1, 3, 4, 5, 5, 6, 7, 10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19]
    pictures = [draw(i) if i == 7 else cover(draw(i), face_box(i)) for i in kept]
    output = write(tmp_path / "clip.mp4", pictures)
    said = score_tables.summary([leak_scoring.score(source, output, TRUTH)])["face"]
    assert (said["frames"], said["leaked"]) == (len(set(kept)), 1)


def test_an_output_that_plays_slower_is_matched(source, tmp_path):
    pictures = [draw(i) if i == 7 else cover(draw(i), face_box(i)) for i in range(COUNT)]
    output = write(tmp_path / "clip.mp4", pictures, frames=range(0, 2 * COUNT, 2))
    said = score_tables.summary([leak_scoring.score(source, output, TRUTH)])["face"]
    assert (said["frames"], said["leaked"]) == (COUNT, 1)


def test_the_wrong_order_of_frames_is_noticed(source, tmp_path):
    output = write(tmp_path / "clip.mp4", [draw(i) for i in reversed(range(COUNT))])
    with pytest.raises(frame_comparison.AlignmentError, match="frames in order"):
        leak_scoring.score(source, output, TRUTH)


def test_another_size_of_the_output_is_brought_back(source, tmp_path):
    bigger = [cv2.resize(draw(i), (336, 256)) for i in range(COUNT)]
    pairs = [(p, round(i * 90_000 / RATE)) for i, p in enumerate(bigger)]
    moving_scenes.encode(tmp_path / "clip.mp4", pairs, (336, 256), RATE)
    said = score_tables.summary([leak_scoring.score(source, tmp_path / "clip.mp4", TRUTH)])
    assert said["face"]["share"] == 1


def test_boxes_are_read_back_as_they_were_saved(tmp_path):
    TRUTH.save(tmp_path / "clip.json")
    again = Truth.load(tmp_path / "clip.json")
    assert again.at(7) == TRUTH.at(7)
    assert again.at(7)[0].box == pytest.approx(face_box(7))
    data = json.loads((tmp_path / "clip.json").read_text())
    data["objects"][0]["keys"].reverse()
    (tmp_path / "clip.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="in order"):
        Truth.load(tmp_path / "clip.json")


def test_recall_over_time_counts_frames_runs_heads_and_area():
    head = {"id": "c", "kind": "head", "keys": [[0, 200, 60, 240, 100], [9, 200, 60, 240, 100]]}
    truth = Truth("clip.mp4", SIZE, COUNT, (*TRUTH.objects, head))

    def covers(frame):
        found = [Box(*face_box(frame))] if frame not in (5, 6, 7) else []
        if frame < 4:
            found.append(Box(200, 60, 240, 100))
        return [*found, Box(0, 220, 32, 240)]  # nothing is there

    frames = clip_recall.frames_to_look_at(truth)
    score, heads = clip_recall.score(truth, frames, covers)
    said = score_tables.summary([score])
    assert (said["face"]["frames"], said["face"]["leaked"]) == (COUNT, 3)
    assert said["face"]["longest_run"] == 3
    assert said["plate"]["share"] == 1
    assert (sum(heads), len(heads)) == (4, 10)
    assert said["over_covered"] == pytest.approx(32 * 20 / (320 * 240))


def test_what_was_seen_is_told_from_what_was_filled_in(source):
    import redact
    from redact import video

    boxes = np.tile(np.float32([20, 30, 68, 78]), (4, 1))
    scores = np.float32([0.9, np.nan, np.nan, 0.8])
    track = redact.Track(id=1, kind="face", start_index=2, boxes=boxes, scores=scores)
    plan = redact.Plan(clip=video.probe(source), settings=redact.Settings(), tracks=(track,))
    seen, filled = (clip_recall.covers_of(plan, filled=fill) for fill in (False, True))
    assert [len(seen(i)) for i in range(7)] == [0, 0, 1, 0, 0, 1, 0]
    assert [len(filled(i)) for i in range(7)] == [0, 0, 1, 1, 1, 1, 0]


def test_every_file_of_boxes_can_be_used():
    paths = sorted(leaks.BOXES.glob("*.json"))
    assert paths
    for path in paths:
        truth = Truth.load(path)
        assert Path(truth.clip).stem == path.stem
        assert truth.made
        for item in truth.objects:
            keys = np.asarray(item["keys"])
            assert keys[0, 0] >= 0
            assert keys[-1, 0] < truth.frames
            assert (keys[:, 3:] > keys[:, 1:3]).all()


DATA = Path(os.environ.get("REDACT_DATA", "../shared/data"))


@pytest.mark.skipif(
    not (DATA / "faces").is_dir(),
    reason="set REDACT_DATA to a folder with labelled stills in faces/ and plates/",
)
def test_scenes_know_where_their_people_are(tmp_path):
    import dataclasses

    from benchmarks.scene_table import SCENES

    short = dataclasses.replace(SCENES["doorbell"], seconds=2.4, rate=5)
    path = moving_scenes.build("doorbell", short, DATA, tmp_path)
    truth = Truth.load(path.with_suffix(".json"))
    said = score_tables.summary([leak_scoring.score(path, path, truth)])
    assert said["face"]["share"] == 1
    assert said["face"]["tracks"] == 2
    again = moving_scenes.build("again", short, DATA, tmp_path)
    assert Truth.load(again.with_suffix(".json")).frames == truth.frames
