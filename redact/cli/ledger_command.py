"""`redact ledger list|verify|add`: the record of requests, decisions and clips given out."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

from redact.cli.common import EXIT_ERROR, EXIT_LEAK, Parser
from redact.cli.terminal import say, show
from redact.ledger import Entry, Ledger
from redact.source_files import printable

DEFAULT_LEDGER = "redact-ledger.jsonl"
_EPILOG = """\
example:
  redact ledger add "request declined" --who "Sam, no. 12" --case 7
  redact ledger list
  redact ledger verify --expect 5f0c81d2a9be

A chain of hashes shows what was changed in the file, but not that entries are
missing at its end. Note the last hash elsewhere, and give it to --expect.

exit codes: 0 done; 1 the ledger was changed; 2 it can't be read or written"""
_EXAMPLES = {
    "list": "list --json",
    "verify": "verify --expect 5f0c81d2a9be",
    "add": 'add "request declined" --who "Sam, no. 12" --clip porch.mp4',
}
# What `add` takes besides the event, and what each is.
_DETAILS = {
    "who": "who asked, or whom it is about",
    "case": "a case or reference number",
    "window": "the time that it is about, such as 2026-11-30 18:00 to 18:30",
    "why": "the purpose",
    "note": "anything else",
}


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = Parser(
        prog="redact ledger",
        description="Keep a record of requests, decisions and clips given out, in a file to "
        "which\nlines are only ever added. It holds hashes, and what you type.",
        epilog=_EPILOG,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add_command(name: str, text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(
            name, help=text, description=text, epilog=f"example:\n  redact ledger {_EXAMPLES[name]}"
        )
        add_ledger_option(command)
        command.set_defaults(command=name)
        return command

    command = add_command("list", "Print the entries.")
    command.add_argument("--json", action="store_true", help="print them as JSON")
    command = add_command("verify", "Look for changes in the ledger.")
    command.add_argument("--expect", metavar="HASH", help="of an entry that must be there")
    command = add_command("add", "Add an entry.")
    command.add_argument("event", metavar="EVENT", help='what happened, such as "request declined"')
    for name, text in _DETAILS.items():
        command.add_argument(f"--{name}", metavar="TEXT", help=text)
    command.add_argument("--clip", metavar="FILE", help="a clip that it is about: its hash is kept")
    arguments = parser.parse_args(argv)
    ledger = Ledger(arguments.ledger)
    actions = {"list": _list, "verify": _verify, "add": _add}
    return actions[arguments.command](ledger, arguments)


def add_ledger_option(parser: argparse.ArgumentParser) -> None:
    """Let the parser take the ledger's file."""
    default = default_ledger()
    parser.add_argument(
        "--ledger", metavar="FILE", default=default, help=f"the ledger ({printable(default)})"
    )


def default_ledger() -> str:
    """The ledger's file where no option names one."""
    return os.environ.get("REDACT_LEDGER") or DEFAULT_LEDGER


def _list(ledger: Ledger, arguments: argparse.Namespace) -> int:
    entries = ledger.entries()
    if arguments.json:
        text = json.dumps([dataclasses.asdict(entry) for entry in entries], indent=1)
    else:
        text = "\n".join(map(described, entries)) or "no entries"
    return 0 if show(text) else EXIT_ERROR


def _verify(ledger: Ledger, arguments: argparse.Namespace) -> int:
    check = ledger.verify(arguments.expect)
    for problem in check.problems:
        say(printable(problem))
    if check.problems:
        return EXIT_LEAK
    count = "1 entry" if check.entry_count == 1 else f"{check.entry_count} entries"
    is_shown = show(
        f"{count}, no change found in them\nlast hash: {check.last_hash or 'none'}"
        + ("" if arguments.expect else " (note it elsewhere: the ledger can't show a missing end)")
    )
    return 0 if is_shown else EXIT_ERROR


def _add(ledger: Ledger, arguments: argparse.Namespace) -> int:
    details = {name: text for name in _DETAILS if (text := getattr(arguments, name))}
    facts: dict[str, str | int] = {}
    if arguments.clip:
        from redact.video import file_sha256

        facts["source_sha256"] = file_sha256(arguments.clip)
        facts["source_bytes"] = Path(arguments.clip).stat().st_size
    entry = ledger.append(arguments.event, details=details, facts=facts)
    return 0 if show(described(entry)) else EXIT_ERROR


def described(entry: Entry) -> str:
    """An entry for people: a line for the event, and one for each detail."""
    lines = [f"{entry.number}  {entry.time}  {entry.event}  [{entry.hash[:12]}]"]
    facts = {name: str(value) for name, value in entry.facts.items()}
    lines += [f"   {name}: {text}" for name, text in {**entry.details, **facts}.items()]
    return "\n".join(map(printable, lines))


def recorded(entry: Entry, ledger: str) -> str:
    """An entry that was just written, for people, with the ledger's file."""
    return f"recorded in {printable(ledger)}:\n{described(entry)}"
