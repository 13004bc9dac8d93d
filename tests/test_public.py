"""The public face of xpnet: which names there are, and that each is documented."""

import inspect

import pytest

import xpnet

PUBLIC = [
    "Array",
    "Device",
    "DeviceError",
    "NonFiniteError",
    "XpnetError",
    "__version__",
    "asarray",
    "autocast",
    "check_grads",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "data",
    "detect_nonfinite",
    "devices",
    "explain",
    "explain_step",
    "from_dlpack",
    "get_default_device",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "lab",
    "learn",
    "linearize",
    "losses",
    "memory_report",
    "metrics",
    "namespace",
    "nn",
    "no_grad",
    "optim",
    "random",
    "set_default_device",
    "stop_gradient",
    "use_device",
    "value_and_grad",
    "vjp",
    "xp",
]


def test_all_is_exactly_the_public_list():
    assert sorted(xpnet.__all__) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_there_and_listed_by_dir(name):
    assert hasattr(xpnet, name)
    assert name in dir(xpnet)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_each_public_name_has_a_docstring_of_its_own(name):
    value = getattr(xpnet, name)
    doc = inspect.getdoc(value)
    assert doc
    # An object without one shows its type's, which says nothing about the object.
    assert doc != inspect.getdoc(type(value))


def test_an_unknown_name_is_an_attribute_error_that_says_so():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = xpnet.no_such_name


def test_star_import_gives_the_public_list():
    names: dict[str, object] = {}
    exec("from xpnet import *", names)
    assert set(PUBLIC) <= set(names)


def test_version_has_three_numbers():
    assert [part.isdigit() for part in xpnet.__version__.split(".")[:2]] == [True, True]
    assert len(xpnet.__version__.split(".")) >= 3
