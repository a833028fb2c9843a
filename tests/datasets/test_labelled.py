from pathlib import Path

import pytest

from sentiment.config import DataConfig
from sentiment.datasets import load_corpus, load_for_evaluation
from sentiment.datasets.labelled import from_folder
from sentiment.errors import UserError


def write_csv(path: Path, labels: list[str], texts: list[str] | None = None) -> Path:
    texts = texts or [f"text {number} of {path.stem}" for number in range(len(labels))]
    lines = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_is_split_into_three_disjoint_parts(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "all.csv", ["a", "b", "c"] * 60)
    corpus = load_corpus(DataConfig(dataset=str(path)), seed=1)
    test = corpus.test.read()
    assert corpus.class_names == ("a", "b", "c")
    assert (len(corpus.train), len(corpus.validation), len(test)) == (130, 14, 36)
    parts = [set(part.texts) for part in (corpus.train, corpus.validation, test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 180


def test_files_of_their_own_for_validation_and_test(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", ["yes", "no"] * 5)
    validation = write_csv(tmp_path / "validation.csv", ["no"] * 3)
    test = write_csv(tmp_path / "test.csv", ["yes"] * 4)
    corpus = load_corpus(DataConfig(dataset=str(train), validation_file=str(validation), test_file=str(test)), seed=1)
    assert corpus.class_names == ("no", "yes")
    assert (len(corpus.train), corpus.validation.labels.tolist()) == (10, [0, 0, 0])
    assert corpus.test.read().labels.tolist() == [1, 1, 1, 1]


def test_folders_of_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in ("sport", "science"):
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(4):
                (tmp_path / part / name / f"{number}.txt").write_text(f"{part} {name} {number}", encoding="utf-8")
    corpus = load_corpus(DataConfig(dataset=str(tmp_path), validation_fraction=0.25), seed=1)
    assert corpus.class_names == ("science", "sport")
    assert len(corpus.train) + len(corpus.validation) == 8
    assert all(text.startswith("test") for text in corpus.test.read().texts)
    whole = load_corpus(DataConfig(dataset=str(tmp_path / "train"), validation_fraction=0.5), seed=1)
    assert len(whole.train) + len(whole.validation) + len(whole.test.read()) == 8


def test_what_is_no_class_of_a_folder_is_left_out_and_counted(tmp_path: Path) -> None:
    for name in ("pos/1.txt", "pos/2.TXT", "pos/sub/3.txt", "neg/1.txt", "neg/2.txt", "neg/3.txt", "unsup/1.txt",
                 "unsup/2.txt", "__MACOSX/pos/._1.txt", ".ipynb_checkpoints/1.txt", "pos/._1.txt", "pos/notes.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff" if "._" in name else f"a text, {name}".encode())
    found = from_folder(tmp_path)
    assert sorted(found.texts) == sorted(f"a text, {name}" for name in (
        "pos/1.txt", "pos/2.TXT", "pos/sub/3.txt", "neg/1.txt", "neg/2.txt", "neg/3.txt"))
    assert found.labels == ["neg"] * 3 + ["pos"] * 3
    assert found.notes == (f"5 text files of {tmp_path} are hidden or in unsup/ and were left out",)
    assert load_corpus(DataConfig(dataset=str(tmp_path), validation_fraction=0.5, test_fraction=0.34), 1).notes


def test_a_model_whose_classes_are_called_as_an_older_version_did_is_evaluated(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "new.csv", ["1", "0.0", "1.0"])
    examples, _ = load_for_evaluation(DataConfig(dataset=str(path)), 1, ("0.0", "1.0"))
    assert examples.labels.tolist() == [1, 0, 1]


def test_rows_without_text_or_label_are_dropped_and_counted(tmp_path: Path) -> None:
    labels = ["a", "b"] * 10 + ["a", "", "c"]
    texts = [f"text {number}" for number in range(20)] + ["  ", "no label", ""]
    corpus = load_corpus(DataConfig(dataset=str(write_csv(tmp_path / "holes.csv", labels, texts))), seed=1)
    assert corpus.class_names == ("a", "b")
    assert [note.split(" of ")[0] for note in corpus.notes] == ["2", "1"]
    assert "had no text and were dropped" in corpus.notes[0]
    assert "had no label and were dropped" in corpus.notes[1]


def test_one_class_only(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "one.csv", ["a"] * 9)
    with pytest.raises(UserError, match="holds only the class 'a': at least two classes are needed"):
        load_corpus(DataConfig(dataset=str(path)), seed=1)


def test_a_label_that_training_does_not_have(tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", ["pos", "neg"] * 5)
    test = write_csv(tmp_path / "test.csv", ["pos", "psi"])
    with pytest.raises(UserError, match=r"test.csv, row 2: the label 'psi' does not occur in training "
                                        r"\(its labels: neg, pos\); did you mean 'pos'\?"):
        load_corpus(DataConfig(dataset=str(train), test_file=str(test)), seed=1)


def test_one_column_for_text_and_label(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", ["a", "b"])
    with pytest.raises(UserError, match="both read from the column 'text'"):
        load_corpus(DataConfig(dataset=str(path), label_column="text"), seed=1)


def test_file_options_without_a_file() -> None:
    with pytest.raises(UserError, match="--test-file goes with --dataset PATH, not with 'sample'"):
        load_corpus(DataConfig(dataset="sample", test_file="x.csv"), seed=1)


def test_evaluation_takes_a_table_whole(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "more.csv", ["pos", "neg", "pos"])
    examples, _ = load_for_evaluation(DataConfig(dataset=str(path)), 1, ("neg", "pos"))
    assert examples.labels.tolist() == [1, 0, 1]
    with pytest.raises(UserError, match="the label 'pos' does not occur in training"):
        load_for_evaluation(DataConfig(dataset=str(path)), 1, ("neg", "other"))
