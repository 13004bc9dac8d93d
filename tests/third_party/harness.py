"""Other people's functions against finite differences, and what comes out.

A *probe* is one call, written as text: ``special.logsumexp(x)``. The names of the
inputs that stand in it are what it is differentiated by. The reference is the same call
on plain NumPy arrays, where xpnet takes no part, and its central differences of fourth
order.
"""

from __future__ import annotations

import ast
import contextlib
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import xpnet as xn
from libraries import NUMPY, Target, host
from xpnet.errors import ConversionError

FIRST, SECOND = 1e-6, 2e-4  # what a derivative may be off by, relative to its scale
STEP, LONG_STEP = 1e-3, 8e-3

INPUTS: dict[str, np.ndarray[Any, Any]] = {
    # vectors: any sign, and in (0, 1), and positive
    "x": np.asarray([0.62, -0.31, 1.13, -0.87, 0.25, -1.42]),
    "y": np.asarray([-0.45, 0.83, 0.19, 1.37, -1.05, 0.58]),
    "p": np.asarray([0.31, 0.72, 0.15, 0.88, 0.47, 0.63]),
    "q": np.asarray([1.31, 0.72, 2.15, 0.58, 1.87, 2.63]),
    "r": np.asarray([0.92, 1.45, 2.37, 1.08, 0.66, 3.1]),
    # growing, for grids and ordered levels
    "t": np.asarray([0.0, 0.45, 1.1, 1.42, 2.3, 3.05]),
    # a signal, a kernel, a polynomial with roots inside the unit circle
    "s": np.sin(np.arange(24.0) * 0.7) + 0.1 * np.arange(24.0) % 0.37 + 0.2,
    "k": np.asarray([0.2, 0.5, -0.3]),
    "d": np.asarray([1.2, -0.4, 0.15]),
    # matrices: rectangular, square, symmetric and positive definite
    "m": np.asarray(
        [
            [0.52, -0.31, 1.13, -0.87, 0.25],
            [1.42, 0.66, -0.58, 0.37, -1.21],
            [-0.74, 1.05, 0.93, -0.12, 0.81],
            [0.11, -1.36, 0.48, 1.27, -0.64],
        ]
    ),
    "n": np.asarray(
        [
            [0.12, 0.41, 1.53, -0.27, -0.95],
            [-0.42, 1.66, 0.18, -0.77, 0.31],
            [0.94, -0.65, 0.23, 1.02, 0.51],
            [-1.31, 0.36, -0.88, 0.29, 0.74],
        ]
    ),
    "a": np.asarray([[2.1, 0.3, -0.5], [0.4, 1.7, 0.6], [-0.2, 0.5, 2.6]]),
    "c": np.asarray([[2.1, 0.3, -0.5], [0.3, 1.7, 0.6], [-0.5, 0.6, 2.6]]),
    # an image
    "i": np.cos(np.arange(56.0) ** 1.3).reshape(7, 8)
    + 0.02 * np.arange(56.0).reshape(7, 8),
    # one number, a rotation vector, quaternions, points in space
    "h": np.asarray(0.7),
    "w": np.asarray([0.3, -0.5, 0.4]),
    "o": np.asarray([[0.3, -0.5, 0.4, 0.8], [0.7, 0.1, -0.2, 0.6]]),
    "v": np.asarray([[1.0, 0.2, -0.3], [0.5, -1.1, 0.7]]),
}


@dataclass(frozen=True)
class Probe:
    """One call of somebody else's function.

    Attributes
    ----------
    name : str
        The function: ``"scipy.special.erf"``.
    text : str
        The call, with names of `INPUTS`: ``"special.erf(x)"``.
    scope : mapping
        What other names in the text stand for.
    around : callable, optional
        Makes the context that the call runs in.
    """

    name: str
    text: str
    scope: Mapping[str, Any]
    around: Callable[[], contextlib.AbstractContextManager[Any]] | None = None

    @property
    def inputs(self) -> list[str]:
        """The inputs that stand in the text, in alphabetical order."""
        own = {
            node.arg for node in ast.walk(ast.parse(self.text)) if type(node) is ast.arg
        }
        names = {
            node.id for node in ast.walk(ast.parse(self.text)) if type(node) is ast.Name
        }
        return sorted(names & set(INPUTS) - own - set(self.scope))

    def __call__(self, values: Mapping[str, Any], xp: Any) -> Any:
        """Return what the call gives for these inputs."""
        code = compile(self.text, self.name, "eval")
        with contextlib.nullcontext() if self.around is None else self.around():
            return eval(code, {**self.scope, "xp": xp, **values})


class Failed(Exception):
    """A derivative that is missing or wrong."""


class NoNumbers(Exception):
    """A result of integers, booleans or nothing: there is nothing to differentiate."""


@dataclass(frozen=True)
class Verdict:
    """What came out: ``order 2``, ``flat``, ``leaves`` or ``fails``, and why."""

    result: str
    reason: str = ""


# --- one number from whatever a function returns --------------------------------------


def arrays_in(result: Any) -> Iterator[Any]:
    """Yield the floating-point arrays and numbers in a result, in order."""
    if isinstance(result, xn.Array):
        if result._lib.is_floating(result.data.dtype):
            yield result
    elif isinstance(result, (np.ndarray, np.generic)):
        if result.dtype.kind in "fc":
            yield result
    elif isinstance(result, (float, complex)):
        yield np.asarray(result)
    elif isinstance(result, Mapping):
        for value in result.values():
            yield from arrays_in(value)
    elif isinstance(result, (tuple, list)):
        for value in result:
            yield from arrays_in(value)


def weights_for(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Return weights that are all different, so that no two errors cancel."""
    count = int(np.prod(shape, dtype=int))
    return (0.6 + 0.8 * np.mod(0.618034 * np.arange(1, count + 1), 1.0)).reshape(shape)


def weighed(result: Any, xp: Any, like: Any) -> Any:
    """Return the weighed sum of all that a function returned, as one number."""
    total: Any = None
    for part in arrays_in(result):
        if xp is np:
            part = np.asarray(part)
            weights = weights_for(part.shape)
            if part.dtype.kind == "c":
                part = part.real + 0.7 * part.imag
            term = np.sum(weights * part)
        else:
            part = xp.asarray(part)
            weights = xp.asarray(weights_for(part.shape), device=like.device)
            if xp.isdtype(part.dtype, "complex floating"):
                part = xp.real(part) + 0.7 * xp.imag(part)
            term = xp.sum(weights * xp.astype(part, like.dtype))
        total = term if total is None else total + term
    if total is None:
        raise NoNumbers("the result holds no floating-point numbers")
    return total


# --- finite differences, on plain NumPy arrays ----------------------------------------


def slope(function: Callable[[float], Any], step: float) -> Any:
    """Return f'(0) by central differences of fourth order."""
    f = function
    return (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)


def bend(function: Callable[[float], Any], step: float) -> Any:
    """Return f''(0) by central differences of fourth order."""
    f = function
    outer, inner = f(2 * step) + f(-2 * step), f(step) + f(-step)
    return (16 * inner - outer - 30 * f(0.0)) / (12 * step * step)


def close(found: Any, expected: Any, tolerance: float, what: str, scale: float) -> None:
    """Raise unless two arrays agree, relative to their scale."""
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape:
        raise Failed(f"{what}: shape {found.shape}, not {expected.shape}")
    scale = max(scale, float(np.max(np.abs(expected), initial=0.0)))
    worst = float(np.max(np.abs(found - expected), initial=0.0))
    if not worst <= tolerance * scale:
        raise Failed(f"{what} is off by {worst:.2g} (scale {scale:.2g})")


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """Silence the warnings of other people's code."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# --- the check ------------------------------------------------------------------------


def directions(values: list[Any]) -> list[Any]:
    """Return one fixed direction per input."""
    return [1.4 * weights_for(v.shape) - 1.1 for v in values]


def check(probe: Probe, target: Target = NUMPY) -> str:
    """Check value, gradient, jvp and second derivatives; return the verdict's kind.

    Raises
    ------
    Failed
        If a derivative is wrong.
    Exception
        Whatever the function raises on recorded arrays.
    """
    names = probe.inputs
    values = [INPUTS[name] for name in names]
    along = directions(values)

    def plain(moved: list[Any]) -> Any:
        result = probe(dict(zip(names, moved, strict=True)), np)
        return weighed(result, np, None)

    def on_line(step: float) -> Any:
        return plain([v + step * u for v, u in zip(values, along, strict=True)])

    space = target.namespace

    def recorded(*arrays: Any) -> Any:
        result = probe(dict(zip(names, arrays, strict=True)), space)
        return weighed(result, space, arrays[0])

    variables = [target.make(v.copy()) for v in values]
    numbers = tuple(range(len(values)))
    with calm():
        value, gradients = xn.value_and_grad(recorded, numbers)(*variables)
        base = plain([v.copy() for v in values])
        scale = max(abs(float(base)), 1e-3)
        close(host(value), base, 1e-9, "the value", scale)
        expected = numeric_gradients(plain, values)
        size = max(1e-3, *[float(np.max(np.abs(e), initial=0.0)) for e in expected])
        for name, g, e in zip(names, gradients, expected, strict=True):
            close(host(g), e, FIRST, f"the derivative by {name}", size)
        seconds = check_order_two(recorded, variables, along, expected, target)
        close(seconds, bend(on_line, LONG_STEP), SECOND, "order 2", scale)
    flat = all(not np.any(host(g)) for g in gradients)
    return "flat" if flat else "order 2"


def numeric_gradients(plain: Callable[..., Any], values: list[Any]) -> list[Any]:
    """Return the gradient of a function of several arrays, element by element."""
    out = []
    for at, value in enumerate(values):
        gradient = np.zeros(value.shape)
        for place in np.ndindex(value.shape):

            def shifted(step: float, at: int = at, place: Any = place) -> Any:
                moved = [v.copy() for v in values]
                moved[at][place] += step
                return plain(moved)

            gradient[place] = slope(shifted, STEP)
        out.append(gradient)
    return out


def check_order_two(
    recorded: Callable[..., Any],
    variables: list[Any],
    along: list[Any],
    expected: list[Any],
    target: Target,
) -> float:
    """Compare forward with reverse at both orders; return the bend along a line."""
    moves = [target.make(u) for u in along]
    numbers = tuple(range(len(variables)))
    _, forward = xn.jvp(recorded, tuple(variables), tuple(moves))
    plain = sum(float(np.sum(e * u)) for e, u in zip(expected, along, strict=True))
    size = sum(
        float(np.sum(np.abs(e * u))) for e, u in zip(expected, along, strict=True)
    )
    close(host(forward), plain, FIRST, "forward mode", max(size, 1e-3))

    def along_line(*arrays: Any) -> Any:
        gradients = xn.grad(recorded, numbers)(*arrays)
        total: Any = None
        for g, u in zip(gradients, moves, strict=True):
            term = arrays[0].__array_namespace__().sum(g * u)
            total = term if total is None else total + term
        return total

    reverse = xn.grad(along_line, numbers)(*variables)
    _, mixed = xn.jvp(along_line, tuple(variables), tuple(moves))
    bends = [float(np.sum(host(g) * u)) for g, u in zip(reverse, along, strict=True)]
    total = float(sum(bends))
    close(host(mixed), total, 1e-8, "forward over reverse", max(map(abs, bends)) + 1e-3)
    return total


def verdict(probe: Probe, target: Target = NUMPY) -> Verdict:
    """Return what a probe gives, a failure with its reason included."""
    try:
        return Verdict(check(probe, target))
    except NoNumbers as error:
        return Verdict("flat", str(error))
    except Failed as error:
        return Verdict("fails", str(error))
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:  # its own, or what it was raised while handling
            if isinstance(cause, ConversionError):
                what = str(cause).partition(":")[0]
                return Verdict("leaves", f"{what} {place_of(cause)}")
            cause = cause.__context__
        text = str(error).partition("\n")[0]
        return Verdict("fails", f"{type(error).__name__}: {text}")


def place_of(error: BaseException) -> str:
    """Return the function of the other package that an error came through last."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = frame.filename.replace("\\", "/")
        if "/site-packages/" in path:
            inside = path.partition("/site-packages/")[2]
            if not inside.startswith(("numpy/", "scipy/_lib/array_api_compat/")):
                return f"in `{frame.name}` of `{inside}`"
    return ""
