"""Losses of sequences whose places are not known."""

from __future__ import annotations

import math
from typing import Any

from ..calculus.array import Array
from ..calculus.convert import beside
from ..errors import DTypeError, OptionError, ShapeError
from .arguments import int64, is_integer, predicted, readable
from .paths import log_likelihood
from .reduction import reducing

__all__ = ["ctc"]


def ctc(
    prediction: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    /,
    *,
    blank: int = 0,
    zero_infinity: bool = False,
    reduction: str = "mean",
    sample_weight: Any = None,
) -> Array:
    """Return the negative log-likelihood of labels in order, at unknown times.

    ``-log(sum over paths of product over t of p[t, path[t]])``: over all paths that
    give the labels once repeated classes are merged and blanks taken out

    Parameters
    ----------
    prediction : Array
        Log-probabilities (T, N, K) or (T, K), as `nn.functional.log_softmax` gives them
        over the last axis: T times, N sequences, K classes, the blank among them.
    targets : Array of integers
        (N, S), each row filled up with anything behind its length; or one after another
        without filling, (sum of the lengths,); for (T, K) of shape (S,). A label is not
        the blank.
    input_lengths, target_lengths : sequence or Array of integers
        (N,), or () for (T, K): how many times, and how many labels, count.
    blank : int
        The class that stands for no label.
    zero_infinity : bool
        Let sequences without any path (too short for their labels) cost 0, not inf.
    reduction : {"mean", "sum", "none"}
        The mean first divides each loss by the number of its labels (at least 1).
    sample_weight
        One for each sequence; see `xpnet.losses`.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If labels or lengths are not integers.
    OptionError
        If on the CPU a label or a length is out of range (elsewhere the loss is NaN),
        or an option is not known.

    Notes
    -----
    Graves et al., "Connectionist temporal classification", 2006: the forward algorithm
    in the space of logarithms, over all sequences at once. The gradient is that of the
    formula, minus the probability of each class at each time. PyTorch's adds
    ``exp(prediction)``, which is the same after `log_softmax`; for a sequence without
    any path it is NaN, and 0 here.

    Examples
    --------
    >>> import math
    >>> even = [[math.log(0.5)] * 2] * 3  # 3 times, 2 classes
    >>> round(math.exp(-ctc(even, [1], 3, 1).item()), 6)  # 6 of 8 paths
    0.75
    """
    name = "ctc"
    x = predicted(name, prediction)
    if x.ndim not in (2, 3):
        raise ShapeError(
            f"{name}: predictions have shape (T, N, K) or (T, K), not {x.shape}."
        )
    if not 0 <= blank < x.shape[-1]:
        raise OptionError(
            f"{name}: blank is {blank}; it is a class from 0 to {x.shape[-1] - 1}."
        )
    single = x.ndim == 2
    xp = x._lib.recorded
    if single:
        x = xp.expand_dims(x, axis=1)
    known = _known_lengths(target_lengths)
    inputs, lengths = (
        _lengths(name, given, x, what)
        for given, what in (
            (input_lengths, "input_lengths"),
            (target_lengths, "target_lengths"),
        )
    )
    labels = _labels(name, targets, x)
    _refuse_length(name, "input_lengths", inputs, x.shape[0])
    _refuse_length(name, "target_lengths", lengths, labels.shape[-1])
    labels, fits = _rows(xp, name, labels, lengths, known)
    labels, right = _checked(xp, name, labels, lengths, x.shape[-1], blank)
    fits = fits & right & (inputs <= x.shape[0]) & (inputs >= 0)
    call = _ctc_of_one if single else _ctc
    return call(
        x,
        labels,
        inputs,
        lengths,
        fits,
        blank=blank,
        zero_infinity=zero_infinity,
        each=reduction == "mean",
        reduction=reduction,
        sample_weight=sample_weight,
    )


def _values(
    xp: Any,
    x: Any,
    labels: Any,
    inputs: Any,
    lengths: Any,
    fits: Any,
    *,
    blank: int,
    zero_infinity: bool,
    each: bool,
) -> Any:
    values = -log_likelihood(xp, x, labels, inputs, lengths, blank)
    if zero_infinity:
        values = xp.where(values == math.inf, xp.zeros_like(values), values)
    if each:
        values = values / xp.astype(xp.maximum(lengths, 1), values.dtype)
    return xp.where(fits, values, math.nan)


_ctc = reducing("ctc", count=5, without=None)(_values)


@reducing("ctc_of_one", count=5, without=None)
def _ctc_of_one(xp: Any, *arrays: Any, **options: Any) -> Any:
    return xp.squeeze(_values(xp, *arrays, **options), axis=0)


# --- arguments ------------------------------------------------------------------------


def _known_lengths(lengths: Any) -> int | None:
    """Return the largest of lengths that are Python numbers; else None."""
    if isinstance(lengths, int):
        return lengths
    if isinstance(lengths, (list, tuple)) and all(type(v) is int for v in lengths):
        return max(lengths, default=0)
    return None


def _integers(name: str, what: str, values: Any, x: Array) -> Array:
    if isinstance(values, (list, tuple)) and not len(values):
        xp = x._lib.recorded
        return xp.zeros((0,), dtype=xp.int64, device=xp.device(x))  # type: ignore[no-any-return]
    if type(values) is int:
        values = [values]
    out = beside(values, x)
    if not is_integer(out):
        raise DTypeError(f"{name}: {what} have dtype {out.dtype}; they are integers.")
    return int64(out)


def _lengths(name: str, values: Any, x: Array, what: str) -> Array:
    """Return one length for each sequence."""
    out = _integers(name, what, values, x)
    if out.ndim == 0:
        out = out._lib.recorded.reshape(out, (1,))
    if out.shape != x.shape[1:2]:
        raise ShapeError(
            f"{name}: {what} have shape {out.shape}, but there are {x.shape[1]} "
            "sequences: one length for each."
        )
    return out


def _labels(name: str, targets: Any, x: Array) -> Array:
    labels = _integers(name, "targets", targets, x)
    if labels.ndim == 1 or (labels.ndim == 2 and labels.shape[0] == x.shape[1]):
        return labels
    raise ShapeError(
        f"{name}: targets have shape {labels.shape}; for predictions of shape "
        f"{x.shape} they have ({x.shape[1]}, S), or one axis with all labels in a row."
    )


def _rows(
    xp: Any, name: str, labels: Array, lengths: Array, known: int | None
) -> tuple[Array, Array]:
    """Return labels as rows (N, S), and which rows have as many as their length."""
    if labels.ndim == 2:
        return labels, (lengths >= 0) & (lengths <= labels.shape[1])
    total = labels.shape[0]
    if known is None:
        known = int(lengths._lib.raw.max(lengths.data)) if _some(lengths) else total
    width = min(max(known, 0), total)
    ends = xp.cumulative_sum(lengths)
    if _some(lengths) and int(ends.data[-1]) != total:
        raise ShapeError(
            f"{name}: targets in a row hold {total} labels, but target_lengths sum to "
            f"{int(ends.data[-1])}."
        )
    starts = xp.expand_dims(ends - lengths, axis=1)
    steps = xp.arange(width, dtype=xp.int64, device=xp.device(labels))
    index = xp.clip(starts + steps, 0, max(total - 1, 0))
    count = lengths.shape[0]
    rows = xp.take(labels, xp.reshape(index, (count * width,)), axis=0)
    fits = (lengths >= 0) & (ends <= total)
    return xp.reshape(rows, (count, width)), fits


def _some(lengths: Array) -> bool:
    return readable(lengths) and lengths.shape[0] > 0


def _checked(
    xp: Any, name: str, labels: Array, lengths: Array, classes: int, blank: int
) -> tuple[Array, Array]:
    """Return labels with the blank behind each length, and which rows are in range."""
    steps = xp.arange(labels.shape[1], dtype=xp.int64, device=xp.device(labels))
    counts = steps < xp.expand_dims(lengths, axis=1)
    wrong = counts & ((labels < 0) | (labels >= classes) | (labels == blank))
    if readable(labels):
        _refuse_label(name, labels._lib, labels.data, wrong.data, classes, blank)
    labels = xp.where(counts & ~wrong, labels, blank)
    return labels, ~xp.any(wrong, axis=1)


def _refuse_label(
    name: str, lib: Any, labels: Any, wrong: Any, classes: int, blank: int
) -> None:
    if bool(lib.raw.any(wrong)):
        raise OptionError(
            f"{name}: a label is {int(labels[wrong][0])}; labels go from 0 to "
            f"{classes - 1}, without the blank, {blank}."
        )


def _refuse_length(name: str, what: str, lengths: Array, most: int) -> None:
    """Raise if a length is out of range; for arrays that can be read at once."""
    if not _some(lengths):
        return
    raw = lengths._lib.raw
    low, high = int(raw.min(lengths.data)), int(raw.max(lengths.data))
    if low < 0 or high > most:
        raise OptionError(
            f"{name}: one of {what} is {low if low < 0 else high}; they go from 0 to "
            f"{most}."
        )
