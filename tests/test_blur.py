"""What covers leave of a region, and that they hold still."""

import numpy as np
import pytest
from make_plans import make_frame

from redact import Settings, SettingsError
from redact.blur import STYLES, Cover
from redact.records import Region


def region(x0, y0, x1, y1, kind="face", number=1):
    shape = "ellipse" if kind == "face" else "rectangle"
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, kind=kind, shape=shape, track_id=number)


def texture(seed, height=120, width=160):
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


@pytest.mark.parametrize("style", sorted(STYLES))
@pytest.mark.parametrize("kind", ["face", "plate"])
def test_pictures_of_the_same_mean_are_covered_alike(style, kind):
    """Nothing but the mean tone gets through: a mirrored region is covered the same."""
    here = region(40, 30, 104, 94, kind)
    results = []
    for turned in (False, True):
        frame = make_frame(texture(3))
        if turned:
            for plane, (a, b, c, d) in ((frame.y, (30, 94, 40, 104)),):
                plane[a:b, c:d] = plane[a:b, c:d][::-1, ::-1]
        Cover(Settings(style=style)).planes(frame, [here])
        results.append(frame.y[30:94, 40:104].astype(int))
    # A Gaussian as wide as the region still leans the way the light falls, by a few steps.
    assert np.abs(results[0] - results[1]).max() <= (4 if style == "gaussian" else 0)


def test_a_tracks_cover_holds_still_while_the_face_changes():
    cover = Cover(Settings())
    seen = []
    for number in range(40):
        frame = make_frame(texture(number))
        cover.planes(frame, [region(40, 30, 104, 94)])
        seen.append(frame.y[30:94, 40:104].copy())
    assert all(np.array_equal(seen[0], later) for later in seen[1:])


def test_the_tone_follows_a_change_of_light_slowly():
    cover = Cover(Settings())
    means = []
    for number in range(120):
        frame = make_frame(np.full((120, 160), 40 if number < 20 else 200, np.uint8))
        cover.planes(frame, [region(40, 30, 104, 94)])
        means.append(float(frame.y[30:94, 40:104].mean()))
    assert abs(means[-1] - 200) < 24
    assert max(np.diff(means)) < 24


def test_two_tracks_get_different_cells():
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


def test_odd_pictures_are_covered_to_the_edge():
    frame = make_frame(np.full((121, 161), 255, np.uint8))
    Cover(Settings(style="solid")).planes(frame, [region(100, 100, 161, 121, "plate")])
    assert (frame.y[100:, 100:] == 96).all()
    assert (frame.u[50:, 50:] == 128).all()


def test_the_count_of_covered_pixels_counts_overlaps_once():
    frame = make_frame(np.zeros((120, 160), np.uint8))
    pair = [region(0, 0, 40, 40), region(20, 0, 60, 40, number=2)]
    assert Cover(Settings()).planes(frame, pair) == 60 * 40


def test_a_picture_and_its_planes_are_covered_alike():
    grey = texture(5)
    frame = make_frame(grey.copy())
    image = np.repeat(grey[:, :, None], 3, axis=2).copy()
    Cover(Settings()).planes(frame, [region(40, 30, 104, 94)])
    Cover(Settings()).image(image, [region(40, 30, 104, 94)])
    assert np.abs(image[:, :, 0].astype(int) - frame.y).max() <= 2


@pytest.mark.parametrize("style", sorted(set(STYLES) - {"solid"}))
def test_a_weak_strength_needs_to_be_asked_for(style):
    weak = 0.2
    with pytest.raises(SettingsError, match="unsafe=True"):
        Cover(Settings(style=style, strength=weak))
    frame = make_frame(texture(1))
    Cover(Settings(style=style, strength=weak, unsafe=True)).planes(
        frame, [region(40, 30, 104, 94)]
    )
    assert np.ptp(frame.y[30:94, 40:104].astype(int)) > 0
