"""Every layer keeps its contract: PyTorch's numbers, every library, every order."""

from __future__ import annotations

import copy
import importlib
import inspect
import pathlib
import pickle
from typing import Any

import numpy as np
import pytest

import xpnet as xn
from contracts.layers import LAYERS, Layer, as_numpy, flat, numbers
from libraries import CUPY, NUMPY, STRICT_DEVICE1, TORCH, Target, host, parameters
from xpnet import nn
from xpnet.errors import ShapeError
from xpnet.interop.safetensors import load_file, save_file
from xpnet.kernels.twin import twins_off

for _path in sorted(pathlib.Path(__file__).parent.glob("layers_*.py")):
    importlib.import_module(f"contracts.{_path.stem}")

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}
OTHERS = (STRICT_DEVICE1, TORCH, CUPY)
MANY = 60
"""Up to so many numbers, each has its finite difference; beyond, random directions."""
each_layer = pytest.mark.parametrize(
    "layer", [pytest.param(line, id=name) for name, line in LAYERS.items()]
)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def selected(condition: Any) -> Any:
    """Return a mark for the lines that satisfy a condition."""
    chosen = [pytest.param(v, id=k) for k, v in LAYERS.items() if condition(v)]
    return pytest.mark.parametrize("layer", chosen)


def close(got: Any, want: Any, dtype: str, what: str = "") -> None:
    """Compare within the tolerance of the dtype, relative to the largest number."""
    got, want = as_numpy(got), as_numpy(want)
    assert got.shape == want.shape, what
    finite = np.abs(want[np.isfinite(want)]) if want.dtype.kind in "fc" else want
    scale = max(1.0, float(np.max(finite, initial=0.0)))
    atol = TOLERANCE[dtype] * scale
    np.testing.assert_allclose(got, want, rtol=0, atol=atol, err_msg=what)


def leaves(module: Any) -> list[xn.Array]:
    return list(module.parameters()) if isinstance(module, nn.Module) else []


def buffers(module: Any) -> list[xn.Array]:
    return list(module.buffers()) if isinstance(module, nn.Module) else []


def backward(outs: list[Any], sum_of: Any, cotangents: list[Any]) -> None:
    """Go back from the sum of all outputs, each under its random cotangent."""
    total = None
    for out, w in zip(outs, cotangents, strict=True):
        part = sum_of(out * w)
        total = part if total is None else total + part
    total.backward()


class Ran:
    """A layer that ran on a library, forward and backward, and what came of it."""

    def __init__(self, layer: Layer, target: Target, dtype: str) -> None:
        self.module = layer.made(dtype)
        arrays = layer.arrays(dtype)
        self.inputs = [
            None if a is None else target.make(a, requires_grad=a.dtype.kind == "f")
            for a in arrays
        ]
        first = next(x for x in self.inputs if x is not None)
        if isinstance(self.module, nn.Module) and target is not NUMPY:
            self.module.to(like=first)
        options = placed(layer.keywords(dtype), target)
        self.outs = flat(self.module(*self.inputs, **options))
        weights = [numbers(x.shape, dtype, seed=7 + i) for i, x in enumerate(self.outs)]
        made = [target.make(w) for w in weights]
        recorded = [(o, w) for o, w in zip(self.outs, made, strict=True) if grows(o)]
        if recorded:
            outs, made = zip(*recorded, strict=True)
            backward(list(outs), first._lib.recorded.sum, list(made))

    def results(self) -> dict[str, Any]:
        """Return outputs, gradients and buffers by name."""
        found = {f"output {i}": x for i, x in enumerate(self.outs)}
        for i, x in enumerate(self.inputs):
            if x is not None and x.requires_grad:
                found[f"gradient of input {i}"] = x.grad
        if isinstance(self.module, nn.Module):
            for name, p in self.module.named_parameters():
                found[f"gradient of {name}"] = p.grad
            found |= {f"buffer {k}": v for k, v in self.module.named_buffers()}
        return found


def placed(options: dict[str, Any], target: Target) -> dict[str, Any]:
    """Return keyword arguments with the arrays among them made by a library."""
    return {
        k: target.make(v) if isinstance(v, np.ndarray) else v
        for k, v in options.items()
    }


def grows(out: xn.Array) -> bool:
    return out._node is not None


def compared(got: dict[str, Any], want: dict[str, Any], dtype: str) -> None:
    assert got.keys() == want.keys()
    for name, value in want.items():
        if value is None or got[name] is None:
            assert value is None or not as_numpy(value).any(), name
            assert got[name] is None or not as_numpy(got[name]).any(), name
        else:
            close(got[name], value, dtype, name)


def test_every_layer_has_a_line():
    classes = {
        c
        for c in map(nn.__dict__.get, nn.__all__)
        if inspect.isclass(c) and not inspect.isabstract(c)
    }
    made = [line.make() for line in LAYERS.values()]
    reached = {
        type(part) for m in made if isinstance(m, nn.Module) for part in m.modules()
    }
    assert not classes - reached


@each_layer
@each_dtype
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported:UserWarning")
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch's
def test_it_equals_that_of_pytorch(layer, dtype):
    torch = pytest.importorskip("torch")
    if not layer.torch:
        pytest.skip(layer.why)
    names = {**vars(torch.nn), "torch": torch, "F": torch.nn.functional}
    theirs = eval(layer.torch, names)
    module = layer.made(dtype)
    if isinstance(theirs, torch.nn.Module):
        theirs = theirs.to(getattr(torch, dtype)).train(layer.train)
        with torch.no_grad():  # what is 0 or 1 at first would hide what is missing
            for i, p in enumerate(theirs.parameters()):
                p += 0.1 * torch.tensor(numbers(tuple(p.shape), dtype, seed=50 + i))
        state = theirs.state_dict()
        state = {k: v.clone() for k, v in state.items()}
        module.load_state_dict(layer.rename(state) if layer.rename else state)
    mine, yours = [], []
    for a in layer.arrays(dtype):
        real = a is not None and a.dtype.kind == "f"
        mine.append(None if a is None else xn.asarray(a, requires_grad=real))
        yours.append(None if a is None else torch.tensor(a, requires_grad=real))
    tensors = {
        k: torch.tensor(v) if isinstance(v, np.ndarray) else v
        for k, v in layer.keywords(dtype, layer.theirs).items()
    }
    outs = flat(module(*mine, **layer.keywords(dtype)))
    expected = flat(theirs(*yours, **tensors))
    assert len(outs) == len(expected)
    for i, (got, want) in enumerate(zip(outs, expected, strict=True)):
        close(got, want, dtype, f"output {i}")
    weights = [numbers(x.shape, dtype, seed=7 + i) for i, x in enumerate(outs)]
    recorded = [i for i, out in enumerate(outs) if grows(out)]
    assert recorded == [i for i, t in enumerate(expected) if t.requires_grad]
    if recorded:
        chosen = [weights[i] for i in recorded]
        ours = [outs[i] for i in recorded]
        backward(ours, xn.xp.sum, [xn.asarray(w) for w in chosen])
        others = [expected[i] for i in recorded]
        backward(others, torch.sum, [torch.tensor(w) for w in chosen])
    got = {f"input {i}": x.grad for i, x in enumerate(mine) if x is not None}
    want = {f"input {i}": x.grad for i, x in enumerate(yours) if x is not None}
    if isinstance(theirs, torch.nn.Module):
        gradients = {n: p.grad for n, p in theirs.named_parameters()}
        got |= {n: p.grad for n, p in module.named_parameters()}
        want |= layer.rename(gradients) if layer.rename else gradients
        got |= {f"buffer {n}": b for n, b in module.named_buffers()}
        kept = {f"buffer {n}": b for n, b in theirs.named_buffers()}
        want |= {k: v for k, v in kept.items() if k in got}
    compared(got, want, dtype)


@each_layer
@each_dtype
@pytest.mark.parametrize("other", parameters(OTHERS))
def test_it_computes_the_same_on_every_library(layer, other, dtype):
    other.skip_unless_here()
    reference = Ran(layer, NUMPY, dtype)
    with other.flags():
        there = Ran(layer, other, dtype)
    compared(there.results(), reference.results(), dtype)
    first = next(x for x in there.inputs if x is not None)
    for out, want in zip(there.outs, reference.outs, strict=True):
        assert out.device == first.device
        assert str(out.dtype).rpartition(".")[2] == str(want.dtype)
    assert [x.shape for x in there.outs] == layer.outs


@each_layer
@each_dtype
def test_its_twins_change_nothing(layer, dtype):
    fast = Ran(layer, NUMPY, dtype)
    with twins_off():
        plain = Ran(layer, NUMPY, dtype)
    compared(fast.results(), plain.results(), dtype)
    for got, want in zip(fast.outs, plain.outs, strict=True):
        assert got.dtype == want.dtype
        if dtype == "float32" and want.dtype.kind == "f":
            assert got.dtype == np.float32


@each_layer
def test_it_leaves_its_input_alone_and_gives_the_same_bits_twice(layer):
    runs = []
    for _ in range(2):
        ran = Ran(layer, NUMPY, "float32")
        for x, given in zip(ran.inputs, layer.arrays("float32"), strict=True):
            assert x is None or x.data.tobytes() == given.tobytes()
        runs.append([as_numpy(x).tobytes() for x in ran.outs])
    assert runs[0] == runs[1]


@selected(lambda line: line.smooth)
def test_its_derivatives_are_right_to_second_order(layer):
    module = layer.made()
    arrays = layer.arrays()
    given_real = [i for i, a in enumerate(arrays) if a is not None and real(a)]

    def total(*given: Any) -> Any:
        weights, xs = given[: len(own)], given[len(own) :]
        taken: list[Any] = list(arrays)
        for i, x in zip(given_real, xs, strict=True):
            taken[i] = x
        called = module.tree_rebuild(list(weights)) if own else module
        outs = flat(called(*taken, **layer.options))
        outs = [x for x in outs if "float" in str(x.dtype)]  # places are integers
        flatten = outs[0]._lib.recorded.reshape
        return outs[0]._lib.recorded.concat([flatten(x, (-1,)) for x in outs])

    own = [p.data for p in leaves(module)]
    kept = [b.data.copy() for b in buffers(module)]
    points = [*own, *[arrays[i] for i in given_real]]
    if sum(x.size for x in points) <= MANY:
        xn.check_grads(total, *points, order=2)
    else:
        along = [numbers((x.size, 8), seed=90 + i) for i, x in enumerate(points)]

        def moved(s: Any) -> Any:
            pairs = zip(points, along, strict=True)
            return total(*[x + xn.xp.reshape(d @ s, x.shape) for x, d in pairs])

        xn.check_grads(moved, np.zeros(8), order=2)
    assert layer.train or all(
        (a == b.data).all() for a, b in zip(kept, buffers(module), strict=True)
    )


def first_real(layer: Layer) -> int:
    """Return which input is the first of real numbers, or -1."""
    arrays = layer.arrays()
    return next((i for i, a in enumerate(arrays) if a is not None and real(a)), -1)


def real(a: Any) -> bool:
    return bool(a.dtype.kind == "f")


@selected(lambda line: line.smooth and first_real(line) >= 0)
def test_its_whole_jacobian_agrees_with_products(layer):
    module, arrays = layer.made(), layer.arrays()
    at = first_real(layer)

    def first_output(x: Any) -> Any:
        inputs = [*arrays[:at], x, *arrays[at + 1 :]]
        return flat(module(*inputs, **layer.options))[0]

    if isinstance(module, nn.Module):
        module.freeze()
    x = arrays[at]
    out, pull = xn.vjp(first_output, x)
    if out.size * x.size > 2000:
        pytest.skip("the Jacobian is large; smaller lines of the same layer are there")
    g, t = numbers(out.shape, seed=11), numbers(x.shape, seed=12)
    rows = (out.size, x.size)
    for mode in ("reverse", "forward"):
        whole = np.reshape(xn.jacobian(first_output, mode=mode)(x), rows)
        close(np.reshape(g.ravel() @ whole, x.shape), pull(g)[0], "float64", mode)
        pushed = xn.jvp(first_output, (x,), (t,))[1]
        close(np.reshape(whole @ t.ravel(), out.shape), pushed, "float64", mode)


@selected(lambda line: line.batch is not None)
def test_a_batch_is_a_loop_over_examples(layer):
    module, arrays = layer.made(), layer.arrays()
    axes = dict(enumerate(layer.batch))
    whole = flat(module(*arrays, **layer.options))
    at = layer.out_batch
    outs = [at] * len(whole) if isinstance(at, int) else list(at)
    count = next(arrays[i].shape[k] for i, k in axes.items() if k is not None)
    for n in range(count):
        one = [
            a if axes.get(i) is None else np.take(a, [n], axis=axes[i])
            for i, a in enumerate(arrays)
        ]
        alone = flat(module(*one, **layer.options))
        for got, all_of_them, axis in zip(alone, whole, outs, strict=True):
            close(got, np.take(host(all_of_them), [n], axis=axis), "float64", f"{n}")


@selected(lambda line: line.batch is not None and line.empty)
@pytest.mark.parametrize("other", parameters((NUMPY, STRICT_DEVICE1, TORCH)))
def test_it_takes_a_batch_of_none(layer, other):
    other.skip_unless_here()
    module = layer.made()
    axes = dict(enumerate(layer.batch))
    arrays = [
        a if axes.get(i) is None else np.take(a, [], axis=axes[i])
        for i, a in enumerate(layer.arrays())
    ]
    inputs = [
        None if a is None else other.make(a, requires_grad=a.dtype.kind == "f")
        for a in arrays
    ]
    first = next(x for x in inputs if x is not None)
    if isinstance(module, nn.Module) and other is not NUMPY:
        module.to(like=first)
    with other.flags():
        outs = flat(module(*inputs, **placed(layer.options, other)))
        at = layer.out_batch
        for out, shape, axis in zip(
            outs,
            layer.outs,
            [at] * len(outs) if isinstance(at, int) else at,
            strict=True,
        ):
            assert out.shape == (*shape[:axis], 0, *shape[axis + 1 :])
        grown = [x for x in outs if grows(x)]
        if grown:
            backward(grown, first._lib.recorded.sum, [x.detach() for x in grown])
    for x in inputs:
        if x is not None and x.requires_grad and x.grad is not None:
            assert x.grad.shape == x.shape
            assert np.isfinite(host(x.grad)).all()
    for p in leaves(module):
        assert p.grad is None or not host(p.grad).any()


@each_layer
def test_it_is_saved_and_loaded_with_the_same_bits(layer, tmp_path):
    module = layer.make()
    if not isinstance(module, nn.Module):
        assert callable(pickle.loads(pickle.dumps(module)))
        return
    module.eval()
    for i, p in enumerate(module.parameters()):
        p.data[...] += 0.1 * numbers(p.shape, "float32", seed=60 + i)
    save_file(module.state_dict(), tmp_path / "layer.safetensors")
    fresh = layer.make().eval()
    report = fresh.load_state_dict(load_file(tmp_path / "layer.safetensors"))
    assert report == ([], [])
    inputs = layer.arrays("float32")
    want = flat(module(*inputs, **layer.options))
    for again in (fresh, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert repr(again) == repr(module)
        for a, b in zip(flat(again(*inputs, **layer.options)), want, strict=True):
            assert as_numpy(a).tobytes() == as_numpy(b).tobytes()
        for p, q in zip(again.parameters(), module.parameters(), strict=True):
            assert not np.shares_memory(p.data, q.data)


@each_layer
def test_it_trains_and_evaluates(layer):
    module = layer.make()
    if not isinstance(module, nn.Module):
        return
    inputs = layer.arrays("float32")
    for training in (True, False):
        module.train(training)
        assert all(part.training is training for part in module.modules())
        outs = flat(module(*inputs, **layer.options))
        assert [x.shape for x in outs] == layer.outs
    again = flat(module(*inputs, **layer.options))
    for a, b in zip(outs, again, strict=True):
        assert as_numpy(a).tobytes() == as_numpy(b).tobytes()


@selected(lambda line: line.wrong)
def test_wrong_shapes_get_a_sentence(layer):
    for inputs, pattern in layer.wrong:
        module = layer.made()
        with pytest.raises(ShapeError, match=pattern) as caught:
            module(*layer.arrays(inputs=inputs), **layer.options)
        assert str(caught.value).rstrip().endswith(".")


@selected(lambda line: line.shown)
def test_its_repr_is_frozen(layer):
    assert repr(layer.made()) == layer.shown


@each_layer
def test_it_is_documented(layer):
    made = layer.make()
    kind = type(made) if isinstance(made, nn.Module) else made
    assert ">>> " in (kind.__doc__ or "")
    if isinstance(made, nn.Module):
        assert kind.__final__
        assert kind.__doc__ != nn.Module.__doc__
