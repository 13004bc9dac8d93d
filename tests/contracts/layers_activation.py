"""Lines of the table: activations."""

import numpy as np

from contracts.layers import add
from xpnet import nn

SHAPE = ((4, 3),)
KINKS = (
    np.asarray([[-6.0, -3.0, -1.0], [-0.5, -0.0, 0.0], [0.5, 1.0, 3.0], [6, 7, 9]]),
)
"""Every point at which one of the activations has a kink."""


def line(name: str, arguments: str = "", shown: str = "", torch: str = "") -> None:
    """Add the line of a smooth activation: at random points."""
    title = f"{name}({arguments})"
    make = eval(f"lambda: {title}", vars(nn))
    shown = f"{name}({shown})"
    add(title, make, SHAPE, SHAPE[0], torch or title, shown=shown)


def bent(name: str, arguments: str = "", shown: str = "", torch: str = "") -> None:
    """Add the lines of an activation with kinks: at random points and at kinks."""
    line(name, arguments, shown, torch)
    title = f"{name}({arguments})"
    make = eval(f"lambda: {title}", vars(nn))
    add(f"{title} at kinks", make, KINKS, (4, 3), torch or title, smooth=False)


bent("ReLU")
bent("ReLU6")
bent("LeakyReLU", "", "negative_slope=0.01")
bent("LeakyReLU", "0.2", "negative_slope=0.2")
bent("Hardtanh", "", "min_val=-1.0, max_val=1.0")
bent("Hardtanh", "-0.5, 3.0", "min_val=-0.5, max_val=3.0")
# the slope of PyTorch's own is 1/6 in single precision
bent("Hardsigmoid", torch="lambda x: F.relu6(x + 3) / 6")
bent("Hardswish")
bent("Softshrink", "", "lambd=0.5")
bent("Softshrink", "1.0", "lambd=1.0")
bent("Hardshrink", "", "lambd=0.5")
bent("Hardshrink", "1.0", "lambd=1.0")
bent("Threshold", "0.5, 2.0", "threshold=0.5, value=2.0")
bent("ELU", "", "alpha=1.0")
bent("ELU", "0.5", "alpha=0.5")
bent("CELU", "", "alpha=1.0")
bent("CELU", "2.0", "alpha=2.0")
bent("SELU")
bent("RReLU", "0.1, 0.3", "lower=0.1, upper=0.3")
line("Softplus", "", "beta=1.0")
line("Softplus", "2.0", "beta=2.0")
line("SiLU")
line("Mish")
line("GELU", "", "approximate='none'")
line("GELU", "approximate='tanh'", "approximate='tanh'")
line("Sigmoid")
line("LogSigmoid")
line("Tanh")
line("Tanhshrink")
line("Softsign")

# --- along an axis --------------------------------------------------------------------

for name in ("Softmax", "LogSoftmax", "Softmin"):
    add(
        name,
        getattr(nn, name),
        SHAPE,
        (4, 3),
        f"{name}(-1)",
        shown=f"{name}(axis=-1)",
        wrong=[(((),), r"x of shape \(\) has no axis -1")],
    )
    add(
        f"{name} of columns",
        lambda name=name: getattr(nn, name)(0),
        SHAPE,
        (4, 3),
        f"{name}(0)",
        shown=f"{name}(axis=0)",
        batch=None,
    )
add(
    "Softmax2d",
    nn.Softmax2d,
    ((2, 3, 2, 2),),
    (2, 3, 2, 2),
    "Softmax2d()",
    shown="Softmax2d()",
    wrong=[(((2, 3),), r"Softmax2d: x has shape \(2, 3\); it must be \(N, C, H, W\)")],
)
add(
    "Softmax2d of one image",
    nn.Softmax2d,
    ((3, 2, 2),),
    (3, 2, 2),
    "Softmax2d()",
    batch=None,
)
add(
    "GLU",
    nn.GLU,
    ((4, 6),),
    (4, 3),
    "GLU()",
    shown="GLU(axis=-1)",
    wrong=[(((4, 5),), r"glu: axis -1 is divided into two halves, but its")],
)
add(
    "GLU of channels",
    lambda: nn.GLU(1),
    ((4, 6, 2),),
    (4, 3, 2),
    "GLU(1)",
    shown="GLU(axis=1)",
)
add(
    "SwiGLU",
    nn.SwiGLU,
    ((4, 6),),
    (4, 3),
    "",
    why="test_activations.py, against its formula in PyTorch",
    shown="SwiGLU(axis=-1)",
    wrong=[(((4, 5),), "swiglu: axis -1 is divided"), (((),), "has no axis -1")],
)

# --- with a parameter -----------------------------------------------------------------

add(
    "PReLU",
    nn.PReLU,
    KINKS,
    (4, 3),
    "PReLU()",
    shown="PReLU(num_parameters=1)  weight (1,)  1 parameter",
    smooth=False,
)
add(
    "PReLU of channels",
    lambda: nn.PReLU(3, init=0.1),
    ((4, 3, 2),),
    (4, 3, 2),
    "PReLU(3, init=0.1)",
    shown="PReLU(num_parameters=3)  weight (3,)  3 parameters",
    wrong=[
        (((4, 2, 3),), r"weight has shape \(3,\); it has one number, or one for each"),
        (((4,),), r"whose shape is \(4,\)\. Channels are axis 1"),
    ],
)
add(
    "PReLU of vectors",
    lambda: nn.PReLU(3),
    ((4, 3),),
    (4, 3),
    "PReLU(3)",
)
