"""Reading order of a masked batch."""

from typing import Any, NamedTuple

import tensorflow as tf


class Reading(NamedTuple):
    """Index tensors of a masked batch: the word read at each step, and the step whose output each position gets.

    The table of outputs, [(steps + 2) * batch, units], has zeros, the initial state, and then the outputs of all steps,
    so that the output of each position and each final state can be gathered from it.

    Attributes:
        words: int32 [steps * batch], rows of the inputs [batch * time, features] in reading order.
        places: int32 [batch, time], the row of the table for each position, in reading order.
        ends: int32 [batch], the row of the table for the final state.
        mask: bool [batch, time], in reading order.
        steps: int32, the steps that the longest text needs, at least 1, or the next multiple of a block.
    """

    words: Any
    places: Any
    ends: Any
    mask: Any
    steps: Any

    def to_inputs(self, by_words: Any, backwards: bool, masked: bool = True) -> Any:
        """Gather rows by the words read, [steps * batch, features], into the order of the inputs.

        Places that the mask leaves out get zeros; without `masked` there are none.
        """
        rows, mask = tf.maximum(self.places - 2 * tf.shape(self.ends)[0], 0), self.mask
        if backwards:
            rows, mask = tf.reverse(rows, [1]), tf.reverse(mask, [1])
        gathered = tf.gather(by_words, rows)
        return tf.where(mask[:, :, tf.newaxis], gathered, tf.zeros([], by_words.dtype)) if masked else gathered


def reading_of(mask: Any, backwards: bool, zeros: bool, block: int = 1) -> Reading:
    """Compute the order of reading from a mask, bool [batch, time], True at real words; steps come in blocks.

    The output at a masked position is zeros with `zeros`, else that of the position read before it, as in Keras, and
    zeros at the start.
    """
    batch, time = tf.unstack(tf.shape(mask))
    row = tf.range(batch)[:, tf.newaxis]
    mask = tf.reverse(mask, [1]) if backwards else mask
    seen = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
    longest = tf.where(batch > 0, tf.reduce_max(seen), time)
    steps = (tf.maximum(longest, 1) + block - 1) // block * block
    place = tf.searchsorted(seen, tf.tile(tf.range(1, steps + 1)[tf.newaxis], [batch, 1]))
    place = tf.minimum(place, time - 1)  # steps after the end of a text read any word; their outputs are not used
    words = row * time + (time - 1 - place if backwards else place)
    places = tf.where(mask if zeros else seen > 0, seen + 1, 0) * batch + row
    ends = (seen[:, -1] + 1) * batch + row[:, 0]
    return Reading(tf.reshape(tf.transpose(words), [-1]), places, ends, mask, steps)
