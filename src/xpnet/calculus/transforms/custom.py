"""Functions whose derivative a user writes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ...backend.library import library_of
from ...errors import GradientError, OptionError
from ...trees import flatten
from ..array import Array
from ..convert import SCALARS, asarray, like, own
from ..kinds.custom import Custom, CustomCall
from ..tape import is_recording
from .trace import Function

__all__ = ["CustomFunction", "custom_jvp", "custom_vjp"]

_BY_PLACE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


class CustomFunction:
    """A function with rules of its own for its derivative; see `custom_vjp`."""

    def __init__(self, function: Function, nondiff_argnums: Sequence[int]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._signature = inspect.signature(function)
        places = [p for p in self._signature.parameters.values() if p.kind in _BY_PLACE]
        many = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in places)
        for i in nondiff_argnums:
            if type(i) is not int or not (many or -len(places) <= i < len(places)):
                raise OptionError(
                    f"{self._name()}: nondiff_argnums has {i!r}, but the function has "
                    f"{len(places)} positional arguments."
                )
        fixed = frozenset(i if many else i % len(places) for i in nondiff_argnums)
        single = not many and len(places) - len(fixed) == 1
        self._row = Custom(self._name(), fixed, single)

    def _name(self) -> str:
        return str(getattr(self._function, "__name__", "function"))

    def __repr__(self) -> str:
        rules = [name for name in ("vjp", "jvp") if getattr(self._row, name)]
        return f"<{self._name()} with {' and '.join(rules) or 'no'} rule of its own>"

    def defvjp(self, rule: Function) -> Function:
        """Take the reverse rule, ``rule(g, out, *args)``; see `custom_vjp`."""
        self._row.vjp = rule
        return rule

    def defjvp(self, rule: Function) -> Function:
        """Take the forward rule, ``rule(t, out, *args)``; see `custom_jvp`."""
        self._row.jvp = rule
        return rule

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Return what the function returns; its rules are used for derivatives."""
        if not is_recording():
            return self._function(*args, **options)
        bound = self._signature.bind(*args, **options)
        bound.apply_defaults()
        args, options = bound.args, bound.kwargs
        self._check_options(options)
        leaves, slots, counts = self._leaves(args)
        rebuild = flatten(list(args))[1]
        parents = tuple([leaves[i]._node for i in slots])
        plain = [x.detach() if type(x) is Array else x for x in leaves]
        result = self._function(*rebuild(own(plain)), **options)
        outs, rebuild_out = flatten(result)
        self._check_closure(outs)
        if not slots:
            return result
        outs = [_as_array(out, plain[slots[0]]) for out in outs]
        return self._row.record(
            CustomCall(plain, slots, counts, rebuild, options, outs, rebuild_out),
            parents,
        )

    def _leaves(
        self, args: tuple[Any, ...]
    ) -> tuple[list[Any], tuple[int, ...], tuple[int, ...]]:
        """Return all leaves, those that are differentiated, and how many of each."""
        trees = [flatten(arg)[0] for arg in args]
        leaves: list[Any] = []
        slots: list[int] = []
        for i, tree in enumerate(trees):
            for x in tree:
                if (
                    type(x) is Array
                    and x._node is not None
                    and i not in self._row.fixed
                ):
                    slots.append(len(leaves))
                leaves.append(x)
        return leaves, tuple(slots), tuple([len(tree) for tree in trees])

    def _check_options(self, options: dict[str, Any]) -> None:
        for name, value in options.items():
            if _on_tape(flatten(value)[0]):
                raise GradientError(
                    f"{self._name()}: the keyword-only argument {name!r} is on the "
                    "tape, and its gradient would be lost. Make it a positional "
                    "argument, or pass xn.stop_gradient(...) of it."
                )

    def _check_closure(self, outs: list[Any]) -> None:
        if _on_tape(outs):
            raise GradientError(
                f"{self._name()} uses an array on the tape that is not one of its "
                "arguments, and its gradient would be lost. Make it an argument, or "
                "use xn.stop_gradient(...) of it inside."
            )


def _as_array(out: Any, near: Array) -> Any:
    """Return a number or an array of any library as an `Array`."""
    if type(out) in SCALARS:
        return like(out, near)
    return out if library_of(out) is None else asarray(out)


def _on_tape(leaves: list[Any]) -> bool:
    return any(type(x) is Array and x._node is not None for x in leaves)


def _decorator(
    function: Function | None, nondiff_argnums: Sequence[int]
) -> CustomFunction | Callable[[Function], CustomFunction]:
    if isinstance(nondiff_argnums, int):
        nondiff_argnums = (nondiff_argnums,)
    if function is not None:
        return CustomFunction(function, nondiff_argnums)
    return lambda function: CustomFunction(function, nondiff_argnums)


def custom_vjp(
    function: Function | None = None, *, nondiff_argnums: Sequence[int] = ()
) -> Any:
    """Give a function a rule of your own for reverse mode.

    Decorate the function, then its rule with ``@function.defvjp``. The rule is called
    as ``rule(g, out, *args)`` with the cotangent of the result, the result and the
    arguments, and returns the cotangent of the argument: for several arguments a tuple,
    with None where there is none. Written with the functions of ``xp`` it serves every
    library, and derivatives of any order.

    Parameters
    ----------
    function : callable
        Takes and returns arrays or containers of arrays. What it computes is not
        recorded.
    nondiff_argnums : sequence of int
        Positional arguments that are not differentiated: the rule returns nothing for
        them. Keyword-only arguments never are.

    Returns
    -------
    CustomFunction
        The function, with the decorators `defvjp` and `defjvp` for its rules. Without
        a jvp rule, forward mode transposes the vjp rule, which must then be linear in
        `g`.

    Raises
    ------
    GradientError
        When it is differentiated: if there is no rule; if the rule gives cotangents of
        another shape, dtype or structure than the arguments; if the function uses an
        array on the tape that is not an argument.

    Notes
    -----
    In JAX and PyTorch a forward function saves what the rule needs. Here the rule gets
    the result: return what it shall not compute again as a second result.

    Examples
    --------
    >>> @custom_vjp
    ... def log1pexp(x):
    ...     return xp.log(1 + xp.exp(x))
    >>> @log1pexp.defvjp
    ... def _(g, out, x):
    ...     return g * (1 - xp.exp(-out))
    >>> xn.grad(log1pexp)(0.0)
    0.5
    >>> xn.check_grads(log1pexp, 0.0, order=2)
    """
    return _decorator(function, nondiff_argnums)


def custom_jvp(
    function: Function | None = None, *, nondiff_argnums: Sequence[int] = ()
) -> Any:
    """Give a function a rule of your own for forward mode; reverse mode follows.

    Decorate the function, then its rule with ``@function.defjvp``. The rule is called
    as ``rule(t, out, *args)`` with the tangent of the argument (for several arguments
    a tuple of them), the result and the arguments, and returns the tangent of the
    result. It is linear in `t`. Reverse mode transposes it, so it must be written with
    the functions of ``xp``.

    Parameters
    ----------
    function, nondiff_argnums
        As for `custom_vjp`.

    Returns
    -------
    CustomFunction
        The function, with the decorators `defjvp` and `defvjp` for its rules.

    Raises
    ------
    GradientError
        As for `custom_vjp`.

    Examples
    --------
    >>> @custom_jvp
    ... def cube(x):
    ...     return x**3
    >>> @cube.defjvp
    ... def _(t, out, x):
    ...     return 3 * x**2 * t
    >>> xn.grad(cube)(2.0), xn.jvp(cube, (2.0,), (1.0,))
    (12.0, (8.0, 12.0))
    """
    return _decorator(function, nondiff_argnums)
