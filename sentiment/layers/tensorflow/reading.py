"""Reading order of a masked batch: its real words moved to the front."""

from typing import Any, NamedTuple

import tensorflow as tf


class Reading(NamedTuple):
    """Index tensors that compact a masked batch: the word of each step, and the step whose output a position gets.

    Masked positions take no step. The table of outputs, [(steps + 2) * batch, units], has zeros, the initial state, and
    then the outputs of all steps; the output of each position and each final state are gathered from it.

    Attributes:
        words: int32 [steps * batch], rows of the inputs [batch * time, features] in reading order.
        places: int32 [batch, time], the row of the table for each position, in reading order.
        ends: int32 [batch], the row of the table for the final state.
        mask: bool [batch, time], in reading order.
        steps: int32, the real words of the longest text, at least 1, rounded up to a multiple of a block.
    """

    words: Any
    places: Any
    ends: Any
    mask: Any
    steps: Any

    def to_inputs(self, by_words: Any, go_backwards: bool, masked: bool = True) -> Any:
        """Gather rows in reading order, [steps * batch, features], into [batch, time, features] in input order.

        Masked positions get zeros; pass `masked=False` if there are none.
        """
        rows, mask = tf.maximum(self.places - 2 * tf.shape(self.ends)[0], 0), self.mask
        if go_backwards:
            rows, mask = tf.reverse(rows, [1]), tf.reverse(mask, [1])
        gathered = tf.gather(by_words, rows)
        return tf.where(mask[:, :, tf.newaxis], gathered, tf.zeros([], by_words.dtype)) if masked else gathered


def reading_of(mask: Any, go_backwards: bool, zero_output_for_mask: bool, block: int = 1) -> Reading:
    """Compute the reading order of a mask, bool [batch, time], True at real words.

    The output at a masked position is zeros with `zero_output_for_mask`; else it is that of the position read before
    it, as in Keras, or zeros if there is none. The number of steps is rounded up to a multiple of `block`.
    """
    batch, time = tf.unstack(tf.shape(mask))
    row = tf.range(batch)[:, tf.newaxis]
    mask = tf.reverse(mask, [1]) if go_backwards else mask
    seen = tf.cumsum(tf.cast(mask, tf.int32), axis=1)
    longest = tf.where(batch > 0, tf.reduce_max(seen), time)
    steps = (tf.maximum(longest, 1) + block - 1) // block * block
    place = tf.searchsorted(seen, tf.tile(tf.range(1, steps + 1)[tf.newaxis], [batch, 1]))
    place = tf.minimum(place, time - 1)  # steps after the end of a text read any word, and their outputs are unused
    words = row * time + (time - 1 - place if go_backwards else place)
    places = tf.where(mask if zero_output_for_mask else seen > 0, seen + 1, 0) * batch + row
    ends = (seen[:, -1] + 1) * batch + row[:, 0]
    return Reading(tf.reshape(tf.transpose(words), [-1]), places, ends, mask, steps)
