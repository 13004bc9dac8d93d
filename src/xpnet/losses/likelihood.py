"""Losses that are the negative log-likelihood, or the divergence, of a distribution."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from ..errors import ShapeError
from .arguments import nonnegative, pair, positive, real_beside, refuse_values
from .reduction import reducing, times

__all__ = ["gaussian_nll", "kl_divergence", "poisson_nll"]


def kl_divergence(
    prediction: Any,
    target: Any,
    /,
    *,
    log_target: bool = False,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return what the Kullback-Leibler divergence of the target sums up.

    ``target (log(target) - prediction)``, elementwise

    Parameters
    ----------
    prediction : Array
        Log-probabilities, as `nn.functional.log_softmax` gives them.
    target : Array
        Probabilities of the same shape; or their logarithms, with `log_target`.
    log_target : bool
        ``exp(target) (target - prediction)``.
    reduction : {"mean", "batchmean", "sum", "none"}
        The divergence is ``"batchmean"``: the sum divided by the number of examples.
        ``"mean"`` divides by the number of elements.
    sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`.

    Notes
    -----
    A probability of 0 costs nothing, also where the prediction is -inf; PyTorch gives
    NaN there. It warns that ``"mean"`` is no divergence; here it is said only once.

    Examples
    --------
    >>> import math
    >>> kl_divergence([[0.0, -math.inf]], [[0.5, 0.0]], reduction="sum").item()
    -0.34657359027997264
    """
    x, y = pair("kl_divergence", prediction, target)
    return _divergence(
        x, y, log_target=log_target, reduction=reduction, sample_weight=sample_weight
    )


@reducing("kl_divergence", count=2, batchmean=True)
def _divergence(xp: Any, x: Any, y: Any, *, log_target: bool) -> Any:
    if not log_target:
        return xp.xlogy(y, y) - times(xp, y, x)
    p, zero = xp.exp(y), xp.zeros_like(y)
    none = p == 0
    return p * (xp.where(none, zero, y) - xp.where(none, zero, x))


def poisson_nll(
    prediction: Any,
    target: Any,
    /,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of counts under a Poisson distribution.

    ``exp(x) - y x``, or ``x - y log(x + eps)`` without `log_input`; the term
    ``log(y!)`` is left out

    Parameters
    ----------
    prediction : Array
        x: the logarithm of the expected count, or with ``log_input=False`` the count.
    target : Array
        y, of the same shape. Integers are cast.
    full : bool
        Add Stirling's ``y log(y) - y + log(2 pi y) / 2`` where y > 1.
    eps : float
        Keeps the logarithm finite, without `log_input`.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`.

    Notes
    -----
    A count of 0 costs nothing at a logarithm of -inf, where PyTorch gives NaN.

    Examples
    --------
    >>> poisson_nll([0.0], [3]).item(), poisson_nll([2.0], [0], log_input=False).item()
    (1.0, 2.0)
    """
    name = "poisson_nll"
    x, y = pair(name, prediction, target)
    nonnegative(name, "eps", eps)
    return _poisson(
        x,
        y,
        log_input=log_input,
        full=full,
        eps=eps,
        reduction=reduction,
        sample_weight=sample_weight,
    )


@reducing("poisson_nll", count=2)
def _poisson(
    xp: Any, x: Any, y: Any, *, log_input: bool, full: bool, eps: float
) -> Any:
    values = xp.exp(x) - times(xp, y, x) if log_input else x - y * xp.log(x + eps)
    if not full:
        return values
    large = y > 1
    z = xp.where(large, y, xp.ones_like(y))
    stirling = z * xp.log(z) - z + 0.5 * xp.log(2 * math.pi * z)
    return values + xp.where(large, stirling, xp.zeros_like(stirling))


def gaussian_nll(
    prediction: Any,
    target: Any,
    var: Any,
    /,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of numbers under normal distributions.

    ``(log(v) + (x - y)**2 / v) / 2`` with ``v = max(var, eps)``

    Parameters
    ----------
    prediction : Array
        x, the expected values.
    target : Array
        y, of the same shape.
    var : Array or float
        The variances, 0 or more: of the shape of x, or without its last axis, or with
        a last axis of 1; or one number. On the CPU a negative one raises; elsewhere its
        loss is NaN.
    full : bool
        Add the constant ``log(2 pi) / 2``.
    eps : float
        The smallest variance that counts, above 0.
    reduction, sample_weight
        As for every loss: see `xpnet.losses`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As `xpnet.losses.mean_squared_error`; OptionError also for a negative variance
        or an `eps` that is not above 0.

    Notes
    -----
    Nix and Weigend, "Estimating the mean and variance of the target probability
    distribution", 1994. As in PyTorch the gradient does not see the limit: a variance
    below `eps` has the slope that it would have at `eps`.

    Examples
    --------
    >>> gaussian_nll([1.0, 2.0], [1.0, 4.0], 1.0).item()
    1.0
    """
    name = "gaussian_nll"
    x, y = pair(name, prediction, target)
    positive(name, "eps", eps)
    v = real_beside(name, var, x, "var")
    if v.shape not in ((), x.shape, x.shape[:-1], (*x.shape[:-1], 1)):
        raise ShapeError(
            f"{name}: var has shape {v.shape}; for predictions of shape {x.shape} it "
            f"has the same, or {x.shape[:-1]}, or {(*x.shape[:-1], 1)}, or ()."
        )
    refuse_values(name, v, 0, math.inf, "variance")
    if v.shape and v.shape == x.shape[:-1] != x.shape:
        v = v._lib.recorded.expand_dims(v, axis=-1)
    return _gaussian(
        x, y, v, full=full, eps=eps, reduction=reduction, sample_weight=sample_weight
    )


@reducing("gaussian_nll", count=3)
def _gaussian(xp: Any, x: Any, y: Any, var: Any, *, full: bool, eps: float) -> Any:
    # the limit is added as a constant, so that the slope passes
    short = var.detach() if type(var) is Array else var
    lifted = (var - short) + eps
    v = xp.where(var < eps, lifted, var)
    values = 0.5 * (xp.log(v) + xp.square(x - y) / v)
    values = xp.where(var < 0, math.nan, values)
    return values + 0.5 * math.log(2 * math.pi) if full else values
