"""Clips that show people otherwise than most: turned, lying down, as snapshots put together."""

import av
import cv2
import numpy as np
import pytest
from portrait import portrait_of_side

import redact
from redact.geometry import covered_share, stored_to_upright


def write_images(path, images, rate):
    height, width = (side // 2 * 2 for side in images[0].shape[:2])
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in images:
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(image[:height, :width]), format="bgr24"
            )
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def turned_portrait(path, turn, frames=20):
    """A clip of a face, turned clockwise by so many quarters, and the boxes of the face in it."""
    photo, face = portrait_of_side(360)
    image, (box,) = np.ascontiguousarray(np.rot90(photo, -turn)), face
    height, width = photo.shape[:2]
    write_images(path, [image] * frames, rate=10)
    return stored_to_upright(redact.Box(*box), width, height, 90 * turn)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_camera_that_hangs_sideways_or_upside_down_is_told_by_the_people(tmp_path, turn):
    face = turned_portrait(tmp_path / "a.mp4", turn)
    plan = redact.analyze(tmp_path / "a.mp4", redact.Settings(plates=False))
    assert plan.clip.turn_degrees == 360 - 90 * turn
    assert "--turn" in plan.clip.warnings[-1]
    (track,) = plan.tracks
    assert all(covered_share(face, [track.box_at(index)]) > 0.6 for index in range(20))
    assert redact.Plan.from_dict(plan.to_dict()).clip.turn_degrees == plan.clip.turn_degrees
    report = redact.render(plan, tmp_path / "b.mp4")
    assert not report.leaks
    assert not redact.verify(tmp_path / "b.mp4", redact.Settings(plates=False))
    assert redact.verify(tmp_path / "a.mp4", redact.Settings(plates=False))


def test_the_turn_can_be_told(tmp_path):
    turned_portrait(tmp_path / "a.mp4", 1, frames=3)
    for told in (0, 90):
        settings = redact.Settings(turn_degrees=told, plates=False)
        plan = redact.analyze(tmp_path / "a.mp4", settings)
        assert plan.clip.turn_degrees == told
        assert not any("--turn" in warning for warning in plan.clip.warnings)
    for wrong in (45, 90.0, True, "90"):
        with pytest.raises(redact.SettingsError, match="turn_degrees must be one of 0, 90, 180"):
            redact.Settings(turn_degrees=wrong)


def test_somebody_who_lies_down_beside_others_is_covered(tmp_path):
    photo, face = portrait_of_side(300)
    lying = np.ascontiguousarray(np.rot90(photo))
    height, width = photo.shape[:2]
    side = max(height, width)
    image = np.full((side, 3 * side, 3), 128, np.uint8)
    image[:height, :width] = photo
    image[: lying.shape[0], side : side + lying.shape[1]] = lying
    image[:height, 2 * side : 2 * side + width] = photo
    x0, y0, x1, y1 = stored_to_upright(redact.Box(*face[0]), width, height, 270)
    turned_face = redact.Box(x0 + side, y0, x1 + side, y1)
    write_images(tmp_path / "a.mp4", [image] * 15, rate=5)
    plan = redact.analyze(tmp_path / "a.mp4", redact.Settings(plates=False))
    assert plan.clip.turn_degrees == 0
    for index in range(15):
        boxes = [box for track in plan.tracks if (box := track.box_at(index)) is not None]
        assert covered_share(turned_face, boxes) > 0.6
    covered = redact.redact_image(image, redact.Settings(plates=False))
    center = image[round(y0) + 30 : round(y1) - 30, round(x0) + side + 30 : round(x1) + side - 30]
    after = covered[round(y0) + 30 : round(y1) - 30, round(x0) + side + 30 : round(x1) + side - 30]
    assert (center != after).any(axis=2).mean() > 0.9


def test_snapshots_put_together_are_searched_one_by_one(tmp_path):
    """Every other picture shows the face, at a rate at which nothing would be due in between."""
    photo, face = portrait_of_side(300)
    images = [photo if index % 3 == 1 else np.full_like(photo, 90) for index in range(9)]
    write_images(tmp_path / "a.mp4", images, rate=60)
    report = redact.redact_clip(
        tmp_path / "a.mp4", tmp_path / "b.mp4", redact.Settings(plates=False)
    )
    assert report.audited_frames == 9
    boxes = {
        index: [box for track in report.plan.tracks if (box := track.box_at(index)) is not None]
        for index in (1, 4, 7)
    }
    assert all(covered_share(redact.Box(*face[0]), found) > 0.6 for found in boxes.values())


def test_a_snapshot_is_searched_as_thoroughly_as_a_single_image(tmp_path):
    """No scan of longer clips gives this blurred face the score of a track by itself."""
    photo, face = portrait_of_side(90)
    blurred = cv2.GaussianBlur(photo, (0, 0), 3.75)
    images = [np.full_like(photo, 90) for _ in range(9)]
    images[4] = blurred
    write_images(tmp_path / "a.mp4", images, rate=10)
    (track,) = redact.analyze(tmp_path / "a.mp4", redact.Settings(plates=False)).tracks
    assert covered_share(redact.Box(*face[0]), [track.box_at(4)]) > 0.6
