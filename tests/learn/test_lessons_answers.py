"""Answers of lessons: right ones in every form, wrong ones with a true hint."""

import ast
import copy
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learn.lesson_questions import DERIVATIVES, QUESTIONS, called, question
from xpnet.learn.lessons.answers import Choice, Shape
from xpnet.learn.lessons.chain import links_of
from xpnet.learn.lessons.derivative import Derivative
from xpnet.learn.lessons.hints import path_hint
from xpnet.learn.lessons.number import Number
from xpnet.learn.lessons.points import differentiate, evaluate, same, scatter


def equivalents(answer, values):
    """Return at least three ways to type the right answer."""
    right = answer.reveal(values)
    if isinstance(answer, Number):
        number = float(right)
        return [right, f"{number:.8e}", f"({3 * number!r})/3", f" {number!r} "]
    if isinstance(answer, Choice):
        letter, _, words = right.partition(") ")
        return [letter, letter.upper(), f"{letter})", words, right, f"({letter})"]
    if isinstance(answer, Shape):
        numbers = re.findall(r"\d+", right)
        forms = [", ".join(numbers), "[" + ",".join(numbers) + "]", " ".join(numbers)]
        return [right, *forms, " x ".join(numbers), "×".join(numbers)]
    return [right, f"({right}) * 1", f"-(-({right}))", f"0 + ({right})", f"  {right}"]


def wrong_ones(answer, values):
    """Return at least three wrong answers."""
    right = answer.reveal(values)
    if isinstance(answer, Number):
        number = float(right)
        return [str(number * 37 + 5), f"-{abs(number) + 1}", "many", "1/0", "nan"]
    if isinstance(answer, Choice):
        letters = "abcdefgh"[: len(answer.choices)]
        return [c for c in letters if c != right[0]] + ["z", "9", "both", "a b"]
    if isinstance(answer, Shape):
        numbers = re.findall(r"\d+", right)
        return ["2" + right, right + ", 7", "(5,)*2", "wide", "-".join([*numbers, "1"])]
    return [
        f"-({right}) - 1",
        f"3*({right})",
        f"({right}) + 0.5",
        answer.of + " + 7",
        "sin(",
        "import os",
    ]


@pytest.mark.parametrize("place", QUESTIONS, ids=called)
def test_a_right_answer_is_accepted_in_every_form(place):
    step, values = question(place)
    forms = equivalents(step.answer, values)
    assert len(forms) >= 3
    for typed in forms:
        verdict = step.answer.check(typed, values)
        assert verdict.right, (typed, verdict)


@pytest.mark.parametrize("place", QUESTIONS, ids=called)
def test_a_wrong_answer_is_refused_with_a_hint(place):
    step, values = question(place)
    typed_ones = wrong_ones(step.answer, values)
    assert len(typed_ones) >= 3
    for typed in typed_ones:
        verdict = step.answer.check(typed, values)
        assert not verdict.right, typed
        assert verdict.says.endswith((".", "?")), (typed, verdict)


@pytest.mark.parametrize("place", QUESTIONS, ids=called)
def test_a_typical_mistake_is_wrong_and_gets_its_own_words(place):
    step, values = question(place)
    answer = step.answer
    for wrong, says in getattr(answer, "mistakes", ()):
        if isinstance(answer, Number):
            typed = repr(float(values[wrong] if type(wrong) is str else wrong(values)))
        else:
            typed = wrong
        assert answer.check(typed, values) == (False, says)
    if isinstance(answer, Choice):
        assert sum(not says for says in answer.options.values()) == 1


@pytest.mark.parametrize("place", QUESTIONS, ids=called)
def test_a_question_and_its_hint_can_be_read(place):
    step, values = question(place)
    assert step.question.format_map(values)
    assert getattr(step, "hint", "no").format_map(values)
    assert step.answer.form


TYPED = {
    ("rate-of-change", 2): (
        ["2x", "x+x", "x*2", "2·x", "3x - x"],
        {
            "x": "constant factor",
            "-2x": "sign",
            "x^2": "itself",
            "x^3/3": "other way",
            "2": "twice",
            "6": "at 3 alone",
            "2x^2": "exponent",
        },
    ),
    ("derivatives", 1): (
        ["3x²", "3*x*x", "x^2 + 2x^2"],
        {"x^2": "factor", "3x^3": "goes down by one", "3x": "", "6x": "twice"},
    ),
    ("derivatives", 2): (
        ["10x + 3", "3 + 5*2*x", "2(5x + 1.5)"],
        {"10x + 3 - 7": "stands alone", "10x": "constant", "5x + 3": "", "10": "twice"},
    ),
    ("derivatives", 3): (
        ["-1/x^2", "-x^(-2)", "-(1/x)/x"],
        {"1/x^2": "sign", "log(x)": "log", "-1/x": "", "-2/x^3": ""},
    ),
    ("gradient-descent", 1): (
        ["2(p-t)", "2p - 2t", "-2(t-p)"],
        {"p-t": "factor", "2(t-p)": "sign", "(p-t)^2": "itself", "2p": ""},
    ),
    ("gradient-descent", 2): (
        ["2(w x - t)x", "2x²w - 2x t", "-2x(t - w*x)"],
        {"2(w x - t)": "missing", "2(w*x-t)*w": "respect to x", "2x(t-w x)": "sign"},
    ),
    ("partial-derivatives", 2): (
        ["x2", "1*x2", "x2 + 0*x1"],
        {"W2": "respect to x2", "x1": "respect to W1", "1": "respect to b"},
    ),
    ("partial-derivatives", 3): (
        ["1", "2 - 1", "b/b"],
        {"0": "moves nothing", "b": "", "x1": "respect to W1"},
    ),
    ("partial-derivatives", 4): (
        ["2x y", "2*y*x", "y(x + x)"],
        {
            "2x": "held constant",
            "x^2 + 3y^2": "respect to y",
            "2x y + 3y^2": "held constant",
            "x y": "factor",
        },
    ),
    ("chain-rule", 2): (
        ["6(3x+1)", "18x + 6", "2(3x+1)*3"],
        {
            "2(3x+1)": "missing",
            "6x": "belongs at",
            "2*3": "belongs at",
            "3": "missing",
        },
    ),
    ("chain-rule", 3): (
        ["-2x exp(-x^2)", "-2x/exp(x^2)", "-2x e^(-x^2)"],
        {"exp(-x^2)": "itself", "-2x exp(x)": "belongs at", "-2x": "missing"},
    ),
    ("chain-rule", 4): (
        [
            "2(σ(w x) - y) σ(w x) (1 - σ(w x)) x",
            "2x(σ(w x)-y)(σ(w x) - σ(w x)^2)",
            "2x (sigmoid(w x) - y) exp(-w x)/(1 + exp(-w x))^2",
        ],
        {
            "2(σ(w x) - y) σ(w x) (1 - σ(w x))": "missing: the derivative of w·x",
            "2(σ(w x) - y) x": "missing: the derivative of sigmoid(u)",
            "σ(w x) (1 - σ(w x)) x": "missing: the derivative of u²",
            "w": "There ∂f/∂u · ∂u/∂v · ∂v/∂w is",
        },
    ),
    ("chain-rule", 5): (
        [
            "tanh(x) + x(1 - tanh(x)^2)",
            "tanh(x) + x - x tanh(x)^2",
            "tanh(x)+x/cosh(x)^2",
        ],
        {
            "tanh(x)": "add the other one",
            "x(1 - tanh(x)^2)": "add the other one",
            "1 - tanh(x)^2": "not the product",
            "x": "There 2 paths",
        },
    ),
    ("activations", 2): (
        ["σ(z)(1-σ(z))", "exp(-z)/(1+exp(-z))^2", "σ(z) - σ(z)^2", "σ(z)σ(-z)"],
        {"z(1-z)": "not with z", "1-σ(z)": "one of the two", "σ(z)": "itself"},
    ),
    ("activations", 3): (
        ["1 - tanh(z)^2", "1 − tanh²(z)", "1/cosh^2(z)", "(1-tanh(z))(1+tanh(z))"],
        {"1-z^2": "not with z", "1 - tanh(z)": "square", "tanh(z)": "itself"},
    ),
    ("landscape", 3): (
        ["4x^3 - 6x + 1", "1 + x(4x^2 - 6)", "4x³ − 6x + 1"],
        {"4x^3 - 6x": "constant", "12x^2 - 6": "twice", "4x^3 - 3x + 1": ""},
    ),
    ("image", 4): (
        ["-y/a + (1-y)/(1-a)", "(a - y)/(a(1-a))", "(1-y)/(1-a) - y/a"],
        {
            "y/a - (1-y)/(1-a)": "sign",
            "-y/a - (1-y)/(1-a)": "chain rule",
            "log(1-a) - log(a)": "respect to y",
        },
    ),
    ("image", 5): (
        ["σ(z) - y", "1/(1+exp(-z)) - y", "-(y - σ(z))"],
        {"y - σ(z)": "sign", "z - y": "the probability", "σ(z)": ""},
    ),
    ("image", 6): (
        ["(σ(w x + b) - y)x", "x σ(w x + b) - x y", "-x(y - σ(w*x+b))"],
        {"σ(w x + b) - y": "missing", "(y - σ(w x + b))x": "sign", "x": ""},
    ),
}


def test_every_derivation_has_answers_that_people_type():
    assert set(TYPED) == set(DERIVATIVES)
    assert all(len(right) >= 3 <= len(wrong) for right, wrong in TYPED.values())


@pytest.mark.parametrize("key", TYPED, ids=called)
def test_a_derivation_is_checked_as_people_type_it(key):
    right, wrong = TYPED[key]
    for typed in right:
        assert DERIVATIVES[key].check(typed, {}).right, typed
    for typed, word in wrong.items():
        verdict = DERIVATIVES[key].check(typed, {})
        assert not verdict.right, typed
        assert word in verdict.says, (typed, verdict.says)


@pytest.mark.parametrize("key", DERIVATIVES, ids=called)
def test_the_answer_is_what_the_tape_and_a_difference_give(key):
    answer = DERIVATIVES[key]
    points = answer.points()
    slope = differentiate(answer.of, answer.by, points)
    step = 1e-6
    up, down = (
        evaluate(answer.of, {**points, answer.by: points[answer.by] + sign * step})
        for sign in (1, -1)
    )
    assert np.isfinite(slope).all()
    assert same(evaluate(answer.answer, points), slope)
    np.testing.assert_allclose((up - down) / (2 * step), slope, rtol=1e-5, atol=1e-6)


def rewritten(draw, node):
    """Return a tree that means the same, with random rewritings at every place."""
    for field, part in ast.iter_fields(node):
        if isinstance(part, ast.expr) and field != "func":
            setattr(node, field, rewritten(draw, part))
        elif isinstance(part, list):
            setattr(node, field, [rewritten(draw, each) for each in part])
    if not isinstance(node, ast.expr):
        return node
    text = ast.unparse(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mult):
        node.left, node.right = draw(st.permutations([node.left, node.right]))
        text = ast.unparse(node)
    written = draw(st.sampled_from(FORMS)).format(text)
    return ast.parse(written, mode="eval").body


FORMS = [
    *["({0})"] * 6,
    "1*({0})",
    "({0}) + 0",
    "({0})/1",
    "2*({0})/2",
    "0 - (-1)*({0})",
]


@given(st.data())
def test_random_rewritings_of_a_right_answer_are_right(data):
    answer = DERIVATIVES[data.draw(st.sampled_from(sorted(DERIVATIVES)))]
    tree = rewritten(data.draw, ast.parse(answer.answer, mode="eval").body)
    typed = ast.unparse(tree)
    assert answer.check(typed, {}).right, typed


@given(
    st.sampled_from(sorted(DERIVATIVES)),
    st.sampled_from(["({0}) * {1}", "({0}) + {1} - 1", "({0}) / {1}"]),
    st.floats(1.001, 30.0) | st.floats(-30.0, 0.99),
)
def test_a_right_answer_that_is_changed_is_wrong_and_gets_a_hint(key, form, number):
    answer = DERIVATIVES[key]
    verdict = answer.check(form.format(answer.answer, f"({number:.4f})"), {})
    assert not verdict.right
    assert verdict.says.endswith(".")


def mistaken(answer):
    """Return the right answer with one thing in it changed, in many ways."""
    tree = ast.parse(answer.answer, mode="eval").body
    functions = {n.func for n in ast.walk(tree) if isinstance(n, ast.Call)}
    places = [
        n for n in ast.walk(tree) if isinstance(n, ast.expr) and n not in functions
    ]
    text = f" {ast.unparse(tree)} "
    found = {f"({text})*{name}" for name in answer.variables}
    found |= {
        f"{text} {change}" for change in ("+ 1", "- 2", "+ 0.5", f"+ {answer.by}")
    }
    found |= {
        *answer.variables,
        "1",
        "2",
        "-1",
        answer.of,
        f"({answer.of})*{answer.by}",
    }
    for node in places:
        for other in _instead(node, answer.variables):
            found.add(_exchanged(tree, node, other))
    return sorted(found)[:: 1 + len(found) // 100]


def _exchanged(tree, node, other):
    """Return a formula with another text in place of one node."""

    class Exchange(ast.NodeTransformer):
        def visit(self, part):
            if part is node:
                return ast.Name("HERE")
            return self.generic_visit(part)

    kept = copy.deepcopy(tree, {id(node): node})
    return ast.unparse(Exchange().visit(kept)).replace("HERE", f"({other})")


def _instead(node, names):
    """Yield what a learner may write instead of a part of a formula."""
    own = ast.unparse(node)
    yield from (f"-({own})", f"({own})**2", f"2*({own})")
    match node:
        case ast.BinOp(left=left, right=right):
            a, b = ast.unparse(left), ast.unparse(right)
            yield from (a, b, f"({b}) - ({a})", f"({a}) + ({b})", f"({a})*({b})")
            yield from (f"({a})/({b})", f"({b})/({a})")
        case ast.Call(args=[inside]):
            yield from (ast.unparse(inside), f"exp({ast.unparse(inside)})")
        case ast.Constant(value=value):
            yield from (str(value + step) for step in (-2, -1, 1, 2))
        case ast.Name():
            yield from names


def is_true(says, typed, answer):
    """Whether a hint says of a wrong answer what is so, as far as numbers can tell."""
    points = answer.points()
    given, wanted = evaluate(typed, points), differentiate(answer.of, answer.by, points)
    number = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
    if "the sign is not" in says:
        return same(given, -wanted)
    if found := re.search(rf"factor is off: yours is {number} times", says):
        return np.allclose(given, float(found[1]) * wanted, rtol=1e-3)
    if found := re.search(rf"a constant is right: yours is {number} (more|less)", says):
        sign = 1 if found[2] == "more" else -1
        return np.allclose(given - wanted, sign * float(found[1]), rtol=1e-3)
    if " itself." in says:
        return same(given, evaluate(answer.of, points))
    if found := re.search(r"the derivative with respect to (\w+);", says):
        return same(given, differentiate(answer.of, found[1], points))
    if "differentiated twice" in says:
        return same(given, differentiate(answer.answer, answer.by, points))
    if "gone the other way" in says:
        back = differentiate(typed, answer.by, points)
        return same(back, evaluate(answer.of, points))
    if "moves nothing" in says:
        return same(given, 0 * wanted)
    if found := re.search(
        rf"derivative is {number}; your formula gives {number}", says
    ):
        rows = np.stack([wanted, given], axis=1)
        return (
            np.isclose(rows, [float(x) for x in found.groups()], rtol=1e-3).all(1).any()
        )
    if "is a number there" in says:
        return not np.isfinite(given).all()
    return None  # the words of a lesson, of a power, a product or the chain rule


@pytest.mark.parametrize(
    ("key", "typed", "right"),
    [
        (("rate-of-change", 2), "2x²/x", True),
        (("rate-of-change", 2), "2sqrt(x^2)", False),  # −2x where x < 0
        (("rate-of-change", 2), "2exp(log(x))", False),  # no value there
        (("derivatives", 3), "-x/x^3", True),
        (("derivatives", 3), "-exp(-log(x^2))", True),
        (("derivatives", 3), "-exp(-2log(x))", False),
        (("derivatives", 3), "-1/abs(x)^2", True),
        (("derivatives", 3), "-abs(1/x)/x", False),
        (("image", 4), "-exp(log(y) - log(a)) + (1 - y)/(1 - a)", True),  # a, y > 0
    ],
)
def test_a_form_with_another_domain_is_right_where_it_is_the_same(key, typed, right):
    assert DERIVATIVES[key].check(typed, {}).right == right


@pytest.mark.parametrize("key", DERIVATIVES, ids=called)
@pytest.mark.parametrize("quarter", range(4))
def test_what_is_wrong_on_a_quarter_of_the_range_alone_is_wrong(key, quarter):
    answer = DERIVATIVES[key]
    width = (answer.high - answer.low) / 4
    low = answer.low + quarter * width
    bump = f"maximum(({answer.by} - {low})*({low + width} - {answer.by}), 0)"
    assert not answer.check(f"{answer.answer} + {bump}", {}).right


@pytest.mark.parametrize("key", DERIVATIVES, ids=called)
def test_hints_are_true_and_right_is_right_elsewhere_too(key):
    answer = DERIVATIVES[key]
    told = 0
    for typed in mistaken(answer):
        verdict = answer.check(typed, {})
        if verdict.right:
            many = scatter([*answer.variables, "other"], answer.low, answer.high, 400)
            right, given = (evaluate(text, many) for text in (answer.answer, typed))
            assert same(right, given), typed
        else:
            truth = is_true(verdict.says, typed, answer)
            assert truth is None or truth, (typed, verdict.says)
            told += truth is not None
    assert told >= 20


@given(st.data(), st.text(max_size=40))
def test_whatever_is_typed_gets_a_sentence(data, typed):
    step, values = question(data.draw(st.sampled_from(QUESTIONS)))
    verdict = step.answer.check(typed, values)
    if not verdict.right:
        assert verdict.says.endswith((".", "?")), (typed, verdict)


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("__import__('os').system('x')", "cannot be read"),
        ("(1).__class__", "cannot be read"),
        ("9^9^9^9^9", "cannot be read"),
        ("x" * 10_000, "characters"),
        ("(" * 500, "parentheses"),
        ("lambda: 0", "cannot be read"),
    ],
)
def test_hostile_input_is_refused_with_a_sentence(typed, word):
    answer = Derivative("x**2", "x", "2*x")
    verdict = answer.check(typed, {})
    assert not verdict.right
    assert word in verdict.says or "contains" in verdict.says
    for other in (Number("n"), Choice({"yes": "", "no": "No."}), Shape("s")):
        assert not other.check(typed, {"n": 2.0, "s": (2, 3)}).right


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("0.25", ""),
        ("1/4", ""),
        ("25e-2", ""),
        (".25", ""),
        ("sqrt(1/16)", ""),
        ("-1/4", "The size is right, the sign is not."),
        ("−0.25", "The size is right, the sign is not."),
        ("0.5", "You are off by a factor of 2."),
        ("0.125", "You are off by a factor of 2."),
        ("2.5", "You are off by a factor of 10."),
        ("25", "You are off by a factor of 100."),
        ("4", "That is 1 over the number: turn the fraction over."),
        ("0.26", "Close, but not exactly that."),
        ("0.251", "Close, but not exactly that."),
        ("0.3", "That is too large."),
        ("9", "That is too large."),
        ("-9", "That is too small."),
        ("0,25", "Please type a number with a decimal point, such as 0.75 or 3/4."),
        ("x", "Please type a number with a decimal point, such as 0.75 or 3/4."),
    ],
)
def test_numbers_are_compared_as_a_teacher_would(typed, says):
    assert Number("n").check(typed, {"n": 0.25}) == (not says, says)


@pytest.mark.parametrize(
    ("wanted", "typed", "says"),
    [
        (10.0, "9.9", "Close, but not exactly that."),  # short, and so exact
        (33, "34", "Close, but not exactly that."),
        (2 / 3, "0.666", ""),
        (2 / 3, "0.7", "Close: keep more digits."),
        (2 / 3, "0.65", "Close, but not exactly that."),
        (-0.0637560, "-0.06", "Close: keep more digits."),
        (3.87e-7, "4e-7", "Close: keep more digits."),
    ],
)
def test_a_number_that_is_close_is_told_whether_digits_are_missing(wanted, typed, says):
    assert Number("n").check(typed, {"n": wanted}) == (not says, says)


@pytest.mark.parametrize(
    ("formula", "links"),
    [
        ("1/(3*x + 1)", ["1 / u", "3 * x + 1"]),
        ("2*exp(-x**2) + y", ["2 * exp(u) + y", "-x ** 2"]),
        ("(x + 1)**y", ["u ** y", "x + 1"]),
        ("x*tanh(x)", ["x * tanh(x)"]),
        ("sqrt(log(2*x))", ["sqrt(u)", "log(u)", "2 * x"]),
    ],
)
def test_a_chain_has_a_link_for_each_function(formula, links):
    assert links_of(formula, "x") == links


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("0.59", ""),
        ("0.61", "Close."),
        ("1", "That is too large."),  # and 1.72 times the number is not twice
        ("1.16", "You are off by a factor of 2."),
        ("-0.58", "The size is right, the sign is not."),
        ("-0.59", "That is too small."),
    ],
)
def test_what_is_said_to_a_guess_is_exact_where_its_tolerance_is_not(typed, says):
    answer = Number("n", tolerance=0.03)
    assert answer.check(typed, {"n": 0.58}) == (not says, says)


def test_a_factor_of_several_operations_is_their_product():
    answer = Derivative("log(2 + 3*tanh(x))", "x", "0", low=0.0, high=1.0)
    says = path_hint(answer, {"x": [0.0]}, 0)
    assert says == "There ∂f/∂u · ∂u/∂x is 0.5 · 3, with u = 2 + 3 tanh(x)."


def test_only_points_where_the_function_has_a_value_count():
    answer = Derivative("log(x)", "x", "1/x")
    for typed in ("1/x", "1/abs(x)", "x^-1", "exp(-log(x))"):
        assert re.fullmatch(r"Right: .* at \d points\.", answer.check(typed, {}).says)
    says = answer.check("sqrt(x - 1)/x", {}).says
    assert "your formula is nan, but the derivative is a number there" in says


def test_the_size_alone_may_be_asked_for():
    answer = Number("n", within=10.0)
    assert answer.check("1e-7", {"n": 3e-7}).right
    assert answer.check("2.9e-6", {"n": 3e-7}).right
    assert not answer.check("1e-5", {"n": 3e-7}).right
    assert not answer.check("-3e-7", {"n": 3e-7}).right


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("(64, 3)", ""),
        ("64 × 3", ""),
        ("(3, 64)", "The right numbers, the other way round: transpose."),
        ("(64, 3, 1)", "It has 2 axes, yours 3 axes."),
        ("64", "It has 2 axes, yours 1 axis."),
        ("(32, 6)", "As many elements, but arranged in another way."),
        ("(64, 4)", "Axis 1 has another length."),
        ("sixty", "Please type a shape, such as (2, 5)."),
    ],
)
def test_shapes_are_compared_axis_by_axis(typed, says):
    assert Shape("x").check(typed, {"x": np.zeros((64, 3))}) == (not says, says)


def test_three_axes_in_another_order_are_said_to_be_that():
    verdict = Shape("x").check("(3, 2, 4)", {"x": (2, 3, 4)})
    assert verdict == (False, "The right numbers, in another order.")
