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

Options = Mapping[str, Any]

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
__device__ void adam(T* w, const T* grad, T* m, T* v, T* largest,
                     const double* options, const double* folded, i64 n) {
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
        T below = second;
        if (largest != nullptr) {
            const T before = largest[i];  // NaN is kept: a comparison with it is false
            largest[i] = below = before > second ? before : second;
        }
        w[i] = keep * x - rate * first / (sqrt(below) + eps);
    }
}

// options: as for adam, and momentum_decay
// folded: the factor of m, the summand of sqrt(v), the factor of g
extern "C" __global__ void nadam_begin(i64* steps, double* products, i64 count,
                                       const double* options, double* folded) {
    for (i64 i = FIRST; i < count; i += STRIDE) {
        const double t = (double)(steps[i] += 1), beta1 = options[3];
        const double now = beta1 * (1 - 0.5 * pow(0.96, t * options[7]));
        const double then = beta1 * (1 - 0.5 * pow(0.96, (t + 1) * options[7]));
        const double product = products[i] = (t > 1 ? products[i] : 1.0) * now;
        if (i == 0) {
            const double root = sqrt(1 - pow(options[4], t));
            folded[0] = options[0] * root * then / (1 - product * then);
            folded[1] = options[5] * root;
            folded[2] = options[0] * root * (1 - now) / (1 - product);
        }
    }
}

template <typename T>
__device__ void nadam(T* w, const T* grad, T* m, T* v, const double* options,
                      const double* folded, i64 n) {
    const T sign = options[2] != 0 ? (T)-1 : (T)1;
    const T beta1 = (T)options[3], share1 = (T)(1 - options[3]);
    const T beta2 = (T)options[4], share2 = (T)(1 - options[4]);
    const T rate = (T)folded[0], eps = (T)folded[1], fresh = (T)folded[2];
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
        w[i] = keep * x - (rate * first + fresh * g) / (sqrt(second) + eps);
    }
}

// options: lr, weight_decay, maximize, alpha, eps, momentum
template <typename T>
__device__ void rmsprop(T* w, const T* grad, T* v, T* buffer, T* mean,
                        const double* options, i64 n) {
    const T lr = (T)options[0], decay = (T)options[1];
    const T sign = options[2] != 0 ? (T)-1 : (T)1;
    const T alpha = (T)options[3], share = (T)(1 - options[3]);
    const T eps = (T)options[4], momentum = (T)options[5];
    for (i64 i = FIRST; i < n; i += STRIDE) {
        T g = sign * grad[i];
        if (decay != 0) g += decay * w[i];
        T below = v[i] = alpha * v[i] + share * g * g;
        if (mean != nullptr) {
            const T a = mean[i] = alpha * mean[i] + share * g;
            below -= a * a;
        }
        T step = g / (sqrt(below) + eps);
        if (buffer != nullptr) step = buffer[i] = momentum * buffer[i] + step;
        w[i] -= lr * step;
    }
}

// options: lr, weight_decay, maximize, lr_decay, eps, initial_accumulator_value
template <typename T>
__device__ void adagrad(T* w, const T* grad, T* sum, const i64* steps,
                        const double* options, i64 n) {
    const i64 t = steps[0];
    const T rate = (T)(options[0] / (1 + (double)(t - 1) * options[3]));
    const T decay = (T)options[1], eps = (T)options[4], initial = (T)options[5];
    const T sign = options[2] != 0 ? (T)-1 : (T)1;
    for (i64 i = FIRST; i < n; i += STRIDE) {
        T g = sign * grad[i];
        if (decay != 0) g += decay * w[i];
        const T s = sum[i] = (t > 1 ? sum[i] : initial) + g * g;
        w[i] -= rate * (g / (sqrt(s) + eps));
    }
}

// options: lr, weight_decay, maximize, beta1, beta2
template <typename T>
__device__ void lion(T* w, const T* grad, T* m, const double* options, i64 n) {
    const T lr = (T)options[0], keep = (T)(1 - options[0] * options[1]);
    const T sign = options[2] != 0 ? (T)-1 : (T)1;
    const T beta1 = (T)options[3], share1 = (T)(1 - options[3]);
    const T beta2 = (T)options[4], share2 = (T)(1 - options[4]);
    for (i64 i = FIRST; i < n; i += STRIDE) {
        const T g = sign * grad[i], c = beta1 * m[i] + share1 * g;
        // NaN stays NaN: neither comparison is true of it
        const T along = c > 0 ? (T)1 : c < 0 ? (T)-1 : c;
        m[i] = beta2 * m[i] + share2 * g;
        w[i] = keep * w[i] - lr * along;
    }
}

#define FOR_TYPE(T)                                                                    \
    extern "C" __global__ void sgd_##T(T* w, const T* g, T* buffer, const i64* steps,  \
                                       const double* options, i64 n) {                 \
        sgd<T>(w, g, buffer, steps, options, n);                                       \
    }                                                                                  \
    extern "C" __global__ void adam_##T(T* w, const T* g, T* m, T* v, T* largest,      \
                                        const double* options, const double* folded,   \
                                        i64 n) {                                       \
        adam<T>(w, g, m, v, largest, options, folded, n);                              \
    }                                                                                  \
    extern "C" __global__ void nadam_##T(T* w, const T* g, T* m, T* v,                 \
                                         const double* options, const double* folded,  \
                                         i64 n) {                                      \
        nadam<T>(w, g, m, v, options, folded, n);                                      \
    }                                                                                  \
    extern "C" __global__ void rmsprop_##T(T* w, const T* g, T* v, T* buffer, T* mean, \
                                           const double* options, i64 n) {             \
        rmsprop<T>(w, g, v, buffer, mean, options, n);                                 \
    }                                                                                  \
    extern "C" __global__ void adagrad_##T(T* w, const T* g, T* sum, const i64* steps, \
                                           const double* options, i64 n) {             \
        adagrad<T>(w, g, sum, steps, options, n);                                      \
    }                                                                                  \
    extern "C" __global__ void lion_##T(T* w, const T* g, T* m, const double* options, \
                                        i64 n) {                                       \
        lion<T>(w, g, m, options, n);                                                  \
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
            self.folded = cupy.empty(4, dtype=np.float64)
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

    def update(self, name: str, *arguments: Any) -> None:
        """Start the kernel of the parameters' dtype over all elements."""
        arguments = (self.w, self.g, *arguments, np.int64(self.w.size))
        self.launch(f"{name}_{self.type}", *arguments, grid=self.grid)

    def count(self) -> None:
        """Let every parameter's count of steps grow by one."""
        steps = self.state["step"]
        self.launch("count_step", steps, np.int64(steps.size))

    def buffer(self, name: str) -> Any:
        """Return a buffer of the state, or a null pointer where there is none."""
        return self.state.get(name, np.uintp(0))


def _numbers(options: Mapping[str, Any], *names: str) -> list[float]:
    """Return options as the numbers that kernels read: three first, then `names`."""
    first = ("lr", "weight_decay", "maximize")
    return [float(options[name]) for name in (*first, *names)]


class SGD(_Fused):
    """The update of `xpnet.optim.SGD`."""

    def __call__(self, step: int, o: Options, /) -> None:
        """Take one step."""
        self.tell(*_numbers(o, "momentum", "dampening", "nesterov"))
        if o["momentum"]:
            self.count()
        buffer = self.buffer("momentum_buffer")
        self.update("sgd", buffer, self.state["step"], self.options)


class Adam(_Fused):
    """The update of `xpnet.optim.Adam`; constants are folded as in `numpy_optim`."""

    def __call__(self, step: int, o: Options, /) -> None:
        """Take one step."""
        decoupled = float(o["decoupled_weight_decay"])
        self.tell(*_numbers(o), *o["betas"], o["eps"], decoupled)
        steps = self.state["step"]
        count = np.int64(steps.size)
        self.launch("adam_begin", steps, count, self.options, self.folded)
        m, v = self.state["exp_avg"], self.state["exp_avg_sq"]
        largest = self.buffer("max_exp_avg_sq")
        self.update("adam", m, v, largest, self.options, self.folded)


AdamW = Adam


class NAdam(_Fused):
    """The update of `xpnet.optim.NAdam`; the products are kept on the device."""

    def __call__(self, step: int, o: Options, numbers: dict[str, float], /) -> None:
        """Take one step."""
        rest = (float(o["decoupled_weight_decay"]), o["momentum_decay"])
        self.tell(*_numbers(o), *o["betas"], o["eps"], *rest)
        steps, products = self.state["step"], self.state["mu_product"]
        begin = (steps, products, np.int64(steps.size), self.options, self.folded)
        self.launch("nadam_begin", *begin)
        m, v = self.state["exp_avg"], self.state["exp_avg_sq"]
        self.update("nadam", m, v, self.options, self.folded)


class RMSprop(_Fused):
    """The update of `xpnet.optim.RMSprop`."""

    def __call__(self, step: int, o: Options, /) -> None:
        """Take one step."""
        self.tell(*_numbers(o, "alpha", "eps", "momentum"))
        self.count()
        buffers = self.buffer("momentum_buffer"), self.buffer("grad_avg")
        self.update("rmsprop", self.state["square_avg"], *buffers, self.options)


class Adagrad(_Fused):
    """The update of `xpnet.optim.Adagrad`."""

    def __call__(self, step: int, o: Options, /) -> None:
        """Take one step."""
        self.tell(*_numbers(o, "lr_decay", "eps", "initial_accumulator_value"))
        self.count()
        self.update("adagrad", self.state["sum"], self.state["step"], self.options)


class Lion(_Fused):
    """The update of `xpnet.optim.Lion`."""

    def __call__(self, step: int, o: Options, /) -> None:
        """Take one step."""
        self.tell(*_numbers(o), *o["betas"])
        self.count()
        self.update("lion", self.state["exp_avg"], self.options)


_KINDS = (SGD, Adam, NAdam, RMSprop, Adagrad, Lion)
UPDATES = {
    (name, dtype): kind
    for name, kind in [("AdamW", AdamW), *((kind.__name__, kind) for kind in _KINDS)]
    for dtype in ("float32", "float64")
}
