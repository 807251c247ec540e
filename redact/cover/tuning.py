"""The constants of covering that were tuned, with their units and with what chose them.

"Benchmarks leaks" is `python -m benchmarks leaks`, which counts faces left visible and area covered
for nothing in scenes where everything is known. "Benchmarks privacy" is `python -m benchmarks
privacy`, which measures how often people are recognised under a cover.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindTuning:
    """How a detected kind of thing is covered."""

    shape: str
    """"ellipse" also covers the outline around the box; "rectangle" covers the box alone."""

    min_aspect_ratio: float = 0.0
    """Narrower boxes are widened to this width relative to their height."""

    chin_ratio: float = 0.0
    """How far the box is extended downward, relative to its height."""

    pattern_cells: tuple[int, int] | None = None
    """Rows and columns of random cells in the cover; None takes those of the style."""

    contrast_ratio: float = 1.0
    """How much of the style's contrast the cells have."""

    warm_chroma: tuple[float, float] | None = None
    """U and V of the cover above grey, at middle brightness and in colourful surroundings; None
    takes the colour of the surroundings."""


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

    min_edge_pixels: float = 2.0
    """A cover fades out over at least this many pixels. Chosen by eye."""

    measure_every_frames: int = 30
    """How often the tone around a track is measured again. Chosen by eye."""

    ease_ratio: float = 0.0625
    """The share of what the tone lacks to the measured one that it moves in each frame, so that a
    change of light takes about a second. Chosen by eye."""

    min_tone_step: float = 0.5
    """A tone that lies this close to the measured one stays as it is. Half a step doesn't show."""

    max_held_tracks: int = 512
    """How many tracks keep their pattern and tone. The one that was painted longest ago is
    forgotten first. Bounds memory in long clips; far more than are ever in view."""

    # The tone of a cover (`tone.py`).

    min_luma: float = 32.0
    """No cover is darker. Chosen by eye."""

    max_luma: float = 200.0
    """No cover is brighter. Chosen by eye."""

    full_chroma_distance: float = 6.0
    """In surroundings this far from grey, a face's cover has all of its warm colour; in greyer
    ones it has a share of it, so that covers in a grey picture are grey. Chosen by eye."""

    ring_ratio: float = 2.4
    """Width and height of the ring around a box from which its tone is taken, relative to the box.
    The ring has to lie outside the cover's own faded edge. Chosen by eye."""

    patch_inset_pixels: float = 2.0
    """Left and above, patches of that ring are cut by this much. Chosen by eye."""


TUNING = CoverTuning()

KINDS = {
    # A face seen from the side is cut off before the ear by detectors, hence the minimum width,
    # which includes the hair at the temples. Masks and chins are cut short, too: tight labels of
    # masked faces reach below the detected box by 10 % of its height in the median and by 23 % in
    # one case of ten, while its top has 16 % to spare.
    "face": KindTuning(
        shape="ellipse", min_aspect_ratio=0.9, chin_ratio=0.1, warm_chroma=(-6.0, 5.0)
    ),
    # With two cells at most, nothing in the cover of a plate looks like a character.
    "plate": KindTuning(shape="rectangle", pattern_cells=(1, 2), contrast_ratio=0.4),
}
OTHER_KIND = KindTuning(shape="rectangle")
