"""What looks see of a frame is what they would see of all of it, converted."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from make_clips import write_clip

from redact import Box, Detection, video
from redact.analysis.scans import ScanSpec, scan_frame
from redact.imaging import shrunk
from redact.types import ClipInfo
from redact.views import ArrayView, FrameView

TURNS = list(itertools.product((0, 90, 180, 270), (False, True)))


@pytest.fixture(params=[False, True], ids=["limited", "full"])
def decoded(request, tmp_path):
    """A frame of a clip, in colour, and the clip."""
    path = tmp_path / "a.mp4"
    write_clip(path, frames=2, full_range=request.param)
    clip = video.probe(path)
    frame = video.copied(next(video.read_frames(clip)))
    frame.u[...] = np.linspace(90, 150, frame.u.shape[1])
    frame.v[...] = np.linspace(80, 160, frame.v.shape[0])[:, None]
    return frame, clip


def turned(clip, turn) -> ClipInfo:
    return replace(clip, rotation_degrees=turn[0], is_mirrored=turn[1])


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("part", [(0, 0, 64, 48), (13, 7, 110, 96), (51, 90, 200, 229)])
def test_a_part_is_cut_out_of_the_upright_whole(decoded, turn, part):
    frame, clip = decoded
    view = FrameView(frame, turned(clip, turn))
    alone = view.part(part)
    whole = view.whole()
    assert whole.shape[:2] == view.shape
    x0, y0, x1, y1 = part
    # What was converted by then makes no difference.
    assert np.array_equal(alone, whole[y0:y1, x0:x1])
    assert np.array_equal(view.part(part), alone)
    view.release()
    assert np.array_equal(view.whole(), whole)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("enough", "shrunk_by"), [(70, 2), (35, 4)])
def test_a_smaller_picture_has_twice_the_side_that_is_enough(decoded, turn, enough, shrunk_by):
    frame, clip = decoded
    view = FrameView(frame, turned(clip, turn))
    small = view.smaller(enough)
    height, width = view.shape
    assert small.shape == (-(-height // shrunk_by), -(-width // shrunk_by), 3)
    assert max(small.shape) >= 2 * enough
    wanted = shrunk(view.whole(), small.shape[1], small.shape[0]).astype(int)
    assert np.abs(small - wanted).mean() < 3
    assert view.smaller(enough) is small
    assert view.smaller(max(height, width) // 4 + 1) is view.whole()


@pytest.mark.parametrize("turn", TURNS)
def test_luma_is_that_of_the_whole_from_black_to_white(decoded, turn):
    frame, clip = decoded
    view = FrameView(frame, turned(clip, turn))
    whole = ArrayView(view.whole())
    for part in (None, (31, 20, 191, 140)):
        luma = view.luma((80, 60), part)
        assert luma.shape == (60, 80)
        assert np.abs(luma - whole.luma((80, 60), part).astype(int)).mean() < 3


def test_a_look_that_needs_no_more_sees_half_the_picture(decoded):
    """Its finds, and the parts it is told to look at, are brought from one size to the other."""
    shown = []

    class Sees:
        def detect(self, image, within=None):
            shown.append((image.shape[:2], within))
            return [Detection(kind="face", box=Box(10, 20, 30, 40), score=0.9)]

    frame, clip = decoded
    view = FrameView(frame, clip)
    height, width = view.shape
    scan = ScanSpec(Sees(), only_changes=True, enough_side=70)
    (found,) = scan_frame(scan, view, [Box(8, 16, 64, 32)])
    assert shown == [((height // 2, width // 2), (Box(4, 8, 32, 16),))]
    assert found.box == Box(20, 40, 60, 80)
    (found,) = scan_frame(replace(scan, enough_side=0), view)
    assert shown[1:] == [((height, width), None)]
    assert found.box == Box(10, 20, 30, 40)
    image = np.zeros((height, width, 3), np.uint8)
    scan_frame(scan, ArrayView(image))
    assert shown[2:] == [((height, width), None)]
