"""The questions of all lessons, with the values there are when they are asked."""

import functools

import pytest

from xpnet.learn.lessons import TITLES, load
from xpnet.learn.lessons.answers import Answer
from xpnet.learn.lessons.bug import Bug
from xpnet.learn.lessons.derivative import Derivative
from xpnet.learn.lessons.lesson import Code, Exercise, Predict

pytest.importorskip("sklearn", reason="scikit-learn brings the photographs")
pytest.importorskip("PIL", reason="pillow reads the photographs")


@functools.cache
def questions(name):
    """Return each question of a lesson with the values there are when it is asked."""
    found, values = [], {}
    for step in load(name).steps:
        if isinstance(step, Code):
            step.run(values)
        elif isinstance(step, Predict):
            step.code.run(values)
        if isinstance(step, Predict | Exercise):
            found.append((step, dict(values)))
    return found


def asked(kind):
    """Return the place of each step of some kind: its lesson, and its number."""
    return [
        (name, number)
        for name in TITLES
        for number, step in enumerate(_questions_of(name), 1)
        if isinstance(step.answer, kind)
    ]


def _questions_of(name):
    return [s for s in load(name).steps if isinstance(s, Predict | Exercise)]


def question(place):
    """Return a question with the values there are when it is asked."""
    name, number = place
    return questions(name)[number - 1]


QUESTIONS = asked(Answer)
DERIVATIVES = {
    (name, number): _questions_of(name)[number - 1].answer
    for name, number in asked(Derivative)
}
BUGS = [
    pytest.param(step, id=f"{name}-{step.name}")
    for name in TITLES
    for step in load(name).steps
    if isinstance(step, Bug)
]


def called(place):
    """Return the name of a question for pytest."""
    return "-".join(map(str, place))
