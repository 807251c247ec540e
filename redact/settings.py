"""What a user may choose, in one frozen, validated value."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
from pathlib import Path
from typing import Any

from redact.errors import SettingsError

DETECTORS = ("fast", "balanced", "thorough")
STYLES = ("blur", "solid", "pixelate", "gaussian")
AUDIO = ("drop", "keep")
HEADS = ("off", "near tracks", "all moving")
PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
)

# name: (lowest, highest), both allowed
_RANGES: dict[str, tuple[float, float]] = {
    "margin_ratio": (0.0, 2.0),
    "min_region_pixels": (2, 4096),
    "max_gap_seconds": (0.0, 60.0),
    "extend_seconds": (0.0, 60.0),
    "lookahead_seconds": (0.0, 60.0),
    "crf": (0, 51),
    "threads": (0, 1024),
    "max_pixels": (1, 2**31),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "detector": DETECTORS,
    "style": STYLES,
    "audio": AUDIO,
    "heads": HEADS,
    "preset": PRESETS,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How a clip is redacted. Every field has a safe default.

    Raises:
        SettingsError: a value is of the wrong type, out of range, or not among the choices.

    """

    faces: bool = True
    """Cover faces."""
    plates: bool = True
    """Cover licence plates."""
    heads: str = "near tracks"
    """Which heads are covered that show no face: none ("off"), those of people whose face was seen
    before or after ("near tracks"), or all that move ("all moving")."""
    detector: str = "balanced"
    """Which stack looks: "fast" (near faces only), "balanced", "thorough". At a single picture the
    latter two are the same."""
    style: str = "blur"
    """How a region is covered: "blur", "solid", "pixelate", "gaussian"."""
    strength: float | None = None
    """Strength relative to the region, as the style defines it; None is the style's default."""
    unsafe: bool = False
    """Allow a strength that is weaker than the measured limit."""
    margin_ratio: float = 0.15
    """How far each side of a box is pushed out, as a share of the box's own size."""
    min_region_pixels: int = 16
    """No covered region is narrower or lower than this many luma pixels."""
    max_gap_seconds: float = 1.5
    """A track bridges a gap without detections up to this long."""
    extend_seconds: float = 0.4
    """A track is continued this long before its first and after its last detection."""
    lookahead_seconds: float = 1.0
    """How far `redact_frames` looks ahead before it gives a frame out."""
    audio: str = "drop"
    """"drop" leaves sound out; "keep" copies it unchanged."""
    crf: int = 20
    """x264 quality, 0 (lossless) to 51."""
    preset: str = "veryfast"
    """x264 speed preset."""
    threads: int = 0
    """Threads for decoding, detecting and encoding; 0 takes what the machine has."""
    audit: bool = True
    """Look at the finished output again before it gets its name."""
    max_pixels: int = 8192 * 4352
    """A picture with more pixels than this is refused; that of H.264's highest level isn't."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field.name, field.type, getattr(self, field.name))

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Settings:
        """Settings from a TOML file: its table `redact`, or its top level when there is none.

        Raises:
            SettingsError: the file can't be read, isn't TOML, or has an unknown or wrong field.

        """
        try:
            data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
            raise SettingsError(f"can't read settings from {os.fspath(path)!r}: {err}") from err
        table = data.get("redact", data)
        if not isinstance(table, dict):
            raise SettingsError(f"[redact] in {os.fspath(path)!r} must be a table, not {table!r}")
        return cls.from_dict(table)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Settings:
        """Settings from a plain mapping, as `dataclasses.asdict` gives it.

        Raises:
            SettingsError: a name is unknown or a value can't be used.

        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise SettingsError(f"unknown setting {name!r}; known are {', '.join(known)}")
        return cls(**values)


def _check(name: str, annotation: Any, value: object) -> None:
    kinds = {
        "bool": (bool,),
        "int": (int,),
        "float": (int, float),
        "str": (str,),
        "float | None": (int, float, type(None)),
    }[str(annotation)]
    # bool is an int to Python, never to a user.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise SettingsError(f"{name} must be {annotation}, not {value!r}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise SettingsError(f"{name} must be one of {', '.join(_CHOICES[name])}, not {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{name} must be finite, not {value!r}")
    if name in _RANGES and isinstance(value, (int, float)):
        lowest, highest = _RANGES[name]
        if not lowest <= value <= highest:
            raise SettingsError(f"{name} must lie in {lowest:g}..{highest:g}, not {value!r}")
    if name == "strength" and isinstance(value, (int, float)) and value <= 0:
        raise SettingsError(f"strength must be above 0, not {value!r}")
