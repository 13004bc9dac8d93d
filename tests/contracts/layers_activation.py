"""Lines of the table: activations."""

from contracts.layers import add
from xpnet import nn

add("ReLU", nn.ReLU, ((4, 3),), (4, 3), "ReLU()", shown="ReLU()")
add("Sigmoid", nn.Sigmoid, ((4, 3),), (4, 3), "Sigmoid()", shown="Sigmoid()")
add("Tanh", nn.Tanh, ((4, 3),), (4, 3), "Tanh()", shown="Tanh()")
add("Softmax", nn.Softmax, ((4, 3),), (4, 3), "Softmax(-1)", shown="Softmax(axis=-1)")
add(
    "Softmax of columns",
    lambda: nn.Softmax(0),
    ((4, 3),),
    (4, 3),
    "Softmax(0)",
    shown="Softmax(axis=0)",
    batch=None,
)
