"""How the lab speaks: a request is JSON text, a reply is one binary message per frame.

A frame on the wire, every integer and number little-endian::

    uint32   length of the header in bytes
    header   JSON in UTF-8; "arrays" lists name, dtype, shape and offset of each array
    zeros    up to a multiple of 8, where the offsets count from
    arrays   the raw numbers, each at a multiple of 8

JSON knows no NaN and no infinity: such a number in a header travels as the text "NaN",
"Infinity" or "-Infinity", which JavaScript's ``Number(...)`` reads.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DTypeError, OptionError

__all__ = ["MAX_REQUEST", "Frame", "decode", "encode", "parse"]

MAX_REQUEST = 65_536  # bytes of one request
_DTYPES = ("float32", "float64", "uint8", "int32")
_ALIGN = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One reply: a header that JSON can hold, and arrays by name.

    Examples
    --------
    >>> Frame({"type": "curve"}, {"y": np.zeros(3)}).arrays["y"].shape
    (3,)
    """

    header: dict[str, Any]
    arrays: dict[str, Any] = field(default_factory=dict)


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame.

    Parameters
    ----------
    frame : Frame
        Its arrays are float32, float64, uint8 or int32.

    Returns
    -------
    bytes
        As the head of this module says.

    Raises
    ------
    DTypeError
        If an array has another dtype, or the header holds what JSON cannot say.

    Examples
    --------
    >>> decode(encode(Frame({"type": "hello"}, {"x": np.ones(2)}))).arrays["x"]
    array([1., 1.])
    """
    table, parts, offset = [], [], 0
    for name, array in frame.arrays.items():
        raw = np.ascontiguousarray(array)
        dtype = raw.dtype.name
        if dtype not in _DTYPES:
            raise DTypeError(
                f"the array {name!r} of a frame is {dtype}; use one of "
                f"{', '.join(_DTYPES)}."
            )
        shape = list(np.shape(array))
        table.append({"name": name, "dtype": dtype, "shape": shape, "offset": offset})
        data = raw.astype(raw.dtype.newbyteorder("<"), copy=False).tobytes()
        parts.append(data + bytes(-len(data) % _ALIGN))
        offset += len(parts[-1])
    head = _header({**frame.header, "arrays": table})
    padding = bytes(-(4 + len(head)) % _ALIGN)
    return b"".join([struct.pack("<I", len(head)), head, padding, *parts])


def decode(data: bytes) -> Frame:
    """Return the frame that `encode` made bytes of.

    Parameters
    ----------
    data : bytes
        One whole message.

    Returns
    -------
    Frame
        The header without its list of arrays, and the arrays (copies).

    Raises
    ------
    OptionError
        If the message is cut off.

    Examples
    --------
    >>> decode(encode(Frame({"type": "hello"}))).header
    {'type': 'hello'}
    """
    size = struct.unpack_from("<I", data)[0] if len(data) >= 4 else len(data)
    if len(data) < 4 + size:
        raise OptionError(
            f"a frame of {len(data)} bytes is cut off: its header alone has {size}."
        )
    header = json.loads(data[4 : 4 + size].decode())
    start = -(-(4 + size) // _ALIGN) * _ALIGN
    arrays = {row["name"]: _array(data, start, row) for row in header.pop("arrays")}
    return Frame(header, arrays)


def _array(data: bytes, start: int, row: dict[str, Any]) -> Any:
    """Return one array of a message."""
    dtype = np.dtype(row["dtype"]).newbyteorder("<")
    count = math.prod(row["shape"])
    first = start + row["offset"]
    if first + count * dtype.itemsize > len(data):
        raise OptionError(f"a frame is cut off in its array {row['name']!r}.")
    flat = np.frombuffer(data, dtype, count, first)
    return flat.astype(row["dtype"]).reshape(row["shape"])


def parse(text: str) -> dict[str, Any]:
    """Return a request as a dict.

    Parameters
    ----------
    text : str
        One JSON object of at most 65536 bytes, such as
        ``{"page": "slope", "type": "look", "id": 3, "x": 2.0}``.

    Returns
    -------
    dict
        What it says; its fields are not checked yet.

    Raises
    ------
    OptionError
        If it is too long, not JSON, nested too deeply, or no object.

    Examples
    --------
    >>> parse('{"page": "slope"}')
    {'page': 'slope'}
    >>> parse("[1]")
    Traceback (most recent call last):
    ...
    xpnet.errors.OptionError: a request is a JSON object, not a list.
    """
    if len(text) > MAX_REQUEST or len(text.encode(errors="replace")) > MAX_REQUEST:
        raise OptionError(f"a request has at most {MAX_REQUEST} bytes.")
    try:
        message = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except OptionError:
        raise
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else ""
        raise OptionError(
            f"a request is a JSON object; this one cannot be read: {reason or error}."
        ) from None
    if not isinstance(message, dict):
        raise OptionError(
            f"a request is a JSON object, not a {type(message).__name__}."
        )
    return message


def _no_number(name: str) -> None:
    raise OptionError(f"{name} is not a number of JSON.")


def _finite(digits: str) -> float:
    """Return a number that float64 can hold; Python would read 1e400 as infinity."""
    number = float(digits)
    if not math.isfinite(number):
        raise OptionError(f"{digits:.20} is more than a float64 can hold.")
    return number


def _header(header: dict[str, Any]) -> bytes:
    """Return a header as strict JSON."""
    try:
        text = json.dumps(header, allow_nan=False, default=_plain)
    except ValueError:  # a NaN or an infinity, somewhere
        text = json.dumps(_spelled(header), allow_nan=False)
    except TypeError as error:
        raise DTypeError(f"the header of a frame cannot be written: {error}.") from None
    return text.encode()


def _plain(value: Any) -> Any:
    """Return what JSON can hold for a number or an array of NumPy."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def _spelled(value: Any) -> Any:
    """Return the same value with a text for each number that JSON does not know."""
    if isinstance(value, dict):
        return {key: _spelled(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(inner) for inner in value]
    if isinstance(value, np.generic | np.ndarray):
        return _spelled(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return "NaN"
        return "Infinity" if value > 0 else "-Infinity"
    return value
