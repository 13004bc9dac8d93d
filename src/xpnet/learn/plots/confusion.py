"""Which class a classifier takes for which: the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from ...errors import OptionError
from ...nn import Module
from .board import Board, board, colour_bar
from .hosts import numbers, scores
from .style import lightness, matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix"]

_MOST = 30  # classes up to which every cell has its number
_SUMS: dict[str, Any] = {"true": 1, "pred": 0, "all": None}


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    X: Any = None,
    *,
    classes: Sequence[str] = (),
    normalize: str | None = None,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw how often each class was taken for each, with the number in each cell.

    With more than thirty classes the cells have colours only.

    Parameters
    ----------
    y_true : array
        The true classes, integers of shape ``(n,)``.
    y_pred : array or Module
        What was predicted, as `metrics.confusion_matrix` takes it: classes, or scores;
        or a model, which is asked about `X`.
    X : array, optional
        The samples, where `y_pred` is a model.
    classes : sequence of str
        The names of the classes.
    normalize : str, optional
        ``"true"``, ``"pred"`` or ``"all"``: shares of each row, of each column, or of
        all, in place of counts; scikit-learn's words.
    ax, theme : optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If `normalize` is another word, a model comes without `X`, or there are no
        samples.

    Examples
    --------
    >>> figure = confusion_matrix([0, 1, 2, 2], [0, 1, 1, 2], classes=["a", "b", "c"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '0', '0', '1', '0', '0', '1', '1']
    """
    if normalize is not None and normalize not in _SUMS:
        raise OptionError(
            f"confusion_matrix: normalize={normalize!r}; it is 'true', 'pred', "
            "'all' or None."
        )
    counts = _counts(numbers(y_true), y_pred, X, len(classes))
    n = counts.shape[0]
    shares = None if normalize is None else _shares(counts, normalize)
    side = min(max(0.55 * n, 3.0), 9.0)
    with board(ax, theme, (side + 2.0, side + 0.9)) as b:
        heat = counts if shares is None else shares
        image = b.ax.imshow(heat, cmap="cividis", vmin=0, vmax=_top(heat, normalize))
        if n <= _MOST:
            _cells(b, image, counts, shares)
        shown = range(0, n, -(-n // _MOST))
        ticks = [classes[k] if k < len(classes) else str(k) for k in shown]
        turned = {"rotation": 45, "ha": "right"} if max(map(len, ticks)) > 4 else {}
        b.ax.set_xticks(shown, ticks, **turned)
        b.ax.set_yticks(shown, ticks)
        b.ax.set(xlabel="Predicted label", ylabel="True label")
        b.ax.grid(False)
        b.ax.tick_params(length=0)
        b.ax.spines[:].set_visible(False)
        bar = colour_bar(b, b.ax, image, "samples" if shares is None else "share")
        if shares is None:
            bar.locator = matplotlib().ticker.MaxNLocator(5, integer=True)
    return b.figure


def _counts(labels: Any, predicted: Any, X: Any, known: int) -> Any:
    """Return the confusion matrix of `xpnet.metrics`, on the host."""
    if isinstance(predicted, Module):
        if X is None:
            raise OptionError(
                "confusion_matrix: y_pred is a model; give the samples too: "
                "confusion_matrix(y_true, model, X)."
            )
        predicted = scores(predicted, numbers(X))
    predicted = numbers(predicted)
    if not labels.size:
        raise OptionError("confusion_matrix: there are no samples to count.")
    count = None
    if predicted.dtype.kind in "biu":
        count = max(int(predicted.max()), int(labels.max())) + 1
        count = max(count, known)
    return numbers(xn.metrics.confusion_matrix(predicted, labels, classes=count))


def _shares(counts: Any, normalize: str) -> Any:
    """Return counts as shares; 0 where there is nothing to share."""
    sums = counts.sum(axis=_SUMS[normalize], keepdims=True)
    return counts / np.maximum(sums, 1)


def _top(heat: Any, normalize: str | None) -> Any:
    """Return what has the brightest colour: 1 where rows or columns sum to 1."""
    return 1.0 if normalize in ("true", "pred") else heat.max()


def _cells(b: Board, image: Any, counts: Any, shares: Any) -> None:
    """Write each number in its cell, dark on light and light on dark."""
    n = counts.shape[0]
    size = min(10.0, 110.0 / n + 1.0)
    for i, j in np.ndindex(n, n):
        value = counts[i, j] if shares is None else shares[i, j]
        dark = lightness(image.cmap(image.norm(value))) < 0.5
        text = str(value) if shares is None else f"{value:.2f}"
        b.ax.text(
            j,
            i,
            text,
            ha="center",
            va="center",
            fontsize=size,
            color="#ffffff" if dark else "#000000",
        )
