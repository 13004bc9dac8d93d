"""The table of losses: one line for each loss, and for each option that changes it.

`test_losses.py` walks it. A line says what the loss takes, the same in PyTorch, and the
shape of the losses before they are reduced; everything else follows from the contract.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xpnet import losses

__all__ = ["LOSSES", "Loss", "numbers"]

EACH = ("mean", "sum", "none")


@dataclass(frozen=True)
class Loss:
    """One line of the table.

    Attributes
    ----------
    name : str
        The function of `xpnet.losses`.
    inputs : tuple of array
        What it is called with; floating-point ones get gradients.
    per : tuple of int
        The shape of the losses before they are reduced.
    torch : str
        PyTorch's function in `torch.nn.functional`; or an expression of the inputs
        ``x`` (a list), the reduction ``r`` and the options ``o``, which may leave the
        reduction to the test.
    options : dict
        Keyword arguments; arrays among them are constants of the dtype under test.
    call : callable or None
        Something else that is called with the inputs and the keyword arguments.
    reductions : tuple of str
        Those that it knows.
    smooth : bool
        Whether derivatives exist, to second order.
    batch : tuple of int, or None
        For each input the axis of the examples; None if an example is not computed by
        itself.
    """

    name: str
    inputs: tuple[Any, ...]
    per: tuple[int, ...]
    torch: str
    options: dict[str, Any] = field(default_factory=dict)
    call: Callable[..., Any] | None = None
    reductions: tuple[str, ...] = EACH
    smooth: bool = True
    batch: tuple[int, ...] | None = (0, 0, 0, 0)

    def arrays(self, dtype: str) -> list[Any]:
        """Return the inputs as NumPy arrays of a dtype; integers stay."""
        return [cast(a, dtype) for a in self.inputs]

    @property
    def fixed(self) -> bool:
        """Whether an option has a number for each element, of this batch only."""
        return any(np.ndim(v) > 1 for v in self.options.values())

    @property
    def function(self) -> Callable[..., Any]:
        """What is called."""
        return self.call or getattr(losses, self.name)

    @property
    def expression(self) -> str:
        """The same in PyTorch."""
        name = self.torch
        return f"F.{name}(*x, reduction=r, **o)" if name.isidentifier() else name


LOSSES: dict[str, Loss] = {}


def add(line: str, *args: Any, **options: Any) -> None:
    """Add a line; the name of the loss is its first word."""
    assert line not in LOSSES, line
    LOSSES[line] = Loss(line.partition(" ")[0], *args, **options)


def cast(values: Any, dtype: str) -> Any:
    """Return floating-point values in a dtype, others as they are."""
    return values.astype(dtype) if values.dtype.kind == "f" else values


def numbers(*shape: int, seed: int = 0) -> Any:
    """Return the same numbers for the same shape and seed, whatever ran before."""
    drawn = 2 * np.random.default_rng([seed, *shape]).normal(size=shape)
    return np.asarray(drawn)


def shares(*shape: int, seed: int = 1) -> Any:
    """Return numbers between 0 and 1."""
    return 1 / (1 + np.exp(-numbers(*shape, seed=seed)))


def chances(*shape: int, axis: int = 1, seed: int = 2) -> Any:
    """Return probabilities that add up to 1 along an axis."""
    e = np.exp(numbers(*shape, seed=seed))
    return e / e.sum(axis=axis, keepdims=True)


def labels(*shape: int, of: int, low: int = 0, seed: int = 7) -> Any:
    """Return integers from `low` to ``of - 1``."""
    return np.asarray(np.random.default_rng([seed, *shape]).integers(low, of, shape))


def signs(*shape: int) -> Any:
    """Return 1.0 and -1.0."""
    return 1.0 - 2.0 * labels(*shape, of=2)


X, Y = numbers(5, 2), numbers(5, 2, seed=1)

# --- numbers --------------------------------------------------------------------------

add("mean_squared_error", (X, Y), (5, 2), "mse_loss")
add("mean_squared_error of many axes", (numbers(3, 2, 4), numbers(3, 2, 4, seed=1)),
    (3, 2, 4), "mse_loss")  # fmt: skip
add("mean_absolute_error", (X, Y), (5, 2), "l1_loss")
add("smooth_l1", (X, Y), (5, 2), "smooth_l1_loss")
add("smooth_l1 of beta 0.3", (X, Y), (5, 2), "smooth_l1_loss", {"beta": 0.3})
add("smooth_l1 of beta 0", (X, Y), (5, 2), "smooth_l1_loss", {"beta": 0.0})
add("huber", (X, Y), (5, 2), "huber_loss")
add("huber of delta 2.5", (X, Y), (5, 2), "huber_loss", {"delta": 2.5})
add("log_cosh", (X, Y), (5, 2), "torch.log(torch.cosh(x[0] - x[1]))")

# --- yes or no ------------------------------------------------------------------------

BCE, LOGITS = "binary_cross_entropy", "binary_cross_entropy_with_logits"
add(BCE, (shares(5, 2), shares(5, 2, seed=2)), (5, 2), BCE)
add(f"{BCE} with weight", (shares(5, 2), shares(5, 2, seed=2)), (5, 2), BCE,
    {"weight": shares(2, seed=3)})  # fmt: skip
add(LOGITS, (X, shares(5, 2)), (5, 2), LOGITS)
add(f"{LOGITS} with weight", (X, shares(5, 2)), (5, 2), LOGITS,
    {"weight": shares(5, 2, seed=3)})  # fmt: skip
add(f"{LOGITS} with pos_weight", (X, shares(5, 2)), (5, 2), LOGITS,
    {"pos_weight": 3 * shares(2, seed=3)})  # fmt: skip
add(f"{LOGITS} with both", (X, shares(5, 2)), (5, 2), LOGITS,
    {"weight": shares(2, seed=4), "pos_weight": 3 * shares(2, seed=3)})  # fmt: skip
add("soft_margin", (X, signs(5, 2)), (5, 2), "torch.log1p(torch.exp(-x[0] * x[1]))")
add("soft_margin of integers", (X, signs(5, 2).astype("int64")), (5, 2),
    "F.soft_margin_loss(x[0], x[1].to(x[0].dtype), reduction=r)")  # fmt: skip
MULTI = "multilabel_soft_margin"
add(MULTI, (X, shares(5, 2)), (5,), "multilabel_soft_margin_loss")
add(f"{MULTI} with weight", (X, shares(5, 2)), (5,), "multilabel_soft_margin_loss",
    {"weight": shares(2, seed=3)})  # fmt: skip
FOCAL = (
    "(lambda p, c: (a * x[1] + (1 - a) * (1 - x[1]) if a >= 0 else 1)"
    " * c * (1 - p * x[1] - (1 - p) * (1 - x[1])) ** g)"
    "(torch.sigmoid(x[0]), F.binary_cross_entropy_with_logits(*x, reduction='none'))"
)


def focal(a: float, g: float) -> str:
    """Return the formula of torchvision for an alpha and a gamma."""
    return f"(lambda a, g: {FOCAL})({a}, {g})"


add("focal", (X, shares(5, 2)), (5, 2), focal(0.25, 2.0))
add("focal of gamma 0", (X, shares(5, 2)), (5, 2), focal(0.25, 0.0), {"gamma": 0.0})
add("focal of gamma 1.5 without alpha", (X, shares(5, 2)), (5, 2), focal(-1.0, 1.5),
    {"gamma": 1.5, "alpha": -1.0})  # fmt: skip
DICE = (
    "1 - (2 * (x[0] * x[1]).flatten(1).sum(1) + {s})"
    " / (x[0].flatten(1).sum(1) + x[1].flatten(1).sum(1) + {s})"
)
AREAS = (shares(4, 3, 2), shares(4, 3, 2, seed=5))
add("dice", AREAS, (4,), DICE.format(s=1))
add("dice of smooth 0", AREAS, (4,), DICE.format(s=0), {"smooth": 0.0})

# --- one class ------------------------------------------------------------------------

ROWS, KINDS = numbers(6, 4), labels(6, of=4)
GRID, PLACES = numbers(2, 3, 4, 2), labels(2, 4, 2, of=3)
HOLES = np.where(labels(6, of=3, seed=8) == 0, -100, KINDS)
WEIGHT4, WEIGHT3 = shares(4, seed=3), shares(3, seed=3)

CE = "cross_entropy"
add(CE, (ROWS, KINDS), (6,), CE)
add(f"{CE} of many classes", (numbers(3, 70), labels(3, of=70)), (3,), CE)
add(f"{CE} of many axes", (GRID, PLACES), (2, 4, 2), CE)
add(f"{CE} of one example", (numbers(4), labels(of=4)), (), CE, batch=None)
add(f"{CE} with weight", (ROWS, KINDS), (6,), CE, {"weight": WEIGHT4})
add(f"{CE} with ignored", (ROWS, HOLES), (6,), CE)
add(f"{CE} with ignore_index 1", (GRID, PLACES), (2, 4, 2), CE, {"ignore_index": 1})
add(f"{CE} smoothed", (ROWS, KINDS), (6,), CE, {"label_smoothing": 0.1})
add(f"{CE} smoothed, with weight and ignored", (ROWS, HOLES), (6,), CE,
    {"label_smoothing": 0.3, "weight": WEIGHT4})  # fmt: skip
add(f"{CE} of many axes, smoothed, with weight and ignored", (GRID, PLACES), (2, 4, 2),
    CE, {"label_smoothing": 0.3, "weight": WEIGHT3, "ignore_index": 2})  # fmt: skip
add(f"{CE} of probabilities", (ROWS, chances(6, 4)), (6,), CE)
add(f"{CE} of probabilities of many axes", (GRID, chances(2, 3, 4, 2)), (2, 4, 2), CE)
add(f"{CE} of probabilities, smoothed, with weight", (ROWS, chances(6, 4)), (6,), CE,
    {"label_smoothing": 0.2, "weight": WEIGHT4})  # fmt: skip
add(f"{CE} of the probabilities of one example", (numbers(4), chances(4, axis=0)), (),
    CE, batch=None)  # fmt: skip
add("nll", (ROWS, KINDS), (6,), "nll_loss")
add("nll of many axes", (GRID, PLACES), (2, 4, 2), "nll_loss")
add("nll of one example", (numbers(4), labels(of=4)), (), "nll_loss", batch=None)
add("nll with weight and ignored", (ROWS, HOLES), (6,), "nll_loss",
    {"weight": WEIGHT4})  # fmt: skip
add("nll of many axes with weight and ignore_index 0", (GRID, PLACES), (2, 4, 2),
    "nll_loss", {"weight": WEIGHT3, "ignore_index": 0})  # fmt: skip

# --- distributions --------------------------------------------------------------------

KL = (np.log(chances(4, 3, seed=1)), chances(4, 3))
MORE = (*EACH, "batchmean")
add("kl_divergence", KL, (4, 3), "kl_div", reductions=MORE)
add("kl_divergence with log_target", (KL[0], np.log(KL[1])), (4, 3), "kl_div",
    {"log_target": True}, reductions=MORE)  # fmt: skip
COUNTS = labels(5, 2, of=9) + 0.5
add("poisson_nll", (X, COUNTS), (5, 2), "poisson_nll_loss")
add("poisson_nll without log_input", (3 * shares(5, 2), COUNTS), (5, 2),
    "poisson_nll_loss", {"log_input": False, "eps": 1e-3})  # fmt: skip
add("poisson_nll in full", (X, COUNTS), (5, 2), "poisson_nll_loss", {"full": True})
add("gaussian_nll", (X, Y, shares(5, 2)), (5, 2), "gaussian_nll_loss")
add("gaussian_nll in full", (X, Y, shares(5, 2)), (5, 2), "gaussian_nll_loss",
    {"full": True})  # fmt: skip
add("gaussian_nll of one variance for a row", (X, Y, shares(5)), (5, 2),
    "gaussian_nll_loss")  # fmt: skip
add("gaussian_nll of a column of variances", (X, Y, shares(5, 1)), (5, 2),
    "gaussian_nll_loss")  # fmt: skip
add("gaussian_nll of small variances", (X, Y, shares(5, 2)), (5, 2),
    "gaussian_nll_loss", {"eps": 0.5}, smooth=False)  # fmt: skip

# --- margins --------------------------------------------------------------------------

add("hinge", (X, signs(5, 2)), (5, 2), "torch.relu(1 - x[0] * x[1])")
add("squared_hinge", (X, signs(5, 2)), (5, 2), "torch.relu(1 - x[0] * x[1]) ** 2")
add("multi_margin", (ROWS, KINDS), (6,), "multi_margin_loss")
add("multi_margin of one example", (numbers(4), labels(of=4)), (), "multi_margin_loss",
    batch=None)  # fmt: skip
add("multi_margin of p 2 and margin 0.5 with weight", (ROWS, KINDS), (6,),
    "multi_margin_loss", {"p": 2, "margin": 0.5, "weight": WEIGHT4})  # fmt: skip
SETS = np.array([[3, 0, -1, 1], [-1, 2, 2, 2], [0, 1, 2, 3], [2, -1, -1, -1]])
add("multilabel_margin", (numbers(4, 4), SETS), (4,), "multilabel_margin_loss")
add("multilabel_margin of one example", (numbers(4), SETS[0]), (),
    "multilabel_margin_loss", batch=None)  # fmt: skip

# --- distances ------------------------------------------------------------------------

PAIRS = (numbers(6, 3), numbers(6, 3, seed=1), signs(6))
add("cosine_embedding", PAIRS, (6,), "cosine_embedding_loss")
add("cosine_embedding of margin 0.4", PAIRS, (6,), "cosine_embedding_loss",
    {"margin": 0.4})  # fmt: skip
add("cosine_embedding of one example",
    (numbers(3), numbers(3, seed=1), np.array(1.0)), (), "cosine_embedding_loss",
    batch=None)  # fmt: skip
add("hinge_embedding", (X, signs(5, 2)), (5, 2), "hinge_embedding_loss")
add("hinge_embedding of margin 2", (X, signs(5, 2)), (5, 2), "hinge_embedding_loss",
    {"margin": 2.0})  # fmt: skip
add("margin_ranking", (X, Y, signs(5, 2)), (5, 2), "margin_ranking_loss")
add("margin_ranking of margin 0.7", (X, Y, signs(5, 2)), (5, 2), "margin_ranking_loss",
    {"margin": 0.7})  # fmt: skip
THREE = (numbers(5, 3), numbers(5, 3, seed=1), numbers(5, 3, seed=2))
TRIPLET = "triplet_margin_loss"
add("triplet_margin", THREE, (5,), TRIPLET)
add("triplet_margin of margin 4, p 1, swapped", THREE, (5,), TRIPLET,
    {"margin": 4.0, "p": 1.0, "swap": True})  # fmt: skip
add("triplet_margin of p 3 and eps 0.1", THREE, (5,), TRIPLET,
    {"p": 3.0, "eps": 0.1, "margin": 4.0})  # fmt: skip
add("triplet_margin of one example", tuple(v[0] for v in THREE), (), TRIPLET,
    batch=None)  # fmt: skip


def city(u: Any, v: Any) -> Any:
    """Return the distance along streets, for arrays of any library and tensors."""
    d = abs(u - v)
    return d[:, 0] + d[:, 1] + d[:, 2]


DISTANCE = "F.triplet_margin_with_distance_loss(*x, reduction=r, **o)"
add("triplet_margin_with_distance", THREE, (5,), DISTANCE)
add("triplet_margin_with_distance of streets, swapped", THREE, (5,), DISTANCE,
    {"distance_function": city, "swap": True, "margin": 4.0})  # fmt: skip
NCE = (
    "(lambda s: {of})(F.normalize(x[0]) @ F.normalize(x[1]).T / {t})",
    "F.cross_entropy(s, torch.arange(len(s)), reduction=r)",
    "(F.cross_entropy(s, torch.arange(len(s)), reduction=r)"
    " + F.cross_entropy(s.T, torch.arange(len(s)), reduction=r)) / 2",
)
add("info_nce", PAIRS[:2], (6,), NCE[0].format(of=NCE[1], t=0.07), batch=None)
add("info_nce of temperature 0.5, symmetric", PAIRS[:2], (6,),
    NCE[0].format(of=NCE[2], t=0.5), {"temperature": 0.5, "symmetric": True},
    batch=None)  # fmt: skip

# --- sequences ------------------------------------------------------------------------


def ctc(x: Any, *args: Any, **options: Any) -> Any:
    """Return the loss of logits: both gradients agree only through log_softmax."""
    logs = x._lib.recorded.log_softmax(x, axis=-1)
    return losses.ctc(logs, *args, **options)


CTC = "F.ctc_loss(F.log_softmax(x[0], -1), *x[1:], reduction=r, **o)"
TIMES, LENGTHS = np.array([7, 5, 7, 6]), np.array([3, 0, 2, 1])
PADDED = np.array([[1, 1, 2], [3, 3, 3], [4, 2, 4], [2, 2, 2]])
FLAT = np.array([1, 1, 2, 4, 2, 2])
AXES = (1, 0, 0, 0)
SPOKEN = numbers(7, 4, 5)
add("ctc", (SPOKEN, PADDED, TIMES, LENGTHS), (4,), CTC, call=ctc, batch=AXES)
add("ctc of targets in a row", (SPOKEN, FLAT, TIMES, LENGTHS), (4,), CTC, call=ctc,
    batch=None)  # fmt: skip
add("ctc of blank 4", (SPOKEN, PADDED % 4, TIMES, LENGTHS), (4,), CTC, {"blank": 4},
    call=ctc, batch=AXES)  # fmt: skip
add("ctc with zero_infinity", (SPOKEN, PADDED, np.array([7, 5, 1, 6]), LENGTHS), (4,),
    CTC, {"zero_infinity": True}, call=ctc, batch=AXES)  # fmt: skip
add("ctc of one sequence", (SPOKEN[:, 0], PADDED[0], np.array(7), np.array(3)), (),
    CTC, call=ctc, batch=None)  # fmt: skip
