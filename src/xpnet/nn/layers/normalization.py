"""Normalization layers."""

from __future__ import annotations

from typing import Any, ClassVar, final

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError, ShapeError
from .. import init as initial
from ..functional import normalization as functions
from ..module import Module
from ..waiting import count

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
]


def _start(module: Any, shape: tuple[int, ...], *, where: Any, **wanted: bool) -> None:
    """Give a module a weight of ones and a bias of zeros, or None in their place."""
    for name, there in wanted.items():
        make = initial.ones if name == "weight" else initial.zeros
        values = asarray(make(shape, **where), requires_grad=True) if there else None
        setattr(module, name, values)


def _unshifted(module: Any) -> str:
    """Return how `repr` says that there is a weight, but no bias."""
    return ", bias=False" if module.affine and not module._shifts else ""


# --- with running statistics ----------------------------------------------------------


class _Tracking(Module):
    """What BatchNorm and InstanceNorm share: channels, and running statistics."""

    _ndims: ClassVar[tuple[int, ...]]
    _input: ClassVar[str]
    weight: Array | None
    bias: Array | None
    running_mean: Array | None
    running_var: Array | None
    num_batches_tracked: Array | None
    _optional = ("num_batches_tracked",)

    def _prepare(
        self, size: int | None, eps: float, momentum: float | None, **options: Any
    ) -> None:
        self.eps = eps
        self.momentum = momentum
        self.affine = options["affine"]
        self.track_running_stats = options["track_running_stats"]
        self._shifts = options["affine"] and options["bias"]
        self._where = {key: options[key] for key in ("dtype", "device")}
        self._build_when_known(size, "num_features", axis=options["axis"])

    def _build(self, size: int) -> None:
        self.num_features = size
        where = self.__dict__.pop("_where")
        _start(self, (size,), weight=self.affine, bias=self._shifts, where=where)
        if self.track_running_stats:
            self.register_buffer("running_mean", initial.zeros((size,), **where))
            self.register_buffer("running_var", initial.ones((size,), **where))
            zero = initial.zeros((), dtype="int64", device=where["device"])
            self.register_buffer("num_batches_tracked", zero)
        else:
            self.running_mean = self.running_var = self.num_batches_tracked = None

    def reset_running_stats(self) -> None:
        """Set the running means to 0, the variances to 1 and the count to 0."""
        for x, value in (
            (self.running_mean, 0),
            (self.running_var, 1),
            (self.num_batches_tracked, 0),
        ):
            if x is not None:
                x.data = x._lib.raw.full_like(x.data, value)

    def _checked(self, x: Any) -> Array:
        array: Array = x if type(x) is Array else asarray(x)
        if array.ndim not in self._ndims:
            raise ShapeError(
                f"{type(self).__name__}: x has shape {array.shape}; it must be "
                f"{self._input}."
            )
        return array

    def _momentum(self) -> Any:
        """Return how far the running statistics move now; raw, where it is counted."""
        counted, running = self.num_batches_tracked, self.running_mean
        if self.momentum is not None or counted is None or running is None:
            return self.momentum
        # not read back to the host
        return 1 / counted._lib.raw.astype(counted.data + 1, running.dtype)

    def _count(self) -> None:
        counted = self.num_batches_tracked
        if counted is not None:
            counted.data = counted._lib.coerce(counted.data + 1)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
            + _unshifted(self)
        )


class _BatchNorm(_Tracking):
    def __init__(
        self,
        num_features: int | None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self._prepare(
            num_features,
            eps,
            momentum,
            affine=affine,
            track_running_stats=track_running_stats,
            bias=bias,
            axis=1,
            dtype=dtype,
            device=device,
        )

    def forward(self, x: Any) -> Array:
        """Normalize each channel; in training the running statistics move."""
        out = functions.batch_norm(
            self._checked(x),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=self.training or self.running_mean is None,
            momentum=self._momentum(),
            eps=self.eps,
        )
        if self.training:
            self._count()
        return out


@final
class BatchNorm1d(_BatchNorm):
    """Normalize each channel over the batch and, where there is one, the length.

    ``(x - mean) / sqrt(var + eps) * weight + bias`` with the statistics of the batch in
    training and the running ones in evaluation; see `functional.batch_norm`.

    Parameters
    ----------
    num_features : int or None
        The channels C; None takes them from the first input.
    eps : float
        Keeps the square root away from 0.
    momentum : float or None
        How far the running statistics move at each batch; None weighs all batches
        alike.
    affine : bool
        Whether there are a weight and a bias for each channel.
    track_running_stats : bool
        Whether there are running statistics; without, evaluation is as training.
    bias : bool
        Whether there is a bias beside the weight.
    dtype, device : optional
        Of parameters and buffers; float32 on the default device by default.

    Attributes
    ----------
    weight, bias : Array or None
        Shape (C,), at first 1 and 0.
    running_mean, running_var : Array or None
        Buffers of shape (C,), at first 0 and 1.
    num_batches_tracked : Array or None
        A buffer, int64 without axes.

    Raises
    ------
    OptionError
        If `num_features` is not an integer of at least 1.
    ShapeError
        In `forward`, if `x` has another number of axes or of channels, or a channel has
        one value in training.

    Notes
    -----
    Input and output (N, C) or (N, C, L). Ioffe and Szegedy, "Batch Normalization", ICML
    2015.

    Examples
    --------
    >>> BatchNorm1d(3)([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).shape
    (2, 3)
    """

    _ndims = (2, 3)
    _input = "(N, C) or (N, C, L)"


@final
class BatchNorm2d(_BatchNorm):
    """Normalize each channel of images over the batch, height and width.

    Options, attributes and errors are those of `BatchNorm1d`.

    Notes
    -----
    Input and output (N, C, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> BatchNorm2d(3)(np.ones((2, 3, 4, 4), dtype=np.float32)).shape
    (2, 3, 4, 4)
    """

    _ndims = (4,)
    _input = "(N, C, H, W)"


@final
class BatchNorm3d(_BatchNorm):
    """Normalize each channel of volumes over the batch, depth, height and width.

    Options, attributes and errors are those of `BatchNorm1d`.

    Notes
    -----
    Input and output (N, C, D, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> BatchNorm3d(3)(np.ones((2, 3, 2, 4, 4), dtype=np.float32)).shape
    (2, 3, 2, 4, 4)
    """

    _ndims = (5,)
    _input = "(N, C, D, H, W)"


class _InstanceNorm(_Tracking):
    def __init__(
        self,
        num_features: int | None,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self._prepare(
            num_features,
            eps,
            momentum,
            affine=affine,
            track_running_stats=track_running_stats,
            bias=bias,
            axis=-self._ndims[0],  # an input may come without a batch
            dtype=dtype,
            device=device,
        )

    def forward(self, x: Any) -> Array:
        """Normalize each channel of each example."""
        x = self._checked(x)
        alone = x.ndim == self._ndims[0]  # one example without a batch
        batch = x._lib.recorded.expand_dims(x, axis=0) if alone else x
        out = functions.instance_norm(
            batch,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            use_input_stats=self.training or self.running_mean is None,
            momentum=self.momentum,
            eps=self.eps,
        )
        return out._lib.recorded.squeeze(out, axis=0) if alone else out


@final
class InstanceNorm1d(_InstanceNorm):
    """Normalize each channel of each sequence over its length.

    ``(x - mean) / sqrt(var + eps) * weight + bias``, by default without weight and bias
    and without running statistics; see `functional.instance_norm`.

    Parameters
    ----------
    num_features : int or None
        The channels C; None takes them from the first input.
    eps : float
        Keeps the square root away from 0.
    momentum : float
        How far running statistics move at each batch.
    affine : bool
        Whether there are a weight and a bias for each channel.
    track_running_stats : bool
        Whether there are running statistics, which evaluation then uses.
    bias : bool
        Whether there is a bias beside the weight.
    dtype, device : optional
        Of parameters and buffers; float32 on the default device by default.

    Attributes
    ----------
    weight, bias, running_mean, running_var, num_batches_tracked : Array or None
        As in `BatchNorm1d`; the last is never counted up, as in PyTorch.

    Raises
    ------
    OptionError
        If `num_features` is not an integer of at least 1.
    ShapeError
        In `forward`, if `x` has another number of axes or of channels, or its channels
        have one value each.

    Notes
    -----
    Input and output (N, C, L) or (C, L). PyTorch warns where the number of channels
    differs and nothing depends on it; here it is an error. Ulyanov, Vedaldi and
    Lempitsky, "Instance Normalization", 2016.

    Examples
    --------
    >>> InstanceNorm1d(2)([[[1.0, 3.0, 5.0], [0.0, 0.0, 0.0]]]).shape
    (1, 2, 3)
    """

    _ndims = (2, 3)
    _input = "(N, C, L) or (C, L)"


@final
class InstanceNorm2d(_InstanceNorm):
    """Normalize each channel of each image over its height and width.

    Options, attributes and errors are those of `InstanceNorm1d`.

    Notes
    -----
    Input and output (N, C, H, W) or (C, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> InstanceNorm2d(3)(np.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    _ndims = (3, 4)
    _input = "(N, C, H, W) or (C, H, W)"


@final
class InstanceNorm3d(_InstanceNorm):
    """Normalize each channel of each volume over its depth, height and width.

    Options, attributes and errors are those of `InstanceNorm1d`.

    Notes
    -----
    Input and output (N, C, D, H, W) or (C, D, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> InstanceNorm3d(3)(np.ones((2, 3, 2, 4, 4))).shape
    (2, 3, 2, 4, 4)
    """

    _ndims = (4, 5)
    _input = "(N, C, D, H, W) or (C, D, H, W)"


# --- without --------------------------------------------------------------------------


def _shape(layer: str, given: Any) -> tuple[int, ...]:
    """Return a `normalized_shape` as a tuple."""
    sizes = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if not sizes:
        raise OptionError(f"{layer}: normalized_shape has no axes; name one or more.")
    return tuple(count(layer, "normalized_shape", n) for n in sizes)


@final
class LayerNorm(Module):
    """Normalize over the last axes: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The lengths of the last axes.
    eps : float
        Keeps the square root away from 0.
    elementwise_affine : bool
        Whether there is a weight.
    bias : bool
        Whether there is a bias beside the weight.
    dtype, device : optional
        Of the parameters; float32 on the default device by default.

    Attributes
    ----------
    weight, bias : Array or None
        Of shape `normalized_shape`, at first 1 and 0.

    Raises
    ------
    OptionError
        If a length is not an integer of at least 1.
    ShapeError
        In `forward`, if the last axes of `x` have other lengths.

    Notes
    -----
    Input and output (..., *normalized_shape). Ba, Kiros and Hinton, "Layer
    Normalization", 2016.

    Examples
    --------
    >>> LayerNorm(4)([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 4)
    """

    weight: Array | None
    bias: Array | None

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self.normalized_shape = _shape("LayerNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shifts = elementwise_affine and bias
        where = {"dtype": dtype, "device": device}
        weight = elementwise_affine
        _start(self, self.normalized_shape, weight=weight, bias=shifts, where=where)

    def forward(self, x: Any) -> Array:
        """Return `x` normalized, scaled and shifted."""
        shape = self.normalized_shape
        return functions.layer_norm(
            x, self.weight, self.bias, normalized_shape=shape, eps=self.eps
        )

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


@final
class RMSNorm(Module):
    """Divide by the root of the mean square: ``x / sqrt(mean(x**2) + eps) * weight``.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The lengths of the last axes.
    eps : float or None
        None is the spacing of numbers at 1 in the dtype of the input.
    elementwise_affine : bool
        Whether there is a weight.
    dtype, device : optional
        Of the weight; float32 on the default device by default.

    Attributes
    ----------
    weight : Array or None
        Of shape `normalized_shape`, at first 1.

    Raises
    ------
    OptionError
        If a length is not an integer of at least 1.
    ShapeError
        In `forward`, if the last axes of `x` have other lengths.

    Notes
    -----
    Input and output (..., *normalized_shape). Zhang and Sennrich, "Root Mean Square
    Layer Normalization", NeurIPS 2019.

    Examples
    --------
    >>> RMSNorm(2)([[3.0, 4.0]]).shape
    (1, 2)
    """

    weight: Array | None

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self.normalized_shape = _shape("RMSNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        values = initial.ones(self.normalized_shape, dtype=dtype, device=device)
        self.weight = (
            asarray(values, requires_grad=True) if elementwise_affine else None
        )

    def forward(self, x: Any) -> Array:
        """Return `x` normalized and scaled."""
        shape = self.normalized_shape
        return functions.rms_norm(x, self.weight, normalized_shape=shape, eps=self.eps)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


@final
class GroupNorm(Module):
    """Normalize each group of channels of each example; then scale each channel.

    Parameters
    ----------
    num_groups : int
        Into how many groups of neighbours the channels are divided.
    num_channels : int or None
        The channels C; None takes them from the first input.
    eps : float
        Keeps the square root away from 0.
    affine : bool
        Whether there are a weight and a bias for each channel.
    bias : bool
        Whether there is a bias beside the weight.
    dtype, device : optional
        Of the parameters; float32 on the default device by default.

    Attributes
    ----------
    weight, bias : Array or None
        Shape (C,), at first 1 and 0.

    Raises
    ------
    OptionError
        If a number is not an integer of at least 1, or the groups do not divide the
        channels.
    ShapeError
        In `forward`, if `x` has another number of channels.

    Notes
    -----
    Input and output (N, C, ...). Wu and He, "Group Normalization", ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> GroupNorm(2, 4)(np.ones((1, 4, 3, 3))).shape
    (1, 4, 3, 3)
    """

    weight: Array | None
    bias: Array | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int | None,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        self.num_groups = count("GroupNorm", "num_groups", num_groups)
        self.eps = eps
        self.affine = affine
        self._shifts = affine and bias
        self._where = {"dtype": dtype, "device": device}
        self._build_when_known(num_channels, "num_channels", axis=1)

    def _build(self, size: int) -> None:
        if size % self.num_groups:
            raise OptionError(
                f"GroupNorm: {size} channels do not make {self.num_groups} equal "
                "groups. Choose a number that divides them."
            )
        self.num_channels = size
        where = self.__dict__.pop("_where")
        _start(self, (size,), weight=self.affine, bias=self._shifts, where=where)

    def forward(self, x: Any) -> Array:
        """Return `x` normalized, scaled and shifted."""
        x = x if type(x) is Array else asarray(x)
        if x.shape[1:2] != (self.num_channels,):
            raise ShapeError(
                f"GroupNorm: the layer has {self.num_channels} channels, x has shape "
                f"{x.shape}. Channels are axis 1."
            )
        groups = self.num_groups
        return functions.group_norm(
            x, self.weight, self.bias, num_groups=groups, eps=self.eps
        )

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, "
            f"affine={self.affine}" + _unshifted(self)
        )


@final
class LocalResponseNorm(Module):
    """Divide by ``(k + alpha * mean of the squares of nearby channels)**beta``.

    Parameters
    ----------
    size : int
        How many channels are near.
    alpha, beta, k : float
        See the formula.

    Raises
    ------
    OptionError
        If `size` is not an integer of at least 1.
    ShapeError
        In `forward`, if `x` has fewer than three axes.

    Notes
    -----
    Input and output (N, C, ...). Krizhevsky, Sutskever and Hinton, NeurIPS 2012,
    section 3.3; there `alpha` is not divided by `size`, in PyTorch it is.

    Examples
    --------
    >>> import numpy as np
    >>> LocalResponseNorm(3)(np.ones((1, 4, 5))).shape
    (1, 4, 5)
    """

    def __init__(
        self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> None:
        self.size = count("LocalResponseNorm", "size", size)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, x: Any) -> Array:
        """Return `x` divided by what is near it."""
        return functions.local_response_norm(
            x, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k
        )

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
