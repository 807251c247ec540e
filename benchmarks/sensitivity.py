"""Which tuned values matter: recall and over-covered area after changing each one by 30 %.

Every number in the `tuning.py` modules is lowered and raised (integers by at least 1). With each
change, made scenes are analyzed, without encoding, and the plan is compared with the known boxes.
An object is missed in a frame if more than 10 % of its box is not covered. Over-covered is the
share of the frame that is covered outside all known boxes grown by half their size to each side.
Values of the cover's look move none of these figures; `benchmarks fit` and `benchmarks privacy`
show what they do.

This takes long: half a minute or so for each value. Finished values are saved, and the next run
continues with the others. If the figures without any change differ from the saved ones, because the
code has changed, it starts again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks import clip_recall, moving_scenes, reporting, score_tables
from benchmarks.ground_truth import Truth
from benchmarks.leak_scoring import Score
from benchmarks.real_data import data_folder
from benchmarks.scene_table import QUICK, SCENES
from benchmarks.tuning_values import TunedValue, changed, scaled, stages, tuned_values
from redact.detectors.onnx import Network

_MAX_UNCOVERED_SHARE = 0.1
# Those on which the plan of a clip depends.
_DEFAULT_STAGES = ("tracking", "motion", "analysis", "cover", "audit")
_MAX_REMEMBERED_BYTES = 3_000_000_000
_DIRECTIONS = ("lower", "higher")

Figures = dict[str, Any]
Result = dict[str, Any]


def main(arguments: Sequence[str]) -> None:
    """Measure what is not saved yet, within the budget, and print the table of all saved values."""
    options = _options(arguments)
    modules = stages()
    chosen = [stage for stage in options.stage if stage in modules]
    values = [value for stage in chosen for value in tuned_values(stage, modules[stage])]
    if options.value:
        values = [value for value in values if any(part in value.name for part in options.value)]
    if not values:
        raise SystemExit("no tuned values of that stage and name")
    clips = _clips(options)
    kept: Result = {"scenes": list(options.only), "change": options.change}
    with remembered_outputs():
        result = run(
            values,
            lambda: evaluate(clips),
            options.json,
            kept,
            budget_seconds=options.budget,
            fresh=options.fresh,
        )
    print(table(values, result))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    data = data_folder()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks sensitivity",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--stage", nargs="+", default=list(_DEFAULT_STAGES), help="only values of these packages")
    add("--value", nargs="+", metavar="TEXT", help="only values whose names contain one of these")
    add("--only", nargs="+", metavar="SCENE", choices=SCENES, default=list(QUICK), help="scenes")
    add("--change", type=float, default=0.3, help="relative change (0.3)")
    add("--budget", type=float, metavar="SECONDS", help="begin no measurement after this time")
    add("--fresh", action="store_true", help="discard what is saved")
    add("--data", type=Path, default=data, help=f"folder of labelled stills ({data})")
    add("--json", type=Path, default=reporting.RESULTS / "sensitivity.json")
    return parser.parse_args(arguments)


def _clips(options: argparse.Namespace) -> list[tuple[Path, Truth]]:
    folder = reporting.RESULTS / "scenes"
    paths = [moving_scenes.build(n, SCENES[n], options.data, folder) for n in options.only]
    return [(path, Truth.load(path.with_suffix(".json"))) for path in paths]


@contextlib.contextmanager
def remembered_outputs() -> Iterator[None]:
    """Within this context, a network that gets an input again gives the outputs it gave then.

    Most changes leave most inputs as they were, and the networks take most of the time.
    """
    outputs: dict[tuple[int, tuple[int, ...], bytes], list[np.ndarray]] = {}
    run_network = Network.__call__
    left = _MAX_REMEMBERED_BYTES

    def call(network: Network, values: np.ndarray) -> list[np.ndarray]:
        nonlocal left
        digest = hashlib.blake2b(np.ascontiguousarray(values), digest_size=16).digest()
        key = id(network._session), values.shape, digest
        if key in outputs:
            return outputs[key]
        result = run_network(network, values)
        if (left := left - sum(one.nbytes for one in result)) > 0:
            outputs[key] = result
        return result

    with mock.patch.object(Network, "__call__", call):
        yield


def evaluate(clips: Sequence[tuple[Path, Truth]]) -> Figures:
    """Analyze the clips and compare the plans with the known boxes.

    Returns: by kind [missed object-frames, all object-frames], and the mean over-covered share.
    """
    import redact

    scores: list[Score] = []
    for path, truth in clips:
        covers = clip_recall.plan_covers(redact.analyze(path))
        share = 1 - _MAX_UNCOVERED_SHARE
        scores.append(clip_recall.score(truth, range(truth.frames), covers, share)[0])
    summary = score_tables.summary(scores)
    figures: Figures = {
        kind: [summary[kind]["leaked"], summary[kind]["frames"]] for kind in ("face", "plate")
    }
    return figures | {"over_covered": summary["over_covered"]}


def run(
    values: Sequence[TunedValue],
    measure: Callable[[], Figures],
    path: Path,
    kept: Result,
    *,
    budget_seconds: float | None = None,
    fresh: bool = False,
    package: str = "redact",
) -> Result:
    """Measure every value that the file does not have yet, and save the file after each.

    measure: gives the figures with the values as they are. kept: what the figures depend on, with
    the relative "change"; together with the figures without any change it must equal what the file
    says, or the file is started anew. package: whose modules see the changed values.
    """
    started = time.monotonic()
    kept = kept | {"baseline": measure()}
    result = {} if fresh or not path.is_file() else json.loads(path.read_text(encoding="utf-8"))
    if {key: result.get(key) for key in kept} != kept:
        result = kept | {"values": {}}
    _drop_outdated(values, result)
    for value, direction in list(_missing(values, result)):
        if budget_seconds is not None and time.monotonic() - started > budget_seconds:
            break
        factor = 1 - kept["change"] if direction == "lower" else 1 + kept["change"]
        entry = result["values"].setdefault(value.name, {"default": _as_json(value.default)})
        entry[direction] = _measured(value, scaled(value.default, factor), measure, package)
        print(f"{value.name} {direction}: {entry[direction]}", flush=True)
        reporting.save_json(path, result)
    return result


def _drop_outdated(values: Sequence[TunedValue], result: Result) -> None:
    """Forget saved values whose default is another one today."""
    for value in values:
        default = _as_json(value.default)
        if result["values"].get(value.name, {}).get("default", default) != default:
            del result["values"][value.name]


def _missing(values: Sequence[TunedValue], result: Result) -> Iterator[tuple[TunedValue, str]]:
    """Values and directions that have not been measured."""
    for value in values:
        for direction in _DIRECTIONS:
            if direction not in result["values"].get(value.name, {}):
                yield value, direction


def _measured(
    value: TunedValue, new: Any, measure: Callable[[], Figures], package: str
) -> dict[str, Any]:
    """The new value with its figures, or with the error to which it led."""
    if new == value.default:
        return {"value": new, "error": "the value cannot be scaled"}
    try:
        with changed(value, new, package=package):
            return {"value": new, "figures": measure()}
    except Exception as err:  # a value out of its range may fail in any way
        return {"value": new, "error": f"{type(err).__name__}: {err}"}


def table(values: Sequence[TunedValue], result: Result) -> str:
    """A line for each saved value: missed faces and plates and over-covered area, all in %."""
    change = f"{100 * result['change']:g} %"
    lines = [
        "missed face-frames % / missed plate-frames % / over-covered %",
        f"{'':58}{'default':>12}  {f'-{change}':34}{f'+{change}':34}",
        f"{'without any change':72}{_text(result['baseline'])}",
    ]
    measured = [value for value in values if value.name in result["values"]]
    for value in measured:
        entry = result["values"][value.name]
        cells = [_cell(entry.get(direction)) for direction in _DIRECTIONS]
        outcomes = [entry.get(direction, {}).get("figures") for direction in _DIRECTIONS]
        note = "no effect" if outcomes == [result["baseline"]] * 2 else ""
        line = f"{value.name:58}{_number(entry['default']):>12}  {cells[0]:34}{cells[1]:34}{note}"
        lines.append(line.rstrip())
    if left := len(list(_missing(values, result))):
        lines.append(f"{left} measurements are left; the next run goes on with them")
    return "\n".join(lines)


def _cell(outcome: dict[str, Any] | None) -> str:
    if outcome is None:
        return "-"
    figures = outcome.get("figures")
    text = _text(figures) if figures else outcome["error"][:20]
    return f"{_number(outcome['value'])}: {text}"


def _text(figures: Figures) -> str:
    shares = [missed / max(1, frames) for missed, frames in (figures["face"], figures["plate"])]
    return " / ".join(f"{100 * share:.2f}" for share in (*shares, figures["over_covered"]))


def _as_json(value: Any) -> Any:
    """The value as JSON gives it back: a list instead of a tuple."""
    return json.loads(json.dumps(value))


def _number(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_number(item) for item in value) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
