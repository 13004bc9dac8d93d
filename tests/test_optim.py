"""Optimizers: against PyTorch, on every library, and what flat buffers promise."""

from __future__ import annotations

import copy
import itertools
import pickle
import threading
import time
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import JAX, NUMPY, Target, host
from xpnet import optim
from xpnet.errors import (
    ConversionError,
    DTypeError,
    GradientError,
    OptionError,
    ShapeError,
    XpnetError,
)
from xpnet.kernels import numpy_optim, threads, updates
from xpnet.optim.flat import Flat
from xpnet.optim.loose import Loose

SHAPES = ((3, 4), (4,), (), (0, 2), (2, 1, 5))
TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def product(**choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return every combination of options."""
    rows = itertools.product(*choices.values())
    return [dict(zip(choices, row, strict=True)) for row in rows]


SGD_OPTIONS = [
    {"lr": 0.05, **o}
    for o in product(
        momentum=(0.0, 0.9),
        dampening=(0.0, 0.3),
        weight_decay=(0.0, 0.1),
        nesterov=(False, True),
        maximize=(False, True),
    )
    if not o["nesterov"] or (o["momentum"] and not o["dampening"])
]
ADAM_OPTIONS = [
    {"lr": 0.01, **o}
    for o in product(
        betas=((0.9, 0.999), (0.0, 0.5)),
        eps=(1e-8, 1e-3),
        weight_decay=(0.0, 0.1),
        maximize=(False, True),
    )
]
CASES = [
    *[("SGD", o) for o in SGD_OPTIONS],
    *[("Adam", o) for o in ADAM_OPTIONS],
    *[("AdamW", o) for o in ADAM_OPTIONS],
]
FEW = [CASES[0], CASES[-1], ("Adam", ADAM_OPTIONS[2]), ("SGD", SGD_OPTIONS[-1])]


def name_of(case: Any) -> str:
    if isinstance(case, str):
        return case
    return "-".join(f"{k}={v}" for k, v in case.items() if v)


def values(dtype: str = "float64", seed: int = 0, shapes: Any = SHAPES) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s), dtype=dtype) for s in shapes]


def leaves(target: Target, arrays: list[Any]) -> list[xn.Array]:
    return [target.make(a.copy(), requires_grad=True) for a in arrays]


def give(target: Target, params: list[xn.Array], grads: list[Any]) -> None:
    """Backpropagate a loss whose gradients are `grads`; None stands for no gradient."""
    xp = target.namespace
    for p, g in zip(params, grads, strict=True):
        if g is not None:
            xp.sum(p * target.make(g)).backward()


def gradients(params: list[Any], step: int) -> list[Any]:
    """Return gradients that depend on the parameters and on the step."""
    noise = values(seed=step, shapes=[p.shape for p in params])
    return [
        np.asarray(0.3 * p + n, p.dtype) for p, n in zip(params, noise, strict=True)
    ]


def compare(ours: list[xn.Array], theirs: list[Any], dtype: str) -> None:
    for p, t in zip(ours, theirs, strict=True):
        assert str(p.dtype).endswith(dtype)
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(
            host(p.detach()), t.detach().numpy(), rtol=tolerance, atol=tolerance
        )


def compare_state(ours: optim.Optimizer, theirs: Any, dtype: str) -> None:
    mine, other = ours.state_dict()["state"], theirs.state_dict()["state"]
    assert mine.keys() == {k for k, v in other.items() if v and None not in v.values()}
    for number, entry in mine.items():
        assert entry.keys() == other[number].keys()
        for key, value in entry.items():
            expected = np.asarray(other[number][key])
            tolerance = TOLERANCE[dtype]
            np.testing.assert_allclose(
                host(value), expected, rtol=tolerance, atol=tolerance
            )


def run_both(
    target: Target, name: str, o: dict[str, Any], dtype: str, steps: int, skip: Any
) -> None:
    torch = pytest.importorskip("torch")
    start = values(dtype)
    ours = leaves(target, start)
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    one = getattr(optim, name)(ours, **o)
    two = getattr(torch.optim, name)(theirs, **o)
    for step in range(steps):
        grads = gradients([t.detach().numpy() for t in theirs], step)
        grads = [None if skip(step, i) else g for i, g in enumerate(grads)]
        one.zero_grad()
        give(target, ours, grads)
        for t, g in zip(theirs, grads, strict=True):
            t.grad = None if g is None else torch.tensor(g)
        one.step()
        two.step()
    compare(ours, theirs, dtype)
    compare_state(one, two, dtype)


def never(step: int, i: int) -> bool:
    return False


def sometimes(step: int, i: int) -> bool:
    return (step + i * i) % 3 == 0


# --- against PyTorch ------------------------------------------------------------------


@pytest.mark.parametrize("skip", [never, sometimes])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=name_of)
def test_fifty_steps_equal_pytorch(name, options, dtype, skip):
    run_both(NUMPY, name, options, dtype, 50, skip)


@pytest.mark.parametrize("skip", [never, sometimes])
@pytest.mark.parametrize(("name", "options"), FEW, ids=name_of)
def test_every_library_equals_pytorch(target, name, options, skip):
    # JAX compiles everything anew for each dtype
    for dtype in ("float64",) if target is JAX else ("float32", "float64"):
        run_both(target, name, options, dtype, 12, skip)


@pytest.mark.parametrize(("name", "options"), CASES[::3], ids=name_of)
def test_formula_equals_pytorch(name, options):
    with updates.formulas_only():
        run_both(NUMPY, name, options, "float64", 20, sometimes)


def test_groups_have_their_own_options(target):
    torch = pytest.importorskip("torch")
    start = values()
    ours = leaves(target, start)
    theirs = [torch.tensor(a, requires_grad=True) for a in start]

    def groups(p: list[Any]) -> list[dict[str, Any]]:
        return [
            {"params": p[:2], "lr": 0.1, "weight_decay": 0.2},
            {"params": [p[2]], "betas": (0.5, 0.9)},
            {"params": iter(p[3:])},
        ]

    one = optim.Adam(groups(ours), lr=0.02)
    two = torch.optim.Adam(groups(theirs), lr=0.02)
    for step in range(20):
        if step == 10:
            one.param_groups[1]["lr"] = two.param_groups[1]["lr"] = 0.3
        grads = values(seed=step)
        one.zero_grad()
        give(target, ours, grads)
        for t, g in zip(theirs, grads, strict=True):
            t.grad = torch.tensor(g)
        one.step()
        two.step()
    compare(ours, theirs, "float64")
    compare_state(one, two, "float64")


def test_a_saved_state_of_pytorch_is_continued(target):
    torch = pytest.importorskip("torch")
    for name, options in FEW:
        start = values()
        theirs = [torch.tensor(a, requires_grad=True) for a in start]
        two = getattr(torch.optim, name)(theirs, **options)

        def torch_step(grads: list[Any], theirs: Any = theirs, two: Any = two) -> None:
            for t, g in zip(theirs, grads, strict=True):
                t.grad = torch.tensor(g)
            two.step()

        for step in range(5):
            torch_step(values(seed=step))
        ours = leaves(target, [t.detach().numpy() for t in theirs])
        one = getattr(optim, name)(ours, lr=1.0)
        one.load_state_dict(two.state_dict())
        for step in range(5):
            one.zero_grad()
            give(target, ours, values(seed=step))
            one.step()
            torch_step(values(seed=step))
        compare(ours, theirs, "float64")


def test_parameters_come_with_names_as_in_pytorch():
    torch = pytest.importorskip("torch")
    named = torch.nn.Linear(3, 2).named_parameters()
    two = torch.optim.SGD(params=named, lr=0.5)
    model = xn.nn.Linear(3, 2, rng=0)
    one = optim.SGD(params=model.named_parameters(), lr=0.1)
    assert one.param_groups[0]["params"] == [model.weight, model.bias]
    one.load_state_dict(two.state_dict())  # which has the names
    assert one.lr == 0.5
    groups = [{"params": [("a", leaf(1))]}, {"params": [leaf(2)], "lr": 0.2}]
    assert [g["params"][0].size for g in optim.SGD(groups).param_groups] == [1, 2]


# --- libraries and devices ------------------------------------------------------------


def test_library_and_dtype_are_kept(target):
    params = leaves(target, values("float32"))
    before = [(p._lib, p.dtype, p.device, p.shape) for p in params]
    opt = optim.AdamW(params, lr=0.1)
    for step in range(2):
        give(target, params, values("float32", step))
        opt.param_groups[0]["lr"] = np.float64(0.1)  # a number of a schedule
        opt.step()
    assert [(p._lib, p.dtype, p.device, p.shape) for p in params] == before
    for entry in opt.state_dict()["state"].values():
        for name in ("exp_avg", "exp_avg_sq"):
            assert entry[name].device == params[0].device
            assert entry[name].dtype == params[0].dtype


def test_mixed_dtypes_have_a_buffer_each():
    params = leaves(NUMPY, [*values("float32"), *values("float64")])
    opt = optim.SGD(params, lr=0.5)
    give(NUMPY, params, [np.ones(p.shape, p.dtype) for p in params])
    before = [p.data.copy() for p in params]
    opt.step()
    for p, old in zip(params, before, strict=True):
        assert p.dtype == old.dtype
        np.testing.assert_array_equal(p.data, old - old.dtype.type(0.5))
    assert [len(store.arrays) for store in opt.stores[0]] == [5, 5]


def test_sgd_takes_complex_parameters(target):
    z = target.make(np.array([1 + 2j, 3 - 1j]), requires_grad=True)
    opt = optim.SGD([z], lr=0.5, momentum=0.5)
    for _ in range(2):
        z.grad = target.make(np.array([2j, 4.0 + 0j]))
        opt.step()
    expected = np.array([1 + 2j, 3 - 1j]) - 0.5 * np.array([2j, 4]) * (1 + 1.5)
    np.testing.assert_allclose(host(z.detach()), expected)


class SignDescent(optim.Optimizer):
    """A new optimizer: one formula."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    def check(self, options):
        self.in_range("lr", options["lr"])

    def state_names(self, options):
        return ("total",)

    def update(self, xp, w, g, state, options):
        state["total"] = state["total"] + xp.abs(g)
        return w - options["lr"] * xp.sign(g) / state["step"]


def test_a_new_optimizer_is_its_formula(target):
    (start,) = values(shapes=[(7,)])
    (p,) = leaves(target, [start])
    opt = SignDescent([p], lr=0.5)
    for _ in range(2):
        opt.zero_grad()
        give(target, [p], [np.arange(-3.0, 4.0)])
        opt.step()
    expected = start - 0.75 * np.sign(np.arange(-3.0, 4.0))
    np.testing.assert_allclose(host(p.detach()), expected)
    total = opt.state_dict()["state"][0]["total"]
    np.testing.assert_array_equal(host(total), 2 * np.abs(np.arange(-3.0, 4.0)))


# --- flat buffers ---------------------------------------------------------------------


def test_parameters_and_gradients_stay_views(target):
    params = leaves(target, values())
    opt = optim.Adam(params, lr=0.1)
    (store,) = opt.stores[0]
    if not params[0]._lib.has_views:
        assert isinstance(store, Loose)
        return
    assert isinstance(store, Flat)
    for round_ in range(3):
        opt.zero_grad()
        give(target, params, values(seed=round_))
        opt.step()
        opt.load_state_dict(opt.state_dict())
        with xn.no_grad():
            store.w[...] = store.w + 1.0  # written to the buffer, seen by all
            store.g[...] = store.g * 0.0 + 2.0
        for i, p in enumerate(params):
            assert p.data is store.views[i]
            assert p.grad is store.slots[i]
            seen = host(store.view(store.w, i))
            np.testing.assert_array_equal(host(p.detach()), seen)
            np.testing.assert_array_equal(host(p.grad), np.full(p.shape, 2.0))


def test_views_share_the_memory_of_numpy():
    params = leaves(NUMPY, values())
    opt = optim.SGD(params, lr=0.1)
    (store,) = opt.stores[0]
    give(NUMPY, params, values(seed=1))
    opt.step()
    for p in params:
        if p.size:
            assert np.shares_memory(p.data, store.w)
            assert np.shares_memory(p.grad.data, store.g)


def test_one_call_updates_all_parameters(monkeypatch):
    params = leaves(NUMPY, values(shapes=[(3,)] * 20))
    opt = optim.Adam(params)
    calls = []
    block = numpy_optim.Adam.block
    monkeypatch.setattr(
        numpy_optim.Adam, "block", lambda *a: (calls.append(1), block(*a))
    )
    give(NUMPY, params, values(seed=1, shapes=[(3,)] * 20))
    opt.step()
    assert len(calls) == 1
    params[7].grad = None
    opt.step()
    assert len(calls) == 3  # what lies before the seventh, and what lies behind it


def test_replaced_values_and_gradients_are_taken_over(target):
    params = leaves(target, [np.ones(3), np.ones(2)])
    opt = optim.SGD(params, lr=1.0)
    params[0].data = target.raw(np.array([1.0, 2.0, 3.0]))
    with xn.no_grad():
        params[1] += 10.0
    params[0].grad = target.make(np.array([1.0, 1.0, 1.0]))
    give(target, params, [None, np.array([5.0, 6.0])])
    opt.step()
    np.testing.assert_array_equal(host(params[0].detach()), [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(host(params[1].detach()), [6.0, 5.0])


def test_gradients_accumulate_until_zero_grad(target):
    (p,) = leaves(target, [np.ones(3)])
    opt = optim.SGD([p], lr=1.0)
    for _ in range(3):
        give(target, [p], [np.array([1.0, 2.0, 3.0])])
    np.testing.assert_array_equal(host(p.grad), [3.0, 6.0, 9.0])
    opt.zero_grad()
    assert p.grad is None
    opt.step()
    np.testing.assert_array_equal(host(p.detach()), np.ones(3))


def test_gradients_of_zero_let_the_momentum_go_on(target):
    torch = pytest.importorskip("torch")
    start = [np.ones(3), np.full(2, 2.0)]
    ours = leaves(target, start)
    theirs = [torch.tensor(a, requires_grad=True) for a in start]
    one, two = (o(p, lr=0.1, momentum=0.9) for o, p in (
        (optim.SGD, ours), (torch.optim.SGD, theirs)
    ))  # fmt: skip
    for step in range(4):
        one.zero_grad(set_to_none=False)
        two.zero_grad(set_to_none=False)
        for xp, (p, q) in ((target.namespace, ours), (torch, theirs)):
            xp.sum(p * p).backward()
            if step == 0:  # the second one has a gradient once
                xp.sum(q * q).backward()
        one.step()
        two.step()
    compare(ours, theirs, "float64")


def test_gradients_of_a_recorded_backward_pass_are_taken(target):
    (p,) = leaves(target, [np.array([2.0, 3.0])])
    opt = optim.SGD([p], lr=1.0)
    target.namespace.sum(p * p).backward(create_graph=True)
    opt.step()
    np.testing.assert_array_equal(host(p.detach()), [-2.0, -3.0])


def test_a_frozen_parameter_rests_until_it_is_thawed(target):
    params = leaves(target, [np.ones(3), np.ones(2)])
    opt = optim.SGD(params, lr=1.0)
    params[0].requires_grad = False
    give(target, params[1:], [np.ones(2)])
    opt.step()
    np.testing.assert_array_equal(host(params[0]), np.ones(3))
    params[0].requires_grad = True
    give(target, params[:1], [np.ones(3)])
    opt.step()
    np.testing.assert_array_equal(host(params[0].detach()), np.zeros(3))


def test_an_older_tape_is_refused(target):
    (p,) = leaves(target, [np.ones(3)])
    opt = optim.SGD([p], lr=1.0)
    loss = target.namespace.sum(p * p)
    loss.backward(retain_graph=True)
    opt.step()
    with pytest.raises(GradientError, match=r"optimizer\.step\(\) has changed"):
        loss.backward()
    opt.zero_grad()
    target.namespace.sum(p * p).backward()  # a new one is fine
    np.testing.assert_array_equal(host(p.grad), 2 * host(p.detach()))


def test_two_optimizers_may_share_parameters(target):
    params = leaves(target, [np.ones(3), np.ones(3)])
    one = optim.SGD(params, lr=1.0)
    two = optim.SGD(params[:1], lr=10.0)
    for opt in (one, two, one):
        one.zero_grad()
        give(target, params, [np.ones(3), np.ones(3)])
        opt.step()
    np.testing.assert_array_equal(host(params[0].detach()), np.full(3, -11.0))
    np.testing.assert_array_equal(host(params[1].detach()), np.full(3, -1.0))


# --- saving ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), CASES[::4], ids=name_of)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_continuing_gives_the_same_bits(name, options, dtype):
    continue_and_compare(NUMPY, name, options, dtype)


@pytest.mark.parametrize(("name", "options"), FEW, ids=name_of)
def test_continuing_gives_the_same_bits_on_every_library(target, name, options):
    continue_and_compare(target, name, options, "float32")


def continue_and_compare(target: Target, name: str, options: Any, dtype: str) -> None:
    make = getattr(optim, name)
    params = leaves(target, values(dtype))
    opt = make(params, **options)

    def train(params: list[xn.Array], opt: optim.Optimizer, first: int) -> None:
        for step in range(first, first + 5):
            opt.zero_grad()
            grads = values(dtype, step)
            skipped = [None if sometimes(step, i) else g for i, g in enumerate(grads)]
            give(target, params, skipped)
            opt.step()

    train(params, opt, 0)
    saved = opt.state_dict()
    copies = leaves(target, [host(p.detach()) for p in params])
    other = make(copies, lr=1.0)
    train(params, opt, 5)  # must not change what was saved
    other.load_state_dict(saved)
    train(copies, other, 5)
    for p, q in zip(params, copies, strict=True):
        assert host(p.detach()).tobytes() == host(q.detach()).tobytes()
    assert repr(opt) == repr(other)


def test_a_state_that_does_not_fit_is_refused_whole():
    params = leaves(NUMPY, [np.ones(3), np.ones(2)])
    opt = optim.Adam(params)
    give(NUMPY, params, [np.ones(3), np.ones(2)])
    opt.step()
    good = opt.state_dict()
    other = optim.Adam(leaves(NUMPY, [np.ones(3)]))
    with pytest.raises(OptionError, match=r"groups have \[2\] parameters.*\[1\]"):
        other.load_state_dict(good)
    other = optim.Adam(leaves(NUMPY, [np.ones(3), np.ones(3)]))
    with pytest.raises(ShapeError, match=r"exp_avg of parameter 1 has shape \(2,\)"):
        other.load_state_dict(good)
    assert other.state_dict()["state"] == {}
    for key, value, message in (
        ("centred", True, "centred=True is unknown"),
        ("lr", -1.0, "lr is -1.0"),
    ):
        bad = good | {"param_groups": [good["param_groups"][0] | {key: value}]}
        with pytest.raises(OptionError, match=message):
            opt.load_state_dict(bad)


# --- what is refused ------------------------------------------------------------------


def leaf(*shape: int) -> xn.Array:
    return xn.asarray(np.ones(shape), requires_grad=True)


COMPUTED = leaf(2) * 2.0
TWICE = leaf(3)

REFUSED = {
    "no parameters": (lambda: optim.SGD([], 0.1), OptionError, "no parameters"),
    "empty groups": (
        lambda: optim.SGD([{"params": []}], 0.1),
        OptionError,
        "no parameters",
    ),
    "a module": (
        lambda: optim.SGD(object(), 0.1),
        OptionError,
        r"model\.parameters\(\)",
    ),
    "raw arrays": (
        lambda: optim.SGD([np.ones(2)], 0.1),
        ConversionError,
        "parameter 0 is a ndarray",
    ),
    "computed": (
        lambda: optim.SGD([leaf(1), COMPUTED], 0.1),
        GradientError,
        r"parameter 1 of shape \(2,\) was computed by multiply",
    ),
    "no gradient": (
        lambda: optim.SGD([xn.asarray([1.0])], 0.1),
        GradientError,
        "none of the 1 parameters",
    ),
    "integers": (
        lambda: optim.SGD([leaf(1), xn.asarray([1])], 0.1),
        DTypeError,
        "parameter 1 is int64",
    ),
    "complex": (
        lambda: optim.Adam([xn.asarray([1j], requires_grad=True)]),
        DTypeError,
        "only SGD takes complex",
    ),
    "twice": (
        lambda: optim.SGD([TWICE, TWICE], 0.1),
        OptionError,
        "parameter 1 .* is parameter 0 again",
    ),
    "twice in groups": (
        lambda: optim.SGD([{"params": [TWICE]}, {"params": [TWICE]}], 0.1),
        OptionError,
        "is parameter 0 again",
    ),
    "group without params": (
        lambda: optim.SGD([{"lr": 0.1}], 0.1),
        OptionError,
        "needs the key 'params'",
    ),
    "unknown option": (
        lambda: optim.SGD([{"params": [leaf(1)], "rate": 0.1}], 0.1),
        OptionError,
        "'rate' is not an option; its options are lr, momentum",
    ),
    "negative rate": (
        lambda: optim.SGD([leaf(1)], -0.1),
        OptionError,
        "SGD: lr is -0.1; it must be a number, at least 0",
    ),
    "rate is NaN": (lambda: optim.Adam([leaf(1)], float("nan")), OptionError, "lr is"),
    "rate is text": (lambda: optim.Adam([leaf(1)], "fast"), OptionError, "lr is 'fa"),
    "rate of a group": (
        lambda: optim.Adam([{"params": [leaf(1)], "lr": -1}]),
        OptionError,
        "lr is -1",
    ),
    "momentum": (
        lambda: optim.SGD([leaf(1)], 0.1, momentum=-1),
        OptionError,
        "momentum is -1",
    ),
    "nesterov": (
        lambda: optim.SGD([leaf(1)], 0.1, nesterov=True),
        OptionError,
        "nesterov=True needs momentum",
    ),
    "beta": (
        lambda: optim.Adam([leaf(1)], betas=(0.9, 1.0)),
        OptionError,
        r"betas\[1\] is 1.0; .* less than 1",
    ),
    "betas": (lambda: optim.AdamW([leaf(1)], betas=0.9), OptionError, "betas is 0.9"),
    "eps": (lambda: optim.Adam([leaf(1)], eps=-1e-8), OptionError, "eps is -1e-08"),
    "decay": (
        lambda: optim.AdamW([leaf(1)], weight_decay=-1),
        OptionError,
        "weight_decay is -1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_gets_a_sentence(case):
    call, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert isinstance(caught.value, XpnetError)


def test_a_changed_parameter_is_refused():
    p, q = leaf(3), leaf(3)
    opt = optim.SGD([p, q], lr=0.1)
    for data, kind, message in (
        (np.ones(4), ShapeError, r"value of parameter 0 has shape \(4,\)"),
        (np.ones(3, "float32"), DTypeError, "value of parameter 0 is float32"),
    ):
        p.data = data
        q.grad = xn.asarray(np.ones(3))
        with pytest.raises(kind, match=message):
            opt.step()
    p.data = np.ones(3)
    p._node.grad = xn.asarray(np.ones(3, "float32"))
    with pytest.raises(DTypeError, match="gradient of parameter 0 is float32"):
        opt.step()


def test_a_parameter_that_moved_is_refused():
    strict = pytest.importorskip("array_api_strict")
    on = [strict.ones(3, device=strict.Device(d)) for d in ("CPU_DEVICE", "device1")]
    for first, second in ((on[0], on[1]), (np.ones(3), on[0])):
        p = xn.asarray(first, requires_grad=True)
        opt = optim.SGD([p], lr=0.1)
        moved = xn.asarray(second, requires_grad=True)
        moved.grad = xn.asarray(second)
        p.data, p._lib, p._node = moved.data, moved._lib, moved._node
        with pytest.raises(XpnetError, match="Move the model first"):
            opt.step()


def test_a_refused_group_leaves_no_trace():
    p, q = leaf(2), leaf(3)
    opt = optim.SGD([p], lr=0.1)
    with pytest.raises(OptionError, match="again"):
        opt.add_param_group({"params": [q, p]})
    opt.add_param_group({"params": [q], "lr": 0.5})
    assert [g["lr"] for g in opt.param_groups] == [0.1, 0.5]
    give(NUMPY, [p, q], [np.ones(2), np.ones(3)])
    opt.step()
    np.testing.assert_allclose(q.data, np.full(3, 0.5))


# --- options --------------------------------------------------------------------------


def test_every_option_shows_in_the_repr():
    opt = optim.Adam([leaf(2, 3), leaf(3)], lr=0.01, betas=(0.8, 0.9))
    expected = (
        "Adam(2 parameters of 9 elements, lr=0.01, betas=(0.8, 0.9), eps=1e-08, "
        "weight_decay=0.0, amsgrad=False, maximize=False, decoupled_weight_decay=False)"
    )
    assert repr(opt) == expected
    for kind in (optim.SGD, optim.Adam, optim.AdamW):
        text = repr(kind([{"params": [leaf(1)]}, {"params": [leaf(1)]}], lr=0.1))
        for key in kind([leaf(1)], lr=0.1).defaults:
            assert text.count(f" {key}=") == 2


def test_the_rate_is_read_at_every_step():
    p = leaf(1)
    opt = optim.SGD([p], lr=1.0)
    assert opt.lr == 1.0
    for rate in (0.5, 0.25):
        opt.lr = rate
        p.grad = xn.asarray([1.0])
        opt.step()
    np.testing.assert_array_equal(p.data, [0.25])
    with pytest.raises(OptionError, match="lr is -1"):
        opt.lr = -1
    assert opt.lr == 0.25
    opt.add_param_group({"params": [leaf(1)], "lr": 3.0})
    with pytest.raises(OptionError, match="different rates"):
        _ = opt.lr
    opt.lr = 2.0
    assert [g["lr"] for g in opt.param_groups] == [2.0, 2.0]


def test_momentum_may_begin_later():
    torch = pytest.importorskip("torch")
    (p,), t = leaves(NUMPY, [np.ones(3)]), torch.ones(3, dtype=torch.float64)
    t.requires_grad = True
    one, two = optim.SGD([p], lr=0.1), torch.optim.SGD([t], lr=0.1)
    for step in range(6):
        if step == 3:
            one.param_groups[0]["momentum"] = two.param_groups[0]["momentum"] = 0.9
        p.grad = xn.asarray(np.ones(3))
        t.grad = torch.ones(3, dtype=torch.float64)
        one.step()
        two.step()
    compare([p], [t], "float64")


# --- fused updates --------------------------------------------------------------------


def random_state(name: str, dtype: str, n: int) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    if name == "SGD":
        return {"momentum_buffer": rng.standard_normal(n).astype(dtype)}
    m = rng.standard_normal(n).astype(dtype)
    return {"exp_avg": m, "exp_avg_sq": rng.random(n).astype(dtype) * 2}


@pytest.mark.parametrize("step", [1, 2, 1000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=name_of)
def test_fused_update_equals_the_formula(name, options, dtype, step):
    # each result is within 8 units in the last place of its largest summand
    rng = np.random.default_rng(5)
    w, g = (rng.standard_normal(1000).astype(dtype) for _ in range(2))
    opt = getattr(optim, name)([leaf(1)], **options)
    options = opt.param_groups[0]
    names = opt.state_names(options)
    state = {k: v for k, v in random_state(name, dtype, 1000).items() if k in names}
    kept = {k: v.copy() for k, v in state.items()} | {"step": step}
    expected = opt.update(np, w.copy(), g.copy(), kept, options)
    fused = updates.find(name, "numpy", dtype)
    old = w.copy()
    fused(w, g, state)(step, options)
    bound = 8 * np.finfo(dtype).eps
    moved = np.abs(expected - old) + np.abs(old)
    assert np.max(np.abs(w - expected) / moved) < bound
    for key, value in state.items():
        scale = np.abs(random_state(name, dtype, 1000)[key]) + np.abs(g) + np.abs(old)
        assert value.dtype == dtype
        assert np.max(np.abs(value - kept[key]) / scale) < bound


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_fused_update_is_taken(name):
    (p,) = leaves(NUMPY, [np.ones(3)])
    opt = getattr(optim, name)([p], lr=0.1)
    give(NUMPY, [p], [np.ones(3)])
    opt.step()
    (update,) = opt.stores[0][0].updates.values()
    assert type(update) is getattr(numpy_optim, name)
    with updates.formulas_only():
        plain = getattr(optim, name)(leaves(NUMPY, [np.ones(3)]), lr=0.1)
    assert plain.stores[0][0].fused is None


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_other_dtypes_run_the_formula(name):
    (p,) = leaves(NUMPY, [np.ones(3, "float16")])
    opt = getattr(optim, name)([p], lr=0.125)
    p.grad = xn.asarray(np.ones(3, "float16"))
    opt.step()
    assert p.dtype == np.float16
    assert float(p.data[0]) == pytest.approx(0.875, abs=2e-3)


@pytest.mark.parametrize(("name", "options"), [CASES[1], CASES[-2]], ids=name_of)
def test_the_number_of_threads_changes_no_bit(name, options):
    n = threads.WORTH * 2 + 12_345
    rng = np.random.default_rng(7)
    w, g = (rng.standard_normal(n).astype("float32") for _ in range(2))
    kind = getattr(optim, name)
    options = kind([leaf(1)], **options).param_groups[0] | {"momentum": 0.5}
    results = []
    for count in (1, 2, 5):
        ours, state = w.copy(), random_state(name, "float32", n)
        update = updates.find(name, "numpy", "float32")(ours, g, state)
        with threads.limited(count):
            update(3, options)
            update(4, options)
        results.append(b"".join(a.tobytes() for a in (ours, *state.values())))
    assert results[0] == results[1] == results[2]


def test_overflow_gives_no_warning():
    (p,) = leaves(NUMPY, [np.ones(threads.WORTH + 1, "float32")])
    opt = optim.Adam([p])
    p.grad = xn.asarray(np.full(p.shape, 1e30, "float32"))
    with threads.limited(2):
        opt.step()
    assert np.all(p.data == 1.0)  # the second moment is infinite


# --- threads --------------------------------------------------------------------------


def test_every_block_is_run_once():
    for n in (0, 1, 10, threads.WORTH, threads.WORTH + 1, 3 * threads.WORTH):
        done = np.zeros(n, dtype=int)

        def block(start: int, stop: int, done: Any = done) -> None:
            done[start:stop] += 1

        with threads.limited(4):
            threads.run_blocks(block, n, 1000)
        assert np.all(done == 1)


def test_an_error_in_a_block_is_raised():
    def block(start: int, stop: int) -> None:
        if start >= threads.WORTH // 2:
            raise ArithmeticError(f"block {start}")

    with threads.limited(3), pytest.raises(ArithmeticError, match="block"):
        threads.run_blocks(block, threads.WORTH, 1000)
    test_every_block_is_run_once()


def test_blocks_inside_blocks_run_in_one_thread():
    n, seen = threads.WORTH, []

    def outer(start: int, stop: int) -> None:
        mine = threading.get_ident()

        def inner(first: int, last: int) -> None:
            time.sleep(0.001)  # long enough for another thread to come
            seen.append((last - first, threading.get_ident() == mine))

        threads.run_blocks(inner, n, n // 4)

    with threads.limited(2):
        threads.run_blocks(outer, n, n // 4)
    assert seen == [(n // 4, True)] * 16


def test_omp_num_threads_is_respected(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert threads.available() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1000000")
    assert 1 <= threads.available() < 1000000


# --- mistakes with the whole optimizer ------------------------------------------------


@pytest.mark.parametrize("state", [{}, {"weight": 1.0}, "state.safetensors"])
def test_a_state_that_is_none_is_refused(state):
    optimizer = optim.SGD([xn.asarray([1.0], requires_grad=True)], lr=0.1)
    with pytest.raises(OptionError, match="has 'state' and 'param_groups'"):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_optimizer_is_not_copied_or_pickled(copied):
    optimizer = optim.Adam([xn.asarray([1.0], requires_grad=True)])
    with pytest.raises(ConversionError, match="an optimizer is not copied"):
        copied(optimizer)


# --- gradients that a person changes --------------------------------------------------


def halved(w):
    w.grad *= 0.5


def halved_by_name(w):
    g = w.grad
    g *= 0.5


def first_cleared(w):
    w.grad[0] = 0.0


def replaced(w):
    w.grad = w.grad * 0.5


CHANGES = {
    halved: [1.5, 1.5],
    halved_by_name: [1.5, 1.5],
    first_cleared: [0.0, 3.0],
    replaced: [1.5, 1.5],
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_a_gradient_that_is_changed_in_place_is_what_the_step_uses(change):
    w = xn.asarray([1.0, 2.0], requires_grad=True)
    made = optim.SGD([w], lr=1.0)
    expected = np.array([1.0, 2.0])
    for changed in (True, False, True):
        made.zero_grad()
        xn.xp.sum(w * 3.0).backward()
        if changed:
            change(w)
        made.step()
        expected = expected - (np.array(CHANGES[change]) if changed else 3.0)
        np.testing.assert_allclose(w.data, expected)
