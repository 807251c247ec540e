"""The constants of motion that were tuned, with their units and with what chose them.

"Benchmarks leaks" is `python -m benchmarks leaks`: scenes and clips in which every face and plate
is known, so that what stays visible and what is covered for nothing can be counted. "Benchmarks
pipeline" is `python -m benchmarks pipeline`, which measures CPU time.

Frames are compared at a small size; a "small pixel" is a pixel of that size. A "step" is one grey
level of 0..255.

Numbers whose change by 30 % moves no figure of `benchmarks sensitivity` stand beside their rule.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class MotionTuning:
    """What counts as moving or changed, and when the whole frame does."""

    # What moves (`moving.py`).

    long_side_pixels: int = 320
    """Frames are shrunk to this longer side, so that noise is averaged out. Chosen by eye."""

    whole_frame_ratio: float = 0.3
    """If more of the frame differs from the background than this, the camera moves or the light
    changed, unless it is shown otherwise. Chosen by eye."""

    shift_check_ratio: float = 0.075
    """If more of the frame differs than this, it is checked whether the camera moved. By eye."""

    max_parts_ratio: float = 0.5
    """If the moving parts fill more of the frame than this, scanning them is no saving and the
    frame is crowded. Chosen by eye."""

    person_min_aspect: float = 1.15
    """A part this much higher than wide shows one person, or two, however near: scans of the part
    see them well, and the frame is not crowded. Without this a single near person fills half of a
    square frame, which counted as crowded in 60 % of scans (benchmarks pipeline)."""

    max_beside_person_ratio: float = 0.1
    """No more of the frame than this may move besides that person. Chosen by eye."""

    unsettled_seconds: float = 1.0
    """For so long after the camera moved everything still counts as moving. Chosen by eye."""

    min_blob_pixels: int = 10
    """Moving blobs of fewer small pixels are noise. Chosen by eye."""

    part_side_margin: float = 0.15
    """A moving part is wider than its blob by this share of the blob at either side. By eye."""

    part_top_margin: float = 0.2
    """It is higher by this share of the blob at the top, since heads stick out of what moves.
    Chosen by eye."""

    part_bottom_margin: float = 0.1
    """It is higher by this share of the blob at the bottom. Chosen by eye."""

    # The background (`background.py`).

    min_difference_steps: float = 7.0
    """A pixel differs from the background if it is off by at least this. Chosen by eye."""

    min_difference_deviations: float = 4.5
    """And by at least so many of its usual deviations. Chosen by eye."""

    first_deviation_steps: float = 3.0
    """The deviation of a pixel before any has been learned. Chosen by eye."""

    learn_seconds: float = 4.0
    """In this time the background takes over most of a change. Chosen by eye."""

    learn_moving_seconds: float = 30.0
    """The same where something moves. Chosen by eye."""

    max_learned_steps: float = 12.0
    """A larger difference doesn't change the mean and the deviation any more than this. By eye."""

    recent_seconds: float = 0.8
    """What looked the same for so long is no part of somebody who walks. Chosen by eye."""

    ghost_max_outline: float = 0.6
    """The outline of a ghost is in the background and not in the frame: its gradient there is
    weaker than this share of the background's. Chosen by eye. Finding ghosts brought the moving
    parts of a clip with one person from 1.71 to 0.96 a frame and from 35 to 20 % of its area
    (benchmarks pipeline)."""

    # Jumps: more happens between two frames than their times say (`jumps.py`). Chosen on real
    # clips, `benchmarks leaks --real` plain and with `--way lapse8`.

    jump_long_side_pixels: int = 160
    """Frames are shrunk to this longer side to tell jumps."""

    jump_fine_pixels: float = 2.0
    """Structure finer than a Gaussian of this standard deviation, in small pixels, is left out."""

    jump_coarse_pixels: float = 8.0
    """And structure coarser than this one."""

    jump_steps: float = 6.0
    """A pixel has changed if it differs by more than this."""

    jump_min_ratio: float = 0.7
    """At a jump a frame differs from the last one by more than this share of how much it differs
    from any of the frames before. In the median clip and made scene 3 % of the frames are jumps,
    and with only every eighth frame left 50 %. With 0.6, or with the fine structure, most frames of
    a camera that pans are."""

    jump_kept_frames: int = 8
    """So many frames are compared with."""

    jump_kept_every_seconds: float = 0.08
    """They are this far apart at least, unless there was a jump."""

    jump_recent_frames: int = 8
    """Among so many frames ..."""

    jump_min_recent: int = 3
    """... so many jumps are a series, and fewer are none. With 2 or 1, fewer frames of time lapses
    leak (2 instead of 4 of 149 face-frames at every eighth frame), but of plain clips, in which
    somebody begins to move or the camera begins to zoom, up to 24 of 616 in one scene."""

    jump_seconds: float = 0.25
    """To the audit, which scans a frame now and then, a jump takes at least so long. Chosen by
    eye. Tracks take the times of the frames as they are: with this time added, 18 of 3,155
    face-frames leaked in clips with moving cameras, where at most every tenth frame jumps."""

    # Changes since the last scan (`changes.py`).

    changes_long_side_pixels: int = 480
    """Frames are compared at this longer side. A block of 4 pixels is then 16 pixels of a full HD
    frame, as large as the smallest faces that are detected."""

    changes_structure_pixels: float = 6.0
    """Brightness is compared with that of the surroundings, a Gaussian of this standard deviation
    in small pixels: 24 pixels of a full HD frame."""

    min_changed_steps: float = 3.0
    """A block has changed if its mean difference is larger than this. With 2, and brightness as it
    is, nine in ten scans of three real clips saw the whole frame, because of shadows and of what
    compression does to walls."""

    min_changed_noise_ratio: float = 2.0
    """And larger than that of the median block, which shows the noise, by this factor. By eye."""

    max_changed_steps: float = 6.0
    """If even the resulting limit is larger than this, the light changed everywhere. By eye."""

    changed_margin_blocks: int = 3
    """So many blocks around a change are scanned too, since detectors expect surroundings.
    Chosen by eye."""

    max_changed_area_ratio: float = 0.7
    """If the changed parts fill more of the frame than this, scanning them is no saving. By eye."""


TUNING = MotionTuning()
