"""`redact analyze CLIP`: detect and track, and write the plan and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from redact.cli.common import Parser, add_decision_options, check_decisions, decided, settings_from
from redact.cli.redact_command import add_settings_options
from redact.cli.terminal import say, show, showing_progress
from redact.source_files import printable

if TYPE_CHECKING:
    from redact.plan import Plan

_DESCRIPTION = """\
Detect and track what has to be covered in CLIP, list it, and write the plan.
Nothing else is written."""

_EPILOG = """\
The other settings of `redact --help-all` work here, too; the plan holds them.

example:
  redact analyze porch.mp4 -o plan.json
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
    add_decision_options(parser)
    add_settings_options(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no list")
    arguments = parser.parse_args(argv)
    check_decisions(parser, arguments)
    settings = settings_from(arguments)
    source, target = Path(arguments.clip), Path(arguments.output)
    with showing_progress({"analyze": 1.0}, is_shown=not arguments.quiet) as bar:
        from redact.output import check_place
        from redact.pipeline import analyze

        check_place(source, target)
        plan = decided(analyze(source, settings, progress=bar), arguments)
        plan.save(target)
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
