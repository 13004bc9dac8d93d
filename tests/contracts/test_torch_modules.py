"""PyTorch's own database of modules: what it tests itself with, xpnet computes alike.

It lives in a private module of PyTorch and needs the package expecttest; without either
these tests skip.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from contracts.layers import as_numpy, flat, numbers
from xpnet import nn

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's test data needs expecttest")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    modules = pytest.importorskip("torch.testing._internal.common_modules")

INFOS = {
    info.module_cls.__name__: info
    for info in modules.module_db
    if hasattr(nn, info.module_cls.__name__)
}
NOT_OURS = {
    "Softplus": lambda args, given: (
        len(args) > 1
    ),  # no threshold: docs/nn/activation.md
    "Softmax": lambda args, given: not given[0].ndim,  # no axes, and so no axis 0
    "LogSoftmax": lambda args, given: not given[0].ndim,
    "Softmin": lambda args, given: not given[0].ndim,
}
"""Cases that differ on purpose."""


def converted(value: Any) -> Any:
    """Return tensors as NumPy arrays, and PyTorch's functions and layers as ours."""
    if isinstance(value, torch.Tensor):
        return value.detach().numpy().copy()
    if isinstance(value, (list, tuple)):
        return type(value)(converted(x) for x in value)
    if isinstance(value, dict):
        return {k: converted(x) for k, x in value.items()}
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return encoder_layer(value)
    theirs, ours = torch.nn.functional, nn.functional
    named = {theirs.gelu: ours.gelu, theirs.relu: ours.relu}
    return named.get(value, value) if callable(value) else value


def encoder_layer(layer: Any) -> nn.Module:
    attention = layer.self_attn
    return nn.TransformerEncoderLayer(
        attention.embed_dim,
        attention.num_heads,
        layer.linear1.out_features,
        layer.dropout.p,
        converted(layer.activation),
        layer.norm1.eps,
        attention.batch_first,
        layer.norm_first,
        layer.linear1.bias is not None,
    )


def options_of(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a constructor in our names, without those of devices."""
    kept = {
        k: converted(v)
        for k, v in options.items()
        if k not in ("device", "dtype", "inplace")
    }
    if "dim" in kept:
        kept["axis"] = kept.pop("dim")
    return kept


def draws(module: Any) -> bool:
    """Tell whether a module of PyTorch's draws random numbers in training."""
    parts = list(module.modules())
    return module.training and any(
        ("Dropout" in type(part).__name__ and part.p > 0)
        or type(part).__name__ == "RReLU"
        or (isinstance(getattr(part, "dropout", None), float) and part.dropout > 0)
        for part in parts
    )  # fmt: skip


def cases(name: str, training: bool) -> Iterator[tuple[Any, Any, Any]]:
    """Return pairs of modules with the same weights, and the inputs of a call."""
    info = INFOS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = info.module_inputs_func(
            info,
            device="cpu",
            dtype=torch.float64,
            requires_grad=True,
            training=training,
        )
        for given in found:
            made = given.constructor_input
            args, options = made.args, made.kwargs
            if given.forward_input is None or not given.forward_input.args:
                continue
            if NOT_OURS.get(name, lambda *_: False)(args, given.forward_input.args):
                continue
            theirs = info.module_cls(*args, **options).double().train(training)
            ours = getattr(nn, name)(*converted(args), **options_of(options))
            ours.to(dtype="float64").train(training)
            ours.load_state_dict(theirs.state_dict())
            yield ours, theirs, given.forward_input


def summed(outs: list[Any], sum_of: Any, make: Any) -> Any:
    total = 0.0
    for i, out in enumerate(outs):
        total = total + sum_of(out * make(numbers(tuple(out.shape), seed=7 + i)))
    return total


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, about its own fast paths
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", INFOS)
def test_a_module_computes_what_pytorchs_does(name, training):
    ran = 0
    for ours, theirs, call in cases(name, training):
        expected = flat(theirs(*call.args, **call.kwargs))
        inputs = [
            xn.asarray(converted(x), requires_grad=x.requires_grad)
            if isinstance(x, torch.Tensor)
            else converted(x)
            for x in call.args
        ]
        outs = flat(ours(*inputs, **converted(call.kwargs)))
        assert [x.shape for x in outs] == [tuple(t.shape) for t in expected]
        ran += 1
        if draws(theirs):
            continue
        for got, want in zip(outs, expected, strict=True):
            equal(got, want)
        grown = [i for i, t in enumerate(expected) if t.requires_grad]
        if not grown:
            continue
        summed([expected[i] for i in grown], torch.sum, torch.tensor).backward()
        summed([outs[i] for i in grown], xn.xp.sum, xn.asarray).backward()
        for x, t in zip(inputs, call.args, strict=True):
            if isinstance(t, torch.Tensor) and t.grad is not None:
                equal(x.grad, t.grad)
        named = dict(ours.named_parameters())
        for key, p in theirs.named_parameters():
            if p.grad is not None:
                equal(named[key].grad, p.grad)
    assert ran


def equal(got: Any, want: Any) -> None:
    np.testing.assert_allclose(as_numpy(got), as_numpy(want), rtol=1e-8, atol=1e-10)
