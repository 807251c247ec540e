"""Covers reveal nothing of a region, and change slowly."""

import dataclasses

import numpy as np
import pytest
from make_plans import make_frame

from redact import Settings, SettingsError
from redact.cover import painter
from redact.cover.painter import Cover
from redact.cover.styles import STYLES
from redact.types import Region


def region(x0, y0, x1, y1, kind="face", number=1):
    shape = "ellipse" if kind == "face" else "rectangle"
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=number)


def texture(seed, height=120, width=160):
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def clip_with(seed, boxes, frames=34):
    """Yield frames that differ between seeds only in what lies in the boxes."""
    for number in range(frames):
        frame = make_frame(texture(number, 48, 64))
        frame.u[:], frame.v[:] = texture(number, 24, 32), texture(number + 1, 24, 32)
        rng = np.random.default_rng((seed, number))
        for x0, y0, x1, y1 in boxes:
            for plane, n in ((frame.y, 1), (frame.u, 2), (frame.v, 2)):
                part = plane[y0 // n : y1 // n, x0 // n : x1 // n]
                part[:] = rng.integers(0, 256, part.shape, dtype=np.uint8)
        yield frame


BOXES = [(16, 12, 40, 34), (32, 24, 54, 42), (0, 0, 8, 12)]


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"gaussian"}))
def test_no_pixel_under_a_cover_changes_the_result(style):
    """Covers overlap, and one lies at the edge of the frame, over many frames."""
    kinds = ("face", "plate", "face")
    results = []
    for seed in (1, 2):
        cover = Cover(Settings(style=style))
        result = []
        for frame in clip_with(seed, BOXES):
            cover.planes(
                frame,
                [region(*b, k, n) for n, (b, k) in enumerate(zip(BOXES, kinds, strict=True))],
            )
            result.append(np.concatenate([p.ravel() for p in (frame.y, frame.u, frame.v)]))
        results.append(np.stack(result))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"gaussian"}))
def test_no_pixel_under_a_cover_in_an_image_changes_the_result(style):
    results = []
    for seed in (1, 2):
        image = np.repeat(texture(0, 48, 64)[:, :, None], 3, axis=2)
        rng = np.random.default_rng(seed)
        for x0, y0, x1, y1 in BOXES:
            image[y0:y1, x0:x1] = rng.integers(0, 256, (y1 - y0, x1 - x0, 3))
        Cover(Settings(style=style)).image(image, [region(*b, number=None) for b in BOXES])
        results.append(image)
    np.testing.assert_array_equal(*results)


def test_a_gaussian_of_the_default_width_leaves_no_detail():
    results = []
    for turned in (False, True):
        frame = make_frame(texture(3))
        if turned:
            frame.y[30:94, 40:104] = frame.y[30:94, 40:104][::-1, ::-1]
        Cover(Settings(style="gaussian")).planes(frame, [region(40, 30, 104, 94)])
        results.append(frame.y[30:94, 40:104].astype(int))
    assert np.abs(results[0] - results[1]).max() <= 1


def test_the_tone_follows_a_change_of_light_slowly():
    cover = Cover(Settings())
    means = []
    for number in range(120):
        frame = make_frame(np.full((24, 24), 40 if number < 20 else 190, np.uint8))
        cover.planes(frame, [region(8, 8, 16, 16)])
        means.append(float(frame.y[8:16, 8:16].mean()))
    assert abs(means[0] - 40) < 2
    assert abs(means[-1] - 190) < 2
    assert max(np.diff(means)) < 12


def test_a_plate_that_stays_in_view_keeps_its_tone_however_many_tracks_pass():
    cover = Cover(Settings())
    plate, lumas = region(8, 8, 16, 16, "plate", number=0), []
    passing = [region(0, 0, 4, 4, number=1 + n) for n in range(512)]
    for n, other in enumerate([*passing, *passing[:4]]):
        frame = make_frame(np.full((24, 24), 40 if n < len(passing) else 190, np.uint8))
        cover.planes(frame, [plate, other])
        lumas.append(float(frame.y[8:16, 8:16].mean()))
    assert abs(lumas[len(passing) - 1] - 40) < 2
    assert max(np.diff(lumas)) < 12


def test_the_track_painted_longest_ago_is_forgotten_first(monkeypatch):
    monkeypatch.setattr(painter, "TUNING", dataclasses.replace(painter.TUNING, max_held_tracks=2))
    cover = Cover(Settings())
    for numbers in ([1], [2], [1], [3]):
        frame = make_frame(np.zeros((24, 24), np.uint8))
        cover.planes(frame, [region(8, 8, 16, 16, number=n) for n in numbers])
    assert list(cover._paints) == [1, 3]


def test_covers_are_grey_in_grey_surroundings_and_warm_in_colourful_ones():
    for offset in (0, 20):
        frame = make_frame(np.full((120, 160), 128, np.uint8))
        frame.u[:], frame.v[:] = 128 + offset, 128 - offset
        Cover(Settings()).planes(frame, [region(40, 30, 104, 94)])
        u, v = int(frame.u[31, 36]), int(frame.v[31, 36])
        assert (u, v) == (128, 128) if offset == 0 else 120 < u < 128 < v < 136


def test_the_cover_of_a_plate_has_the_colour_around_it():
    frame = make_frame(np.full((120, 160), 128, np.uint8))
    frame.u[:], frame.v[:] = 90, 170
    frame.u[15:47, 20:52], frame.v[15:47, 20:52] = 128, 128
    Cover(Settings()).planes(frame, [region(40, 30, 104, 94, "plate")])
    assert (frame.u[15:47, 20:52] == 90).all()
    assert (frame.v[15:47, 20:52] == 170).all()


def test_a_cover_that_fills_the_frame_has_the_solid_tone():
    frame = make_frame(np.full((120, 160), 255, np.uint8))
    Cover(Settings()).planes(frame, [region(0, 0, 160, 120)])
    assert abs(float(frame.y.mean()) - 96) < 4


def test_two_tracks_get_different_patterns():
    covers = []
    for number in (1, 2):
        frame = make_frame(np.full((120, 160), 100, np.uint8))
        Cover(Settings()).planes(frame, [region(40, 30, 104, 94, number=number)])
        covers.append(frame.y.copy())
    assert not np.array_equal(*covers)


def test_chroma_is_covered_where_luma_is():
    frame = make_frame(np.full((120, 160), 255, np.uint8))
    frame.u[:], frame.v[:] = 255, 0
    Cover(Settings(style="solid")).planes(frame, [region(40, 30, 104, 94, "plate")])
    assert (frame.u[15:47, 20:52] == 128).all()
    assert (frame.v[15:47, 20:52] == 128).all()
    outside = frame.y == 255
    assert (frame.u[outside[::2, ::2] & outside[1::2, 1::2]] == 255).mean() > 0.95


def test_frames_of_odd_size_are_covered_to_the_edge():
    frame = make_frame(np.full((121, 161), 255, np.uint8))
    Cover(Settings(style="solid")).planes(frame, [region(100, 100, 161, 121, "plate")])
    assert (frame.y[100:, 100:] == 96).all()
    assert (frame.u[50:, 50:] == 128).all()


def test_covered_pixels_in_two_regions_are_counted_once():
    frame = make_frame(np.zeros((120, 160), np.uint8))
    pair = [region(0, 0, 40, 40), region(20, 0, 60, 40, number=2)]
    assert Cover(Settings()).planes(frame, pair) == 60 * 40


def test_an_image_and_its_planes_get_the_same_cover():
    grey = texture(5)
    frame = make_frame(grey.copy())
    image = np.repeat(grey[:, :, None], 3, axis=2).copy()
    Cover(Settings()).planes(frame, [region(40, 30, 104, 94)])
    Cover(Settings()).image(image, [region(40, 30, 104, 94)])
    assert np.abs(image[:, :, 0].astype(int) - frame.y).max() <= 2


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"solid"}))
def test_a_weak_strength_needs_unsafe(style):
    weak = 0.2
    with pytest.raises(SettingsError, match="unsafe=True"):
        Cover(Settings(style=style, strength=weak))
    frame = make_frame(texture(1))
    Cover(Settings(style=style, strength=weak, unsafe=True)).planes(
        frame, [region(40, 30, 104, 94)]
    )
    assert np.ptp(frame.y[30:94, 40:104].astype(int)) > 0
