"""Built-in sample corpus, for machines without a network and for tests."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from sentiment.config import DataConfig
from sentiment.data.corpus import Corpus
from sentiment.data.labelled import build_corpus, from_table
from sentiment.shipped import packaged_folder

NOTE = ("the scores are of the built-in sample, 2,500 reviews made from a grammar, and say nothing about IMDB: "
        "never quote them as IMDB results")


def sample_folder() -> Path:
    """Return the folder with the sample's files.

    Raises:
        UserError: if it is missing.
    """
    return packaged_folder("data/sample", "bundled", "train.csv",
                           "the built-in sample is missing: install the package again")


def sample_texts() -> Iterator[str]:
    """Yield the texts of the test split without labels, as example texts."""
    yield from from_table(sample_folder() / "test.csv", DataConfig(group_column="group")).texts


def load(config: DataConfig, seed: int) -> Corpus:
    """Return the sample; its splits keep the two reviews of a pair together."""
    columns = DataConfig(group_column="group")
    train = from_table(sample_folder() / "train.csv", columns, grouped=not config.random_split)
    test = from_table(sample_folder() / "test.csv", columns)
    return dataclasses.replace(build_corpus("sample", train, None, test, config, seed), notes=(NOTE,))
