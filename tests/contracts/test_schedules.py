"""Every schedule keeps its contract: PyTorch's rates, the same bits when continued."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from contracts.schedules import SCHEDULES, Line, metric
from xpnet import optim
from xpnet.errors import OptionError
from xpnet.optim import schedules

each = pytest.mark.parametrize(
    "line", [pytest.param(line, id=name) for name, line in SCHEDULES.items()]
)
each_optimizer = pytest.mark.parametrize("kind", ["SGD", "Adam"])
KEYS = ("lr", "momentum", "betas")


def made(namespace: Any, leaf: Any, kind: str) -> Any:
    """Return an optimizer of two groups with different rates."""
    groups = [{"params": [leaf()]}, {"params": [leaf()], "lr": 0.05}]
    options = {"momentum": 0.9} if kind == "SGD" else {"betas": (0.88, 0.99)}
    return getattr(namespace, kind)(groups, lr=0.1, **options)


def ours(kind: str = "SGD") -> Any:
    return made(optim, lambda: xn.asarray([1.0, 2.0], requires_grad=True), kind)


def go(line: Line, schedule: Any, at: int) -> None:
    schedule.step(metric(at)) if line.metric else schedule.step()


def shown(opt: Any) -> list[Any]:
    """Return what a schedule may set, of each group."""
    return [[group.get(key) for key in KEYS] for group in opt.param_groups]


def test_every_schedule_has_a_line():
    used = {line.ours.partition("(")[0] for line in SCHEDULES.values()}
    assert used == set(schedules.__all__) - {"Schedule"}
    assert set(schedules.__all__) <= set(optim.__all__)


@each
@each_optimizer
def test_it_equals_that_of_pytorch(line, kind):
    torch = pytest.importorskip("torch")
    opt = ours(kind)
    other = made(torch.optim, lambda: torch.ones(2, requires_grad=True), kind)
    schedule = line.make(optim, opt)
    theirs = line.make(torch.optim.lr_scheduler, other, line.theirs)
    for at in range(line.steps + 1):
        if at:
            opt.step()
            other.step()
            go(line, schedule, at)
            go(line, theirs, at)
        for a, b in zip(opt.param_groups, other.param_groups, strict=True):
            assert a["lr"] == pytest.approx(b["lr"], rel=1e-11, abs=1e-15), at
            for key in KEYS[1:]:
                assert (key in a) == (key in b)
                if key in a:
                    assert a[key] == pytest.approx(b[key], rel=1e-12), at
        assert schedule.get_last_lr() == [group["lr"] for group in opt.param_groups]
        assert schedule.last_epoch == at


@each
@each_optimizer
def test_it_goes_on_with_the_same_bits(line, kind):
    opt = ours(kind)
    schedule = line.make(optim, opt)
    for at in range(1, 71):
        go(line, schedule, at)
    kept, text = opt.state_dict(), json.dumps(schedule.state_dict())
    want = []
    for at in range(71, 151):
        go(line, schedule, at)
        want.append(shown(opt))
    again = ours(kind)
    resumed = line.make(optim, again)
    again.load_state_dict(kept)
    resumed.load_state_dict(json.loads(text))
    assert resumed.last_epoch == 70
    for at in range(71, 151):
        go(line, resumed, at)
        assert shown(again) == want[at - 71]
        assert resumed.get_last_lr() == [g["lr"] for g in again.param_groups]


@each
def test_its_rate_is_a_formula_of_the_step(line):
    if line.metric:
        return
    one, two = line.make(optim, ours()), line.make(optim, ours())
    for _ in range(50):
        one.step()
    for i in range(2):
        assert two.rate(50, two.base_lrs[i], i) == one.get_last_lr()[i]


@each
def test_wrong_options_get_a_sentence(line):
    for expression, words in line.wrong:
        with pytest.raises(OptionError, match=words) as caught:
            line.make(optim, ours(), expression)
        assert str(caught.value).endswith(".")


@each
def test_its_repr_shows_its_options(line):
    schedule = line.make(optim, ours())
    text = repr(schedule)
    assert text.startswith(type(schedule).__name__ + "(")
    assert "last_epoch=" in text


@each
def test_the_next_step_of_the_optimizer_uses_its_rate(line):
    opt = ours()
    schedule = line.make(optim, opt)
    for group in opt.param_groups:
        group["momentum"] = 0.0
    before = [np.array(p.data) for p in _all(opt)]
    for p in _all(opt):
        p.grad = xn.asarray([1.0, -1.0])
    opt.step()
    for p, old, rate in zip(_all(opt), before, schedule.get_last_lr(), strict=True):
        np.testing.assert_allclose(p.data, old - rate * np.array([1.0, -1.0]))


def _all(opt: Any) -> list[Any]:
    return [p for group in opt.param_groups for p in group["params"]]
