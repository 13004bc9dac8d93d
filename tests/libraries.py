"""The array libraries that tests run on, and one way to make an array in each.

A `Target` is one library on one device. ``TARGETS`` lists those that every contract
walks: NumPy, array-api-strict on its default device and on a second one (where a
forgotten ``device=`` raises), PyTorch and JAX where they are installed and CuPy where
there is a GPU. JAX compiles each operation for each shape: of the contract's cases it
gets two of every row, and all of them under ``--thorough``.
"""

from __future__ import annotations

import contextlib
import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import xpnet as xn

STRICTEST = {
    "boolean_indexing": False,
    "data_dependent_shapes": False,
    "enabled_extensions": (),
}
ALL = {
    "boolean_indexing": True,
    "data_dependent_shapes": True,
    "enabled_extensions": ("linalg", "fft"),
}


@dataclass(frozen=True)
class Target:
    """One library on one device.

    Attributes
    ----------
    name : str
        How tests call it: ``"strict-device1"``.
    library : str
        The library's name as xpnet knows it.
    device : str
        The library's own device, empty for the default one.
    strictest : bool
        Whether optional parts of the standard are switched off (array-api-strict).
    """

    name: str
    library: str
    device: str = ""
    strictest: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def namespace(self) -> Any:
        """xpnet's namespace over the library."""
        return xn.namespace(self.library)

    def raw(self, values: Any) -> Any:
        """Return a NumPy array as an array of the library, on the device."""
        values = np.asarray(values)
        if self.library == "numpy":
            return values
        if self.library == "torch":
            import torch

            return torch.from_numpy(values.copy())
        if self.library == "jax":
            import jax.numpy

            return jax.numpy.asarray(values)
        if self.library == "cupy":
            import cupy

            return cupy.asarray(values)
        import array_api_strict as strict

        return strict.asarray(values, device=strict.Device(self.device))

    def make(self, values: Any, requires_grad: bool = False) -> xn.Array:
        """Return a NumPy array as an `xn.Array` of the library, on the device."""
        return xn.asarray(self.raw(values), requires_grad=requires_grad)

    def flags(self, *needs: str) -> contextlib.AbstractContextManager[Any]:
        """Return a context with the strictest flags, but for what a test needs."""
        if not self.strictest:
            return contextlib.nullcontext()
        import array_api_strict as strict

        values = {k: ALL[k] if k in needs else v for k, v in STRICTEST.items()}
        return strict.ArrayAPIStrictFlags(**values)

    def skip_unless_here(self) -> None:
        """Skip the test, with the reason, where the library cannot be used."""
        if self.library in ("torch", "jax") and not has(self.library):
            pytest.skip(f"{self.library} is not installed")
        if self.library == "cupy" and not has_cupy():
            pytest.skip("no CuPy with a working CUDA device")


def has(package: str) -> bool:
    """Tell whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def has_cupy() -> bool:
    """Tell whether CuPy is installed and sees a GPU."""
    if not has("cupy"):
        return False
    import cupy

    return bool(cupy.is_available())


NUMPY = Target("numpy", "numpy")
STRICT = Target("strict", "array_api_strict", "CPU_DEVICE")
STRICT_DEVICE1 = Target("strict-device1", "array_api_strict", "device1", True)
TORCH = Target("torch", "torch")
JAX = Target("jax", "jax")
CUPY = Target("cupy", "cupy")

TARGETS = (NUMPY, STRICT, STRICT_DEVICE1, TORCH, JAX, CUPY)


def parameters(targets: tuple[Target, ...] = TARGETS) -> list[Any]:
    """Return targets as parameters of a test; CuPy, marked, only where it has a GPU.

    Those of a library that is not installed are skipped.
    """
    return [
        pytest.param(t, id=t.name, marks=marks_of(t))
        for t in targets
        if t is not CUPY or has_cupy()
    ]


def marks_of(target: Target) -> list[Any]:
    """Return the marks of the tests of a target."""
    if target.library in ("torch", "jax") and not has(target.library):
        return [pytest.mark.skip(reason=f"{target.library} is not installed")]
    return [pytest.mark.gpu] if target is CUPY else []


def host(x: Any) -> np.ndarray[Any, Any]:
    """Return an `xn.Array`, or anything NumPy takes, as a NumPy array."""
    return x._lib.to_host(x.data) if isinstance(x, xn.Array) else np.asarray(x)
