"""What a network says over a plane of two features."""

from __future__ import annotations

from typing import Any, final

import numpy as np

from .. import nn
from ..calculus.tape import no_grad
from .networks import Problem
from .own import like_parameter
from .training import host

__all__ = ["Plane"]

GRID = 60
"""Points, each way."""
POINTS = 1000
"""Examples drawn, at most."""


@final
class Plane:
    """Two features of examples; all others are held constant at their means.

    Parameters
    ----------
    problem : Problem
        Its examples are rows of at least two numbers.
    axes : pair of int
        The features.
    """

    def __init__(self, problem: Problem, axes: tuple[int, int] = (0, 1)) -> None:
        self.problem, self.axes = problem, axes
        self._features = host(problem.x)
        self.bounds = [edge for axis in axes for edge in self._edges(axis)]
        self._rows: Any = None

    @staticmethod
    def exists(problem: Problem) -> bool:
        """Return whether the examples are rows of at least two numbers."""
        shape = problem.x.shape
        return len(shape) == 2 and bool(shape[1] >= 2)

    def _edges(self, axis: int) -> tuple[float, float]:
        """Return the ends of an axis, wider than the points."""
        low, high = (float(f(self._features[:, axis])) for f in (np.min, np.max))
        margin = 0.12 * (high - low) or 1.0
        return low - margin, high + margin

    def points(self) -> dict[str, Any]:
        """Return the examples to draw, with all their features, and their labels."""
        labels = self.problem.labels.reshape(len(self._features), -1)[:, 0]
        return {
            "points": self._features[:POINTS].astype(np.float32),
            "labels": labels[:POINTS].astype(np.float64),
        }

    def said(self, model: nn.Module) -> dict[str, Any]:
        """Return what a model says on the grid, (y, x).

        A probability of the second of two classes; the largest one of more, and the
        class that has it; or the output.
        """
        if self._rows is None:
            self._rows = like_parameter(self._grid(), next(iter(model.parameters())))
        with no_grad():
            said = host(self.problem.prediction(model.eval()(self._rows)))
        said = said.reshape(GRID * GRID, -1).astype(np.float32)
        shape = (GRID, GRID)
        if self.problem.task != "classes":
            return {"boundary": said[:, 0].reshape(shape)}
        winner = said.argmax(axis=1).astype(np.uint8).reshape(shape)
        return {"boundary": said.max(axis=1).reshape(shape), "winner": winner}

    def _grid(self) -> Any:
        """Return the features at the points of the grid, (GRID * GRID, features)."""
        left, right, bottom, top = self.bounds
        rows = np.repeat(self._features.mean(axis=0)[None], GRID * GRID, axis=0)
        rows[:, self.axes[0]] = np.tile(np.linspace(left, right, GRID), GRID)
        rows[:, self.axes[1]] = np.repeat(np.linspace(bottom, top, GRID), GRID)
        return rows
