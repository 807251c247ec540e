"""The options of `redact --for PURPOSE`, and what is recorded and written for a purpose."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import textwrap
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact.cli.ledger_command import add_ledger_option
from redact.errors import LedgerError, SettingsError
from redact.ledger import Entry, Ledger
from redact.output import write_text
from redact.settings import Settings
from redact.sharing.purposes import (
    PRESETS,
    Answer,
    Purpose,
    Request,
    Role,
    check_complete,
    completed,
)

if TYPE_CHECKING:
    from redact.plan import Plan
    from redact.report import Report

DEFAULT_PURPOSE: Purpose = "post"
_REQUEST_HELP = {
    "who": "who asked, for the ledger",
    "case": "a case or reference number",
    "window": "the time that was asked for",
    "why": "what the clip is wanted for",
}


def purpose_in(argv: Sequence[str]) -> Purpose:
    """What --for says; the default where it says nothing that is known."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--for", dest="purpose", default=DEFAULT_PURPOSE)
    with contextlib.suppress(argparse.ArgumentError):
        found = parser.parse_known_args(list(argv))[0].purpose
        return typing.cast(Purpose, found) if found in PRESETS else DEFAULT_PURPOSE
    return DEFAULT_PURPOSE


def add_sharing_options(parser: argparse.ArgumentParser, purpose: Purpose) -> None:
    """Add --for and --ledger, and the options that this purpose has."""
    add = parser.add_argument
    preset = PRESETS[purpose]
    names = ", ".join(PRESETS)
    add("--for", dest="purpose", choices=PRESETS, default=purpose, metavar="WHAT", help=names)
    if not preset.is_recorded:
        add("--ledger", metavar="FILE", help=argparse.SUPPRESS)
        return
    for name, text in _REQUEST_HELP.items():
        needed = " (needed)" if name in preset.needs else ""
        add(f"--{name}", default="", metavar="TEXT", help=text + needed)
    if purpose == "request":
        roles = typing.get_args(Role)
        add("--role", choices=roles, metavar="ROLE", help=f"who that is: {', '.join(roles)}")
    answers = typing.get_args(Answer)
    text = f"{', '.join(answers)} ({answers[0]}, which alone gives a clip)"
    add("--answer", choices=answers, default=answers[0], metavar="WHAT", help=text)
    if purpose == "subject-access":
        add("--received", type=_date, metavar="DATE", help="when the request came (today)")
        add("--due", type=_date, metavar="DATE", help="when the answer is due (a month later)")
        add("--note", metavar="FILE", help="the covering note (RESULT.note.txt)")
    if purpose == "legal-demand":
        add("--sealed-copy", metavar="FILE", help="copy the original as it is, with its hash")
    add_ledger_option(parser)


def describe_purpose(parser: argparse.ArgumentParser, purpose: Purpose) -> None:
    """Let the help tell of this purpose only; all other options still work."""
    parser.description = textwrap.fill(PRESETS[purpose].paragraph, 78)
    parser.epilog = _EXAMPLES[purpose]
    parser.usage = f"redact --for {purpose} [options] CLIP"
    for action in parser._actions:
        if action.dest not in _SHOWN:
            action.help = argparse.SUPPRESS


# Destinations of the options that the help of a purpose shows.
_SHOWN = (
    *("help", "output", "report", "keep", "start_seconds", "stop_seconds", "purpose"),
    *("who", "case", "window", "why", "role", "answer", "received", "due", "note"),
    *("sealed_copy", "ledger"),
)
_EXAMPLES: dict[Purpose, str] = {
    "post": "example:\n  redact porch.mp4",
    "request": """\
examples:
  redact porch.mp4 --for request --who "Sgt. Lee" --role agency --case 26-114 \\
      --window "Nov 30, 18:00 to 18:30" --why "stolen parcel" --report safe.html
  redact porch.mp4 --for request --who Sam --why "a scratch" --answer declined""",
    "subject-access": """\
example (redact analyze porch.mp4 lists the tracks):
  redact porch.mp4 --for subject-access --who "A. Jones" --keep 2 -o jones.mp4""",
    "legal-demand": """\
example:
  redact porch.mp4 --for legal-demand --who "District Court" --case 7-331 \\
      --sealed-copy evidence/porch.mp4""",
    "moments": "example:\n  redact porch.mp4 --for moments --from 0:12 --to 0:20 -o fox.mp4",
}


class Sharing:
    """What a command does for the purpose that its arguments name.

    Args:
        arguments: of a parser with `add_sharing_options`.
        settings: of the job.

    Raises:
        SettingsError: something is missing that the purpose needs.

    """

    def __init__(self, arguments: argparse.Namespace, settings: Settings) -> None:
        self.purpose: Purpose = arguments.purpose
        self.answer: Answer = getattr(arguments, "answer", "accepted")
        fields = [field.name for field in dataclasses.fields(Request)]
        given = {name: getattr(arguments, name, None) for name in fields}
        request = Request(**{name: value for name, value in given.items() if value})
        self.request = completed(request, self.purpose)
        self._ledger = Ledger(arguments.ledger) if arguments.ledger else None
        self._note, self._sealed_copy = (
            Path(value) if (value := getattr(arguments, name, None)) else None
            for name in ("note", "sealed_copy")
        )
        self._entry: Entry | None = None
        check_complete(self.purpose, self.request, settings)
        names = ("output", "report", "json", "note", "sealed_copy")
        files = [name for name in names if getattr(arguments, name, None)]
        if self.answer != "accepted" and files:
            raise SettingsError(
                f"nothing is written when a request is {self.answer}, so leave out "
                + " and ".join(f"--{name.replace('_', '-')}" for name in files)
            )

    @property
    def is_accepted(self) -> bool:
        """Whether there will be a result."""
        return self.answer == "accepted"

    def refuse(self, source: Path) -> Entry:
        """Record that there is no result."""
        from redact.sharing.ledger_entries import record

        assert self._ledger is not None
        return record(self._ledger, self.purpose, self.request, self.answer, source=source)

    def check_plan(self, plan: Plan) -> Plan:
        """Return the plan if it keeps what the purpose allows; with all tracks of a person.

        Raises:
            SettingsError: as `redact.sharing.subject_access.check_kept`.

        """
        from redact.sharing.subject_access import check_kept, keep_all_of_person

        if self.purpose == "subject-access":
            plan = keep_all_of_person(plan)
        check_kept(self.purpose, plan)
        return plan

    def pages(self, target: Path) -> dict[str, Path]:
        """What is written besides the result, by name."""
        if self.purpose != "subject-access":
            return {}
        return {"note": self._note or target.with_suffix(".note.txt")}

    @property
    def copies(self) -> list[Path]:
        """Where copies of the original are written, and their hashes."""
        copy = self._sealed_copy
        return [] if copy is None else [copy, copy.with_name(f"{copy.name}.sha256")]

    @property
    def ledgers(self) -> list[Path]:
        """The ledger's file, which must not be written over."""
        return [] if self._ledger is None else [self._ledger.path]

    def finish(self, report: Report, result: Path, pages: Mapping[str, Path]) -> Report:
        """Record the result, write what belongs to it, and return the report that says so.

        result: where it lies now, with a name of its own to come.
        pages: where to write what `pages` named.
        """
        from redact.sharing.ledger_entries import record
        from redact.sharing.sealed_copy import write_sealed_copy
        from redact.sharing.subject_access import covering_note

        source = report.plan.clip.path
        report = dataclasses.replace(report, purpose=self.purpose)
        if "note" in pages:
            write_text(pages["note"], covering_note(report, self.request))
        copied = "" if self._sealed_copy is None else write_sealed_copy(source, self._sealed_copy)
        if self._ledger is not None:
            self._entry = record(
                self._ledger,
                self.purpose,
                self.request,
                source=source,
                report=report,
                result=result,
                sealed_copy_sha256=copied,
            )
            report = dataclasses.replace(report, ledger_entry=self._entry)
        return report

    @contextlib.contextmanager
    def withdrawn_on_failure(self) -> Iterator[None]:
        """Record it if a result that was recorded did not get its name after all."""
        try:
            yield
        except BaseException:
            if self._ledger is not None and self._entry is not None:
                facts: dict[str, str | int] = {"of_entry": self._entry.number}
                with contextlib.suppress(LedgerError):
                    self._ledger.append("result not written", facts=facts)
            raise


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2026-11-30") from None
