"""What every kind of row shares: the table, the base, the fitting of cotangents."""

from __future__ import annotations

import inspect
import math
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

from ...backend.library import ADDITIONS
from ..array import Array
from ..convert import SCALARS, mixed
from ..tape import Node

__all__ = [
    "TABLE",
    "Held",
    "Moving",
    "Row",
    "Rule",
    "Spec",
    "addition",
    "cast_like",
    "fitted",
    "held",
    "is_small",
    "lifted",
    "needs_fix",
    "public_signature",
    "spread",
    "strip",
    "unbroadcast",
    "wanted_names",
]

TABLE: dict[str, Row] = {}
"""Every row by name: the standard's functions and our own additions."""

Rule = Callable[..., Any]


class Spec(NamedTuple):
    """What a linear rule knows of its input: its form, but no values."""

    shape: tuple[int, ...]
    dtype: Any
    ndim: int


_FEW = 4096
"""A constant of no more elements is kept on the tape though no rule needs it."""


class Held(weakref.ref[Any]):
    """A large constant that no rule needs, while somebody else holds it."""

    __slots__ = ("spec",)
    spec: Spec

    def value(self) -> Any:
        """Return the array; its form alone, if nobody holds it any more."""
        x = self()
        return self.spec if x is None else x


def is_small(x: Any) -> bool:
    """Tell whether a constant may be kept on the tape though no rule needs it."""
    return type(x) in SCALARS or math.prod(x.shape) <= _FEW


def held(x: Any) -> Any:
    """Return a constant as the tape keeps it for `explain`: it frees large arrays."""
    if is_small(x):
        return x
    spec = Spec(tuple(x.shape), x.dtype, x.ndim)
    try:
        reference = Held(x)
    except TypeError:  # the library's arrays know no weak references
        return spec
    reference.spec = spec
    return reference


class Row:
    """One function of the table.

    Attributes
    ----------
    name, kind : str
        The function's name, and which of the kinds of derivative it has.
    formula : tuple of str
        The derivative for each array argument, as a learner reads it.
    why : str
        For a flat row: why there is no derivative.
    public : bool
        Whether the function belongs to the standard (or to the special functions).
    function : callable
        The function on recorded arrays.
    writes : bool
        Whether `pull_into` can write into given buffers.
    """

    kind = ""
    writes = False  # can its rule write into buffers?
    nested = False  # does it walk a tape of its own?

    def __init__(
        self,
        name: str,
        *,
        formula: tuple[str, ...] = (),
        why: str = "",
        public: bool = True,
    ) -> None:
        self.name = name
        self.formula = formula
        self.why = why
        self.public = public
        self.function: Callable[..., Any] = undefined
        if name in TABLE:
            raise ValueError(f"{name} has two rows in the table.")
        TABLE[name] = self

    def __repr__(self) -> str:
        return f"<{self.kind} row {self.name}>"

    def lift(self, node: Node) -> Any:
        """Return what the node saved, with its arrays back on the tape."""
        raise NotImplementedError

    def pull(
        self, node: Node, parents: Any, saved: Any, g: Any, xp: Any
    ) -> tuple[Any, ...]:
        """Return the cotangent of each argument whose parent is not None."""
        raise NotImplementedError

    def pull_into(
        self, node: Node, parents: Any, saved: Any, g: Any, slots: Any
    ) -> tuple[Any, ...]:
        """Do what `pull` does on raw arrays, writing into the buffers of `slots`."""
        raise NotImplementedError

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        """Return the tangent of the output."""
        raise NotImplementedError

    def pull_nested(
        self,
        node: Node,
        parents: Any,
        g: Any,
        cotangents: dict[Any, Any],
        higher: bool,
        step: Any,
    ) -> tuple[Any, ...]:
        """Do what `pull` does by a walk of its own, which adds to `cotangents`."""
        raise NotImplementedError

    def push_nested(
        self, node: Node, tangents: list[Any], higher: bool, step: Any
    ) -> Any:
        """Do what `push` does by a walk of its own."""
        raise NotImplementedError

    def _define(
        self,
        function: Callable[..., Any],
        signature: inspect.Signature,
        doc: str | None = None,
    ) -> None:
        function.__name__ = function.__qualname__ = self.name
        function.__doc__ = self._doc(doc or self._line())
        function.__signature__ = signature  # type: ignore[attr-defined]
        self.function = function

    def _line(self) -> str:
        """Return the first line of the function's docstring."""
        return f"Return `{self.name}`, as the Array API standard defines it."

    def _doc(self, line: str) -> str:
        """Return the function's docstring: what it is, and what its derivative is."""
        notes = []
        if self.why:
            notes.append(f"It has no derivative: {self.why}.")
        for argument, formula in zip(("x", "y"), self.formula, strict=False):
            of = f" with respect to {argument}" if len(self.formula) > 1 else ""
            notes.append(f"Its derivative{of} is ``{formula}``.")
        if self.kind == "linear":
            notes.append("It is linear: a cotangent goes back through its transpose.")
        if self.public and self.kind == "elementwise":
            notes.append(
                "Shapes broadcast; the dtype follows the standard's promotion."
            )
        return "\n\n".join([line.strip(), *notes]) + "\n"


class Moving(Row):
    """A linear function that moves elements: it saves places, never values."""

    kind = "linear"

    def lift(self, node: Node) -> Any:
        return node.saved


def undefined(*_args: Any, **_options: Any) -> Any:
    raise NotImplementedError


def unbroadcast(xp: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Return `g` summed over the axes along which an argument was broadcast."""
    if tuple(g.shape) == tuple(shape):
        return g
    extra = g.ndim - len(shape)
    if extra < 0:  # axes of length 1 in front, which an assignment takes away
        return xp.reshape(unbroadcast(xp, g, shape[-extra:]), tuple(shape))
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1
    )
    if axes:
        g = xp.sum(g, axis=axes, dtype=g.dtype)
    return xp.reshape(g, tuple(shape))


def fitted(xp: Any, part: Any, fix: Any) -> Any:
    """Bring a cotangent to the shape and dtype of its argument."""
    shape, dtype = fix
    part = unbroadcast(xp, part, shape)
    if part.dtype == dtype:
        return part
    if xp.is_complex(part) and not xp.isdtype(dtype, "complex floating"):
        part = xp.real(part)
    return xp.astype(part, dtype)


def needs_fix(a: Any, out: Any) -> Any:
    """Return (shape, dtype) of a raw argument, or None where the output has them."""
    if a.shape == out.shape and (a.dtype is out.dtype or a.dtype == out.dtype):
        return None
    return (tuple(a.shape), a.dtype)


def wanted_names(rule: Rule) -> frozenset[str]:
    """Return the parameters of a rule that are kept on the tape."""
    return frozenset(
        p for p in inspect.signature(rule).parameters if not p.startswith("_")
    )


def lifted(node: Node, index: int, value: Any) -> Any:
    """Return a saved raw array as a recorded one, at the place of argument `index`."""
    if value is None or type(value) in SCALARS or type(value) is Array:
        return value
    if type(value) in (Held, Spec):  # no rule looks at it
        return None
    return Array(value, node.lib, node.parents[index])


def spread(xp: Any, t: Any, node: Node) -> Any:
    """Bring the tangent of an output to the output's shape and dtype."""
    if node.fix is None:
        return t
    *_, shape, dtype = node.fix
    if tuple(t.shape) != shape:
        t = xp.broadcast_to(t, shape)
    return t if t.dtype == dtype else xp.astype(t, dtype)


def strip(value: Any, lib: Any) -> Any:
    """Return an argument that is not differentiated, with arrays as raw ones."""
    if type(value) is Array:
        if value._lib is not lib:
            raise mixed(value._lib, lib)
        return value.data
    if type(value) is tuple or type(value) is list:
        return type(value)(strip(part, lib) for part in value)
    return value


def public_signature(function: Callable[..., Any], drop: int) -> inspect.Signature:
    """Return the signature of a rule without its first `drop` parameters."""
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in list(signature.parameters.values())[drop:]
    ]
    return inspect.Signature(parameters)


def cast_like(xp: Any, part: Any, x: Any) -> Any:
    """Bring a cotangent to the dtype of its argument."""
    return (
        part
        if part.dtype == x.dtype
        else fitted(xp, part, (tuple(part.shape), x.dtype))
    )


def addition(name: str) -> Callable[[Rule], Rule]:
    """Define a function that the standard lacks on raw arrays: ``f(xp, x, ...)``."""

    def add(function: Rule) -> Rule:
        ADDITIONS[name] = function
        return function

    return add
