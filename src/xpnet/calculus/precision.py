"""Mixed precision: products in a type of half the size, all else in float32."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any, final

from ..backend.library import Library
from ..errors import DTypeError, LibraryError, OptionError
from .array import Array
from .convert import asarray

__all__ = ["LOW", "autocast", "current", "lowered", "precision_of", "used", "widened"]

LOW = ("float16", "bfloat16")

used = False
"""Whether there has been any `autocast` so far: what a function asks at first."""

_target: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "xpnet_autocast", default=None
)
current = _target.get
_before: contextvars.ContextVar[tuple[str | None, ...]] = contextvars.ContextVar(
    "xpnet_autocast_before", default=()
)


@final
class autocast(contextlib.ContextDecorator):
    """Compute products in a low type inside the ``with`` block; also a decorator.

    Linear layers, convolutions, attention and recurrent layers cast what they are
    given, parameters too, from float32 to the low type, and give results in it.
    Normalizations, softmax and losses cast what is low to float32 first. Everything
    else computes in the type that it is given. The casts are recorded: parameters stay
    float32, and so do their gradients.

    Parameters
    ----------
    dtype : str or dtype
        ``"float16"`` or ``"bfloat16"``; or a dtype of any library with that name.
    enabled : bool
        False computes in float32 again, inside a block that does not.

    Raises
    ------
    OptionError
        If the dtype is another one.
    DTypeError
        At the first product, if the array library has no such type: NumPy and CuPy have
        float16, PyTorch and JAX have both, array-api-strict has neither.

    Notes
    -----
    Products of low numbers are summed in float32 before they are rounded. float16 has
    a largest number of 65504 and a smallest of 6e-8, so that small gradients vanish in
    it: scale the loss with `xpnet.optim.GradScaler`. bfloat16 has the range of float32
    and needs no scaler. Arrays of float64 are left alone, with everything they meet.

    Micikevicius et al., "Mixed Precision Training", ICLR 2018; ``torch.autocast``,
    whose list of functions is this one, and which keeps the casts of parameters until
    the block ends, where here they are made at each use.

    Examples
    --------
    >>> from xpnet import nn, xp
    >>> layer = nn.Linear(2, 1, rng=0)
    >>> with autocast("float16"):
    ...     out = layer(xp.ones((3, 2), dtype=xp.float32))
    >>> out.dtype, layer.weight.dtype
    (dtype('float16'), dtype('float32'))
    """

    def __init__(self, dtype: Any = "float16", enabled: bool = True) -> None:
        name = _name(getattr(dtype, "__name__", dtype))
        if name not in LOW:
            raise OptionError(
                f"autocast: dtype is 'float16' or 'bfloat16', not {dtype!r}. To "
                "compute in float32, pass enabled=False."
            )
        self.dtype, self.enabled = name, enabled

    def __enter__(self) -> autocast:
        global used
        used = True
        _before.set((*_before.get(), _target.get()))
        _target.set(self.dtype if self.enabled else None)
        return self

    def __exit__(self, *error: object) -> None:
        *kept, before = _before.get()
        _before.set(tuple(kept))
        _target.set(before)

    def __repr__(self) -> str:
        note = "" if self.enabled else ", enabled=False"
        return f"autocast({self.dtype!r}{note})"


@contextlib.contextmanager
def precision_of(dtype: str | None) -> Iterator[None]:
    """Compute as under an `autocast` to `dtype`, or as without any."""
    token = _target.set(dtype)
    try:
        yield
    finally:
        _target.reset(token)


def lowered(*arrays: Any) -> tuple[Any, ...]:
    """Return arrays as a product takes them: low where an `autocast` says so.

    What is not real floating point stays as it is, None too; with an array of float64
    all stay.
    """
    target = _target.get()
    if target is None:
        return arrays
    made: list[Any] = [
        x if x is None or type(x) is Array else asarray(x) for x in arrays
    ]
    names = [None if x is None else _name(x.data.dtype) for x in made]
    if "float64" in names:
        return arrays
    return tuple(
        [
            x if name == target or not _changes(name) else _cast(x, target)
            for x, name in zip(made, names, strict=True)
        ]
    )


def widened(*arrays: Any) -> tuple[Any, ...]:
    """Return arrays as a norm or a loss takes them: float32 in place of a low type.

    Only inside an `autocast`: without one, arrays are of the types that a person chose.
    """
    if _target.get() is None:
        return arrays
    return tuple(
        [
            _cast(x, "float32")
            if type(x) is Array and _name(x.data.dtype) in LOW
            else x
            for x in arrays
        ]
    )


def _changes(name: str | None) -> bool:
    return name == "float32" or name in LOW


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def _cast(x: Array, name: str) -> Array:
    lib = x._lib
    try:
        dtype = getattr(lib.raw, name)
    except LibraryError:
        raise _lacking(lib, name) from None
    return lib.recorded.astype(x, dtype)  # type: ignore[no-any-return]


def _lacking(lib: Library, name: str) -> DTypeError:
    have = {
        "float16": "NumPy, CuPy, PyTorch and JAX have it",
        "bfloat16": "PyTorch and JAX have it, and NumPy and CuPy have 'float16'",
    }
    return DTypeError(f"autocast: {lib.name} has no {name}; {have[name]}.")
