"""Tests of Ctrl-C during imports, where an exception may crash TensorFlow, and of the import of TensorFlow."""

import os
import signal
import subprocess
import sys

import pytest

from sentiment.startup import import_tensorflow

CODE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN if sys.argv[1] == "ignored" else signal.default_int_handler)
from sentiment.startup import ended_by_sigint
before = signal.getsignal(signal.SIGINT)
if sys.argv[1] == "after":
    with ended_by_sigint():
        pass
    assert signal.getsignal(signal.SIGINT) is before
    sys.exit(3)
with ended_by_sigint():
    os.kill(os.getpid(), signal.SIGINT)
sys.exit(4)
"""
COMMAND = """
import importlib.abc, os, signal, sys
class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
signal.signal(signal.SIGINT, signal.default_int_handler)
from sentiment.__main__ import main
main(["vectors", "--dataset", "sample", "--output", "vectors.txt"])
"""


@pytest.mark.parametrize(("case", "code"), [("default", -signal.SIGINT), ("ignored", 4), ("after", 3)])
def test_sigint_during_imports(case: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, case], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("module", ["rich.console", "tensorflow.python.util"])
def test_command_interrupted_during_imports_ends_silently(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND, module], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize(("training", "given", "expected"), [
    (True, None, "true"), (True, "false", "false"), (False, None, None)])
def test_training_keeps_freed_memory_unless_the_environment_says_otherwise(
        training: bool, given: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "TF_CPU_ALLOCATOR_USE_BFC"
    monkeypatch.setenv(name, given or "")
    if given is None:
        monkeypatch.delenv(name)
    import_tensorflow(devices=True, training=training)
    assert os.environ.get(name) == expected
