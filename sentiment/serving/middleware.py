"""Middleware of every request: access control, limits on the size and time of bodies, and counters."""

import asyncio
import hmac
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment.serving.metrics import Metrics
from sentiment.serving.protocol import Limits

HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
CLOSE = {"connection": "close"}  # the rest of a body is not read
RETRY = {"Retry-After": "1"}
OPEN = {"/healthz", "/readyz", "/", "/page.js"}  # accessible without the token: probes, and the page, which asks for it


@dataclass(frozen=True)
class Access:
    """Access control: accepted names of the server, and the token.

    Attributes:
        hosts: accepted values of the Host header, in lower case and without the port; None for any.
        token: required as `Authorization: Bearer TOKEN`; None for no token.
    """

    hosts: frozenset[str] | None = None
    token: str | None = None

    def refusal(self, scope: Scope) -> JSONResponse | None:
        """Return the response to a refused request, None for an accepted one."""
        headers = dict(scope["headers"])
        for host in (_name(value.decode("latin-1")) for key, value in scope["headers"] if key == b"host"):
            if self.hosts is not None and host and host not in self.hosts:  # without one it is not a browser
                return _error(403, f"this server does not accept the name '{host}': start it with --allow-host {host}")
        if scope["method"] == "POST" and headers.get(b"sec-fetch-site") == b"cross-site":
            return _error(403, "cross-site requests are refused")
        if self.token is not None and scope["path"] not in OPEN:
            kind, _, given = headers.get(b"authorization", b"").partition(b" ")
            if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self.token.encode()):
                return _error(401, "send the server's token: Authorization: Bearer TOKEN",
                              {"WWW-Authenticate": "Bearer"})
        return None


ANYBODY = Access()


class Gate:
    """Middleware that counts requests by route and code, refuses unauthorised ones, and adds headers to responses.

    A body is refused if it is too large, by its declared length or while it arrives, if it does not arrive in time, and
    if the bodies of all unanswered requests take too much memory.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, limits: Limits, access: Access) -> None:
        self.app = app
        self.metrics = metrics
        self.limits = limits
        self.access = access
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; a request that is cancelled at the end of the server gets status 503."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, code, body = perf_counter(), 0, _Body(receive, self)

        async def sent(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        fits = announced.isdigit() and int(announced) <= self.limits.body
        answer = self.access.refusal(scope) or (self.app if fits else _error(413, body.too_large))
        try:
            await answer(scope, body.receive, sent)
        except asyncio.CancelledError:
            if not code:
                await _error(503, "the server is shutting down")(scope, receive, sent)
        finally:
            self.in_flight -= body.received
            route: Any = scope.get("route")
            self.metrics.answered(getattr(route, "path", "other"), code or 500, perf_counter() - start)


class _Body:
    """Body of a request while it arrives."""

    def __init__(self, receive: Receive, gate: Gate) -> None:
        self._receive = receive
        self._gate = gate
        self._deadline = asyncio.get_running_loop().time() + gate.limits.seconds
        self._complete = False
        self.received = 0
        self.too_large = f"the request is larger than {gate.limits.body:,} bytes"

    async def receive(self) -> Message:
        """Return the next message; after the body, this is that the client has disconnected."""
        if self._complete:
            return await self._receive()
        limits = self._gate.limits
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, f"the request did not arrive within {limits.seconds:g} s", CLOSE) from None
        self._complete = not message.get("more_body", False)
        size = len(message.get("body", b""))
        if self.received + size > limits.body:
            raise HTTPException(413, self.too_large, CLOSE)
        if self._gate.in_flight + size > limits.in_flight:
            raise HTTPException(503, "the bodies of all requests take too much memory: try again later", CLOSE | RETRY)
        self.received += size
        self._gate.in_flight += size
        return message


def _error(code: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": message}, code, CLOSE | (headers or {}))


def _name(host: str) -> str:
    """Return the name in a Host header, such as `localhost:8501` and `[::1]:8501`, without the port."""
    host = host.strip().lower()
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0].rstrip(".")
