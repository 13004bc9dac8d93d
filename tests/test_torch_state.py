"""Weights of PyTorch: its dicts, its files, files of safetensors that it wrote."""

import collections
import pickle
import sys

import numpy as np
import pytest

import xpnet as xn
from xpnet import nn, optim
from xpnet.errors import LibraryError, OptionError
from xpnet.interop import safetensors
from xpnet.interop import torch as from_torch

torch = pytest.importorskip("torch")


def theirs(dtype=torch.float32):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3),
        torch.nn.BatchNorm2d(3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(27, 2),
    ).to(dtype)


def mine():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, rng=0),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(27, 2, rng=1),
    )


X = np.random.default_rng(0).normal(size=(4, 1, 5, 5)).astype(np.float32)


def same_output(model, other):
    got = model.eval()(X).data
    with torch.no_grad():
        want = other.float().eval()(torch.tensor(X)).numpy()
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_files_of_safetensors_written_by_pytorch(dtype, tmp_path):
    write = pytest.importorskip("safetensors.torch")
    other = theirs(dtype)
    path = tmp_path / "model.safetensors"
    write.save_file(other.state_dict(), path)
    state = safetensors.load_file(path)
    assert set(state) == set(other.state_dict())
    model = mine()
    assert model.load_state_dict(state) == ([], [])
    assert all(p.dtype == np.float32 for p in model.parameters())
    assert model[1].num_batches_tracked.dtype == np.int64
    same_output(model, other)


def test_every_number_of_bfloat16_is_read(tmp_path):
    write = pytest.importorskip("safetensors.torch")
    bits = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16)
    values = bits.view(torch.bfloat16).reshape(256, 256)
    write.save_file({"a": values, "b": torch.ones(0, 3)}, tmp_path / "x")
    found = safetensors.load_file(tmp_path / "x")
    np.testing.assert_array_equal(found["a"].data, values.float().numpy())
    assert list(found) == ["a", "b"]
    assert found["b"].shape == (0, 3)


def test_types_that_numpy_has_not_are_refused(tmp_path):
    write = pytest.importorskip("safetensors.torch")
    write.save_file({"w": torch.ones(2).to(torch.float8_e4m3fn)}, tmp_path / "x")
    with pytest.raises(OptionError, match="'w' is stored as F8_E4M3, which NumPy does"):
        safetensors.load_file(tmp_path / "x")


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("key", [None, "state_dict", "model", "weights"])
def test_files_of_pytorch(tmp_path, key, old):
    other = theirs()
    held = other.state_dict() if key is None else {key: other.state_dict(), "step": 3}
    path = tmp_path / "model.pt"
    torch.save(held, path, _use_new_zipfile_serialization=not old)
    given = "weights" if key == "weights" else None
    model = mine()
    model.load_state_dict(from_torch.load_file(path, key=given))
    same_output(model, other)
    with pytest.raises(OptionError, match=r"is a file of torch.save, not of safetens"):
        safetensors.load_file(path)


def test_low_types_of_pytorch_files(tmp_path):
    torch.save({"a": torch.ones(3, 2, dtype=torch.bfloat16).T}, tmp_path / "x.pt")
    assert from_torch.load_file(tmp_path / "x.pt")["a"].dtype == np.float32


class Bad:
    """Something that would run code when it is unpickled."""

    def __reduce__(self):
        return print, ("no!",)


def test_files_with_code_in_them_are_refused(tmp_path, capsys):
    torch.save({"a": Bad()}, tmp_path / "x.pt")
    with pytest.raises(OptionError, match="does not read this as tensors alone"):
        from_torch.load_file(tmp_path / "x.pt")
    assert "no!" not in capsys.readouterr().out


def test_tensors_that_numpy_has_not_are_refused(tmp_path):
    path = tmp_path / "low.pt"
    low = torch.ones(2).to(torch.float8_e4m3fn)
    sparse = torch.eye(2).to_sparse()
    for tensor, words in (
        (low, "of torch.float8_e4m3fn"),
        (sparse, "torch.sparse_coo"),
    ):
        torch.save({"w": tensor}, path)
        with pytest.raises(OptionError, match=rf"'w' is a tensor .*{words}"):
            from_torch.load_file(path)
    with pytest.raises(OptionError, match=r"'w' has dtype torch.float8_e4m3fn, which"):
        safetensors.save_file({"w": low}, tmp_path / "low.safetensors")


def test_arrays_of_bfloat16_are_saved_as_float32(tmp_path):
    path = tmp_path / "low.safetensors"
    x = torch.tensor([1.5, 3e38], dtype=torch.bfloat16)
    safetensors.save_file({"w": x}, path)
    np.testing.assert_array_equal(
        safetensors.load_file(path)["w"].data, x.float().numpy()
    )


def test_files_without_a_state_get_a_sentence(tmp_path):
    torch.save({"epoch": 3, "weights": {"a": torch.ones(2)}}, tmp_path / "x.pt")
    with pytest.raises(OptionError, match=r"no named tensors in it; it holds \['epoch"):
        from_torch.load_file(tmp_path / "x.pt")
    with pytest.raises(OptionError, match="no named tensors at 'epoch' in it"):
        from_torch.load_file(tmp_path / "x.pt", key="epoch")


def test_without_pytorch_there_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "x.pt").write_bytes(pickle.dumps({}))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(LibraryError, match="PyTorch is not installed, and only it rea"):
        from_torch.load_file(tmp_path / "x.pt")


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "net.encoder."])
def test_names_with_a_prefix(prefix):
    other, model = theirs(), mine()
    state = {prefix + name: value for name, value in other.state_dict().items()}
    with pytest.raises(
        OptionError, match=f"without '{prefix}': pass prefix='{prefix}'"
    ):
        model.load_state_dict(state)
    state["head.weight"] = torch.ones(3)
    model.load_state_dict(state, prefix=prefix)
    same_output(model, other)
    with pytest.raises(OptionError, match=r"no name begins with 'x\.'; the first is"):
        model.load_state_dict(state, prefix="x.")


def test_names_that_do_not_fit_come_with_the_likely_ones():
    model = nn.Sequential({"head": nn.Linear(2, 2, rng=0), "norm": nn.LayerNorm(2)})
    state = model.state_dict()
    state["heads.weight"] = state.pop("head.weight")
    with pytest.raises(OptionError) as caught:
        model.load_state_dict(state)
    text = str(caught.value)
    assert "missing ['head.weight'], unexpected ['heads.weight']" in text
    assert "Is it 'heads.weight' for 'head.weight'?" in text
    assert text.endswith("Pass strict=False to load the others.")
    report = model.load_state_dict(state, strict=False)
    assert report == (["head.weight"], ["heads.weight"])


def test_many_names_are_cut_short():
    model = nn.ModuleList(nn.Linear(1, 1, rng=0) for _ in range(10))
    with pytest.raises(
        OptionError, match=r"'3.bias', ... 20 in all\], unexpected \[\]"
    ):
        model.load_state_dict({})


def test_tied_weights_of_pytorch_are_loaded():
    other = torch.nn.ModuleDict(
        collections.OrderedDict(
            a=torch.nn.Embedding(5, 3), b=torch.nn.Linear(3, 5, False)
        )
    )
    other["b"].weight = other["a"].weight
    model = nn.ModuleDict({"a": nn.Embedding(5, 3), "b": nn.Linear(3, 5, bias=False)})
    model["b"].weight = model["a"].weight
    model.load_state_dict(other.state_dict())
    np.testing.assert_array_equal(
        model["b"].weight.data, other["a"].weight.detach().numpy()
    )
    assert model["a"].weight is model["b"].weight


def test_a_training_of_pytorch_goes_on_here():
    other = torch.nn.Linear(3, 2)
    opt = torch.optim.AdamW(other.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
    x = torch.tensor(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))

    def step():
        opt.zero_grad()
        (other(x) ** 2).sum().backward()
        opt.step()
        schedule.step()

    for _ in range(5):
        step()
    model = nn.Linear(3, 2, rng=0)
    ours = optim.AdamW(model.parameters(), lr=0.01)
    plan = optim.CosineAnnealingLR(ours, 20)
    model.load_state_dict(other.state_dict())
    ours.load_state_dict(opt.state_dict())
    plan.load_state_dict(schedule.state_dict())
    for _ in range(5):
        step()
        ours.zero_grad()
        xn.xp.sum(model(x.numpy()) ** 2).backward()
        ours.step()
        plan.step()
    want = other.weight.detach().numpy()
    np.testing.assert_allclose(model.weight.data, want, rtol=1e-5)


@pytest.mark.parametrize("channels", [3, None])
def test_a_state_may_lack_the_counts_of_batches(channels):
    other = theirs()
    state = {k: v for k, v in other.state_dict().items() if "num_batches" not in k}
    assert not other.load_state_dict(state).missing_keys
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, rng=0),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(27, 2, rng=1),
    )
    assert model.load_state_dict(state) == ([], [])
    assert int(model[1].num_batches_tracked.data) == 0
    del state["1.running_mean"]
    with pytest.raises(OptionError, match=r"missing .*running_mean"):
        mine().load_state_dict(state)


@pytest.mark.parametrize("state", [[1, 2], "model.pt", None])
def test_a_state_is_a_dict(state):
    with pytest.raises(OptionError, match="the state is a dict of arrays by name"):
        mine().load_state_dict(state)


def test_models_of_pytorch_load_states_from_here():
    model, other = mine(), theirs()
    state = {k: torch.from_dlpack(v) for k, v in model.state_dict().items()}
    assert not any(other.load_state_dict(state))
    found = other.eval()(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(model.eval()(X).data, found, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_the_names_of_an_older_weight_norm_are_known():
    other = torch.nn.Sequential(torch.nn.utils.weight_norm(torch.nn.Conv1d(2, 3, 2)))
    assert "0.weight_g" in other.state_dict()
    model = nn.Sequential(nn.weight_norm(nn.Conv1d(2, 3, 2, rng=0)))
    assert model.load_state_dict(other.state_dict()) == ([], [])
    x = np.random.default_rng(0).normal(size=(2, 2, 5)).astype(np.float32)
    found = other(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(model(x).data, found, rtol=0, atol=1e-6)
