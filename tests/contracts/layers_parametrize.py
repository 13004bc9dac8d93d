"""Lines of the table: parameters that are computed from others."""

from contracts.layers import add
from xpnet import nn

THEIRS = "utils.parametrizations."

add(
    "weight_norm",
    lambda: nn.weight_norm(nn.Linear(3, 4, rng=0)),
    ((5, 3),),
    (5, 4),
    f"{THEIRS}weight_norm(Linear(3, 4))",
    shown="""\
ParametrizedLinear(
  3, 4                                   bias (4,)                           4
  (parametrizations): Parametrizations(
    (weight): Originals(                 original0 (4, 1), original1 (4, 3)  16
      (0): WeightNorm(axis=0)
    )
  )
)
Total: 20 parameters, float64 on cpu""",
)
add(
    "weight_norm of inputs",
    lambda: nn.weight_norm(nn.Linear(3, 4, rng=0), axis=1),
    ((5, 3),),
    (5, 4),
    f"{THEIRS}weight_norm(Linear(3, 4), dim=1)",
)
add(
    "weight_norm of the whole, in a model",
    lambda: nn.Sequential(nn.weight_norm(nn.Linear(3, 4, rng=0), axis=None), nn.Tanh()),
    ((5, 3),),
    (5, 4),
    f"Sequential({THEIRS}weight_norm(Linear(3, 4), dim=None), Tanh())",
)
add(
    "spectral_norm",
    lambda: nn.spectral_norm(nn.Linear(3, 4, rng=0), rng=1),
    ((5, 3),),
    (5, 4),
    f"{THEIRS}spectral_norm(Linear(3, 4))",
)
add(
    "spectral_norm in training",
    lambda: nn.spectral_norm(nn.Linear(3, 4, rng=0), n_power_iterations=2, rng=1),
    ((5, 3),),
    (5, 4),
    f"{THEIRS}spectral_norm(Linear(3, 4), n_power_iterations=2)",
    train=True,
    smooth=False,
    batch=None,
)
add(
    "spectral_norm of inputs",
    lambda: nn.spectral_norm(nn.Linear(3, 4, rng=0), axis=1, rng=1),
    ((5, 3),),
    (5, 4),
    f"{THEIRS}spectral_norm(Linear(3, 4), dim=1)",
)
add(
    "spectral_norm of a vector",
    lambda: nn.spectral_norm(nn.Linear(3, 4, rng=0), "bias", rng=1),
    ((5, 3),),
    (5, 4),
    f"{THEIRS}spectral_norm(Linear(3, 4), 'bias')",
)
