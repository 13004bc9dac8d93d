"""Measure what xpnet and its peers say at every hard point; write docs/conventions.md.

Run ``python tests/calculus/conventions.py`` from a clone in which PyTorch, JAX and
autograd are installed. It writes what they say to ``conventions.json`` and the page.
`test_conventions` then measures xpnet alone.

A point is a formula, written once in neutral names, and where to differentiate it. Each
library fills in the names it has; "none" in the table means that it has no such
function, or refuses.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("conventions.json")
TEMPLATE = Path(__file__).with_name("conventions_page.md")
PAGE = Path(__file__).parents[2] / "docs" / "conventions.md"
PEERS = ("torch", "jax", "autograd")
INF, NAN = float("inf"), float("nan")
TARGETS = np.asarray([0.0, 1.0, 0.0])  # of the cross-entropy


@dataclass(frozen=True)
class Point:
    """A formula and where it is differentiated.

    Attributes
    ----------
    section : str
        The table that it stands in.
    shown : str
        What a reader sees.
    formula : str
        The formula, in neutral names, of x, or x and y.
    at : tuple
        The inputs: numbers or nested lists.
    true : str
        The true value where there is one, or the convention in words.
    what : str
        ``"gradient"`` (of the sum), ``"value"`` or ``"second"`` (of the sum of the
        first).
    expected : object, optional
        What xpnet promises; the measured value must be this.
    """

    section: str
    shown: str
    formula: str
    at: tuple[Any, ...]
    true: str = ""
    what: str = "gradient"
    expected: Any = None


SECTIONS = SLOPES, KINKS, ZERO, MATRICES, COMPLEX = (
    "slopes",
    "kinks",
    "zero",
    "matrices",
    "complex",
)

POINTS = [
    Point(SLOPES, "tanh' at 20", "tanh(x)", (20.0,), "1.699e-17"),
    Point(SLOPES, "sigmoid' at 40", "sigmoid(x)", (40.0,), "4.248e-18"),
    Point(SLOPES, "expm1' at −40", "expm1(x)", (-40.0,), "4.248e-18"),
    Point(
        SLOPES,
        "hypot at (1e200, 1e200)",
        "hypot(x, y)",
        (1e200, 1e200),
        "0.7071, 0.7071",
    ),
    Point(
        SLOPES,
        "atan2 at (1e200, 1e200)",
        "atan2(x, y)",
        (1e200, 1e200),
        "5e-201, -5e-201",
    ),
    Point(SLOPES, "asin' at 1 − 2⁻⁵³", "asin(x)", (1 - 2.0**-53,), "6.711e+07"),
    Point(SLOPES, "acosh' at 1 + 2⁻⁵²", "acosh(x)", (1 + 2.0**-52,), "4.745e+07"),
    Point(SLOPES, "atanh' at 1 − 2⁻⁵³", "atanh(x)", (1 - 2.0**-53,), "4.504e+15"),
    Point(SLOPES, "asinh' at 1e200", "asinh(x)", (1e200,), "1e-200"),
    Point(SLOPES, "logaddexp at (1000, 0)", "logaddexp(x, y)", (1000.0, 0.0), "1, 0"),
    Point(SLOPES, "log sigmoid' at −1000", "log_sigmoid(x)", (-1000.0,), "1"),
    Point(KINKS, "relu' at 0", "relu(x)", (0.0,), expected=0.0),
    Point(KINKS, "abs' at 0", "abs(x)", (0.0,), expected=0.0),
    Point(KINKS, "sign' at 0 and at 2", "sign(x)", ([0.0, 2.0],), expected=[0.0, 0.0]),
    Point(KINKS, "maximum(a, a)", "maximum(x, y)", (1.0, 1.0), expected=[0.5, 0.5]),
    Point(KINKS, "minimum(a, a)", "minimum(x, y)", (1.0, 1.0), expected=[0.5, 0.5]),
    Point(
        KINKS,
        "max of (2, 1, 2, 2)",
        "max(x)",
        ([2.0, 1.0, 2.0, 2.0],),
        "shares that sum to 1",
        expected=[1 / 3, 0.0, 1 / 3, 1 / 3],
    ),
    Point(
        KINKS,
        "clip to [0, 1] at 0, ½, 1, 2",
        "clip(x)",
        ([0.0, 0.5, 1.0, 2.0],),
        expected=[0.0, 1.0, 0.0, 0.0],
    ),
    Point(KINKS, "sqrt' at 0", "sqrt(x)", (0.0,), "inf", expected=INF),
    Point(KINKS, "norm of (0, 0)", "norm(x)", ([0.0, 0.0],), expected=[0.0, 0.0]),
    Point(KINKS, "hypot at (0, 0)", "hypot(x, y)", (0.0, 0.0), expected=[0.0, 0.0]),
    Point(KINKS, "atan2 at (0, 0)", "atan2(x, y)", (0.0, 0.0), expected=[0.0, 0.0]),
    Point(
        KINKS,
        "std of (1, 1, 1)",
        "std(x)",
        ([1.0, 1.0, 1.0],),
        expected=[0.0, 0.0, 0.0],
    ),
    Point(KINKS, "pow at 0⁰", "pow(x, y)", (0.0, 0.0), expected=[0.0, 0.0]),
    Point(
        KINKS,
        "pow at 0², by base and exponent",
        "pow(x, y)",
        (0.0, 2.0),
        "0, 0",
        expected=[0.0, 0.0],
    ),
    Point(
        KINKS,
        "pow at (−2)³, by base and exponent",
        "pow(x, y)",
        (-2.0, 3.0),
        "12, none",
        expected=[12.0, NAN],
    ),
    Point(
        KINKS, "(−2)**3, by the base alone", "x ** 3.0", (-2.0,), "12", expected=12.0
    ),
    Point(
        KINKS,
        "logsumexp of (−inf, −inf): value",
        "logsumexp(x)",
        ([-INF, -INF],),
        "-inf",
        "value",
        expected=-INF,
    ),
    Point(
        KINKS,
        "logsumexp of (−inf, −inf)",
        "logsumexp(x)",
        ([-INF, -INF],),
        expected=[0.0, 0.0],
    ),
    Point(
        KINKS,
        "softmax of (0, −inf): value",
        "softmax(x)",
        ([0.0, -INF],),
        "1, 0",
        "value",
        expected=[1.0, 0.0],
    ),
    Point(
        KINKS,
        "softmax of (−inf, −inf): value",
        "softmax(x)",
        ([-INF, -INF],),
        "",
        "value",
        expected=[0.0, 0.0],
    ),
    Point(
        KINKS,
        "first of softmax(−inf, −inf)",
        "softmax(x)[0]",
        ([-INF, -INF],),
        expected=[0.0, 0.0],
    ),
    Point(
        KINKS,
        "logaddexp(a, a)",
        "logaddexp(x, y)",
        (1.0, 1.0),
        "½, ½",
        expected=[0.5, 0.5],
    ),
    Point(
        KINKS,
        "logaddexp(−inf, −inf)",
        "logaddexp(x, y)",
        (-INF, -INF),
        expected=[0.5, 0.5],
    ),
    Point(KINKS, "log sigmoid' at 0", "log_sigmoid(x)", (0.0,), "½", expected=0.5),
    Point(
        KINKS,
        "cross-entropy with logits 1000, −1000, −inf; targets 0, 1, 0: value",
        "bce(x)",
        ([1000.0, -1000.0, -INF],),
        "1000, 1000, 0",
        "value",
        expected=[1000.0, 1000.0, 0.0],
    ),
    Point(
        KINKS,
        "the same, by the logits",
        "bce(x)",
        ([1000.0, -1000.0, -INF],),
        "1, -1, 0",
        expected=[1.0, -1.0, 0.0],
    ),
    Point(
        KINKS,
        "prod of (0, 2, 3)",
        "prod(x)",
        ([0.0, 2.0, 3.0],),
        "6, 0, 0",
        expected=[6.0, 0.0, 0.0],
    ),
    Point(
        KINKS,
        "cumulative product of (0, 2, 3)",
        "cumulative_prod(x)",
        ([0.0, 2.0, 3.0],),
        "9, 0, 0",
        expected=[9.0, 0.0, 0.0],
    ),
    Point(
        KINKS,
        "var of one element, correction 1",
        "var1(x)",
        ([2.0],),
        "none",
        expected=[NAN],
    ),
    Point(
        KINKS,
        "var of one element, correction 0",
        "var(x)",
        ([2.0],),
        "0",
        expected=[0.0],
    ),
    Point(KINKS, "floor' at 1.5", "floor(x)", (1.5,), "0", expected=0.0),
    Point(KINKS, "round' at 1.2", "round(x)", (1.2,), "0", expected=0.0),
    Point(
        ZERO,
        "where(x > 0, log x, 0) at 0",
        "where(x > 0, log(x), 0.0 * x)",
        (0.0,),
        "0",
        expected=0.0,
    ),
    Point(
        ZERO,
        "where(x > 0, sqrt x, 0) at 0",
        "where(x > 0, sqrt(x), 0.0 * x)",
        (0.0,),
        "0",
        expected=0.0,
    ),
    Point(
        ZERO,
        "where(x > 0, 1 / x, 0) at 0",
        "where(x > 0, 1.0 / x, 0.0 * x)",
        (0.0,),
        "0",
        expected=0.0,
    ),
    Point(
        ZERO,
        "where(x > 0, x^½, 0) at 0",
        "where(x > 0, x ** 0.5, 0.0 * x)",
        (0.0,),
        "0",
        expected=0.0,
    ),
    Point(
        ZERO,
        "where(x < 1, acos x, 0) at 1",
        "where(x < 1, acos(x), 0.0 * x)",
        (1.0,),
        "0",
        expected=0.0,
    ),
    Point(
        ZERO,
        "where(x > 0, log x, 0) at 0, order 2",
        "where(x > 0, log(x), 0.0 * x)",
        (0.0,),
        "0",
        "second",
        expected=0.0,
    ),
    Point(
        ZERO,
        "where(x > 0, sqrt x, 0) at 0, order 2",
        "where(x > 0, sqrt(x), 0.0 * x)",
        (0.0,),
        "0",
        "second",
        expected=0.0,
    ),
    Point(ZERO, "log x at NaN", "log(x)", (NAN,), "NaN", expected=NAN),
    Point(
        MATRICES,
        "det of [[1, 2], [2, 4]]: the adjugate",
        "det(x)",
        ([[1.0, 2.0], [2.0, 4.0]],),
        "4, -2, -2, 1",
        expected=[[4.0, -2.0], [-2.0, 1.0]],
    ),
    Point(
        MATRICES,
        "Frobenius norm of zeros",
        "frobenius(x)",
        ([[0.0, 0.0], [0.0, 0.0]],),
        expected=[[0.0, 0.0], [0.0, 0.0]],
    ),
    Point(
        MATRICES,
        "sum of eigenvalues of the unit matrix",
        "sum(eigvalsh(x))",
        ([[1.0, 0.0], [0.0, 1.0]],),
        "1, 0, 0, 1",
        expected=[[1.0, 0.0], [0.0, 1.0]],
    ),
    Point(
        MATRICES,
        "sum of singular values of the unit matrix",
        "sum(svdvals(x))",
        ([[1.0, 0.0], [0.0, 1.0]],),
        "1, 0, 0, 1",
        expected=[[1.0, 0.0], [0.0, 1.0]],
    ),
    Point(
        COMPLEX,
        "abs(z)² at 3 + 4i",
        "abs(x) ** 2",
        (3 + 4j,),
        "6+8i (steepest ascent)",
        expected=6 + 8j,
    ),
    Point(
        COMPLEX,
        "Re(z²) at 1 + 2i",
        "real(x * x)",
        (1 + 2j,),
        "2-4i (steepest ascent)",
        expected=2 - 4j,
    ),
    Point(COMPLEX, "abs(z) at 0", "abs(x)", (0j,), expected=0j),
]


# --- the libraries --------------------------------------------------------------------


def of_xpnet() -> tuple[dict[str, Any], Callable[..., Any]]:
    """Return xpnet's names and how it differentiates."""
    import xpnet as xn
    from xpnet import xp

    def bce(x: Any) -> Any:
        from xpnet.losses import binary_cross_entropy_with_logits

        targets = xn.asarray(TARGETS)
        return binary_cross_entropy_with_logits(x, targets, reduction="none")

    names = {
        "bce": bce,
        "sigmoid": xp.special.expit,
        "log_sigmoid": xp.special.log_expit,
        "relu": xp.special.relu,
        "logsumexp": xp.special.logsumexp,
        "softmax": lambda x: xp.special.softmax(x, axis=-1),
        "clip": lambda x: xp.clip(x, 0.0, 1.0),
        "var1": lambda x: xp.var(x, correction=1),
        "norm": lambda x: xp.linalg.vector_norm(x),
        "frobenius": lambda x: xp.linalg.matrix_norm(x),
        "det": lambda x: xp.linalg.det(x),
        "eigvalsh": lambda x: xp.linalg.eigvalsh(x),
        "svdvals": lambda x: xp.linalg.svdvals(x),
    }

    def differentiate(function: Any, at: Any, what: str) -> Any:
        values = [xn.asarray(np.asarray(v)) for v in at]
        if what == "value":
            return [host(function(*values))]
        numbers = tuple(range(len(values)))
        gradient = xn.grad(lambda *xs: xp.sum(function(*xs)), numbers)
        if what == "second":
            return [host(xn.grad(lambda *xs: xp.sum(gradient(*xs)[0]))(*values))]
        return [host(g) for g in gradient(*values)]

    def host(x: Any) -> Any:
        return x.detach().numpy()

    return {**_members(xp), **names}, differentiate


def of_torch() -> tuple[dict[str, Any], Callable[..., Any]]:
    """Return PyTorch's names and how it differentiates."""
    import torch

    def bce(x: Any) -> Any:
        function = torch.nn.functional.binary_cross_entropy_with_logits
        return function(x, torch.tensor(TARGETS), reduction="none")

    names = {
        "bce": bce,
        "sigmoid": torch.sigmoid,
        "log_sigmoid": torch.nn.functional.logsigmoid,
        "relu": torch.relu,
        "logsumexp": lambda x: torch.logsumexp(x, dim=-1),
        "softmax": lambda x: torch.softmax(x, dim=-1),
        "clip": lambda x: torch.clamp(x, 0.0, 1.0),
        "var": lambda x: torch.var(x, correction=0),
        "var1": lambda x: torch.var(x, correction=1),
        "std": lambda x: torch.std(x, correction=0),
        "max": torch.amax,
        "cumulative_prod": lambda x: torch.cumprod(x, 0),
        "norm": torch.linalg.vector_norm,
        "frobenius": torch.linalg.matrix_norm,
        "det": torch.linalg.det,
        "eigvalsh": torch.linalg.eigvalsh,
        "svdvals": torch.linalg.svdvals,
    }

    def differentiate(function: Any, at: Any, what: str) -> Any:
        values = [torch.tensor(np.asarray(v), requires_grad=True) for v in at]
        result = function(*values)
        if what == "value":
            return [result.detach().numpy()]
        parts = torch.autograd.grad(result.sum(), values, create_graph=what == "second")
        if what == "second":
            (parts,) = [torch.autograd.grad(parts[0].sum(), values)]
        return [p.detach().resolve_conj().numpy() for p in parts]

    return {**_members(torch), **names}, differentiate


def of_jax() -> tuple[dict[str, Any], Callable[..., Any]]:
    """Return JAX's names and how it differentiates."""
    import jax
    import jax.numpy as jnp

    names = {
        "sigmoid": jax.nn.sigmoid,
        "log_sigmoid": jax.nn.log_sigmoid,
        "relu": jax.nn.relu,
        "logsumexp": jax.nn.logsumexp,
        "softmax": jax.nn.softmax,
        "clip": lambda x: jnp.clip(x, 0.0, 1.0),
        "var1": lambda x: jnp.var(x, correction=1),
        "norm": jnp.linalg.norm,
        "frobenius": jnp.linalg.norm,
        "det": jnp.linalg.det,
        "eigvalsh": jnp.linalg.eigvalsh,
        "svdvals": jnp.linalg.svdvals,
    }

    def differentiate(function: Any, at: Any, what: str) -> Any:
        values = [jnp.asarray(np.asarray(v)) for v in at]
        if what == "value":
            return [np.asarray(function(*values))]
        numbers = tuple(range(len(values)))
        gradient = jax.grad(lambda *xs: jnp.sum(function(*xs)), numbers)
        if what == "second":
            return [np.asarray(jax.grad(lambda x: jnp.sum(gradient(x)[0]))(*values))]
        return [np.asarray(g) for g in gradient(*values)]

    return {**_members(jnp), **names}, differentiate


def of_autograd() -> tuple[dict[str, Any], Callable[..., Any]]:
    """Return autograd's names and how it differentiates."""
    import autograd
    import autograd.numpy as anp
    import autograd.scipy.special as special

    names = {
        "sigmoid": special.expit,
        "logsumexp": special.logsumexp,
        "atan2": anp.arctan2,
        "asin": anp.arcsin,
        "acos": anp.arccos,
        "acosh": anp.arccosh,
        "atanh": anp.arctanh,
        "asinh": anp.arcsinh,
        "clip": lambda x: anp.clip(x, 0.0, 1.0),
        "var1": lambda x: anp.var(x, ddof=1),
        "pow": anp.power,
        "norm": anp.linalg.norm,
        "frobenius": anp.linalg.norm,
        "det": anp.linalg.det,
        "eigvalsh": lambda x: anp.linalg.eigh(x)[0],
        "svdvals": lambda x: anp.linalg.svd(x, compute_uv=False),
    }

    def differentiate(function: Any, at: Any, what: str) -> Any:
        values = [np.asarray(v) for v in at]
        if what == "value":
            return [np.asarray(function(*values))]

        def gradients(*xs: Any) -> list[Any]:
            return [
                autograd.elementwise_grad(lambda *ys: anp.sum(function(*ys)), i)(*xs)
                for i in range(len(xs))
            ]

        if what == "second":
            gradient = autograd.elementwise_grad(lambda x: anp.sum(gradients(x)[0]))
            return [np.asarray(gradient(*values))]
        return [np.asarray(g) for g in gradients(*values)]

    known = {name for name in dir(anp) if not name.startswith("_")}
    lost = {"cumulative_prod"}  # NumPy's own, which autograd does not follow
    members = {name: getattr(anp, name) for name in known - lost}
    return {**members, **names}, differentiate


LIBRARIES: dict[str, Callable[[], Any]] = {
    "xpnet": of_xpnet,
    "torch": of_torch,
    "jax": of_jax,
    "autograd": of_autograd,
}


def _members(module: Any) -> dict[str, Any]:
    return {
        name: getattr(module, name)
        for name in dir(module)
        if not name.startswith("_") and callable(getattr(module, name, None))
    }


# --- measuring ------------------------------------------------------------------------


def measure(library: str, point: Point) -> Any:
    """Return what a library gives at a point: numbers, or None where it refuses."""
    scope, differentiate = LIBRARIES[library]()
    arguments = ["x", "y"][: len(point.at)]
    code = compile(f"lambda {', '.join(arguments)}: {point.formula}", "point", "eval")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            parts = differentiate(eval(code, dict(scope)), point.at, point.what)
        except Exception:
            return None
    numbers = [number for part in parts for number in np.ravel(part).tolist()]
    return [plain(number) for number in numbers]


def plain(number: Any) -> Any:
    """Return a number as what JSON can hold."""
    if isinstance(number, complex):
        return [number.real, number.imag]
    return float(number)


def shown(numbers: Any) -> str:
    """Return measured numbers as a person reads them."""
    if numbers is None:
        return "none"
    return ", ".join(_one(number) for number in numbers)


def _one(number: Any) -> str:
    if isinstance(number, list):
        real, imaginary = number
        return f"{_short(real)}{imaginary:+.4g}i"
    return _short(number)


def _short(number: float) -> str:
    if number != number:
        return "NaN"
    return f"{number + 0.0:.4g}"


def record() -> dict[str, Any]:
    """Return what all libraries give at all points, and their versions."""
    versions = {
        name: importlib.metadata.version(name).partition("+")[0] for name in PEERS
    }
    rows = {
        point.shown: {library: measure(library, point) for library in LIBRARIES}
        for point in POINTS
    }
    return {"versions": versions, "points": rows}


# --- the page -------------------------------------------------------------------------


def page(found: Mapping[str, Any]) -> str:
    """Return the text of docs/conventions.md: conventions_page.md with its tables."""
    tables = {section: table(section, found["points"]) for section in SECTIONS}
    text = TEMPLATE.read_text("utf-8")
    return text.format(**found["versions"], **tables)


def table(section: str, measured: Mapping[str, Any]) -> str:
    """Return the points of a section and what each library gives there."""
    lines = [
        "| point | true | xpnet | PyTorch | JAX | autograd |",
        "|---|---|---|---|---|---|",
    ]
    for point in POINTS:
        if point.section == section:
            ours, *peers = [shown(measured[point.shown][name]) for name in LIBRARIES]
            cells = [point.shown, point.true, f"**{ours}**", *peers]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def as_json(found: Mapping[str, Any]) -> str:
    """Return the record with one point on a line."""
    points = [
        f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(row)}"
        for name, row in found["points"].items()
    ]
    body = ",\n".join(points)
    return (
        f'{{"versions": {json.dumps(found["versions"])}, "points": {{\n{body}\n}}}}\n'
    )


def main() -> None:
    """Measure everything and write the record and the page."""
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    found = record()
    RECORD.write_text(as_json(found), "utf-8")
    PAGE.write_text(page(found), "utf-8")


if __name__ == "__main__":
    main()
