"""Terms that formulas share: the sign of the gradient, weight decay, two moments."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

__all__ = ["Options", "State", "decayed", "is_number", "moments"]

State = dict[str, Any]
Options = Mapping[str, Any]


def is_number(value: Any) -> bool:
    """Tell whether an option is a real number; True and False are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def decayed(w: Any, g: Any, options: Options) -> tuple[Any, Any]:
    """Return `w` and `g` after ``maximize`` and ``weight_decay``.

    Coupled decay adds ``λ w`` to the gradient; with ``decoupled_weight_decay`` it is
    ``lr · λ · w`` that `w` loses, and the gradient stays what it is.
    """
    if options.get("maximize"):
        g = -g
    decay = options["weight_decay"]
    if not decay:
        return w, g
    if options.get("decoupled_weight_decay"):
        return w - options["lr"] * decay * w, g
    return w, g + decay * w


def moments(g: Any, state: State, options: Options) -> tuple[Any, Any]:
    """Return the running means of `g` and of its square, and keep them."""
    beta1, beta2 = options["betas"]
    m = state["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * g
    v = state["exp_avg_sq"] = beta2 * state["exp_avg_sq"] + (1 - beta2) * (g * g)
    return m, v
