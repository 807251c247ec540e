"""Photographs: which are trained on, how parts are cut out, and where nothing is learned."""

import cv2
import numpy as np
import pytest

pytest.importorskip("PIL", reason="pip install redact-clips[train]")

from redact.training.photos import Photo, crop, load_photos, pick_photo
from redact.training.scenes import make_scene


def test_only_what_may_be_trained_on_is_loaded(photo_folder):
    """Not the held-out half, nor unclear licences, files twice, or frames of a clip to measure."""
    even, one, face = load_photos(photo_folder)
    assert even.boxes.tolist() == [[40, 30, 70, 40]]
    assert one.boxes.tolist() == [[40, 30, 70, 40]]
    assert one.ignored.tolist() == [[80, 50, 89, 55]]
    assert face.boxes.shape == face.ignored.shape == (0, 4)
    assert even.image.shape == (80, 120)


def test_boxes_stay_on_the_plates_when_a_photo_is_cropped():
    image = np.zeros((300, 400), np.uint8)
    cv2.rectangle(image, (200, 100), (259, 119), 255, -1)
    photo = Photo(image, np.array([[200, 100, 260, 120]], np.float32))
    rng = np.random.default_rng(1)
    plates = 0
    for _ in range(40):
        part, corners, ignored = crop(rng, photo, 128)
        assert ignored == []
        light = part > 128
        for c in corners:
            x0, y0, x1, y1 = np.clip([*c.min(axis=0), *c.max(axis=0)], 0, 128).round().astype(int)
            slack = max(3, round(0.25 * max(x1 - x0, y1 - y0)))  # a turned box is drawn tighter
            inside = np.zeros_like(light)
            inside[max(0, y0 - slack) : y1 + slack, max(0, x0 - slack) : x1 + slack] = True
            assert not (light & ~inside).any()
            plates += 1
    assert plates > 15


def test_some_parts_are_squeezed_as_by_a_steep_view_and_some_plates_inverted():
    image = np.full((300, 400), 90, np.uint8)
    cv2.rectangle(image, (150, 100), (249, 199), 220, -1)
    cv2.rectangle(image, (180, 130), (199, 149), 20, -1)
    photo = Photo(image, np.array([[150, 100, 250, 200]], np.float32))
    rng = np.random.default_rng(3)
    aspects, inverted = [], 0
    for _ in range(1500):
        part, corners, _ = crop(rng, photo, 128)
        for c in corners:
            width, height = np.ptp(c, axis=0)
            # Plates that are cut off, turned or drawn anew look otherwise.
            is_upright = len(np.unique(c[:, 0])) == 2 and c.min() > 2 and c.max() < 125
            if is_upright and width > 20:
                aspects.append(width / height)
                (x0, y0), (x1, y1) = c[0].astype(int) + 4, c[2].astype(int) - 4
                # Of a plate drawn anew not all but the characters has just this tone.
                inverted += abs(np.quantile(part[y0:y1, x0:x1], (0.2, 0.8)) - 20).max() < 1
    assert min(aspects) < 0.6 and np.median(aspects) > 0.9
    assert 0.005 < inverted / len(aspects) < 0.2


def test_plates_of_a_photo_are_shown_at_all_sizes():
    photo = Photo(np.zeros((600, 800), np.uint8), np.array([[300, 300, 400, 325]], np.float32))
    rng = np.random.default_rng(0)
    widths = [np.ptp(c[:, 0]) for _ in range(200) for c in crop(rng, photo, 256)[1]]
    assert min(widths) < 30 and max(widths) > 160


def test_what_is_ignored_is_neither_plate_nor_background():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (600, 600), dtype=np.uint8)
    photo = Photo(noise, np.zeros((0, 4), np.float32), np.array([[0, 0, 600, 600]], np.float32))
    seen = 0
    for _ in range(40):
        scene = make_scene(rng, 256, [photo])
        # The part lies in the photo, which is ignored as a whole; plates are drawn smaller.
        is_whole = (scene.boxes == [0, 0, 256, 256]).all(axis=1)
        assert not scene.is_visible[is_whole].any()
        seen += int(is_whole.any())
    assert seen > 5


def test_photos_with_false_detections_are_drawn_more_often():
    place = np.array([[0, 0, 8, 8]], np.float32)
    nothing = np.zeros((0, 4), np.float32)
    image = np.zeros((9, 9), np.uint8)
    photos = [Photo(image, nothing), Photo(image, nothing, lookalikes=np.repeat(place, 2, axis=0))]
    rng = np.random.default_rng(0)
    drawn = [len(pick_photo(rng, photos).lookalikes) for _ in range(300)]
    assert 0.6 < np.mean(np.asarray(drawn) > 0) < 0.9
