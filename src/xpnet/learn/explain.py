"""`explain`: the chain rule of a result, read from its tape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..calculus.array import Array
from ..errors import GradientError, OptionError, ShapeError
from ..nn.module import Module
from ..trees import flatten
from .explanation import Explanation, Variable
from .factors import Factor
from .naming import callers_names, known_names, name_steps
from .numeric import Nudge, nudge_of
from .paths import gradients
from .steps import Step
from .trace import Trace

__all__ = ["Explanation", "Factor", "Variable", "explain", "nudge"]


def explain(
    loss: Array,
    wrt: Any = None,
    *,
    paths: int = 8,
    names: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain how a result changes with what it was computed from.

    The tape of `loss` is read: every operation with its value; every path from a
    variable `w` to the loss, as names (``∂loss/∂z · ∂z/∂w``), as symbols from the table
    of derivatives, and as numbers; and the sum over the paths, beside the gradient of
    the tape and a finite difference. Nothing is changed by it: no gradient, no tape, no
    bit of a value.

    Parameters
    ----------
    loss : Array
        One number on the tape, before a backward pass has released it.
    wrt : Array, Module, or container of arrays, optional
        What to explain the change with: variables, or results on the way. All variables
        when omitted.
    paths : int
        How many paths are written out for each variable: the strongest, and "the rest".
    names : mapping of str to array, optional
        What to call arrays; by default what the caller's variables and source lines
        call them.

    Returns
    -------
    Explanation
        ``print(...)`` gives text, a notebook shows HTML, ``.to_dict()`` has everything.
        Use ``.element(index)`` to see one element of a gradient as its sum, and
        ``.nudge(delta)`` to try the prediction.

    Raises
    ------
    ShapeError
        If `loss` is not one number.
    GradientError
        If `loss` is not on the tape, or does not depend on `wrt`, or a backward pass
        has released the tape.

    Notes
    -----
    A function that is one operation on the tape (a linear layer, a loss) is taken
    apart into the operations of its reference. Convolutions, pooling, normalization
    and recurrent layers stay whole. A value that the tape did not keep is computed
    again, by the same function of the same values.

    Examples
    --------
    >>> import xpnet as xn
    >>> w = xn.asarray(3.0, requires_grad=True)
    >>> loss = w**2
    >>> print(xn.explain(loss, wrt=w))
    loss = 9
    <BLANKLINE>
    Forward
      w     variable  3
      loss  w²        9  line 1: loss = w**2
    <BLANKLINE>
    How loss changes with w
      w → loss
        ∂loss/∂w = 2w
                 = 6
      sum of 1 path        6
      the tape's gradient  6
      finite difference    6
      rules of the table
        pow  ∂out/∂x = y·xʸ⁻¹  here 2·3 = 6
    """
    if type(paths) is not int or paths < 1:
        raise OptionError(f"explain: paths must be an integer >= 1, not {paths!r}.")
    trace = _traced(loss, "explain")
    given = callers_names() if names is None else names
    name_steps(trace, given)
    unreached = _unreached(trace, wrt, given)
    return Explanation(trace, loss, _variables(trace, wrt), paths, unreached)


def nudge(
    loss: Array,
    wrt: Array,
    delta: Any,
    *,
    names: Mapping[str, Any] | None = None,
) -> Nudge:
    """Change a variable a little: what its gradient predicts, and what happens.

    The tangent predicts ``gradient · delta``, summed over the elements. What happens is
    computed by running the operations of the tape again, in float64.

    Parameters
    ----------
    loss : Array
        One number on the tape, before a backward pass has released it.
    wrt : Array
        What is changed: a variable, or a result on the way.
    delta : number or array
        The change, of the shape of `wrt` or one number for all its elements.
    names : mapping of str to array, optional
        What to call arrays, as in `explain`.

    Raises
    ------
    ShapeError
        If the change has another shape than `wrt`, or `loss` is not one number.
    GradientError
        As `explain`; and if something on the way has a rule of the user's own.

    Examples
    --------
    >>> import xpnet as xn
    >>> x = xn.asarray(3.0, requires_grad=True)
    >>> y = x**2
    >>> print(nudge(y, x, 0.01))
    x changes by 0.01
      predicted change of y (gradient × change)  0.06
      actual change of y                         0.0601
      the prediction is off by 0.166 %
    """
    trace = _traced(loss, "nudge")
    name_steps(trace, callers_names() if names is None else names)
    (step,) = list(_variables(trace, wrt))[:1]
    return nudge_of(trace, step, gradients(trace), delta)


def _traced(loss: Array, what: str) -> Trace:
    """Return the trace of one number on the tape."""
    if type(loss) is not Array or loss._node is None:
        raise GradientError(
            f"{what}: the result is not on the tape. Make a variable with "
            "requires_grad=True and compute the result from it."
        )
    if loss.size != 1:
        raise ShapeError(
            f"{what}: the result has shape {loss.shape}, and one number is explained "
            "at a time. Take xp.sum(result), or one element: result[0]."
        )
    if loss._lib.is_complex(loss.data):
        raise GradientError(
            f"{what}: the result is {loss.dtype}; a gradient needs a real number. Take "
            "xp.abs(result), or xp.real(result)."
        )
    return Trace(loss)


def _variables(trace: Trace, wrt: Any) -> dict[Step, Any]:
    """Return the steps to explain the change with, and their nodes on the tape."""
    if wrt is None:
        return {step: step.node for step in trace.steps if step.row is None}
    given = [x for x in flatten(wrt)[0] if type(x) is Array]
    if not given:
        raise OptionError(
            "explain: wrt must be an array, a module, or a list or dict of arrays, not "
            f"{wrt!r:.60}. To choose by name, explain all and ask for .variable(name)."
        )
    arrays = [x for x in given if x._node is not None]
    found = {trace.of(x._node): x._node for x in arrays}
    steps = {step: node for step, node in found.items() if step is not None}
    if not steps:
        raise GradientError(
            "explain: the result does not depend on wrt. Was wrt made with "
            "requires_grad=True before the result was computed from it?"
        )
    return steps


def _unreached(trace: Trace, wrt: Any, names: Mapping[str, Any]) -> list[str]:
    """Return what to call those of the arrays asked for that the result does not use.

    Of a model these are parameters; its other arrays nobody asked for.
    """
    arrays = [x for x in flatten(wrt)[0] if type(x) is Array]
    if isinstance(wrt, Module):
        arrays = [x for x in arrays if x._node is not None]
    known = known_names(names)
    return [
        known.nodes.get(x._node)
        or known.arrays.get(id(x.data))
        or f"an array of shape {x.shape}"
        for x in arrays
        if x._node is None or trace.of(x._node) is None
    ]
