"""How many floating-point operations were recorded on the tape, node by node.

A multiplication and an addition count 1 each, so that one step of a product counts 2;
so does every other function of one element, exp as well. What only moves numbers counts
0. A function written with others (a layer, say) counts as what it is written with, also
where a twin has computed it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from . import tape
from .array import Array
from .kinds.composite import Composite
from .kinds.elementwise import Binary, Unary
from .kinds.several import Cotangents
from .tape import Node, pull_back

__all__ = ["Work", "work_of"]


class Work(NamedTuple):
    """The operations of a node, in the forward and in the backward pass."""

    forward: int
    backward: int


def work_of(outputs: list[Array], wanted: set[Any]) -> dict[Node, Work]:
    """Return the work of each operation behind some outputs.

    The backward pass is an estimate: for each argument that leads to a leaf in `wanted`
    a rule does the operations of the forward pass once more. That is exact for
    products.
    """
    roots = [x for x in outputs if x._node is not None]
    order = tape._reachable([x._node for x in roots], 0)
    needed = tape._needed(order, frozenset(wanted))
    counter = _Counter(needed)
    seeds = [(x._node, x._lib.raw.ones_like(x.data)) for x in roots]
    pull_back(seeds, keep=True, step=counter.step)
    return counter.found


class _Counter:
    """A step of the backward walk that counts what each node has done."""

    def __init__(self, needed: set[Any]) -> None:
        self.needed = needed
        self.found: dict[Node, Work] = {}

    def step(
        self, node: Node, parents: Any, g: Any, cotangents: Any, higher: bool
    ) -> Any:
        """Count a node of the tape, and take the cotangent through it."""
        row: Any = node.row
        inner = _Sum()
        if row.nested:
            parts = row.pull_nested(node, parents, g, cotangents, higher, inner.step)
        else:
            parts = inner.step(node, parents, g, cotangents, higher)
        forward = inner.total
        kept = tuple([p if p in self.needed else None for p in parents])
        backward = 0
        if any(kept):
            again = _Sum(backward=True)
            again.step(node, kept, g, dict(cotangents), higher)
            backward = again.total
        self.found[node] = Work(forward, backward)
        return parts


class _Sum:
    """The sum over everything that a node was written with."""

    def __init__(self, backward: bool = False) -> None:
        self.total = 0
        self.backward = backward

    def step(
        self, node: Node, parents: Any, g: Any, cotangents: Any, higher: bool
    ) -> Any:
        """Add a node, or the nodes of its reference."""
        row: Any = node.row
        if row.nested:
            return row.pull_nested(node, parents, g, cotangents, higher, self.step)
        if isinstance(row, Composite):
            return row.pull_by(node, parents, node.saved, g, self.step)
        times = sum(p is not None for p in parents) if self.backward else 1
        self.total += times * _operations(node, g)
        return tape._pulled(node, parents, g, cotangents, higher)


def _operations(node: Node, g: Any) -> int:
    """Return the operations of one row, from what it keeps and the size of `g`."""
    out = _size(g)
    rule = _RULES.get(node.row.name)
    if rule is not None:
        return rule(node.saved, out)
    if isinstance(node.row, (Binary, Unary)):
        return out
    return max(out, _input(node.saved))


def _size(g: Any) -> int:
    if type(g) is Cotangents:
        return sum(map(_size, g.parts.values()))
    return math.prod(g.shape)


def _shapes(saved: Any) -> list[tuple[int, ...]]:
    arrays = getattr(saved, "arrays", ())
    return [tuple(x.shape) for x in arrays if hasattr(x, "shape")]


def _input(saved: Any) -> int:
    return max((math.prod(shape) for shape in _shapes(saved)), default=0)


def _nothing(saved: Any, out: int) -> int:
    return 0


def _reduction(saved: Any, out: int) -> int:
    return max(_input(saved), out)


def _times(factor: int) -> Callable[[Any, int], int]:
    return lambda saved, out: factor * max(_input(saved), out)


def _matmul(saved: Any, out: int) -> int:
    return 2 * out * _shapes(saved)[0][-1]


def _contract(saved: Any, out: int) -> int:
    a, b = _shapes(saved)
    letters = [*saved.rest, *saved.options.values()]
    sizes = dict(zip(letters[0] + letters[1], a + b, strict=True))
    steps = math.prod(sizes.values())
    return steps if steps == out else 2 * steps


def _tensordot(saved: Any, out: int) -> int:
    a, b = map(math.prod, _shapes(saved))
    return 2 * math.isqrt(a * b * out)  # each step is in one place of each pair


def _vecdot(saved: Any, out: int) -> int:
    return 2 * out * max(_input(saved) // max(out, 1), 1)


def _fourier(saved: Any, out: int) -> int:
    n = max(_input(saved), out)
    return 5 * n * max(1, math.ceil(math.log2(max(n, 2))))


def _cubic(saved: Any, out: int) -> int:
    shape = max(_shapes(saved), key=math.prod, default=(out,))
    return 2 * math.prod(shape) * shape[-1]


_RULES: dict[str, Callable[[Any, int], int]] = {
    **dict.fromkeys(
        (
            "alias", "astype", "broadcast_to", "concat", "conj", "copy_array",
            "diagonal", "expand_dims", "fftshift", "flip", "getitem", "ifftshift",
            "imag", "matrix_transpose", "moveaxis", "pad", "permute_dims", "pick",
            "positive", "real", "repeat", "reshape", "roll", "scatter", "setitem",
            "sliding_windows", "squeeze", "stack", "take", "take_along_axis", "tile",
            "to_device", "tril", "triu", "watch", "where",
        ),
        _nothing,
    ),
    **dict.fromkeys(
        (
            "cumulative_prod", "cumulative_sum", "max", "mean", "min", "overlap_add",
            "prod", "segment_sum", "sum", "trace",
        ),
        _reduction,
    ),
    **dict.fromkeys(
        (
            "fft", "fftn", "hfft", "ifft", "ifftn", "ihfft", "irfft", "irfftn", "rfft",
            "rfftn",
        ),
        _fourier,
    ),
    **dict.fromkeys(
        (
            "adjugate", "cholesky", "det", "eig", "eigh", "inv", "pinv", "qr",
            "singular_norm", "slogdet", "solve", "svd",
        ),
        _cubic,
    ),
    "contract": _contract,
    "log_softmax": _times(5),  # maximum, difference, exp, sum, difference
    "logsumexp": _times(4),
    "matmul": _matmul,
    "softmax": _times(5),
    "tensordot": _tensordot,
    "vecdot": _vecdot,
    "vector_norm": _times(2),
}  # fmt: skip
