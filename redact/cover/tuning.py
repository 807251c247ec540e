"""The constants of covering that were tuned, with their units and with what chose them.

"Benchmarks leaks" is `python -m benchmarks leaks`, which counts faces left visible and area covered
for nothing in scenes where everything is known. "Benchmarks privacy" is `python -m benchmarks
privacy`, which measures how often people are recognised under a cover.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindTuning:
    """How a detected kind of thing is covered; what chose the values stands beside them."""

    shape: str
    """"ellipse" covers the ellipse in a region's box, "rectangle" all of the box."""

    detection_margin_ratio: float
    """How far a cover reaches beyond the box of a single detection on each side, relative to the
    side. Tracks tell how far it has to reach, see `tracking/cover_margins.py`."""

    pattern_cells: tuple[int, int] | None = None
    """Rows and columns of random cells in the cover; None takes those of the style."""

    contrast_ratio: float = 1.0
    """How much of the style's contrast the cells have, 0..1."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CoverTuning:
    """How large covers are, and which tones they have.

    Lengths that end in `_ratio` are relative to the shorter side of the region, unless the name
    of what they apply to is given. Tones are Y, U and V, 0..255.
    """

    # The pattern and the edge of a cover (`painter.py`).

    solid_tone: tuple[float, float, float] = (96.0, 128.0, 128.0)
    """The tone of the style "solid", and of covers that leave nothing visible around them. Chosen
    by eye."""

    gaussian_cells: int = 16
    """The style "gaussian" blurs a grid of at least this many cells across. Chosen by eye."""

    edge_ratio: float = 0.045
    """The width over which a cover fades out. Chosen on benchmarks leaks: over-covered area fell
    from 2.58 to 2.20 % against 0.09, with 2 face-frames leaked instead of 1; 0.03 leaked 3."""

    min_edge_pixels: float = 1.0
    """A cover fades out over at least this many pixels. Chosen by eye; two made the covers of small
    faces a third larger."""

    zone_fade_pixels: float = 1.5
    """How far the cover of a zone fades out beyond the pixels that the zone touches. Chosen by eye:
    slanted edges look straight."""

    zone_reach_pixels: float = 3.0
    """How far the box around the cover of a zone reaches beyond the zone. In chroma planes, the
    fade ends 2.9 luma pixels from it."""

    measure_every_frames: int = 6
    """How often the tones around a track are measured again. Chosen by eye."""

    ease_ratio: float = 0.0625
    """The share of what the tones lack to the measured ones that they move in each frame, so that a
    change of light takes about a second. Chosen by eye."""

    max_tone_step: float = 1.5
    """Tones move by at most so many grey steps in a frame, which no eye sees as a flash. By eye."""

    min_tone_step: float = 0.5
    """Tones that lie this close to the measured ones stay as they are. Chosen by eye: half a step
    doesn't show."""

    max_held_tracks: int = 512
    """How many tracks keep their pattern and tone. The one that was painted longest ago is
    forgotten first. Bounds memory in long clips. Chosen by eye: far more than are ever in view."""

    # The tone of a cover (`tone.py`).

    min_luma: float = 24.0
    """No cover is darker. Chosen by eye."""

    max_luma: float = 228.0
    """No cover is brighter. Chosen by eye."""

    max_luma_spread: float = 48.0
    max_chroma_spread: float = 16.0
    """Tones around a box that differ by more from their median count as differing by this much, so
    that a lamp or a sign beside a face doesn't shine into its cover. Chosen by eye."""

    ring_ratio: float = 2.0
    """Width and height of the ring around a box from which its tones are taken, relative to the
    box. The ring has to lie outside the cover's own faded edge. Chosen by eye."""

    patch_inset_pixels: float = 2.0
    """Left and above, patches of that ring are cut by this much. Chosen by eye."""


TUNING = CoverTuning()

KINDS = {
    # On labelled stills 0.3 covers 90 % of the faces by at least 80 %, with covers of 2.0 times the
    # face's box; 0.2 covers 81 % of them with 1.5 times. From 0.21 on the ellipse holds the corners
    # of the box, so that nothing beside a flat cover tells who it is.
    "face": KindTuning(shape="ellipse", detection_margin_ratio=0.3),
    # With two cells at most, nothing in the cover of a plate looks like a character. By eye.
    "plate": KindTuning(
        shape="rectangle", detection_margin_ratio=0.12, pattern_cells=(1, 2), contrast_ratio=0.4
    ),
}
# No benchmark has other kinds.
OTHER_KIND = KindTuning(shape="rectangle", detection_margin_ratio=0.22)
