"""`redact verify CLIP`: search any clip for faces and plates that still show."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from redact.cli.common import EXIT_ERROR, EXIT_LEAK, Parser, settings_from
from redact.cli.terminal import say, show, showing_progress
from redact.source_files import printable

if TYPE_CHECKING:
    from redact.pipeline import Verification

# Shares of the time, measured on clips of 30 s at 1080p.
_STAGE_WEIGHTS = {"read": 0.3, "verify": 0.7}

_EPILOG = """\
example:
  redact verify porch.redacted.mp4

exit codes: 0 nothing was found, which does not prove that nothing shows;
1 something shows; 2, 130 and 143 as for redact"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = Parser(
        prog="redact verify",
        description="Search any clip for faces and plates that still show. Nothing is written.",
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("clip", metavar="CLIP", help="the video or image file")
    add("--settings", metavar="TOML", help="read settings from a file")
    add("--profile", metavar="TOML", help="settings and zones to ignore of a camera")
    add("--every-frame", action="store_true", help="scan all frames, not two a second")
    add("--json", action="store_true", help="print it as JSON, with every detection")
    add("-q", "--quiet", action="store_true", help="no progress; warnings stay")
    arguments = parser.parse_args(argv)
    settings = settings_from(arguments)
    with showing_progress(_STAGE_WEIGHTS, is_shown=not arguments.quiet) as bar:
        from redact.pipeline import verify

        verification = verify(
            arguments.clip, settings, progress=bar, every_frame=arguments.every_frame
        )
    for warning in verification.clip.warnings:
        say(f"warning: {arguments.clip!r}: {warning}")
    is_shown = show(_as_json(verification) if arguments.json else _as_text(verification))
    if verification.detections:
        return EXIT_LEAK
    return 0 if is_shown else EXIT_ERROR


def _as_text(verification: Verification) -> str:
    """A line for everything that shows in one place for a while, and how much was looked at."""
    from redact.report.spans import spans_of

    clip = verification.clip
    pixels = verification.min_face_pixels
    size = f" at {pixels} px and more" if pixels else ""
    extent = f"{size} in {verification.frames_checked} of {len(clip.pts)} frames"
    spans = spans_of(verification.detections, clip)
    if not spans:
        return f"nothing found{extent} looked at"
    lines = [printable(span.described(clip)) for span in spans]
    return "\n".join([*lines, f"looked for faces and plates{extent}"])


def _as_json(verification: Verification) -> str:
    """How much was looked at, and every detection, with the time at which a player shows it."""
    clip = verification.clip
    values = {
        "format": "redact-verification-1",
        "frame_count": len(clip.pts),
        "frames_checked": verification.frames_checked,
        "min_face_pixels": verification.min_face_pixels,
        "warnings": list(clip.warnings),
        "detections": [
            {**dataclasses.asdict(detection), "time": clip.time_label(detection.frame_index)}
            for detection in verification.detections
        ],
    }
    return json.dumps(values, indent=1)
