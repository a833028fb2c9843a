"""Pretraining of a network on unlabelled texts, from a configuration to a finished folder."""

import time
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sentiment import architectures
from sentiment.architectures.language_model import LanguageModel
from sentiment.architectures.pretrainable import BUILDERS, Pretrainable
from sentiment.artifacts import PretrainedFolder
from sentiment.batching import Batches, TokenizedTexts, bucket_lengths
from sentiment.config import PretrainConfig
from sentiment.console import dispensable, log
from sentiment.data import Corpus, Texts, digests, load_corpus, load_unlabelled
from sentiment.errors import UserError
from sentiment.machine import peak_memory_bytes
from sentiment.precision import precision
from sentiment.runs.model_card import pretraining_card
from sentiment.runs.run import Run
from sentiment.runs.training import CorpusSource, versions
from sentiment.text import TextPreprocessor, word_vectors
from sentiment.training.autoencoder import AutoencoderTask
from sentiment.training.callbacks import HistoryFile, ProgressDisplay, Seconds
from sentiment.training.checkpoints import Checkpoints
from sentiment.training.language_model import LanguageModelTask
from sentiment.training.loop import Task, Trainer
from sentiment.training.optimization import make_optimizer
from sentiment.training.recovery import Recovery, identity_of
from sentiment.training.strategy import Workers, describe, make_strategy

HALF = "mixed_bfloat16"  # has the range of float32, so needs no loss scaling


def pretrain_run(config: PretrainConfig, target: Path, *, overwrite: bool = False, resume: bool = False,
                 source: CorpusSource = load_corpus) -> PretrainedFolder:
    """Train a network on the training and unlabelled texts of a corpus, and write it to a folder.

    It is evaluated on the validation split; the test split is not used.

    Args:
        config: of the pretraining.
        target: the folder.
        overwrite: whether to replace a finished network.
        resume: whether to resume from the newest checkpoint, and to return a finished network.
        source: of the corpus.

    Raises:
        UserError: if the input is wrong; only checkpoints are kept.
        Interrupted: after SIGINT or SIGTERM, and a checkpoint.
    """
    started = time.perf_counter()
    with Run(PretrainedFolder, config, target, overwrite=overwrite, resume=resume) as run:
        if run.finished:
            if source is not load_corpus:
                run.check_texts(source(config.data, config.runtime.seed))
            return run.folder
        config = run.config
        if config.training.schedule == "plateau":
            raise UserError("--schedule plateau needs a monitored value, and pretraining has none: choose another "
                            "schedule")
        strategy = make_strategy(config.runtime.strategy)
        if Workers(strategy).count > 1:
            raise UserError("pretraining runs on one machine: start it without TF_CONFIG")
        with run.working() as folder:
            keras.utils.set_random_seed(config.runtime.seed)
            corpus = source(config.data, config.runtime.seed)
            others = corpus.unlabelled() if config.data.unlabelled is None else load_unlabelled(config.data, corpus)
            for note in corpus.notes:
                log.warning(note)
            preprocessor = TextPreprocessor.fit(config.text, chain(corpus.train.texts, others))
            train = preprocessor.tokenize(chain(corpus.train.texts, others))
            validation = preprocessor.tokenize(corpus.validation.texts)
            sizes = architectures.Sizes(preprocessor.vocabulary_size, len(corpus.class_names),
                                        preprocessor.sentence_ends)
            network, history, seconds = _train(config, folder, sizes, preprocessor, train, validation, strategy)
            folder.save(preprocessor, sizes, network, np.concatenate([digests(corpus.train.texts), digests(others)]))
            measured = _measured(corpus, others, train, network, history)
            measured["seconds"] = seconds.since(started)
            measured["training"]["devices"] = describe(strategy)
            folder.save_json(folder.metrics, measured)
            with dispensable("the model card"):
                folder.save_text(folder.card, pretraining_card(target.name, config, measured))
        return run.folder


def _train(config: PretrainConfig, folder: PretrainedFolder, sizes: architectures.Sizes,
           preprocessor: TextPreprocessor, train: TokenizedTexts, validation: TokenizedTexts, strategy: Any
           ) -> tuple[Pretrainable, dict[str, list[float]], Seconds]:
    """Build and train the network; return it, its history and the duration in seconds."""
    runtime, settings = config.runtime, config.training
    recovery = Recovery(Checkpoints(folder.checkpoints), steps=runtime.checkpoint_steps,
                        minutes=runtime.checkpoint_minutes,
                        identity=identity_of(preprocessor.words, [train, validation]))
    with strategy.scope(), precision(runtime.mixed_precision, HALF):
        network = BUILDERS[config.pretraining.method](config.model, sizes)
        if not recovery.resumes:
            vectors = word_vectors(train, sizes.vocabulary_size, config.model.embedding_size, runtime.seed)
            architectures.set_word_vectors(network.network, vectors)
        task = make_task(config, network, train, validation)
        epochs = settings.epochs or 1
        optimizer = make_optimizer(settings, steps=epochs * len(task))
    log(f"{config.pretraining.method}: {network.network.count_params():,} parameters, {len(train):,} texts, "
        f"{len(train.values):,} words, {epochs} epochs of {len(task):,} steps on {describe(strategy)}")
    display = ProgressDisplay(task.summary)
    with closing(display):
        history = Trainer(task, optimizer, strategy, settings, runtime.seed).fit(
            epochs=epochs, callbacks=[HistoryFile(folder.history), display], recovery=recovery)
    return network, history, display.taken


def make_task(config: PretrainConfig, network: Pretrainable, train: TokenizedTexts, validation: TokenizedTexts
              ) -> Task:
    """Return the training task of the configured method.

    Raises:
        UserError: if there are too few words.
    """
    seed, size = config.runtime.seed, config.training.batch_size
    sampled, window = config.pretraining.sampled_words, config.pretraining.window
    if isinstance(network, LanguageModel):
        lanes = min(size, (len(train.values) + len(train) - 1) // window)
        if lanes == 0 or len(validation.values) < window:
            raise UserError(f"there are {len(train.values):,} words to learn from and {len(validation.values):,} to "
                            f"measure on, fewer than one --window of {window}")
        return LanguageModelTask(network, train, validation, lanes=lanes, window=window, sampled=sampled, seed=seed)
    boundaries = bucket_lengths(train.lengths, config.text.buckets, config.text.max_length)
    return AutoencoderTask(network, Batches(train, boundaries, size), Batches(validation, boundaries, size),
                           sampled=sampled, seed=seed)


def _measured(corpus: Corpus, others: Texts, train: TokenizedTexts, network: Pretrainable,
              history: dict[str, list[float]]) -> dict[str, Any]:
    """Return the content of metrics.json, without times."""
    return {
        "dataset": {"name": corpus.file_name, "train_texts": len(corpus.train), "unlabelled_texts": len(others),
                    "validation_texts": len(corpus.validation), "words": len(train.values),
                    "notes": list(corpus.notes)},
        "validation": {name: values[-1] for name, values in history.items() if name.endswith("perplexity")},
        "training": {"epochs": len(history["loss"]), "parameters": network.network.count_params(),
                     "vocabulary": int(network.table.shape[0])},
        "peak_memory_bytes": peak_memory_bytes(),
        "versions": versions(),
    }
