"""Names of classes, and labels that are none."""

from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.config import DataConfig
from sentiment.data import Corpus, load_corpus, load_for_evaluation
from sentiment.data.classes import class_order, folded, similar_names
from sentiment.errors import UserError

NAMES = st.one_of(st.text(max_size=6), st.sampled_from(["nan", "NaN", "inf", "-1", "10", "9", "1.5", "01", "1e3", ""]))


@pytest.mark.parametrize(("names", "order"), [
    ({"positive", "negative"}, ("negative", "positive")), ({"10", "9", "1"}, ("1", "9", "10")),
    ({"b", "1"}, ("1", "b")), ({"nan", "3", "10", "2"}, ("10", "2", "3", "nan")), ({"inf", "-1"}, ("-1", "inf"))])
def test_order_of_classes(names: set[str], order: tuple[str, ...]) -> None:
    assert class_order(names) == order
    assert {class_order(set(some)) for some in permutations(names)} == {order}


@given(st.lists(NAMES, unique=True), st.randoms(use_true_random=False))
def test_the_order_depends_on_the_names_alone(names: list[str], random: "object") -> None:
    order = class_order(set(names))
    assert sorted(order) == sorted(names)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert class_order(dict.fromkeys(names).keys() | set()) == order


def corpus(folder: Path, labels: list[str], name: str = "x", **options: object) -> Corpus:
    """Load a table with these labels and a text of its own for each."""
    frame = pd.DataFrame({"text": [f"{name} {number}" for number in range(len(labels))], "label": labels})
    frame.to_csv(folder / f"{name}.csv", index=False)
    return load_corpus(DataConfig(dataset=str(folder / f"{name}.csv"), **options), seed=1)  # type: ignore[arg-type]


def test_names_that_are_probably_one_are_named_in_one_note(tmp_path: Path) -> None:
    labels = ["True"] * 8 + ["TRUE"] * 5 + ["no"] * 9 + ["no\u200b"] * 5 + ["very bad"] * 5 + ["very\u00a0 bad"] * 6
    (note,) = corpus(tmp_path, labels).notes
    assert note == ("class names differ only in case, white space or invisible characters: 'True' (8 texts) and "
                    "'TRUE' (5 texts); 'no' (9 texts) and 'no\u200b' with U+200B (5 texts); 'very\u00a0 bad' with "
                    "U+00A0 (6 texts) and 'very bad' (5 texts): --merge-labels merges them")


@pytest.mark.parametrize(("first", "second"), [
    ("positive", "Positive"), ("caf\u00e9", "cafe\u0301"), ("positive", "\u200bpositive"), ("a b", "a \t b"),
    ("1", "\uff11"), ("straße", "STRASSE"), ("pos\u00aditive", "positive")])
def test_what_folds_alike(first: str, second: str) -> None:
    assert folded(first) == folded(second)
    assert similar_names({first: 1, second: 2, "other": 3}) == [[second, first]]


def test_merged_labels_have_the_most_frequent_name_in_all_splits(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["a", "b"], "label": ["fALSE", "TRUE"]}).to_csv(tmp_path / "test.csv", index=False)
    labels = ["True"] * 8 + ["TRUE"] * 5 + ["false"] * 4 + ["FALSE"] * 5
    found = corpus(tmp_path, labels, merge_labels=True, test_file=str(tmp_path / "test.csv"))
    assert (found.class_names, found.notes) == (("FALSE", "True"), ())
    assert len(found.train) + len(found.validation) == 22
    assert found.test.read().labels.tolist() == [0, 1]
    evaluated = DataConfig(dataset=str(tmp_path / "test.csv"), merge_labels=True)
    own, _ = load_for_evaluation(evaluated, 1, ("TRUE", "True", "false"))  # a name that is a class stays that class
    assert own.labels.tolist() == [2, 0]
    assert load_for_evaluation(evaluated, 1, ("false", "true"))[0].labels.tolist() == [0, 1]
    with pytest.raises(UserError, match=r"the label 'fALSE' does not occur in training .*; --merge-labels merges"):
        corpus(tmp_path, labels, test_file=str(tmp_path / "test.csv"))


def test_a_class_called_as_missing_values_are_is_named(tmp_path: Path) -> None:
    assert "a class is called 'nan' (6 texts), as missing values are" in corpus(
        tmp_path, ["1"] * 6 + ["2"] * 6 + ["nan"] * 6).notes[0]


@pytest.mark.parametrize("labels", [
    [f"{number / 7:.2f}" for number in range(60)], [str(number) for number in range(50)] * 9,
    [*(str(number) for number in range(50)), "nan"] * 9, [f"{number},5" for number in range(30)],
    [str(number) for number in range(80, 101)] * 30, [f"-{number}.5" for number in range(30)] * 20])
def test_numbers_are_no_classes(labels: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"different numbers, from .*: this is a classifier, it cannot predict a"):
        corpus(tmp_path, labels)


@pytest.mark.parametrize("labels", [
    [f"{number / 2}" for number in range(1, 11)] * 5, [str(number) for number in range(1, 31)] * 20,
    [str(number) for number in range(150)] * 12, [f"c{number}" for number in range(50)] * 4])
def test_numbers_that_are_classes(labels: list[str], tmp_path: Path) -> None:
    assert set(corpus(tmp_path, labels).class_names) == {label.removesuffix(".0") for label in labels}


def test_rare_classes_are_named_and_can_be_left_out(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["u", "v", "w"], "label": ["a", "c", "b"]}).to_csv(tmp_path / "test.csv", index=False)
    labels = ["a"] * 9 + ["b"] * 9 + ["c"] * 2 + ["d"]
    with pytest.raises(UserError, match=r"too few distinct texts in .*x.csv of the class 'c' \(2\), 'd' \(1\): at "
                                        r"least 3 are needed, for training, validation, test; add some, or name other "
                                        r"texts with --validation-file or --test-file, or drop such classes with "
                                        r"--min-class-size 3"):
        corpus(tmp_path, labels)
    found = corpus(tmp_path, labels, min_class_size=3, test_file=str(tmp_path / "test.csv"))
    assert found.class_names == ("a", "b")
    assert found.notes == ("2 classes with fewer than 3 distinct texts were left out: 'c' (2), 'd' (1)",)
    assert found.test.read().texts == ["u", "w"]
    with pytest.raises(UserError, match="contains no label with 10 distinct texts or more: at least two classes"):
        corpus(tmp_path, labels, min_class_size=10)


def test_equal_texts_count_once(tmp_path: Path) -> None:
    pd.DataFrame({"text": ["same"] * 5 + ["x", "y", "z"], "label": ["a"] * 5 + ["b"] * 3}).to_csv(
        tmp_path / "same.csv", index=False)
    with pytest.raises(UserError, match=r"too few distinct texts in .*same.csv of the class 'a' \(1\)"):
        load_corpus(DataConfig(dataset=str(tmp_path / "same.csv")), seed=1)


def test_the_share_of_a_large_class_is_told(tmp_path: Path) -> None:
    (note,) = corpus(tmp_path, ["pos"] * 39 + ["neg"] * 5).notes
    assert note == ("the class 'pos' has 88.6% of the texts, so always predicting it has this accuracy: consider "
                    "macro F1, and try --class-weights balanced")
    assert corpus(tmp_path, ["pos"] * 20 + ["neg"] * 5).notes == ()


@pytest.mark.parametrize(("labels", "name"), [
    (["neg", "pos|film"], "pos|film"), (["pos", "film", "pos, film"], "pos, film"),
    (["pos;neg", "neg", "x"], "pos;neg")])
def test_several_labels_are_told(labels: list[str], name: str, tmp_path: Path) -> None:
    (note,) = corpus(tmp_path, labels * 6).notes
    assert note.startswith(f"the class '{name}' (6) looks like several labels: each combination is a class of its own")


def test_a_comma_alone_is_no_second_label(tmp_path: Path) -> None:
    assert corpus(tmp_path, ["Paris, France", "Bonn, Germany"] * 6).notes == ()
    assert corpus(tmp_path, ["1", "1,5", "2", "2,5", "5"] * 6).notes == ()
