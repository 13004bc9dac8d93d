"""`summary`: what each layer gives, holds, computes and keeps, as numbers."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..calculus.array import Array
from ..calculus.convert import asarray
from ..calculus.flops import Work, work_of
from ..calculus.memory import _Kept, _nodes, _size
from ..calculus.tape import mark, no_grad, recording_as
from ..errors import OptionError, XpnetError
from ..trees import flatten
from .holder import BUFFERS, PARAMETERS
from .module import Module

__all__ = ["LayerSummary", "Summary", "summary"]

_TERMS = 4  # more parameters of a layer than that: those of one shape are one term
_ROOM = 52  # letters for the options of a layer


class LayerSummary(NamedTuple):
    """One layer of a `Summary`, without the layers inside it."""

    path: str
    kind: str
    depth: int
    calls: int
    outputs: tuple[tuple[int, ...], ...]
    parameters: int
    formula: str
    forward: int
    backward: int
    parameter_bytes: int
    activation_bytes: int


@dataclass(frozen=True)
class Summary:
    """What `summary` found: its text is a table, its attributes are the numbers.

    Attributes
    ----------
    layers : list of LayerSummary
        The model and every layer inside it.
    parameters, trainable : int
        How many there are; shared ones count once.
    forward, backward : int
        Floating-point operations of one call, and of the way back.
    parameter_bytes, buffer_bytes, activation_bytes : int
        What the model holds, and what a training step keeps for the way back.
    """

    layers: list[LayerSummary]
    parameters: int
    trainable: int
    forward: int
    backward: int
    parameter_bytes: int
    buffer_bytes: int
    activation_bytes: int

    def __str__(self) -> str:
        head = ("Layer", "Output", "Parameters", "Forward", "Backward", "Kept")
        rows = [head, *map(_cells, self.layers)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = [_line(row, widths) for row in rows]
        frozen = self.parameters - self.trainable
        note = f" ({frozen:,} of them frozen)" if frozen else ""
        held = f"{_size(self.parameter_bytes)} of parameters"
        if self.buffer_bytes:
            held += f", {_size(self.buffer_bytes)} of buffers"
        return "\n".join(
            [
                *lines[:1],
                "-" * len(lines[0]),
                *lines[1:],
                "",
                f"Parameters: {self.parameters:,}{note}",
                f"Memory: {held}; kept for the way back: "
                f"{_size(self.activation_bytes)}",
                f"FLOPs: {self.forward:,} forward, {self.backward:,} backward",
            ]
        )

    __repr__ = __str__


def _cells(layer: LayerSummary) -> tuple[str, ...]:
    name = layer.path.rpartition(".")[2]
    label = f"{'  ' * layer.depth}{name + ': ' if name else ''}{layer.kind}"
    times = f" ({layer.calls} times)" if layer.calls > 1 else ""
    shapes = ", ".join(map(str, layer.outputs)) or "-"
    return (
        label,
        shapes + times,
        layer.formula,
        f"{layer.forward:,}",
        f"{layer.backward:,}",
        _size(layer.activation_bytes),
    )


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    left = [cell.ljust(n) for cell, n in zip(row[:3], widths[:3], strict=True)]
    right = [cell.rjust(n) for cell, n in zip(row[3:], widths[3:], strict=True)]
    return "  ".join([*left, *right]).rstrip()


def summary(model: Module, *inputs: Any, **options: Any) -> Summary:
    """Run a model once and return what each of its layers gives, holds and computes.

    Parameters
    ----------
    model : Module
        It is copied and the copy runs, so nothing of it changes: no buffer, no random
        number, no mode. Only layers that wait for the size of their input are built, as
        by a first call.
    *inputs, **options
        What it is called with: arrays, not their shapes.

    Returns
    -------
    Summary
        Printed, a table with one line for each layer, without what is inside it.

    Notes
    -----
    A multiplication and an addition count one FLOP each, as does every other function
    of one number; moving numbers counts none. They are counted on the tape, so layers
    and functions of your own are counted as well. Comparisons and other functions
    without a derivative are not on it. The backward pass counts the operations of the
    forward pass once for each argument whose gradient is needed, which is exact for
    products. "Kept" is what the tape holds for the way back besides parameters and
    inputs.

    A layer whose line has no output is not called itself: its parent uses what it
    holds.

    Examples
    --------
    >>> import numpy as np
    >>> from xpnet.nn import Linear, ReLU, Sequential
    >>> model = Sequential(Linear(4, 8, rng=0), ReLU(), Linear(8, 2, rng=1))
    >>> print(summary(model, np.ones((10, 4), np.float32)))
    Layer              Output   Parameters    Forward  Backward       Kept
    ----------------------------------------------------------------------
    Sequential         (10, 2)                      0         0    0 bytes
      0: Linear(4, 8)  (10, 8)  8·4 + 8 = 40      720       800    0 bytes
      1: ReLU          (10, 8)                     80        80  320 bytes
      2: Linear(8, 2)  (10, 2)  2·8 + 2 = 18      340       680    0 bytes
    <BLANKLINE>
    Parameters: 58
    Memory: 232 bytes of parameters; kept for the way back: 320 bytes
    FLOPs: 1,140 forward, 1,560 backward
    """
    if not isinstance(model, Module):
        raise OptionError(f"summary: a {type(model).__name__} is not a Module.")
    for x in inputs:
        if type(x) is tuple and len(x) > 1 and all(type(n) is int for n in x):
            raise OptionError(
                f"summary: {x} looks like the shape of an input. Pass an array: "
                f"xp.zeros({x}, dtype=xp.float32)."
            )
    _build(model, inputs, options)
    return _Run(model, inputs, options).result()


def _build(model: Module, inputs: Any, options: Any) -> None:
    """Build the layers that wait for a size, which a run of a copy finds."""
    waiting = {path: m for path, m in model.named_modules() if m._waiting is not None}
    if not waiting:
        return
    trial = copy.deepcopy(model)
    with no_grad():
        trial(*inputs, **options)
    for path, module in waiting.items():
        built = trial.get_submodule(path)
        if built._waiting is None:
            module._waiting.settle(module, getattr(built, module._waiting.what))


class _Call(NamedTuple):
    """One call of a module: which, and the numbers of the tape before and after."""

    path: str
    start: int
    end: int
    outputs: tuple[tuple[int, ...], ...]


class _Run:
    """One run of a copy of a model, with everything on the tape."""

    def __init__(self, model: Module, inputs: Any, options: Any) -> None:
        self.calls: list[_Call] = []  # in the order in which they end
        self.starts: list[int] = []
        self.model = copy.deepcopy(model)
        for path, module in self.model.named_modules():
            module.register_forward_pre_hook(lambda *_: self.starts.append(mark()))
            module.register_forward_hook(functools.partial(self.end, path))
        parameters: list[Any] = [p for _, p in self.model._named_arrays(*PARAMETERS)]
        self.trained = [p for p in parameters if p.requires_grad]
        for p in parameters:
            p.requires_grad = True  # what is computed with a frozen one counts too
        with recording_as(True):
            args = [_on_tape(x) for x in inputs]
            named = {key: _on_tape(x) for key, x in options.items()}
            out = self.model(*args, **named)
        self.outputs = [x for x in flatten(out)[0] if type(x) is Array]

    def end(self, path: str, module: Any, args: Any, out: Any) -> None:
        """Note that a module has run."""
        shapes = [x.shape for x in flatten(out)[0] if type(x) is Array]
        self.calls.append(_Call(path, self.starts.pop(), mark(), tuple(shapes)))

    def result(self) -> Summary:
        """Return the numbers."""
        work = work_of(self.outputs, {p._node for p in self.trained})
        kept = self.kept()
        own: dict[str, list[int]] = {}  # forward, backward, bytes of each layer
        for node in work.keys() | kept.keys():
            done = work.get(node, Work(0, 0))
            line = own.setdefault(self.owner(node), [0, 0, 0])
            for i, n in enumerate((*done, kept.get(node, 0))):
                line[i] += n
        parameters = [x for _, x in self.model._named_arrays(*PARAMETERS)]
        buffers = [x for _, x in self.model._named_arrays(*BUFFERS)]
        return Summary(
            layers=list(self.lines(own)),
            parameters=sum(p.size for p in parameters),
            trainable=sum(p.size for p in self.trained),
            forward=sum(w.forward for w in work.values()),
            backward=sum(w.backward for w in work.values()),
            parameter_bytes=sum(map(_bytes, parameters)),
            buffer_bytes=sum(map(_bytes, buffers)),
            activation_bytes=sum(kept.values()),
        )

    def kept(self) -> dict[Any, int]:
        """Return the bytes that each operation keeps besides leaves."""
        nodes = _nodes([x._node for x in self.outputs if x._node is not None])
        kept = _Kept()
        for node in nodes:
            kept.leaves_of(node)
        found = {}
        for node in nodes:
            before = kept.totals["results"] + kept.totals["constants"]
            kept.rest_of(node)
            found[node] = kept.totals["results"] + kept.totals["constants"] - before
        return found

    def owner(self, node: Any) -> str:
        """Return the innermost module that an operation was recorded in."""
        inside = (c.path for c in self.calls if c.start < node.number < c.end)
        return next(inside, "")

    def lines(self, own: dict[str, list[int]]) -> Iterator[LayerSummary]:
        """Return a line for each module."""
        seen: set[int] = set()
        for path, module in self.model.named_modules():
            calls = [call for call in self.calls if call.path == path]
            held = [(n, p) for n, p in module._held(PARAMETERS)]
            new = [p for _, p in held if id(p) not in seen]
            seen.update(id(p) for p in new)
            forward, backward, size = own.get(path, (0, 0, 0))
            yield LayerSummary(
                path=path,
                kind=_kind(module),
                depth=path.count(".") + bool(path),
                calls=len(calls),
                outputs=calls[0].outputs if calls else (),
                parameters=sum(p.size for p in new),
                formula=_formula(new, len(held) - len(new)),
                forward=forward,
                backward=backward,
                parameter_bytes=sum(map(_bytes, new)),
                activation_bytes=size,
            )


def _kind(module: Module) -> str:
    name, options = type(module).__name__, module.extra_repr()
    if not options:
        return name
    return f"{name}({_shortened(options)})"


def _shortened(options: str) -> str:
    """Return the first options, as many as there is room for: whole ones."""
    if len(options) <= _ROOM:
        return options
    ends = [i for i, letter in enumerate(options) if options.startswith(", ", i)]
    whole = [i for i in ends if options.count("(", 0, i) == options.count(")", 0, i)]
    fitting = [i for i in whole if i <= _ROOM]
    return f"{options[: fitting[-1]]}, ..." if fitting else "..."


def _formula(parameters: list[Array], shared: int) -> str:
    """Return how many parameters there are as a sum of products of shapes."""
    total = sum(p.size for p in parameters)
    terms = ["·".join(map(str, p.shape)) or "1" for p in parameters]
    if len(terms) > _TERMS:
        times = {term: terms.count(term) for term in terms}
        terms = [t if n == 1 else f"{n}×{t}" for t, n in times.items()]
    text = " + ".join(terms)
    if text.replace(",", "") != str(total):
        text = f"{text} = {total:,}" if terms else ""
    note = f"{shared} shared" if shared else ""
    return ", ".join(part for part in (text, note) if part)


def _bytes(x: Array) -> int:
    return int(x._lib.memory_of(x.data)[1])


def _on_tape(x: Any) -> Any:
    """Return an input so that all that is computed from it is recorded."""
    if isinstance(x, (bool, int, float, complex, str)) or x is None:
        return x
    try:
        array = asarray(x).detach()
    except XpnetError:
        return x
    return asarray(array, requires_grad=array._lib.is_floating(array.data.dtype))
