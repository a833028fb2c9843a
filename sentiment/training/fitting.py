"""Prepared texts and result of a training."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

import keras
import numpy as np

from sentiment import architectures
from sentiment.batching import UNKNOWN_ID, Batches, TokenizedTexts, bucket_lengths
from sentiment.config import RunConfig
from sentiment.data import Corpus, load_unlabelled
from sentiment.text import TextPreprocessor
from sentiment.training.calibration import temperature
from sentiment.training.callbacks import Seconds
from sentiment.training.recovery import identity_of


@dataclass(frozen=True)
class PreparedTexts:
    """Tokenized and batched texts of a run, with their preprocessor.

    Attributes:
        preprocessor: fitted on the training and unlabelled texts.
        pooled: the training texts, then the unlabelled ones.
        train, validation, unlabelled: their batches.
    """

    preprocessor: TextPreprocessor
    pooled: TokenizedTexts
    train: Batches
    validation: Batches
    unlabelled: Batches | None

    @classmethod
    def prepare(cls, config: RunConfig, corpus: Corpus, folder: Path | None = None,
                words: Sequence[str] | None = None) -> Self:
        """Fit the preprocessor, then tokenize and batch all texts.

        With `folder`, the ids are stored there on disk; with `words`, these are the vocabulary.
        """
        others = load_unlabelled(config.data, corpus)
        preprocessor = (TextPreprocessor.fit(config.text, chain(corpus.train.texts, others)) if words is None
                        else TextPreprocessor(config.text, words))
        tokens = preprocessor.tokenize(chain(corpus.train.texts, others), folder)
        train = tokens.part(0, len(corpus.train))
        boundaries = bucket_lengths(train.lengths, config.text.buckets, config.text.max_length)

        def batches(of: TokenizedTexts) -> Batches:
            return Batches(of, boundaries, config.training.batch_size)

        return cls(preprocessor, tokens, batches(train),
                   batches(preprocessor.tokenize(corpus.validation.texts, folder)),
                   batches(tokens.part(len(train), len(tokens))) if others else None)

    @property
    def summary(self) -> str:
        """One-line summary: median length, share truncated, share of unknown words, and batch size."""
        lengths, config = self.train.tokens.lengths, self.preprocessor.config
        counts = self.train.tokens.counts(self.preprocessor.vocabulary_size)
        filled, unknown = np.mean(lengths == config.max_length), counts[UNKNOWN_ID] / max(1, counts.sum())
        share = f"{unknown:.1%}" if unknown >= 0.0005 else "less than 0.1%"
        words = f"{share} of the words are not" if unknown else "all words are"
        return (f"texts: {np.median(lengths):.0f} words in the median, {filled:.0%} fill --max-length "
                f"{config.max_length}; {words} among the {len(self.preprocessor.words):,} known; batches of "
                f"{self.train.batch_size}")

    def identity(self, corpus: Corpus) -> str:
        """Return a digest of all ids, labels and weights."""
        tokens = [batches.tokens for batches in (self.train, self.validation, self.unlabelled) if batches is not None]
        return identity_of(self.preprocessor.words, tokens, corpus.train.labels, corpus.validation.labels,
                           *(() if corpus.train.weights is None else (corpus.train.weights,)))


@dataclass(frozen=True)
class Trained:
    """Result of a training.

    Attributes:
        model: with the weights of the best epoch, its logits divided by the temperature.
        preprocessor: fitted on the training texts.
        sizes: of the model.
        history: lists by metric, one value per epoch; empty for a linear model.
        best_epoch: from 1; None for a linear model.
        validation_logits: float32 [texts, 1 or classes].
        temperature: see `sentiment.training.calibration`.
        seconds: the duration in seconds.
        devices: a description.
        diverged: a description if the loss became infinite or NaN, else None.
    """

    model: keras.Model
    preprocessor: TextPreprocessor
    sizes: architectures.Sizes
    history: dict[str, list[float]]
    best_epoch: int | None
    validation_logits: np.ndarray
    seconds: Seconds
    devices: str
    diverged: str | None
    temperature: float = 1.0

    def calibrated(self, labels: np.ndarray) -> Self:
        """Return the training with a model calibrated on the validation labels, int [texts]."""
        found = temperature(labels, self.validation_logits)
        architectures.scale_logits(self.model, 1 / found)
        return dataclasses.replace(self, validation_logits=self.validation_logits / np.float32(found),
                                   temperature=found)
