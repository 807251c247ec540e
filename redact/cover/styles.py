"""The styles of covers, as a table, and the strengths at which they were shown to be safe."""

from __future__ import annotations

import dataclasses

from redact.errors import SettingsError
from redact.settings import Settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Style:
    """A way to cover a region.

    Strength is the size of the smallest detail that is kept, relative to the region. Strength 1
    keeps one tone for the whole region, 0.25 keeps four measured cells across. For "gaussian" it is
    the standard deviation of the blur.
    """

    default: float
    """The strength that is used unless the settings name another one."""
    limit: float
    """People were recognised under a weaker cover than this, in benchmarks privacy."""
    is_smooth: bool
    """Whether cells are joined by smooth steps; otherwise they are blocks."""
    cells: int
    """Random cells across a face."""
    contrast: float
    """How far the cells differ from the tone, in grey steps."""


STYLES = {
    "blur": Style(default=1.0, limit=1.0, is_smooth=True, cells=4, contrast=6.0),
    "pixelate": Style(default=1.0, limit=1.0, is_smooth=False, cells=5, contrast=16.0),
    "gaussian": Style(default=8.0, limit=8.0, is_smooth=True, cells=1, contrast=0.0),
    "solid": Style(default=1.0, limit=1.0, is_smooth=False, cells=1, contrast=0.0),
}


def check_strength(settings: Settings) -> float:
    """The strength that the settings ask for.

    Raises:
        SettingsError: it is weaker than the style's limit and `unsafe` isn't set.

    """
    style = STYLES[settings.style]
    strength = style.default if settings.strength is None else settings.strength
    if strength < style.limit and not settings.unsafe:
        raise SettingsError(
            f"strength {strength:g} of style {settings.style!r} is weaker than {style.limit:g}, so "
            "faces may be recognised; leave it out, or allow it by unsafe=True (--unsafe)"
        )
    return strength
