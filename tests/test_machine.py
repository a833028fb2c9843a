"""What a process has used."""

import subprocess
import sys

import pytest

from sentiment.machine import available_cores, memory_bytes, peak_memory_bytes, threads

SMALL = "from sentiment.machine import peak_memory_bytes; print(peak_memory_bytes())"
LARGE = "b'x' * 300_000_000"


def test_the_memory_of_the_process_that_started_it_does_not_count() -> None:
    filled = b"x" * 300_000_000
    done = subprocess.run([sys.executable, "-c", SMALL], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000_000 < len(filled) < peak_memory_bytes()


def test_the_largest_child_counts() -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LARGE!r}]); {SMALL}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 300_000_000 < int(done.stdout) < 500_000_000


def test_threads_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads() == 3
    for nothing in ("", "0", "4,2"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert threads() == available_cores()


def test_the_memory_of_the_machine() -> None:
    memory = memory_bytes()
    assert memory is not None
    assert peak_memory_bytes() < memory < 1 << 50
