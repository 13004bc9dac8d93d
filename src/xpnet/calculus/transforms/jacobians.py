"""Whole matrices of derivatives: the Jacobian and the Hessian."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from ...errors import DTypeError, OptionError
from ...trees import flatten
from ..array import Array
from ..batch import pulled_many, pushed_many
from ..tape import pull_back, push_forward, recording_as
from .gradients import grad, stop_gradient
from .trace import Function, Trace, as_arrays, as_numbers, pair

__all__ = ["hessian", "jacobian"]

_MODES = ("auto", "forward", "reverse")
_ELEMENTS = 2**22  # of the largest array of one pass


def jacobian(
    function: Function,
    argnums: int | Sequence[int] = 0,
    *,
    mode: str = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Function:
    """Return a function that gives the Jacobian of `function`.

    ``J[i, j] = d out[i] / d x[j]``, of shape ``out.shape + x.shape``. The function runs
    once; all columns (forward mode) or rows (reverse mode) are then computed together.

    Parameters
    ----------
    function : callable
        Returns an array or a container of arrays.
    argnums : int or sequence of int
        Which positional arguments to differentiate with respect to: numbers, arrays of
        any library, or containers of them.
    mode : {"auto", "forward", "reverse"}
        Forward mode costs one pass for each element of the arguments, reverse mode one
        for each element of the result; ``"auto"`` takes the smaller number.
    has_aux : bool
        The function returns ``(value, aux)``; the result is ``(jacobian, aux)``.
    holomorphic : bool
        Says that a function from complex to complex numbers has a complex derivative
        ``df/dz``, which is then the result.

    Returns
    -------
    callable
        With the arguments of `function`. Where the value is a container, so is the
        result, and in the place of each array stands the container of the argument (a
        tuple for several `argnums`). The kind of each array is that of the argument's.

    Raises
    ------
    DTypeError
        If a result is neither real nor complex, or is complex for a complex argument
        without ``holomorphic=True``.

    Notes
    -----
    A real result of a complex argument z = a + ib has the row dL/da + i dL/db, as
    `grad`; a complex result of a real argument has its derivative, which is complex.
    ``torch.autograd.functional.jacobian`` gives the conjugate of df/dz for holomorphic
    functions.

    Examples
    --------
    >>> jacobian(lambda x: x * x)(xn.asarray([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    if mode not in _MODES:
        raise OptionError(f"jacobian: mode is one of {_MODES}, not {mode!r}.")
    numbers, single = as_numbers(argnums)

    @functools.wraps(function)
    def derivative(*args: Any, **options: Any) -> Any:
        trace = Trace(function, args, options, numbers, "jacobian")
        result, aux = (
            pair(trace.result, "jacobian") if has_aux else (trace.result, None)
        )
        leaves, rebuild = flatten(result)
        matrix = _Jacobian(trace, as_arrays(leaves), holomorphic)
        rows = [trace.rebuilt(row, single) for row in matrix.blocks(mode)]
        if not has_aux:
            return rebuild(rows)
        return rebuild(rows), aux if matrix.higher else stop_gradient(aux)

    return derivative


def hessian(function: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return a function that gives the Hessian of a function that returns one number.

    ``H[i, j] = d2 f / dx[i] dx[j]``, of shape ``x.shape + x.shape``: the Jacobian of
    the gradient, in reverse mode over reverse mode. It is symmetric to rounding.

    Parameters
    ----------
    function : callable
        Returns one real number.
    argnums : int or sequence of int
        As for `jacobian`. For a container or several arguments the result is nested:
        ``H["a"]["b"]``.

    Returns
    -------
    callable
        With the arguments of `function`.

    Raises
    ------
    GradientError
        If the function does not return one real number.
    DTypeError
        If an argument is complex: the gradient is then no holomorphic function. Take
        the real and imaginary parts as two arguments.

    Examples
    --------
    >>> hessian(lambda x: x[0] ** 2 * x[1])(xn.asarray([1.0, 2.0])).tolist()
    [[4.0, 2.0], [2.0, 0.0]]
    """
    return jacobian(grad(function, argnums), argnums, mode="reverse")


class _Jacobian:
    """The derivatives of each of some results by each variable of a recorded call."""

    def __init__(self, trace: Trace, outs: list[Array], holomorphic: bool) -> None:
        self.trace, self.outs, self.xs = trace, outs, trace.variables
        for out in outs:
            self._check(out, holomorphic)
        self.higher = trace.higher(outs)

    def _check(self, out: Array, holomorphic: bool) -> None:
        lib = out._lib
        if not lib.is_floating(out.data.dtype):
            raise DTypeError(
                f"jacobian: the function returned {out.dtype}, which has no "
                "derivative. Return it beside the value, with has_aux=True."
            )
        both = lib.is_complex(out.data) and any(map(_is_complex, self.xs))
        if both and not holomorphic:
            raise DTypeError(
                f"jacobian: the function takes and returns complex numbers "
                f"({out.dtype}). Their derivative is one complex number only where the "
                "function is holomorphic: say holomorphic=True if it is; if not, take "
                "xp.real and xp.imag of the result, each with a Jacobian of its own."
            )

    def blocks(self, mode: str) -> list[list[Array]]:
        """Return for each result the derivatives by each variable."""
        if mode == "auto":
            columns = sum(x.size for x in self.xs)
            mode = "forward" if columns < sum(x.size for x in self.outs) else "reverse"
        with recording_as(self.higher):
            if mode == "reverse":
                return [self._rows(out) for out in self.outs]
            columns_of = [self._columns(x) for x in self.xs]
        return [list(row) for row in zip(*columns_of, strict=True)]

    # --- reverse ----------------------------------------------------------------------

    def _rows(self, out: Array) -> list[Array]:
        """Return the derivatives of one result by each variable."""
        real = [not _is_complex(x) for x in self.xs]
        blocks = self._pulled(out, 1.0)
        if not _is_complex(out):
            return blocks
        turned = self._pulled(out, 1.0j) if any(real) else blocks
        return [
            _complex(out, a, b) if is_real else _conj(a)
            for a, b, is_real in zip(blocks, turned, real, strict=True)
        ]

    def _pulled(self, out: Array, factor: complex) -> list[Array]:
        """Pull back every unit vector times a factor."""
        if out._node is None or not out.size:
            return [self._block(out, x, None) for x in self.xs]
        parts: list[list[Any]] = [[] for _ in self.xs]
        for units in self._units(out, factor):
            found = pull_back(
                [(out._node, units)],
                self.trace.nodes,
                since=self.trace.since,
                higher=self.higher,
                keep=True,
                step=pulled_many,
            )
            for x, column in zip(self.xs, parts, strict=True):
                g = found.get(x._node)
                column.append(self._zeros(units, x) if g is None else _array(g, x))
        return [
            self._block(out, x, _joined(column))
            for x, column in zip(self.xs, parts, strict=True)
        ]

    # --- forward ----------------------------------------------------------------------

    def _columns(self, x: Array) -> list[Array]:
        """Return the derivatives of each result by one variable."""
        blocks = self._pushed(x, 1.0)
        if not _is_complex(x):
            return blocks
        real = [not _is_complex(out) for out in self.outs]
        turned = self._pushed(x, 1.0j) if any(real) else blocks
        return [
            _complex(x, a, b) if is_real else a
            for a, b, is_real in zip(blocks, turned, real, strict=True)
        ]

    def _pushed(self, x: Array, factor: complex) -> list[Array]:
        """Push forward every unit vector times a factor."""
        nodes = [out._node for out in self.outs]
        if not x.size:
            return [self._block(out, x, None) for out in self.outs]
        parts: list[list[Any]] = [[] for _ in self.outs]
        for units in self._units(x, factor):
            tangents = push_forward(
                nodes,
                {x._node: units},
                since=self.trace.since,
                higher=self.higher,
                step=pushed_many,
            )
            for out, t, row in zip(self.outs, tangents, parts, strict=True):
                row.append(self._zeros(units, out) if t is None else _array(t, out))
        return [
            self._block(out, x, _turned(_joined(row)))
            for out, row in zip(self.outs, parts, strict=True)
        ]

    # --- arrays -----------------------------------------------------------------------

    def _units(self, x: Array, factor: complex) -> Iterator[Any]:
        """Return the unit vectors of an array's shape, as many at a time as fit."""
        raw, data, n = x._lib.raw, x.data, x.size
        largest = max(y.size for y in (*self.xs, *self.outs))
        count = max(1, min(n, _ELEMENTS // largest))
        unit = raw.eye(n, dtype=data.dtype, device=raw.device(data))
        if factor != 1.0:
            unit = unit * factor
        for start in range(0, n, count):
            stop = min(start + count, n)
            part = unit if count == n else raw.getitem(unit, (slice(start, stop), ...))
            part = raw.reshape(part, (stop - start, *x.shape))
            yield Array(part, x._lib) if self.higher else part

    def _zeros(self, units: Any, x: Array) -> Array:
        raw = x._lib.raw
        shape = (units.shape[0], *x.shape)
        return Array(raw.zeros(shape, dtype=x.dtype, device=raw.device(x.data)), x._lib)

    def _block(self, out: Array, x: Array, rows: Array | None) -> Array:
        """Return the rows of a block in its shape; zeros where there are none."""
        shape = (*out.shape, *x.shape)
        if rows is not None:
            return rows._lib.recorded.reshape(rows, shape)  # type: ignore[no-any-return]
        raw = x._lib.raw
        return Array(raw.zeros(shape, dtype=x.dtype, device=raw.device(x.data)), x._lib)


def _is_complex(x: Array) -> bool:
    return x._lib.is_complex(x.data)


def _array(value: Any, like: Array) -> Array:
    return value if type(value) is Array else Array(value, like._lib)


def _joined(parts: list[Array]) -> Array:
    """Return the parts of several passes as one."""
    if len(parts) == 1:
        return parts[0]
    return parts[0]._lib.recorded.concat(parts, axis=0)  # type: ignore[no-any-return]


def _turned(columns: Array) -> Array:
    """Return (n, *out.shape) as rows with the n in each."""
    xp = columns._lib.recorded
    n = columns.shape[0]
    flat = xp.reshape(columns, (n, math.prod(columns.shape[1:])))
    return xp.matrix_transpose(flat)  # type: ignore[no-any-return]


def _complex(like: Array, a: Array, b: Array) -> Array:
    """Return ``a + ib`` in the dtype of a complex array."""
    xp = a._lib.recorded
    return xp.astype(a, like.dtype) + xp.astype(b, like.dtype) * 1j  # type: ignore


def _conj(x: Array) -> Array:
    return x._lib.recorded.conj(x)  # type: ignore[no-any-return]
