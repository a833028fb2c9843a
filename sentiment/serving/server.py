"""A server that runs until a signal ends it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import uvicorn

from sentiment.console import log
from sentiment.errors import UserError
from sentiment.serving.app import create_app
from sentiment.serving.metrics import Metrics
from sentiment.serving.models import Models
from sentiment.serving.protocol import Limits
from sentiment.signals import StopRequest, noted_signals

BACKLOG = 2048
GRACE_SECONDS = 30


def serve(models: Models, limits: Limits, metrics: Metrics, *, host: str, port: int, poll_seconds: float) -> None:
    """Serve until SIGINT or SIGTERM, then answer what was begun.

    Raises:
        UserError: if the port is taken, or a model cannot be loaded.
    """
    config = uvicorn.Config(create_app(models, limits, metrics), log_level="warning", access_log=False,
                            log_config=None, server_header=False, lifespan="off",
                            timeout_graceful_shutdown=GRACE_SECONDS)
    with closing(_listening(host, port)) as listening, noted_signals("answering what was begun") as stop, \
            asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(models, _Server(config, stop), listening, poll_seconds))


class _Server(uvicorn.Server):
    """Ends when a signal was noted; uvicorn itself would raise it again when all is done."""

    def __init__(self, config: uvicorn.Config, stop: StopRequest) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to those who note them."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Return whether to end; asked ten times a second."""
        return self._stop.signal is not None or await super().on_tick(counter)


async def _serve(models: Models, server: uvicorn.Server, listening: socket.socket, poll_seconds: float) -> None:
    await models.start()
    host, port = listening.getsockname()[:2]
    log(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}")
    watching = asyncio.create_task(models.watch(poll_seconds))
    await server.serve(sockets=[listening])
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await models.close()
    log("all requests are answered; the server ends")


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise UserError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from None
