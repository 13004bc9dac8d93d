"""What a classifier decides at each point of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from ...errors import OptionError, ShapeError
from .board import Board, board
from .heights import fits_equal
from .hosts import numbers, scores
from .style import MARKERS, Theme, matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["decision_boundary"]


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
    OptionError
        If a sample has a class that the model gives no score, there are no samples, or
        `resolution` is less than 2.

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
    if resolution < 2:
        raise OptionError(
            f"decision_boundary: resolution={resolution}; it is 2 points or more along "
            "each side."
        )
    X = X if X.dtype.kind == "f" else X.astype(np.float64)
    xs, ys = _sides(X, resolution)
    grid = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    p = _probabilities(scores(model, grid.astype(X.dtype)), probabilities)
    p = p.reshape(len(ys), len(xs), -1)
    _check(y, p.shape[-1])
    equal = fits_equal(xs, ys)
    with board(ax, theme, _size(xs, ys) if equal else (6.3, 4.4)) as b:
        _regions(b, p, xs, ys)
        _samples(b, X, y, p.shape[-1], classes)
        b.ax.set(xlabel="x₁", ylabel="x₂", aspect="equal" if equal else "auto")
        b.ax.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
        b.ax.grid(False)
        b.ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4)
    return b.figure


def _check(y: Any, count: int) -> None:
    """Refuse samples of a class that the model does not know."""
    other = np.setdiff1d(y, np.arange(count))
    if other.size:
        raise OptionError(
            f"decision_boundary: y has the class {other[0]}, and the model gives "
            f"scores of {count} classes: 0 to {count - 1}."
        )


def _sides(X: Any, resolution: int) -> tuple[Any, Any]:
    """Return the coordinates that are asked: all samples and a margin around them."""
    X = X[np.isfinite(X).all(axis=1)]
    if not X.size:
        raise OptionError(
            "decision_boundary: there are no samples with finite numbers."
        )
    low, high = X.min(axis=0), X.max(axis=0)
    reach = np.where(high > low, high - low, (high - low).max() or 1.0)
    margin = 0.12 * (reach if reach.max() > 3.0 * reach.min() else reach.max())
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


def _regions(b: Board, p: Any, xs: Any, ys: Any) -> None:
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


def _samples(b: Board, X: Any, y: Any, count: int, classes: Sequence[str]) -> None:
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
