"""The wire: frames come back from their bytes, requests are JSON objects."""

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xpnet.errors import DTypeError, OptionError
from xpnet.lab.wire import MAX_REQUEST, Frame, decode, encode, parse

DTYPES = ("float32", "float64", "uint8", "int32")

finite = st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text()
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(
        dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
frames = st.builds(
    Frame,
    st.dictionaries(st.text().filter(lambda key: key != "arrays"), values),
    st.dictionaries(st.text(), arrays, max_size=4),
)


@settings(max_examples=60, deadline=None)
@given(frames)
def test_a_frame_comes_back_from_its_bytes(frame):
    back = decode(encode(frame))
    assert back.header == frame.header
    assert list(back.arrays) == list(frame.arrays)
    for name, array in frame.arrays.items():
        assert back.arrays[name].dtype == array.dtype
        assert back.arrays[name].shape == array.shape
        assert back.arrays[name].tobytes() == array.tobytes()


@settings(max_examples=30, deadline=None)
@given(frames)
def test_the_bytes_are_as_a_browser_reads_them(frame):
    data = encode(frame)
    (size,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + size], parse_constant=pytest.fail)
    start = -(-(4 + size) // 8) * 8
    assert set(data[4 + size : start]) <= {0}
    assert len(data) % 8 == 0
    for row, (name, array) in zip(header["arrays"], frame.arrays.items(), strict=True):
        assert (row["name"], row["dtype"]) == (name, array.dtype.name)
        assert row["shape"] == list(array.shape)
        assert row["offset"] % 8 == 0  # so that a typed array can begin there
        first = start + row["offset"]
        raw = data[first : first + array.nbytes]
        assert raw == array.astype(array.dtype.newbyteorder("<")).tobytes()


def test_arrays_may_be_of_any_order_and_layout():
    x = np.arange(12, dtype=">f8").reshape(3, 4)
    assert np.array_equal(decode(encode(Frame({}, {"x": x}))).arrays["x"], x)
    assert np.array_equal(decode(encode(Frame({}, {"x": x.T}))).arrays["x"], x.T)
    assert np.array_equal(decode(encode(Frame({}, {"x": x[::2]}))).arrays["x"], x[::2])


@pytest.mark.parametrize("dtype", ["int64", "bool", "float16", "complex64", "U1"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(DTypeError, match="use one of float32, float64, uint8, int32"):
        encode(Frame({}, {"x": np.zeros(2, dtype)}))


def test_numbers_of_numpy_and_what_json_cannot_say_have_a_spelling():
    header = {
        "a": np.float64(2.5),
        "b": [math.nan, {"c": math.inf}],
        "d": np.array([1.0, -math.inf]),
        "e": (1, np.int64(2), np.bool_(True)),
    }
    assert decode(encode(Frame(header))).header == {
        "a": 2.5,
        "b": ["NaN", {"c": "Infinity"}],
        "d": [1.0, "-Infinity"],
        "e": [1, 2, True],
    }


def test_a_header_that_json_cannot_hold_is_refused():
    with pytest.raises(DTypeError, match="object is nothing that JSON can hold"):
        encode(Frame({"x": object()}))


@pytest.mark.parametrize("size", [0, 3, 10, 30, 60])
def test_a_frame_that_is_cut_off_is_refused(size):
    data = encode(Frame({"type": "curve"}, {"x": np.zeros(9)}))
    with pytest.raises(OptionError, match="cut off"):
        decode(data[:size])
    with pytest.raises(OptionError, match="cut off in its array 'x'"):
        decode(data[:-8])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=20), values, max_size=5))
def test_a_request_is_read_as_it_was_written(message):
    assert parse(json.dumps(message)) == message


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_request_or_gets_a_sentence(text):
    try:
        message = parse(text)
    except OptionError as error:
        message = {"sentence": str(error)}
    assert message.get("sentence", ".").endswith(".")


def test_the_longest_request_is_read_and_a_longer_one_refused():
    frame = len('{"a": ""}')
    longest = '{"a": "' + "x" * (MAX_REQUEST - frame) + '"}'
    assert len(parse(longest)["a"]) == MAX_REQUEST - frame
    for text in (longest + " ", '{"a": "' + "é" * (MAX_REQUEST // 2) + '"}'):
        with pytest.raises(OptionError, match="at most 65536 bytes"):
            parse(text)
