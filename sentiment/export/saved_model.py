"""Export as a TensorFlow SavedModel that takes raw strings and needs no code of this project."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sentiment.export import endpoints
from sentiment.export.check import Original, check_scores
from sentiment.export.warm_up import write_warm_up
from sentiment.files import plain_path, written_beside
from sentiment.inference import Classifier
from sentiment.surrogates import as_utf8

TEXTS = tf.TensorSpec([None], tf.string, name="texts")
IDS = tf.TensorSpec([None, None], tf.int32, name="ids")


class _Endpoint(tf.Module):
    """Callable module that owns its weights and its table.

    The functions of a loaded SavedModel have only weak references to variables, so with a bare function
    `tf.saved_model.load(path).serve(texts)` would lose them before the call.
    """

    def __init__(self, classifier: Classifier, answer: Callable[[Classifier, Any], Any], takes: tf.TensorSpec) -> None:
        super().__init__()
        self.weights = [variable.value for variable in classifier.model.variables]
        self.vectorization = classifier.preprocessor.vectorization
        self.__call__ = tf.function(partial(answer, classifier), input_signature=[takes])


def export_saved_model(original: Original) -> Path:
    """Write `export/1` of a run folder, checked before it gets its final name.

    The layers are rebuilt without cuDNN, so the SavedModel runs on any device. Its endpoints and signatures are `serve`
    (for TensorFlow Serving also `serving_default`), `tokens` and `explain`; `sentiment.export.endpoints` has their
    inputs and outputs. It also contains the class names, `assets/labels.json`, and warm-up requests for TensorFlow
    Serving.

    Raises:
        ExportError: if the predictions differ from the Keras model's by more than 1e-5.
    """
    folder, root = original.folder, tf.Module()
    root.serve = _Endpoint(original.classifier, endpoints.serve, TEXTS)
    root.tokens = _Endpoint(original.classifier, endpoints.tokens, IDS)
    root.explain = _Endpoint(original.classifier, endpoints.explain, TEXTS)
    signatures = {"serve": root.serve.__call__, "serving_default": root.serve.__call__,
                  "tokens": root.tokens.__call__, "explain": root.explain.__call__}
    with plain_path(folder.path) as plain, written_beside(folder.export) as beside:
        root.labels = tf.saved_model.Asset(str(plain / folder.labels.name))
        place = plain / beside.relative_to(folder.path)
        tf.saved_model.save(root, str(place), signatures=signatures)
        write_warm_up(place, folder.path.name)
        check_scores("SavedModel", scores_of(beside)(original.texts), original.scores)
    return folder.export


def scores_of(path: Path) -> Callable[[Sequence[str]], np.ndarray]:
    """Return a function from texts to the scores of a SavedModel, float32 [texts, classes]."""
    with plain_path(path) as plain:
        model = tf.saved_model.load(str(plain))
    return lambda texts: np.asarray(
        model.serve(tf.constant([as_utf8(text) for text in texts]))["scores"])
