"""Requests that nobody would send, made from the server's own description of itself."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.server_process import Server

CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
          "negative_data_rejection,unsupported_method")
FLAT = 20e6  # bytes that Python's and the allocator's caches may take


def fuzz(server: Server, examples: int, place: Path) -> int:
    """Send requests to every address, right and wrong ones, and return how many."""
    done = subprocess.run([sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--checks",
                           CHECKS, "--max-examples", str(examples), "--seed", "1"],
                          capture_output=True, text=True, check=False, cwd=place)
    assert done.returncode == 0, done.stdout[-3000:]
    found = re.search(r"([\d,]+) generated", done.stdout)
    assert found is not None, done.stdout[-3000:]
    return int(found[1].replace(",", ""))


def resident(server: Server) -> float:
    return float(server.metrics().partition("\nprocess_resident_memory_bytes ")[2].split()[0])


def test_no_request_breaks_the_server(versions: Path, start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(versions)
    assert fuzz(server, 15, tmp_path) >= 100
    assert server.ask("/healthz")[0] == 200
    assert 'code="500"' not in server.metrics()


@pytest.mark.slow
def test_ten_thousand_requests_take_no_memory(versions: Path, start_server: Callable[..., Server], tmp_path: Path
                                              ) -> None:
    server = start_server(versions)
    fuzz(server, 150, tmp_path)
    sizes, sent = [resident(server)], 0
    while sent < 10_000:
        sent += fuzz(server, 150, tmp_path)
        sizes.append(resident(server))
    print(f"{sent:,} requests; resident memory after each round, MB: {[round(size / 1e6, 1) for size in sizes]}")
    assert max(sizes) - sizes[0] < FLAT
    assert 'code="500"' not in server.metrics()
