"""Generated files: the static types of options, and the list of architectures."""

import inspect
from importlib.resources import files
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
from helpers import architecture_list, option_types

from sentiment import TextClassifier, api, options
from sentiment.config import PretrainConfig
from sentiment.config.catalogue import FILE
from sentiment.config.keywords import in_python, nested, option_sections, with_keywords
from sentiment.config.presets import PRESETS
from sentiment.runs import resolve


def test_the_types_of_options_are_those_of_their_declarations() -> None:
    assert inspect.getsource(options) == option_types.module(), "run python tests/helpers/option_types.py > " \
        "sentiment/options.py"


def test_the_list_of_architectures_is_that_of_the_registry() -> None:
    assert files("sentiment.config").joinpath(FILE).read_text(encoding="utf-8") == architecture_list.text(), \
        "run python tests/helpers/architecture_list.py > sentiment/config/architectures.json"


def test_editors_complete_what_is_taken() -> None:
    assert set(get_type_hints(options.TrainOptions)) == set(option_sections()) - {"dataset"}
    assert set(get_type_hints(options.PretrainOptions)) == set(option_sections(PretrainConfig)) - {"dataset"}
    assert {*get_type_hints(options.EstimatorOptions), "verbose"} == set(TextClassifier().get_params())


def test_scalars_of_numpy_and_paths_are_plain_values() -> None:
    """Grids of `GridSearchCV` are often arrays."""
    given = nested({"units": np.int64(4), "word_dropout": np.float32(0.5), "residual": np.bool_(True),
                    "teacher": Path("models/a"), "layers": None})
    assert given == {"model": {"units": 4, "word_dropout": 0.5, "residual": True}, "training": {"teacher": "models/a"}}
    assert resolve(given).model.units == 4


def test_the_types_of_presets_and_export_formats_are_what_is_there() -> None:
    assert get_args(inspect.signature(api.train).parameters["preset"].annotation)[0].__args__ == tuple(PRESETS)
    assert inspect.signature(api.Model.export).parameters["form"].annotation.__args__ == tuple(api.FORMATS)


@pytest.mark.parametrize(("message", "in_words"), [
    ("--folds 5 measures on all texts", "folds=5 measures on all texts"),
    ("--normalization layer is for LSTM", "normalization='layer' is for LSTM"),
    ("try --learning-rate 1e-3, or --no-export", "try learning_rate=1e-3, or export=False"),
    ("--units must be at least 1, not 0", "units must be at least 1, not 0"),
    ("--stream is for tables", "stream=True is for tables"),
    ("--hops goes with --attention self-attentive", "hops goes with attention='self-attentive'"),
    ("--such 3", "--such 3"),
])
def test_messages_in_python_have_keywords(message: str, in_words: str) -> None:
    assert with_keywords(message) == message
    with in_python():
        assert with_keywords(message) == in_words
