"""Decompositions where they are hard: singular matrices, equal values, free choices.

What must come out is frozen here, or the sentence that says why nothing can.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import NUMPY, TARGETS, TORCH, Target, host, parameters
from xpnet import xp
from xpnet.errors import GradientError

Function = Callable[..., Any]
RNG = np.random.default_rng(3)
EVERYWHERE = parameters(tuple(t for t in TARGETS if not t.strictest))


def gradient(target: Target, function: Function, x: Any) -> Any:
    """Return the gradient of ``function(linalg, xp, x)`` on a target, as NumPy's."""
    space = target.namespace
    return host(
        xn.grad(lambda a: function(space.linalg, space, a))(target.make(np.asarray(x)))
    )


def on_numpy(function: Function, x: Any) -> Any:
    return gradient(NUMPY, function, x)


def hermitian(space: Any, x: Any) -> Any:
    return (x + space.conj(space.matrix_transpose(x))) / 2


def refused(function: Function, x: Any) -> str:
    """Return the sentence with which a derivative is refused."""
    with pytest.raises(GradientError) as caught:
        on_numpy(function, x)
    assert "\n  recorded at " in str(caught.value)
    return str(caught.value)


# --- determinants ---------------------------------------------------------------------


def adjugate(x: Any) -> Any:
    """Return the adjugate by minors, which NumPy's determinant does not divide."""
    n = len(x)
    out = np.zeros_like(x)
    for i, j in itertools.product(range(n), repeat=2):
        minor = np.delete(np.delete(x, i, axis=0), j, axis=1)
        out[j, i] = (-1) ** (i + j) * np.linalg.det(minor)
    return out


SINGULAR = {
    "rank 2 of 3": np.asarray([[1.0, 2, 3], [4, 5, 6], [5, 7, 9]]),
    "rank 1 of 3": np.outer([1.0, 2, 3], [1.0, -1, 2]),
    "zeros": np.zeros((3, 3)),
    "rank 2 of 4": np.diag([2.0, 0, 0, 3]) + np.diag([5.0, 0, 0], k=1),
    "rank 3 of 4, complex": np.diag([1j, 2, 0, 3 - 1j]),
    "rank 2 of 4, complex": np.outer([1, 2j, 3, 1], [1j, -1, 2, 0])
    + np.outer([0, 2j, 1, 1j], [0, 1j, 1, 0]),
    "rank 1 of 5": np.outer([1.0, 2, 3, 0, 1], [1.0, -1, 2, 4, 0]),
    "regular, of 4": np.diag([1.0, 2, 3, 4]) + 0.5,
    "one number": np.zeros((1, 1)),
    "a row of zeros": np.asarray([[0.0, 0], [3, 4]]),
    "regular": np.asarray([[2.0, 1], [3, 4]]),
}


@pytest.mark.parametrize("target", EVERYWHERE)
@pytest.mark.parametrize("name", SINGULAR)
def test_the_gradient_of_det_is_the_adjugate(name: str, target: Target) -> None:
    x = SINGULAR[name]
    found = gradient(target, lambda la, xp, a: xp.real(la.det(a)), x)
    wanted = np.conj(adjugate(x).T)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", [n for n in SINGULAR if "complex" not in n])
def test_the_second_derivative_of_det_is_exact_at_singular_matrices(name: str) -> None:
    x = SINGULAR[name]
    n = len(x)
    found = xn.hessian(xp.linalg.det)(x)
    wanted = np.zeros((n, n, n, n))
    for i, j, k, m in itertools.product(range(n), repeat=4):
        if i != k and j != m:  # det is linear in each row and in each column
            moved = x.copy()
            moved[i], moved[k] = np.eye(n)[j], np.eye(n)[m]
            wanted[i, j, k, m] = np.linalg.det(moved)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["zeros", "rank 1 of 3", "rank 2 of 4"])
def test_the_third_derivative_of_det_is_exact_at_singular_matrices(name: str) -> None:
    x = SINGULAR[name]
    a, b, c = RNG.normal(size=(3, *x.shape))

    def first(x: Any) -> Any:
        return xp.sum(xn.grad(xp.linalg.det)(x) * a)

    def second(x: Any) -> Any:
        return xp.sum(xn.grad(first)(x) * b)

    found = np.sum(xn.grad(second)(x) * c)
    wanted = 0.0
    for signs in itertools.product((1, -1), repeat=3):  # exact up to degree 4
        step = sum(s * d for s, d in zip(signs, (a, b, c), strict=True))
        wanted += math.prod(signs) * np.linalg.det(x + step) / 8
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_the_determinant_of_nothing_is_one_and_its_gradient_is_nothing() -> None:
    value, g = xn.value_and_grad(xp.linalg.det)(np.zeros((0, 0)))
    assert value == 1.0
    assert g.shape == (0, 0)


def test_a_nan_in_one_matrix_stays_in_its_gradient() -> None:
    for n in (2, 3, 4):
        x = np.stack([np.eye(n)] * 2)
        x[1, 0, 0] = math.nan
        with np.errstate(all="ignore"):
            g = on_numpy(lambda la, xp, a: xp.sum(la.det(a)), x)
        np.testing.assert_array_equal(g[0], np.eye(n))
        assert np.isnan(g[1]).any()


@pytest.mark.parametrize("target", EVERYWHERE)
def test_slogdet_of_a_singular_matrix_is_as_log_of_0(target: Target) -> None:
    x = np.stack([np.diag([1.0, 0.0]), np.diag([2.0, 4.0])])

    def masked(la: Any, xp: Any, a: Any) -> Any:
        sign, log = la.slogdet(a)
        return xp.sum(xp.where(sign != 0, log, xp.zeros_like(log)))

    with np.errstate(all="ignore"):
        found = gradient(target, masked, x)
        np.testing.assert_allclose(found, [np.zeros((2, 2)), np.diag([0.5, 0.25])])
        bare = gradient(target, lambda la, xp, a: xp.sum(la.slogdet(a)[1]), x)
    assert np.isinf(bare[0]).all()
    np.testing.assert_allclose(bare[1], np.diag([0.5, 0.25]))


def test_the_strong_zero_of_slogdet_holds_at_order_2() -> None:
    x = np.stack([np.diag([1.0, 0.0]), np.diag([2.0, 4.0])])

    def masked(a: Any) -> Any:
        sign, log = xp.linalg.slogdet(a)
        return xp.sum(xp.where(sign != 0, log, xp.zeros_like(log)))

    with np.errstate(all="ignore"):
        bend = xn.grad(lambda a: xp.sum(xn.grad(masked)(a) ** 2))(x)
    assert np.all(bend[0] == 0)
    # the gradient is inv(x).T; this is the derivative of the sum of its squares
    inverse = np.linalg.inv(x[1])
    np.testing.assert_allclose(bend[1], -2 * (inverse @ inverse.T @ inverse).T)


# --- pseudo-inverse -------------------------------------------------------------------


def test_pinv_differentiates_along_matrices_of_the_same_rank() -> None:
    a, b = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 3))
    da, db = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 3))
    x, t = a @ b, da @ b + a @ db  # a direction in which the rank stays 2
    _, found = xn.jvp(lambda x: xp.linalg.pinv(x, rtol=1e-8), (x,), (t,))
    h = 1e-5
    ahead = np.linalg.pinv((a + h * da) @ (b + h * db), rtol=1e-8)
    behind = np.linalg.pinv((a - h * da) @ (b - h * db), rtol=1e-8)
    np.testing.assert_allclose(found, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-7)


def test_pinv_without_rtol_cuts_off_where_the_standard_does() -> None:
    x = np.diag([1.0] + [1.5e-15] * 9)  # less than 10 * eps, more than NumPy's 1e-15
    np.testing.assert_array_equal(xp.linalg.pinv(x).data, np.diag([1.0] + [0.0] * 9))
    assert np.all(on_numpy(lambda la, xp, a: xp.sum(la.pinv(a)[1:, 1:]), x) == 0)


# --- equal eigenvalues and singular values --------------------------------------------


@pytest.mark.parametrize("target", EVERYWHERE)
def test_symmetric_functions_of_equal_eigenvalues_are_right(target: Target) -> None:
    q, _ = np.linalg.qr(RNG.normal(size=(4, 4)))
    for values in ([2.0, 2, 2, 2], [1.0, 3, 3, 5], [0.0, 0, 0, 0], [-1.0, -1, 4, 4]):
        x = (q * values) @ q.T

        def cubes(la: Any, xp: Any, a: Any) -> Any:
            return xp.sum(la.eigvalsh(hermitian(xp, a)) ** 3)

        np.testing.assert_allclose(gradient(target, cubes, x), 3 * x @ x, atol=1e-12)


@pytest.mark.parametrize("target", EVERYWHERE)
def test_symmetric_functions_of_equal_singular_values_are_right(target: Target) -> None:
    u, _ = np.linalg.qr(RNG.normal(size=(4, 4)))
    v, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    for values in ([2.0, 2, 2], [5.0, 3, 3], [0.0, 0, 0], [4.0, 0, 0]):
        x = (u[:, :3] * values) @ v.T
        found = gradient(target, lambda la, xp, a: xp.sum(la.svdvals(a) ** 4), x)
        np.testing.assert_allclose(found, 4 * x @ x.T @ x, atol=1e-11)


def test_singular_values_of_0_have_slope_0_as_abs_and_norms_do() -> None:
    g = on_numpy(lambda la, xp, a: xp.sum(la.svdvals(a)), np.zeros((3, 2)))
    np.testing.assert_array_equal(g, np.zeros((3, 2)))
    g = on_numpy(lambda la, xp, a: xp.sum(la.svdvals(a)), np.diag([2.0, 0, 0]))
    np.testing.assert_array_equal(g, np.diag([1.0, 0, 0]))


def test_eigenvalues_of_equal_value_without_symmetry_are_right() -> None:
    x = np.eye(3) * 2
    g = on_numpy(lambda la, xp, a: xp.real(xp.sum(la.eigvals(a) ** 3)), x)
    np.testing.assert_allclose(g, 3 * (x @ x).T)


@pytest.mark.parametrize("target", EVERYWHERE)
def test_a_result_that_is_the_same_for_every_choice_is_finite(target: Target) -> None:
    x = np.diag([1.0, 2.0, 2.0, 0.0, 0.0])

    def norm(la: Any, xp: Any, a: Any) -> Any:
        w, v = la.eigh(hermitian(xp, a))
        return xp.sum(((v * xp.expand_dims(w, axis=-2)) @ xp.matrix_transpose(v)) ** 2)

    def first(la: Any, xp: Any, a: Any) -> Any:  # the vector of a value of its own
        return la.eigh(hermitian(xp, a)).eigenvectors[0, 2] ** 2 * 3.0

    def rebuilt(la: Any, xp: Any, a: Any) -> Any:
        u, s, vh = la.svd(a, full_matrices=False)
        return xp.sum(((u * xp.expand_dims(s, axis=-2)) @ vh) ** 2)

    np.testing.assert_allclose(gradient(target, norm, x), 2 * x, atol=1e-14)
    np.testing.assert_allclose(gradient(target, rebuilt, x), 2 * x, atol=1e-14)
    found = gradient(target, first, x + np.diag([1.0, 0, 0, 0], k=1) / 8)
    assert np.isfinite(found).all()


def _rebuilt(la: Any, xp: Any, a: Any) -> Any:
    w, v = la.eigh(hermitian(xp, a))
    return xp.sum((v * xp.expand_dims(w, axis=-2)) @ xp.matrix_transpose(v))


def test_a_derivative_that_the_vectors_do_not_hold_is_refused_not_guessed() -> None:
    # it is the sum of x, but f(w) = w and f(w) = 1 have the same cotangents at 1
    text = refused(_rebuilt, np.eye(2))
    assert text.startswith(
        "eigh: eigenvalues 0 and 1 of the matrix are equal to rounding (1 and 1), so "
        "their eigenvectors are not determined, and the result depends on them. Use "
    )
    close = np.diag([1.0, 1.0 + 1e-7])
    np.testing.assert_allclose(on_numpy(_rebuilt, close), np.ones((2, 2)), atol=1e-6)


def test_the_sentence_names_the_matrix_of_the_batch_and_the_two_values() -> None:
    x = np.stack([np.diag([1.0, 2, 3]), np.diag([1.0, 5, 5])])[None]
    text = refused(lambda la, xp, a: xp.sum(la.eigh(a).eigenvectors), x)
    assert "eigenvalues 1 and 2 of matrix (0, 1) of the batch are equal" in text
    assert "(5 and 5)" in text
    text = refused(lambda la, xp, a: xp.sum(la.svd(a).U), x[0])
    assert "singular values 0 and 1 of matrix 1 of the batch are equal" in text
    text = refused(
        lambda la, xp, a: xp.real(xp.sum(xp.abs(la.eig(a).eigenvectors + 1))), x[0]
    )
    assert text.startswith("eig: eigenvalues 1 and 2 of matrix 1 of the batch")


def test_only_the_matrices_that_a_result_depends_on_are_refused() -> None:
    x = np.stack([np.diag([1.0, 2, 3]), np.eye(3)])
    g = on_numpy(lambda la, xp, a: xp.sum(la.eigh(a).eigenvectors[0, ...] * 2.0), x)
    assert np.isfinite(g).all()
    assert np.all(g[1] == 0)


def test_tangents_of_vectors_of_equal_values_are_refused_and_those_of_values_not() -> (
    None
):
    x, t = np.eye(2), np.ones((2, 2))
    _, tw = xn.jvp(xp.linalg.eigvalsh, (x,), (t,))
    np.testing.assert_array_equal(tw, [1.0, 1.0])
    _, ts = xn.jvp(lambda x: xp.linalg.svd(x).S, (x,), (t,))
    np.testing.assert_allclose(ts, [1.0, 1.0])
    for function in (
        lambda x: xp.linalg.eigh(x).eigenvectors,
        lambda x: xp.linalg.svd(x).U,
        lambda x: xp.linalg.svd(x).Vh,
        lambda x: xp.abs(xp.linalg.eig(x).eigenvectors),
    ):
        with pytest.raises(GradientError, match="they have no tangent in this dir"):
            xn.jvp(function, (x,), (t,))
        _, moved = xn.jvp(function, (x,), (np.diag([1.0, 2.0]),))
        assert np.isfinite(moved).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: xp.sum(xp.linalg.eigvalsh(hermitian(xp, x)) ** 2),
        lambda x: xp.sum(xp.linalg.svdvals(x) ** 2),
        lambda x: xp.sum(xp.real(xp.linalg.eigvals(x) ** 2)),
    ],
)
@pytest.mark.parametrize("x", [np.eye(2), np.zeros((2, 2))], ids=["1", "0"])
def test_second_derivatives_at_equal_values_are_refused_not_guessed(
    function: Function, x: Any
) -> None:
    with pytest.raises(GradientError, match=r"second derivative|tangent"):
        xn.hessian(function)(x)
    g = xn.grad(lambda x: xp.sum(xn.grad(function)(x) * np.diag([1.0, 2.0])))
    assert np.isfinite(g(x)).all()  # this one couples no two vectors
    coupled = np.ones((2, 2))
    with pytest.raises(GradientError, match="and the second derivative depends"):
        xn.grad(lambda x: xp.sum(xn.grad(function)(x) * coupled))(x)


def test_second_derivatives_of_tall_matrices_with_a_value_of_0_are_refused() -> None:
    def function(x: Any) -> Any:
        return xp.sum(xp.linalg.svdvals(x) ** 2)

    for x in (np.diag([2.0, 0])[:, :1] * 0, np.eye(3, 2) * [2.0, 0.0]):
        for a in (x, x.T):
            u = np.ones_like(a)
            with pytest.raises(GradientError, match="svd: singular value"):
                xn.grad(lambda x, u=u: xp.sum(xn.grad(function)(x) * u))(a)


def test_a_singular_value_of_0_has_no_vectors_to_differentiate() -> None:
    x = np.eye(3, 2) * [2.0, 0.0]
    text = refused(
        lambda la, xp, a: (
            xp.sum(la.svd(a, full_matrices=False).U ** 3 * 2.0 + 1)
            + xp.sum(la.svd(a, full_matrices=False).U[2, :])
        ),
        x,
    )
    assert text.startswith("svd: singular value 1 of the matrix is 0 to rounding (0)")
    with pytest.raises(GradientError, match="singular value 1 of the matrix is 0"):
        xn.jvp(
            lambda a: xp.linalg.svd(a, full_matrices=False).U, (x,), (np.ones((3, 2)),)
        )


# --- other choices --------------------------------------------------------------------


def test_a_phase_that_matters_is_refused() -> None:
    x = np.asarray([[1.0, 1j], [-1j, 2.0]])
    for name, part in (("eigh", 1), ("svd", 0), ("eig", 1)):
        text = refused(
            lambda la, xp, a, n=name, p=part: xp.sum(xp.real(getattr(la, n)(a)[p])), x
        )
        assert text.startswith(f"{name}: the result depends on the phase of ")
    g = on_numpy(lambda la, xp, a: xp.sum(xp.abs(la.eigh(a)[1]) ** 4), x)
    assert np.isfinite(g).all()


def test_the_basis_that_full_matrices_and_complete_choose_is_not_differentiated() -> (
    None
):
    x = RNG.normal(size=(4, 2))
    text = refused(lambda la, xp, a: xp.sum(la.svd(a).U[:, 2:] ** 3), x)
    assert "which basis full_matrices=True chose" in text
    text = refused(lambda la, xp, a: xp.sum(la.svd(a).Vh[2:, :] ** 3), x.T)
    assert "which basis full_matrices=True chose" in text
    text = refused(lambda la, xp, a: xp.sum(la.qr(a, mode="complete").Q ** 3), x)
    assert "which basis mode='complete' chose" in text


def test_what_is_left_beyond_the_columns_differentiates_where_it_is_determined() -> (
    None
):
    weights = RNG.normal(size=(4, 4))
    x = RNG.normal(size=(4, 2))

    def by_svd(la: Any, xp: Any, a: Any) -> Any:
        u = la.svd(a).U[:, 2:]
        return xp.sum((u @ xp.matrix_transpose(u)) * weights)

    def by_qr(la: Any, xp: Any, a: Any) -> Any:
        q = la.qr(a, mode="complete").Q[:, 2:]
        return xp.sum((q @ xp.matrix_transpose(q)) * weights)

    def by_pinv(la: Any, xp: Any, a: Any) -> Any:
        return xp.sum((np.eye(4) - a @ la.pinv(a)) * weights)

    wanted = on_numpy(by_pinv, x)
    np.testing.assert_allclose(on_numpy(by_svd, x), wanted, atol=1e-13)
    np.testing.assert_allclose(on_numpy(by_qr, x), wanted, atol=1e-13)


def test_qr_of_dependent_columns_is_refused_and_says_which() -> None:
    x = np.stack([np.eye(3, 2), np.ones((3, 2))])
    text = refused(lambda la, xp, a: xp.sum(la.qr(a).R), x)
    assert text.startswith(
        "qr: matrix 1 of the batch has linearly dependent leading columns (entry 1 of "
        "the diagonal of R is 0 to rounding)"
    )
    with pytest.raises(GradientError, match="qr: matrix 1 of the batch"):
        xn.jvp(lambda x: xp.linalg.qr(x).Q, (x,), (np.ones_like(x),))
    g = on_numpy(lambda la, xp, a: xp.sum(la.qr(a).R[0, ...]), x)
    assert np.isfinite(g).all()
    assert np.all(g[1] == 0)


@pytest.mark.parametrize("x", [[[1.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]]])
def test_a_defective_matrix_is_refused(x: Any) -> None:
    text = refused(lambda la, xp, a: xp.real(xp.sum(la.eigvals(a))), x)
    assert text.startswith("eig: the matrix is defective to rounding")
    batch = np.stack([np.diag([1.0, 2.0]), np.asarray(x)])
    text = refused(lambda la, xp, a: xp.real(xp.sum(la.eigvals(a))), batch)
    assert text.startswith("eig: matrix 1 of the batch is defective to rounding")


def test_the_gradients_of_cholesky_and_eigh_are_hermitian() -> None:
    x = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3))
    x = x @ x.conj().T + np.eye(3)
    for function in (
        lambda la, xp, a: xp.sum(
            xp.real(la.cholesky(a)) * np.arange(9.0).reshape(3, 3)
        ),
        lambda la, xp, a: xp.sum(la.eigvalsh(a) * np.arange(3.0)),
    ):
        g = on_numpy(function, x)
        np.testing.assert_allclose(g, g.conj().T, atol=1e-14)


def test_results_have_the_names_of_the_standard() -> None:
    la, x = xp.linalg, np.eye(2)
    assert la.eigh(x)._fields == la.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert la.qr(x)._fields == ("Q", "R")
    assert la.slogdet(x)._fields == ("sign", "logabsdet")
    assert la.svd(x)._fields == ("U", "S", "Vh")
    assert la.eig(x).eigenvalues.dtype == la.eigvals(x).dtype == np.complex128


# --- PyTorch as an oracle -------------------------------------------------------------


def _well(n: int, complex_: bool, *batch: int) -> Any:
    x = RNG.normal(size=(*batch, n, n)) / 4 + np.diag(np.arange(1.0, n + 1) * 2)
    return x + 1j * RNG.normal(size=x.shape) / 4 if complex_ else x


def _mix(xp: Any, v: Any) -> Any:
    """Return a number of vectors that is the same for every sign and phase."""
    weights = xp.reshape(xp.arange(v.shape[-1], dtype=xp.float64) + 1.0, (-1,))
    return xp.sum(xp.abs(v) ** 4 * weights)


def _total(xp: Any, x: Any) -> Any:
    return xp.sum(
        xp.real(x * (1 + 2j)) if xp.isdtype(x.dtype, "complex floating") else x**2
    )


AGREED: dict[str, Function] = {
    "cholesky": lambda la, xp, a: _total(
        xp, la.cholesky(a @ xp.conj(xp.matrix_transpose(a)))
    ),
    "cholesky, upper": lambda la, xp, a: _total(
        xp, la.cholesky(a @ xp.conj(xp.matrix_transpose(a)), upper=True)
    ),
    "det": lambda la, xp, a: _total(xp, la.det(a)),
    "eig": lambda la, xp, a: _mix(xp, la.eig(a)[1]),
    "eigvals": lambda la, xp, a: xp.sum(xp.abs(la.eigvals(a)) ** 3),
    "eigh": lambda la, xp, a: _mix(xp, la.eigh(a)[1]),
    "eigvalsh": lambda la, xp, a: xp.sum(la.eigvalsh(a) ** 3),
    "inv": lambda la, xp, a: _total(xp, la.inv(a)),
    "pinv": lambda la, xp, a: _total(xp, la.pinv(a[..., :-1])),
    "pinv, wide": lambda la, xp, a: _total(xp, la.pinv(a[..., :-1, :])),
    "qr": lambda la, xp, a: _total(xp, la.qr(a)[0]) + _total(xp, la.qr(a)[1]),
    "qr, tall": lambda la, xp, a: _total(xp, la.qr(a[..., :-1])[0] ** 3),
    "qr, wide": lambda la, xp, a: _total(xp, la.qr(a[..., :-1, :])[1] ** 3),
    "slogdet": lambda la, xp, a: xp.sum(la.slogdet(a)[1] ** 2),
    "slogdet, sign": lambda la, xp, a: _total(xp, la.slogdet(a)[0] ** 2),
    "solve": lambda la, xp, a: _total(xp, la.solve(a, a[..., :1])),
    "svd": lambda la, xp, a: _mix(xp, la.svd(a, full_matrices=False)[0]),
    "svd, tall": lambda la, xp, a: _mix(
        xp, la.svd(a[..., :-1], full_matrices=False)[0]
    ),
    "svd, wide": lambda la, xp, a: _mix(
        xp, la.svd(a[..., :-1, :], full_matrices=False)[2]
    ),
    "svdvals": lambda la, xp, a: xp.sum(la.svdvals(a[..., :-1]) ** 3),
}


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize("batch", [(), (2,), (2, 1)], ids=str)
@pytest.mark.parametrize("name", AGREED)
def test_gradients_agree_with_pytorch(
    name: str, batch: tuple[int, ...], complex_: bool
) -> None:
    TORCH.skip_unless_here()
    import array_api_compat.torch as compat
    import torch

    x = _well(3, complex_, *batch)
    leaf = torch.tensor(x, requires_grad=True)
    AGREED[name](compat.linalg, compat, leaf).backward()
    grad = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad  # a real sign
    wanted = grad.resolve_conj().numpy()
    for target in (NUMPY, TORCH):
        found = gradient(target, AGREED[name], x)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)
