"""The contract can fail: a broken copy of every rule is caught, with a message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calculus.cases import CASES
from calculus.contract import Broken, Case, check, numeric
from libraries import NUMPY, STRICT_DEVICE1
from xpnet.calculus.rule import TABLE, Fused, Row

SMOOTH = sorted(
    name
    for name, row in TABLE.items()
    if row.kind != "flat"
    and not isinstance(row, Fused)
    and type(row).pull is not Row.pull  # composed of rows that are broken on their own
)
# of real numbers the sign is flat, and NumPy has one device: nothing there to break
NOTHING_TO_BREAK = ("sign", "to_device")


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_scaled(part, factor) for part in value)
    return None if value is None else value * factor


def _cases(name: str) -> list[Case]:
    """Return the first cases of a row that have elements."""
    return [c for c in CASES[name] if all(x.size for x in c.inputs)][:4]


def _caught(name: str) -> bool:
    """Tell whether any of the first cases of a row fails."""
    for case in _cases(name):
        try:
            check(case, NUMPY, "float64", "contiguous")
        except Broken:
            return True
    return False


@pytest.mark.parametrize("factor", [1.001, -1.0])
@pytest.mark.parametrize("rule", ["pull", "push"])
def test_a_broken_rule_is_caught(
    rule: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = []
    for name in SMOOTH:
        row = TABLE[name]
        right = getattr(row, rule)

        def wrong(*args: Any, right: Any = right, **options: Any) -> Any:
            return _scaled(right(*args, **options), factor)

        with monkeypatch.context() as patch, np.errstate(all="ignore"):
            for case in _cases(name):
                numeric(case)  # the numbers to compare with come from the right rules
            patch.setattr(row, rule, wrong)
            if not _caught(name):
                missed.append(name)
    assert [name for name in missed if name not in NOTHING_TO_BREAK] == []


def test_the_mutants_are_most_of_the_table() -> None:
    assert len(SMOOTH) > 80


def _cubic(xp: Any, x: Any) -> Any:
    return x**3


def test_the_message_names_function_element_and_both_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case("pow", "a test", _cubic, (np.asarray([0.5, 2.0]),))
    right = TABLE["pow"].pull
    monkeypatch.setattr(
        TABLE["pow"], "pull", lambda *a: tuple(_scaled(right(*a), 1.01))
    )
    with pytest.raises(Broken) as caught:
        check(case, NUMPY, "float64", "contiguous")
    text = str(caught.value)
    assert text.startswith("pow (a test; shapes (2,)) on numpy, float64, contiguous")
    assert "worst element (1,) of array 0" in text
    assert "h=0.01" in text
    assert "h=0.0001" in text
    assert "float32" not in text
    with pytest.raises(Broken, match="float32: use float64"):
        check(case, NUMPY, "float32", "contiguous")


def _changes_its_input(xp: Any, x: Any) -> Any:
    x.data[...] = x.data + 1.0
    return x * 1.0


def _forgets_the_device(xp: Any, x: Any) -> Any:
    import array_api_strict as strict

    from xpnet import asarray

    return asarray(strict.asarray([1.0]))


def _forgets_the_dtype(xp: Any, x: Any) -> Any:
    return xp.astype(x, xp.float64)


def test_a_changed_input_a_lost_device_and_a_lost_dtype_are_caught() -> None:
    x = np.asarray([0.5])
    with pytest.raises(Broken):
        check(Case("add", "", _changes_its_input, (x,)), NUMPY, "float64", "contiguous")
    case = Case("add", "", _forgets_the_dtype, (x,))
    with pytest.raises(Broken, match="precision of the inputs"):
        check(case, NUMPY, "float32", "contiguous")
    case = Case("add", "", _forgets_the_device, (x,), order=1)
    with pytest.raises(Broken, match="is on"):
        check(case, STRICT_DEVICE1, "float64", "contiguous")
