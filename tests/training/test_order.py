"""The order of words: what a bag of words cannot see and a recurrent model learns.

The reviews of kind `order` in the bundled sample come in pairs that hold the same words in another order and have
opposite labels ("not good but great" against "not great but good" in spirit).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.selection import selected
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment import architectures
from sentiment.config import DataConfig
from sentiment.data import Corpus, load_corpus
from sentiment.data.sample import sample_folder
from sentiment.inference import Classifier
from sentiment.runs import resolve
from sentiment.training import train
from sentiment.training.strategy import make_strategy

# Small and quick: 456 steps, a minute or less on 2 cores.
TRAINING = {"epochs": 8, "patience": 8, "learning_rate": 0.004}
MODEL = {"units": 32, "embedding_size": 32, "word_dropout": 0.0, "embedding_dropout": 0.2, "output_dropout": 0.2}
WITHOUT_ORDER = {"attention"}
RECURRENT = ("rnn", "lstm", "gru", "birnn", "bilstm", "bigru", "stacked-lstm", "stacked-gru", "stacked-bilstm",
             "qrnn", "sru", "mingru", "minlstm", "rglru", "biqrnn", "bisru", "bimingru", "biminlstm",
             "cnn-lstm", "han")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_corpus(DataConfig(dataset="sample"), seed=1)


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    test = pd.read_csv(sample_folder() / "test.csv")
    return test[test["kind"] == "order"]


def accuracy(name: str, corpus: Corpus, pairs: pd.DataFrame, folder: Path) -> float:
    uses = architectures.named(name).uses
    config = resolve({"model": {"architecture": name}}).updated(
        {"model": {key: value for key, value in MODEL.items() if key in uses}, "training": TRAINING})
    trained = train(config, corpus, make_strategy("single"), history_file=folder / "history.csv",
                    checkpoints=folder / "checkpoints", tensorboard=folder, scratch=folder)
    answers = Classifier(trained.model, trained.preprocessor, corpus.class_names).predict(pairs["text"].tolist())
    return float(np.mean([answer.label for answer in answers] == pairs["label"].to_numpy()))


@pytest.mark.parametrize("name", selected(RECURRENT, ["gru"]))
def test_a_recurrent_model_learns_the_order(name: str, corpus: Corpus, pairs: pd.DataFrame, tmp_path: Path) -> None:
    assert accuracy(name, corpus, pairs, tmp_path) > 0.95


@pytest.mark.parametrize("name", sorted(WITHOUT_ORDER))
def test_attention_alone_does_not(name: str, corpus: Corpus, pairs: pd.DataFrame, tmp_path: Path) -> None:
    """It has no notion of place: both reviews of a pair get the same logit."""
    assert accuracy(name, corpus, pairs, tmp_path) == pytest.approx(0.5, abs=0.02)


def test_a_bag_of_words_stays_at_chance(corpus: Corpus, pairs: pd.DataFrame) -> None:
    words = TfidfVectorizer(sublinear_tf=True)
    model = LogisticRegression(C=10).fit(words.fit_transform(corpus.train.texts), corpus.train.labels)
    predicted = model.predict(words.transform(pairs["text"]))
    right = pairs["label"].map({name: place for place, name in enumerate(corpus.class_names)}).to_numpy()
    assert np.mean(predicted == right) == pytest.approx(0.5, abs=0.02)
