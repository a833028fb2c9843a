import numpy as np
import pytest

from sentiment.data.corpus import Examples, HeldOut
from sentiment.data.splits import bound_together, hold_out, take_fold
from sentiment.errors import UserError

NAMES = ("negative", "positive")


def examples(count: int, *, groups: int | None = None, repeats: int = 1) -> Examples:
    texts = [f"text {number // repeats}" for number in range(count)]
    labels = np.array([number // repeats % 2 for number in range(count)], np.int32)
    names = None if groups is None else [f"movie {number * 7919 % groups}" for number in range(count)]
    return Examples(texts, labels, names)


def test_chains_of_equal_texts_and_groups_are_bound() -> None:
    # a and b share a group, b's text stands again in group y, so a, b, c and d are one set; e is alone.
    bound = bound_together(["a", "b", "b", "d", "e"], ["x", "x", "y", "y", "z"])
    assert len(set(bound[:4])) == 1
    assert bound[4] != bound[0]


@pytest.mark.parametrize("groups", [None, 40])
def test_split_is_stratified_seeded_and_keeps_texts_and_groups_together(groups: int | None) -> None:
    data = examples(1000, groups=groups, repeats=2)
    kept, held = hold_out(data, 0.1, seed=3, class_names=NAMES)
    assert len(kept) + len(held) == 1000
    assert 50 <= len(held) <= 150
    assert not set(kept.texts) & set(held.texts)
    if groups:
        assert kept.groups is not None
        assert held.groups is not None
        assert not set(kept.groups) & set(held.groups)
    assert abs(held.labels.mean() - 0.5) < 0.1
    again = hold_out(data, 0.1, seed=3, class_names=NAMES)[1]
    other = hold_out(data, 0.1, seed=4, class_names=NAMES)[1]
    assert again.texts == held.texts
    assert other.texts != held.texts


@pytest.mark.parametrize("groups", [None, 40])
def test_folds_are_a_stratified_partition_that_keeps_texts_and_groups_together(groups: int | None) -> None:
    data = examples(1000, groups=groups, repeats=2)
    held: list[str] = []
    for fold in range(5):
        rest, part = take_fold(data, 5, fold, seed=3)
        assert len(rest) + len(part) == 1000
        assert not set(rest.texts) & set(part.texts)
        assert not (groups and set(rest.groups or ()) & set(part.groups or ()))
        assert 150 <= len(part) <= 250
        assert abs(part.labels.mean() - 0.5) < 0.1
        held += part.texts
    assert sorted(held) == sorted(data.texts)


def test_more_folds_than_texts_of_the_largest_class_are_refused() -> None:
    data = Examples(["a", "b", "c", "d", "d"], np.array([0, 0, 0, 1, 1], np.int32))
    with pytest.raises(UserError, match="--folds 4 needs a class with 4 distinct texts, and the largest has 3"):
        take_fold(data, 4, 0, seed=1)


def test_labels_and_groups_stay_with_their_texts() -> None:
    data = examples(100, groups=10)
    for part in hold_out(data, 0.2, seed=1, class_names=NAMES):
        for text, label, group in zip(part.texts, part.labels, part.groups or [], strict=True):
            row = list(data.texts).index(text)
            assert (label, group) == (data.labels[row], (data.groups or [])[row])


def test_a_class_with_one_text_cannot_be_split() -> None:
    data = Examples(["a", "b", "c"], np.array([0, 0, 1], np.int32))
    with pytest.raises(UserError, match="class 'positive' has 1 distinct text left to split: at least 2 are needed"):
        hold_out(data, 0.5, seed=1, class_names=NAMES)


def test_a_text_with_both_labels_stays_on_one_side() -> None:
    data = Examples(["same", "same", "a", "b", "c", "d"], np.array([0, 1, 0, 0, 1, 1], np.int32))
    kept, held = hold_out(data, 0.4, seed=1, class_names=NAMES)
    assert not set(kept.texts) & set(held.texts)


def test_the_test_split_is_read_once() -> None:
    held_out = HeldOut(lambda: examples(2))
    assert len(held_out.read()) == 2
    with pytest.raises(RuntimeError, match="read once"):
        held_out.read()


@pytest.mark.parametrize("rare", [2, 3, 5])
def test_a_small_class_is_on_both_sides(rare: int) -> None:
    examples = Examples([f"text {number}" for number in range(60)], np.array([0] * (60 - rare) + [1] * rare, np.int32))
    for seed in range(10):
        for part in hold_out(examples, 0.1, seed, ("a", "b")):
            assert set(part.labels.tolist()) == {0, 1}
