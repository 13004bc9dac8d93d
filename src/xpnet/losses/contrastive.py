"""Losses of a batch against itself: which of all the others belongs to each."""

from __future__ import annotations

from typing import Any

from ..calculus.array import Array
from ..errors import OptionError, ShapeError
from .arguments import pair
from .reduction import reducing

__all__ = ["info_nce"]


def info_nce(
    query: Any,
    key: Any,
    /,
    *,
    temperature: Any = 0.07,
    symmetric: bool = False,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the cross-entropy of finding the own key among all keys of a batch.

    ``-log(softmax(S)[i, i])`` with ``S[i, j] = cos(query[i], key[j]) / temperature``

    Parameters
    ----------
    query, key : Array
        Of one shape (N, D): row i of both belongs together. They need not have length
        1; a row of zeros stays zeros.
    temperature : float or Array
        Above 0; a number, or an array of shape () that may be learned.
    symmetric : bool
        The mean of both directions, queries among keys and keys among queries, as CLIP
        does it.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`. There is one loss for each row; weights
        do not change which keys a row is compared with.

    Raises
    ------
    ShapeError
        If the shapes differ or are not (N, D), or the temperature has axes.
    DTypeError
        If the vectors are not real floating point.
    OptionError
        If the temperature is a number that is not above 0, or the reduction is unknown.

    Notes
    -----
    Van den Oord, Li and Vinyals, "Representation learning with contrastive predictive
    coding", 2018; Radford et al. (CLIP), 2021, who start at a temperature of 0.07.
    PyTorch has no such loss.

    Examples
    --------
    >>> round(info_nce([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]]).item(), 6)
    0.693147
    """
    name = "info_nce"
    x, y = pair(name, query, key, "query", "key")
    if x.ndim != 2:
        raise ShapeError(f"{name}: query and key have shape (N, D), not {x.shape}.")
    if isinstance(temperature, (int, float)) and not temperature > 0:
        raise OptionError(
            f"{name}: temperature is {temperature!r}; it must be above 0."
        )
    if getattr(temperature, "shape", ()) != ():
        raise ShapeError(
            f"{name}: temperature has shape {tuple(temperature.shape)}; it is one "
            "number for all, of shape ()."
        )
    xp = x._lib.recorded
    scores = xp.matmul(_unit(xp, x), xp.matrix_transpose(_unit(xp, y))) / temperature
    return _among(
        scores, symmetric=symmetric, reduction=reduction, sample_weight=sample_weight
    )


def _unit(xp: Any, x: Any) -> Any:
    """Return rows of length 1; a row of zeros stays."""
    length = xp.vector_norm(x, axis=1, keepdims=True)
    return x / xp.where(length == 0, xp.ones_like(length), length)


@reducing("info_nce", count=1, without=None)
def _among(xp: Any, scores: Any, *, symmetric: bool) -> Any:
    own = xp.eye(scores.shape[0], dtype=scores.dtype, device=xp.device(scores))

    def along(axis: int) -> Any:
        return -xp.sum(own * xp.log_softmax(scores, axis=axis), axis=axis)

    return 0.5 * (along(1) + along(0)) if symmetric else along(1)
