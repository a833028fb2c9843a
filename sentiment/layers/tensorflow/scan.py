"""Linear recurrence c_t = a_t c_(t-1) + b_t over the steps of a batch, in TensorFlow.

All matrix products are made before it, for all words at once; what is left in time is elementwise. Such work is bound
by memory, so it is done in blocks of `BLOCK` steps that stay in a processor's cache: gates, recurrence and output of a
block, and in the backward pass their gradients, for which the gates are computed again instead of being kept. Within a
block the recurrence is unrolled, so TensorFlow's executor has a few operators a step to run.

Forward and backward, 64 texts of 100 steps of 256 features in blocks of 20, processor time of one thread of an AMD EPYC
(family 26) that others used, too: the share of the layer's matrix products, and the time of an LSTM of as many units as
a multiple of the layer's:

    256 units: MinGRU 0.64 and 3.3, SRU 0.62 and 2.2, QRNN of 2 words 0.68 and 1.3
    512 units: MinGRU 0.66 and 4.5, SRU 0.67 and 2.3, QRNN of 2 words 0.72 and 1.8

Blocks of 5, 10, 20 and 25 steps were within 0.03 of one another. In a first trial, single steps on each half of the
batch and blocks in batch-major order were no faster, and XLA, which compiles each shape anew in 0.7 s and more, gained
nothing; doubling, log2(time) passes over the whole, had a share of 0.17 to 0.29.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from sentiment.layers.embedding import Embedded
from sentiment.layers.tensorflow.graph_gradients import released
from sentiment.layers.tensorflow.reading import Reading, reading_of
from sentiment.layers.tensorflow.recurrence import Rows, while_loop
from sentiment.layers.tensorflow.steps import wide

BLOCK = 10
COMPOSED = 16  # steps of a block where all blocks are run at once


def scanned(cell: Any, inputs: Any, mask: Any, states: Sequence[Any], *, backwards: bool, sequences: bool, final: bool,
            zeros: bool, training: bool, embedded: Embedded | None = None) -> tuple[Any, list[Any]]:
    """Run a linear recurrence over a batch.

    Args:
        cell: a `sentiment.layers.scan.ScanCell`, built.
        inputs: float [batch, time, features].
        mask: bool [batch, time], or None.
        states: the initial ones: float [batch, units], and with a window the inputs before the first, float
            [batch, (window - 1) * features].
        backwards: whether the last word is read first; the outputs are in reading order.
        sequences: whether to return the outputs of all steps, or the last one.
        final: whether to return the final states; else the initial ones are returned.
        zeros: whether the output at a masked position is zeros, not a repetition.
        training: whether the fused gradients are used; automatic gradients are also exact, but slow.
        embedded: ids and lookup of the inputs, if they come from an embedding.

    Returns:
        Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
    """
    (batch, time), masked = tf.unstack(tf.shape(inputs)[:2]), mask is not None
    reading = reading_of(mask if masked else tf.ones([batch, time], tf.bool), backwards, zeros, BLOCK)
    if training or embedded is None or cell.window > 1:
        words = _in_order(inputs, reading, backwards=backwards, masked=masked, training=training)
        read = words if cell.window == 1 else tf.concat([_time_major(states[1], cell.window - 1), words], axis=0)
        sources = cell.sources(_windows(read, cell.window, batch), training)
    else:  # each distinct word of the batch is projected once
        distinct, places = tf.unique(tf.reshape(embedded.ids, [-1]))
        order = tf.gather(places, reading.words)
        sources = [tf.gather(source, order) for source in cell.sources(embedded.vectors(distinct))]
    sources = [tf.reshape(wide(source), [reading.steps, batch, source.shape[-1]]) for source in sources]
    parameters = [wide(tf.convert_to_tensor(parameter)) for parameter in cell.parameters()]
    tables = _run(cell, sources, parameters, wide(states[0]), training=training, final=final)
    if masked:
        table = tf.reshape(tf.pad(tables[0], [[2, 0], [0, 0], [0, 0]]), [-1, cell.units])
        outputs = tf.gather(table, reading.places if sequences else reading.places[:, -1])
    else:
        outputs = _batch_major(tables[0], time, training=training) if sequences else tables[0][time - 1]
    outputs = tf.cast(outputs, inputs.dtype)
    outputs.set_shape([*inputs.shape[:2 if sequences else 1], cell.units])
    if not final:
        return outputs, list(states)
    # The initial state is the output of a text without words.
    last = tf.gather(tf.reshape(tf.concat([wide(states[0])[None], tables[-1]], axis=0), [-1, cell.units]),
                     reading.ends - batch)
    finals = [tf.cast(last, inputs.dtype)]
    if cell.window > 1:
        rows = [tf.gather(read, reading.ends + (place - 1) * batch) for place in range(cell.window - 1)]
        finals.append(tf.concat(rows, axis=-1))
    return outputs, finals


def _in_order(inputs: Any, reading: Reading, *, backwards: bool, masked: bool, training: bool) -> Any:
    """Return the words in reading order, [steps * batch, features].

    In training, its gradient is also a gather; the automatic gradient is a slower sum by position.
    """
    def gathered(inputs: Any) -> Any:
        return tf.gather(tf.reshape(inputs, [-1, inputs.shape[-1]]), reading.words)

    @tf.custom_gradient
    def gather(inputs: Any) -> Any:
        return gathered(inputs), lambda gradient: reading.to_inputs(gradient, backwards, masked)

    return released(gather(inputs)) if training else gathered(inputs)


def _batch_major(table: Any, time: Any, *, training: bool) -> Any:
    """Return the first steps of [steps, batch, units] as [batch, time, units]."""
    def transposed(table: Any) -> Any:
        return tf.transpose(table[:time], [1, 0, 2])

    @tf.custom_gradient
    def transpose(table: Any) -> Any:
        steps = tf.shape(table)[0]
        return transposed(table), lambda gradient: tf.pad(
            tf.transpose(gradient, [1, 0, 2]), [[0, steps - time], [0, 0], [0, 0]])

    return released(transpose(table)) if training else transposed(table)


def _time_major(before: Any, steps: int) -> Any:
    """Return the inputs before the first, [batch, steps * features], as rows [steps * batch, features]."""
    return tf.concat(tf.split(before, steps, axis=1), axis=0)


def _windows(read: Any, window: int, batch: Any) -> Any:
    """Return the inputs of each step and of the window before it, [steps * batch, window * features]."""
    if window == 1:
        return read
    rows = tf.shape(read)[0] - (window - 1) * batch
    return tf.concat([read[place * batch:place * batch + rows] for place in range(window)], axis=-1)


def _by_blocks(tensor: Any, *, listed: bool) -> Callable[[Any], Any]:
    """Return a function from a block to its part of [steps, batch, width].

    A slice is not a copy, but its automatic gradient is as large as the whole, unlike that of a list.
    """
    shape = [-1, BLOCK, tf.shape(tensor)[1], tensor.shape[-1]]
    if not listed:
        blocks = tf.reshape(tensor, shape)
        return lambda block: blocks[block]
    rows = Rows(tensor.shape[-1], tensor.dtype)
    handle = rows.of(tf.reshape(tensor, [-1, shape[1] * shape[2], shape[3]]))
    return lambda block: tf.reshape(rows.get(handle, block), shape[1:])


def _run(cell: Any, sources: Sequence[Any], parameters: Sequence[Any], start: Any, *, training: bool, final: bool
         ) -> list[Any]:
    """Return the outputs of all steps, [steps, batch, units], and the states if they are wanted and others."""
    if not training:
        return _forward(cell, sources, parameters, start, keep=False, final=final)[0]

    @tf.custom_gradient
    def forward(*tensors: Any) -> Any:
        sources, parameters, start = tensors[:count], tensors[count:-1], tensors[-1]
        tables, starts = _forward(cell, sources, parameters, start, keep=True, final=final)

        def backward(*gradients: Any) -> list[Any]:
            return _backward(cell, sources, parameters, tables, starts, gradients)

        return tables if final or not cell.gated else tables[:1], backward

    count = len(sources)
    tables: list[Any] = forward(*sources, *parameters, start)
    released(tables[0])
    return tables


def _forward(cell: Any, sources: Sequence[Any], parameters: Sequence[Any], start: Any, *, keep: bool,
             final: bool) -> tuple[list[Any], Any]:
    """Return the outputs, and the states if they are others and needed, [steps, batch, units]; and the first states.

    Those are a list with the state before each block. With `keep` the results are for `_backward`.
    """
    batch, blocks = tf.shape(start)[0], tf.shape(sources[0])[0] // BLOCK
    rows, read = Rows(cell.units, start.dtype), [_by_blocks(source, listed=not keep) for source in sources]

    def body(block: Any, state: Any, starts: Any, tables: Sequence[Any]) -> Any:
        starts = rows.put(starts, block, state)
        parts = cell.parts([values(block) for values in read], parameters)
        factors, terms = cell.gates(parts)
        states = []
        for factor, term in zip(tf.unstack(factors), tf.unstack(terms), strict=True):
            state = factor * state + term
            states.append(state)
        stacked = tf.stack(states)
        results = [cell.output(stacked, parts), stacked]
        return [block + 1, state, starts, [rows.put(table, block, tf.reshape(result, [-1, cell.units]))
                                           for table, result in zip(tables, results, strict=False)]]

    tables = [rows.new(blocks) for _ in range(2 if cell.gated and (keep or final) else 1)]
    _, _, starts, tables = while_loop(lambda block: block < blocks, body, [0, start, rows.new(blocks), tables], blocks)
    return [tf.reshape(rows.stacked(table, BLOCK * batch), [-1, batch, cell.units]) for table in tables], starts


def _backward(cell: Any, sources: Sequence[Any], parameters: Sequence[Any], tables: Sequence[Any], starts: Any,
              gradients: Sequence[Any]) -> list[Any]:
    """Return the gradients by sources, parameters and the initial state from those by the results of `_run`.

    With g_t = dL/dc_t + a_(t+1) g_(t+1), the gradient by a_t is g_t c_(t-1), and that by b_t is g_t.
    """
    blocks, rows = tf.shape(tables[0])[0] // BLOCK, Rows(cell.units, tables[0].dtype)
    read = [_by_blocks(source, listed=False) for source in sources]
    given, kept = [_by_blocks(gradient, listed=False) for gradient in gradients], _by_blocks(tables[-1], listed=False)
    columns = [Rows(source.shape[-1], source.dtype) for source in sources]

    def body(block: Any, carried: Any, of_parameters: Sequence[Any], written: Sequence[Any]) -> Any:
        values, of_results, states = [one(block) for one in read], [one(block) for one in given], kept(block)
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
        previous = tf.concat([rows.get(starts, block)[None], states[:-1]], axis=0)
        targets, of_targets = [factors, terms], [arrived * previous, arrived]
        if cell.gated:
            targets, of_targets = [*targets, outputs], [*of_targets, of_results[0]]
        found = whole.gradient(targets, [*values, *parameters], of_targets,
                               unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [block - 1, carried,
                [total + one for total, one in zip(of_parameters, found[len(values):], strict=True)],
                [column.put(handle, block, tf.reshape(values, [-1, column.width])) for column, handle, values in zip(
                    columns, written, found[:len(values)], strict=True)]]

    start = [blocks - 1, tf.zeros_like(tables[0][0]), [tf.zeros_like(parameter) for parameter in parameters],
             [column.new(blocks) for column in columns]]
    _, carried, of_parameters, written = while_loop(lambda block: block >= 0, body, start, blocks)
    of_sources = [tf.reshape(column.stacked(handle, BLOCK * tf.shape(source)[1]), tf.shape(source))
                  for column, handle, source in zip(columns, written, sources, strict=True)]
    return [*of_sources, *of_parameters, carried]


def scanned_simply(cell: Any, inputs: Any, mask: Any, states: Sequence[Any], *, backwards: bool
                   ) -> tuple[Any, list[Any]]:
    """Run a linear recurrence like `scanned`, with operators of ONNX and LiteRT; padding is on the right.

    Returns:
        float32 [batch, time, units] in the order of reading, with any values at padding, and the last states, which
        are right for rows without padding.
    """
    batch, time = tf.unstack(tf.shape(inputs)[:2])
    real = None
    if backwards:  # padding comes first, and the state must pass it as it is
        inputs = tf.reverse(inputs, [1])
        real = None if mask is None else tf.reverse(mask, [1])[:, :, tf.newaxis]
    read = inputs
    if cell.window > 1:
        before = tf.reshape(states[1], [batch, cell.window - 1, inputs.shape[-1]])
        words = inputs if real is None else tf.where(real, inputs, tf.zeros([], inputs.dtype))
        read = tf.concat([before, words], axis=1)
        inputs = tf.concat([read[:, place:place + time] for place in range(cell.window)], axis=-1)
    sources = cell.sources(tf.reshape(inputs, [-1, inputs.shape[-1]]))
    parts = cell.parts([tf.reshape(source, [batch, time, source.shape[-1]]) for source in sources],
                       [tf.convert_to_tensor(parameter) for parameter in cell.parameters()])
    factors, terms = cell.gates(parts)
    if real is not None:
        factors, terms = tf.where(real, factors, 1.0), tf.where(real, terms, 0.0)
    stacked = _composed(factors, terms, states[0])
    outputs = cell.output(stacked, parts)
    tails = [tf.reshape(read[:, time:], tf.shape(state)) for state in states[1:]]
    return outputs, [stacked[:, -1], *tails]


def _composed(factors: Any, terms: Any, start: Any) -> Any:
    """Return the states [batch, time, units] of a linear recurrence, with few operators.

    All blocks of steps are run at once, each from zero, then the states between blocks by doubling: after n passes a
    block's step stands for those of the 2^n blocks up to it.
    """
    (batch, time), units = tf.unstack(tf.shape(terms)[:2]), terms.shape[-1]
    padding = [[0, 0], [0, COMPOSED - time % COMPOSED], [0, 0]]
    factors, terms = (tf.reshape(tf.pad(values, padding), [batch, -1, COMPOSED, units]) for values in (factors, terms))
    products: list[Any] = []
    sums: list[Any] = []
    count = tf.shape(terms)[1]
    for factor, term in zip(tf.unstack(factors, axis=2), tf.unstack(terms, axis=2), strict=True):
        products.append(factor * products[-1] if products else factor)
        sums.append(factor * sums[-1] + term if sums else term)

    def body(shift: Any, factor: Any, term: Any) -> Any:
        earlier = tf.concat([tf.ones_like(factor[:, :shift]), factor[:, :-shift]], axis=1)
        carried = tf.concat([tf.zeros_like(term[:, :shift]), term[:, :-shift]], axis=1)
        return 2 * shift, factor * earlier, factor * carried + term

    blocks = tf.TensorShape([None, None, units])
    _, factor, term = tf.while_loop(lambda shift, *_: shift < count, body, [1, products[-1], sums[-1]],
                                    shape_invariants=[tf.TensorShape([]), blocks, blocks])
    ends = factor * start[:, tf.newaxis] + term
    before = tf.concat([start[:, tf.newaxis], ends[:, :-1]], axis=1)[:, :, tf.newaxis]
    states = tf.stack(products, axis=2) * before + tf.stack(sums, axis=2)
    return tf.reshape(states, [batch, -1, units])[:, :time]
