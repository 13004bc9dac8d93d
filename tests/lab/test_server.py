"""The lab's server under load: one request of a page at a time, visitors who leave."""

import json
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("starlette", reason="the packages of the lab are not installed")

from websockets.sync.client import connect

from xpnet.lab.page import Page, request
from xpnet.lab.server import Server
from xpnet.lab.session import Session
from xpnet.lab.wire import Frame, decode


class Slow(Page):
    """Takes its time, and notes who is at work at once."""

    name, title = "slow", "Slow"
    at_work = 0
    most = 0
    lock = threading.Lock()
    go_on = threading.Event()

    @request("wait", keep="never")
    def wait(self, ask):
        with Slow.lock:
            Slow.at_work += 1
            Slow.most = max(Slow.most, Slow.at_work)
        Slow.go_on.wait(ask.number("seconds", 0.0, 5.0))
        with Slow.lock:
            Slow.at_work -= 1
        return Frame({"n": ask.whole("n", 0, 1000)})

    @request("note", keep="last")
    def note(self, ask):
        return Frame({"n": 0})


class Quick(Page):
    """Answers at once."""

    name, title = "quick", "Quick"

    @request("note", keep="last")
    def note(self, ask):
        return Frame({"n": 0})


@pytest.fixture
def server():
    Slow.most = 0
    Slow.go_on.clear()
    with Server(lambda: Session([Slow, Quick])) as server:
        yield server
        Slow.go_on.set()


def dial(server, session=""):
    query = f"token={server.token}&session={session}"
    address = f"ws://127.0.0.1:{server.port}/ws?{query}"
    return connect(address, proxy=None)


def ask(wire, **fields):
    wire.send(json.dumps({"page": "slow", "type": "wait", **fields}))


def answer(wire):
    return decode(wire.recv(timeout=10)).header


def test_requests_that_come_together_are_answered_in_order_one_at_a_time(server):
    with dial(server) as wire:
        for n in range(50):
            ask(wire, n=n, seconds=0.001, id=n)
        answers = [answer(wire) for _ in range(50)]
    assert [a["n"] for a in answers] == [a["id"] for a in answers] == list(range(50))
    assert Slow.most == 1


def test_a_slow_answer_keeps_nobody_else_waiting(server):
    with dial(server) as slow, dial(server) as quick:
        ask(slow, n=1, seconds=5.0)
        start = time.perf_counter()
        ask(quick, n=2, seconds=0.0)
        assert answer(quick)["n"] == 2
        assert time.perf_counter() - start < 2.0
        Slow.go_on.set()
        assert answer(slow)["n"] == 1


def test_a_slow_page_keeps_no_other_page_waiting(server):
    with dial(server, session="here") as wire:
        ask(wire, n=1, seconds=5.0)
        ask(wire, n=2, seconds=0.0)
        ask(wire, page="quick", type="note")
        assert answer(wire)["page"] == "quick"
        assert '"type": "note"' in export(server, "here", page="quick")
        Slow.go_on.set()
        assert [answer(wire)["n"] for _ in range(2)] == [1, 2]


def test_answers_are_sent_at_once(server):
    with dial(server):  # else the end of an answer can wait 40 ms for an earlier part
        (connection,) = server._uvicorn.server_state.connections
        there = connection.transport.get_extra_info("socket")
        assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_export_waits_until_the_answer_under_way_is_done(server):
    with dial(server, session="here") as wire, ThreadPoolExecutor() as pool:
        ask(wire, type="note")
        answer(wire)
        ask(wire, n=1, seconds=5.0)
        while not Slow.at_work:
            time.sleep(0.01)
        saved = pool.submit(export, server, "here")
        time.sleep(0.2)
        assert not saved.done()
        Slow.go_on.set()
        assert answer(wire)["n"] == 1
        assert '"type": "note"' in saved.result(10)


def export(server, session, page="slow"):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    query = f"token={server.token}&session={session}&page={page}"
    address = f"http://127.0.0.1:{server.port}/export?{query}"
    with opener.open(address, timeout=10) as answer:
        return answer.read().decode()


def test_more_work_than_there_are_threads_waits_for_its_turn(server):
    wires = [dial(server).__enter__() for _ in range(5)]
    for n, wire in enumerate(wires):
        ask(wire, n=n, seconds=0.05)
    assert [answer(wire)["n"] for wire in wires] == list(range(5))
    assert Slow.most == 2
    for wire in wires:
        wire.close()


def test_a_visitor_who_leaves_before_the_answer_harms_nobody(server, caplog):
    for _ in range(20):  # more than may be there at a time
        with dial(server) as wire:
            ask(wire, n=1, seconds=0.01)
    with dial(server) as wire:
        ask(wire, n=2, seconds=0.0)
        assert answer(wire)["n"] == 2
    assert caplog.records == []


def test_closing_does_not_wait_for_a_slow_answer(server):
    with dial(server) as wire:
        ask(wire, n=1, seconds=5.0)
        while not Slow.at_work:
            time.sleep(0.01)
        start = time.perf_counter()
        server.close()
        assert time.perf_counter() - start < 4.0
    assert repr(server).endswith("closed>")


NEURON = {
    "page": "neuron",
    "type": "explain",
    "weights": [0.5, -0.3],
    "activation": "sigmoid",
    "loss": "logistic cost",
    "examples": [2, -1, 1, 1, 1, 0],
    "chosen": 0,
    "lr": 0.5,
    "wrt": "w1",
}


def test_pages_that_answer_at_the_same_time_give_the_numbers_they_give_alone():
    network = [{"page": "network", "type": "start", "points": 60}]
    network += [{"page": "network", "type": "train", "steps": 5}] * 15
    neuron = [{**NEURON, "bias": i / 50} for i in range(30)]
    texts = [[json.dumps(message) for message in many] for many in (network, neuron)]
    alone, together = Session(), Session()
    expected = [[alone.answer(text) for text in many] for many in texts]
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda many: [together.answer(text) for text in many], texts)
    assert list(answers) == expected
