"""The static types of options."""

import inspect
from typing import get_type_hints

from helpers import option_types

from sentiment import TextClassifier, options
from sentiment.config import PretrainConfig
from sentiment.config.keywords import option_sections


def test_the_types_of_options_are_those_of_their_declarations() -> None:
    assert inspect.getsource(options) == option_types.module(), "run python tests/helpers/option_types.py > " \
        "sentiment/options.py"


def test_editors_complete_what_is_taken() -> None:
    assert set(get_type_hints(options.TrainOptions)) == set(option_sections()) - {"dataset"}
    assert set(get_type_hints(options.PretrainOptions)) == set(option_sections(PretrainConfig)) - {"dataset"}
    assert {*get_type_hints(options.EstimatorOptions), "verbose"} == set(TextClassifier().get_params())
