"""Who gets which find: the assignment of least cost, for the few that are in doubt at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

# Leaving one more of them alone costs more than any choice between finite costs can save.
_ALONE = 1e6


def assign(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) of an (N, M) cost matrix: as many as can be, and at the least cost.

    Args:
        cost: 0 to a few thousand at most; infinite where the two can't be paired.

    """
    possible = np.isfinite(cost)
    if possible.sum(axis=0).max(initial=0) <= 1 and possible.sum(axis=1).max(initial=0) <= 1:
        return list(zip(*(found.tolist() for found in np.nonzero(possible)), strict=True))
    finite = np.where(possible, cost, _ALONE)
    pairs: list[tuple[int, int]] = []
    for rows, columns in _groups(possible):
        is_turned = len(rows) > len(columns)
        fewer, more = (columns, rows) if is_turned else (rows, columns)
        values = finite[np.ix_(rows, columns)]
        for a, b in enumerate(_cheapest((values.T if is_turned else values).tolist())):
            row, column = (more[b], fewer[a]) if is_turned else (fewer[a], more[b])
            if possible[row, column]:
                pairs.append((row, column))
    return sorted(pairs)


def _groups(possible: NDArray[np.bool_]) -> Iterator[tuple[list[int], list[int]]]:
    """Rows and columns that have to do with one another, each group by itself."""
    left = set(np.flatnonzero(possible.any(axis=1)).tolist())
    while left:
        rows, columns, count = [left.pop()], [], 0
        while count != len(rows):
            count = len(rows)
            columns = np.flatnonzero(possible[rows].any(axis=0)).tolist()
            rows = np.flatnonzero(possible[:, columns].any(axis=1)).tolist()
        left.difference_update(rows)
        yield rows, columns


def _cheapest(cost: list[list[float]]) -> list[int]:
    """The column of each row of a finite cost matrix with no more rows than columns.

    Shortest augmenting paths: Jonker and Volgenant, "A shortest augmenting path algorithm for dense
    and sparse linear assignment problems", Computing 38, 1987, without their faster start.
    """
    width = len(cost[0])
    row_price, column_price = [0.0] * len(cost), [0.0] * width
    row_of = [-1] * width
    for first in range(len(cost)):
        distance, came_from = [math.inf] * width, [-1] * width
        is_done = [False] * width
        row, reached, column = first, 0.0, -1
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
        while column >= 0:
            before = came_from[column]
            row_of[column] = row_of[before] if before >= 0 else first
            column = before
    columns = [-1] * len(cost)
    for j, row in enumerate(row_of):
        if row >= 0:
            columns[row] = j
    return columns
