"""Ensemble layer: the mean of the logits of several models."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import ops


@keras.saving.register_keras_serializable("sentiment")
class MemberIds(keras.layers.Layer):
    """Lookup from ids of a common vocabulary to those of a member, with the member's truncation.

    Args:
        vocabulary_size: of the common vocabulary. The weight, int32 [vocabulary_size], is initially the identity.
        head: the number of words kept at the start of a text with more than `head + tail`.
        tail: the number of words kept at its end.

    Call arguments:
        inputs: int32 [batch, time], 0 at padding, which is on the right.

    Returns:
        int32 [batch, at most head + tail].
    """

    def __init__(self, vocabulary_size: int, head: int, tail: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.head = head
        self.tail = tail

    def build(self, input_shape: Any) -> None:
        """Create the table."""
        self.own = self.add_weight(shape=(self.vocabulary_size,), dtype="int32", trainable=False, name="own",
                                   initializer=lambda shape, dtype=None: ops.arange(shape[0], dtype=dtype))

    def call(self, inputs: Any) -> Any:
        """Look up; see the class."""
        own = ops.take(ops.convert_to_tensor(self.own), inputs, axis=0)
        return ops.take_along_axis(own, self.places(inputs), axis=1)

    def places(self, inputs: Any) -> Any:
        """Return the position of each kept word in its row, int32 [batch, at most head + tail]."""
        limit = self.head + self.tail
        lengths = ops.sum(ops.cast(ops.not_equal(inputs, 0), "int32"), axis=1, keepdims=True)
        time = ops.shape(inputs)[1]
        kept = min(time, limit) if isinstance(time, int) else ops.minimum(time, limit)  # known on other backends
        places = ops.arange(kept, dtype="int32")[None, :]
        from_end = ops.logical_and(lengths > limit, places >= self.head)
        return ops.where(from_end, lengths - limit + places, ops.zeros_like(lengths) + places)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, None)."""
        return (input_shape[0], None)


@keras.saving.register_keras_serializable("sentiment")
class Ensemble(keras.layers.Layer):
    """Mean of the logits of several models.

    Args:
        members: models from ids int32 [batch, time] to logits, all of the same shape.
        lookups: the `MemberIds` of each.

    Call arguments:
        inputs: int32 [batch, time], ids of the common vocabulary.

    Returns:
        float32 [batch, 1 or classes].
    """

    def __init__(self, members: Sequence[keras.Model], lookups: Sequence[MemberIds], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members = list(members)
        self.lookups = list(lookups)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Average; see the class."""
        logits = [member(lookup(inputs), training=training)
                  for member, lookup in zip(self.members, self.lookups, strict=True)]
        return ops.mean(ops.stack(logits), axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (batch, 1 or classes)."""
        return (input_shape[0], self.members[0].output_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        parts = {"members": self.members, "lookups": self.lookups}
        return {**super().get_config(), **{name: [keras.saving.serialize_keras_object(one) for one in values]
                                           for name, values in parts.items()}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Build the layer, with its models, from `get_config`."""
        parts = {name: [keras.saving.deserialize_keras_object(one) for one in config[name]]
                 for name in ("members", "lookups")}
        return cls(**{**config, **parts})
