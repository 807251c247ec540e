"""Who gets which find: as many as can be, at the least cost."""

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
def test_who_gets_which_find_is_the_cheapest_way_that_leaves_least_alone(cost):
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


@pytest.mark.parametrize("turned", [False, True])
def test_a_crowd_gets_what_lies_nearest(turned):
    """Each at the least cost there is, so that nothing can be cheaper."""
    rng = np.random.default_rng(3)
    cost = rng.uniform(1, 2, (40, 60))
    own = rng.permutation(60)[:40]
    cost[np.arange(40), own] = rng.uniform(0, 0.5, 40)
    pairs = assign(cost.T if turned else cost)
    assert pairs == sorted((int(b), a) if turned else (a, int(b)) for a, b in enumerate(own))


def test_the_second_nearest_goes_to_whoever_loses_least():
    cost = np.array([[0.0, 1.0, np.inf], [0.1, 2.0, np.inf], [np.inf, np.inf, 0.3]])
    assert assign(cost) == [(0, 1), (1, 0), (2, 2)]


def test_nobody_gets_what_is_out_of_reach():
    assert assign(np.full((2, 3), np.inf)) == []
    assert assign(np.zeros((0, 3))) == []
    assert assign(np.array([[np.inf, 1.0], [np.inf, 0.5]])) == [(1, 1)]
