"""Corners of rules that broken copies had passed unseen (see mutate.py)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import host
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


def test_powers_of_a_complex_0_are_flat() -> None:
    x, y = np.zeros(2, complex), np.asarray([2.0, 3.0 + 0j])
    for slope in slopes(lambda x, y: xp.real(xp.pow(x, y)), x, y):
        assert np.all(slope == 0)


def test_a_negative_number_has_no_slope_by_its_exponent() -> None:
    y, pull = xn.vjp(lambda y: (-2.0) ** y, np.asarray([3.0]))
    assert y[0] == -8.0
    assert np.isnan(pull(np.ones(1))[0][0])


def test_a_number_0_as_divisor_keeps_the_strong_zero() -> None:
    _, pull = xn.vjp(lambda x: x / 0.0, np.asarray([1.0, 2.0]))
    np.testing.assert_array_equal(pull(np.asarray([0.0, 1.0]))[0], [0.0, np.inf])


def test_the_slope_of_copysign_at_0_is_0() -> None:
    for found in slopes(xp.copysign, [0.0, 0.0], [1.0, -1.0]):
        np.testing.assert_array_equal(found, [0.0, 0.0])


def test_nothing_is_recorded_of_indexing_under_no_grad() -> None:
    x = xn.asarray([1.0, 2.0, 3.0], requires_grad=True)
    with xn.no_grad():
        y = x[1:]
        z = x * 1.0
        z[0] = x[2]
        w = xp.where(x > 1.0, x, 0.0)
        moved = xp.astype(x, xp.float32)
    assert not any(v.requires_grad for v in (y, z, w, moved))


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
@pytest.mark.parametrize("count", [1, 2])
def test_the_third_derivative_of_determinants_of_a_batch(n: int, count: int) -> None:
    rng = np.random.default_rng(n)
    x, t = rng.standard_normal((2, count, n, n))

    def along(f: Any) -> Any:
        return lambda x: xn.jvp(f, (x,), (t,))[1]

    third = along(along(along(xp.linalg.det)))(x)
    # det(x + h t) is a polynomial in h
    steps = np.arange(-4.0, 5.0)
    values = np.stack([np.linalg.det(x + h * t) for h in steps])
    wanted = 6 * np.polynomial.polynomial.polyfit(steps, values, n)
    wanted = wanted[3] if n >= 3 else np.zeros(count)
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


@pytest.mark.parametrize(
    ("subscripts", "first", "second"),
    [
        ("...i,...i->...i", (2, 3, 4), (4,)),
        ("...i,...i->...", (4,), (2, 3, 4)),
        ("bcij,bcij->bc", (2, 3, 4, 5), (2, 3, 4, 5)),
        ("bcij,bcji->bc", (2, 1, 4, 5), (2, 1, 5, 4)),
        ("abcc,abcc->bc", (2, 3, 4, 4), (2, 3, 4, 4)),
    ],
)
def test_products_of_batches(subscripts: str, first: Any, second: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(first), rng.standard_normal(second)
    out, pull = xn.vjp(lambda x, y: xp.special.einsum(subscripts, x, y), x, y)
    np.testing.assert_allclose(out, np.einsum(subscripts, x, y), rtol=1e-12, atol=1e-14)
    g, u, v = (rng.standard_normal(a.shape) for a in (out, x, y))
    gx, gy = pull(g)
    left = np.sum(g * (np.einsum(subscripts, u, y) + np.einsum(subscripts, x, v)))
    np.testing.assert_allclose(left, np.sum(gx * u) + np.sum(gy * v), rtol=1e-10)


def test_lists_and_arrays_of_a_library_stand_among_the_operands() -> None:
    x = xn.asarray([1.0, 2.0])
    for others in ([3.0, 4.0], np.asarray([3.0, 4.0])):
        for operands in ((x, others), (others, x), (others, others)):
            out = xp.special.einsum("i,i->", *operands)
            assert isinstance(out, xn.Array)
            alone = all(operand is others for operand in operands)
            assert float(out) == (25.0 if alone else 11.0)


# --- softmax and its kin --------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e3, 1e300])
def test_softmax_does_not_see_a_shift_of_each_row(shift: float) -> None:
    x = np.asarray([[1.0, 2.0, 3.0], [0.0, -1.0, 900.0]])
    shifts = np.asarray([[shift], [-shift]])
    far = x + shifts
    moved = far - shifts  # what rounding has left of x
    g = np.arange(6.0).reshape(2, 3)
    for function in (xp.special.softmax, xp.special.log_softmax):
        wanted, back = xn.vjp(lambda x, f=function: f(x, axis=1), moved)
        found, pull = xn.vjp(lambda x, f=function: f(x, axis=1), far)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        np.testing.assert_allclose(pull(g)[0], back(g)[0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_logsumexp_of_rows_far_apart(axis: Any) -> None:
    x = np.asarray([[1000.0, 999.0, 1000.0], [-1000.0, -1000.0, -1001.0]])
    g = np.ones(np.sum(x, axis=axis).shape)
    top = np.max(x, axis=axis, keepdims=True)
    total = np.sum(np.exp(x - top), axis=axis, keepdims=True)
    for keepdims in (False, True):
        out, pull = xn.vjp(
            lambda x, k=keepdims: xp.special.logsumexp(x, axis=axis, keepdims=k), x
        )
        np.testing.assert_allclose(
            np.ravel(out), np.ravel(np.log(total) + top), rtol=1e-15
        )
        np.testing.assert_allclose(
            pull(np.reshape(g, out.shape))[0], np.exp(x - top) / total, rtol=1e-12
        )


# --- and the rest ---------------------------------------------------------------------


def test_singular_values_of_0_stay_0_on_the_tape() -> None:
    value, pull = xn.vjp(xp.linalg.svdvals, np.zeros((2, 3)))
    np.testing.assert_array_equal(value, [0.0, 0.0])
    np.testing.assert_array_equal(pull(np.ones(2))[0], np.zeros((2, 3)))


@pytest.mark.parametrize("initial", [False, True])
def test_running_products_of_one_number(initial: bool) -> None:
    def f(x: Any) -> Any:
        return xp.cumulative_prod(x, axis=0, include_initial=initial)

    out, pull = xn.vjp(f, np.asarray([3.0]))
    np.testing.assert_array_equal(out, [1.0, 3.0] if initial else [3.0])
    np.testing.assert_array_equal(
        pull(np.arange(5.0, 5.0 + out.size))[0], [5.0 + initial]
    )


def test_differences_of_truth_values_say_where_they_change() -> None:
    x = xn.asarray([True, False, False, True])
    assert xp.diff(x).tolist() == [True, False, True]


@pytest.mark.parametrize("length", [5, 9])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 2), (2, 1), (2, 2)])
def test_squares_of_windows_to_second_order(
    length: int, stride: int, dilation: int
) -> None:
    x = np.linspace(-1.0, 2.0, length)
    starts = range(0, length - 2 * dilation, stride)
    places = np.asarray([[i, i + dilation, i + 2 * dilation] for i in starts])
    weights = np.arange(1.0, places.size + 1).reshape(places.shape)

    def f(x: Any) -> Any:
        windows = xp.special.sliding_windows(x, 3, stride=stride, dilation=dilation)
        return xp.sum(windows**3 * weights)

    wanted = np.zeros(length)
    np.add.at(wanted, places, 3 * weights * x[places] ** 2)
    np.testing.assert_allclose(xn.grad(f)(x), wanted)
    wanted[:] = 0.0
    np.add.at(wanted, places, 6 * weights * x[places])
    second = xn.grad(lambda x: xp.sum(xn.grad(f)(x)))(x)
    np.testing.assert_allclose(second, wanted)
    np.testing.assert_allclose(xn.jvp(xn.grad(f), (x,), (x,))[1], wanted * x)


def test_softmax_of_numbers_far_apart() -> None:
    x = np.asarray([[0.0, 1000.0, -1000.0], [800.0, -5.0, 799.0]])
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    wanted = e / np.sum(e, axis=1, keepdims=True)
    np.testing.assert_allclose(host(xp.special.softmax(xn.asarray(x))), wanted)
    logs = host(xp.special.log_softmax(xn.asarray(x)))
    np.testing.assert_allclose(np.exp(logs), wanted, rtol=1e-12)
    assert np.isfinite(logs).all()


@pytest.mark.parametrize("scale", [1e-100, 1e-20, 1e20, 1e100])
@pytest.mark.parametrize("ord", [2, -2, "nuc", 1, math.inf])
def test_the_slope_of_a_matrix_norm_does_not_see_the_scale(
    ord: Any, scale: float
) -> None:
    def norm(x: Any) -> Any:
        return xp.linalg.matrix_norm(x, ord=ord)

    for x in (MATRIX, MATRIX[:2]):
        found = xn.grad(norm)(scale * x)
        np.testing.assert_allclose(found, xn.grad(norm)(x), rtol=1e-9, atol=1e-12)
