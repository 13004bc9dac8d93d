"""A model and data of the user's own in a real browser."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from xpnet import nn
from xpnet.lab.session import Session

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def model():
    return nn.Sequential(nn.Linear(4, 20, rng=0), nn.Tanh(), nn.Linear(20, 3, rng=1))


@pytest.fixture(scope="module")
def make_session(model):
    """Sessions with three clouds in four dimensions."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    centers = rng.normal(size=(3, 4)) * 2
    X = centers[y] + 0.3 * rng.normal(size=(90, 4))
    return partial(Session, model=model, data=(X.astype("float32"), y))


def test_a_model_of_ones_own_is_trained_and_left_alone(visit, model):
    before = model.state_dict()
    seen = visit("network")
    page = seen.page
    page.get_by_text("The first 16 units of a layer are drawn.").wait_for(timeout=5000)
    data = page.get_by_label("data", exact=True)
    assert data.input_value() == "own"
    assert page.get_by_label("hidden layers").is_hidden()
    assert page.get_by_text("class 2", exact=True).is_visible()
    page.get_by_label("across").select_option("3")
    page.get_by_label("up", exact=True).select_option("3")
    seen.rest()
    assert page.get_by_label("across").input_value() == "1"
    assert page.get_by_label("up", exact=True).input_value() == "3"
    assert "axes=1,3" in page.url
    page.get_by_role("button", name="Train").click()
    seen.wait_figure("accuracy", "100 %")
    page.get_by_role("button", name="Pause").click()
    assert seen.violations() == []
    for name, value in model.state_dict().items():
        assert value.data.tobytes() == before[name].data.tobytes()
    data.select_option("moons")
    page.get_by_text("lower", exact=True).wait_for(timeout=5000)
    assert page.get_by_label("hidden layers").is_visible()
    assert page.get_by_label("across").is_hidden()
