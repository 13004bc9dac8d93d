"""Mixed precision: what is computed in which type, and the scaler of losses."""

import copy
import importlib
import math
import pathlib
import threading

import numpy as np
import pytest

import xpnet as xn
from contracts import layers as table
from libraries import STRICT_DEVICE1
from xpnet import losses, nn, optim, xp
from xpnet.errors import DTypeError, GradientError, OptionError

torch = pytest.importorskip("torch")

for _path in sorted((pathlib.Path(__file__).parent / "contracts").glob("layers_*.py")):
    importlib.import_module(f"contracts.{_path.stem}")


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


# --- which functions, and their numbers -----------------------------------------------

LOW = {
    "Linear": (lambda n: n.Linear(6, 5), (4, 6)),
    "Linear of many axes": (lambda n: n.Linear(6, 5), (2, 4, 6)),
    "Conv1d": (lambda n: n.Conv1d(3, 4, 3), (2, 3, 8)),
    "Conv2d": (lambda n: n.Conv2d(4, 6, 3, padding=1, groups=2), (2, 4, 6, 6)),
    "ConvTranspose2d": (lambda n: n.ConvTranspose2d(4, 3, 3), (2, 4, 5, 5)),
    "RNN": (lambda n: n.RNN(3, 4), (5, 2, 3)),
    "LSTM": (lambda n: n.LSTM(3, 4), (5, 2, 3)),
    "GRU": (lambda n: n.GRU(3, 4), (5, 2, 3)),
}
HIGH = {
    "LayerNorm": (lambda n: n.LayerNorm(6), (4, 6)),
    "GroupNorm": (lambda n: n.GroupNorm(2, 6), (4, 6)),
}
EPS = {"float16": 2e-3, "bfloat16": 2e-2}


def pair(make):
    """Return a layer of PyTorch and the same here, over PyTorch's arrays."""
    torch.manual_seed(0)
    theirs = make(torch.nn)
    mine = make(nn)
    mine.load_state_dict(theirs.state_dict())
    return mine.to(like=torch.ones(1)), theirs


def first(out):
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", [*LOW, *HIGH])
def test_types_and_numbers_are_those_of_pytorch(name, dtype):
    make, shape = {**LOW, **HIGH}[name]
    mine, theirs = pair(make)
    x = torch.tensor(numbers(*shape))
    leaf = xn.asarray(x, requires_grad=True)
    t = x.clone().requires_grad_()
    with xn.autocast(dtype):
        out = first(mine(leaf))
    want = first(theirs(t))
    if name in HIGH:
        assert out.data.dtype == torch.float32
    else:
        assert out.data.dtype == getattr(torch, dtype)
    total = out._lib.recorded.sum(out._lib.recorded.astype(out, torch.float32))
    total.backward()
    want.sum().backward()
    close(out.data.float(), want, dtype)
    close(leaf.grad.data, t.grad, dtype)
    for (key, p), q in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        assert p.data.dtype == torch.float32
        assert p.grad.data.dtype == torch.float32, key
        close(p.grad.data, q.grad, dtype)


def close(got, want, dtype):
    want = want.detach()
    scale = max(1.0, float(want.abs().max()))
    error = float((got - want).abs().max())
    assert error <= 4 * EPS[dtype] * scale
    assert got.dtype == torch.float32


@pytest.mark.parametrize("name", LOW)
def test_numpy_computes_in_float16(name):
    make, shape = LOW[name]
    layer = make(nn)
    x = xn.asarray(numbers(*shape), requires_grad=True)
    want = first(layer(x))
    with xn.autocast("float16"):
        out = first(layer(x))
    assert out.dtype == np.float16
    np.testing.assert_allclose(out.data, want.data, atol=0.01)
    xp.sum(out).backward()
    assert x.grad.dtype == np.float32
    assert all(p.grad.dtype == np.float32 for p in layer.parameters())


def test_products_are_summed_in_float32():
    x = np.full((1, 4096), 1.0, np.float32)
    layer = nn.Linear(4096, 1, bias=False)
    layer.weight.data[...] = 0.25 + 2.0**-12
    with xn.autocast("float16"):
        out = layer(x)
    # in float16 the sum would stay at the first number whose half spacing is 1/4
    assert out.item() == pytest.approx(1025.0, abs=1.0)


def test_attention_is_low_and_its_softmax_is_not():
    q = xn.asarray(torch.tensor(numbers(2, 2, 5, 8)), requires_grad=True)
    with xn.autocast("float16"):
        out = nn.functional.scaled_dot_product_attention(q, q, q)
    want = torch.nn.functional.scaled_dot_product_attention(q.data, q.data, q.data)
    assert out.data.dtype == torch.float16
    close(out.data.float(), want, "float16")
    out._lib.recorded.sum(out).backward()
    assert q.grad.data.dtype == torch.float32


def test_softmax_and_losses_are_in_float32():
    x = xn.asarray(numbers(4, 3).astype(np.float16), requires_grad=True)
    with xn.autocast("float16"):
        assert nn.functional.softmax(x).dtype == np.float32
        assert nn.functional.log_softmax(x).dtype == np.float32
        assert nn.functional.relu(x).dtype == np.float16
        assert losses.cross_entropy(x, np.array([0, 1, 2, 0])).dtype == np.float32
        assert losses.mean_squared_error(x, numbers(4, 3)).dtype == np.float32
    assert nn.functional.softmax(x).dtype == np.float16


def trained(dtype):
    model = nn.Sequential(nn.Linear(3, 16, rng=0), nn.Tanh(), nn.Linear(16, 1, rng=1))
    opt = optim.Adam(model.parameters(), lr=0.01)
    scaler = optim.GradScaler(enabled=dtype is not None)
    x = numbers(64, 3)
    y = np.sin(x[:, :1])
    for _ in range(60):
        with xn.autocast(dtype or "float16", enabled=dtype is not None):
            loss = losses.mean_squared_error(model(x), y)
        opt.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(opt)
        scaler.update()
    return loss.item()


def test_a_model_trains_in_mixed_precision_as_in_float32():
    assert trained("float16") == pytest.approx(trained(None), rel=0.05)


# --- the context ----------------------------------------------------------------------


def kind(layer, dtype=np.float32):
    return layer(np.ones((1, 2), dtype)).dtype


def test_blocks_nest_and_end():
    layer = nn.Linear(2, 2, rng=0)
    outer = xn.autocast("float16")
    with outer:
        assert kind(layer) == np.float16
        with xn.autocast("float16", enabled=False):
            assert kind(layer) == np.float32
            with outer:
                assert kind(layer) == np.float16
            assert kind(layer) == np.float32
        assert kind(layer) == np.float16
    assert kind(layer) == np.float32
    with pytest.raises(ZeroDivisionError), outer:
        raise ZeroDivisionError
    assert kind(layer) == np.float32


def test_it_decorates():
    layer = nn.Linear(2, 2, rng=0)

    @xn.autocast("float16")
    def run():
        return kind(layer)

    assert run() == np.float16
    assert kind(layer) == np.float32


def test_it_belongs_to_its_thread():
    layer, seen = nn.Linear(2, 2, rng=0), []
    with xn.autocast("float16"):
        thread = threading.Thread(target=lambda: seen.append(kind(layer)))
        thread.start()
        thread.join()
    assert seen == [np.float32]


def test_float64_is_left_alone():
    layer = nn.Linear(2, 2, rng=0)
    with xn.autocast("float16"):
        assert kind(layer.to(dtype="float64"), np.float64) == np.float64


def test_a_sequential_computes_what_its_layers_compute():
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.ReLU(), nn.Linear(3, 2, rng=1))
    x = numbers(4, 2)
    with xn.autocast("float16"):
        got = model(x)
        want = x
        for layer in model:
            want = layer(want)
    assert got.dtype == np.float16
    assert got.data.tobytes() == want.data.tobytes()


def test_a_checkpoint_runs_again_in_the_same_types():
    grads = []
    for wrap in (xn.checkpoint, lambda f: f):
        layer = nn.Linear(3, 3, rng=0)
        with xn.autocast("float16"):
            out = wrap(lambda x, layer=layer: layer(layer(x)))(
                xn.asarray(numbers(4, 3))
            )
        assert out.dtype == np.float16
        xp.sum(out).backward()
        grads.append(layer.weight.grad.data)
    assert grads[0].tobytes() == grads[1].tobytes()


def test_dtypes_are_taken_for_their_names():
    kinds = ("float16", np.float16, np.dtype("float16"))
    assert [xn.autocast(kind).dtype for kind in kinds] == ["float16"] * 3
    assert xn.autocast(torch.bfloat16).dtype == "bfloat16"
    with pytest.raises(
        OptionError, match=r"not torch\.float32\. To compute in float32"
    ):
        xn.autocast(torch.float32)


def test_unknown_types_get_a_sentence():
    with pytest.raises(OptionError, match="'float16' or 'bfloat16', not 'float8'"):
        xn.autocast("float8")
    layer = nn.Linear(2, 2, rng=0)
    with (
        xn.autocast("bfloat16"),
        pytest.raises(DTypeError, match="numpy has no bfloat16; PyTorch and JAX have"),
    ):
        kind(layer)
    x = STRICT_DEVICE1.make(np.ones((1, 2), np.float32))
    layer.to(like=x)
    with (
        xn.autocast("float16"),
        pytest.raises(DTypeError, match="array_api_strict has no float16"),
    ):
        layer(x)


# --- the scaler -----------------------------------------------------------------------


def run_both(gradients, **options):
    """Give both scalers the same gradients; return the scales and the parameters."""
    mine = xn.asarray(np.ones(3, np.float32), requires_grad=True)
    theirs = torch.ones(3, requires_grad=True)
    one = optim.SGD([mine], lr=0.1, momentum=0.9)
    two = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    a = optim.GradScaler(**options)
    b = torch.amp.GradScaler("cpu", **options)
    found = []
    for g in gradients:
        one.zero_grad()
        two.zero_grad()
        a.scale(xp.sum(mine * np.float32(g))).backward()
        b.scale((theirs * torch.tensor(g, dtype=torch.float32)).sum()).backward()
        a.step(one)
        b.step(two)
        a.update()
        b.update()
        found.append((a.get_scale(), b.get_scale()))
        np.testing.assert_allclose(mine.data, theirs.detach().numpy(), rtol=1e-6)
    assert a.state_dict() == pytest.approx(b.state_dict(), rel=1e-5)
    return found


def test_scales_and_skipped_steps_are_those_of_pytorch():
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=40)
    gradients[[3, 11, 12, 30]] = [np.inf, np.nan, -np.inf, np.inf]
    found = run_both(gradients, init_scale=4.0, growth_interval=3)
    assert [x for x, _ in found] == [y for _, y in found]
    assert len({x for x, _ in found}) > 4
    found = run_both(
        gradients, init_scale=3.0, growth_factor=3.0, backoff_factor=0.1,
        growth_interval=2,
    )  # fmt: skip
    assert [x for x, _ in found] == pytest.approx([y for _, y in found], rel=1e-5)


def test_states_are_saved_and_loaded_here_and_from_pytorch():
    one = optim.GradScaler(8.0, growth_interval=2)
    p = xn.asarray([1.0], requires_grad=True)
    opt = optim.SGD([p], lr=0.1)
    p.grad = xn.asarray([1.0])
    one.step(opt)
    one.update()
    two = optim.GradScaler()
    two.load_state_dict(one.state_dict())
    assert two.state_dict() == one.state_dict()
    two.load_state_dict(torch.amp.GradScaler("cpu", init_scale=5.0).state_dict())
    assert two.get_scale() == 5.0
    with pytest.raises(OptionError, match="there is no"):
        two.load_state_dict({"scale": 1.0})


def test_unscale_lets_one_clip():
    p = xn.asarray([3.0], requires_grad=True)
    opt, scaler = optim.SGD([p], lr=1.0), optim.GradScaler()
    scaler.scale(xp.sum(p * 10.0)).backward()
    scaler.unscale_(opt)
    assert p.grad.item() == 10.0
    optim.clip_grad_value_([p], 1.0)
    scaler.step(opt)
    scaler.update()
    assert p.item() == 2.0


def test_containers_of_losses_are_scaled():
    scaler = optim.GradScaler(2.0)
    out = scaler.scale({"a": xn.asarray(3.0), "b": [xn.asarray(1.0)]})
    assert out["a"].item() == 6.0
    assert out["b"][0].item() == 2.0


def test_a_scaler_that_is_off_does_nothing():
    p = xn.asarray([3.0], requires_grad=True)
    opt, scaler = optim.SGD([p], lr=1.0), optim.GradScaler(enabled=False)
    loss = xp.sum(p)
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(opt)
    scaler.step(opt)
    scaler.update()
    assert p.item() == 2.0
    assert scaler.get_scale() == 1.0
    assert not scaler.is_enabled()
    assert scaler.state_dict() == {}


def test_steps_out_of_order_get_a_sentence():
    p = xn.asarray([3.0], requires_grad=True)
    opt, scaler = optim.SGD([p], lr=1.0), optim.GradScaler()
    with pytest.raises(GradientError, match="there was no step"):
        scaler.update()
    with pytest.raises(GradientError, match="no parameter of the optimizer has a gra"):
        scaler.step(opt)
    p.grad = xn.asarray([1.0])
    scaler.unscale_(opt)
    with pytest.raises(GradientError, match="are unscaled already"):
        scaler.unscale_(opt)
    scaler.step(opt)
    with pytest.raises(GradientError, match="has stepped already"):
        scaler.step(opt)
    with pytest.raises(OptionError, match="growth_factor above 1"):
        optim.GradScaler(growth_factor=1.0)
    for scale in (math.inf, "large"):
        with pytest.raises(OptionError, match="init_scale is above 0"):
            optim.GradScaler(init_scale=scale)
    with pytest.raises(OptionError, match="growth_interval is an integer"):
        optim.GradScaler(growth_interval=0)


def test_a_scaler_refuses_a_closure():
    p = xn.asarray([3.0], requires_grad=True)
    opt, scaler = optim.SGD([p], lr=1.0), optim.GradScaler()

    def closure():
        loss = (p * p)[0]
        scaler.scale(loss).backward()
        return loss

    with pytest.raises(OptionError, match="a closure computes gradients"):
        scaler.step(opt, closure)
    assert p.tolist() == [3.0]
    loss = optim.GradScaler(enabled=False).step(opt, closure)
    assert loss.item() == 9.0


def test_low_parameters_are_refused():
    p = xn.asarray(np.ones(3, np.float16), requires_grad=True)
    opt = optim.SGD([p], lr=1.0)
    p.grad = xn.asarray(np.ones(3, np.float16))
    with pytest.raises(DTypeError, match="a gradient is float16, and so is its param"):
        optim.GradScaler().step(opt)


def test_a_copied_model_is_not_part_of_it():
    model = nn.Linear(2, 2, rng=0)
    with xn.autocast("float16"):
        kind(model)
        other = copy.deepcopy(model)
    assert other.weight.dtype == np.float32


# --- every layer ----------------------------------------------------------------------

MODULES = {
    name: line
    for name, line in table.LAYERS.items()
    if isinstance(line.make(), nn.Module)
}


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("line", [pytest.param(v, id=k) for k, v in MODULES.items()])
def test_every_layer_computes_about_the_same(line, library):
    outs = []
    options = dict(line.options)
    if library == "torch":
        masks = {k: v for k, v in options.items() if isinstance(v, np.ndarray)}
        options |= {k: torch.tensor(v) for k, v in masks.items()}
    for enabled in (False, True):
        layer = line.made("float32")
        given = line.arrays("float32")
        if library == "torch":
            given = [None if a is None else torch.tensor(a) for a in given]
            layer.to(like=torch.ones(1))
        real = [x is not None and "float" in str(x.dtype) for x in given]
        inputs = [
            None if x is None else xn.asarray(x, requires_grad=r)
            for x, r in zip(given, real, strict=True)
        ]
        with xn.autocast("float16", enabled=enabled):
            found = table.flat(layer(*inputs, **options))
        outs.append([table.as_numpy(x).astype(np.float64) for x in found])
        grown = [x for x in found if x._node is not None]
        for x in grown:
            total = x._lib.recorded.sum(x)
            total.backward(retain_graph=True)
        for p in layer.parameters():
            assert p.grad is None or p.grad.dtype == p.dtype
        for x in inputs:
            assert x is None or x.grad is None or x.grad.dtype == x.dtype
    for a, b in zip(*outs, strict=True):
        np.testing.assert_allclose(b, a, rtol=0.02, atol=0.02)
