"""The loss around a model: a plane through its parameters, as heights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import numpy as np

from ..errors import OptionError
from ..nn import Module
from ..random import Generator
from .digits import finite, number
from .landscape_grid import Probe, batches_of, heights_of, threads_for
from .plane import Plane, plane_of
from .trajectory import flat_points

__all__ = ["Landscape", "landscape"]


def landscape(
    model: Module,
    data: Any,
    loss: Callable[[Any, Any], Any],
    *,
    directions: Any = "filter",
    size: int | tuple[int, int] = 41,
    span: float = 1.0,
    rng: int | Generator | None = 0,
    trajectory: Any = None,
    batch_size: int | None = 512,
    progress: bool = True,
) -> Landscape:
    """Compute the loss of a model on a plane through its parameters.

    The loss at (a, b) is that of the parameters ``w + a · d1 + b · d2``, where w are
    those of the model. Everything is computed with a copy of the model, in evaluation
    mode and on the model's device; the model itself stays as it is, to the bit.

    Parameters
    ----------
    model : Module
        Any model, called with one input.
    data : Dataset, DataLoader, (X, y), or iterable of such batches
        What the loss is a mean over. Arrays go to the model's device, and floating
        point to its dtype; a DataLoader's batches are taken as they are, once.
    loss : callable
        ``loss(model(x), y)`` gives the mean over the samples of a batch.
    directions : str or pair
        - ``"filter"``: two random directions, with the norm of the model's own weights
          in each filter (place along axis 0) [1]_. What has fewer than two axes stays
          as it is: biases, and the scales and shifts of normalization. So do frozen
          parameters.
        - ``"pca"``: the plane through the model in which most of `trajectory` lies.
        - Two directions: each a vector, arrays by name, or a list of arrays.
    size : int or (int, int)
        Points along each direction; an odd number has the model itself in the middle.
    span : float
        How far to go from the model to both sides, in lengths of the directions; for
        "pca", how far beyond the trajectory on both sides, in halves of its size.
    rng : int or Generator, optional
        The seed of random directions.
    trajectory : Trajectory, or list of state_dicts or vectors, optional
        Where the parameters were during training; it is drawn on the plane.
    batch_size : int or None
        Samples of a Dataset or of (X, y) that go through the model at once; None for
        all. Batches of your own stay as they are.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Landscape
        The heights, the axes, and the trajectory on the plane.

    Raises
    ------
    OptionError
        If an option is out of range, or the directions span no plane.
    ShapeError
        If directions or trajectory do not have the model's parameters.

    Notes
    -----
    Buffers, such as the running mean of BatchNorm, keep their values on the whole
    plane. Random directions show a slice: two numbers of many thousands.

    References
    ----------
    .. [1] H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, "Visualizing the loss
       landscape of neural nets", NeurIPS 2018.

    Examples
    --------
    >>> from xpnet import data, losses, nn
    >>> model = nn.Sequential(nn.Linear(2, 8, rng=0), nn.Tanh(), nn.Linear(8, 2, rng=1))
    >>> seen = landscape(
    ...     model, data.moons(50), losses.cross_entropy, size=5, progress=False
    ... )
    >>> seen.loss.shape, bool(seen.loss[2, 2] == seen.centre)
    ((5, 5), True)
    """
    columns, rows = _checked(size, span, batch_size)
    batches = batches_of(data, model, batch_size)
    passed = None if trajectory is None else flat_points(trajectory, model)
    plane = plane_of(model, directions, passed, rng)
    x, y = _axes(plane, columns, rows, span)
    probe = Probe(model, plane, batches, loss)
    with threads_for(model, batches):
        heights = heights_of(probe, x, y, progress)
        return Landscape(plane, x, y, heights, probe.at(0.0, 0.0))


@final
class Landscape:
    """The loss on a plane through the parameters of a model.

    Attributes
    ----------
    kind : str
        What the plane is: ``"filter"``, ``"pca"`` or ``"given"``.
    x, y : numpy.ndarray
        The places along the first and the second direction; the model is at (0, 0).
    loss : numpy.ndarray
        The loss, (len(y), len(x)): ``loss[j, i]`` at ``(x[i], y[j])``.
    centre : float
        The loss of the model itself.
    trajectory : numpy.ndarray
        The recorded states on the plane, (points, 2): their nearest places.
    explained : tuple of float, or None
        What share of the trajectory lies in the plane (of its squared distances from
        the model): along each direction for "pca", in all for other planes.
    cosine : float
        Of the angle between the directions.
    """

    def __init__(
        self,
        plane: Plane,
        x: np.ndarray[Any, Any],
        y: np.ndarray[Any, Any],
        loss: np.ndarray[Any, Any],
        centre: float,
    ) -> None:
        self.kind = plane.kind
        self.x, self.y, self.loss, self.centre = x, y, loss, centre
        self.trajectory = plane.coordinates
        self.explained = plane.explained
        self.cosine = plane.cosine

    @property
    def lowest(self) -> tuple[float, float, float]:
        """The lowest point of the grid: its place along each direction, and the loss.

        NaN where no loss is finite.
        """
        if not np.isfinite(self.loss).any():
            return math.nan, math.nan, math.nan
        heights = np.where(np.isfinite(self.loss), self.loss, np.inf)
        j, i = np.unravel_index(int(np.argmin(heights)), heights.shape)
        return float(self.x[i]), float(self.y[j]), float(heights[j, i])

    @property
    def words(self) -> list[str]:
        """What is to be seen, in sentences."""
        said = [
            f"The loss on {len(self.x)} × {len(self.y)} points of {_KINDS[self.kind]}.",
            f"At the model, (0, 0), it is {number(self.centre)}.",
        ]
        x, y, low = self.lowest
        if low < self.centre:
            said.append(f"It is lowest at ({number(x)}, {number(y)}): {number(low)}.")
        else:
            said.append("No point of the grid is lower.")
        infinite = int(np.sum(~np.isfinite(self.loss)))
        if infinite:
            said.append(f"At {infinite} points it is not finite.")
        else:
            said.append(f"It is highest with {number(float(self.loss.max()))}.")
        if self.explained is not None:
            parts = " + ".join(f"{100 * share:.0f} %" for share in self.explained)
            said.append(
                f"The trajectory has {len(self.trajectory)} points, and {parts} of "
                "its squared distances from the model lie in the plane."
            )
        return said

    def __str__(self) -> str:
        picks = np.unique(np.linspace(0, len(self.x) - 1, 7).round().astype(int))
        middle = int(np.argmin(np.abs(self.y)))
        head = ["first direction", *(number(float(self.x[i]), 3) for i in picks)]
        heights = ["loss", *(number(float(self.loss[middle, i]), 3) for i in picks)]
        widths = [max(map(len, pair)) for pair in zip(head, heights, strict=True)]
        lines = ["  ".join(map(str.rjust, row, widths)) for row in (head, heights)]
        return "\n".join([*self.words, "", *lines])

    def __repr__(self) -> str:
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as numbers and text; what is not finite becomes None."""
        return {
            "kind": self.kind,
            "x": self.x.tolist(),
            "y": self.y.tolist(),
            "loss": [[finite(v) for v in row] for row in self.loss.tolist()],
            "centre": finite(self.centre),
            "trajectory": self.trajectory.tolist(),
            "explained": None if self.explained is None else list(self.explained),
            "cosine": self.cosine,
            "words": self.words,
        }


_KINDS = {
    "filter": (
        "a plane of two random directions, each filter's as long as the filter itself "
        "(biases and normalization do not move)"
    ),
    "pca": "the plane through the model that most of the trajectory lies in",
    "given": "the plane of the two given directions",
}


# --- options and axes -----------------------------------------------------------------


def _axes(
    plane: Plane, columns: int, rows: int, span: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the places along both directions."""
    if plane.kind != "pca":
        return _around(span, columns), _around(span, rows)
    ends = np.vstack([plane.coordinates, [[0.0, 0.0]]])
    low, high = ends.min(axis=0), ends.max(axis=0)
    beyond = span * (high - low) / 2
    one, two = zip(low - beyond, high + beyond, strict=True)
    return np.linspace(*one, columns), np.linspace(*two, rows)


def _around(span: float, count: int) -> np.ndarray[Any, Any]:
    """Return places from −span to span; of an odd number the middle is exactly 0."""
    return np.arange(1 - count, count, 2) * span / (count - 1)


def _checked(
    size: int | tuple[int, int], span: float, batch_size: int | None
) -> tuple[int, int]:
    """Return the number of columns and rows; refuse options out of range."""
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or any(type(n) is not int or n < 2 for n in pair):
        raise OptionError(
            "landscape: size is an integer of at least 2, or two of them, not "
            f"{size!r:.40}."
        )
    if not 0.0 < span < math.inf:
        raise OptionError(f"landscape: span is positive and finite, not {span!r}.")
    if batch_size is not None and (type(batch_size) is not int or batch_size < 1):
        raise OptionError(
            f"landscape: batch_size is an integer of at least 1, not {batch_size!r}."
        )
    return pair[0], pair[1]
