"""Predictions by several threads of one process, and by a forked child, in Keras, ONNX Runtime and LiteRT."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.small_models import untrained_run

import sentiment
from sentiment import export
from sentiment.explain import word_weights
from sentiment.inference import PortableClassifier

THREADS = 4
TEXTS = [f"{'good ' * (number % 13)}film {'bad ' * (number % 7)}! So it is {number}." for number in range(60)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of a run and of its exports, by what runs them."""
    folder = untrained_run(tmp_path_factory.mktemp("models") / "run", "bigru", 3)
    original = export.Original(folder)
    return {"keras": folder.path, "onnx": export.export_onnx(original), "litert": export.export_litert(original)}


@pytest.mark.parametrize("kind", ["keras", "onnx", "litert"])
def test_several_threads_get_the_answers_of_one(kind: str, models: dict[str, Path]) -> None:
    alone, shared = sentiment.load(models[kind]), sentiment.load(models[kind])
    parts = [TEXTS[start::2 * THREADS] for start in range(2 * THREADS)]
    expected = [alone.predict_proba(part) for part in parts]
    together = threading.Barrier(THREADS)

    def ask(part: list[str]) -> list[np.ndarray]:
        together.wait(60)  # the first call of the model, which may compile it, is made by all at once
        return [shared.predict_proba(part) for _ in range(5)]

    with ThreadPoolExecutor(THREADS) as pool:
        for right, answers in zip(expected, pool.map(ask, parts), strict=True):
            for answer in answers:
                np.testing.assert_allclose(answer, right, atol=1e-6)


def in_a_child(work: Callable[[], str]) -> tuple[str, int]:
    """Return what `work` returns in a forked child, and the status of its exit."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # kills one that hangs
        os.close(reading)
        os.write(writing, work().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        return said.read(), os.waitpid(child, 0)[1]


@pytest.mark.parametrize("kind", ["onnx", "litert"])
def test_a_forked_child_answers_with_an_export(kind: str, models: dict[str, Path], tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens the model anew, also where another thread was predicting, and the directory is another."""
    monkeypatch.chdir(models[kind].parent)
    model = sentiment.load(models[kind].name)
    assert isinstance(model, PortableClassifier)
    right = model.predict_proba(TEXTS)
    with ThreadPoolExecutor(THREADS) as pool:
        busy = [pool.submit(model.predict_proba, TEXTS * 5) for _ in range(THREADS)]

        def work() -> str:
            os.chdir(tmp_path)
            parents = model._engine
            same = np.allclose(model.predict_proba(TEXTS), right, atol=1e-6)
            return f"{same} {model._engine is not parents}"

        assert in_a_child(work) == ("True True", 0)
        for answer in busy:
            answer.result()


def test_a_forked_child_refuses_an_export_that_was_replaced(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["onnx"], tmp_path / "onnx")
    model = sentiment.load(tmp_path / "onnx")

    def work() -> str:
        (tmp_path / "onnx" / "model.onnx").write_bytes((models["onnx"] / "model.onnx").read_bytes())
        with pytest.raises(RuntimeError) as raised:
            model.predict(TEXTS)
        return str(raised.value)

    assert "model.onnx has been replaced or removed since it was loaded" in in_a_child(work)[0]
    assert len(model.predict(TEXTS)) == len(TEXTS)  # the parent has it open


def test_a_forked_child_is_told_at_once_what_to_do_with_a_run(models: dict[str, Path]) -> None:
    """Loading a run anew is no way out: TensorFlow's threads were the parent's, whichever model started them."""
    model = sentiment.load(models["keras"])
    model.predict(TEXTS)  # starts the threads that the child does not have
    ids = model.ids("a film")[None]

    def work() -> str:
        lines = set()
        for ask in (lambda: model.predict(["a"]), lambda: model.predict_proba([]), lambda: model.logits(ids),
                    lambda: model.words_read("a film"), lambda: word_weights(model, "a film"),
                    lambda: sentiment.load(models["keras"])):
            with pytest.raises(RuntimeError) as raised:
                ask()
            lines.add(str(raised.value))
        return "\n".join(lines)

    assert in_a_child(work) == (
        "this process was forked after TensorFlow had started its threads, for which it would wait forever: load or "
        "train models only after the fork, start processes by 'spawn' (joblib: 'loky' or 'threading'), or predict with "
        "an export (python -m sentiment export MODEL --format onnx), which works in forked processes", 0)


CHILDREN = """
import multiprocessing, os, signal, sys, time
import sentiment

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background ignores
model, texts = sentiment.load(sys.argv[1]), ["a good film", "a bad film"] * 20
right = [one.label for one in model.predict(texts)]

def labels(_):
    return [one.label for one in model.predict(texts)]

with multiprocessing.get_context("fork").Pool(2) as pool:
    print(all(found == right for found in pool.map(labels, range(4))))
for end in (lambda: sys.exit(3), lambda: os.kill(os.getpid(), signal.SIGINT)):
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # kills one that hangs
        labels(0)
        end()
        time.sleep(60)
    status = os.waitpid(child, 0)[1]
    print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else os.WTERMSIG(status))
"""


@pytest.mark.parametrize("kind", ["onnx", "litert"])
def test_forked_children_end_by_exit_and_by_interruption(kind: str, models: dict[str, Path]) -> None:
    """A new process, as the runtime must be imported by `sentiment.load`; its children run C's handlers at their exit.

    ONNX Runtime from 1.29 on has a thread there that sends usage data, for which a child would wait.
    """
    done = subprocess.run([sys.executable, "-c", CHILDREN, models[kind]], capture_output=True, text=True, timeout=100,
                          check=True)
    assert done.stdout.split() == ["True", "3", str(int(signal.SIGINT))]
