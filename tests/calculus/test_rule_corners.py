"""Corners of rules that broken copies had passed unseen (see mutate.py)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from xpnet import xp

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
NAN = math.nan

# --- elementwise ----------------------------------------------------------------------


def slopes(function: Any, *inputs: Any) -> list[Any]:
    """Return the gradient of the sum, for each argument."""
    arrays = [np.asarray(x) for x in inputs]
    numbers = tuple(range(len(arrays)))
    return list(xn.grad(lambda *xs: xp.sum(function(*xs)), numbers)(*arrays))


def test_powers_at_the_ends_of_the_range_have_the_slope_of_their_sign() -> None:
    x = [-1e-200, -1e150, -1e-160, 1e-200, 1e200]
    y = [2.0, 3.0, 2.0, 2.0, 1.5]
    with np.errstate(all="ignore"):
        found, _ = slopes(xp.pow, x, y)
    wanted = [-2e-200, 3e300, -2e-160, 2e-200, 1.5e100]
    np.testing.assert_allclose(found, wanted, rtol=1e-14)


def test_powers_in_single_precision_at_its_ends() -> None:
    x = np.asarray([1e-20, 1e20, -1e-20, 3e-13], np.float32)
    y = np.asarray([2.5, 2.0, 2.0, 3.5], np.float32)
    with np.errstate(all="ignore"):
        found, _ = slopes(xp.pow, x, y)
    wide = y.astype("f8") * np.sign(x) * np.abs(x.astype("f8")) ** (y.astype("f8") - 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wide, rtol=1e-5)


def test_a_complex_0_to_the_0_is_flat() -> None:
    zero = np.zeros(2, complex)
    for slope in slopes(lambda x, y: xp.real(xp.pow(x, y)), zero, zero):
        assert np.all(slope == 0)


@pytest.mark.parametrize("function", [xp.maximum, xp.minimum])
def test_one_nan_makes_both_slopes_nan(function: Any) -> None:
    x, y = [1.0, NAN, 2.0], [NAN, 1.0, 3.0]
    for slope in slopes(function, x, y):
        assert list(np.isnan(slope)) == [True, True, False]


def test_forward_mode_of_abs_at_0_is_0() -> None:
    x, t = np.asarray([0.0, -2.0]), np.asarray([1.0, 1.0])
    np.testing.assert_array_equal(xn.jvp(xp.abs, (x,), (t,))[1], [0.0, -1.0])


# --- matrices -------------------------------------------------------------------------

MATRIX = np.asarray([[2.0, 0.5, 0.1], [0.3, -1.0, 0.2], [0.4, 0.1, 3.0]])


@pytest.mark.parametrize("scale", [1e-100, 1e-20, 1.0, 1e20, 1e100])
def test_small_and_large_matrices_are_not_taken_for_singular(scale: float) -> None:
    x, g = scale * MATRIX, np.eye(3) + 1.0

    def q(x: Any) -> Any:
        return xp.sum(xp.linalg.qr(x).Q * g)

    def v(x: Any) -> Any:
        return xp.sum(xp.abs(xp.linalg.eigh(x + x.T).eigenvectors) * g)

    def u(x: Any) -> Any:
        return xp.sum(xp.abs(xp.linalg.svd(x).U) * g)

    for function in (q, v, u):
        at_1 = xn.grad(function)(MATRIX)
        found = xn.grad(function)(x) * scale
        np.testing.assert_allclose(found, at_1, rtol=1e-9, atol=1e-12)


def test_eigenvalues_that_are_equal_beside_the_largest_are_refused() -> None:
    turn = np.linalg.qr(MATRIX)[0]
    x = turn @ np.diag([0.0, 5.0, 5.0]) @ turn.T
    g = np.arange(9.0).reshape(3, 3)
    with pytest.raises(xn.XpnetError, match="equal"):
        xn.grad(lambda x: xp.sum(xp.linalg.eigh(x).eigenvectors * g))((x + x.T) / 2)


def test_one_singular_matrix_of_a_batch_leaves_the_others_alone() -> None:
    x = np.stack([np.ones((3, 3)), MATRIX])

    def second(x: Any) -> Any:
        q, r = xp.linalg.qr(x)
        return xp.sum((q[1, ...] * 2.0 + r[1, ...]) ** 3)

    found = xn.grad(second)(x)
    alone = xn.grad(lambda x: xp.sum(sum_of(xp.linalg.qr(x)) ** 3))(MATRIX)
    np.testing.assert_array_equal(found[0], np.zeros((3, 3)))
    np.testing.assert_allclose(found[1], alone, rtol=1e-12)
    with pytest.raises(xn.XpnetError, match="matrix 0 of the batch"):
        xn.grad(lambda x: xp.sum(xp.linalg.qr(x).Q ** 3))(x)


def sum_of(pair: Any) -> Any:
    return pair[0] * 2.0 + pair[1]


def test_a_matrix_that_is_singular_to_rounding_is_refused() -> None:
    x = np.asarray([[1.0, 1.0], [1.0, 1.0 + 4e-16]])
    with pytest.raises(xn.XpnetError):
        xn.grad(lambda x: xp.sum(xp.linalg.qr(x).Q ** 3))(x)


def test_the_rows_of_0_below_a_full_r_stay_0() -> None:
    x, t = MATRIX[:, :2], np.ones((3, 2))
    r, bend = xn.jvp(lambda x: xp.linalg.qr(x, mode="complete").R, (x,), (t,))
    assert r.shape == bend.shape == (3, 2)
    np.testing.assert_array_equal(bend[2], [0.0, 0.0])
    assert bend[1, 0] == 0.0


def test_the_sign_of_a_real_determinant_is_flat() -> None:
    np.testing.assert_array_equal(
        xn.grad(lambda x: xp.linalg.slogdet(x).sign)(MATRIX), np.zeros((3, 3))
    )


def test_the_logarithm_of_a_singular_determinant_is_flat_along_0() -> None:
    def logabsdet(x: Any) -> Any:
        return xp.linalg.slogdet(x).logabsdet

    x = np.stack([np.ones((3, 3)), MATRIX, np.ones((3, 3))])
    t = np.zeros((3, 3, 3))
    np.testing.assert_array_equal(xn.jvp(logabsdet, (x,), (t,))[1], np.zeros(3))
    t[2, 0, 0] = 1.0  # one of the two singular ones moves
    found = xn.jvp(logabsdet, (x,), (t,))[1]
    np.testing.assert_array_equal(found[:2], [0.0, 0.0])
    assert not np.isfinite(found[2])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_third_derivative_of_determinants_of_a_batch(n: int) -> None:
    rng = np.random.default_rng(n)
    x, t = rng.standard_normal((2, 2, n, n))

    def along(f: Any) -> Any:
        return lambda x: xn.jvp(f, (x,), (t,))[1]

    third = along(along(along(xp.linalg.det)))(x)
    # det(x + h t) is a polynomial in h
    steps = np.arange(-4.0, 5.0)
    values = np.stack([np.linalg.det(x + h * t) for h in steps])
    wanted = 6 * np.polynomial.polynomial.polyfit(steps, values, n)
    wanted = wanted[3] if n >= 3 else np.zeros(2)
    np.testing.assert_allclose(third, wanted, rtol=1e-9, atol=1e-9)
    mixed = xn.grad(lambda x: xp.sum(along(along(xp.linalg.det))(x)))(x)
    np.testing.assert_allclose(np.sum(mixed * t, axis=(1, 2)), wanted, atol=1e-9)


# --- einsum ---------------------------------------------------------------------------


def test_an_axis_of_1_stands_for_a_longer_one_also_in_a_diagonal() -> None:
    x = np.asarray([[1.0, 2.0, 3.0]])
    g = np.asarray([1.0, 10.0, 100.0])
    for value in (x, x.T):
        y, pull = xn.vjp(lambda x: xp.special.einsum("ii->i", x), value)
        np.testing.assert_array_equal(y, [1.0, 2.0, 3.0])
        np.testing.assert_array_equal(pull(g)[0], g.reshape(value.shape))


def test_lists_and_arrays_of_a_library_stand_among_the_operands() -> None:
    x = xn.asarray([1.0, 2.0])
    for others in ([3.0, 4.0], np.asarray([3.0, 4.0])):
        for operands in ((x, others), (others, x), (others, others)):
            out = xp.special.einsum("i,i->", *operands)
            assert isinstance(out, xn.Array)
            alone = all(operand is others for operand in operands)
            assert float(out) == (25.0 if alone else 11.0)
