"""Loop over time of the fused LSTM and GRU, in TensorFlow, for CPUs.

Stock Keras multiplies each input by its kernel step by step, and its backward loop adds a full-size gradient of each
kernel at every step. Here the inputs are projected in one product before the loop; the backward loop yields only the
gradients of the pre-activations, with one product per step; and the gradients of the kernels and of the inputs are
single products after it. A mask has no cost per step: the real words are moved to the front by the gather that makes
the batch time-major, and each output is gathered to its position. In inference, if the inputs come directly from an
embedding, each distinct word of a batch is projected once.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.eager.record import could_possibly_record

from sentiment.layers.cores import loops_of_a_layer
from sentiment.layers.embedding import Embedded
from sentiment.layers.tensorflow.graph_gradients import release_call
from sentiment.layers.tensorflow.reading import Reading, reading_of
from sentiment.layers.tensorflow.steps import LSTMStep, Step, wide

# Measured: up to so many weights of an LSTM, and so many rows x weights, one operation is faster than a loop ...
SMALL_KERNELS, FEW_PRODUCTS = 1 << 17, 3 << 19
LEAST_VALUES = 1024  # ... and from so many values of a state on, rows x units, a further core pays.


class Rows(NamedTuple):
    """List of tensors [batch, width], one per step, that a loop carries as one tensor, its handle.

    `tf.TensorArray` is similar, but warns about each array that is not read, which happens without a gradient.
    """

    width: int
    dtype: Any

    def new(self, steps: Any) -> Any:
        """Return the handle of an empty list."""
        return tf.raw_ops.TensorListReserve(element_shape=[-1, self.width], num_elements=steps,
                                            element_dtype=self.dtype)

    def of(self, stacked: Any) -> Any:
        """Return the handle of the list of [steps, batch, width]."""
        return tf.raw_ops.TensorListFromTensor(tensor=stacked, element_shape=[-1, self.width])

    def put(self, handle: Any, step: Any, value: Any) -> Any:
        """Return the handle of the list with a value."""
        return tf.raw_ops.TensorListSetItem(input_handle=handle, index=step, item=value)

    def get(self, handle: Any, step: Any) -> Any:
        """Return a step's value, [batch, width]."""
        return tf.raw_ops.TensorListGetItem(input_handle=handle, index=step, element_shape=[-1, self.width],
                                            element_dtype=self.dtype)

    def stacked(self, handle: Any, batch: Any) -> Any:
        """Return all values, [steps, batch, width]; those that were never put are zeros."""
        return tf.raw_ops.TensorListStack(input_handle=handle, element_shape=tf.stack([batch, self.width]),
                                          element_dtype=self.dtype)


class Trace(NamedTuple):
    """Tensors saved for the backward pass."""

    step: Step
    words: Any  # [steps * batch, features]
    outputs: Any  # [steps + 2, batch, units]: zeros, the initial state, those after each step
    saved: Sequence[Any]  # handles of `Rows`
    steps: Any
    shape: Any  # of the inputs


class Loop:
    """Loop of a cell over the steps of a batch.

    Args:
        make_step: the class of the step.
        mask: bool [batch, time], or None.
        backwards: whether the last word is read first; the outputs are in reading order.
        sequences: whether to return the outputs of all steps, or the last one.
        final: whether to return the final states; else the initial ones are returned.
        zeros: whether the output at a masked position is zeros, not a repetition.
    """

    def __init__(self, make_step: type[Step], *, mask: Any, backwards: bool, sequences: bool,
                 final: bool, zeros: bool) -> None:
        self.make_step = make_step
        self.mask = mask
        self.backwards = backwards
        self.sequences = sequences
        self.final = final
        self.zeros = zeros

    def run(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any], training: bool,
            embedded: Embedded | None = None) -> tuple[Any, list[Any]]:
        """Run the loop, split over the cores by rows of the batch.

        Args:
            inputs: float [batch, time, features].
            states: float [batch, units] each, the initial ones.
            weights: float tensors for `make_step`, in the dtype of the inputs.
            training: whether the fused gradient is used, as it is wherever a `tf.GradientTape` records; automatic
                ones, of a graph that was traced without a tape, are exact, too, but slow.
            embedded: ids and lookup of the inputs, if they come from an embedding.

        Returns:
            Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
        """
        training = training or could_possibly_record()
        weight = sum(kernel.shape.num_elements() for kernel in weights[:2])
        if training or self.make_step is not LSTMStep or inputs.dtype != tf.float32 or weight > SMALL_KERNELS:
            return self._in_shares(inputs, states, weights, training, embedded)
        results: tuple[Any, list[Any]] = _if(
            (inputs.shape[0] or tf.shape(inputs)[0]) <= FEW_PRODUCTS // weight,
            lambda: self._whole(inputs, states, weights),
            lambda: self._in_shares(inputs, states, weights, training, embedded))
        return results

    def _whole(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Make all steps in one operation."""
        reading = None if self.mask is None else reading_of(self.mask, self.backwards, self.zeros)
        words, steps = self._words(reading, inputs)
        found = LSTMStep(*weights).whole(_by_steps(words, steps, inputs), states)
        tables = [tf.concat([tf.zeros_like(start)[None], start[None], after], axis=0)
                  for start, after in zip(states, found, strict=True)][:2 if self.final else 1]
        outputs, *finals = self._results(reading, inputs, tables)
        return outputs, finals if self.final else list(states)

    def _in_shares(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any], training: bool,
                   embedded: Embedded | None) -> tuple[Any, list[Any]]:
        """Run a loop on each core, over a part of the rows; small parts are left to fewer cores."""
        loops, rows, units = loops_of_a_layer(), inputs.shape[0], states[0].shape[-1]
        if rows is not None:
            loops = busy = min(loops, max(1, rows * units // LEAST_VALUES))
        if loops == 1:
            return self._share(self.mask, inputs, embedded, states, weights, training)
        if rows is None:
            rows = tf.shape(inputs)[0]
            busy = tf.clip_by_value(rows * units // LEAST_VALUES, 1, loops)
        ends = [rows * tf.minimum(n, busy) // busy for n in range(loops + 1)]
        sizes = tf.stack([end - start for start, end in pairwise(ends)])

        def shares(tensor: Any) -> list[Any]:
            return [None] * loops if tensor is None else tf.split(tensor, sizes, num=loops)

        sources = [embedded and embedded._replace(ids=ids) for ids in shares(embedded and embedded.ids)]
        results = [self._share(mask, part, source, own, weights, training) for mask, part, source, *own in zip(
            shares(self.mask), shares(inputs), sources, *map(shares, states), strict=True)]
        outputs, finals = zip(*results, strict=True)
        return tf.concat(outputs, axis=0), [tf.concat(state, axis=0) for state in zip(*finals, strict=True)]

    def _share(self, mask: Any, inputs: Any, embedded: Embedded | None, states: Sequence[Any], weights: Sequence[Any],
               training: bool) -> tuple[Any, list[Any]]:
        """Run one loop, in training with the fused gradient."""
        reading = None if mask is None else reading_of(mask, self.backwards, self.zeros)
        if not training:
            results = self._forward(reading, inputs, embedded, states, weights)
        else:
            @tf.custom_gradient
            def forward(inputs: Any, *rest: Any) -> Any:
                results, trace = self._traced(reading, inputs, rest[:len(states)], rest[len(states):])
                return results, lambda *gradients: self._backward(reading, trace, gradients)

            results = forward(inputs, *states, *weights)
            release_call(results[0])
        return results[0], list(results[1:]) if self.final else list(states)

    def _forward(self, reading: Reading | None, inputs: Any, embedded: Embedded | None, states: Sequence[Any],
                 weights: Sequence[Any]) -> list[Any]:
        """Return the outputs, and the final states if requested."""
        step = self.make_step(*weights)
        if embedded is None:
            words, steps = self._words(reading, inputs)
            given = _listed(_by_steps(step.project(words), steps, inputs))
        else:
            distinct, places = tf.unique(tf.reshape(embedded.ids, [-1]))
            order, steps = self._words(reading, tf.reshape(places, tf.shape(embedded.ids))[:, :, None])
            projected, place = step.project(embedded.vectors(distinct)), _listed(_by_steps(order, steps, inputs))

            def given(t: Any) -> Any:
                return tf.gather_nd(projected, place(t))

        tables, _ = self._loop(step, given, steps, states, keep=False)
        return self._results(reading, inputs, tables)

    def _traced(self, reading: Reading | None, inputs: Any, states: Sequence[Any], weights: Sequence[Any]
                ) -> tuple[list[Any], Trace]:
        """Return the outputs and final states, and the tensors saved for the backward pass."""
        step = self.make_step(*weights)
        words, steps = self._words(reading, inputs)
        projected = _by_steps(step.project(words), steps, inputs)
        tables, saved = self._loop(step, lambda t: projected[t], steps, states, keep=True)
        return self._results(reading, inputs, tables), Trace(step, words, tables[0], saved, steps, tf.shape(inputs))

    def _loop(self, step: Step, given: Callable[[Any], Any], steps: Any, states: Sequence[Any], *, keep: bool
              ) -> tuple[list[Any], Sequence[Any]]:
        """Run over all steps, step t with the projected words ``given(t)``.

        Returns:
            Tables [steps + 2, batch, units] of the outputs and, if requested, of the other states; and with
            `keep` the handles of the tensors saved by each step.
        """
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

        batch = tf.shape(starts[0])[0]
        last = _steps_of(batch, steps)
        _, _, tables, saved = while_loop(lambda t: t < last, body, [0, starts, tables, saved], steps)
        return [rows.stacked(table, batch) for table in tables], saved

    def _words(self, reading: Reading | None, inputs: Any) -> tuple[Any, Any]:
        """Return the words in reading order, [steps * batch, features], and the number of steps."""
        features = inputs.shape[-1]
        if reading is not None:
            return tf.gather(tf.reshape(inputs, [-1, features]), reading.words), reading.steps
        words = tf.transpose(inputs, [1, 0, 2])
        words = tf.reverse(words, [0]) if self.backwards else words
        return tf.reshape(words, [-1, features]), tf.shape(inputs)[1]

    def _results(self, reading: Reading | None, inputs: Any, tables: Sequence[Any]) -> list[Any]:
        """Gather the outputs, and the final states if requested, from tables [steps + 2, batch, units]."""
        tables = [tf.cast(table, inputs.dtype) for table in tables]
        if reading is None:
            outputs = tf.transpose(tables[0][2:], [1, 0, 2]) if self.sequences else tables[0][-1]
            finals = [table[-1] for table in tables if self.final]
        else:
            flat = [tf.reshape(table, [-1, table.shape[-1]]) for table in tables]
            outputs = tf.gather(flat[0], reading.places if self.sequences else reading.places[:, -1])
            finals = [tf.gather(table, reading.ends) for table in flat if self.final]
        outputs.set_shape([*inputs.shape[:2 if self.sequences else 1], tables[0].shape[-1]])
        return [outputs, *finals]

    def _backward(self, reading: Reading | None, trace: Trace, gradients: Sequence[Any]) -> list[Any]:
        """Return the gradients of inputs, initial states and weights from those of the results of the loop."""
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

        start = [_steps_of(trace.shape[0], trace.steps) - 1, [tf.zeros_like(trace.outputs[0])] * step.states,
                 [column.new(trace.steps) for column in columns]]
        _, states, handles = while_loop(lambda t: t >= 0, body, start, trace.steps)
        states = [state if table is None else state + table[1] for state, table in zip(states, given, strict=True)]
        emitted = [tf.reshape(column.stacked(handle, trace.shape[0]), [-1, column.width])
                   for column, handle in zip(columns, handles, strict=True)]
        previous = tf.reshape(trace.outputs[1:-1], [-1, trace.outputs.shape[-1]])
        by_words = self._to_places(reading, trace, step.of_inputs(emitted))
        return [by_words, *(tf.cast(state, by_words.dtype) for state in states),
                *step.of_weights(trace.words, previous, emitted)]

    def _to_tables(self, reading: Reading | None, trace: Trace, gradients: Sequence[Any]) -> list[Any]:
        """Scatter the gradients of outputs and final states to the tables of `_results`, [steps + 2, batch, units]."""
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
        """Gather the gradients of the words, [steps * batch, features], from reading order to that of the inputs."""
        if reading is None:
            by_words = tf.reshape(by_words, [trace.steps, trace.shape[0], by_words.shape[-1]])
            return tf.transpose(tf.reverse(by_words, [0]) if self.backwards else by_words, [1, 0, 2])
        return reading.to_inputs(by_words, self.backwards)


def _steps_of(batch: Any, steps: Any) -> Any:
    """Return the number of steps, 0 of no rows."""
    return steps * tf.minimum(batch, 1)


def _by_steps(rows: Any, steps: Any, inputs: Any) -> Any:
    """Return rows [steps * batch, width] as [steps, batch, width]."""
    return tf.reshape(rows, [steps, tf.shape(inputs)[0], rows.shape[-1]])


def _listed(projected: Any) -> Callable[[Any], Any]:
    """Return a function from a step to its row of [steps, batch, width].

    It uses a list, because the gradient of a slice of the first axis is as large as the whole.
    """
    rows = Rows(projected.shape[-1], projected.dtype)
    handle = rows.of(projected)
    return lambda t: rows.get(handle, t)


def _if(condition: Any, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Return what one of two functions returns, chosen now if the condition is known."""
    if isinstance(condition, bool):
        return first() if condition else second()
    return tf.cond(condition, first, second)


def while_loop(condition: Callable[[Any], Any], body: Callable[..., Any], start: list[Any], steps: Any, *,
               parallel: int = 1) -> Any:
    """Loop while a condition on the first variable holds; the number of rows of the others may be unknown.

    Up to `parallel` iterations may be under way at once.
    """
    def rows_unknown(value: Any) -> Any:
        shape = tf.convert_to_tensor(value).shape
        return tf.TensorShape([None, *shape[1:]]) if shape.rank else shape

    return tf.while_loop(lambda t, *_: condition(t), body, start, maximum_iterations=steps,
                         parallel_iterations=parallel, shape_invariants=tf.nest.map_structure(rows_unknown, start))
