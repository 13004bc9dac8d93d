"""Inverses, solutions, and the factors of Cholesky and QR.

`x` is a matrix or a batch of them; ``x^H`` is the conjugate transpose.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..rule import general, several, unbroadcast
from .choices import exceeds, place, refuse, relative
from .matrices import (
    adjoint,
    batch,
    column,
    half_lower,
    hermitian,
    plain,
    product,
    raw_of,
    skew,
)

# --- inverse and solution -------------------------------------------------------------


def _inv_vjp(xp: Any, g: Any, out: Any, x: Any, /) -> Any:
    """Return the inverse of square matrices.

    A singular matrix raises what the array library raises (NumPy: LinAlgError).
    """
    back = adjoint(xp, out)
    return -product(xp, back, g, back)


def _inv_jvp(xp: Any, t: Any, out: Any, x: Any) -> Any:
    return -product(xp, out, t, out)


general(
    "inv",
    jvp=_inv_jvp,
    vjp=_inv_vjp,
    formula=("-inv(x)^H @ g @ inv(x)^H",),
    keeps_out=True,
)


def _solve_vjp(xp: Any, g: Any, out: Any, x1: Any, x2: Any, /) -> Any:
    """Return the solution `z` of ``x @ z = y``, for a vector `y` or columns of them.

    `y` is a vector only if it has one axis; otherwise the batches of `x` and of `y`
    broadcast.
    """
    vector = x2.ndim == 1
    if vector:
        g, out = column(xp, g), column(xp, out)
    part = xp.solve(adjoint(xp, x1), g)
    first = -product(xp, part, adjoint(xp, out))
    if vector:
        part = xp.squeeze(part, axis=-1)
    return (
        unbroadcast(xp, first, tuple(x1.shape)),
        unbroadcast(xp, part, tuple(x2.shape)),
    )


def _solve_jvp(xp: Any, ts: Any, out: Any, x: Any, y: Any) -> Any:
    tx, ty = ts
    vector = y.ndim == 1
    if vector:
        out = column(xp, out)
        ty = None if ty is None else column(xp, ty)
    side = None if tx is None else -product(xp, tx, out)
    side = ty if side is None else side if ty is None else ty + side
    t = xp.solve(x, side)
    return xp.squeeze(t, axis=-1) if vector else t


general(
    "solve",
    jvp=_solve_jvp,
    vjp=_solve_vjp,
    count=2,
    formula=("-solve(x^H, g) @ out^H", "solve(x^H, g)"),
    keeps_out=True,
)


def _pinv_parts(xp: Any, out: Any, x: Any) -> Any:
    """Return the adjoint of the pseudo-inverse, and what it projects away."""
    rows = xp.eye(x.shape[-2], dtype=x.dtype, device=xp.device(x))
    columns = xp.eye(x.shape[-1], dtype=x.dtype, device=xp.device(x))
    return adjoint(xp, out), rows - x @ out, columns - out @ x


def _pinv_vjp(xp: Any, g: Any, out: Any, x: Any, /, *, rtol: Any = None) -> Any:
    """Return the Moore-Penrose pseudo-inverse of matrices.

    Singular values up to `rtol` times the largest count as 0; by default `rtol` is the
    larger side times the machine epsilon. The derivative is the one along matrices of
    the same rank, the only directions in which the pseudo-inverse is continuous.
    """
    back, left, right = _pinv_parts(xp, out, x)
    gh = adjoint(xp, g)
    return (
        -product(xp, back, g, back)
        + product(xp, left, gh, out, back)
        + product(xp, back, out, gh, right)
    )


def _pinv_jvp(xp: Any, t: Any, out: Any, x: Any, *, rtol: Any = None) -> Any:
    back, left, right = _pinv_parts(xp, out, x)
    th = adjoint(xp, t)
    return (
        -product(xp, out, t, out)
        + product(xp, out, back, th, left)
        + product(xp, right, th, back, out)
    )


general(
    "pinv",
    jvp=_pinv_jvp,
    vjp=_pinv_vjp,
    formula=(
        "-p^H @ g @ p^H + (1 - x @ p) @ g^H @ p @ p^H + p^H @ p @ g^H @ (1 - p @ x), "
        "p = pinv(x)",
    ),
    keeps_out=True,
)

# --- Cholesky -------------------------------------------------------------------------


def _cholesky_vjp(xp: Any, g: Any, out: Any, x: Any, /, *, upper: bool = False) -> Any:
    """Return the triangular factor of Hermitian positive-definite matrices.

    ``x = out @ out^H``, or ``out^H @ out`` with ``upper=True``. The rules take `x` for
    Hermitian: of a tangent they see the Hermitian part, and the gradient is Hermitian
    (as PyTorch's), though the value reads one triangle only.
    """
    if upper:
        out, g = adjoint(xp, out), adjoint(xp, g)
    back = adjoint(xp, out)
    middle = hermitian(xp, half_lower(xp, xp.matmul(back, g)))
    part = xp.solve(back, middle)  # (L^-H) S, and then the same from the right
    return adjoint(xp, xp.solve(back, adjoint(xp, part)))


def _cholesky_jvp(xp: Any, t: Any, out: Any, x: Any, *, upper: bool = False) -> Any:
    lower = adjoint(xp, out) if upper else out
    part = xp.solve(lower, hermitian(xp, t))
    middle = xp.solve(lower, adjoint(xp, part))
    t = xp.matmul(lower, half_lower(xp, middle))
    return adjoint(xp, t) if upper else t


general(
    "cholesky",
    jvp=_cholesky_jvp,
    vjp=_cholesky_vjp,
    formula=("inv(L)^H @ hermitian(half_tril(L^H @ g)) @ inv(L)",),
    keeps_out=True,
)

# --- QR -------------------------------------------------------------------------------


class QRResult(NamedTuple):
    """What `qr` returns."""

    Q: Any
    R: Any


def _rank_sentence(index: tuple[int, ...]) -> str:
    return (
        f"qr: {place(index[:-1])} has linearly dependent leading columns (entry "
        f"{index[-1]} of the diagonal of R is 0 to rounding), and there Q and R have "
        "no derivative. Use the singular values (svd) or pinv, or add a small multiple "
        "of an identity."
    )


def _basis_sentence(index: tuple[int, ...]) -> str:
    return (
        f"qr: the result depends on which basis mode='complete' chose for the columns "
        f"of Q beyond those of {place(index[:-2])}; any orthonormal basis would do, so "
        "there is no derivative. Use mode='reduced', or only products such as "
        "Q2 @ Q2^H of those columns."
    )


def _leading(xp: Any, r: Any, g: Any) -> tuple[Any, Any]:
    """Return the leading square of R, the identity where it is singular, and a check.

    Where `g` is 0 a singular R is no obstacle: the gradient is 0.
    """
    k = min(r.shape[-2:])
    raw = raw_of(plain(r))
    square = r[..., :k, :k]
    size = raw.abs(raw.diagonal(plain(square)))
    if not k:
        return square, (size > 0, _rank_sentence)
    small = size <= relative(size) * raw.max(size, axis=-1, keepdims=True)
    singular = batch(raw, raw.any(small, axis=-1))
    eye = raw.eye(k, dtype=r.dtype, device=raw.device(plain(r)))
    live = raw.any(plain(g) != 0, axis=(-2, -1))
    check = (small & raw.expand_dims(live, axis=-1), _rank_sentence)
    return xp.where(singular, eye, square), check


def _qr_vjp(xp: Any, gs: Any, outs: Any, x: Any, /, *, mode: str = "reduced") -> Any:
    """Return Q with orthonormal columns and R, upper triangular: ``x = Q @ R``.

    With ``mode="reduced"`` Q has as many columns as the shorter side of `x`, with
    ``"complete"`` it is square. The leading columns of `x` must be independent. Columns
    of Q beyond those of `x` are any basis of what is left: a result that depends on the
    basis raises GradientError. The check reads one number from the device.
    """
    gq, gr = gs
    q, r = outs
    k = min(x.shape[-2:])
    checks: list[Any] = []
    q1, q2 = q[..., :, :k], q[..., :, k:]
    middle = side = 0
    gx = None
    if gr is not None:
        gr = xp.triu(gr[..., :k, :])
        gx = xp.matmul(q1, gr)
        middle = -xp.matmul(gr, adjoint(xp, r[..., :k, :]))
    if gq is not None:
        g1 = gq[..., :, :k]
        inner = xp.matmul(adjoint(xp, q1), g1)
        middle = middle + inner
        if q2.shape[-1]:
            g2 = gq[..., :, k:]
            free = skew(xp, xp.matmul(adjoint(xp, q2), g2))
            checks.append((exceeds(free, gq), _basis_sentence))
            outer = xp.matmul(adjoint(xp, q2), g1) - xp.matmul(adjoint(xp, g2), q1)
            side = xp.matmul(q2, outer)
        else:
            side = g1 - xp.matmul(q1, inner)
    turned = xp.matmul(q1, half_lower(xp, 2.0 * skew(xp, middle))) + side
    square, check = _leading(xp, r, turned)
    refuse(check, *checks)
    part = adjoint(xp, xp.solve(square, adjoint(xp, turned)))
    if x.shape[-1] > k:
        rest = xp.zeros(
            (*x.shape[:-1], x.shape[-1] - k), dtype=part.dtype, device=xp.device(part)
        )
        part = xp.concat([part, rest], axis=-1)
    return part if gx is None else gx + part


def _qr_jvp(xp: Any, t: Any, outs: Any, x: Any, *, mode: str = "reduced") -> Any:
    q, r = outs
    k = min(x.shape[-2:])
    square, check = _leading(xp, r, t)
    refuse(check)
    # t @ inv(R)
    ratio = adjoint(xp, xp.solve(adjoint(xp, square), adjoint(xp, t[..., :, :k])))
    inner = xp.matmul(adjoint(xp, q), ratio)
    q1, q2 = q[..., :, :k], q[..., :, k:]
    lower = half_lower(xp, inner[..., :k, :])
    turn = lower - adjoint(xp, lower)
    tr = xp.matmul(adjoint(xp, q1), t) - xp.matmul(turn, r[..., :k, :])
    if not q2.shape[-1]:
        side = ratio - xp.matmul(q1, xp.matmul(adjoint(xp, q1), ratio))
        return xp.matmul(q1, turn) + side, xp.triu(tr)
    outer = inner[..., k:, :]
    tq = xp.concat(
        [
            xp.matmul(q1, turn) + xp.matmul(q2, outer),
            -xp.matmul(q1, adjoint(xp, outer)),
        ],
        axis=-1,
    )
    return tq, xp.concat([xp.triu(tr), xp.zeros_like(r[..., k:, :])], axis=-2)


several(
    "qr",
    QRResult,
    jvp=_qr_jvp,
    vjp=_qr_vjp,
    formula=(
        "(Q @ gR) + (Q @ half_tril(M - M^H) + (1 - Q @ Q^H) @ gQ) @ inv(R)^H, "
        "M = Q^H @ gQ - gR @ R^H",
    ),
)
