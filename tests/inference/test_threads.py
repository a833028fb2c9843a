"""Predictions by several threads of one process, and by a forked child, in Keras, ONNX Runtime and LiteRT."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.small_models import untrained_run

import sentiment
from sentiment import export
from sentiment.explain import word_weights

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


@pytest.mark.parametrize("kind", ["keras", "onnx", "litert"])
def test_a_forked_child_is_told_to_load_the_model_itself(kind: str, models: dict[str, Path]) -> None:
    model = sentiment.load(models[kind])
    model.predict(TEXTS)  # starts the threads that the child does not have
    ids = model.ids("a film")[None]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # leaves at once, without anything of the parent's
        signal.alarm(10)
        for ask in (lambda: model.predict(["a"]), lambda: model.predict_proba([]), lambda: model.logits(ids),
                    lambda: word_weights(model, "a film")):
            try:
                ask()
            except RuntimeError as error:
                os.write(writing, f"{error}\n".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = told.read().splitlines()
    assert os.waitpid(child, 0)[1] == 0
    assert lines == ["this model was loaded before the process was forked, and would wait for threads that the child "
                     "does not have: load it in the child, or start processes by 'spawn'"] * 4
