"""Forward mode: derivatives along a direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import GradientError, ShapeError
from ...trees import flatten
from ..array import Array
from ..convert import own
from ..tape import is_recording, push_forward
from .gradients import grad
from .trace import Function, Trace, as_arrays, matching, result_kind

__all__ = ["hvp", "jvp", "linearize"]


def _check_tuples(what: str, primals: Any, tangents: Any) -> None:
    """Refuse arguments that are not two tuples of one length."""
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise GradientError(
                f"{what}: {name} is a {type(given).__name__}, not a tuple with one "
                f"entry for each argument, as in xn.{what}(f, (3.0,), (1.0,))."
            )
    if len(primals) != len(tangents):
        raise ShapeError(
            f"{what}: {len(primals)} primals but {len(tangents)} tangents."
        )


class _Pushed:
    """A recorded call, and the tangents of its results."""

    def __init__(self, function: Function, primals: tuple[Any, ...], what: str) -> None:
        self.primals, self.what = primals, what
        self.trace = Trace(function, primals, {}, tuple(range(len(primals))), what)
        leaves, self.rebuild = flatten(self.trace.result)
        self.outs = as_arrays(leaves)
        self.convert = result_kind(self.trace.kinds)

    def directions(self, tangents: tuple[Any, ...]) -> list[Array]:
        """Return tangents as arrays that fit the variables."""
        return matching(
            self.primals,
            tangents,
            self.trace.variables,
            f"{self.what}: a tangent",
            "primal",
        )

    def value(self, higher: bool) -> Any:
        """Return the function's result, on the tape where that is wanted."""
        shown = own(self.outs) if higher else [out.detach() for out in self.outs]
        return self.rebuild([self.convert(out) for out in shown])

    def push(self, directions: list[Array], higher: bool) -> Any:
        """Return the tangent of the result, zeros where it ignores the variables."""
        known = {
            x._node: t if higher else t.data
            for x, t in zip(self.trace.variables, directions, strict=True)
        }
        nodes = [out._node for out in self.outs]
        pushed = push_forward(nodes, known, since=self.trace.since, higher=higher)
        results = []
        for out, t in zip(self.outs, pushed, strict=True):
            lib = out._lib
            if t is None:
                t = lib.raw.zeros_like(out.data)
            result = t if type(t) is Array else Array(lib.copy(t), lib)
            results.append(self.convert(result))
        return self.rebuild(results)


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

    Raises
    ------
    DTypeError
        If a primal holds something other than floating-point numbers.
    ShapeError
        If the tangents have not the structure and shapes of the primals.

    Examples
    --------
    >>> jvp(lambda x: x * x, (3.0,), (1.0,))
    (9.0, 6.0)
    """
    _check_tuples("jvp", primals, tangents)
    call = _Pushed(function, tuple(primals), "jvp")
    directions = call.directions(tuple(tangents))
    higher = call.trace.higher(call.outs, directions)
    tangent = call.push(directions, higher)
    return call.value(higher), tangent


def linearize(function: Function, *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """Return the value of a function and its derivative there, as a function.

    The function runs once; what it recorded serves for any number of directions.

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
    push : callable
        ``push(*tangents)``, with one tangent for each of `primals`, returns the
        Jacobian times the tangents, in the container of the value. It is linear.

    Raises
    ------
    DTypeError
        If a primal holds something other than floating-point numbers.
    ShapeError
        By `push`, if the tangents have not the structure and shapes of the primals.

    Examples
    --------
    >>> y, push = linearize(lambda x: x * x, 3.0)
    >>> y, push(1.0), push(10.0)
    (9.0, 6.0, 60.0)
    """
    call = _Pushed(function, primals, "linearize")
    recorded = call.trace.higher(call.outs)

    def push(*tangents: Any) -> Any:
        if len(tangents) != len(primals):
            raise ShapeError(
                f"linearize: {len(primals)} primals but {len(tangents)} tangents."
            )
        directions = call.directions(tangents)
        higher = is_recording() and (
            recorded or any(t.requires_grad for t in directions)
        )
        return call.push(directions, higher)

    return call.value(recorded), push


def hvp(
    function: Function, primals: Sequence[Any], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the gradient of a function and its Hessian times a direction.

    The Hessian is not formed: the direction is pushed forward through the gradient, at
    a small multiple of the cost of one gradient.

    Parameters
    ----------
    function : callable
        Returns one real number.
    primals : sequence
        Where to evaluate it: the arguments.
    tangents : sequence
        The direction: one tangent for each argument, of its shape.

    Returns
    -------
    gradient : tuple
        The gradient with respect to each argument.
    product : tuple
        The Hessian times the tangents, one part for each argument.

    Raises
    ------
    GradientError
        If the function does not return one real number.

    Notes
    -----
    ``torch.autograd.functional.hvp`` returns the value of the function in place of its
    gradient, and runs reverse mode twice.

    Examples
    --------
    >>> hvp(lambda x: x**3, (2.0,), (10.0,))
    ((12.0,), (120.0,))
    """
    _check_tuples("hvp", primals, tangents)
    return jvp(grad(function, tuple(range(len(primals)))), primals, tangents)
