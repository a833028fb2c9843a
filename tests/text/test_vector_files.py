from pathlib import Path

import numpy as np
import pytest

from sentiment.batching import TokenizedTexts
from sentiment.errors import UserError
from sentiment.text import read_vectors, write_vectors

WORDS = ("film", "good", "new york", "absent", "us")


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def test_glove_and_word2vec(tmp_path: Path) -> None:
    lines = "good 1 2\nnew york 3 4\nFilm 5 6\nfilm 7 8\nGOOD 9 9\nother 0 1\nUS -1 1e-2\n"
    for name, text in (("glove.txt", lines), ("word2vec.txt", "6 2\n" + lines.replace("\n", " \n"))):
        table = read_vectors(write(tmp_path / name, text), WORDS, 2)
        assert table.vectors.dtype == np.float32
        np.testing.assert_allclose(table.vectors, [[0.0, 0], [0, 0], [7, 8], [1, 2], [3, 4], [0, 0], [-1, 0.01]])  # type: ignore[arg-type]
        assert table.found.tolist() == [False, False, True, True, True, False, True]


def test_coverage_counts_words_and_tokens(tmp_path: Path) -> None:
    table = read_vectors(write(tmp_path / "v.txt", "good 1 2\nfilm 1 2\n"), WORDS, 2)
    tokens = TokenizedTexts(np.array([2, 3, 3, 5, 1], np.int32), np.array([0, 5]))
    assert table.coverage(tokens) == ("word vectors for 2 of 5 words of the vocabulary (40.0%), 60.0% of the words in "
                                      "the training texts")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    write_vectors(tmp_path / "v.txt", WORDS, vectors)
    np.testing.assert_allclose(read_vectors(tmp_path / "v.txt", WORDS, 3).vectors[2:], vectors, rtol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["v.txt"]


@pytest.mark.parametrize(("text", "message"), [
    ("good 1 2 3\n", "has vectors of 3 numbers: add --embedding-size 3"),
    ("good 1 2\nfilm 1\n", "line 2: expected a word and 2 numbers"),
    ("good 1 x\n", "line 1: expected a word and 2 numbers"),
    ("good\n", "line 1: expected a word and 1 numbers"),
])
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_vectors(write(tmp_path / "v.txt", text), WORDS, 2)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file of word vectors: .*none\.txt"):
        read_vectors(tmp_path / "none.txt", WORDS, 2)
