"""Tables of vectors, chosen by integers: Embedding, EmbeddingBag."""

from __future__ import annotations

from typing import Any, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...calculus.tape import Leaf, mark_changed, no_grad
from ...errors import OptionError, ShapeError
from ...random import as_generator
from .. import init as initial
from ..functional.embedding import (
    check_mode,
    check_padding,
    embedding,
    embedding_bag,
    places,
)
from ..module import Module
from ..waiting import count

__all__ = ["Embedding", "EmbeddingBag"]


class _Table(Module):
    """What both hold: a table of normal numbers, and how long its rows may be."""

    weight: Array

    def _set_up(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        **options: Any,
    ) -> None:
        name = type(self).__name__
        self.num_embeddings = count(name, "num_embeddings", num_embeddings)
        self.embedding_dim = count(name, "embedding_dim", embedding_dim)
        self.padding_idx = check_padding(name, padding_idx, self.num_embeddings)
        for what, value in (("max_norm", max_norm), ("norm_type", norm_type)):
            if value is not None and not value > 0:
                raise OptionError(
                    f"{name}: {what} is a positive number, not {value!r}."
                )
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq = bool(scale_grad_by_freq)
        shape = (self.num_embeddings, self.embedding_dim)
        weight = options.pop("given", None)
        if weight is None:
            options["rng"] = as_generator(options["rng"])
            weight = _without(initial.normal(shape, 0.0, 1.0, **options), self)
        self.weight = asarray(weight, requires_grad=True)

    def _look(self, indices: Any) -> Array:
        """Return indices as an array; shorten the rows they name, if asked to."""
        ids = places(type(self).__name__, indices, self.weight)
        if self.max_norm is not None and ids.size:
            _shorten(self.weight, ids, self.max_norm, self.norm_type)
        return ids

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        defaults = {
            "padding_idx": None,
            "max_norm": None,
            "norm_type": 2.0,
            "scale_grad_by_freq": False,
            "mode": "mean",
            "include_last_offset": False,
        }
        for name, default in defaults.items():
            value = getattr(self, name, default)
            if value != default:
                parts.append(f"{name}={value!r}")
        return ", ".join(parts)


def _without(weight: Array, table: _Table) -> Array:
    """Return a table with zeros in the row of padding."""
    if table.padding_idx is None:
        return weight
    xp = weight._lib.recorded
    order = xp.arange(weight.shape[0], dtype=xp.int64, device=xp.device(weight))
    pad = xp.expand_dims(order == table.padding_idx, axis=1)
    return xp.where(pad, xp.zeros_like(weight), weight)  # type: ignore[no-any-return]


@no_grad()
def _shorten(weight: Array, ids: Array, max_norm: float, norm_type: float) -> None:
    """Scale the rows at `ids` that are longer than `max_norm` down to it, in place."""
    lib, xp = weight._lib, weight._lib.recorded
    ids = xp.reshape(ids, (-1,))
    rows = weight.detach()
    if lib.has_views:
        rows = xp.take(rows, ids, axis=0)
    size = xp.vector_norm(rows, axis=1, keepdims=True, ord=norm_type)
    # a row that was made so long is not made shorter again for the sake of rounding
    long = size > max_norm * (1 + 8 * float(lib.raw.finfo(rows.dtype).eps))
    if not lib.has_views:  # the whole table is made anew
        ones = xp.ones(ids.shape, dtype=rows.dtype, device=xp.device(rows))
        named = xp.segment_sum(ones, ids, rows.shape[0]) > 0
        long = long & xp.expand_dims(named, axis=1)
    if lib.on_host(rows.data) and not bool(xp.any(long)):
        return
    scaled = xp.where(long, rows * (max_norm / (size + 1e-7)), rows).data
    if lib.has_views:
        scaled = lib.raw.write(weight.data, (ids.data, ...), scaled)
    weight.data = scaled
    if type(weight._node) is Leaf:
        mark_changed(
            [weight._node],
            "backward: a lookup has shortened rows of the table to max_norm since this "
            "result was computed. Look up all indices at once.",
        )


def _pretrained(name: str, values: Any) -> Array:
    """Return a copy of a table that is given."""
    weight = asarray(asarray(values).detach(), copy=True)
    if weight.ndim != 2:
        raise ShapeError(
            f"{name}.from_pretrained: the table has shape {weight.shape}, and needs "
            "two axes, (num_embeddings, embedding_dim)."
        )
    return weight


@final
class Embedding(_Table):
    """A table of vectors: each index becomes its row.

    ``out[...] = weight[indices[...]]``

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The rows of the table, and their width.
    padding_idx : int, optional
        A row that is 0 at first and gets no gradient; negative ones count from the end.
    max_norm : float, optional
        Rows that are looked up and have a larger norm are scaled down to it, in the
        table, before they are returned.
    norm_type : float
        The p of that norm.
    scale_grad_by_freq : bool
        Whether the gradient of a row is divided by how often the row was chosen.
    rng : int or Generator, optional
        Draws the initial values, of the normal distribution with variance 1.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the table goes; the default device by default.

    Attributes
    ----------
    weight : Array
        Shape (num_embeddings, embedding_dim).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    Input: integers of any shape; output: that shape, and then embedding_dim. With
    `max_norm` a backward pass through an earlier lookup raises once a later one has
    changed the table; PyTorch raises for some uses of the table and is silent for
    others.

    Examples
    --------
    >>> layer = Embedding(10, 4, padding_idx=0, rng=0)
    >>> layer([[1, 2, 0]]).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self._set_up(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type,
            scale_grad_by_freq, rng=rng, dtype=dtype, device=device,
        )  # fmt: skip

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
    ) -> Embedding:
        """Return a layer with a copy of a table.

        Parameters
        ----------
        embeddings : Array
            Shape (num_embeddings, embedding_dim).
        freeze : bool
            Whether the table is not trained.
        padding_idx, max_norm, norm_type, scale_grad_by_freq
            As for the class. The row of padding stays what it is.

        Raises
        ------
        ShapeError
            If the table has not two axes.

        Examples
        --------
        >>> layer = Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])
        >>> layer([1]).tolist()
        [[3.0, 4.0]]
        """
        weight = _pretrained("Embedding", embeddings)
        rows, width = weight.shape
        made = cls.__new__(cls)
        made._set_up(
            rows, width, padding_idx, max_norm, norm_type, scale_grad_by_freq,
            given=weight,
        )  # fmt: skip
        return made.freeze() if freeze else made

    def forward(self, indices: Any) -> Array:
        """Return the row of each index."""
        return embedding(
            self._look(indices),
            self.weight,
            padding_idx=self.padding_idx,
            scale_grad_by_freq=self.scale_grad_by_freq,
        )


@final
class EmbeddingBag(_Table):
    """A table of vectors: each bag of indices becomes the sum or mean of its rows.

    ``out[b] = mean(weight[i] for i in bag b)``

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The rows of the table, and their width.
    max_norm, norm_type, scale_grad_by_freq
        As for `Embedding`.
    mode : {"mean", "sum", "max"}
        How rows are made one. A bag without rows is 0.
    include_last_offset : bool
        Whether the offsets have one more element, where the last bag ends.
    padding_idx : int, optional
        A row that is 0 at first, counts for nothing and gets no gradient.
    rng, dtype, device
        As for `Embedding`.

    Attributes
    ----------
    weight : Array
        Shape (num_embeddings, embedding_dim).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as ``layer(indices, offsets=None, per_sample_weights=None)``, with
    indices (B, N), or (n,) and offsets (B,) that say where each bag begins; weights, of
    the shape of the indices, go with ``mode="sum"``. The result is (B, embedding_dim).
    No bag is put together anywhere but in the result.

    Examples
    --------
    >>> layer = EmbeddingBag(10, 4, mode="sum", rng=0)
    >>> layer([1, 2, 4, 5], [0, 3]).shape
    (2, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        *,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self._choose(mode, scale_grad_by_freq, include_last_offset)
        self._set_up(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type,
            scale_grad_by_freq, rng=rng, dtype=dtype, device=device,
        )  # fmt: skip

    def _choose(self, mode: str, by_frequency: bool, last: bool) -> None:
        check_mode("EmbeddingBag", mode, by_frequency)
        self.mode, self.include_last_offset = mode, bool(last)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        *,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Return a layer with a copy of a table.

        Parameters
        ----------
        embeddings : Array
            Shape (num_embeddings, embedding_dim).
        freeze : bool
            Whether the table is not trained.
        max_norm, norm_type, scale_grad_by_freq, mode, include_last_offset, padding_idx
            As for the class.

        Raises
        ------
        ShapeError
            If the table has not two axes.

        Examples
        --------
        >>> layer = EmbeddingBag.from_pretrained([[1.0, 2.0], [3.0, 4.0]])
        >>> layer([[0, 1]]).tolist()
        [[2.0, 3.0]]
        """
        weight = _pretrained("EmbeddingBag", embeddings)
        rows, width = weight.shape
        made = cls.__new__(cls)
        made._choose(mode, scale_grad_by_freq, include_last_offset)
        made._set_up(
            rows, width, padding_idx, max_norm, norm_type, scale_grad_by_freq,
            given=weight,
        )  # fmt: skip
        return made.freeze() if freeze else made

    def forward(
        self, indices: Any, offsets: Any = None, per_sample_weights: Any = None
    ) -> Array:
        """Return one vector for each bag."""
        return embedding_bag(
            self._look(indices),
            self.weight,
            offsets,
            mode=self.mode,
            scale_grad_by_freq=self.scale_grad_by_freq,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )
