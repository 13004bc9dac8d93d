"""Activations: one table, since they differ in a formula and its options alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError, ShapeError
from ...random import as_generator
from .. import init as initial
from ..functional import activation as functions
from ..module import Module
from ..waiting import count

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "SwiGLU",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _Activation(Module):
    """An activation with options: each is an attribute, and `repr` shows it."""

    _signature: ClassVar[inspect.Signature]
    _function: ClassVar[Callable[..., Any]]
    _check: ClassVar[Callable[..., None] | None] = None

    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            given = self._signature.bind(*args, **options)
        except TypeError as error:
            raise _unfit(self, options, error) from None
        given.apply_defaults()
        if self._check is not None:
            self._check(**given.arguments)
        for name, value in given.arguments.items():
            setattr(self, name, value)

    def forward(self, x: Any) -> Any:
        """Apply the function elementwise or along its axis."""
        held = self.__dict__
        options = {name: held[name] for name in self._signature.parameters}
        return type(self)._function(x, **options)

    def extra_repr(self) -> str:
        """Return the options."""
        names = self._signature.parameters
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)


_ELSEWHERE = {
    "dim": " What PyTorch calls dim is axis.",
    "inplace": " Nothing is computed in place; leave it out.",
}


def _unfit(layer: _Activation, options: dict[str, Any], error: Exception) -> TypeError:
    """Return the error for options that a layer has not, with those that it has."""
    name = type(layer).__name__
    hint = "".join(_ELSEWHERE.get(option, "") for option in options)
    return TypeError(f"{name}: {error}; it is {name}{layer._signature}.{hint}")


_DOC = """{line}

    {formula}
{options}
    Notes
    -----
    {shape}
    {source}

    Examples
    --------
    >>> {name}({given})
    {name}({shown})
    """

_OPTIONS = """
    Parameters
    ----------
    {text}
"""
_SAME = "Any shape; the result has the same."
_HALF = "Any shape; in the result the axis is half as long."
_REQUIRED = inspect.Parameter.empty


def _layer(
    name: str,
    function: Callable[..., Any],
    line: str,
    formula: str,
    source: str,
    options: str = "",
    *,
    shape: str = _SAME,
    check: Callable[..., None] | None = None,
    example: dict[str, Any] | None = None,
    **defaults: Any,
) -> type[Module]:
    """Return the layer of a function: a class, final, documented, picklable."""
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            inspect.Parameter(key, either, default=value)
            for key, value in defaults.items()
        ]
    )
    shown = defaults if example is None else example
    doc = _DOC.format(
        line=line,
        formula=formula,
        source=source,
        name=name,
        options=_OPTIONS.format(text=options) if options else "",
        shape=shape,
        given=", ".join(repr(value) for value in (example or {}).values()),
        shown=", ".join(f"{key}={value!r}" for key, value in shown.items()),
    )
    members = {
        "__doc__": doc,
        "__module__": __name__,
        "__final__": True,
        "__signature__": signature,
        "_signature": signature,
        "_function": staticmethod(function),
    }
    if check is not None:
        members["_check"] = staticmethod(check)
    if not defaults:
        members["forward"] = staticmethod(
            function
        )  # nothing between the call and the row
    return type(name, (_Activation,), members)


# --- bent lines, smooth bends, bounded curves, rows of an axis ------------------------

ReLU = _layer(
    "ReLU",
    functions.relu,
    "Replace negative numbers by 0.",
    "``relu(x) = max(x, 0)``; the slope at 0 is 0.",
    "Nair and Hinton, ICML 2010.",
)
ReLU6 = _layer(
    "ReLU6",
    functions.relu6,
    "Cut numbers off at 0 and 6.",
    "``relu6(x) = min(max(x, 0), 6)``; the slope at 0 and 6 is 0.",
    'Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010.',
)
LeakyReLU = _layer(
    "LeakyReLU",
    functions.leaky_relu,
    "Make negative numbers small.",
    "``x`` where it is positive, else ``negative_slope * x``, also at 0.",
    "Maas, Hannun and Ng, ICML 2013.",
    "negative_slope : float\n        The slope at 0 and below.",
    negative_slope=0.01,
)
Hardtanh = _layer(
    "Hardtanh",
    functions.hardtanh,
    "Cut numbers off at two bounds.",
    "``min(max(x, min_val), max_val)``; the slope at the bounds is 0.",
    "Collobert, 2004.",
    "min_val, max_val : float\n        The bounds.",
    min_val=-1.0,
    max_val=1.0,
)
Hardsigmoid = _layer(
    "Hardsigmoid",
    functions.hardsigmoid,
    "Map numbers to between 0 and 1 by a straight line.",
    "``relu6(x + 3) / 6``; the slope at -3 and 3 is 0.",
    'Howard et al., "Searching for MobileNetV3", ICCV 2019.',
)
Hardswish = _layer(
    "Hardswish",
    functions.hardswish,
    "Multiply numbers by their `Hardsigmoid`.",
    "``x * relu6(x + 3) / 6``; the slope at -3 is 0, at 3 it is 1.",
    'Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.',
)
Softshrink = _layer(
    "Softshrink",
    functions.softshrink,
    "Move numbers towards 0, and to 0 those that are near.",
    "``x - lambd`` above `lambd`, ``x + lambd`` below ``-lambd``, 0 between; "
    "the slope at both is 0.",
    "The proximal step of the absolute value.",
    "lambd : float\n        How far; at least 0.",
    lambd=0.5,
)
Hardshrink = _layer(
    "Hardshrink",
    functions.hardshrink,
    "Set numbers near 0 to 0.",
    "0 where ``abs(x) <= lambd``, with slope 0, else ``x``.",
    "The proximal step of the number of elements that are not 0.",
    "lambd : float\n        How near.",
    lambd=0.5,
)
Threshold = _layer(
    "Threshold",
    functions.threshold,
    "Replace numbers up to a threshold by a value.",
    "`value` where ``x <= threshold``, with slope 0, else ``x``.",
    "`ReLU` is the threshold 0 with the value 0.",
    "threshold, value : float\n        See the formula.",
    threshold=_REQUIRED,
    value=_REQUIRED,
    example={"threshold": 0.5, "value": 0.0},
)
ELU = _layer(
    "ELU",
    functions.elu,
    "Let negative numbers go exponentially to a bound.",
    "``x`` where it is positive, else ``alpha * (exp(x) - 1)``; the slope at "
    "0 is `alpha`.",
    "Clevert, Unterthiner and Hochreiter, ICLR 2016.",
    "alpha : float\n        The bound is ``-alpha``.",
    alpha=1.0,
)
CELU = _layer(
    "CELU",
    functions.celu,
    "Let negative numbers go exponentially to a bound, with a continuous slope.",
    "``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``.",
    'Barron, "Continuously Differentiable Exponential Linear Units", 2017.',
    "alpha : float\n        The bound is ``-alpha``.",
    alpha=1.0,
)
SELU = _layer(
    "SELU",
    functions.selu,
    "Keep the mean at 0 and the variance at 1.",
    "``1.0507 * x`` where x is positive, else ``1.0507 * 1.6733 * (exp(x) - 1)``.",
    'Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017, equation 2.',
)
Softplus = _layer(
    "Softplus",
    functions.softplus,
    "Smooth the bend of relu.",
    "``log(1 + exp(beta * x)) / beta``, without overflow or cancellation.",
    "PyTorch returns x where ``beta * x`` is above 20; here there is no threshold.",
    "beta : float\n        How sharp the bend is.",
    beta=1.0,
)
SiLU = _layer(
    "SiLU",
    functions.silu,
    "Multiply numbers by their sigmoid.",
    "``x * sigmoid(x)``; also called Swish.",
    "Elfwing, Uchibe and Doya, 2017.",
)
Mish = _layer(
    "Mish",
    functions.mish,
    "Multiply numbers by the tanh of their softplus.",
    "``x * tanh(log(1 + exp(x)))``.",
    'Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.',
)
GELU = _layer(
    "GELU",
    functions.gelu,
    "Multiply numbers by the normal distribution function.",
    "``x / 2 * erfc(-x / sqrt(2))``, or its approximation ``x / 2 * (1 + "
    "tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``.",
    'Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.',
    'approximate : str\n        ``"none"`` or ``"tanh"``.',
    approximate="none",
    check=functions.check_approximate,
)
Sigmoid = _layer(
    "Sigmoid",
    functions.sigmoid,
    "Map numbers to between 0 and 1.",
    "``sigmoid(x) = 1 / (1 + exp(-x))``, without overflow.",
    "Before a loss, use `losses.binary_cross_entropy_with_logits` instead.",
)
LogSigmoid = _layer(
    "LogSigmoid",
    functions.logsigmoid,
    "Take the logarithm of the sigmoid.",
    "``-log(1 + exp(-x))``, without overflow or cancellation.",
    "The slope at 0 is 1/2.",
)
Tanh = _layer(
    "Tanh",
    functions.tanh,
    "Map numbers to between -1 and 1.",
    "``tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))``.",
    'LeCun et al., "Efficient BackProp", 1998, section 4.4.',
)
Tanhshrink = _layer(
    "Tanhshrink",
    functions.tanhshrink,
    "Subtract the tanh.",
    "``x - tanh(x)``.",
    "From Torch7; it has no paper.",
)
Softsign = _layer(
    "Softsign",
    functions.softsign,
    "Map numbers to between -1 and 1, slowly.",
    "``x / (1 + abs(x))``.",
    "Bergstra et al., 2009.",
)
Softmax = _layer(
    "Softmax",
    functions.softmax,
    "Map numbers to probabilities that sum to 1 along an axis.",
    "``softmax(x) = exp(x) / sum(exp(x))``; exactly 0 where x is -inf.",
    "Before a loss, use `losses.cross_entropy`.",
    "axis : int\n        The axis along which they sum to 1; PyTorch calls it `dim`.",
    axis=-1,
)
LogSoftmax = _layer(
    "LogSoftmax",
    functions.log_softmax,
    "Take the logarithm of the softmax along an axis.",
    "``x - log(sum(exp(x)))``.",
    "Before a loss, use `losses.cross_entropy`.",
    "axis : int\n        The axis along which the exponentials sum to 1; "
    "PyTorch calls it `dim`.",
    axis=-1,
)
Softmin = _layer(
    "Softmin",
    functions.softmin,
    "Map numbers to probabilities, the smallest number to the largest.",
    "``softmax(-x)``.",
    "See `Softmax`.",
    "axis : int\n        The axis along which they sum to 1; PyTorch calls it `dim`.",
    axis=-1,
)
GLU = _layer(
    "GLU",
    functions.glu,
    "Multiply the first half by the sigmoid of the second.",
    "``a * sigmoid(b)``, where a and b are the halves of x along `axis`.",
    "Dauphin, Fan, Auli and Grangier, ICML 2017.",
    "axis : int\n        The axis that is divided, of even length; PyTorch "
    "calls it `dim`.",
    axis=-1,
    shape=_HALF,
)
SwiGLU = _layer(
    "SwiGLU",
    functions.swiglu,
    "Multiply the second half by the silu of the first.",
    "``silu(a) * b``, where a and b are the halves of x along `axis`: the "
    "gate is first.",
    'Shazeer, "GLU Variants Improve Transformer", 2020. PyTorch has none.',
    "axis : int\n        The axis that is divided, of even length.",
    axis=-1,
    shape=_HALF,
)


# --- with a parameter, or random, or with a shape of its own --------------------------


@final
class PReLU(Module):
    """Learn the slope of negative numbers.

    ``x`` where it is positive, else ``weight * x``; the slope at 0 is the weight.

    Parameters
    ----------
    num_parameters : int
        One slope for all, or one for each channel.
    init : float
        The slope at first.
    dtype, device : optional
        Of the weight; float32 on the default device by default.

    Attributes
    ----------
    weight : Array
        Shape (num_parameters,).

    Raises
    ------
    OptionError
        If `num_parameters` is not an integer of at least 1.
    ShapeError
        In `forward`, if `x` has another number of channels than the weight.

    Notes
    -----
    Any shape, but (N, C, ...) with one slope for each channel. He et al., "Delving deep
    into rectifiers", ICCV 2015. Leave the weight out of weight decay.

    Examples
    --------
    >>> PReLU()
    PReLU(num_parameters=1)  weight (1,)  1 parameter
    """

    weight: Array

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        *,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        shape = (count("PReLU", "num_parameters", num_parameters),)
        values = initial.constant(shape, init, dtype=dtype, device=device)
        self.weight = asarray(values, requires_grad=True)

    def forward(self, x: Any) -> Array:
        """Return `x` with negative numbers multiplied by the weight."""
        return functions.prelu(x, self.weight)

    def extra_repr(self) -> str:
        """Return the number of slopes."""
        return f"num_parameters={self.weight.size}"


@final
class RReLU(Module):
    """Draw the slope of each negative number, in training.

    ``x`` where it is positive, else ``slope * x``; in evaluation the slope is the mean
    of the bounds.

    Parameters
    ----------
    lower, upper : float
        The bounds of the uniform distribution of the slopes.
    rng : int or Generator, optional
        Draws the slopes.

    Raises
    ------
    OptionError
        If `lower` is more than `upper`.

    Notes
    -----
    Any shape. Xu, Wang, Chen and Li, "Empirical Evaluation of Rectified Activations",
    2015.

    Examples
    --------
    >>> RReLU(0.1, 0.3, rng=0)
    RReLU(lower=0.1, upper=0.3)
    """

    def __init__(
        self, lower: float = 1 / 8, upper: float = 1 / 3, *, rng: Any = None
    ) -> None:
        if not lower <= upper:
            raise OptionError(f"RReLU: lower is {lower}, more than upper, {upper}.")
        self.lower, self.upper = lower, upper
        self.rng = as_generator(rng)

    def forward(self, x: Any) -> Array:
        """Return `x` with negative numbers multiplied by slopes."""
        return functions.rrelu(
            x,
            lower=self.lower,
            upper=self.upper,
            rng=self.rng,
            training=self.training,
        )

    def extra_repr(self) -> str:
        """Return the bounds."""
        return f"lower={self.lower}, upper={self.upper}"


@final
class Softmax2d(Module):
    """Map the channels at each place of an image to probabilities that sum to 1.

    Raises
    ------
    ShapeError
        In `forward`, if `x` has neither three nor four axes.

    Notes
    -----
    Input and output (N, C, H, W) or (C, H, W).

    Examples
    --------
    >>> Softmax2d()([[[0.0]], [[0.0]]]).tolist()
    [[[0.5]], [[0.5]]]
    """

    def forward(self, x: Any) -> Array:
        """Return the softmax along the channels."""
        array: Array = x if type(x) is Array else asarray(x)
        if array.ndim not in (3, 4):
            raise ShapeError(
                f"Softmax2d: x has shape {array.shape}; it must be (N, C, H, W) or "
                "(C, H, W)."
            )
        return functions.softmax(array, axis=-3)
