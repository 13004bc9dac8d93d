"""One step of the walk: by a rule for many, or one after the other."""

from __future__ import annotations

from typing import Any

from ...errors import GradientError, NonFiniteError
from .. import tape
from ..diagnosis import is_watching
from ..kinds.several import Cotangents, Late
from ..tape import Node
from .rules import pull_rule, push_rule

__all__ = ["pulled_many", "pushed_many"]


def pulled_many(
    node: Node, parents: Any, g: Any, cotangents: dict[Any, Any], higher: bool
) -> tuple[Any, ...]:
    """Return the n cotangents of each of a node's arguments."""
    row, saved = node.row, node.saved
    if saved is None:
        raise GradientError(tape._released(node))
    if row.nested:
        return row.pull_nested(node, parents, g, cotangents, higher, pulled_many)
    rule = None if is_watching() else pull_rule(row)  # it looks at one at a time
    if rule is not None:
        saved, xp = _space(node, saved, higher)
        try:
            parts = rule(node, parents, saved, g, xp)
        except (GradientError, NonFiniteError):
            raise
        except Exception as error:
            raise tape._explained(node, error, "backward") from error
        if parts is not None:
            return parts  # type: ignore[no-any-return]
    return _pulled_in_turn(node, parents, g, higher)


def pushed_many(node: Node, incoming: list[Any], higher: bool) -> Any:
    """Return the n tangents of a node's result."""
    row, saved = node.row, node.saved
    if row.nested:
        return row.push_nested(node, incoming, higher, pushed_many)
    if row.name == "pick":
        return row.push(node, incoming, saved, None)
    rule = None if is_watching() else push_rule(row)
    if rule is not None and saved is not None:
        saved, xp = _space(node, saved, higher)
        try:
            out = rule(node, incoming, saved, xp)
        except (GradientError, NonFiniteError):
            raise
        except Exception as error:
            raise tape._explained(node, error, "forward") from error
        if out is not None:
            return out
    return _pushed_in_turn(node, incoming, higher)


def _space(node: Node, saved: Any, higher: bool) -> tuple[Any, Any]:
    """Return what a node saved and the `xp` for its rule."""
    if higher:
        return node.row.lift(node), node.lib.recorded
    return saved, node.lib.raw


# --- one after the other --------------------------------------------------------------


def _pulled_in_turn(node: Node, parents: Any, g: Any, higher: bool) -> tuple[Any, ...]:
    xp = node.lib.recorded if higher else node.lib.raw
    parts = [
        tape._pulled(node, parents, each, {}, higher) for each in _apart(node, g, xp)
    ]
    return tuple([_stacked(xp, column) for column in zip(*parts, strict=True)])


def _apart(node: Node, g: Any, xp: Any) -> list[Any]:
    if type(g) is not Cotangents:
        return [xp.getitem(g, (i, ...)) for i in range(g.shape[0])]
    columns = {k: _apart(node, part, xp) for k, part in g.parts.items()}
    n = len(next(iter(columns.values())))
    return [Cotangents({k: part[i] for k, part in columns.items()}) for i in range(n)]


def _pushed_in_turn(node: Node, incoming: list[Any], higher: bool) -> Any:
    xp = node.lib.recorded if higher else node.lib.raw
    n = next(t for t in incoming if t is not None).shape[0]
    outs = []
    for i in range(n):
        each = [None if t is None else xp.getitem(t, (i, ...)) for t in incoming]
        outs.append(tape._pushed(node, each, higher))
    if type(outs[0]) is tuple:
        return tuple([_stacked(xp, column) for column in zip(*outs, strict=True)])
    return _stacked(xp, outs)


def _stacked(xp: Any, parts: Any) -> Any:
    """Return parts along a first axis; None where there is nothing."""
    if parts[0] is None:
        return None
    if type(parts[0]) is Late:
        return Late(lambda: _stacked(xp, [part.make() for part in parts]))
    if type(parts[0]) is Cotangents:
        return Cotangents(
            {k: _stacked(xp, [p.parts[k] for p in parts]) for k in parts[0].parts}
        )
    return xp.stack(list(parts))
