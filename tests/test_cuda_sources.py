"""CUDA sources without a GPU: they compile, and the optimizers' compute the formula.

NVRTC comes from the wheel ``nvidia-cuda-nvrtc-cu12``, which needs neither a GPU nor a
driver. For values, the device code is compiled by g++ as ordinary C++, and one call of
it is made for each thread of a launch.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import pkgutil
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from xpnet import kernels, optim
from xpnet.kernels import cupy_optim

ARCHITECTURES = ("sm_75", "sm_80", "sm_90")


def sources() -> dict[str, str]:
    """Return the CUDA C++ of every ``kernels.cupy_*`` module that lists its sources."""
    found = {}
    for module in pkgutil.iter_modules(kernels.__path__, "xpnet.kernels."):
        name = module.name.rpartition(".")[2]
        if name.startswith("cupy_"):
            listed = getattr(importlib.import_module(module.name), "SOURCES", {})
            found |= {f"{name}.{key}": code for key, code in listed.items()}
    return found


# --- NVRTC ----------------------------------------------------------------------------


def find_nvrtc() -> Path | None:
    """Return the library in the wheel, or None where it is not installed."""
    try:
        spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    for folder in spec.submodule_search_locations or [] if spec else []:
        for path in sorted(Path(folder, "lib").glob("libnvrtc.so*")):
            return path
    return None


def compile_cuda(nvrtc: Any, source: str, architecture: str) -> tuple[bytes, str]:
    """Return the binary of a source, and what the compiler said."""
    program = ctypes.c_void_p()
    code = source.encode()
    made = nvrtc.nvrtcCreateProgram(ctypes.byref(program), code, b"x.cu", 0, None, None)
    assert made == 0
    options = [f"--gpu-architecture={architecture}", "--std=c++14"]
    array = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
    result = nvrtc.nvrtcCompileProgram(program, len(options), array)
    log = read(nvrtc, program, "ProgramLog").rstrip(b"\0").decode()
    binary = read(nvrtc, program, "CUBIN") if result == 0 else b""
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return binary, log


def read(nvrtc: Any, program: Any, what: str) -> bytes:
    """Return one of the outputs of a compiled program."""
    size = ctypes.c_size_t()
    assert getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)) == 0
    buffer = ctypes.create_string_buffer(size.value)
    assert getattr(nvrtc, f"nvrtcGet{what}")(program, buffer) == 0
    return buffer.raw


@pytest.fixture(scope="module")
def nvrtc() -> Any:
    path = find_nvrtc()
    if path is None:
        pytest.skip("the wheel nvidia-cuda-nvrtc-cu12 is not installed")
    return ctypes.CDLL(str(path))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", sources())
def test_source_compiles_without_a_warning(nvrtc, name, architecture):
    binary, log = compile_cuda(nvrtc, sources()[name], architecture)
    assert binary.startswith(b"\x7fELF"), log
    assert log == ""


def test_every_kernel_that_is_launched_is_in_the_binary(nvrtc):
    binary, log = compile_cuda(nvrtc, cupy_optim.OPTIM, "sm_80")
    names = ["count_step", "adam_begin", "nadam_begin"]
    kinds = ("sgd", "adam", "nadam", "rmsprop", "adagrad", "lion")
    names += [f"{k}_{t}" for k in kinds for t in cupy_optim.TYPES.values()]
    for name in names:
        assert f"\0.text.{name}\0".encode() in binary, log


def test_a_broken_source_is_noticed(nvrtc):
    broken = cupy_optim.OPTIM.replace("sqrt(second)", "sqrt(secnod)")
    binary, log = compile_cuda(nvrtc, broken, "sm_80")
    assert binary == b""
    assert "secnod" in log


# --- values, by g++ -------------------------------------------------------------------

SHIM = """
#include <cmath>
#include <cstddef>
#define __global__
#define __device__
using std::pow; using std::sqrt;
struct Index { int x; };
static Index blockIdx, threadIdx, gridDim, blockDim;
extern "C" void at_thread(int block, int thread, int blocks, int threads) {
    blockIdx.x = block; threadIdx.x = thread; gridDim.x = blocks; blockDim.x = threads;
}
"""


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The optimizers' CUDA source, compiled as C++."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    folder = tmp_path_factory.mktemp("cuda")
    code, out = folder / "optim.cpp", folder / "optim.so"
    code.write_text(SHIM + cupy_optim.OPTIM)
    flags = ["-std=c++14", "-O1", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", out, code], check=True, timeout=60)
    return ctypes.CDLL(str(out))


class Recorder:
    """Stands where the launches of `cupy_optim` go, and makes them on the CPU."""

    def __init__(self, library: Any, update: type, w: Any, g: Any, state: Any) -> None:
        self.library = library
        self.update = update.__new__(update)  # without CuPy: its arrays are NumPy's
        self.update.w, self.update.g, self.update.state = w, g, state
        self.update.type = cupy_optim.TYPES[w.dtype.char]
        self.update.options, self.update.folded = np.zeros(8), np.zeros(4)
        self.update.grid = (3,)
        self.update.tell, self.update.launch = self.tell, self.launch

    def tell(self, *values: float) -> None:
        self.update.options[: len(values)] = values

    def launch(self, name: str, *arguments: Any, grid: tuple[int, ...] = (1,)) -> None:
        kernel, threads = getattr(self.library, name), 16
        converted = [pointer(a) for a in arguments]
        for block in range(grid[0]):
            for thread in range(threads):
                self.library.at_thread(block, thread, grid[0], threads)
                kernel(*converted)


def pointer(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    kind = ctypes.c_void_p if isinstance(value, np.uintp) else ctypes.c_longlong
    return kind(int(value))


CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True, "betas": (0.5, 0.7)}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "betas": (0.5, 0.7)}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.3, "maximize": True, "eps": 0.1}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "weight_decay": 0.1, "maximize": True, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9, "alpha": 0.5}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("Adagrad", {"weight_decay": 0.1}),
    ("Lion", {"lr": 0.01}),
    ("Lion", {"lr": 0.01, "weight_decay": 0.3, "maximize": True}),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "given"), CASES)
def test_cuda_update_equals_the_formula(on_cpu, name, given, dtype):
    rng = np.random.default_rng(0)
    n, parameters = 1001, 40  # more than the threads of a launch
    w, g = (rng.standard_normal(n).astype(dtype) for _ in range(2))
    leaf = xn.asarray(np.ones(1), requires_grad=True)
    opt = getattr(optim, name)([leaf], **given)
    options = opt.param_groups[0]
    state = {key: np.zeros(n, dtype) for key in opt.state_names(options)}
    kept: dict[str, Any] = {key: value.copy() for key, value in state.items()}
    state["step"] = np.zeros(parameters, np.int64)
    numbers = dict.fromkeys(opt.numbers, 0.0)
    state |= {key: np.zeros(parameters) for key in numbers}
    expected = w.copy()
    update = Recorder(on_cpu, cupy_optim.UPDATES[name, dtype], w, g, state).update
    for step in range(1, 6):
        g[:] = rng.standard_normal(n)
        kept["step"] = step
        expected = opt.update(np, expected, g.copy(), kept, options)
        update(step, options, *[numbers] * bool(numbers))
    tolerance = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(w, expected, rtol=tolerance, atol=tolerance)
    for key in opt.state_names(options):
        np.testing.assert_allclose(
            state[key], kept[key], rtol=tolerance, atol=tolerance
        )
    for key in numbers:
        np.testing.assert_allclose(state[key], kept[key], rtol=1e-14)
    counted = 5 if opt.state_names(options) else 0
    assert np.all(state["step"] == counted)
