"""Endpoints of a SavedModel as TensorFlow graphs: for texts, for ids, and for the weights of words.

All of them call one function of the model, which is traced once and stored once.
"""

from typing import Any

import tensorflow as tf

from sentiment.batching import UNKNOWN_ID
from sentiment.inference import Classifier
from sentiment.inference.erasure import ROWS


def serve(classifier: Classifier, texts: Any) -> dict[str, Any]:
    """Predict texts, string [texts]."""
    return tokens(classifier, classifier.preprocessor.padded_ids(texts))


def tokens(classifier: Classifier, ids: Any) -> dict[str, Any]:
    """Predict ids, int32 [texts, words], padded with 0 on the right.

    Returns:
        `scores` float32 [texts, classes] and `classes` string [texts, classes]: `scores[i, j]` is the probability of
        `classes[i, j]`; `known` float32 [texts], the share of known words.
    """
    return _with_probabilities(classifier, ids, classifier.model_function(ids))


def explain(classifier: Classifier, texts: Any) -> dict[str, Any]:
    """Compute the weights of the words of texts, string [texts], like `sentiment.explain.word_weights`.

    Returns:
        The output of `serve`, with `explained` string [texts], the class whose log-odds are explained; `words` string
        [texts, words], padded with empty strings; `weights` float32 [texts, words], the decrease of the log-odds when
        the word is replaced by the unknown token, 0 for unknown words.
    """
    ids = classifier.preprocessor.padded_ids(texts)
    logits = classifier.model_function(ids)
    outputs = _with_probabilities(classifier, ids, logits)
    best = tf.argmax(outputs["scores"], axis=1, output_type=tf.int32)
    odds = _log_odds(logits, best)
    places = tf.where(ids > UNKNOWN_ID)  # [known words, 2]: the text and the position in it
    known = tf.shape(places)[0]
    chunks = tf.reshape(tf.pad(places, [[0, -known % ROWS], [0, 0]]), [-1, ROWS, 2])

    def lowered(chunk: Any) -> Any:
        rows, hidden = chunk[:, 0], tf.one_hot(chunk[:, 1], tf.shape(ids)[1], on_value=True, off_value=False)
        without = classifier.model_function(tf.where(hidden, UNKNOWN_ID, tf.gather(ids, rows)))
        return tf.gather(odds, rows) - _log_odds(without, tf.gather(best, rows))

    found = tf.map_fn(lowered, chunks, parallel_iterations=1, fn_output_signature=tf.TensorSpec([ROWS], tf.float32))
    weights = tf.scatter_nd(places, tf.reshape(found, [-1])[:known], tf.shape(ids, out_type=tf.int64))
    words = classifier.preprocessor.ragged_words(texts).to_tensor()
    explained = tf.gather(tf.constant(list(classifier.class_names)), best)
    return {**outputs, "explained": explained, "words": words, "weights": weights}


def _with_probabilities(classifier: Classifier, ids: Any, logits: Any) -> dict[str, Any]:
    if logits.shape[-1] == 1:
        scores = tf.concat([tf.sigmoid(-logits), tf.sigmoid(logits)], axis=1)
    else:
        scores = tf.nn.softmax(logits)
    names = tf.constant(list(classifier.class_names))
    known, words = (tf.math.count_nonzero(found, axis=1, dtype=tf.float32) for found in (ids > UNKNOWN_ID, ids))
    return {"scores": scores, "classes": tf.tile(names[None, :], [tf.shape(scores)[0], 1]),
            "known": tf.math.divide_no_nan(known, words)}


def _log_odds(logits: Any, index: Any) -> Any:
    """Return the log-odds log(p / (1 - p)) of a class of each text, float32 [texts]; `index` is int32 [texts]."""
    if logits.shape[-1] == 1:
        return tf.where(index == 1, logits[:, 0], -logits[:, 0])
    chosen = tf.one_hot(index, logits.shape[-1], on_value=True, off_value=False)
    others = tf.reduce_logsumexp(tf.where(chosen, -float("inf"), logits), axis=1)
    return tf.gather(logits, index, batch_dims=1) - others
