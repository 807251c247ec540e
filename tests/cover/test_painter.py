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


def is_under(covers, shape, step=1):
    """Which pixels of a plane have their middle under a cover; step: luma pixels in one of them."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    under = np.zeros(shape, bool)
    for cover in covers:
        x0, y0, x1, y1 = (edge / step for edge in (cover.x0, cover.y0, cover.x1, cover.y1))
        across, down = np.abs(2 * (x - x0) / (x1 - x0) - 1), np.abs(2 * (y - y0) / (y1 - y0) - 1)
        if cover.shape == "ellipse":
            under |= across**2 + down**2 <= 1
        else:
            under |= np.maximum(across, down) <= 1
    return under


def clip_with(seed, covers, frames=34):
    """Yield frames that differ between seeds only in what lies under the covers."""
    for number in range(frames):
        frame = make_frame(texture(number, 48, 64))
        frame.u[:], frame.v[:] = texture(number, 24, 32), texture(number + 1, 24, 32)
        rng = np.random.default_rng((seed, number))
        for plane, step in ((frame.y, 1), (frame.u, 2), (frame.v, 2)):
            under = is_under(covers, plane.shape, step)
            plane[under] = rng.integers(0, 256, under.sum(), dtype=np.uint8)
        yield frame


# They overlap, and three lie at an edge of the frame, of which one reaches beyond it.
COVERS = [
    region(16, 12, 40, 34, "face", 1),
    region(32, 24, 54, 42, "plate", 2),
    region(0, 0, 8, 12, "face", 3),
    region(30, 20, 60, 48, "face", 4),
    region(-14, 18, 12, 50, "face", 5),
]


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"gaussian"}))
def test_no_pixel_under_a_cover_changes_the_result(style):
    results = []
    for seed in (1, 2):
        cover = Cover(Settings(style=style))
        result = []
        for frame in clip_with(seed, COVERS):
            cover.planes(frame, COVERS)
            result.append(np.concatenate([p.ravel() for p in (frame.y, frame.u, frame.v)]))
        results.append(np.stack(result))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"gaussian"}))
def test_no_pixel_under_a_cover_in_an_image_changes_the_result(style):
    results = []
    for seed in (1, 2):
        image = np.repeat(texture(0, 48, 64)[:, :, None], 3, axis=2)
        under = is_under(COVERS, image.shape[:2])
        image[under] = np.random.default_rng(seed).integers(0, 256, (under.sum(), 3))
        regions = [dataclasses.replace(cover, track_id=None) for cover in COVERS]
        Cover(Settings(style=style)).image(image, regions)
        results.append(image)
    np.testing.assert_array_equal(*results)


def test_every_pixel_under_a_cover_is_replaced():
    frame = make_frame(np.full((48, 64), 255, np.uint8))
    frame.u[:], frame.v[:] = 255, 0
    Cover(Settings(style="solid")).planes(frame, COVERS)
    assert (frame.y[is_under(COVERS, frame.y.shape)] == 96).all()
    under = is_under(COVERS, frame.u.shape, 2)
    assert (frame.u[under] == 128).all() and (frame.v[under] == 128).all()


def test_a_gaussian_of_the_default_width_leaves_no_detail():
    results = []
    for turned in (False, True):
        frame = make_frame(texture(3))
        if turned:
            frame.y[30:94, 40:104] = frame.y[30:94, 40:104][::-1, ::-1]
        Cover(Settings(style="gaussian")).planes(frame, [region(40, 30, 104, 94, "plate")])
        results.append(frame.y[30:94, 40:104].astype(int))
    assert np.abs(results[0] - results[1]).max() <= 1


@pytest.mark.parametrize("strength", [None, 0.25])
def test_what_a_measured_cover_shows_lies_inside_the_frame(strength):
    """Its box reaches beyond the frame, where there is nothing to measure."""
    frame = make_frame(texture(4))
    style = Settings(style="gaussian", strength=strength, unsafe=strength is not None)
    Cover(style).planes(frame, [region(-40, -30, 50, 60), region(130, 90, 180, 150, number=2)])
    assert np.isfinite(frame.y).all() and np.ptp(frame.y[:20, :20].astype(int)) < 100


def test_the_tone_follows_a_change_of_light_slowly():
    cover = Cover(Settings())
    means = []
    for number in range(180):
        frame = make_frame(np.full((24, 24), 40 if number < 20 else 190, np.uint8))
        cover.planes(frame, [region(8, 8, 16, 16, "plate")])
        means.append(float(frame.y[8:16, 8:16].mean()))
    assert abs(means[0] - 40) < 2
    assert abs(means[-1] - 190) < 2
    assert max(np.diff(means)) < 3


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
    assert list(cover._paints) == [("track", 1), ("track", 3)]


@pytest.mark.parametrize("kind", ["face", "plate"])
def test_a_cover_has_the_colour_around_it(kind):
    frame = make_frame(np.full((120, 160), 128, np.uint8))
    frame.u[:], frame.v[:] = 90, 170
    cover = region(40, 30, 104, 94, kind)
    under = is_under([cover], frame.u.shape, 2)
    frame.u[under], frame.v[under] = 128, 128
    Cover(Settings()).planes(frame, [cover])
    assert (frame.u[under] == 90).all()
    assert (frame.v[under] == 170).all()


def test_a_cover_that_fills_the_frame_has_the_solid_tone():
    frame = make_frame(np.full((120, 160), 255, np.uint8))
    Cover(Settings()).planes(frame, [region(0, 0, 160, 120, "plate")])
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


@pytest.mark.parametrize(
    "regions",
    [
        [region(0, 0, 40, 40, "plate"), region(20, 0, 60, 40, "plate", 2)],
        [region(0, 0, 40, 40), region(20, 0, 60, 40, number=2)],
        [region(0, 0, 40, 40), region(20, 10, 70, 30, "plate", 2)],
        [region(-30, 20, 40, 80)],
        [region(120, 90, 190, 150), region(140, 0, 180, 60, number=2)],
        COVERS,
    ],
)
def test_each_covered_pixel_is_counted_once(regions):
    frame = make_frame(np.zeros((120, 160), np.uint8))
    expected = is_under(regions, frame.y.shape).sum()
    assert Cover(Settings()).planes(frame, regions) == expected


def test_the_pixels_of_an_ellipse_that_lies_apart_are_counted_by_its_area():
    frame = make_frame(np.zeros((120, 160), np.uint8))
    regions = [region(0, 0, 40, 60), region(60, 0, 140, 100, number=2), region(0, 80, 30, 100)]
    expected = is_under(regions, frame.y.shape).sum()
    assert Cover(Settings()).planes(frame, regions) == pytest.approx(expected, rel=0.01)


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
