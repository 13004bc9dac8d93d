"""What a classifier decides: regions of the plane, and which class it mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from ...errors import OptionError, ShapeError
from ...nn import Module
from .board import board
from .hosts import numbers, scores
from .style import MARKERS, Theme, lightness, matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix", "decision_boundary"]


def decision_boundary(
    model: Any,
    X: Any,
    y: Any,
    *,
    classes: Sequence[str] = (),
    probabilities: bool = False,
    resolution: int = 200,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw which class a model gives to each point of the plane, and how surely.

    Parameters
    ----------
    model : Module or callable
        Takes points ``(n, 2)`` and gives scores ``(n, K)``, or ``(n,)`` or ``(n, 1)``
        for class 1 against class 0: logits, as `metrics.accuracy` reads them. A copy
        of a Module runs, as in use: nothing of it changes.
    X, y : array
        The samples, ``(n, 2)``, and their classes, ``(n,)``: drawn as points.
    classes : sequence of str
        What the legend calls the classes.
    probabilities : bool
        Whether the model gives probabilities in place of logits.
    resolution : int
        How many points of the plane are asked, along each side.
    ax, theme : optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError
        If the samples are not points of a plane, or do not fit their classes.

    Examples
    --------
    >>> from xpnet import data, nn
    >>> points = data.moons(40)
    >>> model = nn.Linear(2, 1, rng=0)
    >>> figure = decision_boundary(model, points.features, points.labels)
    >>> figure.axes[0].get_xlabel()
    'x₁'
    """
    X, y = numbers(X), numbers(y).ravel()
    if X.ndim != 2 or X.shape[1] != 2 or y.shape[0] != X.shape[0]:
        raise ShapeError(
            f"decision_boundary: X has shape {X.shape} and y {y.shape}; they are "
            "(n, 2) and (n,): points of a plane, and a class for each."
        )
    xs, ys = _sides(X, resolution)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    p = _probabilities(scores(model, grid.astype(X.dtype)), probabilities)
    p = p.reshape(len(ys), len(xs), -1)
    with board(ax, theme, _size(xs, ys)) as b:
        _regions(b, p, xs, ys)
        _samples(b, X, y, p.shape[-1], classes)
        b.ax.set(xlabel="x₁", ylabel="x₂", aspect="equal")
        b.ax.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
        b.ax.grid(False)
        b.ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4)
    return b.figure


def _sides(X: Any, resolution: int) -> tuple[Any, Any]:
    """Return the coordinates that are asked: all samples and a margin around them."""
    low, high = X.min(axis=0), X.max(axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-6).max()
    sides = np.linspace(low - margin, high + margin, resolution)
    return sides[:, 0], sides[:, 1]


def _size(xs: Any, ys: Any) -> tuple[float, float]:
    """Return the inches of a picture whose axes have the same scale on both sides."""
    wide, high = xs[-1] - xs[0], ys[-1] - ys[0]
    longest = 4.4 / max(wide, high)
    return max(wide * longest, 2.5) + 1.9, max(high * longest, 2.5) + 0.8


def _probabilities(found: Any, given: bool) -> Any:
    """Return the probability of each class, ``(n, K)``, from logits or as given."""
    if found.ndim == 1 or found.shape[-1] == 1:
        p = found.ravel()
        p = p if given else numbers(xn.nn.functional.sigmoid(p))
        return np.stack([1.0 - p, p], axis=-1)
    return found if given else numbers(xn.nn.functional.softmax(found))


def _regions(b: Any, p: Any, xs: Any, ys: Any) -> None:
    """Colour each point by its class, paler where the model is less sure."""
    rgb = matplotlib().colors.to_rgb
    count = p.shape[-1]
    colors = np.asarray([rgb(_color(b.theme, k)) for k in range(count)])
    best = p.argmax(axis=-1)
    sure = (p.max(axis=-1) - 1.0 / count) / (1.0 - 1.0 / count)
    part = (0.08 + 0.42 * np.clip(sure, 0.0, 1.0))[..., None]
    image = part * colors[best] + (1.0 - part) * np.asarray(rgb(b.theme.back))
    extent = (xs[0], xs[-1], ys[0], ys[-1])
    b.ax.imshow(image, origin="lower", extent=extent, interpolation="nearest")
    for k in range(1 if count == 2 else 0, count):
        others = np.delete(p, k, axis=-1).max(axis=-1)
        lead = p[..., k] - others
        if lead.min() < 0.0 < lead.max():
            b.ax.contour(xs, ys, lead, [0.0], colors=b.theme.text, linewidths=1.3)


def _color(theme: Theme, k: int) -> str:
    return theme.lines[k % len(theme.lines)]


def _samples(b: Any, X: Any, y: Any, count: int, classes: Sequence[str]) -> None:
    """Draw the samples, each class with a marker of its own."""
    for k in range(count):
        mine = X[y == k]
        b.ax.scatter(
            mine[:, 0],
            mine[:, 1],
            s=26,
            marker=MARKERS[k % len(MARKERS)],
            color=_color(b.theme, k),
            edgecolors=b.theme.back,
            linewidths=0.6,
            label=classes[k] if k < len(classes) else f"class {k}",
            zorder=3,
        )


# --- the confusion matrix -------------------------------------------------------------

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
        If `normalize` is another word, or a model comes without `X`.

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
        _cells(b, image, counts, shares)
        ticks = [classes[k] if k < len(classes) else str(k) for k in range(n)]
        turned = {"rotation": 45, "ha": "right"} if max(map(len, ticks)) > 4 else {}
        b.ax.set_xticks(range(n), ticks, **turned)
        b.ax.set_yticks(range(n), ticks)
        b.ax.set(xlabel="Predicted label", ylabel="True label")
        b.ax.grid(False)
        b.ax.tick_params(length=0)
        b.ax.spines[:].set_visible(False)
        bar = b.figure.colorbar(image, ax=b.ax, shrink=0.8)
        bar.set_label("samples" if shares is None else "share")
        bar.outline.set_visible(False)
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


def _cells(b: Any, image: Any, counts: Any, shares: Any) -> None:
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
