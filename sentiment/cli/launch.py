"""`sentiment launch`: start the workers of a training on this machine."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

from sentiment.errors import UserError
from sentiment.signals import noted_signals

GRACE_SECONDS = 20.0
Worker = subprocess.Popen[str]


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("launch", help="start several workers of a training on this machine",
                                 description="Example: sentiment launch --workers 2 -- train --arch bilstm")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes to start (default: 2)")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="a command and its options")


def run(arguments: argparse.Namespace) -> None:
    """Run the command in all workers; stop all workers when one fails."""
    words = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if arguments.workers < 1:
        raise UserError("--workers must be at least 1")
    if not words:
        raise UserError("launch needs a command: sentiment launch --workers 2 -- train --arch bilstm")
    with noted_signals("stopping all workers after this step") as request:
        workers = start_workers(words, free_addresses(arguments.workers))
        copies = [threading.Thread(target=_copy, args=pair, daemon=True) for pair in enumerate(workers)]
        for copy in copies:
            copy.start()
        code = watch(workers, request)
        for copy in copies:
            copy.join(GRACE_SECONDS)
    request.obey()
    if code:
        raise UserError(f"a worker ended with exit code {code}, so all were stopped" if code > 0 else
                        f"a worker was ended by {signal.Signals(-code).name}, so all were stopped")


def free_addresses(count: int) -> list[str]:
    """Return addresses of this machine with free ports."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def start_workers(words: list[str], addresses: list[str]) -> list[Worker]:
    """Start a worker for each address."""
    workers = []
    for index in range(len(addresses)):
        place = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        workers.append(subprocess.Popen(  # noqa: S603  the command is the user's
            [sys.executable, "-m", "sentiment", *words], env={**os.environ, "TF_CONFIG": json.dumps(place)},
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True))
    return workers


def _copy(index: int, worker: Worker) -> None:
    """Copy the stderr of a worker to that of this process, each line prefixed with the worker's number."""
    for line in worker.stderr or ():
        sys.stderr.write(f"[{index}] {line}")
        sys.stderr.flush()


def watch(workers: list[Worker], request: Any) -> int:
    """Wait for all workers, stop all after a failure or a signal; return the exit code of a failed worker, or 0."""
    while True:
        codes = [worker.poll() for worker in workers]
        failed = [code for code in codes if code]
        if failed or request.signal is not None:
            end(workers, request.signal or signal.SIGTERM)
            return min(failed, default=0)
        if None not in codes:
            return 0
        time.sleep(0.05)


def end(workers: list[Worker], number: int) -> None:
    """Stop all workers, and kill those that do not end in time, because they may wait for a dead worker."""
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(number)
    deadline = time.monotonic() + GRACE_SECONDS
    for worker in workers:
        try:
            worker.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


