"""Reverse mode: from a function to its gradient, or to its pull of cotangents."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ...errors import GradientError
from ...trees import flatten
from ..array import Array
from ..convert import asarray, own
from ..tape import is_recording
from .trace import Function, Trace, as_arrays, as_numbers, matching, pair, result_kind

__all__ = ["grad", "stop_gradient", "value_and_grad", "vjp"]


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
    DTypeError
        If an argument holds something other than floating-point numbers.

    Examples
    --------
    >>> value_and_grad(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    numbers, single = as_numbers(argnums)

    @functools.wraps(function)
    def derivative(*args: Any, **options: Any) -> Any:
        trace = Trace(function, args, options, numbers, "grad")
        result, aux = pair(trace.result, "grad") if has_aux else (trace.result, None)
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
        shown = result_kind(trace.kinds)(out)
        if not higher:  # the tape is released: what was returned beside leaves it
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

    Raises
    ------
    GradientError, DTypeError
        As for `value_and_grad`.

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


def vjp(function: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Return the value of a function and the function that pulls cotangents back.

    Parameters
    ----------
    function : callable
        Returns an array or a container of arrays.
    *primals : array or container
        Where to evaluate it.
    has_aux : bool
        The function returns ``(value, aux)``; `aux` is returned as a third result.

    Returns
    -------
    value
        ``function(*primals)``.
    pull : callable
        ``pull(g)``, with `g` like the value, returns the tuple of cotangents, one for
        each of `primals`: ``g`` times the Jacobian.

    Raises
    ------
    DTypeError
        If a primal holds something other than floating-point numbers.
    ShapeError
        By `pull`, if `g` has not the structure and shapes of the value.

    Examples
    --------
    >>> y, pull = vjp(lambda x: x * x, 3.0)
    >>> y, pull(1.0)
    (9.0, (6.0,))
    """
    trace = Trace(function, primals, {}, tuple(range(len(primals))), "vjp")
    result, aux = pair(trace.result, "vjp") if has_aux else (trace.result, None)
    leaves, rebuild = flatten(result)
    outs = as_arrays(leaves)
    recorded = trace.higher(outs)
    convert = result_kind(trace.kinds)
    shown = own(outs) if recorded else [out.detach() for out in outs]
    value = rebuild([convert(out) for out in shown])

    def pull(g: Any) -> Any:
        cotangents = matching(result, g, outs, "vjp: the cotangent", "result")
        higher = is_recording() and (
            recorded or any(c.requires_grad for c in cotangents)
        )
        seeds = [
            (out._node, c if higher else c.data)
            for out, c in zip(outs, cotangents, strict=True)
            if out._node is not None
        ]
        found = trace.cotangents(seeds, higher=higher, keep=True)
        return trace.rebuilt(found, single=False)

    if not has_aux:
        return value, pull
    return value, pull, aux if recorded else stop_gradient(aux)


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
