"""Elementwise linear recurrence c_t = a_t c_(t-1) + b_t over the steps of a batch, in TensorFlow on a CPU.

Each gate and candidate is one matrix product for all words at once, which TensorFlow fuses with the addition of its
bias and its sigmoid or tanh in graphs. The rest is elementwise and therefore bound by memory bandwidth: it is computed
in blocks of `BLOCK` steps that fit into a processor's cache. The backward pass recomputes the coefficients of a block
and computes the block's gradients of the kernels and the inputs while they are cached. Within a block the recurrence is
unrolled, so TensorFlow executes few operators per step, and two blocks may run concurrently.

Share of the matrix products in the time of a forward and backward pass, and speed-up over an LSTM of as many units; 64
texts of 100 steps of 256 features, on two otherwise idle cores of an AMD EPYC with AVX-512 (docs/results.md, Speed):

    256 units: MinGRU 0.68 and 3.3, SRU 0.66 and 2.4, QRNN with a window of two 0.72 and 1.4
    512 units: MinGRU 0.61 and 4.8, SRU 0.65 and 2.7, QRNN with a window of two 0.71 and 2.0

Slower alternatives, by the same share at 256 units: one product for all gates, split afterwards, 0.49 to 0.57; a
parallel prefix scan of log2(time) passes over the whole batch, 0.17 to 0.29. One product for the gradients of all gates
is slower at 512 units. Blocks of 5 and 10 steps are within 0.04. XLA, which compiles each shape anew in at least 0.7 s,
gains nothing, nor do loops over halves of the batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.eager.record import could_possibly_record

from sentiment.layers.embedding import Embedded
from sentiment.layers.tensorflow.graph_gradients import released
from sentiment.layers.tensorflow.reading import Reading, reading_of
from sentiment.layers.tensorflow.recurrence import TensorList, while_loop
from sentiment.layers.tensorflow.steps import at_least_float32

BLOCK = 20  # steps
EXPORT_BLOCK = 16  # steps of a block in exports, where all blocks run at once
ACTIVATION_GRADIENTS = {  # from the value of the activation and its gradient to the gradient of its argument
    "linear": lambda value, gradient: gradient,
    "sigmoid": lambda value, gradient: tf.raw_ops.SigmoidGrad(y=value, dy=gradient),
    "tanh": lambda value, gradient: tf.raw_ops.TanhGrad(y=value, dy=gradient),
}


def linear_recurrence(cell: Any, inputs: Any, mask: Any, states: Sequence[Any], *, go_backwards: bool,
                      return_sequences: bool, return_state: bool, zero_output_for_mask: bool, training: bool,
                      embedded: Embedded | None = None) -> tuple[Any, list[Any]]:
    """Compute an elementwise linear recurrence over a batch, with a fused gradient.

    The fused gradient is used with `training` and wherever a `tf.GradientTape` records. A graph that was traced without
    a tape has automatic gradients, which are also exact, but slow.

    Args:
        cell: a `sentiment.layers.scan.ScanCell`, built.
        inputs: float [batch, time, features].
        mask: bool [batch, time], or None.
        states: the initial states: float [batch, units], and with a window of several inputs those before the first,
            float [batch, (window - 1) * features].
        go_backwards: whether the last word is read first; the outputs are in reading order.
        return_sequences: whether to return the outputs of all steps instead of the last one.
        return_state: whether to return the final states; otherwise the initial ones are returned.
        zero_output_for_mask: whether the output at a masked position is zeros instead of a repetition.
        training: whether zoneout applies.
        embedded: ids and lookup of the inputs, if they come directly from an embedding.

    Returns:
        Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
    """
    (batch, time), masked = tf.unstack(tf.shape(inputs)[:2]), mask is not None
    reading = reading_of(mask if masked else tf.ones([batch, time], tf.bool), go_backwards, zero_output_for_mask, BLOCK)
    recorded, start = training or could_possibly_record(), at_least_float32(states[0])
    weights, blocks = _weights(cell), reading.steps // BLOCK
    if recorded or embedded is None or cell.window > 1:
        words = _in_order(inputs, reading, go_backwards=go_backwards, masked=masked, recorded=recorded)
        read = words if cell.window == 1 else tf.concat([_time_major(states[1], cell.window - 1), words], axis=0)
        noise = cell.noise([reading.steps * batch, cell.units], start.dtype, training)
        tables = _run(cell, read, noise, weights, start, blocks, recorded=recorded, return_state=return_state)
    else:  # each distinct word of the batch is projected once
        distinct, places = tf.unique(tf.reshape(embedded.ids, [-1]))
        order = tf.gather(places, reading.words)
        parts = [tf.gather(values, order) for values in _parts(cell, embedded.vectors(distinct), weights)]
        tables = _stacked(_forward(cell, parts, weights, start, blocks, return_state=return_state)[0], start, blocks)
    if masked:
        table = tf.reshape(tf.pad(tables[0], [[2, 0], [0, 0], [0, 0]]), [-1, cell.units])
        outputs = tf.gather(table, reading.places if return_sequences else reading.places[:, -1])
    else:
        outputs = _batch_major(tables[0], time, recorded=recorded) if return_sequences else tables[0][time - 1]
    outputs = tf.cast(outputs, inputs.dtype)
    outputs.set_shape([*inputs.shape[:2 if return_sequences else 1], cell.units])
    if not return_state:
        return outputs, list(states)
    # The final state of a text without words is the initial state.
    last = tf.gather(tf.reshape(tf.concat([start[None], tables[-1]], axis=0), [-1, cell.units]),
                     reading.ends - batch)
    finals = [tf.cast(last, inputs.dtype)]
    if cell.window > 1:
        rows = [tf.gather(read, reading.ends + (place - 1) * batch) for place in range(cell.window - 1)]
        finals.append(tf.concat(rows, axis=-1))
    return outputs, finals


def _in_order(inputs: Any, reading: Reading, *, go_backwards: bool, masked: bool, recorded: bool) -> Any:
    """Return the words in reading order, [steps * batch, features].

    If a tape records, the gradient is a gather, too; the automatic gradient is a slower scatter-add.
    """
    def gathered(inputs: Any) -> Any:
        return tf.gather(tf.reshape(inputs, [-1, inputs.shape[-1]]), reading.words)

    @tf.custom_gradient
    def gather(inputs: Any) -> Any:
        return gathered(inputs), lambda gradient: reading.to_inputs(gradient, go_backwards, masked)

    return released(gather(inputs)) if recorded else gathered(inputs)


def _batch_major(table: Any, time: Any, *, recorded: bool) -> Any:
    """Return the first `time` steps of [steps, batch, units] as [batch, time, units]."""
    def transposed(table: Any) -> Any:
        return tf.transpose(table[:time], [1, 0, 2])

    @tf.custom_gradient
    def transpose(table: Any) -> Any:
        steps = tf.shape(table)[0]
        return transposed(table), lambda gradient: tf.pad(
            tf.transpose(gradient, [1, 0, 2]), [[0, steps - time], [0, 0], [0, 0]])

    return released(transpose(table)) if recorded else transposed(table)


def _time_major(before: Any, steps: int) -> Any:
    """Return the inputs before the first, [batch, steps * features], as [steps * batch, features]."""
    return tf.concat(tf.split(before, steps, axis=1), axis=0)


def _windows(read: Any, window: int, batch: Any) -> Any:
    """Return the concatenated inputs of the window of each step, [steps * batch, window * features]."""
    if window == 1:
        return read
    rows = tf.shape(read)[0] - (window - 1) * batch
    return tf.concat([read[place * batch:place * batch + rows] for place in range(window)], axis=-1)


class Weights(NamedTuple):
    """Weights of a cell, float32 or float64: the kernel and bias of each projection, and `ScanCell.parameters`."""

    kernels: Sequence[Any]
    biases: Sequence[Any]
    parameters: Sequence[Any]


def _weights(cell: Any) -> Weights:
    """Return the weights of a cell; without biases, zeros."""
    def split(weight: Any) -> Any:
        return tf.split(at_least_float32(tf.convert_to_tensor(weight)), len(cell.activations), axis=-1)

    kernels = split(cell.kernel)
    biases = [tf.zeros_like(kernel[0]) for kernel in kernels] if cell.bias is None else split(cell.bias)
    return Weights(kernels, biases, [at_least_float32(tf.convert_to_tensor(weight)) for weight in cell.parameters()])


def _parts(cell: Any, windows: Any, weights: Weights) -> list[Any]:
    """Return the activated projections and the unprojected inputs, [rows, units] each.

    In graphs TensorFlow fuses a product, its bias and its sigmoid or tanh into one operation.
    """
    def projection(kernel: Any, bias: Any, activation: str) -> Any:
        values = tf.nn.bias_add(at_least_float32(tf.matmul(windows, tf.cast(kernel, windows.dtype))), bias)
        return values if activation == "linear" else getattr(tf, activation)(values)

    return [*map(projection, weights.kernels, weights.biases, cell.activations),
            *map(at_least_float32, cell.unprojected(windows))]


def _by_blocks(table: Any, blocks: Any, batch: Any) -> Any:
    """Return a table [steps * batch, width] or [steps, batch, width] as [blocks, BLOCK, batch, width]."""
    return tf.reshape(table, [blocks, BLOCK, batch, table.shape[-1]])


def _stacked(handles: Sequence[Any], start: Any, blocks: Any) -> list[Any]:
    """Return lists of blocks as tensors [steps, batch, units], with the units and dtype of the initial state."""
    (batch, units), rows = (tf.shape(start)[0], start.shape[-1]), TensorList(start.shape[-1], start.dtype)
    return [tf.reshape(rows.stack(handle, BLOCK * batch), [blocks * BLOCK, batch, units]) for handle in handles]


def _run(cell: Any, read: Any, noise: Sequence[Any], weights: Weights, start: Any, blocks: Any, *, recorded: bool,
         return_state: bool) -> list[Any]:
    """Return the outputs of all steps, [steps, batch, units], and if they are wanted and differ also the states.

    Args:
        cell: a `sentiment.layers.scan.ScanCell`.
        read: the inputs, and with a window those before the first, [(window - 1 + steps) * batch, features].
        noise: random arguments, [steps * batch, units].
        weights: of the cell.
        start: the initial state, [batch, units].
        blocks: the number of blocks of steps.
        recorded: whether the fused gradient is used.
        return_state: whether the states are wanted.
    """
    batch = tf.shape(start)[0]

    def results(read: Any, weights: Weights, start: Any, *, keep: bool) -> tuple[list[Any], list[Any], list[Any], Any]:
        parts = [*_parts(cell, _windows(read, cell.window, batch), weights), *noise]
        handles, starts = _forward(cell, parts, weights, start, blocks, return_state=keep or return_state)
        wanted = handles if return_state or not cell.has_output_gate else handles[:1]
        return _stacked(wanted, start, blocks), parts, handles[-1], starts

    if not recorded:
        return results(read, weights, start, keep=False)[0]

    @tf.custom_gradient
    def forward(*tensors: Any) -> Any:
        read, start, *flat = tensors
        packed = tf.nest.pack_sequence_as(weights, flat)
        tables, parts, states, starts = results(read, packed, start, keep=True)

        def backward(*gradients: Any) -> list[Any]:
            return _backward(cell, read, parts, packed, states, starts, gradients)

        return tables, backward

    tables: list[Any] = forward(read, start, *tf.nest.flatten(weights))
    released(tables[0])
    return tables


def _forward(cell: Any, parts: Sequence[Any], weights: Weights, start: Any, blocks: Any, *, return_state: bool
             ) -> tuple[list[Any], Any]:
    """Compute the recurrence block by block.

    Args:
        cell: a `sentiment.layers.scan.ScanCell`.
        parts: arguments of its functions without the parameters, [steps * batch, units].
        weights: of the cell.
        start: the initial state, [batch, units].
        blocks: the number of blocks.
        return_state: whether the states are wanted.

    Returns:
        Handles of lists of blocks [BLOCK * batch, units]: the outputs, and with `return_state` the states if they
        differ; and the handle of the list of the state before each block, [batch, units].
    """
    batch = tf.shape(start)[0]
    rows, read = TensorList(cell.units, start.dtype), [_by_blocks(part, blocks, batch) for part in parts]

    def body(block: Any, state: Any, starts: Any, handles: Sequence[Any]) -> Any:
        starts = rows.set(starts, block, state)
        parts = [*(part[block] for part in read), *weights.parameters]
        factors, terms = cell.coefficients(parts)
        states = []
        for factor, term in zip(tf.unstack(factors), tf.unstack(terms), strict=True):
            state = factor * state + term
            states.append(state)
        stacked = tf.stack(states)
        results = [cell.output(stacked, parts), stacked]
        return [block + 1, state, starts, [rows.set(handle, block, tf.reshape(result, [-1, cell.units]))
                                           for handle, result in zip(handles, results, strict=False)]]

    handles = [rows.reserve(blocks) for _ in range(2 if cell.has_output_gate and return_state else 1)]
    _, _, starts, handles = while_loop(lambda block: block < blocks, body, [0, start, rows.reserve(blocks), handles],
                                       blocks, parallel=2)
    return handles, starts


def _backward(cell: Any, read: Any, parts: Sequence[Any], weights: Weights, states: Any, starts: Any,
              gradients: Sequence[Any]) -> list[Any]:
    """Return the gradients of inputs, initial state and weights from those of the results of `_run`.

    With g_t = dL/dc_t + a_(t+1) g_(t+1), the gradient of a_t is g_t c_(t-1), and that of b_t is g_t.

    Args:
        cell: a `sentiment.layers.scan.ScanCell`.
        read: the inputs, as for `_run`.
        parts: as for `_forward`, with noise at the end.
        weights: of the cell.
        states: handle of the list of states of `_forward`.
        starts: handle of the list of the states before each block of `_forward`.
        gradients: of the results, [steps, batch, units].
    """
    rows, features, past = TensorList(cell.units, parts[0].dtype), read.shape[-1], cell.window - 1
    blocks, batch = tf.shape(gradients[0])[0] // BLOCK, tf.shape(gradients[0])[1]
    part_blocks, gradient_blocks = ([_by_blocks(table, blocks, batch) for table in several]
                                    for several in (parts, gradients))
    input_rows = TensorList(features, read.dtype)
    projected = len(cell.activations)

    def windows_of(block: Any) -> Any:
        first = block * BLOCK * batch
        return _windows(read[first:first + (BLOCK + past) * batch], cell.window, batch)

    def body(block: Any, carried: Any, overlap: Any, totals: Weights, input_gradients: Any) -> Any:
        values, of_results = ([table[block] for table in several] for several in (part_blocks, gradient_blocks))
        states_here = tf.reshape(rows.get(states, block), [BLOCK, -1, cell.units])
        with tf.GradientTape() as whole, tf.GradientTape() as by_state:
            whole.watch([*values, *weights.parameters])
            by_state.watch(states_here)
            arguments = [*values, *weights.parameters]
            factors, terms = cell.coefficients(arguments)
            outputs = cell.output(states_here, arguments)
        of_states = by_state.gradient(outputs, states_here, of_results[0]) if cell.has_output_gate else of_results[0]
        of_states = of_states + of_results[1] if len(of_results) > 1 else of_states
        state_gradients: list[Any] = []
        for factor, gradient in zip(reversed(tf.unstack(factors)), reversed(tf.unstack(of_states)), strict=True):
            carried = carried + gradient
            state_gradients.append(carried)
            carried = carried * factor
        of_terms = tf.stack(state_gradients[::-1])
        previous = tf.concat([rows.get(starts, block)[None], states_here[:-1]], axis=0)
        targets, of_targets = [factors, terms], [of_terms * previous, of_terms]
        if cell.has_output_gate:
            targets, of_targets = [*targets, outputs], [*of_targets, of_results[0]]
        by_values = whole.gradient(targets, arguments, of_targets,
                                   unconnected_gradients=tf.UnconnectedGradients.ZERO)
        flat = [tf.reshape(ACTIVATION_GRADIENTS[activation](value, gradient), [-1, cell.units])
                for activation, value, gradient in zip(cell.activations, values, by_values, strict=False)]
        in_input_dtype, windows = [tf.cast(gradient, read.dtype) for gradient in flat], windows_of(block)
        totals = Weights(
            [total + at_least_float32(tf.matmul(windows, gradient, transpose_a=True))
             for total, gradient in zip(totals.kernels, in_input_dtype, strict=True)],
            [total + tf.reduce_sum(gradient, axis=0) for total, gradient in zip(totals.biases, flat, strict=True)],
            [total + gradient for total, gradient in zip(totals.parameters, by_values[len(values):], strict=True)])
        of_windows = tf.add_n([
            *(tf.matmul(gradient, tf.cast(kernel, read.dtype), transpose_b=True)
              for gradient, kernel in zip(in_input_dtype, weights.kernels, strict=True)),
            *(tf.cast(tf.reshape(gradient, [-1, features]), read.dtype)
              for gradient in by_values[projected:projected + len(cell.unprojected(windows))])])
        if past:  # an input is in several windows; those of the first steps reach into the preceding block
            places = [tf.pad(gradient, [[place * batch, (past - place) * batch], [0, 0]])
                      for place, gradient in enumerate(tf.split(of_windows, cell.window, axis=-1))]
            of_windows = tf.add_n([*places, tf.pad(overlap, [[BLOCK * batch, 0], [0, 0]])])
            overlap, of_windows = of_windows[:past * batch], of_windows[past * batch:]
        return [block - 1, carried, overlap, totals, input_rows.set(input_gradients, block, of_windows)]

    _, carried, overlap, totals, input_gradients = while_loop(
        lambda block: block >= 0, body,
        [blocks - 1, tf.zeros_like(gradients[0][0]), tf.zeros([past * batch, features], read.dtype),
         tf.nest.map_structure(tf.zeros_like, weights), input_rows.reserve(blocks)], blocks, parallel=2)
    of_words = tf.reshape(input_rows.stack(input_gradients, BLOCK * batch), [-1, features])
    return [tf.concat([overlap, of_words], axis=0) if past else of_words, carried, *tf.nest.flatten(totals)]


def exportable_recurrence(cell: Any, inputs: Any, mask: Any, states: Sequence[Any], *, go_backwards: bool
                          ) -> tuple[Any, list[Any]]:
    """Compute `linear_recurrence` with operators that ONNX and LiteRT have; padding must be on the right.

    Returns:
        Outputs, float32 [batch, time, units] in reading order, undefined at padding, and the final states, which are
        correct for rows without padding.
    """
    batch, time = tf.unstack(tf.shape(inputs)[:2])
    real = None
    if go_backwards:  # padding comes first and must not change the state
        inputs = tf.reverse(inputs, [1])
        real = None if mask is None else tf.reverse(mask, [1])[:, :, tf.newaxis]
    read = inputs
    if cell.window > 1:
        before = tf.reshape(states[1], [batch, cell.window - 1, inputs.shape[-1]])
        words = inputs if real is None else tf.where(real, inputs, tf.zeros([], inputs.dtype))
        read = tf.concat([before, words], axis=1)
        inputs = tf.concat([read[:, place:place + time] for place in range(cell.window)], axis=-1)
    parts = [tf.reshape(part, [batch, time, part.shape[-1]]) if part.shape.rank == 2 else part
             for part in cell.parts(tf.reshape(inputs, [-1, inputs.shape[-1]]))]
    factors, terms = cell.coefficients(parts)
    if real is not None:
        factors, terms = tf.where(real, factors, 1.0), tf.where(real, terms, 0.0)
    stacked = _states_by_doubling(factors, terms, states[0])
    outputs = cell.output(stacked, parts)
    tails = [tf.reshape(read[:, time:], tf.shape(state)) for state in states[1:]]
    return outputs, [stacked[:, -1], *tails]


def _states_by_doubling(factors: Any, terms: Any, start: Any) -> Any:
    """Return the states [batch, time, units] of a linear recurrence, by a blocked prefix scan.

    All blocks of steps run at once, each from a state of zero; then the states between blocks are found by doubling
    (Hillis & Steele 1986): after n passes the affine map of a block is that of the 2^n blocks up to it.
    """
    (batch, time), units = tf.unstack(tf.shape(terms)[:2]), terms.shape[-1]
    padding = [[0, 0], [0, EXPORT_BLOCK - time % EXPORT_BLOCK], [0, 0]]
    factors, terms = (tf.reshape(tf.pad(values, padding), [batch, -1, EXPORT_BLOCK, units])
                      for values in (factors, terms))
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
