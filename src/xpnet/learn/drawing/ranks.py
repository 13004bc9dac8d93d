"""Which column each box of a graph stands in, and in which order within it."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["SWEEPS", "Edge", "Key", "Ranks", "ranked"]

Key = Hashable
Edge = tuple[Any, Any]

SWEEPS = 12  # over all columns, to and fro


class Ranks(NamedTuple):
    """The column of each box; what each edge visits; what stands in each column."""

    columns: dict[Key, int]
    chains: list[list[Key]]
    rows: list[list[Key]]


def ranked(sizes: Mapping[Any, object], edges: Sequence[Edge]) -> Ranks:
    """Return the columns of a graph, ordered so that few edges cross.

    Where an edge passes a column there is a pair (edge, column) in its row.
    """
    columns = _columns(sizes, edges)
    chains = [_chain(i, edge, columns) for i, edge in enumerate(edges)]
    rows = _rows(sizes, columns, chains)
    _uncross(rows, chains)
    return Ranks(columns, chains, rows)


def _columns(sizes: Mapping[Any, object], edges: Sequence[Edge]) -> dict[Key, int]:
    """Return the column of each box.

    What depends on nothing that others use, such as a variable or its transpose, stands
    just before its first use.
    """
    column = dict.fromkeys(sizes, 0)
    order = _order(sizes, edges)
    into: dict[Key, list[Key]] = {key: [] for key in sizes}
    out: dict[Key, list[Key]] = {key: [] for key in sizes}
    for a, b in edges:
        into[b].append(a)
        out[a].append(b)
    for key in order:
        column[key] = 1 + max((column[a] for a in into[key]), default=-1)
    loose: set[Key] = set()
    for key in order:
        if all(a in loose and len(out[a]) == 1 for a in into[key]):
            loose.add(key)
    for key in reversed(order):
        if key in loose and out[key]:
            column[key] = min(column[b] for b in out[key]) - 1
    return column


def _order(sizes: Mapping[Any, object], edges: Sequence[Edge]) -> list[Key]:
    """Return the boxes so that every edge goes forward."""
    waiting = dict.fromkeys(sizes, 0)
    for _, b in edges:
        waiting[b] += 1
    ready = [key for key, n in waiting.items() if n == 0]
    out: dict[Key, list[Key]] = {key: [] for key in sizes}
    for a, b in edges:
        out[a].append(b)
    for key in ready:  # which grows on the way
        for b in out[key]:
            waiting[b] -= 1
            if waiting[b] == 0:
                ready.append(b)
    return ready


def _chain(i: int, edge: Edge, columns: Mapping[Key, int]) -> list[Key]:
    """Return what an edge visits: its ends, and a place in each column it passes."""
    a, b = edge
    return [a, *((i, c) for c in range(columns[a] + 1, columns[b])), b]


def _rows(
    sizes: Mapping[Any, object],
    columns: Mapping[Key, int],
    chains: list[list[Any]],
) -> list[list[Key]]:
    """Return what stands in each column, in the order in which it was given."""
    rows: list[list[Key]] = [[] for _ in range(1 + max(columns.values()))]
    for key in sizes:
        rows[columns[key]].append(key)
    for edge, column in itertools.chain(*(chain[1:-1] for chain in chains)):
        rows[column].append((edge, column))
    return rows


Neighbours = dict[Key, list[Key]]


def _neighbours(chains: list[list[Key]]) -> tuple[Neighbours, Neighbours]:
    before: Neighbours = {}
    after: Neighbours = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            after.setdefault(a, []).append(b)
            before.setdefault(b, []).append(a)
    return before, after


def _uncross(rows: list[list[Key]], chains: list[list[Key]]) -> None:
    """Order each column so that few edges cross, in place."""
    before, after = _neighbours(chains)
    best, fewest = [list(row) for row in rows], _crossings(rows, after)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        steps = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for c in steps:
            beside = rows[c - 1] if down else rows[c + 1]
            _sort(rows[c], beside, before if down else after)
        count = _crossings(rows, after)
        if count < fewest:
            best, fewest = [list(row) for row in rows], count
    for row, ordered in zip(rows, best, strict=True):
        row[:] = ordered


def _sort(row: list[Key], beside: list[Key], linked: Neighbours) -> None:
    """Sort a column by the mean place of its neighbours; the others keep theirs."""
    place = {key: i for i, key in enumerate(beside)}
    own = {key: float(i) for i, key in enumerate(row)}
    wanted = {}
    for key in row:
        found = [place[n] for n in linked.get(key, ()) if n in place]
        wanted[key] = sum(found) / len(found) if found else own[key]
    row.sort(key=lambda key: (wanted[key], own[key]))


def _crossings(rows: list[list[Key]], after: Neighbours) -> int:
    """Count the pairs of edges that cross between neighbouring columns."""
    count = 0
    for left, right in itertools.pairwise(rows):
        place = {key: i for i, key in enumerate(right)}
        ends = [sorted(place[b] for b in after.get(a, ()) if b in place) for a in left]
        seen: list[int] = []
        for some in ends:
            count += sum(1 for end in some for other in seen if other > end)
            seen += some
    return count
