"""Einstein's sums: a chain of products of two, each a matrix product where it can be.

The operands are first reduced one by one: diagonals of repeated letters are taken, and
letters that stand nowhere else are summed. What is left are products of two, chosen
greedily; each is one node on the tape, and its two derivatives are such products again.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Sequence
from typing import Any

from ...errors import OptionError, ShapeError
from ..array import Array
from ..convert import asarray, like
from ..rule import addition, bilinear, function_of
from .special import _conj

_LETTERS = frozenset(string.ascii_letters)
_DOTS = tuple(chr(0x3B1 + i) for i in range(64))  # stand for the axes of an ellipsis

# --- the notation ---------------------------------------------------------------------


def _parse(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """Return the letters of each operand and of the result, without ellipses."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    for term in (*terms, output):
        bad = set(term.replace("...", "", 1)) - _LETTERS
        if bad:
            raise OptionError(
                f"einsum: {subscripts!r} has {sorted(bad)[0]!r}; subscripts are "
                "letters, '...' at most once in a term, commas and one '->'."
            )
    if len(terms) != len(ndims):
        raise ShapeError(
            f"einsum: {subscripts!r} names {len(terms)} operands, but {len(ndims)} "
            "are given."
        )
    spread = 0
    for i, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        named = len(term.replace("...", ""))
        if named > ndim or (named < ndim and "..." not in term):
            raise ShapeError(
                f"einsum: operand {i} has {ndim} axes, but its subscripts {term!r} "
                f"name {named}."
            )
        spread = max(spread, ndim - named)
    dots = "".join(_DOTS[:spread])
    whole = [
        term.replace("...", dots[spread - ndim + len(term.replace("...", "")) :])
        for term, ndim in zip(terms, ndims, strict=True)
    ]
    if arrow:
        return whole, _output(subscripts, output, whole, dots)
    counts = "".join(whole)
    return whole, dots + "".join(
        sorted(c for c in set(counts) - set(dots) if counts.count(c) == 1)
    )


def _output(subscripts: str, output: str, terms: list[str], dots: str) -> str:
    """Return the letters of an explicit result."""
    out = output.replace("...", dots)
    for letter in out:
        if out.count(letter) > 1:
            raise OptionError(
                f"einsum: {subscripts!r} has {letter!r} twice in the result."
            )
        if all(letter not in term for term in terms):
            raise OptionError(
                f"einsum: {subscripts!r} has {letter!r} in the result, but in no "
                "operand."
            )
    return out


def _sizes(subscripts: str, terms: list[str], shapes: Sequence[Any]) -> dict[str, int]:
    """Return the length of each letter's axes; an axis of 1 fits any length."""
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            known = sizes.get(letter, 1)
            if known != 1 and n not in (1, known):
                name = letter if letter in _LETTERS else "..."
                raise ShapeError(
                    f"einsum: {subscripts!r}: axes of lengths {known} and {n} are both "
                    f"named {name!r} (shapes {', '.join(map(str, map(tuple, shapes)))})"
                    "."
                )
            sizes[letter] = n if known == 1 else known
    return sizes


# --- one operand ----------------------------------------------------------------------


def _thinned(x: Array, term: str, sizes: dict[str, int]) -> tuple[Array, str]:
    """Return an operand without repeated letters, and without axes that are spread."""
    xp = x._lib.recorded
    for letter in sorted({c for c in term if term.count(c) > 1}):
        while term.count(letter) > 1:
            x, term = _diagonal(xp, x, term, letter)
    # an axis of 1 that stands for a longer one: the letter is another operand's
    single = [i for i, c in enumerate(term) if x.shape[i] == 1 and sizes[c] != 1]
    if single:
        gone = set(single)
        term = "".join(c for i, c in enumerate(term) if i not in gone)
        x = xp.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in gone))
    return x, term


def _summed(x: Array, term: str, keep: set[str]) -> tuple[Array, str]:
    """Return an operand summed over the letters that nobody else needs."""
    xp = x._lib.recorded
    alone = tuple(i for i, c in enumerate(term) if c not in keep)
    if alone:
        x = xp.sum(x, axis=alone, dtype=x.dtype)
        term = "".join(c for c in term if c in keep)
    return x, term


def _diagonal(xp: Any, x: Array, term: str, letter: str) -> tuple[Array, str]:
    """Return `x` with the first two axes of a letter joined into their diagonal."""
    i = term.index(letter)
    j = term.index(letter, i + 1)
    n, m = x.shape[i], x.shape[j]
    if n != m:  # one of them is 1, and stands for the length of the other
        shape = list(x.shape)
        shape[i] = shape[j] = max(n, m)
        x = xp.broadcast_to(x, tuple(shape))
    rest = [a for a in range(x.ndim) if a not in (i, j)]
    x = xp.permute_dims(x, (*rest, i, j))
    n = x.shape[-1]
    whole = xp.reshape(x, (*x.shape[:-2], n * n))
    left = "".join(c for a, c in enumerate(term) if a not in (i, j))
    return whole[..., :: n + 1], left + letter


# --- two operands ---------------------------------------------------------------------


def _permuted(xp: Any, x: Any, term: str, order: str) -> Any:
    if term == order:
        return x
    return xp.permute_dims(x, tuple(term.index(c) for c in order))


@addition("contract")
def _contract(xp: Any, x: Any, y: Any, /, a: str, b: str, out: str) -> Any:
    """Return the sum of products of two arrays whose axes are named by letters.

    Each letter stands once in a term, and in two of the three terms at least.
    """
    shared = [c for c in out if c in a and c in b]
    inner = [c for c in a if c in b and c not in out]
    left = [c for c in out if c not in b]
    right = [c for c in out if c not in a]
    sizes = dict(zip(a + b, (*x.shape, *y.shape), strict=True))
    if not inner:
        return _aligned(xp, x, a, out) * _aligned(xp, y, b, out)
    batch, rows, columns, depth = (
        tuple(sizes[c] for c in letters) for letters in (shared, left, right, inner)
    )
    k, m, n = math.prod(depth), math.prod(rows), math.prod(columns)
    stack = (math.prod(batch),) if batch else ()  # without a batch: 2-D products
    p = _permuted(xp, x, a, "".join([*shared, *left, *inner]))
    q = _permuted(xp, y, b, "".join([*shared, *inner, *right]))
    if batch and not rows and not columns:
        p, q = xp.reshape(p, (*batch, k)), xp.reshape(q, (*batch, k))
        total = xp.sum(p * q, axis=-1)
    else:
        total = xp.matmul(xp.reshape(p, (*stack, m, k)), xp.reshape(q, (*stack, k, n)))
    total = xp.reshape(total, (*batch, *rows, *columns))
    return _permuted(xp, total, "".join([*shared, *left, *right]), out)


def _aligned(xp: Any, x: Any, term: str, out: str) -> Any:
    """Return `x` with its axes in the order of `out`, and 1 where it has none."""
    order = "".join(c for c in out if c in term)
    x = _permuted(xp, x, term, order)
    lengths = dict(zip(order, x.shape, strict=True))
    return xp.reshape(x, tuple(lengths.get(c, 1) for c in out))


bilinear(
    "contract",
    ("contract(g, y)", "contract(g, x)"),
    lambda xp, g, x, y, /, a, b, out: xp.contract(g, _conj(xp, y), out, b, a),
    lambda xp, g, x, y, /, a, b, out: xp.contract(g, _conj(xp, x), out, a, b),
    public=False,
)

# --- any number of operands -----------------------------------------------------------


def _next_pair(terms: list[str], out: str, sizes: dict[str, int]) -> tuple[int, int]:
    """Return the pair whose product makes memory grow least (or shrink most)."""

    def growth(pair: tuple[int, int]) -> int:
        i, j = pair
        made = _product(terms, i, j, out)
        return _volume(made, sizes) - sum(_volume(terms[k], sizes) for k in pair)

    return min(itertools.combinations(range(len(terms)), 2), key=growth)


def _product(terms: list[str], i: int, j: int, out: str) -> str:
    """Return the letters of the product of two operands: those still needed."""
    others = set(out).union(*(t for k, t in enumerate(terms) if k not in (i, j)))
    letters = dict.fromkeys(terms[i] + terms[j])
    if len(terms) == 2:
        return "".join(c for c in out if c in letters)
    return "".join(c for c in letters if c in others)


def _volume(term: str, sizes: dict[str, int]) -> int:
    return math.prod(sizes[c] for c in term)


@function_of("einsum")
def einsum(subscripts: str, /, *operands: Any) -> Array:
    """Return sums of products, by Einstein's summation convention.

    Letters name axes. Elements are multiplied where letters agree, and summed over the
    letters that the result lacks: ``"ij,jk->ik"`` is
    ``out[i, k] = sum over j of x[i, j] * y[j, k]``. A letter twice in one operand takes
    the diagonal. ``...`` stands for the axes without a letter, which broadcast.
    Without ``->`` the result has ``...`` first, and then the letters that stand once,
    in alphabetical order.

    Parameters
    ----------
    subscripts : str
        The letters of each operand, with commas between, and ``->`` and those of the
        result.
    *operands : array
        One or more; differentiable. An axis of length 1 fits any length.

    Returns
    -------
    array
        Of the common dtype of the operands.

    Raises
    ------
    OptionError
        If the subscripts are not understood.
    ShapeError
        If the number of operands or axes, or the lengths of axes do not fit.

    Notes
    -----
    Operands are multiplied in pairs: at each step the pair whose product makes memory
    grow least. A pair is one matrix product (2-D where no letter stands in both and in
    the result), or a plain product where nothing is summed. The derivatives are such
    products again, and reuse the intermediate results. No product is conjugated.

    Examples
    --------
    >>> x = xn.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> xp.special.einsum("ij,kj->ik", x, x).data
    array([[ 5., 11.],
           [11., 25.]])
    >>> xp.special.einsum("ii", x).item()
    5.0
    """
    if not isinstance(subscripts, str):
        raise OptionError(
            f"einsum: the subscripts are a {type(subscripts).__name__}; they must be a "
            "string, such as 'ij,jk->ik'."
        )
    if not operands:
        raise ShapeError("einsum: there is no operand.")
    first = next((x for x in operands if type(x) is Array), None)
    near = asarray(operands[0]) if first is None else first
    xs = [
        x if type(x) is Array and x._lib is near._lib else like(_array(x), near)
        for x in operands
    ]
    terms, out = _parse(subscripts, [x.ndim for x in xs])
    sizes = _sizes(subscripts, terms, [x.shape for x in xs])
    for i, term in enumerate(terms):
        xs[i], terms[i] = _thinned(xs[i], term, sizes)
    for i, term in enumerate(terms):
        others = set(out).union(*terms[:i], *terms[i + 1 :])
        xs[i], terms[i] = _summed(xs[i], term, others)
    contract = near._lib.recorded.contract
    while len(xs) > 1:
        i, j = _next_pair(terms, out, sizes)
        made = _product(terms, i, j, out)
        x = contract(xs[i], xs[j], terms[i], terms[j], made)
        xs = [v for k, v in enumerate(xs) if k not in (i, j)] + [x]
        terms = [t for k, t in enumerate(terms) if k not in (i, j)] + [made]
    order = tuple(terms[0].index(c) for c in out)
    result: Array = near._lib.recorded.permute_dims(xs[0], order)
    return result


def _array(x: Any) -> Any:
    return asarray(x) if isinstance(x, (list, tuple)) else x
