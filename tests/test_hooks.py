"""Hooks look at what modules take and give, and at gradients on their way back."""

import copy
import pickle

import numpy as np
import pytest

import xpnet as xn
from xpnet import nn
from xpnet.errors import GradientError, OptionError

torch = pytest.importorskip("torch")


def pair():
    """Return a small model here and the same in PyTorch."""
    mine = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    mine.to(dtype="float64")
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    ).double()
    mine.load_state_dict(theirs.state_dict())
    return mine, theirs


X = np.random.default_rng(0).normal(size=(5, 3))
W = np.random.default_rng(1).normal(size=(5, 2))


def passes(mine, theirs):
    """Run both forward and backward; return the gradients of the inputs."""
    x = xn.asarray(X, requires_grad=True)
    t = torch.tensor(X, requires_grad=True)
    xn.xp.sum(mine(x) * W).backward()
    (theirs(t) * torch.tensor(W)).sum().backward()
    return x.grad, t.grad


def same(a, b):
    if b is None:
        assert a is None
    else:
        np.testing.assert_allclose(np.asarray(a.data), b.detach().numpy(), atol=1e-12)


def all_same(a, b):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        same(x, y)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_backward_hooks_see_what_those_of_pytorch_see(at):
    seen = ([], [])
    models = pair()
    for model, found in zip(models, seen, strict=True):
        model[at].register_full_backward_hook(
            lambda layer, into, out, found=found: found.append((layer, into, out))
        )
    passes(*models)
    (one,), (two,) = seen
    assert one[0] is models[0][at]
    assert two[0] is models[1][at]
    all_same(one[1], two[1])
    all_same(one[2], two[2])


@pytest.mark.parametrize("at", [0, 1, 2])
def test_backward_hooks_change_gradients_as_those_of_pytorch_do(at):
    models = pair()
    for model in models:
        model[at].register_full_backward_hook(lambda layer, into, out: (2 * into[0],))
        model[at].register_full_backward_hook(lambda layer, into, out: (3 * into[0],))
    mine, theirs = models
    same(*passes(mine, theirs))
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        same(p.grad, q.grad)


def test_backward_hooks_run_where_no_argument_is_on_the_tape():
    mine, _ = pair()
    seen = []
    mine[0].register_full_backward_hook(lambda *call: seen.append(call[1:]))
    xn.xp.sum(mine(X)).backward()
    ((into, out),) = seen
    assert into == (None,)
    assert out[0].shape == (5, 4)


@pytest.mark.parametrize("prepend", [False, True])
def test_forward_hooks_run_in_the_order_of_pytorch(prepend):
    found = []
    for model in pair():
        calls = []
        for name in "ab":
            model[1].register_forward_hook(
                lambda layer, args, out, name=name, calls=calls: calls.append(name),
                prepend=prepend,
            )
            model[1].register_forward_pre_hook(
                lambda layer, args, name=name, calls=calls: calls.append("pre " + name),
                prepend=prepend,
            )
        found.append(calls)
        x = X if isinstance(model, nn.Module) else torch.tensor(X)
        model(x)
    assert found[0] == found[1]
    assert len(found[0]) == 4


def test_forward_hooks_see_and_replace_inputs_and_outputs():
    mine, theirs = pair()
    for model in (mine, theirs):
        model[0].register_forward_pre_hook(lambda layer, args: (args[0] + 1.0,))
        model[1].register_forward_pre_hook(lambda layer, args: args[0] * 2.0)
        model[2].register_forward_hook(lambda layer, args, out: out + args[0][:, :2])
    same(*passes(mine, theirs))
    same(mine(X), theirs(torch.tensor(X)))


def test_hooks_take_the_options_of_the_call():
    class Scale(nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    module = Scale()
    seen = []
    module.register_forward_hook(
        lambda layer, args, options, out: seen.append(options), with_kwargs=True
    )
    handle = module.register_forward_pre_hook(
        lambda layer, args, options: (args, {"factor": 3.0}), with_kwargs=True
    )
    assert module(xn.asarray(2.0), factor=5.0).item() == 6.0
    assert seen == [{"factor": 3.0}]
    handle.remove()
    module.register_forward_pre_hook(lambda *call: [1], with_kwargs=True)
    with pytest.raises(OptionError, match=r"None or a pair \(args, kwargs\), not a l"):
        module(xn.asarray(2.0))


def test_a_removed_hook_costs_nothing_more():
    layer = nn.ReLU()
    assert layer._detour is None
    one = layer.register_forward_hook(lambda *call: None)
    two = layer.register_full_backward_hook(lambda *call: None)
    one.remove()
    one.remove()
    assert layer._detour is not None
    two.remove()
    assert layer._detour is None


def test_a_hook_of_a_layer_in_a_sequential_runs_and_changes_no_bit():
    mine, _ = pair()
    want = mine(X).data
    seen = []
    with mine[0].register_forward_hook(lambda *call: seen.append(call[2].shape)):
        got = mine(X).data
    mine(X)
    assert seen == [(5, 4)]
    assert got.tobytes() == want.tobytes()


def fails(*call):
    raise ZeroDivisionError


def test_copies_and_pickles_have_no_hooks():
    layer = nn.Linear(2, 2, rng=0)
    layer.register_forward_hook(fails)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert other._detour is None
        assert other(np.ones((1, 2))).shape == (1, 2)
    with pytest.raises(ZeroDivisionError):
        layer(np.ones((1, 2)))


def test_a_layer_that_waits_is_built_between_its_hooks():
    layer = nn.Linear(None, 2, rng=0)
    shapes = []
    handle = layer.register_forward_pre_hook(lambda layer, args: xn.xp.ones((4, 3)))
    layer.register_forward_hook(lambda layer, args, out: shapes.append(out.shape))
    copied = copy.deepcopy(layer)
    layer(X)
    assert layer.weight.shape == (2, 3)
    assert shapes == [(4, 2)]
    handle.remove()
    assert copied(X[:1]).shape == (1, 2)
    assert shapes == [(4, 2)]


def test_hooks_run_in_the_transforms():
    mine, _ = pair()
    seen = []
    mine[2].register_full_backward_hook(lambda layer, into, out: seen.append(into[0]))
    got = xn.grad(lambda model: xn.xp.sum(model(X) * W))(mine)
    assert len(seen) == 1
    want = xn.grad(lambda model: xn.xp.sum(model(X) * W))(copy.deepcopy(mine))
    for a, b in zip(got.parameters(), want.parameters(), strict=True):
        assert (a.data == b.data).all()


def test_a_hook_is_a_function():
    with pytest.raises(OptionError, match="a hook is a function, not a str"):
        nn.ReLU().register_forward_hook("print")


def test_a_backward_hook_returns_as_many_gradients_as_there_are_arguments():
    mine, _ = pair()
    mine[1].register_full_backward_hook(lambda layer, into, out: (*into, *into))
    with pytest.raises(GradientError, match="returned 2 gradients for 1 arguments"):
        xn.xp.sum(mine(X)).backward()


# --- one array ------------------------------------------------------------------------


def test_watch_sees_the_whole_gradient_once():
    x = xn.asarray(X, requires_grad=True)
    seen = []
    y = nn.watch(x * 2.0, seen.append)
    xn.xp.sum(y * y + y).backward()
    (g,) = seen
    np.testing.assert_allclose(g.data, 2 * (2 * X) + 1)
    np.testing.assert_allclose(x.grad.data, 2 * g.data)


def test_watch_replaces_the_gradient():
    x = xn.asarray(X, requires_grad=True)
    xn.xp.sum(nn.watch(x, lambda g: 5.0 * g)).backward()
    assert (x.grad.data == 5.0).all()


def test_watch_passes_derivatives_of_every_order():
    def f(x):
        return xn.xp.sum(nn.watch(x * x * x, lambda g: None))

    assert xn.grad(xn.grad(f))(2.0) == 12.0
    assert xn.jvp(f, (2.0,), (1.0,))[1] == 12.0
    xn.check_grads(lambda x: nn.watch(xn.xp.sin(x), lambda g: g * 1.0), X, order=2)
    jacobian = xn.jacobian(lambda x: nn.watch(x * x, lambda g: None))(X[0])
    np.testing.assert_allclose(jacobian, np.diag(2 * X[0]))


def test_watch_leaves_alone_what_is_not_on_the_tape():
    x = xn.asarray(X)
    assert nn.watch(x, lambda g: 1 / 0) is x
    with xn.no_grad():
        y = xn.asarray(X, requires_grad=True)
        assert nn.watch(y, lambda g: 1 / 0) is y


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (lambda g: g[0], r"has shape \(3,\), the array \(5, 3\)"),
        (lambda g: xn.xp.astype(g, xn.xp.float32), "has dtype float32, the array flo"),
    ],
)
def test_watch_refuses_another_form(new, words):
    x = xn.asarray(X, requires_grad=True)
    with pytest.raises(GradientError, match=words):
        xn.xp.sum(nn.watch(x, new)).backward()


def test_watch_works_on_every_library():
    x = xn.asarray(torch.tensor(X), requires_grad=True)
    seen = []
    y = nn.watch(x, lambda g: seen.append(g) or 2.0 * g)
    y._lib.recorded.sum(y).backward()
    assert type(seen[0].data) is torch.Tensor
    assert (x.grad.data == 2.0).all()
