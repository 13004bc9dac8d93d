"""Fourier transforms: the standard's extension ``fft``, differentiable."""

from ..calculus import namespace as _namespace

_MEMBERS = _namespace.part_members("fft", None)
globals().update(_MEMBERS)

__all__ = sorted(_MEMBERS)  # noqa: PLE0605
