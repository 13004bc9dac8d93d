"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Point", "search"]

ENOUGH = 1e-4  # of the decrease that the slope at 0 promises
FLAT = 0.9  # of the slope at 0 may be left


class Point(NamedTuple):
    """A point on the line: its place, and loss, gradient and slope there."""

    t: float
    loss: float
    gradient: Any
    slope: float


def cubic_minimum(a: Point, b: Point, low: float, high: float) -> float:
    """Return where the cubic through two points, with their slopes, is least.

    Between `low` and `high`; their middle where the cubic has no minimum.
    """
    left, right = (a, b) if a.t <= b.t else (b, a)
    middle = (low + high) / 2
    if left.t == right.t:
        return middle
    chord = (left.loss - right.loss) / (left.t - right.t)
    p = left.slope + right.slope - 3 * chord
    square = p * p - left.slope * right.slope
    if not square >= 0:
        return middle
    root = math.sqrt(square)
    below = right.slope - left.slope + 2 * root
    if not math.isfinite(root) or below == 0:
        return middle
    part = (right.slope + root - p) / below
    return min(max(right.t - (right.t - left.t) * part, low), high)


def search(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    width: float,
    tolerance: float,
    most: int,
) -> tuple[Point, int]:
    """Return a point that satisfies the strong Wolfe conditions, or the best found.

    Parameters
    ----------
    evaluate : callable
        Returns the point at t.
    start : Point
        The point at 0, whose slope is negative.
    t : float
        Where to look first.
    width : float
        The largest element of the direction, by which distances on the line count.
    tolerance : float
        The distance below which the search ends.
    most : int
        How many points may be evaluated after the first.

    Returns
    -------
    Point, int
        The point, and how often `evaluate` was called.

    Notes
    -----
    Bracket, then zoom in, as in J. Nocedal and S. Wright, "Numerical Optimization", 2nd
    edition, algorithms 3.5 and 3.6, with cubic interpolation. Places are tried in the
    order of PyTorch's search.
    """
    previous, now, count = start, evaluate(t), 0
    while count < most:
        if _too_high(now, start) or (count > 1 and now.loss >= previous.loss):
            break
        if _is_flat(now, start):
            return now, count + 1
        if now.slope >= 0:
            break
        near = now.t + 0.01 * (now.t - previous.t)
        t = cubic_minimum(previous, now, near, 10 * now.t)
        previous, now = now, evaluate(t)
        count += 1
    else:
        previous = start
    return _zoom(evaluate, start, [previous, now], width, tolerance, count, most)


def _too_high(point: Point, start: Point) -> bool:
    """Tell whether the loss decreases too little: Armijo's condition fails."""
    return point.loss > start.loss + ENOUGH * point.t * start.slope


def _is_flat(point: Point, start: Point) -> bool:
    """Tell whether the slope is small enough: the curvature condition holds."""
    return abs(point.slope) <= -FLAT * start.slope


def _zoom(
    evaluate: Callable[[float], Point],
    start: Point,
    bracket: list[Point],
    width: float,
    tolerance: float,
    count: int,
    most: int,
) -> tuple[Point, int]:
    """Narrow a bracket until a point satisfies the conditions."""
    slow = False  # whether the last step stayed close to the bracket's end
    low = 0 if bracket[0].loss <= bracket[1].loss else 1
    while count < most:
        left, right = sorted(point.t for point in bracket)
        if (right - left) * width < tolerance:
            break
        t = cubic_minimum(bracket[0], bracket[1], left, right)
        t, slow = _inside(t, left, right, slow)
        point = evaluate(t)
        count += 1
        if _too_high(point, start) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if _is_flat(point, start):
            return point, count + 1
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low], count + 1


def _inside(t: float, left: float, right: float, slow: bool) -> tuple[float, bool]:
    """Return `t`, away from an end that it lies at, or close to for the second time."""
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if slow or t >= right or t <= left:
        return (right - margin if right - t < t - left else left + margin), False
    return t, True
