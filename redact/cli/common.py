"""What the commands have in common: exit codes, the parser, and settings from arguments."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, NoReturn

from redact.settings import Settings
from redact.source_files import printable

EXIT_LEAK, EXIT_ERROR = 1, 2


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
    """Settings from the file of --settings, overridden by the options that were given.

    Raises:
        SettingsError: the file can't be read, or a value can't be used.

    """
    base = Settings.from_toml(arguments.settings) if arguments.settings else Settings()
    names = {field.name for field in dataclasses.fields(Settings)}
    given = {k: v for k, v in vars(arguments).items() if k in names and v is not None}
    return dataclasses.replace(base, **given)
