"""The plan: which tracks and zones of a clip will be covered, as a value to decide on and save."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from redact.errors import PlanError, SettingsError
from redact.output import write_text
from redact.plan.areas import Area, is_detected_in, zone_of
from redact.plan.decisions import Action, Decision, tracks_with, zones_after
from redact.plan.grouping import joined_by_hand, split_by_hand
from redact.plan.json import as_text, plan_from_dict, plan_to_dict
from redact.settings import Settings
from redact.source_files import as_path
from redact.source_files import reason as reason_of
from redact.types import ClipInfo, Track
from redact.zones import Zone


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What will be covered, before anything is written. `redact.analyze` makes one.

    A plan never changes: each method that decides something returns another plan, so that going
    back is using the older one. Nothing is deleted from a plan either. Tracks that are not covered
    stay in it, and so the audit knows that they may show.
    """

    clip: ClipInfo
    settings: Settings
    tracks: tuple[Track, ...]
    """Everything that was detected, and what was covered by hand."""
    decisions: tuple[Decision, ...] = ()
    """What the owner decided, in order; the last word about a track or zone holds."""
    min_face_pixels: int = 0
    """Faces lower than this, in pixels of the upright frame, were not looked for in whole frames; 0
    when that is not known, or when no faces were looked for."""

    def keep(self, track_ids: Iterable[int] | int, *, reason: str = "", by: str = "") -> Plan:
        """Leave these tracks visible, because the people in them agreed.

        Args:
            track_ids: of tracks of the plan.
            reason: why they may show, in the owner's words. It stays in the plan and its report.
            by: who decided that.

        Raises:
            PlanError: the plan has no such track, or it was dropped.

        """
        ids = self._known(track_ids)
        if both := sorted(ids & self.dropped):
            raise PlanError(f"can't keep the tracks {both}, they were dropped; withdraw that first")
        return self._decided("keep", ids, reason, by)

    def allow(self, track_ids: Iterable[int]) -> Plan:
        """Do what `keep` does, under its older name.

        Raises:
            PlanError: as for `keep`.

        """
        return self.keep(track_ids)

    def drop(self, track_ids: Iterable[int] | int, *, reason: str = "", by: str = "") -> Plan:
        """Cover these tracks no more, because they are false: no face or plate is there.

        Args:
            track_ids: of tracks of the plan.
            reason: why, in the owner's words.
            by: who decided that.

        Raises:
            PlanError: the plan has no such track, or it was kept.

        """
        ids = self._known(track_ids)
        if both := sorted(ids & self.kept):
            raise PlanError(f"can't drop the tracks {both}, they were kept; withdraw that first")
        return self._decided("drop", ids, reason, by)

    def withdraw(self, track_ids: Iterable[int] | int, *, reason: str = "", by: str = "") -> Plan:
        """Take back `keep` or `drop`: the tracks are covered again.

        Raises:
            PlanError: the plan has no such track, or it was neither kept nor dropped.

        """
        ids = self._known(track_ids)
        if others := sorted(ids - self.kept - self.dropped):
            raise PlanError(f"the tracks {others} were neither kept nor dropped")
        return self._decided("withdraw", ids, reason, by)

    def cover(
        self,
        area: Area | Track,
        *,
        start: float | None = None,
        stop: float | None = None,
        frames: range | None = None,
        name: str = "",
        reason: str = "",
        by: str = "",
    ) -> Plan:
        """Cover something that was missed.

        What moves is covered by a track: `plan.cover(redact.follow(plan, box, at=2.5))`.

        Args:
            area: four numbers are a box, x0 y0 x1 y1 in pixels of the upright picture. Three or
                more pairs are the points of a polygon, in 0..1 of the picture's width and height.
                Or a `Zone`, or a `Track`, which gets an id of its own.
            start: from when on, in seconds; None is the start of the clip.
            stop: until just before when, in seconds; None is the end of the clip.
            frames: the frames instead of seconds, such as range(30, 90).
            name: what to call the zone; "zone 1" and so on when empty.
            reason: why, in the owner's words.
            by: who decided that.

        Raises:
            PlanError: the area lies outside the picture, the polygon crosses itself, the time is
                not in the clip, or the name is taken.

        """
        if isinstance(area, Track):
            return self._with_track(area, reason=reason, by=by)
        zone = zone_of(area, self.clip, start=start, stop=stop, frames=frames)
        zone = self._named(dataclasses.replace(zone, rule="cover"), name)
        return self._with(Decision(action="cover", zone=zone, reason=reason, by=by))

    def ignore(
        self,
        area: Area,
        *,
        start: float | None = None,
        stop: float | None = None,
        frames: range | None = None,
        name: str = "",
        reason: str = "",
        by: str = "",
    ) -> Plan:
        """Say that nothing in an area is a face or plate, because it is a poster or a statue.

        Tracks that were detected nowhere else are covered no more, and the audit doesn't count
        what it detects there. The arguments are those of `cover`.

        Raises:
            PlanError: as for `cover`.

        """
        zone = zone_of(area, self.clip, start=start, stop=stop, frames=frames)
        zone = self._named(dataclasses.replace(zone, rule="ignore"), name)
        return self._with(Decision(action="ignore", zone=zone, reason=reason, by=by))

    def uncover(
        self, what: Iterable[str | int] | str | int, *, reason: str = "", by: str = ""
    ) -> Plan:
        """Take back zones, given by their names, or tracks covered by hand, given by their ids.

        Raises:
            PlanError: there is no such zone, or no such track was covered by hand.

        """
        items = [what] if isinstance(what, (str, int)) else list(what)
        names = [item for item in items if isinstance(item, str)]
        by_name = {zone.name: zone for zone in self.zones}
        if missing := sorted(set(names) - by_name.keys()):
            raise PlanError(f"no zone {missing} in this plan; it has {sorted(by_name)}")
        plan = self
        for name in dict.fromkeys(names):
            zone = by_name[name]
            plan = plan._with(Decision(action="uncover", zone=zone, reason=reason, by=by))
        if ids := frozenset(item for item in items if not isinstance(item, str)):
            ids, by_hand = self._known(ids), tracks_with("cover", self.decisions)
            if others := sorted(ids - by_hand):
                raise PlanError(
                    f"the tracks {others} were not covered by hand, {sorted(by_hand)} were; keep "
                    "or drop what the analysis detected"
                )
            plan = plan._decided("uncover", ids, reason, by)
        return plan

    def join(self, track_ids: Iterable[int] | int, *, reason: str = "", by: str = "") -> Plan:
        """Say that the persons whom these tracks show are one person.

        What is kept or covered stays as it is: to keep the person, keep all of their tracks, see
        `same_persons`.

        Args:
            track_ids: of faces, one of each person at least.
            reason: why, in the owner's words.
            by: who decided that.

        Raises:
            PlanError: the plan has no such track, one of them is no face, or they show one person
                already.

        """
        ids = self._known(track_ids)
        chosen = [track for track in self.tracks if track.id in ids]
        if others := [f"{t.id} ({t.kind})" for t in chosen if t.kind != "face"]:
            raise PlanError(f"only faces can be joined to a person, not the tracks {others}")
        tracks = joined_by_hand(self.tracks, ids, ", ".join(filter(None, ("by hand", by, reason))))
        if tracks == self.tracks:
            raise PlanError(
                f"the tracks {sorted(ids)} show one person already; name tracks of two persons"
            )
        plan = dataclasses.replace(self, tracks=tracks)
        return plan._decided("join", plan.same_persons(ids), reason, by)

    def split(self, track_ids: Iterable[int] | int, *, reason: str = "", by: str = "") -> Plan:
        """Say that these tracks show somebody else than the others of their person.

        They stay together, as another person. Those that were kept are covered again, because that
        person was not asked.

        Args:
            track_ids: of tracks of the plan.
            reason: why, in the owner's words.
            by: who decided that.

        Raises:
            PlanError: the plan has no such track, or no other track shows the same person.

        """
        ids = self._known(track_ids)
        if alone := sorted(i for i in ids if self.same_persons(i) <= ids):
            raise PlanError(
                f"the tracks {alone} can't be split from their person, who is in no other track"
            )
        plan = dataclasses.replace(self, tracks=split_by_hand(self.tracks, ids))
        plan = plan._decided("split", ids, reason, by)
        return plan._decided("withdraw", ids & self.kept, "shows another person", by)

    def same_persons(self, track_ids: Iterable[int] | int) -> frozenset[int]:
        """The ids of these tracks and of all others that show the same persons.

        To keep a person, keep all of them: `plan.keep(plan.same_persons(4))`.

        Raises:
            PlanError: the plan has no such track.

        """
        ids = self._known(track_ids)
        persons = {track.person for track in self.tracks if track.id in ids} - {None}
        return ids | {track.id for track in self.tracks if track.person in persons}

    @property
    def kept(self) -> frozenset[int]:
        """The ids of tracks that stay visible, because the people in them agreed."""
        return tracks_with("keep", self.decisions)

    @property
    def allowed(self) -> frozenset[int]:
        """The older name of `kept`."""
        return self.kept

    @property
    def dropped(self) -> frozenset[int]:
        """The ids of tracks that are false."""
        return tracks_with("drop", self.decisions)

    @property
    def covered_by_hand(self) -> frozenset[int]:
        """The ids of tracks that `cover` added and `uncover` did not take back."""
        return tracks_with("cover", self.decisions)

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones of the settings and of the decisions, each with a name of its own."""
        return zones_after(self.settings.zones, self.decisions)

    @property
    def ignored(self) -> frozenset[int]:
        """The ids of tracks that were detected nowhere but in zones to ignore."""
        zones = [zone for zone in self.zones if zone.rule == "ignore"]
        if not zones:
            return frozenset()
        by_hand = self.covered_by_hand
        return frozenset(
            track.id
            for track in self.tracks
            if track.id not in by_hand and is_detected_in(zones, track, self.clip)
        )

    @property
    def known_tracks(self) -> tuple[Track, ...]:
        """All tracks but those that were covered by hand and taken back."""
        once_by_hand = {i for d in self.decisions if d.action == "cover" for i in d.tracks}
        taken_back = once_by_hand - self.covered_by_hand
        return tuple(track for track in self.tracks if track.id not in taken_back)

    @property
    def covered_tracks(self) -> tuple[Track, ...]:
        """The tracks that will be covered."""
        visible = self.kept | self.dropped | self.ignored
        return tuple(track for track in self.known_tracks if track.id not in visible)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan as JSON, to be reviewed, edited and loaded again.

        Nothing is lost: the loaded plan gives the same result. The path of the clip is told
        relative to the file, so that both can move together.

        Raises:
            TargetError: the file can't be written; an older file there is unchanged.

        """
        path = as_path(path, "path")
        write_text(path, as_text(self._to_dict(path.parent)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read a plan that `save` wrote.

        Raises:
            PlanError: the file can't be read, or `from_dict` refuses what it holds.

        """
        path = as_path(path, "path")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        # ValueError covers text that is not JSON or not UTF-8, and numbers of too many digits.
        except (OSError, ValueError, RecursionError) as err:
            raise PlanError(f"can't read a plan from {str(path)!r}: {reason_of(err)}") from err
        try:
            return cls._from_dict(data, path.parent)
        except PlanError as err:
            raise PlanError(f"{err} (in {str(path)!r})") from err

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON values; nothing is lost."""
        return self._to_dict()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Make a plan from what `to_dict` gave, perhaps edited.

        Raises:
            PlanError: a field is missing or has a value that can't be used; the message names both.

        """
        return cls._from_dict(data)

    @classmethod
    def _from_dict(cls, data: object, folder: Path | None = None) -> Plan:
        clip, settings, tracks, decisions, min_face_pixels = plan_from_dict(data, folder)
        return cls(
            clip=clip,
            settings=settings,
            tracks=tracks,
            decisions=decisions,
            min_face_pixels=min_face_pixels,
        )

    def _to_dict(self, folder: Path | None = None) -> dict[str, Any]:
        return plan_to_dict(
            self.clip, self.settings, self.tracks, self.decisions, folder, self.min_face_pixels
        )

    def _with(self, decision: Decision) -> Plan:
        return dataclasses.replace(self, decisions=(*self.decisions, decision))

    def _decided(self, action: Action, ids: Iterable[int], reason: str, by: str) -> Plan:
        """The plan with a decision about these tracks, if there are any."""
        tracks = tuple(sorted(ids))
        if not tracks:
            return self
        return self._with(Decision(action=action, tracks=tracks, reason=reason, by=by))

    def _with_track(self, track: Track, *, reason: str, by: str) -> Plan:
        """Cover a track by hand, under an id that no other track has."""
        if not 0 <= track.start_index < track.stop_index <= len(self.clip.pts):
            raise PlanError(
                f"the track lies in the frames {track.start_index} to {track.stop_index - 1}, but "
                f"the clip has the frames 0 to {len(self.clip.pts) - 1}"
            )
        track = dataclasses.replace(track, id=max((t.id for t in self.tracks), default=0) + 1)
        decision = Decision(action="cover", tracks=(track.id,), reason=reason, by=by)
        plan = dataclasses.replace(self, tracks=(*self.tracks, track))
        return plan._with(decision)

    def _known(self, track_ids: Iterable[int] | int) -> frozenset[int]:
        """The ids, if the plan has tracks with all of them."""
        ids = frozenset(track_ids if isinstance(track_ids, Iterable) else [track_ids])
        known = {track.id for track in self.tracks}
        if missing := sorted(ids - known):
            raise PlanError(f"no track {missing} in this plan; it has {sorted(known)}")
        return ids

    def _named(self, zone: Zone, name: str) -> Zone:
        """The zone under a name that no other one has."""
        name, taken = name or zone.name, {zone.name for zone in self.zones}
        if name in taken:
            raise PlanError(f"the plan has a zone {name!r} already; give another name")
        used = taken | {d.zone.name for d in self.decisions if d.zone is not None}
        free = (f"zone {number}" for number in itertools.count(1))
        try:
            name = name or next(candidate for candidate in free if candidate not in used)
            return dataclasses.replace(zone, name=name)
        except SettingsError as err:
            raise PlanError(str(err)) from err
