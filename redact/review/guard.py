"""Who may talk to the page's server: this machine's own browser, which knows the secret address.

Any page in the same browser can send requests to this machine, and a name in the net can be made to
lead here (DNS rebinding). So a request needs the random token in its path, the address that was
printed as its host, and no other page as its origin.
"""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 << 10
_TOO_LARGE = f"a request may have {MAX_BODY_BYTES} bytes at most"

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox"
)
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """ASGI middleware that refuses what doesn't come from the page itself.

    Args:
        app: gets what passes, with the token taken off the path.
        token: the first part of every path.
        port: the server's.

    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
        self.last_request = time.monotonic()
        """When the last request came that knew the token, on the monotonic clock."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        send = _with_headers(send)
        if refusal := self._refusal(scope):
            await _answer(send, *refusal)
            return
        self.last_request = time.monotonic()
        path = scope["path"].split("/", 2)[2]
        inner = {**scope, "path": f"/{path}", "raw_path": f"/{path}".encode()}
        await self._app(inner, _Limited(receive), send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and the words with which a request is refused; None if it may pass."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return 403, "wrong host"
        if any(origin != b"http://" + hosts[0] for origin in headers.get(b"origin", [])):
            return 403, "wrong origin"
        if any(s not in (b"same-origin", b"none") for s in headers.get(b"sec-fetch-site", [])):
            return 403, "wrong origin"
        parts = scope["path"].encode("utf-8", "replace").split(b"/", 2)
        if len(parts) != 3 or not hmac.compare_digest(parts[1], self._token):
            return 403, "wrong address; use the one that redact printed"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "only GET, HEAD and POST"
        if scope["method"] == "POST":
            # A page elsewhere can't send this type without being asked for permission first.
            if headers.get(b"content-type") != [b"application/json"]:
                return 415, "send application/json"
            lengths = headers.get(b"content-length", [])
            if any(not n.isdigit() or int(n) > MAX_BODY_BYTES for n in lengths):
                return 413, _TOO_LARGE
        return None


class TooLargeError(Exception):
    """The body of a request is larger than it may be."""

    def __init__(self) -> None:
        super().__init__(_TOO_LARGE)


class _Limited:
    """Receives a request's body, up to the limit; it may come without saying how long it is."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, MAX_BODY_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLargeError
        return message


def _with_headers(send: Send) -> Send:
    """Send with the headers that every answer has; those that the answer brings itself stay."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            names = {name.lower() for name, _ in own}
            added = _as_bytes((k, v) for k, v in _HEADERS.items() if k.encode() not in names)
            message = {**message, "headers": [*own, *added]}
        await send(message)

    return send_with_headers


def _as_bytes(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers]


async def _answer(send: Send, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    start = {"type": "http.response.start", "status": status, "headers": _as_bytes(headers.items())}
    await send(start)
    await send({"type": "http.response.body", "body": body})
