"""Threads and asyncio tasks: results bitwise as in one, and nobody sees the other's."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from libraries import host
from xpnet import nn, optim
from xpnet.backend import library
from xpnet.backend.base import Library
from xpnet.calculus import namespace
from xpnet.calculus.tape import is_recording, mark_changed, recording_as
from xpnet.kernels import threads
from xpnet.trees import flatten

THREADS = 16
xp = xn.xp


@pytest.fixture(autouse=True)
def _switching_often() -> Iterator[None]:
    """Let Python change threads every few instructions, so that races show."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Return what the jobs return; each has its own thread, and all start together."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        gate.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def bytes_of(value: Any) -> list[bytes]:
    """Return the bytes of every array in a container."""
    return [np.ascontiguousarray(host(leaf)).tobytes() for leaf in flatten(value)[0]]


# --- 16 different jobs ----------------------------------------------------------------


def values(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(0.5, 1.5, shape)


def f(x: Any, k: int) -> Any:
    """A function with a parameter of its own."""
    y = xp.sin(x * (1.0 + k)) + xp.log(x) / (k + 1.0)
    with xn.no_grad():
        weight = xp.mean(y)
    return xp.sum(y * y * weight) + xp.logaddexp(x[0], x[1])


def gradient(k: int) -> Any:
    return xn.grad(f)(values(k, 40), k)


def backward(k: int) -> Any:
    x = xn.asarray(values(k, 40), requires_grad=True)
    for _ in range(3):
        f(x, k).backward()
    return x.grad


def forward(k: int) -> Any:
    return xn.jvp(lambda x: f(x, k), (values(k, 40),), (values(k + 1, 40),))


def hessian(k: int) -> Any:
    x, directions = values(k, 5), np.eye(5)
    slope = xn.grad(lambda x: f(x, k))
    rows = [xn.grad(lambda x, d=d: xp.sum(slope(x) * d))(x) for d in directions]
    x, rows = xn.asarray(x), [xn.jvp(slope, (x,), (d,))[1] for d in directions] + rows
    return rows


def third(k: int) -> Any:
    return xn.grad(xn.grad(xn.grad(lambda x: xp.exp(x * k) * xp.sin(x))))(0.3)


def training(k: int) -> Any:
    model = nn.Sequential(nn.Linear(6, 8, rng=k), nn.ReLU(), nn.Linear(8, 3, rng=k + 1))
    optimizer = optim.Adam(model.parameters(), lr=1e-2)
    x = xn.asarray(values(k, 20, 6).astype(np.float32))
    labels = xn.asarray(np.arange(20) % 3)
    for _ in range(8):
        loss = xn.losses.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with xn.no_grad():
        return [model(x), [leaf.detach() for leaf in flatten(model)[0]]]


def in_place(k: int) -> Any:
    def g(x: Any) -> Any:
        y = x * 1.0
        y[k % 5] = 2.0 * y[0]
        y *= x
        return xp.sum(y**3)

    return xn.value_and_grad(g)(values(k, 6))


def unrecorded(k: int) -> Any:
    x = xn.asarray(values(k, 30), requires_grad=True)
    with xn.no_grad():
        y = xp.exp(x)
        assert not y.requires_grad
    return (xp.sum(xp.exp(x)).requires_grad, y)[1]


KINDS = (gradient, backward, forward, hessian, third, training, in_place, unrecorded)


def test_sixteen_threads_give_bitwise_what_one_gives() -> None:
    jobs = [
        lambda i=i: [KINDS[i % len(KINDS)](i + 20 * r) for r in range(4)]
        for i in range(THREADS)
    ]
    serial = [bytes_of(job()) for job in jobs]
    for _ in range(2):
        assert [bytes_of(result) for result in at_once(jobs)] == serial


def test_threads_differentiate_through_one_array() -> None:
    x = xn.asarray(values(0, 50))
    model = nn.Linear(50, 4, rng=0)

    def job(k: int) -> Any:
        def g(x: Any) -> Any:
            return xp.sum(model(x) ** (k + 2))

        return [xn.grad(g)(x), xn.grad(lambda m: xp.sum(m(x)) * k)(model)]

    jobs = [lambda k=k: job(k) for k in range(THREADS)]
    assert [bytes_of(r) for r in at_once(jobs)] == [bytes_of(j()) for j in jobs]


def test_updates_by_blocks_are_shared_out_under_threads() -> None:
    def job(k: int) -> Any:
        x = np.full(5 * threads.WORTH // 4, float(k))
        rows = []

        def work(start: int, stop: int) -> None:
            buffer = threads.scratch(1, 1024, x.dtype)[0]
            for at in range(start, stop, 1024):
                part = x[at : min(at + 1024, stop)]
                np.multiply(part, 3.0, out=buffer[: len(part)])
                part += buffer[: len(part)]
            rows.append((start, stop))

        with threads.limited(2):
            threads.run_blocks(work, len(x), 32 * 1024)
        assert sum(b - a for a, b in rows) == len(x)
        return bool(np.all(x == 4.0 * k))

    assert all(at_once([lambda k=k: job(k) for k in range(4)]))


def test_nobody_waits_for_helpers_that_have_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs: list[Any] = []
    monkeypatch.setattr(threads._POOL, "submit", lambda _, job: jobs.append(job))
    x = np.zeros(2 * threads.WORTH)

    def work(start: int, stop: int) -> None:
        x[start:stop] += 1

    with threads.limited(2):
        threads.run_blocks(work, len(x), 32 * 1024)
    assert (x == 1).all()
    assert jobs[0].join() is None  # too late, and the arrays are let go


# --- recording state ------------------------------------------------------------------


def test_one_recording_object_in_many_threads_goes_back_to_each_ones_state() -> None:
    shared = xn.no_grad()
    gate = threading.Barrier(THREADS)

    def job(k: int) -> list[bool]:
        seen = []
        with recording_as(k % 2 == 0):
            for _ in range(20):
                gate.wait()
                with shared:
                    seen.append(is_recording())
                    gate.wait()
                seen.append(is_recording())
        return [*seen, is_recording()]

    found = at_once([lambda k=k: job(k) for k in range(THREADS)])
    for k, seen in enumerate(found):
        assert seen == [False, k % 2 == 0] * 20 + [True]


def test_one_object_can_be_entered_inside_itself() -> None:
    off, on = recording_as(False), recording_as(True)
    with off, on, off:
        assert not is_recording()
        with on:
            assert is_recording()
        assert not is_recording()
    assert is_recording()


def test_a_decorated_function_runs_in_many_threads() -> None:
    @xn.no_grad()
    def g(x: Any) -> Any:
        return xp.exp(x).requires_grad, is_recording()

    x = xn.asarray(1.0, requires_grad=True)
    found = at_once([lambda: [(g(x), is_recording())] * 20] * THREADS)
    assert {state for row in found for state in row} == {((False, False), True)}


def test_blocks_of_generators_that_end_out_of_order_go_back_to_their_own() -> None:
    off = xn.no_grad()

    def generator() -> Iterator[bool]:
        with off:
            yield is_recording()
        yield is_recording()

    one = generator()
    assert next(one) is False  # off for whoever runs it, until it goes on
    with recording_as(True):
        assert next(one) is True
    assert is_recording()
    two = generator()
    assert next(two) is False
    with recording_as(False):
        assert next(two) is False  # the caller's own block still holds
    assert is_recording()


def test_a_block_that_ends_in_another_context_leaves_that_one_alone() -> None:
    off = xn.no_grad()
    contextvars.copy_context().run(off.__enter__)
    assert is_recording()
    with recording_as(True):
        off.__exit__(None, None, None)
        assert is_recording()
    assert is_recording()


def test_a_new_thread_records_whatever_its_parent_does() -> None:
    with xn.no_grad():
        assert at_once([is_recording]) == [True]
        context = contextvars.copy_context()
    assert context.run(is_recording) is False


def test_tasks_do_not_see_each_others_recording_state() -> None:
    async def off(turns: int) -> list[bool]:
        seen = []
        with xn.no_grad():
            for _ in range(turns):
                await asyncio.sleep(0)
                seen.append(is_recording())
        await asyncio.sleep(0)
        return [*seen, is_recording()]

    async def on(turns: int, k: int) -> list[Any]:
        seen = []
        for _ in range(turns):
            await asyncio.sleep(0)
            x = xn.asarray(values(k, 8), requires_grad=True)
            y = f(x, k)
            await asyncio.sleep(0)
            y.backward()
            seen.append(bytes_of(x.grad))
        return seen

    async def main() -> list[Any]:
        return await asyncio.gather(*[t for k in range(8) for t in (off(9), on(9, k))])

    found = asyncio.run(main())
    for k in range(8):
        assert found[2 * k] == [False] * 9 + [True]
        assert found[2 * k + 1] == [bytes_of(xn.grad(f)(values(k, 8), k))] * 9


def test_a_function_under_grad_may_wait_inside_its_task() -> None:
    async def job(k: int) -> Any:
        x = xn.asarray(values(k, 6), requires_grad=True)
        y = xp.sin(x)
        with xn.no_grad():
            await asyncio.sleep(0)
            scale = xp.mean(y)
        await asyncio.sleep(0)
        assert not scale.requires_grad
        xp.sum(y * scale).backward()
        return x.grad

    async def main() -> list[Any]:
        return await asyncio.gather(*[job(k) for k in range(12)])

    alone = [bytes_of(asyncio.run(job(k))) for k in range(12)]
    assert [bytes_of(g) for g in asyncio.run(main())] == alone


def test_threads_and_tasks_have_their_own_default_device() -> None:
    async def inside(turns: int) -> set[str]:
        seen = set()
        with xn.use_device("cpu") as device:
            assert device == xn.Device("cpu")
            for _ in range(turns):
                await asyncio.sleep(0)
                seen.add(_chosen())
        return seen

    async def outside(turns: int) -> set[str]:
        seen = set()
        for _ in range(turns):
            await asyncio.sleep(0)
            seen.add(_chosen())
        return seen

    async def main() -> list[set[str]]:
        return await asyncio.gather(inside(5), outside(9))

    assert asyncio.run(main()) == [{"cpu"}, {"nobody's"}]
    with xn.use_device("cpu"):
        assert at_once([_chosen] * 4) == ["nobody's"] * 4


def _chosen() -> str:
    """Return the device that a `use_device` around here has chosen."""
    from xpnet.backend import device

    return str(device._context.get() or "nobody's")


# --- what is made once ----------------------------------------------------------------


class _Slow:
    """A package whose loading takes long enough for every thread to ask for it."""

    def __init__(self) -> None:
        self.made: list[Library] = []

    def __call__(self) -> Library:
        threading.Event().wait(0.02)
        self.made.append(Library(np))
        return self.made[-1]


def test_threads_that_meet_a_library_first_get_the_same_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = _Slow()
    monkeypatch.setitem(library._FOREIGN, "slow", slow)
    found = at_once([lambda: library.foreign("slow")] * THREADS)
    assert len(slow.made) == 1
    assert {id(lib) for lib in found} == {id(slow.made[0])}


def test_threads_that_ask_for_a_namespace_first_get_the_same_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(namespace.SPACES, "array_api_strict", raising=False)
    found = at_once([lambda: xn.namespace("array_api_strict")] * THREADS)
    assert len({id(space) for space in found}) == 1


def test_functions_that_are_looked_up_at_once_are_the_same() -> None:
    names = ("sin", "expit", "matmul", "linalg_missing", "softmax", "sum")

    def job(lib: Library) -> list[Any]:
        found = []
        for name in names:
            try:
                found.append(getattr(lib.raw, name)(np.ones((2, 2))).tobytes())
            except (xn.XpnetError, TypeError) as error:
                found.append(str(error).partition(" missing")[0])
        return found

    for _ in range(10):
        lib = Library(np)
        lib.name = "numpy"
        results = at_once([lambda lib=lib: job(lib)] * THREADS)
        assert all(result == results[0] for result in results)


def test_leaves_that_another_thread_changed_are_refused() -> None:
    x = xn.asarray([1.0, 2.0], requires_grad=True)
    y = xp.sum(x * x)

    def change() -> None:
        mark_changed([x._node], "backward: another thread has changed a leaf.")

    at_once([change])
    with pytest.raises(xn.XpnetError, match="another thread has changed a leaf"):
        y.backward()
    fresh = xn.asarray([1.0, 2.0], requires_grad=True)

    def marked(k: int) -> bool:
        own = xn.asarray([float(k)], requires_grad=True)
        result = xp.sum(own * own)
        mark_changed([fresh._node], "somebody else's")
        result.backward()
        return bool(own.grad.item() == 2.0 * k)

    assert all(at_once([lambda k=k: marked(k) for k in range(THREADS)]))
