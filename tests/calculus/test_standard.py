"""The table holds the standard's main namespace, and its formulas are true."""

import inspect
from typing import Any

import array_api_strict
import numpy as np
import pytest

import xpnet as xn
from calculus.cases import BINARY, UNARY
from calculus.formulas import evaluate
from libraries import STRICT, TORCH, has
from xpnet import xp
from xpnet.backend.library import EXTENSIONS as LIBRARY_EXTENSIONS
from xpnet.backend.library import library_for
from xpnet.calculus.rule import TABLE, Binary, Unary

# the functions of the main namespace of the Array API standard 2025.12
STANDARD = {
    "creation": """arange asarray empty empty_like eye from_dlpack full full_like
        linspace meshgrid ones ones_like tril triu zeros zeros_like""",
    "data types": "astype can_cast finfo iinfo isdtype result_type",
    "elementwise": """abs acos acosh add asin asinh atan atan2 atanh bitwise_and
        bitwise_left_shift bitwise_invert bitwise_or bitwise_right_shift
        bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1
        floor floor_divide greater greater_equal hypot imag isfinite isinf
        isnan less less_equal log log1p log2 log10 logaddexp logical_and
        logical_not logical_or logical_xor maximum minimum multiply negative
        nextafter not_equal positive pow real reciprocal remainder round
        sign signbit sin sinh square sqrt subtract tan tanh trunc""",
    "indexing": "take take_along_axis",
    "linear algebra": "matmul matrix_transpose tensordot vecdot",
    "manipulation": """broadcast_arrays broadcast_shapes broadcast_to concat expand_dims
        flip moveaxis permute_dims repeat reshape roll squeeze stack tile unstack""",
    "searching": "argmax argmin count_nonzero nonzero searchsorted where",
    "sets": "isin unique_all unique_counts unique_inverse unique_values",
    "sorting": "argsort sort",
    "statistics": "cumulative_prod cumulative_sum max mean min prod std sum var",
    "utility": "all any diff",
}
FUNCTIONS = sorted(" ".join(STANDARD.values()).split())
# the functions of its extensions; those that are in the main namespace too come first
EXTENSIONS = {
    "linalg": """matmul matrix_transpose tensordot vecdot cholesky cross det diagonal
        eig eigh eigvals eigvalsh inv matrix_norm matrix_power matrix_rank outer pinv qr
        slogdet solve svd svdvals trace vector_norm""",
    "fft": """fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn
        rfft rfftfreq rfftn""",
}
IN_EXTENSIONS = [(part, n) for part, text in EXTENSIONS.items() for n in text.split()]
DTYPES = """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64
        complex64 complex128""".split()
CONSTANTS = "e inf nan newaxis pi".split()
SPACES = [xp, xn.namespace("array_api_strict")]


def test_the_list_of_functions_is_the_one_of_the_reference_implementation() -> None:
    public = {n for n in array_api_strict.__all__ if not n.startswith("_")}
    own = {n for n in public if "array_api_strict_flags" in n} | {
        "Device",
        "ArrayAPIStrictFlags",
    }
    others = {*DTYPES, *CONSTANTS, "fft", "linalg"}
    assert array_api_strict.__array_api_version__ == "2025.12"
    assert public - own - others == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_of_the_standard_has_a_row(name: str) -> None:
    assert name in TABLE, f"{name} has no row in src/xpnet/calculus/table"
    row = TABLE[name]
    assert row.name == name
    assert row.public
    assert row.kind
    if row.kind == "flat":
        assert row.why, f"{name}: a flat row says why it has no derivative"


def with_torch() -> list[Any]:
    """Return the namespaces to look at, with PyTorch's where it is installed."""
    return [*SPACES, xn.namespace("torch")] if has("torch") else SPACES


@pytest.mark.parametrize(("part", "name"), IN_EXTENSIONS)
def test_every_function_of_the_extensions_has_a_row(part: str, name: str) -> None:
    assert name in TABLE, f"{part}.{name} has no row in src/xpnet/calculus/table"
    assert TABLE[name].public
    assert TABLE[name].why or TABLE[name].kind != "flat"
    for space in with_torch():
        assert getattr(space, part).__dict__[name].__name__ == name


def test_the_extensions_are_the_standards_and_hold_nothing_else() -> None:
    assert {n: len(text.split()) for n, text in EXTENSIONS.items()} == {
        "linalg": 25,
        "fft": 14,
    }
    for part, text in EXTENSIONS.items():
        names = set(text.split())
        assert set(LIBRARY_EXTENSIONS[part]) == names
        assert set(getattr(xp, part).__all__) == names
        # array-api-strict has no eig and no eigvals yet
        reference = set(getattr(array_api_strict, part).__all__)
        assert reference | ({"eig", "eigvals"} & names) == names


@pytest.mark.parametrize(("part", "name"), IN_EXTENSIONS)
def test_signatures_of_the_extensions_are_those_of_the_standard(
    part: str, name: str
) -> None:
    reference = getattr(array_api_strict, part)
    like = {"eig": "eigh", "eigvals": "eigvalsh"}.get(name, name)
    wanted = inspect.signature(getattr(reference, like)).parameters.values()
    for space in with_torch():
        function = getattr(getattr(space, part), name)
        found = inspect.signature(function).parameters.values()
        assert [(p.name, p.kind, p.default) for p in found] == [
            (p.name, p.kind, p.default) for p in wanted
        ]


def test_no_public_row_is_unknown_to_the_standard() -> None:
    public = {name for name, row in TABLE.items() if row.public}
    extensions = {name for _, name in IN_EXTENSIONS}
    assert public - set(xp.special.__all__) == set(FUNCTIONS) | extensions


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.__name__)
def test_the_namespace_has_every_name_of_the_standard(space: Any) -> None:
    missing = [n for n in (*FUNCTIONS, *DTYPES, *CONSTANTS) if not hasattr(space, n)]
    assert not missing
    assert space.__array_api_version__ == "2025.12"


def test_the_namespace_over_torch_has_every_name_that_torch_has() -> None:
    TORCH.skip_unless_here()
    space = xn.namespace("torch")
    missing = [n for n in (*FUNCTIONS, *DTYPES, *CONSTANTS) if not hasattr(space, n)]
    assert not missing


@pytest.mark.parametrize("space", SPACES, ids=lambda s: s.__name__)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_those_of_the_standard(name: str, space: Any) -> None:
    wanted = inspect.signature(getattr(array_api_strict, name)).parameters.values()
    found = inspect.signature(getattr(space, name)).parameters.values()
    own = {"requires_grad"} if name == "asarray" else set()
    assert [(p.name, p.kind) for p in found if p.name not in own] == [
        (p.name, p.kind) for p in wanted
    ]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no 'erf'"):
        xp.erf  # noqa: B018


# --- formulas -------------------------------------------------------------------------

# a formula in terms of the cotangent, or of words: the contract holds these rows
NOT_ELEMENTWISE = {"general", "linear", "bilinear", "composite", "flat"}
ELEMENTWISE = sorted(n for n, row in TABLE.items() if isinstance(row, (Unary, Binary)))
WRITTEN_AS_GENERAL = ("abs", "clip", "conj", "real", "sign")


@pytest.mark.parametrize("name", [*ELEMENTWISE, *WRITTEN_AS_GENERAL])
def test_the_formula_that_a_learner_reads_is_the_rule_that_runs(name: str) -> None:
    row = TABLE[name]
    lib = library_for("cpu")
    shape = (100,)
    if name in BINARY:
        x, y = BINARY[name][0](shape, "formula"), BINARY[name][1](shape, "formula")
        x[::10] = y[::10] if name in ("maximum", "minimum") else x[::10]  # ties
        inputs = {"x": x, "y": y}
    else:
        sample = UNARY["abs"] if name in ("clip", "gate") else UNARY[name]
        inputs = {"x": sample(shape, "formula")}
    if name == "gate":
        inputs["y"] = UNARY["log"](shape, "formula")
    bounds = {"min": -0.5, "max": 0.75} if name == "clip" else {}
    _, pull = xn.vjp(lambda *xs: row.function(*xs, **bounds), *inputs.values())
    slopes = pull(np.ones(shape))
    assert len(row.formula) == len(inputs)
    for formula, slope in zip(row.formula, slopes, strict=True):
        text = evaluate(formula, lib.raw, **inputs, **bounds)
        np.testing.assert_allclose(
            slope, np.broadcast_to(text, shape), rtol=1e-13, atol=1e-13, err_msg=formula
        )


def test_every_smooth_row_has_a_formula() -> None:
    smooth = [
        r for r in TABLE.values() if r.kind in ("elementwise", "bilinear", "general")
    ]
    public = [r for r in smooth if r.public]
    assert not [r.name for r in public if not (r.formula and all(r.formula))]


@pytest.mark.parametrize(
    "text", ["__import__('os')", "x.dtype", "[x]", "lambda: x", "x if x else y"]
)
def test_a_formula_is_arithmetic_and_nothing_else(text: str) -> None:
    with pytest.raises((ValueError, AttributeError)):
        evaluate(text, library_for("cpu").raw, x=1.0, y=2.0)


def test_the_strict_namespace_is_named_after_its_library() -> None:
    assert STRICT.namespace.__name__ == "xpnet(array_api_strict)"
