"""What to call each step: the user's own names, read from the user's own lines.

Names that the caller's variables have come first, then those that the lines give (see
`lines`); what has no name is shown as its expression, ``w·x``, or numbered by its
operation, ``relu2``. No two values have one name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..calculus.array import Array
from ..calculus.convert import SCALARS
from ..calculus.tape import users_frame
from ..nn.module import Module
from .lines import LONGEST, arguments, calls_more, is_name, line_of, operands
from .rules import EXPRESSIONS
from .steps import Constant, Step
from .symbols import number, text
from .trace import WHOLE, Trace

__all__ = ["Known", "callers_names", "expression", "known_names", "name_steps"]

_ACTIVATIONS = frozenset({"expit", "log_softmax", "relu", "softmax", "tanh"})
_LONGEST_PART = 60  # inside of a function of the library
_NOBODYS = object()  # no constant has this value


# --- the caller's variables -----------------------------------------------------------


class Known(NamedTuple):
    """Names by what they stand for: nodes of the tape, and raw arrays by identity."""

    nodes: dict[Any, str]
    arrays: dict[int, str]


def callers_names() -> dict[str, Any]:
    """Return the variables of the nearest frame outside of this package."""
    return dict(users_frame().f_locals)


def known_names(variables: Mapping[str, Any]) -> Known:
    """Return the names that the caller's variables give to arrays and parameters."""
    known = Known({}, {})
    for name, value in _arrays(variables):
        if type(value) is Array:
            if value._node is not None:
                known.nodes.setdefault(value._node, name)
            known.arrays.setdefault(id(value.data), name)
        else:
            known.arrays.setdefault(id(value), name)
    return known


def _path(model: str, key: str) -> str:
    """Return a parameter as one writes it: ``model[0].weight``."""
    parts = [f"[{part}]" if part.isdigit() else f".{part}" for part in key.split(".")]
    return model + "".join(parts)


def _arrays(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Go through the arrays among some variables, with their names."""
    for name, value in variables.items():
        if name.startswith("_"):
            continue
        if isinstance(value, Module):
            for key, parameter in value.named_parameters():
                yield _path(name, key), parameter
        elif isinstance(value, dict) and len(value) < 1000:
            for key, part in value.items():
                if type(part) is Array:
                    yield str(key), part
        elif type(value) not in SCALARS:  # whatever it is: raw arrays are found by id
            yield name, value


# --- names for steps ------------------------------------------------------------------


def name_steps(trace: Trace, variables: Mapping[str, Any]) -> None:
    """Give every step and constant of a trace its name."""
    _Namer(trace, known_names(variables)).run()


class _Namer:
    """Names the steps of one trace."""

    def __init__(self, trace: Trace, known: Known) -> None:
        self.trace = trace
        self.arrays = known.arrays
        self.taken: set[str] = set()
        self.numbers = Counter[str]()
        self.nodes: dict[Step, str] = {}
        for node, name in known.nodes.items():
            step = trace.of(node)
            if step is not None and step not in self.nodes:
                self.nodes[step] = self._unique(name)
        self.users: dict[Step, list[Step]] = {}
        for step in trace.steps:
            for _, x in step.parts:
                self.users.setdefault(x, []).append(step)
        self.counts: dict[str, int] = {}
        self.totals = Counter(self._word(step) for step in trace.steps)

    def run(self) -> None:
        """Name what the caller's variables name first, then the rest in order."""
        wanted = {step: self._from_line(step) for step in self.trace.steps}
        self._name_arguments(wanted)
        self._name_constants({name for name in wanted.values() if name})
        for step in self.trace.steps:
            name = self.nodes.get(step)
            if name is None:
                name = wanted.get(step)
                name = None if name is None else self._unique(name)
            step.named = name is not None or step.row is None
            step.name = name or self._own(step)
        self.trace.result.named = True
        if self.trace.result not in self.nodes and not wanted[self.trace.result]:
            self.trace.result.name = self._unique("loss")

    def _from_line(self, step: Step) -> str | None:
        """Return the name that the user's line gives the value of a step."""
        if step.row is None or not self._is_result(step):
            return None
        line = line_of(step.outer)
        return None if line is None else line.target

    def _is_result(self, step: Step) -> bool:
        """Tell whether a step is all that its line computed, and not a part of it."""
        here = (step.outer.code, step.outer.instruction)
        line = line_of(step.outer)
        inner = line is None or calls_more(line.expression, step.operation)
        for other in self.users.get(step, ()):
            if other.outer is step.outer or (
                inner and (other.outer.code, other.outer.instruction) == here
            ):
                return False
        return True

    def _name_arguments(self, wanted: dict[Step, str | None]) -> None:
        """Name variables and constants after the words that the user's line has."""
        for step in self.trace.steps:
            line = None if step.row is None else line_of(step.outer)
            if line is None or line.expression is None:
                continue
            if step.outer is not step.node and step.outer.saved is not None:
                inputs = self._outer_inputs(step)
                words = arguments(line.expression, step.outer.row.name)
            else:
                inputs = step.inputs
                words = operands(line.expression, step.operation)
            for x, word in zip(inputs, words, strict=False):
                if word is None or x is None:
                    continue
                if type(x) is Constant:
                    x.name = x.name or self.arrays.get(id(x.value), word)
                elif type(x) is Step and x.row is None and not wanted.get(x):
                    wanted[x] = word if is_name(word) else None

    def _name_constants(self, steps: set[str]) -> None:
        """Give the constants names that mean one value each; numbers stay numbers."""
        constants = [
            x for step in self.trace.steps for x in step.inputs if type(x) is Constant
        ]
        values: dict[str, list[Any]] = {name: [_NOBODYS] for name in self.taken | steps}
        for x in constants:
            x.name = x.name or self.arrays.get(id(x.value), "")
            if not any(_same(x.value, value) for value in values.get(x.name, ())):
                values.setdefault(x.name, []).append(x.value)
        for x in constants:
            several = len(values[x.name]) > 1
            if is_name(x.name) and not (several and _is_number(x.value)):
                i = next(i for i, v in enumerate(values[x.name]) if _same(x.value, v))
                x.name += f"_{i + 1}" if i else ""
                x.named = True
            elif several or not x.name:
                x.name = number(x.value) if _is_number(x.value) else "constant"
        self.taken.update(x.name for x in constants if x.named)

    def _outer_inputs(self, step: Step) -> list[Any]:
        """Return what a step has of the arguments of the function it is a part of."""
        kept = getattr(step.outer.saved, "arrays", ())
        mine = {id(x.value): x for x in step.inputs if type(x) is Constant}
        found: list[Any] = []
        for value, parent in zip(kept, step.outer.parents, strict=False):
            above = None if parent is None else self.trace.of(parent)
            found.append(above if above is not None else mine.get(id(value)))
        return found

    def _unique(self, name: str) -> str:
        new = name
        while new in self.taken:
            self.numbers[name] += 1
            new = f"{name}_{self.numbers[name] + 1}"
        self.taken.add(new)
        return new

    def _own(self, step: Step) -> str:
        """Return an expression where it is short, else the operation with a number."""
        if step.row is None:
            return self._unique("v")
        shown = expression(step)
        part = step.outer is not step.node  # of a function that the user called
        inner = part or not self._is_result(step)
        longest = _LONGEST_PART if inner else LONGEST
        whole = self._word(step) != step.operation or self._is_layer(step)
        if not whole and len(shown) <= longest:
            return shown
        step.named = True
        word = self._word(step)
        self.counts[word] = self.counts.get(word, 0) + 1
        return self._unique(
            word if self.totals[word] == 1 else f"{word}{self.counts[word]}"
        )

    def _is_layer(self, step: Step) -> bool:
        """Tell whether a step is all that a layer of a model computes."""
        activation = step.operation in _ACTIVATIONS and not self._is_result(step)
        return step.operation in WHOLE or activation

    def _word(self, step: Step) -> str:
        """Return what a step is called by: its function, or the one it completes."""
        return self.trace.functions.get(step.node, step.operation)


def _is_number(value: Any) -> bool:
    return type(value) in SCALARS or getattr(value, "ndim", 1) == 0


def _same(x: Any, y: Any) -> bool:
    """Tell whether two constants are one array, or equal numbers."""
    return x is y or (type(x) in SCALARS and type(y) in SCALARS and bool(x == y))


def expression(step: Step) -> str:
    """Return how a step was computed, in the names of its inputs."""
    letters = ("x", "y", *(f"x{i}" for i in range(3, 100)))
    names = {
        letter: x.name or "constant"
        for letter, x in zip(letters, step.inputs, strict=False)
        if type(x) is Step or x.value is not None
    }
    if step.is_identity:
        return step.parts[0][1].name
    if step.operation == "getitem":
        return _item(names["x"], step.rest[0])
    formula = EXPRESSIONS.get(step.operation)
    if formula is None:
        formula = f"{step.operation}({', '.join(names)})"
    return text(formula, names)


def _item(name: str, key: Any) -> str:
    """Return how an item is written, ``x[0, 1:]``; … stands for an array."""
    parts = key if type(key) is tuple else (key,)
    shown = ", ".join(map(_key, parts))
    return f"{name if is_name(name) else f'({name})'}[{shown}]"


def _key(part: Any) -> str:
    if type(part) is slice:
        ends = ["" if n is None else str(n) for n in (part.start, part.stop)]
        return ":".join([*ends, *([] if part.step is None else [str(part.step)])])
    if part is Ellipsis:
        return "..."
    return str(part) if part is None or type(part) is int else "…"
