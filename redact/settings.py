"""What a user may choose, as one frozen and validated value."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from redact.errors import SettingsError
from redact.zones import Zone, named_zones

DetectorLevel = Literal["fast", "balanced", "thorough"]
"""How thoroughly a clip is searched; see `Settings.detector`."""
Heads = Literal["off", "near-tracks", "all-moving"]
"""Which heads without a visible face are covered; see `Settings.heads`."""
Style = Literal["blur", "solid", "pixelate", "gaussian"]
"""How a region is covered; see `Settings.style`."""
Audio = Literal["drop", "keep"]
"""What happens to the sound; see `Settings.audio`."""
Encoder = Literal["x264", "auto"]
"""What encodes the result; see `Settings.encoder`."""
Turn = Literal[0, 90, 180, 270]
"""A clockwise turn in degrees; see `Settings.turn_degrees`."""
Preset = Literal[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
]
"""The presets of x264, from the fastest to the one that gives the smallest files."""

# Field name: (lowest, highest), both allowed.
_RANGES: dict[str, tuple[float, float]] = {
    "margin_ratio": (0.0, 2.0),
    "min_region_pixels": (2, 4096),
    "max_gap_seconds": (0.0, 60.0),
    "extend_seconds": (0.0, 60.0),
    "lookahead_seconds": (0.0, 60.0),
    "start_seconds": (0.0, 1e7),
    "stop_seconds": (0.0, 1e7),
    "crf": (0, 51),
    "threads": (0, 1024),
    "pixel_aspect": (0.2, 5.0),
    "max_pixels": (1, 2**31),
}
_TYPE_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    types.NoneType: "None",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How a clip is redacted. The defaults are safe.

    Raises:
        SettingsError: a value has the wrong type, is out of range, or is not among the choices;
            or neither faces nor plates are to be covered.

    """

    faces: bool = True
    """Cover faces."""
    plates: bool = True
    """Cover licence plates."""
    heads: Heads = "near-tracks"
    """Which heads are covered while they show no face: none ("off"), those of people whose face
    was detected before or after ("near-tracks"), or all that move ("all-moving")."""
    detector: DetectorLevel = "balanced"
    """How thoroughly to search: "fast" detects near faces only, "thorough" runs every detector on
    every frame. On a single image, "balanced" and "thorough" are the same."""
    style: Style = "blur"
    """How a region is covered."""
    strength: float | None = None
    """Strength of the style, relative to the size of the region; None is the style's default."""
    unsafe: bool = False
    """Allow a strength below the limit at which faces were measured to be unrecognisable."""
    margin_ratio: float = 0.0
    """How much larger covers are than they have to be: each side is moved outward by this share of
    the cover's width or height."""
    min_region_pixels: int = 16
    """The smallest width and height of a covered region, in luma pixels."""
    max_gap_seconds: float = 1.5
    """A track bridges gaps without detections up to this length."""
    extend_seconds: float = 0.4
    """A track starts this long before its first detection and ends this long after its last."""
    lookahead_seconds: float = 1.0
    """How long `redact_frames` holds a frame back, so that later detections can still cover it."""
    audio: Audio = "drop"
    """"drop" leaves the sound out; "keep" copies it unchanged where the target's container can hold
    it, and else encodes it again as AAC or Opus."""
    audio_spans: tuple[tuple[float, float], ...] = ()
    """Where kept sound is heard, as (start, stop) in seconds of the clip; elsewhere there is
    silence. Empty for all of it. Such sound is encoded again."""
    start_seconds: float = 0.0
    """The result begins with the first frame at or after this time. `redact_image` and
    `redact_frames` don't trim."""
    stop_seconds: float | None = None
    """The result ends before the first frame at or after this time; None is the end of the clip."""
    encoder: Encoder = "x264"
    """What encodes H.264: x264, or with "auto" the machine's hardware where it has an encoder that
    works, and x264 where not. Hardware is faster, its files are larger, and its bytes differ from
    machine to machine; what is covered doesn't."""
    crf: int = 20
    """Constant rate factor of x264, from 0 (lossless) to 51 (worst); hardware gets about
    the same."""
    preset: Preset = "veryfast"
    """Speed preset of x264; hardware has none."""
    threads: int = 0
    """Threads for decoding, detecting and encoding; 0 uses all cores of the machine."""
    audit: bool = True
    """Search the finished output for leaks before it gets its name."""
    pixel_aspect: float | None = None
    """Width over height of the stored picture's pixels, so that detectors see people as they are.
    None takes what the clip says; recorders that store half of the columns often say nothing, and
    need 2."""
    turn_degrees: Turn | None = None
    """The clockwise turn that makes people stand upright in the clip as players show it, for a
    camera that hangs sideways or upside down. None looks for it, but not at the level "fast";
    streams (`redact_frames`) and single images take None for 0. Only detectors see the turned
    picture, the result is not turned.
    """
    max_pixels: int = 8192 * 4352
    """Clips with more pixels per frame than this are refused. The default lets the largest frame
    of H.264's highest level pass."""
    zones: tuple[Zone, ...] = ()
    """Parts of the picture that are always covered, or in which nothing is a face or plate; see
    `Zone`. A single image has all of them, whatever their times."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "heads", renamed_heads(self.heads))
        object.__setattr__(self, "zones", named_zones(self.zones))
        object.__setattr__(self, "audio_spans", _as_spans(self.audio_spans))
        for name, annotation in _field_types().items():
            if name in ("zones", "audio_spans"):
                continue  # The zones check themselves, and the spans were checked above.
            _check_type(name, annotation, getattr(self, name))
            _check_range(name, getattr(self, name))
        if not self.faces and not self.plates:
            raise SettingsError(
                "faces and plates are both off, so nothing would be covered; turn one of them on"
            )
        if self.stop_seconds is not None and self.stop_seconds <= self.start_seconds:
            raise SettingsError(
                f"stop_seconds must be later than start_seconds, not {self.stop_seconds!r} and "
                f"{self.start_seconds!r}"
            )
        if self.audio_spans and self.audio == "drop":
            raise SettingsError('audio_spans say where sound is heard; set audio to "keep" as well')

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Settings:
        """Read settings from the table `redact` of a TOML file, or from its top level.

        Raises:
            SettingsError: the file can't be read, is not TOML, or has an unknown name or a value
                that can't be used.

        """
        return cls.from_dict(toml_values(path))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Make settings from a mapping of names to values, such as `dataclasses.asdict` gives.

        Raises:
            TypeError: `values` is not a mapping.
            SettingsError: a name is unknown or a value can't be used.

        """
        if not isinstance(values, Mapping):
            raise TypeError(f"expected a mapping of names to values, not {_described(values)}")
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise SettingsError(f"unknown setting {name!r}; known are {', '.join(known)}")
        return cls(**values)


def toml_values(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The settings that a TOML file gives, by name, and checked; see `Settings.from_toml`.

    Raises:
        SettingsError: as for `Settings.from_toml`.

    """
    name = os.fspath(path)
    data = read_toml(path, "settings")
    table = data.get("redact", data)
    if not isinstance(table, dict):
        raise SettingsError(f"[redact] in {name!r} must be a table, not {table!r}")
    try:
        Settings.from_dict(table)
    except SettingsError as err:
        raise SettingsError(f"{err} (in {name!r})") from err
    return table


def read_toml(path: str | os.PathLike[str], what: str) -> dict[str, Any]:
    """What a TOML file holds.

    what: is read from it, in words for the message.

    Raises:
        SettingsError: the file can't be read or is not TOML.

    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as err:
        why = getattr(err, "strerror", None) or err
        raise SettingsError(f"can't read {what} from {os.fspath(path)!r}: {why}") from err


def as_settings(value: Settings | None) -> Settings:
    """Return the settings that were passed to a public function, or the defaults for None.

    Raises:
        TypeError: the value is something else; a dict has to be converted by the caller.

    """
    if value is None:
        return Settings()
    if isinstance(value, Settings):
        return value
    fixes = {
        dict: "use Settings.from_dict(...)",
        str: "use Settings.from_toml(...) to read a file",
    }
    fix = next((fix for kind, fix in fixes.items() if isinstance(value, kind)), None)
    message = f"settings must be redact.Settings or None, not {_described(value)}"
    raise TypeError(f"{message}; {fix}" if fix else message)


def choices(field_name: str) -> tuple[str, ...]:
    """The values that a field with a fixed set of values accepts, such as "style"."""
    return typing.get_args(_field_types()[field_name])


def renamed_heads(value: Any) -> Any:
    """Translate the old names of `Settings.heads`, which had a space; other values stay."""
    old_names = {"near tracks": "near-tracks", "all moving": "all-moving"}
    return old_names.get(value, value) if isinstance(value, str) else value


@functools.cache
def _field_types() -> dict[str, Any]:
    return typing.get_type_hints(Settings)


def _check_type(name: str, annotation: Any, value: object) -> None:
    if allowed := _literal_values(annotation):
        # 90.0 and True equal allowed values, but are mistakes.
        if not any(value == other and type(value) is type(other) for other in allowed):
            words = ", ".join(map(str, allowed))
            raise SettingsError(f"{name} must be one of {words}, not {value!r}")
        return
    accepted = typing.get_args(annotation) or (annotation,)
    words = " or ".join(_TYPE_WORDS[kind] for kind in accepted)
    if float in accepted:
        accepted = (*accepted, int)
    # Python counts True as an int; a user who writes it into a number's place has made a mistake.
    is_misplaced_bool = isinstance(value, bool) and bool not in accepted
    if not isinstance(value, accepted) or is_misplaced_bool:
        raise SettingsError(f"{name} must be {words}, not {value!r}")


def _as_spans(value: object) -> tuple[tuple[float, float], ...]:
    """The pairs as tuples of floats."""
    is_list = isinstance(value, (list, tuple))
    pairs = [tuple(p) if isinstance(p, (list, tuple)) else (p,) for p in value] if is_list else []  # type: ignore[attr-defined]
    is_number = all(
        isinstance(v, (int, float)) and not isinstance(v, bool) for p in pairs for v in p
    )
    if not is_list or not is_number or any(len(p) != 2 or not p[0] < p[1] for p in pairs):
        raise SettingsError(
            "audio_spans must be pairs of seconds, each start before its stop, such as "
            f"((2.5, 10),), not {_described(value)}"
        )
    return tuple((float(start), float(stop)) for start, stop in pairs)


def _literal_values(annotation: Any) -> tuple[object, ...]:
    """The values that a Literal allows, and None if it is optional; () for other annotations."""
    if typing.get_origin(annotation) is Literal:
        return typing.get_args(annotation)
    parts = typing.get_args(annotation)
    if not any(typing.get_origin(part) is Literal for part in parts):
        return ()
    return tuple(value for part in parts for value in _literal_values(part) or (None,))


def _check_range(name: str, value: object) -> None:
    if not isinstance(value, (int, float)):
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{name} must be finite, not {value!r}")
    if name in _RANGES:
        lowest, highest = _RANGES[name]
        if not lowest <= value <= highest:
            raise SettingsError(f"{name} must lie in {lowest:g}..{highest:g}, not {value!r}")
    if name == "strength" and value <= 0:
        raise SettingsError(f"strength must be above 0, not {value!r}")


def _described(value: object) -> str:
    """The value and its type for an error message, shortened where it is long."""
    text = repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if value is None else f"{text} ({type(value).__name__})"
