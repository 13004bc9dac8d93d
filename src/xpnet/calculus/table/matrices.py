"""Products and parts of matrices, for the rules of decompositions."""

from __future__ import annotations

from typing import Any

from ...backend.library import library_of
from ..array import Array
from .special import _conj

__all__ = [
    "adjoint",
    "batch",
    "column",
    "half_lower",
    "hermitian",
    "home_of",
    "on_diagonal",
    "plain",
    "product",
    "raw_of",
    "real_diagonal",
    "skew",
    "times",
    "total",
]


def plain(x: Any) -> Any:
    """Return the raw array of an array that may be recorded."""
    return x.data if type(x) is Array else x


def home_of(x: Any) -> Any:
    """Return the library of an array that may be recorded."""
    return library_of(plain(x))


def raw_of(x: Any) -> Any:
    """Return the functions on raw arrays for an array that may be recorded."""
    return library_of(plain(x)).raw  # type: ignore[union-attr]


def adjoint(xp: Any, x: Any) -> Any:
    """Return the conjugate transpose of matrices."""
    return xp.matrix_transpose(_conj(xp, x))


def product(xp: Any, *factors: Any) -> Any:
    """Return the product of matrices, from left to right."""
    out = factors[0]
    for factor in factors[1:]:
        out = xp.matmul(out, factor)
    return out


def hermitian(xp: Any, x: Any) -> Any:
    """Return the Hermitian part of matrices, ``(x + x^H) / 2``."""
    return (x + adjoint(xp, x)) * 0.5


def skew(xp: Any, x: Any) -> Any:
    """Return the skew-Hermitian part of matrices, ``(x - x^H) / 2``."""
    return (x - adjoint(xp, x)) * 0.5


def half_lower(xp: Any, x: Any) -> Any:
    """Return the lower triangles of matrices, with half their diagonals."""
    return (xp.tril(x) + xp.tril(x, k=-1)) * 0.5


def on_diagonal(xp: Any, values: Any) -> Any:
    """Return diagonal matrices."""
    n = values.shape[-1]
    eye = xp.eye(n, dtype=values.dtype, device=xp.device(values))
    return column(xp, values) * eye


def column(xp: Any, x: Any) -> Any:
    """Return vectors as matrices of one column."""
    return xp.expand_dims(x, axis=-1)


def batch(xp: Any, x: Any) -> Any:
    """Return one number for each matrix with two axes more, to multiply matrices."""
    return xp.reshape(x, (*x.shape, 1, 1))


def times(xp: Any, vectors: Any, values: Any) -> Any:
    """Return ``vectors @ diag(values)``."""
    return vectors * xp.expand_dims(values, axis=-2)


def total(*parts: Any) -> Any:
    """Return the sum of the parts that are not None; None if there is none."""
    known = [part for part in parts if part is not None]
    out = known[0] if known else None
    for part in known[1:]:
        out = out + part
    return out


def real_diagonal(xp: Any, x: Any) -> Any:
    """Return the real parts of the diagonals of matrices."""
    out = xp.diagonal(x)
    return xp.real(out) if xp.is_complex(out) else out
