"""Weights survive a file, from and to any device, and a failure leaves no trace."""

import os
import struct

import numpy as np
import pytest
import safetensors.numpy

import xpnet as xn
from libraries import Target
from xpnet import nn
from xpnet.errors import OptionError
from xpnet.interop.safetensors import load_file, load_metadata, save_file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_values_shapes_and_dtypes_come_back(path, dtype, shape):
    value = (np.arange(np.prod(shape, dtype=int)) % 2).reshape(shape).astype(dtype)
    save_file({"x": value}, path)
    back = load_file(path)["x"]
    assert type(back) is xn.Array
    assert back.data.dtype == dtype
    assert back.data.shape == shape
    np.testing.assert_array_equal(back.data, value)


def test_a_model_comes_back(path):
    one, two = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=1)
    save_file(one.state_dict(), path)
    two.load_state_dict(load_file(path))
    assert two.weight.data.tobytes() == one.weight.data.tobytes()
    assert two.bias.data.tobytes() == one.bias.data.tobytes()


def test_arrays_of_every_library_and_device_are_copied_to_the_host(
    target: Target, path
):
    x = target.make(np.asarray([[1.0, 2.0], [3.0, 4.0]]))
    save_file({"x": x}, path)
    np.testing.assert_array_equal(load_file(path)["x"].data, [[1.0, 2.0], [3.0, 4.0]])


def test_parameters_on_the_tape_are_saved(path):
    w = xn.asarray([1.0, 2.0], requires_grad=True)
    save_file({"leaf": w, "computed": w * 2.0}, path)
    back = load_file(path)
    assert back["computed"].tolist() == [2.0, 4.0]
    assert not back["leaf"].requires_grad


@pytest.mark.parametrize(
    "value",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12.0)[::-3],
        np.broadcast_to(np.asarray(2.0), (2, 2)),
        np.asarray([1.5, -2.5], dtype=">f8"),
    ],
    ids=["transposed", "reversed", "broadcast", "big-endian"],
)
def test_any_layout_in_memory_is_saved_as_its_values(path, value):
    save_file({"x": value}, path)
    np.testing.assert_array_equal(load_file(path)["x"].data, value)


def test_other_programs_read_the_file(path):
    save_file({"x": xn.asarray([1.0, 2.0])}, path)
    np.testing.assert_array_equal(safetensors.numpy.load_file(path)["x"], [1.0, 2.0])


def test_metadata_comes_back_and_may_be_missing(path):
    save_file({"x": xn.asarray(1.0)}, path, {"seed": "7"})
    assert load_metadata(path) == {"seed": "7"}
    save_file({"x": xn.asarray(1.0)}, path)
    assert load_metadata(path) == {}


def test_the_same_arrays_and_words_give_the_same_bytes(path):
    words = {f"key {i} é": f'value "{i}"\n' for i in range(20)}
    contents = set()
    for _ in range(3):
        save_file({"b": np.ones(3), "a": np.ones(5, dtype="int8")}, path, words)
        contents.add(path.read_bytes())
    assert len(contents) == 1
    assert load_metadata(path) == words
    assert sorted(load_file(path)) == ["a", "b"]


def test_a_loaded_array_can_be_written_to(path):
    save_file({"x": np.asarray([1.0, 2.0])}, path)
    back = load_file(path, device="cpu")["x"]
    back.data[0] = 5.0
    assert back.tolist() == [5.0, 2.0]


@pytest.mark.parametrize(
    ("state", "metadata"),
    [({1: np.ones(2)}, None), ({"x": np.ones(2)}, {"seed": 7})],
    ids=["name", "metadata"],
)
def test_words_that_are_not_strings_are_refused(path, state, metadata):
    with pytest.raises(OptionError, match="must be strings"):
        save_file(state, path, metadata)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"hello", struct.pack("<Q", 10**12)])
def test_a_file_of_another_format_is_refused_in_one_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(OptionError, match=r"model\.safetensors is not a complete"):
        load_file(path)


def test_a_file_that_was_cut_short_is_refused(path):
    save_file({"x": np.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(OptionError, match="not a complete safetensors file"):
        load_file(path)


def test_a_missing_file_is_a_file_error(path):
    with pytest.raises(FileNotFoundError):
        load_file(path)


def test_a_failed_save_keeps_the_old_file_and_leaves_nothing_else(path, monkeypatch):
    save_file({"x": np.ones(2)}, path)
    before = path.read_bytes()

    def full(source, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_file({"x": np.zeros(2)}, path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link(path):
    goal = path.with_name("goal.safetensors")
    path.symlink_to(goal)
    save_file({"x": np.ones(2)}, path)
    assert path.is_symlink()
    assert goal.exists()
