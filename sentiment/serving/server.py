"""HTTP server that runs until a signal ends it."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import uvicorn

from sentiment.console import log
from sentiment.errors import UserError
from sentiment.serving.app import create_app
from sentiment.serving.metrics import Metrics
from sentiment.serving.middleware import Access
from sentiment.serving.models import Models
from sentiment.serving.protocol import Limits
from sentiment.signals import StopRequest, noted_signals

BACKLOG = 2048
LAST_SECONDS = 1.0  # for cancelled requests at the end, and then for the threads
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
LARGEST_HEAD = 1 << 16  # bytes of the request line and the headers, beyond what comes at once


def _refusal(status: bytes, error: bytes) -> bytes:
    """Return an answer that is sent without a look at the request."""
    body = b'{"error": "%s"}' % error
    return b"\r\n".join((b"HTTP/1.1 " + status, b"content-type: application/json", b"connection: close",
                         b"content-length: %d" % len(body), b"", body))


FULL = _refusal(b"503 Service Unavailable\r\nretry-after: 1", b"too many connections: try again later")
TOO_LARGE = _refusal(b"431 Request Header Fields Too Large", b"the headers are larger than %d bytes" % LARGEST_HEAD)


@dataclass(frozen=True)
class Network:
    """Network settings of the server.

    Attributes:
        host: the address.
        port: the port, 0 for a free one.
        names: additional accepted values of the Host header. If there are any, or the server listens on this machine
            only, requests to names other than these, `host` and the local names are refused.
        connections: the maximum number of connections.
        grace: the maximum number of seconds from a signal to the end.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    names: Sequence[str] = ()
    connections: int = 512
    grace: float = 10.0


def serve(models: Models, limits: Limits, metrics: Metrics, network: Network, *, poll_seconds: float,
          token: str | None = None, examples: Sequence[str] = ()) -> None:
    """Serve until SIGINT or SIGTERM, then finish the requests in progress, for at most `network.grace` seconds.

    `examples` are texts to click on the page.

    Raises:
        UserError: if the port is taken, or a model cannot be loaded.
    """
    with closing(_listening(network)) as listening, noted_signals("finishing the requests in progress") as stop:
        app = create_app(models, limits, metrics, Access(_names(network, listening), token), examples)
        config = uvicorn.Config(app, log_level="error", access_log=False, log_config=None, server_header=False,
                                lifespan="off", ws="none")
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(models, _Server(config, stop, network, limits), listening, poll_seconds))


class _Server(uvicorn.Server):
    """uvicorn server that ends after a signal, limits the number of connections, and closes idle ones.

    uvicorn itself would raise the signal again at the end, and has no time limit for incomplete headers.
    """

    def __init__(self, config: uvicorn.Config, stop: StopRequest, network: Network, limits: Limits) -> None:
        super().__init__(config)
        self._stop = stop
        self._network = network
        self._seconds = limits.seconds
        self._idle: dict[Any, tuple[Any, float]] = {}  # connections without a request, and since when
        config.load()
        protocol = _with_bounded_head(config.http_protocol_class)

        def connected(**state: Any) -> asyncio.Protocol:
            full = len(self.server_state.connections) >= network.connections
            return _Full() if full else protocol(**state)

        config.http_protocol_class = connected  # type: ignore[assignment]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `noted_signals`."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; called ten times a second."""
        if counter % 10 == 0:
            self._close_idle()
        return self._stop.signal is not None or await super().on_tick(counter)

    def _close_idle(self) -> None:
        now, before, self._idle = asyncio.get_running_loop().time(), self._idle, {}
        connection: Any
        for connection in self.server_state.connections:
            request = connection.cycle
            if request is None or request.response_complete:
                last, since = before.get(connection, (request, now))
                self._idle[connection] = request, since if last is request else now
                if now - self._idle[connection][1] > self._seconds:
                    connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in progress; after the grace period, unfinished ones get status 503."""
        ending = asyncio.create_task(super().shutdown(sockets))
        if not (await asyncio.wait((ending,), timeout=self._network.grace))[0]:
            ending.cancel()
            tasks = list(self.server_state.tasks)
            log.warning(f"after {self._network.grace:g} s (--grace), {len(tasks)} requests are cancelled")
            for task in tasks:
                task.cancel()
            await asyncio.wait((ending, *tasks), timeout=LAST_SECONDS)

    async def bounded_end(self) -> threading.Timer:
        """Wait for the signal, and return a timer that ends the process if it has not ended in time.

        A thread cannot be interrupted, so one that loads a version would delay the end.
        """
        while self._stop.signal is None:
            await asyncio.sleep(0.1)
        timer = threading.Timer(self._network.grace + 2 * LAST_SECONDS, _end_at_once)
        timer.daemon = True
        timer.start()
        return timer


def _end_at_once() -> None:
    log.warning("the server ends with unfinished work, which takes longer than --grace")
    os._exit(0)


class _Full(asyncio.Protocol):
    """Protocol that refuses a connection above the limit."""

    def connection_made(self, transport: Any) -> None:
        """Answer, and close."""
        transport.write(FULL)
        transport.close()


def _with_bounded_head(protocol: Any) -> Any:
    """Return uvicorn's protocol over httptools with a limit on the head of a request; the one over h11 has its own."""

    class Bounded(protocol):
        begun = False
        head = 0

        def on_message_begin(self) -> None:
            self.begun, self.head = True, 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self.begun = False
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            self.head += len(data) if self.begun else 0
            if self.head <= LARGEST_HEAD:
                super().data_received(data)
            else:
                self.transport.write(TOO_LARGE)
                self.transport.close()

    return Bounded


async def _serve(models: Models, server: _Server, listening: socket.socket, poll_seconds: float) -> None:
    bound = asyncio.create_task(server.bounded_end())
    await models.start()
    host, port = listening.getsockname()[:2]
    log(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")
    watching = asyncio.create_task(models.watch(poll_seconds))
    await server.serve(sockets=[listening])
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await models.close()
    (await bound).cancel()
    log("all requests are answered; the server has stopped")


def _names(network: Network, listening: socket.socket) -> frozenset[str] | None:
    """Return the accepted values of the Host header, None for any.

    A web page can resolve its own name to this machine (DNS rebinding), and then send requests to a server here as if
    from the same origin; the Host header still has the name of the page's host.
    """
    if not network.names and not ip_address(listening.getsockname()[0]).is_loopback:
        return None
    return frozenset(name.lower() for name in (*LOCAL_NAMES, network.host, *network.names))


def _listening(network: Network) -> socket.socket:
    address = network.host, network.port
    try:
        family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:  # the latter of a name that no host can have
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot listen on --host '{network.host}', --port {network.port}: {reason}") from None
