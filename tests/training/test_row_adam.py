"""Adam by rows against dense Adam, which it must follow though rows wait."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.training import row_adam
from sentiment.training.optimization import WarmupDecay
from sentiment.training.row_adam import RowAdam, with_unique_rows

ROWS, FEATURES, STEPS = 12, 3, 400
RANDOM = np.random.default_rng(8)
START = RANDOM.normal(size=(ROWS, FEATURES)).astype(np.float32)


def touched(step: int) -> np.ndarray:
    """Rows of a step: row 0 always, 1 to 9 often, 10 twice far apart, 11 never; some twice."""
    rows = [0, *RANDOM.integers(1, 10, 3)]
    return np.array(rows + [10] * (step in (3, STEPS - 20)) + [0], np.int64)


BATCHES = [(rows, RANDOM.normal(size=(len(rows), FEATURES)).astype(np.float32)) for rows in map(touched, range(STEPS))]


def optimizers(rate: float | keras.optimizers.schedules.LearningRateSchedule
               ) -> tuple[RowAdam, keras.Variable, keras.optimizers.Adam, keras.Variable]:
    by_rows, dense = RowAdam(rate, STEPS), keras.optimizers.Adam(rate)
    table, other = keras.Variable(START), keras.Variable(START)
    by_rows.build([table])
    by_rows.watch(table)
    dense.build([other])
    return by_rows, table, dense, other


@pytest.mark.parametrize("rate", [0.01, WarmupDecay(0.02, STEPS, 0.1, "cosine")], ids=["constant", "cosine"])
def test_what_is_read_is_what_dense_adam_gives(rate: float) -> None:
    by_rows, table, dense, other = optimizers(rate)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, FEATURES])])
    def step(rows: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        slices = with_unique_rows(tf.IndexedSlices(values, rows, tf.constant([ROWS, FEATURES], tf.int64)))
        by_rows.catch_up(slices.indices)
        read = tf.gather(table.value, rows), tf.gather(other.value, rows)
        by_rows.apply([slices], [table])
        dense.apply([tf.convert_to_tensor(slices)], [other])
        return read

    for rows, values in BATCHES:
        mine, expected = step(rows, values)
        np.testing.assert_allclose(mine, expected, atol=2e-5)
    assert np.abs(np.asarray(table) - np.asarray(other))[10].max() > 1e-4  # row 10 waits
    by_rows.catch_up_all()
    np.testing.assert_allclose(table, other, atol=2e-5)
    np.testing.assert_array_equal(np.asarray(table)[11], START[11])
    assert np.abs(np.asarray(table) - START)[:11].min(axis=1).max() > 0.01


def test_a_row_that_waited_longer_than_the_sum_is_long() -> None:
    by_rows, table, dense, other = optimizers(0.01)
    for rows, values in [([0, 1], START[:2]), *[([0], START[:1])] * (2 * row_adam.HORIZON)]:
        slices = tf.IndexedSlices(tf.constant(values), tf.constant(rows, tf.int64),
                                  tf.constant([ROWS, FEATURES], tf.int64))
        by_rows.catch_up(slices.indices)
        by_rows.apply([slices], [table])
        dense.apply([tf.convert_to_tensor(slices)], [other])
    by_rows.catch_up_all()
    np.testing.assert_allclose(table, other, atol=1e-5)


def test_slices_of_a_row_are_added_up() -> None:
    slices = with_unique_rows(tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([5, 3, 5]),
                                               tf.constant([6, 1])))
    np.testing.assert_array_equal(tf.convert_to_tensor(slices), [[0], [0], [0], [2], [0], [5]])
    assert sorted(slices.indices.numpy()) == [3, 5]
