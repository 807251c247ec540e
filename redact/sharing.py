"""Sharing a clip for a purpose: the record in the ledger, covering notes, and sealed copies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

from redact import video
from redact.errors import SettingsError, TargetError
from redact.ledger import Entry, Ledger
from redact.output import staged, write_text
from redact.plan import Plan
from redact.purposes import PRESETS, Answer, Purpose, Request
from redact.report import Report, summary, words
from redact.types import format_time
from redact.video.hidden_data import find_seals


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


def record(
    ledger: Ledger,
    purpose: Purpose,
    request: Request,
    answer: Answer = "accepted",
    *,
    source: Path,
    report: Report | None = None,
    result: Path | None = None,
    sealed_copy_sha256: str = "",
) -> Entry:
    """Add to the ledger what was decided and, for an accepted request, what was given out.

    Args:
        ledger: gets the entry.
        purpose: of sharing.
        request: what is filled in is kept.
        answer: what became of the request.
        source: the original, whose hash, size and seal are kept, but not its name.
        report: of the result, if there is one.
        result: where the result lies, if not at `Report.output`.
        sealed_copy_sha256: what `write_sealed_copy` returned, if there is a sealed copy.

    Raises:
        ClipError: the source can't be read.
        LedgerError: the ledger can't be written.

    """
    facts: dict[str, str | int] = {
        "source_sha256": report.plan.clip.sha256 if report else video.file_sha256(source),
        "source_bytes": source.stat().st_size,
    }
    if seals := find_seals(source):
        facts["source_seal_bytes"] = sum(seal.size for seal in seals)
    if sealed_copy_sha256:
        facts["sealed_copy_sha256"] = sealed_copy_sha256
    if report is not None:
        facts |= {
            "plan_sha256": plan_sha256(report.plan),
            "result_sha256": report.output_sha256,
            "result_bytes": (result or report.output).stat().st_size,
        }
    event = "shared" if not PRESETS[purpose].is_recorded else answer
    return ledger.append(f"{purpose} {event}", details=request.details(), facts=facts)


def plan_sha256(plan: Plan) -> str:
    """The SHA-256 of a plan's JSON, apart from the place of the clip."""
    values = plan.to_dict()
    values["clip"] = {name: value for name, value in values["clip"].items() if name != "path"}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def covering_note(report: Report, request: Request) -> str:
    """The text that goes with a copy for subject access, ready to be changed and sent."""
    plan, clip = report.plan, report.plan.clip
    kept = [track for track in plan.tracks if track.id in plan.kept]
    spans = [
        f"{clip.time_label(t.start_index)} to {clip.time_label(t.stop_index - 1)}" for t in kept
    ]
    others = words.in_words(summary.covered_counts(plan)) or "nobody else"
    removed = ", ".join(removal.name.lower() for removal in words.removals(report)) or "nothing"
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
        f"The sound: {words.sound_in_words(report)}.",
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


def write_sealed_copy(source: Path, target: Path) -> str:
    """Copy the original byte for byte, and return the copy's SHA-256.

    The copy is read again and compared, made read-only, and gets a file with its hash beside it,
    which `sha256sum --check` reads. A seal in the file (C2PA) stays as it is.

    Raises:
        ClipError: the source can't be read.
        TargetError: the copy can't be written, or differs from the source.

    """
    expected = video.file_sha256(source)
    hash_file = target.with_name(f"{target.name}.sha256")
    with staged(target) as unfinished:
        shutil.copyfile(source, unfinished)
        if (actual := video.file_sha256(unfinished)) != expected:
            raise TargetError(
                f"{str(target)!r} has the SHA-256 {actual}, not {expected}; try again"
            )
        write_text(hash_file, f"{expected}  {target.name}\n")
    for path in (target, hash_file):
        with contextlib.suppress(OSError):
            path.chmod(0o444)
    return expected
