"""Curves over one variable: a function and its slope, activations, learning curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from ...errors import OptionError
from ..digits import number
from ..formula import Formula
from ..symbols import text
from .board import board
from .hosts import numbers, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["activations", "learning_curves", "slope"]


def slope(
    f: Callable[[Any], Any],
    x: Any,
    *,
    at: Any = (),
    name: str | None = None,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw a function and its slope, and its tangent at chosen points.

    The slope at every point is `xn.grad`'s, from the table of derivatives.

    Parameters
    ----------
    f : callable
        An elementwise function of an array; a `learn.Formula` is one.
    x : array
        Where it is drawn, shape ``(n,)``: ``np.linspace(-3, 3, 200)`` say.
    at : number or sequence of numbers
        Where its tangent is drawn, with the slope written beside it.
    name : str
        What the legend calls the function; by default f(x), or the formula's text.
    ax : matplotlib Axes, optional
        Where to draw; by default in a new figure.
    theme : str, optional
        ``"light"`` or ``"dark"``; by default that of `use_theme`, or what the
        background of `ax` asks for.

    Returns
    -------
    Figure
        matplotlib's; a notebook shows it, and ``savefig`` writes it.

    Raises
    ------
    ShapeError
        If `x` is not a row of points.

    Examples
    --------
    >>> import numpy as np
    >>> figure = slope(lambda x: x**2, np.linspace(-3, 4, 50), at=3.0, name="x²")
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['slope 6 at x = 3']
    """
    x = points("slope", x)
    if name is None:
        name = f.text if isinstance(f, Formula) else "f(x)"
    value, derivative = _both(f, x)
    with board(ax, theme, (6.0, 4.0)) as b:
        b.ax.plot(x, value, label=name, **b.theme.line(0))
        b.ax.plot(x, derivative, label=f"slope of {name}", **b.theme.line(1))
        for place in np.ravel(numbers(at)).tolist():
            _tangent(b, f, place, x)
        b.ax.set(xlabel="x", ylabel="y")
        _keep_in_sight(b.ax, value, derivative)
        b.ax.legend(loc="best")
    return b.figure


def _both(f: Any, x: Any) -> tuple[Any, Any]:
    """Return values and slopes of an elementwise function, on the host."""
    value, pull = xn.vjp(f, xn.asarray(x))
    (derivative,) = pull(xn.xp.ones_like(value))
    return numbers(value), numbers(derivative)


def _tangent(b: Any, f: Any, place: float, x: Any) -> None:
    """Draw the tangent at a point, and write its slope."""
    height, rise = xn.value_and_grad(f)(place)
    reach = 0.18 * (x.max() - x.min())
    ends = np.asarray([place - reach, place + reach])
    b.ax.plot(ends, height + rise * (ends - place), color=b.theme.text, lw=1.2)
    b.ax.plot([place], [height], "o", color=b.theme.text, markersize=6)
    b.ax.annotate(
        f"slope {number(rise)} at x = {number(place)}",
        (place, height),
        xytext=(-10, 4),
        textcoords="offset points",
        ha="right",
        color=b.theme.text,
    )


def _keep_in_sight(ax: Any, *curves: Any) -> None:
    """Cut the axis off where a curve runs away, as that of 1/x does at 0."""
    found = np.concatenate([c[np.isfinite(c)] for c in curves])
    low, high = np.percentile(found, [2, 98]) if found.size else (0.0, 1.0)
    room = max(high - low, 1e-12)
    if found.size and found.max() - found.min() > 8 * room:
        ax.set_ylim(low - 0.5 * room, high + 0.5 * room)


_GALLERY = ("relu", "leaky_relu", "sigmoid", "tanh", "softplus", "gelu")


def activations(
    names: Iterable[str] = _GALLERY,
    x: Any = None,
    *,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw activations and their slopes, each in axes of its own.

    Where a function is one row of the table of derivatives, the title gives the formula
    of its slope that stands there.

    Parameters
    ----------
    names : iterable of str
        Functions of `xpnet.nn.functional` that take one array.
    x : array, optional
        Where they are drawn; by default from −4 to 4.
    ax : sequence of matplotlib Axes, optional
        As many as there are names.
    theme : str, optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If there is no function of that name.

    Examples
    --------
    >>> figure = activations(["relu", "tanh"])
    >>> [axes.get_title() for axes in figure.axes]
    ['relu   slope 1 if x > 0 else 0', 'tanh   slope 1 − tanh²(x)']
    """
    names = tuple(names)
    x = np.linspace(-4.0, 4.0, 401) if x is None else points("activations", x)
    functions = [_activation(name) for name in names]
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    size = (3.0 * columns + 0.4, 2.5 * rows + 0.3)
    with board(ax, theme, size, columns, rows) as b:
        for axes, name, f in zip(b.axes, names, functions, strict=False):
            value, derivative = _both(f, x)
            axes.plot(x, value, label="value", **b.theme.line(0))
            axes.plot(x, derivative, label="slope", **b.theme.line(1))
            axes.axhline(0.0, color=b.theme.quiet, lw=0.8, zorder=1)
            axes.set(title=_title(name, f), xlabel="x")
        for axes in b.axes[len(names) :]:
            axes.set_axis_off()
        b.ax.legend(loc="upper left")
    return b.figure


def _activation(name: str) -> Any:
    """Return the function of a name."""
    if name not in xn.nn.functional.__all__:
        raise OptionError(
            f"activations: xpnet.nn.functional has no function {name!r}; it has relu, "
            "sigmoid, tanh, gelu and more."
        )
    return getattr(xn.nn.functional, name)


def _title(name: str, f: Any) -> str:
    """Return a name, and the formula of the slope where a row of the table has it."""
    x = xn.asarray(0.5, requires_grad=True)
    node = f(x)._node
    title = name.replace("_", " ")
    if len(node.row.formula) != 1 or node.parents != (x._node,):
        return title
    return f"{title}   slope {text(node.row.formula[0], {'x': 'x'})}"


# --- learning curves ------------------------------------------------------------------


def learning_curves(
    history: Any, *, log: bool = False, ax: Any = None, theme: str | None = None
) -> Figure:
    """Draw how losses and scores went, epoch by epoch.

    Parameters
    ----------
    history : mapping or sequence
        Names and the numbers of each epoch, ``{"loss": [...], "val_loss": [...]}``; or
        one mapping (or named tuple) for each epoch. What ends in "loss" shares axes,
        and so does the rest.
    log : bool
        Whether the axis of the losses is logarithmic.
    ax : Axes or sequence of Axes, optional
        One for the losses and one for the rest, where there are both.
    theme : str, optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If there is nothing to draw.

    Examples
    --------
    >>> figure = learning_curves({"loss": [0.9, 0.4], "val_loss": [1.0, 0.5]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['loss', 'val loss']
    """
    found = _by_name(history)
    if not found or not all(len(values) for values in found.values()):
        raise OptionError(
            "learning_curves: the history holds no numbers; it is a mapping of "
            "names to one number per epoch, or a sequence of mappings."
        )
    losses = {k: v for k, v in found.items() if k.endswith("loss")}
    rest = {k: v for k, v in found.items() if k not in losses}
    panels = [
        (kind, part) for kind, part in (("loss", losses), ("score", rest)) if part
    ]
    with board(ax, theme, (4.6 * len(panels) + 0.4, 3.6), len(panels)) as b:
        for axes, (kind, part) in zip(b.axes, panels, strict=True):
            _curves(b, axes, part)
            if kind == "loss" and log:
                axes.set_yscale("log")
            axes.set(xlabel="epoch", ylabel=_quantity(part, kind))
            axes.xaxis.get_major_locator().set_params(integer=True)
            if len(part) > 1:
                axes.legend()
    return b.figure


def _curves(b: Any, axes: Any, part: dict[str, Any]) -> None:
    """Draw some of the rows of a history, with a marker at (about) every tenth."""
    for i, (name, values) in enumerate(part.items()):
        style = b.theme.line(i) | b.theme.point(i)
        every = max(1, len(values) // 10)
        epochs = np.arange(1, len(values) + 1)
        label = name.replace("_", " ").replace(".", " ")
        axes.plot(epochs, values, label=label, markevery=every, **style)


def _quantity(part: dict[str, Any], kind: str) -> str:
    """Return what an axis is called: the last word, where all names share it."""
    last = {name.replace(".", "_").split("_")[-1] for name in part}
    return last.pop() if len(last) == 1 else kind


def _by_name(history: Any) -> dict[str, Any]:
    """Return a history as names and arrays."""
    if isinstance(history, Mapping):
        return {str(k): np.asarray([float(v) for v in vs]) for k, vs in history.items()}
    rows = [dict(_flat(row)) for row in history]
    names = {name: None for row in rows for name in row}
    return {n: np.asarray([row.get(n, np.nan) for row in rows]) for n in names}


def _flat(row: Any, before: str = "") -> Iterable[tuple[str, float]]:
    """Return names and numbers of one epoch; what is nested gets a dotted name."""
    pairs = row if isinstance(row, Mapping) else row._asdict()
    for name, value in pairs.items():
        if isinstance(value, (Mapping, tuple)):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", float(value)
