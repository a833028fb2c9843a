"""What all corpora can do: a share of the training texts, a split without groups, texts that occur elsewhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.config import DataConfig
from sentiment.data import Examples, load_corpus, occurring
from sentiment.data.labelled import from_table
from sentiment.data.splits import share_of
from sentiment.errors import UserError


@pytest.fixture
def grouped(tmp_path: Path) -> DataConfig:
    """400 texts, three of four in one class, of 20 authors."""
    frame = pd.DataFrame({"text": [f"text {number}" for number in range(400)],
                          "label": ["rare" if number % 4 == 0 else "frequent" for number in range(400)],
                          "author": [number % 20 for number in range(400)]})
    frame.to_csv(tmp_path / "all.csv", index=False)
    return DataConfig(dataset=str(tmp_path / "all.csv"), group_column="author")


def test_a_share_of_the_training_texts_keeps_the_classes(grouped: DataConfig) -> None:
    whole, half, tenth = (load_corpus(replace(grouped, train_share=share), 1) for share in (1.0, 0.5, 0.1))
    assert len(half.train) == pytest.approx(len(whole.train) / 2, abs=1)
    for part in (half, tenth):
        assert part.train.labels.mean() == pytest.approx(whole.train.labels.mean(), abs=0.03)
        assert list(part.validation.texts) == list(whole.validation.texts)
    assert set(tenth.train.texts) < set(half.train.texts) < set(whole.train.texts)
    again, other = share_of(whole.train, 0.5, 1), share_of(whole.train, 0.5, 2)
    assert set(again.texts) == set(half.train.texts) != set(other.texts)


def test_the_smallest_share_has_a_text_of_each_class(grouped: DataConfig) -> None:
    assert sorted(load_corpus(replace(grouped, train_share=1e-6), 1).train.labels.tolist()) == [0, 1]


def test_a_random_split_parts_groups(grouped: DataConfig) -> None:
    def authors(config: DataConfig) -> tuple[set[int], set[int]]:
        corpus = load_corpus(config, 1)
        sides = [{int(text.split()[1]) % 20 for text in part.texts} for part in (corpus.train, corpus.validation)]
        return sides[0], sides[1]

    assert not set.intersection(*authors(grouped))
    assert len(set.intersection(*authors(replace(grouped, random_split=True)))) > 10


def test_a_random_split_needs_groups_to_leave_out(grouped: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name them with --group-column"):
        load_corpus(replace(grouped, group_column=None, random_split=True), 1)
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match="--random-split ignores groups, and a folder has none"):
        load_corpus(DataConfig(dataset=str(tmp_path), random_split=True), 1)


def test_the_sample_too_can_be_split_at_random() -> None:
    whole, flattering = (load_corpus(DataConfig(dataset="sample", random_split=random), 1) for random in (False, True))
    assert whole.train.groups is not None
    assert flattering.train.groups is None


def test_weights_go_with_the_texts() -> None:
    examples = Examples(["a", "b", "c"], np.array([0, 1, 0], np.int32), weights=np.array([1, 0, 2], np.float32))
    weights = examples.take(np.array([2, 0])).weights
    assert weights is not None
    assert weights.tolist() == [2, 1]


@pytest.mark.parametrize(("weights", "message"), [
    ([1.0], "2 labels, but 1 weights"), ([1.0, -0.5], "at least 0"), ([1.0, np.nan], "must be finite")])
def test_refused_weights(weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Examples(["a", "b"], np.array([0, 1], np.int32), weights=np.array(weights, np.float32))


def test_texts_that_occur_elsewhere(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["b", "ü\nd", "f"], "label": [1, 2, 3]}).to_csv(tmp_path / "others.csv", index=False)
    streamed = from_table(tmp_path / "others.csv", DataConfig(stream=True)).texts
    texts = ["a", "b", "b", "ü\nd", "ü d"]
    for others in (["b", "ü\nd", "f"], streamed):
        np.testing.assert_array_equal(occurring(texts, others), [False, True, True, True, False])
    np.testing.assert_array_equal(occurring(streamed, ["f", "b"]), [True, False, True])
    assert not occurring(texts, []).any()
