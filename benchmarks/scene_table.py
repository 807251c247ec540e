"""The table of made scenes: the still that is the world, the people and cars, and the camera.

Positions are shares of the world's width and height; see `benchmarks.scene_renderer.Scene`.
"""

from __future__ import annotations

from benchmarks.scene_renderer import Actor, Scene

_MASKED = "faces/facemask853/maksssksksss{}.jpg".format
_LOOSE = "faces/mask_wearing/{}.jpg".format

YOUTH = _MASKED(609)
BALD, BEARD, BOY, COAT = _MASKED(324), _MASKED(322), _MASKED(557), _MASKED(479)
DENIM, OLD = _MASKED(832), _MASKED(626)
JACKET, CROP, WOMAN = _LOOSE("test_img_2"), _LOOSE("train_img_48"), _LOOSE("train_img_75")
SMILE = _LOOSE("train_img_88")
STERN, BLURRED = "faces/tfm_webcam/24-photo.jpg", "faces/tfm_webcam/56-photo.jpg"
GREY, GLASSES = "faces/dlib_faces/2008_002470.jpg", "faces/dlib_faces/2008_002470.jpg#1"

DRIVEWAY = "plates/openalpr_br/NYZ0897.jpg"
GARAGE = "plates/openalpr_br/PYB6477.jpg"
STREET = "plates/robertlucian_ro/dayride_type1_001.mp4_t=451.jpg"
EVENING = "plates/robertlucian_ro/dayride_type1_001.mp4_t=293.jpg"
CAMPUS = _LOOSE("train_img_114")

QUICK = ("doorbell", "approach", "far", "posts", "crowd_shake", "night", "cars", "lost_frames")

SCENES = {
    "doorbell": Scene(
        DRIVEWAY,
        (640, 360),
        5,
        actors=(
            Actor(SMILE, ((0.4, 1.08, 0.34, 0.13), (2.6, 0.62, 0.36, 0.17), (5, -0.1, 0.36, 0.17))),
            Actor(JACKET, ((1.5, -0.08, 0.36, 0.19), (3.4, 0.5, 0.35, 0.19), (5, 0.72, 0.34, 0.2))),
        ),
    ),
    "approach": Scene(
        DRIVEWAY,
        (1280, 720),
        5,
        actors=(
            Actor(YOUTH, ((0, 0.14, 0.27, 0.02), (1.5, 0.3, 0.28, 0.05), (5, 0.55, 0.44, 0.28))),
        ),
        walls=((0, 0.36, 0.16, 0.5),),
    ),
    "far": Scene(
        CAMPUS,
        (1280, 720),
        4,
        camera=((0, 0.5, 0.62, 1),),
        actors=(
            Actor(BEARD, ((0, -0.02, 0.66, 0.022), (4, 0.45, 0.66, 0.024))),
            Actor(WOMAN, ((0, 1.02, 0.68, 0.034), (4, 0.55, 0.68, 0.034))),
            Actor(GREY, ((0.5, 0.2, 0.62, 0.016), (4, 0.55, 0.62, 0.02))),
            Actor(COAT, ((0, 0.8, 0.72, 0.05), (4, 0.2, 0.74, 0.055))),
        ),
    ),
    "posts": Scene(
        DRIVEWAY,
        (640, 360),
        4,
        actors=(
            Actor(STERN, ((0, 0.02, 0.33, 0.16), (4, 0.9, 0.33, 0.16))),
            Actor(WOMAN, ((0, 0.95, 0.42, 0.2), (3.6, 0.05, 0.42, 0.2))),
        ),
        posts=((0.2, 0, 0.27, 1), (0.46, 0, 0.5, 1), (0.68, 0, 0.8, 1)),
    ),
    "crowd_shake": Scene(
        _LOOSE("train_img_13"),
        (960, 540),
        3,
        rate=25,
        camera=((0, 0.4, 0.45, 0.7), (3, 0.62, 0.5, 0.62)),
        shake=6,
        blur=0.6,
    ),
    "night": Scene(
        DRIVEWAY,
        (640, 360),
        5,
        actors=(
            Actor(BLURRED, ((0, -0.05, 0.36, 0.16), (2.5, 0.4, 0.38, 0.2), (5, 1.06, 0.34, 0.15))),
            Actor(BALD, ((1, 0.8, 0.3, 0.09), (5, 0.3, 0.3, 0.11))),
        ),
        light=((0, 0.35), (2.4, 0.35), (2.5, 0.9), (5, 0.9)),
        infrared=True,
        noise=5,
        gamma=1.3,
        crf=26,
    ),
    "cars": Scene(
        STREET,
        (1280, 720),
        4,
        actors=(
            Actor(
                "plates/openalpr_eu/test_027.jpg",
                ((0, -0.1, 0.72, 0.022), (3.5, 0.7, 0.66, 0.03), (4, 0.85, 0.65, 0.032)),
            ),
            Actor(
                "plates/openalpr_br/OKS0078.jpg",
                ((0.5, 0.6, 0.6, 0.015), (4, 0.4, 0.78, 0.09)),
            ),
        ),
    ),
    "lost_frames": Scene(
        GARAGE,
        (640, 360),
        4,
        rate=25,
        camera=((0, 0.5, 0.42, 1),),
        actors=(
            Actor(DENIM, ((0.2, 1.1, 0.34, 0.11), (3.8, -0.1, 0.34, 0.12))),
            Actor(GLASSES, ((0.6, -0.1, 0.36, 0.08), (4, 0.8, 0.36, 0.1))),
        ),
        lost=0.4,
    ),
    "crowd_zoom": Scene(
        _LOOSE("train_img_73"),
        (640, 360),
        4,
        rate=25,
        camera=((0, 0.5, 0.48, 0.95), (2, 0.55, 0.4, 0.45), (4, 0.4, 0.4, 0.5)),
        shake=2,
    ),
    "crowd_pan": Scene(
        _LOOSE("train_img_57"),
        (1920, 1080),
        2,
        rate=20,
        camera=((0, 0.45, 0.45, 0.8), (2, 0.6, 0.45, 0.8)),
        shake=2,
    ),
    "backlight": Scene(
        _LOOSE("train_img_72"),
        (960, 540),
        4,
        actors=(
            Actor(OLD, ((0, -0.05, 0.4, 0.14), (4, 0.7, 0.4, 0.18))),
            Actor(CROP, ((0.5, 1.05, 0.45, 0.2), (4, 0.3, 0.45, 0.2))),
        ),
        light=((0, 1), (1.5, 1), (2, 0.5), (4, 0.45)),
        gamma=1.8,
    ),
    "runner": Scene(
        GARAGE,
        (1280, 720),
        3,
        rate=10,
        camera=((0, 0.5, 0.42, 1),),
        actors=(
            Actor(BOY, ((0.3, -0.1, 0.33, 0.1), (1.5, 1.1, 0.33, 0.1)), 3.2),
            Actor(YOUTH, ((1.2, 1.1, 0.4, 0.16), (2.9, -0.1, 0.36, 0.13)), 3.2),
        ),
        blur=0.4,
    ),
    "hand_held": Scene(
        STREET,
        (1280, 720),
        4,
        camera=((0, 0.4, 0.5, 0.7), (4, 0.5, 0.52, 0.55)),
        actors=(
            Actor(STERN, ((0, 0.75, 0.5, 0.08), (4, 0.3, 0.52, 0.1))),
            Actor(WOMAN, ((0.6, 0.0, 0.5, 0.1), (4, 0.8, 0.5, 0.12))),
        ),
        shake=5,
        blur=0.4,
    ),
    "gateway": Scene(
        GARAGE,
        (640, 360),
        4,
        rate=25,
        camera=((0, 0.6, 0.6, 1.0), (4, 0.75, 0.66, 0.45)),
        shake=1.5,
    ),
    "evening_road": Scene(
        EVENING,
        (960, 540),
        3,
        rate=25,
        camera=((0, 0.6, 0.5, 0.8), (3, 0.4, 0.6, 0.55)),
        shake=3,
        blur=0.5,
        noise=3,
        crf=26,
    ),
}
