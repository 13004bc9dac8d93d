"""Schedules beside one another, resumed, and used in other ways than step by step."""

import pytest

import xpnet as xn
from xpnet import optim
from xpnet.errors import OptionError


def leaf():
    return xn.asarray([1.0], requires_grad=True)


def sgd(lr=0.1):
    return optim.SGD([leaf()], lr=lr, momentum=0.9)


def theirs(lr=0.1):
    torch = pytest.importorskip("torch")
    return torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=lr, momentum=0.9)


def both():
    torch = pytest.importorskip("torch")
    return [(sgd(), optim), (theirs(), torch.optim.lr_scheduler)]


def rates(opt, step, steps=100):
    found = []
    for at in range(steps):
        found.append(opt.param_groups[0]["lr"])
        opt.step()
        step(at)
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda opt, s: (s.ExponentialLR(opt, 0.98), s.StepLR(opt, 20, 0.5)),
        lambda opt, s: (s.LinearLR(opt, 0.1), s.CosineAnnealingLR(opt, 30, 0.001)),
        lambda opt, s: (s.CosineAnnealingLR(opt, 30, 0.001), s.ExponentialLR(opt, 0.9)),
        lambda opt, s: (s.PolynomialLR(opt, 40, 2.0), s.MultiStepLR(opt, [5, 9])),
        lambda opt, s: (
            s.MultiplicativeLR(opt, lambda t: 0.97),
            s.ConstantLR(opt, 0.5, 7),
        ),
        lambda opt, s: (s.ExponentialLR(opt, 0.9), s.LambdaLR(opt, lambda t: 1 / 3)),
    ],
)
def test_two_schedules_stepped_by_hand_work_on_one_rate_as_in_pytorch(make):
    found = []
    for opt, names in both():
        parts = make(opt, names)
        found.append(rates(opt, lambda at, parts=parts: [s.step() for s in parts]))
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-12)


def test_a_rate_changed_by_hand_goes_on_being_scaled_as_in_pytorch():
    found = []
    for opt, names in both():
        schedule = names.CosineAnnealingLR(opt, 50, 0.01)

        def go(at, opt=opt, schedule=schedule):
            if at == 10:
                opt.param_groups[0]["lr"] = 1.0
            schedule.step()

        found.append(rates(opt, go))
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_a_plateau_and_a_schedule_scale_what_the_other_has_set():
    found = []
    for opt, names in both():
        one = names.ExponentialLR(opt, 0.99)
        two = names.ReduceLROnPlateau(opt, patience=2, factor=0.5)

        def go(at, one=one, two=two):
            one.step()
            two.step(1.0 if at % 7 else 0.5 / (1 + at))

        found.append(rates(opt, go))
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_warm_restarts_take_parts_of_an_epoch():
    found = []
    for opt, names in both():
        schedule = names.CosineAnnealingWarmRestarts(opt, 3, 2)
        got = rates(opt, lambda at, s=schedule: s.step(at / 4), 60)
        schedule.step(26)
        got += rates(opt, lambda at, s=schedule: s.step(), 20)
        schedule.step(2.5)
        got += rates(opt, lambda at, s=schedule: s.step(), 20)
        assert schedule.last_epoch == 22
        found.append(got)
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-12)


def test_parts_of_an_epoch_are_saved():
    opt = sgd()
    schedule = optim.CosineAnnealingWarmRestarts(opt, 4)
    schedule.step(2.5)
    again = optim.CosineAnnealingWarmRestarts(sgd(), 4)
    again.load_state_dict(schedule.state_dict())
    schedule.step()
    again.step()
    assert again.get_last_lr() == schedule.get_last_lr()
    assert again.last_epoch == 3


def test_last_epoch_goes_on_where_the_optimizer_was_loaded():
    opt = sgd()
    schedule = optim.ExponentialLR(opt, 0.5)
    for _ in range(3):
        schedule.step()
    again = sgd()
    again.load_state_dict(opt.state_dict())
    resumed = optim.ExponentialLR(again, 0.5, last_epoch=2)
    assert resumed.last_epoch == 3
    assert again.lr == opt.lr == 0.1 * 0.5**3
    with pytest.raises(OptionError, match="group 0 does not know the rate it started"):
        optim.ExponentialLR(sgd(), 0.5, last_epoch=2)


def test_states_of_pytorch_are_loaded():
    torch = pytest.importorskip("torch")
    other = theirs()
    one = torch.optim.lr_scheduler.StepLR(other, 3)
    for _ in range(7):
        other.step()
        one.step()
    opt = sgd()
    two = optim.StepLR(opt, 3)
    opt.load_state_dict(other.state_dict())
    two.load_state_dict(one.state_dict())
    for _ in range(7):
        other.step()
        one.step()
        two.step()
        assert two.get_last_lr() == pytest.approx(one.get_last_lr(), rel=1e-12)
    cycle = torch.optim.lr_scheduler.OneCycleLR(other, 0.2, 10)
    assert cycle.get_last_lr()
    opt.load_state_dict(other.state_dict())  # with max_lr, min_lr, base_momentum ...
    assert opt.param_groups[0]["initial_lr"] == pytest.approx(0.2 / 25)


def test_states_of_something_else_are_refused():
    schedule = optim.StepLR(sgd(), 3)
    with pytest.raises(OptionError, match="has 'last_epoch' and '_last_lr'; this has"):
        schedule.load_state_dict({"lr": 1.0})
    with pytest.raises(OptionError, match="the state is of 2 groups, the optimizer ha"):
        schedule.load_state_dict({"last_epoch": 1, "_last_lr": [0.1, 0.1]})
    with pytest.raises(OptionError, match=r"the state has no \['best'"):
        optim.ReduceLROnPlateau(sgd()).load_state_dict({})


def test_a_warm_up_of_a_cycle_holds_its_first_momentum():
    opt = sgd()
    schedule = optim.WarmUp(optim.OneCycleLR(opt, 1.0, total_steps=10), 4)
    seen = []
    for _ in range(4):
        seen.append((opt.lr, opt.param_groups[0]["momentum"]))
        schedule.step()
    assert [m for _, m in seen] == [0.95] * 4
    assert [r for r, _ in seen] == pytest.approx([0.04 * k / 5 for k in range(1, 5)])
    assert opt.lr == pytest.approx(0.04)
    schedule.step()
    assert opt.param_groups[0]["momentum"] < 0.95


def test_combined_schedules_nest():
    opt = sgd(lr=1.0)
    chain = optim.ChainedScheduler(
        [optim.ExponentialLR(opt, 0.5), optim.ConstantLR(opt, 0.1, 1)]
    )
    schedule = optim.WarmUp(optim.SequentialLR(opt, [chain], []), 1)
    found = rates(opt, lambda at: schedule.step(), 4)
    assert found == pytest.approx([0.05, 0.1, 0.5, 0.25])


def test_schedules_of_two_optimizers_are_not_combined():
    one, two = sgd(), sgd()
    parts = [optim.StepLR(one, 3), optim.StepLR(two, 3)]
    with pytest.raises(OptionError, match="of different optimizers"):
        optim.ChainedScheduler(parts)
    with pytest.raises(OptionError, match="of another optimizer than the one given"):
        optim.SequentialLR(two, parts[:1], [])


def test_groups_added_later_get_a_sentence():
    opt = sgd()
    schedule = optim.StepLR(opt, 3)
    opt.add_param_group({"params": [leaf()]})
    with pytest.raises(OptionError, match="has 2 groups, but had 1 when the schedule"):
        schedule.step()


def test_one_cycle_ends():
    opt = sgd()
    schedule = optim.OneCycleLR(opt, 0.1, total_steps=3)
    for _ in range(3):
        schedule.step()
    with pytest.raises(OptionError, match="step 4 is beyond total_steps=3"):
        schedule.step()


def test_one_cycle_may_begin_at_its_top():
    opt = sgd()
    optim.OneCycleLR(opt, 0.1, total_steps=10, pct_start=0.1)
    assert opt.lr == 0.1


def test_an_optimizer_without_momentum_is_not_cycled():
    opt = optim.Adagrad([leaf()], lr=0.1)
    with pytest.raises(OptionError, match="Adagrad has no momentum to cycle"):
        optim.CyclicLR(opt, 0.1, 0.2)
    optim.CyclicLR(opt, 0.1, 0.2, cycle_momentum=False)


def test_a_plateau_takes_an_array():
    opt = sgd()
    schedule = optim.ReduceLROnPlateau(opt, patience=0)
    for value in (1.0, 2.0):
        schedule.step(xn.asarray(value))
    assert opt.lr == pytest.approx(0.01)


def test_what_is_no_optimizer_gets_a_sentence():
    model = xn.nn.Linear(2, 1, rng=0)
    for make in (
        lambda: optim.StepLR(model, 3),
        lambda: optim.OneCycleLR(model, 0.1, 10),
        lambda: optim.LambdaLR(model, lambda step: 1.0),
        lambda: optim.ReduceLROnPlateau(model),
    ):
        with pytest.raises(OptionError, match="is a Linear, which has no param_groups"):
            make()


def test_a_rate_is_warmed_up_beside_a_plateau():
    opt = optim.SGD([xn.asarray([1.0], requires_grad=True)], lr=1.0)
    warm = optim.WarmUp(optim.ConstantLR(opt, 1.0), 3)
    plateau = optim.ReduceLROnPlateau(opt, patience=3, factor=0.5)
    rates = []
    for _ in range(7):
        rates.append(opt.lr)
        warm.step()
        plateau.step(1.0)
    assert rates == [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.5]
