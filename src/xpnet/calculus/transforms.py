"""Transforms: from a function to its derivative. Input kind = output kind.

A Python number gives numbers, a NumPy array NumPy arrays, an `Array` an `Array`, and a
dict, list, tuple or Module of these the same container with derivatives in place of
values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import DTypeError, GradientError, OptionError, ShapeError
from ..trees import flatten, leaves_as_in
from .array import Array, is_differentiating
from .convert import SCALARS, asarray, like
from .rule import alias
from .tape import (
    Leaf,
    is_recording,
    mark,
    pull_back,
    push_forward,
    reaches_before,
    recording_as,
)

__all__ = ["grad", "jvp", "stop_gradient", "value_and_grad", "vjp"]

Function = Callable[..., Any]


class _Kind:
    """How a leaf came in (number, raw array, Array), and so how results go out."""

    __slots__ = ("convert",)

    def __init__(self, value: Any) -> None:
        if type(value) is Array:
            self.convert: Callable[[Array], Any] = _same
        elif type(value) in SCALARS:
            self.convert = _as_number
        else:
            self.convert = _as_raw

    def __call__(self, x: Array) -> Any:
        return self.convert(x)


def _same(x: Array) -> Array:
    return x


def _as_raw(x: Array) -> Any:
    return x if x.requires_grad else x.data


def _as_number(x: Array) -> Any:
    return x if x.requires_grad or x.ndim else x.item()


def _variables(
    value: Any, what: str
) -> tuple[list[Array], list[_Kind], Callable[[list[Any]], Any]]:
    """Return a tree's arrays as new variables, their kinds, and the rebuilding."""
    leaves, rebuild = flatten(value)
    if not leaves:
        raise GradientError(f"{what}: the argument holds no arrays to differentiate.")
    variables = []
    for leaf in leaves:
        if type(leaf) is not Array:
            x = asarray(float(leaf) if type(leaf) is int else leaf)
        elif leaf is not value and type(leaf._node) is Leaf and leaf._node.declared:
            x = leaf.detach()  # a parameter in a container counts as a plain value
        else:
            x = leaf
        if not x._lib.is_floating(x.data.dtype):
            raise DTypeError(
                f"{what}: cannot differentiate with respect to an array of dtype "
                f"{x.dtype}; cast it to a float."
            )
        variables.append(alias(x))
    return variables, [_Kind(leaf) for leaf in leaves], rebuild


def _result_kind(value: Any, kinds: list[_Kind]) -> Callable[[Array], Any]:
    """Return how results go out: as `Array` unless no input was one."""
    convert = {kind.convert for kind in kinds}
    if _same in convert:
        return _same
    return _as_raw if _as_raw in convert else _as_number


class _Trace:
    """One recorded call of a function: its variables and its result."""

    def __init__(
        self,
        function: Function,
        args: tuple[Any, ...],
        options: dict[str, Any],
        argnums: tuple[int, ...],
        what: str,
    ) -> None:
        self.what = what
        self.outer = is_recording()
        for i in argnums:
            if not -len(args) <= i < len(args):
                raise GradientError(
                    f"{what}: argnums has {i}, but the function was called with "
                    f"{len(args)} arguments."
                )
        if len({i % len(args) for i in argnums}) < len(argnums):
            raise GradientError(f"{what}: argnums {argnums} names an argument twice.")
        self.since = mark()
        self.places = [_variables(args[i], what) for i in argnums]
        new = list(args)
        for i, (variables, _, rebuild) in zip(argnums, self.places, strict=True):
            new[i] = rebuild(list(variables))
        # the function may rebind its arguments (x *= 2), so they are noted before it
        # runs
        self.variables = [
            Array(x.data, x._lib, x._node) for xs, _, _ in self.places for x in xs
        ]
        self.nodes = [x._node for x in self.variables]
        self.kinds = [kind for _, kinds, _ in self.places for kind in kinds]
        token = is_differentiating.set(True)
        try:
            with recording_as(True):
                self.result = function(*new, **options)
        finally:
            is_differentiating.reset(token)
        for node in self.nodes:
            if type(node) is Leaf:
                node.open = False

    def higher(self, outs: Sequence[Any], extra: Sequence[Array] = ()) -> bool:
        """Tell whether the derivative must be on the tape: older things take part."""
        if not self.outer:
            return False
        if any(x.requires_grad for x in extra):
            return True
        roots = [
            out._node for out in outs if type(out) is Array and out._node is not None
        ]
        return reaches_before(roots, self.since)

    def cotangents(
        self, seeds: list[tuple[Any, Any]], *, higher: bool, keep: bool
    ) -> list[Array]:
        """Return each variable's cotangent, zeros where the result ignores it."""
        found = (
            pull_back(seeds, self.nodes, since=self.since, higher=higher, keep=keep)
            if seeds
            else {}
        )
        out = []
        for x in self.variables:
            g = found.get(x._node)
            lib = x._lib
            if g is None:
                out.append(Array(lib.raw.zeros_like(x.data), lib))
            elif type(g) is Array:
                out.append(g)
            else:
                out.append(Array(lib.copy(g), lib))
        return out

    def rebuilt(self, flat: list[Array], single: bool) -> Any:
        """Return derivatives in the containers and kinds of the arguments."""
        parts, start = [], 0
        for variables, kinds, rebuild in self.places:
            chunk = flat[start : start + len(variables)]
            parts.append(
                rebuild([kind(g) for kind, g in zip(kinds, chunk, strict=True)])
            )
            start += len(variables)
        return parts[0] if single else tuple(parts)


def _pair(result: Any) -> tuple[Any, Any]:
    """Return a function's result as (value, aux), as has_aux=True promises."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise GradientError(
            "grad: with has_aux=True the function returns a pair (value, aux), not a "
            f"{type(result).__name__}."
        )
    return result


def _numbers(argnums: int | Sequence[int]) -> tuple[tuple[int, ...], bool]:
    """Return argnums as a tuple, and whether it was one number."""
    if type(argnums) is int:
        return (argnums,), True
    if not isinstance(argnums, (tuple, list)) or {type(i) for i in argnums} != {int}:
        raise OptionError(
            f"argnums is an integer or a tuple of integers, not {argnums!r}."
        )
    return tuple(argnums), False


def value_and_grad(
    function: Function, argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Function:
    """Return a function that gives the value of `function` and its gradient.

    Parameters
    ----------
    function : callable
        Returns one number: a Python number or an array with one element.
    argnums : int or sequence of int
        Which positional arguments to differentiate with respect to. An argument may be
        a number, an array of any library, or a container (dict, list, tuple, Module).
        The parameters in a container count as plain values; an array given directly
        stays connected to its own past, and then so does the gradient.
    has_aux : bool
        The function returns ``(value, aux)``, and `aux` is passed through.

    Returns
    -------
    callable
        With the arguments of `function`; returns ``(value, gradient)``, the gradient in
        the kind and container of the argument (a tuple of them for several `argnums`).

    Raises
    ------
    GradientError
        If the result is not one real number.

    Examples
    --------
    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    numbers, single = _numbers(argnums)

    @functools.wraps(function)
    def derivative(*args: Any, **options: Any) -> Any:
        trace = _Trace(function, args, options, numbers, "grad")
        result, aux = _pair(trace.result) if has_aux else (trace.result, None)
        value = result if type(result) is Array else asarray(result)
        lib = value._lib
        if value.size != 1:
            raise GradientError(
                f"grad: the function returned an array of shape {value.shape}; a "
                "gradient needs one number. Reduce it with xp.sum or xp.mean, or use "
                "xn.vjp with a cotangent."
            )
        if lib.is_complex(value.data):
            raise GradientError(
                f"grad: the function returned {value.dtype}; a gradient needs a real "
                "number."
            )
        higher = trace.higher([value])
        seeds = []
        if value._node is not None:
            g = lib.one_like(value.data)
            seeds.append((value._node, Array(g, lib) if higher else g))
        gradient = trace.rebuilt(
            trace.cotangents(seeds, higher=higher, keep=higher), single
        )
        out = value if higher else value.detach()
        shown = _result_kind(result, trace.kinds)(out)
        if (
            not higher
        ):  # the tape is released: what the function also returned leaves it
            aux = stop_gradient(aux)
        return ((shown, aux), gradient) if has_aux else (shown, gradient)

    return derivative


def grad(
    function: Function, argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Function:
    """Return the gradient function of a function that returns one number.

    Applied again it gives higher derivatives: ``grad(grad(f))``.

    Parameters
    ----------
    function, argnums, has_aux
        As for `value_and_grad`.

    Returns
    -------
    callable
        With the arguments of `function`; returns the gradient in the kind and container
        of the argument (``(gradient, aux)`` with `has_aux`).

    Examples
    --------
    >>> grad(lambda x: x**2)(3.0)
    6.0
    >>> grad(grad(grad(lambda x: x**4)))(2.0)
    48.0
    """
    both = value_and_grad(function, argnums, has_aux=has_aux)

    @functools.wraps(function)
    def derivative(*args: Any, **options: Any) -> Any:
        value, gradient = both(*args, **options)
        return (gradient, value[1]) if has_aux else gradient

    return derivative


def vjp(function: Function, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the value of a function and the function that pulls cotangents back.

    Parameters
    ----------
    function : callable
        Returns an array or a container of arrays.
    *primals : array or container
        Where to evaluate it.

    Returns
    -------
    value
        ``function(*primals)``.
    pull : callable
        ``pull(g)``, with `g` like the value, returns the tuple of cotangents, one for
        each of `primals`: ``g`` times the Jacobian.

    Examples
    --------
    >>> y, pull = vjp(lambda x: x * x, 3.0)
    >>> y, pull(1.0)
    (9.0, (6.0,))
    """
    trace = _Trace(function, primals, {}, tuple(range(len(primals))), "vjp")
    leaves, rebuild = flatten(trace.result)
    outs = [leaf if type(leaf) is Array else asarray(leaf) for leaf in leaves]
    recorded = trace.higher(outs)
    convert = _result_kind(trace.result, trace.kinds)
    value = rebuild([convert(out if recorded else out.detach()) for out in outs])

    def pull(g: Any) -> Any:
        cotangents = _matching(trace.result, g, outs, "vjp: the cotangent", "result")
        higher = is_recording() and (
            recorded or any(c.requires_grad for c in cotangents)
        )
        seeds = [
            (out._node, c if higher else c.data)
            for out, c in zip(outs, cotangents, strict=True)
            if out._node is not None
        ]
        parts = trace.rebuilt(
            trace.cotangents(seeds, higher=higher, keep=True), single=False
        )
        return parts

    return value, pull


def _matching(
    pattern: Any, tree: Any, outs: list[Array], what: str, whose: str
) -> list[Array]:
    """Return a tree's leaves as arrays of the shapes and dtypes of `outs`."""
    values = leaves_as_in(pattern, tree)
    if values is None or len(values) != len(outs):
        raise ShapeError(
            f"{what} does not have the structure of the {whose}, with {len(outs)} "
            "arrays: the same keys, or as many entries."
        )
    arrays = []
    for value, out in zip(values, outs, strict=True):
        x = like(value, out)
        if x.shape != out.shape:
            raise ShapeError(
                f"{what} has shape {x.shape}, but the {whose} has {out.shape}."
            )
        if x.dtype != out.dtype:
            x = out._lib.recorded.astype(x, out.dtype)
        arrays.append(x)
    return arrays


def jvp(
    function: Function, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the value of a function and its directional derivative (forward mode).

    Parameters
    ----------
    function : callable
        Returns an array or a container of arrays.
    primals : sequence
        Where to evaluate it: the arguments.
    tangents : sequence
        The direction: one tangent for each argument, of its shape.

    Returns
    -------
    value
        ``function(*primals)``.
    tangent
        The Jacobian times the tangents, in the container of the value.

    Examples
    --------
    >>> jvp(lambda x: x * x, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise GradientError(
                f"jvp: {name} is a {type(given).__name__}, not a tuple with one entry "
                "for each argument, as in xn.jvp(f, (3.0,), (1.0,))."
            )
    if len(primals) != len(tangents):
        raise ShapeError(f"jvp: {len(primals)} primals but {len(tangents)} tangents.")
    trace = _Trace(function, tuple(primals), {}, tuple(range(len(primals))), "jvp")
    directions = _matching(
        tuple(primals), tuple(tangents), trace.variables, "jvp: a tangent", "primal"
    )
    leaves, rebuild = flatten(trace.result)
    outs = [leaf if type(leaf) is Array else asarray(leaf) for leaf in leaves]
    higher = trace.higher(outs, directions)
    known = {
        x._node: t if higher else t.data
        for x, t in zip(trace.variables, directions, strict=True)
    }
    pushed = push_forward(
        [out._node for out in outs], known, since=trace.since, higher=higher
    )
    convert = _result_kind(trace.result, trace.kinds)
    results = []
    for out, t in zip(outs, pushed, strict=True):
        lib = out._lib
        if t is None:
            t = lib.raw.zeros_like(out.data)
        results.append(convert(t if type(t) is Array else Array(lib.copy(t), lib)))
    return rebuild([convert(out if higher else out.detach()) for out in outs]), rebuild(
        results
    )


def stop_gradient(x: Any) -> Any:
    """Return the same values with no past: derivatives through the result are 0.

    Accepts containers; what is not an `Array` is returned as it is.

    Examples
    --------
    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    leaves, rebuild = flatten(x)
    return rebuild([leaf.detach() if type(leaf) is Array else leaf for leaf in leaves])
