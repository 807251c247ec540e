"""The sensitivity benchmark changes one tuned value at a time, puts it back, and can be resumed."""

import dataclasses
import json
import sys
import types

import pytest

from benchmarks import sensitivity
from benchmarks.tuning_values import changed, scaled, stages, tuned_values


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindTuning:
    margin_ratio: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
    gap_seconds: float = 2.0
    min_count: int = 1
    name: str = "a name is no number"
    is_on: bool = True
    kinds: types.MappingProxyType = dataclasses.field(
        default_factory=lambda: types.MappingProxyType({"face": KindTuning(margin_ratio=0.5)})
    )


@pytest.fixture
def fake(monkeypatch):
    """A package with a tuning module, and a module that imported the values from it."""
    tuning, user = types.ModuleType("fake.tuning"), types.ModuleType("fake.user")
    tuning.TUNING = user.RENAMED = Tuning()
    tuning.KINDS = user.KINDS = {"plate": KindTuning(margin_ratio=0.2)}
    for module in (tuning, user):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return types.SimpleNamespace(
        tuning=tuning, user=user, values={v.name: v for v in tuned_values("fake", tuning)}
    )


@pytest.fixture
def measure(fake):
    """Figures that depend on the gap, and on the count below 1; `calls` has what was seen."""

    def figures():
        seen = fake.user.RENAMED
        measure.calls.append((seen.gap_seconds, seen.min_count))
        if seen.min_count < 1:
            raise ValueError("min_count must be at least 1")
        missed = 3 if seen.gap_seconds < 2 else 0
        return {"face": [missed, 10], "plate": [0, 10], "over_covered": 0.01}

    measure.calls = []
    figures.calls = measure.calls
    return figures


def run(fake, measure, path, **options):
    values = list(fake.values.values())
    kept = {"scenes": ["a"], "change": 0.3}
    return values, sensitivity.run(values, measure, path, kept, package="fake", **options)


def test_all_numbers_are_listed_with_those_of_tables_and_nested_dataclasses(fake):
    assert {name: value.default for name, value in fake.values.items()} == {
        "fake.TUNING.gap_seconds": 2.0,
        "fake.TUNING.min_count": 1,
        "fake.TUNING.kinds.face.margin_ratio": 0.5,
        "fake.KINDS.plate.margin_ratio": 0.2,
    }


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("fake.TUNING.gap_seconds", lambda user: user.RENAMED.gap_seconds),
        (
            "fake.TUNING.kinds.face.margin_ratio",
            lambda user: user.RENAMED.kinds["face"].margin_ratio,
        ),
        ("fake.KINDS.plate.margin_ratio", lambda user: user.KINDS["plate"].margin_ratio),
    ],
)
def test_a_changed_value_is_seen_where_it_was_imported_and_is_put_back(fake, name, read):
    with pytest.raises(RuntimeError), changed(fake.values[name], 9.0, package="fake"):
        assert read(fake.user) == 9.0
        raise RuntimeError
    assert read(fake.user) == fake.values[name].default
    assert fake.user.RENAMED is fake.tuning.TUNING
    assert fake.user.KINDS is fake.tuning.KINDS


def test_integers_change_by_at_least_one_and_tuples_as_a_whole():
    assert [scaled(1, 0.7), scaled(1, 1.3), scaled(10, 1.3), scaled(-10, 0.7)] == [0, 2, 13, -7]
    assert scaled((10.0, 2), 0.5) == (5.0, 1)
    assert scaled(0, 1.3) == 0


def test_the_table_shows_changed_figures_errors_and_values_without_effect(fake, measure, tmp_path):
    values, result = run(fake, measure, tmp_path / "s.json")
    lines = sensitivity.table(values, result).splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert "1.4: 30.00 / 0.00 / 1.00" in rows["fake.TUNING.gap_seconds"]
    assert "2.6: 0.00 / 0.00 / 1.00" in rows["fake.TUNING.gap_seconds"]
    assert not rows["fake.TUNING.gap_seconds"].endswith("no effect")
    assert "0: ValueError" in rows["fake.TUNING.min_count"]
    assert rows["fake.KINDS.plate.margin_ratio"].endswith("no effect")
    assert "left" not in lines[-1]


def test_a_second_run_measures_only_what_is_missing(fake, measure, tmp_path):
    path = tmp_path / "s.json"
    values, result = run(fake, measure, path, budget_seconds=-1)
    assert len(measure.calls) == 1  # without any change
    assert "8 measurements are left" in sensitivity.table(values, result)
    run(fake, measure, path)
    assert len(measure.calls) == 1 + 1 + 8
    run(fake, measure, path)
    assert len(measure.calls) == 1 + 1 + 8 + 1
    assert set(json.loads(path.read_text())["values"]) == set(fake.values)


def test_saved_figures_are_discarded_when_those_without_change_differ(fake, measure, tmp_path):
    path = tmp_path / "s.json"
    run(fake, measure, path)
    saved = json.loads(path.read_text())
    saved["baseline"]["over_covered"] = 0.5
    path.write_text(json.dumps(saved))
    run(fake, measure, path)
    assert len(measure.calls) == 9 + 9


def test_a_value_with_a_new_default_is_measured_again(fake, measure, tmp_path):
    path = tmp_path / "s.json"
    run(fake, measure, path)
    saved = json.loads(path.read_text())
    saved["values"]["fake.KINDS.plate.margin_ratio"]["default"] = 0.1
    path.write_text(json.dumps(saved))
    run(fake, measure, path)
    assert len(measure.calls) == 9 + 3


def test_the_values_of_the_package_are_found():
    modules = stages()
    names = [
        value.name for stage, module in modules.items() for value in tuned_values(stage, module)
    ]
    assert len(names) == len(set(names)) > 20
