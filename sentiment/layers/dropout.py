"""Word dropout."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("sentiment")
class WordDropout(keras.layers.Layer):
    """Word dropout: random replacement of words by the unknown token, in training only.

    Each real id is replaced with probability `rate`, so that the model cannot depend on single words and
    trains the vector of the unknown token (Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic
    Methods for Text Classification"; Bowman et al. 2016). Padding is unchanged.

    Args:
        rate: the probability, from 0 to below 1.
        unknown_id: the id that replaces a dropped word.
        seed: of the random mask.

    Call arguments:
        inputs: int32 [batch, time], 0 at padding.
        training: whether to drop.

    Returns:
        int32 [batch, time].
    """

    def __init__(self, rate: float, unknown_id: int = 1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and below 1, not {rate}")
        self.rate = rate
        self.unknown_id = unknown_id
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Replace words; see the class."""
        if not training or self.rate == 0:
            return inputs
        chances = keras.random.uniform(ops.shape(inputs), seed=self.seed_generator)
        dropped = ops.logical_and(chances < self.rate, ops.not_equal(inputs, 0))
        return ops.where(dropped, ops.cast(self.unknown_id, inputs.dtype), inputs)
