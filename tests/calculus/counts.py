"""Write counts.json: how many checks the contract makes, by row and library.

`test_contract` fails when a count falls. Run this after adding cases::

    PYTHONPATH=src:tests python tests/calculus/counts.py
"""

import json
from pathlib import Path

from calculus.cases import CASES
from calculus.contract import chosen, variations
from libraries import JAX, NUMPY, STRICT, TORCH


def counted() -> dict[str, dict[str, int]]:
    """Return the number of checks by row and library."""
    return {
        name: {
            target.library: sum(
                len(variations(case, target)) for case in chosen(cases, target)
            )
            for target in (NUMPY, STRICT, TORCH, JAX)
        }
        for name, cases in sorted(CASES.items())
    }


if __name__ == "__main__":
    rows = [f"{json.dumps(name)}: {json.dumps(n)}" for name, n in counted().items()]
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    Path(__file__).with_name("counts.json").write_text(text)
