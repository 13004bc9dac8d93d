"""The NaN or infinity that a result has and its arguments do not, in words."""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator
from typing import Any

from ..backend.library import Library, library_of
from ..errors import NonFiniteError
from .convert import SCALARS

__all__ = ["look"]


def look(
    infinities: bool,
    lib: Library,
    name: str,
    given: list[tuple[str, Any]],
    out: Any,
    where: Callable[[], str],
) -> None:
    """Raise if a result has a NaN or an infinity that nothing given has."""
    for x in _floats(lib, out):
        with lib.quiet():
            for flaw in ("isnan", "isinf") if infinities else ("isnan",):
                # a NaN must come from a NaN; an infinity from anything not finite
                excuse = ("isnan",) if flaw == "isnan" else ("isnan", "isinf")
                if _has(lib, x, flaw) and not any(
                    _has(lib, value, kind) for _, value in given for kind in excuse
                ):
                    text = _message(lib, name, given, x, flaw)
                    raise NonFiniteError(
                        f"{text}\n  {where()}\n  {_advice(name, flaw)}"
                    )


def _floats(lib: Library, value: Any) -> Iterator[Any]:
    """Return the floating-point arrays in a value, raw."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _floats(lib, part)
    elif type(value) not in SCALARS and value is not None and library_of(value) is lib:
        x = lib.adopt(value)
        if lib.is_floating(x.dtype):
            yield x


def _has(lib: Library, value: Any, flaw: str) -> bool:
    """Tell whether a value has a NaN (``"isnan"``) or an infinity (``"isinf"``)."""
    if type(value) in SCALARS:
        return bool(getattr(cmath, flaw)(value))
    raw = lib.raw
    test = getattr(raw, flaw)
    return any(bool(raw.any(test(x))) for x in _floats(lib, value))


def _message(
    lib: Library,
    name: str,
    given: list[tuple[str, Any]],
    out: Any,
    flaw: str,
) -> str:
    """Return what was made where, and the range of everything that went in."""
    mask = lib.to_host(getattr(lib.raw, flaw)(out))
    index = _unraveled(int(mask.reshape(-1).argmax()), mask.shape)
    bad = lib.to_host(out)[index].item()
    place = f" at index {index}" if index else ""
    count = int(mask.sum())
    more = f", and {count - 1:,} more" if count > 1 else ""
    source = "finite numbers" if flaw == "isinf" else "numbers without a NaN"
    lines = [f"{name} made {bad}{place}{more}, out of {source}."]
    for label, value in given:
        if type(value) in SCALARS:
            lines.append(f"{label}: {value}")
        for x in _floats(lib, value):
            lines.append(f"{label}: {_range(lib.to_host(x), index, mask.shape)}")
    return "\n  ".join(lines)


def _unraveled(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of the element at a position in row-major order."""
    index: tuple[int, ...] = ()
    for length in reversed(shape):
        position, last = divmod(position, length)
        index = (last, *index)
    return index


def _range(x: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return the form of an array on the host, its range, and its value at an index."""
    text = f"{x.dtype} {x.shape}"
    if not x.size:
        return text
    sizes = abs(x) if x.dtype.kind == "c" else x
    text += " of sizes" if x.dtype.kind == "c" else ""
    text += f" from {sizes.min():.6g} to {sizes.max():.6g}"
    same = x.ndim and x.shape == shape
    return f"{text}, and {x[index]:.6g} at that index" if same else text


_LOGARITHMS = ("log", "log2", "log10", "log1p", "xlogy")
_QUOTIENTS = ("divide", "reciprocal", "remainder", "floor_divide")
_GROWING = ("exp", "expm1", "matmul", "multiply", "pow", "prod", "square", "sum")


def _advice(name: str, flaw: str) -> str:
    """Return what to do about it."""
    function = name.removesuffix(" rule").rpartition(" of ")[2]
    if function in _LOGARITHMS:
        return (
            "The logarithm wants positive numbers: choose them before it, as in "
            "xp.log(xp.where(x > 0, x, 1.0)), or compute the whole with "
            "xp.special.logsumexp, log_softmax, log_expit or xlogy."
        )
    if function in _QUOTIENTS:
        return (
            "Keep the divisor away from 0: choose it before the division, as in "
            "x / xp.where(y != 0, y, 1.0), or add a small number to it."
        )
    grown = flaw == "isinf" and (
        name == function or function in _GROWING or name.startswith("the sum")
    )
    if grown:
        return (
            "The result is larger than the dtype can hold: scale the arguments, work "
            "with logarithms, or use float64."
        )
    if name != function:
        return (
            "The derivative is not finite at such a point. Keep the argument away from "
            "it before the operation: f(xp.where(ok, x, safe)); choosing afterwards "
            "does not help where the cotangent is not 0."
        )
    return (
        "Such arguments have no result. Look at where they come from, or replace them "
        "before the operation: f(xp.where(ok, x, safe))."
    )
