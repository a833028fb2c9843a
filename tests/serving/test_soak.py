"""A server under load for minutes: versions come and go, some are bad, requests come half, clients die.

    SENTIMENT_SOAK_SECONDS=3600 pytest -m slow -s tests/serving/test_soak.py
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from helpers.server_process import Server

SECONDS = float(os.environ.get("SENTIMENT_SOAK_SECONDS", "600"))
BODY = json.dumps({"instances": ["a good film"] * 3}).encode()
LARGE = json.dumps({"instances": ["a good film, " * 5000] * 20}).encode()
FLAT = 25e6  # bytes that caches and the allocator may take from the second quarter of the time to the last
SAMPLE_SECONDS = 2.0
BROKEN = {"labels.json": b'["a", "b", "c"]\n', "tokens.json": b"[]", "vocabulary.txt": b"a\ngood\n", "model.onnx": b"x"}
CLIENT = """
import sys, urllib.request
while True:
    for verb in ("predict", "explain"):
        urllib.request.urlopen(f"{sys.argv[1]}/v1/models/reviews:{verb}", sys.argv[2].encode()).read()
"""


class Soak:
    """Load on a server, each kind in a thread of its own, until the time is over."""

    def __init__(self, server: Server, versions: Path) -> None:
        self.server = server
        self.versions = versions
        self.running = True
        self.codes: Counter[tuple[str, int]] = Counter()
        self.sizes: list[float] = []
        self.failed: list[BaseException] = []

    def run(self, seconds: float) -> None:
        kinds = [self.ask] * 4 + [self.measure, self.swap, self.send_half, self.send_across, self.kill]
        threads = [threading.Thread(target=self._repeat, args=(kind,)) for kind in kinds]
        threads.append(threading.Thread(target=self._read, daemon=True))
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.running = False
        for thread in threads[:-1]:
            thread.join()

    def _repeat(self, kind: Callable[[random.Random], None]) -> None:
        chance = random.Random(kind.__name__)
        try:
            while self.running:
                kind(chance)
        except BaseException as error:
            self.failed.append(error)

    def _read(self) -> None:
        assert self.server.process.stderr is not None
        self.server.said.extend(self.server.process.stderr)

    def _count(self, kind: str, code: int) -> None:
        self.codes[kind, code] += 1

    def ask(self, chance: random.Random) -> None:
        path, body = chance.choice([("predict", BODY), ("predict", BODY), ("predict", LARGE), ("explain", BODY),
                                    ("predict", b'{"instances": [' + b'"",' * 100_000), ("predict", b"{")])
        kind = path if body in (BODY, LARGE) else "wrong"
        try:
            self._count(kind, self.server.ask(f"/v1/models/reviews:{path}", body)[0])
        except (urllib.error.URLError, OSError):
            self._count(kind, 0)

    def measure(self, _: random.Random) -> None:
        time.sleep(SAMPLE_SECONDS)
        self.sizes.append(float(self.server.metrics().partition("\nprocess_resident_memory_bytes ")[2].split()[0]))

    def swap(self, chance: random.Random) -> None:
        """Copy a bad version and a good one, a file after the other, and remove what is old."""
        numbers = [int(path.name) for path in self.versions.iterdir()]
        for step, broken in ((1, chance.choice(list(BROKEN))), (2, None)):
            folder = self.versions / str(max(numbers) + step)
            folder.mkdir()
            for path in sorted(self.versions.parent.joinpath("whole").iterdir()):
                content = path.read_bytes()
                (folder / path.name).write_bytes(content[:len(content) // 2])
                time.sleep(0.2)
                (folder / path.name).write_bytes(BROKEN[path.name] if path.name == broken else content)
        for number in numbers:
            shutil.rmtree(self.versions / str(number))
        expected = str(max(numbers) + 2)
        until = time.monotonic() + 60
        while self.server.ask("/v1/models/reviews")[1]["model_version_status"][0]["version"] != expected:
            assert time.monotonic() < until, f"version {expected} is not served"
            time.sleep(0.1)
        self._count("swap", 200)

    def send_half(self, chance: random.Random) -> None:
        connections = [self.server.begin(LARGE, chance.choice([-1, 0, 100, len(LARGE) - 1])) for _ in range(20)]
        time.sleep(chance.random())
        for connection in connections:
            connection.close()

    def send_across(self, chance: random.Random) -> None:
        """Send a request whose body takes seconds, in which versions change."""
        with self.server.begin(BODY, 10, headers="Connection: close\r\n") as connection:
            time.sleep(3 * chance.random())
            connection.sendall(BODY[10:])
            answer = connection.makefile("rb").read()
        self._count("across", int(answer.split()[1]))

    def kill(self, chance: random.Random) -> None:
        with subprocess.Popen([sys.executable, "-c", CLIENT, self.server.url, LARGE.decode()[:60_000] + '"]}'],
                              stderr=subprocess.DEVNULL) as client:
            time.sleep(0.5 + chance.random())
            client.kill()


@pytest.mark.slow
def test_the_server_loses_no_request_and_takes_no_memory(versions: Path, start_server: Callable[..., Server]) -> None:
    """Takes `SENTIMENT_SOAK_SECONDS`, by default ten minutes."""
    shutil.copytree(versions / "1", versions.parent / "whole")
    server = start_server(versions, "--poll", 1, "--grace", 5)
    soak = Soak(server, versions)
    soak.run(SECONDS)
    half = server.begin(BODY, 3)
    code = server.end(signal.SIGTERM)
    half.close()
    quarter = len(soak.sizes) // 4
    grown = median(soak.sizes[-quarter:]) - median(soak.sizes[quarter:2 * quarter])
    megabytes = [round(size / 1e6) for size in soak.sizes[::max(1, len(soak.sizes) // 20)]]
    print(f"{SECONDS:.0f} s: {dict(soak.codes)}; resident MB {megabytes}")
    assert not soak.failed, soak.failed
    assert code == 0
    assert {kind: {code for name, code in soak.codes if name == kind} for kind, _ in soak.codes} == {
        "predict": {200}, "explain": {200}, "wrong": {400, 413}, "across": {200}, "swap": {200}}
    assert grown < FLAT
    assert not any("Traceback" in line for line in server.said)
