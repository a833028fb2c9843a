"""Gradient norm by step, for the plot of vanishing and exploding gradients."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.architectures.recurrent import ONE_WAY
from sentiment.batching import TokenizedTexts
from sentiment.config import ModelConfig, RunConfig
from sentiment.console import log
from sentiment.data import Corpus
from sentiment.errors import UserError
from sentiment.losses import cross_entropy
from sentiment.text import TextPreprocessor, word_vectors

FEWEST_TEXTS = 16


@dataclass(frozen=True)
class Variant:
    """Variant of a recurrent layer, with or without a remedy.

    Attributes:
        label: its name in the plot.
        model: fields of `ModelConfig`.
        gain: factor of the initial recurrent kernel.
        clip_norm: maximum norm of the whole gradient; 0 for no clipping.
    """

    label: str
    model: dict[str, Any]
    gain: float = 1.0
    clip_norm: float = 0.0


VARIANTS: dict[str, tuple[Variant, ...]] = {
    "rnn": (
        Variant("orthogonal start times 0.5", {}, gain=0.5),
        Variant("orthogonal start", {}),
        Variant("relu, identity start", {"activation": "relu", "recurrent_initializer": "identity"}),
        Variant("relu, orthogonal start times 1.5", {"activation": "relu"}, gain=1.5),
        Variant("the same, gradient clipped to 1", {"activation": "relu"}, gain=1.5, clip_norm=1.0),
    ),
    "lstm": (
        Variant("random start, forget bias 0", {"recurrent_initializer": "glorot", "forget_bias": False}),
        Variant("orthogonal start, forget bias 0", {"forget_bias": False}),
        Variant("orthogonal start, forget bias 1", {}),
        Variant("the same, layer normalisation", {"normalization": "layer"}),
    ),
    "gru": (
        Variant("random start", {"recurrent_initializer": "glorot"}),
        Variant("orthogonal start", {}),
        Variant("orthogonal start, reset before", {"gru_reset": "before"}),
    ),
    **{name: (Variant("as it starts", {}),) for name in ("mingru", "minlstm", "rglru")},
}


@dataclass(frozen=True)
class Sample:
    """Texts of one length: int32 ids [texts, steps] and int32 labels [texts]."""

    ids: np.ndarray
    labels: np.ndarray


def sample_of(tokens: TokenizedTexts, labels: np.ndarray, steps: int, texts: int, seed: int) -> Sample:
    """Draw texts with at least `steps` words and keep their last words; fewer steps if too few texts are long enough.

    Raises:
        UserError: for fewer than 16 texts.
    """
    if len(tokens) < FEWEST_TEXTS:
        raise UserError(f"{len(tokens)} texts are too few to measure gradients: {FEWEST_TEXTS} are needed")
    steps = min(steps, int(np.sort(tokens.lengths)[-FEWEST_TEXTS]))
    rows = np.flatnonzero(tokens.lengths >= steps)
    rows = np.random.default_rng(seed).permutation(rows)[:texts]
    return Sample(np.stack([tokens.row(int(row))[-steps:] for row in rows]), labels[rows])


def gradient_norms(architecture: str, variant: Variant, config: ModelConfig, sizes: Sizes, sample: Sample,
                   vectors: np.ndarray, seed: int) -> np.ndarray:
    """Return the norm of the gradient of the loss with respect to the state after each step, float64 [steps].

    The model is untrained, without dropout, and the classifier reads the last state only, so that the gradient of an
    early step passes through all later ones. The state is what one step passes to the next, [h; c] for an LSTM; the
    norm is taken for each text and averaged over the texts (the quantity of Bengio, Simard & Frasconi 1994).

    Args:
        architecture: a name in `VARIANTS`.
        variant: the variant of the architecture.
        config: with `units` and `embedding_size`.
        sizes: of the model.
        sample: the texts.
        vectors: the embedding, float32 [vocabulary, embedding].
        seed: of the weights.
    """
    keras.utils.set_random_seed(seed)
    sized = {"architecture": architecture, "units": config.units, "embedding_size": config.embedding_size}
    model = architectures.build(ModelConfig.from_dict({**sized, **variant.model}), sizes)
    architectures.set_word_vectors(model, vectors)
    cell = model.get_layer(ONE_WAY[architecture]).cell
    for kernel in (weight for weight in cell.weights if weight.name == "recurrent_kernel"):
        kernel.assign(kernel * variant.gain)
    words = model.get_layer(architectures.EMBEDDING)(sample.ids)  # [texts, steps, embedding]
    parameters = [weight.value for weight in cell.weights]
    with tf.GradientTape(persistent=True) as tape:
        states_after, logits = _unrolled(cell, words, model.get_layer("logits"))
        losses = cross_entropy(sample.labels, logits)
        total, mean = tf.reduce_sum(losses), tf.reduce_mean(losses)
    # The classifier reads only h, so c of the last step has no gradient.
    by_step = tape.gradient(total, states_after, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    norms = [np.linalg.norm(np.concatenate([part.numpy().astype(np.float64) for part in step], axis=1), axis=1).mean()
             for step in by_step]
    whole = float(tf.linalg.global_norm(tape.gradient(mean, parameters)))
    return np.array(norms) * (min(1.0, variant.clip_norm / whole) if variant.clip_norm else 1.0)


def _unrolled(cell: Any, words: Any, classify: Any) -> tuple[list[list[Any]], Any]:
    """Run a cell over [texts, steps, embedding]; return the state after each step, and the logits."""
    states = cell.get_initial_state(batch_size=words.shape[0])
    states = list(states) if isinstance(states, (list, tuple)) else [states]
    states_after = []
    with cell.one_pass(training=False) if hasattr(cell, "one_pass") else nullcontext():
        for step in range(words.shape[1]):
            _, following = cell(words[:, step], states)
            following = following if isinstance(following, (list, tuple)) else [following]
            states = [tf.identity(state) for state in following]
            states_after.append(states)
    return states_after, classify(states[0])


def measure_gradients(config: RunConfig, corpus: Corpus, names: Sequence[str], *, steps: int, texts: int
                      ) -> dict[str, dict[str, np.ndarray]]:
    """Return the norms of the gradient at each step of some training texts, by architecture and variant."""
    seed = config.runtime.seed
    preprocessor = TextPreprocessor.fit(config.text, corpus.train.texts)
    tokens = preprocessor.tokenize(corpus.train.texts)
    sample = sample_of(tokens, corpus.train.labels, steps, texts, seed)
    if sample.ids.shape[1] < steps:
        log.warning(f"the texts are short: {sample.ids.shape[1]} steps instead of {steps}")
    sizes = architectures.Sizes(preprocessor.vocabulary_size, len(corpus.class_names))
    vectors = word_vectors(tokens, sizes.vocabulary_size, config.model.embedding_size, seed)
    return {name: {variant.label: gradient_norms(name, variant, config.model, sizes, sample, vectors, seed)
                   for variant in VARIANTS[name]} for name in names}
