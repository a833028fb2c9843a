from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentiment import architectures
from sentiment.batching import TokenizedTexts
from sentiment.config import RunConfig
from sentiment.data import Examples, load_corpus
from sentiment.errors import UserError
from sentiment.runs import resolve
from sentiment.training import train
from sentiment.training.fitting import PreparedTexts
from sentiment.training.linear import LEARNERS
from sentiment.training.strategy import make_strategy


def test_there_is_a_fit_for_every_architecture() -> None:
    assert {entry.learner for entry in architectures.architectures()} == {"gradient", *LEARNERS}


def words_of(texts: PreparedTexts, tokens: TokenizedTexts) -> list[str]:
    known = ["", "[unknown]", *texts.preprocessor.words]
    return [" ".join(known[one] for one in tokens.row(row)) for row in range(len(tokens))]


@pytest.mark.parametrize("on_disk", [False, True])
def test_each_part_holds_its_own_texts(on_disk: bool, tiny_csv: Path, tmp_path: Path) -> None:
    (tmp_path / "others.csv").write_text("text\nnobody labelled this\nand nobody labelled that\n", encoding="utf-8")
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv), "unlabelled": str(tmp_path / "others.csv")}})
    corpus = load_corpus(config.data, 1)
    texts = PreparedTexts.prepare(config, corpus, tmp_path if on_disk else None)
    assert texts.train.tokens.on_disk == on_disk
    assert texts.unlabelled is not None
    others = ["nobody labelled this", "and nobody labelled that"]
    assert words_of(texts, texts.unlabelled.tokens) == others
    train = [" ".join(text.replace(",", "").split()) for text in corpus.train.texts]
    assert words_of(texts, texts.train.tokens) == train
    assert words_of(texts, texts.pooled) == [*train, *others]
    validation = words_of(texts, texts.validation.tokens)
    assert [words.split()[:3] for words in validation] == [text.split(",")[0].split() for text in
                                                           corpus.validation.texts]
    np.testing.assert_array_equal(texts.train.boundaries, texts.unlabelled.boundaries)


def test_what_the_options_do_to_the_texts(tmp_path: Path) -> None:
    words = ["good", "good fun", "bad", "bad luck", "good good good fun", "bad bad bad luck"] * 5
    rows = [f"{text},{'p' if text.startswith('g') else 'n'}" for text in words]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    data = {"dataset": str(tmp_path / "texts.csv"), "validation_file": str(tmp_path / "texts.csv"),
            "test_file": str(tmp_path / "texts.csv")}
    config = RunConfig().updated({"data": data, "text": {"max_length": 3, "vocabulary_size": 4},
                                  "training": {"batch_size": 8}})
    corpus = load_corpus(config.data, 1)
    summary = PreparedTexts.prepare(config, corpus).summary
    # Of each six texts, 12 words are kept; the four that are neither "good" nor "bad" are unknown.
    assert summary == ("texts: 2 words in the median, 33% fill --max-length 3; 33.3% of the words are not among the 2 "
                       "known; batches of 8")
    all_known = PreparedTexts.prepare(config.updated({"text": {"vocabulary_size": 9}}), corpus).summary
    assert "; all words are among the 4 known; " in all_known


@pytest.mark.parametrize("name", ["nb-svm", "attention"])
def test_weights_of_the_corpus_reach_both_fits(name: str, tiny_csv: Path, tmp_path: Path) -> None:
    """Each text is there with both labels, and the weights tell which one counts."""
    data = {"dataset": str(tiny_csv)}
    config = resolve({"data": data, "model": {"architecture": name}})
    if name == "attention":
        config = config.updated({"model": {"embedding_size": 8},
                                 "training": {"epochs": 6, "batch_size": 8, "learning_rate": 0.05}})
    corpus = load_corpus(config.data, 1)
    labels, texts = corpus.train.labels, corpus.train.texts
    assert isinstance(texts, list)
    for right in (1.0, 0.0):
        weights = np.repeat([right, 1 - right], len(labels)).astype(np.float32)
        train_part = Examples([*texts, *texts], np.concatenate([labels, 1 - labels]), weights=weights)
        folder = tmp_path / str(right)
        folder.mkdir()
        trained = train(config, replace(corpus, train=train_part), make_strategy("single"), scratch=folder,
                        history_file=folder / "history.csv", checkpoints=folder / "checkpoints", tensorboard=folder)
        accuracy = np.mean((trained.validation_logits[:, 0] > 0) == corpus.validation.labels)
        assert accuracy == pytest.approx(right, abs=0.1)


def test_weights_are_part_of_the_identity_of_the_data(tiny_csv: Path) -> None:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}})
    corpus = load_corpus(config.data, 1)
    texts, ones = PreparedTexts.prepare(config, corpus), np.ones(len(corpus.train), np.float32)
    weighted = [replace(corpus, train=replace(corpus.train, weights=weights)) for weights in (ones, 2 * ones)]
    assert len({texts.identity(one) for one in (corpus, *weighted)}) == 3


def test_weights_that_are_all_0_are_refused(tiny_csv: Path, tmp_path: Path) -> None:
    config = RunConfig().updated({"data": {"dataset": str(tiny_csv)}})
    corpus = load_corpus(config.data, 1)
    nothing = replace(corpus, train=replace(corpus.train, weights=np.zeros(len(corpus.train), np.float32)))
    with pytest.raises(UserError, match="all training texts have the weight 0"):
        train(config, nothing, make_strategy("single"), scratch=tmp_path, history_file=tmp_path / "history.csv",
              checkpoints=tmp_path / "checkpoints", tensorboard=tmp_path)
