"""Linear recurrence c_t = a_t c_(t-1) + b_t over the steps of a batch, in TensorFlow.

Each part of the gates has a product of its own for all words at once; with its bias and its sigmoid or tanh it is one
operation in graphs. The rest is elementwise, and so bound by memory: it is done in blocks of `BLOCK` steps that stay in
a processor's cache. The backward pass computes a block's gates again, and makes its gradients of the kernel and of the
inputs while it is in the cache. Within a block the recurrence is unrolled, so TensorFlow's executor has a few operators
a step to run, and two blocks may be under way at once.

Forward and backward, 64 texts of 100 steps of 256 features, two cores of an AMD EPYC (family 26, AVX-512) that did
nothing else: the share of the layer's matrix products, and the time of an LSTM of as many units as a multiple of the
layer's:

    256 units: MinGRU 0.68 and 3.9, SRU 0.66 and 2.6, QRNN of 2 words 0.72 and 1.5
    512 units: MinGRU 0.61 and 4.7, SRU 0.65 and 2.6, QRNN of 2 words 0.71 and 2.0

One product for all parts, which are split after it, had 0.49 to 0.57 at 256 units; one product for their gradients was
slower at 512. Blocks of 5 and 10 steps were within 0.04. XLA, which compiles each shape anew in 0.7 s and more, gained
nothing, nor did loops over halves of the batch; doubling, log2(time) passes over the whole, had 0.17 to 0.29.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.eager.record import could_possibly_record

from sentiment.layers.embedding import Embedded
from sentiment.layers.tensorflow.graph_gradients import released
from sentiment.layers.tensorflow.reading import Reading, reading_of
from sentiment.layers.tensorflow.recurrence import Rows, while_loop
from sentiment.layers.tensorflow.steps import wide

BLOCK = 20
COMPOSED = 16  # steps of a block where all blocks are run at once
SLOPES = {  # the gradient by the argument of a function, from its value and the gradient by that
    "linear": lambda value, gradient: gradient,
    "sigmoid": lambda value, gradient: tf.raw_ops.SigmoidGrad(y=value, dy=gradient),
    "tanh": lambda value, gradient: tf.raw_ops.TanhGrad(y=value, dy=gradient),
}


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
        training: whether zoneout applies. The fused gradients are used if so, and wherever a `tf.GradientTape` records;
            automatic ones, of a graph that was traced without a tape, are also exact, but slow.
        embedded: ids and lookup of the inputs, if they come from an embedding.

    Returns:
        Outputs [batch, time, units] or [batch, units], in the dtype of the inputs, and the final states.
    """
    (batch, time), masked = tf.unstack(tf.shape(inputs)[:2]), mask is not None
    reading = reading_of(mask if masked else tf.ones([batch, time], tf.bool), backwards, zeros, BLOCK)
    recorded, start = training or could_possibly_record(), wide(states[0])
    weights, blocks = _weights(cell), reading.steps // BLOCK
    if recorded or embedded is None or cell.window > 1:
        words = _in_order(inputs, reading, backwards=backwards, masked=masked, recorded=recorded)
        read = words if cell.window == 1 else tf.concat([_time_major(states[1], cell.window - 1), words], axis=0)
        noise = cell.noise([reading.steps * batch, cell.units], start.dtype, training)
        tables = _run(cell, read, noise, weights, start, blocks, recorded=recorded, final=final)
    else:  # each distinct word of the batch is projected once
        distinct, places = tf.unique(tf.reshape(embedded.ids, [-1]))
        order = tf.gather(places, reading.words)
        parts = [tf.gather(values, order) for values in _parts(cell, embedded.vectors(distinct), weights)]
        tables = _stacked(_forward(cell, parts, weights, start, blocks, final=final)[0], start, blocks)
    if masked:
        table = tf.reshape(tf.pad(tables[0], [[2, 0], [0, 0], [0, 0]]), [-1, cell.units])
        outputs = tf.gather(table, reading.places if sequences else reading.places[:, -1])
    else:
        outputs = _batch_major(tables[0], time, recorded=recorded) if sequences else tables[0][time - 1]
    outputs = tf.cast(outputs, inputs.dtype)
    outputs.set_shape([*inputs.shape[:2 if sequences else 1], cell.units])
    if not final:
        return outputs, list(states)
    # The initial state is the output of a text without words.
    last = tf.gather(tf.reshape(tf.concat([start[None], tables[-1]], axis=0), [-1, cell.units]),
                     reading.ends - batch)
    finals = [tf.cast(last, inputs.dtype)]
    if cell.window > 1:
        rows = [tf.gather(read, reading.ends + (place - 1) * batch) for place in range(cell.window - 1)]
        finals.append(tf.concat(rows, axis=-1))
    return outputs, finals


def _in_order(inputs: Any, reading: Reading, *, backwards: bool, masked: bool, recorded: bool) -> Any:
    """Return the words in reading order, [steps * batch, features].

    Where it is recorded, its gradient is also a gather; the automatic gradient is a slower sum by position.
    """
    def gathered(inputs: Any) -> Any:
        return tf.gather(tf.reshape(inputs, [-1, inputs.shape[-1]]), reading.words)

    @tf.custom_gradient
    def gather(inputs: Any) -> Any:
        return gathered(inputs), lambda gradient: reading.to_inputs(gradient, backwards, masked)

    return released(gather(inputs)) if recorded else gathered(inputs)


def _batch_major(table: Any, time: Any, *, recorded: bool) -> Any:
    """Return the first steps of [steps, batch, units] as [batch, time, units]."""
    def transposed(table: Any) -> Any:
        return tf.transpose(table[:time], [1, 0, 2])

    @tf.custom_gradient
    def transpose(table: Any) -> Any:
        steps = tf.shape(table)[0]
        return transposed(table), lambda gradient: tf.pad(
            tf.transpose(gradient, [1, 0, 2]), [[0, steps - time], [0, 0], [0, 0]])

    return released(transpose(table)) if recorded else transposed(table)


def _time_major(before: Any, steps: int) -> Any:
    """Return the inputs before the first, [batch, steps * features], as rows [steps * batch, features]."""
    return tf.concat(tf.split(before, steps, axis=1), axis=0)


def _windows(read: Any, window: int, batch: Any) -> Any:
    """Return the inputs of each step and of the window before it, [steps * batch, window * features]."""
    if window == 1:
        return read
    rows = tf.shape(read)[0] - (window - 1) * batch
    return tf.concat([read[place * batch:place * batch + rows] for place in range(window)], axis=-1)


class Weights(NamedTuple):
    """Weights of a cell, float32 or float64: a kernel and a bias for each part, and the other parameters."""

    kernels: Sequence[Any]
    biases: Sequence[Any]
    parameters: Sequence[Any]


def _weights(cell: Any) -> Weights:
    """Return the weights of a cell; without biases, zeros."""
    def split(weight: Any) -> Any:
        return tf.split(wide(tf.convert_to_tensor(weight)), len(cell.activations), axis=-1)

    kernels = split(cell.kernel)
    biases = [tf.zeros_like(kernel[0]) for kernel in kernels] if cell.bias is None else split(cell.bias)
    return Weights(kernels, biases, [wide(tf.convert_to_tensor(parameter)) for parameter in cell.parameters()])


def _parts(cell: Any, windows: Any, weights: Weights) -> list[Any]:
    """Return the parts and `others`, [rows, width] each.

    A product, its bias and its sigmoid or tanh become one operation in graphs, without a further pass over memory.
    """
    def part(kernel: Any, bias: Any, activation: str) -> Any:
        values = tf.nn.bias_add(wide(tf.matmul(windows, tf.cast(kernel, windows.dtype))), bias)
        return values if activation == "linear" else getattr(tf, activation)(values)

    return [*(part(*of_one) for of_one in zip(weights.kernels, weights.biases, cell.activations, strict=True)),
            *map(wide, cell.others(windows))]


def _by_blocks(table: Any, blocks: Any, batch: Any) -> Any:
    """Return a table [steps * batch, width] or [steps, batch, width] as [blocks, BLOCK, batch, width]."""
    return tf.reshape(table, [blocks, BLOCK, batch, table.shape[-1]])


def _stacked(handles: Sequence[Any], start: Any, blocks: Any) -> list[Any]:
    """Return lists of blocks as tables [steps, batch, units], like the initial state."""
    (batch, units), rows = (tf.shape(start)[0], start.shape[-1]), Rows(start.shape[-1], start.dtype)
    return [tf.reshape(rows.stacked(handle, BLOCK * batch), [blocks * BLOCK, batch, units]) for handle in handles]


def _run(cell: Any, read: Any, noise: Sequence[Any], weights: Weights, start: Any, blocks: Any, *, recorded: bool,
         final: bool) -> list[Any]:
    """Return the outputs of all steps, [steps, batch, units], and the states if they are wanted and others.

    Args:
        cell: a cell.
        read: the inputs, and with a window those before the first, [(window - 1 + steps) * batch, features].
        noise: random arguments, [steps * batch, units].
        weights: of the cell.
        start: the initial state.
        blocks: the number of blocks of steps.
        recorded: whether the fused gradient is used.
        final: whether the states are wanted.
    """
    batch = tf.shape(start)[0]

    def results(read: Any, weights: Weights, start: Any, *, keep: bool) -> tuple[list[Any], list[Any], list[Any], Any]:
        parts = [*_parts(cell, _windows(read, cell.window, batch), weights), *noise]
        handles, starts = _forward(cell, parts, weights, start, blocks, final=keep or final)
        wanted = handles if final or not cell.gated else handles[:1]
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


def _forward(cell: Any, parts: Sequence[Any], weights: Weights, start: Any, blocks: Any, *, final: bool
             ) -> tuple[list[Any], Any]:
    """Run the recurrence over the blocks.

    Args:
        cell: a cell.
        parts: arguments of its functions without the parameters, [steps * batch, width].
        weights: of the cell.
        start: the initial state.
        blocks: their number.
        final: whether the states are wanted.

    Returns:
        Lists of blocks [BLOCK * batch, units]: the outputs, and with `final` the states if they are others; and the
        list of the state before each block.
    """
    batch = tf.shape(start)[0]
    rows, read = Rows(cell.units, start.dtype), [_by_blocks(part, blocks, batch) for part in parts]

    def body(block: Any, state: Any, starts: Any, handles: Sequence[Any]) -> Any:
        starts = rows.put(starts, block, state)
        parts = [*(part[block] for part in read), *weights.parameters]
        factors, terms = cell.gates(parts)
        states = []
        for factor, term in zip(tf.unstack(factors), tf.unstack(terms), strict=True):
            state = factor * state + term
            states.append(state)
        stacked = tf.stack(states)
        results = [cell.output(stacked, parts), stacked]
        return [block + 1, state, starts, [rows.put(handle, block, tf.reshape(result, [-1, cell.units]))
                                           for handle, result in zip(handles, results, strict=False)]]

    handles = [rows.new(blocks) for _ in range(2 if cell.gated and final else 1)]
    _, _, starts, handles = while_loop(lambda block: block < blocks, body, [0, start, rows.new(blocks), handles],
                                       blocks, parallel=2)
    return handles, starts


def _backward(cell: Any, read: Any, parts: Sequence[Any], weights: Weights, states: Any, starts: Any,
              gradients: Sequence[Any]) -> list[Any]:
    """Return the gradients by inputs, initial state and weights from those by the results of `_run`.

    With g_t = dL/dc_t + a_(t+1) g_(t+1), the gradient by a_t is g_t c_(t-1), and that by b_t is g_t.

    Args:
        cell: a cell.
        read: its inputs, as for `_run`.
        parts: as for `_forward`, with those of noise at the end.
        weights: of the cell.
        states: list of `_forward`.
        starts: list of `_forward`.
        gradients: by the results, [steps, batch, units].
    """
    rows, features, past = Rows(cell.units, parts[0].dtype), read.shape[-1], cell.window - 1
    blocks, batch = tf.shape(gradients[0])[0] // BLOCK, tf.shape(gradients[0])[1]
    tables, given = ([_by_blocks(table, blocks, batch) for table in several] for several in (parts, gradients))
    column = Rows(features, read.dtype)
    projected = len(cell.activations)

    def windows_of(block: Any) -> Any:
        first = block * BLOCK * batch
        return _windows(read[first:first + (BLOCK + past) * batch], cell.window, batch)

    def body(block: Any, carried: Any, spilled: Any, totals: Weights, written: Any) -> Any:
        values, of_results = [table[block] for table in tables], [table[block] for table in given]
        found = tf.reshape(rows.get(states, block), [BLOCK, -1, cell.units])
        with tf.GradientTape() as whole, tf.GradientTape() as by_state:
            whole.watch([*values, *weights.parameters])
            by_state.watch(found)
            arguments = [*values, *weights.parameters]
            factors, terms = cell.gates(arguments)
            outputs = cell.output(found, arguments)
        of_states = by_state.gradient(outputs, found, of_results[0]) if cell.gated else of_results[0]
        of_states = of_states + of_results[1] if len(of_results) > 1 else of_states
        arriving: list[Any] = []
        for factor, gradient in zip(reversed(tf.unstack(factors)), reversed(tf.unstack(of_states)), strict=True):
            carried = carried + gradient
            arriving.append(carried)
            carried = carried * factor
        arrived = tf.stack(arriving[::-1])
        previous = tf.concat([rows.get(starts, block)[None], found[:-1]], axis=0)
        targets, of_targets = [factors, terms], [arrived * previous, arrived]
        if cell.gated:
            targets, of_targets = [*targets, outputs], [*of_targets, of_results[0]]
        by_values = whole.gradient(targets, arguments, of_targets,
                                   unconnected_gradients=tf.UnconnectedGradients.ZERO)
        flat = [tf.reshape(SLOPES[activation](value, gradient), [-1, cell.units]) for activation, value, gradient
                in zip(cell.activations, values, by_values, strict=False)]
        narrow, windows = [tf.cast(gradient, read.dtype) for gradient in flat], windows_of(block)
        totals = Weights(
            [total + wide(tf.matmul(windows, gradient, transpose_a=True))
             for total, gradient in zip(totals.kernels, narrow, strict=True)],
            [total + tf.reduce_sum(gradient, axis=0) for total, gradient in zip(totals.biases, flat, strict=True)],
            [total + gradient for total, gradient in zip(totals.parameters, by_values[len(values):], strict=True)])
        of_windows = tf.add_n([
            *(tf.matmul(gradient, tf.cast(kernel, read.dtype), transpose_b=True)
              for gradient, kernel in zip(narrow, weights.kernels, strict=True)),
            *(tf.cast(tf.reshape(gradient, [-1, features]), read.dtype)
              for gradient in by_values[projected:projected + len(cell.others(windows))])])
        if past:  # an input is part of several windows, and some inputs belong to the block before
            places = [tf.pad(gradient, [[place * batch, (past - place) * batch], [0, 0]])
                      for place, gradient in enumerate(tf.split(of_windows, cell.window, axis=-1))]
            of_windows = tf.add_n([*places, tf.pad(spilled, [[BLOCK * batch, 0], [0, 0]])])
            spilled, of_windows = of_windows[:past * batch], of_windows[past * batch:]
        return [block - 1, carried, spilled, totals, column.put(written, block, of_windows)]

    _, carried, spilled, totals, written = while_loop(
        lambda block: block >= 0, body,
        [blocks - 1, tf.zeros_like(gradients[0][0]), tf.zeros([past * batch, features], read.dtype),
         tf.nest.map_structure(tf.zeros_like, weights), column.new(blocks)], blocks, parallel=2)
    of_words = tf.reshape(column.stacked(written, BLOCK * batch), [-1, features])
    return [tf.concat([spilled, of_words], axis=0) if past else of_words, carried, *tf.nest.flatten(totals)]


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
    parts = [tf.reshape(part, [batch, time, part.shape[-1]]) if part.shape.rank == 2 else part
             for part in cell.parts(tf.reshape(inputs, [-1, inputs.shape[-1]]))]
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
