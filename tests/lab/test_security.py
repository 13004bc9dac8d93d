"""Who may come into the lab: every route and method, and the WebSocket, by a table."""

import asyncio
import itertools
import json
import logging
import re
import socket
import struct
from typing import NamedTuple
from urllib.parse import unquote

import pytest

pytest.importorskip("starlette", reason="the lab's server stands on it")

from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from xpnet.errors import LibraryError
from xpnet.lab import document
from xpnet.lab.ask import Ask
from xpnet.lab.page import Page, request
from xpnet.lab.server import Server, application
from xpnet.lab.session import Session
from xpnet.lab.wire import MAX_REQUEST, Frame, decode

PORT = 8123
TOKEN = "aB3-_dE6" * 5
HOST = f"127.0.0.1:{PORT}"


class Echo(Page):
    """Says what it is told."""

    name, title = "echo", "Echo"

    @request("say")
    def say(self, ask: Ask) -> Frame:
        return Frame({"text": ask.text("text", MAX_REQUEST)})


def sessions() -> Session:
    return Session([Echo])


@pytest.fixture(scope="module")
def guard():
    return application(PORT, TOKEN, sessions)


class Answer(NamedTuple):
    """What an application answered: a response, or the messages of a WebSocket."""

    status: int
    headers: dict
    body: bytes
    messages: list


@pytest.fixture(scope="module")
def ask(guard):
    """Call the application itself, with exactly the headers that are given."""
    with asyncio.Runner() as runner:

        def ask(address, method="GET", headers=(), said=()):
            return runner.run(call(guard, address, method, headers, said))

        yield ask


async def call(app, address, method, headers, said):
    path, _, query = address.partition("?")
    given = {"host": HOST, **dict(headers)}
    kind = "websocket" if method == "WEBSOCKET" else "http"
    scope = {
        "type": kind,
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
    }
    if kind == "http":
        coming = [{"type": "http.request", "body": b"", "more_body": False}]
    else:
        coming = [{"type": "websocket.connect"}]
        coming += [{"type": "websocket.receive", "text": text} for text in said]
        coming += [{"type": "websocket.disconnect", "code": 1000}]
    sent = []

    async def receive():
        while coming[0]["type"] == "websocket.disconnect" and len(sent) <= len(said):
            await asyncio.sleep(0.001)  # who asked stays for the answers
        return coming.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    if kind == "websocket":
        return Answer(0, {}, b"", sent)
    head = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    body = b"".join(message["body"] for message in sent[1:])
    return Answer(sent[0]["status"], head, body, [])


@pytest.fixture(scope="module")
def server():
    with Server(sessions) as server:
        yield server


# --- the table: what each route answers to who has the token --------------------------

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB")

# The address to ask for, and what GET and HEAD answer; all else is 405.
ROUTES = {
    "/": ("/", 200),
    "/static/{name:path}": ("/static/wire.js", 200),
    "/export": ("/export", 404),  # no session is open
}
SOCKETS = {"/ws": "/ws"}
NOWHERE = ["/nowhere", "/static", "/static/", "/ws", "/favicon.ico", "/ws/", "//"]

WRONG_HOSTS = [
    "127.0.0.1.evil.com", f"127.0.0.1.evil.com:{PORT}", f"evil.com:{PORT}",
    "127.0.0.1", "localhost", "localhost:80", f"localhost:{PORT + 1}",
    f"LOCALHOST:{PORT}", f"Localhost:{PORT}", f"localhost.:{PORT}",
    f"127.0.0.1.:{PORT}", f"127.0.0.2:{PORT}", f"127.1:{PORT}", f"127.0.0.1:0{PORT}",
    f"127.0.0.1:{PORT} ", f"0.0.0.0:{PORT}", f"0:{PORT}", f"0x7f.1:{PORT}",
    f"2130706433:{PORT}", f"[::1]:{PORT}", f"[::ffff:127.0.0.1]:{PORT}",
    f"[0:0:0:0:0:0:0:1]:{PORT}", f"user@127.0.0.1:{PORT}", f"evil.com#{HOST}",
    f"{HOST},evil.com", f"{HOST}/", "", "null", f"localhost:{PORT}.evil.com",
]  # fmt: skip
WRONG_ORIGINS = [
    "http://evil.com", f"https://{HOST}", f"http://{HOST}/", "null", "",
    "http://127.0.0.1", f"http://127.0.0.1:{PORT + 1}", f"http://localhost:{PORT}",
    f"http://{HOST}.evil.com", f"HTTP://{HOST}", f"http://{HOST} http://evil.com",
    "file://", f"ws://{HOST}",
]  # fmt: skip
WRONG_TOKENS = {
    "none": "",
    "empty": "token=",
    "a part": f"token={TOKEN[:-1]}",
    "one letter": f"token={TOKEN[0]}",
    "longer": f"token={TOKEN}x",
    "other case": f"token={TOKEN.swapcase()}",
    "other name": f"Token={TOKEN}",
    "other field": f"page={TOKEN}",
    "twice": f"token={TOKEN}&token={TOKEN}",
    "twice, one wrong": f"token={TOKEN}&token=x",
    "twice, one empty": f"token=&token={TOKEN}",
    "a list": f"token[]={TOKEN}",
    "no letters": "token=%FF%FE%00",
    "letters of other alphabets": "token=%C3%A9%E2%88%82",
    "after other fields": "&".join(f"a{k}=1" for k in range(20)) + f"&token={TOKEN}",
    "a space": f"token={TOKEN}+",
    "NUL": f"token={TOKEN}%00",
}
WRONG = [
    *((f"host {host!r}", {"host": host}, f"token={TOKEN}") for host in WRONG_HOSTS),
    *((f"origin {o!r}", {"origin": o}, f"token={TOKEN}") for o in WRONG_ORIGINS),
    *((f"token: {name}", {}, query) for name, query in WRONG_TOKENS.items()),
]


def test_every_route_has_a_line_in_the_table(guard):
    """A new route without one fails here, and cannot be forgotten."""
    routes = guard.app.routes
    assert {type(route) for route in routes} == {Route, WebSocketRoute}
    http = {r.path: r.methods for r in routes if isinstance(r, Route)}
    assert http == {path: {"GET", "HEAD"} for path in ROUTES}
    assert {route.path for route in routes} - set(http) == set(SOCKETS)
    assert guard.app.user_middleware == []
    assert guard.app.router.redirect_slashes is False


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ROUTES)
def test_who_has_the_token_gets_what_the_table_says(ask, path, method):
    address, status = ROUTES[path]
    answer = ask(f"{address}?token={TOKEN}", method)
    assert answer.status == (status if method in ("GET", "HEAD") else 405)


@pytest.mark.parametrize("path", [address for address, _ in ROUTES.values()] + NOWHERE)
def test_nobody_else_gets_anything_by_any_method(ask, path):
    for method, (name, headers, query) in itertools.product(METHODS, WRONG):
        answer = ask(f"{path}?{query}", method, headers)
        assert answer.status == 403, (method, name)
        assert TOKEN.encode() not in answer.body
        assert b"xpnet" not in answer.body


@pytest.mark.parametrize("path", NOWHERE)
def test_other_addresses_lead_nowhere(ask, path):
    for method in METHODS:
        answer = ask(f"{path}?token={TOKEN}", method)
        assert answer.status == (404 if method in ("GET", "HEAD") else 405)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("with_origin", [False, True])
def test_both_names_of_this_machine_are_let_in(ask, name, with_origin):
    host = f"{name}:{PORT}"
    headers = {"host": host} | ({"origin": f"http://{host}"} if with_origin else {})
    assert ask(f"/?token={TOKEN}", headers=headers).status == 200
    hello = '{"page": "lab", "type": "hello", "id": 1}'
    messages = ask(f"/ws?token={TOKEN}", "WEBSOCKET", headers, [hello]).messages
    assert [message["type"] for message in messages[:1]] == ["websocket.accept"]
    header = decode(messages[1]["bytes"]).header
    assert header["pages"] == [{"id": "echo", "title": "Echo"}]


def test_at_port_80_browsers_leave_the_port_out():
    guard = application(80, TOKEN, sessions)
    with asyncio.Runner() as runner:
        for host, status in {
            "127.0.0.1": 200, "localhost:80": 200, "localhost": 200, "127.0.0.1:": 403,
            "evil.com": 403, "localhost:8080": 403,
        }.items():  # fmt: skip
            given = {"host": host, "origin": f"http://{host}"}
            answer = runner.run(call(guard, f"/?token={TOKEN}", "GET", given, ()))
            assert answer.status == status, host


@pytest.mark.parametrize("path", SOCKETS.values())
def test_a_websocket_is_refused_before_it_is_open(ask, path):
    for name, headers, query in WRONG:
        answer = ask(f"{path}?{query}", "WEBSOCKET", headers, ["{}"])
        assert answer.messages == [{"type": "websocket.close", "code": 1008}], name


@pytest.mark.parametrize("path", [address for address, _ in ROUTES.values()] + NOWHERE)
def test_no_other_address_opens_a_websocket(ask, path):
    if path not in SOCKETS.values():
        answer = ask(f"{path}?token={TOKEN}", "WEBSOCKET", {}, ["{}"])
        assert [m["type"] for m in answer.messages] == ["websocket.close"]


def test_two_hosts_or_origins_are_one_too_many(guard):
    for name in (b"host", b"origin"):
        value = HOST.encode() if name == b"host" else f"http://{HOST}".encode()
        scope = {
            "type": "http",
            "method": "GET",
            "query_string": f"token={TOKEN}".encode(),
            "headers": [(b"host", HOST.encode()), (name, value), (name, value)],
        }
        assert guard._problem(scope)[0] == 403


# --- what a response says about itself ------------------------------------------------

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    "address",
    [address for address, _ in ROUTES.values()] + ["/nowhere"],
)
@pytest.mark.parametrize("token", [TOKEN, "wrong"])
def test_every_response_has_the_headers(ask, address, token):
    answer = ask(f"{address}?token={token}")
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert "server" not in answer.headers


def policy(answer):
    words = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in words)


def test_the_policy_of_the_page_is_exactly_this(ask):
    answer = ask(f"/?token={TOKEN}")
    text, rules = answer.body.decode(), policy(answer)
    (nonce,) = re.findall(r"'nonce-([\w-]{20,})'", rules["script-src"])
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": "'self'",
        "img-src": "data: blob:",
        "connect-src": f"'self' ws://{HOST}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    scripts = re.findall(r"<script([^>]*)>", text)
    running = [s for s in scripts if 'type="application/json"' not in s]
    assert running
    assert all(f'nonce="{nonce}"' in s and "src=" not in s for s in running)
    assert "{{" not in text
    assert "<!--" not in text
    assert not re.search(r"\son\w+=|javascript:|https?:", text)


def test_the_nonce_is_new_for_each_page_and_the_token_for_each_run(ask, server):
    first, second = (policy(ask(f"/?token={TOKEN}")) for _ in range(2))
    assert first["script-src"] != second["script-src"]
    with Server(sessions) as other:
        assert other.token != server.token
        assert len(other.token) >= 43  # 32 bytes


def test_the_page_links_its_own_files_only(ask):
    text = ask(f"/?token={TOKEN}").body.decode()
    (found,) = re.findall(r'<script type="importmap"[^>]*>(.*?)</script>', text)
    imports = json.loads(found)["imports"]
    styles = re.findall(r'<link rel="stylesheet" href="([^"]*)"', text)
    addresses = [*imports.values(), *styles]
    assert len(addresses) == len(document.assets())
    for address in addresses:
        answer = ask(address)
        assert answer.status == 200
        kind = "css" if address in styles else "javascript"
        assert answer.headers["content-type"] == f"text/{kind}; charset=utf-8"


# --- files: a fixed list, no paths ----------------------------------------------------

PATHS = [
    "../server.py", "..%2fserver.py", "%2e%2e/server.py", "%2e%2e%2fserver.py",
    "..%5cserver.py", "....//server.py", "pages/../../server.py", "/etc/passwd",
    "%2fetc%2fpasswd", "wire.js/", "/wire.js", "./wire.js", "wire.js%00", "WIRE.JS",
    "wire.js%2f..%2findex.html", "index.html", "wire.js;x", "", ".", "..", "%",
    "file:///etc/passwd", "C:%5cwindows", "wire.js%20", "wire%2ejs%2f%2e",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_only_the_listed_files_can_be_had(server, path):
    status, _, body = ask_raw(server, f"GET /static/{path}?token={server.token}")
    assert status in (400, 404)
    assert b"import" not in body
    assert b"root:" not in body


@pytest.mark.parametrize("left", ["index.html", "app.js", None])
def test_a_lab_without_its_files_is_one_sentence(monkeypatch, tmp_path, left):
    if left:
        (tmp_path / left).write_text("")
    document.assets.cache_clear()
    monkeypatch.setattr(document, "_FOLDER", tmp_path if left else tmp_path / "no")
    try:
        with pytest.raises(LibraryError, match="install xpnet again"):
            Server(sessions)
    finally:
        document.assets.cache_clear()


def test_the_list_of_files_holds_scripts_and_styles_of_the_package():
    folder = document._FOLDER
    for name, asset in document.assets().items():
        assert (folder / name).resolve().is_relative_to(folder.resolve())
        assert name.endswith((".js", ".css"))
        assert asset.content == (folder / name).read_bytes()


# --- a real socket --------------------------------------------------------------------


def ask_raw(server, line, *headers, host=None):
    """Send a request as bytes; return the status, the head and the body."""
    host = f"127.0.0.1:{server.port}" if host is None else host
    lines = [f"{line} HTTP/1.1", *([f"Host: {host}"] if host else []), *headers]
    data = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")
    return send_raw(server, data)


def send_raw(server, data):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
        stream.sendall(data)
        answer = b"".join(iter(lambda: stream.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def test_a_real_socket_answers_its_own_host_and_no_other(server):
    line = f"GET /?token={server.token}"
    status, head, _ = ask_raw(server, line)
    assert status == 200
    assert b"\r\nserver:" not in head.lower()
    assert ask_raw(server, line, host=f"localhost:{server.port}")[0] == 200
    for host in WRONG_HOSTS:
        host = host.replace(str(PORT), str(server.port))
        if host == f"127.0.0.1:{server.port} ":
            continue  # the space is no part of the value on a wire
        status, _, body = ask_raw(server, line, host=host)
        assert status in (400, 403), host
        assert server.token.encode() not in body


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://evil.com/?{token} HTTP/1.1\r\nHost: evil.com\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost: {host}\r\nHost: evil.com\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost: evil.com\r\nX-Forwarded-Host: {host}\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost: evil.com\r\nForwarded: host={host}\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://evil.com\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost: {host}\r\n evil.com\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost : {host}\r\n\r\n",
        "GET /?{token}\r\nHost: {host}\r\n\r\n",
        "GET /?x=%0d%0aHost:%20{host}&{token} HTTP/1.1\r\nHost: evil.com\r\n\r\n",
        "GET /?{token} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_odd_requests_get_no_page(server, head):
    host, token = f"127.0.0.1:{server.port}", f"token={server.token}"
    data = head.format(host=host, token=token).encode("latin-1")
    data = data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    status, _, body = send_raw(server, data)
    assert status in (400, 403, 501)
    assert b"<html" not in body


def test_no_header_can_be_put_in_through_an_address(server):
    query = f"token={server.token}&session=x%0d%0aSet-Cookie:%20a=b&page=%0d%0aX: y"
    _, head, _ = ask_raw(server, f"GET /export?{query.replace(' ', '%20')}")
    assert b"set-cookie" not in head.lower()
    assert b"x: y" not in head.lower()


def test_a_long_address_is_refused(server):
    line = f"GET /?token={server.token}&x={'a' * 200_000}"
    try:
        status, _, _ = ask_raw(server, line)
    except (ConnectionError, IndexError):  # it was cut off while it was sent
        return
    assert status in (400, 414, 431)


def test_who_may_not_come_in_or_asks_for_nothing_holds_no_connection(monkeypatch):
    from xpnet.lab import server as module

    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    with Server(sessions) as server, dial(server) as wire:
        host = f"Host: 127.0.0.1:{server.port}\r\n"
        for start in (b"", b"GET / HTTP/1.1\r\n", f"GET / HTTP/1.1\r\n{host}".encode()):
            with socket.create_connection(("127.0.0.1", server.port)) as stream:
                stream.settimeout(5)
                stream.sendall(start)
                assert stream.recv(100) == b""
        with socket.create_connection(("127.0.0.1", server.port)) as stream:
            stream.settimeout(2)  # less than the time a connection is kept for more
            stream.sendall(f"GET /?token=x HTTP/1.1\r\n{host}\r\n".encode())
            answer = b"".join(iter(lambda: stream.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert reply(wire, '{"page": "lab", "type": "hello"}')["type"] == "hello"


def test_it_listens_on_this_machine_alone(server):
    (listener,) = server._uvicorn.servers[0].sockets
    assert listener.getsockname() == ("127.0.0.1", server.port)
    others = {"127.0.0.2", *addresses_of_this_machine()} - {"127.0.0.1"}
    for address in others:
        with pytest.raises(OSError), socket.socket() as stream:  # noqa: PT011, PT012
            stream.settimeout(2)
            stream.connect((address, server.port))


def addresses_of_this_machine():
    try:
        return {row[4][0] for row in socket.getaddrinfo(socket.gethostname(), None, 2)}
    except OSError:
        return set()


# --- messages on the WebSocket --------------------------------------------------------


@pytest.fixture
def wire(server):
    with dial(server) as wire:
        yield wire


def dial(server, token=None, **options):
    token = server.token if token is None else token
    address = f"ws://127.0.0.1:{server.port}/ws?token={token}"
    return connect(address, proxy=None, compression=None, **options)


def reply(wire, text):
    wire.send(text)
    return decode(wire.recv(timeout=10)).header


BAD_MESSAGES = {
    "": "cannot be read",
    "hello": "cannot be read",
    "[1, 2]": "not a list",
    '"text"': "not a str",
    "null": "not a NoneType",
    "1e300": "not a float",
    "1e400": "1e400 is more than a float64 can hold",
    '{"page": "echo", "type": "say", "text": "", "more": -1e999}': "-1e999 is more",
    "{": "cannot be read",
    '{"page": "echo"} x': "cannot be read",
    '{"page": NaN}': "NaN is not a number of JSON",
    '{"page": "echo", "type": "say", "text": Infinity}': "Infinity is not a number",
    "[" * 60_000: "nested too deeply",
    '{"a":' * 10_000: "nested too deeply",
    '{"page": "echo", "id": ' + "9" * 5000 + "}": "cannot be read",
    "{}": "the field page is missing",
    '{"page": "echo"}': "the field type is missing",
    '{"page": 3, "type": "say"}': "page is one of lab, echo, not 3",
    '{"page": "__class__", "type": "say"}': "page is one of lab, echo",
    '{"page": "echo", "type": "handle"}': "has no request 'handle'",
    '{"page": "echo", "type": "__init__"}': "has no request '__init__'",
    '{"page": "echo", "type": ["say"]}': "type is a text, not a list",
    '{"page": "echo", "type": "say"}': "the field text is missing",
    '{"page": "echo", "type": "say", "text": {}}': "text is a text, not an object",
    '{"page": "echo", "type": "say", "text": "", "id": -1}': "id is a whole number",
    '{"page": "echo", "type": "say", "text": "", "id": 1.5}': "id is a whole number",
    '{"page": "echo", "type": "say", "text": "", "id": true}': "id is a whole number",
    '{"page": "echo", "type": "say", "text": "", "id": 1e300}': "id is a whole number",
    '{"page": "lab", "type": "quit"}': "type is one of hello",
}


def test_bad_messages_get_a_sentence_and_the_connection_lives_on(wire):
    for text, sentence in BAD_MESSAGES.items():
        header = reply(wire, text)
        assert header["type"] == "error", text[:80]
        assert sentence in header["message"], text[:80]
        assert len(header["message"]) < 300
        assert "\n" not in header["message"]
    said = reply(wire, '{"page": "echo", "type": "say", "text": "∂", "id": 7}')
    assert (said["text"], said["id"], said["last"]) == ("∂", 7, True)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\x00\x01", 1003),
        ("x" * (MAX_REQUEST + 1), 1009),
        ("é" * MAX_REQUEST, 1009),
        (["x" * 40_000, "x" * 40_000], 1009),
    ],
    ids=["binary", "too long", "too many bytes", "in two parts"],
)
def test_messages_that_are_no_requests_end_the_connection(server, message, code):
    with dial(server) as wire:
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012
            wire.send(message)
            wire.recv(timeout=10)
        assert closed.value.rcvd.code == code


def test_text_that_is_no_utf_8_ends_the_connection(server, caplog):
    with dial(server) as wire:
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012
            wire.send(b"\xff\xfe", text=True)
            wire.recv(timeout=10)
        assert closed.value.rcvd.code == 1007


@pytest.mark.parametrize(
    "options",
    [
        {"token": "wrong"},
        {"token": ""},
        {"origin": "http://evil.com"},
        {"origin": "null"},
        {"additional_headers": {"Host": "evil.com"}},
    ],
    ids=str,
)
def test_a_real_websocket_is_refused_with_status_403(server, options):
    with pytest.raises(InvalidStatus) as refused:
        dial(server, **options).__enter__()
    assert refused.value.response.status_code in (400, 403)


def test_a_browser_with_its_origin_is_let_in(server):
    with dial(server, origin=f"http://127.0.0.1:{server.port}") as wire:
        assert reply(wire, '{"page": "lab", "type": "hello"}')["type"] == "hello"


def test_messages_are_not_compressed(server):
    """A few bytes cannot become a message of gigabytes."""
    address = f"ws://127.0.0.1:{server.port}/ws?token={server.token}"
    with connect(address, proxy=None, compression="deflate") as wire:
        assert "Sec-WebSocket-Extensions" in wire.request.headers
        assert "Sec-WebSocket-Extensions" not in wire.response.headers
        assert wire.protocol.extensions == []


def test_the_token_is_in_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with Server(sessions) as server:
        logging.getLogger("uvicorn.access").setLevel(logging.DEBUG)
        for line in (
            f"GET /?token={server.token}",
            f"GET /no?token={server.token}",
            f"POST /?token={server.token}",
            f"GET /?token={server.token} x",
        ):
            ask_raw(server, line)
        with dial(server) as wire:
            reply(wire, f'{{"page": "{server.token}"}}')
    texts = [r.getMessage() for r in caplog.records if r.threadName == "xpnet lab"]
    assert not [text for text in texts if server.token in text]


def test_a_frame_of_a_client_without_a_mask_ends_the_connection(server):
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    head = (
        f"GET /ws?token={server.token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
        stream.sendall(head.encode())
        assert b" 101 " in stream.recv(65_536).split(b"\r\n")[0]
        stream.sendall(struct.pack(">BB", 0x81, 2) + b"{}")
        frame = stream.recv(65_536)
    assert frame[0] == 0x88  # it is told that the connection is over
    assert struct.unpack(">H", frame[2:4])[0] == 1002


def test_there_are_only_so_many_sessions_at_a_time(monkeypatch):
    from xpnet.lab import server as module

    monkeypatch.setattr(module, "_MOST_SESSIONS", 1)
    with Server(sessions) as server, dial(server) as first:
        reply(first, "{}")
        with dial(server) as second:
            header = decode(second.recv(timeout=10)).header
            assert header["message"] == "1 pages of the lab are open: close one first."
            with pytest.raises(ConnectionClosed):
                second.recv(timeout=10)
