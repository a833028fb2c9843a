"""Building blocks of architectures: input, embedding, classifier head, and access to their weights."""

from typing import Any

import keras
import numpy as np

from sentiment.architectures.registry import Sizes
from sentiment.config import ModelConfig
from sentiment.layers import EmbeddedWords, Embedding, Ensemble, WordDropout

EMBEDDING = "embedding"
EMBEDDED = "embedded"
LOGITS = "logits"


def ids_and_words(config: ModelConfig, sizes: Sizes) -> tuple[Any, Any]:
    """Return the input, int32 [batch, time], and its embedded words, [batch, time, embedding]."""
    ids = ids_input()
    return ids, chained(embedding(config, sizes), ids)


def ids_input(name: str = "ids") -> Any:
    """Return an input of ids, int32 [batch, time]."""
    return keras.Input((None,), dtype="int32", name=name)


def embedding(config: ModelConfig, sizes: Sizes, *, masked: bool = True) -> list[keras.layers.Layer]:
    """Return layers from ids [batch, time] to vectors [batch, time, embedding]; if `masked`, the mask is `ids != 0`."""
    return [
        WordDropout(config.word_dropout, name="word_dropout"),
        Embedding(sizes.vocabulary_size, config.embedding_size, mask_zero=masked, name=EMBEDDING),
        keras.layers.SpatialDropout1D(config.embedding_dropout, name="embedding_dropout"),
        EmbeddedWords(name=EMBEDDED),
    ]


def set_word_vectors(model: keras.Model, vectors: np.ndarray) -> None:
    """Initialise the embedding of a model with word vectors, float32 [vocabulary, embedding]."""
    model.get_layer(EMBEDDING).embeddings.assign(vectors)


def word_vectors_of(model: keras.Model) -> np.ndarray:
    """Return the embedding of a model, float32 [vocabulary, embedding]."""
    return np.asarray(keras.ops.convert_to_numpy(model.get_layer(EMBEDDING).embeddings))


def classifier(config: ModelConfig, sizes: Sizes, ids: Any, features: Any) -> keras.Model:
    """Return a model from ids to float32 logits [batch, 1 or classes], a linear layer on features [batch, features]."""
    features = keras.layers.Dropout(config.output_dropout, name="output_dropout")(features)
    logits = keras.layers.Dense(sizes.logits, dtype="float32", name=LOGITS)(features)
    return keras.Model(ids, logits, name=config.architecture.replace("-", "_"))


def start_from(trained: keras.Model, classifier: keras.Model, *, head: bool) -> list[str]:
    """Copy the weights of a model to a classifier with the same layers; return their names, the lowest first.

    Args:
        trained: the model to copy from.
        classifier: the model to copy to.
        head: whether the classes are equal, so that the output layer is copied as well.
    """
    names = [layer.name for layer in classifier.layers if layer.weights and (head or layer.name != LOGITS)]
    for name in names:
        classifier.get_layer(name).set_weights(trained.get_layer(name).get_weights())
    return names


def scale_logits(model: keras.Model, factor: float) -> None:
    """Multiply all logits of a model by `factor`, in the weights of its last layer, or of an ensemble's members."""
    layer = model.layers[-1]
    if isinstance(layer, Ensemble):
        for member in layer.members:
            scale_logits(member, factor)
        return
    for weight in (layer.kernel, layer.bias):
        weight.assign(weight * factor)


def chained(layers: list[keras.layers.Layer], values: Any) -> Any:
    """Apply layers one after another."""
    for layer in layers:
        values = layer(values)
    return values
