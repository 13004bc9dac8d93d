"""`xpnet learn`: the list, one lesson in a terminal, and what it remembers."""

import builtins
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import xpnet
from xpnet.cli import main
from xpnet.errors import LibraryError
from xpnet.learn.lessons import TITLES, load, progress, terminal


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Keep what is remembered in a folder of this test."""
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME"
    monkeypatch.setenv(name, str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def type_in(monkeypatch):
    """Return a function that makes a terminal in which these lines are typed."""

    def start(*lines):
        rest = iter(lines)
        prompts = []

        def typed(prompt):
            prompts.append(prompt)
            line = next(rest, None)
            if line is None:
                raise EOFError
            return line

        monkeypatch.setattr(terminal, "is_watched", lambda: True)
        monkeypatch.setattr(builtins, "input", typed)
        return prompts

    return start


def test_the_list_names_every_lesson(capsys):
    assert main(["learn"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    for number, (name, title) in enumerate(TITLES.items(), 1):
        assert lines[number - 1].split() == [str(number), name, *title.split()]
    assert lines[-1] == "Next: xpnet learn 1, or xpnet learn rate-of-change."


@pytest.mark.parametrize("word", ["1", "rate-of-change", "rate_of_change"])
def test_without_a_screen_a_lesson_runs_to_its_end(capsys, word):
    assert main(["learn", word]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(TITLES["rate-of-change"])
    assert out.endswith("That is the end of the lesson.\n")
    assert not progress.place().exists()


def test_reveal_asks_nothing_in_a_terminal(capsys, type_in):
    prompts = type_in()
    assert main(["learn", "1", "--reveal"]) == 0
    assert prompts == []
    assert "The answer: 2*x" in capsys.readouterr().out
    assert not progress.place().exists()


def test_answers_come_from_a_file(capsys, tmp_path):
    (tmp_path / "answers.txt").write_text("6\nx\nx + x\n10\n", "utf-8")
    assert main(["learn", "1", "--answers", "answers.txt"]) == 0
    out = capsys.readouterr().out
    assert "3*x**2 - exp(-x)): x + x\n" in out
    assert "Not yet. A constant factor is off" in out
    assert out.endswith("3 of 5 answers were yours.\n")
    assert not progress.place().exists()


def test_a_lesson_played_in_a_terminal_is_remembered(capsys, type_in):
    prompts = type_in("6", "2x", "10", "0.06", "a")
    assert main(["learn", "1"]) == 0
    assert len(prompts) == 5
    assert capsys.readouterr().out.endswith("5 of 5 answers were yours.\n")
    assert json.loads(progress.place().read_text("utf-8")) == ["rate-of-change"]
    main(["learn"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["1", "done", "rate-of-change"]
    assert "done" not in "".join(lines[1:])
    assert lines[-1] == "Next: xpnet learn 2, or xpnet learn derivatives."
    assert main(["learn", "--forget"]) == 0
    assert capsys.readouterr().out == "No lesson counts as done any more.\n"
    assert not progress.place().exists()


@pytest.mark.parametrize("lines", [["6", "quit"], ["6"]], ids=["quit", "Ctrl-D"])
def test_a_lesson_that_was_left_does_not_count(capsys, type_in, lines):
    type_in(*lines)
    assert main(["learn", "1"]) == 0
    assert "You stopped here" in capsys.readouterr().out
    assert not progress.place().exists()


def test_bytes_of_another_encoding_are_no_answer(capsys, type_in, monkeypatch):
    type_in()
    rest = [None, "6", "2x", "quit"]

    def typed(prompt):
        line = rest.pop(0)
        return b"\xff".decode() if line is None else line

    monkeypatch.setattr(builtins, "input", typed)
    assert main(["learn", "1"]) == 0
    out = capsys.readouterr().out
    assert out.index("Please type a number") < out.index("As you said: 6")


def test_ctrl_c_ends_with_130(capsys, type_in, monkeypatch):
    type_in()

    def interrupt(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", interrupt)
    assert main(["learn", "1"]) == 130


BAD = {
    "learn 13": "there is no lesson '13'; type a number from 1 to 12",
    "learn chain-rul": "or a name such as chain-rule.",
    "learn 1 extra": "unexpected extra argument",
    "learn --reveal": "name a lesson to play: xpnet learn 1.",
    "learn --answers x": "name a lesson to play: xpnet learn 1.",
    "learn 1 --answers": "Option '--answers' requires an argument",
    "learn 1 --answers x --reveal": "exclude each other: give one.",
    "learn 1 --answers bytes": "is not text in UTF-8.",
    "learn 1 --answers missing": "missing: No such file or directory.",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_gets_one_sentence(capsys, tmp_path, line):
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    assert main(line.split()) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("xpnet: ")
    assert err.count("\n") == 1
    assert BAD[line] in err


@pytest.mark.parametrize("content", ["", "{", "7", '[1, "chain-rule"]', "\udcff"])
def test_a_file_that_says_nothing_usable_counts_as_none(content):
    place = progress.place()
    place.parent.mkdir(parents=True)
    place.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert progress.done() <= {"chain-rule"}
    progress.remember("neuron")
    assert "neuron" in progress.done()


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path):
    (tmp_path / "state").write_text("a file, no folder")
    progress.remember("neuron")
    progress.forget()
    assert progress.done() == frozenset()


def test_a_relative_folder_in_the_environment_is_not_used(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("LOCALAPPDATA", "here")
    assert progress.place().is_absolute()
    assert progress.place().parts[-2:] == ("xpnet", "lessons.json")


def test_a_terminal_that_cannot_write_a_character_gets_a_question_mark(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    terminal.play(load("rate-of-change"), [])
    sys.stdout.flush()
    assert b"y = x?, y = x" not in raw.getvalue()
    assert b"curve that bends, y = x?." in raw.getvalue()


def test_a_lesson_is_a_plain_script():
    path = str(Path(xpnet.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "xpnet.learn.lessons.chain_rule"],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.stdout.startswith(TITLES["chain-rule"])
    assert done.stderr == ""


def test_the_list_loads_no_lesson():
    code = (
        "import sys; from xpnet.cli import main; main(['learn']); "
        "print('xpnet.learn.lessons.neuron' in sys.modules)"
    )
    path = str(Path(xpnet.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (LibraryError("no pillow."), "xpnet: no pillow.")],
)
def test_a_script_that_cannot_go_on_says_so_without_a_traceback(
    monkeypatch, error, code
):
    def fail(lesson):
        raise error

    monkeypatch.setattr(terminal, "play", fail)
    with pytest.raises(SystemExit) as caught:
        terminal.script(load("neuron"))
    assert caught.value.code == code


def test_without_pillow_the_last_lesson_is_one_sentence(capsys, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["learn", "12"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "pip install 'xpnet[data]'" in err
