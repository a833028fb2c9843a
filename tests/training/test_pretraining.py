"""Language models and autoencoders learn, measure themselves, and go on with the same bits."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from helpers.interruption import BreakOff, BrokenOffError
from helpers.pretrainers import fit, make, state
from helpers.selection import selected
from helpers.small_models import NO_DROPOUT, enlivened

from sentiment.errors import DivergedError, Interrupted
from sentiment.signals import StopRequest
from sentiment.training.checkpoints import Checkpoints

CASES = [("language-model", "lstm", False), ("language-model", "bigru", False), ("autoencoder", "gru", False),
         ("language-model", "lstm", True), ("autoencoder", "gru", True)]  # method, architecture, in half precision


@pytest.mark.parametrize(("method", "name", "half"), selected(CASES, CASES[2:3]))
def test_it_learns_what_comes_next(method: str, name: str, half: bool, tmp_path: Path) -> None:
    trainer = make(method, name, epochs=12, half=half, **NO_DROPOUT)
    history = fit(trainer, tmp_path, epochs=12)
    assert trainer.task.network.compute_dtype == ("bfloat16" if half else "float32")
    assert {variable.dtype for variable in trainer.task.network.trainable_variables} == {"float32"}
    measured = [values for metric, values in history.items() if metric.endswith("perplexity")]
    assert len(measured) == (2 if name.startswith("bi") else 1)
    for values in measured:
        assert values[0] > values[-1]
        assert values[-1] < 1.3  # of 10 words, the first of a text cannot be known
    assert history["loss"][-1] < 0.5 * history["loss"][0]


@pytest.mark.parametrize("name", ["lstm", "bilstm"])
def test_perplexity_is_that_of_reading_the_validation_texts_in_one_go(name: str) -> None:
    trainer = make("language-model", name)
    task: Any = trainer.task
    enlivened(task.network)
    measured = task.validate(trainer.workers, StopRequest())
    states = [np.zeros((1, 12), np.float32)] * 2
    for number, direction in enumerate(task.model.directions):
        streams = task.held_out[number]
        words = np.concatenate(list(streams.windows(5, 0)), axis=1)
        losses = []
        for row in range(streams.streams):
            ids = words[row]
            read = np.concatenate([ids[start:start + 7] for start in range(0, len(ids), 8)])
            following = np.concatenate([ids[start + 1:start + 8] for start in range(0, len(ids), 8)])
            inputs = [value for _ in task.model.directions for value in [read[None], *states]]
            vectors = np.asarray(task.network(inputs, training=False)[number * 3])[0]
            scores = vectors @ task.model.table.numpy().T + task.words.frequencies
            chances = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
            losses += [-chances[place, word] for place, word in enumerate(following) if word > 0]
        assert measured[f"{direction.name}_perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)


@pytest.mark.parametrize(("method", "name", "half"), selected(CASES, CASES[1:2]))
@pytest.mark.parametrize("broken_off_at", selected([3, 11], [11]))
def test_a_run_that_goes_on_has_the_same_bits(method: str, name: str, half: bool, broken_off_at: int, tmp_path: Path
                                              ) -> None:
    whole = make(method, name, half=half)
    history = fit(whole, tmp_path / "whole")
    assert len(whole.task) > 5
    with pytest.raises(BrokenOffError):
        fit(make(method, name, half=half), tmp_path / "broken", BreakOff(broken_off_at), steps=2)
    resumed = make(method, name, half=half)
    assert fit(resumed, tmp_path / "broken", steps=2) == history
    for mine, other in zip(state(resumed), state(whole), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_states_are_carried_from_step_to_step(tmp_path: Path) -> None:
    """With every state forgotten after a step, the same seed gives another loss."""
    kept = fit(make("language-model", "lstm"), tmp_path / "kept")
    forgetful = make("language-model", "lstm")

    class Forget(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            for one in forgetful.carried:
                one.assign(np.zeros_like(one.numpy()))

    assert fit(forgetful, tmp_path / "forgotten", Forget())["loss"] != kept["loss"]


MIRRORED = """
import pathlib, sys, tempfile
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, sys.argv[1])
from helpers import pretrainers, small_models
from helpers.interruption import BreakOff, BrokenOffError
from sentiment.training.strategy import make_strategy
mirrored = make_strategy("mirrored")
assert mirrored.num_replicas_in_sync == 2

def run(folder, strategy, *callbacks, **options):
    trainer = pretrainers.make("language-model", "lstm", strategy=strategy, **small_models.NO_DROPOUT)
    history = pretrainers.fit(trainer, pathlib.Path(folders) / folder, *callbacks, **options)
    return history, pretrainers.state(trainer)

folders = tempfile.mkdtemp()
first, one = run("one", make_strategy("single"))
second, two = run("two", mirrored)
try:
    run("broken", mirrored, BreakOff(3), steps=2)
except BrokenOffError:
    pass
third, resumed = run("broken", mirrored, steps=2)
for metric in first:
    np.testing.assert_allclose(first[metric], second[metric], rtol=1e-3)
    np.testing.assert_allclose(second[metric], third[metric], rtol=1e-5)
for a, b, c in zip(one, two, resumed, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-3)
    np.testing.assert_allclose(b, c, atol=1e-5)
"""


@pytest.mark.extended
def test_two_devices_learn_what_one_does_and_go_on() -> None:
    """In a process of its own: logical devices must be set before TensorFlow starts."""
    done = subprocess.run([sys.executable, "-c", MIRRORED, str(Path(__file__).parents[1])], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_loss_that_explodes(tmp_path: Path) -> None:
    trainer = make("language-model", "lstm")
    trainer.task.network.get_layer("forward_written").bias.assign(np.full(8, np.nan, np.float32))
    with pytest.raises(DivergedError, match="the loss became nan at batch 1 of epoch 1: lower --learning-rate"):
        fit(trainer, tmp_path)


def test_a_signal_ends_it_after_a_checkpoint(tmp_path: Path) -> None:
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            if batch == 1:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        fit(make("language-model", "lstm"), tmp_path, Interrupt())
    assert caught.value.exit_code == 143
    found = Checkpoints(tmp_path).latest()
    assert found is not None
    assert found.state["place"]["batch"] == 2
