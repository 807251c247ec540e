"""`redact inspect CLIP`: show what a clip contains besides its pictures."""

from __future__ import annotations

from collections.abc import Sequence

from redact.cli.common import EXIT_ERROR, Parser
from redact.cli.terminal import quiet_libraries, show


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = Parser(
        prog="redact inspect",
        description="Show what a clip contains. Nothing is written.",
        epilog="example:\n  redact inspect porch.mp4",
    )
    parser.add_argument("clip", metavar="CLIP", help="the video or image file")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    arguments = parser.parse_args(argv)
    with quiet_libraries():
        from redact.inspection.contents import as_json, as_text, inspect_clip

        contents = inspect_clip(arguments.clip)
    is_shown = show(as_json(contents) if arguments.json else as_text(contents))
    return 0 if is_shown else EXIT_ERROR
