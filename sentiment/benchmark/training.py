"""Speed of training of a bidirectional recurrent classifier: one epoch on the same texts.

Each implementation is a function that prepares the training and returns a function of one epoch.

Args of all: `file`, arrays of `sentiment.benchmark.speed`; `vocabulary`, its size; `max_length`, words of a text;
`batch`, texts of a step; `embedding` and `units`, sizes of the layers.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

LEARNING_RATE, CLIP_NORM = 1e-3, 1.0
# The architecture of `ours` by default, and the others that are compared with it.
RECURRENT = ("bilstm", "bigru", "biqrnn", "bisru", "bimingru", "biminlstm")


def ours(*, file: str, vocabulary: int, max_length: int, batch: int, embedding: int, units: int, by_rows: bool = True,
         **others: Any) -> Callable[[], Any]:
    """Return an epoch of this project's trainer, in batches by length.

    With `by_rows` only the looked-up rows of the embedding are updated. `others` are further options of the model.
    """
    from sentiment.startup import import_tensorflow

    import_tensorflow(training=True)
    import keras

    from sentiment import architectures
    from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
    from sentiment.config import RunConfig
    from sentiment.training.classification import ClassificationTask
    from sentiment.training.loop import Trainer
    from sentiment.training.optimization import make_optimizer
    from sentiment.training.strategy import make_strategy

    keras.utils.set_random_seed(1)
    config = RunConfig().updated({"model": {"units": units, "embedding_size": embedding, **others},
                                  "training": {"batch_size": batch, "schedule": "constant"}})
    data = np.load(file)
    tokens, labels = TokenizedTexts(data["values"], data["offsets"]), data["labels"]
    boundaries = bucket_lengths(tokens.lengths, config.text.buckets, max_length)
    batches = Batches(tokens, boundaries, batch)
    one = Batches(TokenizedTexts(tokens.values, tokens.offsets[:2]), boundaries, 1)
    model = architectures.build(config.model, architectures.Sizes(vocabulary, 2))
    optimizer = make_optimizer(config.training, steps=100 * len(batches), by_rows=by_rows)
    task = ClassificationTask(model, config.training, batches, labels, one, labels[:1], np.ones(2, np.float32))
    trainer = Trainer(task, optimizer, make_strategy("single"), config.training,
                      table=model.get_layer(architectures.EMBEDDING).embeddings if by_rows else None)
    return lambda: trainer.fit(epochs=1)


def mixed(**options: Any) -> Callable[[], Any]:
    """Return an epoch of `ours` with `--mixed-precision`: bfloat16 on a CPU."""
    from sentiment.precision import precision

    with precision(True):
        return ours(**options, by_rows=False)


def xla(**options: Any) -> Callable[[], Any]:
    """Return an epoch of `ours` with XLA's automatic clustering."""
    import tensorflow as tf

    tf.config.optimizer.set_jit("autoclustering")
    return ours(**options)


def one_thread_per_operator(**options: Any) -> Callable[[], Any]:
    """Return an epoch of `ours` with one thread per operator and two operators at a time."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    return ours(**options)


def stock(*, file: str, vocabulary: int, max_length: int, batch: int, embedding: int, units: int) -> Callable[[], Any]:
    """Return an epoch of `model.fit` of the same Keras layers, padded to full length, as in Keras's examples."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((max_length,), dtype="int32"), keras.layers.Embedding(vocabulary, embedding, mask_zero=True),
        keras.layers.SpatialDropout1D(0.5),
        keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True)),
        keras.layers.GlobalMaxPooling1D(), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(LEARNING_RATE, global_clipnorm=CLIP_NORM),
                  keras.losses.BinaryCrossentropy(from_logits=True))
    return _fitted(model, file, batch)


def _fitted(model: Any, file: str, batch: int) -> Callable[[], Any]:
    """Return a function that runs one epoch of `fit` over batches of arrays.

    Autotuning is off, because it may delay the end of an epoch; see `sentiment.training.loop.dataset_of`.
    """
    import tensorflow as tf

    data = np.load(file)
    options = tf.data.Options()
    options.autotune.enabled = False
    texts = tf.data.Dataset.from_tensor_slices((data["padded"], data["labels"])).shuffle(len(data["labels"]), seed=1)
    batches = texts.batch(batch).prefetch(2).with_options(options)
    return lambda: model.fit(batches, epochs=1, verbose=0)


def example(*, file: str, vocabulary: int, max_length: int, batch: int, embedding: int, units: int
            ) -> Callable[[], Any]:
    """Return an epoch of Keras's example "Bidirectional LSTM on IMDB": two layers, no mask, 32 texts per batch."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((max_length,), dtype="int32"), keras.layers.Embedding(vocabulary, embedding),
        keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True)),
        keras.layers.Bidirectional(keras.layers.LSTM(units)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return _fitted(model, file, 32)


def _torch(file: str, vocabulary: int, max_length: int, batch: int, embedding: int, units: int, *, packed: bool
           ) -> Callable[[], Any]:
    """Return an epoch of the same model in PyTorch, padded to full length or `packed` in batches by length."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    torch.manual_seed(1)
    data = np.load(file)
    padded, lengths, labels = data["padded"], data["lengths"], data["labels"].astype(np.float32)
    table = torch.nn.Embedding(vocabulary, embedding, padding_idx=0)
    lstm = torch.nn.LSTM(embedding, units, batch_first=True, bidirectional=True)
    dense, dropout = torch.nn.Linear(2 * units, 1), torch.nn.Dropout(0.5)
    weights = [*table.parameters(), *lstm.parameters(), *dense.parameters()]
    optimizer = torch.optim.Adam(weights, LEARNING_RATE)
    loss = torch.nn.BCEWithLogitsLoss()

    def logits(rows: np.ndarray) -> Any:
        longest = lengths[rows].max() if packed else max_length
        words = table(torch.tensor(padded[rows, :longest]))
        words = words * dropout(torch.ones(len(words), 1, embedding))
        if not packed:
            states = lstm(words)[0]
        else:
            sequence = pack_padded_sequence(words, torch.tensor(lengths[rows]), batch_first=True, enforce_sorted=False)
            states = pad_packed_sequence(lstm(sequence)[0], batch_first=True, padding_value=-1e9)[0]
        return dense(dropout(states.max(1).values))[:, 0]

    def epoch() -> None:
        order = data["by_length" if packed else "shuffled"]
        for first in range(0, len(order), batch):
            rows = order[first:first + batch]
            optimizer.zero_grad()
            loss(logits(rows), torch.tensor(labels[rows])).backward()
            torch.nn.utils.clip_grad_norm_(weights, CLIP_NORM)
            optimizer.step()

    return epoch


SIDES = {**{name: partial(ours, architecture=name) for name in RECURRENT[1:]},
         "sentiment": ours, "keras": stock, "keras example": example, "torch": partial(_torch, packed=False),
         "torch packed": partial(_torch, packed=True), "dense Adam": partial(ours, by_rows=False),
         "mixed precision": mixed, "XLA": xla, "1 thread an operator": one_thread_per_operator}
