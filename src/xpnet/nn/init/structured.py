"""Initial weights with a structure: identities, rotations, mostly zeros."""

from __future__ import annotations

import math
from typing import Any

from ... import random, xp
from ...calculus.array import Array
from ...errors import OptionError, ShapeError
from .gains import gain_of
from .plain import Shape, constant, on_device

__all__ = ["dirac", "eye", "orthogonal", "sparse"]


def eye(
    shape: Shape, *, rng: Any = None, dtype: Any = None, device: Any = None
) -> Array:
    """Return ones on the diagonal and zeros elsewhere; `rng` is not used.

    A Linear layer with it gives its input back, as far as the shape lets it.

    Raises
    ------
    ShapeError
        If the shape has not two axes.

    Examples
    --------
    >>> eye((2, 3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    rows, columns = _matrix("eye", shape)
    return on_device(xp.eye(rows, columns, device="cpu"), dtype, device)


def dirac(
    shape: Shape,
    groups: int = 1,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return the weight of a convolution that gives its input back; `rng` is not used.

    In every group, output channel i has a 1 in the middle of input channel i, and zeros
    elsewhere; outputs without such an input are 0.

    Parameters
    ----------
    shape : tuple of int
        (out_channels, in_channels / groups, length), or with two or three last axes.
    groups : int
        The number of groups of the convolution.

    Raises
    ------
    ShapeError
        If the shape has not three to five axes.
    OptionError
        If `groups` does not divide the outputs.

    Examples
    --------
    >>> dirac((2, 2, 3)).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    if len(shape) not in (3, 4, 5):
        raise ShapeError(
            "dirac: the weight of a convolution has three to five axes, (out, in, "
            f"...); the shape is {tuple(shape)}."
        )
    if groups < 1 or shape[0] % groups:
        raise OptionError(
            f"dirac: groups is a divisor of the {shape[0]} outputs, not {groups!r}."
        )
    each = shape[0] // groups
    outputs = xp.reshape(xp.arange(shape[0], device="cpu") % each, (-1, 1))
    hit = outputs == xp.arange(shape[1], device="cpu")  # (out, in)
    for axis, length in enumerate(shape[2:]):
        middle = xp.arange(length, device="cpu") == length // 2
        place = xp.reshape(middle, (*(1,) * (axis + 2), length))
        hit = xp.expand_dims(hit, axis=-1) & place
    return on_device(hit, dtype, device)


def orthogonal(
    shape: Shape,
    gain: float | str = 1.0,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return a matrix with orthonormal rows or columns, times a gain.

    The rows of the weight, its other axes taken as one, are orthonormal if there are
    not more of them than columns; otherwise the columns are. The distribution is the
    uniform one over all such matrices: Q of the QR decomposition of a normal matrix,
    with the signs that make the diagonal of R positive.

    Parameters
    ----------
    shape : tuple of int
        Of two axes or more.
    gain : float or str
        A factor, or the name of a nonlinearity.

    Raises
    ------
    ShapeError
        If the shape has fewer than two axes.

    Notes
    -----
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning
    in deep linear neural networks", ICLR 2014. Decomposed on the host, in float64, so
    that it is orthonormal to the last digit of any dtype.

    Examples
    --------
    >>> w = orthogonal((2, 3), rng=0, dtype=xp.float64)
    >>> bool(xp.all(xp.abs(w @ w.T - xp.eye(2)) < 1e-15))
    True
    """
    if len(shape) < 2:
        raise ShapeError(
            f"orthogonal: the shape needs two axes or more; it is {tuple(shape)}."
        )
    rows, columns = shape[0], math.prod(shape[1:])
    linalg: Any = xp.linalg
    draw = random.as_generator(rng)
    size = (max(rows, columns), min(rows, columns))
    drawn = draw.normal(size, dtype=xp.float64, device="cpu")
    if not math.prod(size):
        return constant(shape, dtype=dtype, device=device)
    q, r = linalg.qr(drawn)
    signs = xp.where(linalg.diagonal(r) < 0.0, -1.0, 1.0)
    q = gain_of(gain) * q * xp.astype(signs, xp.float64)
    q = q if rows >= columns else xp.matrix_transpose(q)
    return on_device(xp.reshape(q, tuple(shape)), dtype, device)


def sparse(
    shape: Shape,
    sparsity: float,
    std: float = 0.01,
    *,
    rng: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Array:
    """Return a matrix whose columns are normal numbers, some replaced by zeros.

    In each column ``ceil(sparsity · rows)`` entries, drawn without replacement, are 0.

    Parameters
    ----------
    shape : tuple of int
        (out, in).
    sparsity : float
        The part of each column that is 0, in [0, 1].
    std : float
        The standard deviation of the others.

    Raises
    ------
    ShapeError
        If the shape has not two axes.
    OptionError
        If `sparsity` is outside [0, 1].

    Notes
    -----
    Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> w = sparse((10, 3), 0.75, rng=0)
    >>> xp.sum(xp.astype(w == 0.0, xp.int64), axis=0).tolist()
    [8, 8, 8]
    """
    rows, columns = _matrix("sparse", shape)
    if not 0.0 <= sparsity <= 1.0:
        raise OptionError(f"sparse: sparsity is in [0, 1], not {sparsity!r}.")
    draw = random.as_generator(rng)
    values = draw.normal((rows, columns), 0.0, std, dtype=xp.float64, device="cpu")
    order = draw.uniform((rows, columns), dtype=xp.float64, device="cpu")
    rank = xp.argsort(xp.argsort(order, axis=0), axis=0)
    zeros = rank < math.ceil(sparsity * rows)
    return on_device(xp.where(zeros, 0.0, values), dtype, device)


def _matrix(name: str, shape: Shape) -> tuple[int, int]:
    """Return the two lengths of a shape, or raise."""
    if len(shape) != 2:
        raise ShapeError(
            f"{name}: the shape needs two axes, (out, in); it is {tuple(shape)}."
        )
    return shape[0], shape[1]
