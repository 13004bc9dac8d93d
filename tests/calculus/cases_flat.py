"""The cases of functions without a derivative: as a constant, never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import add, distinct, fractional, named, precision

# --- functions without a derivative ---------------------------------------------------


def _flat(
    row: str,
    call: Callable[..., Any],
    sample: Callable[..., Any] = distinct,
    **options: Any,
) -> None:
    """A flat function alone, and as a factor that must act as a constant."""
    for shape in ((), (0,), (0, 3), (1,), (2, 1, 3)):
        if options.get("shapes") and shape not in options["shapes"]:
            continue
        extra = {k: v for k, v in options.items() if k != "shapes"}
        x = sample(shape, row)
        add(row, "alone", call, x, layouts=False, **extra)
        add(
            row,
            "as a constant",
            lambda xp, x: _frozen(xp, call(xp, x), x),
            x,
            layouts=False,
            **extra,
        )


def _frozen(xp: Any, made: Any, x: Any) -> Any:
    """Return x times the sum of what a flat function made: linear in x."""
    parts = made if isinstance(made, (tuple, list)) else [made]
    total = 0.0 * xp.sum(x)
    for part in parts:
        if hasattr(part, "dtype"):
            assert not part.requires_grad
            total = total + xp.sum(xp.astype(part, x.dtype))
    return xp.where(xp.isfinite(total), total, xp.zeros_like(total)) * x


_some = ((1,), (2, 1, 3))
for _name in ("ceil", "floor", "round", "trunc"):
    _flat(_name, named(_name), fractional)
for _name in ("isfinite", "isinf", "isnan", "signbit"):
    _flat(_name, named(_name))
for _name in ("equal", "greater", "greater_equal", "less", "less_equal", "not_equal"):
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x, 0.1))
_flat("floor_divide", lambda xp, x: xp.floor_divide(x, 1.0), fractional)
_flat("logical_not", lambda xp, x: xp.logical_not(x > 0))
for _name in ("logical_and", "logical_or", "logical_xor"):
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x > 0, x < 1))
_flat("bitwise_invert", lambda xp, x: xp.bitwise_invert(x > 0))
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    _flat(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(xp.astype(xp.abs(x), xp.int64), 5),
        fractional,
    )
for _name in ("bitwise_left_shift", "bitwise_right_shift"):
    _flat(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(xp.astype(xp.abs(x), xp.int64), 1),
        fractional,
    )
for _name in ("argmax", "argmin"):
    _flat(_name, named(_name), shapes=_some)
    _flat(
        _name,
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=-1, keepdims=True),
        shapes=_some,
    )
_flat(
    "argsort",
    lambda xp, x: xp.argsort(x, descending=True),
    shapes=((1,), (0,), (2, 1, 3)),
)
for _name in ("all", "any", "count_nonzero"):
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x > 0))
    _flat(_name, lambda xp, x, n=_name: getattr(xp, n)(x > 0, axis=0), shapes=_some)
_flat(
    "nonzero",
    lambda xp, x: xp.nonzero(x > 0),
    shapes=_some,
    needs=("data_dependent_shapes",),
)
_flat(
    "isin",
    lambda xp, x: xp.isin(xp.astype(x, xp.int64), xp.put(np.zeros(1, "i8"))),
    fractional,
)
_flat(
    "searchsorted",
    lambda xp, x: xp.searchsorted(
        xp.put(np.asarray([-0.5, 0.0, 0.5], precision(x))), x
    ),
    shapes=((0,), (1,), (2, 1, 3)),
)
for _name in ("zeros_like", "ones_like"):
    _flat(_name, named(_name))
_flat(
    "empty_like",
    lambda xp, x: xp.zeros_like(x) * xp.astype(xp.empty_like(x) == 0, x.dtype),
)
_flat("full_like", lambda xp, x: xp.full_like(x, 2.5))


def _options(x: Any) -> dict[str, Any]:
    """Return the options that make an array like `x`."""
    device = x.device if x._lib.place is None else None
    return {"dtype": x.dtype, "device": device}


_flat("zeros", lambda xp, x: xp.zeros((2, 3), **_options(x)), shapes=_some)
_flat("ones", lambda xp, x: xp.ones((2, 3), **_options(x)), shapes=_some)
_flat("empty", lambda xp, x: xp.empty((2, 0), **_options(x)), shapes=_some)
_flat("full", lambda xp, x: xp.full((2,), 0.5, **_options(x)), shapes=_some)
_flat("eye", lambda xp, x: xp.eye(2, 3, k=1, **_options(x)), shapes=_some)
_flat("arange", lambda xp, x: xp.arange(0, 3, 0.5, **_options(x)), shapes=_some)
_flat("linspace", lambda xp, x: xp.linspace(0.0, 1.0, 3, **_options(x)), shapes=_some)
_flat(
    "from_dlpack",
    lambda xp, x: xp.from_dlpack(xp.zeros_like(x)),
    shapes=_some,
)
_flat("finfo", lambda xp, x: xp.finfo(x.dtype).eps * xp.ones_like(x), shapes=_some)
_flat("iinfo", lambda xp, x: xp.iinfo(xp.int8).max * xp.ones_like(x), shapes=_some)
_flat(
    "isdtype",
    lambda xp, x: xp.isdtype(x.dtype, "real floating") * 1.0 * xp.ones_like(x),
    shapes=_some,
)
_flat(
    "can_cast",
    lambda xp, x: xp.can_cast(x.dtype, xp.float64) * 1.0 * xp.ones_like(x),
    shapes=_some,
)
_flat(
    "result_type",
    lambda xp, x: xp.zeros_like(x, dtype=xp.result_type(x, x.dtype)),
    shapes=_some,
)
