"""What the commands have in common: exit codes, the parser, and settings from arguments."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn

from redact.settings import Settings, toml_values
from redact.source_files import printable
from redact.zones import Zone, parse_zone

if TYPE_CHECKING:
    from redact.plan import Plan

EXIT_LEAK, EXIT_ERROR = 1, 2

# Shares of the time of a job, measured on clips of 30 s at 1080p with a few people. The progress
# bar is only as even as they are right.
STAGE_WEIGHTS = {"analyze": 0.5, "render": 0.37, "audit": 0.13}


class Parser(argparse.ArgumentParser):
    """An argument parser that says in one line what is wrong; --help has the rest."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_HelpFormatter, **options)

    def error(self, message: str) -> NoReturn:
        """Print the message and end the process with the exit code 2."""
        self.exit(EXIT_ERROR, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps each option on one line of 80 columns, so that the help fits a screen."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{**options, "max_help_position": 24, "width": 80})

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Name the value once, "-o, --output FILE", as argparse does from Python 3.13 on."""
        if not action.option_strings or action.metavar is None:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {action.metavar}"


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Settings from the files of --profile and --settings, overridden by the options given.

    Zones of both files and of --zone add up.

    Raises:
        SettingsError: a file can't be read, or a value can't be used.

    """
    values: dict[str, Any] = {}
    zones: list[Any] = []
    if getattr(arguments, "profile", None):
        from redact.profiles import Profile

        values |= Profile.load(arguments.profile).values
        zones += values.get("zones", ())
    if arguments.settings:
        read = toml_values(arguments.settings)
        values |= read
        zones += read.get("zones", ())
    zones += zones_from(arguments)
    names = {field.name for field in dataclasses.fields(Settings)}
    given = {k: v for k, v in vars(arguments).items() if k in names and v is not None}
    if isinstance(given.get("audio"), tuple):
        given["audio"], given["audio_spans"] = given["audio"]
    return Settings.from_dict({**values, **given, "zones": zones})


def zones_from(arguments: argparse.Namespace) -> list[Zone]:
    """The zones of --zone.

    Raises:
        SettingsError: one of them can't be read.

    """
    return [parse_zone(text) for text in getattr(arguments, "zone", None) or ()]


def add_zone_option(parser: argparse.ArgumentParser) -> None:
    """Add --zone."""
    parser.add_argument(
        "--zone",
        action="append",
        metavar="ZONE",
        help="cover:0,0,.3,.1 or ignore:...: box or polygon in 0..1",
    )


def add_zone_options(parser: argparse.ArgumentParser) -> None:
    """Add --zone and --profile."""
    add_zone_option(parser)
    parser.add_argument(
        "--profile", metavar="TOML", help="settings and zones of a camera; options override it"
    )


def add_decision_options(parser: argparse.ArgumentParser) -> None:
    """Add --keep and --drop."""
    parser.add_argument(
        "--keep", type=_ids, metavar="IDS", help="leave the people of tracks visible, such as 2,5"
    )
    parser.add_argument(
        "--drop", type=_ids, metavar="IDS", help="leave out tracks that are no face or plate"
    )


def add_person_options(parser: argparse.ArgumentParser) -> None:
    """Add --join and --split."""
    for option, meaning in (
        ("--join", "these tracks show one person, such as 2,5"),
        ("--split", "these tracks show somebody else than the others of their person"),
    ):
        parser.add_argument(option, type=_ids, action="append", metavar="IDS", help=meaning)


def check_decisions(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """End the process if a track is to be kept and dropped."""
    if both := sorted(set(arguments.keep or ()) & set(arguments.drop or ())):
        parser.error(f"--keep and --drop both name {', '.join(map(str, both))}")


def decided(plan: Plan, arguments: argparse.Namespace) -> Plan:
    """The plan with what --split, --join, --keep and --drop say, in this order.

    Who is kept is kept in all of their tracks.

    Raises:
        PlanError: the plan has no such track, or an earlier decision contradicts.

    """
    for ids in getattr(arguments, "split", None) or ():
        plan = plan.split(ids)
    for ids in getattr(arguments, "join", None) or ():
        plan = plan.join(ids)
    dropped = arguments.drop or ()
    kept = plan.same_persons(arguments.keep or ()) - set(dropped)
    return plan.keep(kept).drop(dropped)


def _ids(text: str) -> tuple[int, ...]:
    """Ids of tracks, such as "2,5"."""
    numbers = [number.strip() for number in text.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"ids must be numbers such as 2,5, not {text!r}")
    return tuple(int(number) for number in numbers)
