"""The options and shapes of convolutions: made uniform, and checked."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ...errors import DTypeError, OptionError, ShapeError

__all__ = [
    "Pairs",
    "check",
    "check_room",
    "from_output_size",
    "padding_pairs",
    "several",
    "size_before",
]

Pairs = tuple[tuple[int, int], ...]
_AXES = ("length", "height, width", "depth, height, width")


def several(name: str, what: str, value: Any, count: int, least: int) -> Any:
    """Return `count` integers of at least `least`; one number stands for all axes."""
    given = value if isinstance(value, Sequence) else (value,) * count
    try:
        numbers = tuple(map(operator.index, given))
    except TypeError:
        numbers = ()
    if len(numbers) != count or min(numbers) < least or isinstance(value, bool):
        raise OptionError(
            f"{name}: {what} is an integer of at least {least}, or {count} of them, "
            f"one for each axis, not {value!r}."
        )
    return numbers


def padding_pairs(
    name: str,
    padding: Any,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Pairs:
    """Return the padding before and after each axis.

    ``"same"`` makes the output as long as the input; where the kernel spans an even
    number of elements, the odd one comes after.
    """
    if not isinstance(padding, str):
        return tuple((p, p) for p in several(name, "padding", padding, len(kernel), 0))
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise OptionError(
            f"{name}: padding is an integer, one for each axis, 'same' or 'valid', not "
            f"{padding!r}."
        )
    if set(stride) != {1}:
        raise OptionError(
            f"{name}: padding='same' needs a stride of 1, not {stride}. Give the "
            "padding in numbers."
        )
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in total)


def check(
    name: str,
    count: int,
    x: Any,
    weight: Any,
    bias: Any,
    groups: Any,
    transposed: bool = False,
) -> None:
    """Raise unless `x`, `weight`, `bias` and `groups` fit together."""
    if type(groups) is not int or groups < 1:
        raise OptionError(
            f"{name}: groups is an integer of at least 1, not {groups!r}."
        )
    wide, xs = tuple(weight.shape), tuple(x.shape)
    if len(wide) != count + 2 or 0 in wide or len(xs) not in (count + 1, count + 2):
        raise _wrong_axes(name, count, xs, wide, transposed)
    channels = xs[-count - 1]
    needed = wide[0] if transposed else wide[1] * groups
    if channels != needed:
        of = f" in each of {groups} groups" if groups > 1 and not transposed else ""
        raise ShapeError(
            f"{name}: weight has {needed // groups if of else needed} input channels"
            f"{of} but x has {channels} (x: {xs}, weight: {wide}). Channels are axis "
            f"{len(xs) - count - 1}."
        )
    if wide[0] % groups:
        side = "input" if transposed else "output"
        raise ShapeError(
            f"{name}: {groups} groups do not divide the {wide[0]} {side} channels "
            f"(weight: {wide})."
        )
    outputs = wide[1] * groups if transposed else wide[0]
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise ShapeError(
            f"{name}: bias has shape {tuple(bias.shape)} but weight gives {outputs} "
            f"output channels, so it must be ({outputs},)."
        )
    if x.dtype != weight.dtype:
        _check_dtype(name, x, weight)


def _wrong_axes(
    name: str, count: int, x: Any, weight: Any, transposed: bool
) -> ShapeError:
    shapes = f"(x: {x}, weight: {weight})"
    axes = _AXES[count - 1]
    if len(weight) != count + 2:
        order = "in, out / groups" if transposed else "out, in / groups"
        return ShapeError(
            f"{name}: weight needs {count + 2} axes, ({order}, {axes}) {shapes}."
        )
    if 0 in weight:
        return ShapeError(f"{name}: weight has an axis of length 0 {shapes}.")
    return ShapeError(
        f"{name}: x needs {count + 2} axes, (batch, channels, {axes}), or {count + 1} "
        f"without the batch {shapes}."
    )


def _check_dtype(name: str, x: Any, weight: Any) -> None:
    """Refuse integers, which would change the dtype of everything after them."""
    kind = str(x.dtype)
    if "int" in kind or "bool" in kind:
        raise DTypeError(
            f"{name}: x has dtype {kind} but weight is {weight.dtype}. Cast it first: "
            "xp.astype(x, xp.float32)."
        )


def check_room(
    name: str, x: Any, weight: Any, padding: Pairs, dilation: tuple[int, ...]
) -> None:
    """Raise if the kernel covers more elements than an axis has."""
    kernel, sizes = weight.shape[2:], x.shape[-len(dilation) :]
    for axis, (n, k, (p, q), d) in enumerate(
        zip(sizes, kernel, padding, dilation, strict=True), x.ndim - len(dilation)
    ):
        if d * (k - 1) + 1 > n + p + q:
            raise ShapeError(
                f"{name}: a kernel of {k} with dilation {d} covers {d * (k - 1) + 1} "
                f"elements, but axis {axis} of x has {n} and {p + q} of padding (x: "
                f"{tuple(x.shape)}, weight: {tuple(weight.shape)}). Pad more, or take "
                "a smaller kernel."
            )


def size_before(n: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Return the shortest axis that a convolution makes `n` elements of."""
    return (n - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding


def from_output_size(
    name: str,
    output_size: Any,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[int, ...]:
    """Return the output padding that gives an output of `output_size`."""
    count = len(kernel)
    wanted = several(name, "output_size", tuple(output_size)[-count:], count, 0)
    geometry = zip(sizes, kernel, stride, padding, dilation, strict=True)
    least = [size_before(*numbers) for numbers in geometry]
    found = tuple(w - m for w, m in zip(wanted, least, strict=True))
    if any(not 0 <= f < s for f, s in zip(found, stride, strict=True)):
        most = [m + s - 1 for m, s in zip(least, stride, strict=True)]
        raise OptionError(
            f"{name}: output_size is {tuple(wanted)}; for an input of {sizes} it can "
            f"be from {tuple(least)} to {tuple(most)}."
        )
    return found
