"""Singular values and singular vectors.

The derivatives are those of the Hermitian matrix ``[[0, x], [x^H, 0]]``, whose
eigenvalues are the singular values and their negatives: vectors turn by one over the
differences and one over the sums of singular values. See `spectral` for equal ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..array import Array
from ..rule import Late, function_of, several
from .choices import (
    DEPENDS,
    SECOND,
    TANGENT,
    Sentence,
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
    without,
)
from .matrices import (
    adjoint,
    column,
    hermitian,
    home_of,
    plain,
    product,
    raw_of,
    real_diagonal,
    skew,
    times,
    total,
)
from .spectral import values_alone


class SVDResult(NamedTuple):
    """What `svd` returns."""

    U: Any
    S: Any
    Vh: Any


def _zeros_of(s: Any) -> Any:
    """Return which singular values are 0 to rounding, a raw mask."""
    s = plain(s)
    xp = raw_of(s)
    if not s.shape[-1]:
        return s != s
    return s <= relative(s) * xp.max(s, axis=-1, keepdims=True)


def _zero_sentence(s: Any) -> Sentence:
    def sentence(index: tuple[int, ...]) -> str:
        *where, i = index
        value = home_of(s).to_host(plain(s))[(*where, i)]
        return (
            f"svd: singular value {i} of {place(where)} is 0 to rounding "
            f"({value:.6g}), so its singular vectors are not determined, and the "
            "result depends on them. Use what is determined there (svdvals, pinv, "
            "...), or leave that column out."
        )

    return sentence


def _basis_sentence(index: tuple[int, ...]) -> str:
    return (
        f"svd: the result depends on which basis full_matrices=True chose for the "
        f"vectors of {place(index[:-2])} that belong to no singular value; any "
        "orthonormal basis would do, so there is no derivative. Use "
        "full_matrices=False, or only products such as U2 @ U2^H of those vectors."
    )


class _Side(NamedTuple):
    """The left or the right singular vectors, their cotangent and what follows."""

    own: Any  # the vectors of the singular values, as columns
    inner: Any  # own^H @ g
    outer: Any  # what the cotangent has outside of the span of own
    checks: list[Any]


def _side(xp: Any, vectors: Any, g: Any, k: int, zero: Any, s: Any) -> _Side:
    own, others = vectors[..., :, :k], vectors[..., :, k:]
    if g is None:
        return _Side(own, None, None, [])
    first = g[..., :, :k]
    inner = xp.matmul(adjoint(xp, own), first)
    if others.shape[-1]:  # full_matrices=True
        last = g[..., :, k:]
        free = skew(xp, xp.matmul(adjoint(xp, others), last))
        turn = xp.matmul(adjoint(xp, others), first) - xp.matmul(adjoint(xp, last), own)
        outer = xp.matmul(others, turn)
        checks: list[Any] = [(exceeds(free, g), _basis_sentence)]
    elif vectors.shape[-2] > k:
        outer, checks = first - xp.matmul(own, inner), []
    else:
        return _Side(own, inner, None, [])
    raw = raw_of(zero)
    far = raw.any(exceeds(outer, g), axis=-2)
    return _Side(own, inner, outer, [*checks, (zero & far, _zero_sentence(s))])


def _svd_vjp(
    xp: Any, gs: Any, outs: Any, x: Any, /, *, full_matrices: bool = True
) -> Any:
    """Return the singular value decomposition ``x = U @ diag(S) @ Vh``, descending.

    With ``full_matrices=False`` U and Vh have only the vectors of the singular values.

    A result that depends on which singular vectors of equal singular values, or of the
    value 0, which phases, or which basis of the further vectors the library chose
    raises GradientError.
    """
    gu, g, gvh = gs
    u, s, vh = outs
    k = s.shape[-1]
    zero, equal = _zeros_of(s), equal_pairs(s)
    gv = None if gvh is None else adjoint(xp, gvh)
    left = _side(xp, u, gu, k, zero, s)
    right = _side(xp, adjoint(xp, vh), gv, k, zero, s)
    vh1 = adjoint(xp, right.own)
    part = None if g is None else times(xp, left.own, g)
    both = total(left.inner, right.inner)
    if both is not None:
        minus = None if right.inner is None else -right.inner
        apart = total(left.inner, minus)
        whole = [part for part in (gu, gv) if part is not None]
        refuse(*left.checks, *right.checks, *_pairs(xp, both, apart, whole, s, zero))
        even = skew(xp, both) * slopes(xp, s, equal)
        middle = even + skew(xp, apart) * _sums(xp, s, zero)
        part = total(part, xp.matmul(left.own, middle))
    inverse = without(xp, s, zero)
    gx = None if part is None else xp.matmul(part, vh1)
    if left.outer is not None:
        gx = total(gx, xp.matmul(times(xp, left.outer, inverse), vh1))
    if right.outer is not None:
        outer = adjoint(xp, right.outer)
        gx = total(gx, xp.matmul(times(xp, left.own, inverse), outer))
    if type(gx) is Array:
        gx = _settled_svd(xp, gx, left.own, vh1, s, zero, equal)
    return gx


def _sums(xp: Any, s: Any, zero: Any) -> Any:
    """Return ``1 / (s_i + s_j)``, and 0 where both are 0."""
    raw = raw_of(zero)
    none = raw.expand_dims(zero, axis=-1) & raw.expand_dims(zero, axis=-2)
    return without(xp, column(xp, s) + xp.expand_dims(s, axis=-2), none)


def _pairs(xp: Any, both: Any, apart: Any, whole: Any, s: Any, zero: Any) -> list[Any]:
    """Return what is to be checked between the vectors of singular values."""
    raw = raw_of(zero)
    equal = equal_pairs(s)
    none = equal & raw.expand_dims(zero, axis=-1)  # both are 0
    sentence = equal_sentence("svd", s, DEPENDS)
    far = exceeds(both, *whole) | (none & exceeds(apart, *whole))
    checks = [(equal & far, sentence)]
    if xp.is_complex(both):
        own = phases(apart, *whole) & raw.expand_dims(zero, axis=-1)
        checks.append((phases(both, *whole) | own, phase_sentence("svd")))
    return checks


def _settled_svd(
    xp: Any, gx: Any, u: Any, vh: Any, s: Any, zero: Any, equal: Any
) -> Any:
    """Guard a recorded derivative: equal values, and vectors of the value 0."""
    sentence = equal_sentence("svd", s, SECOND)
    v = adjoint(xp, vh)
    gx = settled(gx, adjoint(xp, u), v, equal, sentence)
    raw = raw_of(zero)
    if u.shape[-2] > u.shape[-1]:
        beyond = _beyond(raw, plain(u))
        mask = beyond[..., :1] * 0 == 0
        mask = mask & raw.expand_dims(zero, axis=-2)
        gx = settled(gx, beyond, v, mask, _second_zero(s))
    if v.shape[-2] > v.shape[-1]:
        beyond = _beyond(raw, plain(v))
        mask = raw.expand_dims(zero, axis=-1) & (beyond[..., :1, :] * 0 == 0)
        gx = settled(gx, adjoint(xp, u), beyond, mask, _second_zero(s, -2))
    return gx


def _beyond(raw: Any, u: Any) -> Any:
    """Return the projector onto what is orthogonal to the columns of `u`."""
    eye = raw.eye(u.shape[-2], dtype=u.dtype, device=raw.device(u))
    return eye - raw.matmul(u, adjoint(raw, u))


def _second_zero(s: Any, axis: int = -1) -> Sentence:
    return lambda index: _zero_sentence(s)((*index[:-2], index[axis]))


def _svd_jvp(xp: Any, t: Any, outs: Any, x: Any, *, full_matrices: bool = True) -> Any:
    u, s, vh = outs
    k = s.shape[-1]
    v = adjoint(xp, vh)
    u1, v1 = u[..., :, :k], v[..., :, :k]
    p = product(xp, adjoint(xp, u1), t, v1)

    def turns() -> Any:
        zero, equal = _zeros_of(s), equal_pairs(s)
        raw = raw_of(zero)
        none = equal & raw.expand_dims(zero, axis=-1)
        far = exceeds(hermitian(xp, p), t) | (none & exceeds(p, t))
        refuse((equal & far, equal_sentence("svd", s, TANGENT)))
        even = hermitian(xp, p) * slopes(xp, s, equal)
        return even, skew(xp, p) * _sums(xp, s, zero), zero

    def left() -> Any:
        even, odd, zero = turns()
        return _turned(xp, u, xp.matmul(t, v1), even + odd, s, zero)

    def right() -> Any:
        even, odd, zero = turns()
        tv = _turned(xp, v, xp.matmul(adjoint(xp, t), u1), even - odd, s, zero)
        return adjoint(xp, tv)

    return Late(left), real_diagonal(xp, p), Late(right)


def _turned(xp: Any, vectors: Any, moved: Any, turn: Any, s: Any, zero: Any) -> Any:
    """Return the tangent of singular vectors from their turn among themselves."""
    k = s.shape[-1]
    own, others = vectors[..., :, :k], vectors[..., :, k:]
    inside = xp.matmul(own, turn)
    if vectors.shape[-2] == k:
        return inside
    outside = moved - xp.matmul(own, xp.matmul(adjoint(xp, own), moved))
    raw = raw_of(zero)
    far = raw.any(exceeds(outside, moved), axis=-2)
    refuse((zero & far, _zero_sentence(s)))
    outside = times(xp, outside, without(xp, s, zero))
    if not others.shape[-1]:
        return inside + outside
    back = xp.matmul(own, xp.matmul(adjoint(xp, outside), others))
    return xp.concat([inside + outside, -back], axis=-1)


several(
    "svd",
    SVDResult,
    jvp=_svd_jvp,
    vjp=_svd_vjp,
    formula=(
        "U @ (diag(gS) + skew(C + D) * F + skew(C - D) * G) @ Vh, C = U^H @ gU, "
        "D = V^H @ gV, F[i, j] = 1 / (s[j] - s[i]), G[i, j] = 1 / (s[i] + s[j])",
    ),
)


@function_of("svdvals")
def svdvals(x: Any, /) -> Any:
    """Return the singular values of matrices, descending.

    The derivative of each is ``u @ v^H`` for its singular vectors, and 0 for a value
    that is exactly 0 (as for `abs` and norms). Of equal values those are the vectors
    that the library chose; what is symmetric in the equal values, such as their sum,
    does not depend on the choice. On the tape it is ``svd(x).S``.
    """
    s = values_alone(x, "svdvals", "svd", 1, full_matrices=False)
    if s._node is None:
        return s
    xp = s._lib.recorded
    return xp.where(plain(s) == 0, xp.zeros_like(s), s)
