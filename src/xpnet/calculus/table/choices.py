"""Where vectors are a choice: which values are equal, and what depends on the choice.

Eigenvectors and singular vectors that belong to equal values are not determined, and
neither is the sign or phase of any of them. The rules read from the cotangent whether a
result depends on such a choice, and refuse it with a sentence.

The checks read one number from the device, when vectors are differentiated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import GradientError
from ..array import Array
from ..rule import TABLE, addition, general
from .matrices import column, home_of, plain, product, raw_of, skew

__all__ = [
    "DEPENDS",
    "SECOND",
    "TANGENT",
    "Check",
    "Sentence",
    "equal_pairs",
    "equal_sentence",
    "exceeds",
    "phase_sentence",
    "phases",
    "place",
    "refuse",
    "relative",
    "settled",
    "slopes",
    "without",
]

Sentence = Callable[[tuple[int, ...]], str]
Check = tuple[Any, Sentence]

# --- values that are equal to rounding ------------------------------------------------


def relative(x: Any, factor: float = 4.0) -> float:
    """Return how far apart, in parts of the largest, rounding may bring equal values.

    It is `factor` times the length of the last axis times the machine epsilon.
    """
    eps = float(raw_of(x).finfo(x.dtype).eps)
    return factor * max(int(x.shape[-1]), 1) * eps


def equal_pairs(values: Any) -> Any:
    """Return a mask (..., n, n): which two different values are equal to rounding."""
    w = plain(values)
    xp = raw_of(w)
    n = w.shape[-1]
    same = xp.eye(n, dtype=xp.bool, device=xp.device(w))
    gap = xp.abs(xp.expand_dims(w, axis=-1) - xp.expand_dims(w, axis=-2))
    if not n:
        return gap != gap
    top = xp.max(xp.abs(w), axis=-1, keepdims=True)
    return (gap <= relative(w) * xp.expand_dims(top, axis=-1)) & ~same


def without(xp: Any, values: Any, mask: Any) -> Any:
    """Return ``1 / values``, and 0 where the raw mask is set, to every order."""
    keep = raw_of(mask).astype(~mask, values.dtype)
    return xp.reciprocal(values * keep + (1 - keep)) * keep


def exceeds(part: Any, *whole: Any) -> Any:
    """Return where entries of matrices are more than the rounding of `whole`."""
    part = plain(part)
    xp = raw_of(part)
    if 0 in part.shape[-2:]:
        return xp.abs(part) > 0
    sizes = [xp.max(xp.abs(plain(x)), axis=(-2, -1), keepdims=True) for x in whole]
    top = functools.reduce(xp.maximum, sizes)
    return xp.abs(part) > relative(part, 1000.0) * top


def refuse(*checks: Check) -> None:
    """Raise a GradientError if any mask is set; one read of the device for them all.

    Each check is a raw mask and the sentence for the index of its first entry.
    """
    lib = home_of(checks[0][0])
    found: Any = None
    for mask, _ in checks:
        some = lib.raw.any(mask)
        found = some if found is None else found | some
    if not bool(found):
        return
    for mask, sentence in checks:
        host = lib.to_host(mask)
        if host.any():
            first = host.reshape(host.shape or (1,)).nonzero()[: host.ndim]
            raise GradientError(sentence(tuple(int(axis[0]) for axis in first)))


def place(index: Sequence[int]) -> str:
    """Return which matrix of a batch an index means, in words."""
    if not index:
        return "the matrix"
    which = index[0] if len(index) == 1 else tuple(index)
    return f"matrix {which} of the batch"


def phases(c: Any, *whole: Any) -> Any:
    """Return where the phase of a vector matters: imaginary numbers on the diagonal."""
    c = plain(c)
    xp = raw_of(c)
    eye = xp.eye(c.shape[-1], dtype=xp.bool, device=xp.device(c))
    # the skew part has the imaginary numbers on its diagonal
    return exceeds(skew(xp, c), *whole) & eye


def _gaps(xp: Any, w: Any) -> Any:
    """Return ``w_j - w_i`` at (i, j)."""
    return xp.expand_dims(w, axis=-2) - column(xp, w)


def slopes(xp: Any, w: Any, equal: Any) -> Any:
    """Return ``1 / (w_j - w_i)``, and 0 on the diagonal and for equal values."""
    raw = raw_of(equal)
    n = w.shape[-1]
    eye = raw.eye(n, dtype=raw.bool, device=raw.device(equal))
    return without(xp, _gaps(xp, w), equal | eye)


# --- sentences -----------------------------------------------------------------------

_KINDS = {
    "eigh": ("eigenvalues", "eigenvectors", "eigvalsh, trace, slogdet"),
    "eig": ("eigenvalues", "eigenvectors", "eigvals, trace, slogdet"),
    "svd": ("singular values", "singular vectors", "svdvals, matrix_norm, pinv"),
}


def _number(value: Any) -> str:
    return f"{complex(value):.6g}" if isinstance(value, complex) else f"{value:.6g}"


def equal_sentence(name: str, w: Any, what: str) -> Sentence:
    """Return what to say of the first pair of equal values that matters."""
    values, vectors, instead = _KINDS[name]

    def sentence(index: tuple[int, ...]) -> str:
        *where, i, j = index
        lib = home_of(w)
        row = lib.to_host(plain(w))[tuple(where)].tolist()
        one, other = _number(row[i]), _number(row[j])
        return (
            f"{name}: {values} {i} and {j} of {place(where)} are equal to rounding "
            f"({one} and {other}), so their {vectors} are not determined, and {what}. "
            f"Use what is determined there ({instead}, ...), or make the values differ."
        )

    return sentence


def phase_sentence(name: str) -> Sentence:
    """Return what to say of the first vector whose phase matters."""

    def sentence(index: tuple[int, ...]) -> str:
        *where, i, _ = index
        return (
            f"{name}: the result depends on the phase of {_KINDS[name][1]} {i} of "
            f"{place(where)}, which is not determined: the vector times any complex "
            "number of size 1 would do. Use what is the same for every phase, such as "
            "abs(v) or v @ v^H."
        )

    return sentence


DEPENDS = "the result depends on them"
SECOND = "the second derivative depends on them"
TANGENT = "they have no tangent in this direction"

# --- second derivatives where values are equal ----------------------------------------


@addition("settled")
def _settled(xp: Any, x: Any, left: Any, right: Any, equal: Any, sentence: Any) -> Any:
    return x


def _settled_vjp(
    xp: Any, g: Any, out: Any, x: Any, left: Any, right: Any, equal: Any, sentence: Any
) -> Any:
    """Return `x`: a first derivative whose own derivative may not exist.

    Between two equal values the second derivative cannot be told from vectors that are
    not determined, so a cotangent that couples the two is refused.
    """
    raw = raw_of(equal)
    dtype = raw.result_type(plain(g), left)
    parts = [raw.astype(part, dtype) for part in (left, plain(g), right)]
    coupling = product(raw, *parts)
    refuse((equal & exceeds(coupling, plain(g)), sentence))
    return g


def _settled_jvp(xp: Any, t: Any, out: Any, x: Any, *rest: Any) -> Any:
    return t


general("settled", jvp=_settled_jvp, vjp=_settled_vjp, public=False)


def settled(x: Any, left: Any, right: Any, equal: Any, sentence: Any) -> Any:
    """Return a first derivative `x`; where it is recorded, its own is guarded.

    A cotangent `g` is refused where ``left @ g @ right`` couples two equal values.
    """
    if type(x) is not Array:
        return x
    return TABLE["settled"].function(x, plain(left), plain(right), equal, sentence)
