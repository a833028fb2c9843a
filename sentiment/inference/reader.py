"""Incremental prediction for a text in pieces."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from sentiment.architectures import readout
from sentiment.architectures.stateful import stateful_encoder
from sentiment.batching import UNKNOWN_ID
from sentiment.config import ModelConfig
from sentiment.inference.classifier import Classifier
from sentiment.predictions import Prediction, predictions

LARGEST_STEP = 256


@dataclass(frozen=True)
class _State:
    """State of a reader: the ids read, the recurrent states, and the running pooled values.

    The features of all layers that the classifier reads are concatenated in `last`, `highest` and `total`.
    """

    ids: np.ndarray
    recurrent: list[np.ndarray]
    last: np.ndarray
    highest: np.ndarray
    total: np.ndarray


class Reader:
    """Incremental reader of a text, which predicts after each piece for all pieces so far.

    The recurrent state is kept between pieces, so the cost of a piece depends only on its own words. A piece may end
    within a word or a tag: the last word counts for the prediction, and is read again with the next piece, which may
    extend it. The text is never truncated, so the predictions equal those of `Classifier.predict` for texts of up to
    `--max-length` words.

    Args:
        classifier: of a unidirectional model with pooling.
        config: of that model.

    Raises:
        UserError: if the model does not support it, with the reason.
    """

    def __init__(self, classifier: Classifier, config: ModelConfig) -> None:
        encoder = stateful_encoder(config, classifier.model)
        self.classifier = classifier
        self.pooling = readout(config).pooling
        self.text = ""
        sizes = [one.shape[-1] for one in encoder.inputs[1:]]
        self.pooled = len(encoder.outputs) - len(sizes)  # the number of outputs that are sequences
        features = sum(one.shape[-1] for one in encoder.outputs[:self.pooled])
        self._start = _State(np.zeros(0, np.int32), [np.zeros((1, size), np.float32) for size in sizes],
                             np.zeros(features, np.float32), np.full(features, -np.inf, np.float32),
                             np.zeros(features, np.float64))
        self._kept = self._start
        signature = [tf.TensorSpec([1, None], tf.int32), *(tf.TensorSpec([1, size], tf.float32) for size in sizes)]
        self._encode = tf.function(lambda *inputs: encoder(list(inputs), training=False), input_signature=signature)

    def read(self, piece: str, *, abstain_below: float = 0.0) -> Prediction:
        """Read a piece and return the prediction for all pieces so far; `abstain_below` is as for `predict`."""
        self.classifier.check_process()
        self.text += piece
        ids = self.classifier.preprocessor.whole_ids(self.text)
        kept = self._kept if np.array_equal(ids[:len(self._kept.ids)], self._kept.ids) else self._start
        # The next piece may extend the last word, so the state before it is kept.
        self._kept = self._after(kept, ids[len(kept.ids):len(ids) - 1])
        return self._predict(self._after(self._kept, ids[len(self._kept.ids):]), abstain_below)

    def _after(self, state: _State, ids: np.ndarray) -> _State:
        """Return the state after further ids."""
        for start in range(0, len(ids), LARGEST_STEP):
            part = ids[start:start + LARGEST_STEP]
            outputs = [value.numpy() for value in self._encode(part[None, :], *state.recurrent)]
            steps = np.concatenate([value[0] for value in outputs[:self.pooled]], axis=-1)  # [time, features]
            highest = np.maximum(state.highest, steps.max(axis=0))
            total = state.total + steps.sum(axis=0, dtype=np.float64)
            state = _State(np.concatenate([state.ids, part]), outputs[self.pooled:], steps[-1], highest, total)
        return state

    def _predict(self, state: _State, abstain_below: float) -> Prediction:
        pools = {"last": state.last, "max": state.highest, "mean": (state.total / len(state.ids)).astype(np.float32)}
        if self.pooling == "concat":
            # As in the model: the pooled values of a layer are concatenated, then the layers.
            parts = [np.split(pool, self.pooled) for pool in pools.values()]
            features = np.concatenate([part[layer] for layer in range(self.pooled) for part in parts])
        else:
            features = pools[self.pooling]
        logits = np.asarray(self.classifier.model.get_layer("logits")(features[None, :]))
        known = np.mean(state.ids > UNKNOWN_ID, keepdims=True)
        return predictions(logits, known, self.classifier.class_names, abstain_below=abstain_below)[0]
