"""The paths from a variable to the result: the chain rule, one product at a time."""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from .arrays import on_host
from .steps import Step
from .trace import Trace

__all__ = ["Edge", "Path", "Paths", "edge_scales", "find_paths", "gradients"]

Scales = dict[tuple[Step, int], float]


@dataclass(frozen=True, slots=True)
class Edge:
    """One factor of a path: from a step down to one of its inputs."""

    step: Step
    index: int

    @property
    def below(self) -> Step:
        """The input."""
        below = self.step.inputs[self.index]
        assert type(below) is Step
        return below


@dataclass(frozen=True, eq=False, slots=True)
class Path:
    """One path, from the result down, and what it adds to the gradient."""

    edges: tuple[Edge, ...]
    contribution: Any


@dataclass(frozen=True, eq=False, slots=True)
class Paths:
    """The strongest paths, how many there are in all, and what the others add."""

    found: list[Path]
    count: int
    total: Any
    rest: Any


def gradients(trace: Trace) -> dict[Step, Any]:
    """Return the gradient of the result with respect to every step.

    Each rule is asked once, from the last step to the first: this *is* backpropagation.
    """
    raw = trace.lib.raw
    found = {trace.result: raw.ones_like(trace.result.value)}
    for step in reversed(trace.steps):
        if step.row is None or step not in found:
            continue
        for (_, x), g in zip(step.parts, _parts(step, found[step]), strict=True):
            if g is not None:
                found[x] = found[x] + g if x in found else g
    return found


def _parts(step: Step, g: Any) -> list[Any]:
    given = step.pull(g)
    return [given[i] for i, _ in step.parts]


def edge_scales(trace: Trace, grads: dict[Step, Any]) -> Scales:
    """Return by how much each rule scales the gradient that goes through it.

    For one number that is the size of the slope, whatever the gradient; for arrays it
    is measured on the gradient itself.
    """
    scales: Scales = {}
    for step in trace.steps:
        g = grads.get(step)
        if step.row is None or g is None:
            continue
        size = _norm(trace, g)
        if not 0.0 < size < math.inf or math.prod(g.shape) == 1:
            g = trace.lib.raw.ones_like(g)
            size = _norm(trace, g)
        for (i, _), part in zip(step.parts, _parts(step, g), strict=True):
            if part is not None and size:
                scales[step, i] = _norm(trace, part) / size
    return scales


def find_paths(
    trace: Trace, variable: Step, grads: dict[Step, Any], scales: Scales, limit: int
) -> Paths:
    """Return the paths from the result down to a variable.

    All of them if there are no more than `limit`; otherwise the strongest. Where every
    step is one number that search is exact; for arrays the strength of a path that has
    not been followed to its end is estimated by how much each step scales the whole
    gradient.
    """
    counts = _counts(trace, variable)
    search = _Search(trace, variable, counts, _reach(trace, variable, scales, counts))
    found = search.strongest(limit)
    found.sort(key=lambda path: -_norm(trace, path.contribution))
    shown: Any = None
    for path in found:
        shown = path.contribution if shown is None else shown + path.contribution
    total = grads.get(variable)
    whole = counts[trace.result] <= len(found)
    rest = None if whole or total is None or shown is None else total - shown
    return Paths(found, counts[trace.result], shown if whole else total, rest)


def _counts(trace: Trace, variable: Step) -> dict[Step, int]:
    """Return how many paths lead from each step down to the variable."""
    counts: dict[Step, int] = {}
    for step in trace.steps:
        below = 0 if step is variable else sum(counts[x] for _, x in step.parts)
        counts[step] = 1 if step is variable else below
    return counts


def _reach(
    trace: Trace, variable: Step, scales: Scales, counts: dict[Step, int]
) -> dict[Step, float]:
    """Return by how much the strongest way down from each step scales a gradient."""
    reach = {variable: 1.0}
    for step in trace.steps:
        if step is variable or not counts[step]:
            continue
        ways = [
            _times(scales[step, i], reach[x])
            for i, x in step.parts
            if counts[x] and (step, i) in scales
        ]
        reach[step] = max(ways, default=0.0)
    return reach


def _times(x: float, y: float) -> float:
    """Return a product of sizes; what is not a number counts as infinite."""
    product = x * y
    return math.inf if math.isnan(product) else product


class _Way(NamedTuple):
    """The beginning of a path: where it has got to, and what it made of a gradient."""

    step: Step
    gradient: Any
    edge: Edge | None
    before: _Way | None

    def edges(self) -> tuple[Edge, ...]:
        """Return its edges from the result down."""
        found: list[Edge] = []
        way: _Way | None = self
        while way is not None and way.edge is not None:
            found.append(way.edge)
            way = way.before
        return tuple(reversed(found))


class _Search:
    """Follows the gradient down, the most promising beginning first.

    With numbers a beginning never promises too much or too little, so only strongest
    paths are followed. With arrays it may; after a number of steps in proportion to the
    size of the graph, each of the best beginnings is followed straight to its end.
    """

    def __init__(
        self,
        trace: Trace,
        variable: Step,
        counts: dict[Step, int],
        reach: dict[Step, float],
    ) -> None:
        self.trace, self.variable = trace, variable
        self.counts, self.reach = counts, reach
        self.order = itertools.count()
        self.queue: list[tuple[float, int, _Way]] = []

    def strongest(self, limit: int) -> list[Path]:
        """Return up to `limit` paths."""
        ones = self.trace.lib.raw.ones_like(self.trace.result.value)
        self._push(_Way(self.trace.result, ones, None, None))
        found: list[Path] = []
        left = 2 * limit * len(self.trace.steps)
        while self.queue and len(found) < limit:
            way = heapq.heappop(self.queue)[2]
            if left < 0:
                way = self._straight(way)
            if way.step is self.variable:
                found.append(Path(way.edges(), way.gradient))
                continue
            left -= 1
            for new in self._next(way):
                self._push(new)
        return found

    def _push(self, way: _Way) -> None:
        # of equally strong ones the last comes first, and so gets to its end
        entry = (-self._promise(way), -next(self.order), way)
        heapq.heappush(self.queue, entry)

    def _promise(self, way: _Way) -> float:
        """Return how strong a path may become, as a logarithm without its last bits."""
        strength = _times(_norm(self.trace, way.gradient), self.reach[way.step])
        if not 0.0 < strength < math.inf:
            return math.inf if strength else -math.inf
        return round(math.log(strength), 9)

    def _next(self, way: _Way) -> list[_Way]:
        """Return the ways that lead one step further down."""
        found = []
        for i, x in way.step.parts:
            if not self.counts[x]:
                continue
            part = way.step.pull(way.gradient, only=i)[i]
            if part is not None:
                found.append(_Way(x, part, Edge(way.step, i), way))
        return found

    def _straight(self, way: _Way) -> _Way:
        """Follow a way down to the variable, by its most promising step each time."""
        while way.step is not self.variable:
            ways = self._next(way)
            if not ways:
                break
            way = max(ways, key=self._promise)
        return way


def _norm(trace: Trace, x: Any) -> float:
    """Return the length of an array as a vector; infinity where it is not finite."""
    total = float((abs(on_host(trace.lib, x)) ** 2.0).sum())
    return math.sqrt(total) if math.isfinite(total) else math.inf
