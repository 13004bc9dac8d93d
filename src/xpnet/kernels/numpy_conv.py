"""Twins for NumPy: convolutions and their transposes.

What the kernel covers is copied into columns, (C · kernel, pixels), as much as stays in
the cache, and multiplied there; back, columns are computed and added to where they came
from (`numpy_conv_plain`). `numpy_conv_plan` says how much is taken at once,
`numpy_conv_squares` has the way of 3x3 on larger images, `numpy_conv_fast` that of
other kernels of three rows, and `numpy_conv_channels` that of depthwise ones.

Processor time of the two passes of 3x3 64-64 at 32x32, batch 64, in float32 on one core
of an AMD EPYC: 161 ms by columns, 127 ms with the products of three rows saved, 100 ms
in squares. Against PyTorch 2.13 eager there (shared): strided ones 1.3 to 2.3; few
channels 1.0 to 1.9; four groups 2.8; depthwise 3 to 4. OpenBLAS takes that processor
for one without AVX-512, and multiplies at half the speed of PyTorch's kernels. What
else was tried: columns for each image alone (twice as slow for images of 14x14),
products of shifted rows that are added up (as fast or slower), threads of the BLAS in
place of our own (several times slower where cores are shared), squares on 8x8 images
(slower by a sixth: too few for each product).
"""

from __future__ import annotations

from typing import Any, final

from . import numpy_conv_fast as fast
from . import numpy_conv_plain as plain
from . import numpy_conv_squares as squares
from .blas import one_thread
from .numpy_common import REAL
from .numpy_conv_pieces import in_lanes
from .numpy_conv_plan import Plan, plan_for
from .twin import register

__all__: list[str] = []


def _takes(x: Any, weight: Any, bias: Any) -> bool:
    """Tell whether a convolution is one that the twins were written for."""
    dtype = x.dtype
    return bool(
        dtype in REAL
        and weight.dtype == dtype
        and (bias is None or bias.dtype == dtype)
        and x.size
    )


def _results(plan: Plan, *wanted: tuple[str, tuple[Any, ...]]) -> list[Any]:
    """Return what functions of `fast` and `plain` make, named with their arguments.

    The work of all is done in one pass of threads. What the fast way cannot do, because
    a number is not finite, is done again as it stands.
    """
    with one_thread():
        jobs = []
        for name, args in wanted:
            way = plain if name == "add_up" else _way(plan)
            jobs.append(getattr(way, name)(plan, *args))
        in_lanes(plan, jobs)
        found = [job.finish() for job in jobs]
    for i, (name, args) in enumerate(wanted):
        if found[i] is None:
            (found[i],) = _results(plan.plain(), (name, args))
    return found


def _way(plan: Plan) -> Any:
    """Return the module that computes a plan."""
    return squares if plan.square else fast if plan.fast else plain


def _gradients(
    plan: Plan, needs: tuple[bool, ...], wanted: tuple[Any, ...], like: Any
) -> tuple[Any, ...]:
    """Return those of three results that are needed, the second like a weight."""
    pairs = list(zip(needs, wanted, strict=True))
    found = iter(_results(plan, *(what for needed, what in pairs if needed)))
    dx, dW, db = (next(found) if needed else None for needed in needs)
    if dW is not None and dW.shape != like.shape:
        dW = dW.reshape(like.shape)
    return dx, dW, db


@final
class _Convolution:
    """The convolution; it keeps the input and the weight."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> tuple[Any, Any] | None:
        if not _takes(x, weight, bias):
            return None
        plan = plan_for(
            x.shape, weight.shape, stride, padding, dilation, groups, x.itemsize
        )
        (out,) = _results(plan, ("correlate", (x, weight, bias)))
        return out, (plan, x, weight)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        plan, x, weight = residual
        wanted = (
            ("spread", (g, weight, None)),
            ("weigh", (x, g, slots[1])),
            ("add_up", (g, slots[2])),
        )
        return _gradients(plan, needs, wanted, weight)


@final
class _TransposedConvolution:
    """The transposed convolution; it keeps the input and the weight."""

    def forward(
        self,
        needs: tuple[bool, ...],
        x: Any,
        weight: Any,
        bias: Any = None,
        *,
        shape: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
    ) -> tuple[Any, Any] | None:
        if not _takes(x, weight, bias):
            return None
        made = (len(x), weight.shape[1] * groups, *shape)
        pairs = tuple((p, p) for p in padding)
        plan = plan_for(made, weight.shape, stride, pairs, dilation, groups, x.itemsize)
        if plan.out != x.shape[2:]:
            return None
        (out,) = _results(plan, ("spread", (x, weight, bias)))
        return out, (plan, x, weight)

    def backward(
        self, g: Any, residual: Any, needs: tuple[bool, ...], slots: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        plan, x, weight = residual
        wanted = (
            ("correlate", (g, weight, None)),
            ("weigh", (g, x, slots[1])),
            ("add_up", (g, slots[2])),
        )
        return _gradients(plan, needs, wanted, weight)


register("convolution", "numpy", _Convolution())
register("transposed_convolution", "numpy", _TransposedConvolution())
