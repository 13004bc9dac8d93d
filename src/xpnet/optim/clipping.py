"""Gradient clipping, by the norm of all gradients together or value by value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..backend.library import Library
from ..calculus.array import Array
from ..errors import LibraryError, NonFiniteError, OptionError
from ..kernels import updates
from .gradients import Part, gradients, moved
from .groups import all_arrays
from .terms import is_number

__all__ = ["clip_grad_norm_", "clip_grad_value_", "norm_of"]


def clip_grad_norm_(
    parameters: Iterable[Array] | Array,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Array:
    """Scale all gradients down together, to a norm of at most `max_norm`.

    ``g ← g · min(1, max_norm / (|g| + 1e-6))`` with the norm of all gradients as one
    vector. Call it between ``backward`` and ``optimizer.step``.

    Parameters
    ----------
    parameters : iterable of Array, or Array
        Those without a gradient are left out.
    max_norm : float
        The largest norm, 0 or more.
    norm_type : float
        p of the p-norm, above 0; ``math.inf`` for the largest absolute value.
    error_if_nonfinite : bool
        Raise if the norm is infinite or NaN, and leave the gradients alone. This reads
        the norm back to the host.

    Returns
    -------
    Array
        The norm before clipping, without axes, where the gradients are, and of the
        first gradient's dtype, but at least float32.

    Raises
    ------
    ConversionError
        If a parameter is not an Array.
    LibraryError
        If gradients belong to several libraries or devices of ours.
    NonFiniteError
        If `error_if_nonfinite` is set and the norm is not finite.
    OptionError
        If an option is out of range.

    Notes
    -----
    The formula and the names are PyTorch's. Values are divided by the largest before
    they are squared, so that a norm is right wherever it can be represented; PyTorch's
    norm of values above 1e19 in float32 is infinite, and its gradients become 0.
    An infinite gradient gives an infinite norm: finite gradients become 0 and infinite
    ones NaN, as in PyTorch; a NaN makes all gradients NaN.

    Nothing is read back to the host. The gradients of an optimizer lie in one buffer,
    so there are a few operations, whatever the number of parameters.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0, 4.0], requires_grad=True)
    >>> w.grad = asarray([30.0, 40.0])
    >>> clip_grad_norm_([w], max_norm=1.0).item()
    50.0
    >>> [round(x, 5) for x in w.grad.tolist()]
    [0.6, 0.8]
    """
    _number("clip_grad_norm_: max_norm", max_norm)
    _number("clip_grad_norm_: norm_type", norm_type)
    if norm_type == 0:
        raise OptionError("clip_grad_norm_: norm_type is 0; it must be above 0.")
    arrays = all_arrays("clip_grad_norm_", parameters)
    found = gradients(arrays)
    if not found:
        return _zero(arrays)
    lib = _one_library("clip_grad_norm_", [part.lib for part in found])
    with lib.quiet():
        norm, share = _share(lib, found, float(max_norm), float(norm_type))
        if error_if_nonfinite and not math.isfinite(norm.item()):
            raise NonFiniteError(
                f"clip_grad_norm_: the norm of the gradients is {norm.item()}, so they "
                "cannot be clipped, and are as they were. Skip this step."
            )
        for part in found:
            part.scale(share)
    return norm


def clip_grad_value_(parameters: Iterable[Array] | Array, clip_value: float) -> None:
    """Bring every element of the gradients between ``-clip_value`` and ``clip_value``.

    Parameters
    ----------
    parameters : iterable of Array, or Array
        Those without a gradient are left out.
    clip_value : float
        The largest absolute value, 0 or more.

    Raises
    ------
    ConversionError
        If a parameter is not an Array.
    OptionError
        If `clip_value` is out of range.

    Notes
    -----
    As in PyTorch: infinite elements become ``±clip_value``, NaN stays NaN.

    Examples
    --------
    >>> from xpnet import asarray
    >>> w = asarray([3.0, 4.0], requires_grad=True)
    >>> w.grad = asarray([-30.0, 0.5])
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad.tolist()
    [-1.0, 0.5]
    """
    _number("clip_grad_value_: clip_value", clip_value)
    for part in gradients(all_arrays("clip_grad_value_", parameters)):
        part.clip(float(clip_value))


def _share(
    lib: Library, found: list[Part], max_norm: float, order: float
) -> tuple[Array, Any]:
    """Return the norm of gradients, and what to multiply them by."""
    total = _sum_of_squares(found) if order == 2 else None
    if total is not None:
        root = math.sqrt(total)
        norm = lib.raw.full((), root, dtype=found[0].g.dtype)
        return Array(norm, lib), min(1.0, max_norm / (root + 1e-6))
    scale, rest = _norm(lib, [part.g for part in found], order)
    # max_norm / (|g| + 1e-6), where |g| itself may not be representable
    share = (max_norm / scale) / (rest + 1e-6 / scale)
    least = lib.raw.minimum(share, lib.raw.ones_like(share))
    return Array(scale * rest, lib), least


def _sum_of_squares(found: list[Part]) -> float | None:
    """Return the sum on a library whose arrays are on the host, None on others."""
    total = 0.0
    for part in found:
        function = updates.helper("sum_of_squares", part.lib.name, str(part.g.dtype))
        if function is None:
            return None
        squares = function(part.lib.raw.reshape(part.g, (-1,)))
        if squares is None:
            return None
        total += squares
    return total


def _number(what: str, value: Any) -> None:
    """Raise OptionError unless a value is a number, 0 or more."""
    if not is_number(value) or not value >= 0:
        raise OptionError(f"{what} is {value!r}; it must be a number, at least 0.")


def _one_library(what: str, found: list[Library]) -> Library:
    """Return the one library of all gradients, or raise."""
    libraries = dict.fromkeys(found)
    if len(libraries) > 1:
        names = ", ".join(map(str, libraries))
        raise LibraryError(
            f"{what}: the gradients belong to {names}, and their norm to none "
            "of them. Treat the parameters of each alone."
        )
    return next(iter(libraries))


def _zero(arrays: list[Array]) -> Array:
    """Return the norm of no gradients, beside the first parameter."""
    if not arrays:
        raise OptionError(
            "clip_grad_norm_: there are no parameters. Is a generator given twice?"
        )
    lib, data = arrays[0]._lib, arrays[0].data
    return Array(lib.raw.zeros((), dtype=data.dtype, device=lib.raw.device(data)), lib)


def norm_of(what: str, pieces: list[tuple[Library, Any]]) -> tuple[Any, Any]:
    """Return two numbers whose product is the Euclidean norm of arrays together."""
    lib = _one_library(what, [lib for lib, _ in pieces])
    with lib.quiet():
        return _norm(lib, [x for _, x in pieces], 2.0)


def _norm(lib: Library, pieces: list[Any], order: float) -> tuple[Any, Any]:
    """Return two numbers whose product is the norm: a scale, and the norm by it.

    The scale is the largest absolute value, or 1 where that is 0 or not finite.
    """
    raw = lib.raw
    dtype = raw.float32 if raw.finfo(pieces[0].dtype).bits < 32 else pieces[0].dtype
    if lib.is_complex(pieces[0]):
        dtype = raw.abs(pieces[0]).dtype
    place = raw.device(pieces[0])
    sizes = [raw.abs(x) for x in pieces if 0 not in x.shape]
    if not sizes:
        zero = raw.zeros((), dtype=dtype, device=place)
        return zero + 1, zero

    def gathered(numbers: list[Any]) -> Any:
        return raw.stack([raw.astype(moved(lib, x, place), dtype) for x in numbers])

    largest = raw.max(gathered([raw.max(x) for x in sizes]))
    one = raw.ones_like(largest)
    scale = raw.where((largest > 0) & raw.isfinite(largest), largest, one)
    if order == math.inf:
        return scale, largest / scale
    sums = []
    for x in sizes:
        wide = raw.astype(x, dtype)
        wide = wide / moved(lib, scale, raw.device(x))
        powers = wide * wide if order == 2 else wide if order == 1 else wide**order
        sums.append(raw.sum(powers))
    total = raw.sum(gathered(sums))
    return scale, raw.sqrt(total) if order == 2 else total ** (1 / order)
