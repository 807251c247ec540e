"""What a report says in sentences: the verdict, the audit, what was removed and what remains."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from redact.inspection.topics import is_structure, topic_of
from redact.report import summary
from redact.types import counted, format_time

if TYPE_CHECKING:
    from redact.plan import Plan
    from redact.report.record import Report

PROVES_NOTHING = "which proves nothing"
"""What always goes with the news that the audit found nothing."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """One sentence on what came out, and whether a person has to look before sharing."""

    sentence: str
    state: Literal["done", "look", "plan"]
    """"plan" is that of a plan that was not carried out yet."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Removal:
    """Things of one sort that the source carries and the result doesn't."""

    name: str
    meaning: str
    items: tuple[str, ...]
    """What they are called in the file."""


def verdict_of(report: Report) -> Verdict:
    """Judge what was found, covered, kept and left in doubt."""
    plan = report.plan
    noun = "image" if plan.clip.is_still else "clip"
    what = _what_of(plan, "covered")
    if report.leaks:
        places = counted(len(report.leak_descriptions), "place")
        them = "it" if len(report.leak_descriptions) == 1 else "them"
        looking = (
            f"the audit is in doubt about {places}: look at {them} before you share the {noun}"
        )
        return Verdict(sentence=_sentence(what, looking), state="look")
    if not report.audited_frames:
        looking = f"nothing was audited: look at the whole {noun} before you share it"
        return Verdict(sentence=_sentence(what, looking), state="look")
    if not what:
        return Verdict(
            sentence=f"No face and no plate was found in {_length_of(plan)}, {PROVES_NOTHING}, "
            "and nothing is covered.",
            state="done",
        )
    found = f"the audit found nothing more, {PROVES_NOTHING}"
    return Verdict(sentence=_sentence(what, found), state="done")


def forecast_of(plan: Plan) -> Verdict:
    """Say what a plan would cover, and that nothing has happened yet."""
    what = _what_of(plan, "to be covered") or (
        f"no face and no plate was found in {_length_of(plan)}, {PROVES_NOTHING}"
    )
    return Verdict(sentence=_sentence(what, "nothing is covered or audited yet"), state="plan")


def _what_of(plan: Plan, covered_word: str) -> str:
    """How much is covered and for how long, and how much stays visible; empty for nothing."""
    covered = summary.covered_counts(plan)
    what = f"{in_words(covered)} {covered_word}" if covered else ""
    if plan.covered_tracks and not plan.clip.is_still:
        what += f", for {format_time(summary.covered_seconds(plan))} of {_length_of(plan)}"
    if plan.kept:
        kept = summary.counts(t for t in plan.tracks if t.id in plan.kept)
        what = ", and ".join(filter(None, (what, f"{in_words(kept)} left visible")))
    return what


def _length_of(plan: Plan) -> str:
    return "the image" if plan.clip.is_still else format_time(summary.clip_seconds(plan.clip))


_STATE_WORDS: dict[summary.State, str] = {
    "covered": "covered",
    "kept": "left visible",
    "dropped": "not covered: no face or plate",
    "ignored": "not covered: in a zone to ignore",
    "uncovered": "not covered: taken back",
}


def state_in_words(state: summary.State) -> str:
    """What becomes of a track, for people."""
    return _STATE_WORDS[state]


def _sentence(*parts: str) -> str:
    text = "; ".join(filter(None, parts))
    return f"{text[0].upper()}{text[1:]}."


def audit_in_words(report: Report) -> str:
    """What the audit found, and how much of the clip that statement is about."""
    if not report.audited_frames:
        return "nothing was audited"
    size = f" at {report.min_face_pixels} px and more" if report.min_face_pixels else ""
    extent = f"{report.audited_frames} of {report.frame_count} frames looked at"
    if not report.leaks:
        return f"nothing found{size} in {extent}"
    places = counted(len(report.leak_descriptions), "doubtful place")
    return f"{places}{size} in {extent}"


def audit_planned(plan: Plan) -> str:
    """Whether the result of a plan will be audited."""
    if plan.settings.audit:
        return (
            "not yet: the result is searched for faces and plates that still show once it is made"
        )
    return "none: the settings of the plan say that the result is not audited"


def search_in_words(plan: Plan) -> str:
    """How small a face may be for the analysis; empty where that is not known."""
    pixels = plan.min_face_pixels
    if not pixels:
        return ""
    share = pixels / plan.clip.upright_size[1]
    return f"faces under {pixels} px ({share:.1%} of the picture's height) were not looked for"


def in_words(count_of: Mapping[str, int]) -> str:
    """Numbers of things by kind: "2 faces and 1 plate"."""
    items = [counted(count, kind) for kind, count in count_of.items()]
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def removals(plan: Plan) -> list[Removal]:
    """What is removed, by sort, with what it would have told."""
    found: dict[str, list[str]] = {name: [] for name in _MEANINGS}
    for item in summary.removed_of(plan):
        sort, text = _sorted(item)
        found[sort].append(text)
    return [
        Removal(name=name, meaning=_MEANINGS[name], items=tuple(items))
        for name, items in found.items()
        if items
    ]


def sound_in_words(plan: Plan) -> str:
    """What becomes of the sound."""
    if not plan.clip.has_audio:
        return "the source has none"
    if plan.settings.audio == "drop":
        return "left out"
    spans = plan.settings.audio_spans
    heard = (f"{format_time(max(0, a))} to {format_time(b)}" for a, b in spans if b > 0)
    return f"kept from {', '.join(heard)}; silent elsewhere" if spans else "kept"


def remaining(plan: Plan) -> list[str]:
    """What a result still tells about people, whatever was covered."""
    lines = [
        "Clothes, build, gait and company, by which people who know somebody recognise them.",
        "The place, the light, and burned-in text such as the time or the camera's name.",
    ]
    if plan.settings.audio == "keep" and plan.clip.has_audio:
        lines.insert(0, "The sound: voices are as good as faces, and words can hold names.")
    return lines


# In the order in which a page lists them.
_MEANINGS = {
    "Sound": "Voices would tell who speaks, and words can hold names and addresses.",
    "Places": "They tell where the clip was recorded, often to a few metres.",
    "Times": "They tell when it was recorded, to the second.",
    "Devices": "Makes, serial numbers and software lead to the camera and its owner.",
    "Further pictures": "Cover images and second streams show the scene without any cover.",
    "Captions and text": "Subtitles and captions can hold what was said, or what a camera noted.",
    "Chapters": "Their titles are words that somebody gave.",
    "Seal (C2PA)": "It proves that the original is as the camera made it. A changed copy can't "
    "carry it: keep the original.",
    "Further metadata": "Titles, comments and other notes about the clip.",
    "Further data": "Data streams and private parts of the file, which no player shows; they can "
    "hold anything.",
    "Labels of the file format": "They describe how the file is built and what program wrote it.",
}


def _sorted(item: str) -> tuple[str, str]:
    """Which of `_MEANINGS` something belongs to, and its name, from `ClipInfo.dropped`."""
    if match := re.match(r"metadata(?: of (stream \d+))?: (.*)", item, re.DOTALL):
        where, key = match.groups()
        name = f"{key} ({where})" if where else key
        if is_structure(key):
            return "Labels of the file format", name
        topics = {"location": "Places", "time": "Times", "device": "Devices"}
        return topics.get(topic_of(key), "Further metadata"), name
    starts = {
        "audio": "Sound",
        "video stream": "Further pictures",
        "cover image": "Further pictures",
        "subtitle": "Captions and text",
        "in the frames: captions": "Captions and text",
        "in the frames: time codes": "Times",
        "chapters": "Chapters",
        "C2PA": "Seal (C2PA)",
    }
    sort = next((sort for start, sort in starts.items() if item.startswith(start)), "Further data")
    return sort, item
