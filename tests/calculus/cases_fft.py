"""The cases of Fourier transforms: every length, axis, norm; even, odd, cut, filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from calculus.samples import add, corner, plain

NEEDS = ("enabled_extensions",)
NORMS = ("backward", "ortho", "forward")
REAL_TOO = ("numpy", "torch", "jax", "cupy")  # the standard has complex input only


def transform(name: str, **options: Any) -> Callable[..., Any]:
    """Return the function that calls a transform with options."""
    return lambda xp, x: getattr(xp, name)(x, **options)


def _case(name: str, label: str, sample: Any, shape: Any, **options: Any) -> None:
    add(name, label, transform(name, **options), sample(shape, name), needs=NEEDS)


def _words(options: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in options.items()) or "plain"


# --- along one axis -------------------------------------------------------------------

SAMPLES = {
    "fft": corner,
    "ifft": corner,
    "rfft": plain,
    "irfft": corner,
    "hfft": corner,
    "ihfft": plain,
}
ALONG: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((4,), {}),
    ((5,), {}),
    ((1,), {"n": 1}),
    ((2,), {}),
    ((1,), {"n": 2}),
    ((3,), {"n": 3}),
    ((2, 3), {"axis": 0}),
    ((2, 1, 3), {}),
    ((0, 3), {}),
    ((6,), {"n": 3}),
    ((6,), {"n": 4}),
    ((3,), {"n": 8}),
    ((3,), {"n": 7}),
    ((3, 2), {"n": 4, "axis": 0, "norm": "ortho"}),
    ((3, 2), {"n": 3, "axis": -2, "norm": "forward"}),
    ((5, 2), {"n": 3, "axis": 0, "norm": "ortho"}),
)
for _name, _sample in SAMPLES.items():
    for _shape, _options in ALONG:
        _case(_name, _words(_options), _sample, _shape, **_options)
    for _norm in NORMS:
        _case(_name, _norm, _sample, (2, 4), norm=_norm)
        _case(_name, _norm, _sample, (2, 5), norm=_norm)

for _name in ("fft", "ifft", "fftn", "ifftn"):
    add(_name, "of real numbers", transform(_name), plain((2, 3)), only=REAL_TOO)
    add(
        _name,
        "twice",
        lambda xp, x, n=_name: x * getattr(xp, n)(x * x),
        corner((2, 3), _name),
        needs=NEEDS,
    )
for _name, _back in (("rfft", "irfft"), ("rfftn", "irfftn"), ("ihfft", "hfft")):
    add(
        _name,
        "twice",
        lambda xp, x, n=_name, m=_back: xp.real(xp.sum(getattr(xp, n)(x) ** 2)) * x,
        plain((2, 4), _name),
        needs=NEEDS,
    )
    add(
        _back,
        "twice",
        lambda xp, x, n=_back: getattr(xp, n)(x * x) ** 2,
        corner((2, 3), _back),
        needs=NEEDS,
    )
add(
    "irfft",
    "after rfft",
    lambda xp, x: xp.irfft(xp.exp(xp.rfft(x)), n=5),
    plain((5,)) / 4,
    needs=NEEDS,
)
add(
    "fft",
    "a filter",
    lambda xp, x, y: xp.ifft(xp.fft(x, n=6) * xp.fft(y, n=6)),
    corner((4,), 1),
    corner((3,), 2),
    needs=NEEDS,
)

# --- along several axes ---------------------------------------------------------------

SEVERAL = {"fftn": corner, "ifftn": corner, "rfftn": plain, "irfftn": corner}
OVER: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((3,), {}),
    ((2, 3), {}),
    ((3, 2), {"norm": "ortho"}),
    ((2, 3), {"norm": "forward"}),
    ((2, 1, 3), {"axes": (0, 2)}),
    ((3, 2), {"axes": (1, 0)}),
    ((2, 2, 3), {"axes": (-1, 0), "norm": "ortho"}),
    ((2, 3), {"axes": (0,)}),
    ((0, 2, 3), {"axes": (1, 2)}),
    ((2, 3), {"s": (3, 5)}),
    ((3, 4), {"s": (2, 3), "norm": "ortho"}),
    ((2, 3), {"s": (4,)}),
    ((3, 4), {"s": (2, 3), "axes": (1, 0)}),
    ((2, 3, 2), {"s": (3, 3), "axes": (-1, 0), "norm": "forward"}),
)
for _name, _sample in SEVERAL.items():
    for _shape, _options in OVER:
        _case(_name, _words(_options), _sample, _shape, **_options)

# --- order and frequencies ------------------------------------------------------------

for _name in ("fftshift", "ifftshift"):
    for _shape in ((0,), (0, 3), (1,), (4,), (5,), (2, 1, 3)):
        _case(_name, "all axes", plain, _shape)
    _case(_name, "one axis", plain, (3, 4), axes=0)
    _case(_name, "two axes", plain, (3, 2, 5), axes=(-1, 0))
    _case(_name, "complex", corner, (2, 3))
    add(
        _name,
        "twice",
        lambda xp, x, n=_name: x * getattr(xp, n)(x, axes=-1),
        plain((2, 3)),
        needs=NEEDS,
    )

for _name in ("fftfreq", "rfftfreq"):
    for _n, _d in ((1, 1.0), (4, 1.0), (5, 0.25)):
        add(
            _name,
            f"n={_n}, d={_d}",
            lambda xp, x, f=_name, n=_n, d=_d: (
                x * xp.sum(getattr(xp, f)(n, d=d, dtype=x.dtype, device=x.device))
            ),
            np.asarray([0.5, -1.5]),
            needs=NEEDS,
        )
