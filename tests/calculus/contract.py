"""What every row of the table must do, checked on one case at a time.

A `Case` is a function of arrays and the points to differentiate it at. Its derivative
is found numerically once, on NumPy in float64, by central differences of fourth order;
then each library, dtype and memory layout is compared with that. Complex numbers count
as two real ones, which is exactly the convention that the gradient is dL/da + i dL/db.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import xpnet as xn
from libraries import NUMPY, Target, host
from xpnet.calculus.rule import TABLE
from xpnet.trees import flatten

STEP = 1e-3
LAYOUTS = ("contiguous", "strided", "transposed", "reversed")
TOLERANCE = {"64": (1e-7, 1e-11), "32": (2e-3, 2e-4)}  # against differences; duality


@dataclass(frozen=True, eq=False)
class Case:
    """One function at one point.

    Attributes
    ----------
    row, label : str
        The row under test, and what this case is about.
    call : callable
        ``call(xp, *arrays)`` gives an array or a container of arrays.
    inputs : tuple of array
        Where to differentiate: float64 or complex128, exact in single precision.
    order : int
        The highest order of derivative that is checked.
    needs : tuple of str
        The optional parts of the standard that the function needs.
    only : tuple of str
        The libraries that can compute it; all when empty.
    layouts : bool
        Whether other memory layouts of the inputs are checked too.
    narrow : bool
        Whether single precision is checked too.
    """

    row: str
    label: str
    call: Callable[..., Any]
    inputs: tuple[np.ndarray[Any, Any], ...]
    order: int = 2
    needs: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    layouts: bool = True
    narrow: bool = True

    def __str__(self) -> str:
        shapes = ", ".join(str(x.shape) for x in self.inputs)
        return f"{self.row} ({self.label}; shapes {shapes})"


class Space:
    """The functions of a case: a public namespace, and the table for what it lacks."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Any:
        whole = self.target.namespace
        found = getattr(whole, name, None)
        if name in ("fft", "fftfreq", "rfftfreq"):  # "fft" is the part and a function
            found = getattr(whole.fft, name)
        found = TABLE[name].function if found is None else found
        setattr(self, name, found)
        return found

    def put(self, values: Any) -> xn.Array:
        """Return values that are not differentiated, on the target's device."""
        return self.target.make(np.asarray(values))


@functools.cache
def space(target: Target) -> Space:
    """Return the functions of a target."""
    return Space(target)


# --- vectors of real numbers ----------------------------------------------------------


def numbers(arrays: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Return arrays as one vector of float64; a complex number counts as two."""
    parts = [np.ascontiguousarray(a).reshape(-1) for a in arrays]
    wide = [p.astype("c16").view("f8") if p.dtype.kind == "c" else p for p in parts]
    return np.concatenate([np.zeros(0), *[p.astype("f8") for p in wide]])


def arrays(vector: np.ndarray[Any, Any], like: Any) -> list[np.ndarray[Any, Any]]:
    """Return a vector of `numbers` as arrays of the given shapes and kinds."""
    out, start = [], 0
    for a in like:
        dtype = "c16" if a.dtype.kind == "c" else "f8"
        stop = start + a.size * (2 if dtype == "c16" else 1)
        out.append(vector[start:stop].copy().view(dtype).reshape(a.shape))
        start = stop
    return out


def directions(like: Any, seed: int) -> list[np.ndarray[Any, Any]]:
    """Return random arrays without zeros, exact in single precision."""
    rng = np.random.default_rng(seed)
    n = len(numbers(like))
    vector = rng.uniform(0.5, 1.5, n) * rng.choice((-1.0, 1.0), n)
    return arrays(vector.astype("f4").astype("f8"), like)


# --- the derivative by differences ----------------------------------------------------


def floats(value: Any) -> list[xn.Array]:
    """Return the floating-point arrays among the results of a function."""
    outs = [x if isinstance(x, xn.Array) else xn.asarray(x) for x in flatten(value)[0]]
    return [x for x in outs if x._lib.is_floating(x.data.dtype)]


def on(target: Target, case: Case) -> Callable[..., list[xn.Array]]:
    """Return the function of a case on arrays of a target."""
    return lambda *xs: floats(case.call(space(target), *xs))


def pulled(
    function: Callable[..., list[xn.Array]], target: Target, seed: int
) -> Callable[..., list[xn.Array]]:
    """Return the gradient of <w, function> for a fixed random w."""

    def gradient(*xs: xn.Array) -> list[xn.Array]:
        outs, pull = xn.vjp(function, *xs)
        dtypes = [host(out).dtype for out in outs]
        weights = directions([host(out) for out in outs], seed)
        ws = [target.make(w.astype(d)) for w, d in zip(weights, dtypes, strict=True)]
        return list(pull(ws))

    return gradient


def jacobian(
    function: Callable[..., list[xn.Array]], inputs: Any, step: float = STEP
) -> np.ndarray[Any, Any]:
    """Return the matrix of derivatives by central differences of fourth order."""
    at = numbers(inputs)

    def value(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return numbers(
            [host(y) for y in function(*map(xn.asarray, arrays(vector, inputs)))]
        )

    columns = []
    for i in range(len(at)):
        f = {}
        for k in (-2, -1, 1, 2):
            moved = at.copy()
            moved[i] += k * step
            f[k] = value(moved)
        columns.append((8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * step))
    return np.stack(columns, axis=1) if columns else np.zeros((len(value(at)), 0))


@dataclass(frozen=True)
class Numeric:
    """What a case must give: its values, its first and its second derivatives."""

    values: list[np.ndarray[Any, Any]]
    first: np.ndarray[Any, Any]
    second: np.ndarray[Any, Any] | None


@functools.cache
def numeric(case: Case) -> Numeric:
    """Return the values and numeric derivatives of a case, from NumPy in float64."""
    function = on(NUMPY, case)
    xs = [xn.asarray(np.array(x)) for x in case.inputs]
    values = [host(y).copy() for y in function(*xs)]
    second = None
    if case.order > 1 and values:
        second = jacobian(pulled(function, NUMPY, 7), case.inputs)
    return Numeric(values, jacobian(function, case.inputs), second)


# --- the checks -----------------------------------------------------------------------


class Broken(AssertionError):
    """A check failed; the message says which and where."""


def check(case: Case, target: Target, dtype: str, layout: str) -> int:
    """Run every check of a case in one dtype and layout; return 1, for the count."""
    wanted = numeric(case)
    narrow = "32" if dtype == "float32" else "64"
    hosts = [_cast(x, narrow) for x in case.inputs]
    xs = [laid_out(target, x, layout) for x in hosts]
    before = [host(x).tobytes() for x in xs]
    function = on(target, case)
    report = _Report(case, target, narrow, layout)

    outs = function(*xs)
    report.same_kind("value", outs, None)
    report.close("value", wanted.values, outs, wanted.values, 1.0)
    _check_linear(report, function, wanted.first, xs, "order 1", everything=True)
    if wanted.second is not None and narrow == "64" and layout == "contiguous":
        _check_linear(
            report,
            pulled(function, target, 7),
            wanted.second,
            xs,
            "order 2",
            everything=False,
        )
        if target.library != "jax":  # where it would be compiled for each shape
            _check_mixed(report, function, wanted.second, xs)
    for x, bytes_before in zip(xs, before, strict=True):
        if host(x).tobytes() != bytes_before:
            report.fail("an input was changed by the function or its derivative")
    return 1


def _check_linear(
    report: _Report,
    function: Callable[..., list[xn.Array]],
    matrix: np.ndarray[Any, Any],
    xs: list[xn.Array],
    order: str,
    *,
    everything: bool,
) -> None:
    """Compare forward and reverse mode with the matrix, and with each other."""
    target, narrow = report.target, report.narrow
    inputs = [host(x) for x in xs]
    outs, pull = xn.vjp(function, *xs)
    results = [host(y) for y in outs]
    vs, us = directions(results, 11), directions(inputs, 12)
    v = [target.make(a.astype(b.dtype)) for a, b in zip(vs, results, strict=True)]
    u = [target.make(a.astype(b.dtype)) for a, b in zip(us, inputs, strict=True)]

    gradient = list(pull(v))
    report.same_kind(f"{order}, gradient", gradient, xs)
    scale = max(1.0, float(np.max(np.abs(matrix), initial=0.0)))
    expected = arrays(matrix.T @ numbers(vs), inputs)
    report.close(f"{order}, reverse mode", expected, gradient, inputs, scale)

    _, tangent = xn.jvp(function, xs, u)
    report.same_kind(f"{order}, tangent", tangent, outs)
    if not any(np.isnan(a).any() for a in results):  # the mean of nothing
        expected = arrays(matrix @ numbers(us), results)
        report.close(f"{order}, forward mode", expected, tangent, results, scale)
        report.dual(order, vs, tangent, gradient, us)
    for g in pull([target.make(np.zeros_like(a)) for a in results]):
        if not np.all(host(g) == 0):
            report.fail(
                f"{order}: a cotangent of zeros does not give a gradient of zeros"
            )
    if not everything:
        return
    again = list(xn.vjp(function, *xs)[1](v))
    if [host(g).tobytes() for g in again] != [host(g).tobytes() for g in gradient]:
        report.fail(f"{order}: two runs give different bytes")
    scattered = [laid_out(target, host(a), "strided") for a in v]
    for g, h in zip(gradient, pull(scattered), strict=True):
        rtol = TOLERANCE[narrow][1]
        if not np.allclose(host(g), host(h), rtol=rtol, atol=rtol * scale):
            report.fail(
                f"{order}: a cotangent that is not contiguous gives another gradient"
            )
    if len(outs) == 1:
        _check_backward(report, function, xs, v[0], gradient)


def _check_mixed(
    report: _Report,
    function: Callable[..., list[xn.Array]],
    matrix: np.ndarray[Any, Any],
    xs: list[xn.Array],
) -> None:
    """Pull a cotangent back through forward mode: the second derivative again."""
    target = report.target
    inputs = [host(x) for x in xs]
    us = directions(inputs, 12)
    u = [target.make(a.astype(b.dtype)) for a, b in zip(us, inputs, strict=True)]
    tangents, pull = xn.vjp(lambda *xs: xn.jvp(function, xs, u)[1], *xs)
    results = [host(t) for t in tangents]
    ws = [
        target.make(w.astype(t.dtype))
        for w, t in zip(directions(results, 7), results, strict=True)
    ]
    scale = max(1.0, float(np.max(np.abs(matrix), initial=0.0)))
    expected = arrays(matrix @ numbers(us), inputs)
    what = "order 2, reverse over forward mode"
    report.close(what, expected, list(pull(ws)), inputs, scale)


def _check_backward(
    report: _Report,
    function: Callable[..., list[xn.Array]],
    xs: list[xn.Array],
    v: xn.Array,
    gradient: list[xn.Array],
) -> None:
    """``.backward()`` leaves in ``.grad`` what `vjp` returns; None stands for zero."""
    leaves = [xn.asarray(x, requires_grad=True) for x in xs]
    out = function(*leaves)[0]
    if out.requires_grad:
        out.backward(v)
    for leaf, g in zip(leaves, gradient, strict=True):
        if leaf.grad is None:
            equal = bool(np.all(host(g) == 0))
        else:
            equal = host(leaf.grad).tobytes() == host(g).tobytes()
        if not equal:
            report.fail("backward() gives another gradient than vjp")


def _cast(x: np.ndarray[Any, Any], narrow: str) -> np.ndarray[Any, Any]:
    if narrow == "64":
        return x
    return x.astype("c8" if x.dtype.kind == "c" else "f4", order="K")


def laid_out(target: Target, x: np.ndarray[Any, Any], layout: str) -> xn.Array:
    """Return the values of `x` in another layout, where its shape allows it."""
    if layout == "contiguous" or x.ndim == 0:
        return target.make(x)
    if layout == "strided":
        raw = target.raw(np.repeat(x, 2, axis=-1))[..., ::2]
    elif layout == "reversed":
        raw = target.raw(np.flip(x, axis=-1).copy())[..., ::-1]
    else:
        raw = target.raw(x) if x.ndim < 2 else target.raw(x.swapaxes(-1, -2).copy()).mT
    return xn.asarray(raw)


class _Report:
    """Where a check stands, and the message when it fails."""

    def __init__(self, case: Case, target: Target, narrow: str, layout: str) -> None:
        self.case, self.target, self.narrow, self.layout = case, target, narrow, layout

    def fail(self, text: str) -> None:
        where = f"on {self.target}, float{self.narrow}, {self.layout}"
        advice = ""
        if self.narrow == "32":
            advice = " The inputs are float32: use float64 for a sharper check."
        raise Broken(f"{self.case} {where}: {text}.{advice}")

    def same_kind(
        self, what: str, found: list[xn.Array], like: list[xn.Array] | None
    ) -> None:
        """Check dtype, device and library, and shape where `like` is given."""
        given = self.target.make(np.zeros((), "f4" if self.narrow == "32" else "f8"))
        for i, x in enumerate(found):
            y = given if like is None else like[i]
            if like is not None and (x.shape, x.dtype) != (y.shape, y.dtype):
                self.fail(f"{what} {i} is {x.shape} {x.dtype}, not {y.shape} {y.dtype}")
            if x.device != y.device or x._lib is not y._lib:
                self.fail(f"{what} {i} is on {x.device}, not on {y.device}")
            if host(x).dtype.itemsize // (2 if host(x).dtype.kind == "c" else 1) != (
                4 if self.narrow == "32" else 8
            ):
                self.fail(
                    f"{what} {i} has dtype {x.dtype}, not the precision of the inputs"
                )

    def close(
        self, what: str, wanted: Any, found: list[xn.Array], like: Any, scale: float
    ) -> None:
        """Compare with the numeric side, and name the worst element."""
        if len(wanted) != len(found):
            self.fail(f"{what}: {len(found)} arrays, not {len(wanted)}")
        tolerance = TOLERANCE[self.narrow][0]
        for i, (a, x) in enumerate(zip(wanted, found, strict=True)):
            b = host(x)
            if a.shape != b.shape:
                self.fail(f"{what}: array {i} has shape {b.shape}, not {a.shape}")
            error = np.abs(a - b)
            bad = ~(error <= tolerance * (scale + np.abs(a))) & ~(
                np.isnan(a) & np.isnan(b)
            )
            if bad.any():
                worst = np.unravel_index(np.argmax(np.where(bad, error, -1.0)), a.shape)
                self._name_worst(what, i, worst, a[worst], b[worst])

    def _name_worst(
        self, what: str, i: int, element: Any, wanted: Any, found: Any
    ) -> None:
        place = tuple(int(k) for k in element)
        text = f"{what}: worst element {place} of array {i}: found {found:.10g}"
        if "order 1" not in what:
            self.fail(f"{text}, expected {wanted:.10g}")
        tried = []
        for step in (1e-2, 1e-3, 1e-4):
            matrix = jacobian(on(NUMPY, self.case), self.case.inputs, step)
            results = numeric(self.case).values
            if "reverse" in what:
                parts = arrays(
                    matrix.T @ numbers(directions(results, 11)), self.case.inputs
                )
            else:
                parts = arrays(
                    matrix @ numbers(directions(self.case.inputs, 12)), results
                )
            tried.append(f"h={step:g}: {parts[i][element]:.10g}")
        self.fail(f"{text}, central differences {'; '.join(tried)}")

    def dual(self, order: str, vs: Any, tangent: Any, gradient: Any, us: Any) -> None:
        """Check <v, J u> = <J^T v, u>, to rounding."""
        left = numbers(vs) * numbers([host(t) for t in tangent])
        right = numbers([host(g) for g in gradient]) * numbers(us)
        size = 1.0 + float(np.sum(np.abs(left)) + np.sum(np.abs(right)))
        if not abs(left.sum() - right.sum()) <= TOLERANCE[self.narrow][1] * size:
            self.fail(
                f"{order}: forward and reverse mode disagree: "
                f"<v, J u> = {left.sum():.15g} but <J^T v, u> = {right.sum():.15g}"
            )


def chosen(cases: list[Case], target: Target, thorough: bool = False) -> list[Case]:
    """Return those cases of a row that are checked on a target.

    On JAX, which compiles each operation for each shape, they are two: of those that it
    can compute, the first complex one (or the one in the middle), to the first order,
    and the last.
    """
    able = [case for case in cases if not case.only or target.library in case.only]
    if thorough or target.library != "jax" or len(able) < 2:
        return able
    is_complex = [any(x.dtype.kind == "c" for x in case.inputs) for case in able[:-1]]
    place = is_complex.index(True) if True in is_complex else (len(able) - 1) // 2
    return [dataclasses.replace(able[place], order=1), able[-1]]


def variations(
    case: Case, target: Target, thorough: bool = False
) -> list[tuple[str, str]]:
    """Return the dtypes and layouts in which a case is checked on a target."""
    if case.only and target.library not in case.only:
        return []
    out = [("float64", "contiguous")]
    if target.library == "jax" and not thorough:
        return out
    if case.narrow:
        out.append(("float32", "contiguous"))
    if case.layouts and any(x.ndim and x.size > 1 for x in case.inputs):
        negative = target.library != "torch"  # PyTorch has no negative strides
        out += [("float64", layout) for layout in LAYOUTS[1 : 4 if negative else 3]]
    return out
