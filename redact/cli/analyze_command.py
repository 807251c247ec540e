"""`redact analyze CLIP`: detect and track, and write the plan and perhaps a page about it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact.cli.common import (
    Parser,
    add_decision_options,
    add_person_options,
    check_decisions,
    decided,
    settings_from,
)
from redact.cli.redact_command import add_settings_options
from redact.cli.terminal import say, show, showing_progress
from redact.source_files import printable

if TYPE_CHECKING:
    from redact.plan import Plan

_DESCRIPTION = """\
Detect and track what has to be covered in CLIP, list it, and write the plan.
Nothing else is written, except the page of --report."""

_EPILOG = """\
The other settings of `redact --help-all` work here, too; the plan holds them.

example:
  redact analyze porch.mp4 -o plan.json --report review.html
  redact render plan.json -o safe.mp4 --keep 2"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = Parser(
        prog="redact analyze",
        usage="redact analyze [options] CLIP -o PLAN",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("clip", metavar="CLIP", help="the video file")
    parser.add_argument("-o", "--output", metavar="PLAN", required=True, help="the plan, as JSON")
    parser.add_argument(
        "--report", metavar="HTML", help="also write a page about what would be covered"
    )
    add_decision_options(parser)
    add_person_options(parser)
    add_settings_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no list")
    arguments = parser.parse_args(argv)
    check_decisions(parser, arguments)
    settings = settings_from(arguments)
    source, target = Path(arguments.clip), Path(arguments.output)
    with showing_progress({"analyze": 1.0}, is_shown=not arguments.quiet) as bar:
        from redact.output import check_apart, check_place, staged
        from redact.pipeline import analyze, preview

        pages = [Path(arguments.report)] if arguments.report else []
        for path in (target, *pages):
            check_place(source, path)
        check_apart([target, *pages])
        plan = decided(analyze(source, settings, progress=bar), arguments)
        # Either both files appear or none; the plan is entered last, so it gets its name first.
        with contextlib.ExitStack() as stack:
            unfinished = [stack.enter_context(staged(path)) for path in (*pages, target)]
            plan.save(unfinished[-1])
            for page in unfinished[:-1]:
                preview(plan, page)
    for warning in plan.clip.warnings:
        say(f"warning: {arguments.clip!r}: {warning}")
    if not arguments.quiet:
        show(_listed(plan, target))
    return 0


def _listed(plan: Plan, target: Path) -> str:
    """A line for each track, by id, and one for the plan."""
    covered = {track.id for track in plan.covered_tracks}
    lines = []
    for track in plan.tracks:
        start, last = map(plan.clip.time_label, (track.start_index, track.stop_index - 1))
        box = track.boxes[len(track.boxes) // 2]
        x, y = (round(float(v)) for v in (box[:2] + box[2:]) / 2)
        state = "" if track.id in covered else ", stays visible"
        others = sorted(plan.same_persons(track.id) - {track.id})
        same = f", same person as {', '.join(map(str, others))}" if others else ""
        why = f" ({track.joined})" if track.joined else ""
        lines.append(
            f"{track.id:>4}  {track.kind}, {start} to {last}, near x {x}, y {y}{same}{why}{state}"
        )
    lines += [f"      zone {zone.name!r}: {zone.rule}" for zone in plan.zones]
    lines.append(f"{target}: {len(plan.tracks)} tracks in {len(plan.clip.pts)} frames")
    return "\n".join(map(printable, lines))
