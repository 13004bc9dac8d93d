"""The page about the official suite says what was found, and why each failure is there.

The suite itself is run from a checkout, by ``ci/conformance``.
"""

import inspect

import pytest

import xpnet as xn
from conformance import run
from xpnet.calculus import namespace


@pytest.fixture(params=["numpy", "array_api_strict"])
def recorded(request, monkeypatch):
    """A namespace all of whose floating-point arrays are on the tape."""
    from conformance import spaces

    monkeypatch.setattr(namespace, "SPACES", dict(namespace.SPACES))
    return request.param, getattr(spaces, f"{request.param}_recorded")


def test_every_failure_has_a_reason():
    outcomes = run.kept_outcomes()
    assert {o.library for o in outcomes} == set(run.LIBRARIES)
    for o in outcomes:
        reasons = run.expected(o.space)
        assert not [t for t in o.failures if run.reason_for(t, reasons) is None]


def test_numpy_and_strict_fail_where_the_libraries_themselves_do():
    for o in run.kept_outcomes():
        if o.library in ("numpy", "array_api_strict"):
            others = [t for t in o.failures if "test_special_cases" not in t]
            assert {t.partition("::")[2] for t in others} <= {
                "test_dunder_dlpack",
                "test_from_dlpack",
            }
            assert o.examples >= 200


def test_the_page_is_what_the_results_give():
    assert run.PAGE.read_text(encoding="utf-8") == run.page(run.kept_outcomes())


def test_an_unknown_failure_has_no_reason():
    reasons = run.expected("numpy")
    assert run.reason_for("array_api_tests/test_linalg.py::test_inv", reasons) is None
    assert run.reason_for("a.py::test_binary[add(x1_i is NaN)]", reasons) is None
    known = "a.py::test_binary[floor_divide(x1_i is +infinity) -> NaN]"
    assert run.reason_for(known, reasons)


def test_every_array_of_a_recorded_namespace_is_on_the_tape(recorded):
    name, space = recorded
    plain = xn.xp if name == "numpy" else xn.namespace(name)
    x = space.linspace(0.0, 1.0, 5)
    assert x.requires_grad
    assert space.floor(x).requires_grad
    assert all(part.requires_grad for part in space.linalg.slogdet(space.eye(2)))
    assert space.fft.rfft(x).requires_grad
    assert not space.argmax(x).requires_grad
    for part in (None, "linalg", "fft"):
        theirs = plain if part is None else getattr(plain, part)
        ours = space if part is None else getattr(space, part)
        public = {key for key in vars(theirs) if key[0] != "_"}
        assert public <= set(vars(ours))
    assert inspect.signature(space.sum) == inspect.signature(plain.sum)
