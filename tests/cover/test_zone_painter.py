"""Covers of zones hold the whole polygon, reveal nothing of it, and stay steady."""

import numpy as np
import pytest
from crossing_rule import is_in
from make_plans import make_frame

from redact import Settings, Zone
from redact.cover.painter import Cover
from redact.cover.regions import zone_regions
from redact.types import Region

WIDTH, HEIGHT = 96, 64
ZONES = {
    "box": ((0.25, 0.25), (0.6, 0.25), (0.6, 0.7), (0.25, 0.7)),
    "slanted": ((0.1, 0.5), (0.55, 0.12), (0.83, 0.4), (0.31, 0.93)),
    "at the edge": ((0, 0), (0.4, 0), (1, 0.5), (1, 1), (0.7, 1)),
    "everything": ((0, 0), (1, 0), (1, 1), (0, 1)),
}
STYLES = ("blur", "pixelate", "solid", "gaussian")


def regions_of(*names, track=False):
    zones = [Zone(polygon=ZONES[name], name=name) for name in names]
    regions = [region for _, region in zone_regions(zones, (WIDTH, HEIGHT))]
    if track:
        regions.append(Region(x0=30, y0=20, x1=60, y1=50, kind="face", shape="ellipse", track_id=4))
    return regions


def touched(regions, shape, step=1):
    """The pixels of a plane that a polygon touches; step: luma pixels in one of them."""
    fine = 8
    y, x = (np.mgrid[: shape[0] * fine, : shape[1] * fine] + 0.5) / fine * step
    inside = np.zeros(y.shape, bool)
    for region in regions:
        if region.polygon:
            inside |= is_in(region.polygon, x, y)
    return inside.reshape(shape[0], fine, shape[1], fine).any(axis=(1, 3))


def frames_with(seed, regions, count=14):
    """Frames that differ between seeds only in what the polygons touch."""
    under = touched(regions, (HEIGHT, WIDTH))
    halved = touched(regions, (HEIGHT // 2, WIDTH // 2), 2)
    for number in range(count):
        common, own = np.random.default_rng(number), np.random.default_rng((seed, number))
        frame = make_frame(common.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8))
        for plane in (frame.u, frame.v):
            plane[:] = common.integers(0, 256, plane.shape, dtype=np.uint8)
        for plane, mask in ((frame.y, under), (frame.u, halved), (frame.v, halved)):
            plane[mask] = own.integers(0, 256, mask.sum(), dtype=np.uint8)
        yield frame


@pytest.mark.parametrize("style", ["blur", "pixelate", "solid"])
@pytest.mark.parametrize("name", ZONES)
def test_no_pixel_that_a_zone_touches_takes_part_in_a_frame(name, style):
    regions = regions_of(name)
    covers = Cover(Settings(style=style)), Cover(Settings(style=style))
    for one, two in zip(frames_with(1, regions), frames_with(2, regions), strict=True):
        assert (one.y != two.y).any()
        for cover, frame in zip(covers, (one, two), strict=True):
            cover.planes(frame, regions)
        for a, b in zip((one.y, one.u, one.v), (two.y, two.u, two.v), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ZONES)
def test_no_pixel_that_a_zone_touches_takes_part_in_an_image(name):
    regions = regions_of(name, track=True)
    under = touched(regions, (HEIGHT, WIDTH))
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)] * 2
    images[1] = images[0].copy()
    images[1][under] = rng.integers(0, 256, (under.sum(), 3), dtype=np.uint8)
    for image in images:
        Cover(Settings()).image(image, regions)
    np.testing.assert_array_equal(*images)


@pytest.mark.parametrize("style", STYLES)
def test_a_cover_ends_three_pixels_beyond_its_zone(style):
    regions = regions_of("slanted")
    frame = next(frames_with(1, regions))
    before = frame.y.copy()
    Cover(Settings(style=style)).planes(frame, regions)
    inside = np.pad(touched(regions, frame.y.shape), 3)
    near = [inside[y : y + HEIGHT, x : x + WIDTH] for y in range(7) for x in range(7)]
    is_far = ~np.any(near, axis=0)
    assert is_far.any()
    np.testing.assert_array_equal(frame.y[is_far], before[is_far])


def test_the_cover_of_a_zone_is_steady():
    """In noise, which has the same mean in every frame, hardly anything moves under a zone."""
    regions, cover = regions_of("box"), Cover(Settings())
    inside = touched(regions, (HEIGHT, WIDTH))
    last = None
    for frame in frames_with(1, regions, 40):
        cover.planes(frame, regions)
        if last is not None:
            assert np.abs(frame.y[inside].astype(int) - last[inside]).max() <= 2
        last = frame.y.astype(int)


def test_somebody_who_passes_under_a_zone_does_not_disturb_it():
    regions = regions_of("box", track=True)
    frame = next(frames_with(1, regions))
    Cover(Settings()).planes(frame, regions)
    inside = frame.y[18:43, 26:56].astype(int)
    assert max(np.abs(np.diff(inside, axis=axis)).max() for axis in (0, 1)) <= 3


def test_zones_have_patterns_of_their_own_that_do_not_change():
    regions = regions_of("box", "everything")
    patterns = [Cover(Settings())._random_pattern(region) for region in regions]
    assert (patterns[0] != patterns[1]).any()
    np.testing.assert_array_equal(patterns[0], Cover(Settings())._random_pattern(regions[0]))


def test_covered_pixels_are_counted_once():
    frame = make_frame(np.zeros((HEIGHT, WIDTH), np.uint8))
    assert Cover(Settings()).planes(frame, regions_of("everything", track=True)) == HEIGHT * WIDTH
    regions = regions_of("slanted")
    exact = touched(regions, (HEIGHT, WIDTH)).sum()
    assert Cover(Settings()).planes(frame, regions) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_zone_is_where_the_upright_picture_shows_it(rotation, is_mirrored):
    size = (WIDTH, HEIGHT) if rotation % 180 == 0 else (HEIGHT, WIDTH)
    zone = Zone(polygon=ZONES["slanted"])
    ((_, region),) = zone_regions([zone], size, rotation_degrees=rotation, is_mirrored=is_mirrored)
    stored = touched([region], (size[1], size[0]))
    upright = np.rot90(stored, -rotation // 90)
    upright = upright[:, ::-1] if is_mirrored else upright
    ((_, plain),) = zone_regions([zone], (WIDTH, HEIGHT))
    assert (upright != touched([plain], (HEIGHT, WIDTH))).mean() < 0.002


def test_zones_to_ignore_are_not_covered():
    zones = [Zone(polygon=ZONES["box"], rule="ignore"), Zone(polygon=ZONES["box"])]
    ((zone, region),) = zone_regions(zones, (WIDTH, HEIGHT))
    assert zone is zones[1] and region.zone_number == 1
