"""Check derivatives against finite differences, and name the worst element."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

from ..errors import GradientError
from ..trees import flatten
from .array import Array
from .convert import asarray
from .transforms import jvp, vjp

__all__ = ["check_grads"]

_STEPS = {"float32": (1e-2, 3e-3, 1e-3), "float64": (1e-4, 1e-5, 1e-6)}
_TOLERANCE = {"float32": 2e-2, "float64": 1e-6}


def check_grads(
    function: Callable[..., Any],
    *args: Any,
    order: int = 1,
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Check the derivatives of a function, both modes, against finite differences.

    Two checks at each order: the reverse derivative under a random cotangent equals the
    central difference of each element; and the forward derivative along a random
    direction agrees with it, ``<v, J u> = <J^T v, u>``. Order 2 checks the derivative
    of the derivative the same way.

    Parameters
    ----------
    function : callable
        Takes and returns arrays or containers of arrays.
    *args : number, array or container
        Where to check: floating point, best float64. A difference is taken for each
        element, so keep them small.
    order : int
        The highest order of derivative to check.
    rtol, atol : float, optional
        Tolerances; by default 1e-6 in float64 and 2e-2 in float32, times ten per order.
    seed : int
        Chooses the directions.

    Raises
    ------
    GradientError
        If a derivative is wrong: the message names the argument and the element, and
        gives the derivative next to the differences for several steps.

    Examples
    --------
    >>> check_grads(lambda x: x**3, 2.0, order=2)
    >>> from xpnet.calculus.transforms import stop_gradient
    >>> check_grads(lambda x: x * stop_gradient(x), 2.0)
    Traceback (most recent call last):
    ...
    xpnet.errors.GradientError: order 1, reverse mode: the derivative is wrong...
    """
    if order < 1:
        raise GradientError(f"check_grads: order must be 1 or more, not {order}.")
    leaves, rebuild = flatten(tuple(args))
    points = [asarray(float(x) if type(x) is int else x).detach() for x in leaves]
    name = getattr(function, "__name__", "<>")
    check = _Check(_flat_function(function, rebuild), points, order, rtol, atol, seed)
    check.name = "" if name.startswith("<") else f" of {name}"
    check.run()


def _flat_function(
    function: Callable[..., Any], rebuild: Callable[[list[Any]], Any]
) -> Callable[..., list[Array]]:
    """Return the function from a flat list of arrays to a flat list of arrays."""

    def flat(*points: Array) -> list[Array]:
        leaves = flatten(function(*rebuild(list(points))))[0]
        outs = [leaf if type(leaf) is Array else asarray(leaf) for leaf in leaves]
        smooth = [out for out in outs if out._lib.is_floating(out.data.dtype)]
        if not smooth:
            raise GradientError(
                "check_grads: the function returns no floating-point array, so there "
                "is no derivative to check."
            )
        return smooth

    return flat


class _Check:
    """One function at one point, checked up to an order."""

    name = ""

    def __init__(
        self,
        function: Callable[..., list[Array]],
        points: list[Array],
        order: int,
        rtol: float | None,
        atol: float | None,
        seed: int,
    ) -> None:
        self.function, self.points, self.order, self.seed = (
            function,
            points,
            order,
            seed,
        )
        self.narrow = any(
            "32" in str(p.dtype) or "complex64" in str(p.dtype) for p in points
        )
        default = _TOLERANCE["float32" if self.narrow else "float64"]
        self.rtol = default if rtol is None else rtol
        self.atol = default if atol is None else atol
        self.numbers = random.Random(seed)

    def run(self) -> None:
        """Check every order, from the first."""
        for level in range(1, self.order + 1):
            self._check_level(level)
            self.function = _derivative(
                self.function, len(self.points), self.seed + level
            )
            self.rtol, self.atol = self.rtol * 10, self.atol * 10

    def _check_level(self, level: int) -> None:
        outs, pull = vjp(self.function, *self.points)
        weights = [_random_like(self.numbers, out) for out in outs]
        gradients = list(pull(weights))
        direction = [_random_like(self.numbers, p) for p in self.points]
        _, tangents = jvp(self.function, self.points, direction)
        self._compare_elements(level, weights, gradients)
        forward = sum(_dot(w, t) for w, t in zip(weights, tangents, strict=True))
        backward = sum(_dot(g, u) for g, u in zip(gradients, direction, strict=True))
        if not _close(forward, backward, self.rtol, self.atol):
            raise GradientError(
                f"order {level}: forward and reverse mode{self.name} disagree: "
                f"<v, J u> = {forward:.12g} but <J^T v, u> = {backward:.12g}. One of "
                "the two rules of an operation is wrong."
            )

    def _compare_elements(
        self, level: int, weights: list[Array], gradients: list[Array]
    ) -> None:
        """Compare each element of each gradient with differences; report the worst."""
        worst: tuple[float, str] | None = None
        for i, (point, gradient) in enumerate(zip(self.points, gradients, strict=True)):
            given = point._lib.to_host(gradient.data)
            for element in itertools.product(*map(range, point.shape)):
                for unit in (
                    (1.0, 1.0j) if point._lib.is_complex(point.data) else (1.0,)
                ):
                    analytic = float(
                        given[element].imag if unit == 1.0j else given[element].real
                    )
                    tried = [
                        self._difference(i, element, h * unit, weights)
                        for h in self._steps()
                    ]
                    if any(
                        _close(analytic, number, self.rtol, self.atol)
                        for number in tried
                    ):
                        continue
                    excess = min(abs(analytic - number) for number in tried)
                    if worst is None or not excess <= worst[0]:
                        worst = (
                            excess,
                            self._report(level, i, element, unit, analytic, tried),
                        )
        if worst is not None:
            raise GradientError(worst[1])

    def _steps(self) -> tuple[float, ...]:
        return _STEPS["float32" if self.narrow else "float64"]

    def _difference(
        self, index: int, element: tuple[int, ...], step: complex, weights: list[Array]
    ) -> float:
        """Return the central difference of <weights, function> in one element."""
        point = self.points[index]
        host = point._lib.to_host(point.data)
        scale = max(1.0, abs(host[element]))
        values = []
        for sign in (1, -1):
            moved = host.copy()
            moved[element] += sign * (
                step * scale if host.dtype.kind == "c" else float(step.real) * scale
            )
            raw = point._lib.from_host(
                moved, device=None if point._lib.place else point.device
            )
            new = [
                *self.points[:index],
                Array(raw, point._lib),
                *self.points[index + 1 :],
            ]
            outs = self.function(*new)
            values.append(
                sum(_dot(w, out) for w, out in zip(weights, outs, strict=True))
            )
        return float((values[0] - values[1]) / (2 * abs(step) * scale))

    def _report(
        self,
        level: int,
        index: int,
        element: tuple[int, ...],
        unit: complex,
        analytic: float,
        tried: list[float],
    ) -> str:
        part = ", imaginary part" if unit == 1.0j else ""
        table = "; ".join(
            f"h={h:g}: {n:.10g}" for h, n in zip(self._steps(), tried, strict=True)
        )
        advice = (
            " The inputs are float32: use float64 for a sharper check."
            if self.narrow
            else ""
        )
        return (
            f"order {level}, reverse mode: the derivative{self.name} is wrong for "
            f"input {index} at element {element}{part}: derivative {analytic:.10g}, "
            f"central differences {table}.{advice}"
        )


def _derivative(
    function: Callable[..., list[Array]], count: int, seed: int
) -> Callable[..., list[Array]]:
    """Return the gradient of <w, function> for a fixed random w, as a function."""

    def derivative(*points: Array) -> list[Array]:
        outs, pull = vjp(function, *points)
        numbers = random.Random(seed)
        return list(pull([_random_like(numbers, out) for out in outs]))

    return derivative


def _random_like(numbers: random.Random, x: Array) -> Array:
    """Return an array like `x` of numbers between 0.5 and 1.5, of either sign."""
    lib = x._lib

    def draw() -> float:
        return numbers.uniform(0.5, 1.5) * numbers.choice((-1, 1))

    flat = [
        complex(draw(), draw()) if lib.is_complex(x.data) else draw()
        for _ in range(x.size)
    ]
    raw = lib.raw.asarray(flat, dtype=x.dtype, device=lib.raw.device(x.data))
    return Array(lib.raw.reshape(raw, x.shape), lib)


def _dot(x: Array, y: Array) -> float:
    """Return the real inner product of two arrays, in float64 on the host."""
    a, b = x._lib.to_host(x.data), y._lib.to_host(y.data)
    return float((a.conj().astype("complex128") * b).sum().real)


def _close(a: float, b: float, rtol: float, atol: float) -> bool:
    return (
        a == b or abs(a - b) <= atol + rtol * max(abs(a), abs(b)) or (a != a and b != b)
    )
