"""Lines of the table: containers."""

from typing import final

from contracts.layers import add
from xpnet import nn


@final
class Branches(nn.Module):
    """A model whose layers stand in lists and dicts.

    >>> Branches().tower[0].out_features
    4
    """

    def __init__(self):
        self.tower = nn.ModuleList([nn.Linear(3, 4, rng=0), nn.Linear(4, 4, rng=1)])
        self.ends = nn.ModuleDict({"bend": nn.Tanh(), "last": nn.Linear(4, 2, rng=2)})
        self.scales = nn.ParameterList([[1.0, 2.0], [3.0, 4.0]])
        self.shifts = nn.ParameterDict({"a": [0.5, -0.5]})

    def forward(self, x):
        for layer in self.tower:
            x = self.ends["bend"](layer(x))
        x = self.ends["last"](x)
        return x * self.scales[0] * self.scales[1] + self.shifts["a"]


add(
    "ModuleList, ModuleDict, ParameterList, ParameterDict",
    Branches,
    ((5, 3),),
    (5, 2),
    why="its names and numbers: test_containers.py",
)
add(
    "Residual",
    lambda: nn.Residual(nn.Linear(3, 3, rng=0), nn.Tanh()),
    ((5, 3),),
    (5, 3),
    why="x + f(x): test_containers.py",
    shown="""\
Residual(
  (layers): Sequential(
    (0): Linear(3, 3)    weight (3, 3), bias (3,)  12
    (1): Tanh()
  )
)
Total: 12 parameters, float64 on cpu""",
)
add(
    "Residual with a projection",
    lambda: nn.Residual(
        nn.Linear(3, 4, rng=0), nn.ReLU(), projection=nn.Linear(3, 4, False, rng=1)
    ),
    ((5, 3),),
    (5, 4),
    why="projection(x) + f(x): test_containers.py",
)
add(
    "Sequential of names",
    lambda: nn.Sequential({"inner": nn.Linear(3, 4, rng=0), "bend": nn.Tanh()}),
    ((5, 3),),
    (5, 4),
    "Sequential(__import__('collections').OrderedDict(inner=Linear(3, 4), "
    "bend=Tanh()))",
)
