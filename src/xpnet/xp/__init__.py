"""The differentiable Array API namespace: ``from xpnet import xp``.

Every function of the Array API standard 2025.12, on arrays of NumPy (device ``"cpu"``)
and CuPy (``"cuda"``), with a derivative of every order, its extensions ``xp.linalg``
and ``xp.fft``, and in ``xp.special`` the functions that it lacks. The names `abs`,
`sum`, `max` and others are the standard's, not Python's.
"""

import sys as _sys
from typing import Any as _Any

from ..calculus import namespace as _namespace
from . import fft, linalg, special

_MEMBERS = _namespace.members(None)
globals().update(_MEMBERS)
_namespace.SPACES["numpy"] = _namespace.SPACES["cupy"] = _sys.modules[__name__]

__all__ = ["fft", "linalg", "special"]
__all__ += sorted(name for name in _MEMBERS if name[0] != "_")  # noqa: PLE0605


def __getattr__(name: str) -> _Any:
    raise AttributeError(
        f"the Array API standard 2025.12 has no {name!r}, and so xpnet.xp has none"
    )
