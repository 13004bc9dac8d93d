"""The derivative microscope: secants that become the tangent, and their error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError
from ..digits import number
from ..microscope import Microscope
from .board import Board, board

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["microscope"]

_SECANTS = 3  # drawn: the longest ones


def microscope(
    seen: Microscope | Sequence[Microscope],
    *,
    ax: Any = None,
    theme: str | None = None,
) -> Figure:
    """Draw secants that become the tangent, and their error against the step h.

    On the left the function with its longest secants; on the right how far the slope of
    each secant is from `xn.grad`'s: falling with h (the bend of the curve), then rising
    again (rounding in the dtype). An error of exactly 0 has no place on the axis.

    Parameters
    ----------
    seen : Microscope or sequence of Microscope
        What `learn.microscope` returned; of several, in float64 and in float32 say, the
        first is on the left.
    ax : sequence of two matplotlib Axes, optional
        Where to draw; by default in a new figure.
    theme : str, optional
        As for `slope`.

    Returns
    -------
    Figure

    Raises
    ------
    OptionError
        If there is nothing in `seen`.

    Examples
    --------
    >>> from xpnet import learn
    >>> figure = microscope(learn.microscope("x^2", 3.0))
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['y = x²', 'h = 1: slope 7', ..., 'h = 0.01: slope 6.01', 'tangent: slope 6']
    """
    several = [seen] if isinstance(seen, Microscope) else list(seen)
    if not several:
        raise OptionError(
            "microscope: nothing to draw; give what learn.microscope saw."
        )
    with board(ax, theme, (10.0, 4.0), 2) as b:
        _secants(b, b.axes[0], several[0])
        _errors(b, b.axes[1], several)
    return b.figure


def _secants(b: Board, ax: Any, seen: Microscope) -> None:
    """Draw the function, its longest secants and its tangent."""
    xs, ys = (np.asarray(values) for values in seen.curve())
    ax.plot(xs, ys, color=b.theme.text, lw=2.2, label=f"y = {seen.text or 'f(x)'}")
    longest = sorted(seen.secants, key=lambda secant: -secant.h)[:_SECANTS]
    for i, secant in enumerate(longest, start=1):
        style = b.theme.line(i) | b.theme.point(i)
        label = f"h = {number(secant.h)}: slope {number(secant.forward)}"
        line = seen.y + secant.forward * (xs - seen.x)
        ax.plot(xs, line, label=label, lw=1.4, marker="", **_without_marker(style))
        ax.plot([seen.x + secant.h], [seen.y + secant.forward * secant.h], **style)
    tangent = seen.y + seen.slope * (xs - seen.x)
    label = f"tangent: slope {number(seen.slope)}"
    ax.plot(xs, tangent, color=b.theme.lines[0], lw=1.8, label=label)
    ax.plot([seen.x], [seen.y], "o", color=b.theme.text, markersize=7)
    ax.set(xlabel="x", ylabel="y", xlim=(xs[0], xs[-1]))
    ax.legend(loc="best")


def _without_marker(style: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in style.items() if name != "marker"}


def _errors(b: Board, ax: Any, several: list[Microscope]) -> None:
    """Draw the errors of forward and of central secants, for each dtype."""
    for i, seen in enumerate(several):
        h = np.asarray([secant.h for secant in seen.secants])
        for j, side in enumerate(("forward", "central")):
            errors = np.asarray([getattr(s, f"{side}_error") for s in seen.secants])
            errors = np.where(errors > 0.0, errors, np.nan)
            style = b.theme.line(2 * i + j) | b.theme.point(2 * i + j)
            style["markersize"] = 4
            ax.plot(h, errors, label=f"{seen.dtype}, {side}", lw=1.3, **style)
    ax.set(xscale="log", yscale="log", xlabel="h", ylabel="error of the slope")
    ax.invert_xaxis()  # as time goes: ever shorter
    ax.legend(loc="best")
