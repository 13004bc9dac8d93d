"""The tape made readable: each recorded operation with its inputs and its value.

The tape keeps what the derivative rules need, no more. The values that it did not keep
are computed again, by the same function from the same inputs and so to the same bits. A
function that is one piece on the tape (a linear layer, a loss) is taken apart by its
reference. Nothing is written: neither the tape nor any array changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..calculus.array import Array
from ..calculus.kinds.composite import Composite, alias
from ..calculus.rule import Spec
from ..calculus.tape import Leaf, Node, recording_as
from ..calculus.transforms.checkpoint import run_again
from ..errors import GradientError
from .kept import arguments, is_plain_loss, is_value, result, used
from .steps import Constant, Step

__all__ = ["WHOLE", "Trace"]

_PIECES = 16
"""A function that falls into more operations than this stays whole."""

WHOLE = frozenset(
    """attention avg_pool batch_norm batch_norm_fixed convolution embedding layer_norm
    local_response_norm max_pool packed_attention rms_norm scale_channels
    transposed_convolution""".split()
)
"""Functions with a picture of their own in mind: these stay whole."""

_LOSSES = frozenset("""binary_cross_entropy_with_logits cross_entropy""".split())
"""Losses whose derivative is simpler than its parts, where no option changes it."""


class Trace:
    """What a result was computed from.

    Attributes
    ----------
    steps : list of Step
        In order of computation; the last one is the result.
    """

    def __init__(self, loss: Array) -> None:
        self.lib = loss._lib
        self._again: dict[Node, Any] = {}
        self._steps: dict[Any, Step] = {}
        self._outer: dict[Any, Any] = {}  # of the parts of a function: the function
        self._links: dict[Any, Any] = {}  # what a node only stands for
        self.functions: dict[Any, str] = {}  # by the last node of their parts
        self._keep: list[Any] = []  # arrays whose leaves are looked at
        self._collect(loss._node)
        self.result = self._steps[self._real(loss._node)]
        self.steps = _in_order(self.result)
        for i, step in enumerate(self.steps):
            step.id = i
        self.result.value = loss.data
        self.check()
        self._fill()

    def check(self) -> None:
        """Raise if values on the tape were changed since: then no number holds."""
        for step in self.steps:
            for _, x in step.parts:
                if x.row is None and x.node.changed > step.outer.number:
                    raise GradientError(f"explain: {x.node.why} Explain before that.")

    def of(self, node: Any) -> Step | None:
        """Return the step of a node on the tape, if it is among them."""
        return self._steps.get(self._real(node))

    # --- from the tape to steps -------------------------------------------------------

    def _real(self, node: Any) -> Any:
        """Return the node that a node stands for."""
        while True:
            if node in self._links:
                node = self._links[node]
            elif type(node) is Leaf:
                return node
            elif node.row.name == "alias":
                node = node.parents[0]
            elif node.row.name == "pick" and node.parents[0].row.name == "watch":
                node = node.parents[0].parents[node.saved]
            elif node.row.name == "pick" and node.parents[0].row.name == "checkpoint":
                node = self._second_run(node.parents[0]).nodes[node.saved]
            else:
                return node

    def _second_run(self, node: Node) -> Any:
        """Return the tape of a checkpoint's second run, made once."""
        if node not in self._again:
            self._again[node] = run_again(node)
        return self._again[node]

    def _collect(self, root: Any) -> None:
        """Make the steps that a node depends on, and connect them."""
        todo = [root]
        while todo:
            node = self._real(todo.pop())
            if node in self._steps:
                continue
            inner = None if type(node) is Leaf else self._pieces(node)
            if inner is not None:
                todo.append(inner)
                continue
            self._steps[node] = Step(node, self._outer.get(node, node))
            todo.extend([p for p in _parents(node) if p is not None])
        for step in self._steps.values():
            if step.row is not None:
                self._connect(step)

    def _pieces(self, node: Node) -> Any:
        """Return the last node of a function's parts; None where it stays whole."""
        row = node.row
        if not isinstance(row, Composite) or row.name in WHOLE:
            return None
        if row.name in _LOSSES and is_plain_loss(node):
            return None
        saved = node.saved
        if saved is None:
            raise GradientError(used(node))
        arrays: list[Any] = []
        mine: dict[Any, Any] = {}
        with recording_as(True):
            for x, parent in zip(saved.arrays, node.parents, strict=True):
                if x is None or parent is None:
                    arrays.append(None if x is None else Array(x, node.lib))
                    continue
                new = alias(Array(x, node.lib))
                mine[new._node] = parent
                arrays.append(new)
        out = row._run(node, arrays, saved)
        if out._node is None:
            return None
        parts = _down_to(out._node, mine)
        if len(parts) > _PIECES:
            return None
        self._keep.extend(arrays)
        self._outer.update(dict.fromkeys(parts, self._outer.get(node, node)))
        self._links.update(mine)
        self._links[node] = out._node
        self.functions[out._node] = row.name
        return out._node

    def _connect(self, step: Step) -> None:
        """Give a step its inputs, and the other arguments of its function."""
        node = step.node
        if node.row.name == "pick":
            step.pick, node = node.saved, node.parents[0]
            step.row, step.node = node.row, node
        if node.saved is None:
            raise GradientError(used(node))
        step.saved = node.saved
        kept, step.rest, step.options = arguments(node)
        step.inputs = []
        for parent, value in zip(node.parents, kept, strict=True):
            if parent is None:
                step.inputs.append(Constant(value))
                continue
            above = self._steps[self._real(parent)]
            step.inputs.append(above)
            if above.value is None and is_value(value):
                above.value = value
        out = result(node, step.pick)
        if out is not None:
            step.value = out

    # --- values -----------------------------------------------------------------------

    def _fill(self) -> None:
        """Compute the values that the tape did not keep."""
        for step in self.steps:
            if step.value is not None:
                continue
            if step.row is None:
                array = step.node.owner and step.node.owner()
                step.value = None if array is None else array.data
            elif step.can_run:
                values = [x.value for x in step.inputs]
                if not any(_missing(x) for x in step.inputs):
                    step.value = step.compute(values)


def _parents(node: Any) -> tuple[Any, ...]:
    """Return the parents of a node, or of the call whose result it picks."""
    if type(node) is Node and node.row.name == "pick":
        node = node.parents[0]
    parents: tuple[Any, ...] = node.parents
    return parents


def _down_to(node: Any, stops: Iterable[Any]) -> list[Any]:
    """Return the nodes that a node depends on, itself too, down to the stops."""
    seen, found = {node, *stops}, [node]
    for one in found:  # grows while it runs
        for parent in one.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                found.append(parent)
    return found


def _in_order(result: Step) -> list[Step]:
    """Return the steps in an order of computation, first arguments first."""
    order: dict[Step, None] = {}
    stack: list[tuple[Step, bool]] = [(result, False)]
    while stack:
        step, ready = stack.pop()
        if ready:
            order[step] = None
        elif step not in order:
            stack.append((step, True))
            stack.extend(
                [(x, False) for _, x in reversed(step.parts) if x not in order]
            )
    return list(order)


def _missing(x: Step | Constant) -> bool:
    """Tell whether the value of an input is not known; None is one for a constant."""
    return type(x.value) is Spec or (type(x) is Step and x.value is None)
