import json
from pathlib import Path
from typing import Any

import pytest

from sentiment.config import DataConfig, ModelConfig, RunConfig, TextConfig, TrainingConfig
from sentiment.errors import UserError


def test_json_round_trip(tmp_path: Path) -> None:
    config = RunConfig().updated({"model": {"units": 7, "layers": 3}, "runtime": {"mixed_precision": True}})
    path = tmp_path / "config.json"
    path.write_text(config.to_json(), encoding="utf-8")
    assert RunConfig.from_json_file(path) == config
    assert json.loads(config.to_json())["model"]["units"] == 7


def test_updated_keeps_the_rest() -> None:
    config = RunConfig().updated({"text": {"max_length": 9}})
    assert config.text == TextConfig(max_length=9)
    assert config.model == ModelConfig()


@pytest.mark.parametrize(("values", "message"), [
    ({"modle": {}}, "unknown configuration section 'modle'; did you mean 'model'?"),
    ({"model": {"unitz": 3}}, "unknown configuration key 'unitz' in ModelConfig; did you mean 'units'?"),
    ({"model": 3}, "configuration section 'model' must be an object, not 3"),
    ({"model": {"units": "many"}}, "--units must be of type int, not 'many'"),
    ({"model": {"units": True}}, "--units must be of type int, not True"),
    ({"data": {"dataset": ""}}, "--dataset must not be empty: omit it for the default"),
    ({"data": {"text_column": ""}}, "--text-column must not be empty: omit it for the default"),
    ({"model": {"units": 0}}, "--units must be at least 1, not 0"),
    ({"model": {"output_dropout": 0.99}}, "--output-dropout must be at most 0.95, not 0.99"),
    ({"training": {"learning_rate": float("nan")}}, "--learning-rate must be a finite number, not nan"),
    ({"text": {"truncate": "tial"}}, "--truncate must be one of head, tail, both, not 'tial'; did you mean 'tail'?"),
])
def test_wrong_values_are_refused(values: Any, message: str) -> None:
    with pytest.raises(UserError) as caught:
        RunConfig.from_dict(values)
    assert str(caught.value) == message


def test_an_int_passes_for_a_float() -> None:
    assert DataConfig.from_dict({"test_fraction": 0.25}).test_fraction == 0.25
    assert TrainingConfig(learning_rate=1).learning_rate == 1.0


@pytest.mark.parametrize(("content", "message"), [("{", "is not JSON"), ("[]", "must be an object")])
def test_files_that_are_no_configuration(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        RunConfig.from_json_file(path)
    with pytest.raises(UserError, match="No such file"):
        RunConfig.from_json_file(tmp_path / "absent.json")


@pytest.mark.parametrize(("steps_per_epoch", "epochs", "patience"), [
    (704, 4, 3), (29, 35, 7), (5, 200, 40), (1, 200, 40)])
def test_epochs_follow_from_the_amount_of_data(steps_per_epoch: int, epochs: int, patience: int) -> None:
    assert TrainingConfig().epochs_for(steps_per_epoch) == epochs
    assert TrainingConfig().patience_for(epochs) == patience
    given = TrainingConfig(epochs=2, patience=1)
    assert (given.epochs_for(steps_per_epoch), given.patience_for(epochs)) == (2, 1)


def test_a_configuration_without_the_version_of_word_rules_has_the_first(tmp_path: Path) -> None:
    """It was written before there was a second, and its run answers as it did."""
    values = RunConfig().to_dict()
    assert values["text"].pop("word_rules") == 2
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert RunConfig.from_json_file(tmp_path / "config.json").text.word_rules == 1
    (tmp_path / "config.json").write_text(RunConfig().to_json())
    assert RunConfig.from_json_file(tmp_path / "config.json").text.word_rules == 2
    (tmp_path / "config.json").write_text('{"text": {"max_length": 100}}')  # by hand
    assert RunConfig.from_json_file(tmp_path / "config.json").text.word_rules == 2


def test_options_of_text_that_came_later_say_what_older_files_mean() -> None:
    """A file that lacks them was written before; without `legacy` it would be taken for one that is written by hand."""
    legacy = {one.name for one in TextConfig.options() if one.metadata["legacy"] is not None}
    assert set(TextConfig.names()) - legacy == {"vocabulary_size", "max_length", "truncate", "buckets"}
