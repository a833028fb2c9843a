"""A trainer of a small language model or autoencoder on texts whose words go round in a circle."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from helpers.small_models import small
from sentiment.architectures import Sizes
from sentiment.architectures.pretrainable import BUILDERS
from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
from sentiment.config import ModelConfig, TrainingConfig
from sentiment.precision import precision
from sentiment.runs.pretraining import HALF
from sentiment.training.autoencoder import AutoencoderTask
from sentiment.training.callbacks import ProgressDisplay
from sentiment.training.checkpoints import Checkpoints
from sentiment.training.language_model import LanguageModelTask
from sentiment.training.loop import Trainer
from sentiment.training.optimization import make_optimizer
from sentiment.training.recovery import Recovery

VOCABULARY = 12
# The words go round in a circle, so that the next one can be known, from either side.
TEXTS = TokenizedTexts.from_ids([[2 + (start + place) % 10 for place in range(length)]
                                 for start, length in enumerate([9, 17, 6, 30, 12, 25, 8, 14] * 6)])
HELD_OUT = TokenizedTexts.from_ids([[2 + (start + place) % 10 for place in range(20)] for start in range(9)])


def make(method: str, name: str, *, strategy: Any = None, epochs: int = 2, rate: float = 0.02,
         half: bool = False, **options: Any) -> Trainer[Any]:
    keras.utils.set_random_seed(3)
    strategy = strategy or tf.distribute.get_strategy()
    settings = TrainingConfig(learning_rate=rate, epochs=epochs, batch_size=4)
    with strategy.scope(), precision(half, HALF):
        config = ModelConfig.from_dict(small(name, **{"units": 12, "embedding_size": 8, **options}))
        network = BUILDERS[method](config, Sizes(VOCABULARY, 2))
        if method == "language-model":
            task: Any = LanguageModelTask(network, TEXTS, HELD_OUT, streams=4, window=7,  # type: ignore[arg-type]
                                          sampled=16, seed=5)
        else:
            boundaries = bucket_lengths(TEXTS.lengths, 2, 30)
            task = AutoencoderTask(network, Batches(TEXTS, boundaries, 4), Batches(HELD_OUT, boundaries, 4),
                                   sampled=16, seed=5)
        optimizer = make_optimizer(settings, steps=epochs * len(task))
    return Trainer(task, optimizer, strategy, settings, seed=5)


def fit(trainer: Trainer[Any], folder: Path, *callbacks: keras.callbacks.Callback, epochs: int = 2,
        steps: int | None = None) -> dict[str, list[float]]:
    recovery = Recovery(Checkpoints(folder), steps=steps, minutes=60, identity="these texts")
    return trainer.fit(epochs=epochs, callbacks=[*callbacks, ProgressDisplay(trainer.task.summary)], recovery=recovery)


def state(trainer: Trainer[Any]) -> list[np.ndarray]:
    """Return all that training changes."""
    return [variable.numpy() for variable in trainer.variables]
