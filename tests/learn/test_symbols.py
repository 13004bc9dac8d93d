"""Formulas as a learner reads them: the same formula, in signs of the page."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given

import xpnet as xn
from calculus.cases import BINARY, UNARY
from libraries import Target
from xpnet import xp
from xpnet.calculus.rule import TABLE, Binary, Unary
from xpnet.errors import OptionError
from xpnet.learn.symbols import (
    evaluate,
    mathml,
    number,
    numbers,
    shape_text,
    summary,
    text,
    value_text,
)

FORMULAS = sorted({f for row in TABLE.values() for f in row.formula if f})

PROSE = {
    "g with x",
    "g with y",
    "product of the other elements",
    "sum of g[i] times the product of x[0..i] without x[j]",
    "x is taken in sorted order",
}

# --- text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "names", "shown"),
    [
        ("1 - tanh(x)**2", {"x": "z"}, "1 − tanh²(z)"),
        ("1 - tanh(x)**2", {"x": "w·x + b"}, "1 − tanh²(w·x + b)"),
        ("expit(x) * (1 - expit(x))", {"x": "z"}, "σ(z)·(1 − σ(z))"),
        ("y * x**(y - 1)", {}, "y·xʸ⁻¹"),
        ("y * x**(y - 1)", {"y": "2"}, "2x"),
        ("y * x**(y - 1)", {"x": "a − y", "y": "2"}, "2 (a − y)"),
        ("y * x**(y - 1)", {"x": "a − y", "y": "3"}, "3 (a − y)²"),
        ("y * x**(y - 1)", {"y": "0.5"}, "0.5x^(−0.5)"),
        ("x**y * log(x)", {"x": "2"}, "2ʸ·log(2)"),
        ("(x > y) + (x == y) / 2", {}, "[x > y] + [x = y] / 2"),
        ("g @ y.T", {"y": "W"}, "g @ Wᵀ"),
        ("g @ y.T", {"y": "Wᵀ"}, "g @ W"),
        ("g.T @ x", {"g": "∂L/∂a", "x": "m[2].weight"}, "(∂L/∂a)ᵀ @ m[2].weight"),
        ("g @ y.T", {"g": "∂L/∂(X @ Wᵀ)", "y": "Wᵀ"}, "∂L/∂(X @ Wᵀ) @ W"),
        ("2 * g * x", {"g": "∂L/∂m[0].bias"}, "2·∂L/∂m[0].bias·x"),
        ("g.T", {"g": "x.T @ g"}, "(xᵀ @ g)ᵀ"),
        ("x.T", {"x": "m[0].weightᵀ"}, "m[0].weight"),
        ("-inv(x)^H @ g @ inv(x)^H", {}, "−inv(x)ᴴ @ g @ inv(x)ᴴ"),
        ("2 / sqrt(pi) * exp(-x**2)", {}, "(2 / √π)·exp(−x²)"),
        ("-2 * x * exp(-x**2)", {}, "−2x·exp(−x²)"),
        ("x > 0", {"x": "z"}, "1 if z > 0 else 0"),
        ("(x > min) * (x < max)", {}, "[x > min]·[x < max]"),
        ("1 / (2 * sqrt(x))", {"x": "a + b"}, "1 / (2 √(a + b))"),
        ("-x / y**2", {"x": "a − b", "y": "−c"}, "−(a − b) / (−c)²"),
        ("1 / y", {"y": "2x"}, "1 / (2x)"),
        ("x / y", {"x": "a / b", "y": "c·d"}, "(a / b) / (c·d)"),
        ("sign(x) * (abs(x) / out) ** (ord - 1)", {}, "sign(x)·(|x| / out)^(ord − 1)"),
        ("-floor(x / y)", {}, "−⌊x / y⌋"),
        ("-1j", {}, "−i"),
        ("1 - y", {"y": "a − b"}, "1 − (a − b)"),
        ("1 - y", {"y": "a·b"}, "1 − a·b"),
        ("y * x", {"y": "w[0]", "x": "x[0]"}, "w[0]·x[0]"),
        ("2 * x", {"x": "loss"}, "2·loss"),
        ("-y * x", {"y": "layers[0].weight"}, "−layers[0].weight·x"),
        ("y**2", {"y": "tanh²(z)"}, "(tanh²(z))²"),
        ("y * x", {"y": "L′ + 1", "x": "a b"}, "(L′ + 1)·a b"),  # not readable as code
        ("x", {"x": "-x"}, "−x"),
        ("product of the other elements", {"x": "z"}, "product of the other elements"),
        ("", {}, ""),
        (
            "V @ diag(gw), F[i, j] = 1 / (w[j] - w[i])",
            {},
            "V @ diag(gw), where F[i, j] = 1 / (w[j] − w[i])",
        ),
    ],
)
def test_text_of_a_formula(formula: str, names: dict[str, str], shown: str) -> None:
    assert text(formula, names) == shown


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_formula_of_the_table_can_be_shown(formula: str) -> None:
    shown = text(formula, {})
    assert shown == formula if formula in PROSE else "**" not in shown
    assert text(shown, {}) == shown  # what is shown can be read again
    tree = ElementTree.fromstring(mathml(formula, {}))
    assert tree.get("alttext") == shown
    assert (tree.find("mtext") is not None and len(tree) == 1) == (formula in PROSE)
    _check_arity(tree)


def _check_arity(tree: ElementTree.Element) -> None:
    for element in tree.iter():
        if element.tag in ("mfrac", "msup", "msub"):
            assert len(element) == 2
        if element.tag in ("mi", "mn", "mo", "mtext"):
            assert len(element) == 0
            assert element.text
        else:
            assert not (element.text or "").strip()


NAMES = st.sampled_from(["x", "y", "z", "1", "2", "3", "0.5"])
EXPRESSIONS = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("(-{})".format, inner),
        st.builds("({})**{}".format, inner, st.sampled_from(["2", "3", "(-1)"])),
        st.builds("{}({})".format, st.sampled_from(["tanh", "expit", "abs"]), inner),
    ),
    max_leaves=8,
)
POINT = {"x": 1.3, "y": -0.7, "z": 2.1}


def _value(formula: str, values: dict[str, Any]) -> float:
    with np.errstate(all="ignore"):
        try:
            return float(evaluate(formula, values))
        except (ZeroDivisionError, OverflowError):
            return math.nan


@given(EXPRESSIONS)
def test_what_is_shown_has_the_value_of_what_was_typed(formula: str) -> None:
    wanted = _value(formula, POINT)
    assume(abs(wanted) < 1e6)
    for shown in (text(formula, {}), text(text(formula, {}), {})):
        assert _value(shown, POINT) == pytest.approx(wanted, rel=1e-9, abs=1e-9), shown


@pytest.mark.parametrize("function", ["abs", "floor", "ceil"])
def test_fences_do_not_stand_in_fences_of_their_own_kind(function):
    nested = f"{function}({function}(x) + 0.5)"
    assert _value(text(nested, {}), POINT) == _value(nested, POINT)
    assert text(nested, {}).startswith(f"{function}(")


@given(EXPRESSIONS, EXPRESSIONS)
def test_an_expression_put_for_a_name_keeps_the_value(outer: str, inner: str) -> None:
    value = _value(inner, POINT)
    wanted = _value(outer, POINT | {"x": value})
    assume(abs(value) < 1e3 and abs(wanted) < 1e6)
    shown = text(outer, {"x": text(inner, {})})
    assert _value(shown, POINT) == pytest.approx(wanted, rel=1e-6, abs=1e-6), shown
    _check_arity(ElementTree.fromstring(mathml(outer, {"x": text(inner, {})})))


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        'a" onload="x',
        "a & b",
        "'\\d'",
        "1if x else y",
        "0x1for x",
        "(" * 500,
        "x" * 5000,
        "lambda: x",
        "x\n+ y",
        "tanh²(z",
        "\0",
        "__import__('os')",
        "²" * 900,
        "-" * 900 + "x",
        "x**" * 300 + "x",
        "x." * 300 + "x",
        "∂x/∂(" * 100,
    ],
    ids=lambda name: name[:12],
)
def test_a_hostile_name_is_shown_and_nothing_else(name: str) -> None:
    assert name in text("2 * x", {"x": name})
    tree = ElementTree.fromstring(mathml("2 * x", {"x": name.replace("\0", "0")}))
    tags = {element.tag for element in tree.iter()}
    assert tags <= {"math", "mn", "mo", "mi", "mtext", "mrow", "mfrac", "msup"}
    with pytest.raises(OptionError):
        evaluate(name, {})


def test_huge_numbers_take_no_time() -> None:
    with pytest.raises(OverflowError):
        evaluate("9**9**9**9", {})
    assert text("x ** (9**9**9)", {}) == "x^(9^(9⁹))"
    assert text("1" * 400, {}) == "1.11111111111×10³⁹⁹"


# --- numbers in formulas --------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "values", "shown"),
    [
        ("1 - tanh(x)**2", {"x": 0.8}, "1 − tanh²(0.8)"),
        ("1 - tanh(x)**2", {"x": -0.8}, "1 − tanh²(−0.8)"),
        ("2 * x", {"x": 3.0}, "2·3"),
        ("2 * x", {"x": -0.5}, "2·(−0.5)"),
        ("y * x**(y - 1)", {"x": -3.0, "y": 2}, "2·(−3)"),
        ("y * x**(y - 1)", {"x": -3.0, "y": 3}, "3·(−3)²"),
        ("1 - x", {"x": -1e-9}, "1 − (−1×10⁻⁹)"),
        ("x**2", {"x": 2.5e-9}, "(2.5×10⁻⁹)²"),
        ("x > 0", {"x": -2.0}, "1 if −2 > 0 else 0"),
        ("y", {"y": np.float32(0.1)}, "0.1"),
        ("y", {"y": xn.asarray(0.25)}, "0.25"),
        ("g @ y.T", {"y": np.ones((2, 2))}, "g @ yᵀ"),
    ],
)
def test_numbers_put_into_a_formula(formula: str, values: Any, shown: str) -> None:
    assert numbers(formula, values) == shown


# --- the template is the rule ---------------------------------------------------------

ELEMENTWISE = [n for n, row in TABLE.items() if isinstance(row, (Unary, Binary))]
NO_SLOPE = {"copysign", "gate", "maximum", "minimum", "nextafter", "remainder"}


def _inputs(name: str, shape: tuple[int, ...]) -> list[Any]:
    if name == "gate":
        return [UNARY["abs"](shape, "template"), UNARY["log"](shape, "template")]
    samples = BINARY[name] if name in BINARY else (UNARY[name],)
    return [sample(shape, "template") for sample in samples]


@pytest.mark.parametrize("name", sorted(ELEMENTWISE))
def test_an_elementwise_template_has_the_value_of_the_rule(name: str) -> None:
    row, inputs = TABLE[name], _inputs(name, (50,))
    _, pull = xn.vjp(row.function, *inputs)
    g = np.linspace(-2.0, 2.0, 50)
    values = dict(zip(("x", "y"), map(xn.asarray, inputs), strict=False))
    for formula, slope in zip(row.formula, pull(g), strict=True):
        wanted = xn.asarray(g) * evaluate(text(formula, {}), values)
        np.testing.assert_allclose(slope, _host(wanted), rtol=1e-12, atol=1e-13)


def _host(x: Any) -> Any:
    return x._lib.to_host(x.data) if isinstance(x, xn.Array) else x


def _lower(x: Any) -> Any:
    return xp.linalg.cholesky(x)


# row: (shapes, function, whether its formula is of the whole cotangent `g`)
ARRAYS: dict[str, tuple[list[tuple[int, ...]], Callable[..., Any]]] = {
    "matmul": ([(3, 4), (4, 2)], xp.matmul),
    "outer": ([(3,), (4,)], xp.linalg.outer),
    "vecdot": ([(4,), (4,)], xp.vecdot),
    "cross": ([(3,), (3,)], xp.linalg.cross),
    "abs": ([(5,)], xp.abs),
    "sign": ([(5,)], xp.sign),
    "conj": ([(5,)], xp.conj),
    "real": ([(5,)], xp.real),
    "max": ([(5,)], xp.max),
    "min": ([(5,)], xp.min),
    "inv": ([(3, 3)], xp.linalg.inv),
    "det": ([(3, 3)], xp.linalg.det),
    "slogdet": ([(3, 3)], lambda x: xp.linalg.slogdet(x).logabsdet),
    "solve": ([(3, 3), (3, 2)], xp.linalg.solve),
    "softmax": ([(5,)], lambda x: x._lib.recorded.softmax(x, axis=-1)),
    "log_softmax": ([(5,)], lambda x: x._lib.recorded.log_softmax(x, axis=-1)),
    "logsumexp": ([(5,)], lambda x: x._lib.recorded.logsumexp(x, axis=-1)),
}
_MATRIX = np.random.default_rng(3).normal(size=(4, 4))
# row: (matrix, function, what the formula calls its results)
DECOMPOSITIONS: dict[str, tuple[Any, Callable[..., Any], tuple[str, ...]]] = {
    "cholesky": (_MATRIX @ _MATRIX.T + np.eye(4), xp.linalg.cholesky, ("L",)),
    "eig": (_MATRIX, xp.linalg.eig, ("w", "V")),
    "eigh": (_MATRIX + _MATRIX.T, xp.linalg.eigh, ("w", "V")),
    "pinv": (_MATRIX[:, :3], xp.linalg.pinv, ("",)),
    "qr": (_MATRIX[:, :3], xp.linalg.qr, ("Q", "R")),
    "svd": (_MATRIX, xp.linalg.svd, ("U", "S", "Vh")),
}
NOT_COMPUTED = {
    "adjugate": "it has no formula",
    "clip": "its bounds are options; the table's own test holds it",
    "contract": "its axes are options",
    "cumulative_prod": "prose",
    "imag": "of complex numbers",
    "polygamma_at": "the order is an option",
    "prod": "prose",
    "sort": "prose",
    "tensordot": "prose",
    "vector_norm": "the order is an option",
    "where": "its condition is not differentiated",
}


def test_every_row_with_a_formula_is_held_or_listed() -> None:
    rows = {name for name, row in TABLE.items() if row.formula}
    assert rows == {*ELEMENTWISE, *ARRAYS, *DECOMPOSITIONS, *NOT_COMPUTED}


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_an_array_template_has_the_value_of_the_rule(name: str) -> None:
    shapes, function = ARRAYS[name]
    random = np.random.default_rng(7)
    inputs = [xn.asarray(random.normal(size=shape)) for shape in shapes]
    out, pull = xn.vjp(function, *inputs)
    g = xn.asarray(random.normal(size=out.shape))
    values = dict(zip(("x", "y"), inputs, strict=False)) | {"g": g, "out": out}
    pulled = pull(g)
    for formula, found in zip(TABLE[name].formula, pulled, strict=True):
        wanted = evaluate(formula, values)
        if "g" not in formula.replace("sign", ""):
            wanted = g * wanted
        np.testing.assert_allclose(
            _host(found), _host(xp.broadcast_to(wanted, found.shape)), rtol=1e-9
        )


def _adjoint(x: Any) -> Any:
    return np.conj(x).T


class One:
    """The identity, of the size that its place asks for."""

    def __sub__(self, x: Any) -> Any:
        return np.eye(len(x)) - x


_MATRICES: dict[str, Any] = {
    "H": _adjoint,
    "one": One(),
    "conj": np.conj,
    "diag": lambda x: np.diag(np.diag(x)) if x.ndim == 2 else np.diag(x),
    "half_tril": lambda x: np.tril(x) - np.diag(np.diag(x)) / 2,
    "hermitian": lambda x: (x + _adjoint(x)) / 2,
    "inv": np.linalg.inv,
    "pinv": np.linalg.pinv,
    "real": np.real,
    "skew": lambda x: (x - _adjoint(x)) / 2,
}


def _of_matrices(formula: str, values: dict[str, Any]) -> Any:
    """Compute a formula of matrices with the symbols that are defined behind it."""
    code = re.sub(r"(\w+(?:\(\w+\))?)\^H", r"H(\1)", formula).replace("(1 -", "(one -")
    first, *symbols = re.split(r", (?=\w+(?:\[i, j\])? = )", code)
    known = _MATRICES | values
    for name, shown in (symbol.split(" = ") for symbol in symbols):
        shown = shown.replace("[i]", "[:, None]").replace("[j]", "[None, :]")
        with np.errstate(divide="ignore", invalid="ignore"):
            found = eval(shown, known)
        if name == "F[i, j]":
            np.fill_diagonal(found, 0.0)  # where it would be 1 / 0
        known[name.removesuffix("[i, j]")] = found
    return eval(first, known)


@pytest.mark.parametrize("name", DECOMPOSITIONS)
def test_the_formula_of_a_decomposition_has_the_value_of_its_rule(name: str) -> None:
    x, function, names = DECOMPOSITIONS[name]
    out, pull = xn.vjp(lambda x: [*function(x)] if names[1:] else [function(x)], x)
    random, values = np.random.default_rng(5), {"x": x}
    given = []
    for part, called in zip(map(_host, out), names, strict=True):
        g = random.normal(size=part.shape)
        g = np.triu(g) if called == "R" else np.tril(g) if called == "L" else g
        if name == "eig" and called == "V":  # phases are free: they get no gradient
            g = g - 1j * part * np.imag(np.diag(_adjoint(part) @ g))
        given.append(xn.asarray(g.astype(part.dtype)))
        values |= {called: part, f"g{called}" if names[1:] else "g": g}
    if name == "svd":
        values |= {"s": values["S"], "V": _adjoint(values["Vh"])}
        values["gV"] = _adjoint(values["gVh"])
    (formula,) = TABLE[name].formula
    (found,) = pull(given)
    wanted = _of_matrices(formula, values)
    np.testing.assert_allclose(_host(found), np.real(wanted), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "formula", ["x.dtype", "x if x else y", "lambda: x", "x[0]", "_private(x)", "no(x)"]
)
def test_evaluate_refuses_what_is_not_a_formula(formula: str) -> None:
    with pytest.raises(OptionError, match="evaluate:"):
        evaluate(formula, {"x": 1.0, "y": 2.0})


# --- numbers and shapes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (-3, "−3"),
        (2.0, "2"),
        (-0.5, "−0.5"),
        (1 / 3, "0.3333"),
        (0.1 + 0.2, "0.3"),
        (np.float32(0.1), "0.1"),
        (0.99999, "1.0000"),
        (123456.7, "123457"),
        (12345678.9, "1.235×10⁷"),
        (1e8, "1×10⁸"),
        (9.99999e-5, "1.000×10⁻⁴"),
        (5e-324, "4.941×10⁻³²⁴"),
        (-1.5e300, "−1.5×10³⁰⁰"),
        (math.nan, "NaN"),
        (-math.inf, "−infinity"),
        ("-Infinity", "−infinity"),
        (True, "True"),
        (1 - 2.5j, "1 − 2.5i"),
        ({"real": 1.0, "imag": -2.5}, "1 − 2.5i"),
        (123456789, "123456789"),
        (10**20, "1×10²⁰"),
        (-123456 * 10**400, "−1.235×10⁴⁰⁵"),
    ],
)
def test_number(value: Any, shown: str) -> None:
    assert number(value) == shown


@given(st.floats(min_value=-1e308, max_value=1e308))
def test_a_number_is_shown_to_its_digits(value: float) -> None:
    shown = number(value).replace("−", "-").replace("×10", "e")
    shown = shown.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert float(shown) == pytest.approx(value, rel=5.1e-4, abs=0)


def test_summary_is_ready_for_json(target: Target) -> None:
    few = target.make(np.asarray([[1.0, math.inf], [-math.inf, math.nan]]))
    many = target.make(np.arange(20.0))
    assert summary(few) == [[1.0, "Infinity"], ["-Infinity", "NaN"]]
    found = summary(many)
    norm = math.sqrt(sum(i * i for i in range(20)))
    assert found.pop("norm") == pytest.approx(norm)
    assert found == {"min": 0.0, "max": 19.0, "mean": 9.5, "size": 20}
    json.dumps([summary(few), found], allow_nan=False)


def test_summary_of_numbers() -> None:
    assert summary(2.5) == 2.5
    assert summary(np.asarray(3)) == 3
    assert summary(np.asarray(1 + 2j)) == {"real": 1.0, "imag": 2.0}
    assert summary(np.full(17, 3 + 4j))["norm"] == pytest.approx(5 * math.sqrt(17))
    assert summary(np.ones((0, 3))) == []


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e200, math.inf])
def test_the_length_of_a_vector_whose_squares_do_not_fit(size: float) -> None:
    found = summary(np.full(25, -size))["norm"]
    assert found == ("Infinity" if size == math.inf else pytest.approx(5 * size))


def test_values_as_one_line() -> None:
    assert value_text([[1.0, -0.5], [0.0, "NaN"]]) == "[[1, −0.5], [0, NaN]]"
    assert value_text(None) == "–"
    assert value_text(summary(np.arange(20))) == "20 numbers from 0 to 19, norm 49.70"


@pytest.mark.parametrize(
    ("shape", "shown"),
    [((), "number"), ((3,), "vector of 3"), ((2, 3), "2 × 3 matrix")],
)
def test_shapes_in_words(shape: tuple[int, ...], shown: str) -> None:
    assert shape_text(shape) == shown
