"""The kinds of row: how one line of the table becomes a function, a jvp and a vjp.

A rule receives `xp` and computes with it. On the plain path `xp` holds the library's own
functions and every array is a raw one; when a higher derivative is wanted, `xp` holds
xpnet's functions and every array is recorded. The rule does not know the difference, and
so one rule gives derivatives of any order.

Letters, everywhere: `x`, `y` inputs, `out` output, `g` cotangent, `t` tangent. A parameter
of an elementwise rule whose name starts with an underscore is not kept on the tape.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ..backend.library import ADDITIONS
from ..errors import LibraryError
from ..kernels.twin import TWINS
from .array import SCALARS, Array, asarray, like, mixed, wrap
from .tape import Leaf, Node, is_recording, pull_back, push_forward, recording_as

__all__ = [
    "TABLE",
    "Binary",
    "Row",
    "Spec",
    "alias",
    "bilinear",
    "binary",
    "composite",
    "flat",
    "fused",
    "general",
    "linear",
    "linear_sequence",
    "unary",
    "unbroadcast",
]

TABLE: dict[str, Row] = {}
"""Every row by name: the standard's functions and our own additions."""

Rule = Callable[..., Any]
_new = object.__new__


class Spec(NamedTuple):
    """What a linear rule knows of its input: enough to shape the cotangent, no values."""

    shape: tuple[int, ...]
    dtype: Any
    ndim: int


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
    """

    kind = ""
    writes = False

    def __init__(self, name: str, *, formula: tuple[str, ...] = (), why: str = "", public: bool = True) -> None:
        self.name = name
        self.formula = formula
        self.why = why
        self.public = public
        self.function: Callable[..., Any] = _undefined
        if name in TABLE:
            raise ValueError(f"{name} has two rows in the table.")
        TABLE[name] = self

    def __repr__(self) -> str:
        return f"<{self.kind} row {self.name}>"

    def lift(self, node: Node) -> Any:
        """Return what the node saved, with its arrays back on the tape."""
        raise NotImplementedError

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        """Return the cotangent of each argument whose parent is not None."""
        raise NotImplementedError

    def pull_into(self, node: Node, parents: Any, saved: Any, g: Any, slots: Any) -> tuple[Any, ...]:
        """Like `pull` on raw arrays, writing into the buffers of `slots` where they are given."""
        raise NotImplementedError

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        """Return the tangent of the output."""
        raise NotImplementedError

    def _define(self, function: Callable[..., Any], signature: inspect.Signature, doc: str | None = None) -> None:
        function.__name__ = function.__qualname__ = self.name
        function.__doc__ = doc
        function.__signature__ = signature  # type: ignore[attr-defined]
        self.function = function


def _undefined(*_args: Any, **_options: Any) -> Any:
    raise NotImplementedError


# --- shared pieces ---------------------------------------------------------------------


def unbroadcast(xp: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """Return `g` summed over the axes along which an argument of `shape` was broadcast."""
    if tuple(g.shape) == tuple(shape):
        return g
    extra = g.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1
    )
    if axes:
        g = xp.sum(g, axis=axes, dtype=g.dtype)
    return xp.reshape(g, tuple(shape))


def _fitted(xp: Any, part: Any, fix: Any) -> Any:
    """Bring a cotangent to the shape and dtype of its argument."""
    shape, dtype = fix
    part = unbroadcast(xp, part, shape)
    if part.dtype == dtype:
        return part
    if xp.is_complex(part) and not xp.isdtype(dtype, "complex floating"):
        part = xp.real(part)
    return xp.astype(part, dtype)


def _needs_fix(a: Any, out: Any) -> Any:
    """Return the (shape, dtype) of a raw argument where they differ from the output's."""
    if a.shape == out.shape and (a.dtype is out.dtype or a.dtype == out.dtype):
        return None
    return (tuple(a.shape), a.dtype)


def _wanted_names(rule: Rule) -> frozenset[str]:
    return frozenset(p for p in inspect.signature(rule).parameters if not p.startswith("_"))


def _strong_zero(xp: Any, part: Any, g: Any, *inputs: Any) -> Any:
    """Return `part` with exactly 0 where the cotangent is 0 and no input is NaN."""
    return xp.strong_zero(part, g, *[x for x in inputs if type(x) not in SCALARS])


def _times(row: Unary | Binary, index: int, xp: Any, t: Any, *saved: Any) -> Any:
    """Return the tangent or conjugated cotangent `t` times the slope, by the strong-zero rule."""
    part = row.rules[index](xp, t, *saved)
    singular = row.singular
    if singular is False or (singular is not True and not singular(*saved[:-1])):
        return part
    return _strong_zero(xp, part, t, *saved[:-1])


def _lifted(node: Node, index: int, value: Any) -> Any:
    """Return a saved raw array as a recorded one, at the place of argument `index`."""
    if value is None or type(value) in SCALARS or type(value) is Array:
        return value
    return Array(value, node.lib, node.parents[index])


# --- elementwise: one argument ---------------------------------------------------------


class Unary(Row):
    """An elementwise function of one array; the rule returns ``t * slope``."""

    kind = "elementwise"

    def __init__(self, name: str, formula: str, rule: Rule, *, singular: bool, public: bool) -> None:
        super().__init__(name, formula=(formula,), public=public)
        self.rules = (rule,)
        self.singular = singular
        names = _wanted_names(rule)
        self.keeps_x, self.keeps_out = "x" in names or singular, "out" in names
        self._define(self._make(), _UNARY_SIGNATURE)

    def _make(self) -> Callable[[Any], Array]:
        row, name, keeps_x, keeps_out = self, self.name, self.keeps_x, self.keeps_out

        def function(x: Any, /) -> Array:
            if type(x) is not Array:
                x = asarray(x)
            lib = x._lib
            a = x.data
            out = lib.functions[name](a)
            if type(out) is not lib.array_type:
                out = lib.coerce(out)
            result = _new(Array)
            result.data = out
            result._lib = lib
            node = x._node
            if node is None or not is_recording():
                result._node = None
            else:
                saved = (a if keeps_x else None, out if keeps_out else None)
                result._node = Node(row, lib, (node,), saved, None)
            return result

        return function

    def lift(self, node: Node) -> Any:
        x, out = node.saved
        return _lifted(node, 0, x), None if out is None else Array(out, node.lib, node)

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        if xp.is_complex(g):
            return (xp.conj(_times(self, 0, xp, xp.conj(g), *saved)),)
        if self.singular:
            return (_times(self, 0, xp, g, *saved),)
        return (self.rules[0](xp, g, *saved),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return _times(self, 0, xp, tangents[0], *saved)


def unary(name: str, formula: str, rule: Rule, *, singular: bool = False, public: bool = True) -> Unary:
    """Add the row of an elementwise function of one array.

    Parameters
    ----------
    name : str
        The function.
    formula : str
        Its derivative as text, in `x` and the standard's functions.
    rule : callable
        ``rule(xp, t, x, out)`` returns ``t`` times the derivative.
    singular : bool
        Whether the slope can be infinite or NaN where the function is defined: then a
        cotangent of exactly 0 gives exactly 0 (the strong-zero rule).
    """
    return Unary(name, formula, rule, singular=singular, public=public)


# --- elementwise: two arguments --------------------------------------------------------


class Binary(Row):
    """An elementwise function of two arrays; rule i returns ``t * slope`` for argument i."""

    kind = "elementwise"

    def __init__(
        self,
        name: str,
        formula: tuple[str, str],
        rules: tuple[Rule, Rule],
        *,
        singular: bool | Callable[[Any, Any], bool],
        public: bool,
    ) -> None:
        super().__init__(name, formula=formula, public=public)
        self.rules = rules
        self.singular = singular
        self.keeps = [self._kept(*on_tape) for on_tape in itertools.product((False, True), repeat=2)]
        self._define(self._make(operator=False), _BINARY_SIGNATURE)
        self.operator = self._make(operator=True)
        self.reflected = self._make(operator=True, reflected=True)

    def _kept(self, first: bool, second: bool) -> tuple[bool, bool, bool]:
        names: set[str] = set()
        for rule, on_tape in zip(self.rules, (first, second), strict=True):
            if on_tape:
                names |= _wanted_names(rule) | ({"x", "y"} if self.singular else set())
        return "x" in names, "y" in names, "out" in names

    def _make(self, *, operator: bool, reflected: bool = False) -> Callable[[Any, Any], Array]:
        row, name, keeps = self, self.name, self.keeps

        def function(x: Any, y: Any, /) -> Array:
            if reflected:
                x, y = y, x
            if type(x) is Array:
                lib = x._lib
                a = x.data
                nx = x._node
                if type(y) is Array:
                    if y._lib is not lib:
                        raise mixed(lib, y._lib)
                    b = y.data
                    ny = y._node
                elif type(y) in SCALARS and lib.scalar_operands:
                    b = y
                    ny = None
                else:
                    try:
                        b = like(y, x).data
                    except LibraryError:
                        if operator:
                            return NotImplemented
                        raise
                    ny = None
            elif type(y) is Array:
                lib = y._lib
                b = y.data
                ny = y._node
                nx = None
                if type(x) in SCALARS and lib.scalar_operands:
                    a = x
                else:
                    try:
                        a = like(x, y).data
                    except LibraryError:
                        if operator:
                            return NotImplemented
                        raise
            else:
                return function(*_as_arrays(x, y))
            out = lib.functions[name](a, b)
            if type(out) is not lib.array_type:
                out = lib.coerce(out)
            result = _new(Array)
            result.data = out
            result._lib = lib
            if (nx is None and ny is None) or not is_recording():
                result._node = None
                return result
            fix_x = None if nx is None else _needs_fix(a, out)
            fix_y = None if ny is None else _needs_fix(b, out)
            fix = None
            if fix_x is not None or fix_y is not None:
                fix = (fix_x, fix_y, tuple(out.shape), out.dtype)
            keep_x, keep_y, keep_out = keeps[2 * (nx is not None) + (ny is not None)]
            saved = (a if keep_x else None, b if keep_y else None, out if keep_out else None)
            result._node = Node(row, lib, (nx, ny), saved, fix)
            return result

        return function

    def lift(self, node: Node) -> Any:
        x, y, out = node.saved
        return _lifted(node, 0, x), _lifted(node, 1, y), None if out is None else Array(out, node.lib, node)

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        px, py = parents
        rule_x, rule_y = self.rules
        if self.singular is not False or xp.is_complex(g):
            gx = None if px is None else self._careful(0, xp, g, saved)
            gy = None if py is None else self._careful(1, xp, g, saved)
        else:
            gx = None if px is None else rule_x(xp, g, *saved)
            gy = None if py is None else rule_y(xp, g, *saved)
        if node.fix is not None:
            fix_x, fix_y = node.fix[:2]
            if gx is not None and fix_x is not None:
                gx = _fitted(xp, gx, fix_x)
            if gy is not None and fix_y is not None:
                gy = _fitted(xp, gy, fix_y)
        return gx, gy

    def _careful(self, index: int, xp: Any, g: Any, saved: Any) -> Any:
        if xp.is_complex(g):
            return xp.conj(_times(self, index, xp, xp.conj(g), *saved))
        return _times(self, index, xp, g, *saved)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        parts = [_times(self, i, xp, t, *saved) for i, t in enumerate(tangents) if t is not None]
        out = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        return _spread(xp, out, node)


def _spread(xp: Any, t: Any, node: Node) -> Any:
    """Bring the tangent of an output to the output's shape and dtype."""
    if node.fix is None:
        return t
    *_, shape, dtype = node.fix
    if tuple(t.shape) != shape:
        t = xp.broadcast_to(t, shape)
    return t if t.dtype == dtype else xp.astype(t, dtype)


def _as_arrays(x: Any, y: Any) -> tuple[Array, Array]:
    """Two operands of which neither is an Array: at least one must be a raw array."""
    if type(x) in SCALARS:
        y = asarray(y)
        return like(x, y), y
    x = asarray(x)
    return x, like(y, x)


def binary(
    name: str,
    formula: tuple[str, str],
    rule_x: Rule,
    rule_y: Rule,
    *,
    singular: bool | Callable[[Any, Any], bool] = False,
    public: bool = True,
) -> Binary:
    """Add the row of an elementwise function of two arrays.

    ``rule_x(xp, t, x, y, out)`` returns ``t`` times the derivative with respect to `x`,
    `rule_y` with respect to `y`. Sums over broadcast axes are done here, once. `singular`
    may be a function of `x` and `y` that tells whether a slope can be infinite or NaN.
    """
    return Binary(name, formula, (rule_x, rule_y), singular=singular, public=public)


def _parameters(*names: str) -> inspect.Signature:
    only = inspect.Parameter.POSITIONAL_ONLY
    return inspect.Signature([inspect.Parameter(name, only) for name in names])


_UNARY_SIGNATURE = _parameters("x")
_BINARY_SIGNATURE = _parameters("x1", "x2")


# --- functions that are not elementwise ------------------------------------------------


def _strip(value: Any, lib: Any) -> Any:
    """Return an argument that is not differentiated, with arrays as raw ones."""
    if type(value) is Array:
        if value._lib is not lib:
            raise mixed(value._lib, lib)
        return value.data
    if type(value) is tuple or type(value) is list:
        return type(value)(_strip(part, lib) for part in value)
    return value


def _public_signature(function: Callable[..., Any], drop: int) -> inspect.Signature:
    """Return the signature of a rule without its first `drop` parameters."""
    signature = inspect.signature(function)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty) for p in list(signature.parameters.values())[drop:]
    ]
    return inspect.Signature(parameters)


class _Call(NamedTuple):
    """What a function that is not elementwise keeps: its array arguments and the rest."""

    arrays: tuple[Any, ...]
    rest: tuple[Any, ...]
    options: dict[str, Any]
    out: Any


class _Function(Row):
    """A function whose first `count` positional arguments are arrays with a derivative."""

    count = 1
    keeps_arrays = True
    keeps_out = False

    def _make(self) -> Callable[..., Any]:
        row, name, count, keeps_out = self, self.name, self.count, self.keeps_out

        def function(*args: Any, **options: Any) -> Any:
            arrays, rest = row._gather(args[:count]), args[count:]
            lib = arrays[0]._lib
            if rest:
                rest = tuple([_strip(value, lib) for value in rest])
            if options:
                options = {key: _strip(value, lib) for key, value in options.items()}
            raw = [x.data for x in arrays]
            out = lib.functions[name](*raw, *rest, **options)
            if type(out) is not lib.array_type:
                out = lib.coerce(out)
            result = Array(out, lib)
            nodes = tuple([x._node for x in arrays])
            if nodes.count(None) != count and is_recording() and lib.is_floating(out.dtype):
                kept = row._keep(raw, nodes)
                call = _Call(kept, rest, options, out if keeps_out else None)
                result._node = Node(row, lib, nodes, call, None)
            return result

        return function

    def _gather(self, values: tuple[Any, ...]) -> list[Array]:
        """Return the array arguments as arrays of one library."""
        if len(values) < self.count:
            raise TypeError(f"{self.name}{inspect.signature(self.function)}: got {len(values)} of its array arguments.")
        first = next((x for x in values if type(x) is Array), None)
        if first is None:
            first = asarray(next((x for x in values if type(x) not in SCALARS), values[0]))
        return [x if type(x) is Array and x._lib is first._lib else like(x, first) for x in values]

    def _keep(self, raw: list[Any], nodes: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return what of the array arguments goes on the tape: values, or shapes only."""
        if self.keeps_arrays:
            return tuple(raw)
        return tuple([Spec(tuple(x.shape), x.dtype, x.ndim) for x in raw])

    def lift(self, node: Node) -> Any:
        call = node.saved
        arrays = call.arrays
        if self.keeps_arrays:
            arrays = tuple([_lifted(node, i, x) for i, x in enumerate(arrays)])
        out = None if call.out is None else Array(call.out, node.lib, node)
        return call._replace(arrays=arrays, out=out)


def _cast_like(xp: Any, part: Any, x: Any) -> Any:
    """Bring a cotangent to the dtype of its argument."""
    return part if part.dtype == x.dtype else _fitted(xp, part, (tuple(part.shape), x.dtype))


class Linear(_Function):
    """A linear function of one array: the rule is its transpose."""

    kind = "linear"
    keeps_arrays = False

    def __init__(self, transpose: Rule, name: str, public: bool) -> None:
        super().__init__(name, public=public)
        self.transpose = transpose
        self._define(self._make(), _public_signature(transpose, 2), transpose.__doc__)

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        x = saved.arrays[0]
        return (_cast_like(xp, self.transpose(xp, g, x, *saved.rest, **saved.options), x),)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return getattr(xp, self.name)(tangents[0], *saved.rest, **saved.options)


def linear(name: str | None = None, *, public: bool = True) -> Callable[[Rule], Linear]:
    """Add the row of a linear function; the decorated rule is its transpose.

    ``rule(xp, g, x, ...)`` has the function's own parameters after `xp` and `g`; of `x` it
    knows the shape and dtype alone. It returns the cotangent of `x`.
    """
    return lambda transpose: Linear(transpose, name or transpose.__name__, public)


class LinearSequence(Row):
    """A linear function of a list of arrays (concat, stack)."""

    kind = "linear"

    def __init__(self, transpose: Rule) -> None:
        super().__init__(transpose.__name__)
        self.transpose = transpose
        self._define(self._make(), _public_signature(transpose, 2), transpose.__doc__)

    def _make(self) -> Callable[..., Any]:
        row, name = self, self.name

        def function(arrays: Any, /, **options: Any) -> Array:
            values = list(arrays)
            first = next((x for x in values if type(x) is Array), None)
            if first is None:
                if not values:
                    raise ValueError(f"{name}: needs at least one array.")
                first = asarray(values[0])
            lib = first._lib
            whole = [x if type(x) is Array and x._lib is lib else like(x, first) for x in values]
            out = wrap(lib, lib.functions[name]([x.data for x in whole], **options))
            nodes = tuple([x._node for x in whole])
            if nodes.count(None) != len(nodes) and is_recording() and lib.is_floating(out.data.dtype):
                specs = tuple([Spec(tuple(x.data.shape), x.data.dtype, x.data.ndim) for x in whole])
                out._node = Node(row, lib, nodes, _Call(specs, (), options, None), None)
            return out

        return function

    def lift(self, node: Node) -> Any:
        return node.saved

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        parts = self.transpose(xp, g, saved.arrays, **saved.options)
        return tuple([_cast_like(xp, p, x) for p, x in zip(parts, saved.arrays, strict=True)])

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        known = next(t for t in tangents if t is not None)
        whole = [
            xp.zeros(x.shape, dtype=x.dtype, device=xp.device(known)) if t is None else t
            for t, x in zip(tangents, saved.arrays, strict=True)
        ]
        return getattr(xp, self.name)(whole, **saved.options)


def linear_sequence(transpose: Rule) -> LinearSequence:
    """Add the row of a linear function of a list; the rule returns a cotangent for each."""
    return LinearSequence(transpose)


class Bilinear(_Function):
    """A function linear in each of two arrays: two transposes, and the product rule."""

    kind = "bilinear"
    count = 2

    def __init__(self, name: str, pulls: tuple[Rule, Rule], formula: tuple[str, str]) -> None:
        super().__init__(name, formula=formula)
        self.pulls = pulls
        self._define(self._make(), _public_signature(pulls[0], 2), pulls[0].__doc__)

    def _keep(self, raw: list[Any], nodes: tuple[Any, ...]) -> tuple[Any, ...]:
        """Each transpose needs the values of the other argument only."""
        return tuple([
            x if nodes[1 - i] is not None else Spec(tuple(x.shape), x.dtype, x.ndim) for i, x in enumerate(raw)
        ])

    def lift(self, node: Node) -> Any:
        arrays = tuple([x if type(x) is Spec else _lifted(node, i, x) for i, x in enumerate(node.saved.arrays)])
        return node.saved._replace(arrays=arrays)

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        x, y = saved.arrays
        pull_x, pull_y = self.pulls
        return (
            None if parents[0] is None else _cast_like(xp, pull_x(xp, g, x, y, *saved.rest, **saved.options), x),
            None if parents[1] is None else _cast_like(xp, pull_y(xp, g, x, y, *saved.rest, **saved.options), y),
        )

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        function = getattr(xp, self.name)
        (x, y), (tx, ty) = saved.arrays, tangents
        parts = []
        if tx is not None:
            parts.append(function(tx, y, *saved.rest, **saved.options))
        if ty is not None:
            parts.append(function(x, ty, *saved.rest, **saved.options))
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def bilinear(name: str, formula: tuple[str, str], pull_x: Rule, pull_y: Rule) -> Bilinear:
    """Add the row of a function that is linear in each of its two arrays."""
    return Bilinear(name, (pull_x, pull_y), formula)


class General(_Function):
    """A function with a jvp and a vjp of its own."""

    kind = "general"

    def __init__(
        self, name: str, jvp: Rule, vjp: Rule, *, count: int, formula: tuple[str, ...], keeps_out: bool, public: bool
    ) -> None:
        super().__init__(name, formula=formula, public=public)
        self.count, self.keeps_out = count, keeps_out
        self.jvp, self.vjp = jvp, vjp
        self._define(self._make(), _public_signature(vjp, 3), vjp.__doc__)

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        parts = self.vjp(xp, g, saved.out, *saved.arrays, *saved.rest, **saved.options)
        if self.count == 1:
            parts = (parts,)
        return tuple([None if p is None else _cast_like(xp, p, x) for p, x in zip(parts, saved.arrays, strict=True)])

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        t = tangents[0] if self.count == 1 else tuple(tangents)
        return self.jvp(xp, t, saved.out, *saved.arrays, *saved.rest, **saved.options)


def general(
    name: str,
    *,
    jvp: Rule,
    vjp: Rule,
    count: int = 1,
    formula: tuple[str, ...] = (),
    keeps_out: bool = False,
    public: bool = True,
) -> General:
    """Add the row of a function with rules of its own.

    ``vjp(xp, g, out, x, ...)`` returns the cotangent of `x` (a tuple when `count` > 1),
    ``jvp(xp, t, out, x, ...)`` the tangent of the output.
    """
    return General(name, jvp, vjp, count=count, formula=formula, keeps_out=keeps_out, public=public)


class Composite(_Function):
    """A function written with others: the library gives the value, the reference the derivative."""

    kind = "composite"

    def __init__(self, reference: Rule, name: str, count: int, public: bool, formula: tuple[str, ...]) -> None:
        super().__init__(name, formula=formula, public=public)
        self.reference = reference
        self.count = count
        self._define(self._make(), _public_signature(reference, 1), reference.__doc__)

    def _run(self, node: Node, arrays: list[Array], saved: Any) -> Array:
        with recording_as(True):
            out: Array = self.reference(node.lib.recorded, *arrays, *saved.rest, **saved.options)
        return out

    def _arguments(self, parents: Any, saved: Any, lib: Any, higher: bool) -> list[Array]:
        """Return the array arguments, those on the tape as new variables of their own."""
        arrays = [x if x is None or type(x) is Array else Array(x, lib) for x in saved.arrays]
        with recording_as(higher):
            return [x if p is None else alias(x) for x, p in zip(arrays, parents, strict=True)]

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        higher = type(g) is Array
        arrays = self._arguments(parents, saved, node.lib, higher)
        out = self._run(node, arrays, saved)
        wanted = [x._node for x, p in zip(arrays, parents, strict=True) if p is not None]
        found: dict[Any, Any] = {}
        if out._node is not None:
            found = pull_back([(out._node, g)], wanted, since=_oldest(wanted), higher=higher)
        return tuple([None if p is None else found.get(x._node) for x, p in zip(arrays, parents, strict=True)])

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        higher = any(type(t) is Array for t in tangents)
        arrays = self._arguments(tangents, saved, node.lib, higher)
        out = self._run(node, arrays, saved)
        known = {x._node: t for x, t in zip(arrays, tangents, strict=True) if t is not None}
        return push_forward([out._node], known, since=_oldest(known), higher=higher)[0]


def _oldest(nodes: Any) -> int:
    return min(node.number for node in nodes)


def composite(
    name: str | None = None, *, count: int = 1, public: bool = True, formula: tuple[str, ...] = ()
) -> Callable[[Rule], Composite]:
    """Add the row of a function that is written with others: ``reference(xp, x, ...)``."""
    return lambda reference: Composite(reference, name or reference.__name__, count, public, formula)


class Fused(Composite):
    """A composite of our own that a twin can replace: one node where it does, its parts where not."""

    writes = True

    def __init__(self, reference: Rule, name: str, count: int) -> None:
        ADDITIONS[name] = reference
        super().__init__(reference, name, count, False, ())

    def _make(self) -> Callable[..., Any]:
        row, name, count, reference = self, self.name, self.count, self.reference

        def function(*args: Any, **options: Any) -> Any:
            arrays, rest = row._gather(args[:count]), args[count:]
            lib = next(x._lib for x in arrays if x is not None)
            twin = TWINS.get((name, lib.name))
            if twin is None:
                return reference(lib.recorded, *arrays, *rest, **options)
            if rest:
                rest = tuple([_strip(value, lib) for value in rest])
            if options:
                options = {key: _strip(value, lib) for key, value in options.items()}
            nodes = tuple([None if x is None else x._node for x in arrays])
            on_tape = nodes.count(None) != len(nodes) and is_recording()
            needs = tuple([n is not None and on_tape for n in nodes])
            raw = [None if x is None else x.data for x in arrays]
            made = twin.forward(needs, *raw, *rest, **options)
            if made is None:
                return reference(lib.recorded, *arrays, *rest, **options)
            out, residual = made
            result = Array(out if type(out) is lib.array_type else lib.coerce(out), lib)
            if on_tape:
                result._node = Node(row, lib, nodes, _Call(tuple(raw), rest, options, (twin, residual)), None)
            return result

        return function

    def _gather(self, values: tuple[Any, ...]) -> list[Any]:
        if any(value is None for value in values):
            present = iter(self._some([v for v in values if v is not None]))
            return [None if v is None else next(present) for v in values]
        return self._some(list(values))

    def _some(self, values: list[Any]) -> list[Array]:
        first = next((x for x in values if type(x) is Array), None)
        first = asarray(values[0]) if first is None else first
        return [x if type(x) is Array and x._lib is first._lib else like(x, first) for x in values]

    def lift(self, node: Node) -> Any:
        call = node.saved
        return call._replace(arrays=tuple([_lifted(node, i, x) for i, x in enumerate(call.arrays)]), out=None)

    def pull_into(self, node: Node, parents: Any, saved: Any, g: Any, slots: Any) -> tuple[Any, ...]:
        twin, residual = saved.out
        return twin.backward(g, residual, tuple([p is not None for p in parents]), slots)


def fused(name: str, *, count: int = 1) -> Callable[[Rule], Callable[..., Any]]:
    """Make a function of our own whose work a twin can take over as a whole.

    The decorated reference ``f(xp, x, ...)`` has `count` array arguments first (each may be
    None) and is written in ``xp`` terms; it defines the value and every derivative. The
    result is the public function, without `xp`.
    """
    return lambda reference: Fused(reference, name, count).function


class Flat(Row):
    """A function without a derivative: what it returns is off the tape."""

    kind = "flat"

    def __init__(self, name: str, why: str, signature: inspect.Signature, public: bool) -> None:
        super().__init__(name, why=why, public=public)
        self._define(self._make(), signature)
        self.operator = self._operator(reflected=False)
        self.reflected = self._operator(reflected=True)

    def _make(self) -> Callable[..., Any]:
        name = self.name

        def function(*args: Any, **options: Any) -> Any:
            first = _first_array([*args, *options.values()])
            lib = first._lib
            out = lib.functions[name](
                *[_operand(a, first) for a in args], **{k: _strip(v, lib) for k, v in options.items()}
            )
            return _wrapped(lib, out)

        return function

    def _operator(self, *, reflected: bool) -> Callable[[Any, Any], Any]:
        name = self.name

        def function(x: Array, y: Any, /) -> Any:
            lib = x._lib
            if type(y) is Array and y._lib is lib:
                b = y.data
            elif type(y) in SCALARS and lib.scalar_operands:
                b = y
            else:
                try:
                    b = like(y, x).data
                except LibraryError:
                    return NotImplemented
            a = x.data
            if reflected:
                a, b = b, a
            return wrap(lib, lib.functions[name](a, b))

        return function


def _first_array(values: list[Any]) -> Array:
    """Return the array that says which library to call; raw arrays and lists count."""
    for value in values:
        if type(value) is Array:
            return value
    for value in values:
        if isinstance(value, (list, tuple)):
            for part in value:
                if type(part) is Array:
                    return part
    return asarray(next((v for v in values if type(v) not in SCALARS), values[0]))


def _operand(value: Any, first: Array) -> Any:
    """Return an argument of a flat function as the library takes it."""
    lib = first._lib
    if type(value) in SCALARS:
        return value if lib.scalar_operands else lib.operand(value, first.data)
    if type(value) is Array or isinstance(value, (list, tuple)):
        return _strip(value, lib)
    return value


def _wrapped(lib: Any, out: Any) -> Any:
    """Return a raw result as recorded arrays: one, or a (named) tuple of them."""
    if isinstance(out, tuple):
        parts = [_wrapped(lib, part) for part in out]
        return type(out)(*parts) if hasattr(out, "_fields") else tuple(parts)
    return wrap(lib, out) if hasattr(out, "dtype") else out


def flat(name: str, why: str, like: Callable[..., Any] = lambda x, /: None, *, public: bool = True) -> Flat:
    """Add the row of a function without a derivative, and say why there is none.

    `like` is a function with the same parameters; only its signature is used.
    """
    return Flat(name, why, inspect.signature(like), public)


def function_of(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function that is composed of recorded ones and needs no row of its own kind."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        row = Composed(name)
        row._define(function, inspect.signature(function), function.__doc__)
        return function

    return add


class Composed(Row):
    """A function written with recorded ones that may return several arrays."""

    kind = "composite"


# --- a new variable for an old value ---------------------------------------------------


class _Alias(Row):
    """The identity: gives a value a node of its own, which a derivative can be taken to."""

    kind = "linear"

    def lift(self, node: Node) -> Any:
        return node.saved

    def pull(self, node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> tuple[Any, ...]:
        return (g,)

    def push(self, node: Node, tangents: list[Any], saved: Any, xp: Any) -> Any:
        return tangents[0]


_ALIAS = _Alias("alias", public=False)


def alias(x: Array) -> Array:
    """Return the same values as a new variable: a leaf, or a node that leads back to `x`."""
    lib = x._lib
    if x._node is None or not is_recording():
        return Array(x.data, lib, Leaf(lib))
    return Array(x.data, lib, Node(_ALIAS, lib, (x._node,), (), None))


def addition(name: str) -> Callable[[Rule], Rule]:
    """Define a function that the standard lacks on raw arrays: ``f(xp, x, ...)``."""

    def add(function: Rule) -> Rule:
        ADDITIONS[name] = function
        return function

    return add


def size_of(x: Any) -> int:
    """Return the number of elements of an array, raw or recorded, or of a Spec."""
    return math.prod(x.shape)


__all__ += ["addition", "function_of", "size_of"]
