"""What the elementwise special functions say of themselves: a line, values, an example.

Their rows are made of formulas and have no docstring of their own.
"""

from __future__ import annotations

from ..rule import TABLE
from . import special, special_functions  # noqa: F401 - whose rows these are

__all__ = ["DOCS"]

DOCS = {
    "erf": """Return the error function.

It is ``2 / sqrt(pi)`` times the integral of ``exp(-t**2)`` from 0 to `x`: the
probability that a normal number of variance 1/2 lies between -x and x. Where `x` is
complex, SciPy is needed, and NumPy's arrays.

Examples
--------
>>> xp.special.erf(asarray([0.0, 0.5]))
Array([0.        , 0.52049988], dtype=float64, device='cpu')
""",
    "erfc": """Return ``1 - erf(x)``, with all its digits where that is small.

Examples
--------
>>> xp.special.erfc(asarray([0.0, 10.0]))
Array([1.00000000e+00, 2.08848758e-45], dtype=float64, device='cpu')
""",
    "gammaln": """Return the logarithm of the absolute value of the gamma function.

``gamma(n + 1)`` is the factorial of n. The result is inf at 0, -1, -2, ...

Examples
--------
>>> round(float(xp.special.gammaln(asarray(11.0))), 6)  # log(10!)
15.104413
""",
    "digamma": """Return the derivative of `gammaln`.

It is NaN at -1, -2, ..., and infinite at 0.

Examples
--------
>>> round(float(xp.special.digamma(asarray(1.0))), 6)  # less Euler's constant
-0.577216
""",
    "xlogy": """Return ``x * log(y)``, and 0 where x is 0.

That is also so where y is 0 and the logarithm is infinite. There the derivatives are 0
as well (PyTorch's convention), so that an entropy has finite gradients.

Examples
--------
>>> p = asarray([0.0, 0.5, 0.5])
>>> round(float(-xp.sum(xp.special.xlogy(p, p))), 6)  # log(2)
0.693147
""",
    "expit": """Return the logistic function, ``1 / (1 + exp(-x))``.

Examples
--------
>>> xp.special.expit(asarray([-1000.0, 0.0]))
Array([0. , 0.5], dtype=float64, device='cpu')
""",
    "log_expit": """Return ``log(expit(x))``, which is finite wherever `x` is.

Examples
--------
>>> xp.special.log_expit(asarray([-1000.0]))
Array([-1000.], dtype=float64, device='cpu')
""",
    "relu": """Return ``maximum(x, 0)``.

Its derivative at 0 is 0. NaN stays NaN.

Examples
--------
>>> xp.special.relu(asarray([-1.0, 2.0]))
Array([0., 2.], dtype=float64, device='cpu')
""",
    "logsumexp": """Return ``log(sum(exp(x)))`` over `axis`; -inf where all is -inf.

It neither overflows nor, where one term is far the largest and 0, loses the others.

Examples
--------
>>> float(xp.special.logsumexp(asarray([0.0, -40.0])))
4.248354255291589e-18
""",
    "softmax": """Return ``exp(x) / sum(exp(x))`` along `axis`.

It is exactly 0 where x is -inf. A row of nothing but -inf gives zeros.

Examples
--------
>>> xp.special.softmax(asarray([0.0, 0.0, -float("inf")]))
Array([0.5, 0.5, 0. ], dtype=float64, device='cpu')
""",
    "log_softmax": """Return ``x - logsumexp(x)`` along `axis`.

Examples
--------
>>> xp.special.log_softmax(asarray([0.0, 0.0]))
Array([-0.69314718, -0.69314718], dtype=float64, device='cpu')
""",
}
"""Docstrings by function: the derivative's line goes before the examples."""

for _name, _text in DOCS.items():
    _line, _examples = _text.split("Examples\n", 1)
    _said = TABLE[_name]._doc(_line)
    TABLE[_name].function.__doc__ = f"{_said}\nExamples\n{_examples}"
