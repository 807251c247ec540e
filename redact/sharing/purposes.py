"""Why a clip is shared: presets, and what has to be known about a request.

A preset decides nothing about what is covered. It asks for what has to be known, and says what is
recorded, so that an answer to a request can be told from a post a year later.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime
from typing import Literal

from redact.errors import SettingsError
from redact.settings import Settings

Purpose = Literal["post", "request", "subject-access", "legal-demand", "moments"]
"""What a clip is shared for; see `PRESETS`."""
Answer = Literal["accepted", "declined", "ignored"]
"""What becomes of a request. Only an accepted one has a result."""
Role = Literal["agency", "neighbour", "other"]
"""Who asks: police and other authorities, somebody who lives nearby, or anybody else."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """What sharing for one purpose asks for."""

    line: str
    """A line for lists."""
    paragraph: str
    """What it does, for whom it is, and what is recorded."""
    needs: tuple[str, ...] = ()
    """The fields of `Request` that must be filled in."""
    is_recorded: bool = True
    """Whether the ledger gets an entry, even if nobody names a ledger."""


PRESETS: dict[Purpose, Preset] = {
    "post": Preset(
        line="a post for everybody: all are covered, no sound, no metadata",
        paragraph="For a post to neighbours or to everybody. Every face and plate is covered, the "
        "sound and the metadata are left out. This is what happens without a purpose. Nothing is "
        "recorded unless a ledger is named.",
        is_recorded=False,
    ),
    "request": Preset(
        line="somebody asks for footage; accepted, declined or ignored",
        paragraph="For an agency or a neighbour who asks for footage. Who asked, for which time, "
        "and why is recorded in the ledger, whether the request is accepted, declined or ignored. "
        "Only an accepted one has a result: everybody in it is covered, so that whoever asked sees "
        "what happened but not who walked by. To show somebody, keep that person.",
        needs=("who", "why"),
    ),
    "subject-access": Preset(
        line="a copy for a person who asks for their own data",
        paragraph="For a person who asks for footage of themself, as the GDPR and laws like it "
        "allow. That one person stays visible, and everybody else is covered, because it is not "
        "their data. The answer is due one month after the request came, unless another date is "
        "given. A covering note is written beside the result: a text to send along. The ledger "
        "gets an entry.",
        needs=("who",),
    ),
    "legal-demand": Preset(
        line="a court or an authority demands the original",
        paragraph="For a warrant, a subpoena or a preservation order. The original is evidence: it "
        "stays untouched, and its hash, its size and its seal (C2PA) are recorded in the ledger. A "
        "sealed copy can be written to hand over: the same bytes, compared by hash, with the hash "
        "in a file beside it, and read-only. A redacted copy is written besides, for all other "
        "uses. Whether a demand is valid is a question for a lawyer.",
        needs=("who", "case"),
    ),
    "moments": Preset(
        line="a short part of a clip, otherwise as a post",
        paragraph="For a fox, a prank or a sunset: a part of a clip between two times. Otherwise "
        "it is like a post: every face and plate is covered, sound and metadata are left out, and "
        "nothing before or after the part is in the result.",
        is_recorded=False,
    ),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Who asked for a clip, and for what, in the owner's words. The ledger keeps what is filled in.

    Raises:
        SettingsError: a date is due before it was received, or a field has a value that can't be
            used.

    """

    who: str = ""
    """Who asked."""
    role: Role | None = None
    """Who that is."""
    case: str = ""
    """A case or reference number."""
    window: str = ""
    """The time that was asked for, such as "2026-11-30, 18:00 to 18:30"."""
    why: str = ""
    """What it is wanted for."""
    received: datetime.date | None = None
    """When the request came."""
    due: datetime.date | None = None
    """When the answer is due."""

    def __post_init__(self) -> None:
        if self.role not in (None, "agency", "neighbour", "other"):
            raise SettingsError(f"role must be agency, neighbour or other, not {self.role!r}")
        if self.received and self.due and self.due < self.received:
            raise SettingsError(f"the answer is due on {self.due}, before {self.received}")

    def details(self) -> dict[str, str]:
        """What is filled in, for the ledger."""
        values = {name: getattr(self, name) for name in (f.name for f in dataclasses.fields(self))}
        return {name: str(value) for name, value in values.items() if value}


def completed(request: Request, purpose: Purpose) -> Request:
    """The request with the dates that follow from its purpose.

    The answer to a subject access request is due one month after it came: GDPR, article 12 (3).
    """
    if purpose != "subject-access":
        return request
    received = request.received or datetime.date.today()
    return dataclasses.replace(
        request, received=received, due=request.due or _a_month_after(received)
    )


def check_complete(purpose: Purpose, request: Request, settings: Settings) -> None:
    """Refuse to share for a purpose without what has to be known.

    Raises:
        SettingsError: a field of the request that the purpose needs is empty, or `moments` is not
            trimmed.

    """
    if missing := [name for name in PRESETS[purpose].needs if not getattr(request, name)]:
        needed = " and ".join(f"--{name}" for name in missing)
        raise SettingsError(f"a {purpose} needs {needed}, which the ledger keeps")
    if purpose == "moments" and settings.start_seconds == 0 and settings.stop_seconds is None:
        raise SettingsError(
            "moments is for a part of a clip: say where it begins and ends with --from and --to"
        )


def _a_month_after(day: datetime.date) -> datetime.date:
    """The same day of the next month, or that month's last day."""
    year, month = day.year + day.month // 12, day.month % 12 + 1
    return day.replace(
        year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1])
    )
