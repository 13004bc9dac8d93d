"""Functions that the standard lacks and networks need, differentiable too.

Beside those in ``__all__`` the module has the functions that SciPy looks for here:
SciPy's values, with slopes of ours (see `xpnet.calculus.borrowed`).
"""

from ..calculus import namespace as _namespace

_MEMBERS = _namespace.part_members("special", None)
globals().update(_namespace.borrowed())
globals().update(_MEMBERS)

__all__ = sorted(_MEMBERS)  # noqa: PLE0605
