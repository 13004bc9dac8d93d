"""Padding, for one to three axes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

from ...calculus.array import Array
from ...calculus.convert import asarray
from ...errors import OptionError, ShapeError
from ..functional.padding import pad
from ..module import Module
from .family import family, shown

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]

Ints = int | Sequence[int]


class _Pad(Module):
    """Padding of the last axes."""

    _count: ClassVar[int]
    _mode: ClassVar[str] = "constant"
    value: float | None = None

    def __init__(self, padding: Ints) -> None:
        many = 2 * self._count
        given = tuple(padding) if isinstance(padding, Sequence) else (padding,) * many
        try:
            widths = tuple([operator.index(w) for w in given])
        except TypeError:
            widths = ()
        if len(widths) != many or isinstance(padding, bool):
            raise OptionError(
                f"{type(self).__name__}: padding is an integer, or {many} of them, a "
                f"pair for each axis and the last axis first, not {padding!r}."
            )
        self.padding = widths

    def forward(self, x: Any) -> Array:
        """Return `x` with elements around it."""
        array: Array = x if type(x) is Array else asarray(x)
        if array.ndim < self._count:
            raise ShapeError(
                f"{type(self).__name__}: x needs {self._count} axes or more; its shape "
                f"is {tuple(array.shape)}."
            )
        return pad(array, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        """Return the widths, and the value."""
        return shown(self)


class _ConstantPad(_Pad):
    """Padding with a value."""

    def __init__(self, padding: Ints, value: float) -> None:
        super().__init__(padding)
        self.value = value


class _ReflectionPad(_Pad):
    """Padding by mirror images."""

    _mode = "reflect"


class _ReplicationPad(_Pad):
    """Padding by the outermost elements."""

    _mode = "replicate"


class _CircularPad(_Pad):
    """Padding by what stands at the other end."""

    _mode = "circular"


_DOC = """{{line}}

    {{formula}}

    Parameters
    ----------
    padding : int or sequence of int
        ``(left, right, top, bottom, front, back)``, for as many axes as there are, the
        last one first; one number stands for all. Negative ones take away.{more}

    Raises
    ------
    OptionError
        If there are not two widths for each axis.
    ShapeError
        If the input has too few axes, or too few elements along one.

    Notes
    -----
    Input (..., {{sizes}}). As PyTorch's ``{{name}}``.

    Examples
    --------
    >>> import numpy as np
    >>> {{name}}({options})(np.ones({{shape}})).shape
    {{out}}
    """

_VALUE = """
    value : float
        The value of the new elements."""

_SHAPES = ((2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6))
_OUTS = ((2, 3, 6), (2, 3, 6, 7), (2, 3, 6, 7, 8))


def _family(
    base: type[_Pad], name: str, line: str, formula: str, value: bool = False
) -> tuple[type[_Pad], type[_Pad], type[_Pad]]:
    doc = _DOC.format(more=_VALUE if value else "", options="1, 0.5" if value else "1")
    doc = doc.replace("{line}", line).replace("{formula}", formula)
    return family(base, name, doc, shape=_SHAPES, out=_OUTS)


ZeroPad1d, ZeroPad2d, ZeroPad3d = _family(
    _Pad,
    "ZeroPad",
    "Put zeros around the last axes.",
    "``out[i] = x[i - left]`` where there is such an element, else 0.",
)
ConstantPad1d, ConstantPad2d, ConstantPad3d = _family(
    _ConstantPad,
    "ConstantPad",
    "Put a value around the last axes.",
    "``out[i] = x[i - left]`` where there is such an element, else `value`.",
    value=True,
)
ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = _family(
    _ReflectionPad,
    "ReflectionPad",
    "Put mirror images around the last axes.",
    "``out[left - i] = x[i]`` and ``out[left + n - 1 + i] = x[n - 1 - i]``: the"
    "\n    outermost element stands once, and a width is at most ``n - 1``.",
)
ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = _family(
    _ReplicationPad,
    "ReplicationPad",
    "Repeat the outermost elements around the last axes.",
    "``out[i] = x[min(max(i - left, 0), n - 1)]``.",
)
CircularPad1d, CircularPad2d, CircularPad3d = _family(
    _CircularPad,
    "CircularPad",
    "Continue the last axes at their other end.",
    "``out[i] = x[(i - left) mod n]``; a width is at most n.",
)
