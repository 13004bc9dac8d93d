"""Who may come into the lab: decided in one place, before any route is looked at.

Each request and the WebSocket needs the Host of this server, no foreign Origin, and the
token of this run. docs/lab.md says what each of them is good for.
"""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Guard"]

_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'"


class Guard:
    """Lets in who has the token of this run, through this server's own address.

    An ASGI application around another one. Everything else gets 403 (a WebSocket is
    not accepted), and 405 for methods other than GET and HEAD. It also adds the
    headers that each response has.

    Parameters
    ----------
    app : ASGI application
        What is behind.
    port : int
        The server's own.
    token : str
        Of this run.
    """

    def __init__(self, app: Any, port: int, token: str) -> None:
        self.app = app
        self._token = token.encode()
        names = (b"127.0.0.1", b"localhost")
        self._hosts = {b"%s:%d" % (name, port) for name in names}
        if port == 80:  # which browsers leave out
            self._hosts.update(names)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        problem = self._problem(scope)
        if scope["type"] == "websocket":
            await (self._refuse if problem else self.app)(scope, receive, send)
            return
        send = _with_headers(send)
        await (_answer(send, *problem) if problem else self.app(scope, receive, send))

    async def _refuse(self, scope: Any, receive: Any, send: Any) -> None:
        """Close a WebSocket before it is open; the client sees status 403."""
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    def _problem(self, scope: Any) -> tuple[int, str] | None:
        """Return the status and the sentence for what may not come in."""
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 403, "This is not the address of the lab.\n"
        if origins and origins != [b"http://" + hosts[0]]:
            return 403, "Another site asked for this.\n"
        if not self._knows(scope["query_string"]):
            return 403, "The token is missing or wrong: use the address as printed.\n"
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return 405, "The lab answers GET and HEAD.\n"
        return None

    def _knows(self, query: bytes) -> bool:
        """Whether a query has the token once; the comparison takes constant time."""
        try:
            fields = parse_qs(
                query.decode("latin-1"), keep_blank_values=True, max_num_fields=10
            )
        except ValueError:  # more fields than that
            return False
        given = fields.get("token", [])
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self._token)


def _values(scope: Any, name: bytes) -> list[bytes]:
    """Return every value of one header."""
    return [value for key, value in scope["headers"] if key == name]


def _with_headers(send: Any) -> Any:
    """Return `send` with the headers that every response has."""

    async def sends(message: Any) -> None:
        if message["type"] == "http.response.start":
            given = {key for key, _ in message["headers"]}
            extra = {**_HEADERS, "content-security-policy": _NOTHING}
            more = [(k.encode(), v.encode()) for k, v in extra.items()]
            message["headers"] += [(k, v) for k, v in more if k not in given]
        await send(message)

    return sends


async def _answer(send: Any, status: int, sentence: str) -> None:
    """Answer with one sentence."""
    body = sentence.encode()
    head = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # who may not come in holds no place
    ]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})
