"""Assignment: as many pairs as possible, at the lowest total cost."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from redact.tracking.assignment import assign


@given(
    cost=arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        elements=st.one_of(st.just(np.inf), st.floats(0, 2)),
    )
)
def test_no_other_assignment_makes_more_pairs_or_costs_less(cost):
    pairs = assign(cost)
    rows, columns = cost.shape
    padded = np.full((rows, columns + rows), 1e6)
    padded[:, :columns] = np.where(np.isfinite(cost), cost, 1e6)
    ways = itertools.permutations(range(columns + rows), rows)
    cheapest = min(sum(padded[row, way[row]] for row in range(rows)) for way in ways)
    assert all(np.isfinite(cost[pair]) for pair in pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    alone = rows - len(pairs)
    assert sum(cost[pair] for pair in pairs) + 1e6 * alone == pytest.approx(cheapest, abs=1e-6)


@pytest.mark.parametrize("is_transposed", [False, True])
def test_in_a_crowd_every_row_gets_its_cheapest_column(is_transposed):
    """Each row has a cheapest column of its own, so that nothing can be cheaper."""
    rng = np.random.default_rng(3)
    cost = rng.uniform(1, 2, (40, 60))
    own = rng.permutation(60)[:40]
    cost[np.arange(40), own] = rng.uniform(0, 0.5, 40)
    pairs = assign(cost.T if is_transposed else cost)
    expected = [(int(b), a) if is_transposed else (a, int(b)) for a, b in enumerate(own)]
    assert pairs == sorted(expected)


def test_the_second_cheapest_column_goes_to_the_row_that_loses_least():
    cost = np.array([[0.0, 1.0, np.inf], [0.1, 2.0, np.inf], [np.inf, np.inf, 0.3]])
    assert assign(cost) == [(0, 1), (1, 0), (2, 2)]


def test_impossible_pairs_are_never_made():
    assert assign(np.full((2, 3), np.inf)) == []
    assert assign(np.zeros((0, 3))) == []
    assert assign(np.array([[np.inf, 1.0], [np.inf, 0.5]])) == [(1, 1)]
