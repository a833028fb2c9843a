"""Adam with lazy updates of the rows of an embedding."""

from typing import Any

import keras
import tensorflow as tf

HORIZON = 128


@keras.saving.register_keras_serializable("sentiment")
class RowAdam(keras.optimizers.Adam):
    """Adam (Kingma & Ba 2015) that updates the rows of one table when they are looked up.

    Dense Adam updates every row at every step, even with a zero gradient: its moments decay, and the first moment still
    changes it. Here such a row is skipped. Before it is looked up again, `catch_up` applies the k missed steps after
    step s, with r = beta_1 / sqrt(beta_2):

        row -= m / (sqrt(v) + epsilon) sum_{j=1..k} alpha_(s+j) r^j;  m *= beta_1^k;  v *= beta_2^k
        alpha_t = rate_t sqrt(1 - beta_2^t) / (1 - beta_1^t)

    so that the model reads the values of dense Adam. There are two differences: epsilon shrinks with v over the missed
    steps, while it is constant in Adam, and the sum ends after 128 terms, where r^j is 2e-6.

    Args:
        learning_rate: a rate or a schedule.
        steps: the maximum number of steps.
    """

    def __init__(self, learning_rate: Any = 1e-3, steps: int = 0, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.steps = steps
        self.table: Any = None

    def watch(self, table: keras.Variable) -> None:
        """Set the table, a variable float32 [rows, features] that the optimiser was built with."""
        self.table = table

        def state(name: str, size: int, dtype: str) -> keras.Variable:
            return self.add_variable((size,), "zeros", dtype, name=name)

        self.current = state("current", table.shape[0], "int32")  # the last step applied to a row and its moments
        self.missed = state("missed", HORIZON + 1, "float32")  # the sums for 0, 1, ... missed steps
        self.missed_all = state("missed_all", self.steps + 1, "float32")  # the full sum after each step

    def catch_up(self, rows: Any) -> None:
        """Apply the missed updates to rows, unique int ids."""
        table, momentum, velocity = self._table_and_moments()
        step = tf.cast(self.iterations.value, tf.int32)
        since = tf.gather(self.current.value, rows)
        gap = step - since
        recent = tf.gather(self.missed.value, tf.minimum(gap, HORIZON))
        early = tf.gather(self.missed_all.value, tf.minimum(since, self.steps))
        total = tf.where(gap < HORIZON, recent, early)[:, tf.newaxis]
        m, v, count = tf.gather(momentum, rows), tf.gather(velocity, rows), tf.cast(gap, tf.float32)[:, tf.newaxis]
        _subtract(table, total * m / (tf.sqrt(v) + self.epsilon), rows)
        _update(momentum, m * self.beta_1 ** count, rows)
        _update(velocity, v * self.beta_2 ** count, rows)
        _update(self.current.value, tf.fill(tf.shape(rows), step), rows)

    def catch_up_all(self) -> None:
        """Apply the missed updates to all rows, before the whole table is used."""
        self.catch_up(tf.range(self.table.shape[0]))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable; the table's gradient has unique rows without missed updates."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        table, momentum, velocity = self._table_and_moments()
        rows, values = gradient.indices, gradient.values
        step = tf.cast(self.iterations.value + 1, tf.float32)
        alpha = learning_rate * tf.sqrt(1 - self.beta_2 ** step) / (1 - self.beta_1 ** step)
        m, v = tf.gather(momentum, rows), tf.gather(velocity, rows)
        m += (values - m) * (1 - self.beta_1)
        v += (values * values - v) * (1 - self.beta_2)
        _update(momentum, m, rows)
        _update(velocity, v, rows)
        _subtract(table, alpha * m / (tf.sqrt(v) + self.epsilon), rows)
        _update(self.current.value, tf.fill(tf.shape(rows), tf.cast(step, tf.int32)), rows)
        self._add_step(alpha, tf.cast(step, tf.int32))

    def _add_step(self, alpha: Any, step: Any) -> None:
        """Add a step's alpha to the sums for missed steps."""
        ratio = self.beta_1 / self.beta_2 ** 0.5
        powers = tf.constant([ratio ** j for j in range(1, HORIZON + 1)], tf.float32)
        missed = tf.concat([tf.zeros([1]), self.missed.value[:-1] + alpha * powers], axis=0)
        self.missed.assign(missed)
        # Before step HORIZON the last sum is incomplete; at that step the complete one replaces it.
        _update(self.missed_all.value, missed[-1:], tf.maximum(step - HORIZON, 0)[tf.newaxis])

    def _table_and_moments(self) -> tuple[Any, Any, Any]:
        place = self._get_variable_index(self.table)
        return self.table.value, self._momentums[place].value, self._velocities[place].value

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "steps": self.steps}


def with_unique_rows(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Return a sparse gradient with the slices of each row added up."""
    rows, places = tf.unique(gradient.indices)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(gradient.values, places, tf.shape(rows)[0]), rows,
                            gradient.dense_shape)


def _update(variable: Any, values: Any, rows: Any) -> None:
    variable.scatter_update(tf.IndexedSlices(values, rows))


def _subtract(variable: Any, values: Any, rows: Any) -> None:
    variable.scatter_sub(tf.IndexedSlices(values, rows))
