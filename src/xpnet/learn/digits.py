"""Numbers as a learner reads them: one format for every place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import xpnet as xn

from .arrays import on_host

__all__ = [
    "condensed",
    "number",
    "shape_text",
    "spread_text",
    "summary",
    "value_text",
]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORDS = {"NaN": "NaN", "Infinity": "infinity", "-Infinity": "−infinity"}
_PLAIN = (1e-4, 1e7)  # sizes that are written without a power of ten
_SAME = 1.2e-7  # relative: what float32 cannot tell apart


def number(value: Any, digits: int = 4) -> str:
    """Return a number as text, with a real minus sign.

    Integers are written in full, other numbers with `digits` significant digits. Zeros
    at the end stay only where the number was rounded. Very large and very small numbers
    are written with a power of ten, and what is not finite as a word.

    >>> number(0.25), number(-1 / 3), number(2.5e-9), number(float("nan"))
    ('0.25', '−0.3333', '2.5×10⁻⁹', 'NaN')
    """
    if isinstance(value, str):
        return _WORDS.get(value, value)
    if isinstance(value, dict):
        value = complex(value["real"], value["imag"])
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, complex):
        return _complex(value, digits)
    if isinstance(value, int):
        return _integer(value, digits).replace("-", "−")
    return _real(value, digits).replace("-", "−")


def _complex(value: complex, digits: int) -> str:
    sign = "−" if math.copysign(1.0, value.imag) < 0 else "+"
    return f"{number(value.real, digits)} {sign} {number(abs(value.imag), digits)}i"


def _integer(value: int, digits: int) -> str:
    """Return an integer in full where a person can read it."""
    if abs(value) < 10**15:
        return str(value)
    exponent = len(str(abs(value))) - 1
    mantissa = value / 10**exponent
    return _scientific(_shortened(f"{mantissa:.{digits - 1}f}", mantissa), exponent)


def _scientific(mantissa: str, exponent: int) -> str:
    return f"{mantissa}×10{str(exponent).translate(_SUPERSCRIPTS)}"


def _real(value: float, digits: int) -> str:
    """Return a real number as text, with a hyphen for its sign."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    size = abs(value)
    if size < _PLAIN[1] and value == int(value):
        return str(int(value))
    if _PLAIN[0] <= size < _PLAIN[1]:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        return _shortened(f"{value:.{decimals}f}", value)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = 10.0 ** int(exponent)
    shown = _shortened(mantissa, value / power if power else 0.0)
    return _scientific(shown, int(exponent))


def _shortened(text: str, value: float) -> str:
    """Drop zeros at the end of `text` where they say nothing but that it is exact."""
    exact = abs(float(text) - value) <= _SAME * abs(value)
    return text.rstrip("0").rstrip(".") if exact and "." in text else text


def finite(value: float | None) -> float | None:
    """Return a number for JSON, and None in place of NaN and the infinities."""
    return value if value is not None and math.isfinite(value) else None


def shape_text(shape: Any) -> str:
    """Return a shape in words: what kind of array, and how many elements each way.

    >>> shape_text(()), shape_text((3,)), shape_text((64, 3)), shape_text((8, 3, 5, 5))
    ('number', 'vector of 3', '64 × 3 matrix', '8 × 3 × 5 × 5 array')
    """
    shape = tuple(shape)
    if not shape:
        return "number"
    if len(shape) == 1:
        return f"vector of {shape[0]}"
    return " × ".join(map(str, shape)) + (" matrix" if len(shape) == 2 else " array")


def summary(array: Any, most: int = 16) -> Any:
    """Return what an explanation keeps of an array, ready for JSON.

    A number stays a number, and up to `most` numbers stay a nested list. Of a larger
    array there is ``{"min", "max", "mean", "norm", "size"}``. A number that JSON does
    not know becomes ``"NaN"``, ``"Infinity"`` or ``"-Infinity"``, and a complex one
    ``{"real", "imag"}``.
    """
    x = array if isinstance(array, xn.Array) else xn.asarray(array)
    host = on_host(x._lib, x.data)
    if host.size <= most:
        return _jsonable(host.tolist())
    if host.dtype.kind == "c":
        host = abs(host)
    host = host.astype("float64")
    with np.errstate(all="ignore"):  # of infinities there is no mean
        parts = {
            "min": host.min(),
            "max": host.max(),
            "mean": host.mean(),
            "norm": _norm(host),
        }
    return {name: _jsonable(float(v)) for name, v in parts.items()} | {
        "size": host.size
    }


def _norm(host: Any) -> float:
    """Return the length of a vector, also where its squares would not fit."""
    most = float(abs(host).max())
    if most == 0.0 or not math.isfinite(most):
        return most
    scaled = host / most
    return most * math.sqrt(float((scaled * scaled).sum()))


def _jsonable(value: Any) -> Any:
    """Return a number or a nested list of numbers in what JSON knows."""
    if isinstance(value, list):
        return [_jsonable(part) for part in value]
    if isinstance(value, complex):
        return {"real": _jsonable(value.real), "imag": _jsonable(value.imag)}
    if isinstance(value, float) and not math.isfinite(value):
        return (
            "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
        )
    return value


def value_text(value: Any, digits: int = 4) -> str:
    """Return what `summary` kept, as one line.

    >>> value_text([1.0, -0.5]), value_text(None)
    ('[1, −0.5]', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, list):
        return "[" + ", ".join(value_text(part, digits) for part in value) + "]"
    if isinstance(value, dict) and "size" in value:
        return f"{value['size']} numbers from {_spread(value, digits)}"
    return number(value, digits)


def spread_text(value: Any, digits: int = 4) -> str:
    """Return what `summary` kept, as a short line beside which its shape is said.

    >>> spread_text(list(range(20))), spread_text(0.5)
    ('0 to 19, norm 49.70', '0.5')
    """
    value = condensed(value)
    if isinstance(value, dict) and "size" in value:
        return _spread(value, digits)
    return value_text(value, digits)


def _spread(value: dict[str, Any], digits: int) -> str:
    low, high = number(value["min"], digits), number(value["max"], digits)
    return f"{low} to {high}, norm {number(value['norm'], digits)}"


def condensed(value: Any, most: int = 8) -> Any:
    """Return what `summary` kept, with a list of more than `most` numbers summed up."""
    if not isinstance(value, list):
        return value
    flat = _flat(value)
    if len(flat) <= most:
        return value
    return {
        "min": min(flat),
        "max": max(flat),
        "mean": sum(flat) / len(flat),
        "norm": math.hypot(*flat),
        "size": len(flat),
    }


def _flat(value: Any) -> list[float]:
    """Return the numbers of a nested list; of a complex one its size."""
    if isinstance(value, list):
        return [part for inner in value for part in _flat(inner)]
    if isinstance(value, dict):
        return [math.hypot(float(value["real"]), float(value["imag"]))]
    return [float(value)]
