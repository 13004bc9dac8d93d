"""Lines of the table: affine maps, shapes, containers."""

from contracts.layers import add
from xpnet import nn

add(
    "Linear",
    lambda: nn.Linear(3, 4, rng=0),
    ((5, 3),),
    (5, 4),
    "Linear(3, 4)",
    shown="Linear(3, 4)  weight (4, 3), bias (4,)  16 parameters",
    wrong=[
        (((8, 2),), r"x has 2 features but weight needs 3 \(x: \(8, 2\), weight: \(4"),
        (((),), "x has no axes"),
    ],
)
add(
    "Linear without bias",
    lambda: nn.Linear(3, 2, bias=False, rng=1),
    ((5, 3),),
    (5, 2),
    "Linear(3, 2, bias=False)",
    shown="Linear(3, 2, bias=False)  weight (2, 3)  6 parameters",
)
add(
    "Linear of many axes",
    lambda: nn.Linear(3, 4, rng=2),
    ((2, 1, 5, 3),),
    (2, 1, 5, 4),
    "Linear(3, 4)",
)
add(
    "Linear of one row",
    lambda: nn.Linear(3, 4, rng=2),
    ((3,),),
    (4,),
    "Linear(3, 4)",
    batch=None,
)
add(
    "Bilinear",
    lambda: nn.Bilinear(3, 2, 4, rng=0),
    ((5, 3), (5, 2)),
    (5, 4),
    "Bilinear(3, 2, 4)",
    shown="Bilinear(3, 2, 4)  weight (4, 3, 2), bias (4,)  28 parameters",
    batch=(0, 0),
    wrong=[
        (((5, 3), (5, 4)), "x1 and x2 have 3 and 4 features but weight needs 3 and 2"),
        (((5, 3), (4, 2)), "x1 and x2 differ in an axis before the last"),
        (((), (5, 2)), "inputs one or more"),
    ],
)
add(
    "Bilinear of many axes, without bias",
    lambda: nn.Bilinear(3, 2, 4, bias=False, rng=0),
    ((2, 1, 5, 3), (2, 1, 5, 2)),
    (2, 1, 5, 4),
    "Bilinear(3, 2, 4, bias=False)",
    shown="Bilinear(3, 2, 4, bias=False)  weight (4, 3, 2)  24 parameters",
    batch=(0, 0),
)
add(
    "Bilinear of one row",
    lambda: nn.Bilinear(3, 2, 4, rng=0),
    ((3,), (2,)),
    (4,),
    "Bilinear(3, 2, 4)",
    batch=None,
)
add(
    "Flatten",
    nn.Flatten,
    ((2, 3, 1, 2),),
    (2, 6),
    "Flatten()",
    shown="Flatten()",
    wrong=[(((3,),), r"x of shape \(3,\) has no axes from 1 to -1")],
)
add(
    "Flatten of some axes",
    lambda: nn.Flatten(0, 1),
    ((2, 3, 2),),
    (6, 2),
    "Flatten(0, 1)",
    shown="Flatten(0, 1)",
    batch=None,
)
add(
    "Dropout in evaluation",
    lambda: nn.Dropout(0.3, rng=0),
    ((4, 3),),
    (4, 3),
    "Dropout(0.3)",
    shown="Dropout(p=0.3)",
)
add(
    "Sequential",
    lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(6, 5, rng=0), nn.Tanh(), nn.Linear(5, 2, rng=1)
    ),
    ((4, 2, 3),),
    (4, 2),
    "Sequential(Flatten(), Linear(6, 5), Tanh(), Linear(5, 2))",
    shown="""\
Sequential(
  (0): Flatten()
  (1): Linear(6, 5)  weight (5, 6), bias (5,)  35
  (2): Tanh()
  (3): Linear(5, 2)  weight (2, 5), bias (2,)  12
)
Total: 47 parameters, float64 on cpu""",
)
