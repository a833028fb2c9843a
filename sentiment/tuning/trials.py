"""Optuna study: its trials and results."""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
from scipy import stats

from sentiment.config import RunConfig
from sentiment.console import log
from sentiment.data import Corpus
from sentiment.errors import DivergedError, UserError, check_extra
from sentiment.evaluation.baselines import SIGNIFICANCE, Baselines
from sentiment.measured import LINEAR, MAJORITY
from sentiment.training import train
from sentiment.training.prior import NO_PRIOR, Prior
from sentiment.tuning.space import Dimension

FEWEST_FOR_IMPORTANCES = 10  # completed trials; with fewer, the importances are those of a forest fitted to noise
WARM_UP_TRIALS = 5  # trials before pruning by the median starts


class _Report(keras.callbacks.Callback):
    """Callback that reports the calibrated validation loss of each epoch to the trial, and prunes it."""

    def __init__(self, trial: Any) -> None:
        super().__init__()
        self.trial = trial
        self.best = float("inf")
        self.accuracy = 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the loss."""
        loss = float((logs or {})["val_calibrated_loss"])
        if loss < self.best:
            self.best, self.accuracy = loss, float((logs or {})["val_accuracy"])
        self.trial.report(loss, epoch)
        if self.trial.should_prune():
            from optuna import TrialPruned

            raise TrialPruned


def open_study(storage: Path, name: str, seed: int) -> Any:
    """Return an existing or new study in an SQLite file.

    Raises:
        UserError: if Optuna is not installed.
    """
    check_extra("tuning", "tune")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage.parent.mkdir(parents=True, exist_ok=True)
    database = optuna.storages.RDBStorage(  # by a connection, because a URL does not support every path
        "sqlite://", {"creator": partial(sqlite3.connect, storage)})
    return optuna.create_study(
        study_name=name, storage=database, load_if_exists=True, direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=WARM_UP_TRIALS))


def search(study: Any, config: RunConfig, space: Sequence[Dimension], corpus: Corpus, strategy: Any, trials: int,
           advance: Callable[[str], None], prior: Prior = NO_PRIOR) -> None:
    """Run trials until a study has `trials` finished ones; the test split is not used.

    Args:
        study: from `open_study`.
        config: the options that are not searched.
        space: the searched dimensions.
        corpus: its training and validation splits are used.
        strategy: a `tf.distribute.Strategy`.
        trials: the total number, including existing ones.
        advance: called with a description after each trial.
        prior: pretrained weights and teacher logits.
    """
    while finished(study) < trials:
        trial = study.ask()
        tried = changed(config, space, {one.name: one.suggest(trial) for one in space})
        study.tell(trial, **_outcome(trial, tried, corpus, strategy, prior))
        policy = keras.config.dtype_policy()
        keras.backend.clear_session()
        keras.config.set_dtype_policy(policy)
        advance(f"trial {finished(study)}/{trials}  {_best(study)}")


def _outcome(trial: Any, config: RunConfig, corpus: Corpus, strategy: Any, prior: Prior) -> dict[str, Any]:
    """Train; return the arguments of `study.tell`: the lowest calibrated validation loss, or another state."""
    from optuna import TrialPruned
    from optuna.trial import TrialState

    report = _Report(trial)
    with TemporaryDirectory() as folder:
        try:
            train(config, corpus, strategy, history_file=Path(folder) / "history.csv",
                  checkpoints=Path(folder) / "checkpoints", tensorboard=Path(folder), scratch=Path(folder),
                  watchers=[report], prior=prior)
        except TrialPruned:
            return {"state": TrialState.PRUNED}
        except DivergedError as error:
            log(f"trial {trial.number}: {error}")
            return {"state": TrialState.FAIL}
    trial.set_user_attr("val_accuracy", report.accuracy)
    return {"values": report.best}


def changed(config: RunConfig, space: Sequence[Dimension], values: dict[str, Any]) -> RunConfig:
    """Return the configuration with the values of a trial."""
    changes: dict[str, dict[str, Any]] = {}
    for one in space:
        changes.setdefault(one.section, {})[one.name] = values[one.name]
    return config.updated(changes)


def finished(study: Any) -> int:
    """Return the number of finished trials, including pruned and diverged ones."""
    return sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))


def best_config(study: Any, config: RunConfig, space: Sequence[Dimension]) -> tuple[RunConfig, float]:
    """Return the configuration of the trial with the lowest validation loss, and that loss.

    Raises:
        UserError: if no trial was completed.
    """
    best = _best_trial(study)
    if best is None:
        raise UserError("no trial was completed: all diverged or were pruned")
    return changed(config, space, best.params), float(best.value)


def verdicts(study: Any, baselines: Baselines, texts: int) -> list[str]:
    """Return caveats about the best trial: that it is not better than a baseline on validation.

    Its accuracy is compared with the share of the majority class by a binomial test at 5 %, divided by the number of
    trials (Bonferroni), because it is the best of them.

    Args:
        study: with a completed trial.
        baselines: on the validation split.
        texts: of the validation split.
    """
    best, complete, found = _best_trial(study), _complete(study), []
    accuracy, share = best.user_attrs.get("val_accuracy"), baselines.validation[MAJORITY]["accuracy"]
    if accuracy is not None:
        test = stats.binomtest(round(accuracy * texts), texts, share, alternative="greater")
        if test.pvalue >= SIGNIFICANCE / len(complete):
            found.append(f"no trial has learned the task: the best is right on {accuracy:.1%} of the validation texts, "
                         f"and always predicting '{baselines.majority}' on {share:.1%}; more epochs or more texts may "
                         "help")
    linear = baselines.validation.get(LINEAR)
    if linear is not None and linear["log_loss"] < best.value:
        found.append(f"{LINEAR}, which needs no tuning, has a lower validation loss than every trial: "
                     f"{linear['log_loss']:.4f}, and an accuracy of {linear['accuracy']:.4f}")
    return found


def importances(study: Any) -> dict[str, float]:
    """Return the share of the variance of the losses by dimension, descending; empty for fewer than ten trials."""
    import optuna

    complete = _complete(study)
    if len(complete) < FEWEST_FOR_IMPORTANCES or len({trial.value for trial in complete}) < 2:
        return {}
    return dict(optuna.importance.get_param_importances(study))


def _complete(study: Any) -> list[Any]:
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def _best_trial(study: Any) -> Any:
    return min(_complete(study), key=lambda trial: trial.value, default=None)


def _best(study: Any) -> str:
    best = _best_trial(study)
    return f"best validation loss {best.value:.4f}" if best is not None else "none completed"
