"""How a training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import OptionError
from .board import Board, board

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["learning_curves"]

_MOST = 6  # lines up to which the legend is among them


def learning_curves(
    history: Any, *, log: bool = False, ax: Any = None, theme: str | None = None
) -> Figure:
    """Draw how losses and scores went, epoch by epoch.

    Parameters
    ----------
    history : mapping or sequence
        Names and the numbers of each epoch, ``{"loss": [...], "val_loss": [...]}``; or
        one mapping (or named tuple) for each epoch. What ends in "loss" shares axes,
        and so does the rest. What is called "epoch" numbers them, else from 1.
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
        If there is nothing to draw, or on no logarithmic axis.

    Examples
    --------
    >>> figure = learning_curves({"loss": [0.9, 0.4], "val_loss": [1.0, 0.5]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['loss', 'val loss']
    """
    found = _by_name(history)
    epochs = found.pop("epoch", None)
    if not found or not all(len(values) for values in found.values()):
        raise OptionError(
            "learning_curves: the history holds no numbers; it is a mapping of "
            "names to one number per epoch, or a sequence of mappings."
        )
    losses = {k: v for k, v in found.items() if k.endswith("loss")}
    if log and losses and not any((v > 0.0).any() for v in losses.values()):
        raise OptionError(
            "learning_curves: no loss is above 0, so none has a place on a logarithmic "
            "axis; leave log=True out."
        )
    rest = {k: v for k, v in found.items() if k not in losses}
    panels = [
        (kind, part) for kind, part in (("loss", losses), ("score", rest)) if part
    ]
    wide = 4.6 + (2.0 if max(len(part) for _, part in panels) > _MOST else 0.0)
    with board(ax, theme, (wide * len(panels) + 0.4, 3.6), len(panels)) as b:
        for axes, (kind, part) in zip(b.axes, panels, strict=True):
            _curves(b, axes, part, epochs)
            if kind == "loss" and log:
                axes.set_yscale("log")
            axes.set(xlabel="epoch", ylabel=_quantity(part, kind))
            if len(axes.get_xticks()) > 1:
                axes.xaxis.get_major_locator().set_params(integer=True)
            if len(part) > _MOST:
                axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
            elif len(part) > 1:
                axes.legend()
    return b.figure


def _curves(b: Board, axes: Any, part: dict[str, Any], epochs: Any) -> None:
    """Draw some of the rows of a history, with a marker at (about) every tenth."""
    for i, (name, values) in enumerate(part.items()):
        style = b.theme.line(i) | b.theme.point(i)
        every = max(1, len(values) // 10)
        x = np.arange(1, len(values) + 1) if epochs is None else epochs[: len(values)]
        label = name.replace("_", " ").replace(".", " ")
        axes.plot(x, values, label=label, markevery=every, **style)
        if len(x) == 1:
            axes.set_xticks(x)  # of one number there is no axis to divide


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
