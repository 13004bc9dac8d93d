"""Place the boxes of a graph in columns, from what is computed first to the result.

Columns by the longest path, few crossings by sweeps over medians, heights that bend
edges as little as the boxes allow (Sugiyama, Tagawa and Toda, 1981; Gansner and others,
1993). Nothing here knows what is in a box.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Layout", "Place", "layered"]

Key = Hashable
Edge = tuple[Any, Any]

ROW_GAP = 22.0
DUMMY = 14.0  # the height that an edge takes up where it passes a column
SWEEPS = 12


class Place(NamedTuple):
    """A box: its top left corner and its size."""

    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    """Where each box is, and the points through which each edge goes."""

    places: dict[Key, Place]
    routes: list[list[tuple[float, float]]]
    width: float
    height: float


def layered(
    sizes: Mapping[Any, tuple[float, float]],
    edges: Sequence[Edge],
    run: Callable[[list[int]], float],
    *,
    bend: float,
    weights: Sequence[float] | None = None,
) -> Layout:
    """Return a layout of a directed graph without cycles, from left to right.

    Parameters
    ----------
    sizes : mapping
        The width and height of each box; no box is called by a tuple.
    edges : sequence of pairs
        From which box to which; the same pair may come more than once.
    run : callable
        ``run(edges)`` is how far the edges with these numbers, which arrive at one
        column, run straight before it: the room for what is written on them.
    bend : float
        The space after a column in which edges bend.
    weights : sequence of float, optional
        How much each edge pulls its ends to one height, by default 1.
    """
    columns = _columns(sizes, edges)
    chains = [_chain(i, edge, columns) for i, edge in enumerate(edges)]
    rows = _rows(sizes, columns, chains)
    _uncross(rows, chains)
    height = {key: size[1] for key, size in sizes.items()}
    tops = _tops(rows, chains, weights or [1.0] * len(edges), height)
    lefts = _lefts(rows, sizes, _straight(rows, edges, columns, run), bend)
    places = {
        key: Place(lefts[columns[key]].left, tops[key], *size)
        for key, size in sizes.items()
    }
    routes = _routes(edges, chains, places, tops, lefts)
    right = max(p.x + p.width for p in places.values())
    bottom = max(*(p.y + p.height for p in places.values()), _lowest(routes))
    return Layout(places, routes, right, bottom)


def _columns(sizes: Mapping[Any, object], edges: Sequence[Edge]) -> dict[Key, int]:
    """Return the column of each box; what nothing feeds stands before its first use."""
    column = dict.fromkeys(sizes, 0)
    order = _order(sizes, edges)
    into: dict[Key, list[Key]] = {key: [] for key in sizes}
    out: dict[Key, list[Key]] = {key: [] for key in sizes}
    for a, b in edges:
        into[b].append(a)
        out[a].append(b)
    for key in order:
        column[key] = 1 + max((column[a] for a in into[key]), default=-1)
    for key in reversed(order):
        if not into[key] and out[key]:
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


def _column(key: Key, columns: Mapping[Key, int]) -> int:
    if key in columns:
        return columns[key]
    assert isinstance(key, tuple)
    return int(key[1])


def _rows(
    sizes: Mapping[Any, object],
    columns: Mapping[Key, int],
    chains: list[list[Key]],
) -> list[list[Key]]:
    """Return what stands in each column, in the order in which it was given."""
    rows: list[list[Key]] = [[] for _ in range(1 + max(columns.values()))]
    for key in sizes:
        rows[columns[key]].append(key)
    for key in itertools.chain(*(chain[1:-1] for chain in chains)):
        rows[_column(key, columns)].append(key)
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


Weighted = dict[Key, list[tuple[Key, float]]]


def _tops(
    rows: list[list[Key]],
    chains: list[list[Key]],
    weights: Sequence[float],
    height: Mapping[Key, float],
) -> dict[Key, float]:
    """Return the upper end of everything, close to what it is joined to."""
    before: Weighted = {}
    after: Weighted = {}
    for chain, weight in zip(chains, weights, strict=True):
        for a, b in itertools.pairwise(chain):
            after.setdefault(a, []).append((b, weight))
            before.setdefault(b, []).append((a, weight))
    middle: dict[Key, float] = {}
    for row in rows:
        _settle(row, [(0.0, 1.0)] * len(row), height, middle)
    for sweep in range(SWEEPS):
        linked = (before, after)[sweep % 2]
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_mean(key, linked, middle) for key in row]
            _settle(row, wanted, height, middle)
    tops = {key: y - height.get(key, DUMMY) / 2 for key, y in middle.items()}
    least = min(tops.values())
    return {key: y - least for key, y in tops.items()}


def _mean(
    key: Key, linked: Weighted, middle: Mapping[Key, float]
) -> tuple[float, float]:
    """Return where something would like to be, and how much."""
    found = linked.get(key, ())
    if not found:
        return middle[key], 0.01
    weight = sum(w for _, w in found)
    return sum(middle[n] * w for n, w in found) / weight, weight


def _settle(
    row: list[Key],
    wanted: list[tuple[float, float]],
    height: Mapping[Key, float],
    middle: dict[Key, float],
) -> None:
    """Place a column as near to `wanted` as its order and the gaps allow."""
    sizes = [height.get(key, DUMMY) for key in row]
    offsets = [0.0]
    for a, b in itertools.pairwise(sizes):
        offsets.append(offsets[-1] + (a + b) / 2 + ROW_GAP)
    blocks: list[tuple[float, float, int]] = []  # runs that touch: mean, weight, size
    for (want, weight), offset in zip(wanted, offsets, strict=True):
        blocks.append((want - offset, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            (a, v, m), (b, w, n) = blocks[-2:]
            blocks[-2:] = [((a * v + b * w) / (v + w), v + w, m + n)]
    starts = [mean for mean, _, n in blocks for _ in range(n)]
    for key, start, offset in zip(row, starts, offsets, strict=True):
        middle[key] = start + offset


class Column(NamedTuple):
    """Where edges begin to run straight towards a column, and its two ends."""

    straight: float
    left: float
    right: float


def _straight(
    rows: list[list[Key]],
    edges: Sequence[Edge],
    columns: Mapping[Key, int],
    run: Callable[[list[int]], float],
) -> list[float]:
    arriving: list[list[int]] = [[] for _ in rows]
    for i, (_, b) in enumerate(edges):
        arriving[columns[b]].append(i)
    return [run(some) for some in arriving]


def _lefts(
    rows: list[list[Key]],
    sizes: Mapping[Any, tuple[float, float]],
    straight: list[float],
    bend: float,
) -> list[Column]:
    found, x = [], 0.0
    for c, row in enumerate(rows):
        width = max((sizes[key][0] for key in row if key in sizes), default=0.0)
        left = x + straight[c] if c else x
        found.append(Column(x, left, left + width))
        x = left + width + bend
    return found


def _routes(
    edges: Sequence[Edge],
    chains: list[list[Key]],
    places: Mapping[Key, Place],
    tops: Mapping[Key, float],
    lefts: list[Column],
) -> list[list[tuple[float, float]]]:
    """Return the points of each edge; each has a place of its own where it arrives."""
    ports = _ports(edges, chains, places, tops)
    starts = {column.left: column.straight for column in lefts}
    routes = []
    for i, (a, _) in enumerate(edges):
        start = places[a]
        points = [(start.x + start.width, start.y + start.height / 2)]
        for key in chains[i][1:-1]:
            assert isinstance(key, tuple)
            y = tops[key] + DUMMY / 2
            points += [(x, y) for x in (lefts[key[1]].straight, lefts[key[1]].right)]
        x, y = ports[i]
        routes.append([*points, (starts[x], y), (x, y)])
    return routes


def _ports(
    edges: Sequence[Edge],
    chains: list[list[Key]],
    places: Mapping[Key, Place],
    tops: Mapping[Key, float],
) -> dict[int, tuple[float, float]]:
    """Spread the edges that arrive at a box over its left side, from top to bottom."""

    def origin(i: int) -> float:
        key = chains[i][-2]
        return places[key].y + places[key].height / 2 if key in places else tops[key]

    arriving: dict[Key, list[int]] = {}
    for i, (_, b) in enumerate(edges):
        arriving.setdefault(b, []).append(i)
    ports = {}
    for key, some in arriving.items():
        place = places[key]
        for n, i in enumerate(sorted(some, key=lambda i: (origin(i), i))):
            y = place.y + place.height * (n + 1) / (len(some) + 1)
            ports[i] = (place.x, y)
    return ports


def _lowest(routes: list[list[tuple[float, float]]]) -> float:
    return max((y for route in routes for _, y in route), default=0.0)
