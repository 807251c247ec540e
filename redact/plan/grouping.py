"""Which tracks show one person, as the owner says: persons are joined, and split again.

The analysis numbers the persons. Where the owner joins two, all tracks of the later one get the
number of the earlier one and remember their own, so that the two can be told apart and split.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Sequence

from redact.types import Track


def joined_by_hand(tracks: Sequence[Track], ids: Collection[int], why: str) -> tuple[Track, ...]:
    """The tracks after the persons in those with these ids became one.

    why: what the first track of each person but the earliest says about that.
    """
    free = _free_numbers(tracks)
    persons = {track.person for track in tracks if track.id in ids} - {None}
    members = [track for track in tracks if track.id in ids or track.person in persons]
    # A track that nobody has grouped, such as one that was drawn, shows a person of its own.
    number_of = {t.id: next(free) if t.person is None else t.person for t in members}
    firsts: dict[int, int] = {}
    for track in sorted(members, key=_time):
        firsts.setdefault(number_of[track.id], track.id)
    number, *others = firsts
    if not others:
        return tuple(tracks)

    def joined(track: Track) -> Track:
        own = number_of[track.id]
        if own == number:
            return dataclasses.replace(track, person=number)
        return dataclasses.replace(
            track,
            person=number,
            joined=why if firsts[own] == track.id else track.joined,
            joined_from=own if track.joined_from is None else track.joined_from,
        )

    return tuple(joined(track) if track.id in number_of else track for track in tracks)


def split_by_hand(tracks: Sequence[Track], ids: Collection[int]) -> tuple[Track, ...]:
    """The tracks after those with these ids left their persons; those of one stay together."""
    free = _free_numbers(tracks)
    changed: dict[int, Track] = {}
    for person in dict.fromkeys(track.person for track in tracks if track.id in ids):
        members = sorted((track for track in tracks if track.person == person), key=_time)
        leaving = [track for track in members if track.id in ids]
        staying = [track for track in members if track.id not in ids]
        # A person that was joined gets its number back.
        own = leaving[0].joined_from
        is_whole = own is not None and all(track.joined_from != own for track in staying)
        number = own if is_whole else next(free)
        leaving = [dataclasses.replace(track, person=number) for track in leaving]
        for group in (leaving, staying):
            changed |= {track.id: track for track in _as_person(group)}
    return tuple(changed.get(track.id, track) for track in tracks)


def joined_with(track: Track, tracks: Sequence[Track]) -> list[Track]:
    """The tracks that came to the person together with this one, when it was joined by hand.

    tracks: all of the person. Returns nothing unless this one is the first of those that came.
    """
    together = [other for other in tracks if other.joined_from == track.joined_from]
    is_first = track.joined_from is not None and min(together, key=_time).id == track.id
    return together if is_first else []


def _as_person(group: Sequence[Track]) -> Iterator[Track]:
    """The tracks of a person, in order of time: the first of them was joined to nothing."""
    first = group[0]
    for track in group:
        if track.joined_from == first.joined_from:
            track = dataclasses.replace(track, joined_from=None)
        yield dataclasses.replace(track, joined="") if track.id == first.id else track


def _free_numbers(tracks: Sequence[Track]) -> Iterator[int]:
    used = itertools.chain.from_iterable((t.person or 0, t.joined_from or 0) for t in tracks)
    return itertools.count(max(used, default=0) + 1)


def _time(track: Track) -> tuple[int, int]:
    return track.start_index, track.id
