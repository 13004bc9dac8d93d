"""PyTorch as an oracle: the same values and derivatives, or a reason why not.

oracle.txt says how each row is called in both. Values, first derivatives and products
with the second derivative are compared on random numbers, real and complex, and slopes
at the points where libraries differ: there every difference stands in a table, with its
reason. Without PyTorch these tests are left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet.calculus.rule import TABLE
from xpnet.trees import flatten

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

ANY = [[s] for s in ((), (0,), (1,), (7,), (0, 3), (2, 1, 3), (4, 5), (2, 3, 2, 2))]
SHAPES: dict[str, list[list[tuple[int, ...]]]] = {
    "ANY": ANY,
    "AXES": [[s] for s in ((3,), (1, 4), (2, 3, 4), (5, 1, 2), (2, 2, 3, 2))],
    "TWO": [[s] for s in ((2, 3), (4, 1), (3, 3), (2, 3, 4), (2, 2, 3, 2))],
    "CUBE": [[s] for s in ((2, 3, 4), (1, 3, 2), (3, 2, 1), (2, 2, 2))],
    "SQUARE": [[s] for s in ((1, 1), (2, 2), (3, 3), (2, 3, 3), (2, 1, 4, 4))],
    "WIDE": [[s] for s in ((2, 3), (3, 2), (3, 3), (2, 4, 2), (2, 2, 4), (1, 3))],
    "PAIRS": [
        [(), ()],
        [(3,), ()],
        [(0,), (1,)],
        [(4, 1), (3,)],
        [(2, 1, 3), (4, 3)],
        [(2, 3), (2, 3)],
        [(1,), (2, 2, 2)],
    ],
    "PRODUCTS": [
        [(3,), (3,)],
        [(2, 3), (3,)],
        [(3,), (3, 2)],
        [(2, 3), (3, 4)],
        [(2, 2, 3), (3, 2)],
        [(2, 1, 2, 3), (4, 3, 2)],
    ],
}
RANGES = {
    "plain": (-2.0, 2.0),
    "positive": (0.2, 3.0),
    "inner": (-0.9, 0.9),
    "outer": (1.1, 4.0),
    "matrix": (-0.3, 0.3),
}
TOLERANCE = 1e-9  # of the largest element


@dataclass(frozen=True)
class Line:
    """One line of oracle.txt."""

    row: str
    shapes: str
    numbers: str
    kinds: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.row}: {self.ours}"

    def trials(self) -> list[list[tuple[int, ...]]]:
        """Return the shapes of the arguments in each trial."""
        if self.shapes in SHAPES:
            return SHAPES[self.shapes]
        trials = self.shapes.split(" ; ")
        return [[eval(shape) for shape in trial.split(" ")] for trial in trials]


def lines() -> Iterator[Line]:
    """Return the lines of oracle.txt."""
    for text in Path(__file__).with_name("oracle.txt").read_text().splitlines():
        if text and not text.startswith("#"):
            row, shapes, numbers, ours, theirs = text.split(" | ")
            yield Line(row, shapes, *numbers.split(" "), ours, theirs)


LINES = list(lines())


def formula(text: str, **names: Any) -> Callable[..., list[Any]]:
    """Return a formula as a function that returns a list of arrays."""
    code = compile(f"lambda x, y=None, z=None: {text}", f"<{text}>", "eval")
    call = eval(code, {"np": np, **names})
    return lambda *xs: [v for v in flatten(call(*xs))[0] if v is not None]


def drawn(line: Line, shape: tuple[int, ...], kind: str, seed: int) -> Any:
    """Return random numbers for an argument."""
    rng = np.random.default_rng(zlib.crc32(f"{line} {shape} {kind} {seed}".encode()))
    low, high = RANGES[line.numbers]
    x = np.asarray(rng.uniform(low, high, shape))
    if kind == "c":
        x = x + 1j * rng.uniform(0.2, 0.8, shape)
    if line.numbers == "matrix" and len(shape) > 1:  # separate singular values
        i = np.arange(min(shape[-2:]))
        x[..., i, i] += 1.0 + i
    return np.asarray(x)


def weights(arrays: list[Any], seed: int) -> list[Any]:
    """Return random cotangents of the shapes and dtypes of arrays."""
    rng = np.random.default_rng(seed)
    out = []
    for a in arrays:
        w = rng.standard_normal(a.shape)
        w = w + 1j * rng.standard_normal(a.shape) if a.dtype.kind == "c" else w
        out.append(np.asarray(w, a.dtype))
    return out


# --- both sides: values, gradient, and the second derivative in a direction -----------


def ours(line: Line, xs: list[Any], order: int) -> list[list[Any]]:
    """Return values, gradients and second derivatives of xpnet."""
    call = formula(line.ours, xp=xn.xp)

    def gradient(*xs: Any) -> list[Any]:
        outs, pull = xn.vjp(call, *xs)
        ws = weights([host(out) for out in outs], 1)
        return list(pull([xn.asarray(w) for w in ws]))

    arrays = [xn.asarray(x) for x in xs]
    found = [[host(out) for out in call(*arrays)]]
    if order == 1:
        return [*found, [host(g) for g in gradient(*arrays)]]
    slopes, pull = xn.vjp(gradient, *arrays)
    found.append([host(g) for g in slopes])
    seconds = pull([xn.asarray(u) for u in weights(found[1], 2)])
    return [*found, [host(h) for h in seconds]]


def theirs(line: Line, xs: list[Any], order: int) -> list[list[Any]]:
    """Return values, gradients and second derivatives of PyTorch."""
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    outs = formula(line.theirs, t=torch)(*tensors)
    found = [[detached(out) for out in outs]]
    ws = [torch.tensor(w) for w in weights(found[0], 1)]
    on_tape = [(o, w) for o, w in zip(outs, ws, strict=True) if o.requires_grad]
    slopes = pulled(on_tape, tensors, order > 1)
    found.append([detached(g) for g in slopes])
    if order == 1:
        return found
    us = [torch.tensor(u) for u in weights(found[1], 2)]
    on_tape = [(g, u) for g, u in zip(slopes, us, strict=True) if g.requires_grad]
    return [*found, [detached(h) for h in pulled(on_tape, tensors, False)]]


def pulled(seeds: list[tuple[Any, Any]], tensors: list[Any], again: bool) -> list[Any]:
    """Return PyTorch's cotangents, zeros where there is none."""
    if not seeds:
        return [torch.zeros_like(x) for x in tensors]
    outs, ws = zip(*seeds, strict=True)
    found = torch.autograd.grad(
        outs, tensors, ws, create_graph=again, retain_graph=True, allow_unused=True
    )
    pairs = zip(tensors, found, strict=True)
    return [torch.zeros_like(x) if g is None else g for x, g in pairs]


def detached(x: Any) -> Any:
    """Return a tensor as a NumPy array."""
    return x.detach().resolve_conj().resolve_neg().numpy(force=True)


def compare(line: Line, kind: str, seed: int, order: int) -> None:
    """Compare both on one set of random numbers for each shape."""
    for shapes in line.trials():
        xs = [drawn(line, shape, kind, seed + i) for i, shape in enumerate(shapes)]
        sides = ours(line, xs, order), theirs(line, xs, order)
        names = ("values", "first derivatives", "second derivatives")
        for what, mine, other in zip(names, *sides, strict=False):
            assert len(mine) == len(other), (what, len(mine), len(other))
            for a, b in zip(mine, other, strict=True):
                where = f"{line} ({kind}), shapes {shapes}: {what}"
                assert a.shape == b.shape, f"{where}: {a.shape} and {b.shape}"
                assert a.dtype == b.dtype, f"{where}: {a.dtype} and {b.dtype}"
                scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
                error = float(np.max(np.abs(a - b), initial=0.0))
                assert error <= TOLERANCE * scale, (
                    f"{where}: {error:.3g} of {scale:.3g}"
                )


CALLS = [
    pytest.param(line, kind, id=f"{line} ({kind})")
    for line in LINES
    for kind in line.kinds
]


@pytest.mark.parametrize(("line", "kind"), CALLS)
def test_values_and_derivatives_are_those_of_pytorch(
    line: Line, kind: str, thorough: bool
) -> None:
    for seed in range(0, 30 if thorough else 1):
        compare(line, kind, 10 * seed, 2)


# --- every row ------------------------------------------------------------------------

NOT_IN_TORCH = {
    "asarray": "conversion is tested in test_array",
    "broadcast_shapes": "it works on shapes",
    "nextafter": "PyTorch has no derivative of it",
    "one_hot": "it takes integers",
    "unique_all": "PyTorch has no derivative of it",
    "unique_counts": "PyTorch has no derivative of it",
    "unique_inverse": "PyTorch has no derivative of it",
    "unique_values": "PyTorch has no derivative of it",
}


def test_every_row_is_compared_or_says_why_not() -> None:
    rows = {n for n, row in TABLE.items() if row.public and row.kind != "flat"}
    compared = {line.row for line in LINES}
    assert rows - compared == set(NOT_IN_TORCH)
    assert compared <= set(TABLE)


# --- points where the two differ, each with the reason --------------------------------

INF, NAN = np.inf, np.nan
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 20.0, -20.0, 40.0, -40.0, 800.0)
NUMBERS = (*NUMBERS, -800.0, 1e200, -1e200, 1e-200, -1e-200, INF, -INF, NAN)
BOTH = (0.0, 1.0, -1.0, 2.0, 0.5, -2.5, INF, -INF, NAN, 1e200, 1e-200)

NAN_STAYS = "a NaN that goes in comes out, as in NumPy; PyTorch gives 0, 1 or a share"
CANCELS = "PyTorch's textbook formula cancels to 0 where the slope has not vanished"
SQUARES = "PyTorch squares the argument, which overflows or underflows"
CORNER = "0 is a subgradient; PyTorch divides 0 by 0"
POLES = "there is no limit among infinitely many poles; PyTorch says NaN, SciPy inf"

# row, where (in x and y), why
DIFFERENCES = (
    ("abs", "isnan(x)", NAN_STAYS),
    ("acosh", "x < 1", "PyTorch gives a slope where the function has no value"),
    ("acosh", "x == 1e200", SQUARES),
    ("asinh", "abs(x) == 1e200", SQUARES),
    ("atan2", "x == 1e200 or y == 1e200", SQUARES),
    ("atan2", "max(abs(x), abs(y)) == 1e-200", SQUARES),
    ("clip", "isnan(x)", NAN_STAYS),
    ("clip", "abs(x) == 1", "0 at a bound, as for relu; PyTorch counts it as inside"),
    ("copysign", "isinf(x)", "PyTorch divides the result by the argument: inf / inf"),
    ("copysign", "isnan(y)", "a NaN has a sign; PyTorch's slope multiplies by it"),
    ("digamma", "x == -inf", POLES),
    ("expit", "x in (20, 40)", CANCELS),
    ("expm1", "x in (-20, -40)", CANCELS),
    ("hypot", "x == 0 and y == 0", CORNER),
    ("logaddexp", "isinf(x) and x == y", "equal arguments share; PyTorch: inf - inf"),
    ("maximum", "isnan(x) or isnan(y)", NAN_STAYS),
    ("minimum", "isnan(x) or isnan(y)", NAN_STAYS),
    ("polygamma", "x == -inf", POLES),
    ("polygamma", "x == inf", "the limit is 0; PyTorch says NaN"),
    ("pow", "x < 0 and y % 1 != 0", "there is no value, and so no slope"),
    ("pow", "x == -1 and y == 1e200", "1e200 - 1 is odd, though it is rounded to even"),
    ("pow", "isnan(x)", NAN_STAYS),
    ("pow", "x == 0 and isnan(y)", "the power of 0 is flat in the exponent"),
    ("pow", "x == -inf", "C's pow has a value there, PyTorch's slope has none"),
    ("relu", "isnan(x)", NAN_STAYS),
    ("remainder", "x == 1e200 and y == 1e-200", "PyTorch's quotient overflows"),
    ("sign", "isnan(x)", NAN_STAYS),
    ("tanh", "abs(x) in (20, 40)", CANCELS),
    ("xlogy", "x == 0 and y == 0", "x * log(y) is 0 along x = 0, and so flat in y"),
)  # fmt: skip

POINTWISE = [
    line
    for line in LINES
    if line.shapes in ("ANY", "PAIRS")
    and "r" in line.kinds
    and TABLE[line.row].kind != "linear"
    and line.row not in ("prod", "broadcast_arrays", "astype", "where")
]


def found_at(line: Line) -> Iterator[tuple[tuple[float, ...], float, float]]:
    """Return the points where a value or slope is not PyTorch's, and both numbers."""
    if line.shapes == "ANY":
        xs = [np.asarray(NUMBERS)]
    else:
        xs = [np.repeat(BOTH, len(BOTH)), np.tile(BOTH, len(BOTH))]
    with np.errstate(all="ignore"):
        (out,), pull = xn.vjp(formula(line.ours, xp=xn.xp), *map(xn.asarray, xs))
        mine = [host(v) for v in (out, *pull([xn.xp.ones_like(out)]))]
    tensors = [torch.tensor(x, requires_grad=True) for x in xs]
    (value,) = formula(line.theirs, t=torch)(*tensors)
    seeds = [(value, torch.ones_like(value))] if value.requires_grad else []
    other = [detached(v) for v in (value, *pulled(seeds, tensors, False))]
    for a, b in zip(mine, other, strict=True):
        near = np.abs(a - b) <= 1e-12 * np.maximum(np.abs(a), np.abs(b))
        if line.row in ("digamma", "polygamma", "gammaln"):
            near |= np.abs(a - b) <= 1e-6 * np.abs(b)
        for i in np.flatnonzero(~((a == b) | near | (np.isnan(a) & np.isnan(b)))):
            yield tuple(float(x[i]) for x in xs), float(a[i]), float(b[i])


def reasons(line: Line, point: tuple[float, ...]) -> list[int]:
    """Return which lines of the table of differences explain a point."""
    x, *rest = point
    if line.row == "pow" and "y" not in line.ours:
        rest = [float(line.ours.rpartition("**")[2])] if "x **" in line.ours else [x]
    names = {"x": x, "y": rest[0] if rest else NAN, "inf": INF, "nan": NAN}
    names |= {"isnan": np.isnan, "isinf": np.isinf}
    return [
        i
        for i, (row, where, _) in enumerate(DIFFERENCES)
        if row == line.row and eval(where, names)
    ]


def test_no_difference_is_without_a_reason() -> None:
    used, unexplained = set(), []
    for line in POINTWISE:
        for point, a, b in found_at(line):
            why = reasons(line, point)
            used |= set(why)
            if not why:
                unexplained.append(f"{line.ours} at {point}: {a!r}, PyTorch {b!r}")
    assert unexplained == []
    unused = [DIFFERENCES[i] for i in range(len(DIFFERENCES)) if i not in used]
    assert unused == [], "these differences are gone"
