"""A trainer of a small LSTM on 50 texts, which are positive if they hold word 3 or 4."""

from typing import Any

import keras
import numpy as np

from helpers.small_models import NO_DROPOUT
from sentiment import architectures
from sentiment.architectures import Sizes
from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
from sentiment.config import ModelConfig, TrainingConfig
from sentiment.training.classification import ClassificationTask
from sentiment.training.loop import Trainer
from sentiment.training.row_adam import RowAdam
from sentiment.training.strategy import make_strategy

RANDOM = np.random.default_rng(4)
LENGTHS = RANDOM.integers(1, 12, size=50)
VALUES = RANDOM.integers(2, 20, size=LENGTHS.sum()).astype(np.int32)
TOKENS = TokenizedTexts(VALUES, np.concatenate([[0], np.cumsum(LENGTHS)]))
LABELS = np.array([int(3 in TOKENS.row(row) or 4 in TOKENS.row(row)) for row in range(50)], np.int32)
ONES = np.ones(2, np.float32)


def make_batches(size: int = 8) -> Batches:
    return Batches(TOKENS, bucket_lengths(LENGTHS, 3, 12), size)


def make_trainer(optimizer: keras.optimizers.Optimizer | None = None, strategy: Any = None,
                 settings: dict[str, Any] | None = None, weights: np.ndarray = ONES, size: int = 8, *,
                 unlabelled: bool = False, text_weights: np.ndarray | None = None, **options: Any
                 ) -> Trainer[ClassificationTask]:
    keras.utils.set_random_seed(1)
    strategy = strategy or make_strategy("single")
    with strategy.scope():
        config = ModelConfig.from_dict({"architecture": "lstm", "units": 6, "embedding_size": 5, **NO_DROPOUT,
                                        **options})
        model = architectures.build(config, Sizes(20, 2))
        optimizer = optimizer or keras.optimizers.Adam(0.02)
    training = TrainingConfig.from_dict({"clip_norm": 0.0, **(settings or {})})
    table = model.get_layer("embedding").embeddings if isinstance(optimizer, RowAdam) else None
    batches = make_batches(size)
    task = ClassificationTask(model, training, batches, LABELS, batches, LABELS, weights,
                              weights=text_weights, unlabelled=batches if unlabelled else None)
    return Trainer(task, optimizer, strategy, training, table=table)
