"""Twins for NumPy: one direction of a recurrent layer, over the whole sequence.

The input's part of all gates is one product. A step is then one product with the state
and arithmetic in place on arrays that stay in the cache. Back, the cotangents of the
gates of all steps are kept, so that each weight's gradient is one product at the end.

``sigmoid(x) = (1 + tanh(x / 2)) / 2``, and the halves are multiplied into copies of the
weights, which is exact: so one call of `tanh` serves all gates.

Each returns outputs, last state (and last cell) as one flat array, as its reference
does, and declines projections.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from .numpy_elementwise import gate, relu
from .numpy_sequences import (
    Kept,
    bias_gradient,
    cotangents,
    ends_of,
    halves,
    order_of,
    projected,
    summed,
    takes,
    unshared,
    weight_gradients,
)
from .twin import register

__all__: list[str] = []


@final
class _LSTM:
    """Gates i, f, g, o: ``c = s(f) c + s(i) tanh(g)``, ``h = s(o) tanh(c)``.

    Between the products the gates of a step lie one behind the other, in the order
    i, f, o, g: then each, and all three sigmoids together, are in one piece.
    """

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        h: Any,
        c: Any,
        w_ih: Any,
        w_hh: Any,
        b_ih: Any,
        b_hh: Any,
        w_hr: Any,
        lengths: Any,
        *,
        reverse: bool,
    ) -> tuple[Any, Any] | None:
        ends = ends_of(lengths, (h, c), len(x), reverse)
        if ends is False or w_hr is not None:
            return None
        if not takes(x, (h, c), (w_ih, w_hh), (b_ih, b_hh), 4):
            return None
        steps, batch, _ = x.shape
        size = w_hh.shape[1]
        x = x if ends is None else ends.masked(x)
        half = halves("ssst", size, x.dtype)
        bias = summed(b_ih, b_hh)
        rows, inputs = projected(
            x,
            _gates_last(w_ih) * half,
            None if bias is None else _gates_last(bias) * half[:, 0],
        )
        turned = (_gates_last(w_hh) * half).T
        cell = batch * size
        flat = np.empty((steps + 2) * cell, x.dtype)
        out = flat[: steps * cell].reshape(steps, batch, size)
        gates = np.empty((steps, 4, batch, size), x.dtype)
        cells, bent = np.empty((2, steps, batch, size), x.dtype)
        part = np.empty((batch, 4 * size), x.dtype)
        added, product = _apart(part, size), np.empty((batch, size), x.dtype)
        last_h, last_c = h, c
        for t in order_of(steps, reverse):
            now, cell_t, bent_t = gates[t], cells[t], bent[t]
            if last_h is None:
                now[...] = _apart(inputs[t], size)
            else:
                last_h.dot(turned, out=part)
                np.add(_apart(inputs[t], size), added, now)
            np.tanh(now, now)
            sigmoids = now[:3]
            np.multiply(sigmoids, 0.5, sigmoids)
            np.add(sigmoids, 0.5, sigmoids)
            i, f, o, g = now
            np.multiply(i, g, cell_t)
            if last_c is not None:
                np.add(cell_t, np.multiply(f, last_c, product), cell_t)
            np.tanh(cell_t, bent_t)
            last_h, last_c = np.multiply(o, bent_t, out[t]), cell_t
            if ends is not None:
                ends.clear(t, last_h, last_c)
        if ends is not None:
            last_h, last_c = ends.final(out), ends.final(cells)
        flat[steps * cell : -cell] = last_h.reshape(-1)
        flat[-cell:] = last_c.reshape(-1)
        parts = (gates, cells, bent)
        return flat, Kept(rows, (h, c), (w_ih, w_hh), out, parts, reverse, ends)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        kept, slots = residual, unshared(slots)
        gates, cells, bent = kept.parts
        steps, batch, size = kept.out.shape
        g_out, given, (dh, dc) = cotangents(g, kept)
        w_hh = kept.weights[1]
        d = np.empty((steps, batch, 4 * size), g.dtype)
        one = np.empty((batch, size), d.dtype)
        parts, slope = np.empty((2, 4, batch, size), d.dtype)
        di, df, do, dg = parts
        order = order_of(steps, kept.reverse)
        for at in range(steps)[::-1]:
            t = order[at]
            before = cells[order[at - 1]] if at else kept.states[1]
            now, bent_t = gates[t], bent[t]
            i, f, o, gg = now
            np.add(dh, g_out[t], dh)
            if kept.ends is not None:
                kept.ends.enter(t, (dh, dc), given)
            np.multiply(dh, bent_t, do)
            # through tanh(c): dc += dh o (1 - tanh(c)^2)
            np.multiply(bent_t, bent_t, one)
            np.subtract(1, one, one)
            np.multiply(one, o, one)
            np.multiply(one, dh, one)
            np.add(dc, one, dc)
            np.multiply(dc, gg, di)
            np.multiply(dc, i, dg)
            if before is None:
                df[...] = 0
            else:
                np.multiply(dc, before, df)
            np.multiply(dc, f, dc)
            # through the gates: s (1 - s), and 1 - g^2 = (1 + g) (1 - g)
            np.subtract(1, now, slope)
            np.multiply(slope[:3], now[:3], slope[:3])
            np.multiply(slope[3], np.add(gg, 1, one), slope[3])
            d_t = _apart(d[t], size)  # i, f, g, o again
            np.multiply(parts[:2], slope[:2], d_t[:2])
            np.multiply(parts[:1:-1], slope[:1:-1], d_t[2:])
            if kept.ends is not None:
                kept.ends.clear(t, d[t], dc)  # behind an end, 0 meets its state
            d[t].dot(w_hh, out=dh)
        rows = d.reshape(steps * batch, -1)
        used = (needs[0], needs[3], needs[4])
        dx, dW, dU = weight_gradients(kept, rows, rows, used, (None, *slots[3:5]))
        db = [
            bias_gradient(rows, slot) if need else None
            for need, slot in zip(needs[5:7], slots[5:7], strict=True)
        ]
        if dx is not None:
            dx = dx.reshape(steps, batch, -1)
        dh, dc = (dh if needs[1] else None), (dc if needs[2] else None)
        return dx, dh, dc, dW, dU, *db, None  # there is no projection


def _gates_last(rows: Any) -> Any:
    """Return the rows of the gates i, f, g, o in the order i, f, o, g."""
    size = len(rows) // 4
    return np.concatenate([rows[: 2 * size], rows[3 * size :], rows[2 * size : -size]])


def _apart(x: Any, size: int) -> Any:
    """Return a view (gates, B, size) of gates beside each other, (B, gates * size)."""
    return x.reshape(len(x), -1, size).transpose(1, 0, 2)


@final
class _GRU:
    """Gates r, z, n: ``n = tanh(a_n + r b_n)``, ``h = n + z (h - n)``."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        h: Any,
        w_ih: Any,
        w_hh: Any,
        b_ih: Any,
        b_hh: Any,
        lengths: Any,
        *,
        reverse: bool,
    ) -> tuple[Any, Any] | None:
        ends = ends_of(lengths, (h,), len(x), reverse)
        if ends is False:
            return None
        if not takes(x, (h,), (w_ih, w_hh), (b_ih, b_hh), 3):
            return None
        steps, batch, _ = x.shape
        size = w_hh.shape[1]
        x = x if ends is None else ends.masked(x)
        half = halves("sst", size, x.dtype)
        rows, gates = projected(
            x, w_ih * half, None if b_ih is None else b_ih * half[:, 0]
        )
        turned = np.multiply(w_hh.T, half.T, order="C")
        shift = None if b_hh is None else b_hh * half[:, 0]
        cell = batch * size
        flat = np.empty((steps + 1) * cell, x.dtype)
        out = flat[: steps * cell].reshape(steps, batch, size)
        inner = np.empty((steps, batch, size), x.dtype)  # the b_n
        part = np.zeros((batch, 3 * size), x.dtype)
        last = np.zeros((batch, size), x.dtype) if h is None else h
        for t in order_of(steps, reverse):
            now, out_t = gates[t], out[t]
            rz, n = now[:, : 2 * size], now[:, 2 * size :]
            last.dot(turned, out=part)
            if shift is not None:
                np.add(part, shift, part)
            np.add(rz, part[:, : 2 * size], rz)
            np.tanh(rz, rz)
            np.multiply(rz, 0.5, rz)
            np.add(rz, 0.5, rz)
            inner[t] = part[:, 2 * size :]
            np.add(n, np.multiply(rz[:, :size], inner[t], out_t), n)
            np.tanh(n, n)
            np.subtract(last, n, out_t)
            np.multiply(out_t, rz[:, size:], out_t)
            np.add(out_t, n, out_t)
            last = out_t
            if ends is not None:
                ends.clear(t, last)
        last = last if ends is None else ends.final(out)
        flat[steps * cell :] = last.reshape(-1)
        return flat, Kept(rows, (h,), (w_ih, w_hh), out, (gates, inner), reverse, ends)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        kept, slots = residual, unshared(slots)
        gates, inner = kept.parts
        steps, batch, size = kept.out.shape
        g_out, given, (dh,) = cotangents(g, kept)
        w_hh = kept.weights[1]
        # beside each other b_n, r, z, n: the state's part is the first three of them,
        # the input's part the last three
        d = np.empty((steps, batch, 4 * size), g.dtype)
        rolled = np.concatenate([w_hh[2 * size :], w_hh[: 2 * size]])
        one, two = np.empty((2, batch, size), g.dtype)
        order = order_of(steps, kept.reverse)
        for at in range(steps)[::-1]:
            t = order[at]
            before = kept.out[order[at - 1]] if at else kept.states[0]
            r, z, n = (gates[t][:, k * size : (k + 1) * size] for k in range(3))
            db, dr, dz, dn = (d[t][:, k * size : (k + 1) * size] for k in range(4))
            np.add(dh, g_out[t], dh)
            if kept.ends is not None:
                kept.ends.enter(t, (dh,), given)
            # dn = dh (1 - z) (1 - n^2), and dz = dh (h - n) z (1 - z)
            np.subtract(1, z, one)
            np.multiply(dh, one, dn)
            if before is None:
                np.negative(n, two)
            else:
                np.subtract(before, n, two)
            np.multiply(two, one, two)
            np.multiply(two, z, two)
            np.multiply(dh, two, dz)
            np.multiply(n, n, one)
            np.subtract(1, one, one)
            np.multiply(dn, one, dn)
            # db = dn r, and dr = dn b r (1 - r)
            np.multiply(dn, r, db)
            np.subtract(1, r, one)
            np.multiply(one, inner[t], one)
            np.multiply(db, one, dr)
            np.multiply(dh, z, dh)
            if kept.ends is not None:
                kept.ends.clear(t, d[t], dh)  # behind an end, 0 meets its state
            np.add(dh, d[t][:, : 3 * size].dot(rolled, out=one), dh)
        rows = d.reshape(steps * batch, -1)
        d_state, d_input = rows[:, : 3 * size], rows[:, size:]
        used = (needs[0], needs[2], needs[3])
        whole = (None, slots[2], None)
        dx, dW, dU = weight_gradients(kept, d_input, d_state, used, whole)
        db_ih = bias_gradient(d_input, slots[4]) if needs[4] else None
        db_hh = bias_gradient(d_state, None) if needs[5] else None
        if dx is not None:
            dx = dx.reshape(steps, batch, -1)
        dU = None if dU is None else _turned(dU, size, slots[3])
        db_hh = None if db_hh is None else _turned(db_hh, size, slots[5])
        return dx, dh if needs[1] else None, dW, dU, db_ih, db_hh


def _turned(rows: Any, size: int, slot: Any) -> Any:
    """Return rows with the first block at the end, in a slot where there is one."""
    return np.concatenate([rows[size:], rows[:size]], out=slot)


@final
class _RNN:
    """``h = tanh(a + h @ w_hh.T + b_hh)``, or a relu in place of the tanh."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        h: Any,
        w_ih: Any,
        w_hh: Any,
        b_ih: Any,
        b_hh: Any,
        lengths: Any,
        *,
        nonlinearity: str,
        reverse: bool,
    ) -> tuple[Any, Any] | None:
        ends = ends_of(lengths, (h,), len(x), reverse)
        if ends is False:
            return None
        if not takes(x, (h,), (w_ih, w_hh), (b_ih, b_hh), 1):
            return None
        steps, batch, _ = x.shape
        size = w_hh.shape[1]
        x = x if ends is None else ends.masked(x)
        rows, gates = projected(x, w_ih, summed(b_ih, b_hh))
        cell = batch * size
        flat = np.empty((steps + 1) * cell, x.dtype)
        out = flat[: steps * cell].reshape(steps, batch, size)
        bend = np.tanh if nonlinearity == "tanh" else relu
        last = h
        for t in order_of(steps, reverse):
            if last is None:
                out[t] = gates[t]
            else:
                np.add(gates[t], last.dot(w_hh.T, out=out[t]), out[t])
            last = bend(out[t], out[t])
            if ends is not None:
                ends.clear(t, last)
        last = last if ends is None else ends.final(out)
        flat[steps * cell :] = last.reshape(-1)
        return flat, Kept(rows, (h,), (w_ih, w_hh), out, (nonlinearity,), reverse, ends)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        kept, slots = residual, unshared(slots)
        steps, batch, size = kept.out.shape
        g_out, ends, (dh,) = cotangents(g, kept)
        d = np.empty_like(kept.out)
        smooth = kept.parts[0] == "tanh"
        for t in order_of(steps, kept.reverse)[::-1]:
            np.add(dh, g_out[t], dh)
            if kept.ends is not None:
                kept.ends.enter(t, (dh,), ends)
            if smooth:
                np.multiply(kept.out[t], kept.out[t], d[t])
                np.subtract(1, d[t], d[t])
                np.multiply(dh, d[t], d[t])
            else:
                d[t] = gate(dh, kept.out[t])
            d[t].dot(kept.weights[1], out=dh)
        rows = d.reshape(steps * batch, size)
        used, given = (needs[0], needs[2], needs[3]), (None, *slots[2:4])
        dx, dW, dU = weight_gradients(kept, rows, rows, used, given)
        if dx is not None:
            dx = dx.reshape(steps, batch, -1)
        db = [
            bias_gradient(rows, slot) if need else None
            for need, slot in zip(needs[4:6], slots[4:6], strict=True)
        ]
        return dx, dh if needs[1] else None, dW, dU, *db


register("rnn", "numpy", _RNN())
register("lstm", "numpy", _LSTM())
register("gru", "numpy", _GRU())
