"""What the owner of a clip decided about it, as values that a plan holds in their order.

A decision never deletes anything: what was kept, dropped or covered by hand follows from reading
the decisions from first to last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

from redact.zones import Zone

Action = Literal["keep", "drop", "withdraw", "cover", "ignore", "uncover", "join", "split"]
"""What was decided; see `Decision.action`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decision:
    """What the owner of a clip decided about some tracks or a zone, with who and why."""

    action: Action
    """"keep": the tracks stay visible. "drop": they are false, nobody is there. "withdraw": neither
    holds any more. "cover": this zone, or these tracks, are covered by hand. "ignore": nothing in
    this zone is a face or plate. "uncover": the zone or the tracks are taken back. "join": the
    tracks show one person. "split": they show somebody else than the others of their person. Of
    these two it is `Track.person` that holds; the decision tells who said so, and why."""
    tracks: tuple[int, ...] = ()
    """The ids of the tracks that the decision is about, ascending."""
    zone: Zone | None = None
    """The zone that the decision is about."""
    reason: str = ""
    """Why, in the owner's words."""
    by: str = ""
    """Who decided, in the owner's words."""


def tracks_with(action: Action, decisions: Iterable[Decision]) -> frozenset[int]:
    """The ids of the tracks about which this holds: "keep", "drop" or "cover"."""
    ends = "uncover" if action == "cover" else "withdraw"
    ids: set[int] = set()
    for decision in decisions:
        if decision.action == action:
            ids |= set(decision.tracks)
        elif decision.action == ends:
            ids -= set(decision.tracks)
    return frozenset(ids)


def zones_after(zones: Iterable[Zone], decisions: Iterable[Decision]) -> tuple[Zone, ...]:
    """These zones and those that decisions added, without those that were taken back."""
    by_name = {zone.name: zone for zone in zones}
    for decision in decisions:
        if decision.zone is not None:
            if decision.action == "uncover":
                by_name.pop(decision.zone.name, None)
            else:
                by_name[decision.zone.name] = decision.zone
    return tuple(by_name.values())
