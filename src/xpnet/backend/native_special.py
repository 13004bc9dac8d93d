"""Which special functions are a library's own, and which are ours.

A library's own is taken where it is as accurate as docs/numerics.md promises. NumPy has
none; SciPy's are for NumPy's arrays and are imported at their first use, if SciPy is
installed.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .special import FALLBACKS, digamma_from

__all__ = ["native_special"]

Function = Callable[..., Any]
_BLOCK = 2**14
"""Elements whose intermediate results stay in the cache."""


def native_special(library: Any, name: str) -> Function | None:
    """Return the special function for a library's arrays; None where ours is taken."""
    if name not in FALLBACKS or library.name not in _OF:
        return None
    return _OF[library.name](library, name)


# --- NumPy ----------------------------------------------------------------------------


def scipy_special() -> Any:
    """Return SciPy's special functions, or None where SciPy is not installed."""
    try:
        return importlib.import_module("scipy.special")
    except ImportError:
        return None


def _in_blocks(library: Any, name: str) -> Function:
    """Return our function for NumPy's arrays, which computes them piece by piece."""
    function = functools.partial(FALLBACKS[name], library.raw)

    def blocked(x: Any, /, *options: Any) -> Any:
        with np.errstate(all="ignore"):
            if x.size <= _BLOCK:
                return function(x, *options)
            flat = np.reshape(x, -1)
            parts = [flat[i : i + _BLOCK] for i in range(0, x.size, _BLOCK)]
            out = np.empty(x.shape, x.dtype)
            target = np.reshape(out, -1)
            for i, part in enumerate(parts):
                target[i * _BLOCK : i * _BLOCK + part.size] = function(part, *options)
        return out

    return blocked


def _numpy(library: Any, name: str) -> Function | None:
    """Return a function for NumPy's arrays.

    SciPy's erf is the faster in double precision, ours in single. Its erfc loses 500
    ulp in double precision, its digamma 1000 beside a pole, its gammaln all digits
    beside 1 and 2; its polygamma is slow.
    """
    if name == "xlogy":
        return _strict(library, name)
    ours = _in_blocks(library, name)
    scipy = None if name in ("gauss", "polygamma_at") else scipy_special()
    if scipy is None:
        return ours
    theirs = getattr(scipy, name)
    if name == "digamma":
        theirs = functools.partial(_reflected, library.raw, theirs)
    if name == "gammaln":
        theirs = functools.partial(_patched, theirs, ours)
    kinds = {"erf": "dFD", "erfc": "fFD", "gammaln": "fd", "digamma": "fd"}[name]
    return lambda x, /: theirs(x) if x.dtype.char in kinds else ours(x)


def _quietly(function: Function, *args: Any) -> Any:
    with np.errstate(all="ignore"):
        return function(*args)


def _reflected(xp: Any, right: Function, x: Any, /) -> Any:
    if not np.any(x < 0):
        return right(x)
    out = _quietly(digamma_from, xp, x.astype(np.float64), right)
    return out.astype(x.dtype)


def _patched(theirs: Function, ours: Function, x: Any, /) -> Any:
    """Return SciPy's gammaln; ours in (0, 2.5), where it has two zeros, and at -inf."""
    near = ((x > 0) & (x < 2.5)) | (x == -np.inf)
    if x.ndim == 0:
        return ours(x) if near else theirs(x)
    out = theirs(x)
    if near.any():
        out[near] = ours(x[near])
    return out


# --- the others -----------------------------------------------------------------------


def _strict(library: Any, name: str) -> Function:
    """Return ours, without NumPy's warnings where what is not chosen overflows."""
    return functools.partial(_quietly, FALLBACKS[name], library.raw)


def _cupy(library: Any, name: str) -> Function | None:
    if name == "gauss":
        return None
    module = importlib.import_module("cupyx.scipy.special")
    if name == "polygamma_at":
        function = functools.partial(_cupy_polygamma, module)
    else:
        function = getattr(module, name)
    return (
        function if library.alone else functools.partial(library._on_device, function)
    )


def _cupy_polygamma(module: Any, x: Any, n: int) -> Any:
    return module.polygamma(n, x).astype(x.dtype, copy=False)


def _torch(library: Any, name: str) -> Function | None:
    # its digamma and polygamma have lost half of their digits in places
    if name not in ("erf", "erfc", "gammaln", "xlogy"):
        return None
    found: Function = getattr(library.torch.special, name)
    return found


def _jax(library: Any, name: str) -> Function | None:
    module = importlib.import_module("jax.scipy.special")
    if name == "polygamma_at":
        return functools.partial(_jax_polygamma, library, module)
    if name == "digamma":
        return functools.partial(_jax_digamma, library.module, module)
    return None if name == "gauss" else getattr(module, name)


def _jax_polygamma(library: Any, module: Any, x: Any, n: int) -> Any:
    """Return ours, but JAX's own where JAX is without double precision."""
    if library.jax.config.jax_enable_x64:
        return FALLBACKS["polygamma_at"](library.raw, x, n)
    return module.polygamma(n, x)


def _jax_digamma(xp: Any, module: Any, x: Any) -> Any:
    return xp.where(x == 0, -1 / x, module.digamma(x))  # JAX's is NaN at 0


_OF: dict[str, Callable[[Any, str], Function | None]] = {
    "array_api_strict": _strict,
    "numpy": _numpy,
    "cupy": _cupy,
    "torch": _torch,
    "jax": _jax,
}
