"""`explain`: the chain rule of a result, read from its tape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from ..calculus.array import Array
from ..calculus.tape import Node, pull_back
from ..errors import GradientError, OptionError, ShapeError
from ..nn.module import Module
from ..trees import flatten
from .factors import Factor, factor_of
from .naming import callers_names, known_names, name_steps
from .numeric import Difference, Nudge, check, nudge_of
from .paths import Edge, Path, edge_scales, find_paths, gradients
from .steps import Constant, Step
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


@dataclass(frozen=True, eq=False, slots=True)
class Variable:
    """What an explanation says of one variable."""

    step: Step
    paths: list[Path]
    count: int
    total: Any
    rest: Any
    gradient: Any
    differences: list[Difference]


@final
class Explanation:
    """The chain rule of one result, with its numbers; made by `explain`.

    Attributes
    ----------
    trace : Trace
        The operations that the result was computed by.
    variables : list of Variable
        For each variable its paths, and the three numbers that must agree.
    unreached : list of str
        What was asked for, but the result does not depend on.
    """

    def __init__(
        self,
        trace: Trace,
        loss: Array,
        variables: dict[Step, Any],
        limit: int,
        unreached: list[str],
    ) -> None:
        self.trace = trace
        self.unreached = unreached
        self.gradients = gradients(trace)
        taped = _tapes_gradients(loss, list(variables.values()))
        scales = edge_scales(trace, self.gradients)
        self.variables = []
        for step, node in variables.items():
            found = find_paths(trace, step, self.gradients, scales, limit)
            g = taped.get(node)
            differences = check(trace, step, g, len(variables))
            self.variables.append(
                Variable(
                    step,
                    found.found,
                    found.count,
                    found.total,
                    found.rest,
                    g,
                    differences,
                )
            )

    @property
    def loss(self) -> Step:
        """The step of the result."""
        return self.trace.result

    @property
    def constants(self) -> list[Constant]:
        """The inputs off the tape that have a name: they are held constant."""
        found = {
            x.name: x
            for step in self.trace.steps
            for x in step.inputs
            if type(x) is Constant and x.named
        }
        return list(found.values())

    def held(self, step: Step) -> list[str]:
        """Return what stays as it is while a step changes: variables, then constants.

        What the result depends on only through that step is not among it.
        """
        seen: dict[Step, None] = {self.loss: None}
        todo = [self.loss] if self.loss is not step else []
        for one in todo:  # grows while it runs
            new = [x for _, x in one.parts if x is not step and x not in seen]
            seen.update(dict.fromkeys(new))
            todo += dict.fromkeys(new)
        constants = {
            x.name
            for one in todo
            for x in one.inputs
            if type(x) is Constant and x.named
        }
        variables = [x.name for x in self.trace.steps if x.row is None and x in seen]
        return [
            *(name for name in variables if name != step.name),
            *(x.name for x in self.constants if x.name in constants),
        ]

    def step(self, name: str) -> Step:
        """Return the step of a name."""
        for step in self.trace.steps:
            if step.name == name:
                return step
        known = ", ".join(step.name for step in self.trace.steps if step.named)
        raise OptionError(f"explain: nothing is called {name!r}; there are {known}.")

    def variable(self, name: str | None = None) -> Variable:
        """Return what is said of one variable; of the only one without a name."""
        if name is None and len(self.variables) == 1:
            return self.variables[0]
        for variable in self.variables:
            if variable.step.name == name:
                return variable
        known = ", ".join(variable.step.name for variable in self.variables)
        if name is None:
            raise OptionError(f"explain: say which variable: {known}.")
        raise OptionError(
            f"explain: no variable is called {name!r}; there are {known}."
        )

    def gradient(self, name: str | None = None) -> Any:
        """Return the tape's gradient of a variable, as the library's array."""
        return self.variable(name).gradient

    def element(self, *index: int, of: str | None = None) -> Any:
        """Return how one element of a gradient is a sum, see `Element`."""
        from .element import Element

        self.trace.check()
        return Element(self, self.variable(of).step, index)

    def nudge(self, delta: Any, of: str | None = None) -> Any:
        """Return what a small change of a variable does: predicted, and computed."""
        self.trace.check()
        return nudge_of(self.trace, self.variable(of).step, self.gradients, delta)

    # --- factors ----------------------------------------------------------------------

    def factors(self, path: Path) -> list[Factor]:
        """Return the factors of a path, from the result down to the variable.

        Operations without a name of their own are counted to the named value that they
        are a part of, so that ``z = w * x + b`` is one factor, ``∂z/∂w = x``.
        """
        self.trace.check()
        found: list[Factor] = []
        group: list[Edge] = []
        value = self.trace.lib.raw.ones_like(self.loss.value)
        for i, edge in enumerate(path.edges):
            group.append(edge)
            value = edge.step.pull(value, only=edge.index)[edge.index]
            if edge.below.named or i == len(path.edges) - 1:
                found.append(factor_of(group, value, not found))
                group = []
        return found

    # --- outputs ----------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dictionaries, lists, numbers and strings (JSON)."""
        from .record import record

        return record(self)

    def __str__(self) -> str:
        from .report import report

        return report(self)

    def __repr__(self) -> str:
        wrt = ", ".join(variable.step.name for variable in self.variables)
        return f"<Explanation of {self.loss.name} with respect to {wrt}>"

    def _repr_html_(self) -> str:
        from .html import explanation_html

        return explanation_html(self.to_dict())


def _tapes_gradients(loss: Array, wanted: list[Any]) -> dict[Any, Any]:
    """Return what a backward pass gives, with the tape's own walk and its own twins."""
    seed = [(loss._node, loss._lib.raw.ones_like(loss.data))]
    return pull_back(seed, wanted, keep=True, step=_without_hooks)


def _without_hooks(
    node: Node, parents: Any, g: Any, cotangents: Any, higher: bool
) -> Any:
    """Take a cotangent through a node as training does, but call nobody's hooks."""
    row = node.row
    if row.name == "watch":
        return tuple([g.parts.get(i) for i in range(len(node.parents))])
    if row.nested:
        return row.pull_nested(node, parents, g, cotangents, higher, _without_hooks)
    if row.writes:
        return row.pull_into(node, parents, node.saved, g, (None,) * len(parents))
    return row.pull(node, parents, node.saved, g, node.lib.raw)
