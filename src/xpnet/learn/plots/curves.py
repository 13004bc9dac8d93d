"""Curves over one variable: a function and its slope, and the activations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

import xpnet as xn

from ...errors import OptionError, ShapeError
from ..digits import number
from ..formula import Formula
from ..symbols import text
from .board import Board, board
from .hosts import numbers, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["activations", "slope"]


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

    The slope at every point is `xn.grad`'s, from the table of derivatives; where the
    function has no value there is a gap.

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
        If `x` is not a row of points, or `f` not elementwise.
    OptionError
        If there is no tangent where one is wanted.

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
    with np.errstate(all="ignore"):  # where there is no value there is a gap
        value, pull = xn.vjp(f, xn.asarray(x))
        if value.shape != x.shape:
            raise ShapeError(
                f"the function gives shape {value.shape} for an array of shape "
                f"{x.shape}; to draw it, it must be elementwise."
            )
        (derivative,) = pull(xn.xp.ones_like(value))
    value, derivative = numbers(value), numbers(derivative)
    return value, np.where(np.isfinite(value), derivative, np.nan)


def _tangent(b: Board, f: Any, place: float, x: Any) -> None:
    """Draw the tangent at a point, and write its slope."""
    with np.errstate(all="ignore"):
        height, rise = xn.value_and_grad(f)(place)
    if not np.isfinite([height, rise]).all():
        raise OptionError(
            f"slope: there is no tangent at x = {number(place)}, where the value is "
            f"{number(height)} and the slope {number(rise)}; leave it out of at=."
        )
    reach = 0.18 * (x.max() - x.min())
    ends = np.asarray([place - reach, place + reach])
    b.ax.plot(ends, height + rise * (ends - place), color=b.theme.text, lw=1.2)
    b.ax.plot([place], [height], "o", color=b.theme.text, markersize=6)
    after = place - x.min() < 0.35 * (x.max() - x.min())  # no room before it
    above = (rise < 0.0) == after
    b.ax.annotate(
        f"slope {number(rise)} at x = {number(place)}",
        (place, height),
        xytext=(10 if after else -10, 4 if above else -13),
        textcoords="offset points",
        ha="left" if after else "right",
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
        If there are no names, or one is not that of a function of one number.

    Examples
    --------
    >>> figure = activations(["relu", "tanh"])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['relu   slope 1 if x > 0 else 0', 'tanh   slope 1 − tanh²(x)']
    """
    names = tuple(names)
    if not names:
        raise OptionError("activations: there are no names; give relu or tanh, say.")
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
    f = getattr(xn.nn.functional, name)
    try:
        f(xn.asarray(0.5))
    except (TypeError, xn.XpnetError):
        raise OptionError(
            f"activations: {name} is not a function of one number; relu, sigmoid and "
            "tanh are."
        ) from None
    return f


def _title(name: str, f: Any) -> str:
    """Return a name, and the formula of the slope where a row of the table has it."""
    x = xn.asarray(0.5, requires_grad=True)
    node = f(x)._node
    title = name.replace("_", " ")
    if len(node.row.formula) != 1 or node.parents != (x._node,):
        return title
    return f"{title}   slope {text(node.row.formula[0], {'x': 'x'})}"
