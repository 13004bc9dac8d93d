"""`explain_step`: its parts are the actual change, and no bit of anything changes."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import xpnet as xn
from libraries import Target, host
from xpnet import nn, optim
from xpnet.errors import DTypeError, GradientError, OptionError, ShapeError
from xpnet.learn import explain_step
from xpnet.learn.arithmetic import evaluate, text
from xpnet.learn.step import _RECIPES


def product(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return every combination of options."""
    rows = itertools.product(*choices.values())
    return [dict(zip(choices, row, strict=True)) for row in rows]


DECAY = {"weight_decay": (0.0, 0.1)}
BOTH = {**DECAY, "maximize": (False, True)}
DECOUPLED = {**BOTH, "decoupled_weight_decay": (False, True)}
CASES: dict[str, list[dict[str, Any]]] = {
    "SGD": [
        o
        for o in product(
            momentum=(0.0, 0.9), dampening=(0.0, 0.3), nesterov=(False, True), **BOTH
        )
        if not o["nesterov"] or (o["momentum"] and not o["dampening"])
    ],
    "Adam": product(amsgrad=(False, True), **DECOUPLED),
    "AdamW": product(amsgrad=(False, True), **BOTH),
    "NAdam": product(**DECOUPLED),
    "RAdam": product(betas=((0.9, 0.9), (0.8, 0.6)), **DECOUPLED),
    "Adamax": product(**BOTH),
    "Adadelta": product(**BOTH),
    "Adagrad": product(
        lr_decay=(0.0, 0.2), initial_accumulator_value=(0.0, 0.5), **BOTH
    ),
    "RMSprop": product(momentum=(0.0, 0.9), centered=(False, True), **BOTH),
    "Rprop": product(maximize=(False, True)),
    "Lion": product(**BOTH),
    "ASGD": product(lambd=(0.0, 0.1), **BOTH),
    "LARS": product(momentum=(0.0, 0.9), **BOTH)
    + product(nesterov=(True,), trust_coefficient=(0.5,), **BOTH),
    "LAMB": product(**BOTH),
    "Muon": product(
        nesterov=(False, True), adjust_lr_fn=(None, "match_rms_adamw"), **DECAY
    ),
    "LBFGS": product(max_iter=(1,), history_size=(1, 100)),
}
SHAPES = ((3, 4), (2, 2))
STEPS = 7  # RAdam divides by √v̂ from the sixth on


def made(
    name: str, options: dict[str, Any], arrays: list[xn.Array], lr: float = 0.05
) -> Any:
    return getattr(optim, name)(arrays, lr=lr, **options)


def descend(arrays: list[xn.Array], step: int) -> None:
    """Give each parameter a gradient: of a bowl, tilted anew at every step."""
    for i, p in enumerate(arrays):
        lib = p._lib
        tilt = np.cos(np.arange(p.size) + step + i).reshape(p.shape)
        raw = lib.raw.astype(lib.from_host(tilt, lib.raw.device(p.data)), p.dtype)
        p.grad = xn.asarray(p.data * 0.7 + raw)


def leaves(seed: int, dtype: str, shapes: Any = SHAPES) -> list[xn.Array]:
    rng = np.random.default_rng(seed)
    values = [np.asarray(rng.standard_normal(s), dtype) for s in shapes]
    return [xn.asarray(x, requires_grad=True) for x in values]


def bits(optimizer: Any, arrays: list[xn.Array]) -> list[bytes]:
    """Return every bit that a step depends on."""
    found = [host(p).tobytes() for p in arrays]
    found += [b"" if p.grad is None else host(p.grad).tobytes() for p in arrays]

    def walk(x: Any) -> None:
        if isinstance(x, dict):
            for key in sorted(x, key=str):
                walk(x[key])
        elif isinstance(x, (list, tuple)):
            for part in x:
                walk(part)
        else:
            is_array = isinstance(x, xn.Array)
            found.append(host(x).tobytes() if is_array else repr(x).encode())

    walk(optimizer.state_dict())
    return found


def close(explained: Any, dtype: str, rounds: float = 64) -> None:
    """Check that the parts are the change, as far as the dtype can tell."""
    scale = np.abs(explained.before) + sum(np.abs(x.value) for x in explained.terms)
    bound = rounds * np.finfo(dtype).eps * np.max(scale, initial=0.0)
    np.testing.assert_allclose(explained.sum, explained.actual, rtol=0, atol=bound)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_parts_are_the_change_and_nothing_else_changes(
    name: str, dtype: str
) -> None:
    for options in CASES[name]:
        arrays, untouched = leaves(3, dtype), leaves(3, dtype)
        optimizer, alone = (made(name, options, x) for x in (arrays, untouched))
        for step in range(STEPS):
            descend(arrays, step)
            descend(untouched, step)
            before = bits(optimizer, arrays)
            found = [explain_step(optimizer, p) for p in arrays]
            assert bits(optimizer, arrays) == before
            optimizer.step(lambda: 0.0)
            alone.step(lambda: 0.0)
            assert bits(optimizer, arrays) == bits(alone, untouched)
            for p, explained in zip(arrays, found, strict=True):
                assert np.array_equal(host(p).astype("float64"), explained.after)
                close(explained, dtype)
                assert explained.to_dict()["notes"] == explained.notes  # no cancelling


def test_every_optimizer_is_covered() -> None:
    formulas = {
        name
        for name in optim.__all__
        if isinstance(found := getattr(optim, name), type)
        and issubclass(found, optim.Optimizer)
        and found is not optim.Optimizer
    }
    assert {kind.__name__ for kind in _RECIPES} == formulas == set(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_formulas_are_what_the_optimizer_computes(name: str) -> None:
    for options in CASES[name]:
        arrays = leaves(4, "float64")
        optimizer = made(name, options, arrays)
        for step in range(STEPS):
            descend(arrays, step)
            explained = explain_step(optimizer, arrays[0])
            for line in explained.lines:
                value = evaluate(line.formula, explained.values)
                np.testing.assert_allclose(value, line.value, rtol=1e-9, atol=1e-15)
            new = evaluate(explained.formula, explained.values)
            np.testing.assert_allclose(new, explained.after, rtol=1e-9, atol=1e-12)
            optimizer.step(lambda: 0.0)


NUMBERS = st.lists(
    st.floats(-8, 8).map(lambda x: round(x, 3)), min_size=6, max_size=6
).map(lambda row: np.reshape(row, (3, 2)))
ANY_CASE = st.sampled_from([(n, o) for n in sorted(CASES) for o in CASES[n]])


@given(ANY_CASE, NUMBERS, st.lists(NUMBERS, min_size=1, max_size=5), st.floats(0, 1))
def test_parts_of_random_steps_are_the_change(
    case: tuple[str, dict[str, Any]], start: Any, gradients: list[Any], rate: float
) -> None:
    name, options = case
    w = xn.asarray(start, requires_grad=True)
    optimizer = made(name, options, [w], lr=rate)
    for g in gradients:
        w.grad = xn.asarray(g)
        explained = explain_step(optimizer, w, clipped_from=2.5 * g)
        optimizer.step(lambda: 0.0)
        assert np.array_equal(w.data, explained.after)
        close(explained, "float64", 1e5)


@pytest.mark.parametrize("name", ["Adam", "LAMB", "LBFGS", "Muon"])
def test_parts_on_every_library(name: str, target: Target) -> None:
    options = CASES[name][-1]
    for dtype in ("float64", "float32"):
        start = np.asarray([[1.5, -0.5], [0.25, 2.0]], dtype)
        w = target.make(start, requires_grad=True)
        optimizer = made(name, options, [w])
        for step in range(2):
            w.grad = target.make(np.asarray([[0.5, 1.0], [-2.0, step]], dtype))
            before = bits(optimizer, [w])
            explained = explain_step(optimizer, w)
            assert bits(optimizer, [w]) == before
            optimizer.step(lambda: 0.0)
            assert np.array_equal(host(w).astype("float64"), explained.after)
            close(explained, dtype)


def test_the_line_of_the_guides() -> None:
    w = xn.asarray(3.0, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    loss = (w * 2.0 - 4.0) ** 2  # (prediction − target)²
    loss.backward()
    shown = str(xn.explain_step(optimizer, w))
    page = Path(__file__).parents[2] / "docs" / "explain_step.md"
    assert f"```text\n{shown}\n```" in page.read_text("utf-8")
    assert shown == (
        "The next step of SGD for w\n"
        "\n"
        "  new = old − learning_rate × gradient\n"
        "      = 3 − 0.1 × 8\n"
        "      = 2.2\n"
        "\n"
        "  part              value\n"
        "  gradient          −0.8   −learning_rate × gradient\n"
        "                           = −0.1 × 8\n"
        "  sum of the parts  −0.8\n"
        "  actual change     −0.8   by the optimizer's own code, on a copy"
    )


def test_every_number_of_adam() -> None:
    w = xn.asarray(3.0, requires_grad=True)
    optimizer = optim.Adam([w], lr=0.5, betas=(0.5, 0.75), eps=0.0)
    w.grad = xn.asarray(2.0)
    optimizer.step()
    w.grad = xn.asarray(4.0)
    explained = explain_step(optimizer, w)
    lines = str(explained).split("\n")
    assert lines[0] == "The next step of Adam (step 2) for w"
    assert lines[2:17] == [
        "  m = β₁ × m_before + (1 − β₁) × gradient",
        "    = 0.5 × 1 + (1 − 0.5) × 4",
        "    = 2.5",
        "  v = β₂ × v_before + (1 − β₂) × gradient²",
        "    = 0.75 × 1 + (1 − 0.75) × 4²",
        "    = 4.75",
        "  m̂ = m / (1 − β₁ᵗ)",
        "    = 2.5 / (1 − 0.5²)",
        "    = 3.33333",
        "  v̂ = v / (1 − β₂ᵗ)",
        "    = 4.75 / (1 − 0.75²)",
        "    = 10.8571",
        "  new = old − learning_rate × m̂ / (√v̂ + eps)",
        "      = 2.5 − 0.5 × 3.33333 / (√10.8571 + 0)",
        "      = 1.99419",
    ]
    share, past = (term.value for term in explained.terms)
    assert share / past == pytest.approx(4.0)  # 0.5 · 4 against 0.5 · 1


def test_a_part_is_nothing_without_its_cause() -> None:
    for name in sorted(CASES):
        w = xn.asarray([[3.0, -1.0]], requires_grad=True)
        optimizer = made(name, CASES[name][-1], [w])
        w.grad = xn.asarray([[1.0, 2.0]])
        assert "momentum" not in [x.name for x in explain_step(optimizer, w).terms]
        optimizer.step(lambda: 0.0)
        w.grad = xn.asarray([[0.0, 0.0]])
        for term in explain_step(optimizer, w).terms:
            if term.name == "gradient":
                assert not term.value.any()


def test_coupled_and_decoupled_decay() -> None:
    def part(optimizer: Any, w: xn.Array) -> float:
        w.grad = xn.asarray(0.5)
        terms = {x.name: float(x.value) for x in explain_step(optimizer, w).terms}
        return terms["weight decay"]

    w, v = (xn.asarray(2.0, requires_grad=True) for _ in range(2))
    decoupled = part(optim.AdamW([w], lr=0.1, weight_decay=0.25), w)
    assert decoupled == pytest.approx(-0.1 * 0.25 * 2.0)
    coupled = part(optim.Adam([v], lr=0.1, weight_decay=0.25), v)
    assert coupled == pytest.approx(-0.1 * 0.5)  # half of g, whose m̂ / √v̂ is 1


# --- clipping and schedules -----------------------------------------------------------


def clipped(max_norm: float) -> tuple[Any, list[xn.Array], Any, xn.Array]:
    arrays = leaves(5, "float64")
    optimizer = optim.SGD(arrays, lr=0.5)
    descend(arrays, 0)
    before = xn.asarray(arrays[0].grad, copy=True)
    norm = optim.clip_grad_norm_(arrays, max_norm)
    return optimizer, arrays, norm, before


def test_clipping_is_a_part() -> None:
    optimizer, (w, _), norm, before = clipped(1.0)
    by_gradient = explain_step(optimizer, w, clipped_from=before)
    by_norm = explain_step(optimizer, w, norm_before=norm)
    assert [x.name for x in by_norm.terms] == ["gradient, before clipping", "clipping"]
    for one, other in zip(by_gradient.terms, by_norm.terms, strict=True):
        np.testing.assert_allclose(one.value, other.value, rtol=1e-9)
    kept = by_norm.terms[0].value + by_norm.terms[1].value
    np.testing.assert_allclose(kept, -0.5 * host(w.grad))
    np.testing.assert_allclose(by_norm.terms[0].value, -0.5 * host(before))
    close(by_norm, "float64")


def test_clipping_that_did_nothing_is_no_change() -> None:
    optimizer, (w, _), norm, _ = clipped(1000.0)
    explained = explain_step(optimizer, w, norm_before=norm.item())
    assert not explained.terms[1].value.any()


def test_clipping_has_no_part_where_there_is_a_sign() -> None:
    w = xn.asarray([1.0, 2.0], requires_grad=True)
    w.grad = xn.asarray([0.1, 0.2])
    explained = explain_step(optim.Lion([w], lr=0.5), w, clipped_from=[1.0, 2.0])
    assert [x.name for x in explained.terms] == ["sign of the momentum"]
    assert "Clipping has no part of its own" in str(explained)


def test_clipping_that_cannot_be() -> None:
    optimizer, (w, _), _, before = clipped(1.0)
    with pytest.raises(OptionError, match=r"norm_before is 0\.5, and the norm .* is 1"):
        explain_step(optimizer, w, norm_before=0.5)
    with pytest.raises(OptionError, match="say the same; give one"):
        explain_step(optimizer, w, norm_before=2.0, clipped_from=before)
    with pytest.raises(ShapeError, match=r"has shape \(2,\), the gradient \(3, 4\)"):
        explain_step(optimizer, w, clipped_from=[1.0, 2.0])


def test_the_rate_of_a_schedule() -> None:
    w = xn.asarray(2.0, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)
    schedule = optim.StepLR(optimizer, 1, gamma=0.1)
    w.grad = xn.asarray(1.0)
    assert explain_step(optimizer, w).notes == []
    optimizer.step()
    schedule.step()
    explained = explain_step(optimizer, w)
    assert explained.notes == [
        "The learning rate is 0.05 now; a schedule began with 0.5."
    ]
    assert explained.actual == pytest.approx(-0.05)


# --- optimizers around optimizers -----------------------------------------------------


@pytest.mark.parametrize("inner", ["SGD", "Adam", "LBFGS"])
def test_lookahead(inner: str) -> None:
    arrays = leaves(6, "float64")
    optimizer = optim.Lookahead(made(inner, CASES[inner][-1], arrays), k=3, alpha=0.25)
    for step in range(7):
        descend(arrays, step)
        before = bits(optimizer, arrays)
        found = [explain_step(optimizer, p) for p in arrays]
        assert bits(optimizer, arrays) == before
        optimizer.step(lambda: 0.0)
        for p, explained in zip(arrays, found, strict=True):
            assert np.array_equal(host(p), explained.after)
            close(explained, "float64")
            names = [term.name for term in explained.terms]
            assert ("back to the slow parameters" in names) == (step in (2, 5))
    assert found[0].optimizer == f"Lookahead around {inner}"
    assert "in 3 steps" in found[0].notes[-1]


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam_between_its_two_steps(adaptive: bool) -> None:
    arrays = leaves(7, "float64")
    optimizer = optim.SAM(optim.SGD(arrays, lr=0.1, momentum=0.9), 0.5, adaptive)
    start = [host(p).copy() for p in arrays]
    descend(arrays, 0)
    with pytest.raises(OptionError, match="SAM steps with the gradient at w"):
        explain_step(optimizer, arrays[0])
    optimizer.first_step()
    descend(arrays, 1)
    before = bits(optimizer, arrays)
    found = [explain_step(optimizer, p) for p in arrays]
    assert bits(optimizer, arrays) == before
    optimizer.second_step()
    for p, w, explained in zip(arrays, start, found, strict=True):
        assert np.array_equal(explained.before, w)
        assert np.array_equal(explained.after, host(p))
        close(explained, "float64")
    assert found[0].notes[0].startswith("The gradient is that at w + e")


def test_the_directions_of_lbfgs() -> None:
    arrays = leaves(8, "float64", ((4,), (), (2, 3)))
    optimizer = optim.LBFGS(arrays, lr=0.3, max_iter=1)
    for step in range(8):
        descend(arrays, step if step < 2 else 2)
        found = [explain_step(optimizer, p) for p in arrays]
        optimizer.step(lambda: 0.0)
        for p, explained in zip(arrays, found, strict=True):
            assert np.array_equal(host(p), explained.after)
            close(explained, "float64", 1e4)
    names = [term.name for term in found[0].terms]
    assert names[:3] == ["gradient", "curvature, 1 step ago", "curvature, 2 steps ago"]
    assert names[-1] == "curvature, older steps"
    assert len(names) == 7


def test_half_precision_and_nothing_at_all() -> None:
    for start in (np.asarray([[1.5, 2.0]], "float16"), np.zeros((0, 2), "float32")):
        for name in ("Adam", "LARS", "LBFGS", "Muon", "SGD"):
            w = xn.asarray(start.copy(), requires_grad=True)
            optimizer = made(name, CASES[name][-1], [w])
            w.grad = xn.asarray(start / 2)
            explained = explain_step(optimizer, w)
            optimizer.step(lambda: 0.0)
            assert np.array_equal(host(w).astype("float64"), explained.after)
            close(explained, str(start.dtype))
            assert str(explained)


def test_a_number_that_float16_cannot_hold_is_said() -> None:
    w = xn.asarray(np.asarray([1.0, 2.0], "float16"), requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)  # its eps is 0 in float16
    w.grad = xn.asarray(np.asarray([0.0, 0.5], "float16"))
    explained = explain_step(optimizer, w)
    assert np.isnan(explained.after).tolist() == [True, False]
    assert "too large or too small for float16" in explained.all_notes()[0]
    w.grad = xn.asarray(np.asarray([0.5, 0.5], "float16"))
    assert explain_step(optimizer, w).all_notes() == []


def test_a_step_that_is_none() -> None:
    w = xn.asarray([1.0, 2.0], requires_grad=True)
    optimizer = optim.LBFGS([w], max_iter=1)
    w.grad = xn.asarray([0.0, 0.0])
    explained = explain_step(optimizer, w)
    assert explained.terms == []
    assert not explained.actual.any()
    assert "within a tolerance" in str(explained)


# --- what is shown --------------------------------------------------------------------


def test_one_element_of_a_layer() -> None:
    model = nn.Sequential(nn.Linear(4, 8, rng=0), nn.Tanh(), nn.Linear(8, 3, rng=1))
    optimizer = optim.LAMB(model.parameters(), lr=0.1, weight_decay=0.01)
    x = xn.asarray(np.ones((5, 4), "float32"))
    for _ in range(2):
        optimizer.zero_grad()
        xn.xp.sum(model(x) ** 2).backward()
        explained = explain_step(optimizer, model[0].weight)
        optimizer.step()
    assert explained.parameter == "model[0].weight"
    assert "8 × 4 matrix" in str(explained).split("\n")[0]
    assert "one element by itself: .element((0, 0))" in str(explained)
    one = explained.element((-1, 2))
    assert one.parameter == "model[0].weight[-1, 2]"
    assert float(one.after) == model[0].weight.data[-1, 2]
    for whole, part in zip(explained.terms, one.terms, strict=True):
        assert part.value == whole.value[-1, 2]
    assert "β₁ × m_before" in str(one)
    assert re.search(r"norm_old = ‖old‖\n +=", str(one))  # of all elements
    for index in ((8, 0), (0,), 0, (0, 0, 0), 0.5, "0", None, slice(1), (0, 1.0)):
        with pytest.raises(
            OptionError, match=r"is no place in model\[0\]\.weight, of shape"
        ):
            explained.element(index)


def test_the_dict_is_json() -> None:
    w = xn.asarray([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    optimizer = optim.AdamW([w], lr=0.1)
    w.grad = xn.asarray([[0.1, -0.2], [float("inf"), float("nan")]])
    found = json.loads(
        json.dumps(explain_step(optimizer, w).to_dict(), allow_nan=False)
    )
    assert found["optimizer"] == "AdamW"
    assert found["parameter"] == "w"
    assert found["hyperparameters"]["betas"] == [0.9, 0.999]
    assert found["hyperparameters"]["step"] == 1
    assert [x["name"] for x in found["formula"]] == ["m", "v", "m̂", "v̂", "new"]
    assert [x["name"] for x in found["terms"]] == ["gradient", "weight decay"]
    assert found["before"] == [[1.0, 2.0], [3.0, 4.0]]
    assert found["after"][1][1] == "NaN"
    for x in found["terms"]:
        assert set(x) == {"name", "symbols", "numbers", "value"}
    assert found["actual"][0][0] == pytest.approx(found["after"][0][0] - 1.0)


@pytest.mark.parametrize("name", sorted(CASES))
def test_gradients_that_are_not_finite_are_shown(name: str) -> None:
    w = xn.asarray([[1.0, 2.0, 3.0, 4.0] * 5], requires_grad=True)
    w.grad = xn.asarray([[float("inf"), float("-inf"), float("nan"), 1.0] * 5])
    explained = explain_step(made(name, CASES[name][-1], [w]), w)
    assert "actual change" in str(explained)
    json.dumps(explained.to_dict(), allow_nan=False)


def test_large_arrays_are_summed_up() -> None:
    w = xn.asarray(np.linspace(0.0, 1.0, 50), requires_grad=True)
    w.grad = xn.asarray(np.ones(50))
    found = explain_step(optim.SGD([w], lr=0.5), w).to_dict()
    assert found["terms"][0]["value"]["size"] == 50
    assert found["terms"][0]["value"]["mean"] == pytest.approx(-0.5)
    assert found["terms"][0]["numbers"] is None


@pytest.mark.parametrize("name", sorted(CASES))
def test_html_is_well_formed(name: str) -> None:
    w = xn.asarray([[1.0, -2.0]], requires_grad=True)
    optimizer = made(name, CASES[name][-1], [w])
    for _ in range(2):
        w.grad = xn.asarray([[0.5, 0.25]])
        explained = explain_step(optimizer, w, name="<w>")
        for shown in (explained, explained.element((0, 1))):
            tree = ElementTree.fromstring(shown._repr_html_())
            assert tree.findall(".//math")
            quantities, parts = tree.findall(".//tbody")
            assert len(quantities) == len(shown.lines) + 1
            assert len(parts) >= len(shown.terms) + 2
        optimizer.step(lambda: 0.0)


def test_rounding_is_shown() -> None:
    w = xn.asarray(np.asarray(1.7, "float32"), requires_grad=True)
    w.grad = xn.asarray(np.asarray(0.3, "float32"))
    explained = explain_step(optim.SGD([w], lr=0.1), w)
    assert explained.rounding != 0
    assert "rounding" in str(explained)
    assert "<td>in float32</td>" in explained._repr_html_()
    np.testing.assert_allclose(
        explained.sum + explained.rounding, explained.actual, rtol=1e-15
    )


def test_cancellation_is_said() -> None:
    w = xn.asarray(np.asarray(0.1, "float32"), requires_grad=True)
    optimizer = optim.RMSprop([w], lr=0.1, alpha=0.5, centered=True, eps=1e-3)
    for step in range(60):
        w.grad = xn.asarray(np.asarray(3.3 + 1e-4 * (step % 2), "float32"))
        explained = explain_step(optimizer, w)
        optimizer.step()
        assert np.array_equal(explained.after, w.item(), equal_nan=True)
    assert "subtracts nearly equal numbers" in explained.to_dict()["notes"][-1]


def test_arithmetic_in_one_line() -> None:
    words = {"a": "α", "t": "t"}
    cases = {
        "a - (b - c)": "α − (b − c)",
        "a / (b * c)": "α / (b × c)",
        "(a + b) * c**2": "(α + b) × c²",
        "-a * b**t": "−α × bᵗ",
        "sqrt(a + b) + abs(c)": "√(α + b) + |c|",
        "b if a > 0 else c": "b if α > 0 else c",
        "a**(b + c)": "α^(b + c)",
    }
    for formula, shown in cases.items():
        assert text(formula, words) == shown
    numbers = {"a": -2.0, "b": 0.5, "c": 3.0}
    assert text("a - (b - a)", {}, numbers) == "−2 − (0.5 − (−2))"
    assert text("a**2 * b", {}, numbers) == "(−2)² × 0.5"
    assert text("b / c**2", {"b": "b"}, {"c": 1e-8}) == "b / (1×10⁻⁸)²"
    for formula in ("[1]", "f.x", "f()(a)"):
        for read in (text, evaluate):
            with pytest.raises(TypeError, match="no arithmetic: "):
                read(formula, {})


# --- what cannot be explained ---------------------------------------------------------


def test_what_takes_no_steps() -> None:
    w = xn.asarray(1.0, requires_grad=True)
    w.grad = xn.asarray(1.0)
    optimizer = optim.SGD([w], lr=0.1)
    refused = {
        optim.GradScaler(): r"call scaler\.unscale_\(optimizer\)",
        optim.EMA([w]): "EMA averages parameters",
        optim.SWA([w]): "SWA averages parameters",
        optim.StepLR(optimizer, 1): "StepLR sets learning rates",
        3.0: "is a float, and none of",
    }
    for other, match in refused.items():
        with pytest.raises(OptionError, match=match):
            explain_step(other, w)


def test_parameters_that_are_not_there() -> None:
    w, v = (xn.asarray([1.0, 2.0], requires_grad=True) for _ in range(2))
    optimizer = optim.SGD([w], lr=0.1)
    with pytest.raises(GradientError, match=r"Call loss\.backward\(\) first"):
        explain_step(optimizer, w)
    with pytest.raises(OptionError, match=r"the array of shape \(2,\) is none"):
        explain_step(optimizer, v)
    with xn.no_grad():
        w.data = np.zeros(3)
    w.grad = xn.asarray([0.0, 1.0, 2.0])
    with pytest.raises(ShapeError, match="Make a new optimizer"):
        explain_step(optimizer, w)
    with pytest.raises(OptionError, match="the parameter is a Linear"):
        explain_step(optimizer, nn.Linear(2, 1, rng=0))  # type: ignore[arg-type]


def test_steps_that_ask_for_more_gradients() -> None:
    w = xn.asarray(1.0, requires_grad=True)
    w.grad = xn.asarray(1.0)
    for options in ({}, {"max_iter": 1, "line_search_fn": "strong_wolfe"}):
        with pytest.raises(OptionError, match="asks its closure for gradients"):
            explain_step(optim.LBFGS([w], **options), w)
    with pytest.raises(OptionError, match="SAM takes no steps with LBFGS inside"):
        explain_step(optim.SAM(optim.LBFGS([w], max_iter=1)), w)


def test_complex_parameters_and_unknown_formulas() -> None:
    z = xn.asarray(1.0 + 2.0j, requires_grad=True)
    z.grad = xn.asarray(1.0 + 0.0j)
    with pytest.raises(DTypeError, match="complex128; only steps of real"):
        explain_step(optim.SGD([z], lr=0.1), z)

    class Mine(optim.Optimizer):
        def check(self, options: Any) -> None: ...

        def state_names(self, options: Any) -> tuple[str, ...]:
            return ()

        def update(self, xp: Any, w: Any, g: Any, state: Any, options: Any) -> Any:
            return w - g

    w = xn.asarray(1.0, requires_grad=True)
    w.grad = xn.asarray(1.0)
    with pytest.raises(
        OptionError, match="a step of Mine are not known; those of ASGD"
    ):
        explain_step(Mine([w], {}), w)
