"""The loop over time of the fast LSTM and GRU, in TensorFlow, for CPUs.

Stock Keras multiplies each input by its kernel step by step, and its backward loop adds a full-size gradient of each
kernel at every step. Here the inputs are projected in one product before the loop; the backward loop yields only the
gradients of the pre-activations, with one product a step; and the gradients of the kernels and of the inputs are single
products after it. A mask costs nothing a step: the words that count are moved to the front while the batch is turned
to time-major order, which has to be done anyway, and each output is fetched from where it belongs. Where no gradient is
wanted and the inputs come straight from an embedding, each distinct word of a batch is projected once.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

from sentiment.layers.graph_gradients import release_call
from sentiment.layers.reading import Embedded, Reading, reading_of
from sentiment.layers.steps import wide
from sentiment.machine import available_cores

_directions: ContextVar[int] = ContextVar("directions", default=1)


class Step(Protocol):
    """The mathematics of one cell. States and gradients are [batch, units], in the dtype of the states.

    Attributes:
        states: how many states the cell has.
        saved: how many tensors of each step `backward` needs.
        emitted: how many times units wide each of the tensors is that `backward` gives for a step.
    """

    states: int
    saved: int
    emitted: tuple[int, ...]

    def project(self, inputs: Any) -> Any:
        """Return what the inputs [rows, features] add to the pre-activations, [rows, a multiple of units]."""

    def forward(self, projected: Any, states: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Make a step: return the new states, the output first, and what `backward` needs of it."""

    def backward(self, saved: Sequence[Any], gradients: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Turn gradients by the new states into those by the old ones, and emit what the rest is computed from."""

    def of_inputs(self, emitted: Sequence[Any]) -> Any:
        """Return the gradient by the inputs [rows, features] from what all steps emitted, [rows, ...] each."""

    def of_weights(self, inputs: Any, previous: Any, emitted: Sequence[Any]) -> Sequence[Any]:
        """Return the gradients by the weights, from inputs, outputs of the steps before, and what was emitted."""


@contextmanager
def two_directions() -> Iterator[None]:
    """Tell the layers called within that a loop of the other direction runs beside theirs."""
    token = _directions.set(2)
    try:
        yield
    finally:
        _directions.reset(token)


def loops_of_a_layer() -> int:
    """Return into how many loops a layer should split its batch so that each core has one."""
    return max(1, available_cores() // _directions.get())


class Rows(NamedTuple):
    """A list of tensors [batch, width], one for each step, that a loop carries as one tensor, its handle.

    `tf.TensorArray` does the same and warns about each that nobody reads, as happens where no gradient is asked for.
    """

    width: int
    dtype: Any

    def new(self, steps: Any) -> Any:
        """Return the handle of an empty list."""
        import tensorflow as tf

        return tf.raw_ops.TensorListReserve(element_shape=[-1, self.width], num_elements=steps,
                                            element_dtype=self.dtype)

    def of(self, stacked: Any) -> Any:
        """Return the handle of the list of [steps, batch, width]."""
        import tensorflow as tf

        return tf.raw_ops.TensorListFromTensor(tensor=stacked, element_shape=[-1, self.width])

    def put(self, handle: Any, step: Any, value: Any) -> Any:
        """Return the handle of the list with a value."""
        import tensorflow as tf

        return tf.raw_ops.TensorListSetItem(input_handle=handle, index=step, item=value)

    def get(self, handle: Any, step: Any) -> Any:
        """Return a step's value, [batch, width]."""
        import tensorflow as tf

        return tf.raw_ops.TensorListGetItem(input_handle=handle, index=step, element_shape=[-1, self.width],
                                            element_dtype=self.dtype)

    def stacked(self, handle: Any) -> Any:
        """Return all values, [steps, batch, width]."""
        import tensorflow as tf

        return tf.raw_ops.TensorListStack(input_handle=handle, element_shape=[-1, self.width],
                                          element_dtype=self.dtype)


class Trace(NamedTuple):
    """What the way back needs of the way there: the cell, the words read, the outputs, what each step saved."""

    step: Step
    words: Any  # [steps * batch, features]
    outputs: Any  # [steps + 2, batch, units]: zeros, the state to start with, those after each step
    saved: Sequence[Any]  # handles of `Rows`
    steps: Any
    shape: Any  # of the inputs


class Loop:
    """A cell's loop over the steps of a batch.

    Args:
        make_step: makes the `Step` from the weights.
        mask: bool [batch, time], or None.
        backwards: whether the last word is read first; the outputs come in the order of reading.
        sequences: whether to return the outputs of all steps, or the last one.
        final: whether the final states are wanted; else those to start with are returned in their place.
        zeros: whether the output for a masked place is zeros, not a repetition.
    """

    def __init__(self, make_step: Callable[..., Step], *, mask: Any, backwards: bool, sequences: bool,
                 final: bool, zeros: bool) -> None:
        self.make_step = make_step
        self.mask = mask
        self.backwards = backwards
        self.sequences = sequences
        self.final = final
        self.zeros = zeros

    def run(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any], training: bool,
            embedded: Embedded | None = None) -> tuple[Any, list[Any]]:
        """Run the loop, or as many side by side as there are cores, each over a share of the batch.

        Args:
            inputs: float [batch, time, features].
            states: float [batch, units] each, to start with.
            weights: float tensors for `make_step`, in the dtype of the inputs.
            training: whether gradients will be asked for; without, they are exact too, but slow.
            embedded: where the inputs come from, if that is an embedding.

        Returns:
            Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
        """
        import tensorflow as tf

        loops = min(loops_of_a_layer(), inputs.shape[0] or sys.maxsize)
        if loops == 1:
            return self._share(self.mask, inputs, embedded, states, weights, training)
        rows = tf.shape(inputs)[0]
        sizes = tf.stack([rows * (n + 1) // loops - rows * n // loops for n in range(loops)])

        def shares(tensor: Any) -> list[Any]:
            return [None] * loops if tensor is None else tf.split(tensor, sizes, num=loops)

        sources = [embedded and embedded._replace(ids=ids) for ids in shares(embedded and embedded.ids)]
        answers = [self._share(mask, part, source, own, weights, training) for mask, part, source, *own in zip(
            shares(self.mask), shares(inputs), sources, *map(shares, states), strict=True)]
        outputs, finals = zip(*answers, strict=True)
        return tf.concat(outputs, axis=0), [tf.concat(state, axis=0) for state in zip(*finals, strict=True)]

    def _share(self, mask: Any, inputs: Any, embedded: Embedded | None, states: Sequence[Any], weights: Sequence[Any],
               training: bool) -> tuple[Any, list[Any]]:
        """Run one loop, in training with the gradient of this file."""
        import tensorflow as tf

        reading = None if mask is None else reading_of(mask, self.backwards, self.zeros)
        if not training:
            answers = self._forward(reading, inputs, embedded, states, weights)
        else:
            @tf.custom_gradient
            def forward(inputs: Any, *rest: Any) -> Any:
                answers, trace = self._traced(reading, inputs, rest[:len(states)], rest[len(states):])
                return answers, lambda *gradients: self._backward(reading, trace, gradients)

            answers = forward(inputs, *states, *weights)
            release_call(answers[0])
        return answers[0], list(answers[1:]) if self.final else list(states)

    def _forward(self, reading: Reading | None, inputs: Any, embedded: Embedded | None, states: Sequence[Any],
                 weights: Sequence[Any]) -> list[Any]:
        """Return the answers: outputs, and the final states if wanted."""
        step = self.make_step(*weights)
        if embedded is None:
            words, steps = self._words(reading, inputs)
            given = _listed(_by_steps(step.project(words), steps, inputs))
        else:
            distinct, places = embedded.distinct()
            order, steps = self._words(reading, places[:, :, None])
            given = _fetched(step.project(embedded.vectors(distinct)), _by_steps(order, steps, inputs))
        tables, _ = self._loop(step, given, steps, states, keep=False)
        return self._answers(reading, inputs, tables)

    def _traced(self, reading: Reading | None, inputs: Any, states: Sequence[Any], weights: Sequence[Any]
                ) -> tuple[list[Any], Trace]:
        """Return the answers and what the gradient needs."""
        import tensorflow as tf

        step = self.make_step(*weights)
        words, steps = self._words(reading, inputs)
        projected = _by_steps(step.project(words), steps, inputs)
        tables, saved = self._loop(step, lambda t: projected[t], steps, states, keep=True)
        return self._answers(reading, inputs, tables), Trace(step, words, tables[0], saved, steps, tf.shape(inputs))

    def _loop(self, step: Step, given: Callable[[Any], Any], steps: Any, states: Sequence[Any], *, keep: bool
              ) -> tuple[list[Any], Sequence[Any]]:
        """Run over all steps, step t with the projected words ``given(t)``.

        Returns:
            Tables [steps + 2, batch, units] of the outputs and, if they are wanted, of the other states; and with
            `keep` the handles of what each step saved.
        """
        import tensorflow as tf

        starts = [wide(state) for state in states]
        rows = Rows(starts[0].shape[-1], starts[0].dtype)
        tables = [rows.put(rows.put(rows.new(steps + 2), 0, tf.zeros_like(start)), 1, start)
                  for start in (starts if self.final else starts[:1])]
        saved = [rows.new(steps) for _ in range(step.saved if keep else 0)]

        def body(t: Any, states: Sequence[Any], tables: Sequence[Any], saved: Sequence[Any]) -> Any:
            states, values = step.forward(given(t), states)
            return [t + 1, list(states),
                    [rows.put(table, t + 2, state) for table, state in zip(tables, states, strict=False)],
                    [rows.put(column, t, value) for column, value in zip(saved, values, strict=False)]]

        _, _, tables, saved = _while(lambda t: t < steps, body, [0, starts, tables, saved], steps)
        return [rows.stacked(table) for table in tables], saved

    def _words(self, reading: Reading | None, inputs: Any) -> tuple[Any, Any]:
        """Return the words in the order of reading, [steps * batch, features], and the number of steps."""
        import tensorflow as tf

        features = inputs.shape[-1]
        if reading is not None:
            return tf.gather(tf.reshape(inputs, [-1, features]), reading.words), reading.steps
        words = tf.transpose(inputs, [1, 0, 2])
        words = tf.reverse(words, [0]) if self.backwards else words
        return tf.reshape(words, [-1, features]), tf.shape(inputs)[1]

    def _answers(self, reading: Reading | None, inputs: Any, tables: Sequence[Any]) -> list[Any]:
        """Fetch the outputs, and the final states if wanted, from tables [steps + 2, batch, units]."""
        import tensorflow as tf

        answers = self._fetched(reading, [tf.cast(table, inputs.dtype) for table in tables])
        answers[0].set_shape([*inputs.shape[:2 if self.sequences else 1], tables[0].shape[-1]])
        return answers

    def _fetched(self, reading: Reading | None, tables: Sequence[Any]) -> list[Any]:
        import tensorflow as tf

        if reading is None:
            outputs = tf.transpose(tables[0][2:], [1, 0, 2]) if self.sequences else tables[0][-1]
            return [outputs, *(table[-1] for table in tables if self.final)]
        flat = [tf.reshape(table, [-1, table.shape[-1]]) for table in tables]
        outputs = tf.gather(flat[0], reading.places if self.sequences else reading.places[:, -1])
        return [outputs, *(tf.gather(table, reading.ends) for table in flat if self.final)]

    def _backward(self, reading: Reading | None, trace: Trace, gradients: Sequence[Any]) -> list[Any]:
        """Return the gradients by the inputs, the states to start with and the weights from those by the answers."""
        import tensorflow as tf

        step, rows = trace.step, Rows(trace.outputs.shape[-1], trace.outputs.dtype)
        given = self._to_tables(reading, trace, [tf.cast(gradient, rows.dtype) for gradient in gradients])
        given += [None] * (step.states - len(given))
        columns = [Rows(times * rows.width, rows.dtype) for times in step.emitted]

        def body(t: Any, states: Sequence[Any], emitted: Sequence[Any]) -> Any:
            states = [state if table is None else state + table[t + 2]
                      for state, table in zip(states, given, strict=True)]
            states, values = step.backward([rows.get(column, t) for column in trace.saved], states)
            return [t - 1, list(states), [column.put(handle, t, value) for column, handle, value in zip(
                columns, emitted, values, strict=True)]]

        start = [trace.steps - 1, [tf.zeros_like(trace.outputs[0])] * step.states,
                 [column.new(trace.steps) for column in columns]]
        _, states, handles = _while(lambda t: t >= 0, body, start, trace.steps)
        states = [state if table is None else state + table[1] for state, table in zip(states, given, strict=True)]
        emitted = [tf.reshape(column.stacked(handle), [-1, column.width])
                   for column, handle in zip(columns, handles, strict=True)]
        previous = tf.reshape(trace.outputs[1:-1], [-1, trace.outputs.shape[-1]])
        by_words = self._to_places(reading, trace, step.of_inputs(emitted))
        return [by_words, *(tf.cast(state, by_words.dtype) for state in states),
                *step.of_weights(trace.words, previous, emitted)]

    def _to_tables(self, reading: Reading | None, trace: Trace, gradients: Sequence[Any]) -> list[Any]:
        """Bring gradients by outputs and final states to where `_answers` fetched those, [steps + 2, batch, units]."""
        import tensorflow as tf

        def summed(values: Any, rows: Any) -> Any:
            table = tf.math.unsorted_segment_sum(values, rows, (trace.steps + 2) * trace.shape[0])
            return tf.reshape(table, [trace.steps + 2, trace.shape[0], values.shape[-1]])

        if reading is None:
            def at_end(values: Any) -> Any:
                return tf.pad(values[tf.newaxis], [[trace.steps + 1, 0], [0, 0], [0, 0]])

            outputs = gradients[0]
            tables = [tf.pad(tf.transpose(outputs, [1, 0, 2]), [[2, 0], [0, 0], [0, 0]]) if self.sequences
                      else at_end(outputs)]
            finals = [at_end(gradient) for gradient in gradients[1:]]
        else:
            places = reading.places if self.sequences else reading.places[:, -1]
            tables = [summed(gradients[0], places)]
            finals = [summed(gradient, reading.ends) for gradient in gradients[1:]]
        return [tables[0] + finals[0], *finals[1:]] if finals else tables

    def _to_places(self, reading: Reading | None, trace: Trace, by_words: Any) -> Any:
        """Bring the gradients by the words read, [steps * batch, features], back to the inputs' places."""
        import tensorflow as tf

        features = by_words.shape[-1]
        if reading is None:
            by_words = tf.reshape(by_words, [trace.steps, trace.shape[0], features])
            return tf.transpose(tf.reverse(by_words, [0]) if self.backwards else by_words, [1, 0, 2])
        rows = tf.maximum(reading.places - 2 * trace.shape[0], 0)
        if self.backwards:
            rows, mask = tf.reverse(rows, [1]), tf.reverse(reading.mask, [1])
        else:
            mask = reading.mask
        return tf.where(mask[:, :, tf.newaxis], tf.gather(by_words, rows), tf.zeros([], by_words.dtype))


def _by_steps(rows: Any, steps: Any, inputs: Any) -> Any:
    """Return rows [steps * batch, width] as [steps, batch, width]."""
    import tensorflow as tf

    return tf.reshape(rows, [steps, tf.shape(inputs)[0], rows.shape[-1]])


def _listed(projected: Any) -> Callable[[Any], Any]:
    """Give the projected words [steps, batch, width] step by step.

    From a list: a slice of the first axis is no copy either, but its gradient is as large as the whole.
    """
    rows = Rows(projected.shape[-1], projected.dtype)
    handle = rows.of(projected)
    return lambda t: rows.get(handle, t)


def _fetched(projected: Any, order: Any) -> Callable[[Any], Any]:
    """Give rows of the projected words [distinct, width] step by step, in an order [steps, batch, 1]."""
    import tensorflow as tf

    places = _listed(order)
    return lambda t: tf.gather_nd(projected, places(t))


def _while(condition: Callable[[Any], Any], body: Callable[..., Any], start: list[Any], steps: Any) -> Any:
    """Loop while a condition on the first variable holds; the number of rows of the others need not be known."""
    import tensorflow as tf

    def rows_unknown(value: Any) -> Any:
        shape = tf.convert_to_tensor(value).shape
        return tf.TensorShape([None, *shape[1:]]) if shape.rank else shape

    return tf.while_loop(lambda t, *_: condition(t), body, start, maximum_iterations=steps, parallel_iterations=1,
                         shape_invariants=tf.nest.map_structure(rows_unknown, start))
