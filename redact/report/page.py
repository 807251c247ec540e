"""A report as one HTML file: what `page.html` is filled with."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from redact.plan import Plan
from redact.report import summary, words
from redact.report.pictures import Pictures, take_pictures, take_planned_pictures
from redact.report.record import Report
from redact.report.spans import Span, spans_of
from redact.types import ClipInfo, Track, counted, format_time
from redact.zones import Zone

# Distances between two labels of the time axis, in seconds.
_TICK_SECONDS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_MAX_TICKS = 6
# Shorter stretches without a detection are not told apart in the time line.
_MIN_FILLED_SECONDS = 0.5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fact:
    """A figure and what it is about."""

    value: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bar:
    """A part of a row of the time line, in percent of the clip's length."""

    left: float
    width: float
    state: str
    """What becomes of the track; "filled" where it is covered, but was not detected for a while."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One track: bars of the time line, and a card."""

    id: int
    kind: str
    name: str
    person: str
    """Whom it shows, if tracks were grouped: those of one person have the same text."""
    state: summary.State
    state_words: str
    when: str
    seconds: str
    note: str
    """How well it was detected; of a track that the owner decided about, why and who."""
    bars: tuple[Bar, ...]
    picture: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A row of the time line: all tracks of a person, or one track."""

    name: str
    kind: str
    rows: tuple[Row, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZoneRow:
    """One zone: a row of the time line."""

    name: str
    rule: str
    when: str
    bar: Bar


@dataclasses.dataclass(frozen=True, kw_only=True)
class Doubt:
    """A place where the audit is in doubt."""

    when: str
    text: str
    picture: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A whole frame."""

    when: str
    alt: str
    picture: str


def page_of(report: Report, result: Path) -> str:
    """The whole page, with the pictures inside.

    result: where the output lies.

    Raises:
        ClipError: the output isn't there to take pictures from.

    """
    plan = report.plan
    spans = spans_of(report.leaks, plan.clip)
    pictures = take_pictures(plan, report.leaks, spans, result)
    return _filled(
        plan,
        pictures,
        report=report,
        verdict=words.verdict_of(report),
        audit=words.audit_in_words(report),
        covered_word="covered",
        facts=[
            *_facts(plan, "covered"),
            Fact(value=f"{report.covered_ratio:.1%}", name="of all pixels covered"),
        ],
        doubts=[_doubt(plan.clip, n, span, pictures) for n, span in enumerate(spans)],
    )


def page_of_plan(plan: Plan) -> str:
    """The page of what a plan would cover, before anything is covered.

    Its pictures come from the source, and everything that the plan covers or leaves visible is
    covered in them.

    Raises:
        ClipError: the source can't be read.

    """
    return _filled(
        plan,
        take_planned_pictures(plan),
        report=None,
        verdict=words.forecast_of(plan),
        audit=words.audit_planned(plan),
        covered_word="to be covered",
        facts=list(_facts(plan, "to be covered")),
        doubts=[],
    )


def _filled(plan: Plan, pictures: Pictures, covered_word: str, **others: Any) -> str:
    """The page, filled with what follows from the plan, and with these other values."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    states = summary.states_of(plan)
    rows = [_row(plan, track, states[track.id], pictures) for track in plan.tracks]
    zones = [_zone_row(plan.clip, zone) for zone in plan.zones]
    count, seconds = len(plan.clip.pts), summary.clip_seconds(plan.clip)
    return environment.get_template("page.html").render(
        clip=plan.clip,
        settings=plan.settings,
        search=words.search_in_words(plan),
        lines=_lines(rows),
        part=summary.part_of(plan),
        sound=words.sound_in_words(plan),
        covered=[row for row in rows if row.state == "covered"],
        kept=[row for row in rows if row.state == "kept"],
        taken_out=[row for row in rows if row.state not in ("covered", "kept")],
        zones=zones,
        legend=list(_legend(rows, zones, covered_word)),
        ticks=list(_ticks(seconds)),
        sheet=list(_sheet(plan.clip, pictures)),
        removals=words.removals(plan),
        remaining=words.remaining(plan),
        length="one image" if plan.clip.is_still else f"{count} frames, {format_time(seconds)}",
        **others,
    )


def _facts(plan: Plan, covered_word: str) -> Iterator[Fact]:
    covered = summary.covered_counts(plan)
    first = "face" if all(track.person is None for track in plan.tracks) else "person"
    covered = {first: covered.get(first, 0), "plate": covered.get("plate", 0), **covered}
    for kind, count in covered.items():
        noun = counted(count, kind).partition(" ")[2]
        yield Fact(value=str(count), name=f"{noun} {covered_word}")
    for kind, count in summary.counts(t for t in plan.tracks if t.id in plan.kept).items():
        yield Fact(value=str(count), name=f"{counted(count, kind).partition(' ')[2]} visible")
    if not plan.clip.is_still:
        seconds = summary.covered_seconds(plan)
        length = format_time(summary.clip_seconds(plan.clip))
        yield Fact(value=format_time(seconds), name=f"of {length} with a cover")


def _row(plan: Plan, track: Track, state: summary.State, pictures: Pictures) -> Row:
    clip = plan.clip
    times = [clip.time_label(index) for index in (track.start_index, track.stop_index - 1)]
    filled = int(np.isnan(track.scores).sum())
    count = counted(len(track.boxes), "frame")
    note = "" if clip.is_still else f"{count}, {filled} of them filled in"
    if track.joined:
        note += f"; joined: {track.joined}"
    if decision := summary.last_decision(plan, track.id):
        by = f"decided by {decision.by}" if decision.by else ""
        note = ", ".join(filter(None, (decision.reason, by)))
    return Row(
        id=track.id,
        kind=track.kind,
        name=f"{track.kind} {track.id}",
        person="" if track.person is None else f"person {track.person}",
        state=state,
        state_words=words.state_in_words(state),
        when="" if clip.is_still else " to ".join(dict.fromkeys(times)),
        seconds=f"{summary.seconds_of(clip, [track]):.1f} s",
        note=note,
        bars=tuple(_bars(clip, track, state)),
        picture=pictures.of_tracks.get(track.id, ""),
    )


def _lines(rows: Sequence[Row]) -> list[Line]:
    """The rows of the time line, in the order of their first tracks."""
    rows_of: dict[str, list[Row]] = {}
    for row in rows:
        rows_of.setdefault(row.person or row.name, []).append(row)
    return [
        Line(name=name, kind=group[0].kind, rows=tuple(group)) for name, group in rows_of.items()
    ]


def _legend(
    rows: Sequence[Row], zones: Sequence[ZoneRow], covered_word: str
) -> Iterator[tuple[str, str]]:
    """(class, words) of each sort of bar that the time line has."""
    states = {(bar.state, row.kind == "plate") for row in rows for bar in row.bars}
    states |= {(zone.bar.state, False) for zone in zones if zone.bar.state != "covered"}
    if ("covered", False) in states:
        yield "", f"face {covered_word}"
    if ("covered", True) in states:
        yield "p", f"plate {covered_word}"
    if any(state == "filled" for state, _ in states):
        yield "filled", f"{covered_word}, but not detected for a while"
    if any(zone.bar.state == "covered" for zone in zones):
        yield "z", f"zone {covered_word}"
    if any(state not in ("covered", "filled") for state, _ in states):
        yield "kept", "not covered"


def _zone_row(clip: ClipInfo, zone: Zone) -> ZoneRow:
    length = summary.clip_seconds(clip)
    start, stop = min(zone.start_seconds, length), min(zone.stop_seconds or length, length)
    is_always = start <= 0 and stop >= length
    return ZoneRow(
        name=zone.name,
        rule=zone.rule,
        when="all the time" if is_always else f"{format_time(start)} to {format_time(stop)}",
        bar=Bar(
            left=round(100 * start / length, 3),
            width=round(100 * (stop - start) / length, 3),
            state="covered" if zone.rule == "cover" else "ignored",
        ),
    )


def _bars(clip: ClipInfo, track: Track, state: summary.State) -> Iterator[Bar]:
    """The track as bars, those where it was not detected for a while apart."""
    shown = summary.frame_seconds(clip)
    starts = np.append(clip.seconds, summary.clip_seconds(clip))
    is_filled = np.isnan(track.scores)
    edges = [0, *(np.flatnonzero(np.diff(is_filled)) + 1).tolist(), len(is_filled)]
    parts: list[tuple[int, int, str]] = []
    for first, stop in itertools.pairwise(edges):
        start = track.start_index
        is_long = shown[start + first : start + stop].sum() >= _MIN_FILLED_SECONDS
        part_state: str = "filled" if is_filled[first] and is_long and state == "covered" else state
        if parts and parts[-1][2] == part_state:
            parts[-1] = (parts[-1][0], stop, part_state)
        else:
            parts.append((first, stop, part_state))
    for first, stop, part_state in parts:
        left, right = starts[track.start_index + first], starts[track.start_index + stop]
        yield Bar(
            left=round(100 * left / starts[-1], 3),
            width=round(100 * (right - left) / starts[-1], 3),
            state=part_state,
        )


def _doubt(clip: ClipInfo, number: int, span: Span, pictures: Pictures) -> Doubt:
    return Doubt(
        when=clip.time_label(span.best.frame_index),
        text=span.described(clip),
        picture=pictures.of_spans.get(number, ""),
    )


def _sheet(clip: ClipInfo, pictures: Pictures) -> Iterator[Thumbnail]:
    for picture in pictures.sheet:
        when = "" if clip.is_still else clip.time_label(picture.frame_index)
        what = words.in_words(picture.covered) or "nothing"
        yield Thumbnail(
            when=when,
            alt=f"{f'The frame at {when}' if when else 'The image'}, {what} covered in it",
            picture=picture.jpeg,
        )


def _ticks(seconds: float) -> Iterator[tuple[float, str]]:
    """(percent, label) of the labels of the time axis."""
    step = next((s for s in _TICK_SECONDS if seconds / s <= _MAX_TICKS), _TICK_SECONDS[-1])
    for number in range(int(seconds / step) + 1):
        label = format_time(number * step)
        yield round(100 * number * step / seconds, 3), label.removesuffix(".0")
