"""Linear algebra: the standard's extension ``linalg``, differentiable."""

from ..calculus import namespace as _namespace

_MEMBERS = _namespace.part_members("linalg", None)
globals().update(_MEMBERS)

__all__ = sorted(_MEMBERS)  # noqa: PLE0605
