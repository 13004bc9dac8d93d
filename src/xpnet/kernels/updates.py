"""The registry of fused optimizer updates, one module for each library that has them.

An update computes what an optimizer's formula computes, for one stretch of a flat
buffer, in place. It is made once for its arrays and then called at every step. Tests
hold each equal to the formula, and prove that it was really taken.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

__all__ = ["Update", "find", "formulas_only", "helper"]


class Update(Protocol):
    """A fused update of one stretch of a flat buffer.

    Attributes
    ----------
    counts_on_device : bool
        Whether the state also holds ``"step"``, an int64 for each parameter, and a
        float64 for each of the optimizer's numbers, which the update advances itself.
    """

    counts_on_device: bool

    def __init__(self, w: Any, g: Any, state: Mapping[str, Any]) -> None:
        """Take one-dimensional raw arrays: parameters, gradients, state by name."""

    def __call__(self, step: int, options: Mapping[str, Any], /, *numbers: Any) -> None:
        """Take step number `step`, counted from 1, with the hyperparameters of now.

        An optimizer that keeps numbers beside its buffers passes a dict of them, in
        which the new ones are put.
        """


_MODULES = {"numpy": ".numpy_optim", "cupy": ".cupy_optim"}
_allowed = True


def find(name: str, library: str, dtype: str) -> type[Update] | None:
    """Return the fused update of an optimizer for a library and a dtype, or None."""
    if not _allowed or library not in _MODULES:
        return None
    module = importlib.import_module(_MODULES[library], __package__)
    found: type[Update] | None = module.UPDATES.get((name, dtype))
    return found


def helper(name: str, library: str, dtype: str) -> Any:
    """Return a function of one-dimensional arrays of a library, or None: see there."""
    if not _allowed or library not in _MODULES or dtype not in ("float32", "float64"):
        return None
    module = importlib.import_module(_MODULES[library], __package__)
    return getattr(module, name, None)


@contextlib.contextmanager
def formulas_only() -> Iterator[None]:
    """Let optimizers made inside a ``with`` block run their formula at every step."""
    global _allowed
    before, _allowed = _allowed, False
    try:
        yield
    finally:
        _allowed = before
