"""`train --preset`: whole recipes, what goes with them, and going on with them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentiment import architectures
from sentiment.artifacts import PretrainedFolder, RunFolder
from sentiment.config import RunConfig
from sentiment.errors import UserError
from sentiment.presets import PRESETS, merged
from sentiment.workflow import default_config

Cli = Callable[..., tuple[int, str, str]]
SMALL = ["--units", "5", "--embedding-size", "4", "--vocab-size", "60", "--batch-size", "8", "--max-length", "24",
         "--epochs", "1"]


@pytest.fixture
def small_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `best` pretrain in windows that the few words of a test fill."""
    small = {"pretraining": {"window": 6}, "training": {"epochs": 1, "batch_size": 4}}
    monkeypatch.setitem(PRESETS, "best", dataclasses.replace(PRESETS["best"], pretraining=small))


def configured(name: str, **given: Any) -> RunConfig:
    wanted = PRESETS[name].beside(given)
    return default_config(wanted).updated(wanted)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_configuration_that_is_taken(name: str) -> None:
    architectures.find(configured(name).model)
    architectures.find(configured(name, model={"attention": "additive"}).model)
    PRESETS[name].pretraining_config({})


def test_options_given_win() -> None:
    assert configured("fast").text.max_length == 200
    assert configured("fast", text={"max_length": 9}).text.max_length == 9
    assert configured("default") == default_config({})
    assert merged({"a": {"x": 1, "y": 2}}, {"a": {"x": 3}, "b": {"z": 4}}) == {"a": {"x": 3, "y": 2}, "b": {"z": 4}}
    config = PRESETS["best"].pretraining_config(
        {"model": {"units": 7, "output_dropout": 0.9}, "data": {"dataset": "a.csv"}, "training": {"batch_size": 3},
         "runtime": {"seed": 5}, "text": {"max_length": 5}})
    assert (config.model.units, config.data.dataset, config.runtime.seed) == (7, "a.csv", 5)
    assert (config.text.max_length, config.model.output_dropout, config.training.batch_size) == (10_000, 0.1, 64)


@pytest.mark.parametrize("flags", ["fma sse", "avx512f amx_bf16 amx_tile"])
def test_halves_where_the_processor_multiplies_them(flags: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda _: f"processor : 0\nflags : fpu {flags}\n")
    assert configured("best").runtime.mixed_precision == ("amx_bf16" in flags)
    assert not configured("best", runtime={"mixed_precision": False}).runtime.mixed_precision
    assert not configured("default").runtime.mixed_precision


def test_fast(tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--preset", "fast", "--dataset", tiny_csv, "--output-dir", tmp_path / "run")
    assert code == 0, err
    assert "test accuracy" in out
    assert RunFolder.open(tmp_path / "run").load_config().model.units == 32
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("small_pretraining")
def test_best_pretrains_and_goes_on(tiny_csv: Path, tmp_path: Path, run_cli: Cli, monkeypatch: pytest.MonkeyPatch
                                    ) -> None:
    words = ["train", "--preset", "best", "--dataset", tiny_csv, "--output-dir", tmp_path / "run", *SMALL]

    def stopped(*_: Any, **__: Any) -> None:
        raise UserError("the classifier was stopped")

    with monkeypatch.context() as patched:
        patched.setattr("sentiment.workflow.train", stopped)
        assert run_cli(*words)[0] == 1
    before = PretrainedFolder.open(tmp_path / "run.pretrained")
    assert before.load_config().model.units == 5
    made = before.metrics.stat().st_mtime_ns
    code, _, err = run_cli(*words)
    assert code == 1
    assert "holds a finished pretraining: add --overwrite to replace it" in err
    code, _, err = run_cli(*words, "--resume")
    assert code == 0, err
    assert before.metrics.stat().st_mtime_ns == made
    config = RunFolder.open(tmp_path / "run").load_config()
    assert config.training.pretrained == str(tmp_path / "run.pretrained")
    assert (config.model.pooling, config.model.attention, config.training.layer_decay) == ("concat", "none", 2.6)
    code, out, err = run_cli(*words, "--resume", "--json")
    assert "is finished: there is nothing to resume" in err
    assert json.loads(out)["training"]["epochs"] == 1
    code, _, err = run_cli(*words, "--overwrite")
    assert code == 0, err
    assert before.metrics.stat().st_mtime_ns != made
    code, _, err = run_cli("train", "--preset", "best", "--dataset", tiny_csv, "--epochs", "1", "--pretrained",
                           before.path, "--output-dir", tmp_path / "other")
    assert code == 0, err
    assert not (tmp_path / "other.pretrained").exists()


@pytest.mark.parametrize(("words", "message"), [
    (["--config", "c.json"], "--preset and --config are two starts: take one"),
    (["--find-lr", "curve.png"], "--preset best pretrains first: give --find-lr what it wrote, by --pretrained"),
    (["--stream"], "pretraining holds the texts in memory: leave --stream out"),
    (["--arch", "han"], "a language model starts recurrent layers"),
])
def test_refusals(words: list[str], message: str, tiny_csv: Path, tmp_path: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("train", "--preset", "best", "--dataset", tiny_csv, "--output-dir", tmp_path / "run",
                             *words)
    assert (code, out) == (1, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []
