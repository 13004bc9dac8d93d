"""The tape made readable: each recorded operation with its inputs and its value.

The tape keeps what the derivative rules need, no more. The values that it did not keep
are computed again, by the same function from the same inputs and so to the same bits. A
function that is one piece on the tape (a linear layer, a loss) is taken apart by its
reference. Nothing is written: neither the tape nor any array changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..calculus.array import Array
from ..calculus.kinds.composite import Composite, Fused, alias
from ..calculus.kinds.custom import Custom, CustomCall
from ..calculus.kinds.linear import Call, LinearSequence
from ..calculus.kinds.several import Cotangents, Several
from ..calculus.rule import Binary, Row, Spec, Unary
from ..calculus.table.searching import Choice
from ..calculus.tape import Leaf, Node, no_grad, recording_as
from ..calculus.transforms.checkpoint import run_again
from ..errors import GradientError

__all__ = ["WHOLE", "Constant", "Step", "Trace", "is_plain_loss", "run"]

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


class Constant:
    """An input that is not on the tape: it is held constant."""

    __slots__ = ("name", "named", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.name = ""
        self.named = False  # after a word of the user's


class Step:
    """One operation, or a variable.

    Attributes
    ----------
    node : Node or Leaf
        Its place on the tape.
    row : Row or None
        Its row in the table of derivatives; None for a variable.
    inputs : list of Step or Constant
        Its array arguments.
    rest, options
        Its other arguments.
    pick : int or None
        Which result it is, where the function has several.
    value : array or None
        Its value, the library's own array; None where it cannot be known.
    outer : Node
        The node on the user's tape that it is a part of.
    """

    def __init__(self, node: Any, outer: Any) -> None:
        self.node = node
        self.outer = outer
        self.row: Row | None = None if type(node) is Leaf else node.row
        self.saved: Any = None  # also when a backward pass has released the node
        self.inputs: list[Step | Constant] = []
        self.rest: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}
        self.pick: int | None = None
        self.value: Any = None
        self.id = 0
        self.name = ""
        self.named = False

    @property
    def lib(self) -> Any:
        """The library of its arrays."""
        return self.node.lib

    def __repr__(self) -> str:
        return f"<{self.id}: {self.name or self.operation}>"

    @property
    def operation(self) -> str:
        """The name of its row; ``"variable"`` for a leaf."""
        return "variable" if self.row is None else self.row.name

    @property
    def parts(self) -> list[tuple[int, Step]]:
        """The inputs that are on the tape, each with its place among the inputs."""
        return [(i, x) for i, x in enumerate(self.inputs) if type(x) is Step]

    @property
    def is_identity(self) -> bool:
        """Whether it is a choice that chose its one variable everywhere: a guard."""
        if self.operation != "where" or len(self.parts) != 1 or self.value is None:
            return False
        ((i, x),) = self.parts
        if x.value is None or tuple(x.value.shape) != tuple(self.value.shape):
            return False
        chosen = self.lib.to_host(self.rest[0])
        return bool(chosen.all() if i == 0 else not chosen.any())

    def pull(self, g: Any, only: int | None = None) -> list[Any]:
        """Return what each input gets of a cotangent, by the row's own rule.

        With `only` the rule is asked for that input alone.
        """
        parents = tuple(
            [
                p if only is None or i == only else None
                for i, p in enumerate(self.node.parents)
            ]
        )
        cotangent = g if self.pick is None else Cotangents({self.pick: g})
        with recording_as(False), self.lib.quiet():
            found = self._row.pull(
                self.node, parents, self.saved, cotangent, self.lib.raw
            )
        return list(found)

    def push(self, tangents: Mapping[int, Any]) -> Any:
        """Return the tangent of the result, given those of some inputs."""
        incoming = [tangents.get(i) for i in range(len(self.node.parents))]
        with recording_as(False), self.lib.quiet():
            out = self._row.push(self.node, incoming, self.saved, self.lib.raw)
        if self.pick is not None:
            out = out[self.pick]
            out = out.make() if hasattr(out, "make") else out
        return out

    @property
    def _row(self) -> Row:
        assert self.row is not None
        return self.row

    @property
    def can_run(self) -> bool:
        """Whether it can be computed again from other inputs."""
        return not isinstance(self.row, Custom)

    def compute(self, values: list[Any]) -> Any:
        """Return the result for other values of the inputs, off the tape."""
        lib, row = self.lib, self._row
        given = [
            x
            if x is None or isinstance(x, (bool, int, float, complex))
            else Array(x, lib)
            for x in values
        ]
        name, function = row.name, row.function
        with no_grad(), lib.quiet():
            if name == "where":
                out = function(Array(self.rest[0], lib), *given)
            elif name in ("getitem", "scatter"):
                out = function(*given, *self.rest)
            elif name == "setitem":
                out = function(given[0], self.rest[0], given[1])
            elif isinstance(row, LinearSequence):
                out = function(given, **self.options)
            else:
                out = function(*given, *self.rest, **self.options)
        if self.pick is not None:
            out = out[self.pick]
        return out.data


class Trace:
    """What a result was computed from.

    Attributes
    ----------
    steps : list of Step
        In order of computation; the last one is the result.
    """

    def __init__(self, result: Array) -> None:
        self.lib = result._lib
        self._again: dict[Node, Any] = {}
        self._steps: dict[Any, Step] = {}
        self._outer: dict[Any, Any] = {}  # of the parts of a function: the function
        self._links: dict[Any, Any] = {}  # what a node only stands for
        self.functions: dict[Any, str] = {}  # by the last node of their parts
        self._keep: list[Any] = []  # arrays whose leaves are looked at
        self._collect(result._node)
        self.result = self._steps[self._real(result._node)]
        self.steps = _in_order(self.result)
        for i, step in enumerate(self.steps):
            step.id = i
        self.result.value = result.data
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
            raise GradientError(_used(node))
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
            raise GradientError(_used(node))
        step.saved = node.saved
        kept, step.rest, step.options = _arguments(node)
        step.inputs = []
        for parent, value in zip(node.parents, kept, strict=True):
            if parent is None:
                step.inputs.append(Constant(value))
                continue
            above = self._steps[self._real(parent)]
            step.inputs.append(above)
            if above.value is None and _is_value(value):
                above.value = value
        out = _result(node, step.pick)
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


def run(
    trace: Trace,
    changed: Mapping[Step, Any],
    convert: Callable[[Any], Any] = lambda x: x,
    dtype: Any = None,
) -> Any:
    """Return the result for other values of some variables.

    Everything that depends on them is computed again by the library's functions.
    `convert` is applied to every other value, `dtype` takes the place of the floating
    dtypes among the options.
    """
    values: dict[Step, Any] = dict(changed)
    for step in trace.steps:
        if step in values:
            continue
        if not any(x in values for _, x in step.parts):
            continue
        if not step.can_run:
            raise GradientError(
                f"{step.operation}: a function with a rule of the user's own cannot be "
                "computed again from the tape."
            )
        given = [
            values[x] if type(x) is Step and x in values else convert(x.value)
            for x in step.inputs
        ]
        values[step] = (
            step.compute(given) if dtype is None else _wider(step, given, dtype)
        )
    return values.get(trace.result, trace.result.value)


def _wider(step: Step, given: list[Any], dtype: Any) -> Any:
    """Compute a step in a wider dtype than it was computed in."""
    lib = step.lib

    def wide(value: Any) -> Any:
        try:
            if lib.is_floating(value):
                return dtype
        except Exception:
            pass
        return value

    rest, options = step.rest, step.options
    try:
        step.rest = tuple(wide(v) for v in rest)
        step.options = {key: wide(v) for key, v in options.items()}
        return step.compute(given)
    finally:
        step.rest, step.options = rest, options


def is_plain_loss(node: Any) -> bool:
    """Tell whether a loss has no weights and no options that change its formula."""
    call = node.saved
    if call is None or call.options.get("reduction") not in ("mean", "sum"):
        return False
    if call.options.get("label_smoothing"):
        return False
    if any(x is not None for x in call.arrays[2:]):
        return False
    ignored = call.options.get("ignore_index")
    labels = call.arrays[1]
    return ignored is None or not bool((labels == ignored).any())


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


def _arguments(node: Node) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
    """Return what a node kept of its array arguments, and its other arguments."""
    row, saved = node.row, node.saved
    if isinstance(row, (Unary, Binary)):
        return list(saved[: len(node.parents)]), (), {}
    if isinstance(saved, Call):
        return list(saved.arrays), saved.rest, saved.options
    if isinstance(saved, CustomCall):
        return [saved.leaves[i].data for i in saved.slots], (), saved.options
    if isinstance(saved, Choice):
        return [saved.x, saved.y], (saved.condition,), {}
    if row.name == "setitem":
        key, _, constant = saved
        return [constant if p is None else None for p in node.parents], (key,), {}
    if row.name == "getitem":
        return [None], (saved[1],), {}
    if row.name == "scatter":
        return [None], saved, {}
    if row.name == "to_device":
        return [None], (saved[3],), {}
    return [None] * len(node.parents), (), {}


def _result(node: Node, pick: int | None) -> Any:
    """Return the result of a node, where it was kept."""
    row, saved = node.row, node.saved
    if isinstance(saved, CustomCall):
        out = saved.outs[pick or 0]
        return out.data if type(out) is Array else out
    if isinstance(row, Several):
        return saved.out[pick]
    if isinstance(row, (Unary, Binary)):
        return saved[-1]
    if isinstance(saved, Call) and not isinstance(row, Fused):
        return saved.out
    return None


def _is_value(value: Any) -> bool:
    return value is not None and type(value) is not Spec


def _missing(x: Step | Constant) -> bool:
    """Tell whether the value of an input is not known; None is one for a constant."""
    return type(x.value) is Spec or (type(x) is Step and x.value is None)


def _used(node: Node) -> str:
    return (
        f"explain: {node.row.name} was already used by a backward pass, which released "
        "what it kept. Explain first, or call backward(retain_graph=True).\n"
        f"  recorded at {node.where()}"
    )
