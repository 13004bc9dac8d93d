"""Each example runs on the CPU at small size, and its numbers are right."""

import importlib.util
import math
import re
import runpy
import sys
from pathlib import Path

import pytest

import xpnet as xn

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
NEED_SKLEARN = {"digits", "digits_cnn", "logistic_regression", "photographs"}


@pytest.fixture
def run(capsys, monkeypatch):
    """Run an example as a script; return what it prints."""

    def run(name, *words):
        if name in NEED_SKLEARN and importlib.util.find_spec("sklearn") is None:
            pytest.skip("scikit-learn, which holds the data, is not installed")
        if name == "photographs":
            pytest.importorskip("PIL")
        path = str(EXAMPLES / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, "--device", "cpu", *words])
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    return run


def load(name):
    """Import an example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbers(text):
    return [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e[+-]\d+)?", text)]


def after(text, start):
    """Return the numbers on the line that starts with these words, behind them."""
    (line,) = [
        line.strip()[len(start) :]
        for line in text.splitlines()
        if line.strip().startswith(start)
    ]
    return numbers(line)


def test_all_are_here():
    assert NAMES == [
        "digits",
        "digits_cnn",
        "gradient_descent_2d",
        "logistic_regression",
        "one_neuron",
        "photographs",
        "text_lstm",
        "text_transformer",
        "xor",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_started_as_its_docstring_says(name):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert f"    python examples/{name}.py [--device cpu|cuda|auto]" in text
    assert "[--quick]" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_device_that_does_not_exist_is_refused(name, run):
    with pytest.raises(xn.DeviceError, match="'tpu' is not a device"):
        run(name, "--quick", "--device", "tpu")


# --- one neuron ----------------------------------------------------------------------


def test_one_neuron_prints_the_three_factors_and_their_product(run):
    out = run("one_neuron", "--quick")
    # by hand: w = 0.8, x = 1.5, b = -1, target 1
    z = 0.8 * 1.5 - 1.0
    answer = 1.0 / (1.0 + math.exp(-z))
    assert after(out, "z    = w·x + b")[-1] == pytest.approx(0.2, abs=5e-7)
    assert after(out, "out  = sigmoid(z)")[-1] == pytest.approx(answer, abs=5e-7)
    (loss,) = after(out, "loss = (out − target)²")
    assert loss == pytest.approx((answer - 1.0) ** 2, abs=5e-7)

    first = after(out, "dL/dOut = 2·(out − target)")[-1]
    second = after(out, "dOut/dZ = out·(1 − out)")[-1]
    third, to_bias = after(out, "dZ/dW   = x")
    (product,) = after(out, "dL/dW   = dL/dOut · dOut/dZ · dZ/dW =")
    assert first == pytest.approx(2 * (answer - 1.0), abs=5e-7)
    assert second == pytest.approx(answer * (1.0 - answer), abs=5e-7)
    assert (third, to_bias) == (1.5, 1.0)  # the input, and 1 for the bias
    assert product == pytest.approx(first * second * third, abs=2e-6)


def test_one_neuron_gets_the_same_from_the_factors_the_tape_and_a_small_change(run):
    out = run("one_neuron", "--quick")
    factors = after(out, "the product of the factors")
    tape = after(out, "the tape: w.grad and b.grad")
    change = after(out, "a small change: ΔL/Δw and ΔL/Δb")
    assert factors == pytest.approx([-0.334270638, -0.222847092], abs=1e-9)
    assert tape == pytest.approx(factors, abs=1.5e-9)
    assert change == pytest.approx(factors, abs=5e-9)


def test_one_neuron_takes_steps_of_the_rule_and_its_loss_falls(run):
    out = run("one_neuron", "--quick")
    rows = [
        numbers(line)
        for line in out.partition("4. Update")[2].splitlines()[2:]
        if re.match(r" +\d", line)
    ]
    assert [row[0] for row in rows] == [0, 1, 2, 3, 10]
    # new = old − learning rate × gradient
    assert rows[1][1] == pytest.approx(0.8 - 0.5 * -0.334270638, abs=1e-6)
    assert rows[1][2] == pytest.approx(-1.0 - 0.5 * -0.222847092, abs=1e-6)
    losses = [row[4] for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 5


# --- gradient descent ----------------------------------------------------------------


def test_the_slope_of_a_square_at_3_is_6(run):
    out = run("gradient_descent_2d", "--quick")
    assert "dy/dx = 2x = 6.0\n" in out
    assert "y changes by 6.001 times as much as x" in out
    assert xn.grad(lambda x: x**2)(3.0) == 6.0


def test_the_first_step_on_the_bowl_is_the_rule(run):
    out = run("gradient_descent_2d", "--quick")
    bowl = out.partition("bowl:")[2].splitlines()
    start, first = numbers(bowl[2]), numbers(bowl[3])
    assert start == [0, 3.0, -2.0, 13.0, 6.0, -4.0]  # the gradient is (2x, 2y)
    assert first == pytest.approx([1, 2.4, -1.6, 8.32, 4.8, -3.2])


@pytest.mark.parametrize(
    ("name", "minimum", "within"),
    [
        ("bowl", (0.0, 0.0), 1e-3),
        ("valley", (0.0, 0.0), 2e-3),
        ("himmelblau", (3.0, 2.0), 1e-4),
    ],
)
def test_the_walk_ends_at_a_minimum(name, minimum, within):
    example = load("gradient_descent_2d")
    surface = example.SURFACES[name]
    path = example.descend(surface, surface.steps)
    assert path[-1][:2] == pytest.approx(minimum, abs=within)
    heights = [row[2] for row in path]
    assert heights == sorted(heights, reverse=True)


def test_the_curved_valley_is_entered_at_once_and_followed_slowly():
    example = load("gradient_descent_2d")
    path = example.descend(example.SURFACES["rosenbrock"], 2000)
    assert path[0][:3] == pytest.approx((-1.2, 1.0, 24.2))
    assert path[0][3:] == pytest.approx((-215.6, -88.0))
    assert path[10][2] < 4.2  # down the steep side in ten steps
    assert 0.01 < path[-1][2] < 0.1  # and after two thousand still not at the end
    assert 0.7 < path[-1][0] < 0.95


def test_the_walk_is_drawn(run, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "walk.png"
    out = run("gradient_descent_2d", "--quick", "--plot", str(file))
    assert f"drawn in {file}" in out
    assert file.read_bytes().startswith(b"\x89PNG")


# --- logistic regression -------------------------------------------------------------


def test_the_cost_starts_at_log_2_and_falls(run):
    out = run("logistic_regression", "--quick")
    assert after(out, "cost as written") == [0.693147]
    assert after(out, "losses.binary_...") == [0.693147]
    costs = [numbers(line)[1] for line in re.findall(r"step +\d+: cost .*", out)]
    assert costs[0] == 0.693147
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.1


def test_the_gradient_of_the_cost_is_the_one_by_hand(run):
    out = run("logistic_regression", "--quick")
    for start in ("∂cost/∂w₁", "∂cost/∂b"):
        tape, by_hand = after(out, start)
        assert tape == pytest.approx(by_hand, abs=2e-6)
        assert abs(tape) > 0.1


def test_the_cost_as_written_equals_the_loss_where_neither_overflows():
    example = load("logistic_regression")
    x = xn.asarray([[0.5, -1.0], [2.0, 0.25], [-1.5, 1.0]])
    y = xn.asarray([1.0, 0.0, 1.0])
    w, b = xn.asarray([0.3, -0.7]), xn.asarray(0.1)
    as_written = example.cost_as_written(w, b, x, y).item()
    assert as_written == pytest.approx(example.cost(w, b, x, y).item(), rel=1e-14)


def test_the_neuron_tells_tumours_apart(run):
    out = run("logistic_regression", "--quick")
    assert "0 = malignant, 1 = benign" in out
    assert after(out, "right on")[0] >= 95.0


# --- XOR and the digits --------------------------------------------------------------


def answers(text):
    rows = [numbers(line) for line in text.splitlines() if re.match(r" +[01] ", line)]
    return [row[2] for row in rows], [row[3] for row in rows]


def test_a_line_cannot_learn_xor_and_a_hidden_layer_can(run):
    without, _, with_layer = run("xor", "--quick").partition("with 4 hidden")
    targets, found = answers(without)
    assert targets == [0.0, 1.0, 1.0, 0.0]
    assert found == pytest.approx([0.5] * 4, abs=0.01)
    assert "not learned" in without
    targets, found = answers(with_layer)
    assert targets == [0.0, 1.0, 1.0, 0.0]
    assert found == pytest.approx(targets, abs=0.05)
    assert "not learned" not in with_layer
    assert "learned" in with_layer


@pytest.mark.parametrize("hidden", ["3", "8"])
def test_xor_is_learned_with_other_numbers_of_neurons(run, hidden):
    out = run("xor", "--hidden", hidden)
    assert out.rstrip().endswith("   learned")


def test_the_digits_are_read_and_drawn(run):
    out = run("digits", "--quick")
    shares = [float(n) for n in re.findall(r"right on (\S+)% of the test", out)]
    assert len(shares) == 4
    assert shares[-1] >= 90.0
    *_, picture, _ = out.rsplit("\n", maxsplit=2)
    pairs = re.findall(r"is (\d), read as (\d)", picture)
    assert len(pairs) == 4
    assert sum(one == two for one, two in pairs) >= 3
    assert "Total: 9,610 parameters, float32 on cpu" in out


def test_a_picture_has_eight_rows_and_a_shade_per_level():
    example = load("digits")
    white, black = [0.0] * 64, [1.0] * 64
    assert example.pictures([white]) == "\n" * 7
    assert example.pictures([black]) == "\n".join(["@" * 16] * 8)
    assert (
        example.pictures([black, black]).splitlines()[0] == "@" * 16 + "  " + "@" * 16
    )


# --- convolutions --------------------------------------------------------------------


@pytest.mark.slow
def test_the_convolutional_network_reads_985_digits_of_1000(run):
    out = run("digits_cnn")
    rights = [float(x) for x in re.findall(r"right on ([\d.]+)% of the test", out)]
    assert len(rights) == 30
    assert rights[-1] >= 98.5
    assert "64·32·3·3 + 64 = 18,496" in out


# --- a transformer that writes --------------------------------------------------------


def test_the_transformer_learns_to_write(run):
    out = run("text_transformer", "--quick")
    found = [float(n) for n in re.findall(r"(\S+) nats on unseen text", out)]
    assert found[0] == pytest.approx(math.log(93), abs=0.2)  # it guesses blindly
    assert found == sorted(found, reverse=True)
    assert found[-1] < 2.4
    assert len(out.partition("\n\nThe ")[2].rstrip("\n")) == 100


def test_the_character_to_be_guessed_is_the_next_one():
    example = load("text_transformer")
    ids = xn.xp.arange(50) * 2
    x, y = example.windows(ids, 4, 7, xn.random.Generator(0))
    assert x.shape == y.shape == (4, 7)
    assert (y.data == x.data + 2).all()


# --- an LSTM that writes --------------------------------------------------------------


def test_the_lstm_learns_to_write(run):
    out = run("text_lstm", "--quick")
    found = [float(n) for n in re.findall(r"(\S+) nats on unseen text", out)]
    assert found[0] == pytest.approx(math.log(93), abs=0.2)  # it guesses blindly
    assert found == sorted(found, reverse=True)
    assert found[-1] < 2.4
    assert len(out.partition("\n\nThe ")[2].rstrip("\n")) == 150


def test_the_text_is_read_in_streams_piece_by_piece():
    example = load("text_lstm")
    ids = xn.xp.arange(2 * (3 * example.PIECE + 1) + 1)
    text = example.streams(ids, 2)
    assert text.shape == (3 * example.PIECE + 1, 2)
    places = [0, 1, 2, 0]  # it begins again when there is no more
    for step, place in enumerate(places):
        x, y = example.piece(text, step)
        assert x.shape == y.shape == (example.PIECE, 2)
        assert x.data[0, 0] == place * example.PIECE
        assert (y.data == x.data + 1).all()


# --- photographs ----------------------------------------------------------------------


def test_a_hidden_layer_sees_what_one_neuron_does_not(run):
    out = run("photographs", "--quick")
    places = re.findall(r"x\[ *(\d+)\] = (\S+)   row (\d+), column (\d+), (\w+)", out)
    assert places[0][2:] == ("0", "0", "red")
    assert places[-1][0::2] == ("191", "7", "blue")
    neuron, network = after(out, "one neuron")[1], after(out, "a hidden layer of 32")[1]
    assert 65 < neuron < 85
    assert network > neuron + 8


def test_photographs_of_ones_own(run, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    for name, colour in (("cat", (220, 40, 40)), ("dog", (40, 40, 220))):
        (tmp_path / name).mkdir()
        for i in range(10):
            picture = pillow.new("RGB", (40 + i, 50), colour)
            picture.save(tmp_path / name / f"{i}.png")
    out = run("photographs", "--quick", "--folder", str(tmp_path))
    assert "16 images to learn from, 4 to test on" in out
    assert "the answers are 0 = cat, 1 = dog" in out
    (tmp_path / "bird").mkdir()
    pillow.new("RGB", (8, 8)).save(tmp_path / "bird" / "x.png")
    with pytest.raises(SystemExit, match="has 3 classes; one neuron that says yes"):
        run("photographs", "--quick", "--folder", str(tmp_path))
