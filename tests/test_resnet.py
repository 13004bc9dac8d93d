"""A residual network with torchvision's names: trains, and gives PyTorch's numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import xpnet as xn
from xpnet import losses, nn, optim

WIDTHS = (16, 32, 64, 128)


def named_modules(base: Any, **made: Any) -> dict[str, Any]:
    """Return the two classes of a ResNet over `nn` or `torch.nn`, which read alike."""
    lib, concat = made["lib"], made["flatten"]

    class BasicBlock(base):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = lib.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = lib.BatchNorm2d(outputs)
            self.conv2 = lib.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = lib.BatchNorm2d(outputs)
            self.relu = lib.ReLU()
            self.downsample = None
            if stride != 1 or inputs != outputs:
                self.downsample = lib.Sequential(
                    lib.Conv2d(inputs, outputs, 1, stride, bias=False),
                    lib.BatchNorm2d(outputs),
                )

        def forward(self, x: Any) -> Any:
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            skip = x if self.downsample is None else self.downsample(x)
            return self.relu(out + skip)

    class ResNet(base):
        def __init__(self, classes: int = 10) -> None:
            super().__init__()
            self.conv1 = lib.Conv2d(3, WIDTHS[0], 7, 2, 3, bias=False)
            self.bn1 = lib.BatchNorm2d(WIDTHS[0])
            self.relu = lib.ReLU()
            self.maxpool = lib.MaxPool2d(3, 2, 1)
            inputs = WIDTHS[0]
            for i, width in enumerate(WIDTHS, 1):
                stride = 1 if i == 1 else 2
                first = BasicBlock(inputs, width, stride)
                blocks = lib.Sequential(first, BasicBlock(width, width, 1))
                setattr(self, f"layer{i}", blocks)
                inputs = width
            self.avgpool = lib.AdaptiveAvgPool2d(1)
            self.fc = lib.Linear(inputs, classes)

        def forward(self, x: Any) -> Any:
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            for i in range(1, len(WIDTHS) + 1):
                x = getattr(self, f"layer{i}")(x)
            return self.fc(concat(self.avgpool(x), 1))

    return {"block": BasicBlock, "net": ResNet}


@pytest.fixture(scope="module")
def resnet() -> Any:
    return named_modules(nn.Module, lib=nn, flatten=nn.functional.flatten)["net"]


def images(count: int = 8) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 3, 32, 32)).astype(np.float32)
    return x, rng.integers(0, 10, count)


def close(got: Any, want: Any) -> None:
    np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=0, atol=1e-4)


def test_it_has_the_names_of_torchvision(resnet):
    names = set(resnet().state_dict())
    assert {
        "conv1.weight",
        "bn1.running_mean",
        "bn1.num_batches_tracked",
        "layer1.0.conv1.weight",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_var",
        "layer4.1.bn2.bias",
        "fc.bias",
    } <= names
    assert len(names) == 122  # as many as torchvision's resnet18 has


def test_it_trains(resnet):
    model = resnet()
    x, y = map(xn.asarray, images())
    opt = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    found = []
    for _ in range(6):
        loss = losses.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        found.append(loss.item())
    assert found[-1] < 0.5 * found[0]
    assert all(p.grad is not None for p in model.parameters())


def test_weights_of_pytorch_give_its_logits_and_its_gradients(resnet):
    torch = pytest.importorskip("torch")
    theirs = named_modules(torch.nn.Module, lib=torch.nn, flatten=torch.flatten)
    torch.manual_seed(0)
    other, model = theirs["net"](), resnet()
    x, y = images()
    tensor, labels = torch.tensor(x), torch.tensor(y)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.02)
    for _ in range(3):  # so that the statistics are not those of a fresh network
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(other(tensor), labels).backward()
        optimizer.step()
    assert model.load_state_dict(other.state_dict()) == ([], [])
    close(model.eval()(x), other.eval()(tensor))
    logits, expected = model.train()(x), other.train()(tensor)
    close(logits, expected)
    for name, buffer in model.named_buffers():
        if "running" in name:
            close(buffer, other.get_buffer(name))
    optimizer.zero_grad()
    losses.cross_entropy(logits, xn.asarray(y)).backward()
    torch.nn.functional.cross_entropy(expected, labels).backward()
    for name, p in model.named_parameters():
        want = other.get_parameter(name).grad
        scale = max(1.0, float(want.abs().max()))
        close(p.grad / scale, want / scale)
