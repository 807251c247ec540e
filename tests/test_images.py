"""Single pictures and streams of arrays."""

import numpy as np
import pytest
from make_clips import SquareDetector, brightest, draw, read_back

import redact


def pictures(count):
    return [draw(index, 320, 240) for index in range(count)]


def test_a_picture_is_copied_and_covered():
    image = draw(3, 320, 240)
    before = image.copy()
    safe = redact.redact_image(image, detectors=[SquareDetector()])
    assert brightest(safe) < 200
    np.testing.assert_array_equal(image, before)
    assert safe.shape == image.shape
    assert safe.dtype == np.uint8


def test_a_picture_that_is_a_view_works_too():
    wide = np.concatenate([draw(3, 320, 240)] * 2, axis=1)
    safe = redact.redact_image(wide[::-1, 0:320], detectors=[SquareDetector()])
    assert brightest(safe) < 200


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((0, 10, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="uint8 BGR"):
        redact.redact_image(image, detectors=[])


def test_a_stream_keeps_order_and_covers_before_the_first_find():
    frames = pictures(40)
    detector = SquareDetector(blind={*range(10), *range(20, 26)})
    settings = redact.Settings(lookahead_seconds=0.5, extend_seconds=0.6)
    safe = list(redact.redact_frames(iter(frames), settings, frame_rate=25, detectors=[detector]))
    assert len(safe) == 40
    assert max(map(brightest, safe)) < 200
    corner = [
        np.abs(a[:30, :30].astype(int) - b[:30, :30]).max()
        for a, b in zip(frames, safe, strict=False)
    ]
    assert max(corner) == 0


def test_a_stream_holds_no_more_frames_than_the_look_ahead():
    given = 0

    def source():
        nonlocal given
        for image in pictures(40):
            given += 1
            yield image

    settings = redact.Settings(lookahead_seconds=0.4)
    stream = redact.redact_frames(source(), settings, frame_rate=25, detectors=[SquareDetector()])
    for taken, _ in enumerate(stream, 1):
        assert given - taken <= 10


def test_a_stream_needs_a_frame_rate():
    with pytest.raises(ValueError, match="frame_rate"):
        next(redact.redact_frames([], frame_rate=0))


def test_a_real_face_in_a_picture_is_covered(doorbell):
    from redact.detectors.centerface import CenterFaceDetector

    image = read_back(doorbell)[1][50]
    detector = CenterFaceDetector((None, 480), threshold=0.6)
    assert detector.detect(image)
    assert not detector.detect(redact.redact_image(image))


def test_a_stream_covers_what_a_clip_would(doorbell):
    """The same code looks and tracks: all that two passes saw is covered when streamed, too."""
    _, frames = read_back(doorbell)
    settings = redact.Settings(plates=False)
    plan = redact.analyze(doorbell, settings)
    rate = (len(frames) - 1) / float(plan.clip.seconds[-1])
    kept = 0
    for index, safe in enumerate(redact.redact_frames(iter(frames), settings, frame_rate=rate)):
        changed = np.abs(safe.astype(int) - frames[index]).max(axis=2) > 0
        for track in plan.tracks:
            box = track.box_at(index)
            if box is not None and np.isfinite(track.scores[index - track.start_index]):
                x0, y0, x1, y1 = (max(0, round(v)) for v in box)
                assert changed[y0:y1, x0:x1].mean() > 0.9, (index, track.kind)
                kept += 1
    assert kept > 20
