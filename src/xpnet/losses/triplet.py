"""Losses of triplets: one like the anchor, and one unlike it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..calculus.array import Array
from ..errors import OptionError, ShapeError
from .arguments import nonnegative, pair, positive, real_beside, same_shape
from .reduction import reducing

__all__ = ["triplet_margin", "triplet_margin_with_distance"]


def triplet_margin(
    anchor: Any,
    positive_: Any,
    negative: Any,
    /,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return how much too close the unlike vector is: ``max(0, d(a,p) - d(a,n) + m)``.

    ``d(u, v) = sum(|u - v + eps|**p)**(1 / p)`` over the last axis

    Parameters
    ----------
    anchor, positive_, negative : Array
        a, p and n: an example, one like it and one unlike it; of one shape (..., D).
    margin : float
        m, above 0: how much closer the like one is to be.
    p : float
        The power of the norm, above 0.
    eps : float
        Added to each difference.
    swap : bool
        Take the smaller one of d(a, n) and d(p, n).
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each triplet.

    Raises
    ------
    ShapeError
        If the shapes differ, or there is no axis.
    DTypeError
        If the vectors are not real floating point.
    OptionError
        If an option is out of range or the reduction unknown.

    Notes
    -----
    Balntas et al., "Learning local feature descriptors with triplets", 2016.

    Examples
    --------
    >>> round(triplet_margin([[0.0]], [[2.0]], [[1.5]]).item(), 5)
    1.5
    """
    positive("triplet_margin", "p", p)
    nonnegative("triplet_margin", "eps", eps)

    def distance(u: Any, v: Any) -> Any:
        return u._lib.recorded.vector_norm(u - v + eps, axis=-1, ord=p)

    return _triplet(
        "triplet_margin",
        (anchor, positive_, negative),
        distance,
        margin,
        swap,
        reduction,
        sample_weight,
    )


def triplet_margin_with_distance(
    anchor: Any,
    positive_: Any,
    negative: Any,
    /,
    *,
    distance_function: Callable[[Array, Array], Array] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return `triplet_margin` with a distance of your own.

    Parameters
    ----------
    anchor, positive_, negative : Array
        As for `triplet_margin`.
    distance_function : callable, optional
        Takes two arrays of vectors and returns one distance for each; by default the
        Euclidean distance of `triplet_margin`.
    margin, swap, reduction, sample_weight
        As for `triplet_margin`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `triplet_margin`.

    Examples
    --------
    >>> from xpnet import xp
    >>> def city(u, v):
    ...     return xp.sum(xp.abs(u - v), axis=-1)
    >>> triplet_margin_with_distance(
    ...     [[0.0, 0.0]], [[1.0, 1.0]], [[2.0, 0.5]], distance_function=city
    ... ).item()
    0.5
    """
    vectors = (anchor, positive_, negative)
    if distance_function is None:
        return triplet_margin(
            *vectors,
            margin=margin,
            swap=swap,
            reduction=reduction,
            sample_weight=sample_weight,
        )
    return _triplet(
        "triplet_margin_with_distance",
        vectors,
        distance_function,
        margin,
        swap,
        reduction,
        sample_weight,
    )


def _triplet(
    name: str,
    vectors: tuple[Any, Any, Any],
    distance: Callable[[Any, Any], Any],
    margin: float,
    swap: bool,
    reduction: str,
    sample_weight: Any,
) -> Array:
    a, p = pair(name, vectors[0], vectors[1], "anchor", "positive")
    n = real_beside(name, vectors[2], a, "negative")
    same_shape(name, a, n)
    if a.ndim == 0:
        raise ShapeError(f"{name}: vectors need an axis; these have shape ().")
    if not margin > 0:
        raise OptionError(f"{name}: margin is {margin!r}; it must be above 0.")
    far = distance(a, n)
    if swap:
        far = a._lib.recorded.minimum(far, distance(p, n))
    near = distance(a, p)
    return _closer(
        near, far, margin=margin, reduction=reduction, sample_weight=sample_weight
    )


@reducing("triplet_margin", count=2)
def _closer(xp: Any, near: Any, far: Any, *, margin: float) -> Any:
    return xp.relu(near - far + margin)
