"""Losses of distances: which things are alike, and which are not."""

from __future__ import annotations

from typing import Any

from ..calculus.array import Array
from ..errors import ShapeError
from .arguments import pair, real_beside, same_shape
from .reduction import reducing

__all__ = [
    "cosine_embedding",
    "hinge_embedding",
    "margin_ranking",
]

_TINY = 1e-12  # added to squared lengths, as in PyTorch


def cosine_embedding(
    x1: Any,
    x2: Any,
    target: Any,
    /,
    *,
    margin: float = 0.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return 1 - cos where two vectors are alike, and max(0, cos - margin) elsewhere.

    ``cos = sum(x1 x2) / sqrt((sum(x1**2) + 1e-12) (sum(x2**2) + 1e-12))``

    Parameters
    ----------
    x1, x2 : Array
        Of one shape, (N, D) or (D,).
    target : Array
        Of shape (N,) or (): 1 where both are alike, -1 where they are not; another
        number costs 0.
    margin : float
        From -1 to 1: the cosine below which unlike vectors cost nothing.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each pair.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If the vectors are not real floating point.
    OptionError
        If the reduction is unknown.

    Examples
    --------
    >>> round(cosine_embedding([[1.0, 0.0]], [[0.0, 1.0]], [1]).item(), 6)
    1.0
    """
    name = "cosine_embedding"
    x, z = pair(name, x1, x2, "x1", "x2")
    y = real_beside(name, target, x)
    if x.ndim not in (1, 2) or y.shape != x.shape[:-1]:
        raise ShapeError(
            f"{name}: vectors (N, D) need targets (N,), and vectors (D,) one target; "
            f"the shapes are {x.shape} and {y.shape}."
        )
    return _cosine(
        x, z, y, margin=margin, reduction=reduction, sample_weight=sample_weight
    )


@reducing("cosine_embedding", count=3)
def _cosine(xp: Any, x: Any, z: Any, y: Any, *, margin: float) -> Any:
    def length(v: Any) -> Any:
        return xp.sqrt(xp.sum(v * v, axis=-1) + _TINY)

    cosine = xp.sum(x * z, axis=-1) / (length(x) * length(z))
    zero = xp.zeros_like(cosine)
    unlike = xp.where(y == -1, xp.relu(cosine - margin), zero)
    return xp.where(y == 1, 1 - cosine, unlike)


def hinge_embedding(
    prediction: Any,
    target: Any,
    /,
    *,
    margin: float = 1.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return a distance x where things are alike, and max(0, margin - x) elsewhere.

    Parameters
    ----------
    prediction : Array
        x, distances.
    target : Array
        Of the same shape: 1 where things are alike, -1 where they are not.
    margin : float
        How far apart unlike things are to be.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`.

    Notes
    -----
    As in PyTorch another target costs the sum of both.

    Examples
    --------
    >>> hinge_embedding([0.5, 0.25], [1, -1], reduction="none").tolist()
    [0.5, 0.75]
    """
    x, y = pair("hinge_embedding", prediction, target)
    return _hinge_embedding(
        x, y, margin=margin, reduction=reduction, sample_weight=sample_weight
    )


@reducing("hinge_embedding", count=2)
def _hinge_embedding(xp: Any, x: Any, y: Any, *, margin: float) -> Any:
    zero = xp.zeros_like(x)
    unlike = xp.where(y != 1, xp.relu(margin - x), zero)
    return unlike + xp.where(y != -1, x, zero)


def margin_ranking(
    x1: Any,
    x2: Any,
    target: Any,
    /,
    *,
    margin: float = 0.0,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return ``max(0, margin - y (x1 - x2))``: x1 is to be larger where y is 1.

    Parameters
    ----------
    x1, x2 : Array
        Scores of one shape.
    target : Array
        y, of the same shape: 1 where x1 is to be larger, -1 where x2 is.
    margin : float
        By how much.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`.

    Notes
    -----
    PyTorch broadcasts the scores.

    Examples
    --------
    >>> margin_ranking([1.0, 2.0], [3.0, 0.0], [1, 1], reduction="none").tolist()
    [2.0, 0.0]
    """
    name = "margin_ranking"
    x, z = pair(name, x1, x2, "x1", "x2")
    y = real_beside(name, target, x)
    same_shape(name, x, y)
    return _ranking(
        x, z, y, margin=margin, reduction=reduction, sample_weight=sample_weight
    )


@reducing("margin_ranking", count=3)
def _ranking(xp: Any, x: Any, z: Any, y: Any, *, margin: float) -> Any:
    return xp.relu(y * (z - x) + margin)
