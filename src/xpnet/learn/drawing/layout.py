"""Place the boxes of a graph in columns, from what is computed first to the result.

Columns by the longest path, few crossings by sweeps over medians, heights that bend
edges as little as the boxes allow (Sugiyama, Tagawa and Toda, 1981; Gansner and others,
1993). Nothing here knows what is in a box.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .ranks import SWEEPS, Edge, Key, ranked

__all__ = ["Layout", "Place", "layered"]

ROW_GAP = 22.0
DUMMY = 14.0  # the height that an edge takes up where it passes a column


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
    columns, chains, rows = ranked(sizes, edges)
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
