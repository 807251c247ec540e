"""Where the picture changes its size or shape, no picture is stretched or cut."""

import av
import numpy as np
import pytest
from make_clips import SIDE, SquareDetector, brightest, read_back, write_clip

import redact
from redact import Settings, video

LANDSCAPE, PORTRAIT = (320, 240), (180, 320)


def changing(folder, *sizes, frames=6):
    """Write a transport stream whose picture has these sizes, for some frames each."""
    parts = []
    for number, size in enumerate(sizes):
        part = folder / f"{number}.ts"
        pts = [12_800 * (number + 1) + 512 * index for index in range(frames)]
        write_clip(part, frames=frames, size=size, pts=pts)
        parts.append(part.read_bytes())
    path = folder / "a.ts"
    path.write_bytes(b"".join(parts))
    return path


def square_in(image):
    """(width, height) of what is bright in an image."""
    rows, columns = np.nonzero(image.min(axis=2) > 150)
    return columns.max() - columns.min() + 1, rows.max() - rows.min() + 1


def decode_strictly(path):
    """The number of frames, decoded by a decoder that fails on whatever is wrong."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        return sum(not frame.is_corrupt for frame in container.decode(stream))


@pytest.mark.parametrize("sizes", [(LANDSCAPE, PORTRAIT), (PORTRAIT, LANDSCAPE)])
def test_every_picture_fits_whole_and_unscaled(tmp_path, sizes):
    source, target = changing(tmp_path, *sizes), tmp_path / "b.mp4"
    report = redact.redact_clip(source, target, Settings(audit=False, crf=10), detectors=[])
    _, images = read_back(target)
    assert len(images) == report.frame_count == 12
    assert {image.shape for image in images} == {(320, 320, 3)}
    for image in images:
        assert square_in(image) == pytest.approx((SIDE, SIDE), abs=1)
    assert any("6 frames with another size" in text for text in report.plan.clip.warnings)


@pytest.mark.parametrize("sizes", [(LANDSCAPE, PORTRAIT), (PORTRAIT, LANDSCAPE, PORTRAIT)])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_what_is_detected_in_pictures_of_any_size_is_covered(tmp_path, sizes, suffix):
    source, target = changing(tmp_path, *sizes), tmp_path / f"b{suffix}"
    redact.redact_clip(source, target, detectors=[SquareDetector()])
    _, images = read_back(target)
    assert max(map(brightest, images)) < 200
    assert decode_strictly(target) == 6 * len(sizes)


def test_smaller_pictures_of_the_same_shape_fill_the_frame(tmp_path):
    """Calls over a network get sharper step by step, while everybody stays where they are."""
    source, target = changing(tmp_path, (320, 240), (640, 480)), tmp_path / "b.mp4"
    redact.redact_clip(source, target, Settings(audit=False, crf=10), detectors=[])
    _, images = read_back(target)
    assert {image.shape for image in images} == {(480, 640, 3)}
    assert square_in(images[0]) == pytest.approx((2 * SIDE, 2 * SIDE), abs=2)
    assert square_in(images[-1]) == pytest.approx((SIDE, SIDE), abs=1)


def test_verify_looks_at_pictures_of_every_size_in_full(tmp_path):
    source = changing(tmp_path, LANDSCAPE, PORTRAIT)
    found = redact.verify(source, detectors=[SquareDetector()], every_frame=True)
    assert (found.clip.width, found.clip.height) == (320, 320)
    assert [detection.frame_index for detection in found] == list(range(12))
    for detection in found:
        assert detection.box.width == pytest.approx(SIDE, abs=3)
        assert detection.box.height == pytest.approx(SIDE, abs=3)


def test_pictures_that_need_too_large_a_frame_together_are_refused(tmp_path):
    source = changing(tmp_path, (320, 64), (64, 320))
    with pytest.raises(redact.ClipError, match="320x320 pixels, more than max_pixels=20480"):
        redact.analyze(source, Settings(max_pixels=320 * 64), detectors=[])


def test_a_plan_with_another_size_is_refused(tmp_path):
    plan = redact.analyze(changing(tmp_path, LANDSCAPE, PORTRAIT), detectors=[])
    for field, size in (("width", 400), ("width", 316), ("height", 316), ("height", 100)):
        values = plan.to_dict()
        values["clip"][field] = size
        with pytest.raises(redact.PlanError, match=f"{field} {size}"):
            redact.render(redact.Plan.from_dict(values), tmp_path / "b.mp4", detectors=[])
        assert not (tmp_path / "b.mp4").exists()


def test_a_clip_of_one_size_is_read_as_it_is(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=3)
    with video.read_frames(video.probe(tmp_path / "a.mp4")) as frames:
        assert sum(1 for _ in frames) == 3
    assert (frames.findings["width"], frames.findings["height"]) == (320, 240)
