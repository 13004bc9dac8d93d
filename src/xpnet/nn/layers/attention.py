"""Attention with several heads."""

from __future__ import annotations

from typing import Any, final

from ...calculus.array import Array
from ...calculus.convert import asarray, like
from ...errors import DTypeError, OptionError, ShapeError
from ...random import as_generator
from .. import init as initial
from ..functional import attention as functions
from ..functional.dropout import check_probability
from ..functional.linear import linear
from ..module import Module
from ..waiting import count
from .linear import Linear

__all__ = ["MultiheadAttention"]


@final
class MultiheadAttention(Module):
    """Attention in several heads at once, each on linear maps of its own.

    ``head_i = attention(query @ Q_i.T, key @ K_i.T, value @ V_i.T)``; the heads, side
    by side, go through one more linear map, `out_proj`.

    Parameters
    ----------
    embed_dim : int
        The width of queries and of the output.
    num_heads : int
        Divides `embed_dim`; each head is ``head_dim = embed_dim // num_heads`` wide.
    dropout : float
        The probability with which a weight is dropped, in training.
    bias : bool
        Whether the linear maps have biases.
    add_bias_kv : bool
        Append one learned key and value to those given.
    add_zero_attn : bool
        Append one key and value of zeros.
    kdim, vdim : int, optional
        The widths of keys and values; by default `embed_dim`.
    batch_first : bool
        Whether arrays are (N, L, width) and not (L, N, width).
    num_kv_heads : int, optional
        Heads of keys and values, which groups of ``num_heads // num_kv_heads`` query
        heads in a row share; by default as many as query heads. PyTorch has no such
        option.
    rng : int or Generator, optional
        Draws the initial values, and what dropout drops.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.

    Attributes
    ----------
    in_proj_weight : Array
        Shape (embed_dim + 2 kv_dim, embed_dim), with ``kv_dim = num_kv_heads *
        head_dim``: the rows of all query heads, then keys, then values. Where `kdim` or
        `vdim` differ from `embed_dim`, there are `q_proj_weight` (embed_dim,
        embed_dim), `k_proj_weight` (kv_dim, kdim) and `v_proj_weight` (kv_dim, vdim) in
        its place.
    in_proj_bias : Array or None
        Shape (embed_dim + 2 kv_dim,).
    bias_k, bias_v : Array or None
        Shape (1, 1, kv_dim).
    out_proj : Linear
        From embed_dim to embed_dim.

    Raises
    ------
    OptionError
        If `num_heads` does not divide `embed_dim`, or `num_kv_heads` `num_heads`.
    ShapeError
        In `forward`, if the shapes of arrays or masks do not fit.
    DTypeError
        In `forward`, if a mask is of integers.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2. Parameters
    and their names are PyTorch's. A query that may see no key gets weights of 0, where
    PyTorch gives NaN with ``need_weights=True``.

    Examples
    --------
    >>> import numpy as np
    >>> layer = MultiheadAttention(8, 2, batch_first=True, rng=0)
    >>> x = np.ones((3, 5, 8), dtype=np.float32)
    >>> out, weights = layer(x, x, x)
    >>> out.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Array | None
    in_proj_bias: Array | None
    q_proj_weight: Array | None
    k_proj_weight: Array | None
    v_proj_weight: Array | None
    bias_k: Array | None
    bias_v: Array | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        num_kv_heads: int | None = None,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        name = type(self).__name__
        check_probability(name, dropout, "dropout")
        self.embed_dim = count(name, "embed_dim", embed_dim)
        self.num_heads = count(name, "num_heads", num_heads)
        groups = num_heads if num_kv_heads is None else num_kv_heads
        self.num_kv_heads = count(name, "num_kv_heads", groups)
        self.kdim = count(name, "kdim", embed_dim if kdim is None else kdim)
        self.vdim = count(name, "vdim", embed_dim if vdim is None else vdim)
        self.head_dim = embed_dim // num_heads
        self._check_heads()
        self.dropout, self.batch_first = dropout, batch_first
        self.add_zero_attn = add_zero_attn
        self.rng = as_generator(rng)
        options = {"rng": self.rng, "dtype": dtype, "device": device}
        self._make(bias, add_bias_kv, options)

    def _check_heads(self) -> None:
        """Refuse widths and heads that do not divide evenly."""
        name = type(self).__name__
        if self.embed_dim % self.num_heads:
            raise OptionError(
                f"{name}: {self.num_heads} heads do not share a width of "
                f"{self.embed_dim} evenly; embed_dim is a multiple of num_heads."
            )
        if self.num_heads % self.num_kv_heads:
            raise OptionError(
                f"{name}: {self.num_heads} query heads do not share "
                f"{self.num_kv_heads} heads of keys and values evenly; num_heads is a "
                "multiple of num_kv_heads."
            )

    def _make(self, bias: bool, add_bias_kv: bool, options: dict[str, Any]) -> None:
        """Draw the parameters, from PyTorch's distributions."""

        def learned(draw: Any, *shape: int) -> Array:
            return asarray(draw(shape, **options), requires_grad=True)

        uniform, width = initial.glorot_uniform, self.embed_dim
        inner = self.num_kv_heads * self.head_dim
        self.in_proj_weight = self.in_proj_bias = self.bias_k = self.bias_v = None
        self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        if self.kdim == self.vdim == width:
            self.in_proj_weight = learned(uniform, width + 2 * inner, width)
        else:
            self.q_proj_weight = learned(uniform, width, width)
            self.k_proj_weight = learned(uniform, inner, self.kdim)
            self.v_proj_weight = learned(uniform, inner, self.vdim)
        self.out_proj = Linear(width, width, bias, **options)
        if bias:
            self.in_proj_bias = learned(initial.zeros, width + 2 * inner)
            out_bias = initial.zeros((width,), **options)
            self.out_proj.bias = asarray(out_bias, requires_grad=True)
        if add_bias_kv:
            self.bias_k = learned(initial.glorot_normal, 1, 1, inner)
            self.bias_v = learned(initial.glorot_normal, 1, 1, inner)

    # --- what it does -----------------------------------------------------------------

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Array, Array | None]:
        """Return the output, and the weights if they are needed, else None.

        Parameters
        ----------
        query, key, value : Array
            (L, N, embed_dim), (S, N, kdim) and (S, N, vdim); N first if `batch_first`;
            or without N.
        key_padding_mask : Array, optional
            (N, S), or (S,) without N: True where a key is to be ignored, or numbers to
            add to the scores.
        need_weights : bool
            Whether to return the weights too, which is slower.
        attn_mask : Array, optional
            (L, S) or (N num_heads, L, S): True where a query must not see a key (the
            opposite of `scaled_dot_product_attention`, as in PyTorch), or numbers.
        average_attn_weights : bool
            Return the mean of the weights over the heads, (N, L, S), and not
            (N, num_heads, L, S).
        is_causal : bool
            Let query i see the keys 0 to i. PyTorch takes it as a hint about
            `attn_mask`, which has to be there too; here it is enough, and with a mask
            both apply.
        """
        same = query is key and key is value
        q = query if type(query) is Array else asarray(query)
        k, v = (q, q) if same else (like(key, q), like(value, q))
        batched = q.ndim == 3
        self._check(q, k, v)
        mask = self._mask(q, k, key_padding_mask, attn_mask)
        xp = q._lib.recorded
        if not batched:
            q, k, v = (xp.expand_dims(x, axis=0) for x in (q, k, v))
        elif not self.batch_first:
            q = xp.permute_dims(q, (1, 0, 2))
            k, v = (q, q) if same else (xp.permute_dims(x, (1, 0, 2)) for x in (k, v))
        out, weights = self._attend(xp, q, k, v, mask, is_causal, need_weights, same)
        out = self.out_proj(out)
        if weights is not None and average_attn_weights:
            weights = xp.mean(weights, axis=1)
        if not batched:
            out = xp.squeeze(out, axis=0)
            weights = None if weights is None else xp.squeeze(weights, axis=0)
        elif not self.batch_first:
            out = xp.permute_dims(out, (1, 0, 2))
        return out, weights

    def _attend(
        self,
        xp: Any,
        query: Array,
        key: Array,
        value: Array,
        mask: Array | None,
        is_causal: bool,
        need_weights: bool,
        same: bool,
    ) -> tuple[Array, Array | None]:
        """Return the heads side by side, (N, L, embed_dim), and the weights."""
        extra = (self.bias_k is not None) + self.add_zero_attn
        drop = self.dropout if self.training else 0.0
        if extra:
            mask = _widened(xp, mask, extra, is_causal, query, key)
            is_causal = False
        shape = (query.shape[0], self.num_heads, query.shape[1], key.shape[1] + extra)
        keep = None
        if drop:
            keep = self.rng.bernoulli(1.0 - drop, shape, like=query)
        options: dict[str, Any] = {"is_causal": is_causal, "kept": 1.0 - drop}
        if same and self.in_proj_weight is not None and not (extra or need_weights):
            packed = linear(query, self.in_proj_weight, self.in_proj_bias)
            heads = {"heads": self.num_heads, "kv_heads": self.num_kv_heads}
            return functions.packed_attention(
                packed, mask, keep, **heads, **options
            ), None
        q, k, v = (
            functions.split_heads(xp, x, self.head_dim)
            for x in self._projected(xp, query, key, value)
        )
        weights = None
        if need_weights:
            out, weights = functions.with_weights(q, k, v, mask, keep, **options)
        else:
            out = functions.attend(q, k, v, mask, keep, **options)
        return functions.join_heads(xp, out), weights

    def _projected(
        self, xp: Any, query: Array, key: Array, value: Array
    ) -> tuple[Array, Array, Array]:
        """Return queries, keys and values of all heads, with those appended."""
        width = self.embed_dim
        inner = self.num_kv_heads * self.head_dim
        at = (slice(0, width), slice(width, width + inner), slice(width + inner, None))
        weights: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        if self.in_proj_weight is not None:
            weights = [self.in_proj_weight[rows, :] for rows in at]
        bias = self.in_proj_bias
        q, k, v = (
            linear(x, weight, None if bias is None else bias[rows])
            for x, weight, rows in zip((query, key, value), weights, at, strict=True)
        )
        if self.bias_k is not None and self.bias_v is not None:
            k, v = (
                _appended(xp, x, b) for x, b in ((k, self.bias_k), (v, self.bias_v))
            )
        if self.add_zero_attn:
            zero = xp.zeros((1, 1, inner), dtype=k.dtype, device=xp.device(k))
            k, v = _appended(xp, k, zero), _appended(xp, v, zero)
        return q, k, v

    def _mask(self, q: Array, k: Array, padding: Any, attn: Any) -> Array | None:
        """Return one mask for all, True where a key takes part, or numbers to add."""
        queries, keys, examples = self._sizes(q, k)
        if padding is None and attn is None:
            return None
        xp = q._lib.recorded
        found = []
        if attn is not None:
            attn = like(attn, q)
            whole = (examples * self.num_heads, queries, keys)
            if attn.shape not in ((queries, keys), whole):
                raise ShapeError(
                    f"MultiheadAttention: attn_mask has shape {tuple(attn.shape)}; for "
                    f"{queries} queries and {keys} keys it is {(queries, keys)}, or "
                    f"{whole} with one for each example and head."
                )
            if attn.ndim == 3:
                shape = (examples, self.num_heads, queries, keys)
                attn = xp.reshape(attn, shape)
            found.append(attn)
        if padding is not None:
            padding = like(padding, q)
            if padding.shape not in ((examples, keys), (keys,) * (q.ndim == 2)):
                raise ShapeError(
                    "MultiheadAttention: key_padding_mask has shape "
                    f"{tuple(padding.shape)}; for {keys} keys of {examples} examples "
                    f"it is {(examples, keys)}."
                )
            found.append(xp.reshape(padding, (examples, 1, 1, keys)))
        return _merged(xp, found, q.dtype)

    def _sizes(self, q: Array, k: Array) -> tuple[int, int, int]:
        """Return how many queries, keys and examples there are."""
        if q.ndim == 2:
            return q.shape[0], k.shape[0], 1
        axis = 1 if self.batch_first else 0
        return q.shape[axis], k.shape[axis], q.shape[1 - axis]

    def _check(self, q: Array, k: Array, v: Array) -> None:
        """Raise unless the shapes fit together."""
        shapes = (
            f"(query: {tuple(q.shape)}, key: {tuple(k.shape)}, value: {tuple(v.shape)})"
        )
        if q.ndim not in (2, 3) or not q.ndim == k.ndim == v.ndim:
            raise ShapeError(
                "MultiheadAttention: query, key and value have three axes each, or two "
                f"without examples {shapes}."
            )
        widths = (self.embed_dim, self.kdim, self.vdim)
        names = ("query", "key", "value")
        for x, width, what in zip((q, k, v), widths, names, strict=True):
            if x.shape[-1] != width:
                raise ShapeError(
                    f"MultiheadAttention: {what} is {x.shape[-1]} wide but the layer "
                    f"takes {width} {shapes}. The width is the last axis."
                )
        if k.shape[:-1] != v.shape[:-1]:
            raise ShapeError(
                "MultiheadAttention: keys and values differ in number "
                f"{shapes}. Each key has one value."
            )
        batch = 0 if self.batch_first else 1
        if q.ndim == 3 and q.shape[batch] != k.shape[batch]:
            raise ShapeError(
                f"MultiheadAttention: queries of {q.shape[batch]} examples but keys of "
                f"{k.shape[batch]} {shapes}. Examples are axis {batch}, as "
                f"batch_first={self.batch_first}."
            )

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        options = [f"{self.embed_dim}, {self.num_heads}"]
        if self.dropout:
            options.append(f"dropout={self.dropout}")
        if self.add_zero_attn:
            options.append("add_zero_attn=True")
        if self.num_kv_heads != self.num_heads:
            options.append(f"num_kv_heads={self.num_kv_heads}")
        if self.batch_first:
            options.append("batch_first=True")
        return ", ".join(options)


def _merged(xp: Any, masks: list[Array], dtype: Any) -> Array:
    """Return what masks of PyTorch's meaning for this layer say together.

    Of booleans alone the result is True where a key takes part; otherwise numbers, -inf
    in place of True.
    """
    for mask in masks:
        if "int" in str(mask.dtype):
            raise DTypeError(
                f"MultiheadAttention: a mask has dtype {mask.dtype}; it is boolean "
                "(True where a key is ignored) or floating point (added to the scores)."
            )
    if all(mask.dtype == xp.bool for mask in masks):
        out = masks[0]
        for mask in masks[1:]:
            out = xp.logical_or(out, mask)
        return xp.logical_not(out)  # type: ignore[no-any-return]
    total: Any = None
    for mask in masks:
        if mask.dtype == xp.bool:
            zeros = xp.zeros(mask.shape, dtype=dtype, device=xp.device(mask))
            mask = xp.where(mask, -float("inf"), zeros)
        else:
            mask = xp.astype(mask, dtype)
        total = mask if total is None else total + mask
    return total  # type: ignore[no-any-return]


def _widened(
    xp: Any, mask: Array | None, extra: int, is_causal: bool, query: Array, key: Array
) -> Array | None:
    """Return the mask with columns for `extra` keys that all queries see."""
    device = xp.device(query)
    queries, keys = query.shape[1], key.shape[1]
    if is_causal:
        rows = xp.expand_dims(xp.arange(queries, device=device), axis=-1)
        seen = rows >= xp.arange(keys, device=device)
        if mask is None:
            mask = seen
        elif mask.dtype == xp.bool:
            mask = xp.logical_and(mask, seen)
        else:
            mask = xp.where(seen, mask, -float("inf"))
    if mask is None:
        return None
    shape = (*mask.shape[:-1], extra)
    if mask.dtype == xp.bool:
        more = xp.ones(shape, dtype=xp.bool, device=device)
    else:
        more = xp.zeros(shape, dtype=mask.dtype, device=device)
    return xp.concat([mask, more], axis=-1)  # type: ignore[no-any-return]


def _appended(xp: Any, x: Array, row: Array) -> Array:
    """Return (N, S, width) with the same row after each example's last."""
    rows = xp.broadcast_to(row, (x.shape[0], 1, x.shape[2]))
    return xp.concat([x, xp.astype(rows, x.dtype)], axis=1)  # type: ignore[no-any-return]
