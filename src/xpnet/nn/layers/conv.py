"""Convolutions: one base, since they differ in the number of axes alone."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError
from ...random import as_generator
from .. import init as initial
from ..functional import conv as functions
from ..functional.conv_options import from_output_size, padding_pairs, several
from ..module import Module
from ..waiting import count
from .conv_docs import describe

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge"}
_MODES["circular"] = "wrap"


class _Convolution(Module):
    """What all convolutions hold: a weight, a bias, and how the kernel moves."""

    _axes: ClassVar[int]
    weight: Array
    bias: Array | None

    def _prepare(
        self,
        in_channels: Any,
        out_channels: Any,
        kernel_size: Any,
        stride: Any,
        dilation: Any,
        groups: Any,
        bias: bool,
        made: dict[str, Any],
        init: Any,
    ) -> None:
        """Keep the options, and make the parameters once `in_channels` is known."""
        name, n = type(self).__name__, self._axes
        self.out_channels = count(name, "out_channels", out_channels)
        self.kernel_size = several(name, "kernel_size", kernel_size, n, 1)
        self.stride = several(name, "stride", stride, n, 1)
        self.dilation = several(name, "dilation", dilation, n, 1)
        self.groups = count(name, "groups", groups)
        self._divides("out_channels", self.out_channels)
        self._made = {**made, "rng": as_generator(made["rng"])}
        self._how = (initial.initializer(init, initial.fan_in_uniform), bias)
        self._build_when_known(in_channels, "in_channels", axis=-n - 1)

    def _divides(self, what: str, channels: int) -> None:
        if channels % self.groups:
            raise OptionError(
                f"{type(self).__name__}: {self.groups} groups do not divide {channels} "
                f"{what}."
            )

    @abstractmethod
    def _channels(self) -> tuple[int, int]:
        """Return the first two axes of the weight."""

    def _build(self, size: int) -> None:
        self._divides("in_channels", size)
        self.in_channels = size
        (draw, bias), options = self.__dict__.pop("_how"), self.__dict__.pop("_made")
        shape = (*self._channels(), *self.kernel_size)
        self.weight = asarray(draw(shape, **options), requires_grad=True)
        self.bias = None
        if bias:
            bound = math.prod(shape[1:]) ** -0.5
            outs = (self.out_channels,)
            values = initial.uniform(outs, -bound, bound, **options)
            self.bias = asarray(values, requires_grad=True)

    def extra_repr(self) -> str:
        """Return the channels, the kernel, and the options that are not the default."""
        n = self._axes
        inputs = self.__dict__.get("in_channels")
        shown = [f"{inputs}, {self.out_channels}", f"kernel_size={self.kernel_size}"]
        defaults = {
            "stride": (1,) * n,
            "padding": (0,) * n,
            "output_padding": (0,) * n,
            "dilation": (1,) * n,
            "groups": 1,
            "padding_mode": "zeros",
        }
        for name, usual in defaults.items():
            value = self.__dict__.get(name, usual)
            if value != usual:
                shown.append(f"{name}={value!r}")
        how = self.__dict__.get("_how")  # until there is a bias
        biased = self.bias is not None if how is None else how[1]
        return ", ".join(shown if biased else [*shown, "bias=False"])


class _Forward(_Convolution):
    """A convolution."""

    def __init__(
        self,
        in_channels: int | None,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
        init: Any = None,
    ) -> None:
        name, n = type(self).__name__, self._axes
        if padding_mode not in _MODES:
            raise OptionError(
                f"{name}: padding_mode is one of {sorted(_MODES)}, not "
                f"{padding_mode!r}."
            )
        self.padding_mode = padding_mode
        made = {"rng": rng, "dtype": dtype, "device": device}
        size, steps, gaps = kernel_size, stride, dilation
        self._prepare(
            in_channels, out_channels, size, steps, gaps, groups, bias, made, init
        )
        geometry = (self.kernel_size, self.stride, self.dilation)
        self._widths = padding_pairs(name, padding, *geometry)
        named = isinstance(padding, str)
        self.padding = padding if named else several(name, "padding", padding, n, 0)

    def _channels(self) -> tuple[int, int]:
        return self.out_channels, self.in_channels // self.groups

    def forward(self, x: Any) -> Array:
        """Return the convolution of `x` with the weight, plus the bias."""
        padding = self.padding
        if self.padding_mode != "zeros":
            x, padding = self._padded(x), 0
        function: Any = (functions.conv1d, functions.conv2d, functions.conv3d)[
            self._axes - 1
        ]
        out: Array = function(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        return out

    def _padded(self, x: Any) -> Array:
        """Return `x` with what the mode puts around it."""
        array: Array = x if type(x) is Array else asarray(x)
        widths = ((0, 0),) * (array.ndim - self._axes) + self._widths
        mode = _MODES[self.padding_mode]
        if len(widths) != array.ndim or not any(map(any, widths)):
            return array  # the convolution tells what is wrong
        padded: Array = array._lib.recorded.pad(array, widths, mode=mode)
        return padded


class _Transposed(_Convolution):
    """A transposed convolution."""

    def __init__(
        self,
        in_channels: int | None,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        *,
        rng: Any = None,
        dtype: Any = None,
        device: Any = None,
        init: Any = None,
    ) -> None:
        name, n = type(self).__name__, self._axes
        if padding_mode != "zeros":
            raise OptionError(
                f"{name}: padding_mode can only be 'zeros', not {padding_mode!r}."
            )
        made = {"rng": rng, "dtype": dtype, "device": device}
        size, steps, gaps = kernel_size, stride, dilation
        self._prepare(
            in_channels, out_channels, size, steps, gaps, groups, bias, made, init
        )
        self.padding = several(name, "padding", padding, n, 0)
        self.output_padding = several(name, "output_padding", output_padding, n, 0)

    def _channels(self) -> tuple[int, int]:
        return self.in_channels, self.out_channels // self.groups

    def forward(self, x: Any, output_size: Any = None) -> Array:
        """Return the transposed convolution of `x` with the weight, plus the bias.

        `output_size`, the lengths of the last axes, chooses the output padding.
        """
        extra = self.output_padding
        if output_size is not None:
            extra = from_output_size(
                type(self).__name__,
                output_size,
                tuple(x.shape[-self._axes :]),
                self.kernel_size,
                self.stride,
                self.padding,
                self.dilation,
            )
        function: Any = (
            functions.conv_transpose1d,
            functions.conv_transpose2d,
            functions.conv_transpose3d,
        )[self._axes - 1]
        out: Array = function(
            x,
            self.weight,
            self.bias,
            stride=self.stride,
            padding=self.padding,
            output_padding=extra,
            groups=self.groups,
            dilation=self.dilation,
        )
        return out


@final
class Conv1d(_Forward):  # noqa: D101
    __doc__ = describe(1, False)
    _axes = 1


@final
class Conv2d(_Forward):  # noqa: D101
    __doc__ = describe(2, False)
    _axes = 2


@final
class Conv3d(_Forward):  # noqa: D101
    __doc__ = describe(3, False)
    _axes = 3


@final
class ConvTranspose1d(_Transposed):  # noqa: D101
    __doc__ = describe(1, True)
    _axes = 1


@final
class ConvTranspose2d(_Transposed):  # noqa: D101
    __doc__ = describe(2, True)
    _axes = 2


@final
class ConvTranspose3d(_Transposed):  # noqa: D101
    __doc__ = describe(3, True)
    _axes = 3
