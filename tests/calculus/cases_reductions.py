"""The cases of reductions, running sums and products, and softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calculus.samples import SHAPES, add, away, corner, distinct, looked_up, plain

# --- reductions -----------------------------------------------------------------------


def _reductions(
    name: str, sample: Callable[..., Any], *, empty: bool = True, **options: Any
) -> None:
    f = looked_up(name)
    for shape in SHAPES:
        if empty or 0 not in shape:
            add(
                name,
                "everything",
                lambda xp, x: f(xp)(x, **options),
                sample(shape, name),
            )
    if not empty:  # no element to choose: reduce along an axis that has some
        add(
            name,
            "empty",
            lambda xp, x: f(xp)(x, axis=1, **options),
            sample((0, 3), name),
        )
    for axis in (0, -1, 1, (0, 2), (-1, 0, 1), ()):
        if axis == () and name not in (
            "sum",
            "mean",
            "prod",
            "max",
            "min",
            "var",
            "std",
        ):
            continue
        for keepdims in (False, True):
            if axis == () and keepdims:
                continue
            add(
                name,
                f"axis={axis}, keepdims={keepdims}",
                lambda xp, x, a=axis, k=keepdims: f(xp)(
                    x, axis=a, keepdims=k, **options
                ),
                sample((2, 1, 3) if axis == -1 else (2, 2, 3), name, axis, keepdims),
                layouts=axis in (-1, (0, 2)) and not keepdims,
            )
    add(
        name,
        "twice",
        lambda xp, x: f(xp)(x, axis=-1, keepdims=True, **options) * x,
        sample((2, 3), name),
    )
    add(
        name,
        "not at all",
        lambda xp, x, y: f(xp)(x, **options),
        sample((2, 2), name),
        plain((2,)),
    )


_reductions("sum", plain)
_reductions("mean", plain)
_reductions("var", plain)
_reductions("std", distinct, empty=False)
_reductions("prod", away(0.5, 1.5))
_reductions("max", distinct, empty=False)
_reductions("min", distinct, empty=False)
_reductions("logsumexp", plain, empty=False)
for _name in ("sum", "prod"):
    add(
        _name,
        "complex",
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=0),
        corner((3, 2), _name),
    )
    add(
        _name,
        "dtype",
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=0, dtype=x.dtype),
        plain((3, 2), _name),
    )
    add(
        _name,
        "to float64",
        lambda xp, x, n=_name: getattr(xp, n)(x, axis=0, dtype=xp.float64),
        plain((3, 2), _name),
        narrow=False,
    )
add("mean", "complex", lambda xp, x: xp.mean(x, axis=0), corner((3, 2), "mean"))
for _zeros in (1, 2, 3):
    _values = away(0.5, 1.5)((4, 3), "zeros")
    _values[:_zeros, 1] = 0.0
    add("prod", f"{_zeros} zeros", lambda xp, x: xp.prod(x, axis=0), _values)
for _correction in (1, 0.5):
    for _name in ("var", "std"):
        add(
            _name,
            f"correction {_correction}",
            lambda xp, x, n=_name, c=_correction: getattr(xp, n)(
                x, axis=-1, correction=c
            ),
            distinct((2, 4), _name),
        )


# --- running sums and products, differences -------------------------------------------

for _name, _sample in (("cumulative_sum", plain), ("cumulative_prod", away(0.5, 1.5))):
    _f = looked_up(_name)
    for _shape in ((0,), (1,), (4,)):
        add(_name, "a row", lambda xp, x, f=_f: f(xp)(x), _sample(_shape, _name))
        add(
            _name,
            "with the initial value",
            lambda xp, x, f=_f: f(xp)(x, include_initial=True),
            _sample(_shape, _name),
        )
    for _axis in (0, 1, -1):
        for _shape in ((2, 1, 3), (0, 3, 2)):
            for _initial in (False, True):
                add(
                    _name,
                    f"axis={_axis}, initial={_initial}",
                    lambda xp, x, f=_f, a=_axis, i=_initial: f(xp)(
                        x, axis=a, include_initial=i
                    ),
                    _sample(_shape, _name),
                    layouts=_axis == 1,
                )
    add(_name, "twice", lambda xp, x, f=_f: f(xp)(x) * x, _sample((4,), _name))
    add(_name, "complex", lambda xp, x, f=_f: f(xp)(x, axis=1), corner((2, 3), _name))
    add(
        _name,
        "dtype",
        lambda xp, x, f=_f: f(xp)(x, dtype=x.dtype),
        _sample((4,), _name),
    )
_values = away(0.5, 1.5)((2, 5), "cumulative zeros")
_values[0, 2] = _values[1, 0] = _values[1, 3] = 0.0
add("cumulative_prod", "zeros", lambda xp, x: xp.cumulative_prod(x, axis=1), _values)

for _n in (0, 1, 2):
    for _axis in (-1, 0, 1):
        add(
            "diff",
            f"n={_n}, axis={_axis}",
            lambda xp, x, n=_n, a=_axis: xp.diff(x, n=n, axis=a),
            plain((3, 4), "diff"),
            layouts=_axis == 0,
        )
add(
    "diff",
    "ends",
    lambda xp, x, a, b: xp.diff(x, axis=1, prepend=a, append=b),
    plain((2, 3)),
    plain((2, 1)),
    plain((2, 2)),
)
add("diff", "empty", lambda xp, x: xp.diff(x), plain((0, 3)))


# --- softmax --------------------------------------------------------------------------

for _name in ("softmax", "log_softmax"):
    _f = looked_up(_name)
    for _shape in ((1,), (0, 3), (4,), (2, 1, 3)):
        add(_name, "the last axis", lambda xp, x, f=_f: f(xp)(x), plain(_shape, _name))
    for _axis in (0, 1, -1):
        add(
            _name,
            f"axis={_axis}",
            lambda xp, x, f=_f, a=_axis: f(xp)(x, axis=a),
            plain((2, 3), _name),
        )
    add(_name, "twice", lambda xp, x, f=_f: f(xp)(x) * x, plain((2, 3), _name))
