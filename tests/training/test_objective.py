"""The composed loss against the same formulas written out by hand, on a model whose gradient is known."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.config import TrainingConfig
from sentiment.layers import EmbeddedWords, SelfAttentivePooling
from sentiment.losses import cross_entropy, divergence, entropy
from sentiment.training.noise import Noise
from sentiment.training.objective import Objective

IDS = tf.constant([[2, 3, 4], [5, 2, 0], [3, 0, 0], [1, 0, 0]])
LABELS = tf.constant([1, 0, 1, 0])
SHARES = tf.constant([1 / 3, 1 / 3, 1 / 3, 0.0])  # the last row is filling
OTHER = (tf.constant([[4, 4], [2, 0]]), tf.constant([0.5, 0.5]))
CLASS_WEIGHTS = np.array([1.0, 2.0], np.float32)
NOISE = Noise(1, 0)


def make_model() -> keras.Model:
    """The sum of all words' features through a linear layer: the gradient by each word is the kernel."""
    keras.utils.set_random_seed(2)
    ids = keras.Input((None,), dtype="int32")
    words = EmbeddedWords(name="embedded")(keras.layers.Embedding(6, 4, embeddings_initializer="normal")(ids))
    real = keras.ops.cast(keras.ops.not_equal(ids, 0), "float32")[:, :, None]
    return keras.Model(ids, keras.layers.Dense(1, name="logits")(keras.ops.sum(words * real, axis=1)))


def loss_of(model: keras.Model, unlabelled: Any = None, **options: Any) -> float:
    objective = Objective(model, TrainingConfig.from_dict(options), CLASS_WEIGHTS)
    loss, logits = objective((IDS, LABELS, SHARES), unlabelled, NOISE)
    np.testing.assert_allclose(logits, model(IDS), atol=1e-6)
    return float(loss)


def weighted(losses: Any) -> float:
    return float(tf.reduce_sum(losses * SHARES * tf.gather(CLASS_WEIGHTS, LABELS)))


def test_cross_entropy_alone() -> None:
    model = make_model()
    assert loss_of(model) == pytest.approx(weighted(cross_entropy(LABELS, model(IDS))), abs=1e-6)
    smooth = weighted(cross_entropy(LABELS, model(IDS), 0.2))
    assert loss_of(model, label_smoothing=0.2) == pytest.approx(smooth, abs=1e-6)


def scales(model: keras.Model, ids: Any) -> np.ndarray:
    """The root mean square of the embedded values of each text, float32 [texts]."""
    table = model.layers[1].embeddings.numpy()
    return np.array([np.sqrt(np.mean(table[row[row != 0]] ** 2)) for row in np.asarray(ids)], np.float32)


def moved_logits(model: keras.Model, ids: Any, signs: Any, norm: float) -> Any:
    """The logits after each text's words move by `norm` in all along the kernel, up or down: a linear model's worst."""
    kernel = model.get_layer("logits").kernel.numpy()[:, 0]
    lengths = tf.reduce_sum(tf.cast(ids != 0, tf.float32), axis=1)
    return model(ids) + (signs * norm * scales(model, ids) * np.linalg.norm(kernel) * tf.sqrt(lengths))[:, None]


def test_the_adversarial_loss_moves_every_text_the_wrong_way() -> None:
    model = make_model()
    signs = tf.where(LABELS == 1, -1.0, 1.0)
    expected = weighted(cross_entropy(LABELS, moved_logits(model, IDS, signs, 10.0)))
    loss = loss_of(model, adversarial_weight=0.7, epsilon=10.0)
    assert loss == pytest.approx(weighted(cross_entropy(LABELS, model(IDS))) + 0.7 * expected, abs=1e-5)


def worst(model: keras.Model, ids: Any, norm: float) -> Any:
    """The divergence of the two ends of a linear model's perturbation: VAT finds one of them."""
    return [divergence(model(ids), moved_logits(model, ids, sign, norm)).numpy() for sign in (1.0, -1.0)]


def test_the_virtual_adversarial_loss_needs_no_label() -> None:
    model = make_model()
    clean = weighted(cross_entropy(LABELS, model(IDS)))
    found = loss_of(model, vat_weight=1.0, epsilon=10.0, xi=0.2) - clean
    up, down = worst(model, IDS, 10.0)
    choices = [sum(share * (up, down)[bits >> row & 1][row] for row, share in enumerate(SHARES.numpy()))
               for bits in range(8)]
    assert min(abs(found - choice) for choice in choices) < 1e-5
    assert min(choices) > 1e-3


def test_a_teacher_beside_the_labels_and_alone_where_there_are_none() -> None:
    model = make_model()
    taught, other = tf.constant([[2.0], [-1.0], [0.5], [9.0]]), tf.constant([[1.0], [-3.0]])
    objective = Objective(model, TrainingConfig(teacher="x", teacher_weight=0.7, teacher_temperature=3.0),
                          CLASS_WEIGHTS)
    loss, _ = objective((IDS, LABELS, SHARES, taught), (*OTHER, other), NOISE)
    labelled = float(tf.reduce_sum(9 * divergence(taught / 3, model(IDS) / 3) * SHARES))
    unlabelled = float(tf.reduce_mean(9 * divergence(other / 3, model(OTHER[0]) / 3)))
    expected = 0.3 * weighted(cross_entropy(LABELS, model(IDS))) + 0.7 * (labelled + unlabelled)
    assert float(loss) == pytest.approx(expected, abs=1e-5)


def test_entropy_and_halves() -> None:
    model = make_model()
    clean = weighted(cross_entropy(LABELS, model(IDS)))
    own = float(tf.reduce_sum(entropy(model(IDS)) * SHARES))
    others = float(tf.reduce_sum(entropy(model(OTHER[0])) * OTHER[1]))
    assert loss_of(model, entropy_weight=2.0) == pytest.approx(clean + 2 * own, abs=1e-5)
    assert loss_of(model, OTHER, entropy_weight=2.0) == pytest.approx(clean + own + others, abs=1e-5)


def test_mixed_is_the_sum_of_its_parts() -> None:
    model = make_model()
    clean = loss_of(model)
    keras.utils.set_random_seed(3)
    parts = [loss_of(model, objective=name) - clean for name in ("adversarial", "entropy", "vat")]
    keras.utils.set_random_seed(3)
    assert loss_of(model, objective="mixed") == pytest.approx(clean + sum(parts), rel=0.3)
    assert loss_of(model, objective="mixed", vat_weight=0.0) == pytest.approx(clean + parts[0] + parts[1], abs=1e-5)


def test_l2_is_shared_among_the_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model()
    squared = float(np.sum(model.get_layer("logits").kernel.numpy() ** 2))
    assert loss_of(model, l2=0.3) == pytest.approx(loss_of(model) + 0.3 * squared, abs=1e-5)
    plain = loss_of(model)
    monkeypatch.setattr(tf.distribute, "get_replica_context", lambda: SimpleNamespace(num_replicas_in_sync=2))
    assert loss_of(model, l2=0.3) == pytest.approx(plain + 0.15 * squared, abs=1e-5)


def test_the_perturbation_is_not_differentiated() -> None:
    """The gradient of the adversarial loss is that with the perturbation held constant (Miyato et al. 2017)."""
    keras.utils.set_random_seed(2)
    ids = keras.Input((None,), dtype="int32")
    words = EmbeddedWords(name="embedded")(keras.layers.Embedding(6, 4, embeddings_initializer="normal")(ids))
    start = keras.initializers.RandomNormal(0, 2)
    hidden = keras.layers.Dense(3, "tanh", name="hidden", kernel_initializer=start)(words)
    model = keras.Model(ids, keras.layers.Dense(1, name="logits")(keras.ops.sum(hidden, axis=1)))
    config = TrainingConfig(adversarial_weight=1.0, epsilon=10.0)
    objective = Objective(model, config, CLASS_WEIGHTS)
    kernel, weights = model.get_layer("hidden").kernel.value, SHARES * tf.gather(CLASS_WEIGHTS, LABELS)
    with tf.GradientTape() as tape:
        loss, _ = objective((IDS, LABELS, SHARES), None, NOISE)
    found = tf.convert_to_tensor(tape.gradient(loss, kernel))

    def logits_of(embedded: Any) -> Any:
        return model.get_layer("logits")(tf.reduce_sum(model.get_layer("hidden")(embedded), axis=1))

    embedded = tf.constant(model.layers[1](IDS).numpy())
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        clean = tf.reduce_sum(cross_entropy(LABELS, logits_of(embedded)) * weights)
    gradient = tape.gradient(clean, embedded).numpy()
    norms = np.linalg.norm(gradient.reshape(4, -1), axis=1)[:, None, None]
    norms = np.maximum(norms, 1e-30) / scales(model, IDS)[:, None, None]
    moved = embedded + (10.0 * gradient / norms).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_sum(cross_entropy(LABELS, logits_of(one)) * weights) for one in (embedded, moved))
    np.testing.assert_allclose(found, tape.gradient(loss, kernel), atol=1e-4)


def test_what_layers_add_counts_once_however_many_passes_there_are() -> None:
    ids = keras.Input((None,), dtype="int32")
    words = EmbeddedWords(name="embedded")(keras.layers.Embedding(6, 4, embeddings_initializer="normal")(ids))
    pooled, _ = SelfAttentivePooling(3, hops=2, penalty=5.0)(words)
    model = keras.Model(ids, keras.layers.Dense(1, name="logits")(pooled))
    clean = float(Objective(model, TrainingConfig(), CLASS_WEIGHTS)((IDS, LABELS, SHARES), None, NOISE)[0])
    added = float(model.losses[0])
    assert added > 0.1
    assert clean == pytest.approx(weighted(cross_entropy(LABELS, model(IDS))) + added, abs=1e-5)
    still = loss_of(model, OTHER, objective="mixed", adversarial_weight=0.0, vat_weight=0.0, entropy_weight=1e-9)
    assert still == pytest.approx(clean, abs=1e-5)
