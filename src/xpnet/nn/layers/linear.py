"""Linear and bilinear maps."""

from __future__ import annotations

from typing import Any, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...random import as_generator
from .. import init as initial
from ..functional.linear import bilinear, linear
from ..module import Module
from ..waiting import count

__all__ = ["Bilinear", "Linear"]


@final
class Linear(Module):
    """An affine map of the last axis: ``x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
        The length of the last axis before and after. If `in_features` is None, the
        first input tells it, and the parameters are made then.
    bias : bool
        Whether there is a bias.
    rng : int or Generator, optional
        Draws the initial values: the weight, then the bias.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.
    init : str or callable, optional
        How the weight starts, a name or function of `xpnet.nn.init`. By default weight
        and bias are uniform in ``±1 / sqrt(in_features)``, as in PyTorch.

    Attributes
    ----------
    weight : Array
        Shape (out_features, in_features).
    bias : Array or None
        Shape (out_features,).

    Raises
    ------
    OptionError
        If a number of features is not an integer of at least 1.

    Notes
    -----
    Input (..., in_features), output (..., out_features).

    Examples
    --------
    >>> Linear(3, 4, rng=0)
    Linear(3, 4)  weight (4, 3), bias (4,)  16 parameters
    """

    weight: Array
    bias: Array | None

    def __init__(
        self,
        in_features: int | None,
        out_features: int,
        bias: bool = True,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
        init: Any = None,
    ) -> None:
        self.out_features = count("Linear", "out_features", out_features)
        self._made = {"rng": as_generator(rng), "dtype": dtype, "device": device}
        self._how = (initial.initializer(init, initial.fan_in_uniform), bias)
        self._build_when_known(in_features, "in_features", axis=-1)

    def _build(self, size: int) -> None:
        self.in_features = size
        (draw, bias), options = self.__dict__.pop("_how"), self.__dict__.pop("_made")
        shape = (self.out_features, size)
        self.weight = asarray(draw(shape, **options), requires_grad=True)
        self.bias = None
        if bias:
            bound = size**-0.5
            values = initial.uniform(shape[:1], -bound, bound, **options)
            self.bias = asarray(values, requires_grad=True)

    def forward(self, x: Any) -> Array:
        """Return ``x @ weight.T + bias``."""
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the numbers of features."""
        made = self._waiting is None
        biased = self.bias is not None if made else self._how[1]
        options = "" if biased else ", bias=False"
        return f"{self.in_features}, {self.out_features}{options}"


@final
class Bilinear(Module):
    """A bilinear map of the last axes: ``out[o] = x1 @ weight[o] @ x2 + bias[o]``.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        The length of the last axis of both inputs, and of the output.
    bias : bool
        Whether there is a bias.
    rng : int or Generator, optional
        Draws the initial values, uniform in ``±1 / sqrt(in1_features)`` as in PyTorch:
        the weight, then the bias.
    dtype : dtype, optional
        float32 by default.
    device : str or Device, optional
        Where the parameters go; the default device by default.

    Attributes
    ----------
    weight : Array
        Shape (out_features, in1_features, in2_features).
    bias : Array or None
        Shape (out_features,).

    Raises
    ------
    OptionError
        If a number of features is not an integer of at least 1.

    Notes
    -----
    Inputs (..., in1_features) and (..., in2_features), output (..., out_features). All
    sizes are given: with PyTorch, too, it is not a layer that learns them.

    Examples
    --------
    >>> Bilinear(2, 3, 4, rng=0)
    Bilinear(2, 3, 4)  weight (4, 2, 3), bias (4,)  28 parameters
    """

    weight: Array
    bias: Array | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self.in1_features = count("Bilinear", "in1_features", in1_features)
        self.in2_features = count("Bilinear", "in2_features", in2_features)
        self.out_features = count("Bilinear", "out_features", out_features)
        options = {"rng": as_generator(rng), "dtype": dtype, "device": device}
        bound = self.in1_features**-0.5
        shape = (self.out_features, self.in1_features, self.in2_features)
        weight = initial.uniform(shape, -bound, bound, **options)
        self.weight = asarray(weight, requires_grad=True)
        self.bias = None
        if bias:
            values = initial.uniform(shape[:1], -bound, bound, **options)
            self.bias = asarray(values, requires_grad=True)

    def forward(self, x1: Any, x2: Any) -> Array:
        """Return ``x1 @ weight[o] @ x2 + bias[o]`` for each output o."""
        return bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the numbers of features."""
        sizes = f"{self.in1_features}, {self.in2_features}, {self.out_features}"
        return sizes if self.bias is not None else f"{sizes}, bias=False"
