"""The assignment problem: pair rows with columns at the lowest total cost."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# The cost of an impossible pair: more than any choice between finite costs can save.
_IMPOSSIBLE_COST = 1e6


def assign(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns: as many pairs as possible, and among those the lowest total cost.

    Args:
        cost: (N, M) finite costs between 0 and a few thousand; infinite for impossible pairs.

    Returns:
        The pairs (row, column), sorted.

    """
    is_possible = np.isfinite(cost)
    if is_possible.sum(axis=0).max(initial=0) <= 1 and is_possible.sum(axis=1).max(initial=0) <= 1:
        # The usual case: nothing to decide.
        return list(zip(*(axis.tolist() for axis in np.nonzero(is_possible)), strict=True))
    finite = np.where(is_possible, cost, _IMPOSSIBLE_COST)
    pairs: list[tuple[int, int]] = []
    for rows, columns in _connected_groups(is_possible):
        is_transposed = len(rows) > len(columns)
        fewer, more = (columns, rows) if is_transposed else (rows, columns)
        values = finite[np.ix_(rows, columns)]
        for a, b in enumerate(_cheapest((values.T if is_transposed else values).tolist())):
            row, column = (more[b], fewer[a]) if is_transposed else (fewer[a], more[b])
            if is_possible[row, column]:
                pairs.append((row, column))
    return sorted(pairs)


def _connected_groups(is_possible: NDArray[np.bool_]) -> Iterator[tuple[list[int], list[int]]]:
    """The rows and columns of each connected component of possible pairs."""
    remaining = set(np.flatnonzero(is_possible.any(axis=1)).tolist())
    while remaining:
        rows, columns, count = [remaining.pop()], [], 0
        while count != len(rows):
            count = len(rows)
            columns = np.flatnonzero(is_possible[rows].any(axis=0)).tolist()
            rows = np.flatnonzero(is_possible[:, columns].any(axis=1)).tolist()
        remaining.difference_update(rows)
        yield rows, columns


def _cheapest(cost: list[list[float]]) -> list[int]:
    """The column of each row of a finite cost matrix with no more rows than columns.

    Shortest augmenting paths: Jonker and Volgenant, "A shortest augmenting path algorithm for dense
    and sparse linear assignment problems", Computing 38, 1987, without their initialisation. Rows
    are added one at a time; each follows the cheapest path of reassignments to a free column, with
    row and column prices (dual variables) that keep all reduced costs at 0 or above.
    """
    width = len(cost[0])
    row_price, column_price = [0.0] * len(cost), [0.0] * width
    row_of = [-1] * width
    for first in range(len(cost)):
        distance, came_from = [math.inf] * width, [-1] * width
        is_done = [False] * width
        row, reached, column = first, 0.0, -1
        # Dijkstra's algorithm over columns, until it reaches one without a row.
        while row >= 0:
            for j in range(width):
                if not is_done[j]:
                    far = reached + cost[row][j] - row_price[row] - column_price[j]
                    if far < distance[j]:
                        distance[j], came_from[j] = far, column
            column = min((j for j in range(width) if not is_done[j]), key=distance.__getitem__)
            reached, is_done[column] = distance[column], True
            row = row_of[column]
        row_price[first] += reached
        for j in range(width):
            if is_done[j] and j != column:
                column_price[j] -= reached - distance[j]
                row_price[row_of[j]] += reached - distance[j]
        # Shift the rows along the path.
        while column >= 0:
            before = came_from[column]
            row_of[column] = row_of[before] if before >= 0 else first
            column = before
    columns = [-1] * len(cost)
    for j, row in enumerate(row_of):
        if row >= 0:
            columns[row] = j
    return columns
