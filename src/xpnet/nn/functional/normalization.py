"""Normalization: subtract a mean, divide by a standard deviation.

The variance is computed in two passes, from the differences to the mean, and the mean
of these differences is taken out once more: it is the rounding error of the mean, which
counts where numbers are large against their spread. Sums run in at least float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...calculus.array import Array
from ...calculus.rule import fused
from ...errors import DeviceError, OptionError, ShapeError
from .inputs import floating
from .precision import precision, raised, widened

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]

Shape = tuple[int, ...]


# --- over the last axes ---------------------------------------------------------------


def layer_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    /,
    *,
    normalized_shape: int | Shape | None = None,
    eps: float = 1e-5,
) -> Array:
    """Normalize over the last axes: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    `var` is the mean of the squared differences to the mean (correction 0).

    Parameters
    ----------
    x : Array
        Floating point; its last axes have the shape `normalized_shape`.
    weight, bias : Array, optional
        Of shape `normalized_shape`.
    normalized_shape : int or tuple of int, optional
        The axes to normalize over; by default the shape of `weight` or `bias`, and
        without them the last axis.
    eps : float
        Keeps the square root away from 0.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Ba, Kiros and Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> [round(v, 3) for v in layer_norm([1.0, 2.0, 3.0]).tolist()]
    [-1.225, 0.0, 1.225]
    """
    x = floating("layer_norm", x)
    if precision.used:
        x, weight, bias = widened(x, weight, bias)
    shape = _normalized("layer_norm", x, normalized_shape, weight, bias)
    return _layer_norm(x, weight, bias, axes=len(shape), eps=eps)  # type: ignore[no-any-return]


@fused("layer_norm", count=3)
def _layer_norm(
    xp: Any, x: Any, weight: Any = None, bias: Any = None, *, axes: int, eps: float
) -> Any:
    out = _standardized(xp, raised(xp, x), tuple(range(-axes, 0)), eps)
    return _scaled(xp, out, weight, bias, x.dtype)


def rms_norm(
    x: Any,
    weight: Any = None,
    /,
    *,
    normalized_shape: int | Shape | None = None,
    eps: float | None = None,
) -> Array:
    """Divide by the root of the mean square: ``x / sqrt(mean(x**2) + eps) * weight``.

    Parameters
    ----------
    x : Array
        Floating point; its last axes have the shape `normalized_shape`.
    weight : Array, optional
        Of shape `normalized_shape`.
    normalized_shape : int or tuple of int, optional
        The axes of the mean; by default the shape of `weight`, and without it the last
        axis.
    eps : float, optional
        By default the spacing of numbers at 1, ``finfo(x.dtype).eps``.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Zhang and Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019.

    Examples
    --------
    >>> [round(v, 3) for v in rms_norm([3.0, 4.0]).tolist()]
    [0.849, 1.131]
    """
    x = floating("rms_norm", x)
    if precision.used:
        x, weight = widened(x, weight)
    shape = _normalized("rms_norm", x, normalized_shape, weight)
    return _rms_norm(x, weight, axes=len(shape), eps=eps)  # type: ignore[no-any-return]


@fused("rms_norm", count=2)
def _rms_norm(
    xp: Any, x: Any, weight: Any = None, *, axes: int, eps: float | None
) -> Any:
    high = raised(xp, x)
    if 0 in x.shape:
        return _scaled(xp, high, weight, None, x.dtype)
    square = xp.mean(high * high, axis=tuple(range(-axes, 0)), keepdims=True)
    least = float(xp.finfo(high.dtype).eps) if eps is None else eps
    return _scaled(xp, high / xp.sqrt(square + least), weight, None, x.dtype)


# --- over all but the channels --------------------------------------------------------


def batch_norm(
    x: Any,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Any = None,
    bias: Any = None,
    /,
    *,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Normalize each channel: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    In training `mean` and `var` are those of the batch (correction 0), and the running
    ones move towards them: ``running = (1 - momentum) * running + momentum * batch``,
    where the variance is the unbiased one (correction 1). Otherwise `mean` and `var`
    are the running ones.

    Parameters
    ----------
    x : Array
        Floating point, shape (N, C, ...).
    running_mean, running_var : Array, optional
        Shape (C,). In training they are given new values, off the tape.
    weight, bias : Array, optional
        Shape (C,).
    training : bool
        Whether the statistics are those of the batch.
    momentum : float
        How far the running statistics move.
    eps : float
        Keeps the square root away from 0.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or a channel has one value in training.
    OptionError
        If there are no running statistics to use.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Ioffe and Szegedy, "Batch Normalization", ICML 2015.

    Examples
    --------
    >>> batch_norm([[1.0], [3.0]], training=True, eps=0.0).tolist()
    [[-1.0], [1.0]]
    """
    x = floating("batch_norm", x)
    if precision.used:
        x, weight, bias = widened(x, weight, bias)
    _check_channels("batch_norm", x, running_mean, running_var, weight, bias)
    if not training:
        _need_statistics("batch_norm", running_mean, running_var)
        return _batch_norm_fixed(x, running_mean, running_var, weight, bias, eps=eps)  # type: ignore[no-any-return]
    count = x.size // x.shape[1] if x.shape[1] else 0
    if count == 1:
        raise ShapeError(
            f"batch_norm: in training each channel needs more than 1 value, x has "
            f"shape {x.shape}. Use a larger batch, or evaluate: model.eval()."
        )
    stats: list[Any] = []
    out = _batch_norm(x, weight, bias, eps=eps, stats=stats)
    if stats:
        mean, var = stats
        _follow(x, running_mean, mean, momentum)
        _follow(x, running_var, var * (count / (count - 1)), momentum)
    return out  # type: ignore[no-any-return]


@fused("batch_norm", count=3)
def _batch_norm(
    xp: Any,
    x: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    eps: float,
    stats: list[Any],
) -> Any:
    """Normalize by the statistics of the batch, and leave their values in `stats`."""
    axes = (0, *range(2, x.ndim))
    out = _standardized(xp, raised(xp, x), axes, eps, stats)
    weight, bias = _by_channel(xp, x, weight, bias)
    return _scaled(xp, out, weight, bias, x.dtype)


@fused("batch_norm_fixed", count=5)
def _batch_norm_fixed(
    xp: Any,
    x: Any,
    mean: Any,
    var: Any,
    weight: Any = None,
    bias: Any = None,
    *,
    eps: float,
) -> Any:
    """Normalize by statistics that are given."""
    mean, var, weight, bias = _by_channel(xp, x, mean, var, weight, bias)
    scale = 1.0 / xp.sqrt(raised(xp, var) + eps)
    scale = scale if weight is None else scale * weight
    out = (raised(xp, x) - mean) * scale
    return xp.astype(out if bias is None else out + bias, x.dtype)


def _by_channel(xp: Any, x: Any, *values: Any) -> list[Any]:
    """Return arrays of shape (C,) so that they broadcast along axis 1 of `x`."""
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    return [None if v is None else xp.reshape(v, shape) for v in values]


def _follow(x: Array, running: Array | None, new: Any, momentum: Any) -> None:
    """Move running statistics towards new ones, off the tape."""
    if running is None:
        return
    lib = running._lib
    if x._lib is not lib:
        raise DeviceError(
            f"batch_norm: x is an array of {x._lib.name} and the running statistics "
            f"are arrays of {lib.name}. Move the model: model.to(like=x)."
        )
    new = lib.raw.astype(new, running.dtype)
    running.data = lib.coerce((1 - momentum) * running.data + momentum * new)


# --- over groups, and over each example -----------------------------------------------


def group_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    /,
    *,
    num_groups: int,
    eps: float = 1e-5,
) -> Array:
    """Normalize each group of channels of each example; then scale each channel.

    Parameters
    ----------
    x : Array
        Floating point, shape (N, C, ...).
    weight, bias : Array, optional
        Shape (C,).
    num_groups : int
        Into how many groups of neighbours the channels are divided.
    eps : float
        Keeps the square root away from 0.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or the groups do not divide the channels.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Wu and He, "Group Normalization", ECCV 2018. One group is `layer_norm` over all but
    the batch, a group for each channel is `instance_norm`.

    Examples
    --------
    >>> group_norm([[1.0, 3.0, 5.0, 7.0]], num_groups=2, eps=0.0).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """
    x = floating("group_norm", x)
    if precision.used:
        x, weight, bias = widened(x, weight, bias)
    _check_channels("group_norm", x, weight, bias)
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(
            f"group_norm: {x.shape[1]} channels do not make {num_groups} equal groups "
            f"(x: {x.shape}). Channels are axis 1."
        )
    return _grouped(x, weight, bias, num_groups, eps)


def _grouped(x: Array, weight: Any, bias: Any, groups: int, eps: float) -> Array:
    xp = x._lib.recorded
    length = math.prod(x.shape[1:]) // groups if groups else 0
    rows = xp.reshape(x, (x.shape[0] * groups, length))
    out = xp.reshape(_layer_norm(rows, axes=1, eps=eps), x.shape)
    return _scale_channels(out, weight, bias)  # type: ignore[no-any-return]


@fused("scale_channels", count=3)
def _scale_channels(xp: Any, x: Any, weight: Any = None, bias: Any = None) -> Any:
    """Return ``x * weight + bias`` along axis 1."""
    weight, bias = _by_channel(xp, x, weight, bias)
    return _scaled(xp, x, weight, bias, x.dtype)


def instance_norm(
    x: Any,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Any = None,
    bias: Any = None,
    /,
    *,
    use_input_stats: bool = True,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Normalize each channel of each example by itself.

    Parameters
    ----------
    x : Array
        Floating point, shape (N, C, ...) with at least one axis after the channels.
    running_mean, running_var : Array, optional
        Shape (C,). They move towards the mean over the examples of each mean, and of
        each unbiased variance.
    weight, bias : Array, optional
        Shape (C,).
    use_input_stats : bool
        Whether the statistics are those of the input; else the running ones.
    momentum, eps : float
        As in `batch_norm`.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or there is one value to normalize over.
    OptionError
        If there are no running statistics to use.
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.

    Examples
    --------
    >>> instance_norm([[[1.0, 3.0], [5.0, 9.0]]], eps=0.0).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]
    """
    x = floating("instance_norm", x)
    if precision.used:
        x, weight, bias = widened(x, weight, bias)
    _check_channels("instance_norm", x, running_mean, running_var, weight, bias)
    if not use_input_stats:
        _need_statistics("instance_norm", running_mean, running_var)
        return _batch_norm_fixed(x, running_mean, running_var, weight, bias, eps=eps)  # type: ignore[no-any-return]
    count = math.prod(x.shape[2:])
    if count == 1:
        raise ShapeError(
            "instance_norm: each channel of an example needs more than 1 value, x has "
            f"shape {x.shape}. Values are those of the axes after axis 1."
        )
    if running_mean is not None and running_var is not None and x.size:
        mean, var = _instance_statistics(x, count)
        _follow(x, running_mean, mean, momentum)
        _follow(x, running_var, var, momentum)
    return _grouped(x, weight, bias, x.shape[1], eps)


def _instance_statistics(x: Array, count: int) -> tuple[Any, Any]:
    """Return raw means and unbiased variances of channels, averaged over examples."""
    raw = x._lib.raw
    values = raised(raw, x.data)
    axes = tuple(range(2, x.ndim))
    mean = raw.mean(values, axis=axes, keepdims=True)
    centred = values - mean
    square = raw.sum(centred * centred, axis=axes) / (count - 1)
    return raw.mean(mean, axis=(0, *axes)), raw.mean(square, axis=0)


def local_response_norm(
    x: Any, /, *, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """Divide by ``(k + alpha * mean of the squares of nearby channels)**beta``.

    Parameters
    ----------
    x : Array
        Floating point, shape (N, C, ...).
    size : int
        How many channels are near: ``size // 2`` before, the others from there on. The
        mean always divides by `size`, as if channels beyond the ends were 0.
    alpha, beta, k : float
        See the formula.

    Raises
    ------
    ShapeError
        If `x` has fewer than three axes (two for PyTorch's layer as well).
    DTypeError
        If `x` is not floating point.

    Notes
    -----
    Krizhevsky, Sutskever and Hinton, NeurIPS 2012, section 3.3; there `alpha` is not
    divided by `size`, in PyTorch it is.

    Examples
    --------
    >>> local_response_norm([[[2.0], [0.0]]], size=1, alpha=1.0, beta=0.5).shape
    (1, 2, 1)
    """
    x = floating("local_response_norm", x)
    if precision.used:
        (x,) = widened(x)
    if x.ndim < 3:
        raise ShapeError(
            f"local_response_norm: x needs three axes or more, (N, C, ...), its shape "
            f"is {x.shape}."
        )
    return _local_response_norm(x, size=size, alpha=alpha, beta=beta, k=k)  # type: ignore[no-any-return]


@fused("local_response_norm", count=1)
def _local_response_norm(
    xp: Any, x: Any, *, size: int, alpha: float, beta: float, k: float
) -> Any:
    high = raised(xp, x)
    square = high * high
    widths = [(0, 0)] * x.ndim
    widths[1] = (size // 2, (size - 1) // 2)
    padded = xp.pad(square, widths)
    channels = x.shape[1]
    total = sum(padded[:, i : i + channels, ...] for i in range(1, size))
    total = padded[:, :channels, ...] + total
    return xp.astype(high / (k + alpha / size * total) ** beta, x.dtype)


def normalize(
    x: Any, p: float = 2.0, axis: int | Shape = 1, eps: float = 1e-12
) -> Array:
    """Divide vectors by their norm: ``x / max(norm(x, p), eps)`` along `axis`.

    Parameters
    ----------
    x : Array
        Floating point.
    p : float
        The order of the norm.
    axis : int or tuple of int
        Along which the vectors lie; PyTorch calls it `dim`.
    eps : float
        The least number that is divided by. A vector of zeros stays one, and its
        derivative is finite.

    Raises
    ------
    DTypeError
        If `x` is not floating point.

    Examples
    --------
    >>> [round(v, 6) for v in normalize([3.0, 4.0], axis=0).tolist()]
    [0.6, 0.8]
    """
    x = floating("normalize", x, or_complex=True)
    if precision.used:
        (x,) = widened(x)
    return _normalize(x, p=float(p), axis=axis, eps=eps)  # type: ignore[no-any-return]


@fused("normalize", count=1)
def _normalize(xp: Any, x: Any, *, p: float, axis: Any, eps: float) -> Any:
    high = raised(xp, x)
    norm = xp.vector_norm(high, axis=axis, keepdims=True, ord=p)
    return xp.astype(high / xp.clip(norm, eps, None), x.dtype)


# --- what they share ------------------------------------------------------------------


def _standardized(
    xp: Any, x: Any, axes: Shape, eps: float, stats: list[Any] | None = None
) -> Any:
    """Return ``(x - mean) / sqrt(var + eps)`` over `axes`."""
    if 0 in x.shape:
        return x
    mean = xp.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    rest = xp.mean(centred, axis=axes, keepdims=True)  # the rounding error of the mean
    centred = centred - rest
    var = xp.mean(centred * centred, axis=axes, keepdims=True)
    if stats is not None:
        raw = mean._lib.raw
        stats[:] = [raw.reshape(v.data, (-1,)) for v in (mean + rest, var)]
    return centred / xp.sqrt(var + eps)


def _scaled(xp: Any, x: Any, weight: Any, bias: Any, dtype: Any) -> Any:
    """Return ``x * weight + bias`` as a dtype; each may be None."""
    x = x if weight is None else x * weight
    x = x if bias is None else x + bias
    return x if x.dtype == dtype else xp.astype(x, dtype)


def _normalized(name: str, x: Array, given: Any, *parameters: Any) -> Shape:
    """Return the shape that is normalized over, once everything fits it."""
    shapes = [tuple(p.shape) for p in parameters if p is not None]
    if given is None:
        shape = shapes[0] if shapes else x.shape[-1:]
    else:
        shape = tuple(given) if isinstance(given, Sequence) else (given,)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"{name}: x has shape {x.shape}, and its last axes must be {shape}, which "
            "are normalized over."
        )
    for found in shapes:
        if found != shape:
            raise ShapeError(
                f"{name}: weight and bias have the shape that is normalized over, "
                f"{shape}, not {found}."
            )
    return shape


def _check_channels(name: str, x: Array, *parameters: Any) -> None:
    """Raise ShapeError unless `x` has as many channels as the parameters."""
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: x needs two axes or more, (N, C, ...), its shape is {x.shape}."
        )
    for p in parameters:
        if p is not None and tuple(p.shape) != x.shape[1:2]:
            raise ShapeError(
                f"{name}: x has {x.shape[1]} channels but the layer has "
                f"{math.prod(p.shape)} (x: {x.shape}). Channels are axis 1."
            )


def _need_statistics(name: str, mean: Any, var: Any) -> None:
    if mean is None or var is None:
        raise OptionError(
            f"{name}: outside of training it needs running_mean and running_var; or "
            "take the statistics of the input."
        )
