"""Attention."""

from __future__ import annotations

import itertools
import math
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray, like
from ...calculus.rule import fused
from ...errors import DTypeError, ShapeError
from ...random import as_generator
from .dropout import check_probability
from .precision import lowered, precision, raised

__all__ = [
    "attend",
    "join_heads",
    "packed_attention",
    "scaled_dot_product_attention",
    "split_heads",
    "with_weights",
]


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    rng: Any = None,
) -> Array:
    """Mix values by how well each query fits each key.

    ``softmax(scale * query @ key.T + mask) @ value``, over the last two axes, with
    leading axes broadcast: L queries, S keys and values, E and V wide.

    Parameters
    ----------
    query : Array
        Shape (..., L, E).
    key : Array
        Shape (..., S, E).
    value : Array
        Shape (..., S, V).
    attn_mask : Array, optional
        Broadcasts to (..., L, S). Booleans: True where a key takes part. Numbers are
        added to the scores, cast to the dtype of `query`.
    dropout_p : float
        The probability with which a weight is set to 0, the others scaled by
        ``1 / (1 - dropout_p)``. It applies whenever it is not 0, as in PyTorch: pass 0
        in evaluation.
    is_causal : bool
        Let query i see the keys 0 to i, also where L and S differ. With a mask, both
        apply (PyTorch refuses that).
    scale : float, optional
        ``1 / sqrt(E)`` by default.
    enable_gqa : bool
        Grouped queries: the third axis from the end of `query` may be a multiple of
        that of `key` and `value`; query heads in a row share one of those.
    rng : int or Generator, optional
        Draws what is dropped, on the host: the same on every device.

    Returns
    -------
    Array
        Shape (..., L, V).

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If an array is not floating point, or the dtypes differ.
    OptionError
        If `dropout_p` is not a probability.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 1; grouped
    queries: Ainslie et al., "GQA", EMNLP 2023. A query whose mask admits no key gives
    exactly 0, and so are all its gradients; PyTorch gives 0 or NaN there, depending on
    the kernel that it chooses.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.ones((1, 4, 3, 2))  # one example, four heads, three tokens, two wide
    >>> scaled_dot_product_attention(x, x, x, is_causal=True).shape
    (1, 4, 3, 2)
    """
    check_probability("scaled_dot_product_attention", dropout_p, "dropout_p")
    q, k, v = (x if type(x) is Array else asarray(x) for x in (query, key, value))
    if precision.used:
        q, k, v = lowered(q, k, v)
    _check(q, k, v, enable_gqa)
    mask = None if attn_mask is None else _mask(attn_mask, q, k.shape[-2])
    keep = None
    if mask is not None or dropout_p:
        shape = _weights_shape(q, k, v, mask, enable_gqa)
        if dropout_p:
            keep = as_generator(rng).bernoulli(1.0 - dropout_p, shape, like=q)
    options = {"is_causal": is_causal, "kept": 1.0 - dropout_p, "scale": scale}
    return attend(q, k, v, mask, keep, **options)  # type: ignore[no-any-return]


@fused("attention", count=5)
def attend(
    xp: Any,
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    keep: Any = None,
    *,
    is_causal: bool,
    kept: float = 1.0,
    scale: float | None = None,
) -> Any:
    """Attention of arguments that fit together.

    `mask` is as in `scaled_dot_product_attention`; `keep` is False where a weight is
    dropped, and `kept` the share that is not.
    """
    key, value = _for_each_query(xp, query, key), _for_each_query(xp, query, value)
    weights = _weights(xp, query, key, mask, is_causal, scale)
    return xp.matmul(_dropped(xp, weights, keep, kept), value)


def with_weights(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None,
    keep: Array | None,
    *,
    is_causal: bool,
    kept: float,
) -> tuple[Array, Array]:
    """Return what `attend` returns and the weights, after dropout, as in PyTorch."""
    xp = query._lib.recorded
    key, value = _for_each_query(xp, query, key), _for_each_query(xp, query, value)
    weights = _weights(xp, query, key, mask, is_causal, None)
    weights = _dropped(xp, weights, keep, kept)
    return xp.matmul(weights, value), weights


@fused("packed_attention", count=3)
def packed_attention(
    xp: Any,
    packed: Any,
    mask: Any = None,
    keep: Any = None,
    *,
    heads: int,
    kv_heads: int,
    is_causal: bool,
    kept: float,
) -> Any:
    """Attention of tokens to each other, from what one linear map made of them.

    `packed` is (N, L, (heads + 2 kv_heads) D): for each token its queries, keys and
    values, of all heads. The result is (N, L, heads D).
    """
    width = packed.shape[-1] // (heads + 2 * kv_heads)
    ends = [0, heads * width, (heads + kv_heads) * width, packed.shape[-1]]
    query, key, value = (
        split_heads(xp, packed[..., start:end], width)
        for start, end in itertools.pairwise(ends)
    )
    out = attend(query, key, value, mask, keep, is_causal=is_causal, kept=kept)
    return join_heads(xp, out)


def _weights(
    xp: Any, query: Any, key: Any, mask: Any, is_causal: bool, scale: float | None
) -> Any:
    """Return the softmax over the keys, (..., L, S); 0 where no key takes part."""
    scale = max(query.shape[-1], 1) ** -0.5 if scale is None else scale
    scores = xp.matmul(query * scale, xp.matrix_transpose(key))
    scores = raised(xp, scores)
    if mask is not None:
        if mask.dtype == xp.bool:
            scores = xp.where(mask, scores, -math.inf)
        else:
            scores = scores + xp.astype(mask, scores.dtype)
    if is_causal:
        rows, columns = (
            xp.arange(n, device=xp.device(query)) for n in scores.shape[-2:]
        )
        seen = xp.expand_dims(rows, axis=-1) >= columns
        scores = xp.where(seen, scores, -math.inf)
    return xp.astype(xp.softmax(scores, axis=-1), query.dtype)


def _dropped(xp: Any, weights: Any, keep: Any, kept: float) -> Any:
    """Return weights with dropout applied, `kept` being the share that stays."""
    if keep is None:
        return weights
    return xp.where(keep, weights, 0.0) * (1.0 / kept if kept else 0.0)


def split_heads(xp: Any, x: Any, width: int) -> Any:
    """Return (N, L, H D) as (N, H, L, D)."""
    count, length, total = x.shape
    x = xp.reshape(x, (count, length, total // width, width))
    return xp.permute_dims(x, (0, 2, 1, 3))


def join_heads(xp: Any, x: Any) -> Any:
    """Return (N, H, L, D) as (N, L, H D)."""
    count, heads, length, width = x.shape
    x = xp.permute_dims(x, (0, 2, 1, 3))
    return xp.reshape(x, (count, length, heads * width))


def _for_each_query(xp: Any, query: Any, x: Any) -> Any:
    """Repeat heads of keys or values for the query heads that share them."""
    if query.ndim < 3 or x.ndim < 3 or x.shape[-3] in (1, query.shape[-3]):
        return x
    if query.shape[-3] == 1:
        return x
    return xp.repeat(x, query.shape[-3] // x.shape[-3], axis=-3)


# --- checks ---------------------------------------------------------------------------


def _weights_shape(
    query: Any, key: Any, value: Any, mask: Any, grouped: bool
) -> tuple[int, ...]:
    """Return the shape of the weights, (..., L, S)."""
    leading = [query.shape[:-2]]
    leading += [(*x.shape[:-3], 1) if grouped else x.shape[:-2] for x in (key, value)]
    if mask is not None:
        leading.append(mask.shape[:-2])
    return (*_broadcast(leading), query.shape[-2], key.shape[-2])


def _broadcast(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return what shapes broadcast to; ShapeError where they do not."""
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(s)) + tuple(s) for s in shapes]
    out = []
    for sizes in zip(*padded, strict=True):
        known = {n for n in sizes if n != 1}
        if len(known) > 1:
            raise ShapeError(
                "scaled_dot_product_attention: the leading axes do not broadcast: "
                f"{', '.join(str(tuple(s)) for s in shapes)}. They are all axes but "
                "the last two."
            )
        out.append(known.pop() if known else 1)
    return tuple(out)


def _mask(mask: Any, query: Array, keys: int) -> Array:
    """Return the mask as an array beside `query`; it must broadcast to (..., L, S)."""
    array = like(mask, query)
    if "int" in str(array.dtype):
        raise DTypeError(
            f"scaled_dot_product_attention: attn_mask has dtype {array.dtype}; it is "
            "boolean (True where a key takes part) or floating point (added to the "
            "scores)."
        )
    wanted = (query.shape[-2], keys)
    given = (1, 1, *array.shape)[-2:]
    if any(n not in (1, m) for n, m in zip(given, wanted, strict=True)):
        raise ShapeError(
            f"scaled_dot_product_attention: attn_mask of shape {tuple(array.shape)} "
            f"does not broadcast to {wanted[0]} queries and {wanted[1]} keys, its last "
            "two axes."
        )
    return array


def _check(query: Any, key: Any, value: Any, grouped: bool) -> None:
    """Raise unless shapes and dtypes fit together."""
    shapes = (
        f"(query: {tuple(query.shape)}, key: {tuple(key.shape)}, "
        f"value: {tuple(value.shape)})"
    )
    name = "scaled_dot_product_attention"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ShapeError(f"{name}: each array needs two axes, (..., L, E) {shapes}.")
    if query.shape[-1] != key.shape[-1]:
        raise ShapeError(
            f"{name}: queries are {query.shape[-1]} wide but keys {key.shape[-1]} "
            f"{shapes}. The width is the last axis."
        )
    if key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            f"{name}: there are {key.shape[-2]} keys but {value.shape[-2]} values "
            f"{shapes}. They are counted by the axis before the last."
        )
    if grouped:
        _check_groups(query, key, value, shapes)
        _broadcast([x.shape[:-3] for x in (query, key, value)])
    else:
        _broadcast([x.shape[:-2] for x in (query, key, value)])
    if any("float" not in str(x.dtype) for x in (query, key, value)) or not (
        query.dtype == key.dtype == value.dtype
    ):
        raise DTypeError(
            f"{name}: query, key and value need one floating-point dtype; they have "
            f"{query.dtype}, {key.dtype} and {value.dtype}."
        )


def _check_groups(query: Any, key: Any, value: Any, shapes: str) -> None:
    """Raise unless each head of keys serves the same number of query heads."""
    name = "scaled_dot_product_attention"
    if min(query.ndim, key.ndim, value.ndim) < 3:
        raise ShapeError(
            f"{name}: enable_gqa needs an axis of heads, (..., H, L, E) {shapes}."
        )
    for what, x in (("key", key), ("value", value)):
        if not x.shape[-3] or query.shape[-3] % x.shape[-3]:
            raise ShapeError(
                f"{name}: {query.shape[-3]} query heads cannot share the "
                f"{x.shape[-3]} heads of {what} evenly {shapes}. Heads are the third "
                "axis from the end."
            )
