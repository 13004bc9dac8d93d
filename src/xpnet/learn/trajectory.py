"""Where the parameters of a model were while it was trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np

import xpnet as xn

from ..errors import OptionError, ShapeError
from ..nn import Module

__all__ = ["Trajectory", "flat", "flat_points"]


@final
class Trajectory:
    """Keeps the parameters of a model, on the host, whenever it is called.

    Parameters
    ----------
    model : Module
        The model that is trained.
    every : int
        How many calls it takes to keep one; the first call always does.

    Attributes
    ----------
    points : list of numpy.ndarray
        All parameters as one vector, in the order of ``model.parameters()``.

    Raises
    ------
    OptionError
        If `every` is not an integer of at least 1.

    Examples
    --------
    >>> from xpnet import nn
    >>> model = nn.Linear(2, 1, rng=0)
    >>> passed = Trajectory(model)
    >>> for step in range(3):
    ...     passed()  # and here the optimizer's step
    >>> len(passed), passed.points[0].shape
    (3, (3,))
    """

    def __init__(self, model: Module, every: int = 1) -> None:
        if type(every) is not int or every < 1:
            raise OptionError(
                f"Trajectory: every is an integer of at least 1, not {every!r:.40}."
            )
        self._model = model
        self._every = every
        self._calls = 0
        self.points: list[np.ndarray[Any, Any]] = []

    def __call__(self) -> None:
        """Keep the parameters as they are now, if it is time to."""
        if self._calls % self._every == 0:
            self.points.append(flat(self._model.parameters()))
        self._calls += 1

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        size = len(self.points[0]) if self.points else 0
        return f"Trajectory({len(self)} points of {size} numbers)"


def flat(arrays: Iterable[Any]) -> np.ndarray[Any, Any]:
    """Return arrays as one new vector on the host."""
    parts = [_on_host(x).ravel() for x in arrays]
    return np.concatenate(parts) if parts else np.zeros(0)


def flat_points(trajectory: Any, model: Module) -> np.ndarray[Any, Any]:
    """Return the points of a trajectory as rows, in float64.

    A point is a vector, or a dict of arrays by name, as ``model.state_dict()`` gives.
    """
    found = trajectory.points if isinstance(trajectory, Trajectory) else trajectory
    size = model.num_parameters()
    names = [name for name, _ in model.named_parameters()]
    rows = []
    for point in found:
        if isinstance(point, Mapping):
            missing = [name for name in names if name not in point]
            if missing:
                raise OptionError(
                    f"landscape: a point of the trajectory lacks {missing[0]!r}; give "
                    "what model.state_dict() returned."
                )
            point = flat(point[name] for name in names)
        row = _on_host(point).ravel().astype(np.float64)
        if row.size != size:
            raise ShapeError(
                f"landscape: a point of the trajectory has {row.size} numbers, and "
                f"the model has {size} parameters."
            )
        rows.append(row)
    return np.stack(rows) if rows else np.zeros((0, size))


def _on_host(x: Any) -> np.ndarray[Any, Any]:
    array = x if isinstance(x, xn.Array) else xn.asarray(x)
    return array._lib.to_host(array.data)
