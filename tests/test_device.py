"""Devices: names, choosing one, and the sentence that says why CUDA does not work."""

from __future__ import annotations

import contextvars
import importlib.machinery
import importlib.util
import pickle
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

import xpnet as xn
from xpnet import xp
from xpnet.backend import device as module

TO_RUN = "To run without a GPU, use device='cpu'."


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing probed, announced or chosen yet, and put back afterwards."""
    monkeypatch.delenv("XPNET_DEVICE", raising=False)
    monkeypatch.setattr(module, "_announced", False)
    monkeypatch.setattr(module, "_process_default", None)
    module.cuda_problem.cache_clear()
    yield
    module.cuda_problem.cache_clear()


class Failing:
    """A first operation that cannot be compiled."""

    def __add__(self, other):
        raise RuntimeError("libnvrtc.so.12: cannot open\n   shared object file")


class Wrong:
    def __add__(self, other):
        return [7.0]


def fake_cupy(available=True, count=1, driver=None, first=None):
    """Return a module that answers the four questions asked of CuPy."""

    def device_count():
        if driver is not None:
            raise RuntimeError(driver)
        return count

    class Device:
        def __init__(self, index):
            self.index = index

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    cupy = types.ModuleType("cupy")
    cupy.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    cupy.zeros = lambda n: np.zeros(n) if first is None else first
    cupy.cuda = types.SimpleNamespace(
        Device=Device,
        is_available=lambda: available,
        runtime=types.SimpleNamespace(
            getDeviceCount=device_count,
            getDeviceProperties=lambda index: {"name": f"Pretended {index}".encode()},
        ),
    )
    return cupy


@pytest.fixture
def install(monkeypatch):
    """Put a fake CuPy in place of the real one, or None for none at all."""

    def put(cupy):
        if cupy is None:
            found = importlib.util.find_spec
            monkeypatch.setattr(
                importlib.util,
                "find_spec",
                lambda name, *rest: None if name == "cupy" else found(name, *rest),
            )
        else:
            monkeypatch.setitem(sys.modules, "cupy", cupy)

    return put


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "index", "text"),
    [
        ("cpu", "cpu", 0, "cpu"),
        ("cpu:0", "cpu", 0, "cpu"),
        ("cuda", "cuda", 0, "cuda"),
        ("cuda:0", "cuda", 0, "cuda"),
        ("cuda:3", "cuda", 3, "cuda:3"),
        ("cuda:12", "cuda", 12, "cuda:12"),
    ],
)
def test_names_of_devices(name, kind, index, text):
    device = xn.Device(name)
    assert (device.kind, device.index, str(device)) == (kind, index, text)
    assert repr(device) == f"Device('{text}')"
    assert device == name
    assert device == xn.Device(text) == xn.Device(device)
    assert eval(repr(device), {"Device": xn.Device}) == device


@pytest.mark.parametrize(
    "name",
    [
        *("", "gpu", "CPU", "cpu:1", "cuda:", "cuda:-1", "cuda:x", "cuda 0", "auto"),
        *("cuda:0 ", "cpu\n", b"cpu", ("cuda", 0), 0, None),
    ],
)
def test_bad_names_say_what_the_names_are(name):
    with pytest.raises(xn.DeviceError, match="is not a device: use 'cpu', 'cuda'"):
        xn.Device(name)


def test_devices_compare_with_devices_and_names_only():
    cuda = xn.Device("cuda")
    assert cuda == xn.Device("cuda:0")
    assert cuda == "cuda"
    assert cuda == "cuda:0"
    assert cuda != "cuda:1"
    assert cuda != xn.Device("cpu")
    assert cuda != "no device"
    assert cuda != 0
    assert (cuda == None) is False  # noqa: E711 - the operator is what is tested


def test_equal_devices_have_equal_hashes():
    assert hash(xn.Device("cuda:0")) == hash(xn.Device("cuda")) == hash("cuda")
    table = {xn.Device("cpu"): 1, xn.Device("cuda:1"): 2}
    assert table["cpu"] == 1
    assert table["cuda:1"] == 2


def test_devices_are_pickled_and_need_no_hardware():
    device = xn.Device("cuda:7")
    assert pickle.loads(pickle.dumps(device)) == device


# --- why CUDA does not work -----------------------------------------------------------


def check_refusal(*parts, device="cuda"):
    """Every door says the same sentence: the reason, the remedy and the way out."""
    doors = [
        lambda: xn.asarray([1.0], device=device),
        lambda: xp.zeros(3, device=device),
        lambda: xp.ones_like(xn.asarray([1.0]), device=device),
        lambda: xn.asarray([1.0]).to_device(device),
        lambda: xn.set_default_device(device),
        lambda: xn.use_device(device).__enter__(),
    ]
    for door in doors:
        with pytest.raises(xn.DeviceError) as error:
            door()
        message = str(error.value)
        assert message.startswith(f"device='{device}' cannot be used: ")
        assert message.endswith(TO_RUN)
        assert "\n" not in message
        for part in parts:
            assert part in message
    assert xn.get_default_device() == "cpu"


def test_no_cupy_says_what_to_install(install):
    install(None)
    check_refusal("cupy is not installed", "pip install 'xpnet[cuda]'", "xpnet[cuda13]")


def test_a_cupy_that_cannot_be_imported_says_why(install, monkeypatch):
    install(fake_cupy())

    def broken():
        raise ImportError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr(module, "_load_cupy", broken)
    check_refusal(
        "cupy cannot be imported",
        "ImportError: libcudart.so.12: cannot open",
        "Install exactly one cupy-cuda package",
    )


def test_an_import_of_cupy_that_raises_says_why(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("raise RuntimeError('two packages')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    check_refusal("cupy cannot be imported (RuntimeError: two packages)")


def test_no_driver_gives_the_drivers_words(install):
    text = "cudaErrorInsufficientDriver: CUDA driver version is insufficient"
    install(fake_cupy(available=False, driver=text))
    check_refusal("no CUDA device was found", f"RuntimeError: {text}", "`nvidia-smi`")


def test_a_driver_without_devices_is_told_apart(install):
    install(fake_cupy(available=False, count=0))
    check_refusal("no CUDA device was found", "lists no device", "`nvidia-smi`")


def test_too_few_devices_say_how_many_there_are(install):
    install(fake_cupy(count=2))
    check_refusal("no cuda:2", "has 2 CUDA device(s)", device="cuda:2")


def test_a_first_operation_that_fails_says_why_on_one_line(install):
    install(fake_cupy(first=Failing()))
    check_refusal(
        "a first operation on cuda:0 failed",
        "RuntimeError: libnvrtc.so.12: cannot open shared object file",
        "pip install 'cupy-cuda12x[ctk]'",
    )


def test_a_first_operation_that_is_wrong_is_found(install):
    install(fake_cupy(first=Wrong()))
    check_refusal("computed 0 + 1 wrongly")


def test_a_long_error_is_cut(install):
    install(fake_cupy(available=False, driver="x" * 5000))
    with pytest.raises(xn.DeviceError) as error:
        xp.zeros(1, device="cuda")
    assert len(str(error.value)) < 500


def test_the_answer_is_found_once(install):
    asked = []
    cupy = fake_cupy()
    cupy.cuda.is_available = lambda: asked.append(1) or False
    install(cupy)
    for _ in range(5):
        with pytest.raises(xn.DeviceError):
            xp.zeros(1, device="cuda")
    assert len(asked) == 1


def test_unknown_names_are_refused_at_every_door():
    for door in (
        lambda: xn.asarray([1.0], device="gpu"),
        lambda: xp.zeros(3, device="gpu"),
        lambda: xn.set_default_device("gpu"),
        lambda: xn.use_device("gpu").__enter__(),
        lambda: xn.asarray([1.0]).to_device("gpu"),
    ):
        with pytest.raises(xn.DeviceError, match="'gpu' is not a device"):
            door()


# --- auto -----------------------------------------------------------------------------


def test_auto_says_once_that_it_chose_the_cpu_and_why(install, capsys):
    install(None)
    assert xp.zeros(3, device="auto").device == "cpu"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("xpnet: device='auto' chose the CPU: cupy is not installed.")
    assert err.count("\n") == 1
    for _ in range(3):
        assert xn.asarray([1.0], device="auto").device == "cpu"
    assert capsys.readouterr().err == ""


def test_auto_is_cuda_where_it_works(install, capsys):
    install(fake_cupy())
    with xn.use_device("auto") as device:
        assert device == "cuda"
    assert capsys.readouterr().err == ""


# --- the default device ---------------------------------------------------------------


def test_the_default_is_the_cpu():
    assert xn.get_default_device() == "cpu"
    assert xp.zeros(3).device == "cpu"
    assert xp.__array_namespace_info__().default_device() == "cpu"


def test_the_environment_names_the_default(monkeypatch, install):
    install(fake_cupy(count=2))
    monkeypatch.setenv("XPNET_DEVICE", "cuda:1")
    assert xn.get_default_device() == "cuda:1"
    monkeypatch.setenv("XPNET_DEVICE", "")
    assert xn.get_default_device() == "cpu"


def test_auto_in_the_environment_says_what_it_chose(monkeypatch, install, capsys):
    install(None)
    monkeypatch.setenv("XPNET_DEVICE", "auto")
    assert xn.get_default_device() == "cpu"
    assert "chose the CPU" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "why"), [("gpu", "is not a device"), ("cuda", "cupy is not installed")]
)
def test_a_bad_environment_is_named_in_the_error(monkeypatch, install, name, why):
    install(None)
    monkeypatch.setenv("XPNET_DEVICE", name)
    for door in (xn.get_default_device, lambda: xp.ones(2), lambda: xn.asarray(1.0)):
        with pytest.raises(xn.DeviceError, match=f"XPNET_DEVICE is '{name}'.*{why}"):
            door()
    assert xp.ones(2, device="cpu").device == "cpu"


def test_the_order_is_context_then_process_then_environment(monkeypatch, install):
    install(fake_cupy(count=4))
    monkeypatch.setenv("XPNET_DEVICE", "cuda:1")
    assert xn.get_default_device() == "cuda:1"
    xn.set_default_device("cuda:2")
    assert xn.get_default_device() == "cuda:2"
    with xn.use_device("cuda:3"):
        assert xn.get_default_device() == "cuda:3"
        with xn.use_device("cpu") as device:
            assert device == "cpu"
            assert xn.get_default_device() == "cpu"
        assert xn.get_default_device() == "cuda:3"
    assert xn.get_default_device() == "cuda:2"
    xn.set_default_device(None)
    assert xn.get_default_device() == "cuda:1"


def test_a_refused_default_leaves_the_old_one(install):
    install(fake_cupy(count=1))
    xn.set_default_device("cuda")
    with pytest.raises(xn.DeviceError):
        xn.set_default_device("cuda:5")
    with pytest.raises(xn.DeviceError), xn.use_device("cuda:5"):
        pytest.fail("the block ran")
    assert xn.get_default_device() == "cuda"


def test_use_device_ends_with_an_exception(install):
    install(fake_cupy())
    with pytest.raises(KeyError), xn.use_device("cuda"):
        raise KeyError
    assert xn.get_default_device() == "cpu"


def test_use_device_is_for_this_thread_alone(install):
    install(fake_cupy())
    seen = []
    with xn.use_device("cuda"):
        thread = threading.Thread(
            target=contextvars.Context().run,
            args=(lambda: seen.append(xn.get_default_device()),),
        )
        thread.start()
        thread.join()
    assert seen == [xn.Device("cpu")]


def test_set_default_device_is_for_all_threads(install):
    install(fake_cupy())
    xn.set_default_device("cuda")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(xn.get_default_device()))
    thread.start()
    thread.join()
    assert seen == [xn.Device("cuda")]


# --- the report -----------------------------------------------------------------------


def test_the_report_says_why_there_is_no_cuda(install):
    install(None)
    report = xn.devices()
    assert report.available == (xn.Device("cpu"),)
    assert report.cuda.startswith("cuda is not available: cupy is not installed.")
    assert str(report) == f"cpu\n{report.cuda}"
    assert xp.__array_namespace_info__().devices() == report.available


def test_the_report_names_the_gpus(install):
    install(fake_cupy(count=2))
    report = xn.devices()
    assert report.available == ("cpu", "cuda", "cuda:1")
    assert report.cuda == "cuda is available: Pretended 0, Pretended 1"
    assert str(report).splitlines()[:3] == ["cpu", "cuda", "cuda:1"]


# --- nothing of CUDA is touched before it is asked for --------------------------------

UNTOUCHED = """
import importlib.machinery, sys, types

class Trap(types.ModuleType):
    def __getattr__(self, name):
        raise SystemExit(f"cupy.{name} was touched")

for name in ("cupy", "cupy_backends", "cupyx"):
    sys.modules[name] = Trap(name)
    sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)

import numpy as np
import xpnet as xn
from xpnet import xp

xn.set_default_device("cpu")
with xn.use_device("cpu"):
    x = xn.asarray(np.ones(3), requires_grad=True)
    y = xp.sum(xp.exp(x) * xp.linspace(0, 1, 3, device="cpu"))
    y.backward()
xn.asarray([1.0]).to_device("cpu")
assert xn.get_default_device() == "cpu"
assert xn.Device("cuda") == "cuda:0"
try:
    xn.devices()
except SystemExit as error:
    print(error)
"""


def test_the_cpu_never_touches_cupy():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", UNTOUCHED],
        capture_output=True,
        check=False,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("cupy.cuda was touched\n", "")
