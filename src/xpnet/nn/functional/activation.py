"""Activations: functions of each element, and a few along an axis.

Each is right at infinity, where a product such as ``x * expit(x)`` would be NaN: far
out, where the result no longer depends on the other factor, it is taken alone. NaN
stays NaN. Slopes at kinks are PyTorch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...calculus import namespace as _namespace  # noqa: F401 - fills the table
from ...calculus.array import Array
from ...calculus.convert import asarray
from ...calculus.rule import TABLE, fused
from ...errors import OptionError, ShapeError
from ...random import as_generator
from .inputs import floating
from .precision import precision, widened

__all__ = [
    "celu",
    "check_approximate",
    "check_axis",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "swiglu",
    "tanh",
    "tanhshrink",
    "threshold",
]

Activation = Callable[..., Array]

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

relu: Activation = TABLE["relu"].function
"""``relu(x) = max(x, 0)``; its slope at 0 is 0."""

sigmoid: Activation = TABLE["expit"].function
"""``sigmoid(x) = 1 / (1 + exp(-x))``, without overflow."""

logsigmoid: Activation = TABLE["log_expit"].function
"""``logsigmoid(x) = log(sigmoid(x))``, without overflow or cancellation."""

tanh: Activation = TABLE["tanh"].function
"""``tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))``."""


def _split(xp: Any, x: Any, condition: Any) -> tuple[Any, Any]:
    """Return `x` where the condition holds and 0 elsewhere, and the other way round."""
    zero = xp.zeros_like(x)
    return xp.where(condition, x, zero), xp.where(condition, zero, x)


def _far(xp: Any, x: Any, bound: float, near: Any) -> Any:
    """Return ``near(x)`` where ``abs(x) < bound``, and ``relu(x)`` elsewhere."""
    outside = xp.abs(x) >= bound
    far, inside = _split(xp, x, outside)
    return xp.where(outside, xp.relu(far), near(inside))


# --- bent lines -----------------------------------------------------------------------


@fused("leaky_relu", count=1)
def _leaky_relu(xp: Any, x: Any, *, negative_slope: float) -> Any:
    right, left = _split(xp, x, x > 0)
    return right + negative_slope * left


def leaky_relu(x: Any, /, *, negative_slope: float = 0.01) -> Array:
    """Return ``x`` where it is positive, else ``negative_slope * x``.

    The slope at 0 is `negative_slope`.

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0], negative_slope=0.5).tolist()
    [-0.5, 2.0]
    """
    return _leaky_relu(floating("leaky_relu", x), negative_slope=negative_slope)  # type: ignore[no-any-return]


@fused("prelu", count=2)
def _prelu(xp: Any, x: Any, weight: Any) -> Any:
    right, left = _split(xp, x, x > 0)
    if weight.shape != (1,):
        weight = xp.reshape(weight, (-1, *(1,) * (x.ndim - 2)))
    elif not x.ndim:
        weight = xp.reshape(weight, ())
    return right + weight * left


def prelu(x: Any, weight: Any, /) -> Array:
    """Return ``x`` where it is positive, else ``weight * x``.

    Parameters
    ----------
    x : Array
        Floating point; where there is more than one weight, shape (N, C, ...).
    weight : Array
        Shape (1,) or (C,).

    Raises
    ------
    ShapeError
        If there is neither one weight nor one for each channel.

    Notes
    -----
    He et al., "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> prelu([-1.0, 2.0], [0.25]).tolist()
    [-0.25, 2.0]
    """
    x = floating("prelu", x)
    weight = weight if type(weight) is Array else asarray(weight)
    if weight.shape != (1,) and (weight.ndim != 1 or weight.shape != x.shape[1:2]):
        raise ShapeError(
            f"prelu: weight has shape {weight.shape}; it has one number, or one for "
            f"each channel of x, whose shape is {x.shape}. Channels are axis 1."
        )
    return _prelu(x, weight)  # type: ignore[no-any-return]


def rrelu(
    x: Any,
    /,
    *,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    rng: Any = None,
    training: bool = False,
) -> Array:
    """Return ``x`` where it is positive, else ``slope * x`` with a random slope.

    In training the slope of each element is drawn from [lower, upper); otherwise it is
    their mean.

    Raises
    ------
    OptionError
        If `lower` is more than `upper`.

    Notes
    -----
    Xu, Wang, Chen and Li, "Empirical Evaluation of Rectified Activations", 2015.

    Examples
    --------
    >>> rrelu([-1.0, 2.0], lower=0.25, upper=0.75).tolist()
    [-0.5, 2.0]
    """
    if not lower <= upper:
        raise OptionError(f"rrelu: lower is {lower}, more than upper, {upper}.")
    if not training or lower == upper:
        return leaky_relu(x, negative_slope=(lower + upper) / 2)
    x = floating("rrelu", x)
    slopes = as_generator(rng).uniform(x.shape, lower, upper, like=x)
    xp = x._lib.recorded
    right, left = _split(xp, x, x > 0)
    return right + xp.astype(slopes, x.dtype) * left  # type: ignore[no-any-return]


@fused("hardtanh", count=1)
def _hardtanh(xp: Any, x: Any, *, low: float, high: float) -> Any:
    return xp.clip(x, low, high)


def hardtanh(x: Any, /, *, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    """Return ``min(max(x, min_val), max_val)``; the slope at the bounds is 0.

    Examples
    --------
    >>> hardtanh([-3.0, 0.5, 2.0]).tolist()
    [-1.0, 0.5, 1.0]
    """
    return _hardtanh(floating("hardtanh", x), low=min_val, high=max_val)  # type: ignore[no-any-return]


def relu6(x: Any, /) -> Array:
    """Return ``min(max(x, 0), 6)``; the slope at 0 and 6 is 0.

    Examples
    --------
    >>> relu6([-3.0, 0.5, 8.0]).tolist()
    [0.0, 0.5, 6.0]
    """
    return _hardtanh(floating("relu6", x), low=0.0, high=6.0)  # type: ignore[no-any-return]


@fused("hardsigmoid", count=1)
def _hardsigmoid(xp: Any, x: Any) -> Any:
    return xp.clip(x + 3.0, 0.0, 6.0) / 6.0


def hardsigmoid(x: Any, /) -> Array:
    """Return ``relu6(x + 3) / 6``; the slope at -3 and 3 is 0.

    PyTorch's slope between is 1/6 in single precision, whatever the dtype.

    Examples
    --------
    >>> hardsigmoid([-4.0, 0.0, 4.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    return _hardsigmoid(floating("hardsigmoid", x))  # type: ignore[no-any-return]


@fused("hardswish", count=1)
def _hardswish(xp: Any, x: Any) -> Any:
    right = xp.where(x <= -3.0, xp.zeros_like(x), x)  # and not -inf * 0
    return right * (xp.clip(x + 3.0, 0.0, 6.0) / 6.0)


def hardswish(x: Any, /) -> Array:
    """Return ``x * relu6(x + 3) / 6``; the slope at -3 is 0, at 3 it is 1.

    Examples
    --------
    >>> hardswish([-4.0, 0.0, 4.0]).tolist()
    [0.0, 0.0, 4.0]
    """
    return _hardswish(floating("hardswish", x))  # type: ignore[no-any-return]


@fused("softshrink", count=1)
def _softshrink(xp: Any, x: Any, *, lambd: float) -> Any:
    return xp.relu(x - lambd) - xp.relu(-x - lambd)


def softshrink(x: Any, /, *, lambd: float = 0.5) -> Array:
    """Move `x` towards 0 by `lambd`, and to 0 what is nearer than that.

    The slope at ``±lambd`` is 0.

    Raises
    ------
    OptionError
        If `lambd` is negative.

    Examples
    --------
    >>> softshrink([-2.0, 0.25, 2.0]).tolist()
    [-1.5, 0.0, 1.5]
    """
    if not lambd >= 0:
        raise OptionError(f"softshrink: lambd is at least 0, not {lambd!r}.")
    return _softshrink(floating("softshrink", x), lambd=lambd)  # type: ignore[no-any-return]


@fused("hardshrink", count=1)
def _hardshrink(xp: Any, x: Any, *, lambd: float) -> Any:
    return xp.where(xp.abs(x) <= lambd, xp.zeros_like(x), x)


def hardshrink(x: Any, /, *, lambd: float = 0.5) -> Array:
    """Return 0 where ``abs(x) <= lambd``, and `x` elsewhere.

    The slope at ``±lambd`` is 0.

    Examples
    --------
    >>> hardshrink([-2.0, 0.25, 2.0]).tolist()
    [-2.0, 0.0, 2.0]
    """
    return _hardshrink(floating("hardshrink", x), lambd=lambd)  # type: ignore[no-any-return]


@fused("threshold", count=1)
def _threshold(xp: Any, x: Any, *, threshold: float, value: float) -> Any:
    return xp.where(x <= threshold, xp.full_like(x, value), x)


def threshold(x: Any, /, *, threshold: float, value: float) -> Array:
    """Return `value` where ``x <= threshold``, with slope 0, and `x` elsewhere.

    Examples
    --------
    >>> threshold([1.0, 2.0, 3.0], threshold=2.0, value=9.0).tolist()
    [9.0, 9.0, 3.0]
    """
    return _threshold(floating("threshold", x), threshold=threshold, value=value)  # type: ignore[no-any-return]


# --- exponential on the left ----------------------------------------------------------


@fused("elu", count=1)
def _elu(xp: Any, x: Any, *, alpha: float, scale: float, rate: float) -> Any:
    """Return ``scale * x`` where x > 0, else ``scale * alpha * expm1(rate * x)``."""
    right, left = _split(xp, x, x > 0)
    return scale * right + (scale * alpha) * xp.expm1(rate * left)


def elu(x: Any, /, *, alpha: float = 1.0) -> Array:
    """Return ``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    The slope at 0 is `alpha`.

    Notes
    -----
    Clevert, Unterthiner and Hochreiter, ICLR 2016.

    Examples
    --------
    >>> elu([-1000.0, 2.0]).tolist()
    [-1.0, 2.0]
    """
    return _elu(floating("elu", x), alpha=alpha, scale=1.0, rate=1.0)  # type: ignore[no-any-return]


def celu(x: Any, /, *, alpha: float = 1.0) -> Array:
    """Return ``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``.

    The slope is continuous: 1 at 0.

    Raises
    ------
    OptionError
        If `alpha` is 0.

    Notes
    -----
    Barron, "Continuously Differentiable Exponential Linear Units", 2017.

    Examples
    --------
    >>> celu([-1000.0, 2.0], alpha=0.5).tolist()
    [-0.5, 2.0]
    """
    if alpha == 0:
        raise OptionError("celu: alpha divides x, so it is not 0.")
    return _elu(floating("celu", x), alpha=alpha, scale=1.0, rate=1 / alpha)  # type: ignore[no-any-return]


def selu(x: Any, /) -> Array:
    """Return ``1.0507 * elu(x, alpha=1.6733)``: mean 0 and variance 1 are kept.

    Notes
    -----
    Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017, equation 2.

    Examples
    --------
    >>> selu([0.0, 2.0]).tolist()
    [0.0, 2.101401974710961]
    """
    return _elu(floating("selu", x), alpha=SELU_ALPHA, scale=SELU_SCALE, rate=1.0)  # type: ignore[no-any-return]


# --- smooth relus ---------------------------------------------------------------------


@fused("softplus", count=1)
def _softplus(xp: Any, x: Any, *, beta: float) -> Any:
    return -xp.log_expit(-beta * x) / beta


def softplus(x: Any, /, *, beta: float = 1.0) -> Array:
    """Return ``log(1 + exp(beta * x)) / beta``, without overflow or cancellation.

    PyTorch returns `x` above a threshold, 20 by default, where the two differ by
    2e-9 or less.

    Raises
    ------
    OptionError
        If `beta` is 0.

    Examples
    --------
    >>> softplus([1000.0, float("inf")]).tolist()
    [1000.0, inf]
    """
    if beta == 0:
        raise OptionError("softplus: beta divides the result, so it is not 0.")
    return _softplus(floating("softplus", x), beta=beta)  # type: ignore[no-any-return]


@fused("silu", count=1)
def _silu(xp: Any, x: Any) -> Any:
    return _far(xp, x, 800.0, lambda x: x * xp.expit(x))


def silu(x: Any, /) -> Array:
    """Return ``x * sigmoid(x)``.

    Notes
    -----
    Elfwing, Uchibe and Doya, 2017; also called Swish.

    Examples
    --------
    >>> silu([0.0, 1000.0]).tolist()
    [0.0, 1000.0]
    """
    return _silu(floating("silu", x))  # type: ignore[no-any-return]


@fused("mish", count=1)
def _mish(xp: Any, x: Any) -> Any:
    return _far(xp, x, 800.0, lambda x: x * xp.tanh(-xp.log_expit(-x)))


def mish(x: Any, /) -> Array:
    """Return ``x * tanh(softplus(x))``.

    Notes
    -----
    Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.

    Examples
    --------
    >>> mish([-1000.0, 0.0, 1000.0]).tolist()
    [0.0, 0.0, 1000.0]
    """
    return _mish(floating("mish", x))  # type: ignore[no-any-return]


@fused("gelu", count=1)
def _gelu(xp: Any, x: Any) -> Any:
    # through erfc: 1 + erf would lose all digits on the left
    return _far(xp, x, 40.0, lambda x: (0.5 * x) * xp.erfc(-math.sqrt(0.5) * x))


@fused("gelu_tanh", count=1)
def _gelu_tanh(xp: Any, x: Any) -> Any:
    # (1 + tanh(u)) / 2 is expit(2 u)
    rate = 2 * math.sqrt(2 / math.pi)
    return _far(
        xp, x, 40.0, lambda x: x * xp.expit(rate * (x + 0.044715 * (x * x * x)))
    )


def check_approximate(approximate: str) -> None:
    """Raise OptionError unless it names a form of `gelu`."""
    if approximate not in ("none", "tanh"):
        raise OptionError(
            f"gelu: approximate is 'none' or 'tanh', not {approximate!r}."
        )


def gelu(x: Any, /, *, approximate: str = "none") -> Array:
    """Return ``x * P(X <= x)`` for a standard normal X, ``x / 2 * erfc(-x / sqrt(2))``.

    Parameters
    ----------
    x : Array
        Floating point.
    approximate : str
        ``"none"``, or ``"tanh"`` for
        ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``, which is off by
        5e-4 at most.

    Raises
    ------
    OptionError
        If `approximate` is neither.

    Notes
    -----
    Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    Examples
    --------
    >>> gelu([-1000.0, 0.0, 1000.0]).tolist()
    [0.0, 0.0, 1000.0]
    """
    check_approximate(approximate)
    x = floating("gelu", x)
    return _gelu(x) if approximate == "none" else _gelu_tanh(x)  # type: ignore[no-any-return]


# --- others of one element ------------------------------------------------------------


@fused("softsign", count=1)
def _softsign(xp: Any, x: Any) -> Any:
    # the slope of the quotient would cancel far out, where x may be infinite too
    outside = xp.abs(x) > 1.0
    far, near = _split(xp, x, outside)
    value = xp.sign(far) * (1.0 - 1.0 / (1.0 + xp.abs(far)))
    return xp.where(outside, value, near / (1.0 + xp.abs(near)))


def softsign(x: Any, /) -> Array:
    """Return ``x / (1 + abs(x))``; 1 and -1 at infinity.

    Examples
    --------
    >>> softsign([-1.0, 3.0]).tolist()
    [-0.5, 0.75]
    """
    return _softsign(floating("softsign", x))  # type: ignore[no-any-return]


@fused("tanhshrink", count=1)
def _tanhshrink(xp: Any, x: Any) -> Any:
    return x - xp.tanh(x)


def tanhshrink(x: Any, /) -> Array:
    """Return ``x - tanh(x)``.

    Examples
    --------
    >>> tanhshrink([0.0, 1000.0]).tolist()
    [0.0, 999.0]
    """
    return _tanhshrink(floating("tanhshrink", x))  # type: ignore[no-any-return]


# --- along an axis --------------------------------------------------------------------


def check_axis(name: str, x: Any, axis: int) -> None:
    """Raise ShapeError unless `x` has the axis."""
    if not -len(x.shape) <= axis < len(x.shape):
        raise ShapeError(f"{name}: x of shape {tuple(x.shape)} has no axis {axis}.")


@fused("softmax_layer", count=1)
def _softmax(xp: Any, x: Any, *, axis: int) -> Any:
    return xp.softmax(x, axis=axis)


@fused("log_softmax_layer", count=1)
def _log_softmax(xp: Any, x: Any, *, axis: int) -> Any:
    return xp.log_softmax(x, axis=axis)


def softmax(x: Any, /, *, axis: int = -1) -> Array:
    """Return ``exp(x) / sum(exp(x))`` along `axis`; exactly 0 where x is -inf.

    Raises
    ------
    ShapeError
        If `x` has no such axis.

    Examples
    --------
    >>> softmax([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    x = floating("softmax", x)
    if precision.used:
        (x,) = widened(x)
    check_axis("softmax", x, axis)
    return _softmax(x, axis=axis)  # type: ignore[no-any-return]


def log_softmax(x: Any, /, *, axis: int = -1) -> Array:
    """Return ``x - log(sum(exp(x)))`` along `axis`.

    Raises
    ------
    ShapeError
        If `x` has no such axis.

    Examples
    --------
    >>> log_softmax([0.0, -1000.0]).tolist()
    [0.0, -1000.0]
    """
    x = floating("log_softmax", x)
    if precision.used:
        (x,) = widened(x)
    check_axis("log_softmax", x, axis)
    return _log_softmax(x, axis=axis)  # type: ignore[no-any-return]


def softmin(x: Any, /, *, axis: int = -1) -> Array:
    """Return ``softmax(-x)`` along `axis`.

    Raises
    ------
    ShapeError
        If `x` has no such axis.

    Examples
    --------
    >>> softmin([0.0, 0.0]).tolist()
    [0.5, 0.5]
    """
    return softmax(-floating("softmin", x), axis=axis)


@fused("glu", count=1)
def _glu(xp: Any, x: Any, *, axis: int) -> Any:
    first, second = _halves(x, axis)
    return first * xp.expit(second)


@fused("swiglu", count=1)
def _swiglu(xp: Any, x: Any, *, axis: int) -> Any:
    gate, value = _halves(x, axis)
    return _silu(gate) * value


def _halves(x: Any, axis: int) -> tuple[Any, Any]:
    axis %= x.ndim
    half = x.shape[axis] // 2
    before = (slice(None),) * axis
    return x[(*before, slice(half), ...)], x[(*before, slice(half, None), ...)]


def _halvable(name: str, x: Any, axis: int) -> Array:
    array = floating(name, x)
    check_axis(name, array, axis)
    if array.shape[axis] % 2:
        raise ShapeError(
            f"{name}: axis {axis} is divided into two halves, but its length is "
            f"{array.shape[axis]} (x: {array.shape})."
        )
    return array


def glu(x: Any, /, *, axis: int = -1) -> Array:
    """Return ``a * sigmoid(b)``, where `a` and `b` are the halves of `x` along `axis`.

    Raises
    ------
    ShapeError
        If `x` has no such axis, or its length is odd.

    Notes
    -----
    Dauphin, Fan, Auli and Grangier, ICML 2017.

    Examples
    --------
    >>> glu([3.0, 0.0]).tolist()
    [1.5]
    """
    return _glu(_halvable("glu", x, axis), axis=axis)  # type: ignore[no-any-return]


def swiglu(x: Any, /, *, axis: int = -1) -> Array:
    """Return ``silu(a) * b``, where `a` and `b` are the halves of `x` along `axis`.

    The gate, which goes through `silu`, is the first half.

    Raises
    ------
    ShapeError
        If `x` has no such axis, or its length is odd.

    Notes
    -----
    Shazeer, "GLU Variants Improve Transformer", 2020. PyTorch has none; in models that
    keep the gate apart, as LLaMA, the halves are ``gate_proj`` and ``up_proj``.

    Examples
    --------
    >>> swiglu([1000.0, 2.0]).tolist()
    [2000.0]
    """
    return _swiglu(_halvable("swiglu", x, axis), axis=axis)  # type: ignore[no-any-return]
