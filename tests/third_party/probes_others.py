"""Calls of array-api-extra, einops and scikit-learn; see `probes_scipy` for inputs."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from third_party.harness import Probe

CALLS = Path(__file__).with_name("calls_others.txt")
SKLEARN = """decomposition discriminant_analysis kernel_approximation linear_model
metrics mixture naive_bayes preprocessing""".split()


def labels(x: Any) -> Any:
    """Return 0 and 1 by the sign of `x` against its mean, of NumPy or of xpnet."""
    import array_api_compat

    xp = array_api_compat.array_namespace(x)
    return xp.astype(x > xp.mean(x), xp.int64)


def classes(i: Any) -> Any:
    """Return a class for each of seven points."""
    import array_api_compat

    xp = array_api_compat.array_namespace(i)
    return xp.asarray([0, 1, 0, 1, 1, 0, 0], device=array_api_compat.device(i))


class _Dispatch:
    """``with`` block in which scikit-learn takes arrays of other libraries."""

    def __enter__(self) -> None:
        import sklearn

        self._context: AbstractContextManager[Any] = sklearn.config_context(
            array_api_dispatch=True
        )
        self._context.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)


def _probes(package: str, prefix: str, scope: Any, around: Any = None) -> list[Probe]:
    found = []
    text = CALLS.read_text("utf-8").partition(f"[{package}]\n")[2].partition("\n\n")[0]
    for line in text.splitlines():
        name = line.split("(")[0]
        found.append(Probe(f"{package}.{name}", f"{prefix}{line}", scope, around))
    return found


def extra_probes() -> list[Probe]:
    """Return the probes of array-api-extra."""
    import array_api_extra

    return _probes("array_api_extra", "xpx.", {"xpx": array_api_extra})


def einops_probes() -> list[Probe]:
    """Return the probes of einops: its functions for the standard's arrays."""
    import einops.array_api

    return _probes("einops.array_api", "einops.", {"einops": einops.array_api})


def sklearn_probes() -> list[Probe]:
    """Return the probes of scikit-learn."""
    names = {name: importlib.import_module(f"sklearn.{name}") for name in SKLEARN}
    scope = {**names, "labels": labels, "classes": classes}
    return _probes("sklearn", "", scope, _Dispatch)
