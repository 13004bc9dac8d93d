"""The table of schedules: one line for each way in which one is used.

A line is an expression that means the same in `xpnet.optim` and in
`torch.optim.lr_scheduler`, with ``opt`` for the optimizer; where PyTorch has no such
name, a second expression says the same there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["SCHEDULES", "Line", "metric"]


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    ours : str
        The schedule as an expression.
    theirs : str
        PyTorch's, where it is not the same.
    metric : bool
        Whether each step takes a metric.
    steps : int
        How many steps are compared.
    wrong : tuple of (str, str)
        Expressions with a wrong option, each with what the sentence says.
    """

    ours: str
    theirs: str = ""
    metric: bool = False
    steps: int = 200
    wrong: tuple[tuple[str, str], ...] = ()

    def make(self, names: Any, opt: Any, expression: str = "") -> Any:
        """Return the schedule in the names of a library."""
        return eval(expression or self.ours, {**vars(names), "opt": opt, "math": math})


def metric(step: int) -> float:
    """Return a metric that falls, stays, rises and is NaN once."""
    return math.nan if step == 90 else math.cos(step / 20) * 0.99**step


SCHEDULES: dict[str, Line] = {
    "ConstantLR": Line(
        "ConstantLR(opt, 0.3, total_iters=40)",
        wrong=(("ConstantLR(opt, 1.5)", "factor is a number, at least 0.0 and at mo"),),
    ),
    "ConstantLR by default": Line("ConstantLR(opt)"),
    "StepLR": Line(
        "StepLR(opt, 30, gamma=0.3)",
        wrong=(("StepLR(opt, 0)", "step_size is an integer of at least 1, not 0"),),
    ),
    "MultiStepLR": Line(
        "MultiStepLR(opt, [30, 100, 100, 150], gamma=0.5)",
        wrong=(("MultiStepLR(opt, [1.5])", "a milestone is an integer"),),
    ),
    "ExponentialLR": Line(
        "ExponentialLR(opt, 0.97)",
        wrong=(("ExponentialLR(opt, 'x')", "gamma is a number"),),
    ),
    "LinearLR": Line(
        "LinearLR(opt, 0.2, 0.7, total_iters=120)",
        wrong=(("LinearLR(opt, 0.0)", "start_factor is a number"),),
    ),
    "LinearLR by default": Line("LinearLR(opt)"),
    "PolynomialLR": Line("PolynomialLR(opt, total_iters=150, power=2.5)"),
    "PolynomialLR by default": Line("PolynomialLR(opt)"),
    "CosineAnnealingLR": Line(
        "CosineAnnealingLR(opt, T_max=60, eta_min=0.01)",
        wrong=(("CosineAnnealingLR(opt, 0)", "T_max is an integer"),),
    ),
    "CosineAnnealingLR to 0": Line("CosineAnnealingLR(opt, 200)"),
    "CosineAnnealingWarmRestarts": Line(
        "CosineAnnealingWarmRestarts(opt, 13, T_mult=2, eta_min=0.003)",
        wrong=(("CosineAnnealingWarmRestarts(opt, 5, T_mult=0)", "T_mult is an int"),),
    ),
    "CosineAnnealingWarmRestarts of one length": Line(
        "CosineAnnealingWarmRestarts(opt, 17)"
    ),
    "OneCycleLR": Line(
        "OneCycleLR(opt, 0.4, total_steps=200)",
        wrong=(
            ("OneCycleLR(opt, 0.1)", "give total_steps, or epochs and steps_per_epoch"),
            ("OneCycleLR(opt, [0.1], 10)", "max_lr has 1 values, the optimizer 2 gro"),
            (
                "OneCycleLR(opt, 0.1, 10, anneal_strategy='up')",
                "'cos' or 'linear', not 'up'",
            ),
        ),
    ),
    "OneCycleLR of three phases": Line(
        "OneCycleLR(opt, [0.4, 0.2], epochs=20, steps_per_epoch=10, pct_start=0.25, "
        "anneal_strategy='linear', three_phase=True, base_momentum=[0.8, 0.7], "
        "max_momentum=[0.9, 0.85], div_factor=10.0, final_div_factor=100.0)"
    ),
    "OneCycleLR without momentum": Line(
        "OneCycleLR(opt, 0.4, total_steps=230, cycle_momentum=False)"
    ),
    "CyclicLR": Line(
        "CyclicLR(opt, 0.01, 0.3, step_size_up=15)",
        wrong=(
            ("CyclicLR(opt, 0.1, 0.2, mode='square')", "mode is one of"),
            ("CyclicLR(opt, 0.1, 0.2, scale_mode='x')", "scale_mode is 'cycle' or"),
        ),
    ),
    "CyclicLR, triangular2": Line(
        "CyclicLR(opt, [0.01, 0.02], [0.3, 0.1], 10, 25, mode='triangular2', "
        "base_momentum=[0.7, 0.75], max_momentum=0.95)"
    ),
    "CyclicLR, exp_range": Line(
        "CyclicLR(opt, 0.01, 0.3, 20, mode='exp_range', gamma=0.99)"
    ),
    "CyclicLR of any scale": Line(
        "CyclicLR(opt, 0.01, 0.3, 20, scale_fn=lambda x: 1 / (5 ** (x * 0.0001)), "
        "scale_mode='iterations', cycle_momentum=False)"
    ),
    "LambdaLR": Line(
        "LambdaLR(opt, [lambda t: 0.95**t, lambda t: 1 / (1 + t)])",
        wrong=(("LambdaLR(opt, [abs])", "lr_lambda has 1 values, the optimizer 2"),),
    ),
    "MultiplicativeLR": Line("MultiplicativeLR(opt, lambda t: 0.99 if t % 2 else 1.0)"),
    "SequentialLR": Line(
        "SequentialLR(opt, [LinearLR(opt, 0.1, total_iters=20), ExponentialLR(opt, "
        "0.98), CosineAnnealingLR(opt, 50, 0.001)], [20, 90])",
        wrong=(
            ("SequentialLR(opt, [StepLR(opt, 3)], [4])", "1 schedules need 0 milest"),
            ("SequentialLR(opt, [], [])", "need -1 milestones|at least one"),
            (
                "SequentialLR(opt, [StepLR(opt, 3)] * 3, [4, 2])",
                "milestones must rise",
            ),
        ),
    ),
    "ChainedScheduler": Line(
        "ChainedScheduler([ConstantLR(opt, 0.1, 20), ExponentialLR(opt, 0.99), "
        "StepLR(opt, 40, 0.6), LinearLR(opt, 0.5, 1.0, 90)])",
        wrong=(("ChainedScheduler([])", "at least one schedule"),),
    ),
    "ChainedScheduler with a cosine": Line(
        "ChainedScheduler([CosineAnnealingLR(opt, 220), MultiStepLR(opt, [50])], opt)"
    ),
    "WarmUp": Line(
        "WarmUp(CosineAnnealingLR(opt, 150, 0.001), 30, start_factor=0.01)",
        "SequentialLR(opt, [LinearLR(opt, 0.01, total_iters=30), "
        "CosineAnnealingLR(opt, 150, 0.001)], [30])",
        wrong=(
            ("WarmUp(StepLR(opt, 3), -1)", "steps is an integer of at least 0"),
            ("WarmUp(ReduceLROnPlateau(opt), 5)", "not a schedule with a formula"),
        ),
    ),
    "WarmUp in equal stairs": Line(
        "WarmUp(StepLR(opt, 50), 9)",
        "SequentialLR(opt, [LinearLR(opt, 0.1, total_iters=9), StepLR(opt, 50)], [9])",
    ),
    "WarmUp of no steps": Line("WarmUp(StepLR(opt, 50), 0)", "StepLR(opt, 50)"),
    "ReduceLROnPlateau": Line(
        "ReduceLROnPlateau(opt, patience=3, cooldown=5, factor=0.5)",
        metric=True,
        wrong=(
            ("ReduceLROnPlateau(opt, 'less')", "mode is 'min' or 'max'"),
            ("ReduceLROnPlateau(opt, factor=1.0)", "factor is 1.0; it must be below"),
            ("ReduceLROnPlateau(opt, min_lr=[0.1])", "min_lr has 1 values"),
        ),
    ),
    "ReduceLROnPlateau of a maximum": Line(
        "ReduceLROnPlateau(opt, 'max', 0.3, 2, 0.01, 'abs', min_lr=[0.02, 0.01], "
        "eps=1e-3)",
        metric=True,
    ),
}
