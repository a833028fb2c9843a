"""`train --preset`: whole recipes, what goes with them, and going on with them."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.commands import Cli

from sentiment import architectures
from sentiment.artifacts import PretrainedFolder, RunFolder
from sentiment.cli import make_parser
from sentiment.cli.options import given_options
from sentiment.config import Options, RunConfig, merged
from sentiment.config.presets import PRESETS
from sentiment.errors import UserError
from sentiment.runs import Recipe, resolve

SMALL = ["--units", "5", "--embedding-size", "4", "--vocab-size", "60", "--batch-size", "8", "--max-length", "24",
         "--epochs", "1"]


@pytest.fixture
def small_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `best` pretrain in windows that the few words of a test fill."""
    small = {"pretraining": {"window": 6}, "training": {"epochs": 1, "batch_size": 4}}
    monkeypatch.setitem(PRESETS, "best", dataclasses.replace(PRESETS["best"], pretraining=small))


def stopped(*_: Any, **__: Any) -> None:
    """Stand in for a step that does not come to its end."""
    raise UserError("this step was stopped")


def recipe(name: str, **given: Any) -> Recipe:
    return Recipe(PRESETS[name], given, Path("run"))


def configured(name: str, **given: Any) -> RunConfig:
    return recipe(name, **given).config()


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_configuration_that_is_taken(name: str) -> None:
    architectures.find(configured(name).model)
    architectures.find(configured(name, model={"attention": "additive"}).model)
    recipe(name).pretraining_config()
    for options in (PRESETS[name].options, PRESETS[name].first or {}):
        assert "epochs" not in options.get("training", {})  # a small corpus needs more of them


def test_options_given_win() -> None:
    assert configured("fast").text.max_length == 400
    assert configured("fast", text={"max_length": 9}).text.max_length == 9
    assert configured("default") == resolve({})
    assert merged({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}, "b": {"z": 4}}) == {"a": {"x": 3, "y": 2}, "b": {"z": 4}}
    config = recipe("best", model={"units": 7, "output_dropout": 0.9}, data={"dataset": "a.csv"},
                    training={"batch_size": 3}, runtime={"seed": 5}, text={"max_length": 5}).pretraining_config()
    assert (config.model.units, config.data.dataset, config.runtime.seed) == (7, "a.csv", 5)
    assert (config.text.max_length, config.model.output_dropout, config.training.batch_size) == (10_000, 0.1, 128)


@pytest.mark.parametrize("flags", ["fma sse", "avx512f amx_bf16 amx_tile"])
def test_halves_where_the_processor_multiplies_them(flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda _: f"processor : 0\nflags : fpu {flags}\n")
    assert configured("best").runtime.mixed_precision == ("amx_bf16" in flags)
    assert not configured("best", runtime={"mixed_precision": False}).runtime.mixed_precision
    assert not configured("default").runtime.mixed_precision


def test_fast(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--preset", "fast", "--dataset", tiny_csv, "--output-dir", tmp_path / "run",
                             "--epochs", "1", "--no-export")
    assert code == 0, err
    assert "test accuracy" in out
    assert RunFolder.open(tmp_path / "run").load_config().model.architecture == "bimingru"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_wide_is_the_mean_with_a_linear_model(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "--preset", "wide", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *SMALL,
             "--word-rules", "1"]

    with monkeypatch.context() as patched:
        patched.setattr("sentiment.runs.recipe.ensemble_run", stopped)
        assert run_cli(*words)[0] == 1
    classifier, linear = (RunFolder.open(tmp_path / f"run.{name}") for name in ("classifier", "linear"))
    made = classifier.metrics.stat().st_mtime_ns
    assert (classifier.load_config().model.units, linear.load_config().model.architecture) == (5, "nb-svm")
    assert linear.load_config().text.word_rules == 1  # as the classifier has it, wherever from
    code, out, err = run_cli(*words, "--resume", "--json")
    assert code == 0, err
    assert list(json.loads(out)["training"]["members"]) == ["run.classifier", "run.linear"]
    assert classifier.metrics.stat().st_mtime_ns == made
    code, _, err = run_cli(*words, "--resume")
    assert (code, err) == (0, f"{tmp_path / 'run'} is complete: nothing to resume\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.classifier", "run.linear"]
    assert [path.parent.name for path in tmp_path.glob("*/export")] == ["run"]  # its steps are never exported


@pytest.mark.parametrize("name", ["wide", "best"])
def test_a_finished_run_is_refused_before_the_first_step(name: str, tiny_csv: Path, tmp_path: Path,
                                                         run_cli: Cli) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "metrics.json").write_text("{}")
    code, _, err = run_cli("train", "--preset", name, "--dataset", tiny_csv, "--output-dir", run, *SMALL)
    assert code == 1
    assert f"{run} contains a finished run: pass --overwrite to replace it" in err
    assert list(tmp_path.iterdir()) == [run]


@pytest.mark.extended
@pytest.mark.usefixtures("small_pretraining")
def test_best_takes_its_steps_and_goes_on(tiny_csv: Path, tmp_path: Path, run_cli: Cli,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["train", "--preset", "best", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *SMALL]

    with monkeypatch.context() as patched:
        patched.setattr("sentiment.runs.training.train", stopped)
        assert run_cli(*words)[0] == 1
    before = PretrainedFolder.open(tmp_path / "run.pretrained")
    assert before.load_config().model.units == 5
    made = before.metrics.stat().st_mtime_ns
    code, _, err = run_cli(*words)
    assert code == 1
    assert "contains a finished pretraining: pass --overwrite to replace it" in err
    with monkeypatch.context() as patched:
        patched.setattr("sentiment.runs.recipe.ensemble_run", stopped)
        assert run_cli(*words, "--resume")[0] == 1
    first, linear = (RunFolder.open(tmp_path / f"run.{name}") for name in ("first", "linear"))
    trained = first.metrics.stat().st_mtime_ns
    (tmp_path / "run.teacher.unfinished").mkdir()
    (tmp_path / "run.teacher.unfinished" / "config.json").write_text("{}")
    code, _, err = run_cli(*words, "--resume")
    assert code == 0, err
    assert before.metrics.stat().st_mtime_ns == made
    assert first.metrics.stat().st_mtime_ns == trained
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "run", "run.first", "run.linear", "run.pretrained", "run.teacher"]
    assert [path.parent.name for path in tmp_path.glob("*/export")] == ["run"]
    members = RunFolder.open(tmp_path / "run.teacher").load_metrics()["training"]["members"]
    assert list(members) == ["run.first", "run.linear"]
    config = RunFolder.open(tmp_path / "run").load_config()
    assert config.training.pretrained == first.load_config().training.pretrained == str(tmp_path / "run.pretrained")
    assert (config.training.teacher, first.load_config().training.teacher) == (str(tmp_path / "run.teacher"), None)
    assert (config.model.pooling, config.model.attention, config.training.layer_decay) == ("concat", "none", 1.6)
    assert (first.load_config().training.layer_decay, first.load_config().training.epochs) == (2.6, 1)
    assert linear.load_config().model.architecture == "nb-svm"
    code, out, err = run_cli(*words, "--resume", "--json")
    assert err == f"{tmp_path / 'run'} is complete: nothing to resume\n"
    assert json.loads(out)["training"]["epochs"] == 1
    code, _, err = run_cli(*words, "--overwrite")
    assert code == 0, err
    assert before.metrics.stat().st_mtime_ns != made
    assert first.metrics.stat().st_mtime_ns != trained


def test_what_is_given_is_not_made(tiny_csv: Path, tiny_run: Path, tmp_path: Path, run_cli: Cli) -> None:
    small = ["--units", "5", "--embedding-size", "4", "--vocab-size", "60", "--epochs", "1", "--batch-size", "4"]
    code, _, err = run_cli("pretrain", "--dataset", tiny_csv, "--output", tmp_path / "lm", "--window", "6", *small)
    assert code == 0, err
    given = ["--pretrained", tmp_path / "lm", "--teacher", tiny_run]
    code, _, err = run_cli("train", "--preset", "best", "--dataset", tiny_csv, *SMALL, "--no-export", *given,
                           "--output-dir", tmp_path / "run")
    assert code == 0, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lm", "run"]
    config = RunFolder.open(tmp_path / "run").load_config()
    assert (config.training.pretrained, config.training.teacher) == (str(tmp_path / "lm"), str(tiny_run))
    assert (config.model.pooling, config.training.layer_decay) == ("concat", 1.6)
    words = ["train", "--dataset", str(tiny_csv), *SMALL, "--no-export", *map(str, given)]
    assert config == configured("best", **given_options(make_parser().parse_args(words)))


def test_the_steps_take_over_what_they_can_use() -> None:
    given: dict[str, dict[str, Any]] = {
        "data": {"dataset": "a.csv", "unlabelled": "b.csv", "label_column": "c"}, "text": {"max_length": 9},
        "model": {"units": 7}, "training": {"class_weights": "balanced", "teacher_weight": 0.4, "epochs": 2},
        "runtime": {"seed": 5}}
    best = recipe("best", **given)
    first = best.first_config({})
    assert (first.data.dataset, first.data.unlabelled, first.text.max_length) == ("a.csv", None, 9)
    assert (first.model.units, first.training.epochs, first.training.teacher_weight) == (7, 2, 0.9)
    linear = best.linear_config({})
    assert (linear.data.label_column, linear.data.unlabelled, linear.model.units) == ("c", None, 64)
    assert (linear.training.class_weights, linear.runtime.seed) == ("balanced", 5)
    assert configured("best", **given).data.unlabelled == "b.csv"
    assert best.pretraining_config().data.unlabelled == "b.csv"


@pytest.mark.parametrize(("named", "own", "expected"), [
    ({}, ["a text"], True), ({}, [], False), ({"unlabelled": "file.csv"}, ["a text"], False),
    ({"unlabelled": "none"}, ["a text"], False)])
def test_unlabelled_texts_are_used_where_the_corpus_has_them(
        named: dict[str, str], own: list[str], expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.runs.recipe.train_run", lambda *_, **__: None)
    monkeypatch.setattr(RunFolder, "open", RunFolder)
    monkeypatch.setattr("sentiment.runs.recipe.ensemble_run", lambda *_, **__: RunFolder(tmp_path / "teacher"))
    monkeypatch.setattr("sentiment.runs.recipe.resolve", lambda *_: RunConfig())
    given: Options = {"data": named, "training": {"pretrained": str(tmp_path)}}
    corpus: Any = SimpleNamespace(unlabelled=lambda: own)
    options = Recipe(PRESETS["best"], given, tmp_path / "run", source=lambda *_: corpus).prepare()
    assert (options.get("data", {}).get("unlabelled") == "corpus") == expected
    assert options["training"]["teacher"] == str(tmp_path / "teacher")


def test_steps_are_for_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.runs.recipe.Workers", lambda _: SimpleNamespace(count=2))
    with pytest.raises(UserError, match="trains in steps, on one machine: start it without TF_CONFIG"):
        Recipe(PRESETS["best"], {}, tmp_path / "run").prepare()
    given = {"training": {"pretrained": "models/lm", "teacher": "models/teacher"}}
    assert Recipe(PRESETS["best"], given, tmp_path / "run").prepare() == {}  # where no step is left


@pytest.mark.parametrize(("preset", "words", "message"), [
    ("best", ["--config", "c.json"], "--preset and --config exclude each other: pass only one"),
    ("best", ["--find-lr", "curve.png"],
     "--preset best pretrains first: pass its network with --pretrained to --find-lr"),
    ("best", ["--stream"], "pretraining holds the texts in memory: omit --stream"),
    ("wide", ["--stream"], "NB-SVM holds the texts in memory: omit --stream"),
    ("best", ["--arch", "han"], "a language model pretrains recurrent layers"),
])
def test_refusals(preset: str, words: list[str], message: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--preset", preset, "--dataset", tiny_csv, "--output-dir", tmp_path / "run",
                             *words)
    assert (code, out) == (1, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []
