"""Recurrent layers and cells: RNN, LSTM, GRU."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

from ...calculus.array import Array
from ...calculus.convert import asarray, like
from ...errors import OptionError, ShapeError
from ...random import as_generator
from .. import init as initial
from ..functional import recurrent as functions
from ..functional.dropout import check_probability, dropout
from ..module import Module
from ..waiting import count

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]


class _Weights(Module):
    """What layers and cells share: weights, uniform in ``±1 / sqrt(hidden_size)``."""

    hidden_size: int
    bias: bool
    _gates: ClassVar[int] = 1

    def _make(self, name: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
        bound = self.hidden_size**-0.5
        values = initial.uniform(shape, -bound, bound, **options)
        setattr(self, name, asarray(values, requires_grad=True))

    def _make_set(
        self, end: str, inputs: int, outputs: int, options: dict[str, Any]
    ) -> None:
        """Make weights and biases of one direction or a cell, in PyTorch's order."""
        rows = self._gates * self.hidden_size
        self._make(f"weight_ih{end}", (rows, inputs), options)
        self._make(f"weight_hh{end}", (rows, outputs), options)
        for name in ("bias_ih", "bias_hh"):
            if self.bias:
                self._make(name + end, (rows,), options)
            else:
                setattr(self, name + end, None)


# --- layers ---------------------------------------------------------------------------


class _Recurrent(_Weights):
    """A stack of layers in one direction or two; a subclass says what one is."""

    input_size: int
    proj_size: int = 0
    _states: ClassVar[int] = 1

    def _set_up(
        self,
        input_size: int | None,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        **options: Any,
    ) -> None:
        name = type(self).__name__
        self.hidden_size = count(name, "hidden_size", hidden_size)
        self.num_layers = count(name, "num_layers", num_layers)
        check_probability(name, dropout, "dropout")
        self.bias, self.batch_first = bool(bias), bool(batch_first)
        self.dropout, self.bidirectional = dropout, bool(bidirectional)
        self.rng = as_generator(options["rng"])
        self._made = {**options, "rng": self.rng}
        self._build_when_known(input_size, "input_size", axis=-1)

    def _build(self, size: int) -> None:
        self.input_size = size
        options = self.__dict__.pop("_made")
        for layer in range(self.num_layers):
            for end in self._ends(layer):
                self._make_set(end, size, self._out, options)
                if self.proj_size:
                    shape = (self.proj_size, self.hidden_size)
                    self._make(f"weight_hr{end}", shape, options)
            size = self._out * self._directions

    @property
    def _out(self) -> int:
        return self.proj_size or self.hidden_size

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _ends(self, layer: int) -> list[str]:
        """Return the ends of the names of a layer's parameters."""
        return [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]

    def forward(self, x: Any, hx: Any = None, *, lengths: Any = None) -> Any:
        """Return the outputs of the last layer, and the last states of all.

        Parameters
        ----------
        x : Array
            Shape (T, B, inputs), or (B, T, inputs) if `batch_first`, or (T, inputs).
        hx : Array, or for an LSTM a pair of them, optional
            The first states of all layers and directions, zeros by default.
        lengths : Array or list of integers, optional
            Shape (B,): how many steps each sequence has.
        """
        x = x if type(x) is Array else asarray(x)
        xp, alone = x._lib.recorded, x.ndim == 2
        if x.ndim not in (2, 3):
            raise _no_sequence(self, x)
        if alone and lengths is not None:
            raise ShapeError(
                f"{type(self).__name__}: lengths belong to a batch, and x of shape "
                f"{x.shape} is one sequence. Cut it to its length instead."
            )
        turned = self.batch_first and not alone
        x = xp.expand_dims(x, axis=1) if alone else x
        x = xp.permute_dims(x, (1, 0, 2)) if turned else x
        first = self._first(x, hx, alone)
        lengths = functions.check_lengths(type(self).__name__, lengths, x)
        out, last = self._stack(xp, x, first, lengths)
        if alone:
            out = xp.squeeze(out, axis=1)
            last = [xp.squeeze(state, axis=1) for state in last]
        elif turned:
            out = xp.permute_dims(out, (1, 0, 2))
        return out, last[0] if self._states == 1 else tuple(last)

    def _first(self, x: Array, hx: Any, alone: bool) -> list[Any]:
        """Return the first states, each (layers and directions, B, size), or None."""
        given = _pair(type(self).__name__, hx) if self._states == 2 else (hx,)
        if given[0] is None:
            return [None] * self._states
        states = [like(s, x) for s in given]
        rows = self.num_layers * self._directions
        for letter, state, size in zip(
            "hc", states, (self._out, self.hidden_size), strict=False
        ):
            wanted = (rows, size) if alone else (rows, x.shape[1], size)
            if state.shape != wanted:
                raise ShapeError(
                    f"{type(self).__name__}: the first {letter} has shape "
                    f"{state.shape}, and needs {wanted}: layers times directions, "
                    f"{'' if alone else 'batch, '}size."
                )
        if alone:
            return [x._lib.recorded.expand_dims(s, axis=1) for s in states]
        return list(states)

    def _stack(
        self, xp: Any, x: Array, first: list[Any], lengths: Any
    ) -> tuple[Array, list[Array]]:
        """Run all layers: outputs (T, B, size) and states (layers, B, size)."""
        last: list[list[Array]] = [[] for _ in first]
        for layer in range(self.num_layers):
            if layer:
                x = dropout(x, self.dropout, self.training, rng=self.rng)
            outs = []
            for back, end in enumerate(self._ends(layer)):
                at = layer * self._directions + back
                given = [s if s is None else s[at, ...] for s in first]
                out, *ended = self._one(x, given, end, lengths, back == 1)
                outs.append(out)
                for kept, state in zip(last, ended, strict=True):
                    kept.append(state)
            x = xp.concat(outs, axis=-1) if len(outs) > 1 else outs[0]
        return x, [xp.stack(states) for states in last]

    def _one(
        self, x: Array, states: list[Any], end: str, lengths: Any, reverse: bool
    ) -> Any:
        """Run one layer in one direction: outputs, and the last states."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self, name + end) for name in names]
        return self._function(
            x, *states, *weights, *self._more(end), lengths=lengths, reverse=reverse
        )

    @abstractmethod
    def _function(self, *args: Any, **options: Any) -> Any:
        """Run one layer in one direction, by its function."""

    def _more(self, end: str) -> tuple[Any, ...]:
        """Return further weights of one direction."""
        return ()

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "nonlinearity": "tanh",
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        for name, default in defaults.items():
            value = getattr(self, name, default)
            if value != default:
                parts.append(f"{name}={value!r}")
        return ", ".join(parts)


def _no_sequence(layer: _Recurrent, x: Array) -> ShapeError:
    first = "(B, T" if layer.batch_first else "(T, B"
    return ShapeError(
        f"{type(layer).__name__}: x has shape {x.shape}, and needs {first}, "
        f"{layer.input_size}), or (T, {layer.input_size}) for one sequence."
    )


@final
class RNN(_Recurrent):
    """Plain recurrent layers.

    ``h_t = tanh(x_t @ weight_ih.T + bias_ih + h_(t-1) @ weight_hh.T + bias_hh)``

    Parameters
    ----------
    input_size, hidden_size : int
        The features of the input and of the state. If `input_size` is None, the first
        input tells it, and the parameters are made then.
    num_layers : int
        How many layers stand on each other; each takes the outputs of the one below.
    nonlinearity : {"tanh", "relu"}
        What is applied to the sum.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether input and output are (B, T, features) and not (T, B, features). States
        are (layers, B, features) either way.
    dropout : float
        In training, the probability with which outputs of all layers but the last are
        dropped.
    bidirectional : bool
        Whether a second set of weights goes from the end to the beginning; the outputs
        of both are concatenated.
    rng : int or Generator, optional
        Draws the initial values, uniform in ``±1 / sqrt(hidden_size)`` as in PyTorch,
        and after them the dropout.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0 : Array
        Shapes (hidden_size, input_size) and (hidden_size, hidden_size). Those of
        further layers end in ``_l1``, ``_l2``, ...; those of the second direction in
        ``_reverse``. A further layer takes hidden_size inputs, or twice as many.
    bias_ih_l0, bias_hh_l0 : Array or None
        Shape (hidden_size,).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as ``layer(x, hx=None, *, lengths=None)`` and returns ``(out, h)``:

    - `x` is (T, B, input_size), (B, T, input_size) if `batch_first`, or one sequence
      (T, input_size), for which nothing has a batch.
    - `hx`, the first states, is (layers · directions, B, hidden_size); zeros if None.
    - `lengths` are B integers from 1 to T: how many steps each sequence has. After its
      end the outputs are 0, and what stands in `x` has no influence; its last state is
      that after its last element, and the second direction begins there. PyTorch does
      the same for a packed sequence.
    - `out` is (T, B, directions · hidden_size), laid out as `x`; `h` is like `hx`.

    Elman, "Finding Structure in Time", Cognitive Science 14, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> layer = RNN(3, 4, rng=0)
    >>> out, h = layer(np.ones((7, 2, 3), np.float32))
    >>> out.shape, h.shape
    ((7, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        functions.check_nonlinearity("RNN", nonlinearity)
        self.nonlinearity = nonlinearity
        self._set_up(
            input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, rng=rng, dtype=dtype, device=device,
        )  # fmt: skip

    def _function(self, *args: Any, **options: Any) -> Any:
        return functions.rnn(*args, nonlinearity=self.nonlinearity, **options)


@final
class LSTM(_Recurrent):
    """Layers of long short-term memory.

    With ``a = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh``, cut into i, f,
    g, o::

        c = sigmoid(f) c + sigmoid(i) tanh(g)
        h = sigmoid(o) tanh(c)      (h @ weight_hr.T with a proj_size)

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        As for `RNN`.
    proj_size : int
        If above 0, a matrix makes the states smaller: they have so many features. It is
        less than `hidden_size`.
    rng, dtype, device
        As for `RNN`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0 : Array
        Shapes (4 · hidden_size, input_size) and (4 · hidden_size, features of h): rows
        of i, f, g, o. The names of the others are those of `RNN`.
    bias_ih_l0, bias_hh_l0 : Array or None
        Shape (4 · hidden_size,).
    weight_hr_l0 : Array
        Shape (proj_size, hidden_size), where there is a `proj_size`.

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as ``layer(x, (h, c), lengths=lengths)``, the last two optional, and
    returns ``(out, (h, c))``: see `RNN`. States h are (layers · directions, B,
    features), and cells c (layers · directions, B, hidden_size).

    Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997;
    the forget gate by Gers, Schmidhuber and Cummins, 2000; the projection by Sak,
    Senior and Beaufays, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> layer = LSTM(3, 4, rng=0)
    >>> out, (h, c) = layer(np.ones((7, 2, 3), np.float32))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 4), (1, 2, 4), (1, 2, 4))
    """

    _gates = 4
    _states = 2

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self.proj_size = count("LSTM", "proj_size", proj_size, least=0)
        if self.proj_size >= count("LSTM", "hidden_size", hidden_size):
            raise OptionError(
                f"LSTM: proj_size is {proj_size}; it must be less than hidden_size, "
                f"which is {hidden_size}."
            )
        self._set_up(
            input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, rng=rng, dtype=dtype, device=device,
        )  # fmt: skip

    def _function(self, *args: Any, **options: Any) -> Any:
        return functions.lstm(*args, **options)

    def _more(self, end: str) -> tuple[Any, ...]:
        return (getattr(self, f"weight_hr{end}"),) if self.proj_size else ()


@final
class GRU(_Recurrent):
    """Layers of gated recurrent units.

    With ``a = x_t @ weight_ih.T + bias_ih`` and ``b = h @ weight_hh.T + bias_hh``, each
    cut into three::

        r = sigmoid(a_r + b_r)
        z = sigmoid(a_z + b_z)
        n = tanh(a_n + r b_n)
        h = (1 - z) n + z h

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        As for `RNN`.
    rng, dtype, device
        As for `RNN`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0 : Array
        Shapes (3 · hidden_size, input_size) and (3 · hidden_size, hidden_size): rows of
        r, z, n. The names of the others are those of `RNN`.
    bias_ih_l0, bias_hh_l0 : Array or None
        Shape (3 · hidden_size,).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as `RNN` is, and returns ``(out, h)``.

    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation", EMNLP 2014; as in PyTorch, r is applied after the
    product with the state and not before.

    Examples
    --------
    >>> import numpy as np
    >>> layer = GRU(3, 4, bidirectional=True, rng=0)
    >>> out, h = layer(np.ones((7, 2, 3), np.float32), lengths=[7, 4])
    >>> out.shape, h.shape
    ((7, 2, 8), (2, 2, 4))
    """

    _gates = 3

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self._set_up(
            input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, rng=rng, dtype=dtype, device=device,
        )  # fmt: skip

    def _function(self, *args: Any, **options: Any) -> Any:
        return functions.gru(*args, **options)


# --- cells ----------------------------------------------------------------------------


class _Cell(_Weights):
    """One step of a layer."""

    input_size: int

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        bias: bool = True,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self.hidden_size = count(type(self).__name__, "hidden_size", hidden_size)
        self.bias = bool(bias)
        self._made = {"rng": as_generator(rng), "dtype": dtype, "device": device}
        self._build_when_known(input_size, "input_size", axis=-1)

    def _build(self, size: int) -> None:
        self.input_size = size
        self._make_set("", size, self.hidden_size, self.__dict__.pop("_made"))

    def _weights(self) -> tuple[Any, ...]:
        cell: Any = self
        return cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh

    def extra_repr(self) -> str:
        """Return the options that are not the default."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if not self.bias:
            parts.append("bias=False")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        if nonlinearity != "tanh":
            parts.append(f"nonlinearity={nonlinearity!r}")
        return ", ".join(parts)


@final
class RNNCell(_Cell):
    """One step of a plain recurrent network.

    ``h = tanh(x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)``

    Parameters
    ----------
    input_size, hidden_size : int
        The features of the input and of the state. If `input_size` is None, the first
        input tells it, and the parameters are made then.
    bias : bool
        Whether there are biases.
    nonlinearity : {"tanh", "relu"}
        What is applied to the sum.
    rng, dtype, device
        As for `RNN`.

    Attributes
    ----------
    weight_ih, weight_hh : Array
        Shapes (hidden_size, input_size) and (hidden_size, hidden_size).
    bias_ih, bias_hh : Array or None
        Shape (hidden_size,).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as ``cell(x, hx=None)`` with x of shape (B, input_size) or
    (input_size,) and hx of shape (B, hidden_size) or (hidden_size,), and returns the
    next state.

    Examples
    --------
    >>> import numpy as np
    >>> RNNCell(3, 4, rng=0)(np.ones((2, 3), np.float32)).shape
    (2, 4)
    """

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        functions.check_nonlinearity("RNNCell", nonlinearity)
        self.nonlinearity = nonlinearity
        options = {"rng": rng, "dtype": dtype, "device": device}
        super().__init__(input_size, hidden_size, bias, **options)

    def forward(self, x: Any, hx: Any = None) -> Array:
        """Return the next state."""
        return functions.rnn_cell(
            x, hx, *self._weights(), nonlinearity=self.nonlinearity
        )


@final
class LSTMCell(_Cell):
    """One step of long short-term memory; its formula stands at `LSTM`.

    Parameters
    ----------
    input_size, hidden_size, bias, rng, dtype, device
        As for `RNNCell`.

    Attributes
    ----------
    weight_ih, weight_hh : Array
        Shapes (4 · hidden_size, input_size) and (4 · hidden_size, hidden_size).
    bias_ih, bias_hh : Array or None
        Shape (4 · hidden_size,).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as ``cell(x, (h, c))``, the second optional, and returns the next
    ``(h, c)``; shapes as for `RNNCell`.

    Examples
    --------
    >>> import numpy as np
    >>> h, c = LSTMCell(3, 4, rng=0)(np.ones((2, 3), np.float32))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    _gates = 4

    def forward(self, x: Any, hx: Any = None) -> tuple[Array, Array]:
        """Return the next state and cell."""
        h, c = _pair("LSTMCell", hx)
        return functions.lstm_cell(x, h, c, *self._weights())


@final
class GRUCell(_Cell):
    """One step of a gated recurrent unit; its formula stands at `GRU`.

    Parameters
    ----------
    input_size, hidden_size, bias, rng, dtype, device
        As for `RNNCell`.

    Attributes
    ----------
    weight_ih, weight_hh : Array
        Shapes (3 · hidden_size, input_size) and (3 · hidden_size, hidden_size).
    bias_ih, bias_hh : Array or None
        Shape (3 · hidden_size,).

    Raises
    ------
    OptionError
        If an option is out of range.

    Notes
    -----
    It is called as `RNNCell` is.

    Examples
    --------
    >>> import numpy as np
    >>> GRUCell(3, 4, rng=0)(np.ones((2, 3), np.float32)).shape
    (2, 4)
    """

    _gates = 3

    def forward(self, x: Any, hx: Any = None) -> Array:
        """Return the next state."""
        return functions.gru_cell(x, hx, *self._weights())


def _pair(name: str, hx: Any) -> tuple[Any, Any]:
    """Return ``(h, c)``, two None for None."""
    if hx is None:
        return None, None
    if not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise OptionError(
            f"{name}: hx is a pair (h, c) of arrays, not a {type(hx).__name__}."
        )
    return hx[0], hx[1]
