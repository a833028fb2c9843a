"""What a preset does before the run itself, each step in a folder of its own beside it."""

from pathlib import Path

from sentiment.artifacts import RunFolder
from sentiment.config import DataConfig
from sentiment.datasets import UNLABELLED_OF_CORPUS, load_corpus
from sentiment.ensembling import ensemble_folder
from sentiment.errors import UserError
from sentiment.presets import Options, Preset, merged
from sentiment.pretraining import pretrained_folder
from sentiment.training.strategy import Workers, make_strategy
from sentiment.workflow import config_with, trained_folder


class Recipe:
    """A preset at work for a run.

    Args:
        preset: what to do.
        given: the options that win over the preset's.
        target: of the run, beside which the folders of the steps are.
        overwrite: whether to replace steps that are finished.
        resume: whether to take steps that are finished as they are, and to go on with the one that is not.
    """

    def __init__(self, preset: Preset, given: Options, target: Path, *, overwrite: bool, resume: bool) -> None:
        self.preset = preset
        self.given = given
        self.target = target
        self.overwrite = overwrite
        self.resume = resume

    def prepare(self) -> Options:
        """Take all steps, and return the options of the run, with what it starts and learns from.

        Raises:
            UserError: if a step is finished and may be neither replaced nor taken, if there are several workers, and as
                each step does.
            Interrupted: as each step does.
        """
        pretrains, teaches = self.preset.pretrains(self.given), self.preset.teaches(self.given)
        if (pretrains or teaches) and Workers(make_strategy(self._strategy)).count > 1:
            raise UserError("this preset trains in steps, on one machine: start it without TF_CONFIG")
        start = self._pretrained() if pretrains else {}
        options = merged(self.preset.beside(self.given), start)
        return merged(options, self._teacher(start, options)) if teaches else options

    def _pretrained(self) -> Options:
        """Pretrain; return the option that starts a classifier from it."""
        config = self.preset.pretraining_config(self.preset.beside(self.given))
        folder = pretrained_folder(config, self._beside("pretrained"), overwrite=self.overwrite, resume=self.resume,
                                   given={})
        return {"training": {"pretrained": str(folder.path)}}

    def _teacher(self, start: Options, options: Options) -> Options:
        """Train a classifier and an NB-SVM, and another classifier that learns from their mean.

        Args:
            start: the option of what classifiers start from.
            options: of the one that learns.

        Returns:
            The options with which a last one learns from the mean of the second one and the NB-SVM.
        """
        other: Options = {"data": {"unlabelled": UNLABELLED_OF_CORPUS}} if self._has_unlabelled() else {}
        first = self._run("first", merged(self.preset.first_beside(self.given), start))
        linear = self._run("linear", self.preset.linear_options(self.given))
        taught = merged(other, self._mean("first-teacher", first, linear))
        second = self._run("second", merged(options, taught))
        return merged(other, self._mean("teacher", second, linear))

    def _mean(self, name: str, classifier: RunFolder, linear: RunFolder) -> Options:
        """Make the mean of two models; return the option that makes it a teacher."""
        folder = ensemble_folder([classifier, linear], self._beside(name), overwrite=self.overwrite, resume=self.resume)
        return {"training": {"teacher": str(folder.path)}}

    def _run(self, name: str, options: Options) -> RunFolder:
        """Train a classifier of its own."""
        trained_folder(config_with(options), self._beside(name), overwrite=self.overwrite, resume=self.resume, given={})
        return RunFolder.open(self._beside(name))

    @property
    def _strategy(self) -> str:
        return str(self.given.get("runtime", {}).get("strategy", "auto"))

    def _has_unlabelled(self) -> bool:
        """Return whether the corpus has texts without labels, and no others are named."""
        data = self.given.get("data", {})
        config = DataConfig.from_dict(dict(data))
        return "unlabelled" not in data and bool(load_corpus(config, 1).unlabelled())

    def _beside(self, name: str) -> Path:
        return self.target.with_name(f"{self.target.name}.{name}")
