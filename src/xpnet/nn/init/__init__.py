"""Initial weights: how large, so that signals neither grow nor shrink on their way.

Every function is ``f(shape, ..., *, rng, dtype, device)`` and returns an `Array`. The
first axis of `shape` is the outputs and the second the inputs, as in the weight of
`Linear` (out, in) and of a convolution (out, in, height, width); with k the number of
elements of the kernel (1 for Linear), ``fan_in = in · k`` and ``fan_out = out · k``.

Those of PyTorch's names, ``xavier_uniform_(x)`` and so on, write into an array.
"""

from __future__ import annotations

from ...errors import OptionError
from .filling import (
    constant_,
    dirac_,
    eye_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    orthogonal_,
    sparse_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from .gains import GAINS, calculate_gain, fans, gain_of
from .plain import (
    Initializer,
    constant,
    normal,
    ones,
    trunc_normal,
    uniform,
    zeros,
)
from .scaled import (
    fan_in_uniform,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
)
from .structured import dirac, eye, orthogonal, sparse

__all__ = [
    "GAINS",
    "INITIALIZERS",
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "fan_in_uniform",
    "fans",
    "gain_of",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initializer",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]

xavier_normal = glorot_normal
xavier_uniform = glorot_uniform

INITIALIZERS: dict[str, Initializer] = {
    "xavier_normal": glorot_normal,
    "xavier_uniform": glorot_uniform,
    **{
        function.__name__: function
        for function in (
            constant, dirac, eye, fan_in_uniform, glorot_normal, glorot_uniform,
            he_normal, he_uniform, kaiming_normal, kaiming_uniform, lecun_normal,
            lecun_uniform, normal, ones, orthogonal, trunc_normal, uniform, zeros,
        )
    },
}  # fmt: skip
"""Every initializer that needs no option, by name: what a layer's ``init=`` takes."""


def initializer(init: str | Initializer | None, default: Initializer) -> Initializer:
    """Return what ``init=`` means: a name, a function, or None for the default.

    Raises
    ------
    OptionError
        If the name is unknown.
    """
    if init is None:
        return default
    if callable(init):
        return init
    if init not in INITIALIZERS:
        raise OptionError(
            f"init is a function or one of {sorted(INITIALIZERS)}, not {init!r}."
        )
    return INITIALIZERS[init]
