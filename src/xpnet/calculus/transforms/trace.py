"""What the transforms share: kinds of input, a recorded call, results that match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import DTypeError, GradientError, OptionError, ShapeError
from ...trees import flatten, leaves_as_in
from ..array import Array, is_differentiating
from ..convert import SCALARS, asarray, like, own
from ..rule import alias
from ..tape import Leaf, is_recording, mark, pull_back, reaches_before, recording_as

__all__ = [
    "Function",
    "Kind",
    "Trace",
    "as_arrays",
    "as_numbers",
    "matching",
    "pair",
    "result_kind",
]

Function = Callable[..., Any]


class Kind:
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
        """Return a result as what the leaf was."""
        return self.convert(x)


def _same(x: Array) -> Array:
    return x


def _as_raw(x: Array) -> Any:
    return x if x.requires_grad else x.data


def _as_number(x: Array) -> Any:
    return x if x.requires_grad or x.ndim else x.item()


def _variables(
    value: Any, what: str
) -> tuple[list[Array], list[Kind], Callable[[list[Any]], Any]]:
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
    return variables, [Kind(leaf) for leaf in leaves], rebuild


def result_kind(kinds: list[Kind]) -> Callable[[Array], Any]:
    """Return how results go out: as `Array` unless no input was one."""
    convert = {kind.convert for kind in kinds}
    if _same in convert:
        return _same
    return _as_raw if _as_raw in convert else _as_number


class Trace:
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
        if self.result is None:
            raise GradientError(
                f"{what}: the function returned None. Does it end with a return?"
            )

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


def pair(result: Any, what: str) -> tuple[Any, Any]:
    """Return a function's result as (value, aux), as has_aux=True promises."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise GradientError(
            f"{what}: with has_aux=True the function returns a pair (value, aux), not "
            f"a {type(result).__name__}."
        )
    return result


def as_arrays(leaves: list[Any]) -> list[Array]:
    """Return the leaves of a result as arrays that nobody else rebinds."""
    return own(asarray(leaf) for leaf in leaves)


def as_numbers(argnums: int | Sequence[int]) -> tuple[tuple[int, ...], bool]:
    """Return argnums as a tuple, and whether it was one number."""
    if type(argnums) is int:
        return (argnums,), True
    if not isinstance(argnums, (tuple, list)) or {type(i) for i in argnums} != {int}:
        raise OptionError(
            f"argnums is an integer or a tuple of integers, not {argnums!r}."
        )
    return tuple(argnums), False


def matching(
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
