"""Functions that the standard lacks and networks need, differentiable too."""

from ..calculus import namespace as _namespace

_MEMBERS = _namespace.part_members("special", None)
globals().update(_MEMBERS)

__all__ = sorted(_MEMBERS)  # noqa: PLE0605
