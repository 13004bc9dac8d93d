"""Lines of the table: dropout, in evaluation; `test_dropout.py` looks at training."""

from contracts.layers import add
from xpnet import nn

for name, shape in (
    ("AlphaDropout", (4, 3)),
    ("FeatureAlphaDropout", (4, 3, 2)),
    ("Dropout1d", (4, 3, 2)),
    ("Dropout2d", (4, 3, 2, 2)),
    ("Dropout3d", (4, 3, 2, 1, 2)),
):
    many = name == "AlphaDropout"
    add(
        f"{name} in evaluation",
        lambda name=name: getattr(nn, name)(0.3, rng=0),
        (shape,),
        shape,
        f"{name}(0.3)",
        shown=f"{name}(p=0.3)",
        wrong=[] if many else [(((3,),), r"its shape is \(3,\)")],
    )
