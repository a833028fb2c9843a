"""Alternating timing of processes.

Each implementation of a comparison has its own process, so that libraries do not share threads and memory. It prepares,
warms up and waits; the parent runs one process at a time.
"""

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sentiment.errors import UserError
from sentiment.machine import peak_memory_bytes

WARM_UPS = 2
PAUSE_SECONDS = 0.3  # OpenMP's threads keep spinning for a while after a product


@dataclass
class Times:
    """Times and memory of an implementation.

    Attributes:
        seconds: of each run.
        peak_memory_bytes: largest resident memory of its process.
    """

    seconds: list[float] = field(default_factory=list)
    peak_memory_bytes: int = 0

    @property
    def median(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> tuple[float, float]:
        """First and third quartile of the seconds; the extremes for fewer than four runs."""
        if len(self.seconds) < 4:
            return min(self.seconds), max(self.seconds)
        quartiles = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return quartiles[0], quartiles[2]


def alternate(task: str, sides: Iterable[str], options: dict[str, Any], *, repeats: int, threads: int
              ) -> dict[str, Times]:
    """Run each implementation of a task `repeats` times, alternately, and return the times by implementation.

    Args:
        task: a module of `sentiment.benchmark` with implementations in SIDES.
        sides: names in that module's SIDES.
        options: their keyword arguments, as JSON values.
        repeats: runs of each after the warm-up.
        threads: of each process.

    Raises:
        UserError: if an implementation fails.
    """
    processes: dict[str, subprocess.Popen[str]] = {}
    try:
        for side in sides:  # each warms up alone, because spinning OpenMP threads would delay the others
            processes[side] = start("sides", task, side, json.dumps(options), threads=threads)
            answer_of(processes[side])
        times = {side: Times() for side in processes}
        for _ in range(repeats):
            for side, process in processes.items():
                time.sleep(PAUSE_SECONDS)
                times[side].seconds.append(_ask(process, "run")["seconds"])
        for side, process in processes.items():
            times[side].peak_memory_bytes = _ask(process, "end")["peak_memory_bytes"]
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return times


def start(module: str, *words: str, threads: int) -> subprocess.Popen[str]:
    """Start a module of `sentiment.benchmark` in a process with so many threads, whose streams are pipes."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")}
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", f"sentiment.benchmark.{module}", *words], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **limits})


def _ask(process: subprocess.Popen[str], request: str) -> dict[str, Any]:
    with suppress(BrokenPipeError):  # the missing output is reported below
        print(request, file=process.stdin, flush=True)
    answer: dict[str, Any] = answer_of(process)
    return answer


def answer_of(process: subprocess.Popen[str]) -> Any:
    """Return the next line of a process, as JSON.

    Raises:
        UserError: if it failed.
    """
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        _, errors = process.communicate()
        raise UserError(f"a benchmark process failed: {' '.join(map(str, process.args[-3:-1]))}: "  # type: ignore[index]
                        f"{(errors.strip() or 'no message').splitlines()[-1]}")
    return json.loads(line)


def serve(prepare: Callable[..., Callable[[], Any]], options: dict[str, Any]) -> None:
    """Prepare, warm up, report that, and then run once per line of standard input."""
    run = prepare(**options)
    for _ in range(WARM_UPS):
        run()
    _say({})
    for line in sys.stdin:
        if line.strip() == "end":
            _say({"peak_memory_bytes": peak_memory_bytes()})
            return
        started = time.perf_counter()
        run()
        _say({"seconds": time.perf_counter() - started})


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    task, side, options = sys.argv[1:]
    sys.stdout = sys.stderr  # output of libraries must not mix with the results
    serve(importlib.import_module(f"sentiment.benchmark.{task}").SIDES[side], json.loads(options))
