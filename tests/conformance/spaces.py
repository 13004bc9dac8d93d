"""The namespaces that the official suite is pointed at, by name.

``numpy``, ``array_api_strict``, ``torch`` and ``jax`` are xpnet's namespace over that
library. With ``_recorded`` behind the name, every floating-point array that a function
returns is a variable on the tape, so that the suite runs all the recording code.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

if "jax" in os.environ.get("ARRAY_API_TESTS_MODULE", ""):
    import jax as _jax  # `jax` is a namespace of this module

    _jax.config.update("jax_enable_x64", True)  # the standard's default is float64

import xpnet as xn
from xpnet.calculus import namespace
from xpnet.calculus.tape import Leaf
from xpnet.trees import flatten


def _on_tape(x: Any) -> Any:
    """Return an array as a new variable, if it can have a gradient and has none."""
    if type(x) is xn.Array and x._node is None and x._lib.is_floating(x.data.dtype):
        return xn.Array(x.data, x._lib, Leaf(x._lib))
    return x


def _recording(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def recorded(*args: Any, **options: Any) -> Any:
        out = function(*args, **options)
        if isinstance(out, (tuple, list)):
            leaves, rebuild = flatten(out)
            return rebuild([_on_tape(leaf) for leaf in leaves])
        return _on_tape(out)

    return recorded


def _recorded(space: Any, name: str) -> Any:
    values = {}
    for key, value in vars(space).items():
        if isinstance(value, (ModuleType, namespace.Namespace)):
            values[key] = _recorded(value, f"{name}.{key}")
        elif callable(value) and not isinstance(value, type) and key[0] != "_":
            values[key] = _recording(value)
        elif key[0] != "_" or key.startswith("__array"):
            values[key] = value
    return namespace.Namespace(name, values)


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    library = name.removesuffix("_recorded")
    space = xn.xp if library == "numpy" else xn.namespace(library)
    if library != name:
        space = _recorded(space, name)
        # the arrays themselves say that they belong to it
        namespace.SPACES[library] = space
    return space
