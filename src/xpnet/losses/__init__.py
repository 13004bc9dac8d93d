"""Losses: one number that says how wrong a prediction is.

Prediction first, then target. Names in words; meaning and defaults of every option are
PyTorch's. Two options are the same for all:

``reduction=``
    ``"mean"`` over all losses, ``"sum"``, or ``"none"`` for each loss: that of an
    element, or of an example where a loss says so. The mean of no losses is NaN.
``sample_weight=``
    One weight for each example, or for each loss: its axes are the first ones of the
    losses. Losses are multiplied by it, and the mean is ``sum(w * loss) / sum(w)``, as
    in scikit-learn: a weight of 2 is the example given twice, a weight of 0 leaves it
    out, whatever its loss.

Predictions in half precision are computed, and their loss is returned, in float32.
"""

from .binary import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    multilabel_soft_margin,
    soft_margin,
)
from .classification import cross_entropy, nll
from .contrastive import info_nce
from .imbalanced import dice, focal
from .likelihood import gaussian_nll, kl_divergence, poisson_nll
from .margin import hinge, multi_margin, multilabel_margin, squared_hinge
from .metric import (
    cosine_embedding,
    hinge_embedding,
    margin_ranking,
)
from .regression import (
    huber,
    log_cosh,
    mean_absolute_error,
    mean_squared_error,
    smooth_l1,
)
from .sequence import ctc
from .triplet import triplet_margin, triplet_margin_with_distance

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding",
    "cross_entropy",
    "ctc",
    "dice",
    "focal",
    "gaussian_nll",
    "hinge",
    "hinge_embedding",
    "huber",
    "info_nce",
    "kl_divergence",
    "log_cosh",
    "margin_ranking",
    "mean_absolute_error",
    "mean_squared_error",
    "multi_margin",
    "multilabel_margin",
    "multilabel_soft_margin",
    "nll",
    "poisson_nll",
    "smooth_l1",
    "soft_margin",
    "squared_hinge",
    "triplet_margin",
    "triplet_margin_with_distance",
]

# what is not PyTorch's name without its ending
_IN_PYTORCH = {
    "mse_loss": "mean_squared_error",
    "l1_loss": "mean_absolute_error",
    "kl_div": "kl_divergence",
}


def __getattr__(name: str) -> object:
    """Say which loss a name of PyTorch's means."""
    mine = _IN_PYTORCH.get(name, name.removesuffix("_loss"))
    hint = f"; PyTorch's {name} is losses.{mine}" if mine in __all__ else ""
    raise AttributeError(f"xpnet.losses has no {name!r}{hint}.")
