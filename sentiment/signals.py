"""Signals that stop a run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sentiment.console import log
from sentiment.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Stop request by a signal, None before one arrives."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def obey(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self.signal is not None:
            raise Interrupted(self.signal)


@contextmanager
def noted_signals(what: str) -> Iterator[StopRequest]:
    """Record SIGINT and SIGTERM within the block instead of ending the process; a second signal acts as usual.

    `what` describes the reaction, for the message.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # Python handles signals in the main thread only
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, frame: Any) -> None:
        request.signal = number
        log(f"{signal.Signals(number).name}: {what}; repeat it to stop at once")
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield request
    finally:
        restore()
