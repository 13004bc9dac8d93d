"""What `xn.explain` says of each rule is what the rule does."""

import ast
import math
import re

import numpy as np
import pytest

import xpnet as xn
from xpnet import nn, xp
from xpnet.calculus.rule import TABLE, Binary, General, Unary
from xpnet.learn.rules import link, slope, summed_axes
from xpnet.learn.symbols import evaluate

A = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
B = np.array([[1.0, 3.0, -2.0], [0.5, -0.5, 1.25]])


def read(result, *variables):
    """Return the trace of a result, with a generator of cotangents of its own."""
    weights = np.random.default_rng(0).normal(size=result.shape)
    loss = xp.sum(result * xp.asarray(weights))
    return xn.explain(loss, wrt=list(variables)).trace


def pulled(step, index):
    """Return a random cotangent of a step, and what an input gets by the rule."""
    g = np.random.default_rng(1).normal(size=step.value.shape)
    if np.iscomplexobj(step.value):
        g = g + 1j * np.random.default_rng(2).normal(size=step.value.shape)
    return g, step.pull(g, only=index)[index]


# --- elementwise rows ----------------------------------------------------------------

NARROW = {  # where a function is defined, and is not at a corner
    "acosh": (1.5, 3.0), "acos": (-0.8, 0.8), "asin": (-0.8, 0.8),
    "atanh": (-0.8, 0.8), "log1p": (-0.5, 2.0), "erfinv": (-0.8, 0.8),
    "log": (0.3, 2.0), "log2": (0.3, 2.0), "log10": (0.3, 2.0), "sqrt": (0.3, 2.0),
    "rsqrt": (0.3, 2.0), "pow": (0.3, 2.0), "logit": (0.2, 0.8), "ndtri": (0.2, 0.8),
    "gammaln": (1.2, 3.0), "digamma": (1.2, 3.0), "gamma": (1.2, 3.0),
    "xlogy": (0.3, 2.0), "xlog1py": (0.3, 2.0), "zeta": (1.5, 3.0),
}  # fmt: skip

ROWS = [
    name
    for name, row in TABLE.items()
    if isinstance(row, (Unary, Binary)) and row.function is not None
]


def made(row):
    """Return one result of an elementwise row, and its variables."""
    low, high = NARROW.get(row.name, (0.2, 0.9))
    draw = np.random.default_rng(5)
    count = len(row.rules)
    xs = [
        xn.asarray(draw.uniform(low, high, 5), requires_grad=True) for _ in range(count)
    ]
    return row.function(*xs), xs


@pytest.mark.parametrize("name", ROWS)
def test_the_formula_of_every_elementwise_row_is_its_rule(name):
    row = TABLE[name]
    out, xs = made(row)
    step = read(out, *xs).of(out._node)
    assert step.row is row
    for i in range(len(xs)):
        shown = link(step, i)
        assert shown.elementwise
        said = xn.asarray(evaluate(shown.formula, values_of(step))).data
        found = slope(step, i)
        said = np.broadcast_to(np.asarray(said), found.shape)
        np.testing.assert_allclose(said, found, rtol=1e-9, atol=1e-12)


def values_of(step):
    values = {"x": step.inputs[0].value, "out": step.value}
    if len(step.inputs) > 1:
        values["y"] = step.inputs[1].value
    return {name: xn.asarray(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vector_norm", {}), ("vector_norm", {"ord": 3}), ("vector_norm", {"ord": 1}),
        ("max", {}), ("min", {}), ("prod", {}), ("logsumexp", {}), ("clip", {}),
    ],
)  # fmt: skip
def test_a_formula_that_is_called_a_factor_is_one(name, options):
    x = xn.asarray(A.copy(), requires_grad=True)
    function = {
        "vector_norm": xp.linalg.vector_norm,
        "logsumexp": getattr(xp.special, "logsumexp", None),
        "clip": lambda x: xp.clip(x, -0.8, 1.0),
    }.get(name) or getattr(xp, name)
    (step,) = [s for s in read(function(x, **options), x).steps if s.operation == name]
    shown = link(step, 0)
    assert shown.elementwise
    factor = {
        "x / out": A / np.sqrt((A**2).sum()),
        "sign(x) * (abs(x) / out) ** (ord - 1)": np.sign(A)
        * (np.abs(A) / np.asarray(step.value)) ** (options.get("ord", 2) - 1),
        "(x == max(x)) / count(x == max(x))": A.max() == A,
        "(x == min(x)) / count(x == min(x))": A.min() == A,
        "product of the other elements": A.prod() / A,
        "exp(x) / sum(exp(x))": np.exp(A) / np.exp(A).sum(),
        "(x > min) * (x < max)": (A > -0.8) & (A < 1.0),
    }[shown.formula]
    g, given = pulled(step, 0)
    np.testing.assert_allclose(given, g * factor, rtol=1e-12)


def test_every_general_row_with_a_formula_says_g_or_is_a_factor():
    factors = {
        name
        for name, row in TABLE.items()
        if isinstance(row, General) and row.formula and "g" not in row.formula[0]
    }
    tested = {"vector_norm", "max", "min", "prod", "logsumexp", "clip", "abs", "conj"}
    assert factors <= tested | {"adjugate", "real", "imag", "polygamma_at", "sign"}


# --- matrix products -----------------------------------------------------------------

SHAPES = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)), ((5, 2, 3), (3,)), ((1, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
]  # fmt: skip


class Said:
    """An array for which ``.T`` turns the last two axes, as the sentences say."""

    def __init__(self, value):
        self.value = np.asarray(value)

    @property
    def T(self):
        value = self.value
        return Said(np.swapaxes(value, -1, -2) if value.ndim > 1 else value)

    @property
    def H(self):
        return Said(np.conj(self.T.value))

    def __matmul__(self, other):
        x, y = self.value, other.value
        if x.ndim > 2 and y.shape == (*x.shape[:-2], x.shape[-1]):  # stacks of vectors
            return Said((x @ y[..., None])[..., 0])
        if y.ndim > 2 and x.shape == y.shape[:-1]:
            return Said((x[..., None, :] @ y)[..., 0, :])
        return Said(x @ y)

    def __mul__(self, other):
        return Said(self.value * other.value)


def said_by(formula, shape, **values):
    """Compute what a formula of a matrix product says."""

    def summed(x):
        extra = x.value.ndim - len(shape)
        whole = x.value.sum(axis=tuple(range(extra)))
        kept = tuple(i for i, n in enumerate(shape) if n == 1 != whole.shape[i])
        return Said(whole.sum(axis=kept, keepdims=True))

    def outer(x, y):
        return Said(x.value[..., :, None] * y.value[..., None, :])

    code = compile(ast.parse(formula, mode="eval"), "formula", "eval")
    space = {name: Said(value) for name, value in values.items()}
    space |= {"sum": summed, "outer": outer, "conj": lambda x: Said(np.conj(x.value))}
    return eval(code, {"__builtins__": {}}, space).value


@pytest.mark.parametrize(("first", "second"), SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_the_rule_of_a_matrix_product_holds_for_all_shapes(first, second, dtype):
    draw = np.random.default_rng(0)
    values = [draw.normal(size=s).astype(dtype) for s in (first, second)]
    if dtype == "complex128":
        values = [v + 1j * draw.normal(size=v.shape) for v in values]
    x, y = (xn.asarray(v, requires_grad=True) for v in values)
    trace = xn.explain(xp.sum(xp.real(x @ y)), wrt=[x, y]).trace
    (step,) = [s for s in trace.steps if s.operation == "matmul"]
    for i, shape in enumerate((first, second)):
        g, given = pulled(step, i)
        said = said_by(link(step, i).formula, shape, g=g, x=values[0], y=values[1])
        assert said.shape == given.shape
        np.testing.assert_allclose(said, given, rtol=1e-12, atol=1e-12)


# --- rules in words ------------------------------------------------------------------

ROW = np.array([1.0, -2.0, 0.5])
PLACES = np.array([2, 0, 2])


def _where_first(x):
    return xp.where(xp.asarray(A > 0), x, xp.asarray(B))


def _where_second(x):
    return xp.where(xp.asarray(A > 0), xp.asarray(B), x)


def _written(x):
    y = xp.asarray(B.copy())
    y[:, 1] = x[:, 0] * 1.0
    return y


def _overwritten(x):
    y = x * 1.0
    y[:, 1] = 7.0
    return y


def _written_twice(x):
    y = xp.asarray(B.copy())
    y[xp.asarray([0, 0]), xp.asarray([1, 1])] = x[:, 0] * 1.0
    return y


def put(places, g):
    out = np.zeros((2, 3))
    np.add.at(out, places, g)
    return out


WORDS = [  # operation, function, which input, what is said, what the words mean
    ("sum", lambda x: xp.sum(x, axis=1), 0, "g", lambda g: g[:, None] + 0 * A),
    ("sum", lambda x: xp.sum(x, axis=0, keepdims=True), 0, "g", lambda g: g + 0 * A),
    ("mean", lambda x: xp.mean(x, axis=1), 0, "g / 3",
     lambda g: g[:, None] / 3 + 0 * A),
    ("mean", lambda x: xp.mean(x), 0, "g / 6", lambda g: g / 6 + 0 * A),
    ("cumulative_sum", lambda x: xp.cumulative_sum(x, axis=1), 0,
     "the sums of g from each place on",
     lambda g: np.flip(np.cumsum(np.flip(g, 1), 1), 1)),
    ("expand_dims", lambda x: xp.expand_dims(x, axis=1), 0, "g", lambda g: g[:, 0]),
    ("squeeze", lambda x: xp.squeeze(xp.expand_dims(x, axis=1), axis=1), 0, "g",
     lambda g: g[:, None]),
    ("reshape", lambda x: xp.reshape(x, (3, 2)), 0, "reshape(g)",
     lambda g: g.reshape(2, 3)),
    ("permute_dims", lambda x: xp.permute_dims(x, (1, 0)), 0,
     "permute_dims(g)", np.transpose),
    ("flip", lambda x: xp.flip(x, axis=1), 0, "flip(g)", lambda g: np.flip(g, 1)),
    ("broadcast_to", lambda x: xp.broadcast_to(x, (4, 2, 3)), 0,
     "g summed over what was broadcast", lambda g: g.sum(0)),
    ("concat", lambda x: xp.concat([xp.asarray(B), x]), 1,
     "the part of g that came from here", lambda g: g[2:]),
    ("stack", lambda x: xp.stack([xp.asarray(B), x]), 1,
     "the part of g that came from here", lambda g: g[1]),
    ("where", _where_first, 0, "g where the condition holds, 0 elsewhere",
     lambda g: np.where(A > 0, g, 0)),
    ("where", _where_second, 1, "0 where the condition holds, g elsewhere",
     lambda g: np.where(A > 0, 0, g)),
    ("getitem", lambda x: x[:, 1:], 0, "g at the places that were read, 0 elsewhere",
     lambda g: put((slice(None), slice(1, None)), g)),
    ("getitem", lambda x: x[:, xp.asarray(PLACES)], 0,
     "g added up at the places that were read, 0 elsewhere",
     lambda g: put((slice(None), PLACES), g)),
    ("take", lambda x: xp.take(x, xp.asarray(PLACES), axis=1), 0,
     "g added up at the places that were taken",
     lambda g: put((slice(None), PLACES), g)),
    ("setitem", _written, 1, "g at the places that were written", lambda g: g[:, 1]),
    ("setitem", _overwritten, 0, "g, but 0 where it was overwritten",
     lambda g: g * np.array([1, 0, 1])),
    ("setitem", _written_twice, 1,
     "g at the places that were written (by the last value there)",
     lambda g: np.array([0.0, g[0, 1]])),
]  # fmt: skip


@pytest.mark.parametrize("case", WORDS, ids=lambda case: f"{case[0]}-{case[2]}")
def test_what_is_said_in_words_is_what_goes_back(case):
    operation, function, index, words, meaning = case
    x = xn.asarray(A.copy(), requires_grad=True)
    steps = [s for s in read(function(x), x).steps if s.operation == operation]
    step = steps[0]  # the first: the loss of `read` is a sum too
    shown = link(step, index)
    assert (shown.formula, shown.elementwise) == (words, False)
    g, given = pulled(step, index)
    np.testing.assert_allclose(given, meaning(g), rtol=1e-12)


def test_layers_that_stay_whole_say_what_goes_back():
    g = xn.random.Generator(0)
    image = xn.asarray(
        g.normal((2, 1, 4, 4), dtype=xp.float64).data, requires_grad=True
    )
    cases = [
        (nn.AvgPool2d(2), 0, "g shared equally in each window",
         lambda g: np.repeat(np.repeat(g, 2, 2), 2, 3) / 4),
        (nn.MaxPool2d(2), 0, "g to the largest element of each window", None),
        (nn.Conv2d(1, 2, 3, rng=0, dtype=xp.float64), 2,
         "g summed over examples and places", lambda g: g.sum((0, 2, 3))),
    ]  # fmt: skip
    for layer, index, words, meaning in cases:
        whole = ("avg_pool", "max_pool", "convolution")
        trace = read(layer(image), image)
        (step,) = [s for s in trace.steps if s.operation in whole]
        assert link(step, index) == (words, False)
        g, given = pulled(step, index)
        if meaning is None:
            assert np.count_nonzero(given) == g.size
            assert given.sum() == pytest.approx(g.sum())
        else:
            np.testing.assert_allclose(given, meaning(g), rtol=1e-12)


def test_words_that_are_multiplied_stand_in_parentheses():
    x = xn.asarray(A.copy(), requires_grad=True)
    y = xp.asarray(B.copy())
    y[:, 1:] = x[:, :2] * 3.0
    text = str(xn.explain(xp.sum(y * y), wrt=x))
    assert "= (∂loss/∂y at the places that were written)·3 at the places" in text


def test_nothing_is_shown_in_letters_of_the_table():
    """Also where a name is an item, or the transpose of one."""
    w = xn.asarray(np.ones((6, 3)), requires_grad=True)
    h = xn.asarray(A.copy(), requires_grad=True)
    loss = xp.sum(xp.tanh(h @ w[0:4, :].T) @ w[:4, 1])
    explanation = xn.explain(loss, wrt=h)
    text = str(explanation)
    assert "@ w[0:4, :]" in text
    assert not re.search(r"\bg @|\by\b[.ᵀ]", text.split("rules of", maxsplit=1)[0])


# --- broadcast -----------------------------------------------------------------------


def test_a_sum_over_broadcast_axes_is_written_in_the_formula():
    b = xn.asarray(ROW, requires_grad=True)
    z = b * xp.asarray(A)
    loss = xp.sum(z**2)
    text = " ".join(str(xn.explain(loss, wrt=b)).split())
    assert "∂loss/∂b = sum(∂loss/∂z·constant)" in text
    assert "The gradient of b is summed over axis 0, because b (3,) was" in text
    w = xn.asarray(2.0, requires_grad=True)
    loss = xp.sum(xp.asarray(ROW) + w)
    text = " ".join(str(xn.explain(loss, wrt=w)).split())
    assert "∂loss/∂w = 3" in text
    assert "because w, one number, was broadcast to (3,)" in text


def test_axes_that_are_summed_over():
    x = xn.asarray(np.ones((3, 1)), requires_grad=True)
    out = x * xp.ones((2, 3, 4))
    assert summed_axes(read(out, x).of(out._node), 0) == (0, 2)


# --- complex numbers -----------------------------------------------------------------


def test_the_formulas_of_complex_values_say_what_is_conjugated():
    z = xn.asarray(1.0 + 2.0j, requires_grad=True)
    w = z * (2.0 - 1j)
    loss = xp.real(w * xp.conj(w))
    explanation = xn.explain(loss, wrt=z)
    text = str(explanation)
    assert "∂loss/∂z  = ∂loss/∂w·conj(2 − i)" in text
    loss.backward()
    assert complex(explanation.gradient()) == complex(z.grad) == 10 + 20j
    assert math.isclose(abs(complex(explanation.variable().total) - (10 + 20j)), 0)
