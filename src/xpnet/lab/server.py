"""The web server of the lab, on this machine alone: starlette and uvicorn live here."""

from __future__ import annotations

import errno
import html
import logging
import os
import secrets
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import anyio
import anyio.to_thread
import uvicorn
import websockets  # noqa: F401  (uvicorn needs it later, by name)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from uvicorn.protocols.http.h11_impl import H11Protocol

from .._version import __version__
from ..errors import OptionError, XpnetError
from .document import assets, fill, import_map
from .export import exported
from .guard import Guard
from .session import Session
from .wire import MAX_REQUEST, Frame, encode

__all__ = ["Server", "application"]

_ADDRESS = "127.0.0.1"
_MOST_SESSIONS = 16
_PATIENCE = 10.0  # seconds until a connection must have asked for something
_MOST_WAITING = 32  # requests of one session; the next one is not read before


def application(
    port: int, token: str, make_session: Callable[[], Session] = Session
) -> Guard:
    """Return the lab as an ASGI application.

    Parameters
    ----------
    port : int
        Where it is served, as its own address is all that is let in.
    token : str
        What every request must have in its query.
    make_session : callable
        Makes a session for each WebSocket.

    Returns
    -------
    Guard
        With the routes behind it in ``app.routes``.
    """
    pages = _Pages(token, make_session)
    app = Starlette(
        routes=[
            Route("/", pages.document, methods=["GET"]),
            Route("/static/{name:path}", pages.static, methods=["GET"]),
            Route("/export", pages.export, methods=["GET"]),
            WebSocketRoute("/ws", pages.talk),
        ]
    )
    app.router.redirect_slashes = False
    return Guard(app, port, token)


class _Open:
    """A session with a browser at it; each page lets one request in at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.slots = anyio.Semaphore(_MOST_WAITING)
        self._locks: dict[str, anyio.Lock] = defaultdict(anyio.Lock)

    def alone(self, page: str) -> anyio.Lock:
        """Return the lock of a page: who comes first is let in first."""
        return self._locks[page]


class _Pages:
    """What is behind the guard: the document, its files, the export, the WebSocket."""

    def __init__(self, token: str, make_session: Callable[[], Session]) -> None:
        self._token = token
        self._make = make_session
        self._names = [page.name for page in make_session().pages]
        self._open: dict[str, _Open] = {}
        self._visitors = 0

    @cached_property
    def _threads(self) -> anyio.CapacityLimiter:
        """How many threads work for all visitors together; made within the loop."""
        return anyio.CapacityLimiter(2)

    async def document(self, request: Request) -> Response:
        """Answer with the page, for a session of its own."""
        host, nonce = request.headers["host"], secrets.token_urlsafe(16)
        query = f"token={self._token}&session={secrets.token_urlsafe(9)}"
        styles = [a.name for a in assets().values() if a.media_type == "text/css"]
        links = [
            f'<link rel="stylesheet" href="{html.escape(self._address(name))}">'
            for name in styles
        ]
        text = fill(
            nonce=nonce,
            style="\n".join(links),
            import_map=import_map(lambda asset: self._address(asset.name)),
            config={
                "mode": "live",
                "socket": f"ws://{host}/ws?{query}",
                "export": f"/export?{query}",
                "pages": self._names,
                "version": __version__,
            },
        )
        policy = {"content-security-policy": _policy(nonce, host)}
        return HTMLResponse(text, headers=policy)

    def _address(self, name: str) -> str:
        return f"/static/{name}?token={self._token}"

    async def static(self, request: Request) -> Response:
        """Answer with one of the files that were found at the start."""
        asset = assets().get(request.path_params["name"])
        if asset is None:
            return PlainTextResponse("There is no such file.\n", 404)
        return Response(asset.content, media_type=asset.media_type)

    async def export(self, request: Request) -> Response:
        """Answer with a page of a session as one file."""
        query = request.query_params
        page, state = query.get("page", ""), query.get("state", "")
        there = self._open.get(query.get("session", ""))
        if there is None:
            return PlainTextResponse(
                "This session is over: load the page again.\n", 404
            )
        try:
            async with there.alone(page if page in self._names else ""):
                text = await self._in_thread(exported, there.session, page, state)
        except XpnetError as error:
            return PlainTextResponse(f"{error}\n", 400)
        name = f'attachment; filename="xpnet-{page}.html"'
        return HTMLResponse(text, headers={"content-disposition": name})

    async def talk(self, browser: WebSocket) -> None:
        """Answer the requests of one browser, those for a page one after the other."""
        await browser.accept()
        if self._visitors >= _MOST_SESSIONS:
            sentence = f"{_MOST_SESSIONS} pages of the lab are open: close one first."
            header = {"page": None, "type": "error", "id": None, "last": True}
            await browser.send_bytes(encode(Frame({**header, "message": sentence})))
            await browser.close(1013)
            return
        self._visitors += 1
        try:
            there = _Open(await self._in_thread(self._make))
            with self._found_as(browser.query_params.get("session", ""), there):
                await self._answer_all(browser, there)
        finally:
            self._visitors -= 1

    @contextmanager
    def _found_as(self, name: str, there: _Open) -> Iterator[None]:
        """Let the export find a session by its name while a browser is at it."""
        self._open[name] = there
        try:
            yield
        finally:
            if self._open.get(name) is there:
                del self._open[name]

    async def _answer_all(self, browser: WebSocket, there: _Open) -> None:
        """Answer until the browser leaves; what it still waits for is dropped then."""
        async with anyio.create_task_group() as answers:
            while (event := await browser.receive())["type"] == "websocket.receive":
                if event.get("text") is None:
                    await browser.close(1003)  # a request is text
                    break
                await there.slots.acquire()
                answers.start_soon(self._answer, browser, there, event["text"])
            answers.cancel_scope.cancel()

    async def _answer(self, browser: WebSocket, there: _Open, text: str) -> None:
        """Answer one request, when those before it for its page are answered."""
        session = there.session
        try:
            async with there.alone(session.page_of(text)):
                for data in await self._in_thread(session.answer, text):
                    if browser.client_state is WebSocketState.CONNECTED:
                        await browser.send_bytes(data)
        except WebSocketDisconnect:
            pass  # it left while an answer was on its way
        finally:
            there.slots.release()

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call what may take a while, so that other requests need not wait for it."""
        return await anyio.to_thread.run_sync(function, *args, limiter=self._threads)


def _policy(nonce: str, host: str) -> str:
    """Return what the page may load: its own files, its own WebSocket, nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self'",
            "img-src data: blob:",
            f"connect-src 'self' ws://{host}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


class Server:
    """A lab that runs in a thread until `close`; also a context manager.

    Parameters
    ----------
    make_session : callable
        Makes a session for each visitor.
    port : int
        0 takes one that is free.

    Raises
    ------
    OptionError
        If the port is none, or taken.

    Examples
    --------
    >>> with Server() as server:
    ...     print(server.url)
    http://127.0.0.1:...
    """

    def __init__(
        self, make_session: Callable[[], Session] = Session, *, port: int = 0
    ) -> None:
        # what is wrong with a model or an installation is said here, not in the browser
        make_session(), assets()
        listener = _listen(port)
        self.port: int = listener.getsockname()[1]
        self.token = secrets.token_urlsafe(32)
        app = application(self.port, self.token, make_session)
        self._uvicorn = uvicorn.Server(_config(app))
        self._thread = threading.Thread(
            target=self._uvicorn.run, args=([listener],), name="xpnet lab", daemon=True
        )
        self._thread.start()
        while not self._uvicorn.started and self._thread.is_alive():
            time.sleep(0.005)
        if not self._uvicorn.started:
            raise XpnetError("the server of the lab did not start; see above.")

    @property
    def url(self) -> str:
        """The address, with the token of this run."""
        return f"http://{_ADDRESS}:{self.port}/?token={self.token}"

    def __repr__(self) -> str:
        state = "running" if self._thread.is_alive() else "closed"
        return f"<xpnet lab at http://{_ADDRESS}:{self.port}, {state}>"

    def wait(self) -> None:
        """Wait until the lab is closed."""
        while self._thread.is_alive():
            self._thread.join(0.2)

    def close(self) -> None:
        """End the lab; browsers that show it say so."""
        self._uvicorn.should_exit = True
        self._thread.join(5.0)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _listen(port: int) -> socket.socket:
    """Return a socket that only this machine can reach."""
    if not 0 <= port <= 65_535:
        raise OptionError(f"a port is a number from 0 to 65535, not {port}.")
    # Said in full, as asyncio sends at once (TCP_NODELAY) only where it knows of TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere this would share a port that is taken
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_ADDRESS, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise OptionError(
            f"port {port} {'is taken' if taken else 'cannot be had'} "
            f"({error.strerror}): choose another one, or 0 for any that is free."
        ) from None
    return listener


class _Impatient(H11Protocol):  # type: ignore[misc]  # it is Any to mypy
    """HTTP that ends a connection on which nothing is asked: it would hold a place."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.loop.call_later(_PATIENCE, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.abort()


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Impatient,
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="off",
        access_log=False,  # addresses hold the token
        log_config=None,
        log_level=logging.ERROR,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=1,
        ws_max_size=MAX_REQUEST,
        ws_per_message_deflate=False,
        ws_ping_interval=None,  # a long answer is no lost connection on this machine
    )
