"""Affine maps."""

from __future__ import annotations

import math
from typing import Any

from ...calculus.array import Array
from ...calculus.rule import fused
from ...errors import DTypeError, ShapeError
from .precision import lowered, precision

__all__ = ["bilinear", "dense", "linear", "nothing"]


def linear(x: Any, weight: Any, bias: Any = None, /) -> Array:
    """Apply an affine map to the last axis: ``x @ weight.T + bias``.

    Parameters
    ----------
    x : Array
        Shape (..., in).
    weight : Array
        Shape (out, in), as in PyTorch.
    bias : Array, optional
        Shape (out,).

    Returns
    -------
    Array
        Shape (..., out).

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If `x` is not floating point.

    Examples
    --------
    >>> import numpy as np
    >>> linear(np.ones((2, 3)), np.ones((4, 3)), np.zeros(4)).shape
    (2, 4)
    """
    if x is None:
        raise nothing("linear")
    if precision.used:
        x, weight, bias = lowered(x, weight, bias)
    return _linear(x, weight, bias)  # type: ignore[no-any-return]


@fused("linear", count=3)
def _linear(xp: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    # A twin declines what does not fit, so the checks need to stand here alone.
    _check(x, weight, bias)
    if x.ndim > 2:
        # Leading axes become one: products of more than two axes are slow on a GPU.
        rows = xp.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        out = _linear(rows, weight, bias)
        return xp.reshape(out, (*x.shape[:-1], weight.shape[0]))
    out = xp.matmul(x, xp.matrix_transpose(weight))
    return out if bias is None else out + bias


def dense(x: Any, *parameters: Any, relus: tuple[bool, ...]) -> Array:
    """Apply linear maps one after another, each followed by a relu where ``relus[i]``.

    `parameters` are weight and bias (or None) of each map in turn. It is one node on
    the tape where there is a twin, and its parts elsewhere.
    """
    if precision.used:
        x, *parameters = lowered(x, *parameters)  # type: ignore[assignment]
    return dense_as_it_is(x, *parameters, relus=relus)  # type: ignore[no-any-return]


@fused("dense")
def dense_as_it_is(xp: Any, x: Any, *parameters: Any, relus: tuple[bool, ...]) -> Any:
    """Compute `dense` in the dtypes that are given, whatever `autocast` says."""
    for i, bent in enumerate(relus):
        x = _linear(x, parameters[2 * i], parameters[2 * i + 1])
        x = xp.relu(x) if bent else x
    return x


def bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None, /) -> Array:
    """Apply a bilinear map: ``out[..., o] = x1 @ weight[o] @ x2 + bias[o]``.

    Parameters
    ----------
    x1, x2 : Array
        Shapes (..., in1) and (..., in2), with the same leading axes.
    weight : Array
        Shape (out, in1, in2), as in PyTorch.
    bias : Array, optional
        Shape (out,).

    Returns
    -------
    Array
        Shape (..., out).

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If an input is not floating point.

    Examples
    --------
    >>> import numpy as np
    >>> bilinear(np.ones((5, 2)), np.ones((5, 3)), np.ones((4, 2, 3))).shape
    (5, 4)
    """
    if precision.used:
        x1, x2, weight, bias = lowered(x1, x2, weight, bias)
    return _bilinear(x1, x2, weight, bias)  # type: ignore[no-any-return]


@fused("bilinear", count=4)
def _bilinear(xp: Any, x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    _check_bilinear(x1, x2, weight, bias)
    outputs, in1, in2 = weight.shape
    rows = math.prod(x1.shape[:-1])
    # one product with x1 for all outputs, and then a sum over the features of x2
    turned = xp.reshape(xp.permute_dims(weight, (1, 0, 2)), (in1, outputs * in2))
    left = xp.matmul(xp.reshape(x1, (rows, in1)), turned)
    left = xp.reshape(left, (rows, outputs, in2))
    out = xp.sum(left * xp.reshape(x2, (rows, 1, in2)), axis=-1)
    out = xp.reshape(out, (*x1.shape[:-1], outputs))
    return out if bias is None else out + bias


def nothing(name: str) -> DTypeError:
    """Return the error for None in the place of an input."""
    return DTypeError(
        f"{name}: x is None. Does the forward that computes it end without a return?"
    )


def _check_bilinear(x1: Any, x2: Any, weight: Any, bias: Any) -> None:
    """Raise unless shapes and dtypes fit together."""
    shapes = f"x1: {tuple(x1.shape)}, x2: {tuple(x2.shape)}, weight: " + str(
        tuple(weight.shape)
    )
    if weight.ndim != 3 or not x1.ndim or not x2.ndim:
        raise ShapeError(
            "bilinear: weight needs three axes, (out, in1, in2), and inputs one or "
            f"more ({shapes})."
        )
    if x1.shape[:-1] != x2.shape[:-1]:
        raise ShapeError(
            "bilinear: x1 and x2 differ in an axis before the last; nothing is "
            f"broadcast ({shapes})."
        )
    found, needed = (x1.shape[-1], x2.shape[-1]), tuple(weight.shape[1:])
    if found != needed:
        raise ShapeError(
            f"bilinear: x1 and x2 have {found[0]} and {found[1]} features but weight "
            f"needs {needed[0]} and {needed[1]} ({shapes}). Features are the last axis."
        )
    if bias is not None and tuple(bias.shape) != tuple(weight.shape[:1]):
        raise ShapeError(
            f"bilinear: bias has shape {tuple(bias.shape)} but weight gives "
            f"{weight.shape[0]} outputs, so it must be ({weight.shape[0]},)."
        )
    for x in (x1, x2):
        if x.dtype != weight.dtype:
            _check_dtype(x, weight, "bilinear")


def _check(x: Any, weight: Any, bias: Any) -> None:
    """Raise unless shapes and dtypes fit together."""
    if (
        weight.ndim != 2
        or not x.ndim
        or x.shape[-1] != weight.shape[1]
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise _misfit(x, weight, bias)
    if x.dtype != weight.dtype:
        _check_dtype(x, weight)


def _misfit(x: Any, weight: Any, bias: Any) -> ShapeError:
    shapes = f"x: {tuple(x.shape)}, weight: {tuple(weight.shape)}"
    if len(weight.shape) != 2:
        return ShapeError(f"linear: weight needs two axes, (out, in) ({shapes}).")
    if not len(x.shape):
        return ShapeError(
            f"linear: x has no axes; features are its last axis ({shapes})."
        )
    if x.shape[-1] != weight.shape[1]:
        return ShapeError(
            f"linear: x has {x.shape[-1]} features but weight needs {weight.shape[1]} "
            f"({shapes}). Features are the last axis."
        )
    return ShapeError(
        f"linear: bias has shape {tuple(bias.shape)} but weight gives "
        f"{weight.shape[0]} outputs, so it must be ({weight.shape[0]},)."
    )


def _check_dtype(x: Any, weight: Any, name: str = "linear") -> None:
    """Refuse integers, which would change the dtype of everything after them."""
    kind = str(x.dtype)
    if "int" in kind or "bool" in kind:
        raise DTypeError(
            f"{name}: x has dtype {kind} but weight is {weight.dtype}. Cast it first: "
            "xp.astype(x, xp.float32)."
        )
