"""Formulas and their derivatives at many points at once, by the tape."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import xpnet as xn

from ..formula import Formula

__all__ = ["Points", "differentiate", "evaluate", "same", "scatter"]

Points = Mapping[str, Any]


def scatter(names: Sequence[str], low: float, high: float, count: int = 12) -> Points:
    """Return random values for each name, always the same: one in each part of a range.

    Examples
    --------
    >>> points = scatter(["x"], 0.0, 3.0, count=3)
    >>> sorted(np.floor(points["x"]).tolist())
    [0.0, 1.0, 2.0]
    """
    numbers = random.Random(0)

    def spread() -> Any:
        parts = numbers.sample(range(count), count)
        shares = [(part + numbers.random()) / count for part in parts]
        return low + (high - low) * np.asarray(shares)

    return {name: spread() for name in names}


def evaluate(formula: str, points: Points) -> Any:
    """Return the values of a formula, NaN where it has none.

    Examples
    --------
    >>> evaluate("2x", {"x": np.asarray([1.0, 3.0])}).tolist()
    [2.0, 6.0]
    """
    return np.asarray(Formula(formula, tuple(points))(*points.values()))


def differentiate(formula: str, by: str, points: Points) -> Any:
    """Return what `xpnet.grad` gives for a formula, by one of its variables.

    Examples
    --------
    >>> differentiate("x**2", "x", {"x": np.asarray([1.0, 3.0])}).tolist()
    [2.0, 6.0]
    """
    function = Formula(formula, tuple(points))
    index = list(points).index(by)

    def total(*values: Any) -> Any:
        return xn.xp.sum(function(*values))

    with np.errstate(all="ignore"):
        return np.asarray(xn.grad(total, argnums=index)(*points.values()))


def same(a: Any, b: Any) -> bool:
    """Whether two formulas agree at all points, as float64 can tell."""
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True))
