import importlib.util
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment.config import DataConfig
from sentiment.data import load_corpus
from sentiment.data.sample import sample_folder
from sentiment.text import standardize

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return pd.read_csv(sample_folder() / "train.csv")


@pytest.fixture(scope="module")
def test() -> pd.DataFrame:
    return pd.read_csv(sample_folder() / "test.csv")


def test_sizes_and_balance(train: pd.DataFrame, test: pd.DataFrame) -> None:
    assert (len(train), len(test)) == (2000, 500)
    for frame in (train, test):
        assert frame["label"].value_counts().nunique() == 1
        assert frame["text"].is_unique
    assert not set(train["text"]) & set(test["text"])
    lengths = [len(text.split()) for text in train["text"]]
    assert min(lengths) < 10
    assert max(lengths) > 120


def test_the_generator_writes_the_files_that_ship(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_sample", ROOT / "data" / "make_sample.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write(tmp_path)
    for name in ("train.csv", "test.csv"):
        assert (tmp_path / name).read_bytes() == (ROOT / "data" / "sample" / name).read_bytes()


def test_pairs_hold_the_same_words_and_opposite_labels(train: pd.DataFrame) -> None:
    pairs = train[train["kind"] == "order"].groupby("group")
    assert len(pairs) == 500
    for _, pair in pairs:
        assert set(pair["label"]) == {"negative", "positive"}
        bags = [Counter(standardize([text]).numpy()[0].split()) for text in pair["text"]]
        assert bags[0] == bags[1]


def test_a_bag_of_words_stays_at_chance_on_the_pairs(train: pd.DataFrame, test: pd.DataFrame) -> None:
    words = CountVectorizer()
    model = LogisticRegression(max_iter=1000).fit(words.fit_transform(train["text"]), train["label"])
    order = test[test["kind"] == "order"]
    assert model.score(words.transform(order["text"]), order["label"]) == 0.5


def test_validation_keeps_pairs_on_one_side() -> None:
    corpus = load_corpus(DataConfig(dataset="sample"), seed=1)
    assert not set(corpus.train.groups or []) & set(corpus.validation.groups or [])
    assert len(corpus.test.read()) == 500
    assert "say nothing about IMDB" in corpus.notes[0]
