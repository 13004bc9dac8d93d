"""Many cotangents together are what they are one by one, through every row."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import xpnet as xn
from calculus.cases import CASES
from calculus.contract import directions, floats, space
from libraries import NUMPY, STRICT, host
from xpnet.calculus.batch import pulled_many, pushed_many, walk
from xpnet.calculus.rule import TABLE, Fused
from xpnet.calculus.tape import pull_back, push_forward

ROWS = sorted(name for name, row in TABLE.items() if not isinstance(row, Fused))
COUNT = 3


def several_like(target, x, seed):
    """Return several directions of an array's shape, one by one and stacked."""
    ones = [directions([host(x)], seed + i)[0] for i in range(COUNT)]
    ones = [one.astype(host(x).dtype) for one in ones]
    return [target.make(one) for one in ones], target.make(np.stack(ones))


def given(values, higher):
    return values if higher else values.data


def as_host(x):
    return host(x if isinstance(x, xn.Array) else xn.asarray(x))


def close(found, wanted, about):
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12, err_msg=about)


def check_reverse(case, target, xs, out, higher):
    nodes = [x._node for x in xs]
    ones, stack = several_like(target, out, 3)

    def pulled(g, **how):
        seeds = [(out._node, given(g, higher))]
        found = pull_back(seeds, nodes, higher=higher, keep=True, **how)
        return [found.get(node) for node in nodes]

    wanted = [pulled(one) for one in ones]
    for i, found in enumerate(pulled(stack, step=pulled_many)):
        column = [row[i] for row in wanted]
        if column[0] is None:
            assert found is None
            continue
        assert found.dtype == xs[i].dtype
        close(as_host(found), np.stack([as_host(g) for g in column]), str(case))


def check_forward(case, target, xs, out, higher):
    pairs = [several_like(target, x, 5 + i) for i, x in enumerate(xs)]
    for chosen in ([*range(len(xs))], *([i] for i in range(len(xs)) if len(xs) > 1)):

        def pushed(pick, chosen=chosen, **how):
            known = {xs[i]._node: given(pick(pairs[i]), higher) for i in chosen}
            return push_forward([out._node], known, higher=higher, **how)[0]

        wanted = [pushed(lambda pair, k=k: pair[0][k]) for k in range(COUNT)]
        found = pushed(lambda pair: pair[1], step=pushed_many)
        if wanted[0] is None:
            assert found is None
            continue
        assert found.dtype == out.dtype
        close(as_host(found), np.stack([as_host(t) for t in wanted]), str(case))


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Degrees of freedom <= 0:RuntimeWarning")
@pytest.mark.parametrize("target", [NUMPY, STRICT], ids=str)
@pytest.mark.parametrize("name", ROWS)
def test_together_equals_one_by_one(name, target, thorough):
    cases = CASES.get(name, ())
    for case in cases if thorough or target is NUMPY else cases[:3]:
        if case.only and target.library not in case.only:
            continue
        xs = [xn.asarray(target.raw(x), requires_grad=True) for x in case.inputs]
        with np.errstate(all="ignore"):
            for out in floats(case.call(space(target), *xs)):
                if out._node is None or type(out._node) is type(xs[0]._node):
                    continue
                for higher in (False, True):
                    check_reverse(case, target, xs, out, higher)
                    check_forward(case, target, xs, out, higher)


def test_watching_in_one_thread_changes_nothing_in_another(monkeypatch):
    def refuse(*_args):
        raise AssertionError("one by one")

    monkeypatch.setattr(walk, "_pulled_in_turn", refuse)
    function = xn.jacobian(lambda x: x * xn.xp.sin(x), mode="reverse")
    with xn.detect_nonfinite(), ThreadPoolExecutor(1) as pool:
        found = pool.submit(function, np.ones(3)).result()
    assert found.shape == (3, 3)
