"""docs/conventions.md says what xpnet gives now; NUMERICS' promises are kept there."""

import json

import numpy as np
import pytest

from calculus import conventions
from calculus.conventions import POINTS, Point

FOUND = json.loads(conventions.RECORD.read_text("utf-8"))


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.shown)
def test_xpnet_gives_what_the_page_says(point: Point) -> None:
    ours = conventions.measure("xpnet", point)
    recorded = FOUND["points"][point.shown]["xpnet"]
    assert conventions.shown(ours) == conventions.shown(recorded)
    if point.expected is not None:
        expected = np.ravel(np.asarray(point.expected)).tolist()
        expected = [conventions.plain(x) for x in expected]
        np.testing.assert_allclose(ours, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    "point",
    [p for p in POINTS if p.section == conventions.SLOPES],
    ids=lambda p: p.shown,
)
def test_slopes_are_the_true_values(point: Point) -> None:
    assert conventions.shown(conventions.measure("xpnet", point)) == point.true


def test_the_page_is_what_the_record_gives() -> None:
    assert conventions.PAGE.read_text("utf-8") == conventions.page(FOUND)


def test_the_points_have_names_of_their_own() -> None:
    assert len({point.shown for point in POINTS}) == len(POINTS) == len(FOUND["points"])


def test_a_refusal_is_told_from_a_number() -> None:
    refused = Point("slopes", "none", "no_such_function(x)", (1.0,))
    assert conventions.measure("xpnet", refused) is None
    assert conventions.shown(None) == "none"
    assert conventions.shown([0.5, float("nan"), [3.0, -4.0]]) == "0.5, NaN, 3-4i"
