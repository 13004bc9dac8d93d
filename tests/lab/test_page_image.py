"""The page Image: places, weights and predictions are those of the library."""

import importlib.util

import numpy as np
import pytest

import xpnet as xn
from xpnet import losses
from xpnet.data.image import index_of
from xpnet.lab.pages.image import HIDDEN, KEPT, Image
from xpnet.lab.pictures import SOURCES, pictures
from xpnet.lab.session import Session
from xpnet.lab.wire import decode

PHOTOGRAPHS = all(map(importlib.util.find_spec, ("sklearn", "PIL")))
HERE = [name for name in SOURCES if name != "photographs" or PHOTOGRAPHS]


@pytest.fixture
def session():
    return Session([Image])


def ask(session, kind, **fields):
    (frame,) = session.handle({"page": "image", "type": kind, "id": 1, **fields})
    assert frame.header["type"] == kind, frame.header
    return frame.header, frame.arrays


@pytest.mark.parametrize("source", HERE)
def test_each_source_has_pictures_of_two_classes(source):
    shown = pictures(source)
    assert len(shown.classes) == 2
    for x, y in (shown.train, shown.test):
        assert x.shape == (len(y), np.prod(shown.shape))
        assert (x.dtype, y.dtype) == (np.float32, np.int64)
        assert x.min() >= 0.0
        assert x.max() <= 1.0
        assert np.bincount(y).tolist() == [len(y) / 2] * 2
    assert not (shown.train[0][:, None] == shown.test[0][:20]).all(2).any()


def test_the_places_are_those_of_index_of(session):
    header, arrays = ask(session, "begin", source="skies")
    places = arrays["places"]
    assert list(places.shape) == header["shape"]
    assert places[3, 5, 2] == index_of(3, 5, 2, places.shape)
    assert sorted(places.ravel()) == list(range(places.size))
    bytes_ = arrays["pixels"].ravel()[np.argsort(places, None)]
    np.testing.assert_array_equal(bytes_, np.rint(255 * arrays["x"]))


@pytest.mark.parametrize("layers", ["one", "two"])
def test_what_is_shown_is_what_the_network_computes(session, layers):
    ask(session, "begin", source="skies", layers=layers)
    ask(session, "train", steps=5)
    unit = 7 if layers == "two" else 0
    header, arrays = ask(session, "look", picture=11, unit=unit)
    net = session.pages[0]._net
    x, y = net.pictures.test[0][11:12], net.pictures.test[1][11:12]
    model = net.model
    assert arrays["x"] == pytest.approx(x[0])
    weight = model[0].weight.detach()
    assert arrays["weight"] == pytest.approx(np.asarray(weight[unit, :].data))
    total = arrays["product"].sum(dtype=np.float64) + header["bias"]
    assert header["z"] == pytest.approx(total, abs=1e-5)
    logit = model(xn.asarray(x))
    assert header["logit"] == pytest.approx(float(logit[0, 0].detach()))
    assert header["p"] == pytest.approx(1 / (1 + np.exp(-header["logit"])))
    loss = losses.binary_cross_entropy_with_logits(logit[:, 0], xn.asarray(y))
    assert header["loss"] == pytest.approx(float(loss.detach()))
    loss.backward()
    slope = model[0].weight.grad
    assert arrays["gradient"] == pytest.approx(np.asarray(slope.data)[unit])
    passed = arrays["passed"]
    assert len(passed) == header["units"] == (HIDDEN if layers == "two" else 1)
    if layers == "two":
        assert passed[unit] == pytest.approx(max(0.0, header["z"]))


def test_looking_changes_no_step_of_the_training(session):
    def train(look):
        ask(session, "begin", source="skies", layers="two")
        for _ in range(3):
            ask(session, "train", steps=2)
            if look:
                ask(session, "look", picture=5, unit=3)
        return ask(session, "look")[1]["weight"].tobytes()

    assert train(look=True) == train(look=False)


def test_training_tells_the_skies_apart(session):
    before, _ = ask(session, "begin", source="skies")
    after, _ = ask(session, "train", steps=150)
    assert after["step"] == 150
    assert after["test_loss"] < 0.2 < before["test_loss"]
    assert after["test_accuracy"] > 0.97


@pytest.mark.skipif(not PHOTOGRAPHS, reason="scikit-learn and pillow are needed")
def test_a_hidden_layer_tells_the_photographs_apart_better(session):
    scores = {}
    for layers in ("one", "two"):
        ask(session, "begin", source="photographs", layers=layers)
        scores[layers] = ask(session, "train", steps=300)[0]["test_accuracy"]
    assert 0.7 < scores["one"] < scores["two"] - 0.03


@pytest.mark.parametrize(
    ("kind", "fields", "sentence"),
    [
        ("train", {"steps": 1}, "begin first"),
        ("look", {}, "begin first"),
        ("begin", {"source": "cats"}, "source is one of photographs, skies"),
        ("begin", {"source": "skies", "layers": "3"}, "layers is one of one, two"),
        ("begin", {"source": "skies", "picture": 400}, "from 0 to 399, not 400"),
        ("begin", {"source": "skies", "unit": 1}, "unit is a whole number from 0 to 0"),
    ],
)
def test_what_cannot_be_shown_gets_a_sentence(session, kind, fields, sentence):
    (frame,) = session.handle({"page": "image", "type": kind, **fields})
    assert frame.header["type"] == "error"
    assert sentence in frame.header["message"]


def test_an_export_keeps_the_first_pictures(session):
    session.keep("image")
    assert session.recordings["image"].entries == []
    ask(session, "begin", source="skies")
    session.keep("image")
    ask(session, "train", steps=3)
    ask(session, "look", picture=20)
    session.keep("image")
    messages = [e.message for e in session.recordings["image"].entries]
    assert [m["type"] for m in messages] == ["open"] + ["view"] * (KEPT + 1)
    assert messages[0]["picture"] == 20
    assert {m["picture"] for m in messages} == {*range(KEPT), 20}
    for entry in session.recordings["image"].entries:
        assert decode(entry.frames[0]).header["step"] == 3


def test_without_pillow_the_photographs_say_what_to_install(session, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    (frame,) = session.handle({"page": "image", "type": "begin"})
    assert frame.header["type"] == "error"
    assert "Type: pip install 'xpnet[" in frame.header["message"]
