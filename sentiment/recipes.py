"""What a preset does: steps, each in a folder of its own beside the run, and the run itself."""

from pathlib import Path

from sentiment.artifacts import RunFolder
from sentiment.config import UNLABELLED_OF_CORPUS, DataConfig
from sentiment.data import load_corpus
from sentiment.ensembling import ensemble_folder
from sentiment.errors import UserError
from sentiment.presets import Options, Preset, merged
from sentiment.pretraining import pretrained_folder
from sentiment.training.strategy import Workers, make_strategy
from sentiment.workflow import config_with, trained_folder

NOT_EXPORTED: Options = {"runtime": {"export": False}}


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

    def run(self) -> RunFolder | None:
        """Take all steps, the run itself last; return its folder, or None where the chief has it.

        Raises:
            UserError: if a step is finished and may be neither replaced nor taken, if there are several workers, and as
                each step does.
            Interrupted: as each step does.
        """
        options = self.preset.beside(self.given)
        if not (self.resume and RunFolder.has_begun(self.target, overwrite=self.overwrite)):
            RunFolder.check_free(self.target, overwrite=self.overwrite)
            if self.preset.with_linear:
                self._check_alone()
                export = config_with(options).runtime.export
                return self._mean_with_linear(self.target, "classifier", options, export=export)
            options = self.prepare()
        return trained_folder(config_with(options), self.target, overwrite=self.overwrite, resume=self.resume,
                              given=self.given)

    def prepare(self) -> Options:
        """Take all steps before the run, and return its options, with what it starts and learns from.

        Raises:
            UserError: as `run`.
            Interrupted: as `run`.
        """
        pretrains, teaches = self.preset.pretrains(self.given), self.preset.teaches(self.given)
        if pretrains or teaches:
            self._check_alone()
        start = self._pretrained() if pretrains else {}
        options = merged(self.preset.beside(self.given), start)
        return merged(options, self._teacher(start)) if teaches else options

    def _check_alone(self) -> None:
        """Refuse several workers.

        Raises:
            UserError: if there are.
        """
        if Workers(make_strategy(self._strategy)).count > 1:
            raise UserError("this preset trains in steps, on one machine: start it without TF_CONFIG")

    def _pretrained(self) -> Options:
        """Pretrain; return the option that starts a classifier from it."""
        config = self.preset.pretraining_config(self.preset.beside(self.given))
        folder = pretrained_folder(config, self._beside("pretrained"), overwrite=self.overwrite, resume=self.resume,
                                   given={})
        return {"training": {"pretrained": str(folder.path)}}

    def _teacher(self, start: Options) -> Options:
        """Train a classifier and an NB-SVM; return the options of one that learns from their mean.

        Args:
            start: the option of what the classifier starts from.
        """
        first = merged(self.preset.first_beside(self.given), start)
        teacher = self._mean_with_linear(self._beside("teacher"), "first", first, export=False)
        others: Options = {"data": {"unlabelled": UNLABELLED_OF_CORPUS}} if self._has_unlabelled() else {}
        return merged(others, {"training": {"teacher": str(teacher.path)}})

    def _mean_with_linear(self, target: Path, name: str, options: Options, *, export: bool) -> RunFolder:
        """Train a classifier, whose folder ends in `name`, and an NB-SVM; make their mean at `target`."""
        of_linear = self.preset.linear_options(self.given)  # before the training: it may refuse
        first = self._run(name, options)
        same_words = first.load_config().values_of({"text": ("periods", "word_rules")})
        members = [first, self._run("linear", merged(of_linear, same_words))]
        return ensemble_folder(members, target, export=export, overwrite=self.overwrite, resume=self.resume)

    def _run(self, name: str, options: Options) -> RunFolder:
        """Train a classifier that is a step of the preset; it is never exported."""
        config = config_with(merged(options, NOT_EXPORTED))
        trained_folder(config, self._beside(name), overwrite=self.overwrite, resume=self.resume, given={})
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
