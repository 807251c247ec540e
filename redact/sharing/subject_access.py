"""A copy for a person who asks for their own data: who stays visible, and the covering note."""

from __future__ import annotations

from redact.errors import SettingsError
from redact.plan import Plan
from redact.report import Report, summary, words
from redact.sharing.purposes import Purpose, Request
from redact.types import format_time


def keep_all_of_person(plan: Plan) -> Plan:
    """The plan with all tracks of whoever it keeps, and a reason where the owner gave none.

    Whoever asks for their own data gets all of it.
    """
    ids = plan.same_persons(plan.kept) - plan.dropped
    told = {
        number for d in plan.decisions if d.action == "keep" and d.reason for number in d.tracks
    }
    return plan.keep(ids - told, reason="asked for a copy of their own data")


def check_kept(purpose: Purpose, plan: Plan) -> None:
    """Refuse a subject access copy that doesn't show exactly one person.

    Raises:
        SettingsError: nobody or more than one person stays visible.

    """
    if purpose != "subject-access":
        return
    kept = summary.counts(track for track in plan.tracks if track.id in plan.kept)
    people = kept.get("person", 0) + kept.get("face", 0)
    if people != 1:
        who = words.in_words(kept) or "nobody"
        raise SettingsError(
            f"in a copy for subject access one person stays visible, and here it is {who}: name "
            "the tracks of that person with --keep; redact analyze lists all tracks"
        )


def covering_note(report: Report, request: Request) -> str:
    """The text that goes with a copy for subject access, ready to be changed and sent."""
    plan, clip = report.plan, report.plan.clip
    kept = [track for track in plan.tracks if track.id in plan.kept]
    spans = [
        f"{clip.time_label(t.start_index)} to {clip.time_label(t.stop_index - 1)}" for t in kept
    ]
    others = words.in_words(summary.covered_counts(plan)) or "nobody else"
    removed = (
        ", ".join(removal.name.lower() for removal in words.removals(report.plan)) or "nothing"
    )
    heading = {
        "To": request.who,
        "Reference": request.case,
        "Request of": request.received,
        "Answer due": request.due,
    }
    lines = [f"{name}: {value}" for name, value in heading.items() if value]
    asked = f"the time {request.window}" if request.window else "footage of yourself"
    lines += [
        "",
        f"You asked for {asked}. With this note comes the clip {report.output.name}, "
        f"{format_time(summary.clip_seconds(clip))} long.",
        "",
        f"You are shown in it from {', and from '.join(spans)}." if spans else "",
        f"Covered, because it is not about you: {others}.",
        f"The sound: {words.sound_in_words(report.plan)}.",
        f"Removed from the file: {removed}.",
        f"A program searched the clip afterwards: {words.audit_in_words(report)}"
        + ("" if report.leaks or not report.audited_frames else f", {words.PROVES_NOTHING}")
        + ".",
        "",
        "The clip is de-identified, not anonymous: people who know somebody may recognise clothes "
        "or a gait. If you recognise anybody else, please don't pass it on, and tell me.",
        "",
        "The original is kept unchanged.",
        f"SHA-256 of the original: {clip.sha256}",
        f"SHA-256 of this clip:    {report.output_sha256}",
    ]
    return "\n".join(lines) + "\n"
