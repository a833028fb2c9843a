"""A table that is streamed gives the corpus that it gives when it is read at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.config import DataConfig
from sentiment.data import Examples, labelled, load_corpus, load_for_evaluation, load_unlabelled, streams
from sentiment.data.corpus import taken
from sentiment.errors import UserError

WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, force_ascii=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, row_group_size=50),
}


def frame(rows: int, seed: int = 0) -> pd.DataFrame:
    """Texts of which some are equal, some blank and some without a label, with line breaks and quotes in them."""
    random = np.random.default_rng(seed)
    numbers = random.integers(0, rows * 2 // 3, rows)
    texts = [f"text {number} \"of\"\nseed {seed}, Ünïcode" for number in numbers]
    labels = random.choice(["neg", "pos"], rows).astype(object)
    texts[3], labels[5] = "  ", ""
    return pd.DataFrame({"other": range(rows), "text": texts, "label": labels, "user": numbers // 4})


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHUNK_ROWS", 64)


def in_memory(examples: Examples) -> tuple[list[str], list[int], list[str] | None]:
    return list(examples.texts), examples.labels.tolist(), examples.groups


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("groups", [None, "user"])
def test_same_corpus(suffix: str, groups: str | None, tmp_path: Path) -> None:
    for number in range(2):
        WRITERS[suffix](frame(150, number), tmp_path / f"part{number}{suffix}")
    config = DataConfig(dataset=str(tmp_path / f"part*{suffix}"), group_column=groups)
    whole, streamed = load_corpus(config, 3), load_corpus(replace(config, stream=True), 3)
    assert isinstance(streamed.train.texts, streams.StreamedTexts)
    assert in_memory(streamed.train) == in_memory(whole.train)
    assert in_memory(streamed.validation) == in_memory(whole.validation)
    assert in_memory(streamed.test.read()) == in_memory(whole.test.read())
    assert (streamed.class_names, streamed.notes) == (whole.class_names, whole.notes)
    assert "1 of 300" in whole.notes[0] or "2 of 300" in whole.notes[0]


def test_files_of_their_own_and_texts_without_labels(tmp_path: Path) -> None:
    for number, name in enumerate(("train", "validation", "test")):
        frame(40, number).to_csv(tmp_path / f"{name}.csv", index=False)
    frame(70, 4)[["text"]].to_parquet(tmp_path / "others.parquet")
    config = DataConfig(str(tmp_path / "train.csv"), validation_file=str(tmp_path / "validation.csv"),
                        test_file=str(tmp_path / "test.csv"), unlabelled=str(tmp_path / "others.parquet"))
    whole, streamed = load_corpus(config, 1), load_corpus(replace(config, stream=True), 1)
    for mine, other in ((streamed.train, whole.train), (streamed.validation, whole.validation),
                        (streamed.test.read(), whole.test.read())):
        assert in_memory(mine) == in_memory(other)
    assert list(load_unlabelled(replace(config, stream=True), streamed)) == load_unlabelled(config, whole)
    evaluated, _ = load_for_evaluation(replace(config, stream=True), 1, whole.class_names)
    assert in_memory(evaluated) == in_memory(load_for_evaluation(config, 1, whole.class_names)[0])


def test_texts_are_read_again_and_some_are_taken(tmp_path: Path) -> None:
    frame(150).to_csv(tmp_path / "all.csv", index=False)
    found = labelled.from_table(tmp_path / "all.csv", DataConfig(stream=True))
    texts = found.texts
    assert isinstance(texts, streams.StreamedTexts)
    expected = frame(150)["text"].tolist()
    assert list(texts) == list(texts) == expected
    assert list(texts.take(np.array([0, 63, 64, 149]))) == [expected[row] for row in (0, 63, 64, 149)]
    assert list(texts.take(np.arange(100, 150)).take(np.array([2, 4]))) == [expected[102], expected[104]]
    assert (len(found.labels), found.groups) == (150, None)


@pytest.mark.parametrize("change", ["another", "shorter", "longer"])
def test_a_file_that_changes_is_noticed(change: str, tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    frame(150).to_csv(path, index=False)
    texts = taken(labelled.from_table(path, DataConfig(stream=True)).texts, np.arange(100, 150))
    changed = frame(150)
    if change == "another":
        changed.loc[120, "text"] = "changed"
    rows = changed if change == "another" else changed[:140] if change == "shorter" else pd.concat(
        [changed[:20], changed])
    rows.to_csv(path, index=False)
    with pytest.raises(UserError, match=r"all.csv was changed while it was read"):
        list(texts)


def test_what_cannot_be_streamed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(UserError, match=r"--stream reads tables; .* is a folder"):
        load_corpus(DataConfig(dataset=str(tmp_path), stream=True), 1)
    with pytest.raises(UserError, match="--stream needs --dataset PATH, not 'imdb'"):
        load_corpus(DataConfig(dataset="imdb", stream=True), 1)
    pd.DataFrame({"text": [], "label": []}).to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(UserError, match=r"none.csv has no rows"):
        load_corpus(DataConfig(dataset=str(tmp_path / "none.csv"), stream=True), 1)


def test_a_large_table_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "all.csv"
    frame(150).to_csv(path, index=False)
    load_corpus(DataConfig(dataset=str(path)), 1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(labelled, "memory_bytes", lambda: 4 * path.stat().st_size)
    load_corpus(DataConfig(dataset=str(path), stream=True), 1)
    assert capsys.readouterr().err == ""
    load_corpus(DataConfig(dataset=str(path)), 1)
    assert "with --stream it is read piece by piece" in capsys.readouterr().err.replace("\n", " ")
