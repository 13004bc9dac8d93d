"""The paths from a variable to the result: the chain rule, one product at a time."""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import Any

from .steps import Step
from .trace import Trace

__all__ = ["Paths", "find_paths", "gradients"]


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


def find_paths(
    trace: Trace, variable: Step, grads: dict[Step, Any], limit: int
) -> Paths:
    """Return the paths from the result down to a variable.

    All of them if there are no more than `limit`; otherwise the strongest. Where every
    step is one number that search is exact; for arrays the strength of a path that has
    not been followed to its end is estimated by how much each step scales the whole
    gradient.
    """
    counts = _counts(trace, variable)
    reach = _reach(trace, variable, grads, counts)
    found = _strongest(trace, variable, counts, reach, limit)
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
    trace: Trace, variable: Step, grads: dict[Step, Any], counts: dict[Step, int]
) -> dict[Step, float]:
    """Return by how much the strongest way down from each step scales a gradient."""
    reach = {variable: 1.0}
    for step in trace.steps:
        if step is variable or not counts[step]:
            continue
        g = grads.get(step)
        size = 0.0 if g is None else _norm(trace, g)
        best = 0.0
        for i, x in step.parts:
            if not counts[x] or not size:
                continue
            part = step.pull(g, only=i)[i]
            if part is not None:
                best = max(best, _norm(trace, part) / size * reach[x])
        reach[step] = best
    return reach


def _strongest(
    trace: Trace,
    variable: Step,
    counts: dict[Step, int],
    reach: dict[Step, float],
    limit: int,
) -> list[Path]:
    """Follow the gradient down, the most promising beginning first."""
    order = itertools.count()
    start = trace.lib.raw.ones_like(trace.result.value)
    queue: list[Any] = [(0.0, next(order), trace.result, start, ())]
    found: list[Path] = []
    while queue and len(found) < limit:
        _, _, step, g, edges = heapq.heappop(queue)
        if step is variable:
            found.append(Path(edges, g))
            continue
        for i, x in step.parts:
            if not counts[x]:
                continue
            part = step.pull(g, only=i)[i]
            if part is not None:
                strength = _norm(trace, part) * reach[x]
                entry = (-strength, next(order), x, part, (*edges, Edge(step, i)))
                heapq.heappush(queue, entry)
    return found


def _norm(trace: Trace, x: Any) -> float:
    """Return the length of an array as a vector; infinity where it is not finite."""
    total = float((abs(trace.lib.to_host(x)) ** 2.0).sum())
    return math.sqrt(total) if math.isfinite(total) else math.inf
