"""The plan: which tracks of a clip will be covered, as a value that can be saved and edited."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redact.errors import PlanError
from redact.output import write_text
from redact.plan_json import plan_from_dict, plan_to_dict
from redact.settings import Settings
from redact.source_files import reason
from redact.types import ClipInfo, Track


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What will be covered, before anything is written. `redact.analyze` makes one."""

    clip: ClipInfo
    settings: Settings
    tracks: tuple[Track, ...]
    allowed: frozenset[int] = frozenset()
    """The ids of tracks that stay visible."""

    def allow(self, track_ids: Iterable[int]) -> Plan:
        """Return a plan that leaves these tracks visible, because the people in them agreed.

        Raises:
            PlanError: the plan has no track with such an id.

        """
        ids = frozenset(track_ids)
        known = {track.id for track in self.tracks}
        if missing := sorted(ids - known):
            raise PlanError(f"no track {missing} in this plan; it has {sorted(known)}")
        return dataclasses.replace(self, allowed=self.allowed | ids)

    @property
    def covered_tracks(self) -> tuple[Track, ...]:
        """The tracks that are not allowed to stay visible."""
        return tuple(track for track in self.tracks if track.id not in self.allowed)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, to be reviewed, edited and loaded again.

        Raises:
            TargetError: the file can't be written; an older file there is unchanged.

        """
        write_text(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan that `save` wrote.

        Raises:
            PlanError: the file can't be read, or `from_dict` refuses what it holds.

        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        # ValueError covers text that is not JSON or not UTF-8, and numbers of too many digits.
        except (OSError, ValueError, RecursionError) as err:
            name = os.fspath(path)
            raise PlanError(f"can't read a plan from {name!r}: {reason(err)}") from err
        try:
            return cls.from_dict(data)
        except PlanError as err:
            raise PlanError(f"{err} (in {os.fspath(path)!r})") from err

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values. Boxes are rounded to 0.01 pixels."""
        return plan_to_dict(self.clip, self.settings, self.tracks, self.allowed)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Make a plan from what `to_dict` gave, perhaps edited.

        Raises:
            PlanError: a field is missing or has a value that can't be used; the message names both.

        """
        clip, settings, tracks, allowed = plan_from_dict(data)
        return cls(clip=clip, settings=settings, tracks=tracks).allow(allowed)
