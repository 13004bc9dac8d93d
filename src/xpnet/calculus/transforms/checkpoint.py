"""Compute again instead of storing: memory for time."""

from __future__ import annotations

import copy
import functools
from typing import Any, NamedTuple

from ...backend.draws import Draws
from ...errors import GradientError
from ...trees import flatten
from ..array import Array
from ..kinds.base import Row
from ..kinds.several import _PICK, Cotangents
from ..precision import current, precision_of
from ..tape import (
    Node,
    is_recording,
    mark,
    pull_back,
    push_forward,
    recording_as,
    reopened,
)
from .trace import Function

__all__ = ["Run", "checkpoint", "run_again"]


def checkpoint(function: Function) -> Function:
    """Return the function with a tape that is not kept but recorded again when needed.

    Only the arguments are kept. The derivative runs the function a second time, walks
    the tape of that run, and drops it: memory for about one more forward pass. Values
    and gradients are, bit for bit, what they are without it; derivatives of higher
    order are equal to rounding.

    Parameters
    ----------
    function : callable
        Takes and returns arrays, or containers of arrays. Arrays that it uses from
        outside (the parameters of a module) get their gradients too. It may itself
        contain checkpoints. Random numbers of `xpnet.random` are the same in both runs;
        any other effect (printing, counting) happens twice.

    Returns
    -------
    callable
        With the arguments of `function`.

    Raises
    ------
    GradientError
        By the derivative, if the second run does not use the same arrays as the first.

    Notes
    -----
    A chain of n steps in checkpointed pieces of √n keeps √n states and one piece.
    Griewank and Walther, "Algorithm 799: revolve", ACM TOMS 26, 2000.

    Examples
    --------
    >>> def steps(x):
    ...     for _ in range(10):
    ...         x = xp.sin(x) + 0.5
    ...     return x
    >>> xn.grad(checkpoint(steps))(0.3) == xn.grad(steps)(0.3)
    True
    """

    @functools.wraps(function)
    def checkpointed(*args: Any, **options: Any) -> Any:
        if not is_recording():
            return function(*args, **options)
        run = Run(function, args, options)
        since = mark()
        with run.draws.noted():
            result = run.result()
        leaves, rebuild = flatten(result)
        inner = _inner_nodes(leaves, since)
        if not inner:
            return result
        lib = next(x._lib for x in leaves if type(x) is Array and x._node in inner)
        node = Node(_CHECKPOINT, lib, _outer_nodes(inner, since), run, None)
        picks = {
            old: Node(_PICK, node.lib, (node,), i, None) for i, old in enumerate(inner)
        }
        return rebuild([_moved(x, picks) for x in leaves])

    return checkpointed


class Run:
    """A call that can be made again: its arguments as they were."""

    __slots__ = ("args", "draws", "function", "options", "precision")

    def __init__(
        self, function: Function, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        self.function = function
        self.args = _kept(args)
        self.options = _kept(options)
        self.draws = Draws()
        self.precision = current()  # of the autocast around it

    def result(self) -> Any:
        """Call the function; it may rebind what it is given (x *= 2)."""
        with precision_of(self.precision):
            return self.function(*_kept(self.args), **_kept(self.options))


def _kept(value: Any) -> Any:
    """Return a value with its arrays as new objects, at their places on the tape.

    A module stays the one it is: its parameters are found as arrays from outside.
    """
    if type(value) is Array:
        return Array(value.data, value._lib, value._node)
    if isinstance(value, dict):
        made = copy.copy(value)  # of the same class
        made.update({key: _kept(part) for key, part in value.items()})
        return made
    if isinstance(value, list):
        return [_kept(part) for part in value]
    if isinstance(value, tuple):
        make = getattr(type(value), "_make", tuple)
        return make([_kept(part) for part in value])
    return value


def _inner_nodes(leaves: list[Any], since: int) -> dict[Any, None]:
    """Return the nodes of the results that were recorded since a mark, in order."""
    return {
        x._node: None
        for x in leaves
        if type(x) is Array and type(x._node) is Node and x._node.number > since
    }


def _outer_nodes(inner: dict[Any, None], since: int) -> tuple[Any, ...]:
    """Return the older nodes that some nodes depend on, oldest first."""
    stack, seen, found = list(inner), set(inner), []
    while stack:
        for parent in stack.pop().parents:
            if parent is None or parent in seen:
                continue
            seen.add(parent)
            if parent.number < since:
                found.append(parent)
            else:
                stack.append(parent)
    return tuple(sorted(found, key=lambda node: node.number))


def _moved(x: Any, picks: dict[Any, Node]) -> Any:
    """Return a result at its place behind the checkpoint, if it was computed there."""
    if type(x) is not Array or x._node not in picks:
        return x
    return Array(x.data, x._lib, picks[x._node])


class _Again(NamedTuple):
    """The tape of a second run: the nodes of the results, and when it began."""

    nodes: list[Any]
    since: int


class _Checkpoint(Row):
    """A call whose tape is recorded again by its derivative."""

    kind = "checkpoint"
    nested = True

    def __init__(self) -> None:
        self.name = "checkpoint"  # it stands in no table
        self.formula = ()
        self.why = ""
        self.public = False

    def lift(self, node: Node) -> Any:
        return node.saved

    def pull_nested(
        self,
        node: Node,
        parents: Any,
        g: Cotangents,
        cotangents: dict[Any, Any],
        higher: bool,
        step: Any,
    ) -> tuple[Any, ...]:
        """Walk the tape of a second run, adding to what the outer walk has found.

        The sums are then made in the order in which they would be without a checkpoint.
        """
        again = run_again(node)
        pull_back(
            [(again.nodes[i], part) for i, part in sorted(g.parts.items())],
            [p for p in parents if p is not None],
            since=again.since,
            higher=higher,
            cotangents=cotangents,
            step=step,
        )
        return ()

    def push_nested(
        self, node: Node, tangents: list[Any], higher: bool, step: Any
    ) -> Any:
        again = run_again(node)
        known = {
            p: t for p, t in zip(node.parents, tangents, strict=True) if t is not None
        }
        return tuple(
            push_forward(
                again.nodes, known, since=again.since, higher=higher, step=step
            )
        )


_CHECKPOINT = _Checkpoint()


def run_again(node: Node) -> _Again:
    """Make the call of a checkpoint again, with the same random numbers, on a tape."""
    run: Any = node.saved
    since = mark()
    token = reopened.set(reopened.get().union(node.parents))
    try:
        with recording_as(True), run.draws.again():
            result = run.result()
    finally:
        reopened.reset(token)
    inner = _inner_nodes(flatten(result)[0], since)
    if _outer_nodes(inner, since) != node.parents:
        raise GradientError(
            "checkpoint: the function used other arrays when it ran again for the "
            "derivative than the first time. What it uses from outside must stay the "
            "same until then (was a parameter replaced?).\n"
            f"  recorded at {node.where()}"
        )
    return _Again(list(inner), since)
