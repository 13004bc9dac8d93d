"""The cases of einsum, adding at places, padding, sliding windows and top_k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import add, corner, distinct, plain

# --- einsum ---------------------------------------------------------------------------

_EINSUMS: dict[str, tuple[tuple[int, ...], ...]] = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,kj": ((2, 3), (2, 3)),
    "ij,jk": ((2, 3), (3, 2)),
    "bij,bjk->bik": ((2, 3, 2), (2, 2, 3)),
    "bij,jk->bki": ((2, 3, 2), (2, 3)),
    "bi,bi->b": ((2, 3), (2, 3)),
    "bi,bi->": ((2, 3), (2, 3)),
    "i,i": ((4,), (4,)),
    "i,j->ji": ((2,), (3,)),
    "i,ij->ij": ((2,), (2, 3)),
    ",ij->ji": ((), (2, 3)),
    ",": ((), ()),
    "ii": ((3, 3),),
    "ii->i": ((3, 3),),
    "iij->ji": ((2, 2, 3),),
    "iii->i": ((2, 2, 2),),
    "ij->ji": ((2, 3),),
    "ij->": ((2, 3),),
    "ij->j": ((2, 3),),
    "ba": ((2, 3),),
    "": ((),),
    "...": ((2, 3),),
    "i...->...i": ((2, 3, 1),),
    "...ij,...jk->...ik": ((2, 2, 3), (1, 3, 2)),
    "...ij,jk": ((2, 2, 3), (3, 2)),
    "...i,...i->...": ((2, 1, 3), (4, 3)),
    "b...,b...->...": ((2, 3), (2, 3)),
    "ij,jk,kl->il": ((2, 3), (3, 2), (2, 4)),
    "ij,ik,il->jkl": ((2, 2), (2, 3), (2, 1)),
    "ab,ab,ab->ab": ((2, 3), (2, 3), (2, 3)),
    "i,j,k,l->": ((2,), (1,), (3,), (2,)),
    "ii,ij,j": ((2, 2), (2, 3), (3,)),
    "ij,jk->k": ((2, 3), (3, 2)),  # a letter that stands nowhere else
    "ij,jk->i ": ((2, 1), (3, 2)),  # an axis of 1 that is spread
    "ij, jk -> ik": ((2, 3), (1, 2)),
    "ij,ij->ij": ((2, 1), (1, 3)),
    "aab,bcc->ac": ((2, 2, 2), (2, 3, 3)),
    "ij,jk->ki": ((0, 3), (3, 2)),
    "ij,jk-> ik": ((2, 0), (0, 2)),
    "ij ->ij": ((0, 3),),
    "i -> i": ((1,),),
}


def _einsum(subscripts: str) -> Callable[..., Any]:
    return lambda xp, *xs: xp.einsum(subscripts, *xs)


for _text, _shapes in _EINSUMS.items():
    add(
        "einsum",
        _text,
        _einsum(_text),
        *[plain(s, "einsum", i) for i, s in enumerate(_shapes)],
        layouts=_text in ("ij,jk->ik", "iij->ji", "ij,jk,kl->il"),
    )
for _text in ("ij,jk->ik", "ii->i", "bij,bjk->bik", "bi,bi->b", "i,j->ji", "ii,ij,j"):
    add(
        "einsum",
        f"{_text}, complex",
        _einsum(_text),
        *[corner(s, "einsum", i) for i, s in enumerate(_EINSUMS[_text])],
        layouts=False,
    )
add("einsum", "twice", lambda xp, x: xp.einsum("ij,jk->ik", x, x), plain((2, 2)))
add(
    "einsum",
    "not at all",
    lambda xp, x, y, z: xp.einsum("ij,j", x, y),
    plain((2, 3)),
    plain((3,)),
    plain((2,)),
)
add(
    "einsum",
    "complex and real",
    lambda xp, x, y: xp.einsum("ij,j->i", x, y),
    corner((2, 3)),
    corner((3,)),
)
for _name, _sample in (("real", plain), ("complex", corner)):
    add(
        "contract",
        _name,
        lambda xp, x, y: xp.contract(x, y, "bij", "bjk", "kbi"),
        _sample((2, 2, 3), 1),
        _sample((2, 3, 2), 2),
    )
add(
    "contract",
    "twice",
    lambda xp, x: xp.contract(x, x, "ij", "jk", "ik"),
    plain((2, 2)),
)

# --- adding at places -----------------------------------------------------------------

_ids = np.asarray([2, 0, 2, 1])


def _summed(count: int) -> Callable[..., Any]:
    return lambda xp, x: xp.segment_sum(x, xp.put(_ids), count)


for _shape in ((4,), (4, 2), (4, 1, 3), (4, 0)):
    add("segment_sum", "repeated places", _summed(4), plain(_shape))
add("segment_sum", "complex", _summed(3), corner((4,)))
add("segment_sum", "complex rows", _summed(3), corner((4, 2)))
add(
    "segment_sum",
    "rows used twice",
    lambda xp, x: xp.segment_sum(x, xp.put(_ids), 4) * x,
    plain((4, 2)),
)
add(
    "segment_sum",
    "nothing",
    lambda xp, x: xp.segment_sum(x, xp.put(np.zeros(0, int)), 2),
    plain((0, 3)),
)
add("segment_sum", "one", lambda xp, x: xp.segment_sum(x, [0], 1), plain((1,)))

_ADDS: dict[str, tuple[tuple[int, ...], list[int], tuple[int, ...], int]] = {
    "a row": ((4,), [3, 0, 3], (3,), 0),
    "rows": ((3, 2), [1, -1, 1], (3, 2), 0),
    "columns": ((2, 3), [-3, 2], (2, 2), 1),
    "the last axis": ((2, 1, 3), [2, 2], (2, 1, 2), -1),
    "values that broadcast": ((3, 2), [1, 1], (2,), 0),
    "one value": ((3, 2), [0, 1], (), 1),
    "nothing": ((3, 2), [], (0, 2), 0),
    "an empty array": ((0, 3), [1], (0, 1), 1),
    "one place": ((1,), [0], (1,), 0),
}

for _label, (_shape, _at, _values, _axis) in _ADDS.items():
    add(
        "index_add",
        _label,
        lambda xp, x, v, i=tuple(_at), a=_axis: xp.index_add(x, list(i), v, axis=a),
        plain(_shape),
        plain(_values, "values"),
    )
add(
    "index_add",
    "complex",
    lambda xp, x, v: xp.index_add(x, xp.put(np.asarray([1, 1])), v),
    corner((2, 3)),
    corner((2, 3), 1),
)
add("index_add", "twice", lambda xp, x: xp.index_add(x, [1, 1, 0], x), plain((3,)))
add(
    "index_add",
    "not at all",
    lambda xp, x, y: xp.index_add(x, [0], 2.0),
    plain((3,)),
    plain((2,)),
)

# --- padding --------------------------------------------------------------------------

_PADS: dict[str, tuple[tuple[int, ...], Any, dict[str, Any]]] = {
    "one number": ((2, 3), 1, {}),
    "one pair": ((2, 3), (0, 2), {}),
    "a pair for each axis": ((2, 1, 3), ((1, 0), (0, 0), (2, 1)), {}),
    "a constant": ((3,), (1, 2), {"constant_values": 2.5}),
    "nothing": ((2, 3), 0, {}),
    "no axes": ((), 3, {}),
    "an empty array": ((0, 3), 1, {}),
    "reflected": ((3,), (2, 1), {"mode": "reflect"}),
    "reflected, two axes": ((2, 3), ((1, 0), (2, 2)), {"mode": "reflect"}),
    "reflected, one element": ((1, 2), ((0, 0), (1, 1)), {"mode": "reflect"}),
    "edges": ((3,), (2, 1), {"mode": "edge"}),
    "edges, two axes": ((1, 3), ((2, 1), (0, 3)), {"mode": "edge"}),
    "edges, empty": ((0, 3), ((0, 0), (1, 2)), {"mode": "edge"}),
    "round the end": ((3,), (2, 1), {"mode": "wrap"}),
    "round the end, two axes": ((2, 3), ((2, 1), (0, 3)), {"mode": "wrap"}),
}


def _padded(width: Any, options: dict[str, Any]) -> Callable[..., Any]:
    return lambda xp, x: xp.pad(x, width, **options)


for _label, (_shape, _width, _options) in _PADS.items():
    add("pad", _label, _padded(_width, _options), plain(_shape))
for _mode in ("constant", "reflect", "edge", "wrap"):
    add("pad", f"complex, {_mode}", _padded(1, {"mode": _mode}), corner((2, 3)))
    add(
        "pad",
        f"twice, {_mode}",
        lambda xp, x, m=_mode: xp.pad(x, (1, 1), mode=m)[1:-1] * x,
        plain((3,)),
        layouts=False,
    )
add("pad", "not at all", lambda xp, x, y: xp.pad(x, 1), plain((3,)), plain((2,)))

# --- sliding windows ------------------------------------------------------------------

_WINDOWS: dict[str, tuple[tuple[int, ...], Any, dict[str, Any]]] = {
    "one axis": ((5,), 3, {}),
    "an image": ((2, 3, 4), (2, 2), {"axis": (1, 2)}),
    "all axes": ((3, 3), (2, 1), {}),
    "axes in another order": ((3, 1, 4), (2, 2), {"axis": (-1, 0)}),
    "a stride": ((6,), 2, {"stride": 2}),
    "a stride with a rest": ((2, 6), 3, {"axis": 1, "stride": 2}),
    "a stride over elements": ((7,), 2, {"stride": 3}),
    "a dilation": ((6,), 3, {"dilation": 2}),
    "all options": (
        (1, 5, 7),
        (2, 3),
        {"axis": (1, 2), "stride": (2, 1), "dilation": (2, 3)},
    ),
    "one long window": ((5,), 5, {}),
    "few long windows": ((7, 2), 4, {"axis": 0, "stride": 3, "dilation": 1}),
    "few dilated windows": ((8,), 3, {"stride": 1, "dilation": 3}),
    "windows of one": ((3,), 1, {}),
    "one": ((1,), 1, {}),
    "an empty array": ((0, 3), 2, {"axis": 1}),
    "no axes": ((), (), {}),
}


def _windowed(window: Any, options: dict[str, Any]) -> Callable[..., Any]:
    return lambda xp, x: xp.sliding_windows(x, window, **options)


for _label, (_shape, _window, _options) in _WINDOWS.items():
    add("sliding_windows", _label, _windowed(_window, _options), plain(_shape))
add("sliding_windows", "complex", _windowed(2, {"axis": 0}), corner((3, 2)))
add(
    "sliding_windows",
    "twice",
    lambda xp, x: xp.sliding_windows(x, 2) * xp.sliding_windows(x * x, 2),
    plain((4,)),
)
add(
    "sliding_windows",
    "not at all",
    lambda xp, x, y: xp.sliding_windows(x, 2),
    plain((3,)),
    plain((2,)),
)
for _name, _sample in (("real", plain), ("complex", corner)):
    add(
        "overlap_add",
        _name,
        lambda xp, g: xp.overlap_add(g, (2, 5), (1,), (3,), (1,), (1,)),
        _sample((2, 3, 3)),
    )
add(
    "overlap_add",
    "few windows",
    lambda xp, g: xp.overlap_add(g, (6,), (0,), (3,), (2,), (1,)),
    plain((2, 3)),
)

# --- the largest elements, and one-hot rows -------------------------------------------

for _axis, _largest, _k in ((-1, True, 2), (0, False, 1), (1, True, 4), (-2, True, 0)):
    add(
        "top_k",
        f"axis={_axis}, largest={_largest}, k={_k}",
        lambda xp, x, a=_axis, b=_largest, k=_k: xp.top_k(x, k, axis=a, largest=b)[0],
        distinct((3, 4), "top", _axis),
    )
add("top_k", "empty", lambda xp, x: xp.top_k(x, 1)[0], plain((0, 3)))
add(
    "top_k",
    "nothing of nothing",
    lambda xp, x: xp.top_k(x, 0, axis=0)[0],
    plain((0, 3)),
)
add("top_k", "one", lambda xp, x: xp.top_k(x, 1).values, plain((1,)))
add("top_k", "twice", lambda xp, x: xp.top_k(x * x, 2)[0] * x[:2], distinct((4,)))
add(
    "top_k",
    "not at all",
    lambda xp, x, y: xp.top_k(x, 1)[0],
    distinct((3,)),
    plain((2,)),
)
for _axis in (-1, 0):
    add(
        "one_hot",
        f"axis={_axis}",
        lambda xp, x, a=_axis: (
            xp.sum(xp.one_hot(xp.put(_ids), 3, axis=a, dtype=x.dtype)) * x
        ),
        plain((2,)),
    )
