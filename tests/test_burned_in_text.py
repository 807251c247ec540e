"""Burned-in text is proposed as zones; what only stands still, or flickers, is not."""

import cv2
import numpy as np
import pytest
from make_clips import write_clip

from redact import ClipError, burned_in_text, find_burned_in_text
from redact.burned_in_text import find_lines

WIDTH, HEIGHT = 640, 360


def scene(number, *, moves):
    """A blurred, coloured pattern with a bright pole and a dark door, which may all move."""
    rng = np.random.default_rng(7)
    wide = cv2.GaussianBlur(rng.integers(40, 200, (HEIGHT, 2 * WIDTH), dtype=np.uint8), (0, 0), 9)
    wide = cv2.normalize(wide, None, 60, 190, cv2.NORM_MINMAX)
    wide[:, 300:312], wide[150:340, 420:500] = 230, 20
    start = 4 * number if moves else 0
    image = wide[:, start : start + WIDTH].copy()
    noise = np.random.default_rng(number).integers(-3, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def write(image, text, place):
    """White text with a dark edge."""
    x, y = place
    places = [(x + dx, y + dy, 0) for dx in (-1, 0, 1) for dy in (-1, 0, 1)] + [(x, y, 255)]
    for x, y, tone in places:
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, tone, 1, cv2.LINE_AA)


def samples(*, moves, clock=False, name=False, count=30):
    images = [scene(number, moves=moves) for number in range(count)]
    for number, image in enumerate(images):
        if clock:
            write(image, f"2026-11-30 12:07:{number:02}", (12, 24))
        if name:
            write(image, "Front door", (500, 348))
    return np.stack(images)


@pytest.mark.parametrize("moves", [False, True])
def test_a_clock_and_a_name_are_found(moves):
    clock, name = find_lines(samples(moves=moves, clock=True, name=True))
    assert clock[0] <= 16 and clock[2] >= 178 and clock[1] <= 12 and 22 <= clock[3] <= 36
    assert name[0] <= 506 and name[2] >= 576 and 328 <= name[1] <= 338 and name[3] >= 346


@pytest.mark.parametrize("moves", [False, True])
def test_a_scene_without_text_gives_nothing(moves):
    assert find_lines(samples(moves=moves)) == []


def test_text_in_the_middle_of_the_picture_is_a_part_of_the_scene():
    images = samples(moves=False)
    for image in images:
        write(image, "NO PARKING", (250, 180))
    assert find_lines(images) == []


def test_zones_of_a_clip_hold_its_text(tmp_path, monkeypatch):
    images = samples(moves=False, clock=True)
    monkeypatch.setattr(
        "make_clips.draw",
        lambda index, *_: np.repeat(images[index][:, :, None], 3, axis=2),
    )
    write_clip(tmp_path / "a.mp4", frames=30, size=(WIDTH, HEIGHT))
    (zone,) = find_burned_in_text(tmp_path / "a.mp4")
    assert zone.rule == "cover" and zone.name == "text 1" and zone.stop_seconds is None
    for x, y in ((14, 10), (190, 24), (100, 17)):
        assert zone.contains(x / WIDTH, y / HEIGHT)
    assert not zone.contains(0.5, 0.5)


def test_few_frames_of_a_long_clip_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(burned_in_text, "_SAMPLES", 4)
    write_clip(tmp_path / "a.mp4")
    taken = []
    monkeypatch.setattr(
        burned_in_text, "find_lines", lambda images: taken.append(len(images)) or []
    )
    assert find_burned_in_text(tmp_path / "a.mp4") == ()
    assert taken == [4]


def test_what_is_no_clip_is_refused(tmp_path):
    with pytest.raises(ClipError, match="no such file"):
        find_burned_in_text(tmp_path / "gone.mp4")
