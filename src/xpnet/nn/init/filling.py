"""PyTorch's names: functions that fill an array with initial values.

Each is a function of this package with an underscore, takes an array in place of a
shape, and writes into it. A parameter stays the same leaf, also in an optimizer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...calculus.array import Array
from ...errors import OptionError
from .. import state
from .plain import Initializer, constant, normal, ones, trunc_normal, uniform, zeros
from .scaled import glorot_normal, glorot_uniform, kaiming_normal, kaiming_uniform
from .structured import dirac, eye, orthogonal, sparse

__all__ = [
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

Filling = Callable[..., Array]

_OPTIONS = """    {names} : optional
        As in PyTorch, whose ``{name}_`` this is.
"""
_DOC = """Fill an array with the values of `{name}`, and return it.

    Parameters
    ----------
    x : Array
        A parameter or a buffer, of real floating point.
{options}    rng : int or Generator, optional
        Draws the values, in the dtype of `x`.

    Raises
    ------
    OptionError
        If `x` is not an xpnet array.
    DTypeError
        If it is not of real floating point.
    ShapeError
        If the values are not defined for its shape.
    """


def _filling(name: str, function: Initializer, **options: Any) -> Filling:
    """Return the function that fills; `options` are PyTorch's, with their defaults."""
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY),
            *(inspect.Parameter(k, either, default=v) for k, v in options.items()),
            inspect.Parameter("rng", inspect.Parameter.KEYWORD_ONLY, default=None),
        ]
    )

    def fill(*args: Any, **given: Any) -> Array:
        bound = signature.bind(*args, **given)
        bound.apply_defaults()
        x = bound.arguments.pop("x")
        if type(x) is not Array:
            raise OptionError(
                f"{name}_: it fills an xpnet Array, a parameter say, not a "
                f"{type(x).__name__}. For a new array use {name}(shape)."
            )
        renamed = {_OURS.get((name, k), k): v for k, v in bound.arguments.items()}
        wide = "float64" if "64" in str(x.dtype) else "float32"
        values = function(tuple(x.shape), dtype=wide, device="cpu", **renamed)
        state.fill(f"{name}_", x, values)
        return x

    fill.__name__ = fill.__qualname__ = f"{name}_"
    named = _OPTIONS.format(name=name, names=", ".join(options)) if options else ""
    fill.__doc__ = _DOC.format(name=name, options=named)
    fill.__signature__ = signature  # type: ignore[attr-defined]
    return fill


_OURS = {
    ("uniform", "a"): "low",
    ("uniform", "b"): "high",
    ("constant", "val"): "value",
}
_NEEDED = inspect.Parameter.empty
_KAIMING = {"a": 0.0, "mode": "fan_in", "nonlinearity": "leaky_relu"}

uniform_ = _filling("uniform", uniform, a=0.0, b=1.0)
normal_ = _filling("normal", normal, mean=0.0, std=1.0)
trunc_normal_ = _filling("trunc_normal", trunc_normal, mean=0.0, std=1.0, a=-2.0, b=2.0)
constant_ = _filling("constant", constant, val=_NEEDED)
ones_ = _filling("ones", ones)
zeros_ = _filling("zeros", zeros)
eye_ = _filling("eye", eye)
dirac_ = _filling("dirac", dirac, groups=1)
xavier_uniform_ = _filling("xavier_uniform", glorot_uniform, gain=1.0)
xavier_normal_ = _filling("xavier_normal", glorot_normal, gain=1.0)
kaiming_uniform_ = _filling("kaiming_uniform", kaiming_uniform, **_KAIMING)
kaiming_normal_ = _filling("kaiming_normal", kaiming_normal, **_KAIMING)
orthogonal_ = _filling("orthogonal", orthogonal, gain=1.0)
sparse_ = _filling("sparse", sparse, sparsity=_NEEDED, std=0.01)
