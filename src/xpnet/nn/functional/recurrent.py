"""Recurrences: one step of a cell, and one direction of a layer over a sequence.

Each layer is one function ``f(xp, x, states, weights, biases, lengths)`` whose result
is a single flat array: all outputs, then the last state, then (of an LSTM) the last
cell. A twin can compute that as a whole; `_unpacked` gives it its shapes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from ...calculus.array import Array
from ...calculus.convert import asarray, like
from ...calculus.rule import fused
from ...errors import DTypeError, OptionError, ShapeError
from .inputs import check_floating
from .linear import linear
from .precision import lowered, precision

__all__ = ["check_lengths", "gru", "gru_cell", "lstm", "lstm_cell", "rnn", "rnn_cell"]

NONLINEARITIES = ("tanh", "relu")


# --- one step: what a cell does with its gates ----------------------------------------


def _rnn_step(
    xp: Any, gates: Any, states: Any, hidden: Any, nonlinearity: str
) -> tuple[Any, ...]:
    total = gates + hidden(states[0])
    return ((xp.tanh if nonlinearity == "tanh" else xp.relu)(total),)


def _lstm_step(xp: Any, gates: Any, states: Any, hidden: Any) -> tuple[Any, ...]:
    h, c = states
    i, f, g, o = _split(xp, gates + hidden(h), 4)
    c = xp.expit(f) * c + xp.expit(i) * xp.tanh(g)
    return xp.expit(o) * xp.tanh(c), c


def _gru_step(xp: Any, gates: Any, states: Any, hidden: Any) -> tuple[Any, ...]:
    (h,) = states
    r, z, n = _split(xp, gates, 3)
    hr, hz, hn = _split(xp, hidden(h), 3)
    n = xp.tanh(n + xp.expit(r + hr) * hn)
    return (n + xp.expit(z + hz) * (h - n),)


def _split(xp: Any, gates: Any, count: int) -> list[Any]:
    """Return the gates, which lie side by side along the last axis, one by one."""
    size = gates.shape[-1] // count
    return [gates[..., k * size : (k + 1) * size] for k in range(count)]


def _affine(xp: Any, weight: Any, bias: Any) -> Callable[[Any], Any]:
    """Return the map ``h @ weight.T + bias``, the same at each step."""
    turned = xp.matrix_transpose(weight)
    if bias is None:
        return lambda h: xp.matmul(h, turned)
    return lambda h: xp.matmul(h, turned) + bias


# --- a layer in one direction ---------------------------------------------------------


def _run(
    xp: Any,
    step: Callable[..., tuple[Any, ...]],
    x: Any,
    states: list[Any],
    weights: tuple[Any, Any, Any, Any],
    lengths: Any,
    reverse: bool,
) -> Any:
    """Return outputs and last states of a sequence (T, B, features), as one flat array.

    A sequence that is over keeps its state and gives 0. The other way round it has the
    first state until its last element comes.
    """
    w_ih, w_hh, b_ih, b_hh = weights
    valid = None if lengths is None else _valid(xp, x, lengths)
    if valid is not None:  # whatever stands behind the end, its gradient is 0
        x = xp.where(valid, x, xp.zeros_like(x))
    gates = _apart(linear(x, w_ih, b_ih))  # one product for all steps
    hidden = _affine(xp, w_hh, b_hh)
    states = [_start(xp, gates[0], s, w) for s, w in states]
    outs: list[Any] = [None] * len(gates)
    for t in range(len(gates))[:: -1 if reverse else 1]:
        new = step(xp, gates[t], states, hidden)
        out = new[0]
        if valid is not None:
            new = tuple(
                xp.where(valid[t, ...], one, old)
                for one, old in zip(new, states, strict=True)
            )
            out = xp.where(valid[t, ...], out, xp.zeros_like(out))
        states, outs[t] = list(new), out
    parts = [xp.stack(outs), *states]
    return xp.concat([xp.reshape(part, (-1,)) for part in parts])


def _apart(x: Any) -> list[Any]:
    """Return the slices of the first axis, cut in halves again and again.

    Back, each piece is written into zeros of the size of the piece it came from: for n
    slices log2(n) times the whole, where n slices of the whole would be n times it.
    """
    if x.shape[0] == 1:
        return [x[0, ...]]
    half = x.shape[0] // 2
    return _apart(x[:half, ...]) + _apart(x[half:, ...])


def _valid(xp: Any, x: Any, lengths: Any) -> Any:
    """Tell for each step of each sequence whether it has begun: (T, B, 1)."""
    steps = xp.arange(x.shape[0], dtype=xp.int64, device=xp.device(x))
    return xp.reshape(steps, (-1, 1, 1)) < xp.reshape(lengths, (1, -1, 1))


def _start(xp: Any, gates: Any, state: Any, size: int) -> Any:
    if state is not None:
        return state
    shape = (*gates.shape[:-1], size)
    return xp.zeros(shape, dtype=gates.dtype, device=xp.device(gates))


@fused("rnn", count=6)
def _rnn(
    xp: Any, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, lengths: Any,
    *, nonlinearity: str, reverse: bool,
) -> Any:  # fmt: skip
    step = functools.partial(_rnn_step, nonlinearity=nonlinearity)
    states = [(h, w_hh.shape[1])]
    return _run(xp, step, x, states, (w_ih, w_hh, b_ih, b_hh), lengths, reverse)


@fused("gru", count=6)
def _gru(
    xp: Any, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, lengths: Any,
    *, reverse: bool,
) -> Any:  # fmt: skip
    states = [(h, w_hh.shape[1])]
    return _run(xp, _gru_step, x, states, (w_ih, w_hh, b_ih, b_hh), lengths, reverse)


@fused("lstm", count=8)
def _lstm(
    xp: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    w_hr: Any, lengths: Any, *, reverse: bool,
) -> Any:  # fmt: skip
    states = [(h, w_hh.shape[1]), (c, w_hh.shape[0] // 4)]
    step = _lstm_step if w_hr is None else _projected(xp, w_hr)
    return _run(xp, step, x, states, (w_ih, w_hh, b_ih, b_hh), lengths, reverse)


def _projected(xp: Any, w_hr: Any) -> Callable[..., tuple[Any, ...]]:
    """Return the step of an LSTM whose state is made smaller by a matrix."""
    turned = xp.matrix_transpose(w_hr)

    def step(xp: Any, gates: Any, states: Any, hidden: Any) -> tuple[Any, ...]:
        h, c = _lstm_step(xp, gates, states, hidden)
        return xp.matmul(h, turned), c

    return step


def _unpacked(flat: Array, steps: int, batch: int, *sizes: int) -> tuple[Array, ...]:
    """Return outputs (T, B, size) and last states (B, size) from the flat result."""
    reshape = flat._lib.recorded.reshape
    shapes = [(steps, batch, sizes[0]), *[(batch, size) for size in sizes]]
    found, at = [], 0
    for shape in shapes:
        end = at + math.prod(shape)
        found.append(reshape(flat[at:end], shape))
        at = end
    return tuple(found)


def rnn(
    x: Any,
    h: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    /,
    *,
    lengths: Any = None,
    nonlinearity: str = "tanh",
    reverse: bool = False,
) -> tuple[Array, Array]:
    """Run one layer of a plain recurrent network over a sequence, in one direction.

    ``h_t = tanh(x_t @ w_ih.T + b_ih + h_(t-1) @ w_hh.T + b_hh)``

    Parameters
    ----------
    x : Array
        Shape (T, B, inputs): T steps of B sequences.
    h : Array or None
        The first state, shape (B, hidden); zeros if None.
    w_ih, w_hh : Array
        Shapes (hidden, inputs) and (hidden, hidden).
    b_ih, b_hh : Array, optional
        Shape (hidden,).
    lengths : Array of integers, optional
        Shape (B,): how many steps each sequence has, from 1 to T. After its end the
        outputs are 0 and what stands in `x` has no influence.
    nonlinearity : {"tanh", "relu"}
        What is applied to the sum.
    reverse : bool
        Go from the last step (of each sequence) to the first.

    Returns
    -------
    out : Array
        The states, shape (T, B, hidden).
    h : Array
        The last one that was computed, shape (B, hidden).

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or there is no step.
    DTypeError
        If `x` is not floating point.
    OptionError
        If a length is out of range (where looking needs no wait), or the nonlinearity
        is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> out, h = rnn(np.ones((7, 2, 3)), None, np.ones((4, 3)), np.ones((4, 4)))
    >>> out.shape, h.shape
    ((7, 2, 4), (2, 4))
    """
    check_nonlinearity("rnn", nonlinearity)
    x, h, lengths = _prepared("rnn", 1, x, (h,), w_ih, w_hh, lengths)
    if precision.used:
        x, *h, w_ih, w_hh, b_ih, b_hh = lowered(x, *h, w_ih, w_hh, b_ih, b_hh)
    flat = _rnn(
        x, *h, w_ih, w_hh, b_ih, b_hh, lengths,
        nonlinearity=nonlinearity, reverse=reverse,
    )  # fmt: skip
    return _unpacked(flat, *x.shape[:2], w_hh.shape[1])  # type: ignore[return-value]


def gru(
    x: Any,
    h: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    /,
    *,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Array, Array]:
    """Run one layer of gated recurrent units over a sequence, in one direction.

    With ``a = x_t @ w_ih.T + b_ih`` and ``b = h @ w_hh.T + b_hh``, each cut in three::

        r = sigmoid(a_r + b_r)
        z = sigmoid(a_z + b_z)
        n = tanh(a_n + r b_n)
        h = (1 - z) n + z h

    Parameters
    ----------
    x : Array
        Shape (T, B, inputs): T steps of B sequences.
    h : Array or None
        The first state, shape (B, hidden); zeros if None.
    w_ih, w_hh : Array
        Shapes (3 hidden, inputs) and (3 hidden, hidden): of r, z, n in this order.
    b_ih, b_hh : Array, optional
        Shape (3 hidden,).
    lengths : Array of integers, optional
        Shape (B,): see `rnn`.
    reverse : bool
        Go from the last step (of each sequence) to the first.

    Returns
    -------
    out : Array
        The states, shape (T, B, hidden).
    h : Array
        The last one that was computed, shape (B, hidden).

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As for `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> out, h = gru(np.ones((7, 2, 3)), None, np.ones((12, 3)), np.ones((12, 4)))
    >>> out.shape, h.shape
    ((7, 2, 4), (2, 4))
    """
    x, h, lengths = _prepared("gru", 3, x, (h,), w_ih, w_hh, lengths)
    if precision.used:
        x, *h, w_ih, w_hh, b_ih, b_hh = lowered(x, *h, w_ih, w_hh, b_ih, b_hh)
    flat = _gru(x, *h, w_ih, w_hh, b_ih, b_hh, lengths, reverse=reverse)
    return _unpacked(flat, *x.shape[:2], w_hh.shape[1])  # type: ignore[return-value]


def lstm(
    x: Any,
    h: Any,
    c: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    w_hr: Any = None,
    /,
    *,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Array, Array, Array]:
    """Run one layer of long short-term memory over a sequence, in one direction.

    With ``a = x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh``, cut into i, f, g, o::

        c = sigmoid(f) c + sigmoid(i) tanh(g)
        h = sigmoid(o) tanh(c)          (h @ w_hr.T, where there is a w_hr)

    Parameters
    ----------
    x : Array
        Shape (T, B, inputs): T steps of B sequences.
    h, c : Array or None
        The first state, shape (B, out), and the first cell, shape (B, hidden); zeros if
        None. Without `w_hr`, out = hidden.
    w_ih, w_hh : Array
        Shapes (4 hidden, inputs) and (4 hidden, out).
    b_ih, b_hh : Array, optional
        Shape (4 hidden,).
    w_hr : Array, optional
        Shape (out, hidden): makes the state smaller.
    lengths : Array of integers, optional
        Shape (B,): see `rnn`.
    reverse : bool
        Go from the last step (of each sequence) to the first.

    Returns
    -------
    out : Array
        The states, shape (T, B, out).
    h, c : Array
        The last state and the last cell.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As for `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> x, w_ih, w_hh = np.ones((7, 2, 3)), np.ones((16, 3)), np.ones((16, 4))
    >>> out, h, c = lstm(x, None, None, w_ih, w_hh)
    >>> out.shape, h.shape, c.shape
    ((7, 2, 4), (2, 4), (2, 4))
    """
    x, (h, c), lengths = _prepared("lstm", 4, x, (h, c), w_ih, w_hh, lengths)
    if precision.used:
        x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr = lowered(
            x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr
        )
    flat = _lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, lengths, reverse=reverse)
    sizes = w_hh.shape[1], w_hh.shape[0] // 4
    return _unpacked(flat, *x.shape[:2], *sizes)  # type: ignore[return-value]


# --- cells ----------------------------------------------------------------------------


def rnn_cell(
    x: Any,
    h: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    /,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    """Do one step of a plain recurrent network; see `rnn`.

    Parameters
    ----------
    x : Array
        Shape (B, inputs), or (inputs,).
    h : Array or None
        Shape (B, hidden), or (hidden,); zeros if None.
    w_ih, w_hh, b_ih, b_hh : Array
        As for `rnn`; the biases may be None.
    nonlinearity : {"tanh", "relu"}
        What is applied to the sum.

    Returns
    -------
    Array
        The next state, of the shape of `h`.

    Raises
    ------
    ShapeError, DTypeError, OptionError
        As for `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> rnn_cell(np.ones((2, 3)), None, np.ones((4, 3)), np.ones((4, 4))).shape
    (2, 4)
    """
    check_nonlinearity("rnn_cell", nonlinearity)
    step = functools.partial(_rnn_step, nonlinearity=nonlinearity)
    return _cell("rnn_cell", step, 1, x, (h,), w_ih, w_hh, b_ih, b_hh)[0]


def gru_cell(
    x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, /
) -> Array:
    """Do one step of a gated recurrent unit; see `gru`.

    Parameters
    ----------
    x : Array
        Shape (B, inputs), or (inputs,).
    h : Array or None
        Shape (B, hidden), or (hidden,); zeros if None.
    w_ih, w_hh, b_ih, b_hh : Array
        As for `gru`; the biases may be None.

    Returns
    -------
    Array
        The next state, of the shape of `h`.

    Raises
    ------
    ShapeError, DTypeError
        As for `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> gru_cell(np.ones((2, 3)), None, np.ones((12, 3)), np.ones((12, 4))).shape
    (2, 4)
    """
    return _cell("gru_cell", _gru_step, 3, x, (h,), w_ih, w_hh, b_ih, b_hh)[0]


def lstm_cell(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None, /
) -> tuple[Array, Array]:
    """Do one step of long short-term memory; see `lstm`.

    Parameters
    ----------
    x : Array
        Shape (B, inputs), or (inputs,).
    h, c : Array or None
        Shape (B, hidden), or (hidden,); zeros if None.
    w_ih, w_hh, b_ih, b_hh : Array
        As for `lstm`; the biases may be None.

    Returns
    -------
    h, c : Array
        The next state and cell.

    Raises
    ------
    ShapeError, DTypeError
        As for `rnn`.

    Examples
    --------
    >>> import numpy as np
    >>> x, w_ih, w_hh = np.ones((2, 3)), np.ones((16, 3)), np.ones((16, 4))
    >>> h, c = lstm_cell(x, None, None, w_ih, w_hh)
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """
    h, c = _cell("lstm_cell", _lstm_step, 4, x, (h, c), w_ih, w_hh, b_ih, b_hh)
    return h, c


def _cell(
    name: str,
    step: Callable[..., tuple[Any, ...]],
    count: int,
    x: Any,
    states: tuple[Any, ...],
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
) -> tuple[Array, ...]:
    """Return the next states of a cell with `count` gates."""
    x = asarray(x)
    w_ih, w_hh, b_ih, b_hh = [
        None if w is None else like(w, x) for w in (w_ih, w_hh, b_ih, b_hh)
    ]
    states = tuple([None if s is None else like(s, x) for s in states])
    _check(name, count, x, states, w_ih, w_hh, ndims=(1, 2))
    if precision.used:
        x, w_ih, w_hh, b_ih, b_hh, *states = lowered(  # type: ignore[assignment]
            x, w_ih, w_hh, b_ih, b_hh, *states
        )
    xp = x._lib.recorded
    gates = linear(x, w_ih, b_ih)
    first = [_start(xp, gates, s, w_hh.shape[1]) for s in states]
    return step(xp, gates, first, _affine(xp, w_hh, b_hh))


# --- what does not fit ----------------------------------------------------------------


def check_nonlinearity(name: str, nonlinearity: str) -> None:
    """Raise OptionError for an unknown nonlinearity."""
    if nonlinearity not in NONLINEARITIES:
        raise OptionError(
            f"{name}: nonlinearity is one of {NONLINEARITIES}, not {nonlinearity!r}."
        )


def _prepared(
    name: str,
    count: int,
    x: Any,
    states: tuple[Any, ...],
    w_ih: Any,
    w_hh: Any,
    lengths: Any,
) -> tuple[Array, tuple[Any, ...], Any]:
    """Return input, states and lengths as arrays, after a look at their shapes."""
    x = x if type(x) is Array else asarray(x)
    states = tuple([s if s is None or type(s) is Array else like(s, x) for s in states])
    _check(name, count, x, states, w_ih, w_hh, ndims=(3,))
    return x, states, check_lengths(name, lengths, x)


def _check(
    name: str,
    count: int,
    x: Array,
    states: tuple[Any, ...],
    w_ih: Any,
    w_hh: Any,
    ndims: tuple[int, ...],
) -> None:
    """Raise unless shapes and dtypes fit together."""
    shape, wi, wh = tuple(x.data.shape), tuple(w_ih.shape), tuple(w_hh.shape)
    if len(shape) not in ndims:
        layout = "(T, B, inputs)" if ndims == (3,) else "(B, inputs) or (inputs,)"
        raise ShapeError(f"{name}: x has shape {shape}, and needs {layout}.")
    if len(wi) != 2 or len(wh) != 2 or wi[0] != wh[0] or wi[0] % count:
        raise ShapeError(
            f"{name}: weights of shapes {wi} and {wh} do not fit together: both have "
            f"{count} * hidden rows."
        )
    if shape[-1] != wi[1]:
        raise ShapeError(
            f"{name}: x has {shape[-1]} features but weight_ih needs {wi[1]} (x: "
            f"{shape}, weight_ih: {wi}). Features are the last axis."
        )
    if len(shape) == 3 and shape[0] == 0:
        raise ShapeError(f"{name}: x has no steps (x: {shape}); it needs one at least.")
    _check_states(name, shape, states, (wh[1], wi[0] // count))
    check_floating(name, x)


def _check_states(
    name: str, shape: tuple[int, ...], states: tuple[Any, ...], sizes: tuple[int, int]
) -> None:
    for letter, state, size in zip("hc", states, sizes, strict=False):
        wanted = (*shape[-2:-1], size)
        if state is not None and tuple(state.shape) != wanted:
            raise ShapeError(
                f"{name}: the first {letter} has shape {tuple(state.shape)}, and needs "
                f"{wanted} for x of shape {shape}."
            )


def check_lengths(name: str, lengths: Any, x: Array) -> Any:
    """Return the lengths of sequences (T, B, ...) as int64 beside `x`; None stays.

    Raises
    ------
    ShapeError
        If there is not one for each sequence.
    DTypeError
        If they are not integers.
    OptionError
        If one is not between 1 and T; they are looked at where that needs no wait.
    """
    if lengths is None:
        return None
    if isinstance(lengths, (list, tuple)):
        lengths = asarray(lengths, device="cpu")
    elif type(lengths) is not Array:
        lengths = asarray(lengths)
    steps, batch = x.shape[:2]
    if tuple(lengths.shape) != (batch,):
        raise ShapeError(
            f"{name}: lengths have shape {tuple(lengths.shape)}, and need ({batch},): "
            f"one for each sequence of x, which has shape {x.shape}."
        )
    lib, raw = lengths._lib, lengths.data
    if not lib.raw.isdtype(raw.dtype, "integral"):
        raise DTypeError(f"{name}: lengths have dtype {raw.dtype}; they are integers.")
    if batch and lib.on_host(raw):
        low, high = int(lib.raw.min(raw)), int(lib.raw.max(raw))
        if low < 1 or high > steps:
            raise OptionError(
                f"{name}: a length is {low if low < 1 else high}, but x has {steps} "
                f"steps, so lengths go from 1 to {steps}."
            )
    if lib is not x._lib and lib.name == "numpy":
        lengths = Array(x._lib.index(raw, x.data), x._lib)
    lengths = like(lengths, x)
    int64 = x._lib.raw.int64
    if lengths.data.dtype != int64:
        lengths = x._lib.recorded.astype(lengths, int64)
    return lengths
