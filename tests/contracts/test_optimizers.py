"""Every optimizer keeps its contract: PyTorch's numbers and state, on every library."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from contracts.optimizers import LINES, MATRICES, REFUSED, SHAPES, Line
from libraries import CUPY, NUMPY, STRICT_DEVICE1, TORCH, Target, host, parameters
from xpnet import optim
from xpnet.backend.library import Library
from xpnet.calculus.array import Array
from xpnet.errors import OptionError
from xpnet.kernels import numpy_optim, threads, updates

torch = pytest.importorskip("torch")

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}
OTHERS = (STRICT_DEVICE1, TORCH, CUPY)
each_line = pytest.mark.parametrize("line", LINES, ids=str)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
ONE_OF_EACH = list({line.name: line for line in LINES}.values())


@pytest.fixture(autouse=True)
def _oracle(monkeypatch):
    """Let PyTorch keep numbers of its state in float64, and Muon in its own dtype."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda x: x.clone())
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def values(line: Line, dtype: str, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s), dtype=dtype) for s in line.shapes]


def sometimes(step: int, i: int) -> bool:
    """Tell whether a parameter has a gradient; each misses one step in three."""
    return (step + i * i) % 3 != 0


def always(step: int, i: int) -> bool:
    return True


class Pair:
    """An optimizer of ours and its oracle, which are given the same gradients."""

    def __init__(self, line: Line, target: Target, dtype: str) -> None:
        self.line, self.target, self.dtype = line, target, dtype
        start = values(line, dtype)
        self.ours = [target.make(a.copy(), requires_grad=True) for a in start]
        self.theirs = [torch.tensor(a, requires_grad=True) for a in start]
        self.one, self.two = line.make(self.ours), line.oracle(self.theirs)

    def gradients(self, step: int) -> list[Any]:
        """Return gradients that depend on the parameters and on the step."""
        noise = values(self.line, self.dtype, seed=step + 1)
        pairs = zip(self.theirs, noise, strict=True)
        return [np.asarray(0.3 * t.detach().numpy() + n, n.dtype) for t, n in pairs]

    def run(self, first: int, last: int, has: Any) -> None:
        for step in range(first, last):
            grads = self.gradients(step)
            chosen = [g if has(step, i) else None for i, g in enumerate(grads)]
            give(self.target, self.one, self.ours, chosen)
            self.one.step()
            for t, g in zip(self.theirs, chosen, strict=True):
                t.grad = None if g is None else torch.tensor(g)
            self.two.step()

    def compare(self) -> None:
        for i, (p, t) in enumerate(zip(self.ours, self.theirs, strict=True)):
            close(p.detach(), t.detach(), self.dtype, f"parameter {i}")
        mine = self.one.state_dict()["state"]
        other = self.two.state_dict()["state"]
        filled = {
            k: v
            for k, v in other.items()
            if v and all(x is not None for x in v.values())
        }
        assert mine.keys() == filled.keys()
        for number, entry in mine.items():
            assert entry.keys() == filled[number].keys()
            for key, value in entry.items():
                close(value, filled[number][key], self.dtype, f"{key} of {number}")


def give(target: Target, opt: Any, params: list[xn.Array], grads: list[Any]) -> None:
    """Backpropagate a loss whose gradients are `grads`; None stands for no gradient."""
    opt.zero_grad()
    for p, g in zip(params, grads, strict=True):
        if g is not None:
            target.namespace.sum(p * target.make(g)).backward()


def close(got: Any, want: Any, dtype: str, what: str) -> None:
    got, want = host(got), np.asarray(want)
    assert got.shape == want.shape, what
    bound = TOLERANCE[dtype]
    np.testing.assert_allclose(got, want, rtol=bound, atol=bound, err_msg=what)


# --- the table ------------------------------------------------------------------------


def test_every_optimizer_has_a_line():
    kinds = {
        name
        for name in optim.__all__
        if inspect.isclass(kind := getattr(optim, name))
        and issubclass(kind, optim.Optimizer)
        and not inspect.isabstract(kind)
    }
    assert kinds - {"LBFGS"} == {line.name for line in LINES}  # has tests of its own


def test_every_option_has_a_line():
    for name in {line.name for line in LINES}:
        asked = set(inspect.signature(getattr(optim, name)).parameters)
        set_ = {k for line in LINES if line.name == name for k in line.options}
        rest = asked - set_ - {"params"}
        assert not rest - {"ns_coefficients", "eps", "betas"}, (name, rest)


@pytest.mark.parametrize("name", sorted({line.name for line in LINES}))
def test_names_and_defaults_are_pytorch_s(name):
    theirs = getattr(torch.optim, name, None)
    if theirs is None:
        assert all(line.ours for line in LINES if line.name == name)
        return
    left_out = {"self", "foreach", "fused", "capturable", "differentiable"}
    asked = inspect.signature(theirs.__init__).parameters.items()
    want = {k: v.default for k, v in asked if k not in left_out}
    mine = inspect.signature(getattr(optim, name)).parameters
    got = {k: v.default for k, v in mine.items()}
    assert got == want
    by_position = [k for k, v in asked if v.kind is v.POSITIONAL_OR_KEYWORD]
    want_order = [k for k in by_position if k in got and k != "maximize"]
    kinds = mine.items()
    order = [k for k, v in kinds if v.kind is v.POSITIONAL_OR_KEYWORD]
    assert order in (want_order, [*want_order, "maximize"])


# --- numbers --------------------------------------------------------------------------


@each_dtype
@pytest.mark.parametrize("has", [always, sometimes])
@each_line
def test_fifty_steps_equal_the_oracle(line, has, dtype):
    pair = Pair(line, NUMPY, dtype)
    pair.run(0, 50, has)
    pair.compare()


@pytest.mark.parametrize("target", parameters(OTHERS))
@each_line
def test_fifty_steps_equal_the_oracle_on_every_library(line, target):
    with target.flags():
        pair = Pair(line, target, "float64")
        pair.run(0, 50, sometimes)
        pair.compare()


@pytest.mark.parametrize("target", parameters(OTHERS))
@pytest.mark.parametrize("line", ONE_OF_EACH, ids=str)
def test_float32_stays_float32(line, target):
    with target.flags():
        pair = Pair(line, target, "float32")
        pair.run(0, 10, always)
        pair.compare()
        for p in pair.ours:
            assert str(p.dtype).endswith("float32")
        for entry in pair.one.state_dict()["state"].values():
            for value in entry.values():
                if isinstance(value, Array):
                    assert value.dtype == pair.ours[0].dtype
                    assert value.device == pair.ours[0].device


@each_line
def test_the_formula_equals_the_oracle(line):
    with updates.formulas_only():
        pair = Pair(line, NUMPY, "float64")
    pair.run(0, 20, sometimes)
    pair.compare()


FUSED = {name for name, _ in numpy_optim.UPDATES}


@each_dtype
@each_line
def test_fused_update_equals_the_formula(line, dtype):
    with updates.formulas_only():
        one = Pair(line, NUMPY, dtype)
    two = Pair(line, NUMPY, dtype)
    for step in range(20):
        grads = one.gradients(step)
        for pair in (one, two):
            give(NUMPY, pair.one, pair.ours, grads)
            pair.one.step()
    bound = 200 * np.finfo(dtype).eps
    for p, q in zip(one.ours, two.ours, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=bound, atol=bound)
    taken = two.one.stores[0][0].fused
    assert (taken is None) == (line.name not in FUSED)


@pytest.mark.parametrize("line", [x for x in LINES if x.name in FUSED][::3], ids=str)
def test_blocks_and_threads_change_no_bit(line):
    n = threads.WORTH + 12_345
    rng = np.random.default_rng(7)
    start, grads = rng.standard_normal((2, n)).astype("float32")

    def run(size, count):
        p = xn.asarray(start[:size].copy(), requires_grad=True)
        opt = line.make([p])
        with threads.limited(count):
            for sign in (1, -1):
                opt.zero_grad()
                p.grad = xn.asarray(sign * grads[:size])
                opt.step()
        state = opt.state_dict()["state"].get(0, {}).values()
        arrays = [p.data, *(x.data for x in state if isinstance(x, Array))]
        return [a[:1000].tobytes() + a[-1000:].tobytes() for a in arrays], arrays

    alone, _ = run(1000, 1)  # one block
    one, arrays = run(n, 1)
    three, _ = run(n, 3)
    assert one == three
    assert [a[:1000].tobytes() * 2 for a in arrays] == alone


# --- states ---------------------------------------------------------------------------


@pytest.mark.parametrize("target", parameters((NUMPY, *OTHERS)))
@each_line
def test_a_saved_state_goes_on_with_the_same_bits(line, target):
    with target.flags():
        pair = Pair(line, target, "float32")
        pair.run(0, 4, sometimes)
        saved = pair.one.state_dict()
        copies = [target.make(host(p.detach()).copy(), True) for p in pair.ours]
        other = line.kind(copies)
        other.load_state_dict(saved)
        for step in range(4, 8):
            for opt, params in ((pair.one, pair.ours), (other, copies)):
                grads = values(line, "float32", seed=step)
                chosen = [
                    g if sometimes(step, i) else None for i, g in enumerate(grads)
                ]
                give(target, opt, params, chosen)
                opt.step()
        for p, q in zip(pair.ours, copies, strict=True):
            assert host(p.detach()).tobytes() == host(q.detach()).tobytes()
        assert repr(pair.one) == repr(other)


@pytest.mark.parametrize("target", parameters((NUMPY, *OTHERS)))
@pytest.mark.parametrize("line", [x for x in LINES if not x.ours], ids=str)
def test_states_of_pytorch_are_taken_over(line, target):
    with target.flags():
        pair = Pair(line, target, "float64")
        pair.run(0, 5, sometimes)
        pair.one = line.kind(pair.ours)
        pair.one.load_state_dict(pair.two.state_dict())
        pair.run(5, 10, sometimes)
        pair.compare()


@pytest.mark.parametrize("line", [x for x in LINES if not x.ours], ids=str)
def test_pytorch_takes_over_our_states(line):
    pair = Pair(line, NUMPY, "float64")
    pair.run(0, 5, always)
    saved = pair.one.state_dict()
    state = {
        i: {
            k: torch.tensor(v.data) if isinstance(v, Array) else torch.tensor(float(v))
            for k, v in entry.items()
        }
        for i, entry in saved["state"].items()
    }
    pair.two = line.oracle(pair.theirs)
    theirs = pair.two.state_dict()["param_groups"]
    groups = [t | g for t, g in zip(theirs, saved["param_groups"], strict=True)]
    pair.two.load_state_dict({"state": state, "param_groups": groups})
    pair.run(5, 10, always)
    pair.compare()


# --- promises of a step ---------------------------------------------------------------

READS = ("__bool__", "__float__", "__int__", "__index__", "__complex__", "item")


@pytest.mark.parametrize("target", parameters(OTHERS))
@each_line
def test_a_step_reads_nothing_back_to_the_host(line, target, monkeypatch):
    pair = Pair(line, target, "float32")
    pair.run(0, 3, always)  # the first step may make state

    def forbidden(*args, **options):
        raise AssertionError("an array was read back to the host")

    grads = values(line, "float32", seed=9)
    give(target, pair.one, pair.ours, grads)
    raw_type = type(pair.ours[0].data)
    with monkeypatch.context() as patch:
        for name in READS:
            patch.setattr(Array, name, forbidden, raising=True)
            if hasattr(raw_type, name) and target.library != "cupy":
                patch.setattr(raw_type, name, forbidden)
        patch.setattr(Library, "to_host", forbidden)
        patch.setattr(type(pair.ours[0]._lib), "to_host", forbidden)
        pair.one.step()


@pytest.mark.parametrize("line", ONE_OF_EACH, ids=str)
def test_closures_frozen_parameters_and_several_dtypes(line):
    def made(arrays):
        return [xn.asarray(a.copy(), requires_grad=True) for a in arrays]

    mixed = values(line, "float32") + values(line, "float64")
    params = made(mixed)
    opt = line.make(params)
    params[0].requires_grad = False
    weights = [xn.asarray(a) for a in values(line, "float64", seed=3)]

    def closure():
        opt.zero_grad()
        parts = zip(params[-len(weights) :], weights, strict=True)
        loss = sum(xn.xp.sum(p * w) for p, w in parts)
        loss.backward()
        return loss

    loss = opt.step(closure)
    assert isinstance(loss, Array)
    alone = made(values(line, "float64"))
    single = line.make(alone)
    give(NUMPY, single, alone, [w.data for w in weights])
    assert single.step() is None
    for p, start in zip(params, mixed, strict=True):
        assert p.dtype == start.dtype
    for p, start in zip(params[: len(weights)], mixed, strict=False):
        np.testing.assert_array_equal(p.data, start)
    for p, q in zip(params[len(weights) :], alone, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize("line", [x for x in ONE_OF_EACH if x.name != "SGD"], ids=str)
def test_complex_parameters_are_refused(line):
    shape = (2, 2) if line.shapes is MATRICES else (2,)
    z = xn.asarray(np.ones(shape, "complex128"), requires_grad=True)
    with pytest.raises(xn.errors.DTypeError, match="only SGD takes complex"):
        line.make([z])


def test_adamw_refuses_the_state_of_adam():
    p, q = (xn.asarray(np.ones(2), requires_grad=True) for _ in range(2))
    saved = optim.Adam([p]).state_dict()
    with pytest.raises(OptionError, match=r"which is Adam. Use optim\.Adam"):
        optim.AdamW([q]).load_state_dict(saved)


def test_rates_of_schedules_in_pytorch_s_groups_are_taken_over():
    t = torch.ones(2, requires_grad=True)
    theirs = torch.optim.Adam([t], lr=0.5)
    torch.optim.lr_scheduler.StepLR(theirs, 1)
    opt = optim.Adam([xn.asarray(np.ones(2), requires_grad=True)])
    opt.load_state_dict(theirs.state_dict())
    assert opt.lr == opt.param_groups[0]["initial_lr"] == 0.5


def test_muon_takes_matrices_alone():
    with pytest.raises(xn.errors.ShapeError, match=r"parameter 1 has shape \(4,\)"):
        optim.Muon([xn.asarray(np.ones(s), requires_grad=True) for s in SHAPES[:2]])


@pytest.mark.parametrize(("name", "options", "message"), REFUSED)
def test_options_out_of_range_get_a_sentence(name, options, message):
    p = xn.asarray(np.ones((2, 2)), requires_grad=True)
    with pytest.raises(OptionError, match=message):
        getattr(optim, name)([p], **options)
    with pytest.raises(OptionError, match=message):
        getattr(optim, name)([{"params": [p], **options}])
