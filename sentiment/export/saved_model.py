"""Export a run as a TensorFlow SavedModel that takes raw strings and needs none of our code."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.export.check import Original, check_scores
from sentiment.files import written_beside
from sentiment.inference import Classifier


class _Serve(tf.Module):
    """Strings [texts] to `scores` float32 [texts, classes] and `classes` string [texts, classes].

    It owns its weights and its table: a loaded SavedModel holds variables only weakly in its functions, so
    with a bare function `tf.saved_model.load(path).serve(texts)` would lose them before the call.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.weights = [variable.value for variable in classifier.model.variables]
        self.vectorization = classifier.preprocessor.vectorization

        def serve(texts: Any) -> dict[str, Any]:
            logits = classifier.model(classifier.preprocessor.padded_ids(texts), training=False)
            if logits.shape[-1] == 1:
                scores = tf.concat([tf.sigmoid(-logits), tf.sigmoid(logits)], axis=1)
            else:
                scores = tf.nn.softmax(logits)
            names = tf.constant(list(classifier.class_names))
            return {"scores": scores, "classes": tf.tile(names[None, :], [tf.shape(scores)[0], 1])}

        self._answer = serve

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    def __call__(self, texts: Any) -> dict[str, Any]:
        answers: dict[str, Any] = self._answer(texts)
        return answers


def export_saved_model(original: Original) -> Path:
    """Write `export/1` of a run folder, checked before it gets its name.

    The layers are rebuilt without cuDNN, so the SavedModel runs on any device. Its endpoints
    are `serve` and, for TensorFlow Serving, `serving_default`: a string tensor [texts] in, out come
    `scores` float32 [texts, classes] and `classes` string [texts, classes], where `scores[i, j]` is the
    probability of `classes[i, j]`.

    Raises:
        ExportError: if the answers differ from the Keras model's by more than 1e-5.
    """
    folder, root = original.folder, tf.Module()
    root.serve = _Serve(original.classifier)
    signatures = {"serve": root.serve.__call__, "serving_default": root.serve.__call__}
    with written_beside(folder.export) as beside:
        tf.saved_model.save(root, str(beside), signatures=signatures)
        check_scores("SavedModel", _scores(beside, original.texts), original.scores)
    return folder.export


def _scores(path: Path, texts: list[str]) -> np.ndarray:
    answers = tf.saved_model.load(str(path)).serve(tf.constant([text.encode("utf-8", "replace") for text in texts]))
    scores: np.ndarray = answers["scores"].numpy()
    return scores
