"""The corpus that ships with the project, for machines without a network and for tests."""

import dataclasses
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from sentiment.config import DataConfig
from sentiment.data.corpus import Corpus
from sentiment.data.labelled import build_corpus, from_table
from sentiment.errors import UserError

NOTE = ("the scores are of the bundled sample, 2,500 reviews made from a grammar, and say nothing about IMDB: "
        "never quote them as IMDB results")


def sample_folder() -> Path:
    """Return the folder with the sample's files: `data/sample` in a checkout, package data when installed."""
    checkout = Path(__file__).parents[2] / "data" / "sample"
    if (checkout / "train.csv").is_file():
        return checkout
    installed = importlib.util.find_spec("sentiment.bundled")
    if installed is None or not installed.submodule_search_locations:
        raise UserError("the bundled sample is missing: install the package again")
    return Path(installed.submodule_search_locations[0])


def sample_texts() -> Iterator[str]:
    """Yield the texts of the test split, without their labels, for whoever needs some texts of any kind."""
    yield from from_table(sample_folder() / "test.csv", DataConfig(group_column="group")).texts


def load(config: DataConfig, seed: int) -> Corpus:
    """Return the sample; its validation split keeps the two reviews of a pair on one side."""
    columns = DataConfig(group_column="group")
    train = from_table(sample_folder() / "train.csv", columns, grouped=not config.random_split)
    test = from_table(sample_folder() / "test.csv", columns)
    return dataclasses.replace(build_corpus("sample", train, None, test, config, seed), notes=(NOTE,))
