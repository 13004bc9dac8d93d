"""docs/support.md: of today's functions, and no claim that is not checked."""

import json

import pytest

from calculus.cases import CASES
from calculus.contract import Case
from calculus.support import (
    PAGE,
    RESULTS,
    TARGETS,
    attempt,
    cell,
    functions,
    missing,
    page,
)
from libraries import NUMPY, STRICT
from xpnet import xp
from xpnet.calculus.rule import TABLE

AGAIN = "Run tests/calculus/support.py (it says how)."
FOUND = json.loads(RESULTS.read_text())
NAMES = sorted({name for _, name in functions()})


def test_the_page_is_what_the_results_say():
    assert PAGE.read_text() == page(FOUND), f"docs/support.md was edited. {AGAIN}"


@pytest.mark.parametrize("library", FOUND)
def test_the_table_has_every_function_and_no_other(library):
    rows = FOUND[library]["rows"]
    assert sorted(rows) == NAMES, f"The table is not of today's functions. {AGAIN}"


def test_the_libraries_of_the_contract_are_in_the_table():
    assert {"numpy", "array_api_strict", "torch", "jax"} <= set(FOUND)
    assert set(FOUND) <= {target.library for target in TARGETS}


def test_every_public_function_is_in_the_table():
    everything = {name for name in xp.__all__ if name in TABLE}
    for part in (xp.linalg, xp.fft, xp.special):
        everything |= set(part.__all__)
    everything |= {"getitem", "setitem"}
    assert everything == set(NAMES)
    assert len(NAMES) > 180


@pytest.mark.parametrize("library", FOUND)
def test_nothing_is_claimed_that_the_contract_leaves_out(library):
    claimed = [name for name in NAMES if not FOUND[library]["rows"].get(name)]
    wrong = [
        (name, case.label)
        for name in claimed
        for case in CASES[name]
        if case.only and library not in case.only
    ]
    assert not wrong, f"{library}: a ✓ for what is left out: {wrong}. {AGAIN}"


def test_the_page_counts_the_cases_that_stop_at_the_first_order():
    stopped = sum(case.order < 2 for name in NAMES for case in CASES[name])
    assert (stopped, "seven cases" in PAGE.read_text()) == (7, True)


@pytest.mark.parametrize("library", FOUND)
def test_what_works_is_not_left_out(library):
    text = "it works, and the contract leaves it out"
    idle = [
        (name, label)
        for name, notes in FOUND[library]["rows"].items()
        for label, reason in notes
        if reason == text
    ]
    assert not idle, (
        f"{library}: take only= away from {idle}, and make the table again."
    )


@pytest.mark.parametrize("name", ["imag", "matmul", "exp", "sort", "zeros"])
@pytest.mark.parametrize("target", [NUMPY, STRICT], ids=str)
def test_the_script_finds_again_what_the_table_says(name, target):
    assert missing(name, target) == FOUND[target.library]["rows"][name]


def test_a_wrong_derivative_is_a_reason():
    import numpy as np

    broken = Case("exp", "broken", lambda xp, x: xp.exp(x.detach()), (np.ones(2),))
    reason = attempt(broken, NUMPY)
    assert reason is not None
    assert reason.startswith("Broken: exp (broken; shapes (2,)) on numpy, float64")


def test_a_library_that_was_not_run_is_said_to_be_so():
    assert cell({}, "cupy", "exp", {}) == "not run"
    notes: dict[str, int] = {}
    results = {"torch": {"rows": {"exp": [["a", "why"], ["b", "why"]], "log": []}}}
    assert cell(results, "torch", "exp", notes) == "[1]"
    assert cell(results, "torch", "log", notes) == "✓"
    assert notes == {"torch, a; b: why.": 1}
