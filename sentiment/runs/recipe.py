"""Training by a preset: the trainings that come before the run, each in a folder of its own, and the run."""

from collections.abc import Sequence
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
from sentiment.files import sibling
from sentiment.runs.baselines import STEP_ONLY, linear_config
from sentiment.runs.cross_validation import cross_validated_run
from sentiment.runs.ensemble import ensemble_run
from sentiment.runs.pretraining import pretrain_run
from sentiment.runs.resolution import resolve
from sentiment.runs.run import Mode
from sentiment.runs.training import CorpusSource, train_run
from sentiment.training.strategy import Workers, make_strategy


class Recipe:
    """A preset that is applied to a run.

    Args:
        preset: the recipe.
        given: the options of the user, which win over the preset's.
        target: the folder of the run; those of the steps before it have the same name and a suffix.
        overwrite: whether to replace steps that are finished.
        resume: whether to take finished steps as they are, and to resume the unfinished one.
        source: of the corpus.
        callbacks: called in the training of the run; none where it is a mean.
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
        """Return the configuration of the run, by the options of the user or others in their place."""
        return resolve(self.given if given is None else given, self.preset.for_machine(self.preset.options))

    def train(self) -> RunFolder | None:
        """Take all steps, the run itself last; return its folder, or None where the chief has it.

        Raises:
            UserError: if a step is finished and may be neither replaced nor taken, if there are several workers, and as
                each step does.
            Interrupted: as each step does.
        """
        options, preset = self.given, self.preset
        if self.config().data.folds and (preset.with_linear or preset.pretraining or preset.first):
            raise UserError("--folds trains one model for each fold, and this preset takes several steps: leave one of "
                            "them out")
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
        """Pretrain and train the teacher, if the preset does and the user names no others; return what names them.

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
            UserError: if there are.
        """
        if Workers(make_strategy(self.given.get("runtime", {}).get("strategy", "auto"))).count > 1:
            raise UserError("this preset trains in steps, on one machine: start it without TF_CONFIG")

    def pretraining_config(self) -> PretrainConfig:
        """Return the configuration of the pretraining.

        Raises:
            UserError: if texts are to be streamed, which pretraining cannot do.
        """
        if self.given.get("data", {}).get("stream"):
            raise UserError("pretraining holds the texts in memory: leave --stream out")
        of_classifier = merged(self.preset.for_machine(self.preset.options), self.given)
        common = only(of_classifier, PretrainConfig.names(Role.COMMON))
        return PretrainConfig().updated(merged(self.preset.pretraining or {}, common))

    def first_config(self, start: Options) -> RunConfig:
        """Return the configuration of the classifier for the teacher's mean, which learns from labels alone."""
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
            UserError: if texts are to be streamed, which it cannot do.
        """
        if self.given.get("data", {}).get("stream"):
            raise UserError("NB-SVM holds the texts in memory: leave --stream out")
        return linear_config(self.given, words, "nb-svm")

    def _pretrained(self) -> Options:
        """Pretrain; return the option that starts a classifier from it."""
        folder = pretrain_run(self.pretraining_config(), self._folder("pretrained"), **self.mode, source=self.source)
        return {"training": {"pretrained": str(folder.path)}}

    def _teacher(self, start: Options) -> Options:
        """Train a classifier and an NB-SVM; return the options of one that learns from their mean.

        Args:
            start: the option that names the pretrained network, if there is one.
        """
        teacher = self._mean_with_linear(self._folder("teacher"), "first", self.first_config(start), is_step=True)
        named: dict[str, Any] = {"training": {"teacher": str(teacher.path)}}
        data = self.config().data
        if "unlabelled" not in self.given.get("data", {}) and self.source(data, 1).unlabelled():
            named["data"] = {"unlabelled": UNLABELLED_OF_CORPUS}
        return named

    def _mean_with_linear(self, target: Path, name: str, config: RunConfig, *, is_step: bool = False) -> RunFolder:
        """Train a classifier, whose folder ends in `name`, and an NB-SVM; make their mean at `target`.

        With `is_step`, another training builds on the mean: it is neither exported nor compared with baselines.
        """
        words = only(config.to_dict(), RunConfig.names(Role.TOKENS))
        linear = self.linear_config(words)  # it may refuse, which is better known before the training
        members = []
        for suffix, step in ((name, config.updated(STEP_ONLY)), ("linear", linear)):
            train_run(step.with_given({}), self._folder(suffix), **self.mode, source=self.source)
            members.append(RunFolder.open(self._folder(suffix)))
        return ensemble_run(members, target, export=config.runtime.export and not is_step,
                            baselines=config.runtime.baselines and not is_step, **self.mode, source=self.source)

    def _folder(self, suffix: str) -> Path:
        return sibling(self.target, f".{suffix}")
