"""Layers that differ only in the number of axes: one class, and three final ones."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from ..module import Module

__all__ = ["AXES", "family", "shown"]

T = TypeVar("T", bound=Module)

AXES = {1: "length", 2: "height, width", 3: "depth, height, width"}
"""The names of the axes that a layer works on."""


def family(
    base: type[T], name: str, doc: str, **examples: tuple[Any, Any, Any]
) -> tuple[type[T], type[T], type[T]]:
    """Return the layers ``name1d``, ``name2d`` and ``name3d``: final, documented.

    Each has a `base` that reads ``_count``. The text `doc` may use ``{name}``,
    ``{count}``, ``{sizes}`` and, by name, one of three `examples`.
    """
    one, two, three = (
        type(
            f"{name}{count}d",
            (base,),
            {
                "__doc__": doc.format(
                    name=f"{name}{count}d",
                    count=count,
                    sizes=AXES[count],
                    **{key: values[count - 1] for key, values in examples.items()},
                ),
                "__module__": base.__module__,
                "__final__": True,
                "_count": count,
            },
        )
        for count in AXES
    )
    return one, two, three


def shown(layer: Any, **usual: Any) -> str:
    """Return the options of a layer that are not the default, for its `repr`.

    `usual` holds a default that follows from other options.
    """
    found = []
    for name, parameter in inspect.signature(type(layer)).parameters.items():
        value = getattr(layer, name)
        default = usual.get(name, parameter.default)
        if value is not default and value != default:
            found.append(f"{name}={value!r}")
    return ", ".join(found)
