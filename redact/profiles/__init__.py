"""Profiles: what is the same in all clips of one camera, as a TOML file.

A profile looks like this; `name` is the only part that it needs:

    name = "Front door"

    [settings]            # fields of redact.Settings
    detector = "thorough"

    [[zones]]             # any number; fields of redact.Zone
    name = "neighbour's window"
    polygon = [[0.71, 0.1], [0.93, 0.12], [0.92, 0.4], [0.7, 0.38]]

    [[zones]]
    name = "poster"
    rule = "ignore"
    box = [0.1, 0.3, 0.2, 0.5]

The TOML files in this folder are shipped with the package, and are loaded by their names.
"""

from __future__ import annotations

import dataclasses
import importlib.resources
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redact.errors import SettingsError
from redact.settings import Settings, read_toml


@dataclasses.dataclass(frozen=True, kw_only=True)
class Profile:
    """The settings and zones of a camera."""

    name: str
    """What the owner calls the camera."""
    values: Mapping[str, Any]
    """The settings that the profile gives, by name; with "zones", if there are any."""

    @property
    def settings(self) -> Settings:
        """The settings, with the zones; what the profile doesn't give has its default."""
        return Settings.from_dict(self.values)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Profile:
        """Read a profile from a file, or one of those that are shipped, by its name.

        Raises:
            SettingsError: the file can't be read, is not TOML, or has an unknown key or a value
                that can't be used; or no profile of that name is shipped.

        """
        shown = os.fspath(path)
        if isinstance(path, str) and path in shipped_profiles():
            data = tomllib.loads(_folder().joinpath(f"{path}.toml").read_text(encoding="utf-8"))
        elif not Path(path).suffix and not Path(path).exists():
            raise SettingsError(
                f"no profile {shown!r}: name a TOML file, or one of {', '.join(shipped_profiles())}"
            )
        else:
            data = read_toml(path, "a profile")
        try:
            return cls.from_dict(data)
        except SettingsError as err:
            raise SettingsError(f"{err} (in {shown!r})") from err

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Profile:
        """Make a profile of what a TOML file holds.

        Raises:
            SettingsError: a key is unknown or missing, or has a value that can't be used.

        """
        for key in data:
            if key not in ("name", "settings", "zones"):
                raise SettingsError(f"unknown key {key!r}; a profile has name, settings and zones")
        name, settings = data.get("name"), data.get("settings", {})
        if not isinstance(name, str) or not name.strip():
            raise SettingsError(
                f'a profile needs a name, such as name = "Front door", not {name!r}'
            )
        if not isinstance(settings, Mapping):
            raise SettingsError(f"[settings] must be a table, not {settings!r}")
        if "zones" in settings:
            raise SettingsError("zones of a profile are [[zones]], not a part of [settings]")
        profile = cls(name=name, values={**settings, "zones": data.get("zones", ())})
        profile.settings  # noqa: B018  (checks the values)
        return profile


def shipped_profiles() -> list[str]:
    """The names of the profiles that are shipped with the package, sorted."""
    files = (Path(file.name) for file in _folder().iterdir())
    return sorted(file.stem for file in files if file.suffix == ".toml")


def _folder() -> Any:
    return importlib.resources.files("redact.profiles")
