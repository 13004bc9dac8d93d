"""Metrics: what a person reads of a model, off the tape."""

from __future__ import annotations

import operator
from typing import Any

from .backend.dtypes import dtype_in
from .backend.library import Library
from .calculus.array import Array
from .calculus.convert import asarray, beside, wrap
from .errors import DTypeError, OptionError, ShapeError

__all__ = ["accuracy", "confusion_matrix"]


def accuracy(predictions: Any, labels: Any, /) -> Array:
    """Return the share of samples whose predicted class is their label.

    ``mean(chosen == label)``, where the chosen class is the largest of several scores,
    or 1 where a single score is positive (a logit of 0 is a probability of one half).

    Parameters
    ----------
    predictions : array
        Scores of shape ``(N, K)``, K ≥ 2: logits or probabilities, one per class; or
        logits of shape ``(N,)`` or ``(N, 1)`` for class 1 against class 0; or the
        chosen classes themselves, as integers or booleans of shape ``(N,)``.
    labels : array
        The true classes: integers or booleans of shape ``(N,)``, and for a single score
        floating-point 0 and 1 as well, of shape ``(N,)`` or ``(N, 1)``.

    Returns
    -------
    Array
        A number without axes in [0, 1], on the device of `predictions`, in their dtype
        where it is floating-point. Nothing is read back: ``float()`` of it does that.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or there are no samples.
    DTypeError
        If the labels are not integers where there are several scores.

    Examples
    --------
    >>> scores = asarray([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    >>> float(accuracy(scores, [0, 1, 0, 1]))
    0.75
    """
    predictions, labels = _pair("accuracy", predictions, labels)
    lib = predictions._lib
    xp = lib.raw
    chosen, wanted = _classes("accuracy", predictions, labels)
    # counted in integers, so that the count is exact for every N
    right = lib.coerce(xp.sum(xp.astype(chosen == wanted, _int64(lib))))
    dtype = _score_dtype(lib, predictions.data)
    return wrap(lib, xp.astype(right, dtype) / float(chosen.shape[0]))


def confusion_matrix(
    predictions: Any, labels: Any, /, *, classes: int | None = None
) -> Array:
    """Count how often each class was taken for each.

    Row i, column j holds the number of samples of class i that were predicted as j.

    Parameters
    ----------
    predictions, labels : array
        As in `accuracy`.
    classes : int, optional
        The number of classes; by default as many as there are scores (2 for a single
        one). Needed where `predictions` are the chosen classes themselves.

    Returns
    -------
    Array
        Shape ``(classes, classes)``, int64, on the device of `predictions`.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or there are no samples.
    DTypeError
        If the labels are not integers where there are several scores.
    OptionError
        If a class is outside [0, classes): to see that, two numbers are read back from
        the device.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2], classes=3).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    """
    predictions, labels = _pair("confusion_matrix", predictions, labels)
    count = _class_count(predictions, classes)
    lib = predictions._lib
    xp = lib.raw
    chosen, wanted = _classes("confusion_matrix", predictions, labels)
    _check_range(lib, chosen, wanted, count)
    float64 = dtype_in(lib, "float64")  # what every library can sum by segments
    one = xp.ones(chosen.shape, dtype=float64, device=xp.device(chosen))
    sums = lib.segment_sum(one, wanted * count + chosen, count * count)
    return wrap(lib, xp.astype(xp.reshape(sums, (count, count)), _int64(lib)))


def _pair(name: str, predictions: Any, labels: Any) -> tuple[Array, Array]:
    """Return both as Arrays that live together, after checking their shapes."""
    predictions = asarray(predictions).detach()
    labels = beside(labels, predictions)
    shape = predictions.shape
    if len(shape) not in (1, 2) or 0 in shape:
        raise ShapeError(
            f"{name}: predictions have shape {shape}; they are (N, K) scores, or (N,) "
            "logits or classes, of at least one sample."
        )
    allowed = {shape[:1], (shape[0], 1)} if _single(shape) else {shape[:1]}
    if labels.shape not in allowed:
        raise ShapeError(
            f"{name}: labels have shape {labels.shape}, but predictions of shape "
            f"{shape} need {shape[:1]}: one class per sample."
        )
    return predictions, labels


def _single(shape: tuple[int, ...]) -> bool:
    """Tell whether there is one score per sample."""
    return len(shape) == 1 or shape[1] == 1


def _classes(name: str, predictions: Array, labels: Array) -> tuple[Any, Any]:
    """Return the chosen and the true class of each sample, raw and of one dtype."""
    lib, count = predictions._lib, predictions.shape[0]
    xp = lib.raw
    scores, wanted = predictions.data, xp.reshape(labels.data, (count,))
    if lib.is_floating(wanted.dtype):
        if not _single(predictions.shape):
            raise DTypeError(
                f"{name}: labels are {labels.dtype}; with {predictions.shape[1]} "
                "scores per sample they are integers: the position of the true class."
            )
        wanted = wanted > 0.5
    if not _single(predictions.shape):
        chosen = xp.argmax(scores, axis=1)
    else:
        chosen = xp.reshape(scores, (count,))
        if lib.is_floating(chosen.dtype):
            chosen = chosen > 0
    return xp.astype(chosen, _int64(lib)), xp.astype(wanted, _int64(lib))


def _int64(lib: Library) -> Any:
    return dtype_in(lib, "int64")


def _score_dtype(lib: Library, scores: Any) -> Any:
    """Return the dtype of a score: that of the predictions, or float32."""
    real = lib.is_floating(scores.dtype) and not lib.is_complex(scores)
    return scores.dtype if real else dtype_in(lib, "float32")


def _class_count(predictions: Array, classes: int | None) -> int:
    """Return the number of classes of a confusion matrix."""
    shape = predictions.shape
    if classes is not None:
        if not hasattr(classes, "__index__") or operator.index(classes) < 1:
            raise OptionError(
                f"confusion_matrix: classes is an integer of at least 1, not "
                f"{classes!r}."
            )
        return operator.index(classes)
    if not _single(shape):
        return shape[1]
    if not predictions._lib.is_floating(predictions.dtype):
        raise OptionError(
            "confusion_matrix: predictions are classes, not scores; say how many there "
            "are, as in classes=10."
        )
    return 2


def _check_range(lib: Library, chosen: Any, wanted: Any, count: int) -> None:
    """Raise where a class is outside [0, count)."""
    xp = lib.raw
    both = xp.concat([chosen, wanted])
    least, most = (int(lib.to_host(f(both))) for f in (xp.min, xp.max))
    if least < 0 or most >= count:
        raise OptionError(
            f"confusion_matrix: classes are counted from 0 to {count - 1}, but there "
            f"are values from {least} to {most}. Set classes= to how many there are."
        )
