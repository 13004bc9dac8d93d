"""Transformers: layers of attention and small networks, and stacks of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, final

from ...calculus.array import Array
from ...errors import OptionError
from ...random import as_generator
from .. import init as initial
from ..functional import activation as activations
from ..module import Module
from ..waiting import count
from .attention import MultiheadAttention
from .dropout import Dropout
from .linear import Linear
from .lists import ModuleList
from .normalization import LayerNorm

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[Any], Any]

_NAMED = ("relu", "gelu")


class _Layer(Module):
    """What layers of encoders and decoders share: the network, and how parts are added.

    The parts are ``x + part(norm(x))`` if `norm_first`, else ``norm(x + part(x))``.
    """

    _attentions: tuple[str, ...]

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        if not callable(activation) and activation not in _NAMED:
            raise OptionError(
                f"{type(self).__name__}: activation is 'relu', 'gelu' or a function, "
                f"not {activation!r}."
            )
        draws = as_generator(rng)
        where = {"dtype": dtype, "device": device}
        for name in self._attentions:
            attention = MultiheadAttention(
                d_model,
                nhead,
                dropout,
                bias,
                batch_first=batch_first,
                rng=draws,
                **where,
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, rng=draws, **where)
        self.dropout = Dropout(dropout, rng=draws)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng=draws, **where)
        self.norm_first = norm_first
        places = range(1, len(self._attentions) + 2)
        for i in places:
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **where)
            setattr(self, f"norm{i}", norm)
        for i in places:
            setattr(self, f"dropout{i}", Dropout(dropout, rng=draws))
        self.activation = activation

    def _add(self, i: int, x: Any, part: Callable[[Any], Any]) -> Any:
        """Add part `i` to `x`, with its norm before the part or after the sum."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        if self.norm_first:
            return x + dropout(part(norm(x)))
        return norm(x + dropout(part(x)))

    def _feed_forward(self, x: Any) -> Any:
        """Apply the network to each token."""
        bend = self.activation
        function = getattr(activations, bend) if isinstance(bend, str) else bend
        return self.linear2(self.dropout(function(self.linear1(x))))

    def extra_repr(self) -> str:
        """Return the options that the parts do not show."""
        bend = self.activation
        shown = "" if isinstance(bend, Module) else getattr(bend, "__name__", bend)
        named = f"activation={shown}, " if shown else ""
        return f"{named}norm_first={self.norm_first}"


@final
class TransformerEncoderLayer(_Layer):
    """Attention of tokens to each other, and a network for each token.

    With `norm_first`::

        x = x + attention(norm1(x))
        x = x + linear2(activation(linear1(norm2(x))))

    and without, as in the paper, ``x = norm1(x + attention(x))`` and so on.

    Parameters
    ----------
    d_model : int
        The width of a token.
    nhead : int
        The heads of attention; it divides `d_model`.
    dim_feedforward : int
        The width inside the network.
    dropout : float
        The probability, for the weights of attention and after each part.
    activation : str or callable
        ``"relu"``, ``"gelu"`` or a function; a module as well.
    layer_norm_eps : float
        The `eps` of the norms.
    batch_first : bool
        Whether arrays are (N, L, d_model) and not (L, N, d_model).
    norm_first : bool
        Whether the norms stand before the parts.
    bias : bool
        Whether linear maps and norms have biases.
    rng : int or Generator, optional
        Draws the initial values, and what dropout drops.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.

    Raises
    ------
    OptionError
        If `nhead` does not divide `d_model`, or an option has no meaning.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1; norms first:
    Xiong et al., "On layer normalization in the transformer architecture", ICML 2020.
    Parameters and their names are PyTorch's.

    Examples
    --------
    >>> import numpy as np
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> layer(np.ones((3, 5, 8), dtype=np.float32), is_causal=True).shape
    (3, 5, 8)
    """

    self_attn: MultiheadAttention
    _attentions = ("self_attn",)

    def forward(
        self,
        src: Any,
        src_mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool = False,
    ) -> Array:
        """Return the tokens after the layer; masks as in `MultiheadAttention`."""

        def attention(x: Any) -> Any:
            return self.self_attn(
                x,
                x,
                x,
                attn_mask=src_mask,
                key_padding_mask=src_key_padding_mask,
                need_weights=False,
                is_causal=is_causal,
            )[0]

        x = self._add(1, src, attention)
        return self._add(2, x, self._feed_forward)  # type: ignore[no-any-return]


@final
class TransformerDecoderLayer(_Layer):
    """Attention of tokens to each other and to a memory, and a network for each.

    The parts are `self_attn`, `multihead_attn` (queries from the tokens, keys and
    values from the memory) and the network, each added as in
    `TransformerEncoderLayer`.

    Parameters
    ----------
    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps : optional
        As in `TransformerEncoderLayer`.
    batch_first, norm_first, bias : bool
        As there.
    rng, dtype, device : optional
        As there.

    Raises
    ------
    OptionError
        If `nhead` does not divide `d_model`, or an option has no meaning.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1. Parameters
    and their names are PyTorch's.

    Examples
    --------
    >>> import numpy as np
    >>> layer = TransformerDecoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> x, memory = (np.ones((3, n, 8), dtype=np.float32) for n in (5, 4))
    >>> layer(x, memory, tgt_is_causal=True).shape
    (3, 5, 8)
    """

    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention
    _attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Array:
        """Return the tokens after the layer; masks as in `MultiheadAttention`."""

        def to_each_other(x: Any) -> Any:
            return self.self_attn(
                x,
                x,
                x,
                attn_mask=tgt_mask,
                key_padding_mask=tgt_key_padding_mask,
                need_weights=False,
                is_causal=tgt_is_causal,
            )[0]

        def to_memory(x: Any) -> Any:
            return self.multihead_attn(
                x,
                memory,
                memory,
                attn_mask=memory_mask,
                key_padding_mask=memory_key_padding_mask,
                need_weights=False,
                is_causal=memory_is_causal,
            )[0]

        x = self._add(1, tgt, to_each_other)
        x = self._add(2, x, to_memory)
        return self._add(3, x, self._feed_forward)  # type: ignore[no-any-return]


# --- stacks ---------------------------------------------------------------------------


def _copies(name: str, layer: Module, number: int) -> ModuleList:
    """Return copies of a layer, each with random numbers of its own for dropout."""
    if not isinstance(layer, Module):
        raise OptionError(
            f"{name}: the layer is a Module, such as nn.{name}Layer(...), not a "
            f"{type(layer).__name__}."
        )
    copies = [copy.deepcopy(layer) for _ in range(count(name, "num_layers", number))]
    fresh: dict[int, Any] = {}
    for i, old in enumerate(layer.modules()):
        rng = old.__dict__.get("rng")
        if rng is None:
            continue
        if id(rng) not in fresh:
            fresh[id(rng)] = rng.split(number)
        for made, own in zip(copies, fresh[id(rng)], strict=True):
            list(made.modules())[i].rng = own
    return ModuleList(copies)


@final
class TransformerEncoder(Module):
    """Encoder layers one after another, and a norm at the end, if one is given.

    Parameters
    ----------
    encoder_layer : TransformerEncoderLayer
        Copied for each layer, so that all start from the same values, as in PyTorch; it
        is not part of the stack itself. Each copy drops out on its own.
    num_layers : int
        How many.
    norm : Module, optional
        Applied last; usual with ``norm_first=True``.

    Raises
    ------
    OptionError
        If `num_layers` is not an integer of at least 1, or the layer not a Module.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> layer = TransformerEncoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> encoder = TransformerEncoder(layer, 2)
    >>> encoder(np.ones((3, 5, 8), dtype=np.float32), is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None
    ) -> None:
        self.layers = _copies("TransformerEncoder", encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Any,
        mask: Any = None,
        src_key_padding_mask: Any = None,
        is_causal: bool | None = None,
    ) -> Array:
        """Return the tokens after all layers; masks as in `MultiheadAttention`.

        ``is_causal=None`` is False: a causal mask is applied as any other.
        """
        for layer in self.layers:
            src = layer(
                src,
                src_mask=mask,
                src_key_padding_mask=src_key_padding_mask,
                is_causal=bool(is_causal),
            )
        return src if self.norm is None else self.norm(src)  # type: ignore[no-any-return]


@final
class TransformerDecoder(Module):
    """Decoder layers one after another, and a norm at the end, if one is given.

    Parameters
    ----------
    decoder_layer : TransformerDecoderLayer
        Copied for each layer, as in `TransformerEncoder`.
    num_layers : int
        How many.
    norm : Module, optional
        Applied last.

    Raises
    ------
    OptionError
        If `num_layers` is not an integer of at least 1, or the layer not a Module.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> layer = TransformerDecoderLayer(8, 2, 16, batch_first=True, rng=0)
    >>> decoder = TransformerDecoder(layer, 2)
    >>> x, memory = (np.ones((3, n, 8), dtype=np.float32) for n in (5, 4))
    >>> decoder(x, memory, tgt_is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self, decoder_layer: Module, num_layers: int, norm: Module | None = None
    ) -> None:
        self.layers = _copies("TransformerDecoder", decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Any,
        memory: Any,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Array:
        """Return the tokens after all layers; masks as in `MultiheadAttention`.

        ``tgt_is_causal=None`` is False: a causal mask is applied as any other.
        """
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)  # type: ignore[no-any-return]


@final
class Transformer(Module):
    """An encoder that reads, and a decoder that attends to what was read.

    Parameters
    ----------
    d_model, nhead : int
        The width of a token, and the heads of attention.
    num_encoder_layers, num_decoder_layers : int
        The layers of each stack; both end with a LayerNorm.
    dim_feedforward, dropout, activation : optional
        As in `TransformerEncoderLayer`.
    custom_encoder, custom_decoder : Module, optional
        In place of the stacks.
    layer_norm_eps, batch_first, norm_first, bias : optional
        As in `TransformerEncoderLayer`.
    rng : int or Generator, optional
        Draws the initial values, and what dropout drops.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.

    Raises
    ------
    OptionError
        If `nhead` does not divide `d_model`, or an option has no meaning.

    Notes
    -----
    Vaswani et al., "Attention is all you need", NeurIPS 2017, figure 1, without the
    embeddings and the last linear map. All matrices start from `init.glorot_uniform`,
    as in PyTorch. ``is_causal=None`` is False.

    Examples
    --------
    >>> import numpy as np
    >>> model = Transformer(8, 2, 1, 1, 16, batch_first=True, rng=0)
    >>> src, tgt = (np.ones((3, n, 8), dtype=np.float32) for n in (5, 4))
    >>> model(src, tgt, tgt_is_causal=True).shape
    (3, 4, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        draws = as_generator(rng)
        where = {"dtype": dtype, "device": device}
        shape = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        layout = (batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, **where)

        if custom_encoder is None:
            one = TransformerEncoderLayer(*shape, *layout, rng=draws, **where)
            custom_encoder = TransformerEncoder(one, num_encoder_layers, norm())
        if custom_decoder is None:
            two = TransformerDecoderLayer(*shape, *layout, rng=draws, **where)
            custom_decoder = TransformerDecoder(two, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        matrices = {
            name: initial.glorot_uniform(p.shape, rng=draws, dtype=p.dtype)
            for name, p in self.named_parameters()
            if p.ndim > 1
        }
        self.load_state_dict(matrices, strict=False)

    def forward(
        self,
        src: Any,
        tgt: Any,
        src_mask: Any = None,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        src_key_padding_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Array:
        """Return the target tokens after the decoder; masks as in its layers."""
        memory = self.encoder(
            src,
            mask=src_mask,
            src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )
        return self.decoder(  # type: ignore[no-any-return]
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Any = None, dtype: Any = None
    ) -> Array:
        """Return a causal mask (sz, sz): 0 on and below the diagonal, -inf above.

        Examples
        --------
        >>> Transformer.generate_square_subsequent_mask(2).tolist()
        [[0.0, -inf], [0.0, 0.0]]
        """
        full = initial.constant((sz, sz), -float("inf"), device=device, dtype=dtype)
        out: Array = full._lib.recorded.triu(full, k=1)
        return out
