"""The server of the review page: its addresses, and how long it runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from importlib import resources
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from redact.errors import ClipError, RedactError
from redact.review.edits import EditError
from redact.review.guard import REPORT_POLICY, Guard, TooLargeError
from redact.review.session import ReviewSession

# An open page asks for the state now and then, so the server ends soon after the page was closed.
IDLE_SECONDS = 300.0
_CHECK_SECONDS = 0.5
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class ReviewServer:
    """Serves a review to this machine's own browser, until the page is closed.

    Args:
        session: what is reviewed.
        port: 0 chooses a free one.
        idle_seconds: the server ends when no request came for so long and nothing is rendered.

    Raises:
        OSError: the port is taken.

    """

    def __init__(
        self, session: ReviewSession, *, port: int = 0, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.session, self._idle_seconds = session, idle_seconds
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":
            # The port of a review that just ended is free again. (Windows gives it to anybody.)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            # Only this machine can reach the loopback address.
            self._socket.bind(("127.0.0.1", port))
            # A browser that is faster than the server waits for it.
            self._socket.listen()
        except BaseException:
            self._socket.close()
            raise
        self.port = int(self._socket.getsockname()[1])
        self.token = secrets.token_urlsafe(24)
        self.guard = Guard(_app(session, self.stop, self._watching), self.token, self.port)
        config = uvicorn.Config(
            self.guard,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)

    @property
    def address(self) -> str:
        """Where the page is. It is a secret: from this machine it shows the clip to anybody."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    def run(self) -> None:
        """Serve until the page ends the review, nobody uses it any more, or a signal comes."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self.close()

    def close(self) -> None:
        """Give the port back; `run` does that at its end."""
        self._socket.close()

    def stop(self) -> None:
        """Let `run` return soon."""
        self._server.should_exit = True

    @contextlib.asynccontextmanager
    async def _watching(self, _app: Starlette) -> AsyncIterator[None]:
        self.guard.last_request = time.monotonic()
        watch = asyncio.create_task(self._stop_when_idle())
        yield
        watch.cancel()

    async def _stop_when_idle(self) -> None:
        while True:
            await asyncio.sleep(min(_CHECK_SECONDS, self._idle_seconds))
            if self.session.rendering.is_running:
                self.guard.last_request = time.monotonic()
            if time.monotonic() - self.guard.last_request > self._idle_seconds:
                self.stop()
                return


def _app(session: ReviewSession, end: Callable[[], None], lifespan: Any) -> Starlette:
    """The addresses of the page, without the token."""

    async def page(request: Request) -> Response:
        return _file("review.html")

    async def file(request: Request) -> Response:
        return _file(request.path_params["name"])

    async def clip(request: Request) -> Response:
        return JSONResponse(session.clip())

    async def state(request: Request) -> Response:
        return JSONResponse(session.state())

    def tracks(request: Request) -> Response:
        return JSONResponse(session.tracks())

    def frame(request: Request) -> Response:
        covered = request.query_params.get("covered") == "1"
        return _media(lambda: session.frame(request.path_params["index"], covered=covered))

    def thumbnail(request: Request) -> Response:
        numbers = request.path_params["track"], request.path_params["number"]
        return _media(lambda: session.thumbnail(*numbers))

    def sound(request: Request) -> Response:
        return _media(session.sound, "application/octet-stream")

    async def edit(request: Request) -> Response:
        body = await _json(request)
        await run_in_threadpool(session.edit, body)
        return JSONResponse(session.state())

    async def command(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _COMMANDS:
            return JSONResponse({"error": f"no command {name!r}"}, 404)
        await run_in_threadpool(_COMMANDS[name], session)
        return JSONResponse(session.state())

    async def finish(request: Request) -> Response:
        end()
        return JSONResponse({})

    async def report(request: Request) -> Response:
        text = session.rendering.report
        if not text:
            return PlainTextResponse("There is no report yet.", 404)
        headers = {"content-security-policy": REPORT_POLICY}
        return Response(text, media_type="text/html", headers=headers)

    routes = [
        Route("/", page),
        Route("/page/{name}", file),
        Route("/clip.json", clip),
        Route("/state.json", state),
        Route("/tracks.json", tracks),
        Route("/frames/{index:int}.jpg", frame),
        Route("/tracks/{track:int}/{number:int}.jpg", thumbnail),
        Route("/sound.pcm", sound),
        Route("/report.html", report),
        Route("/edit", edit, methods=["POST"]),
        Route("/do/finish", finish, methods=["POST"]),
        Route("/do/{name}", command, methods=["POST"]),
    ]
    errors: dict[Any, Any] = {
        EditError: _refused,
        RedactError: _refused,
        TooLargeError: _too_large,
    }
    app = Starlette(routes=routes, exception_handlers=errors, lifespan=lifespan)
    # It would lead to addresses without the token.
    app.router.redirect_slashes = False
    return app


_COMMANDS: dict[str, Callable[[ReviewSession], object]] = {
    "undo": ReviewSession.undo,
    "redo": ReviewSession.redo,
    "save": ReviewSession.save,
    "render": ReviewSession.start_rendering,
    "cancel": lambda session: session.rendering.cancel(),
}


async def _json(request: Request) -> object:
    try:
        return await request.json()
    # ValueError covers text that is not JSON or not UTF-8.
    except (ValueError, RecursionError) as err:
        raise EditError("the body is not JSON") from err


async def _refused(request: Request, err: Exception) -> Response:
    return JSONResponse({"error": str(err)}, 400)


async def _too_large(request: Request, err: Exception) -> Response:
    return JSONResponse({"error": str(err)}, 413)


def _media(make: Callable[[], bytes], kind: str = "image/jpeg") -> Response:
    try:
        return Response(make(), media_type=kind)
    except (IndexError, KeyError):
        return JSONResponse({"error": "there is no such picture or sound"}, 404)
    except ClipError as err:
        return JSONResponse({"error": str(err)}, 500)


def _file(name: str) -> Response:
    """One of the page's own files. Names are looked up in a list, so that none leads elsewhere."""
    files = {
        entry.name: entry for entry in resources.files("redact.review").joinpath("page").iterdir()
    }
    kind = _TYPES.get(name.rpartition(".")[2])
    if name not in files or kind is None:
        return PlainTextResponse("There is no such file.", 404)
    return Response(files[name].read_bytes(), media_type=kind)
