"""Middleware of every request: it is measured, and refused when its body is too large."""

from time import perf_counter
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sentiment.serving.metrics import Metrics

HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Gate:
    """Counts requests by route and code, refuses bodies over `limit` bytes, and adds the headers of every answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics, limit: int) -> None:
        self.app = app
        self.metrics = metrics
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413 to one whose body is too large, by its announced length or as it comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, code, received = perf_counter(), 500, 0
        too_large = f"the request is larger than {self.limit:,} bytes"

        async def sent(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit:
                raise HTTPException(413, too_large)
            return message

        announced = dict(scope["headers"]).get(b"content-length", b"0")
        fits = announced.isdigit() and int(announced) <= self.limit
        answer = self.app if fits else JSONResponse({"error": too_large}, 413, {"connection": "close"})
        try:
            await answer(scope, counted, sent)
        finally:
            route: Any = scope.get("route")
            self.metrics.answered(getattr(route, "path", "other"), code, perf_counter() - start)
