"""Ensembles: runs whose logits are a weighted mean of those of finished runs."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from sentiment.architectures import Sizes
from sentiment.architectures.ensemble import NAME, Member, build_ensemble, set_member, weigh_members
from sentiment.artifacts import RunFolder
from sentiment.batching import RESERVED_IDS, UNKNOWN_ID
from sentiment.config import Role, RunConfig, TextConfig, flag_of
from sentiment.console import log
from sentiment.data import Corpus, load_corpus, load_unlabelled, occurring
from sentiment.errors import UserError
from sentiment.inference import Classifier
from sentiment.measured import mean_of
from sentiment.run_predictions import check_classes, check_test, names_of
from sentiment.runs.run import Run
from sentiment.runs.training import CorpusSource, conclude
from sentiment.text import TextPreprocessor
from sentiment.text.preprocessor import kept_at_ends
from sentiment.training import Trained
from sentiment.training.calibration import mean_weights
from sentiment.training.callbacks import Seconds

NEGLIGIBLE = 0.005  # weight below which a member is omitted
FEWEST_TEXTS = 100  # validation texts, below which neither weights nor a temperature are fitted


def ensemble_run(folders: Sequence[RunFolder], target: Path, *, weights: Sequence[float] | None = None,
                 export: bool = True, baselines: bool = True, overwrite: bool = False, resume: bool = False,
                 source: CorpusSource = load_corpus) -> RunFolder:
    """Combine several runs into an ensemble, a weighted mean of their logits, and evaluate it once on their test split.

    Members must have the same classes, test split, `--periods` and `--word-rules`. The temperature and, by default, the
    weights are fitted on those validation texts of the first member that no member was trained on; with fewer than 100,
    all weights are equal and the temperature is 1. With at least three members, those with negligible fitted weights
    are omitted.

    Args:
        folders: of the members.
        target: the folder of the ensemble.
        weights: of the members in the mean, at least 0.
        export: whether to write a SavedModel.
        baselines: whether to evaluate baselines, see `runs.baselines`.
        overwrite: whether to replace a finished run.
        resume: whether to return a finished run; an unfinished one is started again.
        source: of the corpora.

    Raises:
        UserError: if there are fewer than two, they are incompatible, or the weights are invalid.
    """
    started = time.perf_counter()
    configs = [folder.load_config() for folder in folders]
    check_members(folders, configs)
    check_weights(weights, len(folders))
    preprocessors = [folder.load_preprocessor() for folder in folders]
    runtime = {"export": export, "baselines": baselines}
    config = ensemble_config(configs, len(_common_words(preprocessors)) + RESERVED_IDS, **runtime)
    with Run(RunFolder, config, target, overwrite=overwrite, resume=resume) as run:
        if run.finished:
            return run.folder
        with run.working():
            class_names = folders[0].load_class_names()
            corpus, untouched = _corpus(configs, source)
            parameters, predicted = [], []
            for folder, own in zip(folders, preprocessors, strict=True):
                classifier = Classifier(folder.load_model(), own, class_names)
                parameters.append(classifier.model.get_weights())
                predicted.append(classifier.predict_logits(corpus.validation.texts))
            logits = np.stack(predicted)
            enough = int(np.sum(untouched)) >= FEWEST_TEXTS
            if enough:
                corpus = dataclasses.replace(corpus, validation=corpus.validation.take(np.flatnonzero(untouched)))
                logits = logits[:, untouched]
            else:
                log.warning(f"only {np.sum(untouched)} of the validation texts of {folders[0].path} were seen by no "
                            "member in training, too few to calibrate on: the mean stays as it is, and validation "
                            "flatters")
            labels = corpus.validation.labels
            kept = list(range(len(folders)))
            if weights is None:
                found = mean_weights(labels, logits) if enough else np.ones(len(folders))
                kept = _worth_keeping(found, names_of(folders))
                weights = found[kept].tolist()
            folders, configs, preprocessors = ([folders[row] for row in kept], [configs[row] for row in kept],
                                               [preprocessors[row] for row in kept])
            named = {name: weight / sum(weights) for name, weight in zip(names_of(folders), weights, strict=True)}
            log(mean_of(named))
            words = _common_words(preprocessors)
            run.config = config = ensemble_config(configs, len(words) + RESERVED_IDS, **runtime)
            members = _members(folders, configs)
            preprocessor = TextPreprocessor(config.text, words)
            sizes = Sizes(preprocessor.vocabulary_size, len(class_names))
            model = build_ensemble(members, sizes)
            for number, (row, own) in enumerate(zip(kept, preprocessors, strict=True)):
                set_member(model, number, own_ids(words, own.words), parameters[row])
            trained = Trained(model, preprocessor, sizes, {}, None, _weighed(model, named, logits[kept]), Seconds(0.0),
                              "1 CPU", None)
            trained = trained.calibrated(labels) if enough else trained
            seen = [one for one in (folder.load_seen() for folder in folders) if one is not None]
            if len(seen) == len(folders):
                run.folder.save_seen(np.concatenate([read for read, _ in seen]),
                                     np.concatenate([validation for _, validation in seen]))
            read_before = max(one.load_metrics()["test_texts_seen"]["pretraining"] for one in folders)
            conclude(run, corpus, trained, started, read_before=lambda _: read_before,
                     others=load_unlabelled(config.data, corpus), members=members, weights=named)
        return run.folder


def _common_words(preprocessors: Sequence[TextPreprocessor]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for one in preprocessors for word in one.words))


def _worth_keeping(weights: np.ndarray, names: Sequence[str]) -> list[int]:
    """Return the rows of members with a significant weight, at least two; warn of the others."""
    shares = weights / weights.sum()
    rows = np.flatnonzero(shares >= NEGLIGIBLE)
    if len(rows) == 1:
        log.warning(f"{names[rows[0]]} alone fits the validation split as well as the mean: use it without the others")
        rows = np.sort(np.argsort(-shares, kind="stable")[:2])
    left_out = [name for row, name in enumerate(names) if row not in rows]
    if left_out:
        log.warning(f"left out, as their weight in the mean is below {NEGLIGIBLE}: {', '.join(left_out)}")
    return list(map(int, rows))


def _members(folders: Sequence[RunFolder], configs: Sequence[RunConfig]) -> list[Member]:
    """Return the configurations and sizes that determine the shapes of the members."""
    return [Member(config.model, folder.load_sizes(), *kept_at_ends(config.text))
            for folder, config in zip(folders, configs, strict=True)]


def _weighed(model: keras.Model, weights: Mapping[str, float], logits: np.ndarray) -> np.ndarray:
    """Set the weights of the members of an ensemble; return the weighted mean of their logits."""
    weigh_members(model, list(weights.values()))
    return np.tensordot(np.array(list(weights.values()), np.float32), logits, axes=1)


def check_weights(weights: Sequence[float] | None, members: int) -> None:
    """Refuse invalid weights.

    Raises:
        UserError: with the reason.
    """
    if weights is None:
        return
    if len(weights) != members:
        raise UserError(f"--weights needs one number for each of the {members} models, not {len(weights)}")
    numbers = all(isinstance(weight, (int, float, np.number)) and 0 <= weight < np.inf for weight in weights)
    if not numbers or not 0 < sum(weights) < np.inf:
        raise UserError("--weights needs numbers of at least 0, at least one of them above 0")


def check_members(folders: Sequence[RunFolder], configs: Sequence[RunConfig]) -> None:
    """Check that runs can be members of one ensemble.

    Raises:
        UserError: with the reason.
    """
    if len(folders) < 2:
        raise UserError("an ensemble needs at least two members")
    paths = [folder.path.resolve() for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise UserError(f"{folder.path} is named twice: use --weights to increase its weight")
    check_classes({str(folder.path): folder.load_class_names() for folder in folders})
    check_test(folders)
    for folder, config in zip(folders[1:], configs[1:], strict=True):
        for declared in TextConfig.options(Role.TOKENS):
            if getattr(config.text, declared.name) != getattr(configs[0].text, declared.name):
                raise UserError(f"{folder.path} and {folders[0].path} differ in {flag_of(declared)}: they read "
                                "different words")
    for folder, config in zip(folders, configs, strict=True):
        if config.data.folds:
            raise UserError(f"{folder.path} was measured by cross-validation and has no test split to measure an "
                            "ensemble on")
        if folder.is_ensemble:
            raise UserError(f"{folder.path} is an ensemble: pass its members instead")


def ensemble_config(configs: Sequence[RunConfig], vocabulary_size: int, **runtime: bool) -> RunConfig:
    """Return the configuration of an ensemble: the first member's, with the longest text length and `runtime` options.

    Raises:
        UserError: if a member reads words of a long text that the member with the longest texts does not read.
    """
    longest = max((config.text for config in configs), key=lambda text: text.max_length)
    for text in (config.text for config in configs):
        if not _within(text, longest):
            raise UserError(f"--truncate {text.truncate} with --max-length {text.max_length} reads other words than "
                            f"--truncate {longest.truncate} with --max-length {longest.max_length}")
    unlabelled = next((config.data.unlabelled for config in configs if config.data.named_unlabelled), None)
    return RunConfig().updated({
        "data": {**dataclasses.asdict(configs[0].data), "unlabelled": unlabelled},
        "text": {**dataclasses.asdict(longest), "vocabulary_size": vocabulary_size},
        "model": {"architecture": NAME}, "runtime": {"seed": configs[0].runtime.seed, **runtime}})


def _within(text: TextConfig, longest: TextConfig) -> bool:
    """Whether the words that `text` keeps of a long text are among those that `longest` keeps."""
    return all(own <= other for own, other in zip(kept_at_ends(text), kept_at_ends(longest), strict=True))


def own_ids(words: Sequence[str], members_words: Sequence[str]) -> np.ndarray:
    """Return a member's ids of the common vocabulary, int32 [common vocabulary]; words it lacks are unknown."""
    known = {word: number for number, word in enumerate(members_words, start=RESERVED_IDS)}
    return np.array([*range(RESERVED_IDS), *(known.get(word, UNKNOWN_ID) for word in words)], np.int32)


def _corpus(configs: Sequence[RunConfig], source: CorpusSource) -> tuple[Corpus, np.ndarray]:
    """Return the corpus of the first member, and bool [validation texts]: whether no member was trained on the text."""
    corpus = source(configs[0].data, configs[0].runtime.seed)
    untouched = np.ones(len(corpus.validation), bool)
    for data, seed in {(config.data, config.runtime.seed) for config in configs[1:]}:
        untouched &= ~occurring(corpus.validation.texts, source(data, seed).train.texts)
    return corpus, untouched
