"""Hyper-parameter search on the validation split, resumable from its folder."""

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment import architectures
from sentiment.config import RunConfig
from sentiment.console import dispensable, log, progress_bar
from sentiment.data import Texts, digests, load_corpus
from sentiment.errors import UserError
from sentiment.evaluation import plots
from sentiment.files import locked
from sentiment.runs.baselines import fit_baselines
from sentiment.runs.training import CorpusSource, load_prior
from sentiment.training.strategy import is_chief, make_strategy
from sentiment.tuning import best_config, importances, search, space_of
from sentiment.tuning.trials import finished, open_study, verdicts


@dataclass(frozen=True)
class Tuned:
    """Result of a search.

    Attributes:
        config: the best configuration.
        loss: its calibrated validation loss.
        values: the best value of each searched option.
        importances: the share of the variance of the losses that each option explains, the largest first; empty for
            fewer than ten completed trials.
        notes: caveats about the best trial, such as that it has not learned the task.
        study: the Optuna study.
    """

    config: RunConfig
    loss: float
    values: dict[str, Any]
    importances: dict[str, float]
    notes: tuple[str, ...]
    study: Any


def identity_of_texts(texts: Texts) -> str:
    """Return a digest of all texts in their order."""
    return hashlib.sha256(digests(texts).tobytes()).hexdigest()


def _check_study(study: Any, folder: Path, config: RunConfig, data: str) -> None:
    """Refuse to resume a study with other options or texts, whose losses are not comparable.

    Raises:
        UserError: with the reason.
    """
    begun = study.user_attrs.get("config")
    advice = f"; omit that, or remove {folder} to start again"
    if begun is None and study.trials:
        raise UserError(f"{folder} contains a study of an older version, which does not record its options: choose "
                        "another --output-dir")
    if begun is None:
        study.set_user_attr("config", config.to_dict())
        study.set_user_attr("given", {section: sorted(values) for section, values in config.given.items()})
        study.set_user_attr("texts", data)
        return
    differing = config.differing_flags(begun)
    if differing:
        raise UserError(f"{folder} contains a study with another value of {', '.join(differing)}{advice}")
    if {section: sorted(values) for section, values in config.given.items()} != study.user_attrs["given"]:
        raise UserError(f"{folder} contains a study in which other options were set, and so not searched{advice}")
    if data != study.user_attrs["texts"]:
        raise UserError(f"{folder} contains a study on other training texts{advice}")


def tune_run(config: RunConfig, folder: Path, trials: int, *, source: CorpusSource = load_corpus) -> Tuned:
    """Search the options of an architecture that the user has not set, until the study has `trials` trials.

    Args:
        config: the values of the options that are not searched.
        folder: of the study, `study.db`; an existing study is resumed. The best configuration is written to
            `best.json`, and a plot of the importances.
        trials: total number of trials.
        source: of the corpus; its test split is not used.

    Raises:
        UserError: for a linear model, a number below 1, if no trial was completed, or if another process is searching
            in the folder.
    """
    if not isinstance(trials, int) or trials < 1:
        raise UserError("--trials must be at least 1")
    name = config.model.architecture
    if not architectures.find(config.model).by_gradient:
        raise UserError(f"'{name}' is fitted at once by scikit-learn: it has no options to tune")
    if config.data.folds:
        raise UserError("a search uses the validation split: omit --folds, and pass it to the training with the found "
                        "options, on other texts")
    if (folder / "config.json").exists():
        raise UserError(f"{folder} contains a run, not a study: choose another --output-dir")
    with locked(folder, "--output-dir") if is_chief() else nullcontext():
        return _tuned(config, folder, trials, source)


def _tuned(config: RunConfig, folder: Path, trials: int, source: CorpusSource) -> Tuned:
    """Search, and write the results; the caller holds the lock of the folder."""
    name = config.model.architecture
    strategy, corpus = make_strategy(config.runtime.strategy), source(config.data, config.runtime.seed)
    space, study = space_of(config), open_study(folder / "study.db", name, config.runtime.seed)
    _check_study(study, folder, config, identity_of_texts(corpus.train.texts))
    with progress_bar("tuning", max(0, trials - finished(study))) as advance:
        search(study, config, space, corpus, strategy, trials, advance, load_prior(config, corpus))
    best, loss = best_config(study, config, space)
    (folder / "best.json").write_text(best.to_json(), encoding="utf-8")
    shares: dict[str, float] = {}
    with dispensable("the importances of the options"):
        shares = importances(study)
        if shares:
            plots.importances(shares, folder / "importances.png")
    notes: list[str] = []
    with dispensable("the comparison with baselines"), log.silence():
        notes = verdicts(study, fit_baselines(config, corpus, []), len(corpus.validation))
    for note in notes:
        log.warning(note)
    values = {one.name: getattr(getattr(best, one.section), one.name) for one in space}
    return Tuned(best, loss, values, shares, tuple(notes), study)
