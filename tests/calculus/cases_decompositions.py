"""The cases of decompositions and solvers of matrices.

Results that are determined only up to a choice (signs, phases, a basis) are reduced to
what every choice agrees on. Functions that read one triangle of a Hermitian matrix get
``(x + x^H) / 2``, so that differences see what the rules see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus import samples
from calculus.samples import corner, named, plain, precision

SQUARES = ((0, 0), (1, 1), (3, 3), (0, 2, 2), (2, 1, 2, 2))


def add(
    row: str, label: str, call: Callable[..., Any], *inputs: Any, **options: Any
) -> None:
    """Add a case that needs the linalg extension."""
    samples.add(row, label, call, *inputs, needs=("enabled_extensions",), **options)


def adjoint(xp: Any, x: Any) -> Any:
    return xp.conj(xp.matrix_transpose(x))


def symmetric(xp: Any, x: Any) -> Any:
    return (x + adjoint(xp, x)) / 2


def squared(xp: Any, x: Any) -> Any:
    """Return a real number for each complex one, which forgets its phase."""
    return xp.real(x * xp.conj(x))


def well(shape: tuple[int, ...], *key: Any) -> Any:
    """Return square matrices far from singular, with values far from one another."""
    n = shape[-1]
    lead = np.diag(np.arange(1.0, n + 1) * 2)
    return lead + plain(shape, *key) / 4


def complex_well(shape: tuple[int, ...], *key: Any) -> Any:
    return well(shape, "real", *key) + 1j * plain(shape, "imag", *key) / 4


def positive_definite(xp: Any, x: Any) -> Any:
    eye = xp.put(np.eye(x.shape[-1], dtype=precision(xp.real(x))))
    return symmetric(xp, xp.matmul(x, adjoint(xp, x))) + eye


def weighted(xp: Any, x: Any) -> Any:
    """Return the sum over the last axis with weights that are all different."""
    weights = np.arange(1.0, x.shape[-1] + 1) ** 2
    return xp.sum(x * xp.put(weights.astype(precision(x))), axis=-1)


def every(
    row: str,
    label: str,
    call: Callable[..., Any],
    sample: Callable[..., Any] = well,
    shapes: Any = SQUARES,
    **options: Any,
) -> None:
    for shape in shapes:
        add(row, label, call, sample(shape, row), **options)


# --- inverse, determinant, solution ---------------------------------------------------

for _row in ("inv", "det"):
    _call = named(_row)
    every(_row, "once", _call)
    every(_row, "complex", _call, complex_well, ((2, 2), (2, 3, 3)))
    add(
        _row,
        "twice",
        lambda xp, x, f=_call: f(xp, xp.matmul(x, x)) * f(xp, x),
        well((2, 2)),
    )
add("inv", "not at all", lambda xp, x, y: xp.inv(x), well((2, 2)), plain((2,)))
add("det", "of four", named("det"), plain((4, 4)))
add("det", "of batches of four", named("det"), well((2, 4, 4)))
add("det", "complex, of four", named("det"), complex_well((4, 4)))
add("det", "singular", named("det"), np.outer([1.0, 2, 3], [1.0, -1, 2]))
add("det", "singular, rank 2", named("det"), np.diag([2.0, 0, 1, 0]))
add("det", "of zeros", named("det"), np.zeros((2, 2, 2)))
add("det", "complex, rank 1", named("det"), np.outer([1, 2j, 3], [1j, -1, 2]))

_adjugate = named("adjugate")
every("adjugate", "once", _adjugate)
add("adjugate", "complex", _adjugate, complex_well((3, 3)))
add("adjugate", "singular", _adjugate, np.diag([2.0, 0, 0]))
add("adjugate", "of zeros", _adjugate, np.zeros((3, 3)))
add("adjugate", "of four", _adjugate, plain((4, 4)))
add("adjugate", "of four, singular", _adjugate, np.diag([2.0, 0, 0, 1]))
add("adjugate", "complex, of four", _adjugate, complex_well((4, 4)))


def _guarded(xp: Any, x: Any) -> Any:
    eye = xp.put(np.eye(x.shape[-1], dtype=precision(xp.real(x))))
    equal = xp.put(np.zeros(x.shape, dtype=bool))
    return xp.settled(x, eye, eye, equal, lambda index: "never said")


every("settled", "once", _guarded)
add("settled", "twice", lambda xp, x: _guarded(xp, x) * x, well((2, 2)))
add("settled", "complex", _guarded, complex_well((2, 2)))

_solve = named("solve")
for _a, _b in (
    ((3, 3), (3,)),
    ((3, 3), (3, 2)),
    ((1, 1), (1,)),
    ((0, 0), (0, 2)),
    ((2, 0), (2, 2, 0)),
    ((2, 2, 2), (2,)),
    ((2, 2, 2), (2, 1)),
    ((2, 2), (3, 2, 1)),
    ((2, 1, 2, 2), (3, 2, 1)),
    ((0, 2, 2), (2,)),
):
    if _a[-1] == _a[-2]:
        add("solve", "once", _solve, well(_a, 1), plain(_b, 2))
add("solve", "twice", lambda xp, x: xp.solve(x, x * x), well((2, 2)))
add(
    "solve",
    "complex",
    _solve,
    complex_well((2, 2, 2)),
    corner((2, 1), 3),
)
add("solve", "complex vector", _solve, complex_well((2, 2)), corner((2,), 3))
add(
    "solve",
    "the matrix off the tape",
    lambda xp, y: xp.solve(xp.put(well((2, 2)).astype(precision(y))), y),
    plain((2, 1)),
)
add(
    "solve",
    "the right side off the tape",
    lambda xp, x: xp.solve(x, xp.put(np.ones((2,), precision(x)))),
    well((2, 2)),
)

_slogdet = named("slogdet")
every("slogdet", "once", lambda xp, x: _slogdet(xp, x)[1])
every("slogdet", "both", _slogdet, shapes=((2, 2),))
every("slogdet", "complex", _slogdet, complex_well, ((1, 1), (2, 3, 3)))
every(
    "slogdet",
    "complex, the sign alone",
    lambda xp, x: xp.slogdet(x).sign,
    complex_well,
    ((2, 2),),
)
add(
    "slogdet",
    "twice",
    lambda xp, x: xp.slogdet(x @ x)[1] * xp.slogdet(x)[1],
    well((2, 2)),
)

# --- pseudo-inverse -------------------------------------------------------------------

_pinv = named("pinv")
RECTANGLES = ((3, 2), (2, 3), (2, 2), (2, 3, 1), (0, 3, 2), (3, 0), (0, 2))
for _shape in RECTANGLES:
    add("pinv", "once", _pinv, plain(_shape, "pinv"))
add("pinv", "complex", _pinv, corner((3, 2), "pinv"))
add(
    "pinv",
    "complex, wide",
    _pinv,
    corner((2, 2, 3), "pinv") * np.asarray([1, 2, 1j]),
)
add(
    "pinv",
    "of rank 1",
    lambda xp, x, y: xp.pinv(xp.matmul(x, y), rtol=1e-3),
    plain((3, 1), 4),
    plain((1, 2), 5),
)
add(
    "pinv",
    "rtol",
    lambda xp, x: xp.pinv(x, rtol=1e-5),
    plain((2, 2, 3), "pinv"),
)
add(
    "pinv",
    "rtol for each matrix",
    lambda xp, x: xp.pinv(x, rtol=xp.put(np.asarray([1e-4, 1e-5], precision(x)))),
    plain((2, 2, 3), "pinv"),
)
add("pinv", "twice", lambda xp, x: xp.pinv(x) * xp.matrix_transpose(x), plain((3, 2)))

# --- Cholesky -------------------------------------------------------------------------

for _upper in (False, True):

    def _cholesky(xp: Any, x: Any, u: bool = _upper) -> Any:
        return xp.cholesky(positive_definite(xp, x), upper=u)

    every("cholesky", f"upper={_upper}", _cholesky, plain)
    every(
        "cholesky", f"complex, upper={_upper}", _cholesky, corner, ((2, 2), (2, 3, 3))
    )
add(
    "cholesky",
    "symmetric input",
    lambda xp, x: xp.cholesky(symmetric(xp, x)),
    well((3, 3)),
)
add(
    "cholesky",
    "twice",
    lambda xp, x: xp.cholesky(positive_definite(xp, xp.cholesky(symmetric(xp, x)))),
    well((2, 2)),
)

# --- QR -------------------------------------------------------------------------------


def qr(xp: Any, x: Any, mode: str) -> Any:
    """Return Q, R and the projector onto the columns of Q beyond those of `x`."""
    k = min(x.shape[-2:])
    q, r = xp.qr(x, mode=mode)
    rest = q[..., :, k:]
    return q[..., :, :k], r[..., :k, :], xp.matmul(rest, adjoint(xp, rest))


for _mode in ("reduced", "complete"):
    for _shape in (
        (3, 3),
        (3, 2),
        (2, 3),
        (1, 1),
        (2, 2, 1),
        (0, 3, 2),
        (0, 2),
        (3, 0),
    ):
        add(
            "qr",
            f"mode={_mode}",
            lambda xp, x, m=_mode: qr(xp, x, m),
            plain(_shape, "qr"),
        )
    for _shape in ((2, 2), (3, 2), (2, 2, 3)):
        add(
            "qr",
            f"complex, mode={_mode}",
            lambda xp, x, m=_mode: qr(xp, x, m),
            corner(_shape, "qr") * np.asarray([1, 1j, 2])[: _shape[-1]],
        )
add("qr", "Q alone", lambda xp, x: xp.qr(x).Q, plain((3, 2), "qr"))
add("qr", "R alone", lambda xp, x: xp.qr(x).R, plain((3, 2), "qr"))
add("qr", "twice", lambda xp, x: xp.qr(xp.qr(x).R * x).R, plain((2, 2), "qr"))

# --- eigenvalues ----------------------------------------------------------------------


def _eigh(xp: Any, x: Any) -> Any:
    w, v = xp.eigh(symmetric(xp, x))
    return w, squared(xp, v)


def _moved(xp: Any, x: Any) -> Any:
    """Return a function of a Hermitian matrix, from its eigenvalues and vectors."""
    w, v = xp.eigh(symmetric(xp, x))
    return xp.matmul(v * xp.expand_dims(xp.sin(w), axis=-2), adjoint(xp, v))


for _sample, _kind, _shapes in (
    (well, "once", SQUARES),
    (complex_well, "complex", ((1, 1), (2, 2, 2), (3, 3))),
):
    every("eigh", _kind, _eigh, _sample, _shapes)
    every("eigh", f"{_kind}, a function of a matrix", _moved, _sample, _shapes[-2:])
    every(
        "eigh",
        f"{_kind}, vectors alone",
        lambda xp, x: squared(xp, xp.eigh(symmetric(xp, x)).eigenvectors),
        _sample,
        _shapes[-1:],
    )
    every(
        "eigvalsh",
        _kind,
        lambda xp, x: xp.eigvalsh(symmetric(xp, x)),
        _sample,
        _shapes,
    )
add(
    "eigvalsh",
    "twice",
    lambda xp, x: xp.eigvalsh(symmetric(xp, x)) * xp.eigvalsh(symmetric(xp, x @ x)),
    well((2, 2)),
)
add(
    "eigvalsh",
    "equal values",
    lambda xp, x: xp.sum(xp.eigvalsh(symmetric(xp, x)) ** 3),
    np.eye(3),
    order=1,
)


def _eig(xp: Any, x: Any) -> Any:
    w, v = xp.eig(x)
    return sorted_values(xp, w), xp.sum(weighted(xp, squared(xp, v)), axis=-1)


def sorted_values(xp: Any, w: Any) -> Any:
    """Return sums of powers, which do not depend on the order."""
    parts = [xp.sum(w**k, axis=-1) for k in (1, 2, 3)]
    return parts


def rotated(shape: tuple[int, ...], *key: Any) -> Any:
    """Return real matrices with complex eigenvalues."""
    turn = np.asarray([[1.0, 2.0], [-3.0, 1.5]])
    return turn + plain((*shape[:-2], 2, 2), *key) / 8


def _lengths(xp: Any, x: Any) -> Any:
    """Return what is the same for every order and phase of the eigenvectors."""
    w, v = xp.eig(x)
    sizes = squared(xp, v)
    return sorted_values(xp, w), xp.sum(sizes * sizes, axis=-1)


def _along(xp: Any, x: Any) -> Any:
    w, v = xp.eig(x)
    moved = xp.matmul(v * xp.expand_dims(xp.exp(w * 0.25), axis=-2), xp.inv(v))
    return moved


for _sample, _kind, _shapes in (
    (well, "once", ((0, 0), (1, 1), (3, 3), (0, 2, 2), (2, 1, 2, 2))),
    (rotated, "complex values", ((2, 2), (2, 2, 2))),
    (complex_well, "complex", ((1, 1), (2, 2, 2), (3, 3))),
):
    every("eig", _kind, _lengths, _sample, _shapes)
    every("eig", f"{_kind}, a function of a matrix", _along, _sample, _shapes[-1:])
    every(
        "eigvals",
        _kind,
        lambda xp, x: sorted_values(xp, xp.eigvals(x)),
        _sample,
        _shapes,
    )
add(
    "eigvals",
    "equal values",
    lambda xp, x: sorted_values(xp, xp.eigvals(x)),
    np.eye(2) * 1.5,
    order=1,
)
add(
    "eigvals",
    "twice",
    lambda xp, x: xp.sum(xp.eigvals(x) ** 2) * xp.sum(xp.eigvals(x @ x)),
    well((2, 2)),
)

# --- singular values ------------------------------------------------------------------


def svd(xp: Any, x: Any, full: bool) -> Any:
    """Return what is the same for every sign, phase and basis of the vectors."""
    u, s, vh = xp.svd(x, full_matrices=full)
    k = s.shape[-1]
    u2, v2 = u[..., :, k:], vh[..., k:, :]
    return (
        squared(xp, u[..., :, :k]),
        s,
        squared(xp, vh[..., :k, :]),
        xp.matmul(u2, adjoint(xp, u2)),
        xp.matmul(adjoint(xp, v2), v2),
    )


def _rotation(xp: Any, x: Any, full: bool) -> Any:
    u, s, vh = xp.svd(x, full_matrices=full)
    k = s.shape[-1]
    root = xp.expand_dims(xp.sqrt(s), axis=-2)
    return xp.matmul(u[..., :, :k] * root, vh[..., :k, :])


def tall(shape: tuple[int, ...], *key: Any) -> Any:
    """Return matrices with singular values far from one another and from 0."""
    m, n = shape[-2:]
    lead = np.zeros((m, n))
    np.fill_diagonal(lead, np.arange(1.0, min(m, n) + 1) * 2)
    return lead + plain(shape, *key) / 4


def complex_tall(shape: tuple[int, ...], *key: Any) -> Any:
    return tall(shape, "real", *key) + 1j * plain(shape, "imag", *key) / 4


_SHAPES = ((1, 1), (3, 3), (3, 2), (2, 3), (2, 3, 1), (0, 2, 3), (0, 2), (3, 0))
for _sample, _kind, _shapes in (
    (tall, "once", _SHAPES),
    (complex_tall, "complex", ((1, 1), (2, 2), (2, 3, 2), (2, 3))),
):
    for _full in (False, True):
        every(
            "svd",
            f"{_kind}, full_matrices={_full}",
            lambda xp, x, f=_full: svd(xp, x, f),
            _sample,
            _shapes,
        )
        every(
            "svd",
            f"{_kind}, a function of a matrix, full_matrices={_full}",
            lambda xp, x, f=_full: _rotation(xp, x, f),
            _sample,
            ((2, 2), (2, 3), (3, 2)),
        )
    every("svdvals", _kind, named("svdvals"), _sample, _shapes)
add("svd", "U alone", lambda xp, x: squared(xp, xp.svd(x)[0]), tall((2, 2)))
add("svd", "Vh alone", lambda xp, x: squared(xp, xp.svd(x).Vh), tall((2, 2)))
add("svdvals", "twice", lambda xp, x: xp.svdvals(x) * xp.svdvals(x @ x), tall((2, 2)))
add(
    "svdvals",
    "equal values",
    lambda xp, x: xp.sum(xp.svdvals(x) ** 3),
    np.eye(3, 2),
    order=1,
)
