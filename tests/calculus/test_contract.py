"""Every row of the table keeps the contract, on every library (see `contract`)."""

import json
from pathlib import Path

import numpy as np
import pytest

from calculus.cases import CASES
from calculus.contract import check, variations
from libraries import Target
from xpnet.calculus.rule import TABLE, Fused

# how many checks ran, by row and library; `python tests/calculus/counts.py` counts again
COUNTS = json.loads(Path(__file__).with_name("counts.json").read_text())
ROWS = sorted(name for name, row in TABLE.items() if not isinstance(row, Fused))


def run_row(name: str, target: Target) -> int:
    """Check all cases of a row on a target; return how many there were."""
    done = 0
    for case in CASES[name]:
        with target.flags(*case.needs), np.errstate(all="ignore"):
            for dtype, layout in variations(case, target):
                done += check(case, target, dtype, layout)
    return done


# what NumPy and PyTorch themselves say of a mean or variance of nothing
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Degrees of freedom <= 0:RuntimeWarning")
@pytest.mark.filterwarnings(r"ignore:(std|var)\(\).*degrees of freedom:UserWarning")
@pytest.mark.parametrize("name", ROWS)
def test_the_derivatives_of_a_row_are_right(name: str, target: Target) -> None:
    done = run_row(name, target)
    wanted = COUNTS.get(name, {}).get(target.library, 1)
    assert done >= wanted, (
        f"{name}: {done} checks ran on {target}, but there were {wanted}. If they were taken "
        "away on purpose, run tests/calculus/counts.py."
    )


def test_every_row_has_cases() -> None:
    missing = [name for name in ROWS if name not in CASES]
    assert not missing, f"rows without a case in tests/calculus/cases.py: {missing}"


def test_there_are_no_cases_without_a_row() -> None:
    assert not set(CASES) - set(TABLE)
