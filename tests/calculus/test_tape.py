"""The tape: length, sharing, memory, errors, recording state and gradient buffers."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import sys
import threading
import time
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import numpy as np
import pytest

import xpnet as xn
from differences import numeric_gradient
from libraries import NUMPY, STRICT_DEVICE1, TORCH, host
from xpnet import nn
from xpnet import xp as space
from xpnet.calculus.rule import TABLE
from xpnet.calculus.tape import mark_changed
from xpnet.errors import GradientError, LibraryError, ShapeError

LENGTH = 100_000


def declared(values=3.0, dtype=np.float64):
    return xn.asarray(np.asarray(values, dtype=dtype), requires_grad=True)


# --- length and sharing ---------------------------------------------------------------


def test_a_chain_of_100_000_operations_differentiates_and_is_freed():
    x = declared(1.0)
    y = x
    for _ in range(LENGTH):
        y = y + 1.0
    y.backward()
    assert y.item() == 1.0 + LENGTH
    assert x.grad.item() == 1.0
    del y  # a recursive destructor would end the interpreter here


def test_a_chain_that_was_never_walked_is_freed():
    y = declared(1.0)
    for _ in range(LENGTH):
        y = y * 1.0
    first = weakref.ref(y)
    del y
    assert first() is None


def test_a_chain_is_freed_in_a_thread_with_a_small_stack():
    def work():
        y = declared(1.0)
        for _ in range(20_000):
            y = y * 1.0
        y.backward()
        done.append(True)

    done = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert done == [True]


def test_long_chains_need_no_recursion_in_any_mode():
    def chain(x):
        return reduce(lambda y, _: y * 1.0, range(5000), x)

    depth = len(traceback.extract_stack())
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 150)
    try:
        assert xn.grad(chain)(2.0) == 1.0
        assert xn.jvp(chain, (2.0,), (1.0,)) == (2.0, 1.0)
        assert xn.grad(xn.grad(lambda x: chain(x) ** 2))(2.0) == 2.0
    finally:
        sys.setrecursionlimit(limit)


def test_diamonds_add_up():
    x = declared(3.0)
    a = x * x
    b = a + a
    c = b + b
    c.backward()
    assert x.grad.item() == 4 * 2 * 3.0


def test_an_input_used_twice_in_one_operation_adds_up(make):
    x = make(np.array([2.0, 3.0]), requires_grad=True)
    (x * x).backward(make(np.ones(2)))
    assert host(x.grad).tolist() == [4.0, 6.0]


def test_sharing_with_2_to_the_40_paths_takes_linear_time():
    def doubled(x):
        return reduce(lambda y, _: y + y, range(40), x)

    start = time.perf_counter()
    x = declared(1.0)
    doubled(x).backward()
    assert x.grad.item() == 2.0**40
    assert xn.jvp(doubled, (1.0,), (1.0,)) == (2.0**40, 2.0**40)
    assert xn.grad(xn.grad(lambda x: doubled(x) * x))(1.0) == 2.0**41
    assert time.perf_counter() - start < 5.0


def test_a_result_that_is_the_leaf_itself_has_gradient_one():
    x = declared(3.0)
    x.backward()
    assert x.grad.item() == 1.0


def test_branches_that_do_not_reach_the_result_are_not_differentiated(monkeypatch):
    x = declared(3.0)
    space.exp(x)  # recorded, and thrown away
    monkeypatch.setattr(TABLE["exp"], "pull", _refuse, raising=False)
    (x * x).backward()
    assert x.grad.item() == 6.0


def _refuse(*_args, **_options):
    raise AssertionError("this rule should not run")


# --- accumulation and release ---------------------------------------------------------


def test_backward_accumulates_into_leaves(make):
    x = make(np.array([2.0, 3.0]), requires_grad=True)
    ones = make(np.ones(2))
    (x * x).backward(ones)
    first = x.grad
    (x * 5.0).backward(ones)
    assert host(x.grad).tolist() == [9.0, 11.0]
    assert host(first).tolist() == [4.0, 6.0]
    assert (x.grad.dtype, x.grad.device) == (x.dtype, x.device)


def test_gradients_do_not_alias_each_other_or_the_cotangent():
    x, y = declared([1.0, 2.0]), declared([3.0, 4.0])
    g = np.ones(2)
    (x + y).backward(g)
    assert not np.shares_memory(x.grad.data, y.grad.data)
    assert not np.shares_memory(x.grad.data, g)
    x.grad.data[0] = 50.0
    assert y.grad.tolist() == [1.0, 1.0]
    assert g.tolist() == [1.0, 1.0]


def test_gradients_are_writable_even_where_the_cotangent_was_broadcast():
    x = declared(np.ones((2, 3)))
    space.sum(x).backward()
    assert x.grad.data.flags.writeable
    x.grad.data[...] = 2.0


def test_a_second_backward_says_that_the_tape_was_released():
    x = declared(3.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError, match=r"multiply: .*already used.*retain_graph"):
        y.backward()
    assert x.grad.item() == 6.0


def test_retain_graph_allows_another_backward():
    x = declared(3.0)
    y = x * x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 2 * 27.0
    with pytest.raises(GradientError, match="already used"):
        y.backward()


def test_two_results_that_share_a_part_need_retain_graph():
    x = declared(3.0)
    shared = x * x
    one, two = shared * 2.0, shared * 3.0
    one.backward(retain_graph=True)
    two.backward()
    assert x.grad.item() == 6.0 * 5.0


def test_create_graph_makes_gradients_that_differentiate_again():
    x = declared(2.0)
    (x * x * x).backward(create_graph=True)
    slope = x.grad
    assert slope.item() == 12.0
    assert slope.requires_grad
    x.grad = None
    slope.backward()
    assert x.grad.item() == 12.0  # d(3x²)/dx = 6x
    assert not x.grad.requires_grad


def test_create_graph_with_a_recorded_cotangent_differentiates_through_it():
    x, g = declared([1.0, 2.0]), declared([3.0, 5.0])
    (x * x).backward(g, create_graph=True)
    space.sum(x.grad * x.grad).backward()
    # x.grad = 2xg, and so d(sum 4x²g²)/dg = 8x²g
    assert g.grad.tolist() == [8 * 1.0 * 3.0, 8 * 4.0 * 5.0]


def test_a_changed_leaf_refuses_an_older_tape_with_its_sentence():
    x = declared(3.0)
    y = x * x
    mark_changed([x._node], "the model was moved after this was computed.")
    with pytest.raises(GradientError, match="moved after this"):
        y.backward()
    assert x.grad is None


# --- the cotangent of backward --------------------------------------------------------


def test_backward_takes_a_cotangent_of_the_results_shape():
    x = declared([1.0, 2.0])
    (x * x).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [2.0, 40.0]
    (x * x).backward(xn.asarray([1.0, 0.0]))
    assert x.grad.tolist() == [4.0, 40.0]


def test_a_python_number_is_a_cotangent_of_a_scalar_result():
    x = declared(3.0)
    (x * x).backward(0.5)
    assert x.grad.item() == 3.0


def test_a_result_with_several_elements_needs_a_cotangent():
    with pytest.raises(GradientError, match=r"shape \(2,\) needs a `gradient`"):
        (declared([1.0, 2.0]) * 2).backward()


def test_a_result_of_one_element_needs_no_cotangent():
    x = declared([[3.0]])
    (x * x).backward()
    assert x.grad.tolist() == [[6.0]]


@pytest.mark.parametrize("shape", [(3,), (), (1, 2)])
def test_a_cotangent_of_another_shape_is_refused(shape):
    with pytest.raises(ShapeError, match=r"gradient has shape .* the result \(2,\)"):
        (declared([1.0, 2.0]) * 2).backward(np.ones(shape))


def test_a_cotangent_of_another_library_is_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(LibraryError, match="torch was mixed with one of numpy"):
        (declared([1.0, 2.0]) * 2).backward(torch.ones(2))


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_the_gradient_keeps_the_leafs_dtype_whatever_the_cotangents(dtype):
    x = declared([1.0, 2.0], dtype=np.float32)
    (x * 2.0).backward(np.ones(2, dtype=dtype))
    assert x.grad.dtype == np.float32


def test_backward_off_the_tape_says_what_may_be_missing():
    x = declared()
    with xn.no_grad():
        y = x * x
    for result in (y, xn.asarray(1.0), x.detach(), space.floor(x)):
        with pytest.raises(GradientError, match=r"not on the tape.*requires_grad=True"):
            result.backward()


# --- memory ---------------------------------------------------------------------------


@pytest.fixture
def no_collector():
    """Switch the cycle collector off: what dies then has no reference cycle."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_backward_frees_activations_on_the_way(monkeypatch):
    row = TABLE["exp"]
    (rule,) = row.rules
    alive = []

    def watched(xp, t, *saved):
        alive.append([r() is not None for r in activations])
        return rule(xp, t, *saved)

    x = declared(np.full(3, 0.1))
    first = space.exp(x)
    second = space.exp(first)
    third = space.exp(second)
    loss = space.sum(third)
    activations = [weakref.ref(a.data) for a in (first, second, third)]
    del first, second, third
    monkeypatch.setattr(row, "rules", (watched,))
    loss.backward()
    assert alive == [[True, True, True], [True, True, False], [True, False, False]]
    assert [r() for r in activations] == [None, None, None]


@pytest.mark.usefixtures("no_collector")
def test_a_tape_dies_with_its_result_without_a_backward():
    x = declared(np.ones(3))
    hidden = space.exp(x)
    loss = space.sum(hidden * hidden)
    data, array = weakref.ref(hidden.data), weakref.ref(hidden)
    del hidden
    assert array() is None
    assert data() is not None  # kept for the backward pass
    del loss
    assert data() is None


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("order", [1, 2])
def test_transforms_leave_no_cycles(order):
    seen = []

    def function(x):
        hidden = space.exp(x)
        seen.append(weakref.ref(hidden.data))
        return space.sum(hidden * hidden)

    if order == 1:
        xn.grad(function)(np.ones(3))
        xn.jvp(function, (np.ones(3),), (np.ones(3),))
    else:
        xn.grad(lambda x: space.sum(xn.grad(function)(x)))(np.ones(3))
        xn.jvp(xn.grad(function), (np.ones(3),), (np.ones(3),))
    assert seen
    assert [r() for r in seen] == [None] * len(seen)


@pytest.mark.usefixtures("no_collector")
def test_vjp_keeps_the_tape_only_as_long_as_its_pull():
    seen = []

    def function(x):
        hidden = space.exp(x)
        seen.append(weakref.ref(hidden.data))
        return hidden * hidden

    _, pull = xn.vjp(function, np.ones(3))
    pull(np.ones(3))
    pull(np.ones(3))
    assert seen[0]() is not None
    del pull
    assert seen[0]() is None


@pytest.mark.usefixtures("no_collector")
def test_a_model_step_leaves_no_cycles():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    x = xn.asarray(np.ones((2, 3), dtype=np.float32))
    hidden = model[0](x)
    data = weakref.ref(hidden.data)
    loss = space.sum(model[2](model[1](hidden)))
    del hidden
    loss.backward()
    del loss
    assert data() is None
    assert gc.collect() == 0


# --- errors name the operation and the user's line ------------------------------------

SCRIPT = """\
from xpnet import losses, nn, xp
import xpnet as xn


def plain(x):
    a = x * 2.0
    b = xp.exp(a)  # the line of the plain case
    return xp.sum(b)


def spread(x):
    return xp.sum(
        xp.exp(  # the line of the spread case
            x
        )
    )


def composite(x):
    y = x * 3.0
    return xp.std(y)  # the line of the composite case


def layers(x):
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Tanh())
    return model(x)  # the line of the layers case


def inner(x):
    return xp.sum(xn.grad(lambda y: xp.sum(xp.exp(y * x)))(x))  # the inner case
"""


@pytest.fixture
def script(tmp_path):
    """A user's own module."""
    path = tmp_path / "users_script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("users_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line_of(module, text):
    lines = SCRIPT.splitlines()
    (number,) = [i for i, line in enumerate(lines, 1) if text in line]
    return f"{module.__file__}, line {number}, in", lines[number - 1].strip()


def break_rules(monkeypatch, *names):
    """Let the rules of some functions fail; every function without a name given."""

    def fail(*_args, **_options):
        raise ZeroDivisionError("no such slope")

    for row in [TABLE[name] for name in names] or list(TABLE.values()):
        for method in ("pull", "pull_into", "push"):
            monkeypatch.setattr(row, method, fail, raising=False)


def check_message(error, module, name, text):
    place, source = line_of(module, text)
    message = str(error.value)
    assert message.startswith(f"{name}: its ")
    assert "ZeroDivisionError: no such slope" in message
    assert place in message
    assert source in message
    assert isinstance(error.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("case", "name", "text"),
    [
        ("plain", "exp", "line of the plain case"),
        ("spread", "exp", "line of the spread case"),
        ("composite", "std", "line of the composite case"),
    ],
)
def test_a_failing_rule_names_the_users_line(monkeypatch, script, case, name, text):
    y = getattr(script, case)(declared([1.0, 2.0]))
    break_rules(monkeypatch, name)
    with pytest.raises(GradientError, match="backward rule failed") as error:
        y.backward()
    check_message(error, script, name, text)


@pytest.mark.parametrize("transform", [xn.grad, xn.value_and_grad])
def test_a_failing_rule_in_a_transform_names_the_users_line(
    monkeypatch, script, transform
):
    break_rules(monkeypatch, "exp")
    with pytest.raises(GradientError, match="backward rule failed") as error:
        transform(script.plain)(np.ones(2))
    check_message(error, script, "exp", "line of the plain case")


def test_a_failing_forward_rule_names_the_users_line(monkeypatch, script):
    break_rules(monkeypatch, "exp")
    with pytest.raises(GradientError, match="forward rule failed") as error:
        xn.jvp(script.plain, (np.ones(2),), (np.ones(2),))
    check_message(error, script, "exp", "line of the plain case")


def test_a_rule_that_fails_inside_layers_names_the_line_that_called_them(
    monkeypatch, script
):
    y = script.layers(xn.asarray(np.ones((1, 2), np.float32)))
    break_rules(monkeypatch)
    with pytest.raises(GradientError, match="backward rule failed") as error:
        y.backward(np.ones((1, 3), np.float32))
    name = str(error.value).partition(":")[0]
    assert name in TABLE
    check_message(error, script, name, "line of the layers case")


def test_a_rule_that_fails_at_second_order_names_the_users_line(monkeypatch, script):
    y = script.inner(declared([1.0, 2.0]))
    break_rules(monkeypatch, "exp")
    with pytest.raises(GradientError, match="rule failed") as error:
        y.backward()
    check_message(error, script, "exp", "the inner case")


def test_a_released_tape_names_the_users_line(script):
    y = script.plain(declared([1.0, 2.0]))
    y.backward()
    with pytest.raises(GradientError) as error:
        y.backward()
    assert f"recorded at {script.__file__}, line 8" in str(error.value)
    assert "return xp.sum(b)" in str(error.value)


def test_an_operation_without_a_source_file_still_names_a_place(monkeypatch):
    names = {"xp": space, "x": declared(1.0)}
    exec("y = xp.exp(x)", names)
    break_rules(monkeypatch, "exp")
    with pytest.raises(GradientError, match=r"<string>, line 1, in <module>"):
        names["y"].backward()


def test_after_a_failing_rule_recording_goes_on(monkeypatch, script):
    with monkeypatch.context() as broken:
        break_rules(broken, "exp")
        with pytest.raises(GradientError):
            xn.grad(script.plain)(np.ones(2))
        with pytest.raises(GradientError):
            script.plain(declared([1.0, 2.0])).backward()
    x = declared(3.0)
    (x * x).backward()
    assert x.grad.item() == 6.0
    assert xn.grad(script.plain)(np.zeros(2)).tolist() == [2.0, 2.0]


# --- recording or not -----------------------------------------------------------------


def test_no_grad_is_a_context_that_nests():
    x = declared()
    assert (x * x).requires_grad
    with xn.no_grad():
        assert not (x * x).requires_grad
        with xn.no_grad():
            assert not space.exp(x).requires_grad
        assert not (x * x).requires_grad
    assert (x * x).requires_grad


def test_no_grad_ends_with_an_exception():
    x = declared()
    with pytest.raises(KeyError), xn.no_grad():
        raise KeyError
    assert (x * x).requires_grad


def test_no_grad_is_a_decorator():
    @xn.no_grad()
    def predict(x):
        return x * x

    x = declared()
    for _ in range(2):
        assert not predict(x).requires_grad
        assert (x * x).requires_grad


def test_transforms_record_inside_no_grad():
    with xn.no_grad():
        assert xn.grad(lambda x: x**3)(2.0) == 12.0
        assert xn.jvp(lambda x: x**3, (2.0,), (1.0,)) == (8.0, 12.0)
        assert not (declared() * 2).requires_grad


def test_threads_do_not_see_each_others_no_grad():
    inside, go_on = threading.Event(), threading.Event()

    def quiet():
        with xn.no_grad():
            inside.set()
            assert go_on.wait(10)
            return (declared() * 2).requires_grad

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(quiet)
        assert inside.wait(10)
        assert (declared() * 2).requires_grad
        go_on.set()
        assert other.result() is False


def test_tasks_do_not_see_each_others_no_grad():
    async def quiet(inside, go_on):
        with xn.no_grad():
            inside.set()
            await go_on.wait()
            return (declared() * 2).requires_grad

    async def main():
        inside, go_on = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(quiet(inside, go_on))
        await inside.wait()
        here = (declared() * 2).requires_grad
        go_on.set()
        return here, await task

    assert asyncio.run(main()) == (True, False)


def test_16_threads_give_the_bits_of_one():
    def work(seed):
        numbers = np.random.default_rng(seed)
        a, x = numbers.normal(size=(5, 5)), numbers.normal(size=5)

        def function(x):
            y = x
            for k in range(seed % 5 + 2):
                y = space.tanh(xn.asarray(a) @ y) * (k + 1.0) + y
            return space.sum(y * y)

        out = [xn.grad(function)(x), xn.jvp(function, (x,), (np.ones(5),))[1]]
        inner = xn.grad(lambda x: space.sum(xn.grad(function)(x) ** 2))(x)
        return b"".join(np.asarray(part).tobytes() for part in [*out, inner])

    seeds = list(range(16)) * 2
    serial = [work(seed) for seed in seeds]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, seeds)) == serial
    assert len(set(serial)) == 16


# --- gradients that are written into an optimizer's buffer ----------------------------


def given_buffers(leaves, filled=np.nan):
    """Give leaves views of one flat buffer, as an optimizer does; return the buffer."""
    lib = leaves[0]._lib
    flat = lib.raw.full((sum(x.size for x in leaves),), filled, dtype=leaves[0].dtype)
    start = 0
    for x in leaves:
        view = lib.raw.reshape(flat[start : start + x.size], x.shape)
        x._node.into = xn.asarray(view)
        start += x.size
    return flat


@pytest.mark.parametrize("target", [NUMPY, TORCH], ids=str)
def test_gradients_are_written_into_the_buffer_and_then_added(target):
    target.skip_unless_here()
    w = target.make(np.ones((2, 2)), requires_grad=True)
    b = target.make(np.full(3, 2.0), requires_grad=True)
    flat = given_buffers([w, b])
    out = target.namespace.sum(w * w * 3.0) + target.namespace.sum(b * b)
    out.backward()
    assert w.grad is w._node.into
    assert host(xn.asarray(flat)).tolist() == [6.0] * 4 + [4.0] * 3
    target.namespace.sum(w * 2.0).backward()
    assert w.grad is w._node.into
    assert host(xn.asarray(flat)).tolist() == [8.0] * 4 + [4.0] * 3
    w.grad = b.grad = None
    target.namespace.sum(w * 5.0).backward()
    assert b.grad is None
    assert host(w.grad).tolist() == [[5.0, 5.0], [5.0, 5.0]]


def test_layers_write_into_the_buffer():
    layer = nn.Linear(3, 2, rng=0)
    x = np.arange(12.0, dtype=np.float32).reshape(4, 3)
    flat = given_buffers(list(layer.parameters()))
    space.sum(layer(xn.asarray(x))).backward()
    right = np.concatenate([np.tile(x.sum(axis=0), 2), [4.0, 4.0]])
    np.testing.assert_allclose(flat, right)
    for p in layer.parameters():
        assert np.shares_memory(p.grad.data, flat)
    space.sum(layer(xn.asarray(x))).backward()
    np.testing.assert_allclose(flat, 2 * right)


def test_a_weight_used_twice_adds_up_in_the_buffer():
    w = declared(np.array([[1.0, 2.0], [3.0, 4.0]]))
    flat = given_buffers([w])
    layer = nn.Linear(2, 2, bias=False, rng=0, dtype=np.float64)
    x = np.array([[1.0, -1.0]])

    def twice(raw):
        return np.sum((x @ raw.T) @ raw.T * np.array([1.0, 3.0]))

    layer.weight = w
    out = layer(layer(xn.asarray(x)))
    space.sum(out * np.array([1.0, 3.0])).backward()
    right = numeric_gradient(twice, w.data)
    np.testing.assert_allclose(flat.reshape(2, 2), right, rtol=1e-7)
    assert w.grad is w._node.into


def test_a_weight_of_which_a_part_is_used_fills_the_rest_with_zeros():
    w = declared(np.ones(4))
    flat = given_buffers([w])
    space.sum(w[1:3] * 2.0).backward()
    assert flat.tolist() == [0.0, 2.0, 2.0, 0.0]


def test_a_recorded_gradient_does_not_go_to_the_buffer():
    w = declared(np.full(2, 3.0))
    flat = given_buffers([w], filled=7.0)
    space.sum(w * w * w).backward(create_graph=True)
    assert w.grad.requires_grad
    assert w.grad.tolist() == [27.0, 27.0]
    assert flat.tolist() == [7.0, 7.0]


def test_a_gradient_set_by_hand_is_added_to():
    w = declared(np.ones(2))
    given_buffers([w])
    w.grad = np.array([10.0, 20.0])
    space.sum(w * 3.0).backward()
    assert w.grad.tolist() == [13.0, 23.0]


def test_buffers_keep_the_gradient_of_a_library_with_other_devices():
    w = STRICT_DEVICE1.make(np.ones(2), requires_grad=True)
    other = STRICT_DEVICE1.make(np.ones(2))
    (w * other).backward(other)
    (w * other).backward(other)
    assert w.grad.device == w.device
    assert host(w.grad).tolist() == [2.0, 2.0]


def test_a_no_grad_object_can_be_used_again_and_inside_itself():
    off = xn.no_grad()
    x = declared(2.0)
    with off:
        with off:
            assert not (x * x).requires_grad
        assert not (x * x).requires_grad
    assert (x * x).requires_grad
    with off:
        assert not (x * x).requires_grad
