"""Norms at their corners, transforms against their matrices, and PyTorch as a judge."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from calculus.contract import Space
from libraries import NUMPY, STRICT, STRICT_DEVICE1, TORCH, Target, host
from xpnet import xp as cpu
from xpnet.errors import OptionError, ShapeError

INF, NAN = math.inf, math.nan
BIG, SMALL = 1e200, 1e-200
HALF = math.sqrt(0.5)
Function = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quiet_libraries() -> Iterator[None]:
    """The values here are infinite or undefined, and NumPy would warn of them."""
    with np.errstate(all="ignore"):
        yield


def pulled(target: Target, function: Function, x: Any, g: Any = None) -> Any:
    """Return the value and the gradient as NumPy arrays; the cotangent is `g` or 1."""
    with target.flags("enabled_extensions"):
        out, pull = xn.vjp(lambda x: function(Space(target), x), target.make(x))
        g = np.ones(out.shape) if g is None else np.asarray(g, "f8")
        return host(out), host(pull(target.make(g))[0])


def norm(ord: Any, **options: Any) -> Function:
    """Return the function that takes a norm of vectors."""
    return lambda xp, x: xp.vector_norm(x, ord=ord, **options)


def matrix_norm(ord: Any) -> Function:
    """Return the function that takes a norm of matrices."""
    return lambda xp, x: xp.matrix_norm(x, ord=ord)


# --- norms at their corners -----------------------------------------------------------

POINTS: dict[str, tuple[Function, Any, Any, Any]] = {
    # name: function, x, value, gradient
    **{
        f"order {p} at 0": (norm(p), [0.0, -0.0, 0.0], 0, [0, 0, 0])
        for p in (2, 1, 0, 3, 4, 1.5, 0.5, -1, -2)
    },
    "order 2, huge": (norm(2), [BIG, BIG], BIG / HALF, [HALF, HALF]),
    "order 2, tiny": (norm(2), [SMALL, -SMALL], SMALL / HALF, [HALF, -HALF]),
    "order 3, huge": (norm(3), [BIG, 0.0, 0.0], BIG, [1, 0, 0]),
    "order 400": (norm(400), [3.0, 0.5], 3, [1, 0]),
    "order -400": (norm(-400), [3.0, 0.25], 0.25, [0, 1]),
    "order 2, one huge row": (
        norm(2, axis=-1),
        [[3.0, 4.0], [3 * BIG, 4 * BIG]],
        [5, 5 * BIG],
        [[0.6, 0.8], [0.6, 0.8]],
    ),
    "order 2, one row of zeros": (
        norm(2, axis=-1),
        [[3.0, 4.0], [0.0, 0.0]],
        [5, 0],
        [[0.6, 0.8], [0, 0]],
    ),
    "order 1 with a zero": (norm(1), [2.0, 0.0, -1.0], 3, [1, 0, -1]),
    "order 1.5 with a zero": (norm(1.5), [0.0, 4.0], 4, [0, 1]),
    "order 0.5 with a zero": (norm(0.5), [0.0, 4.0], 4, [0, 1]),
    "order -1 with a zero": (norm(-1), [0.0, 4.0], 0, [0, 0]),
    "order 0 counts": (norm(0), [0.0, 4.0, NAN], 2, [0, 0, 0]),
    "order inf, ties": (norm(INF), [3.0, -3.0, 1.0], 3, [0.5, -0.5, 0]),
    "order -inf, ties": (norm(-INF), [2.0, -1.0, 1.0], 1, [0, -0.5, 0.5]),
    "order inf at 0": (norm(INF), [0.0, 0.0], 0, [0, 0]),
    "order inf of three": (norm(INF), [-1.0, 1.0, 1.0], 1, [-1 / 3, 1 / 3, 1 / 3]),
    "order 2 of NaN": (norm(2), [NAN, 1.0], NAN, [NAN, NAN]),
    "order 2 of nothing": (norm(2), np.zeros((0,)), 0, np.zeros((0,))),
    "order inf of nothing": (norm(INF), np.zeros((2, 0)), 0, np.zeros((2, 0))),
    "order 2, complex": (norm(2), [3j, -4.0], 5, [0.6j, -0.8]),
    "order 2, complex and huge": (norm(2), [BIG * 1j], BIG, [1j]),
    "order 2, complex at 0": (norm(2), [0j, 0j], 0, [0, 0]),
    "order 3, complex with a zero": (norm(3), [0j, 2j], 2, [0, 1j]),
    "order 1, complex with a zero": (norm(1), [0j, 2j], 2, [0, 1j]),
    "order inf, complex ties": (norm(INF), [1j, -1.0, 0.5], 1, [0.5j, -0.5, 0]),
    "Frobenius at 0": (matrix_norm("fro"), np.zeros((2, 2)), 0, np.zeros((2, 2))),
    "Frobenius, huge": (matrix_norm("fro"), [[BIG, BIG]], BIG / HALF, [[HALF, HALF]]),
    "nuclear at 0": (matrix_norm("nuc"), np.zeros((2, 3)), 0, np.zeros((2, 3))),
    "nuclear of rank 1": (matrix_norm("nuc"), [[2.0, 0], [0, 0]], 2, [[1, 0], [0, 0]]),
    "nuclear of the identity": (matrix_norm("nuc"), np.eye(3), 3, np.eye(3)),
    "spectral at 0": (matrix_norm(2), np.zeros((2, 2)), 0, np.zeros((2, 2))),
    "spectral of the identity": (matrix_norm(2), np.eye(2), 1, np.eye(2) / 2),
    "-2 of a singular matrix": (
        matrix_norm(-2),
        [[1.0, 1.0], [1.0, 1.0]],
        0,
        np.zeros((2, 2)),
    ),
    "largest row, ties": (
        matrix_norm(INF),
        [[1.0, -2.0], [3.0, 0.0]],
        3,
        [[0.5, -0.5], [0.5, 0]],
    ),
    "largest column, ties": (
        matrix_norm(1),
        [[1.0, -2.0], [1.0, 0.0]],
        2,
        [[0.5, -0.5], [0.5, 0]],
    ),
    "smallest column": (
        matrix_norm(-1),
        [[1.0, -2.0], [1.0, 0.5]],
        2,
        [[1, 0], [1, 0]],
    ),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_norm_at_its_corner(name: str, target: Target) -> None:
    function, x, value, gradient = POINTS[name]
    x = np.asarray(x)
    found, slope = pulled(
        target, function, x.astype("c16" if x.dtype == "c16" else "f8")
    )
    np.testing.assert_allclose(found, value, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(slope, gradient, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("ord", [2, 3, 4, 1.5, INF, -1])
def test_a_cotangent_of_zero_gives_zero_even_at_infinity(
    ord: float, target: Target
) -> None:
    x = np.asarray([[INF, 1.0], [3.0, 4.0]])
    _, slope = pulled(target, norm(ord, axis=-1), x, g=[0.0, 1.0])
    assert np.all(slope[0] == 0)
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("ord", [2, 4, "fro", "nuc"])
def test_the_second_derivative_at_0_is_0(ord: Any, target: Target) -> None:
    x, t = target.make(np.zeros((2, 2))), target.make(np.ones((2, 2)))
    function = norm(ord) if isinstance(ord, int) else matrix_norm(ord)

    def slope(x: Any) -> Any:
        return xn.grad(lambda x: function(Space(target), x))(x)

    with target.flags("enabled_extensions"):
        assert np.all(host(xn.vjp(slope, x)[1](t)[0]) == 0)
        assert np.all(host(xn.jvp(slope, (x,), (t,))[1]) == 0)


def test_the_nuclear_norm_bends_as_it_should_at_the_identity() -> None:
    # along t the slope turns by the skew part of t, whatever basis svd chose
    t = np.asarray([[0.0, 1.0, 2.0], [3.0, 0.5, 1.0], [-1.0, 0.0, 2.0]])
    slope = xn.grad(lambda x: cpu.linalg.matrix_norm(x, ord="nuc"))
    _, bend = xn.jvp(slope, (np.eye(3),), (t,))
    np.testing.assert_allclose(bend, (t - t.T) / 2, atol=1e-15)


def test_float32_norms_do_not_overflow(target: Target) -> None:
    x = target.make(np.asarray([3e30, 4e30], "f4"))
    out, pull = xn.vjp(lambda x: Space(target).vector_norm(x), x)
    (slope,) = pull(target.make(np.asarray(1.0, "f4")))
    assert host(out).dtype == host(slope).dtype == np.float32
    np.testing.assert_allclose(host(out), 5e30, rtol=1e-6)
    np.testing.assert_allclose(host(slope), [0.6, 0.8], rtol=1e-6)


def test_a_norm_says_what_is_wrong_with_its_options() -> None:
    x = cpu.ones((2, 3))
    with pytest.raises(OptionError, match=r"number, inf or -inf, not 'fro'"):
        cpu.linalg.vector_norm(x, ord="fro")
    with pytest.raises(OptionError, match=r"axis 2 is outside an array of 2 axes"):
        cpu.linalg.vector_norm(x, axis=2, ord=3)
    with pytest.raises(OptionError, match="names an axis twice"):
        cpu.linalg.vector_norm(x, axis=(0, -2), ord=3)
    with pytest.raises(OptionError, match=r"ord must be 'fro', 'nuc'.*not 3"):
        cpu.linalg.matrix_norm(x, ord=3)
    with pytest.raises(ShapeError, match=r"x has shape \(3,\), and a matrix has 2"):
        cpu.linalg.matrix_norm(cpu.ones(3))


# --- powers, rank, trace --------------------------------------------------------------


@pytest.mark.parametrize("n", [1000, -1000])
def test_a_large_power_has_the_derivative_of_the_product(n: int) -> None:
    x = np.asarray([[1.0, 1.0], [0.0, 1.0]])
    t = np.asarray([[1.0, 2.0], [3.0, 4.0]])
    out, tangent = xn.jvp(lambda x: cpu.linalg.matrix_power(x, n), (x,), (t,))
    step = np.asarray([[1, np.sign(n)], [0, 1]], dtype=object)
    first = t.astype(int).astype(object)
    if n < 0:
        first = -step @ first @ step
    powers = [np.asarray([[1, k * np.sign(n)], [0, 1]], object) for k in range(abs(n))]
    wanted = sum(a @ first @ b for a, b in zip(powers, powers[::-1], strict=True))
    np.testing.assert_array_equal(out, [[1, n], [0, 1]])
    np.testing.assert_allclose(tangent, wanted.astype(float), rtol=1e-13)


def test_the_power_0_is_the_identity_and_flat(target: Target) -> None:
    value, slope = pulled(
        target, lambda xp, x: xp.matrix_power(x, 0), [[NAN, 1.0], [0.0, INF]]
    )
    np.testing.assert_array_equal(value, np.eye(2))
    np.testing.assert_array_equal(slope, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("rtol", "wanted"), [(None, [2, 1]), (0.3, [1, 1]), ([0.3, 1e-3], [1, 1])]
)
def test_the_rank_counts_by_rtol(rtol: Any, wanted: Any, target: Target) -> None:
    if target is TORCH:
        rtol = rtol if rtol is None else np.asarray(rtol)
    x = target.make(np.asarray([np.diag([1.0, 0.25]), np.ones((2, 2))]))
    with target.flags("enabled_extensions"):
        rtol = target.make(rtol) if isinstance(rtol, (list, np.ndarray)) else rtol
        rank = Space(target).matrix_rank(x, rtol=rtol)
        empty = Space(target).matrix_rank(target.make(np.zeros((2, 0, 3))))
    np.testing.assert_array_equal(host(rank), wanted)
    np.testing.assert_array_equal(host(empty), [0, 0])
    assert host(rank).dtype.kind in "iu"


def test_a_trace_in_another_dtype_has_a_gradient_in_its_own() -> None:
    x = np.ones((2, 2), "f4")
    out, pull = xn.vjp(lambda x: cpu.linalg.trace(x, dtype=cpu.complex128), x)
    assert out.dtype == np.complex128
    (slope,) = pull(np.asarray(2 + 1j))
    assert slope.dtype == np.float32
    np.testing.assert_array_equal(slope, [[2, 0], [0, 2]])


# --- transforms against their matrices ------------------------------------------------


def fourier(n: int) -> Any:
    """Return the matrix of the transform, from angles reduced exactly."""
    k = np.arange(n)
    return np.exp(-2j * np.pi * (np.outer(k, k) % n) / n)


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("m", [1, 3, 4])
def test_the_gradient_is_the_product_with_the_conjugate_transpose(
    m: int, n: int, norm: str, target: Target, thorough: bool
) -> None:
    if target.library == "jax" and not thorough and (m, norm) != (3, "ortho"):
        pytest.skip("JAX compiles each length anew: all of them with --thorough")
    rng = np.random.default_rng(10 * m + n)
    scale = {"backward": 1.0, "ortho": n**-0.5, "forward": 1.0 / n}[norm]
    back = 1.0 / (n * scale)  # the factor of the inverse
    half = n // 2 + 1
    fill = np.eye(n, m)  # cuts, or fills up with zeros
    f = fourier(n)
    # the inverse of half a spectrum: real parts, all but the first and middle doubled
    twice = np.full(half, 2.0)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    wide = np.conj(f[:, :half]) * twice @ np.eye(half, m)
    matrices = {
        "fft": scale * f @ fill,
        "ifft": back * np.conj(f) @ fill,
        "rfft": scale * f[:half] @ fill,
        "ihfft": back * np.conj(f[:half]) @ fill,
        "irfft": back * wide,
        "hfft": scale * np.conj(wide),
    }
    for name, matrix in matrices.items():
        real_in, real_out = name in ("rfft", "ihfft"), name in ("irfft", "hfft")
        x = rng.normal(size=m) + (0 if real_in else 1j * rng.normal(size=m))
        g = rng.normal(size=len(matrix)) + (
            0 if real_out else 1j * rng.normal(size=len(matrix))
        )
        value, slope = matrix @ x, np.conj(matrix.T) @ g
        with target.flags("enabled_extensions"):
            out, pull = xn.vjp(
                lambda x, name=name: getattr(Space(target), name)(x, n=n, norm=norm),
                target.make(x),
            )
            found = host(pull(target.make(g))[0])
        np.testing.assert_allclose(
            host(out), value.real if real_out else value, rtol=1e-12, atol=1e-13
        )
        wanted = slope.real if real_in else slope
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13, err_msg=name)


def test_single_precision_stays_single() -> None:
    x, z = np.ones((2, 4), "f4"), np.ones((2, 4), "c8")
    fft = cpu.fft
    for name in ("fft", "ifft", "fftn", "ifftn"):
        assert getattr(fft, name)(z).dtype == np.complex64
    for name in ("rfft", "rfftn", "ihfft"):
        assert getattr(fft, name)(x).dtype == np.complex64
    for name in ("irfft", "irfftn", "hfft"):
        assert getattr(fft, name)(z).dtype == np.float32


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_lengths_without_axes_are_those_of_the_last_axes(
    name: str, target: Target
) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    x = x if name == "rfftn" else x + 0.5j
    with target.flags("enabled_extensions"):
        transform = getattr(Space(target), name)
        found = transform(target.make(x), s=(3, 5))
        wanted = getattr(np.fft, name)(x, s=(3, 5), axes=(-2, -1))
    np.testing.assert_allclose(host(found), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_go_where_they_are_told(name: str) -> None:
    wanted = getattr(np.fft, name)(5, 0.5)
    for target in (NUMPY, STRICT, STRICT_DEVICE1, TORCH):
        target.skip_unless_here()
        space = target.namespace
        place = target.make(np.zeros(1)).device
        function = getattr(space.fft, name)
        found = function(5, d=0.5, dtype=space.float64, device=place)
        assert found.device == place
        np.testing.assert_allclose(host(found), wanted)
        narrow = function(5, d=0.5, dtype=space.float32, device=place)
        assert host(narrow).dtype == np.float32
    assert getattr(cpu.fft, name)(5, d=0.5, device="cpu").dtype == np.float64


# --- PyTorch as a judge ---------------------------------------------------------------


def _shape(rng: Any, low: int = 1, high: int = 3) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 5, rng.integers(low, high + 1)))


def _numbers(rng: Any, shape: tuple[int, ...], complex_: bool) -> Any:
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex_ else x


def _same(mine: Function, theirs: Function, *xs: Any) -> None:
    """Compare value and gradients with PyTorch's, for a random cotangent."""
    import torch

    out, pull = xn.vjp(mine, *xs)
    leaves = [torch.tensor(x, requires_grad=True) for x in xs]
    judged = theirs(*leaves)
    value = judged.detach().resolve_conj().numpy()
    np.testing.assert_allclose(out, value, rtol=1e-10, atol=1e-12)
    rng = np.random.default_rng(1)
    g = _numbers(rng, out.shape, out.dtype.kind == "c")
    judged.backward(torch.tensor(g))
    for found, leaf in zip(pull(g), leaves, strict=True):
        wanted = 0.0 if leaf.grad is None else leaf.grad.resolve_conj().numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("complex_", [False, True])
def test_norms_agree_with_pytorch(seed: int, complex_: bool) -> None:
    TORCH.skip_unless_here()
    import torch

    rng = np.random.default_rng(seed)
    linalg = cpu.linalg
    for ord in (2, 1, 0, 3, 4, 2.5, 0.5, -1, -2.5, INF, -INF):
        x = _numbers(rng, _shape(rng), complex_)
        axis = None if seed % 2 else int(rng.integers(0, x.ndim))
        keep = bool(rng.integers(0, 2))
        _same(
            lambda x, o=ord, a=axis, k=keep: linalg.vector_norm(
                x, ord=o, axis=a, keepdims=k
            ),
            lambda x, o=ord, a=axis, k=keep: torch.linalg.vector_norm(
                x, ord=o, dim=a, keepdim=k
            ),
            x,
        )
    for ord in ("fro", "nuc", 1, -1, 2, -2, INF, -INF):
        x = _numbers(rng, _shape(rng, 2, 3), complex_)
        _same(
            lambda x, o=ord: linalg.matrix_norm(x, ord=o),
            lambda x, o=ord: torch.linalg.matrix_norm(x, ord=o),
            x,
        )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("complex_", [False, True])
def test_products_and_powers_agree_with_pytorch(seed: int, complex_: bool) -> None:
    TORCH.skip_unless_here()
    import torch

    rng = np.random.default_rng(seed)
    linalg, judge = cpu.linalg, torch.linalg
    x = _numbers(rng, (*_shape(rng, 0, 2), 3), complex_)
    y = _numbers(rng, (1, 3), complex_)
    _same(linalg.cross, lambda x, y: judge.cross(*torch.broadcast_tensors(x, y)), x, y)
    x, y = _numbers(rng, _shape(rng, 1, 1), complex_), _numbers(rng, (3,), complex_)
    _same(linalg.outer, torch.outer, x, y)
    x = _numbers(rng, _shape(rng, 2, 3), complex_)
    offset = int(rng.integers(1 - x.shape[-2], x.shape[-1]))
    _same(
        lambda x: linalg.diagonal(x, offset=offset),
        lambda x: judge.diagonal(x, offset=offset),
        x,
    )
    _same(
        lambda x: linalg.trace(x, offset=offset),
        lambda x: judge.diagonal(x, offset=offset).sum(-1),
        x,
    )
    x = np.eye(3) + 0.2 * _numbers(rng, (*_shape(rng, 0, 1), 3, 3), complex_)
    for n in (0, 1, 5, 12, -1, -3):
        if n:
            _same(
                lambda x, n=n: linalg.matrix_power(x, n),
                lambda x, n=n: judge.matrix_power(x, n),
                x,
            )


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_transforms_agree_with_pytorch(name: str, seed: int) -> None:
    TORCH.skip_unless_here()
    import torch

    rng = np.random.default_rng(seed)
    x = _numbers(rng, _shape(rng), name not in ("rfft", "ihfft"))
    axis = int(rng.integers(-x.ndim, x.ndim))
    n, norm = int(rng.integers(1, 9)), ("backward", "ortho", "forward")[seed % 3]
    _same(
        lambda x: getattr(cpu.fft, name)(x, n=n, axis=axis, norm=norm),
        lambda x: getattr(torch.fft, name)(x, n=n, dim=axis, norm=norm),
        x,
    )


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_transforms_along_axes_agree_with_pytorch(name: str, seed: int) -> None:
    TORCH.skip_unless_here()
    import torch

    rng = np.random.default_rng(seed)
    x = _numbers(rng, _shape(rng), name != "rfftn")
    count = int(rng.integers(1, x.ndim + 1))
    axes = tuple(int(a) for a in rng.permutation(x.ndim)[:count])
    s = tuple(int(n) for n in rng.integers(1, 7, count))
    norm = ("backward", "ortho", "forward")[seed % 3]
    _same(
        lambda x: getattr(cpu.fft, name)(x, s=s, axes=axes, norm=norm),
        lambda x: getattr(torch.fft, name)(x, s=s, dim=axes, norm=norm),
        x,
    )
