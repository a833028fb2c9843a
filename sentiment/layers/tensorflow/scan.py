"""Linear recurrence c_t = a_t c_(t-1) + b_t over the steps of a batch, in TensorFlow.

All matrix products are made before it, for all words at once; what is left in time is elementwise. Such work is bound
by memory, so it is done in blocks of `BLOCK` steps that stay in a processor's cache: gates, recurrence and output of a
block, and in the backward pass their gradients, for which the gates are computed again instead of being kept. Within a
block the recurrence is unrolled, so TensorFlow's executor has a few operators a step to run.

Forward and backward, a batch of 64 texts of 100 steps of 256 features, 2 cores of an AMD EPYC of family 26 that others
used, too; the share is that of the layer's matrix products in its time:

    256 units, 512 units
    0.74, 0.93   blocks of 20 steps
    0.71, 1.00   blocks of 10 steps
    0.71, 0.86   blocks of 20 steps without transposing the batch to time-major order
    about the same as blocks: a loop of single steps on each half of the batch, and XLA, which compiles each shape
    anew (0.7 s and more) and cannot be exported
    0.17 to 0.29 doubling, log2(time) passes over the whole
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sentiment.layers.embedding import Embedded
from sentiment.layers.tensorflow.graph_gradients import release_call
from sentiment.layers.tensorflow.reading import Reading, reading_of
from sentiment.layers.tensorflow.recurrence import Rows, _while
from sentiment.layers.tensorflow.steps import wide

BLOCK = 20


def scanned(cell: Any, inputs: Any, mask: Any, states: Sequence[Any], *, backwards: bool, sequences: bool, final: bool,
            zeros: bool, training: bool, embedded: Embedded | None = None) -> tuple[Any, list[Any]]:
    """Run a linear recurrence over a batch.

    Args:
        cell: a `sentiment.layers.scan.ScanCell`, built.
        inputs: float [batch, time, features].
        mask: bool [batch, time], or None.
        states: the initial ones: float [batch, units], and with a window the inputs before the first, float
            [batch, (window - 1) * features].
        backwards: whether the last word is read first; the outputs come in the order of reading.
        sequences: whether to return the outputs of all steps, or the last one.
        final: whether the final states are wanted; else the initial ones are returned.
        zeros: whether the output for a masked place is zeros, not a repetition.
        training: whether the gradients of this file are used; automatic ones are exact, too, but slow.
        embedded: ids and lookup of the inputs, if they come from an embedding.

    Returns:
        Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
    """
    reading = reading_of(tf.ones(tf.shape(inputs)[:2], tf.bool) if mask is None else mask, backwards, zeros, BLOCK)
    batch, lengths = tf.shape(inputs)[0], reading.ends // tf.shape(inputs)[0] - 1
    if training or embedded is None or cell.window > 1:
        words = _in_order(inputs, reading, backwards) if training else _gathered(inputs, reading)
        read = words if cell.window == 1 else tf.concat([_time_major(states[1], cell.window - 1), words], axis=0)
        sources = cell.sources(_windows(read, cell.window, batch), training)
    else:  # each distinct word of the batch is projected once
        distinct, places = tf.unique(tf.reshape(embedded.ids, [-1]))
        order = tf.gather(places, reading.words)
        sources = [tf.gather(source, order) for source in cell.sources(embedded.vectors(distinct))]
    sources = [tf.reshape(wide(source), [reading.steps, batch, source.shape[-1]]) for source in sources]
    parameters = [wide(tf.convert_to_tensor(parameter)) for parameter in cell.parameters()]
    tables = _run(cell, sources, parameters, wide(states[0]), training=training, final=final)
    outputs = _placed(tables[0], reading.places if sequences else reading.places[:, -1], masked=mask is not None)
    outputs = tf.cast(outputs, inputs.dtype)
    outputs.set_shape([*inputs.shape[:2 if sequences else 1], cell.units])
    if not final:
        return outputs, list(states)
    # The initial state stands where a text has no word.
    last = tf.gather(tf.reshape(tf.concat([wide(states[0])[None], tables[-1]], axis=0), [-1, cell.units]),
                     reading.ends - batch)
    finals = [tf.cast(last, inputs.dtype)]
    if cell.window > 1:
        rows = [tf.gather(read, (lengths + place) * batch + tf.range(batch)) for place in range(cell.window - 1)]
        finals.append(tf.concat(rows, axis=-1))
    return outputs, finals


def _gathered(inputs: Any, reading: Reading) -> Any:
    """Return the words in the order of reading, [steps * batch, features]."""
    return tf.gather(tf.reshape(inputs, [-1, inputs.shape[-1]]), reading.words)


def _in_order(inputs: Any, reading: Reading, backwards: bool) -> Any:
    """Return the words in the order of reading, with a gradient that is a gather, too, instead of a sum by places."""
    @tf.custom_gradient
    def gather(inputs: Any) -> Any:
        return _gathered(inputs, reading), lambda gradient: reading.to_inputs(gradient, backwards)

    words = gather(inputs)
    release_call(words)
    return words


def _time_major(before: Any, steps: int) -> Any:
    """Return the inputs before the first, [batch, steps * features], as rows [steps * batch, features]."""
    return tf.concat(tf.split(before, steps, axis=1), axis=0)


def _windows(read: Any, window: int, batch: Any) -> Any:
    """Return the inputs of each step and of the window before it, [steps * batch, window * features]."""
    if window == 1:
        return read
    rows = tf.shape(read)[0] - (window - 1) * batch
    return tf.concat([read[place * batch:place * batch + rows] for place in range(window)], axis=-1)


def _placed(table: Any, places: Any, *, masked: bool) -> Any:
    """Gather outputs [steps, batch, units] to places that count two rows before them, of which the first is zeros."""
    batch = tf.shape(table)[1]
    if masked:
        table = tf.pad(table, [[2, 0], [0, 0], [0, 0]])
    else:
        places = places - 2 * batch
    return tf.gather(tf.reshape(table, [-1, table.shape[-1]]), places)


class _Blocks:
    """A tensor [steps, batch, width] as a list of blocks of steps.

    Args:
        width: the last dimension.
        dtype: of the tensor.
        batch: an int32 tensor.
    """

    def __init__(self, width: int, dtype: Any, batch: Any) -> None:
        self.rows, self.batch = Rows(width, dtype), batch

    def of(self, tensor: Any) -> Any:
        """Return the handle of a list of all blocks."""
        return self.rows.of(tf.reshape(tensor, [-1, BLOCK * self.batch, self.rows.width]))

    def get(self, handle: Any, block: Any) -> Any:
        """Return a block, [BLOCK, batch, width]."""
        return tf.reshape(self.rows.get(handle, block), [BLOCK, self.batch, self.rows.width])

    def put(self, handle: Any, block: Any, values: Any) -> Any:
        """Return the handle of the list with a block."""
        return self.rows.put(handle, block, tf.reshape(values, [-1, self.rows.width]))

    def whole(self, handle: Any) -> Any:
        """Return [steps, batch, width]."""
        return tf.reshape(self.rows.stacked(handle), [-1, self.batch, self.rows.width])


def _run(cell: Any, sources: Sequence[Any], parameters: Sequence[Any], start: Any, *, training: bool, final: bool
         ) -> list[Any]:
    """Return the outputs of all steps, [steps, batch, units], and the states if they are wanted and others."""
    if not training:
        return _forward(cell, sources, parameters, start, both=final and cell.gated)[0]

    @tf.custom_gradient
    def forward(*tensors: Any) -> Any:
        sources, parameters, start = tensors[:count], tensors[count:-1], tensors[-1]
        tables, starts = _forward(cell, sources, parameters, start, both=cell.gated)

        def backward(*gradients: Any) -> list[Any]:
            return _backward(cell, sources, parameters, tables, starts, gradients)

        return tables if final or not cell.gated else tables[:1], backward

    count = len(sources)
    tables = forward(*sources, *parameters, start)
    release_call(tables[0])
    return tables


def _forward(cell: Any, sources: Sequence[Any], parameters: Sequence[Any], start: Any, *, both: bool
             ) -> tuple[list[Any], Any]:
    """Return the outputs, with `both` also the states, [steps, batch, units] each, and a list of blocks' first states.
    """
    batch, blocks = tf.shape(start)[0], tf.shape(sources[0])[0] // BLOCK
    read = [_Blocks(source.shape[-1], source.dtype, batch) for source in sources]
    handles = [one.of(source) for one, source in zip(read, sources, strict=True)]
    written, first = _Blocks(cell.units, start.dtype, batch), Rows(cell.units, start.dtype)

    def body(block: Any, state: Any, starts: Any, tables: Sequence[Any]) -> Any:
        starts = first.put(starts, block, state)
        parts = cell.parts([one.get(handle, block) for one, handle in zip(read, handles, strict=True)], parameters)
        factors, terms = cell.gates(parts)
        states = []
        for factor, term in zip(tf.unstack(factors), tf.unstack(terms), strict=True):
            state = factor * state + term
            states.append(state)
        stacked = tf.stack(states)
        results = [cell.output(stacked, parts), stacked]
        return [block + 1, state, starts, [written.put(table, block, result)
                                           for table, result in zip(tables, results, strict=False)]]

    _, _, starts, tables = _while(lambda block: block < blocks, body, [
        0, start, first.new(blocks), [written.rows.new(blocks) for _ in range(2 if both else 1)]], blocks)
    return [written.whole(table) for table in tables], starts


def _backward(cell: Any, sources: Sequence[Any], parameters: Sequence[Any], tables: Sequence[Any], starts: Any,
              gradients: Sequence[Any]) -> list[Any]:
    """Return the gradients by sources, parameters and the initial state from those by the results of `_run`.

    With g_t = dL/dc_t + a_(t+1) g_(t+1), the gradient by a_t is g_t c_(t-1), and that by b_t is g_t.
    """
    batch, blocks = tf.shape(tables[0])[1], tf.shape(tables[0])[0] // BLOCK
    first, units = Rows(cell.units, tables[0].dtype), _Blocks(cell.units, tables[0].dtype, batch)
    read = [_Blocks(source.shape[-1], source.dtype, batch) for source in sources]
    handles = [one.of(source) for one, source in zip(read, sources, strict=True)]
    given, kept = [units.of(gradient) for gradient in gradients], units.of(tables[-1])

    def body(block: Any, carried: Any, of_parameters: Sequence[Any], written: Sequence[Any]) -> Any:
        values = [one.get(handle, block) for one, handle in zip(read, handles, strict=True)]
        of_results, states = [units.get(handle, block) for handle in given], units.get(kept, block)
        with tf.GradientTape() as whole, tf.GradientTape() as by_state:
            whole.watch([*values, *parameters])
            by_state.watch(states)
            parts = cell.parts(values, parameters)
            factors, terms = cell.gates(parts)
            outputs = cell.output(states, parts)
        of_states = by_state.gradient(outputs, states, of_results[0]) if cell.gated else of_results[0]
        of_states = of_states + of_results[1] if len(of_results) > 1 else of_states
        arriving: list[Any] = []
        for factor, gradient in zip(reversed(tf.unstack(factors)), reversed(tf.unstack(of_states)), strict=True):
            carried = carried + gradient
            arriving.append(carried)
            carried = carried * factor
        arrived = tf.stack(arriving[::-1])
        previous = tf.concat([first.get(starts, block)[None], states[:-1]], axis=0)
        targets, of_targets = [factors, terms], [arrived * previous, arrived]
        if cell.gated:
            targets, of_targets = [*targets, outputs], [*of_targets, of_results[0]]
        found = whole.gradient(targets, [*values, *parameters], of_targets,
                               unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [block - 1, carried,
                [total + one for total, one in zip(of_parameters, found[len(values):], strict=True)],
                [one.put(handle, block, values) for one, handle, values in zip(
                    read, written, found[:len(values)], strict=True)]]

    start = [blocks - 1, tf.zeros_like(tables[0][0]), [tf.zeros_like(parameter) for parameter in parameters],
             [one.rows.new(blocks) for one in read]]
    _, carried, of_parameters, written = _while(lambda block: block >= 0, body, start, blocks)
    return [*(one.whole(handle) for one, handle in zip(read, written, strict=True)), *of_parameters, carried]
