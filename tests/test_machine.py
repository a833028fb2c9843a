"""Processor, cores, threads and memory."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from sentiment.machine import available_cores, memory_bytes, peak_memory_bytes, processor, threads

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


def test_name_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda _: "processor\t: 0\nmodel name\t: Maker: One 5\nmodel name\t: Two\n")
    assert processor() == "Maker: One 5"
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    assert processor() in {platform.processor(), platform.machine()}
