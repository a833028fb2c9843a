"""The search: what is tried, that it goes on, prunes, and gives a configuration that trains."""

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from helpers.commands import Cli

from sentiment import architectures
from sentiment.config import Options, Range, RunConfig
from sentiment.data import HeldOut, load_corpus
from sentiment.errors import DivergedError
from sentiment.evaluation.baselines import Baselines
from sentiment.runs import resolve
from sentiment.training.strategy import make_strategy
from sentiment.tuning import best_config, search, space_of
from sentiment.tuning.space import SPACE, Dimension
from sentiment.tuning.trials import changed, finished, importances, open_study, verdicts

GIVEN: Options = {"model": {"units": 4}, "text": {"max_length": 24}}


class Asked:
    """Stands for a trial; chooses the lowest or the first, or the highest or the last."""

    def __init__(self, highest: bool) -> None:
        self.highest = highest

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        return high if self.highest else low

    def suggest_categorical(self, name: str, values: tuple[Any, ...]) -> Any:
        return values[-1 if self.highest else 0]


@pytest.mark.parametrize("entry", [entry for entry in architectures.architectures() if entry.by_gradient],
                         ids=lambda entry: entry.name)
@pytest.mark.parametrize("highest", [False, True])
def test_every_corner_of_the_space_is_a_configuration_that_is_taken(entry: Any, highest: bool) -> None:
    config = resolve({"model": {"architecture": entry.name}})
    space = space_of(config)
    tried = changed(config, space, {one.name: one.suggest(Asked(highest)) for one in space})
    architectures.find(tried.model)
    names = {one.name for one in space if one.section == "model"}
    unpooled = set() if architectures.readout(config.model).pools else {"pooling"}
    assert names == {one.name for one in SPACE if one.section == "model"} & entry.uses - unpooled


def study_of(losses: list[float], accuracy: float) -> Any:
    study = optuna.create_study()
    for number, loss in enumerate(losses):
        study.add_trial(optuna.trial.create_trial(
            params={"units": number}, distributions={"units": optuna.distributions.IntDistribution(0, 100)},
            value=loss, user_attrs={"val_accuracy": accuracy}))
    return study


def test_importances_need_ten_trials() -> None:
    losses = [float(number) for number in range(10)]
    assert importances(study_of(losses[:9], 0.5)) == {}
    assert importances(study_of(losses, 0.5)) == {"units": pytest.approx(1.0)}


@pytest.mark.parametrize(("accuracy", "trials", "linear", "says"), [
    (0.7, 1, 0.9, ""),
    (0.52, 1, 0.9, "no trial has learned the task: the best is right on 52.0% of the validation texts, and always "
                   "predicting 'a' on 50.0%"),
    (0.59, 1, 0.9, ""),  # p = 0.044: enough for one trial, not for the best of three
    (0.59, 3, 0.9, "no trial has learned the task"),
    (0.7, 1, 0.4, "tfidf-lr, which needs no tuning, has a lower validation loss than every trial: 0.4000"),
])
def test_a_search_that_found_nothing_says_so(accuracy: float, trials: int, linear: float, says: str) -> None:
    validation = {"majority class": {"accuracy": 0.5, "log_loss": 0.69},
                  "tfidf-lr": {"accuracy": 0.8, "log_loss": linear}}
    found = verdicts(study_of([0.5, 0.6, 0.7][:trials], accuracy), Baselines({}, validation, "a", 0.0), 100)
    assert len(found) == bool(says)
    assert says in "".join(found)


def test_what_was_given_is_not_tried() -> None:
    every, others = ({one.name for one in space_of(resolve(given))} for given in ({}, GIVEN))
    assert every - others == {"units", "max_length"}


def test_nothing_is_pooled_where_attention_sums_up() -> None:
    assert "pooling" in {one.name for one in space_of(resolve({"model": {"attention": "multi-head"}}))}
    assert "pooling" not in {one.name for one in space_of(resolve({"model": {"attention": "additive"}}))}


@pytest.fixture
def task(tiny_csv: Path) -> tuple[RunConfig, Any]:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}, "model": {"units": 3, "embedding_size": 4},
                                  "training": {"epochs": 2}, "text": {"max_length": 24}})
    corpus = load_corpus(config.data, 1)

    def fail() -> Any:
        raise AssertionError("the test split was read")

    object.__setattr__(corpus, "test", HeldOut(fail))
    return config, corpus


SPACE_OF_TWO = [Dimension("training", "learning_rate", Range(1e-3, 1e-1, log=True)),
                Dimension("training", "batch_size", (16, 32))]


@pytest.mark.extended
def test_a_search_goes_on_and_its_best_is_the_lowest_loss(task: tuple[RunConfig, Any], tmp_path: Path) -> None:
    config, corpus = task
    seen: list[str] = []
    for trials in (1, 3):
        study = open_study(tmp_path / "study.db", "a study", seed=1)
        search(study, config, SPACE_OF_TWO, corpus, make_strategy("single"), trials, seen.append)
        assert finished(study) == trials
    assert len(seen) == 3
    assert seen[-1].startswith("trial 3/3  best validation loss ")
    best, loss = best_config(study, config, SPACE_OF_TWO)
    complete = {trial.value: trial.params for trial in study.trials if trial.value is not None}
    assert loss == min(complete)
    assert best.training.learning_rate == complete[loss]["learning_rate"]
    assert best.model == config.model


@pytest.mark.extended
def test_a_bad_trial_is_pruned_and_one_that_diverges_fails(task: tuple[RunConfig, Any], tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    config, corpus = task
    losses = iter([0.5, 0.5, 0.5, 0.5, 0.5, 0.9, None])

    def train(*_: Any, watchers: Any, **__: Any) -> None:
        loss = next(losses)
        if loss is None:
            raise DivergedError("the loss became nan")
        watchers[0].on_epoch_end(0, {"val_calibrated_loss": loss})
        watchers[0].on_epoch_end(1, {"val_calibrated_loss": loss})

    monkeypatch.setattr("sentiment.tuning.trials.train", train)
    study = open_study(tmp_path / "study.db", "a study", seed=1)
    search(study, config, SPACE_OF_TWO, corpus, None, 7, lambda _: None)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 5 + ["PRUNED", "FAIL"]


def test_command(tiny_csv: Path, tmp_path: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.tuning.trials.FEWEST_FOR_IMPORTANCES", 2)
    words = ["tune", "--dataset", tiny_csv, "--epochs", "1", "--units", "4", "--embedding-size", "4", "--layers", "1",
             "--max-length", "24", "--output-dir", tmp_path / "out"]
    code, out, err = run_cli(*words, "--trials", "2", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert set(found["values"]) == {one.name for one in SPACE} - {"units", "embedding_size", "layers", "max_length",
                                                                   "pooling"}
    assert sum(found["importances"].values()) == pytest.approx(1.0)
    assert any("tfidf-lr, which needs no tuning" in note for note in found["notes"])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"study.db", "best.json", "importances.png"}
    code, _, err = run_cli("train", "--config", tmp_path / "out" / "best.json", "--no-export",
                           "--output-dir", tmp_path / "run")
    assert code == 0, err
    code, again, err = run_cli(*words, "--trials", "2", "--json")
    assert json.loads(again)["validation_loss"] == found["validation_loss"]


def test_a_missing_optuna_is_named(run_cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.errors.find_spec", lambda _: None)
    assert run_cli("tune", "--dataset", "nowhere.csv")[2] == "error: tuning needs optuna: pip install '.[tune]'\n"


def test_refused(run_cli: Cli) -> None:
    assert run_cli("tune", "--trials", "0")[::2] == (1, "error: --trials must be at least 1\n")
    assert "omit --folds" in run_cli("tune", "--folds", "3", "--dataset", "sample")[2]
    assert "it has no options to tune" in run_cli("tune", "--arch", "tfidf-lr", "--dataset", "sample")[2]
    assert run_cli("tune", "--no-export")[0] == 2  # it exports nothing, nor does the search of a learning rate
    assert "--find-lr exports nothing" in run_cli("train", "--find-lr", "x.png", "--no-export")[2]
