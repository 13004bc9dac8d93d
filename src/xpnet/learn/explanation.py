"""What `explain` returns: the chain rule of one result, with its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from ..calculus.array import Array
from ..calculus.tape import Node, pull_back
from ..errors import OptionError
from .factors import Factor, factor_of
from .numeric import Difference, check, nudge_of
from .paths import Edge, Path, edge_scales, find_paths, gradients
from .steps import Constant, Step
from .trace import Trace

__all__ = ["Explanation", "Variable"]


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
