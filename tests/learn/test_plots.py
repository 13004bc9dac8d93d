"""The pictures hold the library's own numbers, and leave matplotlib as it was."""

import copy
import functools
import io
import itertools
import subprocess
import sys

import numpy as np
import pytest

import xpnet as xn
from xpnet import data, learn, losses, metrics, nn, optim
from xpnet.learn import plots
from xpnet.learn.plots.heights import spaced
from xpnet.learn.plots.style import LIGHT

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
    figure.savefig(file, format="png", dpi=50)
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
RACE = learn.descend(
    "x^2 + 4y^2",
    (2.0, 1.0),
    {
        "SGD": lambda w: optim.SGD(w, lr=0.1),
        "Adam": lambda w: optim.Adam(w, lr=0.3),
    },
    steps=6,
)
PASSED = [
    {name: np.asarray(x.data) + 0.3 * k * RNG.normal(size=x.shape) for name, x in w}
    for k in (3, 2, 1)
    for w in [list(MODEL.named_parameters())]
]
SEEN = learn.landscape(
    MODEL,
    POINTS,
    losses.cross_entropy,
    directions="pca",
    trajectory=PASSED,
    size=(9, 7),
    progress=False,
)
PICTURES = {
    "slope": (1, lambda **o: plots.slope(xn.xp.tanh, np.linspace(-2, 2, 9), at=1, **o)),
    "activations": (2, lambda **o: plots.activations(["relu", "tanh"], **o)),
    "learning_curves": (2, lambda **o: plots.learning_curves(HISTORY, **o)),
    "descent": (1, lambda **o: plots.descent(RACE, **o)),
    "animate": (1, lambda **o: plots.animate(RACE, frames=3, **o).figure),
    "landscape": (1, lambda **o: plots.landscape(SEEN, **o)),
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


@functools.cache
def drawn(name, theme):
    """Return a picture that has been drawn, and its canvas."""
    figure = PICTURES[name][1](theme=theme)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return figure, canvas


@picture
def test_a_picture_neither_changes_nor_takes_the_settings_of_the_user(name):
    before, open_ones = dict(matplotlib.rcParams), plt.get_fignums()
    plain = png(PICTURES[name][1]())
    assert plain.startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == open_ones
    mine = {"lines.linewidth": 9, "font.size": 30, "xtick.color": "red"}
    with matplotlib.rc_context(mine):
        assert png(PICTURES[name][1]()) == plain


@picture
def test_dark_is_dark_and_light_is_light(name):
    for theme, low, high in (("light", 0.9, 1.0), ("dark", 0.0, 0.15)):
        figure, canvas = drawn(name, theme)
        pixels = np.asarray(canvas.buffer_rgba())[..., :3] / 255
        paper = pixels[[0, 0, -1, -1], [0, -1, 0, -1]].mean()
        assert low <= paper <= high
        for ax in figure.axes:
            for text in drawn_texts(ax):
                ink = np.mean(matplotlib.colors.to_rgb(text.get_color()))
                assert abs(ink - paper) > 0.4 or text in ax.texts, text.get_text()


@picture
def test_axes_of_the_user_are_drawn_on_and_keep_their_figure(name):
    count, draw = PICTURES[name]
    figure = plt.figure(facecolor="#101010")
    try:
        axes = figure.subplots(1, count)
        assert draw(ax=axes) is figure
        assert all(ax.has_data() for ax in np.ravel(axes))
        png(figure)
        for ax in figure.axes:
            for text in set(drawn_texts(ax)) - set(ax.texts):
                ink = np.mean(matplotlib.colors.to_rgb(text.get_color()))
                assert ink > 0.5, text.get_text()  # the background is dark
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
    figure, canvas = drawn(name, "light")
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


def test_a_notebook_shows_a_picture():
    assert plots.activations(["relu"])._repr_png_().startswith(b"\x89PNG")


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


def test_a_gap_is_where_there_is_no_value_and_a_sum_is_no_curve():
    figure = plots.slope(xn.xp.log, np.linspace(-1.0, 1.0, 5))
    value, rise = figure.axes[0].lines
    assert np.isnan(value.get_ydata()[:2]).all()
    assert rise.get_ydata()[3:].tolist() == [2.0, 1.0]
    with pytest.raises(xn.XpnetError, match="must be elementwise"):
        plots.slope(xn.xp.sum, np.linspace(-1.0, 1.0, 5))
    with pytest.raises(xn.XpnetError, match=r"x has shape \(\); it is \(n,\)"):
        plots.slope(xn.xp.sin, 3.0)


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
    numbered = plots.learning_curves([{"epoch": 5, "loss": 2}, {"epoch": 9, "loss": 1}])
    assert numbered.axes[0].lines[0].get_xydata().tolist() == [[5, 2], [9, 1]]
    columns = {"loss": [xn.asarray(0.9), 0.4]}
    (only,) = plots.learning_curves(columns, log=True).axes
    assert only.get_yscale() == "log"
    assert only.lines[0].get_ydata().tolist() == [0.9, 0.4]
    with pytest.raises(xn.XpnetError, match="holds no numbers"):
        plots.learning_curves([])


# --- descents -------------------------------------------------------------------------


def ways(ax):
    """Return the lines of a picture of descents by their labels."""
    return {line.get_label(): line for line in ax.lines if line.get_label()[0] != "_"}


def test_the_ways_are_the_points_of_the_descents():
    ax = plots.descent(RACE).axes[0]
    for name, way in RACE.items():
        np.testing.assert_array_equal(ways(ax)[name].get_xydata(), way.points)
    assert ways(ax)["start"].get_xydata().tolist() == [[2.0, 1.0]]
    assert ways(ax)["SGD"].get_color() != ways(ax)["Adam"].get_color()
    assert ways(ax)["SGD"].get_marker() != ways(ax)["Adam"].get_marker()
    assert ax.get_aspect() == 1.0
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_the_lines_of_a_surface_have_the_height_that_they_say():
    ax = plots.descent(RACE).axes[0]
    filled, lines = (c for c in ax.collections if hasattr(c, "levels"))
    assert len(filled.levels) > 5
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        x, y = path.vertices.T
        if len(x) > 50:  # the lowest is a few points around the minimum
            np.testing.assert_allclose(x**2 + 4 * y**2, level, rtol=0.03)


def test_what_is_shown_is_the_box_of_the_surface_or_the_points_or_as_asked():
    way = learn.descend("bowl", (-2.0, 1.5), optim.SGD, steps=3, lr=0.1)
    ax = plots.descent(way, "bowl").axes[0]
    assert (*ax.get_xlim(), *ax.get_ylim()) == learn.SURFACES["bowl"].box
    ax = plots.descent(way).axes[0]
    points = np.asarray(way.points)
    (left, right), (lower, upper) = ax.get_xlim(), ax.get_ylim()
    assert left < points[:, 0].min() < points[:, 0].max() < right
    assert lower < points[:, 1].min() < points[:, 1].max() < upper
    ax = plots.descent(way, box=(-3, 1, -1, 2)).axes[0]
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-3, 1, -1, 2)
    with pytest.raises(xn.XpnetError, match="left < right"):
        plots.descent(way, box=(1, -3, -1, 2))


def test_one_that_runs_away_does_not_push_the_others_out_of_sight():
    race = learn.descend(
        "x^2 + 4y^2",
        (2.0, 1.0),
        {
            "wild": lambda w: optim.SGD(w, lr=2.0),
            "calm": lambda w: optim.SGD(w, lr=0.05),
        },
        steps=30,
    )
    ax = plots.descent(race).axes[0]
    assert max(np.abs(ax.get_xlim())) < 5


def test_one_that_runs_away_to_infinity_is_drawn_as_far_as_it_can_be():
    way = learn.descend("x^2 + 4y^2", (2.0, 1.0), optim.SGD, steps=400, lr=3.0)
    assert way.ending.kind == "diverged"
    assert png(plots.descent(way)).startswith(b"\x89PNG")
    assert plots.animate(way, frames=4).still(-1).axes[0].get_title(loc="left")
    way = learn.descend("x^2", 2.0, optim.SGD, steps=600, lr=3.0)
    assert png(plots.descent(way)).startswith(b"\x89PNG")


def test_a_function_of_python_is_given_once_more_and_is_elementwise():
    def f(x, y):
        return x * x + xn.xp.exp(y)

    way = learn.descend(f, (1.0, 0.5), optim.SGD, steps=2, lr=0.1)
    with pytest.raises(xn.XpnetError, match=r"plots\.descent\(ways, f\)"):
        plots.descent(way)
    plots.descent(way, f)
    with pytest.raises(xn.XpnetError, match="must be elementwise"):
        plots.descent(way, lambda x, y: xn.xp.sum(x + y))


def test_a_descent_in_one_number_is_drawn_on_its_curve_and_in_three_not_at_all():
    way = learn.descend("x^2", 3.0, optim.SGD, steps=4, lr=0.3)
    ax = plots.descent(way).axes[0]
    curve, line, _ = ax.lines
    x, y = curve.get_data()
    np.testing.assert_allclose(y, x**2)
    (place,) = zip(*way.points, strict=True)
    assert line.get_xydata().tolist() == [
        list(p) for p in zip(place, way.values, strict=True)
    ]
    way = learn.descend("x1 + x2 + x3", (1.0, 2.0, 3.0), optim.SGD, steps=1, lr=0.1)
    with pytest.raises(xn.XpnetError, match=r"3 numbers \(x1, x2, x3\)"):
        plots.descent(way)


# --- landscapes -----------------------------------------------------------------------


def test_the_lines_of_a_landscape_and_the_trajectory_are_its_numbers():
    ax = plots.landscape(SEEN).axes[0]
    np.testing.assert_array_equal(ways(ax)["training"].get_xydata(), SEEN.trajectory)
    star = ways(ax)[f"the model: loss {learn.digits.number(SEEN.centre)}"]
    assert star.get_xydata().tolist() == [[0.0, 0.0]]
    assert (*ax.get_xlim(), *ax.get_ylim()) == (*SEEN.x[[0, -1]], *SEEN.y[[0, -1]])
    filled = next(c for c in ax.collections if hasattr(c, "levels"))
    assert filled.levels[0] == SEEN.loss.min()
    assert filled.levels[-1] == pytest.approx(SEEN.loss.max())
    share = f"{SEEN.explained[0]:.0%}"
    assert ax.get_xlabel() == f"first direction ({share})"
    plain = learn.landscape(MODEL, POINTS, losses.cross_entropy, size=3, progress=False)
    ax = plots.landscape(plain).axes[0]
    assert ax.get_ylabel() == "second direction"
    assert "training" not in ways(ax)


def test_the_surface_has_the_heights_of_the_landscape():
    ax = plots.landscape(SEEN, kind="3d").axes[0]
    assert ax.get_zlim() == pytest.approx((SEEN.loss.min(), SEEN.loss.max()), rel=0.3)
    (surface,) = ax.collections
    colors = surface.get_facecolor()
    assert len(colors) == 6 * 8  # the grid has 7 × 9 points
    assert surface.norm.vmin >= SEEN.loss.min()
    assert surface.norm.vmax <= SEEN.loss.max()
    x, y, z = ways(ax)["training"].get_data_3d()
    np.testing.assert_array_equal(np.stack([x, y], 1), SEEN.trajectory)
    assert (z >= SEEN.loss.min()).all()
    assert (z <= SEEN.loss.max()).all()
    dark = plots.landscape(SEEN, kind="3d", theme="dark")
    assert png(dark) != png(plots.landscape(SEEN, kind="3d"))
    given = matplotlib.figure.Figure()
    axes = given.add_subplot(projection="3d")
    assert plots.landscape(SEEN, kind="3d", ax=axes) is given
    with pytest.raises(xn.XpnetError, match="projection='3d'"):
        plots.landscape(SEEN, kind="3d", ax=matplotlib.figure.Figure().subplots())
    with pytest.raises(xn.XpnetError, match="'contour' or '3d'"):
        plots.landscape(SEEN, kind="surface")


def test_a_trajectory_lies_on_the_drawn_surface():
    seen = copy.copy(SEEN)
    X, Y = np.meshgrid(seen.x, seen.y)
    seen.loss = 2.0 * X - 3.0 * Y + X * Y  # which is what is drawn between points too
    line = ways(plots.landscape(seen, kind="3d").axes[0])["training"]
    x, y, z = line.get_data_3d()
    np.testing.assert_allclose(z, 2.0 * x - 3.0 * y + x * y, atol=1e-12)


def test_levels_are_closest_near_the_lowest_point():
    levels = spaced(np.linspace(5.0, 105.0, 1001).reshape(7, 143))
    rises = levels[1:] - levels[0]
    assert (levels[0], levels[-1]) == pytest.approx((5.0, 105.0))
    np.testing.assert_allclose(rises[2:] / rises[1:-1], rises[1] / rises[0])
    assert rises[1] > 1.1 * rises[0]


def test_a_plane_where_the_loss_is_not_finite_everywhere_is_drawn():
    seen = copy.copy(SEEN)
    seen.loss = SEEN.loss.copy()
    seen.loss[0, 0], seen.loss[-1, -1] = np.inf, np.nan
    for kind in ("contour", "3d"):
        assert png(plots.landscape(seen, kind=kind)).startswith(b"\x89PNG")
    seen.loss[:] = np.nan
    with pytest.raises(xn.XpnetError, match="no loss on the plane is finite"):
        plots.landscape(seen)


# --- what moves -----------------------------------------------------------------------


def test_each_frame_goes_as_far_as_its_step():
    movie = plots.animate(RACE, frames=4)
    assert (movie.frames, movie.fps) == (4, 12)
    for frame, step in enumerate((0, 2, 4, 6)):
        ax = movie.still(frame).axes[0]
        assert ax.get_title(loc="left") == f"step {step}"
        for name, way in RACE.items():
            line = ways(ax)[name]
            np.testing.assert_array_equal(line.get_xydata(), way.points[: step + 1])
    assert plots.animate(RACE, frames=99).frames == 7  # there are only 6 steps
    with pytest.raises(xn.XpnetError, match="there is no frame 4: there are 4"):
        movie.still(4)
    with pytest.raises(xn.XpnetError, match="2 pictures or more"):
        plots.animate(RACE, frames=1)


def test_a_gif_has_each_frame_and_the_same_bytes_again(tmp_path):
    from PIL import Image

    movie = plots.animate(RACE, frames=3)
    files = [tmp_path / "one.gif", tmp_path / "two.gif"]
    for file in files:
        movie.save(file, dpi=40)
    assert files[0].read_bytes() == files[1].read_bytes()
    with Image.open(files[0]) as image:
        assert image.n_frames == 3
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_the_last_picture_stays_for_a_while(tmp_path):
    from PIL import Image

    plots.animate(RACE, frames=2, fps=10).save(tmp_path / "race.gif", dpi=40)
    with Image.open(tmp_path / "race.gif") as image:
        durations = []
        for frame in range(2):
            image.seek(frame)
            durations.append(image.info["duration"])
    assert durations == [100, 1200]


def test_a_page_needs_nothing_else_and_moves_only_where_that_is_wanted(tmp_path):
    movie = plots.animate(RACE, frames=3)
    movie.save(tmp_path / "race.html", dpi=40)
    page = (tmp_path / "race.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 4  # the first one twice
    assert "http" not in page
    assert "@" not in page.partition("<script>")[0].replace("data:image", "")
    assert "prefers-reduced-motion" in page
    assert 'max="2"' in page
    assert "<main><h1>Animation</h1>" in page
    assert "<iframe" in movie._repr_html_()


def test_an_mp4_is_piped_to_ffmpeg_and_without_it_is_a_sentence(tmp_path):
    movie = plots.animate(RACE, frames=3)
    nowhere = matplotlib.rc_context({"animation.ffmpeg_path": str(tmp_path / "none")})
    with nowhere, pytest.raises(xn.XpnetError, match=r"not installed.* as \.gif"):
        movie.save(tmp_path / "race.mp4")
    script = tmp_path / "ffmpeg"
    script.write_text('#!/bin/sh\nfor last; do :; done\ncat > "$last"\n')
    script.chmod(0o755)
    with matplotlib.rc_context({"animation.ffmpeg_path": str(script)}):
        movie.save(tmp_path / "race.mp4", dpi=40)
    width, height = (movie.figure.get_size_inches() * 40).astype(int)
    piped = (tmp_path / "race.mp4").stat().st_size
    assert piped == pytest.approx(3 * 4 * width * height, rel=0.05)
    with pytest.raises(xn.XpnetError, match=r"\.gif, \.html, \.mp4, not as '\.avi'"):
        movie.save("race.avi")


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
    with pytest.raises(xn.XpnetError, match=r"y has the class 2, .* 0 to 1"):
        plots.decision_boundary(model, POINTS.features[:2], [0, 2])
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


def test_a_regression_takes_targets_of_another_dtype_and_frozen_layers_let_through():
    model = mlp(2, 4, 1, activation=nn.Tanh)
    model[0].freeze()
    y = np.linspace(0.0, 1.0, 30)[:, None]  # float64; the model has float32
    figure = plots.gradient_histograms(
        model, POINTS.features, y, losses.mean_squared_error
    )
    assert len(texts(figure.axes[0])) == 3
    figure = plots.gradient_histograms(
        model, POINTS.features, y, losses.mean_squared_error, of="parameters"
    )
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert names == ["2.weight", "2.bias"]
    model.freeze()
    with pytest.raises(xn.XpnetError, match="no parameter of the model is trained"):
        plots.gradient_histograms(
            model, POINTS.features, y, losses.mean_squared_error, of="parameters"
        )


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


def shown_images(figure, size, times):
    """Return the images of a picture of weights, each number once."""
    whole = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    height, width = (n * times + 1 for n in size)  # and a line
    rows, columns = (whole.shape[0] + 1) // height, (whole.shape[1] + 1) // width
    assert whole.shape[:2] == (rows * height - 1, columns * width - 1)
    assert np.isfinite(whole[:: height - 1, :: width - 1]).any()
    return np.asarray(
        [
            whole[i * height : i * height + height - 1 : times][
                :, j * width : j * width + width - 1 : times
            ]
            for i in range(rows)
            for j in range(columns)
        ]
    )


def test_an_image_of_weights_has_each_weight_once():
    layer = nn.Linear(16, 6, rng=0)
    figure = plots.weights_as_images(layer)
    weight = layer.weight.data
    images = shown_images(figure, (4, 4), times=2)
    np.testing.assert_array_equal(images, weight.reshape(6, 4, 4))
    bound = np.abs(weight).max()
    assert figure.axes[0].images[0].get_clim() == pytest.approx((-bound, bound))
    large = nn.Linear(100, 2, rng=0)
    images = shown_images(plots.weights_as_images(large), (10, 10), times=1)
    np.testing.assert_array_equal(images, large.weight.data.reshape(2, 10, 10))


def test_a_convolution_has_an_image_for_each_pair_of_channels_or_one_in_colour():
    conv = nn.Conv2d(2, 3, 3, rng=0)
    images = shown_images(plots.weights_as_images(conv), (3, 3), times=3)
    np.testing.assert_array_equal(images, conv.weight.data.reshape(6, 3, 3))
    coloured = nn.Conv2d(3, 2, 5, rng=0)
    images = shown_images(plots.weights_as_images(coloured), (5, 5), times=2)
    weight = coloured.weight.data.astype(np.float64)
    expected = 0.5 + 0.5 * weight / np.abs(weight).max()
    np.testing.assert_allclose(images, np.moveaxis(expected, 1, -1))
    along = plots.weights_as_images(nn.Conv1d(4, 2, 3, rng=0))
    assert shown_images(along, (4, 3), times=3).shape == (2, 4, 3)


def test_a_dense_layer_may_have_seen_images_with_channels_before_or_behind():
    dense = RNG.normal(size=(2, 12))
    behind = plots.weights_as_images(dense, shape=(2, 2, 3))
    expected = 0.5 + 0.5 * data.image.rolled(dense, (2, 2, 3)) / np.abs(dense).max()
    np.testing.assert_allclose(shown_images(behind, (2, 2), times=4), expected)
    before = plots.weights_as_images(dense, shape=(3, 2, 2))
    expected = 0.5 + 0.5 * dense.reshape(2, 3, 2, 2) / np.abs(dense).max()
    images = shown_images(before, (2, 2), times=4)
    np.testing.assert_allclose(images, np.moveaxis(expected, 1, -1))
    two = plots.weights_as_images(dense, shape=(2, 3, 2))  # a row for each neuron
    images = shown_images(two, (3, 2), times=4)
    np.testing.assert_array_equal(images, dense.reshape(4, 3, 2))


def test_weights_that_are_not_finite_are_seen_and_hide_no_others():
    weight = np.asarray([[1.0, -2.0, np.nan, 0.5], [0.0, np.inf, 1.5, -np.inf]])
    image = plots.weights_as_images(weight).axes[0].images[0]
    assert image.get_clim() == (-2.0, 2.0)
    over = image.cmap(image.norm(image.get_array()[5, 1]))  # of the NaN
    assert over == matplotlib.colors.to_rgba(LIGHT.text)
    colours = RNG.normal(size=(1, 12))
    colours[0, 4] = np.nan
    whole = plots.weights_as_images(colours, shape=(2, 2, 3)).axes[0].images[0]
    np.testing.assert_array_equal(whole.get_array()[0, 4], over[:3])
    assert np.isfinite(whole.get_array()).all()


def test_weights_that_are_no_images_are_refused_with_a_next_step():
    with pytest.raises(xn.XpnetError, match=r"get_submodule gives .* '0', '2'"):
        plots.weights_as_images(MODEL)
    with pytest.raises(xn.XpnetError, match="ReLU has no weight of its own"):
        plots.weights_as_images(nn.ReLU())
    with pytest.raises(xn.XpnetError, match=r"shape=\(3, 3\) is no image of the 16"):
        plots.weights_as_images(np.zeros((2, 16)), shape=(3, 3))
    with pytest.raises(xn.XpnetError, match=r"the weight has shape \(4,\)"):
        plots.weights_as_images(np.zeros(4))


# --- little, much, and what is not finite ---------------------------------------------


def test_steps_of_the_microscope_become_shorter_to_the_right():
    figure = plots.microscope(learn.microscope("x^2", 3.0))
    assert figure.axes[1].xaxis_inverted()


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plots.weights_as_images(np.zeros((0, 4))), "shape \\(0, 4\\)"),
        (lambda: plots.weights_as_images(np.ones((2, 4)), limit=0), "limit=0"),
        (lambda: plots.weights_as_images(np.ones((2, 4)) * 1j), "complex128"),
        (lambda: plots.activation_histograms(MODEL, np.zeros((0, 2))), "no samples"),
        (lambda: plots.slope(xn.xp.log, np.linspace(-1, 3, 9), at=-1), "at x = −1"),
        (lambda: plots.activations([]), "no names"),
        (lambda: plots.activations(["softmax"]), "softmax is not a function of one"),
        (lambda: plots.activations(["prelu"]), "prelu is not a function of one"),
        (
            lambda: plots.decision_boundary(
                MODEL, POINTS.features, POINTS.labels, resolution=1
            ),
            "resolution=1",
        ),
        (lambda: plots.learning_curves({"loss": [-1.0]}, log=True), "no loss is above"),
    ],
)
def test_what_cannot_be_drawn_is_said(draw, words):
    with pytest.raises(xn.XpnetError, match=words):
        draw()


def test_a_model_decides_as_in_use_and_stays_in_training():
    layers = (nn.Linear(2, 8, rng=0), nn.BatchNorm1d(8), nn.Dropout(0.5, rng=1))
    model = nn.Sequential(*layers, nn.Linear(8, 2, rng=2))
    before = {k: v.data.copy() for k, v in model.state_dict().items()}
    X, y = POINTS.features, POINTS.labels
    trained, used = (
        plots.decision_boundary(m, X, y, resolution=8).axes[0].images[0].get_array()
        for m in (model, copy.deepcopy(model).eval())
    )
    np.testing.assert_array_equal(trained, used)
    assert all(module.training for module in model.modules())
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.data, before[name])


def test_many_points_are_asked_in_parts():
    asked = []

    def model(points):
        asked.append(len(points))
        return points

    plots.decision_boundary(model, POINTS.features, POINTS.labels, resolution=100)
    assert asked == [4096, 4096, 10_000 - 2 * 4096]


def test_many_classes_have_colours_and_a_label_now_and_then():
    figure = plots.confusion_matrix(np.arange(50), np.arange(50))
    assert not figure.axes[0].texts
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels == [str(k) for k in range(0, 50, 2)]
    ticks = plots.confusion_matrix([0, 1], [0, 1]).axes[1].get_yticks()
    assert (ticks == np.round(ticks)).all()  # there are no half samples


def test_where_a_function_has_no_value_it_has_no_slope():
    x = np.asarray([-1.0, 0.5, 2.0])
    _, derivative = plots.slope(xn.xp.log, x).axes[0].lines
    np.testing.assert_array_equal(derivative.get_ydata(), [np.nan, 2.0, 0.5])


def test_the_words_at_a_tangent_stay_inside():
    figure = plots.slope(lambda x: x**2, np.linspace(-1, 1, 9), at=[-1.0, 1.0])
    left, right = figure.axes[0].texts
    assert (left.get_ha(), right.get_ha()) == ("left", "right")


def test_one_sample_and_samples_that_are_nowhere():
    model, one = nn.Linear(2, 1, rng=0), np.asarray([[3.0, 4.0]])
    axes = plots.decision_boundary(model, one, [1]).axes[0]
    assert axes.get_xlim() == pytest.approx((2.88, 3.12))
    lost = np.concatenate([one, [[np.nan, 1.0], [np.inf, 0.0]]])
    axes = plots.decision_boundary(model, lost, [1, 0, 1]).axes[0]
    assert axes.get_xlim() == pytest.approx((2.88, 3.12))
    with pytest.raises(xn.XpnetError, match="no samples with finite numbers"):
        plots.decision_boundary(model, lost[1:], [0, 1])
    with pytest.raises(xn.XpnetError, match="no samples to count"):
        plots.confusion_matrix(np.zeros(0, int), np.zeros(0, int))


def test_features_on_different_scales_fill_the_picture():
    X = RNG.normal(size=(20, 2)) * [1.0, 1000.0]
    axes = plots.decision_boundary(nn.Linear(2, 1, rng=0), X, X[:, 0] > 0).axes[0]
    assert axes.get_aspect() == "auto"
    reach = X[:, 0].max() - X[:, 0].min()
    assert np.diff(axes.get_xlim())[0] == pytest.approx(1.24 * reach)


def test_one_epoch_is_the_first_and_many_lines_have_their_legend_beside():
    axes = plots.learning_curves({"loss": [0.5]}).axes[0]
    assert axes.get_xticks().tolist() == [1]
    figure = plots.learning_curves({f"{k}_loss": [1.0, 0.5] for k in range(7)})
    figure.draw_without_rendering()
    (axes,) = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert legend.x0 >= axes.get_window_extent().x1


def test_numbers_that_are_not_finite_are_counted():
    x = np.ones((4, 2))
    x[0, 0] = np.nan
    (words,) = plots.activation_histograms(nn.Linear(2, 3, rng=0), x).axes[0].texts
    assert words.get_text().endswith("3 not finite")


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
