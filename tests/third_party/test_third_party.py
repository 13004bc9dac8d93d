"""SciPy, array-api-extra, einops and scikit-learn are differentiated as they are.

Every call that the survey found right stays right: ``results.json`` is what
``survey.py`` wrote. docs/third_party.md shows the same.
"""

import importlib.metadata
import importlib.util
import json

import numpy as np
import pytest

import xpnet as xn
from libraries import CUPY, NUMPY, STRICT, TORCH, parameters
from third_party import probes_others, probes_scipy, survey
from third_party.harness import INPUTS, Failed, Probe, check
from xpnet.errors import ConversionError

FOUND = json.loads(survey.RECORD.read_text("utf-8"))
ROWS = {row["call"]: row for row in FOUND["probes"]}
MODULES = {
    "scipy": "scipy",
    "array-api-extra": "array_api_extra",
    "einops": "einops",
    "scikit-learn": "sklearn",
}
PROBES = {
    "scipy": probes_scipy.probes,
    "array-api-extra": probes_others.extra_probes,
    "einops": probes_others.einops_probes,
    "scikit-learn": probes_others.sklearn_probes,
}
SOME = (
    "special.logsumexp(m, axis=1, b=n**2)",
    "stats.skew(m, axis=1, bias=False)",
    "stats.gmean(q, weights=r)",
    "optimize.rosen(x)",
    "transform.Rotation.from_rotvec(w).apply(v)",
    "signal.hilbert(s)",
    "integrate.cumulative_simpson(x, x=t)",
    "fft.rfft(x)",
    "linalg.fiedler(x)",
    "xpx.cov(m)",
    "xpx.kron(a, m)",
    "xpx.at(x, slice(1, 4)).add(y[:3])",
    "xpx.sinc(x)",
    'einops.reduce(i, "a b -> b", "max")',
    "metrics.pairwise.cosine_similarity(m, n)",
)


def same_version(package):
    """Tell whether the survey was made with this minor version of a package."""
    if importlib.util.find_spec(MODULES[package]) is None:
        return False
    installed = importlib.metadata.version(package)
    return installed.split(".")[:2] == FOUND["versions"][package].split(".")[:2]


def here():
    """Return the probes of the packages that are installed as the survey had them."""
    return [p for name, make in PROBES.items() if same_version(name) for p in make()]


HERE = {probe.text: probe for probe in here()}
RIGHT = [text for text in HERE if ROWS[text]["numpy"] in ("order 2", "flat")]
LEAVING = [text for text in HERE if ROWS[text]["numpy"] == "leaves"]


@pytest.mark.parametrize("text", RIGHT)
def test_derivatives_of_both_orders_equal_central_differences(text):
    assert survey.verdict(HERE[text], NUMPY).result == ROWS[text]["numpy"]


@pytest.mark.parametrize("target", parameters((STRICT, TORCH, CUPY)))
@pytest.mark.parametrize("text", SOME)
def test_the_same_on_other_libraries(text, target):
    target.skip_unless_here()
    if text not in HERE:
        pytest.skip("another version of the package is installed")
    assert check(HERE[text], target) == "order 2"


@pytest.mark.parametrize("text", LEAVING[::20])
def test_compiled_code_is_refused_and_no_gradient_is_lost(text):
    names = HERE[text].inputs
    values = [xn.asarray(INPUTS[name].copy()) for name in names]

    def call(*arrays):
        HERE[text](dict(zip(names, arrays, strict=True)), xn.xp)
        return xn.xp.sum(arrays[0])

    with pytest.raises(ConversionError, match="gradient"):
        xn.grad(call)(*values)


def test_a_wrong_derivative_is_found():
    """The check itself fails where a rule is broken: a gradient that is cut."""

    def cut(x):
        return x * x.detach() if isinstance(x, xn.Array) else x * x

    def shifted(x):
        return x * x + 1e-6 if isinstance(x, xn.Array) else x * x

    with pytest.raises(Failed, match="the derivative by x"):
        check(Probe("cut", "f(x)", {"f": cut}))
    with pytest.raises(Failed, match="the value"):
        check(Probe("shifted", "f(x)", {"f": shifted}))


def test_enough_is_covered():
    by_package = {
        prefix: len(
            {
                row["name"]
                for row in ROWS.values()
                if row["name"].startswith(prefix) and row["numpy"] == "order 2"
            }
        )
        for prefix in ("scipy.", "array_api_extra.", "einops.", "sklearn.metrics.")
    }
    assert by_package["scipy."] >= 150
    assert by_package["array_api_extra."] >= 25
    assert by_package["einops."] >= 5
    assert by_package["sklearn.metrics."] >= 20
    parts = {row["name"].split(".")[1] for row in ROWS.values() if is_right(row)}
    wanted = "special stats optimize spatial signal integrate fft linalg".split()
    assert parts >= set(wanted)


def is_right(row):
    return row["name"].startswith("scipy.") and row["numpy"] == "order 2"


def test_every_function_that_scipy_marks_was_tried():
    if not same_version("scipy"):
        pytest.skip("another version of SciPy is installed")
    from scipy._lib._array_api import xp_capabilities_table

    marked = {
        f.__qualname__
        for f, can in xp_capabilities_table.items()
        if not can["np_only"] and f.__module__.startswith("scipy.")
        if not f.__name__.startswith("_xp_")
    }
    tried = {probe.name.removeprefix("scipy.") for probe in probes_scipy.probes()}
    tails = {name.split(".", 1)[1] for name in tried}
    tails |= {name.rpartition(".")[2] for name in tried}
    tails |= {".".join(name.split(".")[-2:]) for name in tried}
    assert sorted(marked - tails) == []


def test_the_page_shows_what_was_found():
    assert survey.PAGE.read_text("utf-8") == survey.page(FOUND)


def test_the_inputs_keep_away_from_kinks():
    for name, value in INPUTS.items():
        flat = np.sort(np.abs(value), axis=None)
        assert np.min(flat[flat > 0]) > 0.01 or name == "i", name
