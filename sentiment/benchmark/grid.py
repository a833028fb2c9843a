"""Speed of LSTM and GRU against stock Keras over sizes and modes, alternately in one process.

A batch is float32 [rows, 50, 128]. The modes are `inference`; `gradient`, by inputs and weights with
``training=False``, as in integrated gradients or of a frozen layer; and `training`, the same with ``training=True``.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import product
from typing import Any

from sentiment.benchmark.layer import random_inputs, random_lengths
from sentiment.benchmark.sides import WARM_UPS, Times
from sentiment.machine import peak_memory_bytes

KINDS = ("LSTM", "GRU")
MODES = ("inference", "gradient", "training")
UNITS = (16, 64, 256, 512, 1024)
ROWS = (1, 16, 64, 256)
STEPS, FEATURES = 50, 128


def measured(kind: str, units: int, mode: str, masked: bool, rows: tuple[int, ...], repeats: int
             ) -> Iterator[tuple[str, dict[str, Times]]]:
    """Yield for each number of rows the name of the row and the times by implementation.

    Each implementation has one graph for all numbers of rows.

    Args:
        kind: a layer in `sentiment.layers` and in Keras.
        units: of the layer.
        mode: one of MODES.
        masked: whether the batch has a mask.
        rows: sizes of the batch.
        repeats: runs of each implementation after the warm-up.
    """
    import keras
    import tensorflow as tf

    from sentiment import layers

    sides = {"sentiment": layers, "keras": keras.layers}
    runs = {side: _compiled(getattr(module, kind)(units, return_sequences=True), mode, masked)
            for side, module in sides.items()}
    for count in rows:
        words = tf.constant(random_inputs(count, STEPS, FEATURES))
        mask = tf.sequence_mask(random_lengths(count, STEPS), STEPS)
        times = {side: Times() for side in runs}
        for repeat in range(WARM_UPS + repeats):
            for side, run in runs.items():
                started = time.perf_counter()
                run(words, mask)
                if repeat >= WARM_UPS:
                    times[side].seconds.append(time.perf_counter() - started)
        for found in times.values():
            found.peak_memory_bytes = peak_memory_bytes()
        yield f"{kind} {units}, {count} rows, {mode}{', mask' if masked else ''}", times


def _compiled(layer: Any, mode: str, masked: bool) -> Callable[[Any, Any], Any]:
    """Return a function of words, float32 [rows, steps, features], and mask that runs a mode of a layer in a graph."""
    import tensorflow as tf

    layer.build((None, None, FEATURES))

    def forward(words: Any, mask: Any, training: bool = False) -> Any:
        return tf.reduce_sum(layer(words, mask=mask if masked else None, training=training))

    def both(words: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(words)
            total = forward(words, mask, mode == "training")
        return tape.gradient(total, [words, *(weight.value for weight in layer.trainable_weights)])

    shapes = [tf.TensorSpec([None, None, FEATURES]), tf.TensorSpec([None, None], tf.bool)]
    compiled: Callable[[Any, Any], Any] = tf.function(forward if mode == "inference" else both, input_signature=shapes)
    return compiled


if __name__ == "__main__":
    *words, stdout = *sys.argv[1:], sys.stdout
    sys.stdout = sys.stderr  # output of libraries must not mix with the results
    repeats, *sizes = map(json.loads, words)
    kinds, units, rows = sizes or (KINDS, UNITS, ROWS)
    for kind, masked, size, mode in product(kinds, (False, True), units, MODES):
        for name, times in measured(kind, size, mode, masked, tuple(rows), repeats):
            print(json.dumps([name, {side: asdict(found) for side, found in times.items()}]), file=stdout, flush=True)
    print("null", file=stdout, flush=True)
