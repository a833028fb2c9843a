import json
from pathlib import Path

import pandas as pd
import pytest

from sentiment.config import DataConfig
from sentiment.data import load_corpus, load_for_evaluation
from sentiment.data.labelled import from_folder, note_on_size
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
    assert found.notes == (f"5 text files of {tmp_path.name} are hidden or in unsup/ and were left out",
                           f"files of {tmp_path.name} that do not end in .txt were left out: 1")
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
    assert "had no label and was dropped" in corpus.notes[1]


def test_one_class_only(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "one.csv", ["a"] * 9)
    with pytest.raises(UserError, match="contains only the class 'a': at least two classes are needed"):
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
    with pytest.raises(UserError, match="--test-file needs --dataset PATH, not 'sample'"):
        load_corpus(DataConfig(dataset="sample", test_file="x.csv"), seed=1)


def test_evaluation_takes_a_table_whole(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "more.csv", ["pos", "neg", "pos"])
    examples, _ = load_for_evaluation(DataConfig(dataset=str(path)), 1, ("neg", "pos"))
    assert examples.labels.tolist() == [1, 0, 1]
    with pytest.raises(UserError, match="the label 'pos' does not occur in training"):
        load_for_evaluation(DataConfig(dataset=str(path)), 1, ("neg", "other"))


def folder_of(path: Path, *names: str) -> Path:
    """Make folders of classes with three texts each."""
    for name in names:
        (path / name).mkdir(parents=True)
        for number in range(3):
            (path / name / f"{number}.txt").write_text(f"{name} {number}")
    return path


def test_splits_of_a_folder_are_known_by_their_usual_names(tmp_path: Path) -> None:
    parts = ("Train", "VAL", "Test")
    folder = folder_of(tmp_path / "a", *(f"{part}/{name}" for part in parts for name in ("pos", "neg")))
    corpus = load_corpus(DataConfig(dataset=str(folder)), 1)
    assert corpus.class_names == ("neg", "pos")
    splits = (corpus.train, corpus.validation, corpus.test.read())
    assert [{text.split("/")[0] for text in split.texts} for split in splits] == [{part} for part in parts]
    assert len(load_for_evaluation(DataConfig(dataset=str(folder)), 1, ("neg", "pos"))[0]) == 6
    with pytest.raises(UserError, match=r"contains test, but no train: put the folders of the training classes into a"):
        load_corpus(DataConfig(dataset=str(folder_of(tmp_path / "b", "pos", "neg", "test/pos"))), 1)
    with pytest.raises(UserError, match="contains train and val, but no test: name one of them"):
        load_for_evaluation(DataConfig(dataset=str(folder_of(tmp_path / "d", "train/pos", "val/pos"))), 1, ("pos",))
    with pytest.raises(UserError, match="contains train and training, which are the same split: rename one"):
        load_corpus(DataConfig(dataset=str(folder_of(tmp_path / "e", "train/pos", "training/pos"))), 1)
    with pytest.raises(UserError, match=r"--separator does not apply to the folder .*: omit it"):
        load_corpus(DataConfig(dataset=str(folder), separator=";"), 1)
    named = folder_of(tmp_path / "c", "test", "1.0")  # classes, as they have no folders
    assert load_corpus(DataConfig(dataset=str(named)), 1).class_names == ("1", "test")


def test_linked_folders_and_byte_order_marks_of_texts(tmp_path: Path) -> None:
    folder_of(tmp_path / "x", "pos", "neg")
    folder_of(tmp_path / "elsewhere", "fair")
    (tmp_path / "x" / "fair").symlink_to(tmp_path / "elsewhere" / "fair")
    (tmp_path / "x" / "pos" / "up").symlink_to(tmp_path / "x")  # a circle
    assert sorted(from_folder(tmp_path / "x").labels) == ["fair"] * 3 + ["neg"] * 3 + ["pos"] * 3
    folder = folder_of(tmp_path / "y", "pos")
    (folder / "pos" / "0.txt").write_bytes("\ufeffgut".encode("utf-16-le"))
    for number in (1, 2):
        (folder / "pos" / f"{number}.txt").write_bytes("gut".encode("utf-16-le"))
    assert from_folder(folder, "utf-16-le").texts == ["gut"] * 3
    with pytest.raises(UserError, match=r"1\.txt, line 1: not utf-16"):
        from_folder(folder, "utf-16")


def test_texts_without_a_group_stand_alone_and_are_counted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [f"t {number}" for number in range(40)], "label": ["a", "b"] * 20,
                          "who": ["x", " "] * 10 + [f"w{number}" for number in range(20)]})
    frame.to_csv(tmp_path / "x.csv", index=False)
    for stream in (False, True):
        corpus = load_corpus(DataConfig(dataset=str(tmp_path / "x.csv"), group_column="who", stream=stream), 1)
        assert any("10 of 40 rows" in note and "have no group, and are groups" in note for note in corpus.notes)
        assert len(set(corpus.train.groups or ())) > 10


def test_a_label_of_which_nothing_shows_is_none(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", ["a", "b"] * 6 + ["\u200b", "\ufeff"])
    corpus = load_corpus(DataConfig(dataset=str(path)), 1)
    assert corpus.class_names == ("a", "b")
    assert "2 of 14 rows" in corpus.notes[0]


def test_a_column_is_chosen_among_the_keys_of_the_first_objects(tmp_path: Path) -> None:
    lines = [{"review": f"r {number}", "label": "ab"[number % 2]} | ({"text": "t"} if number > 6000 else {})
             for number in range(9000)]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = [load_corpus(DataConfig(dataset=str(tmp_path / "x.jsonl"), stream=stream), 1) for stream in (False, True)]
    assert [next(iter(one.train.texts))[:2] for one in found] == ["r ", "r "]
    assert found[0].notes == found[1].notes == ()


@pytest.mark.parametrize("stream", [False, True])
def test_equal_texts_with_different_labels_are_counted_and_shown(stream: bool, tmp_path: Path) -> None:
    rows = [f"text {number},{'pos' if number % 2 else 'neg'}" for number in range(40)]
    rows += ["so so,pos", "so so,neg", "so so,neg", "fine,pos", "fine,neg", "same,pos", "same,pos"]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    notes = load_corpus(DataConfig(dataset=str(path), stream=stream), 1).notes
    assert notes == ("2 texts occur with different labels, in 5 rows, such as \"so so\" (2 'neg', 1 'pos'); "
                     "\"fine\" (1 'pos', 1 'neg')",)


def test_a_folder_of_code_is_no_folder_of_classes(tmp_path: Path) -> None:
    for name in ("src/a.py", "src/b.py", "docs/a.txt", "docs/b.txt", "tests/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    with pytest.raises(UserError, match=r"not a folder of classes: .* 2 end in \.txt and 3 do not"):
        from_folder(tmp_path)


def test_small_test_splits_are_named_with_their_uncertainty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentiment.data.labelled.FEW_TEST_TEXTS", 100)
    assert note_on_size(100) == ()
    # Wilson's interval of 50 of 99: 0.403 to 0.602.
    assert "only 99 texts, so its accuracy is uncertain by up to 0.10: --folds 5" in note_on_size(99)[0]
    assert "only 4 texts, so its accuracy is uncertain by up to 0.35: --folds 5" in note_on_size(4)[0]


def test_groups_are_counted_where_they_are_too_few(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("text,label,group\n" + "".join(f"t{number},{'ab'[number % 2]},g{number // 2 % 2}\n"
                                                  for number in range(20)), encoding="utf-8")
    with pytest.raises(UserError, match=r"too few groups in .*groups.csv of the class 'a' \(2\), 'b' \(2\): at least 3 "
                                        "are needed, for training, validation, test; add some, or name other texts "
                                        "with --validation-file or --test-file$"):
        load_corpus(DataConfig(dataset=str(path), group_column="group"), 1)
