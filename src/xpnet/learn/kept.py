"""What a node on the tape kept: of its arguments, and of its result."""

from __future__ import annotations

from typing import Any

from ..calculus.array import Array
from ..calculus.kinds.custom import CustomCall
from ..calculus.kinds.linear import Call
from ..calculus.kinds.several import Several
from ..calculus.rule import Binary, Fused, Held, Spec, Unary
from ..calculus.table.searching import Choice
from ..calculus.tape import Node

__all__ = ["arguments", "is_plain_loss", "is_value", "result", "used"]


def arguments(node: Node) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
    """Return what a node kept of its array arguments, and its other arguments.

    Of an argument that was not kept there is None or its form, a `Spec`.
    """
    arrays, rest, options = _arguments(node)
    return [x.value() if type(x) is Held else x for x in arrays], rest, options


def _arguments(node: Node) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
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


def result(node: Node, pick: int | None) -> Any:
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


def is_value(value: Any) -> bool:
    """Tell whether what was kept is a value, and not a form without one."""
    return value is not None and type(value) is not Spec


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
    return ignored is None or not bool(node.lib.raw.any(labels == ignored))


def used(node: Node) -> str:
    """Return why a node that was released cannot be explained."""
    return (
        f"explain: {node.row.name} was already used by a backward pass, which "
        "released what it kept. Explain first, or call backward(retain_graph=True).\n"
        f"  recorded at {node.where()}"
    )
