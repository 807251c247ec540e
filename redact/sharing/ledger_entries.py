"""What the ledger gets for a request: what was decided, and what was given out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from redact import video
from redact.ledger import Entry, Ledger
from redact.plan import Plan
from redact.report import Report
from redact.sharing.purposes import PRESETS, Answer, Purpose, Request
from redact.video.hidden_data import find_seals


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
