"""The table as a namespace: what users import as `xp`, over each library."""

from __future__ import annotations

import math
from typing import Any

from ..backend.library import (
    EXTENSIONS,
    Library,
    foreign,
    generic,
    is_known,
    library_for,
    name_of,
)
from ..errors import LibraryError
from . import operators  # noqa: F401 - gives Array its operators
from .borrowed import borrowed
from .creation import (
    CREATION,
    FREQUENCIES,
    LIKE,
    asarray_in,
    creator,
    from_dlpack_in,
    liker,
)
from .dtypes import DTYPES, Info, questions
from .recorded import Recorded
from .rule import TABLE
from .table.special import PUBLIC as SPECIAL

__all__ = [
    "API_VERSION",
    "SPACES",
    "Namespace",
    "borrowed",
    "members",
    "namespace",
    "part_members",
]

API_VERSION = "2025.12"
_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", API_VERSION)

CONSTANTS = {
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
    "newaxis": None,
    "pi": math.pi,
}

_PARTS = {**EXTENSIONS, "special": SPECIAL}
_APART = {n for names in _PARTS.values() for n in names} - {
    "matmul",
    "matrix_transpose",
    "tensordot",
    "vecdot",
}


def part_members(part: str, home: Library | None) -> dict[str, Any]:
    """Return the functions of ``linalg``, ``fft`` or ``special``."""
    names = [name for name in _PARTS[part] if name in TABLE]
    space = {name: TABLE[name].function for name in names}
    for name in FREQUENCIES:
        if name in space:
            space[name] = creator(name, home)
    return space


def members(home: Library | None) -> dict[str, Any]:
    """Return a namespace's members, over a foreign library or over CPU and CUDA.

    The parts ``linalg``, ``fft`` and ``special`` are not among them.
    """
    lib = library_for("cpu") if home is None else home
    space: dict[str, Any] = {
        name: row.function
        for name, row in TABLE.items()
        if row.public and name not in _APART
    }
    for name in CREATION:
        space[name] = creator(name, home)
    for name in LIKE:
        space[name] = liker(name)
    space |= questions(lambda: lib)
    space["asarray"] = asarray_in(home)
    space["from_dlpack"] = from_dlpack_in(home)
    for name in DTYPES:
        if hasattr(lib.module, name):
            space[name] = getattr(lib.module, name)
    space |= CONSTANTS
    space["__array_api_version__"] = API_VERSION
    space["__array_namespace_info__"] = lambda: Info(home)
    return space


class Namespace:
    """The differentiable Array API namespace over a foreign library."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self.__name__ = name
        self.__dict__.update(values)

    def __repr__(self) -> str:
        return f"<namespace {self.__name__}>"

    def __dir__(self) -> list[str]:
        return sorted(self.__dict__)


SPACES: dict[str, Any] = {}
"""The namespace that arrays of a library belong to, by the library's name."""


def namespace(library: Any) -> Any:
    """Return the differentiable namespace over a library, by its name or its module.

    Parameters
    ----------
    library : str or module
        ``"numpy"`` and ``"cupy"`` give `xpnet.xp` itself; ``"torch"``, ``"jax"`` and
        ``"array_api_strict"`` give the same functions over that library's arrays, with
        its own dtypes and devices. A module may stand for its name (``torch``,
        ``jax.numpy``, ``array_api_compat.torch``). Any other module that follows the
        standard is taken as it is; what it lacks raises LibraryError when it is used.

    Raises
    ------
    LibraryError
        If the name is unknown, the library is not installed, or the module does not
        follow the standard.

    Examples
    --------
    >>> namespace("numpy").__array_api_version__
    '2025.12'
    >>> import numpy
    >>> namespace(numpy) is namespace("numpy")
    True
    """
    if library is SPACES.get("numpy") or type(library) is Namespace:
        return library
    name = library if isinstance(library, str) else name_of(library)
    if name not in SPACES:  # of two threads that make one, the first one's stays
        home = foreign(name) if name == library or is_known(name) else generic(library)
        SPACES.setdefault(home.name, _space_over(home))
    return SPACES[name]


def _space_over(home: Library) -> Namespace:
    name = f"xpnet({home.name})"
    parts: dict[str, Any] = {}
    for part in _PARTS:
        found = part_members(part, home)
        if part == "special":
            found = {**borrowed(), **found}
        parts[part] = Namespace(f"{name}.{part}", found)
    return Namespace(name, {**members(home), **parts})


class _Calculus:
    """What the calculus provides to `Library`, which lies below it."""

    recorded = staticmethod(Recorded)

    @staticmethod
    def space(lib: Library, version: str | None) -> Any:
        if version is not None and version not in _VERSIONS:
            raise LibraryError(
                f"version {version!r} of the standard is not supported; use one of "
                f"{_VERSIONS}."
            )
        return namespace(lib.name)


Library.calculus = _Calculus
