"""Fourier transforms: linear (real-linear beside real arrays), each with its transpose.

The forward transform is a matrix that is its own transpose, and its conjugate is the
backward transform, up to the factor that ``norm=`` puts in front. So the transpose of
each transform is the opposite one with the opposite ``norm=``, cut or filled up again
to the length of the input. Where one side is real, half of the spectrum stands for all
of it: every term between the first and the middle one counts twice.
"""

from __future__ import annotations

from typing import Any

from ..rule import flat, linear

_OPPOSITE = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
_NEW = "it makes new values from numbers alone"


# --- lengths --------------------------------------------------------------------------


def _resized(xp: Any, g: Any, axes: Any, shape: Any) -> Any:
    """Cut `g` or fill it up with zeros, to the lengths of `shape` along `axes`."""
    for axis in axes:
        a = axis % len(shape)
        have, want = g.shape[a], shape[a]
        if have > want:
            g = xp.getitem(g, (slice(None),) * a + (slice(0, want), ...))
        elif have < want:
            rest = tuple(want - have if i == a else n for i, n in enumerate(g.shape))
            end = xp.zeros(rest, dtype=g.dtype, device=xp.device(g))
            g = xp.concat([g, end], axis=a)
    return g


def _axes_of(x: Any, s: Any, axes: Any) -> tuple[int, ...]:
    """Return the transformed axes: the last ones where only `s` is given."""
    if axes is not None:
        return tuple(axes)
    return tuple(range(x.ndim)) if s is None else tuple(range(-len(s), 0))


def _lengths(x: Any, s: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the length of the transform along each axis."""
    return tuple(x.shape[a] for a in axes) if s is None else tuple(s)


def _doubled(xp: Any, half: Any, n: int, axis: int, factor: float) -> Any:
    """Multiply by `factor` what half a spectrum of `n` terms holds for two.

    The first term stands for itself alone, and so does the middle one of an even `n`.
    """
    m, alone = n // 2 + 1, 2 if n % 2 == 0 else 1
    real = xp.real(half).dtype
    one = xp.ones((1,), dtype=real, device=xp.device(half))
    twice = xp.full((m - alone,), factor, dtype=real, device=xp.device(half))
    weights = xp.concat([one, twice, one][: alone + 1]) if m > 1 else one
    after = half.ndim - 1 - axis % half.ndim
    return half * xp.reshape(weights, (m,) + (1,) * after)


# --- complex to complex ---------------------------------------------------------------


def _back(name: str) -> Any:
    """Return the transpose of a transform along one axis, by the opposite one's."""

    def transpose(
        xp: Any,
        g: Any,
        x: Any,
        /,
        *,
        n: int | None = None,
        axis: int = -1,
        norm: str = "backward",
    ) -> Any:
        part = getattr(xp, name)(g, axis=axis, norm=_OPPOSITE[norm])
        return _resized(xp, part, (axis,), x.shape)

    return transpose


def _back_over_axes(name: str) -> Any:
    """Return the transpose of a transform along several axes."""

    def transpose(
        xp: Any,
        g: Any,
        x: Any,
        /,
        *,
        s: Any = None,
        axes: Any = None,
        norm: str = "backward",
    ) -> Any:
        over = _axes_of(x, s, axes)
        part = getattr(xp, name)(g, axes=over, norm=_OPPOSITE[norm])
        return _resized(xp, part, over, x.shape)

    return transpose


for _name, _opposite, _make, _what in (
    ("fft", "ifft", _back, "discrete Fourier transform along one axis"),
    ("ifft", "fft", _back, "inverse Fourier transform along one axis"),
    ("fftn", "ifftn", _back_over_axes, "discrete Fourier transform along `axes`"),
    ("ifftn", "fftn", _back_over_axes, "inverse Fourier transform along `axes`"),
):
    _transpose = _make(_opposite)
    _transpose.__doc__ = f"Return the {_what} (back: `{_opposite}`)."
    linear(_name)(_transpose)


# --- a real array on one side: half of the spectrum -----------------------------------


@linear()
def rfft(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    n: int | None = None,
    axis: int = -1,
    norm: str = "backward",
) -> Any:
    """Return half of the spectrum of a real array (back: `irfft` of halved terms)."""
    n = x.shape[axis] if n is None else n
    half = _doubled(xp, g, n, axis, 0.5)
    part = xp.irfft(half, n=n, axis=axis, norm=_OPPOSITE[norm])
    return _resized(xp, part, (axis,), x.shape)


@linear()
def irfft(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    n: int | None = None,
    axis: int = -1,
    norm: str = "backward",
) -> Any:
    """Return the real array of half a spectrum (back: `rfft` with doubled terms)."""
    n = g.shape[axis]
    part = xp.rfft(g, axis=axis, norm=_OPPOSITE[norm])
    return _resized(xp, _doubled(xp, part, n, axis, 2.0), (axis,), x.shape)


@linear()
def rfftn(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    s: Any = None,
    axes: Any = None,
    norm: str = "backward",
) -> Any:
    """Return half of the spectrum along `axes` (back: `irfftn` of halved terms)."""
    over = _axes_of(x, s, axes)
    lengths = _lengths(x, s, over)
    half = _doubled(xp, g, lengths[-1], over[-1], 0.5)
    part = xp.irfftn(half, s=lengths, axes=over, norm=_OPPOSITE[norm])
    return _resized(xp, part, over, x.shape)


@linear()
def irfftn(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    s: Any = None,
    axes: Any = None,
    norm: str = "backward",
) -> Any:
    """Return the real array of half a spectrum (back: `rfftn` with doubled terms)."""
    over = _axes_of(x, s, axes)
    part = xp.rfftn(g, axes=over, norm=_OPPOSITE[norm])
    part = _doubled(xp, part, g.shape[over[-1]], over[-1], 2.0)
    return _resized(xp, part, over, x.shape)


@linear()
def hfft(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    n: int | None = None,
    axis: int = -1,
    norm: str = "backward",
) -> Any:
    """Return the real spectrum of half a Hermitian signal (back: `ihfft`, doubled)."""
    n = g.shape[axis]
    part = xp.ihfft(g, axis=axis, norm=_OPPOSITE[norm])
    return _resized(xp, _doubled(xp, part, n, axis, 2.0), (axis,), x.shape)


@linear()
def ihfft(
    xp: Any,
    g: Any,
    x: Any,
    /,
    *,
    n: int | None = None,
    axis: int = -1,
    norm: str = "backward",
) -> Any:
    """Return half the Hermitian signal of a real spectrum (back: `hfft`, halved)."""
    n = x.shape[axis] if n is None else n
    half = _doubled(xp, g, n, axis, 0.5)
    part = xp.hfft(half, n=n, axis=axis, norm=_OPPOSITE[norm])
    return _resized(xp, part, (axis,), x.shape)


# --- frequencies and their order ------------------------------------------------------


@linear()
def fftshift(xp: Any, g: Any, x: Any, /, *, axes: Any = None) -> Any:
    """Return the spectrum with frequency 0 in the middle (back: `ifftshift`)."""
    return xp.ifftshift(g, axes=axes)


@linear()
def ifftshift(xp: Any, g: Any, x: Any, /, *, axes: Any = None) -> Any:
    """Return the spectrum with frequency 0 first again (back: `fftshift`)."""
    return xp.fftshift(g, axes=axes)


flat("fftfreq", _NEW, lambda n, /, *, d=1.0, dtype=None, device=None: None)
flat("rfftfreq", _NEW, lambda n, /, *, d=1.0, dtype=None, device=None: None)
