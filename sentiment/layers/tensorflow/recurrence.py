"""Fused LSTM and GRU: their loop over time and its gradient, in TensorFlow, for CPUs.

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
from sentiment.layers.tensorflow.steps import LSTMStep, Step, at_least_float32

# Measured bounds. An LSTM with at most so many weights, and rows x weights, is faster in one operation than in a loop.
SMALL_KERNELS, FEW_PRODUCTS = 1 << 17, 3 << 19
LEAST_VALUES = 1024  # of a state, rows x units, per core; with fewer, a further core makes a loop slower


class TensorList(NamedTuple):
    """Type of a list of tensors [batch, width], one per step, that a loop carries as one tensor, its handle.

    `tf.TensorArray` is similar, but warns about each array that is not read, which happens without a gradient.
    """

    width: int
    dtype: Any

    def reserve(self, steps: Any) -> Any:
        """Return the handle of a list of `steps` unset elements."""
        return tf.raw_ops.TensorListReserve(element_shape=[-1, self.width], num_elements=steps,
                                            element_dtype=self.dtype)

    def from_tensor(self, stacked: Any) -> Any:
        """Return the handle of a list of the steps of a tensor [steps, batch, width]."""
        return tf.raw_ops.TensorListFromTensor(tensor=stacked, element_shape=[-1, self.width])

    def set(self, handle: Any, step: Any, value: Any) -> Any:
        """Return the handle of the list with the value of a step, [batch, width], replaced."""
        return tf.raw_ops.TensorListSetItem(input_handle=handle, index=step, item=value)

    def get(self, handle: Any, step: Any) -> Any:
        """Return a step's value, [batch, width]."""
        return tf.raw_ops.TensorListGetItem(input_handle=handle, index=step, element_shape=[-1, self.width],
                                            element_dtype=self.dtype)

    def stack(self, handle: Any, batch: Any) -> Any:
        """Return all values, [steps, batch, width]; unset ones are zeros."""
        return tf.raw_ops.TensorListStack(input_handle=handle, element_shape=tf.stack([batch, self.width]),
                                          element_dtype=self.dtype)


class SavedTensors(NamedTuple):
    """Tensors saved for the backward pass."""

    step: Step
    words: Any  # [steps * batch, features]
    outputs: Any  # [steps + 2, batch, units]: zeros, the initial state, those after each step
    saved: Sequence[Any]  # handles of lists of the tensors saved by each step
    steps: Any  # int32, their number
    shape: Any  # of the inputs


class Loop:
    """Loop of a cell over the steps of a batch.

    Args:
        make_step: the class of the step.
        mask: bool [batch, time], or None.
        go_backwards: whether the last word is read first; the outputs are in reading order.
        return_sequences: whether to return the outputs of all steps instead of the last one.
        return_state: whether to return the final states; otherwise the initial ones are returned.
        zero_output_for_mask: whether the output at a masked position is zeros instead of a repetition.
    """

    def __init__(self, make_step: type[Step], *, mask: Any, go_backwards: bool, return_sequences: bool,
                 return_state: bool, zero_output_for_mask: bool) -> None:
        self.make_step = make_step
        self.mask = mask
        self.go_backwards = go_backwards
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.zero_output_for_mask = zero_output_for_mask

    def run(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any], training: bool,
            embedded: Embedded | None = None) -> tuple[Any, list[Any]]:
        """Run the loop; the rows of the batch are split over the cores.

        Args:
            inputs: float [batch, time, features].
            states: float [batch, units] each, the initial ones.
            weights: float tensors for `make_step`, in the dtype of the inputs.
            training: whether the fused gradient is used; it also is wherever a `tf.GradientTape` records. A graph that
                was traced without a tape has automatic gradients, which are also exact, but slow.
            embedded: ids and lookup of the inputs, if they come directly from an embedding.

        Returns:
            Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
        """
        training = training or could_possibly_record()
        weight = sum(kernel.shape.num_elements() for kernel in weights[:2])
        if training or self.make_step is not LSTMStep or inputs.dtype != tf.float32 or weight > SMALL_KERNELS:
            return self._split_over_cores(inputs, states, weights, training, embedded)
        results: tuple[Any, list[Any]] = _if(
            (inputs.shape[0] or tf.shape(inputs)[0]) <= FEW_PRODUCTS // weight,
            lambda: self._all_steps(inputs, states, weights),
            lambda: self._split_over_cores(inputs, states, weights, training, embedded))
        return results

    def _all_steps(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Compute all steps in one operation."""
        reading = None if self.mask is None else reading_of(self.mask, self.go_backwards, self.zero_output_for_mask)
        words, steps = self._words(reading, inputs)
        found = LSTMStep(*weights).all_steps(_by_steps(words, steps, inputs), states)
        tables = [tf.concat([tf.zeros_like(start)[None], start[None], after], axis=0)
                  for start, after in zip(states, found, strict=True)][:2 if self.return_state else 1]
        outputs, *finals = self._results(reading, inputs, tables)
        return outputs, finals if self.return_state else list(states)

    def _split_over_cores(self, inputs: Any, states: Sequence[Any], weights: Sequence[Any], training: bool,
                          embedded: Embedded | None) -> tuple[Any, list[Any]]:
        """Run a loop on each core over a part of the rows; a small batch uses fewer cores."""
        loops, rows, units = loops_of_a_layer(), inputs.shape[0], states[0].shape[-1]
        if rows is not None:
            loops = busy = min(loops, max(1, rows * units // LEAST_VALUES))
        if loops == 1:
            return self._run_part(self.mask, inputs, embedded, states, weights, training)
        if rows is None:
            rows = tf.shape(inputs)[0]
            busy = tf.clip_by_value(rows * units // LEAST_VALUES, 1, loops)
        ends = [rows * tf.minimum(n, busy) // busy for n in range(loops + 1)]
        sizes = tf.stack([end - start for start, end in pairwise(ends)])

        def shares(tensor: Any) -> list[Any]:
            return [None] * loops if tensor is None else tf.split(tensor, sizes, num=loops)

        sources = [embedded and embedded._replace(ids=ids) for ids in shares(embedded and embedded.ids)]
        results = [self._run_part(mask, part, source, own, weights, training) for mask, part, source, *own in zip(
            shares(self.mask), shares(inputs), sources, *map(shares, states), strict=True)]
        outputs, finals = zip(*results, strict=True)
        return tf.concat(outputs, axis=0), [tf.concat(state, axis=0) for state in zip(*finals, strict=True)]

    def _run_part(self, mask: Any, inputs: Any, embedded: Embedded | None, states: Sequence[Any],
                  weights: Sequence[Any], training: bool) -> tuple[Any, list[Any]]:
        """Run one loop; in training with the fused gradient."""
        reading = None if mask is None else reading_of(mask, self.go_backwards, self.zero_output_for_mask)
        if not training:
            results = self._forward(reading, inputs, embedded, states, weights)
        else:
            @tf.custom_gradient
            def forward(inputs: Any, *rest: Any) -> Any:
                results, context = self._forward_and_save(reading, inputs, rest[:len(states)], rest[len(states):])
                return results, lambda *gradients: self._backward(reading, context, gradients)

            results = forward(inputs, *states, *weights)
            release_call(results[0])
        return results[0], list(results[1:]) if self.return_state else list(states)

    def _forward(self, reading: Reading | None, inputs: Any, embedded: Embedded | None, states: Sequence[Any],
                 weights: Sequence[Any]) -> list[Any]:
        """Return the outputs, and with `return_state` the final states."""
        step = self.make_step(*weights)
        if embedded is None:
            words, steps = self._words(reading, inputs)
            projected_at = _listed(_by_steps(step.project(words), steps, inputs))
        else:
            distinct, places = tf.unique(tf.reshape(embedded.ids, [-1]))
            order, steps = self._words(reading, tf.reshape(places, tf.shape(embedded.ids))[:, :, None])
            projected, place = step.project(embedded.vectors(distinct)), _listed(_by_steps(order, steps, inputs))

            def projected_at(t: Any) -> Any:
                return tf.gather_nd(projected, place(t))

        tables, _ = self._loop(step, projected_at, steps, states, keep=False)
        return self._results(reading, inputs, tables)

    def _forward_and_save(self, reading: Reading | None, inputs: Any, states: Sequence[Any], weights: Sequence[Any]
                          ) -> tuple[list[Any], SavedTensors]:
        """Return the outputs and final states, and the tensors saved for the backward pass."""
        step = self.make_step(*weights)
        words, steps = self._words(reading, inputs)
        projected = _by_steps(step.project(words), steps, inputs)
        tables, saved = self._loop(step, lambda t: projected[t], steps, states, keep=True)
        context = SavedTensors(step, words, tables[0], saved, steps, tf.shape(inputs))
        return self._results(reading, inputs, tables), context

    def _loop(self, step: Step, projected_at: Callable[[Any], Any], steps: Any, states: Sequence[Any], *, keep: bool
              ) -> tuple[list[Any], Sequence[Any]]:
        """Run over all steps; ``projected_at(t)`` returns the projected words of step t, [batch, gates * units].

        Returns:
            Tensors [steps + 2, batch, units] of the outputs and, with `return_state`, of the other states: zeros, the
            initial state, then each step; and with `keep` the handles of the tensors saved by each step.
        """
        starts = [at_least_float32(state) for state in states]
        rows = TensorList(starts[0].shape[-1], starts[0].dtype)
        tables = [rows.set(rows.set(rows.reserve(steps + 2), 0, tf.zeros_like(start)), 1, start)
                  for start in (starts if self.return_state else starts[:1])]
        saved = [rows.reserve(steps) for _ in range(step.saved if keep else 0)]

        def body(t: Any, states: Sequence[Any], tables: Sequence[Any], saved: Sequence[Any]) -> Any:
            states, values = step.forward(projected_at(t), states)
            return [t + 1, list(states),
                    [rows.set(table, t + 2, state) for table, state in zip(tables, states, strict=False)],
                    [rows.set(column, t, value) for column, value in zip(saved, values, strict=False)]]

        batch = tf.shape(starts[0])[0]
        last = _steps_of(batch, steps)
        _, _, tables, saved = while_loop(lambda t: t < last, body, [0, starts, tables, saved], steps)
        return [rows.stack(table, batch) for table in tables], saved

    def _words(self, reading: Reading | None, inputs: Any) -> tuple[Any, Any]:
        """Return the words in reading order, [steps * batch, features], and the number of steps."""
        features = inputs.shape[-1]
        if reading is not None:
            return tf.gather(tf.reshape(inputs, [-1, features]), reading.words), reading.steps
        words = tf.transpose(inputs, [1, 0, 2])
        words = tf.reverse(words, [0]) if self.go_backwards else words
        return tf.reshape(words, [-1, features]), tf.shape(inputs)[1]

    def _results(self, reading: Reading | None, inputs: Any, tables: Sequence[Any]) -> list[Any]:
        """Gather the outputs, and with `return_state` the final states, from the tensors of `_loop`."""
        tables = [tf.cast(table, inputs.dtype) for table in tables]
        if reading is None:
            outputs = tf.transpose(tables[0][2:], [1, 0, 2]) if self.return_sequences else tables[0][-1]
            finals = [table[-1] for table in tables if self.return_state]
        else:
            flat = [tf.reshape(table, [-1, table.shape[-1]]) for table in tables]
            outputs = tf.gather(flat[0], reading.places if self.return_sequences else reading.places[:, -1])
            finals = [tf.gather(table, reading.ends) for table in flat if self.return_state]
        outputs.set_shape([*inputs.shape[:2 if self.return_sequences else 1], tables[0].shape[-1]])
        return [outputs, *finals]

    def _backward(self, reading: Reading | None, context: SavedTensors, gradients: Sequence[Any]) -> list[Any]:
        """Return the gradients of inputs, initial states and weights from those of the results."""
        step, rows = context.step, TensorList(context.outputs.shape[-1], context.outputs.dtype)
        arriving = self._to_tables(reading, context, [tf.cast(gradient, rows.dtype) for gradient in gradients])
        arriving += [None] * (step.states - len(arriving))
        columns = [TensorList(times * rows.width, rows.dtype) for times in step.emitted]

        def body(t: Any, states: Sequence[Any], emitted: Sequence[Any]) -> Any:
            states = [state if table is None else state + table[t + 2]
                      for state, table in zip(states, arriving, strict=True)]
            states, values = step.backward([rows.get(column, t) for column in context.saved], states)
            return [t - 1, list(states), [column.set(handle, t, value) for column, handle, value in zip(
                columns, emitted, values, strict=True)]]

        start = [_steps_of(context.shape[0], context.steps) - 1, [tf.zeros_like(context.outputs[0])] * step.states,
                 [column.reserve(context.steps) for column in columns]]
        _, states, handles = while_loop(lambda t: t >= 0, body, start, context.steps)
        states = [state if table is None else state + table[1] for state, table in zip(states, arriving, strict=True)]
        emitted = [tf.reshape(column.stack(handle, context.shape[0]), [-1, column.width])
                   for column, handle in zip(columns, handles, strict=True)]
        previous = tf.reshape(context.outputs[1:-1], [-1, context.outputs.shape[-1]])
        by_words = self._to_places(reading, context, step.input_gradient(emitted))
        return [by_words, *(tf.cast(state, by_words.dtype) for state in states),
                *step.weight_gradients(context.words, previous, emitted)]

    def _to_tables(self, reading: Reading | None, context: SavedTensors, gradients: Sequence[Any]) -> list[Any]:
        """Scatter the gradients of outputs and final states to those of the tensors of `_loop`."""
        def summed(values: Any, rows: Any) -> Any:
            table = tf.math.unsorted_segment_sum(values, rows, (context.steps + 2) * context.shape[0])
            return tf.reshape(table, [context.steps + 2, context.shape[0], values.shape[-1]])

        if reading is None:
            def at_end(values: Any) -> Any:
                return tf.pad(values[tf.newaxis], [[context.steps + 1, 0], [0, 0], [0, 0]])

            outputs = gradients[0]
            tables = [tf.pad(tf.transpose(outputs, [1, 0, 2]), [[2, 0], [0, 0], [0, 0]]) if self.return_sequences
                      else at_end(outputs)]
            finals = [at_end(gradient) for gradient in gradients[1:]]
        else:
            places = reading.places if self.return_sequences else reading.places[:, -1]
            tables = [summed(gradients[0], places)]
            finals = [summed(gradient, reading.ends) for gradient in gradients[1:]]
        return [tables[0] + finals[0], *finals[1:]] if finals else tables

    def _to_places(self, reading: Reading | None, context: SavedTensors, by_words: Any) -> Any:
        """Gather the gradients of the words, [steps * batch, features], from reading order to that of the inputs."""
        if reading is None:
            by_words = tf.reshape(by_words, [context.steps, context.shape[0], by_words.shape[-1]])
            return tf.transpose(tf.reverse(by_words, [0]) if self.go_backwards else by_words, [1, 0, 2])
        return reading.to_inputs(by_words, self.go_backwards)


def _steps_of(batch: Any, steps: Any) -> Any:
    """Return the number of steps, which is 0 for an empty batch."""
    return steps * tf.minimum(batch, 1)


def _by_steps(rows: Any, steps: Any, inputs: Any) -> Any:
    """Return rows [steps * batch, width] as [steps, batch, width]."""
    return tf.reshape(rows, [steps, tf.shape(inputs)[0], rows.shape[-1]])


def _listed(projected: Any) -> Callable[[Any], Any]:
    """Return a function from a step to its slice of [steps, batch, width].

    It uses a list, because the gradient of a slice of a tensor is as large as the tensor.
    """
    rows = TensorList(projected.shape[-1], projected.dtype)
    handle = rows.from_tensor(projected)
    return lambda t: rows.get(handle, t)


def _if(condition: Any, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Like `tf.cond`, but evaluated at once if the condition is a Python bool."""
    if isinstance(condition, bool):
        return first() if condition else second()
    return tf.cond(condition, first, second)


def while_loop(condition: Callable[[Any], Any], body: Callable[..., Any], start: list[Any], steps: Any, *,
               parallel: int = 1) -> Any:
    """Run `tf.while_loop` with variables whose number of rows may be unknown.

    Args:
        condition: from the first variable to bool [].
        body: from all variables to their new values.
        start: the initial values.
        steps: the maximum number of iterations.
        parallel: the number of iterations that may run concurrently.
    """
    def rows_unknown(value: Any) -> Any:
        shape = tf.convert_to_tensor(value).shape
        return tf.TensorShape([None, *shape[1:]]) if shape.rank else shape

    return tf.while_loop(lambda t, *_: condition(t), body, start, maximum_iterations=steps,
                         parallel_iterations=parallel, shape_invariants=tf.nest.map_structure(rows_unknown, start))
