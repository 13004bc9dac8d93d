"""What every test has: the libraries, the amount of random testing, and the options."""

from __future__ import annotations

import os

# Workers share the cores: a BLAS with a thread per core in each of them would only make
# them wait for one another. This must be said before NumPy is loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# So must be what JAX is to do: keep to the CPU, and give the float64 it is asked for.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
# SciPy asks once, when it is imported, whether it may take arrays of other libraries.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

import xpnet as xn
from libraries import Target, parameters

_jax_tests = itertools.count(1)

hypothesis.settings.register_profile(
    "ci", max_examples=25, deadline=None, derandomize=True, database=None
)
hypothesis.settings.register_profile("thorough", max_examples=500, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="more random examples and denser grids: minutes instead of seconds",
    )


def pytest_configure(config: pytest.Config) -> None:
    thorough = config.getoption("--thorough")
    hypothesis.settings.load_profile("thorough" if thorough else "ci")


@pytest.fixture
def thorough(request: pytest.FixtureRequest) -> bool:
    """Whether the run may take minutes."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture(params=parameters())
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each library and device in turn."""
    found: Target = request.param
    found.skip_unless_here()
    with found.flags("boolean_indexing", "data_dependent_shapes"):
        yield found
    if found.library == "jax" and next(_jax_tests) % 100 == 0:
        import jax

        jax.clear_caches()  # what it compiled fills gigabytes otherwise


@pytest.fixture
def make(target: Target) -> Callable[..., xn.Array]:
    """Make an `xn.Array` of the target's library from anything NumPy takes."""
    return target.make


@pytest.fixture
def xp(target: Target) -> Any:
    """xpnet's namespace over the target's library."""
    return target.namespace
