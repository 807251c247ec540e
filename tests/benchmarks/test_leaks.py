"""The leak score: a copy leaks, a cover does not, and lost or repeated frames do not matter."""

import dataclasses
import json
import sys
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
from benchmarks.real_data import data_folder
from redact import Box

SIZE, COUNT, RATE = (320, 240), 20, 10
FACE, PLATE = 48, (60, 20)


def rough(seed, width, height, sigma):
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255)


GROUND = rough(1, *SIZE, 6)
HEAD, CHARACTERS, LEGS = rough(2, FACE, FACE, 2), rough(3, *PLATE, 2), rough(4, 50, 40, 5)


def face_box(index):
    return 20 + 6 * index, 30, 20 + 6 * index + FACE, 30 + FACE


def plate_box(index):
    return 90, 120, 90 + PLATE[0], 120 + PLATE[1]


def draw(index):
    image = GROUND.copy()
    image[195:235, 20 + 6 * index : 70 + 6 * index] = LEGS
    for part, (x0, y0, x1, y1) in ((HEAD, face_box(index)), (CHARACTERS, plate_box(index))):
        image[y0:y1, x0:x1] = part
    return np.repeat(image[..., None], 3, axis=2).astype(np.uint8)


TRUTH = Truth(
    "clip.mp4",
    SIZE,
    COUNT,
    (
        {"id": "a", "kind": "face", "keys": [[0, *face_box(0)], [19, *face_box(19)]]},
        {"id": "b", "kind": "plate", "keys": [[0, *plate_box(0)], [19, *plate_box(19)]]},
    ),
)


def write(path, images, frames=range(COUNT)):
    pairs = [(p, round(i * 90_000 / RATE)) for p, i in zip(images, frames, strict=True)]
    moving_scenes.encode(path, pairs, SIZE, RATE)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write(tmp_path_factory.mktemp("leaks") / "clip.mp4", [draw(i) for i in range(COUNT)])


@pytest.fixture
def scored(source, tmp_path):
    """The score of an output whose images are changed by a function of image and index."""

    def score(change, truth=TRUTH):
        output = write(tmp_path / "clip.mp4", [change(draw(i), i) for i in range(COUNT)])
        return score_tables.summary([leak_scoring.score(source, output, truth)])

    return score


def cover(image, box, shift=0):
    x0, y0, x1, y1 = box
    image[y0:y1, x0 + shift : x1 + shift] = image[y0:y1, x0 + shift : x1 + shift].mean()
    return image


def test_a_copy_leaks_in_every_frame_and_covers_nothing(scored):
    summary = scored(lambda image, _: image)
    assert summary["face"]["share"] == summary["plate"]["share"] == 1
    assert summary["face"]["frames"] == summary["face"]["longest_run"] == COUNT
    assert summary["face"]["tracks_leaked_long"] == 1
    assert summary["over_covered"] == 0


def test_a_flat_cover_leaks_nothing(scored):
    summary = scored(lambda p, i: cover(cover(p, face_box(i)), plate_box(i)))
    assert summary["face"]["leaked"] == 0
    assert summary["plate"]["leaked"] == 0
    assert summary["plate"]["frames"] == COUNT
    assert summary["over_covered"] == 0


def test_a_light_blur_leaks(scored):
    summary = scored(lambda image, _: cv2.GaussianBlur(image, (0, 0), 1.5))
    assert summary["face"]["share"] == summary["plate"]["share"] == 1


def test_detail_of_low_contrast_leaks(scored):
    def fade(image, index):
        x0, y0, x1, y1 = face_box(index)
        part = image[y0:y1, x0:x1]
        part[:] = 120 + (part.astype(float) - 120) * 0.4
        return image

    assert scored(fade)["face"]["share"] == 1


def test_a_displaced_cover_leaks_if_it_misses_half_of_the_face(scored):
    assert scored(lambda p, i: cover(p, face_box(i), 3))["face"]["leaked"] == 0
    assert scored(lambda p, i: cover(p, face_box(i), 30))["face"]["share"] == 1


def test_one_missed_frame_is_one_leak(scored):
    summary = scored(lambda p, i: p if i == 7 else cover(p, face_box(i)))["face"]
    assert (summary["leaked"], summary["tracks_leaked"], summary["tracks_leaked_long"]) == (1, 1, 0)


def test_hidden_objects_and_those_without_detail_do_not_count(scored, source):
    hidden = [dict(TRUTH.objects[0], hidden=[[0, 15]]), TRUTH.objects[1]]
    nothing = {"id": "c", "kind": "face", "keys": [[0, 310, 0, 350, 40], [19, 310, 0, 350, 40]]}
    truth = Truth("clip.mp4", SIZE, COUNT, (*hidden, nothing))
    assert scored(lambda p, _: p, truth)["face"]["frames"] == COUNT - 15
    flat = np.full((100, 100), 80, np.uint8)
    assert frame_comparison.leaks(flat, flat, Box(10, 10, 60, 60), "face") is None


def test_area_covered_away_from_known_boxes_is_over_covered(scored):
    summary = scored(lambda p, _: cover(p, (220, 140, 300, 200)))
    assert 0.05 < summary["over_covered"] < 0.07  # 80 x 60 of 320 x 240 pixels are 0.0625


def test_dropped_and_repeated_frames_are_matched(source, tmp_path):
    kept = [0, 1, 3, 4, 5, 5, 6, 7, 10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19]
    images = [draw(i) if i == 7 else cover(draw(i), face_box(i)) for i in kept]
    output = write(tmp_path / "clip.mp4", images)
    summary = score_tables.summary([leak_scoring.score(source, output, TRUTH)])["face"]
    assert (summary["frames"], summary["leaked"]) == (len(set(kept)), 1)


def test_an_output_that_plays_slower_is_matched(source, tmp_path):
    images = [draw(i) if i == 7 else cover(draw(i), face_box(i)) for i in range(COUNT)]
    output = write(tmp_path / "clip.mp4", images, frames=range(0, 2 * COUNT, 2))
    summary = score_tables.summary([leak_scoring.score(source, output, TRUTH)])["face"]
    assert (summary["frames"], summary["leaked"]) == (COUNT, 1)


def test_frames_in_the_wrong_order_are_an_error(source, tmp_path):
    output = write(tmp_path / "clip.mp4", [draw(i) for i in reversed(range(COUNT))])
    with pytest.raises(frame_comparison.AlignmentError, match="frames in order"):
        leak_scoring.score(source, output, TRUTH)


def test_an_output_of_another_size_is_scaled_to_the_source(source, tmp_path):
    bigger = [cv2.resize(draw(i), (336, 256)) for i in range(COUNT)]
    pairs = [(p, round(i * 90_000 / RATE)) for i, p in enumerate(bigger)]
    moving_scenes.encode(tmp_path / "clip.mp4", pairs, (336, 256), RATE)
    summary = score_tables.summary([leak_scoring.score(source, tmp_path / "clip.mp4", TRUTH)])
    assert summary["face"]["share"] == 1


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


def test_clip_recall_counts_missed_frames_runs_heads_and_area():
    head = {"id": "c", "kind": "head", "keys": [[0, 200, 60, 240, 100], [9, 200, 60, 240, 100]]}
    truth = Truth("clip.mp4", SIZE, COUNT, (*TRUTH.objects, head))

    def covers(frame):
        found = [Box(*face_box(frame))] if frame not in (5, 6, 7) else []
        if frame < 4:
            found.append(Box(200, 60, 240, 100))
        return [*found, Box(0, 220, 32, 240)]  # no object is there

    frames = clip_recall.frames_to_score(truth)
    score, heads = clip_recall.score(truth, frames, covers)
    summary = score_tables.summary([score])
    assert (summary["face"]["frames"], summary["face"]["leaked"]) == (COUNT, 3)
    assert summary["face"]["longest_run"] == 3
    assert summary["plate"]["share"] == 1
    assert (sum(heads), len(heads)) == (4, 10)
    assert summary["over_covered"] == pytest.approx(32 * 20 / (320 * 240))


def test_covers_of_detections_are_distinguished_from_filled_in_covers(source):
    import redact
    from redact import video

    boxes = np.tile(np.float32([20, 30, 68, 78]), (4, 1))
    scores = np.float32([0.9, np.nan, np.nan, 0.8])
    track = redact.Track(id=1, kind="face", start_index=2, boxes=boxes, scores=scores)
    plan = redact.Plan(clip=video.probe(source), settings=redact.Settings(), tracks=(track,))
    detected, filled = (clip_recall.plan_covers(plan, filled=fill) for fill in (False, True))
    assert [len(detected(i)) for i in range(7)] == [0, 0, 1, 0, 0, 1, 0]
    assert [len(filled(i)) for i in range(7)] == [0, 0, 1, 1, 1, 1, 0]
    margins = np.float32([[4, 8]] * 4)
    plan = dataclasses.replace(plan, tracks=(dataclasses.replace(track, margins=margins),))
    assert clip_recall.plan_covers(plan)(3) == [(16, 22, 72, 86)]


def test_every_file_of_known_boxes_is_valid():
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


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a shebang")
def test_outputs_of_an_earlier_run_have_no_seconds(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(leaks, "RESULTS", tmp_path)
    monkeypatch.setattr(leaks, "sources", lambda options: [(source, TRUTH)])
    command = tmp_path / "command"
    command.write_text(
        f"#!{sys.executable}\nimport shutil, sys\nshutil.copyfile(sys.argv[1], sys.argv[3])\n"
    )
    command.chmod(0o755)
    arguments = ["--no-ours", "--deface", str(command), "--json", str(tmp_path / "leaks.json")]
    seconds = []
    for _ in range(2):
        leaks.main(arguments)
        row = capsys.readouterr().out.splitlines()[-1]
        saved = json.loads((tmp_path / "leaks.json").read_text())["tools"]["deface"]["seconds"]
        seconds.append((row.split(), saved))
    assert seconds[0][0][0] == "seconds"
    assert seconds[0][1] is not None
    assert seconds[1] == (["seconds", "kept"], None)


DATA = data_folder()


@pytest.mark.skipif(
    not (DATA / "faces").is_dir(),
    reason="set REDACT_DATA to a folder with labelled stills in faces/ and plates/",
)
def test_made_scenes_show_faces_at_their_known_boxes(tmp_path):
    import dataclasses

    from benchmarks.scene_table import SCENES

    short = dataclasses.replace(SCENES["doorbell"], seconds=2.4, rate=5)
    path = moving_scenes.build("doorbell", short, DATA, tmp_path)
    truth = Truth.load(path.with_suffix(".json"))
    summary = score_tables.summary([leak_scoring.score(path, path, truth)])
    assert summary["face"]["share"] == 1
    assert summary["face"]["tracks"] == 2
    again = moving_scenes.build("again", short, DATA, tmp_path)
    assert Truth.load(again.with_suffix(".json")).frames == truth.frames
