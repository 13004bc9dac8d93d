"""Lessons: played without a screen, and by somebody; their bugs; the guides."""

import functools
import math
import re
from pathlib import Path

import numpy as np
import pytest

import xpnet as xn
from learn.lesson_questions import BUGS, QUESTIONS, called, question
from xpnet.errors import OptionError
from xpnet.learn.lessons import TITLES, find, load
from xpnet.learn.lessons.bug import Bug
from xpnet.learn.lessons.derivative import Derivative
from xpnet.learn.lessons.lesson import Code, Exercise, Lesson, Predict, Text
from xpnet.learn.lessons.number import Number
from xpnet.learn.lessons.runner import Runner

# --- every lesson, end to end ---------------------------------------------------------


def test_there_are_twelve_lessons_in_the_guides_order():
    assert len(TITLES) == 12
    assert [load(name).name for name in TITLES] == list(TITLES)
    assert next(iter(TITLES)) == "rate-of-change"
    assert list(TITLES)[-1] == "cat-or-dog"


@pytest.mark.parametrize("name", TITLES)
def test_a_lesson_runs_to_its_end_without_anybody(name):
    lines = []
    lesson = load(name)
    outcome = Runner(lines.append).play(lesson)
    asked = [s for s in lesson.steps if isinstance(s, Predict | Exercise)]
    bugs = [s for s in lesson.steps if isinstance(s, Bug)]
    assert outcome.questions == len(asked) + 2 * len(bugs)
    assert outcome.shown == outcome.questions
    assert not outcome.left
    text = "\n".join(lines)
    assert text.startswith(lesson.title)
    assert text.count("The answer: ") == outcome.questions
    assert "\n\n\n" not in text
    assert "nan" not in re.sub(r"becomes nan", "", text)


@pytest.mark.parametrize("name", ["gradient-descent", "chain-rule", "backpropagation"])
def test_lessons_run_on_the_cpu_whatever_the_default_device_is(name, monkeypatch):
    monkeypatch.setenv("XPNET_DEVICE", "cuda")
    assert not Runner(lambda line: None).play(load(name)).left


@pytest.mark.parametrize("name", TITLES)
def test_a_lesson_asks_explains_and_runs_code(name):
    steps = load(name).steps
    assert sum(isinstance(step, Predict | Exercise | Bug) for step in steps) >= 4
    assert any(isinstance(step, Text) for step in steps)
    assert any(isinstance(step, Code | Predict) for step in steps)


@pytest.mark.parametrize("name", TITLES)
def test_results_in_the_texts_are_computed_and_not_written(name):
    for step in load(name).steps:
        if isinstance(step, Text):
            bare = re.sub(r"\{[^{}]*\}", "", step.template)
            results = set(re.findall(r"\d+\.\d+", bare))
            assert results <= {"0.1", "0.2"}, results  # given, not computed


def test_the_code_that_is_shown_is_the_code_that_ran():
    lesson = Lesson("two", "Two")

    @lesson.code
    def first():
        """Add."""
        total = 1 + 1  # two
        print(total)
        return locals()

    @lesson.code
    def second(total):
        """Double."""
        print(2 * total)
        return locals()

    lines = []
    runner = Runner(lines.append)
    runner.play(lesson)
    assert "    total = 1 + 1  # two" in lines
    assert [line for line in lines if "│" in line] == ["  │ 2", "  │ 4"]
    assert runner.values["total"] == 2
    assert not any("locals" in line for line in lines)


# --- find the bug ---------------------------------------------------------------------


def test_the_planted_errors_are_the_classic_ones():
    names = [step.values[0].function.__name__ for step in BUGS]
    assert {"missing_transpose", "forgotten_sum", "wrong_sign", "overwritten"} <= {
        *names
    }


@pytest.mark.parametrize("bug", BUGS)
def test_check_grads_catches_a_planted_error_and_passes_the_mended_rule(bug):
    with pytest.raises(xn.XpnetError, match=r"derivative.* is wrong") as caught:
        xn.check_grads(bug.broken(), *bug.at())
    assert bug.complaint(bug.broken()) == str(caught.value)
    assert re.search(r"input \d+ at element \(.*?\): derivative", str(caught.value))
    assert bug.where(str(caught.value)).startswith("The worst of it is in the deriv")
    right, *others = bug.fixes
    xn.check_grads(bug.mended(right), *bug.at())
    assert bug.complaint(bug.mended(right)) == ""
    for fix in others:
        assert bug.complaint(bug.mended(fix)), fix


@pytest.mark.parametrize("bug", BUGS)
def test_only_the_rule_is_wrong_and_not_the_result(bug):
    args = bug.at()
    results = [bug.broken()(*args), bug.mended(bug.fixes[0])(*args)]
    np.testing.assert_array_equal(*map(np.asarray, results))


@pytest.mark.parametrize("bug", BUGS)
def test_the_line_of_an_error_is_one_of_those_that_are_shown(bug):
    lines = bug.source.splitlines()
    assert lines[bug.number - 1].strip() == bug.line
    assert bug.line not in bug.fixes
    assert len(set(bug.choices)) == len(bug.fixes) >= 3
    assert "return locals()" not in bug.source


# --- the runner -----------------------------------------------------------------------


def played(lesson, *answers):
    """Play a lesson with these answers; return what was shown and how it went."""
    lines, rest = [], iter(answers)

    def ask(prompt):
        line = next(rest, None)
        if line is None:
            raise EOFError
        lines.append(prompt + line)
        return line

    outcome = Runner(lines.append, ask).play(lesson)
    return "\n".join(lines), outcome


@pytest.fixture
def short():
    """Return a lesson with a guess, a derivation and a text."""
    lesson = Lesson("short", "A short one")

    @lesson.predict("what is 2 + 2?", Number("four"))
    def add():
        """Add."""
        four = 2 + 2
        print(four)
        return locals()

    lesson.exercise(
        "Derive x².", Derivative("x**2", "x", "2*x"), hint="{four} is even."
    )
    lesson.text("The end: {four}.")
    return lesson


def test_right_answers_are_counted(short):
    text, outcome = played(short, "4", "2x")
    assert (outcome.questions, outcome.right, outcome.shown) == (2, 2, 0)
    assert "As you said: 4" in text
    assert "Right: the tape gives the same" in text
    assert str(outcome) == "That is the end of the lesson: 2 of 2 answers were yours."


def test_a_guess_comes_before_the_code_and_an_exercise_may_be_tried_again(short):
    text, outcome = played(short, "5", "hint", "x", "?", "x + x")
    assert text.index("what is 2 + 2?") < text.index("four = 2 + 2")
    assert "You said 5. That is too large. It is 4" in text
    assert text.count("Hint: 4 is even.") == 2
    assert "Not yet. A constant factor is off" in text
    assert (outcome.right, outcome.shown) == (1, 0)


@pytest.mark.parametrize("junk", ["hint", "?", "four", "1/0", "−", "x" * 9000, "\x00"])
def test_a_guess_that_says_nothing_is_asked_again(short, junk):
    text, outcome = played(short, junk, "4", "2x")
    assert text.count("Your guess") == 2
    assert outcome.right == 2
    hint = junk in ("hint", "?")
    assert ("A guess needs no hint" if hint else "Please type a number") in text


@pytest.mark.parametrize("place", QUESTIONS, ids=called)
def test_what_cannot_be_read_is_said_to_be_unread(place):
    step, values = question(place)
    assert step.answer.unread(step.answer.reveal(values)) == ""
    says = step.answer.unread("¿qué?")
    assert says[0].isupper()
    assert says.endswith(".")
    assert step.answer.check("¿qué?", values) == (False, says)


def test_enter_shows_the_answer(short):
    text, outcome = played(short, "", "")
    assert "The answer: 4" in text
    assert "The answer: 2*x" in text
    assert (outcome.right, outcome.shown) == (0, 2)
    assert text.endswith("The end: 4.")


@pytest.mark.parametrize("word", ["quit", "QUIT", " quit ", "exit"])
def test_quit_leaves(short, word):
    text, outcome = played(short, "4", word)
    assert outcome.left
    assert "The end" not in text
    assert str(outcome).startswith("You stopped here")


def test_when_the_answers_end_the_rest_is_shown(short):
    text, outcome = played(short, "4")
    assert (outcome.right, outcome.shown) == (1, 1)
    assert text.endswith("The end: 4.")


def test_a_bug_is_found_by_its_line_and_mended_by_its_letter():
    lesson = load("derivatives")
    (bug,) = [step for step in lesson.steps if isinstance(step, Bug)]
    alone = Lesson("alone", "Alone", [bug])
    letters = dict(zip(bug.choices, "abc", strict=True))
    right, wrong = (letters[fix] for fix in bug.fixes[:2])
    number = str(bug.number)
    words = ("check", "1", "99", "hint", f"Line {number}.", "?", wrong, "x", right)
    text, outcome = played(alone, *words)
    assert outcome.right == 2
    assert text.count("check_grads says: order 1, reverse mode") == 3
    assert "Not yet. That line is as it should be. The worst of it" in text
    assert "Not yet. Please type the number of a line, 1 to 7." in text
    assert text.count("Hint: The rule gets g") == 2
    assert "With that line, check_grads says: order 1" in text
    assert "Please type the letter" in text
    assert "With that line, check_grads finds nothing." in text


def test_paragraphs_are_broken_and_indented_ones_kept():
    lesson = Lesson("text", "Text")
    lesson.text("""
        word word word word word word word word word word word word word word word
        word word {n}

            kept   as it is

        last
    """)
    lesson.steps.insert(0, Code(give_seven))
    lines = []
    Runner(lines.append).play(lesson)
    first, second = lines[-6:-4]
    assert first.count("word") + second.count("word") == 17
    assert second.endswith("word 7")
    assert max(map(len, lines)) <= 80
    assert lines[-4:] == ["", "    kept   as it is", "", "last"]


def give_seven():
    """Give 7."""
    n = 7
    return locals()


# --- names and numbers ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("1", "rate-of-change"),
        ("12", "cat-or-dog"),
        ("chain-rule", "chain-rule"),
        ("Chain_Rule", "chain-rule"),
        (" chain rule ", "chain-rule"),
    ],
)
def test_a_lesson_is_found_by_its_number_or_its_name(word, name):
    assert find(word) == name


@pytest.mark.parametrize("word", ["0", "13", "-1", "99999999999999", "", "１", "chian"])
def test_an_unknown_lesson_is_one_sentence(word):
    with pytest.raises(OptionError, match="xpnet learn lists them") as caught:
        find(word)
    assert "such as chain-rule" in str(caught.value) or word == ""


def test_the_page_of_the_docs_lists_every_lesson():
    page = (Path(__file__).parents[2] / "docs" / "learn.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", page, re.MULTILINE)
    assert rows == [(str(i), name) for i, name in enumerate(TITLES, 1)]


@functools.cache
def text(name):
    """Return all that a lesson shows, in one line."""
    lines = []
    Runner(lines.append).play(load(name))
    return " ".join(" ".join(lines).split())


MAP = re.findall(
    r"^\| ([^|`]+) \| ((?:`[a-z-]+`(?:, )?)+) \| ([^|]+) \|$",
    (Path(__file__).parents[2] / "docs" / "learn.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_what_the_guides_say_is_all_there():
    assert len(MAP) == 10
    names = {name for _, told, _ in MAP for name in re.findall(r"[a-z-]+", told)}
    assert names == set(TITLES)  # and there is no lesson beside the guides


@pytest.mark.parametrize(
    ("row", "told", "seen"), MAP, ids=[row[1].replace("`", "") for row in MAP]
)
def test_what_the_guides_say_is_seen_in_a_lesson(row, told, seen):
    played = " ".join(text(name) for name in re.findall(r"[a-z-]+", told))
    words = re.findall(r"“([^”]+)”", seen)
    assert words
    for word in words:
        assert word in played, (row, word)


def test_the_guides_numbers_are_in_the_lessons():
    assert "at 3 a tiny change is multiplied by 6" in text("rate-of-change")
    assert "new = old − learning_rate × gradient" in text("gradient-descent")
    assert "∂z/∂W [ 2. -1. 0.5]" in text("partial-derivatives")
    assert "∂loss/∂out · ∂out/∂z · ∂z/∂w" in text("chain-rule")
    assert "∂loss/∂a · ∂a/∂z · ∂z/∂w" in text("neuron")
    assert "σ(z)·(1 − σ(z))" in text("neuron")
    assert "J = −1/m · Σ [ y·log(a) + (1 − y)·log(1 − a) ]" in text("image")
    assert f"The answer: {math.log(2):.6g}" in text("image")


# --- the last lesson ------------------------------------------------------------------


def test_the_hidden_layer_is_worth_it_and_colour_is_what_it_looks_at():
    values = question(("cat-or-dog", 8))[1]
    assert 0.7 < values["straight"] < 0.92
    assert values["bent"] > max(0.92, values["straight"] + 0.03)
    assert values["colourless"] < 0.7


def test_the_recipe_for_pictures_of_ones_own_runs(tmp_path, monkeypatch):
    from PIL import Image

    for kind, colour in (("cat", "orange"), ("dog", "brown")):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        for number in range(5):
            picture = Image.new("RGB", (40, 30), colour)
            picture.save(tmp_path / "pets" / kind / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    texts = [s.template for s in load("cat-or-dog").steps if isinstance(s, Text)]
    (recipe,) = [text for text in texts if "image_folder" in text]
    code = "\n".join(re.findall(r"^ {8}(.*)$", recipe, re.MULTILINE))
    names = {}
    exec(code, names)
    assert names["train_set"].classes == ("cat", "dog")
    assert names["X"].shape == (8, 32 * 32 * 3)
