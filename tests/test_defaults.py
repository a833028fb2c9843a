"""What an architecture starts from where no option is given, and what makes that give way."""

from types import SimpleNamespace
from typing import Any

import pytest

from sentiment import architectures
from sentiment.errors import UserError
from sentiment.runs import resolve


def model(**given: Any) -> Any:
    """Return the model's configuration that `train` would take for these options."""
    return resolve({"model": given}).model


@pytest.mark.parametrize("entry", architectures.architectures(), ids=lambda entry: entry.name)
def test_the_defaults_of_every_architecture_make_sense(entry: architectures.Architecture) -> None:
    config = model(architecture=entry.name)
    assert architectures.find(config) is entry
    assert {name: getattr(config, name) for name in entry.model} == entry.model


@pytest.mark.parametrize(("given", "attention", "pooling"), [
    ({}, "luong-concat", None), ({"units": 9}, "luong-concat", None), ({"attention": "none"}, "none", None),
    ({"pooling": "concat"}, "none", "concat"), ({"merge": "sum"}, "none", None),
    ({"attention": "multi-head", "pooling": "mean"}, "multi-head", "mean")])
def test_attention_gives_way_to_what_it_does_not_go_with(given: dict[str, Any], attention: str, pooling: str | None
                                                         ) -> None:
    config = model(**given)
    assert (config.attention, config.pooling) == (attention, pooling)
    architectures.find(config)


def test_options_that_make_no_sense_by_themselves_are_still_refused() -> None:
    with pytest.raises(UserError, match="omit --pooling, or pass --attention none"):
        architectures.find(model(attention="additive", pooling="max"))
    with pytest.raises(UserError, match="exclude each other"):
        architectures.find(model(residual=True, skip=True, layers=2))


def test_what_a_classifier_starts_from_has_the_say(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = {"text": {"vocabulary_size": 60}, "model": {"architecture": "bilstm", "attention": "none", "units": 9}}
    start = SimpleNamespace(shared_values=lambda: trained)
    monkeypatch.setattr("sentiment.runs.resolution.open_start", lambda _: start)
    config = resolve({"training": {"pretrained": "models/one"}, "model": {"word_dropout": 0.2}})
    assert (config.model.attention, config.model.units, config.model.word_dropout) == ("none", 9, 0.2)
    assert config.text.vocabulary_size == 60
