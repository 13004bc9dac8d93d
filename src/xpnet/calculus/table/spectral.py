"""Eigenvalues and eigenvectors.

Values have derivatives everywhere (where they are equal: those of the vectors that the
library chose). A result that depends on a choice of vectors has none (see `choices`).

Between two equal values even a result that is the same for every choice, such as
``V @ diag(f(w)) @ V^H``, has a derivative (it contains f') that the cotangents of `w`
and `V` do not hold. So the rules refuse every cotangent that couples vectors of equal
values; one that does not is finite and right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...errors import GradientError
from ..array import Array
from ..convert import asarray
from ..rule import Late, function_of, several
from ..tape import is_recording
from .choices import (
    DEPENDS,
    SECOND,
    TANGENT,
    equal_pairs,
    equal_sentence,
    exceeds,
    phase_sentence,
    phases,
    place,
    refuse,
    relative,
    settled,
    slopes,
)
from .matrices import (
    adjoint,
    hermitian,
    plain,
    product,
    raw_of,
    real_diagonal,
    skew,
    times,
    total,
)


def values_alone(x: Any, name: str, full: str, index: int, **options: Any) -> Any:
    """Return values without vectors; on the tape those of the full decomposition."""
    x = asarray(x)
    lib = x._lib
    if x._node is None or not is_recording():
        return Array(lib.coerce(lib.functions[name](x.data)), lib)
    return getattr(lib.recorded, full)(x, **options)[index]


# --- Hermitian matrices ---------------------------------------------------------------


class EighResult(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Any
    eigenvectors: Any


def _eigh_vjp(xp: Any, gs: Any, outs: Any, x: Any, /) -> Any:
    """Return eigenvalues, ascending, and eigenvectors of Hermitian matrices.

    The rules take `x` for Hermitian: of a tangent they see the Hermitian part, and the
    gradient is Hermitian (as PyTorch's), though the value reads one triangle only.

    A result that depends on which eigenvectors of equal eigenvalues, or which phases
    of complex eigenvectors, the library chose raises GradientError.
    """
    g, gv = gs
    w, v = outs
    vh, equal = adjoint(xp, v), equal_pairs(w)
    part = None if g is None else times(xp, v, g)
    if gv is not None:
        c = xp.matmul(vh, gv)
        checks = [(equal & exceeds(c, gv), equal_sentence("eigh", w, DEPENDS))]
        if xp.is_complex(v):
            checks.append((phases(c, gv), phase_sentence("eigh")))
        refuse(*checks)
        part = total(part, xp.matmul(v, skew(xp, c) * slopes(xp, w, equal)))
    gx = xp.matmul(part, vh)
    return settled(gx, vh, v, equal, equal_sentence("eigh", w, SECOND))


def _eigh_jvp(xp: Any, t: Any, outs: Any, x: Any) -> Any:
    w, v = outs
    p = product(xp, adjoint(xp, v), hermitian(xp, t), v)

    def vectors() -> Any:
        equal = equal_pairs(w)
        refuse((equal & exceeds(p, t), equal_sentence("eigh", w, TANGENT)))
        return xp.matmul(v, p * slopes(xp, w, equal))

    return real_diagonal(xp, p), Late(vectors)


several(
    "eigh",
    EighResult,
    jvp=_eigh_jvp,
    vjp=_eigh_vjp,
    formula=("V @ (diag(gw) + skew(V^H @ gV) * F) @ V^H, F[i, j] = 1 / (w[j] - w[i])",),
)


@function_of("eigvalsh")
def eigvalsh(x: Any, /) -> Any:
    """Return the eigenvalues of Hermitian matrices, ascending.

    The derivative of each is ``v @ v^H`` for its eigenvector. Of equal eigenvalues
    those are the eigenvectors that the library chose; what is symmetric in the equal
    values, such as their sum, does not depend on the choice. On the tape it is
    ``eigh(x).eigenvalues``.
    """
    return values_alone(x, "eigvalsh", "eigh", 0)


# --- matrices of any kind -------------------------------------------------------------


class EigResult(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Any
    eigenvectors: Any


def _defective(index: tuple[int, ...]) -> str:
    return (
        f"eig: {place(index)} is defective to rounding: it has fewer eigenvectors than "
        "eigenvalues, and there eigenvalues are not differentiable (they grow like a "
        "root). Use what is smooth there (trace, det, matrix_power), or make the "
        "eigenvalues differ."
    )


def _inverse(xp: Any, v: Any) -> Any:
    """Return the inverse of a matrix of eigenvectors, if there are enough of them."""
    raw = raw_of(plain(v))
    try:
        out = xp.inv(v)
    except GradientError:
        raise
    except Exception:
        s = raw.svdvals(plain(v))
        refuse((s[..., -1] <= relative(s) * s[..., 0], _defective))
        raise
    if v.shape[-1]:
        size = raw.abs(plain(out))
        limit = 1.0 / relative(raw.real(plain(v)), 100.0)
        refuse((~raw.all(size < limit, axis=(-2, -1)), _defective))
    return out


def _eig_vjp(xp: Any, gs: Any, outs: Any, x: Any, /) -> Any:
    """Return eigenvalues and eigenvectors of length 1 of square matrices, complex.

    A result that depends on which eigenvectors of equal eigenvalues, or which phases,
    the library chose raises GradientError, and so does a matrix with too few
    eigenvectors.
    """
    g, gv = gs
    w, v = outs
    inverse, equal = _inverse(xp, v), equal_pairs(w)
    vh = adjoint(xp, v)
    part = None if g is None else times(xp, adjoint(xp, inverse), g)
    if gv is not None:
        c = xp.matmul(vh, gv)
        scale = xp.astype(real_diagonal(xp, c), v.dtype)
        free = c - times(xp, xp.matmul(vh, v), scale)
        whole = [gv, v, *([] if g is None else [times(xp, v, g * w)])]
        refuse(
            (equal & exceeds(free, *whole), equal_sentence("eig", w, DEPENDS)),
            (phases(c, *whole), phase_sentence("eig")),
        )
        middle = free * xp.conj(slopes(xp, w, equal))
        part = total(part, xp.matmul(adjoint(xp, inverse), middle))
    gx = xp.matmul(part, vh)
    return settled(gx, inverse, v, equal, equal_sentence("eig", w, SECOND))


def _eig_jvp(xp: Any, t: Any, outs: Any, x: Any) -> Any:
    w, v = outs
    t = xp.astype(t, v.dtype)
    p = product(xp, _inverse(xp, v), t, v)

    def vectors() -> Any:
        equal = equal_pairs(w)
        refuse((equal & exceeds(p, t), equal_sentence("eig", w, TANGENT)))
        tv = xp.matmul(v, p * slopes(xp, w, equal))
        along = real_diagonal(xp, xp.matmul(adjoint(xp, v), tv))
        return tv - times(xp, v, xp.astype(along, v.dtype))

    return xp.diagonal(p), Late(vectors)


several(
    "eig",
    EigResult,
    jvp=_eig_jvp,
    vjp=_eig_vjp,
    formula=(
        "inv(V)^H @ (diag(gw) + (C - V^H @ V @ real(diag(C))) * conj(F)) @ V^H, "
        "C = V^H @ gV, F[i, j] = 1 / (w[j] - w[i])",
    ),
)


@function_of("eigvals")
def eigvals(x: Any, /) -> Any:
    """Return the eigenvalues of square matrices, complex, in no particular order.

    A matrix with too few eigenvectors has none that is differentiable, and raises
    GradientError. On the tape it is ``eig(x).eigenvalues``.
    """
    return values_alone(x, "eigvals", "eig", 0)
