"""The pictures hold the library's own numbers, and leave matplotlib as it was."""

import copy
import io
import itertools
import subprocess
import sys

import numpy as np
import pytest

import xpnet as xn
from xpnet import data, learn, losses, metrics, nn
from xpnet.learn import plots

matplotlib = pytest.importorskip("matplotlib", reason="pictures need matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: E402

RNG = np.random.default_rng(0)


def mlp(*sizes, activation=nn.ReLU, rng=0):
    """Return a plain network of dense layers."""
    layers = []
    for i, (inside, outside) in enumerate(itertools.pairwise(sizes)):
        layers += [nn.Linear(inside, outside, rng=rng + i), activation()]
    return nn.Sequential(*layers[:-1])


def texts(ax):
    return [text.get_text() for text in ax.texts]


def png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


# Every picture, drawn with `ax=` and `theme=`: the contracts below walk this table.
POINTS = data.moons(30)
LABELS = RNG.integers(0, 3, 40)
GUESSES = RNG.integers(0, 3, 40)
MODEL = mlp(2, 6, 2)
HISTORY = {
    "loss": [0.9, 0.5, 0.3],
    "val_loss": [1.0, 0.7, 0.6],
    "accuracy": [0, 0.5, 1],
}
PICTURES = {
    "slope": (1, lambda **o: plots.slope(xn.xp.tanh, np.linspace(-2, 2, 9), at=1, **o)),
    "activations": (2, lambda **o: plots.activations(["relu", "tanh"], **o)),
    "learning_curves": (2, lambda **o: plots.learning_curves(HISTORY, **o)),
    "microscope": (2, lambda **o: plots.microscope(learn.microscope("x^2", 3.0), **o)),
    "decision_boundary": (
        1,
        lambda **o: plots.decision_boundary(
            MODEL, POINTS.features, POINTS.labels, resolution=20, **o
        ),
    ),
    "confusion_matrix": (1, lambda **o: plots.confusion_matrix(LABELS, GUESSES, **o)),
    "weights_as_images": (1, lambda **o: plots.weights_as_images(MODEL[0], **o)),
    "activation_histograms": (
        1,
        lambda **o: plots.activation_histograms(MODEL, POINTS.features, **o),
    ),
    "gradient_histograms": (
        1,
        lambda **o: plots.gradient_histograms(
            MODEL, POINTS.features, POINTS.labels, losses.cross_entropy, **o
        ),
    ),
}
picture = pytest.mark.parametrize("name", PICTURES)


# --- contracts of every picture -------------------------------------------------------


def test_every_function_is_in_the_table():
    assert sorted([*PICTURES, "use_theme"]) == sorted(plots.__all__)


@picture
def test_a_picture_changes_no_setting_and_leaves_no_figure_with_pyplot(name):
    before, open_ones = dict(matplotlib.rcParams), plt.get_fignums()
    figure = PICTURES[name][1]()
    assert png(figure).startswith(b"\x89PNG")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == open_ones


@picture
def test_a_picture_does_not_depend_on_the_settings_of_the_user(name):
    plain = png(PICTURES[name][1]())
    mine = {
        "lines.linewidth": 9,
        "font.size": 30,
        "axes.grid": False,
        "xtick.color": "r",
    }
    with matplotlib.rc_context(mine):
        assert png(PICTURES[name][1]()) == plain


@picture
def test_dark_is_dark_and_light_is_light(name):
    for theme, low, high in (("light", 0.9, 1.0), ("dark", 0.0, 0.15)):
        figure = PICTURES[name][1](theme=theme)
        file = io.BytesIO(png(figure))
        pixels = plt.imread(file)[..., :3]
        corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert low <= corners.mean() <= high
        for ax in figure.axes:
            labels = [ax.xaxis.label, ax.yaxis.label, ax.title]
            for text in [*labels, *(ax.get_xticklabels() if ax.axison else [])]:
                ink = np.mean(matplotlib.colors.to_rgb(text.get_color()))
                assert abs(ink - corners.mean()) > 0.5, text.get_text()


@picture
def test_axes_of_the_user_are_drawn_on_and_keep_their_figure(name):
    count, draw = PICTURES[name]
    figure = plt.figure(facecolor="#101010")
    try:
        axes = figure.subplots(1, count)
        assert draw(ax=axes) is figure
        for ax in np.ravel(axes):
            assert ax.has_data()
            ink = np.mean(matplotlib.colors.to_rgb(ax.xaxis.label.get_color()))
            assert ink > 0.5  # the background is dark
        png(figure)
    finally:
        plt.close(figure)


@picture
def test_another_number_of_axes_and_another_theme_are_refused(name):
    count, draw = PICTURES[name]
    figure = matplotlib.figure.Figure()
    axes = figure.subplots(1, count + 1)
    with pytest.raises(xn.XpnetError, match=rf"ax holds {count + 1} axes.* {count} "):
        draw(ax=axes)
    with pytest.raises(xn.XpnetError, match="theme='blue'; it is one of light, dark"):
        draw(theme="blue")


@picture
def test_nothing_is_cut_off(name):
    figure = PICTURES[name][1]()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    for ax in figure.axes:
        for text in drawn_texts(ax):
            box = text.get_window_extent(canvas.get_renderer())
            assert min(box.x0, box.y0) >= 0, text.get_text()
            assert box.x1 <= width, text.get_text()
            assert box.y1 <= height, text.get_text()


def drawn_texts(ax):
    """Return the texts of axes, without the labels of ticks outside the limits."""
    found = [*ax.texts, ax.title, ax._left_title]
    if ax.axison:
        found += [ax.xaxis.label, ax.yaxis.label]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
            found += [label for place, label in ticks if low <= place <= high]
    return [text for text in found if text.get_text()]


def test_a_theme_is_used_inside_its_block_and_no_longer():
    with plots.use_theme("dark"):
        inside = plots.activations(["relu"])
        assert plots.activations(["relu"], theme="light").get_facecolor()[0] == 1.0
    outside = plots.activations(["relu"])
    assert inside.get_facecolor()[0] < 0.1 < 0.9 < outside.get_facecolor()[0]
    with pytest.raises(xn.XpnetError, match="light, dark"), plots.use_theme("grey"):
        pass


def test_the_package_loads_without_matplotlib_and_a_picture_is_one_sentence():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import numpy as np, xpnet as xn\n"
        "from xpnet.learn import plots\n"
        "try: plots.slope(xn.xp.tanh, np.linspace(-1, 1, 5))\n"
        "except xn.XpnetError as error: print(error)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.count("\n") == 1
    assert out.rstrip().endswith("Type: pip install 'xpnet[plot]'.")


# --- curves ---------------------------------------------------------------------------


def test_the_slope_that_is_drawn_is_grads():
    x = np.linspace(-3.0, 4.0, 29)
    figure = plots.slope(lambda x: x**2, x, at=3.0, name="x²")
    value, derivative, tangent, point = figure.axes[0].lines
    np.testing.assert_array_equal(value.get_xydata(), np.stack([x, x**2], 1))
    grads = [xn.grad(lambda x: x**2)(place) for place in x]
    np.testing.assert_array_equal(derivative.get_ydata(), grads)
    (x0, x1), (y0, y1) = tangent.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(6.0)
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (3.0, 9.0)
    assert texts(figure.axes[0]) == ["slope 6 at x = 3"]
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["x²", "slope of x²"]


def test_lines_differ_by_more_than_their_colour():
    figure = plots.slope(xn.xp.sin, np.linspace(-3, 3, 9))
    one, two = figure.axes[0].lines
    assert one.get_color() != two.get_color()
    assert one.get_linestyle() != two.get_linestyle()
    figure = plots.learning_curves({"loss": [1, 2], "val_loss": [2, 3]})
    one, two = figure.axes[0].lines
    assert one.get_marker() != two.get_marker()


def test_a_formula_names_itself_and_a_pole_does_not_flatten_the_rest():
    from xpnet.learn.formula import Formula

    figure = plots.slope(Formula("1/x"), np.linspace(-2, 2, 400))
    labels = [line.get_label() for line in figure.axes[0].lines]
    assert labels == ["1/x", "slope of 1/x"]
    low, high = figure.axes[0].get_ylim()
    assert high - low < 4000  # the slope at 0.005 is 40 000


def test_the_microscope_shows_secants_that_become_the_tangent_and_their_errors():
    seen = [learn.microscope("x^2", 3.0, dtype=d) for d in ("float64", "float32")]
    left, right = plots.microscope(seen).axes
    lines = [line for line in left.lines if line.get_label()[0] != "_"]
    labels = [line.get_label() for line in lines]
    assert labels[0] == "y = x²"
    assert labels[1:] == [
        "h = 1: slope 7", "h = 0.1: slope 6.1", "h = 0.01: slope 6.01",
        "tangent: slope 6",
    ]  # fmt: skip
    for line, slope in zip(lines[1:], (7, 6.1, 6.01, 6), strict=True):
        (x0, y0), *_, (x1, y1) = line.get_xydata()
        assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
        assert y0 + slope * (3.0 - x0) == pytest.approx(9.0)  # all pass through (3, 9)
    names = [line.get_label() for line in right.lines]
    assert names == [f"{s.dtype}, {k}" for s in seen for k in ("forward", "central")]
    for i, one in enumerate(seen):
        for line, side in zip(
            right.lines[2 * i :], ("forward", "central"), strict=False
        ):
            errors = [getattr(s, f"{side}_error") for s in one.secants]
            assert line.get_xdata().tolist() == [s.h for s in one.secants]
            np.testing.assert_array_equal(np.nan_to_num(line.get_ydata()), errors)
    assert (right.get_xscale(), right.get_yscale()) == ("log", "log")
    with pytest.raises(xn.XpnetError, match="nothing to draw"):
        plots.microscope([])


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softplus", "gelu"])
def test_an_activation_is_drawn_with_its_own_slope(name):
    figure = plots.activations([name], x=np.linspace(-2.0, 2.0, 9))
    value, derivative, _ = figure.axes[0].lines
    f = getattr(nn.functional, name)
    for (x, y), rise in zip(value.get_xydata(), derivative.get_ydata(), strict=True):
        assert y == pytest.approx(f(x).item())
        assert rise == pytest.approx(xn.grad(f)(x))


def test_the_title_of_an_activation_has_the_formula_of_the_table():
    figure = plots.activations(["sigmoid", "tanh", "gelu"])
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [
        "sigmoid   slope σ(x)·(1 − σ(x))",
        "tanh   slope 1 − tanh²(x)",
        "gelu",
    ]
    with pytest.raises(xn.XpnetError, match="no function 'sigmoidal'"):
        plots.activations(["sigmoidal"])


def test_learning_curves_hold_the_history_whatever_its_form():
    rows = [
        {"loss": 0.9, "test": {"loss": 1.0, "accuracy": 0.5}},
        {"loss": 0.4, "test": {"loss": 0.6, "accuracy": 0.75}},
    ]
    left, right = plots.learning_curves(rows).axes
    assert [line.get_label() for line in left.lines] == ["loss", "test loss"]
    assert left.lines[1].get_xydata().tolist() == [[1, 1.0], [2, 0.6]]
    assert right.lines[0].get_ydata().tolist() == [0.5, 0.75]
    assert (left.get_ylabel(), right.get_ylabel()) == ("loss", "accuracy")
    columns = {"loss": [xn.asarray(0.9), 0.4]}
    (only,) = plots.learning_curves(columns, log=True).axes
    assert only.get_yscale() == "log"
    assert only.lines[0].get_ydata().tolist() == [0.9, 0.4]
    with pytest.raises(xn.XpnetError, match="holds no numbers"):
        plots.learning_curves([])


# --- classes --------------------------------------------------------------------------


def test_the_numbers_in_the_cells_are_the_counts():
    figure = plots.confusion_matrix(LABELS, GUESSES)
    counts = metrics.confusion_matrix(GUESSES, LABELS, classes=3).data
    assert texts(figure.axes[0]) == [str(n) for n in counts.ravel()]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), counts)
    assert figure.axes[0].get_xlabel() == "Predicted label"
    assert figure.axes[0].get_ylabel() == "True label"


@pytest.mark.parametrize(
    ("normalize", "axis"), [("true", 1), ("pred", 0), ("all", None)]
)
def test_shares_sum_to_one_over_what_the_word_says(normalize, axis):
    figure = plots.confusion_matrix(LABELS, GUESSES, normalize=normalize)
    shares = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shares.sum(axis=axis), 1.0)
    assert texts(figure.axes[0]) == [f"{share:.2f}" for share in shares.ravel()]
    with pytest.raises(xn.XpnetError, match="'true', 'pred', 'all' or None"):
        plots.confusion_matrix(LABELS, GUESSES, normalize="rows")


def test_a_model_is_asked_for_its_predictions():
    figure = plots.confusion_matrix(POINTS.labels, MODEL, POINTS.features)
    x, y = POINTS.arrays()
    counts = metrics.confusion_matrix(MODEL(x), y).data
    assert texts(figure.axes[0]) == [str(n) for n in counts.ravel()]
    with pytest.raises(xn.XpnetError, match="give the samples too"):
        plots.confusion_matrix(POINTS.labels, MODEL)


def test_a_class_that_nobody_predicted_has_its_row_and_column():
    names = ["cat", "dog", "bird"]
    figure = plots.confusion_matrix([0, 1], [0, 0], classes=names)
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == names
    assert texts(figure.axes[0]) == ["1", "0", "0", "1", "0", "0", "0", "0", "0"]


def test_the_boundary_is_where_the_model_is_undecided():
    line = nn.Linear(2, 1, rng=0).double()  # x₁ + x₂ − 0.5 is its logit
    line.load_state_dict({"weight": [[1.0, 1.0]], "bias": [-0.5]})
    X = np.asarray([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])
    figure = plots.decision_boundary(line, X, [0, 1, 1, 0], classes=["low", "high"])
    ax = figure.axes[0]
    (contour,) = [c for c in ax.collections if hasattr(c, "levels")]
    found = np.concatenate([p.vertices for p in contour.get_paths()])
    np.testing.assert_allclose(found.sum(axis=1), 0.5, atol=1e-3)
    assert ax.get_aspect() == 1.0
    low, high = [c for c in ax.collections if not hasattr(c, "levels")]
    assert low.get_offsets().tolist() == [[-1.0, -1.0], [-1.0, 1.0]]
    assert (low.get_label(), high.get_label()) == ("low", "high")
    assert len(low.get_paths()[0].vertices) != len(high.get_paths()[0].vertices)


def test_the_colour_of_a_region_is_that_of_its_class():
    figure = plots.decision_boundary(
        lambda p: np.stack([-p[:, 0], p[:, 0], 0 * p[:, 0] - 9], 1),
        POINTS.features,
        POINTS.labels,
        resolution=8,
    )
    ax = figure.axes[0]
    image = ax.images[0].get_array()
    first, second = (
        matplotlib.colors.to_rgb(c.get_facecolor()[0])
        for c in [c for c in ax.collections if not hasattr(c, "levels")][:2]
    )
    left, right = image[4, 0], image[4, -1]  # x₁ < 0 is class 0
    assert np.abs(left - first).sum() < np.abs(left - second).sum()
    assert np.abs(right - second).sum() < np.abs(right - first).sum()


def test_probabilities_are_read_as_they_are():
    def model(p):
        return np.full(p.shape[0], 0.25)

    shade = {}
    for given in (False, True):
        figure = plots.decision_boundary(
            model, POINTS.features, POINTS.labels, probabilities=given, resolution=4
        )
        ax = figure.axes[0]
        shade[given] = ax.images[0].get_array()[0, 0]
    colors = [
        matplotlib.colors.to_rgb(c.get_facecolor()[0]) for c in ax.collections[-2:]
    ]
    # 0.25 is a logit above 0 (class 1), and a probability below one half (class 0)
    assert np.abs(shade[True] - colors[0]).sum() < np.abs(shade[True] - colors[1]).sum()
    assert (
        np.abs(shade[False] - colors[1]).sum() < np.abs(shade[False] - colors[0]).sum()
    )
    with pytest.raises(xn.XpnetError, match=r"X has shape \(4, 3\)"):
        plots.decision_boundary(model, np.zeros((4, 3)), [0] * 4)


# --- inside a model -------------------------------------------------------------------


def stairs(ax):
    """Return the filled histograms of the rows: their edges and heights in [0, 1]."""
    patches = [p for p in ax.patches if p.get_fill()]
    return [
        (p.get_data().edges, (p.get_data().baseline - p.get_data().values) / 0.85)
        for p in patches
    ]


def test_each_row_is_the_histogram_of_its_layer():
    x, _ = POINTS.arrays()
    figure = plots.activation_histograms(MODEL, POINTS.features)
    out = x
    for layer, (edges, heights) in zip(MODEL, stairs(figure.axes[0]), strict=True):
        out = layer(out)
        values = out.data.ravel().astype(np.float64)
        counts, _ = np.histogram(values[values != 0], edges)
        expected = np.where(counts > 0, counts / counts.max(), np.nan)
        np.testing.assert_allclose(heights, expected)
    assert "exactly 0" in texts(figure.axes[0])[1]  # behind the ReLU


def test_gradients_of_parameters_are_those_of_grad():
    x, y = POINTS.arrays()
    figure = plots.gradient_histograms(
        MODEL, x, y, losses.cross_entropy, of="parameters"
    )
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert names == [name for name, _ in MODEL.named_parameters()]
    grads = xn.grad(lambda model: losses.cross_entropy(model(x), y))(MODEL)
    for g, text in zip(grads.parameters(), texts(figure.axes[0]), strict=True):
        rms = float(text.split("\n")[0].removeprefix("rms "))
        assert rms == pytest.approx(np.sqrt(np.mean(g.data**2)), rel=5e-3)


def test_gradients_of_outputs_are_those_on_the_way_back():
    x, y = POINTS.arrays()
    figure = plots.gradient_histograms(MODEL, x, y, losses.cross_entropy)
    hidden = MODEL[0](x)
    g = xn.grad(lambda h: losses.cross_entropy(MODEL[2](MODEL[1](h)), y))(hidden)
    rms = np.sqrt(np.mean(g.data.astype(np.float64) ** 2))
    shown = texts(figure.axes[0])[0].split("\n")[0]
    assert float(shown.removeprefix("rms ")) == pytest.approx(rms, rel=5e-3)
    with pytest.raises(xn.XpnetError, match="'outputs' or 'parameters'"):
        plots.gradient_histograms(MODEL, x, y, losses.cross_entropy, of="weights")


def test_looking_at_a_model_changes_nothing_of_it():
    model = nn.Sequential(
        nn.Linear(2, 8, rng=0),
        nn.BatchNorm1d(8),
        nn.Dropout(rng=1),
        nn.Linear(8, 2, rng=2),
    )
    model[0].freeze()
    x, y = POINTS.arrays()
    losses.cross_entropy(model(x), y).backward()
    before = copy.deepcopy(model.state_dict())
    grads = [None if p.grad is None else p.grad.data.copy() for p in model.parameters()]
    twin = copy.deepcopy(model)
    plots.activation_histograms(model, x)
    plots.gradient_histograms(model, x, y, losses.cross_entropy)
    plots.decision_boundary(model, x, y, resolution=5)
    plots.confusion_matrix(y, model, x)
    assert model.training
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.data, before[name].data)
    for p, g in zip(model.parameters(), grads, strict=True):
        assert (p.grad is None) is (g is None)
        assert g is None or (p.grad.data == g).all()
    assert [p.requires_grad for p in model.parameters()] == [False] * 2 + [True] * 4
    assert all(module._detour is None for module in model.modules())
    np.testing.assert_array_equal(model(x).data, twin(x).data)  # dropout's numbers too


def test_an_image_of_weights_has_each_weight_once():
    layer = nn.Linear(16, 6, rng=0)
    figure = plots.weights_as_images(layer)
    image = figure.axes[0].images[0]
    whole = np.ma.filled(image.get_array(), np.nan)
    weight = layer.weight.data
    np.testing.assert_array_equal(whole[:4, :4], weight[0].reshape(4, 4))
    np.testing.assert_array_equal(whole[5:9, 10:14], weight[5].reshape(4, 4))
    assert np.isfinite(whole).sum() == weight.size
    bound = np.abs(weight).max()
    assert image.get_clim() == pytest.approx((-bound, bound))


def test_a_convolution_has_an_image_for_each_pair_of_channels_or_one_in_colour():
    conv = nn.Conv2d(2, 3, 3, rng=0)
    whole = plots.weights_as_images(conv).axes[0].images[0].get_array()
    assert whole.shape == (3 * 4 - 1, 2 * 4 - 1)
    np.testing.assert_array_equal(whole[4:7, 4:7], conv.weight.data[1, 1])
    coloured = nn.Conv2d(3, 2, 5, rng=0)
    whole = plots.weights_as_images(coloured).axes[0].images[0].get_array()
    weight = coloured.weight.data.astype(np.float64)
    expected = 0.5 + 0.5 * weight[0] / np.abs(weight).max()
    np.testing.assert_allclose(whole[:5, :5], np.moveaxis(expected, 0, -1))
    along = plots.weights_as_images(nn.Conv1d(4, 2, 3, rng=0)).axes[0].images[0]
    assert along.get_array().shape in {(4, 7), (9, 3)}


def test_weights_that_are_no_images_are_refused_with_a_next_step():
    with pytest.raises(xn.XpnetError, match=r"get_submodule gives .* '0', '2'"):
        plots.weights_as_images(MODEL)
    with pytest.raises(xn.XpnetError, match="ReLU has no weight of its own"):
        plots.weights_as_images(nn.ReLU())
    with pytest.raises(xn.XpnetError, match=r"shape=\(3, 3\) is 9 numbers.* has 16"):
        plots.weights_as_images(np.zeros((2, 16)), shape=(3, 3))
    with pytest.raises(xn.XpnetError, match=r"the weight has shape \(4,\)"):
        plots.weights_as_images(np.zeros(4))


# --- other libraries ------------------------------------------------------------------


def test_models_and_arrays_of_other_libraries_are_brought_to_the_host(make):
    x = np.asarray(POINTS.features, dtype=np.float64)
    model = mlp(2, 4, 2).double().to(like=make(x))
    given, labels = make(x), make(POINTS.labels)
    figure = plots.activation_histograms(model, given)
    assert len(texts(figure.axes[0])) == 3
    plots.gradient_histograms(model, given, labels, losses.cross_entropy)
    plots.decision_boundary(model, given, labels, resolution=4)
    plots.confusion_matrix(labels, model, given)
    plots.weights_as_images(model[0])
    figure = plots.slope(xn.xp.tanh, np.linspace(-1, 1, 5))
    assert figure.axes[0].lines[1].get_ydata()[2] == 1.0
