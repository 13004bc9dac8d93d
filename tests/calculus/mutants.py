"""Broken copies of the rules: every small change of a chapter's source, one at a time.

A mutant is the source of a chapter with one node of its syntax tree replaced: another
operator, constant, comparison or function, arguments exchanged, a keyword dropped, a
call left out. It keeps its place (line and column), so that the code object of the
function around it can be found again in the mutant, and put into the living function.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

__all__ = ["Mutant", "functions_of", "key", "mutants", "nested"]


@dataclass(frozen=True)
class Mutant:
    """One change of one chapter, in the function with this number."""

    path: Path
    line: int
    source: str
    change: str
    function: int
    tree: ast.Module
    put: Callable[[ast.AST], None]
    node: ast.AST
    changed: ast.AST

    def code(self) -> CodeType:
        """Return the code of the broken function."""
        self.put(self.changed)
        try:
            return functions_of(self.tree, self.path)[self.function]
        finally:
            self.put(self.node)

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.change}"


# --- what is exchanged for what -------------------------------------------------------

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_PAIRS = """sin cos  sinh cosh  exp expm1  log log1p  sqrt square  real imag
    minimum maximum  min max  argmin argmax  floor ceil  zeros_like ones_like
    sum mean  any all  tril triu  greater less  fft ifft  rfft irfft  fftn ifftn
    rfftn irfftn  eye zeros  zeros ones  expit log_expit  argsort sort""".split()
FUNCTIONS = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
FUNCTIONS = {v: k for k, v in FUNCTIONS.items()} | FUNCTIONS
LEFT_OUT = frozenset(
    """_conj conj abs real imag sign matrix_transpose unbroadcast _finite reshape
    squeeze expand_dims astype flip roll cumulative_sum permute_dims tril triu
    broadcast_to zeros_like ones_like negative sum fftshift ifftshift _kept _along
    _adjoint adjoint _symmetric _herm sorted reversed""".split()
)
"""Calls that are replaced by their array."""
ORDERED = frozenset(
    """matmul vecdot tensordot divide subtract pow atan2 copysign floor_divide solve
    remainder zip gate""".split()
)
"""Calls whose two (last) arguments are exchanged."""
_UNTOUCHED = frozenset({"TypeError", "len", "isinstance", "type", "str"})


def _name(call: ast.Call) -> str:
    """Return the last part of the name that is called."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _of_constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 0:
            yield ast.Constant(value - 1)
    elif isinstance(value, (float, complex)):
        yield ast.Constant(value + 1)
        if value:
            yield ast.Constant(-value)


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    name = _name(node)
    if name in FUNCTIONS:
        yield _renamed(node, FUNCTIONS[name])
    arrays = node.args
    if arrays and isinstance(arrays[0], ast.Name) and arrays[0].id == "xp":
        arrays = arrays[1:]
    if name in LEFT_OUT and arrays:
        yield arrays[0]
    if name == "where" and len(arrays) == 3:
        yield _with(node, args=[*node.args[:-2], node.args[-1], node.args[-2]])
        yield arrays[1]
        yield arrays[2]
    elif name in ORDERED and len(arrays) == 2:
        yield _with(node, args=[*node.args[:-2], node.args[-1], node.args[-2]])
    for i, keyword in enumerate(node.keywords):
        # a sum of floating-point numbers has their dtype also when it is not said
        needless = (
            ("strict", "dtype") if name in ("sum", "prod", "mean") else ("strict",)
        )
        if keyword.arg is not None and keyword.arg not in needless:
            yield _with(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])


def _renamed(node: ast.Call, name: str) -> ast.Call:
    function = copy.copy(node.func)
    if isinstance(function, ast.Attribute):
        function.attr = name
    elif isinstance(function, ast.Name):
        function.id = name
    return _with(node, func=function)


def _with(node: Any, **fields: Any) -> Any:
    """Return a node with other fields."""
    out = copy.copy(node)
    for name, value in fields.items():
        setattr(out, name, value)
    return out


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """Return what a node of the tree is replaced by, one after the other."""
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        yield _with(node, left=node.right, right=node.left)
    elif isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for op in COMPARISONS.get(type(node.ops[0]), ()):
            yield _with(node, ops=[op()])
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _with(node, op=other)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, (ast.If, ast.While)):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


# --- the mutants of a file ------------------------------------------------------------

_SKIPPED = frozenset({"annotation", "returns", "decorator_list", "args"})
_FUNCTIONS = (ast.FunctionDef, ast.Lambda)
_SIGNATURES = (*_FUNCTIONS, ast.arguments, ast.arg)


class _Walk:
    """A walk over a tree that numbers the outermost functions as the compiler does."""

    def __init__(self) -> None:
        self.count = -1

    def sites(
        self, node: ast.AST, inside: bool
    ) -> Iterator[tuple[int, ast.AST, Callable[[ast.AST], None]]]:
        """Return each node in a function, the function's number, and its setter."""
        for field, value in ast.iter_fields(node):
            if field in _SKIPPED and isinstance(node, _SIGNATURES):
                continue
            parts = list(enumerate(value)) if isinstance(value, list) else [(-1, value)]
            for i, part in parts:
                if not isinstance(part, ast.AST) or _is_left_alone(part):
                    continue
                starts = not inside and isinstance(part, _FUNCTIONS)
                if starts:
                    self.count += 1
                elif inside:
                    yield self.count, part, _setter(node, field, i)
                yield from self.sites(part, inside or starts)


def _setter(node: ast.AST, field: str, i: int) -> Callable[[ast.AST], None]:
    def put(new: ast.AST) -> None:
        if i < 0:
            setattr(node, field, new)
        else:
            getattr(node, field)[i] = new

    return put


def _is_left_alone(node: ast.AST) -> bool:
    """Tell whether a node is a docstring, a class, or what an error says."""
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return True  # of zip: a check that never fails
    if (
        isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Call)
        and _name(node.left) == "type"
    ):
        return True  # plain or recorded, a number or an array: not the rule's part
    if isinstance(node, ast.Call) and _name(node) in _UNTOUCHED:
        return True
    return isinstance(node, (ast.ClassDef, ast.Raise, ast.JoinedStr)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def mutants(path: Path) -> Iterator[Mutant]:
    """Return the mutants of a file, in the order of its lines."""
    text = path.read_text("utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    for number, node, put in _Walk().sites(tree, inside=False):
        for changed in _changes(node):
            before, after = _text(node), _text(changed)
            if before == after:
                continue
            line = getattr(node, "lineno", 1)
            source, change = lines[line - 1].strip(), f"{before}  ->  {after}"
            changed = ast.copy_location(copy.copy(changed), node)
            yield Mutant(path, line, source, change, number, tree, put, node, changed)


def _text(node: ast.AST) -> str:
    """Return a node as source in one line."""
    if isinstance(node, (ast.If, ast.While)):
        node = node.test
    return " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())


# --- their code -----------------------------------------------------------------------


def functions_of(tree: ast.Module, path: Path) -> list[CodeType]:
    """Return the code of the outermost functions of a file, by number."""
    module = compile(ast.fix_missing_locations(tree), str(path), "exec")
    return [
        c
        for c in _inner(module)
        if c.co_flags & inspect.CO_OPTIMIZED  # a class has none
        and (c.co_name == "<lambda>" or c.co_name.isidentifier())
    ]


def _inner(code: CodeType) -> list[CodeType]:
    return [c for c in code.co_consts if isinstance(c, CodeType)]


def nested(code: CodeType) -> list[CodeType]:
    """Return a function's code, and that of every function inside it."""
    return [code, *(c for part in _inner(code) for c in nested(part))]


def key(code: CodeType) -> tuple[str, int, bytes]:
    """Return what two compilations of one function share.

    Code objects themselves compare unequal once the interpreter has adapted one.
    """
    return code.co_name, code.co_firstlineno, code.co_linetable
