"""What the tape keeps in memory: for which operations, and recorded by which lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..backend.library import Library, library_of
from ..errors import GradientError
from ..trees import flatten
from .array import Array
from .convert import SCALARS
from .kinds.base import Spec
from .kinds.custom import CustomCall
from .kinds.linear import Call
from .tape import Leaf, Node
from .transforms.checkpoint import Run

__all__ = ["MemoryReport", "Operations", "memory_report"]

_SHOWN = 10


@dataclass(frozen=True)
class Operations:
    """Operations of one kind that one line recorded, and what they alone keep."""

    name: str
    count: int
    bytes: int
    where: str


@dataclass(frozen=True, repr=False)
class MemoryReport:
    """What a tape keeps in memory; its repr is a table.

    Attributes
    ----------
    nodes : int
        The operations recorded.
    released : int
        How many of them a backward pass has used and emptied.
    results : int
        The bytes of computed arrays that are kept for the backward pass.
    constants : int
        The bytes of arrays that take part and need no gradient (a batch of data).
    leaves : int
        The bytes of arrays that gradients are wanted for; they would exist without the
        tape.
    bookkeeping : int
        The bytes of the tape's own objects.
    operations : tuple of Operations
        Operations by name and line, the largest first.
    """

    nodes: int
    released: int
    results: int
    constants: int
    leaves: int
    bookkeeping: int
    operations: tuple[Operations, ...]

    def __repr__(self) -> str:
        used = f", {self.released:,} of them released" if self.released else ""
        lines = [
            f"tape of {self.nodes:,} operations{used}",
            f"{_size(self.results):>12s}  results kept for the backward pass",
            f"{_size(self.constants):>12s}  arrays that need no gradient",
            f"{_size(self.leaves):>12s}  leaves, not counted as kept by the tape",
            f"{_size(self.bookkeeping):>12s}  the tape's own objects",
        ]
        shown = self.operations[:_SHOWN]
        if shown:
            lines += ["", f"{'kept':>12s}  operation"]
        for line in shown:
            times = f" x {line.count:,}" if line.count > 1 else ""
            lines.append(f"{_size(line.bytes):>12s}  {line.name}{times}")
            lines.append(f"{'':14s}{line.where}")
        if len(self.operations) > _SHOWN:
            rest = self.operations[_SHOWN:]
            size = sum(entry.bytes for entry in rest)
            lines.append(f"{_size(size):>12s}  {len(rest):,} other lines")
        if self.results:
            lines += ["", self._advice()]
        return "\n".join(lines)

    def _advice(self) -> str:
        free = self.results + self.bookkeeping
        pieces = max(2, round(self.nodes**0.5))
        return (
            f"Within xn.checkpoint(f), f keeps its arguments alone: up to "
            f"{_size(free)} less, for computing f once more in the backward pass. A "
            f"chain cut into {pieces:,} such pieces holds about one piece at a time, "
            f"{_size(free // pieces)}, and what goes from piece to piece."
        )


def _size(count: float) -> str:
    """Return a number of bytes in a unit that suits it."""
    if count < 1024:
        return f"{count:,.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:,.1f} {unit}"
    return f"{count / 1024:,.1f} TiB"


def memory_report(result: Any) -> MemoryReport:
    """Return what the tape behind a result keeps in memory, and for which lines.

    Each piece of memory counts once, for the oldest operation that keeps it; arrays
    that share memory (views) count as one, with all of it.

    Parameters
    ----------
    result : Array or container
        What was computed: a loss, or a dict, list or tuple of arrays.

    Returns
    -------
    MemoryReport
        Its repr is a table; its attributes are the numbers, in bytes.

    Raises
    ------
    GradientError
        If no array in it is on the tape.

    Examples
    --------
    >>> x = asarray([1.0, 2.0, 3.0], requires_grad=True)
    >>> report = memory_report(xp.sum(xp.exp(x) * 2.0))
    >>> report.nodes, report.results, report.leaves
    (3, 24, 0)
    """
    roots = [leaf._node for leaf in flatten(result)[0] if type(leaf) is Array]
    nodes = _nodes([node for node in roots if node is not None])
    if not any(node is not None for node in roots):
        raise GradientError(
            "memory_report: no array in it is on the tape. Was it computed from an "
            "array made with requires_grad=True, outside no_grad()?"
        )
    kept = _Kept()
    for node in nodes:
        kept.leaves_of(node)
    for node in nodes:
        kept.rest_of(node)
    return kept.report(nodes)


def _nodes(roots: list[Any]) -> list[Node]:
    """Return every operation that the roots depend on, oldest first."""
    order: list[Any] = [r for r in dict.fromkeys(roots) if type(r) is Node]
    seen = set(order)
    for node in order:  # grows while it runs
        for parent in node.parents:
            if type(parent) is Node and parent not in seen:
                seen.add(parent)
                order.append(parent)
    order.sort(key=lambda node: node.number)
    return order


class _Kept:
    """The memory met so far, and for whom it is kept."""

    def __init__(self) -> None:
        self.seen: set[Any] = set()
        self.totals = {"results": 0, "constants": 0, "leaves": 0}
        self.lines: dict[Any, list[Any]] = {}  # count, bytes, one of the nodes

    def leaves_of(self, node: Node) -> None:
        """Count the arguments of a node that are leaves: they would exist anyway."""
        for parent, value in _arguments(node):
            if type(parent) is Leaf:
                self._count("leaves", node.lib, value)

    def rest_of(self, node: Node) -> None:
        """Count what else a node keeps, for its line."""
        size = 0
        for parent, value in _arguments(node):
            kind = "constants" if parent is None else "results"
            size += self._count(kind, node.lib, value)
        size += self._count("results", node.lib, node.saved)
        key = (node.row.name, node.code, node.instruction)
        line = self.lines.setdefault(key, [0, 0, node])
        line[0] += 1
        line[1] += size

    def _count(self, kind: str, lib: Library, value: Any) -> int:
        """Add the memory of the arrays in a value that was not met before."""
        size = 0
        for x in _arrays(lib, value):
            key, count = lib.memory_of(x)
            if key not in self.seen:
                self.seen.add(key)
                size += count
        self.totals[kind] += size
        return size

    def report(self, nodes: list[Node]) -> MemoryReport:
        """Return the numbers, with the lines that keep anything."""
        lines = sorted(self.lines.values(), key=lambda line: -line[1])
        return MemoryReport(
            nodes=len(nodes),
            released=sum(node.saved is None for node in nodes),
            bookkeeping=sum(map(_own_size, nodes)),
            operations=tuple(
                [
                    Operations(node.row.name, count, size, node.where())
                    for count, size, node in lines
                    if size
                ]
            ),
            **self.totals,
        )


def _arguments(node: Node) -> list[tuple[Any, Any]]:
    """Return the arguments that a node keeps, each beside its parent."""
    saved = node.saved
    if isinstance(saved, Run):
        leaves = flatten([saved.args, saved.options])[0]
        return [(x._node if type(x) is Array else None, x) for x in leaves]
    if isinstance(saved, CustomCall):
        parents = dict(zip(saved.slots, node.parents, strict=True))
        return [(parents.get(i), x) for i, x in enumerate(saved.leaves)]
    if not isinstance(saved, tuple):
        return []
    values = saved.arrays if isinstance(saved, Call) else saved
    return [*zip(node.parents, values, strict=False)]


def _arrays(lib: Library, value: Any) -> Iterator[Any]:
    """Return the raw arrays somewhere in what a node keeps."""
    if type(value) is Spec:  # a form without values
        return
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _arrays(lib, part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from _arrays(lib, part)
    elif type(value) is Array:
        yield value.data
    elif type(value) not in SCALARS and value is not None and library_of(value) is lib:
        yield lib.adopt(value)


def _own_size(node: Node) -> int:
    """Return the bytes of a node itself, without the arrays."""
    parts = (node, node.parents, node.saved, node.fix)
    return sum(
        sys.getsizeof(part) for part in parts if type(part) in (Node, tuple, Call)
    )
