"""`xpnet lab` and `lab.open`: what they print, open, refuse, and how they end."""

import builtins
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import webbrowser

import pytest

import xpnet as xn
from xpnet import lab, nn
from xpnet.cli import main
from xpnet.errors import LibraryError, OptionError, ShapeError

pytest.importorskip("starlette", reason="the packages of the lab are not installed")

from websockets.sync.client import connect

from xpnet.lab.server import Server
from xpnet.lab.wire import decode

URL = r"http://127\.0\.0\.1:(\d+)/\?token=[\w-]{43}"
ADDRESS = rf"The lab is at ({URL})(#\w+)? \(Ctrl-C ends it\)\n"
LOOK = {"type": "look", "f": "x**2", "x": 3.0, "h": 0.1}


@pytest.fixture
def opened(monkeypatch):
    """The addresses that a browser was asked to open."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


@pytest.fixture
def at_once(monkeypatch):
    """A lab that ends as soon as it would wait."""
    monkeypatch.setattr(Server, "wait", Server.close)


def get(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return answer.status, answer.read().decode()


def ask(url, **message):
    address = url.partition("#")[0].replace("http", "ws", 1).replace("/?", "/ws?")
    with connect(address, proxy=None) as wire:
        wire.send(json.dumps(message))
        return decode(wire.recv(timeout=10)).header


# --- the command ----------------------------------------------------------------------


def test_it_prints_the_address_and_opens_it(capsys, opened, at_once):
    assert main(["lab"]) == 0
    out, err = capsys.readouterr()
    (address, _, fragment) = re.fullmatch(ADDRESS, out).groups()
    assert fragment is None
    assert opened == [address]
    assert err == ""


def test_a_page_is_part_of_the_address(capsys, opened, at_once):
    assert main(["lab", "slope", "--no-browser", "--port", "0"]) == 0
    assert re.match(ADDRESS, capsys.readouterr().out).group(3) == "#slope"
    assert opened == []


def test_a_port_that_is_taken_is_one_sentence(capsys, opened):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["lab", "--port", port]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"xpnet: port {port} is taken")
    assert err.endswith("choose another one, or 0 for any that is free.\n")
    assert opened == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "the lab has no page 'nowhere'; use one of slope"),
        (["--port", "x"], "'x' is not a valid integer"),
        (["--port", "70000"], "70000 is not in the range 0<=x<=65535"),
        (["--port", "-1"], "-1 is not in the range"),
        (["slope", "extra"], "unexpected extra argument"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(capsys, opened, words, sentence):
    assert main(["lab", *words]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert err.count("\n") == 1
    assert out == ""


def test_a_missing_extra_says_what_to_type(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "xpnet.lab.server")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["lab", "--no-browser"]) == 2
    assert capsys.readouterr().err == (
        "xpnet: the lab needs uvicorn, which is not installed. Type: pip install "
        "'xpnet[lab]'.\n"
    )
    with pytest.raises(LibraryError, match="needs uvicorn"):
        lab.open(browser=False)


def test_importing_the_lab_loads_no_page_and_no_server():
    code = (
        "import sys, xpnet.lab, xpnet.cli.app; "
        "print([n for n in sys.modules if n.startswith(('xpnet.lab.', 'starlette', "
        "'uvicorn', 'websockets', 'xpnet.learn.'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(), text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def environment():
    path = [str(next(iter(xn.__path__)) + "/.."), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal")
@pytest.mark.parametrize("visited", [False, True])
def test_ctrl_c_ends_it_without_a_word(visited):
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "xpnet", "lab", "--no-browser"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url, port, _ = re.match(ADDRESS, process.stdout.readline()).groups()
    if visited:  # a browser that is still there
        assert get(url)[0] == 200
        address = url.replace("http", "ws", 1).replace("/?", "/ws?")
        wire = connect(address, proxy=None).__enter__()
        wire.send("{}")
        wire.recv(timeout=10)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)))


# --- from Python ----------------------------------------------------------------------


def test_a_handle_has_an_address_that_works_until_it_is_closed(capsys, opened):
    handle = lab.open(block=False, page="slope")
    assert opened == [f"{handle.url}#slope"]
    assert f"The lab is at {handle.url}#slope\n" == capsys.readouterr().out
    assert repr(handle) == f"<xpnet lab at http://127.0.0.1:{handle.port}, running>"
    assert handle.token not in repr(handle)
    status, text = get(handle.url)
    assert (status, "xpnet lab" in text) == (200, True)
    before = set(threading.enumerate())
    handle.close()
    handle.close()
    assert repr(handle).endswith("closed>")
    assert len(set(threading.enumerate())) < len(before)
    with pytest.raises(OSError, match="refused"):
        get(handle.url)


def test_several_labs_do_not_know_each_other():
    with Server() as first, Server() as second:
        assert first.port != second.port
        wrong = first.url.replace(str(first.port), str(second.port))
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(wrong)
        assert refused.value.code == 403
        refused.value.close()


def test_an_own_model_begins_at_the_network(capsys):
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    X, y = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0]
    handle = lab.open(model, X, y, browser=False, block=False)
    try:
        assert capsys.readouterr().out.endswith("#network\n")
        assert ask(handle.url, page="lab", type="hello")["own_model"] is True
    finally:
        handle.close()


def test_a_model_that_does_not_fit_is_refused_before_anything_opens(opened):
    with pytest.raises(ShapeError, match="one target per row"):
        lab.open(nn.Linear(2, 1), [[0.0, 1.0]], [1, 0])
    with pytest.raises(OptionError, match="a model with its data"):
        lab.open(nn.Linear(2, 1))
    with pytest.raises(OptionError, match="from 0 to 65535, not 70000"):
        lab.open(port=70_000)
    assert opened == []


def test_open_does_not_hide_the_builtin():
    assert lab.__all__ == ["open", "save"]
    assert builtins.open is not lab.open


# --- a file instead of a server -------------------------------------------------------


def config(text):
    (found,) = re.findall(r'id="lab-config">(.*?)</script>', text)
    return json.loads(found)


def test_a_page_is_saved_as_one_file_that_reaches_nothing(tmp_path):
    path = lab.save(tmp_path / "run.html", "slope", [LOOK], state="#slope?f=x**2&x=3")
    text = path.read_text("utf-8")
    head = text[: text.index("<script")]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', head)
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "connect-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert not re.search(r"https?:|ws:|token", head)
    assert "{{" not in text
    held = config(text)
    assert held["state"] == "#slope?f=x**2&x=3"
    assert (held["mode"], held["pages"], held["cut"]) == ("replay", ["slope"], False)
    records = [r for r in held["records"] if r["message"]["type"] == "look"]
    assert {**LOOK, "page": "slope"} in [record["message"] for record in records]


def test_what_is_saved_twice_is_the_same_file(tmp_path):
    files = [lab.save(tmp_path / name, "slope", [LOOK]) for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("page", "requests", "options", "sentence"),
    [
        ("nowhere", [LOOK], {}, "the lab has no page 'nowhere'"),
        ("slope", [{"type": "frob"}], {}, "has no request 'frob'"),
        ("slope", [LOOK], {"state": "#" * 5000}, "at most 4096 characters, not 5000"),
        ("slope", [LOOK], {"state": "javascript:x"}, "begins with #"),
    ],
)
def test_what_cannot_be_saved_is_a_sentence(
    tmp_path, page, requests, options, sentence
):
    with pytest.raises(OptionError, match=sentence):
        lab.save(tmp_path / "run.html", page, requests, **options)
    assert not list(tmp_path.iterdir())


def test_a_hostile_text_stays_a_text_in_the_file(tmp_path):
    bad = "</script><script>alert(1)</script><!--{{nonce}}"
    state = f"#slope?f={bad}"
    text = lab.save(tmp_path / "run.html", "slope", [LOOK], state=state).read_text()
    assert config(text)["state"] == state
    assert "alert(1)</script>" not in text
    assert text.count("<script") == 3


def test_the_server_exports_the_session_of_the_page_that_asks():
    with Server() as server:
        _, page = get(server.url)
        held = config(page)
        root = f"http://127.0.0.1:{server.port}"
        with connect(held["socket"], proxy=None) as wire:
            wire.send(json.dumps({**LOOK, "page": "slope"}))
            assert decode(wire.recv(timeout=10)).header["slope"] == pytest.approx(6)
            status, text = get(
                f"{root}{held['export']}&page=slope&state=%23slope%3Fx%3D3"
            )
            assert status == 200
            assert config(text)["state"] == "#slope?x=3"
            assert server.token not in text
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(f"{root}{held['export']}&page=nowhere")
            assert refused.value.code == 400
            refused.value.close()
        with pytest.raises(urllib.error.HTTPError) as over:
            get(f"{root}{held['export']}&page=slope")
        assert over.value.code == 404
        over.value.close()
