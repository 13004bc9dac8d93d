"""A network as units and edges, with a value and a gradient on each."""

from __future__ import annotations

from typing import Any

from .. import nn
from .health import typical
from .look import Layer, Look, chain

__all__ = ["DRAWN", "layer_row", "units_and_edges"]

DRAWN = 16
"""Units of a layer that are drawn, at most."""


def units_and_edges(
    model: nn.Module, seen: Look, inputs: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is drawn of Linear layers in a row, and the arrays for it.

    Parameters
    ----------
    model : Module
        One that `chain` takes apart; else a sentence says why there is no drawing.
    seen : Look
        Of one example, or of all.
    inputs : numpy.ndarray
        The features of the same examples.

    Returns
    -------
    header : dict
        ``layers``, from the inputs to the outputs, and ``message``.
    arrays : dict
        ``units.k``: the mean over the examples of what layer k gives;
        ``units.k.gradient``: the sum of the gradients with regard to it; ``weights.k``,
        ``biases.k``: the edges into layer k, and ``....gradient``.
    """
    if chain(model) is None or inputs.ndim != 2:
        sentence = (
            "Units and edges are drawn for Linear layers in a row; this model has "
            "others. The table of the layers has its numbers."
        )
        return {"layers": [], "message": sentence}, {}
    rows = [{"label": "inputs", "name": "", "units": inputs.shape[1]}]
    arrays = {"units.0": _short(inputs.mean(axis=0))}
    for linear, last in _stages(seen.layers):
        k = len(rows)
        units = linear.values.shape[-1]
        rows.append({"label": last.kind, "name": linear.name, "units": units})
        arrays |= _edges(k, linear)
        arrays[f"units.{k}"] = _short(last.values.mean(axis=0))
        if last.gradients is not None:
            arrays[f"units.{k}.gradient"] = _short(last.gradients.sum(axis=0))
    rows[-1]["label"] = "output"
    wide = any(row["units"] > DRAWN for row in rows)
    sentence = f"The first {DRAWN} units of a layer are drawn." if wide else ""
    return {"layers": rows, "message": sentence}, arrays


def _stages(layers: list[Layer]) -> list[tuple[Layer, Layer]]:
    """Return each Linear layer with the last layer before the next one."""
    places = [i for i, one in enumerate(layers) if isinstance(one.module, nn.Linear)]
    ends = [*places[1:], len(layers)]
    return [(layers[i], layers[end - 1]) for i, end in zip(places, ends, strict=True)]


def _edges(k: int, linear: Layer) -> dict[str, Any]:
    """Return the weights into the k-th layer drawn, the biases, and their gradients."""
    out = {}
    for name, short in (("weight", "weights"), ("bias", "biases")):
        values, gradient = linear.parameters.get(name, (None, None))
        if values is not None:
            out[f"{short}.{k}"] = _short(values)
        if gradient is not None:
            out[f"{short}.{k}.gradient"] = _short(gradient)
    return out


def _short(values: Any) -> Any:
    """Return what is drawn of a layer's numbers."""
    return values[(slice(DRAWN),) * values.ndim]


def layer_row(layer: Layer) -> dict[str, Any]:
    """Return a layer's row in the table: typical sizes of its numbers."""
    weight, gradient = layer.parameters.get("weight", (None, None))
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.values.shape[1:]),
        "parameters": sum(values.size for values, _ in layer.parameters.values()),
        "value": typical(layer.values),
        "weight": None if weight is None else typical(weight),
        "gradient": None if gradient is None else typical(gradient),
    }
