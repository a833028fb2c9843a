"""Training with a preset: the run and the trainings before it, each in its own folder."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras

from sentiment.artifacts import RunFolder
from sentiment.config import (
    UNLABELLED_OF_CORPUS,
    Options,
    PretrainConfig,
    Role,
    RunConfig,
    TrainingConfig,
    merged,
    only,
)
from sentiment.config.presets import Preset
from sentiment.data import load_corpus
from sentiment.errors import UserError
from sentiment.files import locked, sibling
from sentiment.runs.baselines import STEP_ONLY, linear_config
from sentiment.runs.cross_validation import cross_validated_run
from sentiment.runs.ensemble import ensemble_run
from sentiment.runs.pretraining import pretrain_run
from sentiment.runs.resolution import resolve
from sentiment.runs.run import Mode
from sentiment.runs.training import CorpusSource, train_run
from sentiment.training.strategy import Workers, is_chief, make_strategy


class Recipe:
    """A preset applied to a run.

    Args:
        preset: the recipe.
        given: the user's options, which override the preset's.
        target: the folder of the run; the folders of earlier steps have the same name with a suffix.
        overwrite: whether to replace finished steps.
        resume: whether to keep finished steps, and to resume the unfinished one.
        source: of the corpus.
        callbacks: Keras callbacks for the training of the run; none for an ensemble.
    """

    def __init__(self, preset: Preset, given: Options, target: Path, *, overwrite: bool = False, resume: bool = False,
                 source: CorpusSource = load_corpus, callbacks: Sequence[keras.callbacks.Callback] = ()) -> None:
        self.preset = preset
        self.given = given
        self.target = target
        self.source = source
        self.callbacks = callbacks
        self.mode: Mode = {"overwrite": overwrite, "resume": resume}

    def config(self, given: Options | None = None) -> RunConfig:
        """Return the configuration of the run, with the user's options or others instead."""
        return resolve(self.given if given is None else given, self.preset.for_machine(self.preset.options))

    def train(self) -> RunFolder | None:
        """Execute all steps, the run itself last; return its folder, or None in workers other than the chief.

        Raises:
            UserError: if a step is finished but neither `overwrite` nor `resume` is set, if there are several workers,
                and as each step.
            Interrupted: as each step.
        """
        preset = self.preset
        steps = preset.with_linear or preset.pretraining or preset.first
        if steps and self.config().data.folds:
            raise UserError("--folds trains one model for each fold, and this preset takes several steps: leave one of "
                            "them out")
        # Without the lock another process could replace finished steps.
        with locked(sibling(self.target, ".steps"), RunFolder.option) if steps and is_chief() else nullcontext():
            return self._train()

    def _train(self) -> RunFolder | None:
        """Execute all steps; see `train`."""
        options = self.given
        if not (self.mode["resume"] and RunFolder.has_begun(self.target, overwrite=self.mode["overwrite"])):
            RunFolder.check_free(self.target, overwrite=self.mode["overwrite"])
            if self.preset.with_linear:
                self._check_alone()
                return self._mean_with_linear(self.target, "classifier", self.config())
            options = merged(self.given, self.prepare())
        config = self.config(options).with_given(self.given)
        run_one = cross_validated_run if config.data.folds else train_run
        return run_one(config, self.target, **self.mode, source=self.source, callbacks=self.callbacks)

    def prepare(self) -> Options:
        """Pretrain and train the teacher, if the preset has them and the user sets none; return their options.

        Raises:
            UserError: as `train`.
            Interrupted: as `train`.
        """
        named = self.given.get("training", {})
        pretrains = self.preset.pretraining is not None and "pretrained" not in named
        distils = self.preset.first is not None and "teacher" not in named
        if pretrains or distils:
            self._check_alone()
        start = self._pretrained() if pretrains else {}
        return merged(start, self._teacher(start)) if distils else start

    def _check_alone(self) -> None:
        """Refuse several workers.

        Raises:
            UserError: if there are several.
        """
        if Workers(make_strategy(self.given.get("runtime", {}).get("strategy", "auto"))).count > 1:
            raise UserError("this preset trains in steps, on one machine: start it without TF_CONFIG")

    def pretraining_config(self) -> PretrainConfig:
        """Return the configuration of the pretraining.

        Raises:
            UserError: for streamed texts, which pretraining does not support.
        """
        if self.given.get("data", {}).get("stream"):
            raise UserError("pretraining holds the texts in memory: omit --stream")
        of_classifier = merged(self.preset.for_machine(self.preset.options), self.given)
        common = only(of_classifier, PretrainConfig.names(Role.COMMON))
        return PretrainConfig().updated(merged(self.preset.pretraining or {}, common))

    def first_config(self, start: Options) -> RunConfig:
        """Return the configuration of the classifier in the teacher, which is trained on labels only."""
        needs_teacher = {one.name for one in TrainingConfig.options() if one.metadata["needs"] == "teacher"}
        given = {section: {name: value for name, value in options.items()
                           if name != "unlabelled" and name not in needs_teacher}
                 for section, options in self.given.items()}
        return resolve(merged(given, start), self.preset.for_machine(self.preset.first or {}))

    def linear_config(self, words: Options) -> RunConfig:
        """Return the configuration of the NB-SVM.

        Args:
            words: the options that decide into which words a text is split.

        Raises:
            UserError: for streamed texts, which it does not support.
        """
        if self.given.get("data", {}).get("stream"):
            raise UserError("NB-SVM holds the texts in memory: omit --stream")
        return linear_config(self.given, words, "nb-svm")

    def _pretrained(self) -> Options:
        """Pretrain; return the option that initialises a classifier from the network."""
        folder = pretrain_run(self.pretraining_config(), self._folder("pretrained"), **self.mode, source=self.source)
        return {"training": {"pretrained": str(folder.path)}}

    def _teacher(self, start: Options) -> Options:
        """Train a classifier and an NB-SVM; return the options that distil their ensemble.

        Args:
            start: the option of the pretrained network, if there is one.
        """
        teacher = self._mean_with_linear(self._folder("teacher"), "first", self.first_config(start), is_step=True)
        named: dict[str, Any] = {"training": {"teacher": str(teacher.path)}}
        data = self.config().data
        if "unlabelled" not in self.given.get("data", {}) and self.source(data, 1).unlabelled():
            named["data"] = {"unlabelled": UNLABELLED_OF_CORPUS}
        return named

    def _mean_with_linear(self, target: Path, name: str, config: RunConfig, *, is_step: bool = False) -> RunFolder:
        """Train a classifier, whose folder ends in `name`, and an NB-SVM; write their ensemble to `target`.

        With `is_step`, another training builds on the ensemble: it is neither exported nor compared with baselines.
        """
        words = only(config.to_dict(), RunConfig.names(Role.TOKENS))
        linear = self.linear_config(words)  # raises errors before the training
        members = []
        for suffix, step in ((name, config.updated(STEP_ONLY)), ("linear", linear)):
            train_run(step.with_given({}), self._folder(suffix), **self.mode, source=self.source)
            members.append(RunFolder.open(self._folder(suffix)))
        return ensemble_run(members, target, export=config.runtime.export and not is_step,
                            baselines=config.runtime.baselines and not is_step, **self.mode, source=self.source)

    def _folder(self, suffix: str) -> Path:
        return sibling(self.target, f".{suffix}")
