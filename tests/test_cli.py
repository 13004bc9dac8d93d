"""The command line: what it prints, saves and refuses."""

import os
import re
import signal
import subprocess
import sys

import pytest

import xpnet
from xpnet.backend import device as device_module
from xpnet.backend.device import Device
from xpnet.cli import main
from xpnet.errors import DeviceError, OptionError

pytest.importorskip("sklearn", reason="scikit-learn brings the data sets")

from xpnet.cli import options as options_module
from xpnet.cli import train as train_module
from xpnet.cli.app import top
from xpnet.cli.options import train_options
from xpnet.cli.report import Epoch, Report, Scores
from xpnet.interop.safetensors import load_file, load_metadata

CPU = Device("cpu")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Run in an empty folder, where nothing in the environment decides the device."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XPNET_DEVICE", raising=False)


@pytest.fixture
def no_cuda(monkeypatch):
    """A machine without a GPU, whatever this one has."""
    monkeypatch.setattr(device_module, "cuda_problem", lambda index=0: NO_GPU)
    monkeypatch.setattr(train_module, "cuda_problem", lambda index=0: NO_GPU)


NO_GPU = "no GPU is in this test. Type: nothing."


def xpnet_process(*words, **options):
    """Start the command in a process of its own."""
    path = [str(next(iter(xpnet.__path__)) + "/.."), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    return subprocess.Popen(
        [sys.executable, "-m", "xpnet", *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# --- what it prints ------------------------------------------------------------------

NUMBER = r"\d+\.\d{4}"
SHAPE_OF_A_RUN = rf"""device: cpu
data: digits, 1438 training and 359 test examples of 64 numbers, 10 classes
model: Sequential\(
  \(0\): Linear\(64, 8\) +weight \(8, 64\), bias \(8,\) +520
  \(1\): ReLU\(\)
  \(2\): Linear\(8, 10\) +weight \(10, 8\), bias \(10,\) +90
\)
Total: 610 parameters, float32 on cpu
epoch 1/2: train loss {NUMBER}, test loss {NUMBER}, test accuracy \d\d\.\d\d%
epoch 2/2: train loss {NUMBER}, test loss {NUMBER}, test accuracy \d\d\.\d\d%
         loss  accuracy
train  {NUMBER}    \d\d\.\d\d%
test   {NUMBER}    \d\d\.\d\d%
trained 2 epochs in \d+\.\d\d s
saved the weights in digits\.safetensors
"""


def test_a_run_prints_one_line_per_epoch_when_nobody_is_looking(capsys):
    words = "train digits --device cpu --hidden 8 --epochs 2 --lr 0.01".split()
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert re.fullmatch(SHAPE_OF_A_RUN, out)
    assert err == ""


def test_a_terminal_gets_a_bar_instead_of_the_lines(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    words = "train digits --device cpu --hidden 0 --epochs 3".split()
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "epoch 1/3" not in out
    assert "3/3" in err
    assert "test accuracy" in err
    assert "trained 3 epochs" in out


def test_the_bar_is_closed_after_an_error(capsys):
    report = Report(bar=True)
    report.begin(3)
    report.epoch(1, Epoch(0.5, Scores(0.25, 0.75)))
    report.end()
    report.end()
    assert report._progress is None
    assert "train loss 0.5000, test loss 0.2500, test accuracy 75.00%" in (
        capsys.readouterr().err
    )


def test_no_hidden_layer_is_logistic_regression(capsys):
    assert main("train digits --device cpu --hidden 0 --epochs 1".split()) == 0
    out = capsys.readouterr().out
    assert "Total: 650 parameters" in out
    assert "ReLU" not in out
    assert "trained 1 epoch in" in out


def test_auto_says_once_which_device_it_chose_and_why(capsys, no_cuda):
    assert main("train breast-cancer --epochs 1 --batch-size 200".split()) == 0
    out, err = capsys.readouterr()
    first, *rest = out.splitlines()
    assert first == f"device: cpu (chosen by auto: {NO_GPU.rstrip('.')})"
    assert not any("auto" in line for line in rest)
    assert err == ""


def test_auto_takes_a_gpu_that_works(monkeypatch):
    monkeypatch.setattr(train_module, "cuda_problem", lambda index=0: None)
    assert train_module._choose("auto") == (Device("cuda"), "cuda (chosen by auto)")


def test_devices_lists_what_works_and_why_cuda_does_not(capsys, no_cuda):
    assert main(["devices"]) == 0
    out = capsys.readouterr().out
    assert out == f"cpu\ncuda is not available: {NO_GPU}\n"


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"xpnet {xpnet.__version__}\n"


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_names_the_commands(capsys, words):
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "train" in out
    assert "devices" in out
    assert "learn" in out


def test_an_unknown_command_is_told_every_command(capsys):
    assert main(["frob"]) == 2
    words = capsys.readouterr().err.partition("use one of ")[2]
    assert words.rstrip(".\n").split(", ") == sorted(top.commands)


def test_help_of_train_names_every_option(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["train", "--help"]) == 0
    out = capsys.readouterr().out
    names = "device epochs batch-size lr hidden optimizer seed out".split()
    assert [name for name in names if f"--{name}" not in out] == []
    for choice in (*options_module.DEFAULTS, *options_module.OPTIMIZERS):
        assert choice in out


# --- what it learns and saves --------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The run of README.md's first command, twice."""
    folder = tmp_path_factory.mktemp("digits")
    runs = []
    for name in ("one", "two"):
        path = folder / f"{name}.safetensors"
        options = train_options("digits", device="cpu", out=path)
        runs.append(train_module.train(options))
    return runs


def test_the_digits_are_learned_to_97_percent_and_more(trained):
    one, _ = trained
    assert one.test.accuracy >= 0.97
    assert one.train.accuracy >= 0.99
    assert one.history[-1].train_loss < one.history[0].train_loss / 20


def test_training_takes_seconds(trained):
    one, two = trained
    assert 0.0 < min(one.seconds, two.seconds) <= 15.0


def test_the_same_seed_gives_the_same_weights_to_the_last_bit(trained):
    one, two = trained
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.history == two.history


def test_the_saved_weights_give_the_same_accuracy_in_a_new_model(trained):
    one, _ = trained
    task = train_module.load("digits")
    model = train_module.build(task, (1024,), seed=99, device=CPU)
    test = task.test.arrays("cpu")
    before = train_module._evaluate(model, test, task.loss)
    model.load_state_dict(load_file(one.path))
    assert before.accuracy < 0.5
    assert train_module._evaluate(model, test, task.loss) == one.test


def test_the_file_says_how_the_weights_were_made(trained):
    words = load_metadata(trained[0].path)
    inputs = words.pop("inputs")
    assert words == {
        "dataset": "digits",
        "hidden": "1024",
        "seed": "0",
        "dtype": "float32",
        "xpnet": xpnet.__version__,
    }
    mean, std = re.fullmatch(
        r"\(level / 16 - (.*)\) / (.*), row by row", inputs
    ).groups()
    features = train_module.load("digits").train.features * float(std) + float(mean)
    assert abs(features * 16 - (features * 16).round()).max() < 1e-4


def test_another_seed_gives_other_weights(tmp_path):
    def weights(seed):
        out = tmp_path / f"{seed}.safetensors"
        train_module.train(
            train_options("breast-cancer", device="cpu", epochs=1, seed=seed, out=out)
        )
        return out.read_bytes()

    assert weights(1) != weights(2)


@pytest.mark.parametrize("optimizer", options_module.OPTIMIZERS)
def test_breast_cancer_is_learned_with_every_optimizer(optimizer):
    options = train_options("breast-cancer", device="cpu", optimizer=optimizer)
    result = train_module.train(options)
    assert result.test.accuracy >= 0.94
    assert [tuple(p.shape) for p in result.model.parameters()] == [(1, 30), (1,)]


@pytest.mark.parametrize("optimizer", options_module.OPTIMIZERS)
def test_every_optimizer_has_a_rate_that_suits_the_digits(optimizer):
    options = train_options(
        "digits", device="cpu", optimizer=optimizer, epochs=6, hidden="256"
    )
    assert train_module.train(options).test.accuracy >= 0.93


def test_two_hidden_layers(tmp_path):
    options = train_options(
        "digits", device="cpu", hidden="16, 12", epochs=1, out=tmp_path / "two"
    )
    train_module.train(options)
    shapes = {name: x.shape for name, x in load_file(tmp_path / "two").items()}
    assert shapes == {
        "0.weight": (16, 64),
        "0.bias": (16,),
        "2.weight": (12, 16),
        "2.bias": (12,),
        "4.weight": (10, 12),
        "4.bias": (10,),
    }


def test_a_step_reads_nothing_back_from_the_device(monkeypatch):
    """Count what leaves the device: not more for more steps."""
    from xpnet.backend.library import Library
    from xpnet.backend.numpy_library import NumpyLibrary

    reads = []
    to_host = NumpyLibrary.to_host
    assert to_host is Library.to_host

    def counted(self, x):
        reads.append(x.shape)
        return to_host(self, x)

    def read_by(batch_size):
        reads.clear()
        options = train_options(
            "digits", device="cpu", epochs=2, hidden="8", batch_size=batch_size
        )
        train_module.train(options)
        return [shape for shape in reads if shape == ()]

    monkeypatch.setattr(Library, "to_host", counted)
    few, many = read_by(1438), read_by(64)
    assert few == many
    assert len(few) == 2 * 3 + 2  # each epoch: a loss, and two numbers of the test


# --- what it refuses: one sentence, and exit code 2 -----------------------------------

BAD = {
    "frob": "No such command 'frob': use one of devices, ",
    "--frob": "--frob",
    "devices extra": "unexpected extra argument",
    "train": "name a data set to train on: digits, breast-cancer.",
    "train mnist": (
        "there is no data set 'mnist' here; use one of digits, breast-cancer."
    ),
    "train digits extra": "unexpected extra argument",
    "train digits --frob 1": "--frob",
    "train digits --epochs": "Option '--epochs' requires an argument",
    "train digits --device tpu": "'tpu' is not a device: use 'cpu', 'cuda'",
    "train digits --optimizer rmsprop": (
        "there is no optimizer 'rmsprop' here; use one of sgd, adam, adamw."
    ),
    "train digits --lr -0.1": "--lr is a number greater than 0, not -0.1.",
    "train digits --lr 0": "--lr is a number greater than 0, not 0.",
    "train digits --lr nan": "--lr is a number greater than 0, not nan.",
    "train digits --lr inf": "--lr is a number greater than 0, not inf.",
    "train digits --lr fast": "--lr is a number greater than 0, not fast.",
    "train digits --epochs 0": "--epochs is a whole number of at least 1, not 0.",
    "train digits --epochs 2.5": "--epochs is a whole number of at least 1, not 2.5.",
    "train digits --epochs x": "--epochs is a whole number of at least 1, not x.",
    "train digits --batch-size 0": "--batch-size is a whole number of at least 1",
    "train digits --seed -1": "--seed is a whole number of at least 0, not -1.",
    "train digits --hidden 12,x": "--hidden is a list of sizes such as 128,64",
    "train digits --hidden 12,-1": "--hidden is a list of sizes such as 128,64",
    "train digits --hidden 0,5": "--hidden is a list of sizes such as 128,64",
    "train digits --out no/such/folder/x": "No such file or directory.",
    "train digits --out .": "it is a folder.",
    "train digits --out /dev/null": "it is not a regular file.",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_gets_one_sentence_and_exit_code_2(capsys, line):
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("xpnet: ")
    assert err.count("\n") == 1
    assert BAD[line] in err
    assert not list(os.scandir())


def test_an_unknown_device_in_the_environment_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("XPNET_DEVICE", "tpu")
    assert main(["train", "digits"]) == 2
    err = capsys.readouterr().err
    assert "the environment variable XPNET_DEVICE is 'tpu'" in err
    assert "'tpu' is not a device" in err


def test_cuda_without_a_gpu_says_why_and_what_to_do(capsys, no_cuda):
    assert main("train digits --device cuda".split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"xpnet: device='cuda' cannot be used: {NO_GPU} To run without a GPU, use "
        "device='cpu'.\n"
    )
    with pytest.raises(DeviceError, match="no GPU is in this test"):
        train_module.train(train_options("digits", device="cuda"))


def test_a_file_that_may_not_be_written_is_refused(capsys, tmp_path, monkeypatch):
    kept = tmp_path / "kept.safetensors"
    kept.write_bytes(b"kept")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert main(["train", "digits", "--out", str(kept)]) == 2
    assert "cannot be written: Permission denied." in capsys.readouterr().err
    assert kept.read_bytes() == b"kept"


def test_a_missing_scikit_learn_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main("train digits --device cpu".split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "pip install 'xpnet[sklearn]'" in err


def test_training_that_diverges_is_said_and_nothing_is_saved(capsys):
    words = "train digits --device cpu --hidden 8 --lr 1e30 --epochs 2".split()
    assert main(words) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "diverged" in err
    assert "Use a --lr smaller than 1e+30." in err
    assert not list(os.scandir())


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted; nothing was saved."),
        (MemoryError(), 2, "not enough memory"),
        (OSError(28, "No space left on device", "x"), 1, "x: No space left on device."),
    ],
)
def test_what_goes_wrong_on_the_way_is_one_sentence(
    capsys, monkeypatch, error, code, words
):
    def fail(*args):
        raise error

    monkeypatch.setattr(train_module, "train", fail)
    assert main(["train", "digits"]) == code
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert words in err


def test_options_from_python_are_checked_too():
    with pytest.raises(OptionError, match="whole number"):
        train_options("digits", epochs=2.5)  # type: ignore[arg-type]
    assert train_options("digits", lr=1).lr == 1.0
    assert train_options("breast-cancer").hidden == ()


# --- in a process of its own ---------------------------------------------------------


def test_a_process_returns_the_exit_code():
    process = xpnet_process("train", "mnist")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err == f"xpnet: {BAD['train mnist']}\n"


def test_ctrl_c_is_one_sentence_and_exit_code_130(tmp_path):
    words = "train digits --device cpu --hidden 0 --epochs 1000000".split()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("this run is in the background, where a shell switches Ctrl-C off")
    process = xpnet_process(*words, cwd=tmp_path)
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "xpnet: interrupted; nothing was saved.\n"
    assert not list(os.scandir(tmp_path))


def test_devices_loads_no_network():
    code = (
        "import sys; from xpnet.cli import main; main(['devices']); "
        "print(sorted({'xpnet.nn', 'xpnet.optim', 'sklearn'} & set(sys.modules)))"
    )
    path = str(next(iter(xpnet.__path__)) + "/..")
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]"
