"""What to call each step: the user's own names, read from the user's own lines.

The tape knows which instruction recorded an operation, and Python knows which part of
which line that instruction came from. So ``z = w * x + b`` gives `z` its name, and also
`w`, `x` and `b`. Names that the caller's variables have come first; what has no name is
shown as its expression, ``w·x``, or numbered by its operation, ``relu2``.
"""

from __future__ import annotations

import ast
import functools
import linecache
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..calculus.array import Array
from ..calculus.convert import SCALARS
from ..calculus.tape import Node, is_inside
from ..nn.module import Module
from .rules import EXPRESSIONS
from .steps import Constant, Step
from .symbols import number, text
from .trace import WHOLE, Trace

__all__ = ["Line", "callers_names", "name_steps"]

_ACTIVATIONS = frozenset({"expit", "log_softmax", "relu", "softmax", "tanh"})
_LONGEST = 40  # an expression of more characters gets a name
_SHORT = 12  # an expression of fewer stands for a constant
_LONGEST_PART = 60  # inside of a function of the library


class Line(NamedTuple):
    """A place in the user's source.

    Attributes
    ----------
    file, number, function, text : str, int, str, str
        Where it is, and the line itself without its indentation.
    expression : ast.AST or None
        The part of the line that was computed.
    target : str or None
        The name that the value was given there.
    """

    file: str
    number: int
    function: str
    text: str
    expression: Any
    target: str | None


@functools.lru_cache(maxsize=64)
def _parts(source: str) -> dict[tuple[int, ...], tuple[ast.AST, str | None]]:
    """Return the expressions of a source by position, with the name that one gets."""
    found: dict[tuple[int, ...], tuple[ast.AST, str | None]] = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    for node in ast.walk(tree):
        target = _target(node)
        if isinstance(node, ast.expr):
            found.setdefault(_position(node), (node, None))
        value = getattr(node, "value", None)
        if target is not None and isinstance(value, ast.expr):
            found[_position(value)] = (value, target)
            if isinstance(node, ast.AugAssign):
                whole = ast.BinOp(left=node.target, op=node.op, right=node.value)
                found[_position(node)] = (whole, target)
    return found


def _target(node: ast.AST) -> str | None:
    """Return the one name that a statement gives its value."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: Any = node.targets[0]
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
        target = node.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _position(node: Any) -> tuple[int, ...]:
    return (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)


def line_of(node: Node) -> Line | None:
    """Return the user's own line that recorded a node, if there is a source."""
    return _line(node.code, node.instruction)


@functools.lru_cache(maxsize=4096)
def _line(code: Any, instruction: int) -> Line | None:
    if is_inside(code.co_filename) or instruction < 0:
        return None
    positions = list(code.co_positions())
    place = positions[instruction // 2] if instruction // 2 < len(positions) else None
    if place is None or place[0] is None:
        return None
    lines = linecache.getlines(code.co_filename)
    first = int(place[0])
    if not 0 < first <= len(lines):
        return None
    expression, target = _parts("".join(lines)).get(place, (None, None))
    return Line(
        code.co_filename,
        first,
        code.co_name,
        lines[first - 1].strip(),
        expression,
        target,
    )


# --- the caller's variables -----------------------------------------------------------


class Known(NamedTuple):
    """Names by what they stand for: nodes of the tape, and raw arrays by identity."""

    nodes: dict[Any, str]
    arrays: dict[int, str]


def callers_names() -> dict[str, Any]:
    """Return the variables of the nearest frame outside of this package."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and is_inside(frame.f_code.co_filename):
        frame = frame.f_back
    return dict(frame.f_locals)


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
        elif type(value) is Array or hasattr(value, "__array_namespace__"):
            yield name, value


# --- names for steps ------------------------------------------------------------------


def name_steps(trace: Trace, variables: Mapping[str, Any]) -> None:
    """Give every step and constant of a trace its name."""
    _Namer(trace, known_names(variables)).run()


class _Namer:
    """Names the steps of one trace."""

    def __init__(self, trace: Trace, known: Known) -> None:
        self.trace = trace
        self.nodes: dict[Step, str] = {}
        for node, name in known.nodes.items():
            step = trace.of(node)
            if step is not None:
                self.nodes.setdefault(step, name)
        self.arrays = known.arrays
        self.taken: set[str] = set()
        self.counts: dict[str, int] = {}
        self.totals: dict[str, int] = {}
        for step in trace.steps:
            word = self._word(step)
            self.totals[word] = self.totals.get(word, 0) + 1

    def run(self) -> None:
        """Name what the caller's variables name first, then the rest in order."""
        self.taken.update(self.nodes.values())
        wanted = {step: self._from_line(step) for step in self.trace.steps}
        self._name_arguments(wanted)
        for step in self.trace.steps:
            for x in step.inputs:
                if type(x) is Constant:
                    x.name = x.name or self._constant(x)
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
        inner = line is None or isinstance(line.expression, ast.Call)
        for other in self.trace.steps:
            if other.row is None or all(x is not step for _, x in other.parts):
                continue
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
            words = _operands(line.expression)
            inputs = step.inputs
            if step.outer is not step.node and step.outer.saved is not None:
                inputs = self._outer_inputs(step)
            elif isinstance(line.expression, ast.Call) and not _calls(
                line.expression, step.operation
            ):
                continue
            for x, word in zip(inputs, words, strict=False):
                if word is None or x is None:
                    continue
                if type(x) is Constant:
                    x.name = x.name or self.arrays.get(id(x.value), word)
                    x.named = x.name.isidentifier()
                elif type(x) is Step and x.row is None and not wanted.get(x):
                    wanted[x] = word if _is_name(word) else None

    def _outer_inputs(self, step: Step) -> list[Any]:
        """Return what a step has of the arguments of the function it is a part of."""
        kept = getattr(step.outer.saved, "arrays", ())
        mine = {id(x.value): x for x in step.inputs if type(x) is Constant}
        found: list[Any] = []
        for value, parent in zip(kept, step.outer.parents, strict=False):
            above = None if parent is None else self.trace.of(parent)
            found.append(above if above is not None else mine.get(id(value)))
        return found

    def _constant(self, constant: Constant) -> str:
        """Return a name of the caller's for a constant, or its number."""
        value = constant.value
        name = self.arrays.get(id(value))
        constant.named = name is not None
        if name is not None:
            return name
        if type(value) in SCALARS or getattr(value, "ndim", 1) == 0:
            return number(value)
        return "constant"

    def _unique(self, name: str) -> str:
        new, i = name, 1
        while new in self.taken:
            i += 1
            new = f"{name}_{i}"
        self.taken.add(new)
        return new

    def _own(self, step: Step) -> str:
        """Return an expression where it is short, else the operation with a number."""
        if step.row is None:
            return self._unique("v")
        shown = expression(step)
        part = step.outer is not step.node  # of a function that the user called
        inner = part or not self._is_result(step)
        longest = _LONGEST_PART if inner else _LONGEST
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


def _operands(expression: Any) -> list[str | None]:
    """Return the words that a line has for the arguments of an operation."""
    if isinstance(expression, ast.BinOp):
        parts: list[ast.expr] = [expression.left, expression.right]
    elif isinstance(expression, ast.UnaryOp):
        parts = [expression.operand]
    elif isinstance(expression, ast.Call):
        parts = list(expression.args)
    elif isinstance(expression, ast.Subscript):
        parts = [expression.value]
    else:
        return []
    return [_word_for(part) for part in parts]


def _word_for(part: ast.expr) -> str | None:
    """Return what the user's line says for an argument, where that is short."""
    if isinstance(part, ast.Constant):
        return None
    word = ast.unparse(part)
    if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
        return word if len(word) <= _LONGEST else None
    return text(word, {}) if len(word) <= _SHORT else None


def _is_name(word: str) -> bool:
    """Tell whether a word is a name, an attribute or an item, and not a formula."""
    return all(c.isalnum() or c in "_.[]\"'" for c in word)


def _calls(call: ast.Call, operation: str) -> bool:
    """Tell whether a call in the user's line is of the operation itself."""
    function = call.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    return bool(name == operation)


def expression(step: Step) -> str:
    """Return how a step was computed, in the names of its inputs."""
    letters = ("x", "y", *(f"x{i}" for i in range(3, 100)))
    names = {
        letter: x.name or "constant"
        for letter, x in zip(letters, step.inputs, strict=False)
        if type(x) is Step or x.value is not None
    }
    formula = EXPRESSIONS.get(step.operation)
    if step.operation == "pow" and type(step.inputs[1]) is Constant:
        formula = "x**y"
    if formula is None:
        formula = f"{step.operation}({', '.join(names)})"
    if step.is_identity:
        return step.parts[0][1].name
    return text(formula, names)
