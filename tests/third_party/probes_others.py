"""Calls of array-api-extra, einops and scikit-learn; see `probes_scipy` for inputs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from third_party.harness import Probe

EXTRA = """
angle(x + 1j * y)
apply_where(x > 0, (x, y), lambda z, u: z * u, lambda z, u: xp.sin(u))
apply_where(x > 0, x, xp.log, fill_value=0.0)
argpartition(x, 2)
at(x, 2).set(y[0] * y[1])
at(x, slice(1, 4)).add(y[:3])
at(x, x > 0).multiply(2.0)
at(m, (1, 2)).divide(y[0])
at(x, 3).subtract(y[1])
at(q, 1).power(2.0)
at(x, 1).min(y[1])
at(x, 1).max(y[1])
atleast_nd(x, ndim=3)
cov(m)
cov(x)
create_diagonal(x)
create_diagonal(m, offset=1)
deg2rad(x)
diag_indices(3, xp=xp) and x
expand_dims(x, axis=(0, 2))
isclose(x, y)
isin(x, y)
kron(a, m)
kron(x, y)
lazy_apply(xp.sin, x, shape=(6,), dtype=x.dtype)
nan_to_num(x)
nanmax(m, axis=0)
nanmean(m, axis=1)
nanmin(m)
nansum(m)
nunique(x)
one_hot(xp.astype(q, xp.int64), 4)
pad(m, 2)
pad(m, ((1, 0), (0, 2)), constant_values=0.5)
partition(x, 2)
rad2deg(x)
searchsorted(t, p)
setdiff1d(x, y[:2])
sinc(x)
tril_indices(3, xp=xp) and x
triu_indices(3, xp=xp) and x
union1d(x, y)
unravel_index(xp.astype(q, xp.int64), (2, 3)) and x
"""

EINOPS = """
rearrange(m, "a b -> b a")
rearrange(i, "(a b) c -> b (a c)", b=7)
reduce(i, "a (b c) -> a b", "mean", c=2)
reduce(i, "a b -> b", "max")
reduce(q, "a ->", "prod")
reduce(m, "a b -> a 1", "sum")
repeat(x, "a -> a b", b=3)
repeat(m, "a b -> (a 2) b")
pack([m, n], "* b")[0]
unpack(m, [[1], [3]], "* b")
"""

SKLEARN = """
metrics.mean_squared_error(x, y)
metrics.mean_squared_error(m, n, multioutput="raw_values")
metrics.root_mean_squared_error(m, n, multioutput="raw_values")
metrics.mean_absolute_error(m, n, multioutput="raw_values")
metrics.mean_absolute_percentage_error(m, n, multioutput="raw_values")
metrics.mean_squared_log_error(m**2, n**2, multioutput="raw_values")
metrics.root_mean_squared_log_error(m**2, n**2, multioutput="raw_values")
metrics.median_absolute_error(m, n, multioutput="raw_values")
metrics.mean_pinball_loss(m, n, alpha=0.3, multioutput="raw_values")
metrics.explained_variance_score(m, n, multioutput="raw_values")
metrics.r2_score(m, n, multioutput="raw_values")
metrics.r2_score(x, y)
metrics.d2_absolute_error_score(m, n, multioutput="raw_values")
metrics.d2_pinball_score(m, n, multioutput="raw_values")
metrics.max_error(x, y)
metrics.mean_tweedie_deviance(q, r, power=1.5)
metrics.mean_poisson_deviance(q, r)
metrics.mean_gamma_deviance(q, r)
metrics.d2_tweedie_score(q, r, power=1.5)
metrics.log_loss(labels(x), p)
metrics.brier_score_loss(labels(x), p)
metrics.roc_auc_score(labels(x), p)
metrics.average_precision_score(labels(x), p)
metrics.pairwise.additive_chi2_kernel(m**2, n**2)
metrics.pairwise.chi2_kernel(m**2, n**2)
metrics.pairwise.cosine_distances(m, n)
metrics.pairwise.cosine_similarity(m, n)
metrics.pairwise.euclidean_distances(m, n)
metrics.pairwise.euclidean_distances(m, n, squared=True)
metrics.pairwise.laplacian_kernel(m, n)
metrics.pairwise.linear_kernel(m, n)
metrics.pairwise.manhattan_distances(m, n)
metrics.pairwise.paired_cosine_distances(m, n)
metrics.pairwise.paired_euclidean_distances(m, n)
metrics.pairwise.paired_manhattan_distances(m, n)
metrics.pairwise.pairwise_distances(m, n, metric="euclidean")
metrics.pairwise.pairwise_kernels(m, n, metric="rbf")
metrics.pairwise.polynomial_kernel(m, n)
metrics.pairwise.rbf_kernel(m, n)
metrics.pairwise.sigmoid_kernel(m, n)
preprocessing.Binarizer().fit_transform(m)
preprocessing.KernelCenterer().fit_transform(c)
preprocessing.MaxAbsScaler().fit_transform(m)
preprocessing.MinMaxScaler().fit_transform(m)
preprocessing.Normalizer().fit_transform(m)
preprocessing.Normalizer("l1").fit_transform(m)
preprocessing.PolynomialFeatures().fit_transform(m)
preprocessing.StandardScaler().fit_transform(m)
decomposition.PCA(2, svd_solver="full").fit_transform(m)
discriminant_analysis.LinearDiscriminantAnalysis(solver="svd").fit(i[:, :3], classes(i)).decision_function(i[:, :3])
linear_model.Ridge(solver="svd").fit(m, x[:4]).predict(n)
linear_model.LinearRegression().fit(m, x[:4]).predict(n)
naive_bayes.GaussianNB().fit(i, classes(i)).predict_log_proba(i)
kernel_approximation.Nystroem(n_components=3, random_state=0).fit_transform(m)
mixture.GaussianMixture(1, reg_covar=0.1).fit(m).score_samples(n)
"""


def labels(x: Any) -> Any:
    """Return 0 and 1 by the sign of `x` against its mean, of NumPy or of xpnet."""
    import array_api_compat

    xp = array_api_compat.array_namespace(x)
    return xp.astype(x > xp.mean(x), xp.int64)


def classes(i: Any) -> Any:
    """Return a class for each of seven points."""
    import array_api_compat

    xp = array_api_compat.array_namespace(i)
    return xp.asarray([0, 1, 0, 1, 1, 0, 0], device=array_api_compat.device(i))


class _Dispatch:
    """``with`` block in which scikit-learn takes arrays of other libraries."""

    def __enter__(self) -> None:
        import sklearn

        self._context: AbstractContextManager[Any] = sklearn.config_context(
            array_api_dispatch=True
        )
        self._context.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)


def _lines(
    text: str, prefix: str, package: str, scope: Any, around: Any
) -> list[Probe]:
    found = []
    for line in text.strip().splitlines():
        name = line.split("(")[0]
        found.append(Probe(f"{package}.{name}", f"{prefix}{line}", scope, around))
    return found


def extra_probes() -> list[Probe]:
    """Return the probes of array-api-extra."""
    import array_api_extra

    return _lines(
        EXTRA, "xpx.", "array_api_extra", {"xpx": array_api_extra, "np": np}, None
    )


def einops_probes() -> list[Probe]:
    """Return the probes of einops: its functions for the standard's arrays."""
    import einops
    import einops.array_api

    assert einops.__version__
    return _lines(
        EINOPS, "einops.", "einops.array_api", {"einops": einops.array_api}, None
    )


def sklearn_probes() -> list[Probe]:
    """Return the probes of scikit-learn."""
    import importlib

    names = {
        name: importlib.import_module(f"sklearn.{name}")
        for name in (
            "decomposition discriminant_analysis kernel_approximation linear_model "
            "metrics mixture naive_bayes preprocessing"
        ).split()
    }
    return _lines(
        SKLEARN,
        "",
        "sklearn",
        {**names, "labels": labels, "classes": classes},
        _Dispatch,
    )
