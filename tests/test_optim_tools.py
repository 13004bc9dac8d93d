"""Clipping, averaging, L-BFGS, Lookahead, SAM, accumulation: beside the optimizers."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest

import xpnet as xn
from libraries import CUPY, NUMPY, STRICT_DEVICE1, TORCH, host, parameters
from xpnet import optim
from xpnet.calculus.array import Array
from xpnet.errors import (
    ConversionError,
    LibraryError,
    NonFiniteError,
    OptionError,
    ShapeError,
)

ALL = parameters((NUMPY, STRICT_DEVICE1, TORCH, CUPY))
OTHERS = parameters((STRICT_DEVICE1, TORCH, CUPY))
SHAPES = ((3, 4), (4,), (), (0, 2), (17,))
READS = ("__bool__", "__float__", "__int__", "__index__", "item")
each = pytest.mark.parametrize("target", ALL)


def values(dtype="float64", seed=0, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s), dtype) for s in shapes]


def leaves(target, arrays):
    return [target.make(np.array(a), requires_grad=True) for a in arrays]


def give(target, params, grads):
    for p, g in zip(params, grads, strict=True):
        if g is not None:
            target.namespace.sum(p * target.make(g)).backward()


def torch_leaves(arrays, grads=None):
    torch = pytest.importorskip("torch")
    made = [torch.tensor(a, requires_grad=True) for a in arrays]
    for t, g in zip(made, grads or [None] * len(made), strict=True):
        t.grad = None if g is None else torch.tensor(g)
    return made


class no_reads:
    """Let any read of an array back to the host raise, inside a ``with`` block."""

    def __init__(self, monkeypatch, near, library):
        self.patch, self.near, self.library = monkeypatch, near, library

    def __enter__(self):
        def forbidden(*args, **options):
            raise AssertionError("an array was read back to the host")

        raw = type(self.near.data)
        for name in READS:
            self.patch.setattr(Array, name, forbidden, raising=True)
            if hasattr(raw, name) and self.library != "cupy":
                self.patch.setattr(raw, name, forbidden)
        self.patch.setattr(type(self.near._lib), "to_host", forbidden)

    def __exit__(self, *error):
        self.patch.undo()


# --- clipping -------------------------------------------------------------------------

ORDERS = (2.0, 1.0, 3.0, 0.5, math.inf)


@pytest.mark.parametrize("optimizer", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("order", ORDERS)
@each
def test_clipping_by_norm_equals_pytorch(target, order, dtype, optimizer):
    torch = pytest.importorskip("torch")
    with target.flags():
        for limit in (0.5, 1e3, 0):
            start, grads = values(dtype), values(dtype, seed=1)
            grads[1] = None
            if order == math.inf:
                grads[3] = None  # PyTorch has no largest value of an empty array
            params = leaves(target, start)
            kept = optim.SGD(params, lr=0.1) if optimizer else None
            give(target, params, grads)
            theirs = torch_leaves(start, grads)
            norm = optim.clip_grad_norm_(params, limit, norm_type=order)
            want = torch.nn.utils.clip_grad_norm_(theirs, limit, norm_type=order)
            bound = {"float64": 1e-12, "float32": 1e-6}[dtype]
            assert norm.shape == ()
            assert str(norm.dtype).endswith(dtype)
            np.testing.assert_allclose(host(norm), want.numpy(), rtol=bound)
            for p, t in zip(params, theirs, strict=True):
                assert (p.grad is None) == (t.grad is None)
                if t.grad is not None:
                    got, expected = host(p.grad), t.grad.numpy()
                    np.testing.assert_allclose(got, expected, rtol=bound, atol=1e-30)
            del kept


@each
def test_clipping_touches_the_flat_buffer_once(target):
    params = leaves(target, values())
    opt = optim.SGD(params, lr=1.0)
    give(target, params, values(seed=1))
    optim.clip_grad_norm_(params, 0.1)
    (store,) = opt.stores[0]
    if params[0]._lib.has_views:
        assert store.collected()
        squares = float(np.sum(host(Array(store.g, store.lib)) ** 2))
        assert math.sqrt(squares) == pytest.approx(0.1, rel=1e-5)
    before = [host(p.detach()).copy() for p in params]
    opt.step()
    moved = [b - host(p.detach()) for b, p in zip(before, params, strict=True)]
    total = math.sqrt(sum(float(np.sum(m * m)) for m in moved))
    assert total == pytest.approx(0.1, rel=1e-5)


LARGE = {
    # squares overflow, or vanish, and the norm does neither
    "float32": ([3e25, -4e25], 5e25),
    "float32 small": ([3e-30, 4e-30], 5e-30),
    "float16": ([30000.0, 40000.0], 50000.0),
    "float64": ([3e200, 4e200], 5e200),
    "float64 small": ([3e-200, 4e-200], 5e-200),
}


@pytest.mark.parametrize("case", LARGE)
@each
def test_norms_whose_squares_overflow_are_right(target, case):
    given, norm = LARGE[case]
    dtype = case.split()[0]
    if dtype == "float16" and target is STRICT_DEVICE1:
        pytest.skip("array-api-strict has no float16")
    p = target.make(np.zeros(2, dtype), requires_grad=True)
    p.grad = target.make(np.array(given, dtype))
    got = optim.clip_grad_norm_([p], max_norm=norm / 1e3)
    assert float(host(got)) == pytest.approx(norm, rel=1e-3)
    assert str(got.dtype).endswith("float64" if dtype == "float64" else "float32")
    assert str(p.grad.dtype).endswith(dtype)
    clipped = norm / 1e3 / (1 + 1e-6 / norm)
    want = np.array(given) / norm * clipped
    np.testing.assert_allclose(host(p.grad), want, rtol=2e-3, atol=1e-44)


def test_gradients_are_right_where_the_norm_itself_is_not_representable():
    p = xn.asarray(np.zeros(400, "float32"), requires_grad=True)
    p.grad = xn.asarray(np.full(400, 3e38, "float32"))
    assert optim.clip_grad_norm_([p], 20.0).item() == math.inf
    np.testing.assert_allclose(p.grad.data, 1.0, rtol=1e-5)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@each
def test_infinite_gradients_are_clipped_as_pytorch_does(target, bad):
    torch = pytest.importorskip("torch")
    given = [np.array([1.0, bad]), np.array([2.0])]
    params, theirs = leaves(target, given), torch_leaves(given, given)
    for p, g in zip(params, given, strict=True):
        p.grad = target.make(g)
    with pytest.raises(NonFiniteError, match="Skip this step"):
        optim.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    for p, g in zip(params, given, strict=True):
        np.testing.assert_array_equal(host(p.grad), g)
    with np.errstate(invalid="ignore"):  # inf times 0
        norm = optim.clip_grad_norm_(params, 1.0)
    want = torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    np.testing.assert_array_equal(host(norm), want.numpy())
    for p, t in zip(params, theirs, strict=True):
        np.testing.assert_array_equal(host(p.grad), t.grad.numpy())


@pytest.mark.parametrize("optimizer", [False, True])
@each
def test_clipping_by_value(target, optimizer):
    given = [np.array([1.0, -3.0, math.inf, -math.inf, math.nan]), np.array(0.2)]
    params = leaves(target, [np.zeros(5), np.zeros(()), np.zeros(2)])
    kept = optim.SGD(params, lr=0.1) if optimizer else None
    give(target, params, [np.ones(5), np.ones(()), None])
    for p, g in zip(params, given, strict=False):
        p.grad = target.make(g)
    optim.clip_grad_value_(params, 0.5)
    np.testing.assert_array_equal(host(params[0].grad), [0.5, -0.5, 0.5, -0.5, np.nan])
    np.testing.assert_array_equal(host(params[1].grad), 0.2)
    assert params[2].grad is None
    del kept


@pytest.mark.parametrize("target", OTHERS)
def test_clipping_reads_nothing_back(target, monkeypatch):
    params = leaves(target, values("float32"))
    opt = optim.SGD(params, lr=0.1)
    give(target, params, values("float32", seed=1))
    with no_reads(monkeypatch, params[0], target.library):
        optim.clip_grad_norm_(params, 0.1)
        optim.clip_grad_value_(params, 0.01)
        opt.step()


def test_a_gradient_that_two_parameters_share_is_scaled_once():
    p, q = leaves(NUMPY, [np.ones(2), np.ones(2)])
    p.grad = q.grad = xn.asarray([3.0, 4.0])
    optim.clip_grad_norm_([p, q], math.sqrt(2))
    np.testing.assert_allclose(p.grad.data, [0.6, 0.8], rtol=1e-6)
    np.testing.assert_allclose(q.grad.data, [0.6, 0.8], rtol=1e-6)


def test_clipping_without_gradients_and_with_bad_options():
    p = xn.asarray(np.ones(2, "float32"), requires_grad=True)
    assert optim.clip_grad_norm_(p, 1.0).item() == 0.0
    optim.clip_grad_value_(p, 1.0)
    for call, match in (
        (lambda: optim.clip_grad_norm_(p, -1.0), "max_norm is -1.0"),
        (lambda: optim.clip_grad_norm_(p, 1.0, norm_type=0), "norm_type is 0"),
        (lambda: optim.clip_grad_norm_(p, "1"), "max_norm is '1'"),
        (lambda: optim.clip_grad_norm_([], 1.0), "no parameters"),
        (lambda: optim.clip_grad_value_(p, math.nan), "clip_value is nan"),
    ):
        with pytest.raises(OptionError, match=match):
            call()


def test_clipping_takes_a_generator_also_where_there_are_no_gradients():
    found = leaves(NUMPY, [np.ones(2)])
    assert optim.clip_grad_norm_((p for p in found), 1.0).item() == 0.0


def test_tools_take_named_parameters_and_say_what_is_none():
    model = xn.nn.Linear(2, 2, rng=0)
    assert optim.clip_grad_norm_(model.named_parameters(), 1.0).item() == 0.0
    ema = optim.EMA(model.named_parameters(), decay=0.9)
    assert repr(ema) == "EMA(2 parameters of 6 elements, decay=0.9, n_averaged=0)"
    assert repr(optim.SWA(model.parameters())).endswith("elements, n_averaged=0)")
    for call in (
        lambda p: optim.clip_grad_norm_(p, 1.0),
        lambda p: optim.clip_grad_value_(p, 1.0),
        optim.EMA,
    ):
        with pytest.raises(OptionError, match="are a Linear, not an iterable"):
            call(model)
        with pytest.raises(ConversionError, match=r"0 is a ndarray, not an xn\.Array"):
            call([np.ones(2)])


def test_gradients_of_two_libraries_have_no_norm_together():
    pytest.importorskip("array_api_strict")
    p, q = leaves(NUMPY, [np.ones(2)]), leaves(STRICT_DEVICE1, [np.ones(2)])
    p[0].grad, q[0].grad = NUMPY.make(np.ones(2)), STRICT_DEVICE1.make(np.ones(2))
    with pytest.raises(LibraryError, match=r"belong to .* and their norm to none"):
        optim.clip_grad_norm_([*p, *q], 1.0)


# --- accumulation ---------------------------------------------------------------------


@each
def test_small_batches_accumulate_to_a_large_one(target):
    xp = target.namespace
    x, y = values(shapes=[(12, 3), (12,)])

    def loss(w, rows):
        error = xp.matmul(target.make(x[rows]), w) - target.make(y[rows])
        return xp.mean(error * error)

    (one,), (two,) = leaves(target, [np.ones(3)]), leaves(target, [np.ones(3)])
    first, second = optim.Adam([one], lr=0.1), optim.Adam([two], lr=0.1)
    for _ in range(3):
        first.zero_grad()
        loss(one, slice(0, 12)).backward()
        first.step()
        second.zero_grad()
        for start in range(0, 12, 4):
            (loss(two, slice(start, start + 4)) / 3).backward()
        second.step()
    np.testing.assert_allclose(host(one.detach()), host(two.detach()), rtol=1e-12)


# --- averages -------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["none", "all", "other order"])
@pytest.mark.parametrize("kind", ["EMA", "SWA"])
@each
def test_averages_equal_pytorch(target, kind, optimizer, monkeypatch):
    torch = pytest.importorskip("torch")
    from torch.optim import swa_utils

    class Holder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            made = [torch.nn.Parameter(torch.tensor(a)) for a in values()]
            self.all = torch.nn.ParameterList(made)

    model = Holder()
    rule = {
        "EMA": swa_utils.get_ema_multi_avg_fn(0.9),
        "SWA": swa_utils.get_swa_multi_avg_fn(),
    }[kind]
    theirs = swa_utils.AveragedModel(model, multi_avg_fn=rule)
    params = leaves(target, values())
    ordered = params if optimizer == "all" else params[::-1]
    opt = None if optimizer == "none" else optim.SGD(ordered, lr=1.0)
    make = {"EMA": lambda p: optim.EMA(p, decay=0.9), "SWA": optim.SWA}[kind]
    monkeypatch.setattr(theirs, "n_averaged", theirs.n_averaged.double())
    ours = make(params)
    for step in range(6):
        grads = values(seed=step + 1)
        with xn.no_grad():
            for p, t, g in zip(params, model.all, grads, strict=True):
                t.data -= torch.tensor(g)
                if opt is None:
                    p.data = p.data - target.raw(g)
        if opt is not None:
            opt.zero_grad()
            give(target, params, grads)
            opt.step()
        ours.update()
        theirs.update_parameters(model)
    assert ours.n_averaged == 6
    raw = [host(p.detach()).copy() for p in params]
    with ours.applied():
        for p, t in zip(params, theirs.module.all, strict=True):
            got, want = host(p.detach()), t.detach().numpy()
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
        with pytest.raises(OptionError, match="inside `applied`"):
            ours.update()
    for p, before in zip(params, raw, strict=True):
        np.testing.assert_array_equal(host(p.detach()), before)
    saved = ours.state_dict()
    other = make(leaves(target, values(seed=9)))
    other.load_state_dict(saved)
    ours.update()
    with xn.no_grad():
        for p, q in zip(params, other.arrays, strict=True):
            q.data = p.data
    other.update()
    for a, b in zip(ours.averages, other.averages, strict=True):
        assert host(a).tobytes() == host(b).tobytes()
    if opt is not None and params[0]._lib.has_views:
        assert opt.stores[0][0].holds(ordered)
    ours.assign()
    for p, a in zip(params, ours.averages, strict=True):
        np.testing.assert_array_equal(host(p.detach()), host(a))


def test_averages_of_buffers_and_several_dtypes():
    p = xn.asarray(np.zeros(3, "float32"), requires_grad=True)
    mean = xn.asarray(np.zeros(2))
    count = xn.asarray(np.array(0))
    ema = optim.EMA([p, mean, count], decay=0.5)
    for value in (0, 2):
        p.data = np.full(3, value, "float32")
        mean.data = np.full(2, float(value))
        count.data = np.array(value)
        ema.update()
    got = [x.tolist() for x in ema.averages]
    assert got == [[1.0] * 3, [1.0] * 2, 2]
    assert [str(x.dtype) for x in ema.averages] == ["float32", "float64", "int64"]


@pytest.mark.parametrize("target", OTHERS)
def test_averaging_reads_nothing_back(target, monkeypatch):
    params = leaves(target, values("float32"))
    ema, swa = optim.EMA(params), optim.SWA(params)
    ema.update()
    with no_reads(monkeypatch, params[0], target.library):
        ema.update()
        swa.update()
        with swa.applied():
            pass


def test_an_error_inside_applied_gives_the_parameters_back():
    (p,) = leaves(NUMPY, [np.ones(2)])
    ema = optim.EMA([p])
    p.data = data = np.full(2, 7.0)
    with contextlib.suppress(ZeroDivisionError), ema.applied():
        assert p.tolist() == [1.0, 1.0]
        raise ZeroDivisionError
    assert p.data is data


def test_averages_refuse_what_does_not_fit():
    (p,) = leaves(NUMPY, [np.ones(2)])
    for call, kind, match in (
        (lambda: optim.EMA([]), OptionError, "no parameters to average"),
        (lambda: optim.EMA([p], decay=1.5), OptionError, "decay is 1.5"),
        (lambda: optim.SWA([np.ones(2)]), ConversionError, "parameter 0 is a ndarray"),
        (lambda: optim.SWA([p]).load_state_dict({}), OptionError, "has 'averages'"),
        (
            lambda: optim.SWA([p]).load_state_dict({"averages": []}),
            OptionError,
            "0 averages were saved, but there are 1",
        ),
        (
            lambda: optim.SWA([p]).load_state_dict({"averages": [np.ones(3)]}),
            ShapeError,
            r"average 0 has shape \(3,\)",
        ),
    ):
        with pytest.raises(kind, match=match):
            call()


# --- Lookahead ------------------------------------------------------------------------


@each
def test_lookahead_is_its_formula(target):
    params = leaves(target, values())
    opt = optim.Lookahead(optim.Adam(params, lr=0.1), k=3, alpha=0.4)
    fast = leaves(target, values())
    plain = optim.Adam(fast, lr=0.1)
    slow = values()
    for step in range(7):
        for one, ps in ((opt, params), (plain, fast)):
            one.zero_grad()
            give(target, ps, values(seed=step + 1))
            one.step()
        if step % 3 == 2:
            for i, p in enumerate(fast):
                slow[i] = slow[i] + 0.4 * (host(p.detach()) - slow[i])
                p.data = target.raw(slow[i].copy())
    for p, q in zip(params, fast, strict=True):
        np.testing.assert_allclose(host(p.detach()), host(q.detach()), rtol=1e-12)
    saved = opt.state_dict()
    assert saved["count"] == 7
    copies = leaves(target, [host(p.detach()) for p in params])
    other = optim.Lookahead(optim.Adam(copies), k=3, alpha=0.4)
    other.load_state_dict(saved)
    for one, ps in ((opt, params), (other, copies)):
        for step in range(4):
            one.zero_grad()
            give(target, ps, values(seed=step + 20))
            one.step()
    for p, q in zip(params, copies, strict=True):
        assert host(p.detach()).tobytes() == host(q.detach()).tobytes()


def test_lookahead_has_the_groups_of_the_optimizer_inside():
    p, q = leaves(NUMPY, [np.ones(2), np.ones(3)])
    opt = optim.Lookahead(optim.SGD([p], lr=0.1), k=1, alpha=0.5)
    opt.add_param_group({"params": [q], "lr": 1.0})
    assert [g["lr"] for g in opt.param_groups] == [0.1, 1.0]
    opt.lr = 0.5
    assert opt.lr == 0.5
    give(NUMPY, [p, q], [np.ones(2), np.ones(3)])
    opt.step()
    assert q.tolist() == [0.75] * 3
    assert repr(opt).startswith("Lookahead(k=1, alpha=0.5, SGD(")
    for call, match in (
        (lambda: optim.Lookahead(p), "is a Array, and not one with a formula"),
        (lambda: optim.Lookahead(opt.optimizer, k=0), "k is 0"),
        (lambda: optim.Lookahead(opt.optimizer, alpha=1.5), "alpha is 1.5"),
        (lambda: opt.load_state_dict({}), "has 'optimizer', 'count' and 'slow'"),
    ):
        with pytest.raises(OptionError, match=match):
            call()


# --- SAM ------------------------------------------------------------------------------


@pytest.mark.parametrize("adaptive", [False, True])
@each
def test_sam_is_its_formula(target, adaptive):
    start = values()
    scales = values(seed=5)
    params = leaves(target, start)
    opt = optim.SAM(optim.SGD(params, lr=0.1), rho=0.3, adaptive=adaptive)
    xp = target.namespace

    def closure():
        opt.zero_grad()
        loss = None
        for i, (p, s) in enumerate(zip(params, scales, strict=True)):
            part = xp.sum(p * p * p * target.make(s))
            if i != 1:  # which has no gradient
                loss = part if loss is None else loss + part
        loss.backward()
        return loss

    w = [a.copy() for a in start]
    for _ in range(3):
        loss = opt.step(closure)
        used = [a for i, a in enumerate(w) if i != 1]
        kept = [s for i, s in enumerate(scales) if i != 1]
        first = float(sum(np.sum(a**3 * s) for a, s in zip(used, kept, strict=True)))
        assert float(host(loss)) == pytest.approx(first, rel=1e-9)
        g = [3 * a * a * s for a, s in zip(w, scales, strict=True)]
        size = [a * b if adaptive else b for a, b in zip(w, g, strict=True)]
        total = sum(float(np.sum(x * x)) for i, x in enumerate(size) if i != 1)
        for i, a in enumerate(w):
            if i != 1:
                e = 0.3 / (math.sqrt(total) + 1e-12) * g[i]
                there = a + (a * a * e if adaptive else e)
                w[i] = a - 0.1 * 3 * there * there * scales[i]
    for p, a in zip(params, w, strict=True):
        np.testing.assert_allclose(host(p.detach()), a, rtol=1e-9)


@pytest.mark.parametrize("target", OTHERS)
def test_sam_and_lookahead_read_nothing_back(target, monkeypatch):
    params = leaves(target, values("float32"))
    opt = optim.SAM(optim.SGD(params, lr=0.1))
    slow = optim.Lookahead(opt.optimizer, k=1)
    give(target, params, values("float32", seed=1))
    with no_reads(monkeypatch, params[0], target.library):
        opt.first_step()
        give(target, params, values("float32", seed=2))
        opt.second_step()
        slow.step()


def test_sam_asks_for_both_steps_in_order():
    (p,) = leaves(NUMPY, [np.ones(2)])
    opt = optim.SAM(optim.SGD([p], lr=0.1))
    with pytest.raises(OptionError, match=r"call first_step\(\) before"):
        opt.second_step()
    opt.first_step()  # without gradients nothing moves
    assert p.tolist() == [1.0, 1.0]
    with pytest.raises(OptionError, match="are at w \\+ e already"):
        opt.first_step()
    opt.second_step()
    with pytest.raises(OptionError, match="a closure is needed"):
        opt.step(None)
    with pytest.raises(OptionError, match="rho of SAM is -1"):
        optim.SAM(optim.SGD([p], lr=0.1), rho=-1)
    opt.load_state_dict(opt.state_dict())
    opt.add_param_group({"params": leaves(NUMPY, [np.ones(3)])})
    assert repr(opt).startswith("SAM(rho=0.05, adaptive=False, SGD(")


def test_sam_gives_the_parameters_back_if_the_closure_fails():
    (p,) = leaves(NUMPY, [np.array([3.0])])
    opt, calls = optim.SAM(optim.SGD([p], lr=0.25), rho=0.5), []

    def closure():
        calls.append(p.tolist())
        if len(calls) == 2:
            raise KeyboardInterrupt
        opt.zero_grad()
        (p * p)[0].backward()

    with pytest.raises(KeyboardInterrupt):
        opt.step(closure)
    assert calls == [[3.0], pytest.approx([3.5])]
    assert p.tolist() == [3.0]
    opt.step(closure)
    assert p.tolist() == pytest.approx([1.25])


def test_sam_looks_where_it_is_worse_also_when_it_maximizes():
    down, up = leaves(NUMPY, [np.array([3.0, -1.0])] * 2)
    for p, sign in ((down, 1.0), (up, -1.0)):
        opt = optim.SAM(optim.SGD([p], lr=0.1, maximize=sign < 0), rho=0.5)

        def closure(p=p, sign=sign, opt=opt):
            opt.zero_grad()
            loss = sign * xn.xp.sum(p * p * p)
            loss.backward()
            return loss

        for _ in range(3):
            opt.step(closure)
    np.testing.assert_allclose(host(up.detach()), host(down.detach()), rtol=1e-12)


def test_a_schedule_names_what_is_around_an_optimizer():
    opt = optim.Lookahead(optim.Adagrad(leaves(NUMPY, [np.ones(2)])))
    with pytest.raises(OptionError, match="Lookahead has no momentum to cycle"):
        optim.OneCycleLR(opt, max_lr=1.0, total_steps=10)
    with pytest.raises(OptionError, match="is a Lookahead, and not one with a formula"):
        optim.SAM(opt)


# --- L-BFGS ---------------------------------------------------------------------------

LBFGS = [
    {},
    {"line_search_fn": "strong_wolfe"},
    {"lr": 0.5, "max_iter": 7, "history_size": 2},
    {"max_iter": 5, "max_eval": 4, "line_search_fn": "strong_wolfe"},
    {"history_size": 3, "line_search_fn": "strong_wolfe", "tolerance_grad": 1e-3},
    {"lr": 100.0, "max_iter": 4, "line_search_fn": "strong_wolfe"},
    {"lr": 1e-3, "max_iter": 6, "line_search_fn": "strong_wolfe"},
]
SIZES = ((3,), (), (2, 2), (0,), (2,))


class Valley:
    """A smooth function that is not quadratic, here and in PyTorch."""

    def __init__(self, target, options, dtype="float64"):
        torch = pytest.importorskip("torch")
        start = values(dtype, seed=2, shapes=SIZES)
        self.ours, self.theirs = leaves(target, start), torch_leaves(start)
        self.one = optim.LBFGS(self.ours, **options)
        self.two = torch.optim.LBFGS(self.theirs, **options)
        self.target, self.torch = target, torch
        self.calls = [0, 0]

    def loss(self, xp, arrays):
        a, b, c, d, _ = arrays  # the last one has no gradient
        curved = xp.sum((1 - a) ** 2) + 10 * xp.sum((a[1:] - a[:-1] ** 2) ** 2)
        mixed = xp.sum((c * c - b) ** 2) + 0.1 * xp.sum(xp.cosh(c))
        return curved + mixed + (b - 0.5) ** 4 + xp.sum(d)

    def closure(self):
        self.calls[0] += 1
        self.one.zero_grad()
        loss = self.loss(self.target.namespace, self.ours)
        loss.backward()
        return loss

    def torch_closure(self):
        self.calls[1] += 1
        self.two.zero_grad()
        loss = self.loss(self.torch, self.theirs)
        loss.backward()
        return loss

    def run(self, steps):
        for _ in range(steps):
            mine, other = self.one.step(self.closure), self.two.step(self.torch_closure)
            assert float(host(mine)) == pytest.approx(other.item(), rel=1e-6, abs=1e-12)
            assert self.calls[0] == self.calls[1]

    def compare(self, bound):
        for p, t in zip(self.ours, self.theirs, strict=True):
            got, want = host(p.detach()), t.detach().numpy()
            np.testing.assert_allclose(got, want, rtol=bound, atol=bound)


@pytest.mark.parametrize("options", LBFGS, ids=str)
@each
def test_lbfgs_equals_pytorch(target, options):
    with target.flags():
        valley = Valley(target, options)
        valley.run(2)
        valley.compare(1e-8)
        mine, other = valley.one.state_dict(), valley.two.state_dict()
        state = mine["state"][0]
        want = other["state"][0]
        assert state.keys() == want.keys() - {"al"}
        for key in ("n_iter", "func_evals"):
            assert state[key] == want[key]
        for key in ("t", "H_diag", "prev_loss"):
            assert state[key] == pytest.approx(float(want[key]), rel=1e-6, abs=1e-12)
        assert (
            len(state["ro"]) == len(want["ro"]) <= valley.one.defaults["history_size"]
        )
        for key in ("d", "prev_flat_grad"):
            got = host(state[key])
            np.testing.assert_allclose(got, want[key].numpy(), rtol=1e-5, atol=1e-8)
        for key in ("old_dirs", "old_stps"):
            for got, expected in zip(state[key], want[key], strict=True):
                expected = expected.numpy()
                np.testing.assert_allclose(host(got), expected, rtol=1e-5, atol=1e-8)


@each
def test_lbfgs_goes_on_from_a_state(target):
    options = {"max_iter": 3, "line_search_fn": "strong_wolfe"}
    with target.flags():
        valley = Valley(target, options)
        valley.run(2)
        theirs = valley.two.state_dict()  # PyTorch's state is taken over
        valley.one = optim.LBFGS(valley.ours)
        valley.one.load_state_dict(theirs)
        valley.run(1)
        valley.compare(1e-8)
        saved = valley.one.state_dict()
        before = [host(p.detach()) for p in valley.ours]
        ends = []
        for _ in range(2):  # and so is ours, to the last bit
            valley.ours = leaves(target, before)
            valley.one = optim.LBFGS(valley.ours)
            valley.one.load_state_dict(saved)
            valley.one.step(valley.closure)
            ends.append(b"".join(host(p.detach()).tobytes() for p in valley.ours))
        assert ends[0] == ends[1]


def test_lbfgs_in_float32_finds_the_minimum():
    valley = Valley(NUMPY, {"line_search_fn": "strong_wolfe"}, "float32")
    for _ in range(5):
        valley.one.step(valley.closure)
        valley.two.step(valley.torch_closure)
    mine, other = float(host(valley.closure())), valley.torch_closure().item()
    assert mine == pytest.approx(other, rel=1e-4, abs=1e-6)


def test_lbfgs_refuses_what_it_cannot_do():
    p, q = leaves(NUMPY, [np.ones(2), np.ones(2, "float32")])
    for call, kind, match in (
        (lambda: optim.LBFGS([p, q]), OptionError, "they need one dtype"),
        (
            lambda: optim.LBFGS([{"params": [p]}, {"params": [q]}]),
            OptionError,
            "a second group",
        ),
        (lambda: optim.LBFGS([p], max_iter=0), OptionError, "max_iter is 0"),
        (lambda: optim.LBFGS([p], max_iter=2.5), OptionError, "max_iter is 2.5"),
        (lambda: optim.LBFGS([p], history_size=0), OptionError, "history_size is 0"),
        (lambda: optim.LBFGS([p], tolerance_grad=-1), OptionError, "tolerance_grad"),
        (
            lambda: optim.LBFGS([p], line_search_fn="armijo"),
            OptionError,
            "line_search_fn is 'armijo'",
        ),
        (lambda: optim.LBFGS([p]).step(), OptionError, "a closure is needed"),
        (
            lambda: optim.LBFGS([p]).step(lambda: None),
            OptionError,
            "the closure returned None",
        ),
    ):
        with pytest.raises(kind, match=match):
            call()
    opt = optim.LBFGS([p])
    group = opt.state_dict()["param_groups"]
    bad = {"state": {0: {"d": np.ones(3)}}, "param_groups": group}
    with pytest.raises(ShapeError, match=r"shape \(3,\), but the parameters have 2"):
        opt.load_state_dict(bad)
    with pytest.raises(OptionError, match="has 'state' and 'param_groups'"):
        opt.load_state_dict({})
