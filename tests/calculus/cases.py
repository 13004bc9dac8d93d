"""The cases of the contract: each function at shapes, broadcasts, options and uses.

``CASES[name]`` lists the cases of a row. A row without one fails `test_contract`.
"""

from calculus import (  # noqa: F401 - each adds its cases
    cases_decompositions,
    cases_fft,
    cases_flat,
    cases_indexing,
    cases_linalg,
    cases_moves,
    cases_mutants,
    cases_products,
    cases_reductions,
    cases_special_functions,
    cases_structure,
)
from calculus.cases_elementwise import BINARY, UNARY
from calculus.samples import CASES

__all__ = ["BINARY", "CASES", "UNARY"]
