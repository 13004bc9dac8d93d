"""Optimizer updates for CuPy: one kernel over a flat buffer, and a small one before it.

Everything that changes from step to step is read from device memory: hyperparameters
from `options` (written by the host only when they change) and the count of steps, which
the kernels advance themselves. A recorded CUDA graph can therefore replay a step.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["SOURCES", "UPDATES"]

THREADS = 256

OPTIM = r"""
typedef long long i64;

// The element where this thread starts, and how far apart its elements are.
#define FIRST ((i64)blockIdx.x * blockDim.x + threadIdx.x)
#define STRIDE ((i64)gridDim.x * blockDim.x)

// One more step for each of `count` parameters, which have all taken equally many.
extern "C" __global__ void count_step(i64* steps, i64 count) {
    for (i64 i = FIRST; i < count; i += STRIDE) steps[i] += 1;
}

// options: lr, weight_decay, maximize, momentum, dampening, nesterov
template <typename T>
__device__ void sgd(T* w, const T* grad, T* buffer, const i64* steps,
                    const double* options, i64 n) {
    const T lr = (T)options[0], decay = (T)options[1], momentum = (T)options[3];
    const T sign = options[2] != 0 ? (T)-1 : (T)1;
    const T fresh = (T)(1 - options[4]);
    const bool nesterov = options[5] != 0;
    const bool first = buffer != nullptr && steps[0] == 1;
    for (i64 i = FIRST; i < n; i += STRIDE) {
        T g = sign * grad[i];
        if (decay != 0) g += decay * w[i];
        if (buffer != nullptr) {
            const T b = first ? g : momentum * buffer[i] + fresh * g;
            buffer[i] = b;
            g = nesterov ? g + momentum * b : b;
        }
        w[i] -= lr * g;
    }
}

// options: lr, weight_decay, maximize, beta1, beta2, eps, decoupled
// folded: the factor of m, the summand of sqrt(v)
extern "C" __global__ void adam_begin(i64* steps, i64 count, const double* options,
                                      double* folded) {
    for (i64 i = FIRST; i < count; i += STRIDE) {
        const i64 t = steps[i] += 1;
        if (i == 0) {
            const double root = sqrt(1 - pow(options[4], (double)t));
            folded[0] = options[0] * root / (1 - pow(options[3], (double)t));
            folded[1] = options[5] * root;
        }
    }
}

template <typename T>
__device__ void adam(T* w, const T* grad, T* m, T* v, const double* options,
                     const double* folded, i64 n) {
    const T sign = options[2] != 0 ? (T)-1 : (T)1;
    const T beta1 = (T)options[3], share1 = (T)(1 - options[3]);
    const T beta2 = (T)options[4], share2 = (T)(1 - options[4]);
    const T rate = (T)folded[0], eps = (T)folded[1];
    const bool decoupled = options[6] != 0;
    const T coupled = decoupled ? (T)0 : (T)options[1];
    const T keep = decoupled ? (T)(1 - options[0] * options[1]) : (T)1;
    for (i64 i = FIRST; i < n; i += STRIDE) {
        const T x = w[i];
        T g = sign * grad[i];
        if (coupled != 0) g += coupled * x;
        const T first = beta1 * m[i] + share1 * g;
        const T second = beta2 * v[i] + share2 * g * g;
        m[i] = first;
        v[i] = second;
        w[i] = keep * x - rate * first / (sqrt(second) + eps);
    }
}

#define FOR_TYPE(T)                                                                    \
    extern "C" __global__ void sgd_##T(T* w, const T* g, T* buffer, const i64* steps,  \
                                       const double* options, i64 n) {                 \
        sgd<T>(w, g, buffer, steps, options, n);                                       \
    }                                                                                  \
    extern "C" __global__ void adam_##T(T* w, const T* g, T* m, T* v,                  \
                                        const double* options, const double* folded,   \
                                        i64 n) {                                       \
        adam<T>(w, g, m, v, options, folded, n);                                       \
    }

FOR_TYPE(float)
FOR_TYPE(double)
"""

SOURCES = {"optim": OPTIM}
"""CUDA C++ by name; a test compiles each for several generations of GPUs."""

TYPES = {"f": "float", "d": "double"}


@functools.cache
def _kernels(device: int) -> Any:
    """Return the compiled kernels, in the memory of one device."""
    import cupy

    with cupy.cuda.Device(device):
        return cupy.RawModule(code=OPTIM, options=("--std=c++14",))


class _Fused:
    """What the updates share: hyperparameters on the device, and launches."""

    counts_on_device = True

    def __init__(self, w: Any, g: Any, state: Mapping[str, Any]) -> None:
        import cupy

        self.cupy = cupy
        self.w, self.g, self.state = w, g, state
        self.device = w.device
        self.type = TYPES[w.dtype.char]
        with self.device:
            self.options = cupy.empty(8, dtype=np.float64)
            self.folded = cupy.empty(2, dtype=np.float64)
            processors = self.device.attributes["MultiProcessorCount"]
        blocks = -(-int(w.size) // THREADS)
        self.grid = (max(1, min(blocks, 8 * int(processors))),)
        self.known: tuple[float, ...] = ()

    def tell(self, *values: float) -> None:
        """Write the hyperparameters to the device, where they have changed."""
        if values != self.known:
            self.options[: len(values)].set(np.asarray(values, dtype=np.float64))
            self.known = values

    def launch(self, name: str, *arguments: Any, grid: tuple[int, ...] = (1,)) -> None:
        """Start a kernel."""
        kernel = _kernels(int(self.device.id)).get_function(name)
        with self.device:
            kernel(grid, (THREADS,), arguments)


class SGD(_Fused):
    """The update of `xpnet.optim.SGD`."""

    def __call__(self, step: int, o: Mapping[str, Any], /) -> None:
        """Take one step."""
        self.tell(
            *(float(o[key]) for key in ("lr", "weight_decay", "maximize")),
            *(float(o[key]) for key in ("momentum", "dampening", "nesterov")),
        )
        steps = self.state["step"]
        buffer = self.state.get("momentum_buffer", np.uintp(0))  # a null pointer
        if o["momentum"]:
            self.launch("count_step", steps, np.int64(steps.size))
        n = np.int64(self.w.size)
        name = f"sgd_{self.type}"
        arguments = (self.w, self.g, buffer, steps, self.options, n)
        self.launch(name, *arguments, grid=self.grid)


class Adam(_Fused):
    """The update of `xpnet.optim.Adam`; constants are folded as in `numpy_optim`."""

    decoupled = False

    def __call__(self, step: int, o: Mapping[str, Any], /) -> None:
        """Take one step."""
        first = (float(o[key]) for key in ("lr", "weight_decay", "maximize"))
        self.tell(*first, *o["betas"], o["eps"], float(self.decoupled))
        steps, n = self.state["step"], np.int64(self.w.size)
        m, v = self.state["exp_avg"], self.state["exp_avg_sq"]
        count = np.int64(steps.size)
        self.launch("adam_begin", steps, count, self.options, self.folded)
        arguments = (self.w, self.g, m, v, self.options, self.folded, n)
        self.launch(f"adam_{self.type}", *arguments, grid=self.grid)


class AdamW(Adam):
    """The update of `xpnet.optim.AdamW`: `w` shrinks outside the moments."""

    decoupled = True


UPDATES = {
    (kind.__name__, dtype): kind
    for kind in (SGD, Adam, AdamW)
    for dtype in ("float32", "float64")
}
