"""Numbers from wherever they are, as NumPy arrays for the picture; models in pieces."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...calculus.tape import no_grad
from ...errors import ShapeError
from ...nn import Module

__all__ = ["beside", "beside_model", "numbers", "points", "scores"]

_BATCH = 4096


def numbers(x: Any) -> Any:
    """Return numbers, lists or an array of any library and device as a NumPy array."""
    if type(x) is np.ndarray:
        return x
    array = asarray(x)
    return array._lib.to_host(array.data)


def points(name: str, x: Any) -> Any:
    """Return points on an axis, shape ``(n,)``, as they were given, on the host."""
    found = numbers(x)
    if found.ndim != 1 or found.shape[0] < 2:
        raise ShapeError(
            f"{name}: x has shape {found.shape}; it is (n,): two points or more, "
            "np.linspace(-3, 3, 200) say."
        )
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def beside(x: Any, like: Array) -> Array:
    """Return numbers where an Array is, fractions in its dtype."""
    lib = like._lib
    raw = lib.from_host(numbers(x), device=lib.raw.device(like.data))
    floating = lib.is_floating(raw.dtype)
    return Array(lib.raw.astype(raw, like.dtype) if floating else raw, lib)


def beside_model(model: Module, x: Any) -> Array:
    """Return an input as an Array on the model's device, in the model's dtype."""
    first = next(iter(model.parameters()), None)
    return asarray(x).detach() if first is None else beside(x, first)


def scores(model: Any, x: Any) -> Any:
    """Return what a model gives for each row of `x`, as in use, in float64.

    A copy of a Module is switched to evaluation and runs; any other callable is called.
    """
    call = copy.deepcopy(model).eval() if isinstance(model, Module) else model
    found = []
    with no_grad():
        for start in range(0, x.shape[0], _BATCH):
            part = x[start : start + _BATCH]
            given = beside_model(model, part) if isinstance(model, Module) else part
            found.append(numbers(call(given)))
    return np.concatenate(found).astype(np.float64)
