"""The pages Neuron and Network in a real browser, by mouse and by keyboard alone."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

import xpnet as xn
from xpnet import xp
from xpnet.lab.ask import Ask
from xpnet.lab.networks import Config, build
from xpnet.learn.digits import number

pytestmark = pytest.mark.browser

FIGURES = ("loss", "accuracy", "batch", "change", "epoch", "state")


def value(text):
    """Return the number that is shown."""
    return float(text.replace("−", "-").replace("×10", "e").strip())


def at_step(seen, step):
    """Wait until the time slider stands at a step, and the network there is drawn."""
    seen.page.wait_for_function(
        """(step) => document.querySelector('.transport .slider input[type=number]')
            .value === String(step)
            && document.querySelector('.network-drawing').textContent.trim() !== ''""",
        arg=step,
        timeout=5000,
    )


def shown(seen):
    """Return all that the page Network shows of where it is."""
    drawn = seen.page.locator(".network-drawing").text_content()
    table = seen.page.locator(".network-drawing ~ div table").first.inner_text()
    health = seen.page.locator(".findings").inner_text()
    return [*(seen.figure(name) for name in FIGURES), drawn, table, health]


# --- Neuron ---------------------------------------------------------------------------


def cost(w, b):
    """Return the logistic cost of the page's first examples."""
    total = 0.0
    for *x, y in ([2, -1, 1], [1, 1, 0], [-1.5, 0.5, 0], [0.5, -2, 1]):
        a = 1 / (1 + xp.exp(-(w[0] * x[0] + w[1] * x[1] + b)))
        total = total - (y * xp.log(a) + (1 - y) * xp.log(1 - a))
    return total / 4


def test_the_neuron_shows_the_gradients_of_grad_and_takes_its_step(visit):
    seen = visit("neuron?w=0.4,-0.2&b=0.3&lr=0.5")
    w, b = np.array([0.4, -0.2]), 0.3
    seen.wait_figure("cost", number(float(cost(w, b)), 4))
    dw, db = xn.grad(cost, argnums=(0, 1))(w, b)
    seen.page.get_by_text("The numbers of this picture").nth(1).click()
    rows = seen.page.locator("table", has_text="How each example pulls").locator("tr")
    total = rows.filter(has_text="sum").inner_text().split("\t")[1:]
    assert [value(text) for text in total] == pytest.approx([*-dw, -db], rel=1e-3)
    for label, want in (("w₁", -dw[0]), ("w₂", -dw[1]), ("b", -db)):
        picture = seen.page.get_by_role("img", name=f"Pulls on {label}")
        assert f"sum, {number(want, 3)}," in picture.get_attribute("aria-label")
    seen.page.get_by_role("button", name="One step").click()
    seen.wait_figure("steps", "1")
    seen.wait_figure("cost", number(float(cost(w - 0.5 * dw, b - 0.5 * db)), 4))
    seen.page.get_by_label("example 2", exact=True).click()
    seen.page.wait_for_url(re.compile("example=1"))
    seen.rest()
    assert seen.figure("steps") == "1"  # to look elsewhere changes nothing
    seen.page.get_by_role("button", name="Back to the start").click()
    seen.wait_figure("cost", number(float(cost(w, b)), 4))


def test_the_neuron_is_changed_with_the_mouse(visit):
    seen = visit("neuron")
    page = seen.page
    page.get_by_label("activation").select_option("tanh")
    assert page.get_by_label("loss", exact=True).input_value() == "squared error"
    page.get_by_label("example 3", exact=True).click()
    page.get_by_label("from the loss back to").select_option("w2")
    page.locator(".chain h3", has_text="Backward, to w₂").wait_for(timeout=5000)
    assert "1−tanh" in "".join(page.locator(".chain").text_content().split())
    page.get_by_label("inputs").select_option("3")
    page.get_by_label("weight w₃", exact=True).wait_for(timeout=5000)
    page.get_by_role("button", name="Add an example").click()
    page.get_by_label("example 5, target").fill("0.5")
    page.get_by_role("img", name="Pulls on w₃").wait_for(timeout=5000)
    page.get_by_role("button", name="Remove example 1").click()
    page.wait_for_url(re.compile("tanh.*examples=1,1,1,0%3B.*1,-1,1,0.5"))
    again = visit(page.url.split("#")[1])
    assert again.page.get_by_label("example 4, target").input_value() == "0.5"
    assert again.page.get_by_label("weight w₃", exact=True).count() == 1


def test_the_keyboard_alone_trains_a_neuron(visit):
    seen = visit("neuron")
    page = seen.page
    seen.wait_figure("steps", "0")
    before = value(seen.figure("cost"))
    seen.tab_to("weight w₁")
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("weight w₁, exactly").input_value() == "0.51"
    seen.tab_to("example 1, target")
    page.keyboard.press("Control+a")
    page.keyboard.type("0")
    seen.rest()
    assert value(seen.figure("cost")) > before
    seen.tab_to("One step")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    seen.wait_figure("steps", "2")
    seen.tab_to("Back to the start")
    page.keyboard.press("Enter")
    seen.wait_figure("steps", "0")


def test_a_slider_of_the_neuron_answers_within_20_milliseconds(visit):
    seen = visit("neuron")
    seen.wait_figure("steps", "0")
    assert seen.answers_in(seen.page.get_by_label("weight w₁", exact=True)) <= 20.0


# --- Network --------------------------------------------------------------------------


def test_stepping_back_shows_the_same_numbers(visit):
    seen = visit("network?points=60&layers=4-3")
    page = seen.page
    at_step(seen, 0)
    known = [shown(seen)]
    for step in range(1, 6):
        page.get_by_role("button", name="One step", exact=True).click()
        at_step(seen, step)
        known.append(shown(seen))
    assert len({state[5] for state in known}) == 6
    for step in (4, 3, 2):
        page.get_by_role("button", name="One step back").click()
        at_step(seen, step)
        assert shown(seen) == known[step]
    page.get_by_label("time: the step", exact=True).focus()
    page.keyboard.press("Home")
    seen.wait_figure("state", known[0][5])
    assert shown(seen) == known[0]
    page.keyboard.press("End")
    seen.wait_figure("state", known[5][5])
    assert shown(seen) == known[5]
    page.keyboard.press("ArrowLeft")
    seen.wait_figure("state", known[4][5])
    page.get_by_role("button", name="One step", exact=True).click()
    at_step(seen, 5)
    assert shown(seen) == known[5]


def test_spirals_train_at_20_pictures_per_second(visit):
    seen = visit("network")
    page = seen.page
    at_step(seen, 0)
    page.get_by_role("button", name="Train").click()
    rates = []
    for _ in range(8):  # other programs may take the processor meanwhile
        rates.append(page.evaluate(PICTURES_PER_SECOND))
        if rates[-1] >= 20.0:
            break
    page.get_by_role("button", name="Pause").click()
    assert max(rates) >= 20.0, rates
    assert value(seen.figure("loss")) < 0.7012  # as it was at first


# Counts the pictures of the browser in which another boundary is drawn than before.
PICTURES_PER_SECOND = """() => new Promise((done) => {
    const plane = document.querySelector("canvas[aria-label^='What the network says'],"
        + "canvas[aria-label^='A map of']");
    const copy = document.createElement("canvas");
    const pen = copy.getContext("2d", { willReadFrequently: true });
    const drawn = () => {
        pen.drawImage(plane, 70, 20, 200, 200, 0, 0, 100, 100);
        const pixels = pen.getImageData(0, 0, 100, 100).data;
        return pixels.reduce((all, byte) => (31 * all + byte) | 0, 0);
    };
    const start = performance.now();
    let [count, before] = [0, drawn()];
    const look = () => {
        const now = drawn();
        if (now !== before) count++;
        before = now;
        const seconds = (performance.now() - start) / 1000;
        if (seconds < 0.7) requestAnimationFrame(look);
        else done(count / seconds);
    };
    requestAnimationFrame(look);
})"""


def test_the_network_shows_the_gradients_of_the_tape(visit):
    seen = visit("network?points=60&layers=3&step=3&lr=0.1")
    at_step(seen, 3)
    chosen = {"points": 60, "layers": [3], "lr": 0.1}
    run, problem = build(Config.read(Ask(chosen), None), None)
    for _ in range(3):
        run.advance()
    run.optimizer.zero_grad()
    loss = problem.loss(run.model(problem.x), problem.y)
    loss.backward()
    assert seen.figure("loss") == number(float(loss))
    weight, bias = list(run.model.parameters())[-2:]
    table = seen.page.locator(".network-drawing ~ div table").first
    rows = [row.split("\t") for row in table.locator("tbody").inner_text().split("\n")]
    values = [*weight.data.reshape(-1), *bias.data.reshape(-1)]
    slopes = [*weight.grad.data.reshape(-1), *bias.grad.data.reshape(-1)]
    assert [row[2] for row in rows] == [number(float(v)) for v in values]
    assert [value(row[3]) for row in rows] == pytest.approx(slopes, rel=1e-3)
    assert run.snapshot().fingerprint() == seen.figure("state")


def test_whole_numbers_stay_whole_whatever_is_typed(visit):
    seen = visit("network?points=60")
    at_step(seen, 0)
    seed = seen.page.get_by_label("seed, exactly")
    seed.fill("2.6")
    seed.blur()
    seen.page.wait_for_url(re.compile("seed=3"))
    assert seed.input_value() == "3"


def test_the_network_is_changed_with_the_mouse(visit):
    seen = visit("network?points=60")
    page = seen.page
    at_step(seen, 0)
    page.get_by_label("data", exact=True).select_option("blobs")
    page.get_by_text("blob 2").wait_for(timeout=5000)
    field = page.get_by_label("hidden layers")
    field.fill("3-x")
    field.press("Enter")
    page.locator(".field.text .problem:not(:empty)").wait_for(timeout=5000)
    field.fill("3")
    field.press("Enter")
    fourth = page.get_by_role("button", name="Tanh, unit 4").last
    fourth.wait_for(state="detached", timeout=5000)
    page.get_by_role("button", name="Tanh, unit 3").click()
    edges = page.locator(".network-drawing ~ div table").first
    assert edges.locator("tbody tr").count() == 3
    plane = page.get_by_role("img", name="A map of")
    box = plane.bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 0.45 * box["height"])
    page.get_by_text("the network gives the classes the probabilities").wait_for()
    page.get_by_label("edges show").select_option("gradients")
    page.get_by_text("Gradients: the thicker the larger").wait_for(timeout=5000)
    page.wait_for_url(re.compile("layers=3&.*example="))
    page.go_back()
    page.get_by_role("button", name="Tanh, unit 8").first.wait_for(timeout=5000)
    assert page.get_by_label("data", exact=True).input_value() == "blobs"


def test_the_keyboard_alone_trains_a_network(visit):
    seen = visit("network?points=60")
    page = seen.page
    at_step(seen, 0)
    page.keyboard.press(".")
    at_step(seen, 1)
    page.keyboard.press(",")
    at_step(seen, 0)
    seen.tab_to("optimizer")
    page.keyboard.type("SGD with")
    seen.tab_to("Train")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause").wait_for()
    seen.until("() => Number(document.querySelector('.transport input').value) >= 10")
    page.keyboard.press("Enter")
    seen.rest()  # else it would not come to rest
    assert page.get_by_role("button", name="Train").is_visible()
    seen.tab_to("time: the step, exactly")
    page.keyboard.press("Control+a")
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    at_step(seen, 1)
    page.get_by_role("button", name="output, unit 1").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.startswith("Tanh, unit 2")


def test_the_address_leads_back_to_the_same_state(visit):
    seen = visit("network?points=60&optimizer=SGD&lr=0.1")
    page = seen.page
    at_step(seen, 0)
    page.keyboard.press(".")
    at_step(seen, 1)
    rate = page.get_by_label("learning rate, exactly")
    rate.fill("0.5")
    rate.blur()
    page.wait_for_url(re.compile("rates=1:0.5"))
    page.keyboard.press(".")
    at_step(seen, 2)
    page.keyboard.press(".")
    at_step(seen, 3)
    page.wait_for_url(re.compile("step=3"))
    again = visit(page.url.split("#")[1])
    at_step(again, 3)
    assert shown(again) == shown(seen)
    assert again.page.get_by_label("learning rate, exactly").input_value() == "0.5"


def test_the_run_is_in_the_address_while_it_trains(visit):
    seen = visit("network?points=60")
    page = seen.page
    at_step(seen, 0)
    page.get_by_role("button", name="Train").click()
    page.wait_for_url(re.compile("step="))
    page.get_by_role("link", name="Slope").click()
    page.get_by_role("heading", name="Slope", level=1).wait_for()
    page.go_back()
    page.get_by_role("heading", name="Network", level=1).wait_for()
    step = int(re.search(r"step=(\d+)", page.url)[1])
    assert step > 0
    at_step(seen, step)


def test_an_address_that_leads_far_can_be_stopped_on_the_way(visit):
    seen = visit("network?points=60&step=200000")
    pause = seen.page.get_by_role("button", name="Pause")
    pause.click(timeout=5000)
    seen.rest()
    step = int(seen.page.get_by_label("time: the step, exactly").input_value())
    assert 0 < step < 200_000


def test_health_is_told_in_words(visit):
    seen = visit("network?activation=sigmoid&layers=8-8-8-8&points=60")
    seen.page.get_by_text("Vanishing gradient: a weight of layer 0").wait_for()
    assert seen.page.locator('[data-kind="vanishing"]').count() == 1
    fine = visit("network?points=60")
    fine.page.get_by_text("Nothing is wrong").wait_for(timeout=5000)


def test_where_motion_is_unwelcome_few_pictures_are_drawn(visit):
    seen = visit("network?points=60", reduced_motion="reduce")
    at_step(seen, 0)
    before, since = len(seen.times()), time.perf_counter()
    seen.page.get_by_role("button", name="Train").click()
    at_step(seen, 10)
    seen.page.get_by_role("button", name="Pause").click()
    assert len(seen.times()) - before <= 2 * (time.perf_counter() - since) + 1


def test_a_saved_run_goes_back_and_forward_with_no_server(visit, tmp_path):
    live = visit("network?points=60")
    at_step(live, 0)
    known = [shown(live)]
    for step in range(1, 5):
        live.page.keyboard.press(".")
        at_step(live, step)
        known.append(shown(live))
    with live.page.expect_download() as started:
        live.page.get_by_text("Save as a file").click()
    path = tmp_path / "run.html"
    started.value.save_as(path)
    seen = visit(url=path.as_uri())
    at_step(seen, 4)
    assert shown(seen) == known[4]
    seen.page.get_by_label("time: the step", exact=True).focus()
    for step in (3, 2):
        seen.page.keyboard.press("ArrowLeft")
        seen.wait_figure("state", known[step][5])
        assert shown(seen) == known[step]
    seen.page.get_by_role("button", name="Train").click()
    at_step(seen, 4)
    assert {url.split(":")[0] for url in seen.requests} <= {"file", "data"}


def test_a_saved_neuron_steps_with_no_server(visit, tmp_path):
    live = visit("neuron")
    live.wait_figure("steps", "0")
    with live.page.expect_download() as started:
        live.page.get_by_text("Save as a file").click()
    path = tmp_path / "run.html"
    started.value.save_as(path)
    live.page.get_by_role("button", name="One step").click()
    live.wait_figure("steps", "1")
    seen = visit(url=path.as_uri())
    seen.wait_figure("steps", "0")
    seen.page.get_by_role("button", name="One step").click()
    seen.wait_figure("steps", "1")
    assert seen.figure("cost") == live.figure("cost")
    assert {url.split(":")[0] for url in seen.requests} <= {"file", "data"}
