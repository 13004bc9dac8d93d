"""A model in the shape of GPT-2, built from xpnet's parts and from PyTorch's.

One text describes both models, so that they can differ in nothing but the library. The
names of the parameters are those under which GPT-2 is usually published.
"""

from typing import NamedTuple

import numpy as np
import pytest

import xpnet as xn
from xpnet import losses, nn, optim, xp
from xpnet.interop.safetensors import load_file, save_file
from xpnet.nn import functional

torch = pytest.importorskip("torch")

WORDS, CONTEXT, WIDTH, HEADS, LAYERS = 101, 32, 64, 4, 2
TURNED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


class Parts(NamedTuple):
    """What the description needs of a library."""

    nn: object
    linear: object
    attention: object
    reshape: object
    permute: object
    count: object


XPNET = Parts(
    nn,
    nn.Linear,
    functional.scaled_dot_product_attention,
    xp.reshape,
    xp.permute_dims,
    xp.arange,
)
PYTORCH = Parts(
    torch.nn,
    torch.nn.Linear,
    torch.nn.functional.scaled_dot_product_attention,
    torch.reshape,
    torch.permute,
    torch.arange,
)


def gpt2(of):
    """Return a new model of a library's parts."""

    class Attention(of.nn.Module):
        def __init__(self):
            super().__init__()
            self.c_attn = of.linear(WIDTH, 3 * WIDTH)
            self.c_proj = of.linear(WIDTH, WIDTH)

        def forward(self, x):
            count, length, width = x.shape
            packed = self.c_attn(x)
            q, k, v = (
                of.permute(
                    of.reshape(
                        packed[:, :, i * width : (i + 1) * width],
                        (count, length, HEADS, width // HEADS),
                    ),
                    (0, 2, 1, 3),
                )
                for i in range(3)
            )
            out = of.attention(q, k, v, is_causal=True)
            out = of.reshape(of.permute(out, (0, 2, 1, 3)), (count, length, width))
            return self.c_proj(out)

    class Network(of.nn.Module):
        def __init__(self):
            super().__init__()
            self.c_fc = of.linear(WIDTH, 4 * WIDTH)
            self.act = of.nn.GELU(approximate="tanh")
            self.c_proj = of.linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            return self.c_proj(self.act(self.c_fc(x)))

    class Block(of.nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1 = of.nn.LayerNorm(WIDTH)
            self.attn = Attention()
            self.ln_2 = of.nn.LayerNorm(WIDTH)
            self.mlp = Network()

        def forward(self, x):
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class Transformer(of.nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = of.nn.Embedding(WORDS, WIDTH)
            self.wpe = of.nn.Embedding(CONTEXT, WIDTH)
            self.h = of.nn.ModuleList([Block() for _ in range(LAYERS)])
            self.ln_f = of.nn.LayerNorm(WIDTH)

        def forward(self, ids):
            x = self.wte(ids) + self.wpe(of.count(ids.shape[1]))
            for block in self.h:
                x = block(x)
            return self.ln_f(x)

    class GPT2(of.nn.Module):
        def __init__(self):
            super().__init__()
            self.transformer = Transformer()
            self.lm_head = of.nn.Linear(WIDTH, WORDS, bias=False)
            self.lm_head.weight = self.transformer.wte.weight  # one for both

        def forward(self, ids):
            return self.lm_head(self.transformer(ids))

    return GPT2()


class Turned(torch.nn.Module):
    """An affine map with its weight as (in, out), as in the published files."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)
        self.bias = torch.nn.Parameter(torch.randn(outputs) / 10)

    def forward(self, x):
        return x @ self.weight + self.bias


def torch_model(parts=PYTORCH):
    """Return PyTorch's model with weights that are not at their start."""
    torch.manual_seed(0)
    model = gpt2(parts)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape)
    return model


def batch(seed):
    ids = np.random.default_rng(seed).integers(WORDS, size=(4, CONTEXT + 1))
    return ids[:, :-1], ids[:, 1:]


def test_the_names_are_those_of_gpt2():
    names = set(gpt2(XPNET).state_dict())
    assert names == set(torch_model().state_dict())
    assert "transformer.h.1.attn.c_attn.weight" in names
    assert {"transformer.wte.weight", "lm_head.weight"} <= names


def test_its_logits_are_those_of_pytorch():
    theirs, ours = torch_model(), gpt2(XPNET)
    ours.load_state_dict(theirs.state_dict())
    x, _ = batch(0)
    got, want = ours(x), theirs(torch.tensor(x)).detach().numpy()
    assert got.dtype == np.float32
    assert np.abs(want).max() > 1.0
    np.testing.assert_allclose(got.data, want, rtol=0, atol=1e-4)


def test_weights_that_are_published_turned_are_turned_back():
    theirs, ours = torch_model(PYTORCH._replace(linear=Turned)), gpt2(XPNET)
    state = {
        k: v.T if k.endswith(TURNED) else v for k, v in theirs.state_dict().items()
    }
    ours.load_state_dict(state)
    x, _ = batch(1)
    want = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(x).data, want, rtol=0, atol=1e-4)


def test_it_trains_as_in_pytorch():
    theirs, ours = torch_model(), gpt2(XPNET)
    ours.load_state_dict(theirs.state_dict())
    one = torch.optim.AdamW(theirs.parameters(), lr=1e-3)
    two = optim.AdamW(ours.parameters(), lr=1e-3)
    x, y = batch(2)
    curves = [], []
    for _ in range(8):
        logits = theirs(torch.tensor(x))
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, WORDS), torch.tensor(y).reshape(-1)
        )
        one.zero_grad()
        loss.backward()
        one.step()
        curves[0].append(loss.item())
        rows = xp.reshape(ours(x), (-1, WORDS))
        loss = losses.cross_entropy(rows, y.reshape(-1))
        two.zero_grad()
        loss.backward()
        two.step()
        curves[1].append(float(loss))
    np.testing.assert_allclose(curves[1], curves[0], rtol=2e-4)
    assert curves[1][-1] < 0.8 * curves[1][0]
    assert ours.lm_head.weight is ours.transformer.wte.weight


def test_what_is_shared_counts_once_and_is_saved_at_both_names(tmp_path):
    theirs, ours = torch_model(), gpt2(XPNET)
    count = sum(p.numel() for p in theirs.parameters())
    assert ours.num_parameters() == count
    assert sum(1 for _ in ours.parameters()) == len(list(theirs.parameters()))
    state = ours.state_dict()
    np.testing.assert_array_equal(
        state["lm_head.weight"].data, state["transformer.wte.weight"].data
    )
    save_file(state, tmp_path / "model.safetensors")
    again = gpt2(XPNET)
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    x, _ = batch(3)
    np.testing.assert_array_equal(again(x).data, ours(x).data)
    assert again.lm_head.weight is again.transformer.wte.weight


def test_its_gradients_are_those_of_pytorch():
    theirs, ours = torch_model().double(), gpt2(XPNET).to(dtype="float64")
    ours.load_state_dict(theirs.state_dict())
    x, _ = batch(4)
    g = np.random.default_rng(5).normal(size=(*x.shape, WORDS))
    theirs(torch.tensor(x)).backward(torch.tensor(g))
    ours(x).backward(xn.asarray(g))
    got = dict(ours.named_parameters())
    for name, p in theirs.named_parameters():
        want = p.grad.numpy()
        atol = 1e-10 * max(1.0, np.abs(want).max())
        np.testing.assert_allclose(got[name].grad.data, want, rtol=0, atol=atol)
