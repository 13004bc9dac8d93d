"""The session: whatever is asked is answered by frames, and nothing is raised."""

import math
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xpnet as xn
from xpnet import nn
from xpnet.errors import OptionError, ShapeError
from xpnet.lab.ask import Ask
from xpnet.lab.page import Page, request
from xpnet.lab.pages import PAGES
from xpnet.lab.recording import Recording
from xpnet.lab.session import Session
from xpnet.lab.wire import Frame, decode, encode


class Counter(Page):
    """Counts; squares what it is given; and fails in every way."""

    name, title = "counter", "Counter"

    def __init__(self, own=None):
        super().__init__(own)
        self.count = 0
        self.shared = np.zeros(1)

    @request("begin", keep="anew")
    def begin(self, ask):
        self.count = 0
        return Frame({"count": 0})

    @request("add")
    def add(self, ask):
        self.count += ask.whole("by", 0, 10, default=1)
        self.shared[0] = self.count  # one buffer for all answers
        return Frame({"count": self.count}, {"count": self.shared})

    @request("square", keep="last")
    def square(self, ask):
        x = ask.number("x", -100.0, 100.0)
        return [Frame({"type": "first"}), Frame({"y": x * x})]

    @request("peek", keep="never")
    def peek(self, ask):
        return Frame({"count": self.count})

    @request("fail", keep="never")
    def fail(self, ask):
        raise {"value": ValueError, "memory": MemoryError, "deep": RecursionError}[
            ask.text("how", 10)
        ]("the insides,\nin two lines")

    @request("overflow", keep="never")
    def overflow(self, ask):
        return Frame({"y": np.exp(np.float64(1e6)), "z": np.float64(0) / 0})

    def keep(self):
        yield from ({"type": "square", "x": float(x)} for x in range(3))


@pytest.fixture
def session():
    return Session([Counter])


def ask(session, kind, **fields):
    return session.handle({"page": "counter", "type": kind, "id": 3, **fields})


def test_an_answer_names_its_page_type_and_id_and_the_last_frame(session):
    first, last = (frame.header for frame in ask(session, "square", x=3))
    assert first == {"type": "first", "page": "counter", "id": 3, "last": False}
    assert last == {
        "type": "square", "y": 9.0, "page": "counter", "id": 3, "last": True
    }  # fmt: skip


def test_a_page_remembers_and_each_session_has_its_own(session):
    ask(session, "add")
    assert ask(session, "add", by=4)[0].header["count"] == 5
    assert ask(Session([Counter]), "add")[0].header["count"] == 1


def test_hello_names_the_pages(session):
    (frame,) = session.handle({"page": "lab", "type": "hello", "id": 0})
    assert frame.header["pages"] == [{"id": "counter", "title": "Counter"}]
    assert frame.header["version"] == xn.__version__
    assert frame.header["own_model"] is False


REFUSED = {
    "the field page is missing": {},
    "page is one of lab, counter, not 'nowhere'": {"page": "nowhere", "type": "x"},
    "the field type is missing": {"page": "counter"},
    "type is a text, not 3": {"page": "counter", "type": 3},
    "type has at most 100 characters, not 101": {"page": "counter", "type": "x" * 101},
    "has no request 'count'; use one of begin, add": {
        "page": "counter", "type": "count"
    },
    "the field x is missing": {"page": "counter", "type": "square"},
    "x is a number from -100 to 100, not 101": {
        "page": "counter", "type": "square", "x": 101
    },
    "x is a number from -100 to 100, not nan": {
        "page": "counter", "type": "square", "x": math.nan
    },
    "x is a number from -100 to 100, not a number far outside": {
        "page": "counter", "type": "square", "x": 10**400
    },
    "x is a number from -100 to 100, not true": {
        "page": "counter", "type": "square", "x": True
    },
    "x is a number from -100 to 100, not '3'": {
        "page": "counter", "type": "square", "x": "3"
    },
    "x is a number from -100 to 100, not null": {
        "page": "counter", "type": "square", "x": None
    },
    "by is a whole number from 0 to 10, not 1.5": {
        "page": "counter", "type": "add", "by": 1.5
    },
    "id is a whole number": {"page": "counter", "type": "add", "id": "7"},
    "the page counter could not answer: ValueError": {
        "page": "counter", "type": "fail", "how": "value"
    },
    "the page counter could not answer: RecursionError": {
        "page": "counter", "type": "fail", "how": "deep"
    },
    "there is not enough memory for this": {
        "page": "counter", "type": "fail", "how": "memory"
    },
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_wrong_is_answered_by_one_sentence(session, sentence, caplog):
    (frame,) = session.handle(REFUSED[sentence])
    assert frame.header["type"] == "error"
    assert sentence in frame.header["message"]
    assert frame.header["message"].endswith(".")
    assert "\n" not in frame.header["message"]
    assert frame.header["last"] is True
    unforeseen = "could not answer" in sentence
    assert len(caplog.records) == unforeseen  # with the traceback, for the terminal


@pytest.mark.parametrize("message", [None, 3, "add", [], {"page"}])
def test_what_is_no_object_is_an_error_too(session, message):
    (frame,) = session.handle(message)
    assert frame.header["type"] == "error"
    assert frame.header["id"] is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)
kinds = sorted({kind for page in (*PAGES, Counter) for kind in page.requests})
names = st.sampled_from(["page", "type", "id", "x", "f", "by", "how", "steps"])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*(page.name for page in PAGES), "counter", "lab"]),
    st.sampled_from(kinds) | st.text(max_size=5),
    st.dictionaries(names, json_values, max_size=4),
)
def test_no_request_makes_a_session_raise(page, kind, fields):
    session = Session([*PAGES, Counter])
    frames = session.handle({"page": page, "type": kind, **fields})
    assert frames[-1].header["last"] is True
    for frame in frames:
        encode(frame)


def test_numbers_that_overflow_are_shown_and_not_warned_of(session):
    header = decode(encode(ask(session, "overflow")[0])).header
    assert (header["y"], header["z"]) == ("Infinity", "NaN")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_a_name_a_title_and_requests(page):
    assert page.name.isidentifier()
    assert page.title
    assert page.requests
    assert page.__doc__


def test_the_pages_are_in_the_order_of_the_guides():
    order = ["slope", "descent", "neuron", "network", "image", "code"]
    names = [page.name for page in PAGES]
    assert names == [name for name in order if name in names]


def test_a_page_inherits_the_requests_of_its_base():
    class More(Counter):
        """One more request."""

        @request("twice")
        def twice(self, ask):
            return [*self.handle({"type": "add"}), *self.handle({"type": "add"})]

    assert set(More.requests) == {*Counter.requests, "twice"}
    assert "twice" not in Counter.requests
    frames = Session([More]).handle({"page": "counter", "type": "twice"})
    assert [frame.header["count"] for frame in frames] == [1, 2]


# --- what may be asked ----------------------------------------------------------------


def test_fields_are_read_by_type_and_range():
    fields = {"n": 2, "f": 2.0, "s": "word", "b": False, "l": [1, 2.5], "half": 0.5}
    ask = Ask(fields)
    assert ask.number("n", 0.0, 5.0) == 2.0
    assert isinstance(ask.number("n", 0.0, 5.0), float)
    assert isinstance(ask.whole("f", 0, 5), int)
    assert ask.text("s", 4) == ask.choice("s", ("a", "word")) == "word"
    assert ask.flag("b") is False
    assert ask.numbers("l", 0.0, 5.0, most=2) == [1.0, 2.5]
    assert ("s" in ask, "t" in ask) == (True, False)
    assert ask.number("t", 0.0, 1.0, default=0.25) == 0.25
    assert ask.whole("t", 0, 1, default=1) == 1
    assert ask.flag("t", default=True) is True
    assert ask.text("t", 3, default="") == ""
    assert ask.choice("t", ("a",), default="a") == "a"
    for read, sentence in {
        lambda: ask.number("n", 3.0, 5.0): "n is a number from 3 to 5, not 2.",
        lambda: ask.whole("half", 0, 5): "half is a whole number from 0 to 5, not 0.5.",
        lambda: ask.text("s", 3): "s has at most 3 characters, not 4.",
        lambda: ask.choice("s", ("a", "b")): "s is one of a, b, not 'word'.",
        lambda: ask.flag("n"): "n is true or false, not 2.",
        lambda: ask.numbers("l", 0.0, 5.0, most=1): "l is a list of 0 to 1 numbers",
        lambda: ask.numbers("l", 2.0, 5.0, most=2): "l is a number from 2 to 5, not 1.",
        lambda: ask.numbers("s", 2.0, 5.0, most=2): "not 'word'.",
    }.items():
        with pytest.raises(OptionError) as refused:
            read()
        assert sentence in str(refused.value)


# --- what is kept for an export -------------------------------------------------------


def kept(session):
    return [
        (entry.message["type"], entry.message.get("x"), entry.keep)
        for entry in session.recordings["counter"].entries
    ]


def test_a_run_is_kept_in_order_and_the_answers_of_one_request_once(session):
    for kind, fields in [
        ("add", {}), ("square", {"x": 1}), ("add", {}), ("square", {"x": 2}),
        ("square", {"x": 1}), ("peek", {}), ("square", {"x": 1000}), ("add", {}),
    ]:  # fmt: skip
        ask(session, kind, **fields)
    assert kept(session) == [
        ("add", None, "each"), ("add", None, "each"), ("square", 2, "last"),
        ("square", 1, "last"), ("add", None, "each"),
    ]  # fmt: skip
    frames = [
        e.frames[0] for e in session.recordings["counter"].entries if len(e.frames) == 1
    ]
    counts = [decode(data).arrays["count"].tolist() for data in frames]
    assert counts == [[1.0], [2.0], [3.0]]  # as they were when they were answered


def test_a_new_run_forgets_the_one_before(session):
    ask(session, "add")
    ask(session, "begin")
    ask(session, "add")
    assert [kind for kind, _, _ in kept(session)] == ["begin", "add"]


def test_what_a_page_keeps_besides_is_asked_at_the_export(session):
    session.keep("counter")
    assert kept(session) == [("square", float(x), "last") for x in range(3)]


def test_an_export_that_takes_too_long_is_cut_and_the_page_goes_back(monkeypatch):
    from xpnet.lab import session as module

    monkeypatch.setattr(module, "_PATIENCE", 0.0)
    session = Session()
    session.handle({"page": "network", "type": "start", "points": 20})
    session.handle({"page": "network", "type": "train", "steps": 5})
    session.keep("network")
    assert session.recordings["network"].entries == []
    assert session.recordings["network"].cut
    (frame,) = session.handle({"page": "network", "type": "show"})
    assert frame.header["step"] == 5


@pytest.mark.parametrize("junk", [math.nan, math.inf, {1: 2, "a": 3}, object(), {1, 2}])
def test_a_request_that_no_file_could_keep_is_refused(session, junk, caplog):
    (frame,) = ask(session, "square", x=1, junk=junk)
    assert frame.header["type"] == "error"
    assert "finite numbers" in frame.header["message"]
    assert kept(session) == []
    assert caplog.records == []


def test_the_request_counts_as_much_as_its_answer():
    recording = Recording(limit=1000)
    for n in range(10):
        recording.add({"n": n, "long": "x" * 400}, [Frame({})], "last")
    assert [entry.message["n"] for entry in recording.entries] == [8, 9]
    assert recording.size == sum(entry.size for entry in recording.entries) <= 1000


def test_a_long_recording_is_as_quick_as_a_short_one():
    recording = Recording()
    start = time.process_time()
    for n in range(5000):
        recording.add({"n": n}, [Frame({})], "last")
    assert time.process_time() - start < 2.0
    assert len(recording.entries) == 5000


def test_a_full_recording_drops_what_can_be_asked_again_and_then_stops():
    size = len(encode(Frame({}, {"x": np.zeros(10)}))) + len('{"n": 0}')
    recording = Recording(limit=3 * size)

    def add(n, keep):
        recording.add({"n": n, "id": n}, [Frame({}, {"x": np.zeros(10)})], keep)
        return [entry.message for entry in recording.entries]

    add(0, "each"), add(1, "last"), add(2, "each")
    assert add(3, "each") == [{"n": 0}, {"n": 2}, {"n": 3}]
    assert not recording.cut
    assert add(4, "each") == [{"n": 0}, {"n": 2}, {"n": 3}]
    assert recording.cut
    assert recording.size == 3 * size
    assert add(5, "anew") == [{"n": 5}]
    assert not recording.cut


STARTS = {
    "slope": [{"type": "curve", "f": "x**2", "low": -1, "high": 2},
              {"type": "chain", "f": "x**2", "x": 2}],
    "descent": [{"type": "surface", "f": "x**2 + y**2", "box": [-1, 1, -1, 1]}],
    "neuron": [{"type": "show", "weights": [0.5, -0.3], "bias": 0.1, "chosen": 0,
                "activation": "tanh", "loss": "squared error", "lr": 0.5,
                "examples": [2.0, -1.0, 1.0]}],
    "network": [{"type": "start"}],
    "image": [{"type": "begin", "source": "skies"}],
    "code": [{"type": "run", "f": "tanh(w*x)"}],
}  # fmt: skip


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_what_a_page_says_and_keeps_tells_nothing_of_this_machine(page):
    session = Session()
    here = [str(Path(xn.__file__).parents[1]), str(Path.home()) + "/", sys.prefix]
    frames = []
    for message in STARTS[page]:
        frames += session.handle({"page": page, **message})
    session.keep(page)
    entries = session.recordings[page].entries
    assert "error" not in [frame.header["type"] for frame in frames]
    said = [frame.header for frame in frames]
    said += [decode(data).header for entry in entries for data in entry.frames]
    assert not [h for h in said if any(path in repr(h) for path in here)]


# --- a model of the user's own --------------------------------------------------------


def mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, outputs))


X = np.linspace(-1, 1, 12).reshape(6, 2).astype(np.float32)


@pytest.mark.parametrize(
    ("outputs", "y", "task"),
    [
        (1, [0, 1, 0, 1, 0, 1], "binary"),
        (1, [[0.0], [1.0], [0.0], [1.0], [0.0], [1.0]], "binary"),
        (1, [0.5, 1, 0, 1, 0, 1], "numbers"),
        (3, [0, 1, 2, 0, 1, 2], "classes"),
        (2, [[0.0, 1.0]] * 6, "numbers"),
    ],
)
def test_the_task_of_an_own_model_is_read_off_its_targets(outputs, y, task):
    session = Session([Counter], mlp(2, outputs), (X, y))
    (page,) = session.pages
    assert page.own.task == task
    assert page.own.X.shape == (6, 2)
    (frame,) = session.handle({"page": "lab", "type": "hello"})
    assert frame.header["own_model"] is True


def test_an_own_model_is_copied_and_its_data_comes_from_any_library():
    model = mlp(2, 1)
    session = Session([Counter], model, (xn.asarray(X), np.arange(6) % 2))
    (page,) = session.pages
    copy = page.own.fresh_model()
    assert copy is not model
    with xn.no_grad():
        for parameter in copy.parameters():
            parameter -= parameter
    assert any(xn.xp.any(parameter != 0) for parameter in model.parameters())
    assert isinstance(page.own.X, np.ndarray)


BAD_OWN = {
    "a model with its data": (None, (X, [0] * 6), OptionError),
    "with its data: give a Module, X and y": (mlp(2, 1), None, OptionError),
    "give a Module": (lambda x: x, (X, [0] * 6), OptionError),
    "needs both X and y": (mlp(2, 1), (X, None), OptionError),
    "one row per example and y one target per row; X is (6, 2) and y is (5,)": (
        mlp(2, 1), (X, [0] * 5), ShapeError
    ),
    "X is (6,)": (mlp(1, 1), (X[:, 0], [0] * 6), ShapeError),
    "X holds finite real numbers only": (
        mlp(2, 1), (np.full((6, 2), np.nan), [0] * 6), OptionError
    ),
    "3 outputs, one per class, and y holds the numbers 0 to 3": (
        mlp(2, 3), (X, [0, 1, 2, 3, 0, 1]), ShapeError
    ),
    "makes (3,) of one example and y holds (2,)": (
        mlp(2, 3), (X, [[0.0, 1.0]] * 6), ShapeError
    ),
    "has no parameters": (nn.Sequential(nn.Tanh()), (X, [0] * 6), OptionError),
    "at most 100000 examples": (
        mlp(2, 1), (np.zeros((100_001, 2)), np.zeros(100_001)), OptionError
    ),
}  # fmt: skip


@pytest.mark.parametrize("sentence", BAD_OWN)
def test_a_model_and_data_that_do_not_fit_are_refused_at_once(sentence):
    model, data, kind = BAD_OWN[sentence]
    with pytest.raises(kind) as refused:
        Session([Counter], model, data)
    assert sentence in str(refused.value)


# --- as text and bytes ---------------------------------------------------------------


def test_a_text_is_answered_by_the_bytes_of_frames(session):
    text = '{"page": "counter", "type": "square", "x": 3, "id": 8}'
    first, last = (decode(data).header for data in session.answer(text))
    assert (first["type"], first["id"], last["y"]) == ("first", 8, 9.0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "a request is a JSON object; this one cannot be read"),
        ("[]", "a request is a JSON object, not a list."),
        ('{"page": "counter", "type": "whole", "id": 1}', "int64; use one of float32"),
        ('{"page": "counter", "type": "never", "id": 1}', "int64; use one of float32"),
    ],
)
def test_what_cannot_be_read_or_sent_is_an_error_too(text, sentence):
    class Whole(Counter):
        """Answers with what cannot travel."""

        @request("whole")
        def whole(self, ask):
            return Frame({}, {"x": np.zeros(2, np.int64)})

        @request("never", keep="never")
        def never(self, ask):
            return self.whole(ask)

    (data,) = Session([Whole]).answer(text)
    header = decode(data).header
    assert header["type"] == "error"
    assert header["id"] == (1 if "id" in text else None)  # so that nobody waits for it
    assert sentence in header["message"]
