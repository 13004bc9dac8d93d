"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil
import warnings

import pytest

import xpnet as xn

MODULES = [
    module.name
    for module in pkgutil.walk_packages(xn.__path__, "xpnet.")
    if ".cupy_" not in module.name and not module.name.endswith("__main__")
]
NAMES = {"xn": xn, "xp": xn.xp, "asarray": xn.asarray}


@pytest.mark.parametrize("name", ["xpnet", *MODULES])
def test_docstring_examples_run(name):
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    flags |= doctest.IGNORE_EXCEPTION_DETAIL
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = doctest.testmod(module, extraglobs=NAMES, optionflags=flags)
    assert result.failed == 0


def test_the_public_functions_have_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in ("asarray", "grad", "value_and_grad", "vjp", "jvp", "check_grads"):
        found = finder.find(getattr(xn, name), name)
        assert sum(len(test.examples) for test in found) > 0, name
