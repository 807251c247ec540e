"""`redact render PLAN`: cover what a plan says, and write the result and its reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from redact.cli.common import (
    EXIT_ERROR,
    STAGE_WEIGHTS,
    Parser,
    add_decision_options,
    add_person_options,
    add_zone_option,
    check_decisions,
    decided,
    zones_from,
)
from redact.cli.ledger_command import recorded
from redact.cli.redact_command import finish, write_all
from redact.cli.sharing_options import Sharing, add_sharing_options, purpose_in
from redact.cli.terminal import ProgressBar, handling_signals, quiet_libraries, show

_DESCRIPTION = """\
Cover what the plan says in its clip, audit the result, and write it. The clip
has to lie where the plan says, or where --source says, unchanged."""

_EPILOG = """\
example:
  redact analyze porch.mp4 -o plan.json
  redact render plan.json -o safe.mp4 --keep 2,5 --zone cover:0,0,.3,.1

exit codes: as for redact; 2 also if the plan can't be used"""


def run(argv: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = Parser(
        prog="redact render",
        usage="redact render [options] PLAN -o FILE",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add("plan", metavar="PLAN", help="from redact analyze or Plan.save")
    add("-o", "--output", metavar="FILE", required=True, help="the result")
    add("--source", metavar="CLIP", help="the clip, if it was moved")
    add_decision_options(parser)
    add_person_options(parser)
    add_sharing_options(parser, purpose_in(argv))
    add_zone_option(parser)
    add("--report", metavar="HTML", help="also write a page about what was covered")
    add("--json", metavar="FILE", help="also write the same as JSON")
    add("-q", "--quiet", action="store_true", help="no progress, no summary; warnings stay")
    arguments = parser.parse_args(argv)
    check_decisions(parser, arguments)
    zones = zones_from(arguments)
    with handling_signals() as stop, quiet_libraries():
        from redact.pipeline import render
        from redact.plan import Plan

        plan = decided(Plan.load(arguments.plan), arguments)
        for zone in zones:
            plan = plan.cover(zone) if zone.rule == "cover" else plan.ignore(zone)
        source = Path(arguments.source or plan.clip.path)
        sharing = Sharing(arguments, plan.settings)
        if not sharing.is_accepted:
            entry = recorded(sharing.refuse(source), arguments.ledger)
            return 0 if show(entry) else EXIT_ERROR
        plan = sharing.check_plan(plan)
        stages = ["render", "audit"] if plan.settings.audit else ["render"]
        weights = {stage: STAGE_WEIGHTS[stage] for stage in stages}
        with ProgressBar(weights, stop, is_shown=not arguments.quiet) as bar:
            report = write_all(
                source,
                arguments,
                lambda target: render(plan, target, source=source, progress=bar),
                sharing,
                Path(arguments.plan),
            )
            bar.finish()
    return finish(report, arguments)
