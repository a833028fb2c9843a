"""Load test of a server with single reviews over many connections, alternately with and without batching.

    python benchmarks/serving.py models/bilstm/onnx --output benchmarks/results/serving.json

The reviews are IMDB's validation split, or the built-in sample if the corpus is missing. Prints for each side the
requests per second, the median and the 99th percentile of the response time, and the number of errors.
"""

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.files import atomic_path

SIDES = {"batching": [], "no batching": ["--batch-size", "1"]}
WARM_UP_SECONDS = 3.0


def main() -> int:
    """Load both sides alternately, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="the folder of a run or of an export")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write all figures as JSON")
    arguments = parser.parse_args()
    bodies = [json.dumps({"instances": [text]}).encode() for text in islice(_texts(), 2000)]
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(arguments.rounds):
        for side, words in SIDES.items():
            found[side].append(_round(arguments, words, bodies))
            print(f"{side:12} {json.dumps(found[side][-1])}", flush=True)
    rates = {side: float(np.median([one["requests_per_second"] for one in rounds])) for side, rounds in found.items()}
    ratio = rates["batching"] / rates["no batching"]
    print(f"medians: {rates}; with batching {ratio:.2f} times as many requests")
    if arguments.output is not None:
        result = {"connections": arguments.connections, "seconds": arguments.seconds, "rounds": found, "ratio": ratio,
                  "words_per_text": float(np.mean([len(body.split()) for body in bodies])), "cores": os.cpu_count(),
                  "machine": platform.machine()}
        with atomic_path(arguments.output) as temporary:
            temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one["errors"] for rounds in found.values() for one in rounds) else 0


def _texts() -> Any:
    return load_corpus(DataConfig(), 1).validation.texts


def _round(arguments: argparse.Namespace, words: list[str], bodies: list[bytes]) -> dict[str, float]:
    """Start a server, load it, and stop it."""
    command = [sys.executable, "-m", "sentiment", "serve", f"loaded={arguments.model}", "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603 - of our own words
        address = next(line for line in server.stderr or () if "listening on" in line).rpartition("/")[2].strip()
        host, _, port = address.rpartition(":")
        try:
            asyncio.run(_load(host, int(port), bodies, arguments.connections, WARM_UP_SECONDS))
            return asyncio.run(_load(host, int(port), bodies, arguments.connections, arguments.seconds))
        finally:
            server.terminate()


async def _load(host: str, port: int, bodies: list[bytes], connections: int, seconds: float) -> dict[str, float]:
    times: list[float] = []
    errors = 0
    until = perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal errors
        reader, writer = await asyncio.open_connection(host, port)
        for body in cycle(bodies[number::connections]):
            start = perf_counter()
            if start > until:
                break
            writer.write(b"POST /v1/models/loaded:predict HTTP/1.1\r\nhost: localhost\r\n"
                         b"content-length: %d\r\n\r\n" % len(body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(perf_counter() - start)
            errors += b" 200 " not in head.split(b"\r\n")[0]
        writer.close()

    await asyncio.gather(*(client(number) for number in range(connections)))
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return {"requests_per_second": round(len(times) / seconds, 1), "p50_ms": round(float(p50), 2),
            "p99_ms": round(float(p99), 2), "requests": len(times), "errors": errors}


if __name__ == "__main__":
    sys.exit(main())
