"""Baselines of a run: the majority class, and TF-IDF with logistic regression, on the run's own splits."""

import time

import numpy as np

from sentiment.config import Options, Role, RunConfig, merged, only
from sentiment.console import log
from sentiment.data import Corpus, Texts
from sentiment.evaluation.baselines import Baselines, brief
from sentiment.inference import Classifier
from sentiment.measured import LINEAR, MAJORITY
from sentiment.runs.resolution import resolve
from sentiment.training.fitting import PreparedTexts
from sentiment.training.linear import fit_linear

STEP_ONLY: Options = {"runtime": {"export": False, "baselines": False}}  # for a training that another one builds on


def linear_config(given: Options, words: Options, architecture: str) -> RunConfig:
    """Return the configuration of a linear model on the data of a run.

    Args:
        given: options of the run; only those of linear models are used.
        words: the options of tokenization.
        architecture: `tfidf-lr` or `nb-svm`.
    """
    own = only(given, RunConfig.names(Role.LINEAR))
    return resolve(merged(own, words, {"model": {"architecture": architecture}}, STEP_ONLY))


def fit_baselines(config: RunConfig, corpus: Corpus, test: Texts) -> Baselines:
    """Fit the baselines of a run on its training texts, and predict its validation and test texts.

    `tfidf-lr` equals the model of `--arch tfidf-lr` on the same texts. It is omitted if it is the model itself, and for
    streamed texts, which it would hold in memory.
    """
    started = time.perf_counter()
    counts = np.bincount(corpus.train.labels, minlength=len(corpus.class_names))
    prior = np.log(counts / counts.sum()).astype(np.float32)
    prior = prior[None, :] if len(counts) > 2 else prior[None, 1:] - prior[None, :1]
    logits = {MAJORITY: np.repeat(prior, len(test), axis=0)}
    on_validation = {MAJORITY: np.repeat(prior, len(corpus.validation), axis=0)}
    if config.model.architecture != LINEAR and not config.data.stream:
        log(f"baseline: {LINEAR} on {len(corpus.train):,} texts")
        options = config.to_dict()
        own = linear_config(options, only(options, RunConfig.names(Role.TOKENS)), LINEAR)
        with log.silence():
            fitted = fit_linear(own, corpus, PreparedTexts.prepare(own, corpus)).calibrated(corpus.validation.labels)
        on_validation[LINEAR] = fitted.validation_logits
        logits[LINEAR] = Classifier(fitted.model, fitted.preprocessor, corpus.class_names).predict_logits(test)
    validation = {name: brief(corpus.validation.labels, values, corpus.class_names)
                  for name, values in on_validation.items()}
    return Baselines(logits, validation, corpus.class_names[int(counts.argmax())], time.perf_counter() - started)
