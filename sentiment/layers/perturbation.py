"""Layer for perturbations of the embedded words of a model."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras


@keras.saving.register_keras_serializable("sentiment")
class EmbeddedWords(keras.layers.Layer):
    """Identity layer on the embedded words, whose output a context manager can change.

    Every architecture passes its embedded words through one such layer. Adversarial training adds a perturbation
    there, and integrated gradients scale the embedding there, independently of the rest of the model:

        with model.get_layer("embedded").changed(lambda words: words + perturbation):
            logits = model(ids)

    Call arguments:
        inputs: float [batch, time, features].

    Returns:
        float [batch, time, features].
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self._local = threading.local()  # replicas of a mirrored model are traced in threads

    @contextmanager
    def changed(self, change: Callable[[Any], Any]) -> Iterator[None]:
        """Apply `change` to the embedded words of every call within the block."""
        self._local.change = change
        try:
            yield
        finally:
            self._local.change = None

    def call(self, inputs: Any) -> Any:
        """Return the inputs, with the change of the enclosing block, if any."""
        change = getattr(self._local, "change", None)
        return inputs if change is None else change(inputs)
