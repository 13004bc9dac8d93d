"""Whatever a page is asked, in whatever order: frames come soon, and can be kept."""

import base64
import json
import random
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import xpnet as xn
from xpnet.errors import OptionError
from xpnet.lab.export import exported
from xpnet.lab.pages import PAGES
from xpnet.lab.session import Session
from xpnet.lab.wire import decode, encode

FORMULAS = [
    "x**2", "2y + x", "sin(w*x + b) - y", "x**x**x", "1/x", "log(x) + y", "7", "exp(y)",
    "exp(exp(exp(x)))", "where(x > y, x, 1/y)", "where(x > 0, x, 1/x)", "abs(x)^0.5",
    "+".join(["(x" + "^x" * 20 + ")"] * 4), "*".join(["(x*x+y)"] * 33), "x²^3",
    "rosenbrock", "narrow valley", "", "x.y", "</script>", "1e308x*10", "floor(x)",
    "0x", "x - x",
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 2, 3, 0.5, 0.1, -2.5, 10, 100, 1e-16, 1e-300, 1e4, 1e6, -1e6, 1e7, 1e300,
    2**31, 2**53, 10**400, 1.5, -0.0,
]  # fmt: skip
WORDS = [
    "float32", "float64", "tanh", "ReLU", "sigmoid", "identity", "GELU",
    "squared error", "logistic cost", "SGD", "Adam", "RMSprop", "Momentum",
    "spirals", "blobs", "own",
    "xor", "skies", "one", "two", "w1", "w2", "w3", "b", "sin", "tanh", "__init__", "",
]  # fmt: skip
HERE = [str(Path(xn.__file__).parents[1]), str(Path.home()) + "/", sys.prefix]
JUNK = [None, True, [], {}, [[]], {"x": 1}, "x", float("nan"), float("inf"), ["a"]]

LISTS = {  # the entries, and how many
    "box": (NUMBERS, 4), "rates": (NUMBERS, 4), "weights": (NUMBERS, 2),
    "examples": (NUMBERS, 6), "layers": ([1, 8, 64, 65, 0.5], 4),
    "axes": ([0, 1, 2], 2),
}  # fmt: skip
LIKELY = {
    "f": FORMULAS, "x": [0.5, 3], "y": [0.25, -1], "w": [0.5], "b": [-1], "id": [7],
    "low": [-1, 0], "high": [1, 3], "h": [0.1, 1e-16], "dtype": ["float32", "float64"],
    "box": [[-2, 2, -2, 2]], "rates": [[0.01] * 4, [0, 0, 0, 10]], "step": [0, 3, 299],
    "steps": [1, 3, 300, 1000], "name": ["SGD", "Adam", "tanh", "sum"],
    "chosen": [0, 1],
    "weights": [[0.5, -0.5], [1, 2, 1e6]], "examples": [[1.0, 2.0, 1.0, 0.5, 0.5, 0.0]],
    "bias": [0.1], "lr": [0.1, 100], "wrt": ["w1", "b"], "source": ["skies"],
    "loss": ["squared error", "logistic cost"],
    "activation": ["tanh", "sigmoid", "ReLU"],
    "optimizer": ["SGD", "Adam"], "data": ["xor", "blobs"],
    "layers": [[3], [64] * 4, []],
    "points": [20, 1000], "batch": [7, 1000], "noise": [0.1], "seed": [1],
    "axes": [[1, 0]],
    "example": [-1, 3], "picture": [5], "unit": [0],
}  # fmt: skip


def value(name, rng):
    """Return a value for a field: most often a good one."""
    match rng.choices(["likely", "list", "number", "word", "junk"], [200, 3, 3, 2, 2])[
        0
    ]:
        case "likely":
            return rng.choice(LIKELY[name])
        case "list" if name in LISTS:
            entries, count = LISTS[name]
            return rng.choices(entries, k=max(0, count + rng.choice([0, 0, 0, 1, -1])))
        case "number":
            return rng.choice(NUMBERS)
        case "word":
            return rng.choice(WORDS)
    return rng.choice(JUNK)


def request_for(page, rng):
    """Return a request with most of the fields that there are."""
    names = [name for name in LIKELY if rng.random() < 0.93]
    fields = {name: value(name, rng) for name in names}
    if page.name == "image":
        fields["layers"] = rng.choice(["one", "two"])
    return {"page": page.name, "type": rng.choice(sorted(page.requests)), **fields}


def answered(session, message):
    """Return the frames, encoded as they travel; assert what holds for all of them."""
    start = time.process_time()
    frames = session.handle(message)
    assert time.process_time() - start < 4.0, message  # measured: 1.4 at most
    assert frames
    data = [encode(frame) for frame in frames]
    assert sum(map(len, data)) < 2**20
    headers = [decode(one).header for one in data]
    assert [h["last"] for h in headers] == [False] * (len(data) - 1) + [True]
    assert "could not answer" not in headers[-1].get("message", ""), message
    return data


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_any_request_is_answered_soon_and_nothing_is_raised(page, seed):
    rng, session = random.Random(seed), Session()
    for _ in range(8):
        answered(session, request_for(page, rng))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_what_was_asked_in_any_order_can_be_kept_and_shown_again(page, seed):
    rng, session = random.Random(seed), Session()
    for _ in range(8):
        answered(session, request_for(rng.choice([page, page, *PAGES]), rng))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xpnet.lab.session._PATIENCE", 0.2)
        session.keep(page.name)
        if not session.recordings[page.name].entries:
            with pytest.raises(OptionError, match="nothing was asked"):
                exported(session, page.name)
            return
        text = exported(session, page.name, "#x?f=</script>")
    assert text.count("</script>") == 3
    (config,) = re.findall(r'id="lab-config">(.*?)</script>', text)
    records = json.loads(config)["records"]
    for record in records:
        assert record["message"]["page"] == page.name
        headers = [decode(base64.b64decode(one)).header for one in record["frames"]]
        assert not any(path in repr(headers) for path in HERE)
        assert "error" not in [header["type"] for header in headers]
