"""What a view shows of a frame is what a conversion of the whole frame would show."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from make_clips import write_clip

from redact import Box, Detection, video
from redact.analysis.scans import ScanSpec, scan_frame
from redact.resizing import shrunk
from redact.types import ClipInfo, Track
from redact.views import ArrayView, FrameView, Presentation, SquareView, TurnedView

TURNS = list(itertools.product((0, 90, 180, 270), (False, True)))


@pytest.fixture(params=[False, True], ids=["limited", "full"])
def decoded(request, tmp_path):
    """A coloured frame of a clip, and the clip."""
    path = tmp_path / "a.mp4"
    write_clip(path, frames=2, full_range=request.param)
    clip = video.probe(path)
    frame = video.copy_frame(next(video.read_frames(clip)))
    frame.u[...] = np.linspace(90, 150, frame.u.shape[1])
    frame.v[...] = np.linspace(80, 160, frame.v.shape[0])[:, None]
    return frame, clip


def turned(clip, turn) -> ClipInfo:
    return replace(clip, rotation_degrees=turn[0], is_mirrored=turn[1])


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("part", [(0, 0, 64, 48), (13, 7, 110, 96), (51, 90, 200, 229)])
def test_a_part_equals_that_part_of_the_whole_upright_image(decoded, turn, part):
    frame, clip = decoded
    view = FrameView(frame, turned(clip, turn))
    alone = view.part(part)
    whole = view.whole()
    assert whole.shape[:2] == view.shape
    x0, y0, x1, y1 = part
    # Whether the whole has been converted before makes no difference.
    assert np.array_equal(alone, whole[y0:y1, x0:x1])
    assert np.array_equal(view.part(part), alone)
    view.release()
    assert np.array_equal(view.whole(), whole)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("side", "shrunk_by"), [(70, 2), (35, 4)])
def test_a_smaller_image_keeps_twice_the_side_that_was_asked_for(decoded, turn, side, shrunk_by):
    frame, clip = decoded
    view = FrameView(frame, turned(clip, turn))
    small = view.smaller(side)
    height, width = view.shape
    assert small.shape == (-(-height // shrunk_by), -(-width // shrunk_by), 3)
    assert max(small.shape) >= 2 * side
    expected = shrunk(view.whole(), small.shape[1], small.shape[0]).astype(int)
    assert np.abs(small - expected).mean() < 3
    assert view.smaller(side) is small
    assert view.smaller(max(height, width) // 4 + 1) is view.whole()


@pytest.mark.parametrize("turn", TURNS)
def test_luma_is_that_of_the_whole_image_in_full_range(decoded, turn):
    frame, clip = decoded
    view = FrameView(frame, turned(clip, turn))
    whole = ArrayView(view.whole())
    for part in (None, (31, 20, 191, 140)):
        luma = view.luma((80, 60), part)
        assert luma.shape == (60, 80)
        assert np.abs(luma - whole.luma((80, 60), part).astype(int)).mean() < 3


def test_a_scan_that_needs_few_pixels_sees_the_frame_at_half_its_size(decoded):
    """Detections, and the parts that the detector is given, are scaled between the two sizes."""
    shown = []

    class Recorder:
        def detect(self, image, within=None):
            shown.append((image.shape[:2], within))
            return [Detection(kind="face", box=Box(10, 20, 30, 40), score=0.9)]

    frame, clip = decoded
    view = FrameView(frame, clip)
    height, width = view.shape
    scan = ScanSpec(Recorder(), skips_unchanged=True, sufficient_side_pixels=70)
    (found,) = scan_frame(scan, view, [Box(8, 16, 64, 32)])
    assert shown == [((height // 2, width // 2), (Box(4, 8, 32, 16),))]
    assert found.box == Box(20, 40, 60, 80)
    (found,) = scan_frame(replace(scan, sufficient_side_pixels=0), view)
    assert shown[1:] == [((height, width), None)]
    assert found.box == Box(10, 20, 30, 40)
    image = np.zeros((height, width, 3), np.uint8)
    scan_frame(scan, ArrayView(image))
    assert shown[2:] == [((height, width), None)]


@pytest.mark.parametrize("scale", [(2.0, 1.0), (1.0, 2.0), (16 / 11, 1.0)])
def test_a_square_view_shows_everything_as_people_see_it(decoded, scale):
    frame, clip = decoded
    plain = FrameView(frame, clip)
    view = SquareView(plain, scale)
    height, width = view.shape
    assert (height, width) == (round(240 * scale[1]), round(320 * scale[0]))
    part = (60, 40, 180, 160)
    alone = view.part(part).astype(int)
    small = view.smaller(70)
    whole = view.whole()
    assert whole.shape == (height, width, 3)
    assert alone.shape == (120, 120, 3)
    assert np.abs(alone - whole[40:160, 60:180]).mean() < 3
    assert small.shape[1] / small.shape[0] == pytest.approx(width / height, rel=0.02)
    assert 70 <= max(small.shape) < max(whole.shape)
    expected = ArrayView(whole)
    for asked in (None, part):
        luma = view.luma((60, 60), asked)
        assert luma.shape == (60, 60)
        assert np.abs(luma - expected.luma((60, 60), asked).astype(int)).mean() < 4
    assert view.luma((120, 120), part).shape == (120, 120)
    view.release()
    assert np.array_equal(view.whole(), whole)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_view_shows_everything_turned(decoded, degrees):
    plain = FrameView(*decoded)
    view = TurnedView(plain, degrees)
    upright = np.rot90(plain.whole(), -degrees // 90)
    part = (60, 40, 180, 160)
    alone, small = view.part(part), view.smaller(70)
    expected = ArrayView(np.ascontiguousarray(upright))
    assert view.shape == upright.shape[:2]
    assert np.array_equal(view.whole(), upright)
    assert np.abs(alone.astype(int) - upright[40:160, 60:180]).max() <= 1
    assert small.shape[0] / small.shape[1] == view.shape[0] / view.shape[1]
    for asked in (None, part):
        luma = view.luma((60, 60), asked).astype(int)
        assert np.abs(luma - expected.luma((60, 60), asked)).mean() < 4


@pytest.mark.parametrize("scale", [(1.0, 1.0), (2.0, 1.0)])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_boxes_and_tracks_come_back_from_where_detectors_saw_them(scale, degrees):
    image = np.zeros((40, 60, 3), np.uint8)
    image[8:20, 4:10] = 255
    box = Box(4, 8, 10, 20)
    presented = Presentation(scale, degrees)
    seen = presented.view(ArrayView(image))
    rows, columns = np.nonzero(seen.whole()[:, :, 0] > 128)
    at = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert presented.seen_size((40, 60)) == seen.shape[::-1]
    assert presented.to_seen(box, (40, 60)) == at
    assert presented.to_frame(at, (40, 60)) == box
    track = Track(
        id=1,
        kind="face",
        start_index=0,
        boxes=np.array([at], np.float32),
        scores=np.ones(1, np.float32),
        margins=np.array([[4.0, 2.0]], np.float32),
    )
    back = presented.track_to_frame(track, (40, 60))
    assert back.boxes.tolist() == [list(box)]
    margins = [2.0, 4.0] if degrees % 180 else [4.0, 2.0]
    assert back.margins.tolist() == [[margins[0] / scale[0], margins[1]]]
    assert back.boxes.dtype == back.margins.dtype == np.float32


def test_pixels_that_are_nearly_square_are_left_as_they_are(decoded):
    assert Presentation.of(1.0) == Presentation.of(12 / 11) == Presentation.of(11 / 12)
    assert Presentation.of(1.0) == Presentation()
    assert Presentation.of(2.0).scale == (2.0, 1.0)
    assert Presentation.of(0.5).scale == (1.0, 2.0)
    view = FrameView(*decoded)
    assert Presentation().view(view) is view
