"""Which tracks show one person, told by continuity and by clothes, never by a face.

A track ends when a face can't be followed any more, such as when somebody bends down, and another
one begins when it is seen again. Two tracks are joined if the second begins soon after the first
ended, where that one was going to, with nobody else around, away from the frame's edge, and in the
same clothes. Where any of it is in doubt they stay apart.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from redact.analysis.clothes import Look, Looks, difference
from redact.analysis.tuning import PERSONS
from redact.geometry import centers_of, iou_matrix, sizes_of
from redact.tracking.tracklet import end_velocity
from redact.types import Track

# A look belongs to the track whose box overlaps that of its face by more than this.
_MIN_OWN_IOU = 0.4
# A face goes on at its last velocity for this long at most: then it has turned or stopped.
_MAX_PREDICTION_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class _Face:
    """A track of a face, as far as it was detected."""

    number: int
    """Its place among all tracks."""
    indices: NDArray[np.intp]
    """(N,) the frames in which it was detected."""
    seconds: NDArray[np.float64]
    """(N,) their times."""
    boxes: NDArray[np.float64]
    """(N, 4) its boxes there."""
    looks: list[Look]
    """What its person wore, in order of frames."""


def group_persons(
    tracks: Sequence[Track],
    seconds: NDArray[np.float64],
    seen: Looks,
    jump_indices: Collection[int] = (),
) -> tuple[Track, ...]:
    """The tracks, with `person` and `joined` filled in for faces; numbers count from 1.

    Args:
        tracks: in order of first frame.
        seconds: (N,) presentation time of each frame.
        seen: in the clip's frames, in whose pixels the tracks are.
        jump_indices: frames before which more happened than their times say; nothing is joined
            over one, because somebody else may have come.

    """
    breaks = [*seen.cuts, *jump_indices]
    faces = _faces_of(tracks, seconds, seen.looks)
    pairs = [
        (a, b)
        for a, b in itertools.permutations(faces, 2)
        if _continues(a, b, breaks, seen.frame_size) and _are_alone(a, b, tracks, seconds)
    ]
    # Whoever has two possible continuations has none that is certain.
    firsts, lasts = ([pair[side].number for pair in pairs] for side in (0, 1))
    joins: dict[int, tuple[int, str]] = {}
    for a, b in pairs:
        is_only = firsts.count(a.number) == 1 and lasts.count(b.number) == 1
        if is_only and _wear_the_same(a, b):
            gap = b.seconds[0] - a.seconds[-1]
            joins[b.number] = a.number, f"{gap:.1f} s apart, same clothes"
    return _numbered(tracks, joins)


def _numbered(tracks: Sequence[Track], joins: dict[int, tuple[int, str]]) -> tuple[Track, ...]:
    """The tracks with persons; `joins` has the earlier track, and why, of each that is joined."""
    persons: dict[int, int] = {}
    faces = [number for number, track in enumerate(tracks) if track.kind == "face"]
    for number in faces:
        first = number
        while first in joins:
            first = joins[first][0]
        persons[number] = persons.setdefault(first, len(set(persons.values())) + 1)
    return tuple(
        dataclasses.replace(track, person=persons.get(number), joined=joins.get(number, (0, ""))[1])
        for number, track in enumerate(tracks)
    )


def _faces_of(
    tracks: Sequence[Track], seconds: NDArray[np.float64], looks: Sequence[Look]
) -> list[_Face]:
    faces = []
    for number, track in enumerate(tracks):
        at = np.flatnonzero(np.isfinite(track.scores))
        if track.kind == "face" and len(at):
            indices = at + track.start_index
            boxes = track.boxes[at].astype(np.float64)
            faces.append(_Face(number, indices, seconds[indices], boxes, []))
    starts, stops = (
        np.array([getattr(tracks[face.number], name) for face in faces])
        for name in ("start_index", "stop_index")
    )
    for look in looks:
        there = np.flatnonzero((starts <= look.index) & (look.index < stops))
        places = [tracks[faces[i].number].box_at(look.index) for i in there]
        overlap = iou_matrix(look.box, np.asarray(places))[0]
        if len(there) and overlap.max() > _MIN_OWN_IOU:
            faces[there[int(np.argmax(overlap))]].looks.append(look)
    return faces


def _continues(a: _Face, b: _Face, breaks: Sequence[int], frame_size: tuple[int, int]) -> bool:
    """Whether `b` begins soon after `a` ended, where `a` was going to, with no break between."""
    gap = float(b.seconds[0] - a.seconds[-1])
    if not 0 < gap <= PERSONS.max_gap_seconds:
        return False
    if any(a.indices[-1] < index <= b.indices[0] for index in breaks):
        return False
    if _is_at_edge(a.boxes[-1], frame_size) or _is_at_edge(b.boxes[0], frame_size):
        return False
    sizes = float(sizes_of(a.boxes[-1])), float(sizes_of(b.boxes[0]))
    elapsed = min(gap, _MAX_PREDICTION_SECONDS)
    # Both have to agree on the way: somebody else may come from where the first one goes.
    ahead = centers_of(a.boxes[-1]) + elapsed * end_velocity(a.boxes, a.seconds, -1)
    behind = centers_of(b.boxes[0]) - elapsed * end_velocity(b.boxes, b.seconds, 0)
    gate = PERSONS.gate_sizes + PERSONS.gate_growth_sizes_per_second * gap
    offsets = (ahead - centers_of(b.boxes[0]), behind - centers_of(a.boxes[-1]))
    return max(sizes) < PERSONS.max_size_ratio * min(sizes) and all(
        float(np.linalg.norm(offset)) < gate * max(sizes) for offset in offsets
    )


def _is_at_edge(box: NDArray[np.float64], frame_size: tuple[int, int]) -> bool:
    near = PERSONS.edge_sizes * float(sizes_of(box))
    center, size = centers_of(box), np.asarray(frame_size)
    return bool((center < near).any() or (center > size - near).any())


def _are_alone(a: _Face, b: _Face, tracks: Sequence[Track], seconds: NDArray[np.float64]) -> bool:
    """Whether no third face is near the place between the two tracks, filled-in boxes included."""
    start = int(np.searchsorted(seconds, a.seconds[-1] - PERSONS.alone_seconds))
    stop = int(np.searchsorted(seconds, b.seconds[0] + PERSONS.alone_seconds, side="right"))
    places = np.stack([centers_of(a.boxes[-1]), centers_of(b.boxes[0])])
    reach = PERSONS.alone_sizes * float(max(sizes_of(a.boxes[-1]), sizes_of(b.boxes[0])))
    for number, other in enumerate(tracks):
        if other.kind != "face" or number in (a.number, b.number):
            continue
        first = max(0, start - other.start_index)
        near = other.boxes[first : max(0, stop - other.start_index)].astype(np.float64)
        if len(near):
            away = np.linalg.norm(centers_of(near)[:, None] - places, axis=2)
            if away.min() < reach:
                return False
    return True


def _wear_the_same(a: _Face, b: _Face) -> bool:
    """Whether the clothes before and after the gap differ no more than those within the tracks."""
    until, since = a.seconds[-1], b.seconds[0]
    span, count = PERSONS.look_span_seconds, PERSONS.look_count
    before = [look.colours for look in a.looks if until - look.seconds <= span][-count:]
    after = [look.colours for look in b.looks if look.seconds - since <= span][:count]
    if min(len(before), len(after)) < PERSONS.look_min_count:
        return False
    between = _median_difference(itertools.product(before, after))
    within = max(_median_difference(itertools.combinations(side, 2)) for side in (before, after))
    limit = max(PERSONS.steady_difference, PERSONS.variation_ratio * within)
    return between <= min(limit, PERSONS.max_difference)


def _median_difference(pairs: Iterable[tuple[NDArray[np.float64], ...]]) -> float:
    return float(np.median([difference(one, other) for one, other in pairs]))
