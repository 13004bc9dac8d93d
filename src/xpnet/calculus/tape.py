"""The tape: what was computed, in order, and how to walk it backward and forward.

Every recorded operation is a `Node` that points at the nodes of its inputs; an input
that a gradient is wanted for is a `Leaf`. A node's `number` grows with time, so sorting
by it *is* the topological order: no recursion, and a chain of any length
differentiates.

One walk serves every order of derivative. Normally the rules run on the library's raw
arrays. When the result must itself be differentiable (``higher``), the same rules run
on recorded arrays, which writes the backward pass on the tape too.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import linecache
import operator
import os
import sys
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from ..errors import GradientError, NonFiniteError

if TYPE_CHECKING:
    from ..backend.library import Library
    from .rule import Row

__all__ = [
    "Leaf",
    "Node",
    "is_recording",
    "no_grad",
    "pull_back",
    "push_forward",
    "recording_as",
]

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TAUGHT = tuple(
    PACKAGE + part + os.sep for part in (f"learn{os.sep}lessons", f"lab{os.sep}pages")
)
"""Files of the package whose lines are shown as a user's own."""

_inside: set[str] = set()  # the package's own files, as they are met
_next_number = itertools.count(1).__next__
_get_number = operator.attrgetter("number")

Step = Callable[..., Any]

_recording: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "xpnet_recording", default=True
)
is_recording = _recording.get


_before: contextvars.ContextVar[tuple[tuple[object, bool], ...]] = (
    contextvars.ContextVar("xpnet_recording_before", default=())
)


class recording_as(contextlib.ContextDecorator):
    """Switch recording on or off in a ``with`` block, for this thread or task.

    An object can be used again, also inside itself, and in several threads at once:
    what each block goes back to is kept in a context variable. Also a decorator.
    """

    def __init__(self, state: bool) -> None:
        self._state = state

    def __enter__(self) -> None:
        _before.set((*_before.get(), (self, _recording.get())))
        _recording.set(self._state)

    def __exit__(self, *_error: object) -> None:
        kept = _before.get()
        i = len(kept) - 1
        while i >= 0 and kept[i][0] is not self:  # generators may end out of order
            i -= 1
        if i < 0:
            return  # entered in another context, which it leaves alone
        before = kept[i][1]
        if i == len(kept) - 1:
            _recording.set(before)
            _before.set(kept[:i])
        else:  # the blocks inside go on, and go back to what stood before this one
            inner = (kept[i + 1][0], before)
            _before.set((*kept[:i], inner, *kept[i + 2 :]))


def no_grad() -> recording_as:
    """Compute without recording: inside the ``with`` block nothing goes on the tape.

    Also a decorator: ``@no_grad()``. A generator that yields inside the block leaves
    recording off for whoever runs it, until it goes on.

    Examples
    --------
    >>> x = asarray(2.0, requires_grad=True)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return recording_as(False)


class Leaf:
    """An input that a gradient is wanted for.

    Attributes
    ----------
    number : int
        When it was made.
    grad : Array or None
        What `Array.backward` has accumulated so far.
    into : Array or None
        Where the gradient is to be written: a view of an optimizer's flat buffer.
    declared : bool
        Whether a person made it (``requires_grad=True``) rather than a transform.
    open : bool
        Whether a derivative with respect to it can still be asked for. A transform
        closes its own leaves when the function has returned.
    changed : int
        When its values were last changed in place. Nodes recorded before that hold
        other values than the leaf has now, and are refused.
    why : str
        What changed them, as a sentence.
    owner : weakref to Array, or None
        The array that it is the leaf of, while somebody holds it.
    """

    __slots__ = (
        "changed",
        "declared",
        "grad",
        "into",
        "lib",
        "number",
        "open",
        "owner",
        "why",
    )

    parents: tuple[()] = ()

    def __init__(self, lib: Library, declared: bool = False) -> None:
        self.number = _next_number()
        self.lib = lib
        self.grad: Any = None
        self.into: Any = None
        self.declared = declared
        self.open = True
        self.changed = 0
        self.why = ""
        self.owner: Any = None


def mark_changed(leaves: Iterable[Any], why: str) -> None:
    """Note that the values of leaves were changed in place, and why."""
    now = _next_number()
    for leaf in leaves:
        leaf.changed = now
        leaf.why = why


class Node:
    """One recorded operation.

    Attributes
    ----------
    row : Row
        Its row in the table of derivatives.
    parents : tuple of Node, Leaf or None
        The node of each array argument; None where the argument is not on the tape.
    saved : tuple or None
        What the rule needs of inputs and output; None once a backward pass has used it.
    fix : tuple or None
        For each argument, the (shape, dtype) that its cotangent must be brought to.
    """

    __slots__ = (
        "code",
        "fix",
        "instruction",
        "lib",
        "number",
        "parents",
        "row",
        "saved",
    )

    into = grad = None  # only leaves have these

    def __init__(
        self, row: Row, lib: Library, parents: Any, saved: Any, fix: Any
    ) -> None:
        self.row = row
        self.lib = lib
        self.parents: tuple[Node | Leaf | None, ...] = parents
        self.saved = saved
        self.fix = fix
        self.number = _next_number()
        frame = sys._getframe(2)  # the caller of the function that records
        while frame.f_back is not None:
            path = frame.f_code.co_filename
            if path not in _inside:
                if not is_inside(path):
                    break
                _inside.add(path)
            frame = frame.f_back
        self.code = frame.f_code
        self.instruction = frame.f_lasti

    def where(self) -> str:
        """Return the user's own line that recorded this operation."""
        return place_of(self.code, self.instruction)


def is_inside(path: str) -> bool:
    """Tell whether a file is the package's own, and not shown as a user's."""
    return path.startswith(PACKAGE) and not path.startswith(_TAUGHT)


def place_of(code: CodeType, instruction: int) -> str:
    """Return where an instruction stands: file, line, function, and the line's text."""
    line = None
    for index, (first, *_rest) in enumerate(code.co_positions()):
        if index * 2 >= instruction:
            line = first
            break
    path = code.co_filename
    text = linecache.getline(path, line or 0).strip()
    place = f"{path}, line {line}, in {code.co_name}"
    return f"{place}: {text}" if text else place


def users_frame() -> FrameType:
    """Return the nearest frame that runs outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and is_inside(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def users_place() -> str:
    """Return the line that is running outside of this package, the nearest one."""
    frame = users_frame()
    return place_of(frame.f_code, frame.f_lasti)


def _reachable(roots: list[Any], since: int) -> list[Node]:
    """Return the nodes that the roots depend on, newest first, none before `since`.

    Raises
    ------
    GradientError
        If the values of a leaf were changed after a node had been computed from it.
    """
    order: list[Any] = [r for r in dict.fromkeys(roots) if type(r) is Node]
    seen = set(order)
    for node in order:  # grows while it runs
        for parent in node.parents:
            if type(parent) is Leaf:
                if parent.changed > node.number:
                    raise GradientError(f"{parent.why} Compute the result again.")
            elif parent is not None and parent not in seen:
                seen.add(parent)
                if parent.number >= since:
                    order.append(parent)
    order.sort(key=_get_number, reverse=True)
    return order


def _needed(order: list[Any], wanted: frozenset[Any]) -> set[Any]:
    """Return the nodes among `order` (newest first) that depend on a wanted one."""
    needed = set(wanted)
    for node in reversed(order):
        if any(parent in needed for parent in node.parents):
            needed.add(node)
    return needed


reopened: contextvars.ContextVar[frozenset[Any]] = contextvars.ContextVar(
    "xpnet_reopened", default=frozenset()
)
"""The nodes that a call which is made again starts from: as open as the first time."""


def reaches_before(roots: Iterable[Node | Leaf], since: int) -> bool:
    """Tell whether the roots depend on a variable from before `since` that is open."""
    stack = list(roots)
    seen = set(stack)
    starts = reopened.get()
    while stack:
        node = stack.pop()
        if node in starts:
            return True
        if type(node) is Leaf and node.number < since and node.open:
            return True
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return False


def pull_back(
    seeds: list[tuple[Any, Any]],
    wanted: list[Any] | None = None,
    *,
    since: int = 0,
    higher: bool = False,
    keep: bool = False,
    cotangents: dict[Any, Any] | None = None,
    step: Step | None = None,
) -> dict[Any, Any]:
    """Walk the tape backward from the seeds and return the cotangent of each leaf.

    Parameters
    ----------
    seeds : list of (node, cotangent)
        Where to start; cotangents are raw arrays, or recorded arrays when `higher`.
    wanted : list of Leaf or Node, optional
        The variables asked for; all that are reached when omitted.
    since : int
        Nothing older than this number is visited.
    higher : bool
        Whether the result is to be differentiable: the rules then run on recorded
        arrays.
    keep : bool
        Whether the tape can be walked again; otherwise it is released as it is used.
    cotangents : dict, optional
        What has been found already, by node; this walk adds to it.
    step : callable, optional
        What takes a cotangent through one node; by default its row's rule does.
    """
    order = _reachable([node for node, _ in seeds], since)
    stops = frozenset(wanted or ())
    needed = None if wanted is None else _needed(order, stops)
    cotangents = {} if cotangents is None else cotangents
    step = step or _pulled
    for node, g in seeds:
        cotangents[node] = g if node not in cotangents else cotangents[node] + g
    if not order:
        return cotangents
    token = _recording.set(higher)
    try:
        with order[0].lib.quiet():
            for node in order:
                if node not in cotangents or node in stops:
                    continue
                g = cotangents.pop(node)
                parents = node.parents
                if needed is not None:
                    parents = tuple([p if p in needed else None for p in parents])
                parts = step(node, parents, g, cotangents, higher)
                if not (keep or higher):
                    node.saved = None
                for parent, part in zip(parents, parts):  # noqa: B905
                    if parent is None or part is None:
                        continue
                    if parent in cotangents:
                        part = cotangents[parent] + part
                    cotangents[parent] = part
    finally:
        _recording.reset(token)
    return cotangents  # what is left: the leaves, and where the walk was to stop


def _pulled(node: Node, parents: Any, g: Any, cotangents: Any, higher: bool) -> Any:
    """Return the cotangents of a node's arguments by its row's rule."""
    row, saved = node.row, node.saved
    if saved is None:
        raise GradientError(_released(node))
    try:
        if row.nested:
            return row.pull_nested(node, parents, g, cotangents, higher, None)
        if higher:
            return row.pull(node, parents, row.lift(node), g, node.lib.recorded)
        if row.writes:
            # the first part of a leaf's gradient can be written where it is wanted
            slots = tuple(
                [
                    None
                    if p is None
                    or p.into is None
                    or p.grad is not None
                    or p in cotangents
                    else p.into.data
                    for p in parents
                ]
            )
            return row.pull_into(node, parents, saved, g, slots)
        return row.pull(node, parents, saved, g, node.lib.raw)
    except NonFiniteError:
        raise  # it says where already
    except GradientError as error:
        raise _placed(node, error) from error.__cause__
    except Exception as error:
        raise _explained(node, error, "backward") from error


def _released(node: Node) -> str:
    return (
        f"{node.row.name}: this part of the tape was already used by a backward pass "
        "and released. Compute the result again, or call "
        "backward(retain_graph=True) the first time.\n"
        f"  recorded at {node.where()}"
    )


def push_forward(
    targets: list[Any],
    tangents: dict[Any, Any],
    *,
    since: int = 0,
    higher: bool = False,
    step: Step | None = None,
) -> list[Any]:
    """Walk the tape forward; return each target's tangent, None where it is zero."""
    step = step or _pushed
    order = _reachable([node for node in targets if node is not None], since)
    quiet = order[0].lib.quiet() if order else contextlib.nullcontext()
    with quiet, recording_as(higher):
        for node in reversed(order):
            if node in tangents:
                continue
            incoming = [None if p is None else tangents.get(p) for p in node.parents]
            if all(t is None for t in incoming):
                continue
            out = step(node, incoming, higher)
            if out is not None:
                tangents[node] = out
    return [None if node is None else tangents.get(node) for node in targets]


def _pushed(node: Node, incoming: list[Any], higher: bool) -> Any:
    """Return the tangent of a node's result by its row's rule."""
    row = node.row
    try:
        if row.nested:
            return row.push_nested(node, incoming, higher, None)
        if higher:
            return row.push(node, incoming, row.lift(node), node.lib.recorded)
        return row.push(node, incoming, node.saved, node.lib.raw)
    except NonFiniteError:
        raise
    except GradientError as error:
        raise _placed(node, error) from error.__cause__
    except Exception as error:
        raise _explained(node, error, "forward") from error


def _placed(node: Node, error: GradientError) -> GradientError:
    """Return a rule's own refusal with the user's own line, once."""
    place = "\n  recorded at "
    if place in str(error):
        return error
    return GradientError(f"{error}{place}{node.where()}")


def _explained(node: Node, error: Exception, mode: str) -> GradientError:
    """Return the error of a rule with the operation and the user's own line."""
    return GradientError(
        f"{node.row.name}: its {mode} rule failed with "
        f"{type(error).__name__}: {error}\n  recorded at {node.where()}"
    )


def mark() -> int:
    """Return a number older than everything recorded from now on."""
    return _next_number()
