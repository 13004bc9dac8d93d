"""Time of layers and of small models, forward and backward, against PyTorch eager.

    python benchmarks/layers.py [--threads 1 2] [--only WORD] [--memory] [--quick]

One step of a layer is its forward pass, and the backward pass of a random cotangent to
its input and its parameters, in float32. One step of a model is a whole training step
with Adam (PyTorch's is the fused one). `_turns.py` says how the two are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import _turns
from _turns import Step


class Case(NamedTuple):
    """What is measured: a function of each library's parts, and the ratio aimed at."""

    name: str
    aim: float | None
    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    labels: tuple[int, tuple[int, ...]] | None = None  # classes, and their shape

    def __str__(self) -> str:
        return self.name


class Parts(NamedTuple):
    """The parts of a library, under the names that both have."""

    name: str
    nn: Any
    functional: Any
    cross_entropy: Callable[[Any, Any], Any]
    adam: Callable[[Any], Any]


def lenet(of: Parts) -> Any:
    """Return a convolutional network in the shape of LeNet-5."""
    nn = of.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def transformer(of: Parts) -> Any:
    """Return four causal encoder layers of width 128, as a function of x."""
    nn = of.nn
    layer = nn.TransformerEncoderLayer(
        128, 4, 512, 0.0, "gelu", batch_first=True, norm_first=True
    )
    other = {"enable_nested_tensor": False} if of.name == "torch" else {}
    encoder = nn.TransformerEncoder(layer, 4, **other)
    if of.name == "torch":
        mask = nn.Transformer.generate_square_subsequent_mask(128)
    else:
        mask = None
    encoder.head = nn.Linear(128, 64)
    return encoder, lambda x: encoder.head(encoder(x, mask=mask, is_causal=True))


def attention(of: Parts) -> Any:
    """Return causal attention of queries, keys and values stacked in one array."""
    function = of.functional.scaled_dot_product_attention
    return None, lambda x: function(x[0], x[1], x[2], is_causal=True)


def lstm(of: Parts) -> Any:
    """Return an LSTM's outputs."""
    layer = of.nn.LSTM(128, 128)
    return layer, lambda x: layer(x)[0]


def loss(of: Parts) -> Any:
    """Return no model: the loss alone, of the input itself."""
    return None, lambda x: x


def each(name: str, *args: Any, **options: Any) -> Callable[[Parts], Any]:
    """Return what makes a layer by its name."""
    return lambda of: getattr(of.nn, name)(*args, **options)


CASES = (
    Case("max-pool 2, 64x64x32x32", 0.8, each("MaxPool2d", 2), (64, 64, 32, 32)),
    Case("LeNet, batch 64", 1.4, lenet, (64, 1, 28, 28), (10, (64,))),
    Case(
        "conv 3x3 64-64, 64x64x32x32",
        1.8,
        each("Conv2d", 64, 64, 3, padding=1),
        (64, 64, 32, 32),
    ),
    Case("causal attention, 16x4x128x32", 1.7, attention, (3, 16, 4, 128, 32)),
    Case("LSTM 128, 64 steps, batch 32", 1.6, lstm, (64, 32, 128)),
    Case("cross-entropy 128x10", 0.6, loss, (128, 10), (10, (128,))),
    Case("cross-entropy 2048x1000", 2.5, loss, (2048, 1000), (1000, (2048,))),
    Case("cross-entropy 512x32000", 2.5, loss, (512, 32000), (32000, (512,))),
    Case("GELU 2048x512", 2.0, each("GELU"), (2048, 512)),
    Case("GELU tanh 2048x512", 2.0, each("GELU", approximate="tanh"), (2048, 512)),
    Case("LayerNorm 2048x128", 3.0, each("LayerNorm", 128), (2048, 128)),
    Case(
        "transformer 4x128, 16x128 tokens",
        1.6,
        transformer,
        (16, 128, 128),
        (64, (16, 128)),
    ),
    # without an aim: to know where we stand
    Case("conv 5x5 6-16, 64x6x14x14", None, each("Conv2d", 6, 16, 5), (64, 6, 14, 14)),
    Case(
        "conv 3x3 depthwise, 16x64x32x32",
        None,
        each("Conv2d", 64, 64, 3, padding=1, groups=64),
        (16, 64, 32, 32),
    ),
    Case("conv1d 5, 32x64x256", None, each("Conv1d", 64, 64, 5), (32, 64, 256)),
    Case(
        "conv transpose 4, stride 2",
        None,
        each("ConvTranspose2d", 32, 16, 4, stride=2, padding=1),
        (16, 32, 16, 16),
    ),
    Case("average pool 2", None, each("AvgPool2d", 2), (64, 64, 32, 32)),
    Case(
        "BatchNorm2d 64x64x32x32", None, each("BatchNorm2d", 64), (64, 64, 32, 32)
    ),
    Case("SiLU 2048x512", None, each("SiLU"), (2048, 512)),
    Case("Softmax 2048x512", None, each("Softmax", -1), (2048, 512)),
    Case("Dropout 2048x512", None, each("Dropout", 0.1), (2048, 512)),
)  # fmt: skip


def parts(library: str) -> Parts:
    """Return the parts of a library."""
    if library == "torch":
        import torch

        functional = torch.nn.functional
        return Parts(
            "torch",
            torch.nn,
            functional,
            functional.cross_entropy,
            lambda p: torch.optim.Adam(p, lr=1e-3, fused=True),
        )
    from xpnet import losses, nn, optim

    return Parts(
        "xpnet",
        nn,
        nn.functional,
        losses.cross_entropy,
        lambda p: optim.Adam(p, lr=1e-3),
    )


def arrays(library: str, case: Case) -> tuple[Any, Any]:
    """Return the input and the labels as arrays of the library."""
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal(case.shape, dtype=np.float32)
    labels = (
        None
        if case.labels is None
        else rng.integers(case.labels[0], size=case.labels[1])
    )
    if library == "torch":
        import torch

        return torch.from_numpy(x), None if labels is None else torch.from_numpy(labels)
    import xpnet as xn

    return xn.asarray(x), None if labels is None else xn.asarray(labels)


def make(library: str, index: int) -> Step:
    """Return one step of a case; number -1 is a linear layer, to warm up with."""
    of = parts(library)
    if index < 0:
        return step_of(of, Case("linear", None, each("Linear", 512, 512), (512, 512)))
    return step_of(of, CASES[index])


def step_of(of: Parts, case: Case) -> Step:
    """Return a training step of a model with labels, or a layer's two passes."""
    x, labels = arrays(of.name, case)
    model = case.build(of)
    model, call = model if isinstance(model, tuple) else (model, model)
    if labels is not None and model is not None:
        return training_step(of, model, call, x, labels)
    x = leaf(of.name, x)
    if labels is None:
        g = cotangent(of.name, call(x))

    def step() -> None:
        out = call(x)
        if labels is None:
            out.backward(g)
        else:
            of.cross_entropy(out, labels).backward()
        forget(of.name, x)
        if model is not None:
            model.zero_grad()

    return step


def training_step(of: Parts, model: Any, call: Any, x: Any, labels: Any) -> Step:
    """Return a whole step with Adam."""
    optimizer = of.adam(model.parameters())

    def step() -> None:
        out = call(x)
        if len(labels.shape) == 2:  # tokens: (N, T, K) to (N T, K)
            classes = out.shape[-1]
            loss = of.cross_entropy(
                flat(of, out, (-1, classes)), flat(of, labels, (-1,))
            )
        else:
            loss = of.cross_entropy(out, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def flat(of: Parts, x: Any, shape: tuple[int, ...]) -> Any:
    """Return an array in another shape."""
    if of.name == "torch":
        return x.reshape(shape)
    import xpnet as xn

    return xn.xp.reshape(x, shape)


def leaf(library: str, x: Any) -> Any:
    """Return an array whose gradient is wanted."""
    if library == "torch":
        return x.requires_grad_()
    import xpnet as xn

    return xn.asarray(x, requires_grad=True)


def cotangent(library: str, out: Any) -> Any:
    """Return random numbers in the shape of an output."""
    import numpy as np

    g = np.random.default_rng(1).standard_normal(tuple(out.shape), dtype=np.float32)
    if library == "torch":
        import torch

        return torch.from_numpy(g)
    import xpnet as xn

    return xn.asarray(g)


def forget(library: str, x: Any) -> None:
    """Set the gradient of an array to None."""
    if library == "torch":
        x.grad = None
    else:
        x._node.grad = None


if __name__ == "__main__":
    _turns.main(__doc__, make, CASES)
