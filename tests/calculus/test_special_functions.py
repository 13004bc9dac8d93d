"""The special functions at hard points, on every library, with and without SciPy."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import JAX, NUMPY, STRICT, TORCH, Target, host
from xpnet import xp
from xpnet.backend import native_special
from xpnet.backend.library import library_for
from xpnet.backend.special import FALLBACKS
from xpnet.calculus.rule import TABLE

special = xp.special
INF, NAN = math.inf, math.nan

# function, points, values
AT: dict[str, tuple[Any, list[float], list[float]]] = {
    "erf": (lambda s, x: s.erf(x), [-INF, -0.0, 0.0, INF, NAN], [-1, -0.0, 0, 1, NAN]),
    "erfc": (lambda s, x: s.erfc(x), [-INF, 0.0, 30.0, INF, NAN], [2, 1, 0, 0, NAN]),
    "gammaln": (
        lambda s, x: s.gammaln(x),
        [-INF, -3.0, -1.0, 0.0, 1.0, 2.0, 1e306, INF, NAN],
        [INF, INF, INF, INF, 0, 0, INF, INF, NAN],
    ),
    "digamma": (
        lambda s, x: s.digamma(x),
        [-INF, -2.0, -1.0, -0.0, 0.0, INF, NAN],
        [NAN, NAN, NAN, INF, -INF, INF, NAN],
    ),
    "polygamma(1, x)": (
        lambda s, x: s.polygamma(1, x),
        [-2.0, -1.0, 0.0, INF, NAN],
        [INF, INF, INF, 0, NAN],
    ),
    "polygamma(2, x)": (
        lambda s, x: s.polygamma(2, x),
        [-2.0, -1.0, 0.0, INF, NAN],
        [-INF, -INF, -INF, 0, NAN],
    ),
    "xlogy(0, y)": (
        lambda s, y: s.xlogy(0.0, y),
        [-1.0, 0.0, 1.0, INF, NAN],
        [0, 0, 0, 0, NAN],
    ),
    "xlogy(x, 0)": (lambda s, x: s.xlogy(x, 0.0), [0.0, 2.0, NAN], [0, -INF, NAN]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("what", AT)
def test_the_value_at_a_hard_point_is_exact(
    what: str, dtype: str, target: Target
) -> None:
    function, points, values = AT[what]
    with np.errstate(over="ignore"):
        x = target.make(np.asarray(points).astype(dtype))
    with np.errstate(all="ignore"):
        out = function(target.namespace.special, x)
    # JAX's gammaln of 1 is 5e-7 in single precision
    atol = 1e-6 if (target, what, dtype) == (JAX, "gammaln", "float32") else 0.0
    wanted = np.asarray(values, dtype=dtype)
    np.testing.assert_allclose(host(out), wanted, rtol=0, atol=atol)
    assert host(out).dtype == dtype


@pytest.mark.parametrize("what", AT)
def test_it_is_the_same_without_scipy(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = library_for("cpu")
    monkeypatch.setattr(native_special, "scipy_special", lambda: None)
    for name in ("erf", "erfc", "gammaln", "digamma"):
        found = native_special.native_special(library, name)
        monkeypatch.setitem(library.functions, name, found)
    test_the_value_at_a_hard_point_is_exact(what, "float64", NUMPY)
    test_the_value_at_a_hard_point_is_exact(what, "float32", NUMPY)


def test_scipy_is_not_imported_before_it_is_used() -> None:
    code = (
        "import sys, xpnet as xn; assert 'scipy' not in sys.modules; "
        "from xpnet import xp; xp.special.relu(xn.asarray([1.0])); "
        "assert 'scipy' not in sys.modules; "
        "sys.modules['scipy'] = sys.modules['scipy.special'] = None; "
        "print(float(xp.special.erf(xn.asarray(0.5))))"
    )
    path = Path(xn.__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(path), "PATH": ""},
    )
    assert abs(float(run.stdout) - math.erf(0.5)) < 1e-15


def test_a_large_array_is_computed_in_pieces_with_the_same_result() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(-5, 5, (3, 20000))
    whole = host(special.erfc(x))
    assert whole.shape == x.shape
    rows = [host(special.erfc(row[i : i + 999])) for row in x for i in range(0, 999)][
        :1
    ]
    np.testing.assert_array_equal(whole[0, :999], rows[0])
    turned = host(special.erfc(np.asfortranarray(x[:, ::-2])))
    np.testing.assert_array_equal(turned, whole[:, ::-2])


# --- every namespace ------------------------------------------------------------------

NAMES = "digamma erf erfc expit gammaln log_expit relu".split()


def test_the_namespace_over_every_library_has_them(target: Target) -> None:
    space = target.namespace.special
    x = target.make(np.asarray([0.3, 1.7, 2.5]), requires_grad=True)
    for name in NAMES:
        out = getattr(space, name)(x)
        wanted = host(getattr(special, name)(host(x)))
        np.testing.assert_allclose(host(out), wanted, rtol=1e-13, err_msg=name)
        assert out._lib is x._lib
        assert out.requires_grad
    np.testing.assert_allclose(
        host(space.polygamma(2, x)), host(special.polygamma(2, host(x))), rtol=1e-13
    )


CURVES: dict[str, Any] = {
    "expit": lambda s, x: s.expit(x),
    "log_expit": lambda s, x: s.log_expit(x),
    "logsumexp": lambda s, x: s.logsumexp(x, axis=-1, keepdims=True) * x,
    "softmax": lambda s, x: s.softmax(x) ** 2,
    "log_softmax": lambda s, x: s.log_softmax(x) ** 2,
    "erf": lambda s, x: s.erf(x),
    "gammaln": lambda s, x: s.gammaln(x * x),
    "xlogy": lambda s, x: s.xlogy(x * x, x * x),
}


@pytest.mark.parametrize("name", CURVES)
def test_first_and_second_derivatives_are_those_on_numpy(
    name: str, target: Target
) -> None:
    def total(on: Target) -> Any:
        def function(x: Any) -> Any:
            return on.namespace.sum(CURVES[name](on.namespace.special, x))

        return function

    def results(on: Target) -> list[Any]:
        x = on.make(np.asarray([[-1.5, 0.25, 2.0], [0.5, 3.0, -0.75]]))
        slope = xn.grad(total(on))
        bend = xn.grad(lambda x: on.namespace.sum(slope(x) ** 2))
        return [host(slope(x)), host(bend(x))]

    for found, wanted in zip(results(target), results(NUMPY), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


# --- arguments ------------------------------------------------------------------------


@pytest.mark.parametrize("n", [-1, 101, 1.5, "1", None])
def test_an_order_of_polygamma_that_is_not_one_is_refused(n: Any) -> None:
    with pytest.raises(
        xn.errors.OptionError, match=r"from 0 to 100: polygamma\(1, x\)"
    ):
        special.polygamma(n, xn.asarray(1.0))


def test_polygamma_of_the_highest_order_is_differentiable() -> None:
    x = xn.asarray(np.asarray([3.5, 200.0]))
    slope = xn.grad(lambda x: xp.sum(special.polygamma(100, x)))(x)
    assert np.all(np.isfinite(host(slope)))
    assert np.all(host(slope) > 0)


@pytest.mark.parametrize("name", ["digamma", "gammaln"])
def test_a_complex_array_is_refused_where_the_function_is_real(name: str) -> None:
    for target in (STRICT, NUMPY):
        with pytest.raises(xn.errors.DTypeError, match=f"{name}: .*complex128"):
            TABLE[name].function(target.make(np.asarray([1 + 2j])))


def test_erf_of_a_complex_array_is_scipys_and_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z = np.asarray([0.3 + 0.4j])
    step = 1e-7
    slope = (host(special.erf(z + step)) - host(special.erf(z - step))) / (2 * step)
    _, pull = xn.vjp(special.erf, z)
    (found,) = pull(np.ones(1, complex))
    np.testing.assert_allclose(host(found), np.conj(slope), rtol=1e-7)
    library = library_for("cpu")
    monkeypatch.setattr(native_special, "scipy_special", lambda: None)
    ours = native_special.native_special(library, "erf")
    with pytest.raises(xn.errors.DTypeError, match="erf: the array has dtype complex"):
        ours(z)


def test_ours_runs_on_the_strict_library_and_torchs_own_on_torch() -> None:
    strict = STRICT.make(np.zeros(1))._lib
    assert FALLBACKS["gammaln"] in strict.functions["gammaln"].args
    TORCH.skip_unless_here()
    torch = TORCH.make(np.zeros(1))._lib
    assert torch.functions["gammaln"] is torch.torch.special.gammaln


# --- words ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", special.__all__)
def test_every_special_function_says_what_it_is(name: str) -> None:
    text = getattr(special, name).__doc__
    assert text
    assert "as the Array API standard defines it" not in text


@pytest.mark.parametrize(
    "name",
    """digamma erf erfc expit gammaln log_expit log_softmax logsumexp polygamma relu
    softmax xlogy""".split(),
)
def test_every_special_function_of_one_formula_has_an_example_that_runs(
    name: str,
) -> None:
    names = {"asarray": xn.asarray, "xp": xp, "xn": xn}
    function = getattr(special, name)
    test = doctest.DocTestParser().get_doctest(
        function.__doc__, names, name, "test_special_functions.py", 0
    )
    assert test.examples
    result = doctest.DocTestRunner(verbose=False).run(test)
    assert result.failed == 0
