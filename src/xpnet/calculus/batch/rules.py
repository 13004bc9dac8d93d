"""Which rule takes many cotangents, or many tangents, through a row at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kinds.composite import Composite, Fused
from ..kinds.custom import Custom
from ..kinds.elementwise import Binary, Unary
from ..kinds.general import General
from ..kinds.linear import Linear, LinearSequence
from ..tape import Node
from .axes import (
    general_pull,
    general_push,
    linear_pull,
    linear_push,
    sequence_pull,
    sequence_push,
)
from .elementwise import (
    binary_pull,
    binary_push,
    direct_pull,
    direct_push,
    where_pull,
    where_push,
)
from .indexing import (
    getitem_pull,
    getitem_push,
    scatter_pull,
    scatter_push,
    setitem_pull,
)
from .products import matmul_pull, matmul_push

__all__ = ["pull_rule", "push_rule"]

Rule = Callable[..., Any]


def pull_rule(row: Any) -> Rule | None:
    """Return the rule that pulls many cotangents through a row, if it has one.

    ``rule(node, parents, saved, g, xp)`` returns None where it cannot after all.
    """
    if type(row) is Custom:  # its name may be anything
        return None
    return _PULLS_BY_NAME.get(row.name) or _PULLS.get(type(row))


def push_rule(row: Any) -> Rule | None:
    """Return the rule that pushes many tangents through a row, if it has one.

    ``rule(node, incoming, saved, xp)`` returns None where it cannot after all.
    """
    if type(row) is Custom:
        return None
    return _PUSHES_BY_NAME.get(row.name) or _PUSHES.get(type(row))


def _composite_pull(node: Node, parents: Any, saved: Any, g: Any, xp: Any) -> Any:
    from .walk import pulled_many  # it needs the rules, and this one needs it

    row: Any = node.row
    return row.pull_by(node, parents, saved, g, pulled_many)


def _composite_push(node: Node, incoming: list[Any], saved: Any, xp: Any) -> Any:
    from .walk import pushed_many

    row: Any = node.row
    return row.push_by(node, incoming, saved, pushed_many)


_DIRECT = ("abs", "alias", "clip", "conj", "imag", "pick", "real", "sign", "to_device")

_PULLS: dict[type, Callable[..., Any]] = {
    Binary: binary_pull,
    Composite: _composite_pull,
    Fused: _composite_pull,
    General: general_pull,
    Linear: linear_pull,
    LinearSequence: sequence_pull,
    Unary: direct_pull,
}
_PULLS_BY_NAME: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_DIRECT, direct_pull),
    "getitem": getitem_pull,
    "matmul": matmul_pull,
    "scatter": scatter_pull,
    "setitem": setitem_pull,
    "where": where_pull,
}
_PUSHES: dict[type, Callable[..., Any]] = {
    Binary: binary_push,
    Composite: _composite_push,
    Fused: _composite_push,
    General: general_push,
    Linear: linear_push,
    LinearSequence: sequence_push,
    Unary: direct_push,
}
_PUSHES_BY_NAME: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_DIRECT, direct_push),
    "getitem": getitem_push,
    "matmul": matmul_push,
    "scatter": scatter_push,
    "where": where_push,
}
