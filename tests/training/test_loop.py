import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.selection import selected
from helpers.trainers import LABELS, make_batches, make_trainer

from sentiment.architectures import scale_logits
from sentiment.errors import DivergedError, UserError
from sentiment.losses import cross_entropy
from sentiment.precision import precision
from sentiment.training.calibration import temperature
from sentiment.training.row_adam import RowAdam


def test_learns_and_reports() -> None:
    trainer = make_trainer()
    history = trainer.fit(epochs=25)
    assert history["loss"][-1] < 0.1 < history["loss"][0]
    assert history["accuracy"][-1] == 1.0
    assert set(history) == {"loss", "accuracy", "val_loss", "val_calibrated_loss", "val_accuracy", "learning_rate"}
    logits = trainer.task.predict(make_batches())
    assert history["val_loss"][-1] == pytest.approx(float(np.mean(cross_entropy(LABELS, logits))), rel=1e-5)


@pytest.mark.parametrize("weights", [None, np.arange(50, dtype=np.float32) % 3])
def test_one_epoch_against_steps_by_hand(weights: np.ndarray | None) -> None:
    """The compiled step is plain SGD on the mean weighted cross-entropy of the real rows, with the norm clipped.

    Texts of weight 0 are left out by hand.
    """
    trainer = make_trainer(keras.optimizers.SGD(0.5), settings={"clip_norm": 0.02}, text_weights=weights)
    weights = np.ones(50, np.float32) if weights is None else weights
    by_hand = keras.models.clone_model(trainer.network)
    by_hand.set_weights(trainer.network.get_weights())
    trainer.fit(epochs=1)
    for batch in make_batches().shuffled(1, 0):
        with tf.GradientTape() as tape:
            kept = np.flatnonzero(weights[batch.rows])
            losses = cross_entropy(LABELS[batch.rows[kept]], by_hand(batch.ids[kept]))
            loss = tf.reduce_sum(losses * weights[batch.rows[kept]]) / len(batch.rows)
        gradients = [tf.convert_to_tensor(one) for one in tape.gradient(loss, by_hand.trainable_variables)]
        clipped, norm = tf.clip_by_global_norm(gradients, 0.02)
        assert float(norm) > 0.02
        for variable, gradient in zip(by_hand.trainable_variables, clipped, strict=True):
            variable.assign_sub(0.5 * gradient)
    for one, other in zip(trainer.network.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_same_seed_same_bits() -> None:
    def weights() -> list[np.ndarray]:
        trainer = make_trainer(word_dropout=0.3, embedding_dropout=0.3, output_dropout=0.3)
        trainer.fit(epochs=2)
        return list(trainer.network.get_weights())

    for one, other in zip(weights(), weights(), strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("settings", selected([{}, {"objective": "mixed"}], [{}]))
def test_weights_of_one_change_no_bit(settings: dict[str, Any]) -> None:
    trainers = [make_trainer(settings=settings, text_weights=weights, word_dropout=0.3)
                for weights in (None, np.ones(50, np.float32))]
    assert trainers[0].fit(epochs=1) == trainers[1].fit(epochs=1)
    for one, other in zip(*(trainer.network.get_weights() for trainer in trainers), strict=True):
        np.testing.assert_array_equal(one, other)


def test_accuracy_in_training_is_of_the_texts_that_count() -> None:
    """The model does not learn, and gives the second class to all texts."""
    counted = np.where(LABELS == 1, 0.5, 0).astype(np.float32)
    for weights, expected in ((counted, 1.0), (None, LABELS.mean())):
        trainer = make_trainer(keras.optimizers.SGD(0.0), text_weights=weights)
        trainer.network.get_layer("logits").bias.assign([5.0])
        assert trainer.fit(epochs=1)["accuracy"] == [pytest.approx(expected)]


def test_the_calibrated_loss_is_that_after_calibration() -> None:
    trainer = make_trainer(keras.optimizers.SGD(0.0))
    scale_logits(trainer.network, 4000.0)
    logs = trainer.fit(epochs=1)
    logits = trainer.task.predict(make_batches())
    found = temperature(LABELS, logits)
    assert found != 1
    expected = np.log1p(np.exp(-np.where(LABELS == 1, 1, -1) * logits[:, 0] / found)).mean()
    assert logs["val_calibrated_loss"][0] == pytest.approx(float(expected), rel=2e-3)
    assert logs["val_calibrated_loss"][0] < logs["val_loss"][0]


def test_class_weights_move_the_decision() -> None:
    def share_of_ones(weights: list[float]) -> float:
        trainer = make_trainer(keras.optimizers.Adam(0.005), weights=np.array(weights, np.float32))
        trainer.fit(epochs=3)
        return float((trainer.task.predict(make_batches()) > 0).mean())

    assert share_of_ones([10.0, 0.1]) == 0.0
    assert share_of_ones([0.1, 10.0]) == 1.0


def test_l2_reaches_the_loss() -> None:
    trainer = make_trainer(keras.optimizers.SGD(0.0), settings={"l2": 0.5})
    plain, heavy = make_trainer(keras.optimizers.SGD(0.0)).fit(epochs=1), trainer.fit(epochs=1)
    kernels = [weight for weight in trainer.network.trainable_weights if "kernel" in weight.name]
    assert len(kernels) == 3
    expected = sum(0.5 * float(np.sum(np.square(keras.ops.convert_to_numpy(kernel)))) for kernel in kernels)
    assert heavy["loss"][0] - plain["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_the_average_is_what_the_model_has_at_the_end() -> None:
    trainer = make_trainer(keras.optimizers.Adam(0.1), settings={"ema": 0.99})
    history = trainer.fit(epochs=3)
    logits = trainer.task.predict(make_batches())
    assert history["val_loss"][-1] == pytest.approx(float(np.mean(cross_entropy(LABELS, logits))), rel=1e-5)
    plain = make_trainer(keras.optimizers.Adam(0.1)).fit(epochs=3)
    assert history["loss"] == pytest.approx(plain["loss"])  # training goes on from the weights, not from their average
    assert history["val_loss"] != pytest.approx(plain["val_loss"], rel=1e-3)


@pytest.mark.parametrize("settings", selected([{}, {"clip_norm": 0.1}, {"objective": "mixed", "epsilon": 0.5}],
                                              short=[{"clip_norm": 0.1}]))
def test_rows_of_the_embedding_go_where_dense_adam_takes_them(settings: dict[str, Any]) -> None:
    trainers = [make_trainer(optimizer, settings=settings, unlabelled="objective" in settings) for optimizer in (
        keras.optimizers.Adam(0.005), RowAdam(0.005, steps=28))]
    histories = [trainer.fit(epochs=4) for trainer in trainers]
    np.testing.assert_allclose(histories[0]["val_loss"], histories[1]["val_loss"], rtol=1e-4)
    for dense, by_rows in zip(*(trainer.network.get_weights() for trainer in trainers), strict=True):
        np.testing.assert_allclose(by_rows, dense, atol=2e-4)


def test_one_trace_for_all_shapes() -> None:
    trainer = make_trainer()
    trainer.fit(epochs=3)
    assert trainer._compiled_step.experimental_get_tracing_count() == 1
    assert trainer.task._infer.experimental_get_tracing_count() == 1


def test_a_loss_that_is_not_finite_stops_training() -> None:
    trainer = make_trainer()
    kernel = trainer.network.get_layer("logits").kernel
    kernel.assign(kernel * np.nan)
    with pytest.raises(UserError, match="the loss became nan at batch 1 of epoch 1: lower --learning-rate"):
        trainer.fit(epochs=2)


class Poison(keras.callbacks.Callback):
    """Ruins the weights at the start of the third epoch."""

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        if epoch == 2:
            kernel = self.model.get_layer("logits").kernel
            kernel.assign(kernel * np.nan)


def test_a_later_one_keeps_the_best_weights() -> None:
    trainer = make_trainer()
    stopping = keras.callbacks.EarlyStopping("val_loss", restore_best_weights=True)
    history = trainer.fit(epochs=5, callbacks=[stopping, Poison()])
    assert len(history["loss"]) == 2
    assert trainer.diverged == "the loss became nan at batch 1 of epoch 3"
    assert np.isfinite(trainer.task.predict(make_batches())).all()


def test_a_later_one_is_an_error_where_no_callback_holds_the_best_weights() -> None:
    with pytest.raises(DivergedError, match="the loss became nan at batch 1 of epoch 3: lower --learning-rate"):
        make_trainer().fit(epochs=5, callbacks=[Poison()])


def test_early_stopping_restores_the_best_epoch() -> None:
    trainer = make_trainer(keras.optimizers.SGD(50.0))
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    history = trainer.fit(epochs=30, callbacks=[stopping])
    assert len(history["loss"]) < 30
    logits = trainer.task.predict(make_batches())
    assert float(np.mean(cross_entropy(LABELS, logits))) == pytest.approx(min(history["val_loss"]), rel=1e-5)


@pytest.mark.extended
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_learns_too(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    trainer = make_trainer(settings={"clip_norm": 1.0})
    if policy == "mixed_float16":
        assert "LossScale" in type(trainer.optimizer).__name__
    history = trainer.fit(epochs=25)
    assert history["loss"][-1] < 0.2
    assert trainer.task.predict(make_batches()).dtype == np.float32


def test_mixed_precision_flag_sets_the_policy_for_a_while() -> None:
    with precision(mixed=True):
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    with precision(mixed=False):
        assert keras.config.dtype_policy().name == "float32"


MIRRORED = """
import sys
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, sys.argv[1])
import keras
from helpers import trainers
from sentiment.training.strategy import make_strategy
results = []
for name in ("single", "mirrored"):
    strategy = make_strategy(name)
    assert strategy.num_replicas_in_sync == (1 if name == "single" else 2)
    settings = {"clip_norm": 0.05, "clip_value": 0.02, "l2": 0.01, "ema": 0.9, "objective": "adversarial"}
    trainer = trainers.make_trainer(None, strategy, settings, normalization="weight", layers=2)
    history = trainer.fit(epochs=2)
    results.append((trainer.network.get_weights(), history))
(one, first), (other, second) = results
for a, b in zip(one, other, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5)
for name in first:
    np.testing.assert_allclose(first[name], second[name], atol=1e-5)
"""


@pytest.mark.extended
def test_two_devices_equal_one() -> None:
    """In a process of its own: logical devices must be set before TensorFlow starts."""
    done = subprocess.run([sys.executable, "-c", MIRRORED, str(Path(__file__).parents[1])], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.extended
def test_tpu_without_a_tpu() -> None:
    code = ("from sentiment.training.strategy import make_strategy\n"
            "from sentiment.errors import DivergedError, UserError\n"
            "try:\n    make_strategy('tpu')\nexcept UserError as error:\n    print(error)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "--strategy tpu: no TPU found" in done.stdout, done.stderr[-2000:]
