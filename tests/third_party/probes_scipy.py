"""A call of every SciPy function that SciPy marks as able to take any array library.

One line per call; the function it stands for is named first where the call does not say
it. `inputs` in `harness` are: x, y any sign; p in (0, 1); q, r positive; t growing;
s a signal; k, d coefficients; m, n matrices; a square; c symmetric; i an image; h one
number; w a rotation vector; o quaternions; v points.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from third_party.harness import Probe

MODULES = """special stats optimize spatial signal integrate interpolate fft ndimage
cluster linalg differentiate constants""".split()

CALLS = {
    "special": """
bdtr(2., 5, p)
bdtrc(2., 5, p)
bdtri(2., 5, p)
betainc(q, r, p)
betaincc(q, r, p)
betaincinv(q, r, p)
betaln(q, r)
binom(q + 3., r)
boxcox(q, r)
boxcox1p(q, r)
cbrt(q)
chdtr(q, r)
chdtrc(q, r)
chdtri(q, p)
cosdg(x)
cosm1(x)
cotdg(q)
ellipk(p)
ellipkm1(p)
entr(q)
erf(x)
erfc(x)
erfcx(x)
erfinv(p)
exp1(q)
exp10(x)
exp2(x)
expi(q)
expit(x)
expn(2, q)
exprel(x)
fdtr(q, r, p)
fdtrc(q, r, p)
fdtri(q, r, p)
gamma(q)
gammainc(q, r)
gammaincc(q, r)
gammainccinv(q, p)
gammaincinv(q, p)
gammaln(q)
gammasgn(q)
gdtr(q, r, p)
gdtrc(q, r, p)
huber(q, x)
hyp1f1(q, r, x)
i0(x)
i0e(q)
i1(x)
i1e(q)
inv_boxcox(p, q)
inv_boxcox1p(p, q)
j0(x)
j1(x)
k0(q)
k0e(q)
k1(q)
k1e(q)
kl_div(q, r)
log_ndtr(x)
log_softmax(x)
log_softmax(m, axis=1)
loggamma(q)
logit(p)
logsumexp(x)
logsumexp(m, axis=1, b=n**2)
lpmv(1, 2, p)
multigammaln(q + 2., 2)
nbdtr(2, 5, p)
nbdtrc(2, 5, p)
nbdtri(2, 5, p)
ndtr(x)
ndtri(p)
pdtr(2., q)
pdtrc(2., q)
pdtri(2, p)
poch(q, r)
polygamma(1, q)
pseudo_huber(q, x)
psi(q)
radian(x, y, p)
rel_entr(q, r)
rgamma(q)
sinc(x)
sindg(x)
softmax(x)
softmax(m, axis=0)
spence(q)
stdtr(q, x)
stdtrit(q, p)
tandg(x)
xlog1py(x, q)
xlogy(x, q)
y0(q)
y1(q)
yn(2, q)
zeta(q + 1., r)
zetac(q + 1.)
""",
    "stats": """
alexandergovern(x, y, q).statistic
ansari(x, y).statistic
bartlett(x, y, q).statistic
bootstrap((x,), xp.mean, n_resamples=20, rng=0, method="basic").standard_error
boxcox_llf(0.4, q)
brunnermunzel(x, y).statistic
chatterjeexi(x, y).statistic
chisquare(q, q * xp.sum(r) / xp.sum(r)).statistic
chisquare(q).statistic
circmean(x)
circstd(x)
circvar(x)
combine_pvalues(p).statistic
combine_pvalues(p, method="stouffer").statistic
cramervonmises(x, lambda z: 1 / (1 + xp.exp(-z))).statistic
cramervonmises_2samp(x, y, method="asymptotic").statistic
describe(x)
differential_entropy(m, axis=1)
directional_stats(v).mean_direction
entropy(q)
entropy(q, r)
epps_singleton_2samp(x, y).statistic
f_oneway(x, y, q).statistic
false_discovery_control(p**2)
fligner(x, y, q).statistic
friedmanchisquare(x, y, q).statistic
gmean(q)
gmean(q, weights=r)
gstd(q)
gzscore(q)
hmean(q)
hmean(q, weights=r)
iqr(x)
jarque_bera(x).statistic
kruskal(x, y).statistic
ks_1samp(x, lambda z: 1 / (1 + xp.exp(-z)), method="asymp").statistic
kstat(x, 3)
kstatvar(x, 2)
kurtosis(x)
kurtosis(m, axis=1, bias=False)
kurtosistest(s).statistic
levene(x, y).statistic
lmoment(x)
mannwhitneyu(x, y, method="asymptotic").statistic
median_abs_deviation(x)
mode(x).mode
moment(x, 3)
moment(m, [2, 4], axis=1)
monte_carlo_test(x, lambda size: xp.ones(size), lambda z, axis: xp.mean(z, axis=axis), n_resamples=9).statistic
mood(x, y).statistic
normaltest(s).statistic
pearsonr(x, y).statistic
permutation_test((x, y), lambda z, b, axis: xp.mean(z, axis=axis) - xp.mean(b, axis=axis), n_resamples=9, rng=0).statistic
pmean(q, 2.5)
pmean(q, 2.5, weights=r)
power(lambda z, axis: xp.mean(z, axis=axis), lambda size: xp.broadcast_to(x[:4], size), 4, n_resamples=5).power
power_divergence(q, r * xp.sum(q) / xp.sum(r), lambda_="log-likelihood").statistic
quantile(x, p)
rankdata(x)
sem(x)
sigmaclip(x).clipped
skew(x)
skew(m, axis=1, bias=False)
skewtest(s).statistic
spearmanrho(x, y).statistic
tmax(x)
tmean(x)
tmean(x, (-1.0, 1.0))
tmin(x)
trim_mean(x, 0.2)
tsem(x)
tstd(x)
tvar(x)
ttest_1samp(x, 0.1).statistic
ttest_1samp(x, 0.1).pvalue
ttest_ind(x, y).statistic
ttest_ind(x, y).pvalue
ttest_ind_from_stats(xp.mean(x), xp.std(x), 6, xp.mean(y), xp.std(y), 6).statistic
ttest_rel(x, y).statistic
variation(q)
wilcoxon(x, y, method="asymptotic").statistic
yeojohnson_llf(0.4, x)
zmap(x, y)
zscore(x)
zscore(m, axis=1, ddof=1)
""",
    "optimize": """
rosen(x)
rosen_der(x)
rosen_hess(x)
rosen_hess_prod(x, y)
elementwise.bracket_minimum(lambda z: (z - 0.3)**2, h).bracket
elementwise.bracket_root(lambda z: z - 0.3, h, h + 1.0).bracket
elementwise.find_minimum(lambda z, b: (z - b)**2 + z**4, (h - 2., h, h + 2.), args=(h,)).x
elementwise.find_root(lambda z, b: z**3 - b, (h - 2., h + 2.), args=(h,)).x
""",
    "spatial": """
Rotation._promote: transform.Rotation.from_quat(o).as_quat()
Rotation.from_quat: transform.Rotation.from_quat(o).as_matrix()
Rotation.from_matrix: transform.Rotation.from_matrix(a).as_quat()
Rotation.from_rotvec: transform.Rotation.from_rotvec(w).as_matrix()
Rotation.from_euler: transform.Rotation.from_euler("xyz", w).as_matrix()
Rotation.from_davenport: transform.Rotation.from_davenport(xp.eye(3), "extrinsic", w).as_matrix()
Rotation.from_mrp: transform.Rotation.from_mrp(w).as_matrix()
Rotation.as_quat: transform.Rotation.from_rotvec(w).as_quat()
Rotation.as_matrix: transform.Rotation.from_quat(o).as_matrix()
Rotation.as_rotvec: transform.Rotation.from_quat(o).as_rotvec()
Rotation.as_euler: transform.Rotation.from_quat(o).as_euler("xyz")
Rotation.as_davenport: transform.Rotation.from_rotvec(w).as_davenport(xp.eye(3), "extrinsic")
Rotation.as_mrp: transform.Rotation.from_quat(o).as_mrp()
Rotation.concatenate: transform.Rotation.concatenate([transform.Rotation.from_quat(o), transform.Rotation.from_quat(o)]).as_matrix()
Rotation.apply: transform.Rotation.from_rotvec(w).apply(v)
Rotation.__mul__: (transform.Rotation.from_rotvec(w) * transform.Rotation.from_quat(o)).as_matrix()
Rotation.__pow__: (transform.Rotation.from_rotvec(w) ** 2).as_matrix()
Rotation.inv: transform.Rotation.from_rotvec(w).inv().as_matrix()
Rotation.magnitude: transform.Rotation.from_quat(o).magnitude()
Rotation.approx_equal: transform.Rotation.from_quat(o).approx_equal(transform.Rotation.from_quat(o))
Rotation.mean: transform.Rotation.from_quat(i[:, :4]).mean().as_matrix()
Rotation.reduce: transform.Rotation.from_quat(o).reduce().as_matrix()
Rotation.__getitem__: transform.Rotation.from_quat(o)[0].as_matrix()
Rotation.__setitem__: rotation_setitem(o, w)
Rotation.align_vectors: transform.Rotation.align_vectors(v, v + 0.1 * v**2)[0].as_matrix()
Rotation.__repr__: repr(transform.Rotation.from_quat(o)) and h
Rotation.__iter__: [z.as_matrix() for z in transform.Rotation.from_quat(o)]
Slerp.__init__: transform.Slerp(xp.asarray([0.0, 1.0]), transform.Rotation.from_quat(o))(h).as_quat()
Slerp.__call__: transform.Slerp([0.0, 1.0], transform.Rotation.from_quat(o))(h).as_matrix()
normalize_dual_quaternion: transform._rigid_transform.normalize_dual_quaternion(xp.concat([o, o * 0.3 + 0.1], axis=1))
RigidTransform.from_matrix: transform.RigidTransform.from_matrix(rigid(w)).as_matrix()
RigidTransform.from_rotation: transform.RigidTransform.from_rotation(transform.Rotation.from_rotvec(w)).as_matrix()
RigidTransform.from_translation: transform.RigidTransform.from_translation(w).as_matrix()
RigidTransform.from_components: transform.RigidTransform.from_components(w * 2., transform.Rotation.from_rotvec(w)).as_matrix()
RigidTransform.from_exp_coords: transform.RigidTransform.from_exp_coords(x).as_matrix()
RigidTransform.from_dual_quat: transform.RigidTransform.from_dual_quat(xp.concat([o, o * 0.3 + 0.1], axis=1)).as_matrix()
RigidTransform.identity: transform.RigidTransform.identity().apply(v)
RigidTransform.concatenate: transform.RigidTransform.concatenate([transform.RigidTransform.from_translation(w), transform.RigidTransform.from_translation(w)]).as_matrix()
RigidTransform.mean: transform.RigidTransform.from_translation(v).mean().as_matrix()
RigidTransform.as_matrix: transform.RigidTransform.from_translation(w).as_matrix()
RigidTransform.as_components: transform.RigidTransform.from_exp_coords(x).as_components()[0]
RigidTransform.as_exp_coords: transform.RigidTransform.from_components(w * 2., transform.Rotation.from_rotvec(w)).as_exp_coords()
RigidTransform.as_dual_quat: transform.RigidTransform.from_exp_coords(x).as_dual_quat()
RigidTransform.__getitem__: transform.RigidTransform.from_translation(v)[0].as_matrix()
RigidTransform.__setitem__: rigid_setitem(v, w)
RigidTransform.__mul__: (transform.RigidTransform.from_exp_coords(x) * transform.RigidTransform.from_exp_coords(y)).as_matrix()
RigidTransform.__pow__: (transform.RigidTransform.from_exp_coords(x) ** 2).as_matrix()
RigidTransform.inv: transform.RigidTransform.from_exp_coords(x).inv().as_matrix()
RigidTransform.apply: transform.RigidTransform.from_exp_coords(x).apply(v)
RigidTransform.__iter__: [z.as_matrix() for z in transform.RigidTransform.from_translation(v)]
""",
    "signal": """
abcd_normalize(a, a, a, a)
bessel(3, h)
besselap: signal.besselap(2) + (h,)
bilinear(k, d)
bilinear_zpk(-q, -r, h, 2.0)
bode((k, d), x)
buttap: signal.buttap(2) + (h,)
butter(3, h)
buttord(h * 0.3, h, 1., 20.)
cheb1ap(3, h)
cheb1ord(h * 0.3, h, 1., 20.)
cheb2ap(3, h)
cheb2ord(h * 0.3, h, 1., 20.)
cheby1(3, 1., h)
cheby2(3, 20., h)
choose_conv_method(s, k)
convolve(s, k)
convolve(s, k, method="fft")
convolve2d(i, a)
correlate(s, k)
correlate(s, k, method="fft")
correlate2d(i, a)
cspline1d(s)
cspline1d_eval(s, x + 4.)
cspline2d(i)
deconvolve(s, d)
detrend(s)
detrend(i, axis=0, type="constant")
ellip(3, 1., 20., h)
ellipap(3, h, 20.)
ellipord(h * 0.3, h, 1., 20.)
envelope(s)
fftconvolve(s, k)
fftconvolve(i, a, mode="same")
filtfilt(k, d, s)
firls(5, xp.asarray([0., .3, .5, 1.]), p[:4])
firwin(5, h)
firwin2(9, xp.asarray([0., .5, 1.]), xp.stack([h, h + 1., h * 0]))
freqs(k, d, t)
freqs_zpk(-q, -r, 1., t)
freqz(k, d, t)[1]
freqz_sos(section(q), t)[1]
freqz_zpk(p, p * 0.5, 1.0, t)[1]
gammatone(h * 100., "fir", fs=1000.)
gauss_spline(x, 3)
group_delay((k, d), t)[1]
hilbert(s)
hilbert2(i)
iircomb(h, 30., fs=h * 4)
iirdesign(h * 0.3, h, 1., 20.)
iirfilter(3, h, btype="low")
iirnotch(h, 30.)
iirpeak(h, 30.)
impulse((k, d), T=t)[1]
lfilter(k, d, s)
lfilter_zi(k, d)
lfiltic(k, d, x)
lp2bp(k, d, h, 0.5)
lp2bp_zpk(-q, -r, 1., h, 0.5)
lp2bs(k, d, h, 0.5)
lp2bs_zpk(-q, -r, 1., h, 0.5)
lp2hp(k, d, h)
lp2hp_zpk(-q, -r, 1., h)
lp2lp(k, d, h)
lp2lp_zpk(-q, -r, 1., h)
medfilt(s, 3)
medfilt2d(i)
minimum_phase(d)
normalize(k, d)
oaconvolve(s, k)
order_filter(s, xp.ones(3), 1)
place_poles(a, a, -q[:3]).gain_matrix
qspline1d(s)
qspline1d_eval(s, x + 4.)
remez(7, xp.asarray([0., .2, .3, .5]), p[:2])
resample(s, 16)
resample_poly(s, 2, 3)
savgol_coeffs: h * given(xp, signal.savgol_coeffs, 5, 2)
savgol_filter(s, 5, 2)
sos2tf(section(q))
sos2zpk(section(q))
sosfilt(section(q), s)
sosfilt_zi(section(q))
sosfiltfilt(section(q), s)
sosfreqz(section(q), t)[1]
spline_filter(i)
tf2sos(k, d)
tf2zpk: [xp.sum(z**2) for z in signal.tf2zpk(k, d)[:2]]
upfirdn(k, s, 2, 3)
vectorstrength(t, h + 2.)
wiener(s, 3)
zpk2sos(p, p * 0.5, 1.0)
zpk2tf(p, p * 0.5, 1.0)
windows.general_cosine(5, k)
windows.boxcar: h * given(xp, windows.boxcar, 5)
windows.triang: h * given(xp, windows.triang, 5)
windows.parzen: h * given(xp, windows.parzen, 5)
windows.bohman: h * given(xp, windows.bohman, 5)
windows.blackman: h * given(xp, windows.blackman, 5)
windows.nuttall: h * given(xp, windows.nuttall, 5)
windows.blackmanharris: h * given(xp, windows.blackmanharris, 5)
windows.flattop: h * given(xp, windows.flattop, 5)
windows.bartlett: h * given(xp, windows.bartlett, 5)
windows.hann: h * given(xp, windows.hann, 5)
windows.tukey: given(xp, windows.tukey, 7, h)
windows.barthann: h * given(xp, windows.barthann, 5)
windows.general_hamming: given(xp, windows.general_hamming, 5, h)
windows.hamming: h * given(xp, windows.hamming, 5)
windows.kaiser: given(xp, windows.kaiser, 5, h)
windows.kaiser_bessel_derived: given(xp, windows.kaiser_bessel_derived, 6, h)
windows.gaussian: given(xp, windows.gaussian, 5, h)
windows.general_gaussian: given(xp, windows.general_gaussian, 5, 1.5, h)
windows.chebwin: given(xp, windows.chebwin, 5, h * 100.)
windows.cosine: h * given(xp, windows.cosine, 5)
windows.exponential: given(xp, windows.exponential, 5, None, h)
windows.taylor: h * given(xp, windows.taylor, 5)
windows.lanczos: h * given(xp, windows.lanczos, 5)
windows.get_window: h * given(xp, windows.get_window, "hann", 5)
""",
    "integrate": """
trapezoid(s)
trapezoid(x, t)
simpson(s)
simpson(x, t)
cumulative_trapezoid(x, t)
cumulative_simpson(x, x=t)
romb(s[:17], h)
cubature(lambda z: xp.sin(h * xp.sum(z, axis=-1)), xp.asarray([0., 0.]), xp.asarray([1., 1.])).estimate
tanhsinh(lambda z, b: xp.exp(-b * z**2), h * 0.5, h * 2., args=(h,)).integral
nsum(lambda z, b: 1 / z**(b + 2.0), xp.asarray(1.), xp.asarray(40.), args=(h,)).sum
qmc_quad(lambda z: xp.sum(z, axis=0) * h, 0., 1., n_points=16, n_estimates=2).integral
""",
    "interpolate": """
Akima1DInterpolator(t, x)(q)
BPoly(x[None, :5], t)(q)
BSpline(t, x[:3], 2)(q)
CubicHermiteSpline(t, x, y)(q)
CubicSpline(t, x)(q)
NdBSpline((t,), x[:3], 2)(xp.reshape(q, (6, 1)))
PPoly(m, t[:6])(q)
PchipInterpolator(t, x)(q)
RBFInterpolator(v, w[:2])(v + 0.1)
RegularGridInterpolator((t,), x)(q)
generate_knots: next(iter(interpolate.generate_knots(t, x, s=0.1)))
make_interp_spline(t, x)(q)
make_lsq_spline(t, x, xp.asarray([0., 0, 0, 0, 3.05, 3.05, 3.05, 3.05]))(q)
make_smoothing_spline(t, x, lam=0.5)(q)
make_splprep([x, y], s=0.1)[0](p)
make_splrep(t, x, s=0.1)(q)
""",
    "fft": """
fft(x)
ifft(x)
rfft(x)
irfft(x)
hfft(x)
ihfft(x)
fftn(m)
ifftn(m)
fft2(m)
ifft2(m)
rfftn(m)
rfft2(m)
irfftn(m)
irfft2(m)
hfftn(m)
hfft2(m)
ihfftn(m)
ihfft2(m)
fft(x, n=8, norm="ortho")
fftfreq: given(xp, fft.fftfreq, 6, 0.5) * x
rfftfreq: given(xp, fft.rfftfreq, 10) * x
fftshift(x)
ifftshift(m)
fht(q, 0.1, 0.3)
ifht(q, 0.1, 0.3)
dct(x)
idct(x)
dst(x)
idst(x)
dctn(m)
idctn(m)
dstn(m)
idstn(m)
""",
    "ndimage": """
affine_transform(i, a[:2, :2])
binary_closing(i > 0)
binary_dilation(i > 0)
binary_erosion(i > 0)
binary_fill_holes(i > 0)
binary_hit_or_miss(i > 0)
binary_opening(i > 0)
binary_propagation(i > 0)
black_tophat(i, 3)
center_of_mass(i)
convolve(i, a)
convolve1d(i, k)
correlate(i, a)
correlate1d(i, k)
distance_transform_bf(i > 0)
distance_transform_cdt(i > 0)
distance_transform_edt(i > 0)
extrema(i)
find_objects(xp.astype(i > 0, xp.int64))
fourier_ellipsoid(i, 1.5)
fourier_gaussian(i, 1.5)
fourier_shift(i, 1.5)
fourier_uniform(i, 1.5)
gaussian_filter(i, 1.2)
gaussian_filter1d(i, 1.2)
gaussian_gradient_magnitude(i, 1.2)
gaussian_laplace(i, 1.2)
generic_filter(i, np.sum, 3)
generic_filter1d(i, lambda z, o: None, 3)
generic_gradient_magnitude(i, ndimage.sobel)
generic_laplace(i, lambda z, *b: z)
geometric_transform(i, lambda z: z)
grey_closing(i, 3)
grey_dilation(i, 3)
grey_erosion(i, 3)
grey_opening(i, 3)
histogram(i, 0., 1., 4)
iterate_structure(i[:3, :3] > 0, 2)
label(i > 0)
labeled_comprehension(i, None, None, np.sum, float, 0.)
laplace(i)
map_coordinates(i, xp.reshape(q, (2, 3)))
maximum(i)
maximum_filter(i, 3)
maximum_filter1d(i, 3)
maximum_position(i)
mean(i)
median(i)
median_filter(i, 3)
minimum(i)
minimum_filter(i, 3)
minimum_filter1d(i, 3)
minimum_position(i)
morphological_gradient(i, 3)
morphological_laplace(i, 3)
percentile_filter(i, 30, 3)
prewitt(i)
rank_filter(i, 2, 3)
rotate(i, 20.)
shift(i, 0.5)
sobel(i)
spline_filter(i)
spline_filter1d(i)
standard_deviation(i)
sum(i)
sum_labels(i)
uniform_filter(i, 3)
uniform_filter1d(i, 3)
value_indices(xp.astype(i > 0, xp.int64))
variance(i)
vectorized_filter(i, lambda z, axis: xp.mean(z**2, axis=axis), size=3)
watershed_ift(xp.astype(i > 0, xp.uint8), xp.astype(i > 1, xp.int64))
white_tophat(i, 3)
zoom(i, 1.5)
""",
    "cluster": """
vq.whiten(m)
vq.vq(m, n)[1]
vq.kmeans(m, n)
vq.kmeans2(m, n, minit="matrix")[0]
hierarchy.average(m)
hierarchy.centroid(m)
hierarchy.complete(m)
hierarchy.cophenet(linkage(m))
hierarchy.correspond(linkage(m), q)
hierarchy.dendrogram(linkage(m), no_plot=True)["dcoord"]
hierarchy.fcluster(linkage(m), 1.0)
hierarchy.fclusterdata(m, 1.0)
hierarchy.from_mlab_linkage(linkage(m)[:, :3] + xp.asarray([[1.0, 1, 0]]))
hierarchy.inconsistent(linkage(m))
hierarchy.is_isomorphic(x > 0, y > 0)
hierarchy.is_monotonic(linkage(m))
hierarchy.is_valid_im(m)
hierarchy.is_valid_linkage(linkage(m))
hierarchy.leaders(linkage(m), xp.asarray([1, 1, 2, 2], dtype=xp.int32))
hierarchy.leaves_list(linkage(m))
hierarchy.linkage(m)
hierarchy.maxRstat(linkage(m), hierarchy.inconsistent(linkage(m)), 0)
hierarchy.maxdists(linkage(m))
hierarchy.maxinconsts(linkage(m), hierarchy.inconsistent(linkage(m)))
hierarchy.median(m)
hierarchy.num_obs_linkage(linkage(m))
hierarchy.optimal_leaf_ordering(linkage(m), m)
hierarchy.single(m)
hierarchy.to_mlab_linkage(linkage(m))
hierarchy.to_tree(linkage(m)).dist * h
hierarchy.ward(m)
hierarchy.weighted(m)
""",
    "linalg": """
block_diag(a, m)
fiedler(x)
orthogonal_procrustes(a, c)
""",
    "differentiate": """
derivative(lambda z, b: xp.sin(b * z), h * 0.5, args=(h,)).df
derivative(lambda z: xp.sin(z), h).df
jacobian(lambda z: xp.sin(z) * z**2, w, initial_step=0.1).df
hessian(lambda z: xp.sum(xp.sin(z) * z**2, axis=0), w).ddf
""",
    "constants": """
convert_temperature(x, "Celsius", "Kelvin")
lambda2nu(q)
nu2lambda(q)
""",
}


def given(xp: Any, function: Any, *args: Any) -> Any:
    """Call a function that makes an array, in the namespace of the probe."""
    return function(*args) if xp is np else function(*args, xp=xp)


def rigid(w: Any) -> Any:
    """Return the matrix of a translation, of NumPy or of xpnet."""
    import array_api_compat

    xp = array_api_compat.array_namespace(w)
    top = xp.concat([xp.eye(3, dtype=w.dtype), w[:, None]], axis=1)
    return xp.concat([top, xp.asarray([[0.0, 0, 0, 1]])], axis=0)


def rotation_setitem(o: Any, w: Any) -> Any:
    """Write a rotation into others."""
    from scipy.spatial.transform import Rotation

    rotations = Rotation.from_quat(o)
    rotations[0] = Rotation.from_rotvec(w)
    return rotations.as_matrix()


def rigid_setitem(v: Any, w: Any) -> Any:
    """Write a rigid transform into others."""
    from scipy.spatial.transform import RigidTransform

    transforms = RigidTransform.from_translation(v)
    transforms[0] = RigidTransform.from_translation(w)
    return transforms.as_matrix()


def section(q: Any) -> Any:
    """Return a stable filter of second order that depends smoothly on `q`."""
    import array_api_compat

    xp = array_api_compat.array_namespace(q)
    weights = xp.asarray([[1.0, 1, 1, 0, 0.1, 0.05]])
    return q * weights + xp.asarray([[0.0, 0, 0, 1, 0, 0]])


def linkage(m: Any) -> Any:
    """Return a clustering of four points that depends smoothly on `m`."""
    import array_api_compat

    xp = array_api_compat.array_namespace(m)
    rows = [[0.0, 1.0, 0.5, 2.0], [2.0, 3.0, 0.9, 2.0], [4.0, 5.0, 1.6, 4.0]]
    height = xp.asarray([[0.0, 0, 1, 0]]) * (0.01 * m[0, 0])
    return xp.asarray(rows) + height


HELPERS = {
    "given": given,
    "rigid": rigid,
    "rotation_setitem": rotation_setitem,
    "rigid_setitem": rigid_setitem,
    "linkage": linkage,
    "section": section,
    "np": np,
}


def probes() -> list[Probe]:
    """Return the probes of SciPy, in the order of `CALLS`."""
    found = []
    modules = {name: importlib.import_module(f"scipy.{name}") for name in MODULES}
    for name in ("transform", "elementwise", "windows", "vq", "hierarchy"):
        for parent in ("spatial", "optimize", "signal", "cluster"):
            if hasattr(modules[parent], name) or name == "elementwise":
                path = "optimize" if name == "elementwise" else parent
                modules[name] = importlib.import_module(f"scipy.{path}.{name}")
                break
    for module, text in CALLS.items():
        for line in text.strip().splitlines():
            label, colon, call = line.partition(": ")
            if not colon or "(" in label or "[" in label:
                label, call = line.split("(")[0], f"{module}.{line}"
            full = f"scipy.{module}.{label}"
            if label.partition(".")[0] in ("Rotation", "RigidTransform", "Slerp"):
                full = f"scipy.spatial.transform.{label}"
            found.append(Probe(full, call, {**modules, **HELPERS}))
    return found


__all__ = ["CALLS", "probes"]
